// SPDX-License-Identifier: MIT OR Apache-2.0
use crate::dukpt::ksn::CounterRule;
use crate::dukpt::{aes, tdes};
use crate::error::Error;

/// Which of the two schemes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scheme {
    /// TDEA keys: 21 registers of 16 bytes.
    Tdes,
    /// AES keys: 32 registers of 16, 24 or 32 bytes, and the update key.
    Aes,
}

impl Scheme {
    /// The byte that stands for the scheme in stored states.
    pub(super) const fn tag(self) -> u8 {
        match self {
            Self::Tdes => 1,
            Self::Aes => 2,
        }
    }

    /// The scheme of such a byte.
    pub(super) const fn from_tag(tag: u8) -> Result<Self, Error> {
        match tag {
            1 => Ok(Self::Tdes),
            2 => Ok(Self::Aes),
            _ => Err(Error::Record),
        }
    }

    /// Which counters are transactions.
    pub(super) const fn rule(self) -> CounterRule {
        match self {
            Self::Tdes => tdes::RULE,
            Self::Aes => aes::RULE,
        }
    }

    /// Whether the counter is a transaction.
    ///
    /// # Errors
    /// [`Error::CounterZero`]; [`Error::CounterReserved`] for FFFFFFFF (AES); [`Error::CounterOverweight`];
    /// [`Error::InvalidArgument`] with more than 21 bits (TDEA).
    pub const fn check_counter(self, counter: u32) -> Result<(), Error> {
        match self {
            Self::Tdes => tdes::RULE.check(counter),
            Self::Aes => aes::check_counter(counter),
        }
    }

    /// Number of transactions of an initial key.
    #[must_use]
    pub const fn transactions(self) -> u32 {
        match self {
            Self::Tdes => tdes::Ksn::TRANSACTIONS,
            Self::Aes => aes::Ksn::TRANSACTIONS,
        }
    }

    /// Length of a KSN in bytes.
    #[must_use]
    pub const fn ksn_len(self) -> usize {
        match self {
            Self::Tdes => tdes::Ksn::LEN,
            Self::Aes => aes::Ksn::LEN,
        }
    }

    /// Which scheme a snapshot is of.
    ///
    /// # Errors
    /// [`Error::Record`] if it is of none.
    #[cfg(feature = "terminal")]
    pub(crate) fn of_snapshot(snapshot: &[u8]) -> Result<Self, Error> {
        match snapshot.get(1) {
            Some(tag) => Self::from_tag(*tag),
            None => Err(Error::Record),
        }
    }

    /// The transaction after `counter`; 0 if it is the last.
    #[cfg(feature = "terminal")]
    pub(crate) const fn next_counter(self, counter: u32) -> u32 {
        match self.rule().next(counter) {
            Some(next) => next,
            None => 0,
        }
    }

    /// The registers that hold keys before the transaction `counter`; none if it is 0 (exhausted).
    #[cfg(feature = "terminal")]
    pub(crate) const fn valid_registers(self, counter: u32) -> u32 {
        self.rule().registers(counter)
    }

    /// The registers that the transaction `counter` fills: those below its own. It empties its own, the lowest one bit
    /// of the counter.
    #[cfg(feature = "terminal")]
    pub(crate) const fn filled_registers(self, counter: u32) -> u32 {
        if self.rule().has_children(counter) {
            super::ksn::lowest_one(counter).wrapping_sub(1)
        } else {
            0
        }
    }

    /// Length of the identity in bytes: IKSN or initial key id.
    #[must_use]
    pub const fn identity_len(self) -> usize {
        match self {
            Self::Tdes => 10,
            Self::Aes => 8,
        }
    }

    /// Number of future-key registers, one for each counter bit.
    #[must_use]
    pub const fn registers(self) -> usize {
        match self {
            Self::Tdes => 21,
            Self::Aes => 32,
        }
    }

    #[cfg(feature = "terminal")]
    pub(super) const fn takes(self, key_len: usize) -> bool {
        match self {
            Self::Tdes => key_len == 16,
            Self::Aes => matches!(key_len, 16 | 24 | 32),
        }
    }

    /// Length of the update key kept in the state.
    #[cfg(feature = "terminal")]
    pub(super) const fn update_len(self, key_len: usize) -> usize {
        match self {
            Self::Tdes => 0,
            Self::Aes => key_len,
        }
    }
}
