// SPDX-License-Identifier: MIT OR Apache-2.0
//! CMAC (SP 800-38B; ISO/IEC 9797-1:2011 algorithm 5) over TDEA and AES.
//!
//! The subkeys K1 and K2 come from doubling in the field, whose reduction hangs on a secret bit: it is a mask here. They
//! exist only while the last block is made, and are wiped.

use core::fmt;

use cipher::{Block, BlockCipherEncrypt};
use zeroize::Zeroize;

use super::chain::Chain;
use crate::cipher::{aes::AesEncrypt, tdes::Tdes};
use crate::ct;
use crate::error::Error;
use crate::mac::{Conclude, Mac, truncate};

/// SP 800-38B 6.2, steps 4 to 6. `reduction` is R_b of 5.3. Leaves the MAC in the chain's state.
fn close<C: BlockCipherEncrypt>(chain: &mut Chain<C>, reduction: u8) {
    let mut subkey = Block::<C>::default();
    chain.cipher.encrypt_block(&mut subkey);
    double(&mut subkey, reduction);
    if !chain.is_whole() {
        double(&mut subkey, reduction);
        chain.update(&[0x80]);
    }
    for (to, from) in chain.state.iter_mut().zip(&subkey) {
        *to ^= from;
    }
    subkey.zeroize();
    chain.encrypt();
}

/// Multiplies by x: one bit to the left, and the reduction if a bit falls out.
fn double(block: &mut [u8], reduction: u8) {
    let mut carry = 0;
    for byte in block.iter_mut().rev() {
        let out = *byte >> 7;
        *byte = (*byte << 1) | carry;
        carry = out;
    }
    if let Some(last) = block.last_mut() {
        *last ^= ct::mask_bit(carry) & reduction;
    }
}

macro_rules! cmac {
    ($(#[$doc:meta])* $name:ident, $cipher:ident, $len:literal, $reduction:literal) => {
        $(#[$doc])*
        pub struct $name(Chain<$cipher>);

        impl $name {
            /// Starts a message under `key`.
            ///
            /// # Errors
            /// [`Error::InvalidKeyLength`].
            #[cfg_attr(target_os = "none", inline(always))]
            pub fn new(key: &[u8]) -> Result<Self, Error> {
                Ok(Self(Chain::new($cipher::new(key)?)))
            }

            /// The leftmost bytes of the MAC of a message in parts. It has its frame, and its place in flash, once.
            #[cfg_attr(target_os = "none", inline(never))]
            pub(crate) fn once(key: &[u8], parts: &[&[u8]], out: &mut [u8]) -> Result<(), Error> {
                #[cfg(target_os = "none")]
                let mut mac = Self(Chain::new($cipher::IDLE));
                #[cfg(target_os = "none")]
                mac.0.cipher.set(key)?;
                #[cfg(not(target_os = "none"))]
                let mut mac = Self(Chain::new($cipher::new(key)?));
                for part in parts {
                    mac.update(part);
                }
                mac.conclude(out)
            }
        }

        impl Mac for $name {
            const LEN: usize = $len;

            fn update(&mut self, data: &[u8]) {
                self.0.update(data);
            }

            fn finish(mut self, out: &mut [u8]) -> Result<(), Error> {
                self.conclude(out)
            }
        }

        impl Conclude for $name {
            fn conclude(&mut self, out: &mut [u8]) -> Result<(), Error> {
                close(&mut self.0, $reduction);
                truncate(&self.0.state, out)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.debug_struct(stringify!($name)).finish_non_exhaustive()
            }
        }
    };
}

cmac! {
    /// AES-CMAC; keys of 16, 24 or 32 bytes, MAC of 16.
    CmacAes, AesEncrypt, 16, 0x87
}
cmac! {
    /// TDEA-CMAC; keys of 16 or 24 bytes (8: legacy), MAC of 8.
    CmacTdes, Tdes, 8, 0x1B
}

#[cfg(test)]
mod tests {
    use super::*;
    use ::cmac::{KeyInit as _, Mac as _};

    /// Against the crate `cmac`, for messages around one and two blocks, in one piece and byte by byte.
    #[test]
    #[allow(clippy::cast_possible_truncation)]
    fn agrees_with_the_oracle() {
        let message: [u8; 40] = core::array::from_fn(|i| (i as u8).wrapping_mul(7));
        for seed in 0..16_u8 {
            let key: [u8; 24] = core::array::from_fn(|i| (i as u8).wrapping_mul(29) ^ seed.wrapping_mul(67));
            for len in 0..=message.len() {
                let message = &message[..len];

                let mut ours = [0; 16];
                let mut mac = CmacAes::new(&key[..16]).unwrap();
                mac.update(message);
                mac.finish(&mut ours).unwrap();
                let mut oracle = ::cmac::Cmac::<::aes::Aes128>::new_from_slice(&key[..16]).unwrap();
                oracle.update(message);
                assert_eq!(ours[..], oracle.finalize().into_bytes()[..]);

                let mut ours = [0; 8];
                let mut mac = CmacTdes::new(&key).unwrap();
                for byte in message {
                    mac.update(&[*byte]);
                }
                mac.finish(&mut ours).unwrap();
                let mut oracle = ::cmac::Cmac::<des::TdesEde3>::new_from_slice(&key).unwrap();
                oracle.update(message);
                assert_eq!(ours[..], oracle.finalize().into_bytes()[..]);
            }
        }
    }
}
