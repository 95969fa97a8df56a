// SPDX-License-Identifier: MIT OR Apache-2.0
//! `payhsm-tool components`.

use std::fs::OpenOptions;
use std::io::Write as _;

use payhsm::entropy::Entropy as _;
use payhsm::error::Error;
use payhsm::inject::component::{self, Assembly, Ceremony, CheckValue, CustodianId, MAX_PARTS, Parity};
use payhsm::key::role::Kek;
use payhsm::key::usage::KeyAlgorithm;
use payhsm::key::{Aes, Key, Tdea};

use super::keys;
use crate::args::Call;
use crate::fail::{Failure, Named as _, Result};
use crate::random::System;
use crate::report::Report;
use crate::secrets::Wiped;
use crate::spec::{Action, Command, Spec, flag, many, option, secret};
use crate::value::to_hex;

const ALGORITHM: &[Spec] = &[option(
    "algorithm",
    "tdes|aes",
    "what the key is for; default by its length: 16 and 24 TDES, 32 AES",
)];

/// The names of the parts.
const NAMES: [&str; MAX_PARTS] = [
    "component-1",
    "component-2",
    "component-3",
    "component-4",
    "component-5",
    "component-6",
    "component-7",
    "component-8",
    "component-9",
];

const PARTS: &[Spec] = &[
    secret("component-1", "the first part"),
    secret("component-2", "the second part"),
    secret("component-3", "and so on, to component-9"),
    secret("component-4", ""),
    secret("component-5", ""),
    secret("component-6", ""),
    secret("component-7", ""),
    secret("component-8", ""),
    secret("component-9", ""),
];

/// The command.
pub const COMMAND: Command = Command {
    name: "components",
    about: "key components: 2 to 9 parts whose exclusive or is the key",
    actions: &[
        Action {
            name: "combine",
            about: "puts a key together, with check values of the parts and the result",
            specs: &[
                ALGORITHM,
                &[
                    option("count", "N", "number of parts; default as many as the key file has"),
                    option(
                        "kcv",
                        "HEX",
                        "check value that the result must have: legacy 3 bytes (TDES), CMAC 5 bytes",
                    ),
                    many("part-kcv", "N=HEX", "check value that part N must have"),
                    flag("odd-parity", "TDES: give the result odd parity"),
                ],
                PARTS,
            ],
            notes: "\
As in the module: parts of one length, none zero, none given twice, and a result that is no weak key.
TDES parity bits do not count. Check values: legacy (TDES), then CMAC.",
            example: include_str!("examples/components-combine.txt"),
            run: combine,
        },
        Action {
            name: "split",
            about: "divides a key into random parts",
            specs: &[
                ALGORITHM,
                &[
                    secret("key", "the key"),
                    option("count", "N", "number of parts, 2 to 9; default 3"),
                    option(
                        "out",
                        "PREFIX",
                        "write part N to a new file PREFIX-N that only its owner can read",
                    ),
                ],
            ],
            notes: "Without --out the parts are printed, which needs --show-secrets.",
            example: include_str!("examples/components-split.txt"),
            run: split,
        },
    ],
};

fn algorithm(call: &Call, len: usize, out: &mut Report) -> Result<KeyAlgorithm> {
    if let Some(text) = call.get("algorithm") {
        return call.choice(
            "algorithm",
            text,
            &[("tdes", KeyAlgorithm::Tdea), ("aes", KeyAlgorithm::Aes)],
        );
    }
    match len {
        16 | 24 => {
            out.note("taken for a TDES key by its length; for AES give --algorithm aes");
            Ok(KeyAlgorithm::Tdea)
        }
        _ => Ok(KeyAlgorithm::Aes),
    }
}

/// Legacy (TDES) and CMAC check value.
fn check_values(algorithm: KeyAlgorithm, key: &[u8]) -> Result<(Option<String>, String)> {
    Ok(if algorithm == KeyAlgorithm::Aes {
        let key: Key<Kek, Aes> = Key::from_bytes(key).named("key")?;
        (None, to_hex(&key.kcv_cmac().named("key")?))
    } else {
        let key: Key<Kek, Tdea> = Key::from_bytes(key).named("key")?;
        let legacy = to_hex(&key.kcv_legacy().named("key")?);
        (Some(legacy), to_hex(&key.kcv_cmac().named("key")?))
    })
}

/// A check value as the library compares it.
fn expected(name: &str, text: &str) -> Result<CheckValue> {
    let bytes = crate::args::public_hex(name, text)?;
    match (bytes.first_chunk::<3>(), bytes.first_chunk::<5>()) {
        (Some(legacy), _) if bytes.len() == 3 => Ok(CheckValue::Legacy(*legacy)),
        (_, Some(cmac)) if bytes.len() == 5 => Ok(CheckValue::Cmac(*cmac)),
        _ => Err(Failure::refused(format!(
            "{name}: 3 bytes (legacy, TDES) or 5 bytes (CMAC) are expected"
        ))),
    }
}

/// What the parts must have, by their number.
fn part_values(call: &Call) -> Result<[Option<CheckValue>; MAX_PARTS]> {
    let mut values = [None; MAX_PARTS];
    for text in call.all("part-kcv") {
        let (number, value) = text
            .split_once('=')
            .ok_or_else(|| Failure::refused("part-kcv: N=HEX is expected, such as 1=08D7B4"))?;
        let place = number.parse::<usize>().ok().and_then(|number| number.checked_sub(1));
        let place = place.and_then(|place| values.get_mut(place));
        *place.ok_or_else(|| Failure::refused("part-kcv: the number of a part is 1 to 9"))? =
            Some(expected("part-kcv", value)?);
    }
    Ok(values)
}

fn combine(call: &Call, out: &mut Report) -> Result<()> {
    let part_values = part_values(call)?;
    let given = NAMES
        .iter()
        .map(|name| call.get_secret(name))
        .collect::<Result<Vec<_>>>()?;
    let given = given.iter().take_while(|part| part.is_some()).count();
    let count = match call.get_number("count")? {
        Some(count) => count,
        None if given == 0 => {
            return Err(Failure::Usage(
                "--count is missing: how many parts to ask for".to_owned(),
            ));
        }
        None => given,
    };
    let (mut assembly, mut ceremony) = (Assembly::empty(), None);
    let mut parts: Vec<Wiped> = Vec::new();
    let mut algorithm = KeyAlgorithm::Tdea;
    for ((name, number), value) in NAMES.iter().zip(1_u32..).zip(part_values).take(count.max(1)) {
        let part = call.key(name)?;
        if ceremony.is_none() {
            algorithm = self::algorithm(call, part.len(), out)?;
            keys::check_key(name, algorithm, part.bytes())?;
            let mut own = Ceremony::new(algorithm, part.len(), count).expected("count", "2 to 9 parts are expected")?;
            if let Some(text) = call.get("kcv") {
                own = own
                    .expect(expected("kcv", text)?)
                    .expected("kcv", "a key of AES has a CMAC check value of 5 bytes")?;
            }
            if call.flag("odd-parity") {
                own = own.with_parity(Parity::Odd);
            }
            assembly.begin(&own).named("components")?;
            ceremony = Some(own);
        }
        let first_len = parts.first().map_or(part.len(), Wiped::len);
        if part.len() != first_len {
            return Err(Failure::Refused(
                format!("{name} has {} bytes: the first part has {first_len}", part.len()),
                Some(Error::InvalidKeyLength),
            ));
        }
        let (legacy, cmac) = check_values(algorithm, part.bytes())?;
        say(out, "components", name, &legacy, &cmac, None);
        match assembly.add(CustodianId(number), part.bytes(), value) {
            Err(Error::VerificationFailed) if value.is_none() => {
                return Err(Failure::No(format!(
                    "{name}: the same as a part before it, parity bits aside"
                )));
            }
            Err(Error::VerificationFailed) => {
                return Err(Failure::No(format!(
                    "{name}: it does not have the check value of --part-kcv, or it is the same as a part before it"
                )));
            }
            other => other.expected(name, "a zero part changes nothing and is no part: leave it out")?,
        };
        parts.push(part);
    }
    let key = finish(&mut assembly, algorithm, call.get("kcv").is_some())?;
    let (legacy, cmac) = check_values(algorithm, key.bytes())?;
    let words = format!(
        "{}, {} bytes, KCV {}",
        keys::algorithm_name(algorithm),
        key.len(),
        pair(&legacy, &cmac)
    );
    out.both("kcv", "result", words, legacy.clone().unwrap_or_else(|| cmac.clone()));
    out.json("kcv_legacy", legacy);
    out.json("kcv_cmac", cmac);
    if out.shows_secrets() {
        out.hex("key", "", key.bytes());
    } else {
        out.hide("key");
    }
    Ok(())
}

fn finish(assembly: &mut Assembly, algorithm: KeyAlgorithm, is_expected: bool) -> Result<Wiped> {
    let (mut aes, mut tdea) = (Key::<Kek, Aes>::empty(), Key::<Kek, Tdea>::empty());
    let done = if algorithm == KeyAlgorithm::Aes {
        assembly.finish(&mut aes)
    } else {
        assembly.finish(&mut tdea)
    };
    match done {
        Err(Error::VerificationFailed) if is_expected => {
            Err(Failure::No("kcv: the result does not have this check value".to_owned()))
        }
        other => {
            other.expected("components", "the result is zero, has equal halves, or a weak DES part")?;
            Ok(Wiped::of(if algorithm == KeyAlgorithm::Aes {
                aes.expose_bytes()
            } else {
                tdea.expose_bytes()
            }))
        }
    }
}

fn pair(legacy: &Option<String>, cmac: &str) -> String {
    match legacy {
        Some(legacy) => format!("{legacy}, {cmac}"),
        None => cmac.to_owned(),
    }
}

fn say(out: &mut Report, list: &str, label: &str, legacy: &Option<String>, cmac: &str, tail: Option<(&str, &str)>) {
    let mut about = Report::new(out.shows_secrets());
    about.json("kcv_legacy", legacy.clone());
    about.json("kcv_cmac", cmac);
    let mut text = format!("KCV {}", pair(legacy, cmac));
    if let Some((name, tail)) = tail {
        about.json(name, tail);
        text = format!("{text} {}{tail}", if name == "file" { "in " } else { " " });
    }
    out.item_line(list, label, text, about);
}

fn split(call: &Call, out: &mut Report) -> Result<()> {
    let prefix = call.get("out");
    if prefix.is_none() && !out.shows_secrets() {
        return Err(Failure::Usage(
            "--out PREFIX says where the parts go; --show-secrets prints them".to_owned(),
        ));
    }
    let count = call.get_number("count")?.unwrap_or(3);
    if !(2..=MAX_PARTS).contains(&count) {
        return Err(Failure::refused("count: 2 to 9 parts are expected"));
    }
    let key = call.key("key")?;
    let algorithm = algorithm(call, key.len(), out)?;
    keys::check_key("key", algorithm, key.bytes())?;
    keys::field(out, "key", "key", algorithm, key.bytes())?;
    keys::note_defects(out, "key", algorithm, key.bytes());
    let mut parts: Vec<Wiped> = Vec::new();
    for _ in 1..count {
        let mut part = Wiped::of(key.bytes());
        System.fill(part.bytes_mut()).named("random")?;
        parts.push(part);
    }
    // The key without all parts but the last is the last.
    let mut all: Vec<&[u8]> = parts.iter().map(Wiped::bytes).collect();
    all.push(key.bytes());
    let mut last = Wiped::of(key.bytes());
    component::combine(&all, last.bytes_mut()).named("key")?;
    parts.push(last);
    for (name, part) in NAMES.iter().zip(&parts) {
        let (legacy, cmac) = check_values(algorithm, part.bytes())?;
        match prefix {
            Some(prefix) => {
                let path = format!("{prefix}{}", name.trim_start_matches("component"));
                write(&path, part)?;
                say(out, "components", name, &legacy, &cmac, Some(("file", &path)));
            }
            None => say(
                out,
                "components",
                name,
                &legacy,
                &cmac,
                Some(("key", &to_hex(part.bytes()))),
            ),
        }
    }
    Ok(())
}

/// Writes a part to a file that must not exist.
fn write(path: &str, part: &Wiped) -> Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut text = Wiped::with_room(part.len() * 2 + 1);
    for byte in part.bytes() {
        for nibble in [byte >> 4, byte & 15] {
            text.push(if nibble < 10 { b'0' + nibble } else { b'A' + nibble - 10 })?;
        }
    }
    text.push(b'\n')?;
    options
        .open(path)
        .and_then(|mut file| file.write_all(text.bytes()))
        .map_err(|e| Failure::Environment(format!("{path}: {e}")))
}
