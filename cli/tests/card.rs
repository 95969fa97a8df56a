// SPDX-License-Identifier: MIT OR Apache-2.0
//! `payhsm-tool card` against published values: `vectors/card_verification.txt`.

#[path = "../../tests/common/vectors.rs"]
mod vectors;

mod tool;

use serde_json::Value;
use tool::{Place, hex};
use vectors::cases;

/// Another value of the same number of digits.
fn other(value: &str) -> String {
    let number: usize = value.parse().unwrap();
    let width = value.len();
    format!("{:0width$}", (number + 1) % 10_usize.pow(u32::try_from(width).unwrap()))
}

#[test]
fn card_verification_values() {
    let place = Place::new("cvv");
    let cases = cases("card_verification", "cvv");
    assert_eq!(cases.len(), 10);
    for case in cases {
        let (cvk, pan, expiry) = (hex(&case.hex("Cvk")), case.text("Pan"), case.text("Expiry"));
        let (code, stated) = (case.text("Service_code"), case.text("Cvv"));
        let mut of = vec!["--pan", &pan, "--expiry", &expiry];
        match code.as_str() {
            "000" => of.extend(["--kind", "cvv2"]),
            "999" => of.extend(["--kind", "icvv"]),
            code => of.extend(["--kind", "cvv", "--service-code", code]),
        }
        let value = stated[..stated.len().min(5)].to_owned();
        let digits = value.len().to_string();
        let json = place.json(0, &cvk, &[&["card", "cvv", "--digits", &digits], &of[..]].concat());
        assert_eq!(json["value"], value, "{}", case.id());
        for (value, status) in [(value.clone(), 0), (other(&value), 1)] {
            let json = place.json(
                status,
                &cvk,
                &[&["card", "verify-cvv", "--value", &value], &of[..]].concat(),
            );
            assert_eq!(json["verified"], status == 0, "{}", case.id());
        }
    }
}

#[test]
fn dynamic_values() {
    let place = Place::new("cvc3");
    let cases = cases("card_verification", "cvc3");
    assert_eq!(cases.len(), 4);
    for case in cases {
        let (imk, pan, psn) = (hex(&case.hex("Imk")), case.text("Pan"), case.text("Psn"));
        let (derivation, atc, un) = (case.text("Mkd"), hex(&case.hex("Atc")), hex(&case.hex("Un")));
        let track = case.opt_hex("Track_data").map(|track| hex(&track));
        let iv = case.opt_hex("Ivcvc3").map(|iv| hex(&iv));
        let stated = case.text("Cvc3");
        let mut of = vec![
            "--pan",
            &pan,
            "--psn",
            &psn,
            "--derivation",
            &derivation,
            "--atc",
            &atc,
            "--un",
            &un,
        ];
        match (&track, &iv) {
            (Some(track), _) => of.extend(["--track", track]),
            (_, Some(iv)) => of.extend(["--iv", iv]),
            _ => panic!(),
        }
        let json = place.json(0, &imk, &[&["card", "cvc3", "--show-secrets"], &of[..]].concat());
        assert!(
            json["cvc3"].as_str().unwrap().ends_with(&stated),
            "{} {json}",
            case.id()
        );
        assert_eq!(json["cvc3"].as_str().unwrap().len(), 5);
        // The card's key in the place of the issuer's.
        let mk = format!("mk = {}", json["mk"].as_str().unwrap());
        let again = place.json(0, &mk, &[&["card", "cvc3"], &of[..]].concat());
        assert_eq!((&again["cvc3"], &again["mk"]), (&json["cvc3"], &Value::Null));
        for (value, status) in [(stated.clone(), 0), (other(&stated), 1)] {
            let json = place.json(
                status,
                &imk,
                &[&["card", "verify-cvc3", "--value", &value], &of[..]].concat(),
            );
            assert_eq!(json["verified"], status == 0, "{}", case.id());
        }
    }
}

#[test]
fn why_a_value_does_not_match() {
    let place = Place::new("why-cvv");
    let cvk = "0123456789ABCDEFFEDCBA9876543210";
    let card = ["--pan", "1234567890123456", "--key-file", "-", "--json"];
    let notes = |args: &[&str]| {
        let run = place.run_with(cvk, &[&["card", "verify-cvv"], args, &card].concat());
        assert_eq!(run.status, 1, "{run:?}");
        run.json()["notes"].to_string()
    };
    // The stripe's value as the printed one, month and year exchanged, the order of a printed value.
    assert!(notes(&["--kind", "cvv2", "--expiry", "9912", "--value", "170"]).contains("--service-code 220"));
    let swapped = [
        "--kind",
        "cvv",
        "--service-code",
        "220",
        "--expiry",
        "1299",
        "--value",
        "170",
    ];
    let found = notes(&swapped);
    assert!(found.contains("exchanged") && found.contains("no month"), "{found}");
    let mmyy = [
        &["card", "cvv", "--kind", "cvv2", "--order", "mmyy", "--expiry", "9912"],
        &card[..],
    ]
    .concat();
    let value = place.run_with(cvk, &mmyy).json()["value"].as_str().unwrap().to_owned();
    assert!(notes(&["--kind", "cvv2", "--expiry", "9912", "--value", &value]).contains("--order mmyy"));
    for (args, status, says) in [
        (&["--kind", "cvv", "--expiry", "9912"][..], 2, "service-code"),
        (
            &["--kind", "cvv", "--expiry", "9912", "--service-code", "000"],
            3,
            "cvv2",
        ),
        (
            &["--kind", "icvv", "--expiry", "9912", "--service-code", "101"],
            3,
            "leave --service-code out",
        ),
        (&["--kind", "cvv3", "--expiry", "9912"], 3, "one of cvv"),
        (&["--kind", "icvv", "--expiry", "99-2"], 3, "YYMM"),
        (&["--kind", "icvv", "--expiry", "9912", "--digits", "6"], 3, "3 to 5"),
    ] {
        let run = place.run_with(cvk, &[&["card", "cvv"], args, &card].concat());
        assert_eq!(run.status, status, "{run:?}");
        assert!(run.stderr.contains(says), "{run:?}");
    }
}
