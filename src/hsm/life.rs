// SPDX-License-Identifier: MIT OR Apache-2.0
//! The life cycle: one state machine, and which command runs in which state.
//!
//! ```text
//!                      ceremony                         last group spent
//!            Loading <─────────> Operational ─────────────────────────────> Exhausted
//!               ^                   ^   │  ^                                    │
//!      ceremony │         first key │   │  └────────── a group can go on ───────┘
//!               v                   │   │ lock, wrong log-ins
//!             Virgin ───────────────┘   └────────> Locked ───────> back where it was (officers)
//!
//!   from everywhere:  a failed self-test, a failed source of random bytes ──> Error     (until a new start)
//!                     a tamper event, damaged storage, rollback         ──> Tampered  (until re-initialisation)
//! ```
//!
//! Transitions and the states of each command are tables ([`State::after`], [`Command::states`]); `tests/hsm/states.rs`
//! goes through every cell of both. `docs/LIFE-CYCLE.md` has the picture for readers.

mod command;
mod durable;
mod guard;

use core::hint::black_box;

use crate::error::Error;
use crate::weaken::guard;

pub use self::command::{Command, States};
#[cfg(feature = "hazmat")]
pub use self::durable::read_life_record;
pub(super) use self::guard::Guard;

/// The life-cycle state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum State {
    /// Commands run.
    Operational,
    /// A component ceremony is open: only its own commands run.
    Loading,
    /// Stored state is damaged or a tamper event came: every key is erased. See `docs/LIFE-CYCLE.md` for the way out.
    Tampered,
    /// No key came in so far, and the storage has none. The same commands run as in [`Operational`](Self::Operational).
    Virgin,
    /// An officer locked the module, or too many log-ins failed: only officers may log in.
    Locked,
    /// Every DUKPT group in use is at the end of its life: load a new initial key. The same commands run as in
    /// [`Operational`](Self::Operational); the spent groups refuse.
    Exhausted,
    /// A self-test or the source of random bytes failed: nothing goes out until a new start.
    Error,
}

impl State {
    /// Every state, in the order of their numbers in C.
    pub const ALL: [Self; 7] = [
        Self::Operational,
        Self::Loading,
        Self::Tampered,
        Self::Virgin,
        Self::Locked,
        Self::Exhausted,
        Self::Error,
    ];

    /// Whether keys may work: [`Operational`](Self::Operational), [`Virgin`](Self::Virgin), [`Exhausted`](Self::Exhausted).
    #[must_use]
    pub const fn works(self) -> bool {
        States::WORK.contains(self)
    }

    /// The state in which the module is after `event`, from the table; `None` if the event changes nothing.
    #[must_use]
    pub fn after(self, event: Event) -> Option<Next> {
        TRANSITIONS
            .iter()
            .find(|(from, on, _)| *from == self && *on == event)
            .map(|(_, _, next)| *next)
    }

    /// Why a command that does not run in this state is refused.
    ///
    /// [`Error::BadState`], [`Error::Tampered`], [`Error::Locked`] or [`Error::SelfTestFailed`].
    #[must_use]
    pub const fn refusal(self) -> Error {
        match self {
            Self::Operational | Self::Virgin | Self::Exhausted | Self::Loading => Error::BadState,
            Self::Tampered => Error::Tampered,
            Self::Locked => Error::Locked,
            Self::Error => Error::SelfTestFailed,
        }
    }

    /// The word that stands for the state in memory: any two differ in sixteen bits, as does each from every complement.
    const fn word(self) -> u32 {
        match self {
            Self::Operational => 0xCB62_2CEC,
            Self::Loading => 0xAD04_4A8A,
            Self::Tampered => 0x9138_76B6,
            Self::Virgin => 0x9EC8_7946,
            Self::Locked => 0xF851_1FDF,
            Self::Exhausted => 0xC46D_23E3,
            Self::Error => 0xA20B_4585,
        }
    }
}

/// What moves the life cycle.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Event {
    /// A key, an initial key or an officer came in, or was taken up from storage.
    Populated,
    /// A component ceremony opened.
    CeremonyOpened,
    /// The ceremony ended, with a key or without.
    CeremonyEnded,
    /// The last DUKPT group that could go on came to the end of its life.
    GroupsSpent,
    /// A group can go on: it was loaded or updated, or a spent one was erased.
    GroupReady,
    /// An officer locks, or too many log-ins failed.
    Locked,
    /// Officers unlock.
    Unlocked,
    /// A tamper event came, or stored state is damaged or old.
    Tampered,
    /// A self-test or the source of random bytes failed.
    Failed,
    /// The module was made anew.
    Reinitialised,
}

impl Event {
    /// Every event, in the order of declaration.
    pub const ALL: [Self; 10] = [
        Self::Populated,
        Self::CeremonyOpened,
        Self::CeremonyEnded,
        Self::GroupsSpent,
        Self::GroupReady,
        Self::Locked,
        Self::Unlocked,
        Self::Tampered,
        Self::Failed,
        Self::Reinitialised,
    ];
}

/// Where a transition leads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// To this state.
    To(State),
    /// Back to where the ceremony was opened or the lock came.
    Back,
}

/// The whole state machine. What is not in the table changes nothing.
const TRANSITIONS: &[(State, Event, Next)] = {
    use Next::{Back, To};
    use State::{Error, Exhausted, Loading, Locked, Operational, Tampered, Virgin};
    &[
        (Virgin, Event::Populated, To(Operational)),
        (Virgin, Event::CeremonyOpened, To(Loading)),
        (Virgin, Event::Locked, To(Locked)),
        (Virgin, Event::Tampered, To(Tampered)),
        (Virgin, Event::Failed, To(Error)),
        (Virgin, Event::Reinitialised, To(Virgin)),
        (Loading, Event::CeremonyEnded, Back),
        (Loading, Event::Locked, To(Locked)),
        (Loading, Event::Tampered, To(Tampered)),
        (Loading, Event::Failed, To(Error)),
        (Operational, Event::CeremonyOpened, To(Loading)),
        (Operational, Event::GroupsSpent, To(Exhausted)),
        (Operational, Event::Locked, To(Locked)),
        (Operational, Event::Tampered, To(Tampered)),
        (Operational, Event::Failed, To(Error)),
        (Operational, Event::Reinitialised, To(Virgin)),
        (Exhausted, Event::CeremonyOpened, To(Loading)),
        (Exhausted, Event::GroupReady, To(Operational)),
        (Exhausted, Event::Locked, To(Locked)),
        (Exhausted, Event::Tampered, To(Tampered)),
        (Exhausted, Event::Failed, To(Error)),
        (Exhausted, Event::Reinitialised, To(Virgin)),
        (Locked, Event::Unlocked, Back),
        (Locked, Event::Tampered, To(Tampered)),
        (Locked, Event::Failed, To(Error)),
        (Locked, Event::Reinitialised, To(Virgin)),
        (Tampered, Event::Reinitialised, To(Virgin)),
        (Error, Event::Tampered, To(Tampered)),
    ]
};

/// The state of a running module, in two complementary words: a changed bit in either is [`State::Error`].
#[derive(Debug)]
pub(super) struct Life {
    word: u32,
    mirror: u32,
    /// Where an open ceremony or a lock leads back to.
    back: State,
    /// Why the module is in [`State::Error`].
    cause: Error,
}

impl Life {
    pub(super) const NEW: Self = Self {
        word: State::Virgin.word(),
        mirror: !State::Virgin.word(),
        back: State::Virgin,
        cause: Error::SelfTestFailed,
    };

    pub(super) fn state(&self) -> State {
        // Both words are read, whatever the compiler knows of the first.
        let (word, mirror) = (black_box(self.word), black_box(self.mirror));
        if word != !mirror {
            return State::Error;
        }
        State::ALL
            .into_iter()
            .find(|state| state.word() == word)
            .unwrap_or(State::Error)
    }

    /// Lets an event happen and gives the state after it.
    pub(super) fn happen(&mut self, event: Event) -> State {
        let now = self.state();
        let next = match now.after(event) {
            None => now,
            Some(Next::To(next)) => {
                if matches!(next, State::Loading | State::Locked) && now != State::Loading {
                    self.back = now;
                }
                next
            }
            Some(Next::Back) => self.back,
        };
        // What ends everything does not hang on the table alone, of which a bit may have changed.
        let next = match event {
            Event::Tampered => State::Tampered,
            Event::Failed if now != State::Tampered => State::Error,
            _ => next,
        };
        self.word = next.word();
        self.mirror = !black_box(next.word());
        if event == Event::Populated && self.back == State::Virgin {
            self.back = State::Operational;
        }
        if next == State::Virgin {
            self.back = State::Virgin;
        }
        next
    }

    /// A self-test or the source of random bytes failed: [`Error::SelfTestFailed`] or [`Error::Entropy`] from now on.
    pub(super) fn fail(&mut self, cause: Error) {
        if self.state() != State::Error {
            self.cause = cause;
        }
        self.happen(Event::Failed);
    }

    /// Judges whether `command` runs in this state.
    pub(super) fn allow(&self, command: Command) -> Result<(), Error> {
        let state = self.state();
        let runs = command.states().contains(state) && !black_box(command).not_states().contains(state);
        if !guard!("E04" | "I03" | "K01.state", !runs) {
            return Ok(());
        }
        Err(match state {
            State::Error => self.cause(),
            state => state.refusal(),
        })
    }

    /// Why the module is in [`State::Error`].
    pub(super) const fn cause(&self) -> Error {
        match self.cause {
            Error::Entropy => Error::Entropy,
            _ => Error::SelfTestFailed,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_lie_far_apart() {
        for (i, a) in State::ALL.iter().enumerate() {
            for b in &State::ALL[i + 1..] {
                assert!((a.word() ^ b.word()).count_ones() >= 16, "{a:?} {b:?}");
                assert!((a.word() ^ !b.word()).count_ones() >= 16, "{a:?} {b:?}");
            }
        }
    }

    #[test]
    fn every_changed_bit_is_an_error() {
        for state in State::ALL {
            for bit in 0..32 {
                for (word, mirror) in [(1 << bit, 0), (0, 1 << bit), (1 << bit, 1 << bit)] {
                    let life = Life {
                        word: state.word() ^ word,
                        mirror: !state.word() ^ mirror,
                        ..Life::NEW
                    };
                    assert_eq!(life.state(), State::Error);
                }
            }
        }
        let zeroed = Life {
            word: 0,
            mirror: 0,
            ..Life::NEW
        };
        assert_eq!(zeroed.state(), State::Error);
        assert_eq!(zeroed.allow(Command::KeyInfo), Err(Error::SelfTestFailed));
    }

    #[test]
    fn a_lock_leads_back() {
        let mut life = Life::NEW;
        life.happen(Event::Locked);
        // What comes in meanwhile counts.
        assert_eq!(life.happen(Event::Populated), State::Locked);
        assert_eq!(life.happen(Event::Unlocked), State::Operational);
        life.happen(Event::GroupsSpent);
        life.happen(Event::CeremonyOpened);
        assert_eq!(life.happen(Event::Locked), State::Locked);
        assert_eq!(life.happen(Event::Unlocked), State::Exhausted);
        life.fail(Error::Entropy);
        life.fail(Error::SelfTestFailed);
        assert_eq!(life.allow(Command::Random), Err(Error::Entropy));
    }
}
