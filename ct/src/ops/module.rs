// SPDX-License-Identifier: MIT OR Apache-2.0
//! Layer 4: a terminal's and a host's module from the entry of components to the answer to a card.
//!
//! Everything the module gives out is made public by the module itself, at the place where it decides to; what it stores
//! is sealed, and only the device here says that it is public.

use std::collections::BTreeMap;

use payhsm::entropy::Entropy;
use payhsm::error::Error;
use payhsm::hsm::audit::{RECORD_LEN, Record, STATUS_LEN, WhenFull};
use payhsm::hsm::{
    Config, EncipheredPin, Export, Group, Hsm, KeyHandle, KeyRef, MacMethod, Narrowing, Padding, PinLimits, Platform,
    Question, Slot,
};
use payhsm::key::role::StorageKey;
use payhsm::key::usage::{Attributes, Exportability, KeyAlgorithm, ModeOfUse, Usage};
use payhsm::key::{Aes, Key};
use payhsm::keyblock::Profile;
use payhsm::keyblock::optional::CheckMethod;
use payhsm::pin::Pin;
use payhsm::pin::block::Format;
use payhsm::pin::ibm3624::{self, Table, Validation};
use payhsm::pin::pan::Pan;
use payhsm::pin::pvv::Pvv;
use payhsm::policy::{MacAlgorithm, Permission, Policy};
use payhsm::store::Storage;

use super::{Random, bytes, open, secret};
use crate::Harness;

/// Random bytes that are secret, records that are public, and consent to everything.
pub(super) struct Device {
    random: Random,
    records: BTreeMap<u16, Vec<u8>>,
}

impl Entropy for Device {
    fn fill(&mut self, out: &mut [u8]) -> Result<(), Error> {
        self.random.fill(out)
    }
}

impl Storage for Device {
    fn load(&mut self, id: u16, out: &mut [u8]) -> Result<usize, Error> {
        let Some(record) = self.records.get(&id) else {
            return Ok(0);
        };
        out[..record.len()].copy_from_slice(record);
        Ok(record.len())
    }

    fn save(&mut self, id: u16, record: &[u8]) -> Result<(), Error> {
        let mut record = record.to_vec();
        open(&mut record);
        self.records.insert(id, record);
        Ok(())
    }

    fn erase(&mut self, id: u16) -> Result<(), Error> {
        self.records.remove(&id);
        Ok(())
    }
}

impl Platform for Device {
    fn decide(&mut self, _: &Question<'_>) -> Result<(), Error> {
        Ok(())
    }

    fn unix_time(&mut self) -> Option<u64> {
        Some(1_000_000_000)
    }
}

pub(super) type Module = Hsm<'static, Device>;

pub(super) fn start(seed: u8) -> Module {
    start_with(seed, Policy::STRICT)
}

pub(super) fn start_with(seed: u8, policy: Policy) -> Module {
    start_on(seed, policy, BTreeMap::new())
}

/// A start on what the storage has.
fn start_on(seed: u8, policy: Policy, records: BTreeMap<u16, Vec<u8>>) -> Module {
    let slots = Box::leak(Box::new([const { Slot::EMPTY }; 7]));
    let groups = Box::leak(Box::new([const { Group::EMPTY }; 2]));
    let storage_key = Key::<StorageKey, Aes>::from_bytes(&secret(bytes::<32>(seed))).unwrap();
    let device = Device {
        random: Random(seed),
        records,
    };
    let config = Config {
        policy,
        storage_key: Some(&storage_key),
        pin_limits: PinLimits::default(),
        ceremony_minutes: 0,
        self_tests: payhsm::hsm::SelfTestMode::Off,
        ..Config::default()
    };
    Hsm::new(device, slots, groups, config).unwrap()
}

pub(super) fn attributes(usage: &[u8; 2], algorithm: KeyAlgorithm, mode: u8) -> Attributes {
    Attributes::new(
        Usage::from_chars(*usage).unwrap(),
        algorithm,
        ModeOfUse::from_char(mode).unwrap(),
        Exportability::from_char(b'N').unwrap(),
    )
}

/// A key by ceremony, its components secret.
pub(super) fn enter(module: &mut Module, usage: &[u8; 2], algorithm: KeyAlgorithm, mode: u8, seed: u8) -> KeyHandle {
    let mut first: [u8; 16] = bytes(seed);
    // Halves that differ.
    first[15] ^= 0x70;
    module
        .component_begin(&attributes(usage, algorithm, mode), 16, 2, &[])
        .unwrap();
    module.component_add(1, &secret(first), &[]).unwrap();
    module.component_add(2, &secret([0x2D; 16]), &[]).unwrap();
    module.component_finish().unwrap().key
}

/// A backup of one device that another one takes.
fn backup() -> bool {
    let mut module = start(0x3B);
    let data = Attributes::new(Usage::D0, KeyAlgorithm::Aes, ModeOfUse::Both, Exportability::Exportable);
    let key = module.key_generate(&data, 16).unwrap().key;
    let kbpk = enter(&mut module, b"K1", KeyAlgorithm::Aes, b'B', 0x3C);
    let mut out = [0; 1024];
    let len = module.backup_write(kbpk, &mut out).unwrap();
    open(&mut out);
    module.key_erase(key).unwrap();
    let came = module.backup_restore(kbpk, &out[..len]).unwrap();
    let again = module.backup_restore(kbpk, &out[..len]).is_err();
    came == 1 && again
}

/// Keys that are stored, narrowed, used and replaced, and taken up by the next start.
fn stored() -> bool {
    let mut module = start(0x35);
    let (old, new) = (
        enter(&mut module, b"M6", KeyAlgorithm::Aes, b'C', 0x36),
        enter(&mut module, b"M6", KeyAlgorithm::Aes, b'G', 0x37),
    );
    module.key_store(old).unwrap();
    let narrowing = Narrowing {
        max_uses: Some(100),
        ..Narrowing::default()
    };
    module.key_narrow(old, &narrowing).unwrap();
    let mut tag = [0; 16];
    let method = MacMethod::CMAC;
    module.mac_generate(old.into(), method, b"message", &mut tag).unwrap();
    let key = module.key_replace(old, new).unwrap();
    let records = core::mem::take(&mut module.platform().records);
    drop(module);
    let mut module = start_on(0x35, Policy::STRICT, records);
    let (_, found, _) = module.key_next(0).unwrap().unwrap();
    let mut again = [0; 16];
    module
        .mac_generate(found.into(), method, b"message", &mut again)
        .unwrap();
    open(&mut tag);
    open(&mut again);
    found.to_raw() != key.to_raw() && tag != again
}

/// The log of a device, its status message, and a host that verifies it.
fn log() -> bool {
    let mut device = start(0x31);
    let memory = Box::leak(Box::new([const { Record::EMPTY }; 8]));
    device.audit_open(memory, WhenFull::Overwrite).unwrap();
    enter(&mut device, b"M6", KeyAlgorithm::Aes, b'C', 0x33);
    let end = device.audit_note(b"sale 017", Some(&pan())).unwrap();
    let (mut message, mut records) = ([0; STATUS_LEN], [0; 8 * RECORD_LEN]);
    device.status_message(&[7; 16], &mut message).unwrap();
    let (len, _) = device.audit_read(0, &mut records).unwrap();
    let mut host = start(0x41);
    let key = enter(&mut host, b"M6", KeyAlgorithm::Aes, b'V', 0x43);
    // Of another device: refused, after all the work.
    let refused = host.audit_verify(key, &records[..len], None, Some(&end)).is_err();
    // And under the device's own key, which comes wrapped.
    let wrapping = enter(&mut device, b"K1", KeyAlgorithm::Aes, b'E', 0x45);
    let mut block = [0; 256];
    let block_len = device.audit_key_export(wrapping, &mut block).unwrap();
    open(&mut block);
    let unwrapping = enter(&mut host, b"K1", KeyAlgorithm::Aes, b'D', 0x45);
    let own = host
        .key_block_import(unwrapping, &block[..block_len], Profile::X9143Strict)
        .unwrap();
    let verified = host.audit_verify(own.key, &records[..len], None, Some(&end)).is_ok();
    refused && verified && message[76..] != [0; 16]
}

/// The PAN of the whole sale.
pub(super) fn pan() -> Pan {
    Pan::parse(b"4012345678909").unwrap()
}

/// A sale under one scheme: initial key from host to terminal in a key block; PIN, MAC and data up, MAC and data down;
/// the PIN translated and verified.
fn sale(algorithm: KeyAlgorithm, format: Format, mac: MacMethod, id: &[u8]) -> bool {
    let (mut host, mut terminal) = (start(0x51), start(0x61));
    let bdk = enter(&mut host, b"B0", algorithm, b'X', 0x71);
    let wrapping = enter(&mut host, b"K1", KeyAlgorithm::Aes, b'E', 0x73);
    let mut block = [0; 256];
    let (len, _) = host.dukpt_export_initial_key(bdk, id, wrapping, &mut block).unwrap();
    host.key_erase(wrapping).unwrap();
    open(&mut block);

    let kbpk = enter(&mut terminal, b"K1", KeyAlgorithm::Aes, b'D', 0x73);
    let (group, _) = terminal.dukpt_load(kbpk, &block[..len], Profile::X9143Strict).unwrap();
    let (transaction, ksn) = terminal.dukpt_begin(group).unwrap();
    let up = KeyRef::Transaction(transaction);
    let mut pin = Pin::empty();
    let [pin_len] = secret([5]);
    pin.enter(pin_len, &secret([1, 9, 0, 4, 7, 0, 0, 0, 0, 0, 0, 0]))
        .unwrap();
    let mut enciphered = [0; 16];
    let pin_len = terminal
        .pin_encipher(up, format, &pan(), &pin, &mut enciphered)
        .unwrap();
    let mut request_mac = [0; 8];
    let mut track = secret(bytes::<32>(0x77));
    terminal.data_encipher(up, &[0; 16][..pin_len], &mut track).unwrap();
    terminal.mac_generate(up, mac, &track, &mut request_mac).unwrap();
    for sent in [&mut track[..], &mut request_mac, &mut enciphered] {
        open(sent);
    }

    let down = KeyRef::Transaction(host.dukpt_derive(bdk, ksn.as_bytes()).unwrap());
    host.mac_verify(down, mac, &track, &request_mac).unwrap();
    host.data_decipher(down, &[0; 16][..pin_len], &mut track).unwrap();
    let zpk = enter(&mut host, b"P0", algorithm, b'E', 0x8C);
    let mut block = [0; 16];
    let len = host
        .pin_translate(down, format, &pan(), &enciphered[..pin_len], zpk, format, &mut block)
        .unwrap();
    open(&mut block);
    issuer(algorithm, format, &block[..len]);
    let mut response_mac = [0; 8];
    host.mac_generate(down, mac, b"00 approved", &mut response_mac).unwrap();
    open(&mut response_mac);

    let good = terminal.mac_verify(up, mac, b"00 approved", &response_mac).is_ok();
    good && terminal.mac_verify(up, mac, b"05 declined", &response_mac).is_err()
}

/// The issuer has the zone's key to decipher, and verifies the PIN.
fn issuer(algorithm: KeyAlgorithm, format: Format, block: &[u8]) {
    let mut issuer = start(0xA1);
    let zpk = KeyRef::Slot(enter(&mut issuer, b"P0", algorithm, b'D', 0x8C));
    let pvk = enter(&mut issuer, b"V2", KeyAlgorithm::Tdea, b'C', 0x7A);
    let pvv = issuer.pvv_generate(zpk, format, &pan(), block, pvk, 1).unwrap();
    issuer.pin_verify_pvv(zpk, format, &pan(), block, pvk, 1, &pvv).unwrap();
    let wrong = Pvv::parse(b"0000").unwrap();
    issuer
        .pin_verify_pvv(zpk, format, &pan(), block, pvk, 1, &wrong)
        .unwrap_err();
}

/// Draws PINs with both references, changes one to the other, and refuses a change from a wrong PIN.
fn new_pins(algorithm: KeyAlgorithm, format: Format) -> bool {
    let mut maker = start(0xB1);
    let zpk = enter(&mut maker, b"P0", algorithm, b'E', 0x8C);
    let visa = enter(&mut maker, b"V2", KeyAlgorithm::Tdea, b'C', 0x7A);
    let ibm = enter(&mut maker, b"V1", KeyAlgorithm::Tdea, b'C', 0x6B);
    let fixed = ibm3624::Profile::new(Table::STANDARD, Validation::new(0, 12, 15).unwrap(), 13, 4).unwrap();
    let profile = maker.pin_profile_register(&fixed).unwrap();
    let mut blocks = [[0; 16]; 3];
    let [one, two, three] = &mut blocks;
    let (len, pvv) = maker.pin_generate_pvv(4, &pan(), zpk, format, visa, 1, one).unwrap();
    let (_, offset) = maker.pin_generate_3624(&pan(), zpk, format, ibm, profile, two).unwrap();
    maker
        .pin_derive_3624(&pan(), zpk, format, ibm, profile, &offset, three)
        .unwrap();
    for block in &mut blocks {
        open(block);
    }

    let mut issuer = start(0xC1);
    let zpk = KeyRef::Slot(enter(&mut issuer, b"P0", algorithm, b'D', 0x8C));
    let visa = enter(&mut issuer, b"V2", KeyAlgorithm::Tdea, b'C', 0x7A);
    let ibm = enter(&mut issuer, b"V1", KeyAlgorithm::Tdea, b'C', 0x6B);
    let profile = issuer.pin_profile_register(&fixed).unwrap();
    let [first, second, _] = blocks.each_ref().map(|block| EncipheredPin {
        key: zpk,
        format,
        block: &block[..len],
    });
    let changed = issuer.pin_change_pvv(&pan(), &first, &second, visa, 1, &pvv).unwrap();
    issuer
        .pin_verify_pvv(zpk, format, &pan(), second.block, visa, 1, &changed)
        .unwrap();
    let back = issuer
        .pin_change_3624(&pan(), &second, &first, ibm, profile, &offset)
        .unwrap();
    issuer
        .pin_verify_3624(zpk, format, &pan(), first.block, ibm, profile, &back)
        .unwrap();
    issuer
        .pin_offset_generate(zpk, format, &pan(), second.block, ibm, profile)
        .unwrap();
    issuer
        .pin_change_3624(&pan(), &second, &first, ibm, profile, &back)
        .is_err()
}

pub fn run(h: &mut Harness) {
    h.verdict("module: audit log and status message", true, log);
    h.verdict("module: persistent keys over a start", true, stored);
    h.verdict("module: backup and restore", true, backup);
    h.verdict("module: new PINs, TDES", true, || {
        new_pins(KeyAlgorithm::Tdea, Format::Iso3)
    });
    h.verdict("module: new PINs, AES", true, || {
        new_pins(KeyAlgorithm::Aes, Format::Iso4)
    });
    h.verdict("module: a sale, TDES DUKPT", true, || {
        let mac = MacMethod {
            algorithm: MacAlgorithm::Iso9797Alg3,
            padding: Padding::Method1,
        };
        let id = [0xFF, 0xFF, 0x98, 0x76, 0x54, 0x32, 0x10, 0xE0, 0, 0];
        sale(KeyAlgorithm::Tdea, Format::Iso0, mac, &id)
    });
    h.verdict("module: a sale, AES DUKPT", true, || {
        let mac = MacMethod {
            algorithm: MacAlgorithm::Cmac,
            padding: Padding::Method1,
        };
        sale(
            KeyAlgorithm::Aes,
            Format::Iso4,
            mac,
            &[0x12, 0x34, 0x56, 0x78, 0x90, 0x12, 0x34, 0x56],
        )
    });
    h.verdict("module: translate a key block, compare its check value", true, || {
        let mut module = start(0x81);
        let both = enter(&mut module, b"K1", KeyAlgorithm::Aes, b'B', 0x83);
        let other = enter(&mut module, b"K1", KeyAlgorithm::Aes, b'B', 0x84);
        let exportable = Attributes::new(
            Usage::from_chars(*b"P0").unwrap(),
            KeyAlgorithm::Aes,
            ModeOfUse::from_char(b'E').unwrap(),
            Exportability::Exportable,
        );
        let made = module.key_generate(&exportable, 16).unwrap();
        let asked = Export {
            key_check: true,
            kbpk_check: true,
            ..Export::default()
        };
        let (mut one, mut two) = ([0; 256], [0; 256]);
        let len = module.key_block_export_as(both, made.key, &asked, &mut one).unwrap();
        open(&mut one);
        let len = module
            .key_block_translate(both, &one[..len], Profile::X9143Strict, other, &asked, &mut two)
            .unwrap();
        open(&mut two);
        let again = module
            .key_block_import_as(other, &two[..len], Profile::X9143Strict, &exportable)
            .unwrap();
        let value = made.info.check;
        module.key_check(made.key, CheckMethod::Cmac, &[0; 5]).is_err()
            && module.key_check(again.key, CheckMethod::Cmac, value.as_bytes()).is_ok()
    });
    h.verdict("module: make, export and import a key pair", true, || {
        let mut module = start(0x81);
        let kbpk = enter(&mut module, b"K1", KeyAlgorithm::Aes, b'B', 0x83);
        let attributes = Attributes::new(
            Usage::from_chars(*b"S0").unwrap(),
            KeyAlgorithm::Ec,
            ModeOfUse::from_char(b'S').unwrap(),
            Exportability::Exportable,
        );
        let pair = module.key_generate(&attributes, 32).unwrap().key;
        let public = module.key_public(pair).unwrap();
        let mut out = [0; 320];
        let len = module.key_block_export(kbpk, pair, &mut out).unwrap();
        open(&mut out);
        let again = module
            .key_block_import(kbpk, &out[..len], Profile::X9143Strict)
            .unwrap();
        module.key_public(again.key) == Ok(public)
    });
    h.verdict("module: generate, export and import a key", true, || {
        let mut module = start(0x81);
        let wrapping = enter(&mut module, b"K1", KeyAlgorithm::Aes, b'E', 0x83);
        let exportable = Attributes::new(
            Usage::from_chars(*b"P0").unwrap(),
            KeyAlgorithm::Tdea,
            ModeOfUse::from_char(b'E').unwrap(),
            Exportability::from_char(b'E').unwrap(),
        );
        let key = module.key_generate(&exportable, 16).unwrap().key;
        let mut block = [0; 160];
        let len = module.key_block_export(wrapping, key, &mut block).unwrap();
        open(&mut block);
        let mut other = start(0x91);
        let kbpk = enter(&mut other, b"K1", KeyAlgorithm::Aes, b'D', 0x83);
        other
            .key_block_import(kbpk, &block[..len], Profile::X9143Strict)
            .is_ok()
    });
    macs_and_data(h);
}

/// MACs translated, data between keys, the modes of operation, a track.
fn macs_and_data(h: &mut Harness) {
    let policy = Policy::STRICT.with(Permission::EcbData).with(Permission::UnionPay);
    h.verdict("module: translate a MAC", true, || {
        let mut module = start(0x21);
        let retail = KeyRef::Slot(enter(&mut module, b"M3", KeyAlgorithm::Tdea, b'C', 0x22));
        let cmac = KeyRef::Slot(enter(&mut module, b"M6", KeyAlgorithm::Aes, b'C', 0x24));
        let (x9, to) = (MacMethod::X9_19, MacMethod::CMAC);
        let message = secret(bytes::<40>(0x25));
        let (mut tag, mut out) = ([0; 8], [0; 16]);
        module.mac_generate(retail, x9, &message, &mut tag).unwrap();
        open(&mut tag);
        module
            .mac_translate(retail, x9, &message, &tag, cmac, to, &mut out)
            .unwrap();
        tag[0] ^= 1;
        let refused = module.mac_translate(retail, x9, &message, &tag, cmac, to, &mut out);
        refused.is_err() && out == [0; 16]
    });
    h.verdict("module: UnionPay's MAC", true, || {
        let mut module = start_with(0x31, policy);
        let mak = KeyRef::Slot(enter(&mut module, b"M1", KeyAlgorithm::Tdea, b'C', 0x32));
        let message = secret(bytes::<40>(0x33));
        let mut tag = [0; 8];
        module
            .mac_generate(mak, MacMethod::UNIONPAY, &message, &mut tag)
            .unwrap();
        open(&mut tag);
        module.mac_verify(mak, MacMethod::UNIONPAY, &message, &tag).is_ok()
    });
    h.verdict("module: data in each mode, and between keys", true, || {
        let mut module = start_with(0x41, policy);
        let mut data = secret(bytes::<96>(0x42));
        let ecb = enter(&mut module, b"D0", KeyAlgorithm::Tdea, b'B', 0x43);
        module.data_ecb_encipher(ecb, &mut data).unwrap();
        module.data_ecb_decipher(ecb, &mut data).unwrap();
        let ctr = enter(&mut module, b"D0", KeyAlgorithm::Aes, b'B', 0x45);
        module.data_ctr(ctr, &[7; 16], &mut data).unwrap();
        let from = enter(&mut module, b"D0", KeyAlgorithm::Tdea, b'B', 0x47);
        let to = enter(&mut module, b"D0", KeyAlgorithm::Aes, b'E', 0x4A);
        module.data_encipher(from.into(), &[1; 8], &mut data).unwrap();
        module
            .data_reencipher(from.into(), &[1; 8], to, &[2; 16], &mut data)
            .is_ok()
    });
    h.verdict("module: track 2 of UnionPay", true, || {
        let mut module = start_with(0x51, policy);
        let zone = enter(&mut module, b"D0", KeyAlgorithm::Tdea, b'B', 0x52);
        let track = b"1234567890123456=2512101123456789";
        let (mut packed, mut back) = ([0; 20], [0; 33]);
        let len = module.track2_encipher(zone, track, &mut packed).unwrap();
        open(&mut packed);
        module.track2_decipher(zone, &packed[..len], 33, &mut back).is_ok() && back == *track
    });
}
