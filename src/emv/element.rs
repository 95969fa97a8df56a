// SPDX-License-Identifier: MIT OR Apache-2.0
//! Data elements of a card: the transaction counter, the cryptogram information, PAN and track 2.

use core::fmt;

use crate::codec::bcd;
use crate::codec::tlv::{Fault, Tag};
use crate::error::Error;
use crate::pin::pan::Pan;

/// Longest value of tag 5A in bytes.
const PAN_MAX_LEN: usize = 10;

/// Longest value of tag 57 in bytes.
const TRACK2_MAX_LEN: usize = 19;

/// Most digits of a PAN (ISO/IEC 7812-1).
const PAN_DIGITS: usize = 19;

/// Tags of EMV Book 3, Annex A, that this crate reads or writes.
pub mod tag {
    use super::Tag;

    macro_rules! tags {
        ($($(#[$doc:meta])* $name:ident = $value:literal;)*) => {
            $($(#[$doc])* pub const $name: Tag = Tag::known($value);)*

            /// Every tag above.
            #[cfg(test)]
            pub(super) const ALL: &[u32] = &[$($value),*];
        };
    }

    tags! {
        /// Track 2 equivalent data.
        TRACK2 = 0x57;
        /// Application PAN.
        PAN = 0x5A;
        /// PAN sequence number.
        PAN_SEQUENCE = 0x5F34;
        /// Transaction currency code.
        CURRENCY = 0x5F2A;
        /// Issuer script template 1: commands before the second GENERATE AC.
        SCRIPT_BEFORE = 0x71;
        /// Issuer script template 2: commands after it.
        SCRIPT_AFTER = 0x72;
        /// Issuer script command.
        SCRIPT_COMMAND = 0x86;
        /// Issuer script identifier.
        SCRIPT_IDENTIFIER = 0x9F18;
        /// GENERATE AC response, format 2.
        FORMAT2 = 0x77;
        /// GENERATE AC response, format 1.
        FORMAT1 = 0x80;
        /// Application interchange profile.
        AIP = 0x82;
        /// Issuer authentication data.
        ISSUER_AUTHENTICATION = 0x91;
        /// Terminal verification results.
        TVR = 0x95;
        /// Transaction date, YYMMDD.
        DATE = 0x9A;
        /// Transaction type.
        TRANSACTION_TYPE = 0x9C;
        /// Amount, authorised.
        AMOUNT = 0x9F02;
        /// Amount, other.
        AMOUNT_OTHER = 0x9F03;
        /// Issuer application data.
        IAD = 0x9F10;
        /// Terminal country code.
        COUNTRY = 0x9F1A;
        /// Application cryptogram.
        CRYPTOGRAM = 0x9F26;
        /// Cryptogram information data.
        CID = 0x9F27;
        /// Application transaction counter.
        ATC = 0x9F36;
        /// Unpredictable number.
        UNPREDICTABLE_NUMBER = 0x9F37;
        /// Signed dynamic application data.
        SIGNED_DATA = 0x9F4B;
    }
}

/// Application transaction counter (tag 9F36): one a transaction, never twice on a card.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Atc(u16);

impl Atc {
    /// The counter of this value.
    #[must_use]
    pub const fn new(value: u16) -> Self {
        Self(value)
    }

    /// The counter of tag 9F36: 2 bytes, big-endian.
    ///
    /// # Errors
    /// [`Error::EmvElement`] for any other length.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, Error> {
        match bytes {
            [high, low] => Ok(Self(u16::from_be_bytes([*high, *low]))),
            _ => Err(Error::EmvElement),
        }
    }

    /// The value.
    #[must_use]
    pub const fn value(self) -> u16 {
        self.0
    }

    /// The value of tag 9F36.
    #[must_use]
    pub const fn to_bytes(self) -> [u8; 2] {
        self.0.to_be_bytes()
    }
}

/// What an application cryptogram says; in the order in which a card may only answer lower than it was asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum CryptogramKind {
    /// Application authentication cryptogram: declined.
    Aac,
    /// Authorisation request cryptogram: ask the issuer.
    Arqc,
    /// Transaction certificate: approved.
    Tc,
}

/// Cryptogram information data (tag 9F27), one byte: the kind in bits 8 and 7, advice and reason in the rest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cid(u8);

impl Cid {
    /// The information data of a cryptogram without advice or reason.
    #[must_use]
    pub const fn new(kind: CryptogramKind) -> Self {
        Self(match kind {
            CryptogramKind::Aac => 0x00,
            CryptogramKind::Tc => 0x40,
            CryptogramKind::Arqc => 0x80,
        })
    }

    /// The information data of tag 9F27.
    ///
    /// # Errors
    /// [`Error::EmvElement`] unless it is one byte with a kind that is not reserved.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, Error> {
        match bytes {
            [byte] if byte >> 6 != 3 => Ok(Self(*byte)),
            _ => Err(Error::EmvElement),
        }
    }

    /// The kind of cryptogram.
    #[must_use]
    pub const fn kind(self) -> CryptogramKind {
        match self.0 >> 6 {
            0 => CryptogramKind::Aac,
            1 => CryptogramKind::Tc,
            _ => CryptogramKind::Arqc,
        }
    }

    /// The value of tag 9F27.
    #[must_use]
    pub const fn to_byte(self) -> u8 {
        self.0
    }
}

/// The PAN of tag 5A: format cn, at most 10 bytes, F only as padding at the end.
///
/// # Errors
/// [`Error::EmvElement`] for another length or more than 19 digits, [`Error::Bcd`] for a nibble A to E or a digit
/// behind an F, [`Error::InvalidPan`] as [`Pan::parse`].
pub fn pan(value: &[u8]) -> Result<Pan, Error> {
    let mut digits = [0; PAN_DIGITS];
    let count = match bcd::decode_compressed(value, &mut digits) {
        Err(Error::InvalidLength) => Err(Error::EmvElement),
        other => other,
    }?;
    pan_of_digits(digits.get(..count).ok_or(Error::Internal)?)
}

/// Where the value of tag 5A is malformed: the byte with a nibble that is no digit, or behind a padding; its end if it has
/// too few digits, and byte 10 if it is too long. `None` if it is well formed.
#[must_use]
pub fn pan_fault(value: &[u8]) -> Option<Fault> {
    let error = pan(value).err()?;
    let padding = bcd::nibbles(value).position(|n| n > 9).unwrap_or(usize::MAX);
    let mut wrong = bcd::nibbles(value)
        .enumerate()
        .filter(|&(at, n)| at >= padding && n != 0xF);
    let offset = match wrong.next() {
        Some((at, _)) => at >> 1,
        None => value.len().min(PAN_MAX_LEN),
    };
    Some(Fault { error, offset })
}

fn pan_of_digits(digits: &[u8]) -> Result<Pan, Error> {
    let mut text = [0; PAN_DIGITS];
    for (to, digit) in text.iter_mut().zip(digits) {
        *to = b'0'.wrapping_add(*digit);
    }
    Pan::parse(text.get(..digits.len()).ok_or(Error::InvalidPan)?)
}

/// Track 2 equivalent data (tag 57) without its discretionary data.
pub struct Track2 {
    pan: Pan,
    expiry: [u8; 4],
    service_code: [u8; 3],
}

impl Track2 {
    /// Reads tag 57: PAN, separator D, expiry YYMM, service code, discretionary data, and one F where the number of
    /// digits is odd. At most 19 bytes.
    ///
    /// # Errors
    /// [`Error::EmvElement`] for another shape: no separator or two, nothing but digits besides it, a month that is
    /// none, F elsewhere than in the last nibble. [`Error::InvalidPan`] as [`Pan::parse`].
    pub fn parse(value: &[u8]) -> Result<Self, Error> {
        if value.len() > TRACK2_MAX_LEN {
            return Err(Error::EmvElement);
        }
        let mut nibbles = [0; 38];
        for (to, from) in nibbles.iter_mut().zip(bcd::nibbles(value)) {
            *to = from;
        }
        let all = nibbles.get(..value.len().saturating_mul(2)).ok_or(Error::EmvElement)?;
        let all = match all {
            [digits @ .., 0xF] => digits,
            digits => digits,
        };
        let separator = all.iter().position(|&n| n == 0xD).ok_or(Error::EmvElement)?;
        let (pan, rest) = all.split_at_checked(separator).ok_or(Error::EmvElement)?;
        let (_, rest) = rest.split_first().ok_or(Error::EmvElement)?;
        if pan.iter().chain(rest).any(|&n| n > 9) || pan.len() > PAN_DIGITS {
            return Err(Error::EmvElement);
        }
        let (expiry, rest) = rest.split_first_chunk::<4>().ok_or(Error::EmvElement)?;
        let service_code = rest.first_chunk::<3>().ok_or(Error::EmvElement)?;
        let [_, _, ten, one] = expiry;
        if !matches!((ten, one), (0, 1..=9) | (1, 0..=2)) {
            return Err(Error::EmvElement);
        }
        Ok(Self {
            pan: pan_of_digits(pan)?,
            expiry: *expiry,
            service_code: *service_code,
        })
    }

    /// Where the value of tag 57 is malformed: the byte of a nibble that is no digit, of a second separator or of a month
    /// that is none; the end, if something is missing there; byte 19 if it is too long. `None` if it is well formed.
    #[must_use]
    pub fn fault(value: &[u8]) -> Option<Fault> {
        let error = Self::parse(value).err()?;
        let len = value.len().wrapping_mul(2);
        let all = || bcd::nibbles(value).enumerate();
        let separator = all().find(|&(_, n)| n == 0xD).map_or(len, |(at, _)| at);
        // One F may stand at the very end.
        let is_end = |at: usize, n| n == 0xF && at.wrapping_add(1) == len;
        let foreign = all().find(|&(at, n)| n > 9 && at != separator && !is_end(at, n));
        let month = separator.saturating_add(3);
        let offset = match foreign {
            _ if value.len() > TRACK2_MAX_LEN => TRACK2_MAX_LEN,
            Some((at, _)) => at >> 1,
            // Separator, YYMM, service code.
            None if separator.saturating_add(8) > len => value.len(),
            None if separator > PAN_DIGITS => PAN_DIGITS >> 1,
            None if error == Error::InvalidPan => separator >> 1,
            None => month.min(len) >> 1,
        };
        Some(Fault { error, offset })
    }

    /// The PAN.
    #[must_use]
    pub const fn pan(&self) -> &Pan {
        &self.pan
    }

    /// Expiry as four digit values, YYMM.
    #[must_use]
    pub const fn expiry(&self) -> [u8; 4] {
        self.expiry
    }

    /// Service code as three digit values.
    #[must_use]
    pub const fn service_code(&self) -> [u8; 3] {
        self.service_code
    }
}

/// The PAN is masked; expiry and service code are not shown.
impl fmt::Debug for Track2 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Track2").field("pan", &self.pan).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_tags_are_whole() {
        for &value in tag::ALL {
            assert_eq!(Tag::new(value).map(Tag::value), Ok(value));
        }
    }

    #[test]
    fn cryptogram_information() {
        for byte in 0..=255_u8 {
            let expected = match byte >> 6 {
                0 => Ok(CryptogramKind::Aac),
                1 => Ok(CryptogramKind::Tc),
                2 => Ok(CryptogramKind::Arqc),
                _ => Err(Error::EmvElement),
            };
            assert_eq!(Cid::from_bytes(&[byte]).map(Cid::kind), expected);
        }
        for kind in [CryptogramKind::Aac, CryptogramKind::Arqc, CryptogramKind::Tc] {
            assert_eq!(Cid::new(kind).kind(), kind);
        }
        assert_eq!(Cid::from_bytes(&[]), Err(Error::EmvElement));
        assert_eq!(Atc::from_bytes(&[1]), Err(Error::EmvElement));
        assert_eq!(Atc::from_bytes(&[1, 2]).map(Atc::to_bytes), Ok([1, 2]));
    }

    #[test]
    fn pans() {
        let value = [0x41, 0x11, 0x11, 0x11, 0x11, 0x11, 0x11, 0x11];
        assert_eq!(
            pan(&value).unwrap().digits(),
            [4, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1]
        );
        let odd = [0x41, 0x11, 0x11, 0x11, 0x11, 0x11, 0x1F];
        assert_eq!(pan(&odd).unwrap().digits().len(), 13);
        assert_eq!(pan(&[0x41, 0x11, 0x11, 0x1A, 0x11, 0x11, 0x11]).err(), Some(Error::Bcd));
        assert_eq!(pan(&[0x41, 0x11, 0xF1, 0x11, 0x11, 0x11, 0x11]).err(), Some(Error::Bcd));
        assert_eq!(pan(&[0x11; 10]).err(), Some(Error::EmvElement));
        let at = |value: &[u8]| pan_fault(value).map(|fault| fault.offset);
        assert_eq!(at(&value), None);
        assert_eq!(at(&[0x41, 0x11, 0x11, 0x1A, 0x11, 0x11, 0x11]), Some(3));
        assert_eq!(at(&[0x41, 0x11, 0xF1, 0x11, 0x11, 0x11, 0x11]), Some(2));
        assert_eq!(
            (at(&[0x11; 10]), at(&[0x11; 11]), at(&[])),
            (Some(10), Some(10), Some(0))
        );
        assert_eq!(pan(&[]).err(), Some(Error::InvalidPan));
    }

    #[test]
    fn track2() {
        let good = [
            0x41, 0x11, 0x11, 0x11, 0x11, 0x11, 0x11, 0x11, 0xD3, 0x11, 0x22, 0x01, 0x12, 0x3F,
        ];
        let track = Track2::parse(&good).unwrap();
        assert_eq!(track.pan().digits().len(), 16);
        assert_eq!((track.expiry(), track.service_code()), ([3, 1, 1, 2], [2, 0, 1]));
        let broken: &[(usize, u8)] = &[
            (8, 0x93),  // no separator
            (12, 0xD2), // two separators
            (7, 0x1A),  // a nibble that is no digit
            (5, 0xF1),  // padding inside
            (13, 0xFF), // two paddings
            (9, 0x13),  // month 31
            (13, 0x3D), // a separator at the end
        ];
        for &(at, byte) in broken {
            let mut bad = good;
            bad[at] = byte;
            assert_eq!(Track2::parse(&bad).err(), Some(Error::EmvElement), "{at}");
            // Without a separator there is something missing at the end, a month is where it is.
            let offset = match (at, byte) {
                (8, _) => 14,
                (9, _) => 9,
                _ => at,
            };
            let fault = Track2::fault(&bad).map(|fault| fault.offset);
            assert_eq!(fault, Some(offset), "{at}");
        }
        assert_eq!(Track2::fault(&good), None);
        assert_eq!(Track2::fault(&[0x11; 20]).map(|fault| fault.offset), Some(19));
        assert!(Track2::parse(&good[..12]).is_ok());
        assert_eq!(Track2::parse(&good[..11]).err(), Some(Error::EmvElement));
        assert_eq!(Track2::parse(&[]).err(), Some(Error::EmvElement));
        assert_eq!(Track2::parse(&[0x11; 20]).err(), Some(Error::EmvElement));
        let mut long = [0x11; 19];
        long[10] = 0xD1;
        assert_eq!(Track2::parse(&long).err(), Some(Error::EmvElement));
        (long[9], long[10]) = (0x1D, 0x11);
        assert!(Track2::parse(&long).is_ok());
    }
}
