// SPDX-License-Identifier: MIT OR Apache-2.0
//! The demo as its user runs it: what it must give, what it must not show, and that it notices.

use std::process::{Command, Output};

#[path = "../src/secrets.rs"]
mod secrets;

fn run(arguments: &[&str]) -> (Output, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_pos"))
        .args(arguments)
        .output()
        .unwrap();
    let mut text = String::from_utf8(output.stdout.clone()).unwrap();
    text.push_str(&String::from_utf8(output.stderr.clone()).unwrap());
    (output, text)
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02X}")).collect()
}

/// What may not be shown, as it would be spelled.
fn secrets_of_the_demo() -> Vec<String> {
    let mut all = Vec::new();
    for key in secrets::KEYS {
        all.extend(key.chunks(8).map(hex));
        // The second component, but for the last byte, which differs from key to key.
        let second: Vec<u8> = key.iter().zip(secrets::MASK).map(|(a, b)| a ^ b).collect();
        all.push(hex(&second[..7]));
    }
    // The mask by itself gives a component of zeros.
    all.retain(|text| text.bytes().any(|digit| digit != b'0'));
    for (pan, pin) in [secrets::VISA, secrets::UNIONPAY] {
        // Masked, no run of digits is longer than six.
        all.extend((0..=pan.len() - 9).map(|at| pan[at..at + 9].to_string()));
        all.push(pin.to_string());
    }
    all.push(secrets::WRONG_PIN.to_string());
    all
}

fn shows_no_secret(text: &str) {
    let text = text.to_uppercase();
    let squeezed: String = text.chars().filter(|c| c.is_ascii_alphanumeric()).collect();
    for secret in secrets_of_the_demo() {
        assert!(
            !text.contains(&secret) && !squeezed.contains(&secret),
            "{secret} is shown"
        );
    }
}

#[test]
fn every_step_gives_what_it_must() {
    let (output, text) = run(&[]);
    assert_eq!(output.status.code(), Some(0), "{text}");
    assert!(!text.contains("FAILED"), "{text}");
    let held = text.lines().filter(|line| line.starts_with("   ok ")).count();
    assert_eq!(held, 42);
    assert!(text.ends_with("All 42 expectations held.\n"));
    assert!(text.contains("476173******0010") && text.contains("621661******5614"));
    shows_no_secret(&text);
}

#[test]
fn a_changed_amount_fails_the_demo() {
    let (output, text) = run(&["--tamper"]);
    assert_eq!(output.status.code(), Some(1), "{text}");
    assert!(text.contains("FAILED    approved; PIN, ARQC and both MACs verified: expected Approved, got NoAnswer"));
    assert!(text.contains("expectations FAILED."));
    shows_no_secret(&text);
}

#[test]
fn other_arguments_are_refused() {
    assert_eq!(run(&["--help"]).0.status.code(), Some(2));
}

#[test]
fn the_search_finds_what_is_shown() {
    let key = hex(secrets::KEYS[1]).to_lowercase();
    for text in [
        key.as_str(),
        secrets::WRONG_PIN,
        secrets::VISA.0,
        "PAN 4761 7390 0101 0010",
    ] {
        assert!(std::panic::catch_unwind(|| shows_no_secret(text)).is_err(), "{text}");
    }
    shows_no_secret("PAN 476173******0010, ARQC 0123456789ABCDEF");
}
