// SPDX-License-Identifier: MIT OR Apache-2.0
//! The update of an AES initial key: blocks of nobody, blocks of the host with bytes changed, and authentic blocks of
//! any content; with a storage that may fail.
//!
//! What holds: a refused update leaves the old key as it was, a new one begins at counter 1, and no counter comes twice.

use std::cell::RefCell;
use std::rc::Rc;

use payhsm::dukpt::aes;
use payhsm::entropy::Entropy;
use payhsm::error::Error;
use payhsm::hsm::{Config, Group, GroupHandle, Hsm, KeyHandle, Platform, Question, Slot};
use payhsm::key::role::{InitialKey, Kbpk, StorageKey, UpdateKey};
use payhsm::key::usage::{Attributes, Exportability, KeyAlgorithm, ModeOfUse, Usage};
use payhsm::key::{Aes, Key};
use payhsm::keyblock::header::Version;
use payhsm::keyblock::optional::Optional;
use payhsm::keyblock::wrap::Template;
use payhsm::keyblock::{KbpkRef, Profile};
use payhsm::store::{MemoryStorage, Storage};

use crate::{Input, Rng};

const ID: [u8; 8] = [0x12, 0x34, 0x56, 0x78, 0x90, 0x12, 0x34, 0x56];
const KBPK: [u8; 16] = *b"not a real KBPK!";
const IK: [u8; 16] = *b"an initial key..";

struct World {
    storage: MemoryStorage<4, 1280>,
    rng: Rng,
    /// Storage calls until one fails.
    fails_in: Option<u16>,
}

#[derive(Clone)]
struct Device(Rc<RefCell<World>>);

impl Device {
    fn works(&self) -> Result<(), Error> {
        match self.0.borrow_mut().fails_in.as_mut() {
            Some(0) => Err(Error::Storage),
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
        self.works()?;
        self.0.borrow_mut().storage.load(id, out)
    }

    fn save(&mut self, id: u16, record: &[u8]) -> Result<(), Error> {
        self.works()?;
        self.0.borrow_mut().storage.save(id, record)
    }

    fn erase(&mut self, id: u16) -> Result<(), Error> {
        self.works()?;
        self.0.borrow_mut().storage.erase(id)
    }
}

impl Platform for Device {
    fn decide(&mut self, _: &Question<'_>) -> Result<(), Error> {
        Ok(())
    }
}

type Module<'a> = Hsm<'a, Device>;

fn wrap(kbpk: &[u8], attributes: Attributes, key: &[u8], id: [u8; 2], data: &[u8]) -> Option<Vec<u8>> {
    let kbpk = Key::<Kbpk, Aes>::from_bytes(kbpk).unwrap();
    let blocks = Optional::new(id, data).ok();
    let mut out = vec![0; 512];
    let len = Template::new(Version::D, attributes)
        .with_optional(blocks.as_slice())
        .wrap_bytes(KbpkRef::Aes(&kbpk), key, &mut Rng(7), &mut out)
        .ok()?;
    out.truncate(len);
    Some(out)
}

fn initial_key() -> Attributes {
    Attributes::new(
        Usage::B1,
        KeyAlgorithm::Aes,
        ModeOfUse::Derive,
        Exportability::NonExportable,
    )
}

/// The update key of [`IK`].
fn update_key() -> Vec<u8> {
    let ik = Key::<InitialKey, Aes>::from_bytes(&IK).unwrap();
    let mut key = Key::<UpdateKey, Aes>::empty();
    let id = aes::InitialKeyId::parse(&ID).unwrap();
    aes::update_key(&ik, &id, aes::KeyType::Aes128, &mut key).unwrap();
    key.expose_bytes().to_vec()
}

fn kbpk(module: &mut Module<'_>) -> KeyHandle {
    let attributes = Attributes::new(
        Usage::K1,
        KeyAlgorithm::Aes,
        ModeOfUse::Decrypt,
        Exportability::NonExportable,
    );
    module.component_begin(&attributes, 16, 2, &[]).unwrap();
    let other = KBPK.map(|byte| byte ^ 0x5A);
    module.component_add(1, &other, &[]).unwrap();
    module.component_add(2, &[0x5A; 16], &[]).unwrap();
    module.component_finish().unwrap().key
}

/// The state of the group: identity and counter.
fn state(module: &Module<'_>, group: GroupHandle) -> (Vec<u8>, u32) {
    let ksn = module.dukpt_ksn(group).unwrap();
    (ksn.as_bytes()[..8].to_vec(), ksn.counter())
}

pub fn update(data: &[u8]) {
    let mut input = Input::new(data);
    let kind = input.byte() % 4;
    let fails_in = u16::from_be_bytes(input.array());
    let block = match kind {
        0 => Some(input.rest().to_vec()),
        // The host's block, with bytes changed.
        1 => {
            let mut block = wrap(&update_key(), initial_key(), &[0x31; 16], *b"IK", b"1234567890123457").unwrap();
            while let Some(place) = input.more() {
                let at = usize::from(place) % block.len();
                block[at] ^= input.byte();
            }
            Some(block)
        }
        // Authentic, of any content.
        _ => {
            let chars: [u8; 5] = input.array();
            let fields = || {
                Ok::<_, Error>(Attributes::new(
                    Usage::from_chars([chars[0], chars[1]])?,
                    KeyAlgorithm::from_char(chars[2])?,
                    ModeOfUse::from_char(chars[3])?,
                    Exportability::from_char(chars[4])?,
                ))
            };
            let attributes = fields().unwrap_or_else(|_| initial_key());
            let key = input.short().to_vec();
            let id = input.array();
            wrap(&update_key(), attributes, &key, id, input.rest())
        }
    };
    let Some(block) = block else {
        return;
    };

    let device = Device(Rc::new(RefCell::new(World {
        storage: MemoryStorage::new(),
        rng: Rng(1),
        fails_in: None,
    })));
    let storage_key = Key::<StorageKey, Aes>::from_bytes(&[0x5A; 32]).unwrap();
    let config = || Config {
        storage_key: Some(&storage_key),
        self_tests: payhsm::hsm::SelfTestMode::Off,
        ..Config::default()
    };
    let (mut slots, mut groups) = ([const { Slot::EMPTY }; 1], [const { Group::EMPTY }; 1]);
    let mut module = Hsm::new(device.clone(), &mut slots, &mut groups, config()).unwrap();
    let key = kbpk(&mut module);
    let text = wrap(&KBPK, initial_key(), &IK, *b"IK", b"1234567890123456").unwrap();
    let (group, _) = module.dukpt_load(key, &text, Profile::X9143Strict).unwrap();
    module.dukpt_begin(group).unwrap();
    let before = state(&module, group);
    assert_eq!(before, (ID.to_vec(), 2));

    // Half of the time the storage works.
    device.0.borrow_mut().fails_in = (fails_in & 1 == 1).then_some(fails_in >> 1);
    let result = module.dukpt_update(group, &block, Profile::Tr31_2018);
    device.0.borrow_mut().fails_in = None;
    let after = state(&module, group);
    match &result {
        Ok(info) => {
            assert_eq!(after.1, 1);
            assert_ne!(after.0, ID);
            assert_eq!(info.next.unwrap().as_bytes()[..8], after.0);
        }
        Err(_) => assert_eq!(after, before),
    }
    let (_, ksn) = module.dukpt_begin(group).unwrap();
    assert_eq!((&ksn.as_bytes()[..8], ksn.counter()), (&after.0[..], after.1));
    drop(module);

    // What was stored goes on there.
    let (mut slots, mut groups) = ([const { Slot::EMPTY }; 1], [const { Group::EMPTY }; 1]);
    let mut module = Hsm::new(device, &mut slots, &mut groups, config()).unwrap();
    let (group, _) = module.dukpt_find(0).unwrap();
    let (_, ksn) = module.dukpt_begin(group).unwrap();
    assert_eq!((&ksn.as_bytes()[..8], ksn.counter()), (&after.0[..], after.1 + 1));
}
