// SPDX-License-Identifier: MIT OR Apache-2.0
#[cfg(feature = "host")]
use crate::codec::bcd;
#[cfg(feature = "host")]
use crate::codec::tlv::{Reader, Tag};
use crate::emv::element::Atc;
#[cfg(feature = "host")]
use crate::emv::element::{Cid, tag};
use crate::error::Error;
#[cfg(feature = "host")]
use crate::weaken::guard;

/// What a card of these profiles asks the terminal for at GENERATE AC: the list of [`AcInput`]'s first eight elements.
pub const CDOL1: [u8; 21] = [
    0x9F, 0x02, 6, 0x9F, 0x03, 6, 0x9F, 0x1A, 2, 0x95, 5, 0x5F, 0x2A, 2, 0x9A, 3, 0x9C, 1, 0x9F, 0x37, 4,
];

/// The elements that enter a cryptogram before the issuer application data: eight of the terminal, 29 bytes in the
/// order 9F02 9F03 9F1A 95 5F2A 9A 9C 9F37, and the card's 82 and 9F36.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AcInput {
    terminal: [u8; AcInput::TERMINAL_LEN],
    aip: [u8; 2],
    atc: Atc,
}

impl AcInput {
    /// Length of the terminal's eight elements in bytes.
    pub const TERMINAL_LEN: usize = 29;

    /// From the data of [`CDOL1`] and the card's own elements; the card's side.
    ///
    /// # Errors
    /// [`Error::EmvElement`] unless `terminal` has 29 bytes.
    pub fn new(terminal: &[u8], aip: [u8; 2], atc: Atc) -> Result<Self, Error> {
        Ok(Self {
            terminal: terminal.try_into().map_err(|_| Error::EmvElement)?,
            aip,
            atc,
        })
    }

    /// The transaction counter.
    #[must_use]
    pub const fn atc(&self) -> Atc {
        self.atc
    }

    /// The terminal's unpredictable number.
    #[must_use]
    pub const fn unpredictable_number(&self) -> [u8; 4] {
        let [.., a, b, c, d] = self.terminal;
        [a, b, c, d]
    }

    /// The terminal's elements in order.
    #[cfg(feature = "host")]
    pub(in crate::emv) fn terminal_elements(&self) -> impl Iterator<Item = (Tag, &[u8])> {
        let mut rest = &self.terminal[..];
        TERMINAL.iter().map_while(move |(tag, len, _)| {
            let (value, behind) = rest.split_at_checked(*len)?;
            rest = behind;
            Some((*tag, value))
        })
    }

    /// What enters the cryptogram, one behind the other.
    pub(in crate::emv) const fn parts(&self) -> (&[u8; Self::TERMINAL_LEN], &[u8; 2], [u8; 2]) {
        (&self.terminal, &self.aip, self.atc.to_bytes())
    }
}

/// The terminal's elements in order: tag, length, whether in format n.
#[cfg(feature = "host")]
const TERMINAL: [(Tag, usize, bool); 8] = [
    (tag::AMOUNT, 6, true),
    (tag::AMOUNT_OTHER, 6, true),
    (tag::COUNTRY, 2, true),
    (tag::TVR, 5, false),
    (tag::CURRENCY, 2, true),
    (tag::DATE, 3, true),
    (tag::TRANSACTION_TYPE, 1, true),
    (tag::UNPREDICTABLE_NUMBER, 4, false),
];

/// What an issuer takes from field 55.
#[cfg(feature = "host")]
pub(in crate::emv) struct Field55<'a> {
    pub(in crate::emv) input: AcInput,
    pub(in crate::emv) cid: Cid,
    pub(in crate::emv) cryptogram: [u8; 8],
    pub(in crate::emv) iad: &'a [u8],
    /// Whether 9F03 was there.
    pub(in crate::emv) amount_other: bool,
}

#[cfg(feature = "host")]
impl<'a> Field55<'a> {
    /// Reads the elements at the top level. Each of them once and with exactly its length; 9F03 may be absent, which
    /// means zeros.
    pub(in crate::emv) fn parse(data: &'a [u8]) -> Result<Self, Error> {
        let mut terminal = [0; AcInput::TERMINAL_LEN];
        let mut seen = [false; TERMINAL.len()];
        let (mut aip, mut atc, mut cid, mut cryptogram, mut iad) = (None, None, None, None, None);
        for element in Reader::new(data) {
            let element = element?;
            if element.depth() > 0 {
                continue;
            }
            let slot = match element.tag() {
                tag::AIP => &mut aip,
                tag::ATC => &mut atc,
                tag::CID => &mut cid,
                tag::CRYPTOGRAM => &mut cryptogram,
                tag::IAD => &mut iad,
                other => {
                    place(other, element.value(), &mut terminal, &mut seen)?;
                    continue;
                }
            };
            let is_second = slot.replace(element.value()).is_some();
            if guard!("G08", is_second) {
                return Err(Error::TlvDuplicate);
            }
        }
        let absent = |((tag, ..), seen): (&(Tag, usize, bool), &bool)| !seen && *tag != tag::AMOUNT_OTHER;
        if guard!("G04", TERMINAL.iter().zip(&seen).any(absent)) {
            return Err(Error::TlvMissing);
        }
        let missing = Error::TlvMissing;
        Ok(Self {
            input: AcInput {
                terminal,
                aip: exact(aip.ok_or(missing)?)?,
                atc: Atc::from_bytes(atc.ok_or(missing)?)?,
            },
            cid: Cid::from_bytes(cid.ok_or(missing)?)?,
            cryptogram: cryptogram_of(cryptogram.ok_or(missing)?)?,
            iad: iad.ok_or(missing)?,
            amount_other: TERMINAL
                .iter()
                .zip(seen)
                .any(|((name, ..), seen)| seen && *name == tag::AMOUNT_OTHER),
        })
    }
}

/// A cryptogram has 8 bytes.
#[cfg(feature = "host")]
fn cryptogram_of(value: &[u8]) -> Result<[u8; 8], Error> {
    if guard!("G03", value.len() != 8) {
        return Err(Error::EmvElement);
    }
    let mut out = [0; 8];
    for (to, from) in out.iter_mut().zip(value) {
        *to = *from;
    }
    Ok(out)
}

#[cfg(feature = "host")]
fn exact<const N: usize>(value: &[u8]) -> Result<[u8; N], Error> {
    value.try_into().map_err(|_| Error::EmvElement)
}

/// Puts an element of the terminal in its place; others are ignored.
#[cfg(feature = "host")]
fn place(
    tag: Tag,
    value: &[u8],
    terminal: &mut [u8; AcInput::TERMINAL_LEN],
    seen: &mut [bool; TERMINAL.len()],
) -> Result<(), Error> {
    let Some((seen, (_, len, numeric))) = seen.iter_mut().zip(&TERMINAL).find(|(_, (name, ..))| *name == tag) else {
        return Ok(());
    };
    if core::mem::replace(seen, true) {
        return Err(Error::TlvDuplicate);
    }
    // A short value is never padded: another message would have the same cryptogram.
    if value.len() != *len || (*numeric && bcd::check_numeric(value).is_err()) {
        return Err(Error::EmvElement);
    }
    let before = TERMINAL.iter().take_while(|(name, ..)| *name != tag);
    let offset = before.fold(0_usize, |sum, (_, len, _)| sum.wrapping_add(*len));
    let field = terminal.iter_mut().skip(offset);
    field.zip(value).for_each(|(to, from)| *to = *from);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::emv::dol::Dol;

    #[test]
    fn list_and_lengths_agree() {
        let dol = Dol::parse(&CDOL1).unwrap();
        assert_eq!(dol.data_len(), AcInput::TERMINAL_LEN);
        #[cfg(feature = "host")]
        assert!(
            dol.entries()
                .map(|e| (e.tag, usize::from(e.len)))
                .eq(TERMINAL.map(|(tag, len, _)| (tag, len)))
        );
        let mut terminal = [0; AcInput::TERMINAL_LEN];
        terminal[25..].copy_from_slice(&[1, 2, 3, 4]);
        let input = AcInput::new(&terminal, [0; 2], Atc::new(7)).unwrap();
        assert_eq!(input.unpredictable_number(), [1, 2, 3, 4]);
        assert_eq!(
            AcInput::new(&terminal[1..], [0; 2], Atc::new(7)),
            Err(Error::EmvElement)
        );
    }
}
