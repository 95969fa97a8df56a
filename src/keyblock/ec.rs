// SPDX-License-Identifier: MIT OR Apache-2.0
//! Private keys of P-256 as they travel in a key block: `ECPrivateKey` of RFC 5915, in DER.
//!
//! ```text
//! SEQUENCE { INTEGER 1, OCTET STRING scalar (32), [0] prime256v1, [1] BIT STRING public key (optional) }
//! ```
//!
//! A DER encoding with these parts has one form for each set of parts, so nothing is parsed: the length says which form
//! it is, and every byte that is not of the key is compared with it, in constant time and in one verdict with the key.
//! The curve must be named. A public key must be uncompressed and belong to the scalar.

use subtle::{Choice, ConstantTimeEq};

use crate::ct;
use crate::ecdh::{self, FIELD_LEN, PUBLIC_LEN};
use crate::error::Error;
use crate::secret::Secret;

/// Length of the encoding with a public key, in bytes: what is written.
pub(super) const DER_LEN: usize = HEAD_LEN + FIELD_LEN + CURVE.len() + PUBLIC_HEAD.len() + PUBLIC_LEN;

/// Length of the encoding without a public key, in bytes.
const SHORT_LEN: usize = HEAD_LEN + FIELD_LEN + CURVE.len();

const HEAD_LEN: usize = 7;

/// `SEQUENCE`, `INTEGER 1`, `OCTET STRING`.
const fn head(len: usize) -> [u8; HEAD_LEN] {
    // All encodings here are shorter than 128 bytes.
    #[allow(clippy::cast_possible_truncation)]
    let body = len.wrapping_sub(2) as u8;
    [0x30, body, 0x02, 0x01, 0x01, 0x04, 0x20]
}

const LONG_HEAD: [u8; HEAD_LEN] = head(DER_LEN);
const SHORT_HEAD: [u8; HEAD_LEN] = head(SHORT_LEN);

/// `[0]`, the object identifier of prime256v1.
const CURVE: [u8; 12] = [0xA0, 0x0A, 0x06, 0x08, 0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x03, 0x01, 0x07];

/// `[1]`, `BIT STRING`, no unused bits.
const PUBLIC_HEAD: [u8; 5] = [0xA1, 0x44, 0x03, 0x42, 0x00];

const _: () = assert!(DER_LEN == 121 && SHORT_LEN == 51);

/// Reads the scalar of an authentic payload into `out`. The length of the payload is public.
///
/// # Errors
/// [`Error::VerificationFailed`] if it is anything but a private key of P-256 with its own public key or none; `out` is
/// zero then.
pub(super) fn read(der: &[u8], out: &mut Secret<FIELD_LEN>) -> Result<(), Error> {
    let result = read_inner(der, out.expose_mut());
    let belongs = result.and_then(|(form, public)| {
        // Out of range: no key.
        let own = ecdh::public_of(out).map_err(|_| Error::VerificationFailed)?;
        let same = match public {
            Some(public) => own.as_bytes().ct_eq(public),
            None => Choice::from(1),
        };
        ct::verdict(form & same)
    });
    if belongs.is_err() {
        *out = Secret::zeroed();
    }
    belongs
}

type Parts<'a> = (Choice, Option<&'a [u8; PUBLIC_LEN]>);

fn read_inner<'a>(der: &'a [u8], out: &mut [u8; FIELD_LEN]) -> Result<Parts<'a>, Error> {
    // One error, whatever is missing.
    let cut = Error::VerificationFailed;
    let (found_head, rest) = der.split_first_chunk::<HEAD_LEN>().ok_or(cut)?;
    let (scalar, rest) = rest.split_first_chunk::<FIELD_LEN>().ok_or(cut)?;
    let (curve, rest) = rest.split_first_chunk::<{ CURVE.len() }>().ok_or(cut)?;
    *out = *scalar;
    let curve = curve.ct_eq(&CURVE);
    if rest.is_empty() {
        return Ok((found_head.ct_eq(&SHORT_HEAD) & curve, None));
    }
    let (public_head, rest) = rest.split_first_chunk::<{ PUBLIC_HEAD.len() }>().ok_or(cut)?;
    let public: &[u8; PUBLIC_LEN] = rest.try_into().map_err(|_| cut)?;
    let form = found_head.ct_eq(&LONG_HEAD) & curve & public_head.ct_eq(&PUBLIC_HEAD);
    Ok((form, Some(public)))
}

/// Writes the private key with this scalar, and its public key.
///
/// # Errors
/// [`Error::EcScalar`] if the scalar is out of range.
pub(super) fn write(scalar: &Secret<FIELD_LEN>, out: &mut Secret<DER_LEN>) -> Result<(), Error> {
    let public = ecdh::public_of(scalar)?;
    let bytes = LONG_HEAD
        .iter()
        .chain(scalar.expose())
        .chain(&CURVE)
        .chain(&PUBLIC_HEAD)
        .chain(public.as_bytes());
    for (to, from) in out.expose_mut().iter_mut().zip(bytes) {
        *to = *from;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn heads_tell_the_length_behind_them() {
        assert_eq!((LONG_HEAD, SHORT_HEAD), (head(DER_LEN), head(SHORT_LEN)));
        assert_eq!(head(121), [0x30, 119, 2, 1, 1, 4, 32]);
    }

    const SCALAR: [u8; 32] = [0x5A; 32];

    fn encoded() -> [u8; DER_LEN] {
        let mut scalar = Secret::zeroed();
        *scalar.expose_mut() = SCALAR;
        let mut out = Secret::zeroed();
        write(&scalar, &mut out).unwrap();
        *out.expose()
    }

    fn refused(der: &[u8]) -> bool {
        let mut out = Secret::zeroed();
        let result = read(der, &mut out);
        assert_eq!(result.is_ok(), *out.expose() != [0; 32]);
        result.is_err_and(|error| error == Error::VerificationFailed)
    }

    #[test]
    fn both_forms() {
        let long = encoded();
        let mut out = Secret::zeroed();
        read(&long, &mut out).unwrap();
        assert_eq!(*out.expose(), SCALAR);
        let mut short = long[..SHORT_LEN].to_vec();
        assert!(refused(&short));
        short[1] = 49;
        read(&short, &mut out).unwrap();
        assert_eq!(*out.expose(), SCALAR);
        for at in (0..HEAD_LEN).chain(HEAD_LEN + 32..SHORT_LEN) {
            let mut changed = short.clone();
            changed[at] ^= 1;
            assert!(refused(&changed), "{at}");
        }
    }

    #[test]
    fn nothing_else() {
        let long = encoded();
        for at in 0..long.len() {
            for bit in 0..8 {
                let mut changed = long;
                changed[at] ^= 1 << bit;
                assert!(refused(&changed), "{at}");
            }
            assert!(refused(&long[..at]));
        }
        assert!(refused(&[&long[..], &[0]].concat()));
        // 0, and n.
        for scalar in [[0; 32], ORDER] {
            let mut changed = long;
            changed[HEAD_LEN..HEAD_LEN + 32].copy_from_slice(&scalar);
            assert!(refused(&changed));
            let mut short = changed[..SHORT_LEN].to_vec();
            short[1] = 49;
            assert!(refused(&short));
        }
        // Without the curve, with and without a public key.
        let mut bare = [&long[..HEAD_LEN + 32], &long[SHORT_LEN..]].concat();
        bare[1] = u8::try_from(bare.len() - 2).unwrap();
        assert!(refused(&bare));
        bare.truncate(HEAD_LEN + 32);
        bare[1] = 37;
        assert!(refused(&bare));
        // PKCS #8 around it.
        let algorithm = [
            0x30, 0x81, 0x87, 0x02, 0x01, 0x00, 0x30, 0x13, 0x06, 0x07, 0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x02, 0x01, 0x06,
            0x08, 0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x03, 0x01, 0x07, 0x04, 0x6D,
        ];
        assert!(refused(&[&algorithm[..], &long].concat()));
    }

    const ORDER: [u8; 32] = [
        0xFF, 0xFF, 0xFF, 0xFF, 0, 0, 0, 0, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xBC, 0xE6, 0xFA, 0xAD,
        0xA7, 0x17, 0x9E, 0x84, 0xF3, 0xB9, 0xCA, 0xC2, 0xFC, 0x63, 0x25, 0x51,
    ];
}
