// SPDX-License-Identifier: MIT OR Apache-2.0
//! Offline PIN through the module.

use payhsm::emv::oda::{CaKey, Card, Date, Records, Trust};
use payhsm::error::Error;
use payhsm::hsm::{PinLimits, RateLimit};
use payhsm::pin::Pin;
use payhsm::policy::{Permission, Policy};

use crate::common::{Device, module, start, start_limited};
use crate::signer::{self, AIP, CA, ICC, INDEX, ISSUER, PIN, RID};

pub(crate) fn with_card(change: fn(&mut signer::Card), then: impl FnOnce(&Card<'_>)) {
    let mut made = signer::Card::new(CA, ISSUER, ICC).with_pin_key(&PIN);
    change(&mut made);
    let modulus = CA.modulus();
    let checksum = CaKey::checksum(RID, INDEX, &modulus, CA.exponent);
    let keys = [CaKey::new(RID, INDEX, &modulus, CA.exponent, &checksum, None).unwrap()];
    let trust = Trust {
        keys: &keys,
        revoked: &[],
        date: Date::from_bytes([0x26, 0x11, 0x25]).unwrap(),
    };
    let records = signer::records(&made.records());
    then(&Card::read(&trust, RID, AIP, Records::parse(&records).unwrap()).unwrap());
}

fn pin() -> Pin {
    Pin::from_entry(4, &[1, 2, 3, 4, 0, 0, 0, 0, 0, 0, 0, 0]).unwrap()
}

#[test]
fn a_pin_for_the_card_needs_its_permission() {
    with_card(
        |_| (),
        |card| {
            let device = Device::new(1);
            let policies = [
                (Policy::STRICT, false, false),
                (Policy::STRICT.with(Permission::OfflinePin), true, false),
                (Policy::STRICT.with(Permission::PlaintextOfflinePin), false, true),
            ];
            for (policy, enciphered, plaintext) in policies {
                let mut hsm = start(&device, policy, 1, 0).unwrap();
                let before = device.touched();
                let mut out = [0x55; 248];
                let result = hsm.offline_pin_encipher(card, &[7; 8], &pin(), &mut out);
                if enciphered {
                    assert_eq!(result, Ok(96));
                    assert!(out[96..].iter().all(|&byte| byte == 0));
                    // Random bytes make every block another one.
                    let mut again = [0; 96];
                    assert_eq!(hsm.offline_pin_encipher(card, &[7; 8], &pin(), &mut again), Ok(96));
                    assert_ne!(out[..96], again);
                } else {
                    assert_eq!(result, Err(Error::Refused));
                    assert_eq!(out, [0; 248]);
                    assert_eq!(device.touched(), before);
                }
                let mut block = [0x55; 8];
                let result = hsm.offline_pin_plaintext(&pin(), &mut block);
                if plaintext {
                    assert_eq!(result, Ok(()));
                    assert_eq!(block, [0x24, 0x12, 0x34, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF]);
                } else {
                    assert_eq!((result, block), (Err(Error::Refused), [0; 8]));
                }
            }
        },
    );
}

/// Whatever the card's PIN block is, it counts as a PIN that was entered here.
#[test]
fn offline_pins_are_limited() {
    with_card(
        |_| (),
        |card| {
            let policy = Policy::STRICT
                .with(Permission::OfflinePin)
                .with(Permission::PlaintextOfflinePin);
            let once = RateLimit {
                per_start: 2,
                ..RateLimit::PIN_ENTRY
            };
            let limits = PinLimits {
                entry: once,
                ..PinLimits::default()
            };
            let mut hsm = start_limited(&Device::new(1), policy, 1, 0, limits).unwrap();
            let (mut data, mut block) = ([0x55; 248], [0x55; 8]);
            // No PIN, no count.
            let none = hsm.offline_pin_plaintext(&Pin::empty(), &mut block);
            assert_eq!(none, Err(Error::InvalidPin));
            hsm.offline_pin_encipher(card, &[7; 8], &pin(), &mut data).unwrap();
            hsm.offline_pin_plaintext(&pin(), &mut block).unwrap();
            let result = hsm.offline_pin_encipher(card, &[7; 8], &pin(), &mut data);
            assert_eq!((result, data), (Err(Error::RateLimited), [0; 248]));
            let result = hsm.offline_pin_plaintext(&pin(), &mut block);
            assert_eq!((result, block), (Err(Error::RateLimited), [0; 8]));
        },
    );
}

#[test]
fn a_key_without_a_chain_gets_no_pin() {
    let policy = Policy::STRICT.with(Permission::OfflinePin);
    let refuse = |change: fn(&mut signer::Card), error: Error| {
        with_card(change, |card| {
            let device = Device::new(1);
            let mut hsm = start(&device, policy, 1, 0).unwrap();
            let before = device.touched();
            let mut out = [0x55; 248];
            assert_eq!(hsm.offline_pin_encipher(card, &[7; 8], &pin(), &mut out), Err(error));
            assert_eq!(out, [0; 248]);
            assert_eq!(device.touched(), before);
        });
    };
    refuse(
        |card| card.pin_certificate.as_mut().unwrap().signed.spoil_hash = true,
        Error::VerificationFailed,
    );
    refuse(
        |card| card.issuer_certificate.signed.header = 0,
        Error::VerificationFailed,
    );
    refuse(
        |card| card.pin_certificate.as_mut().unwrap().expiry = [0x10, 0x26],
        Error::Expired,
    );
    // A modulus whose highest bit is 0 might be below the data.
    refuse(
        |card| card.pin_certificate.as_mut().unwrap().modulus[0] = 0x7F,
        Error::InvalidKeyLength,
    );
}

#[test]
fn slips_are_wiped() {
    with_card(
        |_| (),
        |card| {
            let device = Device::new(1);
            let mut hsm = start(&device, Policy::STRICT.with(Permission::OfflinePin), 1, 0).unwrap();
            let mut out = [0x55; 95];
            let short = hsm.offline_pin_encipher(card, &[7; 8], &pin(), &mut out);
            assert_eq!((short, out), (Err(Error::BufferTooSmall), [0; 95]));
            let mut out = [0x55; 96];
            let empty = hsm.offline_pin_encipher(card, &[7; 8], &Pin::empty(), &mut out);
            assert_eq!((empty, out), (Err(Error::InvalidPin), [0; 96]));
            hsm.tamper();
            let mut out = [0x55; 96];
            let tampered = hsm.offline_pin_encipher(card, &[7; 8], &pin(), &mut out);
            assert_eq!((tampered, out), (Err(Error::Tampered), [0; 96]));
            let mut hsm = module(&device);
            let mut block = [0x55; 8];
            hsm.tamper();
            assert_eq!(hsm.offline_pin_plaintext(&pin(), &mut block), Err(Error::Tampered));
            assert_eq!(block, [0; 8]);
        },
    );
}
