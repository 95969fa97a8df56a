// SPDX-License-Identifier: MIT OR Apache-2.0
//! The constants of the shuffles, computed by the compiler.

// Constant evaluation: an index out of range or an overflow does not compile.
#![allow(clippy::arithmetic_side_effects, clippy::indexing_slicing, clippy::integer_division_remainder_used)]

use super::super::layout::{Bytes, Keys, Layout, Move, Test};

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
pub(in super::super) static KEYS: Keys = LAYOUT.keys([0; 16]);

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
