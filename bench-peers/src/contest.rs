// SPDX-License-Identifier: MIT OR Apache-2.0
//! Interleaved measurement: in each round every contestant runs for about the same short time, so that whatever else the
//! machine does falls on all of them; what is reported is the ratio within a round.

use std::time::{Duration, Instant};

/// One way to do an operation; runs it that many times.
pub type Runner<'a> = Box<dyn FnMut(u32) + 'a>;

/// Runs `operation` again and again.
pub fn runner<'a, T>(mut operation: impl FnMut() -> T + 'a) -> Runner<'a> {
    Box::new(move |times| {
        for _ in 0..times {
            std::hint::black_box(operation());
        }
    })
}

/// How long one contestant runs in one round.
const SLICE: Duration = Duration::from_micros(120);

pub struct Settings {
    pub rounds: usize,
    pub filter: Option<String>,
    pub callgrind: bool,
    /// What payhsm's DES runs on, where it matters.
    pub engine: String,
}

/// Median, the least, and between what nineteen rounds of twenty lie.
pub struct Spread {
    pub median: f64,
    pub least: f64,
    pub low: f64,
    pub high: f64,
}

impl Spread {
    fn of(mut values: Vec<f64>) -> Self {
        values.sort_by(f64::total_cmp);
        let at = |q: f64| values[(q * (values.len() - 1) as f64).round() as usize];
        Self {
            median: at(0.5),
            least: at(0.0),
            low: at(0.025),
            high: at(0.975),
        }
    }
}

/// How often `run` fits into a slice.
fn times(run: &mut Runner<'_>) -> u32 {
    let mut times = 1;
    loop {
        let start = Instant::now();
        run(times);
        let took = start.elapsed();
        if took >= SLICE / 4 || times > 1 << 20 {
            let fits = SLICE.as_secs_f64() / took.as_secs_f64().max(1e-9) * f64::from(times);
            return (fits as u32).max(1);
        }
        times *= 2;
    }
}

/// Nanoseconds a run for each contestant in each round.
pub fn rounds(contestants: &mut [(&str, Runner<'_>)], rounds: usize) -> Vec<Vec<f64>> {
    let n: Vec<u32> = contestants.iter_mut().map(|(_, run)| times(run)).collect();
    let mut took = vec![Vec::with_capacity(rounds); contestants.len()];
    for round in 0..rounds {
        for i in 0..contestants.len() {
            let i = (i + round) % contestants.len();
            let start = Instant::now();
            contestants[i].1(n[i]);
            took[i].push(start.elapsed().as_secs_f64() * 1e9 / f64::from(n[i]));
        }
    }
    took
}

/// One operation: the first contestant is payhsm. A line for each: nanoseconds, ratio payhsm / contestant.
pub fn contest(settings: &Settings, operation: &str, contestants: Vec<(&str, Runner<'_>)>) {
    contest_of(settings, operation, 1, contestants);
}

/// As [`contest`]; a run of payhsm's is so many jobs, one of the others' is one job. What is told is of one job.
///
/// So all have slices of about the same length: a busy machine would disturb long ones more.
pub fn contest_of(settings: &Settings, operation: &str, jobs: u32, mut contestants: Vec<(&str, Runner<'_>)>) {
    let operation = &match settings.engine.as_str() {
        "" => operation.to_owned(),
        engine => format!("{operation} ({engine})"),
    };
    if settings
        .filter
        .as_ref()
        .is_some_and(|filter| !operation.contains(filter))
    {
        return;
    }
    if settings.callgrind {
        for (place, (name, run)) in contestants.iter_mut().enumerate() {
            let jobs = if place == 0 { jobs } else { 1 };
            crate::callgrind::count(&format!("{operation}\t{name}\t{jobs}"), run);
        }
        return;
    }
    let mut took = rounds(&mut contestants, settings.rounds);
    if let Some(own) = took.first_mut() {
        own.iter_mut().for_each(|ns| *ns /= f64::from(jobs));
    }
    for ((name, _), peer) in contestants.iter().zip(&took) {
        let ns = Spread::of(peer.clone());
        let ratio = Spread::of(took[0].iter().zip(peer).map(|(own, peer)| own / peer).collect());
        println!(
            "{operation}\t{name}\t{:.1}\t{:.1}\t{:.5}\t{:.5}\t{:.5}",
            ns.median, ns.least, ratio.median, ratio.low, ratio.high
        );
    }
}

/// The head of the lines of [`contest`].
pub const HEAD: &str = "operation\tby\tns\tns least\tratio\tratio low\tratio high";

/// Nanoseconds of one operation: the median, and the least, which a busy machine disturbs less.
pub fn nanoseconds(rounds_: usize, run: Runner<'_>) -> (f64, f64) {
    let took = rounds(&mut [("", run)], rounds_);
    let spread = Spread::of(took[0].clone());
    (spread.median, spread.least)
}
