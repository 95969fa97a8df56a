// SPDX-License-Identifier: MIT OR Apache-2.0
//! The machine word of the portable engine.
//!
//! A word holds one or two copies of a 32-bit state, so a rotation of the whole word by `n` rotates each copy by `n`.
//! The second copy of a 64-bit word is not idle: the S-boxes evaluate half of their polynomial in each.

use core::hint::black_box;
use core::ops::{BitAnd, BitOr, BitXor};

use super::portable::{NIBBLES, P};
use super::sbox;

pub(super) trait Word:
    Copy + BitAnd<Output = Self> + BitOr<Output = Self> + BitXor<Output = Self> + 'static
{
    /// `word` in every copy.
    fn splat(word: u32) -> Self;

    /// The 32 bits that every copy holds.
    fn narrow(self) -> u32;

    fn rotate_right(self, n: u32) -> Self;

    /// Shifts the whole word; bits that cross into the other half are the caller's to mask.
    fn left(self, n: u32) -> Self;

    /// Shifts the whole word; bits that cross into the other half are the caller's to mask.
    fn right(self, n: u32) -> Self;

    /// Spreads the lowest bit of each nibble over the nibble; the other bits must be zero.
    fn fill_nibbles(self) -> Self;

    /// What a round reads from memory.
    const CONSTANTS: &'static Self::Constants;
    type Constants: 'static;

    /// The lowest bit of each nibble.
    fn nibbles(constants: &Self::Constants) -> Self;

    /// The masks of the permutation P.
    fn masks(constants: &Self::Constants) -> [Self; 6];

    /// All eight S-boxes: `x[k]` holds input bit `k` of S-box `i` in all four lanes of that S-box.
    ///
    /// `constants` comes back as an address that the compiler does not know, so that nothing is read before its time.
    fn sboxes(constants: &mut &'static Self::Constants, x: [Self; 6]) -> Self;

    /// Applies `f`, which treats all bytes alike, to the first and to the second words: both at once where they fit.
    fn for_both(words: [[u32; 2]; 4], f: impl Fn([Self; 4]) -> [[Self; 8]; 2]) -> [[[u32; 8]; 2]; 2];
}

impl Word for u32 {
    const CONSTANTS: &'static Self::Constants = &sbox::CONSTANTS_32;
    type Constants = sbox::Constants32;

    #[inline(always)]
    fn nibbles(constants: &Self::Constants) -> Self {
        constants.nibbles
    }

    #[inline(always)]
    fn masks(constants: &Self::Constants) -> [Self; 6] {
        constants.masks
    }

    #[inline(always)]
    fn splat(word: u32) -> Self {
        word
    }

    #[inline(always)]
    fn narrow(self) -> u32 {
        self
    }

    #[inline(always)]
    fn rotate_right(self, n: u32) -> Self {
        self.rotate_right(n)
    }

    #[inline(always)]
    fn left(self, n: u32) -> Self {
        self.wrapping_shl(n)
    }

    #[inline(always)]
    fn right(self, n: u32) -> Self {
        self.wrapping_shr(n)
    }

    #[inline(always)]
    fn fill_nibbles(self) -> Self {
        // 16 t - t = 15 t, nibble by nibble without a carry.
        (self << 4).wrapping_sub(self)
    }

    #[inline(always)]
    fn sboxes(constants: &mut &'static Self::Constants, x: [Self; 6]) -> Self {
        sbox::evaluate32(constants, x)
    }

    #[inline(always)]
    fn for_both(words: [[u32; 2]; 4], f: impl Fn([Self; 4]) -> [[Self; 8]; 2]) -> [[[u32; 8]; 2]; 2] {
        [f(words.map(|[first, _]| first)), f(words.map(|[_, second]| second))]
    }
}

impl Word for u64 {
    const CONSTANTS: &'static Self::Constants = &sbox::COEFFICIENTS_64;
    type Constants = [[Self; 2]; 15];

    #[inline(always)]
    fn nibbles(_: &Self::Constants) -> Self {
        Self::splat(NIBBLES)
    }

    #[inline(always)]
    fn masks(_: &Self::Constants) -> [Self; 6] {
        P.map(|(mask, _)| Self::splat(mask))
    }

    #[inline(always)]
    fn splat(word: u32) -> Self {
        Self::from(word) | (Self::from(word) << 32)
    }

    #[inline(always)]
    fn narrow(self) -> u32 {
        let [a, b, c, d, ..] = self.to_le_bytes();
        u32::from_le_bytes([a, b, c, d])
    }

    #[inline(always)]
    fn rotate_right(self, n: u32) -> Self {
        self.rotate_right(n)
    }

    #[inline(always)]
    fn left(self, n: u32) -> Self {
        self.wrapping_shl(n)
    }

    #[inline(always)]
    fn right(self, n: u32) -> Self {
        self.wrapping_shr(n)
    }

    #[inline(always)]
    fn fill_nibbles(self) -> Self {
        (self << 4).wrapping_sub(self)
    }

    #[inline(always)]
    fn sboxes(constants: &mut &'static Self::Constants, x: [Self; 6]) -> Self {
        *constants = black_box(constants);
        sbox::evaluate64(constants, x)
    }

    #[inline(always)]
    fn for_both(words: [[u32; 2]; 4], f: impl Fn([Self; 4]) -> [[Self; 8]; 2]) -> [[[u32; 8]; 2]; 2] {
        let both = f(words.map(|[first, second]| Self::from(first) | (Self::from(second) << 32)));
        [
            both.map(|keys| keys.map(Word::narrow)),
            both.map(|keys| keys.map(|word| (word >> 32).narrow())),
        ]
    }
}
