// SPDX-License-Identifier: MIT OR Apache-2.0
//! Roles: who may ask for what, once officers are enrolled.
//!
//! ```text
//! role_enrol(user, role, key in a slot)  ──> the key moves from the slot into the user's sealed record
//! login_begin(user)   ──> challenge, 32 bytes
//! login_finish(CMAC of the challenge under the user's key, one-time code)  ──> session
//! every command       ──> is somebody logged in whose role may do this? ([`Command::roles`])
//! ```
//!
//! **Off until a first officer is enrolled.** Until then the platform's answers stand in for roles, as before.
//!
//! **Two officers.** What destroys or weakens needs two different officers at the same time ([`Act`]); with one enrolled it
//! is refused, but for the enrolment of the second.
//!
//! **Tries.** Each try is counted in the user's record before anything is compared. After
//! [`Config::login_tries`](crate::hsm::Config::login_tries) wrong ones in a row each further try must wait twice as long as
//! the one before; after twice as many the module is [`State::Locked`].

mod code;
mod login;
mod record;

use core::fmt;
use core::hint::black_box;

use crate::error::Error;
use crate::hsm::handle::{Generation, SessionHandle};
use crate::hsm::life::Command;
use crate::hsm::{Event, Hsm, KeyHandle, LogEvent, Note, Platform, Question, State};
use crate::policy::{Operation, Policy};
use crate::weaken::guard;

pub use self::code::CodeHash;
#[cfg(feature = "hazmat")]
pub use self::code::one_time_code;
pub use self::login::CHALLENGE_LEN;
use self::record::UserRecord;
#[cfg(feature = "hazmat")]
pub use self::record::{RECORD_LEN, read_user_record};

/// How many users there may be.
pub const USERS: u8 = 12;

/// How many users may be logged in at a time.
pub const SESSIONS: usize = 4;

/// What a user does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum UserRole {
    /// Security officer: policy, roles, life cycle.
    Officer = 1,
    /// Enters key components.
    Custodian = 2,
    /// Transactions.
    Operator = 3,
    /// Reads and releases the log.
    Auditor = 4,
    /// A remote host: key blocks and what else brings keys by cryptography.
    Host = 5,
}

impl UserRole {
    /// Every role, in the order of numbers.
    pub const ALL: [Self; 5] = [
        Self::Officer,
        Self::Custodian,
        Self::Operator,
        Self::Auditor,
        Self::Host,
    ];

    /// From its number.
    ///
    /// # Errors
    /// [`Error::InvalidArgument`].
    pub fn from_number(number: u32) -> Result<Self, Error> {
        Self::ALL
            .into_iter()
            .find(|role| *role as u32 == number)
            .ok_or(Error::InvalidArgument)
    }
}

/// A set of roles.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Roles(u8);

impl Roles {
    /// Without a log-in.
    pub const ANYONE: Self = Self(0xFF);
    /// Whoever is logged in.
    pub const PEOPLE: Self = Self(0x3E);
    /// Officers.
    pub const OFFICER: Self = Self::of(UserRole::Officer);
    /// Custodians.
    pub const CUSTODIAN: Self = Self::of(UserRole::Custodian);
    /// Operators.
    pub const OPERATOR: Self = Self::of(UserRole::Operator);
    /// Auditors.
    pub const AUDITOR: Self = Self::of(UserRole::Auditor);
    /// Remote hosts.
    pub const HOST: Self = Self::of(UserRole::Host);

    const fn of(role: UserRole) -> Self {
        Self(1_u8.wrapping_shl(role as u32))
    }

    /// Everybody else.
    pub(in crate::hsm) const fn others(self) -> Self {
        Self(!self.0)
    }

    const fn without(self, others: Self) -> Self {
        Self(self.0 & !others.0)
    }

    /// Whether the role is among them.
    #[must_use]
    pub const fn contains(self, role: UserRole) -> bool {
        self.0 & Self::of(role).0 != 0
    }
}

impl fmt::Debug for Roles {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if *self == Self::ANYONE {
            return f.write_str("anyone");
        }
        f.debug_set()
            .entries(UserRole::ALL.iter().filter(|role| self.contains(**role)))
            .finish()
    }
}

/// What needs two officers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
#[repr(u8)]
pub enum Act {
    /// A permission is given while the module runs.
    PolicyWiden = 1,
    /// A lock that an officer set is lifted.
    Unlock = 2,
    /// The module is made anew.
    Reinitialise = 3,
    /// A backup of another device, or an older one, is restored.
    Restore = 4,
    /// A third officer or a further one is enrolled.
    EnrolOfficer = 5,
    /// An officer loses his role.
    RevokeOfficer = 6,
    /// The counts of persistent limits begin anew.
    LimitsReset = 7,
}

/// What is asked of a user besides the response to the challenge.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SecondFactor {
    /// Nothing.
    None,
    /// The platform's answer to [`Question::SecondFactor`]: a finger, a face, a card.
    Platform,
    /// A one-time code of RFC 6238.
    Code {
        /// The key of the code: usage M7, algorithm H, mode of use V.
        key: KeyHandle,
        /// The hash of its HMAC.
        hash: CodeHash,
        /// Digits, 6 or 8.
        digits: u8,
        /// Seconds that a code lasts, 30 or 60.
        period: u8,
    },
}

/// What is public about a user.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UserStatus {
    /// The role.
    pub role: UserRole,
    /// Wrong log-ins in a row.
    pub failures: u8,
    /// Milliseconds until the next try; `u64::MAX` if only a new start or an officer helps.
    pub wait: u64,
    /// The session, if the user is logged in.
    pub session: Option<SessionHandle>,
}

/// What the module knows of a user while it runs.
#[derive(Clone, Copy, Debug)]
struct Known {
    role: UserRole,
    failures: u8,
    /// When the last wrong try was, or the start.
    since: Option<u64>,
    /// Whether there was one in this start.
    tried: bool,
}

#[derive(Clone, Copy, Debug)]
struct Session {
    user: u8,
    role: UserRole,
    /// The last command, on the platform's clock.
    last: Option<u64>,
}

/// A challenge that was given out.
#[derive(Clone, Copy, Debug)]
struct Pending {
    user: u8,
    nonce: [u8; login::NONCE_LEN],
}

/// Users and sessions.
#[derive(Debug)]
pub(super) struct People {
    users: [Option<Known>; USERS as usize],
    sessions: [Option<Session>; SESSIONS],
    generations: [Generation; SESSIONS],
    pending: Option<Pending>,
    tries: u8,
    idle: u64,
    locked_by_officer: bool,
}

impl People {
    pub(super) fn new(tries: u8, idle_minutes: u16) -> Self {
        Self {
            users: [None; USERS as usize],
            sessions: [None; SESSIONS],
            generations: [Generation::new(0); SESSIONS],
            pending: None,
            tries: match tries {
                0 => 5,
                tries => tries.clamp(3, 10),
            },
            idle: match idle_minutes {
                0 => 15,
                minutes => u64::from(minutes),
            }
            .wrapping_mul(60_000),
            locked_by_officer: false,
        }
    }

    pub(super) const fn is_locked_by_officer(&self) -> bool {
        self.locked_by_officer
    }

    fn officers(&self) -> usize {
        self.users
            .iter()
            .flatten()
            .filter(|user| user.role == UserRole::Officer)
            .count()
    }

    /// Whether roles are enforced.
    pub(super) fn are_enrolled(&self) -> bool {
        self.officers() != 0
    }

    fn user(&self, user: u8) -> Result<&Known, Error> {
        self.users
            .get(usize::from(user).wrapping_sub(1))
            .ok_or(Error::InvalidArgument)?
            .as_ref()
            .ok_or(Error::NoKey)
    }

    fn user_mut(&mut self, user: u8) -> Result<&mut Option<Known>, Error> {
        self.users
            .get_mut(usize::from(user).wrapping_sub(1))
            .ok_or(Error::InvalidArgument)
    }

    /// The role of whoever is logged in, the first of them; 0 for nobody.
    pub(super) fn role_number(&self) -> u8 {
        self.sessions
            .iter()
            .flatten()
            .next()
            .map_or(0, |session| session.role as u8)
    }

    /// Judges whether somebody is logged in who may do this.
    pub(super) fn allow(&self, command: Command) -> Result<(), Error> {
        let roles = command.roles().without(black_box(command).not_roles());
        let present = self
            .sessions
            .iter()
            .flatten()
            .any(|session| roles.contains(session.role));
        let nobody = roles != Roles::ANYONE && !present && self.are_enrolled();
        if guard!("C10", nobody) {
            Err(Error::NotAuthenticated)
        } else {
            Ok(())
        }
    }

    /// Whether this user is logged in as a custodian; without roles anybody is.
    pub(super) fn is_custodian(&self, user: u32) -> bool {
        let here = |session: &Session| session.role == UserRole::Custodian && u32::from(session.user) == user;
        !self.are_enrolled() || self.sessions.iter().flatten().any(here)
    }

    /// Ends sessions that were idle too long. A clock that runs backward or has gone ends them.
    pub(super) fn watch(&mut self, now: impl FnOnce() -> Option<u64>) {
        if self.sessions.iter().flatten().all(|session| session.last.is_none()) {
            return;
        }
        let now = now();
        for index in 0..SESSIONS {
            let over = self.sessions.get(index).copied().flatten().is_some_and(|session| {
                session.last.is_some_and(|last| {
                    now.and_then(|now| now.checked_sub(last))
                        .is_none_or(|idle| idle > self.idle)
                })
            });
            if guard!("C10.idle", over) {
                self.end(index);
            }
        }
        for session in self.sessions.iter_mut().flatten() {
            session.last = session.last.and(now);
        }
    }

    fn end(&mut self, index: usize) {
        if let Some(session) = self.sessions.get_mut(index) {
            *session = None;
        }
        if let Some(generation) = self.generations.get_mut(index) {
            generation.advance();
        }
    }

    /// Ends every session and forgets the challenge.
    pub(super) fn leave(&mut self) {
        (0..SESSIONS).for_each(|index| self.end(index));
        self.pending = None;
    }

    /// Forgets everybody.
    pub(super) fn forget(&mut self) {
        self.leave();
        self.users = [None; USERS as usize];
        self.locked_by_officer = false;
    }

    /// Milliseconds until a user may try again.
    fn wait(&self, user: &Known, now: Option<u64>) -> u64 {
        let Some(over) = user.failures.checked_sub(self.tries) else {
            return 0;
        };
        // 30 seconds, doubled with each further failure, up to eight and a half hours.
        let delay = 30_000_u64.wrapping_shl(u32::from(over.min(10)));
        match (user.since, now) {
            (Some(since), Some(now)) => match now.checked_sub(since) {
                Some(passed) => delay.saturating_sub(passed),
                // The clock went back.
                None => delay,
            },
            _ if user.tried => u64::MAX,
            _ => 0,
        }
    }

    fn is_locked_by_failures(&self) -> bool {
        let limit = self.tries.saturating_mul(2);
        self.users.iter().flatten().any(|user| user.failures >= limit)
    }

    fn session_of(&self, user: u8) -> Option<usize> {
        self.sessions
            .iter()
            .position(|session| session.is_some_and(|session| session.user == user))
    }
}

impl<P: Platform> Hsm<'_, P> {
    /// Enrols a user: the key in a slot becomes the user's, and leaves the slot.
    ///
    /// `user`: 1 to [`USERS`]. `key`: AES, usage M6, mode of use V; it answers challenges. The first user is an officer, and
    /// the platform is asked ([`Question::Enrol`]); from then on roles are enforced. The second officer needs the first one
    /// and the platform, further officers two of them, everybody else one.
    ///
    /// # Errors
    /// The state's and the handle's errors; [`Error::NotAuthenticated`]; [`Error::InvalidArgument`] for the user's number
    /// and the form of the code, [`Error::BadState`] for a number that is taken and for a first user who is no officer;
    /// [`Error::UsageNotPermitted`], [`Error::ModeNotPermitted`], [`Error::AlgorithmMismatch`], [`Error::Unsupported`] for a
    /// hash that this build does not have; [`Error::VerificationFailed`] for a key that another user has;
    /// [`Error::Storage`]: users need a storage key.
    ///
    /// # Timing
    /// The numbers of users and the lengths of keys.
    pub fn role_enrol(&mut self, user: u8, role: UserRole, key: KeyHandle, second: SecondFactor) -> Result<(), Error> {
        self.allow(Command::RoleEnrol)?;
        if self.people.user_mut(user)?.is_some() {
            return Err(Error::BadState);
        }
        let mut record = UserRecord::new(role);
        {
            let slot = self.slots.get(key)?;
            crate::policy::permit(Operation::RoleKey, slot.attributes()?, Policy::STRICT)?;
            record.key.set(slot.material())?;
        }
        if let SecondFactor::Code {
            key: code,
            hash,
            digits,
            period,
        } = second
        {
            if code == key || !matches!(digits, 6 | 8) || !matches!(period, 30 | 60) {
                return Err(Error::InvalidArgument);
            }
            let slot = self.slots.get(code)?;
            crate::policy::permit(Operation::CodeKey, slot.attributes()?, Policy::STRICT)?;
            if slot.hash().is_some_and(|bound| Some(bound) != hash.algorithm()) {
                return Err(Error::UsageNotPermitted);
            }
            record.set_code(hash, digits, period, slot.material())?;
        }
        record.platform_factor = second == SecondFactor::Platform;
        if self.sealer.is_none() {
            return Err(Error::Storage);
        }
        self.may_enrol(user, role)?;
        self.audit_ready()?;
        self.is_new_person(&record)?;
        self.save_user(user, &record)?;
        let now = self.platform.tick();
        *self.people.user_mut(user)? = Some(Known {
            role,
            failures: 0,
            since: now,
            tried: false,
        });
        if let Err(error) = self.save_life() {
            *self.people.user_mut(user)? = None;
            return Err(error);
        }
        self.slots.erase(key)?;
        if let SecondFactor::Code { key: code, .. } = second {
            self.slots.erase(code)?;
        }
        self.end_orphaned_mac();
        self.life.happen(Event::Populated);
        self.note(Note::of(LogEvent::PolicyChange).at(u16::from(user)))
    }

    /// Judges who is here to enrol a user.
    fn may_enrol(&mut self, user: u8, role: UserRole) -> Result<(), Error> {
        match (self.people.officers(), role) {
            (0, UserRole::Officer) => self.platform.decide(&Question::Enrol { user, role }),
            (0, _) => Err(Error::BadState),
            (1, UserRole::Officer) => self.platform.decide(&Question::Enrol { user, role }),
            (_, UserRole::Officer) => self.require_two_officers(Act::EnrolOfficer),
            _ => Ok(()),
        }
    }

    /// One person, one user: no other user has this key.
    fn is_new_person(&mut self, record: &UserRecord) -> Result<(), Error> {
        let mut known = subtle::Choice::from(0);
        for user in 1..=USERS {
            if self.people.user(user).is_err() {
                continue;
            }
            let mut other = UserRecord::new(UserRole::Operator);
            self.load_user(user, &mut other)?;
            known |= crate::ct::eq(other.key.expose(), record.key.expose());
        }
        crate::ct::verdict(guard!("C10.key", !known))
    }

    /// Ends a user's enrolment: the key is erased from storage, and the session is over. Officers stay two at least.
    ///
    /// # Errors
    /// The state's error; [`Error::NotAuthenticated`]; [`Error::InvalidArgument`], [`Error::NoKey`] for the number;
    /// [`Error::BadState`] for one of the last two officers; [`Error::Storage`].
    pub fn role_revoke(&mut self, user: u8) -> Result<(), Error> {
        self.allow(Command::RoleRevoke)?;
        let known = *self.people.user(user)?;
        if known.role == UserRole::Officer {
            if self.people.officers() <= 2 {
                return Err(Error::BadState);
            }
            self.require_two_officers(Act::RevokeOfficer)?;
        }
        self.audit_ready()?;
        *self.people.user_mut(user)? = None;
        if let Err(error) = self.save_life() {
            *self.people.user_mut(user)? = Some(known);
            return Err(error);
        }
        if let Some(index) = self.people.session_of(user) {
            self.people.end(index);
        }
        self.remove_user(user)?;
        self.note(Note::of(LogEvent::PolicyChange).at(u16::from(user)))
    }

    /// What is public about a user.
    ///
    /// # Errors
    /// [`Error::InvalidArgument`] for a number that no user can have, [`Error::NoKey`] for one that nobody has.
    pub fn role_status(&mut self, user: u8) -> Result<UserStatus, Error> {
        self.poll();
        let now = self.platform.tick();
        let known = self.people.user(user)?;
        let session = self.people.session_of(user).and_then(|index| {
            let generation = self.people.generations.get(index)?;
            Some(SessionHandle::new(u8::try_from(index).ok()?, generation.value()))
        });
        Ok(UserStatus {
            role: known.role,
            failures: known.failures,
            wait: self.people.wait(known, now),
            session,
        })
    }

    /// Ends a session.
    ///
    /// # Errors
    /// [`Error::InvalidHandle`]; the state's error.
    pub fn logout(&mut self, session: SessionHandle) -> Result<(), Error> {
        self.allow(Command::Logout)?;
        let index = session.index();
        let is_open = self.people.sessions.get(index).is_some_and(Option::is_some);
        let generation = self.people.generations.get(index).map(|generation| generation.value());
        let is_past = generation != Some(session.generation());
        if !is_open || guard!("C10.handle", is_past) {
            return Err(Error::InvalidHandle);
        }
        self.people.end(index);
        self.people.pending = None;
        self.note(Note::of(LogEvent::Session).at(session.place()))
    }

    /// Sees that two different officers are logged in, if any are enrolled: for what the platform is asked about in any case,
    /// with a question of its own.
    pub(in crate::hsm) fn require_officers_too(&mut self, act: Act) -> Result<(), Error> {
        if self.people.are_enrolled() {
            self.require_two_officers(act)?;
        }
        Ok(())
    }

    /// Sees that two different officers are logged in. Without enrolled officers the platform answers
    /// ([`Question::DualControl`]).
    pub(in crate::hsm) fn require_two_officers(&mut self, act: Act) -> Result<(), Error> {
        if !self.people.are_enrolled() {
            return self.platform.decide(&Question::DualControl { act });
        }
        let officers = self.people.sessions.iter().flatten();
        // One user has one session.
        let count = officers.filter(|session| session.role == UserRole::Officer).count();
        if guard!("C10.two", count < 2) {
            Err(Error::NotAuthenticated)
        } else {
            Ok(())
        }
    }

    /// Locks the module: from now on only officers may log in. A lock outlives the start.
    ///
    /// # Errors
    /// The state's error; [`Error::NotAuthenticated`] without an officer; [`Error::Storage`]: it is locked until the next
    /// start only.
    pub fn lock(&mut self) -> Result<(), Error> {
        self.allow(Command::Lock)?;
        if !self.people.are_enrolled() {
            return Err(Error::NotAuthenticated);
        }
        if self.life.state() == State::Loading {
            self.end_ceremony();
        }
        self.people.locked_by_officer = true;
        self.people.leave();
        self.life.happen(Event::Locked);
        self.save_life()?;
        self.note(Note::of(LogEvent::StateChange).value(State::Locked as u64))
    }

    /// Lifts a lock: two officers.
    ///
    /// # Errors
    /// [`Error::BadState`] if the module is not locked; [`Error::NotAuthenticated`]; [`Error::Storage`].
    pub fn unlock(&mut self) -> Result<(), Error> {
        self.allow(Command::Unlock)?;
        self.require_two_officers(Act::Unlock)?;
        self.audit_ready()?;
        self.lift_failures()?;
        self.people.locked_by_officer = false;
        if let Err(error) = self.save_life() {
            self.people.locked_by_officer = true;
            return Err(error);
        }
        self.life.happen(Event::Unlocked);
        self.note(Note::of(LogEvent::StateChange).value(State::Operational as u64))
    }

    /// Takes up the users that the life record names.
    pub(in crate::hsm) fn take_up_users(&mut self, enrolled: u16, locked_by_officer: bool) -> Result<(), Error> {
        let now = self.platform.tick();
        self.people.locked_by_officer = locked_by_officer;
        for user in 1..=USERS {
            if enrolled & 1_u16.wrapping_shl(user.into()) == 0 {
                continue;
            }
            let mut record = UserRecord::new(UserRole::Operator);
            self.load_user(user, &mut record)?;
            *self.people.user_mut(user)? = Some(Known {
                role: record.role,
                failures: record.failures,
                since: now,
                tried: false,
            });
        }
        if self.people.are_enrolled() {
            self.life.happen(Event::Populated);
        }
        if locked_by_officer || self.people.is_locked_by_failures() {
            self.life.happen(Event::Locked);
        }
        Ok(())
    }

    /// The users as the life record names them: bit *n* for user *n*.
    pub(in crate::hsm) fn enrolled_users(&self) -> u16 {
        (1..=USERS)
            .filter(|user| self.people.user(*user).is_ok())
            .fold(0, |bits, user| bits | 1_u16.wrapping_shl(user.into()))
    }
}
