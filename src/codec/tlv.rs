// SPDX-License-Identifier: MIT OR Apache-2.0
//! BER-TLV with the rules of EMV (ISO/IEC 8825-1, EMV Book 3 Annex B).
//!
//! ```text
//! data ──► Reader ──► Element { tag, value, depth }   pre-order, borrowed, no recursion
//! Writer: begin 77 · put 9F27 · put 9F36 · end ──► the caller's buffer, minimal lengths
//! ```
//!
//! An element is tag, length, value. Bit 6 of the tag's first byte makes it *constructed* (a template): its value is
//! itself BER-TLV. What EMV narrows, and this reader holds to:
//!
//! - a tag has at most [`MAX_TAG_LEN`] bytes;
//! - a length is one byte below 80, or 81 xx, or 82 xx xx; not minimal is allowed on input, never written;
//!   80 (indefinite) and 83 upwards are refused;
//! - bytes 00 before, between and after elements are padding, at every level;
//! - at most [`MAX_DEPTH`] levels of elements; a value never crosses the end of its template.
//!
//! Every failure has its own code (−310 to −316), and [`Reader::offset`] says where it is; so does [`fault`], of data as a
//! whole.
//!
//! ```
//! use payhsm::codec::tlv::{Reader, Tag};
//!
//! let data = [0xE0, 0x03, 0x9F, 0x03, 0x00, 0x9C, 0x01, 0x31];
//! let mut tags = Reader::new(&data).map(|element| element.map(|e| (e.depth(), e.tag())));
//! assert_eq!(tags.next(), Some(Ok((0, Tag::new(0xE0)?))));
//! assert_eq!(tags.next(), Some(Ok((1, Tag::new(0x9F03)?))));
//! assert_eq!(tags.next(), Some(Ok((0, Tag::new(0x9C)?))));
//! assert_eq!(tags.next(), None);
//! # Ok::<(), payhsm::error::Error>(())
//! ```

mod reader;
mod tag;
mod writer;

pub use reader::{Element, Fault, Reader, fault, find, require};
pub use tag::{MAX_TAG_LEN, Tag};
pub use writer::Writer;

/// Most levels of elements: an element that stands in seven templates is on the eighth and last.
pub const MAX_DEPTH: usize = 8;
