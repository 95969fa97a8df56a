// SPDX-License-Identifier: MIT OR Apache-2.0
//! Whole commands of the module: a terminal's transaction with storage in memory, the host's work on one message, and keys
//! that come in.

use core::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use payhsm::hsm::{Export, MacMethod, MacPurpose};
use payhsm::key::usage::{Attributes, Exportability, KeyAlgorithm, ModeOfUse, Usage};
use payhsm::keyblock::Profile;
use payhsm::pin::block::Format;
use payhsm::pin::{Pin, pan::Pan};
use payhsm::policy::{Permission, Policy};

#[path = "common/module.rs"]
mod common;

use common::{load, module, module_with};

fn transactions(c: &mut Criterion) {
    let pan = Pan::parse(b"4761739001010010").unwrap();
    let message = [0x42; 256];
    for (name, algorithm, id, format, method) in [
        (
            "tdes",
            KeyAlgorithm::Tdea,
            &[0xFF, 0xFF, 0x98, 0x76, 0x54, 0x32, 0x10, 0xE0, 0, 0][..],
            Format::Iso0,
            MacMethod::X9_19,
        ),
        (
            "aes",
            KeyAlgorithm::Aes,
            &[0x12, 0x34, 0x56, 0x78, 0x90, 0x12, 0x34, 0x56][..],
            Format::Iso4,
            MacMethod::CMAC,
        ),
    ] {
        let mut host = module();
        let bdk = load(&mut host, Usage::B0, algorithm, ModeOfUse::Derive, 3);
        let kbpk = load(&mut host, Usage::K1, KeyAlgorithm::Aes, ModeOfUse::Encrypt, 5);
        let zone = load(&mut host, Usage::P0, algorithm, ModeOfUse::Encrypt, 11);
        let mut terminal = module();
        let own = load(&mut terminal, Usage::K1, KeyAlgorithm::Aes, ModeOfUse::Decrypt, 5);
        let mut block = [0; 256];
        let (len, _) = host.dukpt_export_initial_key(bdk, id, kbpk, &mut block).unwrap();
        let (group, _) = terminal.dukpt_load(own, &block[..len], Profile::X9143Strict).unwrap();

        let mut step = || {
            let (transaction, ksn) = terminal.dukpt_begin(group).unwrap();
            let pin = Pin::from_entry(4, &[1, 2, 3, 4, 0, 0, 0, 0, 0, 0, 0, 0]).unwrap();
            let mut pin_block = [0; 16];
            let len = terminal
                .pin_encipher(transaction.into(), format, &pan, &pin, &mut pin_block)
                .unwrap();
            let mut mac = [0; 8];
            terminal
                .mac_generate(transaction.into(), method, &message, &mut mac)
                .unwrap();
            terminal.transaction_end(transaction).unwrap();
            (ksn, pin_block, len, mac)
        };
        // Whichever of the two benches a filter leaves out.
        let (ksn, pin_block, len, mac) = step();
        c.bench_function(&format!("hsm/terminal/{name}"), |b| b.iter(&mut step));

        c.bench_function(&format!("hsm/host/{name}"), |b| {
            b.iter(|| {
                let transaction = host.dukpt_derive(bdk, ksn.as_bytes()).unwrap();
                host.mac_verify(transaction.into(), method, &message, &mac).unwrap();
                let mut translated = [0; 16];
                host.pin_translate(
                    transaction.into(),
                    format,
                    &pan,
                    &pin_block[..len],
                    zone,
                    format,
                    &mut translated,
                )
                .unwrap();
                host.transaction_end(transaction).unwrap();
                black_box(translated);
            });
        });
    }
}

/// A host's derivation with the initial key kept from the last KSN of the terminal, and without: nine terminals in turn are
/// one more than are kept. Five one bits of the counter.
fn derivations(c: &mut Criterion) {
    for (name, algorithm) in [("tdes", KeyAlgorithm::Tdea), ("aes", KeyAlgorithm::Aes)] {
        let mut host = module();
        let bdk = load(&mut host, Usage::B0, algorithm, ModeOfUse::Derive, 3);
        let ksn = |terminal: u8| match algorithm {
            KeyAlgorithm::Tdea => vec![0xFF, 0xFF, 0x98, 0x76, 0x54, 0x32, terminal, 0xE0, 0, 0x1F],
            _ => vec![1, 2, 3, 4, 5, 6, 7, terminal, 0, 0, 0, 0x1F],
        };
        for (what, terminals) in [("kept", 1), ("not kept", 9)] {
            let ksns: Vec<Vec<u8>> = (0..terminals).map(ksn).collect();
            let mut turn = ksns.iter().cycle();
            c.bench_function(&format!("hsm/derive/{name}, initial key {what}"), |b| {
                b.iter(|| {
                    let transaction = host.dukpt_derive(bdk, black_box(turn.next().unwrap())).unwrap();
                    host.transaction_end(transaction).unwrap();
                });
            });
        }
    }
}

/// The update of an initial key: the host's block. (A terminal takes eight in its life.)
fn updates(c: &mut Criterion) {
    let mut host = module();
    let bdk = load(&mut host, Usage::B0, KeyAlgorithm::Aes, ModeOfUse::Derive, 3);
    let mut block = [0; 256];
    c.bench_function("hsm/update of an initial key, host", |b| {
        b.iter(|| {
            host.dukpt_export_update(bdk, &[7; 8], bdk, &[8; 8], &mut block)
                .unwrap()
        });
    });
}

/// A key from one protection key to another, and into a slot.
fn key_blocks(c: &mut Criterion) {
    let mut hsm = module();
    let [from, to] = [3, 4].map(|seed| load(&mut hsm, Usage::K1, KeyAlgorithm::Aes, ModeOfUse::Both, seed));
    let attributes = Attributes::new(
        Usage::P0,
        KeyAlgorithm::Tdea,
        ModeOfUse::Encrypt,
        Exportability::Exportable,
    );
    let key = hsm.key_generate(&attributes, 16).unwrap().key;
    let (mut block, mut out) = ([0; 256], [0; 256]);
    let len = hsm.key_block_export(from, key, &mut block).unwrap();
    c.bench_function("hsm: translate a key block", |b| {
        b.iter(|| {
            let block = black_box(&block[..len]);
            hsm.key_block_translate(from, block, Profile::X9143Strict, to, &Export::default(), &mut out)
        });
    });
    let mut terminal = module();
    let own = load(&mut terminal, Usage::K1, KeyAlgorithm::Aes, ModeOfUse::Decrypt, 3);
    c.bench_function("hsm/import a key block, erase the key", |b| {
        b.iter(|| {
            let block = black_box(&block[..len]);
            let taken = terminal.key_block_import(own, block, Profile::X9143Strict).unwrap();
            terminal.key_erase(taken.key).unwrap();
        });
    });
}

/// A kilobyte in each mode of operation, and from key to key; a MAC translated.
fn data(c: &mut Criterion) {
    let policy = Policy::STRICT.with(Permission::EcbData);
    let mut hsm = module_with(policy);
    let keys = [1, 2, 3, 4].map(|seed| load(&mut hsm, Usage::D0, KeyAlgorithm::Aes, ModeOfUse::Both, seed * 17));
    let [cbc, ecb, ctr, other] = keys;
    let mut data = vec![0x42; 1024];
    c.bench_function("hsm/data 1 KiB/CBC", |b| {
        b.iter(|| hsm.data_encipher(cbc.into(), &[1; 16], black_box(&mut data)));
    });
    c.bench_function("hsm/data 1 KiB/ECB", |b| {
        b.iter(|| hsm.data_ecb_encipher(ecb, black_box(&mut data)));
    });
    c.bench_function("hsm/data 1 KiB/CTR", |b| {
        b.iter(|| hsm.data_ctr(ctr, &[1; 16], black_box(&mut data)));
    });
    c.bench_function("hsm/data 1 KiB/re-encipher", |b| {
        b.iter(|| hsm.data_reencipher(cbc.into(), &[1; 16], other, &[2; 16], black_box(&mut data)));
    });
    let from = load(&mut hsm, Usage::M6, KeyAlgorithm::Aes, ModeOfUse::GenerateVerify, 101);
    c.bench_function("hsm/MAC of 1 KiB in four parts", |b| {
        b.iter(|| {
            let mut tag = [0; 16];
            hsm.mac_begin(from.into(), MacMethod::CMAC, MacPurpose::Generate)
                .unwrap();
            for part in data.chunks(256) {
                hsm.mac_update(black_box(part)).unwrap();
            }
            hsm.mac_finish(&mut tag).unwrap();
            tag
        });
    });
    let to = load(&mut hsm, Usage::M6, KeyAlgorithm::Aes, ModeOfUse::Generate, 103);
    let (mut tag, mut out) = ([0; 16], [0; 16]);
    hsm.mac_generate(from.into(), MacMethod::CMAC, &data[..256], &mut tag)
        .unwrap();
    c.bench_function("hsm/translate a MAC of 256 bytes", |b| {
        b.iter(|| {
            hsm.mac_translate(
                from.into(),
                MacMethod::CMAC,
                black_box(&data[..256]),
                &tag,
                to.into(),
                MacMethod::CMAC,
                &mut out,
            )
        });
    });
}

/// A KBPK agreed with the key of both sides, at both.
fn agreement(c: &mut Criterion) {
    let (mut host, mut terminal) = (module(), module());
    let [at_host, at_terminal] =
        [&mut host, &mut terminal].map(|hsm| load(hsm, Usage::B3, KeyAlgorithm::Aes, ModeOfUse::Derive, 3));
    // One step apart, the counters never draw the same key.
    terminal.random(&mut [0]).unwrap();
    c.bench_function("hsm/agreement of a KBPK, both sides", |b| {
        b.iter(|| {
            let (one, other) = (b"host", b"terminal");
            let m1 = host.agreement_begin(at_host, one, other, 16).unwrap();
            let m2 = terminal.agreement_answer(at_terminal, one, other, 16, &m1).unwrap();
            let (kept, m3) = host.agreement_confirm(&m2).unwrap();
            let taken = terminal.agreement_finish(&m3).unwrap();
            host.key_erase(kept.key).unwrap();
            terminal.key_erase(taken.key).unwrap();
        });
    });
}

/// Keys under a terminal master key, taken and erased.
#[cfg(feature = "legacy")]
fn working(c: &mut Criterion) {
    use payhsm::cipher::{modes, tdes::Tdes};
    use payhsm::inject::working::SignOnKind;

    let mut hsm = module_with(Policy::STRICT.with(Permission::LegacyImport));
    let tmk = load(&mut hsm, Usage::K0, KeyAlgorithm::Tdea, ModeOfUse::Decrypt, 3);
    let master = Tdes::new(&common::material(3)).unwrap();
    let enciphered = |seed| {
        let (mut cipher, mut zeros) = (common::material(seed), [0; 8]);
        modes::ecb_encrypt(&Tdes::new(&cipher).unwrap(), &mut zeros).unwrap();
        modes::ecb_encrypt(&master, &mut cipher).unwrap();
        [&cipher[..], &zeros[..4]].concat()
    };
    let field = [5, 11, 13].map(enciphered).concat();
    let (algorithm, mode) = (KeyAlgorithm::Tdea, ModeOfUse::Encrypt);
    let attributes = Attributes::new(Usage::P0, algorithm, mode, Exportability::NonExportable);
    c.bench_function("hsm/import a working key, erase it", |b| {
        b.iter(|| {
            let (cipher, kcv) = black_box(&field[..20]).split_at(16);
            let taken = hsm.working_key_import(tmk, &attributes, cipher, kcv).unwrap();
            hsm.key_erase(taken.key).unwrap();
        });
    });
    c.bench_function("hsm/UnionPay sign-on with three keys, erase them", |b| {
        b.iter(|| {
            let taken = hsm.unionpay_sign_on(tmk, SignOnKind::DoubleWithTrack, black_box(&field));
            let taken = taken.unwrap();
            for key in [Some(taken.pin), Some(taken.mac), taken.track].into_iter().flatten() {
                hsm.key_erase(key.key).unwrap();
            }
        });
    });
}

#[cfg(not(feature = "legacy"))]
fn working(_: &mut Criterion) {}

criterion_group!(
    benches,
    transactions,
    derivations,
    updates,
    key_blocks,
    data,
    agreement,
    working
);
criterion_main!(benches);
