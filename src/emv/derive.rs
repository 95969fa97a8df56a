// SPDX-License-Identifier: MIT OR Apache-2.0
//! From the issuer's master key to the card's (EMV Book 2, Annex A1.4).
//!
//! ```text
//! PAN, PSN ──► Y (16 digits, 8 bytes) ──► ICC MK = E(IMK, Y) || E(IMK, NOT Y)
//! ```
//!
//! The options differ in how more than 16 digits become Y: A takes the last 16, so that cards whose numbers differ only
//! further left share a key; B hashes. Option C is that of AES cards: Y has 32 digits, so that every digit counts.

#[cfg(feature = "host")]
use sha1::{Digest, Sha1};

#[cfg(feature = "host")]
use super::{cipher, fill, fill_aes};
#[cfg(feature = "host")]
use crate::cipher::{aes, tdes::Tdes};
#[cfg(feature = "host")]
use crate::codec::bcd;
use crate::error::Error;
#[cfg(feature = "host")]
use crate::key::role::{IccMk, Imk, Purpose};
#[cfg(feature = "host")]
use crate::key::{Aes, Key, Tdea, parity};
#[cfg(feature = "host")]
use crate::pin::pan::Pan;

/// PAN sequence number, 00 to 99. A card without one (tag 5F34 absent) is derived with [`Psn::ABSENT`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Psn(u8);

impl Psn {
    /// No number on the card: derived as 00.
    pub const ABSENT: Self = Self(0);

    /// The number `value`.
    ///
    /// # Errors
    /// [`Error::EmvElement`] if it is over 99.
    pub const fn new(value: u8) -> Result<Self, Error> {
        if value <= 99 {
            Ok(Self(value))
        } else {
            Err(Error::EmvElement)
        }
    }

    /// The number of tag 5F34: one byte in format n.
    ///
    /// # Errors
    /// [`Error::EmvElement`] for another length or a nibble over 9.
    pub const fn from_bytes(value: &[u8]) -> Result<Self, Error> {
        match value {
            &[byte] if byte >> 4 <= 9 && byte & 15 <= 9 => {
                Ok(Self((byte >> 4).wrapping_mul(10).wrapping_add(byte & 15)))
            }
            _ => Err(Error::EmvElement),
        }
    }

    /// The value, 0 to 99.
    #[must_use]
    pub const fn value(self) -> u8 {
        self.0
    }

    /// Two digit values.
    #[must_use]
    // Division of a public number by a constant.
    #[allow(clippy::integer_division_remainder_used)]
    pub const fn digits(self) -> [u8; 2] {
        [self.0 / 10, self.0 % 10]
    }
}

/// How a card master key is derived.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MasterKeyOption {
    /// Option A: the rightmost 16 digits of PAN and PSN; odd parity.
    A,
    /// Option B: as A up to 16 digits of PAN, beyond that 16 digits of a SHA-1 hash; odd parity.
    B,
    /// Option A as PBOC and UnionPay use it: parity is left as it falls.
    Pboc,
    /// Option C, the only one of AES cards: 32 digits, zeros to the left of PAN and PSN.
    C,
}

/// The 16 digits from which a card master key is derived.
#[cfg(feature = "host")]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Diversifier {
    digits: [u8; 8],
    second_pass: bool,
}

#[cfg(feature = "host")]
impl Diversifier {
    /// Computes Y of EMV Book 2, Annex A1.4, for a card.
    ///
    /// # Errors
    /// [`Error::AlgorithmMismatch`] for [`MasterKeyOption::C`], whose Y is longer. [`Error::Internal`] never happens
    /// for a [`Pan`].
    ///
    /// # Timing
    /// Depends on the PAN, which is not a secret here.
    pub fn new(option: MasterKeyOption, pan: &Pan, psn: Psn) -> Result<Self, Error> {
        match option {
            MasterKeyOption::B if pan.digits().len() > 16 => Self::hashed(pan, psn),
            MasterKeyOption::A | MasterKeyOption::B | MasterKeyOption::Pboc => Self::rightmost(pan, psn),
            MasterKeyOption::C => Err(Error::AlgorithmMismatch),
        }
    }

    /// Option A: X = PAN || PSN, zeros to the left, the rightmost 16 digits.
    fn rightmost(pan: &Pan, psn: Psn) -> Result<Self, Error> {
        Self::of_digits(&last_digits(pan, psn), false)
    }

    /// Option B beyond 16 digits: SHA-1 over the digits, of which the first 16 decimal ones of the hash count.
    fn hashed(pan: &Pan, psn: Psn) -> Result<Self, Error> {
        let mut all = [0; 21];
        let mut count = 0_usize;
        for (to, digit) in all.iter_mut().zip(pan.digits().iter().chain(&psn.digits())) {
            *to = *digit;
            count = count.saturating_add(1);
        }
        let mut packed = [0; 11];
        // An odd number of digits gets one leading zero.
        let packed = packed.get_mut(..count.div_ceil(2)).ok_or(Error::InvalidPan)?;
        bcd::encode_numeric(all.get(..count).ok_or(Error::InvalidPan)?, packed)?;
        let hash: [u8; 20] = Sha1::digest(&*packed).into();

        // First the decimal digits in order; if they are too few, then A to F in order as 0 to 5.
        let decimal = bcd::nibbles(&hash).filter(|&n| n <= 9);
        let letters = bcd::nibbles(&hash).filter(|&n| n > 9).map(|n| n.wrapping_sub(10));
        let second_pass = decimal.clone().count() < 16;
        let mut y = [0; 16];
        for (to, digit) in y.iter_mut().zip(decimal.chain(letters)) {
            *to = digit;
        }
        Self::of_digits(&y, second_pass)
    }

    fn of_digits(y: &[u8; 16], second_pass: bool) -> Result<Self, Error> {
        let mut digits = [0; 8];
        bcd::encode_numeric(y, &mut digits)?;
        Ok(Self { digits, second_pass })
    }

    /// Y: 16 digits, two a byte.
    #[must_use]
    pub const fn value(&self) -> [u8; 8] {
        self.digits
    }

    /// Whether option B needed letters of the hash.
    #[must_use]
    pub const fn second_pass(&self) -> bool {
        self.second_pass
    }
}

/// The last `N` digits of PAN || PSN, zeros to the left.
#[cfg(feature = "host")]
fn last_digits<const N: usize>(pan: &Pan, psn: Psn) -> [u8; N] {
    let (psn, mut last) = (psn.digits(), [0; N]);
    let digits = psn.iter().rev().chain(pan.digits().iter().rev());
    for (to, digit) in last.iter_mut().rev().zip(digits) {
        *to = *digit;
    }
    last
}

/// Derives a card's master key from the issuer's master key for the same purpose, two-key TDEA.
///
/// The issuer's side only; a card is given its key.
///
/// # Errors
/// [`Error::NoKey`] if `imk` is empty, [`Error::InvalidKeyLength`] if it has not 16 bytes,
/// [`Error::AlgorithmMismatch`] for [`MasterKeyOption::C`]; `out` is wiped then.
///
/// # Timing
/// Independent of the keys. Option B depends on the PAN.
///
/// # Source
/// EMV Book 2, Annex A1.4.1 and A1.4.2; vectors: `vectors/emv.txt`, `emv_icc_mk`, `emv_pboc_chain`.
#[cfg(feature = "host")]
#[doc(alias = "UDK")]
pub fn icc_master_key<P: Purpose>(
    option: MasterKeyOption,
    imk: &Key<Imk<P>, Tdea>,
    pan: &Pan,
    psn: Psn,
    out: &mut Key<IccMk<P>, Tdea>,
) -> Result<(), Error> {
    fill(out, |halves| {
        let y = Diversifier::new(option, pan, psn)?.value();
        derive(imk.material()?, y, option, halves)
    })
}

#[cfg(feature = "host")]
fn derive(imk: &[u8], y: [u8; 8], option: MasterKeyOption, halves: &mut [[u8; 8]; 2]) -> Result<(), Error> {
    let cipher = cipher(imk)?;
    *halves = Tdes::encrypt_each([&cipher; 2], [y, y.map(|byte| !byte)]);
    match option {
        MasterKeyOption::A | MasterKeyOption::B => parity::set_odd(halves.as_flattened_mut()),
        MasterKeyOption::Pboc => {}
        MasterKeyOption::C => return Err(Error::AlgorithmMismatch),
    }
    Ok(())
}

/// Derives an AES card's master key from the issuer's master key for the same purpose by option C: as long as the
/// issuer's key, 16, 24 or 32 bytes.
///
/// The issuer's side only; a card is given its key.
///
/// # Errors
/// [`Error::NoKey`] if `imk` is empty; `out` is wiped then.
///
/// # Timing
/// Independent of the keys.
///
/// # Source
/// EMV Book 2, Annex A1.4.3; own values in `tests/kat_emv_aes.rs`.
#[cfg(feature = "host")]
pub fn icc_master_key_aes<P: Purpose>(
    imk: &Key<Imk<P>, Aes>,
    pan: &Pan,
    psn: Psn,
    out: &mut Key<IccMk<P>, Aes>,
) -> Result<(), Error> {
    fill_aes(imk, out, |_| {
        let mut y = [0; aes::BLOCK_LEN];
        bcd::encode_numeric(&last_digits::<32>(pan, psn), &mut y)?;
        Ok([y, y.map(|byte| !byte)])
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sequence_numbers() {
        for value in 0..=255_u8 {
            let bcd = ((value / 10) << 4) | (value % 10);
            match Psn::new(value) {
                Ok(psn) => {
                    assert_eq!(psn.digits(), [value / 10, value % 10]);
                    assert_eq!(Psn::from_bytes(&[bcd]), Ok(psn));
                }
                Err(e) => assert!(e == Error::EmvElement && value > 99),
            }
        }
        assert_eq!(Psn::from_bytes(&[0x0A]), Err(Error::EmvElement));
        assert_eq!(Psn::from_bytes(&[0xA0]), Err(Error::EmvElement));
        assert_eq!(Psn::from_bytes(&[]), Err(Error::EmvElement));
        assert_eq!(Psn::from_bytes(&[0, 0]), Err(Error::EmvElement));
    }

    #[cfg(feature = "host")]
    #[test]
    fn diversifiers() {
        let y = |option, pan: &[u8]| Diversifier::new(option, &Pan::parse(pan).unwrap(), Psn::new(1).unwrap()).unwrap();
        let a = y(MasterKeyOption::A, b"12345678901234567");
        assert_eq!(a.value(), [0x45, 0x67, 0x89, 0x01, 0x23, 0x45, 0x67, 0x01]);
        let short = y(MasterKeyOption::A, b"1234567890123");
        assert_eq!(short.value(), [0x01, 0x23, 0x45, 0x67, 0x89, 0x01, 0x23, 0x01]);
        // Up to 16 digits B is A.
        let sixteen = b"1234567890123456";
        assert_eq!(y(MasterKeyOption::B, sixteen), y(MasterKeyOption::A, sixteen));
        assert_ne!(y(MasterKeyOption::B, b"12345678901234567"), a);
    }

    /// Cards that collide under option A (attack row G06) do not under option B.
    #[cfg(feature = "host")]
    #[test]
    fn option_a_forgets_leading_digits() {
        let y = |option, pan: &[u8]| {
            Diversifier::new(option, &Pan::parse(pan).unwrap(), Psn::ABSENT)
                .unwrap()
                .value()
        };
        let (one, two) = (b"1112345678901234567", b"2212345678901234567");
        assert_eq!(y(MasterKeyOption::A, one), y(MasterKeyOption::A, two));
        assert_ne!(y(MasterKeyOption::B, one), y(MasterKeyOption::B, two));
    }
}
