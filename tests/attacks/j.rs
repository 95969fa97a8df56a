// SPDX-License-Identifier: MIT OR Apache-2.0
//! J. Stored state, and losses of power.
#![allow(unsafe_code)]

use core::cell::RefCell;
use core::ptr;
use std::collections::BTreeMap;

use payhsm::error::Error;
use payhsm::hsm::{Config, Group, Hsm, SelfTestMode, Slot, State};
use payhsm::key::role::StorageKey;
use payhsm::key::{Aes, Key};
use payhsm::policy::Policy;

use crate::catalogue::{attack, attack_fails, figure, is_full};
use crate::commands::{every_result, populate};
use crate::common::{Device, FAULTS, Fault, NO_LIMITS, PROFILE, initial_key, key, load_kbpk, module, start, value};

/// A device with a terminal that has had `transactions`, and the last counter that was given out.
fn used(transactions: u32) -> (Device, u32) {
    thread_local! {
        // Images that were made before.
        static IMAGES: RefCell<BTreeMap<u32, BTreeMap<u16, Vec<u8>>>> = const { RefCell::new(BTreeMap::new()) };
    }
    let device = Device::new(1);
    if let Some(image) = IMAGES.with_borrow(|images| images.get(&transactions).cloned()) {
        device.world().records = image;
        return (device, transactions);
    }
    let mut hsm = module(&device);
    let kbpk = load_kbpk(&mut hsm);
    let (group, _) = hsm
        .dukpt_load(kbpk, &initial_key('T', 1, &value(30, 16)), PROFILE)
        .unwrap();
    for _ in 0..transactions {
        hsm.dukpt_begin(group).unwrap();
    }
    drop(hsm);
    let image = device.world().records.clone();
    IMAGES.with_borrow_mut(|images| images.insert(transactions, image));
    (device, transactions)
}

/// What the terminal does next, with a fault at an operation of its storage: the highest counter that it gave out, and
/// whether the fault came at all.
fn transaction(device: &Device, last: u32, fault: Option<(usize, Fault)>) -> (u32, bool) {
    device.boot(None);
    let mut hsm = module(device);
    let Ok((group, _)) = hsm.dukpt_find(0) else {
        return (last, false);
    };
    let before = device.touched().2;
    device.boot(fault);
    let given = hsm.dukpt_begin(group).map(|(_, ksn)| ksn.counter());
    let done = device.touched().2;
    let came = fault.is_some_and(|(at, _)| at < done) || before == usize::MAX;
    (given.unwrap_or(last).max(last), came)
}

/// Whether the state after a start is one that may be: it works, and goes on behind what was given out.
fn is_sound(device: &Device, last: u32) -> bool {
    device.boot(None);
    let mut hsm = module(device);
    if hsm.status().state == State::Tampered {
        return false;
    }
    let Ok((group, _)) = hsm.dukpt_find(0) else {
        return false;
    };
    hsm.dukpt_begin(group).is_ok_and(|(_, ksn)| ksn.counter() > last)
}

/// Runs a transaction with one of these faults at each operation of the storage. Gives how many states are not sound.
fn unsound(row: &str, faults: &[Fault]) -> usize {
    let (mut states, mut bad) = (0, 0);
    for &fault in faults {
        for before in [0, 3] {
            for at in 0..16 {
                let (device, last) = used(before);
                let (last, came) = transaction(&device, last, Some((at, fault)));
                if !came {
                    break;
                }
                states += 1;
                bad += usize::from(!is_sound(&device, last));
            }
        }
    }
    assert!(states > 0);
    figure(row, &format!("{bad} of {states} states are not sound"));
    bad
}

/// Power is cut at each operation of a transaction.
#[test]
fn j01_a_cut_gives_no_key_twice() {
    attack_fails("J01", || unsound("J01", &[Fault::CutBefore, Fault::CutAfter]) > 0);
}

/// The same, and what was being written or erased is torn.
#[test]
fn j02_a_torn_record_is_none() {
    attack_fails("J02", || unsound("J02", &[Fault::Torn]) > 0);
}

/// Power is cut again in the start that follows.
#[test]
fn j03_a_second_cut_in_recovery() {
    attack_fails("J03", || {
        let (mut states, mut bad) = (0, 0);
        for first in 0..5 {
            for second in (0..10).step_by(if is_full() { 1 } else { 3 }) {
                for fault in [Fault::CutBefore, Fault::CutAfter, Fault::Torn] {
                    let (device, last) = used(3);
                    let (last, came) = transaction(&device, last, Some((first, Fault::Torn)));
                    if !came {
                        continue;
                    }
                    device.boot(Some((second, fault)));
                    drop(start(&device, Policy::STRICT, 8, 2));
                    states += 1;
                    bad += usize::from(!is_sound(&device, last));
                }
            }
        }
        figure("J03", &format!("{bad} of {states} states are not sound"));
        bad > 0
    });
}

/// Errors of the storage, and a storage that says it has saved.
#[test]
fn j04_errors_and_lies_of_the_storage() {
    attack_fails("J04", || unsound("J04", &FAULTS) > 0);
    attack("J04.silent", Error::Storage, || {
        let (device, last) = used(3);
        let mut hsm = module(&device);
        let (group, _) = hsm.dukpt_find(0)?;
        device.world().silent = true;
        let (_, first) = hsm.dukpt_begin(group)?;
        device.world().silent = false;
        let mut hsm = module(&device);
        // What was erased for the new state was the only one.
        let Ok((group, _)) = hsm.dukpt_find(0) else {
            return Ok(());
        };
        let (_, again) = hsm.dukpt_begin(group)?;
        assert!(first.counter() > last);
        if again == first { Ok(()) } else { Err(Error::Internal) }
    });
}

/// Each bit of what is stored.
#[test]
fn j05_a_changed_bit_is_no_state() {
    let (device, _) = used(5);
    let records = device.world().records.clone();
    let step = if is_full() { 1 } else { 13 };
    attack_fails("J05", || {
        let (mut count, mut accepted) = (0, 0);
        for (id, record) in &records {
            for bit in (0..record.len() * 8).step_by(step) {
                let twin = Device::new(2);
                twin.world().records = records.clone();
                twin.world().records.get_mut(id).unwrap()[bit / 8] ^= 1 << (bit % 8);
                count += 1;
                accepted += usize::from(module(&twin).status().state != State::Tampered);
            }
        }
        figure("J05", &format!("{accepted} of {count} changed images are taken"));
        accepted > 0
    });
}

/// A tamper event leaves no key in the memory of the slots.
#[test]
fn j06_a_tamper_event_erases_first() {
    attack_fails("J06", || {
        let slots: &'static mut [Slot] = Box::leak(Box::new([const { Slot::EMPTY }; 4]));
        let (memory, len) = (ptr::from_mut(slots).cast::<u8>(), size_of_val(slots));
        let groups: &'static mut [Group] = Box::leak(Box::new([]));
        let mut hsm = Hsm::new(Device::new(1), slots, groups, Config::default()).unwrap();
        let wanted = crate::common::attributes("D0", 'A', 'B', 'N');
        let material = value(60, 16);
        crate::common::ceremony(&mut hsm, &wanted, &material).unwrap();
        hsm.tamper();
        let first = hsm.status();
        hsm.tamper();
        assert_eq!(hsm.status(), first);
        // SAFETY: the table lives to the end of the program; nobody else looks at it meanwhile.
        let image: Vec<u8> = (0..len).map(|at| unsafe { memory.add(at).read_volatile() }).collect();
        let found = image.windows(16).filter(|window| *window == material).count();
        found > 0
    });
}

/// A tamper event at a call of the platform, while every command runs in turn: the keys that are left in the memory of
/// slots and groups afterwards, or nothing if there are not so many calls.
fn left_after_event(at: usize) -> Option<usize> {
    let slots: &'static mut [Slot] = Box::leak((0..12).map(|_| Slot::EMPTY).collect());
    let groups: &'static mut [Group] = Box::leak((0..2).map(|_| Group::EMPTY).collect());
    let places = [
        (ptr::from_mut(slots).cast::<u8>(), size_of_val(slots)),
        (ptr::from_mut(groups).cast::<u8>(), size_of_val(groups)),
    ];
    let storage_key = Key::<StorageKey, Aes>::from_bytes(&[0x5A; 32]).unwrap();
    let config = Config {
        storage_key: Some(&storage_key),
        pin_limits: NO_LIMITS,
        self_tests: SelfTestMode::Off,
        ..Config::default()
    };
    let device = Device::new(1);
    let mut hsm = Hsm::new(device.clone(), slots, groups, config).unwrap();
    let handles = populate(&mut hsm);
    let base = device.world().calls;
    device.world().tamper_at = Some(base + at);
    // Where the event has come each further command is refused.
    let mut refused = 0;
    for (name, result) in every_result(&mut hsm, &handles, |_| Vec::new()) {
        assert!(result == Err(Error::Tampered) || refused == 0, "{name} after the event");
        refused += usize::from(result == Err(Error::Tampered));
    }
    if !device.world().tampered {
        return None;
    }
    hsm.expire();
    assert_eq!(hsm.status().state, State::Tampered);
    let (first, records) = (hsm.status(), device.world().records.clone());
    hsm.tamper();
    assert!(hsm.status() == first && device.world().records == records);
    let secrets = [value(crate::common::KBPK_SEED, 16), value(31, 16), value(30, 16)];
    let mut found = 0;
    for (memory, len) in places {
        // SAFETY: the table lives to the end of the program; nobody else looks at it meanwhile.
        let image: Vec<u8> = (0..len).map(|at| unsafe { memory.add(at).read_volatile() }).collect();
        let windows = image.windows(16).filter(|window| window.iter().any(|&byte| byte != 0));
        found += windows
            .filter(|window| secrets.iter().any(|secret| secret == window))
            .count();
    }
    Some(found)
}

/// The same at the calls of the platform of every command. Each of them, with what it leaves: `tests/hsm/tamper.rs`.
#[test]
fn j06_a_tamper_event_in_every_command() {
    attack_fails("J06", || {
        let (mut events, mut found) = (0, 0);
        while let Some(left) = left_after_event(events) {
            (events, found) = (events + 1, found + left);
        }
        figure(
            "J06",
            &format!("{found} keys are left in memory after an event at each of {events} steps"),
        );
        assert!(events > 10);
        found > 0
    });
}

/// What is stored shows no key.
#[test]
fn j08_no_key_in_clear_in_the_storage() {
    let mut ik = Key::<payhsm::key::role::InitialKey, payhsm::key::Tdea>::from_bytes(&value(30, 16)).unwrap();
    let id = payhsm::dukpt::tdes::InitialKeyId::parse(&crate::common::TDEA_ID).unwrap();
    // Another identity ends in 1; the registers of the terminal are these.
    let mut text = crate::common::TDEA_ID;
    text[6] = 1;
    let id = payhsm::dukpt::tdes::InitialKeyId::parse(&text).unwrap_or(id);
    let mut terminal = payhsm::dukpt::tdes::Terminal::empty();
    terminal.load(&mut ik, &id, &mut payhsm::dukpt::Unstored).unwrap();
    let mut image = [0; payhsm::dukpt::tdes::Terminal::SNAPSHOT_LEN];
    terminal.snapshot(&mut image).unwrap();
    let registers: Vec<&[u8]> = image[24..]
        .chunks(16)
        .filter(|register| register.iter().any(|&byte| byte != 0))
        .collect();
    assert!(registers.len() > 20);
    attack_fails("J08", || {
        let device = Device::new(1);
        let mut hsm = module(&device);
        let kbpk = load_kbpk(&mut hsm);
        hsm.dukpt_load(kbpk, &initial_key('T', 1, &value(30, 16)), PROFILE)
            .unwrap();
        let records = device.world().records.clone();
        let windows = || records.values().flat_map(|record| record.windows(16));
        let found = registers
            .iter()
            .filter(|register| windows().any(|window| window == **register))
            .count();
        figure(
            "J08",
            &format!("{found} of {} future keys in the storage", registers.len()),
        );
        found > 0
    });
    let mut hsm = module(&Device::new(3));
    key(&mut hsm, "D0", 'T', 'B', 60);
}
