// SPDX-License-Identifier: MIT OR Apache-2.0
//! Jobs under AES, eight side by side: keys of AES DUKPT, PIN blocks of format 4, CMACs.
//!
//! Jobs are collected as they come, [`CREW`] at most; then the keys of all of them are derived, and what they are for is
//! done. A lane whose walk has ended takes the next job: counters have different numbers of one bits, and KSNs are public.

mod mac;
mod pin;

use zeroize::{Zeroize, ZeroizeOnDrop};

use super::Plan;
use crate::cipher::interleave::{Interleaved, LANES, Lanes, Schedules, wipe};
use crate::dukpt::aes::{Host, KeyType, KeyUsage, Ksn, Transaction, derivation_block};
use crate::error::Error;
use crate::key::role::Bdk;
use crate::key::{Aes, Key};
use crate::secret::{Secret, SecretBuf};

pub(super) use mac::{AesMac, Checks, double};
pub use mac::{AesMacJob, verify_aes_macs};
pub use pin::{AesPinJob, AesPvvJob, AesTranslateJob, decipher_aes_pins, translate_aes_pins, verify_aes_pvvs};
pub(super) use pin::{Opener, Openings, Seal, WELL, seal};

/// Jobs whose keys are derived together.
pub(super) const CREW: usize = 64;

/// From how many jobs on they run side by side, and by what; `None`: never.
#[derive(Clone, Copy)]
pub(super) struct Side {
    pub(super) engine: Option<Interleaved>,
    fewest: usize,
}

impl Side {
    pub(super) fn of(plan: Plan) -> Self {
        Self {
            engine: Interleaved::new(plan.aes),
            fewest: plan.aes_crossover(),
        }
    }

    /// The engine for so many jobs.
    pub(super) fn by(self, count: usize) -> Option<Interleaved> {
        self.engine.filter(|_| count >= self.fewest)
    }
}

/// A key of 16, 24 or 32 bytes, or the BDK that it is derived from.
pub(crate) struct AesKey {
    material: Secret<32>,
    len: usize,
    path: Option<Path>,
}

/// From a BDK to a working key.
#[derive(Clone, Copy)]
struct Path {
    ksn: Ksn,
    usage: KeyUsage,
    key_type: KeyType,
}

impl AesKey {
    pub(super) const EMPTY: Self = Self {
        material: Secret::zeroed(),
        len: 0,
        path: None,
    };

    /// Judges and takes a key.
    pub(super) fn set(&mut self, key: &[u8]) -> Result<(), Error> {
        KeyType::aes(key.len())?;
        self.path = None;
        self.len = key.len();
        self.material.zeroize();
        for (to, from) in self.material.expose_mut().iter_mut().zip(key) {
            *to = *from;
        }
        Ok(())
    }

    /// Judges and takes a BDK, and the KSN and type of the AES key that is meant.
    pub(super) fn derived(&mut self, bdk: &[u8], ksn: &Ksn, usage: KeyUsage, key_type: KeyType) -> Result<(), Error> {
        self.set(bdk)?;
        ksn.check()?;
        if !matches!(key_type, KeyType::Aes128 | KeyType::Aes192 | KeyType::Aes256) {
            return Err(Error::AlgorithmMismatch);
        }
        key_type.check_strength(bdk.len())?;
        self.path = Some(Path {
            ksn: *ksn,
            usage,
            key_type,
        });
        Ok(())
    }

    /// The key, by the code of single derivations.
    pub(super) fn single(&self, out: &mut SecretBuf<32>) -> Result<(), Error> {
        let material = self.material.expose().get(..self.len).ok_or(Error::Internal)?;
        let Some(path) = &self.path else {
            return out.set(material);
        };
        let mut bdk = Key::<Bdk, Aes>::empty();
        bdk.set(material)?;
        let mut ik = Key::empty();
        Host::initial_key(&bdk, &path.ksn.initial_key_id(), &mut ik)?;
        let mut keys = Transaction::empty();
        Host::transaction(&ik, &path.ksn, &mut keys)?;
        keys.working_material(path.usage, path.key_type, out)
    }
}

impl Zeroize for AesKey {
    fn zeroize(&mut self) {
        self.material.zeroize();
        self.len = 0;
        self.path = None;
    }
}

impl ZeroizeOnDrop for AesKey {}

/// The key of a job.
#[derive(Clone, Copy)]
struct Steps {
    /// Its length; 0 where no job is.
    len: usize,
    /// What is still to be derived from it.
    path: Option<Path>,
}

impl Steps {
    const NONE: Self = Self { len: 0, path: None };
}

/// A lane, and where the derivation of its job stands.
#[derive(Clone, Copy)]
struct Walker {
    job: usize,
    /// The next input block of the path but for the counter, big-endian in two halves.
    block: [u64; 2],
    /// The counter's one bits that were taken, and those that are left.
    done: u32,
    rest: u32,
    /// Whether the initial key is still to come.
    begins: bool,
    path: Path,
}

/// The halves of an input block.
fn halves_of(block: [u8; 16]) -> [u64; 2] {
    let ([high, low], _) = block.as_chunks() else {
        return [0; 2];
    };
    [u64::from_be_bytes(*high), u64::from_be_bytes(*low)]
}

impl Walker {
    fn new(job: usize, path: &Path, own: KeyType) -> Self {
        let id = path.ksn.initial_key_id();
        Self {
            job,
            block: halves_of(derivation_block(KeyUsage::KeyDerivation, own, id.context(0), 1)),
            done: 0,
            rest: path.ksn.counter(),
            begins: true,
            path: *path,
        }
    }

    /// The next input block; the length of the working key, if that comes out, else 0.
    fn next(&mut self, own: KeyType) -> ([u64; 2], usize) {
        let Self { path, .. } = self;
        if self.begins {
            self.begins = false;
            let id = path.ksn.initial_key_id();
            let block = derivation_block(KeyUsage::KeyDerivationInitialKey, own, *id.as_bytes(), 1);
            return (halves_of(block), 0);
        }
        if self.rest != 0 {
            let bit = (1_u32 << 31).wrapping_shr(self.rest.leading_zeros());
            self.done |= bit;
            self.rest ^= bit;
            let [high, low] = self.block;
            return ([high, low | u64::from(self.done)], 0);
        }
        let context = path.ksn.initial_key_id().context(path.ksn.counter());
        let block = derivation_block(path.usage, path.key_type, context, 1);
        (halves_of(block), path.key_type.key_len())
    }
}

/// Writes an input block.
fn write(block: [u64; 2], to: &mut [u8; 16]) {
    let (halves, _) = to.as_chunks_mut::<8>();
    for (to, from) in halves.iter_mut().zip(block) {
        *to = from.to_be_bytes();
    }
}

/// The keys of a crew. Wiped on drop.
pub(super) struct Keys {
    steps: [Steps; CREW],
    left: [[u8; 16]; CREW],
    right: [[u8; 16]; CREW],
    count: usize,
}

impl Keys {
    const fn new() -> Self {
        Self {
            steps: [Steps::NONE; CREW],
            left: [[0; 16]; CREW],
            right: [[0; 16]; CREW],
            count: 0,
        }
    }

    /// Takes a job's key; its number is how many there were.
    fn take(&mut self, key: &AesKey) {
        let mut places = self.steps.iter_mut().zip(self.left.iter_mut().zip(&mut self.right));
        if let (Some((steps, (left, right))), ([one, other], _)) =
            (places.nth(self.count), key.material.expose().as_chunks())
        {
            *steps = Steps {
                len: key.len,
                path: key.path,
            };
            *left = *one;
            *right = *other;
            self.count = self.count.wrapping_add(1);
        }
    }

    /// Gives a job's key back as it was taken.
    fn give(&self, index: usize, key: &mut AesKey) {
        let places = self
            .steps
            .get(index)
            .zip(self.left.get(index).zip(self.right.get(index)));
        if let (Some((steps, (left, right))), ([one, other], _)) = (places, key.material.expose_mut().as_chunks_mut()) {
            (*one, *other) = (*left, *right);
            (key.len, key.path) = (steps.len, steps.path);
        }
    }

    /// Walks from the BDKs to the working keys.
    fn walk(&mut self, engine: Interleaved) {
        let mut schedules = Schedules::new(engine);
        for len in [16, 24, 32] {
            if self.steps.iter().any(|steps| steps.len == len && steps.path.is_some()) {
                self.walk_all_of(len, &mut schedules);
            }
        }
    }

    fn walk_all_of(&mut self, len: usize, schedules: &mut Schedules) {
        let Ok(own) = KeyType::aes(len) else { return };
        let mut walkers = [None; LANES];
        let (mut left, mut right) = (Lanes::zeroed(), Lanes::zeroed());
        let mut second = Lanes::zeroed();
        let mut first = Lanes::zeroed();
        let mut from = 0_usize;
        loop {
            let mut ended = [0; LANES];
            let mut busy = false;
            let keys = left.0.iter_mut().zip(&mut right.0);
            let blocks = first.0.iter_mut().zip(&mut second.0);
            let lanes = walkers.iter_mut().zip(&mut ended).zip(keys.zip(blocks));
            for ((walker, ended), ((left, right), (first, second))) in lanes {
                if walker.is_none() {
                    *walker = self.next(len, own, &mut from, left, right);
                }
                let Some(walker) = walker else { continue };
                let ([high, low], end) = walker.next(own);
                *ended = end;
                write([high, low], first);
                if len > 16 {
                    // The number of the block is its second byte.
                    write([high ^ (3 << 48), low], second);
                }
                busy = true;
            }
            if !busy {
                break;
            }
            schedules.expand(len, &left, &right);
            left.0 = first.0;
            schedules.encrypt(&mut left);
            if len > 16 {
                right.0 = second.0;
                schedules.encrypt(&mut right);
            }
            let lanes = walkers.iter_mut().zip(ended).zip(left.0.iter().zip(&right.0));
            for ((walker, len), (left, right)) in lanes.filter(|((_, len), _)| *len != 0) {
                let Some(Walker { job, .. }) = walker.take() else {
                    continue;
                };
                let places = self.left.get_mut(job).zip(self.right.get_mut(job));
                if let (Some((own_left, own_right)), Some(steps)) = (places, self.steps.get_mut(job)) {
                    *own_left = *left;
                    *own_right = *right;
                    *steps = Steps { len, path: None };
                }
            }
        }
        left.zeroize();
        right.zeroize();
    }

    /// The next job from `from` on whose BDK has `len` bytes, and its key.
    fn next(
        &self,
        len: usize,
        own: KeyType,
        from: &mut usize,
        left: &mut [u8; 16],
        right: &mut [u8; 16],
    ) -> Option<Walker> {
        while *from < self.count {
            let job = *from;
            *from = from.wrapping_add(1);
            let (steps, keys) = (self.steps.get(job)?, self.left.get(job).zip(self.right.get(job)));
            if let (Some(path), Some((own_left, own_right))) = (&steps.path, keys)
                && steps.len == len
            {
                *left = *own_left;
                *right = *own_right;
                return Some(Walker::new(job, path, own));
            }
        }
        None
    }

    /// Calls `work` with up to eight jobs at a time whose keys have one length, in the order of `order`.
    fn each(&self, order: &[usize], mut work: impl FnMut(usize, &[usize], &Lanes, &Lanes)) {
        let (mut left, mut right) = (Lanes::zeroed(), Lanes::zeroed());
        for len in [16, 24, 32] {
            let mut jobs = [0; LANES];
            let mut count = 0_usize;
            let mut rest = order
                .iter()
                .filter(|&&job| self.steps.get(job).is_some_and(|steps| steps.len == len))
                .peekable();
            while let Some(&job) = rest.next() {
                let mut places = jobs.iter_mut().zip(left.0.iter_mut().zip(&mut right.0));
                let keys = self.left.get(job).zip(self.right.get(job));
                if let (Some((place, (to_left, to_right))), Some((left, right))) = (places.nth(count), keys) {
                    *place = job;
                    *to_left = *left;
                    *to_right = *right;
                }
                count = count.wrapping_add(1);
                if count == LANES || rest.peek().is_none() {
                    work(len, jobs.get(..count).unwrap_or(&[]), &left, &right);
                    count = 0;
                }
            }
        }
        left.zeroize();
        right.zeroize();
    }

    /// Forgets all jobs.
    fn clear(&mut self) {
        self.zeroize();
    }
}

impl Zeroize for Keys {
    fn zeroize(&mut self) {
        for keys in [&mut self.left, &mut self.right] {
            wipe(keys.get_mut(..self.count).unwrap_or_default());
        }
        for steps in self.steps.iter_mut().take(self.count) {
            *steps = Steps::NONE;
        }
        self.count = 0;
    }
}

impl Drop for Keys {
    fn drop(&mut self) {
        self.zeroize();
    }
}

impl ZeroizeOnDrop for Keys {}
