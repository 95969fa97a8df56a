// SPDX-License-Identifier: MIT OR Apache-2.0
//! `payhsm-tool pin` against published values: `vectors/pinblock.txt`, `vectors/card_verification.txt`.

#[path = "../../tests/common/vectors.rs"]
mod vectors;

mod tool;

use serde_json::Value;
use tool::{Place, hex};
use vectors::{Case, cases};

/// The digits behind the PIN.
fn fill(case: &Case) -> Option<String> {
    case.opt_text("Fill").filter(|fill| !fill.is_empty())
}

/// Refused, or no PIN: neither is a success.
fn refused(run: &tool::Run, id: &str) {
    assert!(matches!(run.status, 1..=3), "{id} {run:?}");
    assert!(!run.stdout.contains("\"ok\": true"), "{id} {run:?}");
}

#[test]
fn clear_blocks() {
    let place = Place::new("clear-blocks");
    let mut count = 0;
    for case in cases("pinblock", "pinblock_encode") {
        let (format, pin, block) = (
            case.int("Format").to_string(),
            case.text("Pin"),
            hex(&case.hex("Pinblock")),
        );
        let (pan, fill) = (case.opt_text("Pan"), fill(&case));
        let mut args = vec!["pin", "encode", "--format", &format, "--show-secrets"];
        let mut read = vec!["pin", "decode", "--format", &format, "--show-secrets"];
        if let Some(pan) = &pan {
            args.extend(["--pan", pan]);
            read.extend(["--pan", pan]);
        }
        if let Some(fill) = &fill {
            args.extend(["--fill", fill]);
        }
        let json = place.json(0, &pin, &args);
        assert_eq!(json["clear_block"], block, "{}", case.id());
        assert_eq!(place.json(0, &block, &read)["pin"], pin, "{}", case.id());
        count += 1;
    }
    for case in cases("pinblock", "pinblock_decode") {
        let (format, pin, block) = (
            case.int("Format").to_string(),
            case.text("Pin"),
            hex(&case.hex("Pinblock")),
        );
        let pan = case.opt_text("Pan");
        let mut args = vec!["pin", "decode", "--format", &format];
        if let Some(pan) = &pan {
            args.extend(["--pan", pan]);
        }
        assert_eq!(place.json(0, &block, &args)["pin"], Value::Null);
        args.push("--show-secrets");
        assert_eq!(place.json(0, &block, &args)["pin"], pin, "{}", case.id());
        count += 1;
    }
    for case in cases("pinblock", "pinblock_decode_reject") {
        let (format, block) = (case.int("Format").to_string(), hex(&case.hex("Pinblock")));
        let pan = case.opt_text("Pan");
        let mut args = vec!["pin", "decode", "--format", &format, "--key-file", "-", "--json"];
        if let Some(pan) = &pan {
            args.extend(["--pan", pan]);
        }
        refused(&place.run_with(&block, &args), case.id());
        count += 1;
    }
    for case in cases("pinblock", "pinblock_encode_reject") {
        let (format, pin) = (case.int("Format").to_string(), case.text("Pin"));
        let (pan, fill) = (case.opt_text("Pan"), fill(&case));
        let mut args = vec!["pin", "encode", "--format", &format, "--key-file", "-", "--json"];
        if let Some(pan) = &pan {
            args.extend(["--pan", pan]);
        }
        if let Some(fill) = &fill {
            args.extend(["--fill", fill]);
        }
        refused(&place.run_with(&format!("pin = {pin}"), &args), case.id());
        count += 1;
    }
    for case in cases("pinblock", "iso4_pin_field") {
        let (pin, random, field) = (case.text("Pin"), hex(&case.hex("Random")), hex(&case.hex("Pin_field")));
        let args = [
            "pin",
            "encode",
            "--format",
            "4",
            "--pan",
            "4111111111111111",
            "--fill",
            &random,
        ];
        assert_eq!(place.json(0, &pin, &args)["pin_field"], Value::Null);
        let json = place.json(0, &pin, &[&args[..], &["--show-secrets"]].concat());
        assert_eq!(json["pin_field"], field);
        count += 1;
    }
    assert_eq!(count, 21 + 6 + 23 + 15 + 5);
}

#[test]
fn enciphered_blocks() {
    let place = Place::new("enciphered-blocks");
    let mut count = 0;
    for case in cases("pinblock", "pinblock_encipher") {
        let (format, key, pin) = (case.int("Format").to_string(), hex(&case.hex("Key")), case.text("Pin"));
        let (pan, block) = (case.text("Pan"), hex(&case.hex("Encrypted")));
        let of = ["--format", &format, "--pan", &pan];
        let file = format!("key = {key}\npin = {pin}\n");
        let json = place.json(0, &file, &[&["pin", "encrypt"], &of[..]].concat());
        assert_eq!(json["block"], block);
        let decrypt = [&["pin", "decrypt", "--block", &block, "--show-secrets"], &of[..]].concat();
        assert_eq!(place.json(0, &key, &decrypt)["pin"], pin);
        count += 1;
    }
    for case in cases("pinblock", "iso4_encipher") {
        let (key, pin, pan) = (hex(&case.hex("Key")), case.text("Pin"), case.text("Pan"));
        let (random, block) = (case.opt_hex("Random"), hex(&case.hex("Pinblock")));
        for step in ["Pin_field", "Pan_field", "Block_a", "Block_b"] {
            case.opt(step);
        }
        let of = ["--format", "4", "--pan", &pan];
        if let Some(random) = random {
            let file = format!("key = {key}\npin = {pin}\n");
            let json = place.json(
                0,
                &file,
                &[&["pin", "encrypt", "--fill", &hex(&random)], &of[..]].concat(),
            );
            assert_eq!(json["block"], block);
        }
        let decrypt = [&["pin", "decrypt", "--block", &block, "--show-secrets"], &of[..]].concat();
        assert_eq!(place.json(0, &key, &decrypt)["pin"], pin);
        count += 1;
    }
    for case in cases("pinblock", "iso4_decipher_reject") {
        let (key, pan, block) = (hex(&case.hex("Key")), case.text("Pan"), hex(&case.hex("Pinblock")));
        let args = [
            "pin",
            "decrypt",
            "--format",
            "4",
            "--pan",
            &pan,
            "--block",
            &block,
            "--key-file",
            "-",
            "--json",
        ];
        refused(&place.run_with(&key, &args), case.id());
        count += 1;
    }
    assert_eq!(count, 2 + 5 + 5);
}

#[test]
fn translation() {
    let place = Place::new("translation");
    let mut count = 0;
    for case in cases("pinblock", "pinblock_translate") {
        let (from, to) = (case.int("Format_in").to_string(), case.int("Format_out").to_string());
        let (pan, pan_out) = (case.text("Pan_in"), case.text("Pan_out"));
        let file = format!(
            "key = {}\nnew-key = {}\n",
            hex(&case.hex("Key_in")),
            hex(&case.hex("Key_out"))
        );
        let (block, expected) = (hex(&case.hex("Encrypted_in")), hex(&case.hex("Encrypted_out")));
        let _ = (case.opt("Fill"), case.opt("Pin"));
        let of = ["pin", "translate", "--format", &from, "--to", &to, "--block", &block];
        if pan == pan_out && to != "1" && to != "3" {
            let json = place.json(0, &file, &[&of[..], &["--pan", &pan]].concat());
            assert_eq!(json["block"], expected);
        }
        count += 1;
    }
    assert_eq!(count, 2);

    // All pairs of formats: the matrix, and the PIN comes out as it went in.
    let tdes = "0123456789ABCDEFFEDCBA9876543210";
    let aes = "FEDCBA9876543210F1F1F1F1F1F1F1F1";
    let key = |format: &str| if format == "4" { aes } else { tdes };
    let pan = ["--pan", "4111111111111111"];
    let mut allowed = Vec::new();
    for from in ["0", "1", "2", "3", "4"] {
        let file = format!("key = {}\npin = 739205\n", key(from));
        let block = place.json(0, &file, &[&["pin", "encrypt", "--format", from], &pan[..]].concat());
        let block = block["block"].as_str().unwrap();
        for to in ["0", "1", "2", "3", "4"] {
            let file = format!("key = {}\nnew-key = {}\n", key(from), key(to));
            let args = ["pin", "translate", "--format", from, "--to", to, "--block", block];
            let args = [&args[..], &pan, &["--key-file", "-", "--json"]].concat();
            let run = place.run_with(&file, &args);
            if run.status == 0 {
                allowed.push(format!("{from}{to}"));
                let weaker = run.stdout.contains("weaker");
                assert_eq!(weaker, from == "4" && to != "4", "{run:?}");
                let new = run.json()["block"].as_str().unwrap().to_owned();
                let args = ["pin", "decrypt", "--format", to, "--block", &new, "--show-secrets"];
                assert_eq!(place.json(0, key(to), &[&args[..], &pan].concat())["pin"], "739205");
            } else {
                assert_eq!(
                    (run.status, &run.json()["error"]["library_name"]),
                    (3, &"FormatNotPermitted".into())
                );
            }
        }
    }
    let matrix = [
        "00", "03", "04", "10", "11", "13", "14", "30", "33", "34", "40", "43", "44",
    ];
    assert_eq!(allowed, matrix);
}

#[test]
fn visa_pvv() {
    let place = Place::new("pvv");
    let mut count = 0;
    for case in cases("card_verification", "visa_pvv") {
        let (pvk, index) = (hex(&case.hex("Pvk")), case.text("Pvki"));
        let (pin, pan, pvv) = (case.text("Pin"), case.text("Pan"), case.text("Pvv"));
        let file = format!("pvk = {pvk}\npin = {pin}\n");
        let of = ["--pvki", &index, "--pan", &pan];
        assert_eq!(place.json(0, &file, &[&["pin", "pvv"], &of[..]].concat())["pvv"], pvv);
        for (pvv, status) in [
            (pvv.clone(), 0),
            (format!("{:04}", (pvv.parse::<u32>().unwrap() + 1) % 10_000), 1),
        ] {
            let json = place.json(
                status,
                &file,
                &[&["pin", "verify-pvv", "--pvv", &pvv], &of[..]].concat(),
            );
            assert_eq!(json["verified"], status == 0);
        }
        count += 1;
    }
    for case in cases("card_verification", "visa_pvv_reject") {
        let file = format!("pvk = {}\npin = {}\n", hex(&case.hex("Pvk")), case.text("Pin"));
        let (index, pan) = (case.text("Pvki"), case.text("Pan"));
        let args = [
            "pin",
            "pvv",
            "--pvki",
            &index,
            "--pan",
            &pan,
            "--key-file",
            "-",
            "--json",
        ];
        refused(&place.run_with(&file, &args), case.id());
        count += 1;
    }
    assert_eq!(count, 8 + 9);
}

/// Validation data as digits of a PAN and a pad.
fn validation(data: &str) -> (String, String) {
    let digits: String = data.chars().take_while(char::is_ascii_digit).collect();
    let pad = data.chars().last().filter(|c| !c.is_ascii_digit()).unwrap_or('0');
    let rule = format!("0,{},{pad}", digits.len());
    (format!("{digits:0<19}"), rule)
}

#[test]
fn ibm_3624() {
    let place = Place::new("ibm");
    let mut count = 0;
    for case in cases("card_verification", "ibm3624_natural_pin") {
        let (pvk, table) = (hex(&case.hex("Pvk")), case.text("Decimalization_table"));
        let (pan, rule) = validation(&hex(&case.hex("Validation_data")));
        let args = [
            "pin",
            "ibm-pin",
            "--pan",
            &pan,
            "--validation",
            &rule,
            "--table",
            &table,
        ];
        let pin = case.text("Natural_pin");
        assert_eq!(place.json(0, &pvk, &args)["pin"], Value::Null);
        let json = place.json(0, &pvk, &[&args[..], &["--show-secrets"]].concat());
        assert_eq!(json["pin"], pin, "{}", case.id());
        count += 1;
    }
    for case in cases("card_verification", "ibm3624_offset") {
        let (pvk, table) = (hex(&case.hex("Pvk")), case.text("Decimalization_table"));
        let (pan, rule) = validation(&hex(&case.hex("Validation_data")));
        let (pin, offset) = (case.text("Pin"), case.text("Offset"));
        let of = ["--pan", &pan, "--validation", &rule, "--table", &table];
        let file = format!("pvk = {pvk}\npin = {pin}\n");
        let json = place.json(0, &file, &[&["pin", "ibm-offset"], &of[..]].concat());
        assert_eq!(json["offset"], offset, "{}", case.id());
        let back = [&["pin", "ibm-pin", "--offset", &offset, "--show-secrets"], &of[..]].concat();
        assert_eq!(place.json(0, &pvk, &back)["pin"], pin);
        let wrong = format!("{}{}", &offset[1..], (offset.as_bytes()[0] + 1 - b'0') % 10);
        for (offset, status) in [(&offset, 0), (&wrong, 1)] {
            if status == 1 && *offset == json["offset"].as_str().unwrap() {
                continue;
            }
            let verify = [&["pin", "verify-ibm", "--offset", offset], &of[..]].concat();
            assert_eq!(place.json(status, &file, &verify)["verified"], status == 0);
        }
        count += 1;
    }
    for case in cases("card_verification", "ibm3624_reject") {
        let (pvk, table, pan) = (
            hex(&case.hex("Pvk")),
            case.text("Decimalization_table"),
            case.text("Pan"),
        );
        let rule = format!(
            "{},{},{}",
            case.int("Pan_offset"),
            case.int("Pan_length"),
            case.text("Pan_pad")
        );
        let (offset, pin) = (case.opt_text("Offset"), case.opt_text("Pin"));
        let of = [
            format!("--pan={pan}"),
            format!("--validation={rule}"),
            format!("--table={table}"),
        ];
        let of: Vec<&str> = of.iter().map(String::as_str).collect();
        let (file, action, offset) = match (&offset, &pin) {
            (Some(offset), _) => (format!("pvk = {pvk}\n"), "ibm-pin", format!("--offset={offset}")),
            (_, Some(pin)) => (format!("pvk = {pvk}\npin = {pin}\n"), "ibm-offset", String::new()),
            _ => panic!("{}", case.id()),
        };
        let mut args = vec!["pin", action, "--key-file", "-", "--json"];
        args.extend(of);
        if !offset.is_empty() {
            args.push(&offset);
        }
        refused(&place.run_with(&file, &args), case.id());
        count += 1;
    }
    assert_eq!(count, 5 + 9 + 22);
}
