// SPDX-License-Identifier: MIT OR Apache-2.0
//! Records in two banks of flash pages: one is written to from front to back, and when it is full what still counts is
//! copied to the other.
//!
//! | offset in a bank | length | content |
//! |---|---|---|
//! | 0 | 16 | `PHSB`, generation (4, big-endian), and the complement of these 8 bytes; the last thing that a copy writes |
//! | 16 | 16 | the same once more |
//! | 32 | | records |
//!
//! | offset in a record | length | content |
//! |---|---|---|
//! | 0 | 16 | `RC`, record number (2), length *n* (2), 0000, and the complement of these 8 bytes |
//! | 16 | 16 | commit word: FF until the record was read back, then 00 |
//! | 32 | 16 | dead word: FF until the record is superseded or erased, then 00 |
//! | 48 | *n*, rounded up to 16 | the record; 00 behind. On rewritable flash 00 once the record is dead |
//!
//! **No key is here**: the records are sealed above, and whether one is authentic is judged there. Here it is told what was
//! never finished, which is as if it had not been begun, from what is damaged, which is never as if there were
//! nothing: a record without its commit word stands last in its bank; whatever else does not fit is
//! [`Error::StorageIntegrity`] for every operation. The commit and dead words are read by majority, so that a single bit
//! does not change what they say.

use crate::error::Error;
use crate::store::flash::{Flash, Geometry};

const UNIT: usize = 16;
const UNITS: u32 = 16;
const BANK_MAGIC: [u8; 4] = *b"PHSB";
const RECORD_MAGIC: [u8; 2] = *b"RC";
/// Where the first record stands.
const FIRST: u32 = 32;
/// Bytes of a record before its data.
const HEAD: u32 = 48;
const CHUNK: usize = 64;
const CHUNKS: u32 = 64;
const DONE: [u8; UNIT] = [0; UNIT];

/// What is known of the banks; nothing secret.
#[derive(Clone, Copy, Debug)]
struct State {
    /// The second bank is the one in use.
    second: bool,
    /// 0: neither bank has a header yet.
    generation: u32,
    /// Where the next record goes.
    end: u32,
    /// Nothing is appended any more.
    closed: bool,
}

#[derive(Debug)]
pub(super) struct RecordLog {
    page_len: u32,
    pages: u32,
    rewritable: bool,
    state: Option<State>,
}

/// A record's header and words.
#[derive(Clone, Copy, Debug)]
struct Entry {
    at: u32,
    id: u16,
    len: u32,
    committed: Word,
    dead: Word,
}

/// What a word of 16 bytes says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Word {
    Blank,
    /// Some bits, not most.
    Begun,
    /// Most bits, not all.
    Mostly,
    Done,
}

impl Word {
    fn of(bytes: &[u8; UNIT]) -> Self {
        match bytes.iter().map(|byte| byte.count_zeros()).sum::<u32>() {
            0 => Self::Blank,
            1..=64 => Self::Begun,
            65..=127 => Self::Mostly,
            _ => Self::Done,
        }
    }

    const fn is_set(self) -> bool {
        matches!(self, Self::Mostly | Self::Done)
    }
}

impl Entry {
    const fn data(&self) -> u32 {
        self.at.wrapping_add(HEAD)
    }

    const fn padded(&self) -> u32 {
        self.len.wrapping_add(15) & !15
    }

    const fn end(&self) -> u32 {
        self.data().wrapping_add(self.padded())
    }

    /// Of a record before the end, which is committed: a word that reads differently from one time to the next is judged
    /// once, in [`RecordLog::walk`].
    const fn is_live(&self) -> bool {
        !self.dead.is_set()
    }
}

/// 8 bytes and their complement.
fn doubled(fields: [u8; 8]) -> [u8; UNIT] {
    let mut out = [0; UNIT];
    for (to, from) in out.iter_mut().zip(fields.into_iter().chain(fields.map(|byte| !byte))) {
        *to = from;
    }
    out
}

/// The 8 bytes, if the complement is right.
fn halved(bytes: &[u8; UNIT]) -> Option<[u8; 8]> {
    let fields = bytes.first_chunk()?;
    (doubled(*fields) == *bytes).then_some(*fields)
}

fn bank_header(generation: u32) -> [u8; UNIT] {
    let ([a, b, c, d], [e, f, g, h]) = (BANK_MAGIC, generation.to_be_bytes());
    doubled([a, b, c, d, e, f, g, h])
}

fn record_header(id: u16, len: u16) -> [u8; UNIT] {
    let ([a, b], [c, d], [e, f]) = (RECORD_MAGIC, id.to_be_bytes(), len.to_be_bytes());
    doubled([a, b, c, d, e, f, 0, 0])
}

fn parse_record(bytes: &[u8; UNIT]) -> Option<(u16, u16)> {
    let [a, b, c, d, e, f, 0, 0] = halved(bytes)? else {
        return None;
    };
    ([a, b] == RECORD_MAGIC).then_some((u16::from_be_bytes([c, d]), u16::from_be_bytes([e, f])))
}

impl RecordLog {
    pub(super) const fn new(geometry: Geometry, pages: u32) -> Self {
        Self {
            page_len: geometry.page_len,
            pages,
            rewritable: geometry.rewritable,
            state: None,
        }
    }

    pub(super) fn load(&mut self, flash: &mut impl Flash, id: u16, out: &mut [u8]) -> Result<usize, Error> {
        if self.pages == 0 {
            return Ok(0);
        }
        let state = self.mounted(flash)?;
        let Some(entry) = self.find(flash, &state, id)? else {
            return Ok(0);
        };
        let out = out.get_mut(..entry.len as usize).ok_or(Error::BufferTooSmall)?;
        let mut at = entry.data();
        for part in out.chunks_mut(UNIT) {
            let mut unit = [0; UNIT];
            self.read(flash, state.second, at, &mut unit)?;
            for (to, from) in part.iter_mut().zip(unit) {
                *to = from;
            }
            at = at.wrapping_add(UNITS);
        }
        Ok(out.len())
    }

    /// The lowest number from `from` on of a live record.
    pub(super) fn next(&mut self, flash: &mut impl Flash, from: u16) -> Result<Option<u16>, Error> {
        if self.pages == 0 {
            return Ok(None);
        }
        let state = self.mounted(flash)?;
        let mut found = None;
        let mut at = FIRST;
        while let Some(entry) = self.entry(flash, state.second, at)?.filter(|_| at < state.end) {
            if entry.is_live() && entry.id >= from && found.is_none_or(|found| entry.id < found) {
                found = Some(entry.id);
            }
            at = entry.end();
        }
        Ok(found)
    }

    pub(super) fn save(&mut self, flash: &mut impl Flash, id: u16, record: &[u8]) -> Result<(), Error> {
        let len = u16::try_from(record.len()).map_err(|_| Error::Storage)?;
        if len == 0 || self.pages == 0 {
            return Err(Error::Storage);
        }
        let mut state = self.mounted(flash)?;
        let need = HEAD.wrapping_add(u32::from(len).wrapping_add(15) & !15);
        if state.generation == 0 {
            state = self.copy(flash, &state, need)?;
        }
        if state.closed || self.bank_len().checked_sub(state.end).is_none_or(|room| room < need) {
            state = self.copy(flash, &state, need)?;
        }
        let old = self.find(flash, &state, id)?;
        // Whatever happens from here on: what is half written is written over nowhere.
        self.state = Some(State { closed: true, ..state });
        self.append(flash, state.second, state.end, id, record)?;
        if let Some(old) = old {
            self.kill(flash, state.second, &old)?;
        }
        self.state = Some(State {
            end: state.end.wrapping_add(need),
            ..state
        });
        Ok(())
    }

    pub(super) fn erase(&mut self, flash: &mut impl Flash, id: u16) -> Result<(), Error> {
        if self.pages == 0 {
            return Ok(());
        }
        let state = self.mounted(flash)?;
        // One at most, but after an error.
        while let Some(entry) = self.find(flash, &state, id)? {
            self.kill(flash, state.second, &entry)?;
        }
        Ok(())
    }

    const fn bank_len(&self) -> u32 {
        // At most 1 MiB.
        self.pages.wrapping_mul(self.page_len)
    }

    const fn address(&self, second: bool, at: u32) -> u32 {
        let bank = if second { self.bank_len() } else { 0 };
        bank.wrapping_add(at)
    }

    fn read(&self, flash: &mut impl Flash, second: bool, at: u32, out: &mut [u8]) -> Result<(), Error> {
        flash.read(self.address(second, at), out).map_err(|_| Error::Storage)
    }

    /// Programs, and sees that it is there.
    fn put(&self, flash: &mut impl Flash, second: bool, at: u32, bytes: &[u8]) -> Result<(), Error> {
        let address = self.address(second, at);
        flash.program(address, bytes).map_err(|_| Error::Storage)?;
        let mut back = [0; CHUNK];
        let back = back.get_mut(..bytes.len()).ok_or(Error::Internal)?;
        flash.read(address, back).map_err(|_| Error::Storage)?;
        if back == bytes { Ok(()) } else { Err(Error::Storage) }
    }

    fn is_blank(&self, flash: &mut impl Flash, second: bool, from: u32) -> Result<bool, Error> {
        let mut at = from;
        while at < self.bank_len() {
            let mut unit = [0; UNIT];
            self.read(flash, second, at, &mut unit)?;
            if unit != [0xFF; UNIT] {
                return Ok(false);
            }
            at = at.wrapping_add(UNITS);
        }
        Ok(true)
    }

    fn erase_bank(&self, flash: &mut impl Flash, second: bool) -> Result<(), Error> {
        let first = if second { self.pages } else { 0 };
        for page in first..first.wrapping_add(self.pages) {
            flash.erase(page).map_err(|_| Error::Storage)?;
        }
        if self.is_blank(flash, second, 0)? {
            Ok(())
        } else {
            Err(Error::Storage)
        }
    }

    /// The record at a place; `None` if no header is there.
    fn entry(&self, flash: &mut impl Flash, second: bool, at: u32) -> Result<Option<Entry>, Error> {
        if at.checked_add(HEAD).is_none_or(|end| end > self.bank_len()) {
            return Ok(None);
        }
        let mut head = [0; HEAD as usize];
        self.read(flash, second, at, &mut head)?;
        let ([header, commit, dead], _) = head.as_chunks::<UNIT>() else {
            return Err(Error::Internal);
        };
        let entry = parse_record(header).map(|(id, len)| Entry {
            at,
            id,
            len: len.into(),
            committed: Word::of(commit),
            dead: Word::of(dead),
        });
        Ok(entry.filter(|entry| entry.len > 0 && entry.end() <= self.bank_len()))
    }

    /// The live record of a number: the last one.
    fn find(&self, flash: &mut impl Flash, state: &State, id: u16) -> Result<Option<Entry>, Error> {
        let mut found = None;
        let mut at = FIRST;
        while let Some(entry) = self.entry(flash, state.second, at)?.filter(|_| at < state.end) {
            if entry.id == id && entry.is_live() {
                found = Some(entry);
            }
            at = entry.end();
        }
        Ok(found)
    }

    /// Writes a record: header and data, and when they are read back the commit word.
    fn append(&self, flash: &mut impl Flash, second: bool, at: u32, id: u16, record: &[u8]) -> Result<(), Error> {
        let len = u16::try_from(record.len()).map_err(|_| Error::Storage)?;
        self.put(flash, second, at, &record_header(id, len))?;
        let mut to = at.wrapping_add(HEAD);
        for part in record.chunks(CHUNK) {
            let mut chunk = [0; CHUNK];
            for (to, from) in chunk.iter_mut().zip(part) {
                *to = *from;
            }
            let padded = part.len().wrapping_add(UNIT - 1) & !(UNIT - 1);
            self.put(flash, second, to, chunk.get(..padded).unwrap_or(&chunk))?;
            to = to.wrapping_add(CHUNKS);
        }
        self.put(flash, second, at.wrapping_add(16), &DONE)
    }

    /// Marks a record dead, and clears it where the flash allows.
    fn kill(&self, flash: &mut impl Flash, second: bool, entry: &Entry) -> Result<(), Error> {
        if entry.dead == Word::Blank || self.rewritable {
            self.put(flash, second, entry.at.wrapping_add(32), &DONE)?;
        } else if entry.dead != Word::Done {
            return Err(Error::Storage);
        }
        if self.rewritable {
            let mut at = entry.data();
            while at < entry.end() {
                self.put(flash, second, at, &DONE)?;
                at = at.wrapping_add(UNITS);
            }
        }
        Ok(())
    }

    /// Whether the data of a dead record are cleared.
    fn is_cleared(&self, flash: &mut impl Flash, second: bool, entry: &Entry) -> Result<bool, Error> {
        let mut at = entry.data();
        while at < entry.end() {
            let mut unit = [0; UNIT];
            self.read(flash, second, at, &mut unit)?;
            if unit != DONE {
                return Ok(false);
            }
            at = at.wrapping_add(UNITS);
        }
        Ok(true)
    }

    /// The generation of a bank, and whether its second header is in order; `None` without either.
    fn generation(&self, flash: &mut impl Flash, second: bool) -> Result<Option<(u32, bool)>, Error> {
        let mut head = [0; FIRST as usize];
        self.read(flash, second, 0, &mut head)?;
        let ([one, two], _) = head.as_chunks::<UNIT>() else {
            return Err(Error::Internal);
        };
        let parse = |bytes| {
            let [a, b, c, d, rest @ ..] = halved(bytes)?;
            ([a, b, c, d] == BANK_MAGIC).then_some(u32::from_be_bytes(rest))
        };
        let (one, two) = (parse(one), parse(two));
        Ok(two.or(one).map(|generation| (generation, two.is_some())))
    }

    /// Looks at the banks, once a boot, and ends what a cut may have interrupted.
    #[inline(never)]
    fn mounted(&mut self, flash: &mut impl Flash) -> Result<State, Error> {
        if let Some(state) = self.state {
            return Ok(state);
        }
        let (first, second) = (self.generation(flash, false)?, self.generation(flash, true)?);
        let (second, (generation, firm)) = match (first, second) {
            (Some(a), Some(b)) if b.0 > a.0 => (true, b),
            (Some(a), _) => (false, a),
            (None, Some(b)) => (true, b),
            (None, None) => {
                // Nothing yet: at most a copy of nothing that did not get to its header.
                if !self.is_blank(flash, false, FIRST)? || !self.is_blank(flash, true, FIRST)? {
                    return Err(Error::StorageIntegrity);
                }
                let state = State {
                    second: true,
                    generation: 0,
                    end: FIRST,
                    closed: true,
                };
                self.state = Some(state);
                return Ok(state);
            }
        };
        if !firm {
            // The first header may have bits that read otherwise next time.
            let mut unit = [0; UNIT];
            self.read(flash, second, UNITS, &mut unit)?;
            if unit == [0xFF; UNIT] || self.rewritable {
                // A damaged second header stays what it is.
                let _ = self.put(flash, second, UNITS, &bank_header(generation));
            }
        }
        let (end, closed, doubt) = self.walk(flash, second)?;
        let mut state = State {
            second,
            generation,
            end,
            closed,
        };
        // What cannot be ended, on a page that has gone bad, is no reason to give up the records.
        if !self.is_blank(flash, !second, 0)? {
            state.closed |= self.erase_bank(flash, !second).is_err();
        }
        if doubt {
            match self.copy(flash, &state, 0) {
                Ok(copied) => state = copied,
                Err(_) => state = self.state.unwrap_or(State { closed: true, ..state }),
            }
        }
        self.state = Some(state);
        Ok(state)
    }

    /// Goes through the records of a bank: where they end, whether nothing may be appended, whether a word is in doubt.
    ///
    /// First the commit words, then what follows from them: a record is superseded only by one that will still be there.
    fn walk(&self, flash: &mut impl Flash, second: bool) -> Result<(u32, bool, bool), Error> {
        let (end, closed, mut doubt) = self.walk_commits(flash, second)?;
        if doubt {
            // A commit word that cannot be made firm: what it supersedes stays until the copy is whole.
            return Ok((end, closed, doubt));
        }
        let state = State {
            second,
            generation: 0,
            end,
            closed,
        };
        let mut at = FIRST;
        while let Some(entry) = self.entry(flash, second, at)?.filter(|_| at < end) {
            match entry.dead {
                Word::Blank => {
                    let last = self.find(flash, &state, entry.id)?;
                    if last.is_some_and(|last| last.at != entry.at) {
                        doubt |= self.kill(flash, second, &entry).is_err();
                    }
                }
                Word::Begun => doubt = true,
                Word::Mostly | Word::Done => {
                    if self.rewritable && (entry.dead != Word::Done || !self.is_cleared(flash, second, &entry)?) {
                        doubt |= self.kill(flash, second, &entry).is_err();
                    }
                    doubt |= !self.rewritable && entry.dead != Word::Done;
                }
            }
            at = entry.end();
        }
        Ok((end, closed, doubt))
    }

    /// The part of [`walk`](Self::walk) that is about commit words.
    fn walk_commits(&self, flash: &mut impl Flash, second: bool) -> Result<(u32, bool, bool), Error> {
        let (mut at, mut doubt) = (FIRST, false);
        while let Some(entry) = self.entry(flash, second, at)? {
            if !entry.committed.is_set() {
                // Never finished, so the last one.
                if !self.is_blank(flash, second, entry.end())? || entry.dead != Word::Blank {
                    return Err(Error::StorageIntegrity);
                }
                return Ok((at, true, doubt));
            }
            if entry.committed != Word::Done {
                let word = entry.at.wrapping_add(16);
                doubt |= !self.rewritable || self.put(flash, second, word, &DONE).is_err();
            } else if self.rewritable && self.is_blank(flash, second, entry.end())? {
                // The last one: the word may have bits that read otherwise next time.
                doubt |= self.put(flash, second, entry.at.wrapping_add(16), &DONE).is_err();
            }
            at = entry.end();
        }
        if self.is_blank(flash, second, at)? {
            return Ok((at, false, doubt));
        }
        let mut unit = [0; UNIT];
        self.read(flash, second, at, &mut unit)?;
        if unit == [0xFF; UNIT] {
            // Bits that fell in the free part; but no record may be hidden behind them.
            let mut behind = at;
            while behind < self.bank_len() {
                self.read(flash, second, behind, &mut unit)?;
                if parse_record(&unit).is_some() {
                    return Err(Error::StorageIntegrity);
                }
                behind = behind.wrapping_add(UNITS);
            }
        } else if !self.is_blank(flash, second, at.wrapping_add(UNITS))? {
            // A header that was not finished has nothing behind it.
            return Err(Error::StorageIntegrity);
        }
        Ok((at, true, doubt))
    }

    /// Copies what is live to the other bank, and erases this one.
    #[inline(never)]
    fn copy(&mut self, flash: &mut impl Flash, from: &State, need: u32) -> Result<State, Error> {
        // What does not fit is refused before anything changes.
        let mut live = FIRST;
        let mut at = FIRST;
        if from.generation > 0 {
            while let Some(entry) = self.entry(flash, from.second, at)?.filter(|_| at < from.end) {
                if entry.is_live() {
                    live = live.wrapping_add(entry.end().wrapping_sub(entry.at));
                }
                at = entry.end();
            }
        }
        if live.checked_add(need).is_none_or(|len| len > self.bank_len()) {
            return Err(Error::Storage);
        }
        let to = !from.second;
        // Also if it looks erased: an erasure may have been interrupted.
        self.erase_bank(flash, to)?;
        let mut end = FIRST;
        let mut at = FIRST;
        while let Some(entry) = self.entry(flash, from.second, at)?.filter(|_| at < from.end) {
            at = entry.end();
            if !entry.is_live()
                || self
                    .find(flash, from, entry.id)?
                    .is_some_and(|last| last.at != entry.at)
            {
                continue;
            }
            let len = u16::try_from(entry.len).map_err(|_| Error::Internal)?;
            self.put(flash, to, end, &record_header(entry.id, len))?;
            self.put(flash, to, end.wrapping_add(16), &DONE)?;
            let (mut source, mut target) = (entry.data(), end.wrapping_add(HEAD));
            while source < entry.end() {
                let mut unit = [0; UNIT];
                self.read(flash, from.second, source, &mut unit)?;
                self.put(flash, to, target, &unit)?;
                source = source.wrapping_add(UNITS);
                target = target.wrapping_add(UNITS);
            }
            end = target;
        }
        let generation = from.generation.checked_add(1).ok_or(Error::Storage)?;
        let header = bank_header(generation);
        self.put(flash, to, 0, &header)?;
        self.put(flash, to, UNITS, &header)?;
        // From here on the copy counts, whatever happens.
        let state = State {
            second: to,
            generation,
            end,
            closed: false,
        };
        self.state = Some(state);
        self.erase_bank(flash, !to)?;
        Ok(state)
    }
}
