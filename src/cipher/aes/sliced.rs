// SPDX-License-Identifier: MIT OR Apache-2.0
//! AES for processors without an operating system: bitsliced, one block at a time, one code for all three key lengths.
//!
//! Word *i* of the state has bit *i* of all sixteen bytes, byte *n* in bit *n*. So SubBytes is a circuit of 115 gates over
//! eight words, ShiftRows and MixColumns are rotations of sixteen and of four bits, and nothing is indexed by a secret or
//! branches on one. The whole cipher takes a third of the flash of the `aes` crate's smallest software, which has the
//! rounds once for each key length, and no panic is left in it at any level of optimisation.
//!
//! The constant 63 of the S-box is in the round keys: ShiftRows and MixColumns lead a column of equal bytes to itself, so
//! does their inverse. The inverse S-box is the same circuit between two inverse linear maps.

use core::fmt;

use cipher::{
    Block, BlockCipherDecBackend, BlockCipherDecClosure, BlockCipherDecrypt, BlockCipherEncBackend,
    BlockCipherEncClosure, BlockCipherEncrypt, BlockSizeUser, InOut, ParBlocksSizeUser,
    consts::{U1, U16},
};
use zeroize::{Zeroize, ZeroizeOnDrop};

use crate::error::Error;

/// Sixteen bytes, sliced; sixteen bits of each word are used.
type State = [u32; 8];

/// AES-128, AES-192 or AES-256 with its round keys. The key length is public.
pub struct Aes {
    keys: [[u16; 8]; 15],
    rounds: u8,
}

impl Aes {
    /// Schedules `key` of 16, 24 or 32 bytes.
    ///
    /// # Errors
    /// [`Error::InvalidKeyLength`] for any other length.
    ///
    /// # Source
    /// FIPS 197, 5.2.
    #[inline(always)]
    pub fn new(key: &[u8]) -> Result<Self, Error> {
        let mut aes = Self::IDLE;
        aes.set(key)?;
        Ok(aes)
    }

    /// A place for a schedule: all zero.
    pub(crate) const IDLE: Self = Self {
        keys: [[0; 8]; 15],
        rounds: 0,
    };

    /// Schedules `key` in its place: moved, a schedule takes its length of the stack each time.
    ///
    /// # Errors
    /// As [`new`](Self::new).
    #[inline(never)]
    pub(crate) fn set(&mut self, key: &[u8]) -> Result<(), Error> {
        self.rounds = match key.len() {
            16 => 10,
            24 => 12,
            32 => 14,
            _ => return Err(Error::InvalidKeyLength),
        };
        // The last so many words of the schedule, each in the place of the one that it is made of.
        let mut last = [0_u32; 8];
        for (to, from) in last.iter_mut().zip(key.as_chunks::<4>().0) {
            *to = u32::from_le_bytes(*from);
        }
        self.expand(&mut last, key.len() >> 2);
        last.zeroize();
        Ok(())
    }

    /// `last`: the words of the key, so many as `words` says.
    fn expand(&mut self, last: &mut [u32; 8], words: usize) {
        let (mut at, mut round_constant) = (0_usize, 1_u32);
        let mut before = 0_u32;
        // The first words are the key.
        let mut is_given = true;
        let used = usize::from(self.rounds).wrapping_add(1);
        for (key, round) in self.keys.iter_mut().take(used).zip(0_u32..) {
            let mut four = [0_u32; 4];
            for word in &mut four {
                if at == words {
                    (at, is_given) = (0, false);
                }
                let Some(place) = last.get_mut(at) else { return };
                if !is_given {
                    if at == 0 {
                        before = substitute_word(before.rotate_right(8)) ^ round_constant;
                        round_constant = (round_constant << 1) ^ (0x11B & (round_constant >> 7).wrapping_neg());
                    } else if at == 4 && words == 8 {
                        before = substitute_word(before);
                    }
                    *place ^= before;
                }
                before = *place;
                *word = before;
                at = at.wrapping_add(1);
            }
            let [a, b, c, d] = four;
            let mut state = slice(join(a, b), join(c, d));
            if round != 0 {
                add_63(&mut state);
            }
            for (to, from) in key.iter_mut().zip(state) {
                let [low, high, ..] = from.to_le_bytes();
                *to = u16::from_le_bytes([low, high]);
            }
            state.zeroize();
            four.zeroize();
        }
        before.zeroize();
    }

    /// The round keys, from the first to the last.
    fn keys(&self) -> &[[u16; 8]] {
        self.keys.get(..=usize::from(self.rounds)).unwrap_or(&[])
    }

    /// Enciphers one block.
    #[must_use]
    #[inline(never)]
    pub fn encrypt(&self, block: [u8; 16]) -> [u8; 16] {
        let mut state = slice_block(&block);
        if let [first, middle @ .., last] = self.keys() {
            add_key(&mut state, first);
            for key in middle {
                substitute(&mut state);
                shift_rows(&mut state, [4, 12]);
                mix_columns(&mut state);
                add_key(&mut state, key);
            }
            substitute(&mut state);
            shift_rows(&mut state, [4, 12]);
            add_key(&mut state, last);
        }
        unslice_block(&state)
    }

    /// Deciphers one block.
    #[must_use]
    #[inline(never)]
    pub fn decrypt(&self, block: [u8; 16]) -> [u8; 16] {
        let mut state = slice_block(&block);
        if let [first, middle @ .., last] = self.keys() {
            add_key(&mut state, last);
            for key in middle.iter().rev() {
                shift_rows(&mut state, [12, 4]);
                substitute_back(&mut state);
                add_key(&mut state, key);
                mix_columns_back(&mut state);
            }
            shift_rows(&mut state, [12, 4]);
            substitute_back(&mut state);
            add_key(&mut state, first);
        }
        unslice_block(&state)
    }
}

fn join(low: u32, high: u32) -> u64 {
    u64::from(low) | (u64::from(high) << 32)
}

/// Transposes 8 x 8 bits: bit *i* of byte *n* changes places with bit *n* of byte *i*.
#[inline(never)]
fn transpose(mut x: u64) -> u64 {
    for (distance, mask) in [
        (7, 0x00AA_00AA_00AA_00AA),
        (14, 0x0000_CCCC_0000_CCCC),
        (28, 0x0000_0000_F0F0_F0F0),
    ] {
        let t = (x ^ (x >> distance)) & mask;
        x ^= t ^ (t << distance);
    }
    x
}

/// Bytes 0 to 7 and bytes 8 to 15, little-endian.
fn slice(low: u64, high: u64) -> State {
    let (low, high) = (transpose(low).to_le_bytes(), transpose(high).to_le_bytes());
    let mut state = [0; 8];
    for ((word, low), high) in state.iter_mut().zip(low).zip(high) {
        *word = u32::from(low) | (u32::from(high) << 8);
    }
    state
}

/// The inverse.
fn unslice(state: &State) -> [u64; 2] {
    let (mut low, mut high) = ([0; 8], [0; 8]);
    for ((word, low), high) in state.iter().zip(&mut low).zip(&mut high) {
        [*low, *high, ..] = word.to_le_bytes();
    }
    [low, high].map(|half| transpose(u64::from_le_bytes(half)))
}

fn slice_block(block: &[u8; 16]) -> State {
    let (low, high) = (block.first_chunk().unwrap_or(&[0; 8]), block.last_chunk().unwrap_or(&[0; 8]));
    slice(u64::from_le_bytes(*low), u64::from_le_bytes(*high))
}

fn unslice_block(state: &State) -> [u8; 16] {
    let [low, high] = unslice(state);
    (u128::from(low) | (u128::from(high) << 64)).to_le_bytes()
}

/// SubWord of the key schedule.
fn substitute_word(word: u32) -> u32 {
    let mut state = slice(word.into(), 0);
    substitute(&mut state);
    let [low, _] = unslice(&state);
    state.zeroize();
    let [a, b, c, d, ..] = low.to_le_bytes();
    u32::from_le_bytes([a, b, c, d]) ^ 0x6363_6363
}

fn add_key(state: &mut State, key: &[u16; 8]) {
    for (word, key) in state.iter_mut().zip(key) {
        *word ^= u32::from(*key);
    }
}

/// Adds 63 to every byte.
fn add_63(state: &mut State) {
    let [s0, s1, _, _, _, s5, s6, _] = state;
    for word in [s0, s1, s5, s6] {
        *word ^= 0xFFFF;
    }
}

/// ShiftRows, row *n* by *n* columns; [4, 12] to the left, [12, 4] back.
#[inline(never)]
fn shift_rows(state: &mut State, [first, third]: [u32; 2]) {
    for word in state {
        let x = *word;
        // Sixteen bits that go round.
        let twice = x | (x << 16);
        *word = (x & 0x1111)
            | (twice.wrapping_shr(first) & 0x2222)
            | ((twice >> 8) & 0x4444)
            | (twice.wrapping_shr(third) & 0x8888);
    }
}

/// The byte one row down, of each byte.
const fn down(x: u32) -> u32 {
    ((x >> 1) & 0x7777) | ((x << 3) & 0x8888)
}

/// The byte two rows down, of each byte.
const fn across(x: u32) -> u32 {
    ((x >> 2) & 0x3333) | ((x << 2) & 0xCCCC)
}

/// Multiplies every byte by x.
const fn times_x([x0, x1, x2, x3, x4, x5, x6, x7]: State) -> State {
    [x7, x0 ^ x7, x1, x2 ^ x7, x3 ^ x7, x4, x5, x6]
}

/// MixColumns: 2(a + b) + b + c + d, where b, c, d are the bytes below a.
#[inline(never)]
fn mix_columns(state: &mut State) {
    let mut sum = [0; 8];
    for (sum, word) in sum.iter_mut().zip(&mut *state) {
        let below = down(*word);
        *sum = *word ^ below;
        *word = below ^ across(*sum);
    }
    for (word, twice) in state.iter_mut().zip(times_x(sum)) {
        *word ^= twice;
    }
}

/// Its inverse: a + 4(a + c), and then MixColumns.
fn mix_columns_back(state: &mut State) {
    let four = times_x(times_x(state.map(|word| word ^ across(word))));
    for (word, four) in state.iter_mut().zip(four) {
        *word ^= four;
    }
    mix_columns(state);
}

/// The inverse of the linear part of the S-box.
fn linear_back(state: &mut State) {
    let [x0, x1, x2, x3, x4, x5, x6, x7] = *state;
    *state = [
        x2 ^ x5 ^ x7,
        x3 ^ x6 ^ x0,
        x4 ^ x7 ^ x1,
        x5 ^ x0 ^ x2,
        x6 ^ x1 ^ x3,
        x7 ^ x2 ^ x4,
        x0 ^ x3 ^ x5,
        x1 ^ x4 ^ x6,
    ];
}

/// InvSubBytes of what 63 was added to.
#[inline(never)]
fn substitute_back(state: &mut State) {
    linear_back(state);
    substitute(state);
    linear_back(state);
}

/// SubBytes without its constant.
///
/// # Source
/// J. Boyar, R. Peralta, A depth-16 circuit for the AES S-box, 2011: the names are theirs, U0 and S0 the highest bits.
#[inline(never)]
fn substitute(state: &mut State) {
    let [u7, u6, u5, u4, u3, u2, u1, u0] = *state;

    let y14 = u3 ^ u5;
    let y13 = u0 ^ u6;
    let y9 = u0 ^ u3;
    let y8 = u0 ^ u5;
    let t0 = u1 ^ u2;
    let y1 = t0 ^ u7;
    let y4 = y1 ^ u3;
    let y12 = y13 ^ y14;
    let y2 = y1 ^ u0;
    let y5 = y1 ^ u6;
    let y3 = y5 ^ y8;
    let t1 = u4 ^ y12;
    let y15 = t1 ^ u5;
    let y20 = t1 ^ u1;
    let y6 = y15 ^ u7;
    let y10 = y15 ^ t0;
    let y11 = y20 ^ y9;
    let y7 = u7 ^ y11;
    let y17 = y10 ^ y11;
    let y19 = y10 ^ y8;
    let y16 = t0 ^ y11;
    let y21 = y13 ^ y16;
    let y18 = u0 ^ y16;

    let t2 = y12 & y15;
    let t4 = (y3 & y6) ^ t2;
    let t6 = (y4 & u7) ^ t2;
    let t7 = y13 & y16;
    let t9 = (y5 & y1) ^ t7;
    let t11 = (y2 & y7) ^ t7;
    let t12 = y9 & y11;
    let t14 = (y14 & y17) ^ t12;
    let t16 = (y8 & y10) ^ t12;
    let t21 = t4 ^ t14 ^ y20;
    let t22 = t6 ^ t16 ^ y19;
    let t23 = t9 ^ t14 ^ y21;
    let t24 = t11 ^ t16 ^ y18;

    let t25 = t21 ^ t22;
    let t26 = t21 & t23;
    let t27 = t24 ^ t26;
    let t28 = t25 & t27;
    let t29 = t28 ^ t22;
    let t30 = t23 ^ t24;
    let t31 = t22 ^ t26;
    let t32 = t31 & t30;
    let t33 = t32 ^ t24;
    let t34 = t23 ^ t33;
    let t35 = t27 ^ t33;
    let t36 = t24 & t35;
    let t37 = t36 ^ t34;
    let t38 = t27 ^ t36;
    let t39 = t29 & t38;
    let t40 = t25 ^ t39;
    let t41 = t40 ^ t37;
    let t42 = t29 ^ t33;
    let t43 = t29 ^ t40;
    let t44 = t33 ^ t37;
    let t45 = t42 ^ t41;

    let z0 = t44 & y15;
    let z1 = t37 & y6;
    let z2 = t33 & u7;
    let z3 = t43 & y16;
    let z4 = t40 & y1;
    let z5 = t29 & y7;
    let z6 = t42 & y11;
    let z7 = t45 & y17;
    let z8 = t41 & y10;
    let z9 = t44 & y12;
    let z10 = t37 & y3;
    let z11 = t33 & y4;
    let z12 = t43 & y13;
    let z13 = t40 & y5;
    let z14 = t29 & y2;
    let z15 = t42 & y9;
    let z16 = t45 & y14;
    let z17 = t41 & y8;

    let t46 = z15 ^ z16;
    let t47 = z10 ^ z11;
    let t48 = z5 ^ z13;
    let t49 = z9 ^ z10;
    let t50 = z2 ^ z12;
    let t51 = z2 ^ z5;
    let t52 = z7 ^ z8;
    let t53 = z0 ^ z3;
    let t54 = z6 ^ z7;
    let t55 = z16 ^ z17;
    let t56 = z12 ^ t48;
    let t57 = t50 ^ t53;
    let t58 = z4 ^ t46;
    let t59 = z3 ^ t54;
    let t60 = t46 ^ t57;
    let t61 = z14 ^ t57;
    let t62 = t52 ^ t58;
    let t63 = t49 ^ t58;
    let t64 = z4 ^ t59;
    let t65 = t61 ^ t62;
    let t66 = z1 ^ t63;
    let t67 = t64 ^ t65;

    let s0 = t59 ^ t63;
    let s6 = t56 ^ t62;
    let s7 = t48 ^ t60;
    let s3 = t53 ^ t66;
    let s4 = t51 ^ t66;
    let s5 = t47 ^ t65;
    let s1 = t64 ^ s3;
    let s2 = t55 ^ t67;
    *state = [s7, s6, s5, s4, s3, s2, s1, s0];
}

impl Drop for Aes {
    fn drop(&mut self) {
        self.keys.zeroize();
    }
}

impl ZeroizeOnDrop for Aes {}

impl fmt::Debug for Aes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Aes").finish_non_exhaustive()
    }
}

impl BlockSizeUser for Aes {
    type BlockSize = U16;
}

impl ParBlocksSizeUser for Aes {
    type ParBlocksSize = U1;
}

impl BlockCipherEncBackend for Aes {
    fn encrypt_block(&self, mut block: InOut<'_, '_, Block<Self>>) {
        let input = block.clone_in().into();
        *block.get_out() = self.encrypt(input).into();
    }
}

impl BlockCipherEncrypt for Aes {
    fn encrypt_with_backend(&self, f: impl BlockCipherEncClosure<BlockSize = Self::BlockSize>) {
        f.call(self);
    }
}

impl BlockCipherDecBackend for Aes {
    fn decrypt_block(&self, mut block: InOut<'_, '_, Block<Self>>) {
        let input = block.clone_in().into();
        *block.get_out() = self.decrypt(input).into();
    }
}

impl BlockCipherDecrypt for Aes {
    fn decrypt_with_backend(&self, f: impl BlockCipherDecClosure<BlockSize = Self::BlockSize>) {
        f.call(self);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    use ::aes::cipher::KeyInit;

    fn numbers(seed: u64) -> impl FnMut() -> u8 {
        let mut state = seed;
        move || {
            state = state
                .wrapping_mul(0x5851_F42D_4C95_7F2D)
                .wrapping_add(0x1405_7B7E_F767_814F);
            state.to_be_bytes()[0]
        }
    }

    /// Every value of a byte in every place.
    #[test]
    fn the_circuit_is_the_table_and_its_inverse_undoes_it() {
        // FIPS 197, figure 7: the ends of its rows and what is fixed by hand.
        for (from, to) in [(0x00, 0x63), (0x01, 0x7C), (0x0F, 0x76), (0x53, 0xED), (0xF0, 0x8C), (0xFF, 0x16)] {
            assert_eq!(substitute_word(from), 0x6363_6300 | to);
        }
        let mut seen = [false; 256];
        for byte in 0..=255_u8 {
            let mut state = slice_block(&[byte; 16]);
            substitute(&mut state);
            let [substituted, rest @ ..] = unslice_block(&state);
            assert_eq!(rest, [substituted; 15]);
            assert!(!core::mem::replace(&mut seen[usize::from(substituted)], true));
            substitute_back(&mut state);
            add_63(&mut state);
            // S0 without the constant, and back from what 63 was added to: the constant is what is between.
            let mut again = slice_block(&[byte; 16]);
            substitute(&mut again);
            substitute_back(&mut again);
            add_63(&mut again);
            assert_eq!(state.map(|word| word & 0xFFFF), again.map(|word| word & 0xFFFF));
            let mut state = slice_block(&[byte; 16]);
            substitute(&mut state);
            // InvSubBytes(SubBytes(x)): 63 is added twice.
            substitute_back(&mut state);
            assert_eq!(unslice_block(&state), [byte; 16]);
        }
    }

    /// Against the `aes` crate.
    #[test]
    fn agrees_with_the_crate() {
        let mut next = numbers(7);
        for round in 0..600 {
            let len = [16, 24, 32][round % 3];
            let key: [u8; 32] = core::array::from_fn(|_| next());
            let block: [u8; 16] = core::array::from_fn(|_| next());
            let key = &key[..len];
            let mut theirs: Block<Aes> = block.into();
            let mut back: Block<Aes> = block.into();
            match len {
                16 => {
                    let cipher = ::aes::Aes128::new_from_slice(key).unwrap();
                    cipher.encrypt_block(&mut theirs);
                    cipher.decrypt_block(&mut back);
                }
                24 => {
                    let cipher = ::aes::Aes192::new_from_slice(key).unwrap();
                    cipher.encrypt_block(&mut theirs);
                    cipher.decrypt_block(&mut back);
                }
                _ => {
                    let cipher = ::aes::Aes256::new_from_slice(key).unwrap();
                    cipher.encrypt_block(&mut theirs);
                    cipher.decrypt_block(&mut back);
                }
            }
            let ours = Aes::new(key).unwrap();
            assert_eq!(ours.encrypt(block), <[u8; 16]>::from(theirs));
            assert_eq!(ours.decrypt(block), <[u8; 16]>::from(back));
            let mut through_traits: Block<Aes> = block.into();
            BlockCipherEncrypt::encrypt_block(&ours, &mut through_traits);
            assert_eq!(through_traits, theirs);
            BlockCipherDecrypt::decrypt_block(&ours, &mut through_traits);
            assert_eq!(<[u8; 16]>::from(through_traits), block);
        }
    }

    /// FIPS 197, appendix C.
    #[test]
    #[allow(clippy::cast_possible_truncation)]
    fn published_values() {
        let key: [u8; 32] = core::array::from_fn(|i| i as u8);
        let block: [u8; 16] = core::array::from_fn(|i| (i as u8).wrapping_mul(0x11));
        for (len, enciphered) in [
            (16, 0x69c4_e0d8_6a7b_0430_d8cd_b780_70b4_c55a_u128),
            (24, 0xdda9_7ca4_864c_dfe0_6eaf_70a0_ec0d_7191),
            (32, 0x8ea2_b7ca_5167_45bf_eafc_4990_4b49_6089),
        ] {
            let aes = Aes::new(&key[..len]).unwrap();
            assert_eq!(aes.encrypt(block), enciphered.to_be_bytes());
            assert_eq!(aes.decrypt(enciphered.to_be_bytes()), block);
        }
    }

    #[test]
    fn other_lengths_are_refused() {
        for len in (0..40).filter(|len| ![16, 24, 32].contains(len)) {
            assert_eq!(Aes::new(&[7; 40][..len]).err(), Some(Error::InvalidKeyLength));
        }
    }
}
