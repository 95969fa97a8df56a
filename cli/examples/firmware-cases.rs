// SPDX-License-Identifier: MIT OR Apache-2.0
//! Writes the vector cases of the bare-metal image as a C header: steps that `firmware/vectors.c` plays through the C
//! API, and the two sales of `firmware/sale.c`.
//!
//! A terminal has no BDK and takes no clear key. So the initial keys of the vectors come to it as the product does it:
//! in key blocks, made here, under a protection key that is entered in two components. The host's side of the sales is
//! computed here as well, with the scheme layer.

#[path = "../../tests/common/vectors.rs"]
mod vectors;

use std::collections::BTreeMap;
use std::fmt::Write as _;

use payhsm::cipher::{aes::Aes as AesCipher, modes, tdes::Tdes};
use payhsm::dukpt::{aes, tdes};
use payhsm::entropy::Entropy;
use payhsm::error::Error;
use payhsm::hsm::{Config, Group, Hsm, Platform, Question, Slot};
use payhsm::key::role::{Bdk, DataRequest, InitialKey, Kbpk, MacRequest, MacResponse, PinEncryption};
use payhsm::key::usage::{Attributes, Exportability, KeyAlgorithm, KeyVersion, ModeOfUse, Usage};
use payhsm::key::{Aes, Key, Tdea};
use payhsm::keyblock::header::Version;
use payhsm::keyblock::optional::Optional;
use payhsm::keyblock::wrap::Template;
use payhsm::keyblock::{KbpkRef, KeyBlock, Profile};
use payhsm::mac::{Mac, cmac::CmacAes, iso9797};
use payhsm::pin::Pin;
use payhsm::pin::block::{Format, encipher_aes_with_fill, encipher_tdea_with_fill};
use payhsm::pin::pan::Pan;
use payhsm::store::Storage;
use vectors::{Case, cases};

/// Two components of an AES-256 protection key.
const COMPONENTS: [[u8; 32]; 2] = [component(0x4B), component(0xD2)];
/// How far a terminal walks for a vector: some are half a million transactions away.
const MOST_STEPS: u32 = 64;

const fn component(seed: u8) -> [u8; 32] {
    let mut out = [0; 32];
    let mut i = 0;
    while i < 32 {
        out[i] = (i as u8).wrapping_mul(0x6D).wrapping_add(seed) ^ (seed >> 3);
        i += 1;
    }
    out
}

/// Bytes for key blocks and the module that tries them out: they need not be secret, only there.
struct Counting(u8);

impl Entropy for Counting {
    fn fill(&mut self, out: &mut [u8]) -> Result<(), Error> {
        for byte in out {
            self.0 = self.0.wrapping_mul(5).wrapping_add(0x37);
            *byte = self.0;
        }
        Ok(())
    }
}

impl Storage for Counting {
    fn load(&mut self, _: u16, _: &mut [u8]) -> Result<usize, Error> {
        Ok(0)
    }

    fn save(&mut self, _: u16, _: &[u8]) -> Result<(), Error> {
        Err(Error::Storage)
    }

    fn erase(&mut self, _: u16) -> Result<(), Error> {
        Err(Error::Storage)
    }
}

impl Platform for Counting {
    /// The custodians are here.
    fn decide(&mut self, question: &Question<'_>) -> Result<(), Error> {
        match question {
            Question::Ceremony { .. } => Ok(()),
            _ => Err(Error::Refused),
        }
    }
}

/// The steps as they are written.
#[derive(Default)]
struct Steps {
    text: String,
    cases: usize,
    count: usize,
}

impl Steps {
    /// `id` empty: the step makes ready, and counts for nothing.
    fn push(&mut self, kind: &str, id: &str, parameter: u32, [input, more, out, random]: [&[u8]; 4]) {
        self.count += 1;
        self.cases += usize::from(!id.is_empty());
        let id = id.replace(['"', '\\'], "'");
        writeln!(
            self.text,
            "    {{STEP_{kind}, \"{id}\", {parameter}, {}, {}, {}, {}}},",
            bytes(input),
            bytes(more),
            bytes(out),
            bytes(random)
        )
        .expect("a string takes everything");
    }
}

/// A C expression for some bytes.
fn bytes(data: &[u8]) -> String {
    if data.is_empty() {
        return "{NULL, 0}".to_owned();
    }
    let list: Vec<String> = data.iter().map(|byte| format!("0x{byte:02X}")).collect();
    format!("BYTES({})", list.join(", "))
}

fn main() {
    let mut steps = Steps::default();
    import(&mut steps);
    let imported = steps.cases;
    dukpt_tdes(&mut steps);
    dukpt_aes(&mut steps);
    println!("/* Made by cli/examples/firmware-cases.rs from vectors/. Not edited, not committed. */");
    println!("#include \"terminal.h\"");
    println!("#define VECTOR_CASES {}", steps.cases);
    println!("#define VECTOR_IMPORTS {imported}");
    println!(
        "static const struct step STEPS[{}] = {{\n{}}};",
        steps.count, steps.text
    );
    println!(
        "static const struct sale SALES[2] = {{\n{},\n{}}};",
        sale_tdes(),
        sale_aes()
    );
    assert!(
        imported >= 10 && steps.cases >= 150,
        "too few cases: {imported}, {}",
        steps.cases
    );
}

// --- key blocks -----------------------------------------------------------------------------------------------------

fn attributes(usage: [u8; 2], algorithm: KeyAlgorithm, mode: u8) -> Attributes {
    Attributes {
        usage: Usage::from_chars(usage).unwrap(),
        algorithm,
        mode: ModeOfUse::from_char(mode).unwrap(),
        version: KeyVersion::from_chars(*b"00").unwrap(),
        exportability: Exportability::from_char(b'N').unwrap(),
    }
}

/// The published key blocks that a module admits, each under its own protection key. What the module here refuses, the
/// one there would refuse as well: the rules are the same.
fn import(steps: &mut Steps) {
    for case in cases("tr31", "tr31_unwrap") {
        let (kbpk, text, key) = (case.hex("Kbpk"), case.text("Key_block"), case.hex("Key"));
        case.discard();
        let (algorithm, profile) = match text.as_bytes()[0] {
            b'B' => (KeyAlgorithm::Tdea, Profile::Tr31_2018),
            b'D' => (KeyAlgorithm::Aes, Profile::Tr31_2018),
            _ => continue,
        };
        let parts = split(&kbpk);
        let Some((attributes, kcv)) = admitted(algorithm, &parts, text.as_bytes(), profile) else {
            continue;
        };
        // A terminal takes no base derivation key; the module here is a host's as well.
        if attributes.usage == Usage::B0 {
            continue;
        }
        // The image has no elliptic curves; the module here has.
        if attributes.algorithm == KeyAlgorithm::Ec {
            continue;
        }
        // Of some TDEA keys the module tells the check value of old: 3 bytes.
        let expected = if kcv.len() == 3 {
            let key = Key::<Kbpk, Tdea>::from_bytes(&key).unwrap();
            key.kcv_legacy().unwrap().to_vec()
        } else {
            check_value(attributes.algorithm, &key)
        };
        if kcv != expected {
            panic!("{}: the module here gives another check value", case.id());
        }
        steps.push("MODULE", "", 0, [&[]; 4]);
        let of_kbpk = check_value(algorithm, &kbpk);
        steps.push(
            "KBPK",
            "",
            u32::from(algorithm.to_char()),
            [&parts[0], &parts[1], &of_kbpk, &[]],
        );
        let mut header = attributes.usage.to_chars().to_vec();
        header.extend([attributes.algorithm.to_char(), attributes.mode.to_char()]);
        header.extend(attributes.version.to_chars());
        header.push(attributes.exportability.to_char());
        steps.push(
            "IMPORT",
            case.id(),
            profile_number(profile),
            [text.as_bytes(), &header, &expected, &[]],
        );
    }
}

fn profile_number(profile: Profile) -> u32 {
    match profile {
        Profile::X9143Strict => 1,
        Profile::Tr31_2018 => 2,
        Profile::Iso20038 => 3,
    }
}

/// Two components of a key.
fn split(key: &[u8]) -> [Vec<u8>; 2] {
    let first: Vec<u8> = COMPONENTS[0].iter().take(key.len()).copied().collect();
    let second = first.iter().zip(key).map(|(a, b)| a ^ b).collect();
    [first, second]
}

fn check_value(algorithm: KeyAlgorithm, key: &[u8]) -> Vec<u8> {
    match algorithm {
        KeyAlgorithm::Tdea => Key::<Kbpk, Tdea>::from_bytes(key).unwrap().kcv_cmac().unwrap().to_vec(),
        KeyAlgorithm::Aes => Key::<Kbpk, Aes>::from_bytes(key).unwrap().kcv_cmac().unwrap().to_vec(),
        // HMAC keys have none.
        _ => Vec::new(),
    }
}

/// What a module says to a key block: its attributes and check value, if it takes it.
fn admitted(
    algorithm: KeyAlgorithm,
    parts: &[Vec<u8>; 2],
    block: &[u8],
    profile: Profile,
) -> Option<(Attributes, Vec<u8>)> {
    let (mut slots, mut groups) = ([Slot::EMPTY, Slot::EMPTY], [Group::EMPTY]);
    let mut module = Hsm::new(Counting(1), &mut slots, &mut groups, Config::default()).unwrap();
    let kbpk = attributes(*b"K1", algorithm, b'D');
    module.component_begin(&kbpk, parts[0].len(), 2, &[]).ok()?;
    for (custodian, part) in (1..).zip(parts) {
        module.component_add(custodian, part, &[]).ok()?;
    }
    let kbpk = module.component_finish().ok()?.key;
    let info = module.key_block_import(kbpk, block, profile).ok()?.info;
    Some((info.attributes, info.check.as_bytes().to_vec()))
}

/// An initial key in a block of version D under the protection key of the image.
fn initial_key_block(algorithm: KeyAlgorithm, ik: &[u8], identity: &[u8]) -> Vec<u8> {
    let kbpk: Vec<u8> = COMPONENTS[0].iter().zip(COMPONENTS[1]).map(|(a, b)| a ^ b).collect();
    let kbpk = Key::<Kbpk, Aes>::from_bytes(&kbpk).unwrap();
    let id = if algorithm == KeyAlgorithm::Tdea {
        *b"KS"
    } else {
        *b"IK"
    };
    let text: String = identity.iter().map(|byte| format!("{byte:02X}")).collect();
    let optional = [Optional::new(id, text.as_bytes()).unwrap()];
    let mut out = [0; 256];
    let len = Template::new(Version::D, attributes(*b"B1", algorithm, b'X'))
        .with_optional(&optional)
        .wrap_bytes(KbpkRef::Aes(&kbpk), ik, &mut Counting(7), &mut out)
        .unwrap();
    let block = out[..len].to_vec();
    KeyBlock::parse(&block, Profile::X9143Strict).unwrap();
    block
}

fn enter_kbpk(steps: &mut Steps) {
    let kbpk: Vec<u8> = COMPONENTS[0].iter().zip(COMPONENTS[1]).map(|(a, b)| a ^ b).collect();
    let kcv = check_value(KeyAlgorithm::Aes, &kbpk);
    steps.push("KBPK", "", u32::from(b'A'), [&COMPONENTS[0], &COMPONENTS[1], &kcv, &[]]);
}

// --- DUKPT ----------------------------------------------------------------------------------------------------------

/// One vector at a terminal.
struct Deed {
    counter: u32,
    ksn: Vec<u8>,
    kind: &'static str,
    id: String,
    parameter: u32,
    parts: [Vec<u8>; 4],
}

/// What a transaction does only once.
fn once(kind: &str) -> bool {
    matches!(kind, "PIN" | "ENCIPHER" | "DECIPHER")
}

/// Plays the vectors of one initial key: in the order of their counters, and again from the start for what a
/// transaction does only once.
fn play(steps: &mut Steps, algorithm: KeyAlgorithm, ik: &[u8], identity: &[u8], mut deeds: Vec<Deed>) {
    let block = initial_key_block(algorithm, ik, identity);
    let kcv = check_value(algorithm, ik);
    deeds.sort_by_key(|deed| deed.counter);
    while !deeds.is_empty() {
        steps.push("MODULE", "", 0, [&[]; 4]);
        enter_kbpk(steps);
        steps.push(
            "LOAD",
            "",
            profile_number(Profile::X9143Strict),
            [&block, &[], &kcv, &[]],
        );
        let mut rest = Vec::new();
        let mut done: Vec<&str> = Vec::new();
        let mut counter = 0;
        for deed in deeds {
            if deed.counter == counter && once(deed.kind) && done.contains(&deed.kind) {
                rest.push(deed);
                continue;
            }
            if deed.counter != counter {
                counter = deed.counter;
                done.clear();
                steps.push("BEGIN", "", MOST_STEPS, [&deed.ksn, &[], &[], &[]]);
            }
            done.push(deed.kind);
            let [a, b, c, d] = &deed.parts;
            steps.push(deed.kind, &deed.id, deed.parameter, [a, b, c, d]);
        }
        deeds = rest;
    }
}

fn deed(case: &Case, (counter, ksn): (u32, &[u8]), kind: &'static str, parameter: u32, parts: [Vec<u8>; 4]) -> Deed {
    Deed {
        counter,
        ksn: ksn.to_vec(),
        kind,
        id: case.id().to_owned(),
        parameter,
        parts,
    }
}

/// MAC methods of the C API.
const X9_19: u32 = 1;
const CMAC: u32 = 5;

fn dukpt_tdes(steps: &mut Steps) {
    // The MAC keys of a transaction serve one algorithm: CMACs take a terminal of their own.
    let mut groups: BTreeMap<(Vec<u8>, [u8; 10], bool), Vec<Deed>> = BTreeMap::new();
    for op in [
        "dukpt_tdes_pinblock",
        "dukpt_tdes_mac",
        "dukpt_tdes_cmac",
        "dukpt_tdes_data",
    ] {
        for case in cases("dukpt_tdes", op) {
            let ksn = tdes::Ksn::parse(&case.hex("Ksn")).unwrap();
            let counter = ksn.counter();
            let made = (ksn.check().is_ok() && counter <= MOST_STEPS).then(|| match op {
                "dukpt_tdes_pinblock" => Some(deed(
                    &case,
                    (counter, ksn.as_bytes()),
                    "PIN",
                    0,
                    [
                        case.text("Pin").into_bytes(),
                        case.text("Pan").into_bytes(),
                        case.hex("Encrypted_pinblock"),
                        Vec::new(),
                    ],
                )),
                "dukpt_tdes_data" => {
                    let standard = case.text("Key_rule") == "data_variant_one_way";
                    let (clear, text) = (case.hex("Plaintext"), case.hex("Ciphertext"));
                    match case.text("Usage").as_str() {
                        "data_req" if standard => Some(("ENCIPHER", clear, text)),
                        "data_resp" if standard => Some(("DECIPHER", text, clear)),
                        _ => None,
                    }
                    .map(|(kind, from, to)| {
                        deed(
                            &case,
                            (counter, ksn.as_bytes()),
                            kind,
                            0,
                            [from, case.hex("Iv"), to, Vec::new()],
                        )
                    })
                }
                _ => {
                    let method = if op == "dukpt_tdes_mac" { X9_19 } else { CMAC };
                    let kind = if case.text("Usage") == "mac_req" {
                        "MAC"
                    } else {
                        "MAC_CHECK"
                    };
                    Some(deed(
                        &case,
                        (counter, ksn.as_bytes()),
                        kind,
                        method,
                        [case.hex("Msg"), Vec::new(), case.hex("Mac"), Vec::new()],
                    ))
                }
            });
            let bdk = case.hex("Bdk");
            case.discard();
            if let Some(Some(deed)) = made {
                groups
                    .entry((bdk, *ksn.initial_key_id().as_bytes(), op == "dukpt_tdes_cmac"))
                    .or_default()
                    .push(deed);
            }
        }
    }
    for ((bdk, identity, _), deeds) in groups {
        let ik = tdes_initial_key(&bdk, &identity);
        play(steps, KeyAlgorithm::Tdea, ik.expose_bytes(), &identity, deeds);
    }
}

fn dukpt_aes(steps: &mut Steps) {
    let mut groups: BTreeMap<(Vec<u8>, [u8; 8]), Vec<Deed>> = BTreeMap::new();
    for op in ["dukpt_aes_pinblock4", "dukpt_aes_mac", "dukpt_aes_data"] {
        for case in cases("dukpt_aes", op) {
            let ksn = aes::Ksn::parse(&case.hex("Ksn")).unwrap();
            let counter = ksn.counter();
            let bdk = case.hex("Bdk");
            // A terminal's working keys have the type of its initial key.
            let own = case.text("Key_type") == format!("AES{}", bdk.len() * 8);
            let made = (ksn.check().is_ok() && counter <= MOST_STEPS && own).then(|| match op {
                "dukpt_aes_pinblock4" => Some(deed(
                    &case,
                    (counter, ksn.as_bytes()),
                    "PIN",
                    4,
                    [
                        case.text("Pin").into_bytes(),
                        case.text("Pan").into_bytes(),
                        case.hex("Encrypted_pinblock"),
                        case.hex("Random"),
                    ],
                )),
                "dukpt_aes_mac" => match case.text("Usage").as_str() {
                    "mac_generation" => Some("MAC"),
                    "mac_verification" => Some("MAC_CHECK"),
                    _ => None,
                }
                .filter(|_| case.text("Mac_alg") == "AES-CMAC")
                .map(|kind| {
                    deed(
                        &case,
                        (counter, ksn.as_bytes()),
                        kind,
                        CMAC,
                        [case.hex("Msg"), Vec::new(), case.hex("Mac"), Vec::new()],
                    )
                }),
                _ => {
                    let (clear, text) = (case.hex("Plaintext"), case.hex("Ciphertext"));
                    match case.text("Usage").as_str() {
                        "data_encrypt" => Some(("ENCIPHER", clear, text)),
                        "data_decrypt" => Some(("DECIPHER", text, clear)),
                        _ => None,
                    }
                    .filter(|_| case.text("Mode") == "CBC")
                    .map(|(kind, from, to)| {
                        deed(
                            &case,
                            (counter, ksn.as_bytes()),
                            kind,
                            0,
                            [from, case.hex("Iv"), to, Vec::new()],
                        )
                    })
                }
            });
            case.discard();
            if let Some(Some(deed)) = made {
                groups
                    .entry((bdk, *ksn.initial_key_id().as_bytes()))
                    .or_default()
                    .push(deed);
            }
        }
    }
    for ((bdk, identity), deeds) in groups {
        let ik = aes_initial_key(&bdk, &identity);
        play(steps, KeyAlgorithm::Aes, ik.expose_bytes(), &identity, deeds);
    }
}

fn tdes_initial_key(bdk: &[u8], identity: &[u8]) -> Key<InitialKey, Tdea> {
    let mut ik = Key::empty();
    let bdk = Key::<Bdk, Tdea>::from_bytes(bdk).unwrap();
    tdes::Host::initial_key(&bdk, &tdes::InitialKeyId::parse(identity).unwrap(), &mut ik).unwrap();
    ik
}

fn aes_initial_key(bdk: &[u8], identity: &[u8]) -> Key<InitialKey, Aes> {
    let mut ik = Key::empty();
    let bdk = Key::<Bdk, Aes>::from_bytes(bdk).unwrap();
    aes::Host::initial_key(&bdk, &aes::InitialKeyId::parse(identity).unwrap(), &mut ik).unwrap();
    ik
}

// --- sales ----------------------------------------------------------------------------------------------------------

const PAN: &[u8] = b"4761739001010010";
const PIN: &[u8] = b"1234";
const AMOUNT: &[u8] = b"\x9F\x02\x06\x00\x00\x00\x01\x25\x00";
const TRACK2: &[u8] = b"\x57\x10\x47\x61\x73\x90\x01\x01\x00\x10\xD2\x91\x22\x01\x19\x58\x36\x41";
/// GENERATE AC's answer: cryptogram information data, ATC, cryptogram, issuer application data.
const ANSWER: &[u8] = b"\x77\x1E\x9F\x27\x01\x80\x9F\x36\x02\x00\x2A\x9F\x26\x08\x3C\x91\x5E\xA7\x02\xD8\x66\xB1\
    \x9F\x10\x07\x06\x01\x12\x03\xA0\x20\x00";
/// The host's answer: response code 00, issuer authentication data, amount.
const RESPONSE: &[u8] = b"\x8A\x0200\x91\x08\x5A\x13\xC4\x7E\x03\x80\x00\x00\x9F\x02\x06\x00\x00\x00\x01\x25\x00";
const RANDOM: [u8; 8] = [0x2F, 0x69, 0xAD, 0xDE, 0x2E, 0x9E, 0x7A, 0xCE];

fn pin() -> Pin {
    let mut digits = [0; 12];
    for (to, from) in digits.iter_mut().zip(PIN) {
        *to = from - b'0';
    }
    Pin::from_entry(PIN.len() as u8, &digits).unwrap()
}

/// Zeros to whole blocks: what the sale enciphers.
fn padded(len: usize) -> Vec<u8> {
    let mut track2 = TRACK2.to_vec();
    track2.resize(track2.len().next_multiple_of(len), 0);
    track2
}

/// A sale as a C initialiser: what the terminal gets and what it must give.
#[allow(clippy::too_many_arguments)]
fn sale(
    name: &str,
    numbers: [u32; 2],
    block: &[u8],
    ksn: &[u8],
    clear: &[u8],
    pin_block: &[u8],
    track2: &[u8],
    mac: impl Fn(bool, &[u8]) -> Vec<u8>,
) -> String {
    let request = [ksn, pin_block, track2, AMOUNT, ANSWER].concat();
    let [format, method] = numbers;
    let lists = [
        &COMPONENTS[0][..],
        &COMPONENTS[1],
        block,
        PAN,
        PIN,
        &RANDOM,
        AMOUNT,
        ANSWER,
        clear,
        ksn,
        pin_block,
        track2,
        &mac(true, &request),
        RESPONSE,
        &mac(false, RESPONSE),
    ];
    let lists: Vec<String> = lists.into_iter().map(bytes).collect();
    format!("    {{\"{name}\", {format}, {method}, {}}}", lists.join(",\n     "))
}

fn sale_tdes() -> String {
    let id = tdes::InitialKeyId::parse(b"\xFF\xFF\x98\x76\x54\x32\x10\xE0\x00\x00").unwrap();
    let ik = tdes_initial_key(
        b"\x01\x23\x45\x67\x89\xAB\xCD\xEF\xFE\xDC\xBA\x98\x76\x54\x32\x10",
        id.as_bytes(),
    );
    let block = initial_key_block(KeyAlgorithm::Tdea, ik.expose_bytes(), id.as_bytes());
    let ksn = id.ksn(1).unwrap();
    let mut keys = tdes::Transaction::empty();
    tdes::Host::transaction(&ik, &ksn, &mut keys).unwrap();

    let (mut pin_key, mut data) = (Key::<PinEncryption, Tdea>::empty(), Key::<DataRequest, Tdea>::empty());
    keys.pin_key(&mut pin_key).unwrap();
    keys.data_request_key(&mut data).unwrap();
    let (mut request, mut response) = (Key::<MacRequest, Tdea>::empty(), Key::<MacResponse, Tdea>::empty());
    keys.mac_request_key(&mut request).unwrap();
    keys.mac_response_key(&mut response).unwrap();

    let pan = Pan::parse(PAN).unwrap();
    let mut pin_block = [0; 8];
    // Format 0 has the fill F.
    encipher_tdea_with_fill(&pin_key, Format::Iso0, &pin(), Some(&pan), &[0xF; 14], &mut pin_block).unwrap();
    let clear = padded(8);
    let mut track2 = clear.clone();
    modes::cbc_encrypt(&Tdes::new(data.expose_bytes()).unwrap(), &[0; 8], &mut track2).unwrap();
    let mac = |up: bool, message: &[u8]| {
        let key = if up {
            request.expose_bytes()
        } else {
            response.expose_bytes()
        };
        let mut mac = iso9797::RetailMac::new(key, iso9797::Padding::Method1).unwrap();
        mac.update(message);
        let mut out = [0; 8];
        mac.finish(&mut out).unwrap();
        out.to_vec()
    };
    sale(
        "sale by card and PIN, TDES DUKPT",
        [0, X9_19],
        &block,
        ksn.as_bytes(),
        &clear,
        &pin_block,
        &track2,
        mac,
    )
}

fn sale_aes() -> String {
    let id = aes::InitialKeyId::parse(b"\x12\x34\x56\x78\x90\x12\x34\x56").unwrap();
    let bdk = b"\xFE\xDC\xBA\x98\x76\x54\x32\x10\xF1\xF1\xF1\xF1\xF1\xF1\xF1\xF1";
    let ik = aes_initial_key(bdk, id.as_bytes());
    let block = initial_key_block(KeyAlgorithm::Aes, ik.expose_bytes(), id.as_bytes());
    let ksn = id.ksn(1).unwrap();
    let mut keys = aes::Transaction::empty();
    aes::Host::transaction(&ik, &ksn, &mut keys).unwrap();

    let kind = aes::KeyType::Aes128;
    let (mut pin_key, mut data) = (Key::<PinEncryption, Aes>::empty(), Key::<DataRequest, Aes>::empty());
    keys.working_key(kind, &mut pin_key).unwrap();
    keys.working_key(kind, &mut data).unwrap();
    let (mut request, mut response) = (Key::<MacRequest, Aes>::empty(), Key::<MacResponse, Aes>::empty());
    keys.working_key(kind, &mut request).unwrap();
    keys.working_key(kind, &mut response).unwrap();

    let pan = Pan::parse(PAN).unwrap();
    let mut pin_block = [0; 16];
    encipher_aes_with_fill(&pin_key, &pin(), &pan, &RANDOM, &mut pin_block).unwrap();
    let clear = padded(16);
    let mut track2 = clear.clone();
    modes::cbc_encrypt(&AesCipher::new(data.expose_bytes()).unwrap(), &[0; 16], &mut track2).unwrap();
    let mac = |up: bool, message: &[u8]| {
        let key = if up {
            request.expose_bytes()
        } else {
            response.expose_bytes()
        };
        let mut mac = CmacAes::new(key).unwrap();
        mac.update(message);
        let mut out = [0; 16];
        mac.finish(&mut out).unwrap();
        out.to_vec()
    };
    sale(
        "contactless sale, AES DUKPT",
        [4, CMAC],
        &block,
        ksn.as_bytes(),
        &clear,
        &pin_block,
        &track2,
        mac,
    )
}
