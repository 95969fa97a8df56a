// SPDX-License-Identifier: MIT OR Apache-2.0
//! Card verification values: what is made verifies, and nothing else does.
#![cfg(all(feature = "hazmat", feature = "host"))]

use payhsm::card::CardValue;
use payhsm::card::cvc3::{self, IvCvc3, Tap};
use payhsm::card::cvv::{self, Expiry, ExpiryOrder, Kind, ServiceCode};
use payhsm::emv::element::Atc;
use payhsm::error::Error;
use payhsm::key::Key;
use payhsm::pin::Pan;
use proptest::prelude::*;

fn kinds() -> impl Strategy<Value = Kind> {
    prop_oneof![
        (1..=998_u32).prop_map(|code| Kind::Stripe(ServiceCode::new(code).unwrap())),
        Just(Kind::Printed(ExpiryOrder::Yymm)),
        Just(Kind::Printed(ExpiryOrder::Mmyy)),
        Just(Kind::Chip),
    ]
}

fn ascii(digits: &[u8]) -> Vec<u8> {
    digits.iter().map(|digit| b'0' + digit).collect()
}

/// Whether `text` is what was made, by the library's own verdict.
fn same(verdict: Result<(), Error>) -> bool {
    match verdict {
        Ok(()) => true,
        Err(Error::VerificationFailed) => false,
        Err(other) => panic!("{other:?}"),
    }
}

proptest! {
    #[test]
    fn a_value_verifies_and_no_other_does(
        cvk: [u8; 16],
        kind in kinds(),
        pan in "[0-9]{1,19}",
        expiry in "[0-9]{4}",
        len in 3..=5_usize,
        other in "[0-9]{5}",
    ) {
        let cvk = Key::from_bytes(&cvk).unwrap();
        let (pan, expiry) = (Pan::parse(pan.as_bytes()).unwrap(), Expiry::yymm(expiry.as_bytes()).unwrap());
        let mut made = CardValue::empty();
        cvv::generate(&cvk, kind, &pan, expiry, len, &mut made).unwrap();
        prop_assert!(made.digits().iter().all(|&digit| digit <= 9));
        prop_assert_eq!(made.len(), len);
        prop_assert_eq!(cvv::verify(&cvk, kind, &pan, expiry, &made), Ok(()));
        let came = CardValue::parse(&other.as_bytes()[..len]).unwrap();
        let verdict = same(cvv::verify(&cvk, kind, &pan, expiry, &came));
        prop_assert_eq!(verdict, came.digits() == made.digits());
        // A shorter value is the left of a longer one.
        let mut all = CardValue::empty();
        cvv::generate(&cvk, kind, &pan, expiry, 5, &mut all).unwrap();
        prop_assert_eq!(&all.digits()[..len], made.digits());
    }

    #[test]
    fn a_cvc3_verifies_and_no_other_does(
        mk: [u8; 16],
        track in prop::collection::vec(any::<u8>(), 1..60),
        un: [u8; 4],
        atc: u16,
        len in 3..=5_usize,
        other in "[0-9]{5}",
    ) {
        let mk = Key::from_bytes(&mk).unwrap();
        let iv = IvCvc3::over(&mk, &track).unwrap();
        let tap = Tap { un, atc: Atc::new(atc) };
        let mut made = CardValue::empty();
        cvc3::generate(&mk, &iv, tap, &mut made).unwrap();
        let digits = ascii(made.digits());
        let number: u32 = core::str::from_utf8(&digits).unwrap().parse().unwrap();
        prop_assert!(u16::try_from(number).is_ok());
        let right = CardValue::parse(&digits[5 - len..]).unwrap();
        prop_assert_eq!(cvc3::verify(&mk, &iv, tap, &right), Ok(()));
        let came = CardValue::parse(&other.as_bytes()[5 - len..]).unwrap();
        prop_assert_eq!(same(cvc3::verify(&mk, &iv, tap, &came)), came.digits() == right.digits());
    }

    #[test]
    fn parsing_takes_three_to_five_digits(text in prop::collection::vec(any::<u8>(), 0..8)) {
        let sound = (3..=5).contains(&text.len()) && text.iter().all(u8::is_ascii_digit);
        match CardValue::parse(&text) {
            Ok(value) => {
                prop_assert!(sound);
                prop_assert_eq!(ascii(value.digits()), text);
            }
            Err(error) => {
                prop_assert!(!sound);
                prop_assert!(matches!(error, Error::InvalidLength | Error::InvalidDigit));
            }
        }
    }
}
