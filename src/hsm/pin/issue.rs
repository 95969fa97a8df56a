// SPDX-License-Identifier: MIT OR Apache-2.0
//! New PINs: drawn, chosen by the cardholder, computed. Host side.

use core::hint::black_box;

use crate::ct;
use crate::error::Error;
use crate::hsm::pin::reference::{Ibm, Method, Visa};
use crate::hsm::pin::{FormatUse, PIN_BLOCK_MAX_LEN, PinKey};
use crate::hsm::{Command, EncipheredPin, Hsm, KeyHandle, KeyRef, PinProfile, Platform, Question};
use crate::pin::block::{self, Format};
use crate::pin::ibm3624::{self, Offset};
use crate::pin::pvv::Pvv;
use crate::pin::{self, Pan, Pin, choose};
use crate::policy::{Operation, Permission};
use crate::secret::Secret;
use crate::weaken::guard;

/// How often a PIN may be drawn until it is not trivial: of four digits one in 333 is.
const MAX_DRAWS: usize = 8;

impl<P: Platform> Hsm<'_, P> {
    /// Draws a PIN, and gives it enciphered and its PVV. The platform is asked first ([`Question::PinIssue`]).
    ///
    /// `digits`: 4 to 12; `output`: a P0 key with mode of use E, formats 0, 3 and 4; `pvk`: a V2 key with mode of use G or
    /// C; `pvki`: 0 to 9. Each digit is uniform over 0 to 9; PINs of one digit or of a run are drawn anew, unless
    /// the policy allows them. Returns the block's length, and the PVV; the rest of `out` is zero.
    ///
    /// # Errors
    /// The state's and the handles' errors; [`Error::UsageNotPermitted`], [`Error::ModeNotPermitted`];
    /// [`Error::FormatNotPermitted`]; [`Error::InvalidLength`] of the PIN; [`Error::InvalidPan`],
    /// [`Error::InvalidDigit`], [`Error::InvalidKeyLength`] as [`pin_verify_pvv`](Self::pin_verify_pvv);
    /// [`Error::RateLimited`]; the platform's refusal; [`Error::Entropy`]. `out` is wiped then.
    ///
    /// # Timing
    /// The format, the length of the PIN, and how often something was drawn and thrown away.
    #[expect(
        clippy::too_many_arguments,
        reason = "the PIN's length, the block's key, format, PAN and place, the PVV's key and index"
    )]
    pub fn pin_generate_pvv(
        &mut self,
        digits: u8,
        pan: &Pan,
        output: KeyHandle,
        format: Format,
        pvk: KeyHandle,
        pvki: u8,
        out: &mut [u8; PIN_BLOCK_MAX_LEN],
    ) -> Result<(usize, Pvv), Error> {
        out.fill(0);
        self.allow(Command::PinGeneratePvv)?;
        let mut method = Visa::new(pvki);
        self.visa(pvk, &[Operation::PvvGenerate], pan, &mut method)?;
        self.pin_generate(&method, digits, pan, output, format, out)
    }

    /// Draws a PIN, and gives it enciphered and its offset. The platform is asked first ([`Question::PinIssue`]).
    ///
    /// `pvk`: a V1 key with mode of use G or C; the PIN has as many digits as the profile says; the rest as in
    /// [`pin_generate_pvv`](Self::pin_generate_pvv).
    ///
    /// # Errors
    /// As [`pin_generate_pvv`](Self::pin_generate_pvv); [`Error::InvalidHandle`] for the profile, too;
    /// [`Error::InvalidPan`] for a PAN of another length than the profile's.
    ///
    /// # Timing
    /// As [`pin_generate_pvv`](Self::pin_generate_pvv).
    pub fn pin_generate_3624(
        &mut self,
        pan: &Pan,
        output: KeyHandle,
        format: Format,
        pvk: KeyHandle,
        profile: PinProfile,
        out: &mut [u8; PIN_BLOCK_MAX_LEN],
    ) -> Result<(usize, Offset), Error> {
        out.fill(0);
        let mut method = Ibm::new(self.ready_profile(Command::PinGenerate3624, profile)?);
        self.ibm(pvk, &[Operation::OffsetGenerate], pan, &mut method)?;
        let digits = method.profile.pin_len();
        self.pin_generate(&method, digits, pan, output, format, out)
    }

    /// Computes the PIN that belongs to an offset, and gives it enciphered: for a card that is sent its PIN again. The
    /// platform is asked first ([`Question::PinIssue`]).
    ///
    /// An offset of zeros gives the natural PIN. `pvk`, `output`, `format`: as in
    /// [`pin_generate_3624`](Self::pin_generate_3624). Returns the block's length; the rest of `out` is zero.
    ///
    /// # Errors
    /// As [`pin_generate_3624`](Self::pin_generate_3624); [`Error::InvalidLength`] for an offset that does not cover the
    /// whole PIN. `out` is wiped then.
    ///
    /// # Timing
    /// The format.
    #[expect(
        clippy::too_many_arguments,
        reason = "the offset's key, profile and value; the block's key, format, PAN and place"
    )]
    pub fn pin_derive_3624(
        &mut self,
        pan: &Pan,
        output: KeyHandle,
        format: Format,
        pvk: KeyHandle,
        profile: PinProfile,
        offset: &Offset,
        out: &mut [u8; PIN_BLOCK_MAX_LEN],
    ) -> Result<usize, Error> {
        out.fill(0);
        let mut method = Ibm::new(self.ready_profile(Command::PinDerive3624, profile)?);
        self.ibm(pvk, &[Operation::OffsetGenerate], pan, &mut method)?;
        method.profile.check(offset)?;
        if guard!("B03.derive", method.profile.check_len() != method.profile.pin_len()) {
            return Err(Error::InvalidLength);
        }
        let mut output_key = PinKey::empty();
        let to = self.pin_output_key(output, format, pan, &mut output_key)?;
        self.pin_host_rate()?;
        self.ask(&Question::PinIssue { pan })?;
        let mut pin = Pin::empty();
        ibm3624::derive(&method.key, &method.profile, pan, offset, &mut pin)?;
        to.encipher(&pin, Some(pan), &mut self.platform, out)
    }

    /// Changes a PIN: verifies the old one against its PVV and gives the PVV of the new one. The platform is asked
    /// first ([`Question::PinChange`]); each call counts as a try.
    ///
    /// Both blocks are for one PAN; two DUKPT blocks come from two transactions. `pvk`: a V2 key with mode of use C. The
    /// new PIN comes in format 0, 3 or 4, the old one also in format 1 with the permission for that. A new PIN of one
    /// digit or of a run is refused unless the policy allows it.
    ///
    /// # Errors
    /// As [`pin_verify_pvv`](Self::pin_verify_pvv); one [`Error::VerificationFailed`] for a wrong old PIN, a malformed
    /// block and a new PIN that is not allowed, after all the work. Nothing is told about the new PIN then.
    ///
    /// # Timing
    /// The formats and the length of the PAN.
    pub fn pin_change_pvv(
        &mut self,
        pan: &Pan,
        old: &EncipheredPin<'_>,
        new: &EncipheredPin<'_>,
        pvk: KeyHandle,
        pvki: u8,
        reference: &Pvv,
    ) -> Result<Pvv, Error> {
        self.pend();
        self.allow(Command::PinChangePvv)?;
        let mut method = Visa::new(pvki);
        self.visa(pvk, &[Operation::PvvVerify, Operation::PvvGenerate], pan, &mut method)?;
        self.pin_change(&method, pan, old, new, reference)
    }

    /// Changes a PIN: verifies the old one by its offset and gives the offset of the new one. As
    /// [`pin_change_pvv`](Self::pin_change_pvv) with a V1 key.
    ///
    /// # Errors
    /// As [`pin_change_pvv`](Self::pin_change_pvv) and [`pin_verify_3624`](Self::pin_verify_3624).
    ///
    /// # Timing
    /// The formats.
    pub fn pin_change_3624(
        &mut self,
        pan: &Pan,
        old: &EncipheredPin<'_>,
        new: &EncipheredPin<'_>,
        pvk: KeyHandle,
        profile: PinProfile,
        reference: &Offset,
    ) -> Result<Offset, Error> {
        self.pend();
        let mut method = Ibm::new(self.ready_profile(Command::PinChange3624, profile)?);
        self.ibm(
            pvk,
            &[Operation::OffsetVerify, Operation::OffsetGenerate],
            pan,
            &mut method,
        )?;
        method.profile.check(reference)?;
        self.pin_change(&method, pan, old, new, reference)
    }

    fn pin_generate<M: Method>(
        &mut self,
        method: &M,
        digits: u8,
        pan: &Pan,
        output: KeyHandle,
        format: Format,
        out: &mut [u8; PIN_BLOCK_MAX_LEN],
    ) -> Result<(usize, M::Value), Error> {
        if !(pin::MIN_LEN..=pin::MAX_LEN).contains(&digits) {
            return Err(Error::InvalidLength);
        }
        let mut output_key = PinKey::empty();
        let to = self.pin_output_key(output, format, pan, &mut output_key)?;
        self.pin_host_rate()?;
        self.ask(&Question::PinIssue { pan })?;
        let mut pin = Pin::empty();
        self.pin_draw(digits, &mut pin)?;
        let mut reference = Secret::zeroed();
        ct::verdict(method.compute(pan, &pin, &mut reference)?)?;
        let len = to.encipher(&pin, Some(pan), &mut self.platform, out)?;
        Ok((len, method.publish(&mut reference)))
    }

    /// A PIN that the policy allows. What is thrown away tells nothing about what is kept.
    fn pin_draw(&mut self, digits: u8, out: &mut Pin) -> Result<(), Error> {
        for _ in 0..MAX_DRAWS {
            choose::random(digits, &mut self.platform, out)?;
            if ct::verdict(!self.pin_refused(out)).is_ok() {
                return Ok(());
            }
        }
        out.clear();
        Err(Error::Entropy)
    }

    /// Whether nobody may have this PIN.
    pub(in crate::hsm) fn pin_refused(&self, pin: &Pin) -> subtle::Choice {
        // The policy is public.
        let judged = u8::from(!self.policy.has(Permission::TrivialPins));
        choose::is_trivial(pin) & subtle::Choice::from(judged)
    }

    fn pin_change<M: Method>(
        &mut self,
        method: &M,
        pan: &Pan,
        old: &EncipheredPin<'_>,
        new: &EncipheredPin<'_>,
        reference: &M::Value,
    ) -> Result<M::Value, Error> {
        let (mut old_key, mut new_key) = (PinKey::empty(), PinKey::empty());
        self.pin_input_key(old.key, FormatUse::Verify, old.format, pan, old.block, &mut old_key)?;
        self.pin_input_key(new.key, FormatUse::Issue, new.format, pan, new.block, &mut new_key)?;
        if matches!(old.key, KeyRef::Transaction(_)) && old.key == new.key {
            return Err(Error::LimitReached);
        }
        let (old_from, new_from) = (old_key.with(old.format)?, new_key.with(new.format)?);
        self.pin_host_rate()?;
        self.ask(&Question::PinChange { pan })?;
        self.pin_used(old.key)?;
        self.pin_used(new.key)?;
        let mut digits = Secret::zeroed();
        let verified = self.denial.verified(|| {
            let (mut old_pin, mut new_pin) = (Pin::empty(), Pin::empty());
            let mut good = old_from.open(black_box(old.block), Some(pan), &mut old_pin)?;
            good &= guard!("A11", method.matches(pan, &old_pin, black_box(reference))?);
            good &= new_from.open(new.block, Some(pan), &mut new_pin)?;
            good &= method.compute(pan, &new_pin, &mut digits)?;
            good &= !self.pin_refused(&new_pin);
            ct::verdict(good)
        });
        self.concluded(verified)?;
        Ok(method.publish(&mut digits))
    }

    /// The key of a block that goes out of a host, bound to the PAN.
    fn pin_output_key<'k>(
        &self,
        output: KeyHandle,
        format: Format,
        pan: &Pan,
        key: &'k mut PinKey,
    ) -> Result<block::PinKey<'k>, Error> {
        self.pin_key(
            output.into(),
            Operation::PinEncipher,
            FormatUse::Issue,
            format,
            pan,
            key,
        )?;
        key.with(format)
    }
}
