// SPDX-License-Identifier: MIT OR Apache-2.0
//! Transposition of 64 x 64 bits, in every element of the words at once.
//!
//! Six stages, each of which exchanges squares of bits between pairs of words. Three of them at a time take the words of
//! a column of 8 x 8 words, the other three those of a row, so that eight words stay in registers and each is read and
//! written twice. The order behind IP, by bytes and their bits, is a regular one: bit *k* of byte *i* stands in place
//! 7 - *i* of the group [`GROUPS`]`[k]`. So it costs nothing to put the words there, or to take them from there.

use super::word::Word;

/// The group of eight planes behind IP to which a bit of a byte goes, the highest bit first.
const GROUPS: [usize; 8] = [4, 0, 5, 1, 6, 2, 7, 3];

/// Exchanges the right half of squares in `a` and the left one in `b`.
#[inline(always)]
fn exchange<W: Word, const COUNT: i32>(a: &mut W, b: &mut W, mask: W) {
    let t = a.xor(b.right::<COUNT>()).and(mask);
    *a = a.xor(t);
    *b = b.xor(t.left::<COUNT>());
}

/// Three stages over eight words.
#[inline(always)]
fn stages<W: Word, const A: i32, const B: i32, const C: i32>(words: &mut [W; 8], masks: [u64; 3]) {
    let [a, b, c] = masks.map(W::splat);
    let [w0, w1, w2, w3, w4, w5, w6, w7] = words;
    exchange::<W, A>(w0, w4, a);
    exchange::<W, A>(w1, w5, a);
    exchange::<W, A>(w2, w6, a);
    exchange::<W, A>(w3, w7, a);
    exchange::<W, B>(w0, w2, b);
    exchange::<W, B>(w1, w3, b);
    exchange::<W, B>(w4, w6, b);
    exchange::<W, B>(w5, w7, b);
    exchange::<W, C>(w0, w1, c);
    exchange::<W, C>(w2, w3, c);
    exchange::<W, C>(w4, w5, c);
    exchange::<W, C>(w6, w7, c);
}

/// The stages between words that are 32, 16 and 8 apart.
#[inline(always)]
fn far<W: Word>(words: &mut [W; 8]) {
    let masks = [0x0000_0000_FFFF_FFFF, 0x0000_FFFF_0000_FFFF, 0x00FF_00FF_00FF_00FF];
    stages::<W, 32, 16, 8>(words, masks);
}

/// The stages between words that are 4, 2 and 1 apart.
#[inline(always)]
fn near<W: Word>(words: &mut [W; 8]) {
    let masks = [0x0F0F_0F0F_0F0F_0F0F, 0x3333_3333_3333_3333, 0x5555_5555_5555_5555];
    stages::<W, 4, 2, 1>(words, masks);
}

/// One word of each group.
#[inline(always)]
fn column<W: Word>(words: &[W; 64], place: usize) -> [W; 8] {
    let mut column = [W::ZERO; 8];
    for (to, group) in column.iter_mut().zip(words.as_chunks::<8>().0) {
        *to = group.get(place).copied().unwrap_or(W::ZERO);
    }
    column
}

/// The inverse of [`column`].
#[inline(always)]
fn put_column<W: Word>(words: &mut [W; 64], place: usize, column: &[W; 8]) {
    for (group, from) in words.as_chunks_mut::<8>().0.iter_mut().zip(column) {
        if let Some(to) = group.get_mut(place) {
            *to = *from;
        }
    }
}

/// Bit 63 - *j* of word *i* goes to bit 63 - *i* of word *j*.
#[inline(always)]
pub(super) fn in_place<W: Word>(words: &mut [W; 64]) {
    for place in 0..8 {
        let mut now = column(words, place);
        far(&mut now);
        put_column(words, place, &now);
    }
    for row in words.as_chunks_mut::<8>().0 {
        near(row);
    }
}

/// Eight words of the standard's order, those of a byte, in the order of the groups they go to.
#[inline(always)]
fn grouped<W: Word>(row: &[W; 8]) -> [W; 8] {
    let [w0, w1, w2, w3, w4, w5, w6, w7] = *row;
    [w1, w3, w5, w7, w0, w2, w4, w6]
}

/// [`in_place`], then into the order behind IP. In `room` the words stand in between.
#[inline(always)]
pub(super) fn slice<W: Word>(words: &mut [W; 64], room: &mut [W; 64]) {
    for place in 0..8 {
        let mut now = column(words, place);
        far(&mut now);
        put_column(room, place, &now);
    }
    for (row, place) in room.as_chunks_mut::<8>().0.iter_mut().zip((0..8).rev()) {
        near(row);
        put_column(words, place, &grouped(row));
    }
}

/// From the order behind IP, then [`in_place`]. In `room` the words stand in between.
#[inline(always)]
pub(super) fn unslice<W: Word>(words: &mut [W; 64], room: &mut [W; 64]) {
    for (place, group) in GROUPS.into_iter().enumerate() {
        if let Some(group) = words.as_chunks::<8>().0.get(group) {
            let [w7, w6, w5, w4, w3, w2, w1, w0] = *group;
            let mut now = [w0, w1, w2, w3, w4, w5, w6, w7];
            far(&mut now);
            put_column(room, place, &now);
        }
    }
    for (row, to) in room.as_chunks_mut::<8>().0.iter_mut().zip(words.as_chunks_mut::<8>().0) {
        near(row);
        *to = *row;
    }
}

/// From the standard's order to that behind IP.
#[inline(always)]
pub(super) fn enter<W: Word>(words: &mut [W; 64]) {
    let from = *words;
    for (row, place) in from.as_chunks::<8>().0.iter().zip((0..8).rev()) {
        put_column(words, place, &grouped(row));
    }
}

/// The inverse of [`enter`].
#[inline(always)]
pub(super) fn leave<W: Word>(words: &mut [W; 64]) {
    let from = *words;
    for (row, place) in words.as_chunks_mut::<8>().0.iter_mut().zip((0..8).rev()) {
        let [w1, w3, w5, w7, w0, w2, w4, w6] = column(&from, place);
        *row = [w0, w1, w2, w3, w4, w5, w6, w7];
    }
}
