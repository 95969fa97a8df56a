// SPDX-License-Identifier: MIT OR Apache-2.0
use crate::error::Error;

/// Layouts of issuer application data (tag 9F10). The profile says which one; its length tells variants of it apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IadLayout {
    /// Visa formats 0, 1 and 3, 7 to 23 bytes: 06, DKI, CVN, CVR (03 and 3 bytes), and maybe a length byte and as
    /// many bytes of discretionary data.
    Visa,
    /// [`Visa`](Self::Visa), or format 2, which has 32 bytes: 1F, CVN, DKI, CVR (5), discretionary data (24).
    VisaAny,
    /// Mastercard, 18, 20, 26 or 28 bytes: DKI, CVN, CVR (6), DAC or dynamic number (2), counters (8 or 16), and maybe
    /// the last online ATC (2).
    MChip,
    /// PBOC, 8 to 32 bytes: 07, DKI, CVN, CVR (03 and 3 bytes), 01 (TDEA), and maybe a length byte and as many bytes
    /// of discretionary data.
    Pboc,
    /// Interac: length of the rest, DKI, CVN, and what its owner defines; at most 32 bytes.
    Interac,
    /// EMV common core definitions, 32 bytes: 0F, CCI, DKI, CVR (5), counters (8), 0F, discretionary data (15).
    CommonCore,
}

/// Issuer application data, taken apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Iad<'a> {
    /// All of it.
    pub whole: &'a [u8],
    /// Derivation key index: which of the issuer's master keys.
    pub dki: u8,
    /// Cryptogram version number (common core: common core identifier).
    pub cvn: u8,
    /// Card verification results; empty where the layout does not tell.
    pub cvr: &'a [u8],
    /// Counters; empty where there are none.
    pub counters: &'a [u8],
}

/// What of the issuer application data enters the cryptogram.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IadPart {
    /// The card verification results.
    Cvr,
    /// The card verification results, then the counters.
    CvrAndCounters,
    /// All of it.
    Whole,
}

impl IadPart {
    /// The parts in order.
    pub(in crate::emv) const fn of<'a>(self, iad: &Iad<'a>) -> [&'a [u8]; 2] {
        match self {
            Self::Cvr => [iad.cvr, &[]],
            Self::CvrAndCounters => [iad.cvr, iad.counters],
            Self::Whole => [iad.whole, &[]],
        }
    }
}

impl IadLayout {
    /// Every layout.
    pub const ALL: [Self; 6] = [
        Self::Visa,
        Self::VisaAny,
        Self::MChip,
        Self::Pboc,
        Self::Interac,
        Self::CommonCore,
    ];

    /// Takes issuer application data apart.
    ///
    /// # Errors
    /// [`Error::Iad`] if they have not exactly this layout.
    pub fn parse(self, whole: &[u8]) -> Result<Iad<'_>, Error> {
        match self {
            Self::Visa => visa(whole),
            Self::VisaAny if whole.len() == 32 => visa_format2(whole),
            Self::VisaAny => visa(whole),
            Self::MChip => mchip(whole),
            Self::Pboc => pboc(whole),
            Self::Interac => interac(whole),
            Self::CommonCore => common_core(whole),
        }
        .ok_or(Error::Iad)
    }
}

fn visa(whole: &[u8]) -> Option<Iad<'_>> {
    let ([0x06, dki, cvn], rest) = whole.split_first_chunk()? else {
        return None;
    };
    let (cvr, rest) = cvr4(rest)?;
    discretionary(rest)?;
    (whole.len() <= 23).then_some(Iad {
        whole,
        dki: *dki,
        cvn: *cvn,
        cvr,
        counters: &[],
    })
}

fn visa_format2(whole: &[u8]) -> Option<Iad<'_>> {
    let ([0x1F, cvn, dki], rest) = whole.split_first_chunk()? else {
        return None;
    };
    Some(Iad {
        whole,
        dki: *dki,
        cvn: *cvn,
        cvr: rest.get(..5)?,
        counters: &[],
    })
}

fn mchip(whole: &[u8]) -> Option<Iad<'_>> {
    let counters = match whole.len() {
        18 | 20 => 8,
        26 | 28 => 16,
        _ => return None,
    };
    let ([dki, cvn], rest) = whole.split_first_chunk()?;
    let (cvr, rest) = rest.split_at_checked(6)?;
    // Data authentication code, or the first bytes of the dynamic number.
    let (_, rest) = rest.split_at_checked(2)?;
    Some(Iad {
        whole,
        dki: *dki,
        cvn: *cvn,
        cvr,
        counters: rest.get(..counters)?,
    })
}

fn pboc(whole: &[u8]) -> Option<Iad<'_>> {
    let ([0x07, dki, cvn], rest) = whole.split_first_chunk()? else {
        return None;
    };
    let (cvr, rest) = cvr4(rest)?;
    // Algorithm: 01 is TDEA, the only one here.
    let ([0x01], rest) = rest.split_first_chunk()? else {
        return None;
    };
    discretionary(rest)?;
    (whole.len() <= 32).then_some(Iad {
        whole,
        dki: *dki,
        cvn: *cvn,
        cvr,
        counters: &[],
    })
}

fn interac(whole: &[u8]) -> Option<Iad<'_>> {
    let ([len, dki, cvn], rest) = whole.split_first_chunk()?;
    let fits = usize::from(*len) == rest.len().wrapping_add(2) && !rest.is_empty() && whole.len() <= 32;
    fits.then_some(Iad {
        whole,
        dki: *dki,
        cvn: *cvn,
        cvr: &[],
        counters: &[],
    })
}

fn common_core(whole: &[u8]) -> Option<Iad<'_>> {
    let ([0x0F, cci, dki], rest) = whole.split_first_chunk()? else {
        return None;
    };
    let (cvr, rest) = rest.split_at_checked(5)?;
    let (counters, rest) = rest.split_at_checked(8)?;
    let fits = rest.first() == Some(&0x0F) && rest.len() == 16;
    fits.then_some(Iad {
        whole,
        dki: *dki,
        cvn: *cci,
        cvr,
        counters,
    })
}

/// Card verification results of four bytes, of which the first says that three follow.
fn cvr4(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (cvr, rest) = bytes.split_at_checked(4)?;
    (cvr.first() == Some(&0x03)).then_some((cvr, rest))
}

/// Nothing, or a length byte and exactly as many bytes.
fn discretionary(bytes: &[u8]) -> Option<()> {
    match bytes {
        [] => Some(()),
        [len, rest @ ..] => (usize::from(*len) == rest.len()).then_some(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn layouts() {
        let visa = [0x06, 0x01, 0x12, 0x03, 0xA0, 0xB8, 0x00];
        let iad = IadLayout::Visa.parse(&visa).unwrap();
        assert_eq!(
            (iad.dki, iad.cvn, iad.cvr, iad.counters),
            (1, 0x12, &visa[3..], &[][..])
        );
        assert_eq!(IadLayout::VisaAny.parse(&visa), Ok(iad));

        let mut format2 = [0x55; 32];
        format2[..3].copy_from_slice(&[0x1F, 0x22, 0x01]);
        let iad = IadLayout::VisaAny.parse(&format2).unwrap();
        assert_eq!((iad.dki, iad.cvn, iad.cvr.len()), (1, 0x22, 5));
        assert_eq!(IadLayout::Visa.parse(&format2), Err(Error::Iad));

        let mut mchip = [0; 28];
        mchip[..4].copy_from_slice(&[0x01, 0x10, 0x60, 0x80]);
        for len in 0..=28 {
            let counters = match len {
                18 | 20 => Some(8),
                26 | 28 => Some(16),
                _ => None,
            };
            let iad = IadLayout::MChip.parse(&mchip[..len]);
            assert_eq!(iad.ok().map(|iad| iad.counters.len()), counters);
        }

        // A published PBOC sample with balance and MAC.
        let pboc = [
            0x07, 0x02, 0x01, 0x03, 0xA4, 0xB9, 0x04, 0x01, 0x0A, 0x01, 0, 0, 0, 0, 0, 0x1B, 0xFC, 0x42, 0x3C,
        ];
        let iad = IadLayout::Pboc.parse(&pboc).unwrap();
        assert_eq!((iad.dki, iad.cvn, iad.cvr), (2, 1, &pboc[3..7]));
        assert!(IadLayout::Pboc.parse(&pboc[..8]).is_ok());

        let mut core = [0; 32];
        core[..2].copy_from_slice(&[0x0F, 0xA5]);
        core[16] = 0x0F;
        let iad = IadLayout::CommonCore.parse(&core).unwrap();
        assert_eq!((iad.cvn, iad.cvr.len(), iad.counters.len()), (0xA5, 5, 8));
    }

    #[test]
    fn other_shapes() {
        let cases: &[(IadLayout, &[u8])] = &[
            (IadLayout::Visa, &[]),
            (IadLayout::Visa, &[0x06, 0x01, 0x12, 0x03, 0xA0, 0xB8]),
            (IadLayout::Visa, &[0x07, 0x01, 0x12, 0x03, 0xA0, 0xB8, 0x00]),
            (IadLayout::Visa, &[0x06, 0x01, 0x12, 0x04, 0xA0, 0xB8, 0x00]),
            (IadLayout::Visa, &[0x06, 0x01, 0x12, 0x03, 0xA0, 0xB8, 0x00, 0x02, 0x01]),
            (
                IadLayout::Visa,
                &[0x06, 0x01, 0x12, 0x03, 0xA0, 0xB8, 0x00, 0x01, 0x01, 0x01],
            ),
            (IadLayout::Pboc, &[0x07, 0x02, 0x01, 0x03, 0xA4, 0xB9, 0x04]),
            // SM4 cards have another algorithm.
            (IadLayout::Pboc, &[0x07, 0x02, 0x01, 0x03, 0xA4, 0xB9, 0x04, 0x04]),
            (IadLayout::Interac, &[0x05, 0x01, 0x85, 0x04]),
            (IadLayout::Interac, &[0x02, 0x01, 0x85]),
            (IadLayout::CommonCore, &[0x0F; 31]),
            (IadLayout::VisaAny, &[0x55; 32]),
        ];
        for (layout, data) in cases {
            assert_eq!(layout.parse(data), Err(Error::Iad), "{layout:?} {data:02X?}");
        }
        // No layout takes more than tag 9F10 may hold, or panics.
        let all = [
            IadLayout::Visa,
            IadLayout::VisaAny,
            IadLayout::MChip,
            IadLayout::Pboc,
            IadLayout::Interac,
            IadLayout::CommonCore,
        ];
        for layout in all {
            for len in 0..=60_usize {
                for first in [0x06, 0x07, 0x0F, 0x1F, u8::try_from(len.saturating_sub(1)).unwrap()] {
                    let mut data = [0x03; 60];
                    data[0] = first;
                    let taken = layout.parse(&data[..len]).is_ok();
                    assert!(!taken || (7..=32).contains(&len) || layout == IadLayout::Interac && len <= 32);
                }
            }
        }
    }
}
