// SPDX-License-Identifier: MIT OR Apache-2.0
//! A fault at every operation of the storage: of a load, a transaction, an erasure and a start (rows J01 to J04).
//!
//! What holds wherever the fault is: no KSN is given out twice, an initial key that was used does not start again, and
//! the module comes up again.

use payhsm::error::Error;
use payhsm::hsm::{GroupHandle, KeyHandle, State};

use crate::common::{Device, FAULTS, Fault, Module, PROFILE, initial_key, key, load_kbpk, module, value};

fn is_cut(fault: Fault) -> bool {
    !matches!(fault, Fault::Error | Fault::ErrorAfter)
}

fn boot(device: &Device) -> (Module, KeyHandle) {
    device.boot(None);
    let mut hsm = module(device);
    assert!(hsm.status().state.works());
    let kbpk = load_kbpk(&mut hsm);
    (hsm, kbpk)
}

fn load(hsm: &mut Module, kbpk: KeyHandle) -> Result<GroupHandle, Error> {
    let text = initial_key('T', 1, &value(30, 16));
    hsm.dukpt_load(kbpk, &text, PROFILE).map(|(group, _)| group)
}

/// The group wherever it is; never in two places.
fn find(hsm: &Module) -> Option<(GroupHandle, u32)> {
    let mut found = (0..2).filter_map(|index| hsm.dukpt_find(index).ok());
    let first = found.next().map(|(group, info)| (group, info.next.unwrap().counter()));
    assert_eq!(found.next(), None);
    first
}

/// A transaction whose counter is above all before it.
fn step(hsm: &mut Module, group: GroupHandle, last: &mut u32) -> Result<(), Error> {
    let (transaction, ksn) = hsm.dukpt_begin(group)?;
    assert!(ksn.counter() > *last, "counter {} after {last}", ksn.counter());
    *last = ksn.counter();
    hsm.transaction_ksn(transaction).unwrap();
    Ok(())
}

/// Whatever state a fault left: the key goes on where it was, or comes in again if it never gave out a key.
fn goes_on(device: &Device, mut last: u32, lost: u32) {
    for _ in 0..2 {
        let (mut hsm, kbpk) = boot(device);
        match find(&hsm) {
            Some((group, next)) => {
                assert!(next > last && next <= last + 1 + lost, "{next} after {last}");
                assert_eq!(load(&mut hsm, kbpk), Err(Error::CounterReplayed));
                step(&mut hsm, group, &mut last).unwrap();
            }
            None if last == 0 => {
                let group = load(&mut hsm, kbpk).unwrap();
                step(&mut hsm, group, &mut last).unwrap();
            }
            None => assert_eq!(load(&mut hsm, kbpk), Err(Error::CounterReplayed)),
        }
    }
}

/// The operations of a load to look at: the first, of many that look for the key in other groups' records, and the last,
/// which write and read back.
fn operations_of_a_load() -> impl Iterator<Item = usize> {
    let device = Device::new(1);
    let (mut hsm, kbpk) = boot(&device);
    let before = device.world().done;
    load(&mut hsm, kbpk).unwrap();
    let all = device.world().done - before;
    (0..3).chain(all - 6..=all)
}

/// J01, J04: a load that fails gives out nothing, and does not come back beside a second one.
#[test]
fn j01_faults_in_a_load() {
    let mut faults = 0;
    let mut torn = 0;
    for fault in FAULTS {
        for at in operations_of_a_load() {
            let device = Device::new(1);
            let (mut hsm, kbpk) = boot(&device);
            let done = device.world().done;
            device.world().fault = Some((done + at, fault));
            let result = load(&mut hsm, kbpk);
            if device.world().done <= done + at {
                result.unwrap();
                break;
            }
            faults += 1;
            assert_eq!(result, Err(Error::Storage), "{fault:?} at {at}");
            assert_eq!(find(&hsm), None);
            if !is_cut(fault) {
                // The storage works again: the same key, now or after a restart, and only once.
                let again = Device::new(1);
                again.world().records = device.world().records.clone();
                assert_eq!(find(&boot(&again).0), None, "{fault:?} at {at}");
                goes_on(&again, 0, 0);
                // A host's transaction has the first place meanwhile.
                let bdk = key(&mut hsm, "B0", 'T', 'X', 40);
                let ksn = [&crate::common::TDEA_ID[..9], &[1]].concat();
                hsm.dukpt_derive(bdk, &ksn).unwrap();
                let group = load(&mut hsm, kbpk).unwrap();
                let mut last = 0;
                step(&mut hsm, group, &mut last).unwrap();
                drop(hsm);
                goes_on(&device, last, 0);
                continue;
            }
            // Without power nothing more is loaded.
            assert_eq!(load(&mut hsm, kbpk), Err(Error::Storage));
            drop(hsm);
            device.boot(None);
            if module(&device).status().state == State::Tampered {
                // A torn record and no other is damage: a storage that saves whole records, as it must, has none.
                assert_eq!(fault, Fault::Torn);
                torn += 1;
                continue;
            }
            goes_on(&device, 0, 0);
        }
    }
    assert_eq!((faults, torn), (5 * 9, 1));
}

/// J04: while the storage stays broken after a failed load, no other place takes the key.
#[test]
fn j04_a_failed_load_has_no_twin() {
    for at in operations_of_a_load() {
        let device = Device::new(1);
        let (mut hsm, kbpk) = boot(&device);
        let done = device.world().done;
        device.world().fault = Some((done + at, Fault::CutAfter));
        if load(&mut hsm, kbpk).is_ok() {
            continue;
        }
        for _ in 0..3 {
            assert_eq!(load(&mut hsm, kbpk), Err(Error::Storage));
        }
        // The storage is back without a restart.
        device.boot(None);
        let group = load(&mut hsm, kbpk).unwrap();
        let mut last = 0;
        step(&mut hsm, group, &mut last).unwrap();
        drop(hsm);
        goes_on(&device, last, 0);
    }
}

/// J01, J04: a transaction that fails costs its KSN and gives out no key.
#[test]
fn j01_faults_in_a_transaction() {
    let mut faults = 0;
    for fault in FAULTS {
        for at in 0.. {
            let device = Device::new(1);
            let (mut hsm, kbpk) = boot(&device);
            let group = load(&mut hsm, kbpk).unwrap();
            let mut last = 0;
            step(&mut hsm, group, &mut last).unwrap();
            let (before, _) = hsm.dukpt_begin(group).unwrap();
            last += 1;
            let done = device.world().done;
            device.world().fault = Some((done + at, fault));
            let result = step(&mut hsm, group, &mut last);
            if device.world().done <= done + at {
                result.unwrap();
                break;
            }
            faults += 1;
            assert_eq!(result, Err(Error::Storage), "{fault:?} at {at}");
            // Neither the new transaction nor the old one is there.
            assert_eq!(hsm.transaction_ksn(before).err(), Some(Error::InvalidHandle));
            if !is_cut(fault) {
                step(&mut hsm, group, &mut last).unwrap();
            }
            drop(hsm);
            goes_on(&device, last, 1);
        }
    }
    assert!(faults >= 5 * 3, "{faults}");
}

/// J01, J04: an erasure that fails leaves nothing here; what comes back goes on.
#[test]
fn j01_faults_in_an_erasure() {
    let mut faults = 0;
    for used in [false, true] {
        for fault in FAULTS {
            for at in 0.. {
                let device = Device::new(1);
                let (mut hsm, kbpk) = boot(&device);
                let group = load(&mut hsm, kbpk).unwrap();
                let mut last = 0;
                if used {
                    step(&mut hsm, group, &mut last).unwrap();
                }
                let done = device.world().done;
                device.world().fault = Some((done + at, fault));
                let result = hsm.dukpt_erase(group);
                if device.world().done <= done + at {
                    result.unwrap();
                    break;
                }
                faults += 1;
                assert_eq!(result, Err(Error::Storage), "{fault:?} at {at}");
                assert_eq!(find(&hsm), None);
                assert_eq!(hsm.dukpt_begin(group).err(), Some(Error::InvalidHandle));
                if !is_cut(fault) {
                    // The next load gives it up first.
                    let again = load(&mut hsm, kbpk);
                    assert_eq!(again.is_ok(), !used, "{again:?}");
                    if let Ok(group) = again {
                        step(&mut hsm, group, &mut last).unwrap();
                    }
                }
                drop(hsm);
                goes_on(&device, last, 0);
            }
        }
    }
    assert!(faults >= 2 * 5 * 3, "{faults}");
}

/// J03: a fault in the start, with and without a recovery to do. No start brings a counter back.
#[test]
fn j03_faults_in_a_start() {
    let mut faults = 0;
    for first in FAULTS {
        for first_at in 0..5 {
            // What a fault in the second transaction left.
            let device = Device::new(1);
            let (mut hsm, kbpk) = boot(&device);
            let group = load(&mut hsm, kbpk).unwrap();
            let mut last = 0;
            step(&mut hsm, group, &mut last).unwrap();
            let done = device.world().done;
            device.world().fault = Some((done + first_at, first));
            let _ = step(&mut hsm, group, &mut last);
            drop(hsm);
            let records = device.world().records.clone();
            for fault in FAULTS {
                for at in 0.. {
                    let device = Device::new(1);
                    device.world().records = records.clone();
                    device.boot(Some((at, fault)));
                    let hsm = module(&device);
                    if device.world().done <= at {
                        break;
                    }
                    faults += 1;
                    if hsm.status().state.works() {
                        assert!(find(&hsm).is_none_or(|(_, next)| next > last));
                    } else {
                        assert_eq!(hsm.status().groups.1, 0);
                    }
                    drop(hsm);
                    goes_on(&device, last, 1);
                }
            }
        }
    }
    assert!(faults >= 5 * 5 * 5 * 4, "{faults}");
}
