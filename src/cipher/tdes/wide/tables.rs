// SPDX-License-Identifier: MIT OR Apache-2.0
//! The constants of the look-ups in 64 bytes, computed by the compiler.

use super::super::layout::{Bytes, Keys, Layout, Move, Test};

/// What bit of its byte each input bit of each S-box is: six colours of the lines of P and E.
const LAYOUT: Layout = Layout {
    input: [
        [4, 0, 1, 2, 3, 5],
        [4, 0, 1, 2, 3, 5],
        [4, 0, 1, 2, 3, 5],
        [5, 0, 1, 2, 3, 4],
        [5, 1, 2, 0, 3, 4],
        [2, 1, 0, 3, 4, 5],
        [2, 0, 5, 3, 4, 1],
        [3, 5, 0, 2, 1, 4],
    ],
    interleaved: false,
};

/// Bit 6 of the bytes of S-boxes that are the second of their pair.
const SECOND: Bytes = [0, 0xFF, 0, 0xFF, 0, 0xFF, 0, 0xFF, 0, 0, 0, 0, 0, 0, 0, 0];

/// The bytes of the second, the third and the fourth pair of S-boxes.
pub(super) static PAIRS: [Bytes; 3] = [
    [0, 0, 0xFF, 0xFF, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF, 0, 0, 0, 0],
    [0, 0, 0, 0, 0xFF, 0xFF, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF, 0, 0],
    [0, 0, 0, 0, 0, 0, 0xFF, 0xFF, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF],
];

pub(super) static INITIAL: [[Test; 6]; 2] = LAYOUT.initial();
pub(super) static LAST: [Test; 8] = LAYOUT.last();
pub(super) static P: [Move; 6] = [
    LAYOUT.permutation(0),
    LAYOUT.permutation(1),
    LAYOUT.permutation(2),
    LAYOUT.permutation(3),
    LAYOUT.permutation(4),
    LAYOUT.permutation(5),
];
pub(in super::super) static KEYS: Keys = LAYOUT.keys(SECOND);

/// The S-boxes, as outputs that stand where they are inputs of the next round.
pub(super) static BOXES: [[u8; 64]; 8] = [
    LAYOUT.whole_box(0),
    LAYOUT.whole_box(1),
    LAYOUT.whole_box(2),
    LAYOUT.whole_box(3),
    LAYOUT.whole_box(4),
    LAYOUT.whole_box(5),
    LAYOUT.whole_box(6),
    LAYOUT.whole_box(7),
];
