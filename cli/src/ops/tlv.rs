// SPDX-License-Identifier: MIT OR Apache-2.0
//! BER-TLV.

use payhsm::codec::tlv::{Reader, Tag, Writer};
use serde_json::Value;

use super::Table;
use crate::value::{Case, Done, Stop, from_hex, to_hex};

pub const LINE: Table = &[("tlv_decode", decode), ("tlv_reject", decode), ("tlv_encode", encode)];

pub const FAMILY: Table = &[
    ("ber_tlv_decode", decode),
    ("ber_tlv_reject", decode),
    ("ber_tlv_encode", encode),
];

/// Puts the elements that the reader gives in a row into the lists that they stand in.
fn decode(case: &Case) -> Done {
    let data = case.hex("data");
    // The lists that are open: those of the templates around the current place, outermost first.
    let mut open: Vec<(Option<Tag>, Vec<Value>)> = vec![(None, Vec::new())];
    for element in Reader::new(&data) {
        let element = element?;
        while open.len() > element.depth() + 1 {
            close(&mut open);
        }
        if element.is_constructed() {
            open.push((Some(element.tag()), Vec::new()));
        } else if let Some((_, items)) = open.last_mut() {
            items.push(item(element.tag(), Value::String(to_hex(element.value()))));
        }
    }
    while open.len() > 1 {
        close(&mut open);
    }
    let items = open.pop().map(|(_, items)| items).unwrap_or_default();
    case.expect("items", items);
    Ok(())
}

fn item(tag: Tag, value: Value) -> Value {
    Value::Array(vec![Value::String(tag.to_string()), value])
}

fn close(open: &mut Vec<(Option<Tag>, Vec<Value>)>) {
    if let Some((Some(tag), content)) = open.pop()
        && let Some((_, items)) = open.last_mut()
    {
        items.push(item(tag, Value::Array(content)));
    }
}

fn encode(case: &Case) -> Done {
    let items = case.list("items");
    // Far longer than any input: a tag, a length and a value are two characters a byte.
    let mut out = vec![0; Value::from(items).to_string().len()];
    let mut writer = Writer::new(&mut out);
    put(&mut writer, items)?;
    let len = writer.finish()?;
    out.truncate(len);
    case.expect_hex("data", &out);
    Ok(())
}

fn put(writer: &mut Writer<'_>, items: &[Value]) -> Result<(), Stop> {
    const SHAPE: Stop = Stop::NoForm("item");
    for item in items {
        let Some([Value::String(tag), value]) = item.as_array().map(Vec::as_slice) else {
            return Err(SHAPE);
        };
        let tag = Tag::from_bytes(&from_hex(tag).ok_or(SHAPE)?)?;
        match value {
            Value::String(text) => writer.put(tag, &from_hex(text).ok_or(SHAPE)?)?,
            Value::Array(content) => {
                writer.begin(tag)?;
                put(writer, content)?;
                writer.end()?;
            }
            _ => return Err(SHAPE),
        }
    }
    Ok(())
}
