// SPDX-License-Identifier: MIT OR Apache-2.0
//! The audit log: a ring of chained records in the caller's memory and in the storage.
//!
//! Each record has a tag over itself and the tag before it, under a key that is derived from the storage key. Who has
//! the wrapped verification key reads what the device gives out and finds everything that was altered, left out, put in
//! another order or cut off ([`verify`]). A record is durable before the command that it is of answers.
//!
//! Nothing in a record is secret: no key, no PIN, no part of a PAN. A card is a keyed fingerprint of its account.
//!
//! `docs/AUDIT.md` has the layout, the events and the policies.

mod record;

use core::fmt;

use crate::ct;
use crate::error::Error;
use crate::hsm::event::{LogEvent, Note};
use crate::hsm::load::{Kbpk, Way};
#[cfg(feature = "host")]
use crate::hsm::slot::Choices;
use crate::hsm::{Command, Hsm, KeyHandle, Platform, State};
use crate::key::usage::{Attributes, Exportability, KeyAlgorithm, ModeOfUse, Usage};
use crate::mac::cmac::CmacAes;
use crate::pin::pan::Pan;
#[cfg(feature = "host")]
use crate::policy::{MacAlgorithm, Operation};
use crate::store::Storage;
use crate::store::record as stored;
use crate::store::seal::{Kind, Place, Scratch};

pub use self::record::{Entry, Position, RECORD_LEN, Record, TAG_LEN};

#[cfg(feature = "hazmat")]
use crate::key::{self, Key, role::MacKey};

/// What happens when nobody has read the log for as long as it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum WhenFull {
    /// Commands that would be logged are refused until the log is read and released.
    #[default]
    Stop,
    /// The oldest records go, and a record says so.
    Overwrite,
}

/// The fewest records of a ring.
pub const MIN_RECORDS: usize = 8;

/// The most records of a ring.
pub const MAX_RECORDS: usize = 2048;

/// Places that [`WhenFull::Stop`] keeps for what nobody asked for: a tamper event, a start.
const RESERVE: u64 = 4;

/// `Kind::Module` record of the log: how many places it has (4 bytes), and up to where it was released (8).
pub(in crate::hsm) const SETTINGS: u16 = 16;
const SETTINGS_LEN: usize = 12;

/// How the log stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AuditStatus {
    /// The number of the oldest record that is still there; one more than the last if there is none.
    pub oldest: u64,
    /// The last record.
    pub last: Position,
    /// Up to where the log was read and released.
    pub released: u64,
    /// How many records it holds.
    pub capacity: usize,
    /// Records that could not be written, since the start: the storage failed for too long, or the log was full.
    pub lost: u32,
}

/// The log.
pub(super) struct Log<'m> {
    ring: &'m mut [Record],
    when_full: WhenFull,
    oldest: u64,
    last: Position,
    /// Up to which record the storage has them.
    durable: u64,
    released: u64,
    /// Since the log was last released a record has said that others were overwritten.
    marked: bool,
    lost: u32,
}

impl Log<'_> {
    fn capacity(&self) -> u64 {
        self.ring.len() as u64
    }

    fn unread(&self) -> u64 {
        self.last.sequence.wrapping_sub(self.released)
    }

    /// The place of a record in the ring and in the storage.
    fn index(&self, sequence: u64) -> usize {
        let at = sequence.wrapping_sub(1).checked_rem(self.capacity()).unwrap_or(0);
        usize::try_from(at).unwrap_or(0)
    }

    fn get(&self, sequence: u64) -> Option<&Record> {
        if (self.oldest..=self.last.sequence).contains(&sequence) {
            self.ring.get(self.index(sequence))
        } else {
            None
        }
    }

    fn push(&mut self, time: Option<u64>, role: u8, note: &Note, key: &[u8]) -> Result<(), Error> {
        let (record, position) = Record::new(&self.last, time, role, note, key)?;
        let index = self.index(position.sequence);
        *self.ring.get_mut(index).ok_or(Error::Internal)? = record;
        self.last = position;
        let first = position.sequence.saturating_sub(self.capacity()).saturating_add(1);
        self.oldest = self.oldest.max(first);
        Ok(())
    }

    /// Writes the records that the storage does not have yet, each read back.
    fn flush(&mut self, storage: &mut impl Storage) -> Result<(), Error> {
        while self.durable < self.last.sequence {
            let next = self.durable.wrapping_add(1);
            let index = self.index(next);
            let record = self.ring.get(index).ok_or(Error::Internal)?;
            let place = place(index)?;
            storage.save(place, record.as_bytes()).map_err(|_| Error::Storage)?;
            if read(storage, place)? != Some(*record) {
                return Err(Error::Storage);
            }
            self.durable = next;
        }
        Ok(())
    }
}

impl fmt::Debug for Log<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Log").field("last", &self.last).finish_non_exhaustive()
    }
}

/// The storage's number for a place of the ring.
fn place(index: usize) -> Result<u16, Error> {
    let id = u16::try_from(index).map_err(|_| Error::Internal)?;
    Ok(Place::new(Kind::Audit, id, false)?.number)
}

/// Erases the log in storage: only for a module that is made anew, and whose settings of the log were damaged.
pub(in crate::hsm) fn abandon(storage: &mut impl Storage, scratch: &mut Scratch) -> Result<(), Error> {
    let mut next = 0;
    while let Some(id) = stored::next_object(storage, Kind::Audit, next)?.filter(|id| usize::from(*id) < MAX_RECORDS) {
        stored::abandon(storage, Kind::Audit, id, scratch)?;
        next = id.wrapping_add(1);
    }
    Ok(())
}

/// The record at a place: `None` if nothing is there, an empty one for what is no record.
fn read(storage: &mut impl Storage, place: u16) -> Result<Option<Record>, Error> {
    let mut bytes = [0; RECORD_LEN];
    match storage.load(place, &mut bytes) {
        Ok(0) => Ok(None),
        Ok(RECORD_LEN) => Ok(Some(Record::from_bytes(&bytes))),
        Ok(_) | Err(Error::BufferTooSmall) => Ok(Some(Record::EMPTY)),
        Err(_) => Err(Error::Storage),
    }
}

/// Judges a part of a log that a device gave out, under its verification key. `records`: as they were read out. `after`:
/// where the part before it ended. `until`: where the device says that its log ends. Gives where it ends.
///
/// Without `after` the beginning is not judged: what came before may have been overwritten. Without `until` records may
/// be missing at the end.
///
/// # Errors
/// [`Error::InvalidLength`] for no or no whole records; [`Error::VerificationFailed`] for everything else.
///
/// # Timing
/// The number of records.
#[cfg(feature = "hazmat")]
pub fn verify(
    key: &Key<MacKey, key::Aes>,
    records: &[u8],
    after: Option<&Position>,
    until: Option<&Position>,
) -> Result<Position, Error> {
    record::verify_chain(key.material()?, records, after, until)
}

impl<'m, P: Platform> Hsm<'m, P> {
    /// Opens the audit log in the caller's memory, and takes up what the storage holds of it: once, right behind
    /// [`new`](Self::new), before any key comes in. Without it nothing is logged.
    ///
    /// `memory`: 8 to 2048 records, as many at every start.
    ///
    /// # Errors
    /// [`Error::BadState`] for a log that is open; [`Error::NoKey`] without a storage key; [`Error::InvalidLength`] for
    /// too little or too much memory, and for another number of records than the storage has;
    /// [`Error::StorageIntegrity`] for a log that was altered: the module is tampered then; [`Error::Storage`].
    pub fn audit_open(&mut self, memory: &'m mut [Record], when_full: WhenFull) -> Result<(), Error> {
        if self.log.is_some() {
            return Err(Error::BadState);
        }
        if !(MIN_RECORDS..=MAX_RECORDS).contains(&memory.len()) {
            return Err(Error::InvalidLength);
        }
        if self.own.audit().is_empty() {
            return Err(match self.life.state() {
                State::Tampered => Error::Tampered,
                _ => Error::NoKey,
            });
        }
        memory.fill(Record::EMPTY);
        let log = self.take_up_log(memory, when_full).inspect_err(|error| {
            if *error == Error::StorageIntegrity {
                self.found_damaged();
            }
        })?;
        self.log = Some(log);
        let mut noted = self.note(Note::of(LogEvent::Start).value(u64::from(self.state_number())));
        if self.life.state() == State::Tampered {
            // What the start found.
            noted = noted.and(self.note(Note::of(LogEvent::Tamper)));
            self.own.wipe();
        }
        match noted {
            // Full: it is there to be read.
            Ok(()) | Err(Error::LimitReached) => Ok(()),
            Err(error) => {
                self.log = None;
                Err(error)
            }
        }
    }

    fn take_up_log(&mut self, ring: &'m mut [Record], when_full: WhenFull) -> Result<Log<'m>, Error> {
        let capacity = ring.len() as u64;
        let settings = self.log_settings()?;
        if settings.is_some_and(|(known, _)| known != capacity) {
            return Err(Error::InvalidLength);
        }
        // The newest record, and places with something else.
        let mut last = Position::START;
        let mut damaged = None;
        for (index, to) in ring.iter_mut().enumerate() {
            let Some(record) = read(&mut self.platform, place(index)?)? else {
                continue;
            };
            let own = record.sequence().wrapping_sub(1).checked_rem(capacity) == Some(index as u64);
            if own && record.sequence() != 0 && record.check(self.own.audit()).is_ok() {
                *to = record;
                if record.sequence() > last.sequence {
                    last = record.position();
                }
            } else if damaged.replace(index).is_some() {
                return Err(Error::StorageIntegrity);
            }
        }
        let mut log = Log {
            ring,
            when_full,
            oldest: 1,
            last,
            durable: last.sequence,
            released: settings.map_or(0, |(_, released)| released),
            marked: false,
            lost: 0,
        };
        log.oldest = last.sequence.saturating_sub(capacity).saturating_add(1);
        if let Some(index) = damaged {
            // The record that was being written when the power went, in place of the oldest.
            if index != log.index(last.sequence.wrapping_add(1)) {
                return Err(Error::StorageIntegrity);
            }
            if last.sequence >= capacity {
                log.oldest = log.oldest.wrapping_add(1);
            }
        }
        // Each record that must be there, with the tag that the next one names.
        let mut next = None;
        for sequence in (log.oldest..=last.sequence).rev() {
            let record = log.ring.get(log.index(sequence)).ok_or(Error::Internal)?;
            let named = next.is_none_or(|tag| tag == record.position().tag);
            if record.sequence() != sequence || !named {
                return Err(Error::StorageIntegrity);
            }
            next = Some(record.previous());
        }
        match settings {
            Some((_, released)) if released > last.sequence => return Err(Error::StorageIntegrity),
            Some(_) => {}
            None if last.sequence == 0 => self.store_log_settings(capacity, 0)?,
            // What a damaged start leaves readable.
            None if self.life.state() == State::Tampered => log.released = last.sequence,
            None => return Err(Error::StorageIntegrity),
        }
        log.marked = log.unread() >= capacity;
        Ok(log)
    }

    /// How many places the stored log has, and up to where it was released.
    fn log_settings(&mut self) -> Result<Option<(u64, u64)>, Error> {
        let Some(sealer) = &self.sealer else {
            return Ok(None);
        };
        let mut settings = [0; SETTINGS_LEN];
        let (platform, scratch) = (&mut self.platform, &mut self.scratch);
        let found = stored::load(platform, sealer, Kind::Module, SETTINGS, &mut settings, scratch)?;
        let [n0, n1, n2, n3, released @ ..] = settings;
        let capacity = u32::from_be_bytes([n0, n1, n2, n3]);
        Ok(found.map(|_| (capacity.into(), u64::from_be_bytes(released))))
    }

    fn store_log_settings(&mut self, capacity: u64, released: u64) -> Result<(), Error> {
        let sealer = self.sealer.as_ref().ok_or(Error::Storage)?;
        let mut settings = [0; SETTINGS_LEN];
        let capacity = u32::try_from(capacity).map_err(|_| Error::Internal)?;
        for (to, from) in settings
            .iter_mut()
            .zip(capacity.to_be_bytes().into_iter().chain(released.to_be_bytes()))
        {
            *to = from;
        }
        stored::save(
            &mut self.platform,
            sealer,
            Kind::Module,
            SETTINGS,
            &settings,
            &mut self.scratch,
        )
    }

    /// Whether what is about to be done can be logged. Commands that are logged ask first.
    pub(super) fn audit_ready(&mut self) -> Result<(), Error> {
        let Some(log) = &mut self.log else {
            return Ok(());
        };
        log.flush(&mut self.platform)?;
        let stops = log.when_full == WhenFull::Stop;
        if stops && log.unread().saturating_add(RESERVE) >= log.capacity() {
            return Err(Error::LimitReached);
        }
        Ok(())
    }

    /// Notes an event: an alarm waits in the queue, a record is in the log and durable.
    ///
    /// A command that has succeeded, and whose record cannot be written, must not answer as if it had; one that has failed
    /// answers with its own error, and the record is written with the next one.
    pub(super) fn note(&mut self, note: Note) -> Result<(), Error> {
        self.events.push(&note);
        if !note.is_logged() {
            return Ok(());
        }
        let time = self.platform.tick();
        let role = self.role_number();
        let tampered = self.life.state() == State::Tampered;
        let Some(log) = &mut self.log else {
            return Ok(());
        };
        if self.own.audit().is_empty() {
            // Of a log that was opened in the state Tampered: it has said why, and writes again from the next start on.
            log.lost = log.lost.saturating_add(1);
            return if tampered { Ok(()) } else { Err(Error::BadState) };
        }
        let full = log.unread() >= log.capacity();
        let behind = log.last.sequence.wrapping_sub(log.durable).saturating_add(2) >= log.capacity();
        if behind || (full && log.when_full == WhenFull::Stop) {
            log.lost = log.lost.saturating_add(1);
            return Err(if behind { Error::Storage } else { Error::LimitReached });
        }
        let key = self.own.audit();
        if full && !log.marked {
            log.marked = true;
            let marker = Note::of(LogEvent::LogOverwritten).value(log.unread());
            self.events.push(&marker);
            log.push(time, role, &marker, key)?;
        }
        log.push(time, role, &note, key)?;
        log.flush(&mut self.platform)
    }

    /// Notes a failure, and gives it.
    pub(super) fn note_failure(&mut self, note: Note, error: Error) -> Error {
        // The failure is the answer; a record that was not written waits.
        let _ = self.note(note.failed(error));
        error
    }

    /// Notes that a limit has refused something, and gives the error.
    pub(super) fn limited(&mut self, place: u16, error: Error) -> Error {
        self.note_failure(Note::of(LogEvent::Limit).at(place), error)
    }

    /// The number of the state in C.
    fn state_number(&self) -> u8 {
        (self.life.state() as u8).wrapping_add(1)
    }

    /// The number of the role that is logged in, for the log.
    fn role_number(&self) -> u8 {
        self.people.role_number()
    }

    /// How the log stands; `None` if it is not open. In every state.
    #[must_use]
    pub fn audit_status(&self) -> Option<AuditStatus> {
        self.log.as_ref().map(|log| AuditStatus {
            oldest: log.oldest,
            last: log.last,
            released: log.released,
            capacity: log.ring.len(),
            lost: log.lost,
        })
    }

    /// Reads out whole records, from the number `from` on, or from the oldest if that is gone: as many as `out` takes. Gives
    /// the length, and the number of the next record. In every state.
    ///
    /// # Errors
    /// [`Error::BadState`] without a log; [`Error::BufferTooSmall`] for less than a record. `out` is wiped then.
    pub fn audit_read(&self, from: u64, out: &mut [u8]) -> Result<(usize, u64), Error> {
        out.fill(0);
        let log = self.log.as_ref().ok_or(Error::BadState)?;
        let (places, _) = out.as_chunks_mut::<RECORD_LEN>();
        if places.is_empty() {
            return Err(Error::BufferTooSmall);
        }
        let (mut len, mut next) = (0_usize, from.max(log.oldest));
        for to in places {
            let Some(record) = log.get(next) else {
                break;
            };
            *to = *record.as_bytes();
            len = len.wrapping_add(RECORD_LEN);
            next = next.wrapping_add(1);
        }
        Ok((len, next))
    }

    /// Says that the log was read up to a record, which is named with its tag: these may be overwritten. The platform is
    /// asked ([`Question::AuditRelease`](super::Question::AuditRelease)).
    ///
    /// # Errors
    /// The state's error; [`Error::BadState`] without a log; [`Error::InvalidArgument`] for a record that is not there;
    /// [`Error::VerificationFailed`] for another tag than its own; the platform's refusal; [`Error::Storage`].
    pub fn audit_release(&mut self, read: &Position) -> Result<(), Error> {
        self.allow(Command::AuditRelease)?;
        let log = self.log.as_ref().ok_or(Error::BadState)?;
        let (capacity, released) = (log.capacity(), log.released);
        let record = log.get(read.sequence).ok_or(Error::InvalidArgument)?;
        if record.position() != *read {
            return Err(Error::VerificationFailed);
        }
        self.ask(&super::Question::AuditRelease {
            sequence: read.sequence,
        })?;
        if read.sequence > released {
            self.store_log_settings(capacity, read.sequence)?;
            if let Some(log) = &mut self.log {
                log.released = read.sequence;
                log.marked = false;
            }
        }
        self.note(Note::of(LogEvent::LogReleased).value(read.sequence))
    }

    /// Wraps the verification key of the log for whoever reads it: an AES-128 key of usage M6, mode of use V, not
    /// exportable. Gives the length of the block; the rest of `out` is zero. The platform is asked
    /// ([`Question::AuditKey`](super::Question::AuditKey)): who has the key can write such logs himself.
    ///
    /// `kbpk`: a protection key with mode of use E or B.
    ///
    /// # Errors
    /// As [`key_block_export`](Self::key_block_export); [`Error::NoKey`] without a storage key; the platform's refusal.
    ///
    /// # Timing
    /// The length of the protection key.
    pub fn audit_key_export(&mut self, kbpk: KeyHandle, out: &mut [u8]) -> Result<usize, Error> {
        out.fill(0);
        self.allow(Command::AuditKeyExport)?;
        let mut protection = Kbpk::empty();
        self.kbpk(kbpk, Way::Wrap, &mut protection)?;
        if self.own.audit().is_empty() {
            return Err(Error::NoKey);
        }
        self.audit_ready()?;
        self.ask(&super::Question::AuditKey)?;
        let attributes = Attributes::new(
            Usage::M6,
            KeyAlgorithm::Aes,
            ModeOfUse::Verify,
            Exportability::NonExportable,
        );
        let len = protection.wrap(&attributes, &[], self.own.audit(), &mut self.platform, out)?;
        self.note(Note::of(LogEvent::LogKeyExport).at(kbpk.place()))
            .inspect_err(|_| out.fill(0))?;
        Ok(len)
    }

    /// Notes something of the caller's in the log: a reference of 8 bytes, and the fingerprint of a card. Gives where the
    /// record stands; its number is an identifier that a transaction can carry.
    ///
    /// # Errors
    /// The state's error; [`Error::BadState`] without a log; [`Error::LimitReached`] for a log that is full;
    /// [`Error::Storage`].
    pub fn audit_note(&mut self, reference: &[u8; 8], card: Option<&Pan>) -> Result<Position, Error> {
        self.allow(Command::AuditNote)?;
        if self.log.is_none() {
            return Err(Error::BadState);
        }
        self.audit_ready()?;
        let mut note = Note::of(LogEvent::Application).value(u64::from_be_bytes(*reference));
        if let Some(pan) = card {
            note = note.card(self.own.fingerprint(&pan.account())?);
        }
        self.note(note)?;
        self.audit_status().map(|status| status.last).ok_or(Error::Internal)
    }

    /// Judges a part of another device's log under its verification key: an M6 key of AES that may verify. Parameters
    /// and answer as for [`verify`].
    ///
    /// # Errors
    /// The state's and the handle's errors; [`Error::UsageNotPermitted`], [`Error::ModeNotPermitted`],
    /// [`Error::AlgorithmMismatch`]; [`Error::InvalidLength`] for no or no whole records;
    /// [`Error::VerificationFailed`] for everything else.
    ///
    /// # Timing
    /// The number of records.
    #[cfg(feature = "host")]
    pub fn audit_verify(
        &mut self,
        key: KeyHandle,
        records: &[u8],
        after: Option<&Position>,
        until: Option<&Position>,
    ) -> Result<Position, Error> {
        self.log_key(key)?;
        self.slots.bind(key, Choices::Mac(MacAlgorithm::Cmac))?;
        self.commit_uses()?;
        record::verify_chain(self.slots.get(key)?.material(), records, after, until)
    }

    /// The key of another device's log.
    #[cfg(feature = "host")]
    fn log_key(&mut self, key: KeyHandle) -> Result<(), Error> {
        self.allow(Command::AuditVerify)?;
        let slot = self.slots.get(key)?;
        let attributes = slot.attributes()?;
        slot.permit(Operation::MacVerify, self.policy)?;
        if !MacAlgorithm::Cmac.is_of(attributes.usage) || attributes.algorithm != KeyAlgorithm::Aes {
            return Err(Error::AlgorithmMismatch);
        }
        if !slot.serves(Choices::Mac(MacAlgorithm::Cmac)) {
            return Err(Error::UsageNotPermitted);
        }
        Ok(())
    }

    /// Writes a status message: the state, how full the tables are, what waits, where the log ends, with the caller's
    /// `nonce`, under the key of the log. Works in every state but Tampered, in which there is no key any more.
    ///
    /// | offset | length | content |
    /// |---|---|---|
    /// | 0 | 4 | `PHST` |
    /// | 4 | 1 | layout version, 01 |
    /// | 5 | 1 | state |
    /// | 6 | 2, 2, 2, 2 | slots, slots with a key, groups, groups in use |
    /// | 14 | 2 | alarms that wait |
    /// | 16 | 4 | policy |
    /// | 20 | 8 | identity of the device |
    /// | 28 | 8 | number of the last record of the log |
    /// | 36 | 16 | its tag |
    /// | 52 | 8 | up to where the log was released |
    /// | 60 | 16 | the nonce |
    /// | 76 | 16 | AES-CMAC over all before it |
    ///
    /// Numbers are big-endian. Without a log the numbers and the tag of the last record are zero.
    ///
    /// # Errors
    /// [`Error::NoKey`] without a storage key; [`Error::Tampered`].
    pub fn status_message(&self, nonce: &[u8; 16], out: &mut [u8; STATUS_LEN]) -> Result<(), Error> {
        out.fill(0);
        if self.life.state() == State::Tampered {
            return Err(Error::Tampered);
        }
        if self.own.audit().is_empty() {
            return Err(Error::NoKey);
        }
        let status = self.status();
        let (last, released) = self
            .log
            .as_ref()
            .map_or((Position::START, 0), |log| (log.last, log.released));
        let numbers = [
            status.slots.0,
            status.slots.1,
            status.groups.0,
            status.groups.1,
            self.events.len(),
        ];
        let fields = (*STATUS_MAGIC)
            .into_iter()
            .chain([1, self.state_number()])
            .chain(
                numbers
                    .into_iter()
                    .flat_map(|n| u16::try_from(n).unwrap_or(u16::MAX).to_be_bytes()),
            )
            .chain(self.policy.to_bits().to_be_bytes())
            .chain(*self.own.device())
            .chain(last.sequence.to_be_bytes())
            .chain(last.tag)
            .chain(released.to_be_bytes())
            .chain(*nonce);
        let (message, tag) = out.split_last_chunk_mut::<TAG_LEN>().ok_or(Error::Internal)?;
        for (to, from) in message.iter_mut().zip(fields) {
            *to = from;
        }
        CmacAes::once(self.own.audit(), &[message], tag).inspect_err(|_| out.fill(0))?;
        ct::public(out);
        Ok(())
    }
}

/// Length of a status message in bytes.
pub const STATUS_LEN: usize = 92;

const STATUS_MAGIC: &[u8; 4] = b"PHST";
