// SPDX-License-Identifier: MIT OR Apache-2.0
//! Self-tests: known answers of every algorithm, one at a time or all together, and what has been tested since the start.
//!
//! ```text
//! self_test(set)    all of a set                 ┐
//! self_test_step()  the next one of a round      ├──> known answer ──> tested, or State::Error for good
//! a command         those that it needs and that │
//!                   were not run yet             ┘
//! ```
//!
//! All values are published ones, named at each test. A test that verifies also sees that something wrong is refused.

mod known;

use core::fmt;
use core::hint::black_box;

use crate::error::Error;
use crate::hsm::life::Command;
use crate::hsm::{Hsm, Platform, State};
use crate::weaken::guard;

macro_rules! tests {
    ($($(#[$doc:meta])* $name:ident = $bit:literal;)*) => {
        /// One self-test: bounded work, so that a terminal runs one between two taps.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[non_exhaustive]
        #[repr(u8)]
        pub enum SelfTest {
            $($(#[$doc])* $name = $bit,)*
        }

        impl SelfTest {
            /// Every test of this build, in the order in which a round runs them.
            #[expect(unused_doc_comments, reason = "a test that a build does not have goes by its `cfg`, which comes with its words")]
            pub const ALL: &'static [Self] = &[$($(#[$doc])* Self::$name,)*];
        }
    };
}

tests! {
    /// What the platform says of the code's integrity ([`Platform::code_is_sound`]). Counts only if the platform judges.
    Integrity = 0;
    /// TDEA with two and three keys, both directions.
    Tdea = 1;
    /// AES-128, AES-192 and AES-256, both directions.
    Aes = 2;
    /// CMAC over TDEA and over AES.
    Cmac = 3;
    /// ISO/IEC 9797-1 algorithm 3.
    RetailMac = 4;
    /// SHA-256, SHA-384 and SHA-512, which come with HMAC; SHA-256 alone.
    Sha2 = 5;
    /// HMAC with SHA-256.
    Hmac = 6;
    /// The derivation of a TDEA DUKPT key.
    #[cfg(any(feature = "host", feature = "terminal"))]
    DukptTdea = 7;
    /// The derivation of an AES DUKPT key.
    #[cfg(any(feature = "host", feature = "terminal"))]
    DukptAes = 8;
    /// A key block of version B, and one with a changed character.
    KeyBlockB = 9;
    /// A key block of version D, and one with a changed character.
    KeyBlockD = 10;
    /// PIN blocks of format 0, both directions, and one for another PAN.
    PinFormat0 = 11;
    /// PIN blocks of format 4, both directions, and one for another PAN.
    PinFormat4 = 12;
    /// The generator of random bytes.
    Generator = 13;
    /// HKDF with SHA-256.
    #[cfg(feature = "ec")]
    Hkdf = 14;
    /// Key agreement over P-256.
    #[cfg(feature = "ec")]
    Ecdh = 15;
    /// An ECDSA signature over P-256.
    #[cfg(feature = "ec")]
    EcdsaSign = 16;
    /// The verification of one, and of a wrong one.
    #[cfg(feature = "ec")]
    EcdsaVerify = 17;
}

/// A set of self-tests.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub struct SelfTests(u32);

impl SelfTests {
    /// None.
    pub const NONE: Self = Self(0);
    /// All of this build.
    pub const ALL: Self = {
        let mut bits = 0;
        let mut rest = SelfTest::ALL;
        while let [test, tail @ ..] = rest {
            bits |= Self::bit(*test);
            rest = tail;
        }
        Self(bits)
    };
    /// The block ciphers, and CMAC: check values, sealed records.
    pub(in crate::hsm) const KEYS: Self = Self(0b1110);
    /// MACs of every kind.
    pub(in crate::hsm) const MACS: Self = Self(Self::KEYS.0 | 0b111 << 4);
    /// Data under block ciphers.
    pub(in crate::hsm) const DATA: Self = Self(0b110);
    /// DUKPT transactions.
    pub(in crate::hsm) const DUKPT: Self = Self(Self::KEYS.0 | 0b11 << 7);
    /// Key blocks.
    pub(in crate::hsm) const BLOCKS: Self = Self(Self::KEYS.0 | 0b11 << 9 | Self::RANDOM.0);
    /// DUKPT keys in key blocks.
    pub(in crate::hsm) const DUKPT_BLOCKS: Self = Self(Self::DUKPT.0 | Self::BLOCKS.0);
    /// PIN blocks.
    pub(in crate::hsm) const PINS: Self = Self(Self::DUKPT.0 | 0b11 << 11 | Self::RANDOM.0);
    /// Random bytes.
    pub(in crate::hsm) const RANDOM: Self = Self(1 << 13);
    /// Keys that are made here.
    pub(in crate::hsm) const GENERATE: Self = Self(Self::KEYS.0 | Self::RANDOM.0);
    /// Elliptic curves.
    pub(in crate::hsm) const EC: Self = Self(0b111 << 15);
    /// Key agreements.
    #[cfg_attr(not(feature = "ec"), expect(dead_code, reason = "there are none"))]
    pub(in crate::hsm) const AGREEMENT: Self = Self(Self::EC.0 | 1 << 14 | 0b11 << 5 | Self::KEYS.0 | Self::RANDOM.0);
    /// Cards: cryptograms, scripts, verification values.
    #[cfg_attr(not(feature = "host"), expect(dead_code, reason = "a terminal has none"))]
    pub(in crate::hsm) const CARD: Self = Self(Self::KEYS.0 | 1 << 4);
    /// Log-ins.
    pub(in crate::hsm) const LOGIN: Self = Self(Self::KEYS.0 | 0b11 << 5);

    const fn bit(test: SelfTest) -> u32 {
        1_u32.wrapping_shl(test as u32)
    }

    /// From the bits of the C ABI: bit *n* stands for the test of that number.
    ///
    /// # Errors
    /// [`Error::Unsupported`] for a test that this build does not have.
    pub const fn from_bits(bits: u32) -> Result<Self, Error> {
        if bits & !Self::ALL.0 == 0 {
            Ok(Self(bits))
        } else {
            Err(Error::Unsupported)
        }
    }

    /// The bits of the C ABI.
    #[must_use]
    pub const fn to_bits(self) -> u32 {
        self.0
    }

    /// The set with one more.
    #[must_use]
    pub const fn with(self, test: SelfTest) -> Self {
        Self(self.0 | Self::bit(test))
    }

    /// Whether the test is in it.
    #[must_use]
    pub const fn contains(self, test: SelfTest) -> bool {
        self.0 & Self::bit(test) != 0
    }

    /// What is in it and not in `other`, of this build.
    const fn without(self, other: Self) -> Self {
        Self(self.0 & Self::ALL.0 & !other.0)
    }
}

impl fmt::Debug for SelfTests {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set()
            .entries(SelfTest::ALL.iter().filter(|test| self.contains(**test)))
            .finish()
    }
}

/// When algorithms are tested without being asked to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SelfTestMode {
    /// The first command after a start that needs an algorithm runs its test.
    #[default]
    FirstUse,
    /// A command that needs an algorithm which was not tested since the start is refused, [`Error::SelfTestFailed`]: run the
    /// tests at the start.
    Refuse,
    /// Never. For installations whose platform tests the library, and for laboratories.
    Off,
}

/// What self-tests found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SelfTestReport {
    /// Tests that passed since the start.
    pub passed: SelfTests,
    /// The test that failed, for ever.
    pub failed: SelfTests,
    /// Tests that passed in the round that is on.
    pub round: SelfTests,
    /// Rounds that were completed since the start.
    pub rounds: u32,
    /// Milliseconds since the last completed round or the start, on the platform's clock.
    pub age: Option<u64>,
    /// The version of the library: major, minor and patch in a byte each.
    pub version: u32,
}

/// Far from 0.
const OFF: u32 = 0x96A5_5A3C;

/// What has been tested.
#[derive(Debug)]
pub(super) struct Tested {
    mode: SelfTestMode,
    /// [`OFF`] if the mode is: a changed bit of the mode leaves out no test.
    off: u32,
    passed: SelfTests,
    /// The complement: a test has passed if both say so.
    unpassed: SelfTests,
    failed: SelfTests,
    round: SelfTests,
    rounds: u32,
    /// When the last round was completed, or the start.
    since: Option<u64>,
    /// Milliseconds after which tests are overdue; 0: never.
    period: u64,
    overdue: bool,
    #[cfg(feature = "hazmat")]
    broken: Option<SelfTest>,
}

impl Tested {
    pub(super) const fn new(mode: SelfTestMode, hours: u16, now: Option<u64>) -> Self {
        Self {
            mode,
            off: if matches!(mode, SelfTestMode::Off) { OFF } else { 0 },
            passed: SelfTests::NONE,
            unpassed: SelfTests(u32::MAX),
            failed: SelfTests::NONE,
            round: SelfTests::NONE,
            rounds: 0,
            since: now,
            period: (hours as u64).wrapping_mul(3_600_000),
            overdue: false,
            #[cfg(feature = "hazmat")]
            broken: None,
        }
    }

    /// Sees whether a round is overdue. A clock that runs backward or has gone makes it so.
    pub(super) fn watch(&mut self, now: impl FnOnce() -> Option<u64>) {
        if self.period == 0 {
            return;
        }
        let age = match (now(), self.since) {
            (Some(now), Some(since)) => now.checked_sub(since),
            _ => None,
        };
        self.overdue |= age.is_none_or(|age| age > self.period);
    }

    fn pass(&mut self, test: SelfTest) {
        self.passed = self.passed.with(test);
        self.unpassed.0 &= !black_box(SelfTests::bit(test));
    }

    fn fail(&mut self, test: SelfTest) {
        self.passed.0 &= !SelfTests::bit(test);
        self.unpassed = self.unpassed.with(black_box(test));
    }

    /// What of a set has not passed.
    const fn missing(&self, needed: SelfTests) -> SelfTests {
        SelfTests(needed.without(self.passed).0 | needed.0 & SelfTests::ALL.0 & self.unpassed.0)
    }

    /// Judges whether a command may run that cannot test by itself.
    pub(super) fn allow(&self, command: Command) -> Result<(), Error> {
        let needed = command.tests();
        let late = self.overdue && needed.0 != 0;
        let off = self.mode == SelfTestMode::Off && self.off == OFF;
        let untested = !off && self.missing(needed).0 != 0;
        if guard!("K02.overdue", late) || guard!("K02" | "K02.first", untested) {
            return Err(Error::SelfTestFailed);
        }
        Ok(())
    }
}

impl<P: Platform> Hsm<'_, P> {
    /// Runs every test of a set, in the order of [`SelfTest::ALL`]; a report comes in any case.
    ///
    /// In every state: after a failure the tests say so again, and [`State::Error`] stays until a new start.
    ///
    /// # Errors
    /// [`Error::SelfTestFailed`] if a test failed, now or before.
    pub fn self_test(&mut self, tests: SelfTests, report: &mut SelfTestReport) -> Result<(), Error> {
        let mut result = Ok(());
        for test in SelfTest::ALL.iter().filter(|test| tests.contains(**test)) {
            result = result.and(self.run_test(*test));
        }
        *report = self.self_test_report();
        let verdict = result.and_then(|()| self.denial.verified(|| self.test_verdict()));
        self.tests_ended(verdict)
    }

    /// Runs the next test of a round and gives it; after the last one a new round begins. Each step is bounded work: a
    /// terminal makes a round between taps, at least every 24 hours.
    ///
    /// # Errors
    /// As [`self_test`](Self::self_test).
    pub fn self_test_step(&mut self) -> Result<SelfTest, Error> {
        let next = SelfTest::ALL
            .iter()
            .find(|test| !self.tested.round.contains(**test))
            .copied()
            .ok_or(Error::Internal)?;
        let tested = self
            .run_test(next)
            .and_then(|()| self.denial.verified(|| self.test_verdict()));
        self.tests_ended(tested)?;
        Ok(next)
    }

    /// The end of a command that tests.
    fn tests_ended(&self, verdict: Result<(), Error>) -> Result<(), Error> {
        let verdict = self.ruled(verdict);
        self.denial.enter_if(black_box(verdict).is_ok());
        verdict
    }

    /// What the tests found so far.
    #[must_use]
    pub fn self_test_report(&mut self) -> SelfTestReport {
        let tested = &self.tested;
        let since = tested.since;
        let mut report = SelfTestReport {
            passed: tested.passed,
            failed: tested.failed,
            round: tested.round,
            rounds: tested.rounds,
            age: None,
            version: version(),
        };
        if let (Some(now), Some(since)) = (self.platform.tick(), since) {
            report.age = now.checked_sub(since);
        }
        report
    }

    /// Makes a test give a wrong answer from now on: for tests of the tests.
    #[cfg(feature = "hazmat")]
    pub fn break_known_answer(&mut self, test: SelfTest) {
        self.tested.broken = Some(test);
    }

    fn test_verdict(&self) -> Result<(), Error> {
        if self.tested.failed == SelfTests::NONE && self.life.state() != State::Error {
            Ok(())
        } else {
            Err(Error::SelfTestFailed)
        }
    }

    fn run_test(&mut self, test: SelfTest) -> Result<(), Error> {
        #[cfg(feature = "hazmat")]
        let broken = self.tested.broken == Some(test);
        #[cfg(not(feature = "hazmat"))]
        let broken = false;
        let result = match test {
            // No verdict is no failure and no success.
            SelfTest::Integrity => match self.platform.code_is_sound() {
                None => {
                    self.done(test);
                    return Ok(());
                }
                Some(sound) if sound && !broken => Ok(()),
                Some(_) => self.ruled(Err(Error::SelfTestFailed)),
            },
            test => self.denial.verified(|| known::run(black_box(test), broken)),
        };
        if guard!("K01", result.is_err()) {
            return Err(self.test_failed(test));
        }
        // Again: what comes next makes the algorithm usable.
        if guard!("K01", black_box(result).is_err()) {
            return Err(self.test_failed(test));
        }
        self.tested.pass(test);
        self.done(test);
        Ok(())
    }

    #[inline(never)]
    fn test_failed(&mut self, test: SelfTest) -> Error {
        self.tested.failed = self.tested.failed.with(test);
        self.tested.fail(test);
        self.life.fail(Error::SelfTestFailed);
        Error::SelfTestFailed
    }

    /// Counts a test for the round.
    fn done(&mut self, test: SelfTest) {
        self.tested.round = self.tested.round.with(test);
        if self.tested.round == SelfTests::ALL {
            let now = self.platform.tick();
            let tested = &mut self.tested;
            tested.round = SelfTests::NONE;
            tested.rounds = tested.rounds.saturating_add(1);
            tested.since = now;
            tested.overdue = false;
        }
    }

    /// What must be tested before a command may run.
    pub(super) fn ready_to(&mut self, command: Command) -> Result<(), Error> {
        let mode = self.tested.mode;
        self.tested.watch(|| self.platform.tick());
        if guard!("K02.first", mode == SelfTestMode::FirstUse) {
            self.test_now(command.tests())?;
        }
        self.tested.allow(command)
    }

    /// Runs those of a set that were not run yet.
    pub(super) fn test_now(&mut self, needed: SelfTests) -> Result<(), Error> {
        let missing = self.tested.missing(needed);
        if missing.0 == 0 {
            return Ok(());
        }
        SelfTest::ALL
            .iter()
            .filter(|test| missing.contains(**test))
            .try_for_each(|test| self.run_test(*test))
    }
}

/// The package's version, a byte for each part.
fn version() -> u32 {
    let part = |text: &str| {
        text.bytes()
            .fold(0_u32, |n, digit| n.wrapping_mul(10).wrapping_add(u32::from(digit & 15)))
    };
    (part(env!("CARGO_PKG_VERSION_MAJOR")) << 16)
        | (part(env!("CARGO_PKG_VERSION_MINOR")) << 8)
        | part(env!("CARGO_PKG_VERSION_PATCH"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_known_answer_is_right_and_can_fail() {
        for test in SelfTest::ALL {
            if *test == SelfTest::Integrity {
                continue;
            }
            assert_eq!(known::run(*test, false), Ok(()), "{test:?}");
            assert_eq!(known::run(*test, true), Err(Error::SelfTestFailed), "{test:?}");
        }
    }

    /// The sets that commands name are of tests that exist.
    #[test]
    fn sets_name_tests() {
        #[cfg(all(feature = "ec", feature = "host"))]
        for set in [
            SelfTests::KEYS,
            SelfTests::MACS,
            SelfTests::DATA,
            SelfTests::DUKPT,
            SelfTests::BLOCKS,
            SelfTests::PINS,
            SelfTests::RANDOM,
            SelfTests::AGREEMENT,
            SelfTests::CARD,
            SelfTests::LOGIN,
            SelfTests::DUKPT_BLOCKS,
            SelfTests::GENERATE,
        ] {
            assert_eq!(set.without(SelfTests::NONE), set, "{set:?}");
        }
        assert!(SelfTests::from_bits(1 << 31).is_err());
        assert_eq!(SelfTests::from_bits(SelfTests::ALL.to_bits()), Ok(SelfTests::ALL));
    }
}
