// SPDX-License-Identifier: MIT OR Apache-2.0
//! Commands on keys as things that one has: the inventory, bounds, sessions, keys that outlive a start.

use crate::ct;
use crate::error::Error;
use crate::hsm::event::{LogEvent, Note};
use crate::hsm::slot::{Choices, Date, KeyBounds, KeyInfo, MAX_RECORD_LEN, Narrowing};
use crate::hsm::{Command, Event, Hsm, KeyHandle, Platform, Question};
use crate::key::usage::KeyVersion;
use crate::secret::SecretBuf;
use crate::store::record as stored;
use crate::store::seal::Kind;
use crate::weaken::guard;

/// `Kind::Module` record of the last day that was said.
const TODAY: u16 = 18;

/// A session. Its number never comes twice between two starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Session {
    number: u32,
    owner: u16,
}

impl Session {
    /// From the number that crossed a border.
    #[must_use]
    pub const fn from_raw(number: u32) -> Self {
        Self { number, owner: 0 }
    }

    /// The number for a border; never 0.
    #[must_use]
    pub const fn to_raw(self) -> u32 {
        self.number
    }
}

impl<P: Platform> Hsm<'_, P> {
    /// The next key of the inventory: the handle and what is public, of the first place from `cursor` on that has a key.
    /// `None` after the last. Gives the cursor for the next call, too; the first is 0. Keys of all owners are in it.
    ///
    /// # Errors
    /// The state's error.
    pub fn key_next(&self, cursor: u16) -> Result<Option<(u16, KeyHandle, KeyInfo)>, Error> {
        self.allow_reading(Command::KeyNext)?;
        for index in usize::from(cursor)..self.slots.capacity() {
            if let Some((handle, Ok(info), _)) = self.slots.place(index) {
                let next = u16::try_from(index).map_err(|_| Error::Internal)?.wrapping_add(1);
                return Ok(Some((next, handle, info)));
            }
        }
        Ok(None)
    }

    /// What a key is bound to, and how far it has come.
    ///
    /// # Errors
    /// [`Error::InvalidHandle`], [`Error::NotAuthenticated`]; the state's error.
    pub fn key_bounds(&self, key: KeyHandle) -> Result<KeyBounds, Error> {
        self.allow_reading(Command::KeyBounds)?;
        Ok(self.slots.get(key)?.bounds())
    }

    /// Narrows a key: its mode of use, its exportability, how often and when it may be used, by whom. Nothing is ever
    /// widened, and copies of the key in other slots are narrowed with it. A MAC in progress is over if the mode changes.
    ///
    /// # Errors
    /// The state's and the handle's errors; [`Error::ModeNotPermitted`], [`Error::ExportNotPermitted`],
    /// [`Error::KeyBlockMode`] for attributes; [`Error::Refused`] for bounds that are wider than they are;
    /// [`Error::InvalidArgument`] for the owner 0, or for a number of uses that is no limit; [`Error::BadState`] for a key
    /// that shall end with a session while none is open, or that is stored; [`Error::LimitReached`] for a log that is full;
    /// [`Error::Storage`].
    pub fn key_narrow(&mut self, key: KeyHandle, to: &Narrowing) -> Result<(), Error> {
        self.allow(Command::KeyNarrow)?;
        let check = self.slots.get(key)?.check()?;
        if to.with_session && self.session.is_none() {
            return Err(Error::BadState);
        }
        self.audit_ready()?;
        self.slots.narrow(key, to, self.policy)?;
        if to.mode.is_some() {
            self.mac_clear();
        }
        self.keep_up()?;
        self.note(Note::of(LogEvent::KeyNarrow).at(key.place()).check(&check))
    }

    /// Opens the session of an owner: keys that are bound to him can be used, and keys can be bound to the session. One at
    /// a time. The platform is asked ([`Question::Session`]): the module does not know who an owner is.
    ///
    /// # Errors
    /// The state's error; [`Error::BadState`] for an open session; [`Error::InvalidArgument`] for the owner 0; the
    /// platform's refusal; [`Error::LimitReached`] for a log that is full; [`Error::Storage`].
    pub fn session_open(&mut self, owner: u16) -> Result<Session, Error> {
        self.allow(Command::SessionOpen)?;
        if self.session.is_some() {
            return Err(Error::BadState);
        }
        if owner == 0 {
            return Err(Error::InvalidArgument);
        }
        self.audit_ready()?;
        self.ask(&Question::Session { owner })?;
        let number = self.sessions.checked_add(1).ok_or(Error::LimitReached)?;
        self.sessions = number;
        self.note(Note::of(LogEvent::Session).value(owner.into()))?;
        let session = Session { number, owner };
        self.session = Some(session);
        self.slots.set_owner(owner);
        Ok(session)
    }

    /// Closes a session: keys that are bound to it are erased, and those of its owner cannot be used.
    ///
    /// # Errors
    /// [`Error::InvalidHandle`] if it is not the open one; [`Error::Tampered`] and the like.
    pub fn session_close(&mut self, session: Session) -> Result<(), Error> {
        self.allow(Command::SessionClose)?;
        if self.session.is_none_or(|open| open.number != session.number) {
            return Err(Error::InvalidHandle);
        }
        self.end_session();
        Ok(())
    }

    /// Ends an open session. What cannot be logged ends all the same.
    pub(super) fn end_session(&mut self) {
        if self.session.take().is_none() {
            return;
        }
        self.slots.set_owner(0);
        while let Some(key) = self.slots.end_with_session() {
            #[cfg(feature = "host")]
            self.initial_keys.forget(key);
            let _ = self.note(Note::of(LogEvent::KeyErase).at(key.place()));
        }
        self.end_orphaned_mac();
        let _ = self.note(Note::of(LogEvent::Session));
    }

    /// Says what day it is, for keys that have days of use. Never an earlier one than before, also before the last start if
    /// there is a storage key. Until somebody says so, such keys do nothing.
    ///
    /// # Errors
    /// The state's error; [`Error::InvalidArgument`] for an earlier day; [`Error::Storage`].
    pub fn set_date(&mut self, today: Date) -> Result<(), Error> {
        self.allow(Command::SetDate)?;
        let (today, known) = (today.to_digits(), self.slots.today().max(self.last_day));
        if today < known {
            return Err(Error::InvalidArgument);
        }
        if today > self.last_day
            && let Some(sealer) = &self.sealer
        {
            let (storage, scratch) = (&mut self.platform, &mut self.scratch);
            stored::save(storage, sealer, Kind::Module, TODAY, &today.to_be_bytes(), scratch)?;
        }
        self.last_day = today;
        self.slots.set_today(today, self.policy);
        Ok(())
    }

    /// Makes a key persistent: it is sealed in the storage with everything that belongs to it, and is in its place again
    /// after a start. What it has used up never falls.
    ///
    /// Find it after a start with [`key_next`](Self::key_next).
    ///
    /// # Errors
    /// The state's and the handle's errors; [`Error::BadState`] for a key that ends with its session;
    /// [`Error::LimitReached`] for a log that is full; [`Error::Storage`], also without a storage key: the key is not
    /// stored then, or comes back all the same if the power goes now.
    pub fn key_store(&mut self, key: KeyHandle) -> Result<(), Error> {
        self.allow(Command::KeyStore)?;
        let slot = self.slots.get(key)?;
        let (bounds, check) = (slot.bounds(), slot.check()?);
        if bounds.with_session {
            return Err(Error::BadState);
        }
        if self.sealer.is_none() {
            return Err(Error::Storage);
        }
        self.audit_ready()?;
        if bounds.is_stored {
            return self.keep_up();
        }
        let index = u8::try_from(key.index()).map_err(|_| Error::Internal)?;
        self.write_slot(index)?;
        self.note(Note::of(LogEvent::KeyStore).at(key.place()).check(&check))
    }

    /// Gives a key the place of another, which is gone then: old or new, never both, also in the storage if the old one
    /// is stored. Gives the new key's handle; both handles that named them name nothing.
    ///
    /// # Errors
    /// The state's and the handles' errors; [`Error::InvalidArgument`] for one key; [`Error::UsageNotPermitted`],
    /// [`Error::AlgorithmMismatch`] for keys that are not for the same; [`Error::KeyBlockKeyVersion`] for an older version
    /// than that of the key that is replaced; [`Error::BadState`] if the new key is stored already, or ends with its
    /// session and the old one is stored; [`Error::LimitReached`] for a log that is full; [`Error::Storage`]: both keys are
    /// as they were, under new handles.
    pub fn key_replace(&mut self, old: KeyHandle, new: KeyHandle) -> Result<KeyHandle, Error> {
        self.allow(Command::KeyReplace)?;
        let (from, to) = (self.slots.get(new)?, self.slots.get(old)?);
        if old == new {
            return Err(Error::InvalidArgument);
        }
        let (attributes, before) = (from.attributes()?, to.attributes()?);
        if attributes.usage != before.usage {
            return Err(Error::UsageNotPermitted);
        }
        if attributes.algorithm != before.algorithm {
            return Err(Error::AlgorithmMismatch);
        }
        let (version, last) = (attributes.version, before.version);
        let is_older = last != KeyVersion::UNUSED && version.to_chars() < last.to_chars();
        if guard!("D08.version", is_older) {
            return Err(Error::KeyBlockKeyVersion);
        }
        let (bounds, is_stored) = (from.bounds(), to.bounds().is_stored);
        if bounds.is_stored || (bounds.with_session && is_stored) {
            return Err(Error::BadState);
        }
        let check = from.check()?;
        self.audit_ready()?;
        let placed = self.slots.replace(old, new)?;
        if let Err(error) = self.keep_up() {
            // Back: the record that is there, or may be there, is written again when the storage works.
            self.slots.replace_back(placed, new)?;
            return Err(error);
        }
        let spare = self.slots.place(new.index()).map(|(handle, _, _)| handle);
        if let Some(spare) = spare {
            self.slots.erase_place(spare);
        }
        #[cfg(feature = "host")]
        {
            self.initial_keys.forget(old);
            self.initial_keys.forget(new);
        }
        self.end_orphaned_mac();
        self.note(Note::of(LogEvent::KeyReplace).at(placed.place()).check(&check))?;
        Ok(placed)
    }

    /// Counts what the running command uses, before it works: every key that was judged for it. Persistent keys have it in
    /// the storage then.
    pub(super) fn commit_uses(&mut self) -> Result<(), Error> {
        while let Some(used) = self.slots.spend()? {
            if used.left != u32::MAX {
                // An alarm, and a record if there is room for one; the key goes on.
                let _ = self.note(Note::of(LogEvent::Limit).at(used.key.place()).value(used.left.into()));
            }
        }
        self.keep_up()
    }

    /// Remembers what a key is used for, before it works.
    pub(super) fn bind_key(&mut self, key: KeyHandle, choice: Choices) -> Result<(), Error> {
        self.slots.bind(key, choice)?;
        self.keep_up()
    }

    /// Brings the records of persistent keys up to what has happened.
    pub(super) fn keep_up(&mut self) -> Result<(), Error> {
        let mut from = 0;
        while let Some(index) = self.slots.next_behind(from) {
            self.write_slot(index)?;
            from = index;
        }
        Ok(())
    }

    #[inline(never)]
    pub(super) fn write_slot(&mut self, index: u8) -> Result<(), Error> {
        let sealer = self.sealer.as_ref().ok_or(Error::Storage)?;
        let mut body = SecretBuf::<MAX_RECORD_LEN>::new();
        let (len, counts) = self.slots.write(index, body.reset(MAX_RECORD_LEN)?)?;
        let body = body.expose().get(..len).ok_or(Error::Internal)?;
        let (storage, scratch) = (&mut self.platform, &mut self.scratch);
        match stored::save(storage, sealer, Kind::Slot, index.into(), body, scratch) {
            Ok(()) => {
                self.slots.written(index, counts);
                Ok(())
            }
            Err(_) => {
                self.slots.maybe_written(index);
                self.settle_slots();
                Err(Error::Storage)
            }
        }
    }

    /// Removes from the storage the keys that are not here any more; what does not go now is tried again.
    pub(super) fn settle_slots(&mut self) {
        let Some(sealer) = &self.sealer else {
            return;
        };
        while let Some(index) = self.slots.next_unsettled() {
            let (storage, scratch) = (&mut self.platform, &mut self.scratch);
            if stored::remove(storage, sealer, Kind::Slot, index.into(), scratch).is_err() {
                return;
            }
            self.slots.settled(index);
        }
    }

    /// Takes up the keys that the storage holds. Damage, and two keys of one value, make the module tampered.
    pub(super) fn take_up_slots(&mut self) {
        if self.read_slots().is_err() {
            self.found_damaged();
        }
    }

    fn read_slots(&mut self) -> Result<(), Error> {
        if self.sealer.is_none() {
            return Ok(());
        }
        #[cfg(any(feature = "host", feature = "terminal"))]
        if self.persistent_limits {
            self.take_up_rates()?;
        }
        let sealer = self.sealer.as_ref().ok_or(Error::Storage)?;
        let mut today = [0; 4];
        let (storage, scratch) = (&mut self.platform, &mut self.scratch);
        stored::load(storage, sealer, Kind::Module, TODAY, &mut today, scratch)?;
        ct::public(&mut today);
        self.last_day = u32::from_be_bytes(today);
        let mut body = SecretBuf::<MAX_RECORD_LEN>::new();
        let mut found = false;
        for index in (0..=u8::MAX).take(self.slots.capacity()) {
            let out = body.reset(MAX_RECORD_LEN)?;
            let len = stored::load(storage, sealer, Kind::Slot, index.into(), out, scratch)?;
            if let Some(len) = len {
                let body = body.expose().get(..len).ok_or(Error::Internal)?;
                self.slots.take_up(index, body, self.policy)?;
                found = true;
            }
        }
        if found && self.slots.has_conflict()? {
            return Err(Error::StorageIntegrity);
        }
        if found {
            self.life.happen(Event::Populated);
        }
        Ok(())
    }
}
