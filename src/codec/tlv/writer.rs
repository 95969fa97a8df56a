// SPDX-License-Identifier: MIT OR Apache-2.0
use core::fmt;

use super::{MAX_DEPTH, Tag};
use crate::error::Error;

/// Writes elements into a caller's buffer, with minimal lengths.
///
/// A template is opened with [`begin`](Self::begin) and closed with [`end`](Self::end), at most [`MAX_DEPTH`] levels
/// in all. After an error every further call gives the same error, and the buffer is wiped.
///
/// ```
/// use payhsm::codec::tlv::{Tag, Writer};
///
/// let mut out = [0; 16];
/// let mut writer = Writer::new(&mut out);
/// writer.begin(Tag::new(0xE0)?)?;
/// writer.put(Tag::new(0x9F03)?, &[])?;
/// writer.end()?;
/// let len = writer.finish()?;
/// assert_eq!(out[..len], [0xE0, 0x03, 0x9F, 0x03, 0x00]);
/// # Ok::<(), payhsm::error::Error>(())
/// ```
pub struct Writer<'a> {
    out: &'a mut [u8],
    len: usize,
    /// Where the content of each open template begins, outermost first; the byte before it is kept for its length.
    starts: [usize; MAX_DEPTH],
    depth: usize,
    failed: Option<Error>,
}

impl<'a> Writer<'a> {
    /// A writer at the start of `out`.
    #[must_use]
    pub const fn new(out: &'a mut [u8]) -> Self {
        Self {
            out,
            len: 0,
            starts: [0; MAX_DEPTH],
            depth: 0,
            failed: None,
        }
    }

    /// Writes a primitive element.
    ///
    /// # Errors
    /// [`Error::TlvTag`] if `tag` is constructed, [`Error::TlvLength`] if the value has more than 65,535 bytes,
    /// [`Error::TlvDepth`], [`Error::BufferTooSmall`].
    pub fn put(&mut self, tag: Tag, value: &[u8]) -> Result<(), Error> {
        self.put_parts(tag, &[value])
    }

    /// Writes a primitive element whose value is `parts` one behind the other.
    ///
    /// # Errors
    /// As [`put`](Self::put).
    pub fn put_parts(&mut self, tag: Tag, parts: &[&[u8]]) -> Result<(), Error> {
        let result = self.try_put(tag, parts);
        self.settle(result)
    }

    /// Opens a template.
    ///
    /// # Errors
    /// [`Error::TlvTag`] if `tag` is primitive, [`Error::TlvDepth`], [`Error::BufferTooSmall`].
    pub fn begin(&mut self, tag: Tag) -> Result<(), Error> {
        let result = self.try_begin(tag);
        self.settle(result)
    }

    /// Closes the innermost template.
    ///
    /// # Errors
    /// [`Error::BadState`] if none is open, [`Error::TlvLength`] if its content has more than 65,535 bytes,
    /// [`Error::BufferTooSmall`].
    pub fn end(&mut self) -> Result<(), Error> {
        let result = self.try_end();
        self.settle(result)
    }

    /// Ends the data and gives their length.
    ///
    /// # Errors
    /// [`Error::BadState`] if a template is open, and the error of an earlier call.
    pub fn finish(mut self) -> Result<usize, Error> {
        let result = if self.depth == 0 { Ok(()) } else { Err(Error::BadState) };
        self.settle(result)?;
        Ok(self.len)
    }

    fn settle(&mut self, result: Result<(), Error>) -> Result<(), Error> {
        if self.failed.is_none() {
            self.failed = result.err();
        }
        match self.failed {
            None => Ok(()),
            Some(error) => {
                self.out.fill(0);
                self.len = 0;
                Err(error)
            }
        }
    }

    fn try_put(&mut self, tag: Tag, parts: &[&[u8]]) -> Result<(), Error> {
        self.ready()?;
        if tag.is_constructed() {
            return Err(Error::TlvTag);
        }
        let len = parts
            .iter()
            .try_fold(0_usize, |sum, part| sum.checked_add(part.len()))
            .ok_or(Error::TlvLength)?;
        let (length, skip) = encode_length(len)?;
        self.push_tag(tag)?;
        self.push(length.get(skip..).unwrap_or(&[]))?;
        parts.iter().try_for_each(|part| self.push(part))
    }

    fn try_begin(&mut self, tag: Tag) -> Result<(), Error> {
        self.ready()?;
        if !tag.is_constructed() {
            return Err(Error::TlvTag);
        }
        self.push_tag(tag)?;
        self.push(&[0])?;
        *self.starts.get_mut(self.depth).ok_or(Error::TlvDepth)? = self.len;
        self.depth = self.depth.saturating_add(1);
        Ok(())
    }

    fn try_end(&mut self) -> Result<(), Error> {
        if let Some(error) = self.failed {
            return Err(error);
        }
        let top = self.depth.checked_sub(1).ok_or(Error::BadState)?;
        let start = *self.starts.get(top).ok_or(Error::Internal)?;
        let content = self.len.saturating_sub(start);
        let (length, skip) = encode_length(content)?;
        let length = length.get(skip..).unwrap_or(&[]);
        // One byte was kept; a long form moves the content up by one or two.
        let more = length.len().saturating_sub(1);
        for _ in 0..more {
            self.push(&[0])?;
        }
        let field = self
            .out
            .get_mut(start.saturating_sub(1)..self.len)
            .ok_or(Error::Internal)?;
        if more > 0 {
            for i in (1..=content).rev() {
                let byte = field.get(i).copied().unwrap_or(0);
                if let Some(to) = field.get_mut(i.saturating_add(more)) {
                    *to = byte;
                }
            }
        }
        for (to, from) in field.iter_mut().zip(length) {
            *to = *from;
        }
        self.depth = top;
        Ok(())
    }

    /// Whether another element may follow here.
    fn ready(&self) -> Result<(), Error> {
        match self.failed {
            Some(error) => Err(error),
            None if self.depth >= MAX_DEPTH => Err(Error::TlvDepth),
            None => Ok(()),
        }
    }

    fn push_tag(&mut self, tag: Tag) -> Result<(), Error> {
        let (bytes, len) = tag.bytes();
        self.push(bytes.get(bytes.len().saturating_sub(len)..).unwrap_or(&[]))
    }

    fn push(&mut self, bytes: &[u8]) -> Result<(), Error> {
        let room = self
            .out
            .get_mut(self.len..)
            .and_then(|rest| rest.get_mut(..bytes.len()));
        room.ok_or(Error::BufferTooSmall)?.copy_from_slice(bytes);
        self.len = self.len.saturating_add(bytes.len());
        Ok(())
    }
}

/// The shortest form of a length, right-justified, and where it begins.
fn encode_length(len: usize) -> Result<([u8; 3], usize), Error> {
    let [high, low] = u16::try_from(len).map_err(|_| Error::TlvLength)?.to_be_bytes();
    Ok(match (high, low) {
        (0, 0..0x80) => ([0, 0, low], 2),
        (0, _) => ([0, 0x81, low], 1),
        _ => ([0x82, high, low], 0),
    })
}

impl fmt::Debug for Writer<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Writer")
            .field("len", &self.len)
            .field("depth", &self.depth)
            .field("failed", &self.failed)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEMPLATE: Tag = Tag::known(0xE0);
    const ITEM: Tag = Tag::known(0x9C);

    #[test]
    fn length_forms() {
        let mut out = [0; 70_000];
        let value = [0x5A; 65_536];
        for len in [0, 1, 0x7F, 0x80, 0xFF, 0x100, 0xFFFF] {
            let mut writer = Writer::new(&mut out);
            writer.put(ITEM, &value[..len]).unwrap();
            let n = writer.finish().unwrap();
            let header = match len {
                0..=0x7F => 2,
                0x80..=0xFF => 3,
                _ => 4,
            };
            assert_eq!(n, header + len);
        }
        let mut writer = Writer::new(&mut out);
        assert_eq!(writer.put(ITEM, &value), Err(Error::TlvLength));
        assert_eq!(writer.finish(), Err(Error::TlvLength));
    }

    #[test]
    fn templates_move_for_long_lengths() {
        for len in [0, 0x7D, 0x7E, 0x80, 0xFC, 0xFD, 0x300] {
            let mut value = [0; 0x300];
            for (i, byte) in value.iter_mut().enumerate() {
                *byte = u8::try_from(i & 0xFF).unwrap();
            }
            let mut out = [0xEE; 0x400];
            let mut writer = Writer::new(&mut out);
            writer.begin(TEMPLATE).unwrap();
            writer.begin(TEMPLATE).unwrap();
            writer.put(ITEM, &value[..len]).unwrap();
            writer.end().unwrap();
            writer.end().unwrap();
            let n = writer.finish().unwrap();
            let mut reader = super::super::Reader::new(&out[..n]);
            assert_eq!(reader.next().unwrap().unwrap().depth(), 0);
            assert_eq!(reader.next().unwrap().unwrap().depth(), 1);
            assert_eq!(reader.next().unwrap().unwrap().value(), &value[..len]);
            assert_eq!(reader.next(), None);
        }
    }

    #[test]
    fn misuse() {
        let mut out = [0x55; 64];
        let mut writer = Writer::new(&mut out);
        assert_eq!(writer.end(), Err(Error::BadState));
        assert_eq!(writer.put(ITEM, &[]), Err(Error::BadState));
        assert_eq!(out, [0; 64]);
        assert_eq!(Writer::new(&mut out).put(TEMPLATE, &[]), Err(Error::TlvTag));
        assert_eq!(Writer::new(&mut out).begin(ITEM), Err(Error::TlvTag));
        let mut writer = Writer::new(&mut out);
        writer.begin(TEMPLATE).unwrap();
        assert_eq!(writer.finish(), Err(Error::BadState));
        let mut writer = Writer::new(&mut out);
        for _ in 0..MAX_DEPTH {
            writer.begin(TEMPLATE).unwrap();
        }
        assert_eq!(writer.begin(TEMPLATE), Err(Error::TlvDepth));
    }

    #[test]
    fn short_buffers() {
        for room in 0..6 {
            let mut out = [0x55; 8];
            let mut writer = Writer::new(&mut out[..room]);
            let _ = writer.begin(TEMPLATE);
            let _ = writer.put(ITEM, &[1, 2]);
            let _ = writer.end();
            assert_eq!(writer.finish(), Err(Error::BufferTooSmall));
            assert!(out[..room].iter().all(|&b| b == 0));
        }
    }
}
