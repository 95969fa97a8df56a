// SPDX-License-Identifier: MIT OR Apache-2.0
//! Constant-time harness: runs every operation with its keys, PINs and clear blocks marked undefined, under valgrind,
//! and fails if a branch or an address depends on one of them.
//!
//! Runs by `scripts/ct`. One line for each operation, then the number of operations. Four controls leak on purpose and
//! must be reported. An operation whose result or verdict does not come from a secret tested nothing and fails as well,
//! and so does a command of the module that none of them ran (`covered`).

mod controls;
mod covered;
mod ops;
mod valgrind;

use std::collections::BTreeSet;
use std::process::ExitCode;

/// The operations, run one after the other.
pub struct Harness {
    ok: usize,
    failed: usize,
    only: Option<String>,
    ran: BTreeSet<String>,
}

impl Harness {
    fn skips(&self, name: &str) -> bool {
        self.only.as_deref().is_some_and(|only| !name.contains(only))
    }

    /// Runs `operation`, which returns what it computed from its secrets, and expects no report of the tool.
    pub fn constant<const N: usize>(&mut self, name: &str, operation: impl FnOnce() -> [u8; N]) {
        if self.skips(name) {
            return;
        }
        let before = valgrind::errors();
        let result = operation();
        let errors = valgrind::errors() - before;
        let verdict = if errors > 0 {
            format!("LEAKS ({errors} reports)")
        } else if N > 0 && !valgrind::all_secret(&result) {
            "VACUOUS: the result does not depend on a secret".to_owned()
        } else {
            "ok".to_owned()
        };
        self.line(name, &verdict, verdict == "ok");
    }

    /// As [`constant`](Self::constant) for an operation whose only result is its verdict, which it makes public: it must
    /// have made something public that was not.
    pub fn verdict(&mut self, name: &str, expected: bool, operation: impl FnOnce() -> bool) {
        if self.skips(name) {
            return;
        }
        let (before, revealed) = (valgrind::errors(), valgrind::revealed());
        let verdict = operation();
        let errors = valgrind::errors() - before;
        let text = if errors > 0 {
            format!("LEAKS ({errors} reports)")
        } else if verdict != expected {
            "WRONG VERDICT".to_owned()
        } else if valgrind::revealed() == revealed {
            "VACUOUS: no verdict over a secret".to_owned()
        } else {
            "ok".to_owned()
        };
        self.line(name, &text, text == "ok");
    }

    /// A control that leaks on purpose.
    pub fn leaky(&mut self, name: &str, operation: impl FnOnce()) {
        if self.skips(name) {
            return;
        }
        let before = valgrind::errors();
        operation();
        let caught = valgrind::errors() > before;
        self.line(name, if caught { "caught" } else { "NOT CAUGHT" }, caught);
    }

    fn line(&mut self, name: &str, verdict: &str, ok: bool) {
        println!("{name:<44} {verdict}");
        self.ran.insert(name.to_owned());
        if ok {
            self.ok += 1;
        } else {
            self.failed += 1;
        }
    }
}

/// Fails for a command of the module whose operation did not run; says why the others have none.
fn every_command(harness: &mut Harness) {
    for (command, by) in covered::COMMANDS {
        match by {
            covered::By::Operation(name) if !harness.ran.contains(*name) => {
                harness.line(command, &format!("NOT RUN: {name}"), false);
            }
            covered::By::Operation(_) => {}
            covered::By::Nothing(reason) => println!("{command:<44} no secret: {reason}"),
        }
    }
}

fn main() -> ExitCode {
    let mut args = std::env::args().skip(1);
    let what = args.next().unwrap_or_default();
    if !valgrind::running() {
        eprintln!("payhsm-ct: run by scripts/ct, under valgrind");
        return ExitCode::from(2);
    }
    if !cfg!(payhsm_ctgrind) {
        eprintln!("payhsm-ct: built without --cfg payhsm_ctgrind: nothing would be marked");
        return ExitCode::from(2);
    }
    let mut harness = Harness {
        ok: 0,
        failed: 0,
        only: args.next(),
        ran: BTreeSet::new(),
    };
    match what.as_str() {
        "operations" => {
            ops::run(&mut harness);
            if harness.only.is_none() {
                every_command(&mut harness);
            }
        }
        "controls" => controls::run(&mut harness),
        _ => {
            eprintln!("payhsm-ct: operations or controls");
            return ExitCode::from(2);
        }
    }
    println!("{} {what} ok, {} failed", harness.ok, harness.failed);
    if harness.ok > 0 && harness.failed == 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}
