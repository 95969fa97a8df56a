// SPDX-License-Identifier: MIT OR Apache-2.0
//! Block ciphers with constant-time code, and the modes without padding.
//!
//! [`tdes`] is our own: bit-parallel S-boxes, no table indexed by a secret. [`aes`] chooses a key length at run time
//! over the `aes` crate, and without an operating system in software of its own. Both stand behind the RustCrypto `cipher` traits, so that generic code (CMAC) takes them.

/// A cipher under a key, in the variable that is named. Without an operating system it is scheduled in its place: each
/// `Result` that it came in would take its length of the stack once more.
macro_rules! scheduled {
    (let $cipher:ident = $type:ty, $key:expr) => {
        #[cfg(target_os = "none")]
        let mut $cipher = <$type>::IDLE;
        #[cfg(target_os = "none")]
        $cipher.set($key)?;
        #[cfg(not(target_os = "none"))]
        let $cipher = <$type>::new($key)?;
    };
}

pub mod aes;
#[cfg(feature = "host")]
pub mod bitslice;
#[cfg(any(feature = "host", not(any(payhsm_portable, target_os = "none"))))]
pub(crate) mod cpu;
#[cfg(feature = "host")]
pub mod interleave;
pub mod modes;
pub mod tdes;

pub(crate) use scheduled;
