// SPDX-License-Identifier: MIT OR Apache-2.0
//! `payhsm-tool convert`: the JSON vector families as the text files of `vectors/`.
//!
//! One block a vector, `Name = value` a line, blocks apart by an empty line. `vectors/README.md` states the grammar. A
//! JSON string says nothing about its kind, so [`kind`] knows, by operation and field, which strings are text; all
//! others must be upper-case hexadecimal, or the conversion stops.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use serde_json::{Map, Value};

use crate::error::{Context, Error, Result};

/// The families that the committed files are made from.
pub const FAMILIES: [&str; 13] = [
    "des-aes-kat",
    "mac",
    "dukpt-tdes",
    "dukpt-aes",
    "tr31",
    "pinblock",
    "card-verification",
    "emv",
    "emv-tlv",
    "emv-ecc",
    "emv-oda",
    "ecdh-hkdf",
    "key-management",
];

/// What the strings of a field are.
#[derive(Clone, Copy)]
enum Kind {
    /// Bytes; written without quotes.
    Hex,
    /// A name without blanks, for the reader's own use; written as it is.
    Bare,
    /// Digits, names, ASCII blocks; written in double quotes.
    Text,
    /// Bytes, or this one word in their place.
    HexOr(&'static str),
}

fn kind(op: &str, field: &str) -> Kind {
    match (op, field) {
        ("dcvv", "atc") => Kind::Text,
        ("dukpt_ksn_advance", "next_ksn") => Kind::HexOr("EXHAUSTED"),
        ("dukpt_future_keys", "registers") => Kind::HexOr("-"),
        // Elsewhere the name of a hash, here its value.
        ("verify_sda", "hash") => Kind::Hex,
        (_, "id" | "op") => Kind::Bare,
        (
            _,
            // Every family.
            "source" | "note" | "reason"
            // Names of algorithms, methods and usages.
            | "algorithm" | "arpc_key" | "cipher" | "ctr_location" | "curve" | "cvn" | "enc_style" | "hash"
            | "key_kind" | "key_rule" | "key_type" | "kind" | "mac_alg" | "method" | "mkd" | "mode" | "option"
            | "pin_format" | "prf" | "scheme" | "sk_method" | "style" | "usage"
            // Decimal digits.
            | "auth_result_code" | "cavv" | "current_pin" | "cvc3" | "cvv" | "dcvv" | "decimalization_table"
            | "expiry" | "expiry_mmyy" | "natural_pin" | "offset" | "pan" | "pan_in" | "pan_out" | "pan_pad" | "pin"
            | "psn" | "pvki" | "pvv" | "second_factor_code" | "service_code" | "unpredictable_number"
            // Single hexadecimal digits in a row, possibly an odd count.
            | "fill"
            // Key blocks and their header fields.
            | "blocks" | "exportability" | "header" | "header_prefix" | "key_block" | "key_version"
            | "optional_blocks" | "reserialized" | "version"
            // QR payloads.
            | "base64" | "data_objects",
        ) => Kind::Text,
        _ => Kind::Hex,
    }
}

/// Converts `families` (all of [`FAMILIES`] if there are none) from `from` to `to`.
///
/// # Errors
/// A file that cannot be read or written, or a value that the format cannot hold.
pub fn run(from: &Path, to: &Path, families: &[&str]) -> Result<()> {
    fs::create_dir_all(to).at(to.display())?;
    let families = if families.is_empty() { &FAMILIES } else { families };
    for family in families {
        let source = from.join(format!("{family}.json"));
        let json = fs::read_to_string(&source).at(source.display())?;
        let json: Value = serde_json::from_str(&json).at(source.display())?;
        let (text, count) = convert(&json).at(source.display())?;
        let target = to.join(format!("{}.txt", family.replace('-', "_")));
        fs::write(&target, text).at(target.display())?;
        println!("{}: {count} vectors", target.display());
    }
    Ok(())
}

/// The text of one family and the number of its vectors.
fn convert(json: &Value) -> Result<(String, usize)> {
    let family = json
        .get("family")
        .and_then(Value::as_str)
        .ok_or_else(|| Error::new("no family name"))?;
    let vectors = json
        .get("vectors")
        .and_then(Value::as_array)
        .ok_or_else(|| Error::new("no vectors"))?;
    let mut out = format!("# {family}: made by `payhsm-tool convert`, not to be edited.\n# Read at:\n");
    for line in json.get("provenance").and_then(Value::as_array).into_iter().flatten() {
        let line = line.as_str().ok_or_else(|| Error::new("provenance is not text"))?;
        writeln!(out, "# - {line}").at("provenance")?;
    }
    for vector in vectors {
        let vector = vector
            .as_object()
            .ok_or_else(|| Error::new("a vector is not an object"))?;
        let id = text_field(vector, "id")?;
        out.push('\n');
        out.push_str(&block(vector).at(id)?);
    }
    Ok((out, vectors.len()))
}

fn text_field<'a>(vector: &'a Map<String, Value>, name: &str) -> Result<&'a str> {
    vector
        .get(name)
        .and_then(Value::as_str)
        .ok_or_else(|| Error::new(format!("a vector without {name}")))
}

fn block(vector: &Map<String, Value>) -> Result<String> {
    const FIRST: [&str; 4] = ["op", "id", "source", "note"];
    let op = text_field(vector, "op")?;
    let mut out = String::new();
    let first = FIRST.iter().filter_map(|&name| vector.get_key_value(name));
    // Who recomputed a vector is a fact about the collection, not about the vector.
    let rest = vector
        .iter()
        .filter(|(name, _)| !FIRST.contains(&name.as_str()) && *name != "checked_with");
    for (name, value) in first.chain(rest) {
        let mut letters = name.chars();
        let initial = letters
            .next()
            .ok_or_else(|| Error::new("a field without a name"))?
            .to_ascii_uppercase();
        write!(out, "{initial}{} = ", letters.as_str()).at(name)?;
        render(op, kind(op, name), value, &mut out).at(name)?;
        out.push('\n');
    }
    Ok(out)
}

/// Writes `value`; strings in lists have the list's kind, objects become lists of `["name", value]`.
fn render(op: &str, strings: Kind, value: &Value, out: &mut String) -> Result<()> {
    match value {
        Value::Null => return Err(Error::new("null has no form")),
        Value::Bool(flag) => out.push_str(if *flag { "true" } else { "false" }),
        Value::Number(number) if number.is_i64() || number.is_u64() => out.push_str(&number.to_string()),
        Value::Number(_) => return Err(Error::new("not a whole number")),
        Value::String(text) => string(strings, text, out)?,
        Value::Array(items) => {
            out.push('[');
            for (i, item) in items.iter().enumerate() {
                if i > 0 {
                    out.push_str(", ");
                }
                render(op, strings, item, out)?;
            }
            out.push(']');
        }
        Value::Object(fields) => {
            out.push('[');
            for (i, (name, item)) in fields.iter().enumerate() {
                if i > 0 {
                    out.push_str(", ");
                }
                out.push('[');
                quote(name, out)?;
                out.push_str(", ");
                let inner = match (strings, kind(op, name)) {
                    (Kind::Hex, inner) => inner,
                    (outer, _) => outer,
                };
                render(op, inner, item, out).at(name)?;
                out.push(']');
            }
            out.push(']');
        }
    }
    Ok(())
}

fn string(kind: Kind, text: &str, out: &mut String) -> Result<()> {
    match kind {
        Kind::Text => return quote(text, out),
        Kind::Bare if !text.is_empty() && text.bytes().all(|c| matches!(c, b'!'..=b'~')) => {
            out.push_str(text);
            return Ok(());
        }
        Kind::Bare => return Err(Error::new(format!("{text:?} is no name"))),
        Kind::HexOr(word) if text == word => return quote(text, out),
        Kind::Hex | Kind::HexOr(_) => {}
    }
    // No bytes are written as no characters in quotes, so that a value is never blank.
    if text.is_empty() {
        return quote(text, out);
    }
    let hex = text.len().is_multiple_of(2) && text.bytes().all(|c| matches!(c, b'0'..=b'9' | b'A'..=b'F'));
    if !hex {
        return Err(Error::new(format!("{text:?} is not upper-case hexadecimal")));
    }
    out.push_str(text);
    Ok(())
}

fn quote(text: &str, out: &mut String) -> Result<()> {
    if !text.bytes().all(|c| matches!(c, b' '..=b'~')) {
        return Err(Error::new(format!("{text:?} is not printable ASCII")));
    }
    out.push('"');
    for c in text.chars() {
        if matches!(c, '"' | '\\') {
            out.push('\\');
        }
        out.push(c);
    }
    out.push('"');
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_of_value() {
        let json = serde_json::json!({"family": "f", "provenance": ["a place"], "vectors": [{
            "id": "x", "source": "the \"book\"", "op": "dukpt_future_keys", "key": "00FF", "msg": "", "pan": "12",
            "n": 3, "flag": true, "components": ["AA", "BB"], "items": [["9F02", ""], ["E0", [["5A", "01"]]]],
            "registers": {"1": "AB", "2": "-"}, "in": {"pin": "1234", "arc": "3030", "tail": ["01"]},
            "optional_blocks": [["KS", "00"]], "checked_with": ["nobody"], "note": "why"}]});
        let (text, count) = convert(&json).unwrap();
        assert_eq!(count, 1);
        let expected = concat!(
            "# f: made by `payhsm-tool convert`, not to be edited.\n# Read at:\n# - a place\n\n",
            "Op = dukpt_future_keys\nId = x\nSource = \"the \\\"book\\\"\"\nNote = \"why\"\nKey = 00FF\n",
            "Msg = \"\"\nPan = \"12\"\nN = 3\nFlag = true\nComponents = [AA, BB]\n",
            "Items = [[9F02, \"\"], [E0, [[5A, 01]]]]\nRegisters = [[\"1\", AB], [\"2\", \"-\"]]\n",
            "In = [[\"pin\", \"1234\"], [\"arc\", 3030], [\"tail\", [01]]]\nOptional_blocks = [[\"KS\", \"00\"]]\n",
        );
        assert_eq!(text, expected);
    }

    #[test]
    fn refuses_what_the_table_does_not_know() {
        let json = |value: Value| serde_json::json!({"family": "f", "vectors": [{"id": "x", "source": "s", "op": "o", "field": value}]});
        for value in [
            serde_json::json!("hello"),
            serde_json::json!("abcd"),
            serde_json::json!("ABC"),
            Value::Null,
        ] {
            assert!(convert(&json(value)).is_err());
        }
    }
}
