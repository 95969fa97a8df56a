// SPDX-License-Identifier: MIT OR Apache-2.0
//! Results of batches are those of single operations, job by job, malformed ones among them.
//!
//! `cargo test --release --all-features --lib batch -- --ignored` runs the million; the debug run is a sample of it.
extern crate std;

use std::vec::Vec;

use super::*;
use crate::ct;
use crate::dukpt::tdes::{Host, Ksn, Transaction};
use crate::key::role::{Bdk, PinVerificationVisa};
use crate::key::{Key, Tdea};
use crate::pin::block::{self, Format};
use crate::pin::pvv::{self, Pvv};
use crate::pin::{Pan, Pin};

mod aes;
mod card;
mod emv;
mod keyblock;
mod mac;
mod zone;

pub(super) const ENGINES: [Engine; 3] = [Engine::Words, Engine::Avx2, Engine::Emulated];

pub(super) struct Random(pub(super) u64);

impl Random {
    pub(super) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }
    pub(super) fn below(&mut self, n: u64) -> u64 {
        self.next() % n
    }
    pub(super) fn one_in(&mut self, n: u64) -> bool {
        self.below(n) == 0
    }
    pub(super) fn bytes<const N: usize>(&mut self) -> [u8; N] {
        core::array::from_fn(|_| self.next() as u8)
    }
    pub(super) fn pan(&mut self) -> Pan {
        let len = if self.one_in(20) {
            1 + self.below(12)
        } else {
            13 + self.below(7)
        };
        let digits: Vec<u8> = (0..len).map(|_| b'0' + self.below(10) as u8).collect();
        Pan::parse(&digits).unwrap()
    }
    /// A key of 16 bytes, now and then of another length or none.
    pub(super) fn key<R: crate::key::role::Role>(&mut self) -> Key<R, Tdea> {
        let mut key = Key::empty();
        let bytes = self.bytes::<24>();
        match self.below(60) {
            0 => {}
            1 => key.set(&bytes[..8]).unwrap(),
            2 => key.set(&bytes).unwrap(),
            _ => key.set(&bytes[..16]).unwrap(),
        }
        key
    }
    /// A KSN, mostly with a counter that is a transaction.
    pub(super) fn ksn(&mut self) -> Ksn {
        let mut bytes = self.bytes::<10>();
        if self.one_in(4) {
            // The worst case: ten one bits.
            let mut counter = 0_u32;
            while counter.count_ones() < 10 {
                counter |= 1 << self.below(21);
            }
            let [_, a, b, c] = counter.to_be_bytes();
            bytes[7] = (bytes[7] & 0xE0) | a;
            (bytes[8], bytes[9]) = (b, c);
        } else if self.one_in(30) {
            bytes[7] &= 0xE0;
            (bytes[8], bytes[9]) = (0, 0);
        }
        Ksn::parse(&bytes).unwrap()
    }
}

struct PinCase {
    bdk: Key<Bdk, Tdea>,
    ksn: Ksn,
    format: Format,
    pan: Option<Pan>,
    block: [u8; 8],
    pvk: Key<PinVerificationVisa, Tdea>,
    pvki: u8,
    card: Pan,
    pvv: Pvv,
    out: Key<crate::key::role::PinEncryption, Tdea>,
    to: Format,
}

/// A source of bytes that are all different.
struct Counter(u64);

impl crate::entropy::Entropy for Counter {
    fn fill(&mut self, out: &mut [u8]) -> Result<(), Error> {
        let mut random = Random(self.0);
        out.fill_with(|| random.next() as u8);
        self.0 = random.next();
        Ok(())
    }
}

impl PinCase {
    fn pin_key(&self) -> Result<Key<crate::key::role::PinEncryption, Tdea>, Error> {
        if self.bdk.len() != 16 {
            return Err(if self.bdk.is_empty() {
                Error::NoKey
            } else {
                Error::InvalidKeyLength
            });
        }
        let mut ik = Key::empty();
        Host::initial_key(&self.bdk, &self.ksn.initial_key_id(), &mut ik)?;
        let mut keys = Transaction::empty();
        Host::transaction(&ik, &self.ksn, &mut keys)?;
        let mut key = Key::empty();
        keys.pin_key(&mut key)?;
        Ok(key)
    }

    fn random(random: &mut Random) -> Self {
        let mut case = Self {
            bdk: random.key(),
            ksn: random.ksn(),
            format: [Format::Iso0, Format::Iso1, Format::Iso2, Format::Iso3][random.below(4) as usize],
            pan: Some(random.pan()),
            block: random.bytes(),
            pvk: random.key(),
            pvki: if random.one_in(40) { 10 } else { random.below(10) as u8 },
            card: random.pan(),
            pvv: Pvv::from_digits(&[0; 4]).unwrap(),
            out: random.key(),
            to: [Format::Iso0, Format::Iso1, Format::Iso3, Format::Iso2][(random.below(13) / 4) as usize],
        };
        // Most blocks hold a PIN, and of those a part is spoiled at one nibble before it is enciphered.
        let len = 4 + random.below(9) as u8;
        let mut pin = Pin::empty();
        let digits = core::array::from_fn(|i| {
            if i < usize::from(len) {
                random.below(10) as u8
            } else {
                0
            }
        });
        pin.assign(len, &digits).unwrap();
        let fill = core::array::from_fn(|_| match case.format {
            Format::Iso3 => 10 + random.below(6) as u8,
            _ => random.below(16) as u8,
        });
        let mut clear = [0; 8];
        if let Ok(key) = case.pin_key()
            && block::encode(case.format, &pin, case.pan.as_ref(), &fill, &mut clear).is_ok()
            && !random.one_in(20)
        {
            if random.one_in(3) {
                clear[random.below(8) as usize] ^= (1 + random.below(15) as u8) << (4 * random.below(2));
            }
            case.block = crate::cipher::tdes::Tdes::new(key.material().unwrap())
                .unwrap()
                .encrypt(clear);
        }
        if let Ok(right) = pvv::generate(&case.pvk, case.pvki, &case.card, &pin) {
            case.pvv = right;
            if random.one_in(4) {
                let mut digits = *case.pvv.digits();
                let place = &mut digits[random.below(4) as usize];
                *place = (*place + 1 + random.below(9) as u8) % 10;
                case.pvv = Pvv::from_digits(&digits).unwrap();
            }
        }
        if random.one_in(40) {
            case.pan = None;
        }
        if random.one_in(60) {
            case.format = Format::Iso4;
        }
        case
    }

    fn job(&self) -> PinJob<'_> {
        PinJob {
            bdk: &self.bdk,
            ksn: self.ksn,
            format: self.format,
            pan: self.pan.as_ref(),
            block: self.block,
        }
    }

    fn pvv_job(&self) -> PvvJob<'_> {
        PvvJob {
            pin: self.job(),
            pvk: &self.pvk,
            pvki: self.pvki,
            pan: &self.card,
            pvv: &self.pvv,
        }
    }

    fn translate_job(&self) -> TranslateJob<'_> {
        TranslateJob {
            pin: self.job(),
            key: &self.out,
            format: self.to,
        }
    }

    fn translate(&self, opened: Outcome) -> Outcome {
        if opened.is_err_and(|error| error != Error::VerificationFailed) {
            return opened;
        }
        if self.out.is_empty() {
            return Err(Error::NoKey);
        }
        if !self.format.translates_to(self.to) {
            return Err(Error::FormatNotPermitted);
        }
        block::account_field(self.to, self.pan.as_ref())?;
        if self.out.len() == 8 {
            return Err(Error::InvalidKeyLength);
        }
        opened
    }

    /// The operations one by one.
    fn decipher(&self, pin: &mut Pin) -> Outcome {
        let key = self.pin_key()?;
        block::decipher_tdea(&key, self.format, &self.block, self.pan.as_ref(), pin)
    }

    /// The same for a verification: what is public fails first.
    fn verify(&self) -> Outcome {
        let mut pin = Pin::empty();
        let opened = self.decipher(&mut pin);
        if opened.is_err_and(|error| error != Error::VerificationFailed) {
            return opened;
        }
        let matches = pvv::matches(&self.pvk, self.pvki, &self.card, &pin, &self.pvv)?;
        opened?;
        ct::verdict(matches)
    }
}

/// Outcomes counted by kind, so that no kind is missing.
pub(super) fn kinds(outcomes: &[Outcome]) -> std::string::String {
    let mut all: Vec<_> = outcomes.iter().map(|outcome| std::format!("{outcome:?}")).collect();
    all.sort();
    all.dedup();
    all.join(" ")
}

fn pins(jobs: usize, seed: u64, plans: &[Plan]) {
    let mut random = Random(seed);
    let cases: Vec<_> = (0..jobs).map(|_| PinCase::random(&mut random)).collect();
    let mut right: Vec<_> = (0..jobs).map(|_| Pin::empty()).collect();
    let opened: Vec<_> = cases
        .iter()
        .zip(&mut right)
        .map(|(case, pin)| case.decipher(pin))
        .collect();
    let verified: Vec<_> = cases.iter().map(PinCase::verify).collect();
    for plan in plans {
        let mut pins: Vec<_> = (0..jobs).map(|_| Pin::empty()).collect();
        let mut outcomes = std::vec![Err(Error::Internal); jobs];
        let work: Vec<_> = cases.iter().map(PinCase::job).collect();
        decipher_pins(*plan, &work, &mut pins, &mut outcomes).unwrap();
        for job in 0..jobs {
            assert_eq!(outcomes[job], opened[job], "{plan:?}, job {job}");
            assert_eq!(pins[job].parts(), right[job].parts(), "{plan:?}, job {job}");
        }
        let work: Vec<_> = cases.iter().map(PinCase::pvv_job).collect();
        outcomes.fill(Err(Error::Internal));
        verify_pvvs(*plan, &work, &mut outcomes).unwrap();
        for job in 0..jobs {
            assert_eq!(outcomes[job], verified[job], "{plan:?}, job {job}");
        }
    }
    let work: Vec<_> = cases.iter().map(PinCase::translate_job).collect();
    let sealed: Vec<_> = cases
        .iter()
        .zip(&opened)
        .map(|(case, opened)| case.translate(*opened))
        .collect();
    for plan in plans {
        let mut blocks = std::vec![[0x55; 8]; jobs];
        let mut outcomes = std::vec![Err(Error::Internal); jobs];
        translate_pins(*plan, &work, &mut Counter(seed), &mut blocks, &mut outcomes).unwrap();
        for job in 0..jobs {
            assert_eq!(outcomes[job], sealed[job], "{plan:?}, job {job}");
            let case = &cases[job];
            if outcomes[job].is_ok() {
                let mut pin = Pin::empty();
                let pan = case.pan.as_ref();
                block::decipher_tdea(&case.out, case.to, &blocks[job], pan, &mut pin).unwrap();
                assert_eq!(pin.parts(), right[job].parts(), "{plan:?}, job {job}");
            } else {
                assert_eq!(blocks[job], [0; 8]);
            }
        }
    }
    if jobs >= 500 {
        let kinds = kinds(&opened) + &kinds(&verified);
        for kind in [
            "Ok",
            "VerificationFailed",
            "NoKey",
            "InvalidKeyLength",
            "CounterZero",
            "CounterOverweight",
            "InvalidPan",
            "FormatNotPermitted",
            "InvalidDigit",
        ] {
            assert!(kinds.contains(kind), "{kind} is not in the sample");
        }
    }
}

/// All engines, and the code of single blocks.
pub(super) fn plans() -> Vec<Plan> {
    let mut plans: Vec<_> = ENGINES.map(|engine| Plan::of(engine).crossover(0)).into();
    plans.push(Plan::best().crossover(usize::MAX));
    plans
}

#[test]
fn pins_agree_with_single_operations() {
    pins(600, 1, &plans());
}

#[test]
fn every_number_of_jobs_is_padded() {
    for jobs in [0, 1, 2, 3, 15, 16, 63, 64, 65, 127] {
        pins(
            jobs,
            77 + jobs as u64,
            &[Plan::of(Engine::Words).crossover(0), Plan::of(Engine::Words)],
        );
    }
}

#[test]
#[ignore = "a million jobs: for a release build"]
fn a_million_pins() {
    for seed in 0..100 {
        pins(10_000, 1000 + seed, &plans());
    }
}

#[test]
fn slices_of_different_length_are_refused() {
    let mut outcomes = [Err(Error::Internal)];
    assert_eq!(
        decipher_pins(Plan::best(), &[], &mut [], &mut outcomes),
        Err(Error::InvalidLength)
    );
    assert_eq!(verify_pvvs(Plan::best(), &[], &mut outcomes), Err(Error::InvalidLength));
    assert_eq!(outcomes, [Err(Error::Internal)]);
}
