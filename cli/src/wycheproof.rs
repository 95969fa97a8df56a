// SPDX-License-Identifier: MIT OR Apache-2.0
//! Test files of Project Wycheproof, in their own schema.
//!
//! A `valid` test must give its answer, an `invalid` one must be refused, an `acceptable` one
//! may be refused. A test's operation is its algorithm, in lower case.

use serde_json::{Map, Value};

use crate::error::{Error, Result};
use crate::ops::{self, Op};
use crate::value::{Case, Expect};

/// One test.
pub struct Test {
    /// `tc` and the number.
    pub id: String,
    /// The algorithm, for agreement the encoding of keys, for signatures the curve, the hash and the encoding.
    pub op: String,
    /// How to run it; `None`: the algorithm is not supported.
    pub run: Option<Op>,
    /// Its fields.
    pub case: Case,
}

fn operation(algorithm: &str, curve: &str, form: &str) -> (String, Option<Op>) {
    let run: Option<Op> = match (algorithm, curve, form) {
        ("AES-CMAC", ..) => Some(ops::cmac_wycheproof),
        ("HMACSHA256", ..) => Some(ops::hmac_wycheproof),
        ("HKDF-SHA-256", ..) => Some(ops::hkdf_sha256_wycheproof),
        ("HKDF-SHA-384", ..) => Some(ops::hkdf_sha384_wycheproof),
        ("HKDF-SHA-512", ..) => Some(ops::hkdf_sha512_wycheproof),
        ("ECDH", "secp256r1", "asn") => Some(ops::ecdh_spki),
        ("ECDH", "secp256r1", "ecpoint") => Some(ops::ecdh_sec1),
        ("ECDSA", "secp256r1 SHA-256", "EcdsaVerify") => Some(ops::ecdsa_der),
        ("ECDSA", "secp256r1 SHA-256", "EcdsaP1363Verify") => Some(ops::ecdsa_raw),
        _ => None,
    };
    let words = [algorithm, curve, form].into_iter().filter(|word| !word.is_empty());
    (
        words
            .map(|word| word.to_lowercase().replace(' ', "-"))
            .collect::<Vec<_>>()
            .join("-"),
        run,
    )
}

fn text<'a>(map: &'a Map<String, Value>, name: &str) -> &'a str {
    map.get(name).and_then(Value::as_str).unwrap_or_default()
}

/// The tests of a file, in order.
///
/// # Errors
/// A file of another shape.
pub fn tests(file: &Map<String, Value>) -> Result<Vec<Test>> {
    let algorithm = text(file, "algorithm");
    let groups = file.get("testGroups").and_then(Value::as_array);
    let groups = groups.ok_or_else(|| Error::new("testGroups is not a list"))?;
    let mut tests = Vec::new();
    for group in groups {
        let group = group
            .as_object()
            .ok_or_else(|| Error::new("a group is not an object"))?;
        // A group of signatures has its key's fields in common.
        let key = group.get("publicKey").and_then(Value::as_object);
        let (op, run) = if let Some(key) = key {
            let curve = format!("{} {}", text(key, "curve"), text(group, "sha"));
            operation(algorithm, &curve, text(group, "type"))
        } else {
            operation(algorithm, text(group, "curve"), text(group, "encoding"))
        };
        let list = group.get("tests").and_then(Value::as_array);
        for test in list.ok_or_else(|| Error::new("tests is not a list"))? {
            let mut fields = test
                .as_object()
                .ok_or_else(|| Error::new("a test is not an object"))?
                .clone();
            let id = fields
                .remove("tcId")
                .map_or_else(|| "tc?".to_owned(), |id| format!("tc{id}"));
            let expect = match fields.remove("result").as_ref().and_then(Value::as_str) {
                Some("valid") => Expect::Answer { whole: true },
                Some("invalid") => Expect::Refusal("invalid".to_owned()),
                Some("acceptable") => Expect::Either,
                other => return Err(Error::new(format!("{id}: result {other:?}"))),
            };
            for about in ["comment", "flags"] {
                fields.remove(about);
            }
            if let Some(point) = key.and_then(|key| key.get("uncompressed")) {
                fields.insert("public".to_owned(), point.clone());
            }
            let mut output = Map::new();
            for answer in ["okm", "shared"] {
                output.extend(fields.remove_entry(answer));
            }
            tests.push(Test {
                id,
                op: op.clone(),
                run,
                case: Case::new(fields, output, expect),
            });
        }
    }
    Ok(tests)
}
