// SPDX-License-Identifier: MIT OR Apache-2.0
//! HKDF with SHA-256 (RFC 5869), over the crate `hkdf`.
//!
//! The crate leaves copies of the pseudorandom key and of the last output block on the stack; at the C border the stack
//! below a call is overwritten after it.

use hkdf::Hkdf;
use sha2::Sha256;
use zeroize::Zeroize;

use crate::error::Error;
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
    let (mut bytes, _) = Hkdf::<Sha256>::extract(Some(salt), ikm);
    *prk.expose_mut() = bytes.into();
    bytes.zeroize();
    Ok(())
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
    let hkdf = Hkdf::<Sha256>::from_prk(prk.expose()).map_err(|_| Error::Internal)?;
    hkdf.expand_multi_info(info, out).map_err(|_| Error::InvalidLength)
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
    use crate::mac::{Mac, hmac::HmacSha256};

    /// RFC 5869 by itself, over our HMAC.
    fn reference(salt: &[u8], ikm: &[u8], info: &[u8], out: &mut [u8]) {
        let hmac = |key: &[u8], parts: &[&[u8]]| {
            let mut hmac = HmacSha256::new(key).unwrap();
            parts.iter().for_each(|part| hmac.update(part));
            let mut tag = [0; HASH_LEN];
            hmac.finish(&mut tag).unwrap();
            tag
        };
        let prk = hmac(salt, &[ikm]);
        let mut previous = std::vec::Vec::new();
        for (chunk, counter) in out.chunks_mut(HASH_LEN).zip(1..=255) {
            let block = hmac(&prk, &[&previous, info, &[counter]]);
            chunk.copy_from_slice(&block[..chunk.len()]);
            previous = block.to_vec();
        }
    }

    #[test]
    fn agrees_with_the_definition() {
        let bytes: std::vec::Vec<u8> = (0..=255).cycle().take(9000).collect();
        for len in [1, 15, 16, 31, 32, 33, 64, 100, MAX_OUT_LEN] {
            for (salt, ikm, info) in [(0, 0, 0), (13, 22, 10), (64, 80, 80), (65, 32, 0), (200, 1, 300)] {
                let (salt, ikm, info) = (&bytes[..salt], &bytes[1..=ikm], &bytes[2..2 + info]);
                let mut ours = std::vec![0; len];
                let mut theirs = std::vec![0; len];
                let (left, right) = info.split_at(info.len().min(7));
                hkdf_sha256(salt, ikm, &[left, &[], right], &mut ours).unwrap();
                reference(salt, ikm, info, &mut theirs);
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
