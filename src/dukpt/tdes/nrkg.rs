// SPDX-License-Identifier: MIT OR Apache-2.0
use crate::cipher::tdes::Des;
use crate::secret::Secret;
use zeroize::Zeroize;

/// The mask between the two halves of a derived key: C0C0C0C0 00000000 on each half of the deriving key.
pub(super) const VARIANT: u64 = 0xC0C0_C0C0_0000_0000;

/// One of the two DES chains of the non-reversible key generation process.
struct Chain {
    des: Des,
    right: Secret<8>,
}

impl Chain {
    /// Schedules `key` with `mask` on both halves.
    #[inline(always)]
    fn new(left: &[u8; 8], right: &[u8; 8], mask: u64) -> Self {
        let mask = mask.to_be_bytes();
        let mut masked = Secret::<8>::zeroed();
        *masked.expose_mut() = xor(mask, left);
        let mut chain = Self {
            des: Des::new(masked.expose()),
            right: Secret::zeroed(),
        };
        *chain.right.expose_mut() = xor(mask, right);
        chain
    }
}

/// The non-reversible key generation process of one deriving key, with its two schedules: they serve all registers
/// that this key fills. The chains do not depend on each other.
///
/// # Source
/// X9.24-1:2009 A.2 "Non-reversible Key Generation Process"; X9.24-3:2017 C.3.3.
pub(super) struct Nrkg {
    left: Chain,
    right: Chain,
}

impl Nrkg {
    #[inline(always)]
    pub(super) fn new(key: &[u8; 16]) -> Self {
        let [left, right] = [key.first_chunk(), key.last_chunk()].map(|half| half.unwrap_or(&[0; 8]));
        Self {
            left: Chain::new(left, right, VARIANT),
            right: Chain::new(left, right, 0),
        }
    }

    /// Derives the key for `s`, the rightmost 64 bits of the KSN with the counter bits of the derived key.
    pub(super) fn derive(&self, s: u64, out: &mut [u8; 16]) {
        let chains = [&self.left, &self.right];
        // DES(left half, S xor right half) xor right half.
        let mut halves = chains.map(|chain| xor(s.to_be_bytes(), chain.right.expose()));
        halves = Des::encrypt_each(chains.map(|chain| &chain.des), halves);
        for ((to, half), chain) in out.as_chunks_mut::<8>().0.iter_mut().zip(&halves).zip(chains) {
            *to = xor(*half, chain.right.expose());
        }
        halves.zeroize();
    }
}

fn xor(a: [u8; 8], b: &[u8; 8]) -> [u8; 8] {
    (u64::from_ne_bytes(a) ^ u64::from_ne_bytes(*b)).to_ne_bytes()
}
