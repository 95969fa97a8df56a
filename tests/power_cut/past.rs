// SPDX-License-Identifier: MIT OR Apache-2.0
//! Searches the raw flash for keys of the past (I3) and for keys in clear (I7), as somebody would who has everything: the
//! image, and the storage key that seals it.

use std::collections::BTreeSet;

use payhsm::cipher::{aes::Aes as AesCipher, modes};
use payhsm::dukpt::{aes, tdes};
use payhsm::key::role::InitialKey;
use payhsm::key::{Aes, Key, Tdea};
use payhsm::mac::Mac;
use payhsm::mac::cmac::CmacAes;

use super::device::{STORAGE_KEY, World};
use super::scenario::{Scenario, number};
use crate::common;

/// The key that records are enciphered under (src/store/seal.rs, written down a second time).
fn record_key() -> Vec<u8> {
    let mut key = Vec::new();
    for i in 1..=2_u8 {
        let mut mac = CmacAes::new(&STORAGE_KEY).unwrap();
        mac.update(&[i]);
        mac.update(b"record encryption");
        mac.update(&[0, 1, 0]);
        let mut part = [0; 16];
        mac.finish(&mut part).unwrap();
        key.extend(part);
    }
    key
}

/// Keys of transactions that were given out, and the initial keys.
fn past_keys(world: &World, scenario: Scenario) -> BTreeSet<Vec<u8>> {
    let (_, len) = scenario.algorithm();
    let mut keys = BTreeSet::new();
    let seen = world.seen().clone();
    for id in seen.last.keys() {
        keys.insert(common::value(number(id), len));
    }
    for ksn in &seen.ksns {
        let bytes = super::device::identity(ksn);
        let ik = common::value(number(&bytes), len);
        if ksn.len() == 10 {
            let ik = Key::<InitialKey, Tdea>::from_bytes(&ik).unwrap();
            let mut out = tdes::Transaction::empty();
            let ksn = tdes::Ksn::parse(ksn).unwrap();
            tdes::Host::transaction(&ik, &ksn, &mut out).unwrap();
            keys.insert(out.key_bytes().to_vec());
        } else {
            let ik = Key::<InitialKey, Aes>::from_bytes(&ik).unwrap();
            let mut out = aes::Transaction::empty();
            let ksn = aes::Ksn::parse(ksn).unwrap();
            aes::Host::transaction(&ik, &ksn, &mut out).unwrap();
            keys.insert(out.key_bytes().to_vec());
        }
    }
    keys
}

/// What is found.
pub fn search(world: &mut World, scenario: Scenario) -> Vec<String> {
    if scenario == Scenario::Exhaust {
        // Its keys are made up.
        return Vec::new();
    }
    let keys = past_keys(world, scenario);
    // A key of 24 or 32 bytes is told by its first block.
    let heads: BTreeSet<&[u8]> = keys.iter().map(|key| &key[..16]).collect();
    let chip = world.chip();
    let mut found = Vec::new();
    for (at, window) in chip.image.windows(16).enumerate() {
        if heads.contains(window) {
            found.push(format!("I7: a key in clear at {at}"));
        }
    }
    if !chip.geometry.rewritable {
        return found;
    }
    let cipher = AesCipher::new(&record_key()).unwrap();
    let area = (world.layout.area_pages * chip.geometry.page_len) as usize;
    let first = (2 * world.layout.record_pages * chip.geometry.page_len) as usize;
    let areas = usize::from(2 * world.layout.groups);
    for image in chip.image[first..first + areas * area].chunks(area) {
        let units: Vec<&[u8]> = image.chunks(16).collect();
        for (t, tag) in units.iter().enumerate().skip(3).filter(|(_, tag)| **tag != [0xFF; 16]) {
            for (p, unit) in units
                .iter()
                .enumerate()
                .skip(t + 1)
                .filter(|(_, unit)| **unit != [0xFF; 16])
            {
                if **unit == [0; 16] {
                    continue;
                }
                let mut clear = unit.to_vec();
                let block = u128::try_from(p - t - 1).unwrap();
                let counter = u128::from_be_bytes((*tag).try_into().unwrap()).wrapping_add(block);
                modes::ctr(&cipher, &counter.to_be_bytes(), &mut clear).unwrap();
                if heads.contains(&clear[..]) {
                    found.push(format!("I3: a past key at {p} under the tag at {t}"));
                }
            }
        }
    }
    found
}
