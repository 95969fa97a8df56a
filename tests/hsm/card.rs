// SPDX-License-Identifier: MIT OR Apache-2.0
//! Card verification values: no guess without the device's consent, no value of one place for another (rows B06, B07).

use payhsm::card::CardValue;
use payhsm::card::cvc3::Tap;
use payhsm::card::cvv::{Expiry, ExpiryOrder, Kind, ServiceCode};
use payhsm::emv::derive::{MasterKeyOption, Psn};
use payhsm::emv::element::Atc;
use payhsm::error::Error;
use payhsm::hsm::{KeyHandle, Question};
use payhsm::pin::pan::Pan;
use payhsm::policy::{Permission, Policy};

use crate::common::{Asked, Device, Module, attributes, ceremony, key, module, start};

const CVK: [u8; 16] = [
    0x01, 0x23, 0x45, 0x67, 0x89, 0xAB, 0xCD, 0xEF, 0xFE, 0xDC, 0xBA, 0x98, 0x76, 0x54, 0x32, 0x10,
];
const IMK: [u8; 16] = [
    0x01, 0x23, 0x45, 0x67, 0x89, 0x98, 0x76, 0x54, 0x32, 0x10, 0x01, 0x23, 0x45, 0x67, 0x89, 0x98,
];
const TRACK: [u8; 19] = [
    0x51, 0x23, 0x45, 0x67, 0x89, 0x01, 0x23, 0x45, 0xD3, 0x51, 0x21, 0x01, 0, 0, 0, 0, 0, 0, 0x0F,
];

/// The published values of `vectors/card_verification.txt` that these keys give.
const KNOWN: [(&str, &str, Place, &str); 3] = [
    ("4123456789012345", "8701", Place::Stripe("101"), "561"),
    ("4111111111111111", "2512", Place::Chip, "133"),
    ("4123456789012345", "2502", Place::Printed, "22153"),
];

#[derive(Clone, Copy, PartialEq)]
enum Place {
    Stripe(&'static str),
    Chip,
    Printed,
}

impl Place {
    fn kind(self) -> Kind {
        match self {
            Self::Stripe(code) => Kind::Stripe(ServiceCode::parse(code.as_bytes()).unwrap()),
            Self::Chip => Kind::Chip,
            Self::Printed => Kind::Printed(ExpiryOrder::Mmyy),
        }
    }
}

fn pan(text: &str) -> Pan {
    Pan::parse(text.as_bytes()).unwrap()
}

fn expiry(text: &str) -> Expiry {
    Expiry::yymm(text.as_bytes()).unwrap()
}

fn value(text: &str) -> CardValue {
    CardValue::parse(text.as_bytes()).unwrap()
}

fn cvk(hsm: &mut Module, mode: char) -> KeyHandle {
    ceremony(hsm, &attributes("C0", 'T', mode, 'N'), &CVK).unwrap()
}

#[test]
fn b07_published_values_and_a_question_before_each() {
    for (account, date, place, stated) in KNOWN {
        let (account, date, kind) = (pan(account), expiry(date), place.kind());
        let device = Device::new(1);
        let mut hsm = module(&device);
        let key = cvk(&mut hsm, 'C');
        let digits: Vec<u8> = account.digits().to_vec();
        let asked = device.touched().0;
        let mut out = CardValue::empty();
        hsm.cvv_generate(key, kind, &account, date, stated.len(), &mut out)
            .unwrap();
        assert_eq!(out.digits(), value(stated).digits());
        assert_eq!(hsm.cvv_verify(key, kind, &account, date, &out), Ok(()));
        assert_eq!(
            hsm.cvv_verify(key, kind, &account, date, &value("000")),
            Err(Error::VerificationFailed)
        );
        let expected = vec![Asked::CardValue(digits); 3];
        assert_eq!(device.world().asked[asked..], expected);

        // No consent, no answer; and what is wrong by itself is not even asked about.
        device.world().answer = Some(Error::LimitReached);
        let refused = Err(Error::LimitReached);
        assert_eq!(hsm.cvv_generate(key, kind, &account, date, 3, &mut out), refused);
        assert!(out.is_empty());
        assert_eq!(hsm.cvv_verify(key, kind, &account, date, &value(stated)), refused);
        let asked = device.touched();
        for len in [0, 2, 6] {
            let result = hsm.cvv_generate(key, kind, &account, date, len, &mut out);
            assert_eq!(result, Err(Error::InvalidLength));
        }
        let result = hsm.cvv_verify(key, kind, &account, date, &CardValue::empty());
        assert_eq!(result, Err(Error::InvalidLength));
        assert_eq!(device.touched(), asked);
    }
}

/// B06: a key that answers for one class of values does not for the other.
#[test]
fn b06_a_cvk_serves_one_class() {
    for policy in [Policy::STRICT, Policy::STRICT.with(Permission::SharedCvk)] {
        let shared = policy.has(Permission::SharedCvk);
        for (first, _) in KNOWN.iter().zip(0..) {
            let device = Device::new(1);
            let mut hsm = start(&device, policy, 2, 0).unwrap();
            let key = cvk(&mut hsm, 'C');
            let (account, date) = (pan(first.0), expiry(first.1));
            // A refusal of the device binds nothing.
            device.world().answer = Some(Error::Refused);
            for (_, _, place, _) in KNOWN {
                let result = hsm.cvv_verify(key, place.kind(), &account, date, &value("000"));
                assert_eq!(result, Err(Error::Refused));
            }
            device.world().answer = None;
            assert_eq!(
                hsm.cvv_verify(key, first.2.kind(), &account, date, &value(first.3)),
                Ok(())
            );
            for (_, _, place, _) in KNOWN {
                let same = (place == Place::Printed) == (first.2 == Place::Printed);
                let asked = device.touched();
                let mut out = CardValue::empty();
                let result = hsm.cvv_generate(key, place.kind(), &account, date, 3, &mut out);
                if same || shared {
                    assert_eq!(result, Ok(()));
                } else {
                    assert_eq!(result, Err(Error::UsageNotPermitted));
                    assert!(out.is_empty());
                    assert_eq!(device.touched(), asked);
                }
                let result = hsm.cvv_verify(key, place.kind(), &account, date, &value("00000"));
                assert_eq!(result == Err(Error::UsageNotPermitted), !same && !shared);
            }
            // A new key in the slot is free.
            hsm.key_erase(key).unwrap();
            let key = cvk(&mut hsm, 'C');
            for (_, _, place, _) in KNOWN.iter().take(1) {
                let result = hsm.cvv_verify(key, place.kind(), &account, date, &value("00000"));
                assert_eq!(result, Err(Error::VerificationFailed));
            }
        }
    }
}

#[test]
fn cvc3_verifies_once_the_device_says() {
    let device = Device::new(1);
    let mut hsm = module(&device);
    let imk = ceremony(&mut hsm, &attributes("E4", 'T', 'X', 'N'), &IMK).unwrap();
    let account = pan("5123456789012345");
    let tap = |atc| Tap {
        un: [0, 0, 0x08, 0x99],
        atc: Atc::new(atc),
    };
    let mut verify = |track: &[u8], atc, text: &str| {
        hsm.cvc3_verify(
            imk,
            MasterKeyOption::A,
            &account,
            Psn::ABSENT,
            track,
            tap(atc),
            &value(text),
        )
    };
    let digits = account.digits().to_vec();
    let asked = device.touched().0;
    for text in ["29488", "9488", "488"] {
        assert_eq!(verify(&TRACK, 0x5E, text), Ok(()));
    }
    let one = [Asked::CardValue(digits.clone()), Asked::Atc(digits.clone(), 0x5E)];
    assert_eq!(device.world().asked[asked..], [one.clone(), one.clone(), one].concat());
    // A wrong one is counted and burns no ATC.
    let asked = device.touched().0;
    let failed = Err(Error::VerificationFailed);
    assert_eq!(verify(&TRACK, 0x5E, "29489"), failed);
    assert_eq!(verify(&TRACK, 0x5F, "29488"), failed);
    assert_eq!(verify(&TRACK[..18], 0x5E, "29488"), failed);
    assert_eq!(device.world().asked[asked..], vec![Asked::CardValue(digits); 3]);
    let asked = device.touched();
    assert_eq!(verify(&[], 0x5E, "29488"), Err(Error::Track));
    assert_eq!(device.touched(), asked);
    device.world().answer = Some(Error::CounterReplayed);
    assert_eq!(verify(&TRACK, 0x5E, "29488"), Err(Error::CounterReplayed));
}

#[test]
fn keys_of_24_bytes_are_no_pairs() {
    let mut hsm = module(&Device::new(1));
    let long: Vec<u8> = CVK
        .iter()
        .chain(&[0x31, 0x5E, 0x62, 0x70, 0x83, 0x97, 0xA1, 0xB0])
        .copied()
        .collect();
    let cvk = ceremony(&mut hsm, &attributes("C0", 'T', 'C', 'N'), &long).unwrap();
    let (account, date) = (pan("4123456789012345"), expiry("8701"));
    let wrong = Err(Error::InvalidKeyLength);
    assert_eq!(hsm.cvv_verify(cvk, Kind::Chip, &account, date, &value("561")), wrong);
    hsm.key_erase(cvk).unwrap();
    let imk = ceremony(&mut hsm, &attributes("E4", 'T', 'X', 'N'), &long).unwrap();
    let tap = Tap {
        un: [0; 4],
        atc: Atc::new(1),
    };
    let result = hsm.cvc3_verify(
        imk,
        MasterKeyOption::A,
        &account,
        Psn::ABSENT,
        &TRACK,
        tap,
        &value("561"),
    );
    assert_eq!(result, wrong);
}

/// Verify-only keys make nothing, generate-only keys verify nothing.
#[test]
fn modes() {
    let mut hsm = module(&Device::new(1));
    let (account, date) = (pan("4123456789012345"), expiry("8701"));
    let verifying = key(&mut hsm, "C0", 'T', 'V', 1);
    let making = key(&mut hsm, "C0", 'T', 'G', 2);
    let mut out = CardValue::empty();
    let refused = Err(Error::ModeNotPermitted);
    assert_eq!(
        hsm.cvv_generate(verifying, Kind::Chip, &account, date, 3, &mut out),
        refused
    );
    assert_eq!(
        hsm.cvv_verify(making, Kind::Chip, &account, date, &value("561")),
        refused
    );
}

/// PAN, date and code are one row of digits: what would let the end of one pass for the next is refused.
#[test]
fn what_a_value_is_made_over() {
    let device = Device::new(1);
    let mut hsm = module(&device);
    let key = cvk(&mut hsm, 'C');
    let asked = device.touched();
    let mut out = CardValue::empty();
    for (account, date, error) in [
        ("41234567890", "2512", Error::InvalidPan),
        ("4123456789012345", "2500", Error::InvalidArgument),
        ("4123456789012345", "2513", Error::InvalidArgument),
        ("4123456789012345", "2590", Error::InvalidArgument),
    ] {
        let (account, date) = (pan(account), expiry(date));
        let result = hsm.cvv_generate(key, Kind::Chip, &account, date, 3, &mut out);
        assert_eq!((result, out.is_empty()), (Err(error), true));
        let result = hsm.cvv_verify(key, Kind::Chip, &account, date, &value("123"));
        assert_eq!(result, Err(error));
    }
    assert_eq!(device.touched(), asked);
}

/// Names of one account by which a caller would get more tries are one account to the device.
#[test]
fn questions_name_the_account() {
    let account = |text: &str| Question::PinVerify { pan: &pan(text) }.account();
    let one = account("4123456789012345").unwrap();
    assert_eq!(one, [4, 5, 6, 7, 8, 9, 0, 1, 2, 3, 4]);
    for alias in [
        "5123456789012345",
        "4123456789012340",
        "9993456789012345",
        "0004123456789012345",
    ] {
        assert_eq!(account(alias), Some(one), "{alias}");
    }
    assert_ne!(account("4123456789012355"), Some(one));
    assert_eq!(account("12"), Some([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]));
    let ceremony = attributes("D0", 'T', 'E', 'N');
    assert_eq!(Question::Ceremony { attributes: &ceremony }.account(), None);
}
