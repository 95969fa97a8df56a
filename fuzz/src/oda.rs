// SPDX-License-Identifier: MIT OR Apache-2.0
//! Offline data authentication: the records of a card, and what its signatures open to.

#[path = "../../tests/common/oda.rs"]
#[allow(dead_code, unused, clippy::all)]
mod signer;

use payhsm::emv::oda::signed::internal_authenticate_response;
use payhsm::emv::oda::{CaKey, Card, CardData, Date, IccKey, IssuerKey, Records, StaticData, Trust};
use payhsm::rsa::{Exponent, PublicKey};
use signer::{CA, ICC_SHORT, INDEX, ISSUER, RID, sha1};

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
        let hash = sha1(&[sent, &cid_and_atc]);
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
            assert!(!believed || right && message[13] == 0x80);
        }
        let _ = internal_authenticate_response(input.rest());
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
