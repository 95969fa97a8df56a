// SPDX-License-Identifier: MIT OR Apache-2.0
//! What the thumb image does with secrets, in an emulated Cortex-M: traces, residue, faults (`firmware/proof`).
//!
//!     emulate run      IMAGE SEED          what the image says, as under QEMU
//!     emulate secrets  SEED FILE           the secrets of a seed
//!     emulate traces   IMAGE SEEDS         the same instructions and addresses whatever the secrets are
//!     emulate residue  IMAGE [--no-burn]   what of the secrets is left after each operation
//!     emulate faults   IMAGE [--full]      each instruction left out in turn: what is accepted
//!     emulate flips    IMAGE [--full] [--unsealed] [NAME...]  single bits changed: what is accepted, what comes out
//!     emulate skip     IMAGE NAME PC       where an operation goes without its first instruction at PC (hexadecimal)

mod cpu;
mod decode;
mod faults;
mod flips;
mod image;
mod residue;
mod traces;

use std::path::Path;
use std::process::ExitCode;

use image::{Image, secrets};

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let open = |path: &str| Image::open(Path::new(path));
    let good = match words.as_slice() {
        ["run", path, seed] => {
            let image = open(path);
            let mut machine = image.start(&secrets(number(seed)));
            while let Some(operation) = image.next(&mut machine) {
                let count = image.complete(&mut machine, &operation, &mut ());
                println!("{}\t{count}", operation.name);
            }
            eprint!("{}", machine.written);
            true
        }
        ["secrets", seed, file] => {
            std::fs::write(file, secrets(number(seed))).expect("the file can be written");
            true
        }
        ["traces", path, seeds] => traces::run(&open(path), number(seeds)),
        ["residue", path, rest @ ..] => residue::run(&open(path), rest.contains(&"--no-burn")),
        ["faults", path, rest @ ..] => faults::run(&open(path), rest),
        ["flips", path, rest @ ..] => flips::run(&open(path), rest),
        ["skip", path, name, pc] => faults::follow(&open(path), name, pc),
        _ => {
            eprintln!("emulate run|secrets|traces|residue|faults|flips: see the head of firmware/proof/emulator/main.rs");
            false
        }
    };
    if good { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn number(text: &str) -> u32 {
    text.parse().unwrap_or_else(|_| panic!("no number: {text}"))
}
