// SPDX-License-Identifier: MIT OR Apache-2.0
//! PIN blocks, translation, the Visa PVV, offsets of the IBM 3624 and random PINs.

use core::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use payhsm::entropy::Entropy;
use payhsm::error::Error;
use payhsm::key::role::{PinEncryption, PinVerification3624, PinVerificationVisa};
use payhsm::key::{Aes, Key, Tdea};
use payhsm::pin::block::{self, Format, PinKey};
use payhsm::pin::ibm3624::{self, Profile, Table, Validation};
use payhsm::pin::{Pan, Pin};
use payhsm::pin::{choose, pvv};

/// Cheap and not random: the source is not what is measured.
struct Counter(u64);

impl Entropy for Counter {
    fn fill(&mut self, out: &mut [u8]) -> Result<(), Error> {
        for byte in out {
            self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            *byte = self.0.to_be_bytes()[0];
        }
        Ok(())
    }
}

fn blocks(c: &mut Criterion) {
    let pan = Pan::parse(b"4111111111111111").unwrap();
    let pin = Pin::from_entry(4, &[1, 2, 3, 4, 0, 0, 0, 0, 0, 0, 0, 0]).unwrap();
    let tdea = Key::<PinEncryption, Tdea>::from_bytes(b"0123456789ABCDEF").unwrap();
    let aes = Key::<PinEncryption, Aes>::from_bytes(b"0123456789ABCDEF").unwrap();
    let mut rng = Counter(1);
    for (name, key) in [
        ("format 0", PinKey::Tdea(&tdea, Format::Iso0)),
        ("format 1", PinKey::Tdea(&tdea, Format::Iso1)),
        ("format 3", PinKey::Tdea(&tdea, Format::Iso3)),
        ("format 4", PinKey::Aes(&aes)),
    ] {
        let mut out = [0; 16];
        let len = key.encipher(&pin, Some(&pan), &mut rng, &mut out).unwrap();
        c.bench_function(&format!("pin/encipher {name}"), |b| {
            b.iter(|| key.encipher(black_box(&pin), Some(&pan), &mut rng, &mut out));
        });
        let mut back = Pin::empty();
        c.bench_function(&format!("pin/decipher {name}"), |b| {
            b.iter(|| key.decipher(black_box(&out[..len]), Some(&pan), &mut back));
        });
    }
    let (from, to) = (PinKey::Tdea(&tdea, Format::Iso0), PinKey::Aes(&aes));
    let mut input = [0; 16];
    let len = from.encipher(&pin, Some(&pan), &mut rng, &mut input).unwrap();
    let mut out = [0; 16];
    c.bench_function("pin/translate format 0 to 4", |b| {
        b.iter(|| block::translate(&from, black_box(&input[..len]), &to, Some(&pan), &mut rng, &mut out));
    });
}

fn visa(c: &mut Criterion) {
    let pan = Pan::parse(b"4111111111111111").unwrap();
    let pin = Pin::from_entry(4, &[1, 2, 3, 4, 0, 0, 0, 0, 0, 0, 0, 0]).unwrap();
    let key = Key::<PinVerificationVisa, Tdea>::from_bytes(b"0123456789ABCDEF").unwrap();
    let value = pvv::generate(&key, 1, &pan, &pin).unwrap();
    c.bench_function("pin/PVV generate", |b| {
        b.iter(|| pvv::generate(&key, 1, &pan, black_box(&pin)));
    });
    c.bench_function("pin/PVV verify", |b| {
        b.iter(|| pvv::verify(&key, 1, &pan, black_box(&pin), &value));
    });
}

fn ibm(c: &mut Criterion) {
    let pan = Pan::parse(b"4111111111111111").unwrap();
    let pin = Pin::from_entry(4, &[1, 2, 3, 4, 0, 0, 0, 0, 0, 0, 0, 0]).unwrap();
    let key = Key::<PinVerification3624, Tdea>::from_bytes(b"0123456789ABCDEF").unwrap();
    let profile = Profile::new(Table::STANDARD, Validation::new(3, 12, 15).unwrap(), 16, 4).unwrap();
    let offset = ibm3624::generate(&key, &profile, &pan, &pin).unwrap();
    c.bench_function("pin/IBM 3624 offset", |b| {
        b.iter(|| ibm3624::generate(&key, &profile, &pan, black_box(&pin)));
    });
    c.bench_function("pin/IBM 3624 verify", |b| {
        b.iter(|| ibm3624::verify(&key, &profile, &pan, black_box(&pin), &offset));
    });
    let mut out = Pin::empty();
    c.bench_function("pin/IBM 3624 PIN", |b| {
        b.iter(|| ibm3624::derive(&key, &profile, &pan, black_box(&offset), &mut out));
    });
}

fn choice(c: &mut Criterion) {
    let (mut rng, mut out) = (Counter(1), Pin::empty());
    for len in [4, 12] {
        c.bench_function(&format!("pin/random, {len} digits"), |b| {
            b.iter(|| choose::random(black_box(len), &mut rng, &mut out));
        });
    }
    c.bench_function("pin/trivial", |b| b.iter(|| choose::is_trivial(black_box(&out))));
}

criterion_group!(benches, blocks, visa, ibm, choice);
criterion_main!(benches);
