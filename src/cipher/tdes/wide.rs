// SPDX-License-Identifier: MIT OR Apache-2.0
//! DES by look-ups in a table of 128 bytes that is itself in registers: the engine of AVX-512 with VBMI.
//!
//! ```text
//! byte i of a half block:   bits 0..5  the input bits of S-box i      bit 6  whether i is odd
//!
//! R ^ K --- 4 look-ups, each for two S-boxes --- 6 shuffles of bytes, one for each bit: P, E --- ^ L
//! ```
//!
//! It is [`shuffle`](super::shuffle) with whole S-boxes. A look-up has six bits of index and one more that tells the
//! two S-boxes of a table apart; this one comes with the key. What is found is a whole byte, with room for the end bits
//! of a group twice: P and E together are a graph of 48 lines from eight S-boxes to eight S-boxes, six at each end, and six
//! colours are enough for it. So an output bit is found at the place where it is an input bit, and P and E are
//! shuffles of bytes alone.
//!
//! **Blocks.** A vector has eight, each in 8 bytes. One takes as long as eight.

use super::layout::{Bytes, Move, Test};
use super::{Direction, RoundKey, Rounds};

#[cfg(all(not(payhsm_portable), not(target_os = "none"), target_arch = "x86_64"))]
pub(super) mod avx512;
#[cfg(test)]
pub(super) mod emulated;
mod tables;

pub(super) use tables::KEYS;
use tables::{BOXES, INITIAL, LAST, P, PAIRS};

/// 64 bytes in four lanes. No operation reads memory, or takes time, by the value of a vector.
pub(super) trait Wide: Copy {
    /// The same bytes in each lane.
    fn constant(bytes: &'static Bytes) -> Self;

    fn zero() -> Self;

    /// Blocks one behind the other.
    fn gather(blocks: [u64; 8]) -> Self;

    /// The inverse of [`gather`](Self::gather).
    fn scatter(self) -> [u64; 8];

    fn xor(self, other: Self) -> Self;

    /// The sum (xor) of three.
    fn xor3(self, second: Self, third: Self) -> Self;

    /// `self` xor (`bits` and `mask`).
    fn add(self, bits: Self, mask: Self) -> Self;

    fn or(self, other: Self) -> Self;

    fn or3(self, second: Self, third: Self) -> Self;

    /// Bytes of `set` where `self` and `mask` have a bit in common, else 00.
    fn found(self, mask: Self, set: Self) -> Self;

    /// Byte `index & 15` of the lane for each index below 80, zero for one above.
    fn shuffle(self, index: Self) -> Self;

    /// Bits of `self` where `mask` is 0, of `other` where it is 1.
    fn select(self, other: Self, mask: Self) -> Self;

    /// For each byte of `self` the one of `low` that its bits 0 to 5 say or, if bit 6 is set, of `high`.
    fn look_up(self, low: &'static [u8; 64], high: &'static [u8; 64]) -> Self;

    /// The same value, of which the compiler does not know how it was computed: it keeps the order of operations.
    fn fixed(self) -> Self;
}

// As in `shuffle`: everything that touches a vector is a function to be inlined, never a closure.

/// Runs each block through its chain of DESes. All chains are equally long.
#[inline(always)]
pub(super) fn run<V: Wide, const N: usize>(
    chains: [&[Rounds]; N],
    direction: Direction,
    blocks: [[u8; 8]; N],
) -> [[u8; 8]; N] {
    let mut words = [0; 8];
    for (word, block) in words.iter_mut().zip(blocks) {
        *word = u64::from_le_bytes(block);
    }
    let input = V::gather(words);
    let [left, right] = &INITIAL;
    let (mut left, mut right) = (initial(input, left), initial(input, right));
    let desses = chains.first().map_or(0, |chain| chain.len());
    for n in 0..desses {
        let (n, flip) = match direction {
            Direction::Forward => (n, 0),
            Direction::Backward => (desses.wrapping_sub(n).wrapping_sub(1), 15),
        };
        let rounds = chains.map(|chain| chain.get(n).unwrap_or(&Rounds::EMPTY));
        // The state between two rounds is L and the input of the S-boxes, R ^ K.
        let mut key: V = round_key(rounds, flip);
        let mut input = right.xor(key);
        for i in 0..8_usize {
            let i = i.wrapping_mul(2);
            let middle = input.xor(key);
            key = round_key(rounds, i.wrapping_add(1) ^ flip);
            input = round(left.xor(key).fixed(), input);
            left = input.xor(key);
            key = if i == 14 { V::zero() } else { round_key(rounds, i.wrapping_add(2) ^ flip) };
            input = round(middle.xor(key).fixed(), input);
        }
        // What would be the exchange of the halves is left out.
        (left, right) = (input, left);
    }
    let mut words = last(left, right).scatter().into_iter();
    blocks.map(|_| words.next().unwrap_or(0).to_le_bytes())
}

/// Round key `i` of each block.
#[inline(always)]
fn round_key<V: Wide, const N: usize>(rounds: [&Rounds; N], i: usize) -> V {
    let mut words = [0; 8];
    for (word, rounds) in words.iter_mut().zip(rounds) {
        // Never out of range.
        let RoundKey([low, high]) = *rounds.0.get(i & 15).unwrap_or(&RoundKey([0; 2]));
        *word = u64::from(low) | (u64::from(high) << 32);
    }
    V::gather(words)
}

/// IP and E.
#[inline(always)]
fn initial<V: Wide>(input: V, [a, b, c, d, e, f]: &'static [Test; 6]) -> V {
    let abc = found(input, a).or3(found(input, b), found(input, c));
    abc.or3(found(input, d).or(found(input, e)), found(input, f))
}

/// The inverse of IP.
#[inline(always)]
fn last<V: Wide>(left: V, right: V) -> V {
    let [a, b, c, d, e, f, g, h] = &LAST;
    let abc = found(right, a).or3(found(left, b), found(right, c));
    let def = found(left, d).or3(found(right, e), found(left, f));
    abc.or3(def, found(right, g).or(found(left, h)))
}

#[inline(always)]
fn found<V: Wide>(input: V, test: &'static Test) -> V {
    let moved = input.shuffle(V::constant(&test.from.control));
    moved.found(V::constant(&test.from.mask), V::constant(&test.set))
}

/// From L ^ K', K' the key of the next round, and R ^ K to L ^ f(R, K) ^ K'.
#[inline(always)]
fn round<V: Wide>(next: V, input: V) -> V {
    let [s0, s1, s2, s3, s4, s5, s6, s7] = &BOXES;
    let [second, third, fourth] = &PAIRS;
    // One behind the other: after the last look-up there is one selection.
    let output = input
        .look_up(s0, s1)
        .select(input.look_up(s2, s3), V::constant(second))
        .fixed()
        .select(input.look_up(s4, s5), V::constant(third))
        .fixed()
        .select(input.look_up(s6, s7), V::constant(fourth));
    let [a, b, c, d, e, f] = &P;
    let ab = add(add(next, output, a), output, b).fixed();
    let cd = add(add(V::zero(), output, c), output, d).fixed();
    let ef = add(add(V::zero(), output, e), output, f).fixed();
    ab.xor3(cd, ef)
}

#[inline(always)]
fn add<V: Wide>(sum: V, output: V, step: &'static Move) -> V {
    sum.add(output.shuffle(V::constant(&step.control)), V::constant(&step.mask))
}
