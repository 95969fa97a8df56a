// SPDX-License-Identifier: MIT OR Apache-2.0
//! K. Faults, random numbers, clock, log; of L what shows in texts.

use payhsm::error::Error;
use payhsm::hsm::audit::{Position, RECORD_LEN, Record, WhenFull, verify};
use payhsm::hsm::{LogEvent, MacMethod, PinLimits};
use payhsm::key::role::MacKey;
use payhsm::key::{Aes, Key};
use payhsm::keyblock::optional::CheckMethod;
use payhsm::mac::Mac;
use payhsm::pin::block::Format;
use payhsm::pin::pan::Pan;
use payhsm::policy::Policy;

use crate::a::pin;
use crate::catalogue::{attack, attack_fails, figure, is_full};
use crate::common::card::PAN;
use crate::common::{Device, key, module, start_limited, value};

/// Unpredictable numbers are the module's: a source that stands still gives none, and none is taken from the caller.
#[test]
fn g01_unpredictable_numbers_are_the_modules() {
    attack("G01", Error::Entropy, || {
        let device = Device::new(1);
        let mut hsm = module(&device);
        device.world().entropy_stuck = true;
        let mut number = [0xA5; 4];
        for _ in 0..8 {
            let result = hsm.random(&mut number);
            assert_eq!(number == [0; 4], result.is_err());
            result?;
        }
        Ok(())
    });
    // Repetitions among numbers of four bytes: 116 in a million are as many as chance gives, 29 in 500,000.
    let mut hsm = module(&Device::new(2));
    let draws = if is_full() { 1_000_000 } else { 20_000_u32 };
    let mut seen = std::collections::BTreeSet::new();
    let repeats = (0..draws).filter(|_| {
        let mut number = [0; 4];
        hsm.random(&mut number).unwrap();
        !seen.insert(number)
    });
    let repeats = repeats.count();
    figure("G01", &format!("{repeats} repetitions in {draws} numbers"));
    assert!(repeats <= if draws == 1_000_000 { 149 } else { 3 });
}

/// A source that fails has failed for good.
#[test]
fn k03_a_failed_source_stays_failed() {
    attack("K03", Error::Entropy, || {
        let device = Device::new(1);
        let mut hsm = module(&device);
        device.world().entropy_stuck = true;
        let mut out = [0; 32];
        let result = hsm.random(&mut out);
        device.world().entropy_stuck = false;
        if result.is_err() {
            // Latched: that it works again does not help.
            assert_eq!(hsm.random(&mut out), Err(Error::Entropy));
            assert_eq!(out, [0; 32]);
        }
        result
    });
    let device = Device::new(1);
    let mut hsm = module(&device);
    device.world().entropy_fails_in = Some(0);
    let mut out = [0xA5; 8];
    assert_eq!((hsm.random(&mut out), out), (Err(Error::Entropy), [0; 8]));
}

/// A clock that goes back, stands still or jumps gives no more than its time is worth.
#[test]
fn k04_no_clock_loosens_a_limit() {
    let pan = Pan::parse(PAN).unwrap();
    attack_fails("K04", || {
        let device = Device::new(1);
        let hour = 3_600_000_u64;
        device.world().now = Some(100 * hour);
        let mut hsm = start_limited(&device, Policy::STRICT, 2, 0, PinLimits::default()).unwrap();
        let own = key(&mut hsm, "P0", 'T', 'E', 60);
        let mut entries = 0;
        // Back and forth between the same two hours, and not a minute more than one of them.
        for round in 0..200_u64 {
            for now in [100 * hour, 99 * hour, 0, 100 * hour + round * 1000, 101 * hour] {
                device.world().now = Some(now);
                let mut out = [0; 16];
                entries += u32::from(
                    hsm.pin_encipher(own.into(), Format::Iso0, &pan, &pin("4273"), &mut out)
                        .is_ok(),
                );
            }
        }
        figure("K04", &format!("{entries} entries in an hour that was lived 200 times"));
        entries > 121
    });
}

/// Lets commands with keys, PINs and cards fill so many records, and looks for what is secret or an account in each.
fn secrets_in_records(wanted: u64) -> (u64, usize) {
    let device = Device::new(1);
    let memory: &'static mut [Record] = Box::leak(vec![Record::EMPTY; 64].into_boxed_slice());
    let mut hsm = module(&device);
    hsm.audit_open(memory, WhenFull::Overwrite).unwrap();
    let pan = Pan::parse(PAN).unwrap();
    let accounts: [Vec<u8>; 3] = [
        PAN.to_vec(),
        PAN.chunks(2)
            .map(|pair| (pair[0] - b'0') << 4 | (pair[1] - b'0'))
            .collect(),
        PAN.iter().map(|digit| digit - b'0').collect(),
    ];
    let own = key(&mut hsm, "P0", 'T', 'E', 60);
    let (mut records, mut next, mut found, mut seed) = (0, 0, 0, 0_u8);
    while records < wanted {
        seed = 0x80 | (seed + 1) & 0x3F;
        let data = key(&mut hsm, "M3", 'T', 'C', seed);
        let mut block = [0; 16];
        hsm.pin_encipher(own.into(), Format::Iso0, &pan, &pin("4273"), &mut block)
            .unwrap();
        assert!(hsm.mac_verify(data.into(), MacMethod::X9_19, PAN, &block[..8]).is_err());
        assert!(hsm.key_check(data, CheckMethod::Cmac, &[0; 5]).is_err());
        hsm.audit_note(&[seed; 8], Some(&pan)).unwrap();
        hsm.key_erase(data).unwrap();
        let mut text = [0; 16 * RECORD_LEN];
        let (len, after) = hsm.audit_read(next, &mut text).unwrap();
        records += after - next;
        next = after;
        let text = &text[..len];
        let (material, pin_key) = (value(seed, 16), value(60, 16));
        let secrets = [
            &material[..8],
            &material[8..],
            &pin_key[..8],
            &pin_key[8..],
            &block[..8],
            b"4273",
        ];
        for secret in secrets.into_iter().chain(accounts.iter().map(Vec::as_slice)) {
            found += text.windows(secret.len()).filter(|window| *window == secret).count();
        }
    }
    (records, found)
}

/// What a verifier away from the device finds.
#[test]
fn k07_the_log_is_whole() {
    let log_key = || {
        let mut mac = payhsm::mac::cmac::CmacAes::new(&[0x5A; 32]).unwrap();
        mac.update(b"\x01audit log\x00\x00\x80");
        let mut out = [0; 16];
        mac.finish(&mut out).unwrap();
        Key::<MacKey, Aes>::from_bytes(&out).unwrap()
    };
    let memory: &'static mut [Record] = Box::leak(vec![Record::EMPTY; 32].into_boxed_slice());
    let mut hsm = module(&Device::new(1));
    hsm.audit_open(memory, WhenFull::Stop).unwrap();
    for seed in 0..8 {
        let own = key(&mut hsm, "D0", 'T', 'B', 60 + seed);
        hsm.key_erase(own).unwrap();
    }
    let mut text = vec![0; 32 * RECORD_LEN];
    let (len, _) = hsm.audit_read(0, &mut text).unwrap();
    text.truncate(len);
    let last: Position = hsm.audit_status().unwrap().last;
    assert!(verify(&log_key(), &text, None, Some(&last)).is_ok());
    let records: Vec<Vec<u8>> = text.chunks(RECORD_LEN).map(<[u8]>::to_vec).collect();
    let check = |records: &[Vec<u8>]| verify(&log_key(), &records.concat(), Some(&Position::START), Some(&last));
    let mut changes: Vec<Vec<Vec<u8>>> = Vec::new();
    for at in 0..records.len() {
        let mut without = records.clone();
        without.remove(at);
        changes.push(without);
        let mut twice = records.clone();
        twice.insert(at, records[at].clone());
        changes.push(twice);
        let mut altered = records.clone();
        altered[at][17] ^= 1;
        changes.push(altered);
        if at > 0 {
            let mut swapped = records.clone();
            swapped.swap(at - 1, at);
            changes.push(swapped);
        }
        changes.push(records[..at].to_vec());
    }
    let mut found = 0;
    for change in changes.iter().filter(|change| !change.is_empty()) {
        assert_eq!(check(change), Err(Error::VerificationFailed));
        found += 1;
    }
    assert_eq!(found, 83);
    for change in changes.iter().filter(|change| !change.is_empty()).take(5) {
        attack("K07", Error::VerificationFailed, || check(change));
    }
    // No key, no part of one, no account.
    for secret in [&value(60, 16)[..8], PAN] {
        assert!(!text.windows(secret.len()).any(|window| window == secret));
    }
    let (records, found) = secrets_in_records(if is_full() { 100_000 } else { 2000 });
    assert_eq!(found, 0);
    figure(
        "K07",
        &format!("83 changed logs are found; {found} secrets in {records} records"),
    );
    assert!(text.chunks(RECORD_LEN).all(|bytes| {
        let record = Record::from_bytes(bytes.try_into().unwrap());
        record.entry().event.is_none_or(|event| event != LogEvent::Tamper)
    }));
}

/// What the library prints of a secret.
#[test]
fn l05_no_secret_in_a_text() {
    attack_fails("L05", || {
        let entered = pin("4273");
        let shown = format!("{entered:?} {:?}", module(&Device::new(1)));
        shown.contains("4, 2, 7, 3") || shown.contains("4273")
    });
    let shown = format!("{:?}", Pan::parse(PAN).unwrap());
    assert!(!shown.contains(core::str::from_utf8(PAN).unwrap()), "{shown}");
    // No command gives a key.
    for text in crate::common::command_sources() {
        for function in text.split("pub fn ").skip(1) {
            let head = function.split('{').next().unwrap();
            assert!(
                !head.starts_with("key_value") && !head.starts_with("key_material") && !head.starts_with("key_get")
            );
        }
    }
}
