// SPDX-License-Identifier: MIT OR Apache-2.0
//! Sealed records.

use payhsm::error::Error;
use payhsm::key::role::StorageKey;
use payhsm::key::{Aes, Key};
use payhsm::store::record::{load, remove, save};
use payhsm::store::seal::{Kind, MAX_BODY_LEN, MAX_RECORD_LEN, Scratch, Sealer};
use payhsm::store::{MemoryStorage, Storage};

use crate::Input;

const SLOT: u16 = 2 << 12;

/// What was saved last is loaded; a record that somebody else wrote, or changed, is damage and never emptiness.
pub fn record(data: &[u8]) {
    let mut input = Input::new(data);
    let sealer = Sealer::new(&Key::<StorageKey, Aes>::from_bytes(&input.array::<16>()).unwrap()).unwrap();
    let mut storage = MemoryStorage::<8, MAX_RECORD_LEN>::new();
    let mut scratch = Scratch::new();
    let mut out = [0x55; MAX_BODY_LEN];
    let mut model: Option<Vec<u8>> = None;
    let mut damaged = false;
    while let Some(call) = input.more() {
        match call % 4 {
            0 => {
                let body = input.short();
                match save(&mut storage, &sealer, Kind::Slot, 5, body, &mut scratch) {
                    Ok(()) => model = Some(body.to_vec()),
                    Err(error) => assert_eq!((error, damaged), (Error::StorageIntegrity, true)),
                }
            }
            1 => {
                remove(&mut storage, Kind::Slot, 5, &mut scratch).unwrap();
                (model, damaged) = (None, false);
            }
            2 => {
                // One byte of whatever is there.
                let [second, high, low, xor] = input.array();
                let id = SLOT | 5 << 1 | u16::from(second & 1);
                let mut bytes = [0; MAX_RECORD_LEN];
                let len = storage.load(id, &mut bytes).unwrap();
                if len > 0 && xor != 0 {
                    bytes[usize::from(u16::from_be_bytes([high, low])) % len] ^= xor;
                    storage.save(id, &bytes[..len]).unwrap();
                    damaged = true;
                }
            }
            _ => {
                // A record of nobody, in both places: the object is what it was or damaged.
                let id = SLOT | 5 << 1 | u16::from(input.byte() & 1);
                let bytes = input.short();
                if !bytes.is_empty() {
                    storage.save(id, bytes).unwrap();
                    damaged = true;
                }
            }
        }
        match load(&mut storage, &sealer, Kind::Slot, 5, &mut out, &mut scratch) {
            Ok(None) => assert!(model.is_none() && !damaged),
            Ok(Some(len)) => {
                // Beside a record of nobody the authentic one is the object; what was beside it is gone then.
                assert_eq!(Some(&out[..len]), model.as_deref());
                damaged = false;
            }
            Err(error) => {
                assert_eq!((error, damaged), (Error::StorageIntegrity, true));
                assert!(out.iter().all(|&b| b == 0));
            }
        }
    }
}
