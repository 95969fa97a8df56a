// SPDX-License-Identifier: MIT OR Apache-2.0
//! Known answers of issuer scripts: `vectors/emv.txt`.

#![cfg(all(feature = "hazmat", feature = "host"))]

#[path = "common/vectors.rs"]
mod vectors;

use std::collections::BTreeMap;

use payhsm::emv::cryptogram;
use payhsm::emv::derive::{MasterKeyOption, Psn, icc_master_key};
use payhsm::emv::element::Atc;
use payhsm::emv::profile::{self, Profile, Scheme};
use payhsm::emv::script::{self, Keys, PinBlock, Request, Style};
use payhsm::emv::session;
use payhsm::error::Error;
use payhsm::key::role::{Ac, IccMk, Imk, Purpose, SessionKey, Smc, Smi};
use payhsm::key::{Key, Tdea};
use payhsm::pin::{Pan, Pin};
use vectors::{Case, Value, cases};

type Mk<P> = Key<IccMk<P>, Tdea>;
type Sk<P> = Key<SessionKey<P>, Tdea>;

const FAILED: Result<(), Error> = Err(Error::VerificationFailed);

fn pin(text: &str) -> Pin {
    let mut digits = [0; 12];
    for (digit, c) in digits.iter_mut().zip(text.bytes()) {
        *digit = c - b'0';
    }
    Pin::from_entry(text.len().try_into().unwrap(), &digits).unwrap()
}

fn text(pin: &Pin) -> String {
    let (len, digits) = pin.expose();
    digits[..usize::from(len)]
        .iter()
        .map(|d| char::from(b'0' + d))
        .collect()
}

fn master_key<P: Purpose>(option: MasterKeyOption, imk: &[u8], pan: &str, psn: &str) -> Mk<P> {
    let imk: Key<Imk<P>, Tdea> = Key::from_bytes(imk).unwrap();
    let (pan, psn) = (Pan::parse(pan.as_bytes()).unwrap(), psn.parse().unwrap());
    let mut mk = Key::empty();
    icc_master_key(option, &imk, &pan, Psn::new(psn).unwrap(), &mut mk).unwrap();
    mk
}

/// How a vector derives its session keys.
struct Derivation {
    option: MasterKeyOption,
    pan: String,
    psn: String,
    /// R of the common method; absent for Visa's.
    r: Option<[u8; 8]>,
    atc: Option<Vec<u8>>,
}

impl Derivation {
    fn of(case: &Case) -> Self {
        let option = match case.text("Option").as_str() {
            "A" => MasterKeyOption::A,
            "B" => MasterKeyOption::B,
            other => panic!("option {other}"),
        };
        let r = match case.text("Sk_method").as_str() {
            "common" => Some(case.array("R")),
            "visa_sm" => None,
            other => panic!("session key method {other}"),
        };
        let (pan, psn, atc) = (case.text("Pan"), case.text("Psn"), case.opt_hex("Atc"));
        Self {
            option,
            pan,
            psn,
            r,
            atc,
        }
    }

    fn master<P: Purpose>(&self, imk: &[u8]) -> Mk<P> {
        master_key(self.option, imk, &self.pan, &self.psn)
    }

    fn session<P: Purpose>(&self, mk: &Mk<P>) -> Sk<P> {
        let mut sk = Key::empty();
        match self.r {
            Some(r) => session::common(mk, &r, &mut sk).unwrap(),
            None => session::visa_sm(mk, Atc::from_bytes(self.atc.as_ref().unwrap()).unwrap(), &mut sk).unwrap(),
        }
        sk
    }
}

fn style(case: &Case, name: &str) -> Style {
    match case.text(name).as_str() {
        "VISA" => Style::Visa,
        "MASTERCARD" => Style::Mastercard,
        "EMV" => Style::Emv,
        other => panic!("style {other}"),
    }
}

fn enciphered(sk: &Sk<Smc>, style: Style, data: &[u8]) -> Vec<u8> {
    // Longer than needed: the rest is zero.
    let mut out = vec![0x55; data.len() + 24];
    let len = script::encipher(sk, style, data, &mut out).unwrap();
    assert_eq!(Some(len), style.enciphered_len(data.len()));
    assert!(out[len..].iter().all(|byte| *byte == 0));
    out.truncate(len);
    out
}

/// The MAC over one part is `mac`, wherever the message is cut, and nothing else verifies.
fn check_mac(sk: &Sk<Smi>, data: &[u8], mac: &[u8], id: &str) {
    for len in script::MIN_MAC_LEN..=script::MAX_MAC_LEN {
        let mut out = vec![0; len];
        script::mac(sk, &[data], &mut out).unwrap();
        assert_eq!(out, mac[..len], "{id}");
        for at in [0, 1, 5, data.len()] {
            let (left, right) = data.split_at(at);
            assert_eq!(script::verify_mac(sk, &[left, &[], right], &mac[..len]), Ok(()), "{id}");
        }
        for at in 0..len {
            let mut wrong = mac[..len].to_vec();
            wrong[at] ^= 0x20;
            assert_eq!(script::verify_mac(sk, &[data], &wrong), FAILED, "{id}: MAC byte {at}");
        }
    }
    for at in 0..data.len() {
        let mut wrong = data.to_vec();
        wrong[at] ^= 0x01;
        assert_eq!(script::verify_mac(sk, &[&wrong], mac), FAILED, "{id}: data byte {at}");
    }
    let mut wrong = sk.expose_bytes().to_vec();
    wrong[9] ^= 0x02;
    assert_eq!(
        script::verify_mac(&Key::from_bytes(&wrong).unwrap(), &[data], mac),
        FAILED,
        "{id}"
    );
}

#[test]
fn macs() {
    let cases = cases("emv", "emv_sm_mac");
    assert_eq!(cases.len(), 6);
    for case in cases {
        let sk = match case.opt_hex("Session_key") {
            Some(sk) => Key::from_bytes(&sk).unwrap(),
            None => {
                let derivation = Derivation::of(&case);
                let mk = derivation.master(&case.hex("Imk"));
                let sk: Sk<Smi> = derivation.session(&mk);
                for (name, kcv) in [("Icc_mk_kcv", mk.kcv_legacy()), ("Session_key_kcv", sk.kcv_legacy())] {
                    if let Some(expected) = case.opt_hex(name) {
                        assert_eq!(kcv.unwrap()[..expected.len()], expected);
                    }
                }
                sk
            }
        };
        check_mac(&sk, &case.hex("Data"), &case.hex("Mac"), case.id());
    }
}

#[test]
fn lengths_of_macs() {
    let sk = Key::from_bytes(&[0x46; 16]).unwrap();
    for len in [0, 1, 3, 9, 16] {
        let mut out = vec![0x55; len];
        assert_eq!(script::mac(&sk, &[b"data"], &mut out), Err(Error::InvalidLength));
        assert_eq!(out, vec![0; len]);
        assert_eq!(script::verify_mac(&sk, &[b"data"], &out), Err(Error::InvalidLength));
    }
    let mut out = [0x55; 8];
    assert_eq!(script::mac(&Key::empty(), &[b"data"], &mut out), Err(Error::NoKey));
    assert_eq!(out, [0; 8]);
    for len in [8, 24] {
        let other = Key::from_bytes(&vec![0x46; len]).unwrap();
        assert_eq!(script::mac(&other, &[b"data"], &mut out), Err(Error::InvalidKeyLength));
    }
}

#[test]
fn encipherment() {
    let cases = cases("emv", "emv_sm_encrypt");
    assert_eq!(cases.len(), 2);
    for case in cases {
        let sk = Key::from_bytes(&case.hex("Session_key")).unwrap();
        let style = style(&case, "Style");
        let (clear, expected) = (case.hex("Plaintext"), case.hex("Ciphertext"));
        assert_eq!(enciphered(&sk, style, &clear), expected, "{}", case.id());
        let mut back = vec![0; clear.len()];
        script::decipher(&sk, style, &expected, &mut back).unwrap();
        assert_eq!(back, clear, "{}", case.id());
        // Encipherment does not authenticate: a change gives other data, or breaks the padding.
        for at in 0..expected.len() {
            let mut wrong = expected.clone();
            wrong[at] ^= 0x04;
            match script::decipher(&sk, style, &wrong, &mut back) {
                Ok(()) => assert_ne!(back, clear),
                Err(e) => assert_eq!((e, &back), (Error::VerificationFailed, &vec![0; clear.len()])),
            }
        }
    }
}

#[test]
fn styles_of_every_length() {
    let sk = Key::from_bytes(&(1..=16).collect::<Vec<u8>>()).unwrap();
    let data: Vec<u8> = (0..=255).map(|i: u8| i.wrapping_mul(0x9D)).collect();
    for style in [Style::Visa, Style::Mastercard, Style::Emv] {
        for len in (0_usize..=40).chain([247, 253, 254, 255]) {
            let expected = match style {
                Style::Visa => (len + 2).next_multiple_of(8),
                Style::Mastercard => len.next_multiple_of(8),
                Style::Emv => (len + 1).next_multiple_of(8),
            };
            let text = enciphered(&sk, style, &data[..len]);
            assert_eq!(text.len(), expected, "{style:?} {len}");
            let mut back = vec![0x55; len];
            assert_eq!(script::decipher(&sk, style, &text, &mut back), Ok(()));
            assert_eq!(back, data[..len]);

            // No other length is read from it, in any style that marks it.
            for other in len.saturating_sub(9)..len + 9 {
                let mut back = vec![0x55; other];
                let result = script::decipher(&sk, style, &text, &mut back);
                if other != len && style.enciphered_len(other) == Some(text.len()) {
                    // Whole blocks of Mastercard carry no mark, only the missing one.
                    let whole = style == Style::Mastercard && other == text.len();
                    assert_eq!(result, if whole { Ok(()) } else { FAILED }, "{style:?} {len} {other}");
                } else if other != len {
                    assert_eq!(result, Err(Error::InvalidLength), "{style:?} {len} {other}");
                }
                assert!(result.is_ok() || back == vec![0; other]);
            }
            // Too little room.
            if let Some(short) = text.len().checked_sub(1) {
                let mut out = vec![0x55; short];
                let result = script::encipher(&sk, style, &data[..len], &mut out);
                assert_eq!((result, out), (Err(Error::BufferTooSmall), vec![0; short]));
            }
        }
    }
    let mut out = [0x55; 300];
    assert_eq!(
        script::encipher(&sk, Style::Visa, &[1; 256], &mut out),
        Err(Error::InvalidLength)
    );
    assert_eq!(out, [0; 300]);
    assert_eq!(
        script::encipher(&Key::empty(), Style::Emv, &[1; 8], &mut out),
        Err(Error::NoKey)
    );
    for len in [8, 24] {
        let other = Key::from_bytes(&vec![0x46; len]).unwrap();
        let result = script::encipher(&other, Style::Emv, &[1; 8], &mut out);
        assert_eq!(result, Err(Error::InvalidKeyLength));
    }
}

#[test]
fn vis_pin_block() {
    let cases = cases("emv", "emv_vis_pin_block");
    assert_eq!(cases.len(), 1);
    for case in cases {
        let mk: Mk<Ac> = Key::from_bytes(&case.hex("Icc_mk_ac")).unwrap();
        let new = case.text("Pin");
        let block = |mk: &Mk<Ac>, new: &str| {
            let mut out = [0; 8];
            script::pin_block(PinBlock::Vis, mk, &pin(new), None, &mut out).unwrap();
            out
        };
        assert_eq!(block(&mk, &new)[..], case.hex("Pin_block"));
        assert_ne!(block(&mk, &new), block(&mk, "1235"));
        assert_ne!(block(&mk, &new), block(&Key::from_bytes(&[0x46; 16]).unwrap(), &new));
    }
}

/// By single steps: these vectors combine what no one profile has. Those that do are run whole.
#[test]
fn pin_changes() {
    let (cases, mut whole) = (cases("emv", "emv_script_pin_change"), 0);
    assert_eq!(cases.len(), 10);
    for case in cases {
        let (id, derivation) = (case.id().to_owned(), Derivation::of(&case));
        let mk_ac = derivation.master(&case.hex("Imk_ac"));
        let smi = derivation.session::<Smi>(&derivation.master(&case.hex("Imk_smi")));
        let smc = derivation.session::<Smc>(&derivation.master(&case.hex("Imk_smc")));
        let (new, current) = (pin(&case.text("Pin")), case.opt_text("Current_pin").as_deref().map(pin));
        let form = match case.text("Pin_format").as_str() {
            "iso2" => PinBlock::Iso2,
            "vis" => PinBlock::Vis,
            other => panic!("PIN format {other}"),
        };
        let style = style(&case, "Enc_style");

        let mut block = [0; 8];
        script::pin_block(form, &mk_ac, &new, current.as_ref(), &mut block).unwrap();
        if let Some(expected) = case.opt_hex("Pin_block") {
            assert_eq!(block[..], expected, "{id}");
        }
        let data = enciphered(&smc, style, &block);
        assert_eq!(data, case.hex("Encrypted_data"), "{id}");
        let (prefix, mac) = (case.hex("Mac_prefix"), case.hex("Mac"));
        check_mac(&smi, &[&prefix[..], &data].concat(), &mac, &id);

        // Without ATC and ARQC in the MAC, format 2 and Mastercard's style: Interac's command.
        if prefix.len() == 5 && style == Style::Mastercard {
            let request = Request::new(Atc::new(0), derivation.r.unwrap());
            let keys = Keys {
                smi: &smi,
                smc: &smc,
                mk_ac: &mk_ac,
            };
            let command = pin_change(&profile::INTERAC_CVN133, &keys, &request, &new, current.as_ref());
            assert_eq!(command, [prefix, data, mac].concat(), "{id}");
            whole += 1;
        }
    }
    assert_eq!(whole, 2);
}

fn pin_change(profile: &Profile, keys: &Keys<'_>, request: &Request, new: &Pin, current: Option<&Pin>) -> Vec<u8> {
    let mut out = [0x55; script::MAX_PIN_CHANGE_LEN + 1];
    let len = script::pin_change(profile, keys, request, new, current, &mut out).unwrap();
    assert!(out[len..].iter().all(|byte| *byte == 0));
    out[..len].to_vec()
}

/// The card takes the new PIN from the command, and from none that was changed.
fn received(profile: &Profile, keys: &Keys<'_>, request: &Request, command: &[u8], new: &Pin, current: Option<&Pin>) {
    let receive = |command: &[u8], current: Option<&Pin>| {
        let mut got = pin("0000");
        let result = script::receive_pin_change(profile, keys, request, command, current, &mut got);
        assert!(result.is_ok() || got.expose() == (0, &[0; 12]));
        result.map(|()| text(&got))
    };
    assert_eq!(receive(command, current), Ok(text(new)));
    for at in 0..command.len() {
        let mut wrong = command.to_vec();
        wrong[at] ^= 0x01;
        let expected = if at < 5 {
            Error::InvalidArgument
        } else {
            Error::VerificationFailed
        };
        assert_eq!(receive(&wrong, current), Err(expected), "byte {at}");
        assert!(receive(&command[..at], current).is_err());
    }
    assert!(receive(&[command, &[0]].concat(), current).is_err());
    // Another form of the same command.
    let other = if current.is_some() { None } else { Some(new) };
    assert_eq!(receive(command, other), Err(Error::InvalidArgument));
}

fn pairs(list: &[Value]) -> BTreeMap<String, Value> {
    let pair = |value: &Value| match value.list() {
        [name, value] => (name.text(), value.clone()),
        other => panic!("not a pair: {other:?}"),
    };
    list.iter().map(pair).collect()
}

fn profile_for(cvn: &str) -> &'static Profile {
    let (scheme, number) = match cvn {
        "VISA10" => (Scheme::Visa, 0x0A),
        "VISA18" => (Scheme::Visa, 0x12),
        "VISA22" => (Scheme::Visa, 0x22),
        "INTERAC133" => (Scheme::Interac, 0x85),
        "MC16" => (Scheme::Mastercard, 0x10),
        "MC21" => (Scheme::Mastercard, 0x15),
        other => panic!("cryptogram version {other}"),
    };
    Profile::of(scheme, number).unwrap()
}

/// Whole commands of a transaction under a profile.
#[test]
fn scripts_of_profiles() {
    let (mut macs, mut commands, mut with_current) = (0, 0, 0);
    for case in cases("emv", "emv_cvn") {
        let (id, profile) = (case.id().to_owned(), profile_for(&case.text("Cvn")));
        let (given, out) = (pairs(&case.list("In")), pairs(&case.list("Out")));
        let (pan, psn) = (given["pan"].text(), given["psn"].text());
        let option = profile.master_key();
        let mk_ac: Mk<Ac> = master_key(option, &given["imk_ac"].hex(), &pan, &psn);
        let mk_smi: Mk<Smi> = master_key(option, &given["imk_smi"].hex(), &pan, &psn);
        let mk_smc: Mk<Smc> = master_key(option, &given["imk_smc"].hex(), &pan, &psn);

        let atc = Atc::from_bytes(&given["9F36"].hex()).unwrap();
        let un = given["9F37"].hex().try_into().unwrap();
        let mut sk = Key::empty();
        session::derive(profile.session_key(), &mk_ac, atc, un, &mut sk).unwrap();
        let names = ["9F02", "9F03", "9F1A", "95", "5F2A", "9A", "9C", "9F37", "82", "9F36"];
        let mut data = names.map(|name| given[name].hex()).concat();
        data.extend(given["tail"].list().iter().flat_map(Value::hex));
        let arqc = cryptogram::generate(&sk, profile.padding(), &[&data]).unwrap();
        let request = Request::new(atc, arqc);

        let (mut smi, mut smc) = (Key::empty(), Key::empty());
        script::session_key(profile, &mk_smi, &request, &mut smi).unwrap();
        script::session_key(profile, &mk_smc, &request, &mut smc).unwrap();
        let keys = Keys {
            smi: &smi,
            smc: &smc,
            mk_ac: &mk_ac,
        };

        let header = <[u8; 5]>::try_from(given["script_header"].hex()).unwrap();
        if let Some(expected) = out.get("script_mac").map(Value::hex) {
            command_without_data(profile, &smi, &request, header, &expected, &id);
            macs += 1;
        }
        let (new, current) = (
            pin(&given["pin"].text()),
            given.get("current_pin").map(|value| pin(&value.text())),
        );
        let command = pin_change(profile, &keys, &request, &new, current.as_ref());
        assert_eq!(command, out["pin_change"].hex(), "{id}");
        received(profile, &keys, &request, &command, &new, current.as_ref());
        // Another PIN, request or card.
        let other = pin_change(profile, &keys, &request, &pin("9998"), current.as_ref());
        assert_ne!(command, other);
        let mut got = Pin::empty();
        for other in [
            Request::new(Atc::new(atc.value() ^ 1), arqc),
            Request::new(atc, arqc.map(|byte| byte ^ 1)),
        ] {
            let result = script::receive_pin_change(profile, &keys, &other, &command, current.as_ref(), &mut got);
            let bound = profile.scheme() != Scheme::Interac;
            assert_eq!(result, if bound { FAILED } else { Ok(()) }, "{id}");
        }
        commands += 1;
        with_current += usize::from(current.is_some());
    }
    assert_eq!((macs, commands, with_current), (7, 10, 3));
}

/// A command that is only header and MAC.
fn command_without_data(
    profile: &Profile,
    smi: &Sk<Smi>,
    request: &Request,
    header: [u8; 5],
    expected: &[u8],
    id: &str,
) {
    let mut mac = [0; 8];
    script::command_mac(profile, smi, request, &header, &[], &mut mac).unwrap();
    assert_eq!(mac[..], *expected, "{id}");
    let command = [&header[..], expected].concat();
    let verify = |command: &[u8]| script::verify_command(profile, smi, request, command).map(<[u8]>::to_vec);
    assert_eq!(verify(&command), Ok(vec![]), "{id}");
    for at in 0..command.len() {
        let mut wrong = command.clone();
        wrong[at] ^= 0x08;
        let expected = if at == 4 {
            Error::InvalidLength
        } else {
            Error::VerificationFailed
        };
        assert_eq!(verify(&wrong), Err(expected), "{id} byte {at}");
        assert_eq!(verify(&command[..at]), Err(Error::InvalidLength), "{id}");
    }
    // No room for a MAC, and a MAC of another length.
    assert_eq!(verify(&[0x84, 0x18, 0, 0, 3, 1, 2, 3]), Err(Error::InvalidLength));
    let result = script::command_mac(profile, smi, request, &header, &[], &mut mac[..4]);
    assert_eq!((result, mac[..4].to_vec()), (Err(Error::InvalidLength), vec![0; 4]));
}

/// Issuer against card, for every profile and all lengths of PINs.
#[test]
fn card_and_issuer_agree() {
    let digits = "917350468201";
    let request = Request::new(Atc::new(0x1234), [0xD7; 8]);
    let mk_ac: Mk<Ac> = Key::from_bytes(&(0x10..0x20).collect::<Vec<u8>>()).unwrap();
    for profile in profile::ALL {
        let Ok(rules) = profile.script() else {
            // Their scripts are not verified.
            assert!(matches!(profile.scheme(), Scheme::UnionPay | Scheme::CommonCore));
            continue;
        };
        let (mut smi, mut smc) = (Key::empty(), Key::empty());
        script::session_key::<Smi>(profile, &Key::from_bytes(&[0x23; 16]).unwrap(), &request, &mut smi).unwrap();
        script::session_key::<Smc>(profile, &Key::from_bytes(&[0x45; 16]).unwrap(), &request, &mut smc).unwrap();
        let keys = Keys {
            smi: &smi,
            smc: &smc,
            mk_ac: &mk_ac,
        };
        for len in 4..=12 {
            let new = pin(&digits[..len]);
            let currents = (4..=12).map(|len| Some(pin(&digits[12 - len..])));
            for current in [None].into_iter().chain(currents) {
                if current.is_some() && rules.pin_block == PinBlock::Iso2 {
                    let mut out = [0x55; 40];
                    let result = script::pin_change(profile, &keys, &request, &new, current.as_ref(), &mut out);
                    assert_eq!((result, out), (Err(Error::Unsupported), [0; 40]));
                    continue;
                }
                let command = pin_change(profile, &keys, &request, &new, current.as_ref());
                let expected = if rules.style == Style::Mastercard { 8 } else { 16 };
                assert_eq!(command.len(), 5 + expected + rules.mac_len);
                received(profile, &keys, &request, &command, &new, current.as_ref());
                // Another current PIN: no PIN, or another one.
                if let Some(current) = &current {
                    let wrong = if text(current) == "4682" { "0468" } else { "4682" };
                    let (wrong, mut got) = (pin(wrong), Pin::empty());
                    match script::receive_pin_change(profile, &keys, &request, &command, Some(&wrong), &mut got) {
                        Ok(()) => assert_ne!(text(&got), text(&new)),
                        Err(e) => assert_eq!(e, Error::VerificationFailed),
                    }
                }
            }
        }
    }
}

#[test]
fn refusals() {
    let profile = &profile::VISA_CVN22;
    let request = Request::new(Atc::new(1), [7; 8]);
    let (smi, smc) = (Key::from_bytes(&[1; 16]).unwrap(), Key::from_bytes(&[2; 16]).unwrap());
    let mk_ac = Key::from_bytes(&[3; 16]).unwrap();
    let keys = Keys {
        smi: &smi,
        smc: &smc,
        mk_ac: &mk_ac,
    };
    let (new, current, empty) = (pin("1234"), pin("5678"), Pin::empty());
    let refused = |keys: &Keys<'_>, new: &Pin, current: Option<&Pin>, len: usize| {
        let mut out = vec![0x55; len];
        let error = script::pin_change(profile, keys, &request, new, current, &mut out).unwrap_err();
        assert_eq!(out, vec![0; len]);
        error
    };
    assert_eq!(refused(&keys, &empty, None, 29), Error::InvalidPin);
    assert_eq!(refused(&keys, &empty, Some(&current), 29), Error::InvalidPin);
    assert_eq!(refused(&keys, &new, Some(&empty), 29), Error::InvalidPin);
    for len in 0..29 {
        assert_eq!(refused(&keys, &new, None, len), Error::BufferTooSmall, "{len}");
    }
    let (no_smi, no_smc, no_mk) = (Key::empty(), Key::empty(), Key::empty());
    assert_eq!(refused(&Keys { smi: &no_smi, ..keys }, &new, None, 29), Error::NoKey);
    assert_eq!(refused(&Keys { smc: &no_smc, ..keys }, &new, None, 29), Error::NoKey);
    assert_eq!(
        refused(&Keys { mk_ac: &no_mk, ..keys }, &new, Some(&current), 29),
        Error::NoKey
    );
    for len in [8, 24] {
        let bytes = vec![5; len];
        let (smi, smc) = (Key::from_bytes(&bytes).unwrap(), Key::from_bytes(&bytes).unwrap());
        let mk_ac = Key::from_bytes(&bytes).unwrap();
        let error = Error::InvalidKeyLength;
        assert_eq!(refused(&Keys { smi: &smi, ..keys }, &new, None, 29), error);
        assert_eq!(refused(&Keys { smc: &smc, ..keys }, &new, None, 29), error);
        assert_eq!(
            refused(&Keys { mk_ac: &mk_ac, ..keys }, &new, Some(&current), 29),
            error
        );
        // Format 2 has no use for the master key.
        let mut out = [0; 29];
        let keys = Keys { mk_ac: &mk_ac, ..keys };
        assert_eq!(
            script::pin_change(profile, &keys, &request, &new, None, &mut out),
            Ok(29)
        );
    }
}

/// What a master key's bytes 4 to 7 and the current PIN do to a block, by hand.
#[test]
fn vis_block_by_hand() {
    let mk: Mk<Ac> =
        Key::from_bytes(&[0xA0, 0xA1, 0xA2, 0xA3, 0xFF, 0x0F, 0xF0, 0x00, 1, 2, 3, 4, 5, 6, 7, 8]).unwrap();
    let block = |form, new: &str, current: Option<&str>| {
        let (mut out, current) = ([0; 8], current.map(pin));
        script::pin_block(form, &mk, &pin(new), current.as_ref(), &mut out).unwrap();
        out
    };
    assert_eq!(
        block(PinBlock::Vis, "123456789012", None),
        [0x0C, 0x12, 0x34, 0x56, 0x78 ^ 0xFF, 0x90 ^ 0x0F, 0x12 ^ 0xF0, 0xFF]
    );
    assert_eq!(
        block(PinBlock::Vis, "12345", Some("9876543")),
        [
            0x05 ^ 0x98,
            0x12 ^ 0x76,
            0x34 ^ 0x54,
            0x5F ^ 0x30,
            0x00,
            0xF0,
            0x0F,
            0xFF
        ]
    );
    let iso2 = [0x24, 0x12, 0x34, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF];
    assert_eq!(block(PinBlock::Iso2, "1234", None), iso2);
    assert_eq!(block(PinBlock::Iso2OrVis, "1234", None), iso2);
    assert_eq!(
        block(PinBlock::Iso2OrVis, "1234", Some("4321")),
        block(PinBlock::Vis, "1234", Some("4321"))
    );
}
