// SPDX-License-Identifier: MIT OR Apache-2.0
//! The tables of the life cycle, cell by cell: what each event does in each state, and which command runs in which.

use payhsm::error::Error;
use payhsm::hsm::{Command, Event, Next, SelfTest, SelfTestReport, SelfTests, State};

use crate::common::{Device, Module, PROFILE, initial_key, load_kbpk, module, value};
use crate::life::{Handles, every_result, populated};
use crate::people::{enrol, login};

/// State, event, state after it. What is not here changes nothing. Not the library's table.
const TRANSITIONS: &[(State, Event, Next)] = &[
    (State::Virgin, Event::Populated, Next::To(State::Operational)),
    (State::Virgin, Event::CeremonyOpened, Next::To(State::Loading)),
    (State::Operational, Event::CeremonyOpened, Next::To(State::Loading)),
    (State::Exhausted, Event::CeremonyOpened, Next::To(State::Loading)),
    (State::Loading, Event::CeremonyEnded, Next::Back),
    (State::Operational, Event::GroupsSpent, Next::To(State::Exhausted)),
    (State::Exhausted, Event::GroupReady, Next::To(State::Operational)),
    (State::Virgin, Event::Locked, Next::To(State::Locked)),
    (State::Loading, Event::Locked, Next::To(State::Locked)),
    (State::Operational, Event::Locked, Next::To(State::Locked)),
    (State::Exhausted, Event::Locked, Next::To(State::Locked)),
    (State::Locked, Event::Unlocked, Next::Back),
    (State::Virgin, Event::Tampered, Next::To(State::Tampered)),
    (State::Loading, Event::Tampered, Next::To(State::Tampered)),
    (State::Operational, Event::Tampered, Next::To(State::Tampered)),
    (State::Exhausted, Event::Tampered, Next::To(State::Tampered)),
    (State::Locked, Event::Tampered, Next::To(State::Tampered)),
    (State::Error, Event::Tampered, Next::To(State::Tampered)),
    (State::Virgin, Event::Failed, Next::To(State::Error)),
    (State::Loading, Event::Failed, Next::To(State::Error)),
    (State::Operational, Event::Failed, Next::To(State::Error)),
    (State::Exhausted, Event::Failed, Next::To(State::Error)),
    (State::Locked, Event::Failed, Next::To(State::Error)),
    (State::Virgin, Event::Reinitialised, Next::To(State::Virgin)),
    (State::Operational, Event::Reinitialised, Next::To(State::Virgin)),
    (State::Exhausted, Event::Reinitialised, Next::To(State::Virgin)),
    (State::Locked, Event::Reinitialised, Next::To(State::Virgin)),
    (State::Tampered, Event::Reinitialised, Next::To(State::Virgin)),
];

#[test]
fn i03_every_event_in_every_state() {
    let mut cells = 0;
    for state in State::ALL {
        for event in Event::ALL {
            let expected = TRANSITIONS
                .iter()
                .find(|(from, on, _)| (*from, *on) == (state, event))
                .map(|(_, _, next)| *next);
            assert_eq!(state.after(event), expected, "{state:?} {event:?}");
            cells += usize::from(expected.is_some());
        }
    }
    assert_eq!((cells, TRANSITIONS.len()), (28, 28));
}

/// A module in each state, by real means.
pub fn in_state(state: State, device: &Device) -> (Module, Handles) {
    let (mut hsm, handles) = match state {
        State::Virgin => {
            let (_, handles) = populated(&Device::new(77));
            (module(device), handles)
        }
        State::Exhausted => {
            crate::dukpt_life::nearly_spent(device);
            let mut hsm = module(device);
            let key = crate::common::key(&mut hsm, "M6", 'A', 'C', 31);
            let (group, _) = hsm.dukpt_find(0).unwrap();
            let (transaction, _) = hsm.dukpt_begin(group).unwrap();
            let handles = Handles {
                key,
                group,
                transaction,
            };
            (hsm, handles)
        }
        _ => populated(device),
    };
    match state {
        State::Operational | State::Virgin | State::Exhausted => {}
        State::Loading => {
            let wanted = crate::common::attributes("D0", 'A', 'E', 'N');
            hsm.component_begin(&wanted, 16, 2, &[]).unwrap();
        }
        State::Tampered => hsm.tamper(),
        State::Locked => {
            enrol(&mut hsm, 1, payhsm::hsm::UserRole::Officer);
            login(&mut hsm, 1).unwrap();
            hsm.lock().unwrap();
        }
        State::Error => {
            hsm.break_known_answer(SelfTest::Aes);
            let mut report = SelfTestReport::default();
            assert_eq!(hsm.self_test(SelfTests::ALL, &mut report), Err(Error::SelfTestFailed));
        }
        other => panic!("nobody knows the way into {other:?}"),
    }
    assert_eq!(hsm.status().state, state);
    (hsm, handles)
}

/// The states in which the ordinary commands run.
const WORKING: [State; 3] = [State::Operational, State::Virgin, State::Exhausted];

/// Attack row I03: every operation in every state equals the table. In states that refuse, with the state's error, and
/// nothing is asked, drawn or stored.
#[test]
fn i03_every_command_in_every_state() {
    let mut refused = 0;
    for state in [
        State::Operational,
        State::Virgin,
        State::Exhausted,
        State::Loading,
        State::Tampered,
        State::Locked,
        State::Error,
    ] {
        let device = Device::new(1);
        let (mut hsm, handles) = in_state(state, &device);
        let touched = device.touched();
        let results = every_result(&mut hsm, &handles);
        for (name, result) in &results {
            let command = Command::ALL.iter().find(|command| command.name() == *name);
            // The short form has the row of the long one, and what was read before that of what is read in the command.
            let other_form = ["key_block_export", "batch_read_arqc_verify"].contains(name);
            assert!(command.is_some() || other_form, "{name}");
            if let Some(command) = command {
                assert_eq!(command.states().contains(state), WORKING.contains(&state), "{name}");
            }
            if WORKING.contains(&state) {
                let of_a_state = [Error::Tampered, Error::Locked, Error::SelfTestFailed];
                assert!(result.err().is_none_or(|error| !of_a_state.contains(&error)), "{name}");
            } else {
                assert_eq!(*result, Err(state.refusal()), "{state:?} {name}");
                refused += 1;
            }
        }
        if !WORKING.contains(&state) {
            assert_eq!(device.touched(), touched, "{state:?}");
            assert_eq!(hsm.status().state, state);
        }
    }
    assert!(refused > 4 * 75, "{refused}");
}

/// Commands that have states of their own.
#[test]
fn i03_commands_of_the_life_cycle() {
    let row = |name: &str| *Command::ALL.iter().find(|command| command.name() == name).unwrap();
    let usual = [State::Operational, State::Virgin, State::Exhausted];
    let with = |more: &[State]| [&usual[..], more].concat();
    for (name, states) in [
        ("component_add", vec![State::Loading]),
        ("component_finish", vec![State::Loading]),
        ("component_abort", with(&[State::Loading])),
        ("login_begin", with(&[State::Loading, State::Locked])),
        ("login_finish", with(&[State::Loading, State::Locked])),
        ("logout", with(&[State::Loading, State::Locked])),
        ("lock", with(&[State::Loading])),
        ("unlock", vec![State::Locked]),
        ("reinitialise", with(&[State::Locked, State::Tampered])),
        ("self_test", State::ALL.to_vec()),
        ("self_test_step", State::ALL.to_vec()),
        ("wipe", State::ALL.to_vec()),
    ] {
        for state in State::ALL {
            assert_eq!(
                row(name).states().contains(state),
                states.contains(&state),
                "{name} {state:?}"
            );
        }
    }
    for state in State::ALL {
        let device = Device::new(1);
        let refused = |name: &str| (!row(name).states().contains(state)).then_some(state.refusal());
        let judge = |name: &str, result: Result<(), Error>| match refused(name) {
            Some(error) => assert_eq!(result, Err(error), "{name} {state:?}"),
            None => {
                let of_a_state = [Error::Tampered, Error::Locked, Error::SelfTestFailed];
                let own = state == State::Error || state == State::Tampered;
                assert!(
                    own || result.err().is_none_or(|error| !of_a_state.contains(&error)),
                    "{name} {state:?}"
                );
            }
        };
        let fresh = || in_state(state, &Device::new(1)).0;
        judge("component_add", fresh().component_add(1, &value(1, 16), &[]));
        judge("component_finish", fresh().component_finish().map(|_| ()));
        judge("component_abort", fresh().component_abort());
        judge("login_begin", fresh().login_begin(1, &mut [0; 32]));
        judge("login_finish", fresh().login_finish(&[0; 16], 0).map(|_| ()));
        let session = payhsm::hsm::SessionHandle::from_raw(0x4000_0000).unwrap();
        judge("logout", fresh().logout(session));
        judge("lock", fresh().lock());
        judge("unlock", fresh().unlock());
        let (mut hsm, _) = in_state(state, &device);
        assert_eq!(hsm.wipe(), Ok(()), "{state:?}");
        assert_eq!((hsm.status().slots.1, hsm.status().groups.1), (0, 0));
        let after = match state {
            State::Loading | State::Exhausted => State::Operational,
            state => state,
        };
        assert_eq!(hsm.status().state, after);
    }
}

/// Virgin tells that no key came in so far; a group in the storage is one.
#[test]
fn virgin_until_the_first_key() {
    let device = Device::new(1);
    let mut hsm = module(&device);
    assert_eq!(hsm.status().state, State::Virgin);
    let kbpk = load_kbpk(&mut hsm);
    assert_eq!(hsm.status().state, State::Operational);
    let text = initial_key('T', 1, &value(30, 16));
    hsm.dukpt_load(kbpk, &text, PROFILE).unwrap();
    drop(hsm);
    device.boot(None);
    let mut hsm = module(&device);
    assert_eq!(hsm.status().state, State::Operational);
    hsm.key_erase(kbpk).unwrap_err();
    // Once used, a module does not look new again.
    hsm.wipe().unwrap();
    assert_eq!(hsm.status().state, State::Operational);
    drop(hsm);
    device.boot(None);
    assert_eq!(module(&device).status().state, State::Virgin);
}

/// Exhausted is of all groups together; the ordinary commands run, and a new key leads out.
#[test]
fn exhausted_when_no_group_can_go_on() {
    let device = Device::new(1);
    crate::dukpt_life::nearly_spent(&device);
    let mut hsm = module(&device);
    let (spent, _) = hsm.dukpt_find(0).unwrap();
    let kbpk = load_kbpk(&mut hsm);
    let text = initial_key('T', 1, &value(30, 16));
    let (other, _) = hsm.dukpt_load(kbpk, &text, PROFILE).unwrap();
    hsm.dukpt_begin(spent).unwrap();
    // The other group goes on.
    assert_eq!((hsm.status().state, hsm.status().groups_spent), (State::Operational, 1));
    hsm.dukpt_begin(other).unwrap();
    hsm.dukpt_erase(other).unwrap();
    assert_eq!((hsm.status().state, hsm.status().groups_spent), (State::Exhausted, 1));
    assert_eq!(hsm.dukpt_begin(spent).err(), Some(Error::CounterExhausted));
    hsm.random(&mut [0; 4]).unwrap();
    let text = initial_key('T', 3, &value(50, 16));
    let (group, _) = hsm.dukpt_load(kbpk, &text, PROFILE).unwrap();
    assert_eq!(hsm.status().state, State::Operational);
    hsm.dukpt_begin(group).unwrap();
    // It is seen at the start, too.
    hsm.dukpt_erase(group).unwrap();
    drop(hsm);
    device.boot(None);
    assert_eq!(module(&device).status().state, State::Exhausted);
}
