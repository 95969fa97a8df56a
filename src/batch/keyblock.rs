// SPDX-License-Identifier: MIT OR Apache-2.0
//! Key blocks: those of version D eight side by side, from the derivation of their keys to the verdict; others one by one.

use zeroize::Zeroize;

use super::aes::{Side, double};
use super::{Plan, same_len};
use crate::cipher::interleave::{Interleaved, LANES, Lanes, Schedules};
use crate::ct;
use crate::error::Error;
use crate::keyblock::header::Version;
use crate::keyblock::{KbpkRef, KeyBlock, Payload, Profile, Unverified, Verified};

/// A key block and its protection key.
#[derive(Clone, Copy, Debug)]
pub struct KeyBlockJob<'k, 'b> {
    /// The protection key.
    pub kbpk: KbpkRef<'k>,
    /// The block.
    pub block: &'b [u8],
    /// The rule book.
    pub profile: Profile,
}

/// Reads and verifies key blocks: for each job what [`KeyBlock::parse`] and [`KeyBlock::verify`] do together.
///
/// Blocks of version D are computed side by side, all others one by one.
///
/// # Errors
/// Of the batch: [`Error::InvalidLength`] unless the slices are equally long. Of a job: those of both; its payload is
/// wiped then.
///
/// # Timing
/// As [`KeyBlock::verify`]: the blocks' characters, lengths and verdicts, the lengths of the protection keys.
///
/// # Source
/// As [`KeyBlock::verify`].
pub fn verify_key_blocks<'b, 'p>(
    plan: Plan,
    jobs: &[KeyBlockJob<'_, 'b>],
    payloads: &'p mut [Payload],
    outcomes: &mut [Result<KeyBlock<'b, Verified<'p>>, Error>],
) -> Result<(), Error> {
    same_len(&[jobs.len(), payloads.len(), outcomes.len()])?;
    let side = Side::of(plan);
    let crews = jobs.chunks(LANES).zip(payloads.chunks_mut(LANES));
    for ((jobs, payloads), outcomes) in crews.zip(outcomes.chunks_mut(LANES)) {
        crew(side, jobs, payloads, outcomes);
    }
    Ok(())
}

/// A block of version D that was read: its characters, key and authenticator.
struct Lane<'k, 'b> {
    block: KeyBlock<'b, Unverified>,
    kbpk: KbpkRef<'k>,
    mac: [u8; 16],
    /// Whether the authenticator is right; `None` before that is known.
    authentic: Option<subtle::Choice>,
}

impl Lane<'_, '_> {
    fn key(&self) -> &[u8] {
        self.kbpk.material(Version::D).unwrap_or(&[])
    }
}

fn crew<'b, 'p>(
    side: Side,
    jobs: &[KeyBlockJob<'_, 'b>],
    payloads: &'p mut [Payload],
    outcomes: &mut [Result<KeyBlock<'b, Verified<'p>>, Error>],
) {
    let mut lanes = [const { None }; LANES];
    let engine = side.by(jobs.len());
    for ((lane, payload), job) in lanes.iter_mut().zip(payloads.iter_mut()).zip(jobs) {
        payload.zeroize();
        *lane = Some(read(job, payload, engine.is_some()));
    }
    if let Some(engine) = engine {
        for len in [16, 24, 32] {
            open(engine, len, &mut lanes, payloads);
        }
    }
    for (((lane, payload), job), outcome) in lanes.into_iter().zip(payloads).zip(jobs).zip(outcomes) {
        *outcome = match lane {
            Some(Ok(Lane {
                block,
                kbpk,
                authentic: Some(authentic),
                ..
            })) => block.conclude(kbpk, authentic, payload),
            Some(Ok(Lane { block, .. })) => block.verify(job.kbpk, payload),
            Some(Err(error)) => {
                payload.zeroize();
                Err(error)
            }
            None => Err(Error::Internal),
        };
    }
}

/// Reads a block; of one that is computed side by side also what is enciphered.
fn read<'k, 'b>(job: &KeyBlockJob<'k, 'b>, payload: &mut Payload, together: bool) -> Result<Lane<'k, 'b>, Error> {
    let block = KeyBlock::parse(job.block, job.profile)?;
    let mut mac = [0; 16];
    if together && block.header().version == Version::D {
        block.begin(job.kbpk, payload, &mut mac)?;
    }
    Ok(Lane {
        block,
        kbpk: job.kbpk,
        mac,
        authentic: None,
    })
}

/// One block of the message that is authenticated: the characters, then the clear part.
fn part<'m>(text: &'m [u8], body: &'m [u8], index: usize) -> Option<&'m [u8; 16]> {
    let (text, body) = (text.as_chunks().0, body.as_chunks().0);
    text.iter().chain(body).nth(index)
}

/// Opens the blocks of version D whose protection keys have `len` bytes.
fn open(
    engine: Interleaved,
    len: usize,
    lanes: &mut [Option<Result<Lane<'_, '_>, Error>>; LANES],
    payloads: &mut [Payload],
) {
    let mut mine: [Option<(&mut Lane<'_, '_>, &mut Payload)>; LANES] = [const { None }; LANES];
    let of_len = lanes
        .iter_mut()
        .zip(payloads)
        .filter_map(|(lane, payload)| lane.as_mut()?.as_mut().ok().map(|lane| (lane, payload)))
        .filter(|(lane, payload)| {
            let whole = (lane.block.text().len() | payload.body().len()) & 15 == 0;
            lane.block.header().version == Version::D && lane.key().len() == len && !payload.body().is_empty() && whole
        });
    let mut any = false;
    for (place, job) in mine.iter_mut().zip(of_len) {
        *place = Some(job);
        any = true;
    }
    if !any {
        return;
    }
    let mut schedules = Schedules::new(engine);
    // The KBPK, then in turn the KBEK and the KBAK.
    let mut keys = [const { Lanes::zeroed() }; 6];
    let [left, right, derived @ ..] = &mut keys;
    for ((job, left), right) in mine.iter().zip(&mut left.0).zip(&mut right.0) {
        let key = job.as_ref().map_or(&[][..], |(lane, _)| lane.key());
        for (to, from) in left.iter_mut().chain(right).zip(key) {
            *to = *from;
        }
    }
    schedules.expand(len, left, right);
    let mut subkeys = Lanes::zeroed();
    schedules.encrypt(&mut subkeys);
    let (algorithm, bits): (u8, u16) = match len {
        16 => (2, 0x80),
        24 => (3, 0xC0),
        _ => (4, 0x100),
    };
    let [high, low] = bits.to_be_bytes();
    let numbers = [(1, 0), (2, 0), (1, 1), (2, 1)];
    for ((counter, usage), derived) in numbers.into_iter().zip(&mut *derived) {
        let input = [counter, 0, usage, 0, 0, algorithm, high, low, 0x80, 0, 0, 0, 0, 0, 0, 0];
        for (derived, subkey) in derived.0.iter_mut().zip(&subkeys.0) {
            let subkey = double(double(u128::from_be_bytes(*subkey)));
            *derived = (u128::from_be_bytes(input) ^ subkey).to_be_bytes();
        }
        schedules.encrypt(derived);
    }
    let [kbek_left, kbek_right, kbak_left, kbak_right] = derived;

    // CBC, whose initialisation vector is the authenticator.
    schedules.expand(len, kbek_left, kbek_right);
    schedules.turn();
    let (mut state, mut chain) = (Lanes::zeroed(), Lanes::zeroed());
    let mut longest = 0;
    for (job, chain) in mine.iter().zip(&mut chain.0) {
        if let Some((lane, payload)) = job {
            *chain = lane.mac;
            longest = payload.body().len().max(longest);
        }
    }
    for index in 0..longest >> 4 {
        for (job, state) in mine.iter().zip(&mut state.0) {
            if let Some(block) = job.as_ref().and_then(|(_, payload)| part(&[], payload.body(), index)) {
                *state = *block;
            }
        }
        let ciphertext = state.clone();
        schedules.decrypt(&mut state);
        state.xor(&chain);
        for (job, state) in mine.iter_mut().zip(&state.0) {
            let body = job.as_mut().map(|(_, payload)| payload.body_mut().as_chunks_mut().0);
            if let Some(block) = body.and_then(|blocks| blocks.get_mut(index)) {
                *block = *state;
            }
        }
        chain = ciphertext;
    }

    // CMAC over characters and clear part, which are whole blocks.
    schedules.expand(len, kbak_left, kbak_right);
    subkeys = Lanes::zeroed();
    schedules.encrypt(&mut subkeys);
    state.zeroize();
    let count = |job: &Option<(&mut Lane<'_, '_>, &mut Payload)>| {
        let len = job.as_ref().map_or(0, |(lane, payload)| {
            lane.block.text().len().wrapping_add(payload.body().len())
        });
        len >> 4
    };
    let longest = mine.iter().map(&count).max().unwrap_or(0);
    for index in 0..longest {
        for ((job, state), subkey) in mine.iter().zip(&mut state.0).zip(&subkeys.0) {
            let Some((lane, payload)) = job else { continue };
            let Some(block) = part(lane.block.text(), payload.body(), index) else {
                continue;
            };
            let mut sum = u128::from_be_bytes(*state) ^ u128::from_be_bytes(*block);
            if index.wrapping_add(1) == count(job) {
                sum ^= double(u128::from_be_bytes(*subkey));
            }
            *state = sum.to_be_bytes();
        }
        schedules.encrypt(&mut state);
        for (job, state) in mine.iter_mut().zip(&state.0) {
            if index.wrapping_add(1) == count(job)
                && let Some((lane, _)) = job
            {
                lane.authentic = Some(ct::eq(state, &lane.mac));
            }
        }
    }
    for lanes in keys.iter_mut().chain([&mut subkeys, &mut state]) {
        lanes.zeroize();
    }
}
