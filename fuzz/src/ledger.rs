// SPDX-License-Identifier: MIT OR Apache-2.0
//! What a device gives out and takes back of its own: the log, stored keys, backups.

use payhsm::entropy::Entropy;
use payhsm::error::Error;
use payhsm::hsm::audit::{Position, RECORD_LEN, Record, TAG_LEN, verify};
use payhsm::hsm::{
    CHALLENGE_LEN, Config, Group, Hsm, KeyHandle, Platform, Question, Slot, State, read_life_record, read_user_record,
};
use payhsm::key::role::{MacKey, StorageKey};
use payhsm::key::usage::{Attributes, Exportability, KeyAlgorithm, ModeOfUse, Usage};
use payhsm::key::{Aes, Key};
use payhsm::mac::Mac;
use payhsm::mac::cmac::CmacAes;
use payhsm::store::record::save;
use payhsm::store::seal::{Kind, MAX_RECORD_LEN, Scratch, Sealer};
use payhsm::store::{MemoryStorage, Storage};

use crate::{Input, Rng};

const STORAGE_KEY: [u8; 32] = [0x5A; 32];
const K1: [u8; 16] = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16];

struct Device<'a> {
    storage: &'a mut MemoryStorage<16, MAX_RECORD_LEN>,
    rng: Rng,
}

impl Entropy for Device<'_> {
    fn fill(&mut self, out: &mut [u8]) -> Result<(), Error> {
        self.rng.fill(out)
    }
}

impl Storage for Device<'_> {
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

impl Platform for Device<'_> {
    fn decide(&mut self, _: &Question<'_>) -> Result<(), Error> {
        Ok(())
    }
}

fn tag(key: &[u8], message: &[&[u8]]) -> [u8; TAG_LEN] {
    let mut mac = CmacAes::new(key).unwrap();
    for part in message {
        mac.update(part);
    }
    let mut out = [0; TAG_LEN];
    mac.finish(&mut out).unwrap();
    out
}

/// A log is what was written, record for record, or it is refused.
pub fn audit_records(data: &[u8]) {
    let mut input = Input::new(data);
    let bytes: [u8; 16] = input.array();
    let key = Key::<MacKey, Aes>::from_bytes(&bytes).unwrap();
    let [at_high, at_low, xor] = input.array();
    // As they come: all but certainly of nobody.
    let _ = verify(&key, input.rest(), None, None);
    // Chained.
    let mut log = Vec::new();
    let mut last = Position::START;
    for content in input.rest().chunks(40).take(16) {
        let mut record = [0; RECORD_LEN];
        record[8..8 + content.len()].copy_from_slice(content);
        record[..8].copy_from_slice(&(last.sequence + 1).to_be_bytes());
        record[48..64].copy_from_slice(&last.tag);
        let own = tag(&bytes, &[&record[..64]]);
        record[64..].copy_from_slice(&own);
        let parsed = Record::from_bytes(&record);
        assert_eq!(parsed.previous(), last.tag);
        last = parsed.position();
        let entry = parsed.entry();
        assert_eq!(entry.sequence, last.sequence);
        assert_eq!(entry.time.unwrap_or(u64::MAX).to_be_bytes(), record[8..16]);
        assert_eq!(entry.value.to_be_bytes(), record[36..44]);
        assert_eq!(entry.card, record[28..36]);
        log.extend(record);
    }
    if log.is_empty() {
        return;
    }
    assert_eq!(verify(&key, &log, Some(&Position::START), Some(&last)), Ok(last));
    let at = usize::from(u16::from_be_bytes([at_high, at_low])) % log.len();
    log[at] ^= xor;
    let verified = verify(&key, &log, Some(&Position::START), Some(&last));
    assert_eq!(verified.is_ok(), xor == 0);
}

/// Runs `body` with a module on the storage.
fn with_module(storage: &mut MemoryStorage<16, MAX_RECORD_LEN>, body: impl FnOnce(&mut Hsm<'_, Device<'_>>)) {
    let key = Key::<StorageKey, Aes>::from_bytes(&STORAGE_KEY).unwrap();
    let config = Config {
        storage_key: Some(&key),
        ..Config::default()
    };
    let (mut slots, mut groups) = ([const { Slot::EMPTY }; 4], [const { Group::EMPTY }; 1]);
    let device = Device { storage, rng: Rng(7) };
    let mut module = Hsm::new(device, &mut slots, &mut groups, config).unwrap();
    body(&mut module);
}

/// A stored key is damage, or it is there with what its record says, and there again after the next start.
pub fn slot_record(data: &[u8]) {
    let sealer = Sealer::new(&Key::<StorageKey, Aes>::from_bytes(&STORAGE_KEY).unwrap()).unwrap();
    let mut storage = MemoryStorage::<16, MAX_RECORD_LEN>::new();
    let body = &data[..data.len().min(200)];
    save(&mut storage, &sealer, Kind::Slot, 1, body, &mut Scratch::new()).unwrap();
    let mut first = None;
    for _ in 0..2 {
        with_module(&mut storage, |module| {
            if module.status().state == State::Tampered {
                assert_eq!(module.status().slots.1, 0);
                assert!(first.is_none());
                return;
            }
            if body.is_empty() {
                // A record of no bytes is one that was removed.
                assert_eq!(module.status().slots.1, 0);
                return;
            }
            let (_, key, info) = module.key_next(0).unwrap().unwrap();
            assert_eq!(info.attributes.usage.to_chars(), body[1..3]);
            assert_eq!(info.len, body.len() - 40);
            assert!(first.replace(info).is_none_or(|first| first == info));
            // Another owner's, or ours.
            if let Ok(bounds) = module.key_bounds(key) {
                assert!(bounds.is_stored && bounds.owner.is_none());
                let _ = module.key_store(key);
            }
        });
    }
}

/// A storage with these records of the module, sealed.
fn module_records(records: &[(u16, &[u8])]) -> MemoryStorage<16, MAX_RECORD_LEN> {
    let sealer = Sealer::new(&Key::<StorageKey, Aes>::from_bytes(&STORAGE_KEY).unwrap()).unwrap();
    let mut storage = MemoryStorage::new();
    for (number, body) in records {
        save(&mut storage, &sealer, Kind::Module, *number, body, &mut Scratch::new()).unwrap();
    }
    storage
}

/// A life record is read and means the same when it is written again, or it is damage, which is never emptiness.
pub fn life_record(data: &[u8]) {
    let body = &data[..data.len().min(40)];
    let read = read_life_record(body);
    assert!(read.is_err() || read == body.try_into().map_err(|_| Error::Record));
    let mut storage = module_records(&[(0, body)]);
    let mut first = None;
    for _ in 0..2 {
        with_module(&mut storage, |module| {
            let status = module.status();
            assert!(first.replace(status).is_none_or(|first| first == status));
            // Whom it names has no record here; number 0 and those above 12 are nobody's.
            let names = read.map(|body| u16::from_be_bytes([body[8], body[9]]) & 0x1FFE);
            match names {
                // A record of no bytes is one that was removed.
                _ if body.is_empty() => assert_eq!(status.state, State::Virgin),
                Ok(0) => assert!(matches!(status.state, State::Virgin | State::Locked)),
                _ => assert_eq!(status.state, State::Tampered),
            }
        });
    }
}

/// A user's record is damage, or the user is there with what it says.
pub fn user_record(data: &[u8]) {
    let mut input = Input::new(data);
    let [number] = input.array();
    let user = number % 12 + 1;
    let rest = input.rest();
    let body = &rest[..rest.len().min(160)];
    let read = read_user_record(body);
    assert!(read.is_err() || read.as_ref().is_ok_and(|again| again[..] == *body));
    let [high, low] = (1_u16 << user).to_be_bytes();
    let life = [1, 0, 0, 0, 0, 0, 0, 0, high, low, 0, 0, 0, 0, 0, 0];
    let mut storage = module_records(&[(0, &life), (user.into(), body)]);
    with_module(&mut storage, |module| {
        let status = module.status();
        if read.is_err() {
            assert_eq!(status.state, State::Tampered);
            return;
        }
        // Five tries; twice as many wrong ones lock the module.
        assert_eq!(status.state == State::Locked, body[3] >= 10);
        let known = module.role_status(user).unwrap();
        assert_eq!((known.role as u8, known.failures), (body[1], body[3]));
        assert!(known.session.is_none());
        // Whatever it says, nobody is let in by a guess.
        let mut challenge = [0; CHALLENGE_LEN];
        if module.login_begin(user, &mut challenge).is_ok() {
            assert!(module.login_finish(&[0; 16], 0).is_err());
        }
        for other in (1..=12).filter(|other| *other != user) {
            assert!(module.role_status(other).is_err());
        }
    });
}

fn enter(module: &mut Hsm<'_, Device<'_>>, attributes: &Attributes, key: &[u8; 16]) -> KeyHandle {
    let first = [0x2D; 16];
    let second: Vec<u8> = key.iter().map(|byte| byte ^ 0x2D).collect();
    module.component_begin(attributes, 16, 2, &[]).unwrap();
    module.component_add(1, &first, &[]).unwrap();
    module.component_add(2, &second, &[]).unwrap();
    module.component_finish().unwrap().key
}

/// A backup brings all of its keys or none, however its content came about: whoever has its key can write anything.
pub fn backup(data: &[u8]) {
    let mut input = Input::new(data);
    let [authenticate, at_high, at_low, xor] = input.array();
    let mut storage = MemoryStorage::<16, MAX_RECORD_LEN>::new();
    with_module(&mut storage, |module| {
        let own = Attributes::new(
            Usage::K1,
            KeyAlgorithm::Aes,
            ModeOfUse::Both,
            Exportability::NonExportable,
        );
        let kbpk = enter(module, &own, &K1);
        let mac = Attributes::new(
            Usage::M6,
            KeyAlgorithm::Aes,
            ModeOfUse::Generate,
            Exportability::Exportable,
        );
        let key = enter(module, &mac, &core::array::from_fn(|i| 200 - i as u8));
        let mut saved = vec![0; module.backup_len().unwrap()];
        let len = module.backup_write(kbpk, &mut saved).unwrap();
        saved.truncate(len);
        module.key_erase(key).unwrap();
        // A byte changed, bytes put in, and the manifest made right again, or not.
        let at = usize::from(u16::from_be_bytes([at_high, at_low])) % saved.len();
        saved[at] ^= xor;
        let behind = saved.len() - TAG_LEN;
        saved.splice(behind..behind, input.rest().iter().copied());
        let whole = u32::try_from(saved.len()).unwrap().to_be_bytes();
        let behind = saved.len() - TAG_LEN;
        if authenticate & 1 != 0 {
            saved[24..28].copy_from_slice(&whole);
            let manifest = tag(&K1, &[b"\x01backup manifest\x00\x00\x80"]);
            let own = tag(&manifest, &[&saved[..behind]]);
            saved[behind..].copy_from_slice(&own);
        }
        let used = module.status().slots.1;
        match module.backup_restore(kbpk, &saved) {
            Ok(keys) => assert_eq!(module.status().slots.1, used + keys),
            Err(_) => assert_eq!(module.status().slots.1, used),
        }
    });
}
