// SPDX-License-Identifier: MIT OR Apache-2.0
//! EMV: one authorisation as the issuer sees it, and its parts.

use core::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use payhsm::codec::tlv::{Reader, Writer};
use payhsm::emv::card;
use payhsm::emv::cryptogram;
use payhsm::emv::derive::{MasterKeyOption, Psn, icc_master_key};
use payhsm::emv::dol::Dol;
use payhsm::emv::element::{Atc, CryptogramKind, tag};
use payhsm::emv::explain::explain;
use payhsm::emv::profile::{AcInput, CDOL1, MCHIP_CVN10, Profile, VISA_CVN10, VISA_CVN18, verify_arqc};
use payhsm::emv::response::Authentication;
use payhsm::emv::script::{self, Command, Style};
use payhsm::key::role::{Ac, IccMk, Imk, SessionKey};
use payhsm::key::{Aes, Key, Tdea};
use payhsm::pin::Pin;
use payhsm::pin::pan::Pan;

const TERMINAL: [u8; AcInput::TERMINAL_LEN] = [
    0, 0, 0, 0, 0x40, 0, 0, 0, 0, 0, 0, 0, 0x01, 0x24, 0x80, 0, 0x04, 0x80, 0, 0x01, 0x24, 0x19, 0x11, 0x05, 0x01,
    0x52, 0xBF, 0x45, 0x85,
];

struct Request {
    imk: Key<Imk<Ac>, Tdea>,
    pan: Pan,
    mk: Key<IccMk<Ac>, Tdea>,
    input: AcInput,
    field55: Vec<u8>,
}

fn request(profile: &Profile, iad: &[u8]) -> Request {
    let imk = Key::from_bytes(&[
        0x01, 0x23, 0x45, 0x67, 0x89, 0xAB, 0xCD, 0xEF, 0xFE, 0xDC, 0xBA, 0x98, 0x76, 0x54, 0x32, 0x10,
    ])
    .unwrap();
    let pan = Pan::parse(b"1234567890123456789").unwrap();
    let mut mk = Key::empty();
    icc_master_key(profile.master_key(), &imk, &pan, Psn::ABSENT, &mut mk).unwrap();
    let (aip, atc) = ([0x18, 0x00], Atc::new(0x001C));
    let input = AcInput::new(&TERMINAL, aip, atc).unwrap();
    let response = card::generate_ac(profile, &mk, CryptogramKind::Arqc, &input, iad).unwrap();
    let Authentication::Cryptogram(ac) = response.authentication else {
        panic!("an answer without combined data authentication has a cryptogram")
    };

    let mut out = [0; 300];
    let mut writer = Writer::new(&mut out);
    let mut rest = &TERMINAL[..];
    for entry in Dol::parse(&CDOL1).unwrap().entries() {
        let (value, after) = rest.split_at(entry.len.into());
        writer.put(entry.tag, value).unwrap();
        rest = after;
    }
    writer.put(tag::AIP, &aip).unwrap();
    writer.put(tag::ATC, &atc.to_bytes()).unwrap();
    writer.put(tag::CRYPTOGRAM, &ac).unwrap();
    writer.put(tag::CID, &[response.cid.to_byte()]).unwrap();
    writer.put(tag::IAD, iad).unwrap();
    let len = writer.finish().unwrap();
    Request {
        imk,
        pan,
        mk,
        input,
        field55: out[..len].to_vec(),
    }
}

fn emv(c: &mut Criterion) {
    let visa_iad = [0x06, 0x01, 0x12, 0x03, 0xA0, 0xB8, 0x00];
    let visa = request(&VISA_CVN18, &visa_iad);
    c.bench_function("emv/verify ARQC and answer, Visa CVN 18", |b| {
        b.iter(|| {
            let verified =
                verify_arqc(&VISA_CVN18, &visa.imk, &visa.pan, Psn::ABSENT, black_box(&visa.field55)).unwrap();
            verified.arpc2(black_box([0, 0x82, 0, 0]), &[]).unwrap()
        });
    });

    let mut mchip_iad = [0; 18];
    mchip_iad[..3].copy_from_slice(&[0x01, 0x10, 0xA0]);
    let mchip = request(&MCHIP_CVN10, &mchip_iad);
    c.bench_function("emv/verify ARQC and answer, M/Chip CVN 10", |b| {
        b.iter(|| {
            let verified = verify_arqc(
                &MCHIP_CVN10,
                &mchip.imk,
                &mchip.pan,
                Psn::ABSENT,
                black_box(&mchip.field55),
            )
            .unwrap();
            verified.arpc1(black_box(*b"00")).unwrap()
        });
    });

    for (name, option) in [("A", MasterKeyOption::A), ("B", MasterKeyOption::B)] {
        c.bench_function(&format!("emv/ICC master key, option {name}"), |b| {
            let mut mk: Key<IccMk<Ac>, Tdea> = Key::empty();
            b.iter(|| icc_master_key(option, &visa.imk, black_box(&visa.pan), Psn::ABSENT, &mut mk).unwrap());
        });
    }

    c.bench_function("emv/card generates ARQC, Visa CVN 18", |b| {
        b.iter(|| {
            let kind = CryptogramKind::Arqc;
            card::generate_ac(&VISA_CVN18, &visa.mk, kind, black_box(&visa.input), &visa_iad).unwrap()
        });
    });

    // Its records say CVN 10: everything is tried.
    c.bench_function("emv/explain a cryptogram that does not match", |b| {
        b.iter(|| explain(&VISA_CVN10, &visa.imk, &visa.pan, Psn::ABSENT, black_box(&visa.field55)).unwrap());
    });
    answers_and_scripts(c);

    c.bench_function("emv/read field 55", |b| {
        b.iter(|| {
            Reader::new(black_box(&visa.field55))
                .map(|e| e.unwrap().value().len())
                .sum::<usize>()
        });
    });
}

fn answers_and_scripts(c: &mut Criterion) {
    let material: Vec<u8> = (0..16).map(|i| i * 29 + 1).collect();
    let (sk, mk): (Key<SessionKey<Ac>, Tdea>, Key<IccMk<Ac>, Tdea>) =
        (Key::from_bytes(&material).unwrap(), Key::from_bytes(&material).unwrap());
    let (smi, smc) = (Key::from_bytes(&material).unwrap(), Key::from_bytes(&material).unwrap());
    let aes: Key<SessionKey<Ac>, Aes> = Key::from_bytes(&material).unwrap();
    let arqc = [1, 2, 3, 4, 5, 6, 7, 8];
    c.bench_function("emv/ARPC, method 1", |b| {
        b.iter(|| cryptogram::arpc1(&sk, black_box(&arqc), *b"00").unwrap());
    });
    c.bench_function("emv/ARPC, method 2", |b| {
        b.iter(|| cryptogram::arpc2(&sk, black_box(&arqc), [0; 4], &[]).unwrap());
    });
    c.bench_function("emv/ARPC, method 2, AES", |b| {
        b.iter(|| cryptogram::arpc2_aes(&aes, black_box(&arqc), [0; 4], &[]).unwrap());
    });
    let request = script::Request::new(Atc::new(7), arqc);
    let mut out = [0; script::MAX_COMMAND_LEN];
    c.bench_function("emv/script command with its MAC", |b| {
        let command = Command::ApplicationUnblock;
        b.iter(|| script::secure(&MCHIP_CVN10, &smi, None, black_box(&request), &command, &mut out).unwrap());
    });
    for (name, style) in [
        ("Visa", Style::Visa),
        ("Mastercard", Style::Mastercard),
        ("EMV", Style::Emv),
    ] {
        c.bench_function(&format!("emv/encipher 16 bytes of a script, {name}"), |b| {
            b.iter(|| script::encipher(&smc, style, black_box(&[0x5A; 16]), &mut out).unwrap());
        });
    }
    let pin = Pin::from_entry(4, &[1, 2, 3, 4, 0, 0, 0, 0, 0, 0, 0, 0]).unwrap();
    c.bench_function("emv/PIN CHANGE, Visa CVN 10", |b| {
        let (smi, smc, mk_ac) = (&smi, &smc, &mk);
        let keys = script::Keys { smi, smc, mk_ac };
        b.iter(|| script::pin_change(&VISA_CVN10, &keys, black_box(&request), &pin, None, &mut out).unwrap());
    });
}

criterion_group!(benches, emv);
criterion_main!(benches);
