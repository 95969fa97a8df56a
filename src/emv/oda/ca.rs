// SPDX-License-Identifier: MIT OR Apache-2.0
//! Certification authority public keys: the caller's table, with its dates and its revocation list.

use core::fmt;

use sha1::{Digest, Sha1};

use super::{Failure, Fault, Stage};
use crate::codec::bcd;
use crate::error::Error;
use crate::rsa::{Exponent, PublicKey};

/// Length of a registered application provider identifier, the head of an AID.
pub const RID_LEN: usize = 5;

/// The longest modulus of a key, in bytes: 1984 bits.
///
/// # Source
/// EMV Book 2, Annex B2.1.
pub const MAX_LEN: usize = 248;

/// The shortest modulus of a CA key, in bytes: 1024 bits.
const MIN_LEN: usize = 128;

/// A day: year, month and day as EMV writes them, two BCD digits each (tag 9A). Years 50 to 99 are of the last century.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Date {
    /// Years from 1950 on.
    year: u8,
    month: u8,
    day: u8,
}

impl Date {
    /// The day YYMMDD.
    ///
    /// # Errors
    /// [`Error::EmvElement`] if it is not BCD, or no month or day.
    ///
    /// # Source
    /// EMV Book 4, clause 6.7.3 (years).
    pub fn from_bytes(date: [u8; 3]) -> Result<Self, Error> {
        let [year, month, day] = date.map(number);
        match (year, month, day) {
            (Some(year), Some(month @ 1..=12), Some(day @ 1..=31)) => Ok(Self {
                year: since_1950(year),
                month,
                day,
            }),
            _ => Err(Error::EmvElement),
        }
    }

    /// Whether a certificate that expires at the end of the month MMYY is past its date on this day. A date that is none
    /// is past.
    pub(super) fn is_after_month(self, expiry: [u8; 2]) -> bool {
        match expiry.map(number) {
            [Some(month @ 1..=12), Some(year)] => (since_1950(year), month) < (self.year, self.month),
            _ => true,
        }
    }
}

/// The two digits of a BCD byte.
fn number(byte: u8) -> Option<u8> {
    bcd::check_numeric(&[byte]).ok()?;
    Some((byte >> 4).wrapping_mul(10).wrapping_add(byte & 15))
}

const fn since_1950(year: u8) -> u8 {
    if year < 50 {
        year.wrapping_add(50)
    } else {
        year.wrapping_sub(50)
    }
}

/// A certification authority's public key, borrowed from the caller's table.
#[derive(Clone, Copy)]
pub struct CaKey<'a> {
    rid: [u8; RID_LEN],
    index: u8,
    modulus: &'a [u8],
    exponent: Exponent,
    expires: Option<Date>,
}

impl<'a> CaKey<'a> {
    /// The key of RID and index (tag 8F).
    ///
    /// `modulus`: 128 to 248 bytes, big-endian. `exponent`: 03 or 010001. `checksum`: SHA-1 over RID, index, modulus and
    /// exponent, as the scheme publishes it; it shows that the table was copied well, not where it comes from: a CA
    /// key must come in over an authenticated way. `expires`: the last day of use; `None` if the scheme gave none.
    ///
    /// # Errors
    /// [`Error::InvalidKeyLength`], [`Error::InvalidArgument`] for a modulus or an exponent that is none;
    /// [`Error::VerificationFailed`] if the checksum is another.
    ///
    /// # Source
    /// EMV Book 2, clause 11.2.1; vectors: `vectors/emv_oda.txt`, operation `capk_checksum`.
    pub fn new(
        rid: [u8; RID_LEN],
        index: u8,
        modulus: &'a [u8],
        exponent: &[u8],
        checksum: &[u8; 20],
        expires: Option<Date>,
    ) -> Result<Self, Error> {
        if !(MIN_LEN..=MAX_LEN).contains(&modulus.len()) {
            return Err(Error::InvalidKeyLength);
        }
        let key = Self {
            rid,
            index,
            modulus,
            exponent: Exponent::from_bytes(exponent)?,
            expires,
        };
        key.public_key()?;
        if Self::checksum(rid, index, modulus, exponent) == *checksum {
            Ok(key)
        } else {
            Err(Error::VerificationFailed)
        }
    }

    /// The checksum of a CA key: SHA-1 over RID, index, modulus and exponent.
    #[must_use]
    pub fn checksum(rid: [u8; RID_LEN], index: u8, modulus: &[u8], exponent: &[u8]) -> [u8; 20] {
        Sha1::new()
            .chain_update(rid)
            .chain_update([index])
            .chain_update(modulus)
            .chain_update(exponent)
            .finalize()
            .into()
    }

    /// The RID.
    #[must_use]
    pub const fn rid(&self) -> [u8; RID_LEN] {
        self.rid
    }

    /// The index.
    #[must_use]
    pub const fn index(&self) -> u8 {
        self.index
    }

    pub(super) fn public_key(&self) -> Result<PublicKey, Error> {
        PublicKey::new(self.modulus, self.exponent)
    }
}

impl fmt::Debug for CaKey<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CaKey")
            .field("rid", &self.rid)
            .field("index", &self.index)
            .field("len", &self.modulus.len())
            .finish_non_exhaustive()
    }
}

/// Length of an entry of a revocation list: RID, index, and the serial number of the issuer's certificate.
pub const REVOKED_LEN: usize = RID_LEN + 1 + 3;

/// What the terminal believes: CA keys, what was revoked, and the day.
#[derive(Clone, Copy, Debug)]
pub struct Trust<'a> {
    /// The CA keys.
    pub keys: &'a [CaKey<'a>],
    /// The revocation list: RID, index and serial number of issuer certificates.
    pub revoked: &'a [[u8; REVOKED_LEN]],
    /// The day of the transaction (tag 9A).
    pub date: Date,
}

impl<'a> Trust<'a> {
    /// The key of RID and index, within its dates.
    ///
    /// # Errors
    /// [`Fault::NoCaKey`], [`Fault::Expired`].
    pub fn key(&self, rid: [u8; RID_LEN], index: u8) -> Result<&'a CaKey<'a>, Failure> {
        let key = self
            .keys
            .iter()
            .find(|key| key.rid == rid && key.index == index)
            .ok_or(Fault::NoCaKey.at(Stage::CaKey))?;
        match key.expires {
            Some(last) if last < self.date => Err(Fault::Expired.at(Stage::CaKey)),
            _ => Ok(key),
        }
    }

    pub(super) fn is_revoked(&self, key: &CaKey<'_>, serial: [u8; 3]) -> bool {
        self.revoked.iter().any(|entry| {
            let (rid, rest) = entry.split_at(RID_LEN);
            rid == key.rid && matches!(rest, [index, number @ ..] if *index == key.index && number == serial)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn months_end_at_their_last_day() {
        let day = |y, m, d| Date::from_bytes([y, m, d]).unwrap();
        assert!(!day(0x26, 0x11, 0x30).is_after_month([0x11, 0x26]));
        assert!(day(0x26, 0x12, 0x01).is_after_month([0x11, 0x26]));
        assert!(!day(0x26, 0x12, 0x01).is_after_month([0x01, 0x27]));
        // 49 is 2049, 50 is 1950.
        assert!(!day(0x26, 0x11, 0x01).is_after_month([0x12, 0x49]));
        assert!(day(0x26, 0x11, 0x01).is_after_month([0x12, 0x50]));
        assert!(!day(0x99, 0x12, 0x31).is_after_month([0x01, 0x00]));
        for none in [[0x00, 0x49], [0x13, 0x49], [0x1A, 0x49], [0x01, 0xF9]] {
            assert!(day(0x00, 0x01, 0x01).is_after_month(none));
        }
        assert!(day(0x49, 0x12, 0x31) > day(0x26, 0x01, 0x01));
        assert!(day(0x50, 0x12, 0x31) < day(0x26, 0x01, 0x01));
        for none in [
            [0x26, 0x00, 0x01],
            [0x26, 0x13, 0x01],
            [0x26, 0x01, 0x00],
            [0x26, 0x01, 0x32],
            [0x2A, 0x01, 0x01],
        ] {
            assert_eq!(Date::from_bytes(none), Err(Error::EmvElement));
        }
    }
}
