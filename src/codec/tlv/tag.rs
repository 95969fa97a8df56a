// SPDX-License-Identifier: MIT OR Apache-2.0
use core::fmt;

use crate::error::Error;

/// Longest tag in bytes.
pub const MAX_TAG_LEN: usize = 4;

/// The low five bits of a first byte that announce more tag bytes.
const MORE: u8 = 0x1F;
/// The constructed bit of a first byte.
const CONSTRUCTED: u8 = 0x20;

/// A BER-TLV tag: class, form and number as its one to four bytes.
///
/// Tags are compared as bytes. A following byte 80 (leading zeros of the number) is taken as it stands, so it is
/// never another spelling of a shorter tag.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Tag(u32);

impl Tag {
    /// The tag whose bytes are those of `value`, most significant first: `0x9F02`.
    ///
    /// # Errors
    /// [`Error::TlvTag`] if the bytes are not one whole tag, or its first byte is 00 (which is padding).
    pub const fn new(value: u32) -> Result<Self, Error> {
        let [a, b, c, d] = value.to_be_bytes();
        let whole = match (a, b, c, d) {
            (0, 0, 0, first) => first != 0 && first & MORE != MORE,
            (0, 0, first, last) => first & MORE == MORE && last & 0x80 == 0,
            (0, first, x, last) => first & MORE == MORE && x & 0x80 != 0 && last & 0x80 == 0,
            (first, x, y, last) => first & MORE == MORE && x & y & 0x80 != 0 && last & 0x80 == 0,
        };
        if whole { Ok(Self(value)) } else { Err(Error::TlvTag) }
    }

    /// A tag of the standard's tables, known to be whole; a unit test goes through them.
    pub(crate) const fn known(value: u32) -> Self {
        Self(value)
    }

    /// The tag of exactly these bytes.
    ///
    /// # Errors
    /// [`Error::TlvTag`] as for [`new`](Self::new).
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, Error> {
        match Self::take(bytes)? {
            (tag, []) if tag.0 != 0 => Ok(tag),
            _ => Err(Error::TlvTag),
        }
    }

    /// The tag at the start of `bytes`, and what follows it.
    pub(crate) fn take(bytes: &[u8]) -> Result<(Self, &[u8]), Error> {
        let (&first, mut rest) = bytes.split_first().ok_or(Error::TlvTag)?;
        let mut value = u32::from(first);
        if first & MORE == MORE {
            // At most three more bytes.
            for _ in 1..MAX_TAG_LEN {
                let (&next, after) = rest.split_first().ok_or(Error::TlvTag)?;
                rest = after;
                value = (value << 8) | u32::from(next);
                if next & 0x80 == 0 {
                    return Ok((Self(value), rest));
                }
            }
            return Err(Error::TlvTag);
        }
        Ok((Self(value), rest))
    }

    /// The bytes as a number, most significant first.
    #[must_use]
    pub const fn value(self) -> u32 {
        self.0
    }

    /// Number of bytes, 1 to 4.
    // Not a collection: a tag is never empty.
    #[allow(clippy::len_without_is_empty)]
    #[must_use]
    pub const fn len(self) -> usize {
        match self.0 {
            0..=0xFF => 1,
            0x100..=0xFFFF => 2,
            0x1_0000..=0xFF_FFFF => 3,
            _ => 4,
        }
    }

    /// The bytes in a buffer of four, right-justified, and how many they are.
    pub(crate) const fn bytes(self) -> ([u8; MAX_TAG_LEN], usize) {
        (self.0.to_be_bytes(), self.len())
    }

    /// Whether the value is itself BER-TLV (a template).
    #[must_use]
    pub const fn is_constructed(self) -> bool {
        let [a, b, c, d] = self.0.to_be_bytes();
        let first = match self.len() {
            1 => d,
            2 => c,
            3 => b,
            _ => a,
        };
        first & CONSTRUCTED != 0
    }
}

impl fmt::Display for Tag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.len() {
            1 => write!(f, "{:02X}", self.0),
            2 => write!(f, "{:04X}", self.0),
            3 => write!(f, "{:06X}", self.0),
            _ => write!(f, "{:08X}", self.0),
        }
    }
}

impl fmt::Debug for Tag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Tag({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_ways_agree() {
        // Every first byte with one following byte, and the ends of the longer forms.
        for value in (0..=0xFFFF).chain([0x9F_8001, 0x9F_8080, 0x9F81_8001, 0x9F81_8181, 0xDF01_0101, 0x7FFF_FF7F]) {
            let all: [u8; 4] = u32::to_be_bytes(value);
            let bytes = match value {
                0..=0xFF => &all[3..],
                0x100..=0xFFFF => &all[2..],
                0x1_0000..=0xFF_FFFF => &all[1..],
                _ => &all[..],
            };
            assert_eq!(Tag::new(value), Tag::from_bytes(bytes), "{value:X}");
            if let Ok(tag) = Tag::new(value) {
                assert_eq!(tag.len(), bytes.len());
                assert_eq!(tag.is_constructed(), bytes[0] & 0x20 != 0);
            }
        }
    }

    #[test]
    fn limits() {
        assert_eq!(Tag::from_bytes(&[]), Err(Error::TlvTag));
        assert_eq!(Tag::from_bytes(&[0x9F]), Err(Error::TlvTag));
        assert_eq!(Tag::from_bytes(&[0x9F, 0x81]), Err(Error::TlvTag));
        assert_eq!(Tag::from_bytes(&[0x9F, 0x81, 0x82, 0x83, 0x04]), Err(Error::TlvTag));
        assert_eq!(Tag::from_bytes(&[0x5A, 0x00]), Err(Error::TlvTag));
        assert_eq!(Tag::new(0), Err(Error::TlvTag));
        assert!(Tag::new(0x9F81_8203).is_ok());
    }
}
