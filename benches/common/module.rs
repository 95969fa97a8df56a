// SPDX-License-Identifier: MIT OR Apache-2.0
//! A module to measure, with storage in memory.
#![allow(dead_code, reason = "not every bench uses every function")]

use payhsm::entropy::Entropy;
use payhsm::error::Error;
use payhsm::hsm::{Config, Group, Hsm, KeyHandle, PinLimits, Platform, Question, RateLimit, Slot};
use payhsm::key::usage::{Attributes, Exportability, KeyAlgorithm, ModeOfUse, Usage};
use payhsm::key::{Key, role::StorageKey};
use payhsm::policy::Policy;
use payhsm::store::{MemoryStorage, Storage};

/// A counter for entropy, and memory for storage: timing is all that matters here.
#[derive(Default)]
pub struct Bench {
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

pub type Module = Hsm<'static, Bench>;

pub fn module() -> Module {
    module_with(Policy::STRICT)
}

pub fn module_with(policy: Policy) -> Module {
    module_of(policy, 8)
}

/// With so many slots for keys.
pub fn module_of(policy: Policy, slots: usize) -> Module {
    let slots = (0..slots).map(|_| Slot::EMPTY).collect::<Vec<_>>().leak();
    let groups = Box::leak(Box::new([const { Group::EMPTY }; 4]));
    let storage_key = Key::<StorageKey, _>::from_bytes(&[0x5A; 32]).unwrap();
    let config = Config {
        storage_key: Some(&storage_key),
        pin_limits: PinLimits {
            entry: RateLimit::NONE,
            host: RateLimit::NONE,
        },
        policy,
        self_tests: payhsm::hsm::SelfTestMode::Off,
        ..Config::default()
    };
    Hsm::new(Bench::default(), slots, groups, config).unwrap()
}

fn component(n: u8) -> [u8; 16] {
    core::array::from_fn(|i| i.to_le_bytes()[0].wrapping_mul(29).wrapping_add(n))
}

/// The key that [`load`] makes of a seed.
pub fn material(seed: u8) -> [u8; 16] {
    let (one, other) = (component(seed), component(seed.wrapping_mul(7)));
    core::array::from_fn(|i| one[i] ^ other[i])
}

/// A key from two components.
pub fn load(hsm: &mut Module, usage: Usage, algorithm: KeyAlgorithm, mode: ModeOfUse, seed: u8) -> KeyHandle {
    let attributes = Attributes::new(usage, algorithm, mode, Exportability::NonExportable);
    hsm.component_begin(&attributes, 16, 2, &[]).unwrap();
    hsm.component_add(1, &component(seed), &[]).unwrap();
    hsm.component_add(2, &component(seed.wrapping_mul(7)), &[]).unwrap();
    hsm.component_finish().unwrap().key
}

/// A key for slot `n` that no other slot has; nothing where the slots are full.
pub fn load_distinct(
    hsm: &mut Module,
    usage: Usage,
    algorithm: KeyAlgorithm,
    mode: ModeOfUse,
    n: u16,
) -> Option<KeyHandle> {
    let attributes = Attributes::new(usage, algorithm, mode, Exportability::NonExportable);
    let [high, low] = n.to_be_bytes();
    let mut one = component(3);
    one[0] ^= high;
    one[1] ^= low;
    hsm.component_begin(&attributes, 16, 2, &[]).ok()?;
    hsm.component_add(1, &one, &[]).ok()?;
    hsm.component_add(2, &component(21), &[]).ok()?;
    Some(hsm.component_finish().ok()?.key)
}
