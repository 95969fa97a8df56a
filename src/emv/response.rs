// SPDX-License-Identifier: MIT OR Apache-2.0
//! The card's answer to GENERATE AC (EMV Book 3, clause 6.5.5.4): read by the terminal, written by a simulated card.

use super::cryptogram;
use super::element::{Atc, Cid, CryptogramKind, tag};
use crate::codec::tlv::{self, Fault, Reader, Writer};
use crate::error::Error;

/// Most issuer application data (tag 9F10), in bytes.
pub const MAX_IAD: usize = 32;

/// How the answer is coded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// Template 80: the values one behind the other.
    Format1,
    /// Template 77: BER-TLV elements.
    Format2,
}

/// What authenticates the answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Authentication<'a> {
    /// The application cryptogram (tag 9F26).
    Cryptogram([u8; cryptogram::LEN]),
    /// Combined data authentication: the cryptogram is inside the signed data (tag 9F4B).
    Signed(&'a [u8]),
}

/// The answer to GENERATE AC.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GenerateAcResponse<'a> {
    /// Cryptogram information data (9F27).
    pub cid: Cid,
    /// Application transaction counter (9F36).
    pub atc: Atc,
    /// Cryptogram or signature.
    pub authentication: Authentication<'a>,
    /// Issuer application data (9F10), at most 32 bytes; empty if there are none.
    pub iad: &'a [u8],
}

impl<'a> GenerateAcResponse<'a> {
    /// Reads the data field of an answer whose status words were 9000.
    ///
    /// # Errors
    /// [`Error::EmvElement`] for a value of the wrong length, a reserved kind of cryptogram, or both or a signature in
    /// format 1; [`Error::TlvMissing`], [`Error::TlvDuplicate`] and the other TLV errors; [`Error::TlvTag`] if
    /// anything but one template 77 or 80 is there.
    pub fn parse(data: &'a [u8]) -> Result<Self, Error> {
        let mut reader = Reader::new(data);
        let template = reader.next().ok_or(Error::TlvMissing)??;
        // The content first: it is what is most often wrong.
        let response = match template.tag() {
            tag::FORMAT1 => Self::format1(template.value()),
            tag::FORMAT2 => Self::format2(template.value()),
            _ => Err(Error::TlvTag),
        }?;
        reader.skip_content(&template);
        match reader.next() {
            None => Ok(response),
            Some(Ok(_)) => Err(Error::TlvTag),
            Some(Err(e)) => Err(e),
        }
    }

    /// Where an answer is malformed: of BER-TLV that is none as [`tlv::fault`]; of an element with a wrong value, or one
    /// that stands twice or beside the template, its tag; of one that is missing, the end of the template; in format 1 the
    /// value. `None` if the answer is well formed.
    #[must_use]
    pub fn fault(data: &'a [u8]) -> Option<Fault> {
        let error = Self::parse(data).err()?;
        if let Some(fault) = tlv::fault(data) {
            return Some(fault);
        }
        let mut reader = Reader::new(data);
        let Some(Ok(template)) = reader.next() else {
            let offset = data.len();
            return Some(Fault { error, offset });
        };
        let content = reader.offset();
        let offset = match template.tag() {
            // Format 1 is primitive: the reader stands behind its value.
            tag::FORMAT1 if error == Error::EmvElement => content.saturating_sub(template.value().len()),
            tag::FORMAT2 if error != Error::TlvTag => {
                let end = content.saturating_add(template.value().len());
                Self::fault_in(template.value()).map_or(end, |at| content.saturating_add(at))
            }
            tag::FORMAT1 | tag::FORMAT2 => {
                reader.skip_content(&template);
                let behind = reader.next().and_then(Result::ok);
                behind.map_or(data.len(), |element| element.offset())
            }
            _ => template.offset(),
        };
        Some(Fault { error, offset })
    }

    /// The element of a format 2 answer that is wrong.
    fn fault_in(content: &[u8]) -> Option<usize> {
        let mut reader = Reader::new(content);
        let mut signed = false;
        while let Some(Ok(element)) = reader.next() {
            reader.skip_content(&element);
            let (tag, value) = (element.tag(), element.value());
            let wrong = match tag {
                tag::CID => Cid::from_bytes(value).is_err(),
                tag::ATC => Atc::from_bytes(value).is_err(),
                // A cryptogram and a signature exclude each other.
                tag::CRYPTOGRAM => value.len() != cryptogram::LEN || core::mem::replace(&mut signed, true),
                tag::SIGNED_DATA => value.is_empty() || core::mem::replace(&mut signed, true),
                tag::IAD => value.len() > MAX_IAD,
                _ => continue,
            };
            let before = content.get(..element.offset()).unwrap_or(&[]);
            if wrong || matches!(tlv::find(before, tag), Ok(Some(_))) {
                return Some(element.offset());
            }
        }
        None
    }

    fn format1(value: &'a [u8]) -> Result<Self, Error> {
        let (cid, rest) = value.split_at_checked(1).ok_or(Error::EmvElement)?;
        let (atc, rest) = rest.split_at_checked(2).ok_or(Error::EmvElement)?;
        let (ac, iad) = rest.split_first_chunk().ok_or(Error::EmvElement)?;
        Self::checked(cid, atc, Authentication::Cryptogram(*ac), iad)
    }

    fn format2(content: &'a [u8]) -> Result<Self, Error> {
        let cid = tlv::require(content, tag::CID)?;
        let atc = tlv::require(content, tag::ATC)?;
        let ac = tlv::find(content, tag::CRYPTOGRAM)?;
        let signed = tlv::find(content, tag::SIGNED_DATA)?;
        let iad = tlv::find(content, tag::IAD)?.map_or(&[][..], |element| element.value());
        let authentication = match (ac, signed) {
            (Some(ac), None) => Authentication::Cryptogram(ac.value().try_into().map_err(|_| Error::EmvElement)?),
            (None, Some(signed)) if !signed.value().is_empty() => Authentication::Signed(signed.value()),
            (None, None) => return Err(Error::TlvMissing),
            _ => return Err(Error::EmvElement),
        };
        Self::checked(cid, atc, authentication, iad)
    }

    fn checked(cid: &[u8], atc: &[u8], authentication: Authentication<'a>, iad: &'a [u8]) -> Result<Self, Error> {
        if iad.len() > MAX_IAD {
            return Err(Error::EmvElement);
        }
        Ok(Self {
            cid: Cid::from_bytes(cid)?,
            atc: Atc::from_bytes(atc)?,
            authentication,
            iad,
        })
    }

    /// Whether the card answered no higher than it was asked: TC, ARQC, AAC from the highest down.
    ///
    /// # Errors
    /// [`Error::EmvElement`] if the answer is higher.
    pub fn check_requested(&self, requested: CryptogramKind) -> Result<(), Error> {
        if self.cid.kind() <= requested {
            Ok(())
        } else {
            Err(Error::EmvElement)
        }
    }

    /// Writes the answer's data field and gives its length.
    ///
    /// # Errors
    /// [`Error::EmvElement`] for more than 32 bytes of issuer application data or a signature in format 1,
    /// [`Error::BufferTooSmall`]; `out` is wiped then.
    pub fn write(&self, format: Format, out: &mut [u8]) -> Result<usize, Error> {
        let result = self.try_write(format, out);
        if result.is_err() {
            out.fill(0);
        }
        result
    }

    fn try_write(&self, format: Format, out: &mut [u8]) -> Result<usize, Error> {
        if self.iad.len() > MAX_IAD {
            return Err(Error::EmvElement);
        }
        let (cid, atc) = ([self.cid.to_byte()], self.atc.to_bytes());
        let mut writer = Writer::new(out);
        match (format, &self.authentication) {
            (Format::Format1, Authentication::Cryptogram(ac)) => {
                writer.put_parts(tag::FORMAT1, &[&cid, &atc, ac, self.iad])?;
            }
            (Format::Format1, Authentication::Signed(_)) => return Err(Error::EmvElement),
            (Format::Format2, authentication) => {
                writer.begin(tag::FORMAT2)?;
                writer.put(tag::CID, &cid)?;
                writer.put(tag::ATC, &atc)?;
                match authentication {
                    Authentication::Cryptogram(ac) => writer.put(tag::CRYPTOGRAM, ac)?,
                    Authentication::Signed(signed) => writer.put(tag::SIGNED_DATA, signed)?,
                }
                if !self.iad.is_empty() {
                    writer.put(tag::IAD, self.iad)?;
                }
                writer.end()?;
            }
        }
        writer.finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RESPONSE: GenerateAcResponse<'_> = GenerateAcResponse {
        cid: Cid::new(CryptogramKind::Arqc),
        atc: Atc::new(0x001C),
        authentication: Authentication::Cryptogram([1, 2, 3, 4, 5, 6, 7, 8]),
        iad: &[0x06, 0x01, 0x12, 0x03, 0xA0, 0xB8, 0x00],
    };

    #[test]
    fn both_formats_come_back() {
        for format in [Format::Format1, Format::Format2] {
            for iad in [&[][..], RESPONSE.iad, &[0x55; MAX_IAD]] {
                let response = GenerateAcResponse { iad, ..RESPONSE };
                let mut out = [0; 80];
                let n = response.write(format, &mut out).unwrap();
                assert_eq!(GenerateAcResponse::parse(&out[..n]), Ok(response));
                // A cut or prolonged answer is another one.
                for cut in 0..n {
                    assert!(GenerateAcResponse::parse(&out[..cut]).is_err(), "{cut}");
                }
                out[n] = 0x9C;
                assert!(GenerateAcResponse::parse(&out[..n + 2]).is_err());
            }
        }
        let long = GenerateAcResponse {
            iad: &[0; MAX_IAD + 1],
            ..RESPONSE
        };
        assert_eq!(long.write(Format::Format1, &mut [0; 80]), Err(Error::EmvElement));
        assert_eq!(
            RESPONSE.write(Format::Format2, &mut [0; 30]),
            Err(Error::BufferTooSmall)
        );
    }

    #[test]
    fn signed() {
        let signed = GenerateAcResponse {
            authentication: Authentication::Signed(&[0x6A; 128]),
            ..RESPONSE
        };
        let mut out = [0; 180];
        let n = signed.write(Format::Format2, &mut out).unwrap();
        assert_eq!(GenerateAcResponse::parse(&out[..n]), Ok(signed));
        assert_eq!(signed.write(Format::Format1, &mut out), Err(Error::EmvElement));
    }

    #[test]
    fn malformed() {
        let mut short = [0x55; 12];
        short[..3].copy_from_slice(&[0x80, 0x0A, 0x80]);
        let mut long = [0x05; 46];
        long[..3].copy_from_slice(&[0x80, 0x2C, 0x80]);
        let mut reserved = [0x05; 13];
        reserved[..3].copy_from_slice(&[0x80, 0x0B, 0xC0]);
        let cases: &[(&[u8], Error)] = &[
            (&short, Error::EmvElement),
            (&long, Error::EmvElement),
            (&reserved, Error::EmvElement),
            (&[0x77, 0x00], Error::TlvMissing),
            (&[], Error::TlvMissing),
            (&[0x5A, 0x00], Error::TlvTag),
            (&[0x77, 0x03, 0x9F, 0x27, 0x01], Error::TlvValue),
            (
                &[0x77, 0x08, 0x9F, 0x27, 0x01, 0x80, 0x9F, 0x27, 0x01, 0x80],
                Error::TlvDuplicate,
            ),
            (
                &[0x77, 0x09, 0x9F, 0x27, 0x01, 0x80, 0x9F, 0x36, 0x02, 0x00, 0x01],
                Error::TlvMissing,
            ),
            (
                &[
                    0x77, 0x0C, 0x9F, 0x27, 0x01, 0x80, 0x9F, 0x36, 0x02, 0x00, 0x01, 0x9F, 0x26, 0x00,
                ],
                Error::EmvElement,
            ),
            (
                &[
                    0x77, 0x0C, 0x9F, 0x27, 0x01, 0x80, 0x9F, 0x36, 0x02, 0x00, 0x01, 0x9F, 0x4B, 0x00,
                ],
                Error::EmvElement,
            ),
        ];
        let offsets = [2, 2, 2, 2, 0, 0, 4, 6, 11, 11, 11];
        for (&(data, error), offset) in cases.iter().zip(offsets) {
            assert_eq!(GenerateAcResponse::parse(data), Err(error), "{data:02X?}");
            let fault = Some(Fault { error, offset });
            assert_eq!(GenerateAcResponse::fault(data), fault, "{data:02X?}");
        }
        assert_eq!(cases.len(), offsets.len());
        // Something beside the template.
        let mut out = [0; 80];
        let n = RESPONSE.write(Format::Format2, &mut out).unwrap();
        assert_eq!(GenerateAcResponse::fault(&out[..n]), None);
        out[n] = 0x9C;
        let fault = GenerateAcResponse::fault(&out[..n + 2]).unwrap();
        assert_eq!((fault.error, fault.offset), (Error::TlvTag, n));
    }

    #[test]
    fn never_higher_than_asked() {
        use CryptogramKind::{Aac, Arqc, Tc};
        for (asked, answered, allowed) in [
            (Tc, Tc, true),
            (Tc, Arqc, true),
            (Tc, Aac, true),
            (Arqc, Tc, false),
            (Arqc, Arqc, true),
            (Arqc, Aac, true),
            (Aac, Tc, false),
            (Aac, Arqc, false),
            (Aac, Aac, true),
        ] {
            let response = GenerateAcResponse {
                cid: Cid::new(answered),
                ..RESPONSE
            };
            assert_eq!(response.check_requested(asked).is_ok(), allowed);
        }
    }
}
