// SPDX-License-Identifier: MIT OR Apache-2.0
//! The case runner from outside: what it prints and its exit status.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};

/// Number of case lines in `data/cases.jsonl`: two of each operation that is supported.
const LINES: usize = 130;

struct Run {
    status: i32,
    lines: Vec<String>,
    stderr: String,
}

fn run(args: &[&str]) -> Run {
    let output = Command::new(env!("CARGO_BIN_EXE_payhsm-tool"))
        .args(args)
        .output()
        .unwrap();
    Run {
        status: output.status.code().unwrap(),
        lines: String::from_utf8(output.stdout)
            .unwrap()
            .lines()
            .map(str::to_owned)
            .collect(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    }
}

/// Runs `text` as a file of its own.
fn cases(name: &str, text: &str, options: &[&str]) -> Run {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    fs::write(&path, text).unwrap();
    run(&[&["cases", path.to_str().unwrap()], options].concat())
}

fn root(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

fn sample() -> Vec<Value> {
    let text = fs::read_to_string(root("tests/data/cases.jsonl")).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn lines(cases: &[Value]) -> String {
    cases.iter().map(|case| format!("{case}\n")).collect()
}

fn kcv() -> Value {
    json!({"id": "k", "op": "kcv", "in": {"alg": "DES", "key": "0123456789ABCDEFFEDCBA9876543210"},
        "out": {"zero_block": "08D7B4FB629D0885", "cmac": "0A8245866490475B"}})
}

#[test]
fn every_line_of_the_sample_passes() {
    let got = run(&["cases", root("tests/data/cases.jsonl").to_str().unwrap()]);
    assert_eq!(got.lines, [format!("{LINES} passed, 0 failed, 0 skipped")]);
    assert_eq!((got.status, got.stderr.as_str()), (0, ""));
}

#[test]
fn every_changed_answer_fails() {
    let mut changed = Vec::new();
    for case in sample() {
        for (name, answer) in case["out"].as_object().unwrap() {
            let mut twin = case.clone();
            twin["id"] = Value::from(changed.len());
            let out = &mut twin["out"];
            match answer {
                // What was broken, and why: refusals have no answer to change but that there is none.
                _ if matches!(name.as_str(), "mutation" | "rule") => continue,
                Value::String(_) if name == "error" => *out = json!({}),
                // Compared only where it is defined.
                _ if name == "next" && case["out"]["valid"] == json!(false) => continue,
                Value::String(text) => {
                    let last = text.chars().next_back().unwrap();
                    let other = if last == '1' { '2' } else { '1' };
                    out[name] = Value::from(format!("{}{other}", &text[..text.len() - 1]));
                }
                Value::Bool(flag) => out[name] = Value::from(!flag),
                Value::Number(number) => out[name] = Value::from(number.as_i64().unwrap() + 1),
                Value::Null => out[name] = Value::from("00"),
                _ => out[name] = json!([["00", "00"]]),
            }
            changed.push(twin);
        }
    }
    assert!(changed.len() > 200);
    let got = cases("changed.jsonl", &lines(&changed), &[]);
    let last = format!("0 passed, {} failed, 0 skipped", changed.len());
    assert_eq!(got.lines.last(), Some(&last), "{:#?}", got.lines);
    assert_eq!(got.status, 1);
}

#[test]
fn a_failure_says_what_differs() {
    let case =
        json!({"id": 7, "op": "des_parity", "in": {"key": "0000000000000000"}, "out": {"key": "0000000000000000"}});
    let got = cases("differs.jsonl", &case.to_string(), &[]);
    let expected = [
        "7 des_parity key 0000000000000000 0101010101010101",
        "0 passed, 1 failed, 0 skipped",
    ];
    assert_eq!(got.lines, expected);
    assert_eq!(got.status, 1);
}

#[test]
fn unknown_and_missing_fields_fail() {
    let right = kcv();
    assert_eq!(cases("right.jsonl", &right.to_string(), &[]).status, 0);
    let mut twins = vec![right.clone(); 5];
    twins[0]["in"]["iv"] = json!("00");
    twins[1]["out"]["mac"] = json!("00");
    twins[2]["comment"] = json!("hello");
    twins[3]["out"].as_object_mut().unwrap().remove("zero_block");
    twins[4]["in"].as_object_mut().unwrap().remove("key");
    let got = cases("unknown.jsonl", &lines(&twins), &[]);
    let expected = [
        "k kcv iv (unknown) 00",
        "k kcv mac (unknown) 00",
        "k kcv comment (unknown) \"hello\"",
        "k kcv zero_block (missing) 08D7B4FB629D0885",
        "k kcv key (missing) -",
        "0 passed, 5 failed, 0 skipped",
    ];
    assert_eq!(got.lines, expected);
    assert_eq!(got.status, 1);
}

#[test]
fn refusals_are_judged() {
    let mut accepted = kcv();
    accepted["out"] = json!({"error": "key", "mutation": "none"});
    let mut refused = kcv();
    refused["in"]["key"] = json!("00");
    let mut right = refused.clone();
    right["out"] = json!({"error": "key", "mutation": "short"});
    let got = cases("refusals.jsonl", &lines(&[accepted, refused, right]), &[]);
    let expected = [
        "k kcv error key (accepted)",
        "k kcv error (none) InvalidKeyLength",
        "1 passed, 2 failed, 0 skipped",
    ];
    assert_eq!(got.lines, expected);
}

#[test]
fn what_is_not_supported_is_counted() {
    let other = |id: i32, op: &str| json!({"id": id, "op": op, "in": {}, "out": {}});
    let mut parameter = kcv();
    parameter["in"]["alg"] = json!("SM4");
    let all = [
        other(1, "teleport"),
        kcv(),
        other(2, "abacus"),
        other(3, "teleport"),
        parameter,
    ];
    let got = cases("unsupported.jsonl", &lines(&all), &[]);
    let expected = [
        "skipped kcv alg SM4: 1 cases",
        "unsupported abacus: 1 cases",
        "unsupported teleport: 2 cases",
        "1 passed, 0 failed, 4 skipped",
    ];
    assert_eq!(got.lines, expected);
    assert_eq!(got.status, 2);

    // A failure weighs more.
    let mut wrong = kcv();
    wrong["out"]["cmac"] = json!("00");
    let got = cases("both.jsonl", &lines(&[other(1, "teleport"), wrong]), &[]);
    assert_eq!(
        (got.status, got.lines.last().unwrap().as_str()),
        (1, "0 passed, 1 failed, 1 skipped")
    );
}

#[test]
fn operations_are_selected() {
    let all = lines(&sample());
    for (options, last) in [
        (&["--ops", "kcv"][..], "2 passed, 0 failed, 0 skipped"),
        (&["--ops=kcv,aes_ecb"], "4 passed, 0 failed, 0 skipped"),
        (&["--ops", "kcv, aes_ecb,teleport"], "4 passed, 0 failed, 0 skipped"),
    ] {
        let got = cases("selected.jsonl", &all, options);
        assert_eq!((got.status, got.lines), (0, vec![last.to_owned()]));
    }
    // Nothing was run: that is no pass.
    let got = cases("selected.jsonl", &all, &["--ops", "teleport"]);
    assert_eq!(
        (got.status, got.stderr.as_str()),
        (1, "payhsm-tool: no case was selected\n")
    );
}

#[test]
fn families_are_told_by_content() {
    let family = json!({"family": "mac", "provenance": [], "vectors": [
        {"id": "a", "source": "RFC 4493", "op": "cmac", "cipher": "AES", "key": "2B7E151628AED2A6ABF7158809CF4F3C",
            "msg": "", "mac": "BB1D6929E9593728", "checked_with": ["x"]},
        {"id": "b", "source": "as a, wrong", "op": "cmac", "cipher": "AES", "key": "2B7E151628AED2A6ABF7158809CF4F3C",
            "msg": "", "mac": "BB1D6929E9593729"},
        {"id": "c", "source": "without answer", "op": "cmac", "cipher": "AES", "msg": "",
            "key": "2B7E151628AED2A6ABF7158809CF4F3C"},
        {"id": "d", "source": "with more", "op": "cmac", "cipher": "AES", "key": "2B7E151628AED2A6ABF7158809CF4F3C",
            "msg": "", "mac": "BB1D6929E9593728", "salt": "00"},
        {"id": "e", "source": "s", "op": "hmac", "hash": "sha1", "key": "00", "msg": "", "mac": "00"},
        {"id": "f", "source": "s", "op": "pinblock_encode_reject", "format": 2, "pin": "123", "reason": "length"},
        {"id": "g", "source": "s", "op": "pinblock_encode_reject", "format": 2, "pin": "1234"},
    ]});
    // Laid out in lines or not.
    for text in [family.to_string(), format!("{family:#}")] {
        let got = cases("family.json", &text, &[]);
        let expected = [
            "b cmac mac BB1D6929E9593729 BB1D6929E95937287FA37D129B756746",
            "c cmac answer (missing) -",
            "d cmac salt (unknown) 00",
            "g pinblock_encode_reject error refusal (accepted)",
            "skipped hmac hash sha1: 1 cases",
            "2 passed, 4 failed, 1 skipped",
        ];
        assert_eq!(got.lines, expected);
        assert_eq!(got.status, 1);
    }
}

#[test]
fn wycheproof_passes() {
    for (name, tests) in [
        ("aes_cmac", 249),
        ("hmac_sha256", 139),
        ("hkdf_sha256", 69),
        ("hkdf_sha384", 66),
        ("hkdf_sha512", 66),
        ("ecdh_secp256r1", 490),
        ("ecdh_secp256r1_ecpoint", 284),
        ("ecdsa_secp256r1_sha256", 387),
        ("ecdsa_secp256r1_sha256_p1363", 210),
    ] {
        let path = root(&format!("../vectors/wycheproof/{name}_test.json"));
        let got = run(&["cases", path.to_str().unwrap()]);
        assert_eq!(got.lines, [format!("{tests} passed, 0 failed, 0 skipped")], "{name}");
        assert_eq!(got.status, 0);
    }
}

#[test]
fn wycheproof_verdicts_are_judged() {
    let path = root("../vectors/wycheproof/aes_cmac_test.json");
    let mut file: Value = serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap();
    let mut changed = 0;
    for group in file["testGroups"].as_array_mut().unwrap() {
        for test in group["tests"].as_array_mut().unwrap() {
            let valid = test["result"] == json!("valid");
            test["result"] = json!(if valid { "invalid" } else { "valid" });
            changed += 1;
        }
    }
    let got = cases("verdicts.json", &file.to_string(), &[]);
    assert_eq!(
        got.lines.last().unwrap(),
        &format!("0 passed, {changed} failed, 0 skipped")
    );
    assert_eq!(got.lines[0], "tc1 aes-cmac error invalid (accepted)");
}

#[test]
fn broken_files_and_arguments() {
    let got = cases("broken.jsonl", &format!("{}\n\n{{\n[]\n", kcv()), &[]);
    assert_eq!(got.lines.last().unwrap(), "1 passed, 2 failed, 0 skipped");
    assert!(got.lines[0].contains("broken.jsonl:3 - line JSON "));
    assert_eq!(got.status, 1);

    let got = run(&[
        "cases",
        "/nonexistent",
        root("tests/data/cases.jsonl").to_str().unwrap(),
    ]);
    assert_eq!(got.lines, [format!("{LINES} passed, 0 failed, 0 skipped")]);
    assert!(got.stderr.starts_with("payhsm-tool: /nonexistent: reading: "));
    assert_eq!(got.status, 1);

    for arguments in [
        &["cases"][..],
        &["cases", "--ops"],
        &["cases", "x", "--all"],
        &["walk"],
        &[],
    ] {
        let got = run(arguments);
        let status = if arguments.first() == Some(&"cases") { 1 } else { 2 };
        assert!(
            got.status == status && got.lines.is_empty() && !got.stderr.is_empty(),
            "{arguments:?}"
        );
    }
    let got = run(&["--help"]);
    assert!(got.status == 0 && got.lines.iter().any(|line| line.contains("--ops LIST")));
}
