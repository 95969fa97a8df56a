// SPDX-License-Identifier: MIT OR Apache-2.0
//! Working keys under a terminal master key, and UnionPay's sign-on answer.

use payhsm::error::Error;
use payhsm::hsm::KeyHandle;
use payhsm::inject::working::SignOnKind;
use payhsm::policy::{Permission, Policy};

use crate::common::{Device, Module, attributes, ceremony, sign_on, start, value, working_key};

const POLICY: Policy = Policy::STRICT.with(Permission::LegacyImport);
const TMK: u8 = 40;

/// A module with a master key of `len` bytes and `free` places.
fn with_master(policy: Policy, len: usize, free: usize) -> (Module, KeyHandle) {
    let mut hsm = start(&Device::new(1), policy, free + 1, 0).unwrap();
    let tmk = ceremony(&mut hsm, &attributes("K0", 'T', 'D', 'N'), &value(TMK, len)).unwrap();
    (hsm, tmk)
}

#[test]
fn a_working_key_comes_in() {
    for (len, usage, mode) in [(16, "P0", 'E'), (16, "M0", 'C'), (24, "D0", 'B'), (24, "M3", 'G')] {
        let (mut hsm, tmk) = with_master(POLICY, 24, 1);
        let (cipher, kcv) = working_key(&value(TMK, 24), &value(41, len));
        let wanted = attributes(usage, 'T', mode, 'N');
        let taken = hsm.working_key_import(tmk, &wanted, &cipher, &kcv).unwrap();
        assert_eq!((taken.info.attributes, taken.info.len), (wanted, len));
        hsm.key_erase(taken.key).unwrap();
        // By three bytes as well; it is the key of a ceremony with the same value.
        let taken = hsm.working_key_import(tmk, &wanted, &cipher, &kcv[..3]).unwrap();
        let (mut other, _) = with_master(POLICY, 24, 1);
        let same = ceremony(&mut other, &wanted, &value(41, len)).unwrap();
        assert_eq!(other.key_info(same), Ok(taken.info));
    }
}

#[test]
fn what_is_public_is_judged_first() {
    let (mut hsm, tmk) = with_master(POLICY, 16, 2);
    let (cipher, kcv) = working_key(&value(TMK, 16), &value(41, 16));
    let long = [&cipher[..], &cipher[..8]].concat();
    let pin = attributes("P0", 'T', 'E', 'N');
    let refused = [
        (pin, &long[..], &kcv[..], Error::KeyStrength),
        (pin, &cipher[..15], &kcv, Error::InvalidKeyLength),
        (pin, &cipher[..8], &kcv, Error::InvalidKeyLength),
        (pin, &[], &kcv, Error::InvalidKeyLength),
        (pin, &cipher, &kcv[..2], Error::InvalidLength),
        (pin, &cipher, &[], Error::InvalidLength),
        (pin, &cipher, &[0; 5], Error::InvalidLength),
        (
            attributes("P0", 'T', 'E', 'E'),
            &cipher,
            &kcv,
            Error::ExportNotPermitted,
        ),
        (attributes("P0", 'T', 'B', 'N'), &cipher, &kcv, Error::ModeNotPermitted),
        (attributes("P0", 'T', 'N', 'N'), &cipher, &kcv, Error::ModeNotPermitted),
        (attributes("D0", 'A', 'E', 'N'), &cipher, &kcv, Error::KeyStrength),
        (attributes("K0", 'T', 'D', 'N'), &cipher, &kcv, Error::UsageNotPermitted),
        (attributes("K1", 'T', 'D', 'N'), &cipher, &kcv, Error::UsageNotPermitted),
        (attributes("B0", 'T', 'X', 'N'), &cipher, &kcv, Error::UsageNotPermitted),
        (attributes("V2", 'T', 'V', 'N'), &cipher, &kcv, Error::UsageNotPermitted),
        (attributes("E0", 'T', 'X', 'N'), &cipher, &kcv, Error::UsageNotPermitted),
    ];
    for (wanted, cipher, kcv, error) in refused {
        let result = hsm.working_key_import(tmk, &wanted, cipher, kcv);
        assert_eq!(result.err(), Some(error), "{wanted:?} {}", cipher.len());
    }
    // None of that counted.
    hsm.working_key_import(tmk, &pin, &cipher, &kcv).unwrap();
    // Without the permission, and under keys that are no master keys.
    let (mut strict, tmk) = with_master(Policy::STRICT, 16, 1);
    let result = strict.working_key_import(tmk, &pin, &cipher, &kcv);
    assert_eq!(result.err(), Some(Error::UsageNotPermitted));
    let result = strict.unionpay_sign_on(tmk, SignOnKind::Double, &[0; 40]);
    assert_eq!(result.err(), Some(Error::UsageNotPermitted));
}

/// Attack row C07: nobody makes keys up by trying.
#[test]
fn c07_three_wrong_check_values_lock_the_master_key() {
    let (mut hsm, tmk) = with_master(POLICY, 16, 4);
    let (cipher, kcv) = working_key(&value(TMK, 16), &value(41, 16));
    let pin = attributes("P0", 'T', 'E', 'N');
    for at in 0..3 {
        // A right one in between does not help.
        let taken = hsm.working_key_import(tmk, &pin, &cipher, &kcv).unwrap();
        hsm.key_erase(taken.key).unwrap();
        let mut wrong = kcv;
        wrong[at] ^= 1;
        let result = hsm.working_key_import(tmk, &pin, &cipher, &wrong[..3]);
        assert_eq!(result.err(), Some(Error::VerificationFailed));
        assert_eq!(hsm.status().slots.1, 1);
    }
    let result = hsm.working_key_import(tmk, &pin, &cipher, &kcv);
    assert_eq!(result.err(), Some(Error::Locked));
    let field = sign_on(&value(TMK, 16), &[&value(42, 16), &value(43, 16)]);
    let result = hsm.unionpay_sign_on(tmk, SignOnKind::Double, &field);
    assert_eq!(result.err(), Some(Error::Locked));
    // Until it is entered again.
    hsm.key_erase(tmk).unwrap();
    let tmk = ceremony(&mut hsm, &attributes("K0", 'T', 'D', 'N'), &value(TMK, 16)).unwrap();
    hsm.working_key_import(tmk, &pin, &cipher, &kcv).unwrap();
}

/// Attack rows C08, C09: halves of keys, equal halves, weak ones.
#[test]
fn c08_c09_half_keys_and_weak_keys() {
    let (mut hsm, tmk) = with_master(POLICY, 16, 3);
    let master = value(TMK, 16);
    let good = value(41, 16);
    let pin = attributes("P0", 'T', 'E', 'N');
    for weak in [
        [&good[..8], &good[..8]].concat(),
        [&good[..8], &[1; 8]].concat(),
        vec![0; 16],
    ] {
        let (cipher, kcv) = working_key(&master, &weak);
        let result = hsm.working_key_import(tmk, &pin, &cipher, &kcv);
        assert_eq!(result.err(), Some(Error::WeakKey));
    }
    // The halves of a key the other way round have another check value.
    let (cipher, kcv) = working_key(&master, &good);
    let swapped = [&cipher[8..], &cipher[..8]].concat();
    let result = hsm.working_key_import(tmk, &pin, &swapped, &kcv);
    assert_eq!(result.err(), Some(Error::VerificationFailed));
    // One key, one purpose.
    hsm.working_key_import(tmk, &pin, &cipher, &kcv).unwrap();
    let result = hsm.working_key_import(tmk, &attributes("D0", 'T', 'E', 'N'), &cipher, &kcv);
    assert_eq!(result.err(), Some(Error::VerificationFailed));
    assert_eq!(hsm.status().slots.1, 2);
}

#[test]
fn a_sign_on_brings_all_keys() {
    let master = value(TMK, 16);
    let keys = [value(50, 16), value(51, 16), value(52, 16)];
    for (kind, count) in [(SignOnKind::Double, 2), (SignOnKind::DoubleWithTrack, 3)] {
        let (mut hsm, tmk) = with_master(POLICY, 16, 3);
        let parts: Vec<&[u8]> = keys[..count].iter().map(Vec::as_slice).collect();
        let field = sign_on(&master, &parts);
        let brought = hsm.unionpay_sign_on(tmk, kind, &field).unwrap();
        assert_eq!(brought.pin.info.attributes, attributes("P0", 'T', 'E', 'N'));
        assert_eq!(brought.mac.info.attributes, attributes("M0", 'T', 'C', 'N'));
        assert_eq!(brought.pin.info.check.as_bytes(), &field[16..19]);
        assert_eq!(brought.track.is_some(), count == 3);
        if let Some(track) = brought.track {
            assert_eq!(track.info.attributes, attributes("D0", 'T', 'E', 'N'));
            assert_eq!(track.info.check.as_bytes(), &field[56..59]);
        }
        assert_eq!(hsm.status().slots.1, count + 1);
    }
}

/// Attack row E05: each check value wrong alone, a field of another kind, no room, a key that is there already: nothing
/// comes in, and the keys that were there still work.
#[test]
fn e05_a_sign_on_is_all_or_nothing() {
    let master = value(TMK, 16);
    let keys = [value(50, 16), value(51, 16), value(52, 16)];
    let field = sign_on(&master, &[&keys[0], &keys[1], &keys[2]]);
    let (mut hsm, tmk) = with_master(POLICY, 16, 4);
    let old = ceremony(&mut hsm, &attributes("D0", 'T', 'B', 'N'), &value(60, 16)).unwrap();
    let status = hsm.status();
    for at in [16, 36, 59] {
        let (mut hsm, tmk) = with_master(POLICY, 16, 3);
        let mut wrong = field.clone();
        wrong[at] ^= 1;
        let result = hsm.unionpay_sign_on(tmk, SignOnKind::DoubleWithTrack, &wrong);
        assert_eq!(result.err(), Some(Error::VerificationFailed));
        assert_eq!(hsm.status().slots.1, 1);
        hsm.unionpay_sign_on(tmk, SignOnKind::DoubleWithTrack, &field).unwrap();
    }
    for (kind, len, error) in [
        (SignOnKind::Double, 60, Error::InvalidLength),
        (SignOnKind::DoubleWithTrack, 40, Error::InvalidLength),
        (SignOnKind::Double, 39, Error::InvalidLength),
        (SignOnKind::Single, 40, Error::InvalidLength),
        (SignOnKind::Single, 24, Error::InvalidKeyLength),
    ] {
        let result = hsm.unionpay_sign_on(tmk, kind, &field[..len]);
        assert_eq!(result.err(), Some(error));
    }
    // The same key twice; a weak one; one that a slot holds for something else. The last of three, so that two go back.
    for bad in [keys[0].clone(), [&keys[0][..8], &keys[0][..8]].concat(), value(TMK, 16)] {
        let field = sign_on(&master, &[&keys[0], &keys[1], &bad]);
        let result = hsm.unionpay_sign_on(tmk, SignOnKind::DoubleWithTrack, &field);
        assert!(matches!(result.err(), Some(Error::VerificationFailed | Error::WeakKey)));
    }
    assert_eq!(hsm.status(), status);
    hsm.data_encipher(old.into(), &[0; 8], &mut [0; 8]).unwrap();
    // No room for the third.
    ceremony(&mut hsm, &attributes("D0", 'T', 'E', 'N'), &value(61, 16)).unwrap();
    let result = hsm.unionpay_sign_on(tmk, SignOnKind::DoubleWithTrack, &field);
    assert_eq!(result.err(), Some(Error::SlotsFull));
    assert_eq!(hsm.status().slots.1, 3);
}

/// A MAC key of single length does not come in without the permission for single DES; nothing else does then.
#[test]
fn single_des_needs_more() {
    let (mut hsm, tmk) = with_master(POLICY, 16, 3);
    let field = sign_on(&value(TMK, 16), &[&value(50, 16), &value(51, 8)]);
    assert_eq!(field[28..36], [0; 8]);
    let result = hsm.unionpay_sign_on(tmk, SignOnKind::Double, &field);
    assert_eq!(result.err(), Some(Error::Unsupported));
    assert_eq!(hsm.status().slots.1, 1);
    // A tail that is not zero makes another key of it, with another check value.
    let mut tail = field.clone();
    tail[35] = 1;
    let result = hsm.unionpay_sign_on(tmk, SignOnKind::Double, &tail);
    assert_eq!(result.err(), Some(Error::VerificationFailed));

    // With the permission it comes in, as a single DES key that makes MACs.
    let (mut hsm, tmk) = with_master(POLICY.with(Permission::SingleDes), 16, 2);
    let keys = hsm.unionpay_sign_on(tmk, SignOnKind::Double, &field).unwrap();
    assert_eq!((keys.mac.info.len, keys.pin.info.len), (8, 16));
    assert_eq!(keys.mac.info.attributes, attributes("M0", 'D', 'C', 'N'));
    assert!(keys.track.is_none());
    let result = hsm.unionpay_sign_on(tmk, SignOnKind::Double, &tail);
    assert_eq!(result.err(), Some(Error::SlotsFull));
}
