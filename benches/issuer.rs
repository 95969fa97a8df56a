// SPDX-License-Identifier: MIT OR Apache-2.0
//! Whole commands of an issuer's module: PINs, card verification values, cryptograms and scripts.

use core::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use payhsm::card::CardValue;
use payhsm::card::cvc3::{self, IvCvc3, Tap};
use payhsm::card::cvv::{Expiry, Kind};
use payhsm::emv::derive::{MasterKeyOption, Psn, icc_master_key};
use payhsm::emv::element::Atc;
use payhsm::emv::profile::VISA_CVN18;
use payhsm::emv::script::{Command, MAX_COMMAND_LEN, Request};
use payhsm::hsm::{ArpcRequest, EncipheredPin, ScriptTarget};
use payhsm::key::Key;
use payhsm::key::usage::{KeyAlgorithm, ModeOfUse, Usage};
use payhsm::pin::block::Format;
use payhsm::pin::ibm3624::{self, Table, Validation};
use payhsm::pin::pan::Pan;

#[path = "common/message.rs"]
mod message;
#[path = "common/module.rs"]
mod module;

use module::{load, material, module};

/// PINs: verify, draw, change.
fn pins(c: &mut Criterion) {
    let pan = Pan::parse(b"4761739001010010").unwrap();
    let (tdea, format) = (KeyAlgorithm::Tdea, Format::Iso0);
    let mut hsm = module();
    let out_key = load(&mut hsm, Usage::P0, tdea, ModeOfUse::Encrypt, 11);
    let visa = load(&mut hsm, Usage::V2, tdea, ModeOfUse::GenerateVerify, 13);
    let ibm = load(&mut hsm, Usage::V1, tdea, ModeOfUse::GenerateVerify, 17);
    let validation = Validation::new(3, 12, 15).unwrap();
    let fixed = ibm3624::Profile::new(Table::STANDARD, validation, 16, 4).unwrap();
    let profile = hsm.pin_profile_register(&fixed).unwrap();
    let mut blocks = [[0; 16]; 2];
    let (_, pvv) = hsm
        .pin_generate_pvv(4, &pan, out_key, format, visa, 1, &mut blocks[0])
        .unwrap();
    hsm.pin_generate_3624(&pan, out_key, format, ibm, profile, &mut blocks[1])
        .unwrap();
    let mut out = [0; 16];
    c.bench_function("hsm/pin generate, PVV", |b| {
        b.iter(|| hsm.pin_generate_pvv(4, &pan, out_key, format, visa, 1, &mut out));
    });
    c.bench_function("hsm/pin generate, IBM 3624", |b| {
        b.iter(|| hsm.pin_generate_3624(&pan, out_key, format, ibm, profile, &mut out));
    });
    // The zone's key to decipher is another slot: its twin to encipher goes first.
    hsm.key_erase(out_key).unwrap();
    let zone = load(&mut hsm, Usage::P0, tdea, ModeOfUse::Decrypt, 11).into();
    let [old, new] = [&blocks[0], &blocks[1]].map(|block| EncipheredPin {
        key: zone,
        format,
        block: &block[..8],
    });
    c.bench_function("hsm/pin verify, PVV", |b| {
        b.iter(|| {
            hsm.pin_verify_pvv(zone, format, &pan, black_box(old.block), visa, 1, &pvv)
                .unwrap();
        });
    });
    let offset = hsm
        .pin_offset_generate(zone, format, &pan, old.block, ibm, profile)
        .unwrap();
    c.bench_function("hsm/pin verify, IBM 3624", |b| {
        b.iter(|| {
            hsm.pin_verify_3624(zone, format, &pan, black_box(old.block), ibm, profile, &offset)
                .unwrap();
        });
    });
    c.bench_function("hsm/pin change, PVV", |b| {
        b.iter(|| hsm.pin_change_pvv(&pan, &old, &new, visa, 1, black_box(&pvv)).unwrap());
    });
    c.bench_function("hsm/pin change, IBM 3624", |b| {
        b.iter(|| {
            hsm.pin_change_3624(&pan, &old, &new, ibm, profile, black_box(&offset))
                .unwrap();
        });
    });
    c.bench_function("hsm/PVV of an enciphered PIN", |b| {
        b.iter(|| {
            hsm.pvv_generate(zone, format, &pan, black_box(old.block), visa, 1)
                .unwrap()
        });
    });
    c.bench_function("hsm/offset of an enciphered PIN", |b| {
        b.iter(|| {
            hsm.pin_offset_generate(zone, format, &pan, black_box(old.block), ibm, profile)
                .unwrap()
        });
    });
}

/// Card verification values: made, verified, and a tap with the derivation of the card's key.
fn card_values(c: &mut Criterion) {
    let pan = Pan::parse(b"4761739001010010").unwrap();
    let expiry = Expiry::yymm(b"2512").unwrap();
    let (tdea, mut hsm, mut value) = (KeyAlgorithm::Tdea, module(), CardValue::empty());
    let cvk = load(&mut hsm, Usage::C0, tdea, ModeOfUse::GenerateVerify, 13);
    c.bench_function("hsm/CVV generate", |b| {
        b.iter(|| hsm.cvv_generate(cvk, Kind::Chip, black_box(&pan), expiry, 3, &mut value));
    });
    c.bench_function("hsm/CVV verify", |b| {
        b.iter(|| {
            hsm.cvv_verify(cvk, Kind::Chip, black_box(&pan), expiry, &value)
                .unwrap();
        });
    });
    let imk = load(&mut hsm, Usage::E4, tdea, ModeOfUse::Derive, 17);
    let (option, atc, track) = (MasterKeyOption::A, Atc::new(7), [0x51; 19]);
    let tap = Tap {
        un: [0, 0, 0x08, 0x99],
        atc,
    };
    let mut mk = Key::empty();
    let clear = Key::from_bytes(&material(17)).unwrap();
    icc_master_key(option, &clear, &pan, Psn::ABSENT, &mut mk).unwrap();
    cvc3::generate(&mk, &IvCvc3::over(&mk, &track).unwrap(), tap, &mut value).unwrap();
    c.bench_function("hsm/CVC3 verify", |b| {
        b.iter(|| {
            hsm.cvc3_verify(imk, option, &pan, Psn::ABSENT, black_box(&track), tap, &value)
                .unwrap();
        });
    });
}

/// A cryptogram with its answer, and a command of a script.
fn cryptograms(c: &mut Criterion) {
    let (tdea, mut hsm) = (KeyAlgorithm::Tdea, module());
    let imk = load(&mut hsm, Usage::E0, tdea, ModeOfUse::Derive, 3);
    let smi = load(&mut hsm, Usage::E2, tdea, ModeOfUse::Derive, 5);
    let message = message::request(&VISA_CVN18, &material(3), &message::VISA_IAD);
    let (profile, pan, psn) = (&VISA_CVN18, &message.pan, Psn::ABSENT);
    let answer = ArpcRequest::Method2 {
        csu: [0, 0x82, 0, 0],
        proprietary: &[],
    };
    c.bench_function("hsm/verify ARQC and answer, Visa CVN 18", |b| {
        b.iter(|| {
            hsm.arqc_verify(imk, profile, pan, psn, black_box(&message.field55), answer)
                .unwrap()
        });
    });
    let target = ScriptTarget {
        profile,
        pan,
        psn,
        request: Request::new(Atc::new(7), [1, 2, 3, 4, 5, 6, 7, 8]),
        index: 0,
    };
    let mut out = [0; MAX_COMMAND_LEN];
    c.bench_function("hsm/script command with its MAC", |b| {
        let command = Command::ApplicationUnblock;
        b.iter(|| {
            hsm.script_command(smi, None, black_box(&target), &command, &mut out)
                .unwrap()
        });
    });
}

criterion_group!(benches, pins, card_values, cryptograms);
criterion_main!(benches);
