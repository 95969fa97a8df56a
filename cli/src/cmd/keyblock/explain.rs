// SPDX-License-Identifier: MIT OR Apache-2.0
//! Which rule of a profile a block breaks, and where.
//!
//! The library says yes or no and names the field. What stands here finds the place and the words, from the public
//! characters alone; the verdict on each part stays the library's.

use payhsm::error::Error;
use payhsm::key::usage::{Attributes, KeyAlgorithm, KeyVersion, ModeOfUse, Usage};
use payhsm::keyblock::header::{HEADER_LEN, Header, HeaderText, KeyContext, Version};
use payhsm::keyblock::{KeyBlock, Profile};

use super::words;

/// The profiles by name.
pub(super) const PROFILES: &[(&str, Profile)] = &[
    ("x9143-strict", Profile::X9143Strict),
    ("tr31-2018", Profile::Tr31_2018),
    ("iso20038", Profile::Iso20038),
];

/// A broken rule: the offset in characters, the library's error, and words.
pub(super) struct Broken {
    pub(super) offset: usize,
    pub(super) error: Error,
    pub(super) rule: String,
}

/// One optional block as the characters have it.
pub(super) struct Found<'a> {
    pub(super) offset: usize,
    /// Of the whole block.
    pub(super) text: &'a str,
    pub(super) id: &'a str,
    pub(super) data: &'a str,
    pub(super) extended: bool,
}

/// The optional blocks as far as they can be told apart, the offset behind them, and what stops the reading.
pub(super) struct Outline<'a> {
    pub(super) blocks: Vec<Found<'a>>,
    pub(super) end: usize,
    pub(super) fault: Option<(usize, String)>,
}

/// A field of the header.
pub(super) fn field(text: &str, at: usize, len: usize) -> &str {
    text.get(at..at + len).unwrap_or_default()
}

/// Splits the optional blocks.
pub(super) fn outline(text: &str) -> Outline<'_> {
    let count: usize = field(text, 12, 2).parse().unwrap_or(0);
    let mut out = Outline {
        blocks: Vec::new(),
        end: HEADER_LEN,
        fault: None,
    };
    for number in 1..=count {
        match read_block(text, out.end) {
            Ok(found) => {
                out.end += found.text.len();
                out.blocks.push(found);
            }
            Err(fault) => {
                out.fault = Some((out.end, format!("optional block {number} of {count}: {fault}")));
                break;
            }
        }
    }
    out
}

fn read_block(text: &str, offset: usize) -> core::result::Result<Found<'_>, String> {
    let rest = text.get(offset..).unwrap_or_default();
    let (Some(id), Some(short)) = (rest.get(..2), rest.get(2..4)) else {
        return Err("the block ends before its identifier and length".to_owned());
    };
    if !id.bytes().all(|c| c.is_ascii_alphanumeric()) {
        return Err(format!(
            "identifier {id:?}: two letters or digits are expected; is the one before it too short?"
        ));
    }
    let upper = |digits: &str| digits.bytes().all(|c| matches!(c, b'0'..=b'9' | b'A'..=b'F'));
    let number = |digits: &str| usize::from_str_radix(digits, 16).ok().filter(|_| upper(digits));
    let (len, head) = match number(short) {
        None => {
            return Err(format!(
                "{id}: length {short:?}: two upper-case hexadecimal digits are expected"
            ));
        }
        Some(0) => {
            let (form, digits) = (rest.get(4..6).unwrap_or_default(), rest.get(6..10).unwrap_or_default());
            if !matches!(form, "02" | "04") {
                return Err(format!(
                    "{id}: length of the extended length {form:?}: 04 is expected (TR-31 also wrote 02)"
                ));
            }
            let len = number(digits).filter(|_| digits.len() == 4);
            (
                len.ok_or_else(|| {
                    format!("{id}: extended length {digits:?}: four upper-case hexadecimal digits are expected")
                })?,
                10,
            )
        }
        Some(len) => (len, 4),
    };
    if len < head {
        return Err(format!("{id}: length {len}: identifier and length alone take {head}"));
    }
    let whole = rest
        .get(..len)
        .ok_or_else(|| format!("{id}: length {len} goes beyond the end of the key block"))?;
    let data = whole.get(head..).unwrap_or_default();
    if let Some((place, c)) = data.char_indices().find(|(_, c)| !matches!(c, ' '..='~')) {
        return Err(format!(
            "{id}: character {place} of the data, {c:?}, is not printable ASCII"
        ));
    }
    Ok(Found {
        offset,
        text: whole,
        id,
        data,
        extended: head == 10,
    })
}

/// Whether the profile takes the block, and if not, why.
pub(super) fn judge(text: &str, profile: Profile) -> core::result::Result<(), Broken> {
    let Err(error) = KeyBlock::parse(text.as_bytes(), profile) else {
        return Ok(());
    };
    let (offset, rule) = place(text, profile, error);
    Err(Broken { offset, error, rule })
}

/// Offset and words of an error.
fn place(text: &str, profile: Profile, error: Error) -> (usize, String) {
    match error {
        Error::KeyBlockLength => length(text),
        Error::KeyBlockVersion => (0, version_words(text, profile)),
        Error::Unsupported => (0, "this version is not in this build".to_owned()),
        Error::KeyBlockUsage => (5, usage_words(field(text, 5, 2))),
        Error::KeyBlockAlgorithm => (7, algorithm_words(text)),
        Error::KeyBlockMode => (8, mode_words(text)),
        Error::KeyBlockKeyVersion => (
            9,
            format!(
                "key version {:?}: two letters or digits are expected",
                field(text, 9, 2)
            ),
        ),
        Error::KeyBlockExportability => (
            11,
            format!("exportability {:?}: E, N or S is expected", field(text, 11, 1)),
        ),
        Error::KeyBlockOptionalCount => (
            12,
            format!(
                "number of optional blocks {:?}: two decimal digits are expected",
                field(text, 12, 2)
            ),
        ),
        Error::KeyBlockReserved => {
            let context = text.as_bytes().get(14).copied().unwrap_or(0);
            if KeyContext::from_char(context).is_err() {
                (
                    14,
                    format!("key context {:?}: 0, 1 or 2 is expected", field(text, 14, 1)),
                )
            } else {
                (
                    15,
                    format!("reserved character {:?}: 0 is expected", field(text, 15, 1)),
                )
            }
        }
        Error::KeyBlockOptional => optional(text, profile),
        Error::KeyBlockPayload => payload(text),
        Error::KeyBlockEncoding => {
            let end = outline(text).end;
            let rest = text.get(end..).unwrap_or_default();
            let bad = rest.char_indices().find(|(_, c)| !matches!(c, '0'..='9' | 'A'..='F'));
            bad.map_or((end, error.to_string()), |(place, c)| {
                (end + place, format!("{c:?} is no upper-case hexadecimal digit"))
            })
        }
        other => (0, other.to_string()),
    }
}

fn length(text: &str) -> (usize, String) {
    let len = text.len();
    if len < HEADER_LEN {
        return (len, format!("{len} characters: the header alone has {HEADER_LEN}"));
    }
    let stated = field(text, 1, 4);
    match stated.parse::<usize>() {
        Ok(stated) if stated != len && stated.to_string().len() <= 4 => (
            1,
            format!("the length field says {stated} and the block has {len} characters"),
        ),
        Ok(_) => (outline(text).end, "no room is left for the authenticator".to_owned()),
        Err(_) => (1, format!("length {stated:?}: four decimal digits are expected")),
    }
}

fn version_words(text: &str, profile: Profile) -> String {
    let taken: Vec<String> = [Version::A, Version::B, Version::C, Version::D, Version::E]
        .into_iter()
        .filter(|version| takes_version(profile, *version))
        .map(|version| char::from(version.to_char()).to_string())
        .collect();
    format!("version {:?}: this profile has {}", field(text, 0, 1), taken.join(", "))
}

/// Whether the profile has the version, asked of the library with a header that is otherwise right.
fn takes_version(profile: Profile, version: Version) -> bool {
    let header = format!("{}0016P0TE00E0000", char::from(version.to_char()));
    !matches!(
        HeaderText::parse(header.as_bytes(), profile),
        Err(Error::KeyBlockVersion)
    )
}

/// The header's attributes, if each value by itself is one.
fn attributes(text: &str) -> Option<Attributes> {
    let header: &[u8; HEADER_LEN] = text.as_bytes().first_chunk()?;
    Header::from_chars(header).ok().map(|header| header.attributes)
}

fn usage_words(usage: &str) -> String {
    let known = <[u8; 2]>::try_from(usage.as_bytes()).is_ok_and(|chars| Usage::from_chars(chars).is_ok());
    if known {
        format!("usage {usage:?}: proprietary; this profile has the values of the standard only")
    } else {
        format!("usage {usage:?}: no value of the standard, and no proprietary one (a digit first)")
    }
}

fn algorithm_words(text: &str) -> String {
    let given = field(text, 7, 1);
    let Some(own) = attributes(text) else {
        return format!("algorithm {given:?}: no value of the standard");
    };
    // With each mode, because the table is asked as a whole.
    let taken: Vec<String> = KeyAlgorithm::ALL
        .iter()
        .filter(|algorithm| {
            ModeOfUse::ALL.iter().any(|mode| {
                Attributes::new(
                    own.usage,
                    **algorithm,
                    *mode,
                    payhsm::key::usage::Exportability::Exportable,
                )
                .check()
                .is_ok()
            })
        })
        .map(|algorithm| char::from(algorithm.to_char()).to_string())
        .collect();
    let usage = field(text, 5, 2);
    if taken.iter().any(|taken| taken == given) {
        return format!("algorithm {given:?}: a value of ISO 20038 only");
    }
    format!(
        "algorithm {given:?} ({}): usage {usage} goes with {}",
        words::algorithm(own.algorithm),
        taken.join(", ")
    )
}

fn mode_words(text: &str) -> String {
    let given = field(text, 8, 1);
    let Some(own) = attributes(text) else {
        return format!("mode of use {given:?}: no value of the standard");
    };
    let taken: Vec<String> = ModeOfUse::ALL
        .iter()
        .filter(|mode| {
            Attributes {
                mode: **mode,
                version: KeyVersion::UNUSED,
                ..own
            }
            .check()
                != Err(Error::KeyBlockMode)
        })
        .map(|mode| char::from(mode.to_char()).to_string())
        .collect();
    format!(
        "mode of use {given:?} ({}): usage {} goes with {}",
        words::mode(own.mode),
        field(text, 5, 2),
        taken.join(", ")
    )
}

fn payload(text: &str) -> (usize, String) {
    let end = outline(text).end;
    let Ok(version) = Version::from_char(text.as_bytes().first().copied().unwrap_or(0)) else {
        return (end, Error::KeyBlockPayload.to_string());
    };
    let digits = text.len().saturating_sub(end + version.mac_len() * 2);
    if digits < 6 {
        return (end, format!("{digits} characters are left for length and key: too few"));
    }
    (
        end,
        format!(
            "{digits} characters of enciphered part: a multiple of {} is expected",
            version.granule() * 2
        ),
    )
}

fn optional(text: &str, profile: Profile) -> (usize, String) {
    let outline = outline(text);
    for (number, block) in outline.blocks.iter().enumerate() {
        let id = block.id;
        if let Some(before) = outline.blocks.iter().take(number).find(|before| before.id == id) {
            return (
                block.offset,
                format!("{id} stands a second time; the first one is at {}", before.offset),
            );
        }
        if id == "PB" && number + 1 != outline.blocks.len() {
            return (
                block.offset,
                "PB stands before other blocks; it must be the last".to_owned(),
            );
        }
        if !alone(text, block, profile) {
            let form = if block.extended && block.text.get(4..6) == Some("02") && profile == Profile::X9143Strict {
                "its extended length is spelled 02, the form of TR-31; X9.143 writes 04".to_owned()
            } else {
                format!("data {:?}; the standard has: {}", short(block.data), words::form(id))
            };
            return (block.offset, format!("{id}: {form}"));
        }
    }
    if let Some(fault) = outline.fault {
        return fault;
    }
    let version = Version::from_char(text.as_bytes().first().copied().unwrap_or(0));
    let block_len = version.map_or(8, Version::block_len);
    let used = outline.end - HEADER_LEN;
    (
        outline.end,
        format!("the optional blocks have {used} characters together: a multiple of {block_len} is expected, by a PB"),
    )
}

/// Whether the library takes the block by itself, behind the same header.
fn alone(text: &str, block: &Found<'_>, profile: Profile) -> bool {
    let version = Version::from_char(text.as_bytes().first().copied().unwrap_or(0));
    let block_len = version.map_or(8, Version::block_len);
    let mut blocks = block.text.to_owned();
    let mut count = 1;
    let missing = blocks.len().next_multiple_of(block_len) - blocks.len();
    if missing != 0 {
        if block.id == "PB" {
            blocks.extend(core::iter::repeat_n('0', missing));
            // The length of the block itself does not matter here: its form is free.
            return true;
        }
        let len = if missing < 4 { missing + block_len } else { missing };
        blocks.push_str(&format!("PB{len:02X}"));
        blocks.extend(core::iter::repeat_n('0', len - 4));
        count = 2;
    }
    let header = format!("{}{count:02}{}{blocks}", field(text, 0, 12), field(text, 14, 2));
    HeaderText::parse(header.as_bytes(), profile).is_ok()
}

/// Not more of a text than a line takes.
pub(super) fn short(text: &str) -> String {
    match text.get(..48) {
        Some(left) if text.len() > 52 => format!("{left}..."),
        _ => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BLOCKS: [&str; 5] = [
        "D0112P0AE00E0000B82679114F470F540165EDFBF7E250FCEA43F810D215F8D207E2E417C07156A27E8E31DA05F7425509593D03A457DC34",
        "B0120B1TX00N0300KS10DE#GBIC#OPT1KC0C000169E3KP0C00ECAD627E13D36248CFF4CA9D2F880E2401B3727F96C2D92E5FDCA0D932A6DA\
         80CAE8B9",
        "B0144P0TE00N0200LB00040020label-of-key-16c--8901PB08abcd7E13D36248CFF4CA9D2F880E2401B3727F96C2D92E5FDCA0D932A6DA\
         80CAE8B97E13D36248CFF4CA9D2F880E",
        "A0088M3TC00E000022BD7EC46BBE2A6A73389D1BA6DB63120B386F912839F4679C0523399E4D8D0F1D9A356E",
        "E0084B3AX00N0100DA1001D2ABND3AEN67EBBB01A6DB63120B386F912839F4679C0523399E4D8D0F1D9A356E",
    ];

    /// Whatever is done to a block: the verdict is the library's, the place is in the block, and the words are more than
    /// the name of the field.
    #[test]
    fn every_refusal_has_a_place_and_a_rule() {
        let mut state = 0x1234_5678_9ABC_DEF1_u64;
        let mut below = |n: usize| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            usize::try_from(state % (n as u64)).unwrap()
        };
        let letters: Vec<char> = "0123456789ABCDEFGKPSTXabf~ #\u{1}".chars().collect();
        let mut refused = 0;
        for round in 0..30_000 {
            let mut text: Vec<char> = BLOCKS[round % BLOCKS.len()].chars().collect();
            for _ in 0..1 + below(3) {
                // The header and the optional blocks more often than the rest.
                let len = text.len().max(1);
                let at = if below(3) == 0 { below(len) } else { below(len.min(60)) };
                let letter = letters[below(letters.len())];
                match below(8) {
                    0 => text.truncate(at),
                    1 => text.insert(at.min(text.len()), letter),
                    2 if at < text.len() => drop(text.remove(at)),
                    _ if at < text.len() => text[at] = letter,
                    _ => {}
                }
            }
            // Often with the right length, to come to the other rules.
            let mut text: String = text.into_iter().collect();
            if below(2) == 0 && text.len() >= 5 {
                text.replace_range(1..5, &format!("{:04}", text.len()));
            }
            let outline = outline(&text);
            assert!(outline.end >= HEADER_LEN && outline.blocks.iter().all(|block| text.contains(block.text)));
            for (_, profile) in PROFILES {
                let verdict = KeyBlock::parse(text.as_bytes(), *profile).err();
                match judge(&text, *profile) {
                    Ok(()) => assert_eq!(verdict, None),
                    Err(broken) => {
                        refused += 1;
                        assert_eq!(verdict, Some(broken.error), "{text}");
                        assert!(broken.offset <= text.len().max(HEADER_LEN), "{text} {}", broken.offset);
                        assert_ne!(broken.rule, broken.error.to_string(), "{text}");
                        assert!(broken.rule.len() > 10, "{text} {}", broken.rule);
                    }
                }
            }
        }
        assert!(refused > 50_000);
    }
}
