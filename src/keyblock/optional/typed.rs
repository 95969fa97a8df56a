// SPDX-License-Identifier: MIT OR Apache-2.0
//! What the optional blocks of the standard say.

use crate::codec::hex;
use crate::error::Error;
use crate::key::usage::{Attributes, Exportability, KeyAlgorithm, ModeOfUse, Usage};
use crate::keyblock::optional::{Optional, number};

/// The data of an optional block, read as the standard has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Typed<'a> {
    /// AL: how long a key pair lives.
    Life(Life),
    /// BI: the base derivation key of a DUKPT key.
    BdkId(BdkId),
    /// CT: certificates of the public key.
    Certificates(Certificates<'a>),
    /// DA: what may be derived from the key.
    Derivations(Derivations<'a>),
    /// HM: the hash function of an HMAC key.
    Hash(Hash),
    /// IK: the initial key id of an AES DUKPT key.
    InitialKeyId([u8; 8]),
    /// KC: check value of the key.
    KeyCheck(CheckValue),
    /// KP: check value of the protection key.
    KbpkCheck(CheckValue),
    /// KS: the initial KSN of a TDES DUKPT key.
    InitialKsn([u8; 10]),
    /// KV: version of the header's values. Deprecated; informational.
    Values(&'a [u8]),
    /// LB: a label.
    Label(&'a [u8]),
    /// PB: padding of the header.
    Padding(&'a [u8]),
    /// PK: check value of the protection key for export.
    ExportCheck(CheckValue),
    /// TC: when the key was made.
    Created(Time<'a>),
    /// TS: when the block was made.
    Stamped(Time<'a>),
    /// WP: how well the key was protected so far.
    Pedigree(Pedigree),
    /// A block that the standard does not define, or leaves to private agreements.
    Other(Optional<'a>),
}

impl<'a> Typed<'a> {
    /// Reads the data of a block.
    ///
    /// # Errors
    /// [`Error::KeyBlockOptional`] if the standard gives the data a form and it has another.
    ///
    /// # Source
    /// ANSI X9.143:2021, 6.3.6.
    pub fn read(block: Optional<'a>) -> Result<Self, Error> {
        let data = block.data;
        let typed = match &block.id {
            b"AL" => Life::read(data).map(Self::Life),
            b"BI" => BdkId::read(data).map(Self::BdkId),
            b"CT" => Certificates::read(data).map(Self::Certificates),
            b"DA" => Derivations::read(data).map(Self::Derivations),
            b"HM" => Hash::read(data).map(Self::Hash),
            b"IK" => bytes(data).map(Self::InitialKeyId),
            b"KC" => CheckValue::read(data).map(Self::KeyCheck),
            b"KP" => CheckValue::read(data).map(Self::KbpkCheck),
            b"KS" => bytes(data).map(Self::InitialKsn),
            b"KV" => Some(Self::Values(data)),
            b"LB" => Some(Self::Label(data)),
            b"PB" => Some(Self::Padding(data)),
            b"PK" => CheckValue::read(data).map(Self::ExportCheck),
            b"TC" => Time::read(data).map(Self::Created),
            b"TS" => Time::read(data).map(Self::Stamped),
            b"WP" => Pedigree::read(data).map(Self::Pedigree),
            _ => Some(Self::Other(block)),
        };
        typed.ok_or(Error::KeyBlockOptional)
    }
}

/// `N` bytes in hexadecimal.
pub(super) fn bytes<const N: usize>(data: &[u8]) -> Option<[u8; N]> {
    let mut out = [0; N];
    hex::decode(data, &mut out).ok()?;
    Some(out)
}

/// How long a key pair lives (AL, version 01).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Life {
    /// For one use.
    Ephemeral,
    /// Until it is replaced.
    Static,
}

impl Life {
    fn read(data: &[u8]) -> Option<Self> {
        match data {
            b"0100" => Some(Self::Ephemeral),
            b"0101" => Some(Self::Static),
            _ => None,
        }
    }
}

/// Which base derivation key an initial key comes from (BI).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BdkId {
    /// TDES DUKPT: the key set identifier, the leftmost 5 bytes of the KSN.
    Ksi([u8; 5]),
    /// AES DUKPT: the BDK id, the leftmost 4 bytes of the initial key id.
    BdkId([u8; 4]),
}

impl BdkId {
    pub(super) fn read(data: &[u8]) -> Option<Self> {
        match data.split_first_chunk::<2>()? {
            (b"00", digits) => bytes(digits).map(Self::Ksi),
            (b"01", digits) => bytes(digits).map(Self::BdkId),
            _ => None,
        }
    }
}

/// One certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Certificate<'a> {
    /// Whether it is one of EMV; else of X.509.
    pub is_emv: bool,
    /// The certificate in base64. Its characters are judged, nothing else.
    pub base64: &'a [u8],
}

impl<'a> Certificate<'a> {
    fn new(form: &[u8], base64: &'a [u8]) -> Option<Self> {
        let is_emv = match form {
            b"00" => false,
            b"01" => true,
            _ => return None,
        };
        let digits = base64.trim_ascii_end();
        let digits = digits
            .strip_suffix(b"==")
            .or_else(|| digits.strip_suffix(b"="))
            .unwrap_or(digits);
        let sound = |c: &u8| c.is_ascii_alphanumeric() || matches!(c, b'+' | b'/');
        // Four characters for three bytes.
        let whole = !digits.is_empty() && base64.len() & 3 == 0;
        (whole && digits.iter().all(sound)).then_some(Self { is_emv, base64 })
    }
}

/// Certificates of a public key, from that of the key to that of the authority (CT): one, or a chain in which each
/// stands behind its form (2 characters) and its length (4 hex).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Certificates<'a> {
    first: Certificate<'a>,
    rest: &'a [u8],
}

impl<'a> Certificates<'a> {
    fn read(data: &'a [u8]) -> Option<Self> {
        let (form, behind) = data.split_first_chunk::<2>()?;
        if form != b"02" {
            let first = Certificate::new(form, behind)?;
            return Some(Self { first, rest: &[] });
        }
        let (first, rest) = Self::next(behind)?;
        let mut left = rest;
        while !left.is_empty() {
            left = Self::next(left)?.1;
        }
        Some(Self { first, rest })
    }

    fn next(chain: &'a [u8]) -> Option<(Certificate<'a>, &'a [u8])> {
        let (form, behind) = chain.split_first_chunk::<2>()?;
        let (len, behind) = behind.split_first_chunk::<4>()?;
        let (base64, rest) = behind.split_at_checked(number(len)?)?;
        Some((Certificate::new(form, base64)?, rest))
    }

    /// The certificates, that of the key first.
    pub fn iter(&self) -> impl Iterator<Item = Certificate<'a>> + use<'a> {
        let mut rest = self.rest;
        let more = core::iter::from_fn(move || {
            let (certificate, behind) = Self::next(rest)?;
            rest = behind;
            Some(certificate)
        });
        core::iter::once(self.first).chain(more)
    }
}

/// What may be derived from a key (DA, version 01): usage, algorithm, mode of use and exportability of each key. Only
/// for keys of usage B3.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Derivations<'a>(&'a [[u8; 5]]);

impl<'a> Derivations<'a> {
    /// The most sets of attributes that a block of two length digits can hold.
    pub const MAX_LEN: usize = 49;

    fn read(data: &'a [u8]) -> Option<Self> {
        let (b"01", list) = data.split_first_chunk::<2>()? else {
            return None;
        };
        let (sets, []) = list.as_chunks::<5>() else {
            return None;
        };
        let sound = |set| Self::attributes(set).is_some_and(|one| !one.exportability.is_proprietary());
        ((1..=Self::MAX_LEN).contains(&sets.len()) && sets.iter().all(sound)).then_some(Self(sets))
    }

    fn attributes(&[u0, u1, algorithm, mode, export]: &[u8; 5]) -> Option<Attributes> {
        Some(Attributes::new(
            Usage::from_chars([u0, u1]).ok()?,
            KeyAlgorithm::from_char(algorithm).ok()?,
            ModeOfUse::from_char(mode).ok()?,
            Exportability::from_char(export).ok()?,
        ))
    }

    /// The sets, each without a key version.
    pub fn iter(&self) -> impl Iterator<Item = Attributes> + use<'a> {
        self.0.iter().filter_map(Self::attributes)
    }

    /// Whether a key with these attributes, of whatever version, may be derived: one of the sets is just this.
    #[must_use]
    pub fn allow(&self, derived: &Attributes) -> bool {
        self.iter().any(|set| {
            let set = Attributes {
                version: derived.version,
                ..set
            };
            set == *derived
        })
    }
}

macro_rules! hashes {
    ($($name:ident = $id:literal, $text:literal;)*) => {
        /// The hash function of an HMAC key (HM).
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Hash {
            $(#[doc = $text] $name,)*
        }

        impl Hash {
            /// Every function that the standard names.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// The number in the block.
            #[must_use]
            pub const fn id(self) -> u8 {
                match self {
                    $(Self::$name => $id,)*
                }
            }

            const fn from_id(id: u8) -> Option<Self> {
                match id {
                    $($id => Some(Self::$name),)*
                    _ => None,
                }
            }
        }
    };
}

hashes! {
    Sha1 = 0x10, "SHA-1.";
    Sha224 = 0x20, "SHA-224.";
    Sha256 = 0x21, "SHA-256.";
    Sha384 = 0x22, "SHA-384.";
    Sha512 = 0x23, "SHA-512.";
    Sha512_224 = 0x24, "SHA-512/224.";
    Sha512_256 = 0x25, "SHA-512/256.";
    Sha3_224 = 0x30, "SHA3-224.";
    Sha3_256 = 0x31, "SHA3-256.";
    Sha3_384 = 0x32, "SHA3-384.";
    Sha3_512 = 0x33, "SHA3-512.";
    Shake128 = 0x40, "SHAKE128.";
    Shake256 = 0x41, "SHAKE256.";
}

impl Hash {
    pub(super) fn read(data: &[u8]) -> Option<Self> {
        let [id] = bytes::<1>(data)?;
        Self::from_id(id)
    }
}

/// How a check value was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CheckMethod {
    /// Encipherment of a zero block; at most 3 bytes.
    Legacy,
    /// CMAC of a zero block; at most 5 bytes.
    Cmac,
}

impl CheckMethod {
    /// The most bytes of it in a key block.
    #[must_use]
    pub const fn max_len(self) -> usize {
        match self {
            Self::Legacy => 3,
            Self::Cmac => 5,
        }
    }
}

/// A key check value in an optional block (KC, KP, PK). Public.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CheckValue {
    method: CheckMethod,
    bytes: [u8; 5],
    len: usize,
}

impl CheckValue {
    /// The longest data of such a block, in characters.
    pub const TEXT_LEN: usize = 12;

    /// A check value to be written.
    ///
    /// # Errors
    /// [`Error::InvalidLength`] if it is empty or longer than the method allows.
    pub fn new(method: CheckMethod, value: &[u8]) -> Result<Self, Error> {
        let mut bytes = [0; 5];
        let len = value.len();
        let (1..) = len else { return Err(Error::InvalidLength) };
        let place = bytes.get_mut(..len).filter(|_| len <= method.max_len());
        place.ok_or(Error::InvalidLength)?.copy_from_slice(value);
        Ok(Self { method, bytes, len })
    }

    pub(super) fn read(data: &[u8]) -> Option<Self> {
        let (kind, digits) = data.split_first_chunk::<2>()?;
        let method = match kind {
            b"00" => CheckMethod::Legacy,
            b"01" => CheckMethod::Cmac,
            _ => return None,
        };
        let mut bytes = [0; 5];
        let bytes = bytes.get_mut(..digits.len() >> 1)?;
        hex::decode(digits, bytes).ok()?;
        Self::new(method, bytes).ok()
    }

    /// How it was made.
    #[must_use]
    pub const fn method(&self) -> CheckMethod {
        self.method
    }

    /// The leftmost bytes: 1 to 3 (legacy) or 1 to 5 (CMAC).
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        self.bytes.get(..self.len).unwrap_or(&[])
    }

    /// Writes the data of the block and gives it.
    ///
    /// # Errors
    /// None that can happen: [`Error::Internal`].
    pub fn to_text<'o>(&self, out: &'o mut [u8; Self::TEXT_LEN]) -> Result<&'o [u8], Error> {
        let (head, rest) = out.split_first_chunk_mut::<2>().ok_or(Error::Internal)?;
        *head = match self.method {
            CheckMethod::Legacy => *b"00",
            CheckMethod::Cmac => *b"01",
        };
        let digits = rest.get_mut(..self.len << 1).ok_or(Error::Internal)?;
        hex::encode(self.bytes(), digits)?;
        let len = (self.len << 1).wrapping_add(2);
        out.get(..len).ok_or(Error::Internal)
    }
}

/// A moment (TC, TS): ISO 8601 in the basic or the extended form, to the second or finer, UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Time<'a> {
    text: &'a [u8],
    fields: [u16; 6],
}

impl<'a> Time<'a> {
    fn read(text: &'a [u8]) -> Option<Self> {
        let (b'Z', time) = text.split_last()? else {
            return None;
        };
        let (whole, fraction) = match time.iter().position(|c| *c == b'.') {
            Some(at) => time.split_at_checked(at)?,
            None => (time, &[][..]),
        };
        let form: &[u8] = match whole.len() {
            14 => b"YYYYMMDDhhmmss",
            19 => b"YYYY-MM-DDThh:mm:ss",
            _ => return None,
        };
        let mut fields = [0_u16; 6];
        for (c, kind) in whole.iter().zip(form) {
            let Some(at) = b"YMDhms".iter().position(|letter| letter == kind) else {
                if c == kind {
                    continue;
                }
                return None;
            };
            let digit = c.is_ascii_digit().then(|| c.wrapping_sub(b'0'))?;
            let field = fields.get_mut(at)?;
            *field = field.wrapping_mul(10).wrapping_add(u16::from(digit));
        }
        let [_, month, day, hour, minute, second] = fields;
        // A leap second is a second.
        let real = matches!(month, 1..=12) && matches!(day, 1..=31) && hour < 24 && minute < 60 && second <= 60;
        let fine = match fraction {
            [] => true,
            [_, decimals @ ..] => !decimals.is_empty() && decimals.iter().all(u8::is_ascii_digit),
        };
        (real && fine).then_some(Self { text, fields })
    }

    /// Year, month, day, hour, minute, second.
    #[must_use]
    pub const fn fields(&self) -> [u16; 6] {
        self.fields
    }

    /// The characters of the block.
    #[must_use]
    pub const fn text(&self) -> &'a [u8] {
        self.text
    }
}

/// How well a key was protected so far (WP, version 00).
///
/// A pedigree never gets better: what protects a key adds its own faults.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Pedigree(u8);

impl Pedigree {
    /// 0: always by keys of the same strength or more.
    pub const SOUND: Self = Self(0);
    /// 1: once by a key of less strength.
    pub const LESSER: Self = Self(1);
    /// 2: once by an asymmetric key, at risk from quantum computers.
    pub const ASYMMETRIC: Self = Self(2);

    fn read(data: &[u8]) -> Option<Self> {
        match data {
            [b'0', b'0', digit @ b'0'..=b'3'] => Some(Self(digit & 3)),
            _ => None,
        }
    }

    /// From the digit of the block, of which the two lowest bits.
    pub(crate) const fn from_digit(digit: u8) -> Self {
        Self(digit & 3)
    }

    /// The pedigree of a key that was protected as `self` says and then as `other` says.
    #[must_use]
    pub const fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Whether a key of less strength protected it: values 1 and 3.
    #[must_use]
    pub const fn is_lesser(self) -> bool {
        self.0 & 1 != 0
    }

    /// Whether an asymmetric key protected it: values 2 and 3.
    #[must_use]
    pub const fn is_asymmetric(self) -> bool {
        self.0 & 2 != 0
    }

    /// The data of the block.
    #[must_use]
    pub const fn to_chars(self) -> [u8; 3] {
        [b'0', b'0', b'0' | self.0]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read<'a>(id: &[u8; 2], data: &'a [u8]) -> Result<Typed<'a>, Error> {
        Typed::read(Optional::new(*id, data).unwrap())
    }

    #[test]
    fn times() {
        for (text, fields) in [
            (&b"20200818004100Z"[..], [2020, 8, 18, 0, 41, 0]),
            (b"2018-06-18T20:42:39.22Z", [2018, 6, 18, 20, 42, 39]),
            (b"20161231235960Z", [2016, 12, 31, 23, 59, 60]),
        ] {
            for id in [b"TC", b"TS"] {
                let (Ok(Typed::Created(time)) | Ok(Typed::Stamped(time))) = read(id, text) else {
                    panic!("{text:?}");
                };
                assert_eq!((time.fields(), time.text()), (fields, text));
            }
        }
        for text in [
            &b""[..],
            b"Z",
            b"20200818004100",
            b"20200018004100Z",
            b"20201318004100Z",
            b"20200832004100Z",
            b"20200818240000Z",
            b"20200818006000Z",
            b"20200818000061Z",
            b"2020081800410Z",
            b"2020-08-18 00:41:00Z",
            b"2020-08-18T00:41:00.Z",
            b"20200818004100.1xZ",
            b"2020081800410xZ",
        ] {
            assert_eq!(read(b"TS", text), Err(Error::KeyBlockOptional), "{text:?}");
        }
    }

    #[test]
    fn certificate_chains() {
        let Ok(Typed::Certificates(chain)) = read(b"CT", b"02000004MIIB010008MIICAA==") else {
            panic!("a chain of two");
        };
        let found = chain.iter().map(|one| (one.is_emv, one.base64));
        assert!(found.eq([(false, &b"MIIB"[..]), (true, b"MIICAA==")]));
        let Ok(Typed::Certificates(one)) = read(b"CT", b"01MIIB") else {
            panic!("one of EMV");
        };
        assert!(one.iter().all(|one| one.is_emv));
        for data in [
            &b""[..],
            b"00",
            b"03MIIB",
            b"00MIIBA",
            b"00MII=B===",
            b"00MII*",
            b"00====",
            b"02",
            b"02020004MIIB",
            b"02000005MIIB",
            b"02000004MIIB00",
            b"02000004MIIB00000",
            b"0200000gMIIB",
        ] {
            assert_eq!(read(b"CT", data), Err(Error::KeyBlockOptional), "{data:?}");
        }
    }

    #[test]
    fn derivations() {
        let Ok(Typed::Derivations(allowed)) = read(b"DA", b"01D2ABND3AEN") else {
            panic!("two sets");
        };
        let set = |usage, mode, export| Attributes::new(usage, KeyAlgorithm::Aes, mode, export);
        let n = Exportability::NonExportable;
        let sets = [
            set(Usage::D2, ModeOfUse::Both, n),
            set(Usage::D3, ModeOfUse::Encrypt, n),
        ];
        assert!(allowed.iter().eq(sets));
        assert!(allowed.allow(&set(Usage::D3, ModeOfUse::Encrypt, n)));
        for other in [
            set(Usage::D3, ModeOfUse::Decrypt, n),
            set(Usage::D2, ModeOfUse::Encrypt, n),
            set(Usage::D2, ModeOfUse::Both, Exportability::Exportable),
            set(Usage::D0, ModeOfUse::Both, n),
        ] {
            assert!(!allowed.allow(&other));
        }
        let most = [&b"01"[..], &b"D2ABN".repeat(49)].concat();
        assert!(read(b"DA", &most).is_ok());
        for data in [
            &b""[..],
            b"01",
            b"00D2ABN",
            b"01D2AB",
            b"01D2ABNx",
            b"01X2ABN",
            b"01D2AB1",
            &[&most[..], b"D2ABN"].concat(),
        ] {
            assert_eq!(read(b"DA", data), Err(Error::KeyBlockOptional), "{data:?}");
        }
    }

    #[test]
    fn every_block_of_the_standard_is_read_as_what_it_is() {
        let value = |data| CheckValue::read(data).unwrap();
        assert_eq!(read(b"KC", b"00123456"), Ok(Typed::KeyCheck(value(b"00123456"))));
        assert_eq!(
            read(b"KP", b"0112345678AB"),
            Ok(Typed::KbpkCheck(value(b"0112345678AB")))
        );
        assert_eq!(read(b"PK", b"00123456"), Ok(Typed::ExportCheck(value(b"00123456"))));
        for id in [b"KC", b"KP", b"PK"] {
            assert_eq!(read(id, b"02123456"), Err(Error::KeyBlockOptional));
        }
        assert_eq!(read(b"KV", b"any"), Ok(Typed::Values(b"any")));
        assert_eq!(read(b"LB", b"any"), Ok(Typed::Label(b"any")));
        let padding = Optional {
            id: *b"PB",
            data: b"0000",
        };
        assert_eq!(Typed::read(padding), Ok(Typed::Padding(b"0000")));
        assert!(matches!(read(b"ZZ", b"any"), Ok(Typed::Other(_))));
    }

    #[test]
    fn pedigrees_never_get_better() {
        for a in 0..4 {
            for b in 0..4 {
                let both = Pedigree(a).and(Pedigree(b));
                assert_eq!(both.is_lesser(), Pedigree(a).is_lesser() || Pedigree(b).is_lesser());
                assert_eq!(
                    both.is_asymmetric(),
                    Pedigree(a).is_asymmetric() || Pedigree(b).is_asymmetric()
                );
                assert_eq!(read(b"WP", &both.to_chars()), Ok(Typed::Pedigree(both)));
            }
        }
        for data in [&b""[..], b"00", b"004", b"010", b"0000", b"0"] {
            assert_eq!(read(b"WP", data), Err(Error::KeyBlockOptional));
        }
        let says = |value| (Pedigree(value).is_lesser(), Pedigree(value).is_asymmetric());
        assert_eq!(
            [0, 1, 2, 3].map(says),
            [(false, false), (true, false), (false, true), (true, true)]
        );
    }

    #[test]
    fn hashes() {
        for hash in Hash::ALL {
            assert_eq!(Hash::from_id(hash.id()), Some(*hash));
        }
        assert_eq!((0..=u8::MAX).filter(|&id| Hash::from_id(id).is_some()).count(), 13);
    }

    #[test]
    fn check_values() {
        for (data, expected) in [
            (&b"00ECAD62"[..], Some(3)),
            (b"0105EF4531EC", Some(5)),
            (b"01AB", Some(1)),
            (b"00", None),
            (b"", None),
            (b"00ECAD62AA", None),
            (b"0105EF4531ECAA", None),
            (b"02ECAD62", None),
            (b"00ECAD6", None),
            (b"00ecad62", None),
        ] {
            let value = CheckValue::read(data);
            assert_eq!(value.map(|v| v.bytes().len()), expected, "{data:?}");
            if let Some(value) = value {
                assert_eq!(value.to_text(&mut [0; 12]), Ok(data));
            }
        }
        assert_eq!(CheckValue::new(CheckMethod::Cmac, &[]), Err(Error::InvalidLength));
        assert_eq!(CheckValue::new(CheckMethod::Legacy, &[0; 4]), Err(Error::InvalidLength));
        assert_eq!(CheckValue::new(CheckMethod::Cmac, &[0; 6]), Err(Error::InvalidLength));
    }
}
