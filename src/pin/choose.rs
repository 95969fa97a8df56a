// SPDX-License-Identifier: MIT OR Apache-2.0
//! PINs that an issuer chooses, and PINs that nobody should. Host side.

use subtle::Choice;

use crate::ct;
use crate::entropy::Entropy;
use crate::error::Error;
use crate::pin::{MAX_DRAWS, MAX_LEN, MIN_LEN, Pin, draw, nibbles};
use crate::secret::Secret;

/// Draws a PIN of `len` digits, 4 to 12, each uniform over 0 to 9: a random nibble over 9 is thrown away.
///
/// # Errors
/// [`Error::InvalidLength`]; [`Error::Entropy`] if the source failed or gives one byte all the time. `out` is empty
/// then.
///
/// # Timing
/// The length, and how many nibbles were thrown away, which says nothing about those that were taken.
///
/// # Source
/// ISO 9564-1, random PINs.
pub fn random(len: u8, rng: &mut impl Entropy, out: &mut Pin) -> Result<(), Error> {
    out.clear();
    if !(MIN_LEN..=MAX_LEN).contains(&len) {
        return Err(Error::InvalidLength);
    }
    let mut random = Secret::<16>::zeroed();
    let mut digits = Secret::<12>::zeroed();
    let mut places = digits.expose_mut().iter_mut().take(usize::from(len));
    let mut place = places.next();
    for _ in 0..MAX_DRAWS {
        draw(rng, &mut random)?;
        for nibble in nibbles(random.expose()) {
            let Some(digit) = &mut place else {
                break;
            };
            let mut taken = [ct::mask_digit(nibble)];
            ct::public(&mut taken);
            if taken != [0] {
                **digit = nibble;
                place = places.next();
            }
        }
        if place.is_none() {
            return out.assign(len, digits.expose());
        }
    }
    Err(Error::Entropy)
}

/// Whether a PIN is one that is guessed first: one digit throughout (0000), or each digit one more or each one less than
/// the one before, 9 and 0 being neighbours (1234, 8901, 4321). Of an empty PIN the answer is yes.
///
/// # Timing
/// Constant, also in the PIN's length.
#[must_use]
pub fn is_trivial(pin: &Pin) -> Choice {
    let (len, digits) = pin.parts();
    let (mut same, mut up, mut down) = (0xFF, 0xFF, 0xFF);
    for ((&before, &digit), i) in digits.iter().zip(digits.iter().skip(1)).zip(1..) {
        let unused = !ct::mask_lt(i, len);
        same &= unused | ct::mask_eq(digit, before);
        up &= unused | ct::mask_eq(digit, next(before));
        down &= unused | ct::mask_eq(before, next(digit));
    }
    ct::choice(same | up | down)
}

/// Whether a PIN stands in a list, which is public.
///
/// # Timing
/// The length of the list.
#[must_use]
pub fn is_listed(pin: &Pin, list: &[&[u8]]) -> Choice {
    let (len, digits) = pin.parts();
    let found = list.iter().fold(0, |found, item| {
        // Lengths of the list are public; an item that no PIN can be is never found.
        let same_len = u8::try_from(item.len()).map_or(0, |n| ct::mask_eq(len, n & 127));
        let same = digits
            .iter()
            .zip(item.iter())
            .fold(same_len, |same, (a, b)| same & ct::mask_eq(*a, *b));
        found | same
    });
    ct::choice(found)
}

/// The next digit, 0 after 9.
const fn next(digit: u8) -> u8 {
    digit.wrapping_add(1) & !ct::mask_eq(digit, 9)
}

#[cfg(test)]
mod tests {
    use super::*;

    extern crate std;
    use std::vec::Vec;

    fn pin(digits: &[u8]) -> Pin {
        let mut own = [0; 12];
        own[..digits.len()].copy_from_slice(digits);
        let mut pin = Pin::empty();
        pin.assign(digits.len().try_into().unwrap(), &own).unwrap();
        pin
    }

    #[test]
    fn every_trivial_pin_of_four_digits() {
        let mut count = 0;
        for n in 0..10_000_u16 {
            let digits = [n / 1000, n / 100 % 10, n / 10 % 10, n % 10].map(|d| u8::try_from(d).unwrap());
            let steps = |step: u8| digits.windows(2).all(|w| w[1] == (w[0] + step) % 10);
            let expected = steps(0) || steps(1) || steps(9);
            assert_eq!(bool::from(is_trivial(&pin(&digits))), expected, "{digits:?}");
            count += u32::from(expected);
        }
        assert_eq!(count, 30);
    }

    #[test]
    fn trivial_pins_of_every_length() {
        for len in 4..=12_u8 {
            for first in 0..10 {
                for step in [0, 1, 9] {
                    let mut digits: Vec<u8> = (0..len).map(|i| (first + i * step) % 10).collect();
                    assert!(bool::from(is_trivial(&pin(&digits))), "{digits:?}");
                    for place in 0..usize::from(len) {
                        let kept = digits[place];
                        digits[place] = (kept + 4) % 10;
                        assert!(!bool::from(is_trivial(&pin(&digits))), "{digits:?}");
                        digits[place] = kept;
                    }
                }
            }
        }
        assert!(bool::from(is_trivial(&Pin::empty())));
    }

    #[test]
    fn lists() {
        let list: [&[u8]; 4] = [&[2, 5, 8, 0], &[1, 9, 8, 4], &[1, 2, 3, 4, 5, 7], &[0; 200]];
        for digits in &list[..3] {
            assert!(bool::from(is_listed(&pin(digits), &list)));
        }
        for digits in [&[2, 5, 8, 1][..], &[2, 5, 8, 0, 0], &[1, 2, 3, 4, 5], &[0; 12]] {
            assert!(!bool::from(is_listed(&pin(digits), &list)));
        }
        assert!(!bool::from(is_listed(&pin(&[1, 2, 3, 4]), &[])));
        // What a list says twice is in it all the same.
        assert!(bool::from(is_listed(&pin(list[0]), &[list[0], list[0]])));
    }

    /// A source whose digits are counted.
    struct Mix(u64);

    impl Entropy for Mix {
        fn fill(&mut self, out: &mut [u8]) -> Result<(), Error> {
            for byte in out {
                self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
                let x = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
                let x = (x ^ (x >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
                *byte = (x >> 56).to_be_bytes()[7];
            }
            Ok(())
        }
    }

    /// A source that varies and never gives a digit.
    struct Letters(u8);

    impl Entropy for Letters {
        fn fill(&mut self, out: &mut [u8]) -> Result<(), Error> {
            for byte in out {
                self.0 ^= 1;
                *byte = 0xFA + self.0;
            }
            Ok(())
        }
    }

    #[test]
    fn digits_are_uniform() {
        let mut rng = Mix(7);
        let mut counts = [[0_u32; 10]; 12];
        let mut out = Pin::empty();
        for _ in 0..10_000 {
            random(12, &mut rng, &mut out).unwrap();
            for (count, &digit) in counts.iter_mut().zip(out.parts().1) {
                count[usize::from(digit)] += 1;
            }
        }
        // Nine degrees of freedom: 33.7 is p = 0.0001.
        for place in counts {
            let chi: f64 = place.iter().map(|&n| (f64::from(n) - 1000.0).powi(2) / 1000.0).sum();
            assert!(chi < 33.7, "{chi} {place:?}");
        }
    }

    #[test]
    fn lengths_and_bad_sources() {
        let mut out = pin(&[1, 2, 3, 4]);
        for len in [0, 3, 13, 255] {
            assert_eq!(random(len, &mut Mix(1), &mut out), Err(Error::InvalidLength));
            assert_eq!(out.parts(), (0, &[0; 12]));
        }
        for len in 4..=12 {
            random(len, &mut Mix(len.into()), &mut out).unwrap();
            assert_eq!(out.parts().0, len);
        }
        assert_eq!(random(4, &mut Letters(0), &mut out), Err(Error::Entropy));
        assert_eq!(out.parts(), (0, &[0; 12]));
    }
}
