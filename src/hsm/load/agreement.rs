// SPDX-License-Identifier: MIT OR Apache-2.0
//! The agreement of a KBPK with another party.

use core::hint::black_box;

use crate::ecdh::PublicKey;
use crate::ecdsa::SigningKey;
use crate::error::Error;
use crate::hsm::slot::History;
use crate::hsm::{Command, Hsm, ImportedKey, KeyHandle, Platform, Question};
use crate::inject::agreement::unauthenticated::{Kdf, MAX_INFO_LEN};
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
        self.allow(Command::AgreementBegin)?;
        self.initiator.abort();
        let mut psk = Key::empty();
        self.agreement_key(authentication, &HOST_KBPK, &mut psk)?;
        let parties = self.parties(host, terminal, kbpk_len)?;
        self.commit_uses()?;
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
        self.pend();
        self.allow(Command::AgreementConfirm)?;
        let initiator = self.initiator.take();
        let authentication = self.initiator_key.take().ok_or(Error::BadState)?;
        let mut psk = Key::empty();
        self.agreement_key(authentication, &HOST_KBPK, &mut psk)?;
        let mut kbpk = Key::empty();
        self.commit_uses()?;
        let confirmation = initiator.finish(&psk, m2, &mut self.peers, &mut kbpk);
        let confirmation = self.ruled(confirmation)?;
        let imported = self.admit_kbpk(&kbpk, &HOST_KBPK);
        let imported = self.concluded(imported)?;
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
        self.allow(Command::AgreementAnswer)?;
        self.responder.abort();
        let mut psk = Key::empty();
        self.agreement_key(authentication, &TERMINAL_KBPK, &mut psk)?;
        let parties = self.parties(host, terminal, kbpk_len)?;
        self.commit_uses()?;
        self.responder
            .answer(&psk, &parties, m1, &self.peers, &mut self.platform)
    }

    /// Takes the host's confirmation and, if it verifies, releases the KBPK: usage K1, mode of use D, not exportable. The
    /// agreement is over in every case.
    ///
    /// # Errors
    /// [`Error::BadState`] if none is waiting; [`Error::VerificationFailed`]; [`Error::SlotsFull`]; the state's error.
    pub fn agreement_finish(&mut self, m3: &[u8; agreement::M3_LEN]) -> Result<ImportedKey, Error> {
        self.pend();
        self.allow(Command::AgreementFinish)?;
        let responder = self.responder.take();
        let mut kbpk = Key::empty();
        self.denial.judged_before(|| responder.judge(m3))?;
        let released = responder.finish(black_box(m3), &mut self.peers, &mut kbpk);
        self.ruled(released)?;
        let admitted = self.admit_kbpk(&kbpk, &TERMINAL_KBPK);
        self.concluded(admitted)
    }

    /// Begins an agreement with signatures: the host's side. Gives the first message. An earlier one that was not finished
    /// is wiped.
    ///
    /// `signing`: the host's S0 key of P-256 with mode of use S; identities and `kbpk_len` as in
    /// [`agreement_begin`](Self::agreement_begin).
    ///
    /// # Errors
    /// As [`agreement_begin`](Self::agreement_begin).
    #[cfg(feature = "host")]
    pub fn agreement_begin_signed(
        &mut self,
        signing: KeyHandle,
        host: &[u8],
        terminal: &[u8],
        kbpk_len: usize,
    ) -> Result<[u8; agreement::M1_LEN], Error> {
        self.allow(Command::AgreementBeginSigned)?;
        self.initiator.abort();
        self.signing_key(signing, &mut SigningKey::empty())?;
        let parties = self.parties(host, terminal, kbpk_len)?;
        self.commit_uses()?;
        let m1 = self.initiator.start(&parties, &mut self.platform)?;
        self.initiator_key = Some(signing);
        Ok(m1)
    }

    /// As [`agreement_confirm`](Self::agreement_confirm) for an agreement with signatures.
    ///
    /// `peer`: the public key of the terminal's signing key, 65 or 33 bytes. The platform is asked whether it is
    /// ([`Question::PeerKey`]): whoever may name any key can agree with himself.
    ///
    /// # Errors
    /// As [`agreement_confirm`](Self::agreement_confirm); [`Error::EcPoint`] also for `peer`; the platform's refusal.
    #[cfg(feature = "host")]
    pub fn agreement_confirm_signed(
        &mut self,
        peer: &[u8],
        m2: &[u8; agreement::SIGNED_M2_LEN],
    ) -> Result<(ImportedKey, [u8; agreement::SIGNED_M3_LEN]), Error> {
        self.allow(Command::AgreementConfirmSigned)?;
        let initiator = self.initiator.take();
        let signing = self.initiator_key.take().ok_or(Error::BadState)?;
        let mut own = SigningKey::empty();
        self.signing_key(signing, &mut own)?;
        let peer = self.peer_key(initiator.parties().terminal(), peer)?;
        let mut kbpk = Key::empty();
        let confirmation = initiator.finish_signed(&own, &peer, m2, &mut self.peers, &mut kbpk)?;
        let imported = self.admit_kbpk(&kbpk, &HOST_KBPK)?;
        Ok((imported, confirmation.m3))
    }

    /// Answers a host's first message of an agreement with signatures: the terminal's side. An earlier agreement that was
    /// not finished is wiped.
    ///
    /// `signing`: the terminal's S0 key of P-256 with mode of use S. `peer`: the public key of the host's signing key,
    /// 65 or 33 bytes; the platform is asked whether it is ([`Question::PeerKey`]). The rest is as in
    /// [`agreement_answer`](Self::agreement_answer).
    ///
    /// # Errors
    /// As [`agreement_answer`](Self::agreement_answer); [`Error::EcPoint`] also for `peer`; the platform's refusal.
    pub fn agreement_answer_signed(
        &mut self,
        signing: KeyHandle,
        peer: &[u8],
        host: &[u8],
        terminal: &[u8],
        kbpk_len: usize,
        m1: &[u8; agreement::M1_LEN],
    ) -> Result<[u8; agreement::SIGNED_M2_LEN], Error> {
        self.allow(Command::AgreementAnswerSigned)?;
        self.responder.abort();
        let mut own = SigningKey::empty();
        self.signing_key(signing, &mut own)?;
        let parties = self.parties(host, terminal, kbpk_len)?;
        let peer = self.peer_key(parties.host(), peer)?;
        self.responder
            .answer_signed(&own, &peer, &parties, m1, &self.peers, &mut self.platform)
    }

    /// As [`agreement_finish`](Self::agreement_finish) for an agreement with signatures.
    ///
    /// # Errors
    /// As [`agreement_finish`](Self::agreement_finish).
    pub fn agreement_finish_signed(&mut self, m3: &[u8; agreement::SIGNED_M3_LEN]) -> Result<ImportedKey, Error> {
        self.pend();
        self.allow(Command::AgreementFinishSigned)?;
        let responder = self.responder.take();
        let mut kbpk = Key::empty();
        let released = responder.finish_signed(m3, &mut self.peers, &mut kbpk);
        self.ruled(released)?;
        let admitted = self.admit_kbpk(&kbpk, &TERMINAL_KBPK);
        self.concluded(admitted)
    }

    /// Begins an agreement that authenticates nobody, for a peer that has no other: gives the public key of a new
    /// ephemeral key. An earlier one that was not finished is wiped.
    ///
    /// Only with [`Permission::UnauthenticatedAgreement`].
    ///
    /// # Errors
    /// The state's error; [`Error::Refused`] without the permission; [`Error::Entropy`].
    ///
    /// # Timing
    /// That of P-256 arithmetic: constant but for drawing the private key again.
    ///
    /// # Source
    /// [`inject::agreement::unauthenticated`](crate::inject::agreement::unauthenticated).
    pub fn agreement_unauthenticated_begin(&mut self) -> Result<PublicKey, Error> {
        self.allow(Command::AgreementUnauthenticatedBegin)?;
        self.bare_agreement.abort();
        self.may_agree_unauthenticated()?;
        self.bare_agreement.start(&mut self.platform)
    }

    /// Takes the peer's public key and makes the KBPK: usage K1, not exportable. The agreement is over in every case.
    /// Compare the check value with the peer's.
    ///
    /// `peer`: 65 or 33 bytes. `info`: 1 to 1024 bytes that both sides know, new for every agreement. `kbpk_len`: 16, by
    /// [`Permission::LongKbpk`] also 24 or 32. `mode`: D to take keys, E to give keys. The platform is asked whether
    /// keys may be exchanged with the owner of that public key ([`Question::UnauthenticatedPeer`]): here is the place to
    /// judge its certificate, for nothing else does.
    ///
    /// # Errors
    /// [`Error::BadState`] if none is waiting; [`Error::Refused`] without the permission, or by the platform;
    /// [`Error::EcPoint`] for a public key that is malformed, is our own or was used before; [`Error::InvalidLength`] for
    /// `info`; [`Error::InvalidKeyLength`]; [`Error::ModeNotPermitted`]; [`Error::SlotsFull`]; the state's error.
    ///
    /// # Timing
    /// That of P-256 arithmetic: constant.
    pub fn agreement_unauthenticated_finish(
        &mut self,
        peer: &[u8],
        kdf: Kdf,
        info: &[u8],
        kbpk_len: usize,
        mode: ModeOfUse,
    ) -> Result<ImportedKey, Error> {
        self.allow(Command::AgreementUnauthenticatedFinish)?;
        let run = self.bare_agreement.take();
        self.may_agree_unauthenticated()?;
        if !run.is_started() {
            return Err(Error::BadState);
        }
        let len = self.kbpk_len(kbpk_len)?;
        if !matches!(mode, ModeOfUse::Decrypt | ModeOfUse::Encrypt) {
            return Err(Error::ModeNotPermitted);
        }
        if !(1..=MAX_INFO_LEN).contains(&info.len()) {
            return Err(Error::InvalidLength);
        }
        let peer = PublicKey::from_sec1(peer)?;
        self.ask(&Question::UnauthenticatedPeer {
            public: peer.as_bytes(),
            mode,
        })?;
        let mut kbpk = Key::empty();
        run.finish(&peer, kdf, info, len, &mut self.peers, &mut kbpk)?;
        self.admit_kbpk(&kbpk, &self::kbpk(mode))
    }

    /// Drops and wipes what this side holds of agreements that were not finished; without one it does nothing.
    pub fn agreement_abort(&mut self) {
        #[cfg(feature = "host")]
        self.agreement_abort_begun();
        self.agreement_abort_answered();
        self.agreement_abort_unauthenticated();
    }

    /// The same for the host's side alone.
    #[cfg(feature = "host")]
    pub(crate) fn agreement_abort_begun(&mut self) {
        self.initiator.abort();
        self.initiator_key = None;
    }

    /// The same for the terminal's side alone.
    pub(crate) fn agreement_abort_answered(&mut self) {
        self.responder.abort();
    }

    /// The same for the agreement that authenticates nobody.
    pub(crate) fn agreement_abort_unauthenticated(&mut self) {
        self.bare_agreement.abort();
    }

    const fn may_agree_unauthenticated(&self) -> Result<(), Error> {
        if self.policy.has(Permission::UnauthenticatedAgreement) {
            Ok(())
        } else {
            Err(Error::Refused)
        }
    }

    fn signing_key(&self, handle: KeyHandle, out: &mut SigningKey) -> Result<(), Error> {
        let mut key = Key::<role::Signing, key::Ec>::empty();
        self.slots
            .get(handle)?
            .take(Operation::AgreementSign, self.policy, &mut key)?;
        out.set(key.material()?)
    }

    /// The public key by which a party will prove itself, if the platform knows it.
    fn peer_key(&mut self, identity: &Identity, public: &[u8]) -> Result<PublicKey, Error> {
        let public = PublicKey::from_sec1(public)?;
        self.ask(&Question::PeerKey {
            identity: identity.as_bytes(),
            public: public.as_bytes(),
        })?;
        Ok(public)
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
        let len = self.kbpk_len(kbpk_len)?;
        Parties::new(Identity::new(host)?, Identity::new(terminal)?, len)
    }

    const fn kbpk_len(&self, bytes: usize) -> Result<KbpkLen, Error> {
        match bytes {
            16 => Ok(KbpkLen::Aes128),
            24 if self.policy.has(Permission::LongKbpk) => Ok(KbpkLen::Aes192),
            32 if self.policy.has(Permission::LongKbpk) => Ok(KbpkLen::Aes256),
            _ => Err(Error::InvalidKeyLength),
        }
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
