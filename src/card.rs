// SPDX-License-Identifier: MIT OR Apache-2.0
//! Card verification values: what an issuer puts on a card, so that card data cannot be made up or moved from one place
//! of the card to another. Host side.
//!
//! | value | other names | stands | computed by | key |
//! |---|---|---|---|---|
//! | CVV | CVV1, CVC, CVC1 | on the magnetic stripe | [`cvv`] with the track's service code | CVK (C0) |
//! | CVV2 | CVC2 | printed on the card | [`cvv`] with service code 000 | CVK (C0) |
//! | iCVV | Chip CVC | in the chip's image of the track | [`cvv`] with service code 999 | CVK (C0) |
//! | dCVV, CAVV | | made for one transaction | [`dcvv`]; one source | IMK (E4), CVK (C0) |
//! | CVC3 | dynamic CVC | made anew by a contactless card for each tap | [`cvc3`] | IMK (E4) |
//!
//! A value is three to five digits: whoever may ask for verifications finds it by trying. The limit on tries is the
//! device's, which [`hsm`](crate::hsm) asks before each. The value of a stripe and the printed one are sensitive
//! authentication data: not to be stored after authorisation (PCI DSS); [`CardValue`] is wiped on drop.

pub mod cvc3;
pub mod cvv;
pub mod dcvv;

use core::fmt;

use subtle::{Choice, ConstantTimeEq};
use zeroize::{Zeroize, ZeroizeOnDrop};

use crate::error::Error;
use crate::secret::SecretBuf;

/// The fewest digits of a card verification value.
pub const MIN_DIGITS: usize = 3;

/// The most digits of a card verification value.
pub const MAX_DIGITS: usize = 5;

/// A card verification value: 3 to 5 digits, wiped on drop.
///
/// ```compile_fail
/// # use payhsm::card::CardValue;
/// let value = CardValue::parse(b"123").unwrap();
/// let copy = value.clone();
/// ```
///
/// ```compile_fail
/// # use payhsm::card::CardValue;
/// let _ = CardValue::parse(b"123").unwrap() == CardValue::parse(b"123").unwrap();
/// ```
#[doc(alias = "CVV")]
#[doc(alias = "CVC")]
pub struct CardValue(
    /// Digit values; none means empty.
    SecretBuf<MAX_DIGITS>,
);

impl CardValue {
    /// A place for a value. Verification of an empty one fails with [`Error::InvalidLength`].
    #[must_use]
    pub const fn empty() -> Self {
        Self(SecretBuf::new())
    }

    /// From 3 to 5 ASCII decimal digits, as they came.
    ///
    /// # Errors
    /// [`Error::InvalidLength`], [`Error::InvalidDigit`].
    pub fn parse(text: &[u8]) -> Result<Self, Error> {
        let mut value = Self::empty();
        for (to, c) in value.reset(text.len())?.iter_mut().zip(text) {
            if !c.is_ascii_digit() {
                return Err(Error::InvalidDigit);
            }
            *to = c & 15;
        }
        Ok(value)
    }

    /// The digit values 0 to 9.
    #[must_use]
    pub fn digits(&self) -> &[u8] {
        self.0.expose()
    }

    /// The number of digits, which is public.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether no value is here.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Wipes, and gives `len` digits to be written.
    fn reset(&mut self, len: usize) -> Result<&mut [u8], Error> {
        self.0.zeroize();
        check_len(len)?;
        self.0.reset(len)
    }
}

pub(crate) fn check_len(len: usize) -> Result<(), Error> {
    if (MIN_DIGITS..=MAX_DIGITS).contains(&len) {
        Ok(())
    } else {
        Err(Error::InvalidLength)
    }
}

impl Default for CardValue {
    fn default() -> Self {
        Self::empty()
    }
}

impl ConstantTimeEq for CardValue {
    fn ct_eq(&self, other: &Self) -> Choice {
        self.0.expose().ct_eq(other.0.expose())
    }
}

impl Zeroize for CardValue {
    fn zeroize(&mut self) {
        self.0.zeroize();
    }
}

impl ZeroizeOnDrop for CardValue {}

impl fmt::Debug for CardValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CardValue")
            .field("len", &self.len())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_to_five_digits() {
        for len in 0..8 {
            let parsed = CardValue::parse(&b"01234567"[..len]);
            match parsed {
                Ok(value) => {
                    assert!((3..=5).contains(&len));
                    assert_eq!(value.digits(), &[0, 1, 2, 3, 4][..len]);
                    assert_eq!((value.len(), value.is_empty()), (len, false));
                }
                Err(error) => assert!(!(3..=5).contains(&len) && error == Error::InvalidLength),
            }
        }
        for text in [b"01:", b"0/1", b"A12", b"\xFF00"] {
            assert_eq!(CardValue::parse(text).unwrap_err(), Error::InvalidDigit);
        }
        assert!(CardValue::empty().is_empty());
    }

    #[test]
    fn equality_counts_the_length() {
        let value = |text: &[u8]| CardValue::parse(text).unwrap();
        assert!(bool::from(value(b"012").ct_eq(&value(b"012"))));
        assert!(!bool::from(value(b"012").ct_eq(&value(b"013"))));
        assert!(!bool::from(value(b"012").ct_eq(&value(b"0120"))));
    }

    #[test]
    fn debug_shows_nothing() {
        extern crate std;
        let shown = std::format!("{:?}", CardValue::parse(b"987").unwrap());
        assert_eq!(shown, "CardValue { len: 3, .. }");
    }
}
