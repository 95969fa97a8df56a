// SPDX-License-Identifier: MIT OR Apache-2.0
//! Whole commands of the module: a terminal's transaction with storage in memory, and the host's work on one message.

use core::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use payhsm::entropy::Entropy;
use payhsm::error::Error;
use payhsm::hsm::{
    Config, EncipheredPin, Export, Group, Hsm, KeyHandle, MacMethod, PinLimits, Platform, Question, RateLimit, Slot,
};
use payhsm::key::usage::{Attributes, Exportability, KeyAlgorithm, ModeOfUse, Usage};
use payhsm::key::{Key, role::StorageKey};
use payhsm::keyblock::Profile;
use payhsm::pin::block::Format;
use payhsm::pin::ibm3624::{self, Table, Validation};
use payhsm::pin::{Pin, pan::Pan};
use payhsm::policy::{Permission, Policy};
use payhsm::store::{MemoryStorage, Storage};

/// A counter for entropy, and memory for storage: timing is all that matters here.
#[derive(Default)]
struct Bench {
    state: u64,
    storage: MemoryStorage<8, 1280>,
}

impl Entropy for Bench {
    fn fill(&mut self, out: &mut [u8]) -> Result<(), Error> {
        for byte in out {
            self.state = self.state.wrapping_mul(0x5851_F42D_4C95_7F2D).wrapping_add(1);
            *byte = self.state.to_be_bytes()[0];
        }
        Ok(())
    }
}

impl Storage for Bench {
    fn load(&mut self, id: u16, out: &mut [u8]) -> Result<usize, Error> {
        self.storage.load(id, out)
    }

    fn save(&mut self, id: u16, record: &[u8]) -> Result<(), Error> {
        self.storage.save(id, record)
    }

    fn erase(&mut self, id: u16) -> Result<(), Error> {
        self.storage.erase(id)
    }
}

impl Platform for Bench {
    fn decide(&mut self, _: &Question<'_>) -> Result<(), Error> {
        Ok(())
    }
}

type Module = Hsm<'static, Bench>;

fn module() -> Module {
    module_with(Policy::STRICT)
}

fn module_with(policy: Policy) -> Module {
    let slots = Box::leak(Box::new([const { Slot::EMPTY }; 8]));
    let groups = Box::leak(Box::new([const { Group::EMPTY }; 4]));
    let storage_key = Key::<StorageKey, _>::from_bytes(&[0x5A; 32]).unwrap();
    let config = Config {
        storage_key: Some(&storage_key),
        pin_limits: PinLimits {
            entry: RateLimit::NONE,
            host: RateLimit::NONE,
        },
        policy,
        ..Config::default()
    };
    Hsm::new(Bench::default(), slots, groups, config).unwrap()
}

/// A key from two components.
fn load(hsm: &mut Module, usage: Usage, algorithm: KeyAlgorithm, mode: ModeOfUse, seed: u8) -> KeyHandle {
    let attributes = Attributes::new(usage, algorithm, mode, Exportability::NonExportable);
    let component =
        |n: u8| -> [u8; 16] { core::array::from_fn(|i| i.to_le_bytes()[0].wrapping_mul(29).wrapping_add(n)) };
    hsm.component_begin(&attributes, 16, 2, &[]).unwrap();
    hsm.component_add(1, &component(seed), &[]).unwrap();
    hsm.component_add(2, &component(seed.wrapping_mul(7)), &[]).unwrap();
    hsm.component_finish().unwrap().key
}

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

        let mut sample = None;
        c.bench_function(&format!("hsm/terminal/{name}"), |b| {
            b.iter(|| {
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
                sample = Some((ksn, pin_block, len, mac));
            });
        });

        let (ksn, pin_block, len, mac) = sample.unwrap();
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

/// A key from one protection key to another.
fn translation(c: &mut Criterion) {
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

/// An issuer's work: verify, draw, change.
fn issuer(c: &mut Criterion) {
    let pan = Pan::parse(b"4761739001010010").unwrap();
    let (tdea, format) = (KeyAlgorithm::Tdea, Format::Iso0);
    let mut hsm = module();
    let out_key = load(&mut hsm, Usage::P0, tdea, ModeOfUse::Encrypt, 11);
    let visa = load(&mut hsm, Usage::V2, tdea, ModeOfUse::GenerateVerify, 13);
    let ibm = load(&mut hsm, Usage::V1, tdea, ModeOfUse::GenerateVerify, 17);
    let validation = Validation::new(3, 12, 15).unwrap();
    let fixed = ibm3624::Profile::new(Table::STANDARD, validation, 16, 4).unwrap();
    let profile = hsm.pin_profile_register(&fixed).unwrap();
    let mut blocks = [[0; 16]; 2];
    let (_, pvv) = hsm
        .pin_generate_pvv(4, &pan, out_key, format, visa, 1, &mut blocks[0])
        .unwrap();
    hsm.pin_generate_3624(&pan, out_key, format, ibm, profile, &mut blocks[1])
        .unwrap();
    let mut out = [0; 16];
    c.bench_function("hsm/pin generate, PVV", |b| {
        b.iter(|| hsm.pin_generate_pvv(4, &pan, out_key, format, visa, 1, &mut out));
    });
    c.bench_function("hsm/pin generate, IBM 3624", |b| {
        b.iter(|| hsm.pin_generate_3624(&pan, out_key, format, ibm, profile, &mut out));
    });
    // The zone's key to decipher is another slot: its twin to encipher goes first.
    hsm.key_erase(out_key).unwrap();
    let zone = load(&mut hsm, Usage::P0, tdea, ModeOfUse::Decrypt, 11).into();
    let [old, new] = [&blocks[0], &blocks[1]].map(|block| EncipheredPin {
        key: zone,
        format,
        block: &block[..8],
    });
    c.bench_function("hsm/pin verify, PVV", |b| {
        b.iter(|| {
            hsm.pin_verify_pvv(zone, format, &pan, black_box(old.block), visa, 1, &pvv)
                .unwrap();
        });
    });
    let offset = hsm
        .pin_offset_generate(zone, format, &pan, old.block, ibm, profile)
        .unwrap();
    c.bench_function("hsm/pin verify, IBM 3624", |b| {
        b.iter(|| {
            hsm.pin_verify_3624(zone, format, &pan, black_box(old.block), ibm, profile, &offset)
                .unwrap();
        });
    });
    c.bench_function("hsm/pin change, PVV", |b| {
        b.iter(|| hsm.pin_change_pvv(&pan, &old, &new, visa, 1, black_box(&pvv)).unwrap());
    });
    c.bench_function("hsm/pin change, IBM 3624", |b| {
        b.iter(|| {
            hsm.pin_change_3624(&pan, &old, &new, ibm, profile, black_box(&offset))
                .unwrap();
        });
    });
}

criterion_group!(benches, issuer, transactions, derivations, updates, translation, data);
criterion_main!(benches);
