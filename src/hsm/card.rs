// SPDX-License-Identifier: MIT OR Apache-2.0
//! Commands on card verification values: the issuer's side.

use core::hint::black_box;

use crate::card::cvc3::{self, IvCvc3, Tap};
use crate::card::cvv::{self, Expiry, Kind};
use crate::card::{CardValue, check_len};
use crate::emv::derive::{MasterKeyOption, Psn, icc_master_key};
use crate::error::Error;
use crate::hsm::slot::Choices;
use crate::hsm::{Command, Hsm, KeyHandle, Platform, Question};
use crate::key::{self, Key, role};
use crate::pin::pan::Pan;
use crate::policy::{Operation, Permission};
use crate::weaken::guard;

/// The fewest digits of a PAN with a card verification value.
const MIN_PAN_DIGITS: usize = 12;

/// Length of a CVK pair and of an issuer master key, in bytes.
const KEY_LEN: usize = 16;

impl From<Kind> for Choices {
    fn from(kind: Kind) -> Self {
        match kind {
            Kind::Stripe(_) | Kind::Chip => Self::TrackValues,
            Kind::Printed(_) => Self::PrintedValues,
        }
    }
}

impl<P: Platform> Hsm<'_, P> {
    /// Makes a card verification value of `len` digits, 3 to 5: CVV, CVV2 or iCVV by `kind`. The platform is asked first
    /// ([`Question::CardValue`]).
    ///
    /// `cvk`: a C0 key with mode of use G or C, 16 bytes. A key that has made or checked a printed value serves no other
    /// kind, and the other way round, unless [`Permission::SharedCvk`] is given.
    ///
    /// # Errors
    /// The state's and the handle's errors; [`Error::UsageNotPermitted`], also for a key of the other kind;
    /// [`Error::ModeNotPermitted`], [`Error::AlgorithmMismatch`]; [`Error::InvalidKeyLength`]; [`Error::InvalidLength`]
    /// for `len`; [`Error::InvalidPan`] for fewer than 12 digits; [`Error::InvalidArgument`] for a date without a month;
    /// the platform's refusal. `out` is empty then.
    ///
    /// # Timing
    /// The lengths.
    ///
    /// # Source
    /// As [`cvv::generate`].
    pub fn cvv_generate(
        &mut self,
        cvk: KeyHandle,
        kind: Kind,
        pan: &Pan,
        expiry: Expiry,
        len: usize,
        out: &mut CardValue,
    ) -> Result<(), Error> {
        *out = CardValue::empty();
        self.allow(Command::CvvGenerate)?;
        let mut key = Key::empty();
        self.cvk(cvk, Operation::CvvGenerate, kind, len, &mut key)?;
        judge(pan, expiry)?;
        self.ask(&Question::CardValue { pan })?;
        self.bind_key(cvk, kind.into())?;
        cvv::generate(&key, kind, pan, expiry, len, out)
    }

    /// Verifies a card verification value: yes or no. The platform is asked first ([`Question::CardValue`]): a value of
    /// three digits is found by a thousand tries.
    ///
    /// `cvk`: a C0 key with mode of use V or C; the rest as in [`cvv_generate`](Self::cvv_generate).
    ///
    /// # Errors
    /// As [`cvv_generate`](Self::cvv_generate), and [`Error::VerificationFailed`] if the value is wrong.
    ///
    /// # Timing
    /// The lengths.
    ///
    /// # Source
    /// As [`cvv::generate`].
    pub fn cvv_verify(
        &mut self,
        cvk: KeyHandle,
        kind: Kind,
        pan: &Pan,
        expiry: Expiry,
        value: &CardValue,
    ) -> Result<(), Error> {
        self.pend();
        let mut key = Key::empty();
        self.cvv_ready(cvk, kind, pan, expiry, value.len(), &mut key)?;
        let verified = self
            .denial
            .verified(|| cvv::verify(&key, kind, pan, expiry, black_box(value)));
        self.concluded(verified)
    }

    /// Everything that comes before a value of `len` digits is verified, and its key.
    pub(super) fn cvv_ready(
        &mut self,
        cvk: KeyHandle,
        kind: Kind,
        pan: &Pan,
        expiry: Expiry,
        len: usize,
        key: &mut Key<role::CardVerification, key::Tdea>,
    ) -> Result<(), Error> {
        self.allow(Command::CvvVerify)?;
        self.cvk(cvk, Operation::CvvVerify, kind, len, key)?;
        judge(pan, expiry)?;
        guard!("B07", self.ask(&Question::CardValue { pan }))?;
        self.bind_key(cvk, kind.into())
    }

    /// Verifies the CVC3 of a contactless card in magnetic-stripe mode: yes or no. The platform is asked first
    /// ([`Question::CardValue`]), and when the value has verified, whether the ATC is new ([`Question::Atc`]): without
    /// that a recorded tap passes again.
    ///
    /// `imk`: an E4 key with mode of use X, 16 bytes; `option`: how the card's key is derived from it; `track`: the static
    /// data of the track whose CVC3 it is, as [`IvCvc3::over`] takes it; `value`: the digits that came, 3 to 5.
    ///
    /// # Errors
    /// The state's and the handle's errors; [`Error::UsageNotPermitted`], [`Error::ModeNotPermitted`],
    /// [`Error::AlgorithmMismatch`]; [`Error::InvalidKeyLength`]; [`Error::Track`] for an empty one;
    /// [`Error::InvalidLength`] for an empty value; the platform's refusals; [`Error::VerificationFailed`].
    ///
    /// # Timing
    /// The lengths, the option and the PAN.
    ///
    /// # Source
    /// As [`cvc3::verify`].
    #[expect(
        clippy::too_many_arguments,
        reason = "the card, its key's derivation, its track, the tap, the value"
    )]
    pub fn cvc3_verify(
        &mut self,
        imk: KeyHandle,
        option: MasterKeyOption,
        pan: &Pan,
        psn: Psn,
        track: &[u8],
        tap: Tap,
        value: &CardValue,
    ) -> Result<(), Error> {
        self.pend();
        self.allow(Command::Cvc3Verify)?;
        let mut key = Key::<role::Imk<role::Dn>, key::Tdea>::empty();
        self.slots
            .get(imk)?
            .take(Operation::Cvc3Verify, self.policy, &mut key)?;
        if key.len() != KEY_LEN {
            return Err(Error::InvalidKeyLength);
        }
        if track.is_empty() {
            return Err(Error::Track);
        }
        check_len(value.len())?;
        self.ask(&Question::CardValue { pan })?;
        self.denial.verified(|| {
            let mut mk = Key::empty();
            icc_master_key(option, &key, pan, psn, &mut mk)?;
            cvc3::verify(&mk, &IvCvc3::over(&mk, black_box(track))?, tap, black_box(value))
        })?;
        let answer = self.ask(&Question::Atc {
            pan,
            atc: tap.atc.value(),
        });
        self.concluded(answer)
    }

    /// A CVK, and what is public about the call, judged before the platform is asked.
    fn cvk(
        &self,
        handle: KeyHandle,
        operation: Operation,
        kind: Kind,
        len: usize,
        out: &mut Key<role::CardVerification, key::Tdea>,
    ) -> Result<(), Error> {
        let slot = self.slots.get(handle)?;
        slot.take(operation, self.policy, out)?;
        if guard!(
            "B06",
            !slot.serves(kind.into()) && !self.policy.has(Permission::SharedCvk)
        ) {
            return Err(Error::UsageNotPermitted);
        }
        if out.len() != KEY_LEN {
            return Err(Error::InvalidKeyLength);
        }
        check_len(len)
    }
}

/// Judges what the value is made over. PAN, expiry and service code stand in one row of digits without a mark between them:
/// the end of a PAN would pass for a date, and a value of one kind for a value of another.
const fn judge(pan: &Pan, expiry: Expiry) -> Result<(), Error> {
    if pan.len() < MIN_PAN_DIGITS {
        return Err(Error::InvalidPan);
    }
    if !expiry.has_month() {
        return Err(Error::InvalidArgument);
    }
    Ok(())
}
