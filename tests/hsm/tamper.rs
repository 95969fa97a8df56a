// SPDX-License-Identifier: MIT OR Apache-2.0
//! The tamper input: at every call of the platform of every operation, through storage and restart, and the way out
//! (attack row J06).

use payhsm::error::Error;
use payhsm::hsm::{KeyRef, MacMethod, State};
use payhsm::pin::Pin;
use payhsm::pin::block::Format;
use payhsm::pin::pan::Pan;

use crate::common::card::PAN;
use crate::common::{Asked, Device, Module, PROFILE, initial_key, key, load_kbpk, module, value};
use crate::life::{Handles, every_result, populated};

/// The place of the mark: kind 3, number 15, first place.
const MARK: u16 = 0x301E;

/// Operations that call the platform, and what they leave in their outputs.
type Work = fn(&mut Module, &Handles) -> (Result<(), Error>, Vec<u8>);

const WORK: [(&str, Work); 6] = [
    ("random", |hsm, _| {
        let mut out = [0xA5; 32];
        (hsm.random(&mut out), out.to_vec())
    }),
    ("dukpt_begin", |hsm, handles| {
        (hsm.dukpt_begin(handles.group).map(|_| ()), Vec::new())
    }),
    ("dukpt_load", |hsm, _| {
        let wanted = crate::common::attributes("K1", 'A', 'D', 'N');
        let kbpk = crate::common::ceremony(hsm, &wanted, &value(crate::common::KBPK_SEED, 16));
        let text = initial_key('A', 2, &value(51, 16));
        let loaded = kbpk.and_then(|kbpk| hsm.dukpt_load(kbpk, &text, PROFILE));
        (loaded.map(|_| ()), Vec::new())
    }),
    ("pin_encipher", |hsm, handles| {
        let pan = Pan::parse(PAN).unwrap();
        let pin = Pin::from_entry(4, &[1, 2, 3, 4, 0, 0, 0, 0, 0, 0, 0, 0]).unwrap();
        let mut out = [0xA5; 16];
        let result = hsm.pin_encipher(handles.transaction.into(), Format::Iso3, &pan, &pin, &mut out);
        (result.map(|_| ()), out.to_vec())
    }),
    ("key_generate", |hsm, _| {
        let wanted = crate::common::attributes("D0", 'A', 'E', 'N');
        (hsm.key_generate(&wanted, 16).map(|_| ()), Vec::new())
    }),
    ("dukpt_erase", |hsm, handles| {
        (hsm.dukpt_erase(handles.group), Vec::new())
    }),
];

/// Attack row J06: the tamper input becomes active at each call of the platform: the operation ends there with an error and
/// nothing in its outputs, makes no further call, and the next look at the module finds no key.
#[test]
fn j06_a_tamper_event_at_every_step() {
    let mut steps = 0;
    for (name, work) in WORK {
        for at in 0.. {
            let device = Device::new(1);
            let (mut hsm, handles) = populated(&device);
            let base = device.world().calls;
            device.world().tamper_at = Some(base + at);
            let (result, out) = work(&mut hsm, &handles);
            let calls = device.world().calls - base;
            if !device.world().tampered {
                result.unwrap();
                break;
            }
            steps += 1;
            assert!(result.is_err(), "{name} {at}");
            assert!(out.iter().all(|&byte| byte == 0), "{name} {at}");
            assert_eq!(calls, at + 1, "{name}: a call after the event");
            assert_eq!(hsm.status().state, State::Tampered);
            hsm.expire();
            let status = hsm.status();
            assert_eq!((status.state, status.slots.1), (State::Tampered, 0));
            // A place whose records are not settled counts as taken; its keys are gone.
            let unsettled = matches!(name, "dukpt_erase" | "dukpt_load");
            assert!(status.groups.1 == 0 || unsettled, "{name}");
            // The mark is in the storage, and a second and third event change nothing.
            assert!(device.world().records.contains_key(&MARK));
            let records = device.world().records.clone();
            let touched = device.touched();
            hsm.tamper();
            hsm.tamper_at_once();
            hsm.expire();
            assert_eq!(device.world().records, records);
            assert_eq!(device.touched(), touched);
            // The counter has not been lost or repeated: the state of the group is the old one or the new one.
            for (command, result) in every_result(&mut hsm, &handles) {
                assert_eq!(result, Err(Error::Tampered), "{command}");
            }
        }
    }
    assert!(steps > 40, "{steps}");
}

/// Before each command: it does not begin, and keys go first.
#[test]
fn j06_a_tamper_event_before_every_operation() {
    let device = Device::new(1);
    let (mut hsm, handles) = populated(&device);
    device.world().tampered = true;
    let (asked, drawn, _) = device.touched();
    let results = every_result(&mut hsm, &handles);
    assert!(results.len() > 90, "{}", results.len());
    for (name, result) in results {
        assert_eq!(result, Err(Error::Tampered), "{name}");
    }
    assert_eq!((device.touched().0, device.touched().1), (asked, drawn));
    assert_eq!((hsm.status().slots.1, hsm.status().groups.1), (0, 0));
}

/// What an interrupt does while no command runs: keys go without a call of the platform; the mark follows.
#[test]
fn j06_at_once_calls_nobody() {
    let device = Device::new(1);
    let (mut hsm, _) = populated(&device);
    let calls = device.world().calls;
    hsm.tamper_at_once();
    assert_eq!(device.world().calls, calls);
    assert_eq!((hsm.status().slots.1, hsm.status().groups.1), (0, 0));
    assert!(!device.world().records.contains_key(&MARK));
    hsm.expire();
    assert!(device.world().records.contains_key(&MARK));
}

/// A tampered module stays so, until it is made anew: a new generation, no key and no user; but a used initial key is
/// remembered.
#[test]
fn j06_tampered_until_reinitialised() {
    let device = Device::new(1);
    let mut hsm = module(&device);
    let kbpk = load_kbpk(&mut hsm);
    let text = initial_key('T', 1, &value(30, 16));
    let (group, _) = hsm.dukpt_load(kbpk, &text, PROFILE).unwrap();
    hsm.dukpt_begin(group).unwrap();
    hsm.tamper();
    // In the same start nothing leads out.
    assert_eq!(hsm.reinitialise(), Err(Error::Tampered));
    for _ in 0..2 {
        drop(hsm);
        device.boot(None);
        hsm = module(&device);
        assert_eq!(hsm.status().state, State::Tampered);
        assert_eq!(
            (hsm.status().groups.1, hsm.dukpt_find(0).err()),
            (0, Some(Error::Tampered))
        );
        assert_eq!(hsm.random(&mut [0; 4]), Err(Error::Tampered));
    }
    device.world().tampered = true;
    assert_eq!(hsm.reinitialise(), Err(Error::Tampered));
    device.world().tampered = false;
    drop(hsm);
    hsm = module(&device);
    device.world().answer = Some(Error::Refused);
    assert_eq!(hsm.reinitialise(), Err(Error::Refused));
    assert_eq!(device.world().asked.last(), Some(&Asked::Reinitialise(true, 0)));
    assert_eq!(hsm.status().state, State::Tampered);
    device.world().answer = None;
    hsm.reinitialise().unwrap();
    for _ in 0..2 {
        assert_eq!(hsm.status().state, State::Virgin);
        assert_eq!(hsm.dukpt_find(0).err(), Some(Error::InvalidHandle));
        drop(hsm);
        device.boot(None);
        hsm = module(&device);
    }
    let kbpk = load_kbpk(&mut hsm);
    assert_eq!(hsm.dukpt_load(kbpk, &text, PROFILE).err(), Some(Error::CounterReplayed));
    let fresh = initial_key('T', 2, &value(31, 16));
    let (group, _) = hsm.dukpt_load(kbpk, &fresh, PROFILE).unwrap();
    hsm.dukpt_begin(group).unwrap();
    let mac_key = key(&mut hsm, "M6", 'A', 'C', 31);
    hsm.mac_generate(KeyRef::from(mac_key), MacMethod::CMAC, b"message", &mut [0; 8])
        .unwrap();
}

/// Damage leads to the same state, and the platform is told whose memory is lost.
#[test]
fn damage_is_told_before_the_module_is_made_anew() {
    let device = Device::new(1);
    let (hsm, _) = populated(&device);
    drop(hsm);
    let id = *device.world().records.keys().find(|id| **id >> 12 == 1).unwrap();
    device.world().records.get_mut(&id).unwrap()[40] ^= 1;
    device.boot(None);
    let mut hsm = module(&device);
    assert_eq!(hsm.status().state, State::Tampered);
    hsm.reinitialise().unwrap();
    assert_eq!(device.world().asked.last(), Some(&Asked::Reinitialise(true, 1)));
    assert_eq!(hsm.status().state, State::Virgin);
    drop(hsm);
    device.boot(None);
    assert_eq!(module(&device).status().state, State::Virgin);
}

/// Stored keys go with the old identity, sound ones and damaged ones: neither comes back, and neither keeps the module
/// from being made anew.
#[test]
fn stored_keys_end_with_the_identity() {
    for damaged in [false, true] {
        let device = Device::new(1);
        let mut hsm = module(&device);
        let stored = key(&mut hsm, "M6", 'A', 'C', 31);
        hsm.key_store(stored).unwrap();
        if !damaged {
            hsm.tamper();
        }
        drop(hsm);
        let is_key = |id: &&u16| **id >> 12 == 2;
        let id = *device.world().records.keys().find(is_key).unwrap();
        if damaged {
            device.world().records.get_mut(&id).unwrap()[30] ^= 1;
        }
        device.boot(None);
        let mut hsm = module(&device);
        assert_eq!(hsm.status().state, State::Tampered);
        hsm.reinitialise().unwrap();
        assert!(!device.world().records.keys().any(|id| is_key(&id)));
        for _ in 0..2 {
            assert_eq!((hsm.status().state, hsm.status().slots.1), (State::Virgin, 0));
            drop(hsm);
            device.boot(None);
            hsm = module(&device);
        }
    }
}

/// The power goes at every operation of the storage of a re-initialisation: the module is as before, tampered, or new.
#[test]
fn a_cut_in_a_reinitialisation() {
    use crate::common::FAULTS;
    let device = Device::new(1);
    let (mut hsm, _) = populated(&device);
    hsm.tamper();
    drop(hsm);
    let records = device.world().records.clone();
    let mut cuts = 0;
    for fault in FAULTS {
        // The reading of the 256 groups is the same throughout: every operation near the writes, a sample before.
        for at in (0..1024)
            .step_by(173)
            .chain((1020..1100).step_by(if fault == FAULTS[0] { 1 } else { 5 }))
        {
            device.world().records = records.clone();
            device.boot(None);
            let mut hsm = module(&device);
            let base = device.world().done;
            device.world().fault = Some((base + at, fault));
            let result = hsm.reinitialise();
            let done = device.world().done - base;
            drop(hsm);
            if done <= at {
                result.unwrap();
                break;
            }
            cuts += 1;
            device.boot(None);
            let mut hsm = module(&device);
            match hsm.status().state {
                State::Virgin => {}
                State::Tampered => {
                    hsm.reinitialise().unwrap();
                    assert_eq!(hsm.status().state, State::Virgin);
                }
                state => panic!("{state:?} after {fault:?} at {at}"),
            }
            let kbpk = load_kbpk(&mut hsm);
            let text = initial_key('T', 1, &value(30, 16));
            let again = hsm.dukpt_load(kbpk, &text, PROFILE);
            assert!(
                again.err() == Some(Error::CounterReplayed) || fault == crate::common::Fault::Torn,
                "{fault:?} {at}"
            );
        }
    }
    assert!(cuts > 15, "{cuts}");
}

/// A log that was opened in the state Tampered says why, and writes nothing more in this start: that keeps the module neither
/// from being wiped nor from being made anew.
#[test]
fn a_log_opened_in_a_tampered_start() {
    use payhsm::hsm::LogEvent;
    use payhsm::hsm::audit::{RECORD_LEN, Record, WhenFull};
    let memory = || Box::leak(vec![Record::EMPTY; 8].into_boxed_slice());
    let device = Device::new(1);
    let (mut hsm, _) = populated(&device);
    hsm.tamper();
    drop(hsm);
    device.boot(None);
    let mut hsm = module(&device);
    hsm.audit_open(memory(), WhenFull::Stop).unwrap();
    let last = hsm.audit_status().unwrap().last.sequence;
    hsm.wipe().unwrap();
    hsm.reinitialise().unwrap();
    assert_eq!(hsm.status().state, State::Virgin);
    let status = hsm.audit_status().unwrap();
    assert_eq!((status.last.sequence, status.lost), (last, 2));
    // What must be logged is refused until the next start.
    assert_eq!(hsm.audit_note(&[0; 8], None).err(), Some(Error::BadState));
    drop(hsm);
    device.boot(None);
    let mut hsm = module(&device);
    hsm.audit_open(memory(), WhenFull::Stop).unwrap();
    let mut out = [0; 8 * RECORD_LEN];
    let (len, _) = hsm.audit_read(last, &mut out).unwrap();
    let (records, _) = out[..len].as_chunks::<RECORD_LEN>();
    let events: Vec<_> = records
        .iter()
        .map(|bytes| Record::from_bytes(bytes).entry().event)
        .collect();
    assert_eq!(events, [Some(LogEvent::Tamper), Some(LogEvent::Start)]);
}
