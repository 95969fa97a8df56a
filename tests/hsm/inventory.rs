// SPDX-License-Identifier: MIT OR Apache-2.0
//! Keys as things that one has: bounds that only narrow, owners and sessions, keys that outlive a start.

use payhsm::error::Error;
use payhsm::hsm::{
    Config, Date, Group, Hsm, KeyBounds, KeyHandle, LogEvent, MacMethod, MacPurpose, Narrowing, PinLimits, RateLimit,
    Slot, State,
};
use payhsm::key::role::StorageKey;
use payhsm::key::usage::{Exportability, ModeOfUse};
use payhsm::key::{Aes, Key};
use payhsm::policy::{Permission, Policy};

use crate::common::{
    Asked, Device, FAULTS, Fault, Module, NO_LIMITS, PERMISSIVE, attributes, ceremony, key, module, start, value,
    working_key,
};

const CMAC: MacMethod = MacMethod::CMAC;

fn uses(max: u32) -> Narrowing {
    Narrowing {
        max_uses: Some(max),
        ..Narrowing::default()
    }
}

fn day(digits: u32) -> Date {
    Date::from_digits(digits).unwrap()
}

fn mac(hsm: &mut Module, key: KeyHandle) -> Result<(), Error> {
    hsm.mac_generate(key.into(), CMAC, b"message", &mut [0; 8])
}

/// The keys of the inventory.
fn inventory(hsm: &Module) -> Vec<(u16, KeyHandle)> {
    let (mut found, mut cursor) = (Vec::new(), 0);
    while let Some((next, key, _)) = hsm.key_next(cursor).unwrap() {
        found.push((next - 1, key));
        cursor = next;
    }
    found
}

fn only(hsm: &Module) -> KeyHandle {
    let found = inventory(hsm);
    assert_eq!(found.len(), 1);
    found[0].1
}

#[test]
fn the_inventory_has_every_key() {
    let mut hsm = module(&Device::new(1));
    let keys: Vec<_> = (0..5).map(|n| key(&mut hsm, "M6", 'A', 'C', 30 + n)).collect();
    hsm.key_erase(keys[2]).unwrap();
    let found = inventory(&hsm);
    let expected: Vec<_> = [0, 1, 3, 4].map(|n| (n, keys[usize::from(n)])).to_vec();
    assert_eq!(found, expected);
    let (_, key, info) = hsm.key_next(1).unwrap().unwrap();
    assert_eq!(hsm.key_info(key), Ok(info));
    assert_eq!(hsm.key_next(u16::MAX), Ok(None));
}

/// C05: no call loosens what a key may do, and no second way in does.
#[test]
fn c05_keys_are_only_narrowed() {
    let device = Device::new(1);
    let mut hsm = module(&device);
    let own = attributes("M6", 'A', 'C', 'E');
    let key = ceremony(&mut hsm, &own, &value(3, 16)).unwrap();
    let copy = ceremony(&mut hsm, &own, &value(3, 16)).unwrap();
    let narrower = Narrowing {
        mode: Some(ModeOfUse::Generate),
        exportability: Some(Exportability::NonExportable),
        max_uses: Some(3),
        ..Narrowing::default()
    };
    hsm.mac_begin(key.into(), CMAC, MacPurpose::Verify).unwrap();
    hsm.key_narrow(key, &narrower).unwrap();
    assert_eq!(hsm.mac_finish_verify(&[0; 16]), Err(Error::BadState));
    for key in [key, copy] {
        let info = hsm.key_info(key).unwrap();
        assert_eq!(info.attributes, attributes("M6", 'A', 'G', 'N'));
        assert_eq!(hsm.key_bounds(key).unwrap().max_uses, Some(3));
        assert_eq!(
            hsm.mac_verify(key.into(), CMAC, b"", &[0; 8]),
            Err(Error::ModeNotPermitted)
        );
    }
    for wider in [
        Narrowing {
            mode: Some(ModeOfUse::GenerateVerify),
            ..Narrowing::default()
        },
        Narrowing {
            mode: Some(ModeOfUse::Verify),
            ..Narrowing::default()
        },
        Narrowing {
            exportability: Some(Exportability::Exportable),
            ..Narrowing::default()
        },
        uses(4),
    ] {
        let before = (hsm.key_info(key), hsm.key_bounds(key));
        assert!(hsm.key_narrow(key, &wider).is_err(), "{wider:?}");
        assert_eq!((hsm.key_info(key), hsm.key_bounds(key)), before);
    }
    // As it was before it does not come in again, and as it is now it goes on where it stands.
    assert_eq!(
        ceremony(&mut hsm, &own, &value(3, 16)).err(),
        Some(Error::VerificationFailed)
    );
    mac(&mut hsm, key).unwrap();
    mac(&mut hsm, copy).unwrap();
    let again = ceremony(&mut hsm, &attributes("M6", 'A', 'G', 'N'), &value(3, 16)).unwrap();
    let bounds = hsm.key_bounds(again).unwrap();
    assert_eq!((bounds.max_uses, bounds.uses), (Some(3), 2));
    mac(&mut hsm, again).unwrap();
    for key in [key, copy, again] {
        assert_eq!(mac(&mut hsm, key), Err(Error::LimitReached));
    }
    let alarm = hsm.next_event().unwrap();
    assert_eq!((alarm.event, alarm.value), (LogEvent::Limit, 0));
}

/// C05: parity bits make no new key of a TDEA key that has used up its uses.
#[test]
fn c05_parity_is_no_other_key() {
    let mut hsm = module(&Device::new(1));
    let own = attributes("M3", 'T', 'G', 'N');
    let key = ceremony(&mut hsm, &own, &value(3, 16)).unwrap();
    hsm.key_narrow(key, &uses(1)).unwrap();
    let mut out = [0; 8];
    hsm.mac_generate(key.into(), MacMethod::X9_19, b"message", &mut out)
        .unwrap();
    let twin: Vec<u8> = value(3, 16).iter().map(|byte| byte ^ 1).collect();
    let twin = ceremony(&mut hsm, &own, &twin).unwrap();
    assert_eq!(
        hsm.mac_generate(twin.into(), MacMethod::X9_19, b"message", &mut out),
        Err(Error::LimitReached)
    );
}

#[test]
fn a_warning_comes_before_the_end() {
    let mut hsm = module(&Device::new(1));
    let key = key(&mut hsm, "M6", 'A', 'C', 3);
    let narrowing = Narrowing {
        warn_uses: Some(2),
        ..uses(5)
    };
    hsm.key_narrow(key, &narrowing).unwrap();
    let mut alarms = Vec::new();
    for _ in 0..5 {
        mac(&mut hsm, key).unwrap();
        alarms.push(hsm.next_event().map(|alarm| alarm.value));
    }
    assert_eq!(alarms, [None, Some(3), None, None, Some(0)]);
}

/// Refused commands use nothing up, and a use is counted where one command takes two keys.
#[test]
fn what_is_refused_is_not_counted() {
    let mut hsm = module(&Device::new(1));
    let keys = [3, 4].map(|seed| key(&mut hsm, "M6", 'A', 'C', seed));
    for key in keys {
        hsm.key_narrow(key, &uses(10)).unwrap();
    }
    let count = |hsm: &Module| keys.map(|key| hsm.key_bounds(key).unwrap().uses);
    assert_eq!(
        hsm.mac_generate(keys[0].into(), CMAC, b"m", &mut [0; 7]),
        Err(Error::InvalidLength)
    );
    assert_eq!(count(&hsm), [0, 0]);
    let mut tag = [0; 8];
    hsm.mac_generate(keys[0].into(), CMAC, b"m", &mut tag).unwrap();
    hsm.mac_translate(keys[0].into(), CMAC, b"m", &tag, keys[1].into(), CMAC, &mut [0; 8])
        .unwrap();
    assert_eq!(count(&hsm), [2, 1]);
    let one = key(&mut hsm, "P0", 'T', 'D', 5);
    let two = key(&mut hsm, "P0", 'T', 'E', 6);
    hsm.key_narrow(one, &uses(10)).unwrap();
    hsm.key_narrow(two, &uses(10)).unwrap();
    let pan = payhsm::pin::pan::Pan::parse(crate::common::card::PAN).unwrap();
    let iso0 = payhsm::pin::block::Format::Iso0;
    let translate = |hsm: &mut Module| {
        hsm.pin_translate(one.into(), iso0, &pan, &[0; 8], two, iso0, &mut [0; 16])
            .unwrap_err()
    };
    assert_eq!(translate(&mut hsm), Error::VerificationFailed);
    let count = |hsm: &Module| [one, two].map(|key| hsm.key_bounds(key).unwrap().uses);
    assert_eq!(count(&hsm), [1, 1]);
    hsm.platform().world().answer = Some(Error::Refused);
    assert_eq!(translate(&mut hsm), Error::Refused);
    assert_eq!(count(&hsm), [1, 1]);
}

#[test]
fn a_key_has_days_of_use() {
    let device = Device::new(1);
    for permission in [false, true] {
        let policy = if permission {
            Policy::STRICT.with(Permission::ExpiredKeys)
        } else {
            Policy::STRICT
        };
        let mut hsm = start(&device, policy, 4, 0).unwrap();
        let key = key(&mut hsm, "M6", 'A', 'C', 3);
        let narrowing = Narrowing {
            valid_from: Some(day(20_260_101)),
            valid_until: Some(day(20_261_231)),
            ..Narrowing::default()
        };
        let mut tag = [0; 8];
        hsm.mac_generate(key.into(), CMAC, b"m", &mut tag).unwrap();
        hsm.key_narrow(key, &narrowing).unwrap();
        let old = if permission { Ok(()) } else { Err(Error::Expired) };
        // Nobody has said what day it is, too early, in time, the last day, too late.
        let days = if permission {
            &[0][..]
        } else {
            &[0, 20_251_231, 20_260_101, 20_261_231, 20_270_101]
        };
        for &today in days {
            if today != 0 {
                hsm.set_date(day(today)).unwrap();
            }
            let valid = (20_260_101..=20_261_231).contains(&today);
            let expected = if valid { Ok(()) } else { Err(Error::Expired) };
            assert_eq!(mac(&mut hsm, key), expected, "{today}");
            let verified = hsm.mac_verify(key.into(), CMAC, b"m", &tag);
            assert_eq!(verified, if valid { Ok(()) } else { old }, "{today}");
            assert_eq!(hsm.key_bounds(key).unwrap().is_valid, valid);
        }
    }
}

/// K04: the last day that was said outlives a start.
#[test]
fn k04_no_start_makes_it_earlier() {
    let device = Device::new(1);
    let mut hsm = module(&device);
    hsm.set_date(day(20_270_101)).unwrap();
    assert_eq!(hsm.set_date(day(20_261_231)), Err(Error::InvalidArgument));
    drop(hsm);
    let mut hsm = module(&device);
    assert_eq!(hsm.set_date(day(20_261_231)), Err(Error::InvalidArgument));
    let done = device.world().done;
    hsm.set_date(day(20_270_101)).unwrap();
    // Nothing new to store.
    assert_eq!(device.world().done, done);
}

#[test]
fn keys_of_an_owner_and_of_a_session() {
    let device = Device::new(1);
    let mut hsm = module(&device);
    let owned = key(&mut hsm, "M6", 'A', 'C', 3);
    let passing = key(&mut hsm, "M6", 'A', 'C', 4);
    let common = key(&mut hsm, "M6", 'A', 'C', 5);
    let ending = Narrowing {
        with_session: true,
        ..Narrowing::default()
    };
    assert_eq!(hsm.key_narrow(passing, &ending), Err(Error::BadState));
    assert_eq!(hsm.session_open(0).err(), Some(Error::InvalidArgument));
    device.world().answer = Some(Error::Refused);
    assert_eq!(hsm.session_open(7).err(), Some(Error::Refused));
    device.world().answer = None;
    let session = hsm.session_open(7).unwrap();
    assert_eq!(device.world().asked.last(), Some(&Asked::Session(7)));
    assert_eq!(hsm.session_open(8).err(), Some(Error::BadState));
    let mine = Narrowing {
        owner: Some(7),
        ..Narrowing::default()
    };
    hsm.key_narrow(owned, &mine).unwrap();
    hsm.key_narrow(passing, &ending).unwrap();
    assert_eq!(hsm.key_store(passing), Err(Error::BadState));
    for key in [owned, passing, common] {
        mac(&mut hsm, key).unwrap();
    }
    hsm.mac_begin(passing.into(), CMAC, MacPurpose::Generate).unwrap();
    let wrong = payhsm::hsm::Session::from_raw(session.to_raw() + 1);
    assert_eq!(hsm.session_close(wrong), Err(Error::InvalidHandle));
    hsm.session_close(session).unwrap();
    assert_eq!(hsm.session_close(session), Err(Error::InvalidHandle));
    assert_eq!(hsm.mac_update(b"more"), Err(Error::BadState));
    assert_eq!(mac(&mut hsm, owned), Err(Error::NotAuthenticated));
    assert_eq!(hsm.key_erase(owned), Err(Error::NotAuthenticated));
    assert_eq!(hsm.key_narrow(owned, &mine), Err(Error::NotAuthenticated));
    assert_eq!(mac(&mut hsm, passing), Err(Error::InvalidHandle));
    mac(&mut hsm, common).unwrap();
    // It is in the inventory, and a copy of it is its owner's, too.
    assert_eq!(inventory(&hsm).len(), 2);
    let copied = ceremony(&mut hsm, &attributes("M6", 'A', 'C', 'N'), &value(3, 16));
    assert_eq!(copied.err(), Some(Error::NotAuthenticated));
    assert_eq!(hsm.status().slots.1, 2);
    let other = hsm.session_open(8).unwrap();
    assert_ne!(other.to_raw(), session.to_raw());
    assert_eq!(mac(&mut hsm, owned), Err(Error::NotAuthenticated));
    hsm.session_close(other).unwrap();
    hsm.session_open(7).unwrap();
    mac(&mut hsm, owned).unwrap();
    hsm.tamper();
    assert_eq!(hsm.status().slots.1, 0);
}

#[test]
fn a_stored_key_comes_back_as_it_was() {
    let device = Device::new(1);
    let mut hsm = start(&device, PERMISSIVE, 4, 0).unwrap();
    let first = key(&mut hsm, "D0", 'A', 'B', 2);
    let stored = key(&mut hsm, "M1", 'A', 'C', 3);
    let lost = key(&mut hsm, "M6", 'A', 'C', 4);
    hsm.key_store(stored).unwrap();
    hsm.key_store(stored).unwrap();
    let bounds = Narrowing {
        warn_uses: Some(90),
        valid_from: Some(day(20_260_101)),
        valid_until: Some(day(20_261_231)),
        owner: Some(7),
        ..uses(100)
    };
    hsm.set_date(day(20_260_601)).unwrap();
    // First used for CMAC's elder brother: bound to it.
    let alg1 = MacMethod {
        algorithm: payhsm::policy::MacAlgorithm::Iso9797Alg1,
        padding: payhsm::hsm::Padding::Method3 { len: 1 },
    };
    hsm.mac_generate(stored.into(), alg1, b"m", &mut [0; 8]).unwrap();
    hsm.key_narrow(stored, &bounds).unwrap();
    let session = hsm.session_open(7).unwrap();
    let (info, before) = (hsm.key_info(stored), hsm.key_bounds(stored).unwrap());
    hsm.session_close(session).unwrap();
    drop(hsm);
    let mut hsm = start(&device, PERMISSIVE, 4, 0).unwrap();
    assert_eq!(hsm.status().state, State::Operational);
    let found = only(&hsm);
    assert_eq!(inventory(&hsm)[0].0, 1);
    for gone in [first, stored, lost] {
        assert_eq!(hsm.key_info(gone).err(), Some(Error::InvalidHandle));
    }
    assert_eq!(hsm.key_info(found).err(), Some(Error::NotAuthenticated));
    hsm.session_open(7).unwrap();
    assert_eq!(hsm.key_info(found), info);
    let now = hsm.key_bounds(found).unwrap();
    assert_eq!(
        now,
        KeyBounds {
            is_valid: false,
            ..before
        }
    );
    hsm.set_date(day(20_260_602)).unwrap();
    hsm.mac_generate(found.into(), alg1, b"m", &mut [0; 8]).unwrap();
    let union = MacMethod {
        algorithm: payhsm::policy::MacAlgorithm::UnionPay,
        ..alg1
    };
    assert!(hsm.mac_generate(found.into(), union, b"m", &mut [0; 8]).is_err());
    // Erased, it is gone.
    hsm.key_erase(found).unwrap();
    assert!(device.world().records.keys().all(|id| id >> 12 != 2));
    drop(hsm);
    assert_eq!(inventory(&start(&device, PERMISSIVE, 4, 0).unwrap()), []);
}

/// Without a storage key nothing is stored.
#[test]
fn a_key_needs_a_storage_key_to_be_stored() {
    let slots = Box::leak(Box::new([const { Slot::EMPTY }; 2]));
    let groups: &'static mut [Group] = &mut [];
    let config = Config {
        pin_limits: NO_LIMITS,
        ..Config::default()
    };
    let mut hsm: Module = Hsm::new(Device::new(1), slots, groups, config).unwrap();
    let key = key(&mut hsm, "M6", 'A', 'C', 3);
    assert_eq!(hsm.key_store(key), Err(Error::Storage));
    mac(&mut hsm, key).unwrap();
}

/// I5, K06: a stored key that cannot be read is damage, never an empty place.
#[test]
fn k06_damaged_keys_are_not_empty_places() {
    let device = Device::new(1);
    let mut hsm = module(&device);
    for seed in [3, 4] {
        let key = key(&mut hsm, "M6", 'A', 'C', seed);
        hsm.key_store(key).unwrap();
    }
    drop(hsm);
    let records = device.world().records.clone();
    let ids: Vec<u16> = records.keys().copied().filter(|id| id >> 12 == 2).collect();
    assert_eq!(ids.len(), 2);
    let bits = records[&ids[0]].len() * 8;
    for bit in (0..bits).step_by(5) {
        device.world().records.get_mut(&ids[0]).unwrap()[bit / 8] ^= 1 << (bit % 8);
        let mut hsm = module(&device);
        assert_eq!(hsm.status().state, State::Tampered, "{bit}");
        assert_eq!(hsm.status().slots.1, 0);
        assert_eq!(hsm.next_event().unwrap().event, LogEvent::Tamper);
        device.world().records = records.clone();
    }
    // One in the place of the other, and both of one value.
    let mut swapped = records.clone();
    swapped.insert(ids[0], records[&ids[1]].clone());
    device.world().records = swapped;
    assert_eq!(module(&device).status().state, State::Tampered);
    device.world().records = records;
    assert_eq!(module(&device).status().slots.1, 2);
}

/// I4: a fault at every operation of the storage, while a key is stored, used, narrowed, replaced and erased.
#[test]
fn i4_faults_leave_the_old_key_or_the_new_one() {
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    enum Act {
        Store,
        Use,
        Narrow,
        Replace,
        Erase,
    }
    let mut faults = 0;
    for act in [Act::Store, Act::Use, Act::Narrow, Act::Replace, Act::Erase] {
        for fault in FAULTS {
            for at in 0.. {
                let device = Device::new(1);
                let mut hsm = module(&device);
                let old = key(&mut hsm, "M6", 'A', 'C', 3);
                hsm.key_narrow(old, &uses(50)).unwrap();
                if act != Act::Store {
                    hsm.key_store(old).unwrap();
                    mac(&mut hsm, old).unwrap();
                }
                let new = (act == Act::Replace).then(|| key(&mut hsm, "M6", 'A', 'C', 4));
                let done = device.world().done;
                device.world().fault = Some((done + at, fault));
                let result = match act {
                    Act::Store => hsm.key_store(old),
                    Act::Use => mac(&mut hsm, old),
                    Act::Narrow => hsm.key_narrow(old, &uses(10)),
                    Act::Replace => hsm.key_replace(old, new.unwrap()).map(|_| ()),
                    Act::Erase => hsm.key_erase(old),
                };
                if device.world().done <= done + at {
                    result.unwrap();
                    break;
                }
                faults += 1;
                assert_eq!(result, Err(Error::Storage), "{act:?} {fault:?} at {at}");
                let cut = !matches!(fault, Fault::Error | Fault::ErrorAfter);
                if !cut && act == Act::Erase {
                    // The place takes another key when it is clear in the storage.
                    let next = key(&mut hsm, "M6", 'A', 'C', 9);
                    mac(&mut hsm, next).unwrap();
                }
                drop(hsm);
                device.boot(None);
                let mut hsm = module(&device);
                if hsm.status().state == State::Tampered {
                    // A torn record and no other, as with groups.
                    assert!(fault == Fault::Torn && matches!(act, Act::Store | Act::Erase));
                    continue;
                }
                let found = inventory(&hsm);
                match act {
                    Act::Store | Act::Erase => assert!(found.len() <= 1),
                    _ => assert_eq!(found.len(), 1, "{act:?} {fault:?} at {at}"),
                }
                let Some(&(_, key)) = found.first() else {
                    continue;
                };
                let (bounds, check) = (hsm.key_bounds(key).unwrap(), hsm.key_info(key).unwrap().check);
                let check_of = |seed| {
                    let mut other = module(&Device::new(2));
                    let key = crate::common::key(&mut other, "M6", 'A', 'C', seed);
                    other.key_info(key).unwrap().check
                };
                if check == check_of(3) {
                    let max = bounds.max_uses.unwrap();
                    assert!(max == 50 || (act == Act::Narrow && max == 10));
                    // What was used up stays so: no fewer than were released, at most one more that was not.
                    let released = u32::from(act != Act::Store);
                    assert!(
                        (released..=released + 1).contains(&bounds.uses),
                        "{act:?} {fault:?} at {at}"
                    );
                } else {
                    assert_eq!((act, check, bounds.max_uses), (Act::Replace, check_of(4), None));
                }
                mac(&mut hsm, key).unwrap();
            }
        }
    }
    assert!(faults >= 5 * 5 * 4, "{faults}");
}

/// Counts are stored ahead: they never fall over a start, and not every use is a write.
#[test]
fn i6_counts_do_not_fall_over_a_start() {
    let device = Device::new(1);
    let mut hsm = module(&device);
    let own = key(&mut hsm, "M6", 'A', 'C', 3);
    hsm.key_narrow(own, &uses(6400)).unwrap();
    hsm.key_store(own).unwrap();
    let mut released = 0;
    let mut writes = 0;
    drop(hsm);
    for round in 0..60 {
        let mut hsm = module(&device);
        let key = only(&hsm);
        let uses = hsm.key_bounds(key).unwrap().uses;
        // At most a sixty-fourth of the limit is lost by a start.
        assert!(uses >= released && uses <= released + 100 * round, "{uses} {released}");
        let before = device.world().done;
        for _ in 0..40 {
            if mac(&mut hsm, key).is_ok() {
                released += 1;
            }
        }
        writes += device.world().done - before;
    }
    assert!(released <= 6400);
    // Seven operations of the storage for a write: once a start.
    assert!(writes <= 60 * 10, "{writes}");
    // Without starts between no use is lost.
    let device = Device::new(2);
    let mut hsm = module(&device);
    let own = key(&mut hsm, "M6", 'A', 'C', 3);
    hsm.key_narrow(own, &uses(6400)).unwrap();
    hsm.key_store(own).unwrap();
    assert_eq!((0..7000).filter(|_| mac(&mut hsm, own).is_ok()).count(), 6400);
    drop(hsm);
    let mut hsm = module(&device);
    let own = only(&hsm);
    assert_eq!(mac(&mut hsm, own), Err(Error::LimitReached));
}

/// I6: a wrong check value is counted before it is compared: a loss of power in between takes no try back.
#[test]
fn i6_tries_are_counted_before_the_compare() {
    let policy = Policy::STRICT.with(Permission::LegacyImport);
    let wanted = attributes("P0", 'T', 'E', 'N');
    let (cipher, kcv) = working_key(&value(40, 16), &value(41, 16));
    let mut wrong = kcv;
    wrong[0] ^= 1;
    let device = Device::new(1);
    let mut hsm = start(&device, policy, 3, 0).unwrap();
    let master = ceremony(&mut hsm, &attributes("K0", 'T', 'D', 'N'), &value(40, 16)).unwrap();
    hsm.key_store(master).unwrap();
    drop(hsm);
    let import = |kcv: &[u8]| {
        device.boot(None);
        let mut hsm = start(&device, policy, 3, 0).unwrap();
        let master = only(&hsm);
        hsm.working_key_import(master, &wanted, &cipher, kcv).map(|_| ())
    };
    // Right ones count nothing, however often the device is started.
    for _ in 0..5 {
        import(&kcv).unwrap();
    }
    for _ in 0..3 {
        assert_eq!(import(&wrong), Err(Error::VerificationFailed));
    }
    assert_eq!(import(&wrong), Err(Error::Locked));
    assert_eq!(import(&kcv), Err(Error::Locked));
    // The control: what the storage does not have is forgotten.
    let fresh = Device::new(2);
    for _ in 0..5 {
        let mut hsm = start(&fresh, policy, 3, 0).unwrap();
        let master = ceremony(&mut hsm, &attributes("K0", 'T', 'D', 'N'), &value(40, 16)).unwrap();
        let result = hsm.working_key_import(master, &wanted, &cipher, &wrong);
        assert_eq!(result.err(), Some(Error::VerificationFailed));
    }
}

/// D08: a key takes another's place if it is for the same and not older.
#[test]
fn d08_replacement() {
    let device = Device::new(1);
    let mut hsm = module(&device);
    let with = |version: &[u8; 2], usage: &str| {
        let mut own = attributes(usage, 'A', 'C', 'N');
        own.version = payhsm::key::usage::KeyVersion::from_chars(*version).unwrap();
        own
    };
    let old = ceremony(&mut hsm, &with(b"05", "M6"), &value(3, 16)).unwrap();
    hsm.key_store(old).unwrap();
    let older = ceremony(&mut hsm, &with(b"04", "M6"), &value(4, 16)).unwrap();
    let newer = ceremony(&mut hsm, &with(b"06", "M6"), &value(5, 16)).unwrap();
    let other = ceremony(&mut hsm, &with(b"06", "M1"), &value(6, 16)).unwrap();
    assert_eq!(hsm.key_replace(old, old).err(), Some(Error::InvalidArgument));
    assert_eq!(hsm.key_replace(old, older).err(), Some(Error::KeyBlockKeyVersion));
    assert_eq!(hsm.key_replace(old, other).err(), Some(Error::UsageNotPermitted));
    let info = hsm.key_info(newer).unwrap();
    let placed = hsm.key_replace(old, newer).unwrap();
    assert_eq!(hsm.key_info(placed), Ok(info));
    for gone in [old, newer] {
        assert_eq!(hsm.key_info(gone).err(), Some(Error::InvalidHandle));
    }
    assert_eq!(hsm.status().slots.1, 3);
    drop(hsm);
    let hsm = module(&device);
    assert_eq!(hsm.key_info(only(&hsm)), Ok(info));
}

/// K04, I6: limits over time that outlive a start.
#[test]
fn k04_persistent_limits() {
    let limit = |entry| PinLimits {
        entry,
        host: RateLimit::NONE,
    };
    let start = |device: &Device, entry, persistent_limits| {
        let slots = Box::leak(Box::new([const { Slot::EMPTY }; 2]));
        let groups: &'static mut [Group] = &mut [];
        let storage_key = Key::<StorageKey, Aes>::from_bytes(&[0x5A; 32]).unwrap();
        let config = Config {
            pin_limits: limit(entry),
            storage_key: Some(&storage_key),
            persistent_limits,
            ..Config::default()
        };
        let mut hsm: Module = Hsm::new(device.clone(), slots, groups, config).unwrap();
        let key = key(&mut hsm, "P0", 'T', 'E', 60);
        (hsm, key)
    };
    let pin = payhsm::pin::Pin::from_entry(4, &[2, 5, 8, 0, 0, 0, 0, 0, 0, 0, 0, 0]).unwrap();
    let pan = payhsm::pin::pan::Pan::parse(crate::common::card::PAN).unwrap();
    let enter = |(hsm, key): &mut (Module, KeyHandle)| {
        let iso0 = payhsm::pin::block::Format::Iso0;
        hsm.pin_encipher((*key).into(), iso0, &pan, &pin, &mut [0; 16])
            .map(|_| ())
    };
    // Without a clock 120 in all, however often the device is started; if it is started after each, three of four are lost.
    let released = |device: &Device, persistent, each| {
        let one_start = |_| {
            let mut started = start(device, RateLimit::PIN_ENTRY, persistent);
            (0..each).filter(|_| enter(&mut started).is_ok()).count()
        };
        (0..50).map(one_start).sum::<usize>()
    };
    assert_eq!(released(&Device::new(1), false, 4), 200);
    assert_eq!(released(&Device::new(1), true, 4), 120);
    assert_eq!(released(&Device::new(1), true, 1), 30);
    // On a clock a start brings nothing: with a second between starts none at all, and no more than waiting gives.
    for (persistent, expected) in [(false, 50), (true, 0)] {
        let device = Device::new(1);
        device.world().now = Some(0);
        let passed = |_| {
            let mut started = start(&device, RateLimit::PIN_ENTRY, persistent);
            let now = device.world().now;
            device.world().now = now.map(|now| now + 1000);
            usize::from(enter(&mut started).is_ok())
        };
        assert_eq!((0..50).map(passed).sum::<usize>(), expected);
    }
    // The storage fails: no PIN. Officers begin the count anew.
    let device = Device::new(1);
    let mut started = start(&device, RateLimit::PIN_ENTRY, true);
    device.world().broken = true;
    assert_eq!(enter(&mut started), Err(Error::Storage));
    device.world().broken = false;
    assert_eq!((0..200).filter(|_| enter(&mut started).is_ok()).count(), 120);
    assert_eq!(enter(&mut started), Err(Error::RateLimited));
    assert_eq!(started.0.next_event().unwrap().event, LogEvent::Limit);
    device.world().answer = Some(Error::Refused);
    assert_eq!(started.0.limits_reset(), Err(Error::Refused));
    device.world().answer = None;
    started.0.limits_reset().unwrap();
    assert_eq!(device.world().asked.last(), Some(&Asked::LimitsReset));
    enter(&mut started).unwrap();
    assert_eq!(module(&device).limits_reset(), Err(Error::BadState));
}
