// SPDX-License-Identifier: MIT OR Apache-2.0
//! Limits over time that go on where they were when the module is started again.

use crate::error::Error;
use crate::hsm::event::{LogEvent, Note};
use crate::hsm::limit::{Bucket, RateLimit};
use crate::hsm::{Act, Command, Hsm, Platform, Question};
use crate::store::record;
use crate::store::seal::Kind;

/// `Kind::Module` record of the counts: PINs at the terminal, then at the host, 4 bytes each.
const COUNTS: u16 = 17;

/// Which limit.
#[derive(Clone, Copy)]
pub(in crate::hsm) enum Rate {
    #[cfg(feature = "terminal")]
    Entry,
    #[cfg(feature = "host")]
    Host,
}

impl<P: Platform> Hsm<'_, P> {
    fn bucket(&mut self, rate: Rate) -> &mut Bucket {
        match rate {
            #[cfg(feature = "terminal")]
            Rate::Entry => &mut self.entry_rate,
            #[cfg(feature = "host")]
            Rate::Host => &mut self.host_rate,
        }
    }

    /// Takes one of a limit. What is counted for longer than a start is in the storage before.
    pub(in crate::hsm) fn take_rate(&mut self, rate: Rate, place: u16) -> Result<(), Error> {
        let now = self.platform.tick();
        if let Some(count) = self.bucket(rate).to_reserve(now) {
            let before = self.bucket(rate).stored();
            self.bucket(rate).reserved(count);
            if let Err(error) = self.store_rates() {
                self.bucket(rate).reserved(before);
                return Err(error);
            }
        }
        let taken = self.bucket(rate).take(now);
        taken.map_err(|error| self.limited(place, error))
    }

    fn store_rates(&mut self) -> Result<(), Error> {
        let mut counts = [0; 8];
        let (entry, host) = counts.split_at_mut(4);
        #[cfg(feature = "terminal")]
        entry.copy_from_slice(&self.entry_rate.stored().to_be_bytes());
        #[cfg(feature = "host")]
        host.copy_from_slice(&self.host_rate.stored().to_be_bytes());
        let _ = (entry, host);
        let sealer = self.sealer.as_ref().ok_or(Error::Storage)?;
        let (storage, scratch) = (&mut self.platform, &mut self.scratch);
        record::save(storage, sealer, Kind::Module, COUNTS, &counts, scratch)
    }

    /// Makes limits go on where they were, at a start.
    pub(in crate::hsm) fn take_up_rates(&mut self) -> Result<(), Error> {
        let sealer = self.sealer.as_ref().ok_or(Error::Storage)?;
        let mut counts = [0; 8];
        let (storage, scratch) = (&mut self.platform, &mut self.scratch);
        record::load(storage, sealer, Kind::Module, COUNTS, &mut counts, scratch)?;
        let [e0, e1, e2, e3, h0, h1, h2, h3] = counts;
        let (entry, host) = (
            u32::from_be_bytes([e0, e1, e2, e3]),
            u32::from_be_bytes([h0, h1, h2, h3]),
        );
        #[cfg(feature = "terminal")]
        self.entry_rate.persist(entry);
        #[cfg(feature = "host")]
        self.host_rate.persist(host);
        let _ = (entry, host);
        Ok(())
    }

    /// Begins the counts of persistent limits anew, where no clock gives anything. The platform is asked
    /// ([`Question::LimitsReset`]); once officers are enrolled two of them must be logged in.
    ///
    /// # Errors
    /// The state's error; [`Error::BadState`] without persistent limits; [`Error::NotAuthenticated`] without the officers; the
    /// platform's refusal;
    /// [`Error::LimitReached`] for a log that is full; [`Error::Storage`].
    pub fn limits_reset(&mut self) -> Result<(), Error> {
        self.allow(Command::LimitsReset)?;
        if !self.persistent_limits {
            return Err(Error::BadState);
        }
        self.require_officers_too(Act::LimitsReset)?;
        self.audit_ready()?;
        self.ask(&Question::LimitsReset)?;
        #[cfg(feature = "terminal")]
        self.entry_rate.restart();
        #[cfg(feature = "host")]
        self.host_rate.restart();
        self.store_rates()?;
        self.note(Note::of(LogEvent::PolicyChange).value(u64::from(RESET)))
    }
}

/// What the record of a policy change says for a reset.
const RESET: u32 = 1;

impl Bucket {
    fn restart(&mut self) {
        if self.limit != RateLimit::NONE {
            self.taken = 0;
            self.reserved = Some(0);
        }
    }
}
