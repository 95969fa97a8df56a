// SPDX-License-Identifier: MIT OR Apache-2.0
//! DUKPT over whole counter ranges: the count of counters, terminal against host on every TDEA counter and on a million
//! AES counters, and that no used key can be derived from the state that is left.
//!
//! Optimised (`cargo test --release --test dukpt_counters`) everything is enumerated; otherwise the ranges are shorter.
#![cfg(all(feature = "hazmat", feature = "host", feature = "terminal"))]

#[path = "common/dukpt.rs"]
mod dukpt;

use std::collections::HashSet;

use cipher::{BlockCipherEncrypt, KeyInit};
use dukpt::{aes_terminal, tdes_terminal};
use payhsm::dukpt::{Unstored, aes, tdes};
use payhsm::error::Error;
use payhsm::key::role::InitialKey;
use payhsm::key::{Aes, Key, Tdea};

const OPTIMISED: bool = !cfg!(debug_assertions);

fn tdes_ik() -> Key<InitialKey, Tdea> {
    Key::from_bytes(&0x6AC2_92FA_A131_5B4D_858A_B3A3_D7D5_933A_u128.to_be_bytes()).unwrap()
}

fn tdes_id() -> tdes::InitialKeyId {
    tdes::InitialKeyId::parse(&[0xFF, 0xFF, 0x98, 0x76, 0x54, 0x32, 0x10, 0xE0, 0, 0]).unwrap()
}

fn aes_ik(len: u8) -> Key<InitialKey, Aes> {
    Key::from_bytes(&(0..len).map(|i| i.wrapping_mul(37) ^ 0x5A).collect::<Vec<_>>()).unwrap()
}

fn aes_id() -> aes::InitialKeyId {
    aes::InitialKeyId::parse(&[0x12, 0x34, 0x56, 0x78, 0x90, 0x12, 0x34, 0x56]).unwrap()
}

/// The sum of the first `most` + 1 binomial coefficients of `bits`.
fn light(bits: u64, most: u64) -> u64 {
    (0..=most.min(bits))
        .map(|k| (0..k).fold(1_u64, |c, i| c * (bits - i) / (i + 1)))
        .sum()
}

/// `next` from 0 to the end. Strictly rising, all of them transactions, and as many as combinatorics has: so it leaves
/// none out. Without optimisation it walks the ranges around each power of two, and counts by `transaction_number`.
#[test]
fn aes_counters_enumerated() {
    assert_eq!(light(32, 16) - 1, u64::from(aes::Ksn::TRANSACTIONS));
    let mut ksn = aes::Ksn::parse(&[aes_id().as_bytes().as_slice(), &[0; 4]].concat()).unwrap();
    if OPTIMISED {
        let (mut count, mut last) = (0_u32, 0);
        while let Some(next) = ksn.next() {
            let counter = next.counter();
            assert!(counter > last && counter.count_ones() <= 16);
            last = counter;
            count += 1;
            ksn = next;
        }
        assert_eq!((count, last), (aes::Ksn::TRANSACTIONS, aes::Ksn::LAST_COUNTER));
    }
    for bit in 0..32 {
        // The last 3000 before the power of two and the first 3000 from it.
        let power = 1_u32 << bit;
        let number = aes_id().ksn(power).unwrap().transaction_number();
        // All light numbers of so many bits come before, 0 in place of the power itself.
        assert_eq!(u64::from(number), light(bit, 16));
        let start = power.saturating_sub(if bit < 17 { 3000 } else { power >> 6 });
        let start = (start.max(1)..).find(|c| (1..=16).contains(&c.count_ones())).unwrap();
        let mut ksn = aes_id().ksn(start).unwrap();
        let mut number = ksn.transaction_number();
        for _ in 0..6000 {
            let next = ksn.next().unwrap();
            number += 1;
            assert_eq!(next.transaction_number(), number, "{next}");
            ksn = next;
        }
    }
}

/// The number of a transaction counts the transactions up to it: all of TDEA, in order.
#[test]
fn tdes_counters_numbered() {
    assert_eq!(light(21, 10) - 1, u64::from(tdes::Ksn::TRANSACTIONS));
    let mut ksn = tdes::Ksn::parse(tdes_id().as_bytes()).unwrap();
    let mut count = 0;
    while let Some(next) = ksn.next() {
        count += 1;
        if OPTIMISED || count % 13 == 0 {
            assert_eq!(next.transaction_number(), count, "{next}");
        }
        ksn = next;
    }
    assert_eq!(
        (count, ksn.counter()),
        (tdes::Ksn::TRANSACTIONS, tdes::Ksn::LAST_COUNTER)
    );
}

/// Terminal and host agree on every one of the 1,048,575 counters, from the load to the last; without optimisation on
/// the first 1500 and on the last 500.
#[test]
fn tdes_terminal_and_host_agree_on_every_counter() {
    let ik = tdes_ik();
    let mut terminal = tdes::Terminal::empty();
    terminal.load(&mut tdes_ik(), &tdes_id(), &mut Unstored).unwrap();
    let (mut here, mut there) = (tdes::Transaction::empty(), tdes::Transaction::empty());
    let mut count = 0;
    let mut expected = tdes::Ksn::parse(tdes_id().as_bytes()).unwrap();
    loop {
        match terminal.step(&mut Unstored, &mut here) {
            Ok(ksn) => {
                expected = expected.next().unwrap();
                assert_eq!(ksn, expected);
                tdes::Host::transaction(&ik, &ksn, &mut there).unwrap();
                assert_eq!(here.key_bytes(), there.key_bytes(), "{ksn}");
                count += 1;
            }
            Err(error) => {
                assert_eq!(
                    (error, expected.counter()),
                    (Error::CounterExhausted, tdes::Ksn::LAST_COUNTER)
                );
                break;
            }
        }
        if !OPTIMISED && count == 1500 {
            let start = (1..).find(|c| tdes_id().ksn(*c).is_ok_and(|ksn| ksn.transaction_number() == 1_048_076));
            expected = tdes_id().ksn(start.unwrap()).unwrap();
            terminal = tdes_terminal(&ik, &tdes_id(), expected.next().unwrap().counter());
        }
    }
    assert_eq!(count, if OPTIMISED { tdes::Ksn::TRANSACTIONS } else { 1999 });
}

/// A sequence of numbers without pattern (splitmix64).
struct Numbers(u64);

impl Numbers {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }
}

/// A snapshot before transaction `counter` in which the register of that transaction alone is right.
fn one_register(key: &[u8], counter: u32) -> Vec<u8> {
    let len = key.len();
    let mut out = vec![1, 2, u8::try_from(len).unwrap(), 8];
    out.extend(aes_id().as_bytes());
    out.resize(16, 0);
    out.extend(counter.to_be_bytes());
    let valid = counter.wrapping_neg();
    out.extend(valid.to_be_bytes());
    for bit in 0..32 {
        match (valid >> bit) & 1 {
            0 => out.resize(out.len() + len, 0),
            _ if bit == counter.trailing_zeros() => out.extend(key),
            _ => out.resize(out.len() + len, 0xA5),
        }
    }
    // The update key.
    out.resize(out.len() + len, 0xA5);
    out
}

/// Terminal and host agree on a million pseudo-random AES counters, of all weights and key lengths (2,000 without
/// optimisation). The terminal begins at the counter whose key the wanted one is derived from, and walks to it.
#[test]
fn aes_terminal_and_host_agree_on_a_million_counters() {
    let wanted = if OPTIMISED { 1_000_000 } else { 2_000 };
    let mut numbers = Numbers(1);
    let (mut here, mut there) = (aes::Transaction::empty(), aes::Transaction::empty());
    let keys = [16, 24, 32].map(aes_ik);
    let (mut agreed, mut weights) = (0, [0_u32; 17]);
    while agreed < wanted {
        let number = numbers.next();
        // Every third with fewer bits, so that light counters come too.
        let mask = if number >> 62 == 3 { numbers.next() } else { u64::MAX };
        let counter = u32::try_from(number & mask & 0xFFFF_FFFF).unwrap();
        let parent = counter & counter.wrapping_sub(1);
        if parent == 0 || counter.count_ones() > 16 || counter.trailing_zeros() > 10 {
            continue;
        }
        let ik = &keys[agreed % 3];
        aes::Host::transaction(ik, &aes_id().ksn(parent).unwrap(), &mut there).unwrap();
        let mut terminal = aes::Terminal::empty();
        terminal.restore(&one_register(there.key_bytes(), parent)).unwrap();
        let ksn = loop {
            let ksn = terminal.step(&mut Unstored, &mut here).unwrap();
            if ksn.counter() >= counter {
                break ksn;
            }
        };
        assert_eq!(ksn.counter(), counter);
        aes::Host::transaction(ik, &ksn, &mut there).unwrap();
        assert_eq!(here.key_bytes(), there.key_bytes(), "{ksn}");
        agreed += 1;
        weights[counter.count_ones() as usize] += 1;
    }
    assert!(weights[3..].iter().all(|count| *count > 0), "{weights:?}");
}

// The past.

/// The key that the derivation of the standard makes of `key` for a counter, over the crate `des`.
fn nrkg(key: [u8; 16], counter: u32) -> [u8; 16] {
    let s = 0x9876_5432_10E0_0000 | u64::from(counter);
    let half = |mask: u64| {
        let [left, right] = [0, 8].map(|at| u64::from_be_bytes(key[at..at + 8].try_into().unwrap()) ^ mask);
        let mut block = (s ^ right).to_be_bytes().into();
        des::Des::new(&left.to_be_bytes().into()).encrypt_block(&mut block);
        u64::from_be_bytes(block.into()) ^ right
    };
    ((u128::from(half(0xC0C0_C0C0_0000_0000)) << 64) | u128::from(half(0))).to_be_bytes()
}

/// The keys in a snapshot that are not empty.
fn registers<const N: usize>(snapshot: &[u8]) -> Vec<[u8; N]> {
    let keys = snapshot[24..].as_chunks::<N>().0;
    keys.iter().filter(|key| **key != [0; N]).copied().collect()
}

/// From the state after a step the keys of the past do not follow: not by going on to the end of the key's life, and
/// not by deriving from a register, or from a key derived from one, for a counter of the past.
#[test]
fn tdes_the_past_cannot_be_derived() {
    let ik = tdes_ik();
    let mut transaction = tdes::Transaction::empty();
    // Little is left from the second start, everything from the first.
    let starts: &[u32] = if OPTIMISED { &[1, 0x1E_0000] } else { &[0x1F_E000] };
    for &start in starts {
        let mut terminal = tdes_terminal(&ik, &tdes_id(), start);
        let mut past = Vec::new();
        for _ in 0..40 {
            let ksn = terminal.step(&mut Unstored, &mut transaction).unwrap();
            past.push((ksn.counter(), <[u8; 16]>::try_from(transaction.key_bytes()).unwrap()));
        }
        let gone: HashSet<[u8; 16]> = past.iter().map(|(_, key)| *key).collect();
        let mut state = vec![0; tdes::Terminal::SNAPSHOT_LEN];
        terminal.snapshot(&mut state).unwrap();
        let held = registers::<16>(&state);
        assert!(!held.is_empty() && held.iter().all(|key| !gone.contains(key)));
        // Against the rule: for counters of the past, one derivation deep and two.
        for key in held {
            for &(counter, _) in &past {
                let child = nrkg(key, counter);
                assert!(!gone.contains(&child));
                for &(counter, _) in &past {
                    assert!(!gone.contains(&nrkg(child, counter)));
                }
            }
        }
        // By the rule: everything that is still to come.
        let mut left = tdes::Terminal::empty();
        left.restore(&state).unwrap();
        let mut count = 0;
        while left.step(&mut Unstored, &mut transaction).is_ok() {
            assert!(!gone.contains(transaction.key_bytes()));
            count += 1;
        }
        let done = tdes_id().ksn(past[39].0).unwrap().transaction_number();
        assert_eq!(count, tdes::Ksn::TRANSACTIONS - done);
    }
}

/// The same for AES: to the end of life from a late state, and against the rule with every usage of the derivation.
#[test]
fn aes_the_past_cannot_be_derived() {
    use aes::{KeyType, KeyUsage};
    let ik = aes_ik(16);
    let start = if OPTIMISED { 0xFFF0_0000 } else { 0xFFFE_0000 };
    let mut terminal = aes_terminal(&ik, &aes_id(), start);
    let mut transaction = aes::Transaction::empty();
    let mut past = Vec::new();
    for _ in 0..10 {
        let ksn = terminal.step(&mut Unstored, &mut transaction).unwrap();
        past.push((ksn, <[u8; 16]>::try_from(transaction.key_bytes()).unwrap()));
    }
    let gone: HashSet<[u8; 16]> = past
        .iter()
        .map(|(_, key)| *key)
        .chain([ik.expose_bytes().try_into().unwrap()])
        .collect();
    let mut state = vec![0; aes::Terminal::SNAPSHOT_LEN];
    let len = terminal.snapshot(&mut state).unwrap();
    let held = registers::<16>(&state[..len]);
    assert!(held.iter().all(|key| !gone.contains(key)));
    let usages = [
        KeyUsage::KeyDerivation,
        KeyUsage::KeyDerivationInitialKey,
        KeyUsage::KeyEncryption,
        KeyUsage::PinEncryption,
        KeyUsage::MacGeneration,
        KeyUsage::DataEncrypt,
    ];
    for key in held {
        let cipher = ::aes::Aes128::new(&key.into());
        for (ksn, _) in &past {
            for usage in usages {
                let mut block = aes::derivation_data(usage, KeyType::Aes128, ksn, 1).into();
                cipher.encrypt_block(&mut block);
                assert!(!gone.contains(&<[u8; 16]>::from(block)));
            }
        }
    }
    let mut count = 0;
    while let Ok(ksn) = terminal.step(&mut Unstored, &mut transaction) {
        assert!(!gone.contains(transaction.key_bytes()), "{ksn}");
        count += 1;
    }
    let done = past.last().unwrap().0.transaction_number();
    assert_eq!(count, aes::Ksn::TRANSACTIONS - done);
}
