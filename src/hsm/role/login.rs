// SPDX-License-Identifier: MIT OR Apache-2.0
//! Log-in: a challenge, the CMAC of it, and a second factor.
//!
//! The challenge, 32 bytes:
//!
//! | offset | length | content |
//! |---|---|---|
//! | 0 | 4 | `PHL1` |
//! | 4 | 8 | the device ([`Hsm::device`]) |
//! | 12 | 2 | generation of the module, big-endian |
//! | 14 | 1 | user |
//! | 15 | 1 | role |
//! | 16 | 16 | random |

use core::hint::black_box;

use subtle::Choice;

use super::record::UserRecord;
use super::{Pending, Session, USERS, UserRole, code};
use crate::ct;
use crate::entropy::Entropy as _;
use crate::error::Error;
use crate::hsm::handle::SessionHandle;
use crate::hsm::life::Command;
use crate::hsm::{Event, Hsm, LogEvent, Note, Platform, Question, State};
use crate::mac::cmac::CmacAes;
use crate::secret::Secret;

/// Length of a challenge in bytes.
pub const CHALLENGE_LEN: usize = 32;

pub(super) const NONCE_LEN: usize = 16;

impl<P: Platform> Hsm<'_, P> {
    /// Begins a log-in: gives the challenge of which the user's key makes the AES-CMAC, all 16 bytes. A challenge that was
    /// given out before is void.
    ///
    /// # Errors
    /// [`Error::InvalidArgument`], [`Error::NoKey`] for the user; [`Error::Locked`] for anybody but officers in a locked
    /// module; [`Error::RateLimited`] after too many wrong tries; [`Error::SlotsFull`] while [`SESSIONS`](super::SESSIONS)
    /// others are logged in; [`Error::Entropy`]; the state's error. `out` is zero then.
    pub fn login_begin(&mut self, user: u8, out: &mut [u8; CHALLENGE_LEN]) -> Result<(), Error> {
        out.fill(0);
        self.people.pending = None;
        self.allow(Command::LoginBegin)?;
        let role = self.may_try(user)?;
        let mut nonce = [0; NONCE_LEN];
        self.platform.fill(&mut nonce)?;
        // It goes out.
        ct::public(&mut nonce);
        self.people.pending = Some(Pending { user, nonce });
        *out = self.challenge(user, role, &nonce);
        Ok(())
    }

    /// Judges whether a user may try now.
    fn may_try(&mut self, user: u8) -> Result<UserRole, Error> {
        let now = self.platform.tick();
        let known = self.people.user(user)?;
        if self.life.state() == State::Locked && known.role != UserRole::Officer {
            return Err(Error::Locked);
        }
        if self.people.wait(known, now) != 0 {
            return Err(Error::RateLimited);
        }
        let free = self.people.sessions.iter().any(Option::is_none);
        if !free && self.people.session_of(user).is_none() {
            return Err(Error::SlotsFull);
        }
        Ok(known.role)
    }

    fn challenge(&self, user: u8, role: UserRole, nonce: &[u8; NONCE_LEN]) -> [u8; CHALLENGE_LEN] {
        let mut out = [0; CHALLENGE_LEN];
        let parts = b"PHL1"
            .iter()
            .copied()
            .chain(*self.own.device())
            .chain(self.generation.to_be_bytes())
            .chain([user, role as u8])
            .chain(*nonce);
        for (to, from) in out.iter_mut().zip(parts) {
            *to = from;
        }
        out
    }

    /// Ends a log-in: judges response and second factor together, and gives a session.
    ///
    /// `response`: the CMAC of the challenge. `code`: the one-time code as a number; ignored for users without one. The try
    /// is counted in storage before anything is compared; a challenge serves one try. A user who is logged in gets a new
    /// session for the old one. In a locked module the log-in of an officer lifts a lock that came from wrong log-ins.
    ///
    /// # Errors
    /// [`Error::BadState`] without a challenge; [`Error::VerificationFailed`] for whatever is wrong; [`Error::Refused`] if a
    /// code is needed and the platform does not know the time; [`Error::Storage`], [`Error::StorageIntegrity`];
    /// [`Error::Locked`], [`Error::RateLimited`]; the state's error.
    ///
    /// # Timing
    /// The user, and the lengths of keys.
    ///
    /// # Source
    /// SP 800-38B; RFC 6238. Vectors: `vectors/mac.txt`, `vectors/totp.txt`.
    pub fn login_finish(&mut self, response: &[u8; 16], code: u32) -> Result<SessionHandle, Error> {
        self.pend();
        let pending = self.people.pending.take();
        self.allow(Command::LoginFinish)?;
        let Pending { user, nonce } = pending.ok_or(Error::BadState)?;
        let role = self.may_try(user)?;
        self.audit_ready()?;
        let mut record = UserRecord::new(role);
        self.load_user(user, &mut record)?;
        let time = match record.code {
            Some(_) => self.platform.unix_time().ok_or(Error::Refused)?,
            None => 0,
        };
        // Whoever cuts the power now has had his try.
        record.failures = record.failures.saturating_add(1);
        self.save_user(user, &record)?;
        self.count_failure(user, record.failures)?;
        let second = match (record.platform_factor, record.code) {
            (_, Some(own)) => {
                // 30 or 60.
                let step = time.checked_div(own.period.into()).unwrap_or(0);
                let key = record.code_key.expose();
                let (good, step) = code::matches(own.hash, key, own.digits, step, record.last_step, code)?;
                record.last_step = step;
                good
            }
            (true, None) => {
                let answer = self.platform.decide(&Question::SecondFactor { user, role });
                Choice::from(u8::from(answer.is_ok()))
            }
            (false, None) => Choice::from(1),
        };
        let verdict = self.denial.verified(|| {
            let mut expected = Secret::<16>::zeroed();
            ct::unlike(expected.expose_mut(), response);
            CmacAes::once(
                record.key.expose(),
                &[&self.challenge(user, role, &nonce)],
                expected.expose_mut(),
            )?;
            ct::verdict(ct::eq(expected.expose(), black_box(response)) & black_box(second))
        });
        if let Err(error) = verdict {
            self.after_failure()?;
            let noted = self.note_failure(Note::of(LogEvent::Login).at(u16::from(user)), error);
            return Err(noted);
        }
        record.failures = 0;
        self.save_user(user, &record)?;
        self.count_failure(user, 0)?;
        if self.life.state() == State::Locked && !self.people.locked_by_officer {
            self.lift_failures()?;
            self.life.happen(Event::Unlocked);
        }
        let session = self.open_session(user, role)?;
        let noted = self.note(Note::of(LogEvent::Login).at(u16::from(user)));
        self.concluded(noted)?;
        Ok(session)
    }

    fn open_session(&mut self, user: u8, role: UserRole) -> Result<SessionHandle, Error> {
        let place = match self.people.session_of(user) {
            Some(place) => {
                self.people.end(place);
                place
            }
            None => self
                .people
                .sessions
                .iter()
                .position(Option::is_none)
                .ok_or(Error::SlotsFull)?,
        };
        let last = self.platform.tick();
        let session = self.people.sessions.get_mut(place).ok_or(Error::Internal)?;
        *session = Some(Session { user, role, last });
        let generation = self.people.generations.get(place).ok_or(Error::Internal)?;
        Ok(SessionHandle::new(
            u8::try_from(place).map_err(|_| Error::Internal)?,
            generation.value(),
        ))
    }

    /// Takes over how many wrong log-ins the record of a user has.
    fn count_failure(&mut self, user: u8, failures: u8) -> Result<(), Error> {
        let now = self.platform.tick();
        if let Some(known) = self.people.user_mut(user)? {
            known.failures = failures;
            known.since = now;
            known.tried = failures != 0;
        }
        Ok(())
    }

    /// Locks the module after too many.
    fn after_failure(&mut self) -> Result<(), Error> {
        if self.people.is_locked_by_failures() && self.life.state() != State::Locked {
            if self.life.state() == State::Loading {
                self.end_ceremony();
            }
            self.people.leave();
            self.life.happen(Event::Locked);
            self.note(Note::of(LogEvent::StateChange).value(State::Locked as u64))?;
        }
        Ok(())
    }

    /// Sets those whose wrong log-ins locked the module back to where they must wait.
    pub(super) fn lift_failures(&mut self) -> Result<(), Error> {
        let tries = self.people.tries;
        for user in 1..=USERS {
            if self
                .people
                .user(user)
                .is_ok_and(|known| known.failures >= tries.saturating_mul(2))
            {
                let mut record = UserRecord::new(UserRole::Operator);
                self.load_user(user, &mut record)?;
                record.failures = tries;
                self.save_user(user, &record)?;
                self.count_failure(user, tries)?;
            }
        }
        Ok(())
    }
}
