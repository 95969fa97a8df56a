// SPDX-License-Identifier: MIT OR Apache-2.0
//! `payhsm-tool`: the case runner and the vector converter over `payhsm`.

#![warn(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::todo,
    clippy::unreachable,
    clippy::indexing_slicing
)]

mod cases;
mod convert;
mod error;
mod ops;
mod value;
mod wycheproof;

use std::collections::BTreeSet;
use std::io;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use crate::error::{Error, Result};

const HELP: &str = "\
payhsm-tool - test vectors and conformance cases over the payhsm library

usage:
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
    let args: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = args.iter().map(String::as_str).collect();
    let status = match words.as_slice() {
        ["--help" | "-h" | "help", ..] => {
            print!("{HELP}");
            Ok(0)
        }
        ["cases", rest @ ..] => cases(rest),
        ["convert", from, to, families @ ..] => convert::run(Path::new(from), Path::new(to), families).map(|()| 0),
        _ => {
            eprint!("{HELP}");
            Ok(1)
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
