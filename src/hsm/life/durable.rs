// SPDX-License-Identifier: MIT OR Apache-2.0
//! What of the life cycle outlives a start: the mark of a tamper event, a lock, the policy, the users' numbers, and the
//! generation of the module.
//!
//! **The mark of a tamper event** is a record that is not sealed: whatever stands in its place means tampered. So it can be
//! written when the keys are gone already, and without a storage key. Who can erase records can erase it, as he could a
//! sealed one: an erased storage looks like a new one.
//!
//! **The life record**, sealed, 16 bytes:
//!
//! | offset | length | content |
//! |---|---|---|
//! | 0 | 1 | layout version, 01 |
//! | 1 | 1 | bit 0: the policy is frozen; bit 1: locked by an officer |
//! | 2 | 2 | generation, big-endian |
//! | 4 | 4 | permissions that were withdrawn, big-endian |
//! | 8 | 2 | users, bit *n* for user *n*, big-endian |
//! | 10 | 6 | zero |

use super::{Command, Event, State};
use crate::error::Error;
use crate::hsm::WIDE;
use crate::hsm::audit;
use crate::hsm::role::Act;
use crate::hsm::{Hsm, LogEvent, Note, Platform, Question};
use crate::policy::Policy;
#[cfg(feature = "terminal")]
use crate::store::anchor;
use crate::store::seal::{Kind, MARK_ID, Place};
use crate::store::{Storage as _, record};

/// Number of the life record among those of the module.
const LIFE_ID: u16 = 0;
const MARK: [u8; 8] = *b"TAMPERED";
/// Numbers of the module's records.
const MODULE_IDS: u16 = 64;
/// The last slot that a record may be of.
const MAX_SLOT: u16 = 255;

/// Length of the life record's body in bytes.
const RECORD_LEN: usize = 16;
const LAYOUT: u8 = 1;

/// The life record.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::hsm) struct LifeRecord {
    pub(in crate::hsm) frozen: bool,
    pub(in crate::hsm) locked: bool,
    pub(in crate::hsm) generation: u16,
    pub(in crate::hsm) withdrawn: u32,
    pub(in crate::hsm) users: u16,
}

impl LifeRecord {
    fn write(self) -> [u8; RECORD_LEN] {
        let flags = u8::from(self.frozen) | (u8::from(self.locked) << 1);
        let [g0, g1] = self.generation.to_be_bytes();
        let [w0, w1, w2, w3] = self.withdrawn.to_be_bytes();
        let [u0, u1] = self.users.to_be_bytes();
        [LAYOUT, flags, g0, g1, w0, w1, w2, w3, u0, u1, 0, 0, 0, 0, 0, 0]
    }

    fn read(body: [u8; RECORD_LEN]) -> Result<Self, Error> {
        let [LAYOUT, flags @ 0..=3, g0, g1, w0, w1, w2, w3, u0, u1, 0, 0, 0, 0, 0, 0] = body else {
            return Err(Error::Record);
        };
        Ok(Self {
            frozen: flags & 1 != 0,
            locked: flags & 2 != 0,
            generation: u16::from_be_bytes([g0, g1]),
            withdrawn: u32::from_be_bytes([w0, w1, w2, w3]),
            users: u16::from_be_bytes([u0, u1]),
        })
    }
}

/// Reads a life record and writes it again, for the fuzzer and property tests.
///
/// # Errors
/// [`Error::Record`].
#[cfg(feature = "hazmat")]
pub fn read_life_record(body: &[u8]) -> Result<[u8; RECORD_LEN], Error> {
    let body = body.try_into().map_err(|_| Error::Record)?;
    LifeRecord::read(body).map(LifeRecord::write)
}

impl<P: Platform> Hsm<'_, P> {
    /// Looks for the mark and takes up the life record. What cannot be read is damage.
    pub(in crate::hsm) fn take_up_life(&mut self) {
        let mut mark = [0; 16];
        let marked = mark_number().and_then(|number| {
            // The platform itself: what is found tells whether it is trusted.
            self.platform.inner().load(number, &mut mark)
        });
        if marked != Ok(0) {
            self.found_damaged();
            return;
        }
        if self.sealer.is_some() && self.load_life().is_err() {
            self.found_damaged();
        }
    }

    /// What is stored is damaged or cannot be read: every key is erased, and the module is tampered in this start. Damage is
    /// found again at the next one; a storage that failed once may answer then. The keys of stored records stay, for
    /// [`reinitialise`](Self::reinitialise).
    pub(in crate::hsm) fn found_damaged(&mut self) {
        self.erase_keys();
        self.people.forget();
        if self.life.state() != State::Tampered {
            self.life.happen(Event::Tampered);
            // Nothing is left that could be refused.
            let _ = self.note(Note::of(LogEvent::Tamper));
        }
    }

    fn load_life(&mut self) -> Result<(), Error> {
        let sealer = self.sealer.as_ref().ok_or(Error::Storage)?;
        let mut body = [0; RECORD_LEN];
        let found = record::load(
            &mut self.platform,
            sealer,
            Kind::Module,
            LIFE_ID,
            &mut body,
            &mut self.scratch,
        )?;
        // Nothing in it is secret.
        crate::ct::public(&mut body);
        let life = match found {
            None | Some(0) => return Ok(()),
            Some(RECORD_LEN) => LifeRecord::read(body)?,
            Some(_) => return Err(Error::Record),
        };
        self.generation = life.generation;
        self.frozen = life.frozen;
        self.wide = if life.frozen { 0 } else { WIDE };
        self.withdrawn = life.withdrawn;
        self.policy = self.policy.without(life.withdrawn);
        self.take_up_users(life.users, life.locked)
    }

    /// Stores the life record. Without a storage key nothing outlives the start, and that is no error.
    pub(in crate::hsm) fn save_life(&mut self) -> Result<(), Error> {
        let body = LifeRecord {
            frozen: self.frozen,
            locked: self.people.is_locked_by_officer(),
            generation: self.generation,
            withdrawn: self.withdrawn,
            users: self.enrolled_users(),
        }
        .write();
        let Some(sealer) = &self.sealer else {
            return Ok(());
        };
        record::save(
            &mut self.platform,
            sealer,
            Kind::Module,
            LIFE_ID,
            &body,
            &mut self.scratch,
        )
    }

    /// Erases every key at once, without a call of the platform: what an interrupt may do while no command runs. The mark
    /// in the storage and the note in the log follow with the next command, or with [`expire`](Self::expire). Bounded by the
    /// number of slots and groups; a second call changes nothing.
    pub fn tamper_at_once(&mut self) {
        self.erase_everything();
        if self.life.state() != State::Tampered {
            self.life.happen(Event::Tampered);
            self.tamper_to_note = true;
        }
    }

    /// A tamper event: erases every key, then marks the storage, so that the next start is tampered, too, and notes it.
    /// Every command but the state, self-tests, wiping and the log is refused from now on;
    /// [`reinitialise`](Self::reinitialise) after a new start leads out. Sealed records stay until then.
    pub fn tamper(&mut self) {
        self.tamper_at_once();
        self.note_tamper();
    }

    /// Writes the mark and the note of a tamper event that has not been noted yet.
    pub(in crate::hsm) fn note_tamper(&mut self) {
        if !self.tamper_to_note {
            return;
        }
        let marked = mark_number().and_then(|number| self.platform.inner().save(number, &MARK));
        // A platform without storage has none to mark. One whose storage fails is asked again.
        self.tamper_to_note = marked.is_err() && !self.mark_tried;
        if !self.mark_tried {
            // Nothing is left that could be refused.
            let _ = self.note(Note::of(LogEvent::Tamper));
        }
        self.mark_tried = true;
        // A log that opens later still says what happened.
        if self.log.is_some() {
            self.own.wipe();
        }
    }

    /// Erases every key in slots and groups, and what they left in storage; the module stays what it is. In every state:
    /// whoever may call the module may call for a tamper event as well.
    ///
    /// # Errors
    /// [`Error::Storage`] if what is stored of a group could not be given up: it comes back at the next start.
    pub fn wipe(&mut self) -> Result<(), Error> {
        self.allow(Command::Wipe)?;
        if self.life.state() == State::Loading {
            self.end_ceremony();
        }
        self.slots.erase_all();
        #[cfg(feature = "host")]
        self.initial_keys.clear();
        self.mac_clear();
        #[cfg(feature = "ec")]
        self.agreement_abort();
        self.people.leave();
        let given_up = self.give_up_groups();
        self.scratch.wipe();
        let noted = self.note(Note::of(LogEvent::KeyErase));
        given_up.and(noted)
    }

    /// Makes the module anew: every key and every user is erased, here and in storage, the mark of a tamper event too, and
    /// the generation moves on, so that no challenge of before is answered. The marks of used initial DUKPT keys stay where
    /// they can be read: such a key is not taken again.
    ///
    /// Two officers, if officers are enrolled and can log in; the platform in any case ([`Question::Reinitialise`]): it is
    /// told how many groups' marks are lost. The way out of [`State::Tampered`], after a new start.
    ///
    /// # Errors
    /// The state's error; [`Error::NotAuthenticated`]; [`Error::Refused`]; [`Error::Tampered`] while the tamper input is
    /// active or in the start in which the event came; [`Error::Storage`]: the module is tampered until it succeeds.
    pub fn reinitialise(&mut self) -> Result<(), Error> {
        self.allow(Command::Reinitialise)?;
        let tampered = self.life.state() == State::Tampered;
        if self.platform.tampered() || self.mark_tried {
            return Err(Error::Tampered);
        }
        if !tampered && self.people.are_enrolled() {
            self.require_two_officers(Act::Reinitialise)?;
        }
        let lost = self.lost_marks()?;
        self.platform.decide(&Question::Reinitialise {
            tampered,
            lost_marks: lost,
        })?;
        // From here to the end a loss of power leaves the mark: the work begins again.
        self.platform.save(mark_number()?, &MARK)?;
        self.erase_keys();
        self.life.happen(Event::Tampered);
        self.people.forget();
        self.renew_groups()?;
        if let Some(sealer) = &self.sealer {
            // The keys of the old identity, damaged ones too, also in places that this start does not have.
            let (storage, scratch) = (&mut self.platform, &mut self.scratch);
            let mut next = 0;
            while let Some(id) = record::next_object(storage, Kind::Slot, next)?.filter(|id| *id <= MAX_SLOT) {
                record::mend(storage, sealer, (Kind::Slot, id), scratch)?;
                record::remove(storage, sealer, Kind::Slot, id, scratch)?;
                next = id.wrapping_add(1);
            }
            // The users, then what names them.
            for id in (1..MARK_ID).chain([LIFE_ID]) {
                record::mend(storage, sealer, (Kind::Module, id), scratch)?;
                record::remove(storage, sealer, Kind::Module, id, scratch)?;
            }
            // Settings stay, if they can be read. Without its own the log is none.
            for id in MARK_ID.wrapping_add(1)..MODULE_IDS {
                if record::mend(storage, sealer, (Kind::Module, id), scratch)? && id == audit::SETTINGS {
                    audit::abandon(storage, scratch)?;
                }
            }
        }
        self.generation = self.generation.wrapping_add(1);
        (self.frozen, self.wide, self.withdrawn) = (false, WIDE, 0);
        self.save_life()?;
        #[cfg(feature = "terminal")]
        if let Some(sealer) = &self.sealer {
            anchor::settle(&mut self.platform, sealer, LIFE_ID, &mut self.scratch)?;
        }
        self.platform.erase(mark_number()?)?;
        // While the state is Tampered: a log that was opened in it writes nothing, which is no reason to fail.
        let noted = self.note(Note::of(LogEvent::StateChange).value(State::Virgin as u64));
        self.life.happen(Event::Reinitialised);
        noted
    }

    /// Takes permissions away, for good: they stay away after a new start.
    ///
    /// # Errors
    /// The state's error; [`Error::NotAuthenticated`]; [`Error::Storage`]: they are away until the next start.
    pub fn policy_narrow(&mut self, withdrawn: Policy) -> Result<(), Error> {
        self.allow(Command::PolicyNarrow)?;
        self.audit_ready()?;
        self.policy = self.policy.without(withdrawn.to_bits());
        self.withdrawn |= withdrawn.to_bits();
        self.save_life()?;
        self.note(Note::of(LogEvent::PolicyChange).value(u64::from(self.policy.to_bits())))
    }

    /// Gives permissions: two officers; without enrolled officers the platform. What the configuration gives, too, stays
    /// after a new start; what it does not lasts until then.
    ///
    /// # Errors
    /// The state's error; [`Error::NotAuthenticated`]; [`Error::Refused`] for a frozen policy, and by the platform;
    /// [`Error::Storage`], and nothing has changed.
    pub fn policy_widen(&mut self, given: Policy) -> Result<(), Error> {
        self.pend();
        self.allow(Command::PolicyWiden)?;
        if self.frozen || self.wide != WIDE {
            return Err(Error::Refused);
        }
        self.require_two_officers(Act::PolicyWiden)?;
        self.audit_ready()?;
        let before = self.withdrawn;
        self.withdrawn &= !given.to_bits();
        if let Err(error) = self.save_life() {
            self.withdrawn = before;
            return Err(error);
        }
        self.policy = self.policy.and(given);
        let noted = self.note(Note::of(LogEvent::PolicyChange).value(u64::from(self.policy.to_bits())));
        self.concluded(noted)
    }

    /// Freezes the policy: it may be narrowed, and widened no more, until the module is made anew.
    ///
    /// # Errors
    /// The state's error; [`Error::NotAuthenticated`]; [`Error::Storage`]: it is frozen until the next start.
    pub fn policy_freeze(&mut self) -> Result<(), Error> {
        self.allow(Command::PolicyFreeze)?;
        self.audit_ready()?;
        (self.frozen, self.wide) = (true, 0);
        self.save_life()?;
        self.note(Note::of(LogEvent::PolicyChange).value(u64::from(self.policy.to_bits())))
    }
}

/// The place of the mark in the storage.
fn mark_number() -> Result<u16, Error> {
    Place::new(Kind::Module, MARK_ID, false).map(|place| place.number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn life_records_come_back_and_nothing_else_is_one() {
        let life = LifeRecord {
            frozen: true,
            locked: false,
            generation: 0x0203,
            withdrawn: 0x0405_0607,
            users: 0x0809,
        };
        let body = life.write();
        assert_eq!(LifeRecord::read(body), Ok(life));
        for (at, value) in [(0, 0), (0, 2), (1, 4), (10, 1), (15, 0x80)] {
            let mut bad = body;
            bad[at] = value;
            assert_eq!(LifeRecord::read(bad), Err(Error::Record));
        }
    }
}
