// SPDX-License-Identifier: MIT OR Apache-2.0
//! D. Key blocks.

use std::collections::BTreeSet;

use payhsm::cipher::{aes::Aes as AesCipher, modes};
use payhsm::codec::hex;
use payhsm::error::Error;
use payhsm::hsm::{Export, ImportedKey};
use payhsm::key::role::Kbpk;
use payhsm::key::usage::{Exportability, KeyVersion};
use payhsm::key::{Aes, Key, Tdea};
use payhsm::keyblock::header::Version;
use payhsm::keyblock::optional::Optional;
use payhsm::keyblock::wrap::Template;
use payhsm::keyblock::{KbpkRef, KeyBlock, Payload, Profile, ProtectionKeys, Unverified};
use payhsm::mac::{Mac, cmac::CmacAes};
use payhsm::policy::{Permission, Policy};

use crate::catalogue::{attack, attack_fails, figure, refused};
use crate::common::{
    Device, PROFILE, attributes, block, block_variant, ceremony, initial_key, key, load_kbpk, start, value,
};

const KBPK: u8 = 11;
const OLD: Policy = Policy::STRICT.with(Permission::LegacyKeyBlocks);

fn import(text: &[u8]) -> Result<ImportedKey, Error> {
    let device = Device::new(1);
    let mut hsm = start(&device, Policy::STRICT, 3, 0).unwrap();
    let kbpk = key(&mut hsm, "K1", 'A', 'D', KBPK);
    let result = hsm.key_block_import(kbpk, text, Profile::Tr31_2018);
    assert!(result.is_ok() || hsm.status().slots.1 == 1);
    result
}

fn import_old(text: &[u8]) -> Result<ImportedKey, Error> {
    let mut hsm = start(&Device::new(1), OLD, 3, 0).unwrap();
    let kbpk = key(&mut hsm, "K0", 'T', 'D', KBPK);
    hsm.key_block_import(kbpk, text, Profile::Tr31_2018)
}

/// A block of version D as somebody makes it who has the protection key: any header, any clear part.
pub fn forge(header: &[u8], clear: &[u8]) -> Vec<u8> {
    let kbpk = Key::<Kbpk, Aes>::from_bytes(&value(KBPK, 16)).unwrap();
    let mut keys = ProtectionKeys::empty();
    keys.derive(Version::D, KbpkRef::Aes(&kbpk)).unwrap();
    let mut header = header.to_vec();
    let total = header.len() + 2 * (clear.len() + 16);
    header[1..5].copy_from_slice(format!("{total:04}").as_bytes());
    let mut mac = CmacAes::new(keys.kbak()).unwrap();
    mac.update(&header);
    mac.update(clear);
    let mut tag = [0; 16];
    mac.finish(&mut tag).unwrap();
    let mut body = clear.to_vec();
    modes::cbc_encrypt(&AesCipher::new(keys.kbek()).unwrap(), &tag, &mut body).unwrap();
    let mut text = vec![0; 2 * (body.len() + 16)];
    hex::encode(&[&body[..], &tag].concat(), &mut text).unwrap();
    [header, text].concat()
}

/// The clear part with a length in bits, a key of 16 bytes and padding.
pub fn clear(bits: u16) -> Vec<u8> {
    [&bits.to_be_bytes()[..], &value(60, 16), &[0x5C; 14]].concat()
}

fn good() -> Vec<u8> {
    block(&value(KBPK, 16), &attributes("D0", 'A', 'B', 'N'), &value(60, 16), &[])
}

/// Each bit of blocks of all five versions, and each character left out, doubled, exchanged with the next.
#[test]
fn d01_no_changed_block_comes_in() {
    attack("D01", Error::VerificationFailed, || {
        let mut text = good();
        let last = text.len() - 1;
        text[last] = if text[last] == b'0' { b'1' } else { b'0' };
        import(&text)
    });
    let (aes, tdea) = (
        Key::<Kbpk, Aes>::from_bytes(&value(KBPK, 16)),
        Key::<Kbpk, Tdea>::from_bytes(&value(KBPK, 16)),
    );
    let (aes, tdea) = (aes.unwrap(), tdea.unwrap());
    let (mut count, mut codes) = (0, BTreeSet::new());
    for version in [Version::A, Version::B, Version::C, Version::D, Version::E] {
        let is_aes = matches!(version, Version::D | Version::E);
        let kbpk = if is_aes {
            KbpkRef::Aes(&aes)
        } else {
            KbpkRef::Tdea(&tdea)
        };
        let label = Optional::new(*b"LB", if is_aes { b"a label 0123" } else { b"labl" }).unwrap();
        let list = [label];
        let mut text = vec![0; 512];
        let wanted = attributes("D0", if is_aes { 'A' } else { 'T' }, 'B', 'N');
        let template = Template::new(version, wanted).with_optional(&list);
        let len = template
            .wrap_bytes(kbpk, &value(60, 16), &mut Device::new(9), &mut text)
            .unwrap();
        text.truncate(len);
        let open = |text: &[u8]| {
            let mut payload = Payload::empty();
            let parsed = KeyBlock::<Unverified>::parse(text, Profile::of(version))?;
            parsed.verify(kbpk, &mut payload).map(|_| ())
        };
        assert_eq!(open(&text), Ok(()));
        let mut changed = Vec::new();
        for at in 0..len {
            for bit in 0..8 {
                let mut one = text.clone();
                one[at] ^= 1 << bit;
                changed.push(one);
            }
            changed.push([&text[..at], &text[at + 1..]].concat());
            changed.push([&text[..at], &text[at..=at], &text[at..]].concat());
            if at + 1 < len && text[at] != text[at + 1] {
                let mut one = text.clone();
                one.swap(at, at + 1);
                changed.push(one);
            }
        }
        for one in changed {
            count += 1;
            let error = open(&one).expect_err("accepted");
            codes.insert(format!("{error:?}"));
        }
    }
    figure(
        "D01",
        &format!(
            "{count} changed blocks are refused, with {} codes of fields and one of authentication",
            codes.len() - 1
        ),
    );
    assert!(codes.contains("VerificationFailed"));
}

/// Lengths that are none, inside and outside.
#[test]
fn d02_no_length_but_the_keys() {
    let header = b"D0000D0AB00N0000";
    assert!(import(&forge(header, &clear(128))).is_ok());
    for bits in [0, 1, 8, 40, 63, 65, 120, 127, 136, 248, 256, 0x7FFF, 0xFFFF] {
        let result = import(&forge(header, &clear(bits)));
        assert_eq!(result.err(), Some(Error::VerificationFailed), "{bits}");
    }
    attack("D02", Error::VerificationFailed, || import(&forge(header, &clear(129))));
    let text = good();
    for (len, error) in [
        ("0000", Error::KeyBlockLength),
        ("9999", Error::KeyBlockLength),
        ("0111", Error::KeyBlockLength),
    ] {
        let mut changed = text.clone();
        changed[1..5].copy_from_slice(len.as_bytes());
        assert_eq!(import(&changed).err(), Some(error));
    }
    for head in ["LB00", "LB01", "LB03", "LBFF", "LB00020003"] {
        let header = [b"D0000D0AB00N0100", head.as_bytes(), &[b'x'; 16][..16 - head.len()]].concat();
        assert_eq!(
            import(&forge(&header, &clear(128))).err(),
            Some(Error::KeyBlockOptional),
            "{head}"
        );
    }
}

/// A protection key serves one family of versions.
#[test]
fn d03_no_version_under_anothers_key() {
    let old = block_variant(&value(KBPK, 16), &attributes("D0", 'T', 'B', 'N'), &value(60, 16), &[]);
    attack("D03", Error::UsageNotPermitted, || {
        let mut hsm = start(&Device::new(1), OLD, 3, 0).unwrap();
        let kbpk = key(&mut hsm, "K1", 'T', 'D', KBPK);
        hsm.key_block_import(kbpk, &old, Profile::Tr31_2018)
    });
    let mut relabelled = old;
    relabelled[0] = b'A';
    assert_eq!(import_old(&relabelled).err(), Some(Error::VerificationFailed));
    let mut hsm = start(&Device::new(1), OLD, 3, 0).unwrap();
    let kbpk = key(&mut hsm, "K4", 'A', 'D', KBPK);
    assert_eq!(
        hsm.key_block_import(kbpk, &good(), Profile::Iso20038).err(),
        Some(Error::UsageNotPermitted)
    );
}

/// Guessing the 32 bits of the authenticator of versions A and C.
#[test]
fn d04_ten_guesses_of_a_short_authenticator() {
    let text = block_variant(&value(KBPK, 16), &attributes("D0", 'T', 'B', 'N'), &value(60, 16), &[]);
    let mut hsm = start(&Device::new(1), Policy::STRICT, 3, 0).unwrap();
    let kbpk = key(&mut hsm, "K0", 'T', 'D', KBPK);
    assert_eq!(
        hsm.key_block_import(kbpk, &text, Profile::Tr31_2018).err(),
        Some(Error::UsageNotPermitted)
    );
    attack("D04", Error::Locked, || {
        let mut hsm = start(&Device::new(1), OLD, 3, 0).unwrap();
        let kbpk = key(&mut hsm, "K0", 'T', 'D', KBPK);
        let mut answered = 0;
        for guess in 0..12_u32 {
            let mut wrong = text.clone();
            let at = wrong.len() - 8;
            hex::encode(&guess.to_be_bytes(), &mut wrong[at..]).unwrap();
            let result = hsm.key_block_import(kbpk, &wrong, Profile::Tr31_2018);
            answered += u32::from(result.err() == Some(Error::VerificationFailed));
        }
        figure(
            "D04",
            &format!("{answered} guesses are answered: at most {answered} of 2^32 forgeries"),
        );
        hsm.key_block_import(kbpk, &text, Profile::Tr31_2018)
    });
}

/// In versions A and C the header's first bytes are the initial value: a data key would become a protection key.
#[test]
fn d05_no_other_header_around_an_old_block() {
    let text = block_variant(&value(KBPK, 16), &attributes("D0", 'T', 'B', 'N'), &value(60, 16), &[]);
    attack("D05", Error::VerificationFailed, || {
        let mut changed = text.clone();
        changed[5..7].copy_from_slice(b"K1");
        let result = import_old(&changed);
        // The authenticator was judged before anything was deciphered: a spy in the library counts.
        #[cfg(payhsm_weaken)]
        assert_eq!(payhsm::weaken::seen("decipherment") == 0, result.is_err());
        result
    });
    // The spy sees what there is to see.
    assert!(import_old(&text).is_ok());
    #[cfg(payhsm_weaken)]
    {
        assert_ne!(payhsm::weaken::seen("decipherment"), 0);
        let changes = (0..text.len()).filter(|&at| {
            let mut changed = text.clone();
            changed[at] = if changed[at] == b'0' { b'1' } else { b'0' };
            import_old(&changed).is_err()
        });
        assert_eq!(changes.count(), text.len());
        assert_eq!(payhsm::weaken::seen("decipherment"), 0);
    }
}

/// Characters that do not belong there.
#[test]
fn d06_no_other_characters() {
    let text = good();
    attack("D06", Error::KeyBlockOptional, || {
        import(&forge(b"D0000D0AB00N0100LB10a label\0 012", &clear(128)))
    });
    for at in 0..text.len() {
        for c in [b' ', 0, b'\r', b'\n', 0x80, 0xFF, b'g'] {
            let mut changed = text.clone();
            changed[at] = c;
            assert!(import(&changed).is_err(), "{at} {c}");
        }
        let mut changed = text.clone();
        changed[at] = changed[at].to_ascii_lowercase();
        assert!(changed == text || import(&changed).is_err());
    }
    for cut in 1..=30 {
        let mut shorter = text[..text.len() - cut].to_vec();
        let len = shorter.len();
        shorter[1..5].copy_from_slice(format!("{len:04}").as_bytes());
        assert!(import(&shorter).is_err());
    }
    assert_eq!(import(&[&text[..], b"00"].concat()).err(), Some(Error::KeyBlockLength));
}

/// Optional blocks twice, in the wrong place, or that contradict the key.
#[test]
fn d07_optional_blocks_agree_with_the_key() {
    attack("D07", Error::KeyBlockOptional, || {
        import(&forge(b"D0000D0AB00N0200LB10a label 0123LB10b label 0123", &clear(128)))
    });
    let header = b"D0000D0AB00N0200PB10xxxxxxxxxxxxLB10b label 0123";
    assert_eq!(import(&forge(header, &clear(128))).err(), Some(Error::KeyBlockOptional));
    for name in ["KC", "KP"] {
        let header = format!("D0000D0AB00N0100{name}10010000000000");
        attack("D07.check", Error::VerificationFailed, || {
            import(&forge(header.as_bytes(), &clear(128)))
        });
        // With a wrong authenticator nothing is compared.
        let mut changed = forge(header.as_bytes(), &clear(128));
        let last = changed.len() - 1;
        changed[last] ^= 1;
        let result = import(&changed);
        assert!(matches!(
            result.err(),
            Some(Error::VerificationFailed | Error::KeyBlockEncoding)
        ));
    }
}

/// The block of an initial key once more, which would begin its counter again.
#[test]
fn d08_no_block_begins_a_counter_again() {
    let text = initial_key('T', 1, &value(60, 16));
    attack("D08", Error::CounterReplayed, || {
        let device = Device::new(1);
        let mut hsm = start(&device, Policy::STRICT, 3, 2).unwrap();
        let kbpk = load_kbpk(&mut hsm);
        let (group, _) = hsm.dukpt_load(kbpk, &text, PROFILE).unwrap();
        let (first, _) = hsm.dukpt_begin(group).unwrap();
        hsm.transaction_end(first).unwrap();
        hsm.dukpt_begin(group).unwrap();
        hsm.dukpt_erase(group).unwrap();
        hsm.dukpt_load(kbpk, &text, PROFILE)
    });
    // An older version of a key in the place of the newer one.
    attack("D08.version", Error::KeyBlockKeyVersion, || {
        let mut hsm = start(&Device::new(1), Policy::STRICT, 4, 0).unwrap();
        let mut load = |version: &[u8; 2], seed| {
            let mut wanted = attributes("D0", 'A', 'B', 'N');
            wanted.version = KeyVersion::from_chars(*version).unwrap();
            ceremony(&mut hsm, &wanted, &value(seed, 16)).unwrap()
        };
        let (older, newer) = (load(b"11", 61), load(b"12", 62));
        hsm.key_replace(newer, older)
    });
    // A key that was erased, out of a backup that is older than the last one.
    attack("D08.backup", Error::NotAuthenticated, || {
        let mut hsm = start(&Device::new(1), Policy::STRICT, 16, 0).unwrap();
        let own = ceremony(&mut hsm, &attributes("D0", 'A', 'B', 'E'), &value(61, 16)).unwrap();
        let k1 = ceremony(&mut hsm, &attributes("K1", 'A', 'B', 'N'), &value(62, 32)).unwrap();
        let mut old = vec![0; hsm.backup_len().unwrap()];
        let len = hsm.backup_write(k1, &mut old).unwrap();
        hsm.backup_write(k1, &mut vec![0; len]).unwrap();
        crate::people::staff(&mut hsm);
        crate::people::login(&mut hsm, 1);
        hsm.key_erase(own).unwrap();
        hsm.backup_restore(k1, &old[..len])
    });
}

/// Keys that may not leave, or not so.
#[test]
fn d09_nothing_leaves_looser_than_it_came() {
    attack("D09", Error::ExportNotPermitted, || {
        let device = Device::new(1);
        let mut hsm = start(&device, Policy::STRICT, 3, 0).unwrap();
        let kek = key(&mut hsm, "K1", 'A', 'E', KBPK);
        let own = key(&mut hsm, "D0", 'T', 'E', 60);
        let mut out = [0; 256];
        refused(&device, &mut out, |out| hsm.key_block_export(kek, own, out))
    });
    let device = Device::new(1);
    let mut hsm = start(&device, Policy::STRICT, 4, 0).unwrap();
    let kek = key(&mut hsm, "K1", 'A', 'E', KBPK);
    let data_key = key(&mut hsm, "D0", 'A', 'B', 61);
    let (mut texts, mut lens) = (BTreeSet::new(), BTreeSet::new());
    for (seed, len) in [(60, 16), (62, 24), (63, 32)] {
        let other = start(&Device::new(2), Policy::STRICT, 4, 0);
        let mut other = other.unwrap();
        let long = ceremony(&mut other, &attributes("K1", 'A', 'E', 'N'), &value(12, 32)).unwrap();
        let own = ceremony(&mut other, &attributes("D0", 'A', 'E', 'E'), &value(seed, len)).unwrap();
        for _ in 0..2 {
            let mut out = [0; 512];
            let written = other.key_block_export(long, own, &mut out).unwrap();
            texts.insert(out[..written].to_vec());
            lens.insert(written);
        }
    }
    // Two exports of one key differ, and do not tell its length.
    assert_eq!((texts.len(), lens.len()), (6, 1));
    let own = ceremony(&mut hsm, &attributes("D0", 'A', 'E', 'E'), &value(60, 16)).unwrap();
    let mut out = [0; 256];
    let sensitive = Export {
        exportability: Some(Exportability::Sensitive),
        ..Export::default()
    };
    let result = hsm.key_block_export_as(kek, own, &sensitive, &mut out);
    assert_eq!((result, out), (Err(Error::ExportNotPermitted), [0; 256]));
    let result = hsm.key_block_export(data_key, own, &mut out);
    assert_eq!((result, out), (Err(Error::UsageNotPermitted), [0; 256]));
    device.world().entropy_fails_in = Some(0);
    let result = hsm.key_block_export(kek, own, &mut out);
    assert_eq!((result, out), (Err(Error::Entropy), [0; 256]));
    let storage = {
        let mut text = good();
        text[14] = b'1';
        text
    };
    assert_eq!(import(&storage).err(), Some(Error::KeyBlockReserved));
    attack_fails("D09", || {
        let mut hsm = start(&Device::new(1), Policy::STRICT, 3, 0).unwrap();
        let kek = key(&mut hsm, "K1", 'A', 'E', KBPK);
        let own = ceremony(&mut hsm, &attributes("D0", 'T', 'E', 'S'), &value(60, 16)).unwrap();
        hsm.key_block_export(kek, own, &mut [0; 256]).is_ok()
    });
}
