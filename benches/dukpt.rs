// SPDX-License-Identifier: MIT OR Apache-2.0
//! Bench: DUKPT derivation at the host and steps at the terminal.
#![allow(missing_docs, reason = "the macros of criterion make public items")]

use core::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use payhsm::dukpt::{ReplayWindow, Unstored, aes, tdes};
use payhsm::key::role::{Bdk, DataRequest, InitialKey, MacRequest, PinEncryption};
use payhsm::key::{Aes, Hmac, Key, Tdea};
use zeroize::Zeroize;

fn tdes_bench(c: &mut Criterion) {
    let bdk = Key::<Bdk, Tdea>::from_bytes(b"0123456789ABCDEF").unwrap();
    let id = tdes::Ksn::parse(&[0x42; 10]).unwrap().initial_key_id();
    let mut ik = Key::<InitialKey, Tdea>::empty();
    let mut transaction = tdes::Transaction::empty();
    let mut pin_key = Key::<PinEncryption, Tdea>::empty();
    let mut group = c.benchmark_group("dukpt/tdes");
    group.bench_function("initial key", |b| {
        b.iter(|| tdes::Host::initial_key(black_box(&bdk), &id, &mut ik));
    });
    // Ten one bits, the most there are: 29 DES operations from the BDK to the PIN key.
    let worst = id.ksn(0x1F_F800).unwrap();
    group.bench_function("host, BDK to PIN key, 10 bits", |b| {
        b.iter(|| {
            tdes::Host::initial_key(black_box(&bdk), &id, &mut ik)?;
            tdes::Host::transaction(&ik, &worst, &mut transaction)?;
            transaction.pin_key(&mut pin_key)
        });
    });
    group.bench_function("host, IK to transaction, 10 bits", |b| {
        b.iter(|| tdes::Host::transaction(black_box(&ik), &worst, &mut transaction));
    });
    let (mut mac_key, mut data_key) = (Key::empty(), Key::empty());
    tdes::Host::transaction(&ik, &worst, &mut transaction).unwrap();
    group.bench_function("working key, PIN", |b| b.iter(|| transaction.pin_key(&mut pin_key)));
    group.bench_function("working key, MAC", |b| {
        b.iter(|| transaction.mac_request_key(&mut mac_key));
    });
    group.bench_function("working key, data", |b| {
        b.iter(|| transaction.data_request_key(&mut data_key));
    });
    let mut terminal = tdes::Terminal::empty();
    let mut load = |terminal: &mut tdes::Terminal| {
        terminal.zeroize();
        tdes::Host::initial_key(&bdk, &id, &mut ik).unwrap();
        terminal.load(black_box(&mut ik), &id, &mut Unstored).unwrap();
    };
    group.bench_function("initial key and terminal load", |b| b.iter(|| load(&mut terminal)));
    group.bench_function("terminal step, average", |b| {
        b.iter(|| {
            if terminal.step(&mut Unstored, &mut transaction).is_err() {
                load(&mut terminal);
            }
        });
    });
    group.finish();
}

fn aes_bench(c: &mut Criterion) {
    let id = aes::InitialKeyId::parse(&[0x42; 8]).unwrap();
    for len in [16, 32] {
        let bdk = Key::<Bdk, Aes>::from_bytes(&vec![0x29; len]).unwrap();
        let key_type = aes::KeyType::aes(len).unwrap();
        let mut ik = Key::<InitialKey, Aes>::empty();
        let mut transaction = aes::Transaction::empty();
        let mut pin_key = Key::<PinEncryption, Aes>::empty();
        let mut group = c.benchmark_group(format!("dukpt/aes-{}", len * 8));
        // Sixteen one bits, the most there are.
        let worst = id.ksn(0xFFFF_0000).unwrap();
        group.bench_function("host, BDK to PIN key, 16 bits", |b| {
            b.iter(|| {
                aes::Host::initial_key(black_box(&bdk), &id, &mut ik)?;
                aes::Host::transaction(&ik, &worst, &mut transaction)?;
                transaction.working_key(key_type, &mut pin_key)
            });
        });
        let mut mac_key = Key::<MacRequest, Aes>::empty();
        let mut data_key = Key::<DataRequest, Aes>::empty();
        let mut hmac_key = Key::<MacRequest, Hmac>::empty();
        aes::Host::transaction(&ik, &worst, &mut transaction).unwrap();
        group.bench_function("working key, PIN", |b| {
            b.iter(|| transaction.working_key(key_type, &mut pin_key));
        });
        group.bench_function("working key, MAC", |b| {
            b.iter(|| transaction.working_key(key_type, &mut mac_key));
        });
        group.bench_function("working key, data", |b| {
            b.iter(|| transaction.working_key(key_type, &mut data_key));
        });
        group.bench_function("working key, HMAC", |b| {
            b.iter(|| transaction.working_key(aes::KeyType::Hmac128, &mut hmac_key));
        });
        let mut terminal = aes::Terminal::empty();
        group.bench_function("initial key and terminal load", |b| {
            b.iter(|| {
                terminal.zeroize();
                aes::Host::initial_key(&bdk, &id, &mut ik)?;
                terminal.load(black_box(&mut ik), &id, &mut Unstored)
            });
        });
        group.bench_function("terminal step, average", |b| {
            b.iter(|| terminal.step(&mut Unstored, &mut transaction));
        });
        group.finish();
    }
}

/// What goes with the keys: the update of a terminal, and the counters that a host remembers.
fn rest(c: &mut Criterion) {
    let ids = [1, 2].map(|n| aes::InitialKeyId::parse(&[n; 8]).unwrap());
    let (mut terminal, mut next) = (aes::Terminal::empty(), aes::Terminal::empty());
    let mut ik = Key::<InitialKey, Aes>::from_bytes(&[0x29; 16]).unwrap();
    terminal.load(&mut ik, &ids[0], &mut Unstored).unwrap();
    let mut turn = ids.iter().rev().cycle();
    c.bench_function("dukpt/aes-128/terminal, update", |b| {
        b.iter(|| {
            let mut ik = Key::<InitialKey, Aes>::from_bytes(black_box(&[0x29; 16])).unwrap();
            terminal.update(&mut ik, turn.next().unwrap(), &mut next, &mut Unstored)
        });
    });
    let id = [7; 8];
    let fresh = ReplayWindow::new(&id, 64).unwrap();
    c.bench_function("dukpt/replay window, check and accept", |b| {
        b.iter(|| {
            let mut window = fresh;
            window.check(&id, black_box(0x00FF_00F0))?;
            window.accept(&id, 0x00FF_00F0)
        });
    });
}

criterion_group!(benches, tdes_bench, aes_bench, rest);
criterion_main!(benches);
