// SPDX-License-Identifier: MIT OR Apache-2.0
//! Where everything stands in an area: its header, the snapshot, the records of transactions. The table is at the head of
//! [`pages`](super).

use crate::dukpt::Scheme;
use crate::error::Error;
use crate::store::{Area, Half, Storage};

use super::medium::read;

pub(super) const MAGIC: [u8; 4] = *b"PHSJ";
pub(super) const LAYOUT: u8 = 1;
pub(super) const HEADER_LEN: usize = 32;
pub(super) const COMMIT_AT: u32 = 32;
pub(super) const TAG_AT: u32 = 48;
pub(super) const BODY_AT: u32 = 64;
/// Unit of programming, in bytes.
pub(super) const UNIT: usize = Area::UNIT as usize;
pub(super) const UNITS: u32 = Area::UNIT;
/// Marks at the head of a body.
pub(super) const MARKS_LEN: usize = 128;
/// Bytes of a state before its registers.
pub(super) const STATE_LEN: usize = 24;
/// What is programmed and read at once.
pub(super) const CHUNK: usize = 64;
pub(super) const CHUNKS: u32 = 64;
pub(super) const DONE: [u8; UNIT] = [0; UNIT];

/// What a body holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Form {
    /// `None`: marks only.
    pub(super) scheme: Option<Scheme>,
    pub(super) key_len: u8,
}

impl Form {
    const MARKS: Self = Self {
        scheme: None,
        key_len: 0,
    };

    /// The form of a body.
    pub(super) fn of(body: &[u8]) -> Result<Self, Error> {
        let state = body.get(MARKS_LEN..).ok_or(Error::Internal)?;
        match state {
            [] => Ok(Self::MARKS),
            [_, _, key_len, ..] => Self::new(Scheme::of_snapshot(state)?, *key_len),
            _ => Err(Error::Record),
        }
    }

    pub(super) fn new(scheme: Scheme, key_len: u8) -> Result<Self, Error> {
        match (scheme, key_len) {
            (Scheme::Tdes, 16) | (Scheme::Aes, 16 | 24 | 32) => Ok(Self {
                scheme: Some(scheme),
                key_len,
            }),
            _ => Err(Error::Record),
        }
    }

    pub(super) const fn tag(self) -> u8 {
        match self.scheme {
            None => 0,
            Some(Scheme::Tdes) => 1,
            Some(Scheme::Aes) => 2,
        }
    }

    /// Bytes of a key's place in flash.
    pub(super) const fn place(self) -> u32 {
        if self.key_len > 16 { 32 } else { 16 }
    }

    /// Keys in a snapshot: registers and update key.
    pub(super) const fn keys(self) -> u32 {
        match self.scheme {
            None => 0,
            Some(Scheme::Tdes) => 21,
            Some(Scheme::Aes) => 33,
        }
    }

    /// Registers, one for each counter bit.
    pub(super) const fn registers(self) -> u32 {
        match self.scheme {
            None => 0,
            Some(Scheme::Tdes) => 21,
            Some(Scheme::Aes) => 32,
        }
    }

    /// Where the first record stands.
    pub(super) const fn records_at(self) -> u32 {
        let state = if self.scheme.is_none() { 128 } else { 160 };
        BODY_AT.wrapping_add(state).wrapping_add(self.keys().wrapping_mul(self.place()))
    }

    pub(super) fn body_len(self) -> usize {
        let keys = (self.keys() as usize).wrapping_mul(self.key_len.into());
        let state = if self.scheme.is_none() { 0 } else { STATE_LEN };
        MARKS_LEN.wrapping_add(state).wrapping_add(keys)
    }

    /// Where the snapshot's key of a register stands.
    pub(super) const fn register_at(self, bit: u32) -> u32 {
        BODY_AT.wrapping_add(160).wrapping_add(bit.wrapping_mul(self.place()))
    }

    /// Where the key of a register is in the body.
    pub(super) fn key(self, bit: u32) -> core::ops::Range<usize> {
        let len = usize::from(self.key_len);
        let at = MARKS_LEN
            .wrapping_add(STATE_LEN)
            .wrapping_add((bit as usize).wrapping_mul(len));
        at..at.wrapping_add(len)
    }

    /// The clear bytes of unit `unit` of a snapshot.
    pub(super) fn unit(self, body: &[u8], unit: u32, out: &mut [u8]) {
        out.fill(0);
        let wide = u32::from(self.key_len > 16);
        let range = match unit.checked_sub(10) {
            None => {
                let at = (unit as usize).wrapping_mul(UNIT);
                at..at.wrapping_add(UNIT).min(MARKS_LEN.wrapping_add(STATE_LEN))
            }
            Some(unit) => {
                let key = self.key(unit >> wide);
                let skip = if unit & wide == 1 { UNIT } else { 0 };
                let at = key.start.wrapping_add(skip);
                at..at.wrapping_add(UNIT).min(key.end)
            }
        };
        for (to, from) in out.iter_mut().zip(body.get(range).unwrap_or(&[])) {
            *to = *from;
        }
    }
}

/// The header of an area, and what it says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Head {
    pub(super) half: Half,
    pub(super) area: Area,
    pub(super) form: Form,
    /// Sequence number of the snapshot.
    pub(super) base: u64,
    /// Counter of the snapshot.
    pub(super) start: u32,
}

impl Head {
    pub(super) fn bytes(&self) -> [u8; HEADER_LEN] {
        let place = u8::from(self.half.second) | (u8::from(self.area.rewritable) << 1);
        let mut out = [0; HEADER_LEN];
        let fields = MAGIC
            .into_iter()
            .chain([LAYOUT, place])
            .chain(self.half.group.to_be_bytes())
            .chain(self.base.to_be_bytes())
            .chain(self.start.to_be_bytes())
            .chain([self.form.tag(), self.form.key_len]);
        for (to, from) in out.iter_mut().zip(fields) {
            *to = from;
        }
        out
    }

    /// The header in flash, if it is one of this place.
    pub(super) fn read(storage: &mut impl Storage, half: Half, area: Area) -> Result<Option<Self>, Error> {
        let mut bytes = [0; HEADER_LEN];
        read(storage, half, 0, &mut bytes)?;
        let &[
            _, _, _, _, _, _, _, _, s0, s1, s2, s3, s4, s5, s6, s7, c0, c1, c2, c3, tag, key_len, ..,
        ] = &bytes;
        let form = match tag {
            0 => Ok(Form::MARKS),
            1 => Form::new(Scheme::Tdes, key_len),
            _ => Form::new(Scheme::Aes, key_len),
        };
        let head = form.map(|form| Self {
            half,
            area,
            form,
            base: u64::from_be_bytes([s0, s1, s2, s3, s4, s5, s6, s7]),
            start: u32::from_be_bytes([c0, c1, c2, c3]),
        });
        let sound = |head: &Self| {
            let counter = head.form.scheme.is_none_or(|s| s.check_counter(head.start).is_ok());
            head.bytes() == bytes && (counter || head.start == 0) && head.form.records_at() <= area.len
        };
        Ok(head.ok().filter(sound))
    }

    /// The records behind the snapshot, as far as there is room.
    pub(super) fn records(&self) -> Records {
        Records {
            head: *self,
            at: self.form.records_at(),
            counter: self.start,
        }
    }

    /// Where the key of each register stands after `count` transactions, and the tag that it is enciphered under.
    pub(super) fn places(&self, count: u32) -> [(u32, u32); 32] {
        let mut places = [(0, TAG_AT); 32];
        for (bit, place) in (0..).zip(&mut places) {
            place.0 = self.form.register_at(bit);
        }
        for record in self.records().take(count as usize) {
            let keys = record.key_places(self.form.place());
            for (place, at) in places.iter_mut().zip(keys) {
                *place = (at, record.at);
            }
        }
        places
    }

    /// Where the snapshot's and the records' keys stand, with the register of each.
    pub(super) fn all_places(&self, count: u32) -> impl Iterator<Item = (u32, u32)> {
        let form = self.form;
        let registers = form.registers();
        let first = (0..registers).map(move |bit| (bit, form.register_at(bit)));
        let then = self
            .records()
            .take(count as usize)
            .flat_map(move |record| (0..).zip(record.key_places(form.place())));
        first.chain(then)
    }

    /// After `count` transactions: the counter, and where the next record goes.
    pub(super) fn end(&self, count: u32) -> (u32, u32) {
        let last = self.records().take(count as usize).last();
        last.map_or((self.start, self.form.records_at()), |last| (last.next, last.at.wrapping_add(last.len)))
    }

    pub(super) fn index(count: u32) -> [u8; 4] {
        count.to_be_bytes()
    }
}

/// The record of a transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Record {
    pub(super) at: u32,
    pub(super) len: u32,
    /// The transaction.
    pub(super) counter: u32,
    /// The counter after it.
    pub(super) next: u32,
    pub(super) filled: u32,
}

impl Record {
    /// Where the keys of the filled registers stand, that of register 0 first.
    pub(super) fn key_places(&self, place: u32) -> impl Iterator<Item = u32> + use<> {
        let at = self.at.wrapping_add(UNITS);
        (0..self.filled.count_ones()).map(move |i| at.wrapping_add(i.wrapping_mul(place)))
    }

    /// The mark behind it, on flash that is not rewritable.
    pub(super) const fn mark_at(&self) -> u32 {
        self.at.wrapping_add(self.len).wrapping_sub(UNITS)
    }
}

/// See [`Head::records`].
#[derive(Debug)]
pub(super) struct Records {
    pub(super) head: Head,
    pub(super) at: u32,
    pub(super) counter: u32,
}

impl Iterator for Records {
    type Item = Record;

    fn next(&mut self) -> Option<Record> {
        let scheme = self.head.form.scheme?;
        if self.counter == 0 {
            return None;
        }
        let filled = scheme.filled_registers(self.counter);
        let keys = filled.count_ones().wrapping_mul(self.head.form.place());
        let around = if self.head.area.rewritable { UNITS } else { UNITS.wrapping_mul(2) };
        let len = keys.wrapping_add(around);
        let end = self.at.checked_add(len).filter(|end| *end <= self.head.area.len)?;
        let record = Record {
            at: self.at,
            len,
            counter: self.counter,
            next: scheme.next_counter(self.counter),
            filled,
        };
        (self.at, self.counter) = (end, record.next);
        Some(record)
    }
}
