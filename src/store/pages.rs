// SPDX-License-Identifier: MIT OR Apache-2.0
//! The journal of a DUKPT group in two areas of NOR flash: a snapshot, and one small record for each transaction.
//!
//! ```text
//!  area:   | header | commit | tag 0 | marks, state, registers | tag 1 | new keys | tag 2 | new keys | ... | FF
//!                     last of                                     \__ transaction __/
//!                     a snapshot
//!  commit: tag and new keys -> read back -> (mark) -> the used key is cleared where it stands -> read back -> key given out
//!          no room: snapshot into the other area -> read back -> commit word -> this area erased -> key given out
//! ```
//!
//! | offset | length | content |
//! |---|---|---|
//! | 0 | 4 | `PHSJ` |
//! | 4 | 1 | layout version, 01 |
//! | 5 | 1 | bit 0: the second area; bit 1: rewritable flash |
//! | 6 | 2 | group, big-endian |
//! | 8 | 8 | sequence number of the snapshot, big-endian; a transaction's record has the next one |
//! | 16 | 4 | counter of the snapshot, big-endian |
//! | 20 | 1 | scheme: 01 TDEA, 02 AES, 00 marks only |
//! | 21 | 1 | key length *k* in bytes |
//! | 22 | 10 | 00 |
//! | 32 | 16 | FF until the snapshot is whole, then 00 |
//! | 48 | 16 | tag 0 |
//! | 64 | 128 | marks ([`journal`](super::journal)), AES-CTR from tag 0 on, as all that follows |
//! | 192 | 32 | the first 24 bytes of the state ([`Step`](crate::dukpt::Step)), zeros behind |
//! | 224 | *r* places | the registers, each in a place of *k* rounded up to 16 bytes, and the update key |
//! | then, each time | 16 | tag *i* |
//! | | *f* places | the keys of the registers that the transaction filled, the lowest first, AES-CTR from tag *i* on |
//! | | 16 | flash that is not rewritable only: FF until the record was read back, then 00 |
//!
//! **What a record says follows from the counter**: which register was used, which were filled, which counter is next.
//! So a record has no header that could be damaged, only the tag and the new keys: 32 bytes on average with keys of 16
//! bytes, one tag and 1.00 new keys for each transaction.
//!
//! **The tag is of the state, not of the record.** Tag *i* is AES-CMAC over the header, *i*, and the whole state after
//! *i* transactions in clear: marks, counter, and every register that holds a key then. The last tag authenticates
//! all that still counts, wherever in the area it stands; what is cleared is in no state any more, so clearing leaves
//! the state authentic. And the state *before* the last transaction does not authenticate any more once the used key is
//! cleared: a last record that is damaged later cannot be taken for one that was never finished. On flash that is not
//! rewritable the mark behind the record does that. As in [`seal`](super::seal) the tag is the first counter block.
//!
//! **Mounting.** The area with the higher sequence number whose last state authenticates is taken. Its last record may be
//! one that the power cut off: then nothing was given out on the strength of it, and the state before it is taken,
//! if that authenticates and nothing stands behind. What such a cut leaves is cleared up: the last record and the
//! clearing are programmed once more (bits may be marginal), the other area is erased. If something is there and nothing
//! authenticates, that is [`Error::StorageIntegrity`], but for snapshots without their commit word.

use crate::cipher::modes;
use crate::ct;
use crate::dukpt::Scheme;
use crate::error::Error;
use crate::mac::Mac;
use crate::secret::Secret;
use crate::store::seal::{Scratch, Sealer, TAG_LEN};
use crate::store::{Area, Half, Storage};
use crate::weaken::guard;

const MAGIC: [u8; 4] = *b"PHSJ";
const LAYOUT: u8 = 1;
const HEADER_LEN: usize = 32;
const COMMIT_AT: u32 = 32;
const TAG_AT: u32 = 48;
const BODY_AT: u32 = 64;
/// Unit of programming, in bytes.
const UNIT: usize = Area::UNIT as usize;
const UNITS: u32 = Area::UNIT;
/// Marks at the head of a body.
const MARKS_LEN: usize = 128;
/// Bytes of a state before its registers.
const STATE_LEN: usize = 24;
/// What is programmed and read at once.
const CHUNK: usize = 64;
const CHUNKS: u32 = 64;
const DONE: [u8; UNIT] = [0; UNIT];

/// What a body holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Form {
    /// `None`: marks only.
    scheme: Option<Scheme>,
    key_len: u8,
}

impl Form {
    const MARKS: Self = Self {
        scheme: None,
        key_len: 0,
    };

    /// The form of a body.
    fn of(body: &[u8]) -> Result<Self, Error> {
        let state = body.get(MARKS_LEN..).ok_or(Error::Internal)?;
        match state {
            [] => Ok(Self::MARKS),
            [_, _, key_len, ..] => Self::new(Scheme::of_snapshot(state)?, *key_len),
            _ => Err(Error::Record),
        }
    }

    fn new(scheme: Scheme, key_len: u8) -> Result<Self, Error> {
        match (scheme, key_len) {
            (Scheme::Tdes, 16) | (Scheme::Aes, 16 | 24 | 32) => Ok(Self {
                scheme: Some(scheme),
                key_len,
            }),
            _ => Err(Error::Record),
        }
    }

    const fn tag(self) -> u8 {
        match self.scheme {
            None => 0,
            Some(Scheme::Tdes) => 1,
            Some(Scheme::Aes) => 2,
        }
    }

    /// Bytes of a key's place in flash.
    const fn place(self) -> u32 {
        if self.key_len > 16 { 32 } else { 16 }
    }

    /// Keys in a snapshot: registers and update key.
    const fn keys(self) -> u32 {
        match self.scheme {
            None => 0,
            Some(Scheme::Tdes) => 21,
            Some(Scheme::Aes) => 33,
        }
    }

    /// Registers, one for each counter bit.
    const fn registers(self) -> u32 {
        match self.scheme {
            None => 0,
            Some(Scheme::Tdes) => 21,
            Some(Scheme::Aes) => 32,
        }
    }

    /// Where the first record stands.
    const fn records_at(self) -> u32 {
        let state = if self.scheme.is_none() { 128 } else { 160 };
        BODY_AT.wrapping_add(state).wrapping_add(self.keys().wrapping_mul(self.place()))
    }

    fn body_len(self) -> usize {
        let keys = (self.keys() as usize).wrapping_mul(self.key_len.into());
        let state = if self.scheme.is_none() { 0 } else { STATE_LEN };
        MARKS_LEN.wrapping_add(state).wrapping_add(keys)
    }

    /// Where the snapshot's key of a register stands.
    const fn register_at(self, bit: u32) -> u32 {
        BODY_AT.wrapping_add(160).wrapping_add(bit.wrapping_mul(self.place()))
    }

    /// Where the key of a register is in the body.
    fn key(self, bit: u32) -> core::ops::Range<usize> {
        let len = usize::from(self.key_len);
        let at = MARKS_LEN
            .wrapping_add(STATE_LEN)
            .wrapping_add((bit as usize).wrapping_mul(len));
        at..at.wrapping_add(len)
    }

    /// The clear bytes of unit `unit` of a snapshot.
    fn unit(self, body: &[u8], unit: u32, out: &mut [u8]) {
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
struct Head {
    half: Half,
    area: Area,
    form: Form,
    /// Sequence number of the snapshot.
    base: u64,
    /// Counter of the snapshot.
    start: u32,
}

impl Head {
    fn bytes(&self) -> [u8; HEADER_LEN] {
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
    fn read(storage: &mut impl Storage, half: Half, area: Area) -> Result<Option<Self>, Error> {
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
    fn records(&self) -> Records {
        Records {
            head: *self,
            at: self.form.records_at(),
            counter: self.start,
        }
    }

    /// Where the key of each register stands after `count` transactions, and the tag that it is enciphered under.
    fn places(&self, count: u32) -> [(u32, u32); 32] {
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
    fn all_places(&self, count: u32) -> impl Iterator<Item = (u32, u32)> {
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
    fn end(&self, count: u32) -> (u32, u32) {
        let last = self.records().take(count as usize).last();
        last.map_or((self.start, self.form.records_at()), |last| (last.next, last.at.wrapping_add(last.len)))
    }

    fn index(count: u32) -> [u8; 4] {
        count.to_be_bytes()
    }
}

/// The record of a transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Record {
    at: u32,
    len: u32,
    /// The transaction.
    counter: u32,
    /// The counter after it.
    next: u32,
    filled: u32,
}

impl Record {
    /// Where the keys of the filled registers stand, that of register 0 first.
    fn key_places(&self, place: u32) -> impl Iterator<Item = u32> + use<> {
        let at = self.at.wrapping_add(UNITS);
        (0..self.filled.count_ones()).map(move |i| at.wrapping_add(i.wrapping_mul(place)))
    }

    /// The mark behind it, on flash that is not rewritable.
    const fn mark_at(&self) -> u32 {
        self.at.wrapping_add(self.len).wrapping_sub(UNITS)
    }
}

/// See [`Head::records`].
#[derive(Debug)]
struct Records {
    head: Head,
    at: u32,
    counter: u32,
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

/// The state that an area holds. The group and what its areas are like come with each call.
#[derive(Clone, Copy, Debug)]
struct Live {
    second: bool,
    form: Form,
    base: u64,
    start: u32,
    /// Transactions since the snapshot.
    count: u32,
}

impl Live {
    const fn new(head: &Head, count: u32) -> Self {
        Self {
            second: head.half.second,
            form: head.form,
            base: head.base,
            start: head.start,
            count,
        }
    }

    const fn head(&self, group: u16, area: Area) -> Head {
        Head {
            half: Half {
                group,
                second: self.second,
            },
            area,
            form: self.form,
            base: self.base,
            start: self.start,
        }
    }
}

/// The journal of one group; nothing secret.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Log {
    mounted: bool,
    live: Option<Live>,
    /// The next commit is a snapshot.
    closed: bool,
    /// The other area was erased and looked at.
    clean: bool,
    /// How far the platform's counter is behind the live state.
    behind: u32,
    /// Of the last record that was written or tried.
    sequence: u64,
}

impl Log {
    pub(crate) const NEW: Self = Self {
        mounted: false,
        live: None,
        closed: false,
        clean: false,
        behind: 0,
        sequence: 0,
    };

    pub(crate) const fn sequence(&self) -> u64 {
        self.sequence
    }

    /// Sequence number of the state that a mount would give.
    pub(crate) fn live(&self) -> Option<u64> {
        self.live.map(|live| live.base.wrapping_add(live.count.into()))
    }

    /// Takes the newest authentic state; its body is in `scratch` then, and its length is given. `None` only if nothing
    /// is there. Bounded: every byte of the areas is read a few times, and each is erased at most once.
    pub(crate) fn mount(
        &mut self,
        storage: &mut impl Storage,
        sealer: &Sealer,
        group: u16,
        area: Area,
        scratch: &mut Scratch,
    ) -> Result<Option<usize>, Error> {
        *self = Self::NEW;
        let halves = [false, true].map(|second| Half { group, second });
        let mut damaged = false;
        let mut heads = [None; 2];
        for (half, head) in halves.into_iter().zip(&mut heads) {
            *head = Head::read(storage, half, area)?;
            if head.is_none() {
                damaged |= !uncommitted(storage, half)?;
            }
        }
        // The newer one first.
        let [first, second] = heads;
        if first.is_some_and(|a| second.is_some_and(|b| b.base > a.base)) {
            heads = [second, first];
        }
        for head in heads.into_iter().flatten() {
            let Some((count, open)) = newest(storage, sealer, &head, scratch)? else {
                damaged |= !uncommitted(storage, head.half)?;
                continue;
            };
            self.live = Some(Live::new(&head, count));
            self.closed = !open;
            self.sequence = self.live().unwrap_or(0);
            self.clear_up(storage, sealer, &head, count, scratch)?;
            self.mounted = true;
            return Ok(Some(head.form.body_len()));
        }
        scratch.wipe();
        if damaged {
            return Err(Error::StorageIntegrity);
        }
        self.mounted = true;
        Ok(None)
    }

    /// Ends what a cut may have interrupted. The state is in `scratch`. What cannot be ended, on a page that has gone bad,
    /// is no reason to give up the state: the next commit tries again and says so.
    fn clear_up(
        &mut self,
        storage: &mut impl Storage,
        sealer: &Sealer,
        head: &Head,
        count: u32,
        scratch: &Scratch,
    ) -> Result<(), Error> {
        let (half, area) = (head.half, head.area);
        let body = scratch.body(head.form.body_len());
        let last = head.records().take(count as usize).last();
        let mut word = [0; UNIT];
        let other = other(half);
        let other_blank = is_blank(storage, other, 0, area.len)?;
        read(storage, half, COMMIT_AT, &mut word)?;
        let mut doubt = word != DONE;
        match last {
            None => doubt |= !other_blank,
            Some(last) if area.rewritable => {
                // Where the used key stood.
                let used = last.counter.trailing_zeros();
                let before = head.places(count.wrapping_sub(1));
                let (at, _) = before.get(used as usize).copied().ok_or(Error::Internal)?;
                doubt |= !is_cleared(storage, head, at)?;
            }
            Some(last) => {
                read(storage, half, last.mark_at(), &mut word)?;
                doubt |= word != DONE;
            }
        }
        if doubt && !area.rewritable {
            self.closed = true;
        } else if doubt {
            // What was read as whole may have bits that read otherwise next time.
            let tag = tag(sealer, head, count, body)?;
            let written = match last {
                None => write_snapshot(storage, sealer, head, &tag, body),
                Some(last) => write_record(storage, sealer, head, &last, &tag, body),
            };
            let committed = put(storage, half, COMMIT_AT, &DONE);
            self.closed |= written.and(committed).is_err();
        }
        if area.rewritable {
            let valid = head.form.scheme.map_or(0, |s| s.valid_registers(head.end(count).0));
            let live_places = head.places(count);
            for (bit, at) in head.all_places(count) {
                let place = live_places.get(bit as usize).copied().unwrap_or_default();
                let used = place.0 != at || (valid >> bit) & 1 == 0;
                if used && !is_cleared(storage, head, at)? {
                    self.closed |= clear(storage, head, at).is_err();
                }
            }
            if let Some(last) = last {
                let before = head.places(count.wrapping_sub(1));
                let used = before.get(last.counter.trailing_zeros() as usize);
                self.closed |= clear(storage, head, used.copied().ok_or(Error::Internal)?.0).is_err();
            }
        }
        // After a snapshot alone the erasure may have been interrupted so that it looks done.
        self.clean = (other_blank && last.is_some()) || erase(storage, other, area).is_ok();
        Ok(())
    }

    /// Makes the state durable whose body is in `scratch`, `len` bytes.
    ///
    /// After an error the state may be the old or the new one; [`live`](Self::live) says which if the power stays.
    pub(crate) fn write(
        &mut self,
        storage: &mut impl Storage,
        sealer: &Sealer,
        (group, area): (u16, Area),
        scratch: &Scratch,
        len: usize,
    ) -> Result<(), Error> {
        if !self.mounted {
            return Err(Error::BadState);
        }
        let body = scratch.body(len);
        let sequence = self.sequence.checked_add(1).ok_or(Error::LimitReached)?;
        let successor = match self.successor(group, area, body, sequence) {
            // Bits that fell in the free part: the record goes elsewhere.
            Some((head, record)) if !is_blank(storage, head.half, record.at, record.at.wrapping_add(record.len))? => None,
            other => other,
        };
        match successor {
            Some((head, record)) => self.append(storage, sealer, &head, &record, body)?,
            None => self.snapshot(storage, sealer, (group, area), body, sequence)?,
        }
        // After an error it is not known whether it was advanced: once too few is made good by the next start, once too
        // many would be an older image.
        let behind = core::mem::take(&mut self.behind);
        storage.advance(behind.into()).map_err(|_| Error::Storage)
    }

    /// Another state is the live one.
    fn replace(&mut self, live: Live) -> Option<Live> {
        let before = self.live().unwrap_or(0);
        let old = self.live.replace(live);
        let steps = self.live().unwrap_or(0).wrapping_sub(before);
        self.behind = self.behind.saturating_add(u32::try_from(steps).unwrap_or(u32::MAX));
        old
    }

    /// The live area with one more transaction, if that is what `body` is, and there is room for its record.
    fn successor(&self, group: u16, area: Area, body: &[u8], sequence: u64) -> Option<(Head, Record)> {
        let live = self.live.filter(|_| !self.closed && self.clean)?;
        let form = Form::of(body).ok().filter(|form| *form == live.form)?;
        form.scheme?;
        let head = live.head(group, area);
        let record = head.records().nth(live.count as usize)?;
        let count = live.count.wrapping_add(1);
        // The marks and the identity of a successor differ from the snapshot's in the counter alone: the caller
        // replaces a state by another one only through `close`.
        let counter = body.get(MARKS_LEN.wrapping_add(16)..)?.first_chunk()?;
        let fits = u32::from_be_bytes(*counter) == record.next
            && live.base.checked_add(count.into()) == Some(sequence);
        fits.then_some((head, record))
    }

    /// The next commit writes everything.
    pub(crate) const fn close(&mut self) {
        self.closed = true;
    }

    fn append(
        &mut self,
        storage: &mut impl Storage,
        sealer: &Sealer,
        head: &Head,
        record: &Record,
        body: &[u8],
    ) -> Result<(), Error> {
        let live = self.live.ok_or(Error::Internal)?;
        let count = live.count.wrapping_add(1);
        let before = head.places(live.count);
        let used = before.get(record.counter.trailing_zeros() as usize).ok_or(Error::Internal)?.0;
        // Until all is done: what is half written here is written over nowhere.
        self.closed = true;
        self.sequence = self.sequence.wrapping_add(1);
        let tag = tag(sealer, head, count, body)?;
        write_record(storage, sealer, head, record, &tag, body)?;
        self.replace(Live { count, ..live });
        if head.area.rewritable {
            guard!("F04", clear(storage, head, used))?;
        } else {
            put(storage, head.half, record.mark_at(), &DONE)?;
        }
        self.closed = false;
        Ok(())
    }

    fn snapshot(
        &mut self,
        storage: &mut impl Storage,
        sealer: &Sealer,
        (group, area): (u16, Area),
        body: &[u8],
        sequence: u64,
    ) -> Result<(), Error> {
        let form = Form::of(body)?;
        let second = self.live.is_some_and(|live| !live.second);
        let half = Half { group, second };
        let start = match form.scheme {
            None => 0,
            Some(_) => {
                let counter = body.get(MARKS_LEN.wrapping_add(16)..).and_then(<[u8]>::first_chunk);
                u32::from_be_bytes(*counter.ok_or(Error::Record)?)
            }
        };
        let head = Head {
            half,
            area,
            form,
            base: sequence,
            start,
        };
        if form.records_at() > area.len {
            return Err(Error::Storage);
        }
        if !self.clean {
            erase(storage, half, area)?;
        }
        self.clean = false;
        self.closed = true;
        self.sequence = sequence;
        let tag = tag(sealer, &head, 0, body)?;
        write_snapshot(storage, sealer, &head, &tag, body)?;
        put(storage, half, COMMIT_AT, &DONE)?;
        let old = self.replace(Live::new(&head, 0));
        if old.is_some() || !is_blank(storage, other(half), 0, area.len)? {
            erase(storage, other(half), area)?;
        }
        (self.clean, self.closed) = (true, false);
        Ok(())
    }
}

const fn other(half: Half) -> Half {
    Half {
        group: half.group,
        second: !half.second,
    }
}

/// The number of transactions after which the state of an area authenticates, and whether a record may follow. The state
/// is in `scratch` then.
fn newest(
    storage: &mut impl Storage,
    sealer: &Sealer,
    head: &Head,
    scratch: &mut Scratch,
) -> Result<Option<(u32, bool)>, Error> {
    let mut count = 0_u32;
    let mut end = head.form.records_at();
    let mut last = None;
    for record in head.records() {
        end = record.at.wrapping_add(record.len);
        if is_blank(storage, head.half, record.at, end)? {
            end = record.at;
            break;
        }
        count = count.wrapping_add(1);
        last = Some(record);
    }
    let rest = is_blank(storage, head.half, end, head.area.len)?;
    if authentic(storage, sealer, head, count, scratch)? {
        return Ok(Some((count, rest)));
    }
    // The last record may be one that was cut off.
    let Some(last) = last.filter(|_| rest) else {
        return Ok(None);
    };
    if !head.area.rewritable {
        let mut mark = [0; UNIT];
        read(storage, head.half, last.mark_at(), &mut mark)?;
        if mark != [0xFF; UNIT] {
            return Ok(None);
        }
    }
    let count = count.wrapping_sub(1);
    Ok(authentic(storage, sealer, head, count, scratch)?.then_some((count, false)))
}

/// Whether an area holds nothing that was ever the state: its commit word is as erased.
fn uncommitted(storage: &mut impl Storage, half: Half) -> Result<bool, Error> {
    is_blank(storage, half, COMMIT_AT, TAG_AT)
}

/// Puts the state after `count` transactions together in `scratch`, and judges it by its tag. Not authentic: wiped.
fn authentic(
    storage: &mut impl Storage,
    sealer: &Sealer,
    head: &Head,
    count: u32,
    scratch: &mut Scratch,
) -> Result<bool, Error> {
    let (counter, _) = head.end(count);
    let tag_at = match head.records().take(count as usize).last() {
        Some(last) => last.at,
        None => TAG_AT,
    };
    let mut tag = [0; TAG_LEN];
    read(storage, head.half, tag_at, &mut tag)?;
    assemble(storage, sealer, head, count, scratch)?;
    if head.form.scheme.is_some() {
        // The mark of the key in use is the first.
        let body = scratch.body_mut();
        let next = if counter == 0 { u32::MAX } else { counter };
        write(body, 12, &next.to_be_bytes());
        write(body, MARKS_LEN.wrapping_add(16), &counter.to_be_bytes());
        let valid = head.form.scheme.map_or(0, |s| s.valid_registers(counter));
        write(body, MARKS_LEN.wrapping_add(20), &valid.to_be_bytes());
    }
    let body = scratch.body(head.form.body_len());
    let mac = sealer.state_mac(&[&head.bytes(), &Head::index(count)], body)?;
    let sound = guard!("J05", mac.verify(&tag)).is_ok();
    if !sound {
        scratch.wipe();
    }
    Ok(sound)
}

fn write(body: &mut [u8], at: usize, bytes: &[u8]) {
    for (to, from) in body.iter_mut().skip(at).zip(bytes) {
        *to = *from;
    }
}

/// Deciphers marks, identity and the keys of the registers that are valid after `count` transactions into the body.
#[inline(never)]
fn assemble(
    storage: &mut impl Storage,
    sealer: &Sealer,
    head: &Head,
    count: u32,
    scratch: &mut Scratch,
) -> Result<(), Error> {
    let form = head.form;
    let cipher = sealer.cipher()?;
    scratch.wipe();
    let body = scratch.body_mut();
    let mut piece = Secret::<32>::zeroed();
    let mut open = |storage: &mut _, (at, tag_at): (u32, u32), out: &mut [u8]| {
        let piece = piece.expose_mut();
        let place = piece.get_mut(..form.place() as usize).ok_or(Error::Internal)?;
        let (place, _) = if out.len() <= UNIT { place.split_at_mut_checked(UNIT).ok_or(Error::Internal)? } else { (place, &mut [][..]) };
        let mut tag = [0; TAG_LEN];
        read(storage, head.half, tag_at, &mut tag)?;
        read(storage, head.half, at, place)?;
        modes::ctr(&cipher, &stream(&tag, at, tag_at), place)?;
        for (to, from) in out.iter_mut().zip(place) {
            *to = *from;
        }
        Ok::<_, Error>(())
    };
    let state_len = form.body_len().min(MARKS_LEN.wrapping_add(STATE_LEN));
    let mut at = BODY_AT;
    for unit in body.get_mut(..state_len).unwrap_or(&mut []).chunks_mut(UNIT) {
        open(storage, (at, TAG_AT), unit)?;
        at = at.wrapping_add(UNITS);
    }
    let Some(scheme) = form.scheme else {
        return Ok(());
    };
    let valid = scheme.valid_registers(head.end(count).0);
    for (bit, place) in (0..u32::BITS).zip(head.places(count)) {
        if (valid >> bit) & 1 == 1 {
            open(storage, place, body.get_mut(form.key(bit)).ok_or(Error::Internal)?)?;
        }
    }
    if scheme == Scheme::Aes {
        open(storage, (form.register_at(32), TAG_AT), body.get_mut(form.key(32)).ok_or(Error::Internal)?)?;
    }
    Ok(())
}

/// The counter block of what stands at `at`, under the tag at `tag_at`.
fn stream(tag: &[u8; TAG_LEN], at: u32, tag_at: u32) -> [u8; 16] {
    let block = at.wrapping_sub(tag_at).wrapping_sub(UNITS) >> 4;
    u128::from_be_bytes(*tag).wrapping_add(block.into()).to_be_bytes()
}

/// The tag of a state.
fn tag(sealer: &Sealer, head: &Head, count: u32, body: &[u8]) -> Result<[u8; TAG_LEN], Error> {
    let mut tag = [0; TAG_LEN];
    sealer.state_mac(&[&head.bytes(), &Head::index(count)], body)?.finish(&mut tag)?;
    // It goes into the flash.
    ct::public(&mut tag);
    Ok(tag)
}

/// Header, tag and body of a snapshot, read back; not the commit word.
#[inline(never)]
fn write_snapshot(
    storage: &mut impl Storage,
    sealer: &Sealer,
    head: &Head,
    tag: &[u8; TAG_LEN],
    body: &[u8],
) -> Result<(), Error> {
    put(storage, head.half, 0, &head.bytes())?;
    put(storage, head.half, TAG_AT, tag)?;
    let cipher = sealer.cipher()?;
    let end = head.form.records_at();
    let mut chunk = Secret::<CHUNK>::zeroed();
    let mut at = BODY_AT;
    while at < end {
        let len = end.wrapping_sub(at).min(CHUNKS);
        let chunk = chunk.expose_mut().get_mut(..len as usize).ok_or(Error::Internal)?;
        let first = at.wrapping_sub(BODY_AT) >> 4;
        for (unit, out) in (first..).zip(chunk.chunks_mut(UNIT)) {
            head.form.unit(body, unit, out);
        }
        modes::ctr(&cipher, &stream(tag, at, TAG_AT), chunk)?;
        // Ciphertext.
        ct::public(chunk);
        put(storage, head.half, at, chunk)?;
        at = at.wrapping_add(len);
    }
    Ok(())
}

/// Tag and new keys of a transaction, read back; not the mark behind them.
#[inline(never)]
fn write_record(
    storage: &mut impl Storage,
    sealer: &Sealer,
    head: &Head,
    record: &Record,
    tag: &[u8; TAG_LEN],
    body: &[u8],
) -> Result<(), Error> {
    let cipher = sealer.cipher()?;
    let mut chunk = Secret::<CHUNK>::zeroed();
    // The tag goes with the first key.
    let (mut at, mut filled) = (record.at, 0_usize);
    for (to, from) in chunk.expose_mut().iter_mut().zip(tag) {
        *to = *from;
    }
    filled = filled.wrapping_add(UNIT);
    let place = head.form.place() as usize;
    for (bit, key_at) in (0..).zip(record.key_places(head.form.place())) {
        if filled.wrapping_add(place) > CHUNK {
            put(storage, head.half, at, chunk.expose().get(..filled).unwrap_or(&[]))?;
            (at, filled) = (key_at, 0);
        }
        let range = filled..filled.wrapping_add(place);
        let out = chunk.expose_mut().get_mut(range).ok_or(Error::Internal)?;
        out.fill(0);
        let key = body.get(head.form.key(bit)).ok_or(Error::Internal)?;
        for (to, from) in out.iter_mut().zip(key) {
            *to = *from;
        }
        modes::ctr(&cipher, &stream(tag, key_at, record.at), out)?;
        // Ciphertext.
        ct::public(out);
        filled = filled.wrapping_add(place);
    }
    put(storage, head.half, at, chunk.expose().get(..filled).unwrap_or(&[]))
}

fn read(storage: &mut impl Storage, half: Half, at: u32, out: &mut [u8]) -> Result<(), Error> {
    storage.area_read(half, at, out).map_err(|_| Error::Storage)
}

/// Programs, and sees that it is there.
fn put(storage: &mut impl Storage, half: Half, at: u32, bytes: &[u8]) -> Result<(), Error> {
    storage.area_program(half, at, bytes).map_err(|_| Error::Storage)?;
    let mut back = [0; CHUNK];
    let back = back.get_mut(..bytes.len()).ok_or(Error::Internal)?;
    read(storage, half, at, back)?;
    if back == bytes { Ok(()) } else { Err(Error::Storage) }
}

/// Clears the place of a key, and sees that it is.
fn clear(storage: &mut impl Storage, head: &Head, at: u32) -> Result<(), Error> {
    let zeros = [0; 32];
    put(storage, head.half, at, zeros.get(..head.form.place() as usize).unwrap_or(&zeros))
}

fn is_cleared(storage: &mut impl Storage, head: &Head, at: u32) -> Result<bool, Error> {
    let mut bytes = [0; 32];
    let bytes = bytes.get_mut(..head.form.place() as usize).ok_or(Error::Internal)?;
    read(storage, head.half, at, bytes)?;
    Ok(bytes.iter().all(|byte| *byte == 0))
}

fn is_blank(storage: &mut impl Storage, half: Half, from: u32, to: u32) -> Result<bool, Error> {
    let mut at = from;
    while at < to {
        let mut bytes = [0; CHUNK];
        let len = to.wrapping_sub(at).min(CHUNKS);
        let bytes = bytes.get_mut(..len as usize).ok_or(Error::Internal)?;
        read(storage, half, at, bytes)?;
        if bytes.iter().any(|byte| *byte != 0xFF) {
            return Ok(false);
        }
        at = at.wrapping_add(len);
    }
    Ok(true)
}

/// Erases an area, and sees that it is.
fn erase(storage: &mut impl Storage, half: Half, area: Area) -> Result<(), Error> {
    storage.area_erase(half).map_err(|_| Error::Storage)?;
    if is_blank(storage, half, 0, area.len)? { Ok(()) } else { Err(Error::Storage) }
}
