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

mod convert;
mod error;

use std::path::Path;
use std::process::ExitCode;

const HELP: &str = "\
payhsm-tool - vectors and conformance cases over the payhsm library

usage:
  payhsm-tool convert JSON_DIR OUT_DIR [FAMILY...]

convert  Writes the JSON vector families of JSON_DIR as the text files of vectors/
         into OUT_DIR; all families that are committed if none is named.
";

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = args.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["convert", from, to, ..] => {
            match convert::run(Path::new(from), Path::new(to), args.get(3..).unwrap_or_default()) {
                Ok(()) => ExitCode::SUCCESS,
                Err(e) => {
                    eprintln!("payhsm-tool: {e}");
                    ExitCode::FAILURE
                }
            }
        }
        ["--help" | "-h" | "help"] => {
            print!("{HELP}");
            ExitCode::SUCCESS
        }
        _ => {
            eprint!("{HELP}");
            ExitCode::FAILURE
        }
    }
}
