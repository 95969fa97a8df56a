// SPDX-License-Identifier: MIT OR Apache-2.0
//! Key blocks against the published examples (`vectors/tr31.txt`), forwards, backwards and tampered with.
#![cfg(all(feature = "hazmat", feature = "legacy"))]

#[path = "common/vectors.rs"]
mod vectors;

use payhsm::entropy::Entropy;
use payhsm::error::Error;
use payhsm::key::role::{Kbpk, MacKey, PinEncryption};
use payhsm::key::usage::{Attributes, Exportability, KeyAlgorithm, KeyVersion, ModeOfUse, Usage};
use payhsm::key::{Aes, Key, Tdea};
use payhsm::keyblock::header::{HeaderText, KeyContext, Version};
use payhsm::keyblock::optional::{BdkId, Hash, Optional};
use payhsm::keyblock::wrap::{LengthHiding, Template, wrap_with};
use payhsm::keyblock::{KbpkRef, KeyBlock, Payload, Profile, ProtectionKeys};
use vectors::{Case, cases};

/// A protection key of either algorithm.
enum Protection {
    Tdea(Key<Kbpk, Tdea>),
    Aes(Key<Kbpk, Aes>),
}

impl Protection {
    fn new(version: Version, bytes: &[u8]) -> Result<Self, Error> {
        if version.is_aes() {
            Key::from_bytes(bytes).map(Self::Aes)
        } else {
            Key::from_bytes(bytes).map(Self::Tdea)
        }
    }

    fn as_ref(&self) -> KbpkRef<'_> {
        match self {
            Self::Tdea(key) => KbpkRef::Tdea(key),
            Self::Aes(key) => KbpkRef::Aes(key),
        }
    }
}

/// Gives the bytes it was made with, then fails.
struct Fixed<'a>(&'a [u8]);

impl Entropy for Fixed<'_> {
    fn fill(&mut self, out: &mut [u8]) -> Result<(), Error> {
        let (bytes, rest) = self.0.split_at_checked(out.len()).ok_or(Error::Entropy)?;
        out.copy_from_slice(bytes);
        self.0 = rest;
        Ok(())
    }
}

fn version_of(block: &[u8]) -> Result<Version, Error> {
    Version::from_char(*block.first().ok_or(Error::KeyBlockLength)?)
}

/// Key and padding of a block, read by the lenient profile of its version.
fn open(kbpk: &[u8], block: &[u8]) -> Result<(Vec<u8>, Vec<u8>), Error> {
    let version = version_of(block)?;
    open_as(kbpk, block, Profile::of(version))
}

fn open_as(kbpk: &[u8], block: &[u8], profile: Profile) -> Result<(Vec<u8>, Vec<u8>), Error> {
    let version = version_of(block)?;
    let block = KeyBlock::parse(block, profile)?;
    let kbpk = Protection::new(version, kbpk)?;
    let mut payload = Payload::empty();
    let block = block.verify(kbpk.as_ref(), &mut payload)?;
    Ok((block.key_bytes().to_vec(), block.padding_bytes().to_vec()))
}

fn expect_attributes(case: &Case, attributes: &Attributes) {
    assert_eq!(attributes.usage.to_chars(), case.text("Usage").as_bytes());
    assert_eq!([attributes.algorithm.to_char()], case.text("Algorithm").as_bytes());
    assert_eq!([attributes.mode.to_char()], case.text("Mode").as_bytes());
    assert_eq!(attributes.version.to_chars(), case.text("Key_version").as_bytes());
    assert_eq!(
        [attributes.exportability.to_char()],
        case.text("Exportability").as_bytes()
    );
}

fn expect_blocks(case: &Case, found: impl Iterator<Item = ([u8; 2], Vec<u8>)>) {
    let list = case.list("Optional_blocks");
    let expected = list.iter().map(|pair| match pair.list() {
        [id, data] => (id.text().into_bytes(), data.text().into_bytes()),
        other => panic!("{other:?}"),
    });
    assert!(expected.eq(found.map(|(id, data)| (id.to_vec(), data))));
}

#[test]
fn unwrap_and_wrap_again() {
    let cases = cases("tr31", "tr31_unwrap");
    assert_eq!(cases.len(), 55);
    let mut emitted = 0;
    for case in cases {
        let (kbpk, text) = (case.hex("Kbpk"), case.text("Key_block").into_bytes());
        let (key, padding) = (case.hex("Key"), case.hex("Padding"));
        let version = version_of(&text).unwrap();
        assert_eq!([version.to_char()], case.text("Version").as_bytes());
        let block = KeyBlock::parse(&text, Profile::of(version)).unwrap_or_else(|e| panic!("{}: {e:?}", case.id()));
        expect_attributes(&case, block.attributes());
        expect_blocks(&case, block.blocks().iter().map(|b| (b.id, b.data.to_vec())));

        let protection = Protection::new(version, &kbpk).unwrap();
        let mut payload = Payload::empty();
        let verified = block
            .verify(protection.as_ref(), &mut payload)
            .unwrap_or_else(|e| panic!("{}: {e:?}", case.id()));
        assert_eq!(verified.key_bytes(), key, "{}", case.id());
        assert_eq!(verified.padding_bytes(), padding, "{}", case.id());

        // The header text and the padding determine the block.
        let (header, _) = HeaderText::parse(&text, Profile::of(version)).unwrap();
        let mut out = vec![0xAA; text.len()];
        let len = wrap_with(protection.as_ref(), header.text(), &key, &padding, &mut out).unwrap();
        assert_eq!(out.get(..len), Some(&text[..]), "{}", case.id());

        // So do the parts of the header, where the text has the form that we write.
        let blocks: Vec<Optional<'_>> = verified.blocks().iter().filter(|b| b.id != *b"PB").collect();
        let template = Template {
            version,
            attributes: *verified.attributes(),
            context: verified.header().context,
            optional: &blocks,
            length: LengthHiding::To(key.len() + padding.len()),
        };
        let mut out = vec![0xAA; text.len()];
        let len = template.wrap_bytes(protection.as_ref(), &key, &mut Fixed(&padding), &mut out);
        let pads_with_zeros = verified
            .optional(*b"PB")
            .is_none_or(|data| data.iter().all(|c| *c == b'0'));
        if pads_with_zeros {
            assert_eq!((len, &out), (Ok(text.len()), &text), "{}", case.id());
            emitted += 1;
        }
        // The tampered twin.
        let mut twin = text.clone();
        let last = twin.last_mut().unwrap();
        *last = if *last == b'0' { b'1' } else { b'0' };
        assert_eq!(open(&kbpk, &twin), Err(Error::VerificationFailed), "{}", case.id());
    }
    assert_eq!(emitted, 52);
}

#[test]
fn refused_blocks() {
    let cases = cases("tr31", "tr31_unwrap_reject");
    assert_eq!(cases.len(), 32);
    for case in cases {
        let result = open(&case.hex("Kbpk"), case.text("Key_block").as_bytes());
        assert!(result.is_err(), "{}", case.id());
    }
}

#[test]
fn headers() {
    let good = cases("tr31", "tr31_header_parse");
    assert_eq!(good.len(), 3);
    for case in good {
        let text = case.text("Header").into_bytes();
        let (header, rest) = HeaderText::parse(&text, Profile::Tr31_2018).unwrap();
        assert!(rest.is_empty());
        assert_eq!([header.header().version.to_char()], case.text("Version").as_bytes());
        expect_attributes(&case, &header.header().attributes);
        expect_blocks(&case, header.blocks().iter().map(|b| (b.id, b.data.to_vec())));
    }
    let bad = cases("tr31", "tr31_header_reject");
    assert_eq!(bad.len(), 16);
    for case in bad {
        let text = case.text("Header").into_bytes();
        assert!(HeaderText::parse(&text, Profile::Tr31_2018).is_err(), "{}", case.id());
    }
}

fn fields(case: &Case) -> Result<(), Error> {
    fn one(text: &str) -> Result<u8, Error> {
        match text.as_bytes() {
            [c] => Ok(*c),
            _ => Err(Error::InvalidLength),
        }
    }
    fn two(text: &str) -> Result<[u8; 2], Error> {
        text.as_bytes().try_into().map_err(|_| Error::InvalidLength)
    }
    let text = ["Version", "Usage", "Algorithm", "Mode", "Key_version", "Exportability"].map(|name| case.text(name));
    let [version, usage, algorithm, mode, key_version, exportability] = &text;
    Version::from_char(one(version)?)?;
    Usage::from_chars(two(usage)?)?;
    KeyAlgorithm::from_char(one(algorithm)?)?;
    ModeOfUse::from_char(one(mode)?)?;
    KeyVersion::from_chars(two(key_version)?)?;
    Exportability::from_char(one(exportability)?)?;
    Ok(())
}

#[test]
fn refused_fields() {
    let cases = cases("tr31", "tr31_field_reject");
    assert_eq!(cases.len(), 14);
    for case in cases {
        assert!(fields(&case).is_err(), "{}", case.id());
    }
}

#[test]
fn block_lengths() {
    let cases = cases("tr31", "tr31_block_length");
    assert_eq!(cases.len(), 50);
    for case in cases {
        let version = version_of(case.text("Version").as_bytes()).unwrap();
        let algorithm = KeyAlgorithm::from_char(case.text("Algorithm").as_bytes()[0]).unwrap();
        let attributes = Attributes::new(Usage::D0, algorithm, ModeOfUse::Both, Exportability::Exportable);
        let mut template = Template::new(version, attributes);
        if let Some(len) = case.opt_int("Masked_key_len") {
            template.length = usize::try_from(len).map_or(LengthHiding::None, LengthHiding::To);
        }
        let key_len = usize::try_from(case.int("Key_len")).unwrap();
        let expected = usize::try_from(case.int("Block_len")).unwrap();
        assert_eq!(template.block_len(key_len), Ok(expected), "{}", case.id());
    }
}

#[test]
fn exported_shapes() {
    let cases = cases("tr31", "tr31_export_shape");
    assert_eq!(cases.len(), 10);
    for case in cases {
        let prefix = case.text("Header_prefix").into_bytes();
        let (kbpk, key) = (case.hex("Kbpk"), case.hex("Key"));
        let hidden = case.bool("Key_length_obfuscation");
        let expected = usize::try_from(case.int("Length")).unwrap();
        let version = version_of(&prefix).unwrap();
        // The prefix may end in the padding block.
        let filled = [&prefix[..], &[b'0'; 16]].concat();
        let (header, _) = HeaderText::parse(&filled, Profile::of(version)).unwrap();
        let blocks: Vec<Optional<'_>> = header.blocks().iter().filter(|b| b.id != *b"PB").collect();
        let template = Template {
            version,
            attributes: header.header().attributes,
            context: KeyContext::Any,
            optional: &blocks,
            length: if hidden {
                LengthHiding::Longest
            } else {
                LengthHiding::None
            },
        };
        let protection = Protection::new(version, &kbpk).unwrap();
        let mut out = [0; 512];
        let len = template
            .wrap_bytes(protection.as_ref(), &key, &mut Fixed(&[0x5A; 64]), &mut out)
            .unwrap();
        let text = out.get(..len).unwrap();
        assert_eq!(len, expected, "{}", case.id());
        assert!(text.starts_with(&prefix), "{}", case.id());
        assert_eq!(open(&kbpk, text).unwrap().0, key);
    }
}

#[test]
fn derived_keys() {
    let cases = cases("tr31", "tr31_derive_keys");
    assert_eq!(cases.len(), 10);
    for case in cases {
        let version = version_of(case.text("Version").as_bytes()).unwrap();
        let protection = Protection::new(version, &case.hex("Kbpk")).unwrap();
        let mut keys = ProtectionKeys::empty();
        keys.derive(version, protection.as_ref()).unwrap();
        assert_eq!(keys.kbek(), case.hex("Kbek"), "{}", case.id());
        assert_eq!(keys.kbak(), case.hex("Kbak"), "{}", case.id());
    }
}

/// A short block of each version, with its protection key: header, optional blocks and padding block.
fn specimens() -> Vec<(Vec<u8>, Vec<u8>)> {
    let mut all = Vec::new();
    for version in [Version::A, Version::B, Version::C, Version::D, Version::E] {
        let kbpk: Vec<u8> = (0x11..0x21).collect();
        let protection = Protection::new(version, &kbpk).unwrap();
        let attributes = Attributes::new(
            Usage::P0,
            if version.is_aes() {
                KeyAlgorithm::Aes
            } else {
                KeyAlgorithm::Tdea
            },
            ModeOfUse::Encrypt,
            Exportability::Exportable,
        );
        let optional = [
            Optional::new(*b"LB", b"k1").unwrap(),
            Optional::new(*b"KS", b"00604B120F9292800000").unwrap(),
        ];
        let template = Template::new(version, attributes).with_optional(&optional);
        let mut out = [0; 256];
        let len = template
            .wrap_bytes(protection.as_ref(), &[0x5C; 16], &mut Fixed(&[7; 64]), &mut out)
            .unwrap();
        let text = out[..len].to_vec();
        assert_eq!(open(&kbpk, &text).unwrap().0, [0x5C; 16]);
        all.push((kbpk, text));
    }
    all
}

/// Attack row D01.
#[test]
fn every_bit_byte_and_neighbour() {
    for (kbpk, text) in specimens() {
        let refused = |changed: &[u8], what: &str| {
            let error = open(&kbpk, changed).expect_err(what);
            assert!(
                matches!(error.code(), -341..=-330 | -400 | -205 | -106),
                "{what}: {error:?}"
            );
        };
        for at in 0..text.len() {
            for bit in 0..8 {
                let mut changed = text.clone();
                changed[at] ^= 1 << bit;
                refused(&changed, "flip");
            }
            let mut changed = text.clone();
            changed.remove(at);
            refused(&changed, "delete");
            for c in [b'0', b'A', 0, b'\n', 0xFF] {
                let mut changed = text.clone();
                changed.insert(at, c);
                refused(&changed, "insert");
            }
            if at > 0 && text[at] != text[at - 1] {
                let mut changed = text.clone();
                changed.swap(at, at - 1);
                refused(&changed, "swap");
            }
            refused(&text[..at], "truncate");
        }
        for tail in [&b"0"[..], b"00", b" ", b"\0", b"\r\n", b"0000000000000000"] {
            refused(&[&text[..], tail].concat(), "extend");
        }
    }
}

/// Attack row D06: the authenticator cut, with the length field set right.
#[test]
fn shorter_authenticators() {
    for (kbpk, text) in specimens() {
        for cut in 1..=40_usize.min(text.len() - 16) {
            let mut changed = text[..text.len() - cut].to_vec();
            let len = format!("{:04}", changed.len());
            changed[1..5].copy_from_slice(len.as_bytes());
            assert!(open(&kbpk, &changed).is_err(), "{cut}");
        }
    }
}

/// Attack row D03.
#[test]
fn versions_are_not_confused() {
    let tdea: Key<Kbpk, Tdea> = Key::from_bytes(&[0x11; 16]).unwrap();
    let single: Key<Kbpk, Tdea> = Key::from_bytes(&[0x11; 8]).unwrap();
    let aes: Key<Kbpk, Aes> = Key::from_bytes(&[0x11; 16]).unwrap();
    let (no_tdea, no_aes) = (Key::<Kbpk, Tdea>::empty(), Key::<Kbpk, Aes>::empty());
    let mut payload = Payload::empty();
    for (kbpk, text) in specimens() {
        let version = version_of(&text).unwrap();
        let parse = || KeyBlock::parse(&text, Profile::of(version)).unwrap();
        let (other, empty) = if version.is_aes() {
            (KbpkRef::Tdea(&tdea), KbpkRef::Aes(&no_aes))
        } else {
            (KbpkRef::Aes(&aes), KbpkRef::Tdea(&no_tdea))
        };
        assert_eq!(
            parse().verify(other, &mut payload).err(),
            Some(Error::AlgorithmMismatch)
        );
        assert_eq!(parse().verify(empty, &mut payload).err(), Some(Error::NoKey));
        if !version.is_aes() {
            assert_eq!(
                parse().verify(KbpkRef::Tdea(&single), &mut payload).err(),
                Some(Error::InvalidKeyLength)
            );
        }
        for c in *b"ABCDE" {
            let mut changed = text.clone();
            if changed[0] != c {
                changed[0] = c;
                assert!(open(&kbpk, &changed).is_err());
            }
        }
    }
}

/// Attack row D02: authentic blocks whose length field is wrong fail as a wrong authenticator does. The payload is
/// sealed here, with the derived keys, so that its length field can say anything.
#[test]
fn length_fields() {
    use payhsm::cipher::{aes, modes};
    use payhsm::mac::{Mac, cmac::CmacAes};

    let kbpk: Key<Kbpk, Aes> = Key::from_bytes(&[0x77; 32]).unwrap();
    let mut keys = ProtectionKeys::empty();
    keys.derive(Version::D, KbpkRef::Aes(&kbpk)).unwrap();
    let seal = |header: &[u8], body: &[u8]| {
        let mut mac = [0; 16];
        let mut cmac = CmacAes::new(keys.kbak()).unwrap();
        cmac.update(header);
        cmac.update(body);
        cmac.finish(&mut mac).unwrap();
        let mut body = body.to_vec();
        modes::cbc_encrypt(&aes::Aes::new(keys.kbek()).unwrap(), &mac, &mut body).unwrap();
        let hex: String = body.iter().chain(&mac).map(|b| format!("{b:02X}")).collect();
        [header, hex.as_bytes()].concat()
    };
    let verdict = |header: &[u8], bits: u16| {
        let mut body = [0xC3; 48];
        body[..2].copy_from_slice(&bits.to_be_bytes());
        open(&[0x77; 32], &seal(header, &body)).map(|(key, _)| key.len() * 8)
    };
    for (header, legal) in [
        (b"D0144P0AE00E0000", &[128, 192, 256][..]),
        (b"D0144P0TE00E0000", &[128, 192]),
        (b"D0144M1DG00E0000", &[64]),
        (b"D0144I0AN00E0000", &[64, 128]),
    ] {
        for bits in 0..=u16::MAX {
            // All the small ones, and a choice of the others.
            if bits > 600 && bits % 251 != 0 && bits < 0xFFF0 {
                continue;
            }
            let expected = if legal.contains(&bits) {
                Ok(usize::from(bits))
            } else {
                Err(Error::VerificationFailed)
            };
            assert_eq!(verdict(header, bits), expected, "{bits}");
        }
    }
    for bits in [8, 16, 8 * 46] {
        assert!(verdict(b"D0144M7HG00E0000", bits).is_ok());
        assert!(verdict(b"D0144S0ES00E0000", bits).is_ok());
    }
    for bits in [0, 7, 9, 8 * 47] {
        assert_eq!(verdict(b"D0144M7HG00E0000", bits), Err(Error::VerificationFailed));
        assert_eq!(verdict(b"D0144S0ES00E0000", bits), Err(Error::VerificationFailed));
    }
}

/// Attack row D07: wrong check values inside an authentic block.
#[test]
fn check_values_are_compared() {
    let kbpk = [0x88; 32];
    let key = [0x3F; 16];
    let protection = Protection::new(Version::D, &kbpk).unwrap();
    let right: Key<PinEncryption, Aes> = Key::from_bytes(&key).unwrap();
    let hex = |bytes: &[u8]| bytes.iter().map(|b| format!("{b:02X}")).collect::<String>();
    let kc = hex(&right.kcv_cmac().unwrap());
    let Protection::Aes(kbpk_key) = &protection else {
        panic!("version D is protected by an AES key")
    };
    let kp = hex(&kbpk_key.kcv_cmac().unwrap());
    let attributes = Attributes::new(Usage::P0, KeyAlgorithm::Aes, ModeOfUse::Both, Exportability::Exportable);
    let wrap = |id: [u8; 2], data: &str| {
        let blocks = [Optional::new(id, data.as_bytes()).unwrap()];
        let template = Template::new(Version::D, attributes).with_optional(&blocks);
        let mut out = [0; 256];
        let len = template
            .wrap(protection.as_ref(), &right, &mut Fixed(&[9; 64]), &mut out)
            .unwrap();
        out[..len].to_vec()
    };
    for (id, value) in [(*b"KC", &kc), (*b"KP", &kp)] {
        for len in [2, 4, 10] {
            let data = format!("01{}", &value[..len]);
            assert!(open(&kbpk, &wrap(id, &data)).is_ok());
            let wrong = if data.ends_with('0') { "1" } else { "0" };
            let data = format!("{}{wrong}", &data[..data.len() - 1]);
            assert_eq!(open(&kbpk, &wrap(id, &data)), Err(Error::VerificationFailed));
        }
        for data in ["", "01", "02AA", "00AABBCCDD", "01AABBCCDDEEFF", "01AAB", "01aa"] {
            assert_eq!(open(&kbpk, &wrap(id, data)), Err(Error::KeyBlockOptional), "{data}");
        }
    }
    // Without it a block says nothing wrong.
    assert!(open(&kbpk, &wrap(*b"PK", "019876543210")).is_ok());
}

#[test]
fn typed_optional_blocks() {
    let attributes = Attributes::new(
        Usage::B1,
        KeyAlgorithm::Aes,
        ModeOfUse::Derive,
        Exportability::NonExportable,
    );
    let blocks = [
        Optional::new(*b"IK", b"1234567890123456").unwrap(),
        Optional::new(*b"KS", b"VM9A").unwrap(),
        Optional::new(*b"BI", b"0112345678").unwrap(),
        Optional::new(*b"HM", b"21").unwrap(),
    ];
    let protection = Protection::new(Version::D, &[1; 16]).unwrap();
    let mut out = [0; 256];
    let len = Template::new(Version::D, attributes)
        .with_optional(&blocks)
        .wrap_bytes(protection.as_ref(), &[2; 16], &mut Fixed(&[9; 64]), &mut out)
        .unwrap();
    let block = KeyBlock::parse(&out[..len], Profile::Tr31_2018).unwrap();
    let found = block.blocks();
    assert_eq!(found.ikid(), Ok(Some([0x12, 0x34, 0x56, 0x78, 0x90, 0x12, 0x34, 0x56])));
    assert_eq!(found.iksn(), Err(Error::KeyBlockOptional));
    assert_eq!(block.optional(*b"KS"), Some(&b"VM9A"[..]));
    assert_eq!(found.bdk_id(), Ok(Some(BdkId::BdkId([0x12, 0x34, 0x56, 0x78]))));
    assert_eq!(found.hash(), Ok(Some(Hash::Sha256)));
    assert_eq!(block.optional(*b"XX"), None);
    assert_eq!(
        KeyBlock::parse(&out[..len], Profile::X9143Strict).err(),
        Some(Error::KeyBlockOptional)
    );
}

#[test]
fn a_key_goes_only_where_its_block_says() {
    let (kbpk, text) = specimens().remove(3);
    let protection = Protection::new(Version::D, &kbpk).unwrap();
    let mut payload = Payload::empty();
    let block = KeyBlock::parse(&text, Profile::X9143Strict).unwrap();
    let block = block.verify(protection.as_ref(), &mut payload).unwrap();
    let mut pin: Key<PinEncryption, Aes> = Key::empty();
    block.unwrap_into(&mut pin).unwrap();
    assert_eq!(pin.expose_bytes(), [0x5C; 16]);
    let mut tdea: Key<PinEncryption, Tdea> = Key::from_bytes(&[1; 16]).unwrap();
    assert_eq!(block.unwrap_into(&mut tdea), Err(Error::AlgorithmMismatch));
    assert!(tdea.is_empty());
    let mut mac: Key<MacKey, Aes> = Key::from_bytes(&[1; 16]).unwrap();
    assert_eq!(block.unwrap_into(&mut mac), Err(Error::UsageNotPermitted));
    assert!(mac.is_empty());
}

#[test]
fn a_refused_wrap_leaves_zeros() {
    let kbpk: Key<Kbpk, Aes> = Key::from_bytes(&[1; 16]).unwrap();
    let key: Key<PinEncryption, Aes> = Key::from_bytes(&[2; 16]).unwrap();
    let empty: Key<PinEncryption, Aes> = Key::empty();
    let attributes = Attributes::new(Usage::P0, KeyAlgorithm::Aes, ModeOfUse::Both, Exportability::Exportable);
    let good = Template::new(Version::D, attributes);
    let check = |template: &Template<'_>, key, entropy: &[u8], len: usize, error| {
        let mut out = vec![0xAA; len];
        let result = template.wrap(KbpkRef::Aes(&kbpk), key, &mut Fixed(entropy), &mut out);
        assert_eq!(result, Err(error));
        assert!(out.iter().all(|c| *c == 0));
    };
    check(&good, &key, &[], 144, Error::Entropy);
    check(&good, &key, &[1; 32], 143, Error::BufferTooSmall);
    check(&good, &empty, &[1; 32], 144, Error::NoKey);
    let mut bad = good;
    bad.version = Version::B;
    check(&bad, &key, &[1; 32], 144, Error::AlgorithmMismatch);
    bad = good;
    bad.attributes.usage = Usage::D0;
    check(&bad, &key, &[1; 32], 144, Error::UsageNotPermitted);
    bad = good;
    bad.attributes.algorithm = KeyAlgorithm::Tdea;
    check(&bad, &key, &[1; 32], 144, Error::AlgorithmMismatch);
    bad = good;
    bad.attributes.mode = ModeOfUse::Derive;
    check(&bad, &key, &[1; 32], 144, Error::KeyBlockMode);
    bad = good;
    bad.length = LengthHiding::To(191);
    check(&bad, &key, &[1; 32], 144, Error::KeyBlockPayload);
    bad.length = LengthHiding::To(usize::MAX);
    check(&bad, &key, &[1; 32], 144, Error::KeyBlockPayload);
    // Lengths at the border of what four digits can say.
    let long = vec![b'x'; 9999 - 16 - 10 - 128];
    let blocks = [Optional::new(*b"LB", &long).unwrap()];
    check(
        &good.with_optional(&blocks),
        &key,
        &[1; 32],
        9999,
        Error::KeyBlockLength,
    );
    let blocks = [Optional::new(*b"LB", &long[..long.len() - 32]).unwrap()];
    let mut out = [0; 9999];
    let template = good.with_optional(&blocks);
    let len = template
        .wrap(KbpkRef::Aes(&kbpk), &key, &mut Fixed(&[1; 64]), &mut out)
        .unwrap();
    assert_eq!(len, 9984);
    assert_eq!(open(&[1; 16], &out[..len]).unwrap().0, [2; 16]);
    let many: Vec<Optional<'_>> = (0..100).map(|_| Optional::new(*b"LB", b"").unwrap()).collect();
    check(
        &good.with_optional(&many),
        &key,
        &[1; 32],
        9999,
        Error::KeyBlockOptionalCount,
    );
}

#[test]
fn a_payload_too_long_for_us_is_refused() {
    let header = b"D0528S0RS00E0000";
    let text: Vec<u8> = header.iter().copied().chain([b'0'; 512]).collect();
    let block = KeyBlock::parse(&text, Profile::X9143Strict).unwrap();
    let protection = Protection::new(Version::D, &[1; 16]).unwrap();
    let mut payload = Payload::empty();
    let error = block.verify(protection.as_ref(), &mut payload).err();
    assert_eq!(error, Some(Error::KeyBlockPayload));
}

/// What a block shows: its header, and not the key.
#[test]
fn blocks_are_shown_without_their_keys() {
    let (kbpk, block) = specimens().remove(0);
    let version = version_of(&block).unwrap();
    let mut payload = Payload::default();
    let shown = format!("{:?}", KeyBlock::parse(&block, Profile::of(version)).unwrap());
    assert!(shown.starts_with("KeyBlock { header: "), "{shown}");
    let key = Protection::new(version, &kbpk).unwrap();
    let opened = KeyBlock::parse(&block, Profile::of(version)).unwrap();
    let opened = opened.verify(key.as_ref(), &mut payload).unwrap();
    let secret = format!("{:?}", opened.key_bytes());
    let shown = format!("{opened:?}");
    assert!(!shown.contains(secret.trim_matches(['[', ']'])), "{shown}");
    assert_eq!(format!("{payload:?}"), "Payload { .. }");
}

fn working_key(algorithm: KeyAlgorithm) -> Attributes {
    Attributes::new(Usage::D0, algorithm, ModeOfUse::Encrypt, Exportability::Exportable)
}

/// Every algorithm's keys of every length: a block is written around those that are keys, and nothing else.
#[test]
fn only_keys_are_wrapped() {
    let protection = Protection::new(Version::D, &[1; 16]).unwrap();
    for (algorithm, lengths) in [
        (KeyAlgorithm::Des, &[8][..]),
        (KeyAlgorithm::Tdea, &[16, 24]),
        (KeyAlgorithm::Aes, &[16, 24, 32]),
    ] {
        for len in 0..40 {
            let mut out = [0x55; 256];
            let template = Template::new(Version::D, working_key(algorithm));
            let result = template.wrap_bytes(protection.as_ref(), &[2; 40][..len], &mut Fixed(&[9; 64]), &mut out);
            if lengths.contains(&len) {
                assert_eq!(open(&[1; 16], &out[..result.unwrap()]).unwrap().0, [2; 40][..len]);
            } else {
                assert_eq!(
                    (result, out),
                    (Err(Error::InvalidKeyLength), [0; 256]),
                    "{algorithm:?} {len}"
                );
            }
        }
    }
}

/// Optional blocks that no constructor makes, one fault each.
#[test]
fn malformed_optional_blocks_are_not_written() {
    let protection = Protection::new(Version::D, &[1; 16]).unwrap();
    let label = |data| Optional { id: *b"LB", data };
    for blocks in [
        &[label(b"\n")][..],
        &[Optional { id: *b"L!", data: b"" }],
        &[Optional {
            id: *b"PB",
            data: b"0000",
        }],
        &[label(b"1"), label(b"2")],
    ] {
        let template = Template::new(Version::D, working_key(KeyAlgorithm::Aes)).with_optional(blocks);
        assert_eq!(template.block_len(16), Err(Error::KeyBlockOptional), "{blocks:?}");
        let mut out = [0x55; 256];
        let result = template.wrap_bytes(protection.as_ref(), &[2; 16], &mut Fixed(&[9; 64]), &mut out);
        assert_eq!((result, out), (Err(Error::KeyBlockOptional), [0; 256]));
    }
}

#[test]
fn key_and_padding_are_whole_blocks() {
    let protection = Protection::new(Version::D, &[1; 16]).unwrap();
    let mut out = [0; 256];
    for (padding, wanted) in [
        (14, Ok(112)),
        (13, Err(Error::KeyBlockPayload)),
        (15, Err(Error::KeyBlockPayload)),
    ] {
        let header = b"D0112D0AE00E0000";
        let result = wrap_with(protection.as_ref(), header, &[2; 16], &[3; 16][..padding], &mut out);
        assert_eq!(result, wanted, "{padding}");
    }
}

/// Of 100 optional blocks the padding block is one.
#[test]
fn as_many_optional_blocks_as_two_digits_say() {
    let ids: Vec<[u8; 2]> = (0..100_u8).map(|n| [b'0' + n / 10, b'0' + n % 10]).collect();
    let blocks = |count: usize, data: &'static [u8]| {
        let mut blocks: Vec<_> = ids[..count].iter().map(|id| Optional { id: *id, data: b"" }).collect();
        blocks[0].data = data;
        blocks
    };
    let block_len = |blocks: &[Optional<'_>]| {
        let template = Template::new(Version::D, working_key(KeyAlgorithm::Aes));
        template.with_optional(blocks).block_len(16)
    };
    // 99 blocks of 4 characters, and 4 more: whole blocks of the cipher, which need no padding block.
    assert_eq!(block_len(&blocks(99, b"0000")), Ok(16 + 400 + 96 + 32));
    assert_eq!(block_len(&blocks(99, b"")), Err(Error::KeyBlockOptionalCount));
    assert_eq!(block_len(&blocks(100, b"")), Err(Error::KeyBlockOptionalCount));
    assert_eq!(block_len(&blocks(98, b"")), Ok(16 + 400 + 96 + 32));
}

#[test]
fn enciphered_parts_are_whole_and_hold_a_key() {
    let parse = |header: &str, digits: usize| {
        let text = format!("{header}{}", "0".repeat(digits));
        KeyBlock::parse(text.as_bytes(), Profile::Iso20038).err()
    };
    // Without its length field and one byte of a key a block has none.
    assert_eq!(parse("E0054D0AE00E0000", 6 + 32), None);
    assert_eq!(parse("E0052D0AE00E0000", 4 + 32), Some(Error::KeyBlockPayload));
    assert_eq!(parse("E0048D0AE00E0000", 32), Some(Error::KeyBlockPayload));
}
