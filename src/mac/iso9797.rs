// SPDX-License-Identifier: MIT OR Apache-2.0
//! ISO/IEC 9797-1 MAC algorithms 1 (CBC-MAC) and 3 (retail MAC, ANSI X9.19) with padding methods 1 to 3.
//!
//! ```text
//! message || padding = D1 .. Dq        H1 = E(K, D1)     Hi = E(K, Di ^ H(i-1))
//! algorithm 1:  MAC = Hq
//! algorithm 3:  MAC = E(K, D(K', Hq))       the chain itself is single DES
//! ```
//!
//! Under algorithm 1 the MACs of two messages give that of a third one: take it only where the protocol fixes the
//! length of the message (padding method 3 is not enough for truncated MACs), else algorithm 3 or CMAC. Methods 1
//! and 3 do not tell a message from the same one with zeros behind it unless the length is fixed. Equal halves of a
//! retail key make it single DES; they are refused where a key enters, not here.

#[cfg(feature = "hazmat")]
pub mod laboratory;

use core::fmt;

use cipher::{BlockCipherEncrypt, typenum::Unsigned};
use zeroize::Zeroize;

use super::chain::Chain;
use crate::cipher::tdes::Des;
use crate::error::Error;
use crate::mac::{Conclude, Mac, truncate};

/// Padding methods of ISO/IEC 9797-1 clause 6.3.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Padding {
    /// Zeros to a whole block; none if already aligned; an empty message is one zero block.
    Method1,
    /// One byte 80, then zeros to a whole block.
    Method2,
    /// The message's length in bits as a first block, then as method 1. The length in bytes is announced.
    Method3 {
        /// Message length in bytes, below 2^61.
        len: u64,
    },
}

/// A chain with its padding.
struct Padded<C: BlockCipherEncrypt> {
    chain: Chain<C>,
    padding: Padding,
    /// Bytes of the message so far.
    total: u64,
}

impl<C: BlockCipherEncrypt> Padded<C> {
    #[cfg_attr(target_os = "none", inline(always))]
    fn new(cipher: C, padding: Padding) -> Self {
        let mut padded = Self {
            chain: Chain::new(cipher),
            padding,
            total: 0,
        };
        padded.begin();
        padded
    }

    /// What stands before the message.
    fn begin(&mut self) {
        let chain = &mut self.chain;
        if let Padding::Method3 { len } = self.padding {
            // A block that ends in the number of bits.
            let bits = len.wrapping_mul(8).to_be_bytes();
            for _ in bits.len()..C::BlockSize::USIZE {
                chain.update(&[0]);
            }
            let short = bits.len().saturating_sub(C::BlockSize::USIZE);
            chain.update(bits.get(short..).unwrap_or(&[]));
        }
    }

    fn update(&mut self, data: &[u8]) {
        self.chain.update(data);
        self.total = self.total.saturating_add(data.len() as u64);
    }

    /// Pads, and enciphers the last block. Leaves Hq in the chain's state.
    fn close(&mut self) -> Result<(), Error> {
        match self.padding {
            Padding::Method1 => {}
            Padding::Method2 => self.chain.update(&[0x80]),
            // The number of bits would not fit its field from 2^61 bytes on.
            Padding::Method3 { len } if len == self.total && len >> 61 == 0 => {
                if len == 0 {
                    // One zero block: the method pads an empty message as method 1 does.
                    self.chain.update(&[0]);
                }
            }
            Padding::Method3 { .. } => return Err(Error::InvalidLength),
        }
        self.chain.encrypt();
        Ok(())
    }
}

/// Algorithm 1: CBC-MAC without output transformation, IV zero. Legacy under single DES (ANSI X9.9).
#[doc(alias = "X9.9")]
#[doc(alias = "ISO 16609")]
pub struct CbcMac<C: BlockCipherEncrypt>(Padded<C>);

impl<C: BlockCipherEncrypt> CbcMac<C> {
    /// Starts a message.
    #[must_use]
    #[cfg_attr(target_os = "none", inline(always))]
    pub fn new(cipher: C, padding: Padding) -> Self {
        Self(Padded::new(cipher, padding))
    }

    /// The cipher, to be scheduled in its place before the message begins; not with padding method 3.
    pub(crate) const fn cipher_mut(&mut self) -> &mut C {
        &mut self.0.chain.cipher
    }
}

impl<C: BlockCipherEncrypt> Mac for CbcMac<C> {
    const LEN: usize = C::BlockSize::USIZE;

    fn update(&mut self, data: &[u8]) {
        self.0.update(data);
    }

    fn finish(mut self, out: &mut [u8]) -> Result<(), Error> {
        self.conclude(out)
    }
}

impl<C: BlockCipherEncrypt> Conclude for CbcMac<C> {
    fn conclude(&mut self, out: &mut [u8]) -> Result<(), Error> {
        out.zeroize();
        self.0.close()?;
        truncate(&self.0.chain.state, out)
    }
}

impl<C: BlockCipherEncrypt> fmt::Debug for CbcMac<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CbcMac").finish_non_exhaustive()
    }
}

/// Algorithm 3: single-DES CBC under K, then decipher under K' and encipher under K. MAC of 8 bytes.
#[doc(alias = "X9.19")]
#[doc(alias = "ANSI retail MAC")]
pub struct RetailMac {
    padded: Padded<Des>,
    second: Des,
}

impl RetailMac {
    /// Starts a message under `key` = K || K'.
    ///
    /// # Errors
    /// [`Error::InvalidKeyLength`] unless it has 16 bytes.
    pub fn new(key: &[u8], padding: Padding) -> Result<Self, Error> {
        match key.as_chunks::<8>() {
            ([k, l], []) => Ok(Self {
                padded: Padded::new(Des::new(k), padding),
                second: Des::new(l),
            }),
            _ => Err(Error::InvalidKeyLength),
        }
    }
}

impl Mac for RetailMac {
    const LEN: usize = 8;

    fn update(&mut self, data: &[u8]) {
        self.padded.update(data);
    }

    fn finish(mut self, out: &mut [u8]) -> Result<(), Error> {
        self.conclude(out)
    }
}

impl Conclude for RetailMac {
    fn conclude(&mut self, out: &mut [u8]) -> Result<(), Error> {
        out.zeroize();
        self.padded.close()?;
        let Chain { cipher, state, .. } = &mut self.padded.chain;
        // Output transformation 3, in place: the state is wiped on drop.
        state.0 = cipher.encrypt(self.second.decrypt(state.0));
        truncate(state, out)
    }
}

impl fmt::Debug for RetailMac {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RetailMac").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cipher::{aes::Aes, tdes::Tdes};

    const KEY: [u8; 16] = *b"0123456789ABCDEF";

    fn of<M: Mac>(mut mac: M, parts: &[&[u8]]) -> [u8; 8] {
        for part in parts {
            mac.update(part);
        }
        let mut out = [0; 8];
        mac.finish(&mut out).unwrap();
        out
    }

    #[test]
    fn the_cut_of_the_message_does_not_matter() {
        let message: [u8; 37] = core::array::from_fn(|i| u8::try_from(i).unwrap().wrapping_mul(41));
        for len in 0..=message.len() {
            let message = &message[..len];
            for padding in [
                Padding::Method1,
                Padding::Method2,
                Padding::Method3 { len: len as u64 },
            ] {
                let whole = of(RetailMac::new(&KEY, padding).unwrap(), &[message]);
                let aes = of(CbcMac::new(Aes::new(&KEY).unwrap(), padding), &[message]);
                for cut in 0..=len {
                    let (a, b) = message.split_at(cut);
                    assert_eq!(of(RetailMac::new(&KEY, padding).unwrap(), &[a, &[], b]), whole);
                    assert_eq!(of(CbcMac::new(Aes::new(&KEY).unwrap(), padding), &[a, b]), aes);
                }
            }
        }
    }

    #[test]
    fn an_announced_length_must_come_true() {
        for (len, message) in [(3, &b"ab"[..]), (1, b"ab"), (0, b"a"), (1 << 61, b""), (u64::MAX, b"")] {
            let mut mac = RetailMac::new(&KEY, Padding::Method3 { len }).unwrap();
            mac.update(message);
            let mut out = [0x55; 8];
            assert_eq!(mac.finish(&mut out), Err(Error::InvalidLength));
            assert_eq!(out, [0; 8]);
        }
    }

    #[test]
    fn truncation_has_bounds() {
        for len in [0, 9, 16, 64, 65] {
            let mut out = [0x55; 65];
            let mac = || CbcMac::new(Tdes::new(&KEY).unwrap(), Padding::Method2);
            assert_eq!(mac().finish(&mut out[..len]), Err(Error::InvalidLength));
            assert_eq!(out[..len], [0; 65][..len]);
            assert_eq!(mac().verify(&out[..len]), Err(Error::InvalidLength));
        }
    }

    #[test]
    fn keys_of_other_lengths_are_refused() {
        for len in [0, 8, 15, 17, 24, 32] {
            assert_eq!(
                RetailMac::new(&[1; 32][..len], Padding::Method1).err(),
                Some(Error::InvalidKeyLength)
            );
        }
    }
}
