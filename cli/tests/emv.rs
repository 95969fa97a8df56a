// SPDX-License-Identifier: MIT OR Apache-2.0
//! `payhsm-tool emv` and `tlv`.

mod tool;

use tool::Place;

const KEY: &str = "imk = 0123456789ABCDEFFEDCBA9876543210\n";
/// The published card of CVN 10.
const FIELD55: &str = "9F02060000000040009F03060000000000009F1A020124950580000480005F2A0201249A031911059C01019F370452BF4585\
                       820218009F3602001C9F100706010A03A060109F260829CCA15AE665FA2E9F270180";

fn explain<'a>(cvn: &'a str, data: &'a str) -> Vec<&'a str> {
    let words = "emv explain --scheme visa --pan 1234567890123456 --key-file - --cvn";
    words.split(' ').chain([cvn, "--data", data]).collect()
}

#[test]
fn explanations() {
    let place = Place::new("emv-explain");
    let run = place.run_with(KEY, &explain("0A", FIELD55));
    assert_eq!(run.status, 0, "{run:?}");
    assert!(run.stdout.contains("ARQC 29CCA15AE665FA2E: matches"), "{run:?}");
    // The PAN is masked, and the key is nowhere.
    assert!(
        !run.all().contains("567890") && !run.all().contains("89ABCDEF"),
        "{run:?}"
    );

    let json = |words: Vec<&str>| place.run_with(KEY, &[&words[..], &["--json"]].concat()).json();
    let found = json(explain("0A", FIELD55));
    assert_eq!(found["matches"], true);
    assert_eq!(found["elements"].as_array().unwrap().len(), 10);
    let found = json(explain("12", FIELD55));
    assert_eq!(
        (&found["matches"], &found["iad_of_profile"]),
        (&false.into(), &false.into())
    );
    assert_eq!(found["made_by"], "Visa CVN 10");
    assert_eq!(
        found["differences"],
        serde_json::json!(["session_key", "padding", "iad_part"])
    );

    // Another amount: nothing fits.
    let changed = FIELD55.replacen("4000", "4001", 1);
    let run = place.run_with(KEY, &explain("0A", &changed));
    assert_eq!(run.status, 1, "{run:?}");
    assert!(run.stdout.contains("look at: the issuer key"), "{run:?}");

    for (words, says) in [
        (explain("0E", FIELD55), "cvn"),
        (explain("0A", &FIELD55[..40]), "at byte"),
        (explain("0A", "9F0206000000004000"), "field 55"),
        (explain("0A0A", FIELD55), "one byte"),
    ] {
        let run = place.run_with(KEY, &words);
        assert_eq!(run.status, 3, "{run:?}");
        assert!(run.stderr.contains(says), "{run:?}");
    }
}

#[test]
fn lists_and_elements() {
    let place = Place::new("tlv");
    let hidden = place.run(&["tlv", "decode", "--data", "5A084111111111111111"]);
    assert!(hidden.status == 0 && !hidden.all().contains("4111"), "{hidden:?}");
    let shown = place.run(&["tlv", "decode", "--show-secrets", "--data", "5A084111111111111111"]);
    assert!(shown.stdout.contains("4111111111111111"), "{shown:?}");
    for (action, data, at) in [
        ("decode", "9C01315A051122", "byte 4"),
        ("decode", "708100E1", "byte 4"),
        ("dol", "9F02069F", "byte 3"),
    ] {
        let run = place.run(&["tlv", action, "--data", data]);
        assert_eq!(run.status, 3, "{run:?}");
        assert!(run.stderr.contains(at), "{run:?}");
    }
    let wrong = place.run(&["tlv", "decode", "--data", "9A03269901"]);
    assert_eq!(wrong.status, 0, "{wrong:?}");
    let letters = place.run(&["tlv", "decode", "--data", "9A0326AA01"]);
    assert!(letters.stdout.contains("not of its format"), "{letters:?}");
}
