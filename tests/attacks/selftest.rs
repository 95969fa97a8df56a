// SPDX-License-Identifier: MIT OR Apache-2.0
//! K01 and K02: self-tests. Each way to run each of them: `tests/hsm/selftests.rs`.

use payhsm::error::Error;
use payhsm::hsm::{Config, Group, Hsm, MacMethod, SelfTest, SelfTestMode, SelfTestReport, SelfTests, Slot, State};
use payhsm::key::role::StorageKey;
use payhsm::key::{Aes, Key};

use crate::catalogue::{attack, attack_fails, figure, refused};
use crate::commands::{every_result, populated};
use crate::common::{Device, Module, NO_LIMITS, key, module};

const HOUR: u64 = 3_600_000;

fn start(device: &Device, mode: SelfTestMode, hours: u16) -> Module {
    let slots = Box::leak((0..4).map(|_| Slot::EMPTY).collect::<Box<[_]>>());
    let groups: &mut [Group] = &mut [];
    let storage_key = Key::<StorageKey, Aes>::from_bytes(&[0x5A; 32]).unwrap();
    let config = Config {
        storage_key: Some(&storage_key),
        pin_limits: NO_LIMITS,
        self_tests: mode,
        self_test_hours: hours,
        ..Config::default()
    };
    Hsm::new(device.clone(), slots, groups, config).unwrap()
}

fn run(hsm: &mut Module, test: SelfTest) -> Result<(), Error> {
    hsm.self_test(SelfTests::NONE.with(test), &mut SelfTestReport::default())
}

/// A wrong known answer is an error before any output, and nothing but status, self-tests and erasure is left.
#[test]
fn k01_a_wrong_known_answer_ends_every_output() {
    for test in SelfTest::ALL {
        attack("K01", Error::SelfTestFailed, || {
            let device = Device::new(1);
            device.world().sound = Some(true);
            let mut hsm = module(&device);
            hsm.break_known_answer(*test);
            let tested = run(&mut hsm, *test);
            let result = refused(&device, &mut [0; 16], |out| hsm.random(out));
            // The command says what the test said, whether its caller listened or not.
            assert_eq!(tested, result);
            result
        });
    }
    let after_failure = || {
        let device = Device::new(1);
        let (mut hsm, handles) = populated(&device);
        hsm.break_known_answer(SelfTest::Tdea);
        assert_eq!(run(&mut hsm, SelfTest::Tdea), Err(Error::SelfTestFailed));
        assert_eq!(hsm.status().state, State::Error);
        let results = every_result(&mut hsm, &handles, |_| Vec::new());
        let count = results.len();
        let won = results
            .iter()
            .filter(|(_, result)| *result != Err(Error::SelfTestFailed));
        (won.count(), count)
    };
    attack_fails("K01.state", || after_failure().0 > 0);
    let (won, count) = after_failure();
    figure(
        "K01",
        &format!(
            "{} known answers broken alone; {won} of {count} commands run after one",
            SelfTest::ALL.len()
        ),
    );
}

/// Nothing is used that was not tested since the start, or not for too long.
#[test]
fn k02_nothing_is_used_untested() {
    let mac = |hsm: &mut Module, device: &Device, own: payhsm::hsm::KeyHandle| {
        refused(device, &mut [0; 8], |out| {
            hsm.mac_generate(own.into(), MacMethod::X9_19, b"message", out)
        })
    };
    attack("K02", Error::SelfTestFailed, || {
        let device = Device::new(1);
        let mut hsm = start(&device, SelfTestMode::Refuse, 0);
        for test in [
            SelfTest::Tdea,
            SelfTest::Aes,
            SelfTest::Cmac,
            SelfTest::Sha2,
            SelfTest::Hmac,
        ] {
            run(&mut hsm, test).unwrap();
        }
        let own = key(&mut hsm, "M3", 'T', 'C', 31);
        mac(&mut hsm, &device, own)
    });
    // The first use tests: here its known answer is wrong.
    attack("K02.first", Error::SelfTestFailed, || {
        let device = Device::new(1);
        let mut hsm = start(&device, SelfTestMode::FirstUse, 0);
        let own = key(&mut hsm, "M3", 'T', 'C', 31);
        hsm.break_known_answer(SelfTest::RetailMac);
        let result = mac(&mut hsm, &device, own);
        assert_eq!(hsm.status().state == State::Error, result.is_err());
        result
    });
    // A day has passed since the last round, or the clock was turned back behind it.
    for later in [54 * HOUR + 1, 29 * HOUR] {
        attack("K02.overdue", Error::SelfTestFailed, || {
            let device = Device::new(1);
            device.world().now = Some(30 * HOUR);
            let mut hsm = start(&device, SelfTestMode::FirstUse, 24);
            let own = key(&mut hsm, "M3", 'T', 'C', 31);
            mac(&mut hsm, &device, own).unwrap();
            device.world().now = Some(later);
            mac(&mut hsm, &device, own)
        });
    }
}
