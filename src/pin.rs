// SPDX-License-Identifier: MIT OR Apache-2.0
//! PINs: entry, PIN blocks of ISO 9564-1, the Visa PIN verification value, offsets of the IBM 3624, random PINs.
//!
//! ```text
//! keypad ── Pin::enter ──► Pin ── block::encipher_* ──► enciphered PIN block ──► host
//! host   ── block::decipher_* ──► Pin ── pvv::verify, ibm3624::verify ──► yes or no
//!                                  └── block::encipher_* (translation)
//! issuer ── choose::random ──► Pin ── block::encipher_* and pvv::generate or ibm3624::generate
//! ```
//!
//! A [`Pin`] holds its digits *and its length* as secrets: no branch, no address, no error and no count depends on
//! either. It is made [`empty`](Pin::empty) where it shall live and filled in place. The format of a block is an input,
//! never detected from its content. Which translations and which keys are permitted is decided above, in
//! [`hsm`](crate::hsm); here stands what the standards compute.
//!
//! Terms: *PIN field*, the clear block before a PAN is mixed in; *control nibble*, the format number in front; *fill*,
//! the nibbles behind the PIN.

pub mod block;
#[cfg(feature = "host")]
pub mod choose;
#[cfg(feature = "host")]
pub mod ibm3624;
pub mod pan;
#[cfg(feature = "host")]
pub mod pvv;

pub(crate) mod decimalise;

use core::fmt;

use subtle::{Choice, ConstantTimeEq};
use zeroize::{Zeroize, ZeroizeOnDrop};

use crate::ct;
use crate::entropy::Entropy;
use crate::error::Error;
use crate::secret::Secret;
use crate::weaken::guard;

pub use pan::Pan;

/// The fewest digits of a PIN (ISO 9564-1).
pub const MIN_LEN: u8 = 4;

/// The most digits of a PIN.
pub const MAX_LEN: u8 = 12;

/// How often 16 random bytes may be drawn for the fill of format 3 or the digits of a PIN. A sound source needs a
/// second draw once in 10^5 blocks (a PIN of 12 digits: once in 700) and a fourth never.
const MAX_DRAWS: usize = 8;

/// A PIN of 4 to 12 decimal digits. Digits and length are secret.
///
/// ```compile_fail
/// # use payhsm::pin::Pin;
/// let pin = Pin::empty();
/// let copy = pin.clone();
/// ```
///
/// ```compile_fail
/// # use payhsm::pin::Pin;
/// let _ = Pin::empty() == Pin::empty();
/// ```
#[doc(alias = "personal identification number")]
pub struct Pin(
    /// The length, then the digit values, zero behind the last. All zero means empty.
    Secret<13>,
);

impl Pin {
    /// A place for a PIN. Every operation with an empty PIN fails with [`Error::InvalidPin`].
    #[must_use]
    pub const fn empty() -> Self {
        Self(Secret::zeroed())
    }

    /// A PIN from a keypad: the length, then 12 digit values, zero behind the last.
    ///
    /// The value moves out and may leave a copy on the stack; [`enter`](Self::enter) does not.
    ///
    /// # Errors
    /// [`Error::InvalidPin`] for a length that is not 4 to 12, a value over 9, or a value behind the last digit that
    /// is not 0. Which of them is not told.
    ///
    /// # Timing
    /// Only whether it is a PIN shows.
    #[cfg(any(feature = "terminal", feature = "hazmat"))]
    pub fn from_entry(len: u8, digits: &[u8; 12]) -> Result<Self, Error> {
        let mut pin = Self::empty();
        pin.assign(len, digits)?;
        Ok(pin)
    }

    /// Takes a PIN from a keypad in place: the length, then 12 digit values, zero behind the last.
    ///
    /// # Errors
    /// As [`from_entry`](Self::from_entry); the PIN is empty then.
    ///
    /// # Timing
    /// Only whether it is a PIN shows.
    #[cfg(any(feature = "terminal", feature = "hazmat"))]
    pub fn enter(&mut self, len: u8, digits: &[u8; 12]) -> Result<(), Error> {
        self.assign(len, digits)
    }

    /// The length and the 12 digit values, zero behind the last.
    #[cfg(feature = "hazmat")]
    #[must_use]
    pub const fn expose(&self) -> (u8, &[u8; 12]) {
        self.parts()
    }

    pub(crate) fn assign(&mut self, len: u8, digits: &[u8; 12]) -> Result<(), Error> {
        let [own_len, own @ ..] = self.0.expose_mut();
        *own_len = len;
        *own = *digits;
        ct::secret(self.0.expose_mut());
        let [own_len, own @ ..] = self.0.expose_mut();
        let ok = mask_len(*own_len) & mask_digits(*own_len, own);
        for byte in self.0.expose_mut() {
            *byte &= ok;
        }
        ct::verdict(ct::choice(ok)).map_err(|_| Error::InvalidPin)
    }

    /// Writes a length and digits that were checked: a PIN field with zeros for control and fill, or all zeros.
    #[cfg(feature = "host")]
    pub(crate) fn unpack(&mut self, field: u64) {
        let [head, text @ ..] = field.to_be_bytes();
        let [own_len, own @ ..] = self.0.expose_mut();
        *own_len = head;
        for (to, nibble) in own.iter_mut().zip(nibbles(&text)) {
            *to = nibble;
        }
    }

    /// The inverse of [`unpack`](Self::unpack).
    #[cfg(feature = "host")]
    pub(crate) fn pack(&self) -> u64 {
        let (len, digits) = self.parts();
        let text = digits.iter().chain(&[0, 0]);
        text.fold(u64::from(len), |sum, digit| (sum << 4) | u64::from(*digit))
    }

    #[cfg(feature = "host")]
    pub(crate) fn clear(&mut self) {
        self.0.zeroize();
    }

    /// The length, 0 if empty, and the digit values. Both secret.
    pub(crate) const fn parts(&self) -> (u8, &[u8; 12]) {
        let [len, digits @ ..] = self.0.expose();
        (*len, digits)
    }

    /// Fails for an empty PIN. Whether a PIN is here is public, its length is not.
    pub(crate) fn ready(&self) -> Result<(), Error> {
        let (len, _) = self.parts();
        ct::verdict(ct::choice(mask_len(len))).map_err(|_| Error::InvalidPin)
    }
}

/// Ones if the length is one that a PIN may have.
const fn mask_len(len: u8) -> u8 {
    let low = len & 15;
    ct::mask_eq(len, low) & !ct::mask_lt(low, MIN_LEN) & ct::mask_lt(low, MAX_LEN + 1)
}

/// Ones if the first `len` values are digits and the others zero.
fn mask_digits(len: u8, digits: &[u8; 12]) -> u8 {
    digits.iter().zip(0..).fold(0xFF, |ok, (&digit, i)| {
        let low = digit & 15;
        let used = ct::mask_lt(i, len & 15);
        ok & ct::mask_eq(digit, low) & ct::select(used, ct::mask_digit(low), ct::mask_eq(low, 0))
    })
}

/// Fills `out` from the source, and refuses a source that gives one byte all the time.
fn draw<const N: usize>(rng: &mut impl Entropy, out: &mut Secret<N>) -> Result<(), Error> {
    rng.fill(out.expose_mut()).map_err(|_| Error::Entropy)?;
    let first = out.expose().first().copied().unwrap_or(0);
    let varies = out.expose().iter().fold(0, |acc, byte| acc | (byte ^ first));
    let constant = ct::verdict(ct::choice(!ct::mask_eq(varies, 0)));
    guard!("A10", constant).map_err(|_| Error::Entropy)
}

/// The nibbles of bytes, high half first.
fn nibbles(bytes: &[u8]) -> impl Iterator<Item = u8> {
    bytes.iter().flat_map(|byte| [byte >> 4, byte & 15])
}

impl Default for Pin {
    fn default() -> Self {
        Self::empty()
    }
}

impl ConstantTimeEq for Pin {
    /// Whether length and digits are the same; two empty PINs are equal.
    fn ct_eq(&self, other: &Self) -> Choice {
        self.0.ct_eq(&other.0)
    }
}

impl Zeroize for Pin {
    fn zeroize(&mut self) {
        self.0.zeroize();
    }
}

impl ZeroizeOnDrop for Pin {}

impl fmt::Debug for Pin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        #[cfg(payhsm_weaken)]
        if crate::weaken::is_off("L05") {
            return f.debug_tuple("Pin").field(&self.parts()).finish();
        }
        f.debug_struct("Pin").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(feature = "hazmat")]
    #[test]
    fn a_pin_is_entered_in_place() {
        let mut pin = Pin::default();
        assert!(bool::from(pin.ct_eq(&Pin::empty())));
        pin.enter(4, &[9, 0, 8, 1, 0, 0, 0, 0, 0, 0, 0, 0]).unwrap();
        assert_eq!(pin.expose(), (4, &[9, 0, 8, 1, 0, 0, 0, 0, 0, 0, 0, 0]));
        assert_eq!(
            pin.enter(4, &[9, 0, 8, 10, 0, 0, 0, 0, 0, 0, 0, 0]),
            Err(Error::InvalidPin)
        );
        assert!(bool::from(pin.ct_eq(&Pin::empty())));
    }

    #[test]
    fn entry_takes_exactly_the_pins() {
        let mut pin = Pin::empty();
        for len in 0..=255_u8 {
            let mut digits = [0; 12];
            for (i, d) in digits.iter_mut().enumerate() {
                *d = if i < usize::from(len) { (i % 10) as u8 } else { 0 };
            }
            let expected = if (4..=12).contains(&len) {
                Ok(())
            } else {
                Err(Error::InvalidPin)
            };
            assert_eq!(pin.assign(len, &digits), expected, "{len}");
            if expected.is_ok() {
                assert_eq!(pin.parts(), (len, &digits));
                assert_eq!(pin.ready(), Ok(()));
            } else {
                assert_eq!(pin.parts(), (0, &[0; 12]));
                assert_eq!(pin.ready(), Err(Error::InvalidPin));
            }
        }
    }

    #[test]
    fn every_value_at_every_place() {
        let mut pin = Pin::empty();
        for len in 4..=12_u8 {
            for place in 0..12 {
                for value in 0..=255_u8 {
                    let mut digits = [0; 12];
                    digits[..usize::from(len)].fill(7);
                    digits[place] = value;
                    let ok = if place < usize::from(len) {
                        value <= 9
                    } else {
                        value == 0
                    };
                    assert_eq!(pin.assign(len, &digits).is_ok(), ok, "{len} {place} {value}");
                }
            }
        }
    }

    #[test]
    fn equality_counts_the_length() {
        let (mut a, mut b) = (Pin::empty(), Pin::empty());
        let mut digits = [0; 12];
        digits[..4].copy_from_slice(&[1, 2, 3, 0]);
        a.assign(4, &digits).unwrap();
        b.assign(5, &digits).unwrap();
        assert!(!bool::from(a.ct_eq(&b)));
        b.assign(4, &digits).unwrap();
        assert!(bool::from(a.ct_eq(&b)));
        b.assign(4, &[1, 2, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0]).unwrap();
        assert!(!bool::from(a.ct_eq(&b)));
    }

    #[test]
    fn debug_shows_nothing() {
        extern crate std;
        let mut pin = Pin::empty();
        pin.assign(12, &[9; 12]).unwrap();
        assert_eq!(std::format!("{pin:?}"), std::format!("{:?}", Pin::empty()));
    }
}
