// SPDX-License-Identifier: MIT OR Apache-2.0
//! The built tool in a directory of its own.

#![allow(dead_code, reason = "each test file uses its own part of this module")]

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;

pub const TOOL: &str = env!("CARGO_BIN_EXE_payhsm-tool");

/// What a run gave.
#[derive(Debug)]
pub struct Run {
    pub status: i32,
    pub stdout: String,
    pub stderr: String,
}

impl Run {
    /// The JSON object that was printed.
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|e| panic!("{e}: {self:?}"))
    }

    /// Everything that was printed.
    pub fn all(&self) -> String {
        format!("{}{}", self.stdout, self.stderr)
    }
}

/// A directory.
pub struct Place(PathBuf);

impl Place {
    pub fn new(name: &str) -> Self {
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
        let _ = fs::remove_dir_all(&path);
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    pub fn path(&self) -> &Path {
        &self.0
    }

    pub fn write(&self, name: &str, text: &str) {
        fs::write(self.0.join(name), text).unwrap();
    }

    /// Runs the tool without a terminal and with `input` as standard input.
    pub fn run_with(&self, input: &str, args: &[&str]) -> Run {
        let mut command = Command::new(TOOL);
        command.args(args).current_dir(&self.0);
        // Without a session there is no terminal to ask at.
        let mut child = without_terminal(command)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        // A tool that ends early does not read.
        let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
        let output = child.wait_with_output().unwrap();
        Run {
            status: output.status.code().unwrap(),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }

    pub fn run(&self, args: &[&str]) -> Run {
        self.run_with("", args)
    }

    /// Runs with `keys` as key file and gives the JSON object; the exit status must be `status`.
    pub fn json(&self, status: i32, keys: &str, args: &[&str]) -> Value {
        let run = self.run_with(keys, &[args, &["--key-file", "-", "--json"]].concat());
        assert_eq!(run.status, status, "{args:?} {run:?}");
        let json = run.json();
        assert_eq!(json["ok"], Value::from(status == 0), "{json}");
        json
    }
}

/// The same command in a session of its own, where there is no terminal.
pub fn without_terminal(command: Command) -> Command {
    if !cfg!(target_os = "linux") {
        return command;
    }
    let mut wrapped = Command::new("setsid");
    wrapped
        .arg("--wait")
        .arg(command.get_program())
        .args(command.get_args());
    if let Some(directory) = command.get_current_dir() {
        wrapped.current_dir(directory);
    }
    wrapped
}

/// Upper-case hexadecimal.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02X}")).collect()
}
