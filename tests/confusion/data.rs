// SPDX-License-Identifier: MIT OR Apache-2.0
//! Data with the key under test.

use payhsm::hsm::KeyHandle;
use payhsm::key::usage::{Attributes, KeyAlgorithm};
use payhsm::policy::Operation;

use super::{Outcome, Rig};

impl Rig {
    pub fn attempt_data(&mut self, operation: Operation, key: KeyHandle, attributes: &Attributes) -> Vec<Outcome> {
        let block_len = if attributes.algorithm == KeyAlgorithm::Aes {
            16
        } else {
            8
        };
        let hsm = &mut self.hsm;
        match operation {
            Operation::DataEncipher => {
                let mut data = [0xA5; 16];
                let result = hsm.data_encipher(key.into(), &[0; 16][..block_len], &mut data);
                vec![Outcome::new("data_encipher", result, &data)]
            }
            Operation::DataDecipher => {
                let mut data = [0xA5; 16];
                let result = hsm.data_decipher(key.into(), &[0; 16][..block_len], &mut data);
                vec![Outcome::new("data_decipher", result, &data)]
            }
            other => panic!("{other:?} has no column"),
        }
    }
}
