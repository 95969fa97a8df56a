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

mod layout;
mod medium;

use crate::error::Error;
use crate::store::seal::{Scratch, Sealer, TAG_LEN};
use crate::store::{Area, Half, Storage};
use crate::weaken::guard;

use self::layout::{COMMIT_AT, DONE, Form, HEADER_LEN, Head, MARKS_LEN, Record, UNIT};
use self::medium::{clear, erase, is_blank, is_cleared, newest, put, read, tag, uncommitted, write_record, write_snapshot};

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
        if !self.is_alone(storage, sealer, (group, area), body)? {
            self.mounted = false;
            return Err(Error::StorageIntegrity);
        }
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

    /// Whether the live state is still what this module last made it. Another module over the same areas has erased it, or
    /// has made the same transaction, whose key must not be given out a second time. This sees the error of whoever built
    /// that, but in the moment in which both write.
    fn is_alone(
        &self,
        storage: &mut impl Storage,
        sealer: &Sealer,
        (group, area): (u16, Area),
        body: &[u8],
    ) -> Result<bool, Error> {
        let Some(live) = self.live else {
            return Ok(true);
        };
        let head = live.head(group, area);
        let mut bytes = [0; HEADER_LEN];
        read(storage, head.half, 0, &mut bytes)?;
        if bytes != head.bytes() {
            return Ok(false);
        }
        // Behind a write of this module that failed stands what that has left.
        let next = head.records().nth(live.count as usize).filter(|_| !self.closed);
        let Some(record) = next else {
            return Ok(true);
        };
        let mut there = [0; TAG_LEN];
        read(storage, head.half, record.at, &mut there)?;
        Ok(there == [0xFF; TAG_LEN] || there != tag(sealer, &head, live.count.wrapping_add(1), body)?)
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
        guard!("J07", fits).then_some((head, record))
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
        let used = used(head, live.count, record.counter)?;
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

/// Where the key stands that the record of `counter` supersedes. The places of all keys are in its frame only.
#[inline(never)]
fn used(head: &Head, count: u32, counter: u32) -> Result<u32, Error> {
    let places = head.places(count);
    Ok(places.get(counter.trailing_zeros() as usize).ok_or(Error::Internal)?.0)
}

const fn other(half: Half) -> Half {
    Half {
        group: half.group,
        second: !half.second,
    }
}
