// SPDX-License-Identifier: MIT OR Apache-2.0
//! Layer 1: ciphers, MACs, key derivation.

use cipher::{BlockCipherDecrypt, BlockCipherEncrypt};
use payhsm::cipher::aes::Aes;
use payhsm::cipher::tdes::{Des, Engine, Tdes};
use payhsm::mac::Mac;
use payhsm::mac::cmac::{CmacAes, CmacTdes};
use payhsm::mac::hmac::{HmacSha256, HmacSha384, HmacSha512};
use payhsm::mac::iso9797::laboratory::LaboratoryMac;
use payhsm::mac::iso9797::{CbcMac, Padding, RetailMac};
use payhsm::mac::unionpay::UnionPayMac;

use super::{bytes, secret};
use crate::Harness;

const MESSAGE: &[u8] = b"4012345678909D987 and some more of a message";

pub fn run(h: &mut Harness) {
    engines(h);
    tdes::<8>(h, "TDES, one key");
    tdes::<16>(h, "TDES, two keys");
    tdes::<24>(h, "TDES, three keys");
    aes::<16>(h, "AES-128");
    aes::<24>(h, "AES-192");
    aes::<32>(h, "AES-256");

    for (name, padding) in [
        ("padding 1", Padding::Method1),
        ("padding 2", Padding::Method2),
        (
            "padding 3",
            Padding::Method3 {
                len: MESSAGE.len() as u64,
            },
        ),
    ] {
        mac(h, &format!("retail MAC, {name}"), || {
            RetailMac::new(&secret(bytes::<16>(1)), padding).unwrap()
        });
        mac(h, &format!("CBC-MAC, {name}"), || {
            CbcMac::new(Tdes::new(&secret(bytes::<16>(2))).unwrap(), padding)
        });
    }
    mac(h, "CMAC, TDES two keys", || {
        CmacTdes::new(&secret(bytes::<16>(3))).unwrap()
    });
    mac(h, "CMAC, TDES three keys", || {
        CmacTdes::new(&secret(bytes::<24>(4))).unwrap()
    });
    mac(h, "CMAC, AES-128", || CmacAes::new(&secret(bytes::<16>(5))).unwrap());
    mac(h, "CMAC, AES-192", || CmacAes::new(&secret(bytes::<24>(6))).unwrap());
    mac(h, "CMAC, AES-256", || CmacAes::new(&secret(bytes::<32>(7))).unwrap());
    for len in [8, 16] {
        mac(h, &format!("UnionPay MAC, {len} bytes"), || {
            UnionPayMac::new(&secret(bytes::<16>(10))[..len]).unwrap()
        });
    }
    mac(h, "MAC algorithm 2", || {
        LaboratoryMac::algorithm_2(&secret(bytes::<16>(11)), Padding::Method2).unwrap()
    });
    mac(h, "MAC algorithm 4", || {
        LaboratoryMac::algorithm_4(&secret(bytes::<16>(12)), Padding::Method2).unwrap()
    });
    mac(h, "HMAC-SHA-384", || HmacSha384::new(&secret(bytes::<48>(13))).unwrap());
    mac(h, "HMAC-SHA-256", || HmacSha256::new(&secret(bytes::<32>(8))).unwrap());
    mac(h, "HMAC-SHA-512", || HmacSha512::new(&secret(bytes::<64>(9))).unwrap());
}

/// Every engine that this processor, and valgrind, can run; what follows runs with the one that a product would choose.
fn engines(h: &mut Harness) {
    let chosen = Engine::chosen();
    for engine in Engine::ALL.iter().filter(|engine| engine.force().is_ok()) {
        tdes::<8>(h, &format!("{engine:?}: TDES, one key"));
        tdes::<16>(h, &format!("{engine:?}: TDES, two keys"));
        tdes::<24>(h, &format!("{engine:?}: TDES, three keys"));
        several::<2>(h, &format!("{engine:?}: two blocks"));
        several::<4>(h, &format!("{engine:?}: four blocks"));
        several::<8>(h, &format!("{engine:?}: eight blocks"));
        h.constant(&format!("{engine:?}: DES, a key of its own for each block"), || {
            let keys: [_; 2] = core::array::from_fn(|n| Des::new(&secret(bytes(0x15 + n as u8))));
            let [[a, ..], [b, ..]] = Des::encrypt_each(keys.each_ref(), [secret(bytes(0x17)); 2]);
            [a, b]
        });
    }
    chosen.force().unwrap();
}

fn several<const N: usize>(h: &mut Harness, name: &str) {
    h.constant(name, || {
        let key = Tdes::new(&secret(bytes::<16>(0x18))).unwrap();
        let blocks = Tdes::encrypt_each([&key; N], [secret(bytes(0x19)); N]);
        Tdes::decrypt_each([&key; N], blocks).map(|block| block[0])
    });
}

fn tdes<const N: usize>(h: &mut Harness, name: &str) {
    h.constant(&format!("{name}: encrypt"), || {
        Tdes::new(&secret(bytes::<N>(0x11)))
            .unwrap()
            .encrypt(secret(bytes(0x12)))
    });
    h.constant(&format!("{name}: decrypt"), || {
        Tdes::new(&secret(bytes::<N>(0x13)))
            .unwrap()
            .decrypt(secret(bytes(0x14)))
    });
}

fn aes<const N: usize>(h: &mut Harness, name: &str) {
    h.constant::<16>(&format!("{name}: encrypt"), || {
        let mut block = secret(bytes(0x22)).into();
        Aes::new(&secret(bytes::<N>(0x21))).unwrap().encrypt_block(&mut block);
        block.into()
    });
    h.constant::<16>(&format!("{name}: decrypt"), || {
        let mut block = secret(bytes(0x24)).into();
        Aes::new(&secret(bytes::<N>(0x23))).unwrap().decrypt_block(&mut block);
        block.into()
    });
}

/// Computes and verifies, the message secret as well.
fn mac<M: Mac>(h: &mut Harness, name: &str, start: impl Fn() -> M) {
    let feed = |m: &mut M| {
        let mut message = MESSAGE.to_vec();
        payhsm::ct::secret(&mut message);
        for part in message.chunks(7) {
            m.update(part);
        }
    };
    h.constant(&format!("{name}: compute"), || {
        let mut out = [0; 4];
        let mut m = start();
        feed(&mut m);
        m.finish(&mut out).unwrap();
        out
    });
    h.verdict(&format!("{name}: refuse"), false, || {
        let mut m = start();
        feed(&mut m);
        m.verify(&[0x55; 8]).is_ok()
    });
}
