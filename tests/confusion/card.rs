// SPDX-License-Identifier: MIT OR Apache-2.0
//! Card verification values with the key under test.

use payhsm::card::CardValue;
use payhsm::card::cvc3::{self, IvCvc3, Tap};
use payhsm::card::cvv::{self, Expiry, Kind};
use payhsm::emv::derive::{MasterKeyOption, Psn, icc_master_key};
use payhsm::emv::element::Atc;
use payhsm::hsm::KeyHandle;
use payhsm::key::role::{Dn, Imk};
use payhsm::key::usage::Attributes;
use payhsm::key::{Key, Tdea};
use payhsm::pin::pan::Pan;
use payhsm::policy::Operation;

use super::common::card::PAN;
use super::common::value;
use super::{Outcome, Rig, SEED};

const TRACK: [u8; 19] = [0x51; 19];
const TAP: Tap = Tap {
    un: [0, 0, 0x08, 0x99],
    atc: Atc::new(7),
};

fn expiry() -> Expiry {
    Expiry::yymm(b"2512").unwrap()
}

/// The card verification value under a TDEA key with the value under test, by the scheme layer.
fn own_cvv(pan: &Pan) -> CardValue {
    let mut made = CardValue::empty();
    let key = Key::from_bytes(&value(SEED, 16)).unwrap();
    cvv::generate(&key, Kind::Chip, pan, expiry(), 3, &mut made).unwrap();
    made
}

/// The CVC3 of a card under it.
fn own_cvc3(pan: &Pan) -> CardValue {
    let imk = Key::<Imk<Dn>, Tdea>::from_bytes(&value(SEED, 16)).unwrap();
    let (mut mk, mut made) = (Key::empty(), CardValue::empty());
    icc_master_key(MasterKeyOption::A, &imk, pan, Psn::ABSENT, &mut mk).unwrap();
    cvc3::generate(&mk, &IvCvc3::over(&mk, &TRACK).unwrap(), TAP, &mut made).unwrap();
    made
}

impl Rig {
    pub fn attempt_card(&mut self, operation: Operation, key: KeyHandle, _: &Attributes) -> Vec<Outcome> {
        let pan = Pan::parse(PAN).unwrap();
        let hsm = &mut self.hsm;
        match operation {
            Operation::CvvGenerate => {
                let mut made = CardValue::empty();
                let result = hsm.cvv_generate(key, Kind::Chip, &pan, expiry(), 3, &mut made);
                vec![Outcome::new("cvv_generate", result, made.digits())]
            }
            Operation::CvvVerify => {
                let result = hsm.cvv_verify(key, Kind::Chip, &pan, expiry(), &own_cvv(&pan));
                vec![Outcome::new("cvv_verify", result, &[])]
            }
            Operation::Cvc3Verify => {
                let (option, psn) = (MasterKeyOption::A, Psn::ABSENT);
                let result = hsm.cvc3_verify(key, option, &pan, psn, &TRACK, TAP, &own_cvc3(&pan));
                vec![Outcome::new("cvc3_verify", result, &[])]
            }
            other => panic!("{other:?} has no column"),
        }
    }
}
