// SPDX-License-Identifier: MIT OR Apache-2.0
//! The instructions of x86-64.

use core::arch::x86_64::*;

use super::{AesEngine, Interleaved, LANES, Lanes, MOST_ROUND_KEYS};

/// A register of one or two blocks. Every method is for code that is inlined into the functions of [`engine!`] and so is
/// compiled with the instructions that it needs: they are the only way to one.
trait Vector: Copy {
    /// Registers of all lanes.
    const COUNT: usize;
    /// Every block of a register the same.
    fn splat(block: [u8; 16]) -> Self;
    /// The register at `index`.
    fn load(from: &Lanes, index: usize) -> Self;
    fn store(self, to: &mut Lanes, index: usize);
    fn xor(self, other: Self) -> Self;
    /// Bytes of each block by their numbers.
    fn shuffle(self, order: Self) -> Self;
    /// Each block so many bytes up, zeros below.
    fn up4(self) -> Self;
    fn up8(self) -> Self;
    /// The lower halves of both.
    fn lower(self, other: Self) -> Self;
    /// The upper half of this, the lower half of the other.
    fn middle(self, other: Self) -> Self;
    fn round(self, key: Self) -> Self;
    fn last(self, key: Self) -> Self;
    fn inverse(self, key: Self) -> Self;
    fn inverse_last(self, key: Self) -> Self;
}

/// Word 3 in all words, its bytes one place on: RotWord.
const ROTATED: [u8; 16] = [13, 14, 15, 12, 13, 14, 15, 12, 13, 14, 15, 12, 13, 14, 15, 12];
/// Word 3 in all words.
const THIRD: [u8; 16] = [12, 13, 14, 15, 12, 13, 14, 15, 12, 13, 14, 15, 12, 13, 14, 15];
/// Word 1 in all words, rotated.
const FIRST_ROTATED: [u8; 16] = [5, 6, 7, 4, 5, 6, 7, 4, 5, 6, 7, 4, 5, 6, 7, 4];

/// The round constants, in the first byte of every word.
const fn constant(value: u8) -> [u8; 16] {
    [value, 0, 0, 0, value, 0, 0, 0, value, 0, 0, 0, value, 0, 0, 0]
}

const CONSTANTS: [[u8; 16]; 10] = [
    constant(0x01),
    constant(0x02),
    constant(0x04),
    constant(0x08),
    constant(0x10),
    constant(0x20),
    constant(0x40),
    constant(0x80),
    constant(0x1B),
    constant(0x36),
];

/// Each word with all before it.
#[inline(always)]
fn sums<V: Vector>(words: V) -> V {
    let words = words.xor(words.up4());
    words.xor(words.up8())
}

/// SubWord of the word that `order` puts into all places, and the constant: equal columns do not see ShiftRows.
#[inline(always)]
fn substituted<V: Vector>(words: V, order: V, constant: V) -> V {
    words.shuffle(order).last(constant)
}

/// FIPS 197 5.2 in all lanes.
#[inline(always)]
fn expand<V: Vector>(key_len: usize, left: &Lanes, right: &Lanes, keys: &mut [Lanes; MOST_ROUND_KEYS]) {
    match key_len {
        16 => expand_128::<V>(left, keys),
        24 => expand_192::<V>(left, right, keys),
        _ => expand_256::<V>(left, right, keys),
    }
}

#[inline(always)]
fn expand_128<V: Vector>(left: &Lanes, keys: &mut [Lanes; MOST_ROUND_KEYS]) {
    let order = V::splat(ROTATED);
    let [first, rest @ ..] = keys;
    let mut words = [V::splat([0; 16]); LANES];
    for (index, words) in words.iter_mut().take(V::COUNT).enumerate() {
        *words = V::load(left, index);
        words.store(first, index);
    }
    for (key, constant) in rest.iter_mut().zip(CONSTANTS) {
        let constant = V::splat(constant);
        for (index, words) in words.iter_mut().take(V::COUNT).enumerate() {
            *words = sums(*words).xor(substituted(*words, order, constant));
            words.store(key, index);
        }
    }
}

#[inline(always)]
fn expand_192<V: Vector>(left: &Lanes, right: &Lanes, keys: &mut [Lanes; MOST_ROUND_KEYS]) {
    let (order, third) = (V::splat(FIRST_ROTATED), V::splat(THIRD));
    for index in 0..V::COUNT {
        // Six words at a time: four, and two in the lower half.
        let (mut four, mut two) = (V::load(left, index), V::load(right, index));
        let mut keys = keys.iter_mut();
        for (step, constant) in CONSTANTS.into_iter().enumerate().take(8) {
            let next = sums(four).xor(substituted(two, order, V::splat(constant)));
            let next_two = two.xor(two.up4()).xor(next.shuffle(third));
            // Three round keys of two times six words.
            if step & 1 == 0 {
                for key in [four, two.lower(next), next.middle(next_two)] {
                    if let Some(to) = keys.next() {
                        key.store(to, index);
                    }
                }
            }
            (four, two) = (next, next_two);
        }
        if let Some(to) = keys.next() {
            four.store(to, index);
        }
    }
}

#[inline(always)]
fn expand_256<V: Vector>(left: &Lanes, right: &Lanes, keys: &mut [Lanes; MOST_ROUND_KEYS]) {
    let (rotated, third, zero) = (V::splat(ROTATED), V::splat(THIRD), V::splat([0; 16]));
    for index in 0..V::COUNT {
        let (mut one, mut other) = (V::load(left, index), V::load(right, index));
        let (pairs, last) = keys.as_chunks_mut::<2>();
        for ([even, odd], constant) in pairs.iter_mut().zip(CONSTANTS) {
            one.store(even, index);
            other.store(odd, index);
            one = sums(one).xor(substituted(other, rotated, V::splat(constant)));
            other = sums(other).xor(substituted(one, third, zero));
        }
        for key in last {
            one.store(key, index);
        }
    }
}

/// FIPS 197 5.3.5: the round keys in the middle through InvMixColumns.
#[inline(always)]
fn turn<V: Vector>(keys: &mut [Lanes]) {
    let zero = V::splat([0; 16]);
    let [_, middle @ .., _] = keys else { return };
    for key in middle {
        for index in 0..V::COUNT {
            // The last round does what the inverse one undoes, but for MixColumns.
            V::load(key, index).last(zero).inverse(zero).store(key, index);
        }
    }
}

#[inline(always)]
fn encrypt<V: Vector>(keys: &[Lanes], blocks: &mut Lanes) {
    let [first, middle @ .., last] = keys else { return };
    let mut state = [V::splat([0; 16]); LANES];
    for (index, state) in state.iter_mut().take(V::COUNT).enumerate() {
        *state = V::load(blocks, index).xor(V::load(first, index));
    }
    for key in middle {
        for (index, state) in state.iter_mut().take(V::COUNT).enumerate() {
            *state = state.round(V::load(key, index));
        }
    }
    for (index, state) in state.iter_mut().take(V::COUNT).enumerate() {
        state.last(V::load(last, index)).store(blocks, index);
    }
}

#[inline(always)]
fn decrypt<V: Vector>(keys: &[Lanes], blocks: &mut Lanes) {
    // Backward.
    let [last, middle @ .., first] = keys else { return };
    let mut state = [V::splat([0; 16]); LANES];
    for (index, state) in state.iter_mut().take(V::COUNT).enumerate() {
        *state = V::load(blocks, index).xor(V::load(first, index));
    }
    for key in middle.iter().rev() {
        for (index, state) in state.iter_mut().take(V::COUNT).enumerate() {
            *state = state.inverse(V::load(key, index));
        }
    }
    for (index, state) in state.iter_mut().take(V::COUNT).enumerate() {
        state.inverse_last(V::load(last, index)).store(blocks, index);
    }
}

macro_rules! vector {
    (
        $name:ident($register:ty), $blocks:literal, $count:literal, $splat:expr, $load:ident, $store:ident, $xor:ident, $shuffle:ident,
        $up:ident, $lower:ident, $align:ident, $round:ident, $last:ident, $inverse:ident, $inverse_last:ident
    ) => {
        #[derive(Clone, Copy)]
        #[repr(transparent)]
        struct $name($register);

        // SAFETY, for the whole of it: a value of this type exists only inside the functions of `engine!`, which are
        // called where the processor has the instructions.
        impl Vector for $name {
            const COUNT: usize = $count;
            #[inline(always)]
            fn splat(block: [u8; 16]) -> Self {
                // SAFETY: see above; 16 bytes are read from an array of 16.
                Self(unsafe { $splat(_mm_loadu_si128(block.as_ptr().cast())) })
            }
            #[inline(always)]
            fn load(from: &Lanes, index: usize) -> Self {
                let (blocks, _) = from.0.as_chunks::<$blocks>();
                match blocks.get(index) {
                    // SAFETY: see above; the register has the size of the array, and alignment is not asked for.
                    Some(blocks) => Self(unsafe { $load(blocks.as_ptr().cast()) }),
                    None => Self::splat([0; 16]),
                }
            }
            #[inline(always)]
            fn store(self, to: &mut Lanes, index: usize) {
                let (blocks, _) = to.0.as_chunks_mut::<$blocks>();
                if let Some(blocks) = blocks.get_mut(index) {
                    // SAFETY: likewise.
                    unsafe { $store(blocks.as_mut_ptr().cast(), self.0) };
                }
            }
            #[inline(always)]
            fn xor(self, other: Self) -> Self {
                // SAFETY: see above.
                Self(unsafe { $xor(self.0, other.0) })
            }
            #[inline(always)]
            fn shuffle(self, order: Self) -> Self {
                // SAFETY: see above.
                Self(unsafe { $shuffle(self.0, order.0) })
            }
            #[inline(always)]
            fn up4(self) -> Self {
                // SAFETY: see above.
                Self(unsafe { $up::<4>(self.0) })
            }
            #[inline(always)]
            fn up8(self) -> Self {
                // SAFETY: see above.
                Self(unsafe { $up::<8>(self.0) })
            }
            #[inline(always)]
            fn lower(self, other: Self) -> Self {
                // SAFETY: see above.
                Self(unsafe { $lower(self.0, other.0) })
            }
            #[inline(always)]
            fn middle(self, other: Self) -> Self {
                // SAFETY: see above.
                Self(unsafe { $align::<8>(other.0, self.0) })
            }
            #[inline(always)]
            fn round(self, key: Self) -> Self {
                // SAFETY: see above.
                Self(unsafe { $round(self.0, key.0) })
            }
            #[inline(always)]
            fn last(self, key: Self) -> Self {
                // SAFETY: see above.
                Self(unsafe { $last(self.0, key.0) })
            }
            #[inline(always)]
            fn inverse(self, key: Self) -> Self {
                // SAFETY: see above.
                Self(unsafe { $inverse(self.0, key.0) })
            }
            #[inline(always)]
            fn inverse_last(self, key: Self) -> Self {
                // SAFETY: see above.
                Self(unsafe { $inverse_last(self.0, key.0) })
            }
        }
    };
}

vector!(
    Xmm(__m128i), 1, 8, core::convert::identity, _mm_loadu_si128, _mm_storeu_si128, _mm_xor_si128, _mm_shuffle_epi8,
    _mm_slli_si128, _mm_unpacklo_epi64, _mm_alignr_epi8, _mm_aesenc_si128, _mm_aesenclast_si128, _mm_aesdec_si128,
    _mm_aesdeclast_si128
);
vector!(
    Ymm(__m256i), 2, 4, _mm256_broadcastsi128_si256, _mm256_loadu_si256, _mm256_storeu_si256, _mm256_xor_si256,
    _mm256_shuffle_epi8, _mm256_slli_si256, _mm256_unpacklo_epi64, _mm256_alignr_epi8, _mm256_aesenc_epi128,
    _mm256_aesenclast_epi128, _mm256_aesdec_epi128, _mm256_aesdeclast_epi128
);

macro_rules! engine {
    ($name:ident, $vector:ident, $features:literal) => {
        /// What runs with one set of instructions, each once.
        mod $name {
            use super::{Lanes, MOST_ROUND_KEYS};

            #[target_feature(enable = $features)]
            pub(super) fn expand(len: usize, left: &Lanes, right: &Lanes, keys: &mut [Lanes; MOST_ROUND_KEYS]) {
                super::expand::<super::$vector>(len, left, right, keys);
            }
            #[target_feature(enable = $features)]
            pub(super) fn turn(keys: &mut [Lanes]) {
                super::turn::<super::$vector>(keys);
            }
            #[target_feature(enable = $features)]
            pub(super) fn encrypt(keys: &[Lanes], blocks: &mut Lanes) {
                super::encrypt::<super::$vector>(keys, blocks);
            }
            #[target_feature(enable = $features)]
            pub(super) fn decrypt(keys: &[Lanes], blocks: &mut Lanes) {
                super::decrypt::<super::$vector>(keys, blocks);
            }
        }
    };
}

engine!(aesni, Xmm, "aes,ssse3");
engine!(vaes, Ymm, "aes,vaes,avx2");

impl Interleaved {
    pub(super) fn expand(self, len: usize, left: &Lanes, right: &Lanes, keys: &mut [Lanes; MOST_ROUND_KEYS]) {
        match self.0 {
            // SAFETY: a value of this type says that the processor has the instructions.
            AesEngine::Vaes => unsafe { vaes::expand(len, left, right, keys) },
            // SAFETY: likewise.
            _ => unsafe { aesni::expand(len, left, right, keys) },
        }
    }

    pub(super) fn turn(self, keys: &mut [Lanes]) {
        match self.0 {
            // SAFETY: see above.
            AesEngine::Vaes => unsafe { vaes::turn(keys) },
            // SAFETY: see above.
            _ => unsafe { aesni::turn(keys) },
        }
    }

    pub(super) fn encrypt(self, keys: &[Lanes], blocks: &mut Lanes) {
        match self.0 {
            // SAFETY: see above.
            AesEngine::Vaes => unsafe { vaes::encrypt(keys, blocks) },
            // SAFETY: see above.
            _ => unsafe { aesni::encrypt(keys, blocks) },
        }
    }

    pub(super) fn decrypt(self, keys: &[Lanes], blocks: &mut Lanes) {
        match self.0 {
            // SAFETY: see above.
            AesEngine::Vaes => unsafe { vaes::decrypt(keys, blocks) },
            // SAFETY: see above.
            _ => unsafe { aesni::decrypt(keys, blocks) },
        }
    }
}
