// SPDX-License-Identifier: MIT OR Apache-2.0
//! C. Separation of keys.

use std::collections::BTreeSet;

use payhsm::cipher::{modes, tdes::Tdes};
use payhsm::error::Error;
use payhsm::hsm::{Export, KeyHandle, MacMethod};
use payhsm::key::parity;
use payhsm::key::usage::{ModeOfUse, Usage};
use payhsm::keyblock::Profile;
use payhsm::pin::block::Format;
use payhsm::pin::pan::Pan;
use payhsm::policy::{Permission, Policy};

use crate::a::{block_of, pin};
use crate::catalogue::{attack, attack_fails, figure, is_full, refused};
use crate::common::card::PAN;
use crate::common::{
    Device, Module, PROFILE, attributes, block, block_variant, ceremony, key, start, value, working_key,
};

const KBPK: u8 = 11;
const LEGACY_IMPORT: Policy = Policy::STRICT.with(Permission::LegacyImport);

/// A key does what its usage says. All cells: `key_confusion::c01_*`.
#[test]
fn c01_a_key_does_what_its_usage_says() {
    attack("C01", Error::UsageNotPermitted, || {
        let device = Device::new(1);
        let mut hsm = start(&device, Policy::STRICT, 4, 0).unwrap();
        let data_key = key(&mut hsm, "D0", 'T', 'B', 60);
        let pan = Pan::parse(PAN).unwrap();
        let mut out = [0; 16];
        refused(&device, &mut out, |out| {
            let out = out.first_chunk_mut().unwrap();
            hsm.pin_encipher(data_key.into(), Format::Iso0, &pan, &pin("4273"), out)
        })
    });
    attack_fails("C01", || {
        // Every usage that has 16-byte TDEA keys, with commands that none of them is for but one.
        let mut wrong = 0;
        for usage in Usage::ALL {
            let device = Device::new(1);
            let mut hsm = start(&device, Policy::STRICT, 2, 0).unwrap();
            let [a, b] = usage.to_chars().map(char::from);
            let name = format!("{a}{b}");
            for mode in ['E', 'D', 'B', 'C', 'G', 'V', 'X'] {
                let Ok(key) = ceremony(&mut hsm, &attributes(&name, 'T', mode, 'N'), &value(60, 16)) else {
                    continue;
                };
                let deciphers = hsm.data_decipher(key.into(), &[0; 8], &mut [0; 8]).is_ok();
                wrong += usize::from(deciphers && *usage != Usage::D0);
                hsm.key_erase(key).unwrap();
            }
        }
        wrong > 0
    });
}

/// What an attacker knows, and what he can make of it.
struct World {
    hsm: Module,
    mac: KeyHandle,
    data: Vec<KeyHandle>,
    blocks: Vec<Vec<u8>>,
    kbpk: KeyHandle,
}

impl World {
    fn calls(&mut self, item: [u8; 8]) -> Vec<[u8; 8]> {
        let mut results = Vec::new();
        for &key in &self.data {
            let mut data = item;
            if self.hsm.data_encipher(key.into(), &[0; 8], &mut data).is_ok() {
                results.push(data);
            }
            let mut data = item;
            if self.hsm.data_decipher(key.into(), &[0; 8], &mut data).is_ok() {
                results.push(data);
            }
        }
        let mut tag = [0; 8];
        if self
            .hsm
            .mac_generate(self.mac.into(), MacMethod::X9_19, &item, &mut tag)
            .is_ok()
        {
            results.push(tag);
        }
        results
    }
}

/// All sequences of calls of a small world: nothing that comes out is a key, half a key or a clear block.
#[test]
fn c02_no_sequence_of_calls_gives_a_secret() {
    let pans = [Pan::parse(PAN).unwrap(), Pan::parse(b"4761739001010028").unwrap()];
    let search = |depth: usize| {
        let device = Device::new(1);
        let mut hsm = start(&device, Policy::STRICT, 8, 0).unwrap();
        let kbpk = key(&mut hsm, "K1", 'A', 'D', KBPK);
        key(&mut hsm, "P0", 'T', 'E', 60);
        let own = key(&mut hsm, "D0", 'T', 'B', 61);
        let mac = key(&mut hsm, "M3", 'T', 'C', 62);
        // The PIN key's value as a data key, in a block that the attacker has, and one of his own.
        let data = attributes("D0", 'T', 'B', 'N');
        let blocks = [60, 63]
            .map(|seed| block(&value(KBPK, 16), &data, &value(seed, 16), &[]))
            .to_vec();
        let mut world = World {
            hsm,
            mac,
            data: vec![own],
            blocks,
            kbpk,
        };
        for block in world.blocks.clone() {
            let imported = world.hsm.key_block_import(world.kbpk, &block, PROFILE);
            world.data.extend(imported.map(|imported| imported.key));
        }
        // Secrets: halves of keys, and PIN fields of both formats and cards.
        let mut secrets: BTreeSet<[u8; 8]> = [60, 61, 62]
            .iter()
            .flat_map(|&seed| value(seed, 16).as_chunks::<8>().0.to_vec())
            .collect();
        let mut known: BTreeSet<[u8; 8]> = [[0; 8], [0xFF; 8]].into();
        let cipher = Tdes::new(&value(60, 16)).unwrap();
        for (pan, format) in pans.iter().flat_map(|pan| [(pan, Format::Iso0), (pan, Format::Iso3)]) {
            let text = block_of(60, format, pan, &pin("4273"));
            let text: [u8; 8] = text.try_into().unwrap();
            known.insert(text);
            secrets.insert(cipher.decrypt(text));
        }
        for mask in [
            [0xC0, 0xC0, 0xC0, 0xC0, 0, 0, 0, 0],
            [0, 0, 0, 0, 0, 0, 0, 0xFF],
            [0x45; 8],
            [0x4D; 8],
        ] {
            known.insert(mask);
        }
        let attackers = Tdes::new(&value(63, 16)).unwrap();
        let (mut new, mut calls) = (known.clone(), 0);
        let mut found = 0;
        for _ in 0..depth {
            let mut next = BTreeSet::new();
            for item in &new {
                for result in world.calls(*item) {
                    calls += 1;
                    found += usize::from(secrets.contains(&result) || secrets.contains(&attackers.decrypt(result)));
                    if known.insert(result) {
                        next.insert(result);
                    }
                }
            }
            new = next;
        }
        (calls, found)
    };
    let depth = if is_full() { 5 } else { 3 };
    attack_fails("C02.purpose", || {
        let (calls, found) = search(depth);
        figure(
            "C02",
            &format!("{calls} calls to a depth of {depth}, {found} results are secrets"),
        );
        found > 0
    });
    assert_eq!(parity::is_degenerate(&value(60, 16)).unwrap_u8(), 0);
}

/// One value serves one purpose, by whichever way it comes; a protection key takes no data.
#[test]
fn c03_one_value_has_one_purpose() {
    type Route = fn(&mut Module, KeyHandle) -> Result<(), Error>;
    let routes: [Route; 2] = [
        |hsm, _| ceremony(hsm, &attributes("D0", 'T', 'D', 'N'), &value(60, 16)).map(|_| ()),
        |hsm, kbpk| {
            let text = block(&value(KBPK, 16), &attributes("D0", 'T', 'D', 'N'), &value(60, 16), &[]);
            hsm.key_block_import(kbpk, &text, PROFILE).map(|_| ())
        },
    ];
    for route in routes {
        attack("C03.purpose", Error::VerificationFailed, || {
            let mut hsm = start(&Device::new(1), Policy::STRICT, 4, 0).unwrap();
            let kbpk = key(&mut hsm, "K1", 'A', 'D', KBPK);
            key(&mut hsm, "P0", 'T', 'E', 60);
            let used = hsm.status().slots.1;
            let result = route(&mut hsm, kbpk);
            assert!(result.is_ok() || hsm.status().slots.1 == used);
            result
        });
    }
    attack("C03", Error::UsageNotPermitted, || {
        let mut hsm = start(&Device::new(1), Policy::STRICT, 4, 0).unwrap();
        let kek = key(&mut hsm, "K1", 'T', 'B', 60);
        let mut data = [0x33; 16];
        let result = hsm.data_decipher(kek.into(), &[0; 8], &mut data);
        assert_eq!(data == [0; 16], result.is_err());
        result
    });
}

/// A key that differs from another by what a protocol adds to it.
#[test]
fn c04_no_related_keys() {
    let masks = [
        [0, 0, 0, 0, 0, 0, 0, 0xFF],
        [0, 0, 0, 0, 0, 0, 0xFF, 0],
        [0, 0, 0, 0, 0, 0xFF, 0, 0],
        [0xC0, 0xC0, 0xC0, 0xC0, 0, 0, 0, 0],
        [0x45; 8],
        [0x4D; 8],
        [8, 0, 0, 0, 0, 0, 0, 0],
        [8 * 7, 0, 0, 0, 0, 0, 0, 0],
        [8 * 31, 0, 0, 0, 0, 0, 0, 0],
        [1, 0, 1, 0, 0, 0, 0, 9],
    ];
    for mask in masks.iter().take(9) {
        attack("C04", Error::VerificationFailed, || {
            let mut hsm = start(&Device::new(1), Policy::STRICT, 4, 0).unwrap();
            key(&mut hsm, "P0", 'T', 'E', 60);
            let related: Vec<u8> = value(60, 16)
                .iter()
                .zip(mask.iter().cycle())
                .map(|(a, b)| a ^ b)
                .collect();
            ceremony(&mut hsm, &attributes("D0", 'T', 'D', 'N'), &related)
        });
    }
    // A key that differs by no such thing comes in.
    let mut hsm = start(&Device::new(1), Policy::STRICT, 4, 0).unwrap();
    key(&mut hsm, "P0", 'T', 'E', 60);
    let other: Vec<u8> = value(60, 16)
        .iter()
        .zip(masks[9].iter().cycle())
        .map(|(a, b)| a ^ b)
        .collect();
    ceremony(&mut hsm, &attributes("D0", 'T', 'D', 'N'), &other).unwrap();
    figure("C04", "9 masks of DUKPT, key blocks and variants are refused");
}

/// No round trip loosens an attribute, and what a key has used up stays used up.
#[test]
fn c05_attributes_and_counts_are_not_loosened() {
    attack("C05.widen", Error::ModeNotPermitted, || {
        let device = Device::new(1);
        let mut hsm = start(&device, Policy::STRICT, 4, 0).unwrap();
        let kek = key(&mut hsm, "K1", 'A', 'E', KBPK);
        let own = ceremony(&mut hsm, &attributes("D0", 'T', 'E', 'E'), &value(60, 16)).unwrap();
        let wider = Export {
            mode: Some(ModeOfUse::Both),
            ..Export::default()
        };
        let mut out = [0; 256];
        refused(&device, &mut out, |out| hsm.key_block_export_as(kek, own, &wider, out))
    });
    attack("C05.counter", Error::Locked, || {
        let mut hsm = start(&Device::new(1), Policy::STRICT.with(Permission::LegacyKeyBlocks), 4, 0).unwrap();
        let old = key(&mut hsm, "K0", 'T', 'D', 60);
        let good = block_variant(&value(60, 16), &attributes("D0", 'T', 'D', 'N'), &value(61, 16), &[]);
        let mut bad = good.clone();
        let last = bad.len() - 1;
        bad[last] = if bad[last] == b'0' { b'1' } else { b'0' };
        for _ in 0..10 {
            assert_eq!(
                hsm.key_block_import(old, &bad, Profile::Tr31_2018).err(),
                Some(Error::VerificationFailed)
            );
        }
        // The same key once more, while it stands.
        let again = key(&mut hsm, "K0", 'T', 'D', 60);
        hsm.key_block_import(again, &good, Profile::Tr31_2018)
    });
}

/// No stronger key under a weaker one, none under itself.
#[test]
fn c06_the_order_of_strength() {
    for (kek, len) in [(('T', 24), 16), (('A', 16), 32)] {
        attack("C06", Error::KeyStrength, || {
            let device = Device::new(1);
            let mut hsm = start(&device, Policy::STRICT, 4, 0).unwrap();
            let kek = ceremony(&mut hsm, &attributes("K1", kek.0, 'E', 'N'), &value(KBPK, kek.1)).unwrap();
            let own = ceremony(&mut hsm, &attributes("D0", 'A', 'E', 'E'), &value(60, len)).unwrap();
            let mut out = [0; 512];
            refused(&device, &mut out, |out| hsm.key_block_export(kek, own, out))
        });
    }
    attack("C06.self", Error::InvalidArgument, || {
        let device = Device::new(1);
        let mut hsm = start(&device, Policy::STRICT, 4, 0).unwrap();
        let kek = ceremony(&mut hsm, &attributes("K1", 'A', 'B', 'E'), &value(KBPK, 16)).unwrap();
        let mut out = [0; 512];
        refused(&device, &mut out, |out| hsm.key_block_export(kek, kek, out))
    });
    // A wraps B, B wraps A; the same by way of a third one, and for a block that passes through.
    let exportable =
        |hsm: &mut Module, seed| ceremony(hsm, &attributes("K1", 'A', 'B', 'E'), &value(seed, 16)).unwrap();
    for steps in [2, 3] {
        attack("C06.cycle", Error::ExportNotPermitted, || {
            let device = Device::new(1);
            let mut hsm = start(&device, Policy::STRICT, 4, 0).unwrap();
            let keys: Vec<KeyHandle> = (0..steps).map(|seed| exportable(&mut hsm, KBPK + seed)).collect();
            let mut out = [0; 512];
            for (at, &kek) in keys.iter().enumerate() {
                let own = keys[(at + 1) % keys.len()];
                refused(&device, &mut out, |out| hsm.key_block_export(kek, own, out))?;
            }
            Ok(())
        });
    }
    attack("C06.cycle", Error::ExportNotPermitted, || {
        let device = Device::new(1);
        let mut hsm = start(&device, Policy::STRICT, 4, 0).unwrap();
        let (from, to) = (key(&mut hsm, "K1", 'A', 'D', 71), exportable(&mut hsm, 72));
        let text = block(&value(71, 16), &attributes("K1", 'A', 'B', 'E'), &value(73, 16), &[]);
        let mut out = [0; 512];
        refused(&device, &mut out, |out| {
            hsm.key_block_translate(from, &text, PROFILE, to, &Export::default(), out)
        })
    });
    // What cannot leave protects what can, and a key that can leave protects what is no protection key.
    let mut hsm = start(&Device::new(1), Policy::STRICT, 4, 0).unwrap();
    let (top, middle) = (key(&mut hsm, "K1", 'A', 'E', 71), exportable(&mut hsm, 72));
    let leaf = ceremony(&mut hsm, &attributes("D0", 'A', 'B', 'E'), &value(73, 16)).unwrap();
    hsm.key_block_export(top, middle, &mut [0; 512]).unwrap();
    hsm.key_block_export(middle, leaf, &mut [0; 512]).unwrap();
    assert_eq!(
        hsm.key_block_export(middle, top, &mut [0; 512]),
        Err(Error::ExportNotPermitted)
    );
}

/// Random bytes that shall be keys.
#[test]
fn c07_no_keys_of_chance() {
    let tmk = value(40, 16);
    let pin_key = attributes("P0", 'T', 'E', 'N');
    let master = |hsm: &mut Module| ceremony(hsm, &attributes("K0", 'T', 'D', 'N'), &tmk).unwrap();
    attack("C07.kcv", Error::InvalidLength, || {
        let mut hsm = start(&Device::new(1), LEGACY_IMPORT, 3, 0).unwrap();
        let tmk = master(&mut hsm);
        hsm.working_key_import(tmk, &pin_key, &value(99, 16), &[])
    });
    let count: u32 = if is_full() { 1 << 20 } else { 1 << 10 };
    let mut hsm = start(&Device::new(1), LEGACY_IMPORT, 3, 0).unwrap();
    let handle = master(&mut hsm);
    let accepted = (0..count).filter(|n| {
        let blob: Vec<u8> = (0..4_u32)
            .flat_map(|i| n.wrapping_mul(0x9E37_79B9).rotate_left(8 * i).to_be_bytes())
            .collect();
        hsm.working_key_import(handle, &pin_key, &blob, &[]).is_ok()
    });
    let accepted = accepted.count();
    figure(
        "C07",
        &format!("{accepted} of {count} blobs without a check value come in"),
    );
    assert_eq!(accepted, 0);
    attack("C07.lock", Error::Locked, || {
        let mut hsm = start(&Device::new(1), LEGACY_IMPORT, 3, 0).unwrap();
        let tmk = master(&mut hsm);
        for n in 0..3 {
            let result = hsm.working_key_import(tmk, &pin_key, &value(99, 16), &[n, 0, 0]);
            assert_eq!(result.err(), Some(Error::VerificationFailed));
        }
        let (cipher, kcv) = working_key(&value(40, 16), &value(41, 16));
        hsm.working_key_import(tmk, &pin_key, &cipher, &kcv)
    });
}

/// Keys put together of the halves of others.
#[test]
fn c08_no_key_of_halves() {
    let (tmk, good) = (value(40, 16), value(41, 16));
    let pin_key = attributes("P0", 'T', 'E', 'N');
    let (cipher, _) = working_key(&tmk, &good);
    let check = |material: &[u8]| {
        let mut zeros = [0; 8];
        modes::ecb_encrypt(&Tdes::new(material).unwrap(), &mut zeros).unwrap();
        zeros[..3].to_vec()
    };
    // K1 K1: the check value is that of single DES, which 2^56 tries find.
    attack("C08", Error::WeakKey, || {
        let mut hsm = start(&Device::new(1), LEGACY_IMPORT, 3, 0).unwrap();
        let tmk = ceremony(&mut hsm, &attributes("K0", 'T', 'D', 'N'), &tmk).unwrap();
        let spliced = [&cipher[..8], &cipher[..8]].concat();
        let result = hsm.working_key_import(tmk, &pin_key, &spliced, &check(&[&good[..8], &good[..8]].concat()));
        assert_eq!(hsm.status().slots.1, 1 + usize::from(result.is_ok()));
        result
    });
    // K1 = K2, K2 = K3, and K1 = K3, which passes for more than it is.
    for parts in [[0, 0, 1], [0, 1, 1], [0, 1, 0]] {
        attack("C08", Error::WeakKey, || {
            let mut hsm = start(&Device::new(1), Policy::STRICT, 3, 0).unwrap();
            let kbpk = key(&mut hsm, "K1", 'A', 'D', KBPK);
            let material: Vec<u8> = parts.iter().flat_map(|&at| good[8 * at..][..8].to_vec()).collect();
            let text = block(&value(KBPK, 16), &pin_key, &material, &[]);
            hsm.key_block_import(kbpk, &text, PROFILE)
        });
    }
}

/// Zero keys and the weak and semi-weak halves of DES, by whichever way.
#[test]
fn c09_no_weak_keys() {
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
    let import = |material: &[u8], algorithm: char| {
        let mut hsm = start(&Device::new(1), Policy::STRICT, 3, 0).unwrap();
        let kbpk = key(&mut hsm, "K1", 'A', 'D', KBPK);
        let wanted = attributes("D0", algorithm, 'B', 'N');
        hsm.key_block_import(kbpk, &block(&value(KBPK, 16), &wanted, material, &[]), PROFILE)
    };
    attack("C09", Error::WeakKey, || import(&[0; 16], 'A'));
    for weak in WEAK {
        for material in [
            [&weak.to_be_bytes()[..], &value(41, 8)].concat(),
            [&value(41, 8)[..], &weak.to_be_bytes()].concat(),
        ] {
            attack("C09", Error::WeakKey, || import(&material, 'T'));
            let mut hsm = start(&Device::new(1), Policy::STRICT, 3, 0).unwrap();
            let result = ceremony(&mut hsm, &attributes("D0", 'T', 'B', 'N'), &material);
            assert_eq!(result.err(), Some(Error::WeakKey));
        }
    }
    figure(
        "C09",
        "16 weak and semi-weak halves in both places, by block and by components",
    );
}
