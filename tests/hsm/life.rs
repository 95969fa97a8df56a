// SPDX-License-Identifier: MIT OR Apache-2.0
//! States, handles and the component ceremony.

use std::collections::BTreeSet;

use payhsm::error::Error;
use payhsm::hsm::{GroupHandle, KeyHandle, MacMethod, State, TransactionHandle};
use payhsm::pin::Pin;
use payhsm::policy::Policy;

use crate::commands::Results;
pub use crate::commands::{Handles, populate, populated};
use crate::common::{Asked, Device, Module, attributes, ceremony, key, module, start, value};

/// Every command that is not of the ceremony, and what it says. Outputs of a refused one are zero.
fn every_command(hsm: &mut Module, handles: &Handles) -> Vec<(&'static str, Error)> {
    every_result(hsm, handles)
        .into_iter()
        .map(|(name, result)| (name, result.expect_err(name)))
        .collect()
}
/// The same, whatever it says.
pub fn every_result(hsm: &mut Module, handles: &Handles) -> Results {
    crate::commands::every_result(hsm, handles, offline_commands)
}

/// What a terminal does with PINs for the card in it.
fn offline_commands(hsm: &mut Module) -> Results {
    let mut results = Vec::new();
    crate::oda::with_card(
        |_| (),
        |card| {
            let (mut data, mut block) = ([0xA5; 248], [0xA5; 8]);
            let pin = Pin::from_entry(4, &[1, 2, 3, 4, 0, 0, 0, 0, 0, 0, 0, 0]).unwrap();
            let enciphered = hsm.offline_pin_encipher(card, &[7; 8], &pin, &mut data);
            results.push(("offline_pin_encipher", enciphered.map(|_| ())));
            results.push(("offline_pin_plaintext", hsm.offline_pin_plaintext(&pin, &mut block)));
            assert!(
                results.iter().any(|(_, result)| result.is_ok()) || data.iter().chain(&block).all(|&byte| byte == 0)
            );
        },
    );
    results
}
/// The commands in the source, without those of the ceremony.
pub fn commands_in_the_source() -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for text in crate::common::command_sources() {
        for (_, module) in text.match_indices("> Hsm<'").map(|(at, _)| text.split_at(at)) {
            let module = module.split("\n}\n").next().unwrap();
            for function in module.split("\n    pub fn ").skip(1) {
                let head = function.split('{').next().unwrap();
                // What returns nothing (status, tamper, an abort) can be done in every state.
                if head.contains("self") && head.contains("Result<") {
                    found.insert(head.split(['(', '<']).next().unwrap().to_owned());
                }
            }
        }
    }
    let ceremony = ["component_add", "component_finish", "component_abort"];
    for other in ceremony.into_iter().chain(IN_EVERY_STATE) {
        assert!(found.remove(other), "{other}");
    }
    found
}

/// Commands that answer in every state, as `tests/hsm/audit.rs` has it.
pub const IN_EVERY_STATE: [&str; 13] = [
    "audit_open",
    "audit_read",
    "status_message",
    // These have states of their own: `tests/hsm/states.rs`.
    "self_test",
    "self_test_step",
    "wipe",
    "reinitialise",
    "role_status",
    "login_begin",
    "login_finish",
    "logout",
    "lock",
    "unlock",
];

/// E04, I03: in a ceremony nothing else runs, and after a tamper event nothing at all.
#[test]
fn e04_i03_every_command_in_every_state() {
    let device = Device::new(1);
    let (mut hsm, handles) = populated(&device);
    hsm.component_begin(&attributes("D0", 'A', 'E', 'N'), 16, 2, &[])
        .unwrap();
    assert_eq!(hsm.status().state, State::Loading);
    let (status, touched) = (hsm.status(), device.touched());
    let answers = every_command(&mut hsm, &handles);
    assert_eq!(
        answers
            .iter()
            .map(|(name, _)| (*name).to_owned())
            .collect::<BTreeSet<_>>(),
        commands_in_the_source()
    );
    for (name, error) in answers {
        assert_eq!(error, Error::BadState, "{name}");
    }
    assert_eq!((hsm.status(), device.touched()), (status, touched));
    hsm.component_abort().unwrap();
    // Nothing was lost.
    assert_eq!(hsm.status().state, State::Operational);
    hsm.key_info(handles.key).unwrap();
    hsm.dukpt_ksn(handles.group).unwrap();
    hsm.transaction_ksn(handles.transaction).unwrap();

    hsm.tamper();
    let status = hsm.status();
    assert_eq!((status.state, status.slots.1, status.groups.1), (State::Tampered, 0, 0));
    let touched = device.touched();
    for (name, error) in every_command(&mut hsm, &handles) {
        assert_eq!(error, Error::Tampered, "{name}");
    }
    assert_eq!(hsm.component_add(1, &[1; 16], &[]), Err(Error::Tampered));
    assert_eq!(hsm.component_finish().err(), Some(Error::Tampered));
    assert_eq!(hsm.component_abort(), Err(Error::Tampered));
    assert_eq!((hsm.status(), device.touched()), (status, touched));

    // The next start is tampered, too.
    drop(hsm);
    device.boot(None);
    assert_eq!(module(&device).status().state, State::Tampered);
}

/// A tamper event in a ceremony ends it.
#[test]
fn a_ceremony_does_not_survive_a_tamper_event() {
    let mut hsm = module(&Device::new(1));
    hsm.component_begin(&attributes("D0", 'A', 'E', 'N'), 16, 2, &[])
        .unwrap();
    hsm.component_add(1, &value(1, 16), &[]).unwrap();
    hsm.tamper();
    assert_eq!(hsm.status().state, State::Tampered);
    assert_eq!(hsm.component_add(2, &value(2, 16), &[]), Err(Error::Tampered));
    assert_eq!(hsm.component_finish().err(), Some(Error::Tampered));
}

/// E04: the platform opens ceremonies, and is asked what the key will be.
#[test]
fn e04_no_ceremony_without_the_decision() {
    let device = Device::new(1);
    let mut hsm = module(&device);
    let wanted = attributes("K1", 'A', 'D', 'N');
    for error in [Error::Refused, Error::NotAuthenticated] {
        device.world().answer = Some(error);
        assert_eq!(hsm.component_begin(&wanted, 16, 2, &[]), Err(error));
        assert_eq!(hsm.status().state, State::Virgin);
        assert_eq!(hsm.component_add(1, &value(1, 16), &[]), Err(Error::BadState));
    }
    device.world().answer = None;
    hsm.component_begin(&wanted, 16, 2, &[]).unwrap();
    assert_eq!(device.world().asked, vec![Asked::Ceremony(wanted); 3]);
    // No second one while it is open.
    assert_eq!(hsm.component_begin(&wanted, 16, 2, &[]), Err(Error::BadState));
    assert_eq!(device.world().asked.len(), 3);
}

/// What can be judged before the custodians come is: nobody is asked, and nothing opens.
#[test]
fn e04_impossible_ceremonies_do_not_open() {
    let device = Device::new(1);
    let mut hsm = module(&device);
    let sound = attributes("D0", 'T', 'E', 'N');
    let mut component = sound;
    component.version = payhsm::key::usage::KeyVersion::from_chars(*b"c1").unwrap();
    for (wanted, len, parts, kcv, error) in [
        (
            attributes("B1", 'T', 'X', 'N'),
            16,
            2,
            &[][..],
            Error::UsageNotPermitted,
        ),
        (attributes("D0", 'T', 'N', 'N'), 16, 2, &[], Error::ModeNotPermitted),
        (attributes("P0", 'T', 'B', 'N'), 16, 2, &[], Error::ModeNotPermitted),
        (component, 16, 2, &[], Error::KeyBlockKeyVersion),
        (attributes("D0", 'T', 'X', 'N'), 16, 2, &[], Error::KeyBlockMode),
        (attributes("M3", 'A', 'C', 'N'), 16, 2, &[], Error::KeyBlockAlgorithm),
        (
            attributes("D0", 'T', 'E', '1'),
            16,
            2,
            &[],
            Error::KeyBlockExportability,
        ),
        (sound, 8, 2, &[], Error::InvalidKeyLength),
        (sound, 32, 2, &[], Error::InvalidKeyLength),
        (sound, 16, 1, &[], Error::InvalidArgument),
        (sound, 16, 10, &[], Error::InvalidArgument),
        (sound, 16, 2, &[1, 2], Error::InvalidLength),
        (sound, 16, 2, &[1, 2, 3, 4], Error::InvalidLength),
        (
            attributes("D0", 'A', 'E', 'N'),
            16,
            2,
            &[1, 2, 3],
            Error::AlgorithmMismatch,
        ),
    ] {
        assert_eq!(
            hsm.component_begin(&wanted, len, parts, kcv),
            Err(error),
            "{wanted:?} {len} {parts}"
        );
        assert_eq!(hsm.status().state, State::Virgin);
    }
    assert_eq!(device.touched().0, 0);
}

/// E03: whatever goes wrong ends the ceremony; nothing is loaded, and nothing of it goes into the next.
#[test]
fn e03_every_error_ends_the_ceremony() {
    let mut hsm = start(&Device::new(1), Policy::STRICT, 2, 0).unwrap();
    let wanted = attributes("D0", 'A', 'E', 'N');
    let (a, b) = (value(1, 16), value(2, 16));
    let expected = ceremony(&mut hsm, &wanted, &value(3, 16)).unwrap();
    let check = hsm.key_info(expected).unwrap().check;
    let attempts: [(u32, &[u8], &[u8], Error); 8] = [
        (1, &b, &[], Error::Component),
        (2, &a, &[], Error::VerificationFailed),
        (2, &b, &[0; 5], Error::VerificationFailed),
        (2, &b, &[0; 3], Error::AlgorithmMismatch),
        (2, &b, &[0; 4], Error::InvalidLength),
        (2, &b[..15], &[], Error::InvalidKeyLength),
        (2, &[0; 16], &[], Error::WeakKey),
        (2, &[], &[], Error::InvalidKeyLength),
    ];
    for (custodian, part, kcv, error) in attempts {
        hsm.component_begin(&wanted, 16, 3, &[]).unwrap();
        hsm.component_add(1, &a, &[]).unwrap();
        assert_eq!(hsm.component_add(custodian, part, kcv), Err(error));
        assert_eq!((hsm.status().state, hsm.status().slots.1), (State::Operational, 1));
        assert_eq!(hsm.component_add(2, &b, &[]), Err(Error::BadState));
        assert_eq!(hsm.component_finish().err(), Some(Error::BadState));
        // The next one starts at zero.
        let again = ceremony(&mut hsm, &wanted, &value(3, 16)).unwrap();
        assert_eq!(hsm.key_info(again).unwrap().check, check);
        hsm.key_erase(again).unwrap();
    }
    // Too few, one too many, and a check value that the result has not.
    hsm.component_begin(&wanted, 16, 2, &[]).unwrap();
    hsm.component_add(1, &a, &[]).unwrap();
    assert_eq!(hsm.component_finish().err(), Some(Error::BadState));
    assert_eq!(hsm.status().state, State::Operational);
    hsm.component_begin(&wanted, 16, 2, &[]).unwrap();
    hsm.component_add(1, &a, &[]).unwrap();
    hsm.component_add(2, &b, &[]).unwrap();
    assert_eq!(hsm.component_add(3, &value(9, 16), &[]), Err(Error::BadState));
    assert_eq!(hsm.status().state, State::Operational);
    hsm.component_begin(&wanted, 16, 2, check.as_bytes()).unwrap();
    hsm.component_add(1, &a, &[]).unwrap();
    hsm.component_add(2, &b, &[]).unwrap();
    assert_eq!(hsm.component_finish().err(), Some(Error::VerificationFailed));
    assert_eq!((hsm.status().state, hsm.status().slots.1), (State::Operational, 1));
    // The right check value lets it in; no free slot does not.
    let second: Vec<u8> = a.iter().zip(value(3, 16)).map(|(a, b)| a ^ b).collect();
    for free in [true, false] {
        hsm.component_begin(&wanted, 16, 2, check.as_bytes()).unwrap();
        hsm.component_add(1, &a, &[]).unwrap();
        hsm.component_add(2, &second, &[]).unwrap();
        let result = hsm.component_finish();
        assert_eq!(result.err(), if free { None } else { Some(Error::SlotsFull) });
        assert_eq!((hsm.status().state, hsm.status().slots.1), (State::Operational, 2));
    }
    // Without one there is nothing to end.
    assert_eq!(hsm.component_abort(), Ok(()));
    assert_eq!(hsm.component_finish().err(), Some(Error::BadState));
}

/// I02: a handle names nothing after what it named is gone, and nothing in another module.
#[test]
fn i02_stale_and_foreign_handles() {
    let (mut hsm, handles) = populated(&Device::new(1));
    let (other, foreign) = populated(&Device::new(2));
    assert_eq!(other.key_info(handles.key).err(), Some(Error::InvalidHandle));
    assert_eq!(other.dukpt_ksn(handles.group).err(), Some(Error::InvalidHandle));
    assert_eq!(
        other.transaction_ksn(handles.transaction).err(),
        Some(Error::InvalidHandle)
    );
    assert_eq!(hsm.key_erase(foreign.key), Err(Error::InvalidHandle));
    assert_eq!(hsm.dukpt_erase(foreign.group), Err(Error::InvalidHandle));
    assert_eq!(hsm.transaction_end(foreign.transaction), Err(Error::InvalidHandle));

    // The slot again, the same key in it: another handle.
    hsm.key_erase(handles.key).unwrap();
    let again = key(&mut hsm, "M6", 'A', 'C', 31);
    assert_eq!((again.to_raw() ^ handles.key.to_raw()) >> 20, 0);
    assert_ne!(again, handles.key);
    assert_eq!(hsm.key_erase(handles.key), Err(Error::InvalidHandle));
    let mut mac = [0xA5; 8];
    let result = hsm.mac_generate(handles.key.into(), MacMethod::CMAC, b"message", &mut mac);
    assert_eq!((result, mac), (Err(Error::InvalidHandle), [0; 8]));

    // A transaction ends by the next one, by its end, and with its group.
    let (second, _) = hsm.dukpt_begin(handles.group).unwrap();
    assert_eq!(
        hsm.transaction_ksn(handles.transaction).err(),
        Some(Error::InvalidHandle)
    );
    hsm.transaction_end(second).unwrap();
    assert_eq!(hsm.transaction_end(second), Err(Error::InvalidHandle));
    let (third, _) = hsm.dukpt_begin(handles.group).unwrap();
    assert_eq!(hsm.transaction_ksn(second).err(), Some(Error::InvalidHandle));
    hsm.dukpt_erase(handles.group).unwrap();
    assert_eq!(hsm.transaction_ksn(third).err(), Some(Error::InvalidHandle));
    assert_eq!(hsm.dukpt_begin(handles.group).err(), Some(Error::InvalidHandle));
    assert_eq!(hsm.dukpt_erase(handles.group), Err(Error::InvalidHandle));
}

/// I02: numbers at random name nothing.
#[test]
fn i02_random_handle_values() {
    let (mut hsm, handles) = populated(&Device::new(1));
    let live = [
        handles.key.to_raw(),
        handles.group.to_raw(),
        handles.transaction.to_raw(),
    ];
    let mut state = 5_u64;
    let mut kinds = [0; 3];
    for n in 0..100_000_u32 {
        state = state.wrapping_mul(0x5851_F42D_4C95_7F2D).wrapping_add(1);
        let random = u32::try_from(state >> 32).unwrap();
        // Every other value near a live one: kind and place right, the generation not.
        let raw = match n % 4 {
            0 => (live[0] & 0xFFF0_0000) | (random & 0x000F_FFFF),
            1 => (live[usize::try_from(n / 4 % 2).unwrap() + 1] & 0xFFF0_0000) | (random & 0x000F_FFFF),
            _ => random,
        };
        // The KBPK in slot 0 may be hit, too: its place is left out.
        if live.contains(&raw) || raw >> 20 == 0x100 {
            continue;
        }
        if let Ok(handle) = KeyHandle::from_raw(raw) {
            assert_eq!(hsm.key_info(handle).err(), Some(Error::InvalidHandle));
            let result = hsm.data_encipher(handle.into(), &[0; 16], &mut [0; 16]);
            assert_eq!(result, Err(Error::InvalidHandle));
            kinds[0] += 1;
        }
        if let Ok(handle) = GroupHandle::from_raw(raw) {
            assert_eq!(hsm.dukpt_begin(handle).err(), Some(Error::InvalidHandle));
            kinds[1] += 1;
        }
        if let Ok(handle) = TransactionHandle::from_raw(raw) {
            assert_eq!(hsm.transaction_ksn(handle).err(), Some(Error::InvalidHandle));
            kinds[2] += 1;
        }
    }
    assert!(kinds[0] > 20_000 && kinds[1] > 10_000 && kinds[2] > 10_000, "{kinds:?}");
    hsm.key_info(handles.key).unwrap();
}

/// Attack row E03: a ceremony that is left open is over when its time has passed, and what was entered is gone.
#[test]
fn e03_an_abandoned_ceremony_ends() {
    const MINUTE: u64 = 60_000;
    let wanted = attributes("D0", 'A', 'E', 'N');
    let device = Device::new(1);
    device.world().now = Some(5);
    let mut hsm = module(&device);
    let open = |hsm: &mut Module| {
        hsm.component_begin(&wanted, 16, 2, &[]).unwrap();
        hsm.component_add(1, &value(1, 16), &[]).unwrap();
    };
    let at = |now| device.world().now = now;
    // One millisecond before the end it goes on.
    open(&mut hsm);
    at(Some(4 + 15 * MINUTE));
    hsm.expire();
    hsm.component_add(2, &value(2, 16), &[]).unwrap();
    let made = hsm.component_finish().unwrap();
    hsm.key_erase(made.key).unwrap();
    // At the end it is over, whichever command comes.
    for command in 0..4 {
        at(Some(0));
        open(&mut hsm);
        assert_eq!(hsm.random(&mut [0; 4]), Err(Error::BadState));
        at(Some(15 * MINUTE));
        match command {
            0 => assert_eq!(hsm.component_add(2, &value(2, 16), &[]), Err(Error::BadState)),
            1 => assert_eq!(hsm.component_finish().err(), Some(Error::BadState)),
            2 => hsm.component_begin(&wanted, 16, 2, &[]).unwrap(),
            _ => hsm.expire(),
        }
        if command == 2 {
            // A new one, without the old one's component.
            hsm.component_add(1, &value(3, 16), &[]).unwrap();
            hsm.component_abort().unwrap();
        }
        assert_eq!(hsm.status().state, State::Operational);
        hsm.random(&mut [0; 4]).unwrap();
    }
    // A clock that stops answering, a clock at its end, and none at all.
    at(Some(0));
    open(&mut hsm);
    at(None);
    hsm.expire();
    assert_eq!(hsm.status().state, State::Operational);
    at(Some(u64::MAX));
    hsm.component_begin(&wanted, 16, 2, &[]).unwrap();
    hsm.expire();
    assert_eq!(hsm.status().state, State::Operational);
    at(None);
    open(&mut hsm);
    at(Some(u64::MAX));
    hsm.component_add(2, &value(2, 16), &[]).unwrap();
    hsm.component_finish().unwrap();
}
