// SPDX-License-Identifier: MIT OR Apache-2.0
//! H. MACs, check values and other oracles.

use std::collections::BTreeSet;

use payhsm::cipher::tdes::Tdes;
use payhsm::error::Error;
use payhsm::hsm::{KeyHandle, MacMethod, MacPurpose, Padding};
use payhsm::keyblock::Profile;
use payhsm::keyblock::optional::CheckMethod;
use payhsm::policy::{MacAlgorithm, Policy, TDEA_BLOCK_LIMIT};

use crate::catalogue::{attack, attack_fails, figure};
use crate::common::{Device, Module, PERMISSIVE, attributes, block, key, start, value};

fn holder(policy: Policy, usage: &str, algorithm: char, mode: char) -> (Module, KeyHandle) {
    let mut hsm = start(&Device::new(1), policy, 3, 0).unwrap();
    let handle = key(&mut hsm, usage, algorithm, mode, 60);
    (hsm, handle)
}

fn zero_block() -> [u8; 8] {
    Tdes::new(&value(60, 16)).unwrap().encrypt([0; 8])
}

/// The enciphered zero block is the secret that CMAC takes its subkeys from.
#[test]
fn h01_no_zero_block_of_cmac_keys() {
    let usages = ["M6", "K1", "B0", "B1", "B3"];
    for usage in usages {
        let mode = if usage.starts_with('M') {
            'C'
        } else if usage.starts_with('K') {
            'B'
        } else {
            'X'
        };
        let Ok(wanted) = std::panic::catch_unwind(|| attributes(usage, 'T', mode, 'N')) else {
            continue;
        };
        let mut hsm = start(&Device::new(1), Policy::STRICT, 3, 0).unwrap();
        let Ok(handle) = crate::common::ceremony(&mut hsm, &wanted, &value(60, 16)) else {
            continue;
        };
        // It shows five bytes of a CMAC, and compares nothing else.
        let check = hsm.key_info(handle).unwrap().check;
        assert_eq!(check.as_bytes().len(), 5);
        assert_ne!(check.as_bytes()[..3], zero_block()[..3]);
        let guess = zero_block();
        attack("H01", Error::UsageNotPermitted, || {
            hsm.key_check(handle, CheckMethod::Legacy, &guess[..3])
        });
    }
    let (hsm, aes) = holder(Policy::STRICT, "D0", 'A', 'B');
    assert_eq!(
        hsm.key_check(aes, CheckMethod::Legacy, &[0; 3]),
        Err(Error::AlgorithmMismatch)
    );
    assert_eq!(hsm.key_info(aes).unwrap().check.as_bytes().len(), 5);
}

/// The MAC of a zero block begins with the enciphered zero block: who is shown three bytes of it guesses the fourth.
#[test]
fn h02_no_check_value_that_is_half_a_mac() {
    let forged = |known: &[u8]| {
        let (mut hsm, handle) = holder(Policy::STRICT, "M3", 'T', 'V');
        (0..=255_u8).position(|last| {
            let tag = [known, &[last]].concat();
            hsm.mac_verify(handle.into(), MacMethod::X9_19, &[0; 8], &tag).is_ok()
        })
    };
    let (hsm, handle) = holder(Policy::STRICT, "M3", 'T', 'V');
    // Retail MAC of one block: EDE of it, which is what a zero-block check value shows.
    let tries = forged(&zero_block()[..3]).map(|n| n + 1);
    let shown = hsm.key_info(handle).unwrap().check;
    figure(
        "H02",
        &format!(
            "with a zero-block check value {tries:?} tries forge a MAC; with the one shown {:?}",
            forged(&shown.as_bytes()[..3])
        ),
    );
    assert!(tries.is_some() && forged(&shown.as_bytes()[..3]).is_none());
    attack("H02", Error::UsageNotPermitted, || {
        hsm.key_check(handle, CheckMethod::Legacy, &zero_block()[..3])
    });
}

/// A MAC of fewer bytes is guessed.
#[test]
fn h03_no_short_macs() {
    let (mut hsm, handle) = holder(Policy::STRICT, "M3", 'T', 'C');
    let mut tag = [0; 8];
    hsm.mac_generate(handle.into(), MacMethod::X9_19, b"message", &mut tag)
        .unwrap();
    for len in [0, 1, 2, 3, 9] {
        let long = [&tag[..], &[0]].concat();
        let result = hsm.mac_verify(handle.into(), MacMethod::X9_19, b"message", &long[..len]);
        assert_eq!(result, Err(Error::InvalidLength));
    }
    attack("H03", Error::InvalidLength, || {
        let (mut hsm, handle) = holder(Policy::STRICT, "M3", 'T', 'V');
        hsm.mac_verify(handle.into(), MacMethod::X9_19, b"message", &tag[..1])
    });
}

/// Who verifies does not make, and the other way round.
#[test]
fn h04_a_key_makes_or_checks() {
    attack("H04", Error::ModeNotPermitted, || {
        let (mut hsm, handle) = holder(Policy::STRICT, "M3", 'T', 'V');
        let mut tag = [0xA5; 8];
        let result = hsm.mac_generate(handle.into(), MacMethod::X9_19, b"message", &mut tag);
        assert_eq!(tag == [0; 8], result.is_err());
        result
    });
    attack("H04", Error::ModeNotPermitted, || {
        let (mut hsm, handle) = holder(Policy::STRICT, "M3", 'T', 'G');
        let result = hsm.mac_verify(handle.into(), MacMethod::X9_19, b"message", &[0; 8]);
        if result == Err(Error::VerificationFailed) {
            Ok(())
        } else {
            result
        }
    });
}

/// Two MACs of messages of different length give a third; blocks that change places keep the MAC.
#[test]
fn h05_no_splicing() {
    let method = MacMethod {
        algorithm: MacAlgorithm::Iso9797Alg1,
        padding: Padding::Method1,
    };
    attack("H05", Error::Refused, || {
        let (mut hsm, handle) = holder(Policy::STRICT, "M1", 'T', 'C');
        let (one, two) = ([0x11; 8], *b"twotwotwotwotwo!");
        let (mut tag_one, mut tag_two) = ([0; 8], [0; 8]);
        hsm.mac_generate(handle.into(), method, &one, &mut tag_one)?;
        hsm.mac_generate(handle.into(), method, &two, &mut tag_two)?;
        let mut spliced = [&one[..], &two].concat();
        for (to, from) in spliced[8..16].iter_mut().zip(tag_one) {
            *to ^= from;
        }
        hsm.mac_verify(handle.into(), method, &spliced, &tag_two)
    });
    attack("H05.fold", Error::Refused, || {
        let (mut hsm, handle) = holder(Policy::STRICT, "M1", 'T', 'C');
        let mut tag = [0; 8];
        hsm.mac_generate(handle.into(), MacMethod::UNIONPAY, b"to Alice to Bob  ", &mut tag)?;
        hsm.mac_verify(handle.into(), MacMethod::UNIONPAY, b"to Bob  to Alice ", &tag)
            .or_else(|_| hsm.mac_verify(handle.into(), MacMethod::UNIONPAY, b" to Bob to Alice ", &tag))
            .or(Ok(()))
    });
}

/// The answers to MACs that are wrong in one bit each, and in every byte.
fn wrong_macs() -> Vec<i32> {
    let (mut hsm, handle) = holder(Policy::STRICT, "M3", 'T', 'C');
    let target = key(&mut hsm, "M6", 'A', 'C', 61);
    let mut tag = [0; 8];
    hsm.mac_generate(handle.into(), MacMethod::X9_19, b"message", &mut tag)
        .unwrap();
    let masks = (0..64_u64).map(|bit| 1 << bit).chain([u64::MAX]);
    masks
        .map(|mask| {
            let wrong = (u64::from_be_bytes(tag) ^ mask).to_be_bytes();
            let result = hsm.mac_verify(handle.into(), MacMethod::X9_19, b"message", &wrong);
            let mut out = [0xA5; 16];
            let (from, to) = (MacMethod::X9_19, MacMethod::CMAC);
            let again = hsm.mac_translate(handle.into(), from, b"message", &wrong, target.into(), to, &mut out);
            assert_eq!((again, out), (result, [0; 16]));
            result.unwrap_err().code()
        })
        .collect()
}

/// What is wrong inside a block of ciphertext is one answer.
#[test]
fn h06_one_answer_for_all_that_is_wrong_inside() {
    let text = block(&value(11, 16), &attributes("D0", 'A', 'B', 'N'), &value(61, 16), &[]);
    attack_fails("H06", || {
        let mut answers = BTreeSet::new();
        for at in 16..text.len() {
            let mut hsm = start(&Device::new(1), Policy::STRICT, 2, 0).unwrap();
            let kbpk = key(&mut hsm, "K1", 'A', 'D', 11);
            let mut changed = text.clone();
            changed[at] = if changed[at] == b'0' { b'1' } else { b'0' };
            let error = hsm.key_block_import(kbpk, &changed, Profile::Tr31_2018).err();
            answers.insert(format!("{error:?}"));
        }
        // Authentic blocks with a length inside that no such key has.
        let lengths = [0, 1, 40, 63, 65, 127, 129, 240, 256, 0xFFFF];
        for bits in lengths {
            let mut hsm = start(&Device::new(1), Policy::STRICT, 2, 0).unwrap();
            let kbpk = key(&mut hsm, "K1", 'A', 'D', 11);
            let forged = crate::d::forge(b"D0000D0AB00N0000", &crate::d::clear(bits));
            let error = hsm.key_block_import(kbpk, &forged, Profile::Tr31_2018).err();
            answers.insert(format!("{error:?}"));
        }
        figure(
            "H06",
            &format!(
                "{} answers to {} changed blocks and MACs",
                answers.len(),
                text.len() - 16 + lengths.len() + wrong_macs().len()
            ),
        );
        answers.len() > 1
    });
    // First byte wrong, last byte wrong, each bit, all of it: one answer, and the output of a translation is zero.
    assert_eq!(
        BTreeSet::from_iter(wrong_macs()),
        BTreeSet::from([Error::VerificationFailed.code()])
    );
}

/// Data are whole blocks: there is no padding to ask about.
#[test]
fn h07_whole_blocks_only() {
    for len in [1, 7, 9, 15] {
        attack("H07", Error::InvalidLength, || {
            let (mut hsm, handle) = holder(Policy::STRICT, "D0", 'T', 'B');
            let mut data = vec![0x41; len];
            let result = hsm.data_decipher(handle.into(), &[0; 8], &mut data);
            assert!(result.is_ok() || data.iter().all(|&byte| byte == 0));
            result
        });
    }
}

/// A key with blocks of 64 bits ends before two of them are likely to be the same.
#[test]
fn h08_a_tdea_key_has_a_last_block() {
    attack("H08", Error::LimitReached, || {
        let (mut hsm, handle) = holder(PERMISSIVE, "M1", 'T', 'C');
        hsm.mac_begin(handle.into(), MacMethod::UNIONPAY, MacPurpose::Generate)?;
        let whole = usize::try_from(TDEA_BLOCK_LIMIT).unwrap() * 8;
        hsm.mac_update(&vec![0x5A; whole - 8])?;
        hsm.mac_update(&[0x5A; 64])
    });
    figure("H08", &format!("{TDEA_BLOCK_LIMIT} blocks"));
}
