// SPDX-License-Identifier: MIT OR Apache-2.0
//! The vectors of x86-64: 16 bytes, or 32 as two lanes, both in the encoding of AVX2.
//!
//! The methods are inlined into the two entries at the end, which have the processor's feature and are the only way in.

#![allow(unsafe_code)]

use core::arch::{asm, x86_64 as arch};

use super::super::layout::{Bytes, Keys};
use super::super::{Direction, Rounds};
use super::{KEYS, Lanes, Vector, expand, run};

/// One lane.
#[derive(Clone, Copy)]
struct One(arch::__m128i);

/// Two lanes.
#[derive(Clone, Copy)]
struct Two(arch::__m256i);

/// An instruction of AVX2 (or of what it includes).
macro_rules! avx2 {
    ($name:ident($($argument:expr),*)) => {
        // SAFETY: works on values, or reads the whole of a reference; only the entries below lead here, and they are
        // called on processors with AVX2.
        unsafe { arch::$name($($argument),*) }
    };
    ($name:ident::<$constant:tt>($($argument:expr),*)) => {
        // SAFETY: as above.
        unsafe { arch::$name::<$constant>($($argument),*) }
    };
}

#[inline(always)]
fn load(bytes: &'static Bytes) -> arch::__m128i {
    avx2!(_mm_loadu_si128(bytes.as_ptr().cast()))
}

#[inline(always)]
fn interleave(even: u64, odd: u64) -> arch::__m128i {
    let even = avx2!(_mm_cvtsi64_si128(even.cast_signed()));
    let odd = avx2!(_mm_cvtsi64_si128(odd.cast_signed()));
    avx2!(_mm_unpacklo_epi8(even, odd))
}

/// The bytes of even and of odd index.
#[inline(always)]
fn deinterleave(lane: arch::__m128i) -> [u64; 2] {
    static EVEN_ODD: Bytes = [0, 2, 4, 6, 8, 10, 12, 14, 1, 3, 5, 7, 9, 11, 13, 15];
    let order = load(&EVEN_ODD);
    words(avx2!(_mm_shuffle_epi8(lane, order)))
}

#[inline(always)]
fn words(lane: arch::__m128i) -> [u64; 2] {
    [
        avx2!(_mm_cvtsi128_si64(lane)).cast_unsigned(),
        avx2!(_mm_extract_epi64::<1>(lane)).cast_unsigned(),
    ]
}

#[inline]
#[target_feature(enable = "avx2")]
fn fixed_xmm(mut register: arch::__m128i) -> arch::__m128i {
    // SAFETY: no instruction.
    unsafe { asm!("/* {0} */", inout(xmm_reg) register, options(pure, nomem, nostack, preserves_flags)) };
    register
}

#[inline]
#[target_feature(enable = "avx2")]
fn fixed_ymm(mut register: arch::__m256i) -> arch::__m256i {
    // SAFETY: no instruction.
    unsafe { asm!("/* {0} */", inout(ymm_reg) register, options(pure, nomem, nostack, preserves_flags)) };
    register
}

impl Vector for One {
    #[inline(always)]
    fn constant(bytes: &'static Bytes) -> Self {
        Self(load(bytes))
    }

    #[inline(always)]
    fn splat(byte: u8) -> Self {
        Self(avx2!(_mm_set1_epi8(byte.cast_signed())))
    }

    #[inline(always)]
    fn gather([a, b, ..]: [u64; 4]) -> Self {
        Self(interleave(a, b))
    }

    #[inline(always)]
    fn scatter(self) -> [u64; 4] {
        let [a, b] = deinterleave(self.0);
        [a, b, 0, 0]
    }

    #[inline(always)]
    fn xor(self, other: Self) -> Self {
        Self(avx2!(_mm_xor_si128(self.0, other.0)))
    }

    #[inline(always)]
    fn and(self, other: Self) -> Self {
        Self(avx2!(_mm_and_si128(self.0, other.0)))
    }

    #[inline(always)]
    fn equal(self, other: Self) -> Self {
        Self(avx2!(_mm_cmpeq_epi8(self.0, other.0)))
    }

    #[inline(always)]
    fn shuffle(self, index: Self) -> Self {
        Self(avx2!(_mm_shuffle_epi8(self.0, index.0)))
    }

    #[inline(always)]
    fn select(self, other: Self, mask: Self) -> Self {
        Self(avx2!(_mm_blendv_epi8(self.0, other.0, mask.0)))
    }

    #[inline(always)]
    fn blend<const WORDS: i32>(self, other: Self) -> Self {
        Self(avx2!(_mm_blend_epi16::<WORDS>(self.0, other.0)))
    }

    #[inline(always)]
    fn right4(self) -> Self {
        Self(avx2!(_mm_srli_epi16::<4>(self.0)))
    }

    #[inline(always)]
    fn left4(self) -> Self {
        Self(avx2!(_mm_slli_epi16::<4>(self.0)))
    }

    #[inline(always)]
    fn fixed(self) -> Self {
        // SAFETY: no instruction; as above.
        Self(unsafe { fixed_xmm(self.0) })
    }
}

impl Two {
    #[inline(always)]
    fn lanes(self) -> [arch::__m128i; 2] {
        [
            avx2!(_mm256_castsi256_si128(self.0)),
            avx2!(_mm256_extracti128_si256::<1>(self.0)),
        ]
    }
}

impl Vector for Two {
    #[inline(always)]
    fn constant(bytes: &'static Bytes) -> Self {
        let lane = load(bytes);
        Self(avx2!(_mm256_broadcastsi128_si256(lane)))
    }

    #[inline(always)]
    fn splat(byte: u8) -> Self {
        Self(avx2!(_mm256_set1_epi8(byte.cast_signed())))
    }

    #[inline(always)]
    fn gather([a, b, c, d]: [u64; 4]) -> Self {
        let (low, high) = (interleave(a, b), interleave(c, d));
        Self(avx2!(_mm256_set_m128i(high, low)))
    }

    #[inline(always)]
    fn scatter(self) -> [u64; 4] {
        let [low, high] = self.lanes();
        let ([a, b], [c, d]) = (deinterleave(low), deinterleave(high));
        [a, b, c, d]
    }

    #[inline(always)]
    fn xor(self, other: Self) -> Self {
        Self(avx2!(_mm256_xor_si256(self.0, other.0)))
    }

    #[inline(always)]
    fn and(self, other: Self) -> Self {
        Self(avx2!(_mm256_and_si256(self.0, other.0)))
    }

    #[inline(always)]
    fn equal(self, other: Self) -> Self {
        Self(avx2!(_mm256_cmpeq_epi8(self.0, other.0)))
    }

    #[inline(always)]
    fn shuffle(self, index: Self) -> Self {
        Self(avx2!(_mm256_shuffle_epi8(self.0, index.0)))
    }

    #[inline(always)]
    fn select(self, other: Self, mask: Self) -> Self {
        Self(avx2!(_mm256_blendv_epi8(self.0, other.0, mask.0)))
    }

    #[inline(always)]
    fn blend<const WORDS: i32>(self, other: Self) -> Self {
        Self(avx2!(_mm256_blend_epi16::<WORDS>(self.0, other.0)))
    }

    #[inline(always)]
    fn right4(self) -> Self {
        Self(avx2!(_mm256_srli_epi16::<4>(self.0)))
    }

    #[inline(always)]
    fn left4(self) -> Self {
        Self(avx2!(_mm256_slli_epi16::<4>(self.0)))
    }

    #[inline(always)]
    fn fixed(self) -> Self {
        // SAFETY: no instruction; as above.
        Self(unsafe { fixed_ymm(self.0) })
    }
}

impl Lanes for Two {
    #[inline(always)]
    fn words(lanes: [[u32; 4]; 2]) -> Self {
        let [low, high] = lanes.map(|[a, b, c, d]| {
            let [a, b, c, d] = [a, b, c, d].map(u64::from);
            [(a | (b << 32)).cast_signed(), (c | (d << 32)).cast_signed()]
        });
        let ([a, b], [c, d]) = (low, high);
        Self(avx2!(_mm256_set_epi64x(d, c, b, a)))
    }

    #[inline(always)]
    fn cut(self, factor: Self, other: Self, other_factor: Self) -> Self {
        let low = avx2!(_mm256_mullo_epi16(self.0, factor.0));
        let low = avx2!(_mm256_srli_epi16::<8>(low));
        let high = avx2!(_mm256_mullo_epi16(other.0, other_factor.0));
        let high = avx2!(_mm256_srli_epi16::<8>(high));
        Self(avx2!(_mm256_packus_epi16(low, high)))
    }

    #[inline(always)]
    fn right<const N: i32>(self) -> Self {
        Self(avx2!(_mm256_srli_epi64::<N>(self.0)))
    }

    #[inline(always)]
    fn left<const N: i32>(self) -> Self {
        Self(avx2!(_mm256_slli_epi64::<N>(self.0)))
    }

    #[inline(always)]
    fn low(self, other: Self) -> Self {
        Self(avx2!(_mm256_unpacklo_epi64(self.0, other.0)))
    }

    #[inline(always)]
    fn high(self, other: Self) -> Self {
        Self(avx2!(_mm256_unpackhi_epi64(self.0, other.0)))
    }

    #[inline(always)]
    fn halves(self) -> [[u64; 2]; 2] {
        let [low, high] = self.lanes();
        [words(low), words(high)]
    }
}

/// Computes the round keys of `key`.
#[target_feature(enable = "avx2")]
pub(in super::super) fn schedule(key: &[u8; 8], rounds: &mut Rounds) {
    expand::<Two>(&KEYS, key, rounds);
}

/// Computes the round keys of `key` in another layout.
#[inline]
#[target_feature(enable = "avx2")]
pub(in super::super) fn schedule_for(keys: &'static Keys, key: &[u8; 8], rounds: &mut Rounds) {
    expand::<Two>(keys, key, rounds);
}

/// Runs one block.
#[target_feature(enable = "avx2")]
pub(in super::super) fn run1(chains: [&[Rounds]; 1], direction: Direction, blocks: [[u8; 8]; 1]) -> [[u8; 8]; 1] {
    run::<One, 1>(chains, direction, blocks)
}

/// Runs two blocks.
#[target_feature(enable = "avx2")]
pub(in super::super) fn run2(chains: [&[Rounds]; 2], direction: Direction, blocks: [[u8; 8]; 2]) -> [[u8; 8]; 2] {
    run::<One, 2>(chains, direction, blocks)
}

/// Runs four blocks.
#[target_feature(enable = "avx2")]
pub(in super::super) fn run4(chains: [&[Rounds]; 4], direction: Direction, blocks: [[u8; 8]; 4]) -> [[u8; 8]; 4] {
    run::<Two, 4>(chains, direction, blocks)
}

/// Runs eight blocks.
#[target_feature(enable = "avx2")]
pub(in super::super) fn run8(chains: [&[Rounds]; 8], direction: Direction, blocks: [[u8; 8]; 8]) -> [[u8; 8]; 8] {
    let ([a, b, c, d, w @ ..], [e, f, g, h, x @ ..]) = (chains, blocks);
    let [a, b, c, d] = run4([a, b, c, d], direction, [e, f, g, h]);
    let [e, f, g, h] = run4(w, direction, x);
    [a, b, c, d, e, f, g, h]
}
