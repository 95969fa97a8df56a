// SPDX-License-Identifier: MIT OR Apache-2.0
//! Backup and restore (rows D08, C05, I4): what goes, what comes back, and on which device.

use payhsm::error::Error;
use payhsm::hsm::{Config, Date, Group, Hsm, KeyHandle, KeyInfo, LogEvent, MacMethod, Narrowing, Slot};
use payhsm::key::role::StorageKey;
use payhsm::key::{Aes, Key};
use payhsm::keyblock::Profile;

use crate::common::{
    Asked, Device, FAULTS, Fault, Module, NO_LIMITS, PROFILE, attributes, ceremony, initial_key, key, load_kbpk,
    module, value,
};

const K1: u8 = 90;

/// The K1 key for backups, which both writes and reads.
fn kbpk(hsm: &mut Module) -> KeyHandle {
    ceremony(hsm, &attributes("K1", 'A', 'B', 'N'), &value(K1, 32)).unwrap()
}

fn backup(hsm: &mut Module, kbpk: KeyHandle) -> Vec<u8> {
    let mut out = vec![0xA5; hsm.backup_len().unwrap()];
    let len = hsm.backup_write(kbpk, &mut out).unwrap();
    assert!(out[len..].iter().all(|&byte| byte == 0));
    out.truncate(len);
    out
}

/// The keys but protection keys, by check value.
fn keys(hsm: &Module) -> Vec<KeyInfo> {
    let (mut found, mut cursor) = (Vec::new(), 0);
    while let Some((next, _, info)) = hsm.key_next(cursor).unwrap() {
        if info.attributes.usage != payhsm::key::usage::Usage::K1 {
            found.push(info);
        }
        cursor = next;
    }
    found.sort_by_key(|info| info.check.as_bytes().to_vec());
    found
}

/// A device under another storage key.
fn other_device(device: &Device) -> Module {
    let slots = Box::leak(Box::new([const { Slot::EMPTY }; 8]));
    let groups = Box::leak(Box::new([const { Group::EMPTY }; 1]));
    let storage_key = Key::<StorageKey, Aes>::from_bytes(&[0x5B; 32]).unwrap();
    let config = Config {
        storage_key: Some(&storage_key),
        pin_limits: NO_LIMITS,
        ..Config::default()
    };
    Hsm::new(device.clone(), slots, groups, config).unwrap()
}

#[test]
fn what_may_leave_comes_back() {
    let device = Device::new(1);
    let mut hsm = module(&device);
    let mac = ceremony(&mut hsm, &attributes("M6", 'A', 'C', 'E'), &value(1, 16)).unwrap();
    let data = ceremony(&mut hsm, &attributes("D0", 'A', 'B', 'E'), &value(2, 32)).unwrap();
    hsm.key_store(mac).unwrap();
    hsm.mac_generate(mac.into(), MacMethod::CMAC, b"m", &mut [0; 8])
        .unwrap();
    let window = Narrowing {
        valid_until: Some(Date::from_digits(20_261_231).unwrap()),
        ..Narrowing::default()
    };
    hsm.key_narrow(data, &window).unwrap();
    // Not exportable, and with a limit: these stay.
    ceremony(&mut hsm, &attributes("M6", 'A', 'C', 'N'), &value(3, 16)).unwrap();
    let limited = ceremony(&mut hsm, &attributes("M6", 'A', 'C', 'E'), &value(4, 16)).unwrap();
    let few = Narrowing {
        max_uses: Some(5),
        ..Narrowing::default()
    };
    hsm.key_narrow(limited, &few).unwrap();
    let k1 = kbpk(&mut hsm);
    let loading = load_kbpk(&mut hsm);
    hsm.dukpt_load(loading, &initial_key('T', 1, &value(30, 16)), PROFILE)
        .unwrap();
    let expected: Vec<KeyInfo> = keys(&hsm)
        .into_iter()
        .filter(|info| [hsm.key_info(mac).unwrap(), hsm.key_info(data).unwrap()].contains(info))
        .collect();
    let saved = backup(&mut hsm, k1);
    assert_eq!(saved[6..8], [0, 2]);
    // A device that has lost everything but its key.
    drop(hsm);
    device.world().records.clear();
    let mut hsm = module(&device);
    let k1 = kbpk(&mut hsm);
    assert_eq!(hsm.backup_restore(k1, &saved), Ok(2));
    assert_eq!(device.world().asked.last(), Some(&Asked::Restore(true, false)));
    assert_eq!(keys(&hsm), expected);
    assert_eq!(hsm.status().groups.1, 0);
    // What belonged to the keys came with them: days of use, first use, the storage.
    let (_, _, _) = hsm.key_next(0).unwrap().unwrap();
    let mut cursor = 0;
    while let Some((next, key, info)) = hsm.key_next(cursor).unwrap() {
        cursor = next;
        let bounds = hsm.key_bounds(key).unwrap();
        assert_eq!(bounds.is_stored, info.attributes.usage == payhsm::key::usage::Usage::M6);
        assert_eq!(
            bounds.valid_until.is_some(),
            info.attributes.usage == payhsm::key::usage::Usage::D0
        );
    }
    drop(hsm);
    assert_eq!(keys(&module(&device)).len(), 1);
}

/// D08: a backup of another device or an older one needs those who may; a copy of a key never comes back.
#[test]
fn d08_other_devices_and_older_backups() {
    let device = Device::new(1);
    let mut hsm = module(&device);
    let mac = ceremony(&mut hsm, &attributes("M6", 'A', 'C', 'E'), &value(1, 16)).unwrap();
    let k1 = kbpk(&mut hsm);
    let first = backup(&mut hsm, k1);
    let second = backup(&mut hsm, k1);
    assert_ne!(first, second);
    // All keys are here.
    for saved in [&first, &second] {
        assert_eq!(hsm.backup_restore(k1, saved), Err(Error::VerificationFailed));
    }
    hsm.key_erase(mac).unwrap();
    device.world().answer = Some(Error::Refused);
    for (saved, older) in [(&first, true), (&second, false)] {
        assert_eq!(hsm.backup_restore(k1, saved), Err(Error::Refused));
        assert_eq!(device.world().asked.last(), Some(&Asked::Restore(true, older)));
        assert_eq!(keys(&hsm), []);
    }
    device.world().answer = None;
    assert_eq!(hsm.backup_restore(k1, &second), Ok(1));
    let elsewhere = Device::new(2);
    let mut other = other_device(&elsewhere);
    let k1 = kbpk(&mut other);
    elsewhere.world().answer = Some(Error::Refused);
    assert_eq!(other.backup_restore(k1, &second), Err(Error::Refused));
    assert_eq!(elsewhere.world().asked.last(), Some(&Asked::Restore(false, false)));
    elsewhere.world().answer = None;
    assert_eq!(other.backup_restore(k1, &second), Ok(1));
    assert_eq!(keys(&other), keys(&hsm));
}

/// C05: nothing in a backup can be changed, and none of its blocks comes in by another way.
#[test]
fn c05_altered_backups() {
    let device = Device::new(1);
    let mut hsm = module(&device);
    let mac = ceremony(&mut hsm, &attributes("M6", 'A', 'G', 'E'), &value(1, 16)).unwrap();
    let k1 = kbpk(&mut hsm);
    let saved = backup(&mut hsm, k1);
    hsm.key_erase(mac).unwrap();
    for bit in 0..saved.len() * 8 {
        let mut altered = saved.clone();
        altered[bit / 8] ^= 1 << (bit % 8);
        let error = hsm.backup_restore(k1, &altered).unwrap_err();
        assert!(
            [Error::Record, Error::VerificationFailed].contains(&error),
            "{bit} {error:?}"
        );
        assert_eq!(keys(&hsm), []);
    }
    for len in 0..saved.len() {
        assert_eq!(hsm.backup_restore(k1, &saved[..len]), Err(Error::Record), "{len}");
    }
    let alarm = hsm.next_event().unwrap();
    assert_eq!(
        (alarm.event, alarm.result),
        (LogEvent::Restore, Error::VerificationFailed.code())
    );
    // The block is for storage, and its key serves nothing but backups.
    let block = &saved[28 + 22..saved.len() - 16];
    for profile in [Profile::X9143Strict, Profile::Tr31_2018] {
        assert_eq!(
            hsm.key_block_import(k1, block, profile).err(),
            Some(Error::UsageNotPermitted)
        );
    }
    let mut fresh = module(&Device::new(3));
    let k1 = kbpk(&mut fresh);
    assert!(fresh.key_block_import(k1, block, Profile::X9143Strict).is_err());
    assert_eq!(keys(&fresh), []);
    let mut out = [0xA5; 600];
    let exportable = ceremony(&mut hsm, &attributes("D0", 'A', 'B', 'E'), &value(2, 16)).unwrap();
    let k1 = kbpk(&mut hsm);
    assert_eq!(
        hsm.key_block_export(k1, exportable, &mut out),
        Err(Error::UsageNotPermitted)
    );
    // Other keys write and read none.
    for (usage, algorithm, mode) in [("K1", 'T', 'B'), ("K0", 'T', 'B'), ("K4", 'A', 'B'), ("D0", 'A', 'B')] {
        let other = key(&mut hsm, usage, algorithm, mode, 50);
        assert!(hsm.backup_write(other, &mut out).is_err(), "{usage}");
        assert_eq!(out, [0; 600]);
        assert!(hsm.backup_restore(other, &saved).is_err(), "{usage}");
        hsm.key_erase(other).unwrap();
    }
    let wrong = key(&mut hsm, "K1", 'A', 'D', 51);
    assert_eq!(hsm.backup_write(wrong, &mut out), Err(Error::ModeNotPermitted));
    assert_eq!(hsm.backup_restore(wrong, &saved), Err(Error::VerificationFailed));
    for len in [0, 43, saved.len() - 1] {
        let k1 = kbpk(&mut hsm);
        hsm.key_erase(exportable).ok();
        assert_eq!(
            hsm.backup_write(k1, &mut out[..len.min(43)]),
            Err(Error::BufferTooSmall)
        );
        hsm.key_erase(k1).unwrap();
    }
}

/// I4: a fault in a restore leaves no key, or after a loss of power those that were whole.
#[test]
fn i4_faults_in_a_restore() {
    let device = Device::new(1);
    let mut hsm = module(&device);
    for seed in [1, 2] {
        let key = ceremony(&mut hsm, &attributes("M6", 'A', 'C', 'E'), &value(seed, 16)).unwrap();
        hsm.key_store(key).unwrap();
    }
    let k1 = kbpk(&mut hsm);
    let saved = backup(&mut hsm, k1);
    let expected = keys(&hsm);
    let mut faults = 0;
    for fault in FAULTS {
        for at in 0.. {
            let device = Device::new(1);
            let mut hsm = module(&device);
            let k1 = kbpk(&mut hsm);
            let done = device.world().done;
            device.world().fault = Some((done + at, fault));
            let result = hsm.backup_restore(k1, &saved);
            if device.world().done <= done + at {
                assert_eq!((result, keys(&hsm)), (Ok(2), expected.clone()));
                break;
            }
            faults += 1;
            assert_eq!(result, Err(Error::Storage), "{fault:?} at {at}");
            assert_eq!(keys(&hsm), []);
            device.boot(None);
            if fault == Fault::Torn && hsm.backup_restore(k1, &saved) == Err(Error::StorageIntegrity) {
                // A torn record and no other is damage: a storage that saves whole records, as it must, has none.
                assert_eq!(keys(&hsm), []);
                continue;
            }
            if keys(&hsm) == expected {
                continue;
            }
            // What did not go from the storage goes before the next key comes.
            assert_eq!(hsm.backup_restore(k1, &saved), Ok(2), "{fault:?} at {at}");
            assert_eq!(keys(&hsm), expected);
            drop(hsm);
            let again = module(&device);
            assert_eq!(keys(&again), expected, "{fault:?} at {at}");
        }
    }
    assert!(faults >= 5 * 10, "{faults}");
}
