// SPDX-License-Identifier: MIT OR Apache-2.0
//! The header: 16 ASCII characters that say what the key is for, then the optional blocks.
//!
//! | offset | characters | field | error |
//! |---|---|---|---|
//! | 0 | 1 | version, A to E | [`Error::KeyBlockVersion`] |
//! | 1 | 4 | length of the whole block in characters, decimal | [`Error::KeyBlockLength`] |
//! | 5 | 2 | key usage | [`Error::KeyBlockUsage`] |
//! | 7 | 1 | algorithm | [`Error::KeyBlockAlgorithm`] |
//! | 8 | 1 | mode of use | [`Error::KeyBlockMode`] |
//! | 9 | 2 | key version number | [`Error::KeyBlockKeyVersion`] |
//! | 11 | 1 | exportability | [`Error::KeyBlockExportability`] |
//! | 12 | 2 | number of optional blocks, decimal | [`Error::KeyBlockOptionalCount`] |
//! | 14 | 1 | key context, 0 to 2 | [`Error::KeyBlockReserved`] |
//! | 15 | 1 | reserved, `0` | [`Error::KeyBlockReserved`] |
//!
//! # Source
//! ANSI X9.143:2021 and TR-31:2018 (versions A to D), ISO 20038:2017 (versions D and E).

use crate::error::Error;
use crate::key::usage::{Attributes, Exportability, KeyAlgorithm, KeyVersion, ModeOfUse, Usage};
use crate::keyblock::Profile;
use crate::keyblock::optional::Blocks;

/// Length of the header without optional blocks, in characters.
pub const HEADER_LEN: usize = 16;

/// The greatest length of a key block in characters: what four decimal digits can say.
pub const MAX_LEN: usize = 9999;

/// Key block version: how key and header are protected.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Version {
    /// TDEA, key variant binding; deprecated. Needs the feature `legacy`.
    A,
    /// TDEA, key derivation binding.
    B,
    /// TDEA, key variant binding. Needs the feature `legacy`.
    C,
    /// AES, key derivation binding, CBC.
    D,
    /// AES, key derivation binding, CTR (ISO 20038).
    E,
}

impl Version {
    /// From the character of the header.
    ///
    /// # Errors
    /// [`Error::KeyBlockVersion`] for anything but A to E.
    pub const fn from_char(c: u8) -> Result<Self, Error> {
        match c {
            b'A' => Ok(Self::A),
            b'B' => Ok(Self::B),
            b'C' => Ok(Self::C),
            b'D' => Ok(Self::D),
            b'E' => Ok(Self::E),
            _ => Err(Error::KeyBlockVersion),
        }
    }

    /// The character of the header.
    #[must_use]
    pub const fn to_char(self) -> u8 {
        match self {
            Self::A => b'A',
            Self::B => b'B',
            Self::C => b'C',
            Self::D => b'D',
            Self::E => b'E',
        }
    }

    /// Whether the protection key is an AES key; otherwise it is a TDEA key.
    #[must_use]
    pub const fn is_aes(self) -> bool {
        matches!(self, Self::D | Self::E)
    }

    /// Whether the binding is by key variants: versions A and C.
    #[must_use]
    pub const fn is_variant(self) -> bool {
        matches!(self, Self::A | Self::C)
    }

    /// Length in bytes of the authenticator.
    #[must_use]
    pub const fn mac_len(self) -> usize {
        match self {
            Self::A | Self::C => 4,
            Self::B => 8,
            Self::D | Self::E => 16,
        }
    }

    /// Block length in bytes of the cipher; the optional blocks together are a multiple of it.
    #[must_use]
    pub const fn block_len(self) -> usize {
        if self.is_aes() { 16 } else { 8 }
    }

    /// What the length of the enciphered part in bytes is a multiple of: the cipher's block, or 1 in version E.
    #[must_use]
    pub const fn granule(self) -> usize {
        match self {
            Self::E => 1,
            _ => self.block_len(),
        }
    }

    /// Whether this build has the version.
    pub(crate) const fn supported(self) -> Result<(), Error> {
        if self.is_variant() && !cfg!(feature = "legacy") {
            Err(Error::Unsupported)
        } else {
            Ok(())
        }
    }
}

/// Key context: for which of the wrapping key's uses the block is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum KeyContext {
    /// `0`: as the wrapping key says.
    Any,
    /// `1`: storage only; never leaves the device that made it.
    Storage,
    /// `2`: exchange only.
    Exchange,
}

impl KeyContext {
    /// From the character of the header.
    ///
    /// # Errors
    /// [`Error::KeyBlockReserved`] for anything but `0`, `1`, `2`.
    pub const fn from_char(c: u8) -> Result<Self, Error> {
        match c {
            b'0' => Ok(Self::Any),
            b'1' => Ok(Self::Storage),
            b'2' => Ok(Self::Exchange),
            _ => Err(Error::KeyBlockReserved),
        }
    }

    /// The character of the header.
    #[must_use]
    pub const fn to_char(self) -> u8 {
        match self {
            Self::Any => b'0',
            Self::Storage => b'1',
            Self::Exchange => b'2',
        }
    }
}

/// The fields of the header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// Version.
    pub version: Version,
    /// Length of the whole block in characters, at most 9999.
    pub len: u16,
    /// What the key may do.
    pub attributes: Attributes,
    /// Number of optional blocks, padding block included, at most 99.
    pub optional_count: u8,
    /// Key context.
    pub context: KeyContext,
}

impl Header {
    /// Reads the 16 characters.
    ///
    /// # Errors
    /// The error of the first field that is malformed, see the [table](self).
    pub fn from_chars(chars: &[u8; HEADER_LEN]) -> Result<Self, Error> {
        let &[
            version,
            l0,
            l1,
            l2,
            l3,
            u0,
            u1,
            algorithm,
            mode,
            v0,
            v1,
            export,
            n0,
            n1,
            context,
            reserved,
        ] = chars;
        let version = Version::from_char(version)?;
        let len = decimal(&[l0, l1, l2, l3]).ok_or(Error::KeyBlockLength)?;
        let attributes = Attributes {
            usage: Usage::from_chars([u0, u1])?,
            algorithm: KeyAlgorithm::from_char(algorithm)?,
            mode: ModeOfUse::from_char(mode)?,
            version: KeyVersion::from_chars([v0, v1])?,
            exportability: Exportability::from_char(export)?,
        };
        let optional_count = decimal(&[n0, n1])
            .and_then(|n| u8::try_from(n).ok())
            .ok_or(Error::KeyBlockOptionalCount)?;
        let context = KeyContext::from_char(context)?;
        if reserved != b'0' {
            return Err(Error::KeyBlockReserved);
        }
        Ok(Self {
            version,
            len,
            attributes,
            optional_count,
            context,
        })
    }

    /// The 16 characters. Lengths over 9999 and counts over 99 have none: they are written as 9999 and 99.
    #[must_use]
    pub fn to_chars(&self) -> [u8; HEADER_LEN] {
        let [l0, l1, l2, l3] = digits(self.len);
        let [_, _, n0, n1] = digits(u16::from(self.optional_count.min(99)));
        let [u0, u1] = self.attributes.usage.to_chars();
        let [v0, v1] = self.attributes.version.to_chars();
        [
            self.version.to_char(),
            l0,
            l1,
            l2,
            l3,
            u0,
            u1,
            self.attributes.algorithm.to_char(),
            self.attributes.mode.to_char(),
            v0,
            v1,
            self.attributes.exportability.to_char(),
            n0,
            n1,
            self.context.to_char(),
            b'0',
        ]
    }
}

/// A decimal number of at most four digits.
fn decimal(chars: &[u8]) -> Option<u16> {
    chars.iter().try_fold(0_u16, |n, &c| {
        let digit = c.is_ascii_digit().then(|| c.wrapping_sub(b'0'))?;
        n.checked_mul(10)?.checked_add(u16::from(digit))
    })
}

/// Four decimal digits, by subtraction: the core has no division.
fn digits(n: u16) -> [u8; 4] {
    let mut rest = n.min(9999);
    [1000, 100, 10, 1].map(|unit| {
        let mut digit = b'0';
        while let Some(less) = rest.checked_sub(unit) {
            rest = less;
            digit = digit.wrapping_add(1);
        }
        digit
    })
}

/// A header with its optional blocks: the part of a key block that is authenticated as characters.
#[derive(Clone, Copy, Debug)]
pub struct HeaderText<'a> {
    header: Header,
    blocks: Blocks<'a>,
    text: &'a [u8],
}

impl<'a> HeaderText<'a> {
    /// Reads header and optional blocks from the beginning of `text` and gives what follows them.
    ///
    /// The length field is read and not compared with anything: it belongs to the whole block.
    ///
    /// # Errors
    /// The error of the first field that is malformed or that `profile` does not take; [`Error::Unsupported`] for a
    /// version that this build does not have; [`Error::KeyBlockLength`] if there are less than 16 characters.
    pub fn parse(text: &'a [u8], profile: Profile) -> Result<(Self, &'a [u8]), Error> {
        let (chars, after) = text.split_first_chunk::<HEADER_LEN>().ok_or(Error::KeyBlockLength)?;
        let header = Header::from_chars(chars)?;
        profile.judge_header(&header)?;
        let (blocks, rest) = Blocks::parse(after, &header, profile)?;
        let used = text.len().saturating_sub(rest.len());
        let text = text.get(..used).ok_or(Error::Internal)?;
        Ok((Self { header, blocks, text }, rest))
    }

    /// The fields of the header.
    #[must_use]
    pub const fn header(&self) -> &Header {
        &self.header
    }

    /// The optional blocks.
    #[must_use]
    pub const fn blocks(&self) -> Blocks<'a> {
        self.blocks
    }

    /// The characters.
    #[must_use]
    pub const fn text(&self) -> &'a [u8] {
        self.text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimal_numbers() {
        for n in 0..=9999_u16 {
            assert_eq!(decimal(&digits(n)), Some(n));
        }
        assert_eq!(digits(10_000), *b"9999");
        for bad in [b"X000", b"0x10", b" 100", b"-001", b"000:", b"000/"] {
            assert_eq!(decimal(bad), None);
        }
    }

    #[test]
    fn each_field_has_its_error() {
        let good = *b"D0112P0AE00E0000";
        let header = Header::from_chars(&good).unwrap();
        assert_eq!(header.to_chars(), good);
        for (at, c, error) in [
            (0, b'F', Error::KeyBlockVersion),
            (0, b'd', Error::KeyBlockVersion),
            (1, b'A', Error::KeyBlockLength),
            (4, b' ', Error::KeyBlockLength),
            (5, b'p', Error::KeyBlockUsage),
            (6, b'9', Error::KeyBlockUsage),
            (7, b'a', Error::KeyBlockAlgorithm),
            (8, b'e', Error::KeyBlockMode),
            (9, b'_', Error::KeyBlockKeyVersion),
            (10, 0x80, Error::KeyBlockKeyVersion),
            (11, b'X', Error::KeyBlockExportability),
            (12, b'A', Error::KeyBlockOptionalCount),
            (13, b'-', Error::KeyBlockOptionalCount),
            (14, b'3', Error::KeyBlockReserved),
            (15, b'1', Error::KeyBlockReserved),
        ] {
            let mut bad = good;
            bad[at] = c;
            assert_eq!(Header::from_chars(&bad), Err(error), "{at}");
        }
    }
    #[test]
    fn each_profile_has_its_versions() {
        let legacy = if cfg!(feature = "legacy") {
            None
        } else {
            Some(Error::Unsupported)
        };
        let foreign = Some(Error::KeyBlockVersion);
        for (version, strict, tr31, iso) in [
            (b'A', foreign, legacy, foreign),
            (b'B', None, None, foreign),
            (b'C', legacy, legacy, foreign),
            (b'D', None, None, None),
            (b'E', foreign, foreign, None),
        ] {
            let mut text = *b"X0000P0TE00E0000";
            text[0] = version;
            for (profile, expected) in [
                (Profile::X9143Strict, strict),
                (Profile::Tr31_2018, tr31),
                (Profile::Iso20038, iso),
            ] {
                let error = HeaderText::parse(&text, profile).err();
                assert_eq!(error, expected, "{} {profile:?}", char::from(version));
            }
        }
    }
}
