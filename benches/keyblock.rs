// SPDX-License-Identifier: MIT OR Apache-2.0
//! Key blocks: reading, verifying and writing one block with a 16-byte key, per version.

use core::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use payhsm::entropy::Entropy;
use payhsm::error::Error;
use payhsm::key::role::{Kbpk, PinEncryption};
use payhsm::key::usage::{Attributes, Exportability, KeyAlgorithm, ModeOfUse, Usage};
use payhsm::key::{Aes, Key, Tdea};
#[cfg(feature = "ec")]
use payhsm::key::{Ec, role::Signing};
use payhsm::keyblock::header::Version;
use payhsm::keyblock::wrap::Template;
use payhsm::keyblock::{KbpkRef, KeyBlock, Payload, Profile};

struct Constant;

impl Entropy for Constant {
    fn fill(&mut self, out: &mut [u8]) -> Result<(), Error> {
        out.fill(0x5A);
        Ok(())
    }
}

fn versions(c: &mut Criterion) {
    let tdea: Key<Kbpk, Tdea> = Key::from_bytes(&[0x31; 24]).unwrap();
    let aes: Key<Kbpk, Aes> = Key::from_bytes(&[0x31; 32]).unwrap();
    let key: Key<PinEncryption, Tdea> = Key::from_bytes(&[0x45; 16]).unwrap();
    let attributes = Attributes::new(
        Usage::P0,
        KeyAlgorithm::Tdea,
        ModeOfUse::Encrypt,
        Exportability::Exportable,
    );
    for (name, version, kbpk) in [
        #[cfg(feature = "legacy")]
        ("C", Version::C, KbpkRef::Tdea(&tdea)),
        ("B", Version::B, KbpkRef::Tdea(&tdea)),
        ("D", Version::D, KbpkRef::Aes(&aes)),
        ("E", Version::E, KbpkRef::Aes(&aes)),
    ] {
        let mut group = c.benchmark_group(format!("keyblock {name}"));
        let profile = Profile::of(version);
        let template = Template::new(version, attributes);
        let mut out = [0; 256];
        group.bench_function("wrap", |b| {
            b.iter(|| template.wrap(kbpk, black_box(&key), &mut Constant, black_box(&mut out)));
        });
        let len = template.wrap(kbpk, &key, &mut Constant, &mut out).unwrap();
        let text = &out[..len];
        group.bench_function("parse", |b| {
            b.iter(|| KeyBlock::parse(black_box(text), profile).map(|block| block.header().len));
        });
        let mut payload = Payload::empty();
        let mut unwrapped: Key<PinEncryption, Tdea> = Key::empty();
        group.bench_function("parse, verify, unwrap", |b| {
            b.iter(|| {
                KeyBlock::parse(black_box(text), profile)?
                    .verify(kbpk, &mut payload)?
                    .unwrap_into(black_box(&mut unwrapped))
            });
        });
        group.finish();
    }
}

/// A key pair: the point costs more than the block.
#[cfg(feature = "ec")]
fn pair(c: &mut Criterion) {
    let kbpk: Key<Kbpk, Aes> = Key::from_bytes(&[0x31; 16]).unwrap();
    let key: Key<Signing, Ec> = Key::from_bytes(&[0x45; 32]).unwrap();
    let attributes = Attributes::new(Usage::S0, KeyAlgorithm::Ec, ModeOfUse::Sign, Exportability::Exportable);
    let template = Template::new(Version::D, attributes);
    let mut group = c.benchmark_group("keyblock D, key pair");
    let mut out = [0; 320];
    group.bench_function("wrap", |b| {
        b.iter(|| template.wrap(KbpkRef::Aes(&kbpk), black_box(&key), &mut Constant, black_box(&mut out)));
    });
    let len = template
        .wrap(KbpkRef::Aes(&kbpk), &key, &mut Constant, &mut out)
        .unwrap();
    let text = &out[..len];
    let mut payload = Payload::empty();
    let mut unwrapped: Key<Signing, Ec> = Key::empty();
    group.bench_function("parse, verify, unwrap", |b| {
        b.iter(|| {
            KeyBlock::parse(black_box(text), Profile::X9143Strict)?
                .verify(KbpkRef::Aes(&kbpk), &mut payload)?
                .unwrap_into(black_box(&mut unwrapped))
        });
    });
    group.finish();
}

#[cfg(feature = "ec")]
criterion_group!(benches, versions, pair);
#[cfg(not(feature = "ec"))]
criterion_group!(benches, versions);
criterion_main!(benches);
