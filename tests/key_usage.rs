// SPDX-License-Identifier: MIT OR Apache-2.0
//! The attribute values of X9.143 and the table of usage, algorithm and mode, cell by cell.

use payhsm::error::Error;
use payhsm::key::usage::{Attributes, Exportability, KeyAlgorithm, KeyVersion, ModeOfUse, Usage, strength_bits};
use payhsm::policy::{Permission, Policy};

/// Usage, algorithms, modes: the card's table written a second time, as characters.
const CELLS: &[(&str, &str, &str)] = &[
    ("B0", "TA", "XN"),
    ("B1", "TA", "XN"),
    ("B2", "T", "XN"),
    ("B3", "TA", "XN"),
    ("C0", "TA", "CGVN"),
    ("D0", "TA", "BDEN"),
    ("D1", "RE", "BDE"),
    ("D2", "TA", "BDEN"),
    ("D3", "TA", "BDEN"),
    ("E0", "TA", "XN"),
    ("E1", "TA", "XN"),
    ("E2", "TA", "XN"),
    ("E3", "TA", "XN"),
    ("E4", "TA", "XN"),
    ("E5", "TA", "XN"),
    ("E6", "TA", "XN"),
    ("E7", "RE", "BDE"),
    ("I0", "TAD", "N"),
    ("K0", "TA", "BDENX"),
    ("K1", "TA", "BDENX"),
    ("K2", "RE", "BDESVX"),
    ("K3", "RE", "BDESVX"),
    ("K4", "A", "BDENX"),
    ("M0", "TD", "CGVN"),
    ("M1", "TAD", "CGVN"),
    ("M2", "T", "CGVN"),
    ("M3", "T", "CGVN"),
    ("M4", "T", "CGVN"),
    ("M5", "TA", "CGVN"),
    ("M6", "TA", "CGVN"),
    ("M7", "HIJ", "CGVN"),
    ("M8", "TA", "CGVN"),
    ("P0", "TA", "BDEN"),
    ("P1", "TA", "CGV"),
    ("S0", "RSE", "SVT"),
    ("S1", "RSE", "SVT"),
    ("S2", "RSE", "SVT"),
    ("V0", "TA", "CGVN"),
    ("V1", "TA", "CGVN"),
    ("V2", "TA", "CGVN"),
    ("V3", "TA", "CGVN"),
    ("V4", "TA", "CGVN"),
    ("V5", "TA", "CGVN"),
];

#[test]
fn every_cell_of_the_table() {
    assert_eq!(CELLS.len(), Usage::ALL.len());
    let mut allowed = 0;
    for (&usage, (name, algorithms, modes)) in Usage::ALL.iter().zip(CELLS) {
        assert_eq!(usage.to_chars(), name.as_bytes());
        for &algorithm in KeyAlgorithm::ALL {
            for &mode in ModeOfUse::ALL {
                let attributes = Attributes::new(usage, algorithm, mode, Exportability::NonExportable);
                let fits_algorithm = algorithms.as_bytes().contains(&algorithm.to_char());
                let fits_mode = modes.as_bytes().contains(&mode.to_char());
                let expected = match (fits_algorithm, fits_mode) {
                    (false, _) => Err(Error::KeyBlockAlgorithm),
                    (true, false) => Err(Error::KeyBlockMode),
                    (true, true) => Ok(()),
                };
                assert_eq!(attributes.check(), expected, "{attributes:?}");
                allowed += u32::from(expected.is_ok());
            }
        }
    }
    assert_eq!(allowed, 295);
}

#[test]
fn every_character() {
    for c in 0..=255_u8 {
        let digit = c.is_ascii_digit();
        let check = |result: Result<u8, Error>, letters: &[u8], error| {
            let expected = if digit || letters.contains(&c) {
                Ok(c)
            } else {
                Err(error)
            };
            assert_eq!(result, expected);
        };
        check(
            KeyAlgorithm::from_char(c).map(KeyAlgorithm::to_char),
            b"ADEHIJRST",
            Error::KeyBlockAlgorithm,
        );
        check(
            ModeOfUse::from_char(c).map(ModeOfUse::to_char),
            b"BCDEGNSTVXY",
            Error::KeyBlockMode,
        );
        check(
            Exportability::from_char(c).map(Exportability::to_char),
            b"ENS",
            Error::KeyBlockExportability,
        );
        assert_eq!(
            KeyAlgorithm::from_char(c).is_ok_and(KeyAlgorithm::is_proprietary),
            digit
        );
    }
}

#[test]
fn every_pair_of_characters() {
    let (mut standard, mut proprietary, mut versions) = (0, 0, 0);
    for a in 0..=255_u8 {
        for b in 0..=255_u8 {
            if let Ok(usage) = Usage::from_chars([a, b]) {
                assert_eq!(usage.to_chars(), [a, b]);
                if usage.is_proprietary() {
                    proprietary += 1;
                } else {
                    standard += 1;
                }
            }
            if let Ok(version) = KeyVersion::from_chars([a, b]) {
                assert_eq!(version.to_chars(), [a, b]);
                versions += 1;
            }
        }
    }
    assert_eq!((standard, proprietary, versions), (43, 10 * 62, 62 * 62));
    assert_eq!(Usage::from_chars(*b"zz"), Err(Error::KeyBlockUsage));
    assert_eq!(KeyVersion::from_chars(*b"0_"), Err(Error::KeyBlockKeyVersion));
    assert!(KeyVersion::from_chars(*b"c1").unwrap().is_component());
}

#[test]
fn proprietary_values_are_in_no_row() {
    let ok = Attributes::new(
        Usage::P0,
        KeyAlgorithm::Tdea,
        ModeOfUse::Encrypt,
        Exportability::Exportable,
    );
    assert_eq!(ok.check(), Ok(()));
    let mut bad = ok;
    bad.usage = Usage::from_chars(*b"10").unwrap();
    assert_eq!(bad.check(), Err(Error::KeyBlockUsage));
    bad = ok;
    bad.algorithm = KeyAlgorithm::from_char(b'1').unwrap();
    assert_eq!(bad.check(), Err(Error::KeyBlockAlgorithm));
    bad = ok;
    bad.mode = ModeOfUse::from_char(b'1').unwrap();
    assert_eq!(bad.check(), Err(Error::KeyBlockMode));
    bad = ok;
    bad.exportability = Exportability::from_char(b'1').unwrap();
    assert_eq!(bad.check(), Err(Error::KeyBlockExportability));
}

#[test]
fn strength_is_ordered() {
    let ladder = [
        (KeyAlgorithm::Des, 8),
        (KeyAlgorithm::Tdea, 16),
        (KeyAlgorithm::Tdea, 24),
        (KeyAlgorithm::Aes, 16),
        (KeyAlgorithm::Aes, 24),
        (KeyAlgorithm::Aes, 32),
    ];
    for pair in ladder.windows(2) {
        assert!(strength_bits(pair[0].0, pair[0].1) < strength_bits(pair[1].0, pair[1].1));
    }
    assert_eq!(
        strength_bits(KeyAlgorithm::Ec, 32),
        strength_bits(KeyAlgorithm::Aes, 16)
    );
    for (algorithm, len) in [
        (KeyAlgorithm::Tdea, 8),
        (KeyAlgorithm::Aes, 15),
        (KeyAlgorithm::Hmac, 0),
    ] {
        assert_eq!(strength_bits(algorithm, len), 0);
    }
}

/// SP 800-57 part 1, table 2: where each strength begins, and the length before.
#[test]
fn strengths_of_pairs() {
    let steps = |algorithm, steps: &[(usize, u16)]| {
        let mut before = 0;
        for (len, bits) in steps {
            assert_eq!(strength_bits(algorithm, len - 1), before, "{algorithm:?} {len}");
            assert_eq!(strength_bits(algorithm, *len), *bits, "{algorithm:?} {len}");
            before = *bits;
        }
    };
    steps(KeyAlgorithm::Ec, &[(32, 128), (48, 192), (64, 256)]);
    for algorithm in [KeyAlgorithm::Rsa, KeyAlgorithm::Dsa] {
        steps(algorithm, &[(128, 80), (256, 112), (384, 128), (960, 192), (1920, 256)]);
    }
}

/// What one key's attributes leave to another: the same or less, in each field.
#[test]
fn attributes_cover_the_same_or_less() {
    let whole = Attributes {
        version: KeyVersion::from_chars(*b"07").unwrap(),
        ..Attributes::new(Usage::D0, KeyAlgorithm::Aes, ModeOfUse::Both, Exportability::Sensitive)
    };
    assert_eq!(whole.cover(&whole), Ok(()));
    for mode in [ModeOfUse::Encrypt, ModeOfUse::Decrypt] {
        for exportability in [Exportability::Exportable, Exportability::NonExportable] {
            let less = Attributes {
                mode,
                exportability,
                ..whole
            };
            assert_eq!(whole.cover(&less), Ok(()));
            assert_eq!(less.cover(&whole), Err(Error::ModeNotPermitted));
            assert_eq!(
                Attributes {
                    mode: whole.mode,
                    ..less
                }
                .cover(&whole),
                Err(Error::ExportNotPermitted)
            );
        }
    }
    let signing = Attributes::new(
        Usage::S0,
        KeyAlgorithm::Ec,
        ModeOfUse::SignDecrypt,
        Exportability::Exportable,
    );
    for (mode, covered) in [
        (ModeOfUse::Sign, true),
        (ModeOfUse::Decrypt, true),
        (ModeOfUse::Verify, false),
    ] {
        assert_eq!(signing.cover(&Attributes { mode, ..signing }).is_ok(), covered);
    }
    let other = |attributes| whole.cover(&attributes);
    assert_eq!(
        other(Attributes {
            usage: Usage::D2,
            ..whole
        }),
        Err(Error::UsageNotPermitted)
    );
    assert_eq!(
        other(Attributes {
            algorithm: KeyAlgorithm::Tdea,
            ..whole
        }),
        Err(Error::AlgorithmMismatch)
    );
    assert_eq!(
        other(Attributes {
            version: KeyVersion::UNUSED,
            ..whole
        }),
        Err(Error::KeyBlockKeyVersion)
    );
    // Without a version, every version.
    let any = Attributes {
        version: KeyVersion::UNUSED,
        ..whole
    };
    assert_eq!(any.cover(&whole), Ok(()));
}

/// The bits of the C ABI: each permission is one, and no other bit is taken.
#[test]
fn policies_are_their_bits() {
    const UNKNOWN: [u32; 5] = [10, 21, 25, 26, 31];
    for bit in 0..32 {
        let policy = Policy::from_bits(1 << bit);
        assert_eq!(policy.is_ok(), !UNKNOWN.contains(&bit), "{bit}");
        let Ok(policy) = policy else {
            assert_eq!(policy, Err(Error::InvalidArgument));
            continue;
        };
        assert_eq!(policy.to_bits(), 1 << bit);
        assert_eq!(policy.has(Permission::ModeN), bit == 0);
        assert_eq!(policy.has(Permission::PlaintextOfflinePin), bit == 28);
        let more = policy.and(Policy::STRICT.with(Permission::WeakerPinKey));
        assert_eq!(more.to_bits(), 1 << bit | 2);
        assert_eq!(more.and(policy), more);
    }
    assert_eq!(Policy::from_bits(0), Ok(Policy::STRICT));
}
