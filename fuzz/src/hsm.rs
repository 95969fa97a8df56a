// SPDX-License-Identifier: MIT OR Apache-2.0
//! Sequences of commands of the module, with a storage that fails and a power that goes.
//!
//! What holds in any order: no counter of an initial key is used twice, also after a loss of power; a handle that was
//! erased names nothing; a refused command leaves zeros; a tampered module does nothing; no output holds eight bytes of
//! a key that came in.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use payhsm::card::CardValue;
use payhsm::card::cvc3::Tap;
use payhsm::card::cvv::{Expiry, ExpiryOrder, Kind, ServiceCode};
use payhsm::emv::derive::{MasterKeyOption, Psn};
use payhsm::emv::element::Atc;
use payhsm::emv::profile;
use payhsm::entropy::Entropy;
use payhsm::error::Error;
use payhsm::hsm::{
    ArpcRequest, Config, EncipheredPin, Export, Group, GroupHandle, Hsm, KeyHandle, KeyRef, MacMethod, MacPurpose,
    PinLimits, Platform, Question, RateLimit, Slot, State, TransactionHandle, TransactionKsn,
};
use payhsm::key::usage::{Attributes, Exportability, KeyAlgorithm, ModeOfUse, Usage};
use payhsm::key::{Key, role::StorageKey};
use payhsm::keyblock::header::Version;
use payhsm::keyblock::optional::{CheckMethod, Optional};
use payhsm::keyblock::{KeyBlock, Profile};
use payhsm::pin::Pin;
use payhsm::pin::block::Format;
use payhsm::pin::ibm3624::{self, Offset, Table, Validation};
use payhsm::pin::pan::Pan;
use payhsm::pin::pvv::Pvv;
use payhsm::policy::Policy;
use payhsm::store::{MemoryStorage, Storage};

use crate::{Input, Rng};

const FORMATS: [Format; 5] = [Format::Iso0, Format::Iso1, Format::Iso2, Format::Iso3, Format::Iso4];
const PROFILES: [Profile; 3] = [Profile::X9143Strict, Profile::Tr31_2018, Profile::Iso20038];
const ID_TDEA: [u8; 10] = [0xFF, 0xFF, 0x98, 0x76, 0x54, 0x32, 0x10, 0xE0, 0, 0];
const ID_AES: [u8; 8] = [0x12, 0x34, 0x56, 0x78, 0x90, 0x12, 0x34, 0x56];

/// What outlives a loss of power.
struct World {
    storage: MemoryStorage<8, 1280>,
    rng: Rng,
    /// Storage calls until one fails, if one shall.
    fails_in: Option<u8>,
    refuses: bool,
}

#[derive(Clone)]
struct Device(Rc<RefCell<World>>);

impl World {
    fn works(&mut self) -> Result<(), Error> {
        match self.fails_in.as_mut() {
            Some(0) => {
                self.fails_in = None;
                Err(Error::Storage)
            }
            Some(left) => {
                *left -= 1;
                Ok(())
            }
            None => Ok(()),
        }
    }
}

impl Entropy for Device {
    fn fill(&mut self, out: &mut [u8]) -> Result<(), Error> {
        self.0.borrow_mut().rng.fill(out)
    }
}

impl Storage for Device {
    fn load(&mut self, id: u16, out: &mut [u8]) -> Result<usize, Error> {
        let mut world = self.0.borrow_mut();
        world.works()?;
        world.storage.load(id, out)
    }

    fn save(&mut self, id: u16, record: &[u8]) -> Result<(), Error> {
        let mut world = self.0.borrow_mut();
        world.works()?;
        world.storage.save(id, record)
    }

    fn erase(&mut self, id: u16) -> Result<(), Error> {
        let mut world = self.0.borrow_mut();
        world.works()?;
        world.storage.erase(id)
    }
}

impl Platform for Device {
    fn decide(&mut self, _: &Question<'_>) -> Result<(), Error> {
        if self.0.borrow().refuses {
            Err(Error::Refused)
        } else {
            Ok(())
        }
    }
}

/// The keys every sequence starts with: usage, algorithm, mode, exportability.
fn start_keys() -> [Attributes; 13] {
    use Exportability::{Exportable, NonExportable};
    use KeyAlgorithm::{Aes, Tdea};
    [
        Attributes::new(Usage::K1, Aes, ModeOfUse::Both, NonExportable),
        Attributes::new(Usage::B0, Tdea, ModeOfUse::Derive, NonExportable),
        Attributes::new(Usage::B0, Aes, ModeOfUse::Derive, NonExportable),
        Attributes::new(Usage::P0, Tdea, ModeOfUse::Encrypt, NonExportable),
        Attributes::new(Usage::P0, Aes, ModeOfUse::Decrypt, Exportable),
        Attributes::new(Usage::M6, Aes, ModeOfUse::GenerateVerify, Exportable),
        Attributes::new(Usage::M3, Tdea, ModeOfUse::GenerateVerify, NonExportable),
        Attributes::new(Usage::D0, Tdea, ModeOfUse::Both, Exportable),
        Attributes::new(Usage::V2, Tdea, ModeOfUse::GenerateVerify, NonExportable),
        Attributes::new(Usage::E0, Tdea, ModeOfUse::Derive, NonExportable),
        Attributes::new(Usage::C0, Tdea, ModeOfUse::GenerateVerify, NonExportable),
        Attributes::new(Usage::E4, Tdea, ModeOfUse::Derive, NonExportable),
        Attributes::new(Usage::V1, Tdea, ModeOfUse::GenerateVerify, NonExportable),
    ]
}

fn component(key: usize, n: u8) -> [u8; 16] {
    let mut out = [0; 16];
    Rng(key as u64 * 2 + u64::from(n)).fill(&mut out).unwrap();
    out
}

fn empty_slots() -> Vec<Slot> {
    (0..17).map(|_| Slot::EMPTY).collect()
}

fn empty_groups() -> Vec<Group> {
    (0..2).map(|_| Group::EMPTY).collect()
}

/// What is remembered beside the module.
#[derive(Default)]
struct Model {
    /// Numbers that were handles once.
    handles: Vec<u32>,
    erased: Vec<u32>,
    blocks: Vec<Vec<u8>>,
    counters: BTreeMap<Vec<u8>, u32>,
    secrets: Vec<[u8; 8]>,
}

impl Model {
    fn handle(&self, input: &mut Input<'_>) -> u32 {
        let choice = input.byte();
        match self.handles.get(usize::from(choice)) {
            Some(&handle) => handle,
            None if choice < 0xE0 => self.handles.last().copied().unwrap_or(0),
            None => u32::from_be_bytes(input.array()),
        }
    }

    fn key(&self, input: &mut Input<'_>) -> Option<KeyHandle> {
        KeyHandle::from_raw(self.handle(input)).ok()
    }

    fn key_ref(&self, input: &mut Input<'_>) -> Option<KeyRef> {
        KeyRef::from_raw(self.handle(input)).ok()
    }

    fn gone(&mut self, raw: u32) {
        self.erased.push(raw);
    }

    fn stepped(&mut self, ksn: &TransactionKsn) {
        let identity = match ksn {
            TransactionKsn::Tdea(ksn) => ksn.initial_key_id().as_bytes().to_vec(),
            TransactionKsn::Aes(ksn) => ksn.initial_key_id().as_bytes().to_vec(),
        };
        let last = self.counters.insert(identity, ksn.counter()).unwrap_or(0);
        assert!(ksn.counter() > last, "counter {} after {last}", ksn.counter());
    }

    /// Nothing that left the module holds a part of a key.
    fn public(&self, bytes: &[u8]) {
        for window in bytes.windows(8) {
            assert!(!self.secrets.iter().any(|secret| secret == window), "{bytes:02X?}");
        }
    }
}

/// A refused command leaves zeros.
fn settle<T>(model: &Model, result: Result<T, Error>, out: &[u8]) -> Option<T> {
    match result {
        Ok(value) => {
            model.public(out);
            Some(value)
        }
        Err(_) => {
            assert!(out.iter().all(|&b| b == 0));
            None
        }
    }
}

/// Runs a sequence. Each turn of the outer loop is one life between two losses of power.
pub fn hsm(data: &[u8]) {
    let mut input = Input::new(data);
    let [policy, seed] = input.array();
    let world = World {
        storage: MemoryStorage::new(),
        rng: Rng(u64::from(seed)),
        fails_in: None,
        refuses: false,
    };
    let device = Device(Rc::new(RefCell::new(world)));
    let mut model = Model::default();
    let storage_key = Key::<StorageKey, _>::from_bytes(&[0x5A; 32]).unwrap();
    for life in 0..4 {
        let (mut slots, mut groups) = (empty_slots(), empty_groups());
        let config = Config {
            // The four bits of old, those of key blocks, those of PINs, and UnionPay's and ECB with them.
            policy: Policy::from_bits(
                u32::from(policy & 15)
                    | u32::from(policy >> 4 & 1) * (15 << 15)
                    | u32::from(policy >> 5) << 7
                    | u32::from(policy >> 6) << 12,
            )
            .unwrap(),
            ceremony_minutes: 0,
            storage_key: Some(&storage_key),
            pin_limits: PinLimits {
                entry: RateLimit::NONE,
                host: RateLimit::NONE,
            },
            self_tests: payhsm::hsm::SelfTestMode::Off,
            ..Config::default()
        };
        let Ok(mut module) = Hsm::new(device.clone(), &mut slots, &mut groups, config) else {
            return;
        };
        model.handles.clear();
        model.erased.clear();
        if module.status().state.works() {
            load(&mut module, &mut model);
        }
        for index in 0..2 {
            if let Ok((group, _)) = module.dukpt_find(index) {
                model.handles.push(group.to_raw());
            }
        }
        loop {
            let Some(call) = input.more() else { return };
            if call == 0xFF && life < 3 {
                let mut world = device.0.borrow_mut();
                (world.fails_in, world.refuses) = (None, false);
                break;
            }
            command(&mut module, &device, &mut model, call, &mut input);
            if module.status().state == State::Tampered {
                for &raw in &model.handles {
                    if let Ok(key) = KeyHandle::from_raw(raw) {
                        assert_eq!(module.key_info(key).err(), Some(Error::Tampered));
                    }
                    if let Ok(group) = GroupHandle::from_raw(raw) {
                        assert!(module.dukpt_begin(group).is_err());
                    }
                }
                assert_eq!(module.random(&mut [0; 4]), Err(Error::Tampered));
            }
            for &raw in &model.erased {
                if let Ok(key) = KeyHandle::from_raw(raw) {
                    assert!(module.key_info(key).is_err());
                }
                if let Ok(group) = GroupHandle::from_raw(raw) {
                    assert!(module.dukpt_ksn(group).is_err());
                }
                if let Ok(transaction) = TransactionHandle::from_raw(raw) {
                    assert!(module.transaction_ksn(transaction).is_err());
                }
            }
        }
    }
}

fn load(module: &mut Hsm<'_, Device>, model: &mut Model) {
    for (number, attributes) in start_keys().iter().enumerate() {
        let parts = [component(number, 0), component(number, 1)];
        module.component_begin(attributes, 16, 2, &[]).unwrap();
        module.component_add(1, &parts[0], &[]).unwrap();
        module.component_add(2, &parts[1], &[]).unwrap();
        let imported = module.component_finish().unwrap();
        model.handles.push(imported.key.to_raw());
        let key: Vec<u8> = parts[0].iter().zip(parts[1]).map(|(a, b)| a ^ b).collect();
        for secret in [&parts[0][..], &parts[1], &key].iter().flat_map(|key| key.windows(8)) {
            model.secrets.push(secret.try_into().unwrap());
        }
    }
    model.secrets.sort_unstable();
    model.secrets.dedup();
}

/// PINs of the IBM 3624, drawn and changed ones, with any keys and blocks.
fn new_pins(module: &mut Hsm<'_, Device>, model: &mut Model, input: &mut Input<'_>) {
    let pan = Pan::parse(b"4761739001010010").unwrap();
    let validation = Validation::new(3, 12, 15).unwrap();
    let fixed = ibm3624::Profile::new(Table::STANDARD, validation, 16, 4).unwrap();
    let Ok(profile) = module.pin_profile_register(&fixed) else {
        return;
    };
    let (Some(from), Some(to), Some(pvk)) = (model.key_ref(input), model.key(input), model.key(input)) else {
        return;
    };
    let [a, b, len, old, new, what] = input.array();
    let format = |n: u8| FORMATS[usize::from(n) % FORMATS.len()];
    let blocks = [old, new].map(|n| model.blocks.get(usize::from(n)).cloned().unwrap_or_default());
    let [old, new] = [(&blocks[0], a), (&blocks[1], b)].map(|(block, n)| EncipheredPin {
        key: from,
        format: format(n),
        block,
    });
    let (pvv, offset) = (
        Pvv::from_digits(&[1, 2, 3, 4]).unwrap(),
        Offset::parse(b"1234").unwrap(),
    );
    let mut out = [0x55; 16];
    match what % 6 {
        0 => {
            let result = module.pin_generate_pvv(len, &pan, to, format(b), pvk, 1, &mut out);
            if let Some((len, made)) = settle(model, result, &out) {
                assert!(made.digits().iter().all(|d| *d <= 9));
                model.blocks.push(out[..len].to_vec());
            }
        }
        1 => {
            let result = module.pin_generate_3624(&pan, to, format(b), pvk, profile, &mut out);
            if let Some((len, made)) = settle(model, result, &out) {
                assert_eq!(made.digits().len(), 4);
                model.blocks.push(out[..len].to_vec());
            }
        }
        2 => {
            let result = module.pin_derive_3624(&pan, to, format(b), pvk, profile, &offset, &mut out);
            if let Some(len) = settle(model, result, &out) {
                model.blocks.push(out[..len].to_vec());
            }
        }
        3 => {
            let made = module.pin_offset_generate(from, format(a), &pan, old.block, pvk, profile);
            let offset = made.unwrap_or(offset);
            let _ = module.pin_verify_3624(from, format(a), &pan, old.block, pvk, profile, &offset);
        }
        4 => {
            if module.pin_change_pvv(&pan, &old, &new, pvk, 1, &pvv).is_ok() {
                assert!(matches!(from, KeyRef::Slot(_)), "one transaction, two PINs");
            }
        }
        _ => {
            if module.pin_change_3624(&pan, &old, &new, pvk, profile, &offset).is_ok() {
                assert!(matches!(from, KeyRef::Slot(_)), "one transaction, two PINs");
            }
        }
    }
}

#[allow(clippy::too_many_lines)]
fn command(module: &mut Hsm<'_, Device>, device: &Device, model: &mut Model, call: u8, input: &mut Input<'_>) {
    let format = |n: u8| FORMATS[usize::from(n) % FORMATS.len()];
    let pan = Pan::parse(b"4761739001010010").unwrap();
    let method = |n: u8| if n & 1 == 0 { MacMethod::CMAC } else { MacMethod::X9_19 };
    match call % 31 {
        0 => {
            if let Some(key) = model.key(input)
                && module.key_erase(key).is_ok()
            {
                model.gone(key.to_raw());
            }
        }
        1 => {
            let (Some(kbpk), Some(key)) = (model.key(input), model.key(input)) else {
                return;
            };
            let mut out = [0x55; 256];
            let result = module.key_block_export(kbpk, key, &mut out);
            if let Some(len) = settle(model, result, &out) {
                model.blocks.push(out[..len].to_vec());
            }
        }
        2 => {
            let (Some(kbpk), choice, profile) = (model.key(input), input.byte(), input.byte()) else {
                return;
            };
            let block = match model.blocks.get(usize::from(choice)) {
                Some(block) => block.clone(),
                None => input.short().to_vec(),
            };
            let profile = PROFILES[usize::from(profile) % 3];
            if let Ok(imported) = module.key_block_import(kbpk, &block, profile) {
                model.handles.push(imported.key.to_raw());
            }
        }
        3 => {
            let attributes = start_keys()[usize::from(input.byte()) % 12];
            if let Ok(imported) = module.key_generate(&attributes, usize::from(input.byte() % 40)) {
                model.handles.push(imported.key.to_raw());
            }
        }
        4 => {
            let attributes = start_keys()[usize::from(input.byte()) % 12];
            let [len, parts] = input.array();
            let _ = module.component_begin(&attributes, usize::from(len % 40), parts % 12, input.short());
        }
        5 => {
            let custodian = u32::from(input.byte());
            let (part, kcv) = (input.short(), input.short());
            let _ = module.component_add(custodian, part, kcv);
        }
        6 => {
            if let Ok(imported) = module.component_finish() {
                model.handles.push(imported.key.to_raw());
            }
        }
        7 => {
            let _ = module.component_abort();
        }
        8 => {
            let (Some(bdk), Some(kbpk)) = (model.key(input), model.key(input)) else {
                return;
            };
            let choice = input.byte();
            let mut id = if choice & 1 == 0 {
                ID_TDEA.to_vec()
            } else {
                ID_AES.to_vec()
            };
            id[3] ^= choice >> 1 & 1;
            let mut out = [0x55; 256];
            let result = module.dukpt_export_initial_key(bdk, &id, kbpk, &mut out);
            if let Some((len, _)) = settle(model, result, &out) {
                model.blocks.push(out[..len].to_vec());
            }
        }
        9 => {
            let (Some(kbpk), choice) = (model.key(input), input.byte()) else {
                return;
            };
            let Some(block) = model.blocks.get(usize::from(choice)).cloned() else {
                return;
            };
            if let Ok((group, _)) = module.dukpt_load(kbpk, &block, Profile::X9143Strict) {
                model.handles.push(group.to_raw());
            }
        }
        10 => {
            let Ok(group) = GroupHandle::from_raw(model.handle(input)) else {
                return;
            };
            if let Ok((transaction, ksn)) = module.dukpt_begin(group) {
                model.stepped(&ksn);
                assert_eq!(module.transaction_ksn(transaction), Ok(ksn));
                model.handles.push(transaction.to_raw());
            }
        }
        11 => {
            let Ok(group) = GroupHandle::from_raw(model.handle(input)) else {
                return;
            };
            if module.dukpt_erase(group).is_ok() {
                model.gone(group.to_raw());
            }
        }
        12 => {
            let Ok(transaction) = TransactionHandle::from_raw(model.handle(input)) else {
                return;
            };
            if module.transaction_end(transaction).is_ok() {
                model.gone(transaction.to_raw());
            }
        }
        13 => {
            let Some(bdk) = model.key(input) else { return };
            let choice = input.byte();
            let mut ksn = if choice & 1 == 0 {
                ID_TDEA.to_vec()
            } else {
                [&ID_AES[..], &[0; 4]].concat()
            };
            *ksn.last_mut().unwrap() = choice >> 1;
            if let Ok(transaction) = module.dukpt_derive(bdk, &ksn) {
                model.handles.push(transaction.to_raw());
            }
        }
        14 => {
            let (Some(key), choice) = (model.key_ref(input), input.byte()) else {
                return;
            };
            let Ok(pin) = Pin::from_entry(4, &[1, 2, 3, 4, 0, 0, 0, 0, 0, 0, 0, 0]) else {
                return;
            };
            let mut out = [0x55; 16];
            let result = module.pin_encipher(key, format(choice), &pan, &pin, &mut out);
            if let Some(len) = settle(model, result, &out) {
                model.blocks.push(out[..len].to_vec());
            }
        }
        15 => {
            let (Some(from), Some(to)) = (model.key_ref(input), model.key(input)) else {
                return;
            };
            let [a, b, block] = input.array();
            let Some(block) = model.blocks.get(usize::from(block)).cloned() else {
                return;
            };
            let mut out = [0x55; 16];
            let result = module.pin_translate(from, format(a), &pan, &block, to, format(b), &mut out);
            if let Some(len) = settle(model, result, &out) {
                model.blocks.push(out[..len].to_vec());
            }
        }
        28 => new_pins(module, model, input),
        16 => {
            let (Some(from), Some(pvk)) = (model.key_ref(input), model.key(input)) else {
                return;
            };
            let [a, pvki, block] = input.array();
            let Some(block) = model.blocks.get(usize::from(block)).cloned() else {
                return;
            };
            let pvv = Pvv::from_digits(&[1, 2, 3, 4]).unwrap();
            let _ = module.pin_verify_pvv(from, format(a), &pan, &block, pvk, pvki % 10, &pvv);
            let _ = module.pvv_generate(from, format(a), &pan, &block, pvk, pvki % 10);
        }
        17 => {
            let Some(key) = model.key_ref(input) else { return };
            let [choice, len] = input.array();
            let data = input.short();
            let mut tag = vec![0x55; usize::from(len % 20)];
            let result = module.mac_generate(key, method(choice), data, &mut tag);
            if settle(model, result, &tag).is_some() {
                // One transaction's keys serve each direction once; a slot's as often as one likes.
                let verified = module.mac_verify(key, method(choice), data, &tag);
                assert!(
                    verified.is_ok() || matches!(key, KeyRef::Transaction(_)),
                    "{verified:?}"
                );
                model.blocks.push(tag);
            }
        }
        18 => {
            let Some(key) = model.key_ref(input) else { return };
            let choice = input.byte();
            let purpose = if choice & 2 == 0 {
                MacPurpose::Generate
            } else {
                MacPurpose::Verify
            };
            let _ = module.mac_begin(key, method(choice), purpose);
        }
        19 => {
            let _ = module.mac_update(input.short());
        }
        20 => {
            let choice = input.byte();
            if choice & 1 == 0 {
                let mut tag = [0x55; 4];
                let result = module.mac_finish(&mut tag);
                let _ = settle(model, result, &tag);
            } else {
                let _ = module.mac_finish_verify(input.short());
            }
        }
        21 => {
            let Some(key) = model.key_ref(input) else { return };
            let choice = input.byte();
            let iv = [7; 16];
            let iv = &iv[..if choice & 1 == 0 { 8 } else { 16 }];
            let clear = input.short();
            let mut data = clear.to_vec();
            if choice & 2 == 0 {
                let result = module.data_encipher(key, iv, &mut data);
                if settle(model, result, &data).is_some()
                    && module.data_decipher(key, iv, &mut data).is_ok()
                    && matches!(key, KeyRef::Slot(_))
                {
                    assert_eq!(data, clear);
                }
            } else {
                let result = module.data_decipher(key, iv, &mut data);
                let _ = settle(model, result, &data);
            }
        }
        22 => {
            let Some(imk) = model.key(input) else { return };
            let profile = profile::ALL[usize::from(input.byte()) % profile::ALL.len()];
            let psn = Psn::new(1).unwrap();
            let _ = module.arqc_verify(imk, profile, &pan, psn, input.short(), ArpcRequest::None);
        }
        23 => {
            let choice = input.byte();
            let mut world = device.0.borrow_mut();
            world.refuses = choice & 1 != 0;
            world.fails_in = (choice & 2 != 0).then_some(choice >> 2 & 15);
        }
        26 => {
            let (Some(kbpk), Some(key)) = (model.key(input), model.key(input)) else {
                return;
            };
            let [version, mode, exportability, flags, block, profile] = input.array();
            let text = input.short();
            let mut optional = [Optional { id: *b"LB", data: b"" }; Export::MAX_OPTIONAL];
            let count = Optional::read_list(text, &mut optional).unwrap_or(0);
            let export = Export {
                version: Version::from_char(version).ok(),
                mode: ModeOfUse::from_char(mode).ok(),
                exportability: Exportability::from_char(exportability).ok(),
                exchange_only: flags & 1 != 0,
                key_check: flags & 2 != 0,
                kbpk_check: flags & 4 != 0,
                optional: &optional[..count],
            };
            let mut out = [0x55; 1024];
            let result = module.key_block_export_as(kbpk, key, &export, &mut out);
            if let Some(len) = settle(model, result, &out) {
                // What leaves is no wider than what is here.
                let info = module.key_info(key).unwrap();
                let written = KeyBlock::parse(&out[..len], Profile::Iso20038)
                    .or_else(|_| KeyBlock::parse(&out[..len], Profile::Tr31_2018));
                info.attributes.cover(written.unwrap().attributes()).unwrap();
                model.blocks.push(out[..len].to_vec());
            }
            let Some(block) = model.blocks.get(usize::from(block)).cloned() else {
                return;
            };
            let profile = PROFILES[usize::from(profile) % 3];
            let mut out = [0x55; 1024];
            let result = module.key_block_translate(kbpk, &block, profile, key, &export, &mut out);
            if let Some(len) = settle(model, result, &out) {
                model.blocks.push(out[..len].to_vec());
            }
        }
        27 => {
            let Some(key) = model.key(input) else { return };
            let [block, profile, attributes, method] = input.array();
            let method = if method & 1 == 0 {
                CheckMethod::Legacy
            } else {
                CheckMethod::Cmac
            };
            let given = input.short();
            if module.key_check(key, method, given).is_ok() {
                assert!((2..=5).contains(&given.len()));
            }
            if let Ok(public) = module.key_public(key) {
                model.public(public.as_bytes());
            }
            let expected = start_keys()[usize::from(attributes) % 12];
            let Some(block) = model.blocks.get(usize::from(block)).cloned() else {
                return;
            };
            let profile = PROFILES[usize::from(profile) % 3];
            if let Ok(imported) = module.key_block_import_as(key, &block, profile, &expected) {
                expected.cover(&imported.info.attributes).unwrap();
                model.handles.push(imported.key.to_raw());
            }
        }
        24 => {
            let Some(key) = model.key(input) else { return };
            let [choice, digits] = input.array();
            let expiry = Expiry::yymm(b"2512").unwrap();
            let kind = match choice & 3 {
                0 => Kind::Chip,
                1 => Kind::Printed(ExpiryOrder::Mmyy),
                _ => Kind::Stripe(ServiceCode::new(101).unwrap()),
            };
            let mut made = CardValue::empty();
            let result = module.cvv_generate(key, kind, &pan, expiry, usize::from(digits % 8), &mut made);
            if settle(model, result, made.digits()).is_some() {
                assert_eq!(made.len(), usize::from(digits % 8));
                let verified = module.cvv_verify(key, kind, &pan, expiry, &made);
                assert!(matches!(verified, Ok(()) | Err(Error::ModeNotPermitted)));
            }
            let tap = Tap {
                un: input.array(),
                atc: Atc::new(u16::from(choice)),
            };
            let value = CardValue::parse(b"12345").unwrap();
            let psn = Psn::new(1).unwrap();
            let _ = module.cvc3_verify(key, MasterKeyOption::B, &pan, psn, input.short(), tap, &value);
        }
        25 => {
            let (Some(from), Some(to)) = (model.key_ref(input), model.key_ref(input)) else {
                return;
            };
            let [a, b, len] = input.array();
            let (data, tag) = (input.short(), input.short());
            let mut out = vec![0x55; usize::from(len % 20)];
            let result = module.mac_translate(from, method(a), data, tag, to, method(b), &mut out);
            let _ = settle(model, result, &out);
        }
        29 => {
            let (Some(from), Some(to)) = (model.key_ref(input), model.key(input)) else {
                return;
            };
            let choice = input.byte();
            let (iv, clear) = ([7; 16], input.short());
            let half = &iv[..if choice & 1 == 0 { 8 } else { 16 }];
            let other = &iv[..if choice & 2 == 0 { 8 } else { 16 }];
            let mut data = clear.to_vec();
            let result = match choice >> 2 & 3 {
                0 => module.data_reencipher(from, half, to, other, &mut data),
                1 => module.data_ctr(to, half, &mut data),
                2 => module.data_ecb_encipher(to, &mut data),
                _ => {
                    let mut out = [0x55; 24];
                    let result = module.track2_encipher(to, clear, &mut out);
                    data = vec![0; 40];
                    match settle(model, result, &out) {
                        Some(len) => module.track2_decipher(to, &out[..len], clear.len(), &mut data),
                        None => return,
                    }
                }
            };
            let _ = settle(model, result, &data);
        }
        _ => {
            // Rare: it ends what can be found in this life.
            if input.byte() == 0xA5 {
                module.tamper();
            }
        }
    }
}
