// SPDX-License-Identifier: MIT OR Apache-2.0
//! What a PIN is verified with: a PVV, or an offset of the IBM 3624.

use subtle::Choice;

use crate::error::Error;
use crate::hsm::{Command, Hsm, KeyHandle, PinProfile, Platform};
use crate::key::role::{PinVerification3624, PinVerificationVisa};
use crate::key::{Key, Tdea};
use crate::pin::ibm3624::{self, Offset, Profile};
use crate::pin::pvv::{self, Pvv};
use crate::pin::{Pan, Pin};
use crate::policy::Operation;
use crate::secret::Secret;

/// A key that verifies PINs, with what belongs to it. What is public was judged when it was made.
pub(super) trait Method {
    /// The reference, which is no secret.
    type Value;

    /// Whether the PIN is right; for an empty PIN the work is done and the answer means nothing.
    fn matches(&self, pan: &Pan, pin: &Pin, value: &Self::Value) -> Result<Choice, Error>;

    /// Computes the reference, and whether this PIN may have one.
    fn compute(&self, pan: &Pan, pin: &Pin, out: &mut Secret<12>) -> Result<Choice, Error>;

    /// The reference that may be told.
    fn publish(&self, digits: &mut Secret<12>) -> Self::Value;
}

/// Visa PVV.
pub(in crate::hsm) struct Visa {
    key: Key<PinVerificationVisa, Tdea>,
    pvki: u8,
}

impl Visa {
    pub(in crate::hsm) const fn new(pvki: u8) -> Self {
        Self {
            key: Key::empty(),
            pvki,
        }
    }

    /// The key, judged.
    pub(in crate::hsm) fn material(&self) -> Result<&[u8], Error> {
        self.key.material()
    }
}

impl Method for Visa {
    type Value = Pvv;

    fn matches(&self, pan: &Pan, pin: &Pin, value: &Pvv) -> Result<Choice, Error> {
        pvv::matches(&self.key, self.pvki, pan, pin, value)
    }

    fn compute(&self, pan: &Pan, pin: &Pin, out: &mut Secret<12>) -> Result<Choice, Error> {
        let mut digits = Secret::zeroed();
        pvv::compute(&self.key, self.pvki, pan, pin, &mut digits)?;
        for (to, from) in out.expose_mut().iter_mut().zip(digits.expose()) {
            *to = *from;
        }
        // Every PIN has four digits.
        Ok(Choice::from(1))
    }

    fn publish(&self, digits: &mut Secret<12>) -> Pvv {
        let mut own = Secret::zeroed();
        for (to, from) in own.expose_mut().iter_mut().zip(digits.expose()) {
            *to = *from;
        }
        pvv::publish(&mut own)
    }
}

/// IBM 3624 offset.
pub(super) struct Ibm {
    pub(super) key: Key<PinVerification3624, Tdea>,
    pub(super) profile: Profile,
}

impl Ibm {
    pub(super) const fn new(profile: Profile) -> Self {
        Self {
            key: Key::empty(),
            profile,
        }
    }
}

impl Method for Ibm {
    type Value = Offset;

    fn matches(&self, pan: &Pan, pin: &Pin, value: &Offset) -> Result<Choice, Error> {
        ibm3624::matches(&self.key, &self.profile, pan, pin, value)
    }

    fn compute(&self, pan: &Pan, pin: &Pin, out: &mut Secret<12>) -> Result<Choice, Error> {
        ibm3624::offset_of(&self.key, &self.profile, pan, pin, out)
    }

    fn publish(&self, digits: &mut Secret<12>) -> Offset {
        ibm3624::publish(&self.profile, digits)
    }
}

impl<P: Platform> Hsm<'_, P> {
    /// A PVK that may do all of `operations`, its index and the PAN.
    pub(in crate::hsm) fn visa(
        &self,
        pvk: KeyHandle,
        operations: &[Operation],
        pan: &Pan,
        out: &mut Visa,
    ) -> Result<(), Error> {
        for operation in operations {
            self.slots.get(pvk)?.take(*operation, self.policy, &mut out.key)?;
        }
        if out.key.len() != 16 {
            return Err(Error::InvalidKeyLength);
        }
        if out.pvki > 9 {
            return Err(Error::InvalidDigit);
        }
        pan.pvv_digits().map(|_| ())
    }

    /// A PVK that may do all of `operations`, and the PAN.
    pub(super) fn ibm(&self, pvk: KeyHandle, operations: &[Operation], pan: &Pan, out: &mut Ibm) -> Result<(), Error> {
        for operation in operations {
            self.slots.get(pvk)?.take(*operation, self.policy, &mut out.key)?;
        }
        out.profile.data(pan).map(|_| ())
    }

    /// The state, and the profile of a handle.
    pub(super) fn ready_profile(&mut self, command: Command, profile: PinProfile) -> Result<Profile, Error> {
        self.allow(command)?;
        self.pin_profile(profile)
    }
}
