// SPDX-License-Identifier: MIT OR Apache-2.0
//! DUKPT at the host: derivation from a BDK, initial keys and their updates for terminals.

use core::cmp::Ordering;

use crate::codec::hex;
use crate::dukpt::{aes, tdes};
use crate::error::Error;
use crate::hsm::dukpt::{Side, Transaction};
use crate::hsm::load::{Kbpk, Way};
use crate::hsm::slot::KeyCheck;
use crate::hsm::{Command, Hsm, KeyHandle, NO_PLACE, Platform, Question, TransactionHandle};
use crate::key::usage::{Attributes, Exportability, KeyAlgorithm, ModeOfUse, Usage};
use crate::key::{self, Key, role};
use crate::keyblock::KbpkRef;
use crate::keyblock::header::Version;
use crate::keyblock::optional::Optional;
use crate::keyblock::wrap::Template;
use crate::policy::Operation;
use crate::weaken::guard;

impl<P: Platform> Hsm<'_, P> {
    /// Derives the transaction of a KSN from a BDK: the host's side.
    ///
    /// The platform is asked whether the counter is new ([`Question::DukptCounter`]) before anything is derived; it
    /// remembers the counter when the message has verified.
    /// The initial keys of the last eight terminals are kept while their BDK is, so that a further KSN of one of them is not
    /// derived from the BDK again.
    /// `ksn`: 10 bytes for a TDEA BDK, 12 for an AES BDK. End the transaction when the message is answered: it holds a
    /// group.
    ///
    /// # Errors
    /// The state's and the handle's errors; [`Error::UsageNotPermitted`], [`Error::ModeNotPermitted`];
    /// [`Error::InvalidKsn`], [`Error::CounterZero`], [`Error::CounterOverweight`], [`Error::CounterReserved`]; the
    /// platform's refusal; [`Error::SlotsFull`].
    ///
    /// # Timing
    /// The counter, and whether the terminal was among the last.
    ///
    /// # Source
    /// ANSI X9.24-3:2017 6.3 and annex C. Vectors: `vectors/dukpt_tdes.txt`, `vectors/dukpt_aes.txt`.
    pub fn dukpt_derive(&mut self, bdk: KeyHandle, ksn: &[u8]) -> Result<TransactionHandle, Error> {
        self.allow(Command::DukptDerive)?;
        let slot = self.slots.get(bdk)?;
        self.groups.free()?;
        slot.permit(Operation::DukptDerive, self.policy)?;
        let (algorithm, len) = (slot.attributes()?.algorithm, slot.material().len());
        let (index, group);
        let derived = match algorithm {
            KeyAlgorithm::Tdea => {
                if len != 16 {
                    return Err(Error::InvalidKeyLength);
                }
                let ksn = tdes::Ksn::parse(ksn)?;
                guard!("F06", ksn.check())?;
                let id = ksn.initial_key_id();
                guard!(
                    "F06.asked",
                    self.ask(&Question::DukptCounter {
                        identity: id.as_bytes(),
                        counter: ksn.counter(),
                    })
                )?;
                (index, group) = self.groups.free()?;
                let mut ik = Key::empty();
                if !self.initial_keys.find(bdk, id.as_bytes(), &mut ik)? {
                    let mut key = Key::empty();
                    key.set(self.slots.get(bdk)?.material())?;
                    tdes::Host::initial_key(&key, &id, &mut ik)?;
                    self.initial_keys.keep(bdk, id.as_bytes(), &ik)?;
                }
                group.transaction = Transaction::Tdea(tdes::Transaction::empty());
                match &mut group.transaction {
                    Transaction::Tdea(keys) => tdes::Host::transaction(&ik, &ksn, keys),
                    _ => Err(Error::Internal),
                }
            }
            _ => {
                let ksn = aes::Ksn::parse(ksn)?;
                guard!("F06", ksn.check())?;
                let id = ksn.initial_key_id();
                guard!(
                    "F06.asked",
                    self.ask(&Question::DukptCounter {
                        identity: id.as_bytes(),
                        counter: ksn.counter(),
                    })
                )?;
                (index, group) = self.groups.free()?;
                let mut ik = Key::empty();
                if !self.initial_keys.find(bdk, id.as_bytes(), &mut ik)? {
                    let mut key = Key::empty();
                    key.set(self.slots.get(bdk)?.material())?;
                    aes::Host::initial_key(&key, &id, &mut ik)?;
                    self.initial_keys.keep(bdk, id.as_bytes(), &ik)?;
                }
                group.transaction = Transaction::Aes(aes::Transaction::empty());
                match &mut group.transaction {
                    Transaction::Aes(keys) => aes::Host::transaction(&ik, &ksn, keys),
                    _ => Err(Error::Internal),
                }
            }
        };
        if let Err(error) = derived {
            group.transaction = Transaction::NONE;
            return Err(error);
        }
        group.opened(Side::Host)?;
        Ok(TransactionHandle::new(index, group.transaction_generation.value()))
    }

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
        self.allow(Command::DukptExportInitialKey)?;
        self.audit_ready()?;
        let mut protection = Kbpk::empty();
        self.kbpk(kbpk, Way::Wrap, &mut protection)?;
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
                let check = KeyCheck::of(&attributes, ik.material()?)?;
                self.exported(NO_PLACE, &check, out)?;
                Ok((len, check))
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
                let check = KeyCheck::of(&attributes, ik.material()?)?;
                self.exported(NO_PLACE, &check, out)?;
                Ok((len, check))
            }
        }
    }

    /// Derives a terminal's next AES initial key and wraps it under the update key of its present one, in one command:
    /// neither key shows. Returns the length of the block, and the check value of the new key; the rest of `out` is zero.
    ///
    /// `bdk`, `id`: BDK and initial key id (8 bytes) of the key that the terminal has; `new_bdk`, `new_id`: of the one
    /// that it gets, by [`dukpt_update`](crate::hsm::Hsm::dukpt_update). Both may be under the same BDK; the identifiers
    /// must differ. The block: version D, usage B1, algorithm A, mode of use X, not exportable, optional block IK.
    ///
    /// # Errors
    /// The state's and the handles' errors; [`Error::UsageNotPermitted`], [`Error::ModeNotPermitted`];
    /// [`Error::AlgorithmMismatch`] for a TDEA BDK; [`Error::KeyStrength`] if the new BDK is longer,
    /// [`Error::InvalidKeyLength`] if it is shorter; [`Error::InvalidKsn`]; [`Error::CounterReplayed`] for the same
    /// identifier; [`Error::BufferTooSmall`]; [`Error::Entropy`]. `out` is wiped then.
    ///
    /// # Timing
    /// Constant for each key length.
    ///
    /// # Source
    /// ANSI X9.24-3:2017 6.3.1 and 6.6; X9.143:2021 for the block.
    pub fn dukpt_export_update(
        &mut self,
        bdk: KeyHandle,
        id: &[u8],
        new_bdk: KeyHandle,
        new_id: &[u8],
        out: &mut [u8],
    ) -> Result<(usize, KeyCheck), Error> {
        out.fill(0);
        self.allow(Command::DukptExportUpdate)?;
        self.audit_ready()?;
        let (slot, new_slot) = (self.slots.get(bdk)?, self.slots.get(new_bdk)?);
        let (mut key, mut new_key) = (Key::<role::Bdk, key::Aes>::empty(), Key::<role::Bdk, key::Aes>::empty());
        for (slot, key) in [(slot, &mut key), (new_slot, &mut new_key)] {
            slot.permit(Operation::DukptDerive, self.policy)?;
            if slot.attributes()?.algorithm != KeyAlgorithm::Aes {
                return Err(Error::AlgorithmMismatch);
            }
            slot.take(Operation::DukptDerive, self.policy, key)?;
        }
        match new_key.len().cmp(&key.len()) {
            Ordering::Greater => return Err(Error::KeyStrength),
            Ordering::Less => return Err(Error::InvalidKeyLength),
            Ordering::Equal => {}
        }
        let (id, new_id) = (aes::InitialKeyId::parse(id)?, aes::InitialKeyId::parse(new_id)?);
        if id == new_id {
            return Err(Error::CounterReplayed);
        }
        let mut ik = Key::empty();
        aes::Host::initial_key(&key, &id, &mut ik)?;
        let mut update_key = Key::<role::UpdateKey, key::Aes>::empty();
        aes::update_key(&ik, &id, aes::KeyType::aes(ik.len())?, &mut update_key)?;
        aes::Host::initial_key(&new_key, &new_id, &mut ik)?;
        let attributes = Attributes::new(
            Usage::B1,
            KeyAlgorithm::Aes,
            ModeOfUse::Derive,
            Exportability::NonExportable,
        );
        let check = KeyCheck::of(&attributes, ik.material()?)?;
        let mut text = [0; 16];
        hex::encode(new_id.as_bytes(), &mut text)?;
        let len = Template::new(Version::D, attributes)
            .with_optional(&[Optional::new(*b"IK", &text)?])
            .wrap(KbpkRef::Update(&update_key), &ik, &mut self.platform, out)?;
        self.exported(NO_PLACE, &check, out)?;
        Ok((len, check))
    }
}
