// SPDX-License-Identifier: MIT OR Apache-2.0
//! CVV, CVV2 and iCVV (CVC, CVC2, Chip CVC): one algorithm, told apart by the service code.
//!
//! ```text
//! PAN || expiry || service code, zeros to 32 digits = B1 || B2
//! E(A, B1) ^ B2 ── TDEA under A || B ──► 16 hexadecimal digits ── decimalise ──► 3 (to 5) digits
//! ```
//!
//! The service code is part of the [`Kind`], and 000 and 999 are no codes of a stripe: a value of one place does not pass
//! for another place's.
//!
//! UnionPay's CVN and CVN2, JCB's and Discover's values are believed to be the same algorithm; no second source says so,
//! so none of them has a kind.

use crate::card::{CardValue, check_len};
use crate::cipher::tdes::{Des, Tdes};
use crate::ct;
use crate::error::Error;
use crate::key::role::CardVerification;
use crate::key::{Key, Tdea};
use crate::pin::{Pan, decimalise};
use crate::secret::Secret;

/// The service code of a magnetic stripe: three digits, neither 000 nor 999, which stand for the printed value and the
/// chip's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ServiceCode([u8; 3]);

impl ServiceCode {
    /// From three ASCII decimal digits.
    ///
    /// # Errors
    /// [`Error::InvalidLength`], [`Error::InvalidDigit`]; [`Error::InvalidArgument`] for 000 and 999.
    pub fn parse(text: &[u8]) -> Result<Self, Error> {
        match digits(text)? {
            [0, 0, 0] | [9, 9, 9] => Err(Error::InvalidArgument),
            code => Ok(Self(code)),
        }
    }

    pub(super) const fn digits(&self) -> &[u8; 3] {
        &self.0
    }

    /// From a number, 1 to 998: its three digits, leading zeros kept.
    ///
    /// # Errors
    /// [`Error::InvalidArgument`].
    // Division of a public number by a constant.
    #[allow(clippy::integer_division_remainder_used, clippy::arithmetic_side_effects)]
    pub fn new(number: u32) -> Result<Self, Error> {
        if !(1..=998).contains(&number) {
            return Err(Error::InvalidArgument);
        }
        let mut code = [0; 3];
        let mut rest = number;
        for digit in code.iter_mut().rev() {
            *digit = u8::try_from(rest % 10).map_err(|_| Error::Internal)?;
            rest /= 10;
        }
        Ok(Self(code))
    }
}

/// Expiry date: two digits of the year, two of the month.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Expiry {
    year: [u8; 2],
    month: [u8; 2],
}

impl Expiry {
    /// From four ASCII decimal digits YYMM, as on the track. Whether there is such a month is not judged: the digits are
    /// all that counts.
    ///
    /// # Errors
    /// [`Error::InvalidLength`], [`Error::InvalidDigit`].
    pub fn yymm(text: &[u8]) -> Result<Self, Error> {
        let [a, b, c, d] = digits(text)?;
        Ok(Self {
            year: [a, b],
            month: [c, d],
        })
    }

    /// Whether the month is one, 01 to 12.
    pub(crate) const fn has_month(self) -> bool {
        matches!(self.month, [0, 1..=9] | [1, 0..=2])
    }

    /// Year and month, as on the track.
    pub(super) const fn on_track(self) -> [u8; 4] {
        let ([a, b], [c, d]) = (self.year, self.month);
        [a, b, c, d]
    }

    const fn in_order(self, order: ExpiryOrder) -> [[u8; 2]; 2] {
        match order {
            ExpiryOrder::Yymm => [self.year, self.month],
            ExpiryOrder::Mmyy => [self.month, self.year],
        }
    }
}

pub(super) fn digits<const N: usize>(text: &[u8]) -> Result<[u8; N], Error> {
    let text: &[u8; N] = text.try_into().map_err(|_| Error::InvalidLength)?;
    if text.iter().all(u8::is_ascii_digit) {
        Ok(text.map(|c| c & 15))
    } else {
        Err(Error::InvalidDigit)
    }
}

/// The order in which an issuer takes the expiry date into a printed value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExpiryOrder {
    /// Year, month: as on the track; Visa.
    Yymm,
    /// Month, year: as printed on the card; some other issuers.
    Mmyy,
}

/// Where on the card the value stands, and so what enters besides PAN and expiry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The magnetic stripe: CVV, CVC1. The track's service code, expiry as YYMM.
    #[doc(alias = "CVV1")]
    Stripe(ServiceCode),
    /// Printed: CVV2, CVC2. Service code 000, expiry in the issuer's order.
    #[doc(alias = "CVV2")]
    Printed(ExpiryOrder),
    /// The chip's image of the track: iCVV, Chip CVC. Service code 999, expiry as YYMM.
    #[doc(alias = "iCVV")]
    Chip,
}

impl Kind {
    /// Service code and order of the expiry date.
    const fn parts(self) -> ([u8; 3], ExpiryOrder) {
        match self {
            Self::Stripe(ServiceCode(code)) => (code, ExpiryOrder::Yymm),
            Self::Printed(order) => ([0; 3], order),
            Self::Chip => ([9; 3], ExpiryOrder::Yymm),
        }
    }
}

/// Computes a card verification value of `len` digits, 3 to 5 (the schemes use 3).
///
/// `cvk`: the CVK pair A || B, 16 bytes; `pan`: 1 to 19 digits.
///
/// # Errors
/// [`Error::InvalidLength`] for `len`; [`Error::NoKey`], [`Error::InvalidKeyLength`] unless the key has 16 bytes. `out` is
/// empty then.
///
/// # Timing
/// The lengths; which digits were taken in which pass does not show.
///
/// # Source
/// Visa Payment Technology Standards Manual, CVV; vectors: `vectors/card_verification.txt`, operation `cvv`.
pub fn generate(
    cvk: &Key<CardVerification, Tdea>,
    kind: Kind,
    pan: &Pan,
    expiry: Expiry,
    len: usize,
    out: &mut CardValue,
) -> Result<(), Error> {
    let digits = out.reset(len)?;
    let result = compute(cvk, kind, pan, expiry, digits);
    match result {
        Ok(()) => ct::public(digits),
        Err(_) => out.0.truncate(0),
    }
    result
}

/// Verifies a card verification value: yes or no, the right one does not leave. As many digits count as came.
///
/// # Errors
/// [`Error::InvalidLength`] for an empty value; [`Error::NoKey`], [`Error::InvalidKeyLength`];
/// [`Error::VerificationFailed`] if it differs.
///
/// # Timing
/// Only the verdict and the lengths show.
///
/// # Source
/// As [`generate`].
pub fn verify(
    cvk: &Key<CardVerification, Tdea>,
    kind: Kind,
    pan: &Pan,
    expiry: Expiry,
    value: &CardValue,
) -> Result<(), Error> {
    check_len(value.len())?;
    let mut right = CardValue::empty();
    compute(cvk, kind, pan, expiry, right.reset(value.len())?)?;
    ct::agree(right.digits(), value.digits())
}

fn compute(
    cvk: &Key<CardVerification, Tdea>,
    kind: Kind,
    pan: &Pan,
    expiry: Expiry,
    out: &mut [u8],
) -> Result<(), Error> {
    of_text(cvk.material()?, text(kind, pan, expiry), out)
}

/// The two blocks that a value is made over.
pub(crate) fn text(kind: Kind, pan: &Pan, expiry: Expiry) -> [[u8; 8]; 2] {
    let (code, order) = kind.parts();
    let expiry = expiry.in_order(order);
    row([pan.digits(), expiry.as_flattened(), &code, &[]])
}

/// Digits that follow each other, 32 at most (19 + 4 + 3 fit), two a byte.
fn row(digits: [&[u8]; 4]) -> [[u8; 8]; 2] {
    let mut all = [0_u8; 32];
    let mut room = &mut all[..];
    for part in digits {
        let Some((place, rest)) = room.split_at_mut_checked(part.len()) else {
            break;
        };
        place.iter_mut().zip(part).for_each(|(to, from)| *to = *from);
        room = rest;
    }
    let mut blocks = [[0_u8; 8]; 2];
    let (pairs, _) = all.as_chunks::<2>();
    for (byte, [high, low]) in blocks.as_flattened_mut().iter_mut().zip(pairs) {
        *byte = (high << 4) | low;
    }
    blocks
}

/// The CVV algorithm over digits that follow each other.
pub(super) fn over(key: &[u8], digits: [&[u8]; 4], out: &mut [u8]) -> Result<(), Error> {
    of_text(key, row(digits), out)
}

/// The CVV algorithm over two blocks.
pub(crate) fn of_text(key: &[u8], [first, second]: [[u8; 8]; 2], out: &mut [u8]) -> Result<(), Error> {
    let ([a, _], []) = key.as_chunks::<8>() else {
        return Err(Error::InvalidKeyLength);
    };
    let mut block = Secret::<8>::zeroed();
    *block.expose_mut() = Des::new(a).encrypt(first);
    for (to, from) in block.expose_mut().iter_mut().zip(second) {
        *to ^= from;
    }
    *block.expose_mut() = Tdes::new(key)?.encrypt(*block.expose());
    decimalise::two_pass(block.expose(), out);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_stripe_has_the_code_of_another_place() {
        for code in 0..1000_u16 {
            let text = [code / 100, code / 10 % 10, code % 10].map(|d| b'0' + d as u8);
            let expected = if code == 0 || code == 999 {
                Err(Error::InvalidArgument)
            } else {
                Ok(ServiceCode(text.map(|c| c - b'0')))
            };
            assert_eq!(ServiceCode::parse(&text), expected);
            assert_eq!(ServiceCode::new(code.into()), expected);
        }
        assert_eq!(ServiceCode::new(1000), Err(Error::InvalidArgument));
        assert_eq!(ServiceCode::parse(b"1A1"), Err(Error::InvalidDigit));
        assert_eq!(ServiceCode::parse(b"11"), Err(Error::InvalidLength));
        assert_eq!(Expiry::yymm(b"123"), Err(Error::InvalidLength));
        assert_eq!(Expiry::yymm(b"12-3"), Err(Error::InvalidDigit));
    }

    #[test]
    fn the_order_of_a_printed_value_is_the_issuers() {
        let cvk = {
            let mut key = Key::empty();
            key.set(b"0123456789ABCDEF").unwrap();
            key
        };
        let pan = Pan::parse(b"4123456789012345").unwrap();
        let value = |kind, expiry| {
            let mut out = CardValue::empty();
            generate(&cvk, kind, &pan, Expiry::yymm(expiry).unwrap(), 5, &mut out).unwrap();
            out
        };
        let yymm = value(Kind::Printed(ExpiryOrder::Yymm), b"2502");
        let mmyy = value(Kind::Printed(ExpiryOrder::Mmyy), b"0225");
        assert_eq!(yymm.digits(), mmyy.digits());
        let swapped = value(Kind::Printed(ExpiryOrder::Mmyy), b"2502");
        assert_ne!(yymm.digits(), swapped.digits());
    }

    #[test]
    fn keys_of_other_lengths_and_no_key() {
        let pan = Pan::parse(b"4123456789012345").unwrap();
        let expiry = Expiry::yymm(b"2512").unwrap();
        let mut key: Key<CardVerification, Tdea> = Key::empty();
        let mut out = CardValue::parse(b"999").unwrap();
        assert_eq!(generate(&key, Kind::Chip, &pan, expiry, 3, &mut out), Err(Error::NoKey));
        assert!(out.is_empty());
        for len in [8, 24] {
            key.set(&[7; 24][..len]).unwrap();
            assert_eq!(
                generate(&key, Kind::Chip, &pan, expiry, 3, &mut out),
                Err(Error::InvalidKeyLength)
            );
        }
        for len in [0, 1, 2, 6, 16] {
            assert_eq!(
                generate(&key, Kind::Chip, &pan, expiry, len, &mut out),
                Err(Error::InvalidLength)
            );
        }
        assert_eq!(
            verify(&key, Kind::Chip, &pan, expiry, &CardValue::empty()),
            Err(Error::InvalidLength)
        );
    }
}
