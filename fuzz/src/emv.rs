// SPDX-License-Identifier: MIT OR Apache-2.0
//! EMV: data object lists, answers of a card, authorisation messages, track 2.

use payhsm::codec::bcd;
use payhsm::codec::tlv::{self, Reader, Tag, Writer};
use payhsm::emv::card::{IssuerAnswer, generate_ac, verify_arpc};
use payhsm::emv::derive::{Psn, icc_master_key};
use payhsm::emv::dol::{Dol, MAX_DATA};
use payhsm::emv::element::{self, Atc, CryptogramKind, Track2, tag};
use payhsm::emv::explain::{Finding, explain};
use payhsm::emv::profile::{self, AcInput, ArpcMethod, CDOL1, IadLayout, IssuerAuthenticationData, verify_arqc};
use payhsm::emv::response::{Authentication, Format, GenerateAcResponse};
use payhsm::error::Error;
use payhsm::key::role::{Ac, Imk};
use payhsm::key::usage::KeyAlgorithm;
use payhsm::key::{Key, Tdea};
use payhsm::pin::pan::Pan;

use crate::Input;

/// A list is its entries; the data it gets have its length, and a value of the right length stands there as it is.
pub fn dol(data: &[u8]) {
    let mut input = Input::new(data);
    let list = input.short();
    let Ok(dol) = Dol::parse(list) else {
        let fault = Dol::fault(list).unwrap();
        assert!(fault.error == Error::Dol && fault.offset < list.len());
        // What stands before the fault is a list.
        assert!(Dol::parse(&list[..fault.offset]).is_ok());
        return;
    };
    assert_eq!(Dol::fault(list), None);
    let mut spelled = Vec::new();
    let mut len = 0;
    for entry in dol.entries() {
        spelled.extend(entry.tag.value().to_be_bytes().into_iter().skip(4 - entry.tag.len()));
        spelled.push(entry.len);
        len += usize::from(entry.len);
    }
    assert_eq!(spelled, list);
    assert_eq!(len, dol.data_len());
    assert!(len <= MAX_DATA);
    let mut objects: Vec<(Tag, &[u8])> = Vec::new();
    for entry in dol.entries() {
        objects.push((entry.tag, input.short()));
    }
    let mut out = [0x55; MAX_DATA];
    match dol.build(&objects, &mut out) {
        Ok(built) => {
            assert_eq!(built, len);
            assert!(out[built..].iter().all(|&b| b == 0x55));
            let mut rest = &out[..built];
            for (entry, (_, value)) in dol.entries().zip(&objects) {
                let (field, behind) = rest.split_at(usize::from(entry.len));
                if value.len() == field.len() && !entry.tag.is_constructed() {
                    assert_eq!(field, *value);
                }
                rest = behind;
            }
        }
        Err(error) => assert_eq!((error, out), (Error::TlvDuplicate, [0; MAX_DATA])),
    }
    if len > 0 {
        assert!(dol.build(&[], &mut out[..len - 1]).is_err());
    }
    assert_eq!(dol.build(&[], &mut out), Ok(len));
    assert!(out[..len].iter().all(|&b| b == 0));
}

/// An answer that is read is written and read again as the same.
pub fn response(data: &[u8]) {
    let fault = GenerateAcResponse::fault(data);
    let response = match GenerateAcResponse::parse(data) {
        Ok(response) => response,
        Err(error) => {
            let fault = fault.unwrap();
            assert_eq!(fault.error, tlv::fault(data).map_or(error, Error::from));
            assert!(fault.offset <= data.len());
            return;
        }
    };
    assert_eq!(fault, None);
    let mut out = vec![0; data.len() + 32];
    for format in [Format::Format1, Format::Format2] {
        match response.write(format, &mut out) {
            Ok(len) => assert_eq!(GenerateAcResponse::parse(&out[..len]), Ok(response)),
            Err(error) => {
                assert_eq!(error, Error::EmvElement);
                assert!(format == Format::Format1 && matches!(response.authentication, Authentication::Signed(_)));
            }
        }
    }
    response.check_requested(CryptogramKind::Tc).unwrap();
    let lower = response.check_requested(CryptogramKind::Aac);
    assert_eq!(lower.is_ok(), response.cid.kind() == CryptogramKind::Aac);
}

/// Track 2 that is read begins with its PAN, expiry and service code; a PAN that is read is written the same.
pub fn track2(data: &[u8]) {
    for (parsed, fault) in [
        (Track2::parse(data).map(|_| ()), Track2::fault(data)),
        (element::pan(data).map(|_| ()), element::pan_fault(data)),
    ] {
        assert_eq!(parsed.err(), fault.map(Error::from));
        assert!(fault.is_none_or(|fault| fault.offset <= data.len()));
    }
    if let Ok(track) = Track2::parse(data) {
        let head = [track.pan().digits(), &[0xD], &track.expiry(), &track.service_code()].concat();
        let nibbles: Vec<u8> = data.iter().flat_map(|b| [b >> 4, b & 15]).collect();
        assert_eq!(nibbles[..head.len()], head);
        let shown = format!("{track:?}");
        assert!(shown.bytes().filter(u8::is_ascii_digit).count() <= 11, "{shown}");
    }
    if let Ok(pan) = element::pan(data) {
        let mut back = vec![0; data.len()];
        bcd::encode_compressed(pan.digits(), &mut back).unwrap();
        assert_eq!(back, data);
    }
    for layout in IadLayout::ALL {
        if let Ok(iad) = layout.parse(data) {
            assert_eq!(iad.whole, data);
            assert!(data.len() <= 32);
            assert!(iad.cvr.is_empty() || data.windows(iad.cvr.len()).any(|w| w == iad.cvr));
        }
    }
}

/// The values that a cryptogram covers in every profile, and the cryptogram. 9F03 may be absent; what is foreign is
/// ignored.
fn covered(field55: &[u8]) -> Option<Vec<(u32, Vec<u8>)>> {
    let mut known = vec![tag::AIP, tag::ATC, tag::CRYPTOGRAM];
    known.extend(Dol::parse(&CDOL1).unwrap().entries().map(|entry| entry.tag));
    let mut found: Vec<(u32, Vec<u8>)> = Vec::new();
    for element in Reader::new(field55) {
        let element = element.ok()?;
        let tag = element.tag();
        if element.depth() == 0 && known.contains(&tag) {
            found.push((tag.value(), element.value().to_vec()));
        }
    }
    let other = tag::AMOUNT_OTHER.value();
    if !found.iter().any(|(tag, _)| *tag == other) {
        found.push((other, vec![0; 6]));
    }
    found.sort();
    Some(found)
}

/// What a card says its issuer believes, and the card its issuer; no change of a covered value is believed.
pub fn field55(data: &[u8]) {
    let mut input = Input::new(data);
    let [choice, psn, kind, place, xor] = input.array();
    let profile = profile::ALL[usize::from(choice) % profile::ALL.len()];
    let imk = Key::<Imk<Ac>, Tdea>::from_bytes(&input.array::<16>()).unwrap();
    let terminal = input.array::<29>();
    let aip = input.array();
    let atc = Atc::new(u16::from_be_bytes(input.array()));
    let answer = input.array::<4>();
    let (Ok(pan), Ok(psn)) = (Pan::parse(input.short()), Psn::new(psn)) else {
        return;
    };
    let iad = input.short();
    // A message of nobody, which is explained if it is one.
    let rest = input.rest();
    assert!(verify_arqc(profile, &imk, &pan, psn, rest).is_err());
    if profile.algorithm() == KeyAlgorithm::Tdea
        && let Ok(explanation) = explain(profile, &imk, &pan, psn, rest)
    {
        assert_eq!(explanation.finding, Finding::Nothing);
        assert!(explanation.to_string().len() < 2048);
    }

    let kind = [CryptogramKind::Aac, CryptogramKind::Arqc, CryptogramKind::Tc][usize::from(kind % 3)];
    let mut mk = Key::empty();
    if icc_master_key(profile.master_key(), &imk, &pan, psn, &mut mk).is_err() {
        return;
    }
    let ac_input = AcInput::new(&terminal, aip, atc).unwrap();
    let Ok(response) = generate_ac(profile, &mk, kind, &ac_input, iad) else {
        return;
    };
    let Authentication::Cryptogram(arqc) = response.authentication else {
        panic!("an answer without combined data authentication has a cryptogram")
    };

    let mut message = [0; 256];
    let mut writer = Writer::new(&mut message);
    let mut values = &terminal[..];
    for entry in Dol::parse(&CDOL1).unwrap().entries() {
        let (value, rest) = values.split_at(usize::from(entry.len));
        writer.put(entry.tag, value).unwrap();
        values = rest;
    }
    writer.put(tag::AIP, &aip).unwrap();
    writer.put(tag::ATC, &atc.to_bytes()).unwrap();
    writer.put(tag::IAD, iad).unwrap();
    writer.put(tag::CRYPTOGRAM, &arqc).unwrap();
    writer.put(tag::CID, &[response.cid.to_byte()]).unwrap();
    let len = writer.finish().unwrap();
    let message = &mut message[..len];

    let verified = match verify_arqc(profile, &imk, &pan, psn, message) {
        Ok(verified) => verified,
        Err(error) => {
            // Amounts and dates that are no numbers.
            assert_eq!(error, Error::EmvElement);
            return;
        }
    };
    assert_eq!(
        (verified.kind(), verified.atc(), verified.cryptogram()),
        (kind, atc, arqc)
    );
    let [a, b, c, d] = answer;
    let answered = match profile.arpc() {
        ArpcMethod::Method1 => verified.arpc1([a, b]),
        ArpcMethod::Method2 => verified.arpc2(answer, &[c, d][..usize::from(a % 3)]),
    };
    assert_eq!(answered.is_ok(), kind == CryptogramKind::Arqc);
    if let Ok(answered) = answered {
        let believed = |bytes: &[u8]| verify_arpc(profile, &mk, &ac_input, &arqc, bytes);
        match (profile.arpc(), believed(answered.as_bytes()).unwrap()) {
            (ArpcMethod::Method1, IssuerAnswer::ResponseCode(code)) => assert_eq!(code, [a, b]),
            (ArpcMethod::Method2, IssuerAnswer::StatusUpdate(update)) => assert_eq!(update, answer),
            other => panic!("{other:?}"),
        }
        let mut changed = IssuerAuthenticationData::as_bytes(&answered).to_vec();
        let place = usize::from(place) % changed.len();
        changed[place] ^= xor;
        assert_eq!(believed(&changed).is_ok(), xor == 0);
    }

    let explanation = explain(profile, &imk, &pan, psn, message).unwrap();
    assert_eq!(explanation.finding, Finding::Matches);
    assert!(explanation.to_string().len() < 2048);

    let before = covered(message);
    let place = usize::from(place) % len;
    message[place] ^= xor;
    if verify_arqc(profile, &imk, &pan, psn, message).is_ok() {
        assert_eq!(covered(message), before);
    }
}
