// SPDX-License-Identifier: MIT OR Apache-2.0
//! EMV: one authorisation as the issuer sees it, and its parts.

use core::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use payhsm::codec::tlv::Reader;
use payhsm::emv::card;
use payhsm::emv::cryptogram;
use payhsm::emv::derive::{MasterKeyOption, Psn, icc_master_key, icc_master_key_aes};
use payhsm::emv::dol::Dol;
use payhsm::emv::element::{Atc, CryptogramKind, Track2, tag};
use payhsm::emv::explain::explain;
use payhsm::emv::profile::{CDOL1, MCHIP_CVN10, VISA_CVN10, VISA_CVN18, verify_arqc};
use payhsm::emv::response::GenerateAcResponse;
use payhsm::emv::script::{self, Command, Style};
use payhsm::emv::session::{self, Method};
use payhsm::key::role::{Ac, IccMk, Imk, SessionKey};
use payhsm::key::{Aes, Key, Tdea};
use payhsm::pin::{Pan, Pin};

#[path = "common/message.rs"]
mod message;

use message::{VISA_IAD, request};

fn emv(c: &mut Criterion) {
    let imk: [u8; 16] = core::array::from_fn(|i| i.to_le_bytes()[0].wrapping_mul(0x22).wrapping_add(1));
    let visa = request(&VISA_CVN18, &imk, &VISA_IAD);
    c.bench_function("emv/verify ARQC and answer, Visa CVN 18", |b| {
        b.iter(|| {
            let verified =
                verify_arqc(&VISA_CVN18, &visa.imk, &visa.pan, Psn::ABSENT, black_box(&visa.field55)).unwrap();
            verified.arpc2(black_box([0, 0x82, 0, 0]), &[]).unwrap()
        });
    });

    let mut mchip_iad = [0; 18];
    mchip_iad[..3].copy_from_slice(&[0x01, 0x10, 0xA0]);
    let mchip = request(&MCHIP_CVN10, &imk, &mchip_iad);
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
            card::generate_ac(&VISA_CVN18, &visa.mk, kind, black_box(&visa.input), &VISA_IAD).unwrap()
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
    let material: Vec<u8> = (1..=16_u8).map(|i| i.wrapping_mul(29)).collect();
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
    let (smi, smc, mk_ac) = (&smi, &smc, &mk);
    let keys = script::Keys { smi, smc, mk_ac };
    let len = script::pin_change(&VISA_CVN10, &keys, &request, &pin, None, &mut out).unwrap();
    c.bench_function("emv/card verifies a command", |b| {
        b.iter(|| script::verify_command(&VISA_CVN10, smi, &request, black_box(&out[..len])).unwrap());
    });
    c.bench_function("emv/card receives PIN CHANGE", |b| {
        let mut new = Pin::empty();
        b.iter(|| {
            script::receive_pin_change(&VISA_CVN10, &keys, &request, black_box(&out[..len]), None, &mut new).unwrap();
        });
    });
}

/// Session keys by method; the keys and cryptograms of AES cards.
fn sessions(c: &mut Criterion) {
    let mk: Key<IccMk<Ac>, Tdea> = Key::from_bytes(b"0123456789ABCDEF").unwrap();
    let mut sk: Key<SessionKey<Ac>, Tdea> = Key::empty();
    let (atc, un) = (Atc::new(7), [1, 2, 3, 4]);
    let methods = [
        ("common", Method::Common),
        ("M/Chip", Method::MChip),
        ("UnionPay", Method::UnionPay),
        #[cfg(feature = "legacy")]
        (
            "EMV2000, tree of 4 and 8",
            Method::Emv2000(session::Tree::Branch4Height8),
        ),
        #[cfg(feature = "legacy")]
        (
            "EMV2000, tree of 2 and 16",
            Method::Emv2000(session::Tree::Branch2Height16),
        ),
    ];
    for (name, method) in methods {
        c.bench_function(&format!("emv/session key, {name}"), |b| {
            b.iter(|| session::derive(method, black_box(&mk), atc, un, &mut sk).unwrap());
        });
    }
    c.bench_function("emv/session key, Visa secure messaging", |b| {
        b.iter(|| session::visa_sm(black_box(&mk), atc, &mut sk).unwrap());
    });

    let pan = Pan::parse(b"4761739001010010").unwrap();
    let imk: Key<Imk<Ac>, Aes> = Key::from_bytes(b"0123456789ABCDEF").unwrap();
    let (mut mk, mut sk): (Key<IccMk<Ac>, Aes>, Key<SessionKey<Ac>, Aes>) = (Key::empty(), Key::empty());
    c.bench_function("emv/ICC master key, option C", |b| {
        b.iter(|| icc_master_key_aes(black_box(&imk), &pan, Psn::ABSENT, &mut mk).unwrap());
    });
    c.bench_function("emv/session key, common, AES", |b| {
        b.iter(|| session::derive_aes(Method::Common, black_box(&mk), atc, &mut sk).unwrap());
    });
    let arqc = cryptogram::generate_aes(&sk, &[&[0x5A; 40]]).unwrap();
    c.bench_function("emv/verify ARQC of 40 bytes, AES", |b| {
        b.iter(|| cryptogram::verify_aes(&sk, black_box(&[&[0x5A; 40]]), &arqc).unwrap());
    });
}

/// What is read and written without keys.
fn formats(c: &mut Criterion) {
    let amount = [0, 0, 0, 0, 0x40, 0];
    let objects = [(tag::AMOUNT_OTHER, &amount[..]), (tag::AIP, &[0x18, 0])];
    let dol = Dol::parse(&CDOL1).unwrap();
    let mut out = [0; 64];
    c.bench_function("emv/build CDOL1", |b| {
        b.iter(|| dol.build(black_box(&objects), &mut out).unwrap());
    });
    let answer = [
        0x80, 18, 0x80, 0, 0x1C, 1, 2, 3, 4, 5, 6, 7, 8, 6, 1, 0x12, 3, 0xA0, 0xB8, 0,
    ];
    c.bench_function("emv/read GENERATE AC", |b| {
        b.iter(|| GenerateAcResponse::parse(black_box(&answer)).unwrap());
    });
    let track = [
        0x41, 0x11, 0x11, 0x11, 0x11, 0x11, 0x11, 0x11, 0xD3, 0x11, 0x22, 0x01, 0x12, 0x3F,
    ];
    c.bench_function("emv/read track 2", |b| {
        b.iter(|| Track2::parse(black_box(&track)).unwrap());
    });
}

criterion_group!(benches, emv, sessions, formats);
criterion_main!(benches);
