// SPDX-License-Identifier: MIT OR Apache-2.0
//! Runs one target over files or the files of directories: for its coverage, and for one input under a debugger.
//!
//! `replay TARGET PATH...`

use std::fs;
use std::path::{Path, PathBuf};

fn main() {
    let mut arguments = std::env::args().skip(1);
    let name = arguments.next().expect("a target");
    let (_, run) = payhsm_fuzz::TARGETS
        .iter()
        .find(|(target, _)| *target == name)
        .expect("no such target");
    let mut inputs: Vec<PathBuf> = Vec::new();
    for path in arguments {
        if Path::new(&path).is_dir() {
            inputs.extend(fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path()));
        } else {
            inputs.push(path.into());
        }
    }
    assert!(!inputs.is_empty(), "no input");
    for input in &inputs {
        run(&fs::read(input).unwrap());
    }
    println!("{name}: {} inputs", inputs.len());
}
