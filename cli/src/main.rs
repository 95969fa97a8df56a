// SPDX-License-Identifier: MIT OR Apache-2.0
//! `payhsm-tool`: the integrator's tool and the case runner over `payhsm`.

#![warn(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::todo,
    clippy::unreachable,
    clippy::indexing_slicing
)]

mod args;
mod cmd;
mod fail;
mod prompt;
mod random;
mod report;
mod secrets;
mod spec;

use core::fmt::Write as FmtWrite;
use std::collections::BTreeSet;
use std::ffi::OsString;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use payhsm_tool::{cases, convert, error, value};

use crate::args::Request;
use crate::cmd::COMMANDS;
use crate::error::{Error, Result};
use crate::fail::Failure;
use crate::report::Report;
use crate::spec::Command;

const HELP: &str = "\
usage:
  payhsm-tool COMMAND [ACTION] [OPTION]...
  payhsm-tool COMMAND [ACTION] --help
  payhsm-tool cases FILE... [--ops LIST]
  payhsm-tool convert JSON_DIR OUT_DIR [FAMILY...]

cases    Runs every case of the files through the library and compares the answers.
         The formats are told apart by content:
           case lines   {\"id\":\"1\",\"op\":\"kcv\",\"in\":{...},\"out\":{...}}, one a line; with
                        \"error\" in \"out\" the library must refuse the input
           families     {\"family\":\"mac\",\"vectors\":[{\"id\":\"1\",\"op\":\"cmac\",...},...]}
           Wycheproof   {\"algorithm\":\"AES-CMAC\",\"testGroups\":[...]}
         Bytes are hexadecimal, PINs and PANs are decimal strings, lengths and counters
         are integers.
         --ops LIST     only these operations, with commas between them
         Output, in an order that depends on the files alone:
           ID OP FIELD EXPECTED GOT       for every wrong field. EXPECTED (none): the
                                          library refused, and GOT says why; GOT (accepted):
                                          it should have refused; (unknown), (missing): a
                                          field that the operation does not have, or lacks
           skipped OP PARAMETER: N cases  a value of a parameter is not supported
           unsupported OP: N cases        the operation is not supported
           N passed, N failed, N skipped
         Exit status: 0 all passed; 1 something failed, or the files or the arguments
         are not as they should be; 2 nothing failed but something was skipped.

convert  Writes the JSON vector families of JSON_DIR as text files into OUT_DIR, in the
         grammar of vectors/README.md; without FAMILY all that are committed.
";

fn main() -> ExitCode {
    let args: Vec<OsString> = std::env::args_os().skip(1).collect();
    let first = args.first().and_then(|arg| arg.to_str());
    if let Some(command) = first.and_then(|first| COMMANDS.iter().find(|command| command.name == first)) {
        return integrate(command, args.get(1..).unwrap_or_default());
    }
    let args: Vec<String> = args.iter().map(|arg| arg.to_string_lossy().into_owned()).collect();
    let words: Vec<&str> = args.iter().map(String::as_str).collect();
    let status = match words.as_slice() {
        ["--help" | "-h" | "help", ..] => Ok(print(&help())),
        ["--version" | "-V"] => {
            println!("payhsm-tool {}", env!("CARGO_PKG_VERSION"));
            Ok(0)
        }
        ["cases", rest @ ..] => cases(rest),
        ["convert", from, to, families @ ..] => convert::run(Path::new(from), Path::new(to), families).map(|()| 0),
        _ => {
            eprint!("{}", help());
            Ok(2)
        }
    };
    match status {
        Ok(status) => ExitCode::from(status),
        Err(e) => {
            eprintln!("payhsm-tool: {e}");
            ExitCode::from(1)
        }
    }
}

fn help() -> String {
    let mut out =
        "payhsm-tool - the payhsm library at the command line, for integrators and test benches\n\n".to_owned();
    let (usage, rest) = HELP.split_once("\n\n").unwrap_or((HELP, ""));
    out.push_str(usage);
    out.push_str("\n\ncommands:\n");
    for command in COMMANDS {
        let _ = writeln!(out, "  {:<12} {}", command.name, command.about);
    }
    out.push('\n');
    out.push_str(rest);
    out
}

/// Runs a command of the integrator's tool and prints what it says.
fn integrate(command: &'static Command, args: &[OsString]) -> ExitCode {
    let call = match command.read(args) {
        Ok(Request::Help(text)) => return ExitCode::from(print(&text)),
        Ok(Request::Run(call)) => call,
        Err(failure) => {
            if args.iter().any(|arg| arg == "--json") {
                print(&Report::new(false).to_json(command.name, Some(&failure)));
            }
            eprintln!("payhsm-tool: {failure}");
            return ExitCode::from(failure.status());
        }
    };
    let mut report = Report::new(call.flag("show-secrets"));
    let failure = call.run(&mut report).err();
    let text = if call.flag("json") {
        report.to_json(&call.title(), failure.as_ref())
    } else if matches!(failure, Some(Failure::Usage(_))) {
        String::new()
    } else {
        report.to_text()
    };
    let printed = print(&text);
    match failure {
        None => ExitCode::from(printed),
        Some(failure) => {
            eprintln!("payhsm-tool: {failure}");
            ExitCode::from(failure.status())
        }
    }
}

/// Prints and gives the exit status. A reader who went away is no reason to panic.
fn print(text: &str) -> u8 {
    let mut out = io::stdout().lock();
    let printed = out.write_all(text.as_bytes()).and_then(|()| out.flush());
    if printed.is_ok() { 0 } else { 4 }
}

fn cases(args: &[&str]) -> Result<u8> {
    let mut files = Vec::new();
    let mut only: Option<BTreeSet<String>> = None;
    let mut args = args.iter();
    while let Some(&arg) = args.next() {
        let list = match arg.strip_prefix("--ops") {
            Some("") => args.next().copied(),
            Some(list) => list.strip_prefix('='),
            None if arg.starts_with("--") => return Err(Error::new(format!("unknown option {arg}"))),
            None => {
                files.push(PathBuf::from(arg));
                continue;
            }
        };
        let list = list.filter(|list| !list.is_empty());
        let list = list.ok_or_else(|| Error::new("--ops needs operations with commas between them"))?;
        only.get_or_insert_default()
            .extend(list.split(',').map(|op| op.trim().to_owned()));
    }
    if files.is_empty() {
        return Err(Error::new("cases needs a file"));
    }
    let mut out = io::BufWriter::new(io::stdout().lock());
    Ok(cases::run(&files, only.as_ref(), &mut out)?.status())
}
