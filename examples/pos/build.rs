// SPDX-License-Identifier: MIT OR Apache-2.0
//! Compiles the terminal.

const SOURCES: [&str; 7] = [
    "agreement.c",
    "card.c",
    "message.c",
    "probes.c",
    "terminal.c",
    "text.c",
    "transaction.c",
];

fn main() {
    let include = "../../include";
    let mut build = cc::Build::new();
    for source in SOURCES {
        build.file(format!("terminal/{source}"));
    }
    build
        .include(include)
        .include("terminal")
        .std("c99")
        .warnings(true)
        .extra_warnings(true)
        .warnings_into_errors(true);
    for flag in ["-Wpedantic", "-Wshadow", "-Wconversion"] {
        build.flag(flag);
    }
    build.compile("terminal");
    println!("cargo::rerun-if-changed=terminal");
    println!("cargo::rerun-if-changed={include}/payhsm.h");
}
