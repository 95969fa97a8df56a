// SPDX-License-Identifier: MIT OR Apache-2.0
//! Commands that bring keys in and out: key blocks, the component ceremony, the key agreement.

use crate::ct;
use crate::entropy::Entropy;
use crate::error::Error;
use crate::hsm::slot::{self, KeyInfo};
use crate::hsm::{Hsm, KeyHandle, Platform, Question, State};
#[cfg(feature = "ec")]
use crate::inject::agreement::{self, Identity, KbpkLen, Parties};
use crate::inject::component::{Ceremony, CheckValue, CustodianId};
#[cfg(feature = "ec")]
use crate::key::usage::ModeOfUse;
use crate::key::usage::{Attributes, Exportability, KeyAlgorithm, Usage, strength_bits};
use crate::key::{self, Key, role};
use crate::keyblock::header::{KeyContext, Version};
use crate::keyblock::optional::Optional;
use crate::keyblock::wrap::Template;
use crate::keyblock::{KbpkRef, KeyBlock, Payload, Profile, Unverified, Verified};
use crate::policy::Operation;
#[cfg(feature = "ec")]
use crate::policy::Permission;
use crate::secret::SecretBuf;

/// A key that came in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ImportedKey {
    /// Its handle.
    pub key: KeyHandle,
    /// What is public about it: compare the check value with the sender's.
    pub info: KeyInfo,
}

/// A KBPK of either algorithm.
pub(super) enum Kbpk {
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
    pub(super) fn wrap(
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
            .wrap_material(self.borrow(), material, entropy, out)
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
        let key = self.slots.admit(&attributes, verified.key(), self.policy)?;
        let info = self.slots.get(key)?.info()?;
        Ok(ImportedKey { key, info })
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
        let key = self.slots.admit(attributes, material.expose(), self.policy)?;
        let info = self.slots.get(key)?.info()?;
        Ok(ImportedKey { key, info })
    }

    /// Parses and verifies a block, and judges what only the verified block tells: strength.
    pub(super) fn open_block<'b, 'p>(
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
        if strength_bits(attributes.algorithm, verified.key().len()) > protection.strength_bits() {
            return Err(Error::KeyStrength);
        }
        Ok(verified)
    }

    pub(super) fn kbpk(&self, handle: KeyHandle, operation: Operation, out: &mut Kbpk) -> Result<(), Error> {
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

/// The check value of 3 (zero block) or 5 bytes (CMAC) that came with a component or key; none if empty.
fn check_value(kcv: &[u8]) -> Result<Option<CheckValue>, Error> {
    if kcv.is_empty() {
        return Ok(None);
    }
    if let Ok(cmac) = kcv.try_into() {
        return Ok(Some(CheckValue::Cmac(cmac)));
    }
    let legacy = kcv.try_into().map_err(|_| Error::InvalidLength)?;
    Ok(Some(CheckValue::Legacy(legacy)))
}

/// The component ceremony.
impl<P: Platform> Hsm<'_, P> {
    /// Opens a ceremony in which custodians enter the components of a key. Until it ends no other command runs. The
    /// platform is asked first ([`Question::Ceremony`]).
    ///
    /// `len`: of the key in bytes, 16 or 24 (TDEA), 16, 24 or 32 (AES); `components`: 2 to 9; `kcv`: the check value
    /// that the key must have, 5 bytes of CMAC or, TDEA only, 3 of the enciphered zero block, or nothing. Parity bits
    /// stay as the components give them.
    ///
    /// # Errors
    /// The state's error, [`Error::BadState`] if a ceremony is open; what [`Attributes::check`] says;
    /// [`Error::ModeNotPermitted`] for mode N and for a P0 key with mode B without the permission;
    /// [`Error::KeyBlockKeyVersion`] for the version of a component; [`Error::UsageNotPermitted`] for an initial DUKPT key; [`Error::InvalidKeyLength`], [`Error::InvalidArgument`]
    /// for the number, [`Error::InvalidLength`] or [`Error::AlgorithmMismatch`] for `kcv`; the platform's refusal.
    pub fn component_begin(
        &mut self,
        attributes: &Attributes,
        len: usize,
        components: u8,
        kcv: &[u8],
    ) -> Result<(), Error> {
        self.operational()?;
        slot::judge_attributes(attributes, self.policy)?;
        if attributes.usage == Usage::B1 {
            return Err(Error::UsageNotPermitted);
        }
        let mut ceremony = Ceremony::new(attributes.algorithm, len, components.into())?;
        if let Some(kcv) = check_value(kcv)? {
            ceremony = ceremony.expect(kcv)?;
        }
        if self.assembly.is_open() {
            return Err(Error::BadState);
        }
        self.platform.decide(&Question::Ceremony { attributes })?;
        self.assembly.begin(&ceremony)?;
        self.ceremony = Some(*attributes);
        self.state = State::Loading;
        Ok(())
    }

    /// Takes a component from a custodian; each custodian gives one. `kcv`: its check value as above, or nothing.
    ///
    /// # Errors
    /// [`Error::BadState`] if no ceremony is open, or all components are there, [`Error::Tampered`];
    /// [`Error::Component`] for a custodian who has given one; [`Error::InvalidKeyLength`]; [`Error::InvalidLength`] or
    /// [`Error::AlgorithmMismatch`] for the form of `kcv`; [`Error::VerificationFailed`] for its value, and for a component
    /// that was given before; [`Error::WeakKey`] for one of all zeros. The ceremony is over after every error, and what was
    /// entered is wiped.
    ///
    /// # Timing
    /// Constant for each key length and number of components.
    pub fn component_add(&mut self, custodian: u32, component: &[u8], kcv: &[u8]) -> Result<(), Error> {
        self.loading()?;
        let result = check_value(kcv).and_then(|kcv| self.assembly.add(CustodianId(custodian), component, kcv));
        if result.is_err() {
            self.end_ceremony();
        }
        result.map(|_| ())
    }

    /// Ends the ceremony: the exclusive or of the components becomes a key in a slot.
    ///
    /// # Errors
    /// [`Error::BadState`] if no ceremony is open or components are missing, [`Error::Tampered`];
    /// [`Error::VerificationFailed`] for the check value; [`Error::WeakKey`], [`Error::SlotsFull`]. The ceremony is over
    /// in every case.
    pub fn component_finish(&mut self) -> Result<ImportedKey, Error> {
        self.loading()?;
        let attributes = self.ceremony.ok_or(Error::BadState);
        let mut material = SecretBuf::<{ slot::KEY_CAPACITY }>::new();
        let assembled = self.assembly.finish_into(&mut material);
        self.end_ceremony();
        assembled?;
        let key = self.slots.admit(&attributes?, material.expose(), self.policy)?;
        let info = self.slots.get(key)?.info()?;
        Ok(ImportedKey { key, info })
    }

    /// Ends the ceremony without a key and wipes what was entered; without one it does nothing.
    ///
    /// # Errors
    /// [`Error::Tampered`].
    pub fn component_abort(&mut self) -> Result<(), Error> {
        match self.state {
            State::Loading => self.end_ceremony(),
            State::Operational => {}
            State::Tampered => return Err(Error::Tampered),
        }
        Ok(())
    }

    const fn loading(&self) -> Result<(), Error> {
        match self.state {
            State::Loading => Ok(()),
            State::Operational => Err(Error::BadState),
            State::Tampered => Err(Error::Tampered),
        }
    }

    fn end_ceremony(&mut self) {
        self.assembly.abort();
        self.ceremony = None;
        self.state = State::Operational;
    }
}

/// The agreement of a KBPK.
#[cfg(feature = "ec")]
impl<P: Platform> Hsm<'_, P> {
    /// Begins an agreement: the host's side. Gives the first message. An earlier one that was not finished is wiped.
    ///
    /// `authentication`: a B3 AES key with mode of use X that both parties hold; identities: 1 to 32 bytes each, not
    /// equal; `kbpk_len`: 16 bytes, by [`Permission::LongKbpk`] also 24 or 32.
    ///
    /// # Errors
    /// The state's and the handle's errors; [`Error::UsageNotPermitted`], [`Error::ModeNotPermitted`];
    /// [`Error::InvalidLength`], [`Error::InvalidArgument`] for the identities; [`Error::InvalidKeyLength`];
    /// [`Error::Entropy`].
    ///
    /// # Timing
    /// That of P-256 arithmetic: constant but for drawing the private key again.
    ///
    /// # Source
    /// [`inject::agreement`](crate::inject::agreement).
    #[cfg(feature = "host")]
    pub fn agreement_begin(
        &mut self,
        authentication: KeyHandle,
        host: &[u8],
        terminal: &[u8],
        kbpk_len: usize,
    ) -> Result<[u8; agreement::M1_LEN], Error> {
        self.operational()?;
        self.initiator.abort();
        let mut psk = Key::empty();
        self.agreement_key(authentication, &mut psk)?;
        let parties = self.parties(host, terminal, kbpk_len)?;
        let m1 = self.initiator.start(&parties, &mut self.platform)?;
        self.initiator_key = Some(authentication);
        Ok(m1)
    }

    /// Takes the terminal's answer and, if it verifies, releases the KBPK: usage K1, mode of use E, not exportable. Gives
    /// the confirmation for the terminal. The agreement is over in every case.
    ///
    /// # Errors
    /// [`Error::BadState`] if none is waiting; [`Error::InvalidHandle`] if the authentication key is gone;
    /// [`Error::EcPoint`]; [`Error::VerificationFailed`]; [`Error::SlotsFull`]; the state's error.
    #[cfg(feature = "host")]
    pub fn agreement_confirm(
        &mut self,
        m2: &[u8; agreement::M2_LEN],
    ) -> Result<(ImportedKey, [u8; agreement::M3_LEN]), Error> {
        self.operational()?;
        let initiator = self.initiator.take();
        let authentication = self.initiator_key.take().ok_or(Error::BadState)?;
        let mut psk = Key::empty();
        self.agreement_key(authentication, &mut psk)?;
        let mut kbpk = Key::empty();
        let confirmation = initiator.finish(&psk, m2, &mut self.peers, &mut kbpk)?;
        let imported = self.admit_kbpk(&kbpk, ModeOfUse::Encrypt)?;
        Ok((imported, confirmation.m3))
    }

    /// Answers a host's first message: the terminal's side. An earlier agreement that was not finished is wiped.
    ///
    /// `authentication`, identities and `kbpk_len` are the same as on the host's side: a B3 AES key with mode of use X; 1 to
    /// 32 bytes each; 16, by [`Permission::LongKbpk`] also 24 or 32.
    ///
    /// # Errors
    /// The state's and the handle's errors; [`Error::UsageNotPermitted`], [`Error::ModeNotPermitted`];
    /// [`Error::InvalidLength`], [`Error::InvalidArgument`] for the identities; [`Error::InvalidKeyLength`];
    /// [`Error::EcPoint`] for the host's key; [`Error::Entropy`].
    pub fn agreement_answer(
        &mut self,
        authentication: KeyHandle,
        host: &[u8],
        terminal: &[u8],
        kbpk_len: usize,
        m1: &[u8; agreement::M1_LEN],
    ) -> Result<[u8; agreement::M2_LEN], Error> {
        self.operational()?;
        self.responder.abort();
        let mut psk = Key::empty();
        self.agreement_key(authentication, &mut psk)?;
        let parties = self.parties(host, terminal, kbpk_len)?;
        self.responder
            .answer(&psk, &parties, m1, &self.peers, &mut self.platform)
    }

    /// Takes the host's confirmation and, if it verifies, releases the KBPK: usage K1, mode of use D, not exportable. The
    /// agreement is over in every case.
    ///
    /// # Errors
    /// [`Error::BadState`] if none is waiting; [`Error::VerificationFailed`]; [`Error::SlotsFull`]; the state's error.
    pub fn agreement_finish(&mut self, m3: &[u8; agreement::M3_LEN]) -> Result<ImportedKey, Error> {
        self.operational()?;
        let responder = self.responder.take();
        let mut kbpk = Key::empty();
        responder.finish(m3, &mut self.peers, &mut kbpk)?;
        self.admit_kbpk(&kbpk, ModeOfUse::Decrypt)
    }

    /// Drops and wipes what the terminal's side holds of an agreement; without one it does nothing.
    pub fn agreement_abort(&mut self) {
        self.responder.abort();
    }

    fn agreement_key(&self, handle: KeyHandle, out: &mut Key<role::MacKey, key::Aes>) -> Result<(), Error> {
        self.slots
            .get(handle)?
            .take(Operation::AgreementAuthenticate, self.policy, out)
    }

    fn parties(&self, host: &[u8], terminal: &[u8], kbpk_len: usize) -> Result<Parties, Error> {
        let len = match kbpk_len {
            16 => KbpkLen::Aes128,
            24 if self.policy.has(Permission::LongKbpk) => KbpkLen::Aes192,
            32 if self.policy.has(Permission::LongKbpk) => KbpkLen::Aes256,
            _ => return Err(Error::InvalidKeyLength),
        };
        Parties::new(Identity::new(host)?, Identity::new(terminal)?, len)
    }

    fn admit_kbpk(&mut self, kbpk: &Key<role::Kbpk, key::Aes>, mode: ModeOfUse) -> Result<ImportedKey, Error> {
        let attributes = Attributes::new(Usage::K1, KeyAlgorithm::Aes, mode, Exportability::NonExportable);
        let key = self.slots.admit(&attributes, kbpk.material()?, self.policy)?;
        let info = self.slots.get(key)?.info()?;
        Ok(ImportedKey { key, info })
    }
}
