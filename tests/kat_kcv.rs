// SPDX-License-Identifier: MIT OR Apache-2.0
//! Known answers: key check values and DES parity.
#![cfg(feature = "hazmat")]

#[path = "common/vectors.rs"]
mod vectors;

use payhsm::error::Error;
use payhsm::key::role::{DataEncryption, Kek};
use payhsm::key::usage::KeyAlgorithm;
use payhsm::key::{Aes, Key, Tdea, kcv, parity};

#[test]
fn kcv() {
    let mut counts = [0; 3];
    for case in vectors::cases("key_management", "kcv") {
        let (method, key, expected) = (case.text("Method"), case.hex("Key"), case.hex("Kcv"));
        // Legacy values of single, double and triple length, some of them with 2 or 4 bytes; CMAC values.
        let (place, computed) = match method.as_str() {
            "tdes_ecb_zero" => {
                let mut block = [0; 16];
                let algorithm = if key.len() == 8 {
                    KeyAlgorithm::Des
                } else {
                    KeyAlgorithm::Tdea
                };
                let len = kcv::zero_block(algorithm, &key, &mut block).unwrap();
                let short = Key::<DataEncryption, Tdea>::from_bytes(&key)
                    .unwrap()
                    .kcv_legacy()
                    .unwrap();
                assert_eq!((len, &block[..3]), (8, &short[..]));
                (0, block[..8].to_vec())
            }
            "aes_ecb_zero" => {
                let mut block = [0; 16];
                assert_eq!(kcv::zero_block(KeyAlgorithm::Aes, &key, &mut block), Ok(16));
                (1, block.to_vec())
            }
            "aes_cmac_zero" => {
                let key = Key::<DataEncryption, Aes>::from_bytes(&key).unwrap();
                (2, key.kcv_cmac().unwrap().to_vec())
            }
            // CMAC of other messages, HMAC, SM4: no KCV of this library.
            _ => continue,
        };
        assert_eq!(computed[..expected.len()], expected, "{}", case.id());
        counts[place] += 1;
    }
    assert_eq!(counts, [11, 1, 8]);
}

#[test]
fn odd_parity() {
    let cases = vectors::cases("key_management", "des_odd_parity");
    assert_eq!(cases.len(), 1);
    for case in cases {
        let mut key = case.hex("Key");
        assert!(!bool::from(parity::is_odd(&key)));
        parity::set_odd(&mut key);
        assert_eq!(key, case.hex("Adjusted"));
        assert!(bool::from(parity::is_odd(&key)));
    }
}

#[test]
fn parity_bits_do_not_show_in_a_kcv() {
    let key = *b"\x01\x23\x45\x67\x89\xAB\xCD\xEF\xFE\xDC\xBA\x98\x76\x54\x32\x10";
    let (a, b) = (key, key.map(|byte| byte ^ 1));
    let of = |key: &[u8]| {
        let key = Key::<Kek, Tdea>::from_bytes(key).unwrap();
        (key.kcv_legacy().unwrap(), key.kcv_cmac().unwrap())
    };
    assert_eq!(of(&a), of(&b));
    assert_eq!(of(&a).0, [0x08, 0xD7, 0xB4]);
    let key = Key::<Kek, Tdea>::from_bytes(&a).unwrap();
    assert_eq!(key.verify_kcv_legacy(&[0x08, 0xD7, 0xB4]), Ok(()));
    assert_eq!(
        key.verify_kcv_legacy(&[0x08, 0xD7, 0xB5]),
        Err(Error::VerificationFailed)
    );
    assert_eq!(key.verify_kcv_cmac(&of(&a).1), Ok(()));
    assert_eq!(key.verify_kcv_legacy(&of(&a).1), Err(Error::VerificationFailed));
}

#[test]
fn empty_keys_have_none() {
    assert_eq!(Key::<Kek, Tdea>::empty().kcv_legacy(), Err(Error::NoKey));
    assert_eq!(Key::<Kek, Tdea>::empty().kcv_cmac(), Err(Error::NoKey));
    assert_eq!(Key::<Kek, Aes>::empty().kcv_cmac(), Err(Error::NoKey));
}
