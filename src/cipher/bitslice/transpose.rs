// SPDX-License-Identifier: MIT OR Apache-2.0
//! Transposition of 64 x 64 bits, in every element of the words at once.

use super::word::Word;

/// Exchanges the halves of squares of 2 `COUNT` bits, where they meet the diagonal from the right.
#[inline(always)]
fn stage<W: Word, const COUNT: i32, const SPAN: usize>(words: &mut [W; 64], mask: u64) {
    let mask = W::splat(mask);
    let (squares, _) = words.as_chunks_mut::<SPAN>();
    for square in squares {
        let (upper, lower) = square.split_at_mut(SPAN >> 1);
        for (a, b) in upper.iter_mut().zip(lower) {
            let t = a.xor(b.right::<COUNT>()).and(mask);
            *a = a.xor(t);
            *b = b.xor(t.left::<COUNT>());
        }
    }
}

/// Bit 63 - *j* of word *i* goes to bit 63 - *i* of word *j*.
#[inline(always)]
pub(super) fn in_place<W: Word>(words: &mut [W; 64]) {
    stage::<W, 32, 64>(words, 0x0000_0000_FFFF_FFFF);
    stage::<W, 16, 32>(words, 0x0000_FFFF_0000_FFFF);
    stage::<W, 8, 16>(words, 0x00FF_00FF_00FF_00FF);
    stage::<W, 4, 8>(words, 0x0F0F_0F0F_0F0F_0F0F);
    stage::<W, 2, 4>(words, 0x3333_3333_3333_3333);
    stage::<W, 1, 2>(words, 0x5555_5555_5555_5555);
}
