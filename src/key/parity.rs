// SPDX-License-Identifier: MIT OR Apache-2.0
//! DES key parity, equal parts and weak keys, in constant time.
//!
//! The lowest bit of each byte of a DES key is a parity bit: it gives the byte an odd number of one bits and does not
//! enter the cipher. Derived keys (DUKPT, EMV session keys of some schemes) keep whatever parity they come with, and
//! so do BDKs; so parity is set only where a standard says so. Tests for equal and weak parts ignore parity bits,
//! because the cipher does.

use subtle::{Choice, ConstantTimeEq};

/// The bits of a DES key byte that enter the cipher.
const KEY_BITS: u8 = 0xFE;

/// The 4 weak and 12 semi-weak DES keys (SP 800-67 3.3.2), parity bits cleared by the comparison.
const WEAK: [[u8; 8]; 16] = [
    [0x01, 0x01, 0x01, 0x01, 0x01, 0x01, 0x01, 0x01],
    [0xFE, 0xFE, 0xFE, 0xFE, 0xFE, 0xFE, 0xFE, 0xFE],
    [0xE0, 0xE0, 0xE0, 0xE0, 0xF1, 0xF1, 0xF1, 0xF1],
    [0x1F, 0x1F, 0x1F, 0x1F, 0x0E, 0x0E, 0x0E, 0x0E],
    [0x01, 0xFE, 0x01, 0xFE, 0x01, 0xFE, 0x01, 0xFE],
    [0xFE, 0x01, 0xFE, 0x01, 0xFE, 0x01, 0xFE, 0x01],
    [0x1F, 0xE0, 0x1F, 0xE0, 0x0E, 0xF1, 0x0E, 0xF1],
    [0xE0, 0x1F, 0xE0, 0x1F, 0xF1, 0x0E, 0xF1, 0x0E],
    [0x01, 0xE0, 0x01, 0xE0, 0x01, 0xF1, 0x01, 0xF1],
    [0xE0, 0x01, 0xE0, 0x01, 0xF1, 0x01, 0xF1, 0x01],
    [0x1F, 0xFE, 0x1F, 0xFE, 0x0E, 0xFE, 0x0E, 0xFE],
    [0xFE, 0x1F, 0xFE, 0x1F, 0xFE, 0x0E, 0xFE, 0x0E],
    [0x01, 0x1F, 0x01, 0x1F, 0x01, 0x0E, 0x01, 0x0E],
    [0x1F, 0x01, 0x1F, 0x01, 0x0E, 0x01, 0x0E, 0x01],
    [0xE0, 0xFE, 0xE0, 0xFE, 0xF1, 0xFE, 0xF1, 0xFE],
    [0xFE, 0xE0, 0xFE, 0xE0, 0xFE, 0xF1, 0xFE, 0xF1],
];

/// Gives every byte odd parity by its lowest bit; the other bits stay.
///
/// # Timing
/// The length shows, the bytes do not.
///
/// # Source
/// FIPS 46-3; vectors: `vectors/key_management.txt`, operation `des_odd_parity`.
pub fn set_odd(key: &mut [u8]) {
    for byte in key {
        *byte ^= ones_odd(*byte) ^ 1;
    }
}

/// Whether every byte has odd parity.
///
/// # Timing
/// The length shows, the bytes do not.
#[must_use]
pub fn is_odd(key: &[u8]) -> Choice {
    Choice::from(key.iter().fold(1, |acc, &byte| acc & ones_odd(byte)))
}

/// Whether a TDEA key of 16 bytes has K1 = K2, or one of 24 bytes K1 = K2 or K2 = K3: each makes it single DES.
/// Parity bits are ignored. False for any other length. (K1 = K3 in 24 bytes is two-key strength, not a defect.)
///
/// # Timing
/// The length shows, the bytes do not.
///
/// # Source
/// SP 800-67 (the three keying options).
#[must_use]
pub fn halves_equal(key: &[u8]) -> Choice {
    match key.as_chunks::<8>() {
        ([k1, k2], []) => same(k1, k2),
        ([k1, k2, k3], []) => same(k1, k2) | same(k2, k3),
        _ => Choice::from(0),
    }
}

/// Whether a TDEA key of 24 bytes has K1 = K3, which leaves the strength of 16 bytes. Parity bits are ignored.
pub(crate) fn is_two_key(key: &[u8]) -> Choice {
    match key.as_chunks::<8>() {
        ([k1, _, k3], []) => same(k1, k3),
        _ => Choice::from(0),
    }
}

/// Whether an 8-byte DES key, or part of a TDEA key, is one of the 16 weak and semi-weak keys. Parity bits are
/// ignored, so the all-zero key counts too.
///
/// # Timing
/// Constant.
///
/// # Source
/// SP 800-67 3.3.2.
#[must_use]
pub fn is_weak(key: &[u8; 8]) -> Choice {
    WEAK.iter().fold(Choice::from(0), |acc, weak| acc | same(key, weak))
}

/// 1 if the byte has an odd number of one bits, else 0.
const fn ones_odd(byte: u8) -> u8 {
    let folded = byte ^ (byte >> 4);
    let folded = folded ^ (folded >> 2);
    (folded ^ (folded >> 1)) & 1
}

/// Equality of two DES keys, parity bits ignored.
fn same(a: &[u8; 8], b: &[u8; 8]) -> Choice {
    a.iter()
        .zip(b)
        .fold(0, |acc, (x, y)| acc | ((x ^ y) & KEY_BITS))
        .ct_eq(&0)
}

/// Whether a DES or TDEA key is one that must not be loaded: a part of it is weak or semi-weak, or parts are equal
/// ([`halves_equal`]).
///
/// # Timing
/// The length shows, the bytes do not.
#[must_use]
pub fn is_degenerate(key: &[u8]) -> Choice {
    let (parts, _) = key.as_chunks::<8>();
    parts.iter().fold(halves_equal(key), |acc, part| acc | is_weak(part))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cipher::tdes::Des;

    #[test]
    fn parity_of_every_byte() {
        for byte in 0..=255_u8 {
            let mut key = [byte];
            assert_eq!(bool::from(is_odd(&key)), byte.count_ones() % 2 == 1);
            set_odd(&mut key);
            assert_eq!(key[0].count_ones() % 2, 1);
            assert_eq!(key[0] & KEY_BITS, byte & KEY_BITS);
        }
        assert!(!bool::from(is_odd(&[1, 3, 1])));
    }

    #[test]
    fn equal_parts() {
        let (a, b, c) = ([0x12; 8], [0x13; 8], [0x57; 8]);
        let equal = |parts: &[[u8; 8]]| bool::from(halves_equal(parts.as_flattened()));
        // A and B differ in parity bits alone.
        assert!(equal(&[a, a]) && equal(&[a, b]) && !equal(&[a, c]));
        assert!(equal(&[a, a, c]) && equal(&[c, a, b]) && !equal(&[a, c, a]));
        assert!(!equal(&[a]) && !bool::from(halves_equal(&[])));
    }

    #[test]
    fn weak_keys_undo_themselves() {
        // Each weak key is its own inverse, and each semi-weak key the inverse of another of the list.
        let block = *b"\x01\x23\x45\x67\x89\xAB\xCD\xEF";
        for key in WEAK {
            assert!(bool::from(is_odd(&key)));
            assert!(bool::from(is_weak(&key)));
            assert!(bool::from(is_weak(&key.map(|b| b ^ 1))));
            let once = Des::new(&key).encrypt(block);
            assert!(WEAK.iter().any(|other| Des::new(other).encrypt(once) == block));
            for bit in 0..64 {
                let mut near = key;
                near[bit / 8] ^= 0x80 >> (bit % 8);
                assert_eq!(bool::from(is_weak(&near)), bit % 8 == 7);
            }
        }
        assert!(bool::from(is_weak(&[0; 8])));
    }

    #[test]
    fn degenerate_keys() {
        assert!(bool::from(is_degenerate(&[0; 24])));
        assert!(bool::from(is_degenerate([[0x57; 8], [0x01; 8]].as_flattened())));
        assert!(!bool::from(is_degenerate([[0x57; 8], [0x13; 8]].as_flattened())));
    }
}
