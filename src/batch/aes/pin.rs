// SPDX-License-Identifier: MIT OR Apache-2.0
//! PIN blocks of format 4.

use zeroize::{Zeroize, ZeroizeOnDrop};

use super::{AesKey, CREW, Keys, Side};
use crate::batch::pin::{Opened, PinLane, PinSource, Tail, run};
use crate::batch::{Outcome, Plan, same_len};
use crate::cipher::aes::Aes as AesCipher;
use crate::cipher::interleave::{Interleaved, LANES, Lanes, Schedules};
use crate::cipher::modes;
use crate::ct;
use crate::dukpt::aes::{KeyType, Ksn};
use crate::entropy::Entropy;
use crate::error::Error;
use crate::key::role::{Bdk, PinVerificationVisa};
use crate::key::{Aes, Key, Tdea};
use crate::pin::block::{self, FORMAT4_BLOCK_LEN, PinKey};
use crate::pin::pvv::Pvv;
use crate::pin::{Pan, Pin};
use crate::secret::{Secret, SecretBuf};

/// A PIN block of format 4 under AES DUKPT, and what it takes to open it.
#[derive(Clone, Copy, Debug)]
pub struct AesPinJob<'a> {
    /// The base derivation key.
    pub bdk: &'a Key<Bdk, Aes>,
    /// The KSN of the message.
    pub ksn: Ksn,
    /// The PIN key's type: AES, and no stronger than the BDK.
    pub key_type: KeyType,
    /// The card.
    pub pan: &'a Pan,
    /// The enciphered block.
    pub block: [u8; FORMAT4_BLOCK_LEN],
}

/// A PIN block of format 4 and the PVV of its card.
#[derive(Clone, Copy, Debug)]
pub struct AesPvvJob<'a> {
    /// The block.
    pub pin: AesPinJob<'a>,
    /// The PVK pair, 16 bytes.
    pub pvk: &'a Key<PinVerificationVisa, Tdea>,
    /// Its index, one digit.
    pub pvki: u8,
    /// The card of the PVV.
    pub pan: &'a Pan,
    /// The value.
    pub pvv: &'a Pvv,
}

/// A PIN block of format 4 and the key and format it goes out under.
#[derive(Clone, Copy, Debug)]
pub struct AesTranslateJob<'a> {
    /// The block.
    pub pin: AesPinJob<'a>,
    /// The key of the new block, with its format: 0, 3 or 4.
    pub key: PinKey<'a>,
}

/// Deciphers PIN blocks of format 4 under the PIN keys of AES transactions: for each job what
/// [`Host::initial_key`](crate::dukpt::aes::Host::initial_key), [`Host::transaction`](crate::dukpt::aes::Host::transaction),
/// [`Transaction::working_key`](crate::dukpt::aes::Transaction::working_key) and [`decipher_aes`](block::decipher_aes) do
/// together.
///
/// # Errors
/// Of the batch: [`Error::InvalidLength`] unless the slices are equally long; nothing is done then. Of a job: those of the
/// four functions; its PIN is empty then.
///
/// # Timing
/// As [`batch`](crate::batch): key lengths, KSNs and verdicts.
///
/// # Source
/// ANSI X9.24-3:2017 6.3; ISO 9564-1, format 4.
pub fn decipher_aes_pins(
    plan: Plan,
    jobs: &[AesPinJob<'_>],
    pins: &mut [Pin],
    outcomes: &mut [Outcome],
) -> Result<(), Error> {
    same_len(&[jobs.len(), pins.len(), outcomes.len()])?;
    struct Source<'a, 'j>(&'a [AesPinJob<'j>], &'a mut [Pin], &'a mut [Outcome]);
    impl PinSource for Source<'_, '_> {
        fn load(&mut self, job: usize, lane: &mut PinLane) -> Result<(), Error> {
            self.0.get(job).ok_or(Error::Internal)?.load(lane)
        }
        fn store(&mut self, job: usize, outcome: Result<Opened<'_>, Error>) {
            if let (Some(result), Some(pin)) = (self.2.get_mut(job), self.1.get_mut(job)) {
                *result = outcome
                    .and_then(|opened| {
                        pin.unpack(*opened.value);
                        ct::verdict(opened.ok)
                    })
                    .inspect_err(|_| pin.zeroize());
            }
        }
    }
    run(plan, jobs.len(), Tail::Open, &mut Source(jobs, pins, outcomes));
    Ok(())
}

/// Verifies the PINs of blocks of format 4 against PVVs: for each job what [`decipher_aes_pins`] and
/// [`pvv::verify`](crate::pin::pvv::verify) do together. No PIN leaves.
///
/// # Errors
/// Of the batch: [`Error::InvalidLength`] unless the slices are equally long. Of a job: those of both;
/// [`Error::VerificationFailed`] for a bad block as for another PIN.
///
/// # Timing
/// As [`decipher_aes_pins`].
pub fn verify_aes_pvvs(plan: Plan, jobs: &[AesPvvJob<'_>], outcomes: &mut [Outcome]) -> Result<(), Error> {
    same_len(&[jobs.len(), outcomes.len()])?;
    struct Source<'a, 'j>(&'a [AesPvvJob<'j>], &'a mut [Outcome]);
    impl PinSource for Source<'_, '_> {
        fn load(&mut self, job: usize, lane: &mut PinLane) -> Result<(), Error> {
            let job = self.0.get(job).ok_or(Error::Internal)?;
            job.pin.load(lane)?;
            lane.check(job.pvk.material(), job.pvki, job.pan, job.pvv)
        }
        fn store(&mut self, job: usize, outcome: Result<Opened<'_>, Error>) {
            if let Some(result) = self.1.get_mut(job) {
                *result = outcome.and_then(|opened| ct::verdict(opened.ok));
            }
        }
    }
    run(plan, jobs.len(), Tail::Pvv, &mut Source(jobs, outcomes));
    Ok(())
}

/// Translates PIN blocks of format 4: for each job what [`decipher_aes_pins`] and [`PinKey::encipher`] do together, under
/// one PAN. No PIN leaves. `out`: the new blocks, zeros behind one of 8 bytes, all zero where a job failed.
///
/// # Errors
/// Of the batch: [`Error::InvalidLength`] unless the slices are equally long. Of a job: those of both;
/// [`Error::FormatNotPermitted`] if [`Format::translates_to`](block::Format::translates_to) says no.
///
/// # Timing
/// As [`decipher_aes_pins`].
pub fn translate_aes_pins<R: Entropy>(
    plan: Plan,
    jobs: &[AesTranslateJob<'_>],
    rng: &mut R,
    out: &mut [[u8; FORMAT4_BLOCK_LEN]],
    outcomes: &mut [Outcome],
) -> Result<(), Error> {
    same_len(&[jobs.len(), out.len(), outcomes.len()])?;
    struct Source<'a, 'j, R>(
        &'a [AesTranslateJob<'j>],
        &'a mut R,
        &'a mut [[u8; FORMAT4_BLOCK_LEN]],
        &'a mut [Outcome],
    );
    impl<R: Entropy> PinSource for Source<'_, '_, R> {
        fn load(&mut self, job: usize, lane: &mut PinLane) -> Result<(), Error> {
            let job = self.0.get(job).ok_or(Error::Internal)?;
            job.pin.load(lane)?;
            match job.key {
                PinKey::Tdea(key, format) => lane.seal(key.material()?, format, Some(job.pin.pan), self.1),
                PinKey::Aes(key) => lane.seal_aes(key.material()?, job.pin.pan, self.1),
            }
        }
        fn store(&mut self, job: usize, outcome: Result<Opened<'_>, Error>) {
            if let (Some(block), Some(result)) = (self.2.get_mut(job), self.3.get_mut(job)) {
                *result = outcome.and_then(|opened| opened.release(block)).map(|_| ());
                if result.is_err() {
                    block.fill(0);
                }
            }
        }
    }
    run(plan, jobs.len(), Tail::Translate, &mut Source(jobs, rng, out, outcomes));
    Ok(())
}

impl AesPinJob<'_> {
    fn load(&self, lane: &mut PinLane) -> Result<(), Error> {
        lane.open_aes(self.bdk.material()?, &self.ksn, self.key_type, self.pan, &self.block)
    }
}

/// What opens a block of format 4.
pub(in crate::batch) struct Opener {
    pub(in crate::batch) key: AesKey,
    pub(in crate::batch) block: [u8; 16],
    pub(in crate::batch) pan: [u8; 16],
}

impl Opener {
    pub(in crate::batch) const EMPTY: Self = Self {
        key: AesKey::EMPTY,
        block: [0; 16],
        pan: [0; 16],
    };

    /// Takes the block, and gives the place of its key.
    pub(in crate::batch) fn set(&mut self, pan: &Pan, block: &[u8; FORMAT4_BLOCK_LEN]) -> &mut AesKey {
        self.block = *block;
        self.pan = pan.format4_field();
        &mut self.key
    }

    /// The PIN field in a word behind a bit that says that all is well, by the code of single blocks.
    fn single(&self) -> Result<u64, Error> {
        let mut material = SecretBuf::new();
        self.key.single(&mut material)?;
        let cipher = AesCipher::new(material.expose())?;
        let mut field = Secret::<16>::zeroed();
        *field.expose_mut() = self.block;
        modes::ecb_decrypt(&cipher, field.expose_mut())?;
        add(field.expose_mut(), &self.pan);
        modes::ecb_decrypt(&cipher, field.expose_mut())?;
        ct::secret(field.expose_mut());
        let head = field.expose().first_chunk().ok_or(Error::Internal)?;
        Ok(read_field(u64::from_be_bytes(*head)))
    }
}

impl Zeroize for Opener {
    fn zeroize(&mut self) {
        self.key.zeroize();
    }
}

/// Blocks that wait until they are opened together. Wiped on drop.
pub(in crate::batch) struct Openings {
    side: Side,
    keys: Keys,
    blocks: [[u8; 16]; CREW],
    pans: [[u8; 16]; CREW],
    /// Where the results go.
    places: [usize; CREW],
}

/// Of a PIN field in a word: all is well.
pub(in crate::batch) const WELL: u64 = 1 << 63;

impl Openings {
    pub(in crate::batch) const fn new(side: Side) -> Self {
        Self {
            side,
            keys: Keys::new(),
            blocks: [[0; 16]; CREW],
            pans: [[0; 16]; CREW],
            places: [0; CREW],
        }
    }

    /// Takes a block whose PIN field shall be at `place` of `fields`, there with [`WELL`] if it is one.
    pub(in crate::batch) fn take(&mut self, place: usize, opener: &Opener, fields: &mut [u64]) {
        if self.side.engine.is_none() {
            if let Some(field) = fields.get_mut(place) {
                // What can fail was judged when the job was loaded.
                *field = opener.single().unwrap_or(0);
            }
            return;
        }
        let count = self.keys.count;
        let to = self.blocks.get_mut(count).zip(self.pans.get_mut(count));
        if let (Some((block, pan)), Some(own)) = (to, self.places.get_mut(count)) {
            *block = opener.block;
            *pan = opener.pan;
            *own = place;
            self.keys.take(&opener.key);
        }
        if self.keys.count == CREW {
            self.open(fields);
        }
    }

    /// Opens what waits.
    pub(in crate::batch) fn open(&mut self, fields: &mut [u64]) {
        let count = self.keys.count;
        if count == 0 {
            return;
        }
        match self.side.by(count) {
            Some(engine) => self.interleaved(engine, fields),
            None => self.singly(fields),
        }
        self.keys.clear();
    }

    fn singly(&self, fields: &mut [u64]) {
        let blocks = self.places.iter().zip(self.blocks.iter().zip(&self.pans));
        for (index, (place, (block, pan))) in blocks.enumerate().take(self.keys.count) {
            let mut opener = Opener {
                key: AesKey::EMPTY,
                block: *block,
                pan: *pan,
            };
            self.keys.give(index, &mut opener.key);
            if let Some(field) = fields.get_mut(*place) {
                *field = opener.single().unwrap_or(0);
            }
        }
    }

    fn interleaved(&mut self, engine: Interleaved, fields: &mut [u64]) {
        let Self {
            keys,
            blocks,
            pans,
            places,
            ..
        } = self;
        keys.walk(engine);
        let order: [usize; CREW] = core::array::from_fn(|index| index);
        let mut schedules = Schedules::new(engine);
        let (mut lanes, mut mixed) = (Lanes::zeroed(), Lanes::zeroed());
        keys.each(order.get(..keys.count).unwrap_or(&[]), |len, jobs, left, right| {
            schedules.expand(len, left, right);
            schedules.turn();
            for ((lane, mixed), &job) in lanes.0.iter_mut().zip(&mut mixed.0).zip(jobs) {
                if let Some((block, pan)) = blocks.get(job).zip(pans.get(job)) {
                    *lane = *block;
                    *mixed = *pan;
                }
            }
            schedules.decrypt(&mut lanes);
            lanes.xor(&mixed);
            schedules.decrypt(&mut lanes);
            for (lane, &job) in lanes.0.iter_mut().zip(jobs) {
                ct::secret(lane);
                let ([head, _], _) = lane.as_chunks() else { continue };
                if let Some(field) = places.get(job).and_then(|&place| fields.get_mut(place)) {
                    *field = read_field(u64::from_be_bytes(*head));
                }
            }
        });
        lanes.zeroize();
    }
}

fn add(to: &mut [u8; 16], from: &[u8; 16]) {
    for (to, from) in to.iter_mut().zip(from) {
        *to ^= from;
    }
}

/// All ones if `value` is zero.
const fn none(value: u64) -> u64 {
    // Out of the compiler's sight: it makes a branch of the mask else, on the length of a PIN.
    core::hint::black_box((value | value.wrapping_neg()) >> 63).wrapping_sub(1)
}

/// The nibbles of digits in a PIN field of a length of 4 to 12, and all ones; zeros for another length.
fn places(len: u64) -> (u64, u64) {
    let (mut places, mut valid) = (0, 0);
    for (possible, rest) in (4_u64..=12).zip((0_u32..).step_by(4)) {
        let equal = none(len ^ possible);
        // Four digits and `rest` bits more, behind control and length.
        places |= equal & (0x00FF_FFFF_FFFF_FFFF & !(0x0000_00FF_FFFF_FFFF_u64.wrapping_shr(rest)));
        valid |= equal;
    }
    (places, valid)
}

/// The fill of format 4.
const FILL: u64 = 0x00AA_AAAA_AAAA_AAAA;

/// Checks control, length, digits and fill of a field of format 4: length and digits with [`WELL`], or zero.
fn read_field(field: u64) -> u64 {
    let text = 0x00FF_FFFF_FFFF_FFFF;
    let (places, valid) = places((field >> 56) & 15);
    // Over 9: 8 and 4, or 8 and 2.
    let over = field & ((field << 1) | (field << 2)) & 0x8888_8888_8888_8888 & places;
    let unfilled = (field ^ FILL) & text & !places;
    let wrong = ((field >> 60) ^ 4) | over | unfilled | !valid;
    ((field & (places | (15 << 56))) | WELL) & none(wrong)
}

/// What a block of format 4 goes out under; then the block.
pub(in crate::batch) struct Seal {
    key: Secret<32>,
    /// 0: no block goes out.
    len: usize,
    /// The PAN field; then the block.
    block: [u8; 16],
    random: [u8; 8],
    /// Length and digits of the PIN.
    field: u64,
}

impl Seal {
    pub(in crate::batch) const NONE: Self = Self {
        key: Secret::zeroed(),
        len: 0,
        block: [0; 16],
        random: [0; 8],
        field: 0,
    };

    /// Judges and takes key, PAN and random bytes.
    pub(in crate::batch) fn set(&mut self, key: &[u8], pan: &Pan, rng: &mut impl Entropy) -> Result<(), Error> {
        KeyType::aes(key.len())?;
        let mut random = Secret::zeroed();
        block::random_tail(rng, &mut random)?;
        for (to, from) in self.key.expose_mut().iter_mut().zip(key) {
            *to = *from;
        }
        self.len = key.len();
        self.random = *random.expose();
        self.block = pan.format4_field();
        Ok(())
    }

    pub(in crate::batch) const fn is_some(&self) -> bool {
        self.len != 0
    }

    pub(in crate::batch) fn field(&mut self, field: u64) {
        self.field = field;
    }

    pub(in crate::batch) fn block(&mut self) -> &mut [u8; 16] {
        &mut self.block
    }

    pub(in crate::batch) fn copy(&mut self, from: &Self) {
        *self.key.expose_mut() = *from.key.expose();
        (self.len, self.block, self.random, self.field) = (from.len, from.block, from.random, from.field);
    }

    /// The clear field.
    fn clear(&self) -> [u8; 16] {
        let (places, _) = places((self.field >> 56) & 15);
        let head = (4 << 60) | self.field | (FILL & !places);
        let mut clear = [0; 16];
        for (to, from) in clear.iter_mut().zip(head.to_be_bytes().into_iter().chain(self.random)) {
            *to = from;
        }
        clear
    }

    fn single(&mut self) -> Result<(), Error> {
        let key = self.key.expose().get(..self.len).ok_or(Error::Internal)?;
        let cipher = AesCipher::new(key)?;
        let mut field = Secret::<16>::zeroed();
        *field.expose_mut() = self.clear();
        modes::ecb_encrypt(&cipher, field.expose_mut())?;
        add(field.expose_mut(), &self.block);
        modes::ecb_encrypt(&cipher, field.expose_mut())?;
        self.block = *field.expose();
        Ok(())
    }
}

impl Zeroize for Seal {
    fn zeroize(&mut self) {
        self.key.zeroize();
        self.len = 0;
        self.block.zeroize();
        self.random.zeroize();
        self.field.zeroize();
    }
}

impl Drop for Seal {
    fn drop(&mut self) {
        if self.is_some() {
            self.zeroize();
        }
    }
}

impl ZeroizeOnDrop for Seal {}

/// Enciphers the fields of those that have one to go out.
pub(in crate::batch) fn seal<'s>(side: Side, seals: impl Iterator<Item = &'s mut Seal>) {
    let mut crews = Crews::new(side);
    for seal in seals.filter(|seal| seal.is_some()) {
        crews.take(seal);
    }
    crews.end();
}

/// Seals of one key length each, eight at a time.
struct Crews<'s> {
    side: Side,
    waiting: [Crew<'s>; 3],
}

struct Crew<'s> {
    seals: [Option<&'s mut Seal>; LANES],
    count: usize,
}

impl<'s> Crews<'s> {
    fn new(side: Side) -> Self {
        Self {
            side,
            waiting: core::array::from_fn(|_| Crew {
                seals: [const { None }; LANES],
                count: 0,
            }),
        }
    }

    fn take(&mut self, seal: &'s mut Seal) {
        let [crew16, crew24, crew32] = &mut self.waiting;
        let crew = match seal.len {
            16 => crew16,
            24 => crew24,
            _ => crew32,
        };
        if let Some(place) = crew.seals.get_mut(crew.count) {
            *place = Some(seal);
            crew.count = crew.count.wrapping_add(1);
        }
        if crew.count == LANES {
            crew.run(self.side);
        }
    }

    fn end(mut self) {
        let side = self.side;
        self.waiting.iter_mut().for_each(|crew| crew.run(side));
    }
}

impl Crew<'_> {
    fn run(&mut self, side: Side) {
        match side.by(self.count) {
            Some(engine) if self.count != 0 => self.interleaved(engine),
            _ => {
                for seal in self.seals.iter_mut().flatten() {
                    // A key of a legal length does not fail.
                    if seal.single().is_err() {
                        seal.zeroize();
                    }
                }
            }
        }
        self.seals = [const { None }; LANES];
        self.count = 0;
    }

    fn interleaved(&mut self, engine: Interleaved) {
        let mut schedules = Schedules::new(engine);
        let (mut left, mut right) = (Lanes::zeroed(), Lanes::zeroed());
        let (mut lanes, mut mixed) = (Lanes::zeroed(), Lanes::zeroed());
        let keys = left.0.iter_mut().zip(&mut right.0);
        let blocks = lanes.0.iter_mut().zip(&mut mixed.0);
        let mut len = 0;
        for ((seal, (left, right)), (lane, mixed)) in self.seals.iter().flatten().zip(keys).zip(blocks) {
            if let ([one, other], _) = seal.key.expose().as_chunks() {
                (*left, *right) = (*one, *other);
                *lane = seal.clear();
                *mixed = seal.block;
                len = seal.len;
            }
        }
        schedules.expand(len, &left, &right);
        schedules.encrypt(&mut lanes);
        lanes.xor(&mixed);
        schedules.encrypt(&mut lanes);
        for (seal, lane) in self.seals.iter_mut().flatten().zip(&lanes.0) {
            seal.block = *lane;
        }
        for lanes in [&mut left, &mut right, &mut lanes, &mut mixed] {
            lanes.zeroize();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Gives 1, 2, 3 and so on.
    struct Counting;

    impl Entropy for Counting {
        fn fill(&mut self, out: &mut [u8]) -> Result<(), Error> {
            out.iter_mut().zip(1..).for_each(|(to, from)| *to = from);
            Ok(())
        }
    }

    #[test]
    fn the_tail_of_a_block_comes_from_the_source() {
        let mut seal = Seal::NONE;
        let pan = Pan::parse(b"5413330089020011").unwrap();
        seal.set(&[1; 16], &pan, &mut Counting).unwrap();
        assert_eq!(seal.random, [1, 2, 3, 4, 5, 6, 7, 8]);
    }
}
