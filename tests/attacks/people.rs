// SPDX-License-Identifier: MIT OR Apache-2.0
//! C10: who may do what. Every command for every role against a table of its own: `tests/hsm/people.rs`.

use payhsm::error::Error;
use payhsm::hsm::{CHALLENGE_LEN, Command, KeyHandle, SecondFactor, SessionHandle, State, UserRole};
use payhsm::mac::Mac;
use payhsm::mac::cmac::CmacAes;
use payhsm::policy::{Permission, Policy};

use crate::catalogue::{attack, attack_fails, figure, refused};
use crate::commands::{every_result, populate};
use crate::common::{Device, Module, attributes, ceremony, start, value};

const MINUTE: u64 = 60_000;

fn user_key(user: u8) -> Vec<u8> {
    value(0x80 + user, 16)
}

fn slot_key(hsm: &mut Module, user: u8) -> KeyHandle {
    ceremony(hsm, &attributes("M6", 'A', 'V', 'N'), &user_key(user)).unwrap()
}

pub fn login(hsm: &mut Module, user: u8) -> SessionHandle {
    let mut challenge = [0; CHALLENGE_LEN];
    hsm.login_begin(user, &mut challenge).unwrap();
    let mut mac = CmacAes::new(&user_key(user)).unwrap();
    mac.update(&challenge);
    let mut response = [0; 16];
    mac.finish(&mut response).unwrap();
    hsm.login_finish(&response, 0).unwrap()
}

/// Two officers, 1 and 2, custodians 3 and 4, an operator 5, an auditor 6, a host 7; nobody is logged in.
pub fn staff(hsm: &mut Module) {
    let keys: Vec<KeyHandle> = (1..=7).map(|user| slot_key(hsm, user)).collect();
    let enrol = |hsm: &mut Module, user: u8, role| {
        let key = keys[usize::from(user) - 1];
        hsm.role_enrol(user, role, key, SecondFactor::None).unwrap();
    };
    enrol(hsm, 1, UserRole::Officer);
    let session = login(hsm, 1);
    enrol(hsm, 2, UserRole::Officer);
    enrol(hsm, 3, UserRole::Custodian);
    enrol(hsm, 4, UserRole::Custodian);
    enrol(hsm, 5, UserRole::Operator);
    enrol(hsm, 6, UserRole::Auditor);
    enrol(hsm, 7, UserRole::Host);
    hsm.logout(session).unwrap();
}

fn staffed(device: &Device) -> Module {
    let mut hsm = start(device, Policy::STRICT, 20, 2).unwrap();
    staff(&mut hsm);
    hsm
}

/// Commands that this user's role is not for: how many were refused, and how many were not.
fn beyond_the_role(user: u8) -> (usize, usize) {
    let device = Device::new(1);
    let mut hsm = start(&device, Policy::STRICT, 20, 2).unwrap();
    let handles = populate(&mut hsm);
    staff(&mut hsm);
    let role = (user != 0).then(|| {
        login(&mut hsm, user);
        hsm.role_status(user).unwrap().role
    });
    let before = device.touched();
    let (mut refused, mut won) = (0, 0);
    for (name, result) in every_result(&mut hsm, &handles, |_| Vec::new()) {
        // Two forms of one command.
        let name = match name {
            "key_block_export" => "key_block_export_as",
            "batch_read_arqc_verify" => "batch_arqc_verify",
            _ => name,
        };
        let command = Command::ALL.iter().find(|command| command.name() == name).unwrap();
        if role.is_some_and(|role| command.roles().contains(role)) {
            continue;
        }
        // A custodian opens a ceremony on the way, and the state is judged before the role.
        let loading = hsm.status().state == State::Loading && result == Err(Error::BadState);
        if loading || result == Err(Error::NotAuthenticated) {
            refused += 1;
        } else {
            won += 1;
        }
    }
    assert!(user != 0 || won != 0 || device.touched() == before);
    (refused, won)
}

/// Each role does what is its own and no more; one person is not two; a session that is over gives nothing.
#[test]
fn c10_who_may_do_what() {
    let mut sum = 0;
    for user in [0, 1, 3, 5, 6, 7] {
        sum += beyond_the_role(user).0;
        attack_fails("C10", || beyond_the_role(user).1 > 0);
    }
    assert!(sum > 350, "{sum}");
    figure("C10", &format!("{sum} commands of other roles are refused"));

    let wanted = attributes("D0", 'A', 'E', 'N');
    // An operator loads, and a custodian transacts.
    attack("C10", Error::NotAuthenticated, || {
        let mut hsm = staffed(&Device::new(1));
        login(&mut hsm, 5);
        hsm.component_begin(&wanted, 16, 2, &[])
    });
    attack("C10", Error::NotAuthenticated, || {
        let device = Device::new(1);
        let mut hsm = start(&device, Policy::STRICT, 20, 2).unwrap();
        let own = ceremony(&mut hsm, &wanted, &value(60, 16)).unwrap();
        staff(&mut hsm);
        login(&mut hsm, 3);
        refused(&device, &mut [0; 16], |out| {
            hsm.data_encipher(own.into(), &[0; 16], out)
        })
    });
    // One custodian speaks for another who is not there.
    attack("C10.custodian", Error::NotAuthenticated, || {
        let mut hsm = staffed(&Device::new(1));
        login(&mut hsm, 3);
        hsm.component_begin(&wanted, 16, 2, &[]).unwrap();
        hsm.component_add(3, &value(1, 16), &[]).unwrap();
        hsm.component_add(4, &value(2, 16), &[])?;
        hsm.component_finish().map(|_| ())
    });
    // One officer stands for two, also by logging in again.
    attack("C10.two", Error::NotAuthenticated, || {
        let mut hsm = staffed(&Device::new(1));
        login(&mut hsm, 1);
        login(&mut hsm, 1);
        let result = hsm.policy_widen(Policy::STRICT.with(Permission::EcbData));
        assert_eq!(hsm.policy() == Policy::STRICT, result.is_err());
        result
    });
    // One person under two numbers.
    attack("C10.key", Error::VerificationFailed, || {
        let mut hsm = start(&Device::new(1), Policy::STRICT, 4, 0).unwrap();
        let (one, copy) = (slot_key(&mut hsm, 1), slot_key(&mut hsm, 1));
        hsm.role_enrol(1, UserRole::Officer, one, SecondFactor::None).unwrap();
        login(&mut hsm, 1);
        hsm.role_enrol(2, UserRole::Officer, copy, SecondFactor::None)
    });
    // Whoever finds the terminal logged in, a quarter of an hour later, or with the clock turned back.
    for later in [100 * MINUTE + 1, 84 * MINUTE] {
        attack("C10.idle", Error::NotAuthenticated, || {
            let device = Device::new(1);
            device.world().now = Some(85 * MINUTE);
            let mut hsm = staffed(&device);
            login(&mut hsm, 3);
            device.world().now = Some(later);
            hsm.component_begin(&wanted, 16, 2, &[])
        });
    }
    // The handle of a session that is over, when another one is in its place.
    attack("C10.handle", Error::InvalidHandle, || {
        let mut hsm = staffed(&Device::new(1));
        let past = login(&mut hsm, 3);
        hsm.logout(past).unwrap();
        login(&mut hsm, 1);
        let result = hsm.logout(past);
        assert_eq!(hsm.role_status(1).unwrap().session.is_some(), result.is_err());
        result
    });
}
