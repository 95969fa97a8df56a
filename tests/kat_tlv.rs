// SPDX-License-Identifier: MIT OR Apache-2.0
//! Known answers of BER-TLV: `vectors/emv_tlv.txt`.

#[path = "common/vectors.rs"]
mod vectors;

use payhsm::codec::tlv::{Reader, Tag, Writer};
use payhsm::error::Error;
use vectors::{Value, cases};

/// An element with its content, owned.
#[derive(Debug, PartialEq, Eq)]
enum Item {
    Primitive(Tag, Vec<u8>),
    Template(Tag, Vec<Item>),
}

fn item(value: &Value) -> Item {
    let [tag, content] = value.list() else {
        panic!("not a pair: {value:?}");
    };
    let tag = Tag::from_bytes(&tag.hex()).unwrap();
    match content {
        Value::List(items) => Item::Template(tag, items.iter().map(item).collect()),
        content => Item::Primitive(tag, content.hex()),
    }
}

fn decode(data: &[u8]) -> Result<Vec<Item>, Error> {
    // Open templates, outermost first; the bottom one stands for the data themselves.
    let mut open: Vec<(Option<Tag>, Vec<Item>)> = vec![(None, Vec::new())];
    let close = |open: &mut Vec<(Option<Tag>, Vec<Item>)>| {
        let (tag, items) = open.pop().unwrap();
        open.last_mut().unwrap().1.push(Item::Template(tag.unwrap(), items));
    };
    for element in Reader::new(data) {
        let element = element?;
        while open.len() > element.depth() + 1 {
            close(&mut open);
        }
        if element.is_constructed() {
            open.push((Some(element.tag()), Vec::new()));
        } else {
            let items = &mut open.last_mut().unwrap().1;
            items.push(Item::Primitive(element.tag(), element.value().to_vec()));
        }
    }
    while open.len() > 1 {
        close(&mut open);
    }
    Ok(open.pop().unwrap().1)
}

fn write(writer: &mut Writer<'_>, items: &[Item]) -> Result<(), Error> {
    for item in items {
        match item {
            Item::Primitive(tag, value) => writer.put(*tag, value)?,
            Item::Template(tag, items) => {
                writer.begin(*tag)?;
                write(writer, items)?;
                writer.end()?;
            }
        }
    }
    Ok(())
}

fn encode(items: &[Item]) -> Result<Vec<u8>, Error> {
    let mut out = vec![0; 1000];
    let mut writer = Writer::new(&mut out);
    write(&mut writer, items)?;
    let len = writer.finish()?;
    out.truncate(len);
    Ok(out)
}

#[test]
fn decoding() {
    let cases = cases("emv_tlv", "ber_tlv_decode");
    assert_eq!(cases.len(), 12);
    for case in cases {
        let data = case.hex("Data");
        let items: Vec<_> = case.list("Items").iter().map(item).collect();
        assert_eq!(decode(&data).as_ref(), Ok(&items), "{}", case.id());
        // Whatever is accepted comes back, with minimal lengths.
        let minimal = encode(&items).unwrap();
        assert_eq!(decode(&minimal), Ok(items), "{}", case.id());
        // One byte less is another text: refused, or fewer elements.
        if let Some((_, cut)) = data.split_last() {
            assert_ne!(decode(cut), decode(&data), "{}", case.id());
        }
    }
}

#[test]
fn encoding() {
    let cases = cases("emv_tlv", "ber_tlv_encode");
    assert_eq!(cases.len(), 7);
    for case in cases {
        let items: Vec<_> = case.list("Items").iter().map(item).collect();
        let data = case.hex("Data");
        assert_eq!(encode(&items).as_ref(), Ok(&data), "{}", case.id());
        assert_eq!(decode(&data), Ok(items), "{}", case.id());
        // One byte of room less is refused.
        let mut out = vec![0; data.len() - 1];
        let mut writer = Writer::new(&mut out);
        let items = decode(&data).unwrap();
        let _ = write(&mut writer, &items);
        assert_eq!(writer.finish(), Err(Error::BufferTooSmall), "{}", case.id());
    }
}

#[test]
fn refusals() {
    let cases = cases("emv_tlv", "ber_tlv_reject");
    assert_eq!(cases.len(), 16);
    for case in cases {
        let data = case.hex("Data");
        let error = decode(&data).unwrap_err();
        assert!((-316..=-310).contains(&error.code()), "{}: {error}", case.id());
    }
}

/// Number of vectors in the family: all of them are run above.
#[test]
fn count() {
    let all = vectors::family("emv_tlv");
    all.iter().for_each(vectors::Case::discard);
    assert_eq!(all.len(), 12 + 7 + 16);
}
