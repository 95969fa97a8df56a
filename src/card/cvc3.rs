// SPDX-License-Identifier: MIT OR Apache-2.0
//! CVC3: the dynamic verification code of Mastercard's contactless magnetic-stripe mode.
//!
//! ```text
//! IMK (E4) ── PAN, PSN ──► MK-CVC3
//! static track ── MAC algorithm 3, padding 2, under MK-CVC3, last 2 bytes ──► IVCVC3
//! IVCVC3 || UN || ATC ── TDEA under MK-CVC3, last 2 bytes as a number ──► 5 digits, leading zeros kept
//! ```
//!
//! The reader places the q rightmost digits into the track, so a verification compares as many as came. PIN-CVC3, whose
//! IV depends on the cardholder's verification, is not published reliably and not here.

use core::fmt;

use crate::card::{CardValue, MAX_DIGITS, check_len};
use crate::ct;
use crate::emv::element::Atc;
use crate::error::Error;
use crate::key::role::{Dn, IccMk};
use crate::key::{Key, Tdea};
use crate::mac::Mac;
use crate::mac::iso9797::{Padding, RetailMac};
use crate::secret::Secret;

/// Length of an unpredictable number, in bytes.
pub const UN_LEN: usize = 4;

/// IVCVC3: what the static track contributes, 2 bytes. It is computed when the card is made, and again by its issuer.
pub struct IvCvc3(Secret<2>);

impl IvCvc3 {
    /// From the issuer's record of the card.
    #[must_use]
    pub fn from_bytes(bytes: [u8; 2]) -> Self {
        let mut iv = Self(Secret::zeroed());
        *iv.0.expose_mut() = bytes;
        iv
    }

    /// The two bytes that go onto the card.
    #[cfg(feature = "hazmat")]
    #[must_use]
    pub const fn expose(&self) -> &[u8; 2] {
        self.0.expose()
    }

    /// Computes it over the static data of track 1 (characters) or track 2 (nibbles, separator D, F behind an odd number of
    /// digits), with the places of UN, ATC and CVC3 as the card was made, usually zero.
    ///
    /// # Errors
    /// [`Error::Track`] if there are none; [`Error::NoKey`], [`Error::InvalidKeyLength`] unless the key has 16 bytes.
    ///
    /// # Timing
    /// The length of `track`.
    pub fn over(mk: &Key<IccMk<Dn>, Tdea>, track: &[u8]) -> Result<Self, Error> {
        if track.is_empty() {
            return Err(Error::Track);
        }
        let mut mac = RetailMac::new(mk.material()?, Padding::Method2)?;
        mac.update(track);
        let mut full = Secret::<8>::zeroed();
        mac.finish(full.expose_mut())?;
        let mut iv = Self(Secret::zeroed());
        let [.., high, low] = full.expose();
        *iv.0.expose_mut() = [*high, *low];
        Ok(iv)
    }
}

impl fmt::Debug for IvCvc3 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("IvCvc3").finish_non_exhaustive()
    }
}

/// What is new in each tap.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tap {
    /// The reader's unpredictable number, 8 digits in BCD, as it was sent to the card.
    pub un: [u8; UN_LEN],
    /// The card's application transaction counter.
    pub atc: Atc,
}

/// Computes the CVC3 as the card does: all five digits.
///
/// # Errors
/// [`Error::NoKey`], [`Error::InvalidKeyLength`] unless the key has 16 bytes. `out` is empty then.
///
/// # Timing
/// Constant.
///
/// # Source
/// Mastercard's contactless magnetic-stripe mode as public implementations have it; vectors:
/// `vectors/card_verification.txt`, operation `cvc3`.
#[cfg(feature = "hazmat")]
pub fn generate(mk: &Key<IccMk<Dn>, Tdea>, iv: &IvCvc3, tap: Tap, out: &mut CardValue) -> Result<(), Error> {
    let mut digits = Secret::zeroed();
    let result = compute(mk, iv, tap, &mut digits);
    let to = out.reset(MAX_DIGITS)?;
    match result {
        Ok(()) => {
            to.copy_from_slice(digits.expose());
            ct::public(to);
        }
        Err(_) => out.0.truncate(0),
    }
    result
}

/// Verifies the digits of a CVC3 that came, 3 to 5: the rightmost ones. Yes or no, the right value does not leave.
///
/// # Errors
/// [`Error::InvalidLength`] for an empty value; [`Error::NoKey`], [`Error::InvalidKeyLength`];
/// [`Error::VerificationFailed`] if it differs.
///
/// # Timing
/// Only the verdict and the number of digits show.
///
/// # Source
/// Mastercard's contactless magnetic-stripe mode as public implementations have it; vectors:
/// `vectors/card_verification.txt`, operation `cvc3`.
pub fn verify(mk: &Key<IccMk<Dn>, Tdea>, iv: &IvCvc3, tap: Tap, value: &CardValue) -> Result<(), Error> {
    check_len(value.len())?;
    let mut digits = Secret::zeroed();
    compute(mk, iv, tap, &mut digits)?;
    let first = MAX_DIGITS.saturating_sub(value.len());
    let right = digits.expose().get(first..).unwrap_or(&[]);
    ct::agree(right, value.digits())
}

fn compute(mk: &Key<IccMk<Dn>, Tdea>, iv: &IvCvc3, tap: Tap, out: &mut Secret<MAX_DIGITS>) -> Result<(), Error> {
    let cipher = crate::emv::cipher(mk.material()?)?;
    let mut block = Secret::<8>::zeroed();
    let parts = iv.0.expose().iter().chain(&tap.un);
    for (to, from) in block.expose_mut().iter_mut().zip(parts) {
        *to = *from;
    }
    let [.., high, low] = block.expose_mut();
    [*high, *low] = tap.atc.to_bytes();
    *block.expose_mut() = cipher.encrypt(*block.expose());
    let [.., high, low] = block.expose();
    decimal(u16::from_be_bytes([*high, *low]), out.expose_mut());
    Ok(())
}

/// The five decimal digits of a secret number: by subtraction under masks, since division takes a time of its own.
fn decimal(value: u16, out: &mut [u8; MAX_DIGITS]) {
    let mut rest = u32::from(value);
    for (digit, unit) in out.iter_mut().zip([10_000, 1_000, 100, 10, 1]) {
        *digit = 0;
        for _ in 0..9 {
            // Bit 31 of the difference is the borrow: both are below 2^17.
            let fits = core::hint::black_box((rest.wrapping_sub(unit) >> 31) ^ 1);
            rest = rest.wrapping_sub(unit & fits.wrapping_neg());
            let [.., one] = fits.to_be_bytes();
            *digit = digit.wrapping_add(one);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimal_digits_of_every_number() {
        for value in 0..=u16::MAX {
            let mut out = [0xAA; 5];
            decimal(value, &mut out);
            let expected = [10_000, 1_000, 100, 10, 1].map(|unit| (value / unit % 10) as u8);
            assert_eq!(out, expected);
        }
    }

    #[test]
    fn a_track_that_is_none() {
        let mut mk = Key::empty();
        mk.set(b"0123456789ABCDEF").unwrap();
        assert_eq!(IvCvc3::over(&mk, &[]).unwrap_err(), Error::Track);
        mk.set(&[3; 24]).unwrap();
        assert_eq!(IvCvc3::over(&mk, &[1]).unwrap_err(), Error::InvalidKeyLength);
        let tap = Tap {
            un: [0; 4],
            atc: Atc::new(1),
        };
        let value = CardValue::parse(b"123").unwrap();
        let iv = IvCvc3::from_bytes([0; 2]);
        assert_eq!(verify(&mk, &iv, tap, &value), Err(Error::InvalidKeyLength));
        assert_eq!(verify(&mk, &iv, tap, &CardValue::empty()), Err(Error::InvalidLength));
    }
}
