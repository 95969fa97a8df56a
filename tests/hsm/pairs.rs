// SPDX-License-Identifier: MIT OR Apache-2.0
//! Signature keys in slots: from a key block and back.

use payhsm::ecdh::PrivateKey;
use payhsm::error::Error;
use payhsm::key::Key;
use payhsm::keyblock::{KbpkRef, KeyBlock, Payload, Profile};
use payhsm::policy::Policy;

use crate::common::{Device, PROFILE, attributes, block, ceremony, key_pair, payload, start, value};

const SEED: u8 = 1;

/// The example of ANSI X9.143:2021 8.6: a key pair with its certificates. The public key of the slot is that of the
/// payload.
#[test]
fn the_published_key_pair() {
    let cases = crate::vectors::cases("tr31", "tr31_unwrap");
    let mut pairs = 0;
    for case in cases {
        let is_pair = case.text("Algorithm") == "E";
        if !is_pair {
            case.discard();
            continue;
        }
        pairs += 1;
        let mut hsm = start(&Device::new(1), Policy::STRICT, 2, 0).unwrap();
        let kbpk = ceremony(&mut hsm, &attributes("K1", 'A', 'D', 'N'), &case.hex("Kbpk")).unwrap();
        let text = case.text("Key_block");
        let imported = hsm.key_block_import(kbpk, text.as_bytes(), PROFILE).unwrap();
        assert_eq!(imported.info.attributes, attributes("S0", 'E', 'S', 'N'));
        assert_eq!((imported.info.len, imported.info.check.as_bytes()), (32, &[][..]));
        let public = hsm.key_public(imported.key).unwrap();
        assert!(case.hex("Key").ends_with(&public.to_sec1()));
        case.discard();
        let export = hsm.key_block_export(kbpk, imported.key, &mut [0; 512]);
        assert_eq!(export, Err(Error::ModeNotPermitted));
    }
    assert_eq!(pairs, 2);
}

/// A pair that goes over is the same pair.
#[test]
fn export_and_import() {
    let mut here = start(&Device::new(1), Policy::STRICT, 3, 0).unwrap();
    let material = value(2, 16);
    let kbpk = ceremony(&mut here, &attributes("K1", 'A', 'B', 'N'), &material).unwrap();
    let made = here.key_generate(&attributes("S0", 'E', 'S', 'E'), 32).unwrap();
    let public = here.key_public(made.key).unwrap();
    let mut text = [0xA5; 512];
    let len = here.key_block_export(kbpk, made.key, &mut text).unwrap();
    assert_eq!(len, 16 + 2 * 128 + 32);
    let imported = here.key_block_import(kbpk, &text[..len], PROFILE).unwrap();
    assert_eq!(imported.info, made.info);
    assert_eq!(here.key_public(imported.key), Ok(public));

    // Outside, it is the encoding with the public key.
    let outer = Key::from_bytes(&material).unwrap();
    let mut opened = Payload::empty();
    let parsed = KeyBlock::parse(&text[..len], PROFILE).unwrap();
    let verified = parsed.verify(KbpkRef::Aes(&outer), &mut opened).unwrap();
    let scalar = &verified.key_bytes()[7..39];
    assert_eq!(verified.key_bytes(), key_pair(scalar));
    let own = PrivateKey::from_bytes(scalar.try_into().unwrap()).unwrap().public();
    assert_eq!(own, public);
}

/// Whatever is no private key of P-256 is refused as a wrong authenticator is, and so is a pair whose halves do not
/// belong together.
#[test]
fn other_payloads() {
    let device = Device::new(1);
    let mut hsm = start(&device, Policy::STRICT, 3, 0).unwrap();
    let kbpk_value = value(2, 16);
    let kbpk = ceremony(&mut hsm, &attributes("K1", 'A', 'D', 'N'), &kbpk_value).unwrap();
    let wanted = attributes("S0", 'E', 'S', 'N');
    let good = payload(&wanted, SEED);
    let status = hsm.status();
    let mut refused = |der: &[u8]| {
        let text = block(&kbpk_value, &wanted, der, &[]);
        let result = hsm.key_block_import(kbpk, &text, Profile::Tr31_2018);
        assert_eq!(result.err(), Some(Error::VerificationFailed));
    };
    for at in (0..good.len()).step_by(5) {
        let mut changed = good.clone();
        changed[at] ^= 0x10;
        refused(&changed);
        refused(&good[..at.max(1)]);
    }
    refused(&good[7..39]);
    refused(&[&good[..], &[0; 1]].concat());
    let other = key_pair(&value(3, 32));
    refused(&[&good[..51], &other[51..]].concat());
    assert_eq!(hsm.status(), status);
    let text = block(&kbpk_value, &wanted, &good, &[]);
    hsm.key_block_import(kbpk, &text, PROFILE).unwrap();
}

/// What no operation needs does not come in: other usages of a pair, other modes, components, a weaker KBPK.
#[test]
fn other_attributes() {
    let mut hsm = start(&Device::new(1), Policy::STRICT, 3, 0).unwrap();
    let kbpk_value = value(2, 16);
    let kbpk = ceremony(&mut hsm, &attributes("K1", 'A', 'D', 'N'), &kbpk_value).unwrap();
    let good = payload(&attributes("S0", 'E', 'S', 'N'), SEED);
    for (usage, algorithm, mode) in [
        ("S0", 'E', 'V'),
        ("S0", 'E', 'T'),
        ("S1", 'E', 'S'),
        ("K3", 'E', 'X'),
        ("D1", 'E', 'D'),
        ("S0", 'R', 'S'),
        ("S0", 'S', 'S'),
    ] {
        let text = block(&kbpk_value, &attributes(usage, algorithm, mode, 'N'), &good, &[]);
        let result = hsm.key_block_import(kbpk, &text, PROFILE);
        assert_eq!(result.err(), Some(Error::Unsupported), "{usage} {algorithm} {mode}");
        let result = hsm.key_generate(&attributes(usage, algorithm, mode, 'N'), 32);
        assert_eq!(result.err(), Some(Error::Unsupported), "{usage} {algorithm} {mode}");
    }
    for len in [0, 16, 24, 31, 33, 48] {
        let result = hsm.key_generate(&attributes("S0", 'E', 'S', 'N'), len);
        assert_eq!(result.err(), Some(Error::InvalidKeyLength), "{len}");
    }
    hsm.key_erase(kbpk).unwrap();
    let weaker = ceremony(&mut hsm, &attributes("K1", 'T', 'D', 'N'), &value(2, 24)).unwrap();
    let text = crate::common::block_tdea(&value(2, 24), &attributes("S0", 'E', 'S', 'N'), &good, &[]);
    let result = hsm.key_block_import(weaker, &text, PROFILE);
    assert_eq!(result.err(), Some(Error::KeyStrength));
}
