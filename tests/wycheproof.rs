// SPDX-License-Identifier: MIT OR Apache-2.0
//! Project Wycheproof (`vectors/wycheproof`). A valid test reproduces, an invalid one is refused, and what a file skips
//! is counted: a file from which nothing ran fails.
#![cfg(all(feature = "hazmat", feature = "ec"))]

use payhsm::ecdh::{PrivateKey, PublicKey};
use payhsm::error::Error;
use payhsm::kdf::hkdf_sha256;
use payhsm::mac::{Mac, cmac::CmacAes, hmac::HmacSha256};
use payhsm::secret::Secret;
use serde_json::Value;

/// What one test came to.
enum Run {
    /// The library computed what the test asked for.
    Matched,
    /// The library refused, or its result differs.
    Refused,
    /// Nothing that the library takes.
    Skipped,
}

#[derive(Debug, Default, PartialEq, Eq)]
struct Counts {
    valid: usize,
    invalid: usize,
    acceptable: usize,
    skipped: usize,
}

fn hex(value: &Value) -> Vec<u8> {
    let text = value.as_str().unwrap().as_bytes();
    let pairs = text.chunks_exact(2).map(|pair| core::str::from_utf8(pair).unwrap());
    pairs.map(|pair| u8::from_str_radix(pair, 16).unwrap()).collect()
}

/// Runs a file; `run` gets the group and the test.
fn file(name: &str, run: impl Fn(&Value, &Value) -> Run) -> Counts {
    let path = format!("{}/vectors/wycheproof/{name}", env!("CARGO_MANIFEST_DIR"));
    let file: Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    let mut counts = Counts::default();
    let mut total = 0;
    for group in file["testGroups"].as_array().unwrap() {
        for test in group["tests"].as_array().unwrap() {
            total += 1;
            let result = test["result"].as_str().unwrap();
            match (run(group, test), result) {
                (Run::Skipped, _) => counts.skipped += 1,
                (Run::Matched, "valid") => counts.valid += 1,
                (Run::Refused, "invalid") => counts.invalid += 1,
                (_, "acceptable") => counts.acceptable += 1,
                _ => panic!("{name}: {test}"),
            }
        }
    }
    assert_eq!(Some(total), file["numberOfTests"].as_u64(), "{name}");
    assert!(counts.valid > 0, "{name}: nothing ran");
    counts
}

fn counts(valid: usize, invalid: usize, acceptable: usize, skipped: usize) -> Counts {
    Counts {
        valid,
        invalid,
        acceptable,
        skipped,
    }
}

fn verdict(result: Result<(), Error>) -> Run {
    match result {
        Ok(()) => Run::Matched,
        Err(_) => Run::Refused,
    }
}

fn mac<M: Mac>(mac: Result<M, Error>, test: &Value, tag_bits: &Value) -> Run {
    let tag = hex(&test["tag"]);
    if test["result"] == "valid" {
        assert_eq!(tag_bits.as_u64(), u64::try_from(tag.len() * 8).ok());
    }
    verdict(mac.and_then(|mut mac| {
        mac.update(&hex(&test["msg"]));
        mac.verify(&tag)
    }))
}

fn agree(public: &[u8], test: &Value) -> Run {
    // Leading zeros come and go in these files.
    let private = hex(&test["private"]);
    let digits = private.iter().rev().copied().chain(core::iter::repeat(0)).take(32);
    let mut scalar: [u8; 32] = digits.collect::<Vec<_>>().try_into().unwrap();
    scalar.reverse();
    let mut z = Secret::zeroed();
    let peer = match PublicKey::from_sec1(public) {
        Ok(peer) => peer,
        Err(error) => {
            assert_eq!(error, Error::EcPoint);
            return Run::Refused;
        }
    };
    PrivateKey::from_bytes(&scalar).unwrap().agree(&peer, &mut z).unwrap();
    if z.expose()[..] == hex(&test["shared"]) {
        Run::Matched
    } else {
        Run::Refused
    }
}

#[test]
fn aes_cmac() {
    let done = file("aes_cmac_test.json", |group, test| {
        mac(CmacAes::new(&hex(&test["key"])), test, &group["tagSize"])
    });
    assert_eq!(done, counts(53, 196, 0, 0));
}

#[test]
fn hmac_sha256() {
    let done = file("hmac_sha256_test.json", |group, test| {
        mac(HmacSha256::new(&hex(&test["key"])), test, &group["tagSize"])
    });
    assert_eq!(done, counts(53, 86, 0, 0));
}

#[test]
fn hkdf() {
    let done = file("hkdf_sha256_test.json", |_, test| {
        let mut okm = vec![0; usize::try_from(test["size"].as_u64().unwrap()).unwrap()];
        let (ikm, salt, info) = (hex(&test["ikm"]), hex(&test["salt"]), hex(&test["info"]));
        match hkdf_sha256(&salt, &ikm, &[&info], &mut okm) {
            Ok(()) if okm == hex(&test["okm"]) => Run::Matched,
            _ => Run::Refused,
        }
    });
    assert_eq!(done, counts(66, 3, 0, 0));
}

#[test]
fn ecdh_point() {
    let done = file("ecdh_secp256r1_ecpoint_test.json", |_, test| {
        agree(&hex(&test["public"]), test)
    });
    assert_eq!(done, counts(266, 17, 1, 0));
}

/// The library reads no ASN.1. What is tested here is the point behind the one DER header of a named-curve P-256 key,
/// for either point length; any other header is refused by being another header, and counts as skipped.
#[test]
fn ecdh_subject_public_key_info() {
    const UNCOMPRESSED: [u8; 26] = header(0x59, 0x42);
    const COMPRESSED: [u8; 26] = header(0x39, 0x22);
    let done = file("ecdh_secp256r1_test.json", |_, test| {
        let public = hex(&test["public"]);
        match public.split_first_chunk() {
            Some((&(UNCOMPRESSED | COMPRESSED), point)) => agree(point, test),
            _ => Run::Skipped,
        }
    });
    assert_eq!(done, counts(260, 21, 3, 206));
}

/// SEQUENCE { SEQUENCE { id-ecPublicKey, prime256v1 }, BIT STRING }, up to the point.
const fn header(len: u8, bits_len: u8) -> [u8; 26] {
    [
        0x30, len, 0x30, 0x13, 0x06, 0x07, 0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x02, 0x01, 0x06, 0x08, 0x2A, 0x86, 0x48,
        0xCE, 0x3D, 0x03, 0x01, 0x07, 0x03, bits_len, 0x00,
    ]
}
