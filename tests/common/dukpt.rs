// SPDX-License-Identifier: MIT OR Apache-2.0
//! Terminal states at any counter, built from the host's derivation and the snapshot layout.

#![allow(dead_code, reason = "each test file uses its own part of this module")]

use payhsm::dukpt::{aes, tdes};
use payhsm::key::role::InitialKey;
use payhsm::key::{Aes, Key, Tdea};

/// The counters whose keys a terminal holds before transaction `counter`, by register: the register machine of the
/// standard, told from the highest bit down.
fn held(counter: u32, bits: u32) -> impl Iterator<Item = Option<u32>> {
    (0..bits).map(move |bit| {
        let below = counter & ((1 << bit) - 1);
        let set = (counter >> bit) & 1 == 1;
        let path = (counter >> bit << bit) | (1 << bit);
        match (counter, set, below) {
            (0, ..) => None,
            // The register of this transaction.
            (_, true, 0) => Some(path),
            // Used to come here.
            (_, true, _) => None,
            // Below the lowest one bit: filled only when the key of this transaction is taken.
            (_, false, 0) => None,
            (_, false, _) => Some(path),
        }
    })
}

fn header(scheme: u8, key_len: usize, identity: &[u8], counter: u32, bits: u32) -> Vec<u8> {
    let mut out = vec![
        1,
        scheme,
        u8::try_from(key_len).unwrap(),
        u8::try_from(identity.len()).unwrap(),
    ];
    out.extend(identity);
    out.resize(16, 0);
    out.extend(counter.to_be_bytes());
    let valid = held(counter, bits).enumerate();
    let valid = valid.fold(0_u32, |mask, (bit, path)| mask | (u32::from(path.is_some()) << bit));
    out.extend(valid.to_be_bytes());
    out
}

/// The snapshot of a TDEA terminal before transaction `counter` (0: exhausted).
pub fn tdes_snapshot(ik: &Key<InitialKey, Tdea>, id: &tdes::InitialKeyId, counter: u32) -> Vec<u8> {
    let mut out = header(1, 16, id.as_bytes(), counter, 21);
    let mut transaction = tdes::Transaction::empty();
    for path in held(counter, 21) {
        match path {
            Some(path) => {
                tdes::Host::transaction(ik, &id.ksn(path).unwrap(), &mut transaction).unwrap();
                out.extend(transaction.key_bytes());
            }
            None => out.extend([0; 16]),
        }
    }
    out
}

/// A TDEA terminal before transaction `counter` (0: exhausted).
pub fn tdes_terminal(ik: &Key<InitialKey, Tdea>, id: &tdes::InitialKeyId, counter: u32) -> tdes::Terminal {
    let mut terminal = tdes::Terminal::empty();
    terminal.restore(&tdes_snapshot(ik, id, counter)).unwrap();
    terminal
}

/// The snapshot of an AES terminal before transaction `counter` (0: exhausted).
pub fn aes_snapshot(ik: &Key<InitialKey, Aes>, id: &aes::InitialKeyId, counter: u32) -> Vec<u8> {
    let mut out = header(2, ik.len(), id.as_bytes(), counter, 32);
    let mut transaction = aes::Transaction::empty();
    for path in held(counter, 32) {
        match path {
            Some(path) => {
                aes::Host::transaction(ik, &id.ksn(path).unwrap(), &mut transaction).unwrap();
                out.extend(transaction.key_bytes());
            }
            None => out.resize(out.len() + ik.len(), 0),
        }
    }
    let mut update_key = Key::<_, Aes>::empty();
    aes::update_key(ik, id, aes::KeyType::aes(ik.len()).unwrap(), &mut update_key).unwrap();
    out.extend(update_key.expose_bytes());
    out
}

/// An AES terminal before transaction `counter` (0: exhausted).
pub fn aes_terminal(ik: &Key<InitialKey, Aes>, id: &aes::InitialKeyId, counter: u32) -> aes::Terminal {
    let mut terminal = aes::Terminal::empty();
    terminal.restore(&aes_snapshot(ik, id, counter)).unwrap();
    terminal
}
