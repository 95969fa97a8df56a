// SPDX-License-Identifier: MIT OR Apache-2.0
//! DES on many blocks at once, bit-sliced: hosts only.
//!
//! A word holds one bit of as many jobs as it has bits, and DES is a circuit of its logic: constant time by
//! construction, since there is nothing to index and nothing to branch on but loop counters.
//!
//! ```text
//! jobs ── transposition ──► planes ── rounds, walks, comparisons ──► planes ── transposition ──► jobs
//! bitslice/word.rs       words of 64, 256 and 512 bits, chosen at run time
//! bitslice/transpose.rs  64 x 64 bits
//! bitslice/rounds.rs     sixteen rounds
//! bitslice/sbox.rs       the S-boxes as circuits, written by scripts/sboxes
//! bitslice/machine.rs    DES and TDEA, jobs in and out
//! ```
//!
//! There is one source for all words. What cannot be run on a processor, or under valgrind, is covered through the
//! words that can be, and through a word of 512 bits in memory.

mod machine;
mod rounds;
#[rustfmt::skip]
mod sbox;
mod transpose;
mod word;

pub(crate) use machine::{Machine, Mask, Planes};
pub use word::Engine;
pub(crate) use word::{Kernel, Word};

/// Runs `count` DESes after each other on as many blocks as the engine has lanes, with a key of each block's own that
/// is scheduled once, and gives how many DESes those were, and something to keep the compiler from leaving them out:
/// the rate of the rounds alone, as password crackers measure it.
#[cfg(feature = "hazmat")]
#[must_use]
pub fn core_work(engine: Engine, count: usize) -> (u64, u64) {
    struct Work(usize);
    impl Kernel for Work {
        type Output = (u64, u64);
        #[inline(always)]
        fn run<W: Word>(self) -> (u64, u64) {
            let mut machine = Machine::<W>::new();
            let (mut key, mut block, mut room) = (Planes::zero(), Planes::zero(), Planes::zero());
            for (job, value) in (0..W::LANES).zip(0_u64..) {
                key.set(job, value.wrapping_mul(0x9E37_79B9_7F4A_7C15));
            }
            key.slice(&mut room);
            machine.repeat(&key, self.0, &mut block);
            block.unslice(&mut room);
            let sum = (0..W::LANES).fold(0, |sum, job| sum ^ block.get(job));
            let lanes = u64::try_from(W::LANES).unwrap_or(0);
            (lanes.wrapping_mul(u64::try_from(self.0).unwrap_or(0)), sum)
        }
    }
    engine.run(Work(count))
}

#[cfg(test)]
mod tests;
