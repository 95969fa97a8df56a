// SPDX-License-Identifier: MIT OR Apache-2.0
//! Sets of places of the table: a command looks at the keys that it uses, however many there are beside them.

use core::cell::Cell;

/// Places of a word.
const BITS: usize = 32;

/// A set of places.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Places([u32; 8]);

impl Places {
    fn bit(index: usize) -> u32 {
        1_u32.wrapping_shl(u32::try_from(index & 31).unwrap_or(0))
    }

    pub(super) fn insert(&mut self, index: usize) {
        if let Some(word) = self.0.get_mut(index >> 5) {
            *word |= Self::bit(index);
        }
    }

    pub(super) fn remove(&mut self, index: usize) {
        if let Some(word) = self.0.get_mut(index >> 5) {
            *word &= !Self::bit(index);
        }
    }

    pub(super) fn has(&self, index: usize) -> bool {
        self.0.get(index >> 5).is_some_and(|word| word & Self::bit(index) != 0)
    }

    /// The first place from `from` on that is in the set.
    pub(super) fn next(&self, from: usize) -> Option<u8> {
        for (word, base) in self.0.iter().zip((0_usize..).step_by(BITS)) {
            let below = u32::try_from(from.saturating_sub(base)).unwrap_or(u32::MAX);
            let rest = word & u32::MAX.checked_shl(below).unwrap_or(0);
            if rest != 0 {
                return u8::try_from(base.wrapping_add(rest.trailing_zeros() as usize)).ok();
            }
        }
        None
    }
}

/// What the table remembers of its places. A set may hold a place too many: it is looked at for nothing.
#[derive(Debug, Default)]
pub(super) struct Marks {
    /// Keys that the running command has asked for: they may be [armed](super::Slot::permit).
    pub(super) asked: Cell<Places>,
    /// Keys that have changed: their records may be behind.
    pub(super) changed: Cell<Places>,
    /// Keys that stand in more than one slot.
    pub(super) copied: Copied,
    /// A place was not as the last command left it.
    pub(super) damaged: Cell<bool>,
}

/// Keys that stand in more than one slot, in two sets: a bit that is lost in one of them hides no copy.
#[derive(Debug, Default)]
pub(super) struct Copied([Places; 2]);

impl Copied {
    pub(super) fn insert(&mut self, index: usize) {
        self.0.iter_mut().for_each(|set| set.insert(index));
    }

    pub(super) fn remove(&mut self, index: usize) {
        self.0.iter_mut().for_each(|set| set.remove(index));
    }

    pub(super) fn has(&self, index: usize) -> bool {
        self.0.iter().any(|set| set.has(index))
    }
}

impl Marks {
    /// Adds a place to a set.
    pub(super) fn add(set: &Cell<Places>, index: usize) {
        let mut places = set.get();
        places.insert(index);
        set.set(places);
    }

    /// Takes a place out of a set.
    pub(super) fn drop(set: &Cell<Places>, index: usize) {
        let mut places = set.get();
        places.remove(index);
        set.set(places);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_set_of_places() {
        let mut set = Places::default();
        assert_eq!(set.next(0), None);
        for index in [0, 1, 31, 32, 100, 255] {
            set.insert(index);
            assert!(set.has(index));
        }
        // There is no such place.
        set.insert(256);
        let mut found = [0; 6];
        let mut from = 0;
        for place in &mut found {
            *place = set.next(from).unwrap();
            from = usize::from(*place) + 1;
        }
        assert_eq!(found, [0, 1, 31, 32, 100, 255]);
        assert_eq!((set.next(256), set.next(usize::MAX)), (None, None));
        set.remove(32);
        assert!(!set.has(32) && !set.has(256));
        assert_eq!(set.next(32), Some(100));
    }
}
