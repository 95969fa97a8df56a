// SPDX-License-Identifier: MIT OR Apache-2.0
//! ECDSA over P-256 with SHA-256 (FIPS 186-5), deterministic (RFC 6979), on the arithmetic of the `p256` crate.
//!
//! ```text
//! SigningKey --sign(message)--> Signature --> 64 bytes r || s, or DER
//!                                  |
//! PublicKey --verify(message, Signature)--> yes or VerificationFailed
//! ```
//!
//! A signature's encoding is public and judged first, strictly: one encoding a value. Both s and n - s verify, as the
//! standard has it: a signature is no identifier of a message.

use core::fmt;

use p256::elliptic_curve::Group;
use p256::elliptic_curve::ff::PrimeField;
use p256::elliptic_curve::ops::Reduce;
use p256::elliptic_curve::point::AffineCoordinates;
use p256::{FieldBytes, ProjectivePoint, Scalar, U256};
use sha2::{Digest, Sha256};
use zeroize::Zeroize;

use crate::ct;
use crate::ecdh::{FIELD_LEN, PublicKey, private_scalar, public_of};
use crate::entropy::Entropy;
use crate::error::Error;
use crate::mac::{Mac, hmac::HmacSha256};
use crate::secret::Secret;

/// Length of a signature as `r || s`, in bytes.
pub const SIGNATURE_LEN: usize = 2 * FIELD_LEN;

/// Length of the longest signature in DER, in bytes.
pub const SIGNATURE_DER_MAX_LEN: usize = 72;

/// Length of a SHA-256 digest, in bytes.
pub const DIGEST_LEN: usize = 32;

/// How often a nonce outside 1..n-1 is drawn again: that happens once in 2^32 draws.
const MAX_DRAWS: usize = 4;

/// n - 2: the exponent of the inverse modulo n.
const ORDER_LESS_2: U256 = U256::from_be_hex("FFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC63254F");

/// A signature whose r and s are in range, 1 to n-1.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Signature([u8; SIGNATURE_LEN]);

impl Signature {
    /// From `r || s`, 32 bytes each, big-endian.
    ///
    /// # Errors
    /// [`Error::Signature`] for another length and for numbers outside 1 to n-1.
    ///
    /// # Timing
    /// Public data only.
    ///
    /// # Source
    /// IEEE P1363; vectors: `vectors/wycheproof/ecdsa_secp256r1_sha256_p1363_test.json`.
    #[doc(alias = "P1363")]
    pub fn from_raw(bytes: &[u8]) -> Result<Self, Error> {
        let signature = Self(bytes.try_into().map_err(|_| Error::Signature)?);
        signature.scalars()?;
        Ok(signature)
    }

    /// From the DER encoding of `SEQUENCE { INTEGER r, INTEGER s }`: shortest lengths, no sign byte too many, nothing
    /// behind.
    ///
    /// # Errors
    /// [`Error::Signature`] for any other encoding and for numbers outside 1 to n-1.
    ///
    /// # Timing
    /// Public data only.
    ///
    /// # Source
    /// RFC 3279 2.2.3, X.690; vectors: `vectors/wycheproof/ecdsa_secp256r1_sha256_test.json`.
    pub fn from_der(bytes: &[u8]) -> Result<Self, Error> {
        let integers = match bytes {
            // A length of 128 or more has another form, and no such signature has it.
            [0x30, len @ 0..0x80, integers @ ..] if usize::from(*len) == integers.len() => integers,
            _ => return Err(Error::Signature),
        };
        let mut signature = Self([0; SIGNATURE_LEN]);
        let (r, s) = signature.0.split_at_mut(FIELD_LEN);
        let rest = integer(integers, r)?;
        if !integer(rest, s)?.is_empty() {
            return Err(Error::Signature);
        }
        signature.scalars()?;
        Ok(signature)
    }

    /// `r || s`.
    #[must_use]
    pub const fn to_raw(&self) -> [u8; SIGNATURE_LEN] {
        self.0
    }

    /// Writes the DER encoding into `out` and gives its length.
    pub fn to_der(&self, out: &mut [u8; SIGNATURE_DER_MAX_LEN]) -> usize {
        out.fill(0);
        let (r, s) = self.0.split_at(FIELD_LEN);
        let mut len = 0_usize;
        let mut body = 0_u8;
        for number in [r, s] {
            body = body.wrapping_add(2).wrapping_add(digits(number).1);
        }
        let mut put = |byte: u8| {
            if let Some(place) = out.get_mut(len) {
                *place = byte;
                len = len.wrapping_add(1);
            }
        };
        put(0x30);
        put(body);
        for number in [r, s] {
            let (significant, der_len) = digits(number);
            put(0x02);
            put(der_len);
            if usize::from(der_len) > significant.len() {
                put(0);
            }
            significant.iter().for_each(|&byte| put(byte));
        }
        len
    }

    fn scalars(&self) -> Result<(Scalar, Scalar), Error> {
        let (r, s) = self.0.split_first_chunk::<FIELD_LEN>().ok_or(Error::Internal)?;
        let s = s.first_chunk::<FIELD_LEN>().ok_or(Error::Internal)?;
        Ok((number(r)?, number(s)?))
    }
}

impl fmt::Debug for Signature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Signature").field(&self.0).finish()
    }
}

/// A public number in range.
fn number(bytes: &[u8; FIELD_LEN]) -> Result<Scalar, Error> {
    let candidate: Option<Scalar> = Scalar::from_repr(FieldBytes::from(*bytes)).into();
    candidate
        .filter(|scalar| *scalar != Scalar::ZERO)
        .ok_or(Error::Signature)
}

/// Reads a DER INTEGER that is not negative into `out`, right-aligned, and gives what is behind it.
fn integer<'a>(der: &'a [u8], out: &mut [u8]) -> Result<&'a [u8], Error> {
    let (content, rest) = match der {
        [0x02, len, rest @ ..] => rest.split_at_checked(usize::from(*len)).ok_or(Error::Signature)?,
        _ => return Err(Error::Signature),
    };
    let digits = match content {
        // A zero in front only where the number would look negative without it.
        [0, digits @ ..] if digits.first().is_some_and(|&first| first >= 0x80) => digits,
        [1..0x80, ..] => content,
        // None at all, zero, negative, or a zero too many.
        _ => return Err(Error::Signature),
    };
    let start = out.len().checked_sub(digits.len()).ok_or(Error::Signature)?;
    for (to, from) in out.iter_mut().skip(start).zip(digits) {
        *to = *from;
    }
    Ok(rest)
}

/// The bytes of a number without leading zeros, and their length in DER.
fn digits(number: &[u8]) -> (&[u8], u8) {
    let zeros = number.iter().take_while(|&&byte| byte == 0).count();
    let significant = number.get(zeros..).unwrap_or(&[]);
    let sign = significant.first().is_none_or(|&first| first >= 0x80);
    // At most 33.
    let len = significant.len().wrapping_add(usize::from(sign));
    (significant, u8::try_from(len).unwrap_or(u8::MAX))
}

/// A signing key: a secret scalar from 1 to n-1. Wiped on drop and masked in `Debug`.
///
/// A key signs and does nothing else; an agreement has keys of its own.
pub struct SigningKey {
    scalar: Secret<FIELD_LEN>,
}

impl SigningKey {
    /// The place of a key. Signing with it fails with [`Error::EcScalar`].
    #[must_use]
    pub const fn empty() -> Self {
        Self {
            scalar: Secret::zeroed(),
        }
    }

    /// Makes a key, as [`ecdh::PrivateKey::generate`](crate::ecdh::PrivateKey::generate) does.
    ///
    /// # Errors
    /// [`Error::Entropy`].
    ///
    /// # Timing
    /// Shows the number of draws, which says nothing about the one that is kept.
    ///
    /// # Source
    /// FIPS 186-5 A.2.2.
    pub fn generate(entropy: &mut impl Entropy) -> Result<Self, Error> {
        let mut key = Self::empty();
        for _ in 0..MAX_DRAWS {
            if entropy.fill(key.scalar.expose_mut()).is_err() {
                break;
            }
            if key.check().is_ok() {
                return Ok(key);
            }
        }
        Err(Error::Entropy)
    }

    /// A key from its scalar, 32 bytes big-endian.
    ///
    /// # Errors
    /// [`Error::EcScalar`] for 0 and for n and above.
    #[cfg(feature = "hazmat")]
    pub fn from_bytes(scalar: &[u8; FIELD_LEN]) -> Result<Self, Error> {
        let mut key = Self::empty();
        key.set(scalar)?;
        Ok(key)
    }

    /// Writes a scalar here.
    pub(crate) fn set(&mut self, scalar: &[u8]) -> Result<(), Error> {
        self.scalar.zeroize();
        let scalar: &[u8; FIELD_LEN] = scalar.try_into().map_err(|_| Error::InvalidKeyLength)?;
        *self.scalar.expose_mut() = *scalar;
        self.check().inspect_err(|_| self.scalar.zeroize())
    }

    fn check(&self) -> Result<(), Error> {
        private_scalar(&self.scalar).map(|mut scalar| scalar.zeroize())
    }

    /// The public key.
    ///
    /// # Errors
    /// [`Error::EcScalar`] if no key is here.
    ///
    /// # Timing
    /// Constant.
    pub fn public(&self) -> Result<PublicKey, Error> {
        public_of(&self.scalar)
    }

    /// Signs the SHA-256 digest of `message`.
    ///
    /// # Errors
    /// [`Error::EcScalar`] if no key is here.
    ///
    /// # Timing
    /// Only the message's length shows, and, once in 2^32, that a nonce was drawn again.
    ///
    /// # Source
    /// FIPS 186-5 6.4, RFC 6979 3.2; vectors: `vectors/ecdh_hkdf.txt`, operation `ecdsa_p256_sign_fixed_k`.
    pub fn sign(&self, message: &[u8]) -> Result<Signature, Error> {
        self.sign_digest(&digest(&[message]))
    }

    /// Signs a digest.
    pub(crate) fn sign_digest(&self, digest: &[u8; DIGEST_LEN]) -> Result<Signature, Error> {
        let mut nonces = Nonces::new(&self.scalar, digest)?;
        for _ in 0..MAX_DRAWS {
            match self.sign_with(nonces.draw()?, digest) {
                Err(Error::EcScalar) => self.check()?,
                result => return result,
            }
        }
        Err(Error::Internal)
    }

    /// Signs the SHA-256 digest of `message` with a given nonce, for vectors.
    ///
    /// **Two signatures with one nonce, or one with a nonce that somebody can guess, give the key away.**
    ///
    /// # Errors
    /// [`Error::EcScalar`] if no key is here or the nonce is out of range.
    #[cfg(feature = "hazmat")]
    pub fn sign_with_nonce(&self, message: &[u8], nonce: &[u8; FIELD_LEN]) -> Result<Signature, Error> {
        let mut secret = Secret::zeroed();
        *secret.expose_mut() = *nonce;
        self.sign_with(&secret, &digest(&[message]))
    }

    /// [`Error::EcScalar`] if the nonce is out of range, gives r = 0 or s = 0, or no key is here.
    fn sign_with(&self, nonce: &Secret<FIELD_LEN>, digest: &[u8; DIGEST_LEN]) -> Result<Signature, Error> {
        let mut k = private_scalar(nonce)?;
        let mut d = match private_scalar(&self.scalar) {
            Ok(d) => d,
            Err(error) => {
                k.zeroize();
                return Err(error);
            }
        };
        // FIPS 186-5 6.4.1, steps 3 to 9.
        let mut point = ProjectivePoint::mul_by_generator(&k).to_affine();
        let mut r_bytes = reduce(&point.x()).to_repr();
        // r is public: it is half of the signature. Whether it is 0 is public with it.
        ct::public(&mut r_bytes);
        let r = Scalar::from_repr(r_bytes).unwrap_or(Scalar::ZERO);
        let mut inverse = invert(&k);
        let mut sum = reduce(&FieldBytes::from(*digest)).add(&r.multiply(&d));
        let mut s_bytes = inverse.multiply(&sum).to_repr();
        ct::public(&mut s_bytes);
        k.zeroize();
        d.zeroize();
        inverse.zeroize();
        sum.zeroize();
        point.zeroize();
        let mut signature = Signature([0; SIGNATURE_LEN]);
        for (to, from) in signature.0.iter_mut().zip(r_bytes.iter().chain(&s_bytes)) {
            *to = *from;
        }
        signature.scalars().map_err(|_| Error::EcScalar)?;
        Ok(signature)
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SigningKey").finish_non_exhaustive()
    }
}

/// Verifies a signature of the SHA-256 digest of `message`.
///
/// # Errors
/// [`Error::VerificationFailed`].
///
/// # Timing
/// Public data only.
///
/// # Source
/// FIPS 186-5 6.4.2; vectors: `vectors/ecdh_hkdf.txt`, operation `ecdsa_p256_verify`;
/// `vectors/wycheproof/ecdsa_secp256r1_sha256_test.json`.
///
/// # Example
/// ```
/// use payhsm::ecdsa::{Signature, verify};
/// use payhsm::ecdh::PublicKey;
/// # use payhsm::codec::hex;
/// # fn bytes<const N: usize>(text: &str) -> [u8; N] {
/// #     let mut out = [0; N];
/// #     hex::decode(text.as_bytes(), &mut out).unwrap();
/// #     out
/// # }
///
/// // RFC 6979, A.2.5: SHA-256, message "sample".
/// let key: [u8; 65] = bytes("0460FED4BA255A9D31C961EB74C6356D68C049B8923B61FA6CE669622E60F29FB6\
///     7903FE1008B8BC99A41AE9E95628BC64F2F1B20C2D7E9F5177A3C294D4462299");
/// let signature: [u8; 64] = bytes("EFD48B2AACB6A8FD1140DD9CD45E81D69D2C877B56AAF991C34D0EA84EAF3716\
///     F7CB1C942D657C41D436C7A1B6E29F65F3E900DBB9AFF4064DC4AB2F843ACDA8");
/// let key = PublicKey::from_sec1(&key)?;
/// verify(&key, b"sample", &Signature::from_raw(&signature)?)?;
/// assert!(verify(&key, b"other", &Signature::from_raw(&signature)?).is_err());
/// # Ok::<(), payhsm::error::Error>(())
/// ```
pub fn verify(key: &PublicKey, message: &[u8], signature: &Signature) -> Result<(), Error> {
    verify_digest(key, &digest(&[message]), signature)
}

/// Verifies a signature of a digest.
pub(crate) fn verify_digest(key: &PublicKey, digest: &[u8; DIGEST_LEN], signature: &Signature) -> Result<(), Error> {
    let (r, s) = signature.scalars()?;
    let inverse = invert(&s);
    let u1 = reduce(&FieldBytes::from(*digest)).multiply(&inverse);
    let u2 = r.multiply(&inverse);
    let point = ProjectivePoint::mul_by_generator(&u1).add(&ProjectivePoint::from(key.point()?).mul(&u2));
    // The point at infinity has x = 0 here, and r is not 0.
    if reduce(&point.to_affine().x()) == r {
        Ok(())
    } else {
        Err(Error::VerificationFailed)
    }
}

/// The SHA-256 digest of the parts in a row.
pub(crate) fn digest(parts: &[&[u8]]) -> [u8; DIGEST_LEN] {
    let mut hash = Sha256::new();
    parts.iter().for_each(|part| hash.update(part));
    hash.finalize().into()
}

/// A number of 256 bits modulo n.
fn reduce(bytes: &FieldBytes) -> Scalar {
    <Scalar as Reduce<FieldBytes>>::reduce(bytes)
}

/// The inverse modulo n, by Fermat: the exponent is public.
fn invert(scalar: &Scalar) -> Scalar {
    scalar.pow_vartime(&ORDER_LESS_2)
}

/// The deterministic nonces of RFC 6979, 3.2: HMAC_DRBG with SHA-256 over the key and the digest.
struct Nonces {
    key: Secret<DIGEST_LEN>,
    value: Secret<DIGEST_LEN>,
    again: bool,
}

impl Nonces {
    fn new(scalar: &Secret<FIELD_LEN>, digest: &[u8; DIGEST_LEN]) -> Result<Self, Error> {
        let mut nonces = Self {
            key: Secret::zeroed(),
            value: Secret::zeroed(),
            again: false,
        };
        nonces.value.expose_mut().fill(1);
        // bits2octets: the digest modulo n.
        let digest = reduce(&FieldBytes::from(*digest)).to_repr();
        nonces.update(&[&[0], scalar.expose(), &digest])?;
        nonces.update(&[&[1], scalar.expose(), &digest])?;
        Ok(nonces)
    }

    /// The next candidate.
    fn draw(&mut self) -> Result<&Secret<FIELD_LEN>, Error> {
        if self.again {
            self.update(&[&[0]])?;
        }
        self.again = true;
        self.next_value()?;
        Ok(&self.value)
    }

    /// K = HMAC(K, V || parts), V = HMAC(K, V).
    fn update(&mut self, parts: &[&[u8]]) -> Result<(), Error> {
        let mut hmac = HmacSha256::new(self.key.expose())?;
        hmac.update(self.value.expose());
        parts.iter().for_each(|part| hmac.update(part));
        hmac.finish(self.key.expose_mut())?;
        self.next_value()
    }

    fn next_value(&mut self) -> Result<(), Error> {
        let mut hmac = HmacSha256::new(self.key.expose())?;
        hmac.update(self.value.expose());
        hmac.finish(self.value.expose_mut())
    }
}

#[cfg(test)]
mod tests {
    extern crate std;

    use super::*;

    struct Counting(u8);

    impl Entropy for Counting {
        fn fill(&mut self, out: &mut [u8]) -> Result<(), Error> {
            self.0 = self.0.wrapping_add(1);
            out.fill(self.0);
            Ok(())
        }
    }

    fn key(fill: u8) -> SigningKey {
        let mut key = SigningKey::empty();
        key.set(&[fill; 32]).unwrap();
        key
    }

    #[test]
    fn empty_and_bad_keys_do_not_sign() {
        assert_eq!(SigningKey::empty().sign(b"x").unwrap_err(), Error::EcScalar);
        assert_eq!(SigningKey::empty().public().unwrap_err(), Error::EcScalar);
        let mut key = key(7);
        assert_eq!(key.set(&[0xFF; 32]), Err(Error::EcScalar));
        assert_eq!(key.set(&[1; 31]), Err(Error::InvalidKeyLength));
        assert_eq!(key.sign(b"x").unwrap_err(), Error::EcScalar);
        assert!(SigningKey::generate(&mut Counting(0)).is_ok());
        // 255 everywhere is over n; the next draw is zero, then one.
        let drawn = SigningKey::generate(&mut Counting(254)).unwrap();
        assert_eq!(drawn.scalar.expose(), &[1; 32]);
    }

    #[test]
    fn every_bit_of_a_signature_counts() {
        let key = key(9);
        let public = key.public().unwrap();
        let signature = key.sign(b"message").unwrap();
        verify(&public, b"message", &signature).unwrap();
        assert_eq!(verify(&public, b"massage", &signature), Err(Error::VerificationFailed));
        for bit in 0..512 {
            let mut bad = signature.to_raw();
            bad[bit / 8] ^= 0x80 >> (bit % 8);
            let result = Signature::from_raw(&bad).and_then(|bad| verify(&public, b"message", &bad));
            assert!(result.is_err());
        }
    }

    /// s and n - s, and both encodings there and back.
    #[test]
    fn encodings() {
        let key = key(3);
        let public = key.public().unwrap();
        for message in 0..64_u8 {
            let signature = key.sign(&[message]).unwrap();
            let (r, s) = signature.scalars().unwrap();
            let mut mirrored = [0; 64];
            mirrored[..32].copy_from_slice(&r.to_repr());
            mirrored[32..].copy_from_slice(&(-s).to_repr());
            for signature in [signature, Signature::from_raw(&mirrored).unwrap()] {
                verify(&public, &[message], &signature).unwrap();
                let mut der = [0; SIGNATURE_DER_MAX_LEN];
                let len = signature.to_der(&mut der);
                assert_eq!(Signature::from_der(&der[..len]).unwrap(), signature);
                // Cut, extended, any byte of the structure changed.
                for end in 0..len {
                    assert_eq!(Signature::from_der(&der[..end]), Err(Error::Signature));
                }
                let longer = [&der[..len], &[0]].concat();
                assert_eq!(Signature::from_der(&longer), Err(Error::Signature));
                let second = 4 + usize::from(der[3]);
                for at in [0, 1, 2, 3, second, second + 1] {
                    let mut bad = der;
                    bad[at] ^= 1;
                    assert_ne!(Signature::from_der(&bad[..len]), Ok(signature));
                }
            }
        }
        // Small numbers: one byte each, and with a sign byte.
        for (last, expected) in [
            (1, &[0x30, 6, 2, 1, 1, 2, 1, 1][..]),
            (0x80, &[0x30, 8, 2, 2, 0, 0x80, 2, 2, 0, 0x80]),
        ] {
            let mut raw = [0; 64];
            (raw[31], raw[63]) = (last, last);
            let mut der = [0; SIGNATURE_DER_MAX_LEN];
            let len = Signature::from_raw(&raw).unwrap().to_der(&mut der);
            assert_eq!(&der[..len], expected);
        }
        for raw in [[0; 64], [0xFF; 64]] {
            assert_eq!(Signature::from_raw(&raw), Err(Error::Signature));
        }
    }

    /// A nonce that is refused is followed by the next of RFC 6979, not by itself.
    #[test]
    fn nonces_go_on() {
        let mut secret = Secret::zeroed();
        *secret.expose_mut() = [5; 32];
        let mut nonces = Nonces::new(&secret, &[6; 32]).unwrap();
        let first = *nonces.draw().unwrap().expose();
        let second = *nonces.draw().unwrap().expose();
        assert_ne!(first, second);
    }
}
