// SPDX-License-Identifier: MIT OR Apache-2.0
//! ISO/IEC 9797-1 MAC algorithm 3 on planes.

use crate::cipher::bitslice::{Machine, Mask, Planes, Word};

/// Messages of up to `N` blocks, each with its own number.
pub(super) struct Blocks<W: Word, const N: usize> {
    pub(super) planes: [Planes<W>; N],
    /// The jobs whose last block this is; [sliced](Self::slice): those that have this block.
    present: [Mask<W>; N],
    longest: usize,
    shortest: usize,
}

impl<W: Word, const N: usize> Blocks<W, N> {
    #[inline(always)]
    pub(super) const fn new() -> Self {
        Self {
            planes: [const { Planes::zero() }; N],
            present: [const { Mask::none() }; N],
            longest: 0,
            shortest: N,
        }
    }

    #[inline(always)]
    pub(super) fn set(&mut self, job: usize, blocks: &[u64; N], count: usize) {
        // All of them, so that nothing has to be counted: what is behind the last one is in no mask.
        for (planes, block) in self.planes.iter_mut().zip(blocks) {
            planes.set(job, *block);
        }
        if let Some(last) = self.present.get_mut(count.wrapping_sub(1)) {
            last.set(job);
        }
        self.longest = self.longest.max(count);
        self.shortest = self.shortest.min(count);
    }

    #[inline(always)]
    pub(super) fn slice(&mut self, room: &mut Planes<W>) {
        for planes in self.planes.iter_mut().take(self.longest) {
            planes.slice(room);
        }
        let mut present = W::ZERO;
        for mask in self.present.iter_mut().rev() {
            present = present.or(mask.0);
            mask.0 = present;
        }
    }
}

/// One block more of the chain under the first key, in the jobs that have it: all, if no mask is given. The halves of the
/// state are in the other order.
#[inline(always)]
pub(super) fn absorb<W: Word>(
    machine: &Machine<W>,
    block: &Planes<W>,
    present: Option<&Mask<W>>,
    state: &mut Planes<W>,
) {
    match present {
        None => {
            state.swap_add(block);
            machine.turn(false, state);
        }
        Some(present) => {
            let mut next = Planes::zero();
            next.copy(state);
            next.swap_add(block);
            machine.turn(false, &mut next);
            state.choose(present.0, &next);
        }
    }
}

/// The whole MAC under the keys of the machine, in the order behind IP.
#[inline(always)]
pub(super) fn retail<W: Word, const N: usize>(machine: &Machine<W>, blocks: &Blocks<W, N>, state: &mut Planes<W>) {
    let places = blocks.planes.iter().zip(&blocks.present).enumerate();
    for (index, (block, present)) in places.take(blocks.longest) {
        // How long the messages are is public.
        absorb(machine, block, (index >= blocks.shortest).then_some(present), state);
    }
    machine.transform(state);
}
