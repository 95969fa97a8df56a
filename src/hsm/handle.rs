// SPDX-License-Identifier: MIT OR Apache-2.0
//! Handles: a kind, an index and a generation in 32 bits; never an address.
//!
//! ```text
//!  31..28   27..20   19..0
//!  kind     index    generation
//! ```
//!
//! The kind is never zero, so 0 is never a handle. The generation of a place begins at a random value and moves on
//! each time the place is emptied: a stale handle, and nearly every handle of another context, names nothing.

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

/// The generation of one place: how often it was emptied, from a random beginning.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Generation {
    start: u32,
    count: u32,
}

impl Generation {
    pub(crate) const fn new(start: u32) -> Self {
        Self { start, count: 0 }
    }

    pub(crate) const fn value(self) -> u32 {
        self.start.wrapping_add(self.count) & GENERATION_MASK
    }

    /// Invalidates the handles given so far.
    pub(crate) const fn advance(&mut self) {
        self.count = self.count.saturating_add(1);
    }

    /// Whether every generation was used: the place is retired then, since an old handle would come alive again.
    pub(crate) const fn is_spent(self) -> bool {
        self.count >= GENERATION_MASK
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
    fn a_generation_never_returns() {
        let mut generation = Generation::new(GENERATION_MASK);
        let first = generation.value();
        let mut steps = 0_u32;
        while !generation.is_spent() {
            generation.advance();
            assert_ne!(generation.value(), first);
            steps += 1;
        }
        assert_eq!(steps, GENERATION_MASK);
    }
}
