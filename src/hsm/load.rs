// SPDX-License-Identifier: MIT OR Apache-2.0
//! Commands that bring keys in and out: key blocks, the component ceremony, the key agreement.

#[cfg(feature = "ec")]
mod agreement;
mod ceremony;
mod key_block;
#[cfg(feature = "legacy")]
mod working;

use core::hint::black_box;

use crate::entropy::Entropy;
use crate::error::Error;
use crate::hsm::event::{LogEvent, Note};
use crate::hsm::slot::{self, History, KeyCheck, KeyInfo};
use crate::hsm::{Command, Event, Hsm, KeyHandle, Platform};
use crate::key::usage::{Attributes, KeyAlgorithm, Usage};
use crate::key::{self, kcv};
use crate::keyblock::optional::CheckMethod;
use crate::policy::Permission;
use crate::secret::SecretBuf;
use crate::weaken::guard;
#[cfg(feature = "ec")]
use crate::{
    ecdh::{self, PublicKey},
    key::{Key, role},
    policy::Operation,
    secret::Secret,
};

pub use self::key_block::Export;
pub(super) use self::key_block::{Kbpk, Way};

#[cfg(feature = "legacy")]
pub use self::working::WorkingKeys;

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
        self.allow(Command::KeyGenerate)?;
        slot::judge_attributes(attributes, self.policy)?;
        if attributes.usage == Usage::B1 {
            return Err(Error::UsageNotPermitted);
        }
        self.audit_ready()?;
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

    /// Compares a key check value that another party gave, for instance on paper.
    ///
    /// `value`: 3 bytes of a zero-block check value, 5 or 3 of a CMAC one; by [`Permission::KeyCheckLengths`] 2 to 5 of
    /// either. Zero-block values are compared only for keys that show one, see [`KeyCheck`].
    ///
    /// # Errors
    /// The state's and the handle's errors; [`Error::InvalidLength`]; [`Error::AlgorithmMismatch`] or
    /// [`Error::UsageNotPermitted`] for a key that has no such check value; [`Error::VerificationFailed`] for another value.
    ///
    /// # Timing
    /// Constant for each algorithm and key length.
    ///
    /// # Source
    /// ANSI X9.24-1:2017 annex A. Vectors: `vectors/key_management.txt`, operation `kcv`.
    pub fn key_check(&self, key: KeyHandle, method: CheckMethod, value: &[u8]) -> Result<(), Error> {
        self.pend();
        self.allow_reading(Command::KeyCheck)?;
        let checked = self.denial.verified(|| self.check_key(key, method, black_box(value)));
        self.concluded(checked)
    }

    #[inline(never)]
    fn check_key(&self, key: KeyHandle, method: CheckMethod, value: &[u8]) -> Result<(), Error> {
        let slot = self.slots.get(key)?;
        let attributes = slot.attributes()?;
        let usual = match method {
            CheckMethod::Legacy => value.len() == 3,
            CheckMethod::Cmac => matches!(value.len(), 3 | 5),
        };
        let other = self.policy.has(Permission::KeyCheckLengths) && (2..=KeyCheck::MAX_LEN).contains(&value.len());
        if !usual && !other {
            return Err(Error::InvalidLength);
        }
        match (method, attributes.algorithm) {
            (CheckMethod::Cmac, KeyAlgorithm::Tdea | KeyAlgorithm::Aes) => {
                kcv::verify_cmac(attributes.algorithm, slot.material(), value)
            }
            (CheckMethod::Legacy, KeyAlgorithm::Tdea) if !guard!("H01" | "H02", !KeyCheck::is_legacy(attributes)) => {
                kcv::verify_legacy(attributes.algorithm, slot.material(), value)
            }
            (CheckMethod::Legacy, KeyAlgorithm::Tdea) => Err(Error::UsageNotPermitted),
            _ => Err(Error::AlgorithmMismatch),
        }
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
    pub fn key_public(&mut self, key: KeyHandle) -> Result<PublicKey, Error> {
        self.allow(Command::KeyPublic)?;
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
        self.admit_with(attributes, History::default(), material)
    }

    pub(super) fn admit_with(
        &mut self,
        attributes: &Attributes,
        history: History,
        material: &[u8],
    ) -> Result<ImportedKey, Error> {
        self.settle_slots();
        let key = self.slots.admit(attributes, history, material, self.policy)?;
        self.life.happen(Event::Populated);
        let info = self.slots.get(key)?.info()?;
        let note = Note::of(LogEvent::KeyLoad).at(key.place()).check(&info.check);
        if let Err(error) = self.note(note) {
            self.slots.erase(key)?;
            return Err(error);
        }
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
