// SPDX-License-Identifier: MIT OR Apache-2.0
//! Block ciphers with constant-time code, and the modes without padding.
//!
//! [`tdes`] is our own: bit-parallel S-boxes, no table indexed by a secret. [`aes`] chooses a key length at run time
//! over the `aes` crate. Both stand behind the RustCrypto `cipher` traits, so that generic code (CMAC) takes them.

pub mod aes;
#[cfg(feature = "host")]
pub mod bitslice;
#[cfg(any(feature = "host", not(any(payhsm_portable, target_os = "none"))))]
pub(crate) mod cpu;
#[cfg(feature = "host")]
pub mod interleave;
pub mod modes;
pub mod tdes;
