// SPDX-License-Identifier: MIT OR Apache-2.0
//! Every parser and decoder, where it stands, and the targets that reach it: what `scripts/fuzz-coverage` measures.
//!
//! A line: name, percent of lines that the corpus must reach, files, targets. Counted are the functions of a file that the
//! targets call; what else stands in it (`Debug`, other directions) is named by `scripts/fuzz-coverage --missing`.

/// One parser.
#[derive(Clone, Copy, Debug)]
pub struct Parser {
    /// What it reads.
    pub name: &'static str,
    /// The percentage of lines below which the measurement fails.
    pub percent: u8,
    /// Files from the root of the repository.
    pub files: &'static [&'static str],
    /// Targets.
    pub targets: &'static [&'static str],
}

const fn parser(
    name: &'static str,
    percent: u8,
    files: &'static [&'static str],
    targets: &'static [&'static str],
) -> Parser {
    Parser {
        name,
        percent,
        files,
        targets,
    }
}

/// All of them.
pub const PARSERS: &[Parser] = &[
    parser(
        "key-block header",
        95,
        &["src/keyblock/header.rs"],
        &["keyblock_parse", "keyblock_unwrap", "keyblock_wrap"],
    ),
    parser(
        "optional blocks",
        95,
        &["src/keyblock/optional.rs", "src/keyblock/optional/typed.rs"],
        &["keyblock_parse", "keyblock_unwrap", "keyblock_wrap"],
    ),
    parser(
        "key-block unwrap",
        95,
        &["src/keyblock.rs", "src/keyblock/protect.rs", "src/keyblock/payload.rs"],
        &["keyblock_unwrap", "keyblock_wrap", "keyblock_pair"],
    ),
    parser(
        "key pair in a key block",
        95,
        &["src/keyblock/ec.rs"],
        &["keyblock_pair"],
    ),
    parser(
        "key attributes",
        95,
        &["src/key/usage.rs"],
        &["attributes", "keyblock_parse"],
    ),
    parser(
        "BER-TLV",
        95,
        &["src/codec/tlv/reader.rs", "src/codec/tlv/tag.rs"],
        &["tlv"],
    ),
    parser("DOL", 95, &["src/emv/dol.rs"], &["dol"]),
    parser(
        "field 55",
        95,
        &["src/emv/profile/iad.rs", "src/emv/profile/input.rs"],
        &["emv_field55"],
    ),
    parser(
        "elements of a card",
        95,
        &["src/emv/element.rs"],
        &["emv_field55", "track2", "dol"],
    ),
    parser(
        "answer of a card",
        95,
        &["src/emv/response.rs"],
        &["generate_ac_response"],
    ),
    parser("script commands", 95, &["src/emv/script.rs"], &["script"]),
    parser("track data", 95, &["src/codec/track.rs"], &["track2", "track2_packed"]),
    parser(
        "hexadecimal, decimal",
        95,
        &["src/codec/hex.rs", "src/codec/bcd.rs"],
        &["hex", "bcd"],
    ),
    parser("PIN block", 95, &["src/pin/block.rs"], &["pin_block", "pin_clear"]),
    parser(
        "decimalisation table, offset",
        95,
        &["src/pin/ibm3624.rs"],
        &["pin_offset"],
    ),
    parser(
        "card verification value",
        95,
        &["src/card.rs", "src/card/cvv.rs"],
        &["card_value"],
    ),
    parser("PAN", 95, &["src/pin/pan.rs"], &["pan", "pin_block"]),
    parser(
        "KSN",
        95,
        &[
            "src/dukpt/ksn.rs",
            "src/dukpt/layout.rs",
            "src/dukpt/tdes/ksn.rs",
            "src/dukpt/aes/ksn.rs",
        ],
        &["ksn", "replay_window", "snapshot"],
    ),
    parser(
        "DUKPT state",
        95,
        &["src/dukpt/state.rs"],
        &["snapshot", "dukpt_update"],
    ),
    parser("components", 95, &["src/inject/component.rs"], &["component"]),
    parser("sign-on field", 95, &["src/inject/working.rs"], &["sign_on"]),
    parser(
        "certificates and signed data",
        95,
        &[
            "src/emv/oda/certificate.rs",
            "src/emv/oda/recover.rs",
            "src/emv/oda/records.rs",
            "src/emv/oda/signed.rs",
        ],
        &["oda_card", "oda_signed"],
    ),
    parser(
        "storage records",
        95,
        &["src/store/record.rs", "src/store/seal.rs", "src/store/flash/log.rs"],
        &["record", "flash"],
    ),
    parser("stored keys", 95, &["src/hsm/slot/record.rs"], &["slot_record"]),
    parser("backups", 95, &["src/hsm/load/key_block/backup.rs"], &["backup"]),
    parser("stored users", 95, &["src/hsm/role/record.rs"], &["user_record"]),
    parser("stored life", 95, &["src/hsm/life/durable.rs"], &["life_record"]),
    parser("audit read-out", 95, &["src/hsm/audit/record.rs"], &["audit_records"]),
    parser(
        "case files",
        95,
        &["cli/src/cases.rs", "cli/src/value.rs", "cli/src/wycheproof.rs"],
        &["case_files"],
    ),
];

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    fn parsers_are_there_and_reached() {
        assert_eq!(PARSERS.len(), 29);
        for parser in PARSERS {
            for file in parser.files {
                let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(file);
                assert!(path.is_file(), "{}: {file}", parser.name);
            }
            assert!(!parser.targets.is_empty());
            for target in parser.targets {
                assert!(
                    crate::TARGETS.iter().any(|(name, _)| name == target),
                    "{}: {target}",
                    parser.name
                );
            }
        }
    }

    /// What the library reads from outside by these names is in the list, or is no parser.
    #[test]
    fn no_parser_is_missing() {
        // A date, a PIN's digits and a reference value: read by the targets of card values and PIN blocks, in files of other
        // work; numbers of profiles are looked up.
        const ELSEWHERE: &[&str] = &["card/dcvv.rs", "emv/profile.rs", "pin.rs", "pin/pvv.rs"];
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../src");
        let mut folders = vec![root.clone()];
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    folders.push(path);
                    continue;
                }
                let text = std::fs::read_to_string(&path).unwrap();
                let parses = ["pub fn parse", "pub(crate) fn parse", "fn decode", "fn unpack"];
                if parses.iter().any(|word| text.contains(word)) {
                    let name = path.strip_prefix(&root).unwrap().to_str().unwrap().replace('\\', "/");
                    let listed = PARSERS
                        .iter()
                        .flat_map(|p| p.files)
                        .any(|f| f.strip_prefix("src/") == Some(&*name));
                    assert!(
                        listed || ELSEWHERE.contains(&&*name),
                        "no target is known to read by src/{name}"
                    );
                }
            }
        }
    }
}
