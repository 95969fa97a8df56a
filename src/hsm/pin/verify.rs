// SPDX-License-Identifier: MIT OR Apache-2.0
//! PINs against their references, and references of PINs. Host side.

use core::hint::black_box;

use crate::ct;
use crate::error::Error;
use crate::hsm::pin::reference::{Ibm, Method, Visa};
use crate::hsm::pin::{FormatUse, PinKey};
use crate::hsm::{Command, Hsm, KeyHandle, KeyRef, PinProfile, Platform, Question};
use crate::pin::block::Format;
use crate::pin::ibm3624::Offset;
use crate::pin::pvv::Pvv;
use crate::pin::{Pan, Pin};
use crate::policy::Operation;
use crate::secret::Secret;
use crate::weaken::guard;

impl<P: Platform> Hsm<'_, P> {
    /// Verifies an enciphered PIN against its PVV. The platform is asked first ([`Question::PinVerify`]).
    ///
    /// `input`: as in [`pin_translate`](Self::pin_translate); `pvk`: a V2 key with mode of use V or C; `pvki`: the key
    /// index, 0 to 9. Format 1 is taken with the permission
    /// [`PinVerifyFormat1`](crate::policy::Permission::PinVerifyFormat1) only.
    ///
    /// # Errors
    /// The platform's refusal; otherwise as [`pin_translate`](Self::pin_translate); [`Error::InvalidKeyLength`] unless
    /// `pvk` has 16 bytes, [`Error::InvalidDigit`] for `pvki`, [`Error::InvalidPan`]; one [`Error::VerificationFailed`] for
    /// a wrong PIN and for a malformed block, after all the work.
    ///
    /// # Timing
    /// The format and the length of the PAN.
    ///
    /// # Source
    /// Visa PVV. Vectors: `vectors/card_verification.txt`.
    #[expect(
        clippy::too_many_arguments,
        reason = "the block's key, format, PAN and bytes; the PVV's key, index, value"
    )]
    pub fn pin_verify_pvv(
        &mut self,
        input: KeyRef,
        format: Format,
        pan: &Pan,
        enciphered: &[u8],
        pvk: KeyHandle,
        pvki: u8,
        reference: &Pvv,
    ) -> Result<(), Error> {
        self.pend();
        self.allow(Command::PinVerifyPvv)?;
        let mut method = Visa::new(pvki);
        self.visa(pvk, &[Operation::PvvVerify], pan, &mut method)?;
        self.pin_verify(&method, input, format, pan, enciphered, reference)
    }

    /// Verifies an enciphered PIN by its offset. The platform is asked first ([`Question::PinVerify`]).
    ///
    /// `input`, `format`: as in [`pin_verify_pvv`](Self::pin_verify_pvv); `pvk`: a V1 key with mode of use V or C. The
    /// PIN must have the profile's number of digits; as many of them count as the profile says.
    ///
    /// # Errors
    /// As [`pin_verify_pvv`](Self::pin_verify_pvv); [`Error::InvalidHandle`] for the profile, too;
    /// [`Error::InvalidPan`] for a PAN of another length than the profile's; [`Error::InvalidLength`] for such an offset.
    ///
    /// # Timing
    /// The format.
    ///
    /// # Source
    /// z/OS ICSF, 3624 PIN verification algorithm. Vectors: `vectors/card_verification.txt`.
    #[expect(
        clippy::too_many_arguments,
        reason = "the block's key, format, PAN and bytes; the offset's key, profile, value"
    )]
    pub fn pin_verify_3624(
        &mut self,
        input: KeyRef,
        format: Format,
        pan: &Pan,
        enciphered: &[u8],
        pvk: KeyHandle,
        profile: PinProfile,
        reference: &Offset,
    ) -> Result<(), Error> {
        self.pend();
        let mut method = Ibm::new(self.ready_profile(Command::PinVerify3624, profile)?);
        self.ibm(pvk, &[Operation::OffsetVerify], pan, &mut method)?;
        method.profile.check(reference)?;
        self.pin_verify(&method, input, format, pan, enciphered, reference)
    }

    /// Makes the PVV of an enciphered PIN: the issuer's side. The platform is asked first ([`Question::PinIssue`]).
    ///
    /// `pvk`: a V2 key with mode of use G or C; formats 0, 3 and 4 only; the rest as in
    /// [`pin_verify_pvv`](Self::pin_verify_pvv).
    ///
    /// # Errors
    /// As [`pin_verify_pvv`](Self::pin_verify_pvv).
    ///
    /// # Timing
    /// The format and the length of the PAN.
    pub fn pvv_generate(
        &mut self,
        input: KeyRef,
        format: Format,
        pan: &Pan,
        enciphered: &[u8],
        pvk: KeyHandle,
        pvki: u8,
    ) -> Result<Pvv, Error> {
        self.pend();
        self.allow(Command::PvvGenerate)?;
        let mut method = Visa::new(pvki);
        self.visa(pvk, &[Operation::PvvGenerate], pan, &mut method)?;
        self.pin_reference(&method, input, format, pan, enciphered)
    }

    /// Makes the offset of an enciphered PIN: the issuer's side. The platform is asked first ([`Question::PinIssue`]).
    ///
    /// `pvk`: a V1 key with mode of use G or C; formats 0, 3 and 4 only; the rest as in
    /// [`pin_verify_3624`](Self::pin_verify_3624).
    ///
    /// # Errors
    /// As [`pin_verify_3624`](Self::pin_verify_3624); [`Error::VerificationFailed`] also for a PIN that has not the
    /// profile's number of digits.
    ///
    /// # Timing
    /// The format.
    pub fn pin_offset_generate(
        &mut self,
        input: KeyRef,
        format: Format,
        pan: &Pan,
        enciphered: &[u8],
        pvk: KeyHandle,
        profile: PinProfile,
    ) -> Result<Offset, Error> {
        self.pend();
        let mut method = Ibm::new(self.ready_profile(Command::PinOffsetGenerate, profile)?);
        self.ibm(pvk, &[Operation::OffsetGenerate], pan, &mut method)?;
        self.pin_reference(&method, input, format, pan, enciphered)
    }

    fn pin_verify<M: Method>(
        &mut self,
        method: &M,
        input: KeyRef,
        format: Format,
        pan: &Pan,
        enciphered: &[u8],
        reference: &M::Value,
    ) -> Result<(), Error> {
        let mut input_key = PinKey::empty();
        let judged = self.pin_input_key(input, FormatUse::Verify, format, pan, enciphered, &mut input_key);
        self.ruled(judged)?;
        let from = input_key.with(format)?;
        self.pin_host_rate()?;
        guard!("B02" | "B07.pin", self.ask(&Question::PinVerify { pan }))?;
        self.pin_used(input)?;
        let verified = self.denial.verified(|| {
            let mut pin = Pin::empty();
            let sound = from.open(black_box(enciphered), Some(pan), &mut pin)?;
            ct::verdict(sound & method.matches(pan, &pin, black_box(reference))?)
        });
        self.concluded(verified)
    }

    fn pin_reference<M: Method>(
        &mut self,
        method: &M,
        input: KeyRef,
        format: Format,
        pan: &Pan,
        enciphered: &[u8],
    ) -> Result<M::Value, Error> {
        let mut input_key = PinKey::empty();
        self.pin_input_key(input, FormatUse::Issue, format, pan, enciphered, &mut input_key)?;
        let from = input_key.with(format)?;
        self.pin_host_rate()?;
        guard!("A04" | "B05", self.ask(&Question::PinIssue { pan }))?;
        self.pin_used(input)?;
        let mut digits = Secret::zeroed();
        let good = self.denial.verified(|| {
            let mut pin = Pin::empty();
            let sound = from.open(black_box(enciphered), Some(pan), &mut pin)?;
            ct::verdict(sound & method.compute(pan, &pin, &mut digits)?)
        });
        let good = self.pin_tried(&[enciphered], good);
        self.concluded(good)?;
        Ok(method.publish(&mut digits))
    }
}
