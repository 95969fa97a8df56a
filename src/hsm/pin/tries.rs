// SPDX-License-Identifier: MIT OR Apache-2.0
//! PIN blocks that did not open.
//!
//! A block of format 0 or 3 that is tried under other and other PANs tells, by which of them it is well-formed, digits of
//! its PIN. A card's tries do not see that: each PAN is another card. So a block itself has three tries in which it was
//! malformed, in the commands that tell just that. A PIN that is verified and wrong does not count here: its block may
//! be sound, and the same each time. Nor do blocks of format 4, each of which is another one and bound to its whole PAN.

use crate::error::Error;
use crate::pin::block::BLOCK_LEN;

/// Wrong tries of one block.
const MAX_FAILURES: u8 = 3;
/// Blocks that are remembered. A new one takes the place of the one with the fewest wrong tries, of those the oldest.
const ENTRIES: usize = 8;

#[derive(Clone, Copy)]
struct Entry {
    block: [u8; BLOCK_LEN],
    failures: u8,
}

/// The blocks, as they came in.
pub(in crate::hsm) struct Tries {
    entries: [Entry; ENTRIES],
}

impl Tries {
    pub(in crate::hsm) const NONE: Self = Self {
        entries: [Entry {
            block: [0; BLOCK_LEN],
            failures: 0,
        }; ENTRIES],
    };

    /// Judges whether a block may be tried once more, under whatever key.
    pub(super) fn judge(&self, block: &[u8]) -> Result<(), Error> {
        let known = self.entries.iter().find(|entry| entry.block == *block);
        if known.is_some_and(|entry| entry.failures >= MAX_FAILURES) {
            return Err(Error::LimitReached);
        }
        Ok(())
    }

    /// Counts a wrong try.
    pub(super) fn count(&mut self, block: &[u8]) {
        let Ok(block) = <[u8; BLOCK_LEN]>::try_from(block) else {
            return;
        };
        // The newest stands last.
        let known = self.entries.iter().position(|entry| entry.block == block);
        let fewest = || {
            let places = self.entries.iter().zip(0_usize..);
            places.min_by_key(|(entry, _)| entry.failures).map(|(_, at)| at)
        };
        let Some(at) = known.or_else(fewest) else {
            return;
        };
        if let Some(rest @ [_, ..]) = self.entries.get_mut(at..) {
            rest.rotate_left(1);
        }
        if let Some(last) = self.entries.last_mut() {
            let failures = if last.block == block { last.failures } else { 0 };
            *last = Entry {
                block,
                failures: failures.saturating_add(1),
            };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_wrong_tries_of_one_block() {
        let mut tries = Tries::NONE;
        for expected in [Ok(()), Ok(()), Ok(()), Err(Error::LimitReached)] {
            assert_eq!(tries.judge(&[1; 8]), expected);
            tries.count(&[1; 8]);
        }
        assert_eq!(tries.judge(&[2; 8]), Ok(()));
        // Blocks of format 4 are not counted.
        (0..9).for_each(|_| tries.count(&[1; 16]));
        assert_eq!(tries.judge(&[1; 16]), Ok(()));
    }

    #[test]
    fn blocks_with_fewer_wrong_tries_make_room() {
        let mut tries = Tries::NONE;
        (0..3).for_each(|_| tries.count(&[0xFF; 8]));
        for block in 1..=100 {
            tries.count(&[block; 8]);
            assert_eq!(tries.judge(&[0xFF; 8]), Err(Error::LimitReached));
        }
        let known = |tries: &Tries, block: u8| tries.entries.iter().any(|entry| entry.block == [block; 8]);
        assert!((94..=100).all(|block| known(&tries, block)));
        assert!((1..94).all(|block| !known(&tries, block)));
        // Only blocks that are locked themselves displace it.
        for block in 1..=8 {
            (0..3).for_each(|_| tries.count(&[block; 8]));
        }
        assert_eq!(tries.judge(&[0xFF; 8]), Ok(()));
        assert_eq!(tries.judge(&[8; 8]), Err(Error::LimitReached));
    }
}
