// SPDX-License-Identifier: MIT OR Apache-2.0
use crate::dukpt::ksn::{CounterRule, printed};
use crate::error::Error;

pub(in crate::dukpt) const RULE: CounterRule = CounterRule {
    mask: 0x1F_FFFF,
    max_weight: 10,
};

/// Key serial number: 59 bits of initial key identity, then the 21-bit transaction counter; 10 bytes, big-endian.
#[doc(alias = "SMID")]
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Ksn([u8; 10]);

/// Key serial number of an initial key (IKSN): a KSN whose counter bits are zero.
#[doc(alias = "IKSN")]
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct InitialKeyId([u8; 10]);

printed!(Ksn);
printed!(InitialKeyId);

/// `bytes` with other counter bits.
fn with_counter(mut bytes: [u8; 10], counter: u32) -> [u8; 10] {
    let [_, high, middle, low] = (counter & RULE.mask).to_be_bytes();
    let [.., a, b, c] = &mut bytes;
    (*a, *b, *c) = ((*a & 0xE0) | high, middle, low);
    bytes
}

impl Ksn {
    /// Length in bytes.
    pub const LEN: usize = 10;
    /// The last transaction counter.
    pub const LAST_COUNTER: u32 = 0x1F_F800;
    /// Number of transactions of an initial key: 1 to 10 one bits of 21.
    pub const TRANSACTIONS: u32 = 1_048_575;

    /// Reads 10 bytes. Any counter is taken: [`check`](Self::check) judges it.
    ///
    /// # Errors
    /// [`Error::InvalidKsn`] for any other length.
    pub fn parse(bytes: &[u8]) -> Result<Self, Error> {
        bytes.try_into().map(Self).map_err(|_| Error::InvalidKsn)
    }

    /// Reads the 8-byte form that some messages carry: the two leading bytes, FF FF, are left out.
    ///
    /// # Errors
    /// [`Error::InvalidKsn`] for any other length.
    pub fn from_short(bytes: &[u8]) -> Result<Self, Error> {
        let &[a, b, c, d, e, f, g, h] = bytes else {
            return Err(Error::InvalidKsn);
        };
        Ok(Self([0xFF, 0xFF, a, b, c, d, e, f, g, h]))
    }

    /// The 10 bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 10] {
        &self.0
    }

    /// The transaction counter, 21 bits.
    #[must_use]
    pub const fn counter(&self) -> u32 {
        let [.., a, b, c] = self.0;
        u32::from_be_bytes([0, a, b, c]) & RULE.mask
    }

    /// The identity of the initial key.
    #[must_use]
    pub fn initial_key_id(&self) -> InitialKeyId {
        InitialKeyId(with_counter(self.0, 0))
    }

    /// Whether the counter is a transaction.
    ///
    /// # Errors
    /// [`Error::CounterZero`], or [`Error::CounterOverweight`] with more than 10 one bits.
    pub const fn check(&self) -> Result<(), Error> {
        RULE.check(self.counter())
    }

    /// How many transactions the initial key has had with this one: 1 for the first, [`TRANSACTIONS`](Self::TRANSACTIONS)
    /// for the last. What is left to the end of its life is the rest.
    #[must_use]
    pub fn transaction_number(&self) -> u32 {
        RULE.ordinal(self.counter())
    }

    /// The KSN of the smallest transaction counter above this one; `None` after the last.
    #[must_use]
    pub fn next(&self) -> Option<Self> {
        RULE.next(self.counter())
            .map(|counter| Self(with_counter(self.0, counter)))
    }

    /// Crypto register 3 of the standard: the rightmost 64 bits.
    #[cfg(any(feature = "host", feature = "terminal"))]
    pub(crate) const fn rightmost(&self) -> u64 {
        let [_, _, last @ ..] = self.0;
        u64::from_be_bytes(last)
    }
}

impl InitialKeyId {
    /// Length in bytes.
    pub const LEN: usize = 10;

    /// Reads 10 bytes whose 21 counter bits are zero. From a KSN of a transaction:
    /// [`Ksn::initial_key_id`].
    ///
    /// # Errors
    /// [`Error::InvalidKsn`] for any other length or if counter bits are set.
    pub fn parse(bytes: &[u8]) -> Result<Self, Error> {
        let ksn = Ksn::parse(bytes)?;
        if ksn.counter() == 0 {
            Ok(Self(ksn.0))
        } else {
            Err(Error::InvalidKsn)
        }
    }

    /// The 10 bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 10] {
        &self.0
    }

    /// The KSN with a counter, which must be a transaction.
    ///
    /// # Errors
    /// [`Error::InvalidArgument`] with more than 21 bits, otherwise as [`Ksn::check`].
    pub fn ksn(&self, counter: u32) -> Result<Ksn, Error> {
        RULE.check(counter)?;
        Ok(Ksn(with_counter(self.0, counter)))
    }

    /// The rightmost 64 bits; the counter bits are zero.
    #[cfg(feature = "terminal")]
    pub(super) const fn rightmost(&self) -> u64 {
        Ksn(self.0).rightmost()
    }

    /// The leftmost 8 bytes, which make the initial key.
    #[cfg(feature = "host")]
    pub(crate) const fn leftmost(&self) -> [u8; 8] {
        let [first @ .., _, _] = self.0;
        first
    }
}
