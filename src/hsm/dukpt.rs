// SPDX-License-Identifier: MIT OR Apache-2.0
//! DUKPT groups: a terminal's register state, or a host's derived transaction, in the caller's memory.

#[cfg(feature = "host")]
mod cache;
#[cfg(feature = "host")]
mod host;
#[cfg(feature = "terminal")]
mod terminal;
mod working;

use core::fmt;

use crate::ct;
use crate::dukpt::{aes, tdes};
use crate::entropy::Entropy;
use crate::error::Error;
use crate::hsm::handle::Generation;
use crate::hsm::slot::KeyCheck;
use crate::hsm::{Command, Hsm, Platform, TransactionHandle};
use crate::policy::MacAlgorithm;
use crate::weaken::guard;
#[cfg(feature = "terminal")]
use crate::{dukpt::Scheme, hsm::GroupHandle, key::usage::KeyAlgorithm, store::journal::Records};

#[cfg(feature = "host")]
pub(super) use self::cache::InitialKeys;
#[cfg(feature = "terminal")]
pub use self::terminal::InitialKeyInfo;
pub(crate) use self::working::{Keys, Purpose};
pub use self::working::{Ways, WorkingKey};

use self::working::Choice;

/// The most groups of a module: a handle has 8 bits for the place.
const MAX_GROUPS: u16 = 256;

/// Which party a transaction's keys are for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    Terminal,
    #[cfg_attr(not(feature = "host"), expect(dead_code, reason = "a terminal does not derive"))]
    Host,
}

/// The keys of one KSN.
pub(crate) enum Transaction {
    None,
    Tdea(tdes::Transaction),
    Aes(aes::Transaction),
}

impl Transaction {
    /// A constant is copied from where it is, all of it. Made in place, it takes what the stack has in its unused bytes
    /// along (without optimisation), which may be another key's.
    const NONE: Self = Self::None;
}

/// The register state of a terminal.
// It lives in the caller's memory, where there is no heap to put the larger ones on.
#[allow(clippy::large_enum_variant)]
enum Registers {
    None,
    #[cfg(feature = "terminal")]
    Tdea(tdes::Terminal),
    #[cfg(feature = "terminal")]
    Aes(aes::Terminal),
}

impl Registers {
    /// As [`Transaction::NONE`].
    const NONE: Self = Self::None;
}

/// The place of one DUKPT group.
///
/// A terminal's group holds future keys and at most one transaction; a host's holds a derived transaction only.
pub struct Group {
    registers: Registers,
    transaction: Transaction,
    side: Side,
    used: u8,
    /// What the MAC keys were first used for: a MAC of one algorithm is a key of another.
    mac: Option<MacAlgorithm>,
    choice: Choice,
    check: Option<KeyCheck>,
    #[cfg(feature = "terminal")]
    records: Records,
    /// The storage may hold keys that are not here: the place takes no others until they are given up there.
    #[cfg(feature = "terminal")]
    unsettled: bool,
    /// The storage may hold a state that failed to become this group's: it is to be written over.
    #[cfg(feature = "terminal")]
    restate: bool,
    generation: Generation,
    transaction_generation: Generation,
}

impl Group {
    /// Nothing.
    pub const EMPTY: Self = Self {
        registers: Registers::None,
        transaction: Transaction::None,
        side: Side::Terminal,
        used: 0,
        mac: None,
        choice: Choice::TDEA,
        check: None,
        #[cfg(feature = "terminal")]
        records: Records::NEW,
        #[cfg(feature = "terminal")]
        unsettled: false,
        #[cfg(feature = "terminal")]
        restate: false,
        generation: Generation::new(0),
        transaction_generation: Generation::new(0),
    };

    const fn is_free(&self) -> bool {
        #[cfg(feature = "terminal")]
        if self.unsettled {
            return false;
        }
        matches!(self.registers, Registers::None) && matches!(self.transaction, Transaction::None)
    }

    /// What is public about the initial key, and the KSN of the next transaction.
    #[cfg(feature = "terminal")]
    fn info(&self) -> Result<InitialKeyInfo, Error> {
        let (algorithm, next) = match &self.registers {
            Registers::Tdea(terminal) => (KeyAlgorithm::Tdea, terminal.ksn().map(TransactionKsn::Tdea)),
            Registers::Aes(terminal) => (KeyAlgorithm::Aes, terminal.ksn().map(TransactionKsn::Aes)),
            Registers::None => return Err(Error::InvalidHandle),
        };
        let next = match next {
            Ok(ksn) => Some(ksn),
            Err(Error::CounterExhausted) => None,
            Err(error) => return Err(error),
        };
        Ok(InitialKeyInfo {
            algorithm,
            check: self.check,
            next,
        })
    }

    /// Scheme and identifier of the initial key, zeros behind.
    #[cfg(feature = "terminal")]
    fn identity(&self) -> Option<(Scheme, [u8; 10])> {
        match &self.registers {
            Registers::Tdea(terminal) => Some((Scheme::Tdes, *terminal.initial_key_id().ok()?.as_bytes())),
            Registers::Aes(terminal) => {
                let mut identity = [0; 10];
                for (to, from) in identity.iter_mut().zip(terminal.initial_key_id().ok()?.as_bytes()) {
                    *to = *from;
                }
                Some((Scheme::Aes, identity))
            }
            Registers::None => None,
        }
    }

    /// Brings a stored state back.
    #[cfg(feature = "terminal")]
    fn restore(registers: &mut Registers, snapshot: &[u8]) -> Result<(), Error> {
        match Scheme::of_snapshot(snapshot)? {
            Scheme::Tdes => {
                *registers = Registers::Tdea(tdes::Terminal::empty());
                match registers {
                    Registers::Tdea(terminal) => terminal.restore(snapshot),
                    _ => Err(Error::Internal),
                }
            }
            Scheme::Aes => {
                *registers = Registers::Aes(aes::Terminal::empty());
                match registers {
                    Registers::Aes(terminal) => terminal.restore(snapshot),
                    _ => Err(Error::Internal),
                }
            }
        }
    }

    /// A transaction has come: nothing of it was used, its keys are the usual ones.
    #[cfg(any(feature = "host", feature = "terminal"))]
    fn opened(&mut self, side: Side) -> Result<(), Error> {
        self.side = side;
        self.used = 0;
        self.mac = None;
        self.choice = match &self.transaction {
            Transaction::Aes(keys) => Choice::all(keys.own_type()?),
            _ => Choice::TDEA,
        };
        Ok(())
    }

    fn end_transaction(&mut self) {
        if !matches!(self.transaction, Transaction::None) {
            self.transaction = Transaction::NONE;
            self.used = 0;
            self.mac = None;
            self.transaction_generation.advance();
        }
    }

    fn erase(&mut self) {
        let empty = matches!(self.registers, Registers::None) && matches!(self.transaction, Transaction::None);
        if !empty {
            self.registers = Registers::NONE;
            self.check = None;
            self.generation.advance();
            self.end_transaction();
        }
    }
}

impl fmt::Debug for Group {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Group")
            .field("free", &self.is_free())
            .finish_non_exhaustive()
    }
}

/// A KSN of either scheme.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum TransactionKsn {
    /// 10 bytes.
    Tdea(tdes::Ksn),
    /// 12 bytes.
    Aes(aes::Ksn),
}

impl TransactionKsn {
    /// The longest KSN, in bytes.
    pub const MAX_LEN: usize = 12;

    /// The bytes that go with the message: 10 (TDEA) or 12 (AES).
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        match self {
            Self::Tdea(ksn) => ksn.as_bytes(),
            Self::Aes(ksn) => ksn.as_bytes(),
        }
    }

    /// The counter.
    #[must_use]
    pub const fn counter(&self) -> u32 {
        match self {
            Self::Tdea(ksn) => ksn.counter(),
            Self::Aes(ksn) => ksn.counter(),
        }
    }
}

impl fmt::Display for TransactionKsn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.as_bytes().iter().try_for_each(|byte| write!(f, "{byte:02X}"))
    }
}

impl fmt::Debug for TransactionKsn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The groups, in the caller's memory.
#[derive(Debug)]
pub(crate) struct Groups<'m>(&'m mut [Group]);

impl<'m> Groups<'m> {
    pub(crate) const fn new(memory: &'m mut [Group]) -> Self {
        Self(memory)
    }

    /// Takes the groups of the memory, empty, each with random first generations.
    pub(crate) fn start(&mut self, entropy: &mut impl Entropy) -> Result<(), Error> {
        if self.0.len() > usize::from(MAX_GROUPS) {
            return Err(Error::InvalidLength);
        }
        for group in self.0.iter_mut() {
            let mut start = [0; 8];
            entropy.fill(&mut start)?;
            // Handles are public.
            ct::public(&mut start);
            let [a, b, c, d, e, f, g, h] = start;
            *group = Group::EMPTY;
            group.generation = Generation::new(u32::from_be_bytes([a, b, c, d]));
            group.transaction_generation = Generation::new(u32::from_be_bytes([e, f, g, h]));
        }
        Ok(())
    }

    pub(crate) fn capacity(&self) -> usize {
        self.0.len()
    }

    pub(crate) fn used(&self) -> usize {
        self.0.iter().filter(|group| !group.is_free()).count()
    }

    /// Groups with an initial key, and those of them whose initial key is at the end of its life.
    pub(crate) fn spent(&self) -> (usize, usize) {
        #[cfg(feature = "terminal")]
        {
            let loaded = || {
                self.0
                    .iter()
                    .filter(|group| !matches!(group.registers, Registers::None))
            };
            let spent = |group: &&Group| group.info().map_or(true, |info| info.next.is_none());
            (loaded().count(), loaded().filter(spent).count())
        }
        #[cfg(not(feature = "terminal"))]
        (0, 0)
    }

    pub(crate) fn erase_all(&mut self) {
        self.0.iter_mut().for_each(Group::erase);
    }

    fn iter_mut(&mut self) -> impl Iterator<Item = (u8, &mut Group)> {
        (0..=u8::MAX).zip(self.0.iter_mut())
    }

    fn free(&mut self) -> Result<(u8, &mut Group), Error> {
        self.iter_mut()
            .find(|(_, group)| group.is_free())
            .ok_or(Error::SlotsFull)
    }

    #[cfg(feature = "terminal")]
    fn group(&self, handle: GroupHandle) -> Result<&Group, Error> {
        self.0
            .get(handle.index())
            .filter(|group| {
                !matches!(group.registers, Registers::None) && group.generation.value() == handle.generation()
            })
            .ok_or(Error::InvalidHandle)
    }

    #[cfg(feature = "terminal")]
    fn group_mut(&mut self, handle: GroupHandle) -> Result<(u8, &mut Group), Error> {
        self.group(handle)?;
        let index = u8::try_from(handle.index()).map_err(|_| Error::Internal)?;
        let group = self.0.get_mut(handle.index()).ok_or(Error::Internal)?;
        Ok((index, group))
    }

    /// Whether the storage may hold keys of a group that are not in it.
    #[cfg(feature = "terminal")]
    fn unsettled(&self) -> bool {
        self.0.iter().any(|group| group.unsettled || group.restate)
    }

    /// Whether two groups have the same initial key: one of them has come back from a storage that failed.
    #[cfg(feature = "terminal")]
    fn has_twins(&self) -> bool {
        let mut rest = self.0.iter();
        while let Some(group) = rest.next() {
            if let Some((scheme, identity)) = group.identity()
                && rest.clone().any(|other| other.identity() == Some((scheme, identity)))
            {
                return true;
            }
        }
        false
    }

    /// Whether an initial key is in use or was used, as far as any group remembers.
    #[cfg(feature = "terminal")]
    fn knows(&self, scheme: Scheme, identity: &[u8]) -> bool {
        self.0.iter().any(|group| {
            let here = group
                .identity()
                .is_some_and(|(own, id)| own == scheme && id.starts_with(identity));
            // A key that was loaded and never used may be loaded again.
            here || group.records.high_water(scheme, identity).is_some_and(|next| next > 1)
        })
    }

    fn transaction_group(&self, handle: TransactionHandle) -> Result<&Group, Error> {
        self.0
            .get(handle.index())
            .filter(|group| {
                !matches!(group.transaction, Transaction::None)
                    && group.transaction_generation.value() == handle.generation()
            })
            .ok_or(Error::InvalidHandle)
    }

    /// The keys of a transaction.
    pub(crate) fn keys(&self, handle: TransactionHandle) -> Result<Keys<'_>, Error> {
        let group = self.transaction_group(handle)?;
        Ok(Keys {
            side: group.side,
            transaction: &group.transaction,
            choice: &group.choice,
        })
    }

    /// The keys of a transaction, if they have not served `purpose` yet.
    pub(crate) fn unused(&self, handle: TransactionHandle, purpose: Purpose) -> Result<Keys<'_>, Error> {
        if guard!("F05", self.transaction_group(handle)?.used & purpose as u8 != 0) {
            return Err(Error::LimitReached);
        }
        self.keys(handle)
    }

    /// The keys of a transaction for a purpose that they serve once.
    pub(crate) fn use_once(&mut self, handle: TransactionHandle, purpose: Purpose) -> Result<Keys<'_>, Error> {
        self.unused(handle, purpose)?;
        self.mark(handle, purpose as u8)?;
        self.keys(handle)
    }

    /// The keys of a transaction have begun to serve MACs.
    pub(crate) fn use_for_mac(&mut self, handle: TransactionHandle, algorithm: MacAlgorithm) -> Result<(), Error> {
        self.mark(handle, Purpose::Mac as u8)?;
        let group = self.0.get_mut(handle.index()).ok_or(Error::InvalidHandle)?;
        group.mac.get_or_insert(algorithm);
        Ok(())
    }

    /// Whether the MAC keys of a transaction have been used by no other algorithm.
    pub(crate) fn serves_mac(&self, handle: TransactionHandle, algorithm: MacAlgorithm) -> Result<bool, Error> {
        let first = self.transaction_group(handle)?.mac;
        Ok(first.is_none_or(|first| first == algorithm))
    }

    fn mark(&mut self, handle: TransactionHandle, purposes: u8) -> Result<(), Error> {
        self.transaction_group(handle)?;
        let group = self.0.get_mut(handle.index()).ok_or(Error::InvalidHandle)?;
        group.used |= purposes;
        Ok(())
    }

    /// Changes the choice of working keys, unless one of `purposes` was served.
    fn choose(&mut self, handle: TransactionHandle, choice: Choice, purposes: u8, used: u8) -> Result<(), Error> {
        if self.transaction_group(handle)?.used & purposes != 0 {
            return Err(Error::BadState);
        }
        self.mark(handle, used)?;
        let group = self.0.get_mut(handle.index()).ok_or(Error::InvalidHandle)?;
        group.choice = choice;
        Ok(())
    }

    fn end(&mut self, handle: TransactionHandle) -> Result<(), Error> {
        self.transaction_group(handle)?;
        let group = self.0.get_mut(handle.index()).ok_or(Error::InvalidHandle)?;
        group.end_transaction();
        Ok(())
    }
}

impl<P: Platform> Hsm<'_, P> {
    /// The KSN of a transaction.
    ///
    /// # Errors
    /// [`Error::InvalidHandle`]; the state's error.
    pub fn transaction_ksn(&self, transaction: TransactionHandle) -> Result<TransactionKsn, Error> {
        self.allow_reading(Command::TransactionKsn)?;
        match self.groups.keys(transaction)?.transaction {
            Transaction::Tdea(keys) => keys.ksn().map(TransactionKsn::Tdea),
            Transaction::Aes(keys) => keys.ksn().map(TransactionKsn::Aes),
            Transaction::None => Err(Error::InvalidHandle),
        }
    }

    /// Ends a transaction: its keys are wiped and its handle names nothing.
    ///
    /// # Errors
    /// [`Error::InvalidHandle`]; the state's error.
    pub fn transaction_end(&mut self, transaction: TransactionHandle) -> Result<(), Error> {
        self.allow(Command::TransactionEnd)?;
        self.groups.end(transaction)?;
        self.end_orphaned_mac();
        Ok(())
    }
}

/// A host has no groups in storage.
#[cfg(not(feature = "terminal"))]
impl<P: Platform> Hsm<'_, P> {
    pub(in crate::hsm) fn give_up_groups(&mut self) -> Result<(), Error> {
        self.groups.erase_all();
        Ok(())
    }

    #[expect(clippy::unused_self, clippy::unnecessary_wraps, reason = "as a terminal's")]
    pub(in crate::hsm) fn lost_marks(&mut self) -> Result<u16, Error> {
        Ok(0)
    }

    #[expect(clippy::unused_self, clippy::unnecessary_wraps, reason = "as a terminal's")]
    pub(in crate::hsm) fn renew_groups(&mut self) -> Result<(), Error> {
        Ok(())
    }
}
