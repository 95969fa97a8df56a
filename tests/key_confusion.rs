// SPDX-License-Identifier: MIT OR Apache-2.0
//! Every usage, algorithm and mode of use with every operation, through the commands of the module (attack row C01).
//!
//! Each key comes in by ceremony and by key block, under the strict policy and with all permissions. What the tables here
//! allow must work; whatever else there is must be refused, leave its outputs zero, and change, ask, draw and store
//! nothing. The tables are not those of the library.
#![cfg(all(
    feature = "hazmat",
    feature = "host",
    feature = "terminal",
    feature = "ec",
    feature = "legacy"
))]

#[path = "confusion/card.rs"]
mod card;
#[path = "common/module.rs"]
mod common;
#[path = "confusion/data.rs"]
mod data;
#[path = "confusion/dukpt.rs"]
mod dukpt;
#[path = "confusion/emv.rs"]
mod emv;
#[path = "confusion/keys.rs"]
mod keys;
#[path = "confusion/mac.rs"]
mod mac;
#[path = "confusion/pin.rs"]
mod pin;

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use common::{Device, Module, PERMISSIVE, attributes, block, ceremony, key, payload, profile_3624, start, value};
use payhsm::error::Error;
use payhsm::hsm::{KeyHandle, Narrowing, PinProfile};
use payhsm::inject::agreement::M1_LEN;
use payhsm::key::usage::{Attributes, Exportability, KeyAlgorithm, ModeOfUse, Usage};
use payhsm::keyblock::Profile;
use payhsm::keyblock::optional::Optional;
use payhsm::policy::{Operation, Policy};

/// Operation, usages, modes, algorithms.
const ALLOWED: &[(Operation, &str, &str, &str)] = &[
    (Operation::KeyBlockUnwrap, "K1", "BD", "TA"),
    (Operation::KeyBlockWrap, "K1", "BE", "TA"),
    (Operation::KeyBlockUnwrapIso20038, "K4", "BD", "A"),
    (Operation::KeyBlockWrapIso20038, "K4", "BE", "A"),
    (Operation::KeyBlockUnwrapVariant, "K0", "BD", "T"),
    (Operation::KeyBlockWrapVariant, "K0", "BE", "T"),
    (Operation::WorkingKeyUnwrap, "K0", "BD", "T"),
    (Operation::AgreementAuthenticate, "B3", "X", "A"),
    (Operation::AgreementSign, "S0", "S", "E"),
    (Operation::PublicKey, "S0", "S", "E"),
    (Operation::DukptDerive, "B0", "X", "TA"),
    (Operation::DukptLoad, "B1", "X", "TA"),
    (Operation::PinEncipher, "P0", "BE", "TA"),
    (Operation::PinDecipher, "P0", "BD", "TA"),
    (Operation::PvvGenerate, "V2", "CG", "T"),
    (Operation::PvvVerify, "V2", "CV", "T"),
    (Operation::OffsetGenerate, "V1", "CG", "T"),
    (Operation::OffsetVerify, "V1", "CV", "T"),
    (Operation::MacGenerate, "M0 M1 M3 M6", "CG", "TA"),
    (Operation::MacGenerate, "M0 M1", "CG", "D"),
    (Operation::MacGenerate, "M7", "CG", "H"),
    (Operation::MacVerify, "M0 M1 M3 M6", "CV", "TA"),
    (Operation::MacVerify, "M0 M1", "CV", "D"),
    (Operation::MacVerify, "M7", "CV", "H"),
    (Operation::DataEncipher, "D0", "BE", "TA"),
    (Operation::DataDecipher, "D0", "BD", "TA"),
    (Operation::CvvGenerate, "C0", "CG", "T"),
    (Operation::CvvVerify, "C0", "CV", "T"),
    (Operation::Cvc3Verify, "E4", "X", "T"),
    (Operation::ArqcVerify, "E0", "X", "TA"),
    (Operation::ScriptIntegrity, "E2", "X", "T"),
    (Operation::ScriptConfidentiality, "E1", "X", "T"),
    (Operation::ScriptPin, "E0", "X", "T"),
    (Operation::RoleKey, "M6", "V", "A"),
    (Operation::CodeKey, "M7", "V", "H"),
];

/// Operations that no key of mode N may do, whatever the permissions.
const NEVER_UNRESTRICTED: [Operation; 2] = [Operation::RoleKey, Operation::CodeKey];

/// Usages, algorithms and modes of the keys that a slot takes; N and P0 with B by permission only.
const ADMITTED: &[(&str, &str, &str)] = &[
    ("B0 B3 E0 E1 E2 E3 E4 E5 E6", "TA", "XN"),
    ("B2", "T", "XN"),
    ("C0 M1 M5 M6 M8 V0 V1 V2 V3 V4 V5", "TA", "CGVN"),
    ("M0 M2 M3 M4", "T", "CGVN"),
    // Single DES by permission only.
    ("M0 M1", "D", "CGVN"),
    ("M7", "H", "CGVN"),
    ("D0 D2 D3 P0", "TA", "BDEN"),
    ("I0", "TA", "N"),
    ("K0 K1", "TA", "BDEXN"),
    ("K4", "A", "BDEXN"),
    ("P1", "TA", "CGV"),
    ("S0", "E", "S"),
];

/// Algorithms of the keys that may come in parts.
const IN_PARTS: &str = "TA";

/// Algorithms of the keys that come in key blocks.
const IN_BLOCKS: &str = "TAEDH";

/// Operations that need a permission.
const BY_PERMISSION: [Operation; 3] = [
    Operation::KeyBlockUnwrapVariant,
    Operation::KeyBlockWrapVariant,
    Operation::WorkingKeyUnwrap,
];

/// Commands that name a key and do nothing with its value but to compare a check value.
const WITHOUT_OPERATION: [&str; 10] = [
    // Protection keys; `tests/hsm/audit.rs` and `tests/hsm/backup.rs`.
    "audit_key_export",
    "backup_restore",
    "backup_write",
    "key_bounds",
    "key_check",
    "key_erase",
    "key_info",
    "key_narrow",
    "key_replace",
    "key_store",
];

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
            || attributes.algorithm == KeyAlgorithm::Des
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
    if BY_PERMISSION.contains(&operation) && !permissive {
        return false;
    }
    let loads = operation == Operation::DukptLoad;
    let mut rows = ALLOWED.iter().filter(|row| row.0 == operation);
    rows.any(|(_, usages, modes, algorithms)| {
        let unrestricted = permissive && !NEVER_UNRESTRICTED.contains(&operation);
        let mode =
            has(modes, attributes.mode.to_char()) || (unrestricted && attributes.mode == ModeOfUse::NoRestriction);
        names(usages, attributes.usage) && mode && has(algorithms, attributes.algorithm.to_char())
    }) && (loads || is_admitted(attributes, permissive))
        && is_permitted(attributes, permissive)
}

/// How many cells of the matrix [`ALLOWED`] lists, counted along the list and not along the matrix.
fn listed(permissive: bool) -> usize {
    let mut cells = BTreeSet::new();
    for (operation, usages, modes, algorithms) in ALLOWED {
        let unrestricted = permissive && !NEVER_UNRESTRICTED.contains(operation);
        let modes = modes.bytes().chain(unrestricted.then_some(b'N'));
        for (usage, mode) in usages
            .split(' ')
            .flat_map(|usage| modes.clone().map(move |mode| (usage, mode)))
        {
            for algorithm in algorithms.chars() {
                let key = attributes(usage, algorithm, char::from(mode), 'N');
                let alone = *operation == Operation::DukptLoad && is_permitted(&key, permissive);
                let by_permission = permissive || !BY_PERMISSION.contains(operation);
                if by_permission && (alone || is_admitted(&key, permissive)) {
                    cells.insert((format!("{operation:?}"), usage, mode, algorithm));
                }
            }
        }
    }
    cells.len()
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
    pvk_3624: KeyHandle,
    profile: PinProfile,
    pin_in: [KeyHandle; 2],
    pin_out: [KeyHandle; 2],
    script: [KeyHandle; 2],
    mac_in: KeyHandle,
    mac_out: KeyHandle,
    data_in: KeyHandle,
    data_out: KeyHandle,
    m1: [u8; M1_LEN],
    commands: BTreeSet<&'static str>,
}

impl Rig {
    fn new(permissive: bool) -> Self {
        let device = Device::new(3);
        let policy = if permissive { PERMISSIVE } else { Policy::STRICT };
        let mut hsm = start(&device, policy, 23, 2).unwrap();
        let victim = attributes("D0", 'T', 'E', 'E');
        let mut host = start(&Device::new(4), Policy::STRICT, 2, 0).unwrap();
        let psk = key(&mut host, "B3", 'A', 'X', SEED);
        Self {
            wrapping: key(&mut hsm, "K1", 'A', 'E', 10),
            unwrapping: key(&mut hsm, "K1", 'A', 'D', 11),
            exportable: ceremony(&mut hsm, &victim, &value(12, 16)).unwrap(),
            bdk: key(&mut hsm, "B0", 'T', 'X', 13),
            pvk: key(&mut hsm, "V2", 'T', 'C', 14),
            pvk_3624: key(&mut hsm, "V1", 'T', 'C', 19),
            profile: hsm.pin_profile_register(&profile_3624()).unwrap(),
            pin_in: [('T', PIN_IN[0]), ('A', PIN_IN[1])].map(|(letter, seed)| key(&mut hsm, "P0", letter, 'D', seed)),
            pin_out: [('T', 17), ('A', 18)].map(|(letter, seed)| key(&mut hsm, "P0", letter, 'E', seed)),
            script: [("E2", 61), ("E1", 62)].map(|(usage, seed)| key(&mut hsm, usage, 'T', 'X', seed)),
            mac_in: key(&mut hsm, "M6", 'A', 'V', mac::OTHER),
            mac_out: key(&mut hsm, "M6", 'A', 'G', 82),
            data_in: key(&mut hsm, "D0", 'T', 'D', 83),
            data_out: key(&mut hsm, "D0", 'A', 'E', 84),
            m1: host.agreement_begin(psk, b"host", b"terminal", 16).unwrap(),
            device,
            hsm,
            permissive,
            commands: BTreeSet::new(),
        }
    }

    /// Runs every command of an operation with the key.
    fn attempt(&mut self, operation: Operation, key: KeyHandle, attributes: &Attributes) -> Vec<Outcome> {
        match operation {
            Operation::KeyBlockUnwrap
            | Operation::KeyBlockWrap
            | Operation::KeyBlockUnwrapIso20038
            | Operation::KeyBlockWrapIso20038
            | Operation::KeyBlockUnwrapVariant
            | Operation::KeyBlockWrapVariant
            | Operation::WorkingKeyUnwrap
            | Operation::AgreementAuthenticate
            | Operation::AgreementSign
            | Operation::PublicKey
            | Operation::RoleKey
            | Operation::CodeKey => self.attempt_keys(operation, key, attributes),
            Operation::DukptDerive => self.attempt_dukpt(operation, key, attributes),
            Operation::DukptLoad => panic!("an initial key has no slot"),
            Operation::PinEncipher
            | Operation::PinDecipher
            | Operation::PvvGenerate
            | Operation::PvvVerify
            | Operation::OffsetGenerate
            | Operation::OffsetVerify => self.attempt_pin(operation, key, attributes),
            Operation::MacGenerate | Operation::MacVerify => self.attempt_mac(operation, key, attributes),
            Operation::DataEncipher | Operation::DataDecipher => self.attempt_data(operation, key, attributes),
            Operation::CvvGenerate | Operation::CvvVerify | Operation::Cvc3Verify => {
                self.attempt_card(operation, key, attributes)
            }
            Operation::ArqcVerify
            | Operation::ScriptIntegrity
            | Operation::ScriptConfidentiality
            | Operation::ScriptPin => self.attempt_emv(operation, key, attributes),
            other => panic!("{other:?} has no column"),
        }
    }

    /// All that a refused command must leave as it is.
    fn state(&mut self) -> impl PartialEq + core::fmt::Debug + use<> {
        let groups = [0, 1].map(|index| self.hsm.dukpt_find(index).map(|(_, info)| info));
        (self.hsm.status(), self.device.touched(), groups)
    }

    /// The key with every operation. Gives how many work.
    fn row(&mut self, key: KeyHandle, attributes: &Attributes) -> usize {
        let mut allowed = 0;
        // Each command that goes on counts a use, once or more; one that is refused, none.
        let many = Narrowing {
            max_uses: Some(1 << 20),
            ..Narrowing::default()
        };
        self.hsm.key_narrow(key, &many).unwrap();
        for &operation in Operation::ALL.iter().filter(|&&op| op != Operation::DukptLoad) {
            let expected = is_allowed(operation, attributes, self.permissive);
            allowed += usize::from(expected);
            let before = self.state();
            let uses = self.hsm.key_bounds(key).unwrap().uses;
            let outcomes = self.attempt(operation, key, attributes);
            assert!(!outcomes.is_empty());
            let used = (self.hsm.key_bounds(key).unwrap().uses - uses) as usize;
            // The public key is no secret, and a user's key is judged when it is enrolled, and used by logging in.
            let worked = outcomes.iter().filter(|outcome| outcome.result.is_ok()).count();
            let counted = expected
                && !matches!(
                    operation,
                    Operation::PublicKey | Operation::RoleKey | Operation::CodeKey
                );
            // With all permissions some columns work with other keys only.
            let (used, counted) = if self.permissive { (0, false) } else { (used, counted) };
            // Some commands of a column take the key in anew.
            assert!(
                used >= usize::from(counted && worked != 0),
                "{operation:?} {attributes:?} {used}"
            );
            assert!(counted || used == 0, "{operation:?} {attributes:?} {used}");
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

fn matrix(permissive: bool) {
    let mut rig = Rig::new(permissive);
    let (mut cells, mut allowed, mut blocks) = (0, 0, 0);
    for attributes in all_attributes() {
        let letter = attributes.algorithm.to_char();
        let admitted = is_admitted(&attributes, permissive);
        cells += Operation::ALL.len();
        let status = rig.hsm.status();
        // How many operations work, by each way in.
        let mut works = [None; 2];
        let result = ceremony(&mut rig.hsm, &attributes, &value(SEED, 16));
        let in_parts = has(IN_PARTS, letter);
        assert_eq!(result.is_ok(), admitted && in_parts, "{attributes:?} {result:?}");
        if let Ok(key) = result {
            works[0] = Some(rig.row(key, &attributes));
            rig.hsm.key_erase(key).unwrap();
        }
        // By key block, in the dialect that does not look at the table.
        if has(IN_BLOCKS, letter) {
            blocks += 1;
            let text = block(&value(11, 16), &attributes, &payload(&attributes, SEED), &[]);
            let result = rig.hsm.key_block_import(rig.unwrapping, &text, Profile::Tr31_2018);
            assert_eq!(result.is_ok(), admitted, "{attributes:?} {result:?}");
            if let Ok(imported) = result {
                assert_eq!(imported.info.attributes, attributes);
                works[1] = Some(rig.row(imported.key, &attributes));
                rig.hsm.key_erase(imported.key).unwrap();
            }
        }
        if in_parts {
            assert_eq!(works[0], works[1]);
            allowed += usize::from(rig.load(&attributes));
        }
        allowed += works[1].unwrap_or(0);
        assert_eq!(rig.hsm.status(), status, "{attributes:?}");
    }
    let (usages, modes) = (Usage::ALL.len() + 1, ModeOfUse::ALL.len() + 1);
    assert_eq!(
        cells,
        usages * (KeyAlgorithm::ALL.len() + 1) * modes * Operation::ALL.len()
    );
    assert_eq!(blocks, usages * IN_BLOCKS.len() * modes);
    assert_eq!(allowed, listed(permissive));
    let commands: BTreeSet<String> = rig.commands.iter().map(ToString::to_string).collect();
    assert_eq!(commands, commands_with_keys());
}

/// C01: what the table lists works, and nothing else.
#[test]
fn c01_the_whole_matrix_under_the_strict_policy() {
    matrix(false);
}

/// C01: mode N means what the usage implies, and a PIN key may work both ways; nothing else comes with permissions.
#[test]
fn c01_the_whole_matrix_with_all_permissions() {
    matrix(true);
}

/// The commands of the module that take a key, read from the source: a new one must come into the matrix.
fn commands_with_keys() -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for text in common::command_sources() {
        for function in text.split("\n    pub fn ").skip(1) {
            let head = function.split('{').next().unwrap();
            let arguments = head.split("->").next().unwrap();
            let name = head.split(['(', '<']).next().unwrap();
            if arguments.contains("self,") && (arguments.contains(": KeyHandle") || arguments.contains(": KeyRef")) {
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
        assert!(ALLOWED.iter().any(|row| row.0 == *operation), "{operation:?}");
    }
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
    let incoming = key(&mut hsm, "K1", 'A', 'D', 11);
    let mut other = start(&Device::new(7), Policy::STRICT, 3, 0).unwrap();
    let unwrapping = key(&mut other, "K1", 'A', 'D', 10);
    let (mut cells, mut exported) = (0, 0);
    for attributes in all_attributes().filter(|attributes| is_admitted(attributes, false)) {
        let in_parts = has(IN_PARTS, attributes.algorithm.to_char());
        for letter in *b"ENS" {
            let exportability = Exportability::from_char(letter).unwrap();
            let attributes = Attributes {
                exportability,
                ..attributes
            };
            let key = if in_parts {
                ceremony(&mut hsm, &attributes, &value(SEED, 16)).unwrap()
            } else {
                let text = block(&value(11, 16), &attributes, &payload(&attributes, SEED), &[]);
                let imported = hsm.key_block_import(incoming, &text, Profile::X9143Strict);
                imported.unwrap().key
            };
            let mut blocks = [[0xA5; 512]; 2];
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
                assert_eq!(blocks, [[0; 512]; 2]);
                assert_eq!(device.world().drawn, drawn);
            }
            hsm.key_erase(key).unwrap();
        }
    }
    let listed: usize = ADMITTED
        .iter()
        .map(|(usages, algorithms, modes)| {
            // P0 with B, single DES, and N everywhere need a permission.
            let both = usages
                .split(' ')
                .filter(|&name| name == "P0" && has(modes, b'B'))
                .count();
            let modes = modes.bytes().filter(|&mode| mode != b'N').count();
            let algorithms = algorithms.bytes().filter(|&letter| letter != b'D').count();
            (usages.split(' ').count() * modes - both) * algorithms
        })
        .sum();
    assert_eq!((cells, exported), (3 * listed, listed));
}
