// SPDX-License-Identifier: MIT OR Apache-2.0
//! The primary account number and the fields that PIN blocks take from it.

use core::fmt;

use crate::error::Error;

/// The most digits a PAN may have (ISO/IEC 7812-1).
pub const MAX_LEN: usize = 19;

/// Digits of the account field of formats 0 and 3, without the check digit.
const ACCOUNT_DIGITS: usize = 12;

/// A primary account number of 1 to 19 decimal digits, check digit included.
///
/// Not a secret, but cardholder data: `Debug` and `Display` show at most the first six and the last four digits.
/// The check digit is not verified; whoever reads the card does that.
#[doc(alias = "primary account number")]
#[derive(Clone)]
pub struct Pan {
    /// Digit values, zero behind the last.
    digits: [u8; MAX_LEN],
    len: usize,
    zero_fill: bool,
}

impl Pan {
    /// Reads 1 to 19 ASCII decimal digits, nothing else.
    ///
    /// # Errors
    /// [`Error::InvalidPan`].
    pub fn parse(text: &[u8]) -> Result<Self, Error> {
        let mut digits = [0; MAX_LEN];
        if text.is_empty() || text.len() > MAX_LEN {
            return Err(Error::InvalidPan);
        }
        for (digit, &c) in digits.iter_mut().zip(text) {
            if !c.is_ascii_digit() {
                return Err(Error::InvalidPan);
            }
            *digit = c & 15;
        }
        Ok(Self {
            digits,
            len: text.len(),
            zero_fill: false,
        })
    }

    /// Lets formats 0 and 3 fill a PAN of fewer than 13 digits with zeros on the left, which they refuse otherwise:
    /// ISO 9564-1 does not define it, and PANs that differ in leading zeros then give one account field.
    #[must_use]
    pub const fn zero_fill(mut self) -> Self {
        self.zero_fill = true;
        self
    }

    /// The number of digits, 1 to 19.
    #[must_use]
    #[expect(clippy::len_without_is_empty, reason = "no PAN is empty")]
    pub const fn len(&self) -> usize {
        self.len
    }

    /// The digit values 0 to 9, check digit last.
    #[must_use]
    pub fn digits(&self) -> &[u8] {
        self.digits.get(..self.len).unwrap_or(&[])
    }

    /// The account field of formats 0 and 3: four zero digits, then the 12 digits left of the check digit.
    ///
    /// # Errors
    /// [`Error::InvalidPan`] for fewer than 13 digits without [`zero_fill`](Self::zero_fill).
    ///
    /// # Source
    /// ISO 9564-1, formats 0 and 3.
    pub fn account_field(&self) -> Result<[u8; 8], Error> {
        if self.len <= ACCOUNT_DIGITS && !self.zero_fill {
            return Err(Error::InvalidPan);
        }
        let [digits @ .., _] = self.digits() else {
            return Ok([0; 8]);
        };
        let first = digits.len().saturating_sub(ACCOUNT_DIGITS);
        let account = digits.get(first..).unwrap_or(&[]).iter();
        Ok(account
            .fold(0, |sum, digit| (sum << 4) | u64::from(*digit))
            .to_be_bytes())
    }

    /// The PAN field of format 4, 16 bytes: the number of digits over 12, then all digits (fewer than 12:
    /// right-justified to 12), then zeros.
    ///
    /// PANs of fewer than 12 digits share their field with those that have leading zeros.
    ///
    /// # Source
    /// ISO 9564-1, format 4; vectors: `vectors/pinblock.txt`, operation `iso4_pan_field`.
    #[must_use]
    pub fn format4_field(&self) -> [u8; 16] {
        let mut nibbles = [0; 32];
        let [over, rest @ ..] = &mut nibbles;
        *over = u8::try_from(self.len.saturating_sub(ACCOUNT_DIGITS)).unwrap_or(0);
        let lead = ACCOUNT_DIGITS.saturating_sub(self.len);
        for (to, from) in rest.iter_mut().skip(lead).zip(self.digits()) {
            *to = *from;
        }
        pack(&nibbles)
    }

    /// The 11 rightmost digits without the check digit, as the Visa PVV takes them.
    ///
    /// # Errors
    /// [`Error::InvalidPan`] for fewer than 12 digits.
    pub fn pvv_digits(&self) -> Result<[u8; 11], Error> {
        if self.len <= 11 {
            return Err(Error::InvalidPan);
        }
        Ok(self.account())
    }

    /// The 11 rightmost digits without the check digit, zeros before them if there are fewer: what every computation with a
    /// PAN takes in.
    #[must_use]
    pub fn account(&self) -> [u8; 11] {
        let mut out = [0; 11];
        for (to, from) in out.iter_mut().rev().zip(self.rightmost(11)) {
            *to = *from;
        }
        out
    }

    /// Whether the last digit is the check digit of the others: ISO/IEC 7812-1, annex B ("Luhn"). One digit alone has
    /// nothing to check.
    #[doc(alias = "luhn")]
    #[doc(alias = "mod 10")]
    #[must_use]
    pub fn has_check_digit(&self) -> bool {
        let sum = self.digits().iter().rev().enumerate().fold(0_u32, |sum, (at, digit)| {
            let digit = u32::from(*digit);
            // Every second digit, from the one left of the check digit on, counts twice; of a product both digits count.
            let counts = match at & 1 {
                0 => digit,
                _ if digit > 4 => digit.wrapping_mul(2).wrapping_sub(9),
                _ => digit.wrapping_mul(2),
            };
            sum.wrapping_add(counts)
        });
        self.len > 1 && sum.is_multiple_of(10)
    }

    /// The PAN as it may be shown, as `Display` has it: the first six digits of 13 or more and the last four of 8 or more in
    /// ASCII, `*` for the others. Zero bytes behind.
    #[must_use]
    pub fn masked(&self) -> [u8; MAX_LEN] {
        let mut out = [0; MAX_LEN];
        for (to, from) in out.iter_mut().zip(self.shown()) {
            *to = from.map_or(b'*', |digit| digit | 0x30);
        }
        out
    }

    /// The digits that may be shown, and nothing in the place of the others.
    fn shown(&self) -> impl Iterator<Item = Option<u8>> {
        // First six and last four, and never fewer than three hidden; of a PAN too short for that the last four only.
        let (first, last) = match self.len {
            13.. => (6, 4),
            8.. => (0, 4),
            _ => (0, 0),
        };
        let tail = self.len.saturating_sub(last);
        let digits = self.digits().iter().enumerate();
        digits.map(move |(at, digit)| (at < first || at >= tail).then_some(*digit))
    }

    /// At most `count` digits from the one left of the check digit leftwards.
    fn rightmost(&self, count: usize) -> impl Iterator<Item = &u8> {
        self.digits().iter().rev().skip(1).take(count)
    }
}

/// Packs nibbles, the first into the high half of the first byte.
pub(super) fn pack<const N: usize, const M: usize>(nibbles: &[u8; N]) -> [u8; M] {
    let mut out = [0; M];
    let (pairs, _) = nibbles.as_chunks::<2>();
    for (byte, [high, low]) in out.iter_mut().zip(pairs) {
        *byte = (high << 4) | low;
    }
    out
}

impl PartialEq for Pan {
    /// Whether the digits are the same; [`zero_fill`](Self::zero_fill) does not count.
    fn eq(&self, other: &Self) -> bool {
        self.digits() == other.digits()
    }
}

impl Eq for Pan {}

impl fmt::Display for Pan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for digit in self.shown() {
            match digit {
                Some(digit) => write!(f, "{digit}")?,
                None => f.write_str("*")?,
            }
        }
        Ok(())
    }
}

impl fmt::Debug for Pan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Pan({self})")
    }
}

#[cfg(test)]
mod tests {
    extern crate std;

    use std::string::ToString as _;

    use super::*;

    fn pan(text: &str) -> Pan {
        Pan::parse(text.as_bytes()).unwrap()
    }

    #[test]
    fn only_digits_of_a_permitted_count() {
        for text in [
            "",
            "12345678901234567890",
            "1234 5678",
            "123A",
            "12\u{0663}4",
            "+123",
            "/",
            ":",
        ] {
            assert_eq!(Pan::parse(text.as_bytes()), Err(Error::InvalidPan), "{text}");
        }
        assert_eq!(pan("0123456789").digits(), [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
        let longest = pan("1234567890123456789");
        assert_eq!((longest.len(), longest.digits().len()), (19, 19));
        assert_ne!(pan("01"), pan("1"));
        assert_eq!(pan("1"), pan("1").zero_fill());
    }

    /// ISO/IEC 7812-1, annex B. Numbers that card schemes publish for tests.
    #[test]
    fn check_digits() {
        let good = [
            "4761739001010010",
            "5413330089020011",
            "378282246310005",
            "6011111111111117",
            "3530111333300000",
            "79927398713",
            "00",
            "18",
        ];
        for text in good {
            assert!(pan(text).has_check_digit(), "{text}");
            // Every other digit in every place is found.
            for at in 0..text.len() {
                for digit in b'0'..=b'9' {
                    let mut wrong = text.as_bytes().to_vec();
                    wrong[at] = digit;
                    let same = wrong == text.as_bytes();
                    assert_eq!(Pan::parse(&wrong).unwrap().has_check_digit(), same, "{text} {at}");
                }
            }
        }
        assert!(!pan("0").has_check_digit());
    }

    #[test]
    fn masked_as_shown() {
        for text in [
            "1",
            "1234567",
            "12345678",
            "123456789012",
            "1234567890123",
            "1234567890123456789",
        ] {
            let shown = pan(text).to_string();
            let masked = pan(text).masked();
            assert_eq!(&masked[..text.len()], shown.as_bytes());
            assert!(masked[text.len()..].iter().all(|&byte| byte == 0));
            assert!(shown.matches('*').count() >= 3.min(text.len()));
        }
        assert_eq!(pan("1234567890123456").to_string(), "123456******3456");
    }

    #[test]
    fn account_field_needs_13_digits() {
        assert_eq!(
            pan("5544332211009966").account_field(),
            Ok([0x00, 0x00, 0x43, 0x32, 0x21, 0x10, 0x09, 0x96])
        );
        assert_eq!(pan("555555555123").account_field(), Err(Error::InvalidPan));
        assert_eq!(
            pan("555555555123").zero_fill().account_field(),
            Ok([0x00, 0x00, 0x05, 0x55, 0x55, 0x55, 0x55, 0x12])
        );
        assert_eq!(pan("1").zero_fill().account_field(), Ok([0; 8]));
        assert!(pan("1234567890123").account_field().is_ok());
    }

    #[test]
    fn pvv_digits_need_12() {
        assert_eq!(pan("12345678901").pvv_digits(), Err(Error::InvalidPan));
        assert_eq!(pan("123456789012").pvv_digits(), Ok([1, 2, 3, 4, 5, 6, 7, 8, 9, 0, 1]));
    }

    #[test]
    fn masked() {
        extern crate std;
        use std::format;
        assert_eq!(format!("{}", pan("4111111111119876")), "411111******9876");
        assert_eq!(
            format!("{:?}", pan("4111111111119876").zero_fill()),
            "Pan(411111******9876)"
        );
        assert_eq!(format!("{}", pan("1234567890123")), "123456***0123");
        assert_eq!(format!("{}", pan("123456789012")), "********9012");
        assert_eq!(format!("{}", pan("1234567")), "*******");
    }
}
