// SPDX-License-Identifier: MIT OR Apache-2.0
//! dCVV and CAVV: the CVV algorithm with numbers of one transaction in the place of what a card always has.
//!
//! | value | in place of | stands | key |
//! |---|---|---|---|
//! | dCVV | the first four digits of the PAN | the four digits of the ATC | the card's, for dynamic numbers |
//! | CAVV (3-D Secure, by the CVV algorithm) | the expiry date | four digits of the unpredictable number | CVK |
//! | | the service code | authentication result (1), second factor (2) | |
//!
//! **Evidence.** The published values are reproduced, but each form is known from one public implementation. Of the ATC its
//! four digits enter as the terminal has put them into the track: whether they are those of the decimal or of the hexadecimal
//! number is the terminal's rule. The module has no command on either value.

use crate::card::cvv::{self, Expiry, ServiceCode, digits};
use crate::card::{CardValue, check_len};
use crate::ct;
use crate::error::Error;
use crate::key::role::{CardVerification, Dn, IccMk};
use crate::key::{Key, Tdea};
use crate::pin::Pan;

/// Four decimal digits of one transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Number([u8; 4]);

impl Number {
    /// From four ASCII decimal digits.
    ///
    /// # Errors
    /// [`Error::InvalidLength`], [`Error::InvalidDigit`].
    pub fn parse(text: &[u8]) -> Result<Self, Error> {
        digits(text).map(Self)
    }
}

/// Computes a dCVV of `len` digits, 3 to 5.
///
/// `mk`: the card's key, 16 bytes, from the issuer's by option A or B; `expiry` and `code` as on the track.
///
/// # Errors
/// [`Error::InvalidPan`] for a PAN of fewer than 4 digits, and those of [`cvv::generate`]. `out` is empty then.
///
/// # Timing
/// The lengths.
///
/// # Source
/// One public implementation and the output of one tool; vectors: `vectors/card_verification.txt`, operation `dcvv`.
pub fn generate(
    mk: &Key<IccMk<Dn>, Tdea>,
    pan: &Pan,
    atc: Number,
    expiry: Expiry,
    code: ServiceCode,
    len: usize,
    out: &mut CardValue,
) -> Result<(), Error> {
    let digits = out.reset(len)?;
    let result = compute(mk, pan, atc, expiry, code, digits);
    match result {
        Ok(()) => ct::public(digits),
        Err(_) => out.0.truncate(0),
    }
    result
}

/// Verifies a dCVV: yes or no. As many digits count as came.
///
/// # Errors
/// As [`generate`]; [`Error::VerificationFailed`] if it differs.
///
/// # Timing
/// Only the verdict and the lengths show.
///
/// # Source
/// As [`generate`].
pub fn verify(
    mk: &Key<IccMk<Dn>, Tdea>,
    pan: &Pan,
    atc: Number,
    expiry: Expiry,
    code: ServiceCode,
    value: &CardValue,
) -> Result<(), Error> {
    check_len(value.len())?;
    let mut right = CardValue::empty();
    compute(mk, pan, atc, expiry, code, right.reset(value.len())?)?;
    ct::agree(right.digits(), value.digits())
}

fn compute(
    mk: &Key<IccMk<Dn>, Tdea>,
    pan: &Pan,
    atc: Number,
    expiry: Expiry,
    code: ServiceCode,
    out: &mut [u8],
) -> Result<(), Error> {
    let (_, rest) = pan.digits().split_at_checked(4).ok_or(Error::InvalidPan)?;
    cvv::over(mk.material()?, [&atc.0, rest, &expiry.on_track(), code.digits()], out)
}

/// What a CAVV by the CVV algorithm is made over besides the PAN.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Authentication {
    number: Number,
    code: [u8; 3],
}

impl Authentication {
    /// From the unpredictable number, the digit of the authentication result and the two of the second factor, in ASCII.
    ///
    /// # Errors
    /// [`Error::InvalidLength`], [`Error::InvalidDigit`].
    pub fn parse(number: &[u8], result: u8, second_factor: &[u8; 2]) -> Result<Self, Error> {
        let [a, b] = *second_factor;
        Ok(Self {
            number: Number::parse(number)?,
            code: digits(&[result, a, b])?,
        })
    }
}

/// Computes a CAVV of `len` digits, 3 to 5.
///
/// # Errors
/// As [`cvv::generate`]. `out` is empty then.
///
/// # Timing
/// The lengths.
///
/// # Source
/// One public implementation; vectors: `vectors/card_verification.txt`, operation `cavv_cvv_algorithm`.
pub fn cavv_generate(
    cvk: &Key<CardVerification, Tdea>,
    pan: &Pan,
    authentication: &Authentication,
    len: usize,
    out: &mut CardValue,
) -> Result<(), Error> {
    let digits = out.reset(len)?;
    let result = cavv_compute(cvk, pan, authentication, digits);
    match result {
        Ok(()) => ct::public(digits),
        Err(_) => out.0.truncate(0),
    }
    result
}

/// Verifies a CAVV: yes or no. As many digits count as came.
///
/// # Errors
/// As [`cavv_generate`]; [`Error::VerificationFailed`] if it differs.
///
/// # Timing
/// Only the verdict and the lengths show.
///
/// # Source
/// As [`cavv_generate`].
pub fn cavv_verify(
    cvk: &Key<CardVerification, Tdea>,
    pan: &Pan,
    authentication: &Authentication,
    value: &CardValue,
) -> Result<(), Error> {
    check_len(value.len())?;
    let mut right = CardValue::empty();
    cavv_compute(cvk, pan, authentication, right.reset(value.len())?)?;
    ct::agree(right.digits(), value.digits())
}

fn cavv_compute(
    cvk: &Key<CardVerification, Tdea>,
    pan: &Pan,
    authentication: &Authentication,
    out: &mut [u8],
) -> Result<(), Error> {
    let Authentication { number, code } = authentication;
    cvv::over(cvk.material()?, [pan.digits(), &number.0, code, &[]], out)
}
