// SPDX-License-Identifier: MIT OR Apache-2.0
//! Key derivation from a shared secret: HKDF (RFC 5869), over the crate `hkdf`, and the two one-step functions that
//! payment services in the cloud speak, ANSI X9.63 and SP 800-56C.
//!
//! | function | block i of the output, i from 1 |
//! |---|---|
//! | HKDF | `HMAC(PRK, block i−1 ‖ info ‖ i)`, PRK = `HMAC(salt, Z)`, i one byte |
//! | X9.63 | `H(Z ‖ i ‖ SharedInfo)`, i four bytes |
//! | one-step, SP 800-56C option 1 | `H(i ‖ Z ‖ FixedInfo)`, i four bytes |
//!
//! HKDF is what this library uses; the other two are there for a peer that has nothing else. Each with SHA-256, SHA-384
//! and SHA-512.
//!
//! The crate `hkdf` leaves copies of the pseudorandom key and of the last output block on the stack; at the C border the
//! stack below a call is overwritten after it.

use hkdf::Hkdf;
use sha2::digest::{Digest, Output};
use sha2::{Sha256, Sha384, Sha512};
use zeroize::Zeroize;

use crate::error::Error;
use crate::secret::Secret;

/// Length of the pseudorandom key and of one output block of SHA-256, in bytes.
pub const HASH_LEN: usize = 32;

/// The longest output of one call of HKDF-SHA-256: 255 blocks (RFC 5869, 2.3).
pub const MAX_OUT_LEN: usize = 255 * HASH_LEN;

macro_rules! hkdf {
    ($hash:ty, $name:literal, $len:literal, $extract:ident, $expand:ident, $whole:ident, $(#[$example:meta])*) => {
        #[doc = concat!("HKDF-Extract with ", $name, ": the pseudorandom key of `ikm` (input keying material of any length) ",
            "under `salt`. An empty `salt` means a salt of ", $len, " zero bytes.")]
        ///
        /// # Errors
        /// None today.
        ///
        /// # Timing
        /// Only the lengths show.
        ///
        /// # Source
        /// RFC 5869, 2.2; vectors: `vectors/ecdh_hkdf.txt`, `vectors/wycheproof`.
        pub fn $extract(salt: &[u8], ikm: &[u8], prk: &mut Secret<$len>) -> Result<(), Error> {
            let (mut bytes, _) = Hkdf::<$hash>::extract(Some(salt), ikm);
            *prk.expose_mut() = bytes.into();
            bytes.zeroize();
            Ok(())
        }

        #[doc = concat!("HKDF-Expand with ", $name, ": fills `out` from the pseudorandom key. `info` is the concatenation of ",
            "the parts given; whoever splits variable fields over it must give each a length.")]
        ///
        /// # Errors
        #[doc = concat!("[`Error::InvalidLength`] if `out` is empty or longer than 255 blocks of ", $len, " bytes; `out` is ",
            "wiped.")]
        ///
        /// # Timing
        /// Only the lengths show.
        ///
        /// # Source
        /// RFC 5869, 2.3; vectors: `vectors/ecdh_hkdf.txt`, `vectors/wycheproof`.
        pub fn $expand(prk: &Secret<$len>, info: &[&[u8]], out: &mut [u8]) -> Result<(), Error> {
            let result = if out.is_empty() || out.len() > 255 * $len {
                Err(Error::InvalidLength)
            } else {
                Hkdf::<$hash>::from_prk(prk.expose())
                    .map_err(|_| Error::Internal)
                    .and_then(|hkdf| hkdf.expand_multi_info(info, out).map_err(|_| Error::InvalidLength))
            };
            result.inspect_err(|_| out.zeroize())
        }

        #[doc = concat!("HKDF with ", $name, ": extract, then expand.")]
        ///
        /// # Errors
        #[doc = concat!("As [`", stringify!($expand), "`].")]
        ///
        /// # Timing
        /// Only the lengths show.
        ///
        /// # Source
        /// RFC 5869; vectors: `vectors/ecdh_hkdf.txt`, `vectors/wycheproof`.
        $(#[$example])*
        pub fn $whole(salt: &[u8], ikm: &[u8], info: &[&[u8]], out: &mut [u8]) -> Result<(), Error> {
            let mut prk = Secret::zeroed();
            match $extract(salt, ikm, &mut prk) {
                Ok(()) => $expand(&prk, info, out),
                Err(error) => {
                    out.zeroize();
                    Err(error)
                }
            }
        }
    };
}

hkdf! {
    Sha256, "SHA-256", 32, hkdf_sha256_extract, hkdf_sha256_expand, hkdf_sha256,
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
}
hkdf! { Sha384, "SHA-384", 48, hkdf_sha384_extract, hkdf_sha384_expand, hkdf_sha384, }
hkdf! { Sha512, "SHA-512", 64, hkdf_sha512_extract, hkdf_sha512_expand, hkdf_sha512, }

/// Where the counter stands in the hash of a one-step function.
#[derive(Clone, Copy)]
enum CounterPlace {
    BeforeZ,
    AfterZ,
}

fn one_step<D: Digest>(place: CounterPlace, z: &[u8], info: &[&[u8]], out: &mut [u8]) -> Result<(), Error> {
    // So the counter of four bytes does not wrap either.
    if out.is_empty() || z.is_empty() || u32::try_from(out.len()).is_err() {
        out.zeroize();
        return Err(Error::InvalidLength);
    }
    for (chunk, counter) in out.chunks_mut(<D as Digest>::output_size()).zip(1_u32..) {
        let counter = counter.to_be_bytes();
        let (first, second): (&[u8], &[u8]) = match place {
            CounterPlace::BeforeZ => (&counter, z),
            CounterPlace::AfterZ => (z, &counter),
        };
        let mut hash = D::new();
        hash.update(first);
        hash.update(second);
        info.iter().for_each(|part| hash.update(part));
        let mut block = Output::<D>::default();
        hash.finalize_into(&mut block);
        for (to, from) in chunk.iter_mut().zip(&block) {
            *to = *from;
        }
        block.zeroize();
    }
    Ok(())
}

macro_rules! one_step {
    ($hash:ty, $name:literal, $x963:ident, $sp800:ident) => {
        #[doc = concat!("The key derivation function of ANSI X9.63 with ", $name, ": `z` is the shared secret, `shared_info` the ",
            "concatenation of the parts given.")]
        ///
        /// For a peer that knows no other; `shared_info` ought to say who the parties are and what the key is for.
        ///
        /// # Errors
        /// [`Error::InvalidLength`] if `z` or `out` is empty or `out` has 2^32 bytes or more; `out` is wiped.
        ///
        /// # Timing
        /// Only the lengths show.
        ///
        /// # Source
        /// ANSI X9.63 5.6.3, SEC 1 v2 3.6.1; vectors: `vectors/ecdh_hkdf.txt`, operation `x963_kdf`.
        #[doc(alias = "ANSI_X963")]
        pub fn $x963(z: &[u8], shared_info: &[&[u8]], out: &mut [u8]) -> Result<(), Error> {
            one_step::<$hash>(CounterPlace::AfterZ, z, shared_info, out)
        }

        #[doc = concat!("The one-step key derivation function of SP 800-56C, option 1, with ", $name, ": `z` is the shared secret, ",
            "`fixed_info` the concatenation of the parts given.")]
        ///
        /// For a peer that knows no other; `fixed_info` ought to say who the parties are and what the key is for.
        ///
        /// # Errors
        /// [`Error::InvalidLength`] if `z` or `out` is empty or `out` has 2^32 bytes or more; `out` is wiped.
        ///
        /// # Timing
        /// Only the lengths show.
        ///
        /// # Source
        /// SP 800-56C revision 2, 4.1 option 1 (the concatenation KDF of SP 800-56A); vectors: `vectors/ecdh_hkdf.txt`,
        /// operation `concat_kdf`.
        #[doc(alias = "NIST_SP800")]
        #[doc(alias = "concat_kdf")]
        pub fn $sp800(z: &[u8], fixed_info: &[&[u8]], out: &mut [u8]) -> Result<(), Error> {
            one_step::<$hash>(CounterPlace::BeforeZ, z, fixed_info, out)
        }
    };
}

one_step!(Sha256, "SHA-256", x963_sha256, one_step_sha256);
one_step!(Sha384, "SHA-384", x963_sha384, one_step_sha384);
one_step!(Sha512, "SHA-512", x963_sha512, one_step_sha512);

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

    /// The one-step functions by themselves, over the crate's hashes.
    #[test]
    fn one_step_agrees_with_the_definition() {
        fn check<D: Digest>(x963: OneStep, sp800: OneStep) {
            let z = [0xA5; 32];
            for len in [1, 16, 24, 31, 32, 33, 48, 49, 64, 65, 129, 200] {
                let (mut a, mut b) = (std::vec![0; len], std::vec![0; len]);
                x963(&z, &[b"shared ", b"", b"info"], &mut a).unwrap();
                sp800(&z, &[b"shared ", b"", b"info"], &mut b).unwrap();
                let (mut x, mut y) = (std::vec::Vec::new(), std::vec::Vec::new());
                for counter in 1..=7_u8 {
                    let parts = |parts: &[&[u8]]| D::digest(parts.concat());
                    x.extend(parts(&[&z, &[0, 0, 0, counter], b"shared info"]));
                    y.extend(parts(&[&[0, 0, 0, counter], &z, b"shared info"]));
                }
                assert_eq!((&a[..], &b[..]), (&x[..len], &y[..len]));
            }
            for (z, len) in [(&z[..], 0), (&[][..], 16)] {
                let mut out = [0x55; 16];
                assert_eq!(x963(z, &[b"x"], &mut out[..len]), Err(Error::InvalidLength));
                assert_eq!(sp800(z, &[b"x"], &mut out[..len]), Err(Error::InvalidLength));
                assert!(out[..len].iter().all(|&byte| byte == 0));
            }
        }
        type OneStep = fn(&[u8], &[&[u8]], &mut [u8]) -> Result<(), Error>;
        check::<Sha256>(x963_sha256, one_step_sha256);
        check::<Sha384>(x963_sha384, one_step_sha384);
        check::<Sha512>(x963_sha512, one_step_sha512);
    }
}
