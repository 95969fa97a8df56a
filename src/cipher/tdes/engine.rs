// SPDX-License-Identifier: MIT OR Apache-2.0
//! Which code runs a DES: chosen once, when the first key is scheduled.
//!
//! Bare-metal targets have the portable engine and nothing else, not even the question; so has every target under
//! `--cfg payhsm_portable`.

// The code of an engine is called where its instructions were found.
#![cfg_attr(all(not(payhsm_portable), not(target_os = "none"), target_arch = "x86_64"), allow(unsafe_code))]

#[cfg(all(not(payhsm_portable), not(target_os = "none"), target_arch = "x86_64"))]
use super::shuffle::x86 as avx2;
use super::{Direction, Rounds, portable};

#[cfg(target_pointer_width = "64")]
type Words = portable::Portable<u64>;
#[cfg(not(target_pointer_width = "64"))]
type Words = portable::Portable<u32>;

/// Round keys and rounds by one method. All work depends on public lengths only.
pub(super) trait Rounder {
    /// Computes the round keys of `key`; parity bits are ignored.
    fn schedule(key: &[u8; 8], rounds: &mut Rounds);

    /// Runs the DESes of `chain` one after the other, or backwards from the last round of the last one to undo that.
    fn run(chain: &[Rounds], direction: Direction, block: [u8; 8]) -> [u8; 8];
}

/// An implementation of DES. They differ in speed, never in results.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Engine {
    /// Bit-parallel arithmetic in words of the machine.
    Portable,
    /// Byte shuffles of AVX2.
    #[cfg(all(not(payhsm_portable), not(target_os = "none"), target_arch = "x86_64"))]
    Avx2,
}

impl Engine {
    /// All engines of this build, the fastest last.
    pub const ALL: &'static [Self] = &[
        Self::Portable,
        #[cfg(all(not(payhsm_portable), not(target_os = "none"), target_arch = "x86_64"))]
        Self::Avx2,
    ];

    /// Whether this processor and its operating system can run it.
    #[must_use]
    pub fn is_available(self) -> bool {
        match self {
            Self::Portable => true,
            #[cfg(all(not(payhsm_portable), not(target_os = "none"), target_arch = "x86_64"))]
            Self::Avx2 => detect::avx2(),
        }
    }

    /// The engine that new keys are scheduled for.
    #[must_use]
    #[inline(always)]
    pub fn chosen() -> Self {
        choice::load()
    }

    /// Computes the round keys of `key`.
    #[inline(always)]
    pub(super) fn schedule(self, key: &[u8; 8], rounds: &mut Rounds) {
        match self {
            Self::Portable => Words::schedule(key, rounds),
            #[cfg(all(not(payhsm_portable), not(target_os = "none"), target_arch = "x86_64"))]
            // SAFETY: this engine is chosen only where `is_available` said so.
            Self::Avx2 => unsafe { avx2::schedule(key, rounds) },
        }
    }

    /// Runs one block through its chain.
    #[inline(always)]
    pub(super) fn run(self, chain: &[Rounds], direction: Direction, block: [u8; 8]) -> [u8; 8] {
        match self {
            Self::Portable => Words::run(chain, direction, block),
            #[cfg(all(not(payhsm_portable), not(target_os = "none"), target_arch = "x86_64"))]
            Self::Avx2 => {
                // SAFETY: this engine is chosen only where `is_available` said so.
                let [block] = unsafe { avx2::run1([chain], direction, [block]) };
                block
            }
        }
    }

    /// Runs blocks that do not depend on each other, each through its chain; all chains are equally long.
    #[inline(always)]
    pub(super) fn run_each<const N: usize>(
        self,
        chains: [&[Rounds]; N],
        direction: Direction,
        mut blocks: [[u8; 8]; N],
    ) -> [[u8; 8]; N] {
        let (fours, rest) = blocks.as_chunks_mut::<4>();
        let (four_chains, rest_chains) = chains.as_chunks::<4>();
        for (blocks, chains) in fours.iter_mut().zip(four_chains) {
            *blocks = self.run4(*chains, direction, *blocks);
        }
        match (rest, rest_chains) {
            ([a], [x]) => *a = self.run(x, direction, *a),
            ([a, b], [x, y]) => [*a, *b] = self.run2([*x, *y], direction, [*a, *b]),
            ([a, b, c], [x, y, z]) => [*a, *b, *c, _] = self.run4([*x, *y, *z, *z], direction, [*a, *b, *c, *c]),
            _ => {}
        }
        blocks
    }

    #[inline(always)]
    fn run2(self, chains: [&[Rounds]; 2], direction: Direction, blocks: [[u8; 8]; 2]) -> [[u8; 8]; 2] {
        match self {
            Self::Portable => one_by_one(chains, direction, blocks),
            #[cfg(all(not(payhsm_portable), not(target_os = "none"), target_arch = "x86_64"))]
            // SAFETY: this engine is chosen only where `is_available` said so.
            Self::Avx2 => unsafe { avx2::run2(chains, direction, blocks) },
        }
    }

    #[inline(always)]
    fn run4(self, chains: [&[Rounds]; 4], direction: Direction, blocks: [[u8; 8]; 4]) -> [[u8; 8]; 4] {
        match self {
            Self::Portable => one_by_one(chains, direction, blocks),
            #[cfg(all(not(payhsm_portable), not(target_os = "none"), target_arch = "x86_64"))]
            // SAFETY: this engine is chosen only where `is_available` said so.
            Self::Avx2 => unsafe { avx2::run4(chains, direction, blocks) },
        }
    }
}

fn one_by_one<const N: usize>(
    chains: [&[Rounds]; N],
    direction: Direction,
    blocks: [[u8; 8]; N],
) -> [[u8; 8]; N] {
    let mut chains = chains.into_iter();
    blocks.map(|block| Words::run(chains.next().unwrap_or(&[]), direction, block))
}

/// Where there is nothing to choose.
#[cfg(not(all(not(payhsm_portable), not(target_os = "none"), target_arch = "x86_64")))]
mod choice {
    use super::Engine;

    #[inline(always)]
    pub(super) const fn load() -> Engine {
        Engine::Portable
    }
}

/// The choice, made once: the fastest engine that can run here.
#[cfg(all(not(payhsm_portable), not(target_os = "none"), target_arch = "x86_64"))]
mod choice {
    use core::sync::atomic::{AtomicU8, Ordering};

    use super::Engine;

    /// One more than the index in [`Engine::ALL`]; zero: not made yet.
    static CHOICE: AtomicU8 = AtomicU8::new(0);

    #[inline(always)]
    pub(super) fn load() -> Engine {
        match Engine::ALL.get(usize::from(CHOICE.load(Ordering::Relaxed)).wrapping_sub(1)) {
            Some(engine) => *engine,
            None => choose(),
        }
    }

    /// Whoever comes first stores what everybody else would store.
    #[cold]
    fn choose() -> Engine {
        let available = (1..).zip(Engine::ALL).filter(|(_, engine)| engine.is_available());
        let (number, engine) = available.last().unwrap_or((1, &Engine::Portable));
        CHOICE.store(number, Ordering::Relaxed);
        *engine
    }

    #[cfg(any(test, feature = "hazmat"))]
    impl Engine {
        /// Makes all keys that are scheduled from now on, in the whole process, use this engine. For tests and measurements.
        ///
        /// # Errors
        /// [`Error::Unsupported`](crate::error::Error) if it cannot run here.
        pub fn force(self) -> Result<(), crate::error::Error> {
            let number = (1..).zip(Self::ALL).find(|(_, engine)| **engine == self).map(|(number, _)| number);
            match number {
                Some(number) if self.is_available() => {
                    CHOICE.store(number, Ordering::Relaxed);
                    Ok(())
                }
                _ => Err(crate::error::Error::Unsupported),
            }
        }
    }
}

/// What the processor and the operating system can do, by the registers that x86 has for this question.
#[cfg(all(not(payhsm_portable), not(target_os = "none"), target_arch = "x86_64"))]
mod detect {
    use core::arch::x86_64::{__cpuid, __cpuid_count, _xgetbv};

    /// Intel SDM volume 2, CPUID: leaf 1, ECX.
    const OSXSAVE: u32 = 1 << 27;
    const AVX: u32 = 1 << 28;
    /// Leaf 7, EBX.
    const AVX2: u32 = 1 << 5;
    /// Intel SDM volume 1, 13.3, XCR0: the operating system saves XMM and the upper halves of YMM.
    const SAVES_YMM: u64 = 0b110;

    pub(super) fn avx2() -> bool {
        saved() & SAVES_YMM == SAVES_YMM && features() & AVX2 != 0
    }

    /// The state that the operating system saves, zero if it does not say.
    fn saved() -> u64 {
        if __cpuid(1).ecx & (OSXSAVE | AVX) != OSXSAVE | AVX {
            return 0;
        }
        // SAFETY: OSXSAVE says that the instruction is enabled.
        unsafe { _xgetbv(0) }
    }

    /// EBX of leaf 7.
    fn features() -> u32 {
        if __cpuid(0).eax < 7 { 0 } else { __cpuid_count(7, 0).ebx }
    }
}
