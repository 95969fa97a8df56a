// SPDX-License-Identifier: MIT OR Apache-2.0
//! The platform as the module uses it: random bytes pass the health tests, and after a tamper event it answers no more.

use crate::entropy::{Entropy, EntropySource, Source};
use crate::error::Error;
use crate::hsm::{FINGERPRINT_LEN, Platform, Question};
use crate::store::{Area, Half, Storage};

/// The platform behind its tests.
pub(in crate::hsm) struct Guard<P> {
    inner: P,
    source: Source,
}

impl<P: Platform> Guard<P> {
    pub(in crate::hsm) const fn new(inner: P, entropy: EntropySource) -> Self {
        Self {
            inner,
            source: Source::new(entropy),
        }
    }

    pub(in crate::hsm) const fn inner(&mut self) -> &mut P {
        &mut self.inner
    }

    /// Whether the source of random bytes has failed for good.
    pub(in crate::hsm) fn has_failed(&self) -> bool {
        self.source.has_failed()
    }

    /// What every callback that could do something asks first and last: a command that a tamper event interrupts goes on to
    /// its next callback at most.
    fn poll(&self) -> Result<(), Error> {
        if self.inner.tampered() {
            return Err(Error::Tampered);
        }
        Ok(())
    }

    fn guarded<T>(&mut self, call: impl FnOnce(&mut P) -> Result<T, Error>) -> Result<T, Error> {
        self.poll()?;
        let result = call(&mut self.inner);
        self.poll()?;
        result
    }
}

impl<P: Platform> Entropy for Guard<P> {
    fn fill(&mut self, out: &mut [u8]) -> Result<(), Error> {
        let filled = self.poll().and_then(|()| {
            self.source.fill(&mut self.inner, out)?;
            self.poll()
        });
        filled.inspect_err(|_| out.fill(0))
    }
}

impl<P: Platform> Storage for Guard<P> {
    fn load(&mut self, id: u16, out: &mut [u8]) -> Result<usize, Error> {
        self.guarded(|platform| platform.load(id, out))
    }

    fn save(&mut self, id: u16, record: &[u8]) -> Result<(), Error> {
        self.guarded(|platform| platform.save(id, record))
    }

    fn erase(&mut self, id: u16) -> Result<(), Error> {
        self.guarded(|platform| platform.erase(id))
    }

    fn next_record(&mut self, from: u16) -> Result<Option<u16>, Error> {
        self.guarded(|platform| platform.next_record(from))
    }

    fn area(&mut self, group: u16) -> Option<Area> {
        self.inner.area(group)
    }

    fn area_read(&mut self, half: Half, at: u32, out: &mut [u8]) -> Result<(), Error> {
        self.guarded(|platform| platform.area_read(half, at, out))
    }

    fn area_program(&mut self, half: Half, at: u32, bytes: &[u8]) -> Result<(), Error> {
        self.guarded(|platform| platform.area_program(half, at, bytes))
    }

    fn area_erase(&mut self, half: Half) -> Result<(), Error> {
        self.guarded(|platform| platform.area_erase(half))
    }

    fn monotonic(&mut self) -> Result<Option<u64>, Error> {
        self.guarded(Storage::monotonic)
    }

    fn advance(&mut self, by: u64) -> Result<(), Error> {
        self.guarded(|platform| platform.advance(by))
    }
}

impl<P: Platform> Platform for Guard<P> {
    fn decide(&mut self, question: &Question<'_>) -> Result<(), Error> {
        self.guarded(|platform| platform.decide(question))
    }

    fn decide_card(&mut self, question: &Question<'_>, fingerprint: &[u8; FINGERPRINT_LEN]) -> Result<(), Error> {
        self.guarded(|platform| platform.decide_card(question, fingerprint))
    }

    fn tick(&mut self) -> Option<u64> {
        self.inner.tick()
    }

    fn unix_time(&mut self) -> Option<u64> {
        self.inner.unix_time()
    }

    fn code_is_sound(&mut self) -> Option<bool> {
        self.inner.code_is_sound()
    }

    fn tampered(&self) -> bool {
        self.inner.tampered()
    }
}
