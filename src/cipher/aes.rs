// SPDX-License-Identifier: MIT OR Apache-2.0
//! AES with the key length chosen at run time (FIPS 197): over the `aes` crate, with AES-NI or the ARMv8 instructions where
//! the processor has them, and without an operating system in software of its own. Constant time in all of them.

#[cfg(not(target_os = "none"))]
use core::fmt;

#[cfg(not(target_os = "none"))]
use ::aes::{Aes128, Aes128Enc, Aes192, Aes192Enc, Aes256, Aes256Enc};
use cipher::{Block, BlockCipherEncrypt};
#[cfg(not(target_os = "none"))]
use cipher::{BlockCipherDecClosure, BlockCipherDecrypt, BlockCipherEncClosure, BlockSizeUser, KeyInit, consts::U16};

use crate::error::Error;

#[cfg(any(test, target_os = "none"))]
mod sliced;

#[cfg(target_os = "none")]
pub use self::sliced::Aes;

/// Block length in bytes.
pub const BLOCK_LEN: usize = 16;

#[cfg(not(target_os = "none"))]
macro_rules! aes {
    ($(#[$doc:meta])* $name:ident($schedule:ident): $aes128:ident, $aes192:ident, $aes256:ident) => {
        $(#[$doc])*
        pub struct $name($schedule);

        // The schedules live where the cipher lives: no heap to put the larger ones on.
        #[allow(clippy::large_enum_variant)]
        enum $schedule {
            Aes128($aes128),
            Aes192($aes192),
            Aes256($aes256),
        }

        impl $name {
            /// Schedules `key` of 16, 24 or 32 bytes.
            ///
            /// # Errors
            /// [`Error::InvalidKeyLength`] for any other length.
            pub fn new(key: &[u8]) -> Result<Self, Error> {
                let schedule = match key.len() {
                    16 => $aes128::new_from_slice(key).map($schedule::Aes128),
                    24 => $aes192::new_from_slice(key).map($schedule::Aes192),
                    _ => $aes256::new_from_slice(key).map($schedule::Aes256),
                };
                schedule.map(Self).map_err(|_| Error::InvalidKeyLength)
            }
        }

        impl BlockSizeUser for $name {
            type BlockSize = U16;
        }

        impl BlockCipherEncrypt for $name {
            fn encrypt_with_backend(&self, f: impl BlockCipherEncClosure<BlockSize = Self::BlockSize>) {
                match &self.0 {
                    $schedule::Aes128(c) => c.encrypt_with_backend(f),
                    $schedule::Aes192(c) => c.encrypt_with_backend(f),
                    $schedule::Aes256(c) => c.encrypt_with_backend(f),
                }
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.debug_struct(stringify!($name)).finish_non_exhaustive()
            }
        }
    };
}

#[cfg(not(target_os = "none"))]
aes! {
    /// AES-128, AES-192 or AES-256 with its key schedule. The key length is public.
    Aes(Schedule): Aes128, Aes192, Aes256
}

#[cfg(not(target_os = "none"))]
aes! {
    /// [`Aes`] for who only enciphers: with the processor's instructions the round keys of both directions are
    /// computed one from the other, and half of them is for nothing.
    AesEncrypt(EncryptSchedule): Aes128Enc, Aes192Enc, Aes256Enc
}

/// In software both directions have the same round keys, and flash has room for one copy of the cipher.
#[cfg(target_os = "none")]
pub type AesEncrypt = Aes;

/// Enciphers blocks under a key of 16, 24 or 32 bytes that is used this once. The schedule stays where it was made: room for
/// any of the three, which [`AesEncrypt`] has, is room to be moved.
///
/// # Errors
/// [`Error::InvalidKeyLength`] for any other length; the blocks are as they were.
#[cfg(not(target_os = "none"))]
pub fn encrypt_once(key: &[u8], blocks: &mut [Block<Aes>]) -> Result<(), Error> {
    fn with<C: BlockCipherEncrypt<BlockSize = U16> + KeyInit>(key: &[u8], blocks: &mut [Block<Aes>]) -> Result<(), Error> {
        let cipher = C::new_from_slice(key).map_err(|_| Error::InvalidKeyLength)?;
        for block in blocks {
            cipher.encrypt_block(block);
        }
        Ok(())
    }
    match key.len() {
        16 => with::<Aes128Enc>(key, blocks),
        24 => with::<Aes192Enc>(key, blocks),
        _ => with::<Aes256Enc>(key, blocks),
    }
}

/// Enciphers blocks under a key of 16, 24 or 32 bytes that is used this once.
///
/// # Errors
/// [`Error::InvalidKeyLength`] for any other length; the blocks are as they were.
#[cfg(target_os = "none")]
pub fn encrypt_once(key: &[u8], blocks: &mut [Block<Aes>]) -> Result<(), Error> {
    let cipher = Aes::new(key)?;
    for block in blocks {
        cipher.encrypt_block(block);
    }
    Ok(())
}

#[cfg(not(target_os = "none"))]
impl BlockCipherDecrypt for Aes {
    fn decrypt_with_backend(&self, f: impl BlockCipherDecClosure<BlockSize = Self::BlockSize>) {
        match &self.0 {
            Schedule::Aes128(c) => c.decrypt_with_backend(f),
            Schedule::Aes192(c) => c.decrypt_with_backend(f),
            Schedule::Aes256(c) => c.decrypt_with_backend(f),
        }
    }
}
