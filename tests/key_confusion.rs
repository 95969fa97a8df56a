// SPDX-License-Identifier: MIT OR Apache-2.0
//! Every usage, algorithm and mode of use with every operation, through the commands of the module (attack row C01).
//!
//! Each key comes in by ceremony and by key block, under the strict policy and with all permissions. What the tables here
//! allow must work; whatever else there is must be refused, leave its outputs zero, and change, ask, draw and store
//! nothing. The tables are not those of the library.
#![cfg(all(feature = "hazmat", feature = "host", feature = "terminal", feature = "ec"))]

#[path = "common/module.rs"]
mod common;

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use common::card::{Card, PAN, VISA_IAD_18};
use common::{Device, Module, PERMISSIVE, attributes, block, block_tdea, ceremony, key, start, value};
use payhsm::emv::element::CryptogramKind;
use payhsm::emv::profile::VISA_CVN18;
use payhsm::error::Error;
use payhsm::hsm::{ArpcRequest, KeyHandle, MacMethod, MacPurpose, Padding};
use payhsm::key::usage::{Attributes, Exportability, KeyAlgorithm, ModeOfUse, Usage};
use payhsm::keyblock::Profile;
use payhsm::keyblock::optional::Optional;
use payhsm::pin::block::Format;
use payhsm::pin::{Pin, pan::Pan};
use payhsm::policy::{MacAlgorithm, Operation, Policy};

/// Operation, usages, modes, algorithms.
const ALLOWED: &[(Operation, &str, &str, &str)] = &[
    (Operation::KeyBlockUnwrap, "K1", "BD", "TA"),
    (Operation::KeyBlockWrap, "K1", "BE", "TA"),
    (Operation::AgreementAuthenticate, "B3", "X", "A"),
    (Operation::DukptDerive, "B0", "X", "TA"),
    (Operation::DukptLoad, "B1", "X", "TA"),
    (Operation::PinEncipher, "P0", "BE", "TA"),
    (Operation::PinDecipher, "P0", "BD", "TA"),
    (Operation::PvvGenerate, "V2", "CG", "T"),
    (Operation::PvvVerify, "V2", "CV", "T"),
    (Operation::MacGenerate, "M0 M1 M3 M6", "CG", "TA"),
    (Operation::MacVerify, "M0 M1 M3 M6", "CV", "TA"),
    (Operation::DataEncipher, "D0", "BE", "TA"),
    (Operation::DataDecipher, "D0", "BD", "TA"),
    (Operation::ArqcVerify, "E0", "X", "T"),
];

/// Usages, algorithms and modes of the keys that a slot takes; N and P0 with B by permission only.
const ADMITTED: &[(&str, &str, &str)] = &[
    ("B0 B3 E0 E1 E2 E3 E4 E5 E6", "TA", "XN"),
    ("B2", "T", "XN"),
    ("C0 M1 M5 M6 M8 V0 V1 V2 V3 V4 V5", "TA", "CGVN"),
    ("M0 M2 M3 M4", "T", "CGVN"),
    ("D0 D2 D3 P0", "TA", "BDEN"),
    ("I0", "TA", "N"),
    ("K0 K1", "TA", "BDEXN"),
    ("K4", "A", "BDEXN"),
    ("P1", "TA", "CGV"),
];

/// Commands that name a key and do nothing with its value.
const WITHOUT_OPERATION: [&str; 2] = ["key_erase", "key_info"];

/// The key under test, the same for all attributes of an algorithm.
const SEED: u8 = 1;

/// The PIN keys of the input side, TDEA and AES.
const PIN_IN: [u8; 2] = [15, 16];

fn names(usages: &str, usage: Usage) -> bool {
    usages.split(' ').any(|name| name.as_bytes() == usage.to_chars())
}

fn has(letters: &str, letter: u8) -> bool {
    letters.as_bytes().contains(&letter)
}

fn is_permitted(attributes: &Attributes, permissive: bool) -> bool {
    permissive
        || !(attributes.mode == ModeOfUse::NoRestriction
            || (attributes.usage == Usage::P0 && attributes.mode == ModeOfUse::Both))
}

fn is_admitted(attributes: &Attributes, permissive: bool) -> bool {
    ADMITTED.iter().any(|(usages, algorithms, modes)| {
        names(usages, attributes.usage)
            && has(algorithms, attributes.algorithm.to_char())
            && has(modes, attributes.mode.to_char())
    }) && is_permitted(attributes, permissive)
}

fn is_allowed(operation: Operation, attributes: &Attributes, permissive: bool) -> bool {
    let loads = operation == Operation::DukptLoad;
    let (_, usages, modes, algorithms) = ALLOWED.iter().find(|row| row.0 == operation).expect("no row");
    let mode = has(modes, attributes.mode.to_char()) || (permissive && attributes.mode == ModeOfUse::NoRestriction);
    names(usages, attributes.usage)
        && mode
        && has(algorithms, attributes.algorithm.to_char())
        && (loads || is_admitted(attributes, permissive))
        && is_permitted(attributes, permissive)
}

/// What came out of one command.
struct Outcome {
    command: &'static str,
    result: Result<(), Error>,
    /// Zero after a refusal.
    outputs: Vec<u8>,
    /// Whether the data of the call fit a key that may do the operation.
    fits: bool,
}

impl Outcome {
    fn new<T>(command: &'static str, result: Result<T, Error>, outputs: &[u8]) -> Self {
        Self {
            command,
            result: result.map(|_| ()),
            outputs: outputs.to_vec(),
            fits: true,
        }
    }
}

/// A module, and other keys for the other half of each operation.
struct Rig {
    device: Device,
    hsm: Module,
    permissive: bool,
    wrapping: KeyHandle,
    unwrapping: KeyHandle,
    exportable: KeyHandle,
    bdk: KeyHandle,
    pvk: KeyHandle,
    pin_in: [KeyHandle; 2],
    pin_out: [KeyHandle; 2],
    m1: [u8; 65],
    commands: BTreeSet<&'static str>,
}

impl Rig {
    fn new(permissive: bool) -> Self {
        let device = Device::new(3);
        let policy = if permissive { PERMISSIVE } else { Policy::STRICT };
        let mut hsm = start(&device, policy, 11, 2).unwrap();
        let victim = attributes("D0", 'T', 'E', 'E');
        let mut host = start(&Device::new(4), Policy::STRICT, 2, 0).unwrap();
        let psk = key(&mut host, "B3", 'A', 'X', SEED);
        Self {
            wrapping: key(&mut hsm, "K1", 'A', 'E', 10),
            unwrapping: key(&mut hsm, "K1", 'A', 'D', 11),
            exportable: ceremony(&mut hsm, &victim, &value(12, 16)).unwrap(),
            bdk: key(&mut hsm, "B0", 'T', 'X', 13),
            pvk: key(&mut hsm, "V2", 'T', 'C', 14),
            pin_in: [('T', PIN_IN[0]), ('A', PIN_IN[1])].map(|(letter, seed)| key(&mut hsm, "P0", letter, 'D', seed)),
            pin_out: [('T', 17), ('A', 18)].map(|(letter, seed)| key(&mut hsm, "P0", letter, 'E', seed)),
            m1: host.agreement_begin(psk, b"host", b"terminal", 16).unwrap(),
            device,
            hsm,
            permissive,
            commands: BTreeSet::new(),
        }
    }

    /// Runs every command of an operation with the key.
    fn attempt(&mut self, operation: Operation, key: KeyHandle, attributes: &Attributes) -> Vec<Outcome> {
        let aes = attributes.algorithm == KeyAlgorithm::Aes;
        let at = usize::from(aes);
        let (format, block_len) = if aes { (Format::Iso4, 16) } else { (Format::Iso0, 8) };
        let own = value(SEED, 16);
        let pan = Pan::parse(PAN).unwrap();
        let pin = Pin::from_entry(4, &[1, 2, 3, 4, 0, 0, 0, 0, 0, 0, 0, 0]).unwrap();
        let hsm = &mut self.hsm;
        match operation {
            Operation::KeyBlockUnwrap => {
                let inner = common::attributes("D0", 'T', 'E', 'N');
                let make = if aes { block } else { block_tdea };
                let text = make(&own, &inner, &value(20, 16), &[]);
                let imported = hsm.key_block_import(key, &text, Profile::Tr31_2018);
                if let Ok(imported) = imported {
                    hsm.key_erase(imported.key).unwrap();
                }
                let inner = common::attributes("B1", 'T', 'X', 'N');
                let ks = Optional::new(*b"KS", b"FFFF9876543210E00000").unwrap();
                let text = make(&own, &inner, &value(20, 16), &[ks]);
                let loaded = hsm.dukpt_load(key, &text, Profile::Tr31_2018);
                if let Ok((group, _)) = loaded {
                    hsm.dukpt_erase(group).unwrap();
                }
                vec![
                    Outcome::new("key_block_import", imported, &[]),
                    Outcome::new("dukpt_load", loaded, &[]),
                ]
            }
            Operation::KeyBlockWrap => {
                let (mut one, mut two) = ([0xA5; 256], [0xA5; 256]);
                let exported = hsm.key_block_export(key, self.exportable, &mut one);
                let initial = hsm.dukpt_export_initial_key(self.bdk, &common::TDEA_ID, key, &mut two);
                vec![
                    Outcome::new("key_block_export", exported, &one),
                    Outcome::new("dukpt_export_initial_key", initial, &two),
                ]
            }
            Operation::AgreementAuthenticate => {
                let begun = hsm.agreement_begin(key, b"host", b"terminal", 16);
                let answered = hsm.agreement_answer(key, b"host", b"terminal", 16, &self.m1);
                vec![
                    Outcome::new("agreement_begin", begun, &[]),
                    Outcome::new("agreement_answer", answered, &[]),
                ]
            }
            Operation::DukptDerive => {
                let ksn: &[u8] = if aes {
                    &[0x12, 0x34, 0x56, 0x78, 0x90, 0x12, 0x34, 0x56, 0, 0, 0, 1]
                } else {
                    &[0xFF, 0xFF, 0x98, 0x76, 0x54, 0x32, 0x10, 0xE0, 0, 1]
                };
                let derived = hsm.dukpt_derive(key, ksn);
                if let Ok(transaction) = derived {
                    hsm.transaction_end(transaction).unwrap();
                }
                let id: &[u8] = if aes { &common::AES_ID } else { &common::TDEA_ID };
                let mut out = [0xA5; 256];
                let exported = hsm.dukpt_export_initial_key(key, id, self.wrapping, &mut out);
                vec![
                    Outcome::new("dukpt_derive", derived, &[]),
                    Outcome::new("dukpt_export_initial_key", exported, &out),
                ]
            }
            Operation::DukptLoad => panic!("an initial key has no slot"),
            Operation::PinEncipher => {
                let mut one = [0xA5; 16];
                let enciphered = hsm.pin_encipher(key.into(), format, &pan, &pin, &mut one);
                let text = pin_block(attributes.algorithm, PIN_IN[at]);
                let mut two = [0xA5; 16];
                let input = self.pin_in[at].into();
                let translated = hsm.pin_translate(input, format, &pan, &text, key, format, &mut two);
                vec![
                    Outcome::new("pin_encipher", enciphered, &one),
                    Outcome::new("pin_translate", translated, &two),
                ]
            }
            Operation::PinDecipher => {
                let text = pin_block(attributes.algorithm, SEED);
                let mut out = [0xA5; 16];
                let output = self.pin_out[at];
                let translated = hsm.pin_translate(key.into(), format, &pan, &text, output, format, &mut out);
                let made = hsm.pvv_generate(key.into(), format, &pan, &text, self.pvk, 1);
                let reference = match made {
                    Ok(ref pvv) => payhsm::pin::pvv::Pvv::from_digits(pvv.digits()).unwrap(),
                    Err(_) => payhsm::pin::pvv::Pvv::from_digits(&[0; 4]).unwrap(),
                };
                let verified = hsm.pin_verify_pvv(key.into(), format, &pan, &text, self.pvk, 1, &reference);
                vec![
                    Outcome::new("pin_translate", translated, &out),
                    Outcome::new("pvv_generate", made, &[]),
                    Outcome::new("pin_verify_pvv", verified, &[]),
                ]
            }
            Operation::PvvGenerate => {
                let text = pin_block(KeyAlgorithm::Tdea, PIN_IN[0]);
                let made = hsm.pvv_generate(self.pin_in[0].into(), Format::Iso0, &pan, &text, key, 1);
                vec![Outcome::new("pvv_generate", made, &[])]
            }
            Operation::PvvVerify => {
                let text = pin_block(KeyAlgorithm::Tdea, PIN_IN[0]);
                let reference = own_pvv();
                let input = self.pin_in[0].into();
                let verified = hsm.pin_verify_pvv(input, Format::Iso0, &pan, &text, key, 1, &reference);
                vec![Outcome::new("pin_verify_pvv", verified, &[])]
            }
            Operation::MacGenerate | Operation::MacVerify => self.attempt_mac(operation, key, attributes),
            Operation::DataEncipher => {
                let mut data = [0xA5; 16];
                let result = hsm.data_encipher(key.into(), &[0; 16][..block_len], &mut data);
                vec![Outcome::new("data_encipher", result, &data)]
            }
            Operation::DataDecipher => {
                let mut data = [0xA5; 16];
                let result = hsm.data_decipher(key.into(), &[0; 16][..block_len], &mut data);
                vec![Outcome::new("data_decipher", result, &data)]
            }
            Operation::ArqcVerify => {
                let card = Card::new(&VISA_CVN18, &own);
                let (_, text) = card.request(7, CryptogramKind::Arqc, &VISA_IAD_18);
                let result = hsm.arqc_verify(key, &VISA_CVN18, &pan, card.psn, &text, ArpcRequest::None);
                vec![Outcome::new("arqc_verify", result, &[])]
            }
            other => panic!("{other:?} has no column"),
        }
    }

    /// All MAC algorithms; a MAC key does that of its usage only.
    fn attempt_mac(&mut self, operation: Operation, key: KeyHandle, attributes: &Attributes) -> Vec<Outcome> {
        const MESSAGE: [u8; 24] = [0x3C; 24];
        let hsm = &mut self.hsm;
        let mut outcomes = Vec::new();
        for (usages, method) in METHODS {
            let fits = names(usages, attributes.usage) || !names("M0 M1 M3 M6", attributes.usage);
            let (mut one, mut two) = ([0xA5; 8], [0xA5; 8]);
            let results = if operation == Operation::MacGenerate {
                let whole = hsm.mac_generate(key.into(), method, &MESSAGE, &mut one);
                let parts = hsm
                    .mac_begin(key.into(), method, MacPurpose::Generate)
                    .and_then(|()| hsm.mac_update(&MESSAGE));
                let last = hsm.mac_finish(&mut two);
                assert_eq!(parts.is_ok(), last.is_ok());
                [("mac_generate", whole), ("mac_begin", parts)]
            } else {
                let tag = own_mac(attributes, method, &MESSAGE);
                let whole = hsm.mac_verify(key.into(), method, &MESSAGE, &tag);
                let parts = hsm
                    .mac_begin(key.into(), method, MacPurpose::Verify)
                    .and_then(|()| hsm.mac_update(&MESSAGE));
                let last = hsm.mac_finish_verify(&tag);
                assert_eq!(parts.is_ok(), last.is_ok());
                (one, two) = ([0; 8], [0; 8]);
                [("mac_verify", whole), ("mac_begin", parts)]
            };
            for ((command, result), outputs) in results.into_iter().zip([one, two]) {
                outcomes.push(Outcome {
                    fits,
                    ..Outcome::new(command, result, &outputs)
                });
            }
        }
        outcomes
    }

    /// All that a refused command must leave as it is.
    fn state(&mut self) -> impl PartialEq + core::fmt::Debug + use<> {
        let groups = [0, 1].map(|index| self.hsm.dukpt_find(index).map(|(_, info)| info));
        (self.hsm.status(), self.device.touched(), groups)
    }

    /// The key with every operation. Gives how many work.
    fn row(&mut self, key: KeyHandle, attributes: &Attributes) -> usize {
        let mut allowed = 0;
        for &operation in Operation::ALL.iter().filter(|&&op| op != Operation::DukptLoad) {
            let expected = is_allowed(operation, attributes, self.permissive);
            allowed += usize::from(expected);
            let before = self.state();
            let outcomes = self.attempt(operation, key, attributes);
            assert!(!outcomes.is_empty());
            for outcome in outcomes {
                let cell = format!("{operation:?} {attributes:?} {}", outcome.command);
                self.commands.insert(outcome.command);
                if expected && outcome.fits {
                    assert_eq!(outcome.result, Ok(()), "{cell}");
                    continue;
                }
                let error = outcome.result.expect_err(&cell);
                let expected_errors = [
                    Error::UsageNotPermitted,
                    Error::ModeNotPermitted,
                    Error::AlgorithmMismatch,
                ];
                assert!(expected_errors.contains(&error), "{cell}: {error:?}");
                assert!(outcome.outputs.iter().all(|&b| b == 0), "{cell}");
            }
            if !expected {
                assert_eq!(self.state(), before, "{operation:?} {attributes:?}");
            }
        }
        allowed
    }

    /// The key as an initial key. Gives whether it was loaded.
    fn load(&mut self, attributes: &Attributes) -> bool {
        let expected = is_allowed(Operation::DukptLoad, attributes, self.permissive);
        let optional = match attributes.algorithm {
            KeyAlgorithm::Tdea => Optional::new(*b"KS", b"FFFF9876543210E00000"),
            _ => Optional::new(*b"IK", b"1234567890123456"),
        };
        let text = block(&value(11, 16), attributes, &value(SEED, 16), &[optional.unwrap()]);
        let before = self.state();
        let result = self.hsm.dukpt_load(self.unwrapping, &text, Profile::Tr31_2018);
        self.commands.insert("dukpt_load");
        assert_eq!(result.is_ok(), expected, "{attributes:?} {result:?}");
        match result {
            Ok((group, _)) => self.hsm.dukpt_erase(group).unwrap(),
            Err(_) => assert_eq!(self.state(), before, "{attributes:?}"),
        }
        expected
    }
}

const METHODS: [(&str, MacMethod); 3] = [
    (
        "M0 M1",
        MacMethod {
            algorithm: MacAlgorithm::Iso9797Alg1,
            padding: Padding::Method3 { len: 24 },
        },
    ),
    ("M3", MacMethod::X9_19),
    ("M6", MacMethod::CMAC),
];

/// A PIN block under a key, made by another module.
fn pin_block(algorithm: KeyAlgorithm, seed: u8) -> Vec<u8> {
    let mut maker = start(&Device::new(5), Policy::STRICT, 1, 0).unwrap();
    let (letter, format) = if algorithm == KeyAlgorithm::Aes {
        ('A', Format::Iso4)
    } else {
        ('T', Format::Iso0)
    };
    let key = key(&mut maker, "P0", letter, 'E', seed);
    let pin = Pin::from_entry(4, &[1, 2, 3, 4, 0, 0, 0, 0, 0, 0, 0, 0]).unwrap();
    let mut out = [0; 16];
    let len = maker
        .pin_encipher(key.into(), format, &Pan::parse(PAN).unwrap(), &pin, &mut out)
        .unwrap();
    out[..len].to_vec()
}

/// The PVV under the key under test, made by another module.
fn own_pvv() -> payhsm::pin::pvv::Pvv {
    let mut maker = start(&Device::new(5), Policy::STRICT, 2, 0).unwrap();
    let pin_key = key(&mut maker, "P0", 'T', 'D', PIN_IN[0]);
    let pvk = key(&mut maker, "V2", 'T', 'G', SEED);
    let text = pin_block(KeyAlgorithm::Tdea, PIN_IN[0]);
    maker
        .pvv_generate(pin_key.into(), Format::Iso0, &Pan::parse(PAN).unwrap(), &text, pvk, 1)
        .unwrap()
}

/// The MAC under the key under test, made by another module; anything if there is none.
fn own_mac(attributes: &Attributes, method: MacMethod, message: &[u8]) -> [u8; 8] {
    let mut maker = start(&Device::new(5), Policy::STRICT, 1, 0).unwrap();
    let generating = Attributes {
        mode: ModeOfUse::Generate,
        ..*attributes
    };
    let mut tag = [0; 8];
    if let Ok(key) = ceremony(&mut maker, &generating, &value(SEED, 16)) {
        let _ = maker.mac_generate(key.into(), method, message, &mut tag);
    }
    tag
}

/// Every attribute there is, and one that is left to private agreements in each field.
fn all_attributes() -> impl Iterator<Item = Attributes> {
    let own = Usage::from_chars(*b"15").unwrap();
    let usages = Usage::ALL.iter().copied().chain([own]);
    usages.flat_map(|usage| {
        let algorithms = KeyAlgorithm::ALL.iter().copied().chain(KeyAlgorithm::from_char(b'3'));
        algorithms.flat_map(move |algorithm| {
            let modes = ModeOfUse::ALL.iter().copied().chain(ModeOfUse::from_char(b'7'));
            modes.map(move |mode| Attributes::new(usage, algorithm, mode, Exportability::NonExportable))
        })
    })
}

fn matrix(permissive: bool, expected: usize) {
    let mut rig = Rig::new(permissive);
    let (mut cells, mut allowed, mut blocks) = (0, 0, 0);
    for attributes in all_attributes() {
        let symmetric = [KeyAlgorithm::Tdea, KeyAlgorithm::Aes].contains(&attributes.algorithm);
        let admitted = is_admitted(&attributes, permissive);
        cells += Operation::ALL.len();
        let status = rig.hsm.status();
        let mut works = [0; 2];
        // By ceremony.
        let result = ceremony(&mut rig.hsm, &attributes, &value(SEED, 16));
        assert_eq!(result.is_ok(), admitted, "{attributes:?} {result:?}");
        if let Ok(key) = result {
            works[0] = rig.row(key, &attributes);
            rig.hsm.key_erase(key).unwrap();
        }
        // By key block, in the dialect that does not look at the table.
        if symmetric {
            blocks += 1;
            let text = block(&value(11, 16), &attributes, &value(SEED, 16), &[]);
            let result = rig.hsm.key_block_import(rig.unwrapping, &text, Profile::Tr31_2018);
            assert_eq!(result.is_ok(), admitted, "{attributes:?} {result:?}");
            if let Ok(imported) = result {
                assert_eq!(imported.info.attributes, attributes);
                works[1] = rig.row(imported.key, &attributes);
                rig.hsm.key_erase(imported.key).unwrap();
            }
            allowed += usize::from(rig.load(&attributes));
        }
        assert_eq!(works[0], works[1]);
        allowed += works[0];
        assert_eq!(rig.hsm.status(), status, "{attributes:?}");
    }
    assert_eq!(cells, 44 * 10 * 12 * 14);
    assert_eq!(blocks, 44 * 2 * 12);
    assert_eq!(allowed, expected);
    let commands: BTreeSet<String> = rig.commands.iter().map(ToString::to_string).collect();
    assert_eq!(commands, commands_with_keys());
}

/// C01: 54 of 73920 cells work.
#[test]
fn c01_the_whole_matrix_under_the_strict_policy() {
    matrix(false, 54);
}

/// C01: mode N means what the usage implies, and a PIN key may work both ways; nothing else comes with permissions.
#[test]
fn c01_the_whole_matrix_with_all_permissions() {
    matrix(true, 90);
}

/// The commands of the module that take a key, read from the source: a new one must come into the matrix.
fn commands_with_keys() -> BTreeSet<String> {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files: Vec<_> = fs::read_dir(source.join("hsm"))
        .unwrap()
        .map(|e| e.unwrap().path())
        .collect();
    files.push(source.join("hsm.rs"));
    let mut found = BTreeSet::new();
    for file in files {
        let text = fs::read_to_string(file).unwrap();
        for function in text.split("\n    pub fn ").skip(1) {
            let head = function.split('{').next().unwrap();
            let arguments = head.split("->").next().unwrap();
            let name = head.split(['(', '<']).next().unwrap();
            if arguments.contains("&mut self") && (arguments.contains(": KeyHandle") || arguments.contains(": KeyRef"))
            {
                found.insert(name.to_owned());
            }
        }
    }
    assert!(found.len() >= 15, "{found:?}");
    found.retain(|name| !WITHOUT_OPERATION.contains(&name.as_str()));
    found
}

/// Every operation has a row here and is in the list that the matrix walks.
#[test]
fn c01_every_operation_has_a_row() {
    for operation in Operation::ALL {
        assert_eq!(
            ALLOWED.iter().filter(|row| row.0 == *operation).count(),
            1,
            "{operation:?}"
        );
    }
    assert_eq!(ALLOWED.len(), Operation::ALL.len());
    let text = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("src/policy.rs")).unwrap();
    let (_, behind) = text.split_once("pub enum Operation {").unwrap();
    let (body, _) = behind.split_once("\n}").unwrap();
    let variants = body
        .lines()
        .filter(|line| line.ends_with(',') && !line.contains("//"))
        .count();
    assert_eq!(variants, Operation::ALL.len());
}

/// C01, C05, D09: a key leaves only if it is exportable, and what leaves comes back with the same attributes.
#[test]
fn c01_exportability() {
    let device = Device::new(6);
    let mut hsm = start(&device, Policy::STRICT, 3, 0).unwrap();
    let wrapping = key(&mut hsm, "K1", 'A', 'E', 10);
    let mut other = start(&Device::new(7), Policy::STRICT, 3, 0).unwrap();
    let unwrapping = key(&mut other, "K1", 'A', 'D', 10);
    let (mut cells, mut exported) = (0, 0);
    for attributes in all_attributes().filter(|attributes| is_admitted(attributes, false)) {
        for letter in *b"ENS" {
            let exportability = Exportability::from_char(letter).unwrap();
            let attributes = Attributes {
                exportability,
                ..attributes
            };
            let key = ceremony(&mut hsm, &attributes, &value(SEED, 16)).unwrap();
            let mut blocks = [[0xA5; 256]; 2];
            let drawn = device.world().drawn;
            let results = blocks
                .each_mut()
                .map(|block| hsm.key_block_export(wrapping, key, block));
            cells += 1;
            if letter == b'E' {
                exported += 1;
                // Another pad each time.
                assert_ne!(blocks[0], blocks[1]);
                let text = &blocks[0][..results[0].unwrap()];
                let back = other.key_block_import(unwrapping, text, Profile::X9143Strict).unwrap();
                assert_eq!(back.info, hsm.key_info(key).unwrap());
                other.key_erase(back.key).unwrap();
            } else {
                assert_eq!(results, [Err(Error::ExportNotPermitted); 2]);
                assert_eq!(blocks, [[0; 256]; 2]);
                assert_eq!(device.world().drawn, drawn);
            }
            hsm.key_erase(key).unwrap();
        }
    }
    assert_eq!((cells, exported), (3 * 145, 145));
}
