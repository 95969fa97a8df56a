// SPDX-License-Identifier: MIT OR Apache-2.0
//! The update of an AES initial key: what it changes, what it refuses, and a fault at every operation of the storage.

use payhsm::dukpt::aes;
use payhsm::error::Error;
use payhsm::hsm::{GroupHandle, KeyHandle, MacMethod, State};
use payhsm::key::role::{InitialKey, UpdateKey};
use payhsm::key::{Aes, Key};
use payhsm::keyblock::Profile;
use payhsm::keyblock::optional::Optional;
use payhsm::policy::Policy;

use crate::common::{
    AES_ID, Device, FAULTS, Fault, Module, PROFILE, attributes, block, block_tdea, initial_key, key, load_kbpk, module,
    start, value,
};

const NEW_ID: [u8; 8] = [0x12, 0x34, 0x56, 0x78, 0xAA, 0xAA, 0xAA, 0x01];

/// A terminal with the initial key of `AES_ID`, and its host.
struct Rig {
    device: Device,
    terminal: Module,
    kbpk: KeyHandle,
    group: GroupHandle,
    host: Module,
    bdk: KeyHandle,
    new_bdk: KeyHandle,
}

impl Rig {
    fn new() -> Self {
        let mut host = start(&Device::new(1), Policy::STRICT, 8, 2).unwrap();
        let bdk = key(&mut host, "B0", 'A', 'X', 40);
        let new_bdk = key(&mut host, "B0", 'A', 'X', 42);
        let wrapping = key(&mut host, "K1", 'A', 'E', crate::common::KBPK_SEED);
        let mut text = [0; 256];
        let (len, _) = host
            .dukpt_export_initial_key(bdk, &AES_ID, wrapping, &mut text)
            .unwrap();
        let device = Device::new(2);
        let mut terminal = module(&device);
        let kbpk = load_kbpk(&mut terminal);
        let (group, _) = terminal.dukpt_load(kbpk, &text[..len], PROFILE).unwrap();
        Self {
            device,
            terminal,
            kbpk,
            group,
            host,
            bdk,
            new_bdk,
        }
    }

    fn export(&mut self) -> Vec<u8> {
        let mut text = [0; 256];
        let (len, _) = self
            .host
            .dukpt_export_update(self.bdk, &AES_ID, self.new_bdk, &NEW_ID, &mut text)
            .unwrap();
        assert!(text[len..].iter().all(|&byte| byte == 0));
        text[..len].to_vec()
    }

    /// The terminal's next transaction, which the host has under `bdk`.
    fn agree(&mut self, bdk: KeyHandle) -> (Vec<u8>, u32) {
        let (own, ksn) = self.terminal.dukpt_begin(self.group).unwrap();
        let mut mac = [0; 8];
        self.terminal
            .mac_generate(own.into(), MacMethod::CMAC, b"message", &mut mac)
            .unwrap();
        let other = self.host.dukpt_derive(bdk, ksn.as_bytes()).unwrap();
        self.host
            .mac_verify(other.into(), MacMethod::CMAC, b"message", &mac)
            .unwrap();
        self.host.transaction_end(other).unwrap();
        (ksn.as_bytes()[..8].to_vec(), ksn.counter())
    }
}

/// The update key of the rig's first initial key.
fn update_key() -> Vec<u8> {
    let bdk = Key::from_bytes(&value(40, 16)).unwrap();
    let id = aes::InitialKeyId::parse(&AES_ID).unwrap();
    let (mut ik, mut key) = (Key::<InitialKey, Aes>::empty(), Key::<UpdateKey, Aes>::empty());
    aes::Host::initial_key(&bdk, &id, &mut ik).unwrap();
    aes::update_key(&ik, &id, aes::KeyType::Aes128, &mut key).unwrap();
    key.expose_bytes().to_vec()
}

fn ik_block(text: &str) -> Optional<'_> {
    Optional::new(*b"IK", text.as_bytes()).unwrap()
}

#[test]
fn an_update_begins_a_new_life() {
    let mut rig = Rig::new();
    let bdk = rig.bdk;
    for counter in 1..=3 {
        assert_eq!(rig.agree(bdk), (AES_ID.to_vec(), counter));
    }
    let (open, _) = rig.terminal.dukpt_begin(rig.group).unwrap();
    let mut text = [0xA5; 256];
    let (len, check) = rig
        .host
        .dukpt_export_update(rig.bdk, &AES_ID, rig.new_bdk, &NEW_ID, &mut text)
        .unwrap();
    let text = &text[..len];
    assert_eq!((text[0], &text[5..12]), (b'D', &b"B1AX00N"[..]));

    let info = rig.terminal.dukpt_update(rig.group, text, PROFILE).unwrap();
    assert_eq!(info.check, Some(check));
    let next = info.next.unwrap();
    assert_eq!((&next.as_bytes()[..8], next.counter()), (&NEW_ID[..], 1));
    // The transaction that was open is over.
    assert_eq!(rig.terminal.transaction_ksn(open).err(), Some(Error::InvalidHandle));
    let new_bdk = rig.new_bdk;
    for counter in 1..=2 {
        assert_eq!(rig.agree(new_bdk), (NEW_ID.to_vec(), counter));
    }
    // The block opens nothing any more, and neither identity comes back.
    assert_eq!(
        rig.terminal.dukpt_update(rig.group, text, PROFILE).err(),
        Some(Error::VerificationFailed)
    );
    for id in [AES_ID, NEW_ID] {
        let text: String = id.iter().map(|byte| format!("{byte:02X}")).collect();
        let again = block(
            &value(crate::common::KBPK_SEED, 16),
            &attributes("B1", 'A', 'X', 'N'),
            &value(33, 16),
            &[ik_block(&text)],
        );
        let result = rig.terminal.dukpt_load(rig.kbpk, &again, PROFILE);
        assert_eq!(result.err(), Some(Error::CounterReplayed));
    }
    // After a restart as well.
    drop(rig.terminal);
    let mut terminal = module(&rig.device);
    let (group, info) = terminal.dukpt_find(0).unwrap();
    let next = info.next.unwrap();
    assert_eq!((&next.as_bytes()[..8], next.counter()), (&NEW_ID[..], 3));
    assert_eq!(terminal.dukpt_begin(group).unwrap().1.counter(), 3);
}

/// Whatever is wrong with the block, or with who calls: the group goes on with the old key, and nothing was stored.
#[test]
fn refused_updates_change_nothing() {
    let mut rig = Rig::new();
    rig.terminal.dukpt_begin(rig.group).unwrap();
    let good = rig.export();
    let under = update_key();
    let b1 = attributes("B1", 'A', 'X', 'N');
    let new_id = "12345678AAAAAAA1";
    // Another group, whose identity is in use.
    rig.terminal
        .dukpt_load(rig.kbpk, &initial_key('A', 0x77, &value(35, 16)), PROFILE)
        .map(|_| ())
        .unwrap();
    let in_use = "1234567890123477";
    let mut cases: Vec<(Vec<u8>, Error)> = vec![
        (block(&under, &b1, &value(31, 16), &[]), Error::KeyBlockOptional),
        (
            block(
                &under,
                &b1,
                &value(31, 16),
                &[Optional::new(*b"KS", b"FFFF9876543210E00000").unwrap()],
            ),
            Error::KeyBlockOptional,
        ),
        (
            block(
                &under,
                &attributes("K1", 'A', 'D', 'N'),
                &value(31, 16),
                &[ik_block(new_id)],
            ),
            Error::UsageNotPermitted,
        ),
        (
            block(
                &under,
                &attributes("B0", 'A', 'X', 'N'),
                &value(31, 16),
                &[ik_block(new_id)],
            ),
            Error::UsageNotPermitted,
        ),
        (
            block(
                &under,
                &attributes("B1", 'A', 'N', 'N'),
                &value(31, 16),
                &[ik_block(new_id)],
            ),
            Error::ModeNotPermitted,
        ),
        (
            block(
                &under,
                &attributes("B1", 'T', 'X', 'N'),
                &value(31, 16),
                &[ik_block(new_id)],
            ),
            Error::AlgorithmMismatch,
        ),
        (
            block_tdea(&under, &b1, &value(31, 16), &[ik_block(new_id)]),
            Error::KeyBlockVersion,
        ),
        (
            block(&under, &b1, &value(31, 32), &[ik_block(new_id)]),
            Error::KeyStrength,
        ),
        (block(&under, &b1, &[0; 16], &[ik_block(new_id)]), Error::WeakKey),
        (
            block(&under, &b1, &value(31, 16), &[ik_block("1234567890123456")]),
            Error::CounterReplayed,
        ),
        (
            block(&under, &b1, &value(31, 16), &[ik_block(in_use)]),
            Error::CounterReplayed,
        ),
        // A key that a slot has: the KBPK.
        (
            block(&under, &b1, &value(crate::common::KBPK_SEED, 16), &[ik_block(new_id)]),
            Error::VerificationFailed,
        ),
        // Under the KBPK of initial keys.
        (
            block(
                &value(crate::common::KBPK_SEED, 16),
                &b1,
                &value(31, 16),
                &[ik_block(new_id)],
            ),
            Error::VerificationFailed,
        ),
        (good[..good.len() - 1].to_vec(), Error::KeyBlockLength),
        (Vec::new(), Error::KeyBlockLength),
    ];
    // The body and the authenticator, digit by digit.
    for at in good.len() - 96..good.len() {
        let mut changed = good.clone();
        changed[at] = if changed[at] == b'0' { b'1' } else { b'0' };
        cases.push((changed, Error::VerificationFailed));
    }
    let before = (rig.device.world().records.clone(), rig.terminal.dukpt_find(0));
    for (text, error) in cases {
        let result = rig.terminal.dukpt_update(rig.group, &text, Profile::Tr31_2018);
        let expected = match result {
            // What a header lacks may be told in more than one way.
            Err(Error::KeyBlockVersion) if text.is_empty() => Error::KeyBlockVersion,
            _ => error,
        };
        assert_eq!(result.err(), Some(expected), "{}", String::from_utf8_lossy(&text));
        assert_eq!((rig.device.world().records.clone(), rig.terminal.dukpt_find(0)), before);
    }
    // TDEA has no update, and a group that was erased none either.
    let mut other = module(&Device::new(6));
    let kbpk = load_kbpk(&mut other);
    let (group, _) = other
        .dukpt_load(kbpk, &initial_key('T', 1, &value(30, 16)), PROFILE)
        .unwrap();
    assert_eq!(
        other.dukpt_update(group, &good, PROFILE).err(),
        Some(Error::AlgorithmMismatch)
    );
    other.dukpt_erase(group).unwrap();
    assert_eq!(
        other.dukpt_update(group, &good, PROFILE).err(),
        Some(Error::InvalidHandle)
    );
    // The right one works after all that.
    let bdk = rig.bdk;
    assert_eq!(rig.agree(bdk).1, 2);
    rig.terminal.dukpt_update(rig.group, &good, PROFILE).unwrap();
    let new_bdk = rig.new_bdk;
    assert_eq!(rig.agree(new_bdk), (NEW_ID.to_vec(), 1));
}

/// A longer or shorter initial key than the one it replaces.
#[test]
fn an_update_keeps_the_length() {
    let mut host = start(&Device::new(1), Policy::STRICT, 8, 2).unwrap();
    let bdks = [16, 24, 32].map(|len| {
        let material = value(u8::try_from(len).unwrap(), len);
        crate::common::ceremony(&mut host, &attributes("B0", 'A', 'X', 'N'), &material).unwrap()
    });
    let tdea = key(&mut host, "B0", 'T', 'X', 40);
    let mut text = [0xA5; 256];
    let mut export = |bdk, id: &[u8], new_bdk, new_id: &[u8]| {
        text.fill(0xA5);
        let result = host.dukpt_export_update(bdk, id, new_bdk, new_id, &mut text);
        if result.is_err() {
            assert_eq!(text, [0; 256]);
        }
        result.map(|(len, _)| len)
    };
    for (own, bdk) in bdks.into_iter().enumerate() {
        for (new, new_bdk) in bdks.into_iter().enumerate() {
            let result = export(bdk, &AES_ID, new_bdk, &NEW_ID);
            match own.cmp(&new) {
                core::cmp::Ordering::Less => assert_eq!(result, Err(Error::KeyStrength)),
                core::cmp::Ordering::Greater => assert_eq!(result, Err(Error::InvalidKeyLength)),
                core::cmp::Ordering::Equal => assert!(result.is_ok()),
            }
        }
    }
    let bdk = bdks[0];
    assert_eq!(export(bdk, &AES_ID, bdk, &AES_ID), Err(Error::CounterReplayed));
    assert_eq!(export(bdk, &AES_ID[1..], bdk, &NEW_ID), Err(Error::InvalidKsn));
    assert_eq!(export(bdk, &AES_ID, bdk, &[0; 12]), Err(Error::InvalidKsn));
    assert_eq!(export(tdea, &AES_ID, bdk, &NEW_ID), Err(Error::AlgorithmMismatch));
    assert_eq!(export(bdk, &AES_ID, tdea, &NEW_ID), Err(Error::AlgorithmMismatch));
}

/// A group takes eight initial keys in its life; the ninth update is refused and the eighth key goes on.
#[test]
fn the_group_remembers_eight() {
    let mut rig = Rig::new();
    let mut id = AES_ID;
    for n in 2..=9 {
        rig.terminal.dukpt_begin(rig.group).unwrap();
        let mut new_id = AES_ID;
        new_id[7] = n;
        let mut text = [0; 256];
        let (len, _) = rig
            .host
            .dukpt_export_update(rig.bdk, &id, rig.bdk, &new_id, &mut text)
            .unwrap();
        let result = rig.terminal.dukpt_update(rig.group, &text[..len], PROFILE);
        if n == 9 {
            assert_eq!(result.err(), Some(Error::LimitReached));
        } else {
            result.unwrap();
            id = new_id;
        }
    }
    let bdk = rig.bdk;
    assert_eq!(rig.agree(bdk), (id.to_vec(), 2));
}

fn identity_and_counter(hsm: &Module) -> Vec<(Vec<u8>, u32)> {
    (0..2)
        .filter_map(|index| hsm.dukpt_find(index).ok())
        .map(|(_, info)| {
            let ksn = info.next.unwrap();
            (ksn.as_bytes()[..8].to_vec(), ksn.counter())
        })
        .collect()
}

/// J01 to J04: at every operation of the storage every fault. The old state or the new one, whole, never both, never
/// none; a module that lives on has the old one.
#[test]
fn j01_faults_in_an_update() {
    let operations = {
        let mut rig = Rig::new();
        rig.terminal.dukpt_begin(rig.group).unwrap();
        let text = rig.export();
        let before = rig.device.world().done;
        rig.terminal.dukpt_update(rig.group, &text, PROFILE).unwrap();
        rig.device.world().done - before
    };
    let old = (AES_ID.to_vec(), 2);
    let new = (NEW_ID.to_vec(), 1);
    let (mut olds, mut news) = (0, 0);
    // Most operations look for the key in other groups' records, all alike: a few of them, and all that write.
    let looked_at = (0..6)
        .chain((6..operations - 8).step_by(50))
        .chain(operations - 8..operations);
    for at in looked_at {
        for fault in FAULTS {
            let mut rig = Rig::new();
            rig.terminal.dukpt_begin(rig.group).unwrap();
            let text = rig.export();
            let done = rig.device.world().done;
            rig.device.world().fault = Some((done + at, fault));
            let result = rig.terminal.dukpt_update(rig.group, &text, PROFILE);
            assert_eq!(result.err(), Some(Error::Storage), "{fault:?} at {at}");
            // Here it is as it was.
            assert_eq!(identity_and_counter(&rig.terminal), core::slice::from_ref(&old));
            let is_cut = !matches!(fault, Fault::Error | Fault::ErrorAfter);
            if is_cut {
                // No power: nothing goes on, and nothing else takes the key.
                assert_eq!(rig.terminal.dukpt_begin(rig.group).err(), Some(Error::Storage));
            }
            let records = rig.device.world().records.clone();
            let device = Device::new(3);
            device.world().records = records;
            let mut terminal = module(&device);
            assert_eq!(terminal.status().state, State::Operational, "{fault:?} at {at}");
            let found = identity_and_counter(&terminal);
            assert_eq!(found.len(), 1);
            let (group, _) = terminal.dukpt_find(0).unwrap();
            if found[0] == new {
                assert!(is_cut, "{fault:?} at {at}");
                news += 1;
                assert_eq!(terminal.dukpt_begin(group).unwrap().1.counter(), 1);
            } else {
                assert_eq!(found[0], old, "{fault:?} at {at}");
                olds += 1;
                // It goes on, and the update can be made again.
                assert_eq!(terminal.dukpt_begin(group).unwrap().1.counter(), 2);
                terminal.dukpt_update(group, &text, PROFILE).unwrap();
                assert_eq!(identity_and_counter(&terminal), core::slice::from_ref(&new));
            }
            if !is_cut {
                // Without a restart as well.
                let bdk = rig.bdk;
                assert_eq!(rig.agree(bdk), old);
                rig.terminal.dukpt_update(rig.group, &text, PROFILE).unwrap();
                let new_bdk = rig.new_bdk;
                assert_eq!(rig.agree(new_bdk), new);
            }
        }
    }
    assert!(olds > 40 && news > 3, "{olds} {news}");
}

/// J04: while it is not known what a failed update left, no other group takes the key that may have come.
#[test]
fn j04_a_failed_update_has_no_twin() {
    let mut twins = 0;
    for back in 0..8 {
        let mut rig = Rig::new();
        rig.terminal.dukpt_begin(rig.group).unwrap();
        let text = rig.export();
        let operations = {
            let mut other = Rig::new();
            other.terminal.dukpt_begin(other.group).unwrap();
            let text = other.export();
            let before = other.device.world().done;
            other.terminal.dukpt_update(other.group, &text, PROFILE).unwrap();
            other.device.world().done - before
        };
        let done = rig.device.world().done;
        rig.device.world().fault = Some((done + operations - 1 - back, Fault::CutAfter));
        let result = rig.terminal.dukpt_update(rig.group, &text, PROFILE);
        assert_eq!(result.err(), Some(Error::Storage));
        // The same identity for another group.
        let again = block(
            &value(crate::common::KBPK_SEED, 16),
            &attributes("B1", 'A', 'X', 'N'),
            &value(33, 16),
            &[ik_block("12345678AAAAAA01")],
        );
        for _ in 0..2 {
            let result = rig.terminal.dukpt_load(rig.kbpk, &again, PROFILE);
            assert_eq!(result.err(), Some(Error::Storage));
        }
        // The storage is back without a restart: the old state is written again, and then there is room.
        rig.device.boot(None);
        let loaded = rig.terminal.dukpt_load(rig.kbpk, &again, PROFILE);
        twins += usize::from(loaded.is_ok());
        let found = identity_and_counter(&rig.terminal);
        drop(rig.terminal);
        let terminal = module(&rig.device);
        assert_eq!(terminal.status().state, State::Operational);
        assert_eq!(identity_and_counter(&terminal), found);
    }
    assert!(twins > 0);
}
