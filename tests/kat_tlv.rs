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

/// What the data of a card and a terminal must not be: every example is refused, with the offset of its fault.
#[test]
fn malformed_with_offsets() {
    use payhsm::codec::tlv::fault;
    use payhsm::emv::dol::Dol;
    use payhsm::emv::element::{Track2, pan_fault};
    use payhsm::emv::response::GenerateAcResponse;

    let hex = |text: &str| -> Vec<u8> {
        let digits: Vec<u8> = text
            .bytes()
            .filter(|c| *c != b' ')
            .map(|c| u8::try_from(char::from(c).to_digit(16).unwrap()).unwrap())
            .collect();
        digits.chunks(2).map(|pair| pair[0] << 4 | pair[1]).collect()
    };
    for (text, error, offset) in [
        ("9F", Error::TlvTag, 0),
        ("9F81", Error::TlvTag, 0),
        ("5A", Error::TlvLength, 1),
        ("5A 05 11 22", Error::TlvValue, 1),
        ("70 81", Error::TlvLength, 1),
        ("70 82 01", Error::TlvLength, 1),
        ("84 84 FF FF FF FF", Error::TlvLength, 1),
        ("95 84 FF FF FF FF", Error::TlvLength, 1),
        ("9C 80 00 00", Error::TlvIndefinite, 1),
        ("9C 01 00 E0 03 9C 02 01 02", Error::TlvValue, 6),
        ("70 04 5A 05 11 22 33 44 55", Error::TlvValue, 3),
    ] {
        let found = fault(&hex(text)).unwrap();
        assert_eq!((found.error, found.offset), (error, offset), "{text}");
    }
    // The depth bomb.
    let bomb: Vec<u8> = (0..64).rev().flat_map(|left| [0xE1, 2 * left]).collect();
    let found = fault(&bomb).unwrap();
    assert_eq!((found.error, found.offset), (Error::TlvDepth, 16));

    let found = Dol::fault(&hex("9F02")).unwrap();
    assert_eq!((found.error, found.offset), (Error::Dol, 0));
    let found = Dol::fault(&hex("9A 03 9F02")).unwrap();
    assert_eq!((found.error, found.offset), (Error::Dol, 2));
    for (text, error, offset) in [
        // Short and long answers to GENERATE AC, an empty template, both cryptogram and signature.
        ("80 0A 80 0001 0102030405060708", Error::TlvLength, 13),
        ("80 0A 80 0001 01020304050607", Error::EmvElement, 2),
        ("77 00", Error::TlvMissing, 2),
        (
            "77 13 9F2701 80 9F3602 0001 9F2608 0102030405060708",
            Error::TlvValue,
            13,
        ),
        ("77 11 9F2701 80 9F3602 0001 9F2607 01020304050607", Error::TlvValue, 13),
        (
            "77 13 9F2701 C0 9F3602 0001 9F2607 01020304050607",
            Error::EmvElement,
            2,
        ),
    ] {
        let mut data = hex(text);
        if error == Error::EmvElement && data[0] == 0x77 {
            data[1] = u8::try_from(data.len() - 2).unwrap();
        }
        let found = GenerateAcResponse::fault(&data).unwrap();
        assert_eq!((found.error, found.offset), (error, offset), "{text}");
    }
    let found = pan_fault(&hex("4111 11A1 1111 1111")).unwrap();
    assert_eq!((found.error, found.offset), (Error::Bcd, 3));
    let found = Track2::fault(&hex("4111111111111111 D3112 2D1 123F")).unwrap();
    assert_eq!((found.error, found.offset), (Error::EmvElement, 11));
}

/// Lengths and places go into a log, values do not.
#[test]
fn elements_are_shown_without_their_values() {
    let data = [0x70, 7, 0x5A, 2, 0x99, 0x98, 0x9C, 1, 0x97];
    let mut reader = Reader::new(&data);
    let shown = format!("{:?}", reader.next().unwrap().unwrap());
    assert_eq!(shown, "Element { tag: Tag(70), len: 7, depth: 0, offset: 0, .. }");
    let shown = format!("{:?}", reader.next().unwrap().unwrap());
    assert_eq!(shown, "Element { tag: Tag(5A), len: 2, depth: 1, offset: 2, .. }");
    assert_eq!(format!("{reader:?}"), "Reader { len: 9, offset: 6, depth: 1, .. }");
    let mut out = [0; 16];
    let mut writer = Writer::new(&mut out);
    writer.put(Tag::new(0x9F02).unwrap(), &[0x99]).unwrap();
    assert_eq!(format!("{writer:?}"), "Writer { len: 4, depth: 0, failed: None, .. }");
    for (tag, text) in [(0x9F02, "9F02"), (0x00DF_8101, "DF8101"), (0xDF81_8201, "DF818201")] {
        assert_eq!(Tag::new(tag).unwrap().to_string(), text);
    }
}
