// SPDX-License-Identifier: MIT OR Apache-2.0
//! What both sides must agree on, and its proofs.

use crate::ct;
use crate::ecdh::{PrivateKey, PublicKey};
use crate::ecdsa::{self, DIGEST_LEN, SIGNATURE_LEN, Signature, SigningKey};
use crate::error::Error;
use crate::inject::agreement::{KCV_LEN, MAX_KEY_LEN, NONCE_LEN, Parties, TAG_LEN};
use crate::kdf;
use crate::key::role::MacKey;
use crate::key::{Aes, Key};
use crate::mac::{Mac, cmac::CmacAes};
use crate::secret::{Secret, SecretBuf};
use crate::weaken::guard;

const LABEL: &[u8] = b"payhsm KBPK agreement 2";

/// What a transcript is used for.
#[derive(Clone, Copy)]
pub(super) enum Purpose {
    Key,
    Terminal,
    Host,
}

/// How a side proves itself.
#[derive(Clone, Copy)]
pub(super) enum Proof<'a> {
    /// By the key that both have.
    Psk(&'a Key<MacKey, Aes>),
    /// By its own key; the other side by that of the public key.
    Signature { own: &'a SigningKey, peer: &'a PublicKey },
}

impl Proof<'_> {
    /// How the transcript names the way of proof.
    const fn name(&self) -> &'static [u8] {
        match self {
            Self::Psk(_) => b"M",
            Self::Signature { .. } => b"S",
        }
    }
}

pub(super) struct Transcript<'a> {
    pub(super) parties: &'a Parties,
    pub(super) host: (&'a PublicKey, &'a [u8; NONCE_LEN]),
    pub(super) terminal: (&'a PublicKey, &'a [u8; NONCE_LEN]),
}

impl Transcript<'_> {
    /// Gives the parts of the encoding, which is prefix-free: every field has a fixed length or its length before it.
    fn encode<T>(&self, proof: &Proof<'_>, purpose: Purpose, kcv: &[u8], consume: impl FnOnce(&[&[u8]]) -> T) -> T {
        let Parties { host, terminal, len } = self.parties;
        let purpose: &[u8] = match purpose {
            Purpose::Key => b"K",
            Purpose::Terminal => b"T",
            Purpose::Host => b"H",
        };
        let named = guard!("E08", true);
        consume(&[
            LABEL,
            purpose,
            proof.name(),
            &[host.len],
            if named { host.as_bytes() } else { &[] },
            &[terminal.len],
            if named { terminal.as_bytes() } else { &[] },
            &len.attributes(),
            self.host.0.as_bytes(),
            self.terminal.0.as_bytes(),
            self.host.1,
            self.terminal.1,
            kcv,
        ])
    }

    pub(super) fn tag(
        &self,
        psk: &Key<MacKey, Aes>,
        purpose: Purpose,
        kcv: &[u8; KCV_LEN],
        out: &mut [u8; TAG_LEN],
    ) -> Result<(), Error> {
        let mut cmac = CmacAes::new(psk.material()?)?;
        self.encode(&Proof::Psk(psk), purpose, kcv, |parts| {
            parts.iter().for_each(|part| cmac.update(part));
        });
        cmac.finish(out)
    }

    /// What is signed for a purpose.
    pub(super) fn digest(&self, proof: &Proof<'_>, purpose: Purpose, kcv: &[u8; KCV_LEN]) -> [u8; DIGEST_LEN] {
        self.encode(proof, purpose, kcv, ecdsa::digest)
    }

    /// Writes this side's proof.
    pub(super) fn prove(
        &self,
        proof: &Proof<'_>,
        purpose: Purpose,
        kcv: &[u8; KCV_LEN],
        out: &mut [u8],
    ) -> Result<(), Error> {
        match *proof {
            Proof::Psk(psk) => {
                let out = out.try_into().map_err(|_| Error::Internal)?;
                self.tag(psk, purpose, kcv, out)
            }
            Proof::Signature { own, .. } => {
                let signature = own.sign_digest(&self.digest(proof, purpose, kcv))?.to_raw();
                let out: &mut [u8; SIGNATURE_LEN] = out.try_into().map_err(|_| Error::Internal)?;
                *out = signature;
                Ok(())
            }
        }
    }

    /// Verifies the other side's proof; one error for whatever is wrong with it.
    pub(super) fn check(
        &self,
        proof: &Proof<'_>,
        purpose: Purpose,
        kcv: &[u8; KCV_LEN],
        given: &[u8],
    ) -> Result<(), Error> {
        match *proof {
            Proof::Psk(psk) => {
                let mut expected = Secret::zeroed();
                self.tag(psk, purpose, kcv, expected.expose_mut())?;
                ct::agree(expected.expose(), given)
            }
            Proof::Signature { peer, .. } => verify(peer, &self.digest(proof, purpose, kcv), given),
        }
    }

    /// Spends the private key and writes the KBPK and its KCV.
    pub(super) fn agree(
        &self,
        proof: &Proof<'_>,
        own: &mut PrivateKey,
        peer: &PublicKey,
        kbpk: &mut SecretBuf<MAX_KEY_LEN>,
    ) -> Result<[u8; KCV_LEN], Error> {
        let mut z = Secret::zeroed();
        own.agree_in_place(peer, &mut z)?;
        let out = kbpk.reset(self.parties.len.bytes())?;
        self.encode(proof, Purpose::Key, &[], |info| {
            kdf::hkdf_sha256(&[], z.expose(), info, out)
        })?;
        kcv(kbpk.expose())
    }
}

/// A signature of 64 bytes over a digest; one error, whether it is malformed or wrong.
pub(super) fn verify(peer: &PublicKey, digest: &[u8; DIGEST_LEN], given: &[u8]) -> Result<(), Error> {
    let signature = Signature::from_raw(given).map_err(|_| Error::VerificationFailed)?;
    ecdsa::verify_digest(peer, digest, &signature)
}

/// Leftmost 5 bytes of the CMAC of a zero block.
pub(super) fn kcv(kbpk: &[u8]) -> Result<[u8; KCV_LEN], Error> {
    let mut kcv = [0; KCV_LEN];
    let mut cmac = CmacAes::new(kbpk)?;
    cmac.update(&[0; TAG_LEN]);
    cmac.finish(&mut kcv)?;
    ct::public(&mut kcv);
    Ok(kcv)
}
