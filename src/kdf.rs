// SPDX-License-Identifier: MIT OR Apache-2.0
//! HKDF with SHA-256 (RFC 5869).
//!
//! Written over our own HMAC and not over the `hkdf` crate, because that crate leaves the pseudorandom key and the
//! last output block on the stack. The tests compare the two.

use zeroize::Zeroize;

use crate::error::Error;
use crate::mac::{Mac, hmac::HmacSha256};
use crate::secret::Secret;

/// Length of the pseudorandom key and of one output block, in bytes.
pub const HASH_LEN: usize = 32;

/// The longest output of one call: 255 blocks (RFC 5869, 2.3).
pub const MAX_OUT_LEN: usize = 255 * HASH_LEN;

/// HKDF-Extract: the pseudorandom key of `ikm` (input keying material of any length) under `salt`. An empty `salt`
/// means a salt of 32 zero bytes.
///
/// # Errors
/// None today.
///
/// # Timing
/// Only the lengths show.
///
/// # Source
/// RFC 5869, 2.2; vectors: `vectors/ecdh_hkdf.txt`.
pub fn hkdf_sha256_extract(salt: &[u8], ikm: &[u8], prk: &mut Secret<HASH_LEN>) -> Result<(), Error> {
    // HMAC pads a key with zeros to the block of the hash: the empty key is the key of 32 zeros.
    let mut hmac = HmacSha256::new(salt)?;
    hmac.update(ikm);
    hmac.finish(prk.expose_mut())
}

/// HKDF-Expand: fills `out` from the pseudorandom key. `info` is the concatenation of the parts given; whoever splits
/// variable fields over it must give each a length.
///
/// # Errors
/// [`Error::InvalidLength`] if `out` is empty or longer than [`MAX_OUT_LEN`]; `out` is wiped.
///
/// # Timing
/// Only the lengths show.
///
/// # Source
/// RFC 5869, 2.3; vectors: `vectors/ecdh_hkdf.txt`.
pub fn hkdf_sha256_expand(prk: &Secret<HASH_LEN>, info: &[&[u8]], out: &mut [u8]) -> Result<(), Error> {
    let result = expand(prk, info, out);
    if result.is_err() {
        out.zeroize();
    }
    result
}

fn expand(prk: &Secret<HASH_LEN>, info: &[&[u8]], out: &mut [u8]) -> Result<(), Error> {
    if out.is_empty() || out.len() > MAX_OUT_LEN {
        return Err(Error::InvalidLength);
    }
    let mut block = Secret::<HASH_LEN>::zeroed();
    let mut previous: &[u8] = &[];
    // T(i) = HMAC(PRK, T(i - 1) || info || i), i from 1 to 255.
    for (chunk, counter) in out.chunks_mut(HASH_LEN).zip(1_u8..=u8::MAX) {
        let mut hmac = HmacSha256::new(prk.expose())?;
        hmac.update(previous);
        for part in info {
            hmac.update(part);
        }
        hmac.update(&[counter]);
        hmac.finish(block.expose_mut())?;
        for (to, from) in chunk.iter_mut().zip(block.expose()) {
            *to = *from;
        }
        previous = block.expose();
    }
    Ok(())
}

/// HKDF: extract, then expand.
///
/// # Errors
/// As [`hkdf_sha256_expand`].
///
/// # Timing
/// Only the lengths show.
///
/// # Source
/// RFC 5869; vectors: `vectors/ecdh_hkdf.txt`.
///
/// # Example
/// ```
/// # #[cfg(feature = "hazmat")] {
/// // RFC 5869, A.1
/// let salt = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12];
/// let info = [0xF0, 0xF1, 0xF2, 0xF3, 0xF4, 0xF5, 0xF6, 0xF7, 0xF8, 0xF9];
/// let mut okm = [0; 42];
/// payhsm::kdf::hkdf_sha256(&salt, &[0x0B; 22], &[&info], &mut okm)?;
/// assert_eq!(okm[..4], [0x3C, 0xB2, 0x5F, 0x25]);
/// # }
/// # Ok::<(), payhsm::error::Error>(())
/// ```
pub fn hkdf_sha256(salt: &[u8], ikm: &[u8], info: &[&[u8]], out: &mut [u8]) -> Result<(), Error> {
    let mut prk = Secret::zeroed();
    match hkdf_sha256_extract(salt, ikm, &mut prk) {
        Ok(()) => hkdf_sha256_expand(&prk, info, out),
        Err(error) => {
            out.zeroize();
            Err(error)
        }
    }
}

#[cfg(test)]
mod tests {
    extern crate std;

    use super::*;

    #[test]
    fn agrees_with_the_hkdf_crate() {
        let bytes: std::vec::Vec<u8> = (0..=255).cycle().take(9000).collect();
        for len in [1, 15, 16, 31, 32, 33, 64, 100, MAX_OUT_LEN] {
            for (salt, ikm, info) in [(0, 0, 0), (13, 22, 10), (64, 80, 80), (65, 32, 0), (200, 1, 300)] {
                let (salt, ikm, info) = (&bytes[..salt], &bytes[1..=ikm], &bytes[2..2 + info]);
                let mut ours = std::vec![0; len];
                let mut theirs = std::vec![0; len];
                let (left, right) = info.split_at(info.len().min(7));
                hkdf_sha256(salt, ikm, &[left, &[], right], &mut ours).unwrap();
                ::hkdf::Hkdf::<sha2::Sha256>::new(Some(salt), ikm).expand(info, &mut theirs).unwrap();
                assert_eq!(ours, theirs);
            }
        }
    }

    #[test]
    fn output_bounds() {
        let mut long = std::vec![0x55; MAX_OUT_LEN + 1];
        assert_eq!(hkdf_sha256(b"", b"k", &[], &mut long), Err(Error::InvalidLength));
        assert!(long.iter().all(|&b| b == 0));
        assert_eq!(hkdf_sha256(b"", b"k", &[], &mut []), Err(Error::InvalidLength));
    }
}
