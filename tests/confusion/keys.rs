// SPDX-License-Identifier: MIT OR Apache-2.0
//! Key blocks and agreements with the key under test.

use payhsm::ecdh::PrivateKey;
use payhsm::error::Error;
use payhsm::hsm::{CodeHash, Export, KeyHandle, SecondFactor, UserRole};
use payhsm::inject::working::SignOnKind;
use payhsm::key::usage::{Attributes, KeyAlgorithm};
use payhsm::keyblock::header::Version;
use payhsm::keyblock::{Profile, optional::Optional};
use payhsm::policy::Operation;

use super::common::{self, block, block_iso20038, block_tdea, block_variant, value};
use super::{Outcome, Rig, SEED, names};

type Make = fn(&[u8], &Attributes, &[u8], &[Optional<'_>]) -> Vec<u8>;

impl Rig {
    pub fn attempt_keys(&mut self, operation: Operation, key: KeyHandle, attributes: &Attributes) -> Vec<Outcome> {
        let aes = attributes.algorithm == KeyAlgorithm::Aes;
        let own = value(SEED, 16);
        let hsm = &mut self.hsm;
        match operation {
            Operation::KeyBlockUnwrap | Operation::KeyBlockUnwrapIso20038 | Operation::KeyBlockUnwrapVariant => {
                let (make, profile): (Make, _) = match operation {
                    Operation::KeyBlockUnwrapIso20038 => (block_iso20038, Profile::Iso20038),
                    Operation::KeyBlockUnwrapVariant => (block_variant, Profile::Tr31_2018),
                    _ if aes => (block, Profile::Tr31_2018),
                    _ => (block_tdea, Profile::Tr31_2018),
                };
                let inner = common::attributes("D0", 'T', 'E', 'N');
                let text = make(&own, &inner, &value(20, 16), &[]);
                let imported = hsm.key_block_import(key, &text, profile);
                if let Ok(imported) = imported {
                    hsm.key_erase(imported.key).unwrap();
                }
                let expected = hsm.key_block_import_as(key, &text, profile, &inner);
                if let Ok(imported) = expected {
                    hsm.key_erase(imported.key).unwrap();
                }
                let inner = common::attributes("D0", 'T', 'E', 'E');
                let text = make(&own, &inner, &value(21, 16), &[]);
                let mut out = [0xA5; 256];
                let translated =
                    hsm.key_block_translate(key, &text, profile, self.wrapping, &Export::default(), &mut out);
                if translated.is_ok() {
                    out.fill(0);
                }
                let inner = common::attributes("B1", 'T', 'X', 'N');
                let ks = Optional::new(*b"KS", b"FFFF9876543210E00000").unwrap();
                let text = make(&own, &inner, &value(20, 16), &[ks]);
                let loaded = hsm.dukpt_load(key, &text, profile);
                if let Ok((group, _)) = loaded {
                    hsm.dukpt_erase(group).unwrap();
                }
                vec![
                    Outcome::new("key_block_import", imported, &[]),
                    Outcome::new("key_block_import_as", expected, &[]),
                    Outcome::new("key_block_translate", translated, &out),
                    Outcome::new("dukpt_load", loaded, &[]),
                ]
            }
            Operation::KeyBlockWrap | Operation::KeyBlockWrapIso20038 | Operation::KeyBlockWrapVariant => {
                let (version, own_usage) = match operation {
                    Operation::KeyBlockWrapIso20038 => (Version::E, "K4"),
                    Operation::KeyBlockWrapVariant => (Version::C, "K0"),
                    _ if aes => (Version::D, "K1"),
                    _ => (Version::B, "K1"),
                };
                let export = Export {
                    version: Some(version),
                    ..Export::default()
                };
                let mut outs = [[0xA5; 256]; 4];
                let [one, two, ..] = &mut outs;
                let as_asked = hsm.key_block_export_as(key, self.exportable, &export, one);
                let inner = common::attributes("D0", 'T', 'E', 'E');
                let text = block(&value(11, 16), &inner, &value(21, 16), &[]);
                let unwrapping = self.unwrapping;
                let translated = hsm.key_block_translate(unwrapping, &text, Profile::Tr31_2018, key, &export, two);
                let mut outcomes = vec![
                    Outcome::new("key_block_export_as", as_asked, &outs[0]),
                    Outcome::new("key_block_translate", translated, &outs[1]),
                ];
                // These write the key's own version: not the column's if the key is of another one.
                let usages = ["K0", "K1", "K4"].map(|usage| names(usage, attributes.usage));
                if names(own_usage, attributes.usage) || !usages.contains(&true) {
                    let [_, _, three, four] = &mut outs;
                    let exported = hsm.key_block_export(key, self.exportable, three);
                    let initial = hsm.dukpt_export_initial_key(self.bdk, &common::TDEA_ID, key, four);
                    outcomes.push(Outcome::new("key_block_export", exported, &outs[2]));
                    outcomes.push(Outcome::new("dukpt_export_initial_key", initial, &outs[3]));
                }
                outcomes
            }
            Operation::WorkingKeyUnwrap => {
                // A key that has opened old blocks opens no working keys: one that may comes in anew.
                let allowed = super::is_allowed(operation, attributes, self.permissive);
                let other = value(if allowed { 96 } else { SEED }, 16);
                let anew = allowed.then(|| common::ceremony(hsm, attributes, &other).unwrap());
                let (key, own) = (anew.unwrap_or(key), other);
                // Longer keys than the master key are refused by their strength, so all are of its length.
                let (cipher, kcv) = common::working_key(&own, &value(22, 16));
                let inner = common::attributes("D0", 'T', 'E', 'N');
                let imported = hsm.working_key_import(key, &inner, &cipher, &kcv[..3]);
                if let Ok(imported) = imported {
                    hsm.key_erase(imported.key).unwrap();
                }
                let field = common::sign_on(&own, &[&value(23, 16), &value(24, 16)]);
                let keys = hsm.unionpay_sign_on(key, SignOnKind::Double, &field);
                if let Ok(keys) = keys {
                    hsm.key_erase(keys.pin.key).unwrap();
                    hsm.key_erase(keys.mac.key).unwrap();
                }
                if anew.is_some() {
                    hsm.key_erase(key).unwrap();
                }
                vec![
                    Outcome::new("working_key_import", imported, &[]),
                    Outcome::new("unionpay_sign_on", keys, &[]),
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
            Operation::AgreementSign => {
                let peer = PrivateKey::from_bytes(&[9; 32]).unwrap().public().to_sec1();
                let begun = hsm.agreement_begin_signed(key, b"host", b"terminal", 16);
                let answered = hsm.agreement_answer_signed(key, &peer, b"host", b"terminal", 16, &self.m1);
                vec![
                    Outcome::new("agreement_begin_signed", begun, &[]),
                    Outcome::new("agreement_answer_signed", answered, &[]),
                ]
            }
            Operation::RoleKey | Operation::CodeKey => {
                // The first user is an officer: what comes so far has been judged, and nothing happens.
                let (own, second) = if operation == Operation::RoleKey {
                    (key, SecondFactor::None)
                } else {
                    let code = SecondFactor::Code {
                        key,
                        hash: CodeHash::Sha256,
                        digits: 6,
                        period: 30,
                    };
                    (self.mac_in, code)
                };
                let enrolled = match hsm.role_enrol(1, UserRole::Operator, own, second) {
                    Err(Error::BadState) => Ok(()),
                    other => other,
                };
                vec![Outcome::new("role_enrol", enrolled, &[])]
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
