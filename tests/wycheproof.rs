// SPDX-License-Identifier: MIT OR Apache-2.0
//! Project Wycheproof (`vectors/wycheproof`). A valid test reproduces, an invalid one is refused, and what a file skips
//! is counted: a file from which nothing ran fails.
#![cfg(all(feature = "hazmat", feature = "ec"))]

use std::collections::{BTreeMap, BTreeSet};

use payhsm::ecdh::{PrivateKey, PublicKey};
use payhsm::ecdsa::{Signature, verify};
use payhsm::error::Error;
use payhsm::kdf::{hkdf_sha256, hkdf_sha384, hkdf_sha512};
use payhsm::mac::{Mac, cmac::CmacAes, hmac::HmacSha256};
use payhsm::secret::Secret;
use serde_json::Value;

/// An HKDF: salt, input, parts of the information, output.
type Hkdf = fn(&[u8], &[u8], &[&[u8]], &mut [u8]) -> Result<(), Error>;

/// What one test came to.
enum Run {
    /// The library computed what the test asked for.
    Matched,
    /// The library refused, or its result differs.
    Refused,
}

#[derive(Debug, Default, PartialEq, Eq)]
struct Counts {
    valid: usize,
    invalid: usize,
    acceptable: usize,
}

fn hex(value: &Value) -> Vec<u8> {
    let text = value.as_str().unwrap().as_bytes();
    let pairs = text.chunks_exact(2).map(|pair| core::str::from_utf8(pair).unwrap());
    pairs.map(|pair| u8::from_str_radix(pair, 16).unwrap()).collect()
}

/// Runs a file; `run` gets the group and the test. Every kind of edge case that the file explains, and no other, must
/// have been run: `flags` counts them.
fn file(name: &str, flags: &[(&str, usize)], run: impl Fn(&Value, &Value) -> Run) -> Counts {
    let path = format!("{}/vectors/wycheproof/{name}", env!("CARGO_MANIFEST_DIR"));
    let file: Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    let mut counts = Counts::default();
    let mut total = 0;
    let mut seen = BTreeMap::<&str, usize>::new();
    for group in file["testGroups"].as_array().unwrap() {
        for test in group["tests"].as_array().unwrap() {
            total += 1;
            let result = test["result"].as_str().unwrap();
            for flag in test["flags"].as_array().unwrap() {
                *seen.entry(flag.as_str().unwrap()).or_default() += 1;
            }
            match (run(group, test), result) {
                (Run::Matched, "valid") => counts.valid += 1,
                (Run::Refused, "invalid") => counts.invalid += 1,
                (_, "acceptable") => counts.acceptable += 1,
                _ => panic!("{name}: {test}"),
            }
        }
    }
    assert_eq!(Some(total), file["numberOfTests"].as_u64(), "{name}");
    assert!(counts.valid > 0, "{name}: nothing ran");
    assert_eq!(seen, flags.iter().copied().collect(), "{name}");
    // In whatever order the file, or the reader, has them.
    let explained: BTreeSet<&str> = file["notes"].as_object().unwrap().keys().map(String::as_str).collect();
    assert!(explained.iter().eq(seen.keys()), "{name}: a kind without a test");
    counts
}

fn counts(valid: usize, invalid: usize, acceptable: usize) -> Counts {
    Counts {
        valid,
        invalid,
        acceptable,
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

fn agree(public: Result<PublicKey, Error>, test: &Value) -> Run {
    // Leading zeros come and go in these files.
    let private = hex(&test["private"]);
    let digits = private.iter().rev().copied().chain(core::iter::repeat(0)).take(32);
    let mut scalar: [u8; 32] = digits.collect::<Vec<_>>().try_into().unwrap();
    scalar.reverse();
    let mut z = Secret::zeroed();
    let peer = match public {
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
    const FLAGS: &[(&str, usize)] = &[("InvalidKeySize", 4), ("ModifiedTag", 192), ("Pseudorandom", 53)];
    let done = file("aes_cmac_test.json", FLAGS, |group, test| {
        mac(CmacAes::new(&hex(&test["key"])), test, &group["tagSize"])
    });
    assert_eq!(done, counts(53, 196, 0));
}

#[test]
fn hmac_sha256() {
    const FLAGS: &[(&str, usize)] = &[("ModifiedTag", 86), ("Pseudorandom", 53)];
    let done = file("hmac_sha256_test.json", FLAGS, |group, test| {
        mac(HmacSha256::new(&hex(&test["key"])), test, &group["tagSize"])
    });
    assert_eq!(done, counts(53, 86, 0));
}

fn hkdf(derive: Hkdf, test: &Value) -> Run {
    let mut okm = vec![0; usize::try_from(test["size"].as_u64().unwrap()).unwrap()];
    let (ikm, salt, info) = (hex(&test["ikm"]), hex(&test["salt"]), hex(&test["info"]));
    match derive(&salt, &ikm, &[&info], &mut okm) {
        Ok(()) if okm == hex(&test["okm"]) => Run::Matched,
        _ => Run::Refused,
    }
}

#[test]
fn hkdf_with_sha256() {
    const FLAGS: &[(&str, usize)] = &[
        ("EmptySalt", 21),
        ("MaximalOutputSize", 3),
        ("Normal", 52),
        ("OutputCollision", 8),
        ("SizeTooLarge", 3),
    ];
    let done = file("hkdf_sha256_test.json", FLAGS, |_, test| hkdf(hkdf_sha256, test));
    assert_eq!(done, counts(66, 3, 0));
}

#[test]
fn hkdf_with_sha384() {
    const FLAGS: &[(&str, usize)] = &[
        ("EmptySalt", 15),
        ("MaximalOutputSize", 3),
        ("Normal", 51),
        ("OutputCollision", 9),
        ("SizeTooLarge", 3),
    ];
    let done = file("hkdf_sha384_test.json", FLAGS, |_, test| hkdf(hkdf_sha384, test));
    assert_eq!(done, counts(63, 3, 0));
}

#[test]
fn hkdf_with_sha512() {
    const FLAGS: &[(&str, usize)] = &[
        ("EmptySalt", 17),
        ("MaximalOutputSize", 2),
        ("Normal", 54),
        ("OutputCollision", 8),
        ("SizeTooLarge", 2),
    ];
    let done = file("hkdf_sha512_test.json", FLAGS, |_, test| hkdf(hkdf_sha512, test));
    assert_eq!(done, counts(64, 2, 0));
}

#[test]
fn ecdh_point() {
    const FLAGS: &[(&str, usize)] = &[
        ("AdditionChain", 15),
        ("CVE-2017-8932", 2),
        ("CompressedPoint", 6),
        ("CompressedPublic", 1),
        ("EdgeCaseDoubling", 166),
        ("EdgeCaseEphemeralKey", 39),
        ("EdgeCaseSharedSecret", 43),
        ("InvalidCompressedPublic", 1),
        ("InvalidCurveAttack", 11),
        ("InvalidEncoding", 1),
        ("Normal", 1),
        ("WrongCurve", 4),
    ];
    let done = file("ecdh_secp256r1_ecpoint_test.json", FLAGS, |_, test| {
        agree(PublicKey::from_sec1(&hex(&test["public"])), test)
    });
    assert_eq!(done, counts(266, 17, 1));
}

#[test]
fn ecdh_subject_public_key_info() {
    const FLAGS: &[(&str, usize)] = &[
        ("AdditionChain", 13),
        ("CVE-2017-8932", 1),
        ("CompressedPoint", 6),
        ("CompressedPublic", 1),
        ("EdgeCaseDoubling", 164),
        ("EdgeCaseEphemeralKey", 42),
        ("EdgeCaseSharedSecret", 39),
        ("InvalidAsn", 178),
        ("InvalidCompressedPublic", 1),
        ("InvalidCurveAttack", 14),
        ("InvalidEncoding", 1),
        ("InvalidPublic", 11),
        ("LargeCofactor", 1),
        ("ModifiedCofactor", 1),
        ("ModifiedCurveParameter", 1),
        ("ModifiedGenerator", 1),
        ("ModifiedGroup", 2),
        ("ModifiedPrime", 1),
        ("ModifiedPublicPoint", 2),
        ("NegativeCofactor", 1),
        ("NoCofactor", 2),
        ("Normal", 1),
        ("UnnamedCurve", 13),
        ("UnusedParam", 6),
        ("WeakPublicKey", 1),
        ("WrongCurve", 18),
        ("WrongOrder", 4),
    ];
    let done = file("ecdh_secp256r1_test.json", FLAGS, |_, test| {
        agree(PublicKey::from_spki(&hex(&test["public"])), test)
    });
    assert_eq!(done, counts(260, 45, 185));
}

fn signature(group: &Value, test: &Value, signature: Result<Signature, Error>) -> Run {
    let key = PublicKey::from_sec1(&hex(&group["publicKey"]["uncompressed"])).unwrap();
    verdict(signature.and_then(|signature| verify(&key, &hex(&test["msg"]), &signature)))
}

#[test]
fn ecdsa_der() {
    const FLAGS: &[(&str, usize)] = &[
        ("ArithmeticError", 78),
        ("BerEncodedSignature", 5),
        ("EdgeCasePublicKey", 20),
        ("EdgeCaseShamirMultiplication", 1),
        ("IntegerOverflow", 5),
        ("InvalidEncoding", 64),
        ("InvalidSignature", 50),
        ("InvalidTypesInSignature", 54),
        ("MissingZero", 1),
        ("ModifiedInteger", 3),
        ("ModifiedSignature", 40),
        ("ModularInverse", 13),
        ("PointDuplication", 5),
        ("RangeCheck", 6),
        ("SmallRandS", 7),
        ("SpecialCaseHash", 47),
        ("ValidSignature", 8),
    ];
    let done = file("ecdsa_secp256r1_sha256_test.json", FLAGS, |group, test| {
        signature(group, test, Signature::from_der(&hex(&test["sig"])))
    });
    assert_eq!(done, counts(145, 242, 0));
}

#[test]
fn ecdsa_raw() {
    const FLAGS: &[(&str, usize)] = &[
        ("ArithmeticError", 87),
        ("EdgeCasePublicKey", 17),
        ("EdgeCaseShamirMultiplication", 1),
        ("IntegerOverflow", 3),
        ("InvalidSignature", 39),
        ("ModifiedInteger", 1),
        ("ModularInverse", 12),
        ("PointDuplication", 6),
        ("RangeCheck", 3),
        ("SignatureSize", 9),
        ("SmallRandS", 13),
        ("SpecialCaseHash", 45),
        ("ValidSignature", 9),
    ];
    let done = file("ecdsa_secp256r1_sha256_p1363_test.json", FLAGS, |group, test| {
        signature(group, test, Signature::from_raw(&hex(&test["sig"])))
    });
    assert_eq!(done, counts(140, 70, 0));
}
