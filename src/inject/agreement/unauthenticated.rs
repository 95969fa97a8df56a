// SPDX-License-Identifier: MIT OR Apache-2.0
//! Key agreement that authenticates nobody, as payment services in the cloud do it: each side sends a public key, and
//! both derive the KBPK by ANSI X9.63 or SP 800-56C from Z and a shared information.
//!
//! ```text
//! Agreement::start -> own public key          -> peer
//! finish(peer's public key, KDF, information) -> KBPK, KCV: compare it with the peer's
//! ```
//!
//! Whoever can put another public key on the way has the KBPK. The caller must know the peer's public key by other
//! means, such as a certificate whose chain it verified, and the peer must know ours. Prefer the agreement of
//! [`inject::agreement`](crate::inject::agreement) wherever both sides can.

use core::fmt;
use core::mem;

use zeroize::Zeroize;

use crate::ecdh::{PrivateKey, PublicKey};
use crate::entropy::Entropy;
use crate::error::Error;
use crate::inject::agreement::{KCV_LEN, KbpkLen, MAX_KEY_LEN, PeerHistory, transcript};
use crate::kdf;
use crate::key::role::Kbpk;
use crate::key::{Aes, Key};
use crate::secret::{Secret, SecretBuf};

/// Longest shared information in bytes.
pub const MAX_INFO_LEN: usize = 1024;

/// How the KBPK comes from Z.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Kdf {
    /// ANSI X9.63 with SHA-256.
    X963Sha256,
    /// ANSI X9.63 with SHA-384.
    X963Sha384,
    /// ANSI X9.63 with SHA-512.
    X963Sha512,
    /// One-step of SP 800-56C with SHA-256.
    OneStepSha256,
    /// One-step of SP 800-56C with SHA-384.
    OneStepSha384,
    /// One-step of SP 800-56C with SHA-512.
    OneStepSha512,
}

impl Kdf {
    /// Every one, in the order of declaration.
    pub const ALL: &'static [Self] = &[
        Self::X963Sha256,
        Self::X963Sha384,
        Self::X963Sha512,
        Self::OneStepSha256,
        Self::OneStepSha384,
        Self::OneStepSha512,
    ];

    fn derive(self, z: &[u8], info: &[u8], out: &mut [u8]) -> Result<(), Error> {
        let info = &[info];
        match self {
            Self::X963Sha256 => kdf::x963_sha256(z, info, out),
            Self::X963Sha384 => kdf::x963_sha384(z, info, out),
            Self::X963Sha512 => kdf::x963_sha512(z, info, out),
            Self::OneStepSha256 => kdf::one_step_sha256(z, info, out),
            Self::OneStepSha384 => kdf::one_step_sha384(z, info, out),
            Self::OneStepSha512 => kdf::one_step_sha512(z, info, out),
        }
    }
}

/// One side, waiting for the other's public key. The two sides do the same.
///
/// ```compile_fail
/// # use payhsm::ecdh::PublicKey;
/// # use payhsm::inject::agreement::{KbpkLen, PeerHistory, unauthenticated::*};
/// # use payhsm::key::{Key, Aes, role::*};
/// # fn twice(run: Agreement, peer: &PublicKey, h: &mut PeerHistory, k: &mut Key<Kbpk, Aes>) {
/// let _ = run.finish(peer, Kdf::X963Sha256, b"info", KbpkLen::Aes128, h, k);
/// let _ = run.finish(peer, Kdf::X963Sha256, b"info", KbpkLen::Aes128, h, k);
/// # }
/// ```
pub struct Agreement {
    key: PrivateKey,
    started: bool,
}

impl Agreement {
    /// A place for a run.
    #[must_use]
    pub const fn empty() -> Self {
        Self {
            key: PrivateKey::empty(),
            started: false,
        }
    }

    /// Starts a run here with a new ephemeral key and gives its public key. A run that is waiting here is wiped.
    ///
    /// # Errors
    /// [`Error::Entropy`]; the place is empty then.
    ///
    /// # Timing
    /// As [`PrivateKey::generate`].
    pub fn start(&mut self, entropy: &mut impl Entropy) -> Result<PublicKey, Error> {
        self.abort();
        self.key.regenerate(entropy)?;
        self.started = true;
        Ok(self.key.public())
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

    /// Derives the KBPK into `out` and gives its KCV. The ephemeral key is erased, whatever comes out.
    ///
    /// `info`: 1 to 1024 bytes that both sides know. It ought to be new for every run, and to say who the parties are
    /// and what the key is for: nothing else binds that. `history` takes the peer's public key.
    ///
    /// # Errors
    /// [`Error::BadState`] if no run waits here, [`Error::InvalidLength`] for `info`, [`Error::EcPoint`] if the peer's
    /// public key is our own or was used before. `out` is empty then.
    ///
    /// # Timing
    /// Constant but for the length of `info`.
    ///
    /// # Source
    /// SP 800-56A 6.1.2.2 (ephemeral keys), with the key derivations of [`kdf`].
    pub fn finish(
        mut self,
        peer: &PublicKey,
        kdf: Kdf,
        info: &[u8],
        len: KbpkLen,
        history: &mut PeerHistory,
        out: &mut Key<Kbpk, Aes>,
    ) -> Result<[u8; KCV_LEN], Error> {
        out.zeroize();
        if !self.started {
            return Err(Error::BadState);
        }
        if !(1..=MAX_INFO_LEN).contains(&info.len()) {
            return Err(Error::InvalidLength);
        }
        history.refuse_repeated(peer)?;
        let mut z = Secret::zeroed();
        self.key.agree_in_place(peer, &mut z)?;
        let mut kbpk = SecretBuf::<MAX_KEY_LEN>::new();
        kdf.derive(z.expose(), info, kbpk.reset(len.bytes())?)?;
        let kcv = transcript::kcv(kbpk.expose())?;
        out.set(kbpk.expose())?;
        history.record(peer);
        Ok(kcv)
    }
}

impl Default for Agreement {
    fn default() -> Self {
        Self::empty()
    }
}

impl fmt::Debug for Agreement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Agreement")
            .field("started", &self.started)
            .finish_non_exhaustive()
    }
}
