// SPDX-License-Identifier: MIT OR Apache-2.0
//! Card verification values.

use payhsm::card::CardValue;
use payhsm::card::cvc3::{self, IvCvc3, Tap};
use payhsm::card::cvv::{self, Expiry, ExpiryOrder, Kind, ServiceCode};
use payhsm::emv::element::Atc;
use payhsm::error::Error;
use payhsm::key::Key;
use payhsm::pin::pan::Pan;

use crate::Input;

/// What comes with a card: digits or nothing, and what is made of them verifies.
pub fn card_value(data: &[u8]) {
    let mut input = Input::new(data);
    let (key, un, atc): ([u8; 16], [u8; 4], [u8; 2]) = (input.array(), input.array(), input.array());
    let value = input.short();
    let came = CardValue::parse(value);
    match &came {
        Ok(came) => {
            let text: Vec<u8> = came.digits().iter().map(|digit| b'0' + digit).collect();
            assert_eq!(text, value);
        }
        Err(error) => assert!(matches!(error, Error::InvalidLength | Error::InvalidDigit)),
    }
    let (pan, expiry, code) = (input.short(), input.short(), input.short());
    let track = input.short();
    if let Ok(code) = ServiceCode::parse(code)
        && let Ok(expiry) = Expiry::yymm(expiry)
        && let Ok(pan) = Pan::parse(pan)
    {
        let (cvk, mut made) = (Key::from_bytes(&key).unwrap(), CardValue::empty());
        let printed = [ExpiryOrder::Yymm, ExpiryOrder::Mmyy].map(Kind::Printed);
        for kind in [Kind::Stripe(code), Kind::Chip].into_iter().chain(printed) {
            for len in 3..=5 {
                cvv::generate(&cvk, kind, &pan, expiry, len, &mut made).unwrap();
                assert_eq!(made.len(), len);
                cvv::verify(&cvk, kind, &pan, expiry, &made).unwrap();
            }
            if let Ok(came) = &came {
                let right = !came.digits().is_empty() && made.digits().starts_with(came.digits());
                assert_eq!(cvv::verify(&cvk, kind, &pan, expiry, came).is_ok(), right);
            }
        }
        // A pair of keys has no third.
        let three = Key::from_bytes(&[&key[..], &key[..8]].concat()).unwrap();
        let wrong = cvv::generate(&three, Kind::Chip, &pan, expiry, 3, &mut made);
        assert_eq!((wrong, made.len()), (Err(Error::InvalidKeyLength), 0));
    }
    let mk = Key::from_bytes(&key).unwrap();
    match IvCvc3::over(&mk, track) {
        Ok(iv) => {
            let tap = Tap {
                un,
                atc: Atc::new(u16::from_be_bytes(atc)),
            };
            let mut made = CardValue::empty();
            cvc3::generate(&mk, &iv, tap, &mut made).unwrap();
            assert!(made.len() == 5 && made.digits().iter().all(|&digit| digit <= 9));
            cvc3::verify(&mk, &iv, tap, &made).unwrap();
        }
        Err(error) => assert!(track.is_empty() && error == Error::Track),
    }
}
