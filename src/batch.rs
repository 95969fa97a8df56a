// SPDX-License-Identifier: MIT OR Apache-2.0
//! Many independent jobs at once, for hosts.
//!
//! A job has its own keys, key serial number and data, and its own result: a malformed one fails alone, and delays
//! nobody. TDEA is computed for 64, 256 or 512 jobs at a time, one bit of each in a word ([`Engine`]); what is
//! computed, and what fails, is the same as one by one.
//!
//! ```text
//! jobs ─ public data judged, one by one ─► lanes ─ derivation, cipher, checks: sliced ─► verdicts and outputs, one by one
//! ```
//!
//! The functions here take typed keys; those of [`hsm`](crate::hsm) take handles, and judge policy, limits and the
//! platform's decisions for each job as the single commands do. A BDK is not looked up among the terminals that were
//! here last: each job is derived from its keys, so that cost depends on nothing but the number of jobs.
//!
//! **Shape.** A batch is cut into groups as wide as the engine; the last one is padded. Groups too small to be worth it
//! are computed one by one ([`Engine::crossover`]). AES runs eight jobs side by side ([`AesEngine`]). The walk from an initial key takes ten steps whatever the counter
//! says. Batches of messages take as long as the longest message.
//!
//! **Memory.** No heap; a group of jobs is on the stack: about 12 KiB with 64 lanes, 48 KiB with 256, 96 KiB with 512.
//!
//! # Timing
//! Number of jobs, formats, lengths of messages, which jobs were malformed, and the verdicts.

mod aes;
mod cvv;
mod decimal;
mod dukpt;
mod emv;
mod keyblock;
mod mac;
mod pin;
mod retail;

use core::fmt;

use crate::error::Error;

pub use crate::cipher::bitslice::Engine;
pub use crate::cipher::interleave::AesEngine;
pub use aes::{
    AesMacJob, AesPinJob, AesPvvJob, AesTranslateJob, decipher_aes_pins, translate_aes_pins, verify_aes_macs,
    verify_aes_pvvs,
};
pub use cvv::{CvvJob, verify_cvvs};
pub(crate) use cvv::{CvvLane, CvvSource, run as run_cvvs};
pub use emv::{Answer, Answered, ArqcJob, ArqcMessage, ReadArqcJob, verify_arqcs, verify_read_arqcs};
pub(crate) use emv::{ArqcLane, ArqcSource, Verified, run as run_arqcs};
pub use keyblock::{KeyBlockJob, verify_key_blocks};
pub use mac::{MacJob, verify_macs};
pub(crate) use mac::{MacLane, MacSource, run as run_macs};
pub(crate) use pin::{Opened, PinLane, PinSource, Tail, run as run_pins};
pub use pin::{PinJob, PvvJob, TranslateJob, decipher_pins, translate_pins, verify_pvvs};

/// The outcome of one job.
pub type Outcome = Result<(), Error>;

impl Engine {
    /// The fewest jobs that are worth a group of this engine; fewer are computed one by one.
    ///
    /// Where a group, which takes as long whether it is full or not, is as fast as so many PIN blocks one by one: measured
    /// by `scripts/perf crossovers`, for [`Words`](Self::Words) beside the portable engine of single blocks. That of
    /// [`Avx512`](Self::Avx512) is reckoned from the rates of both engines, not measured.
    #[must_use]
    pub const fn crossover(self) -> usize {
        match self {
            Self::Words => 5,
            Self::Avx2 => 10,
            Self::Avx512 => 12,
            #[cfg(any(test, feature = "hazmat"))]
            Self::Emulated => 1,
        }
    }
}

impl AesEngine {
    /// The fewest jobs that are worth running side by side; fewer are computed one by one. Measured as
    /// [`Engine::crossover`].
    #[must_use]
    pub const fn crossover(self) -> usize {
        match self {
            Self::Single => usize::MAX,
            Self::AesNi | Self::Vaes => 2,
        }
    }
}

/// How a batch is run: by which engines, and from how many jobs on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Plan {
    engine: Engine,
    aes: AesEngine,
    crossover: Option<usize>,
    aes_from: Option<usize>,
}

impl Plan {
    /// The fastest engines of this processor.
    #[must_use]
    pub fn best() -> Self {
        Self::of(Engine::best()).aes(AesEngine::best())
    }

    /// A chosen engine for DES; AES job by job.
    #[must_use]
    pub const fn of(engine: Engine) -> Self {
        Self {
            engine,
            aes: AesEngine::Single,
            crossover: None,
            aes_from: None,
        }
    }

    /// A chosen engine for AES; job by job if the processor does not have it.
    #[must_use]
    pub const fn aes(mut self, engine: AesEngine) -> Self {
        self.aes = engine;
        self
    }

    /// Another number of jobs from which on the engines of both are used: 0 always, `usize::MAX` never.
    #[must_use]
    pub const fn crossover(mut self, jobs: usize) -> Self {
        self.crossover = Some(jobs);
        self.aes_from = Some(jobs);
        self
    }

    /// Another number of jobs from which on that of AES is used.
    #[must_use]
    pub const fn aes_from(mut self, jobs: usize) -> Self {
        self.aes_from = Some(jobs);
        self
    }

    /// From how many jobs on AES runs side by side.
    fn aes_crossover(self) -> usize {
        self.aes_from.unwrap_or(self.aes.crossover())
    }

    /// Cuts `jobs` into groups and gives each, as first job and number, to `sliced`, or those too small for it to `few`.
    fn each(self, jobs: usize, state: &mut (impl Runner + ?Sized)) {
        let mut first = 0_usize;
        while first < jobs {
            let rest = jobs.wrapping_sub(first);
            let count = rest.min(self.engine.lanes());
            if count < self.crossover.unwrap_or(self.engine.crossover()) {
                state.few(first, count);
            } else {
                state.sliced(self.engine, first, count);
            }
            first = first.wrapping_add(count);
        }
    }
}

impl Default for Plan {
    fn default() -> Self {
        Self::best()
    }
}

/// What a batch does with a group of jobs, with few, and with one.
trait Runner {
    fn sliced(&mut self, engine: Engine, first: usize, count: usize);
    fn single(&mut self, job: usize);
    fn few(&mut self, first: usize, count: usize) {
        for job in first..first.wrapping_add(count) {
            self.single(job);
        }
    }
}

impl fmt::Display for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Words => "64-bit words",
            Self::Avx2 => "AVX2",
            Self::Avx512 => "AVX-512",
            #[cfg(any(test, feature = "hazmat"))]
            Self::Emulated => "512-bit words in memory",
        })
    }
}

/// The two halves of a key of 16 bytes.
fn halves(key: &[u8]) -> Result<[u64; 2], Error> {
    match key.as_chunks::<8>() {
        ([left, right], []) => Ok([u64::from_be_bytes(*left), u64::from_be_bytes(*right)]),
        _ => Err(Error::InvalidKeyLength),
    }
}

/// Slices that belong together are equally long.
fn same_len(lengths: &[usize]) -> Result<(), Error> {
    match lengths {
        [first, rest @ ..] if rest.iter().all(|len| len == first) => Ok(()),
        _ => Err(Error::InvalidLength),
    }
}

#[cfg(all(test, feature = "hazmat"))]
mod tests;
