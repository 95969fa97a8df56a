// SPDX-License-Identifier: MIT OR Apache-2.0
//! F. DUKPT.

use std::collections::BTreeSet;

use payhsm::dukpt::{Unstored, tdes};
use payhsm::error::Error;
use payhsm::hsm::{GroupHandle, KeyRef};
use payhsm::key::role::InitialKey;
use payhsm::key::{Key, Tdea};
use payhsm::pin::block::Format;
use payhsm::pin::pan::Pan;
use payhsm::policy::Policy;

use crate::a::pin;
use crate::catalogue::{attack, attack_fails, figure, is_full};
use crate::common::card::PAN;
use crate::common::{
    AES_ID, Device, Fault, KBPK_SEED, Module, PROFILE, TDEA_ID, initial_key, key, load_kbpk, module, start, value,
};

fn loaded(device: &Device, algorithm: char) -> (Module, GroupHandle) {
    let mut hsm = module(device);
    let kbpk = load_kbpk(&mut hsm);
    let text = initial_key(algorithm, 1, &value(30, 16));
    let (group, _) = hsm.dukpt_load(kbpk, &text, PROFILE).unwrap();
    (hsm, group)
}

fn terminal() -> (tdes::Terminal, Key<InitialKey, Tdea>, tdes::InitialKeyId) {
    let id = tdes::InitialKeyId::parse(&TDEA_ID).unwrap();
    let (mut terminal, mut ik) = (tdes::Terminal::empty(), Key::from_bytes(&value(30, 16)).unwrap());
    terminal.load(&mut ik, &id, &mut Unstored).unwrap();
    (terminal, Key::from_bytes(&value(30, 16)).unwrap(), id)
}

/// The counter rises through a whole life, and no key comes twice; whatever the storage does.
#[test]
fn f01_no_key_is_given_out_twice() {
    let (mut terminal, _, _) = terminal();
    let (mut last, mut keys, mut out) = (0, BTreeSet::new(), tdes::Transaction::empty());
    let steps = if is_full() { usize::MAX } else { 3_000 };
    let mut end = None;
    for _ in 0..steps {
        match terminal.step(&mut Unstored, &mut out) {
            Ok(ksn) => {
                assert!(ksn.counter() > last && ksn.counter().count_ones() <= 10);
                last = ksn.counter();
                assert!(keys.insert(<[u8; 16]>::try_from(out.key_bytes()).unwrap()));
            }
            Err(error) => {
                end = Some(error);
                break;
            }
        }
    }
    figure(
        "F01",
        &format!("{} keys, all different; the last counter {last:06X}", keys.len()),
    );
    if is_full() {
        assert_eq!(
            (end, last, keys.len()),
            (Some(Error::CounterExhausted), 0x1F_F800, 1_048_575)
        );
        assert_eq!(terminal.step(&mut Unstored, &mut out), Err(Error::CounterExhausted));
    }
    // A key that the storage does not know of is not given out: after a start it would be given out again.
    attack("F01", Error::Storage, || {
        let device = Device::new(1);
        let (mut hsm, group) = loaded(&device, 'T');
        device.boot(Some((0, Fault::CutBefore)));
        let (_, first) = hsm.dukpt_begin(group)?;
        device.boot(None);
        let mut hsm = module(&device);
        let (group, _) = hsm.dukpt_find(0)?;
        let (_, again) = hsm.dukpt_begin(group)?;
        if first == again { Ok(()) } else { Err(Error::Internal) }
    });
}

/// The initial key once more, to begin its counter again.
#[test]
fn f02_a_used_initial_key_is_not_loaded_again() {
    for algorithm in ['T', 'A'] {
        attack("F02", Error::CounterReplayed, || {
            let device = Device::new(1);
            let (mut hsm, group) = loaded(&device, algorithm);
            hsm.dukpt_begin(group)?;
            hsm.dukpt_begin(group)?;
            hsm.dukpt_erase(group)?;
            drop(hsm);
            let mut hsm = module(&device);
            let kbpk = load_kbpk(&mut hsm);
            hsm.dukpt_load(kbpk, &initial_key(algorithm, 1, &value(30, 16)), PROFILE)
        });
    }
}

/// The state after a transaction has no way back to its key.
#[test]
fn f04_past_keys_are_gone() {
    let steps = if is_full() { 1_000 } else { 150 };
    attack_fails("F04", || {
        let (mut terminal, ik, id) = terminal();
        let mut past: BTreeSet<[u8; 16]> = [<[u8; 16]>::try_from(ik.expose_bytes()).unwrap()].into();
        let (mut out, mut found) = (tdes::Transaction::empty(), 0);
        for _ in 0..steps {
            let ksn = terminal.step(&mut Unstored, &mut out).unwrap();
            assert_eq!(id, ksn.initial_key_id());
            past.insert(out.key_bytes().try_into().unwrap());
            let mut image = [0; tdes::Terminal::SNAPSHOT_LEN];
            terminal.snapshot(&mut image).unwrap();
            found += image[24..]
                .chunks_exact(16)
                .filter(|register| past.contains(*register))
                .count();
        }
        figure("F04", &format!("{found} past keys in {steps} states"));
        found > 0
    });
}

/// One KSN, one PIN.
#[test]
fn f05_one_ksn_one_use() {
    let pan = Pan::parse(PAN).unwrap();
    attack("F05", Error::LimitReached, || {
        let device = Device::new(1);
        let (mut hsm, group) = loaded(&device, 'T');
        let (transaction, _) = hsm.dukpt_begin(group)?;
        let (own, mut out) = (KeyRef::from(transaction), [0; 16]);
        hsm.pin_encipher(own, Format::Iso0, &pan, &pin("4273"), &mut out)?;
        let result = hsm.pin_encipher(own, Format::Iso0, &pan, &pin("1234"), &mut out);
        assert_eq!(out == [0; 16], result.is_err());
        result
    });
    attack("F05", Error::LimitReached, || {
        let device = Device::new(1);
        let (mut hsm, group) = loaded(&device, 'A');
        let (transaction, _) = hsm.dukpt_begin(group)?;
        let own = KeyRef::from(transaction);
        hsm.data_encipher(own, &[0; 16], &mut [1; 16])?;
        let mut data = [2; 16];
        let result = hsm.data_encipher(own, &[0; 16], &mut data);
        assert_eq!(data == [0; 16], result.is_err());
        result
    });
}

/// Counters that are none, that the device has seen, or of nobody.
#[test]
fn f06_counters_at_the_host() {
    let ksn = |counter: u32| {
        let mut ksn = TDEA_ID;
        let [_, a, b, c] = counter.to_be_bytes();
        ksn[7] |= a & 0x1F;
        (ksn[8], ksn[9]) = (b, c);
        ksn
    };
    let host = |device: &Device| {
        let mut hsm = start(device, Policy::STRICT, 3, 2).unwrap();
        let bdk = key(&mut hsm, "B0", 'T', 'X', 40);
        (hsm, bdk)
    };
    attack("F06", Error::CounterOverweight, || {
        let device = Device::new(1);
        let (mut hsm, bdk) = host(&device);
        let asked = device.touched();
        let result = hsm.dukpt_derive(bdk, &ksn(0x1F_FFFF));
        assert!(result.is_ok() || device.touched() == asked);
        result
    });
    attack("F06.asked", Error::CounterReplayed, || {
        let device = Device::new(1);
        let (mut hsm, bdk) = host(&device);
        device.world().answer = Some(Error::CounterReplayed);
        let result = hsm.dukpt_derive(bdk, &ksn(7));
        assert_eq!(hsm.status().groups.1, usize::from(result.is_ok()));
        result
    });
    let device = Device::new(1);
    let (mut hsm, bdk) = host(&device);
    for (text, error) in [
        (&ksn(0)[..], Error::CounterZero),
        (&ksn(1)[..9], Error::InvalidKsn),
        (&[], Error::InvalidKsn),
    ] {
        assert_eq!(hsm.dukpt_derive(bdk, text).err(), Some(error));
    }
}

/// The update of an initial key by somebody else leaves everything as it was.
#[test]
fn f07_no_update_but_the_hosts() {
    let new_id = [0x12, 0x34, 0x56, 0x78, 0x90, 0x12, 0x34, 0x99];
    let mut host = start(&Device::new(3), Policy::STRICT, 4, 1).unwrap();
    let bdk = key(&mut host, "B0", 'A', 'X', 40);
    let new_bdk = key(&mut host, "B0", 'A', 'X', 41);
    let kek = key(&mut host, "K1", 'A', 'E', KBPK_SEED);
    let (mut initial, mut update) = ([0; 256], [0; 256]);
    let (len, _) = host.dukpt_export_initial_key(bdk, &AES_ID, kek, &mut initial).unwrap();
    let (update_len, _) = host
        .dukpt_export_update(bdk, &AES_ID, new_bdk, &new_id, &mut update)
        .unwrap();
    let (initial, update) = (&initial[..len], &update[..update_len]);
    let run = |change: &dyn Fn(&mut Vec<u8>)| {
        let device = Device::new(1);
        let mut hsm = module(&device);
        let kbpk = load_kbpk(&mut hsm);
        let (group, _) = hsm.dukpt_load(kbpk, initial, PROFILE).unwrap();
        hsm.dukpt_begin(group).unwrap();
        let mut text = update.to_vec();
        change(&mut text);
        let (before, records) = (hsm.dukpt_ksn(group), device.world().records.clone());
        let result = hsm.dukpt_update(group, &text, PROFILE);
        if result.is_err() {
            assert_eq!(hsm.dukpt_ksn(group), before);
            assert_eq!(device.world().records, records);
        }
        result
    };
    assert!(run(&|_| {}).is_ok());
    attack("F07", Error::VerificationFailed, || {
        run(&|text| {
            let last = text.len() - 1;
            text[last] = if text[last] == b'0' { b'1' } else { b'0' };
        })
    });
    for (at, c) in [(0, b'B'), (4, b'9'), (40, b'!')] {
        assert!(run(&|text| text[at] = c).is_err());
    }
    // The identity that it already has.
    assert!(run(&|text| text.copy_within(0..0, 0)).is_ok());
    let mut same = [0; 256];
    let result = host.dukpt_export_update(bdk, &AES_ID, new_bdk, &AES_ID, &mut same);
    assert_eq!((result.err(), same), (Some(Error::CounterReplayed), [0; 256]));
}
