// SPDX-License-Identifier: MIT OR Apache-2.0
use core::fmt;

use zeroize::{Zeroize, ZeroizeOnDrop};

use crate::ct;
use crate::dukpt::ksn::lowest_one;
use crate::dukpt::scheme::Scheme;
use crate::dukpt::state::{Journal, Snapshot, Step, snapshot_len};
use crate::dukpt::tdes::ksn::RULE;
use crate::dukpt::tdes::nrkg::Nrkg;
use crate::dukpt::tdes::{InitialKeyId, Ksn, Transaction};
use crate::error::Error;
use crate::key::role::InitialKey;
use crate::key::{Key, Tdea};
use crate::secret::Secret;
use crate::weaken::guard;

const REGISTERS: usize = 21;
const KEY_LEN: usize = 16;

/// The originating side: the 21 future-key registers of one initial key and the KSN.
///
/// 336 bytes of registers and a few words. Wiped on drop and by [`Zeroize`]. Made [`empty`](Self::empty) where it
/// shall live, then loaded or restored.
///
/// # Example
/// ```
/// # #[cfg(all(feature = "hazmat", feature = "terminal"))] {
/// use payhsm::dukpt::{Unstored, tdes};
/// use payhsm::key::Key;
///
/// let hex = |s| u128::from_str_radix(s, 16).map(u128::to_be_bytes).unwrap();
/// let mut ik = Key::from_bytes(&hex("6AC292FAA1315B4D858AB3A3D7D5933A"))?;
/// let id = tdes::InitialKeyId::parse(&[0xFF, 0xFF, 0x98, 0x76, 0x54, 0x32, 0x10, 0xE0, 0, 0])?;
///
/// let mut terminal = tdes::Terminal::empty();
/// terminal.load(&mut ik, &id, &mut Unstored)?;
/// let mut transaction = tdes::Transaction::empty();
/// let ksn = terminal.step(&mut Unstored, &mut transaction)?;
/// assert_eq!(ksn.to_string(), "FFFF9876543210E00001");
/// assert_eq!(transaction.key_bytes(), hex("042666B49184CFA368DE9628D0397BC9"));
/// # }
/// # Ok::<(), payhsm::error::Error>(())
/// ```
///
/// # Source
/// X9.24-1:2009 A.2, A.3; X9.24-3:2017 C.3.
pub struct Terminal {
    registers: Secret<{ REGISTERS * KEY_LEN }>,
    id: Option<InitialKeyId>,
    /// The next transaction; 0 when exhausted.
    counter: u32,
    /// Which registers hold keys: a check, for the counter says it too.
    valid: u32,
    /// Registers that differ from the state last committed.
    changed: u32,
}

impl Terminal {
    /// Length of a snapshot in bytes.
    pub const SNAPSHOT_LEN: usize = snapshot_len(Scheme::Tdes, KEY_LEN);

    /// A place for a register state. Every operation with an empty one fails with [`Error::NoKey`].
    #[must_use]
    pub const fn empty() -> Self {
        Self {
            registers: Secret::zeroed(),
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

    /// The IKSN.
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

    /// Fills the registers from an initial key of 16 bytes, sets the counter to 1, commits, and wipes `ik`.
    ///
    /// What was here before is replaced, but never by the key of the same identity: its counter would start again.
    ///
    /// # Errors
    /// [`Error::NoKey`], [`Error::InvalidKeyLength`], or [`Error::CounterReplayed`] for the identity that is here:
    /// the state and `ik` stay as they are. An error of the journal: the state is empty, what the storage holds
    /// counts.
    ///
    /// # Timing
    /// Constant.
    pub fn load(
        &mut self,
        ik: &mut Key<InitialKey, Tdea>,
        id: &InitialKeyId,
        journal: &mut impl Journal,
    ) -> Result<(), Error> {
        if self.id == Some(*id) {
            return Err(Error::CounterReplayed);
        }
        let key: &[u8; KEY_LEN] = ik.material()?.try_into().map_err(|_| Error::InvalidKeyLength)?;
        self.zeroize();
        self.fill(key, id.rightmost(), RULE.mask);
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
    /// Two DES operations for each register filled, a number that the counter sets; nothing else shows.
    pub fn step(&mut self, journal: &mut impl Journal, out: &mut Transaction) -> Result<Ksn, Error> {
        out.zeroize();
        let ksn = self.ksn()?;
        let counter = ksn.counter();
        let used = lowest_one(counter);
        if self.valid != RULE.registers(counter) {
            return Err(Error::RegisterInvalid);
        }
        let mut key = Secret::<KEY_LEN>::zeroed();
        let (registers, _) = self.registers.expose_mut().as_chunks_mut::<KEY_LEN>();
        let register = registers
            .get_mut(used.trailing_zeros() as usize)
            .ok_or(Error::Internal)?;
        *key.expose_mut() = *register;
        if guard!("F04", true) {
            register.zeroize();
        }
        if ct::verdict(!ct::is_zero(key.expose())).is_err() {
            // A known key would have known descendants: nothing more comes from this state.
            self.valid = 0;
            return Err(Error::RegisterInvalid);
        }
        self.changed |= used;
        if RULE.has_children(counter) {
            self.fill(key.expose(), ksn.rightmost(), used.wrapping_sub(1));
        }
        self.counter = RULE.next(counter).unwrap_or(0);
        self.valid = RULE.registers(self.counter);
        let committed = self.commit(journal);
        guard!("F01" | "J01" | "J04", committed)?;
        out.set(ksn, key.expose());
        Ok(ksn)
    }

    raw_fn! {
        /// Writes the state as [`Step::snapshot`] does and returns [`SNAPSHOT_LEN`](Self::SNAPSHOT_LEN).
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
            let snapshot = Snapshot::parse(Scheme::Tdes, RULE, snapshot)?;
            let id = InitialKeyId::parse(snapshot.identity).map_err(|_| Error::Record)?;
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

    /// Derives from `key` the keys of all registers in `mask`. `s`: the rightmost 64 bits of the deriving key's KSN.
    fn fill(&mut self, key: &[u8; KEY_LEN], s: u64, mask: u32) {
        let (registers, _) = self.registers.expose_mut().as_chunks_mut::<KEY_LEN>();
        let nrkg = Nrkg::new(key);
        for (bit, register) in (0..u32::BITS).zip(registers) {
            let bit = 1 << bit;
            if mask & bit != 0 {
                nrkg.derive(s | u64::from(bit), register);
            }
        }
        self.changed |= mask;
    }

    fn commit(&mut self, journal: &mut impl Journal) -> Result<(), Error> {
        journal.commit(&self.state()?)?;
        self.changed = 0;
        Ok(())
    }

    fn state(&self) -> Result<Step<'_>, Error> {
        Ok(Step {
            scheme: Scheme::Tdes,
            identity: self.id.as_ref().ok_or(Error::NoKey)?.as_bytes(),
            counter: self.counter,
            changed: self.changed,
            valid: self.valid,
            key_len: KEY_LEN,
            registers: self.registers.expose(),
            update_key: &[],
        })
    }
}

impl Zeroize for Terminal {
    fn zeroize(&mut self) {
        self.registers.zeroize();
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
        ik.set(&[0x40; 16]).unwrap();
        let id = InitialKeyId::parse(&[1, 2, 3, 4, 5, 6, 7, 0, 0, 0]).unwrap();
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
