// SPDX-License-Identifier: MIT OR Apache-2.0
use core::fmt;

use super::{MAX_DEPTH, Tag};
use crate::error::Error;

/// One element, borrowed from the data.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Element<'a> {
    tag: Tag,
    value: &'a [u8],
    depth: usize,
    offset: usize,
}

impl<'a> Element<'a> {
    /// The tag.
    #[must_use]
    pub const fn tag(&self) -> Tag {
        self.tag
    }

    /// The value; of a template: its content.
    #[must_use]
    pub const fn value(&self) -> &'a [u8] {
        self.value
    }

    /// In how many templates it stands; 0 is the top level.
    #[must_use]
    pub const fn depth(&self) -> usize {
        self.depth
    }

    /// Where its tag begins, in bytes from the start of the data.
    #[must_use]
    pub const fn offset(&self) -> usize {
        self.offset
    }

    /// Whether it is a template; its content follows as further elements.
    #[must_use]
    pub const fn is_constructed(&self) -> bool {
        self.tag.is_constructed()
    }
}

/// Values may be card data: tag, length and place only.
impl fmt::Debug for Element<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Element")
            .field("tag", &self.tag)
            .field("len", &self.value.len())
            .field("depth", &self.depth)
            .field("offset", &self.offset)
            .finish_non_exhaustive()
    }
}

/// Reads elements in the order in which they stand, a template before its content.
///
/// An iterator that ends after the first error. Reading to the end without an error means that the whole data are
/// well formed.
///
/// # Timing
/// Shows lengths and structure, not the values of primitive elements.
#[derive(Clone)]
pub struct Reader<'a> {
    data: &'a [u8],
    pos: usize,
    /// Ends of the open templates, outermost first; each is at most the one before it.
    ends: [usize; MAX_DEPTH],
    depth: usize,
    failed: bool,
}

impl<'a> Reader<'a> {
    /// A reader at the start of `data`.
    #[must_use]
    pub const fn new(data: &'a [u8]) -> Self {
        Self {
            data,
            pos: 0,
            ends: [0; MAX_DEPTH],
            depth: 0,
            failed: false,
        }
    }

    /// Where it stands, in bytes from the start: behind the header of the last element, or after an error at the
    /// first byte of the faulty tag or length.
    #[must_use]
    pub const fn offset(&self) -> usize {
        self.pos
    }

    /// Steps over the content of the template just read; no effect on a primitive element.
    pub fn skip_content(&mut self, element: &Element<'a>) {
        let inside = self.depth == element.depth.wrapping_add(1);
        if inside && let Some(end) = self.end() {
            self.pos = end;
        }
    }

    /// End of the innermost open template; `None` at the top level.
    fn end(&self) -> Option<usize> {
        self.depth.checked_sub(1).and_then(|top| self.ends.get(top)).copied()
    }

    fn step(&mut self) -> Result<Option<Element<'a>>, Error> {
        let (rest, limit) = loop {
            let limit = self.end().unwrap_or(self.data.len());
            let rest = self.data.get(self.pos..limit).ok_or(Error::Internal)?;
            match rest.first() {
                // EMV Book 3, Annex B1: 00 before, between and after elements has no meaning.
                Some(0) => self.pos = self.pos.saturating_add(1),
                Some(_) => break (rest, limit),
                None if self.depth == 0 => return Ok(None),
                None => self.depth = self.depth.saturating_sub(1),
            }
        };
        if self.depth >= MAX_DEPTH {
            return Err(Error::TlvDepth);
        }
        let offset = self.pos;
        let (tag, rest) = Tag::take(rest)?;
        self.pos = limit.saturating_sub(rest.len());
        let (len, rest) = length(rest)?;
        let value = rest.get(..len).ok_or(Error::TlvValue)?;
        let depth = self.depth;
        let start = limit.saturating_sub(rest.len());
        let end = start.saturating_add(len);
        if tag.is_constructed() {
            // MAX_DEPTH was checked above: there is a place.
            *self.ends.get_mut(depth).ok_or(Error::TlvDepth)? = end;
            self.depth = depth.saturating_add(1);
            self.pos = start;
        } else {
            self.pos = end;
        }
        Ok(Some(Element {
            tag,
            value,
            depth,
            offset,
        }))
    }
}

/// The length at the start of `bytes`, and what follows it.
fn length(bytes: &[u8]) -> Result<(usize, &[u8]), Error> {
    match bytes {
        [0x80, ..] => Err(Error::TlvIndefinite),
        [n @ ..0x80, rest @ ..] | [0x81, n, rest @ ..] => Ok((usize::from(*n), rest)),
        [0x82, high, low, rest @ ..] => Ok((usize::from(u16::from_be_bytes([*high, *low])), rest)),
        // Absent, cut off, or longer than any EMV message.
        _ => Err(Error::TlvLength),
    }
}

impl<'a> Iterator for Reader<'a> {
    type Item = Result<Element<'a>, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.failed {
            return None;
        }
        let result = self.step();
        self.failed = result.is_err();
        result.transpose()
    }
}

impl core::iter::FusedIterator for Reader<'_> {}

impl fmt::Debug for Reader<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reader")
            .field("len", &self.data.len())
            .field("offset", &self.pos)
            .field("depth", &self.depth)
            .finish_non_exhaustive()
    }
}

/// What is malformed, and where.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fault {
    /// What.
    pub error: Error,
    /// Where, in bytes from the start.
    pub offset: usize,
}

impl From<Fault> for Error {
    fn from(fault: Fault) -> Self {
        fault.error
    }
}

/// The first fault of BER-TLV data, at every level; `None` if they are well formed. Of an element that is cut off, the
/// offset is that of the tag or length that says too much.
#[must_use]
pub fn fault(data: &[u8]) -> Option<Fault> {
    let mut reader = Reader::new(data);
    let error = reader.by_ref().find_map(Result::err)?;
    Some(Fault {
        error,
        offset: reader.offset(),
    })
}

/// The element `tag` at the top level of `data`; `None` if there is none. All of `data` is read, at every level.
///
/// A logical data set has a tag once: a second one is refused, whatever its value. To look into a template, take its
/// value as `data`.
///
/// # Errors
/// [`Error::TlvDuplicate`], and those of malformed data: [`Error::TlvTag`], [`Error::TlvLength`],
/// [`Error::TlvIndefinite`], [`Error::TlvValue`], [`Error::TlvDepth`].
pub fn find(data: &[u8], tag: Tag) -> Result<Option<Element<'_>>, Error> {
    let mut found = None;
    for element in Reader::new(data) {
        let element = element?;
        if element.depth == 0 && element.tag == tag && found.replace(element).is_some() {
            return Err(Error::TlvDuplicate);
        }
    }
    Ok(found)
}

/// The value of the element `tag` at the top level of `data`, which must be there, once.
///
/// # Errors
/// [`Error::TlvMissing`], and those of [`find`].
pub fn require(data: &[u8], tag: Tag) -> Result<&[u8], Error> {
    find(data, tag)?.map(|element| element.value).ok_or(Error::TlvMissing)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verdict(data: &[u8]) -> (Option<Error>, usize) {
        let mut reader = Reader::new(data);
        let error = reader.by_ref().find_map(Result::err);
        assert!(reader.next().is_none());
        let found = fault(data);
        assert_eq!(found.map(Error::from), error);
        assert!(found.is_none_or(|fault| fault.offset == reader.offset()));
        (error, reader.offset())
    }

    #[test]
    fn malformed() {
        // The card's examples and the borders around them: data, error, offset of the faulty byte.
        let cases: &[(&[u8], Error, usize)] = &[
            (&[0x9F], Error::TlvTag, 0),
            (&[0x9F, 0x81], Error::TlvTag, 0),
            (&[0x9F, 0x81, 0x82, 0x83, 0x04, 0x00], Error::TlvTag, 0),
            (&[0x5A], Error::TlvLength, 1),
            (&[0x5A, 0x05, 0x11, 0x22], Error::TlvValue, 1),
            (&[0x70, 0x81], Error::TlvLength, 1),
            (&[0x70, 0x82, 0x01], Error::TlvLength, 1),
            (&[0x84, 0x84, 0xFF, 0xFF, 0xFF, 0xFF], Error::TlvLength, 1),
            (&[0x9C, 0x83, 0x00, 0x00, 0x01, 0x31], Error::TlvLength, 1),
            (&[0x70, 0x80, 0x9C, 0x00, 0x00, 0x00], Error::TlvIndefinite, 1),
            (&[0xE0, 0x03, 0x9C, 0x02, 0x01, 0x02], Error::TlvValue, 3),
            (&[0xE0, 0x01, 0x9C, 0x01, 0xFF], Error::TlvLength, 3),
            (&[0x00, 0x00, 0xFF], Error::TlvTag, 2),
        ];
        for &(data, error, offset) in cases {
            assert_eq!(verdict(data), (Some(error), offset), "{data:02X?}");
        }
    }

    #[test]
    fn padding_at_every_level() {
        let data = [
            0x00, 0xE0, 0x06, 0x00, 0x9C, 0x01, 0x31, 0x00, 0x00, 0x00, 0x95, 0x00, 0x00,
        ];
        let mut reader = Reader::new(&data);
        let seen: [_; 3] = core::array::from_fn(|_| {
            let e = reader.next().unwrap().unwrap();
            (e.tag().value(), e.value().len(), e.depth(), e.offset())
        });
        assert_eq!(seen, [(0xE0, 6, 0, 1), (0x9C, 1, 1, 4), (0x95, 0, 0, 10)]);
        assert_eq!(reader.next(), None);
    }

    #[test]
    fn depth() {
        // `levels` templates, each the only content of the one before it.
        let nested = |levels: usize| {
            let mut data = [0; 400];
            for (i, pair) in data[..2 * levels].chunks_exact_mut(2).enumerate() {
                pair.copy_from_slice(&[0xE1, u8::try_from(2 * (levels - 1 - i)).unwrap()]);
            }
            (data, 2 * levels)
        };
        for levels in 1..=60 {
            let (data, len) = nested(levels);
            let expected = (levels > MAX_DEPTH).then_some(Error::TlvDepth);
            assert_eq!(verdict(&data[..len]).0, expected);
        }
        // The card's bomb: E1 7E E1 7C ... down to E1 00.
        let (data, len) = nested(64);
        assert_eq!(verdict(&data[..len]), (Some(Error::TlvDepth), 2 * MAX_DEPTH));
    }

    #[test]
    fn look_up() {
        let data = [0x9C, 0x01, 0x31, 0xE0, 0x03, 0x95, 0x01, 0x01, 0x9F, 0x03, 0x00];
        let tag = |value| Tag::new(value).unwrap();
        assert_eq!(require(&data, tag(0x9C)), Ok(&[0x31][..]));
        assert_eq!(require(&data, tag(0x9F03)), Ok(&[][..]));
        assert_eq!(find(&data, tag(0x95)), Ok(None));
        assert_eq!(require(&data, tag(0x95)), Err(Error::TlvMissing));
        assert_eq!(require(require(&data, tag(0xE0)).unwrap(), tag(0x95)), Ok(&[1][..]));
        assert_eq!(find(&[0x9C, 0x00, 0x9C, 0x00], tag(0x9C)), Err(Error::TlvDuplicate));
        // Malformed data behind the element are still refused.
        assert_eq!(find(&[0x9C, 0x00, 0x95], tag(0x9C)), Err(Error::TlvLength));
    }

    #[test]
    fn skipping() {
        let data = [0xE0, 0x03, 0x95, 0x01, 0x01, 0x9C, 0x00];
        let mut reader = Reader::new(&data);
        let template = reader.next().unwrap().unwrap();
        reader.skip_content(&template);
        let next = reader.next().unwrap().unwrap();
        assert_eq!((next.tag().value(), next.depth()), (0x9C, 0));
        reader.skip_content(&next);
        assert_eq!(reader.next(), None);
    }
}
