// SPDX-License-Identifier: MIT OR Apache-2.0
//! Application cryptograms and the issuer's response cryptogram (EMV Book 2, clause 8).
//!
//! These functions take what they are given. [`profile`](super::profile) decides which data, key and padding a card
//! has, and gives a response only after the request was verified.

use zeroize::Zeroize;

use super::cipher;
use crate::cipher::aes::Aes as AesCipher;
use crate::cipher::modes;
use crate::ct;
use crate::error::Error;
use crate::key::role::{Ac, SessionKey};
use crate::key::{Aes, Key, Tdea};
use crate::mac::Mac;
use crate::mac::cmac::CmacAes;
use crate::mac::iso9797::{self, RetailMac};

/// Length of an application cryptogram in bytes: all of it, never less.
pub const LEN: usize = 8;

/// Most proprietary authentication data in a method 2 response, in bytes.
pub const MAX_PROPRIETARY: usize = 8;

/// Padding of the input of a TDEA card's cryptogram (ISO/IEC 9797-1). CMAC, with which AES cards make theirs, has its
/// own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Padding {
    /// Method 1: zeros to a whole block.
    Method1,
    /// Method 2: 80, then zeros to a whole block.
    Method2,
}

impl Padding {
    const fn iso9797(self) -> iso9797::Padding {
        match self {
            Self::Method1 => iso9797::Padding::Method1,
            Self::Method2 => iso9797::Padding::Method2,
        }
    }
}

fn start(sk: &Key<SessionKey<Ac>, Tdea>, padding: Padding, parts: &[&[u8]]) -> Result<RetailMac, Error> {
    let mut mac = RetailMac::new(sk.material()?, padding.iso9797())?;
    for part in parts {
        mac.update(part);
    }
    Ok(mac)
}

/// Computes an application cryptogram (ARQC, TC or AAC): ISO/IEC 9797-1 MAC algorithm 3 over `parts`, one behind the
/// other. 8 bytes.
///
/// # Errors
/// [`Error::NoKey`], [`Error::InvalidKeyLength`].
///
/// # Timing
/// Depends on the lengths of `parts`.
///
/// # Source
/// EMV Book 2, clause 8.1; vectors: `vectors/emv.txt`, `emv_application_cryptogram`.
#[doc(alias = "ARQC")]
#[doc(alias = "TC")]
#[doc(alias = "AAC")]
pub fn generate(sk: &Key<SessionKey<Ac>, Tdea>, padding: Padding, parts: &[&[u8]]) -> Result<[u8; LEN], Error> {
    let mut ac = [0; LEN];
    start(sk, padding, parts)?.finish(&mut ac)?;
    Ok(ac)
}

/// Compares an application cryptogram in constant time.
///
/// # Errors
/// [`Error::VerificationFailed`] if it differs; [`Error::NoKey`], [`Error::InvalidKeyLength`].
///
/// # Timing
/// As [`generate`].
pub fn verify(
    sk: &Key<SessionKey<Ac>, Tdea>,
    padding: Padding,
    parts: &[&[u8]],
    ac: &[u8; LEN],
) -> Result<(), Error> {
    start(sk, padding, parts)?.verify(ac)
}

/// Response cryptogram, method 1: the ARQC with the response code `arc` (2 bytes) added (xor) to its left, enciphered.
/// 8 bytes.
///
/// # Errors
/// [`Error::NoKey`], [`Error::InvalidKeyLength`].
///
/// # Source
/// EMV Book 2, clause 8.2.1; vectors: `vectors/emv.txt`, `emv_arpc`.
pub fn arpc1(key: &Key<SessionKey<Ac>, Tdea>, arqc: &[u8; LEN], arc: [u8; 2]) -> Result<[u8; 8], Error> {
    let [a, b, rest @ ..] = *arqc;
    let [c, d, e, f, g, h] = rest;
    let [x, y] = arc;
    Ok(cipher(key.material()?)?.encrypt([a ^ x, b ^ y, c, d, e, f, g, h]))
}

/// Response cryptogram, method 2: the leftmost 4 bytes of the MAC (algorithm 3, padding method 2) over ARQC, card
/// status update `csu` (4 bytes) and 0 to 8 bytes of proprietary data.
///
/// # Errors
/// [`Error::InvalidLength`] for more than 8 bytes of proprietary data; [`Error::NoKey`], [`Error::InvalidKeyLength`].
///
/// # Source
/// EMV Book 2, clause 8.2.2; vectors: `vectors/emv.txt`, `emv_arpc`.
pub fn arpc2(
    key: &Key<SessionKey<Ac>, Tdea>,
    arqc: &[u8; LEN],
    csu: [u8; 4],
    proprietary: &[u8],
) -> Result<[u8; 4], Error> {
    if proprietary.len() > MAX_PROPRIETARY {
        return Err(Error::InvalidLength);
    }
    let mut arpc = [0; 4];
    start(key, Padding::Method2, &[arqc, &csu, proprietary])?.finish(&mut arpc)?;
    Ok(arpc)
}

fn start_aes(sk: &Key<SessionKey<Ac>, Aes>, parts: &[&[u8]]) -> Result<CmacAes, Error> {
    let mut mac = CmacAes::new(sk.material()?)?;
    for part in parts {
        mac.update(part);
    }
    Ok(mac)
}

/// Computes an AES card's application cryptogram: the leftmost 8 bytes of the CMAC over `parts`, one behind the other.
///
/// # Errors
/// [`Error::NoKey`].
///
/// # Timing
/// Depends on the lengths of `parts`.
///
/// # Source
/// EMV Book 2, clause 8.1; vectors: `vectors/emv_ecc.txt`, `emv_aes_application_cryptogram`.
pub fn generate_aes(sk: &Key<SessionKey<Ac>, Aes>, parts: &[&[u8]]) -> Result<[u8; LEN], Error> {
    let mut ac = [0; LEN];
    start_aes(sk, parts)?.finish(&mut ac)?;
    Ok(ac)
}

/// Compares an AES card's application cryptogram in constant time.
///
/// # Errors
/// [`Error::VerificationFailed`] if it differs; [`Error::NoKey`].
///
/// # Timing
/// As [`generate_aes`].
pub fn verify_aes(sk: &Key<SessionKey<Ac>, Aes>, parts: &[&[u8]], ac: &[u8; LEN]) -> Result<(), Error> {
    start_aes(sk, parts)?.verify(ac)
}

/// An AES card's response cryptogram, method 1: the ARQC with the response code `arc` added (xor) to its left, and 8
/// zero bytes behind, enciphered; the leftmost 8 bytes.
///
/// # Errors
/// [`Error::NoKey`].
///
/// # Source
/// EMV Book 2, clause 8.2.1; values of one public implementation in `tests/kat_emv_aes.rs`.
pub fn arpc1_aes(key: &Key<SessionKey<Ac>, Aes>, arqc: &[u8; LEN], arc: [u8; 2]) -> Result<[u8; 8], Error> {
    let [a, b, c, d, e, f, g, h] = *arqc;
    let [x, y] = arc;
    let mut block = [a ^ x, b ^ y, c, d, e, f, g, h, 0, 0, 0, 0, 0, 0, 0, 0];
    let result = modes::ecb_encrypt(&AesCipher::new(key.material()?)?, &mut block);
    let [a, b, c, d, e, f, g, h, ..] = block;
    block.zeroize();
    result.map(|()| [a, b, c, d, e, f, g, h])
}

/// An AES card's response cryptogram, method 2: the leftmost 4 bytes of the CMAC over ARQC, card status update `csu`
/// (4 bytes) and 0 to 8 bytes of proprietary data.
///
/// # Errors
/// [`Error::InvalidLength`] for more than 8 bytes of proprietary data; [`Error::NoKey`].
///
/// # Source
/// EMV Book 2, clause 8.2.2; values of one public implementation in `tests/kat_emv_aes.rs`.
pub fn arpc2_aes(
    key: &Key<SessionKey<Ac>, Aes>,
    arqc: &[u8; LEN],
    csu: [u8; 4],
    proprietary: &[u8],
) -> Result<[u8; 4], Error> {
    if proprietary.len() > MAX_PROPRIETARY {
        return Err(Error::InvalidLength);
    }
    let mut arpc = [0; 4];
    start_aes(key, &[arqc, &csu, proprietary])?.finish(&mut arpc)?;
    Ok(arpc)
}

/// Compares a response cryptogram with the expected one, which is wiped.
pub(super) fn compare<const N: usize>(mut expected: [u8; N], given: &[u8; N]) -> Result<(), Error> {
    let equal = ct::eq(&expected, given);
    expected.zeroize();
    ct::verdict(equal)
}
