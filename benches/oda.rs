// SPDX-License-Identifier: MIT OR Apache-2.0
//! Offline data authentication and offline PIN: what a terminal computes while a card is in it.

#[path = "../tests/common/oda.rs"]
mod signer;

use core::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use payhsm::emv::oda::{CaKey, Card, Date, IccKey, Records, Trust, pin};
use payhsm::entropy::Entropy;
use payhsm::error::Error;
use payhsm::pin::Pin;
use payhsm::rsa::{Exponent, PublicKey};
use signer::{AIP, CA, CA_LONG, CA_WIDE, ICC, ICC_LONG, INDEX, ISSUER, ISSUER_LONG, PIN, RID, Rsa, element, template};

struct Zero;

impl Entropy for Zero {
    fn fill(&mut self, out: &mut [u8]) -> Result<(), Error> {
        out.fill(0x5A);
        Ok(())
    }
}

fn public(key: &Rsa) -> PublicKey {
    PublicKey::new(&key.modulus(), Exponent::from_bytes(key.exponent).unwrap()).unwrap()
}

fn oda(c: &mut Criterion) {
    for key in [ISSUER, CA_WIDE, CA_LONG] {
        let exponent = if key.exponent == [3] { "3" } else { "65537" };
        let public = public(&key);
        let input = vec![0x55; key.len()];
        let mut out = vec![0; key.len()];
        c.bench_function(&format!("oda/rsa {} bits, e = {exponent}", key.len() * 8), |b| {
            b.iter(|| public.apply(black_box(&input), &mut out));
        });
    }
    for (name, ca, issuer, icc) in [
        ("1152 bits", CA, ISSUER, ICC),
        ("1984 bits", CA_LONG, ISSUER_LONG, ICC_LONG),
    ] {
        let records = signer::records(&signer::Card::new(ca, issuer, icc).records());
        let modulus = ca.modulus();
        let checksum = CaKey::checksum(RID, INDEX, &modulus, ca.exponent);
        let keys = [CaKey::new(RID, INDEX, &modulus, ca.exponent, &checksum, None).unwrap()];
        let trust = Trust {
            keys: &keys,
            revoked: &[],
            date: Date::from_bytes([0x26, 0x11, 0x25]).unwrap(),
        };
        let read = || Card::read(&trust, RID, AIP, Records::parse(&records).unwrap()).unwrap();
        c.bench_function(&format!("oda/SDA, {name}"), |b| {
            b.iter(|| black_box(read()).sda().unwrap());
        });
        let sent = [1, 2, 3, 4];
        let signature = signer::Card::dynamic(&[2, 0, 1]).sign(&icc, &[&sent]);
        let response = template(0x77, &[element(0x9F4B, &signature)]);
        c.bench_function(&format!("oda/DDA, {name}"), |b| {
            b.iter(|| black_box(read()).dda(&sent, &response).unwrap());
        });
    }
    let key = IccKey::from_public_key(public(&PIN)).for_pin();
    let entered = Pin::from_entry(4, &[1, 2, 3, 4, 0, 0, 0, 0, 0, 0, 0, 0]).unwrap();
    let mut out = [0; 96];
    c.bench_function("oda/PIN under 768 bits", |b| {
        b.iter(|| pin::encipher(black_box(&key), &[1; 8], &entered, &mut Zero, &mut out).unwrap());
    });
}

criterion_group!(benches, oda);
criterion_main!(benches);
