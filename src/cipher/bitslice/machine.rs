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

/// The mask between the two halves of a DUKPT key: C0C0C0C0 00000000.
pub(crate) const VARIANT: u64 = 0xC0C0_C0C0_0000_0000;

/// Copies planes by constant places.
macro_rules! place {
    ($to:ident, $from:ident: $($at:literal $source:literal)*) => {
        $($to[$at] = $from[$source];)*
    };
}

/// From the standard's order of bits to that behind IP.
#[inline(always)]
#[rustfmt::skip]
pub(super) fn enter<W: Word>(to: &mut [W; 64]) {
    let from = *to;
    place!(to, from:
        0 57 1 49 2 41 3 33 4 25 5 17 6 9 7 1 8 59 9 51 10 43 11 35 12 27 13 19 14 11 15 3 16 61 17 53 18 45
        19 37 20 29 21 21 22 13 23 5 24 63 25 55 26 47 27 39 28 31 29 23 30 15 31 7 32 56 33 48 34 40 35 32
        36 24 37 16 38 8 39 0 40 58 41 50 42 42 43 34 44 26 45 18 46 10 47 2 48 60 49 52 50 44 51 36 52 28
        53 20 54 12 55 4 56 62 57 54 58 46 59 38 60 30 61 22 62 14 63 6
    );
}

/// The inverse of [`enter`].
#[inline(always)]
#[rustfmt::skip]
pub(super) fn leave<W: Word>(to: &mut [W; 64]) {
    let from = *to;
    place!(to, from:
        57 0 49 1 41 2 33 3 25 4 17 5 9 6 1 7 59 8 51 9 43 10 35 11 27 12 19 13 11 14 3 15 61 16 53 17 45 18
        37 19 29 20 21 21 13 22 5 23 63 24 55 25 47 26 39 27 31 28 23 29 15 30 7 31 56 32 48 33 40 34 32 35
        24 36 16 37 8 38 0 39 58 40 50 41 42 42 34 43 26 44 18 45 10 46 2 47 60 48 52 49 44 50 36 51 28 52
        20 53 12 54 4 55 62 56 54 57 46 58 38 59 30 60 22 61 14 62 6 63
    );
}

/// PC-1 over a key in the order behind IP, each register twice.
#[inline(always)]
#[rustfmt::skip]
fn schedule<W: Word>(key: &[W; 64], to: &mut [W; 112]) {
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
        let row = self.0.get_mut(job & 63);
        if let Some(element) = row.and_then(|row| row.elements_mut().as_mut().get_mut(job.wrapping_shr(6))) {
            *element = value;
        }
    }

    /// The value of a job, behind the transposition back.
    #[inline(always)]
    pub(crate) fn get(&self, job: usize) -> u64 {
        let row = self.0.get(job & 63);
        let element = row.and_then(|row| row.elements().as_ref().get(job.wrapping_shr(6)));
        element.copied().unwrap_or(0)
    }

    /// Values to planes in the standard's order, and back.
    #[inline(always)]
    pub(crate) fn transpose(&mut self) {
        W::transpose(&mut self.0);
    }

    /// Values to planes in the order behind IP, which every DES and every key needs.
    #[inline(always)]
    pub(crate) fn slice(&mut self) {
        W::transpose(&mut self.0);
        W::permute(&mut self.0, true);
    }

    /// Planes in the order behind IP to values.
    #[inline(always)]
    pub(crate) fn unslice(&mut self) {
        W::permute(&mut self.0, false);
        W::transpose(&mut self.0);
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
        if let Some(element) = self.0.elements_mut().as_mut().get_mut(job.wrapping_shr(6)) {
            *element |= (1_u64 << 63).wrapping_shr(low(job));
        }
    }

    #[inline(always)]
    pub(crate) fn get(&self, job: usize) -> u8 {
        let element = self.0.elements().as_ref().get(job.wrapping_shr(6)).copied().unwrap_or(0);
        let [.., bit] = element.wrapping_shr(63_u32.wrapping_sub(low(job))).to_be_bytes();
        bit & 1
    }
}

/// The place of a job in its element, from the left.
#[inline(always)]
fn low(job: usize) -> u32 {
    u32::try_from(job & 63).unwrap_or(0)
}

/// Places in [`KeyPlanes`] of the bits that [`VARIANT`] changes.
const VARIANT_PLACES: [u8; 16] = [4, 32, 5, 33, 6, 34, 7, 35, 12, 40, 13, 41, 14, 42, 15, 43];

/// One DES of a chain.
pub(crate) struct Step<'a, W: Word> {
    pub(crate) key: &'a Planes<W>,
    /// C0C0C0C0 00000000 is added to the key.
    pub(crate) variant: bool,
    pub(crate) backward: bool,
}

/// Room for the key that is being worked with; wiped when it goes.
pub(crate) struct Machine<W: Word>(KeyPlanes<W>);

impl<W: Word> Machine<W> {
    #[inline(always)]
    pub(crate) const fn new() -> Self {
        Self(KeyPlanes([W::ZERO; 112]))
    }

    /// One key, many DESes.
    #[cfg(feature = "hazmat")]
    #[inline(always)]
    pub(super) fn repeat(&mut self, key: &Planes<W>, count: usize, block: &mut Planes<W>) {
        self.des(key, false, false, block);
        if let ([left, right], _) = block.0.as_chunks_mut::<32>() {
            for _ in 1..count {
                W::des(&self.0, right, left, false);
                core::mem::swap(right, left);
            }
        }
    }

    /// One DES.
    #[inline(always)]
    pub(crate) fn des(&mut self, key: &Planes<W>, variant: bool, backward: bool, block: &mut Planes<W>) {
        let step = Step { key, variant, backward };
        W::chain(self, &[step], block);
    }

    /// Three-key TDEA.
    #[inline(always)]
    pub(crate) fn tdes3(&mut self, [k1, k2, k3]: [&Planes<W>; 3], backward: bool, block: &mut Planes<W>) {
        let step = |key, backward| Step {
            key,
            variant: false,
            backward,
        };
        let [first, last] = if backward { [k3, k1] } else { [k1, k3] };
        let steps = [step(first, backward), step(k2, !backward), step(last, backward)];
        W::chain(self, &steps, block);
    }

    /// Two-key TDEA.
    #[inline(always)]
    pub(crate) fn tdes(&mut self, [k1, k2]: [&Planes<W>; 2], variant: bool, backward: bool, block: &mut Planes<W>) {
        let step = |key, backward| Step { key, variant, backward };
        W::chain(self, &[step(k1, backward), step(k2, !backward), step(k1, backward)], block);
    }
}

impl<W: Word> Drop for Machine<W> {
    #[inline(always)]
    fn drop(&mut self) {
        W::wipe(&mut self.0.0);
    }
}

/// Bit `number` of the standard, from 1 on, of a 64-bit constant.
#[inline(always)]
fn bit(constant: u64, number: u8) -> bool {
    constant.wrapping_shr(64_u32.wrapping_sub(number.into())) & 1 != 0
}

/// DESes one after the other; the permutations between them cancel.
#[inline(always)]
pub(super) fn chain<W: Word>(machine: &mut Machine<W>, steps: &[Step<'_, W>], block: &mut Planes<W>) {
    let Machine(key) = machine;
    let ([left, right], _) = block.0.as_chunks_mut::<32>() else {
        return;
    };
    let mut swapped = false;
    for step in steps {
        schedule(&step.key.0, &mut key.0);
        if step.variant {
            // Where PC-1 puts the two highest bits of the first four bytes.
            for place in VARIANT_PLACES {
                if let Some(word) = key.0.get_mut(usize::from(place)) {
                    *word = word.not();
                }
            }
        }
        if swapped {
            W::des(key, right, left, step.backward);
        } else {
            W::des(key, left, right, step.backward);
        }
        swapped = !swapped;
    }
    // R16 stands first.
    if swapped {
        core::mem::swap(left, right);
    }
}
