// SPDX-License-Identifier: MIT OR Apache-2.0
//! Backup: key blocks of version D under a K1 key that serves nothing else, and a manifest over all of them.
//!
//! | offset | length | content |
//! |---|---|---|
//! | 0 | 4 | `PHSB` |
//! | 4 | 2 | layout version, 01 00 |
//! | 6 | 2 | keys |
//! | 8 | 8 | identity of the device |
//! | 16 | 8 | sequence number |
//! | 24 | 4 | length of the whole |
//! | 28 | | the keys |
//! | the last | 16 | AES-CMAC over all before it, under a key derived from the K1 key |
//!
//! | offset | length | content of a key |
//! |---|---|---|
//! | 0 | 2 | place it had |
//! | 2 | 1 | 01 if it was stored |
//! | 3 | 1 | first use, as in a stored slot |
//! | 4 | 1 | wrong tries |
//! | 5 | 1 | 00 |
//! | 6 | 2 | owner |
//! | 8 | 4, 4 | first day, last day |
//! | 16 | 4 | blocks processed |
//! | 20 | 2 | length of the block |
//! | 22 | | the key block: key context 1 (storage), label `BK`, identity, sequence and place in hexadecimal |
//!
//! Numbers are big-endian. Each block names its backup under its own authenticator, so that none goes into another one.
//! Not in a backup: keys that may not leave, keys with a limited number of uses, which would come back unused, keys of a
//! session, and DUKPT state, whose counters would come twice.

use core::hint::black_box;

use crate::codec::hex;
use crate::ct;
use crate::error::Error;
use crate::hsm::event::{LogEvent, Note};
use crate::hsm::load::key_block::out::{DERIVATIONS_LEN, Out};
use crate::hsm::load::key_block::{Kbpk, Way, hash_id};
use crate::hsm::slot::{self, Choices, Kept};
use crate::hsm::{Act, Command, Hsm, KeyHandle, Platform, Question};
use crate::key::usage::{Exportability, KeyAlgorithm, Usage};
use crate::keyblock::header::{KeyContext, Version};
use crate::keyblock::optional::Optional;
use crate::keyblock::{KeyBlock, Payload, Profile, Unverified};
use crate::mac::Mac;
use crate::mac::cmac::CmacAes;
use crate::policy::Permission;
use crate::secret::{Secret, SecretBuf};
use crate::store::record as stored;
use crate::store::seal::{Kind, derive_from};
use crate::weaken::guard;

const MAGIC: [u8; 6] = *b"PHSB\x01\x00";
const HEADER_LEN: usize = 28;
const ENTRY_LEN: usize = 22;
const TAG_LEN: usize = 16;
/// The longest key block in a backup: an HMAC key of 64 bytes with every optional block that a slot keeps.
const BLOCK_MAX_LEN: usize = 400;
/// Characters of the label.
const LABEL_LEN: usize = 2 + 16 + 16 + 4;
/// `Kind::Module` record of the sequence number of the last backup that was written or restored.
const SEQUENCE: u16 = 19;

/// What a backup is of.
#[derive(Clone, Copy)]
struct Set {
    keys: u16,
    device: [u8; 8],
    sequence: u64,
}

impl Set {
    fn write(&self, len: usize, out: &mut [u8]) -> Result<(), Error> {
        let len = u32::try_from(len).map_err(|_| Error::InvalidLength)?;
        let fields = MAGIC
            .into_iter()
            .chain(self.keys.to_be_bytes())
            .chain(self.device)
            .chain(self.sequence.to_be_bytes())
            .chain(len.to_be_bytes());
        let header = out.get_mut(..HEADER_LEN).ok_or(Error::BufferTooSmall)?;
        for (to, from) in header.iter_mut().zip(fields) {
            *to = from;
        }
        Ok(())
    }

    fn read(bytes: &[u8]) -> Result<(Self, &[u8]), Error> {
        let (header, rest) = bytes.split_first_chunk::<HEADER_LEN>().ok_or(Error::Record)?;
        let &[
            m0,
            m1,
            m2,
            m3,
            m4,
            m5,
            k0,
            k1,
            d0,
            d1,
            d2,
            d3,
            d4,
            d5,
            d6,
            d7,
            s0,
            s1,
            s2,
            s3,
            s4,
            s5,
            s6,
            s7,
            l0,
            l1,
            l2,
            l3,
        ] = header;
        let (rest, _) = rest.split_last_chunk::<TAG_LEN>().ok_or(Error::Record)?;
        let len = u32::from_be_bytes([l0, l1, l2, l3]);
        if [m0, m1, m2, m3, m4, m5] != MAGIC || u32::try_from(bytes.len()) != Ok(len) {
            return Err(Error::Record);
        }
        let set = Self {
            keys: u16::from_be_bytes([k0, k1]),
            device: [d0, d1, d2, d3, d4, d5, d6, d7],
            sequence: u64::from_be_bytes([s0, s1, s2, s3, s4, s5, s6, s7]),
        };
        Ok((set, rest))
    }

    fn label(&self, place: u16, out: &mut [u8; LABEL_LEN]) -> Result<(), Error> {
        *out = [0; LABEL_LEN];
        let (kind, rest) = out.split_at_mut(2);
        for (to, from) in kind.iter_mut().zip(b"BK") {
            *to = *from;
        }
        let (device, rest) = rest.split_at_mut(16);
        let (sequence, place_text) = rest.split_at_mut(16);
        hex::encode(&self.device, device)?;
        hex::encode(&self.sequence.to_be_bytes(), sequence)?;
        hex::encode(&place.to_be_bytes(), place_text)?;
        Ok(())
    }
}

/// One key of a backup.
struct Entry<'a> {
    place: u16,
    kept: Kept,
    block: &'a [u8],
}

impl<'a> Entry<'a> {
    fn read(bytes: &'a [u8]) -> Result<(Self, &'a [u8]), Error> {
        let (head, rest) = bytes.split_first_chunk::<ENTRY_LEN>().ok_or(Error::Record)?;
        let &[p0, p1, kept @ .., l0, l1] = head;
        let (block, rest) = rest
            .split_at_checked(u16::from_be_bytes([l0, l1]).into())
            .ok_or(Error::Record)?;
        let entry = Self {
            place: u16::from_be_bytes([p0, p1]),
            kept: Kept::read(&kept)?,
            block,
        };
        Ok((entry, rest))
    }
}

fn manifest(kbpk: &[u8], covered: &[u8]) -> Result<CmacAes, Error> {
    let mut key = Secret::<TAG_LEN>::zeroed();
    derive_from(kbpk, b"backup manifest", key.expose_mut())?;
    let mut mac = CmacAes::new(key.expose())?;
    mac.update(covered);
    Ok(mac)
}

impl<P: Platform> Hsm<'_, P> {
    /// How long a backup of the keys that are here is at most, in bytes.
    ///
    /// # Errors
    /// The state's error.
    pub fn backup_len(&self) -> Result<usize, Error> {
        self.allow_reading(Command::BackupLen)?;
        let keys = self.slots.used();
        let each = ENTRY_LEN.wrapping_add(BLOCK_MAX_LEN);
        Ok(keys.saturating_mul(each).saturating_add(HEADER_LEN + TAG_LEN))
    }

    /// Writes a backup of the keys that may leave, and gives its length; the rest of `out` is zero.
    ///
    /// `kbpk`: an AES K1 key with mode of use E or B that has served nothing else, and serves nothing else from now on. Keys
    /// that it is too weak for, that are not exportable (or sensitive without [`Permission::ExportSensitive`]), that have
    /// a limited number of uses or end with a session are left out, and so is DUKPT state. Compare the number of keys
    /// in the answer with the inventory's.
    ///
    /// # Errors
    /// The state's and the handle's errors; [`Error::UsageNotPermitted`], [`Error::ModeNotPermitted`],
    /// [`Error::AlgorithmMismatch`] of `kbpk`; [`Error::BufferTooSmall`]; [`Error::Storage`], also without a storage key;
    /// [`Error::Entropy`]; [`Error::LimitReached`] for a log that is full. `out` is wiped then.
    ///
    /// # Timing
    /// The attributes and the lengths.
    pub fn backup_write(&mut self, kbpk: KeyHandle, out: &mut [u8]) -> Result<usize, Error> {
        out.fill(0);
        self.allow(Command::BackupWrite)?;
        self.backup_written(kbpk, out).inspect_err(|_| out.fill(0))
    }

    fn backup_written(&mut self, kbpk: KeyHandle, out: &mut [u8]) -> Result<usize, Error> {
        let mut protection = Kbpk::empty();
        self.backup_kbpk(kbpk, Way::Wrap, &mut protection)?;
        self.audit_ready()?;
        self.bind_key(kbpk, Choices::Backup)?;
        self.commit_uses()?;
        let mut set = Set {
            keys: 0,
            device: *self.own.device(),
            sequence: self.backup_sequence()?.checked_add(1).ok_or(Error::LimitReached)?,
        };
        // A number is used for one attempt.
        self.store_backup_sequence(set.sequence)?;
        let mut at = HEADER_LEN;
        for index in 0..self.slots.capacity() {
            let rest = out.get_mut(at..).ok_or(Error::BufferTooSmall)?;
            if index == kbpk.index() {
                continue;
            }
            if let Some(len) = self.backup_key(&protection, &set, index, rest)? {
                at = at.wrapping_add(len);
                set.keys = set.keys.wrapping_add(1);
            }
        }
        let total = at.wrapping_add(TAG_LEN);
        set.write(total, out)?;
        let whole = out.get_mut(..total).ok_or(Error::BufferTooSmall)?;
        let (covered, tag) = whole.split_last_chunk_mut::<TAG_LEN>().ok_or(Error::Internal)?;
        manifest(self.slots.get(kbpk)?.material(), covered)?.finish(tag)?;
        ct::public(tag);
        self.note(Note::of(LogEvent::Backup).at(kbpk.place()).value(set.sequence))?;
        Ok(total)
    }

    /// One key, if it may go.
    #[inline(never)]
    fn backup_key(
        &mut self,
        protection: &Kbpk,
        set: &Set,
        index: usize,
        out: &mut [u8],
    ) -> Result<Option<usize>, Error> {
        let Some((_, Ok(info), slot)) = self.slots.place(index) else {
            return Ok(None);
        };
        let leaves = match info.attributes.exportability {
            Exportability::Exportable => true,
            Exportability::Sensitive => self.policy.has(Permission::ExportSensitive),
            _ => false,
        };
        let Some(kept) = slot.kept().filter(|_| leaves) else {
            return Ok(None);
        };
        let material = slot.material();
        if protection.protects(info.attributes.algorithm, material.len()).is_err() {
            return Ok(None);
        }
        let place = u16::try_from(index).map_err(|_| Error::Internal)?;
        let (mut label, mut pedigree, mut derivations) = ([0; LABEL_LEN], [0; 3], [0; DERIVATIONS_LEN]);
        set.label(place, &mut label)?;
        let mut blocks = Out::new();
        blocks.push(Optional {
            id: *b"LB",
            data: &label,
        })?;
        if let Some(own) = slot.pedigree() {
            blocks.pedigree(own.and(protection.pedigree()), &mut pedigree)?;
        }
        blocks.derivations(slot.derivations(), &mut derivations)?;
        if let Some(data) = slot.hash().and_then(hash_id) {
            blocks.push(Optional { id: *b"HM", data })?;
        }
        let (head, body) = out.split_first_chunk_mut::<ENTRY_LEN>().ok_or(Error::BufferTooSmall)?;
        let len = protection
            .template(Version::D, KeyContext::Storage, &info.attributes, blocks.list())
            .wrap_stored(protection.borrow(), material, &mut self.platform, body)?;
        let block_len = u16::try_from(len).map_err(|_| Error::Internal)?;
        let fields = place
            .to_be_bytes()
            .into_iter()
            .chain(kept.write())
            .chain(block_len.to_be_bytes());
        for (to, from) in head.iter_mut().zip(fields) {
            *to = from;
        }
        Ok(Some(len.wrapping_add(ENTRY_LEN)))
    }

    /// Brings the keys of a backup back, all of them or none, and gives how many. The platform is asked
    /// ([`Question::Restore`]). For a backup of another device, or one that is older than the last, two officers must be
    /// logged in once officers are enrolled.
    ///
    /// `kbpk`: the K1 key of the backup, with mode of use D or B. Keys that were stored are stored. Nothing is wider than it
    /// was: the attributes are those of the key blocks, days of use, owner and first use those of the manifest.
    ///
    /// # Errors
    /// The state's and the handle's errors; [`Error::UsageNotPermitted`], [`Error::ModeNotPermitted`],
    /// [`Error::AlgorithmMismatch`] of `kbpk`; [`Error::Record`] for what is no backup;
    /// [`Error::VerificationFailed`] for whatever is wrong under the manifest, and for a key that a slot holds already; the
    /// platform's refusal; [`Error::NotAuthenticated`] without the officers; [`Error::SlotsFull`]; [`Error::Storage`]; [`Error::LimitReached`] for a log that is full.
    ///
    /// # Timing
    /// The public parts of the backup.
    pub fn backup_restore(&mut self, kbpk: KeyHandle, backup: &[u8]) -> Result<usize, Error> {
        self.pend();
        self.allow(Command::BackupRestore)?;
        let mut protection = Kbpk::empty();
        self.backup_kbpk(kbpk, Way::Unwrap, &mut protection)?;
        let (set, entries) = Set::read(backup)?;
        self.audit_ready()?;
        self.bind_key(kbpk, Choices::Backup)?;
        let (covered, tag) = backup.split_last_chunk::<TAG_LEN>().ok_or(Error::Record)?;
        let verified = self
            .denial
            .verified(|| manifest(self.slots.get(kbpk)?.material(), black_box(covered))?.verify(black_box(tag)));
        let note = Note::of(LogEvent::Restore).at(kbpk.place()).value(set.sequence);
        verified.map_err(|error| self.note_failure(note, error))?;
        self.settle_slots();
        let last = self.backup_sequence()?;
        let own = set.device == *self.own.device();
        if guard!("D08.backup", !own || set.sequence < last) {
            self.require_officers_too(Act::Restore)?;
        }
        self.ask(&Question::Restore {
            is_own: own,
            is_older: set.sequence < last,
            sequence: set.sequence,
        })?;
        if own && set.sequence > last {
            self.store_backup_sequence(set.sequence)?;
        }
        let mut restored = [false; 256];
        let result = self.restore_keys(kbpk, &protection, &set, entries, &mut restored);
        if let Err(error) = result.and_then(|()| self.note(note)) {
            for (index, _) in restored.into_iter().enumerate().filter(|(_, is_new)| *is_new) {
                if let Some((key, _, _)) = self.slots.place(index) {
                    self.slots.erase_place(key);
                }
            }
            self.settle_slots();
            return Err(self.note_failure(note, error));
        }
        self.concluded(Ok(set.keys.into()))
    }

    #[inline(never)]
    fn restore_keys(
        &mut self,
        kbpk: KeyHandle,
        protection: &Kbpk,
        set: &Set,
        mut entries: &[u8],
        restored: &mut [bool; 256],
    ) -> Result<(), Error> {
        for _ in 0..set.keys {
            let (entry, rest) = Entry::read(entries)?;
            entries = rest;
            let key = self.restore_key(kbpk, protection, set, &entry)?;
            *restored.get_mut(key.index()).ok_or(Error::Internal)? = true;
            self.slots.set_kept(key, &entry.kept);
            if entry.kept.is_stored {
                self.write_slot(u8::try_from(key.index()).map_err(|_| Error::Internal)?)?;
            }
        }
        if entries.is_empty() { Ok(()) } else { Err(Error::Record) }
    }

    #[inline(never)]
    fn restore_key(
        &mut self,
        kbpk: KeyHandle,
        protection: &Kbpk,
        set: &Set,
        entry: &Entry<'_>,
    ) -> Result<KeyHandle, Error> {
        let block = KeyBlock::<Unverified>::parse(entry.block, Profile::X9143Strict)?;
        let header = *block.header();
        let mut label = [0; LABEL_LEN];
        set.label(entry.place, &mut label)?;
        let named = block
            .blocks()
            .into_iter()
            .any(|one| one.id == *b"LB" && one.data == label);
        if header.version != Version::D || header.context != KeyContext::Storage || !named {
            return Err(Error::VerificationFailed);
        }
        let (history, _) = self.judge_block(&block, protection)?;
        slot::judge_attributes(&header.attributes, self.policy)?;
        if header.attributes.usage == Usage::B1 {
            return Err(Error::UsageNotPermitted);
        }
        let mut payload = Payload::empty();
        let verified = self.verify_block(kbpk, block, protection, &mut payload)?;
        let mut material = SecretBuf::new();
        verified.stored(&mut material)?;
        ct::verdict(!self.slots.holds_any(&header.attributes, material.expose()))?;
        Ok(self.admit_with(&header.attributes, history, material.expose())?.key)
    }

    /// A protection key that has served nothing but backups.
    fn backup_kbpk(&self, handle: KeyHandle, way: Way, out: &mut Kbpk) -> Result<(), Error> {
        let slot = self.slots.get(handle)?;
        let attributes = slot.attributes()?;
        if attributes.usage != Usage::K1 || !slot.serves(Choices::Backup) {
            return Err(Error::UsageNotPermitted);
        }
        if attributes.algorithm != KeyAlgorithm::Aes {
            return Err(Error::AlgorithmMismatch);
        }
        out.fill(slot, way, self.policy)
    }

    fn backup_sequence(&mut self) -> Result<u64, Error> {
        let sealer = self.sealer.as_ref().ok_or(Error::Storage)?;
        let mut sequence = [0; 8];
        let (storage, scratch) = (&mut self.platform, &mut self.scratch);
        stored::load(storage, sealer, Kind::Module, SEQUENCE, &mut sequence, scratch)?;
        ct::public(&mut sequence);
        Ok(u64::from_be_bytes(sequence))
    }

    fn store_backup_sequence(&mut self, sequence: u64) -> Result<(), Error> {
        let sealer = self.sealer.as_ref().ok_or(Error::Storage)?;
        let (storage, scratch) = (&mut self.platform, &mut self.scratch);
        stored::save(
            storage,
            sealer,
            Kind::Module,
            SEQUENCE,
            &sequence.to_be_bytes(),
            scratch,
        )
    }
}
