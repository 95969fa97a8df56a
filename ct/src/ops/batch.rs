// SPDX-License-Identifier: MIT OR Apache-2.0
//! Batches, sliced by each engine that the tool can run, and one by one.

use payhsm::batch::{
    Answer, ArqcJob, CvvJob, Engine, MacJob, PinJob, Plan, PvvJob, TranslateJob, decipher_pins, translate_pins,
    verify_arqcs, verify_cvvs, verify_macs, verify_pvvs,
};
use payhsm::card::CardValue;
use payhsm::card::cvv::{Expiry, ExpiryOrder, Kind};
use payhsm::codec::tlv::Writer;
use payhsm::dukpt::tdes::{Host, InitialKeyId, Ksn, Transaction};
use payhsm::emv::derive::Psn;
use payhsm::emv::element::tag;
use payhsm::emv::profile::VISA_CVN18;
use payhsm::error::Error;
use payhsm::hsm::{
    ArpcRequest, ArqcVerifyJob, CvvVerifyJob, KeyImportJob, MacMethod, MacVerifyJob, PinTranslateJob, PinVerifyJob,
    ReadArqc, ReadArqcVerifyJob,
};
use payhsm::key::mac::{Padding, Retail};
use payhsm::key::role::MacRequest;
use payhsm::key::usage::KeyAlgorithm;
use payhsm::key::{Key, Tdea};
use payhsm::keyblock::Profile;
use payhsm::pin::Pin;
use payhsm::pin::block::{Format, encipher_tdea};
use payhsm::pin::pan::Pan;
use payhsm::pin::pvv::Pvv;

use super::module::{enter, start};
use super::{Random, bytes, secret};
use crate::Harness;

const KSN: [u8; 10] = [0xFF, 0xFF, 0x98, 0x76, 0x54, 0x32, 0x10, 0xF5, 0x54, 0xAA];

pub fn run(h: &mut Harness) {
    super::batch_aes::run(h);
    for (name, engine) in [("64-bit words", Engine::Words), ("AVX2", Engine::Avx2)] {
        if !engine.is_available() {
            println!("batch, {name}: not on this processor");
            continue;
        }
        let plan = Plan::of(engine).crossover(0);
        h.verdict(&format!("batch: PINs and PVVs, {name}"), true, || pins(plan));
        h.verdict(&format!("batch: cryptograms and answers, {name}"), true, || arqcs(plan));
        h.verdict(&format!("batch: MACs, {name}"), true, || macs(plan));
        h.verdict(&format!("batch: card values, {name}"), true, || values(plan));
    }
    let single = Plan::best().crossover(usize::MAX);
    h.verdict("batch: PINs and PVVs, one by one", true, || pins(single));
    h.verdict("batch: cryptograms and answers, one by one", true, || arqcs(single));
    h.verdict("batch: MACs, one by one", true, || macs(single));
    h.verdict("batch: card values, one by one", true, || values(single));
    h.verdict("module: batches", true, module);
}

fn pan() -> Pan {
    Pan::parse(b"4012345678909").unwrap()
}

fn key<R: payhsm::key::role::Role>(seed: u8) -> Key<R, Tdea> {
    Key::from_bytes(&secret(bytes::<16>(seed))).unwrap()
}

/// A block with the PIN that `pins` looks for.
fn block(bdk: u8) -> [u8; 8] {
    let (mut ik, mut transaction, mut pin_key) = (Key::empty(), Transaction::empty(), Key::empty());
    let bdk = Key::from_bytes(&bytes::<16>(bdk)).unwrap();
    let ksn = Ksn::parse(&KSN).unwrap();
    Host::initial_key(&bdk, &ksn.initial_key_id(), &mut ik).unwrap();
    Host::transaction(&ik, &ksn, &mut transaction).unwrap();
    transaction.pin_key(&mut pin_key).unwrap();
    let mut pin = Pin::empty();
    pin.enter(4, &[1, 9, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0]).unwrap();
    let mut block = [0; 8];
    encipher_tdea(&pin_key, Format::Iso0, &pin, Some(&pan()), &mut Random(3), &mut block).unwrap();
    payhsm::ct::public(&mut block);
    block
}

fn pins(plan: Plan) -> bool {
    let (block, pan) = (block(0xC1), pan());
    let (bdk, pvk, out) = (key(0xC1), key(0xC2), key(0xC3));
    let pin = PinJob {
        bdk: &bdk,
        ksn: Ksn::parse(&KSN).unwrap(),
        format: Format::Iso0,
        pan: Some(&pan),
        block,
    };
    let wrong = PinJob {
        block: [0x5A; 8],
        ..pin
    };
    let jobs = [pin, wrong];
    let mut opened = [const { Pin::empty() }; 2];
    let mut outcomes = [Err(Error::Internal); 2];
    decipher_pins(plan, &jobs, &mut opened, &mut outcomes).unwrap();
    let good = outcomes == [Ok(()), Err(Error::VerificationFailed)];
    let job = |pin| TranslateJob {
        pin,
        key: &out,
        format: Format::Iso3,
    };
    let mut blocks = [[0; 8]; 2];
    translate_pins(
        plan,
        &[job(pin), job(wrong)],
        &mut Random(9),
        &mut blocks,
        &mut outcomes,
    )
    .unwrap();
    let good = good && outcomes == [Ok(()), Err(Error::VerificationFailed)] && blocks[1] == [0; 8];
    let pvv = Pvv::parse(b"0000").unwrap();
    let job = |pin| PvvJob {
        pin,
        pvk: &pvk,
        pvki: 1,
        pan: &pan,
        pvv: &pvv,
    };
    verify_pvvs(plan, &[job(pin), job(wrong)], &mut outcomes).unwrap();
    good && outcomes == [Err(Error::VerificationFailed); 2]
}

/// Messages of the terminal: one MAC is right, two are not.
fn macs(plan: Plan) -> bool {
    let (mut ik, mut transaction, mut key) = (Key::empty(), Transaction::empty(), Key::<MacRequest, Tdea>::empty());
    let (bdk, ksn) = (Key::from_bytes(&bytes::<16>(0xC5)).unwrap(), Ksn::parse(&KSN).unwrap());
    Host::initial_key(&bdk, &ksn.initial_key_id(), &mut ik).unwrap();
    Host::transaction(&ik, &ksn, &mut transaction).unwrap();
    transaction.mac_request_key(&mut key).unwrap();
    let (data, mut tag) = ([0x42; 21], [0; 8]);
    let mut mac = Retail::new(&key, Padding::Method2).unwrap();
    mac.update(&data);
    mac.finish(&mut tag).unwrap();
    payhsm::ct::public(&mut tag);
    let bdk = self::key(0xC5);
    let job = MacJob {
        bdk: &bdk,
        ksn,
        padding: Padding::Method2,
        data: &data,
        tag: &tag[..5],
    };
    let longer = MacJob {
        data: &[0x42; 29],
        ..job
    };
    let wrong = MacJob { tag: &[7; 8], ..job };
    let mut outcomes = [Err(Error::Internal); 3];
    verify_macs(plan, &[job, longer, wrong], &mut outcomes).unwrap();
    outcomes == [Ok(()), Err(Error::VerificationFailed), Err(Error::VerificationFailed)]
}

fn values(plan: Plan) -> bool {
    let (cvk, pan, value) = (key(0xC6), pan(), CardValue::parse(b"00000").unwrap());
    let job = |kind| CvvJob {
        cvk: &cvk,
        kind,
        pan: &pan,
        expiry: Expiry::yymm(b"2512").unwrap(),
        value: &value,
    };
    let mut outcomes = [Err(Error::Internal); 2];
    let jobs = [job(Kind::Chip), job(Kind::Printed(ExpiryOrder::Mmyy))];
    verify_cvvs(plan, &jobs, &mut outcomes).unwrap();
    outcomes == [Err(Error::VerificationFailed); 2]
}

fn message() -> Vec<u8> {
    let mut out = [0; 300];
    let mut writer = Writer::new(&mut out);
    let lengths = [
        (tag::AMOUNT, 6),
        (tag::COUNTRY, 2),
        (tag::TVR, 5),
        (tag::CURRENCY, 2),
        (tag::DATE, 3),
        (tag::TRANSACTION_TYPE, 1),
        (tag::UNPREDICTABLE_NUMBER, 4),
        (tag::AIP, 2),
        (tag::ATC, 2),
        (tag::CRYPTOGRAM, 8),
    ];
    for (name, len) in lengths {
        writer.put(name, &[0; 8][..len]).unwrap();
    }
    writer.put(tag::CID, &[0x80]).unwrap();
    writer.put(tag::IAD, &[6, 1, 0x12, 3, 0xA0, 0, 0]).unwrap();
    let len = writer.finish().unwrap();
    out[..len].to_vec()
}

fn arqcs(plan: Plan) -> bool {
    let (imk, pan, field55) = (key(0xC4), pan(), message());
    let job = ArqcJob {
        profile: &VISA_CVN18,
        imk: &imk,
        pan: &pan,
        psn: Psn::ABSENT,
        field55: &field55,
        answer: Answer::Method2 {
            csu: [0; 4],
            proprietary: &[],
        },
    };
    let mut outcomes = [const { Err(Error::Internal) }; 2];
    verify_arqcs(plan, &[job, job], &mut |_, _| Ok(()), &mut outcomes).unwrap();
    outcomes
        .iter()
        .all(|outcome| *outcome == Err(Error::VerificationFailed))
}

fn module() -> bool {
    let mut hsm = start(0xD1);
    let bdk = enter(&mut hsm, b"B0", KeyAlgorithm::Tdea, b'X', 0xD2);
    let pvk = enter(&mut hsm, b"V2", KeyAlgorithm::Tdea, b'C', 0xD4);
    let out = enter(&mut hsm, b"P0", KeyAlgorithm::Tdea, b'E', 0xD6);
    let zone = enter(&mut hsm, b"P0", KeyAlgorithm::Tdea, b'D', 0xDE);
    let imk = enter(&mut hsm, b"E0", KeyAlgorithm::Tdea, b'X', 0xD8);
    let cvk = enter(&mut hsm, b"C0", KeyAlgorithm::Tdea, b'C', 0xDA);
    let kbpk = enter(&mut hsm, b"K1", KeyAlgorithm::Aes, b'D', 0xDC);
    let id = InitialKeyId::parse(&[0xFF, 0xFF, 0x98, 0x76, 0x54, 0x32, 0x10, 0xE0, 0, 0]).unwrap();
    let counters: Vec<_> = (1..20).map(|counter| id.ksn(counter).unwrap()).collect();
    let (pvv, field55) = (Pvv::parse(b"0000").unwrap(), message());
    let verify: Vec<_> = counters
        .iter()
        .map(|ksn| PinVerifyJob {
            bdk,
            ksn: ksn.as_bytes(),
            format: Format::Iso0,
            pan: pan(),
            block: &[7; 8],
            pvk,
            pvki: 1,
            pvv: pvv.clone(),
        })
        .collect();
    let failed = Err(Error::VerificationFailed);
    let mut outcomes = [Ok(()); 19];
    hsm.batch_pin_verify_pvv(&verify, &mut outcomes).unwrap();
    let mut good = outcomes == [failed; 19];
    // Half of them under a key that needs no derivation.
    let mixed: Vec<_> = verify
        .iter()
        .enumerate()
        .map(|(n, job)| PinVerifyJob {
            bdk: if n % 2 == 0 { zone } else { bdk },
            ksn: if n % 2 == 0 { &[] } else { job.ksn },
            ..job.clone()
        })
        .collect();
    hsm.batch_pin_verify_pvv(&mixed, &mut outcomes).unwrap();
    good &= outcomes == [failed; 19];
    let blocks: Vec<_> = (0..19).map(|n| [n; 8]).collect();
    let translate: Vec<_> = counters
        .iter()
        .zip(&blocks)
        .map(|(ksn, block)| PinTranslateJob {
            bdk,
            ksn: ksn.as_bytes(),
            format: Format::Iso0,
            pan: pan(),
            block,
            output: out,
            output_format: Format::Iso0,
        })
        .collect();
    let mut translated = [const { Err(Error::Internal) }; 19];
    hsm.batch_pin_translate(&translate, &mut translated).unwrap();
    good &= translated
        .iter()
        .all(|outcome| *outcome == Err(Error::VerificationFailed));
    let job = ArqcVerifyJob {
        imk,
        profile: &VISA_CVN18,
        pan: pan(),
        psn: Psn::ABSENT,
        field55: &field55,
        answer: ArpcRequest::None,
    };
    let mut answers = [const { Err(Error::Internal) }; 19];
    hsm.batch_arqc_verify(&vec![job; 19], &mut answers).unwrap();
    good &= answers
        .iter()
        .all(|outcome| matches!(outcome, Err(Error::VerificationFailed)));
    let read = ReadArqc::read(&VISA_CVN18, &pan(), Psn::ABSENT, &field55).unwrap();
    let job = ReadArqcVerifyJob {
        imk,
        message: &read,
        answer: ArpcRequest::None,
    };
    hsm.batch_read_arqc_verify(&vec![job; 19], &mut answers).unwrap();
    good &= answers
        .iter()
        .all(|outcome| matches!(outcome, Err(Error::VerificationFailed)));
    let mac = MacVerifyJob {
        bdk,
        ksn: counters[0].as_bytes(),
        method: MacMethod::X9_19,
        data: b"message",
        tag: &[0; 8],
    };
    hsm.batch_mac_verify(&[mac; 19], &mut outcomes).unwrap();
    good &= outcomes == [failed; 19];
    let value = CardValue::parse(b"000").unwrap();
    let cvv = CvvVerifyJob {
        cvk,
        kind: Kind::Chip,
        pan: pan(),
        expiry: Expiry::yymm(b"2512").unwrap(),
        value: &value,
    };
    hsm.batch_cvv_verify(&vec![cvv; 19], &mut outcomes).unwrap();
    good &= outcomes == [failed; 19];
    let import = KeyImportJob {
        kbpk,
        block: b"D0112P0AE00E0000",
        profile: Profile::X9143Strict,
    };
    let mut imported = [const { Err(Error::Internal) }];
    hsm.batch_key_import(&[import], &mut imported).unwrap();
    good && imported[0].is_err()
}
