// SPDX-License-Identifier: MIT OR Apache-2.0
//! Authenticated ephemeral P-256 agreement of a key-block protection key (KBPK).
//!
//! ```text
//!   Initiator (host)                                   Responder (terminal)
//!   a, A = aG                    M1 = A  (65)
//!                       ------------------------------>   b, B = bG, Z = x(bA)
//!                                                         K = HKDF(Z, transcript), b erased
//!                        M2 = B || KCV || tag_T (86)      tag_T = CMAC(PSK, "T", transcript, KCV)
//!                       <------------------------------
//!   verify tag_T
//!   Z = x(aB), a erased
//!   K = HKDF(Z, transcript), KCV equal
//!   K is released              M3 = tag_H  (16)           tag_H = CMAC(PSK, "H", transcript, KCV)
//!                       ------------------------------>   verify tag_H
//!                                                         K is released
//! ```
//!
//! Both sides share an AES key for CMAC (the PSK, role [`MacKey`]) and know both identities. The transcript binds a
//! protocol label, both identities with their lengths, usage, algorithm and length of the KBPK and both ephemeral
//! public keys; those are also what makes every run fresh. The PSK authenticates and does not encipher: who learns it
//! later cannot compute the KBPKs of earlier runs.
//!
//! The KCV of the KBPK (leftmost 5 bytes of the CMAC of a zero block) in M2 and under both tags confirms that both
//! hold the same key.
//!
//! A state is [`empty`](Initiator::empty) until it is started in its place, is consumed by `finish`, and wipes itself
//! when it is dropped. A module that keeps it between calls gets it out of its memory by [`take`](Initiator::take).
//!
//! Limits: AES-128 is the default, and longer KBPKs have no more than the 128-bit strength of P-256. Loss of M3 leaves
//! the host with a KBPK that the terminal does not have; run again.

use core::fmt;
use core::mem;

use zeroize::Zeroize;

use crate::ct;
use crate::ecdh::{PUBLIC_LEN, PrivateKey, PublicKey};
use crate::entropy::Entropy;
use crate::error::Error;
use crate::kdf;
use crate::key::role::{Kbpk, MacKey};
use crate::key::{Aes, Key};
use crate::mac::{Mac, cmac::CmacAes};
use crate::secret::{Secret, SecretBuf};

/// Longest identity in bytes.
pub const MAX_IDENTITY_LEN: usize = 32;
/// Length of the KCV in bytes.
pub const KCV_LEN: usize = 5;
/// Length of a tag in bytes.
pub const TAG_LEN: usize = 16;
/// Length of M1: the host's public key.
pub const M1_LEN: usize = PUBLIC_LEN;
/// Length of M2: the terminal's public key, the KCV, the terminal's tag.
pub const M2_LEN: usize = PUBLIC_LEN + KCV_LEN + TAG_LEN;
/// Length of M3: the host's tag.
pub const M3_LEN: usize = TAG_LEN;

const LABEL: &[u8] = b"payhsm KBPK agreement 1";
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
        if self
            .fingerprints
            .iter()
            .take(self.used)
            .any(|seen| *seen == Self::fingerprint(public))
        {
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

/// What a transcript is hashed for.
#[derive(Clone, Copy)]
enum Purpose {
    Key,
    TerminalTag,
    HostTag,
}

/// Everything both sides must agree on.
struct Transcript<'a> {
    parties: &'a Parties,
    host_public: &'a PublicKey,
    terminal_public: &'a PublicKey,
}

impl Transcript<'_> {
    /// Gives the parts of the encoding, which is prefix-free: every field has a fixed length or its length before it.
    fn encode<T>(&self, purpose: Purpose, kcv: &[u8], consume: impl FnOnce(&[&[u8]]) -> T) -> T {
        let Parties { host, terminal, len } = self.parties;
        let purpose: &[u8] = match purpose {
            Purpose::Key => b"K",
            Purpose::TerminalTag => b"T",
            Purpose::HostTag => b"H",
        };
        consume(&[
            LABEL,
            purpose,
            &[host.len],
            host.as_bytes(),
            &[terminal.len],
            terminal.as_bytes(),
            &len.attributes(),
            self.host_public.as_bytes(),
            self.terminal_public.as_bytes(),
            kcv,
        ])
    }

    fn cmac(&self, psk: &Key<MacKey, Aes>, purpose: Purpose, kcv: &[u8]) -> Result<CmacAes, Error> {
        let mut cmac = CmacAes::new(psk.material()?)?;
        self.encode(purpose, kcv, |parts| parts.iter().for_each(|part| cmac.update(part)));
        Ok(cmac)
    }

    /// Spends the private key and writes the KBPK and its KCV.
    fn agree(
        &self,
        own: &mut PrivateKey,
        peer: &PublicKey,
        kbpk: &mut SecretBuf<MAX_KEY_LEN>,
    ) -> Result<[u8; KCV_LEN], Error> {
        let mut z = Secret::zeroed();
        own.agree_in_place(peer, &mut z)?;
        let out = kbpk.reset(self.parties.len.bytes())?;
        self.encode(Purpose::Key, &[], |info| kdf::hkdf_sha256(&[], z.expose(), info, out))?;
        let mut kcv = [0; KCV_LEN];
        let mut cmac = CmacAes::new(kbpk.expose())?;
        cmac.update(&[0; TAG_LEN]);
        cmac.finish(&mut kcv)?;
        ct::public(&mut kcv);
        Ok(kcv)
    }
}

/// The host's side, waiting for M2.
///
/// ```compile_fail
/// # use payhsm::inject::agreement::*;
/// # use payhsm::key::{Key, Aes, role::*};
/// # fn twice(host: Initiator, psk: &Key<MacKey, Aes>, m2: &[u8; M2_LEN], h: &mut PeerHistory, k: &mut Key<Kbpk, Aes>) {
/// let _ = host.finish(psk, m2, h, k);
/// let _ = host.finish(psk, m2, h, k);
/// # }
/// ```
pub struct Initiator {
    parties: Parties,
    key: PrivateKey,
    started: bool,
}

impl Initiator {
    /// A place for a run.
    #[must_use]
    pub const fn empty() -> Self {
        Self {
            parties: Parties::NONE,
            key: PrivateKey::empty(),
            started: false,
        }
    }

    /// Starts a run here with a new ephemeral key, and gives M1. A run that is waiting here is wiped.
    ///
    /// # Errors
    /// [`Error::Entropy`]; the place is empty then.
    ///
    /// # Timing
    /// As [`PrivateKey::generate`].
    pub fn start(&mut self, parties: &Parties, entropy: &mut impl Entropy) -> Result<[u8; M1_LEN], Error> {
        self.abort();
        self.key.regenerate(entropy)?;
        self.parties = *parties;
        self.started = true;
        Ok(self.key.public().to_sec1())
    }

    /// Whether a run waits here.
    #[must_use]
    pub const fn is_started(&self) -> bool {
        self.started
    }

    /// Moves the run out and leaves an empty place, wiped.
    #[must_use]
    pub fn take(&mut self) -> Self {
        mem::take(self)
    }

    /// Wipes the run.
    pub fn abort(&mut self) {
        *self = Self::empty();
    }

    /// Takes M2, and if the terminal's tag and KCV verify releases the KBPK into `out` and gives M3 and the KCV. The
    /// ephemeral key is erased, whatever comes out.
    ///
    /// `history` takes the terminal's public key.
    ///
    /// # Errors
    /// [`Error::BadState`] if no run waits here, [`Error::NoKey`] if `psk` is empty, [`Error::EcPoint`] if the
    /// terminal's public key is malformed, is our own, or was used before, [`Error::VerificationFailed`] if the tag or
    /// the KCV differs: other PSK, other identities, other KBPK length, changed or replayed message. `out` is empty
    /// then.
    ///
    /// # Timing
    /// Constant but for the public key in M2.
    pub fn finish(
        mut self,
        psk: &Key<MacKey, Aes>,
        m2: &[u8; M2_LEN],
        history: &mut PeerHistory,
        out: &mut Key<Kbpk, Aes>,
    ) -> Result<Confirmation, Error> {
        out.zeroize();
        if !self.started {
            return Err(Error::BadState);
        }
        let (public, rest) = m2.split_first_chunk::<PUBLIC_LEN>().ok_or(Error::Internal)?;
        let (kcv, tag) = rest.split_first_chunk::<KCV_LEN>().ok_or(Error::Internal)?;
        let peer = PublicKey::from_sec1(public)?;
        let own = self.key.public();
        if peer == own {
            return Err(Error::EcPoint);
        }
        let transcript = Transcript {
            parties: &self.parties,
            host_public: &own,
            terminal_public: &peer,
        };
        // The tag first: the private key meets only points of the terminal.
        transcript.cmac(psk, Purpose::TerminalTag, kcv)?.verify(tag)?;
        history.refuse_repeated(&peer)?;
        let mut kbpk = SecretBuf::new();
        let computed = transcript.agree(&mut self.key, &peer, &mut kbpk)?;
        ct::verdict(ct::eq(&computed, kcv))?;
        let mut m3 = [0; M3_LEN];
        transcript.cmac(psk, Purpose::HostTag, kcv)?.finish(&mut m3)?;
        out.set(kbpk.expose())?;
        history.record(&peer);
        Ok(Confirmation { m3, kcv: computed })
    }
}

impl Default for Initiator {
    fn default() -> Self {
        Self::empty()
    }
}

impl fmt::Debug for Initiator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Initiator")
            .field("started", &self.started)
            .finish_non_exhaustive()
    }
}

/// What the host has after a run: all public.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Confirmation {
    /// M3, for the terminal.
    pub m3: [u8; M3_LEN],
    /// The KCV of the KBPK.
    pub kcv: [u8; KCV_LEN],
}

/// The terminal's side, waiting for M3 with a KBPK that is not yet released.
pub struct Responder {
    kbpk: SecretBuf<MAX_KEY_LEN>,
    expected: Secret<M3_LEN>,
    kcv: [u8; KCV_LEN],
    peer: Option<PublicKey>,
}

impl Responder {
    /// A place for a run.
    #[must_use]
    pub const fn empty() -> Self {
        Self {
            kbpk: SecretBuf::new(),
            expected: Secret::zeroed(),
            kcv: [0; KCV_LEN],
            peer: None,
        }
    }

    /// Takes M1, computes the KBPK with a new ephemeral key, which is erased at once, and gives M2. A run that is
    /// waiting here is wiped.
    ///
    /// # Errors
    /// [`Error::NoKey`] if `psk` is empty, [`Error::EcPoint`] if the host's public key is malformed, is our own, or is
    /// in `history`, [`Error::Entropy`]. The place is empty then.
    ///
    /// # Timing
    /// Constant but for the public key in M1 and the draws of [`PrivateKey::generate`].
    pub fn answer(
        &mut self,
        psk: &Key<MacKey, Aes>,
        parties: &Parties,
        m1: &[u8; M1_LEN],
        history: &PeerHistory,
        entropy: &mut impl Entropy,
    ) -> Result<[u8; M2_LEN], Error> {
        self.abort();
        let result = self.respond(psk, parties, m1, history, entropy);
        if result.is_err() {
            self.abort();
        }
        result
    }

    fn respond(
        &mut self,
        psk: &Key<MacKey, Aes>,
        parties: &Parties,
        m1: &[u8; M1_LEN],
        history: &PeerHistory,
        entropy: &mut impl Entropy,
    ) -> Result<[u8; M2_LEN], Error> {
        let peer = PublicKey::from_sec1(m1)?;
        history.refuse_repeated(&peer)?;
        let mut key = PrivateKey::empty();
        key.regenerate(entropy)?;
        let own = key.public();
        let transcript = Transcript {
            parties,
            host_public: &peer,
            terminal_public: &own,
        };
        let kcv = transcript.agree(&mut key, &peer, &mut self.kbpk)?;
        let mut tag = [0; TAG_LEN];
        transcript.cmac(psk, Purpose::TerminalTag, &kcv)?.finish(&mut tag)?;
        transcript
            .cmac(psk, Purpose::HostTag, &kcv)?
            .finish(self.expected.expose_mut())?;
        self.kcv = kcv;
        self.peer = Some(peer);
        let mut m2 = [0; M2_LEN];
        for (to, from) in m2.iter_mut().zip(own.as_bytes().iter().chain(&kcv).chain(&tag)) {
            *to = *from;
        }
        Ok(m2)
    }

    /// Whether a run waits here.
    #[must_use]
    pub const fn is_started(&self) -> bool {
        self.peer.is_some()
    }

    /// Moves the run out and leaves an empty place, wiped.
    #[must_use]
    pub fn take(&mut self) -> Self {
        mem::take(self)
    }

    /// Wipes the run.
    pub fn abort(&mut self) {
        *self = Self::empty();
    }

    /// Takes M3, and if the host's tag verifies releases the KBPK into `out` and gives its KCV.
    ///
    /// `history` takes the host's public key.
    ///
    /// # Errors
    /// [`Error::BadState`] if no run waits here, [`Error::VerificationFailed`] if the tag differs. `out` is empty
    /// then.
    ///
    /// # Timing
    /// Constant.
    pub fn finish(
        self,
        m3: &[u8; M3_LEN],
        history: &mut PeerHistory,
        out: &mut Key<Kbpk, Aes>,
    ) -> Result<[u8; KCV_LEN], Error> {
        out.zeroize();
        let peer = self.peer.ok_or(Error::BadState)?;
        ct::verdict(ct::eq(self.expected.expose(), m3))?;
        // Another run with the same key of the host may have been completed since M1.
        history.refuse_repeated(&peer)?;
        out.set(self.kbpk.expose())?;
        history.record(&peer);
        Ok(self.kcv)
    }
}

impl Default for Responder {
    fn default() -> Self {
        Self::empty()
    }
}

impl fmt::Debug for Responder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Responder")
            .field("started", &self.is_started())
            .finish_non_exhaustive()
    }
}
