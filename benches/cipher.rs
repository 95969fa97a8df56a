// SPDX-License-Identifier: MIT OR Apache-2.0
//! DES, TDEA and AES: key schedule, one block (each depends on the one before), modes. Peer: the crate `des`, which
//! looks S-boxes up and is not constant time.

use core::hint::black_box;

use ::cipher::{Array, BlockCipherEncrypt, KeyInit};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use payhsm::cipher::aes::Aes;
use payhsm::cipher::modes;
use payhsm::cipher::tdes::{Des, Tdes};

const KEY: [u8; 32] =
    *b"\x23\x45\x67\x89\xAB\xCD\xEF\x01\x11\x22\x33\x44\x55\x66\x77\x88\x09\x08\x07\x06\x05\x04\x03\x02ABCDEFGH";

fn schedule(c: &mut Criterion) {
    let mut group = c.benchmark_group("key schedule");
    let mut key = [0x23_u8; 8];
    group.bench_function("des/payhsm", |b| {
        b.iter(|| {
            key[3] = key[3].wrapping_add(2);
            Des::new(black_box(&key))
        });
    });
    group.bench_function("des/crate des", |b| {
        b.iter(|| {
            key[3] = key[3].wrapping_add(2);
            des::Des::new(&Array(*black_box(&key)))
        });
    });
    group.bench_function("tdea 2 keys/payhsm", |b| b.iter(|| Tdes::new(black_box(&KEY[..16]))));
    group.bench_function("aes-128", |b| b.iter(|| Aes::new(black_box(&KEY[..16]))));
    group.bench_function("aes-256", |b| b.iter(|| Aes::new(black_box(&KEY))));
    group.finish();
}

fn block(c: &mut Criterion) {
    let mut group = c.benchmark_group("block");
    let mut x = [1; 8];
    let des = Des::new(&[0x23; 8]);
    group.bench_function("des/payhsm", |b| b.iter(|| x = des.encrypt(x)));
    let tdes = Tdes::new(&KEY[..24]).unwrap();
    group.bench_function("tdea/payhsm", |b| b.iter(|| x = tdes.encrypt(x)));
    let peer = des::TdesEde3::new_from_slice(&KEY[..24]).unwrap();
    let mut y = Array(x);
    group.bench_function("tdea/crate des", |b| b.iter(|| peer.encrypt_block(&mut y)));
    // A key of one operation, as in derivations: schedule and block.
    group.bench_function("des with a new key/payhsm", |b| b.iter(|| x = Des::new(&x).encrypt(x)));
    let aes = Aes::new(&KEY[..16]).unwrap();
    let mut z = Array([1; 16]);
    group.bench_function("aes-128", |b| b.iter(|| aes.encrypt_block(&mut z)));
    group.finish();
}

fn modes(c: &mut Criterion) {
    let tdes = Tdes::new(&KEY[..16]).unwrap();
    let aes = Aes::new(&KEY[..16]).unwrap();
    let mut data = [0x5A; 4096];
    for len in [16, 64, 256, 1024, 4096] {
        let mut group = c.benchmark_group(format!("{len} bytes"));
        group.throughput(Throughput::Bytes(len as u64));
        let data = &mut data[..len];
        group.bench_function("tdea ecb encrypt", |b| b.iter(|| modes::ecb_encrypt(&tdes, data)));
        group.bench_function("tdea cbc encrypt", |b| {
            b.iter(|| modes::cbc_encrypt(&tdes, &[0; 8], data));
        });
        group.bench_function("tdea cbc decrypt", |b| {
            b.iter(|| modes::cbc_decrypt(&tdes, &[0; 8], data));
        });
        group.bench_function("tdea ctr", |b| b.iter(|| modes::ctr(&tdes, &[0; 8], data)));
        group.bench_function("aes-128 cbc encrypt", |b| {
            b.iter(|| modes::cbc_encrypt(&aes, &[0; 16], data));
        });
        group.bench_function("aes-128 cbc decrypt", |b| {
            b.iter(|| modes::cbc_decrypt(&aes, &[0; 16], data));
        });
        group.bench_function("aes-128 ctr", |b| b.iter(|| modes::ctr(&aes, &[0; 16], data)));
        group.finish();
    }
}

criterion_group!(benches, schedule, block, modes);
criterion_main!(benches);
