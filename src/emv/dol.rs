// SPDX-License-Identifier: MIT OR Apache-2.0
//! Data object lists (EMV Book 3, clause 5.4): the card names tags and lengths, the terminal answers with the values
//! one behind the other, without tags.

use core::fmt;

use super::dictionary::{Definition, Format};
use crate::codec::tlv::{Fault, Tag};
use crate::error::Error;

/// Most data that a list may ask for: what fits one short command.
pub const MAX_DATA: usize = 252;

/// One entry: a tag and the length wanted, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The tag.
    pub tag: Tag,
    /// The length.
    pub len: u8,
}

/// A well-formed list of at most [`MAX_DATA`] bytes of data.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Dol<'a> {
    list: &'a [u8],
    data_len: usize,
}

impl<'a> Dol<'a> {
    /// Reads a list (CDOL1, CDOL2, PDOL, DDOL, TDOL).
    ///
    /// # Errors
    /// [`Error::Dol`] if an entry is cut off, has no whole tag, or the data would be longer than [`MAX_DATA`].
    pub fn parse(list: &'a [u8]) -> Result<Self, Error> {
        Ok(Self::read(list)?)
    }

    /// Where a list is malformed: where the entry begins that is cut off, is none, or asks for too much; `None` if the
    /// list is well formed.
    #[must_use]
    pub fn fault(list: &[u8]) -> Option<Fault> {
        Dol::read(list).err()
    }

    fn read(list: &'a [u8]) -> Result<Self, Fault> {
        let mut rest = list;
        let mut data_len = 0_usize;
        loop {
            let offset = list.len().saturating_sub(rest.len());
            let at = |error| Fault { error, offset };
            let Some((entry, after)) = take(rest).map_err(at)? else {
                return Ok(Self { list, data_len });
            };
            data_len = data_len.saturating_add(usize::from(entry.len));
            if data_len > MAX_DATA {
                return Err(at(Error::Dol));
            }
            rest = after;
        }
    }

    /// Length of the data it asks for, in bytes.
    #[must_use]
    pub const fn data_len(&self) -> usize {
        self.data_len
    }

    /// The entries in order.
    pub fn entries(&self) -> impl Iterator<Item = Entry> + 'a {
        let mut rest = self.list;
        core::iter::from_fn(move || {
            let (entry, after) = take(rest).ok().flatten()?;
            rest = after;
            Some(entry)
        })
    }

    /// Writes the data from `objects`, pairs of tag and value, and gives their length.
    ///
    /// The rule for each entry: an object that is absent, empty or a template gives zeros. One that is too long keeps
    /// its rightmost bytes in format n, else its leftmost. One that is too short is filled with leading 00 in format
    /// n, trailing FF in format cn, else trailing 00.
    ///
    /// # Errors
    /// [`Error::BufferTooSmall`], [`Error::TlvDuplicate`] if an object that is asked for stands twice in `objects`;
    /// `out` is wiped then.
    ///
    /// # Source
    /// EMV Book 3, clause 5.4.
    pub fn build(&self, objects: &[(Tag, &[u8])], out: &mut [u8]) -> Result<usize, Error> {
        let result = self.try_build(objects, out);
        if result.is_err() {
            out.fill(0);
        }
        result
    }

    fn try_build(&self, objects: &[(Tag, &[u8])], out: &mut [u8]) -> Result<usize, Error> {
        let mut rest = &mut *out;
        for entry in self.entries() {
            let mut found = objects.iter().filter(|(tag, _)| *tag == entry.tag);
            let value = found.next().map_or(&[][..], |(_, value)| value);
            if found.next().is_some() {
                return Err(Error::TlvDuplicate);
            }
            let value = if entry.tag.is_constructed() { &[] } else { value };
            let (field, after) = rest
                .split_at_mut_checked(usize::from(entry.len))
                .ok_or(Error::BufferTooSmall)?;
            fit(format_of(entry.tag), value, field);
            rest = after;
        }
        Ok(self.data_len)
    }
}

impl fmt::Debug for Dol<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.entries()).finish()
    }
}

/// The entry at the start of `list` and what follows it; `None` at the end.
fn take(list: &[u8]) -> Result<Option<(Entry, &[u8])>, Error> {
    match list.first() {
        None => Ok(None),
        // Padding is for data, not for lists.
        Some(0) => Err(Error::Dol),
        Some(_) => {
            let (tag, rest) = Tag::take(list).map_err(|_| Error::Dol)?;
            let (&len, rest) = rest.split_first().ok_or(Error::Dol)?;
            Ok(Some((Entry { tag, len }, rest)))
        }
    }
}

/// The format of a tag; of a foreign one, bytes.
fn format_of(tag: Tag) -> Format {
    Definition::of(tag).map_or(Format::Binary, |definition| definition.format)
}

/// Writes `value` into `field`, cut or filled as the format wants.
fn fit(format: Format, value: &[u8], field: &mut [u8]) {
    let fill = match format {
        // An absent object is zeros in every format.
        Format::CompressedNumeric if !value.is_empty() => 0xFF,
        _ => 0,
    };
    field.fill(fill);
    if format == Format::Numeric {
        for (to, from) in field.iter_mut().rev().zip(value.iter().rev()) {
            *to = *from;
        }
    } else {
        for (to, from) in field.iter_mut().zip(value) {
            *to = *from;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tag(value: u32) -> Tag {
        Tag::new(value).unwrap()
    }

    #[test]
    fn lists() {
        let dol = Dol::parse(&[0x9F, 0x02, 0x06, 0x95, 0x05, 0x9F, 0x37, 0x04]).unwrap();
        assert_eq!(dol.data_len(), 15);
        let mut entries = dol.entries().map(|e| (e.tag.value(), e.len));
        assert_eq!(entries.next(), Some((0x9F02, 6)));
        assert_eq!(entries.next(), Some((0x95, 5)));
        assert_eq!(entries.next(), Some((0x9F37, 4)));
        assert_eq!(entries.next(), None);
        assert_eq!(Dol::parse(&[]).map(|dol| dol.data_len()), Ok(0));
        let broken: &[(&[u8], usize)] = &[
            (&[0x9F, 0x02], 0),
            (&[0x9F], 0),
            (&[0x95], 0),
            (&[0x9F, 0x02, 0x06, 0x9F], 3),
            (&[0x9F, 0x02, 0x06, 0x95], 3),
            (&[0x00, 0x01], 0),
            (&[0x95, 0x05, 0x00, 0x01], 2),
            (&[0x9F, 0x81], 0),
            (&[0x95, 200, 0x9C, 52, 0x9F, 0x02, 1, 0x9A, 3], 4),
        ];
        for &(list, offset) in broken {
            assert_eq!(Dol::parse(list), Err(Error::Dol), "{list:02X?}");
            let error = Error::Dol;
            assert_eq!(Dol::fault(list), Some(Fault { error, offset }), "{list:02X?}");
        }
        assert_eq!(Dol::fault(&[0x95, 5]), None);
        assert_eq!(Dol::parse(&[0x95, 252]).map(|dol| dol.data_len()), Ok(252));
        assert_eq!(Dol::parse(&[0x95, 253]), Err(Error::Dol));
        assert_eq!(Dol::parse(&[0x95, 252, 0x9C, 1]), Err(Error::Dol));
    }

    #[test]
    fn filling() {
        // tag, length wanted, value, data
        let cases: &[(u32, u8, &[u8], &[u8])] = &[
            (0x9F02, 6, &[0x12, 0x34], &[0, 0, 0, 0, 0x12, 0x34]),
            (0x9F02, 1, &[0x12, 0x34], &[0x34]),
            (0x5A, 4, &[0x12, 0x34], &[0x12, 0x34, 0xFF, 0xFF]),
            (0x5A, 1, &[0x12, 0x34], &[0x12]),
            (0x95, 4, &[0x12, 0x34], &[0x12, 0x34, 0, 0]),
            (0x95, 1, &[0x12, 0x34], &[0x12]),
            (0x95, 2, &[], &[0, 0]),
            (0x5A, 2, &[], &[0, 0]),
            (0xE0, 2, &[0x12, 0x34], &[0, 0]),
            (0x95, 0, &[0x12], &[]),
        ];
        for &(value, len, object, data) in cases {
            let mut bytes = [0; 3];
            let list = if value > 0xFF {
                bytes = [value.to_be_bytes()[2], value.to_be_bytes()[3], len];
                &bytes[..]
            } else {
                bytes[..2].copy_from_slice(&[value.to_be_bytes()[3], len]);
                &bytes[..2]
            };
            let dol = Dol::parse(list).unwrap();
            let mut out = [0x55; 8];
            let n = dol.build(&[(tag(value), object)], &mut out).unwrap();
            assert_eq!(&out[..n], data, "{value:X} {len}");
            // Unknown to the terminal: zeros.
            let n = dol.build(&[], &mut out).unwrap();
            assert!(out[..n].iter().all(|&b| b == 0));
        }
    }

    /// The lists of a card and a terminal: CDOL2 asks for the issuer's answer, PDOL for what the terminal is, TDOL for what
    /// the TC hash covers; what the terminal does not know is zeros, and a template is never given.
    #[test]
    fn lists_of_a_transaction() {
        let objects = [
            (tag(0x8A), &b"00"[..]),
            (tag(0x91), &[1, 2, 3, 4, 5, 6, 7, 8, b'0', b'0'][..]),
            (tag(0x95), &[0x80, 0, 0, 0x80, 0][..]),
            (tag(0x9F37), &[9, 8, 7, 6][..]),
            (tag(0x9F66), &[0xB6, 0, 0xC0, 0][..]),
            (tag(0x9F02), &[0, 0, 0, 0, 0x12, 0x34][..]),
            (tag(0x5F2A), &[0x01, 0x56][..]),
            (tag(0x9A), &[0x26, 0x01, 0x31][..]),
        ];
        let cases: &[(&[u8], &[u8])] = &[
            // CDOL2, with room for the longest answer.
            (
                &[0x8A, 2, 0x91, 16, 0x95, 5, 0x9F, 0x37, 4],
                &[
                    b'0', b'0', 1, 2, 3, 4, 5, 6, 7, 8, b'0', b'0', 0, 0, 0, 0, 0, 0, 0x80, 0, 0, 0x80, 0, 9, 8, 7, 6,
                ],
            ),
            // PDOL.
            (
                &[0x9F, 0x66, 4, 0x9F, 0x02, 6, 0x5F, 0x2A, 2, 0x9F, 0x7A, 1, 0x70, 2],
                &[0xB6, 0, 0xC0, 0, 0, 0, 0, 0, 0x12, 0x34, 0x01, 0x56, 0, 0, 0],
            ),
            // TDOL: two digits of a date, an amount with one more.
            (&[0x9A, 1, 0x9F, 0x02, 7], &[0x31, 0, 0, 0, 0, 0, 0x12, 0x34]),
        ];
        for (list, data) in cases {
            let dol = Dol::parse(list).unwrap();
            let mut out = [0x55; MAX_DATA];
            let len = dol.build(&objects, &mut out).unwrap();
            assert_eq!(&out[..len], *data);
        }
    }

    #[test]
    fn refusals() {
        let dol = Dol::parse(&[0x95, 5, 0x9C, 1]).unwrap();
        let mut out = [0x55; 5];
        assert_eq!(dol.build(&[], &mut out), Err(Error::BufferTooSmall));
        assert_eq!(out, [0; 5]);
        let twice = [(tag(0x9C), &[0][..]), (tag(0x9C), &[0][..])];
        assert_eq!(dol.build(&twice, &mut [0; 6]), Err(Error::TlvDuplicate));
    }
}
