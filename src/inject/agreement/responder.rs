// SPDX-License-Identifier: MIT OR Apache-2.0
//! The terminal's side.

use core::fmt;
use core::mem;

use zeroize::Zeroize;

use crate::ct;
use crate::ecdh::{PUBLIC_LEN, PrivateKey, PublicKey};
use crate::ecdsa::{DIGEST_LEN, SigningKey};
use crate::entropy::Entropy;
use crate::error::Error;
use crate::inject::agreement::transcript::{self, Proof, Purpose, Transcript};
use crate::inject::agreement::{
    KCV_LEN, M1_LEN, M2_HEAD_LEN, M2_LEN, M3_LEN, MAX_KEY_LEN, NONCE_LEN, Parties, PeerHistory, SIGNED_M2_LEN,
    SIGNED_M3_LEN, TAG_LEN,
};
use crate::key::role::{Kbpk, MacKey};
use crate::key::{Aes, Key};
use crate::secret::{Secret, SecretBuf};

/// The terminal's side, waiting for M3 with a KBPK that is not yet released.
pub struct Responder {
    kbpk: SecretBuf<MAX_KEY_LEN>,
    /// The host's tag, where a PSK proves.
    expected: Secret<TAG_LEN>,
    /// The host's signing key and what it must have signed, where signatures prove.
    signed: Option<(PublicKey, [u8; DIGEST_LEN])>,
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
            signed: None,
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
        let mut m2 = [0; M2_LEN];
        self.respond(&Proof::Psk(psk), parties, m1, history, entropy, &mut m2)?;
        Ok(m2)
    }

    /// As [`answer`](Self::answer) with signatures: `own` is the terminal's key, `peer` the public key of the host's,
    /// which the caller has from a source that it trusts.
    ///
    /// # Errors
    /// As [`answer`](Self::answer), and [`Error::EcScalar`] if `own` is empty.
    ///
    /// # Timing
    /// As [`answer`](Self::answer), and as [`SigningKey::sign`].
    pub fn answer_signed(
        &mut self,
        own: &SigningKey,
        peer: &PublicKey,
        parties: &Parties,
        m1: &[u8; M1_LEN],
        history: &PeerHistory,
        entropy: &mut impl Entropy,
    ) -> Result<[u8; SIGNED_M2_LEN], Error> {
        let mut m2 = [0; SIGNED_M2_LEN];
        self.respond(&Proof::Signature { own, peer }, parties, m1, history, entropy, &mut m2)?;
        Ok(m2)
    }

    fn respond(
        &mut self,
        proof: &Proof<'_>,
        parties: &Parties,
        m1: &[u8; M1_LEN],
        history: &PeerHistory,
        entropy: &mut impl Entropy,
        m2: &mut [u8],
    ) -> Result<(), Error> {
        self.abort();
        let result = self.respond_here(proof, parties, m1, history, entropy, m2);
        if result.is_err() {
            self.abort();
            m2.zeroize();
        }
        result
    }

    fn respond_here(
        &mut self,
        proof: &Proof<'_>,
        parties: &Parties,
        m1: &[u8; M1_LEN],
        history: &PeerHistory,
        entropy: &mut impl Entropy,
        m2: &mut [u8],
    ) -> Result<(), Error> {
        let (public, nonce) = m1.split_first_chunk::<PUBLIC_LEN>().ok_or(Error::Internal)?;
        let host_nonce: &[u8; NONCE_LEN] = nonce.try_into().map_err(|_| Error::Internal)?;
        let peer = PublicKey::from_sec1(public)?;
        history.refuse_repeated(&peer)?;
        let mut key = PrivateKey::empty();
        key.regenerate(entropy)?;
        let mut nonce = [0; NONCE_LEN];
        entropy.fill(&mut nonce)?;
        ct::public(&mut nonce);
        let own = key.public();
        let transcript = Transcript {
            parties,
            host: (&peer, host_nonce),
            terminal: (&own, &nonce),
        };
        let kcv = transcript.agree(proof, &mut key, &peer, &mut self.kbpk)?;
        let (head, proof_place) = m2.split_at_mut_checked(M2_HEAD_LEN).ok_or(Error::Internal)?;
        transcript.prove(proof, Purpose::Terminal, &kcv, proof_place)?;
        match *proof {
            Proof::Psk(psk) => transcript.tag(psk, Purpose::Host, &kcv, self.expected.expose_mut())?,
            Proof::Signature { peer, .. } => {
                self.signed = Some((*peer, transcript.digest(proof, Purpose::Host, &kcv)));
            }
        }
        self.kcv = kcv;
        self.peer = Some(peer);
        for (to, from) in head.iter_mut().zip(own.as_bytes().iter().chain(&nonce).chain(&kcv)) {
            *to = *from;
        }
        Ok(())
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
    /// [`Error::BadState`] if no run waits here, or one with signatures, [`Error::VerificationFailed`] if the tag
    /// differs, [`Error::EcPoint`] if another run with the host's public key was completed since M1. `out` is empty
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
        self.judge(m3)?;
        self.release(history, out)
    }

    /// Judges M3 as [`finish`](Self::finish) does, and releases nothing.
    #[inline(never)]
    pub(crate) fn judge(&self, m3: &[u8; M3_LEN]) -> Result<(), Error> {
        if self.peer.is_none() || self.signed.is_some() {
            return Err(Error::BadState);
        }
        ct::agree(self.expected.expose(), m3)
    }

    /// As [`finish`](Self::finish) for a run with signatures.
    ///
    /// # Errors
    /// As [`finish`](Self::finish); [`Error::BadState`] for a run with a PSK.
    ///
    /// # Timing
    /// Public data decides.
    pub fn finish_signed(
        self,
        m3: &[u8; SIGNED_M3_LEN],
        history: &mut PeerHistory,
        out: &mut Key<Kbpk, Aes>,
    ) -> Result<[u8; KCV_LEN], Error> {
        out.zeroize();
        let (signer, digest) = self.signed.as_ref().ok_or(Error::BadState)?;
        transcript::verify(signer, digest, m3)?;
        self.release(history, out)
    }

    fn release(&self, history: &mut PeerHistory, out: &mut Key<Kbpk, Aes>) -> Result<[u8; KCV_LEN], Error> {
        let peer = self.peer.ok_or(Error::BadState)?;
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
