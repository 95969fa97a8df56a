// SPDX-License-Identifier: MIT OR Apache-2.0
//! The records of the audit log, and what verifies them away from the device.

use crate::ct;
use crate::error::Error;
use crate::hsm::event::{LogEvent, NO_PLACE, Note};
use crate::mac::cmac::CmacAes;
use crate::weaken::guard;

/// Length of a record in bytes.
pub const RECORD_LEN: usize = 80;

/// Length of a tag in bytes.
pub const TAG_LEN: usize = 16;

/// What the tag is made of: everything in front of it.
const COVERED: usize = RECORD_LEN - TAG_LEN;

/// One record, as it is stored and sent. `docs/AUDIT.md` has its layout.
#[derive(Clone, Copy, PartialEq, Eq)]
#[repr(transparent)]
pub struct Record([u8; RECORD_LEN]);

/// What a record says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Its number, from 1.
    pub sequence: u64,
    /// Milliseconds of the device's clock; `None` without one.
    pub time: Option<u64>,
    /// What happened. `None` for a number that this version does not know.
    pub event: Option<LogEvent>,
    /// The role that was there; 0: none.
    pub role: u8,
    /// The slot or group; [`NO_PLACE`]: none.
    pub place: u16,
    /// The first three bytes of the key's check value, or zeros.
    pub check: [u8; 3],
    /// The number of the error; 0: none.
    pub result: i32,
    /// The keyed fingerprint of the card's account, or zeros.
    pub card: [u8; 8],
    /// What the event counts; of an application's record its reference.
    pub value: u64,
}

/// The end of a log: the number and the tag of its last record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Position {
    /// The number; 0 before the first record.
    pub sequence: u64,
    /// The tag; zeros before the first record.
    pub tag: [u8; TAG_LEN],
}

impl Position {
    /// Before the first record.
    pub const START: Self = Self {
        sequence: 0,
        tag: [0; TAG_LEN],
    };
}

const NO_TIME: u64 = u64::MAX;

impl Record {
    /// No record.
    pub const EMPTY: Self = Self([0; RECORD_LEN]);

    /// From its bytes; whether it is authentic is for `verify`.
    #[must_use]
    pub const fn from_bytes(bytes: &[u8; RECORD_LEN]) -> Self {
        Self(*bytes)
    }

    /// Its bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; RECORD_LEN] {
        &self.0
    }

    pub(super) fn new(
        before: &Position,
        time: Option<u64>,
        role: u8,
        note: &Note,
        key: &[u8],
    ) -> Result<(Self, Position), Error> {
        let sequence = before.sequence.checked_add(1).ok_or(Error::LimitReached)?;
        let fields = sequence
            .to_be_bytes()
            .into_iter()
            .chain(time.unwrap_or(NO_TIME).to_be_bytes())
            .chain([note.event as u8, role])
            .chain(note.place.to_be_bytes())
            .chain(note.check)
            .chain([0])
            .chain(note.result.to_be_bytes())
            .chain(note.card)
            .chain(note.value.to_be_bytes())
            .chain([0; 4])
            .chain(before.tag);
        let mut record = Self::EMPTY;
        for (to, from) in record.0.iter_mut().zip(fields) {
            *to = from;
        }
        let (covered, tag) = record.0.split_last_chunk_mut::<TAG_LEN>().ok_or(Error::Internal)?;
        CmacAes::once(key, &[covered], tag)?;
        ct::public(tag);
        let tag = *tag;
        Ok((record, Position { sequence, tag }))
    }

    /// The record's number.
    #[must_use]
    pub fn sequence(&self) -> u64 {
        u64::from_be_bytes(*self.0.first_chunk().unwrap_or(&[0; 8]))
    }

    /// Its place in the chain.
    #[must_use]
    pub fn position(&self) -> Position {
        Position {
            sequence: self.sequence(),
            tag: *self.0.last_chunk().unwrap_or(&[0; TAG_LEN]),
        }
    }

    /// The tag of the record before it.
    #[must_use]
    pub fn previous(&self) -> [u8; TAG_LEN] {
        let covered = self.0.first_chunk::<COVERED>().unwrap_or(&[0; COVERED]);
        *covered.last_chunk().unwrap_or(&[0; TAG_LEN])
    }

    /// What it says.
    #[must_use]
    pub fn entry(&self) -> Entry {
        let [
            s0,
            s1,
            s2,
            s3,
            s4,
            s5,
            s6,
            s7, //
            t0,
            t1,
            t2,
            t3,
            t4,
            t5,
            t6,
            t7, //
            event,
            role,
            p0,
            p1,
            k0,
            k1,
            k2,
            _,
            r0,
            r1,
            r2,
            r3, //
            c0,
            c1,
            c2,
            c3,
            c4,
            c5,
            c6,
            c7, //
            v0,
            v1,
            v2,
            v3,
            v4,
            v5,
            v6,
            v7,
            ..,
        ] = self.0;
        let time = u64::from_be_bytes([t0, t1, t2, t3, t4, t5, t6, t7]);
        Entry {
            sequence: u64::from_be_bytes([s0, s1, s2, s3, s4, s5, s6, s7]),
            time: if time == NO_TIME { None } else { Some(time) },
            event: LogEvent::from_number(event),
            role,
            place: u16::from_be_bytes([p0, p1]),
            check: [k0, k1, k2],
            result: i32::from_be_bytes([r0, r1, r2, r3]),
            card: [c0, c1, c2, c3, c4, c5, c6, c7],
            value: u64::from_be_bytes([v0, v1, v2, v3, v4, v5, v6, v7]),
        }
    }

    /// Judges the record's own tag.
    pub(super) fn check(&self, key: &[u8]) -> Result<(), Error> {
        let (covered, tag) = self.0.split_last_chunk::<TAG_LEN>().ok_or(Error::Internal)?;
        let mut computed = [0; TAG_LEN];
        CmacAes::once(key, &[covered], &mut computed)?;
        ct::verdict(ct::eq(&computed, tag))
    }
}

impl core::fmt::Debug for Record {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_tuple("Record").field(&self.entry()).finish()
    }
}

impl Entry {
    /// Whether the record names a slot or a group.
    #[must_use]
    pub const fn has_place(&self) -> bool {
        self.place != NO_PLACE
    }
}

/// Judges a part of a log: every tag, that numbers and tags follow each other, that it begins right behind `after` and
/// ends at `until`. `records` is a whole number of records, as they were read out. Gives where it ends.
///
/// Without `after` the beginning is not judged: what came before may have been overwritten. Without `until` records may
/// be missing at the end; a status message of the device says where the end is.
///
/// # Errors
/// [`Error::InvalidLength`] for no or no whole records; [`Error::VerificationFailed`] for everything else.
///
/// # Timing
/// The number of records.
pub(super) fn verify_chain(
    key: &[u8],
    records: &[u8],
    after: Option<&Position>,
    until: Option<&Position>,
) -> Result<Position, Error> {
    let (records, rest) = records.as_chunks::<RECORD_LEN>();
    if records.is_empty() || !rest.is_empty() {
        return Err(Error::InvalidLength);
    }
    let mut last = after.copied();
    let mut sound = true;
    for bytes in records {
        let record = Record(*bytes);
        sound &= record.check(key).is_ok();
        if let Some(last) = &last {
            sound &= last.sequence.checked_add(1) == Some(record.sequence());
            sound &= last.tag == record.previous();
        }
        last = Some(record.position());
    }
    let last = last.ok_or(Error::Internal)?;
    if let Some(until) = until {
        sound &= last == *until;
    }
    if guard!("K07", !sound) {
        return Err(Error::VerificationFailed);
    }
    Ok(last)
}
