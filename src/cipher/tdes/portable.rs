// SPDX-License-Identifier: MIT OR Apache-2.0
//! The portable engine: one DES round is about 160 word operations, without branches and without tables in the path
//! of a secret.
//!
//! ```text
//! R ---^ Ka --- rotate, & 1111.. --- x1 x2 x3 x4 ---+
//!   \                                               +--- S-boxes (sbox.rs) --- P --- ^ L
//!    \-^ Kb --- rotate, & 1111.. --- x0 x5 ---------+
//! ```
//!
//! **State layout.** A half block is a 32-bit word whose bits stand in an order of our own; only IP and its inverse,
//! once each per block, know the standard's. S-box i owns the nibble at bits 4 LANE(i): one lane for each of its four
//! output bits. DES bit 4i + k of R (k = 0 to 3) is kept at bit 4 LANE(i) + `PLACE[k]` (mod 32). The four numbers PLACE are
//! different modulo 4, so one rotation and one mask bring bit k of all eight groups to the lowest bits of the nibbles, and
//! 15 t fills the nibbles: that is input bit x[k + 1] of all S-boxes, in all their lanes. The expansion E gives each
//! S-box besides the neighbour bits, 4i - 1 and 4i + 4: the same with the rotation one nibble further.
//!
//! **Permutation P** must carry each lane to the place that the next round expects: 32 moves, each a rotation by some
//! distance. The layout is free in the order of the four lanes in each nibble, in the direction of the nibbles and in PLACE;
//! it is chosen so that the 32 moves have only six distances. P is then six masks and five rotations (`P`), where the
//! standard's bit order has 19 distances.
//!
//! **Keys** are added before the bits are spread: 32 bits for x1 to x4 in the layout of R (Ka) and 16 for x0 and
//! x5 (Kb), which take other key bits than the neighbours that own the same bits of R.
//!
//! **TDEA** is one pass: the final permutation of one DES and the initial one of the next cancel, what stays between
//! them is the exchange of the halves.

use core::marker::PhantomData;

use super::word::Word;
use super::engine::Rounder;
use super::{Direction, RoundKey, Rounds, schedule};

/// Where bit k of each group of R is kept, relative to the nibble of the group's lanes.
const PLACE: [u32; 4] = [26, 29, 28, 23];

/// The lowest bit of each nibble.
pub(super) const NIBBLES: u32 = 0x1111_1111;

/// The permutation P: lanes, and how far they rotate to the right.
pub(super) const P: [(u32, u32); 6] = [
    (0xA222_1251, 0),
    (0x1050_2020, 15),
    (0x4804_0904, 16),
    (0x0508_4082, 23),
    (0x0000_8408, 27),
    (0x0081_0000, 29),
];

pub(super) struct Portable<W>(PhantomData<W>);

impl<W: Word> Rounder for Portable<W> {
    fn schedule(key: &[u8; 8], rounds: &mut Rounds) {
        schedule::expand::<W>(key, rounds);
    }

    // One copy of the rounds in flash, whoever calls.
    #[inline(never)]
    fn run(chain: &[Rounds], direction: Direction, block: [u8; 8]) -> [u8; 8] {
        let (left, right) = initial(block);
        let (mut left, mut right) = (W::splat(left), W::splat(right));
        let mut constants = W::CONSTANTS;
        let mut rest = chain;
        while let Some((rounds, others)) = match direction {
            Direction::Forward => rest.split_first(),
            Direction::Backward => rest.split_last(),
        } {
            rest = others;
            let flip = match direction {
                Direction::Forward => 0,
                Direction::Backward => 15,
            };
            // i ^ 15 = 15 - i; never out of range.
            let key = |i: usize| *rounds.0.get((i ^ flip) & 15).unwrap_or(&RoundKey([0; 2]));
            for i in (0..16).step_by(2) {
                // Two rounds: the halves need not change places.
                left = round::<W>(&mut constants, left, right, key(i));
                right = round::<W>(&mut constants, right, left, key(i | 1));
            }
            (left, right) = (right, left);
        }
        last(left.narrow(), right.narrow())
    }
}

/// L ^ f(R, K).
#[inline(always)]
fn round<W: Word>(constants: &mut &'static W::Constants, left: W, right: W, RoundKey([ka, kb]): RoundKey) -> W {
    let a = right ^ W::splat(ka);
    let b = right ^ W::splat(kb);
    let nibbles = W::nibbles(constants);
    let spread = |word: W, distance| (word.rotate_right(distance) & nibbles).fill_nibbles();
    let [p0, p1, p2, p3] = PLACE;
    let y = W::sboxes(
        constants,
        [
            // The groups follow each other downwards: the previous one is a nibble up, the next one a nibble down.
            spread(b, p3.wrapping_add(4)),
            spread(a, p0),
            spread(a, p1),
            spread(a, p2),
            spread(a, p3),
            spread(b, p0.wrapping_sub(4)),
        ],
    );
    let [m0, m1, m2, m3, m4, m5] = W::masks(constants);
    let [(_, d0), (_, d1), (_, d2), (_, d3), (_, d4), (_, d5)] = P;
    left ^ (y & m0).rotate_right(d0)
        ^ (y & m1).rotate_right(d1)
        ^ (y & m2).rotate_right(d2)
        ^ (y & m3).rotate_right(d3)
        ^ (y & m4).rotate_right(d4)
        ^ (y & m5).rotate_right(d5)
}

/// IP and the way into the layout: (L, R).
///
/// FIPS 46-3 numbers bits from the left. IP takes L from the even bits and R from the odd bits of the bytes, and bit 4i + k
/// of R is bit 2 (i / 2) + 1 of byte 7 - k for even i, of byte 3 - k for odd i. So one exchange between the halves of
/// the block gives two words with bit 4i + k in byte k (from the right) at bit 7 - i; the rest is a transposition of
/// bytes to nibbles and one rotation for each k.
fn initial(block: [u8; 8]) -> (u32, u32) {
    let [a, b, c, d, e, f, g, h] = block;
    let (high, low) = (u32::from_be_bytes([a, b, c, d]), u32::from_be_bytes([e, f, g, h]));
    let left = ((low << 1) & 0xAAAA_AAAA) | (high & 0x5555_5555);
    let right = (low & 0xAAAA_AAAA) | ((high >> 1) & 0x5555_5555);
    (place(nibbles(left)), place(nibbles(right)))
}

/// The inverse of [`initial`].
fn last(left: u32, right: u32) -> [u8; 8] {
    let (left, right) = (bytes(unplace(left)), bytes(unplace(right)));
    let high = ((right << 1) & 0xAAAA_AAAA) | (left & 0x5555_5555);
    let low = (right & 0xAAAA_AAAA) | ((left >> 1) & 0x5555_5555);
    let ([a, b, c, d], [e, f, g, h]) = (high.to_be_bytes(), low.to_be_bytes());
    [a, b, c, d, e, f, g, h]
}

/// From bit k (bit-reversed: 0, 2, 1, 3) of nibble 7 - i to bit 4 LANE(i) + `PLACE[k]`, LANE(i) = 8 - i.
fn place(x: u32) -> u32 {
    (x & 0x1111_1111).rotate_left(30) | (x & 0x6666_6666).rotate_left(31) | (x & 0x8888_8888).rotate_left(24)
}

fn unplace(x: u32) -> u32 {
    (x.rotate_right(30) & 0x1111_1111) | (x.rotate_right(31) & 0x6666_6666) | (x.rotate_right(24) & 0x8888_8888)
}

/// Moves bit t of byte k to nibble t; k = 0, 1, 2, 3 stands at bit 0, 2, 1, 3 of the nibble.
///
/// The position of a bit is the five-bit number k1 k0 t2 t1 t0. Three exchanges of two of its digits, each for all
/// positions at once, make t2 t1 t0 k0 k1 of it.
pub(super) fn nibbles(x: u32) -> u32 {
    let x = exchange(x, 12, 0x0000_F0F0);
    let x = exchange(x, 6, 0x00CC_00CC);
    exchange(x, 3, 0x0A0A_0A0A)
}

/// The inverse of [`nibbles`].
fn bytes(x: u32) -> u32 {
    let x = exchange(x, 3, 0x0A0A_0A0A);
    let x = exchange(x, 6, 0x00CC_00CC);
    exchange(x, 12, 0x0000_F0F0)
}

/// Exchanges the bits in `mask` with those `distance` above them.
fn exchange(x: u32, distance: u32, mask: u32) -> u32 {
    let t = (x ^ x.wrapping_shr(distance)) & mask;
    x ^ t ^ t.wrapping_shl(distance)
}
