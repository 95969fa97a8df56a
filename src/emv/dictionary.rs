// SPDX-License-Identifier: MIT OR Apache-2.0
//! Data elements by tag: name, format and length (EMV Book 3, Annex A), as far as cryptograms, scripts and the lists of
//! cards need them.

use crate::codec::bcd;
use crate::codec::tlv::Tag;
use crate::error::Error;

/// The format of a value (EMV Book 3, clause 4.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// n: digits, two a byte, zeros to the left.
    Numeric,
    /// cn: digits, two a byte, F to the right.
    CompressedNumeric,
    /// b: bits or bytes.
    Binary,
    /// a, an, ans: characters.
    Text,
}

/// What is fixed about a data element.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Definition {
    /// The tag.
    pub tag: Tag,
    /// The name in EMV Book 3.
    pub name: &'static str,
    /// The format.
    pub format: Format,
    /// The shortest value in bytes.
    pub min_len: u8,
    /// The longest value in bytes.
    pub max_len: u8,
}

impl Definition {
    /// The definition of a tag; `None` if it is not in the [dictionary](DICTIONARY).
    #[must_use]
    pub fn of(tag: Tag) -> Option<&'static Self> {
        DICTIONARY.iter().find(|definition| definition.tag == tag)
    }

    /// Judges the length of a value, and its digits where it has digits.
    ///
    /// # Errors
    /// [`Error::EmvElement`].
    pub fn check(&self, value: &[u8]) -> Result<(), Error> {
        let fits = (usize::from(self.min_len)..=usize::from(self.max_len)).contains(&value.len());
        let digits = match self.format {
            Format::Numeric => bcd::check_numeric(value).is_ok(),
            Format::CompressedNumeric => compressed(value),
            Format::Binary | Format::Text => true,
        };
        if fits && digits { Ok(()) } else { Err(Error::EmvElement) }
    }
}

/// Digits, then nothing but F.
fn compressed(value: &[u8]) -> bool {
    let mut behind = bcd::nibbles(value).skip_while(|&n| n <= 9);
    behind.all(|n| n == 0xF)
}

macro_rules! dictionary {
    ($($tag:literal $format:ident $min:literal $max:literal $name:literal;)*) => {
        /// The elements, in the order of their tags.
        pub static DICTIONARY: &[Definition] = &[$(Definition {
            tag: Tag::known($tag),
            name: $name,
            format: Format::$format,
            min_len: $min,
            max_len: $max,
        }),*];
    };
}

dictionary! {
    0x57 Binary 0 19 "Track 2 equivalent data";
    0x5A CompressedNumeric 0 10 "Application PAN";
    0x82 Binary 2 2 "Application interchange profile";
    0x84 Binary 5 16 "Dedicated file name";
    0x86 Binary 0 255 "Issuer script command";
    0x89 Binary 6 6 "Authorisation code";
    0x8A Text 2 2 "Authorisation response code";
    0x8C Binary 0 252 "CDOL1";
    0x8D Binary 0 252 "CDOL2";
    0x91 Binary 8 16 "Issuer authentication data";
    0x95 Binary 5 5 "Terminal verification results";
    0x97 Binary 0 252 "TDOL";
    0x98 Binary 20 20 "TC hash value";
    0x9A Numeric 3 3 "Transaction date";
    0x9B Binary 2 2 "Transaction status information";
    0x9C Numeric 1 1 "Transaction type";
    0x5F24 Numeric 3 3 "Application expiration date";
    0x5F25 Numeric 3 3 "Application effective date";
    0x5F28 Numeric 2 2 "Issuer country code";
    0x5F2A Numeric 2 2 "Transaction currency code";
    0x5F30 Numeric 2 2 "Service code";
    0x5F34 Numeric 1 1 "PAN sequence number";
    0x5F36 Numeric 1 1 "Transaction currency exponent";
    0x9F01 Numeric 6 6 "Acquirer identifier";
    0x9F02 Numeric 6 6 "Amount, authorised";
    0x9F03 Numeric 6 6 "Amount, other";
    0x9F09 Binary 2 2 "Application version number, terminal";
    0x9F10 Binary 0 32 "Issuer application data";
    0x9F11 Numeric 1 1 "Issuer code table index";
    0x9F15 Numeric 2 2 "Merchant category code";
    0x9F16 Text 15 15 "Merchant identifier";
    0x9F18 Binary 4 4 "Issuer script identifier";
    0x9F1A Numeric 2 2 "Terminal country code";
    0x9F1C Text 8 8 "Terminal identification";
    0x9F1E Text 8 8 "Interface device serial number";
    0x9F20 CompressedNumeric 0 255 "Track 2 discretionary data";
    0x9F21 Numeric 3 3 "Transaction time";
    0x9F26 Binary 8 8 "Application cryptogram";
    0x9F27 Binary 1 1 "Cryptogram information data";
    0x9F33 Binary 3 3 "Terminal capabilities";
    0x9F34 Binary 3 3 "CVM results";
    0x9F35 Numeric 1 1 "Terminal type";
    0x9F36 Binary 2 2 "Application transaction counter";
    0x9F37 Binary 4 4 "Unpredictable number";
    0x9F38 Binary 0 252 "PDOL";
    0x9F39 Numeric 1 1 "Point-of-service entry mode";
    0x9F3B Numeric 2 8 "Application reference currency";
    0x9F3C Numeric 2 2 "Transaction reference currency code";
    0x9F3D Numeric 1 1 "Transaction reference currency exponent";
    0x9F40 Binary 5 5 "Additional terminal capabilities";
    0x9F41 Numeric 2 4 "Transaction sequence counter";
    0x9F42 Numeric 2 2 "Application currency code";
    0x9F43 Numeric 1 4 "Application reference currency exponent";
    0x9F44 Numeric 1 1 "Application currency exponent";
    0x9F4B Binary 1 255 "Signed dynamic application data";
    0x9F4C Binary 2 8 "ICC dynamic number";
    0x9F5B Binary 0 255 "Issuer script results";
    0x9F66 Binary 4 4 "Terminal transaction qualifiers";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_tags_once_and_in_order() {
        for pair in DICTIONARY.windows(2) {
            assert!(pair[0].tag.value() < pair[1].tag.value(), "{:?}", pair[1]);
        }
        for definition in DICTIONARY {
            assert_eq!(Tag::new(definition.tag.value()), Ok(definition.tag));
            assert!(definition.min_len <= definition.max_len && !definition.tag.is_constructed());
            assert_eq!(Definition::of(definition.tag), Some(definition));
        }
        assert_eq!(Definition::of(Tag::known(0x9F7F)), None);
    }

    #[test]
    fn values() {
        let of = |tag| Definition::of(Tag::known(tag)).unwrap();
        let bad = Err(Error::EmvElement);
        assert_eq!(of(0x9F02).check(&[0, 0, 0, 0, 0x12, 0x34]), Ok(()));
        assert_eq!(of(0x9F02).check(&[0, 0, 0, 0, 0x12]), bad);
        assert_eq!(of(0x9F02).check(&[0, 0, 0, 0, 0x12, 0x3A]), bad);
        assert_eq!(of(0x95).check(&[0xFF; 5]), Ok(()));
        assert_eq!(of(0x5A).check(&[0x12, 0x34, 0x5F]), Ok(()));
        assert_eq!(of(0x5A).check(&[0x12, 0xF4]), bad);
        assert_eq!(of(0x5A).check(&[0x12, 0xFA]), bad);
        assert_eq!(of(0x5A).check(&[0x12; 11]), bad);
    }
}
