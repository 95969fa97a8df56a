// SPDX-License-Identifier: MIT OR Apache-2.0
//! What a key is bound to beyond its key block: how often, when, by whom. Only ever narrowed.

use crate::error::Error;
use crate::key::usage::{Attributes, Exportability, ModeOfUse};
use crate::policy::Operation;

/// A day.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Date(u32);

impl Date {
    /// From a number of eight digits, year, month and day: 20261231. Every month has 31 days here.
    ///
    /// # Errors
    /// [`Error::InvalidArgument`].
    pub const fn from_digits(digits: u32) -> Result<Self, Error> {
        let (Some(day), Some(rest)) = (digits.checked_rem(100), digits.checked_div(100)) else {
            return Err(Error::Internal);
        };
        let (Some(month), Some(year)) = (rest.checked_rem(100), rest.checked_div(100)) else {
            return Err(Error::Internal);
        };
        if year >= 2000 && year <= 9999 && month >= 1 && month <= 12 && day >= 1 && day <= 31 {
            Ok(Self(digits))
        } else {
            Err(Error::InvalidArgument)
        }
    }

    /// The number.
    #[must_use]
    pub const fn to_digits(self) -> u32 {
        self.0
    }
}

/// How a key shall be narrowed. What is `None` stays.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Narrowing {
    /// A narrower mode of use.
    pub mode: Option<ModeOfUse>,
    /// A narrower exportability.
    pub exportability: Option<Exportability>,
    /// How many commands may use the key in all, those that have done so included. Not more than it is now.
    pub max_uses: Option<u32>,
    /// After how many an alarm says so.
    pub warn_uses: Option<u32>,
    /// The first day of use. Not earlier than it is now.
    pub valid_from: Option<Date>,
    /// The last day of use. Not later than it is now.
    pub valid_until: Option<Date>,
    /// Whose sessions alone may use the key: a number of the caller's but 0. For a key that has no owner.
    pub owner: Option<u16>,
    /// The key ends with the session that is open.
    pub with_session: bool,
}

/// What a key is bound to, and how far it has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeyBounds {
    /// How many commands may use the key; `None`: no limit.
    pub max_uses: Option<u32>,
    /// After how many an alarm says so.
    pub warn_uses: Option<u32>,
    /// How many have used it. Counted for keys with a limit. A key that came back at a start counts those that it may
    /// have had, too.
    pub uses: u32,
    /// The first day of use.
    pub valid_from: Option<Date>,
    /// The last day of use.
    pub valid_until: Option<Date>,
    /// The owner; `None`: everybody's.
    pub owner: Option<u16>,
    /// The key ends with its session.
    pub with_session: bool,
    /// The key comes back at the next start.
    pub is_stored: bool,
    /// Today is a day of use.
    pub is_valid: bool,
}

/// No limit.
pub(super) const NO_LIMIT: u32 = u32::MAX;

/// The bounds as a slot keeps them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Bounds {
    pub(super) max_uses: u32,
    pub(super) warn_uses: u32,
    pub(super) uses: u32,
    /// As digits; 0: ever since.
    pub(super) from: u32,
    /// As digits; [`NO_LIMIT`]: for ever.
    pub(super) until: u32,
    /// 0: none.
    pub(super) owner: u16,
    pub(super) with_session: bool,
}

impl Bounds {
    pub(super) const NONE: Self = Self {
        max_uses: NO_LIMIT,
        warn_uses: NO_LIMIT,
        uses: 0,
        from: 0,
        until: NO_LIMIT,
        owner: 0,
        with_session: false,
    };

    pub(super) const fn is_limited(&self) -> bool {
        self.max_uses != NO_LIMIT
    }

    /// Whether the key may be used on `today`, 0 if nobody has said what day it is.
    pub(super) const fn is_valid(&self, today: u32) -> bool {
        let bound = self.from != 0 || self.until != NO_LIMIT;
        !bound || (today != 0 && self.from <= today && today <= self.until)
    }

    pub(super) fn public(&self, is_stored: bool, is_valid: bool) -> KeyBounds {
        let limit = |value| (value != NO_LIMIT).then_some(value);
        KeyBounds {
            max_uses: limit(self.max_uses),
            warn_uses: limit(self.warn_uses),
            uses: self.uses,
            valid_from: (self.from != 0).then_some(Date(self.from)),
            valid_until: limit(self.until).map(Date),
            owner: (self.owner != 0).then_some(self.owner),
            with_session: self.with_session,
            is_stored,
            is_valid,
        }
    }

    /// What the bounds become.
    ///
    /// # Errors
    /// [`Error::Refused`] for what is wider than now.
    pub(super) fn narrow(&self, to: &Narrowing) -> Result<Self, Error> {
        let mut new = *self;
        new.max_uses = to.max_uses.unwrap_or(self.max_uses);
        new.warn_uses = to.warn_uses.unwrap_or(self.warn_uses);
        new.from = to.valid_from.map_or(self.from, Date::to_digits);
        new.until = to.valid_until.map_or(self.until, Date::to_digits);
        new.owner = to.owner.unwrap_or(self.owner);
        new.with_session |= to.with_session;
        let owner = self.owner == 0 || new.owner == self.owner;
        if to.owner == Some(0) || to.max_uses == Some(NO_LIMIT) {
            return Err(Error::InvalidArgument);
        }
        if new.max_uses > self.max_uses || new.from < self.from || new.until > self.until || !owner {
            return Err(Error::Refused);
        }
        Ok(new)
    }
}

impl Narrowing {
    /// The attributes that a key gets.
    ///
    /// # Errors
    /// [`Error::ModeNotPermitted`], [`Error::ExportNotPermitted`] for what is not narrower; what
    /// [`Attributes::check`] says.
    pub(super) fn attributes(&self, key: &Attributes) -> Result<Attributes, Error> {
        let mut new = *key;
        new.mode = self.mode.unwrap_or(key.mode);
        new.exportability = self.exportability.unwrap_or(key.exportability);
        key.cover(&new)?;
        new.check()?;
        Ok(new)
    }
}

/// Operations on what was made while a key was valid: by permission they outlive it.
pub(super) const fn is_of_old_data(operation: Operation) -> bool {
    matches!(
        operation,
        Operation::MacVerify
            | Operation::DataDecipher
            | Operation::PvvVerify
            | Operation::OffsetVerify
            | Operation::CvvVerify
            | Operation::Cvc3Verify
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days() {
        for good in [20_000_101, 20_261_231, 99_991_231, 20_260_231] {
            assert_eq!(Date::from_digits(good).unwrap().to_digits(), good);
        }
        for bad in [
            0,
            19_991_231,
            20_261_301,
            20_260_001,
            20_260_132,
            20_260_100,
            100_000_101,
            u32::MAX,
        ] {
            assert_eq!(Date::from_digits(bad), Err(Error::InvalidArgument), "{bad}");
        }
    }

    #[test]
    fn a_key_with_a_window_needs_a_day() {
        let mut bounds = Bounds::NONE;
        assert!(bounds.is_valid(0));
        (bounds.from, bounds.until) = (20_260_101, 20_261_231);
        for (today, valid) in [
            (0, false),
            (20_251_231, false),
            (20_260_101, true),
            (20_261_231, true),
            (20_270_101, false),
        ] {
            assert_eq!(bounds.is_valid(today), valid, "{today}");
        }
    }

    #[test]
    fn bounds_only_narrow() {
        let day = |digits| Some(Date::from_digits(digits).unwrap());
        let all = Narrowing {
            max_uses: Some(10),
            valid_from: day(20_260_201),
            valid_until: day(20_260_301),
            owner: Some(7),
            ..Narrowing::default()
        };
        let bounds = Bounds::NONE.narrow(&all).unwrap();
        assert_eq!(bounds.narrow(&all), Ok(bounds));
        for wider in [
            Narrowing {
                max_uses: Some(11),
                ..Narrowing::default()
            },
            Narrowing {
                valid_from: day(20_260_131),
                ..Narrowing::default()
            },
            Narrowing {
                valid_until: day(20_260_302),
                ..Narrowing::default()
            },
            Narrowing {
                owner: Some(8),
                ..Narrowing::default()
            },
        ] {
            assert_eq!(bounds.narrow(&wider), Err(Error::Refused), "{wider:?}");
        }
        for wrong in [
            Narrowing {
                max_uses: Some(NO_LIMIT),
                ..Narrowing::default()
            },
            Narrowing {
                owner: Some(0),
                ..Narrowing::default()
            },
        ] {
            assert_eq!(bounds.narrow(&wrong), Err(Error::InvalidArgument), "{wrong:?}");
        }
    }
}
