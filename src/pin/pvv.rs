// SPDX-License-Identifier: MIT OR Apache-2.0
//! The Visa PIN verification value (PVV), as Mastercard and UnionPay issuers use it too. Host side.
//!
//! ```text
//! 11 PAN digits │ PVKI │ first 4 PIN digits ── TDEA under the PVK ──► 16 hexadecimal digits ── decimalise ──► PVV
//! ```
//!
//! A PVV has 10^4 values, so several PINs match one PVV; the answer is "match" or "no match", never a PIN. Whoever
//! holds a verify call can try PINs: the limit on tries is in [`hsm`](crate::hsm).

use core::fmt;

use subtle::{Choice, ConstantTimeEq};
use zeroize::Zeroize;

use crate::cipher::tdes::Tdes;
use crate::ct;
use crate::error::Error;
use crate::key::role::PinVerificationVisa;
use crate::key::{Key, Tdea};
use crate::pin::{Pan, Pin, decimalise};
use crate::secret::Secret;

/// A PIN verification value: 4 digit values 0 to 9.
///
/// It goes on the card or into the issuer's files, so it is no secret by itself; with the PVK it gives the PIN.
#[doc(alias = "PIN verification value")]
#[derive(Clone)]
pub struct Pvv([u8; 4]);

impl Pvv {
    /// From 4 digit values.
    ///
    /// # Errors
    /// [`Error::InvalidDigit`] for a value over 9.
    pub fn from_digits(digits: &[u8; 4]) -> Result<Self, Error> {
        if digits.iter().any(|digit| *digit > 9) {
            return Err(Error::InvalidDigit);
        }
        Ok(Self(*digits))
    }

    /// From 4 ASCII decimal digits.
    ///
    /// # Errors
    /// [`Error::InvalidLength`], [`Error::InvalidDigit`].
    pub fn parse(text: &[u8]) -> Result<Self, Error> {
        let text: &[u8; 4] = text.try_into().map_err(|_| Error::InvalidLength)?;
        Self::from_digits(&text.map(|c| c.wrapping_sub(b'0')))
    }

    /// The digit values.
    #[must_use]
    pub const fn digits(&self) -> &[u8; 4] {
        &self.0
    }
}

impl ConstantTimeEq for Pvv {
    fn ct_eq(&self, other: &Self) -> Choice {
        self.0.ct_eq(&other.0)
    }
}

impl Zeroize for Pvv {
    fn zeroize(&mut self) {
        self.0.zeroize();
    }
}

impl fmt::Debug for Pvv {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pvv").finish_non_exhaustive()
    }
}

/// Computes the PVV of a PIN.
///
/// `pvk`: the PVK pair, 16 bytes; `pvki`: its index, one digit; `pan`: at least 12 digits, of which the 11 rightmost
/// without the check digit enter. Of a PIN longer than 4 digits the first four count.
///
/// # Errors
/// [`Error::InvalidDigit`] for the index, [`Error::InvalidPan`], [`Error::InvalidPin`] for an empty PIN,
/// [`Error::NoKey`], [`Error::InvalidKeyLength`] unless the key has 16 bytes.
///
/// # Timing
/// Constant; which digits were taken in which pass does not show.
///
/// # Source
/// Visa Payment Technology Standards Manual, PVV; vectors: `vectors/card_verification.txt`, operation `visa_pvv`.
pub fn generate(pvk: &Key<PinVerificationVisa, Tdea>, pvki: u8, pan: &Pan, pin: &Pin) -> Result<Pvv, Error> {
    pin.ready()?;
    let mut pvv = Secret::zeroed();
    compute(pvk, pvki, pan, pin, &mut pvv)?;
    Ok(publish(&mut pvv))
}

/// Verifies a PIN against a PVV; the right PVV does not leave.
///
/// # Errors
/// Those of [`generate`]; [`Error::VerificationFailed`] if the PVV differs.
///
/// # Timing
/// Only the verdict shows.
///
/// # Source
/// As [`generate`].
pub fn verify(
    pvk: &Key<PinVerificationVisa, Tdea>,
    pvki: u8,
    pan: &Pan,
    pin: &Pin,
    expected: &Pvv,
) -> Result<(), Error> {
    pin.ready()?;
    ct::verdict(matches(pvk, pvki, pan, pin, expected)?)
}

/// Whether the PVV is the PIN's. That of an empty PIN is computed, too, and says nothing.
pub(crate) fn matches(
    pvk: &Key<PinVerificationVisa, Tdea>,
    pvki: u8,
    pan: &Pan,
    pin: &Pin,
    expected: &Pvv,
) -> Result<Choice, Error> {
    let mut pvv = Secret::zeroed();
    compute(pvk, pvki, pan, pin, &mut pvv)?;
    Ok(ct::eq(pvv.expose(), &expected.0))
}

/// A PVV that may be told.
pub(crate) fn publish(pvv: &mut Secret<4>) -> Pvv {
    ct::public(pvv.expose_mut());
    Pvv(*pvv.expose())
}

/// The PVV of a PIN, of an empty one, too.
pub(crate) fn compute(
    pvk: &Key<PinVerificationVisa, Tdea>,
    pvki: u8,
    pan: &Pan,
    pin: &Pin,
    out: &mut Secret<4>,
) -> Result<(), Error> {
    if pvki > 9 {
        return Err(Error::InvalidDigit);
    }
    let account = pan.pvv_digits()?;
    let material = pvk.material()?;
    if material.len() != 16 {
        return Err(Error::InvalidKeyLength);
    }
    let cipher = Tdes::new(material)?;
    // The transformed security parameter: 16 digits, two a byte. Every PIN has four digits.
    let (_, digits) = pin.parts();
    let mut text = account.iter().chain([&pvki]).chain(digits).copied();
    let mut block = Secret::<8>::zeroed();
    for byte in block.expose_mut() {
        *byte = (text.next().unwrap_or(0) << 4) | text.next().unwrap_or(0);
    }
    *block.expose_mut() = cipher.encrypt(*block.expose());
    decimalise::two_pass(block.expose(), out.expose_mut());
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_values_are_compared_and_wiped() {
        let mut value = Pvv::parse(b"9081").unwrap();
        assert!(bool::from(value.ct_eq(&value.clone())));
        for place in 0..4 {
            let mut digits = *value.digits();
            digits[place] ^= 1;
            assert!(!bool::from(value.ct_eq(&Pvv(digits))));
        }
        value.zeroize();
        assert_eq!(value.digits(), &[0; 4]);
    }

    #[test]
    fn only_four_digits() {
        assert_eq!(Pvv::parse(b"0129").unwrap().digits(), &[0, 1, 2, 9]);
        for text in [&b"012"[..], b"01234", b""] {
            assert_eq!(Pvv::parse(text).unwrap_err(), Error::InvalidLength);
        }
        for text in [b"012:", b"012/", b"012A", b"\xFF000"] {
            assert_eq!(Pvv::parse(text).unwrap_err(), Error::InvalidDigit);
        }
    }
}
