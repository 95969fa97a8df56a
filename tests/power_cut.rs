// SPDX-License-Identifier: MIT OR Apache-2.0
//! Power cuts on simulated NOR flash, at every program and erasure of every scenario, with every torn variant, and again
//! in the recovery: the invariants of docs/STORAGE.md hold in all of them. Here a sample; `scripts/power-cuts` goes
//! through all.
//!
//! Rows of the attack catalogue: F01 to F04, J01 to J08.
#![cfg(all(
    feature = "hazmat",
    feature = "terminal",
    feature = "host",
    feature = "ec",
    feature = "oda",
    feature = "legacy"
))]
#![allow(clippy::cast_possible_truncation, reason = "the numbers of the simulation are small")]

#[path = "common/module.rs"]
mod common;

#[path = "attacks/catalogue.rs"]
mod catalogue;

mod power_cut {
    pub mod campaign;
    pub mod chip;
    pub mod damage;
    pub mod device;
    pub mod past;
    pub mod records;
    pub mod renew;
    pub mod rows;
    pub mod scenario;
    pub mod twins;
    pub mod wear;
}

use core::sync::atomic::{AtomicUsize, Ordering};
use std::sync::Mutex;
use std::thread;

use payhsm::error::Error;

use power_cut::campaign::{Extent, Report, run, run_weak};
use power_cut::chip::Weakness;
use power_cut::damage;
use power_cut::renew;
use power_cut::scenario::{SCENARIOS, Scenario, geometry};
use power_cut::twins;
use power_cut::wear::{live, row};

/// The flashes: words of every size, rewritable and not.
const FLASHES: [(u32, bool); 6] = [(1, true), (4, true), (8, true), (4, false), (8, false), (16, false)];

fn print(name: &str, report: &Report) {
    let class = |name| report.classes.get(name).copied().unwrap_or(0);
    println!(
        "| {name} | {} | {} | {} | {} | {} | {} | {} | {} | {} | {} |",
        report.operations,
        report.states,
        class("F-a"),
        class("F-b/c"),
        class("F-d"),
        class("F-e"),
        class("F-h"),
        report.mounts,
        report.searched,
        report.violations.len(),
    );
    for violation in report.violations.iter().take(5) {
        println!("    {violation}");
    }
}

fn campaign(extent: Extent) -> Report {
    // The harness has begun the line.
    println!();
    println!(
        "| scenario | operations | states | F-a | F-b, F-c | F-d | F-e | F-h | starts | images searched | violations |"
    );
    println!("|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|");
    let mut runs = Vec::new();
    for scenario in SCENARIOS {
        for (word, rewritable) in FLASHES {
            runs.push((scenario, geometry(word, rewritable), extent));
            // A counter changes nothing that the size of words changes: two flashes will do.
            if word == 8 {
                let anchored = Extent {
                    anchored: true,
                    ..extent
                };
                runs.push((scenario, geometry(word, rewritable), anchored));
            }
        }
    }
    // Each processor takes the next.
    let (next, reports) = (AtomicUsize::new(0), Mutex::new(vec![None; runs.len()]));
    thread::scope(|scope| {
        for _ in 0..thread::available_parallelism().map_or(1, usize::from) {
            scope.spawn(|| {
                while let Some((at, (scenario, geometry, extent))) = {
                    let at = next.fetch_add(1, Ordering::Relaxed);
                    runs.get(at).map(|run| (at, *run))
                } {
                    let report = run(scenario, geometry, extent);
                    reports.lock().unwrap()[at] = Some(report);
                }
            });
        }
    });
    let reports = reports.into_inner().unwrap();
    let mut sum = Report::default();
    for scenario in SCENARIOS {
        let mut of_scenario = Report::default();
        for (_, report) in runs.iter().zip(&reports).filter(|(run, _)| run.0 == scenario) {
            of_scenario.add(report.as_ref().unwrap());
        }
        print(&format!("{scenario:?}"), &of_scenario);
        sum.add(&of_scenario);
    }
    print("all", &sum);
    sum
}

/// J01 to J04: a sample of the states that `scripts/power-cuts` goes through.
#[test]
fn j01_a_sample_of_the_campaign() {
    let debug = cfg!(debug_assertions);
    let extent = Extent {
        seeds: 4,
        stride: if debug { 300 } else { 5 },
        nested_stride: if debug { 400 } else { 60 },
        all_pairs: false,
        triples: u64::from(!debug),
        search_stride: if debug { 20 } else { 100 },
        ..Extent::FULL
    };
    let report = campaign(extent);
    assert_eq!(report.violations, Vec::<String>::new());
    assert!(report.states >= if debug { 100 } else { 100_000 }, "{}", report.states);
}

/// All of them: `scripts/power-cuts`.
#[test]
#[ignore = "a campaign: scripts/power-cuts"]
fn j01_all_of_the_campaign() {
    let report = campaign(Extent::FULL);
    assert_eq!(report.violations, Vec::<String>::new());
    assert!(report.states >= 1_000_000, "{}", report.states);
}

/// Wrong designs are found: a driver that says that it is done before it is, and used keys that stay.
#[test]
fn controls_are_found() {
    let extent = Extent {
        seeds: 2,
        stride: if cfg!(debug_assertions) { 20 } else { 3 },
        nested_stride: 1 << 30,
        all_pairs: false,
        triples: 0,
        search_stride: 1,
        ..Extent::FULL
    };
    let found = |weakness, what: &str| {
        let report = run_weak(Scenario::Transact('T', 16), geometry(4, true), extent, Some(weakness));
        let count = report.violations.iter().filter(|v| v.contains(what)).count();
        println!("{weakness:?}: {count} times {what} in {} states", report.states);
        assert!(count > 0, "{weakness:?} {:?}", report.violations.first());
    };
    found(Weakness::WriteBack, "I1");
    found(Weakness::NoClearing, "I3");
}

/// J07: the part of a life that a test has time for wears no page faster than 10,000 erasures a life.
#[test]
fn j07_a_life_fits_ten_thousand_erasures() {
    const LIFE: u64 = 1_048_575;
    for (word, rewritable) in [(4, true), (16, false)] {
        let wear = live('T', 16, word, rewritable, 3000);
        for erases in wear.erases {
            // One more is begun.
            let of_life = u64::from(erases + 1) * LIFE / u64::from(wear.transactions);
            assert!(of_life < 10_000, "{word} {rewritable}: {of_life}");
        }
        assert_eq!(wear.most_erases, 1);
        println!("{}", row('T', 16, word, rewritable, &wear));
    }
}

/// J07: the whole life, `scripts/wear`.
#[test]
#[ignore = "a whole life: scripts/wear"]
fn j07_a_whole_life() {
    // The harness has begun the line.
    println!();
    println!(
        "| keys | word | rewritable | transactions | erasures of the two pages | programs of one: mean, most | bytes of one: mean, most | erasures of one: most |"
    );
    println!("|---|---:|---|---:|---:|---:|---:|---:|");
    for (word, rewritable) in [(4, true), (16, false)] {
        let wear = live('T', 16, word, rewritable, u32::MAX);
        println!("{}", row('T', 16, word, rewritable, &wear));
        assert!(wear.exhausted && wear.transactions == 1_048_575);
        assert!(wear.erases.iter().all(|erases| *erases < 10_000), "{wear:?}");
    }
    for key_len in [16, 24, 32] {
        for (word, rewritable) in [(4, true), (16, false)] {
            let wear = live('A', key_len, word, rewritable, 100_000);
            println!("{}", row('A', key_len, word, rewritable, &wear));
        }
    }
}

/// J05, F-f: single bits of the image flipped, words unreadable.
#[test]
fn j05_flipped_bits() {
    flipped_bits(damage::SOME);
}

/// J05: every bit and every word, `scripts/power-cuts`.
#[test]
#[ignore = "a campaign: scripts/power-cuts"]
fn j05_every_bit() {
    flipped_bits(1);
}

fn flipped_bits(stride: usize) {
    for (word, rewritable) in [(4, true), (16, false)] {
        let (same, tampered) = damage::decay(word, rewritable, stride);
        println!("word {word}, rewritable {rewritable}: {same} bits change nothing, {tampered} are seen");
        assert!(same > 0 && tampered > 0);
    }
}

/// F03, F-g, I8: earlier images and pages.
#[test]
fn f03_older_images() {
    older_images(if cfg!(debug_assertions) { 20 } else { 100 });
}

/// F03: a thousand of them, `scripts/power-cuts`.
#[test]
#[ignore = "a campaign: scripts/power-cuts"]
fn f03_a_thousand_older_images() {
    older_images(1000);
}

fn older_images(steps: usize) {
    let (seen, unseen) = damage::rollback(4, true, true, steps);
    println!("with a counter: {seen} seen, {unseen} unseen");
    assert!(unseen == 0 && seen > steps);
    // Without a counter an older image is as good as the newest: the control, and what the documents say.
    let (seen, unseen) = damage::rollback(4, true, false, steps);
    println!("without: {seen} seen, {unseen} unseen");
    assert!(unseen > steps / 2);
    let (_, unseen) = damage::rollback(16, false, true, 20);
    assert_eq!(unseen, 0);
}

/// F04: the image at each step, with the storage key.
#[test]
fn f04_no_past_key_in_the_image() {
    let steps = if cfg!(debug_assertions) { 10 } else { 1000 };
    assert_eq!(damage::forward_secrecy(steps), steps);
}

/// F-i: pages that go bad.
#[test]
fn j07_worn_pages() {
    for rewritable in [true, false] {
        let done = damage::wear_out(4, rewritable);
        println!("rewritable {rewritable}: {done} transactions before a page went bad");
        assert!(done > 50);
    }
}

/// Damage, and older images, are no dead end: the module can be made anew and stays so.
#[test]
fn a_damaged_module_is_made_anew() {
    for anchored in [false, true] {
        for damage in renew::DAMAGES {
            let seen = renew::made_anew(damage, anchored);
            assert_eq!(seen, anchored || damage != renew::Damage::Older, "{damage:?}");
        }
    }
}

/// F-j: two modules on one chip, each with its pages, do not know of each other; over the same areas no key is given out by
/// both, whether the first went on in its area or has changed to the other one.
#[test]
fn j04_two_modules_on_one_chip() {
    twins::side_by_side();
    for rewritable in [true, false] {
        for ahead in [1, 2, 60] {
            let (second, twice) = twins::over_the_same_areas(ahead, rewritable);
            assert_eq!(
                (second, twice),
                (Err(Error::StorageIntegrity), 0),
                "{ahead} {rewritable}"
            );
        }
        // Nobody has gone ahead: it is the one that gives out the next key.
        assert_eq!(twins::over_the_same_areas(0, rewritable), (Ok(2), 0));
    }
}
