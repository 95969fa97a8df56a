// SPDX-License-Identifier: MIT OR Apache-2.0
//! The MAC of UnionPay terminals, called "ECB MAC", under DES or two-key TDEA.
//!
//! ```text
//! message, zeros to whole blocks = D1 .. Dq        R = D1 ^ .. ^ Dq       H = R in hexadecimal, 16 characters
//! T = E(E(H, first 8) ^ H, last 8)                 MAC = the first 8 characters of T in hexadecimal: 32 bits
//! ```
//!
//! # Limits
//! The message is folded by exclusive or before any key enters: blocks may change places, and changes of two blocks
//! that cancel out are not seen. Only for terminals whose acquirer knows nothing better; prefer CMAC or the retail MAC.

use core::fmt;

use crate::cipher::tdes::Tdes;
use crate::ct;
use crate::error::Error;
use crate::mac::{Conclude, Mac, truncate};
use crate::secret::Secret;

/// UnionPay's "ECB MAC": 8 characters, the MAC's 32 bits in upper-case hexadecimal.
#[doc(alias = "ECB MAC")]
#[doc(alias = "CUP MAC")]
pub struct UnionPayMac {
    cipher: Tdes,
    folded: Secret<8>,
    /// Bytes folded so far, modulo the block length.
    pos: usize,
}

impl UnionPayMac {
    /// Starts a message under a MAK of 8 (DES) or 16 bytes (two-key TDEA).
    ///
    /// # Errors
    /// [`Error::InvalidKeyLength`].
    pub fn new(key: &[u8]) -> Result<Self, Error> {
        if !matches!(key.len(), 8 | 16) {
            return Err(Error::InvalidKeyLength);
        }
        Ok(Self {
            cipher: Tdes::new(key)?,
            folded: Secret::zeroed(),
            pos: 0,
        })
    }
}

impl Mac for UnionPayMac {
    const LEN: usize = 8;

    fn update(&mut self, data: &[u8]) {
        for byte in data {
            if let Some(to) = self.folded.expose_mut().get_mut(self.pos & 7) {
                *to ^= byte;
            }
            self.pos = self.pos.wrapping_add(1) & 7;
        }
    }

    fn finish(mut self, out: &mut [u8]) -> Result<(), Error> {
        self.conclude(out)
    }
}

impl Conclude for UnionPayMac {
    fn conclude(&mut self, out: &mut [u8]) -> Result<(), Error> {
        let (mut left, mut right) = (Secret::<8>::zeroed(), Secret::<8>::zeroed());
        let [a, b, c, d, e, f, g, h] = self.folded.expose();
        hexadecimal([*a, *b, *c, *d], &mut left);
        hexadecimal([*e, *f, *g, *h], &mut right);
        *left.expose_mut() = self.cipher.encrypt(*left.expose());
        for (to, from) in left.expose_mut().iter_mut().zip(right.expose()) {
            *to ^= from;
        }
        *left.expose_mut() = self.cipher.encrypt(*left.expose());
        let [a, b, c, d, ..] = left.expose();
        hexadecimal([*a, *b, *c, *d], &mut right);
        truncate(right.expose(), out)
    }
}

/// Writes upper-case hexadecimal without a branch or a table.
fn hexadecimal(bytes: [u8; 4], out: &mut Secret<8>) {
    let nibbles = bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]);
    for (to, nibble) in out.expose_mut().iter_mut().zip(nibbles) {
        // Between '9' and 'A' lie seven characters.
        *to = nibble.wrapping_add(b'0').wrapping_add(!ct::mask_digit(nibble) & 7);
    }
}

impl fmt::Debug for UnionPayMac {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UnionPayMac").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hexadecimal_of_every_byte() {
        extern crate std;
        for byte in 0..=255 {
            let mut out = Secret::zeroed();
            hexadecimal([byte, 0, byte, 0xFF], &mut out);
            let text = std::format!("{byte:02X}00{byte:02X}FF");
            assert_eq!(out.expose(), text.as_bytes());
        }
    }

    #[test]
    fn the_cut_of_the_message_does_not_matter_and_the_fold_forgets() {
        let message: [u8; 29] = core::array::from_fn(|i| (i as u8).wrapping_mul(37));
        let mac = |parts: &[&[u8]]| {
            let mut mac = UnionPayMac::new(b"0123456789ABCDEF").unwrap();
            for part in parts {
                mac.update(part);
            }
            let mut out = [0; 8];
            mac.finish(&mut out).unwrap();
            out
        };
        let whole = mac(&[&message]);
        for cut in 0..=message.len() {
            let (a, b) = message.split_at(cut);
            assert_eq!(mac(&[a, &[], b]), whole);
        }
        // Blocks in another order.
        let (first, rest) = message.split_at(8);
        let (second, rest) = rest.split_at(8);
        assert_eq!(mac(&[second, first, rest]), whole);
    }

    #[test]
    fn keys_of_other_lengths_are_refused() {
        for len in [0, 7, 9, 15, 17, 24, 32] {
            assert_eq!(
                UnionPayMac::new(&[1; 32][..len]).err(),
                Some(Error::InvalidKeyLength)
            );
        }
    }
}
