// SPDX-License-Identifier: MIT OR Apache-2.0
//! What key blocks bring beyond a key: who may open them, what they say besides the attributes, and what leaves again.

use payhsm::error::Error;
use payhsm::hsm::{Export, KeyHandle};
use payhsm::key::Key;
use payhsm::key::role::DataEncryption;
use payhsm::key::usage::{Attributes, Exportability, KeyVersion, ModeOfUse};
use payhsm::key::{Aes, Tdea};
use payhsm::keyblock::header::{KeyContext, Version};
use payhsm::keyblock::optional::{CheckMethod, Optional};
use payhsm::keyblock::wrap::Template;
use payhsm::keyblock::{KbpkRef, KeyBlock, Payload, Profile};
use payhsm::policy::{Permission, Policy};

use crate::common::{
    Device, Module, PERMISSIVE, attributes, block, block_iso20038, block_tdea, block_variant, ceremony, key, module,
    payload, start, value,
};

type Make = fn(&[u8], &Attributes, &[u8], &[Optional<'_>]) -> Vec<u8>;

/// Versions, the protection key of each, and a dialect that has it.
const VERSIONS: [(&str, char, Version, Make, Profile); 5] = [
    ("K1", 'T', Version::B, block_tdea, Profile::X9143Strict),
    ("K1", 'A', Version::D, block, Profile::X9143Strict),
    ("K4", 'A', Version::E, block_iso20038, Profile::Iso20038),
    ("K0", 'T', Version::C, block_variant, Profile::Tr31_2018),
    ("K0", 'T', Version::A, block_a, Profile::Tr31_2018),
];

fn block_a(kbpk: &[u8], attributes: &Attributes, material: &[u8], optional: &[Optional<'_>]) -> Vec<u8> {
    let kbpk = Key::from_bytes(kbpk).unwrap();
    let template = Template::new(Version::A, *attributes).with_optional(optional);
    let mut out = vec![0; 512];
    let len = template.wrap_bytes(KbpkRef::Tdea(&kbpk), material, &mut Device::new(9), &mut out);
    out.truncate(len.unwrap());
    out
}

fn optional<'a>(id: &[u8; 2], data: &'a str) -> Optional<'a> {
    Optional::new(*id, data.as_bytes()).unwrap()
}

/// What a block says, by a reader that is not the module.
fn blocks(text: &[u8]) -> Vec<(String, String)> {
    let version = Version::from_char(text[0]).unwrap();
    let block = KeyBlock::parse(text, Profile::of(version)).unwrap();
    let found = block.blocks();
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    found
        .iter()
        .filter(|one| one.id != *b"PB")
        .map(|one| (text(&one.id), text(one.data)))
        .collect()
}

fn pairs(list: &[(&str, &str)]) -> Vec<(String, String)> {
    list.iter()
        .map(|(id, data)| ((*id).to_owned(), (*data).to_owned()))
        .collect()
}

fn header(text: &[u8]) -> Attributes {
    let version = Version::from_char(text[0]).unwrap();
    *KeyBlock::parse(text, Profile::of(version)).unwrap().attributes()
}

fn export(hsm: &mut Module, kbpk: KeyHandle, key: KeyHandle, export: &Export<'_>) -> Result<Vec<u8>, Error> {
    let mut out = vec![0xA5; 600];
    let result = hsm.key_block_export_as(kbpk, key, export, &mut out);
    let len = result.unwrap_or(0);
    assert!(out[len..].iter().all(|&c| c == 0));
    out.truncate(len);
    result.map(|_| out)
}

/// D03: a protection key opens and writes the versions of its kind, and no others.
#[test]
fn d03_one_key_one_binding() {
    let mut hsm = start(&Device::new(1), PERMISSIVE, 8, 0).unwrap();
    let inner = attributes("D0", 'T', 'E', 'E');
    let victim = ceremony(&mut hsm, &inner, &value(3, 16)).unwrap();
    let material = value(1, 16);
    let mut cells = (0, 0);
    for (own, algorithm) in [("K1", 'T'), ("K1", 'A'), ("K4", 'A'), ("K0", 'T')] {
        let kbpk = ceremony(&mut hsm, &attributes(own, algorithm, 'B', 'N'), &material).unwrap();
        for (usage, letter, version, make, profile) in VERSIONS {
            let fits = (own, algorithm) == (usage, letter);
            let mismatch = if own == usage {
                Error::AlgorithmMismatch
            } else {
                Error::UsageNotPermitted
            };
            cells.0 += 1;
            cells.1 += usize::from(fits);
            let text = make(&material, &attributes("D0", 'T', 'D', 'N'), &value(2, 16), &[]);
            let result = hsm.key_block_import(kbpk, &text, profile);
            assert_eq!(
                result.err(),
                (!fits).then_some(mismatch),
                "{own} {algorithm} {version:?}"
            );
            if let Ok(imported) = result {
                hsm.key_erase(imported.key).unwrap();
            }
            let wanted = Export {
                version: Some(version),
                ..Export::default()
            };
            let result = export(&mut hsm, kbpk, victim, &wanted);
            assert_eq!(result.as_ref().err(), (!fits).then_some(&mismatch));
            if let Ok(text) = result {
                assert_eq!(text[0], version.to_char());
                // And it comes back.
                let back = hsm.key_block_import(kbpk, &text, profile).unwrap();
                assert_eq!(back.info, hsm.key_info(victim).unwrap());
                hsm.key_erase(back.key).unwrap();
            }
        }
        hsm.key_erase(kbpk).unwrap();
    }
    assert_eq!(cells, (20, 5));
}

/// D04: versions A and C need a permission, and a key that saw ten wrong authenticators opens no more of them.
#[test]
fn d04_variants_by_permission_and_not_for_ever() {
    let own = attributes("K0", 'T', 'D', 'N');
    let inner = attributes("D0", 'T', 'E', 'N');
    let material = value(1, 16);
    for make in [block_variant as Make, block_a] {
        let good = make(&material, &inner, &value(2, 16), &[]);
        let mut strict = start(&Device::new(1), Policy::STRICT, 3, 0).unwrap();
        let kbpk = ceremony(&mut strict, &own, &material).unwrap();
        let result = strict.key_block_import(kbpk, &good, Profile::Tr31_2018);
        assert_eq!(result.err(), Some(Error::UsageNotPermitted));

        let policy = Policy::STRICT.with(Permission::LegacyKeyBlocks);
        let mut hsm = start(&Device::new(1), policy, 3, 0).unwrap();
        let kbpk = ceremony(&mut hsm, &own, &material).unwrap();
        let mut bad = good.clone();
        let last = bad.last_mut().unwrap();
        *last = if *last == b'0' { b'1' } else { b'0' };
        for wrong in 0..10 {
            let result = hsm.key_block_import(kbpk, &bad, Profile::Tr31_2018);
            assert_eq!(result.err(), Some(Error::VerificationFailed));
            // Malformed blocks are no guesses.
            assert!(hsm.key_block_import(kbpk, &bad[..40], Profile::Tr31_2018).is_err());
            if wrong < 9 {
                let imported = hsm.key_block_import(kbpk, &good, Profile::Tr31_2018).unwrap();
                hsm.key_erase(imported.key).unwrap();
            }
        }
        for text in [&good, &bad] {
            let result = hsm.key_block_import(kbpk, text, Profile::Tr31_2018);
            assert_eq!(result.err(), Some(Error::Locked));
            let mut out = [0xA5; 256];
            let result = hsm.key_block_translate(kbpk, text, Profile::Tr31_2018, kbpk, &Export::default(), &mut out);
            assert_eq!((result.is_err(), out), (true, [0; 256]));
        }
        // Entered anew it starts anew: that is the officer's business.
        hsm.key_erase(kbpk).unwrap();
        let kbpk = ceremony(&mut hsm, &own, &material).unwrap();
        hsm.key_block_import(kbpk, &good, Profile::Tr31_2018).unwrap();
    }
}

/// C05: a block that says more than the caller expects is refused before anything is deciphered.
#[test]
fn c05_expected_attributes() {
    let device = Device::new(1);
    let mut hsm = start(&device, Policy::STRICT, 3, 0).unwrap();
    let material = value(1, 16);
    let kbpk = ceremony(&mut hsm, &attributes("K1", 'A', 'D', 'N'), &material).unwrap();
    let with_version = |mut attributes: Attributes, version: &[u8; 2]| {
        attributes.version = KeyVersion::from_chars(*version).unwrap();
        attributes
    };
    let d0 = |mode, export| attributes("D0", 'A', mode, export);
    let c0 = |mode| attributes("C0", 'T', mode, 'N');
    for (said, expected, error) in [
        (d0('E', 'N'), d0('E', 'N'), None),
        (d0('E', 'N'), d0('B', 'E'), None),
        (d0('D', 'E'), d0('B', 'S'), None),
        (with_version(d0('E', 'N'), b"07"), d0('E', 'N'), None),
        (
            with_version(d0('E', 'N'), b"07"),
            with_version(d0('E', 'N'), b"07"),
            None,
        ),
        (c0('G'), c0('C'), None),
        (c0('V'), c0('C'), None),
        (c0('C'), c0('G'), Some(Error::ModeNotPermitted)),
        (c0('V'), c0('G'), Some(Error::ModeNotPermitted)),
        (d0('B', 'N'), d0('E', 'N'), Some(Error::ModeNotPermitted)),
        (d0('D', 'N'), d0('E', 'N'), Some(Error::ModeNotPermitted)),
        (d0('E', 'E'), d0('E', 'N'), Some(Error::ExportNotPermitted)),
        (d0('E', 'S'), d0('E', 'E'), Some(Error::ExportNotPermitted)),
        (
            d0('E', 'N'),
            attributes("D3", 'A', 'E', 'N'),
            Some(Error::UsageNotPermitted),
        ),
        (
            d0('E', 'N'),
            attributes("D0", 'T', 'E', 'N'),
            Some(Error::AlgorithmMismatch),
        ),
        (
            with_version(d0('E', 'N'), b"07"),
            with_version(d0('E', 'N'), b"08"),
            Some(Error::KeyBlockKeyVersion),
        ),
        (
            d0('E', 'N'),
            with_version(d0('E', 'N'), b"08"),
            Some(Error::KeyBlockKeyVersion),
        ),
    ] {
        let text = block(&material, &said, &value(2, 16), &[]);
        let (status, touched) = (hsm.status(), device.touched());
        let result = hsm.key_block_import_as(kbpk, &text, Profile::X9143Strict, &expected);
        assert_eq!(result.err(), error, "{said:?} {expected:?}");
        if let Ok(imported) = result {
            // The narrower of the two is what the block says.
            assert_eq!(imported.info.attributes, said);
            hsm.key_erase(imported.key).unwrap();
        }
        assert_eq!((hsm.status(), device.touched()), (status, touched));
    }
}

/// D09, C05: what leaves is narrower or the same, and the key here stays what it is.
#[test]
fn d09_export_narrows_only() {
    let mut hsm = start(&Device::new(1), PERMISSIVE, 4, 0).unwrap();
    let kbpk = key(&mut hsm, "K1", 'A', 'E', 1);
    let modes: Vec<ModeOfUse> = ModeOfUse::ALL.to_vec();
    let (mut cells, mut narrowed) = (0, 0);
    for (usage, mode, narrower) in [
        ("D0", 'B', "BED"),
        ("D0", 'E', "E"),
        ("C0", 'C', "CGV"),
        ("C0", 'G', "G"),
        ("D0", 'N', "BDENX"),
        ("C0", 'N', "CGVN"),
        ("E0", 'X', "X"),
    ] {
        for (own, exportabilities) in [('E', "EN"), ('S', "SEN"), ('N', "")] {
            let attributes = attributes(usage, 'T', mode, own);
            let held = ceremony(&mut hsm, &attributes, &value(2, 16)).unwrap();
            for &wanted in &modes {
                for letter in *b"ENS" {
                    cells += 1;
                    let wanted = Export {
                        mode: Some(wanted),
                        exportability: Exportability::from_char(letter).ok(),
                        ..Export::default()
                    };
                    let table = Attributes {
                        mode: wanted.mode.unwrap(),
                        ..attributes
                    };
                    let fits = narrower.as_bytes().contains(&table.mode.to_char())
                        && table.check().is_ok()
                        && exportabilities.as_bytes().contains(&letter);
                    let result = export(&mut hsm, kbpk, held, &wanted);
                    assert_eq!(result.is_ok(), fits, "{attributes:?} {wanted:?} {result:?}");
                    if let Ok(text) = result {
                        narrowed += 1;
                        let said = header(&text);
                        assert_eq!(
                            (Some(said.mode), Some(said.exportability)),
                            (wanted.mode, wanted.exportability)
                        );
                    }
                }
            }
            assert_eq!(hsm.key_info(held).unwrap().attributes, attributes);
            hsm.key_erase(held).unwrap();
        }
    }
    assert_eq!(cells, 7 * 3 * 11 * 3);
    assert_eq!(narrowed, 5 * (3 + 1 + 3 + 1 + 4 + 4 + 1));
}

/// D09: a sensitive key leaves by permission only; a key for exchange only says so.
#[test]
fn d09_sensitive_keys_and_the_key_context() {
    let mut strict = module(&Device::new(1));
    let kbpk = key(&mut strict, "K1", 'A', 'E', 1);
    let held = ceremony(&mut strict, &attributes("D0", 'A', 'E', 'S'), &value(2, 16)).unwrap();
    let narrower = Export {
        exportability: Some(Exportability::NonExportable),
        ..Export::default()
    };
    for wanted in [Export::default(), narrower] {
        assert_eq!(export(&mut strict, kbpk, held, &wanted), Err(Error::ExportNotPermitted));
    }
    let held = ceremony(&mut strict, &attributes("D0", 'A', 'E', 'E'), &value(3, 16)).unwrap();
    for (exchange_only, context) in [(false, KeyContext::Any), (true, KeyContext::Exchange)] {
        let wanted = Export {
            exchange_only,
            ..Export::default()
        };
        let text = export(&mut strict, kbpk, held, &wanted).unwrap();
        assert_eq!(
            KeyBlock::parse(&text, Profile::X9143Strict).unwrap().header().context,
            context
        );
    }
}

/// What a caller may add to a block tells something and allows nothing; check values are the module's own.
#[test]
fn added_optional_blocks() {
    let mut hsm = start(&Device::new(1), PERMISSIVE, 5, 0).unwrap();
    let kbpk = key(&mut hsm, "K1", 'A', 'B', 1);
    let data = ceremony(&mut hsm, &attributes("D0", 'T', 'E', 'E'), &value(2, 16)).unwrap();
    let bdk = ceremony(&mut hsm, &attributes("B0", 'A', 'X', 'E'), &value(3, 16)).unwrap();
    let pair = hsm.key_generate(&attributes("S0", 'E', 'S', 'E'), 32).unwrap().key;
    let hex = |bytes: &[u8]| bytes.iter().map(|b| format!("{b:02X}")).collect::<String>();
    let info = |hsm: &Module, key| hex(hsm.key_info(key).unwrap().check.as_bytes());
    let added = [optional(b"LB", "acquirer 7"), optional(b"TS", "20261125000000Z")];
    let all = Export {
        key_check: true,
        kbpk_check: true,
        optional: &added,
        ..Export::default()
    };
    let of_kbpk = format!("01{}", info(&hsm, kbpk));
    for (held, check) in [
        (data, Some(format!("00{}", info(&hsm, data)))),
        (bdk, Some(format!("01{}", info(&hsm, bdk)))),
        // No convention for key pairs.
        (pair, None),
    ] {
        let text = export(&mut hsm, kbpk, held, &all).unwrap();
        let mut expected = Vec::new();
        expected.extend(check.as_deref().map(|check| ("KC", check)));
        expected.extend([("KP", &of_kbpk[..]), ("LB", "acquirer 7"), ("TS", "20261125000000Z")]);
        assert_eq!(blocks(&text), pairs(&expected));
        // Both check values are compared on the way back.
        let back = hsm.key_block_import(kbpk, &text, Profile::X9143Strict).unwrap();
        assert_eq!(back.info, hsm.key_info(held).unwrap());
        hsm.key_erase(back.key).unwrap();
    }
    for (held, id, text, fits) in [
        (data, b"LB", "", true),
        (data, b"TC", "20261125000000Z", true),
        (data, b"TC", "yesterday", false),
        (bdk, b"BI", "0112345678", true),
        (bdk, b"BI", "01123456", false),
        (data, b"BI", "0112345678", false),
        (pair, b"AL", "0101", true),
        (pair, b"CT", "00MIIB", true),
        (data, b"AL", "0101", false),
        (data, b"CT", "00MIIB", false),
        (data, b"KC", "00112233", false),
        (data, b"KP", "00112233", false),
        (data, b"PK", "00112233", false),
        (data, b"WP", "000", false),
        (data, b"DA", "01D0TEN", false),
        (data, b"HM", "21", false),
        (data, b"KS", "FFFF9876543210E00000", false),
        (data, b"IK", "1234567890123456", false),
        (data, b"KV", "0000", false),
        (data, b"10", "anything", false),
        (data, b"QQ", "anything", false),
    ] {
        let list = [optional(id, text)];
        let wanted = Export {
            optional: &list,
            ..Export::default()
        };
        let result = export(&mut hsm, kbpk, held, &wanted);
        let expected = (!fits).then_some(Error::KeyBlockOptional);
        assert_eq!(result.err(), expected, "{} {text}", String::from_utf8_lossy(id));
    }
    let twice = [added[0], added[0]];
    let wanted = Export {
        optional: &twice,
        ..Export::default()
    };
    assert_eq!(export(&mut hsm, kbpk, data, &wanted), Err(Error::KeyBlockOptional));
    let many = [added[0]; Export::MAX_OPTIONAL + 1];
    let wanted = Export {
        optional: &many,
        ..Export::default()
    };
    assert_eq!(export(&mut hsm, kbpk, data, &wanted), Err(Error::KeyBlockOptionalCount));
}

/// A block that may restrict its key, in a way that a slot cannot keep, brings a key that does not leave again.
#[test]
fn what_a_slot_cannot_keep_stays() {
    let mut hsm = module(&Device::new(1));
    let material = value(1, 16);
    let kbpk = ceremony(&mut hsm, &attributes("K1", 'A', 'B', 'N'), &material).unwrap();
    let said = attributes("D0", 'T', 'E', 'E');
    for (id, data, is_kept) in [
        (b"LB", "label", true),
        (b"TC", "20261125000000Z", true),
        (b"TS", "20261125000000Z", true),
        (b"KV", "0000", true),
        (b"AL", "0101", true),
        (b"WP", "000", true),
        (b"AL", "0100", false),
        (b"PK", "010A0B0C0D0E", false),
        (b"10", "IBM flags", false),
        (b"QQ", "later standard", false),
        (b"FL", "later standard", false),
    ] {
        let text = block(&material, &said, &value(2, 16), &[optional(id, data)]);
        let imported = hsm.key_block_import(kbpk, &text, Profile::Tr31_2018).unwrap();
        let expected = if is_kept { said } else { attributes("D0", 'T', 'E', 'N') };
        assert_eq!(imported.info.attributes, expected, "{}", String::from_utf8_lossy(id));
        hsm.key_erase(imported.key).unwrap();
    }
    for (id, data) in [(b"AL", "0102"), (b"WP", "004"), (b"DA", "01K1AEN"), (b"DA", "02")] {
        let text = block(&material, &said, &value(2, 16), &[optional(id, data)]);
        let result = hsm.key_block_import(kbpk, &text, Profile::Tr31_2018);
        assert_eq!(result.err(), Some(Error::KeyBlockOptional));
    }
}

/// DA: only what it names is derived, it leaves with its key, and no second import of the key is without it.
#[test]
fn derivations_allowed() {
    let material = value(1, 16);
    let own = attributes("B3", 'A', 'X', 'E');
    let psk = value(2, 16);
    for (data, host, terminal) in [
        (None, true, true),
        (Some("01K1AENK1ADN"), true, true),
        (Some("01K1AEN"), true, false),
        (Some("01P0TENK1ADN"), false, true),
    ] {
        let mut hsm = module(&Device::new(1));
        let mut peer = module(&Device::new(2));
        let kbpk = ceremony(&mut hsm, &attributes("K1", 'A', 'B', 'N'), &material).unwrap();
        let peer_psk = ceremony(&mut peer, &attributes("B3", 'A', 'X', 'N'), &psk).unwrap();
        let m1 = peer.agreement_begin(peer_psk, b"host", b"terminal", 16).unwrap();
        let list: Vec<_> = data.map(|data| optional(b"DA", data)).into_iter().collect();
        let text = block(&material, &own, &psk, &list);
        let held = hsm.key_block_import(kbpk, &text, Profile::X9143Strict).unwrap().key;
        let refused = |allowed: bool| (!allowed).then_some(Error::UsageNotPermitted);
        let begun = hsm.agreement_begin(held, b"host", b"terminal", 16);
        assert_eq!(begun.err(), refused(host), "{data:?}");
        let answered = hsm.agreement_answer(held, b"host", b"terminal", 16, &m1);
        assert_eq!(answered.err(), refused(terminal), "{data:?}");

        // What leaves says what is left of it.
        let out = export(&mut hsm, kbpk, held, &Export::default()).unwrap();
        let mut left = String::from("01");
        left.push_str(if host { "K1AEN" } else { "" });
        left.push_str(if terminal { "K1ADN" } else { "" });
        let expected = if data.is_some() {
            pairs(&[("DA", &left)])
        } else {
            Vec::new()
        };
        assert_eq!(blocks(&out), expected);

        // The same key with more freedom is another purpose.
        for other in [None, Some("01K1AENK1ADN"), Some("01K1AEN")] {
            let list: Vec<_> = other.map(|data| optional(b"DA", data)).into_iter().collect();
            let text = block(&material, &own, &psk, &list);
            let result = hsm.key_block_import(kbpk, &text, Profile::X9143Strict);
            assert_eq!(result.is_ok(), other == data, "{other:?} {data:?}");
            if let Ok(imported) = result {
                hsm.key_erase(imported.key).unwrap();
            }
        }
    }
    // Nothing that this module derives.
    let mut hsm = module(&Device::new(1));
    let kbpk = ceremony(&mut hsm, &attributes("K1", 'A', 'B', 'N'), &material).unwrap();
    for data in ["01P0TEN", "01K1ABN", "01K1AEE", "01K1TEN"] {
        let text = block(&material, &own, &psk, &[optional(b"DA", data)]);
        let result = hsm.key_block_import(kbpk, &text, Profile::X9143Strict);
        assert_eq!(result.err(), Some(Error::UsageNotPermitted), "{data}");
    }
}

/// WP: a key that a weaker one protected comes in by permission, and no export makes a pedigree better.
#[test]
fn pedigrees() {
    let material = value(1, 16);
    let said = attributes("D0", 'T', 'E', 'E');
    let kbpk_attributes = attributes("K1", 'A', 'B', 'E');
    for own in 0..4 {
        let data = format!("00{own}");
        let text = block(&material, &said, &value(2, 16), &[optional(b"WP", &data)]);
        let mut strict = module(&Device::new(1));
        let kbpk = ceremony(&mut strict, &attributes("K1", 'A', 'B', 'N'), &material).unwrap();
        let result = strict.key_block_import(kbpk, &text, Profile::X9143Strict);
        assert_eq!(result.err(), (own & 1 != 0).then_some(Error::KeyStrength), "{own}");

        for of_kbpk in 0..4 {
            let mut hsm = start(&Device::new(1), Policy::STRICT.with(Permission::WeakPedigree), 4, 0).unwrap();
            let kbpk = ceremony(&mut hsm, &attributes("K1", 'A', 'B', 'N'), &material).unwrap();
            let data = format!("00{of_kbpk}");
            let other = block(&material, &kbpk_attributes, &value(3, 16), &[optional(b"WP", &data)]);
            let other = hsm.key_block_import(kbpk, &other, Profile::X9143Strict).unwrap().key;
            let held = hsm.key_block_import(kbpk, &text, Profile::X9143Strict).unwrap().key;
            let worst = format!("00{}", own | of_kbpk);
            let out = export(&mut hsm, other, held, &Export::default()).unwrap();
            assert_eq!(blocks(&out), pairs(&[("WP", &worst)]));
            let mut out = [0; 256];
            let len = hsm
                .key_block_translate(kbpk, &text, Profile::X9143Strict, other, &Export::default(), &mut out)
                .unwrap();
            assert_eq!(blocks(&out[..len]), pairs(&[("WP", &worst)]));
            hsm.key_erase(held).unwrap();
            // What comes in under such a key has its faults, too.
            let under = block(
                &value(3, 16),
                &said,
                &value(2, 16),
                &[optional(b"WP", &format!("00{own}"))],
            );
            let held = hsm.key_block_import(other, &under, Profile::X9143Strict).unwrap().key;
            let out = export(&mut hsm, kbpk, held, &Export::default()).unwrap();
            assert_eq!(blocks(&out), pairs(&[("WP", &worst)]));
        }
    }
}

/// An agreed KBPK is asymmetric in its pedigree: P-256 does not resist quantum computers.
#[test]
fn pedigree_of_an_agreed_key() {
    let (mut host, mut terminal) = (module(&Device::new(1)), module(&Device::new(2)));
    let psk = key(&mut host, "B3", 'A', 'X', 1);
    let psk_there = key(&mut terminal, "B3", 'A', 'X', 1);
    let m1 = host.agreement_begin(psk, b"host", b"terminal", 16).unwrap();
    let m2 = terminal
        .agreement_answer(psk_there, b"host", b"terminal", 16, &m1)
        .unwrap();
    let (agreed, m3) = host.agreement_confirm(&m2).unwrap();
    terminal.agreement_finish(&m3).unwrap();
    let material = value(3, 16);
    let kbpk = ceremony(&mut host, &attributes("K1", 'A', 'D', 'N'), &material).unwrap();
    let said = attributes("D0", 'T', 'E', 'E');
    let text = block(&material, &said, &value(2, 16), &[optional(b"WP", "000")]);
    let held = host.key_block_import(kbpk, &text, Profile::X9143Strict).unwrap().key;
    let out = export(&mut host, agreed.key, held, &Export::default()).unwrap();
    assert_eq!(blocks(&out), pairs(&[("WP", "002")]));
}

/// A key goes from party to party without a slot, with all that its block says.
#[test]
fn translate() {
    let material = value(1, 16);
    for (usage, algorithm, version, _, profile) in VERSIONS {
        let device = Device::new(1);
        let mut hsm = start(&device, PERMISSIVE, 3, 0).unwrap();
        let from = ceremony(&mut hsm, &attributes("K1", 'A', 'D', 'N'), &material).unwrap();
        let to_value = value(2, 24);
        let to = ceremony(&mut hsm, &attributes(usage, algorithm, 'E', 'N'), &to_value).unwrap();
        let wanted = Export {
            version: Some(version),
            key_check: true,
            kbpk_check: true,
            ..Export::default()
        };
        let said = attributes("P0", 'T', 'E', 'E');
        let pin_key = value(3, 16);
        let list = [
            optional(b"LB", "key 9"),
            optional(b"TS", "20200101000000Z"),
            optional(b"10", "private"),
        ];
        let text = block(&material, &said, &pin_key, &list);
        let status = hsm.status();
        let mut out = [0xA5; 512];
        let len = hsm
            .key_block_translate(from, &text, Profile::X9143Strict, to, &wanted, &mut out)
            .unwrap();
        assert_eq!(out[len..], [0; 512][len..]);
        assert_eq!(hsm.status(), status);
        let text = &out[..len];
        assert_eq!((text[0], header(text)), (version.to_char(), said));
        let found = blocks(text);
        let ids: Vec<&str> = found.iter().map(|(id, _)| &id[..]).collect();
        assert_eq!(ids, ["LB", "10", "KP", "KC"]);

        // The other party has the key.
        let mut payload = Payload::empty();
        let parsed = KeyBlock::parse(text, profile).unwrap();
        if algorithm == 'A' {
            let key = Key::<_, Aes>::from_bytes(&to_value).unwrap();
            let verified = parsed.verify(KbpkRef::Aes(&key), &mut payload).unwrap();
            assert_eq!(verified.key_bytes(), pin_key);
        } else {
            let key = Key::<_, Tdea>::from_bytes(&to_value).unwrap();
            let verified = parsed.verify(KbpkRef::Tdea(&key), &mut payload).unwrap();
            assert_eq!(verified.key_bytes(), pin_key);
        }
    }
}

/// Initial DUKPT keys and signature keys pass; what may not leave, what is stronger, what is no key does not.
#[test]
fn translations_refused() {
    let device = Device::new(1);
    let mut hsm = start(&device, Policy::STRICT, 6, 0).unwrap();
    let material = value(1, 16);
    let from = ceremony(&mut hsm, &attributes("K1", 'A', 'D', 'N'), &material).unwrap();
    let to = ceremony(&mut hsm, &attributes("K1", 'A', 'E', 'N'), &value(2, 16)).unwrap();
    let weak = ceremony(&mut hsm, &attributes("K1", 'T', 'E', 'N'), &value(3, 24)).unwrap();
    let ks = [optional(b"KS", "FFFF9876543210E00000")];
    let wide = Export {
        mode: Some(ModeOfUse::Both),
        ..Export::default()
    };
    let data = |mode, export| attributes("D0", 'A', mode, export);
    let pair = attributes("S0", 'E', 'S', 'E');
    let of_16 = value(4, 16);
    let of_32 = value(4, 32);
    let der = payload(&pair, 5);
    let none = Export::default();
    for (said, key, list, to, export, error) in [
        (attributes("B1", 'T', 'X', 'E'), &of_16, &ks[..], to, &none, None),
        (pair, &der, &[], to, &none, None),
        (data('E', 'E'), &of_16, &[], to, &none, None),
        (data('E', 'N'), &of_16, &[], to, &none, Some(Error::ExportNotPermitted)),
        (data('E', 'S'), &of_16, &[], to, &none, Some(Error::ExportNotPermitted)),
        (data('E', 'E'), &of_16, &[], to, &wide, Some(Error::ModeNotPermitted)),
        (data('E', 'E'), &of_16, &[], from, &none, Some(Error::ModeNotPermitted)),
        (data('E', 'E'), &of_16, &[], weak, &none, Some(Error::KeyStrength)),
        (data('E', 'E'), &of_32, &[], to, &none, Some(Error::KeyStrength)),
        (data('E', 'E'), &vec![0; 16], &[], to, &none, Some(Error::WeakKey)),
        (
            data('E', 'E'),
            &value(2, 16),
            &[],
            to,
            &none,
            Some(Error::InvalidArgument),
        ),
        (data('X', 'E'), &of_16, &[], to, &none, Some(Error::KeyBlockMode)),
        (
            attributes("D0", 'A', 'N', 'E'),
            &of_16,
            &[],
            to,
            &none,
            Some(Error::ModeNotPermitted),
        ),
        (
            pair,
            &der[..120].to_vec(),
            &[],
            to,
            &none,
            Some(Error::VerificationFailed),
        ),
        (
            attributes("S0", 'R', 'S', 'E'),
            &der,
            &[],
            to,
            &none,
            Some(Error::Unsupported),
        ),
    ] {
        let text = block(&material, &said, key, list);
        let (status, touched) = (hsm.status(), device.touched());
        let mut out = [0xA5; 512];
        let result = hsm.key_block_translate(from, &text, Profile::Tr31_2018, to, export, &mut out);
        assert_eq!(result.err(), error, "{said:?}");
        if error.is_some() {
            assert_eq!(out, [0; 512]);
            assert_eq!((hsm.status(), device.touched()), (status, touched));
            continue;
        }
        // A changed character anywhere, and a buffer that is too short.
        for at in (0..text.len()).step_by(7) {
            let mut changed = text.clone();
            changed[at] = if changed[at] == b'1' { b'2' } else { b'1' };
            let mut out = [0xA5; 512];
            let result = hsm.key_block_translate(from, &changed, Profile::Tr31_2018, to, export, &mut out);
            assert_eq!((result.is_err(), out), (true, [0; 512]));
        }
        let mut short = [0xA5; 143];
        let result = hsm.key_block_translate(from, &text, Profile::Tr31_2018, to, export, &mut short);
        assert_eq!((result, short), (Err(Error::BufferTooSmall), [0; 143]));
    }
    // PK names the key under which it may leave.
    let hex = |bytes: &[u8]| bytes.iter().map(|b| format!("{b:02X}")).collect::<String>();
    let right = format!("01{}", hex(hsm.key_info(to).unwrap().check.as_bytes()));
    let mut wrong = right.clone();
    wrong.replace_range(2..4, if right.starts_with("0100") { "11" } else { "00" });
    for (data, error) in [
        (&right[..], None),
        (&right[..6], None),
        (&wrong, Some(Error::ExportNotPermitted)),
        ("00112233", Some(Error::ExportNotPermitted)),
        ("02", Some(Error::KeyBlockOptional)),
    ] {
        let text = block(
            &material,
            &attributes("D0", 'A', 'E', 'E'),
            &of_16,
            &[optional(b"PK", data)],
        );
        let result = hsm.key_block_translate(from, &text, Profile::Tr31_2018, to, &none, &mut [0; 512]);
        assert_eq!(result.err(), error, "{data}");
    }
    // More optional blocks than fit.
    let names: Vec<[u8; 2]> = (b'A'..=b'Q').map(|c| [b'9', c]).collect();
    let list: Vec<Optional<'_>> = names.iter().map(|id| Optional::new(*id, b"").unwrap()).collect();
    for (count, error) in [(16, None), (17, Some(Error::KeyBlockOptionalCount))] {
        let text = block(&material, &attributes("D0", 'A', 'E', 'E'), &of_16, &list[..count]);
        let result = hsm.key_block_translate(from, &text, Profile::Tr31_2018, to, &none, &mut [0; 512]);
        assert_eq!(result.err(), error, "{count}");
    }
}

/// Check values of other parties: method and length by key and policy, one error for another value.
#[test]
fn check_values_compared() {
    let material = value(1, 16);
    let tdea = Key::<DataEncryption, Tdea>::from_bytes(&material).unwrap();
    let aes = Key::<DataEncryption, Aes>::from_bytes(&material).unwrap();
    let legacy = |len: usize| {
        let mut block = [0; 16];
        payhsm::key::kcv::zero_block(payhsm::key::usage::KeyAlgorithm::Tdea, &material, &mut block).unwrap();
        block[..len].to_vec()
    };
    for policy in [Policy::STRICT, Policy::STRICT.with(Permission::KeyCheckLengths)] {
        let any_length = policy != Policy::STRICT;
        let mut hsm = start(&Device::new(1), policy, 2, 0).unwrap();
        for (usage, algorithm, has_legacy) in [
            ("P0", 'T', true),
            ("M3", 'T', false),
            ("K1", 'T', false),
            ("D0", 'A', false),
        ] {
            let mode = if usage == "M3" { 'C' } else { 'E' };
            let held = ceremony(&mut hsm, &attributes(usage, algorithm, mode, 'N'), &material).unwrap();
            let cmac = if algorithm == 'T' {
                tdea.kcv_cmac()
            } else {
                aes.kcv_cmac()
            }
            .unwrap();
            for len in 0..=8 {
                let mut value = [&cmac[..], &[0; 3]].concat();
                value.truncate(len);
                let usual = [3, 5].contains(&len) || (any_length && (2..=5).contains(&len));
                let error = (!usual).then_some(Error::InvalidLength);
                assert_eq!(
                    hsm.key_check(held, CheckMethod::Cmac, &value).err(),
                    error,
                    "{usage} {len}"
                );
                if usual {
                    for at in 0..len {
                        let mut wrong = value.clone();
                        wrong[at] ^= 0x40;
                        let result = hsm.key_check(held, CheckMethod::Cmac, &wrong);
                        assert_eq!(result, Err(Error::VerificationFailed));
                    }
                }
                let usual = len == 3 || (any_length && (2..=5).contains(&len));
                let error = match (usual, has_legacy, algorithm) {
                    (false, ..) => Some(Error::InvalidLength),
                    (true, true, _) => None,
                    (true, false, 'T') => Some(Error::UsageNotPermitted),
                    (true, false, _) => Some(Error::AlgorithmMismatch),
                };
                let result = hsm.key_check(held, CheckMethod::Legacy, &legacy(len));
                assert_eq!(result.err(), error, "{usage} {len}");
            }
            hsm.key_erase(held).unwrap();
        }
        let pair = hsm.key_generate(&attributes("S0", 'E', 'S', 'N'), 32).unwrap().key;
        for method in [CheckMethod::Legacy, CheckMethod::Cmac] {
            assert_eq!(hsm.key_check(pair, method, &[0; 3]), Err(Error::AlgorithmMismatch));
        }
    }
}
