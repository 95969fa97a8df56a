// SPDX-License-Identifier: MIT OR Apache-2.0
//! The agreement of a KBPK with another party.

use crate::error::Error;
use crate::hsm::slot::History;
use crate::hsm::{Hsm, ImportedKey, KeyHandle, Platform};
use crate::inject::agreement::{self, Identity, KbpkLen, Parties};
use crate::key::usage::{Attributes, Exportability, KeyAlgorithm, ModeOfUse, Usage};
use crate::key::{self, Key, role};
use crate::keyblock::optional::Pedigree;
use crate::policy::{Operation, Permission};

const fn kbpk(mode: ModeOfUse) -> Attributes {
    Attributes::new(Usage::K1, KeyAlgorithm::Aes, mode, Exportability::NonExportable)
}

/// The KBPK of the host's side.
#[cfg(feature = "host")]
const HOST_KBPK: Attributes = kbpk(ModeOfUse::Encrypt);
/// The KBPK of the terminal's side.
const TERMINAL_KBPK: Attributes = kbpk(ModeOfUse::Decrypt);

/// The agreement of a KBPK.
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
        self.agreement_key(authentication, &HOST_KBPK, &mut psk)?;
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
        self.agreement_key(authentication, &HOST_KBPK, &mut psk)?;
        let mut kbpk = Key::empty();
        let confirmation = initiator.finish(&psk, m2, &mut self.peers, &mut kbpk)?;
        let imported = self.admit_kbpk(&kbpk, &HOST_KBPK)?;
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
        self.agreement_key(authentication, &TERMINAL_KBPK, &mut psk)?;
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
        self.admit_kbpk(&kbpk, &TERMINAL_KBPK)
    }

    /// Drops and wipes what the terminal's side holds of an agreement; without one it does nothing.
    pub fn agreement_abort(&mut self) {
        self.responder.abort();
    }

    /// The authentication key, if it may give the KBPK of this side.
    fn agreement_key(
        &self,
        handle: KeyHandle,
        kbpk: &Attributes,
        out: &mut Key<role::MacKey, key::Aes>,
    ) -> Result<(), Error> {
        let slot = self.slots.get(handle)?;
        slot.take(Operation::AgreementAuthenticate, self.policy, out)?;
        if !slot.derivations().allows(kbpk) {
            return Err(Error::UsageNotPermitted);
        }
        Ok(())
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

    fn admit_kbpk(&mut self, kbpk: &Key<role::Kbpk, key::Aes>, attributes: &Attributes) -> Result<ImportedKey, Error> {
        // What it protects will have been protected by an asymmetric key.
        let history = History {
            pedigree: Some(Pedigree::ASYMMETRIC),
            ..History::default()
        };
        self.admit_with(attributes, history, kbpk.material()?)
    }
}
