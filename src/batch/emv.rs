// SPDX-License-Identifier: MIT OR Apache-2.0
//! Application cryptograms of TDEA cards under the profiles of [`emv`](crate::emv::profile), and their answers.

use subtle::Choice;
use zeroize::{Zeroize, ZeroizeOnDrop};

use super::retail::{Blocks, retail};
use super::{Engine, Plan, Runner, halves, same_len};
use crate::cipher::bitslice::{Kernel, Machine, Mask, Planes, Word};
use crate::cipher::tdes::{Des, Tdes};
use crate::ct;
use crate::emv::derive::{Diversifier, Psn};
use crate::emv::element::{Atc, CryptogramKind};
use crate::emv::profile::{ArpcKey, ArpcMethod, IssuerAuthenticationData, Prepared, Profile, SessionKeyMethod};
use crate::error::Error;
use crate::key::role::{Ac, Imk};
use crate::key::{Key, Tdea};
use crate::pin::Pan;
use crate::secret::Secret;

/// What the issuer answers to a cryptogram that verifies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer<'a> {
    /// Nothing.
    None,
    /// By method 1, with the authorisation response code.
    Method1 {
        /// Tag 8A: two ASCII characters.
        arc: [u8; 2],
    },
    /// By method 2, with the card status update.
    Method2 {
        /// Card status update.
        csu: [u8; 4],
        /// 0 to 8 bytes of proprietary authentication data.
        proprietary: &'a [u8],
    },
}

/// A cryptogram and what it takes to verify and to answer it.
#[derive(Clone, Copy, Debug)]
pub struct ArqcJob<'a> {
    /// The card's scheme and cryptogram version.
    pub profile: &'static Profile,
    /// The issuer's master key, 16 bytes.
    pub imk: &'a Key<Imk<Ac>, Tdea>,
    /// The card.
    pub pan: &'a Pan,
    /// Its sequence number.
    pub psn: Psn,
    /// The message, as in [`verify_arqc`](crate::emv::profile::verify_arqc).
    pub field55: &'a [u8],
    /// The answer.
    pub answer: Answer<'a>,
}

/// A cryptogram that has verified, and its answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answered {
    /// The application transaction counter.
    pub atc: Atc,
    /// The kind of cryptogram as the card told it.
    pub kind: CryptogramKind,
    /// Tag 91 for the card, if one was asked for.
    pub issuer_authentication_data: Option<IssuerAuthenticationData>,
}

/// Verifies application cryptograms and answers them: for each job what [`verify_arqc`](crate::emv::profile::verify_arqc)
/// and the answer of the [`VerifiedArqc`](crate::emv::profile::VerifiedArqc) do together.
///
/// `judge` is called with the number and the counter of each job that has verified, in order, and says whether the
/// counter is new for the card: nothing is answered that it refuses.
///
/// # Errors
/// Of the batch: [`Error::InvalidLength`] unless the slices are equally long. Of a job: those of the functions named
/// above, and the error of `judge`.
///
/// # Timing
/// As [`batch`](super): the messages and PANs, never keys.
///
/// # Source
/// EMV Book 2, clause 8; vectors: `vectors/emv.txt`, `emv_cvn`.
pub fn verify_arqcs(
    plan: Plan,
    jobs: &[ArqcJob<'_>],
    judge: &mut dyn FnMut(usize, Atc) -> Result<(), Error>,
    outcomes: &mut [Result<Answered, Error>],
) -> Result<(), Error> {
    same_len(&[jobs.len(), outcomes.len()])?;
    struct Source<'a, 'j> {
        jobs: &'a [ArqcJob<'j>],
        judge: &'a mut dyn FnMut(usize, Atc) -> Result<(), Error>,
        outcomes: &'a mut [Result<Answered, Error>],
    }
    impl ArqcSource for Source<'_, '_> {
        fn load(&mut self, job: usize, lane: &mut ArqcLane) -> Result<(), Error> {
            let job = self.jobs.get(job).ok_or(Error::Internal)?;
            lane.load(job.profile, Ok(job.imk), job.pan, job.psn, job.field55, &job.answer)
        }
        fn store(&mut self, job: usize, outcome: Result<Verified<'_>, Error>) {
            let (Some(result), Some(own)) = (self.outcomes.get_mut(job), self.jobs.get(job)) else {
                return;
            };
            *result = outcome.and_then(|verified| verified.answer(&own.answer, |atc| (self.judge)(job, atc)));
        }
    }
    let mut source = Source { jobs, judge, outcomes };
    run(plan, jobs.len(), &mut source);
    Ok(())
}

/// A message that was read, and what it takes to verify and to answer it.
#[derive(Clone, Copy, Debug)]
pub struct ReadArqcJob<'a> {
    /// The issuer's master key, 16 bytes.
    pub imk: &'a Key<Imk<Ac>, Tdea>,
    /// The message.
    pub message: &'a ArqcMessage,
    /// The answer.
    pub answer: Answer<'a>,
}

/// Verifies and answers as [`verify_arqcs`] does, messages that were read before.
///
/// # Errors
/// As [`verify_arqcs`]; those of a message were told by [`ArqcMessage::read`].
///
/// # Timing
/// As [`batch`](super): the messages, never keys.
///
/// # Source
/// As [`verify_arqcs`].
pub fn verify_read_arqcs(
    plan: Plan,
    jobs: &[ReadArqcJob<'_>],
    judge: &mut dyn FnMut(usize, Atc) -> Result<(), Error>,
    outcomes: &mut [Result<Answered, Error>],
) -> Result<(), Error> {
    same_len(&[jobs.len(), outcomes.len()])?;
    struct Source<'a, 'j> {
        jobs: &'a [ReadArqcJob<'j>],
        judge: &'a mut dyn FnMut(usize, Atc) -> Result<(), Error>,
        outcomes: &'a mut [Result<Answered, Error>],
    }
    impl ArqcSource for Source<'_, '_> {
        fn load(&mut self, job: usize, lane: &mut ArqcLane) -> Result<(), Error> {
            let job = self.jobs.get(job).ok_or(Error::Internal)?;
            lane.load_read(job.imk, job.message, &job.answer)
        }
        fn store(&mut self, job: usize, outcome: Result<Verified<'_>, Error>) {
            let (Some(result), Some(own)) = (self.outcomes.get_mut(job), self.jobs.get(job)) else {
                return;
            };
            *result = outcome.and_then(|verified| verified.answer(&own.answer, |atc| (self.judge)(job, atc)));
        }
    }
    let mut source = Source { jobs, judge, outcomes };
    run(plan, jobs.len(), &mut source);
    Ok(())
}

/// Most blocks of a message: see [`Prepared`].
const BLOCKS: usize = 9;

/// Most blocks of an answer of method 2: ARQC, card status update, proprietary data, padding.
const ANSWER_BLOCKS: usize = 3;

/// A message whose cryptogram is to be verified, read and judged: what of a job needs no key.
///
/// Reading takes longer than verifying in a batch. Where the messages come in on many threads they can be read there.
#[derive(Clone, Copy, Debug)]
pub struct ArqcMessage {
    /// The 16 digits of the card.
    y: u64,
    /// From which the halves of the session key are made.
    r: [u64; 2],
    direct: bool,
    blocks: [u64; BLOCKS],
    count: usize,
    arqc: u64,
    arpc: ArpcMethod,
    answer_by_mk: bool,
    atc: Atc,
    kind: CryptogramKind,
}

impl ArqcMessage {
    const NONE: Self = Self {
        y: 0,
        r: [0; 2],
        direct: false,
        blocks: [0; BLOCKS],
        count: 0,
        arqc: 0,
        arpc: ArpcMethod::Method1,
        answer_by_mk: false,
        atc: Atc::new(0),
        kind: CryptogramKind::Aac,
    };

    /// Reads a message, and judges it as [`verify_arqc`](crate::emv::profile::verify_arqc) does before it uses a key.
    ///
    /// # Errors
    /// Those of [`verify_arqc`](crate::emv::profile::verify_arqc) that need no key.
    ///
    /// # Timing
    /// The message and the PAN.
    pub fn read(profile: &'static Profile, pan: &Pan, psn: Psn, field55: &[u8]) -> Result<Self, Error> {
        let mut message = Self::NONE;
        message.take(profile, pan, psn, field55)?;
        Ok(message)
    }

    /// The application transaction counter.
    #[must_use]
    pub const fn atc(&self) -> Atc {
        self.atc
    }

    /// The kind of cryptogram as the card told it.
    #[must_use]
    pub const fn kind(&self) -> CryptogramKind {
        self.kind
    }

    /// How the profile's cards are answered.
    pub(crate) const fn arpc(&self) -> ArpcMethod {
        self.arpc
    }

    fn take(&mut self, profile: &Profile, pan: &Pan, psn: Psn, field55: &[u8]) -> Result<(), Error> {
        let prepared = Prepared::new(profile, field55)?;
        self.y = u64::from_be_bytes(Diversifier::new(profile.master_key(), pan, psn)?.value());
        (self.atc, self.kind) = (prepared.atc, prepared.kind);
        let ([a, b], [c, d, e, f]) = (prepared.atc.to_bytes(), prepared.unpredictable_number);
        self.direct = false;
        self.r = match profile.session_key() {
            SessionKeyMethod::Direct => {
                self.direct = true;
                [0; 2]
            }
            SessionKeyMethod::Common => {
                [[a, b, 0xF0, 0, 0, 0, 0, 0], [a, b, 0x0F, 0, 0, 0, 0, 0]].map(u64::from_be_bytes)
            }
            SessionKeyMethod::MChip => {
                [[a, b, 0xF0, 0, c, d, e, f], [a, b, 0x0F, 0, c, d, e, f]].map(u64::from_be_bytes)
            }
            SessionKeyMethod::UnionPay => {
                [[0, 0, 0, 0, 0, 0, a, b], [0, 0, 0, 0, 0, 0, !a, !b]].map(u64::from_be_bytes)
            }
            #[cfg(feature = "legacy")]
            SessionKeyMethod::Emv2000(_) => return Err(Error::Unsupported),
        };
        self.count = 0;
        for (to, block) in self.blocks.iter_mut().zip(prepared.blocks()) {
            *to = block;
            self.count = self.count.wrapping_add(1);
        }
        self.arqc = u64::from_be_bytes(prepared.cryptogram);
        self.arpc = profile.arpc();
        self.answer_by_mk = profile.arpc_key() == ArpcKey::MasterKey;
        Ok(())
    }
}

/// One job as the sliced code takes it.
pub(crate) struct ArqcLane {
    imk: [u64; 2],
    message: ArqcMessage,
    answer: [u64; ANSWER_BLOCKS],
    /// 0: none, 1: method 1, more: blocks of method 2.
    answer_count: usize,
}

impl ArqcLane {
    pub(crate) fn new() -> Self {
        Self {
            imk: [0; 2],
            message: ArqcMessage::NONE,
            answer: [0; ANSWER_BLOCKS],
            answer_count: 0,
        }
    }

    /// Judges and takes a job.
    pub(crate) fn load(
        &mut self,
        profile: &Profile,
        imk: Result<&Key<Imk<Ac>, Tdea>, Error>,
        pan: &Pan,
        psn: Psn,
        field55: &[u8],
        answer: &Answer<'_>,
    ) -> Result<(), Error> {
        self.message.take(profile, pan, psn, field55)?;
        self.imk = halves(imk?.material()?)?;
        self.take_answer(answer)
    }

    /// Takes a job whose message was read.
    pub(crate) fn load_read(
        &mut self,
        imk: &Key<Imk<Ac>, Tdea>,
        message: &ArqcMessage,
        answer: &Answer<'_>,
    ) -> Result<(), Error> {
        self.imk = halves(imk.material()?)?;
        self.message = *message;
        self.take_answer(answer)
    }

    /// An answer that cannot be given is refused when the cryptogram has verified, by [`Verified::answer`].
    fn take_answer(&mut self, answer: &Answer<'_>) -> Result<(), Error> {
        self.answer = [self.message.arqc, 0, 0];
        self.answer_count = 0;
        match (answer, self.message.arpc) {
            (Answer::None, _) => {}
            (Answer::Method1 { arc }, ArpcMethod::Method1) => {
                let [block, ..] = &mut self.answer;
                *block ^= u64::from(u16::from_be_bytes(*arc)) << 48;
                self.answer_count = 1;
            }
            (Answer::Method2 { csu, proprietary }, ArpcMethod::Method2) if proprietary.len() <= 8 => {
                let mut bytes = [0; 16];
                let data = csu.iter().chain(*proprietary).chain(&[0x80]);
                for (to, from) in bytes.iter_mut().zip(data) {
                    *to = *from;
                }
                let value = u128::from_be_bytes(bytes);
                let [_, second, third] = &mut self.answer;
                *second = u64::try_from(value >> 64).unwrap_or(0);
                *third = u64::try_from(value & u128::from(u64::MAX)).unwrap_or(0);
                // Four bytes, data and 80: from four bytes of data on they do not fit one block.
                self.answer_count = if proprietary.len() < 4 { 2 } else { 3 };
            }
            (Answer::Method2 { .. }, ArpcMethod::Method2) => return Err(Error::InvalidLength),
            _ => return Err(Error::Unsupported),
        }
        Ok(())
    }
}

/// Each half of a key enciphered under a key of two halves.
fn enciphered(key: &Secret<16>, inputs: [u64; 2], out: &mut Secret<16>) -> Result<(), Error> {
    let cipher = Tdes::new(key.expose())?;
    let (halves, _) = out.expose_mut().as_chunks_mut::<8>();
    for (half, input) in halves.iter_mut().zip(inputs) {
        *half = cipher.encrypt(input.to_be_bytes());
    }
    Ok(())
}

/// MAC algorithm 3 over whole blocks.
fn retail_single(key: &Secret<16>, blocks: &[u64]) -> Result<u64, Error> {
    let ([left, right], []) = key.expose().as_chunks::<8>() else {
        return Err(Error::Internal);
    };
    let (left, right) = (Des::new(left), Des::new(right));
    let encipher = |state: u64| u64::from_be_bytes(left.encrypt(state.to_be_bytes()));
    let state = blocks.iter().fold(0, |state, block| encipher(state ^ block));
    Ok(encipher(u64::from_be_bytes(right.decrypt(state.to_be_bytes()))))
}

impl ArqcLane {
    /// The job by the code of single blocks: the verdict, and the right answer.
    fn single(&self) -> Result<(Choice, u64), Error> {
        let (mut imk, mut mk, mut sk) = (Secret::zeroed(), Secret::zeroed(), Secret::zeroed());
        let (halves, _) = imk.expose_mut().as_chunks_mut::<8>();
        for (half, word) in halves.iter_mut().zip(self.imk) {
            *half = word.to_be_bytes();
        }
        let message = &self.message;
        enciphered(&imk, [message.y, !message.y], &mut mk)?;
        if message.direct {
            *sk.expose_mut() = *mk.expose();
        } else {
            enciphered(&mk, message.r, &mut sk)?;
        }
        let blocks = message.blocks.get(..message.count).ok_or(Error::Internal)?;
        let mut right = retail_single(&sk, blocks)?.to_be_bytes();
        let ok = ct::eq(&right, &message.arqc.to_be_bytes());
        right.zeroize();
        let key = if message.answer_by_mk { &mk } else { &sk };
        let arpc = match (self.answer_count, self.answer) {
            (0, _) => 0,
            (1, [block, ..]) => u64::from_be_bytes(Tdes::new(key.expose())?.encrypt(block.to_be_bytes())),
            (count, answer) => retail_single(key, answer.get(..count).ok_or(Error::Internal)?)?,
        };
        Ok((ok, arpc))
    }
}

impl Zeroize for ArqcLane {
    fn zeroize(&mut self) {
        self.imk.zeroize();
    }
}

impl Drop for ArqcLane {
    fn drop(&mut self) {
        self.zeroize();
    }
}

impl ZeroizeOnDrop for ArqcLane {}

/// A job that was computed.
pub(crate) struct Verified<'a> {
    ok: Choice,
    atc: Atc,
    kind: CryptogramKind,
    /// The right answer to it: all of it by method 1, the left half by method 2.
    arpc: &'a mut u64,
}

impl Verified<'_> {
    /// Ends a job: the verdict, then the counter, then the answer.
    pub(crate) fn answer(
        self,
        answer: &Answer<'_>,
        judge: impl FnOnce(Atc) -> Result<(), Error>,
    ) -> Result<Answered, Error> {
        ct::verdict(self.ok)?;
        if *answer != Answer::None && self.kind != CryptogramKind::Arqc {
            return Err(Error::BadState);
        }
        judge(self.atc)?;
        let mut arpc = self.arpc.to_be_bytes();
        let issuer_authentication_data = match answer {
            Answer::None => None,
            Answer::Method1 { arc } => {
                ct::public(&mut arpc);
                Some(IssuerAuthenticationData::of(&[&arpc, arc])?)
            }
            Answer::Method2 { csu, proprietary } => {
                let [a, b, c, d, ..] = arpc;
                let mut left = [a, b, c, d];
                ct::public(&mut left);
                Some(IssuerAuthenticationData::of(&[&left, csu, proprietary])?)
            }
        };
        arpc.zeroize();
        Ok(Answered {
            atc: self.atc,
            kind: self.kind,
            issuer_authentication_data,
        })
    }
}

/// Where cryptograms come from and go to.
pub(crate) trait ArqcSource {
    /// Judges a job and writes it down. An error is stored like an outcome.
    fn load(&mut self, job: usize, lane: &mut ArqcLane) -> Result<(), Error>;
    fn store(&mut self, job: usize, outcome: Result<Verified<'_>, Error>);
}

/// Runs jobs.
pub(crate) fn run(plan: Plan, jobs: usize, source: &mut dyn ArqcSource) {
    plan.each(jobs, &mut Arqcs { source });
}

struct Arqcs<'a> {
    source: &'a mut dyn ArqcSource,
}

impl Runner for Arqcs<'_> {
    fn sliced(&mut self, engine: Engine, first: usize, count: usize) {
        engine.run(Group {
            source: self.source,
            first,
            count,
        });
    }

    fn single(&mut self, job: usize) {
        let mut lane = ArqcLane::new();
        match self.source.load(job, &mut lane).and_then(|()| lane.single()) {
            Ok((ok, mut arpc)) => {
                let (atc, kind) = (lane.message.atc, lane.message.kind);
                let verified = Verified {
                    ok,
                    atc,
                    kind,
                    arpc: &mut arpc,
                };
                self.source.store(job, Ok(verified));
                arpc.zeroize();
            }
            Err(error) => self.source.store(job, Err(error)),
        }
    }
}

struct Group<'a> {
    source: &'a mut dyn ArqcSource,
    first: usize,
    count: usize,
}

impl Kernel for Group<'_> {
    type Output = ();

    #[inline(always)]
    fn run<W: Word>(self) {
        let Self { source, first, count } = self;
        let mut imk = [const { Planes::<W>::zero() }; 2];
        let mut y = Planes::<W>::zero();
        let mut sk = [const { Planes::<W>::zero() }; 2];
        let mut arqc = Planes::<W>::zero();
        let mut blocks = Blocks::<W, BLOCKS>::new();
        let mut answer = Blocks::<W, ANSWER_BLOCKS>::new();
        let [mut direct, mut by_mk, mut method1, mut loaded] = [const { Mask::<W>::none() }; 4];
        let mut public = [(Atc::new(0), CryptogramKind::Aac); 512];
        let mut answers = [false; 2];

        let mut lane = ArqcLane::new();
        for (job, public) in (0..count).zip(&mut public) {
            if let Err(error) = source.load(first.wrapping_add(job), &mut lane) {
                source.store(first.wrapping_add(job), Err(error));
                continue;
            }
            let message = &lane.message;
            // One loop for each: joined ones are slower here than all else of a job.
            for (planes, value) in imk.iter_mut().zip(lane.imk) {
                planes.set(job, value);
            }
            for (planes, value) in sk.iter_mut().zip(message.r) {
                planes.set(job, value);
            }
            y.set(job, message.y);
            arqc.set(job, message.arqc);
            blocks.set(job, &message.blocks, message.count);
            if message.direct {
                direct.set(job);
            }
            if message.answer_by_mk {
                by_mk.set(job);
            }
            let [one, two] = &mut answers;
            match lane.answer_count {
                0 => {}
                1 => {
                    *one = true;
                    method1.set(job);
                    answer.set(job, &lane.answer, 1);
                }
                count => {
                    *two = true;
                    answer.set(job, &lane.answer, count);
                }
            }
            *public = (message.atc, message.kind);
            loaded.set(job);
        }

        let mut machine = Machine::<W>::new();
        let mut room = Planes::<W>::zero();
        for planes in imk.iter_mut().chain(&mut sk).chain([&mut y, &mut arqc]) {
            planes.slice(&mut room);
        }
        blocks.slice(&mut room);
        // The card's key: Y and its complement under the issuer's. Parity bits do not enter a DES: none is set.
        let mut mk = [const { Planes::<W>::zero() }; 2];
        {
            let [left, right] = &mut mk;
            let [k1, k2] = &imk;
            left.copy(&y);
            right.copy(&y);
            right.flip(u64::MAX);
            machine.both([k1, k2]);
            machine.tdes(false, left);
            machine.tdes(false, right);
        }
        {
            machine.both(mk.each_ref());
            for (half, own) in sk.iter_mut().zip(&mk) {
                machine.tdes(false, half);
                half.choose(direct.0, own);
            }
        }
        let mut mac = Planes::<W>::zero();
        machine.both(sk.each_ref());
        retail(&machine, &blocks, &mut mac);
        let mut ok = W::ONES;
        for (one, other) in mac.0.iter().zip(&arqc.0) {
            ok = ok.andn(one.xor(*other));
        }

        let [one, two] = answers;
        if one || two {
            answer.slice(&mut room);
            for (half, own) in sk.iter_mut().zip(&mk) {
                half.choose(by_mk.0, own);
            }
            machine.both(sk.each_ref());
        }
        let mut arpc = Planes::<W>::zero();
        if two {
            retail(&machine, &answer, &mut arpc);
        }
        if one {
            let [block, ..] = &mut answer.planes;
            machine.tdes(false, block);
            arpc.choose(method1.0, block);
        }
        arpc.unslice(&mut room);

        let ok = Mask(ok);
        for (job, (atc, kind)) in (0..count).zip(public) {
            if loaded.get(job) != 0 {
                let mut value = arpc.get(job);
                let verified = Verified {
                    ok: Choice::from(ok.get(job)),
                    atc,
                    kind,
                    arpc: &mut value,
                };
                source.store(first.wrapping_add(job), Ok(verified));
                value.zeroize();
            }
        }
    }
}
