// SPDX-License-Identifier: MIT OR Apache-2.0
//! Properties of the BER-TLV reader and writer, and of what stands on them.

use payhsm::codec::bcd;
use payhsm::codec::tlv::{MAX_DEPTH, Reader, Tag, Writer, find};
use payhsm::emv::dol::Dol;
use payhsm::emv::element::{Track2, pan};
use payhsm::emv::profile::ALL;
use payhsm::emv::response::GenerateAcResponse;
use payhsm::error::Error;
use proptest::collection::vec;
use proptest::prelude::*;

/// One step of a writer.
#[derive(Clone, Debug)]
enum Step {
    Put(Tag, Vec<u8>),
    Begin(Tag),
    End,
}

fn tag(constructed: bool) -> impl Strategy<Value = Tag> {
    let form = if constructed { 0x20 } else { 0 };
    let short = (0..4_u8, 1..31_u8).prop_map(move |(class, number)| vec![class << 6 | form | number]);
    let long = (0..4_u8, vec(0x80..=0xFF_u8, 0..3), 0..0x80_u8).prop_map(move |(class, more, last)| {
        let mut bytes = vec![class << 6 | form | 0x1F];
        bytes.extend(more);
        bytes.push(last);
        bytes
    });
    prop_oneof![short, long].prop_map(|bytes| Tag::from_bytes(&bytes).unwrap())
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        3 => (tag(false), vec(any::<u8>(), 0..200)).prop_map(|(tag, value)| Step::Put(tag, value)),
        2 => tag(true).prop_map(Step::Begin),
        2 => Just(Step::End),
    ]
}

/// Depth, tag, and the value of a primitive element.
type Seen = (usize, Tag, Option<Vec<u8>>);

/// Writes the steps that make sense; gives the data and what a reader must see.
fn run(steps: &[Step]) -> (Vec<u8>, Vec<Seen>) {
    let mut out = vec![0; 20_000];
    let mut writer = Writer::new(&mut out);
    let (mut depth, mut seen) = (0, Vec::new());
    for step in steps {
        match step {
            Step::Put(tag, value) if depth < MAX_DEPTH => {
                writer.put(*tag, value).unwrap();
                seen.push((depth, *tag, Some(value.clone())));
            }
            Step::Begin(tag) if depth < MAX_DEPTH => {
                writer.begin(*tag).unwrap();
                seen.push((depth, *tag, None));
                depth += 1;
            }
            Step::End if depth > 0 => {
                writer.end().unwrap();
                depth -= 1;
            }
            _ => {}
        }
    }
    for _ in 0..depth {
        writer.end().unwrap();
    }
    let len = writer.finish().unwrap();
    out.truncate(len);
    (out, seen)
}

fn read(data: &[u8]) -> Result<Vec<Seen>, Error> {
    let value = |e: payhsm::codec::tlv::Element<'_>| (!e.is_constructed()).then(|| e.value().to_vec());
    Reader::new(data)
        .map(|element| element.map(|e| (e.depth(), e.tag(), value(e))))
        .collect()
}

/// Bytes that look like TLV more often than noise does.
fn noise() -> impl Strategy<Value = Vec<u8>> {
    let byte = prop_oneof![
        any::<u8>(),
        prop::sample::select(vec![
            0x00, 0x01, 0x02, 0x05, 0x70, 0x77, 0x80, 0x81, 0x82, 0x83, 0x9F, 0xE1, 0xFF
        ]),
    ];
    vec(byte, 0..300)
}

proptest! {
    #[test]
    fn what_is_written_is_read(steps in vec(step(), 0..40)) {
        let (data, seen) = run(&steps);
        prop_assert_eq!(read(&data), Ok(seen));
    }

    #[test]
    fn whatever_is_read_is_rewritten(data in noise()) {
        if let Ok(elements) = read(&data) {
            // The structure as steps: templates close where the depth falls back.
            let (mut steps, mut depth) = (Vec::new(), 0);
            for (at, tag, value) in &elements {
                while depth > *at {
                    steps.push(Step::End);
                    depth -= 1;
                }
                match value {
                    Some(value) => steps.push(Step::Put(*tag, value.clone())),
                    None => {
                        steps.push(Step::Begin(*tag));
                        depth += 1;
                    }
                }
            }
            let (again, _) = run(&steps);
            prop_assert!(again.len() <= data.len());
            prop_assert_eq!(read(&again), Ok(elements));
        }
    }

    #[test]
    fn readers_end(data in noise()) {
        let mut reader = Reader::new(&data);
        let mut last = 0;
        for element in reader.by_ref() {
            let Ok(element) = element else { break };
            prop_assert!(element.depth() < MAX_DEPTH);
            prop_assert!(element.offset() >= last);
            last = element.offset() + 1;
            let within = element.offset() + element.tag().len() + 1 + element.value().len();
            prop_assert!(within <= data.len());
        }
        prop_assert!(reader.offset() <= data.len());
        prop_assert!(reader.next().is_none());
    }

    #[test]
    fn a_flipped_byte_never_panics((steps, at, mask) in (vec(step(), 1..20), any::<prop::sample::Index>(), 1..=255_u8)) {
        let (mut data, _) = run(&steps);
        if !data.is_empty() {
            let at = at.index(data.len());
            data[at] ^= mask;
            let _ = read(&data);
            let _ = find(&data, Tag::new(0x9F02).unwrap());
        }
    }

    #[test]
    fn parsers_are_total(data in noise()) {
        let _ = GenerateAcResponse::parse(&data);
        let _ = Track2::parse(&data);
        let _ = pan(&data);
        for profile in ALL {
            let _ = profile.parse_iad(&data);
        }
        if let Ok(dol) = Dol::parse(&data) {
            let mut out = [0x55; 252];
            prop_assert_eq!(dol.build(&[], &mut out), Ok(dol.data_len()));
            prop_assert!(out[..dol.data_len()].iter().all(|&b| b == 0));
        }
    }

    #[test]
    fn decimal_fields_come_back(digits in vec(0..10_u8, 0..20), room in 0..12_usize) {
        let mut packed = [0; 12];
        let packed = &mut packed[..room];
        let fits = digits.len() <= 2 * room;
        prop_assert_eq!(bcd::encode_compressed(&digits, packed).is_ok(), fits);
        if fits {
            let mut back = [0; 20];
            let count = bcd::decode_compressed(packed, &mut back).unwrap();
            prop_assert_eq!(&back[..count], &digits[..]);
            bcd::encode_numeric(&digits, packed).unwrap();
            let value = digits.iter().try_fold(0_u64, |v, &d| v.checked_mul(10)?.checked_add(d.into()));
            prop_assert_eq!(bcd::decode_numeric(packed).ok(), value);
        }
    }
}
