// SPDX-License-Identifier: MIT OR Apache-2.0
//! `payhsm-tool keyblock` against published blocks: `vectors/tr31.txt`.

#[path = "../../tests/common/vectors.rs"]
mod vectors;

mod tool;

use serde_json::{Value, json};
use tool::{Place, hex};
use vectors::cases;

const KBPK: &str = "88E1AB2A2E3DD38C1FA039A536500CC8A87AB9D62DC92C01058FA79F44657DE6";
const KEY: &str = "3F419E1CB7079442AA37474C2EFBF8B8";
/// TR-31:2018 A.7.4.
const BLOCK: &str = "D0112P0AE00E0000B82679114F470F540165EDFBF7E250FCEA43F810D215F8D2\
    07E2E417C07156A27E8E31DA05F7425509593D03A457DC34";

fn decode(place: &Place, block: &str) -> Value {
    place.run(&["keyblock", "decode", "--block", block, "--json"]).json()
}

#[test]
fn published_blocks() {
    let place = Place::new("published-blocks");
    let cases = cases("tr31", "tr31_unwrap");
    assert_eq!(cases.len(), 55);
    for case in cases {
        let (kbpk, block, key) = (hex(&case.hex("Kbpk")), case.text("Key_block"), hex(&case.hex("Key")));
        place.write("block", &block);
        let unwrap = ["keyblock", "unwrap", "--block-file", "block"];
        let json = place.json(0, &kbpk, &[&unwrap[..], &["--show-secrets"]].concat());
        assert_eq!(json["key"], key, "{}", case.id());
        assert_eq!(json["verified"], true);
        for (name, attribute) in [
            ("version", "Version"),
            ("usage", "Usage"),
            ("algorithm", "Algorithm"),
            ("mode", "Mode"),
            ("key_version", "Key_version"),
            ("exportability", "Exportability"),
        ] {
            assert_eq!(json[name]["value"], case.text(attribute), "{} {name}", case.id());
            assert_ne!(json[name]["meaning"], "not defined");
        }
        let blocks: Vec<Value> = json["optional_blocks"].as_array().unwrap().clone();
        let stated = case.list("Optional_blocks");
        assert_eq!(blocks.len(), stated.len(), "{}", case.id());
        for (block, stated) in blocks.iter().zip(&stated) {
            assert_eq!(
                (block["id"].as_str(), block["data"].as_str()),
                (
                    Some(stated.list()[0].text().as_str()),
                    Some(stated.list()[1].text().as_str())
                )
            );
        }
        let _ = case.opt("Padding");
        case.discard();

        let run = place.run_with(&kbpk, &[&unwrap[..], &["--key-file", "-"]].concat());
        assert!(run.status == 0 && !run.all().contains(&key), "{run:?}");
        // The other way round: one character of the authenticator.
        let (rest, last) = block.split_at(block.len() - 1);
        place.write("block", &format!("{rest}{}", if last == "0" { '1' } else { '0' }));
        let json = place.json(1, &kbpk, &unwrap);
        assert_eq!(json["verified"], false);
        assert_eq!(json["key"], Value::Null);
    }
}

#[test]
fn refused_blocks() {
    let place = Place::new("refused-blocks");
    let cases = cases("tr31", "tr31_unwrap_reject");
    assert_eq!(cases.len(), 32);
    for case in cases {
        place.write("block", &case.text("Key_block"));
        let args = [
            "keyblock",
            "unwrap",
            "--block-file",
            "block",
            "--key-file",
            "-",
            "--json",
        ];
        let run = place.run_with(&hex(&case.hex("Kbpk")), &args);
        assert!(matches!(run.status, 1 | 3), "{} {run:?}", case.id());
        assert_eq!(run.json()["key"], Value::Null);
        case.discard();
    }
}

/// Every published header that must be refused is, and the place is the one that is broken.
#[test]
fn refused_headers() {
    let place = Place::new("refused-headers");
    let cases = cases("tr31", "tr31_header_reject");
    assert_eq!(cases.len(), 16);
    for case in cases {
        let header = case.text("Header");
        let run = place.run(&["keyblock", "decode", "--block", &header, "--json"]);
        assert_eq!(run.status, 3, "{} {run:?}", case.id());
        let verdict = &run.json()["profiles"]["tr31-2018"];
        assert_eq!(verdict["accepted"], false);
        assert!(
            verdict["library_name"]
                .as_str()
                .unwrap()
                .starts_with("KeyBlockOptional"),
            "{verdict}"
        );
        assert!(verdict["offset"].as_u64().unwrap() >= 12, "{verdict}");
    }
}

/// One change for each rule: which profiles refuse it, at which offset, as which error.
#[test]
fn rules_and_places() {
    let place = Place::new("rules");
    let change = |at: usize, with: &str| format!("{}{with}{}", &BLOCK[..at], &BLOCK[at + with.len()..]);
    let blocks = |count: &str, text: &str| {
        let block = format!("{}{count}00{text}{}", &BLOCK[..12], &BLOCK[16..]);
        format!("D{:04}{}", block.len(), &block[5..])
    };
    let all = ["x9143-strict", "tr31-2018", "iso20038"];
    let strict = ["x9143-strict"];
    for (block, offset, name, profiles) in [
        (change(0, "F"), 0, "KeyBlockVersion", &all[..]),
        (change(1, "0111"), 1, "KeyBlockLength", &all),
        (change(1, "01X2"), 1, "KeyBlockLength", &all),
        (change(5, "P7"), 5, "KeyBlockUsage", &all),
        (change(5, "10"), 5, "KeyBlockUsage", &strict),
        (change(7, "H"), 7, "KeyBlockAlgorithm", &strict),
        (change(7, "Q"), 7, "KeyBlockAlgorithm", &all),
        (change(8, "X"), 8, "KeyBlockMode", &strict),
        (change(8, "Q"), 8, "KeyBlockMode", &all),
        (change(9, "*1"), 9, "KeyBlockKeyVersion", &all),
        (change(11, "Q"), 11, "KeyBlockExportability", &all),
        (change(11, "1"), 11, "KeyBlockExportability", &strict),
        (change(12, "X0"), 12, "KeyBlockOptionalCount", &all),
        (change(14, "3"), 14, "KeyBlockReserved", &all),
        (change(15, "1"), 15, "KeyBlockReserved", &all),
        (change(20, "a"), 20, "KeyBlockEncoding", &all),
        (blocks("01", "LB10label-of-key"), 0, "", &[]),
        (blocks("01", "KS10DE#GBIC#OPT1"), 16, "KeyBlockOptional", &strict),
        (blocks("02", "LB08abcdLB08abcd"), 24, "KeyBlockOptional", &all),
        (blocks("02", "PB08abcdLB08abcd"), 16, "KeyBlockOptional", &all),
        (blocks("01", "LB0Blabel-1"), 27, "KeyBlockOptional", &all),
        (blocks("01", "KC100208793E25AB"), 16, "KeyBlockOptional", &all),
        (blocks("01", "LB0002001Alabel-of-key-16c"), 42, "KeyBlockOptional", &all),
        (
            blocks("01", "LB00020020label-of-key-16c--8901"),
            16,
            "KeyBlockOptional",
            &strict,
        ),
        (blocks("01", "LB00040020label-of-key-16c--8901"), 0, "", &[]),
    ] {
        let json = decode(&place, &block);
        for profile in all {
            let verdict = &json["profiles"][profile];
            let refused = profiles.contains(&profile);
            assert_eq!(verdict["accepted"], !refused, "{block} {profile} {verdict}");
            if refused && (profile != "x9143-strict" || !block[16..].starts_with("LB0002001A")) {
                assert_eq!(verdict["offset"], offset, "{block} {profile} {verdict}");
                assert_eq!(verdict["library_name"], name, "{block} {profile} {verdict}");
                assert!(!verdict["rule"].as_str().unwrap().is_empty());
            }
        }
    }
    // Words say what would fit.
    let rule = |block: &str| {
        decode(&place, block)["profiles"]["x9143-strict"]["rule"]
            .as_str()
            .unwrap()
            .to_owned()
    };
    assert!(rule(&change(8, "X")).contains("usage P0 goes with B, D, E, N"));
    assert!(rule(&change(7, "H")).contains("usage P0 goes with A, T"));
    assert!(rule(&change(1, "0111")).contains("says 111 and the block has 112"));
    assert!(rule(&change(0, "E")).contains("this profile has B, C, D"));
    // A named profile alone decides.
    let args = [
        "keyblock",
        "decode",
        "--block",
        &change(8, "X"),
        "--profile",
        "x9143-strict",
    ];
    assert_eq!(place.run(&args).status, 3);
    let args = ["keyblock", "decode", "--block", &change(8, "X")];
    assert_eq!(place.run(&args).status, 0);
}

/// What optional blocks say.
#[test]
fn optional_blocks_in_words() {
    let place = Place::new("words");
    for (block, says) in [
        ("AL080100", "ephemeral"),
        ("BI100008793E2500", "TDES DUKPT, key set 08793E2500"),
        ("BI0E0108793E25", "AES DUKPT, BDK id 08793E25"),
        ("CT1402000004MIIB01", ""),
        ("DA1001D2ABND3AEN", "may derive D2ABN, D3AEN"),
        ("HM0621", "SHA-256"),
        ("IK141234567890123456", "BDK id 12345678, derivation id 90123456"),
        ("KC1008D7B4", ""),
        ("KC0C0008D7B4", "legacy 08D7B4"),
        ("PK10019876543210", "CMAC 9876543210"),
        ("TS1320200818004100Z", "2020-08-18 00:41:00 UTC"),
        ("TS1320201818004100Z", ""),
        ("WP07003", "once protected by a weaker and by an asymmetric key"),
        ("99081234", ""),
    ] {
        let json = decode(&place, &format!("B0000B3TX00N0100{block}"));
        let found = &json["optional_blocks"][0];
        let expected = if says.is_empty() { Value::Null } else { json!(says) };
        assert_eq!(found["detail"], expected, "{json}");
    }
}

/// Blocks cut anywhere and with any character changed: an answer, never a panic.
#[test]
fn broken_anywhere() {
    let place = Place::new("broken");
    let block = "B0120B1TX00N0300KS10DE#GBIC#OPT1KC0C000169E3KP0C00ECAD62";
    for end in 0..block.len() {
        let run = place.run(&["keyblock", "decode", &format!("--block={}", &block[..end]), "--json"]);
        assert_eq!(run.status, 3, "{run:?}");
        for with in ["~", "0", "F"] {
            let changed = format!("{}{with}{}", &block[..end], &block[end + 1..]);
            let run = place.run(&["keyblock", "decode", &format!("--block={changed}"), "--json"]);
            assert_eq!(run.status, 3, "{run:?}");
        }
    }
    let run = place.run(&["keyblock", "decode", "--block", "D0112P0AE00E00\u{e9}0"]);
    assert_eq!(run.status, 3);
}

#[test]
fn wrapped_and_opened() {
    let place = Place::new("wrapped");
    let tdes = "89E88CF7931444F334BD7547FC3F380C";
    for (version, kbpk) in [("A", tdes), ("B", tdes), ("C", tdes), ("D", KBPK), ("E", KBPK)] {
        let header = format!("{version}0000P0AE00E0000");
        let file = format!("key = {KEY}\nkbpk = {kbpk}\n");
        let wrap = [
            "keyblock",
            "wrap",
            "--header",
            &header,
            "--check-values",
            "both",
            "--optional",
            "LB=hello",
        ];
        let json = place.json(0, &file, &wrap);
        let block = json["block"].as_str().unwrap();
        let again = place.json(0, &file, &wrap);
        assert_ne!(again["block"], block, "random padding");
        let json = place.json(0, &file, &["keyblock", "unwrap", "--block", block, "--show-secrets"]);
        assert_eq!(json["key"], KEY);
        assert_eq!(json["optional_blocks"][0]["data"], "hello");
        // Another KBPK: KP tells.
        let other = format!("kbpk = {}", kbpk.replace("89E8", "8AE8").replace("88E1", "8AE1"));
        let json = place.json(1, &other, &["keyblock", "unwrap", "--block", block]);
        assert!(
            json["notes"][0].as_str().unwrap().starts_with("KP in the block says"),
            "{json}"
        );
        // From each version to each.
        for (to, new) in [("B", tdes), ("C", tdes), ("D", KBPK), ("E", KBPK)] {
            let file = format!("kbpk = {kbpk}\nnew-kbpk = {new}\n");
            let translate = [
                "keyblock",
                "translate",
                "--block",
                block,
                "--to",
                to,
                "--exportability",
                "N",
            ];
            let json = place.json(0, &file, &translate);
            let new_block = json["block"].as_str().unwrap();
            assert!(new_block.starts_with(to) && !json.to_string().contains(KEY));
            let file = format!("kbpk = {new}\n");
            let json = place.json(
                0,
                &file,
                &["keyblock", "unwrap", "--block", new_block, "--show-secrets"],
            );
            assert_eq!(
                (&json["key"], &json["exportability"]["value"]),
                (&json!(KEY), &json!("N"))
            );
            // Never wider.
            let file = format!("kbpk = {new}\nnew-kbpk = {new}\n");
            let json = place.json(
                3,
                &file,
                &["keyblock", "translate", "--block", new_block, "--exportability", "E"],
            );
            assert_eq!(json["error"]["library_name"], "ExportNotPermitted");
        }
    }
    // WP gets worse under a weaker key, and the mode narrower only.
    let file = format!("key = {KBPK}\nkbpk = {KBPK}\n");
    let wrap = [
        "keyblock",
        "wrap",
        "--header",
        "D0000P0AB00E0000",
        "--optional",
        "WP=000",
    ];
    let json = place.json(0, &file, &wrap);
    let block = json["block"].as_str().unwrap();
    let file = format!("kbpk = {KBPK}\nnew-kbpk = {KEY}\n");
    let json = place.json(0, &file, &["keyblock", "translate", "--block", block, "--mode", "D"]);
    assert!(json["notes"].to_string().contains("new-kbpk is weaker"), "{json}");
    let decoded = decode(&place, json["block"].as_str().unwrap());
    assert_eq!(
        (&decoded["optional_blocks"][0]["data"], &decoded["mode"]["value"]),
        (&json!("001"), &json!("D"))
    );
    let json = place.json(3, &file, &["keyblock", "translate", "--block", block, "--mode", "N"]);
    assert_eq!(json["error"]["library_name"], "ModeNotPermitted");

    let file = format!("key = {KEY}\nkbpk = {KBPK}\n");
    for (args, says) in [
        (&["--header", "D0000P0AE00E000"][..], "15 characters"),
        (&["--header", "D0000P0AE00E0100"], "--optional"),
        (&["--header", "D0000Q0AE00E0000"], "at 5"),
        (&["--header", "D0000P0AE00E0000", "--optional", "LB"], "ID=DATA"),
        (&["--header", "D0000P0AE00E0000", "--optional", "PB=00"], "not PB"),
        (&["--header", "B0000P0AE00E0000"], "TDES key of 16 or 24 bytes"),
        (
            &["--header", "D0000P0TE00E0000", "--hide-length", "many"],
            "whole number",
        ),
    ] {
        let json = place.json(3, &file, &[&["keyblock", "wrap"], args].concat());
        assert!(json["error"]["message"].as_str().unwrap().contains(says), "{json}");
    }
    // What the strict profile would refuse is said, and a weak KBPK too.
    let json = place.json(0, &file, &["keyblock", "wrap", "--header", "D0000P0AX00E0000"]);
    assert!(json["notes"].to_string().contains("x9143-strict refuses"));
    let weak = format!("key = {KBPK}\nkbpk = {KEY}\n");
    let json = place.json(0, &weak, &["keyblock", "wrap", "--header", "D0000P0AE00E0000"]);
    assert!(json["notes"].to_string().contains("weaker than the key"));
}

/// The lengths of published exports.
#[test]
fn exported_lengths() {
    let place = Place::new("exported");
    let mut count = 0;
    for case in cases("tr31", "tr31_export_shape") {
        let (kbpk, key) = (hex(&case.hex("Kbpk")), hex(&case.hex("Key")));
        let (prefix, hidden, len) = (
            case.text("Header_prefix"),
            case.bool("Key_length_obfuscation"),
            case.int("Length"),
        );
        case.discard();
        let header = format!("{}0000{}00{}", &prefix[..1], &prefix[5..12], &prefix[14..16]);
        let optional: Vec<String> = decode(&place, &prefix)["optional_blocks"]
            .as_array()
            .unwrap()
            .iter()
            .filter(|block| block["id"] != "PB")
            .map(|block| format!("{}={}", block["id"].as_str().unwrap(), block["data"].as_str().unwrap()))
            .collect();
        let mut args = vec!["keyblock", "wrap", "--header", &header];
        args.extend(["--hide-length", if hidden { "longest" } else { "none" }]);
        for block in &optional {
            args.extend(["--optional", block]);
        }
        let json = place.json(0, &format!("kbpk = {kbpk}\nkey = {key}\n"), &args);
        assert_eq!(
            json["block"].as_str().unwrap().len(),
            usize::try_from(len).unwrap(),
            "{} {json}",
            case.id()
        );
        count += 1;
    }
    assert_eq!(count, 10);
}
