// SPDX-License-Identifier: MIT OR Apache-2.0
//! The vector files hold what their README says: so many vectors of each operation, every one well-formed.

#[path = "common/vectors.rs"]
mod vectors;

use core::fmt::Write as _;
use std::collections::{BTreeMap, BTreeSet};

/// Every family with its operations and their number of vectors.
const COUNTS: &[(&str, &[(&str, usize)])] = &[
    (
        "des_aes_kat",
        &[
            ("tdes_ecb_encrypt", 336),
            ("tdes_cbc_encrypt", 85),
            ("aes_ecb_encrypt", 295),
            ("aes_cbc_encrypt", 25),
            ("aes_ctr_encrypt", 9),
            ("aes_kw_wrap", 101),
            ("aes_kw_unwrap_reject", 48),
        ],
    ),
    (
        "mac",
        &[
            ("cmac", 332),
            ("iso9797_1_mac", 50),
            ("pad", 14),
            ("hmac", 33),
            ("cup_ecb_mac", 3),
        ],
    ),
    (
        "dukpt_tdes",
        &[
            ("dukpt_tdes_ik", 2),
            ("dukpt_tdes_key", 27),
            ("dukpt_tdes_pinblock", 27),
            ("dukpt_tdes_mac", 62),
            ("dukpt_tdes_cmac", 54),
            ("dukpt_tdes_data", 34),
            ("dukpt_tdes_working_key", 9),
            ("dukpt_counter_total", 1),
            ("dukpt_ksn_advance", 4),
            ("dukpt_future_keys", 2),
        ],
    ),
    (
        "dukpt_aes",
        &[
            ("dukpt_aes_ik", 2),
            ("dukpt_aes_derivation_key", 46),
            ("dukpt_aes_working_key", 93),
            ("dukpt_aes_pinblock4", 8),
            ("dukpt_aes_key_reject", 9),
            ("dukpt_aes_update_key", 4),
            ("dukpt_aes_derivation_data", 10),
            ("dukpt_aes_data", 21),
            ("dukpt_aes_mac", 26),
            ("dukpt_counter_total", 1),
            ("dukpt_ksn_advance", 4),
            ("dukpt_future_keys", 2),
        ],
    ),
    (
        "tr31",
        &[
            ("tr31_unwrap", 55),
            ("tr31_derive_keys", 10),
            ("tr31_header_parse", 3),
            ("tr31_header_reject", 16),
            ("tr31_unwrap_reject", 32),
            ("tr31_export_shape", 10),
            ("tr31_field_reject", 14),
            ("tr31_block_length", 50),
            ("tr31_header_normalise", 7),
        ],
    ),
    (
        "pinblock",
        &[
            ("pinblock_encode", 21),
            ("pinblock_decode", 6),
            ("pinblock_decode_reject", 23),
            ("pinblock_encode_reject", 15),
            ("iso4_encipher", 5),
            ("iso4_decipher_reject", 5),
            ("iso4_pin_field", 5),
            ("iso4_pan_field", 18),
            ("pinblock_encipher", 2),
            ("pinblock_translate", 2),
        ],
    ),
    (
        "card_verification",
        &[
            ("cvv", 10),
            ("cavv_cvv_algorithm", 2),
            ("visa_pvv", 8),
            ("ibm3624_natural_pin", 5),
            ("ibm3624_offset", 9),
            ("dcvv", 6),
            ("cvc3", 4),
            ("ibm3624_reject", 22),
            ("visa_pvv_reject", 9),
        ],
    ),
    (
        "emv",
        &[
            ("emv_application_cryptogram", 21),
            ("emv_arpc", 25),
            ("emv_sm_mac", 6),
            ("emv_script_pin_change", 10),
            ("emv_ac_input", 4),
            ("emv_icc_mk", 3),
            ("emv_session_key", 12),
            ("emv_sm_encrypt", 2),
            ("emv_vis_pin_block", 1),
            ("emv_cvn", 10),
            ("emv_pboc_chain", 2),
        ],
    ),
    (
        "emv_tlv",
        &[("ber_tlv_decode", 12), ("ber_tlv_reject", 16), ("ber_tlv_encode", 7)],
    ),
    (
        "emv_ecc",
        &[
            ("ecsdsa_sign_fixed_k", 3),
            ("emv_ecc_cert_verify", 3),
            ("emv_k8_aes_ctr", 2),
            ("emv_aes_application_cryptogram", 2),
            ("emv_k8_eda_mac", 1),
        ],
    ),
    (
        "emv_oda",
        &[
            ("capk_checksum", 42),
            ("recover_issuer_pk", 4),
            ("recover_icc_pk", 2),
            ("verify_sda", 1),
            ("verify_dda", 2),
            ("oda_reject", 4),
            ("rsa_public_op", 6),
            ("hash", 5),
        ],
    ),
    (
        "emv_oda_chain",
        &[
            ("oda_sda", 11),
            ("oda_sda_reject", 62),
            ("oda_dda", 4),
            ("oda_dda_reject", 41),
            ("oda_cda", 5),
            ("oda_cda_reject", 20),
            ("oda_fdda", 2),
            ("oda_fdda_reject", 5),
            ("oda_pin", 5),
            ("oda_pin_reject", 8),
        ],
    ),
    (
        "ecdh_hkdf",
        &[
            ("ecdh_p256", 21),
            ("ecdsa_p256_verify", 12),
            ("ecdsa_p256_sign_fixed_k", 14),
            ("p256_point_validate", 6),
            ("p256_public_from_private", 8),
            ("hkdf", 6),
            ("x963_kdf", 10),
            ("concat_kdf", 6),
            ("kbkdf_counter", 230),
        ],
    ),
    (
        "key_management",
        &[
            ("kcv", 23),
            ("xor_components", 2),
            ("thales_variant_lmk_decrypt", 8),
            ("des_odd_parity", 1),
            ("tdes_key_unwrap_ecb", 1),
        ],
    ),
    ("totp", &[("totp", 18)]),
];

#[test]
fn counts() {
    for &(family, ops) in COUNTS {
        let mut found = BTreeMap::new();
        let mut ids = BTreeSet::new();
        for case in vectors::family(family) {
            *found.entry(case.op().to_owned()).or_insert(0) += 1;
            assert!(ids.insert(case.id().to_owned()), "{family}: {} stands twice", case.id());
            case.discard();
        }
        let expected: BTreeMap<_, _> = ops.iter().map(|&(op, count)| (op.to_owned(), count)).collect();
        assert_eq!(found, expected, "{family}");
    }
}

#[test]
fn readme_states_the_counts() {
    let readme = include_str!("../vectors/README.md");
    for &(family, ops) in COUNTS {
        let mut row = format!(
            "| {family}.txt | {} |",
            ops.iter().map(|(_, count)| count).sum::<usize>()
        );
        for (i, (op, count)) in ops.iter().enumerate() {
            let _ = write!(row, "{} {op} {count}", if i == 0 { "" } else { "," });
        }
        assert!(
            readme.contains(&format!("{row} |")),
            "vectors/README.md lacks the row\n{row} |"
        );
    }
}

#[test]
fn every_file_is_counted() {
    let directory = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("vectors");
    for entry in std::fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|ext| ext == "txt") {
            let stem = path.file_stem().unwrap().to_str().unwrap();
            assert!(COUNTS.iter().any(|&(family, _)| family == stem), "{}", path.display());
        }
    }
}

#[test]
fn values_of_every_kind() {
    let file = concat!(
        "# only a comment\n\n\nOp = o\nId = i-1\nSource = \"the \\\\ \\\"book\\\", p. 3\"\nKey = 00FF\nMsg = \"\"\nN = -3\n",
        "Flag = true\nComponents = [AA, BB]\nNested = [[9F02, \"\"], [E0, [[\"a, ]\", 01]]]]\nNone = []\nReason = \"r\"\n",
        "\n# another\nOp = p\nId = 2\n",
    );
    let blocks: Vec<_> = vectors::text::blocks(file).collect();
    assert_eq!(blocks.len(), 2);
    let attributes: Vec<_> = vectors::text::attributes(blocks[0]).collect();
    let value = |name: &str| {
        let (_, token) = attributes.iter().find(|(n, _)| *n == name).unwrap();
        vectors::Value::parse(*token).unwrap()
    };
    assert_eq!(value("Source").text(), "the \\ \"book\", p. 3");
    assert_eq!(value("Key").hex(), [0x00, 0xFF]);
    assert_eq!(value("Msg").hex(), []);
    assert_eq!(value("Msg").text(), "");
    assert_eq!(value("N").int(), -3);
    assert!(value("Flag").bool());
    assert_eq!(
        value("Components")
            .list()
            .iter()
            .map(vectors::Value::hex)
            .collect::<Vec<_>>(),
        [[0xAA], [0xBB]]
    );
    let nested = value("Nested");
    assert_eq!(nested.list()[0].list()[1].hex(), []);
    assert_eq!(nested.list()[1].list()[1].list()[0].list()[0].text(), "a, ]");
    assert_eq!(value("None").list(), []);
}

fn one() -> vectors::Case {
    let mut cases = vectors::cases("dukpt_tdes", "dukpt_tdes_ik");
    let first = cases.remove(0);
    cases.iter().for_each(vectors::Case::discard);
    first
}

#[test]
fn a_read_case_may_go() {
    let case = one();
    assert_eq!(case.array::<16>("Bdk")[..2], [0x01, 0x23]);
    assert_eq!((case.hex("Ksn").len(), case.hex("Ik").len()), (10, 16));
    assert_eq!(case.opt_hex("Iv"), None);
}

#[test]
#[should_panic(expected = "[\"Ik\"] not read")]
fn an_unread_attribute_panics() {
    let case = one();
    let _ = (case.hex("Bdk"), case.hex("Ksn"));
}

#[test]
#[should_panic(expected = "read before")]
fn a_second_reading_panics() {
    let case = one();
    let _ = (case.hex("Bdk"), case.hex("Bdk"));
}
