// SPDX-License-Identifier: MIT OR Apache-2.0
//! Offline data authentication: the records of a card, and what its signatures open to.

#[path = "../../tests/common/oda.rs"]
#[allow(dead_code, unused, clippy::all)]
mod signer;

use payhsm::emv::oda::signed::internal_authenticate_response;
use payhsm::emv::oda::{CaKey, Card, CardData, Date, Fault, IccKey, IssuerKey, Records, StaticData, Trust};
use payhsm::rsa::{Exponent, PublicKey};
use signer::{CA, ICC, ICC_SHORT, INDEX, ISSUER, PIN, RID, sha1};

use crate::Input;

const DAY: [u8; 3] = [0x26, 0x11, 0x25];

/// Records that are taken are written the same; a card made of them answers every question without a slip, and says
/// again what it said. What it says is what its issuer signed: nobody signs here, so only the seeds are authentic.
pub fn card(data: &[u8]) {
    let mut input = Input::new(data);
    let aip = input.array();
    let (sent, response) = (input.short(), input.short());
    let Ok(records) = Records::parse(input.rest()) else {
        return;
    };
    let mut spelled = Vec::new();
    for record in records.iter() {
        let mut one = vec![0; record.data.len() + 3];
        assert_eq!(record.write(&mut one), Ok(one.len()));
        assert!(record.write(&mut one[1..]).is_err());
        spelled.extend(one);
    }
    assert_eq!(spelled, input.rest());
    let modulus = CA.modulus();
    let checksum = CaKey::checksum(RID, INDEX, &modulus, CA.exponent);
    let keys = [CaKey::new(RID, INDEX, &modulus, CA.exponent, &checksum, None).unwrap()];
    let trust = Trust {
        keys: &keys,
        revoked: &[],
        date: Date::from_bytes(DAY).unwrap(),
    };
    let Ok(card) = Card::read(&trust, RID, aip, records) else {
        return;
    };
    let mut out = [0; 252];
    let _ = card.internal_authenticate_data(&[], &mut out);
    if let Ok(code) = card.sda() {
        assert_eq!((card.sda(), code), (Ok(code), [0xDA, 0xC5]));
    }
    let _ = card.dda(sent, response);
    let _ = card.fdda([0; 4], [0; 6], [0; 2]);
    let _ = card.cda([0; 4], &[sent], response);
    let _ = card.pin_key().is_ok();
}

/// Data that an issuer or a card signs, whatever they are: header, trailer and hash are made right as the first byte
/// says. What is believed has them right.
pub fn signed(data: &[u8]) {
    let mut input = Input::new(data);
    let [choice, format] = input.array();
    if choice & 0x40 != 0 {
        return issued(format, input);
    }
    let with = |bit: u8| choice & (1 << bit) != 0;
    let sent = input.short();
    let signer = if with(0) { ISSUER } else { ICC_SHORT };
    let mut message = input.slice(signer.len()).to_vec();
    message.resize(signer.len(), 0xBB);
    let len = message.len();
    // A card's answer to GENERATE AC, but for the signature; the message is what it signs if that is wanted.
    let cid_and_atc = [0x9F, 0x27, 1, 0x80, 0x9F, 0x36, 2, 0, 1];
    if with(4) && len >= 64 {
        let dynamic = [
            &[5, 1, 38, 8, 1, 2, 3, 4, 5, 6, 7, 8, if with(5) { 0x80 } else { 0x40 }][..],
            &[9; 8],
        ]
        .concat();
        message[1..=dynamic.len()].copy_from_slice(&dynamic);
        let mut hash = sha1(&[sent, &cid_and_atc]);
        hash[0] ^= choice & 0x80;
        message[dynamic.len() + 1..dynamic.len() + 21].copy_from_slice(&hash);
        message[dynamic.len() + 21..len - 21].fill(0xBB);
    }
    if with(1) {
        message[0] = 0x6A;
    }
    if with(2) {
        message[len - 1] = 0xBC;
    }
    if !with(4) {
        message[1] = format;
    }
    if with(3) {
        let hash = sha1(&[&message[1..len - 21], sent]);
        message[len - 21..len - 1].copy_from_slice(&hash);
    }
    // The modulus is above every number that begins with less than its first byte.
    message[0] = message[0].min(signer.modulus()[0] - 1);
    let signature = signer.sign_anew(&message);
    let right = message[0] == 0x6A
        && message[len - 1] == 0xBC
        && sha1(&[&message[1..len - 21], sent]) == message[len - 21..len - 1];
    let key = PublicKey::new(&signer.modulus(), Exponent::from_bytes(signer.exponent).unwrap()).unwrap();
    if with(0) {
        let issuer = IssuerKey::from_public_key(key, Date::from_bytes(DAY).unwrap());
        let mut card = CardData::default();
        let pan = [0x99, 0x99, 0x12, 0x34, 0x56, 0x78, 0x90, 0x12];
        card.pan = Some(&pan);
        card.static_signature = Some(&signature);
        card.pin_certificate = Some(&signature);
        card.pin_exponent = Some(sent);
        let static_data = StaticData::new(Records::default(), None, [0; 2]).unwrap();
        if issuer.verify_static(&card, &static_data).is_ok() {
            assert!(message[0] == 0x6A && message[1] == 0x03 && message[len - 1] == 0xBC);
        }
        if let Ok(key) = issuer.pin_key(&card) {
            assert!(right && message[1] == 0x04);
            drop(key);
        }
    } else {
        let icc = IccKey::from_public_key(key);
        if let Ok(number) = icc.verify_dynamic(sent, &signature) {
            assert!(right && message[1] == 0x05 && message[2] == 0x01);
            assert_eq!(number.as_bytes(), &message[5..5 + usize::from(message[4])]);
        } else {
            assert!(!(right && message[1] == 0x05 && message[2..] == well_formed(&message)[2..]));
        }
        let _ = icc.verify_combined([0; 4], &[sent], input.rest());
        let wide = |len: usize| vec![0x81, u8::try_from(len).unwrap()];
        let signed = [vec![0x9F, 0x4B], wide(signature.len()), signature.to_vec()].concat();
        let content = [&cid_and_atc[..], &signed, input.rest()].concat();
        if content.len() < 256 {
            let answer = [vec![0x77], wide(content.len()), content].concat();
            let believed = icc.verify_combined([0; 4], &[sent], &answer).is_ok();
            assert!(!believed || right && message[13] == 0x80 && !with(7));
        }
        let _ = internal_authenticate_response(input.rest());
    }
}

/// Certificates that the right keys have signed, with one field spoilt before: a certificate that is believed has every
/// field right.
fn issued(keys: u8, mut input: Input<'_>) {
    let [spoilt, which] = input.array();
    let value: [u8; 4] = input.array();
    let good = signer::Card::new(CA, ISSUER, [ICC, ICC_SHORT][usize::from(keys & 1)]).with_pin_key(&PIN);
    let mut made = good.clone();
    let place = match which % 3 {
        0 => &mut made.issuer_certificate,
        1 => &mut made.icc_certificate,
        _ => made.pin_certificate.as_mut().unwrap(),
    };
    let before = place.clone();
    let first = value[0];
    // Whether a certificate of another value is never one.
    let strict = match spoilt % 16 {
        1 => {
            place.subject[..4].copy_from_slice(&value);
            false
        }
        2 => {
            place.expiry = [first, value[1]];
            false
        }
        3 => {
            place.serial = [first, value[1], value[2]];
            false
        }
        4 => {
            place.hash_algorithm = first;
            first != before.hash_algorithm
        }
        5 => {
            place.key_algorithm = first;
            first != before.key_algorithm
        }
        6 => {
            place.key_len = first;
            first != before.key_len
        }
        7 => {
            place.exponent_len = first;
            first != before.exponent_len
        }
        8 => {
            place.exponent = value[1..2 + usize::from(first % 3)].to_vec();
            false
        }
        9 => {
            place.remainder_more = isize::from(first % 8);
            first % 8 != 0
        }
        10 => {
            place.signed.pad = first;
            false
        }
        11 => {
            place.signed.spoil_hash = true;
            true
        }
        12 => {
            place.signed.header = first & 0x7F;
            first & 0x7F != 0x6A
        }
        13 => {
            place.signed.trailer = first;
            first != 0xBC
        }
        14 => {
            place.signed.format = first;
            first != before.signed.format
        }
        15 => {
            // A shorter key, with more padding or less remainder.
            let len = place.modulus.len() - 8 * usize::from(first % 8);
            place.modulus.truncate(len);
            place.key_len = u8::try_from(len).unwrap();
            false
        }
        _ => false,
    };
    // What is signed of the card; a list of its own for INTERNAL AUTHENTICATE; what a card has signed already.
    let padded = spoilt & 0x10 != 0 && first != 0xBB;
    if padded {
        made.static_signature.pad = first;
    }
    if spoilt & 0x20 != 0 {
        made.more.push(signer::element(0x9F49, &value));
    }
    let fast = spoilt & 0x40 != 0;
    if fast {
        let related = [first, 1, 2, 3, 4, 5, 6];
        let signature = signer::Card::dynamic(&[2, 0xAA, value[1]]).sign(&made.icc, &[&[0; 12], &related]);
        made.more.push(signer::element(0x9F69, &related));
        made.more.push(signer::element(0x9F4B, &signature));
    }
    let records = signer::records(&made.records());
    let modulus = CA.modulus();
    let checksum = CaKey::checksum(RID, INDEX, &modulus, CA.exponent);
    let keys = [CaKey::new(RID, INDEX, &modulus, CA.exponent, &checksum, None).unwrap()];
    let mut revoked = [0; 9];
    revoked[..5].copy_from_slice(&RID);
    revoked[5..].copy_from_slice(&[INDEX, 0, 10, 2]);
    let trust = Trust {
        keys: &keys,
        revoked: &[revoked],
        date: Date::from_bytes(DAY).unwrap(),
    };
    let Ok(card) = Card::read(&trust, RID, made.aip, Records::parse(&records).unwrap()) else {
        assert!(spoilt % 16 != 0);
        return;
    };
    let _ = card.internal_authenticate_data(&[], &mut [0; 252]);
    let (data, pin) = (card.sda().is_ok(), card.pin_key().is_ok());
    assert!(!padded || !data);
    let issuer = data || padded;
    let signed = card.fdda([0; 4], [0; 6], [0; 2]);
    // Behind the certificate: nothing is signed, or what is signed is believed if it is as it should be.
    let icc = match (signed, fast) {
        (Ok(number), true) => first == 1 && number.as_bytes() == [0xAA, value[1]],
        (Err(failure), true) => first != 1 && failure.fault == Fault::DynamicData,
        (signed, false) => signed.is_err_and(|failure| failure.fault == Fault::Missing),
    };
    match which % 3 {
        _ if !strict => assert!(spoilt % 16 != 0 || issuer && icc && pin),
        0 => assert!(!data && !icc && !pin),
        1 => assert!(!icc && issuer),
        _ => assert!(!pin && issuer && icc),
    }
}

/// The message with the one shape that is always right: a dynamic number of 2 bytes, and padding.
fn well_formed(message: &[u8]) -> Vec<u8> {
    let len = message.len();
    let mut out = message.to_vec();
    out[2..5].copy_from_slice(&[1, 3, 2]);
    out[7..len - 21].fill(0xBB);
    out
}
