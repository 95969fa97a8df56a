// SPDX-License-Identifier: MIT OR Apache-2.0
use crate::dukpt::ksn::{CounterRule, printed};
use crate::error::Error;

pub(in crate::dukpt) const RULE: CounterRule = CounterRule {
    mask: u32::MAX,
    max_weight: 16,
};

/// The counter of the update key.
pub(super) const UPDATE_COUNTER: u32 = u32::MAX;

/// Whether a counter is a transaction.
pub(in crate::dukpt) const fn check_counter(counter: u32) -> Result<(), Error> {
    if counter == UPDATE_COUNTER {
        return Err(Error::CounterReserved);
    }
    RULE.check(counter)
}

/// Key serial number: initial key id (8 bytes), then the transaction counter (4 bytes); big-endian.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Ksn([u8; 12]);

/// Initial key id: BDK id (4 bytes), then derivation id (4 bytes).
#[doc(alias = "IKID")]
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct InitialKeyId([u8; 8]);

printed!(Ksn);
printed!(InitialKeyId);

impl Ksn {
    /// Length in bytes.
    pub const LEN: usize = 12;
    /// The last transaction counter.
    pub const LAST_COUNTER: u32 = 0xFFFF_0000;
    /// Number of transactions of an initial key: 1 to 16 one bits of 32.
    pub const TRANSACTIONS: u32 = 2_448_023_842;

    /// Reads 12 bytes. Any counter is taken: [`check`](Self::check) judges it.
    ///
    /// # Errors
    /// [`Error::InvalidKsn`] for any other length.
    pub fn parse(bytes: &[u8]) -> Result<Self, Error> {
        bytes.try_into().map(Self).map_err(|_| Error::InvalidKsn)
    }

    /// The 12 bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 12] {
        &self.0
    }

    /// The transaction counter.
    #[must_use]
    pub const fn counter(&self) -> u32 {
        let [.., a, b, c, d] = self.0;
        u32::from_be_bytes([a, b, c, d])
    }

    /// The initial key id.
    #[must_use]
    pub const fn initial_key_id(&self) -> InitialKeyId {
        let [id @ .., _, _, _, _] = self.0;
        InitialKeyId(id)
    }

    /// Whether the counter is a transaction.
    ///
    /// # Errors
    /// [`Error::CounterZero`], [`Error::CounterReserved`] for FFFFFFFF, or [`Error::CounterOverweight`] with more
    /// than 16 one bits, which all other counters above FFFF0000 have.
    pub const fn check(&self) -> Result<(), Error> {
        check_counter(self.counter())
    }

    /// How many transactions the initial key has had with this one: 1 for the first, [`TRANSACTIONS`](Self::TRANSACTIONS)
    /// for the last. What is left to the end of its life is the rest.
    #[must_use]
    pub fn transaction_number(&self) -> u32 {
        RULE.ordinal(self.counter())
    }

    /// The KSN of the smallest transaction counter above this one; `None` after the last.
    #[must_use]
    #[inline]
    pub fn next(&self) -> Option<Self> {
        RULE.next(self.counter())
            .map(|counter| self.initial_key_id().with(counter))
    }
}

impl InitialKeyId {
    /// Length in bytes.
    pub const LEN: usize = 8;

    /// Reads 8 bytes.
    ///
    /// # Errors
    /// [`Error::InvalidKsn`] for any other length.
    pub fn parse(bytes: &[u8]) -> Result<Self, Error> {
        bytes.try_into().map(Self).map_err(|_| Error::InvalidKsn)
    }

    /// The 8 bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 8] {
        &self.0
    }

    /// BDK id: which base derivation key.
    #[must_use]
    pub const fn bdk_id(&self) -> [u8; 4] {
        let [a, b, c, d, ..] = self.0;
        [a, b, c, d]
    }

    /// Derivation id: which device under the base derivation key.
    #[must_use]
    pub const fn derivation_id(&self) -> [u8; 4] {
        let [.., a, b, c, d] = self.0;
        [a, b, c, d]
    }

    /// The KSN with a counter, which must be a transaction.
    ///
    /// # Errors
    /// As [`Ksn::check`].
    pub fn ksn(&self, counter: u32) -> Result<Ksn, Error> {
        let ksn = self.with(counter);
        ksn.check()?;
        Ok(ksn)
    }

    #[inline]
    fn with(&self, counter: u32) -> Ksn {
        let mut ksn = [0; 12];
        for (to, from) in ksn.iter_mut().zip(self.0.into_iter().chain(counter.to_be_bytes())) {
            *to = from;
        }
        Ksn(ksn)
    }

    /// The context of all derivations below the initial key: derivation id || counter.
    pub(crate) const fn context(&self, counter: u32) -> [u8; 8] {
        let ([a, b, c, d], [e, f, g, h]) = (self.derivation_id(), counter.to_be_bytes());
        [a, b, c, d, e, f, g, h]
    }
}
