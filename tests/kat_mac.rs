// SPDX-License-Identifier: MIT OR Apache-2.0
//! Known answers: CMAC, ISO/IEC 9797-1 algorithms 1 to 4, HMAC, UnionPay's MAC, padding.
#![cfg(feature = "hazmat")]

#[path = "common/vectors.rs"]
mod vectors;

use core::cell::RefCell;
use core::marker::PhantomData;

use ::cipher::array::ArraySize;
use ::cipher::consts::{U1, U4, U8};
use ::cipher::{
    Block, BlockCipherEncBackend, BlockCipherEncClosure, BlockCipherEncrypt, BlockSizeUser, InOut, ParBlocksSizeUser,
};
use payhsm::cipher::tdes::Tdes;
use payhsm::error::Error;
use payhsm::key::role::MacKey;
use payhsm::key::{Aes, Hmac, Key, Tdea, mac as typed};
use payhsm::mac::Mac;
use payhsm::mac::cmac::{CmacAes, CmacTdes};
use payhsm::mac::hmac::{HmacSha224, HmacSha256, HmacSha384, HmacSha512};
use payhsm::mac::iso9797::laboratory::LaboratoryMac;
use payhsm::mac::iso9797::{CbcMac, Padding, RetailMac};
use payhsm::mac::unionpay::UnionPayMac;

/// The MAC comes out, verifies, and neither another MAC nor another message does.
fn check<M: Mac>(id: &str, start: impl Fn() -> M, msg: &[u8], expected: &[u8]) {
    let fed = |msg: &[u8]| {
        let mut mac = start();
        // In two pieces, so that the buffer counts.
        let (a, b) = msg.split_at(msg.len() / 3);
        mac.update(a);
        mac.update(b);
        mac
    };
    let mut out = vec![0; expected.len()];
    fed(msg).finish(&mut out).unwrap();
    assert_eq!(out, expected, "{id}");
    assert_eq!(fed(msg).verify(expected), Ok(()), "{id}");

    for bit in [0, expected.len() * 8 - 1] {
        let mut tampered = expected.to_vec();
        tampered[bit / 8] ^= 0x80 >> (bit % 8);
        assert_eq!(fed(msg).verify(&tampered), Err(Error::VerificationFailed), "{id}");
    }
    if !msg.is_empty() {
        let mut tampered = msg.to_vec();
        tampered[0] ^= 0x10;
        assert_eq!(fed(&tampered).verify(expected), Err(Error::VerificationFailed), "{id}");
    }
}

#[test]
fn cmac() {
    let mut counts = [0; 2];
    for case in vectors::cases("mac", "cmac") {
        let (key, msg, mac) = (case.hex("Key"), case.hex("Msg"), case.hex("Mac"));
        match case.text("Cipher").as_str() {
            "AES" => {
                check(case.id(), || CmacAes::new(&key).unwrap(), &msg, &mac);
                let key = Key::<MacKey, Aes>::from_bytes(&key).unwrap();
                let mut stream = typed::CmacAes::new(&key).unwrap();
                stream.update(&msg);
                assert_eq!(stream.verify(&mac), Ok(()));
                counts[0] += 1;
            }
            "TDES" => {
                check(case.id(), || CmacTdes::new(&key).unwrap(), &msg, &mac);
                let key = Key::<MacKey, Tdea>::from_bytes(&key).unwrap();
                let mut stream = typed::CmacTdea::new(&key).unwrap();
                stream.update(&msg);
                assert_eq!(stream.verify(&mac), Ok(()));
                counts[1] += 1;
            }
            other => panic!("{other}"),
        }
    }
    assert_eq!(counts, [203, 129]);
}

#[test]
fn iso9797() {
    let (mut done, mut other) = ([0; 2], 0);
    for case in vectors::cases("mac", "iso9797_1_mac") {
        let (key, mut msg, mac) = (case.hex("Key"), case.hex("Msg"), case.hex("Mac"));
        let padding = match case.int("Padding") {
            1 => Padding::Method1,
            2 => Padding::Method2,
            3 => Padding::Method3 { len: msg.len() as u64 },
            n => panic!("padding {n}"),
        };
        // The algorithms here begin with zero; another start is the same as a changed first block.
        if let Some(iv) = case.opt_hex("Iv") {
            assert!(msg.len() >= iv.len() && padding == Padding::Method1);
            msg.iter_mut().zip(iv).for_each(|(m, i)| *m ^= i);
        }
        match case.int("Algorithm") {
            1 => {
                check(case.id(), || CbcMac::new(Tdes::new(&key).unwrap(), padding), &msg, &mac);
                let key = Key::<MacKey, Tdea>::from_bytes(&key).unwrap();
                let mut stream = typed::CbcTdea::new(&key, padding).unwrap();
                stream.update(&msg);
                assert_eq!(stream.verify(&mac), Ok(()));
                done[0] += 1;
            }
            3 => {
                check(case.id(), || RetailMac::new(&key, padding).unwrap(), &msg, &mac);
                let key = Key::<MacKey, Tdea>::from_bytes(&key).unwrap();
                let mut stream = typed::Retail::new(&key, padding).unwrap();
                stream.update(&msg);
                assert_eq!(stream.verify(&mac), Ok(()));
                done[1] += 1;
            }
            n @ (2 | 4) => {
                let keys = [key, case.opt_hex("Key2").unwrap_or_default()].concat();
                let start = || match n {
                    2 => LaboratoryMac::algorithm_2(&keys, padding).unwrap(),
                    _ => LaboratoryMac::algorithm_4(&keys, padding).unwrap(),
                };
                check(case.id(), start, &msg, &mac);
                other += 1;
            }
            n => panic!("algorithm {n}"),
        }
    }
    assert_eq!((done, other), ([16, 25], 9));
}

#[test]
fn hmac() {
    let mut counts = [0; 4];
    for case in vectors::cases("mac", "hmac") {
        let (key, msg, mac) = (case.hex("Key"), case.hex("Msg"), case.hex("Mac"));
        match case.text("Hash").as_str() {
            "sha256" => {
                check(case.id(), || HmacSha256::new(&key).unwrap(), &msg, &mac);
                if let Ok(key) = Key::<MacKey, Hmac>::from_bytes(&key) {
                    let mut stream = typed::HmacSha256::new(&key).unwrap();
                    stream.update(&msg);
                    assert_eq!(stream.verify(&mac), Ok(()));
                }
                counts[0] += 1;
            }
            "sha384" => {
                check(case.id(), || HmacSha384::new(&key).unwrap(), &msg, &mac);
                counts[1] += 1;
            }
            "sha512" => {
                check(case.id(), || HmacSha512::new(&key).unwrap(), &msg, &mac);
                counts[2] += 1;
            }
            // No key block names it: for these values only.
            "sha224" => {
                check(case.id(), || HmacSha224::new(&key).unwrap(), &msg, &mac);
                counts[3] += 1;
            }
            other => panic!("{other}"),
        }
    }
    assert_eq!(counts, [18, 6, 4, 5]);
}

/// Keeps each input and enciphers it to zeros: the chain of a CBC-MAC under it hands over the padded message.
struct Tap<'a, N: ArraySize>(&'a RefCell<Vec<u8>>, PhantomData<N>);

impl<N: ArraySize> BlockSizeUser for Tap<'_, N> {
    type BlockSize = N;
}

impl<N: ArraySize> ParBlocksSizeUser for Tap<'_, N> {
    type ParBlocksSize = U1;
}

impl<N: ArraySize> BlockCipherEncBackend for Tap<'_, N> {
    fn encrypt_block(&self, mut block: InOut<'_, '_, Block<Self>>) {
        self.0.borrow_mut().extend(block.get_in().iter());
        *block.get_out() = Block::<Self>::default();
    }
}

impl<N: ArraySize> BlockCipherEncrypt for Tap<'_, N> {
    fn encrypt_with_backend(&self, f: impl BlockCipherEncClosure<BlockSize = N>) {
        f.call(self);
    }
}

fn padded<N: ArraySize>(padding: Padding, msg: &[u8]) -> Vec<u8> {
    let blocks = RefCell::default();
    let mut mac = CbcMac::new(Tap::<N>(&blocks, PhantomData), padding);
    mac.update(msg);
    mac.finish(&mut [0]).unwrap();
    blocks.into_inner()
}

#[test]
fn pad() {
    let mut count = 0;
    for case in vectors::cases("mac", "pad") {
        let msg = case.hex("Msg");
        let padding = match case.int("Padding") {
            1 => Padding::Method1,
            2 => Padding::Method2,
            3 => Padding::Method3 { len: msg.len() as u64 },
            n => panic!("padding {n}"),
        };
        let out = match case.int("Block_len") {
            4 => padded::<U4>(padding, &msg),
            8 => padded::<U8>(padding, &msg),
            n => panic!("block of {n}"),
        };
        assert_eq!(out, case.hex("Padded"), "{}", case.id());
        count += 1;
    }
    assert_eq!(count, 14);
}

/// UnionPay's terminal MAC; sources print four or eight of its characters, and its steps.
#[test]
fn unionpay() {
    let mut lens = [0; 2];
    let cases = vectors::cases("mac", "cup_ecb_mac");
    for case in &cases {
        let (key, mab, mac) = (case.hex("Key"), case.hex("Mab"), case.hex("Mac"));
        check(case.id(), || UnionPayMac::new(&key).unwrap(), &mab, &mac);
        lens[usize::from(key.len() == 16)] += 1;
        let key = Key::<MacKey, Tdea>::from_bytes(&key).unwrap();
        let mut stream = typed::UnionPay::new(&key).unwrap();
        stream.update(&mab);
        assert_eq!(stream.verify(&mac), Ok(()));
        if let Some(full) = case.opt_hex("Mac_full") {
            let text: String = full.iter().map(|byte| format!("{byte:02X}")).collect();
            assert!(text.as_bytes().starts_with(&mac));
        }
        case.opt("Xor_block");
    }
    assert_eq!(lens, [1, 2]);
}
