// SPDX-License-Identifier: MIT OR Apache-2.0
//! AES DUKPT: PIN blocks of format 4 and CMACs.
extern crate std;

use std::vec::Vec;

use super::*;
use crate::dukpt::aes::{self, KeyType};
use crate::key::role::{MacRequest, PinEncryption};
use crate::key::{Aes, mac as typed};
use crate::pin::block::PinKey;

/// A key of 16, 24 or 32 bytes, now and then none.
fn key<R: crate::key::role::Role>(random: &mut Random) -> Key<R, Aes> {
    let mut key = Key::empty();
    let bytes = random.bytes::<32>();
    if !random.one_in(60) {
        key.set(&bytes[..[16, 24, 32][random.below(3) as usize]]).unwrap();
    }
    key
}

fn ksn(random: &mut Random) -> aes::Ksn {
    let mut bytes = random.bytes::<12>();
    let counter = match random.below(30) {
        0 => 0,
        1 => u32::MAX,
        2 => u32::MAX >> 1 >> random.below(12),
        // Few one bits, as in the field.
        3..15 => 1 + random.below(2000) as u32,
        15..18 => u32::MAX << 16 >> random.below(16),
        _ => random.next() as u32 & random.next() as u32,
    };
    bytes[8..].copy_from_slice(&counter.to_be_bytes());
    aes::Ksn::parse(&bytes).unwrap()
}

/// Mostly one that the BDK may give.
fn key_type<R: crate::key::role::Role>(random: &mut Random, bdk: &Key<R, Aes>) -> KeyType {
    if random.one_in(40) {
        return [KeyType::Tdes2, KeyType::Hmac128, KeyType::Tdes3][random.below(3) as usize];
    }
    let types = [KeyType::Aes128, KeyType::Aes192, KeyType::Aes256];
    if random.one_in(20) {
        return types[random.below(3) as usize];
    }
    types[random.below(1 + (bdk.len().max(16) as u64 - 16) / 8) as usize]
}

fn transaction(bdk: &Key<Bdk, Aes>, ksn: &aes::Ksn) -> Result<aes::Transaction, Error> {
    let mut ik = Key::empty();
    aes::Host::initial_key(bdk, &ksn.initial_key_id(), &mut ik)?;
    let mut keys = aes::Transaction::empty();
    aes::Host::transaction(&ik, ksn, &mut keys)?;
    Ok(keys)
}

struct Case {
    bdk: Key<Bdk, Aes>,
    ksn: aes::Ksn,
    key_type: KeyType,
    pan: Pan,
    block: [u8; 16],
    pvk: Key<PinVerificationVisa, Tdea>,
    pvki: u8,
    card: Pan,
    pvv: Pvv,
    out: Key<PinEncryption, Aes>,
    tdea: Key<PinEncryption, Tdea>,
    to: Format,
}

impl Case {
    fn pin_key(&self) -> Result<Key<PinEncryption, Aes>, Error> {
        let mut key = Key::empty();
        transaction(&self.bdk, &self.ksn)?.working_key(self.key_type, &mut key)?;
        Ok(key)
    }

    fn random(random: &mut Random) -> Self {
        let bdk = key(random);
        let mut case = Self {
            key_type: key_type(random, &bdk),
            bdk,
            ksn: ksn(random),
            pan: random.pan(),
            block: random.bytes(),
            pvk: random.key(),
            pvki: if random.one_in(40) { 10 } else { random.below(10) as u8 },
            card: random.pan(),
            pvv: Pvv::from_digits(&[0; 4]).unwrap(),
            out: key(random),
            tdea: random.key(),
            to: [Format::Iso4, Format::Iso4, Format::Iso0, Format::Iso3, Format::Iso1][random.below(5) as usize],
        };
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
        let mut clear = [0; 16];
        block::encode_format4(&pin, &random.bytes(), &mut clear).unwrap();
        if let Ok(key) = case.pin_key()
            && !random.one_in(20)
        {
            // Of a part one nibble is spoiled, mostly of the field, at times of the random half.
            if random.one_in(3) {
                let most = if random.one_in(8) { 16 } else { 8 };
                let place = random.below(most) as usize;
                clear[place] ^= (1 + random.below(15) as u8) << (4 * random.below(2));
            }
            let cipher = crate::cipher::aes::Aes::new(key.material().unwrap()).unwrap();
            crate::cipher::modes::ecb_encrypt(&cipher, &mut clear).unwrap();
            for (to, from) in clear.iter_mut().zip(case.pan.format4_field()) {
                *to ^= from;
            }
            crate::cipher::modes::ecb_encrypt(&cipher, &mut clear).unwrap();
            case.block = clear;
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
        case
    }

    fn job(&self) -> AesPinJob<'_> {
        AesPinJob {
            bdk: &self.bdk,
            ksn: self.ksn,
            key_type: self.key_type,
            pan: &self.pan,
            block: self.block,
        }
    }

    fn pvv_job(&self) -> AesPvvJob<'_> {
        AesPvvJob {
            pin: self.job(),
            pvk: &self.pvk,
            pvki: self.pvki,
            pan: &self.card,
            pvv: &self.pvv,
        }
    }

    fn out_key(&self) -> PinKey<'_> {
        match self.to {
            Format::Iso4 => PinKey::Aes(&self.out),
            format => PinKey::Tdea(&self.tdea, format),
        }
    }

    fn translate_job(&self) -> AesTranslateJob<'_> {
        AesTranslateJob {
            pin: self.job(),
            key: self.out_key(),
        }
    }

    fn decipher(&self, pin: &mut Pin) -> Outcome {
        block::decipher_aes(&self.pin_key()?, &self.block, &self.pan, pin)
    }

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

    fn translate(&self, opened: Outcome) -> Outcome {
        if opened.is_err_and(|error| error != Error::VerificationFailed) {
            return opened;
        }
        if self.to == Format::Iso4 {
            self.out.material()?;
            return opened;
        }
        self.tdea.material()?;
        if !Format::Iso4.translates_to(self.to) {
            return Err(Error::FormatNotPermitted);
        }
        block::account_field(self.to, Some(&self.pan))?;
        if self.tdea.len() == 8 {
            return Err(Error::InvalidKeyLength);
        }
        opened
    }
}

/// Engines of AES with words and AVX2 for the rest, sliced and not.
fn aes_plans() -> Vec<Plan> {
    let mut plans = Vec::new();
    for engine in AesEngine::ALL {
        plans.push(Plan::of(Engine::Words).aes(*engine).crossover(0));
    }
    plans.push(Plan::best());
    plans.push(Plan::best().crossover(usize::MAX).aes_from(0));
    plans
}

fn pins(jobs: usize, seed: u64, plans: &[Plan]) {
    let mut random = Random(seed);
    let cases: Vec<_> = (0..jobs).map(|_| Case::random(&mut random)).collect();
    let mut right: Vec<_> = (0..jobs).map(|_| Pin::empty()).collect();
    let opened: Vec<_> = cases
        .iter()
        .zip(&mut right)
        .map(|(case, pin)| case.decipher(pin))
        .collect();
    let verified: Vec<_> = cases.iter().map(Case::verify).collect();
    let sealed: Vec<_> = cases
        .iter()
        .zip(&opened)
        .map(|(case, opened)| case.translate(*opened))
        .collect();
    for plan in plans {
        let mut pins: Vec<_> = (0..jobs).map(|_| Pin::empty()).collect();
        let mut outcomes = std::vec![Err(Error::Internal); jobs];
        let work: Vec<_> = cases.iter().map(Case::job).collect();
        decipher_aes_pins(*plan, &work, &mut pins, &mut outcomes).unwrap();
        for job in 0..jobs {
            assert_eq!(outcomes[job], opened[job], "{plan:?}, job {job}");
            assert_eq!(pins[job].parts(), right[job].parts(), "{plan:?}, job {job}");
        }
        let work: Vec<_> = cases.iter().map(Case::pvv_job).collect();
        outcomes.fill(Err(Error::Internal));
        verify_aes_pvvs(*plan, &work, &mut outcomes).unwrap();
        for job in 0..jobs {
            assert_eq!(outcomes[job], verified[job], "{plan:?}, job {job}");
        }
        let work: Vec<_> = cases.iter().map(Case::translate_job).collect();
        let mut blocks = std::vec![[0x55; 16]; jobs];
        outcomes.fill(Err(Error::Internal));
        translate_aes_pins(*plan, &work, &mut Counter(seed), &mut blocks, &mut outcomes).unwrap();
        for job in 0..jobs {
            assert_eq!(outcomes[job], sealed[job], "{plan:?}, job {job}");
            let case = &cases[job];
            if outcomes[job].is_ok() {
                let mut pin = Pin::empty();
                let (block, rest) = blocks[job].split_at(case.to.block_len());
                case.out_key().decipher(block, Some(&case.pan), &mut pin).unwrap();
                assert_eq!(pin.parts(), right[job].parts(), "{plan:?}, job {job}");
                assert!(rest.iter().all(|byte| *byte == 0));
            } else {
                assert_eq!(blocks[job], [0; 16]);
            }
        }
    }
    if jobs >= 500 {
        let kinds = kinds(&opened) + &kinds(&verified) + &kinds(&sealed);
        for kind in [
            "Ok",
            "VerificationFailed",
            "NoKey",
            "InvalidKeyLength",
            "CounterZero",
            "CounterReserved",
            "CounterOverweight",
            "AlgorithmMismatch",
            "KeyStrength",
            "InvalidPan",
            "InvalidDigit",
            "FormatNotPermitted",
        ] {
            assert!(kinds.contains(kind), "{kind} is not in the sample: {kinds}");
        }
    }
}

#[test]
fn aes_pins_agree_with_single_operations() {
    pins(600, 1, &aes_plans());
}

#[test]
fn every_number_of_aes_pins_is_padded() {
    for jobs in [0, 1, 2, 3, 4, 7, 8, 9, 16, 17, 63, 64, 65, 130] {
        let plan = Plan::of(Engine::Words).aes(AesEngine::best());
        pins(jobs, 77 + jobs as u64, &[plan, Plan::best(), plan.crossover(0)]);
    }
}

struct MacCase {
    bdk: Key<Bdk, Aes>,
    ksn: aes::Ksn,
    key_type: KeyType,
    data: Vec<u8>,
    tag: Vec<u8>,
}

impl MacCase {
    fn stream(&self) -> Result<typed::CmacAes, Error> {
        let mut key: Key<MacRequest, Aes> = Key::empty();
        transaction(&self.bdk, &self.ksn)?.working_key(self.key_type, &mut key)?;
        let mut mac = typed::CmacAes::new(&key)?;
        mac.update(&self.data);
        Ok(mac)
    }

    fn random(random: &mut Random) -> Self {
        let bdk = key(random);
        let most = if random.one_in(10) { 600 } else { 70 };
        let len = random.below(most) as usize;
        let mut case = Self {
            key_type: key_type(random, &bdk),
            bdk,
            ksn: ksn(random),
            data: (0..len).map(|_| random.next() as u8).collect(),
            tag: (0..1 + random.below(16)).map(|_| random.next() as u8).collect(),
        };
        if let Ok(mac) = case.stream()
            && mac.finish(&mut case.tag).is_ok()
            && random.one_in(4)
        {
            let place = random.below(case.tag.len() as u64) as usize;
            case.tag[place] ^= 1 << random.below(8);
        }
        if random.one_in(40) {
            case.tag = random.bytes::<17>()[..17 * random.below(2) as usize].to_vec();
        }
        case
    }

    fn verify(&self) -> Outcome {
        self.stream()?.verify(&self.tag)
    }
}

fn macs(jobs: usize, seed: u64, plans: &[Plan]) {
    let mut random = Random(seed);
    let cases: Vec<_> = (0..jobs).map(|_| MacCase::random(&mut random)).collect();
    let expected: Vec<_> = cases.iter().map(MacCase::verify).collect();
    let work: Vec<_> = cases
        .iter()
        .map(|case| AesMacJob {
            bdk: &case.bdk,
            ksn: case.ksn,
            key_type: case.key_type,
            data: &case.data,
            tag: &case.tag,
        })
        .collect();
    for plan in plans {
        let mut outcomes = std::vec![Err(Error::Internal); jobs];
        verify_aes_macs(*plan, &work, &mut outcomes).unwrap();
        for job in 0..jobs {
            assert_eq!(outcomes[job], expected[job], "{plan:?}, job {job}");
        }
    }
    if jobs >= 500 {
        let kinds = kinds(&expected);
        for kind in [
            "Ok",
            "VerificationFailed",
            "NoKey",
            "CounterZero",
            "CounterReserved",
            "CounterOverweight",
            "AlgorithmMismatch",
            "KeyStrength",
            "InvalidLength",
        ] {
            assert!(kinds.contains(kind), "{kind} is not in the sample");
        }
    }
}

#[test]
fn aes_macs_agree_with_single_operations() {
    macs(600, 1, &aes_plans());
}

#[test]
fn every_number_of_aes_macs_is_padded() {
    for jobs in [0, 1, 2, 3, 8, 9, 17, 63, 64, 65, 130] {
        let plan = Plan::of(Engine::Words).aes(AesEngine::best());
        macs(jobs, 7 + jobs as u64, &[plan, Plan::best(), plan.crossover(0)]);
    }
}

#[test]
#[ignore = "a million jobs: for a release build"]
fn a_million_aes_pins() {
    for seed in 0..100 {
        pins(10_000, 4000 + seed, &aes_plans());
    }
}

#[test]
#[ignore = "a million jobs: for a release build"]
fn a_million_aes_macs() {
    for seed in 0..100 {
        macs(10_000, 5000 + seed, &aes_plans());
    }
}
