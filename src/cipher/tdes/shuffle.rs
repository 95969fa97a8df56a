// SPDX-License-Identifier: MIT OR Apache-2.0
//! DES by shuffles of bytes in a vector register: the engine of AVX2 and of NEON.
//!
//! A byte shuffle looks up sixteen bytes in a table of sixteen that is itself in a register: it reads no memory, so its
//! time does not depend on the index. Everything below is made of shuffles, logic and blends.
//!
//! ```text
//! byte i of a half block:   bits 0..3  the inner input bits of S-box i      bits 4..6  its two outer input bits
//!
//! R ^ K ---+--- 16 shuffles by the inner bits: S-box i for its last input bit 0 and 1, for the first one 0 | 1 in the
//!          |    lower | upper nibble ---- blends: byte i from the tables of S-box i
//!          +--- outer bits: masks ---- select last bit ---- select nibble ---- P, E ---- ^ L
//! ```
//!
//! **S-boxes.** The outer bits enter only after the look-ups: they have all that time to become masks.
//!
//! **P and E move bytes, not bits.** Which bit of its byte an inner input bit is, is free, and so is the order of the
//! output bits in a nibble. P is a graph of 32 lines from eight S-boxes to eight S-boxes, four lines at each end; the lines
//! of such a graph can be coloured with four colours so that at no S-box two are alike. The colour of a line is the
//! place of the bit in its byte, at both ends: P is then four shuffles of bytes, each for one bit of all bytes. `COLOURS`
//! also has the end bits of the groups, which E gives to a second S-box, in colours other than 3, and the two that meet
//! at one S-box in different ones: they stand in the upper nibble at 4 + colour, and bit 7, which would turn a look-up
//! off, stays zero.
//!
//! **Blocks.** Sixteen bytes hold the half blocks of two blocks byte by byte in turn: a blend takes bytes in twos. A vector
//! of 32 bytes is two such lanes. One block takes as long as two or four.
//!
//! **Keys** have the layout of a half block, 8 bytes for each round; [`schedule`] tells how sixteen of them are one
//! transposition. A life is cut out of its stream by a shuffle, a multiplication by a power of two, and the upper byte.

use super::layout::{Bytes, Cut, Keys, Move, Test};
use super::{Direction, RoundKey, Rounds, schedule};

#[cfg(test)]
pub(super) mod emulated;
#[cfg(all(not(payhsm_portable), not(target_os = "none"), target_arch = "aarch64", target_endian = "little"))]
pub(super) mod neon;
#[cfg(all(not(payhsm_portable), not(target_os = "none"), target_arch = "x86_64"))]
pub(super) mod x86;
mod tables;

pub(super) use tables::KEYS;
use tables::{BOXES, INITIAL, LAST, OUTER, P};

/// One or two lanes of sixteen bytes. No operation reads memory, or takes time, by the value of a vector.
pub(super) trait Vector: Copy {
    /// The same bytes in each lane.
    fn constant(bytes: &'static Bytes) -> Self;

    /// A byte in all places.
    fn splat(byte: u8) -> Self;

    /// Blocks byte by byte in turn: the first two in the first lane.
    fn gather(blocks: [u64; 4]) -> Self;

    /// The inverse of [`gather`](Self::gather).
    fn scatter(self) -> [u64; 4];

    fn xor(self, other: Self) -> Self;
    fn and(self, other: Self) -> Self;

    /// FF where the bytes are equal, else 00.
    fn equal(self, other: Self) -> Self;

    /// Byte `index & 15` of the lane for each index below 80, zero for one above. An index of 10 to 7F has come through
    /// [`index`](Self::index) before.
    fn shuffle(self, index: Self) -> Self;

    /// What of `self` is an index, where the processor does not leave bits 4 to 6 out by itself.
    #[inline(always)]
    fn index(self) -> Self {
        self
    }

    /// Bytes of `self` where `mask` is 00, of `other` where it is FF.
    fn select(self, other: Self, mask: Self) -> Self;

    /// The 16-bit words of `other` whose bit of `WORDS` is set, and the others of `self`.
    fn blend<const WORDS: i32>(self, other: Self) -> Self;

    /// Shifts each 16-bit word.
    fn right4(self) -> Self;

    /// Shifts each 16-bit word.
    fn left4(self) -> Self;

    /// The same value, of which the compiler does not know how it was computed: it keeps the order of operations.
    fn fixed(self) -> Self;
}

/// Two lanes: what the key schedule needs besides.
pub(super) trait Lanes: Vector {
    /// Four little-endian words to each lane.
    fn words(lanes: [[u32; 4]; 2]) -> Self;

    /// The upper bytes of the products of 16-bit words: of `self` in the lower half of each lane, of `other` in the upper.
    fn cut(self, factor: Self, other: Self, other_factor: Self) -> Self;

    /// Shifts each 64-bit word right by `N`.
    fn right<const N: i32>(self) -> Self;

    /// Shifts each 64-bit word left by `N`.
    fn left<const N: i32>(self) -> Self;

    /// The lower 64-bit words of each lane.
    fn low(self, other: Self) -> Self;

    /// The upper 64-bit words of each lane.
    fn high(self, other: Self) -> Self;

    /// The 64-bit words.
    fn halves(self) -> [[u64; 2]; 2];
}

// Everything that touches a vector is a function to be inlined, never a closure: only inside the engine's entry does the
// compiler know that the processor has the instructions.

/// Runs each block through its chain of DESes. All chains are equally long.
#[inline(always)]
pub(super) fn run<V: Vector, const N: usize>(
    chains: [&[Rounds]; N],
    direction: Direction,
    blocks: [[u8; 8]; N],
) -> [[u8; 8]; N] {
    let mut words = [0; 4];
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
        // The state between two rounds is L and the input of the S-boxes, R ^ K; `inner` has it first and `input` in all
        // bits.
        let mut key: V = round_key(rounds, flip);
        let mut input = right.xor(key);
        let mut inner = input;
        for i in 0..8_usize {
            let i = i.wrapping_mul(2);
            let middle = input.xor(key);
            key = round_key(rounds, i.wrapping_add(1) ^ flip);
            (inner, input) = round(left.xor(key).fixed(), inner, input);
            left = input.xor(key);
            key = if i == 14 { V::splat(0) } else { round_key(rounds, i.wrapping_add(2) ^ flip) };
            (inner, input) = round(middle.xor(key).fixed(), inner, input);
        }
        // What would be the exchange of the halves is left out.
        (left, right) = (input, left);
    }
    let mut words = last(left, right).scatter().into_iter();
    blocks.map(|_| words.next().unwrap_or(0).to_le_bytes())
}

/// Round key `i` of each block.
#[inline(always)]
fn round_key<V: Vector, const N: usize>(rounds: [&Rounds; N], i: usize) -> V {
    let mut words = [0; 4];
    for (word, rounds) in words.iter_mut().zip(rounds) {
        // Never out of range.
        let RoundKey([low, high]) = *rounds.0.get(i & 15).unwrap_or(&RoundKey([0; 2]));
        *word = u64::from(low) | (u64::from(high) << 32);
    }
    V::gather(words)
}

/// IP and E.
#[inline(always)]
fn initial<V: Vector>(input: V, [a, b, c, d, e, f]: &'static [Test; 6]) -> V {
    let ab = found(input, a).xor(found(input, b));
    let cd = found(input, c).xor(found(input, d));
    let ef = found(input, e).xor(found(input, f));
    ab.xor(cd).xor(ef)
}

/// The inverse of IP.
#[inline(always)]
fn last<V: Vector>(left: V, right: V) -> V {
    let [a, b, c, d, e, f, g, h] = &LAST;
    let ab = found(right, a).xor(found(left, b));
    let cd = found(right, c).xor(found(left, d));
    let ef = found(right, e).xor(found(left, f));
    let gh = found(right, g).xor(found(left, h));
    ab.xor(cd).xor(ef.xor(gh))
}

#[inline(always)]
fn found<V: Vector>(input: V, test: &'static Test) -> V {
    let mask = V::constant(&test.from.mask);
    moved(input, &test.from).equal(mask).and(V::constant(&test.set))
}

#[inline(always)]
fn moved<V: Vector>(input: V, step: &'static Move) -> V {
    input.shuffle(V::constant(&step.control)).and(V::constant(&step.mask))
}

/// From L ^ K', K' the key of the next round, and R ^ K to L ^ f(R, K) ^ K': first the inner bits with upper bits that
/// do not count, then all.
#[inline(always)]
fn round<V: Vector>(next: V, inner: V, input: V) -> (V, V) {
    let [zero, one] = &BOXES;
    let inner = inner.index();
    let (zero, one) = (boxes(inner, zero), boxes(inner, one));
    let [first, last] = &OUTER;
    let chosen = zero.select(one, set(input, last));
    let output = chosen.select(chosen.right4(), set(input, first));
    // Two shuffles can begin at once, and the other two after them.
    let [a, b, c, d] = &P;
    let early = next.xor(moved(output, a)).xor(moved(output, b)).fixed();
    let inner = early.xor(moved(output, c).xor(moved(output, d)).fixed());
    let upper = output.left4();
    let outer = moved(upper, first).xor(moved(upper, last));
    (inner, inner.fixed().xor(outer))
}

/// Where the bit of `outer` is set.
#[inline(always)]
fn set<V: Vector>(input: V, outer: &'static Move) -> V {
    let mask = V::constant(&outer.mask);
    input.and(mask).equal(mask)
}

/// All S-boxes. The last two are added last, so that little is left to do after the last look-up.
#[inline(always)]
fn boxes<V: Vector>(inner: V, [a, b, c, d, e, f, g, h]: &'static [Bytes; 8]) -> V {
    let ab = look_up(inner, a).blend::<0xAA>(look_up(inner, b));
    let cd = look_up(inner, c).blend::<0xAA>(look_up(inner, d));
    let ef = look_up(inner, e).blend::<0xAA>(look_up(inner, f));
    let rest = ab.blend::<0xCC>(cd).blend::<0xF0>(ef);
    rest.blend::<0x40>(look_up(inner, g)).blend::<0x80>(look_up(inner, h))
}

#[inline(always)]
fn look_up<V: Vector>(inner: V, table: &'static Bytes) -> V {
    V::constant(table).shuffle(inner)
}

/// Computes the round keys of `key` for the layout of `keys`.
#[inline(always)]
pub(super) fn expand<V: Lanes>(keys: &'static Keys, key: &[u8; 8], rounds: &mut Rounds) {
    let streams = V::words(schedule::streams(key));
    let [a, b, c, d, e, f, g, h] = &keys.cuts;
    // In the first lane the lives of the even rounds, in the second those of the odd ones.
    let (w01, w23) = (cut(streams, a, b), cut(streams, c, d));
    let (w45, w67) = (cut(streams, e, f), cut(streams, g, h).xor(V::constant(&keys.set)));
    let (w01, w45) = exchange::<V, 4>(w01, w45, V::splat(0x0F));
    let (w23, w67) = exchange::<V, 4>(w23, w67, V::splat(0x0F));
    let (w01, w23) = exchange::<V, 2>(w01, w23, V::splat(0x33));
    let (w45, w67) = exchange::<V, 2>(w45, w67, V::splat(0x33));
    let (w02, w13) = exchange::<V, 1>(w01.low(w23), w01.high(w23), V::splat(0x55));
    let (w46, w57) = exchange::<V, 1>(w45.low(w67), w45.high(w67), V::splat(0x55));
    let ([[e0, e2], [o0, o2]], [[e1, e3], [o1, o3]]) = (w02.halves(), w13.halves());
    let ([[e4, e6], [o4, o6]], [[e5, e7], [o5, o7]]) = (w46.halves(), w57.halves());
    // A cut begins at the last of its rounds.
    let keys = [
        o0, e6, e5, e4, e3, e2, e1, e0, o7, o6, o5, o4, o3, o2, o1, e7,
    ];
    for (RoundKey([low, high]), key) in rounds.0.iter_mut().zip(keys) {
        let [a, b, c, d, e, f, g, h] = key.to_le_bytes();
        (*low, *high) = (u32::from_le_bytes([a, b, c, d]), u32::from_le_bytes([e, f, g, h]));
    }
}

#[inline(always)]
fn cut<V: Lanes>(streams: V, low: &'static Cut, high: &'static Cut) -> V {
    let (a, b) = (V::constant(&low.control), V::constant(&high.control));
    let (x, y) = (V::constant(&low.factor), V::constant(&high.factor));
    streams.shuffle(a).cut(x, streams.shuffle(b), y)
}

#[inline(always)]
fn exchange<V: Lanes, const N: i32>(low: V, high: V, mask: V) -> (V, V) {
    let t = low.right::<N>().xor(high).and(mask);
    (low.xor(t.left::<N>()), high.xor(t))
}
