// SPDX-License-Identifier: MIT OR Apache-2.0
//! Keys on their way in and out.

use payhsm::error::Error;
use payhsm::hsm::MacMethod;
use payhsm::key::role::MacKey;
use payhsm::key::usage::{Attributes, Exportability, KeyAlgorithm, KeyVersion, ModeOfUse, Usage};
use payhsm::key::{self, Key};
use payhsm::keyblock::KbpkRef;
use payhsm::keyblock::header::{KeyContext, Version};
use payhsm::keyblock::optional::Optional;
use payhsm::keyblock::wrap::Template;
use payhsm::policy::Policy;

use crate::common::{
    Device, KBPK_SEED, Module, PERMISSIVE, PROFILE, attributes, block, block_tdea, ceremony, initial_key, key,
    load_kbpk, module, start, value,
};

/// Brings a key in by key block.
fn import(hsm: &mut Module, attributes: &Attributes, material: &[u8]) -> Result<payhsm::hsm::KeyHandle, Error> {
    // As strong as the strongest key.
    let seed = 0xF0;
    let kbpk = ceremony(hsm, &self::attributes("K1", 'A', 'D', 'N'), &value(seed, 32))?;
    let text = block(&value(seed, 32), attributes, material, &[]);
    let result = hsm.key_block_import(kbpk, &text, PROFILE);
    hsm.key_erase(kbpk)?;
    result.map(|imported| imported.key)
}

/// H01, H02: what MACs, wraps or derives, and every AES key, shows a CMAC check value.
#[test]
fn h01_h02_check_values() {
    let mut hsm = start(&Device::new(1), PERMISSIVE, 2, 0).unwrap();
    let material = value(1, 16);
    let tdea = Key::<MacKey, key::Tdea>::from_bytes(&material).unwrap();
    let aes = Key::<MacKey, key::Aes>::from_bytes(&material).unwrap();
    let zero_block = [
        "C0", "D0", "D2", "D3", "E0", "E1", "E2", "E3", "E4", "E5", "E6", "P0", "V0", "V1", "V2",
    ];
    let (mut legacy, mut cmac) = (0, 0);
    for &usage in Usage::ALL.iter().filter(|&&usage| usage != Usage::B1) {
        for algorithm in [KeyAlgorithm::Tdea, KeyAlgorithm::Aes] {
            let modes = ModeOfUse::ALL.iter();
            let all = modes.map(|&mode| Attributes::new(usage, algorithm, mode, Exportability::NonExportable));
            let Some(attributes) = all.into_iter().find(|attributes| attributes.check().is_ok()) else {
                continue;
            };
            for way in [ceremony, import] {
                let key = way(&mut hsm, &attributes, &material).unwrap();
                let check = hsm.key_info(key).unwrap().check;
                let short = zero_block.iter().any(|name| name.as_bytes() == usage.to_chars());
                if algorithm == KeyAlgorithm::Aes {
                    assert_eq!(check.as_bytes(), aes.kcv_cmac().unwrap());
                    cmac += 1;
                } else if short {
                    assert_eq!(check.as_bytes(), tdea.kcv_legacy().unwrap());
                    legacy += 1;
                } else {
                    assert_eq!(check.as_bytes(), tdea.kcv_cmac().unwrap(), "{usage:?}");
                    assert_ne!(check.as_bytes()[..3], tdea.kcv_legacy().unwrap());
                    cmac += 1;
                }
                hsm.key_erase(key).unwrap();
            }
        }
    }
    assert_eq!((legacy, cmac), (2 * 15, 2 * 47));
}

/// C03: one value, one purpose, whichever way it comes in. Parity bits make no other key.
#[test]
fn c03_one_value_has_one_purpose() {
    let own = attributes("P0", 'T', 'E', 'N');
    let material = value(1, 16);
    let flipped: Vec<u8> = material.iter().map(|byte| byte ^ 1).collect();
    let mut version = own;
    version.version = KeyVersion::from_chars(*b"01").unwrap();
    let others = [
        attributes("D0", 'T', 'E', 'N'),
        attributes("K1", 'T', 'B', 'N'),
        attributes("M3", 'T', 'C', 'N'),
        attributes("P0", 'T', 'D', 'N'),
        attributes("P0", 'T', 'E', 'E'),
        attributes("B0", 'T', 'X', 'N'),
        attributes("P0", 'A', 'E', 'N'),
        version,
    ];
    for first in [ceremony, import] {
        let mut hsm = start(&Device::new(1), Policy::STRICT, 6, 1).unwrap();
        let held = first(&mut hsm, &own, &material).unwrap();
        for second in [ceremony, import] {
            for other in others {
                let used = hsm.status().slots.1;
                let result = second(&mut hsm, &other, &material);
                assert_eq!(result.err(), Some(Error::VerificationFailed), "{other:?}");
                if other.algorithm == KeyAlgorithm::Tdea {
                    let result = second(&mut hsm, &other, &flipped);
                    assert_eq!(result.err(), Some(Error::VerificationFailed), "{other:?}");
                } else {
                    // For AES every bit counts: another key.
                    let key = second(&mut hsm, &other, &flipped).unwrap();
                    hsm.key_erase(key).unwrap();
                }
                assert_eq!(hsm.status().slots.1, used);
            }
            // The same key once more.
            let again = second(&mut hsm, &own, &material).unwrap();
            hsm.key_erase(again).unwrap();
        }
        // Once it is gone its value may serve otherwise.
        hsm.key_erase(held).unwrap();
        ceremony(&mut hsm, &others[0], &material).unwrap();
    }
}

/// C03: an initial key has one purpose, too.
#[test]
fn c03_an_initial_key_that_a_slot_holds() {
    let device = Device::new(1);
    let mut hsm = module(&device);
    let kbpk = load_kbpk(&mut hsm);
    let data = key(&mut hsm, "D0", 'T', 'B', 1);
    let text = initial_key('T', 1, &value(1, 16));
    let (status, touched) = (hsm.status(), device.touched());
    assert_eq!(
        hsm.dukpt_load(kbpk, &text, PROFILE).err(),
        Some(Error::VerificationFailed)
    );
    assert_eq!((hsm.status(), device.touched()), (status, touched));
    hsm.key_erase(data).unwrap();
    hsm.dukpt_load(kbpk, &text, PROFILE).unwrap();
}

/// The 16 weak and semi-weak keys of SP 800-67.
const WEAK: [u64; 16] = [
    0x0101_0101_0101_0101,
    0xFEFE_FEFE_FEFE_FEFE,
    0xE0E0_E0E0_F1F1_F1F1,
    0x1F1F_1F1F_0E0E_0E0E,
    0x01FE_01FE_01FE_01FE,
    0xFE01_FE01_FE01_FE01,
    0x1FE0_1FE0_0EF1_0EF1,
    0xE01F_E01F_F10E_F10E,
    0x01E0_01E0_01F1_01F1,
    0xE001_E001_F101_F101,
    0x1FFE_1FFE_0EFE_0EFE,
    0xFE1F_FE1F_FE0E_FE0E,
    0x011F_011F_010E_010E,
    0x1F01_1F01_0E01_0E01,
    0xE0FE_E0FE_F1FE_F1FE,
    0xFEE0_FEE0_FEF1_FEF1,
];

/// C08, C09: zero keys, equal parts and weak parts come in by no way.
#[test]
fn c08_c09_weak_keys() {
    let (k1, k2) = (value(1, 8), value(2, 8));
    let odd: Vec<u8> = k1.iter().map(|byte| byte ^ 1).collect();
    let mut weak: Vec<(char, Vec<u8>)> = vec![
        ('T', vec![0; 16]),
        ('T', vec![1; 24]),
        ('A', vec![0; 16]),
        ('A', vec![0; 24]),
        ('A', vec![0; 32]),
        ('T', [&k1[..], &k1].concat()),
        ('T', [&k1[..], &odd].concat()),
        ('T', [&k1[..], &k1, &k2].concat()),
        ('T', [&k1[..], &k2, &k2].concat()),
        ('T', [&k1[..], &odd, &k2].concat()),
        // Two-key strength in the length of three.
        ('T', [&k1[..], &k2, &k1].concat()),
        ('T', [&k1[..], &k2, &odd].concat()),
    ];
    for part in WEAK.map(u64::to_be_bytes) {
        for part in [part, part.map(|byte| byte ^ 1)] {
            weak.push(('T', [&part[..], &k2].concat()));
            weak.push(('T', [&k1[..], &part].concat()));
            weak.push(('T', [&k1[..], &k2, &part].concat()));
        }
    }
    assert_eq!(weak.len(), 12 + 96);
    let mut hsm = start(&Device::new(1), Policy::STRICT, 4, 1).unwrap();
    let kbpk = load_kbpk(&mut hsm);
    for (algorithm, material) in &weak {
        let wanted = attributes("D0", *algorithm, 'E', 'N');
        for way in [ceremony, import] {
            assert_eq!(
                way(&mut hsm, &wanted, material).err(),
                Some(Error::WeakKey),
                "{material:02X?}"
            );
        }
        // And as initial keys.
        if material.len() == 16 {
            let text = initial_key(*algorithm, 1, material);
            assert_eq!(hsm.dukpt_load(kbpk, &text, PROFILE).err(), Some(Error::WeakKey));
        }
        assert_eq!((hsm.status().slots.1, hsm.status().groups.1), (1, 0));
    }
}

/// A block that carries a component of a key is no key.
#[test]
fn components_in_blocks_are_refused() {
    let mut hsm = module(&Device::new(1));
    let kbpk = load_kbpk(&mut hsm);
    for version in [*b"c1", *b"c9", *b"cA"] {
        let mut wanted = attributes("D0", 'T', 'E', 'N');
        wanted.version = KeyVersion::from_chars(version).unwrap();
        let text = block(&value(KBPK_SEED, 16), &wanted, &value(1, 16), &[]);
        let result = hsm.key_block_import(kbpk, &text, PROFILE);
        assert_eq!(result.err(), Some(Error::KeyBlockKeyVersion));
        assert_eq!(hsm.key_generate(&wanted, 16).err(), Some(Error::KeyBlockKeyVersion));
    }
    let mut wanted = attributes("B1", 'T', 'X', 'N');
    wanted.version = KeyVersion::from_chars(*b"c1").unwrap();
    let ks = Optional::new(*b"KS", b"FFFF9876543210E00000").unwrap();
    let text = block(&value(KBPK_SEED, 16), &wanted, &value(1, 16), &[ks]);
    assert_eq!(
        hsm.dukpt_load(kbpk, &text, PROFILE).err(),
        Some(Error::KeyBlockKeyVersion)
    );
}

/// Algorithms and lengths from the weakest to the strongest; none protects one behind it.
const LADDER: [(char, usize); 5] = [('T', 16), ('T', 24), ('A', 16), ('A', 24), ('A', 32)];

/// C06: a key is protected by one that is at least as strong, both ways.
#[test]
fn c06_order_of_strength() {
    let (mut allowed, mut cells) = (0, 0);
    for (outer, (kbpk_algorithm, kbpk_len)) in LADDER.into_iter().enumerate() {
        let device = Device::new(1);
        let mut hsm = start(&device, Policy::STRICT, 4, 1).unwrap();
        let material = value(1, kbpk_len);
        let kbpk = ceremony(&mut hsm, &attributes("K1", kbpk_algorithm, 'B', 'N'), &material).unwrap();
        for (inner, (algorithm, len)) in LADDER.into_iter().enumerate() {
            let fits = inner <= outer;
            cells += 1;
            allowed += usize::from(fits);
            let wanted = attributes("D0", algorithm, 'E', 'E');
            let make = if kbpk_algorithm == 'A' { block } else { block_tdea };
            let text = make(&material, &wanted, &value(2, len), &[]);
            let result = hsm.key_block_import(kbpk, &text, PROFILE);
            assert_eq!(result.err(), (!fits).then_some(Error::KeyStrength), "{outer} {inner}");
            let held = match result {
                Ok(imported) => imported.key,
                Err(_) => ceremony(&mut hsm, &wanted, &value(2, len)).unwrap(),
            };
            let (drawn, mut out) = (device.world().drawn, [0xA5; 256]);
            let result = hsm.key_block_export(kbpk, held, &mut out);
            if fits {
                let len = result.unwrap();
                // Version by the KBPK; the length of the block hides that of the key.
                assert_eq!(out[0], if kbpk_algorithm == 'A' { b'D' } else { b'B' });
                assert_eq!(out[len..], [0; 256][len..]);
            } else {
                assert_eq!((result, out), (Err(Error::KeyStrength), [0; 256]));
                assert_eq!(device.world().drawn, drawn);
            }
            hsm.key_erase(held).unwrap();

            // Initial keys: of the BDK's length on the way out, of their own on the way in.
            if (algorithm, len) != ('T', 24) {
                let bdk = ceremony(&mut hsm, &attributes("B0", algorithm, 'X', 'N'), &value(3, len)).unwrap();
                let id: &[u8] = if algorithm == 'A' {
                    &crate::common::AES_ID
                } else {
                    &crate::common::TDEA_ID
                };
                let mut out = [0xA5; 256];
                let result = hsm.dukpt_export_initial_key(bdk, id, kbpk, &mut out);
                assert_eq!(result.err(), (!fits).then_some(Error::KeyStrength));
                assert_eq!(out == [0; 256], !fits);
                let optional = match algorithm {
                    'A' => Optional::new(*b"IK", b"1234567890123456").unwrap(),
                    _ => Optional::new(*b"KS", b"FFFF9876543210E00000").unwrap(),
                };
                let text = make(
                    &material,
                    &attributes("B1", algorithm, 'X', 'N'),
                    &value(4, len),
                    &[optional],
                );
                let result = hsm.dukpt_load(kbpk, &text, PROFILE);
                assert_eq!(result.err(), (!fits).then_some(Error::KeyStrength));
                if let Ok((group, _)) = result {
                    hsm.dukpt_erase(group).unwrap();
                }
                hsm.key_erase(bdk).unwrap();
            }
        }
    }
    assert_eq!((cells, allowed), (25, 15));
}

/// C06: no key under itself, be it in another slot; no protection key under one that can leave, so that none is under a key
/// that is under it.
#[test]
fn c06_self_wrap() {
    let mut hsm = module(&Device::new(1));
    for algorithm in ['A', 'T'] {
        let wanted = attributes("K1", algorithm, 'B', 'E');
        let one = ceremony(&mut hsm, &wanted, &value(1, 16)).unwrap();
        let two = ceremony(&mut hsm, &wanted, &value(1, 16)).unwrap();
        let other = ceremony(&mut hsm, &wanted, &value(2, 16)).unwrap();
        let top = key(&mut hsm, "K1", algorithm, 'B', 3);
        for (kbpk, key) in [(one, one), (one, two), (two, one)] {
            let mut out = [0xA5; 256];
            let result = hsm.key_block_export(kbpk, key, &mut out);
            assert_eq!((result, out), (Err(Error::InvalidArgument), [0; 256]));
        }
        let mut out = [0xA5; 256];
        let result = hsm.key_block_export(one, other, &mut out);
        assert_eq!((result, out), (Err(Error::ExportNotPermitted), [0; 256]));
        hsm.key_block_export(top, other, &mut out).unwrap();
        for key in [one, two, other, top] {
            hsm.key_erase(key).unwrap();
        }
    }
}

/// D09: a block for storage belongs to the device that made it.
#[test]
fn d09_blocks_for_storage_are_refused() {
    let mut hsm = module(&Device::new(1));
    let kbpk = load_kbpk(&mut hsm);
    let kbpk_key = Key::from_bytes(&value(KBPK_SEED, 16)).unwrap();
    for (context, expected) in [
        (KeyContext::Any, None),
        (KeyContext::Storage, Some(Error::KeyBlockReserved)),
        (KeyContext::Exchange, None),
    ] {
        let mut template = Template::new(Version::D, attributes("D0", 'T', 'E', 'N'));
        template.context = context;
        let mut out = [0; 256];
        let len = template
            .wrap_bytes(KbpkRef::Aes(&kbpk_key), &value(1, 16), &mut Device::new(2), &mut out)
            .unwrap();
        let result = hsm.key_block_import(kbpk, &out[..len], PROFILE);
        assert_eq!(result.err(), expected);
    }
}

/// D09: a source of random bytes that fails lets nothing out and nothing in.
#[test]
fn d09_entropy_that_fails() {
    let device = Device::new(1);
    let mut hsm = module(&device);
    let kbpk = key(&mut hsm, "K1", 'A', 'E', 1);
    let held = ceremony(&mut hsm, &attributes("D0", 'A', 'E', 'E'), &value(2, 16)).unwrap();
    let bdk = key(&mut hsm, "B0", 'A', 'X', 3);
    let status = hsm.status();
    device.world().entropy_fails_in = Some(0);
    let (mut one, mut two, mut three) = ([0xA5; 256], [0xA5; 256], [0xA5; 32]);
    assert_eq!(hsm.key_block_export(kbpk, held, &mut one), Err(Error::Entropy));
    let result = hsm.dukpt_export_initial_key(bdk, &crate::common::AES_ID, kbpk, &mut two);
    assert_eq!(result.err(), Some(Error::Entropy));
    assert_eq!(hsm.random(&mut three), Err(Error::Entropy));
    assert_eq!((one, two, three), ([0; 256], [0; 256], [0; 32]));
    let result = hsm.key_generate(&attributes("D0", 'T', 'E', 'N'), 16);
    assert_eq!(result.err(), Some(Error::Entropy));
    assert_eq!(hsm.status(), status);
    // And no module starts.
    for draws in 0..4 {
        let device = Device::new(1);
        device.world().entropy_fails_in = Some(draws);
        assert_eq!(start(&device, Policy::STRICT, 2, 2).err(), Some(Error::Entropy));
    }
}

/// A key that goes over, in version D and B, does on the other side what it did here.
#[test]
fn export_and_import() {
    for (algorithm, usage, method) in [('A', "M6", MacMethod::CMAC), ('T', "M3", MacMethod::X9_19)] {
        let mut here = start(&Device::new(1), Policy::STRICT, 2, 0).unwrap();
        let mut there = start(&Device::new(2), Policy::STRICT, 2, 0).unwrap();
        let wrapping = key(&mut here, "K1", algorithm, 'E', 1);
        let unwrapping = key(&mut there, "K1", algorithm, 'D', 1);
        let key = ceremony(&mut here, &attributes(usage, algorithm, 'C', 'E'), &value(2, 16)).unwrap();
        let mut text = [0; 256];
        let len = here.key_block_export(wrapping, key, &mut text).unwrap();
        let imported = there.key_block_import(unwrapping, &text[..len], PROFILE).unwrap();
        assert_eq!(imported.info, here.key_info(key).unwrap());
        let mut mac = [0; 8];
        here.mac_generate(key.into(), method, b"message", &mut mac).unwrap();
        there.mac_verify(imported.key.into(), method, b"message", &mac).unwrap();
        there.key_erase(imported.key).unwrap();

        // Any other text is no block: a changed character, a part, a tail; nothing comes in.
        for at in 0..len {
            let mut changed = text;
            changed[at] = if changed[at] == b'1' { b'2' } else { b'1' };
            assert!(
                there.key_block_import(unwrapping, &changed[..len], PROFILE).is_err(),
                "{at}"
            );
            assert!(
                there.key_block_import(unwrapping, &text[..at], PROFILE).is_err(),
                "{at}"
            );
        }
        assert!(there.key_block_import(unwrapping, &text[..=len], PROFILE).is_err());
        assert_eq!(there.status().slots.1, 1);
        // A buffer that is too short.
        let mut short = vec![0xA5; len - 1];
        assert_eq!(
            here.key_block_export(wrapping, key, &mut short),
            Err(Error::BufferTooSmall)
        );
        assert!(short.iter().all(|&b| b == 0));
    }
}

/// A generated key has the attributes and the length asked for, and is another each time.
#[test]
fn generation() {
    let mut hsm = module(&Device::new(1));
    for (algorithm, len) in LADDER {
        let wanted = attributes("D0", algorithm, 'E', 'N');
        let [one, two] = [(); 2].map(|()| hsm.key_generate(&wanted, len).unwrap());
        assert_eq!((one.info.attributes, one.info.len), (wanted, len));
        assert_ne!(one.info.check, two.info.check);
        hsm.key_erase(one.key).unwrap();
        hsm.key_erase(two.key).unwrap();
    }
    for len in [0, 8, 15, 17, 32, 33, 1 << 20] {
        let result = hsm.key_generate(&attributes("D0", 'T', 'E', 'N'), len);
        assert_eq!(result.err(), Some(Error::InvalidKeyLength), "{len}");
    }
    for (attributes, error) in [
        (attributes("B1", 'A', 'X', 'N'), Error::UsageNotPermitted),
        (attributes("D0", 'A', 'N', 'N'), Error::ModeNotPermitted),
        (attributes("P0", 'A', 'B', 'N'), Error::ModeNotPermitted),
        (attributes("D0", 'A', 'X', 'N'), Error::KeyBlockMode),
    ] {
        assert_eq!(hsm.key_generate(&attributes, 16).err(), Some(error));
    }
    assert_eq!(hsm.status().slots.1, 0);
    for _ in 0..8 {
        hsm.key_generate(&attributes("D0", 'A', 'E', 'N'), 16).unwrap();
    }
    let result = hsm.key_generate(&attributes("D0", 'A', 'E', 'N'), 16);
    assert_eq!(result.err(), Some(Error::SlotsFull));
}
