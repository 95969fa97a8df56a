// SPDX-License-Identifier: MIT OR Apache-2.0
//! The body of a stored slot (record `Kind::Slot`): a key with its attributes, history, counts and bounds.
//!
//! | offset | length | content |
//! |---|---|---|
//! | 0 | 1 | layout version, 01 |
//! | 1 | 8 | usage (2), algorithm, mode of use, key version (2), exportability, 00: the characters of the key block |
//! | 9 | 1 | what may be derived: bits, and 80 if a DA block said so |
//! | 10 | 1 | pedigree: 0 none known, else the digit of WP and 80 |
//! | 11 | 1 | hash of an HMAC key by its block: 0 none, else its number |
//! | 12 | 1 | what the key was first used for; 0 nothing |
//! | 13 | 1 | wrong tries |
//! | 14 | 2 | owner; 0 none |
//! | 16 | 4 | blocks processed |
//! | 20 | 4 | uses |
//! | 24 | 4 | most uses |
//! | 28 | 4 | uses for an alarm |
//! | 32 | 4 | first day |
//! | 36 | 4 | last day |
//! | 40 | *n* | the key, 8 to 64 bytes |
//!
//! Numbers are big-endian. Blocks and uses are ahead of what was processed, so that a start never has fewer.

use crate::ct;
use crate::error::Error;
use crate::hsm::slot::{Bounds, Choices, Derivable, History, KEY_CAPACITY, KeyCheck, Slot};
use crate::key::usage::{Attributes, Exportability, KeyAlgorithm, KeyVersion, ModeOfUse, Usage};
use crate::keyblock::optional::Pedigree;
use crate::policy::{MacAlgorithm, TDEA_BLOCK_LIMIT};

/// The part in front of the key.
const HEAD_LEN: usize = 40;

/// The longest body.
pub(crate) const MAX_LEN: usize = HEAD_LEN + KEY_CAPACITY;

const LAYOUT: u8 = 1;
const GIVEN: u8 = 0x80;

/// Blocks that a stored count is ahead at most.
const BLOCKS_AHEAD: u32 = 1 << 10;

/// MAC algorithms by number.
const MACS: [MacAlgorithm; 7] = [
    MacAlgorithm::Iso9797Alg1,
    MacAlgorithm::Iso9797Alg3,
    MacAlgorithm::Cmac,
    MacAlgorithm::HmacSha256,
    MacAlgorithm::HmacSha384,
    MacAlgorithm::HmacSha512,
    MacAlgorithm::UnionPay,
];

/// The number of a first use; 0 for none.
fn choice_number(choice: Option<Choices>) -> u8 {
    match choice {
        None => 0,
        Some(Choices::TrackValues) => 1,
        Some(Choices::PrintedValues) => 2,
        Some(Choices::OldBlocks) => 3,
        #[cfg(feature = "legacy")]
        Some(Choices::WorkingKeys) => 4,
        Some(Choices::Cbc) => 5,
        Some(Choices::Ctr) => 6,
        Some(Choices::Ecb) => 7,
        Some(Choices::Backup) => 8,
        Some(Choices::Mac(algorithm)) => mac_number(Some(algorithm)).wrapping_add(15),
    }
}

fn choice_of(number: u8) -> Result<Option<Choices>, Error> {
    Ok(Some(match number {
        0 => return Ok(None),
        1 => Choices::TrackValues,
        2 => Choices::PrintedValues,
        3 => Choices::OldBlocks,
        #[cfg(feature = "legacy")]
        4 => Choices::WorkingKeys,
        5 => Choices::Cbc,
        6 => Choices::Ctr,
        7 => Choices::Ecb,
        8 => Choices::Backup,
        mac => match mac_of(mac.wrapping_sub(15))? {
            Some(algorithm) => Choices::Mac(algorithm),
            None => return Err(Error::Record),
        },
    }))
}

/// From 1; 0 for none.
fn mac_number(algorithm: Option<MacAlgorithm>) -> u8 {
    let known = MACS.iter().zip(1..).find(|(known, _)| Some(**known) == algorithm);
    known.map_or(0, |(_, number)| number)
}

fn mac_of(number: u8) -> Result<Option<MacAlgorithm>, Error> {
    if number == 0 {
        return Ok(None);
    }
    let known = MACS.iter().zip(1..).find(|(_, known)| *known == number);
    known.map(|(algorithm, _)| Some(*algorithm)).ok_or(Error::Record)
}

impl Slot {
    /// Counts that a record written now has: far enough ahead that not every use needs another one.
    pub(super) fn counts_ahead(&self) -> (u32, u32) {
        let blocks = match self.blocks {
            0 => 0,
            blocks => blocks
                .checked_next_multiple_of(BLOCKS_AHEAD)
                .map_or(TDEA_BLOCK_LIMIT, |ahead| ahead.min(TDEA_BLOCK_LIMIT)),
        };
        let bounds = &self.bounds;
        if bounds.uses == 0 || !bounds.is_limited() {
            return (blocks, bounds.uses);
        }
        // A sixty-fourth of the limit: a key that may be used ten times counts each.
        let ahead = (bounds.max_uses >> 6).clamp(1, 256).saturating_sub(1);
        let uses = bounds.uses.saturating_add(ahead).min(bounds.max_uses);
        (blocks, uses.max(bounds.uses))
    }

    /// Writes the body and gives its length.
    pub(super) fn write(&self, (blocks, uses): (u32, u32), out: &mut [u8]) -> Result<usize, Error> {
        let (attributes, _) = self.entry.ok_or(Error::NoKey)?;
        let (u, v) = (attributes.usage.to_chars(), attributes.version.to_chars());
        let [u0, u1] = u;
        let [v0, v1] = v;
        let pedigree = self.history.pedigree.map_or(0, |pedigree| {
            let [_, _, digit] = pedigree.to_chars();
            GIVEN | (digit & 3)
        });
        let head = [
            LAYOUT,
            u0,
            u1,
            attributes.algorithm.to_char(),
            attributes.mode.to_char(),
            v0,
            v1,
            attributes.exportability.to_char(),
            0,
            self.history.derivations.bits().map_or(0, |bits| GIVEN | bits),
            pedigree,
            mac_number(self.history.hash),
            choice_number(self.choice),
            self.failures,
        ]
        .into_iter()
        .chain(self.bounds.owner.to_be_bytes())
        .chain(blocks.to_be_bytes())
        .chain(uses.to_be_bytes())
        .chain(self.bounds.max_uses.to_be_bytes())
        .chain(self.bounds.warn_uses.to_be_bytes())
        .chain(self.bounds.from.to_be_bytes())
        .chain(self.bounds.until.to_be_bytes());
        let key = self.material.expose();
        let len = HEAD_LEN.wrapping_add(key.len());
        let body = out.get_mut(..len).ok_or(Error::BufferTooSmall)?;
        for (to, from) in body.iter_mut().zip(head.chain(key.iter().copied())) {
            *to = from;
        }
        Ok(len)
    }

    /// Takes the body of a record into an empty slot.
    ///
    /// # Errors
    /// [`Error::Record`] for anything that [`write`](Self::write) does not write.
    pub(super) fn read(&mut self, body: &[u8]) -> Result<(), Error> {
        let (head, key) = body.split_first_chunk::<HEAD_LEN>().ok_or(Error::Record)?;
        // What the record says about its key is public; only the key is not.
        let mut head = *head;
        ct::public(&mut head);
        let [
            LAYOUT,
            u0,
            u1,
            algorithm,
            mode,
            v0,
            v1,
            exportability,
            0,
            derivations,
            pedigree,
            hash,
            choice,
            failures,
            o0,
            o1,
            ref numbers @ ..,
        ] = head
        else {
            return Err(Error::Record);
        };
        let attributes = Attributes {
            usage: Usage::from_chars([u0, u1]).map_err(|_| Error::Record)?,
            algorithm: KeyAlgorithm::from_char(algorithm).map_err(|_| Error::Record)?,
            mode: ModeOfUse::from_char(mode).map_err(|_| Error::Record)?,
            version: KeyVersion::from_chars([v0, v1]).map_err(|_| Error::Record)?,
            exportability: Exportability::from_char(exportability).map_err(|_| Error::Record)?,
        };
        attributes.check().map_err(|_| Error::Record)?;
        let (numbers, _) = numbers.as_chunks::<4>();
        let [blocks, uses, max_uses, warn_uses, from, until] = *numbers else {
            return Err(Error::Record);
        };
        let pedigree = match pedigree {
            0 => None,
            given @ 0x80..=0x83 => Some(Pedigree::from_digit(given & 3)),
            _ => return Err(Error::Record),
        };
        let derivations = match derivations {
            0 => Derivable::default(),
            given => Derivable::from_bits(given.checked_sub(GIVEN).ok_or(Error::Record)?)?,
        };
        let (blocks, until) = (u32::from_be_bytes(blocks), u32::from_be_bytes(until));
        if blocks > TDEA_BLOCK_LIMIT || key.is_empty() {
            return Err(Error::Record);
        }
        let check = KeyCheck::of(&attributes, key).map_err(|_| Error::Record)?;
        self.material.set(key).map_err(|_| Error::Record)?;
        self.history = History {
            pedigree,
            derivations,
            hash: mac_of(hash)?,
        };
        self.failures = failures;
        self.choice = choice_of(choice)?;
        self.blocks = blocks;
        self.bounds = Bounds {
            max_uses: u32::from_be_bytes(max_uses),
            warn_uses: u32::from_be_bytes(warn_uses),
            uses: u32::from_be_bytes(uses),
            from: u32::from_be_bytes(from),
            until,
            owner: u16::from_be_bytes([o0, o1]),
            with_session: false,
        };
        if self.bounds.uses > self.bounds.max_uses {
            return Err(Error::Record);
        }
        self.stored = super::Stored {
            is_stored: true,
            blocks: self.blocks,
            uses: self.bounds.uses,
            ..super::Stored::NONE
        };
        self.entry = Some((attributes, check));
        Ok(())
    }
}

/// What a backup keeps of a key beside its key block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Kept {
    pub(crate) is_stored: bool,
    choice: Option<Choices>,
    failures: u8,
    owner: u16,
    from: u32,
    until: u32,
    blocks: u32,
}

impl Kept {
    /// Bytes of it.
    pub(crate) const LEN: usize = 18;

    pub(crate) fn write(&self) -> [u8; Self::LEN] {
        let fields = [u8::from(self.is_stored), choice_number(self.choice), self.failures, 0]
            .into_iter()
            .chain(self.owner.to_be_bytes())
            .chain(self.from.to_be_bytes())
            .chain(self.until.to_be_bytes())
            .chain(self.blocks.to_be_bytes());
        let mut out = [0; Self::LEN];
        for (to, from) in out.iter_mut().zip(fields) {
            *to = from;
        }
        out
    }

    pub(crate) fn read(bytes: &[u8; Self::LEN]) -> Result<Self, Error> {
        let &[
            stored @ 0..=1,
            choice,
            failures,
            0,
            o0,
            o1,
            f0,
            f1,
            f2,
            f3,
            u0,
            u1,
            u2,
            u3,
            b0,
            b1,
            b2,
            b3,
        ] = bytes
        else {
            return Err(Error::Record);
        };
        Ok(Self {
            is_stored: stored == 1,
            choice: choice_of(choice)?,
            failures,
            owner: u16::from_be_bytes([o0, o1]),
            from: u32::from_be_bytes([f0, f1, f2, f3]),
            until: u32::from_be_bytes([u0, u1, u2, u3]),
            blocks: u32::from_be_bytes([b0, b1, b2, b3]),
        })
    }
}

impl Slot {
    /// What a backup keeps; `None` for a key that goes into none: its uses would come back unused, or it is of a session.
    pub(crate) fn kept(&self) -> Option<Kept> {
        let bounds = &self.bounds;
        (self.entry.is_some() && !bounds.is_limited() && !bounds.with_session).then_some(Kept {
            is_stored: self.stored.is_stored,
            choice: self.choice,
            failures: self.failures,
            owner: bounds.owner,
            from: bounds.from,
            until: bounds.until,
            blocks: self.blocks,
        })
    }

    /// Gives a key that has just come in what a backup kept.
    pub(super) fn set_kept(&mut self, kept: &Kept, today: u32) {
        self.choice = self.choice.or(kept.choice);
        self.failures = self.failures.max(kept.failures);
        self.blocks = self.blocks.max(kept.blocks);
        self.bounds.owner = kept.owner;
        self.bounds.from = kept.from;
        self.bounds.until = kept.until;
        self.invalid |= !self.bounds.is_valid(today);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An AES MAC key that has processed a block, used once of nine times.
    fn body() -> [u8; HEAD_LEN + 16] {
        let mut body = [0; HEAD_LEN + 16];
        let (head, key) = body.split_at_mut(HEAD_LEN);
        head[..9].copy_from_slice(b"\x01M6AC00N\x00");
        (head[19], head[23], head[27]) = (1, 1, 9);
        head[36..40].fill(0xFF);
        key.iter_mut().zip(1..).for_each(|(to, from)| *to = from);
        body
    }

    fn read(body: &[u8]) -> Result<Slot, Error> {
        let mut slot = Slot::EMPTY;
        slot.read(body).map(|()| slot)
    }

    fn put<const N: usize>(at: usize, bytes: [u8; N]) -> [u8; HEAD_LEN + 16] {
        let mut changed = body();
        changed[at..at + N].copy_from_slice(&bytes);
        changed
    }

    /// Whatever one byte of the head says: what is read is written the same, and nothing else is read.
    #[test]
    fn what_is_read_is_written() {
        let mut taken = [0; HEAD_LEN];
        for (at, taken) in taken.iter_mut().enumerate() {
            for value in 0..=255 {
                let body = put(at, [value]);
                match read(&body) {
                    Ok(slot) => {
                        let mut out = [0x55; MAX_LEN];
                        let len = slot.write((slot.blocks, slot.bounds.uses), &mut out).unwrap();
                        assert_eq!(out[..len], body, "{at} {value}");
                        *taken += 1_u16;
                    }
                    Err(error) => assert_eq!(error, Error::Record, "{at} {value}"),
                }
            }
        }
        // Layout, reserved byte; pedigree; hash; uses that it may still have; every number of wrong tries.
        assert_eq!((taken[0], taken[8], taken[10], taken[13]), (1, 1, 5, 256));
        assert_eq!(usize::from(taken[11]), 1 + MACS.len());
        assert_eq!((taken[23], taken[27]), (10, 255));
        // Nothing, the eight uses that are no MAC, and each MAC.
        let others = if cfg!(feature = "legacy") { 9 } else { 8 };
        assert_eq!(usize::from(taken[12]), others + MACS.len());
    }

    #[test]
    fn records_that_nobody_writes() {
        for len in 0..body().len() {
            assert_eq!(read(&body()[..len]).err(), Some(Error::Record), "{len}");
        }
        assert!(read(&body()).is_ok());
        assert_eq!(read(&put(20, [0, 0, 0, 10])).err(), Some(Error::Record));
        let over = TDEA_BLOCK_LIMIT + 1;
        assert_eq!(read(&put(16, over.to_be_bytes())).err(), Some(Error::Record));
        assert!(read(&put(16, TDEA_BLOCK_LIMIT.to_be_bytes())).is_ok());
    }

    /// What is stored is ahead of what was used, and never above the limit.
    #[test]
    fn counts_are_ahead() {
        for (blocks, ahead) in [
            (0, 0),
            (1, BLOCKS_AHEAD),
            (BLOCKS_AHEAD, BLOCKS_AHEAD),
            (BLOCKS_AHEAD + 1, 2 * BLOCKS_AHEAD),
            (TDEA_BLOCK_LIMIT, TDEA_BLOCK_LIMIT),
        ] {
            assert_eq!(read(&put(16, blocks.to_be_bytes())).unwrap().counts_ahead().0, ahead);
        }
        let uses = |uses: u32, most: u32| {
            let mut body = put(20, uses.to_be_bytes());
            body[24..28].copy_from_slice(&most.to_be_bytes());
            read(&body).unwrap().counts_ahead().1
        };
        assert_eq!([uses(0, 9), uses(1, 9), uses(9, 9)], [0, 1, 9]);
        assert_eq!([uses(1, 640), uses(640, 640), uses(1, 64 * 1000)], [10, 640, 256]);
    }
}
