// SPDX-License-Identifier: MIT OR Apache-2.0
//! A sum over everything that a slot holds, key and all: a bit that changes in memory while no command runs is noticed
//! before the key does anything.
//!
//! Each step is a permutation of the sum for every word, so that one changed word never leaves it as it was. It is no
//! authenticator: whoever writes to the module's memory at will has the keys.

use core::hash::{Hash, Hasher};

use subtle::ConstantTimeEq;

use super::Slot;
use crate::ct;
use crate::error::Error;

/// The sum so far.
pub(in crate::hsm) struct Sum(u32);

impl Sum {
    pub(in crate::hsm) const fn new() -> Self {
        Self(0x9D2C_5680)
    }

    /// Takes a word.
    #[inline]
    pub(in crate::hsm) const fn fold(&mut self, word: u32) {
        // An odd factor, and a rotation: both can be undone.
        self.0 = (self.0 ^ word).wrapping_mul(0x9E37_79B1).rotate_left(13);
    }

    pub(in crate::hsm) const fn value(&self) -> u32 {
        self.0
    }
}

/// For the derived `Hash` of what is not secret.
impl Hasher for Sum {
    fn write(&mut self, bytes: &[u8]) {
        let (words, rest) = bytes.as_chunks::<4>();
        words.iter().for_each(|word| self.fold(u32::from_le_bytes(*word)));
        let last = rest.iter().fold(0, |word, byte| word << 8 | u32::from(*byte));
        if !rest.is_empty() {
            self.fold(last);
        }
    }

    fn write_u8(&mut self, byte: u8) {
        self.fold(byte.into());
    }

    fn write_u16(&mut self, half: u16) {
        self.fold(half.into());
    }

    fn write_u32(&mut self, word: u32) {
        self.fold(word);
    }

    fn write_usize(&mut self, word: usize) {
        self.write(&word.to_le_bytes());
    }

    fn write_isize(&mut self, word: isize) {
        self.write(&word.to_le_bytes());
    }

    fn finish(&self) -> u64 {
        self.0.into()
    }
}

/// Judges a sum. Only its verdict shows.
///
/// # Errors
/// [`Error::Tampered`] if they differ.
#[inline(never)]
pub(in crate::hsm) fn judge(sum: u32, seal: u32) -> Result<(), Error> {
    let mut bit = [sum.ct_eq(&seal).unwrap_u8()];
    ct::public(&mut bit);
    if bit == [1] { Ok(()) } else { Err(Error::Tampered) }
}

impl Slot {
    #[inline(never)]
    fn sum(&self) -> u32 {
        let mut sum = Sum::new();
        let key = self.material.expose();
        sum.write_usize(key.len());
        sum.write(key);
        self.entry.hash(&mut sum);
        self.history.hash(&mut sum);
        sum.fold(u32::from(self.failures) | u32::from(self.invalid) << 8);
        sum.fold(self.generation.value());
        self.choice.hash(&mut sum);
        sum.fold(self.blocks);
        self.bounds.hash(&mut sum);
        self.stored.hash(&mut sum);
        sum.value()
    }

    /// Judges whether everything is as the last command left it.
    ///
    /// # Errors
    /// [`Error::Tampered`].
    pub(super) fn sound(&self) -> Result<(), Error> {
        judge(self.sum(), self.seal)
    }

    /// Everything in the slot is as it should be.
    pub(super) fn reseal(&mut self) {
        self.seal = self.sum();
    }

    /// Changes something. What was not as it should be stays so.
    pub(super) fn touch(&mut self, change: impl FnOnce(&mut Self)) {
        let was = self.sum();
        change(self);
        // Without a branch: the difference goes on.
        self.seal ^= was ^ self.sum();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hsm::slot::{Choices, KeyCheck};
    use crate::key::usage::{Attributes, Exportability, KeyAlgorithm, ModeOfUse, Usage};

    fn slot() -> Slot {
        let attributes = Attributes::new(
            Usage::D0,
            KeyAlgorithm::Aes,
            ModeOfUse::Both,
            Exportability::NonExportable,
        );
        let mut slot = Slot::EMPTY;
        slot.material.set(&[0x5A; 16]).unwrap();
        slot.entry = Some((attributes, KeyCheck::of(&attributes, &[0x5A; 16]).unwrap()));
        slot.reseal();
        slot
    }

    #[test]
    fn every_bit_of_the_key_counts() {
        let mut slot = slot();
        assert_eq!(slot.sound(), Ok(()));
        for bit in 0..128 {
            slot.material.expose_mut()[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(slot.sound(), Err(Error::Tampered), "{bit}");
            slot.material.expose_mut()[bit / 8] ^= 1 << (bit % 8);
        }
        assert_eq!(slot.sound(), Ok(()));
    }

    #[test]
    fn everything_else_counts() {
        let changes: [fn(&mut Slot); 11] = [
            |slot| slot.entry.as_mut().unwrap().0.usage = Usage::P0,
            |slot| slot.entry.as_mut().unwrap().0.mode = ModeOfUse::Encrypt,
            |slot| slot.entry.as_mut().unwrap().0.exportability = Exportability::Exportable,
            |slot| slot.entry = None,
            |slot| slot.failures = 1,
            |slot| slot.invalid = true,
            |slot| slot.choice = Some(Choices::Ctr),
            |slot| slot.blocks = 1,
            |slot| slot.bounds.owner = 1,
            |slot| slot.bounds.max_uses = 0,
            |slot| slot.stored.is_stored = true,
        ];
        for change in changes {
            let mut changed = slot();
            change(&mut changed);
            assert_eq!(changed.sound(), Err(Error::Tampered));
            // A change that is meant is sound; it does not make sound what was not.
            let mut meant = slot();
            meant.touch(change);
            assert_eq!(meant.sound(), Ok(()));
            changed.touch(|slot| slot.blocks = 7);
            assert_eq!(changed.sound(), Err(Error::Tampered));
        }
    }

    #[test]
    fn every_bit_of_the_seal_counts() {
        for bit in 0..32 {
            let mut slot = slot();
            slot.seal ^= 1 << bit;
            assert_eq!(slot.sound(), Err(Error::Tampered));
        }
    }
}
