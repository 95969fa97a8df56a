// SPDX-License-Identifier: MIT OR Apache-2.0
//! What happens in the module that somebody should know: the events, what is noted of one, and the queue of alarms.

use crate::error::Error;
use crate::hsm::slot::KeyCheck;

/// No slot and no group.
pub const NO_PLACE: u16 = 0xFFFF;

macro_rules! events {
    ($($(#[$doc:meta])* $name:ident = $number:literal, $text:literal, $logged:literal, $alarm:ident;)*) => {
        /// An event. The numbers are stored and sent: append-only.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[non_exhaustive]
        #[repr(u8)]
        pub enum LogEvent {
            $($(#[$doc])* $name = $number,)*
        }

        impl LogEvent {
            /// Every event, in the order of numbers.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// A short text.
            #[must_use]
            pub const fn text(self) -> &'static str {
                match self {
                    $(Self::$name => $text,)*
                }
            }

            /// From its number.
            #[must_use]
            pub fn from_number(number: u8) -> Option<Self> {
                match number {
                    $($number => Some(Self::$name),)*
                    _ => None,
                }
            }

            const fn is_logged(self) -> bool {
                match self {
                    $(Self::$name => $logged,)*
                }
            }

            const fn alarm(self) -> When {
                match self {
                    $(Self::$name => When::$alarm,)*
                }
            }
        }
    };
}

/// When an event is an alarm.
#[derive(Clone, Copy, PartialEq, Eq)]
enum When {
    Never,
    Failed,
    Always,
}

events! {
    /// The module was started and its log taken up.
    Start = 1, "start", true, Never;
    /// A key came in, by whatever way, or was made.
    KeyLoad = 2, "key load", true, Never;
    /// A key took another one's place.
    KeyReplace = 3, "key replacement", true, Never;
    /// A key was erased.
    KeyErase = 4, "key erasure", true, Never;
    /// A key left, wrapped.
    KeyExport = 5, "key export", true, Never;
    /// A key block, a working key or a key agreement did not verify.
    UnwrapFailed = 6, "failed unwrap", true, Always;
    /// The policy or a setting changed.
    PolicyChange = 7, "policy change", true, Never;
    /// Somebody logged in, or tried to: the result tells.
    Login = 8, "login", true, Failed;
    /// A self-test ran: the result tells.
    SelfTest = 9, "self-test", true, Failed;
    /// Every key was erased.
    Tamper = 10, "tamper", true, Always;
    /// A limit refused something.
    Limit = 11, "limit", true, Always;
    /// A counter moved without its key being given out.
    CounterJump = 12, "counter jump", true, Always;
    /// An initial key was updated, or software was.
    Update = 13, "update", true, Never;
    /// A backup was written.
    Backup = 14, "backup", true, Never;
    /// A backup was read: the result tells.
    Restore = 15, "restore", true, Failed;
    /// Records that nobody had read were overwritten.
    LogOverwritten = 16, "log overwritten", true, Always;
    /// Records were read and may be overwritten, up to the number in the value.
    LogReleased = 17, "log released", true, Never;
    /// The entropy source failed.
    Entropy = 18, "entropy", true, Always;
    /// A message's MAC was wrong. An alarm only: whoever sends messages must not fill the log.
    BadMac = 19, "wrong MAC", false, Always;
    /// Alarms were lost, as many as the value says.
    EventsLost = 20, "events lost", false, Always;
    /// A key was narrowed.
    KeyNarrow = 21, "key narrowed", true, Never;
    /// A key was made persistent.
    KeyStore = 22, "key stored", true, Never;
    /// A session was opened or closed.
    Session = 23, "session", true, Never;
    /// What the caller noted.
    Application = 24, "application", true, Never;
    /// The life cycle went to the state in the value.
    StateChange = 25, "state", true, Never;
    /// The verification key of the log left, wrapped.
    LogKeyExport = 26, "log key export", true, Never;
}

/// What is noted of an event.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Note {
    pub(super) event: LogEvent,
    pub(super) place: u16,
    pub(super) check: [u8; 3],
    pub(super) result: i32,
    pub(super) card: [u8; 8],
    pub(super) value: u64,
}

impl Note {
    pub(crate) const fn of(event: LogEvent) -> Self {
        Self {
            event,
            place: NO_PLACE,
            check: [0; 3],
            result: 0,
            card: [0; 8],
            value: 0,
        }
    }

    /// With a slot or a group.
    pub(crate) const fn at(mut self, place: u16) -> Self {
        self.place = place;
        self
    }

    /// With the first three bytes of a check value.
    pub(crate) fn check(mut self, check: &KeyCheck) -> Self {
        for (to, from) in self.check.iter_mut().zip(check.as_bytes()) {
            *to = *from;
        }
        self
    }

    /// With how it ended.
    pub(crate) const fn failed(mut self, error: Error) -> Self {
        self.result = error.code();
        self
    }

    /// With a number.
    pub(crate) const fn value(mut self, value: u64) -> Self {
        self.value = value;
        self
    }

    /// With the fingerprint of a card.
    pub(crate) const fn card(mut self, fingerprint: [u8; 8]) -> Self {
        self.card = fingerprint;
        self
    }

    pub(super) const fn is_logged(&self) -> bool {
        self.event.is_logged()
    }

    const fn is_alarm(&self) -> bool {
        match self.event.alarm() {
            When::Never => false,
            When::Failed => self.result != 0,
            When::Always => true,
        }
    }
}

/// An alarm in the queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Alarm {
    /// What happened.
    pub event: LogEvent,
    /// The slot or group; [`NO_PLACE`] for none.
    pub place: u16,
    /// The number of the error; 0 for none.
    pub result: i32,
    /// What the event counts.
    pub value: u32,
}

/// How many alarms wait at most.
pub const QUEUE_LEN: usize = 16;

/// The alarms that nobody has fetched yet, the oldest first. When it is full the newest place says how many were lost.
#[derive(Debug)]
pub(super) struct Queue {
    alarms: [Option<Alarm>; QUEUE_LEN],
}

impl Queue {
    pub(super) const EMPTY: Self = Self {
        alarms: [None; QUEUE_LEN],
    };

    pub(super) fn push(&mut self, note: &Note) {
        if !note.is_alarm() {
            return;
        }
        let alarm = Alarm {
            event: note.event,
            place: note.place,
            result: note.result,
            value: u32::try_from(note.value).unwrap_or(u32::MAX),
        };
        if let Some(free) = self.alarms.iter_mut().find(|place| place.is_none()) {
            *free = Some(alarm);
            return;
        }
        if let Some(Some(last)) = self.alarms.last_mut() {
            let lost = if last.event == LogEvent::EventsLost {
                last.value.saturating_add(1)
            } else {
                2
            };
            *last = Alarm {
                event: LogEvent::EventsLost,
                place: NO_PLACE,
                result: 0,
                value: lost,
            };
        }
    }

    pub(super) fn pop(&mut self) -> Option<Alarm> {
        let first = self.alarms.first_mut()?.take();
        self.alarms.rotate_left(1);
        first
    }

    pub(super) fn len(&self) -> usize {
        self.alarms.iter().flatten().count()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_numbers_are_the_order_and_come_back() {
        for (event, number) in LogEvent::ALL.iter().zip(1..) {
            assert_eq!((*event as u8, LogEvent::from_number(number)), (number, Some(*event)));
            assert!(!event.text().is_empty());
        }
        assert_eq!(LogEvent::from_number(0), None);
        assert_eq!(LogEvent::from_number(27), None);
    }

    #[test]
    fn a_full_queue_counts_what_it_loses() {
        let mut queue = Queue::EMPTY;
        for place in 0..40 {
            queue.push(&Note::of(LogEvent::BadMac).at(place));
            queue.push(&Note::of(LogEvent::KeyLoad)); // no alarm
            queue.push(&Note::of(LogEvent::Login)); // one only if it failed
        }
        assert_eq!(queue.len(), QUEUE_LEN);
        for place in 0..15 {
            assert_eq!(queue.pop().unwrap().place, place);
        }
        let lost = queue.pop().unwrap();
        assert_eq!((lost.event, lost.value), (LogEvent::EventsLost, 25));
        assert_eq!(queue.pop(), None);
        queue.push(&Note::of(LogEvent::Login).failed(Error::VerificationFailed));
        assert_eq!(queue.pop().unwrap().result, Error::VerificationFailed.code());
        assert_eq!(queue.len(), 0);
    }
}
