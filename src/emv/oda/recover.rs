// SPDX-License-Identifier: MIT OR Apache-2.0
//! Data recovery: the digital signature scheme giving message recovery of EMV Book 2, Annex A2.1.
//!
//! ```text
//! S^e mod n = 6A | format | fields | hash algorithm ... key part or BB padding | hash (20) | BC
//!                  └──────────── signed ─────────────────────────────────────┘
//! hash = SHA-1(signed || what goes with it)
//! ```

use core::fmt;

use sha1::{Digest, Sha1};

use super::Fault;
use super::ca::MAX_LEN;
use crate::rsa::{Exponent, PublicKey};

/// Length of the hash.
pub const HASH_LEN: usize = 20;
/// The algorithm indicator of SHA-1, and that of RSA.
pub const ALGORITHM: u8 = 0x01;
/// First byte.
const HEADER: u8 = 0x6A;
/// Last byte.
const TRAILER: u8 = 0xBC;
/// What fills the place of a short key, and of short data.
const PAD: u8 = 0xBB;

/// What a signature opens to: header, trailer and format are right, the hash is not judged yet.
#[derive(Clone)]
pub struct Recovered {
    data: [u8; MAX_LEN],
    len: usize,
}

impl Recovered {
    /// Opens `signature` with the signer's key.
    ///
    /// # Errors
    /// [`Fault::SignatureLength`], [`Fault::Trailer`], [`Fault::Header`], [`Fault::Format`], judged in this order.
    ///
    /// # Source
    /// EMV Book 2, Annex A2.1.2, and the first steps of 5.3, 5.4, 6.4, 6.5.2 and 6.6.2; vectors:
    /// `vectors/emv_oda.txt`.
    pub fn open(key: &PublicKey, signature: &[u8], format: u8) -> Result<Self, Fault> {
        let mut recovered = Self {
            data: [0; MAX_LEN],
            len: signature.len(),
        };
        let data = recovered
            .data
            .get_mut(..signature.len())
            .ok_or(Fault::SignatureLength)?;
        key.apply(signature, data).map_err(|_| Fault::SignatureLength)?;
        match recovered.bytes() {
            [.., last] if *last != TRAILER => Err(Fault::Trailer),
            [first, ..] if *first != HEADER => Err(Fault::Header),
            [_, number, ..] if *number != format => Err(Fault::Format),
            bytes if bytes.len() < HASH_LEN.saturating_add(3) => Err(Fault::SignatureLength),
            _ => Ok(recovered),
        }
    }

    fn bytes(&self) -> &[u8] {
        self.data.get(..self.len).unwrap_or(&[])
    }

    /// What is signed, from the format number on, and the hash.
    #[must_use]
    pub fn parts(&self) -> (&[u8], &[u8; HASH_LEN]) {
        let inner = match self.bytes() {
            [_, inner @ .., _] => inner,
            _ => &[],
        };
        // `open` made sure of the length.
        inner.split_last_chunk().unwrap_or((&[], &[0; HASH_LEN]))
    }

    /// Whether the hash is that of the signed part and `rest` behind it.
    #[must_use]
    pub fn covers(&self, rest: &[&[u8]]) -> bool {
        let mut hash = self.hash();
        for part in rest {
            hash.update(part);
        }
        self.is_hash(hash)
    }

    /// Begins the hash with what is signed; the caller goes on with what belongs to it.
    pub(super) fn hash(&self) -> Sha1 {
        Sha1::new().chain_update(self.parts().0)
    }

    /// Whether the hash is the signed one.
    pub(super) fn is_hash(&self, hash: Sha1) -> bool {
        <[u8; HASH_LEN]>::from(hash.finalize()) == *self.parts().1
    }
}

/// Length and public content only.
impl fmt::Debug for Recovered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Recovered").field("len", &self.len).finish_non_exhaustive()
    }
}

/// Whether every byte is BB.
pub(super) fn is_padding(bytes: &[u8]) -> bool {
    bytes.iter().all(|&byte| byte == PAD)
}

/// The public key of `len` bytes whose leftmost part is `field` of the certificate and the rest `remainder`.
///
/// # Errors
/// [`Fault::KeyLength`], [`Fault::Remainder`], [`Fault::Padding`], [`Fault::Exponent`].
///
/// # Source
/// EMV Book 2, clauses 5.1 and 6.1; vectors: `vectors/emv_oda.txt`, operations `recover_issuer_pk` and
/// `recover_icc_pk`.
pub fn assemble(len: u8, field: &[u8], remainder: &[u8], exponent: &[u8]) -> Result<PublicKey, Fault> {
    let len = usize::from(len);
    let mut modulus = [0; MAX_LEN];
    let place = modulus.get_mut(..len).ok_or(Fault::KeyLength)?;
    match field.split_at_checked(len) {
        Some((key, pad)) => {
            if !remainder.is_empty() {
                return Err(Fault::Remainder);
            }
            if !is_padding(pad) {
                return Err(Fault::Padding);
            }
            copy(place, key);
        }
        None => {
            let (left, right) = place.split_at_mut_checked(field.len()).ok_or(Fault::KeyLength)?;
            if right.len() != remainder.len() {
                return Err(Fault::Remainder);
            }
            copy(left, field);
            copy(right, remainder);
        }
    }
    let exponent = Exponent::from_bytes(exponent).map_err(|_| Fault::Exponent)?;
    PublicKey::new(place, exponent).map_err(|_| Fault::KeyLength)
}

/// The fields of a certificate of a public key. `N`: 4 bytes of issuer identifier, or 10 of PAN.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeyCertificate<'a, const N: usize> {
    /// Issuer identifier or PAN, digits with trailing F.
    pub subject: [u8; N],
    /// Expiry, MMYY.
    pub expiry: [u8; 2],
    /// Serial number.
    pub serial: [u8; 3],
    /// Hash algorithm indicator.
    pub hash_algorithm: u8,
    /// Public key algorithm indicator.
    pub key_algorithm: u8,
    /// Length of the public key.
    pub key_len: u8,
    /// Length of the exponent.
    pub exponent_len: u8,
    /// The key or its leftmost part.
    pub field: &'a [u8],
}

impl<'a, const N: usize> KeyCertificate<'a, N> {
    /// The fields behind the format number.
    ///
    /// # Errors
    /// [`Fault::SignatureLength`] if there are not so many bytes.
    ///
    /// # Source
    /// EMV Book 2, tables 1, 13 and 23.
    pub fn parse(signed: &'a [u8]) -> Result<Self, Fault> {
        Self::read(signed).ok_or(Fault::SignatureLength)
    }

    fn read(signed: &'a [u8]) -> Option<Self> {
        let (_, rest) = signed.split_first()?;
        let (subject, rest) = rest.split_first_chunk()?;
        let (expiry, rest) = rest.split_first_chunk()?;
        let (serial, rest) = rest.split_first_chunk()?;
        let ([hash_algorithm, key_algorithm, key_len, exponent_len], field) = rest.split_first_chunk()?;
        Some(Self {
            subject: *subject,
            expiry: *expiry,
            serial: *serial,
            hash_algorithm: *hash_algorithm,
            key_algorithm: *key_algorithm,
            key_len: *key_len,
            exponent_len: *exponent_len,
            field,
        })
    }
}

/// As far as both go: the lengths are equal, which the compiler does not see at every level.
fn copy(to: &mut [u8], from: &[u8]) {
    for (to, from) in to.iter_mut().zip(from) {
        *to = *from;
    }
}
