// SPDX-License-Identifier: MIT OR Apache-2.0
//! The host's side.

use core::fmt;
use core::mem;

use zeroize::Zeroize;

use crate::ct;
use crate::ecdh::{PUBLIC_LEN, PrivateKey, PublicKey};
use crate::ecdsa::SigningKey;
use crate::entropy::Entropy;
use crate::error::Error;
use crate::inject::agreement::transcript::{Proof, Purpose, Transcript};
use crate::inject::agreement::{
    KCV_LEN, M1_LEN, M2_LEN, M3_LEN, NONCE_LEN, Parties, PeerHistory, SIGNED_M2_LEN, SIGNED_M3_LEN,
};
use crate::key::role::{Kbpk, MacKey};
use crate::key::{Aes, Key};
use crate::secret::SecretBuf;

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
    nonce: [u8; NONCE_LEN],
    started: bool,
}

impl Initiator {
    /// A place for a run.
    #[must_use]
    pub const fn empty() -> Self {
        Self {
            parties: Parties::NONE,
            key: PrivateKey::empty(),
            nonce: [0; NONCE_LEN],
            started: false,
        }
    }

    /// Starts a run here with a new ephemeral key and nonce, and gives M1. A run that is waiting here is wiped.
    ///
    /// # Errors
    /// [`Error::Entropy`]; the place is empty then.
    ///
    /// # Timing
    /// As [`PrivateKey::generate`].
    pub fn start(&mut self, parties: &Parties, entropy: &mut impl Entropy) -> Result<[u8; M1_LEN], Error> {
        self.abort();
        self.key.regenerate(entropy)?;
        if let Err(error) = entropy.fill(&mut self.nonce) {
            self.abort();
            return Err(error);
        }
        ct::public(&mut self.nonce);
        self.parties = *parties;
        self.started = true;
        let mut m1 = [0; M1_LEN];
        let public = self.key.public();
        for (to, from) in m1.iter_mut().zip(public.as_bytes().iter().chain(&self.nonce)) {
            *to = *from;
        }
        Ok(m1)
    }

    /// Whether a run waits here.
    #[must_use]
    pub const fn is_started(&self) -> bool {
        self.started
    }

    /// Whom the run is with.
    #[must_use]
    pub const fn parties(&self) -> &Parties {
        &self.parties
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
        let mut m3 = [0; M3_LEN];
        let kcv = self.conclude(&Proof::Psk(psk), m2, history, out, &mut m3)?;
        Ok(Confirmation { m3, kcv })
    }

    /// As [`finish`](Self::finish) with signatures: `own` is the host's key, `peer` the public key of the terminal's,
    /// which the caller has from a source that it trusts.
    ///
    /// # Errors
    /// As [`finish`](Self::finish), and [`Error::EcScalar`] if `own` is empty.
    ///
    /// # Timing
    /// Constant but for the public key and the signature in M2, and as [`SigningKey::sign`].
    pub fn finish_signed(
        mut self,
        own: &SigningKey,
        peer: &PublicKey,
        m2: &[u8; SIGNED_M2_LEN],
        history: &mut PeerHistory,
        out: &mut Key<Kbpk, Aes>,
    ) -> Result<SignedConfirmation, Error> {
        let mut m3 = [0; SIGNED_M3_LEN];
        let kcv = self.conclude(&Proof::Signature { own, peer }, m2, history, out, &mut m3)?;
        Ok(SignedConfirmation { m3, kcv })
    }

    fn conclude(
        &mut self,
        proof: &Proof<'_>,
        m2: &[u8],
        history: &mut PeerHistory,
        out: &mut Key<Kbpk, Aes>,
        m3: &mut [u8],
    ) -> Result<[u8; KCV_LEN], Error> {
        out.zeroize();
        if !self.started {
            return Err(Error::BadState);
        }
        let (public, rest) = m2.split_first_chunk::<PUBLIC_LEN>().ok_or(Error::Internal)?;
        let (nonce, rest) = rest.split_first_chunk::<NONCE_LEN>().ok_or(Error::Internal)?;
        let (kcv, given) = rest.split_first_chunk::<KCV_LEN>().ok_or(Error::Internal)?;
        let peer = PublicKey::from_sec1(public)?;
        let own = self.key.public();
        if peer == own {
            return Err(Error::EcPoint);
        }
        let parties = self.parties;
        let transcript = Transcript {
            parties: &parties,
            host: (&own, &self.nonce),
            terminal: (&peer, nonce),
        };
        // The proof first: the private key meets only points of the terminal.
        transcript.check(proof, Purpose::Terminal, kcv, given)?;
        history.refuse_repeated(&peer)?;
        let mut kbpk = SecretBuf::new();
        let computed = transcript.agree(proof, &mut self.key, &peer, &mut kbpk)?;
        ct::verdict(ct::eq(&computed, kcv))?;
        transcript.prove(proof, Purpose::Host, kcv, m3)?;
        out.set(kbpk.expose())?;
        history.record(&peer);
        Ok(computed)
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

/// What the host has after a run with signatures: all public.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SignedConfirmation {
    /// M3, for the terminal.
    pub m3: [u8; SIGNED_M3_LEN],
    /// The KCV of the KBPK.
    pub kcv: [u8; KCV_LEN],
}
