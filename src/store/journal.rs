// SPDX-License-Identifier: MIT OR Apache-2.0
//! The durable state of DUKPT groups of a terminal.
//!
//! | offset | length | content of the body |
//! |---|---|---|
//! | 0 | 8 x 16 | high-water marks, the last used first: scheme (01 TDEA, 02 AES, 00 none), identity (11, zeros behind), next counter (4, big-endian; FFFFFFFF: exhausted) |
//! | 128 | *n* | the state ([`Step`] as a snapshot); none if the keys were given up |
//!
//! The marks say how far the last eight initial keys have come. They outlive the keys, so that an initial key which has
//! been used is not loaded again to start at its first counter. A mark of a used key is never given up: when all eight
//! are of used keys, the group takes no further identity.

use core::fmt;

use crate::dukpt::{Journal, Scheme, Step};
use crate::error::Error;
use crate::store::Storage;
use crate::store::pages::Log;
use crate::store::record::Pair;
use crate::store::seal::{Kind, Scratch, Sealer};
use crate::weaken::guard;

/// Initial keys whose marks are kept.
const MARKS: usize = 8;
/// Bytes of a mark.
const MARK_LEN: usize = 16;
/// Bytes of an identity in a mark.
const IDENTITY_LEN: usize = 11;
/// The mark of an initial key that has no transaction left.
const EXHAUSTED: u32 = u32::MAX;

/// How far an initial key has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Mark {
    /// 0: none.
    scheme: u8,
    identity: [u8; IDENTITY_LEN],
    next: u32,
}

impl Mark {
    const NONE: Self = Self {
        scheme: 0,
        identity: [0; IDENTITY_LEN],
        next: 0,
    };

    fn new(scheme: Scheme, identity: &[u8], counter: u32) -> Result<Self, Error> {
        if identity.len() != scheme.identity_len() {
            return Err(Error::InvalidLength);
        }
        let mut mark = Self {
            scheme: match scheme {
                Scheme::Tdes => 1,
                Scheme::Aes => 2,
            },
            // The journal's counter 0 is the end.
            next: if counter == 0 { EXHAUSTED } else { counter },
            ..Self::NONE
        };
        for (to, from) in mark.identity.iter_mut().zip(identity) {
            *to = *from;
        }
        Ok(mark)
    }

    fn is_of(&self, other: &Self) -> bool {
        (self.scheme, self.identity) == (other.scheme, other.identity)
    }

    fn write(&self, out: &mut [u8; MARK_LEN]) {
        let fields = [self.scheme]
            .into_iter()
            .chain(self.identity)
            .chain(self.next.to_be_bytes());
        for (to, from) in out.iter_mut().zip(fields) {
            *to = from;
        }
    }

    fn read(bytes: &[u8; MARK_LEN]) -> Self {
        let &[scheme, ref identity @ .., n0, n1, n2, n3] = bytes;
        Self {
            scheme,
            identity: *identity,
            next: u32::from_be_bytes([n0, n1, n2, n3]),
        }
    }
}

/// Where a group's state is.
#[derive(Clone, Copy, Debug)]
enum Place {
    Pair(Pair),
    /// Of a storage with areas for this group.
    Log(Log),
}

/// What a group remembers of its records between commits; nothing secret.
#[derive(Clone, Copy)]
pub struct Records {
    place: Place,
    marks: [Mark; MARKS],
}

impl Records {
    /// Of a group that has not looked at its records yet: [`mount`](Self::mount) comes first.
    pub const NEW: Self = Self {
        place: Place::Pair(Pair::NEW),
        marks: [Mark::NONE; MARKS],
    };

    /// Reads the records of `group` (0 to 2047) and hands the newest authentic state to `restore`.
    ///
    /// `None` if there are no records, or only marks of keys that were given up. `scratch` is wiped in the end.
    ///
    /// # Errors
    /// [`Error::StorageIntegrity`] if something is there and nothing of it is authentic, [`Error::Record`] if it is
    /// authentic and malformed, [`Error::Storage`], and what `restore` gives. The group takes no commit then.
    pub fn mount<T>(
        &mut self,
        storage: &mut impl Storage,
        sealer: &Sealer,
        group: u16,
        scratch: &mut Scratch,
        restore: impl FnOnce(&[u8]) -> Result<T, Error>,
    ) -> Result<Option<T>, Error> {
        *self = Self::NEW;
        let attempt = || {
            let Some(len) = self.mount_body(storage, sealer, group, scratch)? else {
                return Ok(None);
            };
            let mut rest = scratch.body(len);
            for mark in &mut self.marks {
                let (bytes, behind) = rest.split_first_chunk().ok_or(Error::Record)?;
                *mark = Mark::read(bytes);
                rest = behind;
            }
            match rest {
                [] => Ok(None),
                snapshot => restore(snapshot).map(Some),
            }
        };
        let result = attempt();
        scratch.wipe();
        if result.is_err() {
            *self = Self::NEW;
        }
        result
    }

    /// The newest authentic body, in `scratch`.
    fn mount_body(
        &mut self,
        storage: &mut impl Storage,
        sealer: &Sealer,
        group: u16,
        scratch: &mut Scratch,
    ) -> Result<Option<usize>, Error> {
        let mut pair = Pair::NEW;
        let Some(area) = storage.area(group) else {
            let found = pair.mount(storage, sealer, (Kind::Group, group), scratch);
            self.place = Place::Pair(pair);
            return found;
        };
        let mut log = Log::NEW;
        let found = log.mount(storage, sealer, group, area, scratch)?;
        if found.is_none() && pair.mount(storage, sealer, (Kind::Group, group), scratch)?.is_some() {
            // The group was kept in records, which the areas know nothing of.
            return Err(Error::StorageIntegrity);
        }
        self.place = Place::Log(log);
        Ok(found)
    }

    /// Makes the body in `scratch` durable.
    fn write_body(
        &mut self,
        storage: &mut impl Storage,
        sealer: &Sealer,
        group: u16,
        scratch: &mut Scratch,
        len: usize,
    ) -> Result<(), Error> {
        match (&mut self.place, storage.area(group)) {
            (Place::Log(log), Some(area)) => log.write(storage, sealer, (group, area), scratch, len),
            (Place::Pair(pair), None) => pair.write(storage, sealer, (Kind::Group, group), scratch, len),
            _ => Err(Error::BadState),
        }
    }

    /// Which record is the live one.
    fn live(&self) -> Option<u64> {
        match &self.place {
            Place::Pair(pair) => pair.live().map(u64::from),
            Place::Log(log) => log.live(),
        }
    }

    /// The counter of the next transaction of an initial key that was here: `u32::MAX` if it is exhausted, `None` if
    /// the key is not known.
    #[must_use]
    pub fn high_water(&self, scheme: Scheme, identity: &[u8]) -> Option<u32> {
        let sought = Mark::new(scheme, identity, 1).ok()?;
        let found = self.marks.iter().find(|mark| mark.is_of(&sought))?;
        Some(found.next)
    }

    /// The sequence number of the last record that was written or tried; 0 if there is none. To be compared with the
    /// platform's monotonic counter.
    #[must_use]
    pub const fn sequence(&self) -> u64 {
        match &self.place {
            Place::Pair(pair) => pair.sequence(),
            Place::Log(log) => log.sequence(),
        }
    }

    /// Gives up the stored keys of `group`; the marks stay.
    ///
    /// # Errors
    /// [`Error::BadState`] before [`mount`](Self::mount), [`Error::Storage`].
    pub fn retire(
        &mut self,
        storage: &mut impl Storage,
        sealer: &Sealer,
        group: u16,
        scratch: &mut Scratch,
    ) -> Result<(), Error> {
        let len = write_marks(&self.marks, scratch.body_mut());
        let result = self.write_body(storage, sealer, group, scratch, len);
        scratch.wipe();
        result
    }

    /// Writes the state of `group` once more, the same that was committed last: after a failed commit of another one it is
    /// not known which of the two the storage would give.
    ///
    /// # Errors
    /// [`Error::BadState`] before [`mount`](Self::mount), or if the state is not the last that was committed;
    /// [`Error::Storage`].
    pub fn restate(
        &mut self,
        storage: &mut impl Storage,
        sealer: &Sealer,
        group: u16,
        scratch: &mut Scratch,
        step: &Step<'_>,
    ) -> Result<(), Error> {
        let own = Mark::new(step.scheme, step.identity, step.counter)?;
        if !self.marks.contains(&own) {
            return Err(Error::BadState);
        }
        let body = scratch.body_mut();
        let at = write_marks(&self.marks, body);
        let result = step
            .snapshot(body.get_mut(at..).unwrap_or(&mut []))
            .and_then(|len| {
                let len = len.wrapping_add(at);
                self.write_body(storage, sealer, group, scratch, len)
            });
        scratch.wipe();
        result
    }

    /// The marks after a step.
    fn advance(&self, step: &Step<'_>) -> Result<[Mark; MARKS], Error> {
        let new = Mark::new(step.scheme, step.identity, step.counter)?;
        let mut marks = self.marks;
        let known = marks.iter().position(|mark| mark.is_of(&new));
        if let Some(old) = known.and_then(|at| marks.get(at)) {
            // A key that was loaded and never used may be loaded again.
            let unused = (old.next, new.next) == (1, 1);
            if guard!("D08" | "F02", new.next <= old.next && !unused) {
                return Err(Error::CounterReplayed);
            }
        }
        // A new mark takes the place of the oldest that says nothing: none, or a key that was never used.
        let place = known.or_else(|| marks.iter().rposition(|mark| mark.scheme == 0 || mark.next <= 1));
        let end = place.ok_or(Error::LimitReached)?.wrapping_add(1);
        let mut carried = new;
        for mark in marks.iter_mut().take(end) {
            core::mem::swap(mark, &mut carried);
        }
        Ok(marks)
    }
}

impl Default for Records {
    fn default() -> Self {
        Self::NEW
    }
}

impl fmt::Debug for Records {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Records").field("place", &self.place).finish_non_exhaustive()
    }
}

fn write_marks(marks: &[Mark; MARKS], body: &mut [u8]) -> usize {
    let (places, _) = body.as_chunks_mut();
    for (mark, place) in marks.iter().zip(places) {
        mark.write(place);
    }
    MARKS.wrapping_mul(MARK_LEN)
}

/// The journal of one group, for the duration of a load or a step.
///
/// A commit replaces the group's record (see [`record`](super::record)) and refuses a counter that is not above the
/// mark of its initial key: no error, no cut and no second load brings a counter back.
pub struct GroupJournal<'a, S: Storage> {
    /// The platform's storage.
    pub storage: &'a mut S,
    /// The keys of records.
    pub sealer: &'a Sealer,
    /// The group's number, 0 to 2047.
    pub group: u16,
    /// What the group remembers; mounted.
    pub records: &'a mut Records,
    /// Wiped after each commit.
    pub scratch: &'a mut Scratch,
}

impl<S: Storage> GroupJournal<'_, S> {
    fn write(&mut self, step: &Step<'_>) -> Result<(), Error> {
        let marks = self.records.advance(step)?;
        let body = self.scratch.body_mut();
        let at = write_marks(&marks, body);
        let len = step
            .snapshot(body.get_mut(at..).unwrap_or(&mut []))?
            .wrapping_add(at);
        let live = self.records.live();
        let [first, ..] = &self.records.marks;
        if marks.first().is_none_or(|mark| !mark.is_of(first)) {
            // Another initial key.
            if let Place::Log(log) = &mut self.records.place {
                log.close();
            }
        }
        let result = self
            .records
            .write_body(self.storage, self.sealer, self.group, self.scratch, len);
        // Once the new record is the live one its marks hold, even if the old one could not be erased.
        if self.records.live() != live {
            self.records.marks = marks;
        }
        result
    }
}

impl<S: Storage> Journal for GroupJournal<'_, S> {
    fn commit(&mut self, step: &Step<'_>) -> Result<(), Error> {
        let result = self.write(step);
        self.scratch.wipe();
        result
    }
}

impl<S: Storage> fmt::Debug for GroupJournal<'_, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GroupJournal")
            .field("group", &self.group)
            .finish_non_exhaustive()
    }
}
