// SPDX-License-Identifier: MIT OR Apache-2.0
//! The slot table: keys with their attributes, in the caller's memory.

mod bounds;
mod places;
mod record;
mod seal;
mod uses;

use core::cell::Cell;
use core::fmt;
use core::hint::black_box;

use subtle::{Choice, ConstantTimeEq};
use zeroize::Zeroize;

use crate::ct;
use crate::entropy::Entropy;
use crate::error::Error;
use crate::hsm::handle::{Generation, KeyHandle};
use crate::key::usage::{Attributes, Exportability, KeyAlgorithm, ModeOfUse, Usage};
use crate::key::{Algorithm, Key, kcv, parity, role::Role};
use crate::keyblock::optional::{CheckMethod, CheckValue, Derivations, Pedigree};
use crate::policy::{self, MacAlgorithm, Operation, Permission, Policy, TDEA_BLOCK_LIMIT};
use crate::secret::SecretBuf;
use crate::weaken::guard;

pub use self::bounds::{Date, KeyBounds, Narrowing};

use self::bounds::Bounds;
use self::places::Marks;

pub(crate) use self::record::{Kept, MAX_LEN as MAX_RECORD_LEN};

/// The longest key that a slot holds, in bytes.
pub const KEY_CAPACITY: usize = 64;

/// The check value of a key, with which two parties compare keys without showing them.
///
/// A zero-block check value would show part of a CMAC subkey and the beginning of a short CBC-MAC; so keys that
/// make MACs, protect key blocks or are derived from, and all AES keys, show a CMAC check value only.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct KeyCheck {
    value: [u8; Self::MAX_LEN],
    len: u8,
}

impl KeyCheck {
    /// The longest check value, in bytes.
    pub const MAX_LEN: usize = 5;

    /// The check value of `material`: CMAC of a zero block, 5 bytes; for TDEA keys of the remaining usages the
    /// enciphered zero block, 3 bytes (ANSI X9.24-1 annex A). Other algorithms have none: no two conventions agree.
    pub(crate) fn of(attributes: &Attributes, material: &[u8]) -> Result<Self, Error> {
        let mut value = [0; Self::MAX_LEN];
        if !matches!(attributes.algorithm, KeyAlgorithm::Tdea | KeyAlgorithm::Aes) {
            return Ok(Self { value, len: 0 });
        }
        let len = if Self::is_legacy(attributes) {
            let short = kcv::legacy_of(attributes.algorithm, material)?;
            for (to, from) in value.iter_mut().zip(short) {
                *to = from;
            }
            3
        } else {
            value = kcv::cmac_of(attributes.algorithm, material)?;
            5
        };
        ct::public(&mut value);
        Ok(Self { value, len })
    }

    /// As the optional blocks KC and KP carry it; none for a key that has none.
    pub(crate) fn in_block(&self) -> Result<Option<CheckValue>, Error> {
        let method = match self.len {
            0 => return Ok(None),
            3 => CheckMethod::Legacy,
            _ => CheckMethod::Cmac,
        };
        CheckValue::new(method, self.as_bytes()).map(Some)
    }

    pub(crate) fn is_legacy(attributes: &Attributes) -> bool {
        let usages = [
            Usage::C0,
            Usage::D0,
            Usage::D2,
            Usage::D3,
            Usage::E0,
            Usage::E1,
            Usage::E2,
            Usage::E3,
            Usage::E4,
            Usage::E5,
            Usage::E6,
            Usage::P0,
            Usage::V0,
            Usage::V1,
            Usage::V2,
        ];
        attributes.algorithm == KeyAlgorithm::Tdea && usages.contains(&attributes.usage)
    }

    /// The bytes: 5 of a CMAC check value, 3 of a zero-block one, none of a key that is not TDEA or AES.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        self.value.get(..usize::from(self.len)).unwrap_or(&[])
    }
}

impl fmt::Debug for KeyCheck {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Display for KeyCheck {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.as_bytes().iter().try_for_each(|byte| write!(f, "{byte:02X}"))
    }
}

/// What is public about a key in a slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeyInfo {
    /// The attributes, as in its key block.
    pub attributes: Attributes,
    /// The length in bytes.
    pub len: usize,
    /// The check value.
    pub check: KeyCheck,
}

/// What a key was first used for, where its usage leaves a choice: it does nothing else until it is erased. Results of one
/// choice would tell something about those of another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Choices {
    /// A CVK: CVV and iCVV, data of a track that is read.
    TrackValues,
    /// A CVK: CVV2, printed digits that are typed.
    PrintedValues,
    /// A MAC key.
    Mac(MacAlgorithm),
    /// A KEK: key blocks of versions A and C.
    OldBlocks,
    /// A KEK: working keys by ECB.
    #[cfg(feature = "legacy")]
    WorkingKeys,
    /// A data key: CBC.
    Cbc,
    /// A data key: CTR.
    Ctr,
    /// A data key: ECB, alone or in UnionPay's track encipherment.
    Ecb,
    /// A protection key: backups.
    Backup,
}

/// What a key block said of its key beyond the attributes, and a slot keeps.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct History {
    /// WP: how well the key was protected so far.
    pub(crate) pedigree: Option<Pedigree>,
    /// DA: what may be derived.
    pub(crate) derivations: Derivable,
    /// HM: the hash of an HMAC key.
    pub(crate) hash: Option<MacAlgorithm>,
}

/// The keys that may be derived from one, out of those that this module ever derives. Without a DA block: all.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Derivable(Option<u8>);

impl Derivable {
    /// Everything that the module derives from keys of usage B3: the KBPK that an agreement releases, on either side.
    const ALL: [Attributes; 2] = [
        Attributes::new(
            Usage::K1,
            KeyAlgorithm::Aes,
            ModeOfUse::Encrypt,
            Exportability::NonExportable,
        ),
        Attributes::new(
            Usage::K1,
            KeyAlgorithm::Aes,
            ModeOfUse::Decrypt,
            Exportability::NonExportable,
        ),
    ];

    /// What a DA block leaves.
    ///
    /// # Errors
    /// [`Error::UsageNotPermitted`] if that is nothing.
    pub(crate) fn of(allowed: &Derivations<'_>) -> Result<Self, Error> {
        let bits = Self::ALL.iter().zip(0_u8..).fold(0_u8, |bits, (derived, at)| {
            bits | (u8::from(allowed.allow(derived)).wrapping_shl(at.into()))
        });
        if bits == 0 {
            return Err(Error::UsageNotPermitted);
        }
        Ok(Self(Some(bits)))
    }

    /// The bits, if a DA block named some.
    const fn bits(self) -> Option<u8> {
        self.0
    }

    /// From the bits.
    const fn from_bits(bits: u8) -> Result<Self, Error> {
        if bits == 0 || bits >> Self::ALL.len() != 0 {
            return Err(Error::Record);
        }
        Ok(Self(Some(bits)))
    }

    /// Whether the key with these attributes may be derived.
    #[cfg(feature = "ec")]
    pub(crate) fn allows(self, derived: &Attributes) -> bool {
        self.0.is_none() || self.iter().any(|one| one == derived)
    }

    /// The keys, if a DA block named some.
    pub(crate) fn iter(self) -> impl Iterator<Item = &'static Attributes> {
        let bits = self.0.unwrap_or(0);
        Self::ALL
            .iter()
            .zip(0_u32..)
            .filter_map(move |(derived, at)| (bits.wrapping_shr(at) & 1 != 0).then_some(derived))
    }
}

/// Wrong authenticators of 32 bits (versions A and C) after which a protection key opens no such block any more.
const MAX_FAILURES: u8 = 10;

/// Wrong check values after which a master key opens no working key any more.
#[cfg(feature = "legacy")]
const MAX_WRONG_CHECK_VALUES: u8 = 3;

/// The place of one key.
pub struct Slot {
    material: SecretBuf<KEY_CAPACITY>,
    entry: Option<(Attributes, KeyCheck)>,
    history: History,
    failures: u8,
    generation: Generation,
    choice: Option<Choices>,
    /// Blocks that a DES or TDEA key has processed.
    blocks: u32,
    bounds: Bounds,
    stored: Stored,
    /// Today is no day of use, or the policy does not take such a key any more.
    invalid: bool,
    /// A command that has begun uses the key: it is counted before the key works.
    armed: Cell<bool>,
    /// The sum of everything but `armed`, which no command leaves set.
    seal: u32,
}

/// What the storage has of a key.
#[derive(Clone, Copy, Debug, Hash)]
struct Stored {
    /// The key comes back at the next start.
    is_stored: bool,
    /// The record is behind: it is written before the key works.
    is_behind: bool,
    /// The storage may hold a key that is not here any more: the place takes no other until it is gone there.
    unsettled: bool,
    /// The counts in the record, ahead of those here.
    blocks: u32,
    uses: u32,
}

impl Stored {
    const NONE: Self = Self {
        is_stored: false,
        is_behind: false,
        unsettled: false,
        blocks: 0,
        uses: 0,
    };
}

impl Slot {
    /// No key.
    #[expect(
        clippy::declare_interior_mutable_const,
        reason = "a new slot wherever it is named, which is what is wanted"
    )]
    pub const EMPTY: Self = Self {
        material: SecretBuf::new(),
        entry: None,
        history: History {
            pedigree: None,
            derivations: Derivable(None),
            hash: None,
        },
        failures: 0,
        generation: Generation::new(0),
        choice: None,
        blocks: 0,
        bounds: Bounds::NONE,
        stored: Stored::NONE,
        invalid: false,
        armed: Cell::new(false),
        seal: 0,
    };

    fn erase(&mut self) {
        self.material.zeroize();
        self.history = History::default();
        self.failures = 0;
        self.choice = None;
        self.blocks = 0;
        self.bounds = Bounds::NONE;
        self.stored = Stored {
            unsettled: self.stored.is_stored | self.stored.unsettled,
            ..Stored::NONE
        };
        self.invalid = false;
        self.armed.set(false);
        if self.entry.take().is_some() {
            self.generation.advance();
        }
        self.reseal();
    }

    pub(crate) fn attributes(&self) -> Result<&Attributes, Error> {
        self.entry
            .as_ref()
            .map(|(attributes, _)| attributes)
            .ok_or(Error::NoKey)
    }

    pub(crate) const fn pedigree(&self) -> Option<Pedigree> {
        self.history.pedigree
    }

    pub(crate) const fn derivations(&self) -> Derivable {
        self.history.derivations
    }

    /// Judges whether the key may still open blocks with an authenticator of 32 bits.
    pub(crate) const fn may_guess(&self) -> Result<(), Error> {
        if self.failures < MAX_FAILURES {
            Ok(())
        } else {
            Err(Error::Locked)
        }
    }

    /// Judges whether the key may still open working keys that a check value alone authenticates.
    #[cfg(feature = "legacy")]
    pub(crate) const fn may_import(&self) -> Result<(), Error> {
        if self.failures < MAX_WRONG_CHECK_VALUES {
            Ok(())
        } else {
            Err(Error::Locked)
        }
    }

    pub(crate) fn check(&self) -> Result<KeyCheck, Error> {
        self.entry.map(|(_, check)| check).ok_or(Error::NoKey)
    }

    pub(crate) fn material(&self) -> &[u8] {
        self.material.expose()
    }

    /// The hash of an HMAC key, if its key block named one or it was used with one.
    pub(crate) const fn hash(&self) -> Option<MacAlgorithm> {
        match self.choice {
            Some(Choices::Mac(
                hash @ (MacAlgorithm::HmacSha256 | MacAlgorithm::HmacSha384 | MacAlgorithm::HmacSha512),
            )) => Some(hash),
            _ => None,
        }
    }

    /// Whether the key has served backups.
    pub(crate) const fn is_for_backup(&self) -> bool {
        matches!(self.choice, Some(Choices::Backup))
    }

    /// Whether the key has been used for nothing else.
    pub(crate) fn serves(&self, choice: Choices) -> bool {
        self.choice.is_none_or(|first| first == choice)
    }

    pub(crate) fn info(&self) -> Result<KeyInfo, Error> {
        let (attributes, check) = self.entry.ok_or(Error::NoKey)?;
        Ok(KeyInfo {
            attributes,
            len: self.material.len(),
            check,
        })
    }

    /// Whether both hold one value: parity bits of DES parts make no other key.
    fn has_value_of(&self, other: &Self) -> Choice {
        let algorithm = |slot: &Self| {
            slot.entry
                .map_or(KeyAlgorithm::Aes, |(attributes, _)| attributes.algorithm)
        };
        let mask = key_bits(algorithm(self), algorithm(other));
        equal_under(mask, self.material.expose(), other.material.expose())
    }

    /// What the key is bound to.
    pub(crate) fn bounds(&self) -> KeyBounds {
        self.bounds.public(self.stored.is_stored, !self.invalid)
    }

    /// Judges whether the key may do `operation`: its attributes, whether it is valid, whether it was used too often. The
    /// use is counted when the command goes on.
    pub(crate) fn permit(&self, operation: Operation, policy: Policy) -> Result<(), Error> {
        policy::permit(operation, self.attributes()?, policy)?;
        // Again, by another table: the first answer may be what a left-out instruction or a changed bit made of it.
        policy::permit_again(operation, black_box(self.attributes()?), black_box(policy))?;
        let outlives = policy.has(Permission::ExpiredKeys) && bounds::is_of_old_data(operation);
        if self.invalid && !outlives {
            return Err(Error::Expired);
        }
        if self.bounds.is_limited() {
            if self.bounds.uses >= self.bounds.max_uses {
                return Err(Error::LimitReached);
            }
            self.armed.set(true);
        }
        Ok(())
    }

    /// Whether the record in the storage says less than has happened.
    const fn is_behind(&self) -> bool {
        let stored = &self.stored;
        stored.is_stored && (stored.is_behind || stored.blocks < self.blocks || stored.uses < self.bounds.uses)
    }

    /// Copies the key into a typed one, if its attributes allow `operation`.
    pub(crate) fn take<R: Role, A: Algorithm>(
        &self,
        operation: Operation,
        policy: Policy,
        out: &mut Key<R, A>,
    ) -> Result<(), Error> {
        out.zeroize();
        self.permit(operation, policy)?;
        // Asked again: the branch on the first answer may be left out.
        black_box(self).permit(operation, black_box(policy))?;
        out.set(self.material.expose())
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        self.material.zeroize();
    }
}

impl fmt::Debug for Slot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Slot")
            .field("entry", &self.entry)
            .finish_non_exhaustive()
    }
}

/// The table.
#[derive(Debug)]
pub(crate) struct Slots<'m>(&'m mut [Slot], Here, Marks);

/// What the bounds of keys are compared with, and its complement.
#[derive(Clone, Copy, Debug)]
struct Here {
    /// As digits; 0 if nobody has said what day it is.
    today: u32,
    not_today: u32,
    /// Whose session is open; 0: nobody's.
    owner: u16,
    not_owner: u16,
}

impl Here {
    const fn new(today: u32, owner: u16) -> Self {
        Self {
            today,
            not_today: !today,
            owner,
            not_owner: !owner,
        }
    }

    const fn is_sound(&self) -> bool {
        self.today == !self.not_today && self.owner == !self.not_owner
    }
}

impl<'m> Slots<'m> {
    pub(crate) fn new(memory: &'m mut [Slot]) -> Self {
        Self(memory, Here::new(0, 0), Marks::default())
    }

    /// Takes at most 256 slots of the memory, empty, each with a random first generation.
    pub(crate) fn start(&mut self, entropy: &mut impl Entropy) -> Result<(), Error> {
        if self.0.len() > 256 {
            return Err(Error::InvalidLength);
        }
        for slot in self.0.iter_mut() {
            let mut start = [0; 4];
            entropy.fill(&mut start)?;
            // Handles are public.
            ct::public(&mut start);
            *slot = Slot::EMPTY;
            slot.generation = Generation::new(u32::from_be_bytes(start));
            slot.reseal();
        }
        Ok(())
    }

    pub(crate) fn capacity(&self) -> usize {
        self.0.len()
    }

    pub(crate) fn used(&self) -> usize {
        self.0.iter().filter(|slot| slot.entry.is_some()).count()
    }

    pub(crate) fn get(&self, handle: KeyHandle) -> Result<&Slot, Error> {
        let slot = self.0.get(handle.index()).ok_or(Error::InvalidHandle)?;
        let is_stale = slot.generation.value() != handle.generation();
        if slot.entry.is_none() || guard!("I02" | "I05", is_stale) {
            return Err(Error::InvalidHandle);
        }
        // Once a command: what changes while one runs is not looked for.
        if !self.2.asked.get().has(handle.index()) {
            self.whole(slot)?;
        }
        if slot.bounds.owner != 0 && slot.bounds.owner != self.1.owner {
            return Err(Error::NotAuthenticated);
        }
        Marks::add(&self.2.asked, handle.index());
        Ok(slot)
    }

    /// Judges whether a place, and what all keys are compared with, are as the last command left them.
    ///
    /// # Errors
    /// [`Error::Tampered`], which the module is then.
    fn whole(&self, slot: &Slot) -> Result<(), Error> {
        let sound = slot.sound();
        if sound.is_err() || !self.1.is_sound() {
            self.2.damaged.set(true);
            return Err(Error::Tampered);
        }
        Ok(())
    }

    /// Whether a place was not as the last command left it.
    pub(crate) const fn is_damaged(&self) -> bool {
        self.2.damaged.get()
    }

    fn get_mut(&mut self, handle: KeyHandle) -> Result<&mut Slot, Error> {
        self.get(handle)?;
        Marks::add(&self.2.changed, handle.index());
        self.0.get_mut(handle.index()).ok_or(Error::InvalidHandle)
    }

    /// Empties a place, whoever owns its key.
    pub(crate) fn erase_place(&mut self, handle: KeyHandle) {
        if let Some(slot) = self.0.get_mut(handle.index()) {
            slot.erase();
        }
    }

    pub(crate) fn erase(&mut self, handle: KeyHandle) -> Result<(), Error> {
        self.get_mut(handle)?.erase();
        Ok(())
    }

    /// Remembers what a key is used for; the first use counts.
    pub(crate) fn bind(&mut self, handle: KeyHandle, choice: Choices) -> Result<(), Error> {
        if self.get(handle)?.choice.is_some() {
            return Ok(());
        }
        self.with_copies(handle, |slot| {
            slot.choice.get_or_insert(choice);
            slot.stored.is_behind = true;
        })
    }

    /// What a DES or TDEA key will have processed after so many blocks more.
    pub(crate) fn room(&self, handle: KeyHandle, blocks: u64) -> Result<u32, Error> {
        let slot = self.get(handle)?;
        if !matches!(slot.attributes()?.algorithm, KeyAlgorithm::Des | KeyAlgorithm::Tdea) {
            return Ok(0);
        }
        match u32::try_from(u64::from(slot.blocks).saturating_add(blocks)) {
            Ok(total) if !guard!("H08", total > TDEA_BLOCK_LIMIT) => Ok(total),
            _ => Err(Error::LimitReached),
        }
    }

    /// Counts blocks that a DES or TDEA key is about to process.
    pub(crate) fn charge(&mut self, handle: KeyHandle, blocks: u64) -> Result<(), Error> {
        let total = self.room(handle, blocks)?;
        // Nothing is counted of other keys.
        if blocks == 0 || total == 0 {
            return Ok(());
        }
        self.with_copies(handle, |slot| slot.blocks = total)
    }

    pub(crate) fn erase_all(&mut self) {
        self.0.iter_mut().for_each(Slot::erase);
        self.1 = Here::new(self.1.today, 0);
        self.2.damaged.set(false);
    }

    /// Counts a wrong authenticator of 32 bits.
    pub(crate) fn count_failure(&mut self, handle: KeyHandle) {
        // The handle was judged when the key was used.
        let _ = self.with_copies(handle, |slot| {
            slot.failures = slot.failures.saturating_add(1);
            slot.stored.is_behind = true;
        });
    }

    /// Takes back what was counted before an authenticator turned out right.
    pub(crate) fn uncount_failure(&mut self, handle: KeyHandle) {
        let _ = self.with_copies(handle, |slot| {
            slot.failures = slot.failures.saturating_sub(1);
            slot.stored.is_behind = true;
        });
    }

    /// Judges a key and puts it into the first free slot.
    pub(crate) fn admit(
        &mut self,
        attributes: &Attributes,
        history: History,
        material: &[u8],
        policy: Policy,
    ) -> Result<KeyHandle, Error> {
        judge(attributes, material, policy)?;
        ct::verdict(!self.holds_otherwise(attributes, history.derivations, material))?;
        let check = KeyCheck::of(attributes, material)?;
        let (index, slot) = (0..=u8::MAX)
            .zip(self.0.iter_mut())
            .find(|(_, slot)| slot.entry.is_none() && !slot.stored.unsettled)
            .ok_or(Error::SlotsFull)?;
        if let Err(error) = slot.sound() {
            self.2.damaged.set(true);
            return Err(error);
        }
        slot.material.set(material)?;
        slot.entry = Some((*attributes, check));
        slot.history = history;
        slot.choice = history.hash.map(Choices::Mac);
        slot.reseal();
        let handle = KeyHandle::new(index, slot.generation.value());
        self.inherit(handle)?;
        Ok(handle)
    }

    /// Whether a slot holds the same value with other attributes, or one that a protocol makes of it: one key, one purpose.
    /// Parity bits of TDEA keys make no other key.
    #[cfg(feature = "terminal")]
    pub(crate) fn holds_for_other_purpose(&self, attributes: &Attributes, material: &[u8]) -> Choice {
        self.holds_otherwise(attributes, Derivable::default(), material)
    }

    fn holds_otherwise(&self, attributes: &Attributes, derivations: Derivable, material: &[u8]) -> Choice {
        let mut found = Choice::from(0);
        for slot in self.0.iter() {
            if let Some((other, _)) = slot.entry
                && (other != *attributes || slot.history.derivations != derivations)
            {
                let own = slot.material.expose();
                let mask = key_bits(other.algorithm, attributes.algorithm);
                found |= !guard!("C02.purpose" | "C03.purpose", !equal_under(mask, own, material));
                match (other.algorithm, attributes.algorithm) {
                    (KeyAlgorithm::Tdea, KeyAlgorithm::Tdea) => {
                        found |= !guard!("C04", !is_related(own, material));
                    }
                    (KeyAlgorithm::Tdea, KeyAlgorithm::Des) => {
                        found |= !guard!("B06.halves", !has_part(own, material));
                    }
                    (KeyAlgorithm::Des, KeyAlgorithm::Tdea) => found |= has_part(material, own),
                    _ => {}
                }
            }
        }
        found
    }

    /// Does something to a key in every slot that holds it with the same attributes: a copy must not begin anew with what the
    /// key is bound to and has used up. That two slots hold one key their check values show; where there is none, the
    /// answer is told. They are looked for only if there was a copy when a key came in.
    fn with_copies(&mut self, handle: KeyHandle, change: impl Fn(&mut Slot)) -> Result<(), Error> {
        let entry = self.get(handle)?.entry;
        if !self.2.copied.has(handle.index()) {
            self.get_mut(handle)?.touch(change);
            return Ok(());
        }
        for index in 0..self.0.len() {
            let (Some(one), Some(other)) = (self.0.get(handle.index()), self.0.get(index)) else {
                return Err(Error::Internal);
            };
            let is_copy =
                index == handle.index() || (other.entry == entry && ct::verdict(one.has_value_of(other)).is_ok());
            if is_copy && let Some(slot) = self.0.get_mut(index) {
                Marks::add(&self.2.changed, index);
                slot.touch(&change);
            }
        }
        Ok(())
    }

    /// Looks for a copy of a key that has just come in, and remembers that there is one.
    fn find_copy(&mut self, index: usize) -> Option<usize> {
        // Of the key that was here before.
        self.2.copied.remove(index);
        let one = self.0.get(index)?;
        let mut others = self.0.iter().zip(0_usize..);
        let (_, copy) = others.find(|(other, at)| {
            *at != index && other.entry == one.entry && ct::verdict(one.has_value_of(other)).is_ok()
        })?;
        self.2.copied.insert(index);
        self.2.copied.insert(copy);
        Some(copy)
    }

    /// Lets a key that has just come in go on where a copy of it stands.
    fn inherit(&mut self, handle: KeyHandle) -> Result<(), Error> {
        let copy = self
            .find_copy(handle.index())
            .and_then(|copy| self.0.get(copy))
            .map(|other| (other.choice, other.blocks, other.failures, other.bounds, other.invalid));
        if let Some((choice, blocks, failures, bounds, invalid)) = copy
            && guard!("C05.counter", true)
        {
            self.get_mut(handle)?.touch(|slot| {
                slot.choice = choice.or(slot.choice);
                (slot.blocks, slot.failures) = (blocks, failures);
                (slot.bounds, slot.invalid) = (bounds, invalid);
            });
        }
        // A copy of a key that is somebody else's is his.
        let result = self.get(handle).map(|_| ());
        if result.is_err() {
            self.erase_place(handle);
        }
        result
    }

    /// Whether a slot holds this value.
    #[cfg(feature = "host")]
    pub(crate) fn holds(&self, one: KeyHandle, attributes: &Attributes, material: &[u8]) -> Result<Choice, Error> {
        let one = self.get(one)?;
        let mask = key_bits(one.attributes()?.algorithm, attributes.algorithm);
        Ok(equal_under(mask, one.material.expose(), material))
    }

    /// Whether two slots hold one value.
    pub(crate) fn same_value(&self, one: KeyHandle, other: KeyHandle) -> Result<Choice, Error> {
        let (one, other) = (self.get(one)?, self.get(other)?);
        let mask = key_bits(one.attributes()?.algorithm, other.attributes()?.algorithm);
        Ok(equal_under(mask, one.material.expose(), other.material.expose()))
    }
}

/// The bits of a byte that make the key when keys of two algorithms are compared.
const fn key_bits(one: KeyAlgorithm, other: KeyAlgorithm) -> u8 {
    match (one, other) {
        (KeyAlgorithm::Tdea, KeyAlgorithm::Tdea) => 0xFE,
        _ => 0xFF,
    }
}

/// What protocols add to a key to make another one of it; in each part, without parity bits.
const VARIANTS: [[u8; 8]; 8] = [
    // DUKPT: PIN, MAC and data, and the other register of a derivation (ANSI X9.24-1 annex A).
    [0, 0, 0, 0, 0, 0, 0, 0xFF],
    [0, 0, 0, 0, 0, 0, 0xFF, 0],
    [0, 0, 0, 0, 0xFF, 0, 0, 0],
    [0, 0, 0, 0, 0, 0xFF, 0, 0],
    [0, 0, 0, 0xFF, 0, 0, 0, 0],
    [0xC0, 0xC0, 0xC0, 0xC0, 0, 0, 0, 0],
    // Key blocks of versions A and C.
    [0x45; 8],
    [0x4D; 8],
];

/// Whether two TDEA keys differ by one of [`VARIANTS`] in every part, or by a variant number (a multiple of 8) in the
/// first byte of every part.
fn is_related(a: &[u8], b: &[u8]) -> Choice {
    let by = |variant: &[u8; 8]| {
        let pairs = a.iter().zip(b).zip(variant.iter().cycle());
        let difference = pairs.fold(0, |acc, ((x, y), v)| acc | ((x ^ y ^ v) & 0xFE));
        difference.ct_eq(&0)
    };
    let mut found = VARIANTS
        .iter()
        .fold(Choice::from(0), |found, variant| found | by(variant));
    for number in 1..32_u8 {
        found |= by(&[number.wrapping_shl(3), 0, 0, 0, 0, 0, 0, 0]);
    }
    found & Choice::from(u8::from(a.len() == b.len()))
}

/// Whether a DES key is a part of a TDEA key.
fn has_part(tdea: &[u8], des: &[u8]) -> Choice {
    let (parts, _) = tdea.as_chunks::<8>();
    parts
        .iter()
        .fold(Choice::from(0), |found, part| found | equal_under(0xFE, part, des))
}

/// Whether two values agree in the bits of `mask` of every byte. Lengths are public.
fn equal_under(mask: u8, a: &[u8], b: &[u8]) -> Choice {
    let difference = a.iter().zip(b).fold(0, |acc, (x, y)| acc | ((x ^ y) & mask));
    difference.ct_eq(&0) & Choice::from(u8::from(a.len() == b.len()))
}

/// What every key must satisfy to enter a slot or a DUKPT group, wherever it comes from.
///
/// Public rules first (attributes, length), then the material: not zero, no equal parts, no DES weak or semi-weak part.
/// A key of three parts with K1 = K3 has the strength of two and would pass for more. The verdict on the material is
/// one, after all the tests.
pub(crate) fn judge(attributes: &Attributes, material: &[u8], policy: Policy) -> Result<(), Error> {
    judge_attributes(attributes, policy)?;
    let mut bad = ct::is_zero(material);
    match (attributes.algorithm, material.len()) {
        (KeyAlgorithm::Tdea, 16 | 24) => {
            bad |= !guard!("C08", !(parity::is_degenerate(material) | parity::is_two_key(material)));
        }
        (KeyAlgorithm::Aes, 16 | 24 | 32) => {}
        (KeyAlgorithm::Ec, 32) => {}
        (KeyAlgorithm::Des, 8) if policy.has(Permission::SingleDes) && is_single_des(attributes.usage) => {
            bad |= parity::is_degenerate(material);
        }
        (KeyAlgorithm::Hmac | KeyAlgorithm::HmacSha2, HMAC_MIN_LEN..=KEY_CAPACITY) => {}
        (KeyAlgorithm::Hmac | KeyAlgorithm::HmacSha2, _) => return Err(Error::InvalidKeyLength),
        (KeyAlgorithm::Tdea | KeyAlgorithm::Aes | KeyAlgorithm::Ec, _) => return Err(Error::InvalidKeyLength),
        _ => return Err(Error::Unsupported),
    }
    guard!("C09" | "E01.result", ct::verdict(!bad)).map_err(|_| Error::WeakKey)
}

/// The shortest HMAC key that enters a slot, in bytes: 128 bits.
const HMAC_MIN_LEN: usize = 16;

/// Usages of MAC keys that may be single DES, by permission.
const fn is_single_des(usage: Usage) -> bool {
    matches!(usage, Usage::M0 | Usage::M1)
}

/// What the attributes alone must satisfy.
pub(crate) fn judge_attributes(attributes: &Attributes, policy: Policy) -> Result<(), Error> {
    attributes.check()?;
    if attributes.mode == ModeOfUse::NoRestriction && !policy.has(Permission::ModeN) {
        return Err(Error::ModeNotPermitted);
    }
    let both_ways = attributes.usage == Usage::P0 && attributes.mode == ModeOfUse::Both;
    if guard!("A06.mode", both_ways && !policy.has(Permission::PinKeyBothWays)) {
        return Err(Error::ModeNotPermitted);
    }
    if attributes.version.is_component() {
        return Err(Error::KeyBlockKeyVersion);
    }
    if cfg!(not(feature = "host")) && attributes.usage == Usage::B0 {
        return Err(Error::UsageNotPermitted);
    }
    // Of the key pairs only that for signatures: a private key that verifies or deciphers has no use here.
    let signs = (attributes.usage, attributes.mode) == (Usage::S0, ModeOfUse::Sign);
    if attributes.algorithm == KeyAlgorithm::Ec && !(cfg!(feature = "ec") && signs) {
        return Err(Error::Unsupported);
    }
    Ok(())
}
