// SPDX-License-Identifier: MIT OR Apache-2.0
//! AES of eight independent keys side by side, for hosts.
//!
//! The instructions of a round wait for each other, and a processor begins several of them while it waits: a derivation,
//! whose key serves for a block or two, takes as long as eight of them. Lanes are independent: each has its own key and
//! block; only the key length is common to all.
//!
//! ```text
//! keys of 8 lanes ─ expand ─► Schedules ─┬─ encrypt ─► 8 blocks
//!                                        └─ turn, decrypt ─► 8 blocks
//! ```
//!
//! There is one source over `Vector`, a register of one or two blocks. A processor without the instructions has no engine
//! here: callers then compute job by job with [`aes`](super::aes).
//!
//! # Timing
//! The key length. No table; the instructions take no time that depends on data.
#![allow(unsafe_code)]

#[cfg(all(not(payhsm_portable), target_arch = "x86_64", not(target_os = "none")))]
mod x86;

use core::fmt;

use zeroize::{Zeroize, ZeroizeOnDrop};

use crate::cipher::cpu::Cpu;

/// Blocks that run side by side.
pub(crate) const LANES: usize = 8;

/// Round keys of AES-256.
const MOST_ROUND_KEYS: usize = 15;

/// How the AES of a batch runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AesEngine {
    /// Job by job, by the crate `aes`.
    Single,
    /// Eight jobs side by side, by the instructions of AES-NI.
    AesNi,
    /// Eight jobs side by side, two in a register: VAES with AVX2.
    Vaes,
}

impl AesEngine {
    /// All of them, the fastest last.
    pub const ALL: &[Self] = &[Self::Single, Self::AesNi, Self::Vaes];

    /// The fastest one of this processor.
    #[must_use]
    pub fn best() -> Self {
        if Self::Vaes.is_available() {
            Self::Vaes
        } else if Self::AesNi.is_available() {
            Self::AesNi
        } else {
            Self::Single
        }
    }

    /// Whether this processor has it.
    #[must_use]
    pub fn is_available(self) -> bool {
        let cpu = Cpu::detect();
        match self {
            Self::Single => true,
            Self::AesNi => cpu.aes(),
            Self::Vaes => cpu.vaes(),
        }
    }
}

impl fmt::Display for AesEngine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Single => "AES job by job",
            Self::AesNi => "AES-NI, 8 side by side",
            Self::Vaes => "VAES, 8 side by side",
        })
    }
}

/// A block of each lane.
#[derive(Clone)]
#[repr(C, align(32))]
pub(crate) struct Lanes(pub(crate) [[u8; 16]; LANES]);

impl Lanes {
    pub(crate) const fn zeroed() -> Self {
        Self([[0; 16]; LANES])
    }

    pub(crate) fn xor(&mut self, other: &Self) {
        for (to, from) in self.0.as_flattened_mut().iter_mut().zip(other.0.as_flattened()) {
            *to ^= from;
        }
    }
}

impl Zeroize for Lanes {
    fn zeroize(&mut self) {
        wipe(&mut self.0);
    }
}

/// Zeros that the compiler does not leave out, a block at a time.
pub(crate) fn wipe(blocks: &mut [[u8; 16]]) {
    for block in blocks {
        // SAFETY: a reference is valid for writing.
        unsafe { core::ptr::write_volatile(block, [0; 16]) };
    }
    core::sync::atomic::compiler_fence(core::sync::atomic::Ordering::SeqCst);
}

/// Which of the engines of this module; it is there because the processor was asked.
#[derive(Clone, Copy)]
pub(crate) struct Interleaved(
    #[cfg_attr(
        not(all(not(payhsm_portable), target_arch = "x86_64", not(target_os = "none"))),
        expect(dead_code, reason = "nothing makes one where there is no engine")
    )]
    AesEngine,
);

impl Interleaved {
    /// The engine, if it is one of this module and the processor has it.
    pub(crate) fn new(engine: AesEngine) -> Option<Self> {
        (engine != AesEngine::Single && engine.is_available()).then_some(Self(engine))
    }
}

/// The round keys of eight keys of one length. Wiped on drop.
pub(crate) struct Schedules {
    engine: Interleaved,
    /// How many of the round keys are used, and the most that were.
    count: usize,
    most: usize,
    keys: [Lanes; MOST_ROUND_KEYS],
}

impl Schedules {
    pub(crate) const fn new(engine: Interleaved) -> Self {
        Self {
            engine,
            count: 0,
            most: 0,
            keys: [const { Lanes::zeroed() }; MOST_ROUND_KEYS],
        }
    }

    /// Schedules keys of 16, 24 or 32 bytes: `left` is the first 16 bytes of each, `right` what is behind.
    pub(crate) fn expand(&mut self, key_len: usize, left: &Lanes, right: &Lanes) {
        self.count = match key_len {
            16 => 11,
            24 => 13,
            _ => 15,
        };
        self.most = self.most.max(self.count);
        self.engine.expand(key_len, left, right, &mut self.keys);
    }

    /// Makes the round keys those of [`decrypt`](Self::decrypt).
    pub(crate) fn turn(&mut self) {
        let keys = self.keys.get_mut(..self.count).unwrap_or_default();
        self.engine.turn(keys);
    }

    /// Enciphers a block in each lane.
    pub(crate) fn encrypt(&self, blocks: &mut Lanes) {
        self.engine.encrypt(self.used(), blocks);
    }

    /// Deciphers a block in each lane, behind [`turn`](Self::turn).
    pub(crate) fn decrypt(&self, blocks: &mut Lanes) {
        self.engine.decrypt(self.used(), blocks);
    }

    fn used(&self) -> &[Lanes] {
        self.keys.get(..self.count).unwrap_or(&[])
    }
}

impl Zeroize for Schedules {
    fn zeroize(&mut self) {
        self.keys.iter_mut().take(self.most).for_each(Zeroize::zeroize);
        (self.count, self.most) = (0, 0);
    }
}

impl Drop for Schedules {
    fn drop(&mut self) {
        self.zeroize();
    }
}

impl ZeroizeOnDrop for Schedules {}

/// Without an engine of this module nothing makes an [`Interleaved`].
#[cfg(not(all(not(payhsm_portable), target_arch = "x86_64", not(target_os = "none"))))]
impl Interleaved {
    fn expand(self, _: usize, _: &Lanes, _: &Lanes, _: &mut [Lanes; MOST_ROUND_KEYS]) {}
    fn turn(self, _: &mut [Lanes]) {}
    fn encrypt(self, _: &[Lanes], _: &mut Lanes) {}
    fn decrypt(self, _: &[Lanes], _: &mut Lanes) {}
}

#[cfg(test)]
mod tests {
    extern crate std;

    use std::vec::Vec;

    use cipher::{BlockCipherDecrypt, BlockCipherEncrypt};

    use super::*;
    use crate::cipher::aes::Aes;

    fn engines() -> Vec<Interleaved> {
        AesEngine::ALL.iter().filter_map(|&engine| Interleaved::new(engine)).collect()
    }

    fn lanes(seed: &mut u64) -> Lanes {
        let mut lanes = Lanes::zeroed();
        for byte in lanes.0.as_flattened_mut() {
            *seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            *byte = seed.to_be_bytes()[0];
        }
        lanes
    }

    /// FIPS 197 appendix C, in every lane.
    #[test]
    fn published() {
        let key: [u8; 32] = core::array::from_fn(|i| u8::try_from(i).unwrap());
        let clear: [u8; 16] = core::array::from_fn(|i| u8::try_from(i * 17).unwrap());
        let answers = [
            (16, 0x69C4_E0D8_6A7B_0430_D8CD_B780_70B4_C55A_u128),
            (24, 0xDDA9_7CA4_864C_DFE0_6EAF_70A0_EC0D_7191),
            (32, 0x8EA2_B7CA_5167_45BF_EAFC_4990_4B49_6089),
        ];
        for engine in engines() {
            for (len, answer) in answers {
                let (left, right) = key.split_at(16);
                let (left, right) = (Lanes([left.try_into().unwrap(); LANES]), Lanes([right.try_into().unwrap(); LANES]));
                let mut schedules = Schedules::new(engine);
                schedules.expand(len, &left, &right);
                let mut blocks = Lanes([clear; LANES]);
                schedules.encrypt(&mut blocks);
                assert_eq!(blocks.0, [answer.to_be_bytes(); LANES]);
                schedules.turn();
                schedules.decrypt(&mut blocks);
                assert_eq!(blocks.0, [clear; LANES]);
            }
        }
    }

    #[test]
    fn agrees_with_the_crate() {
        let mut seed = 7;
        for engine in engines() {
            for round in 0..60 {
                let len = [16, 24, 32][round % 3];
                let (left, right) = (lanes(&mut seed), lanes(&mut seed));
                let clear = lanes(&mut seed);
                let mut schedules = Schedules::new(engine);
                schedules.expand(len, &left, &right);
                let mut blocks = [clear.clone(), lanes(&mut seed)];
                let second = blocks[1].clone();
                blocks.iter_mut().for_each(|blocks| schedules.encrypt(blocks));
                let mut back = clear.clone();
                schedules.turn();
                schedules.decrypt(&mut back);
                for lane in 0..LANES {
                    let key = [left.0[lane], right.0[lane]].concat();
                    let aes = Aes::new(&key[..len]).unwrap();
                    for (clear, out) in [(&clear, &blocks[0]), (&second, &blocks[1])] {
                        let mut right = clear.0[lane].into();
                        aes.encrypt_block(&mut right);
                        assert_eq!(out.0[lane], right[..], "{len} bytes, lane {lane}");
                    }
                    let mut right = clear.0[lane].into();
                    aes.decrypt_block(&mut right);
                    assert_eq!(back.0[lane], right[..], "{len} bytes, lane {lane}");
                }
                schedules.zeroize();
                assert!(schedules.keys.iter().all(|key| key.0 == [[0; 16]; LANES]));
            }
        }
    }

    #[test]
    fn engines_are_those_of_the_processor() {
        assert!(Interleaved::new(AesEngine::Single).is_none());
        assert!(AesEngine::best().is_available());
        #[cfg(payhsm_portable)]
        assert_eq!(AesEngine::best(), AesEngine::Single);
    }
}
