// SPDX-License-Identifier: MIT OR Apache-2.0
//! DUKPT groups: a terminal's register state, or a host's derived transaction, in the caller's memory.

use core::fmt;

use crate::ct;
use crate::dukpt::{aes, tdes};
use crate::entropy::Entropy;
use crate::error::Error;
#[cfg(all(feature = "host", not(feature = "terminal")))]
use crate::hsm::KeyHandle;
use crate::hsm::handle::Generation;
use crate::hsm::slot::KeyCheck;
use crate::hsm::{Hsm, Platform, TransactionHandle};
#[cfg(feature = "host")]
use crate::{
    codec::hex,
    hsm::{Question, load::Kbpk},
    key,
    key::role,
    key::usage::{Attributes, Exportability, ModeOfUse, Usage},
    keyblock::optional::Optional,
};
#[cfg(feature = "terminal")]
use crate::{
    dukpt::Scheme,
    hsm::{GroupHandle, KeyHandle, State, slot},
    keyblock::{Payload, Profile},
    store::journal::{GroupJournal, Records},
};
#[cfg(any(feature = "host", feature = "terminal"))]
use crate::{key::Key, key::usage::KeyAlgorithm, policy::Operation};

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
    /// Whether `iv` is one block of the transaction's cipher and `data` whole blocks.
    pub(crate) fn check_cbc(&self, iv: &[u8], data: &[u8]) -> Result<(), Error> {
        let block_len = match self {
            Self::Tdea(_) => 8,
            Self::Aes(_) => 16,
            Self::None => return Err(Error::InvalidHandle),
        };
        if iv.len() == block_len && data.len().is_multiple_of(block_len) {
            Ok(())
        } else {
            Err(Error::InvalidLength)
        }
    }
}

/// What a transaction's key does at most once.
#[derive(Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Purpose {
    Pin = 1,
    DataRequest = 2,
    DataResponse = 4,
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

/// The place of one DUKPT group.
///
/// A terminal's group holds future keys and at most one transaction; a host's holds a derived transaction only.
pub struct Group {
    registers: Registers,
    transaction: Transaction,
    side: Side,
    used: u8,
    check: Option<KeyCheck>,
    #[cfg(feature = "terminal")]
    records: Records,
    /// The storage may hold keys that are not here: the place takes no others until they are given up there.
    #[cfg(feature = "terminal")]
    unsettled: bool,
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
        check: None,
        #[cfg(feature = "terminal")]
        records: Records::NEW,
        #[cfg(feature = "terminal")]
        unsettled: false,
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

    fn end_transaction(&mut self) {
        if !matches!(self.transaction, Transaction::None) {
            self.transaction = Transaction::None;
            self.used = 0;
            self.transaction_generation.advance();
        }
    }

    fn erase(&mut self) {
        let empty = matches!(self.registers, Registers::None) && matches!(self.transaction, Transaction::None);
        if !empty {
            self.registers = Registers::None;
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

/// What is public about an initial key that was loaded.
#[cfg(feature = "terminal")]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InitialKeyInfo {
    /// The algorithm of the initial key.
    pub algorithm: KeyAlgorithm,
    /// The CMAC check value of the initial key; `None` for a group that came from storage: the key is long gone.
    pub check: Option<KeyCheck>,
    /// The KSN of the next transaction; `None` if the initial key is at the end of its life.
    pub next: Option<TransactionKsn>,
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
    pub(crate) fn new(memory: &'m mut [Group], entropy: &mut impl Entropy) -> Result<Self, Error> {
        if memory.len() > usize::from(MAX_GROUPS) {
            return Err(Error::InvalidLength);
        }
        for group in memory.iter_mut() {
            let mut start = [0; 8];
            entropy.fill(&mut start)?;
            // Handles are public.
            ct::public(&mut start);
            let [a, b, c, d, e, f, g, h] = start;
            *group = Group::EMPTY;
            group.generation = Generation::new(u32::from_be_bytes([a, b, c, d]));
            group.transaction_generation = Generation::new(u32::from_be_bytes([e, f, g, h]));
        }
        Ok(Self(memory))
    }

    pub(crate) fn capacity(&self) -> usize {
        self.0.len()
    }

    pub(crate) fn used(&self) -> usize {
        self.0.iter().filter(|group| !group.is_free()).count()
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
        self.0.iter().any(|group| group.unsettled)
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

    /// The keys of a transaction, and whose they are.
    pub(crate) fn transaction(&self, handle: TransactionHandle) -> Result<(Side, &Transaction), Error> {
        let group = self.transaction_group(handle)?;
        Ok((group.side, &group.transaction))
    }

    /// The keys of a transaction, if they have not served `purpose` yet.
    pub(crate) fn unused(&self, handle: TransactionHandle, purpose: Purpose) -> Result<&Transaction, Error> {
        let group = self.transaction_group(handle)?;
        if group.used & purpose as u8 == 0 {
            Ok(&group.transaction)
        } else {
            Err(Error::LimitReached)
        }
    }

    /// The keys of a transaction for a purpose that they serve once.
    pub(crate) fn use_once(&mut self, handle: TransactionHandle, purpose: Purpose) -> Result<&Transaction, Error> {
        self.unused(handle, purpose)?;
        let group = self.0.get_mut(handle.index()).ok_or(Error::InvalidHandle)?;
        group.used |= purpose as u8;
        Ok(&group.transaction)
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
        self.operational()?;
        match self.groups.transaction(transaction)?.1 {
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
        self.operational()?;
        self.groups.end(transaction)?;
        self.end_orphaned_mac();
        Ok(())
    }
}

#[cfg(feature = "host")]
impl<P: Platform> Hsm<'_, P> {
    /// Derives the transaction of a KSN from a BDK: the host's side.
    ///
    /// The platform is asked whether the counter is new ([`Question::DukptCounter`]) before anything is derived; it
    /// remembers the counter when the message has verified.
    /// `ksn`: 10 bytes for a TDEA BDK, 12 for an AES BDK. End the transaction when the message is answered: it holds a
    /// group.
    ///
    /// # Errors
    /// The state's and the handle's errors; [`Error::UsageNotPermitted`], [`Error::ModeNotPermitted`];
    /// [`Error::InvalidKsn`], [`Error::CounterZero`], [`Error::CounterOverweight`], [`Error::CounterReserved`]; the
    /// platform's refusal; [`Error::SlotsFull`].
    ///
    /// # Timing
    /// The counter.
    ///
    /// # Source
    /// ANSI X9.24-3:2017 6.3 and annex C. Vectors: `vectors/dukpt_tdes.txt`, `vectors/dukpt_aes.txt`.
    pub fn dukpt_derive(&mut self, bdk: KeyHandle, ksn: &[u8]) -> Result<TransactionHandle, Error> {
        self.operational()?;
        let slot = self.slots.get(bdk)?;
        let (index, group) = self.groups.free()?;
        let derived = match slot.attributes()?.algorithm {
            KeyAlgorithm::Tdea => {
                let mut key = Key::<role::Bdk, key::Tdea>::empty();
                slot.take(Operation::DukptDerive, self.policy, &mut key)?;
                if key.len() != 16 {
                    return Err(Error::InvalidKeyLength);
                }
                let ksn = tdes::Ksn::parse(ksn)?;
                ksn.check()?;
                let id = ksn.initial_key_id();
                self.platform.decide(&Question::DukptCounter {
                    identity: id.as_bytes(),
                    counter: ksn.counter(),
                })?;
                let mut ik = Key::empty();
                tdes::Host::initial_key(&key, &id, &mut ik)?;
                group.transaction = Transaction::Tdea(tdes::Transaction::empty());
                match &mut group.transaction {
                    Transaction::Tdea(keys) => tdes::Host::transaction(&ik, &ksn, keys),
                    _ => Err(Error::Internal),
                }
            }
            _ => {
                let mut key = Key::<role::Bdk, key::Aes>::empty();
                slot.take(Operation::DukptDerive, self.policy, &mut key)?;
                let ksn = aes::Ksn::parse(ksn)?;
                ksn.check()?;
                let id = ksn.initial_key_id();
                self.platform.decide(&Question::DukptCounter {
                    identity: id.as_bytes(),
                    counter: ksn.counter(),
                })?;
                let mut ik = Key::empty();
                aes::Host::initial_key(&key, &id, &mut ik)?;
                group.transaction = Transaction::Aes(aes::Transaction::empty());
                match &mut group.transaction {
                    Transaction::Aes(keys) => aes::Host::transaction(&ik, &ksn, keys),
                    _ => Err(Error::Internal),
                }
            }
        };
        if let Err(error) = derived {
            group.transaction = Transaction::None;
            return Err(error);
        }
        group.side = Side::Host;
        group.used = 0;
        Ok(TransactionHandle::new(index, group.transaction_generation.value()))
    }
}

#[cfg(feature = "host")]
impl<P: Platform> Hsm<'_, P> {
    /// Derives a terminal's initial key and wraps it for that terminal: usage B1, mode of use X, not exportable, with the
    /// identifier in the optional block KS (TDEA) or IK (AES). Returns the length of the block, and the check value of the
    /// key; the rest of `out` is zero.
    ///
    /// `id`: 10 bytes with zero counter bits for a TDEA BDK, 8 bytes for an AES BDK. `kbpk`: a K1 key with mode of use E
    /// or B.
    ///
    /// # Errors
    /// The state's and the handles' errors; [`Error::UsageNotPermitted`], [`Error::ModeNotPermitted`];
    /// [`Error::InvalidKsn`]; [`Error::KeyStrength`]; [`Error::BufferTooSmall`]; [`Error::Entropy`]. `out` is wiped then.
    ///
    /// # Timing
    /// Constant for each algorithm and key length.
    ///
    /// # Source
    /// ANSI X9.24-3:2017 6.3.1 and annex C; X9.143:2021 for the block.
    pub fn dukpt_export_initial_key(
        &mut self,
        bdk: KeyHandle,
        id: &[u8],
        kbpk: KeyHandle,
        out: &mut [u8],
    ) -> Result<(usize, KeyCheck), Error> {
        out.fill(0);
        self.operational()?;
        let mut protection = Kbpk::Tdea(Key::empty());
        self.kbpk(kbpk, Operation::KeyBlockWrap, &mut protection)?;
        let slot = self.slots.get(bdk)?;
        let algorithm = slot.attributes()?.algorithm;
        let attributes = Attributes::new(Usage::B1, algorithm, ModeOfUse::Derive, Exportability::NonExportable);
        let mut text = [0; 20];
        match algorithm {
            KeyAlgorithm::Tdea => {
                let mut key = Key::<role::Bdk, key::Tdea>::empty();
                slot.take(Operation::DukptDerive, self.policy, &mut key)?;
                let id = tdes::InitialKeyId::parse(id)?;
                let mut ik = Key::empty();
                tdes::Host::initial_key(&key, &id, &mut ik)?;
                hex::encode(id.as_bytes(), &mut text)?;
                let ks = Optional::new(*b"KS", &text)?;
                let len = protection.wrap(&attributes, &[ks], ik.material()?, &mut self.platform, out)?;
                Ok((len, KeyCheck::of(&attributes, ik.material()?)?))
            }
            _ => {
                let mut key = Key::<role::Bdk, key::Aes>::empty();
                slot.take(Operation::DukptDerive, self.policy, &mut key)?;
                let id = aes::InitialKeyId::parse(id)?;
                let mut ik = Key::empty();
                aes::Host::initial_key(&key, &id, &mut ik)?;
                let (text, _) = text.split_at_mut(16);
                hex::encode(id.as_bytes(), text)?;
                let ik_block = Optional::new(*b"IK", text)?;
                let len = protection.wrap(&attributes, &[ik_block], ik.material()?, &mut self.platform, out)?;
                Ok((len, KeyCheck::of(&attributes, ik.material()?)?))
            }
        }
    }
}

#[cfg(feature = "terminal")]
impl<P: Platform> Hsm<'_, P> {
    /// Loads a DUKPT initial key from a key block into a free group, and forgets the key.
    ///
    /// `kbpk`: a K1 key with mode of use D or B. The block's usage is B1 with mode of use X, its algorithm says which
    /// scheme, its optional block KS (20 hexadecimal characters, TDEA) or IK (16, AES) which initial key. The registers
    /// are stored before the call returns.
    ///
    /// The records of all 256 groups are looked at, also of those that have no memory: twice as many reads of the storage.
    ///
    /// # Errors
    /// As [`key_block_import`](Self::key_block_import); [`Error::KeyBlockOptional`] without KS or IK;
    /// [`Error::InvalidKsn`]; [`Error::CounterReplayed`] for an identity that a group or the storage knows, because its
    /// counter would start again; [`Error::SlotsFull`] without a free group; [`Error::Storage`],
    /// [`Error::StorageIntegrity`].
    ///
    /// # Timing
    /// The header and the length of the block.
    pub fn dukpt_load(
        &mut self,
        kbpk: KeyHandle,
        block: &[u8],
        profile: Profile,
    ) -> Result<(GroupHandle, InitialKeyInfo), Error> {
        self.operational()?;
        let mut payload = Payload::empty();
        let verified = self.open_block(kbpk, block, profile, &mut payload)?;
        let attributes = verified.attributes();
        crate::policy::permit(Operation::DukptLoad, attributes, self.policy)?;
        slot::judge(attributes, verified.key(), self.policy)?;
        ct::verdict(!self.slots.holds_for_other_purpose(attributes, verified.key()))?;
        let check = KeyCheck::of(attributes, verified.key())?;
        let optional = verified.blocks();
        self.settle();
        if self.groups.unsettled() {
            return Err(Error::Storage);
        }
        match attributes.algorithm {
            KeyAlgorithm::Tdea => {
                let id = tdes::InitialKeyId::parse(&optional.iksn()?.ok_or(Error::KeyBlockOptional)?)?;
                if self.groups.knows(Scheme::Tdes, id.as_bytes()) {
                    return Err(Error::CounterReplayed);
                }
                self.unknown_beyond_the_memory(Scheme::Tdes, id.as_bytes())?;
                let mut ik = Key::empty();
                verified.unwrap_into(&mut ik)?;
                let (index, group) = self.groups.free()?;
                let mut journal = GroupJournal {
                    storage: &mut self.platform,
                    sealer: self.sealer.as_ref().ok_or(Error::Storage)?,
                    group: index.into(),
                    records: &mut group.records,
                    scratch: &mut self.scratch,
                };
                group.registers = Registers::Tdea(tdes::Terminal::empty());
                let result = match &mut group.registers {
                    Registers::Tdea(terminal) => terminal.load(&mut ik, &id, &mut journal),
                    _ => Err(Error::Internal),
                };
                self.loaded(index, result, check)
            }
            _ => {
                let id = aes::InitialKeyId::parse(&optional.ikid()?.ok_or(Error::KeyBlockOptional)?)?;
                if self.groups.knows(Scheme::Aes, id.as_bytes()) {
                    return Err(Error::CounterReplayed);
                }
                self.unknown_beyond_the_memory(Scheme::Aes, id.as_bytes())?;
                let mut ik = Key::empty();
                verified.unwrap_into(&mut ik)?;
                let (index, group) = self.groups.free()?;
                let mut journal = GroupJournal {
                    storage: &mut self.platform,
                    sealer: self.sealer.as_ref().ok_or(Error::Storage)?,
                    group: index.into(),
                    records: &mut group.records,
                    scratch: &mut self.scratch,
                };
                group.registers = Registers::Aes(aes::Terminal::empty());
                let result = match &mut group.registers {
                    Registers::Aes(terminal) => terminal.load(&mut ik, &id, &mut journal),
                    _ => Err(Error::Internal),
                };
                self.loaded(index, result, check)
            }
        }
    }

    /// Fails if the storage knows an initial key in a group for which there is no memory now: a start with fewer groups
    /// must not make a used key new.
    fn unknown_beyond_the_memory(&mut self, scheme: Scheme, identity: &[u8]) -> Result<(), Error> {
        let sealer = self.sealer.as_ref().ok_or(Error::Storage)?;
        for group in (0..MAX_GROUPS).skip(self.groups.capacity()) {
            let mut records = Records::NEW;
            records.mount(&mut self.platform, sealer, group, &mut self.scratch, |_| Ok(()))?;
            if records.high_water(scheme, identity).is_some() {
                return Err(Error::CounterReplayed);
            }
        }
        Ok(())
    }

    /// The end of a load: the handle and what is public, or the place free again.
    ///
    /// A storage that failed may hold the state all the same; it is given up there before the place is used again.
    fn loaded(
        &mut self,
        index: u8,
        result: Result<(), Error>,
        check: KeyCheck,
    ) -> Result<(GroupHandle, InitialKeyInfo), Error> {
        let group = self.groups.0.get_mut(usize::from(index)).ok_or(Error::Internal)?;
        match result {
            Ok(()) => {
                group.check = Some(check);
                Ok((GroupHandle::new(index, group.generation.value()), group.info()?))
            }
            Err(error) => {
                group.erase();
                group.unsettled = true;
                self.settle();
                Err(error)
            }
        }
    }

    /// Gives up in storage what may be left there of groups whose load or erasure failed.
    fn settle(&mut self) {
        let Some(sealer) = &self.sealer else {
            return;
        };
        for (index, group) in self.groups.iter_mut().filter(|(_, group)| group.unsettled) {
            let retired = group
                .records
                .retire(&mut self.platform, sealer, index.into(), &mut self.scratch);
            group.unsettled = retired.is_err();
        }
    }

    /// Gives up a group: its keys are erased here and in storage, and what it remembers of its initial keys stays, so
    /// that none of them can be loaded again after use.
    ///
    /// # Errors
    /// [`Error::InvalidHandle`]; [`Error::Storage`]: the keys are erased here, and the group comes back at the next
    /// start; the state's error.
    pub fn dukpt_erase(&mut self, group: GroupHandle) -> Result<(), Error> {
        self.operational()?;
        let (_, place) = self.groups.group_mut(group)?;
        place.erase();
        place.unsettled = true;
        self.end_orphaned_mac();
        self.settle();
        if self.groups.unsettled() {
            return Err(Error::Storage);
        }
        Ok(())
    }

    /// Takes up the groups that the storage holds. Damage makes the module tampered.
    pub(super) fn take_up_groups(&mut self) {
        let Some(sealer) = &self.sealer else {
            return;
        };
        let mut sound = true;
        for (index, group) in self.groups.iter_mut() {
            let Group { registers, records, .. } = group;
            let mounted = records.mount(
                &mut self.platform,
                sealer,
                index.into(),
                &mut self.scratch,
                |snapshot| Group::restore(registers, snapshot),
            );
            sound &= mounted.is_ok();
        }
        if !sound || self.groups.has_twins() {
            self.erase_everything();
            self.state = State::Tampered;
        }
    }

    /// The group at a place, also one that was taken up from storage at the start.
    ///
    /// # Errors
    /// [`Error::InvalidHandle`] if nothing is there; the state's error.
    pub fn dukpt_find(&self, index: u8) -> Result<(GroupHandle, InitialKeyInfo), Error> {
        self.operational()?;
        let group = self.groups.0.get(usize::from(index)).ok_or(Error::InvalidHandle)?;
        let info = group.info()?;
        Ok((GroupHandle::new(index, group.generation.value()), info))
    }

    /// The KSN that the group's next transaction will have.
    ///
    /// # Errors
    /// [`Error::InvalidHandle`]; [`Error::CounterExhausted`]; the state's error.
    pub fn dukpt_ksn(&self, group: GroupHandle) -> Result<TransactionKsn, Error> {
        self.operational()?;
        self.groups.group(group)?.info()?.next.ok_or(Error::CounterExhausted)
    }

    /// Begins the group's next transaction. A transaction of the group that was not ended is ended.
    ///
    /// The counter has moved on in storage before any key of the transaction exists outside the registers: whatever happens
    /// from now on, this KSN does not come again.
    ///
    /// # Errors
    /// [`Error::InvalidHandle`]; [`Error::CounterExhausted`], for ever; [`Error::Storage`]: the counter is used up, no key
    /// was given out; the state's error.
    ///
    /// # Timing
    /// The counter.
    ///
    /// # Source
    /// ANSI X9.24-3:2017 6.3 and annex C.
    pub fn dukpt_begin(&mut self, group: GroupHandle) -> Result<(TransactionHandle, TransactionKsn), Error> {
        self.operational()?;
        let (_, place) = self.groups.group_mut(group)?;
        place.end_transaction();
        self.end_orphaned_mac();
        let (index, place) = self.groups.group_mut(group)?;
        let mut journal = GroupJournal {
            storage: &mut self.platform,
            sealer: self.sealer.as_ref().ok_or(Error::Storage)?,
            group: index.into(),
            records: &mut place.records,
            scratch: &mut self.scratch,
        };
        place.transaction = match &place.registers {
            Registers::Tdea(_) => Transaction::Tdea(tdes::Transaction::empty()),
            Registers::Aes(_) => Transaction::Aes(aes::Transaction::empty()),
            Registers::None => Transaction::None,
        };
        let ksn = match (&mut place.registers, &mut place.transaction) {
            (Registers::Tdea(terminal), Transaction::Tdea(keys)) => {
                terminal.step(&mut journal, keys).map(TransactionKsn::Tdea)
            }
            (Registers::Aes(terminal), Transaction::Aes(keys)) => {
                terminal.step(&mut journal, keys).map(TransactionKsn::Aes)
            }
            _ => Err(Error::InvalidHandle),
        };
        match ksn {
            Ok(ksn) => {
                place.side = Side::Terminal;
                Ok((TransactionHandle::new(index, place.transaction_generation.value()), ksn))
            }
            Err(error) => {
                place.end_transaction();
                Err(error)
            }
        }
    }
}
