// SPDX-License-Identifier: MIT OR Apache-2.0
//! The security module: keys in slots, DUKPT groups, and the commands on them.
//!
//! ```text
//!            key block, components, agreement
//!                          |
//!   Platform  <---------  Hsm  ---------> slots   (keys with attributes, named by KeyHandle)
//!   entropy, storage,      |              groups  (DUKPT state,          named by GroupHandle)
//!   decisions              |                         and its transaction, named by TransactionHandle)
//!                    command: handle -> state -> policy -> data -> scheme -> answer
//! ```
//!
//! Every command judges in this order: the module's state, the handle, the key's attributes against the table of
//! [`policy`](crate::policy), then the caller's data. A refused command leaves its outputs wiped and changes nothing.
//! No command gives a key or a PIN in clear, and none takes a key in clear but the component ceremony.
//!
//! The memory for slots and groups is the caller's; the [`Platform`] is what only the device can give.

pub mod audit;
#[cfg(feature = "host")]
mod batch;
#[cfg(feature = "host")]
mod card;
mod data;
mod denial;
mod dukpt;
#[cfg(feature = "host")]
mod emv;
mod event;
mod handle;
mod inventory;
mod life;
mod limit;
mod load;
mod mac;
#[cfg(all(feature = "oda", feature = "terminal"))]
mod oda;
mod own;
#[cfg(any(feature = "host", feature = "terminal"))]
mod pin;
mod role;
mod selftest;
mod slot;

use core::fmt;
use core::hint::black_box;

use crate::entropy::{Entropy, EntropySource};
use crate::error::Error;
#[cfg(all(feature = "ec", feature = "host"))]
use crate::inject::agreement::Initiator;
#[cfg(feature = "ec")]
use crate::inject::agreement::{PeerHistory, Responder, unauthenticated};
use crate::inject::component::Assembly;
use crate::key::usage::{Attributes, ModeOfUse};
use crate::key::{self, Key, role::StorageKey};
use crate::pin::pan::Pan;
use crate::policy::Policy;
use crate::store::Storage;
use crate::store::seal::{Scratch, Sealer};
use crate::weaken::guard;

#[cfg(feature = "host")]
pub use self::batch::{
    ArqcVerifyJob, CvvVerifyJob, KeyImportJob, MacVerifyJob, PinTranslateJob, PinVerifyJob, ReadArqc,
    ReadArqcVerifyJob, TranslatedPin,
};
#[cfg(feature = "terminal")]
pub use self::dukpt::InitialKeyInfo;
pub use self::dukpt::{Group, TransactionKsn, Ways, WorkingKey};
#[cfg(feature = "host")]
pub use self::emv::{ArpcRequest, ArqcAnswer, EncipheredPin, ScriptTarget};
pub use self::event::{Alarm, LogEvent, NO_PLACE, QUEUE_LEN};
pub use self::handle::{GroupHandle, KeyHandle, KeyRef, SessionHandle, TransactionHandle};
pub use self::inventory::Session;
#[cfg(feature = "hazmat")]
pub use self::life::read_life_record;
pub use self::life::{Command, Event, Next, State, States};
pub use self::limit::{PinLimits, RateLimit};
#[cfg(feature = "legacy")]
pub use self::load::WorkingKeys;
pub use self::load::{Export, ImportedKey};
pub use self::mac::{MacMethod, MacPurpose};
pub use self::own::FINGERPRINT_LEN;
#[cfg(any(feature = "host", feature = "terminal"))]
pub use self::pin::PIN_BLOCK_MAX_LEN;
#[cfg(feature = "host")]
pub use self::pin::PinProfile;
pub use self::role::{Act, CHALLENGE_LEN, CodeHash, Roles, SESSIONS, SecondFactor, USERS, UserRole, UserStatus};
#[cfg(feature = "hazmat")]
pub use self::role::{RECORD_LEN as USER_RECORD_LEN, one_time_code, read_user_record};
pub use self::selftest::{SelfTest, SelfTestMode, SelfTestReport, SelfTests};
pub use self::slot::{Date, KEY_CAPACITY, KeyBounds, KeyCheck, KeyInfo, Narrowing, Slot};
pub use crate::mac::iso9797::Padding;

use self::dukpt::Groups;
use self::event::Note;
use self::life::{Guard, Life};
use self::own::OwnKeys;
use self::role::People;
use self::selftest::Tested;
use self::slot::Slots;

/// What the module asks the device to decide, before it goes on.
#[derive(Debug)]
#[non_exhaustive]
pub enum Question<'a> {
    /// A component ceremony is about to open: are the custodians here, and may they load such a key? Whoever may open
    /// ceremonies at will chooses keys, and a KBPK or PIN key that he knows opens others.
    Ceremony {
        /// What the key will be.
        attributes: &'a Attributes,
    },
    /// A party of a key agreement will prove itself by this key pair: does it belong to that party?
    PeerKey {
        /// The party's identity.
        identity: &'a [u8],
        /// The public key, `04 || X || Y`.
        public: &'a [u8],
    },
    /// A key is about to be agreed with the owner of this public key, and nothing but your answer says who that is: may
    /// keys be taken from him (mode of use D), or given to him (E)?
    UnauthenticatedPeer {
        /// The public key, `04 || X || Y`.
        public: &'a [u8],
        /// What the agreed key will do.
        mode: ModeOfUse,
    },
    /// A PIN block is about to be translated: may this card's PIN be touched once more? Each answer tells whether a block
    /// was well-formed under the PAN.
    PinTranslate {
        /// The card.
        pan: &'a Pan,
    },
    /// A PIN is about to be verified: may this card try? (Try counters are the device's.)
    PinVerify {
        /// The card.
        pan: &'a Pan,
    },
    /// A card verification value is about to be made or verified: may this card's be tried once more? It has three to
    /// five digits, so the limit is what protects it.
    CardValue {
        /// The card.
        pan: &'a Pan,
    },
    /// A PIN of this card is about to be made, computed or given a PVV or an offset: is this the issuer's work? Whoever
    /// may do that for PINs of his choice learns about those of others.
    PinIssue {
        /// The card.
        pan: &'a Pan,
    },
    /// A PIN is about to be changed, if the old one is right: may this card try? It counts as a try of
    /// [`PinVerify`](Self::PinVerify).
    PinChange {
        /// The card.
        pan: &'a Pan,
    },
    /// A decimalisation table, validation data and lengths for PINs of the IBM 3624 are about to be registered: are those
    /// here who may do it, two of them? Tables made for the purpose give PINs away.
    #[cfg(feature = "host")]
    PinProfile {
        /// What it will be.
        profile: &'a crate::pin::ibm3624::Profile,
    },
    /// A transaction's keys are about to be derived on the host: was this counter not seen before?
    ///
    /// Nothing has been authenticated yet: compare here, and remember the counter when the message's MAC has verified, or
    /// anybody can use up a terminal's counters with invented KSNs. [`ReplayWindow`](crate::dukpt::ReplayWindow) is the
    /// record for it: its `check` is the answer here, its `accept` comes after the MAC.
    DukptCounter {
        /// The initial key identifier: 8 (AES) or 10 bytes (TDEA, counter bits zero).
        identity: &'a [u8],
        /// The counter, already judged valid.
        counter: u32,
    },
    /// A cryptogram or a CVC3 has verified and is about to be answered: is this ATC new for the card?
    Atc {
        /// The card.
        pan: &'a Pan,
        /// The application transaction counter.
        atc: u16,
    },
    /// A command of an issuer script is about to be written: is it the issuer's, and how often does this card get one?
    ///
    /// Whoever may have data of his choice enciphered under the session key that a card's new PIN goes under finds that PIN
    /// by comparing: no script for a request whose script changes the PIN, but those that belong to it.
    Script {
        /// The card.
        pan: &'a Pan,
        /// The transaction counter of the request that the script answers.
        atc: u16,
    },
    /// A working key is about to come in by ECB, with the attributes that the caller says: are they those of this key? A
    /// PIN key that comes in as a data key deciphers PIN blocks.
    #[cfg(feature = "legacy")]
    WorkingKey {
        /// What the key will be.
        attributes: &'a Attributes,
    },
    /// A session is about to be opened: is the owner of this number here?
    Session {
        /// The owner.
        owner: u16,
    },
    /// What persistent limits have counted is about to begin anew: are those here who may do it, two of them?
    LimitsReset,
    /// A backup has verified, and its keys are about to come back: may they? For a backup of another device, and for one that
    /// is older than the last, two officers should say so.
    Restore {
        /// Whether it is of this device.
        is_own: bool,
        /// Whether it is older than the last that was written or restored here.
        is_older: bool,
        /// Its number.
        sequence: u64,
    },
    /// The verification key of the audit log is about to leave under a protection key: is the auditor here, and is it his?
    AuditKey,
    /// The audit log is about to be released up to a record: is the auditor here, and was it read?
    AuditRelease {
        /// The number of the last record that was read.
        sequence: u64,
    },
    /// The first or the second officer is about to be enrolled: is that he?
    Enrol {
        /// The number that the user gets.
        user: u8,
        /// The role.
        role: UserRole,
    },
    /// A user who logs in has this for the second factor: did the device see his finger, his face or his card? A match alone
    /// is no log-in; the response to the challenge is judged beside it.
    SecondFactor {
        /// The user.
        user: u8,
        /// The role.
        role: UserRole,
    },
    /// Something that two officers would do is about to happen, and none are enrolled: are two people here who may?
    DualControl {
        /// What.
        act: Act,
    },
    /// The module is about to be made anew: may every key and every user go?
    Reinitialise {
        /// Whether a tamper event or damage made it so.
        tampered: bool,
        /// Groups whose memory of used initial keys cannot be read any more. Initial keys that the device had must not be
        /// sent to it again then: it would not know them.
        lost_marks: u16,
    },
    /// A cryptogram is about to be explained: may this card's be, here and now? Each answer tells how the key's
    /// cryptograms come about.
    CryptogramExplain {
        /// The card.
        pan: &'a Pan,
        /// The application transaction counter.
        atc: u16,
    },
}

impl Question<'_> {
    /// By which a device counts tries and remembers transaction counters: the 11 digits left of the check digit, with zeros
    /// before them if the PAN is shorter. `None` for questions without a card.
    ///
    /// **Count by this, not by the PAN.** The PAN is what the caller says, and no computation takes all of it: PIN blocks take 12
    /// of its digits, a PVV 11, a card's key the last 14 to 16. So PANs that differ before these digits, or in the check digit,
    /// are one card to the computation; a counter by PAN would give each of them its own tries. These 11 digits are in all
    /// of them.
    #[must_use]
    pub fn account(&self) -> Option<[u8; 11]> {
        match self {
            Self::PinTranslate { pan }
            | Self::PinVerify { pan }
            | Self::CardValue { pan }
            | Self::PinIssue { pan }
            | Self::PinChange { pan }
            | Self::Atc { pan, .. }
            | Self::Script { pan, .. }
            | Self::CryptogramExplain { pan, .. } => Some(pan.account()),
            _ => None,
        }
    }
}

/// What only the device can give: random bytes, storage, and decisions.
pub trait Platform: Entropy + Storage {
    /// Decides. `Ok` lets the command go on.
    ///
    /// # Errors
    /// Any error refuses the command with it. A platform that does not decide refuses: [`Error::Refused`].
    fn decide(&mut self, question: &Question<'_>) -> Result<(), Error> {
        let _ = question;
        guard!("B07.absent", Err(Error::Refused))
    }

    /// Decides about a card, whose fingerprint stands beside the question: 8 bytes that are the same for every PAN with the
    /// same [`account`](Question::account), under a key of the device that is derived from its storage key (without one, a
    /// key of this start). A device that counts tries, windows and amounts by it keeps no PANs. Zero for questions without
    /// a card.
    ///
    /// # Errors
    /// As [`decide`](Self::decide), which it is unless it is overwritten.
    fn decide_card(&mut self, question: &Question<'_>, fingerprint: &[u8; FINGERPRINT_LEN]) -> Result<(), Error> {
        let _ = fingerprint;
        self.decide(question)
    }

    /// Milliseconds of a clock that runs while the device is on and is never set back; where it begins is the device's
    /// choice. `None` without one: limits over time then count what happens since the start.
    fn tick(&mut self) -> Option<u64> {
        None
    }

    /// Seconds since 1970-01-01 UTC, from a clock that users cannot set: one-time codes are judged by it. `None` without one,
    /// and then users with such codes cannot log in.
    fn unix_time(&mut self) -> Option<u64> {
        None
    }

    /// Whether the code in memory is what it should be, as the platform finds it (a digest over the linker's symbols, the
    /// verdict of a secure boot). `None` if the platform does not judge.
    fn code_is_sound(&mut self) -> Option<bool> {
        None
    }

    /// Whether a tamper event has come; once true it stays true. The module asks before it begins a command, before and
    /// after each call of the platform, and in [`Hsm::expire`]. It must be cheap: the reading of a flag that an interrupt
    /// sets, or of a latch in the hardware.
    fn tampered(&self) -> bool {
        false
    }
}

/// What an installation decides once, at the start.
#[derive(Debug, Default)]
pub struct Config<'a> {
    /// The permissions.
    pub policy: Policy,
    /// The key that seals stored records, AES-256, unique to the device. Without one nothing is stored, and DUKPT
    /// groups refuse to load.
    pub storage_key: Option<&'a Key<StorageKey, key::Aes>>,
    /// How many PINs may pass in a time.
    pub pin_limits: PinLimits,
    /// Minutes after which a component ceremony that is still open is over; 0 means [`CEREMONY_MINUTES`]. Counted by
    /// [`Platform::tick`]: without a clock a ceremony lasts until it ends by itself or is aborted.
    pub ceremony_minutes: u16,
    /// What the platform's random bytes are.
    pub entropy: EntropySource,
    /// When algorithms are tested.
    pub self_tests: SelfTestMode,
    /// Hours after which all self-tests must have run again, or commands that need one are refused; 0: never. Needs
    /// [`Platform::tick`].
    pub self_test_hours: u16,
    /// Wrong log-ins in a row, 3 to 10, after which tries must wait; 0 means 5.
    pub login_tries: u8,
    /// Minutes without a command after which a user is logged out; 0 means 15. Needs [`Platform::tick`].
    pub idle_minutes: u16,
    /// Limits over time do not begin anew at a start, for which there must be a storage key: a start brings no PIN, and
    /// what is counted without a clock is counted until [`Hsm::limits_reset`].
    pub persistent_limits: bool,
}

/// How long a component ceremony lasts if nothing else is said, in minutes: time for nine custodians.
pub const CEREMONY_MINUTES: u16 = 15;

/// What [`Hsm::status`] tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Status {
    /// The life-cycle state.
    pub state: State,
    /// Slots in all, and with a key.
    pub slots: (usize, usize),
    /// Groups in all, and in use.
    pub groups: (usize, usize),
    /// Groups whose initial key is at the end of its life.
    pub groups_spent: usize,
    /// Whether the platform has a monotonic counter, with which an older image of the storage is seen. Without one nobody
    /// can tell: whoever puts back an image has the DUKPT keys since then given out a second time.
    pub anchored: bool,
}

/// Far from 0.
const WIDE: u32 = 0xA96C_3C5A;

/// The security module.
pub struct Hsm<'m, P: Platform> {
    platform: Guard<P>,
    policy: Policy,
    anchored: bool,
    life: Life,
    denial: denial::Denial,
    slots: Slots<'m>,
    groups: Groups<'m>,
    sealer: Option<Sealer>,
    scratch: Scratch,
    own: OwnKeys,
    events: event::Queue,
    log: Option<audit::Log<'m>>,
    people: People,
    tested: Tested,
    /// How often the module was made anew.
    generation: u16,
    /// Permissions that were withdrawn while it ran.
    withdrawn: u32,
    frozen: bool,
    /// [`WIDE`] unless the policy is frozen: a changed bit thaws none.
    wide: u32,
    /// A tamper event whose mark is still to be written.
    tamper_to_note: bool,
    mark_tried: bool,
    session: Option<Session>,
    sessions: u32,
    /// The last day that was said, as digits.
    last_day: u32,
    persistent_limits: bool,
    assembly: Assembly,
    ceremony: Option<Attributes>,
    ceremony_minutes: u16,
    /// When the open ceremony is over, on the platform's clock.
    ceremony_end: Option<u64>,
    mac: mac::Stream,
    #[cfg(feature = "host")]
    initial_keys: dukpt::InitialKeys,
    #[cfg(feature = "terminal")]
    entry_rate: limit::Bucket,
    #[cfg(feature = "host")]
    host_rate: limit::Bucket,
    #[cfg(feature = "host")]
    profiles: [Option<crate::pin::ibm3624::Profile>; pin::profile::PROFILES],
    #[cfg(feature = "host")]
    pin_tries: pin::tries::Tries,
    #[cfg(all(feature = "ec", feature = "host"))]
    initiator: Initiator,
    #[cfg(all(feature = "ec", feature = "host"))]
    initiator_key: Option<KeyHandle>,
    #[cfg(feature = "ec")]
    responder: Responder,
    #[cfg(feature = "ec")]
    bare_agreement: unauthenticated::Agreement,
    #[cfg(feature = "ec")]
    peers: PeerHistory,
}

impl<'m, P: Platform> Hsm<'m, P> {
    /// Starts the module over the caller's memory, and takes up the DUKPT groups that the storage holds.
    ///
    /// # Errors
    /// [`Error::Entropy`]; [`Error::InvalidLength`] for more than 256 slots or groups; [`Error::NoKey`] for persistent limits
    /// without a storage key. Damaged records are no error
    /// here: the module comes up [`State::Tampered`].
    pub fn new(platform: P, slots: &'m mut [Slot], groups: &'m mut [Group], config: Config<'_>) -> Result<Self, Error> {
        let mut module = Self::at_rest(platform, slots, groups, &config);
        module.start(&config)?;
        Ok(module)
    }

    /// A module that has not been started: where it stays. It is the largest part of a context, and whoever has the place
    /// for it makes it there.
    #[cfg_attr(target_os = "none", inline(always))]
    pub(crate) fn at_rest(platform: P, slots: &'m mut [Slot], groups: &'m mut [Group], config: &Config<'_>) -> Self {
        Self {
            platform: Guard::new(platform, config.entropy),
            policy: config.policy,
            anchored: false,
            life: Life::NEW,
            denial: denial::Denial::new(),
            slots: Slots::new(slots),
            groups: Groups::new(groups),
            sealer: None,
            scratch: Scratch::new(),
            own: OwnKeys::EMPTY,
            events: event::Queue::EMPTY,
            log: None,
            people: People::new(config.login_tries, config.idle_minutes),
            tested: Tested::new(config.self_tests, config.self_test_hours, None),
            generation: 0,
            withdrawn: 0,
            frozen: false,
            wide: WIDE,
            tamper_to_note: false,
            mark_tried: false,
            session: None,
            sessions: 0,
            last_day: 0,
            persistent_limits: config.persistent_limits,
            assembly: Assembly::empty(),
            ceremony: None,
            ceremony_minutes: match config.ceremony_minutes {
                0 => CEREMONY_MINUTES,
                minutes => minutes,
            },
            ceremony_end: None,
            mac: mac::Stream::IDLE,
            #[cfg(feature = "host")]
            initial_keys: dukpt::InitialKeys::EMPTY,
            #[cfg(feature = "terminal")]
            entry_rate: limit::Bucket::new(config.pin_limits.entry, None),
            #[cfg(feature = "host")]
            host_rate: limit::Bucket::new(config.pin_limits.host, None),
            #[cfg(feature = "host")]
            profiles: [None; pin::profile::PROFILES],
            #[cfg(feature = "host")]
            pin_tries: pin::tries::Tries::NONE,
            #[cfg(all(feature = "ec", feature = "host"))]
            initiator: Initiator::empty(),
            #[cfg(all(feature = "ec", feature = "host"))]
            initiator_key: None,
            #[cfg(feature = "ec")]
            responder: Responder::empty(),
            #[cfg(feature = "ec")]
            bare_agreement: unauthenticated::Agreement::empty(),
            #[cfg(feature = "ec")]
            peers: PeerHistory::new(),
        }
    }

    /// Starts a module at rest, once, with the configuration that it was made with. After an error it is only good to be
    /// dropped.
    ///
    /// # Errors
    /// As [`new`](Self::new).
    pub(crate) fn start(&mut self, config: &Config<'_>) -> Result<(), Error> {
        self.slots.start(&mut self.platform)?;
        self.groups.start(&mut self.platform)?;
        let now = self.platform.tick();
        if config.self_test_hours != 0 && now.is_none() {
            return Err(Error::InvalidArgument);
        }
        self.tested = Tested::new(config.self_tests, config.self_test_hours, now);
        #[cfg(feature = "terminal")]
        {
            self.entry_rate = limit::Bucket::new(config.pin_limits.entry, now);
        }
        #[cfg(feature = "host")]
        {
            self.host_rate = limit::Bucket::new(config.pin_limits.host, now);
        }
        self.own.derive(config.storage_key, &mut self.platform)?;
        self.anchored = cfg!(feature = "terminal") && self.platform.monotonic().is_ok_and(|counter| counter.is_some());
        if let Some(key) = config.storage_key {
            self.sealer = Some(Sealer::new(key)?);
        }
        // What opens the records is tested before it does.
        if config.storage_key.is_some() && config.self_tests != SelfTestMode::Off {
            let _ = self.test_now(SelfTests::KEYS);
        }
        self.take_up_life();
        if config.persistent_limits && config.storage_key.is_none() {
            return Err(Error::NoKey);
        }
        self.take_up_slots();
        #[cfg(feature = "terminal")]
        if !matches!(self.life.state(), State::Tampered | State::Error) {
            self.take_up_groups();
        }
        Ok(())
    }

    /// The state and how full the tables are.
    #[must_use]
    pub fn status(&self) -> Status {
        Status {
            state: self.state(),
            slots: (self.slots.capacity(), self.slots.used()),
            groups: (self.groups.capacity(), self.groups.used()),
            groups_spent: self.groups.spent().1,
            anchored: self.anchored,
        }
    }

    /// Whether the module is tampered with.
    #[cfg(feature = "capi")]
    pub(crate) fn is_tampered(&self) -> bool {
        self.state() == State::Tampered
    }

    /// The policy the module was started with.
    #[must_use]
    pub const fn policy(&self) -> Policy {
        self.policy
    }

    /// The platform.
    pub const fn platform(&mut self) -> &mut P {
        self.platform.inner()
    }

    /// The oldest alarm that nobody has fetched: what was refused, what failed. In every state.
    pub fn next_event(&mut self) -> Option<Alarm> {
        self.events.pop()
    }

    /// Asks the platform, about a card with its fingerprint.
    fn ask(&mut self, question: &Question<'_>) -> Result<(), Error> {
        let fingerprint = match question.account() {
            Some(account) => self.own.fingerprint(&account)?,
            None => [0; FINGERPRINT_LEN],
        };
        self.platform.decide_card(question, &fingerprint)?;
        self.commit_uses()
    }

    /// What is public about a key.
    ///
    /// # Errors
    /// [`Error::InvalidHandle`]; the state's error.
    pub fn key_info(&self, key: KeyHandle) -> Result<KeyInfo, Error> {
        self.allow_reading(Command::KeyInfo)?;
        self.slots.get(key)?.info()
    }

    /// Erases a key. Its handle names nothing afterwards, and a MAC in progress under it is over.
    ///
    /// # Errors
    /// [`Error::InvalidHandle`]; the state's error.
    pub fn key_erase(&mut self, key: KeyHandle) -> Result<(), Error> {
        self.allow(Command::KeyErase)?;
        let check = self.slots.get(key)?.check()?;
        self.audit_ready()?;
        self.slots.erase(key)?;
        #[cfg(feature = "host")]
        self.initial_keys.forget(key);
        self.end_orphaned_mac();
        self.settle_slots();
        if self.slots.next_unsettled().is_some() {
            return Err(Error::Storage);
        }
        self.note(Note::of(LogEvent::KeyErase).at(key.place()).check(&check))
    }

    /// Ends what has taken too long: an open component ceremony, whose components are wiped. Every command of the ceremony
    /// does so before anything else; call it in idle times, so that an abandoned ceremony does not keep other commands
    /// away. (The C functions do so at each call.)
    pub fn expire(&mut self) {
        self.poll();
        if self.life.state() != State::Loading {
            return;
        }
        if let Some(end) = self.ceremony_end
            // A clock that has gone is no reason to wait.
            && self.platform.tick().is_none_or(|now| now >= end)
        {
            self.end_ceremony();
        }
    }

    /// Random bytes from the platform.
    ///
    /// # Errors
    /// [`Error::Entropy`]; the state's error. `out` is wiped then.
    pub fn random(&mut self, out: &mut [u8]) -> Result<(), Error> {
        self.allow(Command::Random).inspect_err(|_| out.fill(0))?;
        self.platform.fill(out).map_err(|error| {
            out.fill(0);
            self.note_failure(Note::of(LogEvent::Entropy), error)
        })
    }

    /// Whether a command may run now: judged before everything else. Notes tamper events and failures first, ends sessions
    /// that were idle, and runs the self-tests that the command needs.
    // Each part is told the command by the caller: what a left-out instruction makes of one is not what the other judges.
    #[inline(always)]
    fn allow(&mut self, command: Command) -> Result<(), Error> {
        self.allow_first(command)?;
        self.allow_again(black_box(command))
    }

    #[inline(never)]
    fn allow_first(&mut self, command: Command) -> Result<(), Error> {
        self.slots.disarm();
        self.poll();
        let result = self.life.allow(command);
        self.ruled(result)?;
        let result = self.people.allow(command);
        self.ruled(result)?;
        let result = self.ready_to(command);
        self.ruled(result)
    }

    /// Each is asked again: the first answer may be what a left-out instruction made of it. Only this lets a command go on.
    #[inline(never)]
    fn allow_again(&mut self, command: Command) -> Result<(), Error> {
        let result = self.life.allow(command).and_then(|()| {
            self.people.allow(command)?;
            self.tested.allow(command)
        });
        let result = self.ruled(result);
        self.denial.enter_if(result.is_ok());
        result
    }

    /// The same for commands that change nothing: they find what others have noted.
    fn allow_reading(&self, command: Command) -> Result<(), Error> {
        self.slots.disarm();
        let result = self.denial.verified(|| {
            match self.state() {
                State::Tampered => return Err(Error::Tampered),
                State::Error if self.life.state() != State::Error => return Err(Error::Entropy),
                _ => self.life.allow(command)?,
            }
            self.people.allow(command)?;
            self.tested.allow(command)
        });
        self.denial.enter_if(result.is_ok());
        result
    }

    /// The state, with what the platform has to say.
    fn state(&self) -> State {
        match self.life.state() {
            State::Tampered => State::Tampered,
            _ if self.platform.tampered() => State::Tampered,
            _ if self.platform.has_failed() => State::Error,
            state => state,
        }
    }

    /// Notes what the platform has to say: keys are erased if a tamper event has come, before anything else is done.
    fn poll(&mut self) {
        if (self.platform.tampered() || self.slots.is_damaged()) && self.life.state() != State::Tampered {
            self.tamper_at_once();
        }
        self.note_tamper();
        if self.platform.has_failed() {
            self.life.fail(Error::Entropy);
        }
        self.people.watch(|| self.platform.tick());
    }

    fn erase_everything(&mut self) {
        self.erase_keys();
        self.sealer = None;
    }

    /// Everything but the keys of stored records.
    fn erase_keys(&mut self) {
        self.session = None;
        self.slots.set_owner(0);
        if guard!("J06", true) {
            self.slots.erase_all();
        }
        #[cfg(feature = "host")]
        self.initial_keys.clear();
        self.groups.erase_all();
        self.assembly.abort();
        self.ceremony = None;
        self.mac_clear();
        #[cfg(feature = "host")]
        {
            self.profiles = [None; pin::profile::PROFILES];
        }
        #[cfg(feature = "ec")]
        self.agreement_abort();
        self.scratch.wipe();
        self.people.leave();
    }
}

impl<P: Platform> Drop for Hsm<'_, P> {
    fn drop(&mut self) {
        self.erase_everything();
        self.own.wipe();
    }
}

impl<P: Platform> fmt::Debug for Hsm<'_, P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hsm")
            .field("status", &self.status())
            .finish_non_exhaustive()
    }
}
