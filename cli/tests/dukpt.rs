// SPDX-License-Identifier: MIT OR Apache-2.0
//! `payhsm-tool dukpt` against published values: `vectors/dukpt_tdes.txt`, `vectors/dukpt_aes.txt`.

#[path = "../../tests/common/vectors.rs"]
mod vectors;

mod tool;

use serde_json::Value;
use tool::{Place, hex};
use vectors::{Case, cases};

/// The key file of a vector and its KSN.
fn keys(case: &Case) -> (String, String) {
    (format!("bdk = {}\n", hex(&case.hex("Bdk"))), hex(&case.hex("Ksn")))
}

/// Another last digit.
fn tampered(text: &str) -> String {
    let (rest, last) = text.split_at(text.len() - 1);
    format!("{rest}{}", if last == "1" { '2' } else { '1' })
}

fn keyed<'a>(json: &'a Value, usage: &str) -> &'a str {
    let keys = json["working_keys"].as_array().unwrap();
    let key = keys.iter().find(|key| key["usage"] == usage).unwrap();
    key["key"].as_str().unwrap()
}

fn usage(name: &str) -> &'static str {
    match name {
        "pin" | "pin_encryption" => "pin",
        "mac_req" | "mac_generation" => "mac-request",
        "mac_resp" | "mac_verification" => "mac-response",
        "mac_both" => "mac-both",
        "data_req" | "data_encrypt" => "data-request",
        "data_resp" | "data_decrypt" => "data-response",
        "data_both" => "data-both",
        "key_encryption" => "key-encryption",
        other => panic!("{other}"),
    }
}

#[test]
fn tdes_keys() {
    let place = Place::new("tdes-keys");
    let mut count = 0;
    for case in cases("dukpt_tdes", "dukpt_tdes_ik") {
        let (file, ksn) = keys(&case);
        let json = place.json(0, &file, &["dukpt", "ik", "--ksn", &ksn, "--show-secrets"]);
        assert_eq!(json["ik"], hex(&case.hex("Ik")));
        count += 1;
    }
    for case in cases("dukpt_tdes", "dukpt_tdes_key") {
        let (file, ksn) = keys(&case);
        let json = place.json(0, &file, &["dukpt", "derive", "--ksn", &ksn, "--show-secrets"]);
        assert_eq!(json["transaction_key"], hex(&case.hex("Transaction_key")));
        // The initial key in the place of the BDK, and both.
        let ik = format!("ik = {}\n", json["ik"].as_str().unwrap());
        let again = place.json(0, &ik, &["dukpt", "derive", "--ksn", &ksn, "--show-secrets"]);
        assert_eq!(again["working_keys"], json["working_keys"]);
        let both = place.json(0, &format!("{file}{ik}"), &["dukpt", "ik", "--ksn", &ksn]);
        assert_eq!(both["ik_matches"], true);
        let other = format!("{file}ik = {}\n", tampered(json["ik"].as_str().unwrap()));
        let other = place.json(1, &other, &["dukpt", "ik", "--ksn", &ksn]);
        assert_eq!(other["ik_matches"], false);
        count += 1;
    }
    assert_eq!(count, 2 + 27);
}

#[test]
fn tdes_pins() {
    let place = Place::new("tdes-pins");
    let cases = cases("dukpt_tdes", "dukpt_tdes_pinblock");
    assert_eq!(cases.len(), 27);
    for case in cases {
        let (file, ksn) = keys(&case);
        let (pin, pan, block) = (case.text("Pin"), case.text("Pan"), hex(&case.hex("Encrypted_pinblock")));
        case.value("Clear_pinblock");
        let with_pin = format!("{file}pin = {pin}\n");
        let encrypted = ["dukpt", "encrypt-pin", "--ksn", &ksn, "--pan", &pan];
        assert_eq!(place.json(0, &with_pin, &encrypted)["block"], block);
        let decrypt = ["dukpt", "decrypt-pin", "--ksn", &ksn, "--pan", &pan, "--block", &block];
        let json = place.json(0, &file, &[&decrypt[..], &["--show-secrets"]].concat());
        assert_eq!(json["pin"], pin);
        assert_eq!(place.json(0, &file, &decrypt)["pin"], Value::Null);
        // Another key.
        let wrong = file.replace("01234567", "45234567");
        let json = place.json(1, &wrong, &decrypt);
        assert_eq!(json["error"]["kind"], "verification");
    }
}

#[test]
fn tdes_macs() {
    let place = Place::new("tdes-macs");
    let mut count = 0;
    for (op, algorithm) in [("dukpt_tdes_mac", "retail"), ("dukpt_tdes_cmac", "cmac")] {
        for case in cases("dukpt_tdes", op) {
            let (file, ksn) = keys(&case);
            let (usage, msg, mac) = (usage(&case.text("Usage")), hex(&case.hex("Msg")), hex(&case.hex("Mac")));
            let usage = usage.strip_prefix("mac-").unwrap();
            let len = (mac.len() / 2).to_string();
            // A source may pad with method 1 or 2; it does not say which.
            let of = |padding: &'static str| {
                let mut args = vec![
                    "--ksn",
                    &ksn,
                    "--usage",
                    usage,
                    "--data",
                    &msg,
                    "--algorithm",
                    algorithm,
                ];
                if algorithm == "retail" {
                    args.extend(["--padding", padding]);
                }
                args
            };
            // By turns: a run takes longer than a MAC.
            let (wrong, status) = (tampered(&mac), i32::from(count % 3 == 2));
            let args = match count % 3 {
                0 => [&["dukpt", "mac", "--length", &len], &of("1")[..]].concat(),
                1 => [&["dukpt", "verify-mac", "--mac", &mac], &of("1")[..]].concat(),
                _ => [&["dukpt", "verify-mac", "--mac", &wrong], &of("1")[..]].concat(),
            };
            let json = place.json(status, &file, &args);
            if count % 3 == 0 {
                assert_eq!(json["mac"], mac, "{}", case.id());
            } else {
                assert_eq!(json["verified"], status == 0, "{}", case.id());
            }
            count += 1;
        }
    }
    assert_eq!(count, 62 + 54);
}

#[test]
fn tdes_data() {
    let place = Place::new("tdes-data");
    let cases = cases("dukpt_tdes", "dukpt_tdes_data");
    assert_eq!(cases.len(), 34);
    for case in cases {
        let (file, ksn) = keys(&case);
        let (name, rule) = (case.text("Usage"), case.text("Key_rule"));
        let usage = match (usage(&name), rule.as_str()) {
            ("data-request", "data_variant_one_way") => "request",
            ("data-response", "data_variant_one_way") => "response",
            ("data-request", "data_variant_only") => "legacy-request",
            ("data-response", "data_variant_only") => "legacy-response",
            ("pin", "pin_variant") | (_, "pin_variant") => "legacy-pin",
            other => panic!("{other:?}"),
        };
        let (plain, secret) = (hex(&case.hex("Plaintext")), hex(&case.hex("Ciphertext")));
        let mut args = vec!["--ksn", &ksn, "--usage", usage];
        let iv = case.opt_hex("Iv").map(|iv| hex(&iv));
        match &iv {
            Some(iv) => args.extend(["--iv", iv]),
            None => args.extend(["--mode", "ecb"]),
        }
        let json = place.json(
            0,
            &file,
            &[&["dukpt", "encrypt-data", "--data", &plain], &args[..]].concat(),
        );
        assert_eq!(json["ciphertext"], secret, "{}", case.id());
        let json = place.json(
            0,
            &file,
            &[&["dukpt", "decrypt-data", "--data", &secret], &args[..]].concat(),
        );
        assert_eq!(json["plaintext"], plain, "{}", case.id());
    }
}

#[test]
fn aes_keys() {
    let place = Place::new("aes-keys");
    let (mut count, mut inner) = (0, 0);
    for case in cases("dukpt_aes", "dukpt_aes_ik") {
        let (bdk, id) = (hex(&case.hex("Bdk")), hex(&case.hex("Ikid")));
        let ksn = format!("{id}00000000");
        let json = place.json(0, &bdk, &["dukpt", "ik", "--ksn", &ksn, "--show-secrets"]);
        assert_eq!(json["ik"], hex(&case.hex("Ik")));
        count += 1;
    }
    for case in cases("dukpt_aes", "dukpt_aes_derivation_key") {
        let (file, ksn) = keys(&case);
        let json = place.json(0, &file, &["dukpt", "derive", "--ksn", &ksn, "--show-secrets"]);
        assert_eq!(json["transaction_key"], hex(&case.hex("Derivation_key")));
        count += 1;
    }
    for case in cases("dukpt_aes", "dukpt_aes_working_key") {
        let (file, ksn) = keys(&case);
        let (name, key_type) = (case.text("Usage"), case.text("Key_type"));
        if name.starts_with("key_derivation") {
            // On the way to the transaction key: no working key.
            case.discard();
            inner += 1;
            continue;
        }
        let usage = usage(&name);
        let args = [
            "dukpt",
            "derive",
            "--ksn",
            &ksn,
            "--key-type",
            &key_type,
            "--usage",
            usage,
        ];
        let json = place.json(0, &file, &[&args[..], &["--show-secrets"]].concat());
        assert_eq!(keyed(&json, usage), hex(&case.hex("Working_key")), "{}", case.id());
        // Hidden unless asked for.
        let json = place.json(0, &file, &args);
        assert_eq!(json["working_keys"][0]["key"], Value::Null);
        count += 1;
    }
    for case in cases("dukpt_aes", "dukpt_aes_key_reject") {
        let (file, ksn) = keys(&case);
        let json = place.json(3, &file, &["dukpt", "derive", "--ksn", &ksn]);
        let name = json["error"]["library_name"].as_str().unwrap();
        assert!(name.starts_with("Counter"), "{json}");
        count += 1;
    }
    for case in cases("dukpt_aes", "dukpt_aes_update_key") {
        let (ik, id, key_type) = (hex(&case.hex("Ik")), hex(&case.hex("Ikid")), case.text("Key_type"));
        let ksn = format!("{id}00000000");
        let args = [
            "dukpt",
            "update-key",
            "--ksn",
            &ksn,
            "--key-type",
            &key_type,
            "--show-secrets",
        ];
        let json = place.json(0, &format!("ik = {ik}"), &args);
        assert_eq!(json["update_key"], hex(&case.hex("Update_key")));
        count += 1;
    }
    assert_eq!((count, inner), (2 + 46 + 93 + 9 + 4 - 1, 1));
}

#[test]
fn aes_pins() {
    let place = Place::new("aes-pins");
    let cases = cases("dukpt_aes", "dukpt_aes_pinblock4");
    assert_eq!(cases.len(), 8);
    for case in cases {
        let (file, ksn) = keys(&case);
        let (pin, pan, key_type) = (case.text("Pin"), case.text("Pan"), case.text("Key_type"));
        let (random, block) = (hex(&case.hex("Random")), hex(&case.hex("Encrypted_pinblock")));
        for step in ["Pin_field", "Pan_field", "Block_a", "Block_b"] {
            case.opt(step);
        }
        let of = ["--ksn", &ksn, "--pan", &pan, "--key-type", &key_type];
        let encrypt = [&["dukpt", "encrypt-pin", "--fill", &random], &of[..]].concat();
        assert_eq!(place.json(0, &format!("{file}pin = {pin}\n"), &encrypt)["block"], block);
        let decrypt = [&["dukpt", "decrypt-pin", "--show-secrets", "--block", &block], &of[..]].concat();
        assert_eq!(place.json(0, &file, &decrypt)["pin"], pin);
        let other = tampered(&block);
        let decrypt = [&["dukpt", "decrypt-pin", "--block", &other], &of[..]].concat();
        place.json(1, &file, &decrypt);
    }
}

#[test]
fn aes_macs_and_data() {
    let place = Place::new("aes-macs-and-data");
    let mut count = 0;
    for case in cases("dukpt_aes", "dukpt_aes_mac") {
        let (file, ksn) = keys(&case);
        let (name, key_type, algorithm) = (case.text("Usage"), case.text("Key_type"), case.text("Mac_alg"));
        let (msg, mac) = (hex(&case.hex("Msg")), hex(&case.hex("Mac")));
        let algorithm = if algorithm == "AES-CMAC" { "cmac" } else { "hmac-sha256" };
        let usage = usage(&name).strip_prefix("mac-").unwrap();
        let of = [
            "--ksn",
            &ksn,
            "--usage",
            usage,
            "--key-type",
            &key_type,
            "--data",
            &msg,
            "--algorithm",
            algorithm,
        ];
        let json = place.json(0, &file, &[&["dukpt", "mac"], &of[..]].concat());
        assert!(json["mac"].as_str().unwrap().starts_with(&mac), "{}", case.id());
        for (mac, status) in [(mac.clone(), 0), (tampered(&mac), 1)] {
            place.json(
                status,
                &file,
                &[&["dukpt", "verify-mac", "--mac", &mac], &of[..]].concat(),
            );
        }
        count += 1;
    }
    for case in cases("dukpt_aes", "dukpt_aes_data") {
        let (file, ksn) = keys(&case);
        let (name, key_type, mode) = (
            case.text("Usage"),
            case.text("Key_type"),
            case.text("Mode").to_lowercase(),
        );
        let (plain, secret) = (hex(&case.hex("Plaintext")), hex(&case.hex("Ciphertext")));
        let usage = usage(&name).strip_prefix("data-").unwrap();
        let mut of = vec![
            "--ksn",
            &ksn,
            "--usage",
            usage,
            "--key-type",
            &key_type,
            "--mode",
            &mode,
        ];
        let iv = case.opt_hex("Iv").map(|iv| hex(&iv));
        if let Some(iv) = &iv {
            of.extend(["--iv", iv]);
        }
        let json = place.json(
            0,
            &file,
            &[&["dukpt", "encrypt-data", "--data", &plain], &of[..]].concat(),
        );
        assert_eq!(json["ciphertext"], secret, "{}", case.id());
        let json = place.json(
            0,
            &file,
            &[&["dukpt", "decrypt-data", "--data", &secret], &of[..]].concat(),
        );
        assert_eq!(json["plaintext"], plain, "{}", case.id());
        count += 1;
    }
    assert_eq!(count, 26 + 21);
}

/// Counter mode takes data of any length and is its own inverse; the others take whole blocks.
#[test]
fn modes() {
    let place = Place::new("modes");
    let bdk = "FEDCBA9876543210F1F1F1F1F1F1F1F1";
    let of = ["--ksn", "123456789012345600000001", "--usage", "both"];
    let ctr = ["--mode", "ctr", "--iv", "000102030405060708090A0B0C0D0E0F"];
    let json = place.json(
        0,
        bdk,
        &[&["dukpt", "encrypt-data", "--text", "card data"], &of[..], &ctr].concat(),
    );
    let secret = json["ciphertext"].as_str().unwrap();
    assert_eq!((secret.len(), &json["mode"]), (18, &Value::from("CTR")));
    let json = place.json(
        0,
        bdk,
        &[&["dukpt", "decrypt-data", "--data", secret], &of[..], &ctr].concat(),
    );
    assert_eq!(json["plaintext_text"], "card data");
    for (args, says) in [
        (&["--text", "card data"][..], "whole blocks of 16 bytes"),
        (&["--data", "00", "--mode", "ecb", "--iv", "00"], "ECB takes none"),
        (
            &["--data", "00", "--iv", "0011"],
            "iv has 4 hexadecimal digits: 32 are needed",
        ),
        (&["--data", "00", "--mode", "cfb"], "one of cbc, ecb, ctr"),
        (&["--data", "00", "--key-type", "hmac128"], "no data-both key"),
    ] {
        let json = place.json(3, bdk, &[&["dukpt", "encrypt-data"], args, &of].concat());
        assert!(json["error"]["message"].as_str().unwrap().contains(says), "{json}");
    }
}

#[test]
fn ksns() {
    let place = Place::new("ksns");
    let mut count = 0;
    for family in ["dukpt_tdes", "dukpt_aes"] {
        for case in cases(family, "dukpt_ksn_advance") {
            case.text("Scheme");
            let ksn = hex(&case.hex("Ksn"));
            let run = place.run(&["dukpt", "ksn", "--ksn", &ksn, "--json"]);
            assert_eq!(run.status, 0);
            let expected = match case.value("Next_ksn") {
                vectors::Value::Text(_) => Value::Null,
                next => Value::from(hex(&next.hex())),
            };
            assert_eq!(run.json()["next"], expected);
            count += 1;
        }
    }
    assert_eq!(count, 8);

    let of = |ksn: &str| place.run(&["dukpt", "ksn", "--ksn", ksn, "--json"]).json();
    let json = of("FFFF9876543210E007FF");
    assert_eq!(
        (&json["valid"], &json["one_bits"], &json["next"]),
        (&Value::from(false), &Value::from(11), &Value::Null)
    );
    let json = of("FFFF9876543210FFF800");
    assert_eq!(
        (&json["remaining"], &json["number"]),
        (&Value::from(0), &Value::from(1_048_575))
    );
    let json = of("1234567890123456FFFF0000");
    assert_eq!(
        (&json["remaining"], &json["number"]),
        (&Value::from(0), &Value::from(2_448_023_842_u32))
    );
    assert_eq!(
        (&json["bdk_id"], &json["derivation_id"]),
        (&Value::from("12345678"), &Value::from("90123456"))
    );
    // The 8-byte form only on request.
    let run = place.run(&["dukpt", "ksn", "--ksn", "9876543210E00001"]);
    assert_eq!(run.status, 3);
    assert!(run.stderr.contains("--short-ksn"));
    let run = place.run(&["dukpt", "ksn", "--ksn", "9876543210E00001", "--short-ksn", "--json"]);
    assert_eq!(run.json()["ksn"], "FFFF9876543210E00001");
    // Counter 0 and the reserved one.
    for (ksn, name) in [
        ("FFFF9876543210E00000", "CounterZero"),
        ("123456789012345600000000", "CounterZero"),
        ("1234567890123456FFFFFFFF", "CounterReserved"),
        ("12345678901234560001FFFF", "CounterOverweight"),
    ] {
        let json = place.json(
            3,
            "FEDCBA9876543210F1F1F1F1F1F1F1F1",
            &["dukpt", "derive", "--ksn", ksn],
        );
        assert_eq!(json["error"]["library_name"], name);
    }
}

#[test]
fn why_it_does_not_match() {
    let place = Place::new("why");
    let notes = |status: i32, keys: &str, args: &[&str]| place.json(status, keys, args)["notes"].to_string();
    let bdk = "bdk = 0123456789ABCDEFFEDCBA9876543210\n";
    let ksn = ["--ksn", "FFFF9876543210E00001"];
    // The terminal's response MAC checked as a request MAC.
    let response = [
        &[
            "dukpt",
            "verify-mac",
            "--text",
            "4012345678909D987",
            "--mac",
            "20364223",
        ],
        &ksn[..],
    ]
    .concat();
    assert!(notes(1, bdk, &response).contains("--usage response"));
    // Padding method 2 where 1 was meant.
    let padding = [
        &[
            "dukpt",
            "verify-mac",
            "--text",
            "4012345678909D987",
            "--mac",
            "9CCC7817",
        ],
        &ksn[..],
        &["--padding", "2"],
    ];
    assert!(notes(1, bdk, &padding.concat()).contains("padding method 1"));
    // The PAN without its check digit.
    let pan = [
        &[
            "dukpt",
            "decrypt-pin",
            "--block",
            "1B9C1845EB993A7A",
            "--pan",
            "401234567890",
            "--short-pan",
        ],
        &ksn[..],
    ];
    let found = place.json(1, bdk, &pan.concat());
    assert!(found["notes"].to_string().contains("lacks its check digit"), "{found}");
    // The initial key in the place of the BDK, a KSN that is off by one, and no variant: PIN and MAC.
    let ik = "bdk = 6AC292FAA1315B4D858AB3A3D7D5933A\n";
    let pin = [
        "dukpt",
        "decrypt-pin",
        "--block",
        "1B9C1845EB993A7A",
        "--pan",
        "4012345678909",
        "--ksn",
    ];
    let mac = [
        "dukpt",
        "verify-mac",
        "--text",
        "4012345678909D987",
        "--mac",
        "9CCC7817",
        "--ksn",
    ];
    for args in [&pin[..], &mac] {
        assert!(
            notes(1, ik, &[args, &["FFFF9876543210E00001"]].concat()).contains("its name is ik"),
            "{args:?}"
        );
        let found = notes(1, bdk, &[args, &["FFFF9876543210E00003"]].concat());
        assert!(found.contains("right for KSN FFFF9876543210E00001"), "{args:?} {found}");
    }
    let key = "key = 042666B49184CFA368DE9628D0397BC9\npin = 1234\n";
    let block = place.json(0, key, &["pin", "encrypt", "--format", "0", "--pan", "4012345678909"]);
    let block = block["block"].as_str().unwrap();
    let pin = [
        "dukpt",
        "decrypt-pin",
        "--block",
        block,
        "--pan",
        "4012345678909",
        "--ksn",
        "FFFF9876543210E00001",
    ];
    assert!(notes(1, bdk, &pin).contains("transaction key itself"));
    // A key of the other scheme.
    let long = "bdk = FEDCBA9876543210F1F1F1F1F1F1F1F1FEDCBA9876543210";
    let json = place.json(3, long, &[&["dukpt", "ik"], &ksn[..]].concat());
    assert!(json["error"]["message"].as_str().unwrap().contains("have 16 bytes"));
}
