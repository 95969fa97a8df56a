// SPDX-License-Identifier: MIT OR Apache-2.0
//! An authorisation message of a card.
#![allow(dead_code, reason = "not every bench reads every field")]

use payhsm::codec::tlv::Writer;
use payhsm::emv::card;
use payhsm::emv::derive::{Psn, icc_master_key};
use payhsm::emv::dol::Dol;
use payhsm::emv::element::{Atc, CryptogramKind, tag};
use payhsm::emv::profile::{AcInput, CDOL1, Profile};
use payhsm::emv::response::Authentication;
use payhsm::key::role::{Ac, IccMk, Imk};
use payhsm::key::{Key, Tdea};
use payhsm::pin::pan::Pan;

/// Issuer application data of Visa CVN 18.
pub const VISA_IAD: [u8; 7] = [0x06, 0x01, 0x12, 0x03, 0xA0, 0xB8, 0x00];

const TERMINAL: [u8; AcInput::TERMINAL_LEN] = [
    0, 0, 0, 0, 0x40, 0, 0, 0, 0, 0, 0, 0, 0x01, 0x24, 0x80, 0, 0x04, 0x80, 0, 0x01, 0x24, 0x19, 0x11, 0x05, 0x01,
    0x52, 0xBF, 0x45, 0x85,
];

/// One authorisation as the issuer sees it.
pub struct Request {
    pub imk: Key<Imk<Ac>, Tdea>,
    pub pan: Pan,
    pub mk: Key<IccMk<Ac>, Tdea>,
    pub input: AcInput,
    pub field55: Vec<u8>,
}

/// The message of a card under the issuer's master key `imk`.
pub fn request(profile: &Profile, imk: &[u8; 16], iad: &[u8]) -> Request {
    let imk = Key::from_bytes(imk).unwrap();
    let pan = Pan::parse(b"1234567890123456789").unwrap();
    let mut mk = Key::empty();
    icc_master_key(profile.master_key(), &imk, &pan, Psn::ABSENT, &mut mk).unwrap();
    let (aip, atc) = ([0x18, 0x00], Atc::new(0x001C));
    let input = AcInput::new(&TERMINAL, aip, atc).unwrap();
    let response = card::generate_ac(profile, &mk, CryptogramKind::Arqc, &input, iad).unwrap();
    let Authentication::Cryptogram(ac) = response.authentication else {
        panic!("an answer without combined data authentication has a cryptogram")
    };

    let mut out = [0; 300];
    let mut writer = Writer::new(&mut out);
    let mut rest = &TERMINAL[..];
    for entry in Dol::parse(&CDOL1).unwrap().entries() {
        let (value, after) = rest.split_at(entry.len.into());
        writer.put(entry.tag, value).unwrap();
        rest = after;
    }
    writer.put(tag::AIP, &aip).unwrap();
    writer.put(tag::ATC, &atc.to_bytes()).unwrap();
    writer.put(tag::CRYPTOGRAM, &ac).unwrap();
    writer.put(tag::CID, &[response.cid.to_byte()]).unwrap();
    writer.put(tag::IAD, iad).unwrap();
    let len = writer.finish().unwrap();
    Request {
        imk,
        pan,
        mk,
        input,
        field55: out[..len].to_vec(),
    }
}
