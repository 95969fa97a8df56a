// SPDX-License-Identifier: MIT OR Apache-2.0
//! ISO/IEC 9797-1 algorithms 1 (CBC-MAC) and 3 (retail MAC, ANSI X9.19) with padding methods 1 to 3.

use core::fmt;

use cipher::{Block, BlockCipherEncrypt, typenum::Unsigned};
use zeroize::Zeroize;

use crate::cipher::tdes::Des;
use crate::error::Error;
use crate::mac::{Mac, truncate};

/// Padding methods of ISO/IEC 9797-1 clause 6.3.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Padding {
    /// Zeros to a whole block; none if already aligned; an empty message is one zero block.
    Method1,
    /// One byte 80, then zeros to a whole block.
    Method2,
    /// The message's length in bits as a first block, then as method 1. The length in bytes is announced.
    Method3 {
        /// Message length in bytes.
        len: u64,
    },
}

/// The CBC chain that all algorithms here share.
struct Chain<C: BlockCipherEncrypt> {
    cipher: C,
    state: Block<C>,
    /// Bytes xored into `state` since the last encryption; a full block is kept until more comes.
    pos: usize,
    total: u64,
    padding: Padding,
}

impl<C: BlockCipherEncrypt> Chain<C> {
    fn new(cipher: C, padding: Padding) -> Self {
        let mut chain = Self {
            cipher,
            state: Block::<C>::default(),
            pos: 0,
            total: 0,
            padding,
        };
        if let Padding::Method3 { len } = padding {
            let bits = len.wrapping_mul(8).to_be_bytes();
            for (to, from) in chain.state.iter_mut().rev().zip(bits.iter().rev()) {
                *to = *from;
            }
            chain.pos = C::BlockSize::USIZE;
        }
        chain
    }

    fn update(&mut self, data: &[u8]) {
        let mut rest = data;
        while !rest.is_empty() {
            if self.pos >= C::BlockSize::USIZE {
                self.cipher.encrypt_block(&mut self.state);
                self.pos = 0;
            }
            let mut taken = 0_usize;
            for (to, from) in self.state.iter_mut().skip(self.pos).zip(rest) {
                *to ^= from;
                taken = taken.wrapping_add(1);
            }
            self.pos = self.pos.wrapping_add(taken);
            rest = rest.get(taken..).unwrap_or(&[]);
        }
        self.total = self.total.wrapping_add(data.len() as u64);
    }

    /// Pads, and encrypts the last block. Leaves the result in `state`.
    fn close(&mut self) -> Result<(), Error> {
        match self.padding {
            Padding::Method1 => {}
            Padding::Method2 => self.update(&[0x80]),
            Padding::Method3 { len } if len == self.total => {
                if len == 0 {
                    self.update(&[0]);
                }
            }
            Padding::Method3 { .. } => return Err(Error::InvalidLength),
        }
        self.cipher.encrypt_block(&mut self.state);
        Ok(())
    }
}

impl<C: BlockCipherEncrypt> Drop for Chain<C> {
    fn drop(&mut self) {
        self.state.zeroize();
    }
}

/// Algorithm 1: CBC-MAC without output transformation.
pub struct CbcMac<C: BlockCipherEncrypt>(Chain<C>);

impl<C: BlockCipherEncrypt> CbcMac<C> {
    /// Starts a message.
    #[must_use]
    pub fn new(cipher: C, padding: Padding) -> Self {
        Self(Chain::new(cipher, padding))
    }
}

impl<C: BlockCipherEncrypt> Mac for CbcMac<C> {
    const LEN: usize = C::BlockSize::USIZE;

    fn update(&mut self, data: &[u8]) {
        self.0.update(data);
    }

    fn finish(mut self, out: &mut [u8]) -> Result<(), Error> {
        match self.0.close() {
            Ok(()) => truncate(&self.0.state, out),
            Err(e) => {
                out.fill(0);
                Err(e)
            }
        }
    }
}

impl<C: BlockCipherEncrypt> fmt::Debug for CbcMac<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CbcMac").finish_non_exhaustive()
    }
}

/// Algorithm 3: single-DES CBC under K, then decipher under K' and encipher under K.
#[doc(alias = "X9.19")]
#[doc(alias = "ANSI retail MAC")]
pub struct RetailMac {
    chain: Chain<Des>,
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
                chain: Chain::new(Des::new(k), padding),
                second: Des::new(l),
            }),
            _ => Err(Error::InvalidKeyLength),
        }
    }
}

impl Mac for RetailMac {
    const LEN: usize = 8;

    fn update(&mut self, data: &[u8]) {
        self.chain.update(data);
    }

    fn finish(mut self, out: &mut [u8]) -> Result<(), Error> {
        if let Err(e) = self.chain.close() {
            out.fill(0);
            return Err(e);
        }
        let last: [u8; 8] = self.chain.state.into();
        let mut full = self.chain.cipher.encrypt(self.second.decrypt(last));
        let result = truncate(&full, out);
        full.zeroize();
        result
    }
}

impl fmt::Debug for RetailMac {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RetailMac").finish_non_exhaustive()
    }
}
