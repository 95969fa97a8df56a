// SPDX-License-Identifier: MIT OR Apache-2.0
//! Messages between terminal and host; the table is in terminal/message.h.

use payhsm::codec::tlv::Tag;
use payhsm::error::Error;

/// Request template.
pub const REQUEST: u8 = 0xE1;
/// Answer template.
pub const ANSWER: u8 = 0xE2;
/// Length of a MAC.
pub const MAC_LEN: usize = 8;

const HEADER_LEN: usize = 4;
const MAC_HEAD: [u8; 3] = [0xDF, 0x0E, 0x08];

macro_rules! tags {
    ($($name:ident = $value:literal;)*) => {
        $(pub const $name: Tag = match Tag::new($value) {
            Ok(tag) => tag,
            Err(_) => panic!("not a tag"),
        };)*
    };
}

/// Tags of terminal/message.h.
pub mod tag {
    use super::Tag;
    tags! {
        TYPE = 0xDF01;
        PROCESSING = 0xDF02;
        STAN = 0xDF03;
        TERMINAL = 0xDF04;
        KSN = 0xDF06;
        PIN_BLOCK = 0xDF07;
        TRACK2_ENCIPHERED = 0xDF08;
        QR = 0xDF0A;
        ORIGINAL_STAN = 0xDF0B;
        BALANCE = 0xDF0C;
        M1 = 0xDF22;
        M2 = 0xDF23;
        M3 = 0xDF24;
        BLOCK_TDEA = 0xDF25;
        BLOCK_AES = 0xDF26;
        KCV_TDEA = 0xDF27;
        KCV_AES = 0xDF28;
        FIELD55 = 0xDF55;
        RESPONSE_CODE = 0x8A;
        AMOUNT = 0x9F02;
    }
}

/// A message taken apart without looking into its elements.
pub struct Frame<'a> {
    /// All bytes before the MAC element: what the MAC covers.
    pub covered: &'a [u8],
    /// The elements.
    pub content: &'a [u8],
    /// The MAC.
    pub mac: &'a [u8],
}

/// The elements of a message without MAC.
pub fn content(bytes: &[u8], template: u8) -> Result<&[u8], Error> {
    match bytes.split_first_chunk::<HEADER_LEN>() {
        Some(([first, 0x82, high, low], rest)) if *first == template => {
            if usize::from(u16::from_be_bytes([*high, *low])) == rest.len() {
                Ok(rest)
            } else {
                Err(Error::TlvLength)
            }
        }
        _ => Err(Error::TlvTag),
    }
}

/// A message with a MAC: its place follows from the length of the message.
pub fn frame(bytes: &[u8], template: u8) -> Result<Frame<'_>, Error> {
    content(bytes, template)?;
    let (rest, mac) = bytes.split_last_chunk::<MAC_LEN>().ok_or(Error::TlvMissing)?;
    match rest.split_last_chunk::<3>() {
        Some((covered, head)) if *head == MAC_HEAD && covered.len() >= HEADER_LEN => Ok(Frame {
            covered,
            content: &covered[HEADER_LEN..],
            mac,
        }),
        _ => Err(Error::TlvMissing),
    }
}

/// An answer in the making.
pub struct Builder(Vec<u8>);

impl Builder {
    /// An answer without elements.
    pub fn answer() -> Self {
        Self(vec![ANSWER, 0x82, 0, 0])
    }

    /// Adds an element.
    pub fn put(mut self, tag: Tag, value: &[u8]) -> Self {
        let name = tag.value().to_be_bytes();
        self.0.extend(name.iter().skip_while(|byte| **byte == 0));
        match u8::try_from(value.len()) {
            Ok(len @ ..0x80) => self.0.push(len),
            Ok(len) => self.0.extend([0x81, len]),
            Err(_) => {
                let len = u16::try_from(value.len()).unwrap_or(u16::MAX);
                self.0.push(0x82);
                self.0.extend(len.to_be_bytes());
            }
        }
        self.0.extend(value);
        self
    }

    fn with_length(mut self, more: usize) -> Vec<u8> {
        let len = u16::try_from(self.0.len() - HEADER_LEN + more).unwrap_or(u16::MAX);
        self.0[2..4].copy_from_slice(&len.to_be_bytes());
        self.0
    }

    /// The message without a MAC.
    pub fn close(self) -> Vec<u8> {
        self.with_length(0)
    }

    /// The message with the MAC that `mac` computes.
    pub fn seal(self, mac: impl FnOnce(&[u8], &mut [u8]) -> Result<(), Error>) -> Result<Vec<u8>, Error> {
        let mut bytes = self.with_length(MAC_HEAD.len() + MAC_LEN);
        let mut value = [0; MAC_LEN];
        mac(&bytes, &mut value)?;
        bytes.extend(MAC_HEAD);
        bytes.extend(value);
        Ok(bytes)
    }
}

/// A number in packed decimal digits, right-justified.
pub fn bcd<const N: usize>(mut number: u64) -> [u8; N] {
    let mut out = [0; N];
    for byte in out.iter_mut().rev() {
        let two = u8::try_from(number % 100).unwrap_or(0);
        *byte = ((two / 10) << 4) | (two % 10);
        number /= 100;
    }
    out
}

/// The number of packed decimal digits.
pub fn number(value: &[u8]) -> Result<u64, Error> {
    value.iter().try_fold(0_u64, |sum, byte| {
        let (high, low) = (byte >> 4, byte & 15);
        if high > 9 || low > 9 {
            return Err(Error::Bcd);
        }
        let shifted = sum.checked_mul(100).ok_or(Error::Bcd)?;
        shifted
            .checked_add(u64::from(high) * 10 + u64::from(low))
            .ok_or(Error::Bcd)
    })
}

/// Bytes for a person.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02X}")).collect()
}
