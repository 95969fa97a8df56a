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

pub(super) use mac::{AesMac, Checks};
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
    fn by(self, count: usize) -> Option<Interleaved> {
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

/// Where the derivation of a job stands.
#[derive(Clone, Copy)]
struct Steps {
    /// Length of the key that is there; 0 where no job is.
    len: usize,
    path: Option<Path>,
    /// The counter's one bits that were taken, and those that are left. `None` before the initial key.
    counter: Option<(u32, u32)>,
}

impl Steps {
    const NONE: Self = Self {
        len: 0,
        path: None,
        counter: None,
    };

    /// The first input block of the next derivation; the length of the working key, if that comes out.
    fn next(&mut self, path: &Path, own: KeyType) -> ([u8; 16], Option<usize>) {
        let id = path.ksn.initial_key_id();
        match self.counter {
            None => {
                self.counter = Some((0, path.ksn.counter()));
                (
                    derivation_block(KeyUsage::KeyDerivationInitialKey, own, *id.as_bytes(), 1),
                    None,
                )
            }
            Some((done, rest)) if rest != 0 => {
                let bit = (1_u32 << 31).wrapping_shr(rest.leading_zeros());
                self.counter = Some((done | bit, rest ^ bit));
                (
                    derivation_block(KeyUsage::KeyDerivation, own, id.context(done | bit), 1),
                    None,
                )
            }
            Some(_) => {
                let context = id.context(path.ksn.counter());
                let block = derivation_block(path.usage, path.key_type, context, 1);
                (block, Some(path.key_type.key_len()))
            }
        }
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
                counter: None,
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
        let mut jobs = [None; LANES];
        let (mut left, mut right) = (Lanes::zeroed(), Lanes::zeroed());
        let mut blocks = [const { Lanes::zeroed() }; 2];
        let mut from = 0_usize;
        loop {
            let mut ended = [None; LANES];
            let mut busy = false;
            let lanes = jobs.iter_mut().zip(&mut ended).zip(left.0.iter_mut().zip(&mut right.0));
            let [first, second] = &mut blocks;
            for ((((job, ended), (left, right)), first), second) in lanes.zip(&mut first.0).zip(&mut second.0) {
                if job.is_none() {
                    *job = self.next(len, &mut from, left, right);
                }
                let Some((index, path)) = job else { continue };
                if let Some(steps) = self.steps.get_mut(*index) {
                    (*first, *ended) = steps.next(path, own);
                    *second = *first;
                    let [_, number, ..] = second;
                    *number = 2;
                }
                busy = true;
            }
            if !busy {
                break;
            }
            schedules.expand(len, &left, &right);
            let [first, second] = &mut blocks;
            schedules.encrypt(first);
            left.0 = first.0;
            if len > 16 {
                schedules.encrypt(second);
                right.0 = second.0;
            }
            let lanes = jobs.iter_mut().zip(ended).zip(left.0.iter().zip(&right.0));
            for ((job, ended), (left, right)) in lanes {
                let (Some((index, _)), Some(len)) = (&job, ended) else {
                    continue;
                };
                let places = self.left.get_mut(*index).zip(self.right.get_mut(*index));
                if let (Some((own_left, own_right)), Some(steps)) = (places, self.steps.get_mut(*index)) {
                    *own_left = *left;
                    *own_right = *right;
                    (steps.len, steps.path) = (len, None);
                }
                *job = None;
            }
        }
        left.zeroize();
        right.zeroize();
        blocks.iter_mut().for_each(Zeroize::zeroize);
    }

    /// The next job from `from` on whose BDK has `len` bytes, and its key.
    fn next(&self, len: usize, from: &mut usize, left: &mut [u8; 16], right: &mut [u8; 16]) -> Option<(usize, Path)> {
        while *from < self.count {
            let index = *from;
            *from = from.wrapping_add(1);
            let (steps, keys) = (self.steps.get(index)?, self.left.get(index).zip(self.right.get(index)));
            if let (Some(path), Some((own_left, own_right))) = (steps.path, keys)
                && steps.len == len
                // One that this very walk has ended has no path; one that it has begun is in a lane.
                && steps.counter.is_none()
            {
                *left = *own_left;
                *right = *own_right;
                return Some((index, path));
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
        self.steps = [Steps::NONE; CREW];
        self.count = 0;
    }
}

impl Drop for Keys {
    fn drop(&mut self) {
        self.zeroize();
    }
}

impl ZeroizeOnDrop for Keys {}
