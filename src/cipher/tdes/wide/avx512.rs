// SPDX-License-Identifier: MIT OR Apache-2.0
//! The vector of AVX-512 with VBMI.
//!
//! The methods are inlined into the entries at the end, which have the processor's features and are the only way in.

#![allow(unsafe_code)]

use core::arch::{asm, x86_64 as arch};

use super::super::layout::Bytes;
use super::super::shuffle::x86 as avx2;
use super::super::{Direction, Rounds};
use super::{KEYS, Wide, run};

#[derive(Clone, Copy)]
struct Zmm(arch::__m512i);

/// An instruction of AVX-512 F, BW or VBMI.
macro_rules! avx512 {
    ($name:ident($($argument:expr),*)) => {
        // SAFETY: works on values, or reads the whole of a reference; only the entries below lead here, and they are
        // called on processors with these features.
        unsafe { arch::$name($($argument),*) }
    };
    ($name:ident::<$constant:tt>($($argument:expr),*)) => {
        // SAFETY: as above.
        unsafe { arch::$name::<$constant>($($argument),*) }
    };
}

#[inline(always)]
fn load(table: &'static [u8; 64]) -> arch::__m512i {
    avx512!(_mm512_loadu_si512(table.as_ptr().cast()))
}

#[inline]
#[target_feature(enable = "avx512f")]
fn fixed_zmm(mut register: arch::__m512i) -> arch::__m512i {
    // SAFETY: no instruction.
    unsafe { asm!("/* {0} */", inout(zmm_reg) register, options(pure, nomem, nostack, preserves_flags)) };
    register
}

impl Wide for Zmm {
    #[inline(always)]
    fn constant(bytes: &'static Bytes) -> Self {
        let lane = avx512!(_mm_loadu_si128(bytes.as_ptr().cast()));
        Self(avx512!(_mm512_broadcast_i32x4(lane)))
    }

    #[inline(always)]
    fn zero() -> Self {
        Self(avx512!(_mm512_setzero_si512()))
    }

    #[inline(always)]
    fn gather(blocks: [u64; 8]) -> Self {
        let [a, b, c, d, e, f, g, h] = blocks.map(u64::cast_signed);
        Self(avx512!(_mm512_set_epi64(h, g, f, e, d, c, b, a)))
    }

    #[inline(always)]
    fn scatter(self) -> [u64; 8] {
        // SAFETY: 64 bytes are eight words of 8 bytes, and each value of them is one.
        unsafe { core::mem::transmute(self.0) }
    }

    #[inline(always)]
    fn xor(self, other: Self) -> Self {
        Self(avx512!(_mm512_xor_si512(self.0, other.0)))
    }

    #[inline(always)]
    fn xor3(self, second: Self, third: Self) -> Self {
        Self(avx512!(_mm512_ternarylogic_epi64::<0x96>(self.0, second.0, third.0)))
    }

    #[inline(always)]
    fn add(self, bits: Self, mask: Self) -> Self {
        Self(avx512!(_mm512_ternarylogic_epi64::<0x78>(self.0, bits.0, mask.0)))
    }

    #[inline(always)]
    fn or(self, other: Self) -> Self {
        Self(avx512!(_mm512_or_si512(self.0, other.0)))
    }

    #[inline(always)]
    fn or3(self, second: Self, third: Self) -> Self {
        Self(avx512!(_mm512_ternarylogic_epi64::<0xFE>(self.0, second.0, third.0)))
    }

    #[inline(always)]
    fn found(self, mask: Self, set: Self) -> Self {
        let bytes = avx512!(_mm512_test_epi8_mask(self.0, mask.0));
        Self(avx512!(_mm512_maskz_mov_epi8(bytes, set.0)))
    }

    #[inline(always)]
    fn shuffle(self, index: Self) -> Self {
        Self(avx512!(_mm512_shuffle_epi8(self.0, index.0)))
    }

    #[inline(always)]
    fn select(self, other: Self, mask: Self) -> Self {
        Self(avx512!(_mm512_ternarylogic_epi64::<0xCA>(mask.0, other.0, self.0)))
    }

    #[inline(always)]
    fn look_up(self, low: &'static [u8; 64], high: &'static [u8; 64]) -> Self {
        let (low, high) = (load(low), load(high));
        Self(avx512!(_mm512_permutex2var_epi8(low, self.0, high)))
    }

    #[inline(always)]
    fn fixed(self) -> Self {
        // SAFETY: no instruction; as above.
        Self(unsafe { fixed_zmm(self.0) })
    }
}

macro_rules! entry {
    ($name:ident, $blocks:literal) => {
        /// Runs as many blocks as the name says.
        #[target_feature(enable = "avx512f,avx512bw,avx512vbmi")]
        pub(in super::super) fn $name(
            chains: [&[Rounds]; $blocks],
            direction: Direction,
            blocks: [[u8; 8]; $blocks],
        ) -> [[u8; 8]; $blocks] {
            run::<Zmm, $blocks>(chains, direction, blocks)
        }
    };
}

entry!(run1, 1);
entry!(run2, 2);
entry!(run4, 4);
entry!(run8, 8);

/// Computes the round keys of `key`.
#[target_feature(enable = "avx2")]
pub(in super::super) fn schedule(key: &[u8; 8], rounds: &mut Rounds) {
    avx2::schedule_for(&KEYS, key, rounds);
}
