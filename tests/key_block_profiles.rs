// SPDX-License-Identifier: MIT OR Apache-2.0
//! Every cell of the table of profiles in `docs/KEY-BLOCKS.md` has a block here.
#![cfg(all(feature = "hazmat", feature = "legacy"))]

use std::collections::BTreeMap;
use std::path::Path;

use payhsm::entropy::Entropy;
use payhsm::error::Error;
use payhsm::key::role::Kbpk;
use payhsm::key::{Aes, Key, Tdea};
use payhsm::keyblock::header::{Header, Version};
use payhsm::keyblock::wrap::{LengthHiding, Template, wrap_with};
use payhsm::keyblock::{KbpkRef, KeyBlock, Payload, Profile};

const PROFILES: [Profile; 3] = [Profile::X9143Strict, Profile::Tr31_2018, Profile::Iso20038];

/// The table: rule, and whether each profile accepts.
fn table() -> BTreeMap<String, [bool; 3]> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/KEY-BLOCKS.md");
    let text = std::fs::read_to_string(path).unwrap();
    let (_, section) = text.split_once("\n## Profiles\n").unwrap();
    let section = section.split("\n## ").next().unwrap();
    let mut rows = section.lines().filter(|line| line.starts_with('|'));
    assert_eq!(rows.next(), Some("| rule | X9143Strict | Tr31_2018 | Iso20038 |"));
    assert_eq!(rows.next(), Some("|---|---|---|---|"));
    rows.map(|row| {
        let cells: Vec<_> = row.trim_matches('|').split('|').map(str::trim).collect();
        let [rule, verdicts @ ..] = &cells[..] else {
            panic!("{row}")
        };
        let verdicts = verdicts.iter().map(|cell| match *cell {
            "accepted" => true,
            "refused" => false,
            other => panic!("{other}"),
        });
        ((*rule).to_owned(), verdicts.collect::<Vec<_>>().try_into().unwrap())
    })
    .collect()
}

/// Headers that obey all rules but one: characters of version and total length are filled in, padding block too.
const RULES: &[(&str, &[&str])] = &[
    ("version A", &["A....P0TE00E0000"]),
    ("version B", &["B....P0TE00E0000"]),
    ("version C", &["C....P0TE00E0000"]),
    (
        "version D",
        &["D....P0TE00E0000", "D....P0AE00E0000", "D....K1AB00N0000"],
    ),
    ("version E", &["E....P0TE00E0000", "E....K4AB00N0000"]),
    (
        "mode of use that the usage does not have",
        &[
            "D....P0AG00E0000",
            "D....P0AX00E0000",
            "D....C0TB00E0000",
            "D....B1AE00N0000",
        ],
    ),
    (
        "algorithm that the usage does not have",
        &[
            "D....B2AX00E0000",
            "D....M3AC00E0000",
            "D....P0DE00E0000",
            "D....P0HE00E0000",
        ],
    ),
    ("proprietary usage", &["D....10TN00E0000", "D....1ATN00E0000"]),
    ("proprietary algorithm", &["D....P00E00E0000"]),
    ("proprietary mode of use", &["D....P0A100E0000"]),
    ("proprietary exportability", &["D....P0AE0010000"]),
    (
        "algorithms I and J (HMAC with SHA-2, SHA-3)",
        &["D....M7IC00E0000", "D....M7JC00E0000"],
    ),
    (
        "extended length of an optional block spelled 02",
        &["D....P0AE00E0100LB0002001012345 "],
    ),
    (
        "extended length of an optional block spelled 04",
        &["D....P0AE00E0100LB0004001012345 "],
    ),
    (
        "KS that is not 20 hexadecimal characters",
        &[
            "D....B1TX00N0100KS08VM9A",
            "D....B1TX00N0100KS1400604B120F929280",
            "D....B1TX00N0100KS1800604b120f9292800000",
        ],
    ),
    (
        "BI, IK, HM, PK, AL, CT, WP of another form than the standard's",
        &[
            "D....B0TX00E0100BI100008793E25000",
            "D....B1AX00N0100IK12123456789012345",
            "D....M7HC00E0100HM0650",
            "D....P0AE00E0100PK0602",
            "D....P0AE00E0100AL080102",
            "D....P0AE00E0100CT0A030000",
            "D....P0AE00E0100WP07004",
        ],
    ),
    ("DA with a usage other than B3", &["D....D0AB00E0100DA0B01D2ABN"]),
    (
        "TC, TS that are no time in UTC",
        &["D....P0AE00E0100TC0820261125", "D....P0AE00E0100TS1220261125000000"],
    ),
    (
        "key shorter than the longest of its algorithm, unpadded",
        &["D....P0AE00E0000"],
    ),
    ("key context 1 and 2", &["D....P0AE00E0010", "D....P0AE00E0020"]),
];

/// A sound block around a header.
fn block(header: &str) -> Vec<u8> {
    let mut header = header.to_owned();
    let version = Version::from_char(header.as_bytes()[0]).unwrap();
    // The length of a lone optional block may be left to this.
    if header.len() > 16 && header.as_bytes()[18..20] != *b"00" {
        let len = format!("{:02X}", header.len() - 16);
        header.replace_range(18..20, &len);
    }
    let unit = version.block_len();
    let missing = (unit - header.len() % unit) % unit;
    if missing != 0 {
        let missing = if missing < 4 { missing + unit } else { missing };
        header.push_str(&format!("PB{missing:02X}{}", "0".repeat(missing - 4)));
        header.replace_range(13..14, "2");
    }
    let key_len = match header.as_bytes()[7] {
        b'D' => 8,
        _ => 16,
    };
    // No more padding than the cipher needs.
    let granule = version.granule();
    let padding = (granule - (2 + key_len) % granule) % granule;
    let total = header.len() + 2 * (2 + key_len + padding + version.mac_len());
    header.replace_range(1..5, &format!("{total:04}"));
    let mut out = vec![0; total];
    let (key, padding) = (vec![0x5C; key_len], vec![0xA3; padding]);
    let result = with_kbpk(version, |kbpk| {
        wrap_with(kbpk, header.as_bytes(), &key, &padding, &mut out)
    });
    if result == Err(Error::KeyBlockAlgorithm) {
        // What only ISO 20038 has, in version D.
        let head = Header::from_chars(header.as_bytes().first_chunk().unwrap()).unwrap();
        let mut template = Template::new(version, head.attributes);
        template.length = LengthHiding::None;
        with_kbpk(version, |kbpk| template.wrap_bytes(kbpk, &key, &mut Zeros, &mut out)).unwrap();
        return out;
    }
    result.unwrap();
    out
}

struct Zeros;

impl Entropy for Zeros {
    fn fill(&mut self, out: &mut [u8]) -> Result<(), Error> {
        out.fill(0);
        Ok(())
    }
}

fn with_kbpk<T>(version: Version, f: impl FnOnce(KbpkRef<'_>) -> T) -> T {
    if version.is_aes() {
        f(KbpkRef::Aes(&Key::<Kbpk, Aes>::from_bytes(&[0x77; 32]).unwrap()))
    } else {
        f(KbpkRef::Tdea(&Key::<Kbpk, Tdea>::from_bytes(&[0x77; 24]).unwrap()))
    }
}

fn opens(text: &[u8], profile: Profile) -> Result<(), Error> {
    let mut payload = Payload::empty();
    let block = KeyBlock::parse(text, profile)?;
    let version = block.header().version;
    // What a profile lets pass has a sound authenticator.
    with_kbpk(version, |kbpk| block.verify(kbpk, &mut payload).map(|_| ())).unwrap();
    Ok(())
}

#[test]
fn every_cell_of_the_table() {
    let table = table();
    assert_eq!(table.len(), RULES.len());
    let mut cells = 0;
    for (rule, headers) in RULES {
        let expected = table
            .get(*rule)
            .unwrap_or_else(|| panic!("the table has no row {rule}"));
        for header in *headers {
            let text = block(header);
            for (profile, accepts) in PROFILES.into_iter().zip(expected) {
                cells += 1;
                let result = opens(&text, profile);
                assert_eq!(result.is_ok(), *accepts, "{rule}: {header} {profile:?} {result:?}");
                if let Err(error) = result {
                    assert!((-399..=-300).contains(&error.code()), "{error:?}");
                }
            }
        }
    }
    assert!(cells >= 3 * 35, "{cells}");
}
