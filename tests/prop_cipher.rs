// SPDX-License-Identifier: MIT OR Apache-2.0
//! Properties: our DES against the crate `des`, and the modes against their definitions.
#![cfg(feature = "hazmat")]

use ::cipher::{Block, BlockCipherDecrypt, BlockCipherEncrypt, KeyInit};
use payhsm::cipher::aes::Aes;
use payhsm::cipher::modes::{cbc_decrypt, cbc_encrypt, ctr, ecb_decrypt, ecb_encrypt};
use payhsm::cipher::tdes::{Des, Tdes};
use proptest::prelude::*;

/// `block` enciphered and deciphered by the oracle.
fn oracle(key: &[u8], block: [u8; 8]) -> ([u8; 8], [u8; 8]) {
    fn both<C: BlockCipherEncrypt + BlockCipherDecrypt + KeyInit>(key: &[u8], block: [u8; 8]) -> ([u8; 8], [u8; 8]) {
        let cipher = C::new_from_slice(key).unwrap();
        let run = |f: &dyn Fn(&mut Block<C>)| {
            let mut data = Block::<C>::try_from(&block[..]).unwrap();
            f(&mut data);
            <[u8; 8]>::try_from(&data[..]).unwrap()
        };
        (
            run(&|data| cipher.encrypt_block(data)),
            run(&|data| cipher.decrypt_block(data)),
        )
    }
    match key.len() {
        8 => both::<des::Des>(key, block),
        16 => both::<des::TdesEde2>(key, block),
        _ => both::<des::TdesEde3>(key, block),
    }
}

fn key() -> impl Strategy<Value = Vec<u8>> {
    (1_usize..=3).prop_flat_map(|parts| proptest::collection::vec(any::<u8>(), 8 * parts))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn tdes_agrees_with_the_oracle(key in key(), block: [u8; 8]) {
        let tdes = Tdes::new(&key).unwrap();
        let (enciphered, deciphered) = oracle(&key, block);
        prop_assert_eq!(tdes.encrypt(block), enciphered);
        prop_assert_eq!(tdes.decrypt(block), deciphered);
        prop_assert_eq!(tdes.decrypt(tdes.encrypt(block)), block);
    }

    /// One bit in key and block: the schedule of each key bit by itself.
    #[test]
    fn single_bits_agree_with_the_oracle(k in 0..64_u32, b in 0..64_u32) {
        let (key, block) = ((1_u64 << k).to_be_bytes(), (1_u64 << b).to_be_bytes());
        prop_assert_eq!(Des::new(&key).encrypt(block), oracle(&key, block).0);
    }

    #[test]
    fn parity_bits_do_not_matter(key: [u8; 8], parity: u8, block: [u8; 8]) {
        let other = core::array::from_fn(|i| key[i] ^ (parity >> i & 1));
        prop_assert_eq!(Des::new(&key).encrypt(block), Des::new(&other).encrypt(block));
    }

    /// FIPS 46-3: E(~K, ~P) = ~E(K, P).
    #[test]
    fn complementation(key: [u8; 8], block: [u8; 8]) {
        let not = |x: [u8; 8]| x.map(|b| !b);
        prop_assert_eq!(Des::new(&not(key)).encrypt(not(block)), not(Des::new(&key).encrypt(block)));
    }

    #[test]
    fn equal_parts_are_single_des(key: [u8; 8], block: [u8; 8]) {
        let des = Des::new(&key);
        prop_assert_eq!(Tdes::new(&key.repeat(2)).unwrap().encrypt(block), des.encrypt(block));
        prop_assert_eq!(Tdes::new(&key.repeat(3)).unwrap().decrypt(block), des.decrypt(block));
    }

    #[test]
    fn modes_follow_their_definitions(key: [u8; 16], iv: [u8; 16], blocks in proptest::collection::vec(any::<[u8; 16]>(), 0..6)) {
        let aes = Aes::new(&key).unwrap();
        let one = |mut block: [u8; 16]| {
            ecb_encrypt(&aes, &mut block).unwrap();
            block
        };
        let xor = |a: [u8; 16], b: [u8; 16]| core::array::from_fn(|i| a[i] ^ b[i]);
        let plain = blocks.concat();

        let mut data = plain.clone();
        ecb_encrypt(&aes, &mut data).unwrap();
        prop_assert_eq!(&data, &blocks.iter().map(|&b| one(b)).collect::<Vec<_>>().concat());
        ecb_decrypt(&aes, &mut data).unwrap();
        prop_assert_eq!(&data, &plain);

        cbc_encrypt(&aes, &iv, &mut data).unwrap();
        let mut chain = iv;
        let expected: Vec<_> = blocks.iter().map(|&b| { chain = one(xor(chain, b)); chain }).collect();
        prop_assert_eq!(&data, &expected.concat());
        cbc_decrypt(&aes, &iv, &mut data).unwrap();
        prop_assert_eq!(&data, &plain);
    }

    /// Any length, and a counter block whose carry runs through all bytes or over the end.
    #[test]
    fn ctr_counts_over_the_whole_block(
        key: [u8; 24], low: u8, ones in 0_usize..=16, len in 0_usize..80, data in proptest::collection::vec(any::<u8>(), 80)
    ) {
        let aes = Aes::new(&key).unwrap();
        let mut start = [0x3C; 16];
        start[16 - ones..].fill(0xFF);
        start[15] = low | 0xF0;
        let expected: Vec<u8> = (0_u128..)
            .flat_map(|n| {
                let mut block = u128::from_be_bytes(start).wrapping_add(n).to_be_bytes();
                ecb_encrypt(&aes, &mut block).unwrap();
                block
            })
            .zip(&data[..len])
            .map(|(s, d)| s ^ d)
            .collect();
        let mut out = data[..len].to_vec();
        ctr(&aes, &start, &mut out).unwrap();
        prop_assert_eq!(&out, &expected);
        ctr(&aes, &start, &mut out).unwrap();
        prop_assert_eq!(&out[..], &data[..len]);
    }
}

/// The Monte Carlo procedure of SP 800-20 (ECB, encryption), 40 of its 400 rounds, on both implementations.
#[test]
fn monte_carlo_agrees_with_the_oracle() {
    use ::cipher::Array;
    for parts in 1..=3 {
        let mut keys = [0x1023_4567_89AB_CDEF_u64, 0xFEDC_BA98_7654_3210, 0x8913_ACDE_0246_5768].map(u64::to_be_bytes);
        let mut block = *b"\x47\x11\x08\x15\xA5\x5A\xC3\x3C";
        for _ in 0..40 {
            let key = keys[..parts].concat();
            let ours = Tdes::new(&key).unwrap();
            let theirs = match parts {
                1 => key.repeat(3),
                2 => [&key[..], &key[..8]].concat(),
                _ => key,
            };
            let theirs = des::TdesEde3::new_from_slice(&theirs).unwrap();
            let mut expected = Array(block);
            let mut last = [[0; 8]; 3];
            for _ in 0..1_000 {
                block = ours.encrypt(block);
                theirs.encrypt_block(&mut expected);
                last = [block, last[0], last[1]];
            }
            assert_eq!(block, expected.0);
            for (key, last) in keys.iter_mut().zip(last) {
                *key = core::array::from_fn(|i| key[i] ^ last[i]);
            }
        }
    }
}
