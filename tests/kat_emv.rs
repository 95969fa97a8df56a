// SPDX-License-Identifier: MIT OR Apache-2.0
//! Known answers of EMV application cryptograms: `vectors/emv.txt`.

#![cfg(all(feature = "hazmat", feature = "host"))]

#[path = "common/vectors.rs"]
mod vectors;

use std::collections::BTreeMap;

use payhsm::cipher::tdes::Tdes;
use payhsm::codec::tlv::{Tag, Writer};
use payhsm::emv::card::{self, IssuerAnswer};
use payhsm::emv::cryptogram::{self, Padding};
use payhsm::emv::derive::{MasterKeyOption, Psn, icc_master_key};
use payhsm::emv::dol::Dol;
use payhsm::emv::element::{Atc, CryptogramKind, tag};
use payhsm::emv::profile::{self, AcInput, ArpcMethod, CDOL1, IadLayout, IadPart, Profile, VerifiedArqc, verify_arqc};
use payhsm::emv::response::{Authentication, Format, GenerateAcResponse};
use payhsm::emv::session;
use payhsm::error::Error;
use payhsm::key::role::{Ac, IccMk, Imk, SessionKey};
use payhsm::key::{Key, Tdea};
use payhsm::pin::pan::Pan;
use vectors::{Case, Value, cases};

type Mk = Key<IccMk<Ac>, Tdea>;
type Sk = Key<SessionKey<Ac>, Tdea>;

fn pan(text: &str) -> Pan {
    Pan::parse(text.as_bytes()).unwrap()
}

fn psn(text: &str) -> Psn {
    Psn::new(text.parse().unwrap()).unwrap()
}

fn master_key(case: &Case) -> Mk {
    let option = match case.text("Option").as_str() {
        "A" => MasterKeyOption::A,
        "B" => MasterKeyOption::B,
        other => panic!("option {other}"),
    };
    let imk: Key<Imk<Ac>, Tdea> = Key::from_bytes(&case.hex("Imk")).unwrap();
    let (pan, number) = (pan(&case.text("Pan")), psn(&case.text("Psn")));
    let mut mk = Key::empty();
    icc_master_key(option, &imk, &pan, number, &mut mk).unwrap();
    // Another card has another key.
    let mut other: Mk = Key::empty();
    let next = Psn::new((number.value() + 1) % 100).unwrap();
    icc_master_key(option, &imk, &pan, next, &mut other).unwrap();
    assert_ne!(mk.expose_bytes(), other.expose_bytes());
    if let Some(kcv) = case.opt_hex("Icc_mk_kcv") {
        assert_eq!(zero_block(mk.expose_bytes())[..kcv.len()], kcv, "{}", case.id());
    }
    mk
}

fn zero_block(key: &[u8]) -> [u8; 8] {
    Tdes::new(key).unwrap().encrypt([0; 8])
}

fn atc(case: &Case) -> Atc {
    Atc::from_bytes(&case.hex("Atc")).unwrap()
}

/// `None` if the method is not in this build.
fn session_key(case: &Case, method: &str, mk: &Mk) -> Option<Sk> {
    let mut sk = Key::empty();
    match method {
        "none" => session::direct(mk, &mut sk),
        "common" => session::common(mk, &case.array("R"), &mut sk),
        "common_ac" => session::common_ac(mk, atc(case), &mut sk),
        "mastercard" => session::mchip(mk, atc(case), case.array("Un"), &mut sk),
        "visa_sm" => session::visa_sm(mk, atc(case), &mut sk),
        #[cfg(feature = "legacy")]
        "emv2000_tree" => {
            let tree = match (case.int("Height"), case.int("Branch")) {
                (8, 4) => session::Tree::Branch4Height8,
                (16, 2) => session::Tree::Branch2Height16,
                other => panic!("tree {other:?}"),
            };
            session::emv2000_tree(mk, atc(case), tree, &case.array("Iv"), &mut sk)
        }
        #[cfg(not(feature = "legacy"))]
        "emv2000_tree" => {
            case.discard();
            return None;
        }
        other => panic!("session key method {other}"),
    }
    .unwrap();
    Some(sk)
}

/// The keys of a case that gives issuer key and card, or the session key itself.
fn keys(case: &Case) -> (Option<Mk>, Sk) {
    let given = case.opt_hex("Session_key");
    let Some(method) = case.opt_text("Sk_method") else {
        return (None, Key::from_bytes(&given.unwrap()).unwrap());
    };
    let mk = master_key(case);
    let sk = session_key(case, &method, &mk).unwrap();
    if let Some(given) = given {
        assert_eq!(sk.expose_bytes(), given, "{}", case.id());
    }
    if let Some(kcv) = case.opt_hex("Session_key_kcv") {
        assert_eq!(zero_block(sk.expose_bytes())[..kcv.len()], kcv, "{}", case.id());
    }
    (Some(mk), sk)
}

/// Every vector of the family is run.
#[test]
fn count() {
    let mut counts = BTreeMap::<String, usize>::new();
    for case in vectors::family("emv") {
        *counts.entry(case.op().to_owned()).or_default() += 1;
        case.discard();
    }
    let run = [
        ("emv_ac_input", 4),
        ("emv_application_cryptogram", 21),
        ("emv_arpc", 25),
        ("emv_cvn", 10),
        ("emv_icc_mk", 3),
        ("emv_pboc_chain", 2),
        ("emv_session_key", 12),
    ];
    // In `kat_emv_script.rs`, with the scripts of `emv_cvn`.
    let scripts = [
        ("emv_script_pin_change", 10),
        ("emv_sm_encrypt", 2),
        ("emv_sm_mac", 6),
        ("emv_vis_pin_block", 1),
    ];
    let expected = run.iter().chain(&scripts).map(|&(op, n)| (op.to_owned(), n)).collect();
    assert_eq!(counts, expected);
    assert_eq!(counts.values().sum::<usize>(), 96);
}

#[test]
fn icc_master_keys() {
    let cases = cases("emv", "emv_icc_mk");
    assert_eq!(cases.len(), 3);
    for case in cases {
        assert_eq!(master_key(&case).expose_bytes(), case.hex("Icc_mk"), "{}", case.id());
    }
}

#[test]
fn session_keys() {
    let (mut run, mut skipped) = (0, 0);
    for case in cases("emv", "emv_session_key") {
        let mk = Key::from_bytes(&case.hex("Icc_mk")).unwrap();
        match session_key(&case, &case.text("Sk_method"), &mk) {
            Some(sk) => {
                assert_eq!(sk.expose_bytes(), case.hex("Session_key"), "{}", case.id());
                run += 1;
            }
            None => skipped += 1,
        }
    }
    // The ten trees of EMV 2000 are in the feature `legacy`.
    let expected = if cfg!(feature = "legacy") { (12, 0) } else { (2, 10) };
    assert_eq!((run, skipped), expected);
}

#[test]
fn application_cryptograms() {
    let cases = cases("emv", "emv_application_cryptogram");
    assert_eq!(cases.len(), 21);
    for case in cases {
        let (_, sk) = keys(&case);
        let (data, ac) = (case.hex("Data"), case.array("Ac"));
        let (padding, other) = match case.int("Padding") {
            1 => (Padding::Method1, Padding::Method2),
            2 => (Padding::Method2, Padding::Method1),
            other => panic!("padding {other}"),
        };
        let id = case.id();
        assert_eq!(cryptogram::generate(&sk, padding, &[&data]), Ok(ac), "{id}");
        // Where the message is cut into parts does not matter.
        for at in [0, 1, 7, 8, 9, data.len()] {
            let (left, right) = data.split_at(at);
            assert_eq!(
                cryptogram::verify(&sk, padding, &[left, &[], right], &ac),
                Ok(()),
                "{id}"
            );
        }

        let failed = Err(Error::VerificationFailed);
        for byte in 0..8 {
            let mut wrong = ac;
            wrong[byte] ^= 1 << byte;
            assert_eq!(cryptogram::verify(&sk, padding, &[&data], &wrong), failed, "{id}");
        }
        for at in 0..data.len() {
            let mut wrong = data.clone();
            wrong[at] ^= 0x10;
            assert_eq!(cryptogram::verify(&sk, padding, &[&wrong], &ac), failed, "{id}");
        }
        assert_eq!(cryptogram::verify(&sk, other, &[&data], &ac), failed, "{id}");
        let mut key = sk.expose_bytes().to_vec();
        key[15] ^= 0x02;
        let wrong = Key::from_bytes(&key).unwrap();
        assert_eq!(cryptogram::verify(&wrong, padding, &[&data], &ac), failed, "{id}");
    }
}

#[test]
fn response_cryptograms() {
    let cases = cases("emv", "emv_arpc");
    assert_eq!(cases.len(), 25);
    for case in cases {
        let (mk, sk) = keys(&case);
        let mut key = Key::empty();
        match case.opt_text("Arpc_key").as_deref() {
            Some("icc_mk") => session::direct(&mk.unwrap(), &mut key).unwrap(),
            Some("session_key") | None => key = sk,
            Some(other) => panic!("key {other}"),
        }
        let mut ac = case.array("Ac");
        let (id, arpc) = (case.id(), case.hex("Arpc"));
        match case.int("Method") {
            1 => {
                let [a, b] = case.array("Arc");
                assert_eq!(cryptogram::arpc1(&key, &ac, [a, b]).unwrap()[..], arpc, "{id}");
                assert_ne!(cryptogram::arpc1(&key, &ac, [a, b ^ 1]).unwrap()[..], arpc, "{id}");
                ac[7] ^= 1;
                assert_ne!(cryptogram::arpc1(&key, &ac, [a, b]).unwrap()[..], arpc, "{id}");
            }
            2 => {
                let [a, b, c, d] = case.array("Csu");
                let data = case.opt_hex("Prop_auth_data").unwrap_or_default();
                assert_eq!(
                    cryptogram::arpc2(&key, &ac, [a, b, c, d], &data).unwrap()[..],
                    arpc,
                    "{id}"
                );
                assert_ne!(
                    cryptogram::arpc2(&key, &ac, [a, b, c, d ^ 1], &data).unwrap()[..],
                    arpc,
                    "{id}"
                );
                ac[7] ^= 1;
                assert_ne!(
                    cryptogram::arpc2(&key, &ac, [a, b, c, d], &data).unwrap()[..],
                    arpc,
                    "{id}"
                );
                assert_eq!(
                    cryptogram::arpc2(&key, &ac, [a, b, c, d], &[0; 9]),
                    Err(Error::InvalidLength)
                );
            }
            other => panic!("method {other}"),
        }
    }
}

/// Pairs of a name and a value.
fn pairs(list: &[Value]) -> BTreeMap<String, Value> {
    let pair = |value: &Value| match value.list() {
        [name, value] => (name.text(), value.clone()),
        other => panic!("not a pair: {other:?}"),
    };
    list.iter().map(pair).collect()
}

/// The ten elements by tag, from a vector.
struct Elements(Vec<(Tag, Vec<u8>)>);

impl Elements {
    const NAMES: [&str; 10] = ["9F02", "9F03", "9F1A", "95", "5F2A", "9A", "9C", "9F37", "82", "9F36"];

    fn of(values: &BTreeMap<String, Value>) -> Self {
        let named = |name: &str| Tag::new(u32::from_str_radix(name, 16).unwrap()).unwrap();
        Self(Self::NAMES.map(|name| (named(name), values[name].hex())).to_vec())
    }

    fn get(&self, tag: Tag) -> &[u8] {
        &self.0.iter().find(|(t, _)| *t == tag).unwrap().1
    }

    fn concatenated(&self) -> Vec<u8> {
        self.0.iter().flat_map(|(_, value)| value.clone()).collect()
    }

    /// As the card sees them: the terminal's by the card's list, the rest its own.
    fn input(&self) -> AcInput {
        let objects: Vec<(Tag, &[u8])> = self.0.iter().map(|(t, v)| (*t, &v[..])).collect();
        let mut terminal = [0; AcInput::TERMINAL_LEN];
        Dol::parse(&CDOL1).unwrap().build(&objects, &mut terminal).unwrap();
        let aip = self.get(tag::AIP).try_into().unwrap();
        AcInput::new(&terminal, aip, Atc::from_bytes(self.get(tag::ATC)).unwrap()).unwrap()
    }

    /// Field 55 of the request.
    fn field55(&self, response: &GenerateAcResponse<'_>) -> Vec<u8> {
        let mut elements = self.0.clone();
        let Authentication::Cryptogram(ac) = response.authentication else {
            panic!("no cryptogram");
        };
        elements.push((tag::CRYPTOGRAM, ac.to_vec()));
        elements.push((tag::CID, vec![response.cid.to_byte()]));
        elements.push((tag::IAD, response.iad.to_vec()));
        encode(&elements)
    }
}

fn encode(elements: &[(Tag, Vec<u8>)]) -> Vec<u8> {
    let mut out = [0; 300];
    let mut writer = Writer::new(&mut out);
    for (tag, value) in elements {
        writer.put(*tag, value).unwrap();
    }
    let len = writer.finish().unwrap();
    out[..len].to_vec()
}

#[test]
fn cryptogram_input() {
    let cases = cases("emv", "emv_ac_input");
    assert_eq!(cases.len(), 4);
    for case in cases {
        let elements = Elements::of(&pairs(&case.list("Tags")));
        let (iad, part) = (case.hex("Iad"), case.hex("Iad_part"));
        let (layout, which) = match case.id() {
            "vis-cvn10-input" => (profile::VISA_CVN10.iad_layout(), profile::VISA_CVN10.iad_part()),
            "vis-cvn18-input" => (profile::VISA_CVN18.iad_layout(), profile::VISA_CVN18.iad_part()),
            "mchip-input" => (profile::MCHIP_CVN10.iad_layout(), profile::MCHIP_CVN10.iad_part()),
            "cpa-input" => (IadLayout::CommonCore, IadPart::Whole),
            other => panic!("unknown vector {other}"),
        };
        let parsed = layout.parse(&iad).unwrap();
        let taken = match which {
            IadPart::Whole => parsed.whole,
            IadPart::Cvr => parsed.cvr,
            IadPart::CvrAndCounters => panic!("no vector"),
        };
        assert_eq!(taken, part);
        let data = [elements.concatenated(), part].concat();
        assert_eq!(data, case.hex("Data"));
        // The padded message is whole blocks, to which method 1 adds nothing.
        let sk = Key::from_bytes(&[0x3B; 16]).unwrap();
        let padding = [Padding::Method1, Padding::Method2][usize::try_from(case.int("Padding")).unwrap() - 1];
        assert_eq!(
            cryptogram::generate(&sk, padding, &[&data]),
            cryptogram::generate(&sk, Padding::Method1, &[&case.hex("Padded")])
        );
    }
}

/// The issuer application data that a vector only gives the entering part of.
fn iad_for(cvn: &str, tail: &[Vec<u8>]) -> Vec<u8> {
    let all = tail.concat();
    match cvn {
        "VISA10" => [&[0x06, 0x01, 0x0A], &all[..]].concat(),
        "MC16" => [&[0x01, 0x10], &all[..], &[0; 10]].concat(),
        "MC21" => [&[0x01, 0x15], &all[..6], &[0; 2], &all[6..]].concat(),
        _ => all,
    }
}

fn profile_for(cvn: &str) -> &'static Profile {
    match cvn {
        "VISA10" => &profile::VISA_CVN10,
        "VISA18" => &profile::VISA_CVN18,
        "VISA22" => &profile::VISA_CVN22,
        "INTERAC133" => &profile::INTERAC_CVN133,
        "MC16" => &profile::MCHIP_CVN10,
        "MC17" => &profile::MCHIP_CVN11,
        "MC20" => &profile::MCHIP_CVN14,
        "MC21" => &profile::MCHIP_CVN15,
        "PBOC01" => &profile::UNIONPAY_CVN01,
        other => panic!("cvn {other}"),
    }
}

/// A whole transaction: card, issuer and their twins that lie.
struct Transaction<'a> {
    profile: &'static Profile,
    imk: Key<Imk<Ac>, Tdea>,
    pan: Pan,
    psn: Psn,
    elements: Elements,
    iad: &'a [u8],
}

impl Transaction<'_> {
    fn mk(&self) -> Mk {
        let mut mk = Key::empty();
        icc_master_key(self.profile.master_key(), &self.imk, &self.pan, self.psn, &mut mk).unwrap();
        mk
    }

    fn verify(&self, field55: &[u8]) -> Result<VerifiedArqc, Error> {
        verify_arqc(self.profile, &self.imk, &self.pan, self.psn, field55)
    }

    fn answer(&self, verified: VerifiedArqc, arc: [u8; 2], csu: [u8; 4]) -> Vec<u8> {
        let data = match self.profile.arpc() {
            ArpcMethod::Method1 => verified.arpc1(arc),
            ArpcMethod::Method2 => verified.arpc2(csu, &[]),
        };
        data.unwrap().as_bytes().to_vec()
    }

    fn run(&self, ac: [u8; 8], arpc: Option<&[u8]>, arc: [u8; 2], csu: [u8; 4]) {
        let (mk, input) = (self.mk(), self.elements.input());
        let response = card::generate_ac(self.profile, &mk, CryptogramKind::Arqc, &input, self.iad).unwrap();
        assert_eq!(response.authentication, Authentication::Cryptogram(ac));
        for format in [Format::Format1, Format::Format2] {
            let mut out = [0; 80];
            let len = response.write(format, &mut out).unwrap();
            assert_eq!(GenerateAcResponse::parse(&out[..len]), Ok(response));
        }

        let field55 = self.elements.field55(&response);
        let verified = self.verify(&field55).unwrap();
        assert_eq!(verified.atc(), input.atc());
        assert_eq!(verified.unpredictable_number(), input.unpredictable_number());
        assert_eq!((verified.kind(), verified.cryptogram()), (CryptogramKind::Arqc, ac));
        let answer = self.answer(verified, arc, csu);
        if let Some(arpc) = arpc {
            assert_eq!(answer[..arpc.len()], *arpc);
        }

        let expected = match self.profile.arpc() {
            ArpcMethod::Method1 => IssuerAnswer::ResponseCode(arc),
            ArpcMethod::Method2 => IssuerAnswer::StatusUpdate(csu),
        };
        let check = |answer: &[u8]| card::verify_arpc(self.profile, &mk, &input, &ac, answer);
        assert_eq!(check(&answer), Ok(expected));
        for at in 0..answer.len() {
            let mut wrong = answer.clone();
            wrong[at] ^= 0x40;
            assert_eq!(check(&wrong), Err(Error::VerificationFailed), "byte {at} of the answer");
            assert!(check(&answer[..at]).is_err());
        }
        assert_eq!(check(&[&answer[..], &[0; 9]].concat()), Err(Error::EmvElement));

        self.refusals(&response);
        // TC and AAC verify, and get no answer.
        for kind in [CryptogramKind::Tc, CryptogramKind::Aac] {
            let response = card::generate_ac(self.profile, &mk, kind, &input, self.iad).unwrap();
            let verify = || self.verify(&self.elements.field55(&response)).unwrap();
            assert_eq!(verify().kind(), kind);
            let (one, two) = (verify().arpc1(arc), verify().arpc2(csu, &[]));
            let (fits, other) = match self.profile.arpc() {
                ArpcMethod::Method1 => (one, two),
                ArpcMethod::Method2 => (two, one),
            };
            assert_eq!((fits, other), (Err(Error::BadState), Err(Error::Unsupported)));
        }
    }

    /// Everything that is not the card's message.
    fn refusals(&self, response: &GenerateAcResponse<'_>) {
        let Authentication::Cryptogram(ac) = response.authentication else {
            panic!("no cryptogram");
        };
        let mut all = self.elements.0.clone();
        all.push((tag::CRYPTOGRAM, ac.to_vec()));
        all.push((tag::CID, vec![response.cid.to_byte()]));
        all.push((tag::IAD, self.iad.to_vec()));
        let verdict = |elements: &[(Tag, Vec<u8>)]| self.verify(&encode(elements)).err();
        assert_eq!(verdict(&all), None);

        for at in 0..all.len() {
            let (name, value) = &all[at];
            let changed = |value: Vec<u8>| {
                let mut elements = all.clone();
                elements[at].1 = value;
                verdict(&elements)
            };
            let dont_care = *name == tag::CID || *name == tag::IAD;
            // One bit of each byte; digits stay digits.
            for byte in 0..value.len() {
                let mut wrong = value.clone();
                wrong[byte] ^= 1;
                let error = changed(wrong);
                let refused = error == Some(Error::VerificationFailed);
                assert!(refused || dont_care, "{name} byte {byte}: {error:?}");
            }
            // One byte more or less.
            let longer = changed([&value[..], &[0x99]].concat());
            let shorter = changed(value[1..].to_vec());
            let expected = if *name == tag::IAD {
                Error::Iad
            } else {
                Error::EmvElement
            };
            assert_eq!((longer, shorter), (Some(expected), Some(expected)), "{name}");
            // Absent, twice, and hidden in a template.
            let mut elements = all.clone();
            let taken = elements.remove(at);
            let absent = match *name {
                // Absent means zeros.
                tag::AMOUNT_OTHER if taken.1 == [0; 6] => None,
                tag::AMOUNT_OTHER => Some(Error::VerificationFailed),
                _ => Some(Error::TlvMissing),
            };
            assert_eq!(verdict(&elements), absent, "{name}");
            let mut hidden = encode(&elements);
            let inner = encode(core::slice::from_ref(&taken));
            hidden.extend([&[0x70, u8::try_from(inner.len()).unwrap()], &inner[..]].concat());
            assert_eq!(self.verify(&hidden).err(), absent, "{name}");
            let mut twice = all.clone();
            twice.push(taken);
            assert_eq!(verdict(&twice), Some(Error::TlvDuplicate), "{name}");
        }
        // Bytes at a border moved into the neighbour: the same concatenation.
        let mut moved = all.clone();
        let byte = moved[0].1.pop().unwrap();
        moved[1].1.insert(0, byte);
        assert_eq!(verdict(&moved), Some(Error::EmvElement));
        // A letter where a digit belongs.
        let mut letter = all.clone();
        letter[0].1[0] = 0x0A;
        assert_eq!(verdict(&letter), Some(Error::EmvElement));

        // The order of elements, padding and foreign elements do not matter.
        let mut reversed = all.clone();
        reversed.reverse();
        reversed.push((Tag::new(0x9F33).unwrap(), vec![1, 2, 3]));
        let mut padded = vec![0, 0];
        padded.extend(encode(&reversed));
        padded.push(0);
        assert_eq!(self.verify(&padded).err(), None);

        // Another profile, card or key.
        let field55 = encode(&all);
        for profile in profile::ALL.iter().filter(|p| **p != self.profile) {
            let result = verify_arqc(profile, &self.imk, &self.pan, self.psn, &field55);
            assert_eq!(result.err(), Some(Error::Iad), "{}", profile.name());
        }
        let next = Psn::new((self.psn.value() + 1) % 100).unwrap();
        let failed = Some(Error::VerificationFailed);
        assert_eq!(
            verify_arqc(self.profile, &self.imk, &self.pan, next, &field55).err(),
            failed
        );
        let other: Key<Imk<Ac>, Tdea> = Key::from_bytes(&[0x46; 16]).unwrap();
        assert_eq!(
            verify_arqc(self.profile, &other, &self.pan, self.psn, &field55).err(),
            failed
        );
        let none: Key<Imk<Ac>, Tdea> = Key::empty();
        assert_eq!(
            verify_arqc(self.profile, &none, &self.pan, self.psn, &field55).err(),
            Some(Error::NoKey)
        );
        for len in [8, 24] {
            let short: Key<Imk<Ac>, Tdea> = Key::from_bytes(&[0x46; 24][..len]).unwrap();
            let result = verify_arqc(self.profile, &short, &self.pan, self.psn, &field55);
            assert_eq!(result.err(), Some(Error::InvalidKeyLength));
        }
    }
}

#[test]
fn cryptogram_versions() {
    let (mut whole, mut other_number, mut scripts_only) = (0, 0, 0);
    for case in cases("emv", "emv_cvn") {
        let cvn = case.text("Cvn");
        let (given, out) = (pairs(&case.list("In")), pairs(&case.list("Out")));
        if !out.contains_key("ac") {
            // Only the PIN change script with the current PIN.
            assert!(["py-emv-cvn-438", "py-emv-cvn-440", "py-emv-cvn-442"].contains(&case.id()));
            scripts_only += 1;
            continue;
        }
        let tail: Vec<_> = given["tail"].list().iter().map(Value::hex).collect();
        let iad = iad_for(&cvn, &tail);
        let transaction = Transaction {
            profile: profile_for(&cvn),
            imk: Key::from_bytes(&given["imk_ac"].hex()).unwrap(),
            pan: pan(&given["pan"].text()),
            psn: psn(&given["psn"].text()),
            elements: Elements::of(&given),
            iad: &iad,
        };
        let ac = <[u8; 8]>::try_from(out["ac"].hex()).unwrap();
        let arpc = out["arpc"].hex();
        let arc = given["arc"].hex().try_into().unwrap_or_default();
        let csu = given["csu"].hex().try_into().unwrap_or_default();
        if cvn == "VISA22" {
            // The vector's issuer application data carry number 12: the algorithm agrees, the profile refuses.
            let mut sk = Key::empty();
            let atc = transaction.elements.input().atc();
            session::derive(
                transaction.profile.session_key(),
                &transaction.mk(),
                atc,
                [0; 4],
                &mut sk,
            )
            .unwrap();
            let data = transaction.elements.concatenated();
            let padding = transaction.profile.padding();
            assert_eq!(cryptogram::generate(&sk, padding, &[&data, &iad]), Ok(ac));
            assert_eq!(cryptogram::arpc2(&sk, &ac, csu, &[]).unwrap()[..], arpc);
            let (mk, input) = (transaction.mk(), transaction.elements.input());
            let refused = card::generate_ac(transaction.profile, &mk, CryptogramKind::Arqc, &input, &iad);
            assert_eq!(refused, Err(Error::Iad));
            other_number += 1;
        } else {
            transaction.run(ac, Some(&arpc), arc, csu);
            whole += 1;
        }
    }
    assert_eq!((whole, other_number, scripts_only), (6, 1, 3));
}

#[test]
fn pboc_chains() {
    let cases = cases("emv", "emv_pboc_chain");
    assert_eq!(cases.len(), 2);
    for case in cases {
        let imk: Key<Imk<Ac>, Tdea> = Key::from_bytes(&case.hex("Imk")).unwrap();
        let (pan, psn, atc) = (pan(&case.text("Pan")), psn(&case.text("Psn")), atc(&case));
        let mut mk = Key::empty();
        icc_master_key(MasterKeyOption::Pboc, &imk, &pan, psn, &mut mk).unwrap();
        let mut sk = Key::empty();
        session::unionpay(&mk, atc, &mut sk).unwrap();
        if let Some(udk) = case.opt_hex("Udk") {
            assert_eq!(mk.expose_bytes(), udk);
            assert_eq!(sk.expose_bytes(), case.hex("Session_key"));
        }
        let Some(data) = case.opt_hex("Data") else { continue };
        let (mut rest, mut values) = (&data[..], Vec::new());
        for (name, len) in Elements::NAMES.into_iter().zip([6, 6, 2, 5, 2, 3, 1, 4, 2, 2]) {
            let (value, after) = rest.split_at(len);
            values.push((
                Tag::new(u32::from_str_radix(name, 16).unwrap()).unwrap(),
                value.to_vec(),
            ));
            rest = after;
        }
        let iad = [&[0x07, 0x01, 0x01], rest, &[0x01]].concat();
        let transaction = Transaction {
            profile: &profile::UNIONPAY_CVN01,
            imk,
            pan,
            psn,
            elements: Elements(values),
            iad: &iad,
        };
        transaction.run(case.array("Ac"), Some(&case.hex("Arpc")), case.array("Arc"), [0; 4]);
    }
}

/// Profiles without a vector of their own: every length of issuer application data, card against issuer.
#[test]
fn card_and_issuer_agree() {
    let cvr = [0xA0, 0x00, 0x03, 0x22, 0x00, 0x00];
    let mchip = |cvn, len: usize| {
        let mut iad = [&[0x01, cvn], &cvr[..], &[0x5A; 20]].concat();
        iad.truncate(len);
        iad
    };
    let mut runs: Vec<(&'static Profile, Vec<u8>)> = Vec::new();
    for len in [18, 20, 26, 28] {
        runs.push((&profile::MCHIP_CVN10, mchip(0x10, len)));
        runs.push((&profile::MCHIP_CVN11, mchip(0x11, len)));
        runs.push((&profile::MCHIP_CVN14, mchip(0x14, len)));
        runs.push((&profile::MCHIP_CVN15, mchip(0x15, len)));
    }
    let mut format2 = vec![0x77; 32];
    format2[..3].copy_from_slice(&[0x1F, 0x22, 0x01]);
    runs.push((&profile::VISA_CVN22, format2));
    runs.push((&profile::VISA_CVN22, vec![0x06, 0x01, 0x22, 0x03, 0xA0, 0xB8, 0x00]));
    runs.push((
        &profile::VISA_CVN18,
        vec![0x06, 0x01, 0x12, 0x03, 0xA0, 0xB8, 0x00, 0x02, 0x0F, 0x01],
    ));

    for (profile, iad) in runs {
        let values = [
            ("9F02", &[0, 0, 0, 0, 0x99, 0x99][..]),
            ("9F03", &[0, 0, 0, 0, 0x12, 0x00]),
            ("9F1A", &[0x08, 0x40]),
            ("95", &[0x80, 0, 0, 0, 0]),
            ("5F2A", &[0x09, 0x78]),
            ("9A", &[0x26, 0x01, 0x31]),
            ("9C", &[0x00]),
            ("9F37", &[0xAB, 0xCD, 0xEF, 0x12]),
            ("82", &[0x18, 0x00]),
            ("9F36", &[0x00, 0x1C]),
        ];
        let named = |name| Tag::new(u32::from_str_radix(name, 16).unwrap()).unwrap();
        let transaction = Transaction {
            profile,
            imk: Key::from_bytes(&(1..=16).collect::<Vec<u8>>()).unwrap(),
            pan: pan("5413330089600012345"),
            psn: psn("03"),
            elements: Elements(values.map(|(name, value)| (named(name), value.to_vec())).to_vec()),
            iad: &iad,
        };
        let (mk, input) = (transaction.mk(), transaction.elements.input());
        let response = card::generate_ac(profile, &mk, CryptogramKind::Arqc, &input, &iad).unwrap();
        let Authentication::Cryptogram(ac) = response.authentication else {
            panic!("no cryptogram");
        };
        transaction.run(ac, None, *b"00", [0x00, 0x82, 0x00, 0x00]);
    }
}

/// A card of a public PBOC trace, from its own master key on.
#[test]
fn pboc_card() {
    let hex = |text: &str| -> Vec<u8> {
        (0..text.len() / 2)
            .map(|i| u8::from_str_radix(&text[2 * i..2 * i + 2], 16).unwrap())
            .collect()
    };
    let mk: Mk = Key::from_bytes(&hex("0D2E3CB0BC1F9E03AED58F663A2F9679")).unwrap();
    let terminal = hex("0000000012340000000000340156D86004A80001561205160101010101");
    let input = AcInput::new(&terminal, [0x7C, 0x00], Atc::new(0x000E)).unwrap();
    let iad = hex("07020103A4B904010A0100000000001BFC423C");
    let response = card::generate_ac(&profile::UNIONPAY_CVN01, &mk, CryptogramKind::Arqc, &input, &iad).unwrap();
    let arqc = <[u8; 8]>::try_from(hex("F294D7022FA9B058")).unwrap();
    assert_eq!(response.authentication, Authentication::Cryptogram(arqc));
    let mut answer = hex("3846EEB4C8D342713030");
    let check = |answer: &[u8]| card::verify_arpc(&profile::UNIONPAY_CVN01, &mk, &input, &arqc, answer);
    assert_eq!(check(&answer), Ok(IssuerAnswer::ResponseCode(*b"00")));
    answer[9] ^= 1;
    assert_eq!(check(&answer), Err(Error::VerificationFailed));
}

/// The second public chain, from field 55 as it stands in a message to field 91, byte for byte.
#[test]
fn pboc_from_the_message() {
    let hex = |text: &str| -> Vec<u8> {
        let digits: Vec<u8> = text.bytes().filter(u8::is_ascii_hexdigit).collect();
        let value = |c: u8| u8::try_from(char::from(c).to_digit(16).unwrap()).unwrap();
        digits
            .chunks(2)
            .map(|pair| value(pair[0]) << 4 | value(pair[1]))
            .collect()
    };
    let imk: Key<Imk<Ac>, Tdea> = Key::from_bytes(&hex("F0C34A8124CEE0A91A0B034AA97D6EAC")).unwrap();
    let (pan, psn) = (pan("6228000100001"), psn("01"));
    let message = hex(
        "9F26 08 5D016C91005E7CC2 9F27 01 80 9F10 08 0701 0103A0400201 9F37 04 1E78EEBC 9F36 02 0240 95 05 0080046000 \
         9A 03 140701 9C 01 00 9F02 06 000000000001 5F2A 02 0156 82 02 7D00 9F1A 02 0156 9F03 06 000000000000 \
         9F33 03 E0E1C8 9F34 03 020300 9F35 01 22 9F1E 08 3132333435363738 84 08 A000000333010102 9F09 02 0030 \
         9F41 04 00000001 00 00",
    );
    let verified = verify_arqc(&profile::UNIONPAY_CVN01, &imk, &pan, psn, &message).unwrap();
    assert_eq!(
        (verified.atc().value(), verified.kind()),
        (0x0240, CryptogramKind::Arqc)
    );
    let answer = verified.arpc1(*b"01").unwrap();
    assert_eq!(answer.as_bytes(), hex("21415243527CE78F 3031"));
    // An SM4 card under the same numbers is another card: its algorithm is not this one's.
    let at = message.windows(4).position(|window| window == hex("A0400201")).unwrap();
    let mut sm4 = message.clone();
    sm4[at + 3] = 0x04;
    let refused = verify_arqc(&profile::UNIONPAY_CVN01, &imk, &pan, psn, &sm4);
    assert_eq!(refused.err(), Some(Error::Iad));
    for at in [0, 20, 40, 60] {
        let mut wrong = message.clone();
        wrong[at + 3] ^= 1;
        assert!(verify_arqc(&profile::UNIONPAY_CVN01, &imk, &pan, psn, &wrong).is_err());
    }
}
