// SPDX-License-Identifier: MIT OR Apache-2.0
//! Algorithms 2 (EMAC) and 4 (MacDES) over single DES: for vectors and for comparison with old systems.
//!
//! ```text
//! algorithm 2:  MAC = E(K', Hq)
//! algorithm 4:  H1 = E(K'', E(K, D1)),  MAC = E(K', Hq),  K'' = K' with every other nibble inverted
//! ```

use core::cell::Cell;
use core::fmt;

use cipher::{
    Block, BlockCipherEncBackend, BlockCipherEncClosure, BlockCipherEncrypt, BlockSizeUser, InOut, ParBlocksSizeUser,
    consts::{U1, U8},
};
use zeroize::Zeroize;

use super::{Chain, Padded, Padding};
use crate::cipher::tdes::Des;
use crate::error::Error;
use crate::mac::{Mac, truncate};
use crate::secret::Secret;

/// What changes K' into K'' of algorithm 4.
const THIRD_KEY: u8 = 0xF0;

/// The DES of the chain, which enciphers the first block once more under the third key, if there is one.
struct Doubled {
    first: Des,
    third: Option<Des>,
    begun: Cell<bool>,
}

impl BlockSizeUser for Doubled {
    type BlockSize = U8;
}

impl ParBlocksSizeUser for Doubled {
    type ParBlocksSize = U1;
}

impl BlockCipherEncBackend for Doubled {
    fn encrypt_block(&self, mut block: InOut<'_, '_, Block<Self>>) {
        let mut state = self.first.encrypt(block.clone_in().into());
        if !self.begun.replace(true)
            && let Some(third) = &self.third
        {
            state = third.encrypt(state);
        }
        *block.get_out() = state.into();
    }
}

impl BlockCipherEncrypt for Doubled {
    fn encrypt_with_backend(&self, f: impl BlockCipherEncClosure<BlockSize = U8>) {
        f.call(self);
    }
}

/// Algorithm 2 or 4 over single DES. MAC of 8 bytes.
#[doc(alias = "EMAC")]
#[doc(alias = "MacDES")]
pub struct LaboratoryMac {
    padded: Padded<Doubled>,
    second: Des,
}

impl LaboratoryMac {
    /// Starts a message under algorithm 2 with `key` = K || K'.
    ///
    /// # Errors
    /// [`Error::InvalidKeyLength`] unless it has 16 bytes.
    ///
    /// # Source
    /// ISO/IEC 9797-1:2011 7.2; vectors: `vectors/mac.txt`, `iso9797_1_mac`.
    pub fn algorithm_2(key: &[u8], padding: Padding) -> Result<Self, Error> {
        Self::new(key, padding, false)
    }

    /// Starts a message under algorithm 4 with `key` = K || K'. The padded message has two blocks at least.
    ///
    /// # Errors
    /// [`Error::InvalidKeyLength`] unless it has 16 bytes.
    ///
    /// # Source
    /// ISO/IEC 9797-1:2011 7.4; vectors: `vectors/mac.txt`, `iso9797_1_mac`.
    pub fn algorithm_4(key: &[u8], padding: Padding) -> Result<Self, Error> {
        Self::new(key, padding, true)
    }

    fn new(key: &[u8], padding: Padding, doubled: bool) -> Result<Self, Error> {
        let ([first, second], []) = key.as_chunks::<8>() else {
            return Err(Error::InvalidKeyLength);
        };
        let mut third = Secret::<8>::zeroed();
        for (to, from) in third.expose_mut().iter_mut().zip(second) {
            *to = from ^ THIRD_KEY;
        }
        let chain = Doubled {
            first: Des::new(first),
            third: doubled.then(|| Des::new(third.expose())),
            begun: Cell::new(false),
        };
        Ok(Self {
            padded: Padded::new(chain, padding),
            second: Des::new(second),
        })
    }
}

impl Mac for LaboratoryMac {
    const LEN: usize = 8;

    fn update(&mut self, data: &[u8]) {
        self.padded.update(data);
    }

    fn finish(mut self, out: &mut [u8]) -> Result<(), Error> {
        out.zeroize();
        self.padded.close()?;
        let Chain { state, .. } = &mut self.padded.chain;
        state.0 = self.second.encrypt(state.0);
        truncate(state, out)
    }
}

impl fmt::Debug for LaboratoryMac {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LaboratoryMac").finish_non_exhaustive()
    }
}
