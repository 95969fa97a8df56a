// SPDX-License-Identifier: MIT OR Apache-2.0
//! The table's side of bounds and of stored keys: what is counted, what is behind, what ends with a session.

use crate::error::Error;
use crate::hsm::handle::KeyHandle;
use crate::hsm::slot::bounds::{NO_LIMIT, Narrowing};
use crate::hsm::slot::places::{Marks, Places};
use crate::hsm::slot::{Here, Kept, KeyInfo, Slot, Slots, equal_under, judge, judge_attributes, key_bits};
use crate::key::usage::Attributes;
use crate::policy::Policy;
use subtle::Choice;

/// What a commit of uses has found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Used {
    pub(crate) key: KeyHandle,
    /// How many uses are left.
    pub(crate) left: u32,
}

impl Slots<'_> {
    /// Forgets what a command has begun that did not go on.
    pub(crate) fn disarm(&self) {
        let asked = self.2.asked.replace(Places::default());
        let mut from = 0_usize;
        while let Some(index) = asked.next(from) {
            if let Some(slot) = self.0.get(usize::from(index)) {
                slot.armed.set(false);
            }
            from = usize::from(index).wrapping_add(1);
        }
    }

    /// Counts the use of the next key that the running command uses, and gives the key if that is worth an alarm. `None`
    /// when there is none left.
    pub(crate) fn spend(&mut self) -> Result<Option<Used>, Error> {
        let asked = self.2.asked.get();
        let mut from = 0_usize;
        let (index, slot) = loop {
            let Some(index) = asked.next(from) else {
                return Ok(None);
            };
            let slot = self.0.get(usize::from(index)).ok_or(Error::Internal)?;
            if slot.armed.get() {
                break (index, slot);
            }
            from = usize::from(index).wrapping_add(1);
        };
        let key = KeyHandle::new(index, slot.generation.value());
        slot.armed.set(false);
        let uses = slot.bounds.uses.checked_add(1).ok_or(Error::LimitReached)?;
        if uses > slot.bounds.max_uses {
            return Err(Error::LimitReached);
        }
        let left = slot.bounds.max_uses.wrapping_sub(uses);
        let warn = slot.bounds.warn_uses == uses;
        self.with_copies(key, |slot| slot.bounds.uses = uses)?;
        Ok(Some(Used {
            key,
            left: if left == 0 || warn { left } else { NO_LIMIT },
        }))
    }

    /// The first stored key from `from` on whose record is behind.
    pub(crate) fn next_behind(&self, from: u8) -> Option<u8> {
        let changed = self.2.changed.get();
        let mut from = usize::from(from);
        loop {
            let index = changed.next(from)?;
            if self.0.get(usize::from(index))?.is_behind() {
                return Some(index);
            }
            Marks::drop(&self.2.changed, index.into());
            from = usize::from(index).wrapping_add(1);
        }
    }

    /// The first place that the storage may hold a key of that is not here any more.
    pub(crate) fn next_unsettled(&self) -> Option<u8> {
        let mut slots = (0..=u8::MAX).zip(self.0.iter());
        slots.find(|(_, slot)| slot.stored.unsettled).map(|(index, _)| index)
    }

    pub(crate) fn settled(&mut self, index: u8) {
        if let Some(slot) = self.0.get_mut(usize::from(index)) {
            slot.touch(|slot| slot.stored.unsettled = false);
        }
    }

    /// Writes the record of a place, and gives its length and the counts that it has.
    pub(crate) fn write(&self, index: u8, out: &mut [u8]) -> Result<(usize, (u32, u32)), Error> {
        let slot = self.0.get(usize::from(index)).ok_or(Error::Internal)?;
        // A damaged key is not stored: at the next start nothing would tell.
        self.whole(slot)?;
        let counts = slot.counts_ahead();
        Ok((slot.write(counts, out)?, counts))
    }

    /// The record of a place was written.
    pub(crate) fn written(&mut self, index: u8, (blocks, uses): (u32, u32)) {
        if let Some(slot) = self.0.get_mut(usize::from(index)) {
            slot.touch(|slot| {
                slot.stored.is_stored = true;
                slot.stored.is_behind = false;
                (slot.stored.blocks, slot.stored.uses) = (blocks, uses);
            });
        }
    }

    /// The record of a place may have been written.
    pub(crate) fn maybe_written(&mut self, index: u8) {
        if let Some(slot) = self.0.get_mut(usize::from(index)) {
            slot.touch(|slot| slot.stored.unsettled = !slot.stored.is_stored);
        }
    }

    /// Takes a stored key back into its place, at a start.
    pub(crate) fn take_up(&mut self, index: u8, body: &[u8], policy: Policy) -> Result<(), Error> {
        let today = self.1.today;
        let slot = self.0.get_mut(usize::from(index)).ok_or(Error::Internal)?;
        if let Err(error) = slot.read(body) {
            slot.erase();
            return Err(error);
        }
        Marks::add(&self.2.changed, index.into());
        // A key that today's policy does not take stays, and does nothing.
        slot.invalid =
            judge(slot.attributes()?, slot.material.expose(), policy).is_err() || !slot.bounds.is_valid(today);
        slot.reseal();
        self.find_copy(index.into());
        Ok(())
    }

    /// Whether two keys in the table have one value and differ in what they are: no start makes two of one.
    pub(crate) fn has_conflict(&self) -> Result<bool, Error> {
        for slot in &*self.0 {
            if let Some((attributes, _)) = slot.entry {
                let other = self.holds_otherwise(&attributes, slot.history.derivations, slot.material.expose());
                if crate::ct::verdict(!other).is_err() {
                    return Ok(true);
                }
            }
        }
        Ok(false)
    }

    /// Says what day it is.
    pub(crate) fn set_today(&mut self, today: u32, policy: Policy) {
        self.1 = Here::new(today, self.1.owner);
        for slot in self.0.iter_mut() {
            if let Some((attributes, _)) = slot.entry {
                let refused = judge_attributes(&attributes, policy).is_err();
                slot.touch(|slot| slot.invalid = refused || !slot.bounds.is_valid(today));
            }
        }
    }

    /// What day it is; 0 if nobody has said so.
    pub(crate) const fn today(&self) -> u32 {
        self.1.today
    }

    /// Says whose session is open; 0: nobody's.
    pub(crate) const fn set_owner(&mut self, owner: u16) {
        self.1 = Here::new(self.1.today, owner);
    }

    /// Erases a key that ends with its session, and gives its place.
    pub(crate) fn end_with_session(&mut self) -> Option<KeyHandle> {
        let slots = (0..=u8::MAX).zip(self.0.iter_mut());
        for (index, slot) in slots {
            if slot.entry.is_some() && slot.bounds.with_session {
                let handle = KeyHandle::new(index, slot.generation.value());
                slot.erase();
                return Some(handle);
            }
        }
        None
    }

    /// Narrows a key and its copies.
    pub(crate) fn narrow(&mut self, key: KeyHandle, to: &Narrowing, policy: Policy) -> Result<(), Error> {
        let slot = self.get(key)?;
        let attributes = to.attributes(slot.attributes()?)?;
        judge_attributes(&attributes, policy)?;
        let bounds = slot.bounds.narrow(to)?;
        if bounds.with_session && slot.stored.is_stored {
            return Err(Error::BadState);
        }
        let valid = bounds.is_valid(self.1.today);
        self.with_copies(key, |slot| {
            if let Some((own, _)) = &mut slot.entry {
                *own = attributes;
            }
            slot.bounds = bounds;
            slot.invalid |= !valid;
            slot.stored.is_behind = true;
        })
    }

    /// A place, for the inventory: whatever session is open.
    pub(crate) fn place(&self, index: usize) -> Option<(KeyHandle, Result<KeyInfo, Error>, &Slot)> {
        let slot = self.0.get(index)?;
        let handle = KeyHandle::new(u8::try_from(index).ok()?, slot.generation.value());
        let info = match slot.entry {
            Some(_) => self.whole(slot).and_then(|()| slot.info()),
            None => slot.info(),
        };
        Some((handle, info, slot))
    }

    /// Gives a key the place of another, which is gone then. The other place is free.
    pub(crate) fn replace(&mut self, old: KeyHandle, new: KeyHandle) -> Result<KeyHandle, Error> {
        let (from, to) = (new.index(), old.index());
        let (Some(one), Some(other)) = self.two(from, to) else {
            return Err(Error::InvalidHandle);
        };
        one.sound()?;
        other.sound()?;
        core::mem::swap(&mut one.material, &mut other.material);
        core::mem::swap(&mut one.entry, &mut other.entry);
        core::mem::swap(&mut one.history, &mut other.history);
        core::mem::swap(&mut one.failures, &mut other.failures);
        core::mem::swap(&mut one.choice, &mut other.choice);
        core::mem::swap(&mut one.blocks, &mut other.blocks);
        core::mem::swap(&mut one.bounds, &mut other.bounds);
        core::mem::swap(&mut one.invalid, &mut other.invalid);
        one.generation.advance();
        other.generation.advance();
        other.stored.is_behind = true;
        one.reseal();
        other.reseal();
        let generation = other.generation.value();
        for index in [from, to] {
            Marks::add(&self.2.changed, index);
        }
        if self.2.copied.has(from) || self.2.copied.has(to) {
            self.2.copied.insert(from);
            self.2.copied.insert(to);
        }
        Ok(KeyHandle::new(
            u8::try_from(to).map_err(|_| Error::Internal)?,
            generation,
        ))
    }

    /// Takes a replacement back: both keys are where they were, under other handles.
    pub(crate) fn replace_back(&mut self, placed: KeyHandle, new: KeyHandle) -> Result<(), Error> {
        let (spare, _, _) = self.place(new.index()).ok_or(Error::Internal)?;
        self.replace(placed, spare).map(|_| ())
    }

    /// Whether a slot holds the value, with whatever attributes.
    pub(crate) fn holds_any(&self, attributes: &Attributes, material: &[u8]) -> Choice {
        self.0.iter().fold(Choice::from(0), |found, slot| match slot.entry {
            Some((other, _)) => {
                let mask = key_bits(other.algorithm, attributes.algorithm);
                found | equal_under(mask, slot.material.expose(), material)
            }
            None => found,
        })
    }

    /// Gives a key that has just come in what a backup kept.
    pub(crate) fn set_kept(&mut self, key: KeyHandle, kept: &Kept) {
        let today = self.1.today;
        if let Some(slot) = self.0.get_mut(key.index()) {
            Marks::add(&self.2.changed, key.index());
            slot.touch(|slot| slot.set_kept(kept, today));
        }
    }

    fn two(&mut self, one: usize, other: usize) -> (Option<&mut Slot>, Option<&mut Slot>) {
        let (low, high) = (one.min(other), one.max(other));
        if low == high {
            return (None, None);
        }
        let Some((front, back)) = self.0.split_at_mut_checked(high) else {
            return (None, None);
        };
        let (low, high) = (front.get_mut(low), back.first_mut());
        if one < other { (low, high) } else { (high, low) }
    }
}
