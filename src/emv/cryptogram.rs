// SPDX-License-Identifier: MIT OR Apache-2.0
//! Application cryptograms and the issuer's response cryptogram (EMV Book 2, clause 8).
//!
//! These functions take what they are given. [`profile`](super::profile) decides which data, key and padding a card
//! has, and gives a response only after the request was verified.

use zeroize::Zeroize;

use super::cipher;
use crate::ct;
use crate::error::Error;
use crate::key::role::{Ac, SessionKey};
use crate::key::{Key, Tdea};
use crate::mac::Mac;
use crate::mac::iso9797::{self, RetailMac};

/// Length of an application cryptogram in bytes: all of it, never less.
pub const LEN: usize = 8;

/// Most proprietary authentication data in a method 2 response, in bytes.
pub const MAX_PROPRIETARY: usize = 8;

/// Padding of the cryptogram's input (ISO/IEC 9797-1).
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

/// Compares a response cryptogram with the expected one, which is wiped.
pub(super) fn compare<const N: usize>(mut expected: [u8; N], given: &[u8; N]) -> Result<(), Error> {
    let equal = ct::eq(&expected, given);
    expected.zeroize();
    ct::verdict(equal)
}
