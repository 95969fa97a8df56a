// SPDX-License-Identifier: MIT OR Apache-2.0
//! HMAC keys, UnionPay's and single-DES MACs, one algorithm for one key, the limit of a DES key, translation.

use payhsm::error::Error;
use payhsm::hsm::{KeyHandle, KeyRef, MacMethod, MacPurpose, Padding};
use payhsm::keyblock::Profile;
use payhsm::keyblock::optional::Optional;
use payhsm::policy::{MacAlgorithm, Permission, Policy, TDEA_BLOCK_LIMIT};

use crate::common::{Device, Module, attributes, block, key, module, start, value};

const KBPK: u8 = 0x91;

fn permissive() -> Policy {
    Policy::STRICT
        .with(Permission::UnionPay)
        .with(Permission::SingleDes)
        .with(Permission::CbcMac)
}

/// Brings a key in by key block, under an AES-256 KBPK.
fn import(
    hsm: &mut Module,
    usage: &str,
    algorithm: char,
    mode: char,
    material: &[u8],
    hash: Option<&[u8]>,
) -> Result<KeyHandle, Error> {
    let kbpk = value(KBPK, 32);
    let unwrapping = crate::common::ceremony(hsm, &attributes("K1", 'A', 'D', 'N'), &kbpk)?;
    let optional: Vec<Optional<'_>> = hash
        .map(|hash| Optional::new(*b"HM", hash).unwrap())
        .into_iter()
        .collect();
    let text = block(&kbpk, &attributes(usage, algorithm, mode, 'E'), material, &optional);
    let result = hsm.key_block_import(unwrapping, &text, Profile::Tr31_2018);
    hsm.key_erase(unwrapping)?;
    result.map(|imported| imported.key)
}

fn hex(text: &str) -> Vec<u8> {
    (0..text.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap())
        .collect()
}

/// RFC 4231, test case 1: the message "Hi There" under a key of 20 bytes 0B.
#[test]
fn hmac_of_rfc_4231() {
    for (method, hash, mac) in [
        (
            MacMethod::HMAC_SHA_256,
            b"21",
            "B0344C61D8DB38535CA8AFCEAF0BF12B881DC200C9833DA726E9376C2E32CFF7",
        ),
        (
            MacMethod::HMAC_SHA_384,
            b"22",
            "AFD03944D84895626B0825F4AB46907F15F9DADBE4101EC682AA034C7CEBC59CFAEA9EA9076EDE7F4AF152E8B2FA9CB6",
        ),
        (
            MacMethod::HMAC_SHA_512,
            b"23",
            "87AA7CDEA5EF619D4FF0B4241A1D6CB02379F4E2CE4EC2787AD0B30545E17CDE\
             DAA833B7D6B8A702038B274EAEA3F4E4BE9D914EEB61F1702E696C203A126854",
        ),
    ] {
        let mac = hex(&mac.replace(' ', ""));
        for named in [Some(&hash[..]), None] {
            let mut hsm = module(&Device::new(1));
            let key = import(&mut hsm, "M7", 'H', 'C', &[0x0B; 20], named).unwrap();
            assert_eq!(hsm.key_info(key).unwrap().len, 20);
            let key = KeyRef::Slot(key);
            let mut out = vec![0; mac.len()];
            hsm.mac_generate(key, method, b"Hi There", &mut out).unwrap();
            assert_eq!(out, mac);
            for len in 8..=mac.len() {
                assert_eq!(hsm.mac_verify(key, method, b"Hi There", &mac[..len]), Ok(()));
            }
            for len in (0..8).chain(mac.len() + 1..70) {
                let tag: Vec<u8> = mac.iter().copied().chain([0; 70]).take(len).collect();
                let result = hsm.mac_verify(key, method, b"Hi There", &tag);
                assert_eq!(result, Err(Error::InvalidLength), "{len}");
            }
            hsm.mac_begin(key, method, MacPurpose::Verify).unwrap();
            hsm.mac_update(b"Hi ").unwrap();
            hsm.mac_update(b"There").unwrap();
            assert_eq!(hsm.mac_finish_verify(&mac), Ok(()));
            // One hash for one key, whether its block named it or its first use chose it.
            for other in [
                MacMethod::HMAC_SHA_256,
                MacMethod::HMAC_SHA_384,
                MacMethod::HMAC_SHA_512,
            ] {
                let result = hsm.mac_generate(key, other, b"", &mut [0; 8]);
                let expected = if other == method {
                    Ok(())
                } else {
                    Err(Error::UsageNotPermitted)
                };
                assert_eq!(result, expected);
            }
            for other in [MacMethod::CMAC, MacMethod::X9_19, MacMethod::UNIONPAY] {
                let result = hsm.mac_generate(key, other, b"", &mut [0; 8]);
                assert_eq!(result, Err(Error::AlgorithmMismatch));
            }
        }
    }
}

#[test]
fn hmac_keys_that_do_not_enter() {
    let mut hsm = module(&Device::new(1));
    for len in [1, 15] {
        let result = import(&mut hsm, "M7", 'H', 'C', &value(3, len), None);
        assert_eq!(result, Err(Error::InvalidKeyLength), "{len}");
    }
    assert_eq!(import(&mut hsm, "M7", 'H', 'C', &[0; 32], None), Err(Error::WeakKey));
    // SHA-1, SHA3-256.
    for hash in [b"10", b"31"] {
        let result = import(&mut hsm, "M7", 'H', 'C', &value(3, 32), Some(hash));
        assert_eq!(result, Err(Error::Unsupported));
    }
    for len in [16, 32, 48, 64] {
        let key = import(&mut hsm, "M7", 'H', 'C', &value(3, len), None).unwrap();
        hsm.key_erase(key).unwrap();
    }
}

/// An HMAC key leaves with the hash that it is bound to.
#[test]
fn hmac_keys_leave_with_their_hash() {
    let mut hsm = module(&Device::new(1));
    let made = import(&mut hsm, "M7", 'H', 'C', &value(3, 32), Some(b"22")).unwrap();
    let kbpk = value(0x92, 32);
    let wrapping = crate::common::ceremony(&mut hsm, &attributes("K1", 'A', 'E', 'N'), &kbpk).unwrap();
    let mut text = [0; 256];
    let len = hsm.key_block_export(wrapping, made, &mut text).unwrap();
    assert!(text[..len].windows(6).any(|window| window == b"HM0622"));

    let mut other = module(&Device::new(2));
    let unwrapping = crate::common::ceremony(&mut other, &attributes("K1", 'A', 'D', 'N'), &kbpk).unwrap();
    let back = other
        .key_block_import(unwrapping, &text[..len], Profile::X9143Strict)
        .unwrap();
    let key = KeyRef::Slot(back.key);
    let mut tag = [0; 48];
    other
        .mac_generate(key, MacMethod::HMAC_SHA_384, b"message", &mut tag)
        .unwrap();
    assert_eq!(
        hsm.mac_verify(made.into(), MacMethod::HMAC_SHA_384, b"message", &tag),
        Ok(())
    );
    assert_eq!(
        other.mac_generate(key, MacMethod::HMAC_SHA_256, b"message", &mut tag),
        Err(Error::UsageNotPermitted)
    );
}

/// `cup-ecb-mac-1` (8 bytes) and `cup-kaifu` (16 bytes) of `vectors/mac.txt`.
#[test]
fn unionpay_macs_by_permission() {
    let cases = [
        ("2222222222222221", "1234567890ABCDEFABCDEF1234567890", None),
        (
            "AB73C9416D41E936E82AAC11053BCEDD",
            "3230313630393133323031363039313332303136303931333230313630393133",
            Some(&b"3027"[..]),
        ),
    ];
    for (material, message, begins) in cases {
        let (material, message) = (hex(material), hex(message));
        let letter = if material.len() == 8 { 'D' } else { 'T' };
        let mut hsm = start(&Device::new(1), permissive(), 4, 0).unwrap();
        let key = import(&mut hsm, "M1", letter, 'C', &material, None).unwrap().into();
        let mut out = [0; 8];
        hsm.mac_generate(key, MacMethod::UNIONPAY, &message, &mut out).unwrap();
        if let Some(begins) = begins {
            assert!(out.starts_with(begins));
        }
        assert!(out.iter().all(|c| c.is_ascii_hexdigit() && !c.is_ascii_lowercase()));
        assert_eq!(hsm.mac_verify(key, MacMethod::UNIONPAY, &message, &out), Ok(()));
        out[7] ^= 1;
        let failed = Err(Error::VerificationFailed);
        assert_eq!(hsm.mac_verify(key, MacMethod::UNIONPAY, &message, &out), failed);
        // All eight characters or nothing.
        for len in [4, 7, 9] {
            let result = hsm.mac_verify(key, MacMethod::UNIONPAY, &message, &[b'0'; 9][..len]);
            assert_eq!(result, Err(Error::InvalidLength));
        }
        // It is a CBC-MAC of the folded message: the same key does not make both.
        let cbc = MacMethod {
            algorithm: MacAlgorithm::Iso9797Alg1,
            padding: Padding::Method2,
        };
        let result = hsm.mac_generate(key, cbc, &message, &mut [0; 8]);
        assert_eq!(result, Err(Error::UsageNotPermitted));

        // Without the permissions.
        let mut hsm = start(&Device::new(1), Policy::STRICT, 4, 0).unwrap();
        let result = import(&mut hsm, "M1", letter, 'C', &material, None);
        if letter == 'D' {
            assert_eq!(result, Err(Error::Unsupported));
        } else {
            let result = hsm.mac_generate(result.unwrap().into(), MacMethod::UNIONPAY, &message, &mut out);
            assert_eq!((result, out), (Err(Error::Refused), [0; 8]));
        }
    }
}

/// ANSI X9.9 under single DES: `Now is the time for all ` of FIPS 113.
#[test]
fn x9_9_by_permission() {
    let message = b"7654321 Now is the time for ";
    let key = hex("0123456789ABCDEF");
    let mut hsm = start(&Device::new(1), permissive(), 4, 0).unwrap();
    let handle = import(&mut hsm, "M1", 'D', 'C', &key, None).unwrap().into();
    let mut out = [0; 4];
    hsm.mac_generate(handle, MacMethod::X9_9, message, &mut out).unwrap();
    assert_eq!(out, [0xF1, 0xD3, 0x0F, 0x68]);
    // Single DES is for algorithm 1 of MAC keys only, and a weak key is no key.
    for (usage, error) in [("M3", Error::KeyBlockAlgorithm), ("D0", Error::KeyBlockAlgorithm)] {
        assert_eq!(import(&mut hsm, usage, 'D', 'C', &key, None), Err(error));
    }
    let weak = import(&mut hsm, "M1", 'D', 'C', &[0x01; 8], None);
    assert_eq!(weak, Err(Error::WeakKey));
}

/// A DES or TDEA key stops at its last block, whatever it is used for, until another key takes its place.
#[test]
fn tdea_keys_have_a_last_block() {
    // The fold is cheap: the count is the same for every algorithm.
    let limit = usize::try_from(TDEA_BLOCK_LIMIT).unwrap();
    let mut hsm = start(&Device::new(1), permissive(), 4, 0).unwrap();
    let one = key(&mut hsm, "M1", 'T', 'C', 1);
    let method = MacMethod::UNIONPAY;
    hsm.mac_begin(one.into(), method, MacPurpose::Generate).unwrap();
    // Seven bytes at a time are counted as what they are, not as blocks of their own.
    for _ in 0..8 {
        hsm.mac_update(&[0x5A; 7]).unwrap();
    }
    let rest = vec![0x5A; (limit - 1) * 8 - 56];
    hsm.mac_update(&rest).unwrap();
    hsm.mac_update(&[0x5A; 7]).unwrap();
    let mut tag = [0; 8];
    hsm.mac_finish(&mut tag).unwrap();
    let over = Err(Error::LimitReached);
    let mut out = [0xA5; 8];
    assert_eq!(hsm.mac_generate(one.into(), method, b"", &mut out), over);
    assert_eq!(out, [0; 8]);
    assert_eq!(hsm.mac_verify(one.into(), method, b"", &tag), over);
    assert_eq!(hsm.mac_begin(one.into(), method, MacPurpose::Verify), over);
    assert_eq!(hsm.mac_update(b""), Err(Error::BadState));

    // One block too many in the middle of a message ends it.
    let two = key(&mut hsm, "M1", 'T', 'C', 2);
    hsm.mac_begin(two.into(), method, MacPurpose::Generate).unwrap();
    hsm.mac_update(&rest).unwrap();
    assert_eq!(hsm.mac_update(&[0; 64]), over);
    assert_eq!(hsm.mac_finish(&mut out), Err(Error::BadState));

    // The same value, come in anew, counts anew; an AES key has no such end.
    hsm.key_erase(one).unwrap();
    let one = key(&mut hsm, "M1", 'T', 'C', 1);
    assert_eq!(hsm.mac_generate(one.into(), method, b"", &mut out), Ok(()));
    let aes = key(&mut hsm, "M6", 'A', 'C', 3);
    hsm.mac_begin(aes.into(), MacMethod::CMAC, MacPurpose::Generate)
        .unwrap();
    hsm.mac_update(&vec![0; (limit + 2) * 8]).unwrap();
    hsm.mac_finish(&mut out).unwrap();
}

/// A MAC is translated if it is right, and only then.
#[test]
fn translation() {
    let mut hsm = module(&Device::new(1));
    let maker = key(&mut hsm, "M3", 'T', 'G', 1);
    let mut tag = [0; 8];
    hsm.mac_generate(maker.into(), MacMethod::X9_19, b"message", &mut tag)
        .unwrap();
    hsm.key_erase(maker).unwrap();
    let from = KeyRef::from(key(&mut hsm, "M3", 'T', 'V', 1));
    let to = KeyRef::from(key(&mut hsm, "M6", 'A', 'C', 2));
    let (x9, cmac) = (MacMethod::X9_19, MacMethod::CMAC);
    let mut out = [0; 16];
    hsm.mac_translate(from, x9, b"message", &tag, to, cmac, &mut out)
        .unwrap();
    assert_eq!(hsm.mac_verify(to, cmac, b"message", &out), Ok(()));
    hsm.mac_translate(from, x9, b"message", &tag[..4], to, cmac, &mut out[..8])
        .unwrap();

    let mut wrong = tag;
    wrong[3] ^= 1;
    for (data, tag, expected) in [
        (&b"message"[..], &wrong[..], Error::VerificationFailed),
        (b"massage", &tag, Error::VerificationFailed),
        (b"message", &tag[..3], Error::InvalidLength),
        (b"message", &[], Error::InvalidLength),
    ] {
        let mut out = [0xA5; 16];
        let result = hsm.mac_translate(from, x9, data, tag, to, cmac, &mut out);
        assert_eq!((result, out), (Err(expected), [0; 16]));
    }
    // The output's length, a key for itself, and the ways that the keys have.
    let mut out = [0xA5; 16];
    let result = hsm.mac_translate(from, x9, b"message", &tag, to, cmac, &mut out[..4]);
    assert_eq!(result, Err(Error::InvalidLength));
    let result = hsm.mac_translate(to, cmac, b"message", &tag, to, cmac, &mut out);
    assert_eq!(result, Err(Error::InvalidArgument));
    let result = hsm.mac_translate(to, cmac, b"message", &[0; 8], from, x9, &mut out[..8]);
    assert_eq!(result, Err(Error::ModeNotPermitted));
}
