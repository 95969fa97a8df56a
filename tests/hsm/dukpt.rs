// SPDX-License-Identifier: MIT OR Apache-2.0
//! Transactions of both parties, and what a terminal remembers.

use payhsm::dukpt::tdes;
use payhsm::error::Error;
use payhsm::hsm::{GroupHandle, KeyHandle, MacMethod, TransactionHandle, TransactionKsn};
use payhsm::key::{Key, role::StorageKey};
use payhsm::keyblock::optional::Optional;
use payhsm::pin::Pin;
use payhsm::pin::block::Format;
use payhsm::pin::pan::Pan;
use payhsm::policy::{Permission, Policy};
use payhsm::store::journal::{GroupJournal, Records};
use payhsm::store::seal::{Scratch, Sealer};

use crate::common::card::PAN;
use crate::common::{
    AES_ID, Asked, Device, KBPK_SEED, Module, PERMISSIVE, PROFILE, TDEA_ID, attributes, block, initial_key, key,
    load_kbpk, module, start, value,
};
use crate::snapshots;

/// A terminal and its host.
struct Pair {
    terminal: Module,
    group: GroupHandle,
    host: Module,
    host_device: Device,
    bdk: KeyHandle,
    /// P0 of the algorithm, mode E.
    zone: KeyHandle,
    format: Format,
    method: MacMethod,
    block_len: usize,
}

impl Pair {
    fn new(algorithm: char) -> Self {
        let host_device = Device::new(1);
        let mut host = start(&host_device, Policy::STRICT, 8, 3).unwrap();
        let bdk = key(&mut host, "B0", algorithm, 'X', 40);
        let wrapping = key(&mut host, "K1", 'A', 'E', KBPK_SEED);
        let zone = key(&mut host, "P0", algorithm, 'E', 41);
        let (id, format, method, block_len): (&[u8], _, _, _) = match algorithm {
            'T' => (&TDEA_ID, Format::Iso0, MacMethod::X9_19, 8),
            _ => (&AES_ID, Format::Iso4, MacMethod::CMAC, 16),
        };
        let mut text = [0; 256];
        let (len, check) = host.dukpt_export_initial_key(bdk, id, wrapping, &mut text).unwrap();
        let mut terminal = module(&Device::new(2));
        let kbpk = load_kbpk(&mut terminal);
        let (group, info) = terminal.dukpt_load(kbpk, &text[..len], PROFILE).unwrap();
        assert_eq!(info.check, Some(check));
        assert_eq!(info.next.unwrap().counter(), 1);
        Self {
            terminal,
            group,
            host,
            host_device,
            bdk,
            zone,
            format,
            method,
            block_len,
        }
    }

    /// The same transaction at both ends.
    fn transaction(&mut self) -> (TransactionHandle, TransactionHandle, TransactionKsn) {
        let (at_terminal, ksn) = self.terminal.dukpt_begin(self.group).unwrap();
        let at_host = self.host.dukpt_derive(self.bdk, ksn.as_bytes()).unwrap();
        assert_eq!(self.host.transaction_ksn(at_host), Ok(ksn));
        assert_eq!(self.terminal.transaction_ksn(at_terminal), Ok(ksn));
        (at_terminal, at_host, ksn)
    }
}

fn pin() -> Pin {
    Pin::from_entry(4, &[1, 2, 3, 4, 0, 0, 0, 0, 0, 0, 0, 0]).unwrap()
}

fn pan() -> Pan {
    Pan::parse(PAN).unwrap()
}

/// F05: one PIN and one message of data for each direction, and a caller's slip does not use them up.
#[test]
fn f05_a_transaction_serves_once() {
    for algorithm in ['T', 'A'] {
        let mut pair = Pair::new(algorithm);
        let (at_terminal, at_host, _) = pair.transaction();
        let (terminal, own, format) = (&mut pair.terminal, at_terminal.into(), pair.format);
        let iv = vec![0; pair.block_len];
        let message = vec![0x42; 32];

        // The terminal's slips.
        let mut out = [0xA5; 16];
        let wrong = match algorithm {
            'T' => &[Format::Iso1, Format::Iso2, Format::Iso4][..],
            _ => &[Format::Iso0, Format::Iso1, Format::Iso2, Format::Iso3],
        };
        for &wrong in wrong {
            let result = terminal.pin_encipher(own, wrong, &pan(), &pin(), &mut out);
            assert_eq!((result, out), (Err(Error::FormatNotPermitted), [0; 16]), "{wrong:?}");
        }
        if algorithm == 'T' {
            let short = Pan::parse(b"476173900101").unwrap();
            let result = terminal.pin_encipher(own, format, &short, &pin(), &mut out);
            assert_eq!(result, Err(Error::InvalidPan));
        }
        let result = terminal.pin_encipher(own, format, &pan(), &Pin::empty(), &mut out);
        assert_eq!(result, Err(Error::InvalidPin));
        for (iv, len) in [(&iv[..], 31), (&iv[1..], 32), (&[0; 17][..], 32), (&[], 32)] {
            let mut data = message[..len].to_vec();
            assert_eq!(terminal.data_encipher(own, iv, &mut data), Err(Error::InvalidLength));
            assert_eq!(data, vec![0; len]);
            assert_eq!(
                terminal.data_decipher(own, iv, &mut message[..len].to_vec()),
                Err(Error::InvalidLength)
            );
        }
        // Once.
        let len = terminal.pin_encipher(own, format, &pan(), &pin(), &mut out).unwrap();
        let pin_block = out[..len].to_vec();
        assert_eq!(out[len..], [0; 16][len..]);
        let result = terminal.pin_encipher(own, format, &pan(), &pin(), &mut out);
        assert_eq!((result, out), (Err(Error::LimitReached), [0; 16]));
        let mut request = message.clone();
        terminal.data_encipher(own, &iv, &mut request).unwrap();
        let mut again = message.clone();
        assert_eq!(terminal.data_encipher(own, &iv, &mut again), Err(Error::LimitReached));
        assert_eq!(again, vec![0; 32]);

        // The host's slips.
        let (host, other) = (&mut pair.host, at_host.into());
        let translate = |host: &mut Module, format, pin_block: &[u8], output, to, out: &mut [u8; 16]| {
            host.pin_translate(other, format, &pan(), pin_block, output, to, out)
        };
        let asked = pair.host_device.touched().0;
        let mut out = [0xA5; 16];
        let result = translate(host, format, &pin_block[1..], pair.zone, format, &mut out);
        assert_eq!((result, out), (Err(Error::InvalidLength), [0; 16]));
        let result = translate(host, Format::Iso1, &pin_block, pair.zone, format, &mut out);
        assert_eq!(result, Err(Error::FormatNotPermitted));
        let result = translate(host, format, &pin_block, pair.zone, Format::Iso1, &mut out);
        assert_eq!(result, Err(Error::FormatNotPermitted));
        let result = translate(host, format, &pin_block, pair.bdk, format, &mut out);
        assert_eq!(result, Err(Error::UsageNotPermitted));
        assert_eq!(pair.host_device.touched().0, asked);
        // A refusal of the platform neither.
        pair.host_device.world().answer = Some(Error::RateLimited);
        let result = translate(host, format, &pin_block, pair.zone, format, &mut out);
        assert_eq!(result, Err(Error::RateLimited));
        pair.host_device.world().answer = None;
        translate(host, format, &pin_block, pair.zone, format, &mut out).unwrap();
        assert_ne!(out, [0; 16]);
        let result = translate(host, format, &pin_block, pair.zone, format, &mut out);
        assert_eq!((result, out), (Err(Error::LimitReached), [0; 16]));
        host.data_decipher(other, &iv, &mut request).unwrap();
        assert_eq!(request, message);
        assert_eq!(host.data_decipher(other, &iv, &mut request), Err(Error::LimitReached));
        // The response, which has its own key.
        let mut response = message.clone();
        host.data_encipher(other, &iv, &mut response).unwrap();
        pair.terminal.data_decipher(own, &iv, &mut response).unwrap();
        assert_eq!(response, message);
        assert_eq!(
            pair.terminal.data_decipher(own, &iv, &mut response),
            Err(Error::LimitReached)
        );
        assert_eq!(
            pair.host.data_encipher(other, &iv, &mut response),
            Err(Error::LimitReached)
        );

        // A block that is malformed uses the key up: no search.
        let (_, at_host, _) = pair.transaction();
        let damaged = vec![0x11; len];
        for error in [Error::VerificationFailed, Error::LimitReached] {
            let result = pair
                .host
                .pin_translate(at_host.into(), format, &pan(), &damaged, pair.zone, format, &mut out);
            assert_eq!(result, Err(error));
        }
        // The next transaction has everything again.
        let (at_terminal, _, _) = pair.transaction();
        pair.terminal
            .pin_encipher(at_terminal.into(), format, &pan(), &pin(), &mut out)
            .unwrap();
    }
}

/// F05: request and response cannot be mixed, nor the parties.
#[test]
fn f05_directions() {
    for algorithm in ['T', 'A'] {
        let mut pair = Pair::new(algorithm);
        let (at_terminal, at_host, _) = pair.transaction();
        let (terminal, host, method) = (&mut pair.terminal, &mut pair.host, pair.method);
        let (own, other) = (at_terminal.into(), at_host.into());
        let (mut request, mut response) = ([0; 8], [0; 8]);
        terminal.mac_generate(own, method, b"message", &mut request).unwrap();
        host.mac_generate(other, method, b"message", &mut response).unwrap();
        assert_ne!(request, response);
        assert_eq!(host.mac_verify(other, method, b"message", &request), Ok(()));
        assert_eq!(terminal.mac_verify(own, method, b"message", &response), Ok(()));
        let failed = Err(Error::VerificationFailed);
        assert_eq!(terminal.mac_verify(own, method, b"message", &request), failed);
        assert_eq!(host.mac_verify(other, method, b"message", &response), failed);
        assert_eq!(host.mac_verify(other, method, b"massage", &request), failed);

        let iv = vec![0; pair.block_len];
        let mut data = [0x42; 16];
        terminal.data_encipher(own, &iv, &mut data).unwrap();
        terminal.data_decipher(own, &iv, &mut data).unwrap();
        assert_ne!(data, [0x42; 16]);

        // PINs go from the terminal to the host only.
        let mut out = [0xA5; 16];
        let result = host.pin_encipher(other, pair.format, &pan(), &pin(), &mut out);
        assert_eq!((result, out), (Err(Error::UsageNotPermitted), [0; 16]));
        let zone = key(terminal, "P0", algorithm, 'E', 41);
        let text = vec![0; pair.format.block_len()];
        let result = terminal.pin_translate(own, pair.format, &pan(), &text, zone, pair.format, &mut out);
        assert_eq!(result, Err(Error::UsageNotPermitted));

        // The MAC algorithms of the scheme only.
        let wrong = match algorithm {
            'T' => MacMethod {
                algorithm: payhsm::policy::MacAlgorithm::Iso9797Alg1,
                padding: payhsm::hsm::Padding::Method3 { len: 7 },
            },
            _ => MacMethod::X9_19,
        };
        assert_eq!(
            terminal.mac_generate(own, wrong, b"message", &mut request),
            Err(Error::AlgorithmMismatch)
        );
        assert_eq!(request, [0; 8]);
    }
}

/// F06: a counter that is none, and one that the platform knows; nothing is derived, no group is taken.
#[test]
fn f06_counters_at_the_host() {
    for algorithm in ['T', 'A'] {
        let pair = Pair::new(algorithm);
        let (mut host, device) = (pair.host, pair.host_device);
        let ksn = |counter: u32| match algorithm {
            'T' => {
                let mut ksn = TDEA_ID.to_vec();
                let low = counter.to_be_bytes();
                ksn[7] |= low[1] & 0x1F;
                ksn[8..].copy_from_slice(&low[2..]);
                ksn
            }
            _ => [&AES_ID[..], &counter.to_be_bytes()].concat(),
        };
        let status = host.status();
        let mut bad = vec![
            (ksn(0), Error::CounterZero),
            (ksn(0x001F_FFFF), Error::CounterOverweight),
            (ksn(1)[1..].to_vec(), Error::InvalidKsn),
            ([&ksn(1)[..], &[0]].concat(), Error::InvalidKsn),
            (Vec::new(), Error::InvalidKsn),
        ];
        if algorithm == 'A' {
            bad[1].0 = ksn(0x0001_FFFF);
            bad.push((ksn(u32::MAX), Error::CounterReserved));
        }
        let asked = device.touched().0;
        for (ksn, error) in bad {
            assert_eq!(host.dukpt_derive(pair.bdk, &ksn).err(), Some(error), "{ksn:02X?}");
        }
        assert_eq!(device.touched().0, asked);
        device.world().answer = Some(Error::CounterReplayed);
        let result = host.dukpt_derive(pair.bdk, &ksn(5));
        assert_eq!(result.err(), Some(Error::CounterReplayed));
        let identity = if algorithm == 'A' {
            AES_ID.to_vec()
        } else {
            TDEA_ID.to_vec()
        };
        assert_eq!(device.world().asked.last(), Some(&Asked::DukptCounter(identity, 5)));
        assert_eq!(host.status(), status);
        // Groups are what they are.
        device.world().answer = None;
        for counter in 1..=3 {
            host.dukpt_derive(pair.bdk, &ksn(counter)).unwrap();
        }
        assert_eq!(host.dukpt_derive(pair.bdk, &ksn(4)).err(), Some(Error::SlotsFull));
        // A BDK of three parts is none.
        let mut other = start(&Device::new(8), Policy::STRICT, 2, 1).unwrap();
        let long = crate::common::ceremony(&mut other, &attributes("B0", 'T', 'X', 'N'), &value(50, 24)).unwrap();
        let result = other.dukpt_derive(long, &[&TDEA_ID[..9], &[1]].concat());
        assert_eq!(result.err(), Some(Error::InvalidKeyLength));
    }
}

/// F02: a restart goes on with the next KSN, and an identity that was used is not loaded again.
#[test]
fn f02_restarts_and_used_identities() {
    for algorithm in ['T', 'A'] {
        let device = Device::new(1);
        let mut last = 0;
        for boot in 0..4 {
            let mut hsm = module(&device);
            let kbpk = load_kbpk(&mut hsm);
            let text = initial_key(algorithm, 1, &value(30, 16));
            let group = if boot == 0 {
                hsm.dukpt_load(kbpk, &text, PROFILE).unwrap().0
            } else {
                let (group, info) = hsm.dukpt_find(0).unwrap();
                assert_eq!((info.check, info.next.unwrap().counter()), (None, last + 1));
                group
            };
            for _ in 0..3 {
                let promised = hsm.dukpt_ksn(group).unwrap();
                let (_, ksn) = hsm.dukpt_begin(group).unwrap();
                assert_eq!((ksn, ksn.counter()), (promised, last + 1));
                last = ksn.counter();
            }
            let result = hsm.dukpt_load(kbpk, &text, PROFILE);
            assert_eq!(result.err(), Some(Error::CounterReplayed));
            // Nor with another key.
            let other = initial_key(algorithm, 1, &value(31, 16));
            assert_eq!(
                hsm.dukpt_load(kbpk, &other, PROFILE).err(),
                Some(Error::CounterReplayed)
            );
            if boot == 3 {
                hsm.dukpt_erase(group).unwrap();
                assert_eq!(hsm.dukpt_load(kbpk, &text, PROFILE).err(), Some(Error::CounterReplayed));
            }
        }
        // Erased, and known all the same; another identity is not.
        let mut hsm = module(&device);
        let kbpk = load_kbpk(&mut hsm);
        assert_eq!(hsm.dukpt_find(0).err(), Some(Error::InvalidHandle));
        let text = initial_key(algorithm, 1, &value(30, 16));
        assert_eq!(hsm.dukpt_load(kbpk, &text, PROFILE).err(), Some(Error::CounterReplayed));
        let text = initial_key(algorithm, 2, &value(30, 16));
        let (group, _) = hsm.dukpt_load(kbpk, &text, PROFILE).unwrap();
        // Loaded and never used: it may be loaded again.
        hsm.dukpt_erase(group).unwrap();
        hsm.dukpt_load(kbpk, &text, PROFILE).unwrap();
    }
}

/// F02: a start with less memory does not make the other groups' keys new.
#[test]
fn f02_groups_beyond_the_memory() {
    let device = Device::new(1);
    let mut hsm = module(&device);
    let kbpk = load_kbpk(&mut hsm);
    let texts = [1, 2, 3].map(|id| initial_key('T', id, &value(id, 16)));
    hsm.dukpt_load(kbpk, &texts[0], PROFILE).unwrap();
    let (group, _) = hsm.dukpt_load(kbpk, &texts[1], PROFILE).unwrap();
    hsm.dukpt_begin(group).unwrap();
    drop(hsm);
    let mut hsm = start(&device, Policy::STRICT, 2, 1).unwrap();
    let kbpk = load_kbpk(&mut hsm);
    let (group, _) = hsm.dukpt_find(0).unwrap();
    hsm.dukpt_erase(group).unwrap();
    assert_eq!(
        hsm.dukpt_load(kbpk, &texts[1], PROFILE).err(),
        Some(Error::CounterReplayed)
    );
    hsm.dukpt_load(kbpk, &texts[2], PROFILE).unwrap();
}

/// The block says which initial key, in the form of its scheme.
#[test]
fn initial_keys_without_identity() {
    let device = Device::new(1);
    let mut hsm = module(&device);
    let kbpk = load_kbpk(&mut hsm);
    let own = value(KBPK_SEED, 16);
    let touched = device.touched();
    for (algorithm, optional, error) in [
        ('T', None, Error::KeyBlockOptional),
        ('A', None, Error::KeyBlockOptional),
        ('T', Some((*b"IK", "1234567890123456")), Error::KeyBlockOptional),
        ('A', Some((*b"KS", "FFFF9876543210E00000")), Error::KeyBlockOptional),
        ('T', Some((*b"KS", "FFFF9876543210E00001")), Error::InvalidKsn),
    ] {
        let optional = optional.map(|(id, text): (_, &str)| Optional::new(id, text.as_bytes()).unwrap());
        let wanted = attributes("B1", algorithm, 'X', 'N');
        let text = block(&own, &wanted, &value(30, 16), optional.as_slice());
        assert_eq!(
            hsm.dukpt_load(kbpk, &text, PROFILE).err(),
            Some(error),
            "{algorithm} {optional:?}"
        );
    }
    // And has no slot.
    let text = initial_key('T', 1, &value(30, 16));
    let result = hsm.key_block_import(kbpk, &text, PROFILE);
    assert_eq!(result.err(), Some(Error::UsageNotPermitted));
    assert_eq!(device.touched(), touched);
}

/// At its end an initial key says so for ever, is found at the next start, and makes room when it is erased.
#[test]
fn an_exhausted_group() {
    const LAST: u32 = 0x001F_F800;
    let device = Device::new(1);
    // A terminal one transaction before its last, as it would have stored itself.
    let key = Key::<StorageKey, _>::from_bytes(&[0x5A; 32]).unwrap();
    let (sealer, mut scratch, mut records) = (Sealer::new(&key).unwrap(), Scratch::new(), Records::NEW);
    let mut storage = device.clone();
    let before = tdes::InitialKeyId::parse(&TDEA_ID).unwrap();
    records
        .mount(&mut storage, &sealer, 0, &mut scratch, |_| Ok(()))
        .unwrap();
    let ik = Key::from_bytes(&value(30, 16)).unwrap();
    let mut terminal = snapshots::tdes_terminal(&ik, &before, LAST - 0x800);
    let mut journal = GroupJournal {
        storage: &mut storage,
        sealer: &sealer,
        group: 0,
        records: &mut records,
        scratch: &mut scratch,
    };
    let ksn = terminal.step(&mut journal, &mut tdes::Transaction::empty()).unwrap();
    assert!(ksn.counter() < LAST);

    let mut hsm = module(&device);
    let (group, info) = hsm.dukpt_find(0).unwrap();
    let mut counter = info.next.unwrap().counter();
    while counter != LAST {
        counter = hsm.dukpt_begin(group).unwrap().1.counter();
        assert!(counter <= LAST);
    }
    for _ in 0..2 {
        assert_eq!(hsm.dukpt_begin(group).err(), Some(Error::CounterExhausted));
        assert_eq!(hsm.dukpt_ksn(group).err(), Some(Error::CounterExhausted));
    }
    drop(hsm);
    let mut hsm = module(&device);
    let (group, info) = hsm.dukpt_find(0).unwrap();
    assert_eq!(info.next, None);
    assert_eq!(hsm.dukpt_begin(group).err(), Some(Error::CounterExhausted));
    let kbpk = load_kbpk(&mut hsm);
    let text = initial_key('T', TDEA_ID[6], &value(30, 16));
    assert_eq!(hsm.dukpt_load(kbpk, &text, PROFILE).err(), Some(Error::CounterReplayed));
    hsm.dukpt_erase(group).unwrap();
    assert_eq!(hsm.dukpt_find(0).err(), Some(Error::InvalidHandle));
    assert_eq!(hsm.dukpt_load(kbpk, &text, PROFILE).err(), Some(Error::CounterReplayed));
    hsm.dukpt_load(kbpk, &initial_key('T', 2, &value(30, 16)), PROFILE)
        .unwrap();
}

/// J05, J08: what is not authentic, not in its place, or there twice, makes the module tampered.
#[test]
fn j05_damaged_records() {
    let device = Device::new(1);
    let mut hsm = module(&device);
    let kbpk = load_kbpk(&mut hsm);
    for id in [1, 2] {
        let (group, _) = hsm
            .dukpt_load(kbpk, &initial_key('T', id, &value(id, 16)), PROFILE)
            .unwrap();
        hsm.dukpt_begin(group).unwrap();
    }
    drop(hsm);
    let records = device.world().records.clone();
    let ids: Vec<u16> = records.keys().copied().collect();
    assert_eq!(ids.len(), 2);
    let tampered = |records: std::collections::BTreeMap<u16, Vec<u8>>| {
        let device = Device::new(1);
        device.world().records = records;
        let mut hsm = module(&device);
        let status = hsm.status();
        let sound = status.state.works();
        assert_eq!(status.groups.1, if sound { 2 } else { 0 });
        if !sound {
            assert_eq!(hsm.dukpt_find(0).err(), Some(Error::Tampered));
            assert_eq!(
                hsm.key_generate(&attributes("D0", 'A', 'E', 'N'), 16).err(),
                Some(Error::Tampered)
            );
        }
        !sound
    };
    assert!(!tampered(records.clone()));
    let len = records[&ids[0]].len();
    for at in (0..len).step_by(7).chain([len - 1]) {
        let mut changed = records.clone();
        changed.get_mut(&ids[0]).unwrap()[at] ^= 1 << (at % 8);
        assert!(tampered(changed), "byte {at}");
    }
    for len in [1, 19, 36, len - 1] {
        let mut changed = records.clone();
        changed.get_mut(&ids[1]).unwrap().truncate(len);
        assert!(tampered(changed), "{len} bytes");
    }
    // In the other group's place.
    let mut changed = records.clone();
    changed.insert(ids[0], records[&ids[1]].clone());
    assert!(tampered(changed));
    // The same initial key in both groups: the second record from a device where another key came first.
    let other = Device::new(5);
    let mut hsm = module(&other);
    let kbpk = load_kbpk(&mut hsm);
    for id in [3, 1] {
        hsm.dukpt_load(kbpk, &initial_key('T', id, &value(id, 16)), PROFILE)
            .unwrap();
    }
    drop(hsm);
    let theirs = other.world().records.clone();
    let second = *theirs.keys().last().unwrap();
    let mut changed = records.clone();
    changed.remove(&ids[1]);
    changed.insert(second, theirs[&second].clone());
    assert!(tampered(changed));
}

/// Without a storage key nothing is loaded.
#[test]
fn no_group_without_a_storage_key() {
    use payhsm::hsm::{Config, Group, Hsm, Slot};
    let device = Device::new(1);
    let slots = Box::leak(Box::new([const { Slot::EMPTY }; 2]));
    let groups = Box::leak(Box::new([const { Group::EMPTY }; 1]));
    let mut hsm = Hsm::new(device.clone(), slots, groups, Config::default()).unwrap();
    let kbpk = load_kbpk(&mut hsm);
    let text = initial_key('T', 1, &value(30, 16));
    assert_eq!(hsm.dukpt_load(kbpk, &text, PROFILE).err(), Some(Error::Storage));
    assert!(device.world().records.is_empty());
    assert_eq!(hsm.status().groups.1, 0);
}

/// A PIN of AES goes to TDEA by permission only, and of TDEA to AES always.
#[test]
fn a01_strength_of_the_output_key() {
    for (policy, expected) in [
        (Policy::STRICT, Some(Error::KeyStrength)),
        (Policy::STRICT.with(Permission::WeakerPinKey), None),
        (PERMISSIVE, None),
    ] {
        let mut pair = Pair::new('A');
        let (at_terminal, _, ksn) = pair.transaction();
        let mut text = [0; 16];
        pair.terminal
            .pin_encipher(at_terminal.into(), Format::Iso4, &pan(), &pin(), &mut text)
            .unwrap();
        let device = Device::new(7);
        let mut host = start(&device, policy, 4, 1).unwrap();
        let bdk = key(&mut host, "B0", 'A', 'X', 40);
        let zone = key(&mut host, "P0", 'T', 'E', 41);
        let transaction = host.dukpt_derive(bdk, ksn.as_bytes()).unwrap();
        let touched = device.touched();
        let mut out = [0xA5; 16];
        let result = host.pin_translate(
            transaction.into(),
            Format::Iso4,
            &pan(),
            &text,
            zone,
            Format::Iso0,
            &mut out,
        );
        assert_eq!(result.err(), expected);
        if expected.is_some() {
            assert_eq!((out, device.touched()), ([0; 16], touched));
        }
    }
}

/// The keys of a KSN are the same whether the initial key was derived for it or kept from another KSN; a BDK that is
/// gone is not used through what was kept.
#[test]
fn kept_initial_keys() {
    let mac = |host: &mut Module, bdk, ksn: &[u8], method| {
        let transaction = host.dukpt_derive(bdk, ksn).unwrap();
        let mut out = [0; 8];
        host.mac_generate(transaction.into(), method, b"message", &mut out)
            .unwrap();
        host.transaction_end(transaction).unwrap();
        out
    };
    for (algorithm, method) in [('T', MacMethod::X9_19), ('A', MacMethod::CMAC)] {
        let ksn = |device: u8, counter: u8| match algorithm {
            'T' => [&TDEA_ID[..6], &[device, 0xE0, 0, counter]].concat(),
            _ => [&AES_ID[..7], &[device, 0, 0, 0, counter]].concat(),
        };
        // Each by a module of its own: nothing is kept.
        let fresh = |device, counter| {
            let mut host = start(&Device::new(1), Policy::STRICT, 2, 1).unwrap();
            let bdk = key(&mut host, "B0", algorithm, 'X', 40);
            mac(&mut host, bdk, &ksn(device, counter), method)
        };
        let world = Device::new(1);
        let mut host = start(&world, Policy::STRICT, 4, 1).unwrap();
        let bdk = key(&mut host, "B0", algorithm, 'X', 40);
        let other = key(&mut host, "B0", algorithm, 'X', 43);
        // Eight terminals and more, each again after others.
        for round in 1..=3 {
            for device in (1..=10).chain([10, 9]) {
                assert_eq!(
                    mac(&mut host, bdk, &ksn(device, round), method),
                    fresh(device, round),
                    "{device} {round}"
                );
            }
        }
        // The same terminal under another BDK.
        let own = mac(&mut host, bdk, &ksn(10, 3), method);
        assert_ne!(mac(&mut host, other, &ksn(10, 3), method), own);
        assert_eq!(mac(&mut host, bdk, &ksn(10, 3), method), own);
        // Rules are judged all the same.
        assert_eq!(host.dukpt_derive(bdk, &ksn(10, 0)).err(), Some(Error::CounterZero));
        world.world().answer = Some(Error::CounterReplayed);
        assert_eq!(host.dukpt_derive(bdk, &ksn(10, 3)).err(), Some(Error::CounterReplayed));
        world.world().answer = None;
        // Gone, and another one in its place.
        host.key_erase(bdk).unwrap();
        assert_eq!(host.dukpt_derive(bdk, &ksn(10, 3)).err(), Some(Error::InvalidHandle));
        let new = key(&mut host, "B0", algorithm, 'X', 44);
        assert_ne!(mac(&mut host, new, &ksn(10, 3), method), own);
        assert_eq!(host.dukpt_derive(bdk, &ksn(10, 3)).err(), Some(Error::InvalidHandle));
    }
}
