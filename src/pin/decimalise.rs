// SPDX-License-Identifier: MIT OR Apache-2.0
//! Decimalisation in two passes, data-oblivious: the Visa PVV and card verification values take their digits so.

use crate::ct;

/// Takes `out.len()` decimal digits (at most 16) from the 16 hexadecimal digits of `block`: first its decimal digits
/// from left to right, then its letters, A as 0 to F as 5.
///
/// Every digit is looked at for every place of `out` in both passes, so neither the number of decimal digits nor their
/// places show.
pub(crate) fn two_pass(block: &[u8; 8], out: &mut [u8]) {
    out.fill(0);
    let mut count = 0_u8;
    for letters in [0, 0xFF] {
        for nibble in block.iter().flat_map(|byte| [byte >> 4, byte & 15]) {
            let take = ct::mask_digit(nibble) ^ letters;
            // 10 less for the letters of the second pass.
            let value = nibble.wrapping_sub(letters & 10);
            for (digit, place) in out.iter_mut().zip(0..) {
                *digit |= value & take & ct::mask_eq(count, place);
            }
            count = count.wrapping_add(take & 1);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reference(block: &[u8; 8], out: &mut [u8]) -> bool {
        let nibbles = || block.iter().flat_map(|b| [b >> 4, b & 15]);
        let all = nibbles()
            .filter(|n| *n < 10)
            .chain(nibbles().filter(|n| *n >= 10).map(|n| n - 10));
        for (to, from) in out.iter_mut().zip(all) {
            *to = from;
        }
        nibbles().filter(|n| *n < 10).count() < out.len()
    }

    #[test]
    fn agrees_with_the_plain_form() {
        let mut x = 0x0123_4567_89AB_CDEF_u64;
        let mut second = 0;
        for round in 0..20_000_u32 {
            x = x
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            let mut block = (x ^ (x >> 29)).to_be_bytes();
            if round % 3 == 0 {
                // Many letters, so that the second pass counts.
                block = block.map(|b| b | 0xAA);
            }
            let (mut a, mut b) = ([0; 5], [0; 5]);
            two_pass(&block, &mut a);
            second += u32::from(reference(&block, &mut b));
            assert_eq!(a, b);
        }
        assert!(second > 5_000);
        let mut out = [0; 16];
        two_pass(&[0xFA, 0xEB, 0xDC, 0xCD, 0xBE, 0xAF, 0xFF, 0xAA], &mut out);
        assert_eq!(out, [5, 0, 4, 1, 3, 2, 2, 3, 1, 4, 0, 5, 5, 5, 0, 0]);
    }
}
