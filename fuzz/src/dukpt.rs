// SPDX-License-Identifier: MIT OR Apache-2.0
//! DUKPT: key serial numbers and register states.

use payhsm::dukpt::{KsnLayout, ReplayWindow, Scheme, Unstored, aes, tdes};
use payhsm::error::Error;
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
    layouts(data);
    let _ = (
        tdes::InitialKeyId::parse(data),
        aes::InitialKeyId::parse(data),
        tdes::Ksn::from_short(data),
    );
}

/// The parts of a KSN are its digits, whatever the layout.
fn layouts(ksn: &[u8]) {
    let bits: String = ksn.iter().map(|byte| format!("{byte:08b}")).collect();
    let number = |bits: &str| u64::from_str_radix(bits, 2).unwrap_or(0);
    let first = ksn.first().copied().unwrap_or(0);
    for (scheme, len, counter) in [(Scheme::Tdes, 10, 21), (Scheme::Aes, 12, 32)] {
        for (key_set, device) in [(first & 63, first >> 2), (24, 19), (32, 27), (0, 8), (200, 56)] {
            let before = len * 8 - counter;
            let named = usize::from(key_set) + usize::from(device);
            let fits = key_set > 0 && device > 0 && named <= before;
            let layout = KsnLayout::from_bits(scheme, key_set, device);
            assert_eq!(layout.is_ok(), fits);
            let Ok(layout) = layout else {
                continue;
            };
            let filled = ksn.len() == len && !bits[..before - named].contains('0');
            match layout.split(ksn) {
                Ok(fields) => {
                    assert!(filled);
                    let at = before - usize::from(device);
                    assert_eq!(fields.key_set, number(&bits[before - named..at]));
                    assert_eq!(fields.device, number(&bits[at..before]));
                    assert_eq!(u64::from(fields.counter), number(&bits[before..]));
                }
                Err(error) => assert!(!filled && error == Error::InvalidKsn),
            }
        }
    }
}

/// A window takes each transaction once, none that lies before it, and comes back as it was stored.
pub fn replay_window(data: &[u8]) {
    let mut input = Input::new(data);
    let stored = input.array::<{ ReplayWindow::STORED_LEN }>();
    // Bytes of nobody are refused, or are what a window writes.
    if let Ok(window) = ReplayWindow::from_bytes(&stored) {
        assert_eq!(window.to_bytes(), stored);
    }
    let back = input.byte();
    let id: &[u8] = if input.byte() & 1 == 0 {
        &[7; 8]
    } else {
        &[7, 7, 7, 7, 7, 7, 7, 0xE0, 0, 0]
    };
    let Ok(mut window) = ReplayWindow::new(id, back) else {
        assert!(back > ReplayWindow::MAX_BACK);
        return;
    };
    let number = |counter: u32| match id.len() {
        8 => aes::InitialKeyId::parse(id)
            .unwrap()
            .ksn(counter)
            .map(|ksn| ksn.transaction_number()),
        _ => tdes::InitialKeyId::parse(id)
            .unwrap()
            .ksn(counter)
            .map(|ksn| ksn.transaction_number()),
    };
    let mut taken = std::collections::BTreeSet::new();
    let mut counter = 0_u32;
    while let Some(step) = input.more() {
        // Near the last one, or anywhere.
        counter = match step {
            0..=127 => counter.wrapping_add(u32::from(step)),
            128..=223 => counter.wrapping_sub(u32::from(step - 128)),
            _ => u32::from_be_bytes(input.array()),
        };
        let result = window.accept(id, counter);
        let expected = number(counter).and_then(|number| {
            let newest = taken.last().copied().unwrap_or(0);
            if taken.contains(&number) || number + u32::from(back) < newest {
                Err(Error::CounterReplayed)
            } else {
                taken.insert(number);
                Ok(())
            }
        });
        assert_eq!(result, expected, "{counter:X}");
        assert_eq!(ReplayWindow::from_bytes(&window.to_bytes()), Ok(window));
    }
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
