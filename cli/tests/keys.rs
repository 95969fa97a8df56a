// SPDX-License-Identifier: MIT OR Apache-2.0
//! `payhsm-tool mac`, `kcv` and `components` against published values: `vectors/mac.txt`, `vectors/key_management.txt`.

#[path = "../../tests/common/vectors.rs"]
mod vectors;

mod tool;

use serde_json::Value;
use tool::{Place, hex};
use vectors::cases;

fn tampered(text: &str) -> String {
    let (rest, last) = text.split_at(text.len() - 1);
    format!("{rest}{}", if last == "1" { '2' } else { '1' })
}

/// Generates, verifies, or verifies a wrong one, by turns: a run takes longer than a MAC.
fn check(place: &Place, turn: usize, id: &str, key: &str, of: &[&str], mac: &str) {
    if turn.is_multiple_of(3) {
        let json = place.json(0, key, &[&["mac", "generate"], of].concat());
        assert!(json["mac"].as_str().unwrap().starts_with(mac), "{id} {json}");
        return;
    }
    let wrong = turn % 3 == 2;
    let mac = if wrong { tampered(mac) } else { mac.to_owned() };
    let json = place.json(i32::from(wrong), key, &[&["mac", "verify", "--mac", &mac], of].concat());
    assert_eq!(json["verified"], !wrong, "{id}");
}

#[test]
fn published_macs() {
    let place = Place::new("published-macs");
    let (mut count, mut left_out) = (0_usize, 0_usize);
    for case in cases("mac", "cmac") {
        let (cipher, key) = (case.text("Cipher"), hex(&case.hex("Key")));
        let (msg, mac) = (hex(&case.hex("Msg")), hex(&case.hex("Mac")));
        let of = ["--algorithm", "cmac", "--cipher", &cipher, "--data", &msg];
        check(&place, count, case.id(), &key, &of, &mac);
        count += 1;
    }
    for case in cases("mac", "hmac") {
        let (hash, key) = (case.text("Hash"), hex(&case.hex("Key")));
        let (msg, mac) = (hex(&case.hex("Msg")), hex(&case.hex("Mac")));
        // Other hashes, and keys longer than a key block carries, are not in the library.
        if !matches!(hash.as_str(), "sha256" | "sha384" | "sha512") || key.len() > 128 {
            left_out += 1;
            continue;
        }
        let algorithm = format!("hmac-{hash}");
        check(
            &place,
            count,
            case.id(),
            &key,
            &["--algorithm", &algorithm, "--data", &msg],
            &mac,
        );
        count += 1;
    }
    for case in cases("mac", "iso9797_1_mac") {
        let (algorithm, padding, key) = (case.int("Algorithm"), case.int("Padding"), hex(&case.hex("Key")));
        let (msg, mac) = (hex(&case.hex("Msg")), hex(&case.hex("Mac")));
        let (key2, iv) = (case.opt_hex("Key2"), case.opt_hex("Iv"));
        case.discard();
        // Method 0, none, is method 1 for whole blocks.
        let padding = if padding == 0 && !msg.is_empty() && msg.len() % 16 == 0 {
            1
        } else {
            padding
        };
        let key = format!("{key}{}", key2.map(|key| hex(&key)).unwrap_or_default());
        let algorithm = match (algorithm, key.len()) {
            _ if iv.is_some() || padding == 0 => None,
            (1, _) => Some("cbc"),
            (2, 32) => Some("alg2"),
            (3, 32) => Some("retail"),
            (4, 32) => Some("alg4"),
            _ => None,
        };
        let Some(algorithm) = algorithm else {
            left_out += 1;
            continue;
        };
        let padding = padding.to_string();
        let of = ["--algorithm", algorithm, "--padding", &padding, "--data", &msg];
        check(&place, count, case.id(), &key, &of, &mac);
        count += 1;
    }
    for case in cases("mac", "cup_ecb_mac") {
        let (key, msg, mac) = (hex(&case.hex("Key")), hex(&case.hex("Mab")), hex(&case.hex("Mac")));
        case.discard();
        let of = ["--algorithm", "unionpay", "--data", &msg];
        check(&place, count, case.id(), &key, &of, &mac);
        count += 1;
    }
    assert_eq!((count + left_out, left_out), (332 + 33 + 50 + 3, 10));
}

/// UnionPay's MAC is text: given as its bytes or as its characters.
#[test]
fn a_mac_of_characters() {
    let place = Place::new("characters");
    let key = "2222222222222222";
    let of = ["--algorithm", "unionpay", "--data", "1234567890ABCDEFABCDEF1234567890"];
    let json = place.json(0, key, &[&["mac", "generate"], &of[..]].concat());
    assert_eq!(
        (&json["mac"], &json["mac_text"]),
        (&"4532363742364532".into(), &"E267B6E2".into())
    );
    for (mac, status) in [("4532363742364532", 0), ("E267B6E2", 0), ("E267B6E3", 1)] {
        place.json(status, key, &[&["mac", "verify", "--mac", mac], &of[..]].concat());
    }
}

#[test]
fn why_a_mac_does_not_match() {
    let place = Place::new("why-mac");
    let key = "7CA110454A1A6E570131D9619DC1376E";
    let mac = place.json(
        0,
        key,
        &[
            "mac",
            "generate",
            "--algorithm",
            "retail",
            "--padding",
            "2",
            "--text",
            "abc",
        ],
    );
    let mac = mac["mac"].as_str().unwrap();
    let json = place.json(
        1,
        key,
        &["mac", "verify", "--algorithm", "cbc", "--text", "abc", "--mac", mac],
    );
    let notes = json["notes"].to_string();
    assert!(notes.contains("algorithm 3") && notes.contains("method 2"), "{notes}");
    // A key that the algorithm does not take.
    let json = place.json(
        3,
        "0123456789ABCDEF01",
        &["mac", "generate", "--algorithm", "cmac", "--text", "a"],
    );
    assert!(
        json["error"]["message"]
            .as_str()
            .unwrap()
            .contains("16, 24 or 32 bytes"),
        "{json}"
    );
    let of = [
        "mac",
        "generate",
        "--algorithm",
        "cmac",
        "--padding",
        "1",
        "--text",
        "a",
    ];
    place.json(3, key, &of);
    let of = [
        "mac",
        "generate",
        "--algorithm",
        "retail",
        "--length",
        "9",
        "--text",
        "a",
    ];
    assert!(
        place.json(3, key, &of)["error"]["message"]
            .as_str()
            .unwrap()
            .contains("1 to 8")
    );
    // The data from a file and from standard input.
    place.write("data", "abc");
    place.write("mac.key", key);
    let of = [
        "mac",
        "generate",
        "--algorithm",
        "retail",
        "--padding",
        "2",
        "--key-file",
        "mac.key",
        "--json",
    ];
    for (file, input) in [("data", ""), ("-", "abc")] {
        let run = place.run_with(input, &[&of[..], &["--data-file", file]].concat());
        assert_eq!(run.json()["mac"], mac);
    }
}

#[test]
fn check_values() {
    let place = Place::new("check-values");
    let mut count = 0;
    for case in cases("key_management", "kcv") {
        let (method, key, kcv) = (case.text("Method"), hex(&case.hex("Key")), hex(&case.hex("Kcv")));
        let algorithm = match method.split_once('_').unwrap().0 {
            "tdes" if key.len() == 16 => "des",
            other => other,
        };
        let (field, said) = match method.as_str() {
            "tdes_ecb_zero" | "aes_ecb_zero" => ("legacy_whole", true),
            "aes_cmac_zero" | "tdes_cmac_zero" => ("cmac_whole", true),
            "hmac_sha256_zero16" => ("hmac_zeros", true),
            "hmac_sha256_empty" => ("hmac_empty", true),
            "aes_cmac_empty" => ("cmac_whole", false),
            // A block of ones: nobody's check value by that name here.
            "aes_cmac_ones" => {
                count += 1;
                continue;
            }
            other => panic!("{other}"),
        };
        let of = ["kcv", "--algorithm", algorithm];
        let json = place.json(0, &key, &of);
        assert_eq!(
            json[field].as_str().unwrap().starts_with(&kcv),
            said,
            "{} {json}",
            case.id()
        );
        let json = place.json(0, &key, &[&of[..], &["--expect", &kcv]].concat());
        assert_eq!(json["matches"], true);
        let json = place.json(1, &key, &[&of[..], &["--expect", &tampered(&kcv)]].concat());
        assert_eq!(json["matches"], false);
        count += 1;
    }
    assert_eq!(count, 23);
    // Of an AES key taken for a TDES one.
    let key = "3F419E1CB7079442AA37474C2EFBF8B8";
    let json = place.json(0, key, &["kcv", "--expect", "08793E25AB"]);
    assert!(json["matched"].as_str().unwrap().contains("as an AES key"), "{json}");
    let json = place.json(0, &"0101010101010101".repeat(2), &["kcv"]);
    assert!(json["notes"].to_string().contains("single DES"), "{json}");
    place.json(3, "00112233", &["kcv"]);
    place.json(3, key, &["kcv", "--expect", "08"]);
}

#[test]
fn components() {
    let place = Place::new("components");
    let mut count = 0;
    for case in cases("key_management", "xor_components") {
        let mut parts: Vec<String> = case.list("Components").iter().map(|part| hex(&part.hex())).collect();
        let (key, kcv) = (
            case.opt_hex("Key").map(|key| hex(&key)),
            case.opt_hex("Kcv").map(|kcv| hex(&kcv)),
        );
        let odd = case.opt_bool("Parity_adjusted") == Some(true);
        let file_of = |parts: &[String]| -> String {
            let lines = (1..).zip(parts);
            lines.map(|(i, part)| format!("component-{i} = {part}\n")).collect()
        };
        // A source that always wants three parts fills up with zeros, which is refused.
        if parts.last().is_some_and(|part| part.bytes().all(|c| c == b'0')) {
            let json = place.json(3, &file_of(&parts), &["components", "combine", "--algorithm", "tdes"]);
            assert!(
                json["error"]["message"].as_str().unwrap().contains("leave it out"),
                "{json}"
            );
            parts.pop();
        }
        let file = file_of(&parts);
        let combine = ["components", "combine", "--algorithm", "tdes"];
        let json = place.json(0, &file, &combine);
        assert_eq!(json["key"], Value::Null);
        let json = place.json(0, &file, &[&combine[..], &["--show-secrets"]].concat());
        assert!(key.is_none_or(|key| json["key"] == key), "{odd} {json}");
        let legacy = json["kcv_legacy"].as_str().unwrap();
        assert!(kcv.is_none_or(|kcv| legacy.starts_with(&kcv) || kcv.starts_with(legacy)));
        let kcv = json["kcv_legacy"].as_str().unwrap().to_owned();
        place.json(0, &file, &[&combine[..], &["--kcv", &kcv]].concat());
        place.json(1, &file, &[&combine[..], &["--kcv", &tampered(&kcv)]].concat());
        let part = json["components"][1]["kcv_cmac"].as_str().unwrap().to_owned();
        place.json(
            0,
            &file,
            &[&combine[..], &["--part-kcv", &format!("2={part}")]].concat(),
        );
        place.json(
            1,
            &file,
            &[&combine[..], &["--part-kcv", &format!("1={part}")]].concat(),
        );
        count += 1;
    }
    assert_eq!(count, 2);

    // Split and put together again, each algorithm and number.
    for (algorithm, key) in [
        ("tdes", "0123456789ABCDEFFEDCBA9876543210"),
        ("tdes", "0123456789ABCDEFFEDCBA98765432100F1E2D3C4B5A6978"),
        ("aes", "0123456789ABCDEFFEDCBA9876543210"),
        (
            "aes",
            "88E1AB2A2E3DD38C1FA039A536500CC8A87AB9D62DC92C01058FA79F44657DE6",
        ),
    ] {
        for count in 2..=9 {
            let count = count.to_string();
            let of = ["components", "split", "--algorithm", algorithm, "--count", &count];
            let json = place.json(0, key, &[&of[..], &["--show-secrets"]].concat());
            let parts = json["components"].as_array().unwrap();
            let file: String = (1..)
                .zip(parts)
                .map(|(i, part)| format!("component-{i} = {}\n", part["key"].as_str().unwrap()))
                .collect();
            let json = place.json(
                0,
                &file,
                &["components", "combine", "--algorithm", algorithm, "--show-secrets"],
            );
            assert_eq!(json["key"], key);
            assert_eq!(json["components"].as_array().unwrap().len().to_string(), count);
        }
    }

    let part = "component-1 = 00112233445566778899AABBCCDDEEFF\n";
    for (file, status, says) in [
        (
            format!("{part}component-2 = 00112233445566778899AABBCCDDEEFF\n"),
            1,
            "same as a part before",
        ),
        (
            format!("{part}component-2 = 00000000000000000000000000000000\n"),
            3,
            "zero part",
        ),
        (
            format!("{part}component-2 = 0011223344556677\n"),
            3,
            "the first part has 16",
        ),
        (part.to_owned(), 3, "2 to 9 parts"),
    ] {
        let json = place.json(status, &file, &["components", "combine", "--algorithm", "aes"]);
        assert!(json["error"]["message"].as_str().unwrap().contains(says), "{json}");
    }
    // Files are new and their owner's.
    let key = "0123456789ABCDEFFEDCBA9876543210";
    let json = place.json(0, key, &["components", "split", "--out", "part"]);
    assert_eq!(json["components"][2]["file"], "part-3");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let mode = std::fs::metadata(place.path().join("part-1"))
            .unwrap()
            .permissions()
            .mode();
        assert_eq!(mode & 0o777, 0o600);
    }
    place.json(4, key, &["components", "split", "--out", "part"]);
    place.json(2, key, &["components", "split"]);
}
