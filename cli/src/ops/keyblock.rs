// SPDX-License-Identifier: MIT OR Apache-2.0
//! Key blocks.

use payhsm::key::role::Kbpk;
use payhsm::key::usage::{Attributes, Exportability, KeyAlgorithm, KeyVersion, ModeOfUse, Usage};
use payhsm::key::{Aes, Key, Tdea};
use payhsm::keyblock::header::{Header, HeaderText, Version};
use payhsm::keyblock::optional::Blocks;
use payhsm::keyblock::wrap::{LengthHiding, Template, wrap_with};
use payhsm::keyblock::{KbpkRef, KeyBlock, Payload, Profile, ProtectionKeys};
use serde_json::Value;

use super::Table;
use crate::value::{Case, Done, Stop};

pub const LINE: Table = &[
    ("tr31_wrap", tr31_wrap),
    ("tr31_unwrap", tr31_unwrap),
    ("tr31_reject", tr31_unwrap),
    ("tr31_strict", tr31_strict),
];

pub const FAMILY: Table = &[
    ("tr31_unwrap", family_unwrap),
    ("tr31_unwrap_reject", family_unwrap),
    ("tr31_header_parse", tr31_header_parse),
    ("tr31_header_reject", tr31_header_parse),
    ("tr31_field_reject", tr31_field_reject),
    ("tr31_block_length", tr31_block_length),
    ("tr31_derive_keys", tr31_derive_keys),
];

/// A protection key of the algorithm that the version takes.
enum Protection {
    Tdea(Key<Kbpk, Tdea>),
    Aes(Key<Kbpk, Aes>),
}

impl Protection {
    fn of(version: Version, kbpk: &[u8]) -> Result<Self, Stop> {
        Ok(match version {
            Version::A | Version::B | Version::C => Self::Tdea(Key::from_bytes(kbpk)?),
            Version::D | Version::E => Self::Aes(Key::from_bytes(kbpk)?),
        })
    }

    const fn by_ref(&self) -> KbpkRef<'_> {
        match self {
            Self::Tdea(key) => KbpkRef::Tdea(key),
            Self::Aes(key) => KbpkRef::Aes(key),
        }
    }
}

fn one(text: &str) -> Result<u8, Stop> {
    match text.as_bytes() {
        &[c] => Ok(c),
        _ => Err(Stop::NoForm("field length")),
    }
}

fn two(text: &str) -> Result<[u8; 2], Stop> {
    text.as_bytes().try_into().map_err(|_| Stop::NoForm("field length"))
}

/// The version that a block or a header begins with.
fn version(text: &str) -> Result<Version, Stop> {
    let first = text.as_bytes().first().ok_or(Stop::NoForm("no version"))?;
    Ok(Version::from_char(*first)?)
}

fn chars(bytes: &[u8]) -> String {
    bytes.iter().copied().map(char::from).collect()
}

fn tr31_wrap(case: &Case) -> Done {
    let (kbpk, header) = (case.hex("kbpk"), case.text("header"));
    let (key, pad) = (case.hex("key"), case.hex("pad"));
    let protection = Protection::of(version(header)?, &kbpk)?;
    let mut out = [0; 9999];
    let len = wrap_with(protection.by_ref(), header.as_bytes(), &key, &pad, &mut out)?;
    case.expect("block", chars(out.get(..len).unwrap_or_default()));
    Ok(())
}

/// Compares the fields of a header.
fn expect_header(case: &Case, header: &Header) {
    let attributes = &header.attributes;
    case.expect("version", chars(&[header.version.to_char()]));
    case.expect("usage", chars(&attributes.usage.to_chars()));
    case.expect("algorithm", chars(&[attributes.algorithm.to_char()]));
    case.expect("mode", chars(&[attributes.mode.to_char()]));
    case.expect("key_version", chars(&attributes.version.to_chars()));
    case.expect("exportability", chars(&[attributes.exportability.to_char()]));
}

/// The optional blocks as lists of identifier and data.
fn block_list(blocks: Blocks<'_>, padding: bool) -> Vec<Value> {
    let blocks = blocks.iter().filter(|block| padding || block.id != *b"PB");
    blocks
        .map(|block| Value::from(vec![chars(&block.id), chars(block.data)]))
        .collect()
}

fn tr31_unwrap(case: &Case) -> Done {
    let (kbpk, text) = (case.hex("kbpk"), case.text("block"));
    let version = version(text)?;
    let block = KeyBlock::parse(text.as_bytes(), Profile::of(version))?;
    let mut payload = Payload::empty();
    let block = block.verify(Protection::of(version, &kbpk)?.by_ref(), &mut payload)?;
    expect_header(case, block.header());
    case.expect_hex("key", block.key_bytes());
    case.expect("blocks", block_list(block.blocks(), false));
    Ok(())
}

fn tr31_strict(case: &Case) -> Done {
    let (kbpk, text) = (case.hex("kbpk"), case.text("block"));
    let version = version(text)?;
    let block = KeyBlock::parse(text.as_bytes(), Profile::X9143Strict)?;
    let mut payload = Payload::empty();
    block.verify(Protection::of(version, &kbpk)?.by_ref(), &mut payload)?;
    Ok(())
}

/// A block, opened and closed again: with its header, key and padding it comes out the same.
fn family_unwrap(case: &Case) -> Done {
    let (kbpk, text) = (case.hex("kbpk"), case.text("key_block"));
    let version = version(text)?;
    let profile = Profile::of(version);
    let protection = Protection::of(version, &kbpk);
    let block = KeyBlock::parse(text.as_bytes(), profile)?;
    let protection = protection?;
    let mut payload = Payload::empty();
    let block = block.verify(protection.by_ref(), &mut payload)?;
    expect_header(case, block.header());
    case.expect_hex("key", block.key_bytes());
    case.expect_hex("padding", block.padding_bytes());
    case.expect("optional_blocks", block_list(block.blocks(), true));

    let (header, _) = HeaderText::parse(text.as_bytes(), profile)?;
    let mut out = [0; 9999];
    let len = wrap_with(
        protection.by_ref(),
        header.text(),
        block.key_bytes(),
        block.padding_bytes(),
        &mut out,
    )?;
    case.expect("key_block", chars(out.get(..len).unwrap_or_default()));
    Ok(())
}

fn tr31_header_parse(case: &Case) -> Done {
    let text = case.text("header");
    let (header, rest) = HeaderText::parse(text.as_bytes(), Profile::of(version(text)?))?;
    if !rest.is_empty() {
        return Err(Stop::NoForm("characters behind the header"));
    }
    expect_header(case, header.header());
    case.expect("optional_blocks", block_list(header.blocks(), true));
    Ok(())
}

fn tr31_field_reject(case: &Case) -> Done {
    let (version, usage) = (case.text("version"), case.text("usage"));
    let (algorithm, mode) = (case.text("algorithm"), case.text("mode"));
    let (key_version, exportability) = (case.text("key_version"), case.text("exportability"));
    Version::from_char(one(version)?)?;
    Usage::from_chars(two(usage)?)?;
    KeyAlgorithm::from_char(one(algorithm)?)?;
    ModeOfUse::from_char(one(mode)?)?;
    KeyVersion::from_chars(two(key_version)?)?;
    Exportability::from_char(one(exportability)?)?;
    Ok(())
}

fn tr31_block_length(case: &Case) -> Done {
    let (text, algorithm) = (case.text("version"), case.text("algorithm"));
    let (key_len, masked) = (case.size("key_len"), case.opt_int("masked_key_len"));
    let attributes = Attributes {
        usage: Usage::from_chars(*b"D0")?,
        algorithm: KeyAlgorithm::from_char(one(algorithm)?)?,
        mode: ModeOfUse::from_char(b'B')?,
        version: KeyVersion::from_chars(*b"00")?,
        exportability: Exportability::from_char(b'E')?,
    };
    let mut template = Template::new(version(text)?, attributes);
    template.length = match masked.map(usize::try_from) {
        None => LengthHiding::Longest,
        Some(Ok(len)) => LengthHiding::To(len),
        Some(Err(_)) => LengthHiding::None,
    };
    case.expect("block_len", template.block_len(key_len)?);
    Ok(())
}

fn tr31_derive_keys(case: &Case) -> Done {
    let (text, kbpk) = (case.text("version"), case.hex("kbpk"));
    let version = version(text)?;
    let mut keys = ProtectionKeys::empty();
    keys.derive(version, Protection::of(version, &kbpk)?.by_ref())?;
    case.expect_hex("kbek", keys.kbek());
    case.expect_hex("kbak", keys.kbak());
    Ok(())
}
