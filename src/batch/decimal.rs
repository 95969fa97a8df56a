// SPDX-License-Identifier: MIT OR Apache-2.0
//! Decimal digits on planes.

use crate::cipher::bitslice::{Planes, Word};

/// Whether a nibble is at most 9.
#[inline(always)]
pub(super) fn is_digit<W: Word>([b3, b2, b1, _]: [W; 4]) -> W {
    b3.and(b2.or(b1)).not()
}

/// Whether a nibble is `value`.
#[inline(always)]
pub(super) fn is<W: Word>(nibble: [W; 4], value: u8) -> W {
    let mut all = W::ONES;
    for (bit, weight) in nibble.into_iter().zip([8, 4, 2, 1]) {
        all = if value & weight == 0 {
            all.andn(bit)
        } else {
            all.and(bit)
        };
    }
    all
}

/// Decimalisation in two passes: `N` digits, first the decimal ones of the 16 nibbles from left to right, then the letters,
/// A as 0 to F as 5. `count[k]` is the mask of the jobs that have *k* digits so far.
#[inline(always)]
pub(super) fn two_pass<W: Word, const N: usize>(block: &Planes<W>) -> [[W; 4]; N] {
    let mut out = [[W::ZERO; 4]; N];
    let mut count = [W::ZERO; N];
    if let Some(none) = count.first_mut() {
        *none = W::ONES;
    }
    let (nibbles, _) = block.0.as_chunks::<4>();
    for letters in [false, true] {
        for &nibble in nibbles {
            let [b3, b2, b1, b0] = nibble;
            let digit = is_digit(nibble);
            // A letter less 10.
            let (take, value) = if letters {
                (digit.not(), [W::ZERO, b2.and(b1), b1.not(), b0])
            } else {
                (digit, [b3, b2, b1, b0])
            };
            let mut before = W::ZERO;
            for (place, count) in out.iter_mut().zip(&mut count) {
                let here = take.and(*count);
                for (to, bit) in place.iter_mut().zip(value) {
                    *to = to.or(bit.and(here));
                }
                // Jobs that took a digit here have one more.
                *count = count.andn(take).or(before);
                before = here;
            }
        }
    }
    out
}
