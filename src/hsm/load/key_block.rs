// SPDX-License-Identifier: MIT OR Apache-2.0
//! Commands that bring keys in and out as key blocks.

use crate::ct;
use crate::entropy::Entropy;
use crate::error::Error;
use crate::hsm::slot;
use crate::hsm::{Hsm, ImportedKey, KeyHandle, Platform};
use crate::key::usage::{Attributes, Exportability, KeyAlgorithm, Usage, strength_bits};
use crate::key::{self, Key, role};
use crate::keyblock::header::{KeyContext, Version};
use crate::keyblock::optional::Optional;
use crate::keyblock::wrap::Template;
use crate::keyblock::{KbpkRef, KeyBlock, Payload, Profile, Unverified, Verified};
use crate::policy::Operation;
use crate::secret::SecretBuf;

/// A KBPK of either algorithm.
pub(in crate::hsm) enum Kbpk {
    Tdea(Key<role::Kbpk, key::Tdea>),
    Aes(Key<role::Kbpk, key::Aes>),
}

impl Kbpk {
    fn borrow(&self) -> KbpkRef<'_> {
        match self {
            Self::Tdea(key) => KbpkRef::Tdea(key),
            Self::Aes(key) => KbpkRef::Aes(key),
        }
    }

    fn strength_bits(&self) -> u16 {
        match self {
            Self::Tdea(key) => strength_bits(KeyAlgorithm::Tdea, key.len()),
            Self::Aes(key) => strength_bits(KeyAlgorithm::Aes, key.len()),
        }
    }

    /// Wraps a key that this one may protect: version D under AES, version B under TDEA.
    pub(in crate::hsm) fn wrap(
        &self,
        attributes: &Attributes,
        optional: &[Optional<'_>],
        material: &[u8],
        entropy: &mut impl Entropy,
        out: &mut [u8],
    ) -> Result<usize, Error> {
        if strength_bits(attributes.algorithm, material.len()) > self.strength_bits() {
            return Err(Error::KeyStrength);
        }
        let version = match self {
            Self::Tdea(_) => Version::B,
            Self::Aes(_) => Version::D,
        };
        Template::new(version, *attributes)
            .with_optional(optional)
            .wrap_stored(self.borrow(), material, entropy, out)
    }
}

impl<P: Platform> Hsm<'_, P> {
    /// Unwraps a key block into a slot.
    ///
    /// `kbpk`: a K1 key with mode of use D or B. `block`: the whole block, ASCII. `profile`: which dialect of the
    /// standard it is in. The block's attributes become the slot's. Initial DUKPT keys (B1) have no slot: see
    /// [`dukpt_load`](Self::dukpt_load).
    ///
    /// # Errors
    /// The state's and the handle's errors; [`Error::UsageNotPermitted`], [`Error::ModeNotPermitted`]; the format's
    /// errors, −3xx, one for each public field; [`Error::VerificationFailed`] for whatever is wrong under the MAC, and
    /// for a key that a slot of other usage already holds; then [`Error::KeyStrength`], [`Error::WeakKey`],
    /// [`Error::InvalidKeyLength`], [`Error::SlotsFull`].
    ///
    /// # Timing
    /// The header, the profile and the length of the block.
    ///
    /// # Source
    /// ANSI X9.143:2021; ISO 20038:2017. Vectors: `vectors/tr31.txt`.
    pub fn key_block_import(&mut self, kbpk: KeyHandle, block: &[u8], profile: Profile) -> Result<ImportedKey, Error> {
        self.operational()?;
        let mut payload = Payload::empty();
        let verified = self.open_block(kbpk, block, profile, &mut payload)?;
        let attributes = *verified.attributes();
        if attributes.usage == Usage::B1 {
            return Err(Error::UsageNotPermitted);
        }
        slot::judge_attributes(&attributes, self.policy)?;
        let mut material = SecretBuf::new();
        verified.stored(&mut material)?;
        self.admit(&attributes, material.expose())
    }

    /// Wraps a key for another party, in a version D block (AES KBPK) or version B block (TDEA KBPK).
    ///
    /// `kbpk`: a K1 key with mode of use E or B. The block's attributes are the slot's; the pad is random and hides the
    /// length of the key. Returns the length; the rest of `out` is zero.
    ///
    /// # Errors
    /// The state's and the handles' errors; [`Error::UsageNotPermitted`], [`Error::ModeNotPermitted`];
    /// [`Error::ExportNotPermitted`] unless the key's exportability is E; [`Error::KeyStrength`];
    /// [`Error::InvalidArgument`] for a key under itself, be it in another slot; [`Error::BufferTooSmall`]; [`Error::Entropy`]. `out` is wiped
    /// then.
    ///
    /// # Timing
    /// The attributes and the length of the KBPK.
    pub fn key_block_export(&mut self, kbpk: KeyHandle, key: KeyHandle, out: &mut [u8]) -> Result<usize, Error> {
        out.fill(0);
        self.operational()?;
        let mut protection = Kbpk::Tdea(Key::empty());
        self.kbpk(kbpk, Operation::KeyBlockWrap, &mut protection)?;
        let slot = self.slots.get(key)?;
        let attributes = slot.attributes()?;
        // The check values of the two keys show it just as well.
        ct::verdict(!self.slots.same_value(kbpk, key)?).map_err(|_| Error::InvalidArgument)?;
        if attributes.exportability != Exportability::Exportable {
            return Err(Error::ExportNotPermitted);
        }
        protection.wrap(attributes, &[], slot.material(), &mut self.platform, out)
    }

    /// Parses and verifies a block, and judges what only the verified block tells: strength.
    pub(in crate::hsm) fn open_block<'b, 'p>(
        &self,
        kbpk: KeyHandle,
        block: &'b [u8],
        profile: Profile,
        payload: &'p mut Payload,
    ) -> Result<KeyBlock<'b, Verified<'p>>, Error> {
        let mut protection = Kbpk::Tdea(Key::empty());
        self.kbpk(kbpk, Operation::KeyBlockUnwrap, &mut protection)?;
        let block = KeyBlock::<Unverified>::parse(block, profile)?;
        // A block for storage only was made by the device that keeps it; nobody else may take it in (X9.143, key context).
        if block.header().context == KeyContext::Storage {
            return Err(Error::KeyBlockReserved);
        }
        let verified = block.verify(protection.borrow(), payload)?;
        let attributes = verified.attributes();
        let len = match attributes.algorithm {
            // The curve of a key pair counts, not its encoding; others than P-256 come to nothing behind this.
            KeyAlgorithm::Ec => 32,
            _ => verified.key().len(),
        };
        if strength_bits(attributes.algorithm, len) > protection.strength_bits() {
            return Err(Error::KeyStrength);
        }
        Ok(verified)
    }

    pub(in crate::hsm) fn kbpk(&self, handle: KeyHandle, operation: Operation, out: &mut Kbpk) -> Result<(), Error> {
        let slot = self.slots.get(handle)?;
        match slot.attributes()?.algorithm {
            KeyAlgorithm::Aes => {
                *out = Kbpk::Aes(Key::empty());
            }
            _ => {
                *out = Kbpk::Tdea(Key::empty());
            }
        }
        // Filled where it stands: a key that moves leaves a copy.
        match out {
            Kbpk::Aes(key) => slot.take(operation, self.policy, key),
            Kbpk::Tdea(key) => slot.take(operation, self.policy, key),
        }
    }
}
