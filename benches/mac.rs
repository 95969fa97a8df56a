// SPDX-License-Identifier: MIT OR Apache-2.0
//! MACs of 16 bytes to 4 KiB, key schedule included, and check values. Peer: retail MAC and CMAC over the crates `des` and `cmac`,
//! which are not constant time.

use core::hint::black_box;

use ::cipher::{Array, BlockCipherDecrypt, BlockCipherEncrypt, KeyInit};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use payhsm::cipher::tdes::Des;
use payhsm::key::role::MacKey;
use payhsm::key::{Aes, Hmac, Key, Tdea, mac};
use payhsm::mac::Mac as _;
use payhsm::mac::iso9797::CbcMac;

const KEY: [u8; 16] = *b"\x23\x45\x67\x89\xAB\xCD\xEF\x01\x11\x22\x33\x44\x55\x66\x77\x88";
const MESSAGE: [u8; 4096] = [0x31; 4096];

/// Lengths of messages. 120: a request.
const LENGTHS: [usize; 6] = [16, 64, 120, 256, 1024, 4096];

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

/// The whole MAC of the message.
macro_rules! bench {
    ($group:ident, $message:ident, $name:expr, $len:literal, $new:expr) => {
        $group.bench_function($name, |b| {
            b.iter(|| {
                let mut out = [0; $len];
                let mut mac = $new.unwrap();
                mac.update($message);
                mac.finish(&mut out).unwrap();
                out
            });
        });
    };
}

fn macs(c: &mut Criterion) {
    let tdea = Key::<MacKey, Tdea>::from_bytes(&KEY).unwrap();
    let hmac = Key::<MacKey, Hmac>::from_bytes(&KEY).unwrap();
    for len in LENGTHS {
        let message = &MESSAGE[..len];
        let mut group = c.benchmark_group(format!("mac of {len} bytes"));
        group.throughput(Throughput::Bytes(len as u64));
        bench!(
            group,
            message,
            "retail/payhsm",
            8,
            mac::Retail::new(black_box(&tdea), mac::Padding::Method1)
        );
        group.bench_function("retail/crate des", |b| {
            b.iter(|| peer_retail(black_box(&KEY), message));
        });
        bench!(
            group,
            message,
            "tdea cmac/payhsm",
            8,
            mac::CmacTdea::new(black_box(&tdea))
        );
        group.bench_function("tdea cmac/crates cmac and des", |b| {
            use cmac::Mac as _;
            b.iter(|| {
                let mut mac = cmac::Cmac::<des::TdesEde2>::new_from_slice(black_box(&KEY)).unwrap();
                mac.update(message);
                mac.finalize().into_bytes()
            });
        });
        for key_len in [16, 24, 32] {
            let aes = Key::<MacKey, Aes>::from_bytes(&[0x23; 32][..key_len]).unwrap();
            bench!(
                group,
                message,
                format!("aes-{} cmac", key_len * 8),
                16,
                mac::CmacAes::new(black_box(&aes))
            );
        }
        bench!(
            group,
            message,
            "algorithm 1, tdea",
            8,
            mac::CbcTdea::new(black_box(&tdea), mac::Padding::Method1)
        );
        group.bench_function("algorithm 1, des (X9.9)", |b| {
            b.iter(|| {
                let mut out = [0; 8];
                let mut mac = CbcMac::new(Des::new(black_box(&[0x23; 8])), mac::Padding::Method1);
                mac.update(message);
                mac.finish(&mut out).unwrap();
                out
            });
        });
        bench!(group, message, "UnionPay", 8, mac::UnionPay::new(black_box(&tdea)));
        bench!(
            group,
            message,
            "hmac-sha-512",
            64,
            mac::HmacSha512::new(black_box(&hmac))
        );
        bench!(
            group,
            message,
            "hmac-sha-384",
            48,
            mac::HmacSha384::new(black_box(&hmac))
        );
        bench!(
            group,
            message,
            "hmac-sha-256",
            32,
            mac::HmacSha256::new(black_box(&hmac))
        );
        group.finish();
    }
}

/// Check values of keys.
fn check_values(c: &mut Criterion) {
    let tdea = Key::<MacKey, Tdea>::from_bytes(&KEY).unwrap();
    let aes = Key::<MacKey, Aes>::from_bytes(&KEY).unwrap();
    c.bench_function("kcv/tdea, zero block", |b| b.iter(|| black_box(&tdea).kcv_legacy()));
    c.bench_function("kcv/tdea, cmac", |b| b.iter(|| black_box(&tdea).kcv_cmac()));
    c.bench_function("kcv/aes-128, cmac", |b| b.iter(|| black_box(&aes).kcv_cmac()));
}

criterion_group!(benches, macs, check_values);
criterion_main!(benches);
