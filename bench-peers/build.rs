// SPDX-License-Identifier: MIT OR Apache-2.0
//! Links the system's libcrypto and libmbedcrypto (Debian: libssl-dev, libmbedtls-dev), and tells the program its flags.

use std::{env, process::Command};

fn main() {
    println!("cargo::rustc-link-lib=dylib=crypto");
    println!("cargo::rustc-link-lib=dylib=mbedcrypto");
    let rustc = env::var("RUSTC").unwrap_or_else(|_| "rustc".into());
    let version = Command::new(rustc).arg("--version").output().expect("rustc runs");
    println!(
        "cargo::rustc-env=PEERS_RUSTC={}",
        String::from_utf8_lossy(&version.stdout).trim()
    );
    let flags = env::var("CARGO_ENCODED_RUSTFLAGS")
        .unwrap_or_default()
        .replace('\x1f', " ");
    println!(
        "cargo::rustc-env=PEERS_FLAGS=opt-level {}, fat LTO, RUSTFLAGS \"{flags}\"",
        env::var("OPT_LEVEL").unwrap_or_default()
    );
    println!("cargo::rerun-if-changed=build.rs");
}
