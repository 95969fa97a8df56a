// SPDX-License-Identifier: MIT OR Apache-2.0
//! The derivation of TDEA DUKPT on planes.

use crate::cipher::bitslice::{Machine, Planes, Word};
use crate::dukpt::tdes::Ksn;

/// Most one bits of a transaction counter: steps of every walk.
const STEPS: usize = 10;

/// The first plane of the 21 counter bits in the rightmost 64 bits of a KSN.
const COUNTER: usize = 43;

/// Where IP puts them.
const COUNTER_PLACES: [u8; 21] = [
    10, 50, 18, 58, 26, 33, 1, 41, 9, 49, 17, 57, 25, 32, 0, 40, 8, 48, 16, 56, 24,
];

/// What makes a transaction key: the BDK, the leftmost 8 bytes of the IKSN, the rightmost 8 of the KSN. Filled job by
/// job, then used up.
pub(super) struct Derivation<W: Word> {
    bdk: [Planes<W>; 2],
    id: Planes<W>,
    ksn: Planes<W>,
}

impl<W: Word> Derivation<W> {
    #[inline(always)]
    pub(super) const fn new() -> Self {
        Self {
            bdk: [const { Planes::zero() }; 2],
            id: Planes::zero(),
            ksn: Planes::zero(),
        }
    }

    /// Writes down what a job's key is made of.
    #[inline(always)]
    pub(super) fn set(&mut self, job: usize, bdk: [u64; 2], ksn: &Ksn) {
        for (planes, half) in self.bdk.iter_mut().zip(bdk) {
            planes.set(job, half);
        }
        self.id.set(job, u64::from_be_bytes(ksn.initial_key_id().leftmost()));
        self.ksn.set(job, ksn.rightmost());
    }

    /// The transaction keys, both halves.
    ///
    /// Each step takes the highest counter bit that is left, whichever it is in each job; where none is left, the key
    /// stays. So every job has ten steps, and counters cost the same.
    #[inline(always)]
    pub(super) fn run(&mut self, machine: &mut Machine<W>, room: &mut Planes<W>, keys: &mut [Planes<W>; 2]) {
        let Self { bdk, id, ksn } = self;
        for planes in bdk.iter_mut().chain([&mut *id]) {
            planes.slice(room);
        }
        let [k1, k2] = &*bdk;
        let [left, right] = keys;
        left.copy(id);
        right.copy(id);
        machine.both([k1, k2]);
        machine.tdes(false, left);
        machine.vary(true);
        machine.tdes(false, right);

        ksn.transpose();
        let mut counter = [W::ZERO; 21];
        for (bit, plane) in counter.iter_mut().zip(ksn.0.iter_mut().skip(COUNTER)) {
            (*bit, *plane) = (*plane, W::ZERO);
        }
        ksn.enter();
        let (mut one, mut other) = (Planes::zero(), Planes::zero());
        for _ in 0..STEPS {
            let mut found = W::ZERO;
            for (bit, &place) in counter.iter_mut().zip(&COUNTER_PLACES) {
                let highest = bit.andn(found);
                found = found.or(*bit);
                *bit = bit.andn(highest);
                if let Some(plane) = ksn.0.get_mut(usize::from(place)) {
                    *plane = plane.or(highest);
                }
            }
            // DES(left half, S xor right half) xor right half, without and with the mask on both halves of the key.
            for ((one, s), right) in one.0.iter_mut().zip(&ksn.0).zip(&right.0) {
                *one = s.xor(*right);
            }
            other.copy(&one);
            other.vary();
            machine.first(left);
            machine.turn(false, &mut one);
            machine.vary(false);
            machine.turn(false, &mut other);
            other.vary();
            // Where a bit was found: left = other xor right, right = one xor right; the halves of one and other are in
            // the other order.
            let (keys, _) = left.0.as_chunks_mut::<32>();
            let (others, _) = right.0.as_chunks_mut::<32>();
            let ones = one.0.as_chunks::<32>().0.iter().zip(other.0.as_chunks::<32>().0).rev();
            for ((left, right), (one, other)) in keys.iter_mut().zip(others).zip(ones) {
                for (((left, right), one), other) in left.iter_mut().zip(right).zip(one).zip(other) {
                    *left = left.xor(found.and(left.xor(*other).xor(*right)));
                    *right = right.xor(found.and(*one));
                }
            }
        }
    }
}
