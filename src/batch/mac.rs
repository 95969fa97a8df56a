// SPDX-License-Identifier: MIT OR Apache-2.0
//! Retail MACs under TDEA DUKPT: from BDK and KSN to a verdict on each message.

use subtle::Choice;
use zeroize::{Zeroize, ZeroizeOnDrop};

use super::aes::{AesMac, Checks, Side};
use super::dukpt::Derivation;
use super::retail::absorb;
use super::{Engine, Outcome, Plan, Runner, halves, same_len};
use crate::cipher::bitslice::{Kernel, Machine, Mask, Planes, Word};
use crate::ct;
use crate::dukpt::aes;
use crate::dukpt::tdes::{Host, Ksn, Transaction};
use crate::error::Error;
use crate::key::role::{Bdk, MacRequest};
use crate::key::{Key, Tdea};
use crate::mac::Mac;
use crate::mac::iso9797::{Padding, RetailMac};
use crate::secret::Secret;

/// A message of a terminal, and its MAC.
#[derive(Clone, Copy, Debug)]
pub struct MacJob<'a> {
    /// The base derivation key, 16 bytes.
    pub bdk: &'a Key<Bdk, Tdea>,
    /// The KSN of the message.
    pub ksn: Ksn,
    /// The padding.
    pub padding: Padding,
    /// The message.
    pub data: &'a [u8],
    /// The leftmost 1 to 8 bytes of its MAC. How short it may be is the caller's policy.
    pub tag: &'a [u8],
}

/// Verifies retail MACs (ISO/IEC 9797-1 algorithm 3, ANSI X9.19) of requests under TDEA DUKPT: for each job what
/// [`Host::initial_key`], [`Host::transaction`], [`Transaction::mac_request_key`] and the verification by
/// [`Retail`](crate::key::mac::Retail) do together.
///
/// # Errors
/// Of the batch: [`Error::InvalidLength`] unless the slices are equally long. Of a job: those of the four.
///
/// # Timing
/// As [`batch`](super): the lengths of messages and MACs, the paddings. A group takes as long as its longest message.
///
/// # Source
/// ISO/IEC 9797-1:2011, algorithm 3; ANSI X9.24-3:2017 annex C.
pub fn verify_macs(plan: Plan, jobs: &[MacJob<'_>], outcomes: &mut [Outcome]) -> Result<(), Error> {
    same_len(&[jobs.len(), outcomes.len()])?;
    struct Source<'a, 'j>(&'a [MacJob<'j>], &'a mut [Outcome]);
    impl<'j> MacSource<'j> for Source<'_, 'j> {
        fn load(&mut self, job: usize, lane: &mut MacLane<'j>) -> Result<(), Error> {
            let job = self.0.get(job).ok_or(Error::Internal)?;
            lane.load(job.bdk.material()?, &job.ksn, job.padding, job.data, job.tag)
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

/// A message as blocks.
#[derive(Clone, Copy)]
struct Message<'d> {
    data: &'d [u8],
    padding: Padding,
    /// How many, padding among them; 0 where no job is.
    count: usize,
}

impl<'d> Message<'d> {
    const NONE: Self = Self {
        data: &[],
        padding: Padding::Method1,
        count: 0,
    };

    /// Judges and takes a message.
    const fn new(padding: Padding, data: &'d [u8]) -> Result<Self, Error> {
        let zeros = if data.is_empty() { 1 } else { data.len().div_ceil(8) };
        let count = match padding {
            Padding::Method1 => zeros,
            Padding::Method2 => (data.len() >> 3).saturating_add(1),
            Padding::Method3 { len } if len == data.len() as u64 && len >> 61 == 0 => zeros.saturating_add(1),
            Padding::Method3 { .. } => return Err(Error::InvalidLength),
        };
        Ok(Self { data, padding, count })
    }

    #[inline(always)]
    fn block(&self, index: usize) -> Option<u64> {
        if index >= self.count {
            return None;
        }
        let (index, fill) = match self.padding {
            Padding::Method1 => (index, 0),
            Padding::Method2 => (index, 0x80),
            Padding::Method3 { len } => match index.checked_sub(1) {
                Some(index) => (index, 0),
                None => return Some(len.wrapping_mul(8)),
            },
        };
        let rest = self.data.get(index.wrapping_mul(8)..).unwrap_or(&[]);
        if let Some(block) = rest.first_chunk() {
            return Some(u64::from_be_bytes(*block));
        }
        let mut block = [0; 8];
        for (to, from) in block.iter_mut().zip(rest.iter().chain(&[fill])) {
            *to = *from;
        }
        Some(u64::from_be_bytes(block))
    }
}

/// One job as the sliced code takes it.
pub(crate) struct MacLane<'d> {
    bdk: [u64; 2],
    ksn: Option<Ksn>,
    message: Message<'d>,
    tag: u64,
    /// The bits of the MAC that count.
    mask: u64,
    /// A CMAC under AES, in place of all that.
    aes: Option<AesMac<'d>>,
}

impl<'d> MacLane<'d> {
    const EMPTY: Self = Self {
        bdk: [0; 2],
        ksn: None,
        message: Message::NONE,
        tag: 0,
        mask: 0,
        aes: None,
    };

    /// Judges and takes a CMAC under AES.
    pub(crate) fn load_aes(
        &mut self,
        bdk: &[u8],
        ksn: &aes::Ksn,
        key_type: aes::KeyType,
        data: &'d [u8],
        tag: &[u8],
    ) -> Result<(), Error> {
        self.aes
            .get_or_insert(AesMac::EMPTY)
            .load(bdk, ksn, key_type, data, tag)
    }

    /// Judges and takes a job.
    pub(crate) fn load(
        &mut self,
        bdk: &[u8],
        ksn: &Ksn,
        padding: Padding,
        data: &'d [u8],
        tag: &[u8],
    ) -> Result<(), Error> {
        self.aes.zeroize();
        self.aes = None;
        self.bdk = halves(bdk)?;
        ksn.check()?;
        self.ksn = Some(*ksn);
        let (mut value, mut mask) = ([0; 8], [0; 8]);
        if tag.is_empty() || tag.len() > value.len() {
            return Err(Error::InvalidLength);
        }
        for ((to, mask), from) in value.iter_mut().zip(&mut mask).zip(tag) {
            (*to, *mask) = (*from, 0xFF);
        }
        self.tag = u64::from_be_bytes(value);
        self.mask = u64::from_be_bytes(mask);
        self.message = Message::new(padding, data)?;
        Ok(())
    }

    /// The job by the code of single blocks.
    fn single(&self) -> Result<Choice, Error> {
        let ksn = self.ksn.ok_or(Error::Internal)?;
        let mut material = Secret::<16>::zeroed();
        let (parts, _) = material.expose_mut().as_chunks_mut::<8>();
        for (to, from) in parts.iter_mut().zip(self.bdk) {
            *to = from.to_be_bytes();
        }
        let mut bdk = Key::<Bdk, Tdea>::empty();
        bdk.set(material.expose())?;
        let mut ik = Key::empty();
        Host::initial_key(&bdk, &ksn.initial_key_id(), &mut ik)?;
        let mut keys = Transaction::empty();
        Host::transaction(&ik, &ksn, &mut keys)?;
        let mut key = Key::<MacRequest, Tdea>::empty();
        keys.mac_request_key(&mut key)?;
        let mut mac = RetailMac::new(key.material()?, self.message.padding)?;
        mac.update(self.message.data);
        let mut right = Secret::<8>::zeroed();
        mac.finish(right.expose_mut())?;
        for (byte, mask) in right.expose_mut().iter_mut().zip(self.mask.to_be_bytes()) {
            *byte &= mask;
        }
        Ok(ct::eq(right.expose(), &self.tag.to_be_bytes()))
    }
}

impl Zeroize for MacLane<'_> {
    fn zeroize(&mut self) {
        self.bdk.zeroize();
        self.aes.zeroize();
    }
}

impl Drop for MacLane<'_> {
    fn drop(&mut self) {
        self.zeroize();
    }
}

impl ZeroizeOnDrop for MacLane<'_> {}

/// Where messages come from and verdicts go to.
pub(crate) trait MacSource<'d> {
    /// Judges a job and writes it down. An error is stored like an outcome.
    fn load(&mut self, job: usize, lane: &mut MacLane<'d>) -> Result<(), Error>;
    fn store(&mut self, job: usize, outcome: Result<Choice, Error>);
}

/// Runs jobs.
pub(crate) fn run<'d>(plan: Plan, jobs: usize, source: &mut dyn MacSource<'d>) {
    let side = Side::of(plan);
    plan.each(jobs, &mut Macs { side, source });
}

/// Most jobs that are looked at before the first of them is computed, where they are too few for a group.
const FEW: usize = 16;

struct Macs<'a, 'd> {
    side: Side,
    source: &'a mut dyn MacSource<'d>,
}

impl Macs<'_, '_> {
    /// At most [`FEW`] jobs: AES side by side, DES one by one.
    fn handful(&mut self, first: usize, count: usize) {
        let mut checks = Checks::new(self.side);
        let mut verdicts = [0; FEW];
        // Those that were judged, and of them what is not among the checks.
        let mut outcomes = [const { None }; FEW];
        let mut lane = MacLane::EMPTY;
        for (index, outcome) in outcomes.iter_mut().enumerate().take(count) {
            let job = first.wrapping_add(index);
            match self.source.load(job, &mut lane) {
                Ok(()) => {
                    *outcome = Some(match &lane.aes {
                        Some(check) => {
                            checks.take(index, check, &mut verdicts);
                            Ok(None)
                        }
                        None => lane.single().map(Some),
                    });
                }
                Err(error) => self.source.store(job, Err(error)),
            }
        }
        checks.check(&mut verdicts);
        for (index, (outcome, verdict)) in outcomes.into_iter().zip(verdicts).enumerate() {
            if let Some(outcome) = outcome {
                let right = outcome.map(|right| right.unwrap_or(Choice::from(verdict)));
                self.source.store(first.wrapping_add(index), right);
            }
        }
    }
}

impl Runner for Macs<'_, '_> {
    fn sliced(&mut self, engine: Engine, first: usize, count: usize) {
        engine.run(Group {
            side: self.side,
            source: self.source,
            first,
            count,
        });
    }

    fn single(&mut self, job: usize) {
        self.handful(job, 1);
    }

    fn few(&mut self, first: usize, count: usize) {
        let most = if self.side.engine.is_some() { FEW } else { 1 };
        let end = first.wrapping_add(count);
        for first in (first..end).step_by(most) {
            self.handful(first, end.wrapping_sub(first).min(most));
        }
    }
}

struct Group<'a, 'd> {
    side: Side,
    source: &'a mut dyn MacSource<'d>,
    first: usize,
    count: usize,
}

/// Between a transaction key and the key of a request's MAC, in each half.
const REQUEST: u64 = 0xFF00;

impl Kernel for Group<'_, '_> {
    type Output = ();

    #[inline(always)]
    fn run<W: Word>(self) {
        let Self {
            side,
            source,
            first,
            count,
        } = self;
        let mut derivation = Derivation::<W>::new();
        let mut messages = [Message::NONE; 512];
        let (mut tag, mut mask) = (Planes::<W>::zero(), Planes::<W>::zero());
        let mut loaded = Mask::<W>::none();
        let mut longest = 0_usize;
        let mut derived = 0_usize;
        let mut aes = Mask::<W>::none();
        let mut checks = Checks::new(side);
        let mut verdicts = [0_u8; 512];

        let mut lane = MacLane::EMPTY;
        for (job, message) in (0..count).zip(&mut messages) {
            if let Err(error) = source.load(first.wrapping_add(job), &mut lane) {
                source.store(first.wrapping_add(job), Err(error));
                continue;
            }
            loaded.set(job);
            if let Some(check) = &lane.aes {
                checks.take(job, check, &mut verdicts);
                aes.set(job);
                continue;
            }
            derived = derived.wrapping_add(1);
            if let Some(ksn) = &lane.ksn {
                derivation.set(job, lane.bdk, ksn);
            }
            tag.set(job, lane.tag);
            mask.set(job, lane.mask);
            *message = lane.message;
            longest = longest.max(message.count);
        }
        checks.check(&mut verdicts);

        let mut machine = Machine::<W>::new();
        let mut room = Planes::<W>::zero();
        let mut keys = [const { Planes::<W>::zero() }; 2];
        if derived != 0 {
            derivation.run(&mut machine, &mut room, &mut keys);
            for half in &mut keys {
                half.flip(REQUEST);
            }
            machine.both(keys.each_ref());
        }
        let mut state = Planes::<W>::zero();
        let mut block = Planes::<W>::zero();
        for index in 0..longest {
            let (mut present, mut number) = (Mask::<W>::none(), 0_usize);
            for (job, message) in (0..count).zip(&messages) {
                let value = message.block(index);
                if value.is_some() {
                    present.set(job);
                    number = number.wrapping_add(1);
                }
                block.set(job, value.unwrap_or(0));
            }
            block.slice(&mut room);
            absorb(&machine, &block, (number < derived).then_some(&present), &mut state);
            block.0 = [W::ZERO; 64];
        }
        if derived != 0 {
            machine.transform(&mut state);
        }
        tag.slice(&mut room);
        mask.slice(&mut room);
        let mut ok = W::ONES;
        for ((one, other), mask) in state.0.iter().zip(&tag.0).zip(&mask.0) {
            ok = ok.andn(one.xor(*other).and(*mask));
        }
        let ok = Mask(ok);
        for (job, verdict) in (0..count).zip(verdicts) {
            if loaded.get(job) != 0 {
                let right = if aes.get(job) != 0 { verdict } else { ok.get(job) };
                source.store(first.wrapping_add(job), Ok(Choice::from(right)));
            }
        }
    }
}
