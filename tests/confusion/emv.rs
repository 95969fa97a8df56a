// SPDX-License-Identifier: MIT OR Apache-2.0
//! Cards with the key under test.

use payhsm::emv::element::CryptogramKind;
use payhsm::emv::profile::VISA_CVN18;
use payhsm::hsm::{ArpcRequest, KeyHandle};
use payhsm::key::usage::Attributes;
use payhsm::pin::pan::Pan;
use payhsm::policy::Operation;

use super::common::card::{Card, PAN, VISA_IAD_18};
use super::common::value;
use super::{Outcome, Rig, SEED};

impl Rig {
    pub fn attempt_emv(&mut self, operation: Operation, key: KeyHandle, _: &Attributes) -> Vec<Outcome> {
        let own = value(SEED, 16);
        let pan = Pan::parse(PAN).unwrap();
        let hsm = &mut self.hsm;
        match operation {
            Operation::ArqcVerify => {
                let card = Card::new(&VISA_CVN18, &own);
                let (_, text) = card.request(7, CryptogramKind::Arqc, &VISA_IAD_18);
                let result = hsm.arqc_verify(key, &VISA_CVN18, &pan, card.psn, &text, ArpcRequest::None);
                vec![Outcome::new("arqc_verify", result, &[])]
            }
            other => panic!("{other:?} has no column"),
        }
    }
}
