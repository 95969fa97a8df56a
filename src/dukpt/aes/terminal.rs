// SPDX-License-Identifier: MIT OR Apache-2.0
use core::fmt;

use zeroize::{Zeroize, ZeroizeOnDrop};

use crate::cipher::aes::AesEncrypt as Cipher;
use crate::ct;
use crate::dukpt::aes::kdf::{KeyType, KeyUsage, derive, derive_path, replace};
use crate::dukpt::aes::ksn::{RULE, UPDATE_COUNTER};
use crate::dukpt::aes::{InitialKeyId, Ksn, Transaction};
use crate::dukpt::ksn::lowest_one;
use crate::dukpt::scheme::Scheme;
use crate::dukpt::state::{Journal, Snapshot, Step, snapshot_len};
use crate::error::Error;
use crate::key::role::{InitialKey, UpdateKey};
use crate::key::{Aes, Key};
use crate::secret::{Secret, SecretBuf};

const REGISTERS: usize = 32;
const MAX_KEY_LEN: usize = 32;

/// The originating side: the 32 intermediate derivation key registers of one initial key, the KSN and the update key.
///
/// About 1.1 KiB. Wiped on drop and by [`Zeroize`]. Made [`empty`](Self::empty) where it shall live, then loaded or
/// restored.
///
/// # Example
/// ```
/// # #[cfg(all(feature = "hazmat", feature = "terminal"))] {
/// use payhsm::dukpt::{Unstored, aes};
/// use payhsm::key::Key;
///
/// let hex = |s| u128::from_str_radix(s, 16).map(u128::to_be_bytes).unwrap();
/// let mut ik = Key::from_bytes(&hex("1273671EA26AC29AFA4D1084127652A1"))?;
/// let id = aes::InitialKeyId::parse(&[0x12, 0x34, 0x56, 0x78, 0x90, 0x12, 0x34, 0x56])?;
///
/// let mut terminal = aes::Terminal::empty();
/// terminal.load(&mut ik, &id, &mut Unstored)?;
/// let mut transaction = aes::Transaction::empty();
/// let ksn = terminal.step(&mut Unstored, &mut transaction)?;
/// assert_eq!(ksn.to_string(), "123456789012345600000001");
/// assert_eq!(transaction.key_bytes(), hex("4F21B565BAD9835E112B6465635EAE44"));
/// # }
/// # Ok::<(), payhsm::error::Error>(())
/// ```
///
/// # Source
/// X9.24-3:2017 6.4 to 6.6.
pub struct Terminal {
    /// Registers of the key length, one after another; what is behind them is zero.
    registers: Secret<{ REGISTERS * MAX_KEY_LEN }>,
    /// Its length is that of the registers.
    update_key: SecretBuf<MAX_KEY_LEN>,
    id: Option<InitialKeyId>,
    /// The next transaction; 0 when exhausted.
    counter: u32,
    /// Which registers hold keys: a check, for the counter says it too.
    valid: u32,
    /// Registers that differ from the state last committed.
    changed: u32,
}

impl Terminal {
    /// Length of the longest snapshot in bytes: 32-byte keys. With 24-byte keys it is 816, with 16-byte keys 552.
    pub const SNAPSHOT_LEN: usize = snapshot_len(Scheme::Aes, MAX_KEY_LEN);

    /// A place for a register state. Every operation with an empty one fails with [`Error::NoKey`].
    #[must_use]
    pub const fn empty() -> Self {
        Self {
            registers: Secret::zeroed(),
            update_key: SecretBuf::new(),
            id: None,
            counter: 0,
            valid: 0,
            changed: 0,
        }
    }

    /// Whether no state is here. An exhausted state is not empty.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.id.is_none()
    }

    /// The initial key id.
    ///
    /// # Errors
    /// [`Error::NoKey`] if empty.
    pub fn initial_key_id(&self) -> Result<InitialKeyId, Error> {
        self.id.ok_or(Error::NoKey)
    }

    /// The KSN of the next transaction; a look, nothing is used.
    ///
    /// # Errors
    /// [`Error::NoKey`] if empty, [`Error::CounterExhausted`] for ever after the last transaction.
    pub fn ksn(&self) -> Result<Ksn, Error> {
        match (self.id, self.counter) {
            (None, _) => Err(Error::NoKey),
            (Some(_), 0) => Err(Error::CounterExhausted),
            (Some(id), counter) => id.ksn(counter).map_err(|_| Error::RegisterInvalid),
        }
    }

    /// Fills the registers from an initial key of 16, 24 or 32 bytes, derives the update key of the same length, sets
    /// the counter to 1, commits, and wipes `ik`.
    ///
    /// What was here before is replaced, but never by the key of the same identity: its counter would start again.
    ///
    /// # Errors
    /// [`Error::NoKey`], [`Error::InvalidKeyLength`], or [`Error::CounterReplayed`] for the identity that is here:
    /// the state and `ik` stay as they are. An error of the journal: the state is empty, what the storage holds
    /// counts.
    ///
    /// # Timing
    /// Constant for each key length.
    pub fn load(
        &mut self,
        ik: &mut Key<InitialKey, Aes>,
        id: &InitialKeyId,
        journal: &mut impl Journal,
    ) -> Result<(), Error> {
        if self.id == Some(*id) {
            return Err(Error::CounterReplayed);
        }
        let key = ik.material()?;
        KeyType::aes(key.len())?;
        self.zeroize();
        derive_path(key, id, UPDATE_COUNTER, &mut self.update_key)?;
        replace(
            &mut self.update_key,
            KeyUsage::KeyEncryption,
            id.context(UPDATE_COUNTER),
        )?;
        self.fill(key, id, 0, RULE.mask)?;
        self.id = Some(*id);
        self.counter = 1;
        self.valid = RULE.registers(self.counter);
        if let Err(e) = self.commit(journal) {
            self.zeroize();
            return Err(e);
        }
        ik.zeroize();
        Ok(())
    }

    /// Replaces the initial key by the one that came under the update key: every register is erased, the new ones are
    /// filled, the counter is 1.
    ///
    /// The new state is made in `next`, a place that the caller lends, and committed there; only then does it take the
    /// place of the old one. `next` and `ik` are wiped in the end.
    ///
    /// # Errors
    /// [`Error::NoKey`] for an empty `ik` or terminal; [`Error::InvalidKeyLength`] unless the new key has the old one's
    /// length; [`Error::CounterReplayed`] for the identity that is here. An error of the journal: whichever state the
    /// storage holds whole counts after a loss of power; until then it is the old one. The old state is as it was in
    /// every case, and `ik` too unless the journal was asked.
    ///
    /// # Timing
    /// Constant for each key length.
    ///
    /// # Source
    /// X9.24-3:2017 6.6.
    pub fn update(
        &mut self,
        ik: &mut Key<InitialKey, Aes>,
        id: &InitialKeyId,
        next: &mut Self,
        journal: &mut impl Journal,
    ) -> Result<(), Error> {
        let id_here = self.initial_key_id()?;
        if id_here == *id {
            return Err(Error::CounterReplayed);
        }
        if ik.material()?.len() != self.update_key.len() {
            return Err(Error::InvalidKeyLength);
        }
        next.zeroize();
        let result = next.load(ik, id, journal);
        if result.is_ok() {
            self.take(next);
        } else {
            // The storage may hold anything of both: the next commit writes all.
            self.changed = RULE.mask;
            ik.zeroize();
        }
        next.zeroize();
        result
    }

    /// Takes over a state, byte by byte: a place that is moved leaves a copy.
    fn take(&mut self, other: &Self) {
        self.zeroize();
        for (to, from) in self.registers.expose_mut().iter_mut().zip(other.registers.expose()) {
            *to = *from;
        }
        // The same capacity: it fits.
        let _ = self.update_key.set(other.update_key.expose());
        self.id = other.id;
        self.counter = other.counter;
        self.valid = other.valid;
        self.changed = other.changed;
    }

    /// Takes the key of the next transaction into `out` and returns its KSN, which is in `out` too.
    ///
    /// The key's register is erased, the registers below it are filled, the counter moves on; this state is committed
    /// before the key is written to `out`. With the last transaction the state becomes exhausted.
    ///
    /// # Errors
    /// [`Error::NoKey`], [`Error::CounterExhausted`]; [`Error::RegisterInvalid`] for ever if the register holds no
    /// key, which a sound state never shows; an error of the journal: the counter has moved on, its key is lost. `out` is empty
    /// after any error.
    ///
    /// # Timing
    /// One derivation for each register filled, a number that the counter sets; nothing else shows.
    pub fn step(&mut self, journal: &mut impl Journal, out: &mut Transaction) -> Result<Ksn, Error> {
        out.zeroize();
        let ksn = self.ksn()?;
        let counter = ksn.counter();
        let used = lowest_one(counter);
        if self.valid != RULE.registers(counter) {
            return Err(Error::RegisterInvalid);
        }
        let key_len = self.update_key.len();
        let mut key = SecretBuf::<MAX_KEY_LEN>::new();
        let mut registers = self.registers.expose_mut().chunks_exact_mut(key_len.max(1));
        let register = registers.nth(used.trailing_zeros() as usize).ok_or(Error::Internal)?;
        key.set(register)?;
        register.zeroize();
        if ct::verdict(!ct::is_zero(key.expose())).is_err() {
            // A known key would have known descendants: nothing more comes from this state.
            self.valid = 0;
            return Err(Error::RegisterInvalid);
        }
        self.changed |= used;
        if RULE.has_children(counter) {
            self.fill(key.expose(), &ksn.initial_key_id(), counter, used.wrapping_sub(1))?;
        }
        self.counter = RULE.next(counter).unwrap_or(0);
        self.valid = RULE.registers(self.counter);
        self.commit(journal)?;
        out.set(ksn, key.expose())?;
        Ok(ksn)
    }

    /// The update key, an AES key of the initial key's length, under which the next initial key comes. It outlives
    /// the last transaction, and goes with the state when the next initial key is loaded.
    ///
    /// # Errors
    /// [`Error::NoKey`] if empty; `out` is empty then.
    pub fn update_key(&self, out: &mut Key<UpdateKey, Aes>) -> Result<(), Error> {
        out.zeroize();
        if self.is_empty() {
            return Err(Error::NoKey);
        }
        out.set(self.update_key.expose())
    }

    raw_fn! {
        /// Writes the state as [`Step::snapshot`] does and returns its length, at most
        /// [`SNAPSHOT_LEN`](Self::SNAPSHOT_LEN).
        ///
        /// # Errors
        /// [`Error::NoKey`], [`Error::BufferTooSmall`]; `out` is zeroed then.
        fn snapshot(&self, out: &mut [u8]) -> Result<usize, Error> {
            out.fill(0);
            self.state()?.snapshot(out)
        }

        /// Takes back the state of a snapshot ([`Step::snapshot`]) that the caller has authenticated. The place must
        /// be empty, so that no state goes back to an older counter.
        ///
        /// # Errors
        /// [`Error::BadState`] if a state is here, which stays. For a state that no terminal has, the place stays
        /// empty: [`Error::Record`] if a length, a field or the relation of counter and flags is wrong,
        /// [`Error::VerificationFailed`] if a register is zero that must hold a key, or the reverse.
        ///
        /// # Timing
        /// Constant in the registers.
        fn restore(&mut self, snapshot: &[u8]) -> Result<(), Error> {
            if !self.is_empty() {
                return Err(Error::BadState);
            }
            let snapshot = Snapshot::parse(Scheme::Aes, RULE, snapshot)?;
            let id = InitialKeyId::parse(snapshot.identity).map_err(|_| Error::Record)?;
            self.update_key.set(snapshot.update_key)?;
            for (to, from) in self.registers.expose_mut().iter_mut().zip(snapshot.registers) {
                *to = *from;
            }
            self.id = Some(id);
            self.counter = snapshot.counter;
            self.valid = snapshot.valid;
            self.changed = 0;
            Ok(())
        }
    }

    /// Derives the keys of all registers in `mask` from the key of `counter` (0: the initial key).
    #[inline(never)]
    fn fill(&mut self, key: &[u8], id: &InitialKeyId, counter: u32, mask: u32) -> Result<(), Error> {
        let (parent, key_type) = (Cipher::new(key)?, KeyType::aes(key.len())?);
        let registers = self.registers.expose_mut().chunks_exact_mut(key_type.key_len());
        for (bit, register) in (0..u32::BITS).zip(registers) {
            let bit = 1 << bit;
            if mask & bit != 0 {
                derive(
                    &parent,
                    KeyUsage::KeyDerivation,
                    key_type,
                    id.context(counter | bit),
                    register,
                );
            }
        }
        self.changed |= mask;
        Ok(())
    }

    fn commit(&mut self, journal: &mut impl Journal) -> Result<(), Error> {
        journal.commit(&self.state()?)?;
        self.changed = 0;
        Ok(())
    }

    pub(crate) fn state(&self) -> Result<Step<'_>, Error> {
        let key_len = self.update_key.len();
        let registers = self.registers.expose().get(..key_len.wrapping_mul(REGISTERS));
        Ok(Step {
            scheme: Scheme::Aes,
            identity: self.id.as_ref().ok_or(Error::NoKey)?.as_bytes(),
            counter: self.counter,
            changed: self.changed,
            valid: self.valid,
            key_len,
            registers: registers.ok_or(Error::Internal)?,
            update_key: self.update_key.expose(),
        })
    }
}

impl Zeroize for Terminal {
    fn zeroize(&mut self) {
        self.registers.zeroize();
        self.update_key.zeroize();
        self.id = None;
        self.counter = 0;
        self.valid = 0;
        self.changed = 0;
    }
}

impl ZeroizeOnDrop for Terminal {}

impl fmt::Debug for Terminal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Terminal")
            .field("id", &self.id)
            .field("counter", &self.counter)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Taken(u32);

    impl Journal for Taken {
        fn commit(&mut self, step: &Step<'_>) -> Result<(), Error> {
            self.0 = step.counter;
            Ok(())
        }
    }

    fn loaded(journal: &mut Taken) -> Terminal {
        let (mut terminal, mut ik) = (Terminal::empty(), Key::empty());
        ik.set(&[0x40; 24]).unwrap();
        let id = InitialKeyId::parse(&[1, 2, 3, 4, 5, 6, 7, 8]).unwrap();
        terminal.load(&mut ik, &id, journal).unwrap();
        terminal
    }

    #[test]
    fn a_register_without_a_key_stops_the_terminal() {
        let (mut journal, mut out) = (Taken(0), Transaction::empty());
        let mut terminal = loaded(&mut journal);
        terminal.step(&mut journal, &mut out).unwrap();
        terminal.registers.zeroize();
        for _ in 0..3 {
            assert_eq!(terminal.step(&mut journal, &mut out), Err(Error::RegisterInvalid));
            assert!(out.is_empty());
        }
        assert_eq!(journal.0, 2);
    }

    #[test]
    fn flags_and_counter_must_agree() {
        let (mut journal, mut out) = (Taken(0), Transaction::empty());
        let mut terminal = loaded(&mut journal);
        terminal.counter = 9;
        assert_eq!(terminal.step(&mut journal, &mut out), Err(Error::RegisterInvalid));
        terminal.counter = RULE.mask;
        assert_eq!(terminal.step(&mut journal, &mut out), Err(Error::RegisterInvalid));
        assert_eq!(journal.0, 1);
    }
}
