// SPDX-License-Identifier: MIT OR Apache-2.0
//! Commands that bring keys in and out: key blocks, the component ceremony, the key agreement.

#[cfg(feature = "ec")]
mod agreement;
mod ceremony;
mod key_block;

#[cfg(feature = "ec")]
use crate::entropy::Entropy;
use crate::error::Error;
use crate::hsm::slot::{self, KeyInfo};
use crate::hsm::{Hsm, KeyHandle, Platform};
use crate::key;
use crate::key::usage::{Attributes, KeyAlgorithm, Usage};
use crate::secret::SecretBuf;
#[cfg(feature = "ec")]
use crate::{
    ecdh::{self, PublicKey},
    key::{Key, role},
    policy::Operation,
    secret::Secret,
};

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
    /// `len`: 16 or 24 bytes (TDEA), 16, 24 or 32 (AES), 32 (a signature key of P-256). TDEA keys have odd parity.
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
        match attributes.algorithm {
            #[cfg(feature = "ec")]
            KeyAlgorithm::Ec => draw_scalar(&mut self.platform, bytes)?,
            KeyAlgorithm::Tdea => {
                self.platform.fill(bytes)?;
                key::parity::set_odd(bytes);
            }
            _ => self.platform.fill(bytes)?,
        }
        self.admit(attributes, material.expose())
    }

    /// The public key of a signature key: `04 || X || Y`.
    ///
    /// # Errors
    /// The state's and the handle's errors; [`Error::UsageNotPermitted`], [`Error::ModeNotPermitted`],
    /// [`Error::AlgorithmMismatch`] for other keys.
    ///
    /// # Timing
    /// Constant.
    #[cfg(feature = "ec")]
    pub fn key_public(&self, key: KeyHandle) -> Result<PublicKey, Error> {
        self.operational()?;
        let mut private = Key::<role::Signing, key::Ec>::empty();
        self.slots
            .get(key)?
            .take(Operation::PublicKey, self.policy, &mut private)?;
        let mut scalar = Secret::zeroed();
        *scalar.expose_mut() = *private.material()?.first_chunk().ok_or(Error::Internal)?;
        ecdh::public_of(&scalar)
    }

    /// Judges a key and puts it into a free slot.
    pub(super) fn admit(&mut self, attributes: &Attributes, material: &[u8]) -> Result<ImportedKey, Error> {
        let key = self.slots.admit(attributes, material, self.policy)?;
        let info = self.slots.get(key)?.info()?;
        Ok(ImportedKey { key, info })
    }
}

/// How often a scalar outside 1 to n-1 is drawn again: that happens once in 2^32 draws.
#[cfg(feature = "ec")]
const MAX_DRAWS: usize = 4;

/// A private key of P-256 (FIPS 186-5 A.2.2, testing candidates).
#[cfg(feature = "ec")]
fn draw_scalar(entropy: &mut impl Entropy, out: &mut [u8]) -> Result<(), Error> {
    let out: &mut [u8; 32] = out.try_into().map_err(|_| Error::InvalidKeyLength)?;
    let mut candidate = Secret::zeroed();
    for _ in 0..MAX_DRAWS {
        entropy.fill(candidate.expose_mut())?;
        if ecdh::public_of(&candidate).is_ok() {
            *out = *candidate.expose();
            return Ok(());
        }
    }
    Err(Error::Entropy)
}
