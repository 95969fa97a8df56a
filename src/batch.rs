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
//! are computed one by one ([`Engine::crossover`]). The walk from an initial key takes ten steps whatever the counter
//! says. Batches of messages take as long as the longest message.
//!
//! **Memory.** No heap; a group of jobs is on the stack: about 12 KiB with 64 lanes, 48 KiB with 256, 96 KiB with 512.
//!
//! # Timing
//! Number of jobs, formats, lengths of messages, which jobs were malformed, and the verdicts.

mod cvv;
mod decimal;
mod dukpt;
mod emv;
mod mac;
mod pin;
mod retail;

use core::fmt;

use crate::error::Error;

pub use crate::cipher::bitslice::Engine;
pub use cvv::{CvvJob, verify_cvvs};
pub(crate) use cvv::{CvvLane, CvvSource, run as run_cvvs};
pub use emv::{Answer, Answered, ArqcJob, ArqcMessage, ReadArqcJob, verify_arqcs, verify_read_arqcs};
pub(crate) use emv::{ArqcLane, ArqcSource, Verified, run as run_arqcs};
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

/// How a batch is run: by which engine, and from how many jobs on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Plan {
    engine: Engine,
    crossover: usize,
}

impl Plan {
    /// The fastest engine of this processor.
    #[must_use]
    pub fn best() -> Self {
        Self::of(Engine::best())
    }

    /// A chosen engine.
    #[must_use]
    pub const fn of(engine: Engine) -> Self {
        Self {
            engine,
            crossover: engine.crossover(),
        }
    }

    /// Another number of jobs from which on the engine is used: 0 always, `usize::MAX` never.
    #[must_use]
    pub const fn crossover(mut self, jobs: usize) -> Self {
        self.crossover = jobs;
        self
    }

    /// Cuts `jobs` into groups and gives each, as first job and number, to `sliced`, or its jobs to `single`.
    fn each(self, jobs: usize, state: &mut (impl Runner + ?Sized)) {
        let mut first = 0_usize;
        while first < jobs {
            let rest = jobs.wrapping_sub(first);
            let count = rest.min(self.engine.lanes());
            if count < self.crossover {
                for job in first..first.wrapping_add(count) {
                    state.single(job);
                }
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

/// What a batch does with a group of jobs, and with one.
trait Runner {
    fn sliced(&mut self, engine: Engine, first: usize, count: usize);
    fn single(&mut self, job: usize);
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
