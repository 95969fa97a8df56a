// SPDX-License-Identifier: MIT OR Apache-2.0
//! What the serial numbers of both schemes share: the counter rule and the printed form.

use core::fmt;

use crate::error::Error;

/// The counter rule of a scheme: which counters are transactions.
#[derive(Clone, Copy, Debug)]
pub(super) struct CounterRule {
    /// All counter bits.
    pub(super) mask: u32,
    /// The most one bits that a transaction counter has.
    pub(super) max_weight: u32,
}

impl CounterRule {
    /// Whether `counter` is a transaction.
    pub(super) const fn check(self, counter: u32) -> Result<(), Error> {
        if counter & !self.mask != 0 {
            Err(Error::InvalidArgument)
        } else if counter == 0 {
            Err(Error::CounterZero)
        } else if counter.count_ones() > self.max_weight {
            Err(Error::CounterOverweight)
        } else {
            Ok(())
        }
    }

    /// The smallest transaction counter above `counter`.
    #[inline]
    pub(super) const fn next(self, counter: u32) -> Option<u32> {
        if counter >= self.mask {
            return None;
        }
        let mut next = counter.wrapping_add(1);
        // Every number from an overweight one up to the next multiple of its lowest one bit has at least the same
        // weight: all of them are passed over. Each addition clears the lowest one bit, so this ends.
        while next.count_ones() > self.max_weight {
            next = next.wrapping_add(lowest_one(next));
        }
        if next == 0 || next > self.mask {
            None
        } else {
            Some(next)
        }
    }

    /// How many transactions have counters up to `counter`: for a transaction its number, beginning at 1.
    ///
    /// Every one bit of `counter` stands for the numbers that agree above it and have a zero there; of these the ones
    /// count whose lower bits are light enough. How many of *n* bits have at most *m* ones is a sum of binomial
    /// coefficients, grown bit by bit as in Pascal's triangle.
    pub(super) fn ordinal(self, counter: u32) -> u32 {
        // One entry for each m, 16 at most.
        let mut light = [1_u32; 17];
        let mut below = 0_u32;
        for bit in 0..u32::BITS {
            if (counter >> bit) & 1 == 1 {
                let above = counter.checked_shr(bit.wrapping_add(1)).unwrap_or(0).count_ones();
                let rest = self.max_weight.checked_sub(above);
                let rest = rest.and_then(|rest| light.get(usize::try_from(rest).ok()?));
                below = below.wrapping_add(rest.copied().unwrap_or(0));
            }
            let mut smaller = 0;
            for sum in &mut light {
                let grown = sum.wrapping_add(smaller);
                smaller = core::mem::replace(sum, grown);
            }
        }
        // All numbers below, with 0, which is none, in place of `counter` itself, if that is one.
        let own = u32::from(counter.count_ones() <= self.max_weight);
        below.wrapping_add(own).wrapping_sub(1)
    }

    /// The registers that hold keys before the transaction `counter`; none if it is 0 (exhausted).
    #[cfg(any(feature = "terminal", test))]
    pub(super) const fn registers(self, counter: u32) -> u32 {
        counter.wrapping_neg() & self.mask
    }

    /// Whether the children of `counter` are transactions too.
    #[cfg(any(feature = "terminal", test))]
    pub(super) const fn has_children(self, counter: u32) -> bool {
        counter.count_ones() < self.max_weight
    }
}

/// The lowest one bit of `counter`.
pub(super) const fn lowest_one(counter: u32) -> u32 {
    counter & counter.wrapping_neg()
}

/// The one bits of `counter` from the highest down, each as the prefix of `counter` that ends with it: the counters
/// along the path of derivation from the initial key.
pub(super) fn prefixes(counter: u32) -> impl Iterator<Item = u32> {
    (0..u32::BITS)
        .rev()
        .filter(move |&bit| (counter >> bit) & 1 == 1)
        .map(move |bit| counter & (u32::MAX << bit))
}

/// Upper-case hexadecimal.
pub(super) fn print(bytes: &[u8], f: &mut fmt::Formatter<'_>) -> fmt::Result {
    bytes.iter().try_for_each(|byte| write!(f, "{byte:02X}"))
}

/// `Display` and `Debug` as upper-case hexadecimal.
macro_rules! printed {
    ($name:ident) => {
        impl ::core::fmt::Display for $name {
            fn fmt(&self, f: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {
                crate::dukpt::ksn::print(&self.0, f)
            }
        }

        impl ::core::fmt::Debug for $name {
            fn fmt(&self, f: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {
                f.write_str(concat!(stringify!($name), "("))?;
                ::core::fmt::Display::fmt(self, f)?;
                f.write_str(")")
            }
        }
    };
}

pub(super) use printed;

#[cfg(test)]
mod tests {
    use super::*;

    const SMALL: CounterRule = CounterRule {
        mask: 0x3F,
        max_weight: 3,
    };

    #[test]
    fn next_is_the_smallest_greater_transaction() {
        for counter in 0..=0x3F_u32 {
            let expected = (counter + 1..=0x3F).find(|&c| SMALL.check(c).is_ok());
            assert_eq!(SMALL.next(counter), expected, "{counter}");
        }
    }

    #[test]
    fn ordinals_count_transactions() {
        let mut count = 0;
        for counter in 0..=0x3F_u32 {
            count += u32::from(SMALL.check(counter).is_ok());
            assert_eq!(SMALL.ordinal(counter), count, "{counter}");
        }
        let rule = crate::dukpt::tdes::RULE;
        let mut count = 0;
        for counter in 0..=rule.mask {
            count += u32::from(rule.check(counter).is_ok());
            if counter % 61 == 0 || counter > rule.mask - 4 {
                assert_eq!(rule.ordinal(counter), count, "{counter}");
            }
        }
        assert_eq!(crate::dukpt::aes::RULE.ordinal(0xFFFF_0000), 2_448_023_842);
        assert_eq!(crate::dukpt::aes::RULE.ordinal(u32::MAX), 2_448_023_842);
    }

    #[test]
    fn registers_follow_from_the_counter() {
        // Plays the register machine of the standard with flags instead of keys.
        let mut flags = SMALL.mask;
        let mut counter = SMALL.next(0);
        while let Some(c) = counter {
            assert_eq!(SMALL.registers(c), flags, "{c}");
            let used = lowest_one(c);
            assert_ne!(flags & used, 0);
            flags &= !used;
            if SMALL.has_children(c) {
                flags |= used - 1;
            }
            counter = SMALL.next(c);
        }
        assert_eq!(flags, SMALL.registers(0));
    }

    #[test]
    fn prefixes_lead_to_the_counter() {
        assert!(prefixes(0b1011).eq([0b1000, 0b1010, 0b1011]));
        assert!(prefixes(0x8000_0001).eq([0x8000_0000, 0x8000_0001]));
        assert_eq!(prefixes(0).count(), 0);
    }
}
