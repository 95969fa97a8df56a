// SPDX-License-Identifier: MIT OR Apache-2.0
//! AES with the key length chosen at run time (FIPS 197), over the `aes` crate: AES-NI or the ARMv8 instructions where
//! the processor has them, fixsliced software elsewhere. Constant time in all of them.

use core::fmt;

use ::aes::{Aes128, Aes192, Aes256};
use cipher::{
    BlockCipherDecClosure, BlockCipherDecrypt, BlockCipherEncClosure, BlockCipherEncrypt, BlockSizeUser, KeyInit,
    consts::U16,
};

use crate::error::Error;

/// Block length in bytes.
pub const BLOCK_LEN: usize = 16;

/// AES-128, AES-192 or AES-256 with its key schedule. The key length is public.
pub struct Aes(Schedule);

// The schedules live where the cipher lives: no heap to put the larger ones on.
#[allow(clippy::large_enum_variant)]
enum Schedule {
    Aes128(Aes128),
    Aes192(Aes192),
    Aes256(Aes256),
}

impl Aes {
    /// Schedules `key` of 16, 24 or 32 bytes.
    ///
    /// # Errors
    /// [`Error::InvalidKeyLength`] for any other length.
    pub fn new(key: &[u8]) -> Result<Self, Error> {
        let schedule = match key.len() {
            16 => Aes128::new_from_slice(key).map(Schedule::Aes128),
            24 => Aes192::new_from_slice(key).map(Schedule::Aes192),
            _ => Aes256::new_from_slice(key).map(Schedule::Aes256),
        };
        schedule.map(Self).map_err(|_| Error::InvalidKeyLength)
    }
}

impl BlockSizeUser for Aes {
    type BlockSize = U16;
}

impl BlockCipherEncrypt for Aes {
    fn encrypt_with_backend(&self, f: impl BlockCipherEncClosure<BlockSize = Self::BlockSize>) {
        match &self.0 {
            Schedule::Aes128(c) => c.encrypt_with_backend(f),
            Schedule::Aes192(c) => c.encrypt_with_backend(f),
            Schedule::Aes256(c) => c.encrypt_with_backend(f),
        }
    }
}

impl BlockCipherDecrypt for Aes {
    fn decrypt_with_backend(&self, f: impl BlockCipherDecClosure<BlockSize = Self::BlockSize>) {
        match &self.0 {
            Schedule::Aes128(c) => c.decrypt_with_backend(f),
            Schedule::Aes192(c) => c.decrypt_with_backend(f),
            Schedule::Aes256(c) => c.decrypt_with_backend(f),
        }
    }
}

impl fmt::Debug for Aes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Aes").finish_non_exhaustive()
    }
}
