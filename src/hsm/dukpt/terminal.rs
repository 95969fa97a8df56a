// SPDX-License-Identifier: MIT OR Apache-2.0
//! DUKPT at the terminal: the groups, from the load of an initial key to its end.

use core::cmp::Ordering;

use crate::ct;
use crate::dukpt::{Scheme, aes, tdes};
use crate::error::Error;
use crate::hsm::dukpt::{Group, MAX_GROUPS, Registers, Side, Transaction, TransactionKsn};
use crate::hsm::event::{LogEvent, Note};
use crate::hsm::slot::{self, KeyCheck};
use crate::hsm::{Command, Event, GroupHandle, Hsm, KeyHandle, Platform, TransactionHandle};
use crate::key::usage::KeyAlgorithm;
use crate::key::{self, Key, role};
use crate::keyblock::header::{KeyContext, Version};
use crate::keyblock::{KbpkRef, KeyBlock, Payload, Profile, Unverified};
use crate::policy::Operation;
use crate::store::anchor;
use crate::store::journal::{GroupJournal, Records};
use crate::store::seal::Kind;
use crate::weaken::guard;

/// What is public about an initial key that was loaded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InitialKeyInfo {
    /// The algorithm of the initial key.
    pub algorithm: KeyAlgorithm,
    /// The CMAC check value of the initial key; `None` for a group that came from storage: the key is long gone.
    pub check: Option<KeyCheck>,
    /// The KSN of the next transaction; `None` if the initial key is at the end of its life.
    pub next: Option<TransactionKsn>,
}

impl<P: Platform> Hsm<'_, P> {
    /// Loads a DUKPT initial key from a key block into a free group, and forgets the key.
    ///
    /// `kbpk`: a K1 key with mode of use D or B. The block's usage is B1 with mode of use X, its algorithm says which
    /// scheme, its optional block KS (20 hexadecimal characters, TDEA) or IK (16, AES) which initial key. The registers
    /// are stored before the call returns.
    ///
    /// The records of all 256 groups are looked at, also of those that have no memory: twice as many reads of the storage.
    ///
    /// # Errors
    /// As [`key_block_import`](Self::key_block_import); [`Error::KeyBlockOptional`] without KS or IK;
    /// [`Error::InvalidKsn`]; [`Error::CounterReplayed`] for an identity that a group or the storage knows, because its
    /// counter would start again; [`Error::SlotsFull`] without a free group; [`Error::Storage`],
    /// [`Error::StorageIntegrity`].
    ///
    /// # Timing
    /// The header and the length of the block.
    pub fn dukpt_load(
        &mut self,
        kbpk: KeyHandle,
        block: &[u8],
        profile: Profile,
    ) -> Result<(GroupHandle, InitialKeyInfo), Error> {
        self.pend();
        self.allow(Command::DukptLoad)?;
        self.audit_ready()?;
        let mut payload = Payload::empty();
        let verified = self.open_block(kbpk, block, profile, &mut payload)?;
        let attributes = verified.attributes();
        crate::policy::permit(Operation::DukptLoad, attributes, self.policy)?;
        slot::judge(attributes, verified.key(), self.policy)?;
        ct::verdict(!self.slots.holds_for_other_purpose(attributes, verified.key()))?;
        let check = KeyCheck::of(attributes, verified.key())?;
        let optional = verified.blocks();
        self.settle();
        if self.groups.unsettled() {
            return Err(Error::Storage);
        }
        match attributes.algorithm {
            KeyAlgorithm::Tdea => {
                let id = tdes::InitialKeyId::parse(&optional.iksn()?.ok_or(Error::KeyBlockOptional)?)?;
                if guard!("D08" | "F02", self.groups.knows(Scheme::Tdes, id.as_bytes())) {
                    return Err(Error::CounterReplayed);
                }
                self.unknown_beyond_the_memory(Scheme::Tdes, id.as_bytes())?;
                let mut ik = Key::empty();
                verified.unwrap_into(&mut ik)?;
                let (index, group) = self.groups.free()?;
                let mut journal = GroupJournal {
                    storage: &mut self.platform,
                    sealer: self.sealer.as_ref().ok_or(Error::Storage)?,
                    group: index.into(),
                    records: &mut group.records,
                    scratch: &mut self.scratch,
                };
                group.registers = Registers::Tdea(tdes::Terminal::empty());
                let result = match &mut group.registers {
                    Registers::Tdea(terminal) => terminal.load(&mut ik, &id, &mut journal),
                    _ => Err(Error::Internal),
                };
                let loaded = self.loaded(index, result, check);
                self.concluded(loaded)
            }
            _ => {
                let id = aes::InitialKeyId::parse(&optional.ikid()?.ok_or(Error::KeyBlockOptional)?)?;
                if guard!("D08" | "F02", self.groups.knows(Scheme::Aes, id.as_bytes())) {
                    return Err(Error::CounterReplayed);
                }
                self.unknown_beyond_the_memory(Scheme::Aes, id.as_bytes())?;
                let mut ik = Key::empty();
                verified.unwrap_into(&mut ik)?;
                let (index, group) = self.groups.free()?;
                let mut journal = GroupJournal {
                    storage: &mut self.platform,
                    sealer: self.sealer.as_ref().ok_or(Error::Storage)?,
                    group: index.into(),
                    records: &mut group.records,
                    scratch: &mut self.scratch,
                };
                group.registers = Registers::Aes(aes::Terminal::empty());
                let result = match &mut group.registers {
                    Registers::Aes(terminal) => terminal.load(&mut ik, &id, &mut journal),
                    _ => Err(Error::Internal),
                };
                let loaded = self.loaded(index, result, check);
                self.concluded(loaded)
            }
        }
    }

    /// Replaces a group's AES initial key by the one in a key block under its update key; the handle stays.
    ///
    /// The block: version D, usage B1, algorithm A, mode of use X, with the new initial key id in the optional block IK;
    /// a key of the old one's length. The host makes it with
    /// [`dukpt_export_update`](crate::hsm::Hsm::dukpt_export_update). With success every register of the old key is erased,
    /// here and in storage, a transaction of the group is over, and the next counter is 1.
    ///
    /// **Atomic.** The one write of the storage that replaces the record decides. After any error the group goes on with the
    /// old key; a loss of power during the call leaves the old state or the new one, whole, and never both.
    ///
    /// # Errors
    /// The state's and the handle's errors; [`Error::AlgorithmMismatch`] for a TDEA group; the format's errors, −3xx;
    /// [`Error::KeyBlockVersion`], [`Error::UsageNotPermitted`], [`Error::ModeNotPermitted`],
    /// [`Error::KeyBlockOptional`] without IK; [`Error::VerificationFailed`] for whatever is wrong under the MAC, and for a
    /// key that a slot already holds; [`Error::KeyStrength`], [`Error::InvalidKeyLength`], [`Error::WeakKey`];
    /// [`Error::CounterReplayed`] for an identity that a group or the storage knows; [`Error::LimitReached`] for a group
    /// that has used up eight initial keys; [`Error::Storage`], [`Error::StorageIntegrity`].
    ///
    /// # Timing
    /// The header and the length of the block.
    ///
    /// # Source
    /// ANSI X9.24-3:2017 6.6; X9.143:2021 for the block. Vectors: `vectors/dukpt_aes.txt` for the update key.
    pub fn dukpt_update(
        &mut self,
        group: GroupHandle,
        block: &[u8],
        profile: Profile,
    ) -> Result<InitialKeyInfo, Error> {
        self.pend();
        self.allow(Command::DukptUpdate)?;
        let mut ik = Key::empty();
        let (id, check) = self.open_update(group, block, profile, &mut ik)?;
        let replaced = self.replace_initial_key(group, &mut ik, &id, check);
        self.concluded(replaced)
    }

    /// The first part of an update, in a frame that is gone when the key is loaded.
    #[inline(never)]
    fn open_update(
        &mut self,
        group: GroupHandle,
        block: &[u8],
        profile: Profile,
        ik: &mut Key<role::InitialKey, key::Aes>,
    ) -> Result<(aes::InitialKeyId, KeyCheck), Error> {
        let Registers::Aes(terminal) = &self.groups.group(group)?.registers else {
            return Err(Error::AlgorithmMismatch);
        };
        let block = KeyBlock::<Unverified>::parse(block, profile)?;
        let header = *block.header();
        if header.version != Version::D {
            return Err(Error::KeyBlockVersion);
        }
        if header.context == KeyContext::Storage {
            return Err(Error::KeyBlockReserved);
        }
        crate::policy::permit(Operation::DukptLoad, &header.attributes, self.policy)?;
        if header.attributes.algorithm != KeyAlgorithm::Aes {
            return Err(Error::AlgorithmMismatch);
        }
        slot::judge_attributes(&header.attributes, self.policy)?;
        let id = aes::InitialKeyId::parse(&block.blocks().ikid()?.ok_or(Error::KeyBlockOptional)?)?;
        let mut update_key = Key::empty();
        terminal.update_key(&mut update_key)?;
        let mut payload = Payload::empty();
        self.audit_ready()?;
        let judged = self
            .denial
            .judged_before(|| block.verify_only(KbpkRef::Update(&update_key), &mut payload));
        let verified = judged.and_then(|()| block.verify(KbpkRef::Update(&update_key), &mut payload));
        let verified = match self.ruled(verified) {
            Err(error @ Error::VerificationFailed) => {
                return Err(self.note_failure(Note::of(LogEvent::UnwrapFailed).at(group.place()), error));
            }
            verified => verified?,
        };
        let attributes = verified.attributes();
        match verified.key().len().cmp(&update_key.len()) {
            Ordering::Greater => return Err(Error::KeyStrength),
            Ordering::Less => return Err(Error::InvalidKeyLength),
            Ordering::Equal => {}
        }
        slot::judge(attributes, verified.key(), self.policy)?;
        ct::verdict(!self.slots.holds_for_other_purpose(attributes, verified.key()))?;
        let check = KeyCheck::of(attributes, verified.key())?;
        self.settle();
        if self.groups.unsettled() {
            return Err(Error::Storage);
        }
        if guard!("D08" | "F02", self.groups.knows(Scheme::Aes, id.as_bytes())) {
            return Err(Error::CounterReplayed);
        }
        self.unknown_beyond_the_memory(Scheme::Aes, id.as_bytes())?;
        verified.unwrap_into(ik)?;
        Ok((id, check))
    }

    /// The last part of an update. Its own frame: the state in the making is the largest thing on the stack.
    #[inline(never)]
    fn replace_initial_key(
        &mut self,
        group: GroupHandle,
        ik: &mut Key<role::InitialKey, key::Aes>,
        id: &aes::InitialKeyId,
        check: KeyCheck,
    ) -> Result<InitialKeyInfo, Error> {
        let (index, place) = self.groups.group_mut(group)?;
        let Registers::Aes(terminal) = &mut place.registers else {
            return Err(Error::Internal);
        };
        let mut journal = GroupJournal {
            storage: &mut self.platform,
            sealer: self.sealer.as_ref().ok_or(Error::Storage)?,
            group: index.into(),
            records: &mut place.records,
            scratch: &mut self.scratch,
        };
        let mut next = aes::Terminal::empty();
        if let Err(error) = terminal.update(ik, id, &mut next, &mut journal) {
            place.restate = true;
            self.settle();
            return Err(error);
        }
        place.check = Some(check);
        place.end_transaction();
        let info = place.info();
        self.end_orphaned_mac();
        self.review_groups();
        // The new key is in force whether or not there is a record of it.
        let _ = self.note(Note::of(LogEvent::Update).at(group.place()).check(&check));
        info
    }

    /// Fails if the storage knows an initial key in a group for which there is no memory now: a start with fewer groups
    /// must not make a used key new.
    fn unknown_beyond_the_memory(&mut self, scheme: Scheme, identity: &[u8]) -> Result<(), Error> {
        let sealer = self.sealer.as_ref().ok_or(Error::Storage)?;
        for group in (0..MAX_GROUPS).skip(self.groups.capacity()) {
            let mut records = Records::NEW;
            records.mount(&mut self.platform, sealer, group, &mut self.scratch, |_| Ok(()))?;
            if records.high_water(scheme, identity).is_some() {
                return Err(Error::CounterReplayed);
            }
        }
        Ok(())
    }

    /// The end of a load: the handle and what is public, or the place free again.
    ///
    /// A storage that failed may hold the state all the same; it is given up there before the place is used again.
    fn loaded(
        &mut self,
        index: u8,
        result: Result<(), Error>,
        check: KeyCheck,
    ) -> Result<(GroupHandle, InitialKeyInfo), Error> {
        let group = self.groups.0.get_mut(usize::from(index)).ok_or(Error::Internal)?;
        match result {
            Ok(()) => {
                group.check = Some(check);
                let (handle, info) = (GroupHandle::new(index, group.generation.value()), group.info()?);
                self.life.happen(Event::Populated);
                self.review_groups();
                // The key is stored whether or not there is a record of it.
                let _ = self.note(Note::of(LogEvent::KeyLoad).at(handle.place()).check(&check));
                Ok((handle, info))
            }
            Err(error) => {
                group.erase();
                group.unsettled = true;
                self.settle();
                Err(error)
            }
        }
    }

    /// Gives up in storage what may be left there of groups whose load or erasure failed, and writes again what a failed
    /// update may have replaced.
    fn settle(&mut self) {
        let Some(sealer) = &self.sealer else {
            return;
        };
        for (index, group) in self.groups.iter_mut().filter(|(_, group)| group.unsettled) {
            let retired = group
                .records
                .retire(&mut self.platform, sealer, index.into(), &mut self.scratch);
            group.unsettled = retired.is_err();
        }
        for (index, group) in self.groups.iter_mut().filter(|(_, group)| group.restate) {
            let Registers::Aes(terminal) = &group.registers else {
                group.restate = false;
                continue;
            };
            let restated = terminal.state().and_then(|state| {
                let (storage, scratch) = (&mut self.platform, &mut self.scratch);
                group.records.restate(storage, sealer, index.into(), scratch, &state)
            });
            group.restate = restated.is_err();
        }
    }

    /// Gives up a group: its keys are erased here and in storage, and what it remembers of its initial keys stays, so
    /// that none of them can be loaded again after use.
    ///
    /// # Errors
    /// [`Error::InvalidHandle`]; [`Error::Storage`]: the keys are erased here, and the group comes back at the next
    /// start; the state's error.
    pub fn dukpt_erase(&mut self, group: GroupHandle) -> Result<(), Error> {
        self.allow(Command::DukptErase)?;
        self.groups.group(group)?;
        self.audit_ready()?;
        let (_, place) = self.groups.group_mut(group)?;
        place.erase();
        place.unsettled = true;
        self.end_orphaned_mac();
        self.review_groups();
        self.settle();
        if self.groups.unsettled() {
            return Err(Error::Storage);
        }
        self.note(Note::of(LogEvent::KeyErase).at(group.place()))
    }

    /// Takes up the groups that the storage holds. Damage makes the module tampered.
    pub(in crate::hsm) fn take_up_groups(&mut self) {
        let Some(sealer) = &self.sealer else {
            return;
        };
        let mut sound = true;
        let mut sequences = 0_u64;
        for (index, group) in self.groups.iter_mut() {
            let Group { registers, records, .. } = group;
            let mounted = records.mount(
                &mut self.platform,
                sealer,
                index.into(),
                &mut self.scratch,
                |snapshot| Group::restore(registers, snapshot),
            );
            sound &= mounted.is_ok();
            sequences = sequences.saturating_add(group.records.sequence());
        }
        let first = u16::try_from(self.groups.capacity()).unwrap_or(MAX_GROUPS);
        sound &= anchor::check(&mut self.platform, sealer, sequences, first, &mut self.scratch).is_ok();
        if !sound || self.groups.has_twins() {
            self.found_damaged();
        }
        if self.groups.used() != 0 {
            self.life.happen(Event::Populated);
            self.review_groups();
        }
    }

    /// Erases every group, here and in storage, where the marks of used initial keys stay.
    pub(in crate::hsm) fn give_up_groups(&mut self) -> Result<(), Error> {
        for (_, group) in self.groups.iter_mut().filter(|(_, group)| !group.is_free()) {
            group.unsettled |= !matches!(group.registers, Registers::None);
            group.erase();
        }
        self.settle();
        self.review_groups();
        if self.groups.unsettled() {
            return Err(Error::Storage);
        }
        Ok(())
    }

    /// How many groups in storage have a memory of used initial keys that cannot be read.
    pub(in crate::hsm) fn lost_marks(&mut self) -> Result<u16, Error> {
        let Some(sealer) = &self.sealer else {
            return Ok(0);
        };
        let mut lost = 0_u16;
        for group in 0..MAX_GROUPS {
            let mut records = Records::NEW;
            match records.mount(&mut self.platform, sealer, group, &mut self.scratch, |_| Ok(())) {
                Err(Error::StorageIntegrity | Error::Record) => lost = lost.saturating_add(1),
                mounted => {
                    mounted?;
                }
            }
        }
        Ok(lost)
    }

    /// Gives up what the storage holds of any group. Marks stay; what cannot be read is erased.
    pub(in crate::hsm) fn renew_groups(&mut self) -> Result<(), Error> {
        let Some(sealer) = &self.sealer else {
            return Ok(());
        };
        for group in 0..MAX_GROUPS {
            let mut records = Records::NEW;
            let mut keys = false;
            let mounted = records.mount(&mut self.platform, sealer, group, &mut self.scratch, |_| {
                keys = true;
                Ok(())
            });
            match mounted {
                Err(Error::StorageIntegrity | Error::Record) => {
                    crate::store::record::abandon(&mut self.platform, Kind::Group, group, &mut self.scratch)?;
                }
                other => {
                    other?;
                    if keys {
                        records.retire(&mut self.platform, sealer, group, &mut self.scratch)?;
                    }
                }
            }
        }
        for (index, place) in self.groups.iter_mut() {
            place
                .records
                .mount(&mut self.platform, sealer, index.into(), &mut self.scratch, |_| Ok(()))?;
            place.unsettled = false;
            place.restate = false;
        }
        Ok(())
    }

    /// Sees whether any group can go on.
    fn review_groups(&mut self) {
        let (loaded, spent) = self.groups.spent();
        self.life.happen(if loaded != 0 && loaded == spent {
            Event::GroupsSpent
        } else {
            Event::GroupReady
        });
    }

    /// The group at a place, also one that was taken up from storage at the start.
    ///
    /// # Errors
    /// [`Error::InvalidHandle`] if nothing is there; the state's error.
    pub fn dukpt_find(&self, index: u8) -> Result<(GroupHandle, InitialKeyInfo), Error> {
        self.allow_reading(Command::DukptFind)?;
        let group = self.groups.0.get(usize::from(index)).ok_or(Error::InvalidHandle)?;
        let info = group.info()?;
        Ok((GroupHandle::new(index, group.generation.value()), info))
    }

    /// The KSN that the group's next transaction will have.
    ///
    /// # Errors
    /// [`Error::InvalidHandle`]; [`Error::CounterExhausted`]; the state's error.
    pub fn dukpt_ksn(&self, group: GroupHandle) -> Result<TransactionKsn, Error> {
        self.allow_reading(Command::DukptKsn)?;
        self.groups.group(group)?.info()?.next.ok_or(Error::CounterExhausted)
    }

    /// Begins the group's next transaction. A transaction of the group that was not ended is ended.
    ///
    /// The counter has moved on in storage before any key of the transaction exists outside the registers: whatever happens
    /// from now on, this KSN does not come again.
    ///
    /// # Errors
    /// [`Error::InvalidHandle`]; [`Error::CounterExhausted`], for ever; [`Error::Storage`]: the counter is used up, no key
    /// was given out; the state's error.
    ///
    /// # Timing
    /// The counter.
    ///
    /// # Source
    /// ANSI X9.24-3:2017 6.3 and annex C.
    pub fn dukpt_begin(&mut self, group: GroupHandle) -> Result<(TransactionHandle, TransactionKsn), Error> {
        self.allow(Command::DukptBegin)?;
        let (_, place) = self.groups.group_mut(group)?;
        place.end_transaction();
        self.end_orphaned_mac();
        let (index, place) = self.groups.group_mut(group)?;
        let mut journal = GroupJournal {
            storage: &mut self.platform,
            sealer: self.sealer.as_ref().ok_or(Error::Storage)?,
            group: index.into(),
            records: &mut place.records,
            scratch: &mut self.scratch,
        };
        place.transaction = match &place.registers {
            Registers::Tdea(_) => Transaction::Tdea(tdes::Transaction::empty()),
            Registers::Aes(_) => Transaction::Aes(aes::Transaction::empty()),
            Registers::None => Transaction::None,
        };
        let ksn = match (&mut place.registers, &mut place.transaction) {
            (Registers::Tdea(terminal), Transaction::Tdea(keys)) => {
                terminal.step(&mut journal, keys).map(TransactionKsn::Tdea)
            }
            (Registers::Aes(terminal), Transaction::Aes(keys)) => {
                terminal.step(&mut journal, keys).map(TransactionKsn::Aes)
            }
            _ => Err(Error::InvalidHandle),
        };
        match ksn {
            Ok(ksn) => {
                place.restate = false;
                place.opened(Side::Terminal)?;
                let transaction_generation = place.transaction_generation.value();
                self.review_groups();
                Ok((TransactionHandle::new(index, transaction_generation), ksn))
            }
            Err(error) => {
                place.end_transaction();
                self.review_groups();
                if error == Error::Storage {
                    // The counter may have moved.
                    return Err(self.note_failure(Note::of(LogEvent::CounterJump).at(group.place()), error));
                }
                Err(error)
            }
        }
    }
}
