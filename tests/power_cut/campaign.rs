// SPDX-License-Identifier: MIT OR Apache-2.0
//! Goes through the faults of a scenario, and judges each state that they leave.

use std::collections::{BTreeMap, BTreeSet};

use payhsm::error::Error;
use payhsm::hsm::State;
use payhsm::store::flash::Geometry;

use super::chip::{Chip, DRIVER, Fault, Operation, torn};
use super::device::{Seen, Terminal, World, identity};
use super::past;
use super::scenario::{FIRST, LAYOUT, Scenario, number};

/// How much of it.
#[derive(Clone, Copy, Debug)]
pub struct Extent {
    /// Every word of a program, and so many seeds for random bits.
    pub all_words: bool,
    pub seeds: u64,
    /// One state in so many, of the first and of the second fault.
    pub stride: u64,
    pub nested_stride: u64,
    /// All pairs of whole cuts.
    pub all_pairs: bool,
    /// Chains of three faults.
    pub triples: u64,
    /// One state in so many is searched for past keys.
    pub search_stride: u64,
    /// The platform has a monotonic counter.
    pub anchored: bool,
}

impl Extent {
    pub const FULL: Self = Self {
        all_words: true,
        seeds: 16,
        stride: 1,
        nested_stride: 100,
        all_pairs: true,
        triples: 200,
        search_stride: 50,
        anchored: false,
    };
}

/// What was found.
#[derive(Clone, Debug, Default)]
pub struct Report {
    pub operations: usize,
    pub states: u64,
    pub mounts: u64,
    pub searched: u64,
    /// States by the class of the last fault.
    pub classes: BTreeMap<&'static str, u64>,
    pub violations: Vec<String>,
}

impl Report {
    pub fn add(&mut self, other: &Self) {
        self.operations += other.operations;
        self.states += other.states;
        self.mounts += other.mounts;
        self.searched += other.searched;
        for (class, count) in &other.classes {
            *self.classes.entry(class).or_default() += count;
        }
        self.violations.extend(other.violations.iter().cloned());
    }
}

/// A moment of a world.
#[derive(Clone)]
struct Moment {
    chip: Chip,
    seen: Seen,
}

struct Campaign {
    scenario: Scenario,
    extent: Extent,
    world: World,
    report: Report,
    picks: u64,
}

/// All faults of a scenario on a flash.
pub fn run(scenario: Scenario, geometry: Geometry, extent: Extent) -> Report {
    run_weak(scenario, geometry, extent, None)
}

/// The same with a wrong design.
pub fn run_weak(
    scenario: Scenario,
    geometry: Geometry,
    extent: Extent,
    weakness: Option<super::chip::Weakness>,
) -> Report {
    let mut world = World::new(geometry, LAYOUT);
    world.chip().counter = extent.anchored.then_some(0);
    world.chip().weakness = weakness;
    scenario.prepare(&mut world);
    let mut campaign = Campaign {
        scenario,
        extent,
        world,
        report: Report::default(),
        picks: 0,
    };
    let start = campaign.moment();
    campaign.go(&start);
    campaign.report
}

impl Campaign {
    fn moment(&mut self) -> Moment {
        Moment {
            chip: self.world.chip().clone(),
            seen: self.world.seen().clone(),
        }
    }

    fn restore(&mut self, moment: &Moment, fault: Option<(usize, Fault)>) {
        *self.world.chip() = moment.chip.clone();
        *self.world.seen() = moment.seen.clone();
        self.world.chip().power(fault);
    }

    /// One in so many.
    fn pick(&mut self, stride: u64) -> bool {
        self.picks = self
            .picks
            .wrapping_mul(0x5851_F42D_4C95_7F2D)
            .wrapping_add(0x1405_7B7E_F767_814F);
        (self.picks >> 33).is_multiple_of(stride)
    }

    fn go(&mut self, start: &Moment) {
        // A run without faults, of which every operation is then a place for one.
        self.restore(start, None);
        let scenario = self.scenario;
        self.report.mounts += 1;
        self.world.boot(|t| scenario.act(t).unwrap());
        let trace = self.world.chip().trace.clone();
        self.report.operations = trace.len();
        for (at, operation) in trace.iter().enumerate() {
            let mut faults = torn(*operation, self.extent.all_words, self.extent.seeds);
            faults.extend(
                DRIVER
                    .iter()
                    .filter(|fault| **fault != Fault::Stuck || *operation != Operation::Advance),
            );
            for fault in faults {
                if self.pick(self.extent.stride) {
                    self.first(start, (at, fault));
                }
            }
        }
        if !trace.is_empty() {
            for _ in 0..self.extent.triples {
                self.triple(start, &trace);
            }
        }
    }

    /// A fault while the terminal does it, and then one in each operation of the recovery.
    fn first(&mut self, start: &Moment, fault: (usize, Fault)) {
        self.restore(start, Some(fault));
        let lost = self.act(fault.1);
        if !fault.1.is_cut() {
            self.judge(&[fault], lost);
            return;
        }
        let after = self.moment();
        self.restore(&after, None);
        self.judge(&[fault], lost);
        if matches!(fault.1, Fault::Marginal(_)) && self.world.chip().geometry.word_len > 4 {
            // Too few to be worth it.
            return;
        }
        self.restore(&after, None);
        self.recover();
        let trace = self.world.chip().trace.clone();
        for (at, operation) in trace.into_iter().enumerate() {
            for nested in torn(operation, false, 2) {
                // Two whole cuts in each place; of the torn ones as many as there is time for.
                let whole = |fault| matches!(fault, Fault::CutBefore | Fault::CutAfter);
                let all = self.extent.all_pairs && whole(fault.1) && whole(nested);
                if all || self.pick(self.extent.nested_stride) {
                    self.restore(&after, Some((at, nested)));
                    let more = self.recover();
                    self.world.chip().power(None);
                    self.judge(&[fault, (at, nested)], lost + more);
                }
            }
        }
    }

    /// Three faults at random.
    fn triple(&mut self, start: &Moment, trace: &[Operation]) {
        let mut faults = Vec::new();
        let at = self.random(trace.len());
        let first = torn(trace[at], false, 4);
        let fault = (at, first[self.random(first.len())]);
        faults.push(fault);
        self.restore(start, Some(fault));
        let mut lost = self.act(fault.1);
        for _ in 0..2 {
            let moment = self.moment();
            self.restore(&moment, None);
            self.recover();
            let trace = self.world.chip().trace.clone();
            if trace.is_empty() {
                break;
            }
            let at = self.random(trace.len());
            let variants = torn(trace[at], false, 4);
            let fault = (at, variants[self.random(variants.len())]);
            faults.push(fault);
            self.restore(&moment, Some(fault));
            lost += self.recover();
        }
        self.world.chip().power(None);
        self.judge(&faults, lost);
    }

    fn random(&mut self, below: usize) -> usize {
        self.pick(1);
        (self.picks >> 33) as usize % below
    }

    /// The scenario under a fault; how many transactions it may have cost.
    fn act(&mut self, fault: Fault) -> u32 {
        self.report.mounts += 1;
        let scenario = self.scenario;
        self.world.boot(|t| {
            if t.state() == State::Tampered {
                // The driver failed in the mount.
                return 1;
            }
            match scenario.act(t) {
                Ok(()) => 0,
                Err(Error::Storage) => {
                    let mut lost = 1;
                    if !fault.is_cut() {
                        // The power is still there: it goes on, or says again that it cannot.
                        if let Some(group) = t.group() {
                            lost += (0..3)
                                .map(|_| u32::from(t.step(group) == Err(Error::Storage)))
                                .sum::<u32>();
                        }
                    }
                    lost
                }
                // A load whose key the storage has, and so on.
                Err(Error::CounterReplayed | Error::InvalidHandle) => 1,
                Err(error) => panic!("{scenario:?} {fault:?}: {error:?}"),
            }
        })
    }

    /// A start, and what comes next.
    fn recover(&mut self) -> u32 {
        self.report.mounts += 1;
        self.world.boot(|t| {
            if t.state() == State::Tampered {
                return 0;
            }
            match t.group() {
                Some(group) => u32::from(t.step(group) == Err(Error::Storage)),
                None => 0,
            }
        })
    }

    /// The invariants, over two starts and three transactions each.
    fn judge(&mut self, faults: &[(usize, Fault)], mut lost: u32) {
        self.report.states += 1;
        let class = match faults {
            [one] => one.1.class(),
            _ => "F-h",
        };
        *self.report.classes.entry(class).or_default() += 1;
        let search = self.pick(self.extent.search_stride);
        let scenario = self.scenario;
        let count = faults.len();
        let mut found: Vec<String> = Vec::new();
        for start in 0..2 {
            self.world.chip().power(None);
            let before = self.world.seen().last.clone();
            self.report.mounts += 1;
            let stuck = self.world.chip().is_stuck();
            self.world
                .boot(|t| judge_start(scenario, t, &before, (count, stuck), &mut lost, &mut found));
            let twice = self.world.seen().twice.len();
            if twice > 0 {
                found.push(format!("I1: {twice} KSNs given out twice"));
            }
            if search && start == 0 {
                self.report.searched += 1;
                found.extend(past::search(&mut self.world, scenario));
            }
            if !found.is_empty() {
                break;
            }
        }
        for what in found {
            let geometry = self.world.chip().geometry;
            self.report.violations.push(format!(
                "{scenario:?} word {} rewritable {} anchored {} {faults:?}: {what}",
                geometry.word_len, geometry.rewritable, self.extent.anchored
            ));
        }
    }
}

/// The transaction after `counter`.
fn successor(ksn_len: usize, counter: u32) -> Option<u32> {
    let (most, last) = if ksn_len == 10 {
        (10, 0x1F_F800)
    } else {
        (16, 0xFFFF_0000)
    };
    (counter < last).then(|| (counter + 1..).find(|next| next.count_ones() <= most).unwrap())
}

fn judge_start(
    scenario: Scenario,
    t: &mut Terminal<'_>,
    before: &BTreeMap<Vec<u8>, u32>,
    (faults, stuck): (usize, bool),
    lost: &mut u32,
    found: &mut Vec<String>,
) {
    if t.state() == State::Tampered {
        if scenario != Scenario::Tamper {
            found.push("I5: tampered after faults that are none".into());
        }
        return;
    }
    scenario.judge(t, faults as u32, stuck, found);
    let groups = t.groups();
    let mut failed = 0;
    let mut here = BTreeSet::new();
    for (group, info) in &groups {
        let (id, ksn_len) = match info.next {
            Some(ksn) => (identity(ksn.as_bytes()), ksn.as_bytes().len()),
            // Exhausted, and only the scenario's.
            None => match before.keys().next() {
                Some(id) => (id.clone(), 10),
                None => {
                    found.push("I2: exhausted before the first transaction".into());
                    return;
                }
            },
        };
        here.insert(number(&id));
        let last = before.get(&id).copied().unwrap_or(0);
        // The counters that are right: the next one, or as many later as may be lost.
        let mut right = Vec::new();
        let mut counter = Some(last);
        for _ in 0..=*lost {
            counter = counter.and_then(|counter| successor(ksn_len, counter));
            right.push(counter);
        }
        let next = info.next.map(|ksn| ksn.counter());
        if !right.contains(&next) {
            found.push(format!("I2: next counter {next:X?} after {last:X}, lost {lost}"));
        }
        for _ in 0..3 {
            match t.step(*group) {
                Ok(_) | Err(Error::CounterExhausted) => {}
                // A bad page is told, and nothing is lost but what was tried.
                Err(Error::Storage) if stuck => failed += 1,
                Err(error) => found.push(format!("a step fails with {error:?}")),
            }
        }
    }
    // What comes next is judged exactly; at the end of a life what was lost stays lost.
    if groups.iter().all(|(_, info)| info.next.is_some()) {
        *lost = failed;
    }
    if !scenario.states().contains(&here) {
        found.push(format!("I4: groups of {here:?}"));
    }
    if here.is_empty() {
        let (algorithm, len) = scenario.algorithm();
        let used = before.values().any(|last| *last > 0);
        match t.load(algorithm, FIRST, len) {
            Ok(group) if !used => {
                for _ in 0..3 {
                    if let Err(error) = t.step(group) {
                        found.push(format!("a first step fails with {error:?}"));
                    }
                }
            }
            Err(Error::CounterReplayed) if used => {}
            Err(Error::Storage) if stuck => {}
            other => found.push(format!("I5: a load of a key {used}: {other:?}")),
        }
    }
}
