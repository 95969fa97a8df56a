// SPDX-License-Identifier: MIT OR Apache-2.0
//! Known answers: card verification values and CVC3.
#![cfg(all(feature = "hazmat", feature = "host"))]

#[path = "common/vectors.rs"]
mod vectors;

use payhsm::card::CardValue;
use payhsm::card::cvc3::{self, IvCvc3, Tap};
use payhsm::card::cvv::{self, Expiry, ExpiryOrder, Kind, ServiceCode};
use payhsm::card::dcvv::{self, Authentication, Number};
use payhsm::emv::derive::{MasterKeyOption, Psn, icc_master_key};
use payhsm::emv::element::Atc;
use payhsm::error::Error;
use payhsm::key::role::{CardVerification, Dn, IccMk, Imk};
use payhsm::key::{Key, Tdea};
use payhsm::pin::Pan;

const FAILED: Result<(), Error> = Err(Error::VerificationFailed);

fn text(value: &CardValue) -> String {
    value.digits().iter().map(|digit| char::from(b'0' + digit)).collect()
}

fn value(text: &str) -> CardValue {
    CardValue::parse(text.as_bytes()).unwrap()
}

fn pan(text: &str) -> Pan {
    Pan::parse(text.as_bytes()).unwrap()
}

/// Every text with one other digit.
fn twins(text: &str) -> impl Iterator<Item = String> {
    (0..text.len()).map(move |at| {
        let mut twin = text.to_owned().into_bytes();
        twin[at] = b'0' + (twin[at] - b'0' + 1) % 10;
        String::from_utf8(twin).unwrap()
    })
}

fn key(bytes: &[u8]) -> Key<CardVerification, Tdea> {
    Key::from_bytes(bytes).unwrap()
}

#[test]
fn card_verification_values() {
    let (mut printed, mut chip, mut stripe) = (0, 0, 0);
    for case in vectors::cases("card_verification", "cvv") {
        let material = case.hex("Cvk");
        let cvk = key(&material);
        let (account, expiry) = (case.text("Pan"), case.text("Expiry"));
        let (code, stated) = (case.text("Service_code"), case.text("Cvv"));
        let kind = match code.as_str() {
            "000" => {
                printed += 1;
                Kind::Printed(ExpiryOrder::Yymm)
            }
            "999" => {
                chip += 1;
                Kind::Chip
            }
            code => {
                stripe += 1;
                Kind::Stripe(ServiceCode::parse(code.as_bytes()).unwrap())
            }
        };
        let (account, expiry) = (pan(&account), Expiry::yymm(expiry.as_bytes()).unwrap());
        let mut made = CardValue::empty();
        for len in 3..=5 {
            cvv::generate(&cvk, kind, &account, expiry, len, &mut made).unwrap();
            let common = len.min(stated.len());
            assert_eq!(text(&made)[..common], stated[..common], "{}", case.id());
            assert_eq!(cvv::verify(&cvk, kind, &account, expiry, &made), Ok(()));
        }
        assert_eq!(cvv::verify(&cvk, kind, &account, expiry, &value(&stated)), Ok(()));

        // Another value, another key, another card, another date, another place on the card.
        for twin in twins(&stated) {
            assert_eq!(cvv::verify(&cvk, kind, &account, expiry, &value(&twin)), FAILED);
        }
        let mut other = material;
        other[9] ^= 0x10;
        assert_ne!(five(&key(&other), kind, &account, expiry), text(&made));
        let mut digits: Vec<u8> = account.digits().iter().map(|digit| b'0' + digit).collect();
        digits[0] = if digits[0] == b'9' { b'8' } else { b'9' };
        assert_ne!(five(&cvk, kind, &Pan::parse(&digits).unwrap(), expiry), text(&made));
        let later = Expiry::yymm(b"9901").unwrap();
        assert_ne!(five(&cvk, kind, &account, later), text(&made));
        for other in [
            Kind::Printed(ExpiryOrder::Yymm),
            Kind::Chip,
            Kind::Stripe(ServiceCode::parse(b"777").unwrap()),
        ] {
            assert_eq!(five(&cvk, other, &account, expiry) == text(&made), other == kind);
        }
    }
    assert_eq!((printed, chip, stripe), (3, 1, 6));
}

/// All five digits: enough that two do not agree by chance.
fn five(cvk: &Key<CardVerification, Tdea>, kind: Kind, pan: &Pan, expiry: Expiry) -> String {
    let mut out = CardValue::empty();
    cvv::generate(cvk, kind, pan, expiry, 5, &mut out).unwrap();
    text(&out)
}

/// A library that takes the digits in one pass gives "12" here.
#[test]
fn the_second_pass_counts() {
    let cvk = key(&[
        0xF5, 0xB1, 0x65, 0x22, 0x4A, 0x58, 0xB7, 0x91, 0xDF, 0x6A, 0xF1, 0xD8, 0x30, 0x3E, 0x61, 0xCD,
    ]);
    let (account, expiry) = (pan("4643507347192872"), Expiry::yymm(b"2512").unwrap());
    let kind = Kind::Stripe(ServiceCode::parse(b"101").unwrap());
    assert!(five(&cvk, kind, &account, expiry).starts_with("124"));
    assert_eq!(cvv::verify(&cvk, kind, &account, expiry, &value("124")), Ok(()));
}

fn master_key(imk: &[u8], option: &str, account: &Pan, psn: &str) -> Key<IccMk<Dn>, Tdea> {
    let imk = Key::<Imk<Dn>, Tdea>::from_bytes(imk).unwrap();
    let option = match option {
        "A" => MasterKeyOption::A,
        "B" => MasterKeyOption::B,
        other => panic!("{other}"),
    };
    let mut mk = Key::empty();
    icc_master_key(option, &imk, account, Psn::new(psn.parse().unwrap()).unwrap(), &mut mk).unwrap();
    mk
}

#[test]
fn cvc3_values() {
    let (mut by_track, mut by_iv) = (0, 0);
    for case in vectors::cases("card_verification", "cvc3") {
        let (imk, option, account) = (case.hex("Imk"), case.text("Mkd"), pan(&case.text("Pan")));
        let mk = master_key(&imk, &option, &account, &case.text("Psn"));
        let tap = Tap {
            un: case.array("Un"),
            atc: Atc::from_bytes(&case.hex("Atc")).unwrap(),
        };
        let stated = case.text("Cvc3");
        let iv = match case.opt_hex("Track_data") {
            Some(track) => {
                by_track += 1;
                // Each byte of the track counts.
                let mut other = track.clone();
                other[track.len() / 2] ^= 1;
                let other = IvCvc3::over(&mk, &other).unwrap();
                assert_eq!(cvc3::verify(&mk, &other, tap, &value(&stated)), FAILED);
                IvCvc3::over(&mk, &track).unwrap()
            }
            None => {
                by_iv += 1;
                IvCvc3::from_bytes(case.array("Ivcvc3"))
            }
        };
        let mut made = CardValue::empty();
        cvc3::generate(&mk, &iv, tap, &mut made).unwrap();
        let digits = text(&made);
        assert_eq!(digits.len(), 5);
        assert!(digits.ends_with(&stated), "{}", case.id());
        for first in 0..3 {
            let came = &digits[first..];
            assert_eq!(cvc3::verify(&mk, &iv, tap, &value(came)), Ok(()));
            for twin in twins(came) {
                assert_eq!(cvc3::verify(&mk, &iv, tap, &value(&twin)), FAILED);
            }
        }
        // Another tap.
        let mut later = tap;
        later.atc = Atc::new(tap.atc.value() + 1);
        assert_eq!(cvc3::verify(&mk, &iv, later, &made), FAILED);
        let mut other = tap;
        other.un[3] ^= 1;
        assert_eq!(cvc3::verify(&mk, &iv, other, &made), FAILED);
    }
    assert_eq!((by_track, by_iv), (3, 1));
}

#[test]
fn dcvv_values() {
    let mut count = 0;
    for case in vectors::cases("card_verification", "dcvv") {
        let (imk, option, account) = (case.hex("Imk"), case.text("Mkd"), pan(&case.text("Pan")));
        let mk = master_key(&imk, &option, &account, "00");
        let expiry = Expiry::yymm(case.text("Expiry").as_bytes()).unwrap();
        let code = ServiceCode::parse(case.text("Service_code").as_bytes()).unwrap();
        let (atc, stated) = (case.text("Atc"), case.text("Dcvv"));
        let number = |text: &str| Number::parse(text.as_bytes()).unwrap();
        let verify = |atc: &str, text: &str| dcvv::verify(&mk, &account, number(atc), expiry, code, &value(text));
        let mut made = CardValue::empty();
        dcvv::generate(&mk, &account, number(&atc), expiry, code, 5, &mut made).unwrap();
        assert_eq!(text(&made)[..stated.len()], stated, "{}", case.id());
        assert_eq!(verify(&atc, &stated), Ok(()));
        for twin in twins(&stated) {
            assert_eq!(verify(&atc, &twin), FAILED);
        }
        for twin in twins(&atc) {
            assert_eq!(verify(&twin, &text(&made)), FAILED);
        }
        count += 1;
    }
    assert_eq!(count, 6);
    let mk = master_key(&[7; 16], "A", &pan("123"), "00");
    let (expiry, code) = (Expiry::yymm(b"2512").unwrap(), ServiceCode::parse(b"101").unwrap());
    let mut out = CardValue::empty();
    let result = dcvv::generate(
        &mk,
        &pan("123"),
        Number::parse(b"0001").unwrap(),
        expiry,
        code,
        3,
        &mut out,
    );
    assert_eq!((result, out.is_empty()), (Err(Error::InvalidPan), true));
    assert_eq!(Number::parse(b"00A1").err(), Some(Error::InvalidDigit));
    assert_eq!(Number::parse(b"001").err(), Some(Error::InvalidLength));
}

#[test]
fn cavv_values() {
    let mut count = 0;
    for case in vectors::cases("card_verification", "cavv_cvv_algorithm") {
        let (cvk, account) = (key(&case.hex("Cvk")), pan(&case.text("Pan")));
        let (number, result) = (case.text("Unpredictable_number"), case.text("Auth_result_code"));
        let factor: [u8; 2] = case.text("Second_factor_code").into_bytes().try_into().unwrap();
        let stated = case.text("Cavv");
        let over = Authentication::parse(number.as_bytes(), result.as_bytes()[0], &factor).unwrap();
        let mut made = CardValue::empty();
        dcvv::cavv_generate(&cvk, &account, &over, 5, &mut made).unwrap();
        assert_eq!(text(&made)[..stated.len()], stated, "{}", case.id());
        assert_eq!(dcvv::cavv_verify(&cvk, &account, &over, &value(&stated)), Ok(()));
        for twin in twins(&stated) {
            assert_eq!(dcvv::cavv_verify(&cvk, &account, &over, &value(&twin)), FAILED);
        }
        for twin in twins(&number) {
            let other = Authentication::parse(twin.as_bytes(), result.as_bytes()[0], &factor).unwrap();
            assert_eq!(dcvv::cavv_verify(&cvk, &account, &other, &made), FAILED);
        }
        count += 1;
    }
    assert_eq!(count, 2);
}
