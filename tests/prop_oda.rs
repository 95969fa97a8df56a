// SPDX-License-Identifier: MIT OR Apache-2.0
//! Properties of the RSA operation and of offline data authentication.
#![cfg(all(feature = "oda", feature = "hazmat"))]

#[path = "common/oda.rs"]
mod oda;

use oda::{AIP, CA, Card as Made, ICC, INDEX, ISSUER, RID, power, sha1};
use payhsm::emv::oda::{CaKey, Card, CardData, Date, Fault, IccKey, Record, Records, Trust};
use payhsm::rsa::{Exponent, PublicKey};
use proptest::collection::vec;
use proptest::prelude::*;

/// An odd modulus of any length, and a number below it.
fn modulus_and_input() -> impl Strategy<Value = (Vec<u8>, Vec<u8>)> {
    // Long runs of ones and zeros are where carries go far.
    let byte = prop_oneof![4 => any::<u8>(), 1 => Just(0), 1 => Just(0xFF)];
    (1..=248_usize)
        .prop_flat_map(move |len| (vec(byte.clone(), len), vec(byte.clone(), len)))
        .prop_map(|(mut modulus, mut input)| {
            modulus[0] = modulus[0].max(1);
            *modulus.last_mut().unwrap() |= 1;
            if input >= modulus {
                input[0] = 0;
                if input >= modulus {
                    input.fill(0);
                }
            }
            (modulus, input)
        })
}

fn wrap(all: &[(u8, bool, Vec<u8>)]) -> Vec<u8> {
    oda::records(all)
}

fn sda(bytes: &[u8], aip: [u8; 2]) -> Option<[u8; 2]> {
    let modulus = CA.modulus();
    let checksum = CaKey::checksum(RID, INDEX, &modulus, CA.exponent);
    let keys = [CaKey::new(RID, INDEX, &modulus, CA.exponent, &checksum, None).unwrap()];
    let trust = Trust {
        keys: &keys,
        revoked: &[],
        date: Date::from_bytes([0x26, 0x11, 0x25]).unwrap(),
    };
    let card = Card::read(&trust, RID, aip, Records::parse(bytes).ok()?).ok()?;
    card.sda().ok()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 32, ..ProptestConfig::default() })]

    /// The operation is that of the big-integer crate.
    #[test]
    fn rsa_is_exponentiation((modulus, input) in modulus_and_input(), f4 in any::<bool>()) {
        prop_assume!(modulus != [1]);
        let (exponent, bytes) = if f4 { (Exponent::F4, &[1, 0, 1][..]) } else { (Exponent::Three, &[3][..]) };
        let key = PublicKey::new(&modulus, exponent).unwrap();
        let mut out = vec![0x55; modulus.len()];
        prop_assert_eq!(key.apply(&input, &mut out), Ok(()));
        prop_assert_eq!(out, power(&modulus, &input, bytes));
    }

    /// What is not below the modulus is refused.
    #[test]
    fn rsa_refuses_large_inputs((modulus, input) in modulus_and_input()) {
        let key = PublicKey::new(&modulus, Exponent::Three).unwrap();
        // The modulus plus the number, if that has no more bytes.
        let mut carry = 0;
        let mut sum: Vec<u8> = modulus.iter().zip(&input).rev().map(|(a, b)| {
            let sum = u16::from(*a) + u16::from(*b) + carry;
            carry = sum >> 8;
            sum.to_be_bytes()[1]
        }).collect();
        sum.reverse();
        prop_assume!(carry == 0);
        let mut out = vec![0x55; modulus.len()];
        prop_assert!(key.apply(&sum, &mut out).is_err());
        prop_assert!(out.iter().all(|&byte| byte == 0));
    }

    /// Records that are written are read.
    #[test]
    fn records_come_back(all in vec((1..=30_u8, any::<bool>(), vec(any::<u8>(), 0..300)), 0..5)) {
        let bytes = wrap(&all);
        let back: Vec<_> = Records::parse(&bytes).unwrap().iter().map(|r| (r.sfi, r.authenticated, r.data.to_vec())).collect();
        prop_assert_eq!(&back, &all);
        if let Some(len) = bytes.len().checked_sub(1) {
            let cut = Records::parse(&bytes[..len]);
            // A cut in front of a record without data leaves none of it.
            prop_assert!(cut.is_err());
        }
    }

    /// No change of a card's records makes it say another thing.
    #[test]
    fn a_changed_card_is_refused_or_says_the_same(at in any::<prop::sample::Index>(), xor in 1..=255_u8, cut in any::<bool>()) {
        let bytes = wrap(&Made::new(CA, ISSUER, ICC).records());
        prop_assert_eq!(sda(&bytes, AIP), Some([0xDA, 0xC5]));
        prop_assert_eq!(sda(&bytes, [AIP[0] ^ xor, AIP[1]]), None);
        let mut other = bytes.clone();
        let at = at.index(other.len());
        if cut {
            other.truncate(at);
        } else {
            other[at] ^= xor;
        }
        prop_assert!(matches!(sda(&other, AIP), None | Some([0xDA, 0xC5])));
    }

    /// What a card signs is verified; of anything else it is not.
    #[test]
    fn signed_dynamic_data(number in vec(any::<u8>(), 2..=8), sent in vec(any::<u8>(), 4..60), at in any::<prop::sample::Index>()) {
        let icc = IccKey::from_public_key(
            PublicKey::new(&ICC.modulus(), Exponent::from_bytes(ICC.exponent).unwrap()).unwrap(),
        );
        let mut data = vec![u8::try_from(number.len()).unwrap()];
        data.extend(&number);
        let signature = Made::dynamic(&data).sign(&ICC, &[&sent]);
        let read = icc.verify_dynamic(&sent, &signature).unwrap();
        prop_assert_eq!(read.as_bytes(), &number[..]);
        let mut other = sent.clone();
        other[at.index(sent.len())] ^= 1;
        prop_assert_eq!(icc.verify_dynamic(&other, &signature).unwrap_err().fault, Fault::Hash);
        let mut other = signature.clone();
        other[at.index(signature.len())] ^= 1;
        prop_assert!(icc.verify_dynamic(&sent, &other).is_err());
    }

    /// A combined answer holds for the one transaction.
    #[test]
    fn combined(sent in vec(any::<u8>(), 1..60), atc in any::<[u8; 2]>(), at in any::<prop::sample::Index>()) {
        let icc = IccKey::from_public_key(
            PublicKey::new(&ICC.modulus(), Exponent::from_bytes(ICC.exponent).unwrap()).unwrap(),
        );
        let un = [1, 2, 3, 4];
        let elements = [oda::element(0x9F27, &[0x80]), oda::element(0x9F36, &atc)].concat();
        let hash = sha1(&[&sent, &elements]);
        let data = [&[2, 0xAA, 0xBB, 0x80][..], &[0x77; 8], &hash].concat();
        let signature = Made::dynamic(&data).sign(&ICC, &[&un]);
        let response = oda::template(0x77, &[elements, oda::element(0x9F4B, &signature)]);
        let answer = icc.verify_combined(un, &[&sent], &response).unwrap();
        prop_assert_eq!((answer.atc.to_bytes(), answer.cryptogram), (atc, [0x77; 8]));
        // However the values are cut into parts.
        let (left, right) = sent.split_at(at.index(sent.len()));
        prop_assert!(icc.verify_combined(un, &[left, right], &response).is_ok());
        let mut other = sent.clone();
        other[at.index(sent.len())] ^= 1;
        let failure = icc.verify_combined(un, &[&other], &response).unwrap_err();
        prop_assert_eq!(failure.fault, Fault::TransactionHash);
    }

    /// The readers take any bytes.
    #[test]
    fn readers_are_total(bytes in vec(any::<u8>(), 0..200)) {
        if let Ok(records) = Records::parse(&bytes) {
            let _ = CardData::read(&records);
        }
        let record = Record { sfi: 1, authenticated: true, data: &bytes };
        let mut one = vec![0; bytes.len() + 3];
        prop_assert_eq!(record.write(&mut one), Ok(one.len()));
        let _ = sda(&one, AIP);
        let _ = payhsm::emv::oda::signed::internal_authenticate_response(&bytes);
    }
}
