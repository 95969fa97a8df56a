// SPDX-License-Identifier: MIT OR Apache-2.0
//! Roles: who may do what, log-ins, tries, locks, dual control, the policy at run time (attack row C10).

use payhsm::error::Error;
use payhsm::hsm::{
    Act, CHALLENGE_LEN, CodeHash, Command, Config, Group, Hsm, KeyHandle, Roles, SecondFactor, SessionHandle, Slot,
    State, USER_RECORD_LEN, UserRole, read_life_record, read_user_record,
};
use payhsm::key::Key;
use payhsm::key::role::StorageKey;
use payhsm::key::usage::{Attributes, Exportability, KeyAlgorithm, ModeOfUse, Usage};
use payhsm::mac::Mac;
use payhsm::mac::cmac::CmacAes;
use payhsm::mac::hmac::HmacSha256;
use payhsm::policy::{Permission, Policy};

use crate::common::{Asked, Device, Module, NO_LIMITS, PROFILE, attributes, block, ceremony, key, module, value};
use crate::life::{every_result, populate};

fn user_key(user: u8) -> Vec<u8> {
    value(0x80 + user, 16)
}

/// The key of a user, in a slot.
fn slot_key(hsm: &mut Module, user: u8) -> KeyHandle {
    ceremony_key(hsm, &user_key(user))
}

fn ceremony_key(hsm: &mut Module, material: &[u8]) -> KeyHandle {
    ceremony(hsm, &attributes("M6", 'A', 'V', 'N'), material).unwrap()
}

/// Enrols a user with nothing but a key, the first one with the platform's word.
pub fn enrol(hsm: &mut Module, user: u8, role: UserRole) {
    let key = slot_key(hsm, user);
    hsm.role_enrol(user, role, key, SecondFactor::None).unwrap();
}

fn cmac(key: &[u8], message: &[u8]) -> [u8; 16] {
    let mut mac = CmacAes::new(key).unwrap();
    mac.update(message);
    let mut out = [0; 16];
    mac.finish(&mut out).unwrap();
    out
}

fn respond(hsm: &mut Module, user: u8, code: u32, spoil: u8) -> Result<SessionHandle, Error> {
    let mut challenge = [0; CHALLENGE_LEN];
    hsm.login_begin(user, &mut challenge)?;
    let mut response = cmac(&user_key(user), &challenge);
    response[15] ^= spoil;
    hsm.login_finish(&response, code)
}

pub fn login(hsm: &mut Module, user: u8) -> Result<SessionHandle, Error> {
    respond(hsm, user, 0, 0)
}

fn wrong(hsm: &mut Module, user: u8) -> Error {
    respond(hsm, user, 0, 1).unwrap_err()
}

/// Two officers, a custodian 3 and 4, an operator 5, an auditor 6, a host 7. Keys are loaded before the first officer is
/// enrolled: afterwards that takes custodians.
fn staffed(device: &Device) -> Module {
    let mut hsm = start(device);
    staff(&mut hsm);
    hsm
}

fn start(device: &Device) -> Module {
    crate::common::start(device, Policy::STRICT, 20, 2).unwrap()
}

fn staff(hsm: &mut Module) {
    let keys: Vec<KeyHandle> = (1..=7).map(|user| slot_key(hsm, user)).collect();
    hsm.role_enrol(1, UserRole::Officer, keys[0], SecondFactor::None)
        .unwrap();
    login(hsm, 1).unwrap();
    for (user, role) in [
        (2, UserRole::Officer),
        (3, UserRole::Custodian),
        (4, UserRole::Custodian),
        (5, UserRole::Operator),
        (6, UserRole::Auditor),
        (7, UserRole::Host),
    ] {
        hsm.role_enrol(user, role, keys[usize::from(user) - 1], SecondFactor::None)
            .unwrap();
    }
    let session = hsm.role_status(1).unwrap().session.unwrap();
    hsm.logout(session).unwrap();
}

/// The roles of each command, in the words of `docs/LIFE-CYCLE.md`. Not the library's table.
fn roles_of(name: &str) -> Roles {
    let starts = |prefixes: &[&str]| prefixes.iter().any(|prefix| name.starts_with(prefix));
    match name {
        "login_begin" | "login_finish" | "logout" | "self_test" | "self_test_step" | "wipe" | "reinitialise" => {
            Roles::ANYONE
        }
        "key_info" | "key_check" | "key_public" | "random" | "dukpt_find" | "dukpt_ksn" | "transaction_ksn"
        | "audit_note" | "backup_len" | "key_bounds" | "key_next" | "session_close" | "session_open" | "set_date" => {
            Roles::PEOPLE
        }
        "audit_key_export" | "audit_release" | "audit_verify" => Roles::AUDITOR,
        "backup_restore" | "backup_write" | "key_narrow" | "key_replace" | "key_store" | "limits_reset" => {
            Roles::OFFICER
        }
        "dukpt_load" | "dukpt_update" | "unionpay_sign_on" | "working_key_import" | "batch_key_import" => Roles::HOST,
        "key_erase" | "key_generate" | "dukpt_erase" | "pin_profile_register" | "lock" | "unlock" => Roles::OFFICER,
        _ if starts(&["role_", "policy_"]) => Roles::OFFICER,
        _ if starts(&["component_"]) => Roles::CUSTODIAN,
        _ if starts(&["key_block_", "agreement_", "dukpt_export_"]) => Roles::HOST,
        _ => Roles::OPERATOR,
    }
}

/// Attack row C10: every command, for nobody and for each role: the table, cell by cell.
#[test]
fn c10_every_command_for_every_role() {
    for command in Command::ALL {
        assert_eq!(command.roles(), roles_of(command.name()), "{}", command.name());
    }
    let (mut allowed, mut refused) = (0, 0);
    for user in [0, 1, 3, 5, 6, 7] {
        let device = Device::new(1);
        let mut hsm = start(&device);
        let handles = populate(&mut hsm);
        staff(&mut hsm);
        let role = (user != 0).then(|| {
            login(&mut hsm, user).unwrap();
            hsm.role_status(user).unwrap().role
        });
        let touched = device.touched();
        // A custodian opens a ceremony on the way: the state is judged before the role then.
        let loading = role == Some(UserRole::Custodian);
        for (name, result) in every_result(&mut hsm, &handles) {
            let roles = roles_of(if name == "key_block_export" {
                "key_block_export_as"
            } else {
                name
            });
            let may = role.is_some_and(|role| roles.contains(role));
            if may {
                allowed += 1;
                if name != "policy_widen" {
                    assert_ne!(result, Err(Error::NotAuthenticated), "{name} {role:?}");
                }
            } else {
                refused += 1;
                let state = loading && hsm.status().state == State::Loading && result == Err(Error::BadState);
                assert!(
                    state || result == Err(Error::NotAuthenticated),
                    "{name} {role:?} {result:?}"
                );
            }
        }
        if role.is_none() {
            assert_eq!(device.touched(), touched);
        }
    }
    assert!(allowed > 90 && refused > 350, "{allowed} {refused}");
}

/// Attack row C10: an operator loads nothing, a custodian transacts nothing, one custodian does not stand for two, and
/// a session that is over gives nothing.
#[test]
fn c10_one_person_is_not_two() {
    let device = Device::new(1);
    device.world().now = Some(0);
    let mut hsm = staffed(&device);
    let wanted = attributes("D0", 'A', 'E', 'N');
    login(&mut hsm, 5).unwrap();
    assert_eq!(hsm.component_begin(&wanted, 16, 2, &[]), Err(Error::NotAuthenticated));
    login(&mut hsm, 3).unwrap();
    hsm.component_begin(&wanted, 16, 2, &[]).unwrap();
    // A number that is not the custodian's own ends it.
    assert_eq!(hsm.component_add(4, &value(1, 16), &[]), Err(Error::NotAuthenticated));
    hsm.component_begin(&wanted, 16, 2, &[]).unwrap();
    hsm.component_add(3, &value(1, 16), &[]).unwrap();
    assert_eq!(hsm.component_add(3, &value(2, 16), &[]), Err(Error::Component));
    hsm.component_begin(&wanted, 16, 2, &[]).unwrap();
    hsm.component_add(3, &value(1, 16), &[]).unwrap();
    // The second one logs in while the ceremony is open.
    login(&mut hsm, 4).unwrap();
    hsm.component_add(4, &value(2, 16), &[]).unwrap();
    hsm.component_finish().unwrap();
    // An operator's number is no custodian's.
    hsm.component_begin(&wanted, 16, 2, &[]).unwrap();
    assert_eq!(hsm.component_add(5, &value(1, 16), &[]), Err(Error::NotAuthenticated));

    // Idle: fourteen minutes pass, fifteen and a moment do not; each command begins anew.
    let minute = 60_000;
    for now in [14 * minute, 28 * minute] {
        device.world().now = Some(now);
        hsm.component_begin(&wanted, 16, 2, &[]).unwrap();
        hsm.component_abort().unwrap();
    }
    device.world().now = Some(43 * minute + 1);
    assert_eq!(hsm.component_begin(&wanted, 16, 2, &[]), Err(Error::NotAuthenticated));
    assert_eq!(hsm.role_status(3).unwrap().session, None);
    // K04: a clock that goes back, or away, ends sessions as well.
    for now in [Some(5), None] {
        device.world().now = Some(50 * minute);
        login(&mut hsm, 3).unwrap();
        device.world().now = now;
        assert_eq!(hsm.component_begin(&wanted, 16, 2, &[]), Err(Error::NotAuthenticated));
    }
    // A log-out ends a session, and its handle names nothing afterwards, not even the next one in its place.
    device.world().now = Some(60 * minute);
    let first = login(&mut hsm, 3).unwrap();
    hsm.logout(first).unwrap();
    assert_eq!(hsm.logout(first), Err(Error::InvalidHandle));
    let second = login(&mut hsm, 1).unwrap();
    assert_ne!(first, second);
    assert_eq!(hsm.logout(first), Err(Error::InvalidHandle));
    assert_eq!(hsm.component_begin(&wanted, 16, 2, &[]), Err(Error::NotAuthenticated));
    // A new session of the same user ends the old one.
    let third = login(&mut hsm, 1).unwrap();
    assert_eq!(hsm.logout(second), Err(Error::InvalidHandle));
    hsm.logout(third).unwrap();
    // A start ends all of them, and the users stay.
    login(&mut hsm, 1).unwrap();
    drop(hsm);
    device.boot(None);
    let mut hsm = start(&device);
    assert_eq!(hsm.status().state, State::Operational);
    assert_eq!(hsm.policy_freeze(), Err(Error::NotAuthenticated));
    assert_eq!(hsm.role_status(7).unwrap().role, UserRole::Host);
    login(&mut hsm, 7).unwrap();
}

/// Without a first officer nothing is asked of anybody; the first user is an officer, and the platform says who.
#[test]
fn roles_begin_with_the_first_officer() {
    let device = Device::new(1);
    let mut hsm = start(&device);
    let key1 = slot_key(&mut hsm, 1);
    let key2 = slot_key(&mut hsm, 2);
    let other = key(&mut hsm, "M6", 'A', 'C', 50);
    let none = SecondFactor::None;
    assert_eq!(hsm.role_enrol(1, UserRole::Operator, key1, none), Err(Error::BadState));
    assert_eq!(
        hsm.role_enrol(0, UserRole::Officer, key1, none),
        Err(Error::InvalidArgument)
    );
    assert_eq!(
        hsm.role_enrol(13, UserRole::Officer, key1, none),
        Err(Error::InvalidArgument)
    );
    assert_eq!(
        hsm.role_enrol(1, UserRole::Officer, other, none),
        Err(Error::ModeNotPermitted)
    );
    device.world().answer = Some(Error::Refused);
    assert_eq!(hsm.role_enrol(1, UserRole::Officer, key1, none), Err(Error::Refused));
    device.world().answer = None;
    let before = device.world().asked.len();
    hsm.role_enrol(1, UserRole::Officer, key1, none).unwrap();
    assert_eq!(device.world().asked[before..], [Asked::Enrol(1, UserRole::Officer)]);
    // The key has left its slot, and roles are enforced.
    assert_eq!(hsm.key_info(key1).err(), Some(Error::NotAuthenticated));
    login(&mut hsm, 1).unwrap();
    assert_eq!(hsm.key_info(key1).err(), Some(Error::InvalidHandle));
    // The same number, and the same key under another number, are no second person.
    assert_eq!(hsm.role_enrol(1, UserRole::Officer, key2, none), Err(Error::BadState));
    // The second officer: the first one and the platform.
    hsm.role_enrol(2, UserRole::Officer, key2, none).unwrap();
    assert_eq!(device.world().asked.last(), Some(&Asked::Enrol(2, UserRole::Officer)));
    // Neither of the last two goes.
    assert_eq!(hsm.role_revoke(2), Err(Error::BadState));
    assert_eq!(hsm.role_revoke(3), Err(Error::NoKey));
}

#[test]
fn c10_one_key_is_one_person() {
    let device = Device::new(1);
    let mut hsm = start(&device);
    let (one, copy, third) = (slot_key(&mut hsm, 1), slot_key(&mut hsm, 1), slot_key(&mut hsm, 3));
    hsm.role_enrol(1, UserRole::Officer, one, SecondFactor::None).unwrap();
    login(&mut hsm, 1).unwrap();
    assert_eq!(
        hsm.role_enrol(2, UserRole::Officer, copy, SecondFactor::None),
        Err(Error::VerificationFailed)
    );
    hsm.role_enrol(2, UserRole::Officer, third, SecondFactor::None).unwrap();
}

/// Two different officers, at the same time.
#[test]
fn dual_control() {
    let device = Device::new(1);
    let mut hsm = start(&device);
    // Without officers the platform answers.
    let wider = Policy::STRICT.with(Permission::EcbData);
    device.world().answer = Some(Error::Refused);
    assert_eq!(hsm.policy_widen(wider), Err(Error::Refused));
    assert_eq!(device.world().asked.last(), Some(&Asked::DualControl(Act::PolicyWiden)));
    device.world().answer = None;
    hsm.policy_widen(wider).unwrap();
    assert!(hsm.policy().has(Permission::EcbData));
    hsm.policy_narrow(wider).unwrap();
    assert_eq!(hsm.policy(), Policy::STRICT);
    staff(&mut hsm);
    assert_eq!(hsm.policy_widen(wider), Err(Error::NotAuthenticated));
    login(&mut hsm, 1).unwrap();
    login(&mut hsm, 1).unwrap();
    assert_eq!(hsm.policy_widen(wider), Err(Error::NotAuthenticated));
    login(&mut hsm, 3).unwrap();
    assert_eq!(hsm.policy_widen(wider), Err(Error::NotAuthenticated));
    assert_eq!(hsm.reinitialise(), Err(Error::NotAuthenticated));
    login(&mut hsm, 2).unwrap();
    hsm.policy_widen(wider).unwrap();
    assert!(hsm.policy().has(Permission::EcbData));
    // What the configuration does not give lasts until the next start.
    drop(hsm);
    device.boot(None);
    let mut hsm = start(&device);
    assert_eq!(hsm.policy(), Policy::STRICT);
    login(&mut hsm, 1).unwrap();
    login(&mut hsm, 2).unwrap();
    hsm.policy_freeze().unwrap();
    assert_eq!(hsm.policy_widen(wider), Err(Error::Refused));
    drop(hsm);
    device.boot(None);
    let mut hsm = start(&device);
    login(&mut hsm, 1).unwrap();
    login(&mut hsm, 2).unwrap();
    assert_eq!(hsm.policy_widen(wider), Err(Error::Refused));
}

/// What brings back more than there was needs two officers as well, besides the platform's word: an older backup, and limits
/// that begin anew.
#[test]
fn d08_restoring_and_resetting_take_two_officers() {
    let device = Device::new(1);
    let slots = Box::leak((0..20).map(|_| Slot::EMPTY).collect::<Box<[_]>>());
    let groups: &mut [Group] = &mut [];
    let storage_key = Key::<StorageKey, _>::from_bytes(&[0x5A; 32]).unwrap();
    let config = Config {
        storage_key: Some(&storage_key),
        self_tests: payhsm::hsm::SelfTestMode::Off,
        persistent_limits: true,
        ..Config::default()
    };
    let mut hsm = Hsm::new(device.clone(), slots, groups, config).unwrap();
    let data = ceremony(&mut hsm, &attributes("D0", 'A', 'B', 'E'), &value(1, 16)).unwrap();
    let k1 = ceremony(&mut hsm, &attributes("K1", 'A', 'B', 'N'), &value(2, 32)).unwrap();
    let [older, newer] = [(), ()].map(|()| {
        let mut out = vec![0; hsm.backup_len().unwrap()];
        let len = hsm.backup_write(k1, &mut out).unwrap();
        out.truncate(len);
        out
    });
    // Without officers the platform is asked, and nobody else.
    let before = device.world().asked.len();
    hsm.limits_reset().unwrap();
    assert_eq!(device.world().asked[before..], [Asked::LimitsReset]);
    staff(&mut hsm);
    login(&mut hsm, 1).unwrap();
    hsm.key_erase(data).unwrap();
    let before = device.world().asked.len();
    assert_eq!(hsm.backup_restore(k1, &older), Err(Error::NotAuthenticated));
    assert_eq!(hsm.limits_reset(), Err(Error::NotAuthenticated));
    // Nobody is asked about what may not be anyway.
    assert_eq!(device.world().asked.len(), before);
    // The newest backup of this device takes one officer and the platform.
    assert_eq!(hsm.backup_restore(k1, &newer), Ok(1));
    let (_, back, _) = hsm.key_next(0).unwrap().unwrap();
    hsm.key_erase(back).unwrap();
    // Custodians and a second session of the same officer do not count.
    login(&mut hsm, 3).unwrap();
    login(&mut hsm, 1).unwrap();
    assert_eq!(hsm.backup_restore(k1, &older), Err(Error::NotAuthenticated));
    assert_eq!(hsm.limits_reset(), Err(Error::NotAuthenticated));
    login(&mut hsm, 2).unwrap();
    // The platform's word is needed all the same.
    device.world().answer = Some(Error::Refused);
    assert_eq!(hsm.backup_restore(k1, &older), Err(Error::Refused));
    assert_eq!(hsm.limits_reset(), Err(Error::Refused));
    device.world().answer = None;
    assert_eq!(hsm.backup_restore(k1, &older), Ok(1));
    hsm.limits_reset().unwrap();
}

/// A permission that was withdrawn stays away, whatever the configuration says at the next start.
#[test]
fn a_narrowed_policy_stays_narrow() {
    let device = Device::new(1);
    let wide = Policy::STRICT.with(Permission::EcbData).with(Permission::CbcMac);
    let boot = || crate::common::start(&device, wide, 4, 1).unwrap();
    let mut hsm = boot();
    hsm.policy_narrow(Policy::STRICT.with(Permission::EcbData)).unwrap();
    for _ in 0..2 {
        assert_eq!(hsm.policy(), Policy::STRICT.with(Permission::CbcMac));
        drop(hsm);
        device.boot(None);
        hsm = boot();
    }
    hsm.policy_widen(Policy::STRICT.with(Permission::EcbData)).unwrap();
    drop(hsm);
    device.boot(None);
    assert_eq!(boot().policy(), wide);
}

/// Tries: counted in the storage before anything is compared, then waits that double, then a lock that only an officer
/// lifts. A clock that stops, goes back or is absent loosens nothing (K04).
#[test]
fn tries_waits_and_the_lock() {
    let device = Device::new(1);
    device.world().now = Some(1_000_000);
    let mut hsm = staffed(&device);
    for failures in 1..=5 {
        assert_eq!(wrong(&mut hsm, 5), Error::VerificationFailed);
        assert_eq!(hsm.role_status(5).unwrap().failures, failures);
    }
    let mut now = 1_000_000_u64;
    for (failures, wait) in (5..10).zip([30_000, 60_000, 120_000, 240_000, 480_000]) {
        assert_eq!(hsm.role_status(5).unwrap().wait, wait, "{failures}");
        for at in [now, now + wait - 1, now - 1, 0] {
            device.world().now = Some(at);
            assert_eq!(login(&mut hsm, 5), Err(Error::RateLimited));
        }
        // Others are not kept waiting.
        device.world().now = Some(now);
        let other = login(&mut hsm, 6).unwrap();
        hsm.logout(other).unwrap();
        now += wait;
        device.world().now = Some(now);
        // A start does not shorten it.
        drop(hsm);
        device.boot(None);
        hsm = start(&device);
        assert_eq!(login(&mut hsm, 5), Err(Error::RateLimited));
        now += wait;
        device.world().now = Some(now);
        assert_eq!(wrong(&mut hsm, 5), Error::VerificationFailed);
    }
    assert_eq!(hsm.status().state, State::Locked);
    assert_eq!(login(&mut hsm, 6), Err(Error::Locked));
    assert_eq!(hsm.random(&mut [0; 4]), Err(Error::Locked));
    drop(hsm);
    device.boot(None);
    let mut hsm = start(&device);
    assert_eq!(hsm.status().state, State::Locked);
    // An officer's log-in lifts it; who failed must wait on.
    login(&mut hsm, 1).unwrap();
    assert_eq!(hsm.status().state, State::Operational);
    assert_eq!(login(&mut hsm, 5), Err(Error::RateLimited));
    now += 30_000;
    device.world().now = Some(now);
    login(&mut hsm, 5).unwrap();
    assert_eq!(hsm.role_status(5).unwrap().failures, 0);
    drop(hsm);

    // Without a clock: one try in a start.
    device.boot(None);
    device.world().now = None;
    let mut hsm = start(&device);
    for _ in 0..5 {
        wrong(&mut hsm, 5);
    }
    assert_eq!(hsm.role_status(5).unwrap().wait, u64::MAX);
    assert_eq!(login(&mut hsm, 5), Err(Error::RateLimited));
    drop(hsm);
    device.boot(None);
    let mut hsm = start(&device);
    assert_eq!(wrong(&mut hsm, 5), Error::VerificationFailed);
    assert_eq!(login(&mut hsm, 5), Err(Error::RateLimited));
}

/// A power cut at any operation of the storage of a try gives no try for nothing.
#[test]
fn a_try_is_counted_before_the_compare() {
    use crate::common::{FAULTS, Fault};
    let device = Device::new(1);
    let hsm = staffed(&device);
    drop(hsm);
    let records = device.world().records.clone();
    let mut cut = 0;
    for fault in FAULTS {
        for at in 0.. {
            device.world().records = records.clone();
            device.boot(None);
            let mut hsm = start(&device);
            let base = device.world().done;
            device.world().fault = Some((base + at, fault));
            let answer = respond(&mut hsm, 5, 0, 1);
            let done = device.world().done - base;
            drop(hsm);
            if done <= at {
                break;
            }
            cut += 1;
            device.boot(None);
            let mut hsm = start(&device);
            if hsm.status().state == State::Tampered {
                // A torn record and no other.
                assert_eq!(fault, Fault::Torn);
                continue;
            }
            let failures = hsm.role_status(5).unwrap().failures;
            if answer == Err(Error::VerificationFailed) {
                assert_eq!(failures, 1, "{fault:?} {at}");
            } else {
                assert!(failures <= 1);
            }
        }
    }
    assert!(cut > 20, "{cut}");
}

/// A lock by an officer needs two to lift it, and outlives the start.
#[test]
fn an_officers_lock() {
    let device = Device::new(1);
    let mut hsm = staffed(&device);
    login(&mut hsm, 5).unwrap();
    assert_eq!(hsm.lock(), Err(Error::NotAuthenticated));
    login(&mut hsm, 1).unwrap();
    assert_eq!(hsm.unlock(), Err(Error::BadState));
    hsm.lock().unwrap();
    for _ in 0..2 {
        assert_eq!(hsm.status().state, State::Locked);
        assert_eq!(hsm.role_status(1).unwrap().session, None);
        assert_eq!(login(&mut hsm, 5), Err(Error::Locked));
        assert_eq!(hsm.unlock(), Err(Error::NotAuthenticated));
        login(&mut hsm, 1).unwrap();
        assert_eq!(
            (hsm.status().state, hsm.unlock()),
            (State::Locked, Err(Error::NotAuthenticated))
        );
        drop(hsm);
        device.boot(None);
        hsm = start(&device);
    }
    login(&mut hsm, 1).unwrap();
    login(&mut hsm, 2).unwrap();
    hsm.unlock().unwrap();
    assert_eq!(hsm.status().state, State::Operational);
    login(&mut hsm, 5).unwrap();
    drop(hsm);
    device.boot(None);
    assert_eq!(start(&device).status().state, State::Operational);
    // A module without officers has nobody who could lift a lock.
    assert_eq!(module(&Device::new(3)).lock(), Err(Error::NotAuthenticated));
}

/// A challenge serves one try, of its user, in its module and generation.
#[test]
fn a_challenge_serves_once() {
    let device = Device::new(1);
    let mut hsm = staffed(&device);
    let (mut first, mut second) = ([0; CHALLENGE_LEN], [0; CHALLENGE_LEN]);
    assert_eq!(hsm.login_finish(&[0; 16], 0), Err(Error::BadState));
    hsm.login_begin(5, &mut first).unwrap();
    hsm.login_begin(5, &mut second).unwrap();
    assert_ne!(first, second);
    assert_eq!(
        hsm.login_finish(&cmac(&user_key(5), &first), 0),
        Err(Error::VerificationFailed)
    );
    assert_eq!(hsm.login_finish(&cmac(&user_key(5), &second), 0), Err(Error::BadState));
    // Another user's key, and every changed bit of the response.
    hsm.login_begin(5, &mut first).unwrap();
    assert_eq!(
        hsm.login_finish(&cmac(&user_key(6), &first), 0),
        Err(Error::VerificationFailed)
    );
    login(&mut hsm, 5).unwrap();
    for bit in 0..128 {
        let mut challenge = [0; CHALLENGE_LEN];
        hsm.login_begin(5, &mut challenge).unwrap();
        let mut response = cmac(&user_key(5), &challenge);
        response[bit / 8] ^= 1 << (bit % 8);
        assert_eq!(hsm.login_finish(&response, 0), Err(Error::VerificationFailed));
        login(&mut hsm, 5).unwrap();
    }
    assert_eq!(hsm.login_begin(9, &mut first), Err(Error::NoKey));
    assert_eq!(first, [0; CHALLENGE_LEN]);
    // Five at a time is one too many.
    for user in [1, 2, 3] {
        login(&mut hsm, user).unwrap();
    }
    assert_eq!(login(&mut hsm, 6), Err(Error::SlotsFull));
    login(&mut hsm, 5).unwrap();
}

/// The second factors: the platform's answer, and a one-time code that serves once; each failure is the one failure.
#[test]
fn second_factors() {
    let device = Device::new(1);
    let mut hsm = start(&device);
    let keys: Vec<KeyHandle> = [1, 2, 3].iter().map(|user| slot_key(&mut hsm, *user)).collect();
    let secret = value(0x60, 16);
    let kbpk = crate::common::load_kbpk(&mut hsm);
    let hmac = Attributes::new(
        Usage::M7,
        KeyAlgorithm::Hmac,
        ModeOfUse::Verify,
        Exportability::NonExportable,
    );
    let hash = payhsm::keyblock::optional::Optional::new(*b"HM", b"21").unwrap();
    let text = block(&value(crate::common::KBPK_SEED, 16), &hmac, &secret, &[hash]);
    let code_key = hsm.key_block_import(kbpk, &text, PROFILE).unwrap().key;
    hsm.role_enrol(1, UserRole::Officer, keys[0], SecondFactor::Platform)
        .unwrap();
    login(&mut hsm, 1).unwrap();
    assert_eq!(
        device.world().asked.last(),
        Some(&Asked::SecondFactor(1, UserRole::Officer))
    );
    let code = |digits, period, hash| SecondFactor::Code {
        key: code_key,
        hash,
        digits,
        period,
    };
    for (bad, error) in [
        (code(7, 30, CodeHash::Sha256), Error::InvalidArgument),
        (code(6, 31, CodeHash::Sha256), Error::InvalidArgument),
        (code(6, 30, CodeHash::Sha1), Error::UsageNotPermitted),
        (code(6, 30, CodeHash::Sha512), Error::UsageNotPermitted),
        (
            SecondFactor::Code {
                key: keys[1],
                hash: CodeHash::Sha256,
                digits: 6,
                period: 30,
            },
            Error::UsageNotPermitted,
        ),
    ] {
        assert_eq!(hsm.role_enrol(3, UserRole::Operator, keys[2], bad), Err(error));
    }
    hsm.role_enrol(3, UserRole::Operator, keys[2], code(6, 30, CodeHash::Sha256))
        .unwrap();
    assert_eq!(hsm.key_info(code_key).err(), Some(Error::InvalidHandle));

    // The platform's word is not enough, and the response is not.
    device.world().answer = Some(Error::Refused);
    assert_eq!(login(&mut hsm, 1), Err(Error::VerificationFailed));
    device.world().answer = None;
    assert_eq!(wrong(&mut hsm, 1), Error::VerificationFailed);
    login(&mut hsm, 1).unwrap();

    // Codes, computed here by RFC 6238.
    let at = |step: u64| {
        let mut mac = HmacSha256::new(&secret).unwrap();
        mac.update(&step.to_be_bytes());
        let mut tag = [0; 32];
        mac.finish(&mut tag).unwrap();
        let from = usize::from(tag[31] & 15);
        let word = u32::from_be_bytes(tag[from..from + 4].try_into().unwrap());
        (word & 0x7FFF_FFFF) % 1_000_000
    };
    assert_eq!(respond(&mut hsm, 3, at(100), 0), Err(Error::Refused));
    device.world().unix = Some(100 * 30 + 7);
    assert_eq!(respond(&mut hsm, 3, at(98), 0), Err(Error::VerificationFailed));
    assert_eq!(respond(&mut hsm, 3, at(102), 0), Err(Error::VerificationFailed));
    assert_eq!(respond(&mut hsm, 3, at(100), 1), Err(Error::VerificationFailed));
    respond(&mut hsm, 3, at(99), 0).unwrap();
    // Once; and none before it, also after a start.
    assert_eq!(respond(&mut hsm, 3, at(99), 0), Err(Error::VerificationFailed));
    respond(&mut hsm, 3, at(101), 0).unwrap();
    drop(hsm);
    device.boot(None);
    let mut hsm = start(&device);
    for step in [99, 100, 101] {
        assert_eq!(respond(&mut hsm, 3, at(step), 0), Err(Error::VerificationFailed));
    }
    device.world().unix = Some(101 * 30);
    respond(&mut hsm, 3, at(102), 0).unwrap();
}

/// What is stored of users and of the life cycle is sealed, and damage to it is no emptiness.
#[test]
fn damaged_records_are_tampering() {
    let device = Device::new(1);
    drop(staffed(&device));
    let records = device.world().records.clone();
    let mut seen = 0;
    for (id, record) in &records {
        for user in 1..=7 {
            assert!(!record.windows(16).any(|window| window == user_key(user)));
        }
        for change in 0..2 {
            let mut damaged = records.clone();
            if change == 0 {
                damaged.get_mut(id).unwrap()[30] ^= 1;
            } else if id >> 1 == 0x1800 {
                // The life record alone is what tells that there are users: without it the storage looks new.
                continue;
            } else {
                damaged.remove(id);
            }
            device.world().records = damaged;
            device.boot(None);
            assert_eq!(start(&device).status().state, State::Tampered, "{id:04X} {change}");
            seen += 1;
        }
    }
    assert_eq!(seen, 8 + 7);
    // Nothing of the kind without a storage key.
    let slots = Box::leak((0..4).map(|_| Slot::EMPTY).collect::<Box<[_]>>());
    let groups: &mut [Group] = &mut [];
    let config = Config {
        pin_limits: NO_LIMITS,
        ..Config::default()
    };
    let mut hsm = Hsm::new(Device::new(9), slots, groups, config).unwrap();
    let one = ceremony_key(&mut hsm, &user_key(1));
    assert_eq!(
        hsm.role_enrol(1, UserRole::Officer, one, SecondFactor::None),
        Err(Error::Storage)
    );
    let _ = Key::<StorageKey, payhsm::key::Aes>::empty;
}

/// Stored records come back as they are; nothing malformed is one.
#[test]
fn record_parsers_are_strict() {
    let mut state = 3_u64;
    let mut random = || {
        state = state.wrapping_mul(0x5851_F42D_4C95_7F2D).wrapping_add(1);
        u8::try_from(state >> 56).unwrap()
    };
    let mut read = 0;
    for n in 0..20_000 {
        let mut body = [0; USER_RECORD_LEN];
        if n % 2 == 0 {
            body.iter_mut().for_each(|byte| *byte = random());
        } else {
            body[..9].copy_from_slice(&[1, random() % 7, random() % 4, random(), random() % 5, 6, 30, 16, 20]);
            body[24..40].fill(7);
            body[56..76].fill(9);
        }
        if let Ok(again) = read_user_record(&body) {
            assert_eq!(again, body);
            read += 1;
        }
        let life: [u8; 16] = core::array::from_fn(|i| {
            if i == 0 {
                1
            } else if i > 9 {
                0
            } else {
                random() % 5
            }
        });
        if let Ok(again) = read_life_record(&life) {
            assert_eq!(again, life);
        }
    }
    assert!(read > 500, "{read}");
    assert!(read_user_record(&[0; 10]).is_err() && read_life_record(&[0; 15]).is_err());
}
