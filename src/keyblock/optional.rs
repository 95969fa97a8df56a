// SPDX-License-Identifier: MIT OR Apache-2.0
//! Optional blocks: identifier, length and data in printable ASCII, authenticated with the header.
//!
//! ```text
//! id (2) | length (2 hex, of the whole block)               | data     4 to 255 characters
//! id (2) | "00" | "04" | length (4 hex, of the whole block) | data     the extended form
//! ```
//!
//! TR-31:2018 implementations write `"02"` (bytes) where X9.143 writes `"04"` (characters); both are read, `"04"` is
//! written. Identifiers are unique, `PB` is the last, all blocks together are a multiple of the cipher's block.
//! Unknown identifiers are kept and authenticated; a first digit makes an identifier proprietary.
//!
//! | id | data | [`Typed`] |
//! |---|---|---|
//! | AL | 01, then 00 ephemeral or 01 static | [`Life`] |
//! | BI | 00 and 10 hex of the KSI (TDES), 01 and 8 hex of the BDK id (AES) | [`BdkId`] |
//! | CT | 00 X.509, 01 EMV and base64; 02 and a chain of form, length (4 hex), base64 | [`Certificates`] |
//! | DA | 01, then usage, algorithm, mode, exportability of each key; only with usage B3 | [`Derivations`] |
//! | HM | 2 hex | [`enum@Hash`] |
//! | IK | 16 hex: initial key id (AES DUKPT) | `[u8; 8]` |
//! | KC | check value of the key: 00 legacy, at most 3 bytes, or 01 CMAC, at most 5 bytes | [`CheckValue`] |
//! | KP | check value of the protection key, as KC | [`CheckValue`] |
//! | KS | 20 hex: initial KSN (TDES DUKPT) | `[u8; 10]` |
//! | KV | deprecated | characters |
//! | LB | free label | characters |
//! | PB | padding | characters |
//! | PK | check value of the export protection key, as KC | [`CheckValue`] |
//! | TC, TS | time of creation, time stamp: ISO 8601, UTC, ending in Z | [`Time`] |
//! | WP | 00, then wrapping pedigree 0 to 3 | [`Pedigree`] |

mod typed;

use crate::codec::hex;
use crate::error::Error;
use crate::key::usage::Usage;
use crate::keyblock::Profile;
use crate::keyblock::header::Header;
use crate::weaken::guard;

pub use typed::{
    BdkId, Certificate, Certificates, CheckMethod, CheckValue, Derivations, Hash, Life, Pedigree, Time, Typed,
};

use typed::bytes;

/// Characters of identifier and length.
const SHORT_HEAD: usize = 4;
/// Characters of identifier and extended length.
const LONG_HEAD: usize = 10;
/// The most optional blocks that two decimal digits can count.
pub(super) const MAX_COUNT: usize = 99;
/// The padding block.
pub(super) const PB: [u8; 2] = *b"PB";

/// One optional block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Optional<'a> {
    /// Identifier: two letters or digits.
    pub id: [u8; 2],
    /// Data: printable ASCII.
    pub data: &'a [u8],
}

impl<'a> Optional<'a> {
    /// A block to be written.
    ///
    /// # Errors
    /// [`Error::KeyBlockOptional`] if `id` is not two letters or digits, if it is `PB` (the writer pads by itself), or
    /// if `data` is not printable ASCII.
    pub fn new(id: [u8; 2], data: &'a [u8]) -> Result<Self, Error> {
        let block = Self { id, data };
        if block.is_well_formed() && id != PB {
            Ok(block)
        } else {
            Err(Error::KeyBlockOptional)
        }
    }

    pub(super) fn is_well_formed(&self) -> bool {
        let is_text = self.data.iter().all(|c| matches!(c, 0x20..=0x7E));
        self.id.iter().all(u8::is_ascii_alphanumeric) && !guard!("D06", !is_text)
    }

    /// Length of the whole block in characters.
    ///
    /// # Errors
    /// [`Error::KeyBlockOptional`] if no length field can say it.
    pub(super) fn len(&self) -> Result<usize, Error> {
        let data = self.data.len();
        match data.checked_add(SHORT_HEAD) {
            Some(len @ ..=0xFF) => Ok(len),
            _ => data
                .checked_add(LONG_HEAD)
                .filter(|len| *len <= 0xFFFF)
                .ok_or(Error::KeyBlockOptional),
        }
    }

    /// Identifier and length as characters, and how many of them count.
    pub(super) fn head(&self) -> Result<([u8; LONG_HEAD], usize), Error> {
        let [a, b] = self.id;
        let len = u16::try_from(self.len()?).map_err(|_| Error::KeyBlockOptional)?;
        let [high, low] = len.to_be_bytes();
        let (h2, h1) = (hex::digit(low >> 4), hex::digit(low));
        if high == 0 {
            Ok(([a, b, h2, h1, 0, 0, 0, 0, 0, 0], SHORT_HEAD))
        } else {
            let (h4, h3) = (hex::digit(high >> 4), hex::digit(high));
            Ok(([a, b, b'0', b'0', b'0', b'4', h4, h3, h2, h1], LONG_HEAD))
        }
    }

    /// Reads one block from the beginning of `text`.
    fn read(text: &'a [u8], profile: Profile) -> Option<(Self, &'a [u8])> {
        let (&[a, b, l1, l0], rest) = text.split_first_chunk::<SHORT_HEAD>()?;
        let (data_len, rest) = match number(&[l1, l0])? {
            0 => {
                let (&[f1, f0, l3, l2, l1, l0], rest) = rest.split_first_chunk::<6>()?;
                match [f1, f0] {
                    [b'0', b'4'] => {}
                    [b'0', b'2'] if profile.takes_byte_count() => {}
                    _ => return None,
                }
                (number(&[l3, l2, l1, l0])?.checked_sub(LONG_HEAD)?, rest)
            }
            len => (len.checked_sub(SHORT_HEAD)?, rest),
        };
        let (data, rest) = rest.split_at_checked(data_len)?;
        let block = Self { id: [a, b], data };
        block.is_well_formed().then_some((block, rest))
    }

    /// Reads blocks from `text` until it ends, as [`X9143Strict`](Profile::X9143Strict) does, for a block that is to be
    /// written. Gives how many of `out` are filled.
    ///
    /// # Errors
    /// [`Error::KeyBlockOptional`] for a block that is malformed, or is `PB`; [`Error::KeyBlockOptionalCount`] if there are
    /// more than `out` holds.
    pub fn read_list(text: &'a [u8], out: &mut [Self]) -> Result<usize, Error> {
        let (mut rest, mut places, mut count) = (text, out.iter_mut(), 0_usize);
        while !rest.is_empty() {
            let (block, behind) = Self::read(rest, Profile::X9143Strict).ok_or(Error::KeyBlockOptional)?;
            let place = places.next().ok_or(Error::KeyBlockOptionalCount)?;
            *place = Self::new(block.id, block.data)?;
            rest = behind;
            count = count.wrapping_add(1);
        }
        Ok(count)
    }

    /// What the data says.
    ///
    /// # Errors
    /// [`Error::KeyBlockOptional`] if the standard gives the data a form and it has another.
    pub fn typed(self) -> Result<Typed<'a>, Error> {
        Typed::read(self)
    }

    /// Whether the data has the form that the standard gives it, where it gives one and the block is known here.
    fn has_standard_form(self, header: &Header) -> bool {
        match self.typed() {
            Ok(Typed::Derivations(_)) => header.attributes.usage == Usage::B3,
            typed => typed.is_ok(),
        }
    }
}

/// A number of upper-case hexadecimal digits, at most four.
fn number(chars: &[u8]) -> Option<usize> {
    chars.iter().try_fold(0_usize, |n, &c| {
        let digit = match c {
            b'0'..=b'9' => c.wrapping_sub(b'0'),
            b'A'..=b'F' => c.wrapping_sub(b'A').wrapping_add(10),
            _ => return None,
        };
        Some(n.checked_mul(16)? | usize::from(digit))
    })
}

/// The optional blocks of a header, in order.
#[derive(Clone, Copy, Debug)]
pub struct Blocks<'a> {
    text: &'a [u8],
    profile: Profile,
}

impl<'a> Blocks<'a> {
    /// Reads as many blocks as `header` counts from the beginning of `text` and gives what follows.
    ///
    /// # Errors
    /// [`Error::KeyBlockOptional`].
    pub(super) fn parse(text: &'a [u8], header: &Header, profile: Profile) -> Result<(Self, &'a [u8]), Error> {
        let count = usize::from(header.optional_count);
        let mut seen = [[0; 2]; MAX_COUNT];
        let mut rest = text;
        for at in 0..count {
            let (block, after) = Optional::read(rest, profile).ok_or(Error::KeyBlockOptional)?;
            let (before, slot) = match seen.split_at_mut_checked(at) {
                Some((before, [slot, ..])) => (before, slot),
                _ => return Err(Error::KeyBlockOptionalCount),
            };
            let is_last = at.wrapping_add(1) == count;
            let well_formed = match &block.id {
                // Compared once the block is authentic, so they must be readable.
                b"KC" | b"KP" => CheckValue::read(block.data).is_some(),
                b"PB" => is_last,
                _ => !profile.judges_content() || block.has_standard_form(header),
            };
            if !well_formed || guard!("D07", before.contains(&block.id)) {
                return Err(Error::KeyBlockOptional);
            }
            *slot = block.id;
            rest = after;
        }
        let used = text.len().saturating_sub(rest.len());
        let text = text.get(..used).ok_or(Error::Internal)?;
        // The block length is a power of two.
        if used & header.version.block_len().wrapping_sub(1) != 0 {
            return Err(Error::KeyBlockOptional);
        }
        Ok((Self { text, profile }, rest))
    }

    /// The blocks one by one, padding block included.
    #[must_use]
    pub const fn iter(&self) -> Iter<'a> {
        Iter {
            rest: self.text,
            profile: self.profile,
        }
    }

    /// The data of the block `id`.
    #[must_use]
    pub fn find(&self, id: [u8; 2]) -> Option<&'a [u8]> {
        self.iter().find(|block| block.id == id).map(|block| block.data)
    }

    fn typed<T>(&self, id: [u8; 2], read: impl Fn(&[u8]) -> Option<T>) -> Result<Option<T>, Error> {
        self.find(id)
            .map(|data| read(data).ok_or(Error::KeyBlockOptional))
            .transpose()
    }

    /// KS: the initial KSN of a TDES DUKPT key.
    ///
    /// # Errors
    /// [`Error::KeyBlockOptional`] if it is not 20 hexadecimal characters; some devices put other text there, which
    /// [`find`](Self::find) gives.
    #[doc(alias = "IKSN")]
    pub fn iksn(&self) -> Result<Option<[u8; 10]>, Error> {
        self.typed(*b"KS", bytes)
    }

    /// IK: the initial key id of an AES DUKPT key.
    ///
    /// # Errors
    /// [`Error::KeyBlockOptional`] if it is not 16 hexadecimal characters.
    #[doc(alias = "IKID")]
    pub fn ikid(&self) -> Result<Option<[u8; 8]>, Error> {
        self.typed(*b"IK", bytes)
    }

    /// BI: which base derivation key.
    ///
    /// # Errors
    /// [`Error::KeyBlockOptional`] if it is malformed.
    pub fn bdk_id(&self) -> Result<Option<BdkId>, Error> {
        self.typed(*b"BI", BdkId::read)
    }

    /// HM: the hash of an HMAC key.
    ///
    /// # Errors
    /// [`Error::KeyBlockOptional`] if it is not the number of one.
    pub fn hash(&self) -> Result<Option<Hash>, Error> {
        self.typed(*b"HM", Hash::read)
    }

    /// KC: check value of the wrapped key. Compared when the block is verified.
    #[must_use]
    pub fn key_check_value(&self) -> Option<CheckValue> {
        self.find(*b"KC").and_then(CheckValue::read)
    }

    /// KP: check value of the protection key. Compared when the block is verified.
    #[must_use]
    pub fn kbpk_check_value(&self) -> Option<CheckValue> {
        self.find(*b"KP").and_then(CheckValue::read)
    }
}

impl<'a> IntoIterator for Blocks<'a> {
    type Item = Optional<'a>;
    type IntoIter = Iter<'a>;

    fn into_iter(self) -> Iter<'a> {
        self.iter()
    }
}

impl<'a> IntoIterator for &Blocks<'a> {
    type Item = Optional<'a>;
    type IntoIter = Iter<'a>;

    fn into_iter(self) -> Iter<'a> {
        self.iter()
    }
}

/// The optional blocks one by one.
#[derive(Clone, Debug)]
pub struct Iter<'a> {
    rest: &'a [u8],
    profile: Profile,
}

impl<'a> Iterator for Iter<'a> {
    type Item = Optional<'a>;

    fn next(&mut self) -> Option<Optional<'a>> {
        let (block, rest) = Optional::read(self.rest, self.profile)?;
        self.rest = rest;
        Some(block)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_are_read_whole() {
        let mut places = [Optional { id: *b"PB", data: b"" }; 2];
        assert_eq!(Optional::read_list(b"", &mut places), Ok(0));
        assert_eq!(
            Optional::read_list(b"LB08no 1KS181234567890123456FFFF", &mut places),
            Ok(2)
        );
        assert_eq!((places[0].id, places[0].data), (*b"LB", &b"no 1"[..]));
        assert_eq!((places[1].id, places[1].data), (*b"KS", &b"1234567890123456FFFF"[..]));
        for (text, error) in [
            (&b"LB08no 1LB08no 2LB08no 3"[..], Error::KeyBlockOptionalCount),
            (b"LB08no 1LB09no 2", Error::KeyBlockOptional),
            (b"LB08no 1L", Error::KeyBlockOptional),
            (b"PB080000", Error::KeyBlockOptional),
        ] {
            assert_eq!(Optional::read_list(text, &mut places), Err(error));
        }
    }

    #[test]
    fn only_well_formed_blocks_are_made() {
        assert!(Optional::new(*b"LB", b" ~").is_ok());
        for (id, data) in [(b"L!", &b"x"[..]), (b"LB", b"\n"), (b"LB", b"\x7F"), (b"PB", b"0")] {
            assert_eq!(Optional::new(*id, data).err(), Some(Error::KeyBlockOptional), "{id:?}");
        }
    }

    fn parse<'a>(header: &[u8; 16], text: &'a [u8], profile: Profile) -> Result<(Blocks<'a>, &'a [u8]), Error> {
        Blocks::parse(text, &Header::from_chars(header).unwrap(), profile)
    }

    #[test]
    fn both_extended_forms_are_read_and_one_is_written() {
        let data = [b'x'; 252];
        let block = Optional::new(*b"LB", &data).unwrap();
        let (head, len) = block.head().unwrap();
        assert_eq!(&head[..len], b"LB00040106");
        assert_eq!(block.len(), Ok(262));
        let shorter = Optional::new(*b"LB", &data[1..]).unwrap();
        let (head, len) = shorter.head().unwrap();
        assert_eq!((&head[..len], shorter.len()), (&b"LBFF"[..], Ok(255)));
        for (form, profile, ok) in [
            (b"04", Profile::X9143Strict, true),
            (b"02", Profile::X9143Strict, false),
            (b"02", Profile::Tr31_2018, true),
            (b"03", Profile::Tr31_2018, false),
            (b"08", Profile::Tr31_2018, false),
        ] {
            let text = [&b"LB00"[..], form, b"0010123456"].concat();
            let got = Optional::read(&text, profile);
            assert_eq!(got.map(|(b, rest)| (b.data.len(), rest.len())), ok.then_some((6, 0)));
        }
    }

    #[test]
    fn malformed_blocks() {
        for text in [
            &b""[..],
            b"KS",
            b"KS0",
            b"KS00",
            b"KS01",
            b"KS03",
            b"KS05",
            b"KS0a000000",
            b"*K04",
            b"KS0500",
            b"KS00040009",
            b"KS0004000A!",
            b"KS00FFFFFF",
            b"KS05\x7F",
            b"KS05\x1F",
            b"KS05\x80",
        ] {
            // The lone valid one among them leaves a character that makes the whole no multiple of 8.
            assert!(parse(b"B0000P0TE00N0100", text, Profile::Tr31_2018).is_err_and(|e| e == Error::KeyBlockOptional));
        }
    }

    #[test]
    fn order_and_multiples() {
        let check = |count: u8, text: &[u8]| {
            let mut header = *b"B0000P0TE00N0000";
            header[13] = b'0' + count;
            parse(&header, text, Profile::Tr31_2018).map(|(_, rest)| rest.len())
        };
        assert_eq!(check(2, b"LB04PB04FFFF"), Ok(4));
        assert_eq!(check(2, b"PB04LB04"), Err(Error::KeyBlockOptional));
        assert_eq!(check(2, b"PB04PB04"), Err(Error::KeyBlockOptional));
        assert_eq!(check(2, b"LB04LB04"), Err(Error::KeyBlockOptional));
        assert_eq!(check(1, b"LB04"), Err(Error::KeyBlockOptional));
        assert_eq!(check(1, b"LB080000"), Ok(0));
        assert_eq!(check(2, b"LB080000"), Err(Error::KeyBlockOptional));
    }

    #[test]
    fn content_is_judged_by_the_strict_profile() {
        for (header, good, bad) in [
            (b"D0000P0AE00N0000", &b"AL080100"[..], &b"AL080102"[..]),
            (b"D0000B1AX00N0000", b"IK141234567890123456", b"IK14123456789012345g"),
            (b"D0000B0TX00N0000", b"BI100008793E2500", b"BI100108793E2500"),
            (b"D0000B3AX00N0000", b"DA1001D2ABND3AEN", b"DA1001D2ABND3AEX"),
            (b"D0000B3AX00N0000", b"DA1001D2ABND3AEN", b"DA0601"),
            (b"D0000M7HG00N0000", b"HM0621", b"HM0650"),
            (b"D0000P0AE00N0000", b"WP07003", b"WP07004"),
            (b"D0000P0AE00N0000", b"TS1320230911081149Z", b"TS1320230911081149X"),
            (
                b"D0000P0AE00N0000",
                b"TS182018-06-18T20:42:39Z",
                b"TS1A2018-06-18T20:42:39.22",
            ),
            (
                b"D0000P0AE00N0000",
                b"TC1B2018-06-18T20:42:39.22Z",
                b"TC192018-06-18T20:42:39.Z",
            ),
            (b"D0000P0AE00N0000", b"KS1800604B120F9292800000", b"KS08VM9A"),
            (b"D0000P0AE00N0000", b"PK10019876543210", b"PK0C02987654"),
            (b"D0000P0AE00N0000", b"CT0A000000", b"CT0A030000"),
        ] {
            let header = Header::from_chars(header).unwrap();
            for (text, form) in [(good, true), (bad, false)] {
                let (block, rest) = Optional::read(text, Profile::X9143Strict).unwrap();
                assert_eq!(rest, b"");
                assert_eq!(block.has_standard_form(&header), form, "{block:?}");
            }
        }
    }
}
