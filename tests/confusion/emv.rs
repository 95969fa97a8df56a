// SPDX-License-Identifier: MIT OR Apache-2.0
//! Cards with the key under test, and scripts for them.

use payhsm::emv::derive::Psn;
use payhsm::emv::element::{Atc, CryptogramKind};
use payhsm::emv::profile::{CCD_CV6, MCHIP_CVN10, Profile, VISA_CVN10, VISA_CVN18};
use payhsm::emv::raw::RawRequest;
use payhsm::emv::script::{Command, MAX_COMMAND_LEN, Request};
use payhsm::hsm::{ArpcRequest, EncipheredPin, KeyHandle, KeyRef, ScriptTarget};
use payhsm::key::usage::{Attributes, KeyAlgorithm};
use payhsm::pin::block::Format;
use payhsm::pin::pan::Pan;
use payhsm::policy::Operation;

use super::common::card::{CCD_IAD_6, Card, PAN, VISA_IAD_18};
use super::common::value;
use super::pin::pin_block;
use super::{Outcome, PIN_IN, Rig, SEED};

const DATA: &[u8] = b"all that enters";

impl Rig {
    pub fn attempt_emv(&mut self, operation: Operation, key: KeyHandle, attributes: &Attributes) -> Vec<Outcome> {
        match operation {
            Operation::ArqcVerify => self.attempt_cryptogram(key, attributes),
            Operation::ScriptIntegrity | Operation::ScriptConfidentiality | Operation::ScriptPin => {
                self.attempt_script(operation, key)
            }
            other => panic!("{other:?} has no column"),
        }
    }

    fn attempt_cryptogram(&mut self, key: KeyHandle, attributes: &Attributes) -> Vec<Outcome> {
        let (own, pan) = (value(SEED, 16), Pan::parse(PAN).unwrap());
        let hsm = &mut self.hsm;
        let (profile, psn, text, cryptogram): (&'static Profile, _, _, _) = if attributes.algorithm == KeyAlgorithm::Aes
        {
            let card = Card::aes(&own);
            let (_, text) = card.request(7, CryptogramKind::Arqc, &CCD_IAD_6);
            let ac = card.sign(&CCD_CV6.recipe(), 7, [0; 4], DATA);
            (&CCD_CV6, card.psn, text, ac)
        } else {
            let card = Card::new(&VISA_CVN18, &own);
            let (_, text) = card.request(7, CryptogramKind::Arqc, &VISA_IAD_18);
            let ac = card.sign(&VISA_CVN18.recipe(), 7, [0; 4], DATA);
            (&VISA_CVN18, card.psn, text, ac)
        };
        let raw = RawRequest {
            kind: CryptogramKind::Arqc,
            atc: Atc::new(7),
            unpredictable_number: [0; 4],
            data: DATA,
            cryptogram,
        };
        let verified = hsm.arqc_verify(key, profile, &pan, psn, &text, ArpcRequest::None);
        let by_bytes = hsm.arqc_verify_raw(key, &profile.recipe(), &pan, psn, &raw, ArpcRequest::None);
        let explained = hsm.arqc_explain(key, profile, &pan, psn, &text).map(|_| ());
        // The last two need a permission.
        let fits = self.permissive;
        vec![
            Outcome::new("arqc_verify", verified, &[]),
            Outcome {
                fits,
                ..Outcome::new("arqc_verify_raw", by_bytes, &[])
            },
            Outcome {
                fits,
                ..Outcome::new("arqc_explain", explained, &[])
            },
        ]
    }

    fn attempt_script(&mut self, operation: Operation, key: KeyHandle) -> Vec<Outcome> {
        let pan = Pan::parse(PAN).unwrap();
        let target = |profile| ScriptTarget {
            profile,
            pan: &pan,
            psn: Psn::ABSENT,
            request: Request::new(Atc::new(7), [0x5A; 8]),
            index: 0,
        };
        let block = pin_block(KeyAlgorithm::Tdea, PIN_IN[0], [1, 2, 4, 3]);
        let new = EncipheredPin {
            key: KeyRef::Slot(self.pin_in[0]),
            format: Format::Iso0,
            block: &block,
        };
        let (mut one, mut two) = ([0xA5; MAX_COMMAND_LEN], [0xA5; MAX_COMMAND_LEN]);
        let [smi, smc] = self.script;
        let hsm = &mut self.hsm;
        let data = Command::UpdateRecord {
            sfi: 1,
            record: 1,
            data: DATA,
        };
        match operation {
            Operation::ScriptIntegrity => {
                let plain = hsm.script_command(key, Some(smc), &target(&MCHIP_CVN10), &data, &mut one);
                let change = hsm.script_pin_change(key, smc, None, &target(&MCHIP_CVN10), &new, None, &mut two);
                vec![
                    Outcome::new("script_command", plain, &one),
                    Outcome::new("script_pin_change", change, &two),
                ]
            }
            Operation::ScriptConfidentiality => {
                let enciphered = hsm.script_command(smi, Some(key), &target(&MCHIP_CVN10), &data, &mut one);
                let change = hsm.script_pin_change(smi, key, None, &target(&MCHIP_CVN10), &new, None, &mut two);
                vec![
                    Outcome::new("script_command", enciphered, &one),
                    Outcome::new("script_pin_change", change, &two),
                ]
            }
            _ => {
                let target = target(&VISA_CVN10);
                let change = hsm.script_pin_change(smi, smc, Some(key), &target, &new, None, &mut two);
                vec![Outcome::new("script_pin_change", change, &two)]
            }
        }
    }
}
