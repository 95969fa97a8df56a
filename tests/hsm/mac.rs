// SPDX-License-Identifier: MIT OR Apache-2.0
//! MACs: lengths, permissions, messages in parts, and what stays of them in memory.
#![allow(unsafe_code)]

use core::mem::{MaybeUninit, size_of};

use payhsm::error::Error;
use payhsm::hsm::{KeyRef, MacMethod, MacPurpose, Padding};
use payhsm::policy::{MacAlgorithm, Permission, Policy};

use crate::common::{Device, Module, PROFILE, initial_key, key, load_kbpk, module, start, value};

const MESSAGE: [u8; 40] = [0x3C; 40];

const ALG1: MacMethod = MacMethod {
    algorithm: MacAlgorithm::Iso9797Alg1,
    padding: Padding::Method3 { len: 40 },
};

/// Usage, algorithm, method, shortest and longest MAC.
const METHODS: [(&str, char, MacMethod, usize, usize); 6] = [
    ("M0", 'T', ALG1, 4, 8),
    ("M1", 'T', ALG1, 4, 8),
    ("M1", 'A', ALG1, 4, 16),
    ("M3", 'T', MacMethod::X9_19, 4, 8),
    ("M6", 'T', MacMethod::CMAC, 8, 8),
    ("M6", 'A', MacMethod::CMAC, 8, 16),
];

/// H03: a MAC has a length that its algorithm allows, made or checked; a longer one fits no shorter.
#[test]
fn h03_lengths() {
    for (usage, algorithm, method, min, max) in METHODS {
        let mut hsm = module(&Device::new(1));
        let key: KeyRef = key(&mut hsm, usage, algorithm, 'C', 1).into();
        let mut full = vec![0; max];
        hsm.mac_generate(key, method, &MESSAGE, &mut full).unwrap();
        for len in 0..40 {
            let fits = (min..=max).contains(&len);
            let expected = if fits { Ok(()) } else { Err(Error::InvalidLength) };
            let mut out = vec![0xA5; len];
            assert_eq!(
                hsm.mac_generate(key, method, &MESSAGE, &mut out),
                expected,
                "{usage} {len}"
            );
            assert_eq!(out, if fits { full[..len].to_vec() } else { vec![0; len] });
            let mut parts = vec![0xA5; len];
            hsm.mac_begin(key, method, MacPurpose::Generate).unwrap();
            hsm.mac_update(&MESSAGE).unwrap();
            assert_eq!(hsm.mac_finish(&mut parts), expected);
            assert_eq!(parts, out);
            let tag: Vec<u8> = full.iter().copied().chain([0; 40]).take(len).collect();
            assert_eq!(hsm.mac_verify(key, method, &MESSAGE, &tag), expected);
            hsm.mac_begin(key, method, MacPurpose::Verify).unwrap();
            hsm.mac_update(&MESSAGE).unwrap();
            assert_eq!(hsm.mac_finish_verify(&tag), expected);
            if fits {
                let mut wrong = tag;
                wrong[len - 1] ^= 1;
                assert_eq!(
                    hsm.mac_verify(key, method, &MESSAGE, &wrong),
                    Err(Error::VerificationFailed)
                );
            }
        }
    }
}

/// Algorithm 1 needs the length in front, or a permission.
#[test]
fn algorithm_1_by_permission() {
    for (policy, allowed) in [
        (Policy::STRICT, false),
        (Policy::STRICT.with(Permission::ModeN), false),
        (Policy::STRICT.with(Permission::CbcMac), true),
    ] {
        for (usage, algorithm) in [("M0", 'T'), ("M1", 'T'), ("M1", 'A')] {
            let mut hsm = start(&Device::new(1), policy, 2, 0).unwrap();
            let key: KeyRef = key(&mut hsm, usage, algorithm, 'C', 1).into();
            for padding in [Padding::Method1, Padding::Method2] {
                let method = MacMethod { padding, ..ALG1 };
                let mut out = [0xA5; 8];
                let result = hsm.mac_generate(key, method, &MESSAGE, &mut out);
                assert_eq!(result.err(), (!allowed).then_some(Error::Refused));
                assert_eq!(out == [0; 8], !allowed);
                let result = hsm.mac_begin(key, method, MacPurpose::Verify);
                assert_eq!(result.err(), (!allowed).then_some(Error::Refused));
            }
            // The announced length is the message's.
            let method = MacMethod {
                padding: Padding::Method3 { len: 39 },
                ..ALG1
            };
            let mut out = [0xA5; 8];
            assert!(hsm.mac_generate(key, method, &MESSAGE, &mut out).is_err());
            assert_eq!(out, [0; 8]);
        }
    }
}

/// A message in parts is the message; each end is the end, also the wrong one.
#[test]
fn messages_in_parts() {
    for (usage, algorithm, method, _, _) in METHODS {
        let mut hsm = module(&Device::new(1));
        let key: KeyRef = key(&mut hsm, usage, algorithm, 'C', 1).into();
        let mut whole = [0; 8];
        hsm.mac_generate(key, method, &MESSAGE, &mut whole).unwrap();
        for at in [0, 1, 7, 8, 9, 16, 33, 40] {
            hsm.mac_begin(key, method, MacPurpose::Generate).unwrap();
            hsm.mac_update(&MESSAGE[..at]).unwrap();
            // Another command in between does not disturb.
            hsm.mac_verify(key, method, &MESSAGE, &whole).unwrap();
            hsm.mac_update(&MESSAGE[at..]).unwrap();
            let mut parts = [0; 8];
            hsm.mac_finish(&mut parts).unwrap();
            assert_eq!(parts, whole);
        }
        for (purpose, other) in [
            (MacPurpose::Generate, MacPurpose::Verify),
            (MacPurpose::Verify, MacPurpose::Generate),
        ] {
            hsm.mac_begin(key, method, purpose).unwrap();
            hsm.mac_update(&MESSAGE).unwrap();
            let mut out = [0xA5; 8];
            let result = match other {
                MacPurpose::Generate => hsm.mac_finish(&mut out),
                MacPurpose::Verify => {
                    out = [0; 8];
                    hsm.mac_finish_verify(&whole)
                }
            };
            assert_eq!((result, out), (Err(Error::BadState), [0; 8]));
            // It is over.
            assert_eq!(hsm.mac_update(&MESSAGE), Err(Error::BadState));
            assert_eq!(hsm.mac_finish(&mut out), Err(Error::BadState));
            assert_eq!(hsm.mac_finish_verify(&whole), Err(Error::BadState));
        }
        // A begin that is refused leaves no message either.
        hsm.mac_begin(key, method, MacPurpose::Generate).unwrap();
        let wrong = if method == MacMethod::CMAC {
            MacMethod::X9_19
        } else {
            MacMethod::CMAC
        };
        assert!(hsm.mac_begin(key, wrong, MacPurpose::Generate).is_err());
        assert_eq!(hsm.mac_finish(&mut [0; 8]), Err(Error::BadState));
    }
}

/// The module at a place whose bytes can be read.
struct Place(Box<MaybeUninit<Module>>);

impl Place {
    fn new(hsm: Module) -> Self {
        let mut place = Box::new(MaybeUninit::zeroed());
        place.write(hsm);
        Self(place)
    }

    fn hsm(&mut self) -> &mut Module {
        // SAFETY: written in `new`, dropped in `drop` only.
        unsafe { self.0.assume_init_mut() }
    }

    fn image(&self) -> Vec<u8> {
        let start = self.0.as_ptr().cast::<u8>();
        // SAFETY: the bytes lie within the place, which was zeroed before the module was written to it.
        (0..size_of::<Module>())
            .map(|i| unsafe { start.add(i).read_volatile() })
            .collect()
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        // SAFETY: written in `new`, and not used afterwards.
        unsafe { self.0.assume_init_drop() };
    }
}

/// Runs of eight bytes that only the message in progress had.
fn left(idle: &[u8], active: &[u8], after: &[u8]) -> usize {
    let is_new = |at: usize| (at..at + 8).all(|i| active[i] != idle[i]) && active[at..at + 8].iter().any(|&b| b != 0);
    (0..idle.len() - 8)
        .filter(|&at| is_new(at) && after[at..at + 8] == active[at..at + 8])
        .count()
}

/// A message that is over, whichever way, leaves no key schedule in the module.
#[test]
fn key_schedules_go_with_the_message() {
    for (usage, algorithm, method, _, _) in METHODS {
        for way in 0..7 {
            let mut place = Place::new(module(&Device::new(1)));
            let handle = key(place.hsm(), usage, algorithm, 'C', 1);
            let idle = place.image();
            place
                .hsm()
                .mac_begin(handle.into(), method, MacPurpose::Generate)
                .unwrap();
            place.hsm().mac_update(&MESSAGE).unwrap();
            let active = place.image();
            // The test sees the schedule.
            assert!(left(&idle, &active, &active) >= 64, "{usage}");
            match way {
                0 => place.hsm().mac_finish(&mut [0; 8]).unwrap(),
                1 => assert_eq!(place.hsm().mac_finish(&mut [0; 3]), Err(Error::InvalidLength)),
                2 => assert_eq!(place.hsm().mac_finish_verify(&[0; 8]), Err(Error::BadState)),
                3 => place.hsm().key_erase(handle).unwrap(),
                4 => place.hsm().tamper(),
                5 => place.hsm().mac_abort(),
                _ => {
                    let foreign = payhsm::hsm::KeyHandle::from_raw(0x1FF0_0000).unwrap();
                    let result = place.hsm().mac_begin(foreign.into(), method, MacPurpose::Generate);
                    assert_eq!(result, Err(Error::InvalidHandle));
                }
            }
            assert_eq!(left(&idle, &active, &place.image()), 0, "{usage} {algorithm} {way}");
        }
    }
}

/// A message under a transaction's key ends with the transaction, whichever way that ends.
#[test]
fn a_message_ends_with_its_transaction() {
    for algorithm in ['T', 'A'] {
        let method = if algorithm == 'T' {
            MacMethod::X9_19
        } else {
            MacMethod::CMAC
        };
        for way in 0..3 {
            let mut place = Place::new(module(&Device::new(1)));
            let hsm = place.hsm();
            let kbpk = load_kbpk(hsm);
            let (group, _) = hsm
                .dukpt_load(kbpk, &initial_key(algorithm, 1, &value(30, 16)), PROFILE)
                .unwrap();
            let (transaction, _) = hsm.dukpt_begin(group).unwrap();
            let idle = place.image();
            place
                .hsm()
                .mac_begin(transaction.into(), method, MacPurpose::Generate)
                .unwrap();
            place.hsm().mac_update(&MESSAGE).unwrap();
            let active = place.image();
            assert!(left(&idle, &active, &active) >= 64);
            match way {
                0 => place.hsm().transaction_end(transaction).unwrap(),
                1 => place.hsm().dukpt_begin(group).map(|_| ()).unwrap(),
                _ => place.hsm().dukpt_erase(group).unwrap(),
            }
            assert_eq!(left(&idle, &active, &place.image()), 0, "{algorithm} {way}");
            assert_eq!(place.hsm().mac_update(&MESSAGE), Err(Error::BadState));
            let mut out = [0xA5; 8];
            assert_eq!(place.hsm().mac_finish(&mut out), Err(Error::BadState));
            assert_eq!(out, [0; 8]);
        }
    }
}
