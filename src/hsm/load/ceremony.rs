// SPDX-License-Identifier: MIT OR Apache-2.0
//! The component ceremony: custodians enter a key in parts.

use core::hint::black_box;

use crate::error::Error;
use crate::hsm::slot;
use crate::hsm::{Command, Event, Hsm, ImportedKey, Platform, Question, State};
use crate::inject::component::{self, Ceremony, CheckValue, CustodianId};
use crate::key::usage::{Attributes, Usage};
use crate::secret::SecretBuf;
use crate::weaken::guard;

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
    /// platform is asked first ([`Question::Ceremony`]). With a clock it is over after
    /// [`Config::ceremony_minutes`](crate::hsm::Config::ceremony_minutes), and everything entered is wiped.
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
        self.expire();
        self.allow(Command::ComponentBegin)?;
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
        self.audit_ready()?;
        self.ask(&Question::Ceremony { attributes })?;
        self.assembly.begin(&ceremony)?;
        self.ceremony = Some(*attributes);
        let lasts = u64::from(self.ceremony_minutes).wrapping_mul(60_000);
        self.ceremony_end = self.platform.tick().map(|now| now.saturating_add(lasts));
        self.life.happen(Event::CeremonyOpened);
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
        self.pend();
        self.expire();
        self.allow(Command::ComponentAdd)?;
        if guard!("C10.custodian", !self.people.is_custodian(custodian)) {
            self.end_ceremony();
            return Err(Error::NotAuthenticated);
        }
        let judged = self.component_judge(CustodianId(custodian), component, kcv);
        let result = self
            .ruled(judged)
            .and_then(|()| self.component_take(CustodianId(custodian), component, kcv));
        if result.is_err() {
            self.end_ceremony();
        }
        result
    }

    /// Judges a component as [`component_take`](Self::component_take) does: of a check value that a disturbed call does not
    /// see, the other one sees it.
    #[inline(never)]
    fn component_judge(&self, custodian: CustodianId, component: &[u8], kcv: &[u8]) -> Result<(), Error> {
        let given = check_value(kcv)?;
        self.denial
            .judged_before(|| self.assembly.judge(custodian, component, given))
    }

    #[inline(never)]
    fn component_take(&mut self, custodian: CustodianId, component: &[u8], kcv: &[u8]) -> Result<(), Error> {
        let added = self.assembly.add(custodian, component, check_value(black_box(kcv))?);
        self.concluded(added.map(|_| ()))
    }

    /// Ends the ceremony: the exclusive or of the components becomes a key in a slot.
    ///
    /// # Errors
    /// [`Error::BadState`] if no ceremony is open or components are missing, [`Error::Tampered`];
    /// [`Error::VerificationFailed`] for the check value; [`Error::WeakKey`], [`Error::SlotsFull`]. The ceremony is over
    /// in every case.
    pub fn component_finish(&mut self) -> Result<ImportedKey, Error> {
        self.pend();
        self.expire();
        self.allow(Command::ComponentFinish)?;
        let attributes = self.ceremony.ok_or(Error::BadState);
        let mut material = SecretBuf::<{ component::MAX_KEY_LEN }>::new();
        let judged = self.denial.judged_before(|| self.assembly.judge_end());
        let assembled = judged.and_then(|()| self.assembly.finish_into(&mut material));
        let assembled = self.ruled(assembled);
        self.end_ceremony();
        assembled?;
        let admitted = self.admit(&attributes?, material.expose());
        self.concluded(admitted)
    }

    /// Ends the ceremony without a key and wipes what was entered; without one it does nothing.
    ///
    /// # Errors
    /// [`Error::Tampered`].
    pub fn component_abort(&mut self) -> Result<(), Error> {
        self.allow(Command::ComponentAbort)?;
        if self.life.state() == State::Loading {
            self.end_ceremony();
        }
        Ok(())
    }

    pub(in crate::hsm) fn end_ceremony(&mut self) {
        self.assembly.abort();
        self.ceremony = None;
        self.ceremony_end = None;
        self.life.happen(Event::CeremonyEnded);
    }
}
