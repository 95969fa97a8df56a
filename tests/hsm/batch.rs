// SPDX-License-Identifier: MIT OR Apache-2.0
//! Commands on many jobs: outcomes, questions and what is used up are those of the single commands, one by one.

use payhsm::emv::element::CryptogramKind;
use payhsm::emv::profile::{Profile, VISA_CVN10, VISA_CVN18};
use payhsm::error::Error;
use payhsm::hsm::{
    ArpcRequest, ArqcVerifyJob, KeyHandle, KeyRef, MacMethod, MacVerifyJob, PinTranslateJob, PinVerifyJob,
};
use payhsm::pin::block::Format;
use payhsm::pin::pan::Pan;
use payhsm::pin::pvv::Pvv;
use payhsm::policy::Policy;

use crate::common::card::{Card, PAN, VISA_IAD_10, VISA_IAD_18};
use crate::common::{Device, Module, TDEA_ID, key, start, value};

/// More than a group of any engine that runs here, and a part of one.
const JOBS: usize = 300;

fn pan() -> Pan {
    Pan::parse(PAN).unwrap()
}

struct Keys {
    bdk: KeyHandle,
    aes_bdk: KeyHandle,
    pvk: KeyHandle,
    out: KeyHandle,
    aes_out: KeyHandle,
}

fn keys(hsm: &mut Module) -> Keys {
    Keys {
        bdk: key(hsm, "B0", 'T', 'X', 1),
        aes_bdk: key(hsm, "B0", 'A', 'X', 2),
        pvk: key(hsm, "V2", 'T', 'C', 3),
        out: key(hsm, "P0", 'T', 'E', 4),
        aes_out: key(hsm, "P0", 'A', 'E', 5),
    }
}

/// A KSN, one in ten malformed, and its BDK: one in sixteen of AES.
fn ksn(keys: &Keys, job: usize) -> (KeyHandle, Vec<u8>) {
    let counter = (u32::try_from(job).unwrap() * 37) & 0x1F_FFFF;
    let [_, a, b, c] = counter.to_be_bytes();
    let mut ksn = TDEA_ID.to_vec();
    (ksn[7], ksn[8], ksn[9]) = (ksn[7] | a, b, c);
    match job % 30 {
        3 => ksn.truncate(9),
        13 => (ksn[7], ksn[8], ksn[9]) = (ksn[7] & 0xE0, 0, 0),
        23 => (ksn[7], ksn[8], ksn[9]) = (ksn[7] | 0x1F, 0xFF, 0xFF),
        _ => {}
    }
    if job % 16 == 5 {
        let mut aes = vec![7; 8];
        aes.extend((counter + 1).to_be_bytes());
        return (keys.aes_bdk, aes);
    }
    let bdk = if job % 31 == 7 { keys.out } else { keys.bdk };
    (bdk, ksn)
}

fn same<T: core::fmt::Debug>(batch: &[Result<T, Error>], single: &[Result<T, Error>]) {
    for (job, (one, other)) in batch.iter().zip(single).enumerate() {
        assert_eq!(format!("{one:?}"), format!("{other:?}"), "job {job}");
    }
}

#[test]
fn pins() {
    let device = [Device::new(1), Device::new(1)];
    let mut hsm = device
        .each_ref()
        .map(|device| start(device, Policy::STRICT, 8, 1).unwrap());
    let keys = hsm.each_mut().map(keys);
    let [batch, single] = &mut hsm;
    let rows: Vec<_> = (0..JOBS)
        .map(|job| {
            let format =
                [Format::Iso0, Format::Iso3, Format::Iso1, Format::Iso4][(job % 9) / 3 + usize::from(job % 16 == 5)];
            let len = if job % 40 == 11 { 7 } else { format.block_len() };
            let block: Vec<u8> = (0..len).map(|i| (job * 7 + i * 13).to_le_bytes()[0]).collect();
            (ksn(&keys[0], job), ksn(&keys[1], job), format, block)
        })
        .collect();
    let pvv = Pvv::parse(b"1234").unwrap();
    let verify: Vec<_> = rows
        .iter()
        .enumerate()
        .map(|(job, ((bdk, ksn), _, format, block))| PinVerifyJob {
            bdk: *bdk,
            ksn,
            format: *format,
            pan: pan(),
            block,
            pvk: if job % 50 == 1 { keys[0].out } else { keys[0].pvk },
            pvki: if job % 60 == 2 { 10 } else { 1 },
            pvv: pvv.clone(),
        })
        .collect();
    let mut outcomes = vec![Err(Error::Internal); JOBS];
    batch.batch_pin_verify_pvv(&verify, &mut outcomes).unwrap();
    let mut expected = Vec::new();
    for (job, row) in verify.iter().zip(&rows) {
        let (bdk, ksn) = &row.1;
        let pvk = if job.pvk == keys[0].pvk {
            keys[1].pvk
        } else {
            keys[1].out
        };
        expected.push(single.dukpt_derive(*bdk, ksn).and_then(|transaction| {
            let input = KeyRef::from(transaction);
            let result = single.pin_verify_pvv(input, job.format, &job.pan, job.block, pvk, job.pvki, &job.pvv);
            single.transaction_end(transaction).unwrap();
            result
        }));
    }
    same(&outcomes, &expected);
    let count = |error: Error| outcomes.iter().filter(|outcome| **outcome == Err(error)).count();
    assert!(count(Error::VerificationFailed) > 100 && count(Error::InvalidKsn) > 5 && count(Error::CounterZero) > 5);
    assert!(
        count(Error::UsageNotPermitted) > 5 && count(Error::FormatNotPermitted) > 5 && count(Error::InvalidLength) > 2
    );
    assert_eq!(device[0].world().asked, device[1].world().asked);
    assert_eq!(batch.status().groups, (1, 0));

    let translate: Vec<_> = rows
        .iter()
        .enumerate()
        .map(|(job, ((bdk, ksn), _, format, block))| PinTranslateJob {
            bdk: *bdk,
            ksn,
            format: *format,
            pan: pan(),
            block,
            output: if job % 7 == 2 { keys[0].aes_out } else { keys[0].out },
            output_format: if job % 7 == 2 { Format::Iso4 } else { Format::Iso0 },
        })
        .collect();
    let mut outcomes: Vec<_> = (0..JOBS).map(|_| Err(Error::Internal)).collect();
    batch.batch_pin_translate(&translate, &mut outcomes).unwrap();
    let mut expected = Vec::new();
    for (job, row) in translate.iter().zip(&rows) {
        let (bdk, ksn) = &row.1;
        let output = if job.output == keys[0].out {
            keys[1].out
        } else {
            keys[1].aes_out
        };
        expected.push(single.dukpt_derive(*bdk, ksn).and_then(|transaction| {
            let (input, mut out) = (KeyRef::from(transaction), [0; 16]);
            let result = single.pin_translate(
                input,
                job.format,
                &job.pan,
                job.block,
                output,
                job.output_format,
                &mut out,
            );
            single.transaction_end(transaction).unwrap();
            result.map(|_| ())
        }));
    }
    let outcomes: Vec<_> = outcomes.into_iter().map(|outcome| outcome.map(|_| ())).collect();
    same(&outcomes, &expected);
    assert_eq!(device[0].world().asked, device[1].world().asked);
}

/// Blocks that hold a PIN: translated by the batch, they verify; a wrong PVV does not.
#[test]
fn pins_that_are_right() {
    let device = Device::new(2);
    let mut hsm = start(&device, Policy::STRICT, 8, 1).unwrap();
    let keys = keys(&mut hsm);
    // A PIN of the issuer's, under a key that the zone shares with the terminal's transaction: made by translation.
    let bdk = payhsm::key::Key::from_bytes(&value(1, 16)).unwrap();
    let mut jobs = Vec::new();
    for counter in 1..=u32::try_from(JOBS).unwrap() {
        let id = payhsm::dukpt::tdes::InitialKeyId::parse(&TDEA_ID).unwrap();
        let Ok(ksn) = id.ksn(counter) else { continue };
        let (mut ik, mut transaction) = (payhsm::key::Key::empty(), payhsm::dukpt::tdes::Transaction::empty());
        payhsm::dukpt::tdes::Host::initial_key(&bdk, &id, &mut ik).unwrap();
        payhsm::dukpt::tdes::Host::transaction(&ik, &ksn, &mut transaction).unwrap();
        let mut pin_key = payhsm::key::Key::empty();
        transaction.pin_key(&mut pin_key).unwrap();
        let pin = payhsm::pin::Pin::from_entry(4, &[1, 2, 3, (counter % 10) as u8, 0, 0, 0, 0, 0, 0, 0, 0]).unwrap();
        let mut block = [0; 8];
        payhsm::pin::block::encipher_tdea(
            &pin_key,
            Format::Iso0,
            &pin,
            Some(&pan()),
            &mut device.clone(),
            &mut block,
        )
        .unwrap();
        let pvk = payhsm::key::Key::from_bytes(&value(3, 16)).unwrap();
        let right = payhsm::pin::pvv::generate(&pvk, 1, &pan(), &pin).unwrap();
        jobs.push((ksn, block, right));
    }
    let verify = |wrong: bool| -> Vec<_> {
        jobs.iter()
            .map(|(ksn, block, right)| {
                let mut digits = *right.digits();
                digits[2] = (digits[2] + u8::from(wrong)) % 10;
                PinVerifyJob {
                    bdk: keys.bdk,
                    ksn: ksn.as_bytes(),
                    format: Format::Iso0,
                    pan: pan(),
                    block,
                    pvk: keys.pvk,
                    pvki: 1,
                    pvv: Pvv::from_digits(&digits).unwrap(),
                }
            })
            .collect()
    };
    let mut outcomes = vec![Err(Error::Internal); jobs.len()];
    hsm.batch_pin_verify_pvv(&verify(false), &mut outcomes).unwrap();
    assert!(outcomes.iter().all(Result::is_ok));
    hsm.batch_pin_verify_pvv(&verify(true), &mut outcomes).unwrap();
    assert!(
        outcomes
            .iter()
            .all(|outcome| *outcome == Err(Error::VerificationFailed))
    );

    // A tamper event in the middle: what is not answered yet is not answered.
    device.world().answer = Some(Error::Refused);
    hsm.batch_pin_verify_pvv(&verify(false), &mut outcomes).unwrap();
    assert!(outcomes.iter().all(|outcome| *outcome == Err(Error::Refused)));
    device.world().answer = None;
    assert_eq!(
        hsm.batch_pin_verify_pvv(&verify(false), &mut outcomes[1..]),
        Err(Error::InvalidLength)
    );
    hsm.tamper();
    outcomes.fill(Ok(()));
    assert_eq!(
        hsm.batch_pin_verify_pvv(&verify(false), &mut outcomes),
        Err(Error::Tampered)
    );
}

#[test]
fn cryptograms() {
    let device = [Device::new(3), Device::new(3)];
    let mut hsm = device
        .each_ref()
        .map(|device| start(device, Policy::STRICT, 3, 0).unwrap());
    let imk = hsm.each_mut().map(|hsm| key(hsm, "E0", 'T', 'X', 1));
    let other = hsm.each_mut().map(|hsm| key(hsm, "E0", 'A', 'X', 2));
    let profiles: [(&'static Profile, &[u8]); 2] = [(&VISA_CVN10, &VISA_IAD_10), (&VISA_CVN18, &VISA_IAD_18)];
    let cards = profiles.map(|(profile, iad)| (profile, Card::new(profile, &value(1, 16)), iad));
    let rows: Vec<_> = (0..JOBS)
        .map(|job| {
            let (profile, card, iad) = &cards[job % 2];
            let kind = if job % 8 == 3 {
                CryptogramKind::Tc
            } else {
                CryptogramKind::Arqc
            };
            let (arqc, mut text) = card.request(u16::try_from(job).unwrap(), kind, iad);
            if job % 5 == 1 {
                let at = text.windows(8).position(|window| window == arqc).unwrap();
                text[at + job % 8] ^= 4;
            }
            if job % 33 == 9 {
                text.truncate(job % 20);
            }
            (*profile, card.psn, text)
        })
        .collect();
    let answer = |job: usize| match job % 6 {
        0 => ArpcRequest::None,
        1 | 3 => ArpcRequest::Method2 {
            csu: [0, 0x82, 0, 0],
            proprietary: &[1, 2, 3, 4, 5, 6, 7, 8][..job % 9],
        },
        _ => ArpcRequest::Method1 { arc: *b"00" },
    };
    let jobs: Vec<_> = rows
        .iter()
        .enumerate()
        .map(|(job, (profile, psn, text))| ArqcVerifyJob {
            imk: if job % 44 == 2 { other[0] } else { imk[0] },
            profile,
            pan: pan(),
            psn: *psn,
            field55: text,
            answer: answer(job),
        })
        .collect();
    let [batch, single] = &mut hsm;
    let mut outcomes: Vec<_> = (0..JOBS).map(|_| Err(Error::Internal)).collect();
    batch.batch_arqc_verify(&jobs, &mut outcomes).unwrap();
    let expected: Vec<_> = jobs
        .iter()
        .map(|job| {
            let imk = if job.imk == imk[0] { imk[1] } else { other[1] };
            single.arqc_verify(imk, job.profile, &job.pan, job.psn, job.field55, job.answer)
        })
        .collect();
    same(&outcomes, &expected);
    assert_eq!(device[0].world().asked, device[1].world().asked);
    let answers = outcomes
        .iter()
        .flatten()
        .filter(|answer| answer.issuer_authentication_data.is_some());
    assert!(answers.count() > 80);
    let failed = outcomes
        .iter()
        .filter(|outcome| matches!(outcome, Err(Error::VerificationFailed)));
    assert!(failed.count() > 20);
}

#[test]
fn macs_one_after_the_other() {
    let device = Device::new(4);
    let mut hsm = start(&device, Policy::STRICT, 8, 1).unwrap();
    let keys = keys(&mut hsm);
    let mut ksn = TDEA_ID;
    ksn[9] = 1;
    let job = MacVerifyJob {
        bdk: keys.bdk,
        ksn: &ksn,
        method: MacMethod::X9_19,
        data: b"message",
        tag: &[0; 8],
    };
    let mut outcomes = [Ok(()); 2];
    let short = MacVerifyJob { tag: &[0; 3], ..job };
    hsm.batch_mac_verify(&[job, short], &mut outcomes).unwrap();
    assert_eq!(outcomes, [Err(Error::VerificationFailed), Err(Error::InvalidLength)]);
    assert_eq!(hsm.status().groups, (1, 0));
}
