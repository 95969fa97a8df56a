// SPDX-License-Identifier: MIT OR Apache-2.0
//! Batches by every engine that the processor has, against those of 64-bit words and of single AES: a whole group of the widest
//! word, right jobs and wrong ones.

use core::fmt::Write;

use payhsm::batch::{
    AesEngine, AesMacJob, AesPinJob, AesPvvJob, CvvJob, Engine, MacJob, Outcome, PinJob, Plan, PvvJob,
    decipher_aes_pins, decipher_pins, verify_aes_macs, verify_aes_pvvs, verify_cvvs, verify_macs, verify_pvvs,
};
use payhsm::card::CardValue;
use payhsm::card::cvv::{self, Expiry, Kind};
use payhsm::dukpt::aes::{self, KeyType};
use payhsm::dukpt::tdes::{Host, Ksn, Transaction};
use payhsm::entropy::Entropy;
use payhsm::error::Error;
use payhsm::key::Key;
use payhsm::key::mac::Padding;
use payhsm::pin::block::{Format, encipher_aes, encipher_tdea};
use payhsm::pin::pvv::Pvv;
use payhsm::pin::{Pan, Pin};

use crate::machine::Console;
use crate::next;

const JOBS: usize = 512;

/// What the outcomes and PINs of a batch come to.
fn sum(outcomes: &[Outcome], pins: &[Pin]) -> (usize, u64) {
    let good = outcomes.iter().filter(|outcome| outcome.is_ok()).count();
    assert!(
        outcomes
            .iter()
            .all(|outcome| matches!(outcome, Ok(()) | Err(Error::VerificationFailed)))
    );
    let mut sum = 0_u64;
    for (place, outcome) in outcomes.iter().enumerate() {
        sum = sum.rotate_left(7).wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ (place as u64 + u64::from(outcome.is_ok()));
    }
    for pin in pins {
        let (len, digits) = pin.expose();
        for digit in digits.iter().chain([&len]) {
            sum = sum.rotate_left(5).wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ u64::from(*digit);
        }
    }
    (good, sum)
}

struct Fill(u64);

impl Entropy for Fill {
    fn fill(&mut self, out: &mut [u8]) -> Result<(), Error> {
        out.fill_with(|| next(&mut self.0) as u8);
        Ok(())
    }
}

/// A PIN of 4 to 12 digits.
fn own(n: usize) -> Pin {
    let len = 4 + n / 8 % 9;
    let digits = core::array::from_fn(|i| if i < len { (n + i) as u8 % 10 } else { 0 });
    Pin::from_entry(len as u8, &digits).unwrap()
}

fn des(plan: Plan) -> [(usize, u64); 4] {
    let (bdk, pan) = (
        Key::from_bytes(b"0123456789abcdef").unwrap(),
        Pan::parse(b"4761739001010010").unwrap(),
    );
    let key = Key::from_bytes(b"ABCDEFGHIJKLMNOP").unwrap();
    let cvk = Key::from_bytes(b"QRSTUVWXYZabcdef").unwrap();
    let ksn = |n: u32| {
        let mut ksn = [0xFF, 0xFF, 0x98, 0x76, 0x54, 0x32, 0x10, 0xE0, 0, 0];
        ksn[8..].copy_from_slice(&(n as u16 + 1).to_be_bytes());
        Ksn::parse(&ksn).unwrap()
    };
    let mut seed = 11;
    let mut rng = Fill(5);
    // One in eight is a PIN.
    let pin: [PinJob<'_>; JOBS] = core::array::from_fn(|n| {
        let ksn = ksn(n as u32);
        let mut block = next(&mut seed).to_be_bytes();
        if n % 8 == 3 {
            let (mut ik, mut keys, mut key) = (Key::empty(), Transaction::empty(), Key::empty());
            Host::initial_key(&bdk, &ksn.initial_key_id(), &mut ik).unwrap();
            Host::transaction(&ik, &ksn, &mut keys).unwrap();
            keys.pin_key(&mut key).unwrap();
            encipher_tdea(&key, Format::Iso3, &own(n), Some(&pan), &mut rng, &mut block).unwrap();
        }
        PinJob {
            bdk: &bdk,
            ksn,
            format: Format::Iso3,
            pan: Some(&pan),
            block,
        }
    });
    let mut pins = [const { Pin::empty() }; JOBS];
    let mut outcomes = [Err(Error::Internal); JOBS];
    decipher_pins(plan, &pin, &mut pins, &mut outcomes).unwrap();
    let opened = sum(&outcomes, &pins);
    let pvv = Pvv::parse(b"1234").unwrap();
    let checks: [PvvJob<'_>; JOBS] = core::array::from_fn(|n| PvvJob {
        pin: pin[n],
        pvk: &key,
        pvki: 1,
        pan: &pan,
        pvv: &pvv,
    });
    verify_pvvs(plan, &checks, &mut outcomes).unwrap();
    let verified = sum(&outcomes, &[]);
    let text = [0x42; 40];
    // One byte of a MAC is right by chance.
    let macs: [MacJob<'_>; JOBS] = core::array::from_fn(|n| MacJob {
        bdk: &bdk,
        ksn: ksn(n as u32),
        padding: Padding::Method2,
        data: &text[..n % 41],
        tag: &[7],
    });
    verify_macs(plan, &macs, &mut outcomes).unwrap();
    let macs = sum(&outcomes, &[]);
    let mut right = CardValue::empty();
    cvv::generate(&cvk, Kind::Chip, &pan, Expiry::yymm(b"2712").unwrap(), 3, &mut right).unwrap();
    let wrong = CardValue::parse(b"7777").unwrap();
    let values: [CvvJob<'_>; JOBS] = core::array::from_fn(|n| CvvJob {
        cvk: &cvk,
        kind: Kind::Chip,
        pan: &pan,
        expiry: Expiry::yymm(b"2712").unwrap(),
        value: if n % 3 == 1 { &right } else { &wrong },
    });
    verify_cvvs(plan, &values, &mut outcomes).unwrap();
    [opened, verified, macs, sum(&outcomes, &[])]
}

fn aes(plan: Plan) -> [(usize, u64); 3] {
    let key = *b"0123456789abcdefABCDEFGHIJKLMNOP";
    let bdks = [16, 24, 32].map(|len| Key::from_bytes(&key[..len]).unwrap());
    let types = [KeyType::Aes128, KeyType::Aes192, KeyType::Aes256];
    let pan = Pan::parse(b"4761739001010010").unwrap();
    let pvk = Key::from_bytes(b"ABCDEFGHIJKLMNOP").unwrap();
    let pvv = Pvv::parse(b"1234").unwrap();
    let id = aes::InitialKeyId::parse(&[0x12; 8]).unwrap();
    let mut seed = 17;
    let mut rng = Fill(9);
    const JOBS: usize = 96;
    let pin: [AesPinJob<'_>; JOBS] = core::array::from_fn(|n| {
        let ksn = id.ksn(n as u32 + 1).unwrap();
        let mut block = [0; 16];
        block[..8].copy_from_slice(&next(&mut seed).to_be_bytes());
        if n % 8 == 3 {
            let (mut ik, mut keys, mut key) = (Key::empty(), aes::Transaction::empty(), Key::empty());
            aes::Host::initial_key(&bdks[n % 3], &id, &mut ik).unwrap();
            aes::Host::transaction(&ik, &ksn, &mut keys).unwrap();
            keys.working_key(types[n % 3], &mut key).unwrap();
            encipher_aes(&key, &own(n), &pan, &mut rng, &mut block).unwrap();
        }
        AesPinJob {
            bdk: &bdks[n % 3],
            ksn,
            key_type: types[n % 3],
            pan: &pan,
            block,
        }
    });
    let mut pins = [const { Pin::empty() }; JOBS];
    let mut outcomes = [Err(Error::Internal); JOBS];
    decipher_aes_pins(plan, &pin, &mut pins, &mut outcomes).unwrap();
    let opened = sum(&outcomes, &pins);
    let checks: [AesPvvJob<'_>; JOBS] = core::array::from_fn(|n| AesPvvJob {
        pin: pin[n],
        pvk: &pvk,
        pvki: 1,
        pan: &pan,
        pvv: &pvv,
    });
    verify_aes_pvvs(plan, &checks, &mut outcomes).unwrap();
    let verified = sum(&outcomes, &[]);
    let text = [0x42; 40];
    let macs: [AesMacJob<'_>; JOBS] = core::array::from_fn(|n| AesMacJob {
        bdk: &bdks[n % 3],
        ksn: id.ksn(n as u32 + 1).unwrap(),
        key_type: types[n % 3],
        data: &text[..n % 41],
        tag: &[7],
    });
    verify_aes_macs(plan, &macs, &mut outcomes).unwrap();
    [opened, verified, sum(&outcomes, &[])]
}

/// Each engine beside the words; how many there were.
pub fn run() -> usize {
    let mut tested = 0;
    let right = des(Plan::of(Engine::Words).crossover(0));
    let goods = right.map(|(good, _)| good);
    assert!(goods[0] == 64 && goods[3] == 171, "{goods:?}");
    for engine in [Engine::Avx2, Engine::Avx512] {
        assert!(engine.is_available(), "{engine}");
        assert_eq!(des(Plan::of(engine).crossover(0)), right, "{engine}");
        let _ = writeln!(
            Console,
            "engine of batches {engine}: {JOBS} PINs, PVVs, MACs, card values each"
        );
        tested += 1;
    }
    let right = aes(Plan::of(Engine::Words).crossover(0));
    assert_eq!(right[0].0, 12);
    for engine in [AesEngine::AesNi, AesEngine::Vaes] {
        assert!(engine.is_available(), "{engine}");
        assert_eq!(aes(Plan::of(Engine::Words).aes(engine).crossover(0)), right, "{engine}");
        let _ = writeln!(
            Console,
            "engine of batches {engine}: 96 PINs, PVVs and CMACs each, three key lengths"
        );
        tested += 1;
    }
    tested
}
