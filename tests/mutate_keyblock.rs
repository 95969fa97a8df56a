// SPDX-License-Identifier: MIT OR Apache-2.0
//! Mutated key blocks: no panic, nothing accepted, and what passes the checks of public fields fails with one error.
//!
//! `PAYHSM_MUTATIONS` says how many, for `scripts/mutate-keyblocks`; without it a few thousand.
#![cfg(all(feature = "hazmat", feature = "legacy"))]

use std::collections::{BTreeMap, BTreeSet};

use payhsm::entropy::Entropy;
use payhsm::error::Error;
use payhsm::key::role::Kbpk;
use payhsm::key::usage::{Attributes, Exportability, KeyAlgorithm, ModeOfUse, Usage};
use payhsm::key::{Aes, Key, Tdea};
use payhsm::keyblock::header::{HeaderText, Version};
use payhsm::keyblock::optional::Optional;
use payhsm::keyblock::wrap::{LengthHiding, Template};
use payhsm::keyblock::{KbpkRef, KeyBlock, PAYLOAD_LEN, Payload, Profile};

const PROFILES: [Profile; 3] = [Profile::X9143Strict, Profile::Tr31_2018, Profile::Iso20038];

/// A generator whose whole state is in a failure's message.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 16
    }

    fn below(&mut self, n: usize) -> usize {
        usize::try_from(self.next()).unwrap() % n
    }

    fn byte(&mut self) -> u8 {
        u8::try_from(self.next() & 0xFF).unwrap()
    }

    fn one_of(&mut self, list: &[u8]) -> u8 {
        list[self.below(list.len())]
    }
}

impl Entropy for Random {
    fn fill(&mut self, out: &mut [u8]) -> Result<(), Error> {
        out.fill_with(|| self.byte());
        Ok(())
    }
}

struct Protection {
    tdea: Key<Kbpk, Tdea>,
    aes: Key<Kbpk, Aes>,
}

impl Protection {
    fn of(&self, version: Version) -> KbpkRef<'_> {
        if version.is_aes() {
            KbpkRef::Aes(&self.aes)
        } else {
            KbpkRef::Tdea(&self.tdea)
        }
    }
}

/// Sound blocks of every version, with and without optional blocks, of several lengths.
fn specimens(protection: &Protection) -> Vec<Vec<u8>> {
    let mut all = Vec::new();
    let data = "x".repeat(260);
    let kc = "0008D7B4";
    let sets: [&[(&[u8; 2], &str)]; 4] = [
        &[],
        &[(b"LB", "a label")],
        &[
            (b"KS", "FFFF9876543210E00000"),
            (b"TS", "20261125000000Z"),
            (b"WP", "001"),
        ],
        &[(b"LB", &data), (b"PK", kc)],
    ];
    for version in [Version::A, Version::B, Version::C, Version::D, Version::E] {
        for (usage, algorithm, mode, len) in [
            (Usage::P0, KeyAlgorithm::Tdea, ModeOfUse::Encrypt, 16),
            (Usage::D0, KeyAlgorithm::Aes, ModeOfUse::Both, 32),
            (Usage::M7, KeyAlgorithm::Hmac, ModeOfUse::Verify, 40),
            (Usage::S0, KeyAlgorithm::Ec, ModeOfUse::Sign, 121),
        ] {
            for (set, length) in sets.iter().zip([
                LengthHiding::Longest,
                LengthHiding::None,
                LengthHiding::To(64),
                LengthHiding::Longest,
            ]) {
                let blocks: Vec<_> = set
                    .iter()
                    .map(|(id, data)| Optional::new(**id, data.as_bytes()).unwrap())
                    .collect();
                let attributes = Attributes::new(usage, algorithm, mode, Exportability::Exportable);
                let mut template = Template::new(version, attributes).with_optional(&blocks);
                template.length = length;
                let mut out = vec![0; 1024];
                let key = [0x5C; 121];
                let written = template.wrap_bytes(
                    protection.of(version),
                    &key[..len],
                    &mut Random(all.len() as u64 + 1),
                    &mut out,
                );
                out.truncate(written.unwrap());
                all.push(out);
            }
        }
    }
    all
}

/// What a mutation puts in: characters of the field there, mostly.
fn character(random: &mut Random, at: usize) -> u8 {
    match (random.below(8), at) {
        (0, _) => random.byte(),
        (1, _) => random.one_of(b"abcdef \0\r\n~"),
        (_, 0) => random.one_of(b"ABCDE"),
        (_, 5) => random.one_of(b"BCDEIKMPSV0"),
        (_, 7) => random.one_of(b"ADEHIJRST0"),
        (_, 8) => random.one_of(b"BCDEGNSTVXY0"),
        (_, 11) => random.one_of(b"ENS0"),
        (_, 14) => random.one_of(b"0123"),
        (_, 1..=4 | 6 | 9 | 10 | 12 | 13 | 15) => random.one_of(b"0123456789"),
        _ => random.one_of(b"0123456789ABCDEF"),
    }
}

fn mutate(random: &mut Random, text: &mut Vec<u8>, others: &[Vec<u8>]) {
    for _ in 0..=random.below(3) {
        let at = random.below(text.len().max(1));
        match random.below(10) {
            0..=4 => {
                let c = character(random, at);
                text[at] = c;
            }
            5 => text[at] ^= 1 << random.below(8),
            6 => text.swap(at, at.saturating_sub(1)),
            7 => {
                // The end of another block.
                let other = &others[random.below(others.len())];
                let len = at.min(other.len());
                text.truncate(len);
                text.extend_from_slice(&other[len..]);
            }
            8 => {
                let count = 1 + random.below(32);
                for _ in 0..count {
                    let c = character(random, 99);
                    text.insert(at, c);
                }
            }
            _ => {
                let end = (at + 1 + random.below(32)).min(text.len());
                text.drain(at..end);
            }
        }
        if text.len() < 16 {
            break;
        }
    }
    // Most of them with the right total length, or little else would be looked at.
    if random.below(8) != 0 && text.len() >= 16 {
        let len = format!("{:04}", text.len());
        text[1..5].copy_from_slice(len.as_bytes());
    }
}

fn wanted() -> u64 {
    match std::env::var("PAYHSM_MUTATIONS") {
        Ok(text) => text.parse().expect("PAYHSM_MUTATIONS is no number"),
        Err(_) => 20_000,
    }
}

#[test]
fn mutations() {
    let protection = Protection {
        tdea: Key::from_bytes(&[0x31; 24]).unwrap(),
        aes: Key::from_bytes(&[0x32; 32]).unwrap(),
    };
    let sound = specimens(&protection);
    assert_eq!(sound.len(), 5 * 4 * 4);
    let known: BTreeSet<_> = sound.iter().collect();
    let mut random = Random(0x5EED);
    let mut payload = Payload::empty();
    // For each profile and length: the errors behind the checks of public fields.
    let mut behind: BTreeMap<(usize, usize), BTreeMap<i32, u64>> = BTreeMap::new();
    let mut before: BTreeMap<i32, u64> = BTreeMap::new();
    let (mut made, mut too_long, count) = (0, 0, wanted());
    while made < count {
        let state = random.0;
        let mut text = sound[random.below(sound.len())].clone();
        mutate(&mut random, &mut text, &sound);
        if known.contains(&text) {
            continue;
        }
        made += 1;
        for (number, profile) in PROFILES.into_iter().enumerate() {
            let block = match KeyBlock::parse(&text, profile) {
                Ok(block) => block,
                Err(error) => {
                    *before.entry(error.code()).or_default() += 1;
                    continue;
                }
            };
            let version = block.header().version;
            let error = match block.verify(protection.of(version), &mut payload) {
                Ok(_) => panic!("accepted from {state:#X}: {}", String::from_utf8_lossy(&text)),
                Err(error) => error,
            };
            // Decided by the length of the enciphered part alone, before any key is touched.
            let (_, rest) = HeaderText::parse(&text, profile).unwrap();
            if rest.len() / 2 - version.mac_len() > PAYLOAD_LEN {
                assert_eq!(error, Error::KeyBlockPayload);
                too_long += 1;
                continue;
            }
            let codes = behind.entry((number, text.len())).or_default();
            *codes.entry(error.code()).or_default() += 1;
        }
    }
    // The error of a public field says which: -3xx, and -110 for a version that is not built.
    assert!(before.keys().all(|code| (-399..=-300).contains(code)), "{before:?}");
    let mut verified = 0;
    for ((profile, len), codes) in &behind {
        assert_eq!(codes.len(), 1, "profile {profile}, {len} characters: {codes:?}");
        let (code, times) = codes.first_key_value().unwrap();
        assert_eq!(
            *code,
            Error::VerificationFailed.code(),
            "profile {profile}, {len} characters"
        );
        verified += times;
    }
    assert!(verified > count / 4, "{verified} of {count} came to the authenticator");
    println!(
        "{count} mutated key blocks, each by three profiles: {} refused for a public field with {} codes; {verified} \
         refused at the authenticator with {} for each of {} lengths; {too_long} longer than a payload may be; none \
         accepted",
        before.values().sum::<u64>(),
        before.len(),
        Error::VerificationFailed.code(),
        behind.len(),
    );
}
