// SPDX-License-Identifier: MIT OR Apache-2.0
//! DUKPT: counters, terminal against host, forward secrecy, the order of commit and release, snapshots.
//!
//! Walks are shorter without optimisation; `cargo test --release` takes the whole life of a TDEA terminal.
#![cfg(all(feature = "hazmat", feature = "host", feature = "terminal"))]

#[path = "common/dukpt.rs"]
mod dukpt;

use core::panic::AssertUnwindSafe;
use std::collections::HashSet;
use std::panic::catch_unwind;

use cipher::{BlockCipherEncrypt, KeyInit};
use dukpt::{aes_snapshot, aes_terminal, tdes_snapshot, tdes_terminal};
use payhsm::dukpt::{Journal, Scheme, Step, Unstored, aes, tdes};
use payhsm::error::Error;
use payhsm::key::role::{Bdk, InitialKey, Kek, MacRequest, PinEncryption, UpdateKey};
use payhsm::key::{Aes, Hmac, Key, Tdea};
use proptest::prelude::*;

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

fn tdes_loaded() -> tdes::Terminal {
    let mut terminal = tdes::Terminal::empty();
    terminal.load(&mut tdes_ik(), &tdes_id(), &mut Unstored).unwrap();
    terminal
}

fn aes_loaded(len: u8) -> aes::Terminal {
    let mut terminal = aes::Terminal::empty();
    terminal.load(&mut aes_ik(len), &aes_id(), &mut Unstored).unwrap();
    terminal
}

fn snapshot_of(terminal: &tdes::Terminal) -> Vec<u8> {
    let mut out = vec![0; tdes::Terminal::SNAPSHOT_LEN];
    assert_eq!(terminal.snapshot(&mut out), Ok(out.len()));
    out
}

fn aes_snapshot_of(terminal: &aes::Terminal) -> Vec<u8> {
    let mut out = vec![0; aes::Terminal::SNAPSHOT_LEN];
    let len = terminal.snapshot(&mut out).unwrap();
    out.truncate(len);
    out
}

/// Keeps the state as a delta record does: only what a step says has changed.
#[derive(Default)]
struct Deltas {
    image: Vec<u8>,
    fail: bool,
}

impl Journal for Deltas {
    fn commit(&mut self, step: &Step<'_>) -> Result<(), Error> {
        if self.fail {
            return Err(Error::Storage);
        }
        if self.image.is_empty() {
            self.image = vec![0; step.snapshot_len()];
            step.snapshot(&mut self.image)?;
            return Ok(());
        }
        self.image[16..20].copy_from_slice(&step.counter.to_be_bytes());
        self.image[20..24].copy_from_slice(&step.valid.to_be_bytes());
        for bit in (0..32).filter(|bit| (step.changed >> bit) & 1 == 1) {
            let at = 24 + step.key_len * usize::try_from(bit).unwrap();
            self.image[at..at + step.key_len].copy_from_slice(step.register(bit).unwrap());
        }
        Ok(())
    }
}

struct Refuses;

impl Journal for Refuses {
    fn commit(&mut self, _: &Step<'_>) -> Result<(), Error> {
        Err(Error::Storage)
    }
}

/// Stops in the middle, as a loss of power does.
struct Cut;

impl Journal for Cut {
    fn commit(&mut self, _: &Step<'_>) -> Result<(), Error> {
        panic!("power")
    }
}

// Counters.

#[test]
fn tdes_counters_all_in_order() {
    let mut ksn = tdes::Ksn::parse(tdes_id().as_bytes()).unwrap();
    assert_eq!(ksn.check(), Err(Error::CounterZero));
    let mut count = 0;
    for counter in 1_u32..1 << 21 {
        let id = tdes_id().ksn(counter);
        if counter.count_ones() > 10 {
            assert_eq!(id, Err(Error::CounterOverweight));
            continue;
        }
        ksn = ksn.next().unwrap();
        assert_eq!(id, Ok(ksn));
        assert_eq!(ksn.counter(), counter);
        assert_eq!(ksn.initial_key_id(), tdes_id());
        count += 1;
    }
    assert_eq!(count, tdes::Ksn::TRANSACTIONS);
    assert_eq!(ksn.counter(), tdes::Ksn::LAST_COUNTER);
    assert_eq!(ksn.next(), None);
    assert_eq!(tdes_id().ksn(1 << 21), Err(Error::InvalidArgument));
}

#[test]
fn aes_counters_counted_by_halves() {
    // How many of the 2^16 low halves have at most so many one bits.
    let low = |most: u32| (0..=u16::MAX).filter(|low| low.count_ones() <= most).count() as u64;
    let low: Vec<u64> = (0..=16).map(low).collect();
    let total: u64 = (0..=u16::MAX).map(|high| low[16 - high.count_ones() as usize]).sum();
    assert_eq!(total - 1, u64::from(aes::Ksn::TRANSACTIONS));
    // The same by binomial coefficients.
    let binomial = |k: u64| (0..k).fold(1_u64, |c, i| c * (32 - i) / (i + 1));
    assert_eq!((1..=16).map(binomial).sum::<u64>(), u64::from(aes::Ksn::TRANSACTIONS));

    // One high half of each weight, walked.
    for weight in 0..=16_u32 {
        let high = (0xFFFF_u32 << (16 - weight)) & 0xFFFF;
        let mut ksn = match high {
            0 => aes::Ksn::parse(&[aes_id().as_bytes().as_slice(), &[0; 4]].concat()).unwrap(),
            _ => aes_id().ksn(high << 16).unwrap(),
        };
        let mut count = u64::from(high != 0);
        while let Some(next) = ksn.next().filter(|next| next.counter() >> 16 == high) {
            assert_eq!(next.check(), Ok(()));
            assert!(next.counter() > ksn.counter());
            ksn = next;
            count += 1;
        }
        assert_eq!(count, low[16 - weight as usize] - u64::from(high == 0), "{weight}");
    }
    let last = aes_id().ksn(aes::Ksn::LAST_COUNTER).unwrap();
    assert_eq!(last.next(), None);
    assert_eq!(aes_id().ksn(u32::MAX), Err(Error::CounterReserved));
    assert_eq!(aes_id().ksn(0xFFFF_0001), Err(Error::CounterOverweight));
    assert_eq!(aes_id().ksn(0), Err(Error::CounterZero));
}

#[test]
fn serial_numbers_have_one_form() {
    for len in 0..16 {
        let bytes = vec![0x40; len];
        assert_eq!(tdes::Ksn::parse(&bytes).is_ok(), len == 10);
        assert_eq!(tdes::Ksn::from_short(&bytes).is_ok(), len == 8);
        assert_eq!(aes::Ksn::parse(&bytes).is_ok(), len == 12);
        assert_eq!(aes::InitialKeyId::parse(&bytes).is_ok(), len == 8);
    }
    let short = tdes::Ksn::from_short(&[0x98, 0x76, 0x54, 0x32, 0x10, 0xE0, 0, 1]).unwrap();
    assert_eq!(short, tdes_id().ksn(1).unwrap());
    assert_eq!(short.to_string(), "FFFF9876543210E00001");
    assert_eq!(format!("{short:?}"), "Ksn(FFFF9876543210E00001)");
    assert_eq!(tdes::InitialKeyId::parse(short.as_bytes()), Err(Error::InvalidKsn));
    assert_eq!(
        tdes::InitialKeyId::parse(short.initial_key_id().as_bytes()),
        Ok(tdes_id())
    );
    assert_eq!(aes_id().bdk_id(), [0x12, 0x34, 0x56, 0x78]);
    assert_eq!(aes_id().derivation_id(), [0x90, 0x12, 0x34, 0x56]);
}

proptest! {
    #[test]
    fn tdes_next_is_the_smallest_above(head in any::<[u8; 7]>(), tail in any::<[u8; 3]>()) {
        let ksn = tdes::Ksn::parse(&[head.as_slice(), &tail].concat()).unwrap();
        let counter = ksn.counter();
        let next = (counter + 1..1 << 21).find(|c| c.count_ones() <= 10);
        prop_assert_eq!(ksn.next().map(|next| next.counter()), next);
        if let Some(next) = ksn.next() {
            prop_assert_eq!(next.initial_key_id(), ksn.initial_key_id());
            prop_assert_eq!(&next.as_bytes()[..7], &head);
            prop_assert_eq!(next.as_bytes()[7] & 0xE0, tail[0] & 0xE0);
        }
    }

    #[test]
    fn aes_next_is_the_smallest_above(id in any::<[u8; 8]>(), counter in any::<u32>(), near in any::<bool>()) {
        // Long runs of overweight counters are where a step may go wrong.
        let counter = if near { counter | 0x00FF_F000 } else { counter };
        let ksn = aes::Ksn::parse(&[id.as_slice(), &counter.to_be_bytes()].concat()).unwrap();
        let weight_ok = |c: u32| c.count_ones() <= 16;
        match ksn.next() {
            None => prop_assert!(counter >= aes::Ksn::LAST_COUNTER),
            Some(next) => {
                prop_assert_eq!(next.check(), Ok(()));
                prop_assert_eq!(next.initial_key_id(), ksn.initial_key_id());
                let skipped = counter + 1..next.counter();
                let step = (skipped.len() / 997).max(1);
                prop_assert!(!skipped.clone().step_by(step).any(weight_ok));
                prop_assert!(skipped.last().is_none_or(|last| !weight_ok(last)));
            }
        }
    }
}

// Terminal against host.

/// The key and KSN of each step are those of the host, for `steps` steps or to the end.
fn tdes_agrees(terminal: &mut tdes::Terminal, ik: &Key<InitialKey, Tdea>, steps: usize) {
    let (mut here, mut there) = (tdes::Transaction::empty(), tdes::Transaction::empty());
    for _ in 0..steps {
        let expected = terminal.ksn();
        let ksn = match terminal.step(&mut Unstored, &mut here) {
            Ok(ksn) => ksn,
            Err(e) => {
                assert_eq!(e, Error::CounterExhausted);
                assert_eq!(expected, Err(e));
                return;
            }
        };
        assert_eq!(expected, Ok(ksn));
        assert_eq!(here.ksn(), Ok(ksn));
        tdes::Host::transaction(ik, &ksn, &mut there).unwrap();
        assert_eq!(here.key_bytes(), there.key_bytes(), "{ksn}");
        assert_eq!(terminal.ksn().ok(), ksn.next());
    }
}

fn aes_agrees(terminal: &mut aes::Terminal, ik: &Key<InitialKey, Aes>, steps: usize) {
    let (mut here, mut there) = (aes::Transaction::empty(), aes::Transaction::empty());
    for _ in 0..steps {
        let expected = terminal.ksn();
        let ksn = match terminal.step(&mut Unstored, &mut here) {
            Ok(ksn) => ksn,
            Err(e) => {
                assert_eq!(e, Error::CounterExhausted);
                assert_eq!(expected, Err(e));
                return;
            }
        };
        assert_eq!(expected, Ok(ksn));
        assert_eq!(here.ksn(), Ok(ksn));
        aes::Host::transaction(ik, &ksn, &mut there).unwrap();
        assert_eq!(here.key_bytes(), there.key_bytes(), "{ksn}");
        assert_eq!(terminal.ksn().ok(), ksn.next());
    }
}

#[test]
fn tdes_terminal_agrees_from_the_first() {
    let steps = if OPTIMISED { 1 << 16 } else { 600 };
    tdes_agrees(&mut tdes_loaded(), &tdes_ik(), steps);
}

#[test]
fn tdes_terminal_agrees_at_the_edges() {
    let edges = (0..21)
        .map(|bit| 1_u32 << bit)
        .chain([0x7FE, 0x3FF, 0x7_FE00, 0xF_FC00, 0x1F_F000, 0x1F_F400]);
    for counter in edges {
        tdes_agrees(&mut tdes_terminal(&tdes_ik(), &tdes_id(), counter), &tdes_ik(), 2);
    }
}

#[test]
fn aes_terminal_agrees_from_the_first() {
    for len in [16, 24, 32] {
        let steps = if OPTIMISED { 1 << 18 } else { 4096 };
        aes_agrees(&mut aes_loaded(len), &aes_ik(len), steps);
    }
}

#[test]
fn aes_terminal_agrees_at_the_edges() {
    let edges = (0..32).map(|bit| 1_u32 << bit);
    for counter in edges.chain([0x0001_FFFE, 0xFFFE, 0xFFFF, 0x7FFF_8000, 0xFFFE_0000, 0xFFFE_8000]) {
        for len in [16, 24, 32] {
            aes_agrees(&mut aes_terminal(&aes_ik(len), &aes_id(), counter), &aes_ik(len), 3);
        }
    }
}

#[test]
fn aes_last_counters() {
    // The weight leaves few counters here.
    let start = if OPTIMISED { 0xFFF0_0000 } else { 0xFFFC_0000 };
    aes_agrees(
        &mut aes_terminal(&aes_ik(16), &aes_id(), start),
        &aes_ik(16),
        usize::MAX,
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(if OPTIMISED { 256 } else { 12 }))]

    #[test]
    fn tdes_terminal_agrees_anywhere(ik in any::<[u8; 16]>(), id in any::<[u8; 10]>(), counter in 1_u32..1 << 21) {
        prop_assume!(counter.count_ones() <= 10);
        let ik = Key::from_bytes(&ik).unwrap();
        let id = tdes::Ksn::parse(&id).unwrap().initial_key_id();
        tdes_agrees(&mut tdes_terminal(&ik, &id, counter), &ik, 4);
    }

    #[test]
    fn aes_terminal_agrees_anywhere(
        ik in prop_oneof![any::<[u8; 16]>().prop_map(Vec::from), any::<[u8; 24]>().prop_map(Vec::from),
            any::<[u8; 32]>().prop_map(Vec::from)],
        id in any::<[u8; 8]>(),
        counter in any::<u32>(),
    ) {
        prop_assume!((1..=16).contains(&counter.count_ones()));
        let ik = Key::from_bytes(&ik).unwrap();
        let id = aes::InitialKeyId::parse(&id).unwrap();
        aes_agrees(&mut aes_terminal(&ik, &id, counter), &ik, 4);
    }
}

/// Every state on the way is the one that the host's keys and the rule of the registers give.
#[test]
fn states_are_what_the_host_derives() {
    let mut terminal = tdes_loaded();
    let mut transaction = tdes::Transaction::empty();
    for _ in 0..24 {
        let counter = terminal.ksn().unwrap().counter();
        assert_eq!(snapshot_of(&terminal), tdes_snapshot(&tdes_ik(), &tdes_id(), counter));
        terminal.step(&mut Unstored, &mut transaction).unwrap();
    }
    for len in [16, 24, 32] {
        let mut terminal = aes_loaded(len);
        let mut transaction = aes::Transaction::empty();
        for _ in 0..80 {
            let counter = terminal.ksn().unwrap().counter();
            assert_eq!(
                aes_snapshot_of(&terminal),
                aes_snapshot(&aes_ik(len), &aes_id(), counter)
            );
            terminal.step(&mut Unstored, &mut transaction).unwrap();
        }
    }
}

// Life.

/// The keys of the transactions by the definition, over the crate `des`: each from the one whose counter lacks the
/// lowest one bit.
struct Definition {
    /// By lowest one bit, the last counter asked for and its key.
    path: [(u32, [u8; 16]); 21],
}

impl Definition {
    fn key(&mut self, counter: u32) -> [u8; 16] {
        let parent = counter & (counter - 1);
        let key = match parent {
            0 => tdes_ik().expose_bytes().try_into().unwrap(),
            _ => match self.path[parent.trailing_zeros() as usize] {
                (kept, key) if kept == parent => key,
                _ => self.key(parent),
            },
        };
        let s = 0x9876_5432_10E0_0000 | u64::from(counter);
        let half = |mask: u64| {
            let [left, right] = [0, 8].map(|at| u64::from_be_bytes(key[at..at + 8].try_into().unwrap()) ^ mask);
            let mut block = (s ^ right).to_be_bytes().into();
            des::Des::new(&left.to_be_bytes().into()).encrypt_block(&mut block);
            u64::from_be_bytes(block.into()) ^ right
        };
        let derived = (u128::from(half(0xC0C0_C0C0_0000_0000)) << 64) | u128::from(half(0));
        self.path[counter.trailing_zeros() as usize] = (counter, derived.to_be_bytes());
        derived.to_be_bytes()
    }
}

/// Every transaction of an initial key if optimised, otherwise the first and the last ones: the right key, no key
/// twice, the last counter usable, then nothing for ever.
#[test]
fn tdes_whole_life() {
    let mut terminal = tdes_loaded();
    let mut transaction = tdes::Transaction::empty();
    let mut keys = HashSet::new();
    let mut definition = Definition {
        path: [(0, [0; 16]); 21],
    };
    let (mut count, mut last) = (0_u32, 0);
    loop {
        match terminal.step(&mut Unstored, &mut transaction) {
            Ok(ksn) => {
                assert!(ksn.counter() > last && ksn.counter().count_ones() <= 10);
                last = ksn.counter();
                let key = definition.key(last);
                assert_eq!(transaction.key_bytes(), key, "{ksn}");
                assert!(keys.insert(key), "{ksn}");
                count += 1;
            }
            Err(e) => {
                assert_eq!(e, Error::CounterExhausted);
                break;
            }
        }
        if !OPTIMISED && count == 2000 {
            terminal = tdes_terminal(&tdes_ik(), &tdes_id(), 0x1F_0000);
        }
    }
    assert_eq!(last, tdes::Ksn::LAST_COUNTER);
    if OPTIMISED {
        assert_eq!(count, tdes::Ksn::TRANSACTIONS);
    }
    assert!(transaction.is_empty());

    // For ever, also after a restart.
    let exhausted = snapshot_of(&terminal);
    assert_eq!(exhausted, tdes_snapshot(&tdes_ik(), &tdes_id(), 0));
    assert!(exhausted[16..].iter().all(|&byte| byte == 0));
    let mut again = tdes::Terminal::empty();
    again.restore(&exhausted).unwrap();
    for terminal in [&mut terminal, &mut again] {
        for _ in 0..3 {
            assert_eq!(terminal.ksn(), Err(Error::CounterExhausted));
            assert_eq!(
                terminal.step(&mut Unstored, &mut transaction),
                Err(Error::CounterExhausted)
            );
        }
        // The same initial key would start at 1 again; another one may come.
        let mut ik = tdes_ik();
        assert_eq!(
            terminal.load(&mut ik, &tdes_id(), &mut Unstored),
            Err(Error::CounterReplayed)
        );
        assert_eq!(ik.len(), 16);
        let other = tdes::InitialKeyId::parse(&[0x40; 10]);
        let other = other.unwrap_or(tdes::Ksn::parse(&[0x40; 10]).unwrap().initial_key_id());
        terminal.load(&mut ik, &other, &mut Unstored).unwrap();
        assert!(ik.is_empty());
        assert_eq!(terminal.ksn(), other.ksn(1));
    }
}

#[test]
fn aes_end_of_life() {
    let mut terminal = aes_terminal(&aes_ik(32), &aes_id(), 0xFFFE_8000);
    let mut transaction = aes::Transaction::empty();
    assert_eq!(
        terminal.step(&mut Unstored, &mut transaction).unwrap().counter(),
        0xFFFE_8000
    );
    assert_eq!(
        terminal.step(&mut Unstored, &mut transaction).unwrap().counter(),
        0xFFFF_0000
    );
    assert_eq!(transaction.key_bytes().len(), 32);
    for _ in 0..3 {
        assert_eq!(
            terminal.step(&mut Unstored, &mut transaction),
            Err(Error::CounterExhausted)
        );
        assert!(transaction.is_empty() && transaction.key_bytes().is_empty());
    }
    let exhausted = aes_snapshot_of(&terminal);
    assert_eq!(exhausted, aes_snapshot(&aes_ik(32), &aes_id(), 0));
    // The update key is what the next initial key comes under.
    let (mut kept, mut derived) = (Key::empty(), Key::<UpdateKey, Aes>::empty());
    terminal.update_key(&mut kept).unwrap();
    aes::update_key(&aes_ik(32), &aes_id(), aes::KeyType::Aes256, &mut derived).unwrap();
    assert_eq!(kept.expose_bytes(), derived.expose_bytes());
    // A shorter key leaves nothing of the longer one.
    let next = aes::InitialKeyId::parse(&[7; 8]).unwrap();
    terminal.load(&mut aes_ik(16), &next, &mut Unstored).unwrap();
    assert_eq!(aes_snapshot_of(&terminal), aes_snapshot(&aes_ik(16), &next, 1));
}

// Forward secrecy.

fn assert_absent<const N: usize>(image: &[u8], past: &HashSet<[u8; N]>) {
    assert!(
        !image
            .windows(N)
            .any(|window| past.contains(&<[u8; N]>::try_from(window).unwrap()))
    );
}

#[test]
fn tdes_states_hold_nothing_of_the_past() {
    let mut terminal = tdes_loaded();
    let mut transaction = tdes::Transaction::empty();
    let mut past = HashSet::from([<[u8; 16]>::try_from(tdes_ik().expose_bytes()).unwrap()]);
    assert_absent(&snapshot_of(&terminal), &past);
    for _ in 0..1000 {
        terminal.step(&mut Unstored, &mut transaction).unwrap();
        let mut pin_key = Key::empty();
        transaction.pin_key(&mut pin_key).unwrap();
        past.insert(transaction.key_bytes().try_into().unwrap());
        past.insert(pin_key.expose_bytes().try_into().unwrap());
        assert_absent(&snapshot_of(&terminal), &past);
    }
    assert_eq!(past.len(), 2001);
}

#[test]
fn aes_states_hold_nothing_of_the_past() {
    let mut terminal = aes_loaded(16);
    let mut transaction = aes::Transaction::empty();
    let mut past = HashSet::from([<[u8; 16]>::try_from(aes_ik(16).expose_bytes()).unwrap()]);
    assert_absent(&aes_snapshot_of(&terminal), &past);
    for _ in 0..1000 {
        terminal.step(&mut Unstored, &mut transaction).unwrap();
        past.insert(transaction.key_bytes().try_into().unwrap());
        assert_absent(&aes_snapshot_of(&terminal), &past);
    }
    assert_eq!(past.len(), 1001);
}

// Commit before release.

#[test]
fn nothing_is_released_before_the_commit() {
    let (mut tdes, mut aes) = (tdes_loaded(), aes_loaded(24));
    let (mut tdes_out, mut aes_out) = (tdes::Transaction::empty(), aes::Transaction::empty());
    for counter in 1..40 {
        // The cut is inside the commit: what is in `out` then was written before it.
        assert!(catch_unwind(AssertUnwindSafe(|| tdes.step(&mut Cut, &mut tdes_out))).is_err());
        assert!(catch_unwind(AssertUnwindSafe(|| aes.step(&mut Cut, &mut aes_out))).is_err());
        assert!(tdes_out.is_empty() && tdes_out.key_bytes().is_empty());
        assert!(aes_out.is_empty() && aes_out.key_bytes().is_empty());
        assert_eq!(tdes.ksn(), tdes_id().ksn(counter + 1));
        assert_eq!(aes.ksn(), aes_id().ksn(counter + 1));
    }
    tdes_agrees(&mut tdes, &tdes_ik(), 3);
    aes_agrees(&mut aes, &aes_ik(24), 3);
}

#[test]
fn refused_commits_cost_keys_and_repeat_none() {
    let (mut tdes, mut aes) = (tdes_loaded(), aes_loaded(16));
    let (mut tdes_out, mut aes_out) = (tdes::Transaction::empty(), aes::Transaction::empty());
    for counter in 1..40 {
        assert_eq!(tdes.step(&mut Refuses, &mut tdes_out), Err(Error::Storage));
        assert_eq!(aes.step(&mut Refuses, &mut aes_out), Err(Error::Storage));
        assert_eq!(tdes_out.ksn(), Err(Error::NoKey));
        assert_eq!(tdes_out.pin_key(&mut Key::empty()), Err(Error::NoKey));
        assert_eq!(aes_out.ksn(), Err(Error::NoKey));
        let key_type = aes::KeyType::Aes128;
        assert_eq!(
            aes_out.working_key::<PinEncryption, Aes>(key_type, &mut Key::empty()),
            Err(Error::NoKey)
        );
        assert_eq!(tdes.ksn(), tdes_id().ksn(counter + 1));
        assert_eq!(aes.ksn(), aes_id().ksn(counter + 1));
    }
    tdes_agrees(&mut tdes, &tdes_ik(), 3);
    aes_agrees(&mut aes, &aes_ik(16), 3);
}

#[test]
fn a_refused_load_leaves_no_state() {
    let mut terminal = tdes::Terminal::empty();
    let mut ik = tdes_ik();
    assert_eq!(terminal.load(&mut ik, &tdes_id(), &mut Refuses), Err(Error::Storage));
    assert!(terminal.is_empty() && ik.len() == 16);
    assert_eq!(terminal.ksn(), Err(Error::NoKey));
    terminal.load(&mut ik, &tdes_id(), &mut Unstored).unwrap();
    assert!(ik.is_empty());
    // An empty or short key changes nothing.
    let other = tdes::Ksn::parse(&[9; 10]).unwrap().initial_key_id();
    let before = snapshot_of(&terminal);
    assert_eq!(terminal.load(&mut ik, &other, &mut Unstored), Err(Error::NoKey));
    for len in [8, 24] {
        let mut ik = Key::from_bytes(&vec![1; len]).unwrap();
        assert_eq!(
            terminal.load(&mut ik, &other, &mut Unstored),
            Err(Error::InvalidKeyLength)
        );
    }
    assert_eq!(snapshot_of(&terminal), before);
    let mut terminal = aes::Terminal::empty();
    let mut ik = aes_ik(32);
    assert_eq!(terminal.load(&mut ik, &aes_id(), &mut Refuses), Err(Error::Storage));
    assert!(terminal.is_empty() && ik.len() == 32);
    assert_eq!(terminal.update_key(&mut Key::empty()), Err(Error::NoKey));
}

#[test]
fn deltas_rebuild_the_state() {
    let mut journal = Deltas::default();
    let mut terminal = tdes::Terminal::empty();
    terminal.load(&mut tdes_ik(), &tdes_id(), &mut journal).unwrap();
    let mut transaction = tdes::Transaction::empty();
    for i in 0..300 {
        journal.fail = i % 7 == 3 || i % 31 == 5;
        let result = terminal.step(&mut journal, &mut transaction);
        assert_eq!(result.is_err(), journal.fail);
        if !journal.fail {
            // What refused commits did not store comes with the next that succeeds.
            assert_eq!(journal.image, snapshot_of(&terminal));
        }
    }
    let mut journal = Deltas::default();
    let mut terminal = aes::Terminal::empty();
    terminal.load(&mut aes_ik(24), &aes_id(), &mut journal).unwrap();
    let mut transaction = aes::Transaction::empty();
    for i in 0..1000 {
        journal.fail = i % 7 == 3 || i % 31 == 5;
        let result = terminal.step(&mut journal, &mut transaction);
        assert_eq!(result.is_err(), journal.fail);
        if !journal.fail {
            assert_eq!(journal.image, aes_snapshot_of(&terminal));
        }
    }
}

#[test]
fn steps_say_what_they_are() {
    struct Looks<'a>(&'a mut Vec<String>);
    impl Journal for Looks<'_> {
        fn commit(&mut self, step: &Step<'_>) -> Result<(), Error> {
            assert_eq!(step.scheme, Scheme::Tdes);
            assert_eq!(step.identity, tdes_id().as_bytes());
            assert_eq!((step.scheme.registers(), step.scheme.identity_len()), (21, 10));
            assert_eq!(step.register(21), None);
            let mut short = [1; 100];
            assert_eq!(step.snapshot(&mut short), Err(Error::BufferTooSmall));
            assert_eq!(short, [0; 100]);
            self.0
                .push(format!("{} {:X} {:X}", step.counter, step.changed, step.valid));
            assert!(format!("{step:?}").starts_with("Step { scheme: Tdes, counter: "));
            Ok(())
        }
    }
    let mut seen = Vec::new();
    let mut terminal = tdes::Terminal::empty();
    let mut transaction = tdes::Transaction::empty();
    terminal
        .load(&mut tdes_ik(), &tdes_id(), &mut Looks(&mut seen))
        .unwrap();
    for _ in 0..4 {
        terminal.step(&mut Looks(&mut seen), &mut transaction).unwrap();
    }
    assert_eq!(
        seen,
        [
            "1 1FFFFF 1FFFFF",
            "2 1 1FFFFE",
            "3 3 1FFFFD",
            "4 1 1FFFFC",
            "5 7 1FFFFB"
        ]
    );
}

// Snapshots.

#[test]
fn restore_takes_an_empty_place_only() {
    let mut terminal = tdes_loaded();
    let old = snapshot_of(&terminal);
    let mut transaction = tdes::Transaction::empty();
    terminal.step(&mut Unstored, &mut transaction).unwrap();
    assert_eq!(terminal.restore(&old), Err(Error::BadState));
    assert_eq!(terminal.ksn(), tdes_id().ksn(2));
    let mut terminal = aes_loaded(16);
    let old = aes_snapshot_of(&terminal);
    assert_eq!(terminal.restore(&old), Err(Error::BadState));
}

#[test]
fn restore_refuses_what_no_terminal_has() {
    let restore = |bytes: &[u8]| {
        let mut terminal = tdes::Terminal::empty();
        let result = terminal.restore(bytes);
        assert_eq!(terminal.is_empty(), result.is_err());
        result
    };
    let sound = tdes_snapshot(&tdes_ik(), &tdes_id(), 12);
    assert_eq!(restore(&sound), Ok(()));
    for len in 0..sound.len() {
        assert_eq!(restore(&sound[..len]), Err(Error::Record));
    }
    assert_eq!(restore(&[sound.as_slice(), &[0]].concat()), Err(Error::Record));
    // Every bit of the header except those of the identity counts.
    for bit in (0..24 * 8).filter(|bit| !(32..32 + 59).contains(bit)) {
        let mut changed = sound.clone();
        changed[bit / 8] ^= 0x80 >> (bit % 8);
        assert_eq!(restore(&changed), Err(Error::Record), "{bit}");
    }
    for register in 0..21 {
        let mut changed = sound.clone();
        let bytes = &mut changed[24 + 16 * register..][..16];
        if bytes.iter().all(|&byte| byte == 0) {
            bytes[register % 16] = 1;
        } else {
            bytes.fill(0);
        }
        assert_eq!(restore(&changed), Err(Error::VerificationFailed), "{register}");
    }
    assert_eq!(restore(&aes_snapshot(&aes_ik(16), &aes_id(), 12)), Err(Error::Record));
}

#[test]
fn aes_restore_refuses_what_no_terminal_has() {
    let restore = |bytes: &[u8]| {
        let mut terminal = aes::Terminal::empty();
        let result = terminal.restore(bytes);
        assert_eq!(terminal.is_empty(), result.is_err());
        result
    };
    for len in [16, 24, 32] {
        let sound = aes_snapshot(&aes_ik(len), &aes_id(), 0xAA00);
        assert_eq!(restore(&sound), Ok(()));
        for len in (0..sound.len()).step_by(7) {
            assert_eq!(restore(&sound[..len]), Err(Error::Record));
        }
        for bit in (0..24 * 8).filter(|bit| !(32..96).contains(bit)) {
            let mut changed = sound.clone();
            changed[bit / 8] ^= 0x80 >> (bit % 8);
            assert_eq!(restore(&changed), Err(Error::Record), "{bit}");
        }
        let len = usize::from(len);
        for register in 0..33 {
            let mut changed = sound.clone();
            let bytes = &mut changed[24 + len * register..][..len];
            if bytes.iter().all(|&byte| byte == 0) {
                bytes[register % len] = 1;
            } else {
                bytes.fill(0);
            }
            assert_eq!(restore(&changed), Err(Error::VerificationFailed), "{register}");
        }
    }
}

proptest! {
    #[test]
    fn restore_is_total(mut bytes in proptest::collection::vec(any::<u8>(), 0..1200), shaped in any::<u8>()) {
        // Half of the inputs get past the first checks.
        if shaped % 2 == 0 && bytes.len() > 3 {
            bytes[..4].copy_from_slice(if shaped % 4 == 0 { &[1, 1, 16, 10] } else { &[1, 2, 32, 8] });
        }
        prop_assert!(tdes::Terminal::empty().restore(&bytes).is_err());
        prop_assert!(aes::Terminal::empty().restore(&bytes).is_err());
    }
}

// Refusals.

#[test]
fn hosts_refuse_counters_and_keys() {
    let mut out = tdes::Transaction::empty();
    let cases = [
        (0, Error::CounterZero),
        (0x7FF, Error::CounterOverweight),
        (0x1F_FFFF, Error::CounterOverweight),
    ];
    for (counter, error) in cases {
        let mut ksn = *tdes_id().as_bytes();
        let [_, high, middle, low] = u32::to_be_bytes(counter);
        ksn[7] |= high;
        (ksn[8], ksn[9]) = (middle, low);
        let ksn = tdes::Ksn::parse(&ksn).unwrap();
        assert_eq!(ksn.counter(), counter);
        tdes::Host::transaction(&tdes_ik(), &tdes_id().ksn(1).unwrap(), &mut out).unwrap();
        assert_eq!(tdes::Host::transaction(&tdes_ik(), &ksn, &mut out), Err(error));
        assert!(out.is_empty() && out.key_bytes().is_empty());
    }
    let mut ik = tdes_ik();
    for len in [8, 24] {
        let bdk = Key::<Bdk, Tdea>::from_bytes(&vec![3; len]).unwrap();
        assert_eq!(
            tdes::Host::initial_key(&bdk, &tdes_id(), &mut ik),
            Err(Error::InvalidKeyLength)
        );
        assert!(ik.is_empty());
        let wrong = Key::<InitialKey, Tdea>::from_bytes(&vec![3; len]).unwrap();
        let ksn = tdes_id().ksn(1).unwrap();
        assert_eq!(
            tdes::Host::transaction(&wrong, &ksn, &mut out),
            Err(Error::InvalidKeyLength)
        );
    }
    assert_eq!(
        tdes::Host::initial_key(&Key::empty(), &tdes_id(), &mut ik),
        Err(Error::NoKey)
    );
    let mut out = aes::Transaction::empty();
    let ksn = aes_id().ksn(1).unwrap();
    assert_eq!(aes::Host::transaction(&Key::empty(), &ksn, &mut out), Err(Error::NoKey));
    assert_eq!(
        aes::Host::initial_key(&Key::empty(), &aes_id(), &mut Key::empty()),
        Err(Error::NoKey)
    );
    assert_eq!(
        aes::update_key(
            &Key::empty(),
            &aes_id(),
            aes::KeyType::Aes128,
            &mut Key::<UpdateKey, Aes>::empty()
        ),
        Err(Error::NoKey)
    );
}

#[test]
fn no_working_key_is_stronger_than_the_initial_key() {
    use aes::KeyType::*;
    let all = [Tdes2, Tdes3, Aes128, Aes192, Aes256, Hmac128, Hmac192, Hmac256];
    for len in [16, 24, 32] {
        let ksn = aes_id().ksn(1).unwrap();
        let mut t = aes::Transaction::empty();
        aes::Host::transaction(&aes_ik(len), &ksn, &mut t).unwrap();
        for kind in all {
            let allowed = match kind {
                Aes192 | Hmac192 => len >= 24,
                Aes256 | Hmac256 => len == 32,
                _ => true,
            };
            let expected = |fits: bool| match (fits, allowed) {
                (false, _) => Err(Error::AlgorithmMismatch),
                (_, false) => Err(Error::KeyStrength),
                _ => Ok(()),
            };
            let (tdea, aes) = (matches!(kind, Tdes2 | Tdes3), matches!(kind, Aes128 | Aes192 | Aes256));
            let mut key = Key::<Kek, Tdea>::from_bytes(&[1; 16]).unwrap();
            assert_eq!(t.working_key(kind, &mut key), expected(tdea), "{kind:?}");
            assert_eq!(key.len(), if tdea { kind.key_len() } else { 0 });
            let mut key = Key::<PinEncryption, Aes>::from_bytes(&[1; 16]).unwrap();
            assert_eq!(t.working_key(kind, &mut key), expected(aes), "{kind:?}");
            assert_eq!(key.len(), if aes && allowed { kind.key_len() } else { 0 });
            let mut key = Key::<MacRequest, Hmac>::from_bytes(&[1; 16]).unwrap();
            assert_eq!(t.working_key(kind, &mut key), expected(!tdea && !aes), "{kind:?}");
            let mut key = Key::<UpdateKey, Aes>::from_bytes(&[1; 16]).unwrap();
            assert_eq!(
                aes::update_key(&aes_ik(len), &aes_id(), kind, &mut key),
                expected(aes),
                "{kind:?}"
            );
        }
    }
}

#[test]
fn purposes_have_different_keys() {
    let mut t = tdes::Transaction::empty();
    tdes::Host::transaction(&tdes_ik(), &tdes_id().ksn(77).unwrap(), &mut t).unwrap();
    let (mut pin, mut request, mut response) = (Key::empty(), Key::empty(), Key::empty());
    let (mut data_request, mut data_response) = (Key::empty(), Key::empty());
    t.pin_key(&mut pin).unwrap();
    t.mac_request_key(&mut request).unwrap();
    t.mac_response_key(&mut response).unwrap();
    t.data_request_key(&mut data_request).unwrap();
    t.data_response_key(&mut data_response).unwrap();
    let keys = [
        t.key_bytes(),
        pin.expose_bytes(),
        request.expose_bytes(),
        response.expose_bytes(),
        data_request.expose_bytes(),
        data_response.expose_bytes(),
    ];
    assert_eq!(HashSet::from(keys).len(), 6);
}
