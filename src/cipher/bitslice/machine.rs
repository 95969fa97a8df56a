// SPDX-License-Identifier: MIT OR Apache-2.0
//! Whole DES operations on planes, and the way of jobs into planes and back.

use super::rounds::KeyPlanes;
use super::word::Word;

/// IP: L takes the even bits of the block, from the last byte to the first, R the odd ones.
pub(super) const IP: [u8; 64] = [
    58, 50, 42, 34, 26, 18, 10, 2, 60, 52, 44, 36, 28, 20, 12, 4, 62, 54, 46, 38, 30, 22, 14, 6, 64, 56, 48, 40, 32, 24,
    16, 8, // L
    57, 49, 41, 33, 25, 17, 9, 1, 59, 51, 43, 35, 27, 19, 11, 3, 61, 53, 45, 37, 29, 21, 13, 5, 63, 55, 47, 39, 31, 23,
    15, 7, // R
];

/// Copies planes by constant places.
macro_rules! place {
    ($to:ident, $from:ident: $($at:literal $source:literal)*) => {
        $($to[$at] = $from[$source];)*
    };
}

/// PC-1 over a key in the order behind IP, each register twice.
#[inline(always)]
#[rustfmt::skip]
pub(super) fn schedule<W: Word>(key: &[W; 64], to: &mut [W; 112]) {
    place!(to, key:
        0 32 28 32 1 33 29 33 2 34 30 34 3 35 31 35 4 36 32 36 5 37 33 37 6 38 34 38 7 39 35 39 8 0 36 0 9 1
        37 1 10 2 38 2 11 3 39 3 12 4 40 4 13 5 41 5 14 6 42 6 15 7 43 7 16 40 44 40 17 41 45 41 18 42 46 42
        19 43 47 43 20 44 48 44 21 45 49 45 22 46 50 46 23 47 51 47 24 8 52 8 25 9 53 9 26 10 54 10 27 11 55 11
        56 56 84 56 57 57 85 57 58 58 86 58 59 59 87 59 60 60 88 60 61 61 89 61 62 62 90 62 63 63 91 63 64 16
        92 16 65 17 93 17 66 18 94 18 67 19 95 19 68 20 96 20 69 21 97 21 70 22 98 22 71 23 99 23 72 48 100 48
        73 49 101 49 74 50 102 50 75 51 103 51 76 52 104 52 77 53 105 53 78 54 106 54 79 55 107 55 80 12 108 12
        81 13 109 13 82 14 110 14 83 15 111 15
    );
}

/// A value of 64 bits of every job; wiped when it goes.
///
/// Filled job by job and then transposed: plane *j* has bit *j* + 1 of the standard, the first one the highest; or
/// [sliced](Self::slice), so that the planes stand in the order behind IP.
pub(crate) struct Planes<W: Word>(pub(crate) [W; 64]);

impl<W: Word> Planes<W> {
    #[inline(always)]
    pub(crate) const fn zero() -> Self {
        Self([W::ZERO; 64])
    }

    /// Writes the value of a job, before the transposition.
    #[inline(always)]
    pub(crate) fn set(&mut self, job: usize, value: u64) {
        let (row, element) = place_of::<W>(job);
        let row = self.0.get_mut(row);
        if let Some(to) = row.and_then(|row| row.elements_mut().as_mut().get_mut(element)) {
            *to = value;
        }
    }

    /// The value of a job, behind the transposition back.
    #[inline(always)]
    pub(crate) fn get(&self, job: usize) -> u64 {
        let (row, element) = place_of::<W>(job);
        let row = self.0.get(row);
        let value = row.and_then(|row| row.elements().as_ref().get(element));
        value.copied().unwrap_or(0)
    }

    /// Values to planes in the standard's order, and back.
    #[inline(always)]
    pub(crate) fn transpose(&mut self) {
        W::transpose(&mut self.0);
    }

    /// Values to planes in the order behind IP, which every DES and every key needs. In `room` they stand in between.
    #[inline(always)]
    pub(crate) fn slice(&mut self, room: &mut Self) {
        W::slice(&mut self.0, &mut room.0);
    }

    /// Planes in the order behind IP to values.
    #[inline(always)]
    pub(crate) fn unslice(&mut self, room: &mut Self) {
        W::unslice(&mut self.0, &mut room.0);
    }

    /// From the standard's order to that behind IP.
    #[inline(always)]
    pub(crate) fn enter(&mut self) {
        W::permute(&mut self.0, true);
    }

    /// From the order behind IP to the standard's.
    #[inline(always)]
    pub(crate) fn leave(&mut self) {
        W::permute(&mut self.0, false);
    }

    #[inline(always)]
    pub(crate) fn copy(&mut self, from: &Self) {
        self.0 = from.0;
    }

    /// Exchanges the halves.
    #[inline(always)]
    fn swap(&mut self) {
        if let ([left, right], _) = self.0.as_chunks_mut::<32>() {
            core::mem::swap(left, right);
        }
    }

    /// Exchanges the halves and adds.
    #[inline(always)]
    pub(crate) fn swap_add(&mut self, other: &Self) {
        let (([left, right], _), ([first, last], _)) = (self.0.as_chunks_mut::<32>(), other.0.as_chunks::<32>()) else {
            return;
        };
        for ((left, right), (first, last)) in left.iter_mut().zip(right).zip(first.iter().zip(last)) {
            (*left, *right) = (right.xor(*first), left.xor(*last));
        }
    }

    /// Adds C0C0C0C0 00000000, in the order behind IP, in whichever order the halves are.
    #[inline(always)]
    pub(crate) fn vary(&mut self) {
        if let ([left, right], _) = self.0.as_chunks_mut::<32>() {
            for half in [left, right] {
                for word in half.iter_mut().skip(4).take(4) {
                    *word = word.not();
                }
            }
        }
    }

    #[inline(always)]
    pub(crate) fn add(&mut self, other: &Self) {
        for (to, from) in self.0.iter_mut().zip(&other.0) {
            *to = to.xor(*from);
        }
    }

    /// Takes `other` where `mask` is set.
    #[inline(always)]
    pub(crate) fn choose(&mut self, mask: W, other: &Self) {
        for (to, from) in self.0.iter_mut().zip(&other.0) {
            *to = W::select(mask, *from, *to);
        }
    }

    /// Adds a constant, in the order behind IP.
    #[inline(always)]
    pub(crate) fn flip(&mut self, constant: u64) {
        for (word, number) in self.0.iter_mut().zip(IP) {
            if bit(constant, number) {
                *word = word.not();
            }
        }
    }
}

impl<W: Word> Drop for Planes<W> {
    #[inline(always)]
    fn drop(&mut self) {
        W::wipe(&mut self.0);
    }
}

/// One bit of every job.
pub(crate) struct Mask<W: Word>(pub(crate) W);

impl<W: Word> Mask<W> {
    #[inline(always)]
    pub(crate) const fn none() -> Self {
        Self(W::ZERO)
    }

    #[inline(always)]
    pub(crate) fn set(&mut self, job: usize) {
        let (row, element) = place_of::<W>(job);
        if let Some(to) = self.0.elements_mut().as_mut().get_mut(element) {
            *to |= (1_u64 << 63).wrapping_shr(shift(row));
        }
    }

    #[inline(always)]
    pub(crate) fn get(&self, job: usize) -> u8 {
        let (row, element) = place_of::<W>(job);
        let element = self.0.elements().as_ref().get(element).copied().unwrap_or(0);
        let [.., bit] = element.wrapping_shr(63_u32.wrapping_sub(shift(row))).to_be_bytes();
        bit & 1
    }
}

/// The word of a job before the transposition, which is its place in the elements behind it, and its element: jobs one
/// behind the other stand so in memory.
#[inline(always)]
const fn place_of<W: Word>(job: usize) -> (usize, usize) {
    let elements = W::LANES.wrapping_shr(6);
    (job.wrapping_shr(elements.trailing_zeros()) & 63, job & elements.wrapping_sub(1))
}

#[inline(always)]
fn shift(row: usize) -> u32 {
    u32::try_from(row).unwrap_or(0)
}

/// Places in [`KeyPlanes`] of the bits that [`VARIANT`] changes.
const VARIANT_PLACES: [usize; 16] = [4, 32, 5, 33, 6, 34, 7, 35, 12, 40, 13, 41, 14, 42, 15, 43];

/// The two keys that are being worked with, scheduled; wiped when they go.
///
/// A key is scheduled once for all that is done with it: the third DES of two-key TDEA takes the schedule of the first,
/// both halves of a derived key and all blocks of a message take those that are there.
pub(crate) struct Machine<W: Word>([KeyPlanes<W>; 2]);

impl<W: Word> Machine<W> {
    #[inline(always)]
    pub(crate) const fn new() -> Self {
        Self([const { KeyPlanes([W::ZERO; 112]) }; 2])
    }

    /// One key, many DESes.
    #[cfg(feature = "hazmat")]
    #[inline(always)]
    pub(super) fn repeat(&mut self, key: &Planes<W>, count: usize, block: &mut Planes<W>) {
        self.first(key);
        for _ in 0..count {
            self.turn(false, block);
        }
    }

    /// Takes the first key.
    #[inline(always)]
    pub(crate) fn first(&mut self, key: &Planes<W>) {
        let [one, _] = &mut self.0;
        W::schedule(&key.0, one);
    }

    /// Takes both keys: of two-key TDEA, or of MAC algorithm 3.
    #[inline(always)]
    pub(crate) fn both(&mut self, keys: [&Planes<W>; 2]) {
        for (to, key) in self.0.iter_mut().zip(keys) {
            W::schedule(&key.0, to);
        }
    }

    /// Adds C0C0C0C0 00000000 to both keys, or to the first alone.
    #[inline(always)]
    pub(crate) fn vary(&mut self, both: bool) {
        for key in self.0.iter_mut().take(if both { 2 } else { 1 }) {
            // Where PC-1 puts the two highest bits of the first four bytes.
            for place in VARIANT_PLACES {
                if let Some(word) = key.0.get_mut(place) {
                    *word = word.not();
                }
            }
        }
    }

    /// One DES under the first key. The halves are left in the other order: what stood first of the result stands last.
    #[inline(always)]
    pub(crate) fn turn(&self, backward: bool, block: &mut Planes<W>) {
        let [one, _] = &self.0;
        if let ([left, right], _) = block.0.as_chunks_mut::<32>() {
            W::des(one, left, right, backward);
        }
    }

    /// One DES under the first key.
    #[cfg(test)]
    #[inline(always)]
    pub(crate) fn des(&self, backward: bool, block: &mut Planes<W>) {
        self.turn(backward, block);
        block.swap();
    }

    /// Two-key TDEA.
    #[inline(always)]
    pub(crate) fn tdes(&self, backward: bool, block: &mut Planes<W>) {
        let [one, two] = &self.0;
        if let ([left, right], _) = block.0.as_chunks_mut::<32>() {
            // The permutations between two DESes cancel.
            W::des(one, left, right, backward);
            W::des(two, right, left, !backward);
            W::des(one, left, right, backward);
        }
        block.swap();
    }

    /// Three-key TDEA, of keys that are taken for it.
    #[inline(always)]
    pub(crate) fn tdes3(&mut self, [k1, k2, k3]: [&Planes<W>; 3], backward: bool, block: &mut Planes<W>) {
        let [first, last] = if backward { [k3, k1] } else { [k1, k3] };
        self.both([first, k2]);
        let ([left, right], _) = block.0.as_chunks_mut::<32>() else {
            return;
        };
        let [one, two] = &self.0;
        W::des(one, left, right, backward);
        W::des(two, right, left, !backward);
        self.first(last);
        let [one, _] = &self.0;
        W::des(one, left, right, backward);
        block.swap();
    }

    /// The output transformation of MAC algorithm 3, of a block whose halves stand in the other order: deciphered under the
    /// second key, enciphered under the first one.
    #[inline(always)]
    pub(crate) fn transform(&self, block: &mut Planes<W>) {
        let [one, two] = &self.0;
        if let ([left, right], _) = block.0.as_chunks_mut::<32>() {
            W::des(two, right, left, true);
            W::des(one, left, right, false);
        }
        block.swap();
    }
}

impl<W: Word> Drop for Machine<W> {
    #[inline(always)]
    fn drop(&mut self) {
        for key in &mut self.0 {
            W::wipe(&mut key.0);
        }
    }
}

/// Bit `number` of the standard, from 1 on, of a 64-bit constant.
#[inline(always)]
fn bit(constant: u64, number: u8) -> bool {
    constant.wrapping_shr(64_u32.wrapping_sub(number.into())) & 1 != 0
}
