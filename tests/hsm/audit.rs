// SPDX-License-Identifier: MIT OR Apache-2.0
//! The audit log: what is in it, what a verifier finds, what happens when it is full, and what a power cut leaves.

use payhsm::error::Error;
use payhsm::hsm::audit::{AuditStatus, Entry, Position, RECORD_LEN, Record, WhenFull, verify};
use payhsm::hsm::{LogEvent, NO_PLACE, State};
use payhsm::key::role::MacKey;
use payhsm::key::{Aes, Key};
use payhsm::pin::pan::Pan;

use crate::common::{Asked, Device, FAULTS, Fault, Module, PROFILE, attributes, block, key, load_kbpk, module, value};

const RING: usize = 16;

fn memory() -> &'static mut [Record] {
    Box::leak(vec![Record::EMPTY; RING].into_boxed_slice())
}

/// A module with its log open.
fn logged(device: &Device, when_full: WhenFull) -> Module {
    let mut hsm = module(device);
    hsm.audit_open(memory(), when_full).unwrap();
    hsm
}

fn status(hsm: &Module) -> AuditStatus {
    hsm.audit_status().unwrap()
}

/// Everything that the log has, as it is sent.
fn read_out(hsm: &Module) -> Vec<u8> {
    let mut out = vec![0; RING * RECORD_LEN];
    let (len, next) = hsm.audit_read(0, &mut out).unwrap();
    assert_eq!(next, status(hsm).last.sequence + 1);
    out.truncate(len);
    out
}

fn entries(bytes: &[u8]) -> Vec<Entry> {
    let (records, _) = bytes.as_chunks::<RECORD_LEN>();
    records.iter().map(|bytes| Record::from_bytes(bytes).entry()).collect()
}

fn events(hsm: &Module) -> Vec<LogEvent> {
    entries(&read_out(hsm))
        .iter()
        .map(|entry| entry.event.unwrap())
        .collect()
}

/// The log key, derived here: SP 800-108 in counter mode with CMAC.
fn log_key() -> Key<MacKey, Aes> {
    use payhsm::mac::Mac;
    let mut mac = payhsm::mac::cmac::CmacAes::new(&[0x5A; 32]).unwrap();
    mac.update(b"\x01audit log\x00\x00\x80");
    let mut out = [0; 16];
    mac.finish(&mut out).unwrap();
    Key::from_bytes(&out).unwrap()
}

#[test]
fn a_record_says_what_happened() {
    let device = Device::new(1);
    device.world().now = Some(5000);
    let mut hsm = logged(&device, WhenFull::Stop);
    let mac_key = key(&mut hsm, "M6", 'A', 'C', 3);
    let info = hsm.key_info(mac_key).unwrap();
    let kbpk = load_kbpk(&mut hsm);
    let mut bad = block(&value(20, 16), &attributes("D0", 'T', 'B', 'E'), &value(21, 16), &[]);
    *bad.last_mut().unwrap() ^= 1;
    assert!(hsm.key_block_import(kbpk, &bad, PROFILE).is_err());
    device.world().now = None;
    hsm.key_erase(mac_key).unwrap();
    let pan = Pan::parse(b"4761739001010010").unwrap();
    let at = hsm.audit_note(b"sale 017", Some(&pan)).unwrap();
    let log = entries(&read_out(&hsm));
    assert_eq!(log.len() as u64, at.sequence);
    let expected = [
        (LogEvent::Start, NO_PLACE, 0),
        (LogEvent::KeyLoad, 0, 0),
        (LogEvent::KeyLoad, 1, 0),
        (LogEvent::UnwrapFailed, 1, Error::VerificationFailed.code()),
        (LogEvent::KeyErase, 0, 0),
        (LogEvent::Application, NO_PLACE, 0),
    ];
    for (entry, (event, place, result)) in log.iter().zip(expected) {
        assert_eq!((entry.event, entry.place, entry.result), (Some(event), place, result));
        assert_eq!(entry.time, (entry.sequence < 5).then_some(5000));
        assert_eq!(entry.role, 0);
        assert_eq!(entry.has_place(), place != NO_PLACE);
    }
    assert_eq!(log[1].check, info.check.as_bytes()[..3]);
    assert_eq!(log[4].check, log[1].check);
    assert_eq!(log[5].value.to_be_bytes(), *b"sale 017");
    assert_ne!(log[5].card, [0; 8]);
    // The last digit is no part of a card's account, the one before it is.
    for (other, same) in [(b"4761739001010011", true), (b"4761739001010020", false)] {
        hsm.audit_note(b"sale 018", Some(&Pan::parse(other).unwrap())).unwrap();
        assert_eq!(entries(&read_out(&hsm)).last().unwrap().card == log[5].card, same);
    }
    // Alarms wait beside the log.
    let alarm = hsm.next_event().unwrap();
    assert_eq!(
        (alarm.event, alarm.place, alarm.result),
        (LogEvent::UnwrapFailed, 1, Error::VerificationFailed.code())
    );
    assert_eq!(hsm.next_event(), None);
}

#[test]
fn nothing_is_logged_without_a_log() {
    let device = Device::new(1);
    let mut hsm = module(&device);
    let before = device.world().records.len();
    key(&mut hsm, "M6", 'A', 'C', 3);
    assert_eq!(device.world().records.len(), before);
    assert_eq!(hsm.audit_status(), None);
    assert_eq!(hsm.audit_read(0, &mut [0; RECORD_LEN]), Err(Error::BadState));
    assert_eq!(hsm.audit_note(&[0; 8], None), Err(Error::BadState));
    assert_eq!(hsm.audit_release(&Position::START), Err(Error::BadState));
}

#[test]
fn a_log_opens_once_and_with_its_size() {
    let device = Device::new(1);
    let mut hsm = logged(&device, WhenFull::Stop);
    assert_eq!(hsm.audit_open(memory(), WhenFull::Stop), Err(Error::BadState));
    drop(hsm);
    let mut hsm = module(&device);
    for len in [0, 7, 15, 17, 2049] {
        let other = Box::leak(vec![Record::EMPTY; len].into_boxed_slice());
        assert_eq!(
            hsm.audit_open(other, WhenFull::Stop),
            Err(Error::InvalidLength),
            "{len}"
        );
    }
    hsm.audit_open(memory(), WhenFull::Stop).unwrap();
    assert_eq!(events(&hsm), [LogEvent::Start, LogEvent::Start]);
}

/// K07: whatever is done to a part of the log is found.
#[test]
fn k07_altered_logs() {
    let device = Device::new(1);
    let mut hsm = logged(&device, WhenFull::Overwrite);
    for n in 0..9_u64 {
        hsm.audit_note(&n.to_be_bytes(), None).unwrap();
    }
    let (log, end) = (read_out(&hsm), status(&hsm).last);
    let key = log_key();
    assert_eq!(verify(&key, &log, Some(&Position::START), Some(&end)), Ok(end));
    let records = log.len() / RECORD_LEN;
    assert_eq!(records, 10);
    let refused = |log: &[u8]| verify(&key, log, Some(&Position::START), Some(&end)) == Err(Error::VerificationFailed);
    for bit in 0..log.len() * 8 {
        let mut altered = log.clone();
        altered[bit / 8] ^= 1 << (bit % 8);
        assert!(refused(&altered), "{bit}");
    }
    let at = |n: usize| n * RECORD_LEN..(n + 1) * RECORD_LEN;
    for n in 0..records {
        let mut deleted = log.clone();
        deleted.drain(at(n));
        assert!(refused(&deleted), "{n}");
        let mut doubled = log.clone();
        let copy = log[at(n)].to_vec();
        doubled.splice(n * RECORD_LEN..n * RECORD_LEN, copy);
        assert!(refused(&doubled), "{n}");
        for m in 0..n {
            let mut swapped = log.clone();
            swapped[at(n)].copy_from_slice(&log[at(m)]);
            swapped[at(m)].copy_from_slice(&log[at(n)]);
            assert!(refused(&swapped), "{n} {m}");
            let mut replayed = log.clone();
            replayed[at(n)].copy_from_slice(&log[at(m)]);
            assert!(refused(&replayed), "{n} {m}");
        }
    }
    // Cut off: seen by whoever knows the end; a part from the middle verifies as such.
    let part = &log[2 * RECORD_LEN..5 * RECORD_LEN];
    let before = Record::from_bytes(log[at(1)].try_into().unwrap()).position();
    let last = verify(&key, part, Some(&before), None).unwrap();
    assert_eq!(last.sequence, 5);
    assert!(verify(&key, part, None, None).is_ok());
    assert!(verify(&key, &part[RECORD_LEN..], Some(&before), None).is_err());
    assert!(verify(&key, part, None, Some(&end)).is_err());
    for len in [0, 1, RECORD_LEN - 1, RECORD_LEN + 1] {
        assert_eq!(verify(&key, &log[..len], None, None), Err(Error::InvalidLength));
    }
    // Another device's key.
    let other = Key::<MacKey, Aes>::from_bytes(&[7; 16]).unwrap();
    assert!(verify(&other, &log, None, None).is_err());
}

/// The records of the log in the storage.
fn stored(device: &Device) -> Vec<u16> {
    let world = device.world();
    world.records.keys().copied().filter(|id| id >> 12 == 5).collect()
}

/// K07: what is done to the stored log is found at the start.
#[test]
fn k07_altered_storage() {
    let device = Device::new(1);
    let mut hsm = logged(&device, WhenFull::Overwrite);
    for n in 0..20_u64 {
        hsm.audit_note(&n.to_be_bytes(), None).unwrap();
    }
    let next = usize::try_from(status(&hsm).last.sequence).unwrap() % RING;
    drop(hsm);
    let records = device.world().records.clone();
    let ids = stored(&device);
    assert_eq!(ids.len(), RING);
    let start = |what: &str, sound: bool| {
        let mut hsm = module(&device);
        let opened = hsm.audit_open(memory(), WhenFull::Overwrite);
        let state = hsm.status().state;
        if sound {
            assert_eq!((opened, state), (Ok(()), State::Virgin), "{what}");
        } else {
            assert_eq!(
                (opened, state),
                (Err(Error::StorageIntegrity), State::Tampered),
                "{what}"
            );
        }
        device.world().records = records.clone();
    };
    start("as it was", true);
    for (index, id) in ids.iter().enumerate() {
        // A record that was being written when the power went, in place of the oldest: that may be the last one, too. It is
        // the status message that tells the end.
        let oldest = index == next || index + 1 == next;
        device.world().records.remove(id);
        start("deleted", false);
        device.world().records.get_mut(id).unwrap()[9] ^= 1;
        start("altered", oldest);
        let other = records[&ids[(index + 1) % RING]].clone();
        device.world().records.insert(*id, other);
        start("replayed", oldest);
        device.world().records.insert(*id, vec![0xFF; RECORD_LEN - 1]);
        start("short", oldest);
    }
    device.world().records.retain(|id, _| id >> 12 != 5);
    start("released up to nothing", true);
    // The settings say up to where the log was released.
    let mut hsm = module(&device);
    hsm.audit_open(memory(), WhenFull::Overwrite).unwrap();
    let last = status(&hsm).last;
    hsm.audit_release(&last).unwrap();
    drop(hsm);
    device.world().records.retain(|id, _| id >> 12 != 5);
    let mut hsm = module(&device);
    assert_eq!(
        hsm.audit_open(memory(), WhenFull::Overwrite),
        Err(Error::StorageIntegrity)
    );
}

/// K07: a full log stops what would be logged, until it is read.
#[test]
fn k07_a_full_log_stops() {
    let device = Device::new(1);
    let mut hsm = logged(&device, WhenFull::Stop);
    let mut noted = 0;
    while hsm.audit_note(&[0; 8], None).is_ok() {
        noted += 1;
    }
    // A start, twelve in all, and four places for what nobody asked for.
    assert_eq!(noted, 11);
    let before = device.touched();
    let d0 = attributes("D0", 'A', 'E', 'E');
    assert_eq!(hsm.key_generate(&d0, 16).err(), Some(Error::LimitReached));
    assert_eq!(hsm.component_begin(&d0, 16, 2, &[]), Err(Error::LimitReached));
    assert_eq!(device.touched(), before);
    // Not over a restart either.
    drop(hsm);
    let mut hsm = logged(&device, WhenFull::Stop);
    assert_eq!(hsm.audit_note(&[0; 8], None), Err(Error::LimitReached));
    let last = status(&hsm).last;
    let wrong = Position { tag: [0; 16], ..last };
    assert_eq!(hsm.audit_release(&wrong), Err(Error::VerificationFailed));
    let absent = Position {
        sequence: last.sequence + 1,
        ..last
    };
    assert_eq!(hsm.audit_release(&absent), Err(Error::InvalidArgument));
    device.world().answer = Some(Error::Refused);
    assert_eq!(hsm.audit_release(&last), Err(Error::Refused));
    assert_eq!(hsm.audit_note(&[0; 8], None), Err(Error::LimitReached));
    device.world().answer = None;
    hsm.audit_release(&last).unwrap();
    assert_eq!(device.world().asked.last(), Some(&Asked::AuditRelease(last.sequence)));
    hsm.key_generate(&d0, 16).unwrap();
    // The whole log is still there to read, and verifies.
    let log = read_out(&hsm);
    assert!(verify(&log_key(), &log, None, Some(&status(&hsm).last)).is_ok());
    // Starts do not push unread records out.
    while hsm.audit_note(&[0; 8], None).is_ok() {}
    drop(hsm);
    for _ in 0..10 {
        let _ = module(&device).audit_open(memory(), WhenFull::Stop);
    }
    let mut hsm = module(&device);
    hsm.audit_open(memory(), WhenFull::Stop).unwrap();
    let now = status(&hsm);
    assert_eq!((now.oldest, now.lost), (now.released + 1, 1));
    assert_eq!(hsm.status().state, State::Virgin);
}

#[test]
fn k07_a_full_log_is_overwritten_and_says_so() {
    let device = Device::new(1);
    let mut hsm = logged(&device, WhenFull::Overwrite);
    for n in 0..100_u64 {
        hsm.audit_note(&n.to_be_bytes(), None).unwrap();
        let log = read_out(&hsm);
        assert!(verify(&log_key(), &log, None, Some(&status(&hsm).last)).is_ok());
    }
    // Once.
    let alarm = hsm.next_event().unwrap();
    assert_eq!((alarm.event, alarm.value), (LogEvent::LogOverwritten, 16));
    assert_eq!(hsm.next_event(), None);
    assert_eq!(status(&hsm).last.sequence, 1 + 100 + 1);
    let last = status(&hsm).last;
    hsm.audit_release(&last).unwrap();
    for n in 0..20_u64 {
        hsm.audit_note(&n.to_be_bytes(), None).unwrap();
    }
    assert_eq!(hsm.next_event().unwrap().event, LogEvent::LogOverwritten);
    assert!(events(&hsm).contains(&LogEvent::LogOverwritten));
}

#[test]
fn a_tamper_event_is_the_last_record() {
    let device = Device::new(1);
    let mut hsm = logged(&device, WhenFull::Stop);
    key(&mut hsm, "M6", 'A', 'C', 3);
    hsm.tamper();
    let log = read_out(&hsm);
    assert!(verify(&log_key(), &log, None, Some(&status(&hsm).last)).is_ok());
    assert_eq!(entries(&log).last().unwrap().event, Some(LogEvent::Tamper));
    hsm.tamper();
    assert_eq!(read_out(&hsm), log);
    assert_eq!(hsm.audit_note(&[0; 8], None), Err(Error::Tampered));
    assert_eq!(hsm.status_message(&[0; 16], &mut [0; 92]), Err(Error::Tampered));
    assert_eq!(hsm.next_event().unwrap().event, LogEvent::Tamper);
    drop(hsm);
    // The mark of the event would make the next start tampered, too: without it damage is looked at.
    device.world().records.remove(&0x301E);
    // Found at the start: the log opens all the same, and says so.
    let mut broken = module(&device);
    let kbpk = load_kbpk(&mut broken);
    let text = crate::common::initial_key('T', 1, &value(30, 16));
    broken.dukpt_load(kbpk, &text, PROFILE).unwrap();
    drop(broken);
    let id = *device.world().records.keys().find(|id| **id >> 12 == 1).unwrap();
    device.world().records.get_mut(&id).unwrap()[30] ^= 1;
    let mut hsm = module(&device);
    assert_eq!(hsm.status().state, State::Tampered);
    hsm.audit_open(memory(), WhenFull::Stop).unwrap();
    assert_eq!(
        &events(&hsm)[2..],
        [LogEvent::Tamper, LogEvent::Start, LogEvent::Tamper]
    );
}

/// A fault at every operation of the storage: what was answered stays, and at most the record that was not is missing.
#[test]
fn a_cut_loses_at_most_the_record_not_yet_answered() {
    let mut faults = 0;
    for when_full in [WhenFull::Stop, WhenFull::Overwrite] {
        for before in [0, 3, 14, 15, 16, 17, 40_u64] {
            if when_full == WhenFull::Stop && before > 3 {
                continue;
            }
            for fault in FAULTS {
                for at in 0.. {
                    let device = Device::new(1);
                    let mut hsm = logged(&device, when_full);
                    for n in 0..before {
                        hsm.audit_note(&n.to_be_bytes(), None).unwrap();
                    }
                    let answered = status(&hsm).last;
                    let done = device.world().done;
                    device.world().fault = Some((done + at, fault));
                    let result = hsm.audit_note(b"the last", None);
                    if device.world().done <= done + at {
                        result.unwrap();
                        break;
                    }
                    faults += 1;
                    assert_eq!(result, Err(Error::Storage));
                    if matches!(fault, Fault::Error | Fault::ErrorAfter) {
                        // The record is written with the next one.
                        hsm.audit_note(b"one more", None).unwrap();
                        assert!(status(&hsm).last.sequence >= answered.sequence + 2);
                    }
                    drop(hsm);
                    device.boot(None);
                    let hsm = logged(&device, when_full);
                    let log = read_out(&hsm);
                    let end = verify(&log_key(), &log, None, None).unwrap();
                    assert_eq!(end, status(&hsm).last);
                    // Behind what was answered: the record, or not, the start, and once that others were overwritten.
                    let more = end.sequence - answered.sequence;
                    assert!((1..=4).contains(&more), "{fault:?} at {at}: {more}");
                    let (records, _) = log.as_chunks::<RECORD_LEN>();
                    let positions: Vec<_> = records
                        .iter()
                        .map(|bytes| Record::from_bytes(bytes).position())
                        .collect();
                    assert!(positions.contains(&answered));
                }
            }
        }
    }
    assert_eq!(faults, FAULTS.len() * 20);
}

#[test]
fn a_command_that_cannot_be_logged_gives_nothing() {
    let device = Device::new(1);
    let mut hsm = logged(&device, WhenFull::Stop);
    device.world().broken = true;
    let d0 = attributes("D0", 'A', 'E', 'E');
    assert_eq!(hsm.key_generate(&d0, 16).err(), Some(Error::Storage));
    assert_eq!(hsm.status().slots.1, 0);
    device.world().broken = false;
    let made = hsm.key_generate(&d0, 16).unwrap().key;
    let kbpk = key(&mut hsm, "K1", 'A', 'E', 5);
    device.world().broken = true;
    // The record of what was refused waits; until it is written nothing more is done.
    let mut out = [0; 200];
    assert_eq!(hsm.key_block_export(kbpk, made, &mut out), Err(Error::Storage));
    assert_eq!(out, [0; 200]);
    device.world().broken = false;
    hsm.key_block_export(kbpk, made, &mut out).unwrap();
    assert_eq!(*events(&hsm).last().unwrap(), LogEvent::KeyExport);
}

#[test]
fn a_status_message_names_the_end_of_the_log() {
    use payhsm::mac::Mac;
    let device = Device::new(1);
    let mut hsm = logged(&device, WhenFull::Stop);
    let key = key(&mut hsm, "M6", 'A', 'C', 3);
    let method = payhsm::hsm::MacMethod::CMAC;
    assert!(hsm.mac_verify(key.into(), method, b"message", &[0; 16]).is_err());
    let mut out = [0; 92];
    hsm.status_message(b"nonce of 16 byte", &mut out).unwrap();
    let last = status(&hsm).last;
    assert_eq!(&out[..6], b"PHST\x01\x01");
    assert_eq!(out[6..16], [0, 8, 0, 1, 0, 2, 0, 0, 0, 1]);
    assert_eq!(out[28..36], last.sequence.to_be_bytes());
    assert_eq!(out[36..52], last.tag);
    assert_eq!(&out[60..76], b"nonce of 16 byte");
    let mut mac = payhsm::mac::cmac::CmacAes::new(log_key_bytes().as_slice()).unwrap();
    mac.update(&out[..76]);
    mac.verify(&out[76..]).unwrap();
    // The alarm of the wrong MAC waits, and is in no record.
    assert_eq!(hsm.next_event().unwrap().event, LogEvent::BadMac);
    assert!(!events(&hsm).contains(&LogEvent::BadMac));
}

fn log_key_bytes() -> Vec<u8> {
    use payhsm::mac::Mac;
    let mut mac = payhsm::mac::cmac::CmacAes::new(&[0x5A; 32]).unwrap();
    mac.update(b"\x01audit log\x00\x00\x80");
    let mut out = vec![0; 16];
    mac.finish(&mut out).unwrap();
    out
}
