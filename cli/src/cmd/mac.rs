// SPDX-License-Identifier: MIT OR Apache-2.0
//! `payhsm-tool mac`.

use payhsm::key::usage::KeyAlgorithm;

use super::keys;
use super::macs::{self, Algorithm};
use crate::args::Call;
use crate::fail::{Failure, Result};
use crate::report::Report;
use crate::secrets::Wiped;
use crate::spec::{Action, Command, DATA, Spec, option, secret};

const KEY: &[Spec] = &[
    secret("key", "MAC key"),
    option(
        "cipher",
        "des|tdes|aes",
        "what the key is for; only needed where its length leaves it open",
    ),
];
const LENGTH: &[Spec] = &[option("length", "BYTES", "leftmost bytes of the MAC; default all")];
const MAC: &[Spec] = &[option("mac", "HEX", "the MAC to be checked; its length counts").needed()];

const NOTES: &str = "\
A key of 16 or 24 bytes is taken for TDES by retail and cbc and for AES by cmac, unless --cipher says
otherwise; 8 bytes are DES, 32 AES. If a check says no, the same key is tried with the other
algorithms and paddings, and what would have matched is said.";

/// The command.
pub const COMMAND: Command = Command {
    name: "mac",
    about: "message authentication: ISO/IEC 9797-1, X9.9, X9.19, CMAC, HMAC",
    actions: &[
        Action {
            name: "generate",
            about: "computes a MAC",
            specs: &[macs::OPTIONS, KEY, DATA, LENGTH],
            notes: NOTES,
            example: include_str!("examples/mac-generate.txt"),
            run: generate,
        },
        Action {
            name: "verify",
            about: "checks a MAC, and says what else it could be",
            specs: &[macs::OPTIONS, KEY, DATA, MAC],
            notes: NOTES,
            example: include_str!("examples/mac-verify.txt"),
            run: verify,
        },
    ],
};

fn key(call: &Call, out: &mut Report) -> Result<(Algorithm, Wiped)> {
    let key = call.key("key")?;
    let named = call
        .get("cipher")
        .map(|text| call.choice("cipher", text, CIPHERS))
        .transpose()?;
    // Whether it is HMAC does not depend on the cipher.
    let name = Algorithm::read(call, KeyAlgorithm::Aes, None)?.name;
    let cipher = match (name.is_hmac(), named, key.len()) {
        (true, None, _) => KeyAlgorithm::Hmac,
        (true, Some(_), _) => return Err(Failure::refused("cipher: HMAC has none; leave --cipher out")),
        (false, Some(cipher), _) => cipher,
        (false, None, 8) => KeyAlgorithm::Des,
        (false, None, 32) => KeyAlgorithm::Aes,
        (false, None, _) if name == macs::Name::Cmac => KeyAlgorithm::Aes,
        (false, None, _) => KeyAlgorithm::Tdea,
    };
    keys::check_key("key", cipher, key.bytes())?;
    keys::field(out, "key", "key", cipher, key.bytes())?;
    keys::note_defects(out, "key", cipher, key.bytes());
    Ok((Algorithm::read(call, cipher, None)?, key))
}

const CIPHERS: &[(&str, KeyAlgorithm)] = &[
    ("des", KeyAlgorithm::Des),
    ("tdes", KeyAlgorithm::Tdea),
    ("aes", KeyAlgorithm::Aes),
];

fn generate(call: &Call, out: &mut Report) -> Result<()> {
    let (algorithm, key) = key(call, out)?;
    macs::generate(call, out, algorithm, key.bytes(), call.data()?.bytes())
}

fn verify(call: &Call, out: &mut Report) -> Result<()> {
    let (algorithm, key) = key(call, out)?;
    macs::verify(call, out, algorithm, key.bytes(), call.data()?.bytes())
}
