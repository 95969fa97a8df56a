// SPDX-License-Identifier: MIT OR Apache-2.0
//! Prints the table of parsers for `scripts/fuzz-coverage`: name, percent, files, targets, with tabs between them.

fn main() {
    for parser in payhsm_fuzz::parsers::PARSERS {
        let (files, targets) = (parser.files.join(" "), parser.targets.join(" "));
        println!("{}\t{}\t{files}\t{targets}", parser.name, parser.percent);
    }
}
