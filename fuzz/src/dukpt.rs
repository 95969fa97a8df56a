// SPDX-License-Identifier: MIT OR Apache-2.0
//! DUKPT: key serial numbers and register states.

use payhsm::dukpt::{Unstored, aes, tdes};
use payhsm::key::role::InitialKey;
use payhsm::key::{Aes, Key, Tdea};

use crate::Input;

/// A KSN is its initial key id and its counter; the next one is the smallest greater that is valid.
pub fn ksn(data: &[u8]) {
    if let Ok(ksn) = tdes::Ksn::parse(data) {
        assert_eq!(ksn.as_bytes()[..], *data);
        let ones = ksn.counter().count_ones();
        assert_eq!(ksn.check().is_ok(), (1..=10).contains(&ones));
        let again = ksn.initial_key_id().ksn(ksn.counter()).map(|k| *k.as_bytes());
        assert_eq!(again, ksn.check().map(|()| *ksn.as_bytes()));
        match ksn.next() {
            Some(next) => {
                next.check().unwrap();
                assert!(next.counter() > ksn.counter());
                assert_eq!(next.initial_key_id().as_bytes(), ksn.initial_key_id().as_bytes());
                let between = (ksn.counter() + 1..next.counter()).take(64);
                assert!(between.clone().all(|counter| counter.count_ones() > 10));
            }
            None => assert!(ksn.counter() >= tdes::Ksn::LAST_COUNTER),
        }
    }
    if let Ok(ksn) = aes::Ksn::parse(data) {
        assert_eq!(ksn.as_bytes()[..], *data);
        let ones = ksn.counter().count_ones();
        assert!(ksn.check().is_err() || (1..=16).contains(&ones));
        let again = ksn.initial_key_id().ksn(ksn.counter()).map(|k| *k.as_bytes());
        assert_eq!(again, ksn.check().map(|()| *ksn.as_bytes()));
        match ksn.next() {
            Some(next) => {
                next.check().unwrap();
                assert!(next.counter() > ksn.counter());
                let between = (ksn.counter() + 1..next.counter()).take(64);
                assert!(between.clone().all(|counter| counter.count_ones() > 16));
            }
            None => assert!(ksn.counter() >= aes::Ksn::LAST_COUNTER),
        }
    }
    let _ = (
        tdes::InitialKeyId::parse(data),
        aes::InitialKeyId::parse(data),
        tdes::Ksn::from_short(data),
    );
}

/// A snapshot that is taken is written the same, and what steps from it agrees with a terminal that never stopped.
pub fn snapshot(data: &[u8]) {
    let mut input = Input::new(data);
    let steps = input.byte() % 20;
    let flips = [input.array::<3>(), input.array::<3>()];
    let key = input.array::<16>();
    let id = input.array::<8>();
    let raw = input.rest();
    // Bytes of nobody.
    let mut terminal = tdes::Terminal::empty();
    if terminal.restore(raw).is_ok() {
        let mut out = vec![0; tdes::Terminal::SNAPSHOT_LEN];
        let len = terminal.snapshot(&mut out).unwrap();
        assert_eq!(out[..len], *raw);
        let _ = terminal.step(&mut Unstored, &mut tdes::Transaction::empty());
    }
    let mut terminal = aes::Terminal::empty();
    if terminal.restore(raw).is_ok() {
        let mut out = vec![0; aes::Terminal::SNAPSHOT_LEN];
        let len = terminal.snapshot(&mut out).unwrap();
        assert_eq!(out[..len], *raw);
        let _ = terminal.step(&mut Unstored, &mut aes::Transaction::empty());
    }
    // A live terminal, its snapshot, and its snapshot with bytes changed.
    macro_rules! live {
        ($scheme:ident, $algorithm:ty, $id:expr) => {
            let mut terminal = $scheme::Terminal::empty();
            let mut ik = Key::<InitialKey, $algorithm>::from_bytes(&key).unwrap();
            if terminal.load(&mut ik, &$id, &mut Unstored).is_err() {
                return;
            }
            let mut out = $scheme::Transaction::empty();
            for _ in 0..steps {
                terminal.step(&mut Unstored, &mut out).unwrap();
            }
            let mut bytes = vec![0; $scheme::Terminal::SNAPSHOT_LEN];
            let len = terminal.snapshot(&mut bytes).unwrap();
            let mut other = $scheme::Terminal::empty();
            other.restore(&bytes[..len]).unwrap();
            let mut again = $scheme::Transaction::empty();
            let ksn = terminal.step(&mut Unstored, &mut out).unwrap();
            assert_eq!(
                other.step(&mut Unstored, &mut again).unwrap().as_bytes(),
                ksn.as_bytes()
            );
            assert_eq!(out.key_bytes(), again.key_bytes());
            for [high, low, xor] in flips {
                let place = usize::from(u16::from_be_bytes([high, low])) % len;
                bytes[place] ^= xor;
            }
            let mut changed = $scheme::Terminal::empty();
            if changed.restore(&bytes[..len]).is_ok() {
                let _ = changed.step(&mut Unstored, &mut again);
            }
        };
    }
    live!(tdes, Tdea, tdes::Ksn::from_short(&id).unwrap().initial_key_id());
    live!(aes, Aes, aes::InitialKeyId::parse(&id).unwrap());
}
