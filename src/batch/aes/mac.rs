// SPDX-License-Identifier: MIT OR Apache-2.0
//! CMACs under AES DUKPT: from BDK and KSN to a verdict on each message.

use subtle::Choice;
use zeroize::{Zeroize, ZeroizeOnDrop};

use super::{AesKey, CREW, Keys, Side};
use crate::batch::mac::{MacLane, MacSource, run};
use crate::batch::{Outcome, Plan, same_len};
use crate::cipher::interleave::{Interleaved, Lanes, Schedules};
use crate::ct;
use crate::dukpt::aes::{KeyType, KeyUsage, Ksn};
use crate::error::Error;
use crate::key::role::Bdk;
use crate::key::{Aes, Key};
use crate::mac::Mac;
use crate::mac::cmac::CmacAes;
use crate::secret::{Secret, SecretBuf};

/// Length of a MAC.
const LEN: usize = 16;

/// A message of a terminal under AES DUKPT, and its CMAC.
#[derive(Clone, Copy, Debug)]
pub struct AesMacJob<'a> {
    /// The base derivation key.
    pub bdk: &'a Key<Bdk, Aes>,
    /// The KSN of the message.
    pub ksn: Ksn,
    /// The MAC key's type: AES, and no stronger than the BDK.
    pub key_type: KeyType,
    /// The message.
    pub data: &'a [u8],
    /// The leftmost 1 to 16 bytes of its MAC. How short it may be is the caller's policy.
    pub tag: &'a [u8],
}

/// Verifies CMACs of requests under AES DUKPT (usage 2000): for each job what
/// [`Host::initial_key`](crate::dukpt::aes::Host::initial_key), [`Host::transaction`](crate::dukpt::aes::Host::transaction),
/// [`Transaction::working_key`](crate::dukpt::aes::Transaction::working_key) and the verification by
/// [`CmacAes`](crate::key::mac::CmacAes) do together.
///
/// # Errors
/// Of the batch: [`Error::InvalidLength`] unless the slices are equally long. Of a job: those of the four.
///
/// # Timing
/// As [`batch`](crate::batch): key lengths, KSNs, the lengths of messages and MACs.
///
/// # Source
/// SP 800-38B; ANSI X9.24-3:2017 6.3.
pub fn verify_aes_macs(plan: Plan, jobs: &[AesMacJob<'_>], outcomes: &mut [Outcome]) -> Result<(), Error> {
    same_len(&[jobs.len(), outcomes.len()])?;
    struct Source<'a, 'j>(&'a [AesMacJob<'j>], &'a mut [Outcome]);
    impl<'j> MacSource<'j> for Source<'_, 'j> {
        fn load(&mut self, job: usize, lane: &mut MacLane<'j>) -> Result<(), Error> {
            let job = self.0.get(job).ok_or(Error::Internal)?;
            lane.load_aes(job.bdk.material()?, &job.ksn, job.key_type, job.data, job.tag)
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

/// A message, its MAC and the key.
pub(in crate::batch) struct AesMac<'d> {
    key: AesKey,
    message: Message<'d>,
}

/// What is public of it.
#[derive(Clone, Copy)]
struct Message<'d> {
    data: &'d [u8],
    tag: [u8; LEN],
    tag_len: usize,
}

impl<'d> Message<'d> {
    const NONE: Self = Self {
        data: &[],
        tag: [0; LEN],
        tag_len: 0,
    };

    /// How many blocks; an empty message has one.
    fn count(&self) -> usize {
        self.data.len().div_ceil(LEN).max(1)
    }

    /// Whether a MAC is the message's, as far as it is told.
    fn is(&self, mac: &[u8; LEN]) -> Choice {
        match (mac.get(..self.tag_len), self.tag.get(..self.tag_len)) {
            (Some(mac), Some(tag)) => ct::eq(mac, tag),
            _ => Choice::from(0),
        }
    }
}

impl<'d> AesMac<'d> {
    pub(in crate::batch) const EMPTY: Self = Self {
        key: AesKey::EMPTY,
        message: Message::NONE,
    };

    /// Judges and takes a job.
    pub(in crate::batch) fn load(
        &mut self,
        bdk: &[u8],
        ksn: &Ksn,
        key_type: KeyType,
        data: &'d [u8],
        tag: &[u8],
    ) -> Result<(), Error> {
        self.key.derived(bdk, ksn, KeyUsage::MacGeneration, key_type)?;
        if tag.is_empty() || tag.len() > LEN {
            return Err(Error::InvalidLength);
        }
        self.message = Message {
            data,
            tag: [0; LEN],
            tag_len: tag.len(),
        };
        for (to, from) in self.message.tag.iter_mut().zip(tag) {
            *to = *from;
        }
        Ok(())
    }

    /// By the code of single messages.
    fn single(&self) -> Result<Choice, Error> {
        let mut key = SecretBuf::new();
        self.key.single(&mut key)?;
        let mut mac = CmacAes::new(key.expose())?;
        mac.update(self.message.data);
        let mut right = Secret::<LEN>::zeroed();
        mac.finish(right.expose_mut())?;
        Ok(self.message.is(right.expose()))
    }
}

impl Zeroize for AesMac<'_> {
    fn zeroize(&mut self) {
        self.key.zeroize();
    }
}

impl ZeroizeOnDrop for AesMac<'_> {}

/// Messages that wait until they are checked together.
pub(in crate::batch) struct Checks<'d> {
    side: Side,
    keys: Keys,
    messages: [Message<'d>; CREW],
    /// Where the results go.
    places: [usize; CREW],
}

impl<'d> Checks<'d> {
    pub(in crate::batch) const fn new(side: Side) -> Self {
        Self {
            side,
            keys: Keys::new(),
            messages: [Message::NONE; CREW],
            places: [0; CREW],
        }
    }

    /// Takes a message whose verdict shall be at `place`: 1 for a right MAC.
    pub(in crate::batch) fn take(&mut self, place: usize, job: &AesMac<'d>, verdicts: &mut [u8]) {
        if self.side.engine.is_none() {
            if let Some(verdict) = verdicts.get_mut(place) {
                // What can fail was judged when the job was loaded.
                *verdict = job.single().map_or(0, |right| right.unwrap_u8());
            }
            return;
        }
        let count = self.keys.count;
        if let (Some(message), Some(own)) = (self.messages.get_mut(count), self.places.get_mut(count)) {
            *message = job.message;
            *own = place;
            self.keys.take(&job.key);
        }
        if self.keys.count == CREW {
            self.check(verdicts);
        }
    }

    /// Checks what waits.
    pub(in crate::batch) fn check(&mut self, verdicts: &mut [u8]) {
        let count = self.keys.count;
        if count == 0 {
            return;
        }
        match self.side.by(count) {
            Some(engine) => self.interleaved(engine, verdicts),
            None => self.singly(verdicts),
        }
        self.keys.clear();
    }

    fn singly(&self, verdicts: &mut [u8]) {
        for (index, (place, message)) in self.places.iter().zip(&self.messages).enumerate().take(self.keys.count) {
            let mut job = AesMac {
                key: AesKey::EMPTY,
                message: *message,
            };
            self.keys.give(index, &mut job.key);
            if let Some(verdict) = verdicts.get_mut(*place) {
                *verdict = job.single().map_or(0, |right| right.unwrap_u8());
            }
        }
    }

    fn interleaved(&mut self, engine: Interleaved, verdicts: &mut [u8]) {
        let Self {
            keys, messages, places, ..
        } = self;
        keys.walk(engine);
        // Messages of similar length side by side: eight take as long as the longest of them. Nothing is side by side on
        // bare metal, where a sort would leave a panic.
        let mut order: [usize; CREW] = core::array::from_fn(|index| index);
        let order = order.get_mut(..keys.count).unwrap_or_default();
        #[cfg(not(target_os = "none"))]
        order.sort_unstable_by_key(|&job| messages.get(job).map_or(0, Message::count));
        let mut schedules = Schedules::new(engine);
        let mut macs = Lanes::zeroed();
        keys.each(order, |len, jobs, left, right| {
            schedules.expand(len, left, right);
            cmacs(&schedules, messages, jobs, &mut macs);
            for (mac, &job) in macs.0.iter().zip(jobs) {
                let verdict = places.get(job).and_then(|&place| verdicts.get_mut(place));
                if let (Some(message), Some(verdict)) = (messages.get(job), verdict) {
                    *verdict = message.is(mac).unwrap_u8();
                }
            }
        });
        macs.zeroize();
    }
}

/// SP 800-38B 6.2 in each lane, over messages of different numbers of blocks.
fn cmacs(schedules: &Schedules, messages: &[Message<'_>], jobs: &[usize], macs: &mut Lanes) {
    let mut subkeys = Lanes::zeroed();
    schedules.encrypt(&mut subkeys);
    let message = |job: &usize| messages.get(*job).copied().unwrap_or(Message::NONE);
    let longest = jobs.iter().map(|job| message(job).count()).max().unwrap_or(0);
    let mut state = Lanes::zeroed();
    for index in 0..longest {
        for (((state, subkey), mac), job) in state.0.iter_mut().zip(&subkeys.0).zip(&mut macs.0).zip(jobs) {
            let message = message(job);
            let last = message.count().wrapping_sub(1);
            if index == last.wrapping_add(1) {
                *mac = *state;
            }
            if index <= last {
                absorb(
                    state,
                    message.data.get(index.wrapping_mul(LEN)..).unwrap_or(&[]),
                    index == last,
                    subkey,
                );
            }
        }
        schedules.encrypt(&mut state);
    }
    for ((mac, state), job) in macs.0.iter_mut().zip(&state.0).zip(jobs) {
        if message(job).count() == longest {
            *mac = *state;
        }
    }
    subkeys.zeroize();
    state.zeroize();
}

/// Adds the first block of `rest`; if it is the last one, with its subkey and padding.
fn absorb(state: &mut [u8; LEN], rest: &[u8], last: bool, zero: &[u8; LEN]) {
    let mut sum = u128::from_be_bytes(*state);
    match rest.first_chunk() {
        Some(block) => {
            sum ^= u128::from_be_bytes(*block);
            if last {
                sum ^= double(u128::from_be_bytes(*zero));
            }
        }
        None => {
            let mut block = [0; LEN];
            for (to, from) in block.iter_mut().zip(rest.iter().chain(&[0x80])) {
                *to = *from;
            }
            sum ^= u128::from_be_bytes(block) ^ double(double(u128::from_be_bytes(*zero)));
        }
    }
    *state = sum.to_be_bytes();
}

/// Multiplies by x.
pub(in crate::batch) const fn double(block: u128) -> u128 {
    (block << 1) ^ (0x87 & (block >> 127).wrapping_neg())
}
