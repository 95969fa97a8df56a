// SPDX-License-Identifier: MIT OR Apache-2.0
//! Limits over time on PINs, and what a failing source leaves behind.

use payhsm::error::Error;
use payhsm::hsm::{EncipheredPin, KeyHandle, PinLimits, RateLimit};
use payhsm::pin::Pin;
use payhsm::pin::block::Format;
use payhsm::pin::pan::Pan;
use payhsm::pin::pvv::Pvv;
use payhsm::policy::Policy;

use crate::common::card::PAN;
use crate::common::{
    Device, Module, NO_LIMITS, PROFILE, initial_key, key, load_kbpk, module, profile_3624, start_limited,
};

fn pan() -> Pan {
    Pan::parse(PAN).unwrap()
}

fn pin() -> Pin {
    Pin::from_entry(4, &[2, 5, 8, 0, 0, 0, 0, 0, 0, 0, 0, 0]).unwrap()
}

/// Time passes.
fn pass(device: &Device, milliseconds: i64) {
    let mut world = device.world();
    world.now = world.now.map(|now| now.checked_add_signed(milliseconds).unwrap());
}

/// A terminal under the default limits.
fn terminal(device: &Device) -> (Module, KeyHandle) {
    let mut hsm = start_limited(device, Policy::STRICT, 3, 1, PinLimits::default()).unwrap();
    let key = key(&mut hsm, "P0", 'T', 'E', 60);
    (hsm, key)
}

/// PINs that go through at one moment.
fn run(hsm: &mut Module, key: KeyHandle) -> u32 {
    let enter = |_: &u32| {
        let mut out = [0xA5; 16];
        match hsm.pin_encipher(key.into(), Format::Iso0, &pan(), &pin(), &mut out) {
            Ok(8) => true,
            result => {
                assert_eq!((result, out), (Err(Error::RateLimited), [0; 16]));
                false
            }
        }
    };
    (0..200).filter(enter).count().try_into().unwrap()
}

/// A06: 120 an hour on average, ten at once, and nothing more by starting again.
#[test]
fn a06_pins_of_a_terminal() {
    let device = Device::new(1);
    device.world().now = Some(1_000_000);
    let (mut hsm, key) = terminal(&device);
    for (after, expected) in [(0, 1), (29_999, 0), (1, 1), (60_000, 2), (3_600_000, 10), (30_000, 1)] {
        pass(&device, after);
        assert_eq!(run(&mut hsm, key), expected);
    }
    let mut total = 0;
    for _ in 0..360 {
        pass(&device, 10_000);
        total += run(&mut hsm, key);
    }
    assert_eq!(total, 120);
    // A start every 30 seconds brings no more than waiting.
    let mut total = 0;
    for _ in 0..120 {
        pass(&device, 30_000);
        let (mut hsm, key) = terminal(&device);
        total += run(&mut hsm, key);
    }
    assert_eq!(total, 120);
    // The clock is set back: nothing until it is where it was.
    assert_eq!(run(&mut hsm, key), 10);
    pass(&device, -100_000);
    assert_eq!(run(&mut hsm, key), 0);
}

#[test]
fn a06_pins_of_a_terminal_without_a_clock() {
    let device = Device::new(1);
    assert_eq!(device.world().now, None);
    let (mut hsm, key) = terminal(&device);
    assert_eq!(run(&mut hsm, key), 120);
    // What is wrong with a call is told before the limit, and takes nothing from it.
    let (mut hsm, key) = terminal(&device);
    let mut out = [0xA5; 16];
    for _ in 0..200 {
        let result = hsm.pin_encipher(key.into(), Format::Iso4, &pan(), &pin(), &mut out);
        assert_eq!(result, Err(Error::FormatNotPermitted));
        let result = hsm.pin_encipher(key.into(), Format::Iso0, &pan(), &Pin::empty(), &mut out);
        assert_eq!(result, Err(Error::InvalidPin));
    }
    assert_eq!(run(&mut hsm, key), 120);
}

/// A transaction that meets the limit still has its PIN; so has one whose random bytes failed, and there is one only.
#[test]
fn a_refused_pin_uses_nothing_up() {
    for fails in [false, true] {
        let device = Device::new(2);
        let limits = PinLimits {
            entry: RateLimit {
                burst: 3,
                ..RateLimit::PIN_ENTRY
            },
            ..NO_LIMITS
        };
        device.world().now = Some(0);
        let mut hsm = start_limited(&device, Policy::STRICT, 8, 2, limits).unwrap();
        let kbpk = load_kbpk(&mut hsm);
        let text = initial_key('A', 1, &[0x3C; 16]);
        let (group, _) = hsm.dukpt_load(kbpk, &text, PROFILE).unwrap();
        let (transaction, _) = hsm.dukpt_begin(group).unwrap();
        let mut encipher = || {
            let mut out = [0xA5; 16];
            let result = hsm.pin_encipher(transaction.into(), Format::Iso4, &pan(), &pin(), &mut out);
            assert_eq!(out == [0; 16], result.is_err());
            result
        };
        if fails {
            device.world().entropy_fails_in = Some(0);
            assert_eq!(encipher(), Err(Error::Entropy));
            device.world().entropy_fails_in = None;
            // The attempt counts for the limit all the same.
            assert_eq!(encipher(), Err(Error::RateLimited));
            device.world().now = Some(30_000);
        }
        assert_eq!(encipher(), Ok(16));
        device.world().now = Some(90_000);
        assert_eq!(encipher(), Err(Error::LimitReached));
    }
}

/// The limit of a host is over all cards and all commands, and comes before the platform is asked.
#[test]
fn b07_pins_of_a_host() {
    let mut maker = module(&Device::new(3));
    let own = key(&mut maker, "P0", 'T', 'E', 60);
    let mut text = [0; 16];
    maker
        .pin_encipher(own.into(), Format::Iso0, &pan(), &pin(), &mut text)
        .unwrap();
    let text = &text[..8];
    let device = Device::new(1);
    let limits = PinLimits {
        host: RateLimit {
            burst: 20,
            interval: 100,
            per_start: 7,
        },
        ..NO_LIMITS
    };
    let mut hsm = start_limited(&device, Policy::STRICT, 8, 0, limits).unwrap();
    let zone = key(&mut hsm, "P0", 'T', 'D', 60);
    let next = key(&mut hsm, "P0", 'T', 'E', 61);
    let pvk = key(&mut hsm, "V2", 'T', 'C', 62);
    let pvk_3624 = key(&mut hsm, "V1", 'T', 'C', 63);
    let profile = hsm.pin_profile_register(&profile_3624()).unwrap();
    let format = Format::Iso0;
    let pvv = Pvv::parse(b"0000").unwrap();
    let offset = payhsm::pin::ibm3624::Offset::parse(b"0000").unwrap();
    let block = EncipheredPin {
        key: zone.into(),
        format,
        block: text,
    };
    let mut commands = |which: usize| {
        let mut out = [0xA5; 16];
        let input = zone.into();
        match which {
            0 => hsm
                .pin_translate(input, format, &pan(), text, next, format, &mut out)
                .err(),
            1 => hsm.pin_verify_pvv(input, format, &pan(), text, pvk, 1, &pvv).err(),
            2 => hsm.pvv_generate(input, format, &pan(), text, pvk, 1).err(),
            3 => hsm
                .pin_verify_3624(input, format, &pan(), text, pvk_3624, profile, &offset)
                .err(),
            4 => hsm
                .pin_offset_generate(input, format, &pan(), text, pvk_3624, profile)
                .err(),
            5 => hsm.pin_generate_pvv(4, &pan(), next, format, pvk, 1, &mut out).err(),
            6 => hsm
                .pin_generate_3624(&pan(), next, format, pvk_3624, profile, &mut out)
                .err(),
            7 => hsm
                .pin_derive_3624(&pan(), next, format, pvk_3624, profile, &offset, &mut out)
                .err(),
            8 => hsm.pin_change_pvv(&pan(), &block, &block, pvk, 1, &pvv).err(),
            _ => hsm
                .pin_change_3624(&pan(), &block, &block, pvk_3624, profile, &offset)
                .err(),
        }
    };
    let mut passed = 0;
    for which in 0..10 {
        let asked = device.world().asked.len();
        let limited = commands(which) == Some(Error::RateLimited);
        passed += usize::from(!limited);
        assert_eq!(device.world().asked.len(), asked + usize::from(!limited));
        assert_eq!(limited, which >= 7);
    }
    assert_eq!(passed, 7);
    // With a clock each of them goes through again, one a tenth of a second.
    device.world().now = Some(5000);
    assert_eq!(commands(0), Some(Error::RateLimited));
    for (which, now) in (0..10).zip((5100..).step_by(100)) {
        device.world().now = Some(now);
        assert_ne!(commands(which), Some(Error::RateLimited), "{which}");
        assert_eq!(commands(which), Some(Error::RateLimited), "{which}");
    }
}
