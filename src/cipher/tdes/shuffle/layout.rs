// SPDX-License-Identifier: MIT OR Apache-2.0
//! Where the bits of a DES stand in bytes, and the constants that follow from it. All of this is computed by the compiler
//! from the tables of the standard; nothing here runs with a secret.

// Constant evaluation: an index out of range or an overflow does not compile.
#![allow(clippy::arithmetic_side_effects, clippy::indexing_slicing, clippy::cast_possible_truncation)]
#![allow(clippy::integer_division_remainder_used)]

use super::super::standard::{IP, P as STANDARD_P, PC2, S};

/// Bytes of one shuffle.
pub(super) type Bytes = [u8; 16];

/// A shuffle of bytes and what is kept of each: `control[n]` is the byte that comes to byte n, `mask[n]` its bits.
#[derive(Clone, Copy)]
pub(super) struct Move {
    pub control: Bytes,
    pub mask: Bytes,
}

impl Move {
    const NONE: Self = Self {
        control: [0x80; 16],
        mask: [0; 16],
    };
}

/// A [`Move`], and the bits to set where what it kept was not zero.
#[derive(Clone, Copy)]
pub(super) struct Test {
    pub from: Move,
    pub set: Bytes,
}

/// Cuts eight lives, each 8 bits wide, out of the streams of a key: two neighbouring bytes of the streams to each 16-bit
/// word, which `factor` shifts left until the life is the upper byte.
#[derive(Clone, Copy)]
pub(super) struct Cut {
    pub control: Bytes,
    pub factor: Bytes,
}

/// What bit of its byte each input bit of each S-box is, and how the bytes of a half block stand in sixteen.
pub(super) struct Layout {
    /// Input bits 0 to 5 of S-box i (the standard's order) are bits `input[i][0..6]` of byte i.
    pub input: [[u8; 6]; 8],
    /// Two halves of different blocks byte by byte in turn, or one behind the other.
    pub interleaved: bool,
}

impl Layout {
    /// The place of byte `i` of half block `n` among sixteen bytes.
    const fn byte(&self, n: usize, i: usize) -> usize {
        if self.interleaved { 2 * i + n } else { 8 * n + i }
    }

    /// IP and E: the moves that collect input bit k of all S-boxes for the left and for the right half.
    pub(super) const fn initial(&self) -> [[Test; 6]; 2] {
        let none = Test {
            from: Move::NONE,
            set: [0; 16],
        };
        let mut tests = [[none; 6]; 2];
        let mut at = 0;
        while at < 2 * 6 * 16 {
            let (half, k, n, i) = (at / 96, at / 16 % 6, at / 8 % 2, at % 8);
            let from = IP[32 * half + bit(i, k)] as usize - 1;
            let (to, test) = (self.byte(n, i), &mut tests[half][k]);
            test.from.control[to] = self.byte(n, from / 8) as u8;
            test.from.mask[to] = 0x80 >> (from % 8);
            test.set[to] = 1 << self.input[i][k];
            at += 1;
        }
        tests
    }

    /// The inverse of [`initial`](Self::initial): one test for each bit of the bytes of a block, the highest first; those
    /// of odd index are bits of the left half.
    pub(super) const fn last(&self) -> [Test; 8] {
        let mut tests = [Test {
            from: Move::NONE,
            set: [0; 16],
        }; 8];
        let mut at = 0;
        while at < 64 * 2 {
            let (n, x) = (at / 64, at % 64);
            let to = IP[x] as usize - 1;
            assert!((x < 32) == (to % 2 == 1));
            let (i, k) = (x % 32 / 4, x % 4 + 1);
            let (byte, test) = (self.byte(n, to / 8), &mut tests[to % 8]);
            test.from.control[byte] = self.byte(n, i) as u8;
            test.from.mask[byte] = 1 << self.input[i][k];
            test.set[byte] = 0x80 >> (to % 8);
            at += 1;
        }
        tests
    }

    /// P and E for the bits that stand at bit `place` of their byte and keep their place.
    pub(super) const fn permutation(&self, place: u8) -> Move {
        let mut step = Move::NONE;
        let mut at = 0;
        while at < 2 * 6 * 8 {
            let (n, k, i) = (at / 48, at / 8 % 6, at % 8);
            if self.input[i][k] == place {
                let to = self.byte(n, i);
                step.control[to] = self.byte(n, source(bit(i, k)).0) as u8;
                step.mask[to] = 1 << place;
            }
            at += 1;
        }
        step
    }

    /// P and E for input bit `k` of all S-boxes.
    pub(super) const fn expansion(&self, k: usize) -> Move {
        let mut step = Move::NONE;
        let mut at = 0;
        while at < 2 * 8 {
            let (n, i) = (at / 8, at % 8);
            let to = self.byte(n, i);
            step.control[to] = self.byte(n, source(bit(i, k)).0) as u8;
            step.mask[to] = 1 << self.input[i][k];
            at += 1;
        }
        step
    }

    /// The cuts whose lives are bit `place` of the bytes of all round keys; for a bit without a key, nothing.
    ///
    /// The streams are four words of 32 bits: C even, C odd, D even, D odd (see [`schedule`](super::super::schedule)).
    pub(super) const fn cut(&self, place: u8) -> Cut {
        let mut cut = Cut {
            control: [0x80; 16],
            factor: [0; 16],
        };
        let mut at = 0;
        while at < 6 * 8 {
            let (k, i) = (at / 8, at % 8);
            if self.input[i][k] == place {
                let selected = PC2[6 * i + k] as usize - 1;
                let (register, j) = (selected / 28, selected % 28);
                let stream = 2 * register + j % 2;
                let start = (20 - j / 2) % 14;
                cut.control[2 * i] = (4 * stream + start / 8) as u8;
                cut.control[2 * i + 1] = (4 * stream + start / 8 + 1) as u8;
                let factor: u16 = 1 << (8 - start % 8);
                [cut.factor[2 * i], cut.factor[2 * i + 1]] = factor.to_le_bytes();
            }
            at += 1;
        }
        cut
    }

    /// The output of S-box `i` for the input whose bits stand in `byte`: each output bit where the input bit that it
    /// becomes by P stands among bits 0 to 3.
    const fn nibble(&self, i: usize, byte: u8) -> u8 {
        let mut six = 0;
        let mut k = 0;
        while k < 6 {
            six = 2 * six + ((byte >> self.input[i][k]) & 1) as usize;
            k += 1;
        }
        let output = S[i][32 * (six / 32) + 16 * (six % 2) + six / 2 % 16];
        let mut placed = 0;
        let mut r = 0;
        while r < 32 {
            let (s, b) = source(r);
            if s == i {
                placed |= ((output >> (3 - b)) & 1) << self.input[r / 4][r % 4 + 1];
            }
            r += 1;
        }
        placed
    }

    /// S-box `i` for a last input bit of `last`, by the four inner input bits: the output for a first input bit of 0 in
    /// the lower nibble, for 1 in the upper one.
    pub(super) const fn half_box(&self, i: usize, last: u8) -> Bytes {
        let mut table = [0; 16];
        let mut inner = 0;
        while inner < 16 {
            let byte = inner | (last << self.input[i][5]);
            table[inner as usize] = self.nibble(i, byte) | (self.nibble(i, byte | (1 << self.input[i][0])) << 4);
            inner += 1;
        }
        table
    }
}

/// The bit of R, 0 to 31, that E makes input bit `k` of S-box `i`.
const fn bit(i: usize, k: usize) -> usize {
    (4 * i + k + 31) % 32
}

/// The S-box and its output bit, the first 0, that P brings to bit `r` of R.
const fn source(r: usize) -> (usize, usize) {
    let y = STANDARD_P[r] as usize - 1;
    (y / 4, y % 4)
}

/// The colour of each bit of R, by groups of four.
const COLOURS: [[u8; 4]; 8] = [
    [0, 1, 3, 2],
    [0, 2, 3, 1],
    [1, 2, 3, 0],
    [0, 2, 3, 1],
    [2, 3, 0, 1],
    [2, 1, 3, 0],
    [0, 3, 1, 2],
    [1, 3, 0, 2],
];

const LAYOUT: Layout = {
    let mut input = [[0; 6]; 8];
    let mut i = 0;
    while i < 8 {
        let (before, [a, b, c, d], [behind, ..]) = (COLOURS[(i + 7) % 8][3], COLOURS[i], COLOURS[(i + 1) % 8]);
        input[i] = [4 + before, a, b, c, d, 4 + behind];
        i += 1;
    }
    Layout {
        input,
        interleaved: true,
    }
};

pub(super) static INITIAL: [[Test; 6]; 2] = LAYOUT.initial();
pub(super) static LAST: [Test; 8] = LAYOUT.last();
pub(super) static P: [Move; 4] = [
    LAYOUT.permutation(0),
    LAYOUT.permutation(1),
    LAYOUT.permutation(2),
    LAYOUT.permutation(3),
];
pub(super) static OUTER: [Move; 2] = [LAYOUT.expansion(0), LAYOUT.expansion(5)];
pub(super) static CUTS: [Cut; 8] = [
    LAYOUT.cut(0),
    LAYOUT.cut(1),
    LAYOUT.cut(2),
    LAYOUT.cut(3),
    LAYOUT.cut(4),
    LAYOUT.cut(5),
    LAYOUT.cut(6),
    LAYOUT.cut(7),
];

/// The S-boxes for a last input bit of 0 and of 1.
pub(super) static BOXES: [[Bytes; 8]; 2] = {
    let mut boxes = [[[0; 16]; 8]; 2];
    let mut i = 0;
    while i < 8 {
        boxes[0][i] = LAYOUT.half_box(i, 0);
        boxes[1][i] = LAYOUT.half_box(i, 1);
        i += 1;
    }
    boxes
};
