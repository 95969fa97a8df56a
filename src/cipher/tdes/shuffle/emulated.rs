// SPDX-License-Identifier: MIT OR Apache-2.0
//! The vectors in plain Rust: the same source, tested on every machine.

use super::super::layout::Bytes;
use super::{Lanes, Vector};

#[derive(Clone, Copy)]
pub(in super::super) struct Emulated<const LANES: usize>([Bytes; LANES]);

impl<const LANES: usize> Emulated<LANES> {
    fn each(self, other: Self, f: impl Fn(u8, u8) -> u8) -> Self {
        Self(core::array::from_fn(|lane| core::array::from_fn(|i| f(self.0[lane][i], other.0[lane][i]))))
    }

    fn each16(self, f: impl Fn(u16) -> u16) -> Self {
        let mut out = self;
        for word in out.0.as_flattened_mut().as_chunks_mut::<2>().0 {
            *word = f(u16::from_le_bytes(*word)).to_le_bytes();
        }
        out
    }

    fn each64(self, f: impl Fn(u64) -> u64) -> Self {
        let mut out = self;
        for word in out.0.as_flattened_mut().as_chunks_mut::<8>().0 {
            *word = f(u64::from_le_bytes(*word)).to_le_bytes();
        }
        out
    }
}

impl<const LANES: usize> Vector for Emulated<LANES> {
    fn constant(bytes: &'static Bytes) -> Self {
        Self([*bytes; LANES])
    }

    fn splat(byte: u8) -> Self {
        Self([[byte; 16]; LANES])
    }

    fn gather(blocks: [u64; 4]) -> Self {
        Self(core::array::from_fn(|lane| {
            core::array::from_fn(|i| blocks[2 * lane + i % 2].to_le_bytes()[i / 2])
        }))
    }

    fn scatter(self) -> [u64; 4] {
        core::array::from_fn(|n| {
            let lane = self.0.get(n / 2).copied().unwrap_or_default();
            u64::from_le_bytes(core::array::from_fn(|i| lane[2 * i + n % 2]))
        })
    }

    fn xor(self, other: Self) -> Self {
        self.each(other, |a, b| a ^ b)
    }

    fn and(self, other: Self) -> Self {
        self.each(other, |a, b| a & b)
    }

    fn equal(self, other: Self) -> Self {
        self.each(other, |a, b| if a == b { 0xFF } else { 0 })
    }

    fn shuffle(self, index: Self) -> Self {
        Self(core::array::from_fn(|lane| {
            index.0[lane].map(|i| if i < 0x80 { self.0[lane][usize::from(i & 15)] } else { 0 })
        }))
    }

    fn select(self, other: Self, mask: Self) -> Self {
        let mask = mask.each(mask, |m, _| if m >> 7 == 1 { 0xFF } else { 0 });
        self.each(mask, |a, m| a & !m).xor(other.and(mask))
    }

    fn blend<const WORDS: i32>(self, other: Self) -> Self {
        Self(core::array::from_fn(|lane| {
            core::array::from_fn(|i| if WORDS >> (i / 2) & 1 == 1 { other.0[lane][i] } else { self.0[lane][i] })
        }))
    }

    fn right4(self) -> Self {
        self.each16(|word| word >> 4)
    }

    fn left4(self) -> Self {
        self.each16(|word| word << 4)
    }

    fn fixed(self) -> Self {
        self
    }
}

impl Lanes for Emulated<2> {
    fn words(lanes: [[u32; 4]; 2]) -> Self {
        Self(lanes.map(|words| core::array::from_fn(|i| words[i / 4].to_le_bytes()[i % 4])))
    }

    fn cut(self, factor: Self, other: Self, other_factor: Self) -> Self {
        let upper = |x: Self, y: Self, lane: usize, i: usize| {
            let [x, y] = [x, y].map(|v| u16::from_le_bytes([v.0[lane][2 * i], v.0[lane][2 * i + 1]]));
            (x.wrapping_mul(y) >> 8) as u8
        };
        Self(core::array::from_fn(|lane| {
            core::array::from_fn(|i| {
                if i < 8 { upper(self, factor, lane, i) } else { upper(other, other_factor, lane, i - 8) }
            })
        }))
    }

    fn right<const N: i32>(self) -> Self {
        self.each64(|word| word >> N)
    }

    fn left<const N: i32>(self) -> Self {
        self.each64(|word| word << N)
    }

    fn low(self, other: Self) -> Self {
        Self([0, 1].map(|lane| core::array::from_fn(|i| if i < 8 { self.0[lane][i] } else { other.0[lane][i - 8] })))
    }

    fn high(self, other: Self) -> Self {
        Self([0, 1].map(|lane| core::array::from_fn(|i| if i < 8 { self.0[lane][i + 8] } else { other.0[lane][i] })))
    }

    fn halves(self) -> [[u64; 2]; 2] {
        self.0.map(|lane| [0, 1].map(|half| u64::from_le_bytes(core::array::from_fn(|i| lane[8 * half + i]))))
    }
}
