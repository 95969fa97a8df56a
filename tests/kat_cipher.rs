// SPDX-License-Identifier: MIT OR Apache-2.0
//! Known answers: DES, TDEA, AES and the modes.
#![cfg(feature = "hazmat")]

#[path = "common/vectors.rs"]
mod vectors;

use payhsm::cipher::aes::Aes;
use payhsm::cipher::modes::{cbc_decrypt, cbc_encrypt, ctr, ecb_decrypt, ecb_encrypt};
use payhsm::cipher::tdes::{Des, Tdes};

/// `forward` gives the ciphertext, `backward` undoes it, and a ciphertext with one bit changed gives another plaintext.
fn both_ways(
    case: &vectors::Case,
    forward: impl Fn(&mut [u8]) -> Result<(), payhsm::error::Error>,
    backward: impl Fn(&mut [u8]) -> Result<(), payhsm::error::Error>,
) {
    let (plaintext, ciphertext) = (case.hex("Plaintext"), case.hex("Ciphertext"));
    let mut data = plaintext.clone();
    forward(&mut data).unwrap();
    assert_eq!(data, ciphertext, "{}", case.id());
    backward(&mut data).unwrap();
    assert_eq!(data, plaintext, "{}", case.id());

    let mut tampered = ciphertext;
    *tampered.last_mut().unwrap() ^= 1;
    backward(&mut tampered).unwrap();
    assert_ne!(tampered, plaintext, "{}", case.id());
}

#[test]
fn tdes_ecb() {
    let mut counts = [0; 3];
    for case in vectors::cases("des_aes_kat", "tdes_ecb_encrypt") {
        let key = case.hex("Key");
        counts[key.len() / 8 - 1] += 1;
        let tdes = Tdes::new(&key).unwrap();
        both_ways(&case, |data| ecb_encrypt(&tdes, data), |data| ecb_decrypt(&tdes, data));
    }
    assert_eq!(counts.iter().sum::<i32>(), 336);
    assert!(counts.iter().all(|&n| n > 0), "{counts:?}");
}

#[test]
fn tdes_cbc() {
    let mut count = 0;
    for case in vectors::cases("des_aes_kat", "tdes_cbc_encrypt") {
        let (tdes, iv) = (Tdes::new(&case.hex("Key")).unwrap(), case.hex("Iv"));
        both_ways(
            &case,
            |data| cbc_encrypt(&tdes, &iv, data),
            |data| cbc_decrypt(&tdes, &iv, data),
        );
        count += 1;
    }
    assert_eq!(count, 85);
}

#[test]
fn aes_ecb() {
    let mut counts = [0; 3];
    for case in vectors::cases("des_aes_kat", "aes_ecb_encrypt") {
        let key = case.hex("Key");
        counts[key.len() / 8 - 2] += 1;
        let aes = Aes::new(&key).unwrap();
        both_ways(&case, |data| ecb_encrypt(&aes, data), |data| ecb_decrypt(&aes, data));
    }
    assert_eq!(counts.iter().sum::<i32>(), 295);
    assert!(counts.iter().all(|&n| n > 0), "{counts:?}");
}

#[test]
fn aes_cbc() {
    let mut count = 0;
    for case in vectors::cases("des_aes_kat", "aes_cbc_encrypt") {
        let (aes, iv) = (Aes::new(&case.hex("Key")).unwrap(), case.hex("Iv"));
        both_ways(
            &case,
            |data| cbc_encrypt(&aes, &iv, data),
            |data| cbc_decrypt(&aes, &iv, data),
        );
        count += 1;
    }
    assert_eq!(count, 25);
}

#[test]
fn aes_ctr() {
    let mut count = 0;
    for case in vectors::cases("des_aes_kat", "aes_ctr_encrypt") {
        let (aes, iv) = (Aes::new(&case.hex("Key")).unwrap(), case.hex("Iv"));
        both_ways(&case, |data| ctr(&aes, &iv, data), |data| ctr(&aes, &iv, data));
        count += 1;
    }
    assert_eq!(count, 9);
}

/// R. L. Rivest, "Testing Implementations of DES" (1985): sixteen operations, each under its own input as key, which show
/// every single fault of the tables.
#[test]
fn des_rivest() {
    let mut x = 0x9474_B8E8_C73B_CA7D_u64.to_be_bytes();
    let mut first = [0; 8];
    for i in 0..16 {
        let des = Des::new(&x);
        x = if i % 2 == 0 { des.encrypt(x) } else { des.decrypt(x) };
        if i == 0 {
            first = x;
        }
    }
    assert_eq!(u64::from_be_bytes(first), 0x8DA7_44E0_C94E_5E17);
    assert_eq!(u64::from_be_bytes(x), 0x1B1A_2DDB_4C64_2438);
}
