// SPDX-License-Identifier: MIT OR Apache-2.0
//! Key blocks: the reader is total, reading undoes writing, writing undoes reading, and nothing altered is accepted.
#![cfg(all(feature = "hazmat", feature = "legacy"))]

use payhsm::entropy::Entropy;
use payhsm::error::Error;
use payhsm::key::role::Kbpk;
use payhsm::key::usage::{Attributes, Exportability, KeyAlgorithm, KeyVersion, ModeOfUse, Usage};
use payhsm::key::{Aes, Key, Tdea};
use payhsm::keyblock::header::{HeaderText, KeyContext, Version};
use payhsm::keyblock::optional::Optional;
use payhsm::keyblock::wrap::{LengthHiding, Template, wrap_with};
use payhsm::keyblock::{KbpkRef, KeyBlock, Payload, Profile};
use proptest::collection::{hash_map, vec};
use proptest::prelude::*;

const PROFILES: [Profile; 3] = [Profile::X9143Strict, Profile::Tr31_2018, Profile::Iso20038];

struct Counter(u8);

impl Entropy for Counter {
    fn fill(&mut self, out: &mut [u8]) -> Result<(), Error> {
        for byte in out {
            *byte = self.0;
            self.0 = self.0.wrapping_mul(5).wrapping_add(1);
        }
        Ok(())
    }
}

/// What a block is made of.
#[derive(Clone, Debug)]
struct Parts {
    version: Version,
    attributes: Attributes,
    context: KeyContext,
    optional: Vec<([u8; 2], Vec<u8>)>,
    length: LengthHiding,
    kbpk: Vec<u8>,
    key: Vec<u8>,
    seed: u8,
}

enum Protection {
    Tdea(Key<Kbpk, Tdea>),
    Aes(Key<Kbpk, Aes>),
}

impl Protection {
    fn as_ref(&self) -> KbpkRef<'_> {
        match self {
            Self::Tdea(key) => KbpkRef::Tdea(key),
            Self::Aes(key) => KbpkRef::Aes(key),
        }
    }
}

impl Parts {
    fn protection(&self) -> Protection {
        if self.version.is_aes() {
            Protection::Aes(Key::from_bytes(&self.kbpk).unwrap())
        } else {
            Protection::Tdea(Key::from_bytes(&self.kbpk).unwrap())
        }
    }

    fn blocks(&self) -> Vec<Optional<'_>> {
        let blocks = self.optional.iter();
        blocks.map(|(id, data)| Optional::new(*id, data).unwrap()).collect()
    }

    fn wrap(&self) -> Result<Vec<u8>, Error> {
        let blocks = self.blocks();
        let template = Template {
            version: self.version,
            attributes: self.attributes,
            context: self.context,
            optional: &blocks,
            length: self.length,
        };
        let mut out = [0; 9999];
        let protection = self.protection();
        let len = template.wrap_bytes(protection.as_ref(), &self.key, &mut Counter(self.seed), &mut out)?;
        assert_eq!(template.block_len(self.key.len()), Ok(len));
        Ok(out[..len].to_vec())
    }
}

fn id() -> impl Strategy<Value = [u8; 2]> {
    "[0-9A-Z][0-9A-Z]"
        .prop_map(|text| text.into_bytes().try_into().unwrap())
        .prop_filter("written by us or compared", |id| !matches!(id, b"PB" | b"KC" | b"KP"))
}

fn parts() -> impl Strategy<Value = Parts> {
    let keys = prop_oneof![
        (Just(KeyAlgorithm::Tdea), prop_oneof![Just(16_usize), Just(24)]),
        (Just(KeyAlgorithm::Aes), prop_oneof![Just(16_usize), Just(24), Just(32)]),
        (Just(KeyAlgorithm::Hmac), 1..=64_usize),
        (Just(KeyAlgorithm::Ec), 1..=150_usize),
        (Just(KeyAlgorithm::Des), Just(8_usize)),
    ];
    let version = prop::sample::select(vec![Version::A, Version::B, Version::C, Version::D, Version::E]);
    let length = prop_oneof![
        Just(LengthHiding::Longest),
        Just(LengthHiding::None),
        (0..200_usize).prop_map(LengthHiding::To)
    ];
    let data = prop_oneof![4 => "[ -~]{0,40}", 1 => "[ -~]{240,300}"].prop_map(String::into_bytes);
    let usage = prop::sample::select(Usage::ALL).prop_filter("has its own lengths", |usage| *usage != Usage::I0);
    let attributes = (
        usage,
        prop::sample::select(ModeOfUse::ALL),
        "[0-9A-Za-z]{2}",
        prop::sample::select(Exportability::ALL),
        prop::sample::select(vec![KeyContext::Any, KeyContext::Storage, KeyContext::Exchange]),
    );
    (
        version,
        keys,
        length,
        hash_map(id(), data, 0..5),
        attributes,
        vec(any::<u8>(), 32),
        vec(any::<u8>(), 150),
        (0..3_usize, any::<u8>()),
    )
        .prop_map(
            |(version, (algorithm, len), length, optional, fields, kbpk, key, (size, seed))| {
                let (usage, mode, number, exportability, context) = fields;
                let sizes: &[usize] = if version.is_aes() { &[16, 24, 32] } else { &[16, 24, 16] };
                Parts {
                    version,
                    attributes: Attributes {
                        usage,
                        algorithm,
                        mode,
                        version: KeyVersion::from_chars(number.into_bytes().try_into().unwrap()).unwrap(),
                        exportability,
                    },
                    context,
                    optional: optional.into_iter().collect(),
                    length,
                    kbpk: kbpk[..sizes[size]].to_vec(),
                    key: key[..len].to_vec(),
                    seed,
                }
            },
        )
}

/// Text that gets past the first checks now and then.
fn almost() -> impl Strategy<Value = Vec<u8>> {
    (
        "[A-EX][0-9]{4}[A-Z][0-9][A-Z][A-Z][0-9c]{2}[ENS]0[0-5][0-3]0",
        "([A-Z0-9]{2}(0[0-9A-F]|1[0-9A-F]|00040[0-9A-F]{3}|00020[0-9A-F]{3})[ -~]{0,24}){0,4}",
        "[0-9A-F]{0,200}",
        any::<bool>(),
    )
        .prop_map(|(header, optional, hex, right_length)| {
            let mut text = [header, optional, hex].concat();
            if right_length {
                let len = format!("{:04}", text.len());
                text.replace_range(1..5, &len);
            }
            text.into_bytes()
        })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_reader_is_total(bytes in prop_oneof![vec(any::<u8>(), 0..300), almost()], key in vec(any::<u8>(), 32)) {
        let aes: Key<Kbpk, Aes> = Key::from_bytes(&key).unwrap();
        let tdea: Key<Kbpk, Tdea> = Key::from_bytes(&key[..24]).unwrap();
        let mut payload = Payload::empty();
        for profile in PROFILES {
            let _ = HeaderText::parse(&bytes, profile);
            let Ok(block) = KeyBlock::parse(&bytes, profile) else { continue };
            let kbpk = if block.header().version.is_aes() { KbpkRef::Aes(&aes) } else { KbpkRef::Tdea(&tdea) };
            let error = block.verify(kbpk, &mut payload).err();
            prop_assert!(matches!(error, Some(Error::VerificationFailed | Error::KeyBlockPayload)));
        }
    }

    #[test]
    fn reading_undoes_writing(parts in parts()) {
        let Ok(text) = parts.wrap() else {
            // The one thing that cannot be asked for here: more than a payload holds.
            prop_assert_eq!(parts.wrap(), Err(Error::KeyBlockPayload));
            return Ok(());
        };
        let block = KeyBlock::parse(&text, Profile::of(parts.version)).unwrap();
        prop_assert_eq!(block.attributes(), &parts.attributes);
        prop_assert_eq!(block.header().context, parts.context);
        let read: Vec<Optional<'_>> = block.blocks().iter().filter(|b| b.id != *b"PB").collect();
        prop_assert_eq!(&read, &parts.blocks());
        let protection = parts.protection();
        let mut payload = Payload::empty();
        let verified = block.verify(protection.as_ref(), &mut payload).unwrap();
        prop_assert_eq!(verified.key_bytes(), &parts.key[..]);

        // And writing undoes reading: from the parts that were read comes the same text.
        let (header, _) = HeaderText::parse(&text, Profile::of(parts.version)).unwrap();
        let mut again = vec![0; text.len()];
        let len = wrap_with(
            protection.as_ref(), header.text(), verified.key_bytes(), verified.padding_bytes(), &mut again,
        );
        prop_assert_eq!(len, Ok(text.len()));
        prop_assert_eq!(&again, &text);
        prop_assert_eq!(&Parts { optional: read.iter().map(|b| (b.id, b.data.to_vec())).collect(), ..parts }.wrap(), &Ok(text));
    }

    #[test]
    fn nothing_altered_is_accepted(parts in parts(), at in any::<prop::sample::Index>(), c in any::<u8>()) {
        let Ok(text) = parts.wrap() else { return Ok(()) };
        let at = at.index(text.len());
        let mut altered = text.clone();
        altered[at] = c;
        prop_assume!(altered != text);
        let protection = parts.protection();
        for profile in PROFILES {
            let Ok(block) = KeyBlock::parse(&altered, profile) else { continue };
            let mut payload = Payload::empty();
            let error = block.verify(protection.as_ref(), &mut payload).err();
            prop_assert!(error.is_some());
        }
    }

    #[test]
    fn the_length_of_the_key_does_not_show(parts in parts(), a in 1..=2_usize, b in 1..=2_usize) {
        let make = |bytes: usize| {
            let mut parts = parts.clone();
            parts.attributes.algorithm = KeyAlgorithm::Tdea;
            parts.length = LengthHiding::Longest;
            parts.key = vec![7; 8 + 8 * bytes];
            parts.wrap().unwrap().len()
        };
        prop_assert_eq!(make(a), make(b));
    }
}
