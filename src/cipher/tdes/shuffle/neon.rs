// SPDX-License-Identifier: MIT OR Apache-2.0
//! The vectors of aarch64: 16 bytes, and two of them for two lanes. NEON is part of every such processor.

#![allow(unsafe_code)]

use core::arch::{aarch64 as arch, asm};

use super::super::layout::Bytes;
use super::super::{Direction, Rounds};
use super::{KEYS, Lanes, Vector, expand, run};

/// One lane.
#[derive(Clone, Copy)]
struct One(arch::uint8x16_t);

/// Two lanes.
#[derive(Clone, Copy)]
struct Two(One, One);

/// An instruction of NEON.
macro_rules! neon {
    ($name:ident($($argument:expr),*)) => {
        // SAFETY: works on values, or reads the whole of a reference; every processor of this architecture has it.
        unsafe { arch::$name($($argument),*) }
    };
    ($name:ident::<$constant:tt>($($argument:expr),*)) => {
        // SAFETY: as above.
        unsafe { arch::$name::<$constant>($($argument),*) }
    };
}

/// The bytes of the 16-bit words whose bit is set.
const fn words(bits: i32) -> Bytes {
    let mut bytes = 0;
    let mut n = 0;
    while n < 8 {
        if bits >> n & 1 == 1 {
            bytes |= 0xFFFF << (16 * n);
        }
        n += 1;
    }
    u128::to_le_bytes(bytes)
}

#[inline(always)]
fn from_u64(word: arch::uint64x2_t) -> One {
    One(neon!(vreinterpretq_u8_u64(word)))
}

#[inline(always)]
fn from_u16(word: arch::uint16x8_t) -> One {
    One(neon!(vreinterpretq_u8_u16(word)))
}

impl One {
    #[inline(always)]
    fn u64s(self) -> arch::uint64x2_t {
        neon!(vreinterpretq_u64_u8(self.0))
    }

    #[inline(always)]
    fn u16s(self) -> arch::uint16x8_t {
        neon!(vreinterpretq_u16_u8(self.0))
    }

    #[inline(always)]
    fn pair([low, high]: [u64; 2]) -> Self {
        let (low, high) = (neon!(vcreate_u64(low)), neon!(vcreate_u64(high)));
        from_u64(neon!(vcombine_u64(low, high)))
    }

    #[inline(always)]
    fn halves(self) -> [u64; 2] {
        let words = self.u64s();
        [neon!(vgetq_lane_u64::<0>(words)), neon!(vgetq_lane_u64::<1>(words))]
    }

    #[inline(always)]
    fn product(self, factor: Self) -> arch::uint8x16_t {
        let (lives, factor) = (self.u16s(), factor.u16s());
        from_u16(neon!(vmulq_u16(lives, factor))).0
    }
}

impl Vector for One {
    #[inline(always)]
    fn constant(bytes: &'static Bytes) -> Self {
        Self(neon!(vld1q_u8(bytes.as_ptr())))
    }

    #[inline(always)]
    fn splat(byte: u8) -> Self {
        Self(neon!(vdupq_n_u8(byte)))
    }

    #[inline(always)]
    fn gather([a, b, ..]: [u64; 4]) -> Self {
        let (a, b) = (Self::pair([a, 0]), Self::pair([b, 0]));
        Self(neon!(vzip1q_u8(a.0, b.0)))
    }

    #[inline(always)]
    fn scatter(self) -> [u64; 4] {
        let even = Self(neon!(vuzp1q_u8(self.0, self.0)));
        let odd = Self(neon!(vuzp2q_u8(self.0, self.0)));
        let ([a, _], [b, _]) = (even.halves(), odd.halves());
        [a, b, 0, 0]
    }

    #[inline(always)]
    fn xor(self, other: Self) -> Self {
        Self(neon!(veorq_u8(self.0, other.0)))
    }

    #[inline(always)]
    fn and(self, other: Self) -> Self {
        Self(neon!(vandq_u8(self.0, other.0)))
    }

    #[inline(always)]
    fn equal(self, other: Self) -> Self {
        Self(neon!(vceqq_u8(self.0, other.0)))
    }

    #[inline(always)]
    fn shuffle(self, index: Self) -> Self {
        Self(neon!(vqtbl1q_u8(self.0, index.0)))
    }

    #[inline(always)]
    fn index(self) -> Self {
        self.and(Self::splat(15))
    }

    #[inline(always)]
    fn select(self, other: Self, mask: Self) -> Self {
        Self(neon!(vbslq_u8(mask.0, other.0, self.0)))
    }

    #[inline(always)]
    fn blend<const WORDS: i32>(self, other: Self) -> Self {
        self.select(other, Self::constant(const { &words(WORDS) }))
    }

    #[inline(always)]
    fn right4(self) -> Self {
        let words = self.u16s();
        from_u16(neon!(vshrq_n_u16::<4>(words)))
    }

    #[inline(always)]
    fn left4(self) -> Self {
        let words = self.u16s();
        from_u16(neon!(vshlq_n_u16::<4>(words)))
    }

    #[inline(always)]
    fn fixed(mut self) -> Self {
        // SAFETY: no instruction.
        unsafe { asm!("/* {0:v} */", inout(vreg) self.0, options(pure, nomem, nostack, preserves_flags)) };
        self
    }
}

impl Vector for Two {
    #[inline(always)]
    fn constant(bytes: &'static Bytes) -> Self {
        Self(One::constant(bytes), One::constant(bytes))
    }

    #[inline(always)]
    fn splat(byte: u8) -> Self {
        Self(One::splat(byte), One::splat(byte))
    }

    #[inline(always)]
    fn gather([a, b, c, d]: [u64; 4]) -> Self {
        Self(One::gather([a, b, 0, 0]), One::gather([c, d, 0, 0]))
    }

    #[inline(always)]
    fn scatter(self) -> [u64; 4] {
        let ([a, b, ..], [c, d, ..]) = (self.0.scatter(), self.1.scatter());
        [a, b, c, d]
    }

    #[inline(always)]
    fn xor(self, other: Self) -> Self {
        Self(self.0.xor(other.0), self.1.xor(other.1))
    }

    #[inline(always)]
    fn and(self, other: Self) -> Self {
        Self(self.0.and(other.0), self.1.and(other.1))
    }

    #[inline(always)]
    fn equal(self, other: Self) -> Self {
        Self(self.0.equal(other.0), self.1.equal(other.1))
    }

    #[inline(always)]
    fn shuffle(self, index: Self) -> Self {
        Self(self.0.shuffle(index.0), self.1.shuffle(index.1))
    }

    #[inline(always)]
    fn index(self) -> Self {
        Self(self.0.index(), self.1.index())
    }

    #[inline(always)]
    fn select(self, other: Self, mask: Self) -> Self {
        Self(self.0.select(other.0, mask.0), self.1.select(other.1, mask.1))
    }

    #[inline(always)]
    fn blend<const WORDS: i32>(self, other: Self) -> Self {
        Self(self.0.blend::<WORDS>(other.0), self.1.blend::<WORDS>(other.1))
    }

    #[inline(always)]
    fn right4(self) -> Self {
        Self(self.0.right4(), self.1.right4())
    }

    #[inline(always)]
    fn left4(self) -> Self {
        Self(self.0.left4(), self.1.left4())
    }

    #[inline(always)]
    fn fixed(self) -> Self {
        Self(self.0.fixed(), self.1.fixed())
    }
}

impl Lanes for Two {
    #[inline(always)]
    fn words(lanes: [[u32; 4]; 2]) -> Self {
        let [low, high] = lanes.map(|[a, b, c, d]| {
            let [a, b, c, d] = [a, b, c, d].map(u64::from);
            [a | (b << 32), c | (d << 32)]
        });
        Self(One::pair(low), One::pair(high))
    }

    #[inline(always)]
    fn cut(self, factor: Self, other: Self, other_factor: Self) -> Self {
        let (a, b) = (self.0.product(factor.0), other.0.product(other_factor.0));
        let (c, d) = (self.1.product(factor.1), other.1.product(other_factor.1));
        Self(One(neon!(vuzp2q_u8(a, b))), One(neon!(vuzp2q_u8(c, d))))
    }

    #[inline(always)]
    fn right<const N: i32>(self) -> Self {
        let (a, b) = (self.0.u64s(), self.1.u64s());
        Self(from_u64(neon!(vshrq_n_u64::<N>(a))), from_u64(neon!(vshrq_n_u64::<N>(b))))
    }

    #[inline(always)]
    fn left<const N: i32>(self) -> Self {
        let (a, b) = (self.0.u64s(), self.1.u64s());
        Self(from_u64(neon!(vshlq_n_u64::<N>(a))), from_u64(neon!(vshlq_n_u64::<N>(b))))
    }

    #[inline(always)]
    fn low(self, other: Self) -> Self {
        let (a, b, c, d) = (self.0.u64s(), other.0.u64s(), self.1.u64s(), other.1.u64s());
        Self(from_u64(neon!(vzip1q_u64(a, b))), from_u64(neon!(vzip1q_u64(c, d))))
    }

    #[inline(always)]
    fn high(self, other: Self) -> Self {
        let (a, b, c, d) = (self.0.u64s(), other.0.u64s(), self.1.u64s(), other.1.u64s());
        Self(from_u64(neon!(vzip2q_u64(a, b))), from_u64(neon!(vzip2q_u64(c, d))))
    }

    #[inline(always)]
    fn halves(self) -> [[u64; 2]; 2] {
        [self.0.halves(), self.1.halves()]
    }
}

/// Computes the round keys of `key`.
pub(in super::super) fn schedule(key: &[u8; 8], rounds: &mut Rounds) {
    expand::<Two>(&KEYS, key, rounds);
}

/// Runs one block.
pub(in super::super) fn run1(chains: [&[Rounds]; 1], direction: Direction, blocks: [[u8; 8]; 1]) -> [[u8; 8]; 1] {
    run::<One, 1>(chains, direction, blocks)
}

/// Runs two blocks.
pub(in super::super) fn run2(chains: [&[Rounds]; 2], direction: Direction, blocks: [[u8; 8]; 2]) -> [[u8; 8]; 2] {
    run::<One, 2>(chains, direction, blocks)
}

/// Runs four blocks.
pub(in super::super) fn run4(chains: [&[Rounds]; 4], direction: Direction, blocks: [[u8; 8]; 4]) -> [[u8; 8]; 4] {
    run::<Two, 4>(chains, direction, blocks)
}

/// Runs eight blocks.
pub(in super::super) fn run8(chains: [&[Rounds]; 8], direction: Direction, blocks: [[u8; 8]; 8]) -> [[u8; 8]; 8] {
    let ([a, b, c, d, w @ ..], [e, f, g, h, x @ ..]) = (chains, blocks);
    let [a, b, c, d] = run4([a, b, c, d], direction, [e, f, g, h]);
    let [e, f, g, h] = run4(w, direction, x);
    [a, b, c, d, e, f, g, h]
}
