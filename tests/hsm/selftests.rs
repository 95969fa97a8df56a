// SPDX-License-Identifier: MIT OR Apache-2.0
//! Self-tests in the module: each broken alone leads to the state Error before any output, and no algorithm is used
//! untested (attack rows K01 and K02).

use payhsm::error::Error;
use payhsm::hsm::{
    Config, Group, Hsm, KeyRef, MacMethod, SelfTest, SelfTestMode, SelfTestReport, SelfTests, Slot, State,
};
use payhsm::key::role::StorageKey;
use payhsm::key::{Aes, Key};

use crate::common::{Device, Module, NO_LIMITS, attributes, key, module, value};
use crate::life::{every_result, populate};

fn start(device: &Device, mode: SelfTestMode, hours: u16) -> Result<Module, Error> {
    let slots = Box::leak((0..8).map(|_| Slot::EMPTY).collect::<Box<[_]>>());
    let groups = Box::leak((0..2).map(|_| Group::EMPTY).collect::<Box<[_]>>());
    let storage_key = Key::<StorageKey, Aes>::from_bytes(&[0x5A; 32]).unwrap();
    let config = Config {
        storage_key: Some(&storage_key),
        pin_limits: NO_LIMITS,
        self_tests: mode,
        self_test_hours: hours,
        ..Config::default()
    };
    Hsm::new(device.clone(), slots, groups, config)
}

/// Attack row K01: every test, broken alone, by each way to run it. Before any output, and for good.
#[test]
fn k01_each_broken_test_is_an_error() {
    let mut broken = 0;
    for test in SelfTest::ALL {
        for by_step in [false, true] {
            let device = Device::new(1);
            device.world().sound = Some(true);
            let mut hsm = module(&device);
            let handles = populate(&mut hsm);
            hsm.break_known_answer(*test);
            let mut report = SelfTestReport::default();
            if by_step {
                let failed = SelfTest::ALL.iter().find_map(|_| hsm.self_test_step().err());
                assert_eq!(failed, Some(Error::SelfTestFailed));
            } else {
                assert_eq!(hsm.self_test(SelfTests::ALL, &mut report), Err(Error::SelfTestFailed));
                assert_eq!(report.failed, SelfTests::NONE.with(*test));
                assert!(!report.passed.contains(*test));
            }
            assert_eq!(hsm.status().state, State::Error);
            let touched = device.touched();
            for (name, result) in every_result(&mut hsm, &handles) {
                assert_eq!(result, Err(Error::SelfTestFailed), "{test:?} {name}");
            }
            assert_eq!(device.touched(), touched);
            // What is right now does not undo what was wrong.
            assert_eq!(
                hsm.self_test(SelfTests::NONE.with(SelfTest::Tdea), &mut report),
                Err(Error::SelfTestFailed)
            );
            assert_eq!(hsm.status().state, State::Error);
            hsm.wipe().unwrap();
            assert_eq!(hsm.status().slots.1, 0);
            broken += 1;
        }
    }
    assert_eq!(broken, 2 * 18);
}

/// The same at a first use: the command gives nothing.
#[test]
fn k01_a_broken_test_at_the_first_use() {
    let device = Device::new(1);
    let mut hsm = start(&device, SelfTestMode::FirstUse, 0).unwrap();
    let mac_key = key(&mut hsm, "M6", 'A', 'C', 31);
    hsm.break_known_answer(SelfTest::Hmac);
    let mut mac = [0xA5; 8];
    let result = hsm.mac_generate(KeyRef::from(mac_key), MacMethod::CMAC, b"message", &mut mac);
    assert_eq!((result, mac), (Err(Error::SelfTestFailed), [0; 8]));
    assert_eq!(hsm.status().state, State::Error);
}

/// Attack row K02: after a start nothing has been tested; what a command needs is tested by it, or it is refused.
#[test]
fn k02_no_first_use_without_a_test() {
    let device = Device::new(1);
    let mut hsm = start(&device, SelfTestMode::FirstUse, 0).unwrap();
    let passed = |hsm: &mut Module| hsm.self_test_report().passed;
    let at_start = passed(&mut hsm);
    for test in [SelfTest::Tdea, SelfTest::Aes, SelfTest::Cmac] {
        // What opens the stored records.
        assert!(at_start.contains(test));
    }
    assert!(!at_start.contains(SelfTest::Ecdh) && !at_start.contains(SelfTest::RetailMac));
    let mac_key = key(&mut hsm, "M3", 'T', 'C', 31);
    assert!(!passed(&mut hsm).contains(SelfTest::RetailMac));
    hsm.mac_generate(mac_key.into(), MacMethod::X9_19, b"message", &mut [0; 8])
        .unwrap();
    assert!(passed(&mut hsm).contains(SelfTest::RetailMac));

    // By policy the command is refused instead, and the tests are run before.
    let mut hsm = start(&device, SelfTestMode::Refuse, 0).unwrap();
    let handles = {
        let mut ready = module(&Device::new(2));
        populate(&mut ready)
    };
    let untested = |hsm: &mut Module| {
        every_result(hsm, &handles)
            .iter()
            .filter(|(_, result)| *result == Err(Error::SelfTestFailed))
            .count()
    };
    let refused = untested(&mut hsm);
    // A ceremony opens on the way, and what comes behind it is judged by the state.
    assert!(refused > 5, "{refused}");
    hsm.component_abort().unwrap();
    assert_eq!(hsm.status().state, State::Virgin);
    for _ in SelfTest::ALL {
        hsm.self_test_step().unwrap();
    }
    assert_eq!(untested(&mut hsm), 0);
    // A new start has tested nothing.
    drop(hsm);
    let mut hsm = start(&device, SelfTestMode::Refuse, 0).unwrap();
    assert_eq!(
        hsm.key_generate(&attributes("D0", 'A', 'E', 'N'), 16).err(),
        Some(Error::SelfTestFailed)
    );
}

/// Rounds: in order, each test once; the report counts them; overdue ones refuse by policy (K02, K04).
#[test]
fn k02_rounds_and_what_is_overdue() {
    const HOUR: u64 = 3_600_000;
    let device = Device::new(1);
    assert_eq!(
        start(&device, SelfTestMode::FirstUse, 24).err(),
        Some(Error::InvalidArgument)
    );
    device.world().now = Some(0);
    // A test that a command ran counts for the round; here no command runs one.
    let mut hsm = start(&device, SelfTestMode::Off, 24).unwrap();
    for round in 1..=2 {
        let steps: Vec<_> = SelfTest::ALL.iter().map(|_| hsm.self_test_step().unwrap()).collect();
        assert_eq!(steps, SelfTest::ALL);
        let report = hsm.self_test_report();
        assert_eq!((report.rounds, report.round), (round, SelfTests::NONE));
        assert_eq!((report.failed, report.version), (SelfTests::NONE, 0x0000_0100));
    }
    let wanted = attributes("D0", 'A', 'E', 'N');
    let make = |hsm: &mut Module| {
        hsm.key_generate(&wanted, 16)
            .map(|made| hsm.key_erase(made.key).unwrap())
    };
    for now in [1, 24 * HOUR] {
        device.world().now = Some(now);
        make(&mut hsm).unwrap();
    }
    device.world().now = Some(24 * HOUR + 1);
    assert_eq!(make(&mut hsm), Err(Error::SelfTestFailed));
    // A clock that goes back does not help, and a clock that is gone does not either.
    for now in [Some(5), None] {
        device.world().now = now;
        assert_eq!(make(&mut hsm), Err(Error::SelfTestFailed));
    }
    device.world().now = Some(30 * HOUR);
    let mut report = SelfTestReport::default();
    hsm.self_test(SelfTests::ALL, &mut report).unwrap();
    assert_eq!(report.age, Some(0));
    make(&mut hsm).unwrap();
    device.world().now = Some(29 * HOUR);
    assert_eq!(make(&mut hsm), Err(Error::SelfTestFailed));
}

/// The code's integrity: the platform's verdict, and none if it does not judge.
#[test]
fn the_verdict_on_the_code_is_the_platforms() {
    let device = Device::new(1);
    let mut report = SelfTestReport::default();
    module(&device).self_test(SelfTests::ALL, &mut report).unwrap();
    assert!(!report.passed.contains(SelfTest::Integrity) && !report.failed.contains(SelfTest::Integrity));
    device.world().sound = Some(true);
    module(&device).self_test(SelfTests::ALL, &mut report).unwrap();
    assert_eq!(report.passed, SelfTests::ALL);
    device.world().sound = Some(false);
    let mut hsm = module(&device);
    assert_eq!(hsm.self_test(SelfTests::ALL, &mut report), Err(Error::SelfTestFailed));
    assert_eq!(report.failed, SelfTests::NONE.with(SelfTest::Integrity));
    assert_eq!(hsm.status().state, State::Error);
}

/// Attack row K03 in the module: a source that repeats itself ends every output, for good; the state is Error.
#[test]
fn k03_a_stuck_source_is_an_error_of_the_module() {
    use payhsm::entropy::{EntropySource, RawQuality};
    for source in [
        EntropySource::Ready,
        EntropySource::Seed,
        EntropySource::Raw(RawQuality::bits_per_byte(4).unwrap()),
    ] {
        let device = Device::new(1);
        let slots = Box::leak((0..2).map(|_| Slot::EMPTY).collect::<Box<[_]>>());
        let groups: &mut [Group] = &mut [];
        let config = Config {
            pin_limits: NO_LIMITS,
            self_tests: SelfTestMode::Off,
            entropy: source,
            ..Config::default()
        };
        device.world().stuck = source != EntropySource::Ready;
        let started = Hsm::new(device.clone(), slots, groups, config);
        if source != EntropySource::Ready {
            // The seed is taken at the start.
            assert_eq!(started.err(), Some(Error::Entropy));
            continue;
        }
        let mut hsm = started.unwrap();
        let held = key(&mut hsm, "M6", 'A', 'C', 31);
        device.world().stuck = true;
        let mut out = [0xA5; 32];
        assert_eq!((hsm.random(&mut out), out), (Err(Error::Entropy), [0; 32]));
        device.world().stuck = false;
        assert_eq!(hsm.status().state, State::Error);
        assert_eq!(hsm.random(&mut out), Err(Error::Entropy));
        assert_eq!(hsm.key_info(held).err(), Some(Error::Entropy));
        assert_eq!(
            hsm.mac_generate(held.into(), MacMethod::CMAC, b"message", &mut out[..8]),
            Err(Error::Entropy)
        );
        assert_eq!(
            crate::common::ceremony(&mut hsm, &attributes("D0", 'A', 'E', 'N'), &value(1, 16)).err(),
            Some(Error::Entropy)
        );
    }
}
