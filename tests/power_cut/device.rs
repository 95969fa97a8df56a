// SPDX-License-Identifier: MIT OR Apache-2.0
//! A terminal on a simulated flash: what it gave out over all its boots is collected here.

use core::cell::{RefCell, RefMut};
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use payhsm::entropy::Entropy;
use payhsm::error::Error;
use payhsm::hsm::audit::{Record, WhenFull};
use payhsm::hsm::{
    Config, Group, GroupHandle, Hsm, InitialKeyInfo, KeyHandle, PinLimits, Platform, Question, RateLimit, SelfTestMode,
    Slot, State,
};
use payhsm::key::Key;
use payhsm::key::role::StorageKey;
use payhsm::keyblock::optional::Optional;
use payhsm::policy::Policy;
use payhsm::store::flash::{FlashStorage, Geometry, Layout};
use payhsm::store::{Area, Half, Storage};

use super::chip::{Bus, Chip};
use crate::common;

pub const STORAGE_KEY: [u8; 32] = [0x5A; 32];
/// One group in use, one more to load into.
pub const GROUPS: u16 = 2;
pub const SLOTS: usize = 4;
/// Records of the log.
pub const RING: usize = 8;

/// What the caller of the module saw, over all boots.
#[derive(Clone, Default)]
pub struct Seen {
    /// KSNs of transactions.
    pub ksns: BTreeSet<Vec<u8>>,
    /// The highest counter of each initial key.
    pub last: BTreeMap<Vec<u8>, u32>,
    /// What was given out twice.
    pub twice: Vec<Vec<u8>>,
    /// Keys that were entered, by their check value: the seed of the value.
    pub checks: BTreeMap<Vec<u8>, u8>,
    /// MACs of the key with a limit.
    pub uses: u32,
    /// The last thing that was noted in the log: number and tag.
    pub noted: Option<(u64, [u8; 16])>,
}

/// What the simulation shares with the module.
pub struct World {
    pub bus: Bus,
    pub layout: Layout,
    /// Each boot opens the log.
    pub logged: bool,
    seen: Rc<RefCell<Seen>>,
    rng: u64,
}

impl World {
    pub fn new(geometry: Geometry, layout: Layout) -> Self {
        Self {
            bus: Bus::new(geometry),
            layout,
            logged: false,
            seen: Rc::default(),
            rng: 7,
        }
    }

    /// The same chip and caller, seen by another module.
    pub fn twin(&self) -> Self {
        Self {
            bus: self.bus.clone(),
            layout: self.layout,
            logged: self.logged,
            seen: self.seen.clone(),
            rng: !self.rng,
        }
    }

    pub fn chip(&self) -> RefMut<'_, Chip> {
        self.bus.chip()
    }

    pub fn seen(&self) -> RefMut<'_, Seen> {
        self.seen.borrow_mut()
    }

    /// The platform, as a start finds it.
    pub fn device(&mut self) -> Device {
        self.rng = self.rng.wrapping_add(0x1234_5678_9ABC_DEF1);
        Device {
            storage: FlashStorage::new(self.bus.clone(), self.layout).unwrap(),
            bus: self.bus.clone(),
            rng: self.rng,
        }
    }

    /// A boot of the module, to the end of `run`.
    pub fn boot<R>(&mut self, run: impl FnOnce(&mut Terminal<'_>) -> R) -> R {
        let device = self.device();
        let mut slots = [const { Slot::EMPTY }; SLOTS];
        let mut groups = [const { Group::EMPTY }; GROUPS as usize];
        let mut ring = [Record::EMPTY; RING];
        let storage_key = Key::<StorageKey, _>::from_bytes(&STORAGE_KEY).unwrap();
        let none = RateLimit::NONE;
        let config = Config {
            policy: Policy::STRICT,
            // They need no storage, and each start would run them.
            self_tests: SelfTestMode::Off,
            storage_key: Some(&storage_key),
            pin_limits: PinLimits {
                entry: none,
                host: none,
            },
            ..Config::default()
        };
        let mut hsm = Hsm::new(device, &mut slots, &mut groups, config).unwrap();
        let opened = if self.logged {
            hsm.audit_open(&mut ring, WhenFull::Overwrite)
        } else {
            Ok(())
        };
        run(&mut Terminal {
            hsm,
            opened,
            seen: self.seen.clone(),
        })
    }
}

pub struct Device {
    storage: FlashStorage<Bus>,
    bus: Bus,
    rng: u64,
}

impl Entropy for Device {
    fn fill(&mut self, out: &mut [u8]) -> Result<(), Error> {
        for byte in out {
            self.rng = self
                .rng
                .wrapping_mul(0x5851_F42D_4C95_7F2D)
                .wrapping_add(0x1405_7B7E_F767_814F);
            *byte = self.rng.to_be_bytes()[0];
        }
        Ok(())
    }
}

impl Storage for Device {
    fn load(&mut self, id: u16, out: &mut [u8]) -> Result<usize, Error> {
        self.storage.load(id, out)
    }

    fn save(&mut self, id: u16, record: &[u8]) -> Result<(), Error> {
        self.storage.save(id, record)
    }

    fn erase(&mut self, id: u16) -> Result<(), Error> {
        self.storage.erase(id)
    }

    fn next_record(&mut self, from: u16) -> Result<Option<u16>, Error> {
        self.storage.next_record(from)
    }

    fn area(&mut self, group: u16) -> Option<Area> {
        self.storage.area(group)
    }

    fn area_read(&mut self, half: Half, at: u32, out: &mut [u8]) -> Result<(), Error> {
        self.storage.area_read(half, at, out)
    }

    fn area_program(&mut self, half: Half, at: u32, bytes: &[u8]) -> Result<(), Error> {
        self.storage.area_program(half, at, bytes)
    }

    fn area_erase(&mut self, half: Half) -> Result<(), Error> {
        self.storage.area_erase(half)
    }

    fn monotonic(&mut self) -> Result<Option<u64>, Error> {
        Ok(self.bus.chip().counter)
    }

    fn advance(&mut self, by: u64) -> Result<(), Error> {
        self.bus.chip().advance(by)
    }
}

impl Platform for Device {
    fn decide(&mut self, _: &Question<'_>) -> Result<(), Error> {
        Ok(())
    }
}

/// The running module.
pub struct Terminal<'m> {
    pub hsm: Hsm<'m, Device>,
    /// Whether the log was opened.
    pub opened: Result<(), Error>,
    seen: Rc<RefCell<Seen>>,
}

impl Terminal<'_> {
    /// What the caller saw.
    pub fn seen(&self) -> RefMut<'_, Seen> {
        self.seen.borrow_mut()
    }

    pub fn state(&self) -> State {
        self.hsm.status().state
    }

    /// The KBPK of [`initial_key`] blocks, by ceremony.
    pub fn kbpk(&mut self) -> KeyHandle {
        let attributes = common::attributes("K1", 'A', 'D', 'N');
        let value = common::value(common::KBPK_SEED, 32);
        let (first, second) = (common::value(0xC1, 32), common::value(0xC2, 32));
        let third: Vec<u8> = (0..32).map(|i| first[i] ^ second[i] ^ value[i]).collect();
        self.hsm.component_begin(&attributes, 32, 3, &[]).unwrap();
        for (custodian, component) in (1..).zip([&first, &second, &third]) {
            self.hsm.component_add(custodian, component, &[]).unwrap();
        }
        self.hsm.component_finish().unwrap().key
    }

    pub fn load(&mut self, algorithm: char, id: u8, key_len: usize) -> Result<GroupHandle, Error> {
        let kbpk = self.kbpk();
        let block = initial_key(algorithm, id, key_len);
        let result = self.hsm.dukpt_load(kbpk, &block, common::PROFILE);
        self.hsm.key_erase(kbpk).unwrap();
        result.map(|(group, _)| group)
    }

    /// The groups that are here, with what is public about them.
    pub fn groups(&self) -> Vec<(GroupHandle, InitialKeyInfo)> {
        let count = u8::try_from(GROUPS).unwrap();
        (0..count).filter_map(|index| self.hsm.dukpt_find(index).ok()).collect()
    }

    pub fn group(&self) -> Option<GroupHandle> {
        self.groups().first().map(|(group, _)| *group)
    }

    /// A transaction, whose KSN is remembered for ever.
    pub fn step(&mut self, group: GroupHandle) -> Result<u32, Error> {
        let (transaction, ksn) = self.hsm.dukpt_begin(group)?;
        assert_eq!(self.hsm.transaction_ksn(transaction).unwrap(), ksn);
        let bytes = ksn.as_bytes().to_vec();
        let mut seen = self.seen.borrow_mut();
        if !seen.ksns.insert(bytes.clone()) {
            seen.twice.push(bytes.clone());
        }
        let last = seen.last.entry(identity(&bytes)).or_default();
        if ksn.counter() <= *last {
            seen.twice.push(bytes);
        } else {
            *last = ksn.counter();
        }
        Ok(ksn.counter())
    }
}

/// Which initial key a KSN is of.
pub fn identity(ksn: &[u8]) -> Vec<u8> {
    let mut id = ksn.to_vec();
    match id.len() {
        10 => {
            id[7] &= 0xE0;
            id[8..].fill(0);
        }
        _ => id.truncate(8),
    }
    id
}

/// The block of initial key `id`, whose value is [`common::value`].
fn initial_key(algorithm: char, id: u8, key_len: usize) -> Vec<u8> {
    let attributes = common::attributes("B1", algorithm, 'X', 'N');
    let (name, mut identity, at) = match algorithm {
        'T' => (*b"KS", common::TDEA_ID.to_vec(), 6),
        _ => (*b"IK", common::AES_ID.to_vec(), 7),
    };
    identity[at] = id;
    let text: String = identity.iter().map(|byte| format!("{byte:02X}")).collect();
    let optional = Optional::new(name, text.as_bytes()).unwrap();
    let kbpk = common::value(common::KBPK_SEED, 32);
    common::block(&kbpk, &attributes, &common::value(id, key_len), &[optional])
}
