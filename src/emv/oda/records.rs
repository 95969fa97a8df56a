// SPDX-License-Identifier: MIT OR Apache-2.0
//! The records that the terminal has read, the elements in them, and what of them is signed.

use core::fmt;

use sha1::{Digest, Sha1};

use super::Fault;
use crate::codec::tlv::{Element, Reader, Tag};
use crate::emv::element::{self, tag};
use crate::error::Error;
use crate::pin::pan::Pan;

/// The template of a record.
const TEMPLATE: Tag = Tag::known(0x70);
/// The marks of a record in front of its length.
const AUTHENTICATED: u8 = 0x80;
const SFI: u8 = 0x1F;

/// One record as the card answered READ RECORD, without the status words.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Record<'a> {
    /// The short file identifier, 1 to 30.
    pub sfi: u8,
    /// Whether the application file locator counts it for offline data authentication.
    pub authenticated: bool,
    /// The record.
    pub data: &'a [u8],
}

impl<'a> Record<'a> {
    /// Writes the record as [`Records`] holds it and gives the length.
    ///
    /// # Errors
    /// [`Error::InvalidArgument`] for no file identifier, [`Error::InvalidLength`] for more than 65,535 bytes,
    /// [`Error::BufferTooSmall`].
    pub fn write(&self, out: &mut [u8]) -> Result<usize, Error> {
        if !matches!(self.sfi, 1..=30) {
            return Err(Error::InvalidArgument);
        }
        let len = u16::try_from(self.data.len()).map_err(|_| Error::InvalidLength)?;
        let (head, body) = out.split_first_chunk_mut::<3>().ok_or(Error::BufferTooSmall)?;
        let body = body.get_mut(..self.data.len()).ok_or(Error::BufferTooSmall)?;
        let [high, low] = len.to_be_bytes();
        *head = [self.sfi | if self.authenticated { AUTHENTICATED } else { 0 }, high, low];
        body.copy_from_slice(self.data);
        Ok(self.data.len().saturating_add(head.len()))
    }

    /// The record at the start of `bytes`, and what follows it.
    fn take(bytes: &'a [u8]) -> Option<(Self, &'a [u8])> {
        let ([mark, high, low], rest) = bytes.split_first_chunk()?;
        let (data, rest) = rest.split_at_checked(u16::from_be_bytes([*high, *low]).into())?;
        let sfi = mark & SFI;
        let known = mark & !(AUTHENTICATED | SFI) == 0 && matches!(sfi, 1..=30);
        let authenticated = mark & AUTHENTICATED != 0;
        known.then_some((
            Self {
                sfi,
                authenticated,
                data,
            },
            rest,
        ))
    }

    /// The template that the record is; `None` for a record of the files 11 to 30 that is none.
    fn template(&self) -> Result<Option<Element<'a>>, Fault> {
        let mut reader = Reader::new(self.data);
        match reader.next() {
            Some(Ok(template)) if template.tag() == TEMPLATE => {
                reader.skip_content(&template);
                match reader.next() {
                    None => Ok(Some(template)),
                    Some(_) => Err(Fault::Record),
                }
            }
            _ if self.sfi > 10 => Ok(None),
            _ => Err(Fault::Record),
        }
    }

    /// What of the record is signed: in the files 1 to 10 the content of the template, in the others all of it.
    fn signed(&self) -> Result<&'a [u8], Fault> {
        let template = self.template()?.ok_or(Fault::Record)?;
        Ok(if self.sfi > 10 { self.data } else { template.value() })
    }
}

/// The data may be the cardholder's.
impl fmt::Debug for Record<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Record")
            .field("sfi", &self.sfi)
            .field("authenticated", &self.authenticated)
            .field("len", &self.data.len())
            .finish_non_exhaustive()
    }
}

/// The records that the application file locator names, in its order, one behind the other.
///
/// Each is a byte with the short file identifier (bits 5 to 1) and whether the locator counts the record for offline
/// data authentication (bit 8), its length in two bytes, big-endian, and the record as the card answered it, without
/// the status words.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub struct Records<'a>(&'a [u8]);

impl<'a> Records<'a> {
    /// Takes the records.
    ///
    /// # Errors
    /// [`Error::Record`] if the last is cut off, or one has no file identifier or bits that are not defined.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, Error> {
        let mut rest = bytes;
        while !rest.is_empty() {
            (_, rest) = Record::take(rest).ok_or(Error::Record)?;
        }
        Ok(Self(bytes))
    }

    /// The records.
    pub fn iter(&self) -> impl Iterator<Item = Record<'a>> + Clone + use<'a> {
        let mut rest = self.0;
        core::iter::from_fn(move || {
            let (record, after) = Record::take(rest)?;
            rest = after;
            Some(record)
        })
    }
}

impl fmt::Debug for Records<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

/// The elements of a card's records that offline data authentication needs. All are optional here; the steps that need
/// one miss it.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct CardData<'a> {
    /// Application PAN (5A).
    pub pan: Option<&'a [u8]>,
    /// Index of the CA key (8F).
    pub ca_index: Option<&'a [u8]>,
    /// Issuer public key certificate (90).
    pub issuer_certificate: Option<&'a [u8]>,
    /// Issuer public key remainder (92).
    pub issuer_remainder: Option<&'a [u8]>,
    /// Issuer public key exponent (9F32).
    pub issuer_exponent: Option<&'a [u8]>,
    /// Signed static application data (93).
    pub static_signature: Option<&'a [u8]>,
    /// ICC public key certificate (9F46).
    pub icc_certificate: Option<&'a [u8]>,
    /// ICC public key remainder (9F48).
    pub icc_remainder: Option<&'a [u8]>,
    /// ICC public key exponent (9F47).
    pub icc_exponent: Option<&'a [u8]>,
    /// ICC PIN encipherment public key certificate (9F2D).
    pub pin_certificate: Option<&'a [u8]>,
    /// ICC PIN encipherment public key remainder (9F2F).
    pub pin_remainder: Option<&'a [u8]>,
    /// ICC PIN encipherment public key exponent (9F2E).
    pub pin_exponent: Option<&'a [u8]>,
    /// Dynamic data authentication data object list (9F49).
    pub ddol: Option<&'a [u8]>,
    /// Static data authentication tag list (9F4A).
    pub tag_list: Option<&'a [u8]>,
    /// Card authentication related data (9F69), of contactless cards.
    pub authentication_data: Option<&'a [u8]>,
    /// Signed dynamic application data (9F4B), in a record of contactless cards.
    pub dynamic_signature: Option<&'a [u8]>,
}

impl<'a> CardData<'a> {
    /// The elements in the templates of the records. What is not named here is passed over.
    ///
    /// # Errors
    /// [`Fault::Record`] for a record of the files 1 to 10 that is not one template 70; [`Fault::Malformed`] for TLV
    /// errors inside, or an element that stands twice.
    pub fn read(records: &Records<'a>) -> Result<Self, Fault> {
        let mut data = Self::default();
        for record in records.iter() {
            let Some(template) = record.template()? else {
                continue;
            };
            for element in Reader::new(template.value()) {
                let element = element.map_err(|_| Fault::Malformed)?;
                if element.depth() == 0
                    && let Some(place) = data.place(element.tag())
                    && place.replace(element.value()).is_some()
                {
                    return Err(Fault::Malformed);
                }
            }
        }
        Ok(data)
    }

    fn place(&mut self, tag: Tag) -> Option<&mut Option<&'a [u8]>> {
        Some(match tag.value() {
            0x5A => &mut self.pan,
            0x8F => &mut self.ca_index,
            0x90 => &mut self.issuer_certificate,
            0x92 => &mut self.issuer_remainder,
            0x93 => &mut self.static_signature,
            0x9F2D => &mut self.pin_certificate,
            0x9F2E => &mut self.pin_exponent,
            0x9F2F => &mut self.pin_remainder,
            0x9F32 => &mut self.issuer_exponent,
            0x9F46 => &mut self.icc_certificate,
            0x9F47 => &mut self.icc_exponent,
            0x9F48 => &mut self.icc_remainder,
            0x9F49 => &mut self.ddol,
            0x9F4A => &mut self.tag_list,
            0x9F4B => &mut self.dynamic_signature,
            0x9F69 => &mut self.authentication_data,
            _ => return None,
        })
    }

    /// The PAN.
    pub(super) fn pan(&self) -> Result<Pan, Fault> {
        element::pan(self.pan.ok_or(Fault::Missing)?).map_err(|_| Fault::Malformed)
    }
}

/// The data are the cardholder's.
impl fmt::Debug for CardData<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CardData").finish_non_exhaustive()
    }
}

/// The static data to be authenticated: records, and the AIP if the card's tag list names it.
#[derive(Clone, Copy, Debug)]
pub struct StaticData<'a> {
    records: Records<'a>,
    aip: Option<[u8; 2]>,
}

impl<'a> StaticData<'a> {
    /// The static data of a card. `aip`: tag 82 as the card answered GET PROCESSING OPTIONS.
    ///
    /// # Errors
    /// [`Fault::Record`] if a record that counts is no template 70; [`Fault::TagList`] if the tag list (9F4A) is there
    /// and is not exactly the tag 82.
    ///
    /// # Source
    /// EMV Book 3, clause 10.3.
    pub fn new(records: Records<'a>, tag_list: Option<&[u8]>, aip: [u8; 2]) -> Result<Self, Fault> {
        for record in records.iter().filter(|record| record.authenticated) {
            record.signed()?;
        }
        let aip = match tag_list {
            None => None,
            Some(list) => match Tag::from_bytes(list) {
                Ok(tag::AIP) => Some(aip),
                _ => return Err(Fault::TagList),
            },
        };
        Ok(Self { records, aip })
    }

    pub(super) fn feed(&self, hash: &mut Sha1) {
        for record in self.records.iter().filter(|record| record.authenticated) {
            // Judged before.
            hash.update(record.signed().unwrap_or(&[]));
        }
        if let Some(aip) = self.aip {
            hash.update(aip);
        }
    }
}
