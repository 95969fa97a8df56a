// SPDX-License-Identifier: MIT OR Apache-2.0
//! Handles: a kind, an index and a generation in 32 bits; never an address.
//!
//! ```text
//!  31..28   27..20   19..0
//!  kind     index    generation
//! ```
//!
//! The kind is never zero, so 0 is never a handle. The generation of a place begins at a random value and moves on
//! each time the place is emptied: a stale handle, and nearly every handle of another context, names nothing. It comes round
//! after 2^20 keys or transactions in one place; forget a handle when you end what it names.

use crate::error::Error;

const GENERATION_BITS: u32 = 20;
const GENERATION_MASK: u32 = 0x000F_FFFF;

/// What a handle names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Kind {
    Key = 1,
    Group = 2,
    Transaction = 3,
    Login = 4,
}

const fn pack(kind: Kind, index: u8, generation: u32) -> u32 {
    ((kind as u32) << 28) | ((index as u32) << GENERATION_BITS) | (generation & GENERATION_MASK)
}

macro_rules! handles {
    ($($(#[$doc:meta])* $name:ident = $kind:ident;)*) => {
        $(
            $(#[$doc])*
            #[derive(Clone, Copy, Debug, PartialEq, Eq)]
            pub struct $name(u32);

            impl $name {
                pub(crate) const fn new(index: u8, generation: u32) -> Self {
                    Self(pack(Kind::$kind, index, generation))
                }

                /// From the number that crossed a border; whether it names anything is found out when it is used.
                ///
                /// # Errors
                /// [`Error::InvalidHandle`] if it is of another kind.
                pub const fn from_raw(raw: u32) -> Result<Self, Error> {
                    if raw >> 28 == Kind::$kind as u32 {
                        Ok(Self(raw))
                    } else {
                        Err(Error::InvalidHandle)
                    }
                }

                /// The number for a border; never 0.
                #[must_use]
                pub const fn to_raw(self) -> u32 {
                    self.0
                }

                /// The place for a record of the log: groups and transactions from 8000 (hexadecimal) on.
                pub(crate) const fn place(self) -> u16 {
                    let index = ((self.0 >> GENERATION_BITS) & 0xFF) as u16;
                    match Kind::$kind {
                        Kind::Key => index,
                        _ => 0x8000 | index,
                    }
                }

                pub(crate) const fn index(self) -> usize {
                    ((self.0 >> GENERATION_BITS) & 0xFF) as usize
                }

                pub(crate) const fn generation(self) -> u32 {
                    self.0 & GENERATION_MASK
                }
            }
        )*
    };
}

handles! {
    /// Names a key in a slot.
    KeyHandle = Key;
    /// Names a DUKPT group: the terminal's register state under one initial key.
    GroupHandle = Group;
    /// Names one transaction: the keys of one KSN.
    TransactionHandle = Transaction;
    /// Names the session of a user who is logged in.
    SessionHandle = Login;
}

/// The key of an operation: one in a slot, or the one that the operation has in a DUKPT transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyRef {
    /// A key in a slot.
    Slot(KeyHandle),
    /// The transaction's own key for the operation.
    Transaction(TransactionHandle),
}

impl KeyRef {
    /// From the number that crossed a border.
    ///
    /// # Errors
    /// [`Error::InvalidHandle`] if it is neither kind.
    pub const fn from_raw(raw: u32) -> Result<Self, Error> {
        match (KeyHandle::from_raw(raw), TransactionHandle::from_raw(raw)) {
            (Ok(key), _) => Ok(Self::Slot(key)),
            (_, Ok(transaction)) => Ok(Self::Transaction(transaction)),
            _ => Err(Error::InvalidHandle),
        }
    }
}

impl KeyRef {
    /// The place for a record of the log.
    pub(crate) const fn place(self) -> u16 {
        match self {
            Self::Slot(handle) => handle.place(),
            Self::Transaction(handle) => handle.place(),
        }
    }
}

impl KeyHandle {
    /// A handle that names nothing, for a place that must have one.
    pub(crate) const NONE: Self = Self(0);
}

impl From<KeyHandle> for KeyRef {
    fn from(handle: KeyHandle) -> Self {
        Self::Slot(handle)
    }
}

impl From<TransactionHandle> for KeyRef {
    fn from(handle: TransactionHandle) -> Self {
        Self::Transaction(handle)
    }
}

/// The generation of one place: it moves on each time the place is emptied, from a random beginning, and comes round after
/// 2^20 steps.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Generation(u32);

impl Generation {
    pub(crate) const fn new(start: u32) -> Self {
        Self(start & GENERATION_MASK)
    }

    pub(crate) const fn value(self) -> u32 {
        self.0
    }

    /// Invalidates the handles given so far.
    pub(crate) const fn advance(&mut self) {
        self.0 = self.0.wrapping_add(1) & GENERATION_MASK;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_do_not_mix() {
        let key = KeyHandle::new(7, 0x000F_FFFF);
        assert_eq!((key.index(), key.generation()), (7, 0x000F_FFFF));
        assert_eq!(KeyHandle::from_raw(key.to_raw()), Ok(key));
        assert_eq!(GroupHandle::from_raw(key.to_raw()), Err(Error::InvalidHandle));
        assert_eq!(
            KeyRef::from_raw(GroupHandle::new(0, 0).to_raw()),
            Err(Error::InvalidHandle)
        );
        assert_eq!(KeyRef::from_raw(0), Err(Error::InvalidHandle));
    }

    #[test]
    fn a_generation_comes_round_late() {
        let mut generation = Generation::new(u32::MAX);
        let first = generation.value();
        for _ in 0..GENERATION_MASK {
            generation.advance();
            assert_ne!(generation.value(), first);
        }
        generation.advance();
        assert_eq!(generation.value(), first);
    }
}
