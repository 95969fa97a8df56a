// SPDX-License-Identifier: MIT OR Apache-2.0
use zeroize::Zeroize;

use super::{HEADER_LEN, MAX_MAC_LEN, Request, command_mac, encipher};
use crate::codec::tlv::{Tag, Writer};
use crate::ct;
use crate::emv::element::tag;
use crate::emv::profile::Profile;
use crate::error::Error;
use crate::key::role::{SessionKey, Smc, Smi};
use crate::key::{Key, Tdea};

/// Longest command in bytes: header and 255 bytes.
pub const MAX_COMMAND_LEN: usize = HEADER_LEN + 255;

/// A command of the issuer to its card, besides those with a new PIN (EMV Book 3, 6.5; class byte 84: secure messaging
/// format 2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Command<'a> {
    /// APPLICATION BLOCK, 1E.
    ApplicationBlock,
    /// APPLICATION UNBLOCK, 18.
    ApplicationUnblock,
    /// CARD BLOCK, 16.
    CardBlock,
    /// PIN CHANGE/UNBLOCK, 24, that resets the try counter and leaves the PIN.
    PinUnblock,
    /// PUT DATA, DA: one primitive data element.
    PutData {
        /// Its tag, of one or two bytes.
        tag: Tag,
        /// Its new value, not empty.
        data: &'a [u8],
    },
    /// UPDATE RECORD, DC: one record of a file.
    UpdateRecord {
        /// Short file identifier, 1 to 30.
        sfi: u8,
        /// Number of the record, from 1.
        record: u8,
        /// Its new content, not empty.
        data: &'a [u8],
    },
}

impl<'a> Command<'a> {
    /// The data in clear.
    #[must_use]
    pub const fn data(&self) -> &'a [u8] {
        match self {
            Self::PutData { data, .. } | Self::UpdateRecord { data, .. } => data,
            Self::ApplicationBlock | Self::ApplicationUnblock | Self::CardBlock | Self::PinUnblock => &[],
        }
    }

    /// CLA INS P1 P2 Lc, for `lc` bytes of data and MAC.
    ///
    /// # Errors
    /// [`Error::InvalidArgument`] for a tag or a file or record number that the command cannot name, or no data where
    /// there must be some; [`Error::InvalidLength`] for more than 255 bytes.
    pub fn header(&self, lc: usize) -> Result<[u8; HEADER_LEN], Error> {
        let lc = u8::try_from(lc).map_err(|_| Error::InvalidLength)?;
        let (ins, p1, p2) = match *self {
            Self::ApplicationBlock => (0x1E, 0, 0),
            Self::ApplicationUnblock => (0x18, 0, 0),
            Self::CardBlock => (0x16, 0, 0),
            Self::PinUnblock => (0x24, 0, 0),
            Self::PutData { tag, data } => {
                let [a, b, p1, p2] = tag.value().to_be_bytes();
                if (a, b) != (0, 0) || tag.is_constructed() || data.is_empty() {
                    return Err(Error::InvalidArgument);
                }
                (0xDA, p1, p2)
            }
            Self::UpdateRecord { sfi, record, data } => {
                if !(1..=30).contains(&sfi) || record == 0 || data.is_empty() {
                    return Err(Error::InvalidArgument);
                }
                (0xDC, record, sfi << 3 | 4)
            }
        };
        Ok([0x84, ins, p1, p2, lc])
    }

    /// Length of the whole command in bytes, its data enciphered or not, the MAC behind.
    ///
    /// # Errors
    /// As [`header`](Self::header); [`Error::InvalidArgument`] if there is nothing to encipher;
    /// [`Error::Unsupported`] if the profile's scripts are not verified.
    pub fn secured_len(&self, profile: &Profile, enciphered: bool) -> Result<usize, Error> {
        let rules = profile.script()?;
        let data_len = if enciphered {
            if self.data().is_empty() {
                return Err(Error::InvalidArgument);
            }
            rules
                .style
                .enciphered_len(self.data().len())
                .ok_or(Error::InvalidLength)?
        } else {
            self.data().len()
        };
        let lc = data_len.checked_add(rules.mac_len).ok_or(Error::InvalidLength)?;
        self.header(lc)?;
        HEADER_LEN.checked_add(lc).ok_or(Error::InvalidLength)
    }
}

/// Writes a whole command under secure messaging into the first bytes of `out`, and gives its length: header, data, MAC.
/// With `smc` the data are enciphered. The rest of `out` is zero.
///
/// # Errors
/// As [`Command::secured_len`]; [`Error::BufferTooSmall`]; [`Error::NoKey`], [`Error::InvalidKeyLength`]. `out` is zero
/// then.
///
/// # Timing
/// Depends on the command, not on keys; of data that are enciphered on their length only.
///
/// # Source
/// EMV Book 2, 9.2.3 format 2, and 9.3; vectors: `vectors/emv.txt`, `emv_cvn`.
pub fn secure(
    profile: &Profile,
    smi: &Key<SessionKey<Smi>, Tdea>,
    smc: Option<&Key<SessionKey<Smc>, Tdea>>,
    request: &Request,
    command: &Command<'_>,
    out: &mut [u8],
) -> Result<usize, Error> {
    out.fill(0);
    let result = write(profile, smi, smc, request, command, out);
    if result.is_err() {
        out.zeroize();
    }
    result
}

fn write(
    profile: &Profile,
    smi: &Key<SessionKey<Smi>, Tdea>,
    smc: Option<&Key<SessionKey<Smc>, Tdea>>,
    request: &Request,
    command: &Command<'_>,
    out: &mut [u8],
) -> Result<usize, Error> {
    let rules = profile.script()?;
    let len = command.secured_len(profile, smc.is_some())?;
    let lc = len.checked_sub(HEADER_LEN).ok_or(Error::Internal)?;
    let header = command.header(lc)?;
    let (to_header, rest) = out.split_first_chunk_mut().ok_or(Error::BufferTooSmall)?;
    let body = rest.get_mut(..lc).ok_or(Error::BufferTooSmall)?;
    let data_len = lc.checked_sub(rules.mac_len).ok_or(Error::Internal)?;
    let (data, mac) = body.split_at_mut_checked(data_len).ok_or(Error::Internal)?;
    match smc {
        Some(smc) => {
            encipher(smc, rules.style, command.data(), data)?;
        }
        None => {
            for (to, from) in data.iter_mut().zip(command.data()) {
                *to = *from;
            }
        }
    }
    command_mac(profile, smi, request, &header, data, mac)?;
    ct::public(mac);
    *to_header = header;
    Ok(len)
}

/// When the card runs the commands of a script.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Moment {
    /// Template 71: before the second GENERATE AC.
    BeforeFinal,
    /// Template 72: after it.
    AfterFinal,
}

/// Writes a script for field 55: template 71 or 72 with the identifier 9F18, if there is one, and each command as 86.
/// Gives its length, at most 128 bytes.
///
/// # Errors
/// [`Error::InvalidLength`] for more than 128 bytes; [`Error::BufferTooSmall`], [`Error::TlvLength`]. `out` is zero
/// then.
///
/// # Source
/// EMV Book 3, 10.10; ISO 8583 field 55 as the schemes use it.
pub fn template(moment: Moment, id: Option<[u8; 4]>, commands: &[&[u8]], out: &mut [u8]) -> Result<usize, Error> {
    let mut writer = Writer::new(out);
    writer.begin(match moment {
        Moment::BeforeFinal => tag::SCRIPT_BEFORE,
        Moment::AfterFinal => tag::SCRIPT_AFTER,
    })?;
    if let Some(id) = id {
        writer.put(tag::SCRIPT_IDENTIFIER, &id)?;
    }
    for command in commands {
        writer.put(tag::SCRIPT_COMMAND, command)?;
    }
    writer.end()?;
    let len = writer.finish()?;
    if len > MAX_TEMPLATE_LEN {
        out.fill(0);
        return Err(Error::InvalidLength);
    }
    Ok(len)
}

/// Longest script in bytes.
pub const MAX_TEMPLATE_LEN: usize = 128;

const _: () = assert!(MAX_MAC_LEN < MAX_TEMPLATE_LEN);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers() {
        let data = &[1, 2, 3][..];
        let short = Tag::new(0x95).unwrap();
        let tag = Tag::new(0x9F58).unwrap();
        for (command, header) in [
            (Command::ApplicationBlock, [0x84, 0x1E, 0, 0, 8]),
            (Command::ApplicationUnblock, [0x84, 0x18, 0, 0, 8]),
            (Command::CardBlock, [0x84, 0x16, 0, 0, 8]),
            (Command::PinUnblock, [0x84, 0x24, 0, 0, 8]),
            (Command::PutData { tag, data }, [0x84, 0xDA, 0x9F, 0x58, 8]),
            (Command::PutData { tag: short, data }, [0x84, 0xDA, 0, 0x95, 8]),
            (
                Command::UpdateRecord {
                    sfi: 2,
                    record: 7,
                    data,
                },
                [0x84, 0xDC, 7, 0x14, 8],
            ),
        ] {
            assert_eq!(command.header(8), Ok(header));
            assert_eq!(command.header(256), Err(Error::InvalidLength));
        }
        let three = Tag::new(0x9F_8101).unwrap();
        let template = Tag::new(0x70).unwrap();
        for command in [
            Command::PutData { tag: three, data },
            Command::PutData { tag: template, data },
            Command::PutData { tag, data: &[] },
        ] {
            assert_eq!(command.header(8), Err(Error::InvalidArgument));
        }
        for (sfi, record, data) in [(0, 1, data), (31, 1, data), (1, 0, data), (1, 1, &[][..])] {
            let command = Command::UpdateRecord { sfi, record, data };
            assert_eq!(command.header(8), Err(Error::InvalidArgument));
        }
    }

    #[test]
    fn templates() {
        let mut out = [0x55; 140];
        let len = template(Moment::AfterFinal, Some([1, 2, 3, 4]), &[&[0x84, 0x18]], &mut out).unwrap();
        let expected = [0x72, 11, 0x9F, 0x18, 4, 1, 2, 3, 4, 0x86, 2, 0x84, 0x18];
        assert_eq!(out[..len], expected);
        let len = template(Moment::BeforeFinal, None, &[&[1], &[2]], &mut out).unwrap();
        assert_eq!(out[..len], [0x71, 6, 0x86, 1, 1, 0x86, 1, 2]);
        assert_eq!(
            template(Moment::AfterFinal, None, &[&[0; 124]], &mut out),
            Ok(MAX_TEMPLATE_LEN)
        );
        assert_eq!(
            template(Moment::AfterFinal, None, &[&[0; 125]], &mut out),
            Err(Error::InvalidLength)
        );
        assert_eq!(out, [0; 140]);
        assert_eq!(
            template(Moment::AfterFinal, None, &[&[1]], &mut out[..3]),
            Err(Error::BufferTooSmall)
        );
    }
}
