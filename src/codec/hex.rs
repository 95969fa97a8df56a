// SPDX-License-Identifier: MIT OR Apache-2.0
//! Upper-case hexadecimal, in constant time for the digits' values: key blocks carry enciphered keys in it, and MACs
//! are compared in it.

use crate::ct;
use crate::error::Error;

/// Spells each byte of `bytes` as two upper-case hexadecimal characters.
///
/// # Errors
/// [`Error::InvalidLength`] if `out` is not twice as long as `bytes`; `out` is wiped then.
///
/// # Timing
/// Depends on the length.
pub fn encode(bytes: &[u8], out: &mut [u8]) -> Result<(), Error> {
    if bytes.len().checked_mul(2) != Some(out.len()) {
        out.fill(0);
        return Err(Error::InvalidLength);
    }
    for (pair, &byte) in out.chunks_exact_mut(2).zip(bytes) {
        if let [high, low] = pair {
            *high = digit(byte >> 4);
            *low = digit(byte & 15);
        }
    }
    Ok(())
}

/// Reads upper-case hexadecimal characters; lower case, blanks and anything else are refused.
///
/// # Errors
/// [`Error::InvalidLength`] if `out` is not half as long as `text`, [`Error::Hex`] for a foreign character; `out` is
/// wiped then.
///
/// # Timing
/// Depends on the length, and on whether all characters are hexadecimal.
pub fn decode(text: &[u8], out: &mut [u8]) -> Result<(), Error> {
    if out.len().checked_mul(2) != Some(text.len()) {
        out.fill(0);
        return Err(Error::InvalidLength);
    }
    let mut bad = 0;
    for (pair, byte) in text.chunks_exact(2).zip(out.iter_mut()) {
        if let [high, low] = pair {
            let (h, bad_h) = value(*high);
            let (l, bad_l) = value(*low);
            *byte = (h << 4) | l;
            bad |= bad_h | bad_l;
        }
    }
    // Whether it is hexadecimal at all may be known.
    let mut bad = [bad];
    ct::public(&mut bad);
    if bad != [0] {
        out.fill(0);
        return Err(Error::Hex);
    }
    Ok(())
}

/// The character of a nibble.
#[must_use]
pub const fn digit(nibble: u8) -> u8 {
    let n = nibble & 15;
    // '0' + n, and 7 more from 'A' on.
    b'0'.wrapping_add(n).wrapping_add(!ct::mask_digit(n) & 7)
}

/// The nibble of a character, and `0xFF` if it is none.
const fn value(c: u8) -> (u8, u8) {
    let low = c & 0x7F;
    let decimal = ct::mask_lt(low, b'9' + 1) & !ct::mask_lt(low, b'0');
    let letter = ct::mask_lt(low, b'F' + 1) & !ct::mask_lt(low, b'A');
    let ascii = ct::mask_bit((c >> 7) ^ 1);
    let n = (decimal & low.wrapping_sub(b'0')) | (letter & low.wrapping_sub(b'A').wrapping_add(10));
    (n & 15, !((decimal | letter) & ascii))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_character() {
        for c in 0..=255_u8 {
            let expected = match c {
                b'0'..=b'9' => Some(c - b'0'),
                b'A'..=b'F' => Some(c - b'A' + 10),
                _ => None,
            };
            let mut out = [0x55];
            let got = decode(&[b'0', c], &mut out);
            match expected {
                Some(n) => assert_eq!((got, out), (Ok(()), [n])),
                None => assert_eq!((got, out), (Err(Error::Hex), [0])),
            }
        }
    }

    #[test]
    fn round_trip() {
        for byte in 0..=255_u8 {
            let mut text = [0; 2];
            let mut back = [0; 1];
            encode(&[byte], &mut text).unwrap();
            decode(&text, &mut back).unwrap();
            assert_eq!(back, [byte]);
        }
        for (text, len) in [(&b"000"[..], 1), (b"0000", 1), (b"00", 2), (b"", 1)] {
            let mut out = [0x55; 2];
            assert_eq!(decode(text, &mut out[..len]), Err(Error::InvalidLength));
            assert_eq!(out[..len], [0; 2][..len]);
        }
        let mut out = [0x55; 3];
        assert_eq!(encode(&[0], &mut out), Err(Error::InvalidLength));
        assert_eq!(out, [0; 3]);
    }
}
