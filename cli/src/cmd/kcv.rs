// SPDX-License-Identifier: MIT OR Apache-2.0
//! `payhsm-tool kcv`.

use payhsm::key::parity;
use payhsm::key::usage::KeyAlgorithm;

use super::keys;
use super::macs::{Algorithm, Name};
use crate::args::Call;
use crate::fail::{Failure, Named as _, Result};
use crate::report::Report;
use crate::spec::{Action, Command, option, secret};
use crate::value::to_hex;

/// The command.
pub const COMMAND: Command = Command {
    name: "kcv",
    about: "check values of a key: legacy (enciphered zeros) and CMAC",
    actions: &[Action {
        name: "",
        about: "check values of a key",
        specs: &[&[
            secret("key", "the key"),
            option(
                "algorithm",
                "des|tdes|aes|hmac",
                "what the key is for; default by its length: 8 DES, 16 and 24 TDES, 32 AES",
            ),
            option("expect", "HEX", "a check value of 2 to 16 bytes that it should have"),
        ]],
        notes: "\
The usual lengths are 3 bytes of the legacy value for DES and TDES and 5 of the CMAC one for AES;
some devices print 2, 3 or 8 bytes of either. A legacy value of an AES key shows bits of the CMAC
subkeys: it is printed to be compared, not to be passed on.",
        example: include_str!("examples/kcv.txt"),
        run,
    }],
};

fn algorithm(call: &Call, len: usize) -> Result<KeyAlgorithm> {
    match call.get("algorithm") {
        Some(text) => call.choice("algorithm", text, keys::ALGORITHMS),
        None => match len {
            8 => Ok(KeyAlgorithm::Des),
            16 | 24 => Ok(KeyAlgorithm::Tdea),
            32 => Ok(KeyAlgorithm::Aes),
            _ => Err(Failure::refused(format!(
                "key has {len} bytes: no DES (8), TDES (16, 24) or AES (16, 24, 32) key; for HMAC give --algorithm hmac"
            ))),
        },
    }
}

fn run(call: &Call, out: &mut Report) -> Result<()> {
    let key = call.key("key")?;
    let key = key.bytes();
    let algorithm = algorithm(call, key.len())?;
    keys::check_key("key", algorithm, key)?;
    out.both(
        "algorithm",
        "algorithm",
        format!("{}, {} bytes", keys::algorithm_name(algorithm), key.len()),
        keys::algorithm_name(algorithm),
    );
    out.json("length", key.len());
    keys::note_defects(out, "key", algorithm, key);
    if call.get("algorithm").is_none() && matches!(key.len(), 16 | 24) {
        out.note("a key of this length may be an AES key too: --algorithm aes");
    }

    let mut known = Vec::new();
    if algorithm == KeyAlgorithm::Hmac {
        for (label, data) in [
            ("HMAC-SHA-256 of nothing", &[][..]),
            ("HMAC-SHA-256 of 16 zero bytes", &[0; 16]),
        ] {
            let mac = mac(Name::HmacSha256, algorithm, key, data)?;
            out.hex(if data.is_empty() { "hmac_empty" } else { "hmac_zeros" }, label, &mac);
            known.push((label, mac));
        }
        out.note("no two conventions for check values of HMAC keys agree: ask which one the other side uses");
    } else {
        let is_des = algorithm != KeyAlgorithm::Aes;
        if is_des {
            out.yes("odd_parity", "odd parity", bool::from(parity::is_odd(key)));
        }
        let block = keys::zero_block(algorithm, key)?;
        let zeros: &[u8] = if is_des { &[0; 8] } else { &[0; 16] };
        let cmac = mac(Name::Cmac, algorithm, key, zeros)?;
        value(out, "legacy", "legacy", 3, "block", &block);
        value(out, "cmac", "CMAC", 5, "MAC", &cmac);
        known.push(("the legacy check value", block));
        known.push(("the CMAC check value", cmac));
        known.push(("the CMAC of an empty message", mac(Name::Cmac, algorithm, key, &[])?));
        if algorithm == KeyAlgorithm::Tdea && matches!(key.len(), 16 | 24) {
            for (label, other) in [
                (
                    "the legacy check value of the same bytes as an AES key",
                    keys::zero_block(KeyAlgorithm::Aes, key)?,
                ),
                (
                    "the CMAC check value of the same bytes as an AES key",
                    mac(Name::Cmac, KeyAlgorithm::Aes, key, &[0; 16])?,
                ),
            ] {
                known.push((label, other));
            }
        }
    }
    match call.get_hex("expect")? {
        Some(expected) => compare(out, &expected, &known),
        None => Ok(()),
    }
}

fn mac(name: Name, cipher: KeyAlgorithm, key: &[u8], data: &[u8]) -> Result<Vec<u8>> {
    Algorithm {
        name,
        cipher,
        padding: 0,
    }
    .generate(key, data)
    .named("key")
}

fn value(out: &mut Report, name: &str, label: &str, len: usize, whole: &str, bytes: &[u8]) {
    let short = to_hex(bytes.get(..len).unwrap_or_default());
    let text = format!("{short} (whole {whole} {})", to_hex(bytes));
    out.both(name, label, text, short);
    out.json(&format!("{name}_whole"), to_hex(bytes));
}

fn compare(out: &mut Report, expected: &[u8], known: &[(&str, Vec<u8>)]) -> Result<()> {
    if !(2..=16).contains(&expected.len()) {
        return Err(Failure::refused(
            "expect: 2 to 16 bytes (4 to 32 hexadecimal digits) are expected",
        ));
    }
    // Check values are public.
    let found = known.iter().find(|(_, value)| value.starts_with(expected));
    out.json("matches", found.is_some());
    match found {
        Some((label, _)) => {
            out.text("matched", "the expected", format!("is {label}"));
            Ok(())
        }
        None => Err(Failure::No(
            "the expected check value is none of this key's: not the legacy one, not the CMAC one".to_owned(),
        )),
    }
}
