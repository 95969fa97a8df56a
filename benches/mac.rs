// SPDX-License-Identifier: MIT OR Apache-2.0
//! MACs of a request of 120 bytes, key schedule included. Peer: retail MAC and CMAC over the crates `des` and `cmac`,
//! which are not constant time.

use core::hint::black_box;

use ::cipher::{Array, BlockCipherDecrypt, BlockCipherEncrypt, KeyInit};
use criterion::{Criterion, criterion_group, criterion_main};
use payhsm::key::role::MacKey;
use payhsm::key::{Aes, Hmac, Key, Tdea, mac};

const KEY: [u8; 16] = *b"\x23\x45\x67\x89\xAB\xCD\xEF\x01\x11\x22\x33\x44\x55\x66\x77\x88";
const MESSAGE: [u8; 120] = [0x31; 120];

/// ISO/IEC 9797-1 algorithm 3, padding 1, over the crate `des`; the message is whole blocks.
fn peer_retail(key: &[u8; 16], message: &[u8]) -> [u8; 8] {
    let first = des::Des::new_from_slice(&key[..8]).unwrap();
    let second = des::Des::new_from_slice(&key[8..]).unwrap();
    let mut state = Array([0; 8]);
    for block in message.chunks_exact(8) {
        for (s, b) in state.iter_mut().zip(block) {
            *s ^= b;
        }
        first.encrypt_block(&mut state);
    }
    second.decrypt_block(&mut state);
    first.encrypt_block(&mut state);
    state.0
}

fn macs(c: &mut Criterion) {
    let tdea = Key::<MacKey, Tdea>::from_bytes(&KEY).unwrap();
    let aes = Key::<MacKey, Aes>::from_bytes(&KEY).unwrap();
    let hmac = Key::<MacKey, Hmac>::from_bytes(&KEY).unwrap();
    let mut group = c.benchmark_group("mac of 120 bytes");
    group.bench_function("retail/payhsm", |b| {
        b.iter(|| {
            let mut out = [0; 8];
            let mut mac = mac::Retail::new(black_box(&tdea), mac::Padding::Method1).unwrap();
            mac.update(&MESSAGE);
            mac.finish(&mut out).unwrap();
            out
        });
    });
    group.bench_function("retail/crate des", |b| {
        b.iter(|| peer_retail(black_box(&KEY), &MESSAGE));
    });
    group.bench_function("tdea cmac/payhsm", |b| {
        b.iter(|| {
            let mut out = [0; 8];
            let mut mac = mac::CmacTdea::new(black_box(&tdea)).unwrap();
            mac.update(&MESSAGE);
            mac.finish(&mut out).unwrap();
            out
        });
    });
    group.bench_function("tdea cmac/crates cmac and des", |b| {
        use cmac::Mac as _;
        b.iter(|| {
            let mut mac = cmac::Cmac::<des::TdesEde2>::new_from_slice(black_box(&KEY)).unwrap();
            mac.update(&MESSAGE);
            mac.finalize().into_bytes()
        });
    });
    group.bench_function("aes-128 cmac", |b| {
        b.iter(|| {
            let mut out = [0; 16];
            let mut mac = mac::CmacAes::new(black_box(&aes)).unwrap();
            mac.update(&MESSAGE);
            mac.finish(&mut out).unwrap();
            out
        });
    });
    group.bench_function("UnionPay", |b| {
        b.iter(|| {
            let mut out = [0; 8];
            let mut mac = mac::UnionPay::new(black_box(&tdea)).unwrap();
            mac.update(&MESSAGE);
            mac.finish(&mut out).unwrap();
            out
        });
    });
    group.bench_function("hmac-sha-512", |b| {
        b.iter(|| {
            let mut out = [0; 64];
            let mut mac = mac::HmacSha512::new(black_box(&hmac)).unwrap();
            mac.update(&MESSAGE);
            mac.finish(&mut out).unwrap();
            out
        });
    });
    group.bench_function("hmac-sha-256", |b| {
        b.iter(|| {
            let mut out = [0; 32];
            let mut mac = mac::HmacSha256::new(black_box(&hmac)).unwrap();
            mac.update(&MESSAGE);
            mac.finish(&mut out).unwrap();
            out
        });
    });
    group.finish();
}

criterion_group!(benches, macs);
criterion_main!(benches);
