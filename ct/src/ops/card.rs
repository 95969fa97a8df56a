// SPDX-License-Identifier: MIT OR Apache-2.0
//! Layer 3: EMV cryptograms, card verification values.

use payhsm::card::CardValue;
use payhsm::card::cvc3::{self, IvCvc3, Tap};
use payhsm::card::cvv::{self, Expiry, ExpiryOrder, Kind, ServiceCode};
use payhsm::codec::tlv::Tag;
use payhsm::emv::card::{generate_ac, verify_arpc};
use payhsm::emv::derive::{MasterKeyOption, Psn, icc_master_key, icc_master_key_aes};
use payhsm::emv::element::{Atc, CryptogramKind};
use payhsm::emv::explain::{Finding, explain};
use payhsm::emv::oda::{self, IccKey};
use payhsm::emv::profile::{
    AcInput, ArpcMethod, CCD_CV5, CCD_CV6, INTERAC_CVN133, MCHIP_CVN10, MCHIP_CVN11, MCHIP_CVN14, MCHIP_CVN15, Profile,
    Recipe, UNIONPAY_CVN01, VISA_CVN10, VISA_CVN18, VISA_CVN22, verify_arqc,
};
use payhsm::emv::raw::{self, RawRequest};
use payhsm::emv::response::Authentication;
use payhsm::emv::script::{self, Command, Request, Style};
use payhsm::emv::session::{Tree, emv2000_tree};
use payhsm::key::role::{Ac, IccMk, Imk, SessionKey, Smc, Smi};
use payhsm::key::{Aes, Key, Tdea};
use payhsm::pin::{Pan, Pin};
use payhsm::rsa::{Exponent, PublicKey};

use super::schemes::{digits, some_pin};
use super::{Random, bytes, open, secret};
use crate::Harness;

pub(super) const TERMINAL: [u8; 29] = [
    0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0x01, 0x56, 0, 0, 0, 0, 0, 0x01, 0x56, 0x26, 0x01, 0x31, 0, 0xA5, 0x5A, 0x12,
    0x34,
];
pub(super) const AIP: [u8; 2] = [0x3C, 0x00];

pub fn run(h: &mut Harness) {
    let long = Pan::parse(b"4012345678901234567").unwrap();
    for (name, option) in [("A", MasterKeyOption::A), ("B", MasterKeyOption::B)] {
        h.constant::<16>(&format!("ICC master key, option {name}"), || {
            master_key(option, &long).expose_bytes().try_into().unwrap()
        });
    }
    for (name, tree) in [("4, 8", Tree::Branch4Height8), ("2, 16", Tree::Branch2Height16)] {
        h.constant::<16>(&format!("session key, EMV 2000 tree of {name}"), || {
            let mut sk = Key::<SessionKey<Ac>, Tdea>::empty();
            let mk = master_key(MasterKeyOption::A, &long);
            emv2000_tree(&mk, Atc::new(0x1234), tree, &[0; 16], &mut sk).unwrap();
            sk.expose_bytes().try_into().unwrap()
        });
    }
    profile(h, "Visa CVN 10", &VISA_CVN10, &[6, 1, 10, 3, 0xA0, 0, 0]);
    profile(h, "Visa CVN 18", &VISA_CVN18, &[6, 1, 0x12, 3, 0xA0, 0, 0]);
    profile(h, "Visa CVN 22", &VISA_CVN22, &[6, 1, 0x22, 3, 0xA0, 0, 0]);
    profile(h, "Interac CVN 133", &INTERAC_CVN133, &[5, 1, 0x85, 4, 0, 0]);
    for (name, of, cvn) in [
        ("M/Chip CVN 10", &MCHIP_CVN10, 0x10),
        ("M/Chip CVN 11", &MCHIP_CVN11, 0x11),
        ("M/Chip CVN 14", &MCHIP_CVN14, 0x14),
        ("M/Chip CVN 15", &MCHIP_CVN15, 0x15),
    ] {
        profile(
            h,
            name,
            of,
            &[1, cvn, 0xA0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0],
        );
    }
    let mut iad = [0; 32];
    (iad[0], iad[1], iad[16]) = (0x0F, 0xA5, 0x0F);
    profile(h, "CCD version 5", &CCD_CV5, &iad);
    profile(h, "UnionPay CVN 01", &UNIONPAY_CVN01, &[7, 1, 1, 3, 0xA0, 0, 0, 1]);
    scripts(h);
    other_cards(h);
    card_values(h);
    offline_pin(h);
}

/// A PIN for the card: its block in clear, and under an RSA key. The modulus is any odd number with the highest bit set.
fn offline_pin(h: &mut Harness) {
    h.constant::<8>("offline PIN, in clear", || {
        let mut block = [0; 8];
        oda::pin::plaintext(&some_pin(), &mut block).unwrap();
        block
    });
    for (name, exponent) in [("3", Exponent::Three), ("65537", Exponent::F4)] {
        // What is sent is public; the verdict is that it was made.
        h.verdict(&format!("offline PIN, enciphered, exponent {name}"), true, || {
            let mut modulus = bytes::<144>(0xA7);
            modulus[0] |= 0x80;
            modulus[143] |= 1;
            let key = IccKey::from_public_key(PublicKey::new(&modulus, exponent).unwrap()).for_pin();
            let mut out = [0; 144];
            oda::pin::encipher(&key, &bytes(0x11), &some_pin(), &mut Random(7), &mut out) == Ok(144)
        });
    }
}

/// Values that are made become public; they and wrong ones are verified.
fn card_values(h: &mut Harness) {
    let pan = Pan::parse(b"4012345678909").unwrap();
    let expiry = Expiry::yymm(b"2512").unwrap();
    let cvk = || Key::from_bytes(&secret(bytes::<16>(0xC1))).unwrap();
    for (name, kind) in [
        ("CVV", Kind::Stripe(ServiceCode::parse(b"101").unwrap())),
        ("CVV2", Kind::Printed(ExpiryOrder::Mmyy)),
        ("iCVV", Kind::Chip),
    ] {
        h.verdict(&format!("{name}: make and verify"), true, || {
            let mut value = CardValue::empty();
            cvv::generate(&cvk(), kind, &pan, expiry, 5, &mut value).unwrap();
            cvv::verify(&cvk(), kind, &pan, expiry, &value).is_ok()
        });
        h.verdict(&format!("{name}: refuse"), false, || {
            let wrong = CardValue::parse(b"99999").unwrap();
            cvv::verify(&cvk(), kind, &pan, expiry, &wrong).is_ok()
        });
    }
    let mk = || Key::from_bytes(&secret(bytes::<16>(0xC2))).unwrap();
    let tap = Tap {
        un: [0, 0, 0x08, 0x99],
        atc: Atc::new(7),
    };
    let iv = || IvCvc3::over(&mk(), &bytes::<19>(0xC3)).unwrap();
    h.verdict("CVC3: make and verify", true, || {
        let mut value = CardValue::empty();
        cvc3::generate(&mk(), &iv(), tap, &mut value).unwrap();
        cvc3::verify(&mk(), &iv(), tap, &value).is_ok()
    });
    h.verdict("CVC3: refuse", false, || {
        let wrong = CardValue::parse(b"99999").unwrap();
        cvc3::verify(&mk(), &iv(), tap, &wrong).is_ok()
    });
}

/// The issuer sends a new PIN, the card takes it.
fn scripts(h: &mut Harness) {
    let request = Request::new(Atc::new(7), bytes(0xB3));
    commands(h);
    let mk_ac = || Key::<IccMk<Ac>, Tdea>::from_bytes(&secret(bytes::<16>(0xB6))).unwrap();
    for (name, profile, with_current) in [
        ("Visa CVN 10", &VISA_CVN10, false),
        ("Visa CVN 10, current PIN", &VISA_CVN10, true),
        ("Visa CVN 22", &VISA_CVN22, false),
        ("M/Chip CVN 10", &MCHIP_CVN10, false),
    ] {
        h.constant::<13>(&format!("{name}: PIN CHANGE"), || {
            let ((smi, smc), mk_ac) = (session(profile), mk_ac());
            let (smi, smc, mk_ac) = (&smi, &smc, &mk_ac);
            let keys = script::Keys { smi, smc, mk_ac };
            let current = with_current.then(some_pin);
            let mut command = [0; script::MAX_PIN_CHANGE_LEN];
            let len =
                script::pin_change(profile, &keys, &request, &some_pin(), current.as_ref(), &mut command).unwrap();
            let (command, mut new) = (&command[..len], Pin::empty());
            script::receive_pin_change(profile, &keys, &request, command, current.as_ref(), &mut new).unwrap();
            digits(&new)
        });
    }
    for (name, style) in [
        ("Visa", Style::Visa),
        ("Mastercard", Style::Mastercard),
        ("EMV", Style::Emv),
    ] {
        h.constant::<11>(&format!("script data, {name}: encipher and decipher"), || {
            let (_, smc) = session(&VISA_CVN10);
            let (mut sent, mut back) = ([0; 16], [0; 11]);
            let len = script::encipher(&smc, style, &secret(bytes::<11>(0xBA)), &mut sent).unwrap();
            script::decipher(&smc, style, &sent[..len], &mut back).unwrap();
            back
        });
        h.verdict(&format!("script data, {name}: refuse"), false, || {
            let (_, smc) = session(&VISA_CVN10);
            script::decipher(&smc, style, &bytes::<16>(0xB7), &mut [0; 11]).is_ok()
        });
    }
}

/// An AES card, and cryptograms over bytes that the caller gives.
fn other_cards(h: &mut Harness) {
    let pan = Pan::parse(b"4012345678909").unwrap();
    let mut iad = [0; 32];
    (iad[0], iad[1], iad[16]) = (0x0F, 0xA6, 0x0F);
    let input = AcInput::new(&TERMINAL, AIP, Atc::from_bytes(&[0, 7]).unwrap()).unwrap();
    let imk = |len: usize| Key::<Imk<Ac>, Aes>::from_bytes(&secret(bytes::<32>(0xB8))[..len]).unwrap();
    for len in [16, 24, 32] {
        let master_key = || {
            let mut mk = Key::empty();
            icc_master_key_aes(&imk(len), &pan, Psn::ABSENT, &mut mk).unwrap();
            mk
        };
        let arqc = || {
            let answer = generate_ac(&CCD_CV6, &master_key(), CryptogramKind::Arqc, &input, &iad).unwrap();
            let Authentication::Cryptogram(mut arqc) = answer.authentication else {
                unreachable!("no cryptogram asked for");
            };
            open(&mut arqc);
            arqc
        };
        h.verdict(&format!("AES-{} card: ARQC and ARPC", 8 * len), true, || {
            let arqc = arqc();
            let message = field55(&arqc, &iad);
            let verified = verify_arqc(&CCD_CV6, &imk(len), &pan, Psn::ABSENT, &message).unwrap();
            let mut data = verified.arpc2([0; 4], &[1, 2]).unwrap().as_bytes().to_vec();
            open(&mut data);
            verify_arpc(&CCD_CV6, &master_key(), &input, &arqc, &data).is_ok()
        });
        h.verdict(&format!("AES-{} card: refuse an ARQC", 8 * len), false, || {
            let mut arqc = arqc();
            arqc[5] ^= 1;
            verify_arqc(&CCD_CV6, &imk(len), &pan, Psn::ABSENT, &field55(&arqc, &iad)).is_ok()
        });
    }
    let recipe = Recipe {
        arpc: ArpcMethod::Method1,
        ..CCD_CV6.recipe()
    };
    h.verdict("raw cryptogram, AES: refuse", false, || {
        let request = RawRequest {
            kind: CryptogramKind::Arqc,
            atc: Atc::new(7),
            unpredictable_number: [0; 4],
            data: &TERMINAL,
            cryptogram: [0x55; 8],
        };
        raw::verify(&recipe, &imk(16), &pan, Psn::ABSENT, &request).is_ok()
    });
    // What it tells is public; how it finds out is not.
    h.verdict("explain a cryptogram", true, || {
        let iad = [6, 1, 0x12, 3, 0xA0, 0, 0];
        let mk = self::master_key(VISA_CVN18.master_key(), &pan);
        let answer = generate_ac(&VISA_CVN18, &mk, CryptogramKind::Arqc, &input, &iad).unwrap();
        let Authentication::Cryptogram(mut arqc) = answer.authentication else {
            unreachable!("no cryptogram asked for");
        };
        open(&mut arqc);
        let message = field55(&arqc, &iad);
        let explanation = explain(&VISA_CVN10, &self::imk(), &pan, Psn::ABSENT, &message).unwrap();
        matches!(explanation.finding, Finding::MadeWith(made) if made.profile == Some(&VISA_CVN18))
    });
}

/// The keys of a script.
fn session(profile: &Profile) -> (Key<SessionKey<Smi>, Tdea>, Key<SessionKey<Smc>, Tdea>) {
    let request = Request::new(Atc::new(7), bytes(0xB3));
    let (mut smi, mut smc) = (Key::empty(), Key::empty());
    let (mk_smi, mk_smc) = (secret(bytes::<16>(0xB4)), secret(bytes::<16>(0xB5)));
    script::session_key::<Smi>(profile, &Key::from_bytes(&mk_smi).unwrap(), &request, &mut smi).unwrap();
    script::session_key::<Smc>(profile, &Key::from_bytes(&mk_smc).unwrap(), &request, &mut smc).unwrap();
    (smi, smc)
}

/// Whole commands of a script, and that the card takes them.
fn commands(h: &mut Harness) {
    let request = Request::new(Atc::new(7), bytes(0xB3));
    let tag = Tag::new(0x9F58).unwrap();
    for (name, profile) in [
        ("Visa CVN 10", &VISA_CVN10),
        ("Visa CVN 22", &VISA_CVN22),
        ("M/Chip CVN 10", &MCHIP_CVN10),
    ] {
        h.verdict(&format!("{name}: PUT DATA, enciphered"), true, || {
            let (smi, smc) = session(profile);
            let data = secret(bytes::<11>(0xB9));
            let mut out = [0; script::MAX_COMMAND_LEN];
            let command = Command::PutData { tag, data: &data };
            let len = script::secure(profile, &smi, Some(&smc), &request, &command, &mut out).unwrap();
            open(&mut out);
            let text = script::verify_command(profile, &smi, &request, &out[..len]).unwrap();
            let mut clear = [0; 11];
            script::decipher(&smc, profile.script().unwrap().style, text, &mut clear).is_ok()
        });
        h.verdict(&format!("{name}: refuse a command"), false, || {
            let (smi, _) = session(profile);
            script::verify_command(profile, &smi, &request, &[0x84, 0x18, 0, 0, 8, 1, 2, 3, 4, 5, 6, 7, 8]).is_ok()
        });
    }
}

fn imk() -> Key<Imk<Ac>, Tdea> {
    Key::from_bytes(&secret(bytes::<16>(0xB1))).unwrap()
}

fn master_key(option: MasterKeyOption, pan: &Pan) -> Key<IccMk<Ac>, Tdea> {
    let mut mk = Key::empty();
    icc_master_key(option, &imk(), pan, Psn::ABSENT, &mut mk).unwrap();
    mk
}

/// The card makes an ARQC, the issuer verifies it and answers, the card verifies the answer.
fn profile(h: &mut Harness, name: &str, profile: &'static Profile, iad: &[u8]) {
    let pan = Pan::parse(b"4012345678909").unwrap();
    let input = AcInput::new(&TERMINAL, AIP, Atc::from_bytes(&[0, 7]).unwrap()).unwrap();
    let arqc = || {
        let mk = master_key(profile.master_key(), &pan);
        let answer = generate_ac(profile, &mk, CryptogramKind::Arqc, &input, iad).unwrap();
        let Authentication::Cryptogram(mut arqc) = answer.authentication else {
            unreachable!("no cryptogram asked for");
        };
        open(&mut arqc);
        arqc
    };
    h.verdict(&format!("{name}: ARQC and ARPC"), true, || {
        let arqc = arqc();
        let field55 = field55(&arqc, iad);
        let verified = verify_arqc(profile, &imk(), &pan, Psn::ABSENT, &field55).unwrap();
        let answer = match profile.arpc() {
            ArpcMethod::Method1 => verified.arpc1(*b"00"),
            ArpcMethod::Method2 => verified.arpc2([0; 4], &[]),
        };
        let mut data = answer.unwrap().as_bytes().to_vec();
        open(&mut data);
        let mk = master_key(profile.master_key(), &pan);
        verify_arpc(profile, &mk, &input, &arqc, &data).is_ok()
    });
    h.verdict(&format!("{name}: refuse an ARQC"), false, || {
        let mut arqc = arqc();
        arqc[3] ^= 1;
        verify_arqc(profile, &imk(), &pan, Psn::ABSENT, &field55(&arqc, iad)).is_ok()
    });
    h.verdict(&format!("{name}: refuse an ARPC"), false, || {
        let mk = master_key(profile.master_key(), &pan);
        let data = [0x55; 10];
        verify_arpc(profile, &mk, &input, &arqc(), &data).is_ok()
    });
}

pub(super) fn field55(arqc: &[u8; 8], iad: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    let mut put = |tag: &[u8], value: &[u8]| {
        out.extend_from_slice(tag);
        out.push(value.len() as u8);
        out.extend_from_slice(value);
    };
    let mut rest = &TERMINAL[..];
    let elements: [(&[u8], usize); 8] = [
        (&[0x9F, 0x02], 6),
        (&[0x9F, 0x03], 6),
        (&[0x9F, 0x1A], 2),
        (&[0x95], 5),
        (&[0x5F, 0x2A], 2),
        (&[0x9A], 3),
        (&[0x9C], 1),
        (&[0x9F, 0x37], 4),
    ];
    for (tag, len) in elements {
        let (value, after) = rest.split_at(len);
        put(tag, value);
        rest = after;
    }
    put(&[0x82], &AIP);
    put(&[0x9F, 0x36], &[0, 7]);
    put(&[0x9F, 0x10], iad);
    put(&[0x9F, 0x26], arqc);
    put(&[0x9F, 0x27], &[0x80]);
    out
}
