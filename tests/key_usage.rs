// SPDX-License-Identifier: MIT OR Apache-2.0
//! The attribute values of X9.143 and the table of usage, algorithm and mode, cell by cell.

use payhsm::error::Error;
use payhsm::key::usage::{Attributes, Exportability, KeyAlgorithm, KeyVersion, ModeOfUse, Usage, strength_bits};

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
