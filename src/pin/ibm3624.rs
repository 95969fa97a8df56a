// SPDX-License-Identifier: MIT OR Apache-2.0
//! PINs and offsets of the IBM 3624. Host side.
//!
//! ```text
//! digits of the PAN, padded ── TDEA under the PVK ──► 16 hexadecimal digits ── table ──► intermediate PIN
//! intermediate PIN, first n digits = natural PIN;   PIN = natural PIN + offset, digit by digit modulo 10
//! ```
//!
//! What decides which PIN belongs to a card stands in a [`Profile`]: decimalisation table, which digits of the PAN,
//! pad, and both lengths. None of it may come with a call: tables chosen for the purpose find a PIN in 15 tries, short
//! check lengths in 10 each. The [`hsm`](crate::hsm) registers profiles and takes their number.
//!
//! An offset is no secret; the natural PIN is. The number of digits of the PIN is that of the profile, which is public;
//! whether a PIN has so many is not.

use core::fmt;

use subtle::Choice;

use crate::cipher::tdes::Tdes;
use crate::ct;
use crate::error::Error;
use crate::key::role::PinVerification3624;
use crate::key::{Key, Tdea};
use crate::pin::{self, Pan, Pin, nibbles};
use crate::secret::Secret;
use crate::weaken::guard;

/// Digits of the intermediate PIN, and of validation data.
const DIGITS: usize = 16;

/// The fewest digits of an offset, and so of the check: each less makes a PIN ten times easier to find.
pub const MIN_CHECK_LEN: u8 = 4;

/// A decimalisation table: the decimal digit of each hexadecimal one.
#[derive(Clone, Copy, PartialEq, Eq)]
#[doc(alias = "decimalization table")]
pub struct Table([u8; DIGITS]);

impl Table {
    /// `0123456789012345`.
    pub const STANDARD: Self = Self([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 0, 1, 2, 3, 4, 5]);

    /// From 16 ASCII decimal digits.
    ///
    /// # Errors
    /// [`Error::InvalidLength`], [`Error::InvalidDigit`].
    pub fn parse(text: &[u8]) -> Result<Self, Error> {
        let text: &[u8; DIGITS] = text.try_into().map_err(|_| Error::InvalidLength)?;
        digit_values(text).map(Self)
    }

    /// The digit values.
    #[must_use]
    pub const fn digits(&self) -> &[u8; DIGITS] {
        &self.0
    }

    /// Judges what no table for real PINs may lack: at least 8 digits that differ, none more than 4 times. Tables
    /// of few digits tell by yes and no which digits a PIN has.
    ///
    /// # Errors
    /// [`Error::InvalidArgument`].
    pub fn judge(&self) -> Result<(), Error> {
        let counts = (0..10).map(|digit| self.0.iter().filter(|&&d| d == digit).count());
        if counts.clone().filter(|&count| count > 0).count() < 8 || counts.max() > Some(4) {
            return Err(Error::InvalidArgument);
        }
        Ok(())
    }

    /// The digit of a secret nibble: all 16 are looked at.
    fn digit(&self, nibble: u8) -> u8 {
        self.0
            .iter()
            .zip(0..)
            .fold(0, |acc, (digit, i)| acc | (digit & ct::mask_eq(nibble, i)))
    }
}

impl fmt::Debug for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Table").finish_non_exhaustive()
    }
}

/// Which digits of the PAN are enciphered: from place `start` (0 is the first) `len` digits, and the pad on their right
/// up to 16.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Validation {
    start: u8,
    len: u8,
    pad: u8,
}

impl Validation {
    /// `len` 1 to 16, `pad` 0 to 15.
    ///
    /// # Errors
    /// [`Error::InvalidArgument`] for a pad that is no nibble; [`Error::InvalidLength`] for a length outside 1 to 16,
    /// or places that no PAN has.
    pub const fn new(start: u8, len: u8, pad: u8) -> Result<Self, Error> {
        if pad > 15 {
            return Err(Error::InvalidArgument);
        }
        if len == 0 || len > 16 || start > 18 || start.wrapping_add(len) > 19 {
            return Err(Error::InvalidLength);
        }
        Ok(Self { start, len, pad })
    }

    /// The validation data of a card: 16 nibbles in 8 bytes.
    ///
    /// # Errors
    /// [`Error::InvalidPan`] if the PAN ends before the last of the digits.
    pub fn data(&self, pan: &Pan) -> Result<[u8; 8], Error> {
        let digits = pan.digits().get(usize::from(self.start)..).unwrap_or(&[]);
        let digits = digits.get(..usize::from(self.len)).ok_or(Error::InvalidPan)?;
        let mut nibbles = [self.pad; DIGITS];
        for (to, from) in nibbles.iter_mut().zip(digits) {
            *to = *from;
        }
        Ok(pin::pan::pack(&nibbles))
    }
}

/// What an issuer fixes for its PINs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Profile {
    table: Table,
    validation: Validation,
    pan_len: u8,
    pin_len: u8,
    check_len: u8,
}

impl Profile {
    /// For PANs of `pan_len` digits and PINs of `pin_len`, 4 to 12. The offset has as many digits as the PIN.
    ///
    /// The PAN's length is fixed because PANs of other lengths could have the same digits at the places of
    /// `validation`, and then the same PIN.
    ///
    /// # Errors
    /// [`Error::InvalidPan`] if PANs of this length end before the last digit of `validation`, or do not exist;
    /// [`Error::InvalidLength`] for `pin_len`.
    pub const fn new(table: Table, validation: Validation, pan_len: u8, pin_len: u8) -> Result<Self, Error> {
        if pan_len > 19 || validation.start.wrapping_add(validation.len) > pan_len {
            return Err(Error::InvalidPan);
        }
        if pin_len < pin::MIN_LEN || pin_len > pin::MAX_LEN {
            return Err(Error::InvalidLength);
        }
        Ok(Self {
            table,
            validation,
            pan_len,
            pin_len,
            check_len: pin_len,
        })
    }

    /// The same with offsets of `check_len` digits, which cover the rightmost digits of the PIN; the others are not
    /// compared.
    ///
    /// # Errors
    /// [`Error::InvalidLength`] for fewer than 4 or more than the PIN has.
    ///
    /// # Source
    /// z/OS ICSF, 3624 PIN verification algorithm: "the rightmost m digits".
    pub const fn with_check_len(mut self, check_len: u8) -> Result<Self, Error> {
        if check_len < MIN_CHECK_LEN || check_len > self.pin_len {
            return Err(Error::InvalidLength);
        }
        self.check_len = check_len;
        Ok(self)
    }

    /// The table.
    #[must_use]
    pub const fn table(&self) -> &Table {
        &self.table
    }

    /// First digit, number of digits and pad of the validation data; digits of PAN, PIN and offset.
    #[must_use]
    pub const fn numbers(&self) -> [u8; 6] {
        let Validation { start, len, pad } = self.validation;
        [start, len, pad, self.pan_len, self.pin_len, self.check_len]
    }

    /// The digits of a PIN.
    #[must_use]
    pub const fn pin_len(&self) -> u8 {
        self.pin_len
    }

    /// The digits of an offset.
    #[must_use]
    pub const fn check_len(&self) -> u8 {
        self.check_len
    }

    /// Judges a PAN and gives its validation data.
    pub(crate) fn data(&self, pan: &Pan) -> Result<[u8; 8], Error> {
        if guard!("B04", pan.digits().len() != usize::from(self.pan_len)) {
            return Err(Error::InvalidPan);
        }
        self.validation.data(pan)
    }

    /// Judges an offset's length.
    pub(crate) fn check(&self, offset: &Offset) -> Result<(), Error> {
        if guard!("B03", offset.len != self.check_len) {
            return Err(Error::InvalidLength);
        }
        Ok(())
    }

    /// Digits of a PIN in front of those that are compared.
    const fn skipped(&self) -> u8 {
        self.pin_len.wrapping_sub(self.check_len)
    }
}

/// An offset of 4 to 12 digits: with the PVK it gives the PIN, alone it gives nothing.
#[derive(Clone, PartialEq, Eq)]
#[doc(alias = "PIN offset")]
pub struct Offset {
    /// Digit values, zero behind the last.
    digits: [u8; 12],
    len: u8,
}

impl Offset {
    /// The most digits.
    pub const MAX_LEN: usize = 12;

    /// From 4 to 12 digit values.
    ///
    /// # Errors
    /// [`Error::InvalidLength`], [`Error::InvalidDigit`].
    pub fn from_digits(digits: &[u8]) -> Result<Self, Error> {
        let len = u8::try_from(digits.len()).map_err(|_| Error::InvalidLength)?;
        if !(MIN_CHECK_LEN..=pin::MAX_LEN).contains(&len) {
            return Err(Error::InvalidLength);
        }
        if digits.iter().any(|digit| *digit > 9) {
            return Err(Error::InvalidDigit);
        }
        let mut own = [0; 12];
        for (to, from) in own.iter_mut().zip(digits) {
            *to = *from;
        }
        Ok(Self { digits: own, len })
    }

    /// From 4 to 12 ASCII decimal digits.
    ///
    /// # Errors
    /// [`Error::InvalidLength`], [`Error::InvalidDigit`].
    pub fn parse(text: &[u8]) -> Result<Self, Error> {
        let mut digits = [0; 12];
        let own = digits.get_mut(..text.len()).ok_or(Error::InvalidLength)?;
        for (to, from) in own.iter_mut().zip(text) {
            *to = from.wrapping_sub(b'0');
        }
        Self::from_digits(own)
    }

    /// The digit values.
    #[must_use]
    pub fn digits(&self) -> &[u8] {
        self.digits.get(..usize::from(self.len)).unwrap_or(&[])
    }
}

impl fmt::Debug for Offset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Offset").finish_non_exhaustive()
    }
}

/// Computes the offset of a PIN: PIN minus natural PIN.
///
/// `pvk`: 16 or 24 bytes, 8 in old installations; `pan`: of the profile's length.
///
/// # Errors
/// [`Error::InvalidPan`], [`Error::InvalidPin`] for an empty PIN, [`Error::NoKey`];
/// [`Error::VerificationFailed`] if the PIN has not the profile's number of digits.
///
/// # Timing
/// The key's length and the verdict.
///
/// # Source
/// z/OS ICSF, IBM 3624 PIN offset generation algorithm; vectors: `vectors/card_verification.txt`, operation
/// `ibm3624_offset`.
pub fn generate(
    pvk: &Key<PinVerification3624, Tdea>,
    profile: &Profile,
    pan: &Pan,
    pin: &Pin,
) -> Result<Offset, Error> {
    pin.ready()?;
    let mut digits = Secret::zeroed();
    ct::verdict(offset_of(pvk, profile, pan, pin, &mut digits)?)?;
    Ok(publish(profile, &mut digits))
}

/// Verifies a PIN by its offset: the PIN must have the profile's number of digits, and its last ones must be natural PIN
/// plus offset.
///
/// # Errors
/// Those of [`generate`]; [`Error::InvalidLength`] for an offset that is not of the profile;
/// [`Error::VerificationFailed`] for a wrong PIN.
///
/// # Timing
/// The key's length and the verdict.
///
/// # Source
/// z/OS ICSF, 3624 PIN verification algorithm.
pub fn verify(
    pvk: &Key<PinVerification3624, Tdea>,
    profile: &Profile,
    pan: &Pan,
    pin: &Pin,
    offset: &Offset,
) -> Result<(), Error> {
    pin.ready()?;
    ct::verdict(matches(pvk, profile, pan, pin, offset)?)
}

/// Computes a card's PIN from its offset, which must have as many digits as the PIN; an offset of zeros gives the
/// natural PIN.
///
/// # Errors
/// Those of [`generate`]; [`Error::InvalidLength`] for an offset that does not cover the PIN. `out` is empty then.
///
/// # Timing
/// The key's length.
///
/// # Source
/// z/OS ICSF, 3624 PIN generation algorithm; vectors: `vectors/card_verification.txt`, operation
/// `ibm3624_natural_pin`.
pub fn derive(
    pvk: &Key<PinVerification3624, Tdea>,
    profile: &Profile,
    pan: &Pan,
    offset: &Offset,
    out: &mut Pin,
) -> Result<(), Error> {
    out.clear();
    profile.check(offset)?;
    if guard!("B03.derive", profile.skipped() != 0) {
        return Err(Error::InvalidLength);
    }
    let mut natural = Secret::zeroed();
    intermediate(pvk, &profile.table, &profile.data(pan)?, &mut natural)?;
    let mut digits = Secret::<12>::zeroed();
    for ((to, from), offset) in digits
        .expose_mut()
        .iter_mut()
        .zip(natural.expose())
        .zip(offset.digits())
    {
        *to = add(*from, *offset);
    }
    out.assign(profile.pin_len, digits.expose())
}

/// Whether the PIN is the one that the offset stands for. An empty PIN never is.
pub(crate) fn matches(
    pvk: &Key<PinVerification3624, Tdea>,
    profile: &Profile,
    pan: &Pan,
    pin: &Pin,
    offset: &Offset,
) -> Result<Choice, Error> {
    profile.check(offset)?;
    let mut digits = Secret::zeroed();
    let of_len = offset_of(pvk, profile, pan, pin, &mut digits)?;
    Ok(of_len & ct::eq(digits.expose(), &offset.digits))
}

/// The offset of a PIN, and whether the PIN has the profile's number of digits.
pub(crate) fn offset_of(
    pvk: &Key<PinVerification3624, Tdea>,
    profile: &Profile,
    pan: &Pan,
    pin: &Pin,
    out: &mut Secret<12>,
) -> Result<Choice, Error> {
    let mut natural = Secret::zeroed();
    intermediate(pvk, &profile.table, &profile.data(pan)?, &mut natural)?;
    let (len, digits) = pin.parts();
    let pairs = digits.iter().zip(natural.expose());
    let checked = pairs
        .skip(usize::from(profile.skipped()))
        .take(usize::from(profile.check_len));
    for (to, (digit, natural)) in out.expose_mut().iter_mut().zip(checked) {
        *to = subtract(*digit, *natural);
    }
    Ok(ct::choice(ct::mask_eq(len, profile.pin_len)))
}

/// An offset that may be told.
pub(crate) fn publish(profile: &Profile, digits: &mut Secret<12>) -> Offset {
    ct::public(digits.expose_mut());
    Offset {
        digits: *digits.expose(),
        len: profile.check_len,
    }
}

/// The digits of a PIN from validation data and an offset of 4 to 16 digits, for vectors.
///
/// # Errors
/// [`Error::InvalidLength`] unless `offset` and `out` have one length, 4 to 16; [`Error::InvalidDigit`],
/// [`Error::NoKey`]. `out` is zero then.
#[cfg(feature = "hazmat")]
pub fn pin_digits(
    pvk: &Key<PinVerification3624, Tdea>,
    table: &Table,
    validation: &[u8; 8],
    offset: &[u8],
    out: &mut [u8],
) -> Result<(), Error> {
    each_digit(pvk, table, validation, offset, out, add)
}

/// The digits of an offset from validation data and a PIN of 4 to 16 digits, for vectors.
///
/// # Errors
/// As [`pin_digits`].
#[cfg(feature = "hazmat")]
pub fn offset_digits(
    pvk: &Key<PinVerification3624, Tdea>,
    table: &Table,
    validation: &[u8; 8],
    pin: &[u8],
    out: &mut [u8],
) -> Result<(), Error> {
    each_digit(pvk, table, validation, pin, out, |natural, digit| {
        subtract(digit, natural)
    })
}

#[cfg(feature = "hazmat")]
fn each_digit(
    pvk: &Key<PinVerification3624, Tdea>,
    table: &Table,
    validation: &[u8; 8],
    digits: &[u8],
    out: &mut [u8],
    combine: impl Fn(u8, u8) -> u8,
) -> Result<(), Error> {
    out.fill(0);
    if digits.len() != out.len() || !(4..=DIGITS).contains(&digits.len()) {
        return Err(Error::InvalidLength);
    }
    let bad = digits
        .iter()
        .fold(0, |bad, digit| bad | (digit >> 4) | !ct::mask_digit(digit & 15));
    ct::verdict(ct::choice(ct::mask_eq(bad, 0))).map_err(|_| Error::InvalidDigit)?;
    let mut natural = Secret::zeroed();
    intermediate(pvk, table, validation, &mut natural)?;
    for ((to, natural), digit) in out.iter_mut().zip(natural.expose()).zip(digits) {
        *to = combine(*natural, *digit);
    }
    Ok(())
}

/// The intermediate PIN: validation data enciphered, each hexadecimal digit through the table.
fn intermediate(
    pvk: &Key<PinVerification3624, Tdea>,
    table: &Table,
    validation: &[u8; 8],
    out: &mut Secret<DIGITS>,
) -> Result<(), Error> {
    let cipher = Tdes::new(pvk.material()?)?;
    let mut block = Secret::<8>::zeroed();
    *block.expose_mut() = cipher.encrypt(*validation);
    for (to, nibble) in out.expose_mut().iter_mut().zip(nibbles(block.expose())) {
        *to = table.digit(nibble);
    }
    Ok(())
}

/// Modulo 10, of two digits.
const fn add(a: u8, b: u8) -> u8 {
    let sum = a.wrapping_add(b);
    sum.wrapping_sub(10 & !ct::mask_lt(sum, 10))
}

/// Modulo 10, of two digits.
const fn subtract(a: u8, b: u8) -> u8 {
    a.wrapping_sub(b).wrapping_add(10 & ct::mask_lt(a, b))
}

fn digit_values<const N: usize>(text: &[u8; N]) -> Result<[u8; N], Error> {
    let digits = text.map(|c| c.wrapping_sub(b'0'));
    if digits.iter().any(|digit| *digit > 9) {
        return Err(Error::InvalidDigit);
    }
    Ok(digits)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_modulo_ten() {
        for (a, b) in (0..10).flat_map(|a| (0..10).map(move |b| (a, b))) {
            assert_eq!(add(a, b), (a + b) % 10);
            assert_eq!(subtract(a, b), (10 + a - b) % 10);
        }
    }

    #[test]
    fn tables() {
        let table = Table::parse(b"8351296477461538").unwrap();
        for (nibble, &digit) in (0..16).zip(table.digits()) {
            assert_eq!(table.digit(nibble), digit);
        }
        assert_eq!(Table::parse(b"0123456789012345").unwrap(), Table::STANDARD);
        assert_eq!(Table::parse(b"012345678901234").unwrap_err(), Error::InvalidLength);
        assert_eq!(Table::parse(b"01234567890123456").unwrap_err(), Error::InvalidLength);
        assert_eq!(Table::parse(b"012345678901234A").unwrap_err(), Error::InvalidDigit);
        assert_eq!(Table::STANDARD.judge(), Ok(()));
        for (text, good) in [
            (b"1234567890123456", true),
            (b"0123456701234567", true),
            (b"0123456012345601", false), // 7 digits
            (b"0000123456789012", false), // 0 five times
            (b"0001234567890123", true),
            (b"0000000000000001", false),
        ] {
            assert_eq!(Table::parse(text).unwrap().judge().is_ok(), good, "{text:?}");
        }
    }

    #[test]
    fn profiles() {
        let validation = Validation::new(3, 12, 15).unwrap();
        assert_eq!(Validation::new(0, 0, 15), Err(Error::InvalidLength));
        assert_eq!(Validation::new(0, 17, 15), Err(Error::InvalidLength));
        assert_eq!(Validation::new(4, 16, 15), Err(Error::InvalidLength));
        assert_eq!(Validation::new(255, 16, 15), Err(Error::InvalidLength));
        assert_eq!(Validation::new(0, 16, 16), Err(Error::InvalidArgument));
        let new = |pan_len, pin_len| Profile::new(Table::STANDARD, validation, pan_len, pin_len);
        assert_eq!(new(14, 4), Err(Error::InvalidPan));
        assert_eq!(new(20, 4), Err(Error::InvalidPan));
        assert_eq!(new(16, 3), Err(Error::InvalidLength));
        assert_eq!(new(16, 13), Err(Error::InvalidLength));
        let profile = new(16, 6).unwrap();
        assert_eq!(profile.numbers(), [3, 12, 15, 16, 6, 6]);
        for len in [0, 1, 2, 3, 7] {
            assert_eq!(profile.with_check_len(len), Err(Error::InvalidLength));
        }
        assert_eq!(profile.with_check_len(4).unwrap().numbers(), [3, 12, 15, 16, 6, 4]);
        let pan = Pan::parse(b"1122334455667788").unwrap();
        assert_eq!(
            profile.data(&pan).unwrap(),
            [0x23, 0x34, 0x45, 0x56, 0x67, 0x78, 0xFF, 0xFF]
        );
        assert_eq!(
            profile.data(&Pan::parse(b"11223344556677889").unwrap()),
            Err(Error::InvalidPan)
        );
    }

    #[test]
    fn offsets() {
        assert_eq!(Offset::parse(b"0129").unwrap().digits(), [0, 1, 2, 9]);
        assert_eq!(Offset::parse(b"123456789012").unwrap().digits().len(), 12);
        for text in [&b"012"[..], b"", b"1234567890123"] {
            assert_eq!(Offset::parse(text), Err(Error::InvalidLength));
        }
        for text in [b"012:", b"012/", b"012A"] {
            assert_eq!(Offset::parse(text), Err(Error::InvalidDigit));
        }
    }
}
