// SPDX-License-Identifier: MIT OR Apache-2.0
//! Key injection: P-256 agreement and signatures, a full run of the KBPK agreement, a component ceremony.

use core::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use payhsm::ecdh::{PrivateKey, PublicKey};
use payhsm::ecdsa::{SigningKey, verify};
use payhsm::entropy::Entropy;
use payhsm::error::Error;
use payhsm::inject::agreement::{Identity, Initiator, KbpkLen, Parties, PeerHistory, Responder};
use payhsm::inject::component::{Assembly, Ceremony, CustodianId};
use payhsm::kdf::{hkdf_sha256, one_step_sha512, x963_sha256};
use payhsm::key::role::{Kbpk, Kek, MacKey};
use payhsm::key::usage::KeyAlgorithm;
use payhsm::key::{Aes, Key, Tdea};
use payhsm::secret::Secret;

/// Counts; no randomness, but never the same scalar twice.
struct Counter(u64);

impl Entropy for Counter {
    fn fill(&mut self, out: &mut [u8]) -> Result<(), Error> {
        self.0 += 1;
        out.fill(0x5A);
        for (to, from) in out.iter_mut().zip(self.0.to_be_bytes()) {
            *to = from;
        }
        Ok(())
    }
}

fn primitives(c: &mut Criterion) {
    let mut rng = Counter(0);
    c.bench_function("ecdh/generate", |b| b.iter(|| PrivateKey::generate(&mut rng).unwrap()));
    let peer = PrivateKey::generate(&mut rng).unwrap().public();
    let sec1 = peer.to_sec1();
    c.bench_function("ecdh/validate", |b| {
        b.iter(|| PublicKey::from_sec1(black_box(&sec1)).unwrap());
    });
    c.bench_function("ecdh/agree", |b| {
        b.iter_batched(
            || PrivateKey::generate(&mut rng).unwrap(),
            |key| {
                let mut z = Secret::zeroed();
                key.agree(&peer, &mut z).unwrap();
                z
            },
            criterion::BatchSize::SmallInput,
        );
    });
    c.bench_function("kdf/hkdf_sha256/32", |b| {
        b.iter(|| {
            let mut out = [0; 32];
            hkdf_sha256(&[], black_box(&[7; 32]), &[b"info"], &mut out).unwrap();
            out
        });
    });
}

fn signatures(c: &mut Criterion) {
    let key = SigningKey::generate(&mut Counter(1 << 40)).unwrap();
    let public = key.public().unwrap();
    let signature = key.sign(b"message").unwrap();
    c.bench_function("ecdsa/sign", |b| b.iter(|| key.sign(black_box(b"message")).unwrap()));
    c.bench_function("ecdsa/verify", |b| {
        b.iter(|| verify(&public, black_box(b"message"), &signature).unwrap());
    });
    c.bench_function("kdf/x963_sha256/32", |b| {
        b.iter(|| {
            let mut out = [0; 32];
            x963_sha256(black_box(&[7; 32]), &[b"info"], &mut out).unwrap();
            out
        });
    });
    c.bench_function("kdf/one_step_sha512/32", |b| {
        b.iter(|| {
            let mut out = [0; 32];
            one_step_sha512(black_box(&[7; 32]), &[b"info"], &mut out).unwrap();
            out
        });
    });
}

fn agreement(c: &mut Criterion) {
    let mut rng = Counter(1 << 32);
    let psk = Key::<MacKey, Aes>::from_bytes(&[1; 16]).unwrap();
    let name = |text: &[u8]| Identity::new(text).unwrap();
    let parties = Parties::new(name(b"host"), name(b"terminal"), KbpkLen::Aes128).unwrap();
    c.bench_function("inject/agreement/both sides", |b| {
        b.iter(|| {
            let (mut host, mut terminal) = (Initiator::empty(), Responder::empty());
            let (mut seen_host, mut seen_terminal) = (PeerHistory::new(), PeerHistory::new());
            let (mut k_host, mut k_terminal) = (Key::<Kbpk, Aes>::empty(), Key::<Kbpk, Aes>::empty());
            let m1 = host.start(&parties, &mut rng).unwrap();
            let m2 = terminal.answer(&psk, &parties, &m1, &seen_terminal, &mut rng).unwrap();
            let done = host.finish(&psk, &m2, &mut seen_host, &mut k_host).unwrap();
            terminal.finish(&done.m3, &mut seen_terminal, &mut k_terminal).unwrap()
        });
    });
}

fn component(c: &mut Criterion) {
    let ceremony = Ceremony::new(KeyAlgorithm::Tdea, 16, 3).unwrap();
    let parts: [[u8; 16]; 3] = [*b"0123456789abcdef", *b"fedcba9876543210", *b"a third part...."];
    c.bench_function("inject/component/3 of TDEA 16", |b| {
        b.iter(|| {
            let mut assembly = Assembly::empty();
            assembly.begin(&ceremony).unwrap();
            for (part, custodian) in parts.iter().zip(1..) {
                assembly.add(CustodianId(custodian), black_box(part), None).unwrap();
            }
            let mut key = Key::<Kek, Tdea>::empty();
            assembly.finish(&mut key).unwrap()
        });
    });
}

#[cfg(feature = "legacy")]
fn working(c: &mut Criterion) {
    use payhsm::cipher::{modes, tdes::Tdes};
    use payhsm::inject::working::{SignOn, SignOnKeys, SignOnKind, unwrap_ecb};
    use payhsm::secret::SecretBuf;

    let tmk = Key::<Kek, Tdea>::from_bytes(b"a master key....").unwrap();
    let (key, mut cipher, mut zeros) = (*b"a working key...", *b"a working key...", [0; 8]);
    modes::ecb_encrypt(&Tdes::new(tmk.expose_bytes()).unwrap(), &mut cipher).unwrap();
    modes::ecb_encrypt(&Tdes::new(&key).unwrap(), &mut zeros).unwrap();
    c.bench_function("inject/working/unwrap_ecb 16", |b| {
        b.iter(|| {
            let mut out = SecretBuf::new();
            unwrap_ecb(&tmk, black_box(&cipher), &zeros[..4], &mut out).unwrap();
            out
        });
    });
    let field = [&cipher[..], &zeros[..4]].concat().repeat(3);
    c.bench_function("inject/working/sign-on 60", |b| {
        b.iter(|| {
            let mut keys = SignOnKeys::empty();
            let sign_on = SignOn::parse(SignOnKind::DoubleWithTrack, black_box(&field)).unwrap();
            sign_on.open(&tmk, &mut keys).unwrap();
            keys
        });
    });
}

#[cfg(not(feature = "legacy"))]
fn working(_: &mut Criterion) {}

criterion_group!(benches, primitives, signatures, agreement, component, working);
criterion_main!(benches);
