// SPDX-License-Identifier: MIT OR Apache-2.0
//! What an issuer fixes for PINs of the IBM 3624, registered once.

use crate::error::Error;
use crate::hsm::{Command, Hsm, Platform, Question};
use crate::pin::ibm3624::Profile;
use crate::weaken::guard;

/// Places for profiles.
pub(in crate::hsm) const PROFILES: usize = 8;

/// Names a registered profile, until the module is started again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PinProfile(u8);

impl PinProfile {
    /// From the number that crossed a border; whether it names anything is found out when it is used.
    ///
    /// # Errors
    /// [`Error::InvalidHandle`] for a number that no profile has.
    pub fn from_raw(raw: u32) -> Result<Self, Error> {
        match u8::try_from(raw) {
            Ok(number) if number != 0 => Ok(Self(number)),
            _ => Err(Error::InvalidHandle),
        }
    }

    /// The number for a border; never 0.
    #[must_use]
    pub const fn to_raw(self) -> u32 {
        self.0 as u32
    }
}

impl<P: Platform> Hsm<'_, P> {
    /// Registers a profile: decimalisation table, validation data, lengths. The platform is asked first
    /// ([`Question::PinProfile`]): it takes two people.
    ///
    /// There are 8 places, none is given back before the next start. A profile that is registered already keeps its
    /// number.
    ///
    /// # Errors
    /// The state's error; [`Error::InvalidArgument`] for a table with fewer than 8 different digits or one digit more
    /// than 4 times; [`Error::SlotsFull`]; the platform's refusal.
    pub fn pin_profile_register(&mut self, profile: &Profile) -> Result<PinProfile, Error> {
        self.allow(Command::PinProfileRegister)?;
        guard!("B01.table", profile.table().judge())?;
        let place = (1..)
            .zip(&self.profiles)
            .find(|(_, place)| place.is_none_or(|known| known == *profile))
            .map(|(number, _)| number)
            .ok_or(Error::SlotsFull)?;
        guard!("B01.officers", self.ask(&Question::PinProfile { profile }))?;
        if let Some(own) = self.profiles.get_mut(usize::from(place).wrapping_sub(1)) {
            *own = Some(*profile);
        }
        Ok(PinProfile(place))
    }

    pub(super) fn pin_profile(&self, profile: PinProfile) -> Result<Profile, Error> {
        let place = usize::from(profile.0).wrapping_sub(1);
        self.profiles.get(place).copied().flatten().ok_or(Error::InvalidHandle)
    }
}
