// SPDX-License-Identifier: MIT OR Apache-2.0
//! The clear part: length in bits (2 bytes, big-endian), key, random padding.

use core::fmt;

use subtle::{Choice, ConstantTimeEq, ConstantTimeGreater};
use zeroize::{Zeroize, ZeroizeOnDrop};

use crate::ct;
use crate::error::Error;
use crate::key::usage::{KeyAlgorithm, Usage};
use crate::secret::SecretBuf;

/// The longest clear part in bytes. Room for the longest symmetric keys with their padding and for an EC private key
/// of P-256 or P-384 in DER.
pub const PAYLOAD_LEN: usize = 192;

/// Bytes of the length field.
pub(super) const LENGTH_LEN: usize = 2;

/// Where a key block is opened: secret, wiped on drop and by every failed verification.
pub struct Payload {
    body: SecretBuf<PAYLOAD_LEN>,
    key_len: usize,
}

impl Payload {
    /// Nothing inside.
    #[must_use]
    pub const fn empty() -> Self {
        Self {
            body: SecretBuf::new(),
            key_len: 0,
        }
    }

    /// Wipes and gives `len` bytes to be filled.
    pub(super) fn reset(&mut self, len: usize) -> Result<&mut [u8], Error> {
        self.key_len = 0;
        self.body.reset(len).map_err(|_| Error::KeyBlockPayload)
    }

    /// The whole clear part, or before it is opened the enciphered one.
    #[cfg(feature = "host")]
    pub(crate) fn body(&self) -> &[u8] {
        self.body.expose()
    }

    /// As [`body`](Self::body), to be deciphered in place.
    #[cfg(feature = "host")]
    pub(crate) fn body_mut(&mut self) -> &mut [u8] {
        self.body.expose_mut()
    }

    /// Whether the length field is one that a key of this algorithm can have, in constant time. The length of the
    /// whole is public.
    pub(super) fn length_is_legal(&self, algorithm: KeyAlgorithm, usage: Usage) -> Choice {
        let body = self.body.expose();
        let Some((&length, rest)) = body.split_first_chunk::<LENGTH_LEN>() else {
            return Choice::from(0);
        };
        let bits = u16::from_be_bytes(length);
        let room = u16::try_from(rest.len()).unwrap_or(0);
        let len = bits >> 3;
        !len.ct_gt(&room) & (bits & 7).ct_eq(&0) & legal(algorithm, usage, len)
    }

    /// Takes the length field for authentic and sets the key's bounds by it.
    pub(super) fn accept(&mut self) {
        let mut length = self.body.expose().first_chunk().copied().unwrap_or([0; LENGTH_LEN]);
        ct::public(&mut length);
        self.key_len = usize::from(u16::from_be_bytes(length) >> 3);
    }

    /// The key; empty before a block was verified.
    #[must_use]
    pub(crate) fn key(&self) -> &[u8] {
        let rest = self.body.expose().get(LENGTH_LEN..).unwrap_or(&[]);
        rest.get(..self.key_len).unwrap_or(&[])
    }

    /// The padding behind the key.
    #[cfg(feature = "hazmat")]
    pub(super) fn padding(&self) -> &[u8] {
        let rest = self.body.expose().get(LENGTH_LEN..).unwrap_or(&[]);
        rest.get(self.key_len..).unwrap_or(&[])
    }
}

impl Default for Payload {
    fn default() -> Self {
        Self::empty()
    }
}

impl Zeroize for Payload {
    fn zeroize(&mut self) {
        self.body.zeroize();
        self.key_len = 0;
    }
}

impl ZeroizeOnDrop for Payload {}

impl fmt::Debug for Payload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Payload").finish_non_exhaustive()
    }
}

/// Whether keys of `algorithm` may have `len` bytes, in constant time for `len`.
pub(super) fn legal(algorithm: KeyAlgorithm, usage: Usage, len: u16) -> Choice {
    let one_of = |lens: &[u16]| lens.iter().fold(Choice::from(0), |any, l| any | l.ct_eq(&len));
    match (usage, algorithm) {
        // An initialisation vector is a block, not a key.
        (Usage::I0, _) => one_of(&[8, 16]),
        (_, KeyAlgorithm::Des) => one_of(&[8]),
        (_, KeyAlgorithm::Tdea) => one_of(&[16, 24]),
        (_, KeyAlgorithm::Aes) => one_of(&[16, 24, 32]),
        (_, KeyAlgorithm::Hmac | KeyAlgorithm::HmacSha2 | KeyAlgorithm::HmacSha3) => len.ct_gt(&0) & !len.ct_gt(&64),
        // DER, or a private agreement.
        (_, KeyAlgorithm::Ec | KeyAlgorithm::Rsa | KeyAlgorithm::Dsa | KeyAlgorithm::Proprietary(_)) => len.ct_gt(&0),
    }
}

/// The length to which keys of `algorithm` are padded so that their own length does not show.
pub(super) const fn longest(algorithm: KeyAlgorithm) -> usize {
    match algorithm {
        KeyAlgorithm::Des | KeyAlgorithm::Tdea => 24,
        KeyAlgorithm::Aes => 32,
        _ => 0,
    }
}
