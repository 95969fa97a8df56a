// SPDX-License-Identifier: MIT OR Apache-2.0
//! Single DES and two- and three-key TDEA in constant time (FIPS 46-3, SP 800-67).
//!
//! No table is indexed by a secret and nothing branches on one. How that is done at the speed of table code is told,
//! before it is written, at the head of three files:
//!
//! ```text
//! tdes/portable.rs   state layout, IP, E, P, the sixteen rounds
//! tdes/sbox.rs       the eight S-boxes as one polynomial over words
//! tdes/schedule.rs   all sixteen round keys by one bit transposition
//! tdes/word.rs       the machine word under all of it: 32 or 64 bits
//! ```
//!
//! Everything above them goes through the private trait `Engine`.

use core::fmt;

use cipher::{
    Block, BlockCipherDecBackend, BlockCipherDecClosure, BlockCipherDecrypt, BlockCipherEncBackend,
    BlockCipherEncClosure, BlockCipherEncrypt, BlockSizeUser, InOut, ParBlocksSizeUser,
    consts::{U1, U8},
};
use zeroize::{Zeroize, ZeroizeOnDrop};

use crate::error::Error;

mod engine;
#[cfg(any(
    test,
    all(
        not(payhsm_portable),
        not(target_os = "none"),
        any(target_arch = "x86_64", all(target_arch = "aarch64", target_endian = "little"))
    )
))]
mod layout;
mod portable;
mod sbox;
mod schedule;
#[cfg(any(
    test,
    all(
        not(payhsm_portable),
        not(target_os = "none"),
        any(target_arch = "x86_64", all(target_arch = "aarch64", target_endian = "little"))
    )
))]
mod shuffle;
#[cfg(any(
    test,
    all(
        not(payhsm_portable),
        not(target_os = "none"),
        any(target_arch = "x86_64", all(target_arch = "aarch64", target_endian = "little"))
    )
))]
mod standard;
#[cfg(any(test, all(not(payhsm_portable), not(target_os = "none"), target_arch = "x86_64")))]
mod wide;
mod word;

pub use engine::Engine;

/// Block length in bytes.
pub const BLOCK_LEN: usize = 8;

/// One round key: 48 bits in two words, in the layout of the engine that made it.
#[derive(Clone, Copy)]
struct RoundKey([u32; 2]);

impl Zeroize for RoundKey {
    fn zeroize(&mut self) {
        self.0.zeroize();
    }
}

/// The round keys of one DES, in the order in which an encryption uses them.
#[derive(Clone, Copy)]
struct Rounds([RoundKey; 16]);

impl Rounds {
    const EMPTY: Self = Self([RoundKey([0; 2]); 16]);
}

impl Zeroize for Rounds {
    fn zeroize(&mut self) {
        self.0.zeroize();
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Direction {
    Forward,
    Backward,
}

/// Single DES with its key schedule. Legacy by itself; a building block of TDEA and the retail MAC.
pub struct Des {
    rounds: Rounds,
    engine: Engine,
}

impl Des {
    /// Schedules an 8-byte key; parity bits are ignored.
    #[must_use]
    #[inline]
    pub fn new(key: &[u8; 8]) -> Self {
        let mut des = Self {
            rounds: Rounds::EMPTY,
            engine: Engine::chosen(),
        };
        des.engine.schedule(key, &mut des.rounds);
        des
    }

    /// Enciphers one block.
    #[must_use]
    #[inline]
    pub fn encrypt(&self, block: [u8; 8]) -> [u8; 8] {
        self.engine.run(self.chain(), Direction::Forward, block)
    }

    /// Deciphers one block.
    #[must_use]
    #[inline]
    pub fn decrypt(&self, block: [u8; 8]) -> [u8; 8] {
        self.engine.run(self.chain(), Direction::Backward, block)
    }

    fn chain(&self) -> &[Rounds] {
        core::slice::from_ref(&self.rounds)
    }
}

impl Drop for Des {
    fn drop(&mut self) {
        engine::wipe(core::slice::from_mut(&mut self.rounds));
    }
}

impl ZeroizeOnDrop for Des {}

impl fmt::Debug for Des {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Des").finish_non_exhaustive()
    }
}

/// TDEA in EDE order with a key of 8 (single DES), 16 (two-key) or 24 bytes (three-key). The key length is public.
#[doc(alias = "3DES")]
#[doc(alias = "Triple DES")]
pub struct Tdes {
    /// K1, K2 backwards, K3: the three DESes of EDE run in one direction. A single DES stands in the first.
    chain: [Rounds; 3],
    single: bool,
    engine: Engine,
}

impl Tdes {
    /// Schedules `key` of 8, 16 or 24 bytes; parity bits are ignored.
    ///
    /// # Errors
    /// [`Error::InvalidKeyLength`] for any other length.
    #[cfg_attr(target_os = "none", inline(always))]
    pub fn new(key: &[u8]) -> Result<Self, Error> {
        let mut tdes = Self::IDLE;
        tdes.set(key)?;
        Ok(tdes)
    }

    /// A place for a schedule: all zero.
    pub(crate) const IDLE: Self = Self {
        chain: [Rounds::EMPTY; 3],
        single: false,
        engine: Engine::Portable,
    };

    /// Schedules `key` in its place: moved, a schedule takes its length of the stack each time.
    ///
    /// # Errors
    /// As [`new`](Self::new).
    #[cfg_attr(target_os = "none", inline(never))]
    #[cfg_attr(not(target_os = "none"), inline)]
    pub(crate) fn set(&mut self, key: &[u8]) -> Result<(), Error> {
        let engine = Engine::chosen();
        let [first, second, third] = &mut self.chain;
        let (k1, rest) = match key.as_chunks::<8>() {
            ([k1], []) => (k1, None),
            ([k1, k2], []) => (k1, Some((k2, None))),
            ([k1, k2, k3], []) => (k1, Some((k2, Some(k3)))),
            _ => return Err(Error::InvalidKeyLength),
        };
        (self.single, self.engine) = (rest.is_none(), engine);
        engine.schedule(k1, first);
        if let Some((k2, k3)) = rest {
            engine.schedule(k2, second);
            second.0.reverse();
            match k3 {
                Some(k3) => engine.schedule(k3, third),
                None => *third = *first,
            }
        }
        Ok(())
    }

    fn chain(&self) -> &[Rounds] {
        let [first, ..] = &self.chain;
        if self.single {
            core::slice::from_ref(first)
        } else {
            &self.chain
        }
    }

    /// Enciphers one block.
    #[must_use]
    #[inline]
    pub fn encrypt(&self, block: [u8; 8]) -> [u8; 8] {
        self.engine.run(self.chain(), Direction::Forward, block)
    }

    /// Deciphers one block.
    #[must_use]
    #[inline]
    pub fn decrypt(&self, block: [u8; 8]) -> [u8; 8] {
        self.engine.run(self.chain(), Direction::Backward, block)
    }
}

impl Drop for Tdes {
    fn drop(&mut self) {
        engine::wipe(&mut self.chain);
    }
}

impl ZeroizeOnDrop for Tdes {}

impl fmt::Debug for Tdes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tdes").finish_non_exhaustive()
    }
}

macro_rules! block_cipher {
    ($name:ident) => {
        impl $name {
            /// Enciphers blocks that do not depend on each other, `blocks[n]` with `ciphers[n]`: where the engine can, several
            /// in the time of one.
            #[must_use]
            #[inline]
            pub fn encrypt_each<const N: usize>(ciphers: [&Self; N], blocks: [[u8; 8]; N]) -> [[u8; 8]; N] {
                Self::run_each(ciphers, Direction::Forward, blocks)
            }

            /// Deciphers blocks that do not depend on each other, `blocks[n]` with `ciphers[n]`.
            #[must_use]
            #[inline]
            pub fn decrypt_each<const N: usize>(ciphers: [&Self; N], blocks: [[u8; 8]; N]) -> [[u8; 8]; N] {
                Self::run_each(ciphers, Direction::Backward, blocks)
            }

            #[inline(always)]
            fn run_each<const N: usize>(
                ciphers: [&Self; N],
                direction: Direction,
                blocks: [[u8; 8]; N],
            ) -> [[u8; 8]; N] {
                let alike = |a: &Self, b: &Self| a.engine == b.engine && a.chain().len() == b.chain().len();
                match ciphers.first() {
                    Some(first) if ciphers.iter().all(|cipher| alike(first, cipher)) => {
                        first.engine.run_each(ciphers.map(Self::chain), direction, blocks)
                    }
                    _ => {
                        let mut ciphers = ciphers.into_iter();
                        blocks.map(|block| match ciphers.next() {
                            Some(cipher) => cipher.engine.run(cipher.chain(), direction, block),
                            None => block,
                        })
                    }
                }
            }
        }

        impl BlockSizeUser for $name {
            type BlockSize = U8;
        }

        impl ParBlocksSizeUser for $name {
            type ParBlocksSize = U1;
        }

        impl BlockCipherEncBackend for $name {
            fn encrypt_block(&self, mut block: InOut<'_, '_, Block<Self>>) {
                let input = block.clone_in().into();
                *block.get_out() = self.encrypt(input).into();
            }
        }

        impl BlockCipherEncrypt for $name {
            fn encrypt_with_backend(&self, f: impl BlockCipherEncClosure<BlockSize = Self::BlockSize>) {
                f.call(self);
            }
        }

        impl BlockCipherDecBackend for $name {
            fn decrypt_block(&self, mut block: InOut<'_, '_, Block<Self>>) {
                let input = block.clone_in().into();
                *block.get_out() = self.decrypt(input).into();
            }
        }

        impl BlockCipherDecrypt for $name {
            fn decrypt_with_backend(&self, f: impl BlockCipherDecClosure<BlockSize = Self::BlockSize>) {
                f.call(self);
            }
        }
    };
}

block_cipher!(Des);
block_cipher!(Tdes);

#[cfg(test)]
mod tests;
