// SPDX-License-Identifier: MIT OR Apache-2.0
//! Single DES and two- and three-key TDEA in constant time (FIPS 46-3, SP 800-67).

use core::fmt;

use cipher::{
    Block, BlockCipherDecBackend, BlockCipherDecClosure, BlockCipherDecrypt, BlockCipherEncBackend,
    BlockCipherEncClosure, BlockCipherEncrypt, BlockSizeUser, InOut, ParBlocksSizeUser,
    consts::{U1, U8},
};
use zeroize::{Zeroize, ZeroizeOnDrop};

use crate::error::Error;

/// Block length in bytes.
pub const BLOCK_LEN: usize = 8;

const IP: [u8; 64] = [58, 50, 42, 34, 26, 18, 10, 2, 60, 52, 44, 36, 28, 20, 12, 4, 62, 54, 46, 38, 30, 22, 14, 6, 64, 56, 48, 40, 32, 24, 16, 8, 57, 49, 41, 33, 25, 17, 9, 1, 59, 51, 43, 35, 27, 19, 11, 3, 61, 53, 45, 37, 29, 21, 13, 5, 63, 55, 47, 39, 31, 23, 15, 7];
const FP: [u8; 64] = [40, 8, 48, 16, 56, 24, 64, 32, 39, 7, 47, 15, 55, 23, 63, 31, 38, 6, 46, 14, 54, 22, 62, 30, 37, 5, 45, 13, 53, 21, 61, 29, 36, 4, 44, 12, 52, 20, 60, 28, 35, 3, 43, 11, 51, 19, 59, 27, 34, 2, 42, 10, 50, 18, 58, 26, 33, 1, 41, 9, 49, 17, 57, 25];
const E: [u8; 48] = [32, 1, 2, 3, 4, 5, 4, 5, 6, 7, 8, 9, 8, 9, 10, 11, 12, 13, 12, 13, 14, 15, 16, 17, 16, 17, 18, 19, 20, 21, 20, 21, 22, 23, 24, 25, 24, 25, 26, 27, 28, 29, 28, 29, 30, 31, 32, 1];
const P: [u8; 32] = [16, 7, 20, 21, 29, 12, 28, 17, 1, 15, 23, 26, 5, 18, 31, 10, 2, 8, 24, 14, 32, 27, 3, 9, 19, 13, 30, 6, 22, 11, 4, 25];
const PC1: [u8; 56] = [57, 49, 41, 33, 25, 17, 9, 1, 58, 50, 42, 34, 26, 18, 10, 2, 59, 51, 43, 35, 27, 19, 11, 3, 60, 52, 44, 36, 63, 55, 47, 39, 31, 23, 15, 7, 62, 54, 46, 38, 30, 22, 14, 6, 61, 53, 45, 37, 29, 21, 13, 5, 28, 20, 12, 4];
const PC2: [u8; 48] = [14, 17, 11, 24, 1, 5, 3, 28, 15, 6, 21, 10, 23, 19, 12, 4, 26, 8, 16, 7, 27, 20, 13, 2, 41, 52, 31, 37, 47, 55, 30, 40, 51, 45, 33, 48, 44, 49, 39, 56, 34, 53, 46, 42, 50, 36, 29, 32];
const ROTATIONS: [u32; 16] = [1, 1, 2, 2, 2, 2, 2, 2, 1, 2, 2, 2, 2, 2, 2, 1];
const S: [[u8; 64]; 8] = [
    [14, 4, 13, 1, 2, 15, 11, 8, 3, 10, 6, 12, 5, 9, 0, 7, 0, 15, 7, 4, 14, 2, 13, 1, 10, 6, 12, 11, 9, 5, 3, 8, 4, 1, 14, 8, 13, 6, 2, 11, 15, 12, 9, 7, 3, 10, 5, 0, 15, 12, 8, 2, 4, 9, 1, 7, 5, 11, 3, 14, 10, 0, 6, 13],
    [15, 1, 8, 14, 6, 11, 3, 4, 9, 7, 2, 13, 12, 0, 5, 10, 3, 13, 4, 7, 15, 2, 8, 14, 12, 0, 1, 10, 6, 9, 11, 5, 0, 14, 7, 11, 10, 4, 13, 1, 5, 8, 12, 6, 9, 3, 2, 15, 13, 8, 10, 1, 3, 15, 4, 2, 11, 6, 7, 12, 0, 5, 14, 9],
    [10, 0, 9, 14, 6, 3, 15, 5, 1, 13, 12, 7, 11, 4, 2, 8, 13, 7, 0, 9, 3, 4, 6, 10, 2, 8, 5, 14, 12, 11, 15, 1, 13, 6, 4, 9, 8, 15, 3, 0, 11, 1, 2, 12, 5, 10, 14, 7, 1, 10, 13, 0, 6, 9, 8, 7, 4, 15, 14, 3, 11, 5, 2, 12],
    [7, 13, 14, 3, 0, 6, 9, 10, 1, 2, 8, 5, 11, 12, 4, 15, 13, 8, 11, 5, 6, 15, 0, 3, 4, 7, 2, 12, 1, 10, 14, 9, 10, 6, 9, 0, 12, 11, 7, 13, 15, 1, 3, 14, 5, 2, 8, 4, 3, 15, 0, 6, 10, 1, 13, 8, 9, 4, 5, 11, 12, 7, 2, 14],
    [2, 12, 4, 1, 7, 10, 11, 6, 8, 5, 3, 15, 13, 0, 14, 9, 14, 11, 2, 12, 4, 7, 13, 1, 5, 0, 15, 10, 3, 9, 8, 6, 4, 2, 1, 11, 10, 13, 7, 8, 15, 9, 12, 5, 6, 3, 0, 14, 11, 8, 12, 7, 1, 14, 2, 13, 6, 15, 0, 9, 10, 4, 5, 3],
    [12, 1, 10, 15, 9, 2, 6, 8, 0, 13, 3, 4, 14, 7, 5, 11, 10, 15, 4, 2, 7, 12, 9, 5, 6, 1, 13, 14, 0, 11, 3, 8, 9, 14, 15, 5, 2, 8, 12, 3, 7, 0, 4, 10, 1, 13, 11, 6, 4, 3, 2, 12, 9, 5, 15, 10, 11, 14, 1, 7, 6, 0, 8, 13],
    [4, 11, 2, 14, 15, 0, 8, 13, 3, 12, 9, 7, 5, 10, 6, 1, 13, 0, 11, 7, 4, 9, 1, 10, 14, 3, 5, 12, 2, 15, 8, 6, 1, 4, 11, 13, 12, 3, 7, 14, 10, 15, 6, 8, 0, 5, 9, 2, 6, 11, 13, 8, 1, 4, 10, 7, 9, 5, 0, 15, 14, 2, 3, 12],
    [13, 2, 8, 4, 6, 15, 11, 1, 10, 9, 3, 14, 5, 0, 12, 7, 1, 15, 13, 8, 10, 3, 7, 4, 12, 5, 6, 11, 0, 14, 9, 2, 7, 11, 4, 1, 9, 12, 14, 2, 0, 6, 10, 13, 15, 3, 5, 8, 2, 1, 14, 7, 4, 10, 8, 13, 15, 12, 9, 0, 3, 5, 6, 11],
];

fn permute(x: u64, width: u32, table: &[u8]) -> u64 {
    table.iter().fold(0, |acc, &i| (acc << 1) | ((x >> (width - u32::from(i))) & 1))
}

fn sbox(table: &[u8; 64], six: u64) -> u64 {
    let index = ((six & 0x20) | ((six & 1) << 4) | ((six >> 1) & 15)) as u8;
    let mut out = 0;
    for (i, &v) in table.iter().enumerate() {
        out |= v & crate::ct::mask_eq(i as u8, index);
    }
    u64::from(out)
}

fn f(r: u64, k: u64) -> u64 {
    let x = permute(r, 32, &E) ^ k;
    let mut y = 0;
    for (i, table) in S.iter().enumerate() {
        y = (y << 4) | sbox(table, (x >> (42 - 6 * i)) & 63);
    }
    permute(y, 32, &P)
}

/// Single DES with its key schedule. Legacy by itself; a building block of TDEA and the retail MAC.
pub struct Des {
    rounds: [u64; 16],
}

impl Des {
    /// Schedules an 8-byte key; parity bits are ignored.
    #[must_use]
    pub fn new(key: &[u8; 8]) -> Self {
        let cd = permute(u64::from_be_bytes(*key), 64, &PC1);
        let (mut c, mut d) = (cd >> 28, cd & 0x0FFF_FFFF);
        let mut rounds = [0; 16];
        for (round, n) in rounds.iter_mut().zip(ROTATIONS) {
            c = ((c << n) | (c >> (28 - n))) & 0x0FFF_FFFF;
            d = ((d << n) | (d >> (28 - n))) & 0x0FFF_FFFF;
            *round = permute((c << 28) | d, 56, &PC2);
        }
        Self { rounds }
    }

    fn run(&self, block: u64, backwards: bool) -> u64 {
        let x = permute(block, 64, &IP);
        let (mut l, mut r) = (x >> 32, x & 0xFFFF_FFFF);
        for i in 0..16 {
            let k = self.rounds[if backwards { 15 - i } else { i }];
            (l, r) = (r, l ^ f(r, k));
        }
        permute((r << 32) | l, 64, &FP)
    }

    /// Enciphers one block.
    #[must_use]
    pub fn encrypt(&self, block: [u8; 8]) -> [u8; 8] {
        self.run(u64::from_be_bytes(block), false).to_be_bytes()
    }

    /// Deciphers one block.
    #[must_use]
    pub fn decrypt(&self, block: [u8; 8]) -> [u8; 8] {
        self.run(u64::from_be_bytes(block), true).to_be_bytes()
    }
}

impl Drop for Des {
    fn drop(&mut self) {
        self.rounds.zeroize();
    }
}

impl ZeroizeOnDrop for Des {}

impl fmt::Debug for Des {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Des").finish_non_exhaustive()
    }
}

/// TDEA in EDE order with a key of 8 (single DES), 16 (two-key) or 24 bytes (three-key). The key length is public.
pub struct Tdes {
    k1: Des,
    k2: Des,
    k3: Des,
}

impl Tdes {
    /// Schedules `key` of 8, 16 or 24 bytes; parity bits are ignored.
    ///
    /// # Errors
    /// [`Error::InvalidKeyLength`] for any other length.
    pub fn new(key: &[u8]) -> Result<Self, Error> {
        let (parts, _) = key.as_chunks::<8>();
        let (k1, k2, k3) = match (parts, key.len()) {
            ([k], 8) => (k, k, k),
            ([k, l], 16) => (k, l, k),
            ([k, l, m], 24) => (k, l, m),
            _ => return Err(Error::InvalidKeyLength),
        };
        Ok(Self {
            k1: Des::new(k1),
            k2: Des::new(k2),
            k3: Des::new(k3),
        })
    }

    /// Enciphers one block.
    #[must_use]
    pub fn encrypt(&self, block: [u8; 8]) -> [u8; 8] {
        self.k3.encrypt(self.k2.decrypt(self.k1.encrypt(block)))
    }

    /// Deciphers one block.
    #[must_use]
    pub fn decrypt(&self, block: [u8; 8]) -> [u8; 8] {
        self.k1.decrypt(self.k2.encrypt(self.k3.decrypt(block)))
    }
}

impl fmt::Debug for Tdes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tdes").finish_non_exhaustive()
    }
}

impl ZeroizeOnDrop for Tdes {}

macro_rules! block_cipher {
    ($name:ident) => {
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
