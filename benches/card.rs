// SPDX-License-Identifier: MIT OR Apache-2.0
//! Card verification values: CVV, and the CVC3 with the derivation of the card's key.

use core::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use payhsm::card::CardValue;
use payhsm::card::cvc3::{self, IvCvc3, Tap};
use payhsm::card::cvv::{self, Expiry, Kind};
use payhsm::emv::derive::{MasterKeyOption, Psn, icc_master_key};
use payhsm::emv::element::Atc;
use payhsm::key::role::{CardVerification, Dn, Imk};
use payhsm::key::{Key, Tdea};
use payhsm::pin::Pan;

fn values(c: &mut Criterion) {
    let pan = Pan::parse(b"4111111111111111").unwrap();
    let expiry = Expiry::yymm(b"2512").unwrap();
    let cvk = Key::<CardVerification, Tdea>::from_bytes(b"0123456789ABCDEF").unwrap();
    let mut value = CardValue::empty();
    c.bench_function("card/CVV generate", |b| {
        b.iter(|| cvv::generate(black_box(&cvk), Kind::Chip, &pan, expiry, 3, &mut value));
    });
    let value = CardValue::parse(b"123").unwrap();
    c.bench_function("card/CVV verify", |b| {
        b.iter(|| cvv::verify(black_box(&cvk), Kind::Chip, &pan, expiry, &value));
    });
    let imk = Key::<Imk<Dn>, Tdea>::from_bytes(b"0123456789ABCDEF").unwrap();
    let tap = Tap {
        un: [0, 0, 0x08, 0x99],
        atc: Atc::new(7),
    };
    c.bench_function("card/CVC3 verify", |b| {
        b.iter(|| {
            let mut mk = Key::empty();
            icc_master_key(MasterKeyOption::A, black_box(&imk), &pan, Psn::ABSENT, &mut mk)?;
            cvc3::verify(&mk, &IvCvc3::over(&mk, &[0x51; 19])?, tap, &value)
        });
    });
}

criterion_group!(benches, values);
criterion_main!(benches);
