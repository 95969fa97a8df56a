// SPDX-License-Identifier: MIT OR Apache-2.0
//! PIN blocks under TDEA DUKPT: from BDK and KSN to the PIN, to a verdict on it, or to another block.

use subtle::Choice;
use zeroize::{Zeroize, ZeroizeOnDrop};

use super::aes::{Opener as Format4, Openings, Seal, Side, WELL, seal};
use super::decimal::{is, is_digit, two_pass};
use super::dukpt::Derivation;
use super::{Outcome, Plan, Runner, halves, same_len};
use crate::batch::Engine;
use crate::cipher::bitslice::{Kernel, Machine, Mask, Planes, Word};
use crate::cipher::tdes::Tdes;
use crate::ct;
use crate::dukpt::aes;
use crate::dukpt::tdes::{Host, Ksn, Transaction};
use crate::entropy::Entropy;
use crate::error::Error;
use crate::key::role::{Bdk, PinEncryption, PinVerificationVisa};
use crate::key::{Key, Tdea};
use crate::pin::block::{self, Format};
use crate::pin::pvv::Pvv;
use crate::pin::{Pan, Pin};
use crate::secret::Secret;

/// A PIN block and what it takes to open it.
#[derive(Clone, Copy, Debug)]
pub struct PinJob<'a> {
    /// The base derivation key, 16 bytes.
    pub bdk: &'a Key<Bdk, Tdea>,
    /// The KSN of the message.
    pub ksn: Ksn,
    /// Format 0 to 3.
    pub format: Format,
    /// The card; formats 0 and 3 need it.
    pub pan: Option<&'a Pan>,
    /// The enciphered block.
    pub block: [u8; block::BLOCK_LEN],
}

/// A PIN block and the PVV of its card.
#[derive(Clone, Copy, Debug)]
pub struct PvvJob<'a> {
    /// The block.
    pub pin: PinJob<'a>,
    /// The PVK pair, 16 bytes.
    pub pvk: &'a Key<PinVerificationVisa, Tdea>,
    /// Its index, one digit.
    pub pvki: u8,
    /// The card of the PVV.
    pub pan: &'a Pan,
    /// The value.
    pub pvv: &'a Pvv,
}

/// Deciphers PIN blocks under the PIN keys of TDEA transactions: for each job what
/// [`Host::initial_key`], [`Host::transaction`], [`Transaction::pin_key`] and [`decipher_tdea`](block::decipher_tdea)
/// do together.
///
/// # Errors
/// Of the batch: [`Error::InvalidLength`] unless the slices are equally long; nothing is done then. Of a job: those of the four
/// functions; its PIN is empty then.
///
/// # Timing
/// As [`batch`](super), of the jobs nothing but what is public in the four functions.
pub fn decipher_pins(plan: Plan, jobs: &[PinJob<'_>], pins: &mut [Pin], outcomes: &mut [Outcome]) -> Result<(), Error> {
    same_len(&[jobs.len(), pins.len(), outcomes.len()])?;
    struct Source<'a, 'j>(&'a [PinJob<'j>], &'a mut [Pin], &'a mut [Outcome]);
    impl PinSource for Source<'_, '_> {
        fn load(&mut self, job: usize, lane: &mut PinLane) -> Result<(), Error> {
            self.0.get(job).ok_or(Error::Internal)?.load(lane)
        }
        fn store(&mut self, job: usize, outcome: Result<Opened<'_>, Error>) {
            let (Some(result), Some(pin)) = (self.2.get_mut(job), self.1.get_mut(job)) else {
                return;
            };
            *result = match outcome {
                Ok(opened) => {
                    pin.unpack(*opened.value);
                    ct::verdict(opened.ok)
                }
                Err(error) => {
                    pin.zeroize();
                    Err(error)
                }
            };
        }
    }
    run(plan, jobs.len(), Tail::Open, &mut Source(jobs, pins, outcomes));
    Ok(())
}

/// A PIN block and the key and format it goes out under.
#[derive(Clone, Copy, Debug)]
pub struct TranslateJob<'a> {
    /// The block.
    pub pin: PinJob<'a>,
    /// The key of the new block, 16 or 24 bytes.
    pub key: &'a Key<PinEncryption, Tdea>,
    /// The new block's format: 0, 1 or 3.
    pub format: Format,
}

/// Translates PIN blocks: for each job what [`decipher_pins`] and [`encipher_tdea`](block::encipher_tdea) do together,
/// under one PAN. No PIN leaves. `out`: the new blocks, zero where a job failed.
///
/// # Errors
/// Of the batch: [`Error::InvalidLength`] unless the slices are equally long. Of a job: those of both;
/// [`Error::FormatNotPermitted`] if [`Format::translates_to`] says no.
///
/// # Timing
/// As [`decipher_pins`].
pub fn translate_pins<R: Entropy>(
    plan: Plan,
    jobs: &[TranslateJob<'_>],
    rng: &mut R,
    out: &mut [[u8; block::BLOCK_LEN]],
    outcomes: &mut [Outcome],
) -> Result<(), Error> {
    same_len(&[jobs.len(), out.len(), outcomes.len()])?;
    struct Source<'a, 'j, R>(&'a [TranslateJob<'j>], &'a mut R, &'a mut [[u8; 8]], &'a mut [Outcome]);
    impl<R: Entropy> PinSource for Source<'_, '_, R> {
        fn load(&mut self, job: usize, lane: &mut PinLane) -> Result<(), Error> {
            let job = self.0.get(job).ok_or(Error::Internal)?;
            job.pin.load(lane)?;
            lane.seal(job.key.material()?, job.format, job.pin.pan, self.1)
        }
        fn store(&mut self, job: usize, outcome: Result<Opened<'_>, Error>) {
            let (Some(block), Some(result)) = (self.2.get_mut(job), self.3.get_mut(job)) else {
                return;
            };
            *result = outcome.and_then(|opened| opened.release_short(block));
            if result.is_err() {
                block.fill(0);
            }
        }
    }
    run(plan, jobs.len(), Tail::Translate, &mut Source(jobs, rng, out, outcomes));
    Ok(())
}

/// Verifies the PINs of blocks against PVVs: for each job what [`decipher_pins`] and
/// [`pvv::verify`](crate::pin::pvv::verify) do together. No PIN leaves.
///
/// # Errors
/// Of the batch: [`Error::InvalidLength`] unless the slices are equally long. Of a job: those of both;
/// [`Error::VerificationFailed`] for a bad block as for another PIN.
///
/// # Timing
/// As [`decipher_pins`].
pub fn verify_pvvs(plan: Plan, jobs: &[PvvJob<'_>], outcomes: &mut [Outcome]) -> Result<(), Error> {
    same_len(&[jobs.len(), outcomes.len()])?;
    struct Source<'a, 'j>(&'a [PvvJob<'j>], &'a mut [Outcome]);
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

impl PinJob<'_> {
    pub(super) fn load(&self, lane: &mut PinLane) -> Result<(), Error> {
        lane.open(self.bdk.material()?, &self.ksn, self.format, self.pan, &self.block)
    }
}

/// What a group of PIN jobs ends in.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tail {
    /// The PIN.
    Open,
    /// A verdict on the PVV.
    Pvv,
    /// A block under another key.
    Translate,
}

/// What a block is deciphered with.
enum Opener {
    /// The PIN key of a transaction, from BDK and KSN.
    Dukpt([u64; 2], Ksn),
    /// A key, K1 to K3.
    Zone([u64; 3]),
    /// That of a block of format 4: see [`PinLane::format4`].
    Aes,
}

/// The three parts of a key of 16 or 24 bytes.
fn parts(key: &[u8]) -> Result<[u64; 3], Error> {
    let word = |bytes: &[u8; 8]| u64::from_be_bytes(*bytes);
    match key.as_chunks::<8>() {
        ([k1, k2], []) => Ok([word(k1), word(k2), word(k1)]),
        ([k1, k2, k3], []) => Ok([word(k1), word(k2), word(k3)]),
        _ => Err(Error::InvalidKeyLength),
    }
}

/// Writes words one behind the other.
fn write(words: &[u64], out: &mut [u8]) {
    let (places, _) = out.as_chunks_mut::<8>();
    for (to, from) in places.iter_mut().zip(words) {
        *to = from.to_be_bytes();
    }
}

/// One job as the sliced code takes it: public data judged, in words.
pub(crate) struct PinLane {
    opener: Opener,
    block: u64,
    format: Format,
    account: u64,
    /// PVK, or key of the output.
    key: [u64; 3],
    /// 11 digits of the PAN, PVKI, four zero digits; or control nibble, length 0 and fill of the output.
    text: u64,
    /// The right PVV, four digits; or what is added to the output.
    last: u64,
    /// A block of format 4 and its key.
    format4: Format4,
    /// Of an output of format 4.
    sealed: Seal,
}

/// A job that was computed: whether all is well, and the value, which is secret where it is a PIN.
pub(crate) struct Opened<'a> {
    pub(crate) ok: Choice,
    pub(crate) value: &'a mut u64,
    /// The value, if it is a block of format 4.
    long: Option<&'a mut [u8; block::FORMAT4_BLOCK_LEN]>,
}

impl Opened<'_> {
    /// The verdict alone.
    pub(crate) fn verdict(self) -> Outcome {
        ct::verdict(self.ok)
    }

    /// Writes an enciphered block, if all is well, and gives its length.
    pub(crate) fn release(self, out: &mut [u8; block::FORMAT4_BLOCK_LEN]) -> Result<usize, Error> {
        out.fill(0);
        match self.long {
            Some(block) => {
                ct::verdict(self.ok)?;
                *out = *block;
                ct::public(out);
                Ok(block::FORMAT4_BLOCK_LEN)
            }
            None => {
                let short = out.first_chunk_mut().ok_or(Error::Internal)?;
                self.release_short(short)?;
                Ok(block::BLOCK_LEN)
            }
        }
    }

    /// Writes an enciphered block of 8 bytes.
    fn release_short(self, out: &mut [u8; block::BLOCK_LEN]) -> Result<(), Error> {
        ct::verdict(self.ok)?;
        *out = self.value.to_be_bytes();
        ct::public(out);
        Ok(())
    }
}

/// Where PIN jobs come from and go to.
pub(crate) trait PinSource {
    /// Judges a job and writes it down. An error is stored like an outcome.
    fn load(&mut self, job: usize, lane: &mut PinLane) -> Result<(), Error>;
    fn store(&mut self, job: usize, outcome: Result<Opened<'_>, Error>);
}

impl PinLane {
    pub(crate) const EMPTY: Self = Self {
        opener: Opener::Zone([0; 3]),
        block: 0,
        format: Format::Iso0,
        account: 0,
        key: [0; 3],
        text: 0,
        last: 0,
        format4: Format4::EMPTY,
        sealed: Seal::NONE,
    };

    /// Judges and takes what opens the block.
    pub(crate) fn open(
        &mut self,
        bdk: &[u8],
        ksn: &Ksn,
        format: Format,
        pan: Option<&Pan>,
        block: &[u8; 8],
    ) -> Result<(), Error> {
        self.put(Opener::Dukpt(halves(bdk)?, *ksn));
        ksn.check()?;
        self.field(format, pan, block)
    }

    /// Judges and takes what opens a block under a key of 16 or 24 bytes.
    pub(crate) fn open_zone(
        &mut self,
        key: &[u8],
        format: Format,
        pan: Option<&Pan>,
        block: &[u8; 8],
    ) -> Result<(), Error> {
        self.put(Opener::Zone(parts(key)?));
        self.field(format, pan, block)
    }

    /// Judges and takes what opens a block of format 4.
    pub(crate) fn open_aes(
        &mut self,
        bdk: &[u8],
        ksn: &aes::Ksn,
        key_type: aes::KeyType,
        pan: &Pan,
        block: &[u8; block::FORMAT4_BLOCK_LEN],
    ) -> Result<(), Error> {
        self.put(Opener::Aes);
        self.format = Format::Iso4;
        self.format4
            .set(pan, block)
            .derived(bdk, ksn, aes::KeyUsage::PinEncryption, key_type)
    }

    /// Judges and takes what opens a block of format 4 under a key of 16, 24 or 32 bytes.
    pub(crate) fn open_zone_aes(
        &mut self,
        key: &[u8],
        pan: &Pan,
        block: &[u8; block::FORMAT4_BLOCK_LEN],
    ) -> Result<(), Error> {
        self.put(Opener::Aes);
        self.format = Format::Iso4;
        self.format4.set(pan, block).set(key)
    }

    /// Forgets the job before.
    fn put(&mut self, opener: Opener) {
        self.opener.zeroize();
        self.opener = opener;
        if self.sealed.is_some() {
            self.sealed.zeroize();
        }
    }

    fn field(&mut self, format: Format, pan: Option<&Pan>, block: &[u8; 8]) -> Result<(), Error> {
        self.account = u64::from_be_bytes(block::account_field(format, pan)?);
        self.format = format;
        self.block = u64::from_be_bytes(*block);
        Ok(())
    }

    /// Judges and takes what the PIN is verified by.
    pub(crate) fn check(&mut self, pvk: Result<&[u8], Error>, pvki: u8, pan: &Pan, pvv: &Pvv) -> Result<(), Error> {
        if pvki > 9 {
            return Err(Error::InvalidDigit);
        }
        let digits = pan.pvv_digits()?;
        let [left, right] = halves(pvk?)?;
        self.key = [left, right, left];
        let digits = digits.iter().chain([&pvki]);
        self.text = digits.fold(0, |sum, digit| (sum << 4) | u64::from(*digit)) << 16;
        self.last = pvv.digits().iter().fold(0, |sum, digit| (sum << 4) | u64::from(*digit));
        Ok(())
    }

    /// Judges and takes what the PIN is enciphered by: a key of 16 or 24 bytes, another block format than 4.
    pub(crate) fn seal(
        &mut self,
        key: &[u8],
        format: Format,
        pan: Option<&Pan>,
        rng: &mut impl Entropy,
    ) -> Result<(), Error> {
        if !self.format.translates_to(format) {
            return Err(Error::FormatNotPermitted);
        }
        self.last = u64::from_be_bytes(block::account_field(format, pan)?);
        self.key = parts(key)?;
        self.text = block::fill_word(format, rng)?;
        Ok(())
    }

    /// Judges and takes what the PIN is enciphered by in a block of format 4: a key of 16, 24 or 32 bytes.
    pub(crate) fn seal_aes(&mut self, key: &[u8], pan: &Pan, rng: &mut impl Entropy) -> Result<(), Error> {
        if !self.format.translates_to(Format::Iso4) {
            return Err(Error::FormatNotPermitted);
        }
        self.sealed.set(key, pan, rng)
    }

    /// The key of the block.
    fn opening(&self, key: &mut Key<PinEncryption, Tdea>) -> Result<(), Error> {
        match &self.opener {
            Opener::Dukpt(bdk, ksn) => {
                let mut material = Secret::<16>::zeroed();
                write(bdk, material.expose_mut());
                let mut bdk = Key::<Bdk, Tdea>::empty();
                bdk.set(material.expose())?;
                let mut ik = Key::empty();
                Host::initial_key(&bdk, &ksn.initial_key_id(), &mut ik)?;
                let mut keys = Transaction::empty();
                Host::transaction(&ik, ksn, &mut keys)?;
                keys.pin_key(key)
            }
            Opener::Zone(parts) => {
                let mut material = Secret::<24>::zeroed();
                write(parts, material.expose_mut());
                key.set(material.expose())
            }
            Opener::Aes => Err(Error::Internal),
        }
    }

    /// Opens a TDEA block by the code of single blocks: the PIN field in a word behind [`WELL`].
    fn open_single(&self) -> Result<u64, Error> {
        let mut key = Key::<PinEncryption, Tdea>::empty();
        self.opening(&mut key)?;
        let mut pin = Pin::empty();
        let ok = block::open_mixed(
            &key,
            self.format,
            &self.block.to_be_bytes(),
            self.account.to_be_bytes(),
            &mut pin,
        )?;
        Ok(pin.pack() | (u64::from(ok.unwrap_u8()) << 63))
    }

    /// What follows on a field that was opened, by the code of single blocks, but for an output of format 4.
    fn end_single(&mut self, tail: Tail, field: u64) -> Result<(Choice, u64), Error> {
        let (ok, packed) = (well(field), field & !WELL);
        Ok(match tail {
            Tail::Open => (ok, packed),
            Tail::Pvv => {
                let mut block = (self.text | ((packed >> 40) & 0xFFFF)).to_be_bytes();
                let mut pvk = Secret::<16>::zeroed();
                write(&self.key, pvk.expose_mut());
                block = Tdes::new(pvk.expose())?.encrypt(block);
                let mut digits = Secret::<4>::zeroed();
                crate::pin::decimalise::two_pass(&block, digits.expose_mut());
                block.zeroize();
                let right = digits
                    .expose()
                    .iter()
                    .fold(0_u64, |sum, digit| (sum << 4) | u64::from(*digit));
                (ok & ct::eq(&right.to_be_bytes(), &self.last.to_be_bytes()), 0)
            }
            Tail::Translate if self.sealed.is_some() => {
                self.sealed.field(packed);
                (ok, 0)
            }
            Tail::Translate => {
                // The fill stands where no digit does.
                let [head, ..] = packed.to_be_bytes();
                let mut fill = 0_u64;
                for place in 0..14_u8 {
                    let free = u64::from(!ct::mask_lt(place, head & 15) & 15);
                    fill = (fill << 4) | free;
                }
                let clear = packed | (self.text & (fill | (0xFF << 56)));
                let mut key = Secret::<24>::zeroed();
                write(&self.key, key.expose_mut());
                let out = Tdes::new(key.expose())?.encrypt((clear ^ self.last).to_be_bytes());
                (ok, u64::from_be_bytes(out))
            }
        })
    }
}

impl Zeroize for Opener {
    fn zeroize(&mut self) {
        match self {
            Self::Dukpt(bdk, _) => bdk.zeroize(),
            Self::Zone(key) => key.zeroize(),
            Self::Aes => {}
        }
    }
}

impl Zeroize for PinLane {
    fn zeroize(&mut self) {
        self.opener.zeroize();
        self.key.zeroize();
        self.block.zeroize();
        self.account.zeroize();
        self.text.zeroize();
        self.last.zeroize();
        self.format4.zeroize();
        self.sealed.zeroize();
    }
}

impl Drop for PinLane {
    fn drop(&mut self) {
        self.zeroize();
    }
}

impl ZeroizeOnDrop for PinLane {}

/// Runs PIN jobs.
pub(crate) fn run(plan: Plan, jobs: usize, tail: Tail, source: &mut dyn PinSource) {
    let side = Side::of(plan);
    plan.each(jobs, &mut Pins { tail, side, source });
}

/// Most jobs that are looked at before the first of them is computed, where they are too few for a group.
const FEW: usize = 16;

struct Pins<'a> {
    tail: Tail,
    side: Side,
    source: &'a mut dyn PinSource,
}

/// Whether a field was opened well.
fn well(field: u64) -> Choice {
    Choice::from((field >> 63).to_le_bytes()[0])
}

impl Pins<'_> {
    fn group(&mut self, engine: Engine, first: usize, count: usize, seals: &mut [Seal]) {
        engine.run(Group {
            tail: self.tail,
            side: self.side,
            source: self.source,
            seals,
            first,
            count,
        });
    }

    /// A group whose blocks go out again, perhaps in format 4.
    #[inline(never)]
    fn sealing(&mut self, engine: Engine, first: usize, count: usize) {
        self.group(engine, first, count, &mut [const { Seal::NONE }; 512]);
    }

    /// At most [`FEW`] jobs: AES side by side, DES one by one.
    fn handful(&mut self, first: usize, count: usize) {
        let mut lanes = [const { PinLane::EMPTY }; FEW];
        let mut fields = [0; FEW];
        let mut judged = [Ok(()); FEW];
        let mut openings = Openings::new(self.side);
        for (index, (lane, judged)) in lanes.iter_mut().zip(&mut judged).enumerate().take(count) {
            *judged = self.source.load(first.wrapping_add(index), lane);
            if let Err(error) = *judged {
                self.source.store(first.wrapping_add(index), Err(error));
                lane.zeroize();
            } else if let Opener::Aes = lane.opener {
                openings.take(index, &lane.format4, &mut fields);
            }
        }
        openings.open(&mut fields);
        let mut ends = [Ok((Choice::from(0), 0)); FEW];
        let jobs = lanes.iter_mut().zip(&mut fields).zip(judged.iter().zip(&mut ends));
        for ((lane, field), (_, end)) in jobs.take(count).filter(|(_, (judged, _))| judged.is_ok()) {
            let opened = match lane.opener {
                Opener::Aes => Ok(*field),
                _ => lane.open_single(),
            };
            *end = opened.and_then(|field| lane.end_single(self.tail, field));
        }
        if self.tail == Tail::Translate {
            seal(self.side, lanes.iter_mut().map(|lane| &mut lane.sealed));
        }
        let ends = lanes.iter_mut().zip(judged.iter().zip(&mut ends)).enumerate();
        for (index, (lane, (_, end))) in ends.take(count).filter(|(_, (_, (judged, _)))| judged.is_ok()) {
            let long = lane.sealed.is_some();
            let outcome = match end {
                Ok((ok, value)) => Ok(Opened {
                    ok: *ok,
                    value,
                    long: long.then_some(lane.sealed.block()),
                }),
                Err(error) => Err(*error),
            };
            self.source.store(first.wrapping_add(index), outcome);
            if let Ok((_, value)) = end {
                value.zeroize();
            }
        }
        fields.zeroize();
    }
}

impl Runner for Pins<'_> {
    fn sliced(&mut self, engine: Engine, first: usize, count: usize) {
        match self.tail {
            Tail::Translate => self.sealing(engine, first, count),
            _ => self.group(engine, first, count, &mut []),
        }
    }

    fn single(&mut self, job: usize) {
        self.handful(job, 1);
    }

    fn few(&mut self, first: usize, count: usize) {
        if self.side.engine.is_none() {
            for job in first..first.wrapping_add(count) {
                self.single(job);
            }
            return;
        }
        let end = first.wrapping_add(count);
        for first in (first..end).step_by(FEW) {
            self.handful(first, end.wrapping_sub(first).min(FEW));
        }
    }
}

/// One group of jobs.
struct Group<'a> {
    tail: Tail,
    side: Side,
    source: &'a mut dyn PinSource,
    /// Room for what goes out in format 4, if anything does.
    seals: &'a mut [Seal],
    first: usize,
    count: usize,
}

impl Kernel for Group<'_> {
    type Output = ();

    #[inline(always)]
    fn run<W: Word>(self) {
        let Self {
            tail,
            side,
            source,
            seals,
            first,
            count,
        } = self;
        let mut derivation = Derivation::<W>::new();
        let (mut block, mut account) = (Planes::<W>::zero(), Planes::<W>::zero());
        let mut key = [const { Planes::<W>::zero() }; 3];
        let (mut text, mut last) = (Planes::<W>::zero(), Planes::<W>::zero());
        let mut formats = [const { Mask::<W>::none() }; 4];
        let mut loaded = Mask::<W>::none();
        // Keys that need no derivation.
        let mut zone = [const { Planes::<W>::zero() }; 3];
        let mut direct = Mask::<W>::none();
        let (mut derived, mut given) = (false, false);
        // Jobs whose block is of format 4, and what came out of it; those whose output is.
        let mut format4 = Mask::<W>::none();
        let (mut opened, mut sealed) = (false, false);
        let mut openings = Openings::new(side);
        let mut fields = [0_u64; 512];

        let mut lane = PinLane::EMPTY;
        for job in 0..count {
            match source.load(first.wrapping_add(job), &mut lane) {
                Ok(()) => {
                    match &lane.opener {
                        Opener::Dukpt(bdk, ksn) => {
                            derivation.set(job, *bdk, ksn);
                            derived = true;
                        }
                        Opener::Zone(key) => {
                            for (planes, part) in zone.iter_mut().zip(key) {
                                planes.set(job, *part);
                            }
                            direct.set(job);
                            given = true;
                        }
                        Opener::Aes => {
                            openings.take(job, &lane.format4, &mut fields);
                            format4.set(job);
                            opened = true;
                        }
                    }
                    block.set(job, lane.block);
                    account.set(job, lane.account);
                    if lane.sealed.is_some() {
                        if let Some(seal) = seals.get_mut(job) {
                            seal.copy(&lane.sealed);
                        }
                        sealed = true;
                    } else if tail != Tail::Open {
                        for (planes, value) in key.iter_mut().zip(lane.key) {
                            planes.set(job, value);
                        }
                        text.set(job, lane.text);
                        last.set(job, lane.last);
                    }
                    if let Some(mask) = formats.get_mut(usize::from(lane.format.number())) {
                        mask.set(job);
                    }
                    loaded.set(job);
                }
                Err(error) => source.store(first.wrapping_add(job), Err(error)),
            }
        }

        let mut machine = Machine::<W>::new();
        let mut room = Planes::<W>::zero();
        let mut keys = [const { Planes::<W>::zero() }; 2];
        if derived {
            derivation.run(&mut machine, &mut room, &mut keys);
            for half in &mut keys {
                half.flip(0xFF);
            }
        }
        block.slice(&mut room);
        let [left, right] = &keys;
        if given {
            zone.iter_mut().for_each(|planes| planes.slice(&mut room));
            let not_given = direct.0.not();
            for (part, own) in zone.iter_mut().zip([left, right, left]) {
                part.choose(not_given, own);
            }
            machine.tdes3(zone.each_ref(), true, &mut block);
        } else {
            machine.both([left, right]);
            machine.tdes(true, &mut block);
        }
        block.leave();
        account.transpose();
        block.add(&account);
        let (mut ok, mut longer) = read_field(&mut block, &formats);
        if opened {
            openings.open(&mut fields);
            let mut read = Planes::<W>::zero();
            for (job, field) in (0..count).zip(&fields) {
                read.set(job, *field);
            }
            read.transpose();
            let [well, ..] = &mut read.0;
            ok = W::select(format4.0, *well, ok);
            *well = W::ZERO;
            block.choose(format4.0, &read);
            longer = lengths(&block);
        }
        if sealed {
            let mut read = Planes::<W>::zero();
            read.copy(&block);
            read.transpose();
            for (job, seal) in seals.iter_mut().enumerate().filter(|(_, seal)| seal.is_some()) {
                seal.field(read.get(job));
            }
            seal(side, seals.iter_mut());
        }
        match tail {
            Tail::Open => block.transpose(),
            Tail::Pvv => {
                key.iter_mut().for_each(|planes| planes.slice(&mut room));
                text.transpose();
                last.transpose();
                let [one, two, _] = &key;
                // The first four digits of the PIN behind those of the card.
                for (to, from) in text.0.iter_mut().skip(48).zip(block.0.iter().skip(8)) {
                    *to = *from;
                }
                text.enter();
                machine.both([one, two]);
                machine.tdes(false, &mut text);
                text.leave();
                let right: [[W; 4]; 4] = two_pass(&text);
                for (one, other) in right.as_flattened().iter().zip(last.0.iter().skip(48)) {
                    ok = ok.andn(one.xor(*other));
                }
                block.0 = [W::ZERO; 64];
            }
            Tail::Translate => {
                key.iter_mut().for_each(|planes| planes.slice(&mut room));
                text.transpose();
                last.transpose();
                // The fill stands where no digit does.
                let (places, _) = text.0.as_chunks_mut::<4>();
                for (place, longer) in places.iter_mut().skip(2).zip(longer) {
                    for bit in place {
                        *bit = bit.andn(longer);
                    }
                }
                for ((to, text), last) in block.0.iter_mut().zip(&text.0).zip(&last.0) {
                    *to = to.or(*text).xor(*last);
                }
                block.enter();
                machine.tdes3(key.each_ref(), false, &mut block);
                block.unslice(&mut room);
            }
        }
        let ok = Mask(ok);
        for job in 0..count {
            if loaded.get(job) != 0 {
                let mut value = block.get(job);
                let long = seals.get_mut(job).filter(|seal| seal.is_some());
                source.store(
                    first.wrapping_add(job),
                    Ok(Opened {
                        ok: Choice::from(ok.get(job)),
                        value: &mut value,
                        long: long.map(Seal::block),
                    }),
                );
                value.zeroize();
            }
        }
        if opened {
            fields.zeroize();
        }
        let mut ok = [ok.0];
        W::wipe(&mut ok);
    }
}

/// Which PINs have more than 0, 1, … digits.
#[inline(always)]
fn lengths<W: Word>(fields: &Planes<W>) -> [W; 14] {
    let mut longer = [W::ZERO; 14];
    if let ([_, length, ..], _) = fields.0.as_chunks::<4>() {
        for len in 4..=12_u8 {
            let equal = is(*length, len);
            for place in longer.iter_mut().take(usize::from(len)) {
                *place = place.or(equal);
            }
        }
    }
    longer
}

/// Checks control, length, digits and fill of PIN fields, each by its format. What is left is length and digits where
/// all is well, else zeros; given with the masks of the jobs that have more than 0, 1, … digits.
#[inline(always)]
fn read_field<W: Word>(field: &mut Planes<W>, formats: &[Mask<W>; 4]) -> (W, [W; 14]) {
    let [f0, f1, f2, f3] = formats.each_ref().map(|mask| mask.0);
    let (nibbles, _) = field.0.as_chunks_mut::<4>();
    let mut longer = [W::ZERO; 14];
    let [control, length, text @ ..] = nibbles else {
        return (W::ZERO, longer);
    };
    // No job has no format but those that are not there.
    let [c3, c2, c1, c0] = *control;
    let mut ok = c3.or(c2).or(c1.xor(f2.or(f3))).or(c0.xor(f1.or(f3))).not();

    // Which lengths are in the way of a place: longer[i] is "more than i digits".
    let mut valid = W::ZERO;
    for len in 4..=12_u8 {
        let equal = is(*length, len);
        valid = valid.or(equal);
        for place in longer.iter_mut().take(usize::from(len)) {
            *place = place.or(equal);
        }
    }
    ok = ok.and(valid);
    for (nibble, longer) in text.iter().zip(longer) {
        let digit = is_digit(*nibble);
        let filled = f0.or(f2).and(is(*nibble, 15)).or(f1).or(f3.andn(digit));
        ok = ok.and(W::select(longer, digit, filled));
    }
    *control = [W::ZERO; 4];
    for bit in length {
        *bit = bit.and(ok);
    }
    for (nibble, longer) in text.iter_mut().zip(longer) {
        let keep = longer.and(ok);
        for bit in nibble {
            *bit = bit.and(keep);
        }
    }
    (ok, longer)
}
