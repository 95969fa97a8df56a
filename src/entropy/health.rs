// SPDX-License-Identifier: MIT OR Apache-2.0
//! The health tests of SP 800-90B: repetition count and adaptive proportion.

use crate::error::Error;
use crate::weaken::guard;

/// How much entropy a byte of a raw source has at least, by the assessment of the source.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RawQuality(u8);

impl RawQuality {
    /// `bits`: the min-entropy of one byte in whole bits, 1 to 8, rounded down.
    ///
    /// # Errors
    /// [`Error::InvalidArgument`] for another number.
    pub const fn bits_per_byte(bits: u8) -> Result<Self, Error> {
        if matches!(bits, 1..=8) {
            Ok(Self(bits))
        } else {
            Err(Error::InvalidArgument)
        }
    }

    /// Equal samples in a row that are a failure: 1 + ⌈30/H⌉ (SP 800-90B 4.4.1, α = 2^-30).
    pub(super) const fn repetitions(self) -> u16 {
        match self.0 {
            1 => 31,
            2 => 16,
            3 => 11,
            4 => 9,
            5 => 7,
            8 => 5,
            _ => 6,
        }
    }

    /// Samples out of 512 equal to the first that are a failure: one more than the smallest number that a binomial
    /// distribution of 512 trials of probability 2^-H stays at or below with probability 1 - 2^-30 (SP 800-90B 4.4.2).
    pub(super) const fn proportion(self) -> u16 {
        match self.0 {
            1 => 325,
            2 => 190,
            3 => 114,
            4 => 71,
            5 => 46,
            6 => 31,
            7 => 22,
            _ => 16,
        }
    }

    /// Samples of a seed: twice the strength of the generator in bits of entropy.
    pub(super) const fn seed_samples(self) -> u32 {
        match self.0 {
            1 => 512,
            2 => 256,
            3 => 171,
            4 => 128,
            5 => 103,
            6 => 86,
            7 => 74,
            _ => 64,
        }
    }
}

/// Equal bytes in a row that are a failure of a source that calls itself ready: 1 + ⌈64/8⌉, once in 2^64 bytes by chance.
pub(super) const READY_REPETITIONS: u16 = 9;

/// Samples that are looked at before the first use (SP 800-90B 4.3).
pub(super) const START_UP_SAMPLES: u32 = 1024;

/// The window of the adaptive proportion test for samples of more than one bit.
const WINDOW: u16 = 512;

/// Both tests over the samples as they come.
#[derive(Debug)]
pub(super) struct Health {
    repetitions: u16,
    proportion: Option<u16>,
    last: Option<u8>,
    in_a_row: u16,
    first: u8,
    seen: u16,
    equal: u16,
}

impl Health {
    pub(super) const fn new(repetitions: u16, proportion: Option<u16>) -> Self {
        Self {
            repetitions,
            proportion,
            last: None,
            in_a_row: 0,
            first: 0,
            seen: 0,
            equal: 0,
        }
    }

    /// Looks at samples.
    ///
    /// # Errors
    /// [`Error::Entropy`] for a failed test.
    ///
    /// # Timing
    /// The number of samples. Everything else is arithmetic: the bytes of a ready source become keys.
    pub(super) fn take(&mut self, samples: &[u8]) -> Result<(), Error> {
        let mut bad = 0_u16;
        for sample in samples {
            let same = u16::from(crate::ct::mask_eq(*sample, self.last.unwrap_or(0)) & u8::from(self.last.is_some()));
            self.in_a_row = self.in_a_row.wrapping_mul(same).wrapping_add(1);
            self.last = Some(*sample);
            bad |= at_least(self.in_a_row, self.repetitions);
            if let Some(proportion) = self.proportion {
                if self.seen == 0 {
                    self.first = *sample;
                    self.equal = 0;
                }
                self.equal = self
                    .equal
                    .wrapping_add(u16::from(crate::ct::mask_eq(*sample, self.first) & 1));
                bad |= at_least(self.equal, proportion);
                self.seen = self.seen.wrapping_add(1);
                if self.seen == WINDOW {
                    self.seen = 0;
                }
            }
        }
        let mut verdict = bad.to_be_bytes();
        // That a source has failed is told.
        crate::ct::public(&mut verdict);
        if guard!("G01" | "K03", verdict != [0, 0]) {
            return Err(Error::Entropy);
        }
        Ok(())
    }
}

/// 1 if `count >= cutoff`, else 0; both far below 2^15.
const fn at_least(count: u16, cutoff: u16) -> u16 {
    (count.wrapping_sub(cutoff) >> 15) ^ 1
}

#[cfg(test)]
mod tests {
    extern crate std;

    use std::vec;

    use super::*;

    /// ln C(n, k)
    fn ln_choose(n: u32, k: u32) -> f64 {
        (1..=k).map(|i| f64::from(n - k + i).ln() - f64::from(i).ln()).sum()
    }

    /// The cut-offs are those of the formulas with α = 2^-30.
    #[test]
    fn cut_offs_follow_the_formulas() {
        let alpha = 2_f64.powi(-30);
        for bits in 1..=8 {
            let quality = RawQuality::bits_per_byte(bits).unwrap();
            let repetitions = 1.0 + (30.0 / f64::from(bits)).ceil();
            assert!((f64::from(quality.repetitions()) - repetitions).abs() < 0.5, "{bits}");
            let p = 2_f64.powi(-i32::from(bits));
            // P(X >= k), summed from the small end.
            let tail = |k: u32| -> f64 {
                let mut terms: vec::Vec<f64> = (k..=512)
                    .map(|i| (ln_choose(512, i) + f64::from(i) * p.ln() + f64::from(512 - i) * (1.0 - p).ln()).exp())
                    .collect();
                terms.reverse();
                terms.iter().sum()
            };
            let cutoff = u32::from(quality.proportion());
            assert!(tail(cutoff) <= alpha && tail(cutoff - 1) > alpha, "{bits}");
            let needed = 512_u32.div_ceil(u32::from(bits));
            assert_eq!(quality.seed_samples(), needed);
        }
        assert!(RawQuality::bits_per_byte(0).is_err() && RawQuality::bits_per_byte(9).is_err());
    }

    /// One sample fewer than the cut-off passes, the cut-off fails, wherever the samples are divided.
    #[test]
    fn both_tests_fail_at_their_cut_off() {
        for bits in 1..=8 {
            let quality = RawQuality::bits_per_byte(bits).unwrap();
            let health = || Health::new(quality.repetitions(), Some(quality.proportion()));
            let in_a_row = usize::from(quality.repetitions());
            for split in 0..in_a_row {
                let mut one = health();
                one.take(&[1]).unwrap();
                one.take(&vec![9; split]).unwrap();
                let rest = in_a_row - split;
                assert_eq!(one.take(&vec![9; rest - 1]), Ok(()));
                assert_eq!(one.take(&[9]), Err(Error::Entropy));
            }
            // In a window: value 7 in every place but where a run would be too long.
            let mut one = health();
            let (mut sevens, mut result) = (0, Ok(()));
            for n in 0..512_u16 {
                let sample = if n % (quality.repetitions() - 1) == 1 { 8 } else { 7 };
                result = one.take(&[sample]);
                sevens += u16::from(sample == 7);
                if result.is_err() {
                    break;
                }
            }
            assert_eq!((result, sevens), (Err(Error::Entropy), quality.proportion()));
        }
        // A new window counts anew.
        let mut one = Health::new(600, Some(300));
        let samples = |n: usize| -> vec::Vec<u8> { (0..n).map(|i| u8::from(i % 2 == 0)).collect() };
        one.take(&samples(512 * 3)).unwrap();
    }
}
