// SPDX-License-Identifier: MIT OR Apache-2.0
//! Batches of AES jobs, side by side by each engine that the tool can run, and one by one.

use payhsm::batch::{
    AesEngine, AesMacJob, AesPinJob, AesPvvJob, AesTranslateJob, Engine, KeyBlockJob, Plan, decipher_aes_pins,
    translate_aes_pins, verify_aes_macs, verify_aes_pvvs, verify_key_blocks,
};
use payhsm::dukpt::aes::{Host, KeyType, Ksn, Transaction};
use payhsm::error::Error;
use payhsm::key::mac::CmacAes;
use payhsm::key::role::{Bdk, Kbpk, MacRequest, PinEncryption};
use payhsm::key::usage::{Attributes, Exportability, KeyAlgorithm, ModeOfUse, Usage};
use payhsm::key::{Aes, Key};
use payhsm::keyblock::header::Version;
use payhsm::keyblock::wrap::Template;
use payhsm::keyblock::{KbpkRef, Payload, Profile};
use payhsm::pin::Pin;
use payhsm::pin::block::{Format, PinKey, encipher_aes};
use payhsm::pin::pan::Pan;
use payhsm::pin::pvv::Pvv;

use super::{Random, bytes, secret};
use crate::Harness;

const KSN: [u8; 12] = [0x12, 0x34, 0x56, 0x78, 0x90, 0x12, 0x34, 0x56, 0x00, 0x01, 0xE2, 0x40];

pub fn run(h: &mut Harness) {
    for &engine in AesEngine::ALL {
        if !engine.is_available() {
            println!("batch, {engine}: not on this processor");
            continue;
        }
        // In the sliced groups, and in handfuls.
        for (how, plan) in [
            ("in groups", Plan::of(Engine::Words).crossover(0)),
            ("in handfuls", Plan::of(Engine::Words).aes_from(0)),
        ] {
            let plan = plan.aes(engine);
            h.verdict(&format!("batch: PINs of format 4, {engine}, {how}"), true, || {
                pins(plan)
            });
            h.verdict(&format!("batch: CMACs, {engine}, {how}"), true, || macs(plan));
        }
        let plan = Plan::best().aes(engine).aes_from(0);
        h.verdict(&format!("batch: key blocks, {engine}"), true, || blocks(plan));
    }
}

fn bdk<const N: usize>(hidden: bool) -> Key<Bdk, Aes> {
    let material = bytes::<N>(0xD1);
    Key::from_bytes(&if hidden { secret(material) } else { material }).unwrap()
}

fn transaction(bdk: &Key<Bdk, Aes>) -> Transaction {
    let ksn = Ksn::parse(&KSN).unwrap();
    let (mut ik, mut keys) = (Key::empty(), Transaction::empty());
    Host::initial_key(bdk, &ksn.initial_key_id(), &mut ik).unwrap();
    Host::transaction(&ik, &ksn, &mut keys).unwrap();
    keys
}

const TYPES: [KeyType; 3] = [KeyType::Aes128, KeyType::Aes192, KeyType::Aes256];

/// BDKs of all lengths, secret or not.
fn bdks(hidden: bool) -> [Key<Bdk, Aes>; 3] {
    [bdk::<16>(hidden), bdk::<24>(hidden), bdk::<32>(hidden)]
}

/// Of each key length a block that holds a PIN, and one that does not.
fn pins(plan: Plan) -> bool {
    let pan = Pan::parse(b"4012345678909").unwrap();
    let blocks: Vec<_> = bdks(false)
        .iter()
        .zip(TYPES)
        .map(|(bdk, key_type)| {
            let mut key = Key::<PinEncryption, Aes>::empty();
            transaction(bdk).working_key(key_type, &mut key).unwrap();
            let mut pin = Pin::empty();
            pin.enter(4, &[1, 9, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0]).unwrap();
            let mut block = [0; 16];
            encipher_aes(&key, &pin, &pan, &mut Random(3), &mut block).unwrap();
            payhsm::ct::public(&mut block);
            block
        })
        .collect();
    let bdks = bdks(true);
    let pvk = Key::from_bytes(&secret(bytes::<16>(0xD2))).unwrap();
    let (aes, tdea) = (
        Key::from_bytes(&secret(bytes::<32>(0xD3))).unwrap(),
        Key::from_bytes(&secret(bytes::<16>(0xD4))).unwrap(),
    );
    let jobs: Vec<_> = (0..6)
        .map(|n| AesPinJob {
            bdk: &bdks[n % 3],
            ksn: Ksn::parse(&KSN).unwrap(),
            key_type: TYPES[n % 3],
            pan: &pan,
            block: if n < 3 { blocks[n] } else { [0x5A; 16] },
        })
        .collect();
    // A handful is fewer than a group is worth.
    let mut good = true;
    for (n, jobs) in jobs.chunks(3).enumerate() {
        let right = [[Ok(()); 3], [Err(Error::VerificationFailed); 3]][n];
        let mut opened = [const { Pin::empty() }; 3];
        let mut outcomes = [Err(Error::Internal); 3];
        decipher_aes_pins(plan, jobs, &mut opened, &mut outcomes).unwrap();
        good &= outcomes == right;
        for key in [PinKey::Aes(&aes), PinKey::Tdea(&tdea, Format::Iso3)] {
            let jobs: Vec<_> = jobs.iter().map(|&pin| AesTranslateJob { pin, key }).collect();
            let mut blocks = [[0; 16]; 3];
            translate_aes_pins(plan, &jobs, &mut Random(9), &mut blocks, &mut outcomes).unwrap();
            good &= outcomes == right;
        }
        let pvv = Pvv::parse(b"0000").unwrap();
        let jobs: Vec<_> = jobs
            .iter()
            .map(|&pin| AesPvvJob {
                pin,
                pvk: &pvk,
                pvki: 1,
                pan: &pan,
                pvv: &pvv,
            })
            .collect();
        verify_aes_pvvs(plan, &jobs, &mut outcomes).unwrap();
        good &= outcomes == [Err(Error::VerificationFailed); 3];
    }
    good
}

/// Of each key length a MAC that is right and one that is not, over messages of different lengths.
fn macs(plan: Plan) -> bool {
    let data = [0x42; 45];
    let tags: Vec<_> = bdks(false)
        .iter()
        .zip(TYPES)
        .zip([0, 16, 45])
        .map(|((bdk, key_type), len)| {
            let mut key = Key::<MacRequest, Aes>::empty();
            transaction(bdk).working_key(key_type, &mut key).unwrap();
            let (mut mac, mut tag) = (CmacAes::new(&key).unwrap(), [0; 16]);
            mac.update(&data[..len]);
            mac.finish(&mut tag).unwrap();
            payhsm::ct::public(&mut tag);
            tag
        })
        .collect();
    let bdks = bdks(true);
    let mut good = true;
    for right in [true, false] {
        let jobs: Vec<_> = [0, 16, 45]
            .into_iter()
            .enumerate()
            .map(|(n, len)| AesMacJob {
                bdk: &bdks[n],
                ksn: Ksn::parse(&KSN).unwrap(),
                key_type: TYPES[n],
                data: &data[..len],
                tag: if right { &tags[n] } else { &[7; 16] },
            })
            .collect();
        let mut outcomes = [Err(Error::Internal); 3];
        verify_aes_macs(plan, &jobs, &mut outcomes).unwrap();
        good &= outcomes == [if right { Ok(()) } else { Err(Error::VerificationFailed) }; 3];
    }
    good
}

/// Of each key length a key block that is right and one that is not.
fn blocks(plan: Plan) -> bool {
    let attributes = Attributes::new(
        Usage::D0,
        KeyAlgorithm::Aes,
        ModeOfUse::Both,
        Exportability::NonExportable,
    );
    fn kbpk<const N: usize>(hidden: bool) -> Key<Kbpk, Aes> {
        let material = bytes::<N>(0xD5);
        Key::from_bytes(&if hidden { secret(material) } else { material }).unwrap()
    }
    let kbpks = |hidden| [kbpk::<16>(hidden), kbpk::<24>(hidden), kbpk::<32>(hidden)];
    let key = secret(bytes::<24>(0xD6));
    let texts: Vec<_> = kbpks(false)
        .iter()
        .map(|kbpk| {
            let mut text = vec![0; 200];
            let template = Template::new(Version::D, attributes);
            let len = template
                .wrap_bytes(KbpkRef::Aes(kbpk), &key, &mut Random(5), &mut text)
                .unwrap();
            payhsm::ct::public(&mut text);
            text.truncate(len);
            text
        })
        .collect();
    let kbpks = kbpks(true);
    let mut wrong = texts.clone();
    for text in &mut wrong {
        let last = text.last_mut().unwrap();
        *last = if *last == b'0' { b'1' } else { b'0' };
    }
    let jobs: Vec<_> = texts
        .iter()
        .chain(&wrong)
        .enumerate()
        .map(|(n, block)| KeyBlockJob {
            kbpk: KbpkRef::Aes(&kbpks[n % 3]),
            block,
            profile: Profile::X9143Strict,
        })
        .collect();
    let mut payloads = [const { Payload::empty() }; 6];
    let mut outcomes = [const { Err(Error::Internal) }; 6];
    verify_key_blocks(plan, &jobs, &mut payloads, &mut outcomes).unwrap();
    outcomes[..3].iter().all(Result::is_ok)
        && outcomes[3..]
            .iter()
            .all(|outcome| outcome.as_ref().err() == Some(&Error::VerificationFailed))
}
