// SPDX-License-Identifier: MIT OR Apache-2.0
//! What a terminal does when the power goes.

use std::collections::BTreeSet;

use payhsm::dukpt::{aes, tdes};
use payhsm::error::Error;
use payhsm::hsm::State;
use payhsm::key::role::{InitialKey, StorageKey, UpdateKey};
use payhsm::key::{Aes, Key};
use payhsm::store::flash::{FlashStorage, Geometry, Layout};
use payhsm::store::journal::{GroupJournal, Records};
use payhsm::store::seal::{Scratch, Sealer};

use super::device::{STORAGE_KEY, Terminal, World};
use super::records;
use crate::common;

/// Pages of 1 KiB: areas fill up fast.
pub fn geometry(word_len: u32, rewritable: bool) -> Geometry {
    Geometry {
        page_len: 1024,
        pages: 12,
        word_len,
        rewritable,
    }
}

pub const LAYOUT: Layout = Layout {
    record_pages: 2,
    groups: 2,
    area_pages: 2,
};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scenario {
    /// An initial key comes in: algorithm, length.
    Load(char, usize),
    /// Transactions in the middle of an area.
    Transact(char, usize),
    /// Transactions over the change from one area to the other.
    Switch(char, usize),
    /// The last transactions of an initial key.
    Exhaust,
    /// A group is given up.
    Erase,
    /// Another initial key comes in after the first was given up.
    Replace,
    /// An AES group gets its next initial key.
    Update,
    /// A component ceremony, and a slot that is erased.
    Ceremony,
    /// A tamper event.
    Tamper,
    /// Keys in slots are stored, replaced and erased.
    Store,
    /// A stored key reaches the limit of its uses.
    Limit,
    /// Records of the audit log take the places of older ones.
    Log,
}

pub const SCENARIOS: [Scenario; 17] = [
    Scenario::Load('T', 16),
    Scenario::Load('A', 32),
    Scenario::Transact('T', 16),
    Scenario::Transact('A', 16),
    Scenario::Transact('A', 24),
    Scenario::Transact('A', 32),
    Scenario::Switch('T', 16),
    Scenario::Switch('A', 32),
    Scenario::Exhaust,
    Scenario::Erase,
    Scenario::Replace,
    Scenario::Update,
    Scenario::Ceremony,
    Scenario::Tamper,
    Scenario::Store,
    Scenario::Limit,
    Scenario::Log,
];

/// The number of the initial key that scenarios begin with.
pub const FIRST: u8 = 1;
/// And of the one that comes next.
pub const SECOND: u8 = 2;

impl Scenario {
    pub fn algorithm(self) -> (char, usize) {
        match self {
            Self::Load(algorithm, len) | Self::Transact(algorithm, len) | Self::Switch(algorithm, len) => {
                (algorithm, len)
            }
            Self::Update => ('A', 16),
            _ => ('T', 16),
        }
    }

    /// A terminal that is about to do it.
    pub fn prepare(self, world: &mut World) {
        let (algorithm, len) = self.algorithm();
        let steps = match self {
            Self::Load(..) => return,
            Self::Exhaust => return near_the_end(world),
            Self::Switch('T', _) => 38,
            Self::Switch(..) => 15,
            _ => 6,
        };
        world.logged = self == Self::Log;
        world.boot(|t| {
            let group = t.load(algorithm, FIRST, len).unwrap();
            for _ in 0..steps {
                t.step(group).unwrap();
            }
            match self {
                Self::Store => records::prepare_store(t),
                Self::Limit => records::prepare_limit(t),
                Self::Log => records::prepare_log(t),
                _ => {}
            }
        });
    }

    /// Does it; ends at the first error.
    pub fn act(self, t: &mut Terminal<'_>) -> Result<(), Error> {
        let (algorithm, len) = self.algorithm();
        let group = t.group().ok_or(Error::InvalidHandle);
        match self {
            Self::Load(..) => t.load(algorithm, FIRST, len).map(|_| ()),
            Self::Transact(..) => (0..4).try_for_each(|_| t.step(group?).map(|_| ())),
            Self::Switch(..) => (0..14).try_for_each(|_| t.step(group?).map(|_| ())),
            Self::Exhaust => {
                while t.groups()[0].1.next.is_some() {
                    t.step(group?)?;
                }
                Ok(())
            }
            Self::Erase => t.hsm.dukpt_erase(group?),
            Self::Replace => {
                t.hsm.dukpt_erase(group?)?;
                let group = t.load(algorithm, SECOND, len)?;
                t.step(group).map(|_| ())
            }
            Self::Update => {
                let block = update_block();
                t.hsm.dukpt_update(group?, &block, common::PROFILE)?;
                t.step(group?).map(|_| ())
            }
            Self::Ceremony => {
                let kbpk = t.kbpk();
                t.hsm.key_erase(kbpk)
            }
            Self::Tamper => {
                t.hsm.tamper();
                assert_eq!(t.state(), State::Tampered);
                Ok(())
            }
            Self::Store => records::store(t),
            Self::Limit => records::limit(t),
            Self::Log => records::log(t),
        }
    }

    /// The initial keys that may be in groups, before and after, and in between.
    pub fn states(self) -> Vec<BTreeSet<u8>> {
        let sets: &[&[u8]] = match self {
            Self::Load(..) => &[&[], &[FIRST]],
            Self::Erase => &[&[FIRST], &[]],
            Self::Replace => &[&[FIRST], &[], &[SECOND]],
            Self::Update => &[&[FIRST], &[SECOND]],
            _ => &[&[FIRST]],
        };
        sets.iter().map(|set| set.iter().copied().collect()).collect()
    }
}

impl Scenario {
    /// Judges what the scenario is about besides groups.
    pub fn judge(self, t: &mut Terminal<'_>, faults: u32, stuck: bool, found: &mut Vec<String>) {
        match self {
            Self::Store => records::judge_store(t, stuck, found),
            Self::Limit => records::judge_limit(t, faults, stuck, found),
            Self::Log => records::judge_log(t, stuck, found),
            _ => {}
        }
    }
}

/// The number of an initial key by its identity.
pub fn number(identity: &[u8]) -> u8 {
    if identity.len() == 10 { identity[6] } else { identity[7] }
}

/// The block with which the first AES key is followed by the second one.
fn update_block() -> Vec<u8> {
    let mut id = common::AES_ID;
    id[7] = FIRST;
    let ik = Key::<InitialKey, Aes>::from_bytes(&common::value(FIRST, 16)).unwrap();
    let id = aes::InitialKeyId::parse(&id).unwrap();
    let mut update = Key::<UpdateKey, Aes>::empty();
    aes::update_key(&ik, &id, aes::KeyType::Aes128, &mut update).unwrap();
    let attributes = common::attributes("B1", 'A', 'X', 'N');
    let mut next = common::AES_ID;
    next[7] = SECOND;
    let text: String = next.iter().map(|byte| format!("{byte:02X}")).collect();
    let optional = payhsm::keyblock::optional::Optional::new(*b"IK", text.as_bytes()).unwrap();
    common::block(
        update.expose_bytes(),
        &attributes,
        &common::value(SECOND, 16),
        &[optional],
    )
}

/// A TDEA group with six transactions to go, as a long life would have left it; its keys are made up.
fn near_the_end(world: &mut World) {
    let mut id = common::TDEA_ID;
    id[6] = FIRST;
    let counter: u32 = 0x1F_F000;
    let mut snapshot = vec![1, 1, 16, 10];
    snapshot.extend(id);
    snapshot.extend([0; 2]);
    snapshot.extend(counter.to_be_bytes());
    let valid = counter.wrapping_neg() & 0x1F_FFFF;
    snapshot.extend(valid.to_be_bytes());
    for bit in 0..21 {
        let key = if valid >> bit & 1 == 1 {
            common::value(bit, 16)
        } else {
            vec![0; 16]
        };
        snapshot.extend(key);
    }
    let mut terminal = tdes::Terminal::empty();
    terminal.restore(&snapshot).unwrap();
    let storage_key = Key::<StorageKey, Aes>::from_bytes(&STORAGE_KEY).unwrap();
    let sealer = Sealer::new(&storage_key).unwrap();
    let mut storage = FlashStorage::new(world.bus.clone(), world.layout).unwrap();
    let mut scratch = Scratch::new();
    let mut records = Records::NEW;
    let none = records
        .mount(&mut storage, &sealer, 0, &mut scratch, |_| Ok(()))
        .unwrap();
    assert_eq!(none, None);
    let mut journal = GroupJournal {
        storage: &mut storage,
        sealer: &sealer,
        group: 0,
        records: &mut records,
        scratch: &mut scratch,
    };
    let mut transaction = tdes::Transaction::empty();
    // Up to six before the last one.
    while terminal.ksn().unwrap().counter() < 0x1F_F400 {
        let ksn = terminal.step(&mut journal, &mut transaction).unwrap();
        let mut seen = world.seen();
        seen.ksns.insert(ksn.as_bytes().to_vec());
        seen.last.insert(id.to_vec(), ksn.counter());
    }
}
