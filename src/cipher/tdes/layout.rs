// SPDX-License-Identifier: MIT OR Apache-2.0
//! Where the bits of a DES stand in bytes, and the constants that follow from it. All of this is computed by the compiler
//! from the tables of the standard; nothing here runs with a secret.

// Constant evaluation: an index out of range or an overflow does not compile.
#![allow(clippy::arithmetic_side_effects, clippy::indexing_slicing, clippy::cast_possible_truncation)]
#![allow(clippy::integer_division_remainder_used)]

use super::standard::{IP, P, PC2, S};

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

/// How the sixteen round keys come out of the streams: the lives of each bit of the bytes, and what is set in bits 6 and
/// 7 besides.
pub(super) struct Keys {
    pub cuts: [Cut; 8],
    pub set: Bytes,
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
    /// The streams are four words of 32 bits: C even, C odd, D even, D odd (see [`schedule`](super::schedule)).
    const fn cut(&self, place: u8) -> Cut {
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

    /// The standard's output of S-box `i` for the input whose bits stand in `byte`.
    const fn output(&self, i: usize, byte: u8) -> u8 {
        let mut six = 0;
        let mut k = 0;
        while k < 6 {
            six = 2 * six + ((byte >> self.input[i][k]) & 1) as usize;
            k += 1;
        }
        S[i][32 * (six / 32) + 16 * (six % 2) + six / 2 % 16]
    }

    /// All eight [`cut`](Self::cut)s, and `set`: the bytes of bit 6, behind them those of bit 7.
    pub(super) const fn keys(&self, set: Bytes) -> Keys {
        Keys {
            cuts: [
                self.cut(0),
                self.cut(1),
                self.cut(2),
                self.cut(3),
                self.cut(4),
                self.cut(5),
                self.cut(6),
                self.cut(7),
            ],
            set,
        }
    }

    /// The output of S-box `i` for the input whose bits stand in `byte`: each output bit where the input bit that it
    /// becomes by P stands among bits 0 to 3.
    const fn nibble(&self, i: usize, byte: u8) -> u8 {
        let output = self.output(i, byte);
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

    /// S-box `i` by the six input bits: each output bit where the input bit that it becomes by P stands, and the end bits
    /// of a group also where the input bit that they become by E stands.
    pub(super) const fn whole_box(&self, i: usize) -> [u8; 64] {
        let mut table = [0; 64];
        let mut byte = 0;
        while byte < 64 {
            let output = self.output(i, byte as u8);
            let mut at = 0;
            while at < 6 * 8 {
                let (j, k) = (at / 6, at % 6);
                let (s, b) = source(bit(j, k));
                if s == i {
                    table[byte] |= ((output >> (3 - b)) & 1) << self.input[j][k];
                }
                at += 1;
            }
            byte += 1;
        }
        table
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
    let y = P[r] as usize - 1;
    (y / 4, y % 4)
}
