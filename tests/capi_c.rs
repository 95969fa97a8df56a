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
    for program in ["sale", "selfcheck", "misuse"] {
        let passed = match program {
            "sale" => out.contains("ok    host: close"),
            _ => out
                .lines()
                .any(|line| line.starts_with(program) && line.ends_with(" 0 failures")),
        };
        assert!(passed, "{program}: {out}{err}");
    }
}
