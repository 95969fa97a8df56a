// SPDX-License-Identifier: MIT OR Apache-2.0
//! Key blocks and agreements with the key under test.

use payhsm::ecdh::PrivateKey;
use payhsm::hsm::KeyHandle;
use payhsm::key::usage::{Attributes, KeyAlgorithm};
use payhsm::keyblock::{Profile, optional::Optional};
use payhsm::policy::Operation;

use super::common::{self, block, block_tdea, value};
use super::{Outcome, Rig, SEED};

impl Rig {
    pub fn attempt_keys(&mut self, operation: Operation, key: KeyHandle, attributes: &Attributes) -> Vec<Outcome> {
        let aes = attributes.algorithm == KeyAlgorithm::Aes;
        let own = value(SEED, 16);
        let hsm = &mut self.hsm;
        match operation {
            Operation::KeyBlockUnwrap => {
                let inner = common::attributes("D0", 'T', 'E', 'N');
                let make = if aes { block } else { block_tdea };
                let text = make(&own, &inner, &value(20, 16), &[]);
                let imported = hsm.key_block_import(key, &text, Profile::Tr31_2018);
                if let Ok(imported) = imported {
                    hsm.key_erase(imported.key).unwrap();
                }
                let inner = common::attributes("B1", 'T', 'X', 'N');
                let ks = Optional::new(*b"KS", b"FFFF9876543210E00000").unwrap();
                let text = make(&own, &inner, &value(20, 16), &[ks]);
                let loaded = hsm.dukpt_load(key, &text, Profile::Tr31_2018);
                if let Ok((group, _)) = loaded {
                    hsm.dukpt_erase(group).unwrap();
                }
                vec![
                    Outcome::new("key_block_import", imported, &[]),
                    Outcome::new("dukpt_load", loaded, &[]),
                ]
            }
            Operation::KeyBlockWrap => {
                let (mut one, mut two) = ([0xA5; 256], [0xA5; 256]);
                let exported = hsm.key_block_export(key, self.exportable, &mut one);
                let initial = hsm.dukpt_export_initial_key(self.bdk, &common::TDEA_ID, key, &mut two);
                vec![
                    Outcome::new("key_block_export", exported, &one),
                    Outcome::new("dukpt_export_initial_key", initial, &two),
                ]
            }
            Operation::AgreementAuthenticate => {
                let begun = hsm.agreement_begin(key, b"host", b"terminal", 16);
                let answered = hsm.agreement_answer(key, b"host", b"terminal", 16, &self.m1);
                vec![
                    Outcome::new("agreement_begin", begun, &[]),
                    Outcome::new("agreement_answer", answered, &[]),
                ]
            }
            Operation::PublicKey => {
                let public = hsm.key_public(key);
                if let Ok(public) = &public {
                    let private = value(SEED, 32).try_into().unwrap();
                    assert_eq!(*public, PrivateKey::from_bytes(&private).unwrap().public());
                }
                vec![Outcome::new("key_public", public, &[])]
            }
            other => panic!("{other:?} has no column"),
        }
    }
}
