// SPDX-License-Identifier: MIT OR Apache-2.0
//! Limits over time: a token bucket on the platform's clock, a count since the start without one.

#[cfg(any(feature = "host", feature = "terminal"))]
mod persistent;

#[cfg(any(feature = "host", feature = "terminal"))]
use crate::error::Error;

#[cfg(any(feature = "host", feature = "terminal"))]
pub(super) use self::persistent::Rate;

/// How often something may happen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RateLimit {
    /// How many may follow each other without a pause. A start brings one, however many there were before: whoever
    /// starts the device again and again gains nothing.
    pub burst: u32,
    /// Milliseconds until there may be one more. 0: time gives nothing, `per_start` is the limit.
    pub interval: u32,
    /// How many there may be between two starts if the platform has no clock. With
    /// [`persistent_limits`](super::Config::persistent_limits) starts do not count: how many until
    /// [`limits_reset`](super::Hsm::limits_reset).
    pub per_start: u32,
}

impl RateLimit {
    /// PINs at a terminal: one in 30 seconds on average, ten at once; 120 from start to start without a clock.
    pub const PIN_ENTRY: Self = Self {
        burst: 10,
        interval: 30_000,
        per_start: 120,
    };

    /// No limit.
    pub const NONE: Self = Self {
        burst: u32::MAX,
        interval: 0,
        per_start: u32::MAX,
    };
}

/// The limits on PINs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PinLimits {
    /// PINs that are enciphered at this terminal, whatever the key.
    pub entry: RateLimit,
    /// Translations, verifications, changes and references of all cards together at a host. How often a single card may
    /// try, the platform decides ([`Question`](super::Question)).
    pub host: RateLimit,
}

impl Default for PinLimits {
    /// [`RateLimit::PIN_ENTRY`] for the terminal; none for the host, where the platform is asked each time.
    fn default() -> Self {
        Self {
            entry: RateLimit::PIN_ENTRY,
            host: RateLimit::NONE,
        }
    }
}

/// What is left of a limit.
#[cfg(any(feature = "host", feature = "terminal"))]
#[derive(Debug)]
pub(super) struct Bucket {
    limit: RateLimit,
    tokens: u32,
    /// Up to when the time has been turned into tokens.
    last: Option<u64>,
    taken: u32,
    /// How many the storage says were taken: ahead of `taken` if limits are persistent.
    reserved: Option<u32>,
}

/// How far a stored count is ahead of what was taken.
#[cfg(any(feature = "host", feature = "terminal"))]
const AHEAD: u32 = 4;

#[cfg(any(feature = "host", feature = "terminal"))]
impl Bucket {
    pub(super) const fn new(limit: RateLimit, now: Option<u64>) -> Self {
        Self {
            limit,
            tokens: if limit.burst == 0 { 0 } else { 1 },
            last: now,
            taken: 0,
            reserved: None,
        }
    }

    /// Goes on where the storage says that the count was. A start brings nothing then.
    pub(super) const fn persist(&mut self, taken: u32) {
        self.tokens = 0;
        self.taken = taken;
        self.reserved = Some(taken);
    }

    /// The count that the storage is to have before one more is taken, if it has another.
    pub(super) fn to_reserve(&self, now: Option<u64>) -> Option<u32> {
        let counted = now.is_none() || self.limit.interval == 0;
        let reserved = self.reserved.filter(|_| counted && self.limit != RateLimit::NONE)?;
        let room = self.taken < self.limit.per_start;
        (room && self.taken >= reserved).then(|| self.taken.saturating_add(AHEAD))
    }

    /// The storage has this count.
    pub(super) const fn reserved(&mut self, count: u32) {
        self.reserved = Some(count);
    }

    /// What a start would begin with.
    pub(super) fn stored(&self) -> u32 {
        self.reserved.unwrap_or(0)
    }

    /// Takes one.
    pub(super) fn take(&mut self, now: Option<u64>) -> Result<(), Error> {
        if self.limit == RateLimit::NONE {
            return Ok(());
        }
        let left = match now {
            Some(now) if self.limit.interval != 0 => {
                self.refill(now);
                self.tokens
            }
            _ => self.limit.per_start.saturating_sub(self.taken),
        };
        if left == 0 {
            return Err(Error::RateLimited);
        }
        self.tokens = self.tokens.saturating_sub(1);
        self.taken = self.taken.saturating_add(1);
        Ok(())
    }

    /// A clock that is set back gives nothing until it is where it was.
    fn refill(&mut self, now: u64) {
        let last = *self.last.get_or_insert(now);
        let interval = u64::from(self.limit.interval);
        let gained = now.saturating_sub(last).checked_div(interval).unwrap_or(0);
        let tokens = u64::from(self.tokens).saturating_add(gained);
        if tokens >= u64::from(self.limit.burst) {
            self.tokens = self.limit.burst;
            self.last = Some(now.max(last));
        } else {
            self.tokens = u32::try_from(tokens).unwrap_or(self.limit.burst);
            self.last = Some(last.saturating_add(gained.saturating_mul(interval)));
        }
    }
}

#[cfg(all(test, any(feature = "host", feature = "terminal")))]
mod tests {
    use super::*;

    const LIMIT: RateLimit = RateLimit {
        burst: 3,
        interval: 1000,
        per_start: 5,
    };

    /// How many go through at one moment.
    fn run(bucket: &mut Bucket, now: Option<u64>) -> u32 {
        (0..100)
            .filter(|_| bucket.take(now).is_ok())
            .count()
            .try_into()
            .unwrap()
    }

    #[test]
    fn one_at_the_start_then_one_an_interval() {
        let mut bucket = Bucket::new(LIMIT, Some(50_000));
        for (now, expected) in [
            (50_000, 1),
            (50_999, 0),
            (51_000, 1),
            (51_001, 0),
            (52_500, 1),
            (52_999, 0),
            (53_000, 1), // the half is not lost
            (55_000, 2),
            (99_000, 3), // no more than the burst
            (99_999, 0),
            (100_000, 1),
            (10, 0), // set back
            (100_999, 0),
            (101_000, 1),
        ] {
            assert_eq!(run(&mut bucket, Some(now)), expected, "{now}");
        }
    }

    #[test]
    fn never_more_than_the_average_and_the_burst() {
        let mut bucket = Bucket::new(LIMIT, Some(0));
        let (mut now, mut taken, mut state) = (0_u64, 0_u64, 1_u64);
        for _ in 0..10_000 {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            now += state >> 54;
            taken += u64::from(bucket.take(Some(now)).is_ok());
            assert!(taken <= 1 + now / 1000, "{now} {taken}");
        }
        assert!(taken > now / 1000 * 9 / 10);
    }

    #[test]
    fn without_a_clock_a_count() {
        let mut bucket = Bucket::new(LIMIT, None);
        assert_eq!(run(&mut bucket, None), 5);
        // A clock that comes later begins with what a start brings, and what it gave counts when it goes.
        let mut bucket = Bucket::new(LIMIT, None);
        assert_eq!(run(&mut bucket, Some(7)), 1);
        assert_eq!(run(&mut bucket, None), 4);
        assert_eq!(run(&mut bucket, Some(u64::MAX)), 3);
        assert_eq!(run(&mut bucket, None), 0);
    }

    #[test]
    fn ends_of_the_range() {
        let mut bucket = Bucket::new(RateLimit::NONE, Some(0));
        assert_eq!(run(&mut bucket, Some(0)) + run(&mut bucket, None), 200);
        let none = RateLimit {
            burst: 0,
            per_start: 0,
            ..LIMIT
        };
        let mut bucket = Bucket::new(none, Some(0));
        assert_eq!(run(&mut bucket, Some(u64::MAX)) + run(&mut bucket, None), 0);
        // Time gives nothing: a count, with a clock as without.
        let counted = RateLimit { interval: 0, ..LIMIT };
        let mut bucket = Bucket::new(counted, Some(0));
        assert_eq!(run(&mut bucket, Some(1)) + run(&mut bucket, Some(u64::MAX)), 5);
    }

    #[test]
    fn a_persistent_count_is_ahead_in_the_storage() {
        let mut bucket = Bucket::new(LIMIT, None);
        assert_eq!(bucket.to_reserve(None), None);
        bucket.persist(2);
        // A start brings nothing.
        assert_eq!(run(&mut bucket, Some(0)), 0);
        assert_eq!(bucket.to_reserve(Some(0)), None);
        assert_eq!(bucket.to_reserve(None), Some(6));
        bucket.reserved(6);
        assert_eq!(bucket.to_reserve(None), None);
        assert_eq!((run(&mut bucket, None), bucket.stored()), (3, 6));
        assert_eq!(bucket.to_reserve(None), None);
        // The next start begins with what was reserved.
        let mut next = Bucket::new(LIMIT, None);
        next.persist(bucket.stored());
        assert_eq!((next.to_reserve(None), run(&mut next, None)), (None, 0));
    }
}
