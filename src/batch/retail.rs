// SPDX-License-Identifier: MIT OR Apache-2.0
//! ISO/IEC 9797-1 MAC algorithm 3 on planes.

use crate::cipher::bitslice::{Machine, Mask, Planes, Word};

/// Messages of up to `N` blocks, each with its own number.
pub(super) struct Blocks<W: Word, const N: usize> {
    pub(super) planes: [Planes<W>; N],
    /// The jobs that have this block.
    present: [Mask<W>; N],
    longest: usize,
}

impl<W: Word, const N: usize> Blocks<W, N> {
    #[inline(always)]
    pub(super) const fn new() -> Self {
        Self {
            planes: [const { Planes::zero() }; N],
            present: [const { Mask::none() }; N],
            longest: 0,
        }
    }

    #[inline(always)]
    pub(super) fn set(&mut self, job: usize, blocks: &[u64; N], count: usize) {
        let places = self.planes.iter_mut().zip(&mut self.present);
        for ((planes, present), block) in places.zip(blocks).take(count) {
            planes.set(job, *block);
            present.set(job);
        }
        self.longest = self.longest.max(count);
    }

    #[inline(always)]
    pub(super) fn slice(&mut self) {
        self.planes.iter_mut().take(self.longest).for_each(Planes::slice);
    }
}

/// One block more of the chain under the key's left half, in the jobs that have it.
#[inline(always)]
pub(super) fn absorb<W: Word>(
    machine: &mut Machine<W>,
    key: &Planes<W>,
    block: &Planes<W>,
    present: &Mask<W>,
    state: &mut Planes<W>,
) {
    let mut next = Planes::zero();
    next.copy(state);
    next.add(block);
    machine.des(key, false, false, &mut next);
    state.choose(present.0, &next);
}

/// The output transformation: deciphered under the right half, enciphered under the left one.
#[inline(always)]
pub(super) fn transform<W: Word>(machine: &mut Machine<W>, [left, right]: [&Planes<W>; 2], state: &mut Planes<W>) {
    machine.des(right, false, true, state);
    machine.des(left, false, false, state);
}

/// The whole MAC, in the order behind IP.
#[inline(always)]
pub(super) fn retail<W: Word, const N: usize>(
    machine: &mut Machine<W>,
    key: [&Planes<W>; 2],
    blocks: &Blocks<W, N>,
    state: &mut Planes<W>,
) {
    let [left, _] = key;
    let places = blocks.planes.iter().zip(&blocks.present);
    for (block, present) in places.take(blocks.longest) {
        absorb(machine, left, block, present, state);
    }
    transform(machine, key, state);
}
