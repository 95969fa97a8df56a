// SPDX-License-Identifier: MIT OR Apache-2.0
//! The programs of `examples/c`: built against the host archive with the sanitizers, and run.
#![cfg(all(
    feature = "capi",
    feature = "terminal",
    feature = "host",
    feature = "ec",
    feature = "std"
))]

use std::path::Path;
use std::process::Command;

#[test]
fn c_programs_pass() {
    // Cargo gives tests a directory of their own under the target directory.
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap();
    let output = Command::new("make")
        .args(["--silent", "check"])
        .current_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/c"))
        .env("CARGO_TARGET_DIR", target)
        .env("CARGO", env!("CARGO"))
        // A `make` above this one has nothing to say to it.
        .env_remove("MAKEFLAGS")
        .env_remove("MAKELEVEL")
        .output()
        .expect("make");
    let (out, err) = (
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr),
    );
    assert!(output.status.success(), "{out}{err}");
    for program in [
        "sale",
        "selfcheck",
        "misuse",
        "pointers",
        "flash",
        "threads",
        "uses",
        "terminal",
    ] {
        let passed = match program {
            "sale" => out.contains("ok    host: close"),
            "terminal" => out.contains("terminal: the day is over"),
            _ => out
                .lines()
                .any(|line| line.starts_with(program) && line.ends_with(" 0 failures")),
        };
        assert!(passed, "{program}: {out}{err}");
    }
}

/// `pointers_calls.h` says that it tries every function: those that it has no row for have a context or nothing.
#[test]
fn every_function_is_tried() {
    let read = |path: &str| std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).unwrap();
    let (header, program) = (read("include/payhsm.h"), read("examples/c/pointers_calls.h"));
    let without = [
        "abi_version",
        "status_text",
        "init",
        "close",
        "tamper",
        "tamper_signal",
        // A context and numbers.
        "lock",
        "unlock",
        "policy_narrow",
        "policy_widen",
        "policy_freeze",
        "role_revoke",
        "logout",
        "wipe",
        "reinitialise",
        "component_abort",
        "agreement_abort",
    ];
    let mut functions = 0;
    // A declaration begins a line; comments, macros and types are none.
    for line in header.lines().filter(|line| line.starts_with("payhsm_status_t ")) {
        let name = line
            .trim_start_matches("payhsm_status_t payhsm_")
            .split('(')
            .next()
            .unwrap();
        functions += 1;
        assert!(
            without.contains(&name) || program.contains(&format!("{{ROW({name}),")),
            "{name}"
        );
    }
    assert!(functions >= 35, "{functions}");
}
