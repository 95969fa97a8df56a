// SPDX-License-Identifier: MIT OR Apache-2.0
//! Key blocks.

use payhsm::error::Error;
use payhsm::key::role::{Kbpk, Signing};
use payhsm::key::usage::{Attributes, Exportability, KeyAlgorithm, KeyVersion, ModeOfUse, Usage};
use payhsm::key::{Aes, Ec, Key, Tdea};
use payhsm::keyblock::header::{HeaderText, Version};
use payhsm::keyblock::optional::{CheckValue, Optional, Typed};
use payhsm::keyblock::wrap::{LengthHiding, Template, wrap_with};
use payhsm::keyblock::{KbpkRef, KeyBlock, Payload, Profile};

use crate::{Input, Rng};

const PROFILES: [Profile; 3] = [Profile::X9143Strict, Profile::Tr31_2018, Profile::Iso20038];

/// What is read is spelled as it was read; what is strict is also lenient.
pub fn parse(data: &[u8]) {
    for profile in PROFILES {
        let (Ok(block), Ok((text, rest))) = (KeyBlock::parse(data, profile), HeaderText::parse(data, profile)) else {
            continue;
        };
        assert_eq!(block.header().to_chars(), data[..16]);
        assert_eq!([text.text(), rest].concat(), data);
        let mut optional = text.text()[16..].iter().copied();
        for found in block.blocks().iter() {
            assert_eq!(optional.by_ref().take(2).collect::<Vec<_>>(), found.id);
            assert_eq!(block.optional(found.id), Some(found.data));
            // The length: two digits, or eight.
            if optional.by_ref().take(2).collect::<Vec<_>>() == b"00" {
                optional.by_ref().take(6).for_each(drop);
            }
            assert_eq!(optional.by_ref().take(found.data.len()).collect::<Vec<_>>(), found.data);
        }
        assert_eq!(optional.next(), None);
        let blocks = block.blocks();
        let _ = (blocks.iksn(), blocks.ikid(), blocks.bdk_id(), blocks.hash());
        for found in blocks {
            typed(found, profile);
        }
        let _ = (
            blocks.key_check_value(),
            blocks.kbpk_check_value(),
            format!("{block:?}"),
        );
        if profile == Profile::X9143Strict {
            KeyBlock::parse(data, Profile::Tr31_2018).unwrap();
        }
    }
}

enum Protection {
    Tdea(Key<Kbpk, Tdea>),
    Aes(Key<Kbpk, Aes>),
}

impl Protection {
    fn read(input: &mut Input<'_>) -> Option<Self> {
        let kind = input.byte();
        let len = [16, 24, 32][usize::from(kind >> 1) % 3];
        let bytes = input.array::<32>();
        if kind & 1 == 0 {
            Key::from_bytes(&bytes[..len]).ok().map(Self::Tdea)
        } else {
            Key::from_bytes(&bytes[..len]).ok().map(Self::Aes)
        }
    }

    fn key(&self) -> KbpkRef<'_> {
        match self {
            Self::Tdea(key) => KbpkRef::Tdea(key),
            Self::Aes(key) => KbpkRef::Aes(key),
        }
    }
}

/// An authentic block is the only one with its header, key and padding; after a failure nothing is left.
pub fn unwrap(data: &[u8]) {
    let mut input = Input::new(data);
    let Some(kbpk) = Protection::read(&mut input) else {
        return;
    };
    let text = input.rest();
    for profile in PROFILES {
        let Ok(block) = KeyBlock::parse(text, profile) else {
            continue;
        };
        let mut payload = Payload::empty();
        let Ok(block) = block.verify(kbpk.key(), &mut payload) else {
            continue;
        };
        let (header, _) = HeaderText::parse(text, profile).unwrap();
        let mut again = vec![0; text.len()];
        let len = wrap_with(
            kbpk.key(),
            header.text(),
            block.key_bytes(),
            block.padding_bytes(),
            &mut again,
        )
        .unwrap();
        assert_eq!(again[..len], *text);
    }
}

/// A key that is wrapped is unwrapped, with its attributes and optional blocks; a character changed is refused.
pub fn wrap(data: &[u8]) {
    let mut input = Input::new(data);
    let [seed, version, algorithm, hiding, place, change] = input.array();
    let Some(kbpk) = Protection::read(&mut input) else {
        return;
    };
    let Ok(version) = Version::from_char(b'A' + version % 5) else {
        return;
    };
    let algorithm = KeyAlgorithm::ALL[usize::from(algorithm) % KeyAlgorithm::ALL.len()];
    let [usage, mode, exportability] = input.array::<3>().map(usize::from);
    let attributes = Attributes {
        usage: Usage::ALL[usage % Usage::ALL.len()],
        algorithm,
        mode: ModeOfUse::ALL[mode % ModeOfUse::ALL.len()],
        version: KeyVersion::from_chars(input.array()).unwrap_or(KeyVersion::UNUSED),
        exportability: Exportability::ALL[exportability % Exportability::ALL.len()],
    };
    let key = input.short();
    let mut optional = Vec::new();
    for _ in 0..input.byte() % 5 {
        let id = input.array();
        let data = input.short();
        // A check value of another key would be refused, rightly.
        if let Ok(block) = Optional::new(id, data)
            && ![*b"KC", *b"KP"].contains(&id)
        {
            optional.push(block);
        }
    }
    let mut template = Template::new(version, attributes).with_optional(&optional);
    template.length = match hiding % 3 {
        0 => LengthHiding::Longest,
        1 => LengthHiding::None,
        _ => LengthHiding::To(usize::from(hiding)),
    };
    let mut out = vec![0x55; 4096];
    let mut rng = Rng(u64::from(seed));
    let Ok(len) = template.wrap_bytes(kbpk.key(), key, &mut rng, &mut out) else {
        assert!(out.iter().all(|&c| c == 0));
        return;
    };
    assert_eq!(template.block_len(key.len()), Ok(len));
    let text = &mut out[..len];
    let profile = Profile::of(version);
    let mut payload = Payload::empty();
    let parsed = match KeyBlock::parse(text, profile) {
        Ok(block) => block,
        // What the writer leaves to its caller and the reader does not take.
        Err(Error::KeyBlockOptional | Error::KeyBlockAlgorithm) => return,
        Err(error) => panic!("{error:?}: {}", String::from_utf8_lossy(text)),
    };
    let block = parsed.verify(kbpk.key(), &mut payload).unwrap();
    assert_eq!(block.key_bytes(), key);
    assert_eq!(*block.attributes(), attributes);
    for given in &optional {
        assert!(block.blocks().iter().any(|found| found == *given));
    }
    // Sixteen other characters take its place.
    let place = usize::from(place) * len / 256;
    let old = text[place];
    text[place] = b"0123456789ABCDEF"[usize::from(change % 16)];
    if text[place] != old {
        let mut payload = Payload::empty();
        let refused = match KeyBlock::parse(text, profile) {
            Ok(block) => block.verify(kbpk.key(), &mut payload).is_err(),
            Err(_) => true,
        };
        assert!(refused, "{}", String::from_utf8_lossy(text));
    }
}

/// What a block says is spelled as it was read; the strict profile reads nothing else.
fn typed(block: Optional<'_>, profile: Profile) {
    let read = match block.typed() {
        Ok(read) => read,
        Err(error) => {
            assert_eq!(error, Error::KeyBlockOptional);
            assert_ne!(profile, Profile::X9143Strict);
            return;
        }
    };
    match read {
        Typed::KeyCheck(value) | Typed::KbpkCheck(value) | Typed::ExportCheck(value) => {
            assert_eq!(value.to_text(&mut [0; CheckValue::TEXT_LEN]), Ok(block.data));
        }
        Typed::Pedigree(pedigree) => assert_eq!(pedigree.to_chars(), block.data),
        Typed::Derivations(allowed) => {
            assert_eq!(allowed.iter().count() * 5 + 2, block.data.len());
            assert!(allowed.iter().all(|one| allowed.allow(&one)));
        }
        Typed::Certificates(chain) => {
            let read: usize = chain.iter().map(|one| one.base64.len()).sum();
            assert!(read <= block.data.len());
        }
        Typed::Created(time) | Typed::Stamped(time) => {
            let [year, month, ..] = time.fields();
            assert!(year <= 9999 && (1..=12).contains(&month));
            assert_eq!(time.text(), block.data);
        }
        Typed::Hash(hash) => assert_eq!(format!("{:02X}", hash.id()).as_bytes(), block.data),
        _ => {}
    }
}

/// A private key of P-256 is read from its one encoding, and written as that.
pub fn pair(data: &[u8]) {
    let mut input = Input::new(data);
    let with_public = input.byte() & 1 != 0;
    let der = input.rest();
    let kbpk = Key::<Kbpk, Aes>::from_bytes(&[0x31; 16]).unwrap();
    let attributes = Attributes::new(Usage::S0, KeyAlgorithm::Ec, ModeOfUse::Sign, Exportability::Exportable);
    let template = Template::new(Version::D, attributes);
    let mut out = vec![0; 1024];
    // A scalar becomes the encoding that it has; other input is taken as an encoding.
    if let Ok(key) = Key::<Signing, Ec>::from_bytes(der)
        && with_public
    {
        match template.wrap(KbpkRef::Aes(&kbpk), &key, &mut Rng(1), &mut out) {
            Ok(len) => {
                let back = open_pair(&kbpk, &out[..len]).unwrap();
                assert_eq!(back.1, der);
            }
            Err(error) => assert_eq!(error, Error::EcScalar),
        }
        return;
    }
    let Ok(len) = template.wrap_bytes(KbpkRef::Aes(&kbpk), der, &mut Rng(1), &mut out) else {
        return;
    };
    match open_pair(&kbpk, &out[..len]) {
        Ok((key, scalar)) => {
            assert_eq!(der[7..39], scalar);
            let len = template.wrap(KbpkRef::Aes(&kbpk), &key, &mut Rng(1), &mut out).unwrap();
            let mut payload = Payload::empty();
            let block = KeyBlock::parse(&out[..len], Profile::X9143Strict).unwrap();
            let block = block.verify(KbpkRef::Aes(&kbpk), &mut payload).unwrap();
            assert!(block.key_bytes() == der || der.len() == 51);
        }
        Err(error) => assert_eq!(error, Error::VerificationFailed),
    }
}

fn open_pair(kbpk: &Key<Kbpk, Aes>, text: &[u8]) -> Result<(Key<Signing, Ec>, Vec<u8>), Error> {
    let mut payload = Payload::empty();
    let block = KeyBlock::parse(text, Profile::X9143Strict)?.verify(KbpkRef::Aes(kbpk), &mut payload)?;
    let mut key = Key::empty();
    let result = block.unwrap_into(&mut key);
    assert_eq!(result.is_err(), key.is_empty());
    result?;
    let scalar = key.expose_bytes().to_vec();
    Ok((key, scalar))
}
