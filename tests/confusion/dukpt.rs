// SPDX-License-Identifier: MIT OR Apache-2.0
//! DUKPT with the key under test.

use payhsm::hsm::KeyHandle;
use payhsm::key::usage::{Attributes, KeyAlgorithm};
use payhsm::policy::Operation;

use super::common;
use super::{Outcome, Rig};

impl Rig {
    pub fn attempt_dukpt(&mut self, operation: Operation, key: KeyHandle, attributes: &Attributes) -> Vec<Outcome> {
        let aes = attributes.algorithm == KeyAlgorithm::Aes;
        let hsm = &mut self.hsm;
        match operation {
            Operation::DukptDerive => {
                let ksn: &[u8] = if aes {
                    &[0x12, 0x34, 0x56, 0x78, 0x90, 0x12, 0x34, 0x56, 0, 0, 0, 1]
                } else {
                    &[0xFF, 0xFF, 0x98, 0x76, 0x54, 0x32, 0x10, 0xE0, 0, 1]
                };
                let derived = hsm.dukpt_derive(key, ksn);
                if let Ok(transaction) = derived {
                    hsm.transaction_end(transaction).unwrap();
                }
                let id: &[u8] = if aes { &common::AES_ID } else { &common::TDEA_ID };
                let mut out = [0xA5; 256];
                let exported = hsm.dukpt_export_initial_key(key, id, self.wrapping, &mut out);
                let mut update = [0xA5; 256];
                let (old, new) = (&common::AES_ID, &[7; 8]);
                let updated = hsm.dukpt_export_update(key, old, key, new, &mut update);
                vec![
                    Outcome::new("dukpt_derive", derived, &[]),
                    Outcome::new("dukpt_export_initial_key", exported, &out),
                    Outcome {
                        // Initial keys of TDEA have no update.
                        fits: aes,
                        ..Outcome::new("dukpt_export_update", updated, &update)
                    },
                ]
            }
            other => panic!("{other:?} has no column"),
        }
    }
}
