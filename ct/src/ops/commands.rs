// SPDX-License-Identifier: MIT OR Apache-2.0
//! Layer 4: the module's commands that no sale needs. Cards and their scripts, card verification values, messages in
//! parts, working keys, agreements, offline PIN.

use payhsm::card::CardValue;
use payhsm::card::cvc3::{self, IvCvc3, Tap};
use payhsm::card::cvv::{Expiry, ExpiryOrder, Kind, ServiceCode};
use payhsm::cipher::modes::ecb_encrypt;
use payhsm::cipher::tdes::Tdes;
use payhsm::codec::tlv::Tag;
use payhsm::emv::card::generate_ac;
use payhsm::emv::derive::{MasterKeyOption, Psn, icc_master_key, icc_master_key_aes};
use payhsm::emv::element::{Atc, CryptogramKind};
use payhsm::emv::explain::Finding;
use payhsm::emv::oda::{CaKey, Card, Date, Records, Trust};
use payhsm::emv::profile::{
    AcInput, ArpcMethod, CCD_CV6, MCHIP_CVN10, Profile, UNIONPAY_CVN01, VISA_CVN10, VISA_CVN18,
};
use payhsm::emv::raw::{self, RawRequest};
use payhsm::emv::response::Authentication;
use payhsm::emv::script::{self, Command, Request};
use payhsm::hsm::{ArpcRequest, EncipheredPin, KeyRef, MacMethod, MacPurpose, Padding, ScriptTarget};
use payhsm::inject::agreement::unauthenticated::Kdf;
use payhsm::inject::working::SignOnKind;
use payhsm::key::Key;
use payhsm::key::role::{Dn, Imk, Role};
use payhsm::key::usage::{KeyAlgorithm, ModeOfUse};
use payhsm::key::{Algorithm, Tdea};
use payhsm::pin::block::{Format, encipher_tdea};
use payhsm::policy::{MacAlgorithm, Permission, Policy};

use super::card::{AIP, TERMINAL, field55};
use super::module::{Module, attributes, enter, pan, start, start_with};
use super::schemes::some_pin;
use super::{Random, bytes, open, secret};
use crate::Harness;

const AES: KeyAlgorithm = KeyAlgorithm::Aes;
const TDEA: KeyAlgorithm = KeyAlgorithm::Tdea;
const CHAIN: &str = include_str!("../../../vectors/emv_oda_chain.txt");

pub fn run(h: &mut Harness) {
    cryptograms(h);
    scripts(h);
    card_values(h);
    messages(h);
    working_keys(h);
    agreements(h);
    offline_pin(h);
    h.verdict("module: translate a PIN block for the same PAN", true, || {
        let mut module = start(0x11);
        let input = KeyRef::Slot(enter(&mut module, b"P0", TDEA, b'D', 0x12));
        let output = enter(&mut module, b"P0", TDEA, b'E', 0x14);
        let (pan, mut out) = (pan(), [0; 16]);
        let (from, to) = (Format::Iso0, Format::Iso3);
        module
            .pin_translate_pans(input, from, &pan, &pin_block(0x12), output, to, &pan, &mut out)
            .is_ok()
    });
}

/// What [`enter`] puts together.
fn entered(seed: u8) -> [u8; 16] {
    let mut first: [u8; 16] = bytes(seed);
    first[15] ^= 0x70;
    first.map(|byte| byte ^ 0x2D)
}

fn same<R: Role, A: Algorithm>(seed: u8) -> Key<R, A> {
    Key::from_bytes(&secret(entered(seed))).unwrap()
}

/// A block of format 0 under the key of a seed, as it came.
fn pin_block(seed: u8) -> [u8; 8] {
    let mut block = [0; 8];
    encipher_tdea(
        &same(seed),
        Format::Iso0,
        &some_pin(),
        Some(&pan()),
        &mut Random(3),
        &mut block,
    )
    .unwrap();
    open(&mut block);
    block
}

/// An ARQC of the card whose issuer has the key of a seed.
fn arqc(profile: &Profile, iad: &[u8], seed: u8) -> [u8; 8] {
    let input = AcInput::new(&TERMINAL, AIP, Atc::new(7)).unwrap();
    let kind = CryptogramKind::Arqc;
    let answer = if profile.algorithm() == AES {
        let mut mk = Key::empty();
        icc_master_key_aes(&same(seed), &pan(), Psn::ABSENT, &mut mk).unwrap();
        generate_ac(profile, &mk, kind, &input, iad)
    } else {
        let mut mk = Key::<_, Tdea>::empty();
        icc_master_key(profile.master_key(), &same(seed), &pan(), Psn::ABSENT, &mut mk).unwrap();
        generate_ac(profile, &mk, kind, &input, iad)
    };
    let Authentication::Cryptogram(mut arqc) = answer.unwrap().authentication else {
        unreachable!("no cryptogram asked for");
    };
    open(&mut arqc);
    arqc
}

fn answer(method: ArpcMethod) -> ArpcRequest<'static> {
    match method {
        ArpcMethod::Method1 => ArpcRequest::Method1 { arc: *b"00" },
        ArpcMethod::Method2 => ArpcRequest::Method2 {
            csu: [0; 4],
            proprietary: &[],
        },
    }
}

/// The right cryptogram is answered, a wrong one is not.
fn cryptograms(h: &mut Harness) {
    let policy = Policy::STRICT
        .with(Permission::RawCryptogram)
        .with(Permission::ExplainCryptogram);
    let visa = [6, 1, 0x12, 3, 0xA0, 0, 0];
    let mut ccd = [0; 32];
    (ccd[0], ccd[1], ccd[16]) = (0x0F, 0xA6, 0x0F);
    let cards: [(_, _, &[u8]); 4] = [
        ("Visa CVN 18", &VISA_CVN18, &visa),
        (
            "M/Chip CVN 10",
            &MCHIP_CVN10,
            &[1, 0x10, 0xA0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0],
        ),
        ("UnionPay CVN 01", &UNIONPAY_CVN01, &[7, 1, 1, 3, 0xA0, 0, 0, 1]),
        ("AES card", &CCD_CV6, &ccd),
    ];
    for (name, profile, iad) in cards {
        h.verdict(&format!("module: ARQC, {name}"), true, || {
            let mut module = start_with(0x21, policy);
            let imk = enter(&mut module, b"E0", profile.algorithm(), b'X', 0x22);
            let mut arqc = arqc(profile, iad, 0x22);
            let asked = answer(profile.arpc());
            let right = module.arqc_verify(imk, profile, &pan(), Psn::ABSENT, &field55(&arqc, iad), asked);
            arqc[0] ^= 1;
            let wrong = module.arqc_verify(imk, profile, &pan(), Psn::ABSENT, &field55(&arqc, iad), asked);
            right.is_ok() && wrong.is_err()
        });
    }
    h.verdict("module: raw ARQC", true, || {
        let mut module = start_with(0x23, policy);
        let imk = enter(&mut module, b"E0", TDEA, b'X', 0x24);
        let recipe = VISA_CVN18.recipe();
        let mut mk = Key::<_, Tdea>::empty();
        icc_master_key(recipe.master_key, &same(0x24), &pan(), Psn::ABSENT, &mut mk).unwrap();
        let mut cryptogram = raw::generate(&recipe, &mk, Atc::new(7), [0; 4], &TERMINAL).unwrap();
        open(&mut cryptogram);
        let mut request = RawRequest {
            kind: CryptogramKind::Arqc,
            atc: Atc::new(7),
            unpredictable_number: [0; 4],
            data: &TERMINAL,
            cryptogram,
        };
        let asked = answer(recipe.arpc);
        let right = module.arqc_verify_raw(imk, &recipe, &pan(), Psn::ABSENT, &request, asked);
        request.cryptogram[7] ^= 1;
        let wrong = module.arqc_verify_raw(imk, &recipe, &pan(), Psn::ABSENT, &request, asked);
        right.is_ok() && wrong.is_err()
    });
    h.verdict("module: explain a cryptogram", true, || {
        let mut module = start_with(0x25, policy);
        let imk = enter(&mut module, b"E0", TDEA, b'X', 0x26);
        let message = field55(&arqc(&VISA_CVN18, &visa, 0x26), &visa);
        let pan = pan();
        let told = module
            .arqc_explain(imk, &VISA_CVN10, &pan, Psn::ABSENT, &message)
            .unwrap();
        matches!(told.finding, Finding::MadeWith(made) if made.profile == Some(&VISA_CVN18))
    });
}

/// A command with data and a new PIN for the card. What is sent is public; the verdict is that it was made.
fn scripts(h: &mut Harness) {
    let pan = pan();
    for (name, profile, with_current) in [
        ("Visa CVN 10", &VISA_CVN10, true),
        ("Visa CVN 18", &VISA_CVN18, false),
        ("M/Chip CVN 10", &MCHIP_CVN10, false),
    ] {
        let target = ScriptTarget {
            profile,
            pan: &pan,
            psn: Psn::ABSENT,
            request: Request::new(Atc::new(7), bytes(0x31)),
            index: 0,
        };
        h.verdict(&format!("module: script command, {name}"), true, || {
            let mut module = start(0x32);
            let smi = enter(&mut module, b"E2", TDEA, b'X', 0x33);
            let smc = enter(&mut module, b"E1", TDEA, b'X', 0x34);
            let (tag, data) = (Tag::new(0x9F58).unwrap(), secret(bytes::<11>(0x35)));
            let command = Command::PutData { tag, data: &data };
            let mut out = [0; script::MAX_COMMAND_LEN];
            module
                .script_command(smi, Some(smc), &target, &command, &mut out)
                .is_ok()
        });
        h.verdict(&format!("module: script with a new PIN, {name}"), true, || {
            let mut module = start(0x36);
            let smi = enter(&mut module, b"E2", TDEA, b'X', 0x33);
            let smc = enter(&mut module, b"E1", TDEA, b'X', 0x34);
            let ac = enter(&mut module, b"E0", TDEA, b'X', 0x37);
            let zone = KeyRef::Slot(enter(&mut module, b"P0", TDEA, b'D', 0x38));
            let block = pin_block(0x38);
            let pin = EncipheredPin {
                key: zone,
                format: Format::Iso0,
                block: &block,
            };
            // Mastercard's block takes nothing from the application's key.
            let ac = (profile.scheme() == VISA_CVN10.scheme()).then_some(ac);
            let current = with_current.then_some(&pin);
            let mut out = [0; script::MAX_PIN_CHANGE_LEN];
            module
                .script_pin_change(smi, smc, ac, &target, &pin, current, &mut out)
                .is_ok()
        });
    }
}

/// Values that are made, right ones and wrong ones.
fn card_values(h: &mut Harness) {
    let (pan, expiry) = (pan(), Expiry::yymm(b"2512").unwrap());
    let wrong = CardValue::parse(b"99999").unwrap();
    for (name, kind) in [
        ("CVV", Kind::Stripe(ServiceCode::parse(b"101").unwrap())),
        ("CVV2", Kind::Printed(ExpiryOrder::Mmyy)),
        ("iCVV", Kind::Chip),
    ] {
        h.verdict(&format!("module: {name}"), true, || {
            let mut module = start(0x41);
            let cvk = enter(&mut module, b"C0", TDEA, b'C', 0x42);
            let mut value = CardValue::empty();
            module.cvv_generate(cvk, kind, &pan, expiry, 5, &mut value).unwrap();
            module.cvv_verify(cvk, kind, &pan, expiry, &value).is_ok()
                && module.cvv_verify(cvk, kind, &pan, expiry, &wrong).is_err()
        });
    }
    h.verdict("module: CVC3", true, || {
        let mut module = start(0x43);
        let imk = enter(&mut module, b"E4", TDEA, b'X', 0x44);
        let (track, option) = (bytes::<19>(0x45), MasterKeyOption::A);
        let tap = Tap {
            un: [0, 0, 0x08, 0x99],
            atc: Atc::new(7),
        };
        let mut mk = Key::empty();
        icc_master_key(option, &same::<Imk<Dn>, Tdea>(0x44), &pan, Psn::ABSENT, &mut mk).unwrap();
        let mut value = CardValue::empty();
        cvc3::generate(&mk, &IvCvc3::over(&mk, &track).unwrap(), tap, &mut value).unwrap();
        let right = module.cvc3_verify(imk, option, &pan, Psn::ABSENT, &track, tap, &value);
        right.is_ok()
            && module
                .cvc3_verify(imk, option, &pan, Psn::ABSENT, &track, tap, &wrong)
                .is_err()
    });
}

/// Every method, the message in parts, and a MAC of another message.
fn messages(h: &mut Harness) {
    let policy = Policy::STRICT.with(Permission::UnionPay).with(Permission::CbcMac);
    let cbc = MacMethod {
        algorithm: MacAlgorithm::Iso9797Alg1,
        padding: Padding::Method2,
    };
    let hmac = KeyAlgorithm::Hmac;
    for (name, usage, algorithm, len, method) in [
        ("CBC-MAC, TDES", b"M0", TDEA, 16, MacMethod::X9_9),
        ("CBC-MAC, AES", b"M1", AES, 32, cbc),
        ("retail MAC", b"M3", TDEA, 16, MacMethod::X9_19),
        ("CMAC, TDES", b"M6", TDEA, 24, MacMethod::CMAC),
        ("CMAC, AES", b"M6", AES, 24, MacMethod::CMAC),
        ("HMAC-SHA-256", b"M7", hmac, 32, MacMethod::HMAC_SHA_256),
        ("HMAC-SHA-384", b"M7", hmac, 32, MacMethod::HMAC_SHA_384),
        ("HMAC-SHA-512", b"M7", hmac, 32, MacMethod::HMAC_SHA_512),
        ("UnionPay MAC", b"M0", TDEA, 16, MacMethod::UNIONPAY),
    ] {
        h.constant::<8>(&format!("module: message in parts, {name}"), || {
            let mut module = start_with(0x51, policy);
            let wanted = attributes(usage, algorithm, b'C');
            let key = KeyRef::Slot(module.key_generate(&wanted, len).unwrap().key);
            let message = secret(bytes::<41>(0x52));
            let begin = |module: &mut Module, purpose, message: &[u8]| {
                module.mac_begin(key, method, purpose).unwrap();
                for part in message.chunks(17) {
                    module.mac_update(part).unwrap();
                }
            };
            let mut tag = [0; 8];
            begin(&mut module, MacPurpose::Generate, &message);
            module.mac_finish(&mut tag).unwrap();
            let made = tag;
            open(&mut tag);
            begin(&mut module, MacPurpose::Verify, &message);
            module.mac_finish_verify(&tag).unwrap();
            begin(&mut module, MacPurpose::Verify, &message[1..]);
            module.mac_finish_verify(&tag).unwrap_err();
            made
        });
    }
}

/// Working keys under a master key (seeds differ beyond the parity bit): the right check value and a wrong one.
fn working_keys(h: &mut Harness) {
    let policy = Policy::STRICT.with(Permission::LegacyImport);
    let under = |seed: u8, of: u8| {
        let (mut cipher, mut zeros) = (entered(of), [0; 8]);
        ecb_encrypt(&Tdes::new(&entered(of)).unwrap(), &mut zeros).unwrap();
        ecb_encrypt(&Tdes::new(&entered(seed)).unwrap(), &mut cipher).unwrap();
        [&cipher[..], &zeros[..4]].concat()
    };
    h.verdict("module: import a working key", true, || {
        let mut module = start_with(0x61, policy);
        let kek = enter(&mut module, b"K0", TDEA, b'D', 0x62);
        let wanted = attributes(b"P0", TDEA, b'E');
        let sent = under(0x62, 0x68);
        let (cipher, kcv) = sent.split_at(16);
        let wrong = module.working_key_import(kek, &wanted, cipher, &[1, 2, 3]);
        wrong.is_err() && module.working_key_import(kek, &wanted, cipher, kcv).is_ok()
    });
    h.verdict("module: UnionPay sign-on", true, || {
        let mut module = start_with(0x64, policy);
        let tmk = enter(&mut module, b"K0", TDEA, b'D', 0x64);
        let mut field = [0x6A, 0x6C, 0x6E].map(|of| under(0x64, of)).concat();
        field[59] ^= 1;
        let kind = SignOnKind::DoubleWithTrack;
        let wrong = module.unionpay_sign_on(tmk, kind, &field);
        field[59] ^= 1;
        wrong.is_err() && module.unionpay_sign_on(tmk, kind, &field).is_ok()
    });
}

/// A KBPK at both ends, by a shared key, by signatures, and without knowing the other; and a spoiled confirmation.
fn agreements(h: &mut Harness) {
    for (name, spoil) in [("", 0), (", refuse", 1)] {
        h.verdict(&format!("module: agreement by a shared key{name}"), spoil == 0, || {
            let (mut host, mut terminal) = (start(0x71), start(0x72));
            let here = enter(&mut host, b"B3", AES, b'X', 0x73);
            let there = enter(&mut terminal, b"B3", AES, b'X', 0x73);
            let m1 = host.agreement_begin(here, b"host", b"terminal", 16).unwrap();
            let m2 = terminal.agreement_answer(there, b"host", b"terminal", 16, &m1).unwrap();
            let (kbpk, mut m3) = host.agreement_confirm(&m2).unwrap();
            m3[15] ^= spoil;
            terminal
                .agreement_finish(&m3)
                .is_ok_and(|other| other.info.check == kbpk.info.check)
        });
        h.verdict(&format!("module: agreement by signatures{name}"), spoil == 0, || {
            let (mut host, mut terminal) = (start(0x74), start(0x75));
            let pair = attributes(b"S0", KeyAlgorithm::Ec, b'S');
            let here = host.key_generate(&pair, 32).unwrap().key;
            let there = terminal.key_generate(&pair, 32).unwrap().key;
            let host_key = host.key_public(here).unwrap().to_sec1();
            let terminal_key = terminal.key_public(there).unwrap().to_sec1();
            let m1 = host.agreement_begin_signed(here, b"host", b"terminal", 16).unwrap();
            let m2 = terminal
                .agreement_answer_signed(there, &host_key, b"host", b"terminal", 16, &m1)
                .unwrap();
            let (kbpk, mut m3) = host.agreement_confirm_signed(&terminal_key, &m2).unwrap();
            *m3.last_mut().unwrap() ^= spoil;
            terminal
                .agreement_finish_signed(&m3)
                .is_ok_and(|other| other.info.check == kbpk.info.check)
        });
    }
    h.verdict("module: agreement that authenticates nobody", true, || {
        let policy = Policy::STRICT.with(Permission::UnauthenticatedAgreement);
        let (mut one, mut two) = (start_with(0x76, policy), start_with(0x77, policy));
        let first = one.agreement_unauthenticated_begin().unwrap().to_sec1();
        let second = two.agreement_unauthenticated_begin().unwrap().to_sec1();
        let [here, there] = [(&mut one, second), (&mut two, first)].map(|(module, peer)| {
            module
                .agreement_unauthenticated_finish(&peer, Kdf::X963Sha256, b"info", 16, ModeOfUse::Decrypt)
                .unwrap()
        });
        here.info.check == there.info.check
    });
}

/// A PIN for a card of `vectors/emv_oda_chain.txt`.
fn offline_pin(h: &mut Harness) {
    let policy = Policy::STRICT
        .with(Permission::OfflinePin)
        .with(Permission::PlaintextOfflinePin);
    h.constant::<8>("module: offline PIN, in clear", || {
        let mut block = [0; 8];
        start_with(0x81, policy)
            .offline_pin_plaintext(&some_pin(), &mut block)
            .unwrap();
        block
    });
    // What is sent is public; the verdict is that it was made.
    h.verdict("module: offline PIN, enciphered", true, || {
        let (modulus, records) = (field("Ca_modulus"), field("Records"));
        let checksum = field("Ca_checksum").try_into().unwrap();
        let rid = field("Rid").try_into().unwrap();
        let keys = [CaKey::new(rid, 0xF5, &modulus, &field("Ca_exponent"), &checksum, None).unwrap()];
        let trust = Trust {
            keys: &keys,
            revoked: &[],
            date: Date::from_bytes(field("Date").try_into().unwrap()).unwrap(),
        };
        let aip = field("Aip").try_into().unwrap();
        let card = Card::read(&trust, rid, aip, Records::parse(&records).unwrap()).unwrap();
        let mut out = [0; 248];
        start_with(0x82, policy)
            .offline_pin_encipher(&card, &bytes(0x83), &some_pin(), &mut out)
            .is_ok()
    });
}

/// A field of the vector file's first card with a PIN key.
fn field(name: &str) -> Vec<u8> {
    let (_, case) = CHAIN.split_once("Id = pin-4\n").unwrap();
    let line = case
        .lines()
        .find_map(|line| line.strip_prefix(name)?.strip_prefix(" = "));
    let digits: Vec<u8> = line.unwrap().chars().map(|c| c.to_digit(16).unwrap() as u8).collect();
    digits.chunks(2).map(|pair| pair[0] << 4 | pair[1]).collect()
}
