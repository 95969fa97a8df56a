// SPDX-License-Identifier: MIT OR Apache-2.0
//! Ephemeral P-256 agreement of a key-block protection key (KBPK).
//!
//! ```text
//!   Initiator (host)                                   Responder (terminal)
//!   a, A = aG, nonce             M1 = A || nonce_H
//!                       ------------------------------>   b, B = bG, nonce, Z = x(bA)
//!                                                         K = HKDF(Z, transcript), b erased
//!                   M2 = B || nonce_T || KCV || proof_T   proof_T over "T", transcript, KCV
//!                       <------------------------------
//!   verify proof_T
//!   Z = x(aB), a erased
//!   K = HKDF(Z, transcript), KCV equal
//!   K is released              M3 = proof_H               proof_H over "H", transcript, KCV
//!                       ------------------------------>   verify proof_H
//!                                                         K is released
//! ```
//!
//! Both sides know both identities. What proves them, one of two ways that do not mix:
//!
//! | proof | made with | length |
//! |---|---|---|
//! | CMAC | an AES key that both have, the PSK (role [`MacKey`]) | 16 |
//! | ECDSA | each side's [`SigningKey`](crate::ecdsa::SigningKey); the other side has its public key from a source it trusts | 64 |
//!
//! The transcript binds a protocol label, the way of proof, both identities with their lengths, usage, algorithm and
//! length of the KBPK, both ephemeral public keys and both nonces of 16 bytes; it is the `info` of HKDF. PSK and
//! signing keys authenticate and do not encipher: who learns them later cannot compute the KBPKs of earlier runs.
//!
//! The KCV of the KBPK (leftmost 5 bytes of the CMAC of a zero block) in M2 and under both proofs confirms that both
//! hold the same key.
//!
//! A peer that speaks neither, but only the bare key agreement of cloud payment services, has
//! [`unauthenticated`], which says by its name what it is.
//!
//! A state is [`empty`](Initiator::empty) until it is started in its place, is consumed by `finish`, and wipes itself
//! when it is dropped. A module that keeps it between calls gets it out of its memory by [`take`](Initiator::take).
//!
//! Limits: AES-128 is the default, and longer KBPKs have no more than the 128-bit strength of P-256. Loss of M3 leaves
//! the host with a KBPK that the terminal does not have; run again.

mod initiator;
mod responder;
mod transcript;
pub mod unauthenticated;

pub use initiator::{Confirmation, Initiator, SignedConfirmation};
pub use responder::Responder;

#[cfg(doc)]
use crate::key::role::MacKey;

use crate::ecdh::{PUBLIC_LEN, PublicKey};
use crate::ecdsa::SIGNATURE_LEN;
use crate::error::Error;
use crate::weaken::guard;

/// Longest identity in bytes.
pub const MAX_IDENTITY_LEN: usize = 32;
/// Length of a nonce in bytes.
pub const NONCE_LEN: usize = 16;
/// Length of the KCV in bytes.
pub const KCV_LEN: usize = 5;
/// Length of a tag, the proof by a PSK, in bytes.
pub const TAG_LEN: usize = 16;
/// Length of M1: the host's public key and nonce.
pub const M1_LEN: usize = PUBLIC_LEN + NONCE_LEN;
/// Length of M2 but for the proof.
const M2_HEAD_LEN: usize = PUBLIC_LEN + NONCE_LEN + KCV_LEN;
/// Length of M2: the terminal's public key and nonce, the KCV, the terminal's tag.
pub const M2_LEN: usize = M2_HEAD_LEN + TAG_LEN;
/// Length of M3: the host's tag.
pub const M3_LEN: usize = TAG_LEN;
/// Length of M2 with a signature: the terminal's public key and nonce, the KCV, the terminal's signature.
pub const SIGNED_M2_LEN: usize = M2_HEAD_LEN + SIGNATURE_LEN;
/// Length of M3 with a signature: the host's.
pub const SIGNED_M3_LEN: usize = SIGNATURE_LEN;

const MAX_KEY_LEN: usize = 32;
const HISTORY_LEN: usize = 8;
const FINGERPRINT_LEN: usize = 16;

/// The name of a party: 1 to 32 bytes that both sides know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Identity {
    bytes: [u8; MAX_IDENTITY_LEN],
    len: u8,
}

impl Identity {
    const NONE: Self = Self {
        bytes: [0; MAX_IDENTITY_LEN],
        len: 0,
    };

    /// An identity from its bytes.
    ///
    /// # Errors
    /// [`Error::InvalidLength`] if it is empty or longer than [`MAX_IDENTITY_LEN`].
    pub fn new(bytes: &[u8]) -> Result<Self, Error> {
        let mut identity = Self::NONE;
        match (u8::try_from(bytes.len()), identity.bytes.get_mut(..bytes.len())) {
            (Ok(len @ 1..), Some(to)) => {
                to.copy_from_slice(bytes);
                identity.len = len;
                Ok(identity)
            }
            _ => Err(Error::InvalidLength),
        }
    }

    /// The bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        self.bytes.get(..usize::from(self.len)).unwrap_or(&[])
    }
}

/// Length of the agreed KBPK. More than AES-128 has a longer key, not more strength.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum KbpkLen {
    /// AES-128.
    #[default]
    Aes128,
    /// AES-192.
    Aes192,
    /// AES-256.
    Aes256,
}

impl KbpkLen {
    /// The length in bytes.
    #[must_use]
    pub const fn bytes(self) -> usize {
        match self {
            Self::Aes128 => 16,
            Self::Aes192 => 24,
            Self::Aes256 => 32,
        }
    }

    /// Usage K1, algorithm A and the length in bits, big-endian.
    const fn attributes(self) -> [u8; 5] {
        let [high, low] = match self {
            Self::Aes128 => 128_u16.to_be_bytes(),
            Self::Aes192 => 192_u16.to_be_bytes(),
            Self::Aes256 => 256_u16.to_be_bytes(),
        };
        [b'K', b'1', b'A', high, low]
    }
}

/// Who agrees on what: the same on both sides, or the tags do not match.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Parties {
    host: Identity,
    terminal: Identity,
    len: KbpkLen,
}

impl Parties {
    const NONE: Self = Self {
        host: Identity::NONE,
        terminal: Identity::NONE,
        len: KbpkLen::Aes128,
    };

    /// The host, the terminal, and the length of their KBPK.
    ///
    /// # Errors
    /// [`Error::InvalidArgument`] if both have the same identity.
    pub fn new(host: Identity, terminal: Identity, len: KbpkLen) -> Result<Self, Error> {
        if host == terminal {
            return Err(Error::InvalidArgument);
        }
        Ok(Self { host, terminal, len })
    }

    /// The host.
    #[must_use]
    pub const fn host(&self) -> &Identity {
        &self.host
    }

    /// The terminal.
    #[must_use]
    pub const fn terminal(&self) -> &Identity {
        &self.terminal
    }
}

/// Ephemeral public keys that peers have already used in completed runs; the last eight are kept.
///
/// A replayed message fails by its tag, because our own key is new in every run. This finds the peer that repeats
/// itself, for its generator is broken. Empty after a restart.
#[derive(Clone, Debug, Default)]
pub struct PeerHistory {
    fingerprints: [[u8; FINGERPRINT_LEN]; HISTORY_LEN],
    used: usize,
}

impl PeerHistory {
    /// Nothing seen yet.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            fingerprints: [[0; FINGERPRINT_LEN]; HISTORY_LEN],
            used: 0,
        }
    }

    /// The left half of X: two points share it only by accident or if one is the negative of the other.
    fn fingerprint(public: &PublicKey) -> [u8; FINGERPRINT_LEN] {
        let mut out = [0; FINGERPRINT_LEN];
        for (to, from) in out.iter_mut().zip(public.as_bytes().iter().skip(1)) {
            *to = *from;
        }
        out
    }

    fn refuse_repeated(&self, public: &PublicKey) -> Result<(), Error> {
        let seen = self.fingerprints.iter().take(self.used);
        let repeated = seen.into_iter().any(|seen| *seen == Self::fingerprint(public));
        if guard!("E07.repeated", repeated) {
            return Err(Error::EcPoint);
        }
        Ok(())
    }

    fn record(&mut self, public: &PublicKey) {
        self.fingerprints.rotate_right(1);
        if let Some(first) = self.fingerprints.first_mut() {
            *first = Self::fingerprint(public);
        }
        self.used = self.used.saturating_add(1).min(HISTORY_LEN);
    }
}
