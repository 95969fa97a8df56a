// SPDX-License-Identifier: MIT OR Apache-2.0
//! A generator over ChaCha20 (RFC 8439) that erases its key with each request.
//!
//! A request takes key stream under the key, with the number of requests so far as the nonce: the first 32 bytes are the next
//! key, what follows goes out. So what went out before cannot be computed from the state after it.

use chacha20::cipher::{KeyIvInit, StreamCipherCore};
use chacha20::variants::Ietf;
use chacha20::{ChaChaCore, R20};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;
use zeroize::Zeroize;

use crate::ct;
use crate::error::Error;
use crate::secret::Secret;

const KEY_LEN: usize = 32;
const BLOCK_LEN: usize = 64;

/// Blocks of one request: far from the 2^32 of a nonce.
const MAX_BLOCKS: usize = 1 << 20;

#[derive(Debug)]
pub(super) struct Drbg {
    key: Secret<KEY_LEN>,
    /// Requests so far.
    requests: u64,
    seeded: bool,
}

impl Drbg {
    pub(super) const EMPTY: Self = Self {
        key: Secret::zeroed(),
        requests: 0,
        seeded: false,
    };

    pub(super) const fn is_seeded(&self) -> bool {
        self.seeded
    }

    /// Takes a seed of `samples` bytes, which are hashed to a key.
    pub(super) fn seed(
        &mut self,
        samples: u32,
        mut draw: impl FnMut(&mut [u8]) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let mut hash = Sha256::new_with_prefix(b"payhsm generator 1");
        let mut piece = Secret::<32>::zeroed();
        let mut left = samples as usize;
        while left != 0 {
            let len = left.min(32);
            let part = piece.expose_mut().get_mut(..len).ok_or(Error::Internal)?;
            draw(part)?;
            hash.update(&*part);
            left = left.saturating_sub(len);
        }
        hash.finalize_into(self.key.expose_mut().into());
        self.requests = 0;
        self.seeded = true;
        Ok(())
    }

    /// Fills `out` and replaces the key.
    pub(super) fn fill(&mut self, out: &mut [u8]) -> Result<(), Error> {
        if !self.seeded || out.len().div_ceil(BLOCK_LEN) > MAX_BLOCKS {
            return Err(Error::Entropy);
        }
        let mut nonce = [0; 12];
        for (to, from) in nonce.iter_mut().zip(self.requests.to_le_bytes()) {
            *to = from;
        }
        self.requests = self.requests.checked_add(1).ok_or(Error::Entropy)?;
        let mut core = ChaChaCore::<R20, Ietf>::new(self.key.expose().into(), &nonce.into());
        let mut block = Secret::<BLOCK_LEN>::zeroed();
        core.write_keystream_block(block.expose_mut().into());
        let (next, first) = block.expose().split_first_chunk::<KEY_LEN>().ok_or(Error::Internal)?;
        // A key that does not change, which happens once in 2^256 requests, is a defect.
        let mut stuck = [next.ct_eq(self.key.expose()).unwrap_u8()];
        ct::public(&mut stuck);
        *self.key.expose_mut() = *next;
        if stuck != [0] {
            return Err(Error::Entropy);
        }
        let (head, tail) = out.split_at_mut(out.len().min(first.len()));
        for (to, from) in head.iter_mut().zip(first) {
            *to = *from;
        }
        for part in tail.chunks_mut(BLOCK_LEN) {
            core.write_keystream_block(block.expose_mut().into());
            for (to, from) in part.iter_mut().zip(block.expose()) {
                *to = *from;
            }
        }
        Ok(())
    }
}

impl Zeroize for Drbg {
    fn zeroize(&mut self) {
        self.key.zeroize();
        self.seeded = false;
    }
}

/// The first block of ChaCha20's key stream.
pub(super) fn chacha20_block(key: &[u8; 32], nonce: &[u8; 12], out: &mut [u8; BLOCK_LEN]) {
    let mut core = ChaChaCore::<R20, Ietf>::new(key.into(), nonce.into());
    core.write_keystream_block(out.into());
}

#[cfg(test)]
mod tests {
    extern crate std;

    use std::vec;

    use super::*;

    /// RFC 8439, A.1, test vector 1.
    #[test]
    fn key_stream_is_the_rfc_s() {
        let mut out = [0; 64];
        chacha20_block(&[0; 32], &[0; 12], &mut out);
        assert_eq!(out[..8], [0x76, 0xB8, 0xE0, 0xAD, 0xA0, 0xF1, 0x3D, 0x90]);
        assert_eq!(out[56..], [0xC3, 0x87, 0xB6, 0x69, 0xB2, 0xEE, 0x65, 0x86]);
    }

    #[test]
    fn every_length_and_no_repetition() {
        let mut drbg = Drbg::EMPTY;
        assert_eq!(drbg.fill(&mut [0; 1]), Err(Error::Entropy));
        drbg.seed(64, |piece| {
            piece.fill(7);
            Ok(())
        })
        .unwrap();
        let mut keys = vec![*drbg.key.expose()];
        for len in 0..300 {
            let mut out = vec![0; len];
            drbg.fill(&mut out).unwrap();
            assert!(len < 16 || out.iter().any(|b| *b != 0));
            assert!(!keys.contains(drbg.key.expose()));
            keys.push(*drbg.key.expose());
            // Nothing that goes out is key.
            assert!(!out.windows(32).any(|w| keys.iter().any(|k| k == w)));
        }
        drbg.zeroize();
        assert_eq!(drbg.fill(&mut [0; 1]), Err(Error::Entropy));
    }

    /// A generator with the key and requests of another gives the same: the construction, by hand.
    #[test]
    fn a_request_is_key_then_output() {
        let mut drbg = Drbg::EMPTY;
        drbg.seeded = true;
        let mut stream = [0; 64];
        chacha20_block(&[0; 32], &[0; 12], &mut stream);
        let mut out = [0; 32];
        drbg.fill(&mut out).unwrap();
        assert_eq!((&drbg.key.expose()[..], &out[..]), (&stream[..32], &stream[32..]));
    }
}
