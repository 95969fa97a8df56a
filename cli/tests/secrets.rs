// SPDX-License-Identifier: MIT OR Apache-2.0
//! Where secrets come from and where they do not go.

mod tool;

use serde_json::Value;
use tool::Place;

const BDK: &str = "0123456789ABCDEFFEDCBA9876543210";
const KSN: &str = "FFFF9876543210E00001";
/// Its initial key, transaction key and PIN key.
const DERIVED: [&str; 3] = [
    "6AC292FAA1315B4D858AB3A3D7D5933A",
    "042666B49184CFA368DE9628D0397BC9",
    "042666B49184CF5C68DE9628D0397B36",
];

#[test]
fn no_secret_in_the_arguments() {
    let place = Place::new("arguments");
    let secret = "00112233445566778899AABBCCDDEEFF";
    let joined = format!("--bdk={secret}");
    for args in [
        &["dukpt", "derive", "--ksn", KSN, "--bdk", secret][..],
        &["dukpt", "derive", "--ksn", KSN, &joined],
        &["dukpt", "derive", "--ksn", KSN, "--key", secret],
        &["dukpt", "derive", "--ksn", KSN, "--kbpk", secret],
        &["dukpt", "derive", "--ksn", KSN, secret],
        &["dukpt", "derive", "--ksn", KSN, "--bdk-file", secret],
        &["dukpt", "derive", "--ksn", KSN, "--key-file", secret],
        &["dukpt", "encrypt-pin", "--ksn", KSN, "--pin", "1234"],
        &["dukpt", "encrypt-pin", "--ksn", KSN, "--pin-file", "1234"],
        &["kcv", "--key", secret],
        &["kcv", secret],
        &["mac", "generate", "--key", secret],
    ] {
        let run = place.run(args);
        assert_eq!(run.status, 2, "{args:?} {run:?}");
        assert!(!run.all().contains(secret) && !run.all().contains("1234"), "{run:?}");
        assert_eq!(run.stdout, "");
    }
    let run = place.run(&["dukpt", "derive", "--ksn", KSN, "--bdk", secret]);
    assert!(
        run.stderr.contains("--bdk-file") && run.stderr.contains("history"),
        "{run:?}"
    );
    // The environment is no way in either.
    let run = place.run(&["dukpt", "derive", "--ksn", KSN]);
    assert_eq!(run.status, 2);
    assert!(run.stderr.contains("bdk is missing"), "{run:?}");
}

#[test]
fn secrets_are_printed_on_request_only() {
    let place = Place::new("shown");
    place.write("lab.keys", &format!("bdk = {BDK}\npin = 9173\n"));
    let derive = ["dukpt", "derive", "--ksn", KSN, "--key-file", "lab.keys"];
    for json in [&[][..], &["--json"]] {
        let run = place.run(&[&derive[..], json].concat());
        assert_eq!(run.status, 0);
        for secret in DERIVED.iter().chain([&BDK]) {
            assert!(!run.all().contains(secret), "{run:?}");
        }
        let run = place.run(&[&derive[..], json, &["--show-secrets"]].concat());
        assert!(DERIVED.iter().all(|secret| run.stdout.contains(secret)), "{run:?}");
        // What came in is never printed.
        assert!(!run.all().contains(BDK));
    }
    let pan = ["--ksn", KSN, "--pan", "4012345678909", "--key-file", "lab.keys"];
    let run = place.run(&[&["dukpt", "encrypt-pin"], &pan[..]].concat());
    assert!(
        !run.all().contains("9173") && !run.all().contains("4012345678909"),
        "{run:?}"
    );
    let block = run.stdout.rsplit(' ').next().unwrap().trim();
    let decrypt = [&["dukpt", "decrypt-pin", "--block", block], &pan[..]].concat();
    let run = place.run(&decrypt);
    assert!(run.status == 0 && !run.all().contains("9173"), "{run:?}");
    let run = place.run(&[&decrypt[..], &["--show-secrets"]].concat());
    assert!(run.stdout.contains("9173"));
}

#[test]
fn files_entries_and_standard_input() {
    let place = Place::new("files");
    place.write(
        "all.keys",
        &format!("# laboratory\nbdk = {BDK}\n\nother-bdk = {}\n", BDK.to_lowercase()),
    );
    place.write("bdk.key", &format!("0123 4567 89AB CDEF  FEDC BA98 7654 3210\n{}", ""));
    let of = |args: &[&str], input: &str| {
        let run = place.run_with(input, &[&["dukpt", "ik", "--ksn", KSN, "--json"], args].concat());
        assert_eq!(run.status, 0, "{args:?} {run:?}");
        run.json()["bdk_kcv"].clone()
    };
    for (args, input) in [
        (&["--key-file", "all.keys"][..], ""),
        (&["--key-file", "bdk.key"], ""),
        (&["--bdk-file", "bdk.key"], ""),
        (&["--bdk-file", "all.keys"], ""),
        (&["--bdk-file", "all.keys#other-bdk"], ""),
        (&["--bdk-file", "-"], BDK),
        (&["--key-file", "-"], &format!("bdk={BDK}")),
        (&["--key-file", "-", "--bdk-file", "-#b"], &format!("b={BDK}")),
    ] {
        assert_eq!(of(args, input), "08D7B4", "{args:?}");
    }
    let data = ["dukpt", "mac", "--ksn", KSN, "--key-file", "-", "--data-file", "-"];
    assert_eq!(place.run_with(BDK, &data).status, 2);
}

#[test]
fn malformed_key_files() {
    let place = Place::new("malformed");
    for (text, status, says) in [
        ("", 3, "empty"),
        ("# nothing\n", 3, "empty"),
        ("0123\n4567\n", 3, "line 2"),
        ("bdk = 00\n4567\n", 3, "without a name"),
        ("bdk = 00\nbdk = 01\n", 3, "twice"),
        ("b d k = 00\n", 3, "line 1"),
        ("bdk = 0123456789ABCDEFFEDCBA987654321X", 3, "character 32"),
        ("bdk = 0123456789ABCDEFFEDCBA987654321", 3, "odd number"),
        ("bdk = 0123456789ABCDEF", 3, "bdk has 8 bytes"),
        ("kbpk = 0123456789ABCDEF", 2, "bdk is missing"),
    ] {
        let run = place.run_with(text, &["dukpt", "ik", "--ksn", KSN, "--key-file", "-"]);
        assert_eq!(run.status, status, "{text} {run:?}");
        assert!(run.stderr.contains(says), "{text} {run:?}");
        assert!(!run.all().contains("0123456789ABCDEF"), "{run:?}");
    }
    let run = place.run_with(&"0".repeat(70_000), &["kcv", "--key-file", "-"]);
    assert_eq!(run.status, 3);
    let run = place.run(&["kcv", "--key-file", "nowhere"]);
    assert_eq!((run.status, run.stderr.contains("nowhere")), (4, true));
    let run = place.run(&["dukpt", "ik", "--ksn", KSN, "--bdk-file", "-#x"]);
    assert_eq!(run.status, 3);
}

#[test]
fn arguments() {
    let place = Place::new("usage");
    for (args, says) in [
        (&["dukpt", "fly"][..], "dukpt needs one of: ksn, ik, derive"),
        (&["dukpt", "ksn"], "--ksn is missing"),
        (&["dukpt", "ksn", "--ksn"], "--ksn needs a value"),
        (&["dukpt", "ksn", "--ksn", "--short-ksn"], "--ksn needs a value"),
        (&["dukpt", "ksn", "--ksn", KSN, "--ksn", KSN], "twice"),
        (&["dukpt", "ksn", "--json=1", "--ksn", KSN], "takes no value"),
        (&["dukpt", "ksn", "--colour", "red"], "no option --colour"),
        (
            &["mac", "generate", "--algorithm", "cmac", "--data", "00", "--text", "a"],
            "missing",
        ),
    ] {
        let run = place.run(args);
        assert_eq!((run.status, run.stdout.as_str()), (2, ""), "{args:?} {run:?}");
        assert!(run.stderr.contains(says), "{args:?} {run:?}");
    }
    let json = place.json(3, BDK, &["dukpt", "ik", "--ksn", "FFFF"]);
    assert_eq!(json["error"]["library_code"], -107);
    assert_eq!(json["error"]["status"], 3);
    assert_eq!(json["command"], "dukpt ik");
    assert_eq!(json["notes"], Value::from(Vec::<Value>::new()));
}

/// At a terminal a secret is asked for and not echoed. `script` gives the tool a terminal.
#[cfg(target_os = "linux")]
#[test]
fn asked_at_the_terminal() {
    use std::io::{Read as _, Write as _};
    use std::process::{Command, Stdio};

    let place = Place::new("terminal");
    let ask = |typed: &[u8]| {
        let mut child = Command::new("script")
            .args(["-qefc", &format!("{} kcv --algorithm tdes", tool::TOOL), "/dev/null"])
            .current_dir(place.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let (mut input, mut output) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
        let mut seen = Vec::new();
        let mut byte = [0];
        // What was typed before the question is thrown away.
        while !seen.ends_with(b"(not shown): ") {
            assert_eq!(output.read(&mut byte).unwrap(), 1, "{}", String::from_utf8_lossy(&seen));
            seen.push(byte[0]);
        }
        input.write_all(typed).unwrap();
        output.read_to_end(&mut seen).unwrap();
        (child.wait().unwrap().code().unwrap(), String::from_utf8(seen).unwrap())
    };
    let typed = |text: &str| format!("{text}\r").into_bytes();
    let (status, seen) = ask(&typed(BDK));
    assert_eq!(status, 0, "{seen}");
    assert!(
        seen.contains("08D7B4") && !seen.contains(BDK) && !seen.contains(&BDK[..8]),
        "{seen}"
    );
    // A wrong digit taken back.
    let (status, seen) = ask(&typed(&format!("{}9\u{7f}{}", &BDK[..5], &BDK[5..])));
    assert!(status == 0 && seen.contains("08D7B4"), "{seen}");
    // Another beginning thrown away.
    let (status, seen) = ask(&typed(&format!("FFFF\u{15}{BDK}")));
    assert!(status == 0 && seen.contains("08D7B4"), "{seen}");
    // Broken off.
    let (status, seen) = ask(b"0123\x03");
    assert!(status == 4 && seen.contains("broken off"), "{seen}");
}
