// SPDX-License-Identifier: MIT OR Apache-2.0
//! `payhsm-tool keyblock`.

mod explain;
mod open;
mod words;

use payhsm::keyblock::header::{HEADER_LEN, Header, Version};

use crate::args::Call;
use crate::fail::{Failure, Result};
use crate::report::Report;
use crate::secrets::data_file;
use crate::spec::{Action, Command, Spec, many, option, secret};
use explain::{PROFILES, field, outline};

const BLOCK: &[Spec] = &[
    option("block", "TEXT", "the key block"),
    option("block-file", "FILE", "a file with the key block; - is standard input"),
];
const PROFILE: &[Spec] = &[option(
    "profile",
    "NAME",
    "x9143-strict, tr31-2018 or iso20038; default tr31-2018, for version E iso20038",
)];
const KBPK: &[Spec] = &[secret(
    "kbpk",
    "key-block protection key: TDES for versions A, B, C, AES for D, E",
)];

/// The command.
pub const COMMAND: Command = Command {
    name: "keyblock",
    about: "key blocks: ANSI X9.143 / TR-31 A to D, ISO 20038 E",
    actions: &[
        Action {
            name: "decode",
            about: "says what a block says, and which rule of which profile it breaks; needs no key",
            specs: &[BLOCK, PROFILE],
            notes: "\
Offsets count characters from 0. Without --profile all three are judged and the exit status is 3 if
none of them takes the block; with it, if that one does not. Nothing here is authentic before the
block is unwrapped.",
            example: include_str!("examples/keyblock-decode.txt"),
            run: decode,
        },
        Action {
            name: "unwrap",
            about: "verifies a block and takes the key out",
            specs: &[KBPK, BLOCK, PROFILE],
            notes: "\
Authenticator, length field and the check values in KC and KP are one verdict; what speaks for a wrong
KBPK is said after it.",
            example: include_str!("examples/keyblock-unwrap.txt"),
            run: open::unwrap,
        },
        Action {
            name: "wrap",
            about: "puts a key into a block",
            specs: &[
                &[
                    secret("key", "the key that goes into the block"),
                    option(
                        "header",
                        "HEADER",
                        "16 characters: version, 0000, usage, algorithm, mode, key version, exportability, 00, context, 0",
                    ).needed(),
                    many("optional", "ID=DATA", "an optional block; padding is added"),
                    option(
                        "check-values",
                        "kc|kp|both",
                        "write the check value of the key, of the KBPK, or both",
                    ),
                    option(
                        "hide-length",
                        "longest|none|N",
                        "as if the key were the longest of its algorithm (default), as it is, or of N bytes",
                    ),
                ],
                KBPK,
            ],
            notes: "\
Length and number of optional blocks are computed. The padding is random, so no two blocks are equal.
What is written is read again under x9143-strict, and what it would refuse is said.",
            example: include_str!("examples/keyblock-wrap.txt"),
            run: open::wrap,
        },
        Action {
            name: "translate",
            about: "from one KBPK to another",
            specs: &[
                KBPK,
                &[
                    secret("new-kbpk", "the protection key that it shall be under"),
                    option("to", "A..E", "the new version; default the same"),
                    option("mode", "C", "the new mode of use; only narrower"),
                    option("exportability", "E|N", "the new exportability; only narrower"),
                ],
                BLOCK,
                PROFILE,
            ],
            notes: "\
The attributes and optional blocks stay; KP, if there is one, is that of the new KBPK, and WP is never
better than before. The key is not shown. The length is hidden in the new block.",
            example: include_str!("examples/keyblock-translate.txt"),
            run: open::translate,
        },
    ],
};

/// The characters of the block.
fn text(call: &Call) -> Result<String> {
    let text = match (call.get("block"), call.get("block-file")) {
        (Some(text), None) => text.to_owned(),
        (None, Some(path)) => {
            String::from_utf8(data_file(path)?.bytes().to_vec()).map_err(|_| Failure::refused("block: not text"))?
        }
        (None, None) => {
            return Err(Failure::Usage(
                "the block is missing: --block TEXT or --block-file FILE".to_owned(),
            ));
        }
        _ => {
            return Err(Failure::Usage(
                "only one of --block and --block-file says what the block is".to_owned(),
            ));
        }
    };
    let text = text.trim();
    match (0_usize..).zip(text.chars()).find(|(_, c)| !c.is_ascii()) {
        Some((place, c)) => Err(Failure::refused(format!(
            "block: character {place}, {c:?}, is not ASCII"
        ))),
        None => Ok(text.to_owned()),
    }
}

fn decode(call: &Call, out: &mut Report) -> Result<()> {
    let text = text(call)?;
    show(&text, out);
    let asked = call
        .get("profile")
        .map(|name| call.choice("profile", name, PROFILES))
        .transpose()?;
    let (mut taken, mut refusal) = (false, None);
    let mut verdicts = Report::new(false);
    for (name, profile) in PROFILES {
        if asked.is_some_and(|asked| asked != *profile) {
            continue;
        }
        let mut verdict = Report::new(false);
        let words = match explain::judge(&text, *profile) {
            Ok(()) => {
                taken = true;
                verdict.json("accepted", true);
                "accepted".to_owned()
            }
            Err(broken) => {
                verdict.json("accepted", false);
                verdict.json("offset", broken.offset);
                verdict.json("rule", broken.rule.clone());
                verdict.json("library_name", broken.error.name());
                let words = format!("refused at {}: {}", broken.offset, broken.rule);
                refusal.get_or_insert(broken);
                words
            }
        };
        verdicts.both_group(name, words, verdict);
    }
    out.group("profiles", "profiles:", verdicts);
    match refusal {
        Some(broken) if !taken => Err(Failure::Refused(
            format!("block: at {}: {}", broken.offset, broken.rule),
            Some(broken.error),
        )),
        _ => Ok(()),
    }
}

/// What the characters say, as far as they can be read.
fn show(text: &str, out: &mut Report) {
    use payhsm::key::usage::{Exportability, KeyAlgorithm, KeyVersion, ModeOfUse, Usage};
    let bytes = text.as_bytes();
    let at = |at: usize| bytes.get(at).copied().unwrap_or(0);
    let undefined = "not defined";
    let version = Version::from_char(at(0)).ok();
    let mut say = |name: &str, label: &str, from: usize, len: usize, words: String| {
        let value = field(text, from, len);
        let mut about = Report::new(false);
        about.json("value", value);
        about.json("meaning", words.clone());
        out.both_group_named(name, label, format!("{value:<4} {words}"), about);
    };
    say(
        "version",
        "version",
        0,
        1,
        version.map_or(undefined, words::version).to_owned(),
    );
    let length = match field(text, 1, 4).parse::<usize>() {
        Ok(stated) if stated == text.len() => "characters".to_owned(),
        _ => format!("but there are {} characters", text.len()),
    };
    say("length", "length", 1, 4, length);
    let usage = Usage::from_chars([at(5), at(6)]).map_or(undefined, words::usage);
    say("usage", "usage", 5, 2, usage.to_owned());
    let algorithm = KeyAlgorithm::from_char(at(7)).map_or(undefined, words::algorithm);
    say("algorithm", "algorithm", 7, 1, algorithm.to_owned());
    let mode = ModeOfUse::from_char(at(8)).map_or(undefined, words::mode);
    say("mode", "mode of use", 8, 1, mode.to_owned());
    let key_version = KeyVersion::from_chars([at(9), at(10)]).map_or(undefined.to_owned(), words::key_version);
    say("key_version", "key version", 9, 2, key_version);
    let exportability = Exportability::from_char(at(11)).map_or(undefined, words::exportability);
    say("exportability", "exportability", 11, 1, exportability.to_owned());
    say("optional_count", "optional blocks", 12, 2, String::new());
    let context = payhsm::keyblock::header::KeyContext::from_char(at(14)).map_or(undefined, words::context);
    say("context", "key context", 14, 1, context.to_owned());

    let outline = outline(text);
    out.list("optional_blocks");
    for block in &outline.blocks {
        let mut about = Report::new(false);
        about.json("id", block.id);
        about.json("offset", block.offset);
        about.json("data", block.data);
        about.json("meaning", words::block(block.id));
        let detail = words::data(block.id, block.data);
        about.json("detail", detail.clone());
        let detail = detail.map_or(String::new(), |detail| format!(" ({detail})"));
        out.item_line(
            "optional_blocks",
            &format!("  {} at {}", block.id, block.offset),
            format!("{}: {}{detail}", words::block(block.id), explain::short(block.data)),
            about,
        );
    }
    let rest = text.len().saturating_sub(outline.end);
    if let (Some(version), None) = (version, &outline.fault)
        && let Some(body) = rest.checked_sub(version.mac_len() * 2)
    {
        // Length field of two bytes, key, padding.
        let room = (body / 2).saturating_sub(2);
        out.both(
            "enciphered_length",
            "enciphered part",
            format!("{} bytes at {}: a key of at most {room} bytes", body / 2, outline.end),
            body / 2,
        );
        let longest = match KeyAlgorithm::from_char(at(7)) {
            Ok(KeyAlgorithm::Aes) => 32,
            Ok(KeyAlgorithm::Tdea) => 24,
            _ => 0,
        };
        if room < longest {
            out.note(format!(
                "the length of the key shows: X9.143 pads it as if it had {longest} bytes, TR-31 and many devices do not; \
                 all profiles read both"
            ));
        }
        out.both(
            "authenticator_length",
            "authenticator",
            format!("{} bytes at {}", version.mac_len(), outline.end + body),
            version.mac_len(),
        );
    }
}

/// The header of a block or a template.
fn header(text: &str) -> Option<Header> {
    text.as_bytes()
        .first_chunk::<HEADER_LEN>()
        .and_then(|chars| Header::from_chars(chars).ok())
}
