// SPDX-License-Identifier: MIT OR Apache-2.0
//! Track 2 in binary-coded decimal, as UnionPay terminals send it: field 35.
//!
//! ```text
//! 1234567890123456=2512101…  ──► 12 34 56 78 90 12 34 56 D2 51 21 01 …   separator D, an odd count ends in nibble 0
//! ```
//!
//! The number of digits travels beside the bytes: the last nibble of an odd count is no digit.

use crate::codec::bcd;
use crate::error::Error;

/// The most characters of a track 2 here, separator included (ISO/IEC 7813 has 37 without sentinels; some issuers fill
/// the room of the sentinels, too).
pub const MAX_CHARACTERS: usize = 40;

/// The longest packed track, in bytes.
pub const MAX_LEN: usize = MAX_CHARACTERS >> 1;

/// The separator as a nibble.
const SEPARATOR: u8 = 0xD;

/// Packs a track of ASCII digits and one separator, `=` or `D`, without sentinels. Gives the length in bytes; the rest of
/// `out` is zero.
///
/// # Errors
/// [`Error::Track`] for other characters, no separator, more than one, or more than 40 characters;
/// [`Error::BufferTooSmall`]. `out` is wiped then.
pub fn pack(text: &[u8], out: &mut [u8]) -> Result<usize, Error> {
    out.fill(0);
    let result = write(text, out);
    if result.is_err() {
        out.fill(0);
    }
    result
}

fn write(text: &[u8], out: &mut [u8]) -> Result<usize, Error> {
    if text.len() > MAX_CHARACTERS {
        return Err(Error::Track);
    }
    let mut separators = 0_usize;
    let len = text.len().div_ceil(2);
    let packed = out.get_mut(..len).ok_or(Error::BufferTooSmall)?;
    for (byte, pair) in packed.iter_mut().zip(text.chunks(2)) {
        for (c, shift) in pair.iter().zip([4_u32, 0]) {
            let nibble = match c {
                b'0'..=b'9' => c & 15,
                b'=' | b'D' => {
                    separators = separators.wrapping_add(1);
                    SEPARATOR
                }
                _ => return Err(Error::Track),
            };
            *byte |= nibble.wrapping_shl(shift);
        }
    }
    if separators == 1 { Ok(len) } else { Err(Error::Track) }
}

/// Unpacks a track of `characters` characters, with `=` as the separator; the inverse of [`pack`].
///
/// # Errors
/// [`Error::Track`] if `packed` is not as long as `characters` say, if its fill is not 0, for other nibbles, no separator
/// or more than one; [`Error::BufferTooSmall`]. `out` is wiped then.
pub fn unpack(packed: &[u8], characters: usize, out: &mut [u8]) -> Result<(), Error> {
    out.fill(0);
    let result = read(packed, characters, out);
    if result.is_err() {
        out.fill(0);
    }
    result
}

fn read(packed: &[u8], characters: usize, out: &mut [u8]) -> Result<(), Error> {
    if characters > MAX_CHARACTERS || characters.div_ceil(2) != packed.len() {
        return Err(Error::Track);
    }
    let text = out.get_mut(..characters).ok_or(Error::BufferTooSmall)?;
    let mut nibbles = bcd::nibbles(packed);
    let mut separators = 0_usize;
    for to in text {
        *to = match nibbles.next() {
            Some(digit @ 0..=9) => b'0' | digit,
            Some(SEPARATOR) => {
                separators = separators.wrapping_add(1);
                b'='
            }
            _ => return Err(Error::Track),
        };
    }
    if separators == 1 && nibbles.all(|fill| fill == 0) {
        Ok(())
    } else {
        Err(Error::Track)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tracks_of_both_parities() {
        for (text, packed) in [
            (&b"12=3"[..], &[0x12, 0xD3][..]),
            (b"123D4", &[0x12, 0x3D, 0x40]),
            (b"=", &[0xD0]),
        ] {
            let mut out = [0xAA; 4];
            let len = pack(text, &mut out).unwrap();
            assert_eq!(&out[..len], packed);
            assert!(out[len..].iter().all(|&b| b == 0));
            let mut back = [0xAA; 8];
            unpack(packed, text.len(), &mut back).unwrap();
            assert_eq!(
                back[..text.len()],
                text.iter()
                    .map(|&c| if c == b'D' { b'=' } else { c })
                    .collect::<std::vec::Vec<_>>()
            );
        }
    }

    extern crate std;

    #[test]
    fn what_is_no_track() {
        let mut out = [0xAA; 64];
        for text in [
            &b""[..],
            b"1234",
            b"12=3=4",
            b"12D3=",
            b";12=3",
            b"12=3?",
            b"12 =3",
            b"12=A",
            &[b'='; 41],
        ] {
            assert_eq!(pack(text, &mut out), Err(Error::Track));
            assert_eq!(out, [0; 64]);
        }
        assert_eq!(pack(b"12=34", &mut out[..2]), Err(Error::BufferTooSmall));
        for (packed, characters) in [
            (&[0x12, 0xD3][..], 3),
            (&[0x12, 0xD3], 5),
            (&[0x12, 0x34], 4),
            (&[0x1D, 0xD3], 4),
            (&[0x1D, 0xA3], 4),
            (&[], 0),
        ] {
            assert_eq!(unpack(packed, characters, &mut out), Err(Error::Track));
        }
        assert_eq!(unpack(&[0x12, 0xD3], 4, &mut out[..3]), Err(Error::BufferTooSmall));
    }
}
