// SPDX-License-Identifier: MIT OR Apache-2.0
//! Card verification values: CVV, CVV2 and iCVV.

use subtle::Choice;
use zeroize::{Zeroize, ZeroizeOnDrop};

use super::decimal::two_pass;
use super::{Engine, Outcome, Plan, Runner, halves, same_len};
use crate::card::cvv::{self, Expiry, Kind};
use crate::card::{CardValue, MAX_DIGITS, check_len};
use crate::cipher::bitslice::{Kernel, Machine, Mask, Planes, Word};
use crate::ct;
use crate::error::Error;
use crate::key::role::CardVerification;
use crate::key::{Key, Tdea};
use crate::pin::Pan;
use crate::secret::Secret;

/// A card verification value, and what it is made over.
#[derive(Clone, Copy, Debug)]
pub struct CvvJob<'a> {
    /// The CVK pair, 16 bytes.
    pub cvk: &'a Key<CardVerification, Tdea>,
    /// Where the value stands.
    pub kind: Kind,
    /// The card.
    pub pan: &'a Pan,
    /// Its expiry date.
    pub expiry: Expiry,
    /// The value, 3 to 5 digits.
    pub value: &'a CardValue,
}

/// Verifies card verification values: for each job what [`cvv::verify`] does.
///
/// # Errors
/// Of the batch: [`Error::InvalidLength`] unless the slices are equally long. Of a job: those of [`cvv::verify`].
///
/// # Timing
/// As [`batch`](super): the lengths of the values.
///
/// # Source
/// As [`cvv::generate`].
pub fn verify_cvvs(plan: Plan, jobs: &[CvvJob<'_>], outcomes: &mut [Outcome]) -> Result<(), Error> {
    same_len(&[jobs.len(), outcomes.len()])?;
    struct Source<'a, 'j>(&'a [CvvJob<'j>], &'a mut [Outcome]);
    impl CvvSource for Source<'_, '_> {
        fn load(&mut self, job: usize, lane: &mut CvvLane) -> Result<(), Error> {
            let job = self.0.get(job).ok_or(Error::Internal)?;
            lane.load(job.cvk.material(), job.kind, job.pan, job.expiry, job.value)
        }
        fn store(&mut self, job: usize, outcome: Result<Choice, Error>) {
            if let Some(result) = self.1.get_mut(job) {
                *result = outcome.and_then(ct::verdict);
            }
        }
    }
    run(plan, jobs.len(), &mut Source(jobs, outcomes));
    Ok(())
}

/// One job as the sliced code takes it.
pub(crate) struct CvvLane {
    key: [u64; 2],
    text: [u64; 2],
    /// Digits, the first one in the highest bits; zeros behind.
    value: u64,
    /// How many digits.
    len: usize,
}

impl CvvLane {
    const EMPTY: Self = Self {
        key: [0; 2],
        text: [0; 2],
        value: 0,
        len: 0,
    };

    /// Judges and takes a job.
    pub(crate) fn load(
        &mut self,
        cvk: Result<&[u8], Error>,
        kind: Kind,
        pan: &Pan,
        expiry: Expiry,
        value: &CardValue,
    ) -> Result<(), Error> {
        check_len(value.len())?;
        self.key = halves(cvk?)?;
        self.text = cvv::text(kind, pan, expiry).map(u64::from_be_bytes);
        self.len = value.len();
        let digits = value.digits().iter().chain(&[0; 16]).take(16);
        self.value = digits.fold(0, |sum, digit| (sum << 4) | u64::from(*digit));
        Ok(())
    }

    /// The job by the code of single blocks.
    fn single(&self) -> Result<Choice, Error> {
        let mut key = Secret::<16>::zeroed();
        let (parts, _) = key.expose_mut().as_chunks_mut::<8>();
        for (to, from) in parts.iter_mut().zip(self.key) {
            *to = from.to_be_bytes();
        }
        let mut right = Secret::<MAX_DIGITS>::zeroed();
        let computed = right.expose_mut().get_mut(..self.len).ok_or(Error::InvalidLength)?;
        cvv::of_text(key.expose(), self.text.map(u64::to_be_bytes), computed)?;
        let mut sum = right
            .expose()
            .iter()
            .chain(&[0; 16])
            .take(16)
            .fold(0, |sum: u64, digit| (sum << 4) | u64::from(*digit));
        let ok = ct::eq(&sum.to_be_bytes(), &self.value.to_be_bytes());
        sum.zeroize();
        Ok(ok)
    }
}

impl Zeroize for CvvLane {
    fn zeroize(&mut self) {
        self.key.zeroize();
        self.value.zeroize();
    }
}

impl Drop for CvvLane {
    fn drop(&mut self) {
        self.zeroize();
    }
}

impl ZeroizeOnDrop for CvvLane {}

/// Where values come from and verdicts go to.
pub(crate) trait CvvSource {
    /// Judges a job and writes it down. An error is stored like an outcome.
    fn load(&mut self, job: usize, lane: &mut CvvLane) -> Result<(), Error>;
    fn store(&mut self, job: usize, outcome: Result<Choice, Error>);
}

/// Runs jobs.
pub(crate) fn run(plan: Plan, jobs: usize, source: &mut dyn CvvSource) {
    plan.each(jobs, &mut Values { source });
}

struct Values<'a> {
    source: &'a mut dyn CvvSource,
}

impl Runner for Values<'_> {
    fn sliced(&mut self, engine: Engine, first: usize, count: usize) {
        engine.run(Group {
            source: self.source,
            first,
            count,
        });
    }

    fn single(&mut self, job: usize) {
        let mut lane = CvvLane::EMPTY;
        let outcome = self.source.load(job, &mut lane).and_then(|()| lane.single());
        self.source.store(job, outcome);
    }
}

struct Group<'a> {
    source: &'a mut dyn CvvSource,
    first: usize,
    count: usize,
}

impl Kernel for Group<'_> {
    type Output = ();

    #[inline(always)]
    fn run<W: Word>(self) {
        let Self { source, first, count } = self;
        let mut key = [const { Planes::<W>::zero() }; 2];
        let mut text = [const { Planes::<W>::zero() }; 2];
        let mut value = Planes::<W>::zero();
        // The jobs that have so many digits, or more.
        let mut longer = [const { Mask::<W>::none() }; MAX_DIGITS];
        let mut loaded = Mask::<W>::none();

        let mut lane = CvvLane::EMPTY;
        for job in 0..count {
            if let Err(error) = source.load(first.wrapping_add(job), &mut lane) {
                source.store(first.wrapping_add(job), Err(error));
                continue;
            }
            for (planes, word) in key.iter_mut().chain(&mut text).zip(lane.key.iter().chain(&lane.text)) {
                planes.set(job, *word);
            }
            value.set(job, lane.value);
            for mask in longer.iter_mut().take(lane.len) {
                mask.set(job);
            }
            loaded.set(job);
        }

        let mut machine = Machine::<W>::new();
        let mut room = Planes::<W>::zero();
        for planes in key.iter_mut().chain(&mut text) {
            planes.slice(&mut room);
        }
        value.transpose();
        let [one, two] = &key;
        let [block, behind] = &mut text;
        machine.both([one, two]);
        machine.turn(false, block);
        block.swap_add(behind);
        machine.tdes(false, block);
        block.leave();
        let mut right: [[W; 4]; MAX_DIGITS] = two_pass(block);
        let mut ok = W::ONES;
        let (digits, _) = value.0.as_chunks::<4>();
        for ((one, other), longer) in right.iter().zip(digits).zip(&longer) {
            for (one, other) in one.iter().zip(other) {
                ok = ok.andn(one.xor(*other).and(longer.0));
            }
        }
        W::wipe(right.as_flattened_mut());
        let ok = Mask(ok);
        for job in 0..count {
            if loaded.get(job) != 0 {
                source.store(first.wrapping_add(job), Ok(Choice::from(ok.get(job))));
            }
        }
    }
}
