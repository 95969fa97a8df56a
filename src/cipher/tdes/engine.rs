// SPDX-License-Identifier: MIT OR Apache-2.0
//! Which code runs a DES: chosen once, when the first key is scheduled.
//!
//! Bare-metal targets have the portable engine and nothing else, not even the question; so has every target under
//! `--cfg payhsm_portable`.

// The code of an engine is called where its instructions were found.
#![cfg_attr(all(
    not(payhsm_portable),
    not(target_os = "none"),
    any(target_arch = "x86_64", all(target_arch = "aarch64", target_endian = "little"))
), allow(unsafe_code))]

#[cfg(all(not(payhsm_portable), not(target_os = "none"), target_arch = "aarch64", target_endian = "little"))]
use super::shuffle::neon;
#[cfg(all(not(payhsm_portable), not(target_os = "none"), target_arch = "x86_64"))]
use super::{shuffle::x86 as avx2, wide::avx512};
use super::{Direction, Rounds, portable};
#[cfg(all(not(payhsm_portable), not(target_os = "none"), target_arch = "x86_64"))]
use crate::cipher::cpu::Cpu;

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
    /// Look-ups in the registers of AVX-512 with VBMI.
    #[cfg(all(not(payhsm_portable), not(target_os = "none"), target_arch = "x86_64"))]
    Avx512,
    /// Byte shuffles of NEON, which every processor of the architecture has.
    #[cfg(all(not(payhsm_portable), not(target_os = "none"), target_arch = "aarch64", target_endian = "little"))]
    Neon,
}

/// The engine's own code for something.
macro_rules! dispatch {
    ($engine:expr, $portable:expr, $avx2:expr, $avx512:expr, $neon:expr) => {
        match $engine {
            Engine::Portable => $portable,
            #[cfg(all(not(payhsm_portable), not(target_os = "none"), target_arch = "x86_64"))]
            // SAFETY: this engine is chosen only where `is_available` said so.
            Engine::Avx2 => unsafe { $avx2 },
            #[cfg(all(not(payhsm_portable), not(target_os = "none"), target_arch = "x86_64"))]
            // SAFETY: this engine is chosen only where `is_available` said so.
            Engine::Avx512 => unsafe { $avx512 },
            #[cfg(all(not(payhsm_portable), not(target_os = "none"), target_arch = "aarch64", target_endian = "little"))]
            Engine::Neon => $neon,
        }
    };
}

impl Engine {
    /// All engines of this build, the fastest last.
    pub const ALL: &'static [Self] = &[
        Self::Portable,
        #[cfg(all(not(payhsm_portable), not(target_os = "none"), target_arch = "x86_64"))]
        Self::Avx2,
        #[cfg(all(not(payhsm_portable), not(target_os = "none"), target_arch = "x86_64"))]
        Self::Avx512,
        #[cfg(all(not(payhsm_portable), not(target_os = "none"), target_arch = "aarch64", target_endian = "little"))]
        Self::Neon,
    ];

    /// Whether this processor and its operating system can run it.
    #[must_use]
    pub fn is_available(self) -> bool {
        match self {
            Self::Portable => true,
            #[cfg(all(not(payhsm_portable), not(target_os = "none"), target_arch = "x86_64"))]
            Self::Avx2 => Cpu::detect().avx2(),
            #[cfg(all(not(payhsm_portable), not(target_os = "none"), target_arch = "x86_64"))]
            Self::Avx512 => Cpu::detect().vbmi(),
            #[cfg(all(not(payhsm_portable), not(target_os = "none"), target_arch = "aarch64", target_endian = "little"))]
            Self::Neon => true,
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
        dispatch!(
            self,
            Words::schedule(key, rounds),
            avx2::schedule(key, rounds),
            avx512::schedule(key, rounds),
            neon::schedule(key, rounds)
        );
    }

    /// Runs one block through its chain.
    #[inline(always)]
    pub(super) fn run(self, chain: &[Rounds], direction: Direction, block: [u8; 8]) -> [u8; 8] {
        let [block] = dispatch!(
            self,
            [Words::run(chain, direction, block)],
            avx2::run1([chain], direction, [block]),
            avx512::run1([chain], direction, [block]),
            neon::run1([chain], direction, [block])
        );
        block
    }

    /// Runs blocks that do not depend on each other, each through its chain; all chains are equally long.
    #[inline(always)]
    pub(super) fn run_each<const N: usize>(
        self,
        chains: [&[Rounds]; N],
        direction: Direction,
        mut blocks: [[u8; 8]; N],
    ) -> [[u8; 8]; N] {
        let (eights, rest) = blocks.as_chunks_mut::<8>();
        let (eight_chains, rest_chains) = chains.as_chunks::<8>();
        for (blocks, chains) in eights.iter_mut().zip(eight_chains) {
            *blocks = self.run8(*chains, direction, *blocks);
        }
        let (fours, rest) = rest.as_chunks_mut::<4>();
        let (four_chains, rest_chains) = rest_chains.as_chunks::<4>();
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
        dispatch!(
            self,
            one_by_one(chains, direction, blocks),
            avx2::run2(chains, direction, blocks),
            avx512::run2(chains, direction, blocks),
            neon::run2(chains, direction, blocks)
        )
    }

    #[inline(always)]
    fn run4(self, chains: [&[Rounds]; 4], direction: Direction, blocks: [[u8; 8]; 4]) -> [[u8; 8]; 4] {
        dispatch!(
            self,
            one_by_one(chains, direction, blocks),
            avx2::run4(chains, direction, blocks),
            avx512::run4(chains, direction, blocks),
            neon::run4(chains, direction, blocks)
        )
    }

    #[inline(always)]
    fn run8(self, chains: [&[Rounds]; 8], direction: Direction, blocks: [[u8; 8]; 8]) -> [[u8; 8]; 8] {
        dispatch!(
            self,
            one_by_one(chains, direction, blocks),
            avx2::run8(chains, direction, blocks),
            avx512::run8(chains, direction, blocks),
            neon::run8(chains, direction, blocks)
        )
    }
}

// An image for bare metal has one engine, and no code of another.
#[cfg(any(payhsm_portable, target_os = "none"))]
const _: () = assert!(Engine::ALL.len() == 1);

/// Wipes round keys.
#[cfg(not(all(
    not(payhsm_portable),
    not(target_os = "none"),
    any(target_arch = "x86_64", all(target_arch = "aarch64", target_endian = "little"))
)))]
#[inline(always)]
pub(super) fn wipe(rounds: &mut [Rounds]) {
    rounds.iter_mut().for_each(zeroize::Zeroize::zeroize);
}

/// Wipes round keys with the widest stores that there are, where word by word would cost as much as a round.
#[cfg(all(
    not(payhsm_portable),
    not(target_os = "none"),
    any(target_arch = "x86_64", all(target_arch = "aarch64", target_endian = "little"))
))]
#[inline(always)]
pub(super) fn wipe(rounds: &mut [Rounds]) {
    rounds.fill(Rounds::EMPTY);
    // SAFETY: no instruction. For all that the compiler knows, memory is read here: the zeros must have been stored.
    unsafe { core::arch::asm!("/* {0} */", in(reg) rounds.as_ptr(), options(nostack, preserves_flags)) };
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
#[cfg(not(all(
    not(payhsm_portable),
    not(target_os = "none"),
    any(target_arch = "x86_64", all(target_arch = "aarch64", target_endian = "little"))
)))]
mod choice {
    use super::Engine;

    #[inline(always)]
    pub(super) const fn load() -> Engine {
        Engine::Portable
    }

    #[cfg(any(test, feature = "hazmat"))]
    impl Engine {
        /// As where there are several; here the only one is chosen already.
        ///
        /// # Errors
        /// None.
        pub const fn force(self) -> Result<(), crate::error::Error> {
            Ok(())
        }
    }
}

/// The choice, made once: the fastest engine that can run here.
#[cfg(all(
    not(payhsm_portable),
    not(target_os = "none"),
    any(target_arch = "x86_64", all(target_arch = "aarch64", target_endian = "little"))
))]
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
