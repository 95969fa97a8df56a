// SPDX-License-Identifier: MIT OR Apache-2.0
//! Elliptic-curve Diffie-Hellman over P-256 (SP 800-56A, FIPS 186-5), on the arithmetic of the `p256` crate.
//!
//! ```text
//! Entropy -> PrivateKey -> PublicKey -> 65 bytes to the peer
//!                 |
//! 65 or 33 bytes  v
//! of the peer -> agree (consumes the private key) -> Z, 32 bytes: the X coordinate
//! ```
//!
//! Every public key is checked in full when it comes in: encoding, range, curve equation, not the point at infinity;
//! P-256 has cofactor 1, so such a point has the right order. Z is not a key: derive one with
//! HKDF, binding who the parties are. Plain agreement authenticates nobody;
//! [`inject::agreement`](crate::inject::agreement) does.

use core::fmt;

use p256::elliptic_curve::Group;
use p256::elliptic_curve::ff::{Field, PrimeField};
use p256::elliptic_curve::point::{AffineCoordinates, DecompressPoint};
use p256::elliptic_curve::subtle::Choice;
use p256::{AffinePoint, FieldBytes, ProjectivePoint, Scalar};
use zeroize::Zeroize;

use crate::ct;
use crate::entropy::Entropy;
use crate::error::Error;
use crate::secret::Secret;
use crate::weaken::guard;

/// Length of a scalar, of a coordinate and of Z, in bytes.
pub const FIELD_LEN: usize = 32;

/// Length of an uncompressed public key: `04 || X || Y`.
pub const PUBLIC_LEN: usize = 65;

/// Length of a compressed public key: `02` or `03`, then X.
pub const COMPRESSED_LEN: usize = 33;

/// SEQUENCE { SEQUENCE { id-ecPublicKey, prime256v1 }, BIT STRING }, up to the point, for both lengths of it.
const SPKI_UNCOMPRESSED: [u8; 26] = spki_header(0x59, 0x42);
const SPKI_COMPRESSED: [u8; 26] = spki_header(0x39, 0x22);

const fn spki_header(len: u8, bits_len: u8) -> [u8; 26] {
    [
        0x30, len, 0x30, 0x13, 0x06, 0x07, 0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x02, 0x01, 0x06, 0x08, 0x2A, 0x86, 0x48,
        0xCE, 0x3D, 0x03, 0x01, 0x07, 0x03, bits_len, 0x00,
    ]
}

/// How often a scalar outside 1..n-1 is drawn again. A sound source misses the range once in 2^32 draws.
const MAX_DRAWS: usize = 4;

/// A checked point of P-256 that is not the point at infinity.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct PublicKey([u8; PUBLIC_LEN]);

impl PublicKey {
    /// Reads a SEC 1 encoding: 65 bytes `04 || X || Y` or 33 bytes `02 || X`, `03 || X`, big-endian.
    ///
    /// # Errors
    /// [`Error::EcPoint`] for any other length or first byte (hybrid `06` and `07`, infinity `00`), for a coordinate
    /// that is not below p and for a point that is not on the curve.
    ///
    /// # Timing
    /// Public data only.
    ///
    /// # Source
    /// SEC 1 v2, 2.3.4; SP 800-56A 5.6.2.3.3 (full validation); vectors: `vectors/ecdh_hkdf.txt`,
    /// `vectors/wycheproof/ecdh_secp256r1_ecpoint_test.json`.
    pub fn from_sec1(bytes: &[u8]) -> Result<Self, Error> {
        // What some take for a hybrid form.
        if guard!("E06", matches!(bytes, [6 | 7, ..])) {
            return Err(Error::EcPoint);
        }
        let point = match bytes {
            [4 | 6 | 7, rest @ ..] => uncompressed(rest),
            [sign @ (2 | 3), x @ ..] => compressed(*sign, x),
            _ => None,
        };
        Ok(Self(encode(&point.ok_or(Error::EcPoint)?)))
    }

    /// Reads the SubjectPublicKeyInfo of a named P-256 key in DER, as it stands in a certificate: its one header for
    /// either length of the point, then the point. No other structure is read: explicit curve parameters, other
    /// algorithm identifiers and longer lengths are how keys of weak curves come in.
    ///
    /// # Errors
    /// [`Error::EcPoint`] for any other header, and as [`from_sec1`](Self::from_sec1).
    ///
    /// # Timing
    /// Public data only.
    ///
    /// # Source
    /// RFC 5480, 2; vectors: `vectors/wycheproof/ecdh_secp256r1_test.json`.
    #[doc(alias = "SubjectPublicKeyInfo")]
    pub fn from_spki(der: &[u8]) -> Result<Self, Error> {
        match der.split_first_chunk() {
            Some((&SPKI_UNCOMPRESSED, point)) if point.len() == PUBLIC_LEN => Self::from_sec1(point),
            Some((&SPKI_COMPRESSED, point)) if point.len() == COMPRESSED_LEN => Self::from_sec1(point),
            _ => Err(Error::EcPoint),
        }
    }

    /// `04 || X || Y`.
    #[must_use]
    pub const fn to_sec1(&self) -> [u8; PUBLIC_LEN] {
        self.0
    }

    /// `02 || X` or `03 || X`, by the parity of Y.
    #[must_use]
    pub fn to_compressed(&self) -> [u8; COMPRESSED_LEN] {
        let mut out = [0; COMPRESSED_LEN];
        for (to, from) in out.iter_mut().zip(self.0) {
            *to = from;
        }
        let [.., last] = self.0;
        out[0] = 2 | (last & 1);
        out
    }

    /// `04 || X || Y`, borrowed.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; PUBLIC_LEN] {
        &self.0
    }

    pub(crate) fn point(&self) -> Result<AffinePoint, Error> {
        match &self.0 {
            [4, rest @ ..] => uncompressed(rest).ok_or(Error::EcPoint),
            _ => Err(Error::EcPoint),
        }
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("PublicKey").field(&self.0).finish()
    }
}

fn uncompressed(coordinates: &[u8]) -> Option<AffinePoint> {
    let (x, y) = coordinates.split_first_chunk::<FIELD_LEN>()?;
    let y: [u8; FIELD_LEN] = y.try_into().ok()?;
    AffinePoint::from_coordinates(&FieldBytes::from(*x), &FieldBytes::from(y)).into()
}

fn compressed(sign: u8, x: &[u8]) -> Option<AffinePoint> {
    let x: [u8; FIELD_LEN] = x.try_into().ok()?;
    AffinePoint::decompress(&FieldBytes::from(x), Choice::from(sign & 1)).into()
}

fn encode(point: &AffinePoint) -> [u8; PUBLIC_LEN] {
    let mut out = [0; PUBLIC_LEN];
    out[0] = 4;
    let (_, coordinates) = out.split_at_mut(1);
    let bytes = point.x().into_iter().chain(point.y());
    for (to, from) in coordinates.iter_mut().zip(bytes) {
        *to = from;
    }
    out
}

/// The scalar of a private key, if it is one.
pub(crate) fn private_scalar(bytes: &Secret<FIELD_LEN>) -> Result<Scalar, Error> {
    let mut bytes = FieldBytes::from(*bytes.expose());
    let candidate = Scalar::from_repr(bytes);
    bytes.zeroize();
    let in_range = candidate.is_some();
    let scalar = candidate.unwrap_or(Scalar::ZERO);
    // Whether a drawn scalar is in range becomes public here, and no more than that.
    ct::verdict(in_range & !scalar.is_zero()).map_err(|_| Error::EcScalar)?;
    Ok(scalar)
}

/// The public key that belongs to a private one.
pub(crate) fn public_of(private: &Secret<FIELD_LEN>) -> Result<PublicKey, Error> {
    let mut scalar = private_scalar(private)?;
    let point = ProjectivePoint::mul_by_generator(&scalar).to_affine();
    scalar.zeroize();
    let mut public = encode(&point);
    ct::public(&mut public);
    Ok(PublicKey(public))
}

/// A private key: a secret scalar from 1 to n-1, for one agreement. Wiped on drop and masked in `Debug`.
///
/// ```compile_fail
/// # fn twice(key: payhsm::ecdh::PrivateKey, peer: &payhsm::ecdh::PublicKey, z: &mut payhsm::secret::Secret<32>) {
/// key.agree(peer, z);
/// key.agree(peer, z);
/// # }
/// ```
pub struct PrivateKey {
    scalar: Secret<FIELD_LEN>,
    public: [u8; PUBLIC_LEN],
}

impl PrivateKey {
    /// Makes a key by rejection sampling: 32 random bytes are a scalar if they are from 1 to n-1, else they are drawn
    /// again.
    ///
    /// # Errors
    /// [`Error::Entropy`] if the source fails or misses the range four times (a sound one does so once in 2^128).
    ///
    /// # Timing
    /// Shows the number of draws, which says nothing about the one that is kept.
    ///
    /// # Source
    /// FIPS 186-5 A.2.2 (testing candidates).
    pub fn generate(entropy: &mut impl Entropy) -> Result<Self, Error> {
        let mut key = Self::empty();
        key.regenerate(entropy)?;
        Ok(key)
    }

    /// A key from its scalar, 32 bytes big-endian.
    ///
    /// # Errors
    /// [`Error::EcScalar`] for 0 and for n and above.
    #[cfg(feature = "hazmat")]
    pub fn from_bytes(scalar: &[u8; FIELD_LEN]) -> Result<Self, Error> {
        let mut key = Self::empty();
        *key.scalar.expose_mut() = *scalar;
        key.complete()?;
        Ok(key)
    }

    /// The place of a key. As a scalar it is 0 and refused everywhere.
    pub(crate) const fn empty() -> Self {
        Self {
            scalar: Secret::zeroed(),
            public: [0; PUBLIC_LEN],
        }
    }

    /// Makes a new key in place.
    pub(crate) fn regenerate(&mut self, entropy: &mut impl Entropy) -> Result<(), Error> {
        for _ in 0..MAX_DRAWS {
            self.wipe();
            if entropy.fill(self.scalar.expose_mut()).is_err() {
                break;
            }
            if self.complete().is_ok() {
                return Ok(());
            }
        }
        self.wipe();
        Err(Error::Entropy)
    }

    /// The public key.
    ///
    /// # Timing
    /// Constant; it was computed with the private key.
    #[must_use]
    pub const fn public(&self) -> PublicKey {
        PublicKey(self.public)
    }

    /// Agreement: the X coordinate of the private scalar times the peer's point, 32 bytes big-endian with leading
    /// zeros. The private key is spent, whatever comes out.
    ///
    /// # Errors
    /// [`Error::EcPoint`] if the peer's key is our own, reflected; `z` is wiped.
    ///
    /// # Timing
    /// Constant.
    ///
    /// # Source
    /// SP 800-56A 5.7.1.2; vectors: `vectors/ecdh_hkdf.txt`.
    pub fn agree(mut self, peer: &PublicKey, z: &mut Secret<FIELD_LEN>) -> Result<(), Error> {
        self.agree_in_place(peer, z)
    }

    /// [`agree`](Self::agree) without moving the key; the key is empty afterwards.
    pub(crate) fn agree_in_place(&mut self, peer: &PublicKey, z: &mut Secret<FIELD_LEN>) -> Result<(), Error> {
        z.zeroize();
        let result = self.multiply(peer, z);
        self.wipe();
        if result.is_err() {
            z.zeroize();
        }
        result
    }

    fn multiply(&self, peer: &PublicKey, z: &mut Secret<FIELD_LEN>) -> Result<(), Error> {
        if guard!("E07", peer.0 == self.public) {
            return Err(Error::EcPoint);
        }
        let point = peer.point()?;
        let mut scalar = private_scalar(&self.scalar)?;
        let mut product = ProjectivePoint::from(point).mul(&scalar).to_affine();
        scalar.zeroize();
        // SP 800-56A 5.7.1.2, step 2: infinity cannot come of a scalar in range and a point of prime order. Z = 0 can:
        // the two points with X = 0 are points like any other.
        let finite = !product.is_identity();
        let mut x = product.x();
        product.zeroize();
        for (to, from) in z.expose_mut().iter_mut().zip(x.iter()) {
            *to = *from;
        }
        x.zeroize();
        ct::verdict(finite).map_err(|_| Error::EcPoint)
    }

    fn complete(&mut self) -> Result<(), Error> {
        self.public = public_of(&self.scalar)?.0;
        Ok(())
    }

    fn wipe(&mut self) {
        self.scalar.zeroize();
        self.public.zeroize();
    }
}

impl fmt::Debug for PrivateKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PrivateKey").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const N: [u8; 32] = [
        0xFF, 0xFF, 0xFF, 0xFF, 0, 0, 0, 0, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xBC, 0xE6, 0xFA, 0xAD,
        0xA7, 0x17, 0x9E, 0x84, 0xF3, 0xB9, 0xCA, 0xC2, 0xFC, 0x63, 0x25, 0x51,
    ];

    /// Gives the listed draws, then fails.
    struct Draws<'a>(&'a [[u8; 32]]);

    impl Entropy for Draws<'_> {
        fn fill(&mut self, out: &mut [u8]) -> Result<(), Error> {
            let (first, rest) = self.0.split_first().ok_or(Error::Entropy)?;
            out.copy_from_slice(first);
            self.0 = rest;
            Ok(())
        }
    }

    #[test]
    fn draws_outside_the_range_are_drawn_again() {
        let good = [7; 32];
        let key = PrivateKey::generate(&mut Draws(&[[0; 32], N, [0xFF; 32], good])).unwrap();
        assert_eq!(
            key.public(),
            PrivateKey::generate(&mut Draws(&[good])).unwrap().public()
        );
        let stuck = [[0xFF; 32], N, N, N, good];
        assert_eq!(PrivateKey::generate(&mut Draws(&stuck)).unwrap_err(), Error::Entropy);
        assert_eq!(PrivateKey::generate(&mut Draws(&[])).unwrap_err(), Error::Entropy);
        assert_eq!(PrivateKey::generate(&mut Draws(&[N])).unwrap_err(), Error::Entropy);
    }

    #[test]
    fn an_empty_key_agrees_with_nobody() {
        let peer = PrivateKey::generate(&mut Draws(&[[9; 32]])).unwrap().public();
        let mut z = Secret::zeroed();
        *z.expose_mut() = [1; 32];
        assert_eq!(PrivateKey::empty().agree(&peer, &mut z), Err(Error::EcScalar));
        assert_eq!(z.expose(), &[0; 32]);
    }

    #[test]
    fn a_key_is_spent_by_one_agreement() {
        let mut key = PrivateKey::generate(&mut Draws(&[[8; 32]])).unwrap();
        let own = key.public();
        let peer = PrivateKey::generate(&mut Draws(&[[9; 32]])).unwrap().public();
        let mut z = Secret::zeroed();
        key.agree_in_place(&peer, &mut z).unwrap();
        assert_ne!(z.expose(), &[0; 32]);
        assert_eq!(key.agree_in_place(&peer, &mut z), Err(Error::EcScalar));
        assert_eq!(z.expose(), &[0; 32]);
        let key = PrivateKey::generate(&mut Draws(&[[8; 32]])).unwrap();
        assert_eq!(key.agree(&own, &mut z), Err(Error::EcPoint));
    }
}
