// SPDX-License-Identifier: MIT OR Apache-2.0
//! The sixteen rounds of DES on planes: a plane holds one bit of the block, or of the key, of every job.
//!
//! On planes E, P, PC-1, PC-2 and the rotations of the key cost nothing: they are names of planes. What is left of a
//! round are 48 additions of key bits, eight circuits of the S-boxes (sbox.rs) and 32 additions to the other half.
//!
//! **Key.** Round *n* takes the bits that PC-2 selects from the registers C and D rotated by t(n). The planes of C and
//! D are stored twice over, 2 x 28 each, so that a rotation is a beginning: bit *j* of a round key is the plane at the
//! constant place of *j* behind t(n). So two rounds are straight code, and sixteen are eight turns of it, which stay in the
//! instruction cache of the smallest processor that has such registers.

use core::sync::atomic::{Ordering, compiler_fence};

use super::sbox::{b1, b2, b3, b4, b5, b6, b7, b8, t1, t2, t3, t4, t5, t6, t7, t8};
use super::word::Word;

/// One half of the block, behind IP.
pub(crate) type Half<W> = [W; 32];

/// The planes of C, twice, and of D, twice.
pub(crate) struct KeyPlanes<W>(pub(super) [W; 112]);

/// What a round sees of [`KeyPlanes`] from its rotation on.
type Window<W> = [W; 84];

/// How far C and D have rotated in each round, two rounds at a time.
const ROTATIONS: [[usize; 2]; 8] = [
    [1, 2],
    [4, 6],
    [8, 10],
    [12, 14],
    [15, 17],
    [19, 21],
    [23, 25],
    [27, 28],
];

/// One S-box: six planes of `right` and six of the key in, last bit first; four planes of `left` out, last bit first.
macro_rules! substitute {
    (
        $left:ident, $right:ident, $key:ident, $binary:ident, $ternary:ident,
        [$($e:literal),*], [$($k:literal),*], [$o0:literal, $o1:literal, $o2:literal, $o3:literal]
    ) => {
        let input = [$($right[$e].xor($key[$k])),*];
        let [y0, y1, y2, y3] = if W::TERNARY { $ternary(input) } else { $binary(input) };
        $left[$o0] = $left[$o0].xor(y0);
        $left[$o1] = $left[$o1].xor(y1);
        $left[$o2] = $left[$o2].xor(y2);
        $left[$o3] = $left[$o3].xor(y3);
        // Nothing of the next S-box is begun early: the registers are full with this one.
        compiler_fence(Ordering::SeqCst);
    };
}

/// L ^= f(R, K).
#[inline(always)]
#[rustfmt::skip]
fn round<W: Word>(left: &mut Half<W>, right: &Half<W>, key: &Window<W>) {
    substitute!(left, right, key, b8, t8, [0, 31, 30, 29, 28, 27], [59, 56, 63, 77, 69, 73], [20, 14, 26, 4]);
    substitute!(left, right, key, b7, t7, [28, 27, 26, 25, 24, 23], [80, 61, 83, 66, 76, 71], [6, 21, 11, 31]);
    substitute!(left, right, key, b6, t6, [24, 23, 22, 21, 20, 19], [75, 60, 72, 78, 67, 57], [18, 10, 28, 3]);
    substitute!(left, right, key, b4, t4, [16, 15, 14, 13, 12, 11], [1, 12, 19, 26, 6, 15], [0, 9, 19, 25]);
    substitute!(left, right, key, b3, t3, [12, 11, 10, 9, 8, 7], [7, 25, 3, 11, 18, 22], [5, 29, 15, 23]);
    substitute!(left, right, key, b2, t2, [8, 7, 6, 5, 4, 3], [9, 20, 5, 14, 27, 2], [17, 1, 27, 12]);
    substitute!(left, right, key, b1, t1, [4, 3, 2, 1, 0, 31], [4, 0, 23, 10, 16, 13], [30, 22, 16, 8]);
    substitute!(left, right, key, b5, t5, [20, 19, 18, 17, 16, 15], [82, 74, 64, 58, 79, 68], [2, 24, 13, 7]);
}

/// Sixteen rounds without IP and its inverse. The halves do not change places: the block is then R16 in `right`, L16 in
/// `left`, and the next DES, or the end, takes `right` first.
#[inline(always)]
pub(super) fn sixteen<W: Word>(key: &KeyPlanes<W>, left: &mut Half<W>, right: &mut Half<W>, backward: bool) {
    let last = ROTATIONS.len().wrapping_sub(1);
    for turn in 0..ROTATIONS.len() {
        let turn = if backward { last.wrapping_sub(turn) } else { turn };
        let [mut first, mut second] = ROTATIONS.get(turn).copied().unwrap_or_default();
        if backward {
            (first, second) = (second, first);
        }
        let window = |rotation: usize| key.0.get(rotation..).and_then(|rest| rest.first_chunk());
        // No rotation is over 28.
        let (Some(first), Some(second)) = (window(first), window(second)) else {
            return;
        };
        round(left, right, first);
        round(right, left, second);
    }
}
