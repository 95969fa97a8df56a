// SPDX-License-Identifier: MIT OR Apache-2.0
//! E. Components, working keys, key agreement.

use payhsm::error::Error;
use payhsm::hsm::{ImportedKey, KeyHandle};
use payhsm::inject::agreement::unauthenticated::Kdf;
use payhsm::inject::working::SignOnKind;
use payhsm::key::usage::ModeOfUse;
use payhsm::policy::{Permission, Policy};

use crate::catalogue::{attack, figure};
use crate::common::{Device, Module, attributes, ceremony, key, sign_on, start, value};

/// Enters parts, one custodian each.
fn enter(hsm: &mut Module, parts: &[&[u8]], kcv: &[u8]) -> Result<ImportedKey, Error> {
    let wanted = attributes("D0", 'T', 'B', 'N');
    hsm.component_begin(&wanted, 16, parts.len().try_into().unwrap(), kcv)?;
    for (custodian, part) in (1..).zip(parts) {
        hsm.component_add(custodian, part, &[])?;
    }
    hsm.component_finish()
}

fn module() -> Module {
    start(&Device::new(1), Policy::STRICT, 4, 0).unwrap()
}

fn xor(a: &[u8], b: &[u8]) -> Vec<u8> {
    a.iter().zip(b).map(|(a, b)| a ^ b).collect()
}

/// Parts that cancel out.
#[test]
fn e01_parts_do_not_cancel_out() {
    let (one, two) = (value(1, 16), value(2, 16));
    let after = |parts: &[&[u8]]| {
        let mut hsm = module();
        let result = enter(&mut hsm, parts, &[]);
        // The ceremony is over, and other commands run.
        assert!(result.is_ok() || (hsm.status().slots.1 == 0 && hsm.random(&mut [0; 4]).is_ok()));
        result
    };
    attack("E01.equal", Error::VerificationFailed, || after(&[&one, &one, &two]));
    attack("E01.zero", Error::WeakKey, || after(&[&one, &[0; 16], &two]));
    let both = xor(&one, &two);
    attack("E01.result", Error::WeakKey, || after(&[&one, &two, &both]));
    // The value of a key that stands for something else.
    attack("C03.purpose", Error::VerificationFailed, || {
        let mut hsm = module();
        key(&mut hsm, "P0", 'T', 'E', 60);
        let last = xor(&xor(&one, &two), &value(60, 16));
        enter(&mut hsm, &[&one, &two, &last], &[])
    });
}

/// The last custodian gives his part once more, changed: the ceremony was opened for a key of this check value.
#[test]
fn e02_no_second_run_with_a_known_difference() {
    let (one, two) = (value(1, 16), value(2, 16));
    let kcv = {
        let mut hsm = module();
        enter(&mut hsm, &[&one, &two], &[])
            .unwrap()
            .info
            .check
            .as_bytes()
            .to_vec()
    };
    assert!(enter(&mut module(), &[&one, &two], &kcv).is_ok());
    let delta = xor(
        &two,
        &[0xC0, 0xC0, 0xC0, 0xC0, 0, 0, 0, 0, 0xC0, 0xC0, 0xC0, 0xC0, 0, 0, 0, 0],
    );
    attack("E02", Error::VerificationFailed, || {
        let mut hsm = module();
        let result = enter(&mut hsm, &[&one, &delta], &kcv);
        assert!(result.is_ok() || hsm.status().slots.1 == 0);
        result
    });
}

/// One person as two custodians; a part too many, of another length, none at all; too late.
#[test]
fn e03_each_part_from_another_custodian() {
    let (one, two) = (value(1, 16), value(2, 16));
    attack("E03", Error::Component, || {
        let mut hsm = module();
        hsm.component_begin(&attributes("D0", 'T', 'B', 'N'), 16, 2, &[])?;
        hsm.component_add(7, &one, &[])?;
        let result = hsm.component_add(7, &two, &[]);
        // Everything is over: the parts so far count no more.
        assert!(result.is_ok() || hsm.component_finish().err() == Some(Error::BadState));
        result
    });
    for (part, error) in [(&one[..15], Error::InvalidKeyLength), (&[], Error::InvalidKeyLength)] {
        let mut hsm = module();
        hsm.component_begin(&attributes("D0", 'T', 'B', 'N'), 16, 2, &[])
            .unwrap();
        assert_eq!(hsm.component_add(1, part, &[]), Err(error));
        assert_eq!(hsm.component_add(2, &two, &[]), Err(Error::BadState));
    }
    let device = Device::new(1);
    device.world().now = Some(0);
    let mut hsm = start(&device, Policy::STRICT, 4, 0).unwrap();
    hsm.component_begin(&attributes("D0", 'T', 'B', 'N'), 16, 2, &[])
        .unwrap();
    hsm.component_add(1, &one, &[]).unwrap();
    device.world().now = Some(15 * 60_000);
    assert_eq!(hsm.component_add(2, &two, &[]), Err(Error::BadState));
    assert_eq!(hsm.status().slots.1, 0);
}

/// Nothing else goes on while a ceremony is open, and none opens without the device.
#[test]
fn e04_a_ceremony_is_alone() {
    attack("E04", Error::BadState, || {
        let mut hsm = module();
        let data_key = key(&mut hsm, "D0", 'T', 'B', 60);
        hsm.component_begin(&attributes("P0", 'T', 'E', 'N'), 16, 2, &[])?;
        let mut data = [0x11; 8];
        let result = hsm.data_encipher(data_key.into(), &[0; 8], &mut data);
        assert_eq!(data == [0; 8], result.is_err());
        result
    });
    let mut hsm = module();
    hsm.component_begin(&attributes("P0", 'T', 'E', 'N'), 16, 2, &[])
        .unwrap();
    let second = hsm.component_begin(&attributes("P0", 'T', 'E', 'N'), 16, 2, &[]);
    assert_eq!(second, Err(Error::BadState));
    let device = Device::new(1);
    device.world().answer = Some(Error::Refused);
    let mut hsm = start(&device, Policy::STRICT, 4, 0).unwrap();
    let refused = hsm.component_begin(&attributes("P0", 'T', 'E', 'N'), 16, 2, &[]);
    assert_eq!(refused, Err(Error::Refused));
    // A terminal build judges B0 away: `slot::judge_attributes`, by `cfg!(not(feature = "host"))`.
}

/// A sign-on of which one check value is wrong.
#[test]
fn e05_working_keys_come_in_all_or_none() {
    let tmk = value(40, 16);
    let keys = [value(50, 16), value(51, 16), value(52, 16)];
    let field = sign_on(&tmk, &[&keys[0], &keys[1], &keys[2]]);
    let policy = Policy::STRICT.with(Permission::LegacyImport);
    for wrong in [16, 36, 56] {
        attack("E05", Error::VerificationFailed, || {
            let mut hsm = start(&Device::new(1), policy, 6, 0).unwrap();
            let tmk = ceremony(&mut hsm, &attributes("K0", 'T', 'D', 'N'), &tmk).unwrap();
            let old = key(&mut hsm, "P0", 'T', 'E', 60);
            let mut field = field.clone();
            field[wrong] ^= 1;
            let result = hsm.unionpay_sign_on(tmk, SignOnKind::DoubleWithTrack, &field);
            assert!(result.is_ok() || hsm.status().slots.1 == 2);
            assert!(hsm.key_info(old).is_ok());
            result
        });
    }
}

/// Public keys that are no points of the curve, or not written as the standard says.
#[test]
fn e06_no_public_key_off_the_curve() {
    let own = payhsm::ecdh::PrivateKey::from_bytes(&[7; 32])
        .unwrap()
        .public()
        .to_sec1();
    let agree = |peer: &[u8]| {
        let policy = Policy::STRICT.with(Permission::UnauthenticatedAgreement);
        let mut hsm = start(&Device::new(1), policy, 2, 0).unwrap();
        hsm.agreement_unauthenticated_begin().unwrap();
        hsm.agreement_unauthenticated_finish(peer, Kdf::X963Sha256, b"info", 16, ModeOfUse::Decrypt)
    };
    for prefix in [6, 7] {
        let mut hybrid = own;
        hybrid[0] = prefix;
        attack("E06", Error::EcPoint, || {
            let policy = Policy::STRICT.with(Permission::UnauthenticatedAgreement);
            let mut hsm = start(&Device::new(1), policy, 2, 0).unwrap();
            hsm.agreement_unauthenticated_begin().unwrap();
            hsm.agreement_unauthenticated_finish(&hybrid, Kdf::X963Sha256, b"info", 16, ModeOfUse::Decrypt)
        });
    }
    let p = [
        0xFF, 0xFF, 0xFF, 0xFF, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF,
        0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF,
    ];
    let mut bad: Vec<Vec<u8>> = vec![vec![], vec![0], vec![4], own[..64].to_vec(), [&own[..], &[0]].concat()];
    for bit in [0, 7, 255] {
        let mut off = own.to_vec();
        off[64 - bit / 8] ^= 1 << (bit % 8);
        bad.push(off);
    }
    bad.push([&[4], &p[..], &own[33..]].concat());
    bad.push([&[4], &own[1..33], &p[..]].concat());
    bad.push([&[4], &[0; 64][..]].concat());
    for prefix in [0, 1, 5, 8, 0xFF] {
        bad.push([&[prefix], &own[1..]].concat());
    }
    for peer in &bad {
        assert_eq!(agree(peer).err(), Some(Error::EcPoint), "{peer:02X?}");
    }
    assert!(agree(&own).is_ok());
    figure(
        "E06",
        &format!(
            "{} malformed points are refused, and Wycheproof's in tests/wycheproof.rs",
            bad.len() + 2
        ),
    );
    let n_minus: [[u8; 32]; 1] = [[0; 32]];
    for scalar in n_minus {
        assert!(payhsm::ecdh::PrivateKey::from_bytes(&scalar).is_err());
    }
}

/// One's own public key back, and one of a peer twice.
#[test]
fn e07_no_public_key_comes_back() {
    let policy = Policy::STRICT.with(Permission::UnauthenticatedAgreement);
    attack("E07", Error::EcPoint, || {
        let mut hsm = start(&Device::new(1), policy, 3, 0).unwrap();
        let own = hsm.agreement_unauthenticated_begin().unwrap();
        hsm.agreement_unauthenticated_finish(own.as_bytes(), Kdf::X963Sha256, b"info", 16, ModeOfUse::Decrypt)
    });
    attack("E07.repeated", Error::EcPoint, || {
        let peer = payhsm::ecdh::PrivateKey::from_bytes(&[7; 32])
            .unwrap()
            .public()
            .to_sec1();
        let mut hsm = start(&Device::new(1), policy, 3, 0).unwrap();
        let mut agree = || {
            hsm.agreement_unauthenticated_begin().unwrap();
            hsm.agreement_unauthenticated_finish(&peer, Kdf::X963Sha256, b"info", 16, ModeOfUse::Decrypt)
        };
        agree().unwrap();
        agree()
    });
    // One's own key serves one agreement.
    let mut hsm = start(&Device::new(1), policy, 3, 0).unwrap();
    hsm.agreement_unauthenticated_begin().unwrap();
    for (seed, expected) in [(7, None), (8, Some(Error::BadState))] {
        let peer = payhsm::ecdh::PrivateKey::from_bytes(&[seed; 32])
            .unwrap()
            .public()
            .to_sec1();
        let result = hsm.agreement_unauthenticated_finish(&peer, Kdf::X963Sha256, b"info", 16, ModeOfUse::Decrypt);
        assert_eq!(result.err(), expected);
    }
}

/// The identities are in the key and in the proofs, each with its length.
#[test]
fn e08_a_key_is_of_its_parties() {
    let run = |host_says: [&[u8]; 2], terminal_says: [&[u8]; 2]| -> Result<(), Error> {
        let mut host = start(&Device::new(1), Policy::STRICT, 3, 0).unwrap();
        let mut terminal = start(&Device::new(2), Policy::STRICT, 3, 0).unwrap();
        let keys: [KeyHandle; 2] = [key(&mut host, "B3", 'A', 'X', 1), key(&mut terminal, "B3", 'A', 'X', 1)];
        let m1 = host.agreement_begin(keys[0], host_says[0], host_says[1], 16)?;
        let m2 = terminal.agreement_answer(keys[1], terminal_says[0], terminal_says[1], 16, &m1)?;
        let (_, m3) = host.agreement_confirm(&m2)?;
        terminal.agreement_finish(&m3).map(|_| ())
    };
    assert_eq!(run([b"host", b"till"], [b"host", b"till"]), Ok(()));
    attack("E08", Error::VerificationFailed, || {
        run([b"host", b"till"], [b"till", b"host"])
    });
    attack("E08", Error::VerificationFailed, || {
        run([b"host", b"till"], [b"hast", b"till"])
    });
    assert_eq!(run([b"AB", b"C"], [b"A", b"BC"]), Err(Error::VerificationFailed));
    // Nothing to bind it to.
    let policy = Policy::STRICT.with(Permission::UnauthenticatedAgreement);
    let mut hsm = start(&Device::new(1), policy, 3, 0).unwrap();
    hsm.agreement_unauthenticated_begin().unwrap();
    let peer = payhsm::ecdh::PrivateKey::from_bytes(&[7; 32])
        .unwrap()
        .public()
        .to_sec1();
    let result = hsm.agreement_unauthenticated_finish(&peer, Kdf::X963Sha256, b"", 16, ModeOfUse::Decrypt);
    assert_eq!(result.err(), Some(Error::InvalidLength));
}
