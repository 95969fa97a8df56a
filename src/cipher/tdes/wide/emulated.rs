// SPDX-License-Identifier: MIT OR Apache-2.0
//! The vector in plain Rust: the same source, tested on every machine.

use super::super::layout::Bytes;
use super::Wide;

#[derive(Clone, Copy)]
pub(in super::super) struct Emulated([u8; 64]);

impl Emulated {
    fn each(self, other: Self, f: impl Fn(u8, u8) -> u8) -> Self {
        Self(core::array::from_fn(|i| f(self.0[i], other.0[i])))
    }
}

impl Wide for Emulated {
    fn constant(bytes: &'static Bytes) -> Self {
        Self(core::array::from_fn(|i| bytes[i % 16]))
    }

    fn zero() -> Self {
        Self([0; 64])
    }

    fn gather(blocks: [u64; 8]) -> Self {
        Self(core::array::from_fn(|i| blocks[i / 8].to_le_bytes()[i % 8]))
    }

    fn scatter(self) -> [u64; 8] {
        core::array::from_fn(|n| u64::from_le_bytes(core::array::from_fn(|i| self.0[8 * n + i])))
    }

    fn xor(self, other: Self) -> Self {
        self.each(other, |a, b| a ^ b)
    }

    fn xor3(self, second: Self, third: Self) -> Self {
        self.xor(second).xor(third)
    }

    fn add(self, bits: Self, mask: Self) -> Self {
        self.xor(bits.each(mask, |a, b| a & b))
    }

    fn or(self, other: Self) -> Self {
        self.each(other, |a, b| a | b)
    }

    fn or3(self, second: Self, third: Self) -> Self {
        self.or(second).or(third)
    }

    fn found(self, mask: Self, set: Self) -> Self {
        self.each(mask, |a, m| if a & m == 0 { 0 } else { 0xFF }).each(set, |a, s| a & s)
    }

    fn shuffle(self, index: Self) -> Self {
        Self(core::array::from_fn(|i| {
            let from = index.0[i];
            if from < 0x80 { self.0[i / 16 * 16 + usize::from(from & 15)] } else { 0 }
        }))
    }

    fn select(self, other: Self, mask: Self) -> Self {
        self.each(mask, |a, m| a & !m).or(other.each(mask, |a, m| a & m))
    }

    fn look_up(self, low: &'static [u8; 64], high: &'static [u8; 64]) -> Self {
        Self(self.0.map(|index| {
            let table = if index >> 6 & 1 == 0 { low } else { high };
            table[usize::from(index & 63)]
        }))
    }

    fn fixed(self) -> Self {
        self
    }
}
