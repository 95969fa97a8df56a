// SPDX-License-Identifier: MIT OR Apache-2.0
//! Codecs and attribute values.

use payhsm::codec::tlv::{Element, MAX_DEPTH, Reader, Tag, Writer, find};
use payhsm::codec::{bcd as codec, hex as hexadecimal};
use payhsm::error::Error;
use payhsm::key::usage::{Attributes, Exportability, KeyAlgorithm, KeyVersion, ModeOfUse, Usage};

use crate::Input;

/// Text that is read is spelled the same; bytes that are spelled are read back.
pub fn hex(data: &[u8]) {
    let mut bytes = vec![0x55; data.len() / 2];
    if hexadecimal::decode(data, &mut bytes).is_ok() {
        let mut text = vec![0; data.len()];
        hexadecimal::encode(&bytes, &mut text).unwrap();
        assert_eq!(text, data);
    } else {
        assert!(data.len() % 2 == 1 || bytes.iter().all(|&b| b == 0));
    }
    // Room that is not the right one.
    let mut wrong = vec![0x55; data.len() / 2 + 1];
    assert_eq!(hexadecimal::decode(data, &mut wrong), Err(Error::InvalidLength));
    assert!(wrong.iter().all(|&b| b == 0));
    let mut wrong = vec![0x55; data.len() * 2 + 1];
    assert_eq!(hexadecimal::encode(data, &mut wrong), Err(Error::InvalidLength));
    assert!(wrong.iter().all(|&b| b == 0));
    let mut text = vec![0; data.len() * 2];
    hexadecimal::encode(data, &mut text).unwrap();
    let mut back = vec![0; data.len()];
    hexadecimal::decode(&text, &mut back).unwrap();
    assert_eq!(back, data);
}

/// Digits that are read are written the same, but for leading zeros (n) and whole bytes of fill (cn).
pub fn bcd(data: &[u8]) {
    let mut digits = vec![0; data.len() * 2];
    if let Ok(count) = codec::decode_compressed(data, &mut digits) {
        let mut back = vec![0; data.len()];
        codec::encode_compressed(&digits[..count], &mut back).unwrap();
        assert_eq!(back, data);
    }
    if let Ok(value) = codec::decode_numeric(data) {
        codec::check_numeric(data).unwrap();
        let digits: Vec<u8> = value.to_string().bytes().map(|c| c - b'0').collect();
        let mut back = vec![0; data.len().max(1)];
        codec::encode_numeric(&digits, &mut back).unwrap();
        assert_eq!(back[back.len() - data.len()..], *data);
    }
    let _ = codec::encode_numeric(data, &mut vec![0; data.len() / 3]);
    if codec::encode_compressed(data, &mut vec![0; data.len() / 4]).is_ok() {
        assert!(data.len() / 4 * 2 >= data.len());
    }
    let mut out = vec![0; data.len().div_ceil(2)];
    if codec::encode_compressed(data, &mut out).is_ok() {
        let mut back = vec![0; data.len() + 1];
        let count = codec::decode_compressed(&out, &mut back).unwrap();
        assert_eq!(back[..count], *data);
    }
}

/// What is well formed keeps its elements when it is written with minimal lengths, and is then in its final form.
pub fn tlv(data: &[u8]) {
    let Ok(elements) = Reader::new(data).collect::<Result<Vec<_>, _>>() else {
        let mut reader = Reader::new(data);
        while let Some(Ok(_)) = reader.next() {}
        assert!(reader.offset() <= data.len());
        assert!(reader.next().is_none());
        return;
    };
    for element in &elements {
        let tag = element.tag();
        assert_eq!(Tag::new(tag.value()), Ok(tag));
        assert!(element.depth() < MAX_DEPTH);
        let offset = element.offset();
        assert_eq!(Tag::from_bytes(&data[offset..offset + tag.len()]), Ok(tag));
        if elements.len() > 32 {
            continue;
        }
        let mut same = elements.iter().filter(|other| other.tag() == tag && other.depth() == 0);
        let expected = match (same.next(), same.next()) {
            (first, None) => Ok(first.map(Element::value)),
            _ => Err(Error::TlvDuplicate),
        };
        assert_eq!(find(data, tag).map(|found| found.map(|e| e.value())), expected);
    }
    let mut out = vec![0; data.len() + 1];
    let len = write(&elements, &mut out);
    assert!(len <= data.len());
    let again = Reader::new(&out[..len]).collect::<Result<Vec<_>, _>>().unwrap();
    assert_eq!(elements.len(), again.len());
    for (a, b) in elements.iter().zip(&again) {
        assert_eq!((a.tag(), a.depth()), (b.tag(), b.depth()));
        assert!(a.is_constructed() || a.value() == b.value());
    }
    let mut twice = vec![0; len + 1];
    let len_twice = write(&again, &mut twice);
    assert_eq!(twice[..len_twice], out[..len]);
}

fn write(elements: &[Element<'_>], out: &mut [u8]) -> usize {
    let mut writer = Writer::new(out);
    let mut depth = 0;
    for element in elements {
        while depth > element.depth() {
            writer.end().unwrap();
            depth -= 1;
        }
        if element.is_constructed() {
            writer.begin(element.tag()).unwrap();
            depth += 1;
        } else {
            writer.put(element.tag(), element.value()).unwrap();
        }
    }
    for _ in 0..depth {
        writer.end().unwrap();
    }
    writer.finish().unwrap()
}

/// Attribute values that exist are spelled as they were read.
pub fn attributes(data: &[u8]) {
    let mut input = Input::new(data);
    let usage = input.array();
    let [algorithm, mode, exportability] = input.array();
    let version = input.array();
    let read = || {
        let attributes = Attributes {
            usage: Usage::from_chars(usage)?,
            algorithm: KeyAlgorithm::from_char(algorithm)?,
            mode: ModeOfUse::from_char(mode)?,
            version: KeyVersion::from_chars(version)?,
            exportability: Exportability::from_char(exportability)?,
        };
        Ok::<_, Error>(attributes)
    };
    if let Ok(attributes) = read() {
        assert_eq!(attributes.usage.to_chars(), usage);
        assert_eq!(attributes.algorithm.to_char(), algorithm);
        assert_eq!(attributes.mode.to_char(), mode);
        assert_eq!(attributes.version.to_chars(), version);
        assert_eq!(attributes.exportability.to_char(), exportability);
        assert!(attributes.check().is_err() || !attributes.usage.is_proprietary());
        let _ = format!("{attributes:?}");
    }
}
