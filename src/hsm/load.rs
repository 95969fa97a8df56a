// SPDX-License-Identifier: MIT OR Apache-2.0
//! Commands that bring keys in and out: key blocks, the component ceremony, the key agreement.

#[cfg(feature = "ec")]
mod agreement;
mod ceremony;
mod key_block;

use crate::error::Error;
use crate::hsm::slot::{self, KeyInfo};
use crate::hsm::{Hsm, KeyHandle, Platform};
use crate::key;
use crate::key::usage::{Attributes, KeyAlgorithm, Usage};
use crate::secret::SecretBuf;

#[cfg(feature = "host")]
pub(super) use self::key_block::Kbpk;

/// A key that came in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ImportedKey {
    /// Its handle.
    pub key: KeyHandle,
    /// What is public about it: compare the check value with the sender's.
    pub info: KeyInfo,
}

impl<P: Platform> Hsm<'_, P> {
    /// Makes a random key in a slot.
    ///
    /// `len`: 16 or 24 bytes (TDEA), 16, 24 or 32 (AES). TDEA keys have odd parity.
    ///
    /// # Errors
    /// The state's error; what [`Attributes::check`] says; [`Error::InvalidKeyLength`]; [`Error::Entropy`];
    /// [`Error::WeakKey`] with negligible probability; [`Error::SlotsFull`].
    pub fn key_generate(&mut self, attributes: &Attributes, len: usize) -> Result<ImportedKey, Error> {
        self.operational()?;
        slot::judge_attributes(attributes, self.policy)?;
        if attributes.usage == Usage::B1 {
            return Err(Error::UsageNotPermitted);
        }
        let mut material = SecretBuf::<{ slot::KEY_CAPACITY }>::new();
        let bytes = material.reset(len).map_err(|_| Error::InvalidKeyLength)?;
        self.platform.fill(bytes)?;
        if attributes.algorithm == KeyAlgorithm::Tdea {
            key::parity::set_odd(bytes);
        }
        self.admit(attributes, material.expose())
    }

    /// Judges a key and puts it into a free slot.
    pub(super) fn admit(&mut self, attributes: &Attributes, material: &[u8]) -> Result<ImportedKey, Error> {
        let key = self.slots.admit(attributes, material, self.policy)?;
        let info = self.slots.get(key)?.info()?;
        Ok(ImportedKey { key, info })
    }
}
