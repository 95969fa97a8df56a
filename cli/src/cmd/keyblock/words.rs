// SPDX-License-Identifier: MIT OR Apache-2.0
//! The values of a key block's header in words.

use payhsm::key::usage::{Exportability, KeyAlgorithm, KeyVersion, ModeOfUse, Usage};
use payhsm::keyblock::header::{KeyContext, Version};
use payhsm::keyblock::optional::{BdkId, CheckMethod, Hash, Life, Optional, Typed};

use crate::value::to_hex;

pub(super) const fn version(version: Version) -> &'static str {
    match version {
        Version::A => "TDES protection key, variants, CBC (deprecated)",
        Version::B => "TDES protection key, derived keys, CBC",
        Version::C => "TDES protection key, variants, CBC",
        Version::D => "AES protection key, derived keys, CBC",
        Version::E => "AES protection key, derived keys, CTR (ISO 20038)",
    }
}

const USAGES: &[(Usage, &str)] = &[
    (Usage::B0, "base derivation key (BDK)"),
    (Usage::B1, "initial DUKPT key (IK, IPEK)"),
    (Usage::B2, "base key variant"),
    (Usage::B3, "key derivation key outside X9.24"),
    (Usage::C0, "card verification key (CVK)"),
    (Usage::D0, "symmetric data encryption"),
    (Usage::D1, "asymmetric data encryption"),
    (Usage::D2, "decimalisation table"),
    (Usage::D3, "sensitive data encryption"),
    (Usage::E0, "EMV issuer master key: application cryptograms"),
    (Usage::E1, "EMV issuer master key: secure messaging, confidentiality"),
    (Usage::E2, "EMV issuer master key: secure messaging, integrity"),
    (Usage::E3, "EMV issuer master key: data authentication code"),
    (Usage::E4, "EMV issuer master key: dynamic numbers"),
    (Usage::E5, "EMV issuer master key: card personalisation"),
    (Usage::E6, "EMV issuer master key: other"),
    (Usage::E7, "EMV asymmetric key pair for PIN encipherment"),
    (Usage::I0, "initialisation vector"),
    (Usage::K0, "key encryption or wrapping"),
    (Usage::K1, "key-block protection (TR-31, X9.143)"),
    (Usage::K2, "TR-34 asymmetric key"),
    (Usage::K3, "asymmetric key for wrapping or agreement"),
    (Usage::K4, "key-block protection (ISO 20038)"),
    (Usage::M0, "MAC: ISO 16609 algorithm 1 (TDES)"),
    (Usage::M1, "MAC: ISO/IEC 9797-1 algorithm 1"),
    (Usage::M2, "MAC: ISO/IEC 9797-1 algorithm 2"),
    (Usage::M3, "MAC: ISO/IEC 9797-1 algorithm 3 (retail MAC)"),
    (Usage::M4, "MAC: ISO/IEC 9797-1 algorithm 4"),
    (Usage::M5, "MAC: ISO/IEC 9797-1:1999 algorithm 5"),
    (Usage::M6, "MAC: ISO/IEC 9797-1:2011 algorithm 5 (CMAC)"),
    (Usage::M7, "MAC: HMAC"),
    (Usage::M8, "MAC: ISO/IEC 9797-1:2011 algorithm 6"),
    (Usage::P0, "PIN encryption"),
    (Usage::P1, "PIN generation"),
    (Usage::S0, "asymmetric key pair for signatures"),
    (Usage::S1, "asymmetric key pair of a certification authority"),
    (Usage::S2, "asymmetric key pair outside X9.24"),
    (Usage::V0, "PIN verification: other algorithms"),
    (Usage::V1, "PIN verification: IBM 3624"),
    (Usage::V2, "PIN verification: Visa PVV"),
    (Usage::V3, "PIN verification: X9.132 algorithm 1"),
    (Usage::V4, "PIN verification: X9.132 algorithm 2"),
    (Usage::V5, "PIN verification: X9.132 algorithm 3"),
];

pub(super) fn usage(usage: Usage) -> &'static str {
    let known = USAGES.iter().find(|(known, _)| *known == usage);
    known.map_or("proprietary", |(_, words)| words)
}

pub(super) const fn algorithm(algorithm: KeyAlgorithm) -> &'static str {
    match algorithm {
        KeyAlgorithm::Aes => "AES",
        KeyAlgorithm::Des => "single DES",
        KeyAlgorithm::Ec => "elliptic curve",
        KeyAlgorithm::Hmac => "HMAC (ISO 20038: with SHA-1)",
        KeyAlgorithm::HmacSha2 => "HMAC with SHA-2 (ISO 20038)",
        KeyAlgorithm::HmacSha3 => "HMAC with SHA-3 (ISO 20038)",
        KeyAlgorithm::Rsa => "RSA",
        KeyAlgorithm::Dsa => "DSA",
        KeyAlgorithm::Tdea => "TDES",
        KeyAlgorithm::Proprietary(_) => "proprietary",
    }
}

pub(super) const fn mode(mode: ModeOfUse) -> &'static str {
    match mode {
        ModeOfUse::Both => "encrypt and decrypt, wrap and unwrap",
        ModeOfUse::GenerateVerify => "generate and verify",
        ModeOfUse::Decrypt => "decrypt or unwrap only",
        ModeOfUse::Encrypt => "encrypt or wrap only",
        ModeOfUse::Generate => "generate only",
        ModeOfUse::NoRestriction => "no restriction but that of the usage",
        ModeOfUse::Sign => "sign only",
        ModeOfUse::SignDecrypt => "sign and decrypt",
        ModeOfUse::Verify => "verify only",
        ModeOfUse::Derive => "derive other keys",
        ModeOfUse::Variants => "create key variants",
        ModeOfUse::Proprietary(_) => "proprietary",
    }
}

pub(super) fn key_version(version: KeyVersion) -> String {
    match version.to_chars() {
        [b'0', b'0'] => "not used".to_owned(),
        [b'c', number] => format!("component {}", char::from(number)),
        _ => "version of the key".to_owned(),
    }
}

pub(super) const fn exportability(exportability: Exportability) -> &'static str {
    match exportability {
        Exportability::Exportable => "exportable under a trusted key, in a key block",
        Exportability::NonExportable => "not exportable",
        Exportability::Sensitive => "sensitive: exportable in other forms too",
        Exportability::Proprietary(_) => "proprietary",
    }
}

pub(super) const fn context(context: KeyContext) -> &'static str {
    match context {
        KeyContext::Any => "as the wrapping key says",
        KeyContext::Storage => "storage only",
        KeyContext::Exchange => "exchange only",
    }
}

/// Optional blocks: identifier, what it is, the form of its data.
pub(super) const BLOCKS: &[(&str, &str, &str)] = &[
    ("AL", "asymmetric key life", "01, then 00 ephemeral or 01 static"),
    (
        "BI",
        "base derivation key id",
        "00 and 10 hexadecimal digits of the KSI (TDES), or 01 and 8 of the BDK id (AES)",
    ),
    (
        "CT",
        "public key certificate",
        "00 X.509 or 01 EMV, then base64; 02, then form, length (4 digits) and base64 of each",
    ),
    (
        "DA",
        "derivations allowed",
        "01, then usage, algorithm, mode and exportability of each; only with usage B3",
    ),
    (
        "HM",
        "hash of the HMAC",
        "2 hexadecimal digits: 10, 20 to 25, 30 to 33, 40, 41",
    ),
    ("IK", "initial key id (AES DUKPT)", "16 hexadecimal digits"),
    (
        "KC",
        "check value of the key",
        "00 and at most 3 bytes (legacy), or 01 and at most 5 bytes (CMAC)",
    ),
    (
        "KP",
        "check value of the protection key",
        "00 and at most 3 bytes (legacy), or 01 and at most 5 bytes (CMAC)",
    ),
    ("KS", "initial key serial number (TDES DUKPT)", "20 hexadecimal digits"),
    ("KV", "key block values version (deprecated)", "4 characters"),
    ("LB", "label", "printable ASCII"),
    ("PB", "padding", "printable ASCII; the last block"),
    (
        "PK",
        "check value of the export protection key",
        "00 and at most 3 bytes (legacy), or 01 and at most 5 bytes (CMAC)",
    ),
    (
        "TC",
        "time of creation",
        "a date and time of ISO 8601, UTC, ending in Z",
    ),
    ("TS", "time stamp", "a date and time of ISO 8601, UTC, ending in Z"),
    ("WP", "wrapping pedigree", "00, then 0 to 3"),
];

/// What an optional block is.
pub(super) fn block(id: &str) -> &'static str {
    match BLOCKS.iter().find(|(known, ..)| *known == id) {
        Some((_, what, _)) => what,
        None if id.starts_with(|c: char| c.is_ascii_digit()) => "proprietary",
        None => "not in the standard",
    }
}

/// The form of an optional block's data.
pub(super) fn form(id: &str) -> &'static str {
    BLOCKS
        .iter()
        .find(|(known, ..)| *known == id)
        .map_or("printable ASCII", |(.., form)| form)
}

/// What the data of an optional block says, where it says more than it shows, and has the standard's form.
pub(super) fn data(id: &str, data: &str) -> Option<String> {
    let id: [u8; 2] = id.as_bytes().try_into().ok()?;
    let block = Optional {
        id,
        data: data.as_bytes(),
    };
    Some(match block.typed().ok()? {
        Typed::Life(Life::Ephemeral) => "ephemeral".to_owned(),
        Typed::Life(Life::Static) => "static".to_owned(),
        Typed::BdkId(BdkId::Ksi(ksi)) => format!("TDES DUKPT, key set {}", to_hex(&ksi)),
        Typed::BdkId(BdkId::BdkId(id)) => format!("AES DUKPT, BDK id {}", to_hex(&id)),
        Typed::Certificates(chain) => {
            let kinds: Vec<&str> = chain
                .iter()
                .map(|one| if one.is_emv { "EMV" } else { "X.509" })
                .collect();
            format!("certificates: {}", kinds.join(", "))
        }
        Typed::Derivations(list) => {
            let sets: Vec<String> = list
                .iter()
                .map(|set| {
                    let [u0, u1] = set.usage.to_chars();
                    let chars = [
                        u0,
                        u1,
                        set.algorithm.to_char(),
                        set.mode.to_char(),
                        set.exportability.to_char(),
                    ];
                    chars.map(char::from).iter().collect()
                })
                .collect();
            format!("may derive {}", sets.join(", "))
        }
        Typed::Hash(hash) => hash_name(hash).to_owned(),
        Typed::KeyCheck(value) | Typed::KbpkCheck(value) | Typed::ExportCheck(value) => {
            let kind = match value.method() {
                CheckMethod::Legacy => "legacy",
                CheckMethod::Cmac => "CMAC",
            };
            format!("{kind} {}", to_hex(value.bytes()))
        }
        Typed::InitialKeyId(id) => {
            let [a, b, c, d, rest @ ..] = id;
            format!("BDK id {}, derivation id {}", to_hex(&[a, b, c, d]), to_hex(&rest))
        }
        Typed::Created(time) | Typed::Stamped(time) => {
            let [year, month, day, hour, minute, second] = time.fields();
            format!("{year}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02} UTC")
        }
        Typed::Pedigree(pedigree) => match (pedigree.is_lesser(), pedigree.is_asymmetric()) {
            (false, false) => "always protected by keys of the same strength or more".to_owned(),
            (true, false) => "once protected by a weaker key".to_owned(),
            (false, true) => "once protected by an asymmetric key".to_owned(),
            (true, true) => "once protected by a weaker and by an asymmetric key".to_owned(),
        },
        _ => return None,
    })
}

const fn hash_name(hash: Hash) -> &'static str {
    match hash {
        Hash::Sha1 => "SHA-1",
        Hash::Sha224 => "SHA-224",
        Hash::Sha256 => "SHA-256",
        Hash::Sha384 => "SHA-384",
        Hash::Sha512 => "SHA-512",
        Hash::Sha512_224 => "SHA-512/224",
        Hash::Sha512_256 => "SHA-512/256",
        Hash::Sha3_224 => "SHA3-224",
        Hash::Sha3_256 => "SHA3-256",
        Hash::Sha3_384 => "SHA3-384",
        Hash::Sha3_512 => "SHA3-512",
        Hash::Shake128 => "SHAKE128",
        Hash::Shake256 => "SHAKE256",
    }
}
