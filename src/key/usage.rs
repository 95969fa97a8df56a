// SPDX-License-Identifier: MIT OR Apache-2.0
//! The attribute values of ANSI X9.143 as types, and which of them fit together.
//!
//! A key block's header says what its key may do in five fields: key usage, algorithm, mode of use, key version and
//! exportability. Slots carry the same five as [`Attributes`]. Each type holds only values that the standard defines
//! or sets aside for proprietary use (a digit where the standard has letters); anything else has no value here.
//!
//! [`Attributes::check`] is the table of usage, algorithm and mode of use: what it does not list is refused, which
//! includes every proprietary value. Key-block readers apply it where their profile says so, slots always.
//!
//! | usage | meaning | algorithms | modes |
//! |---|---|---|---|
//! | B0, B1, B3 | base derivation key, initial DUKPT key, derivation key outside X9.24 | T A | X, N |
//! | B2 | base key variant | T | X, N |
//! | C0 | card verification | T A | C G V, N |
//! | D0, D2, D3 | data, decimalisation table, sensitive data | T A | B D E, N |
//! | D1 | data, asymmetric | R E \[M\] | B D E |
//! | E0 to E6 | EMV issuer master keys: cryptograms, confidentiality, integrity, DAC, dynamic numbers, personalisation, other | T A | X, N |
//! | E7 | EMV asymmetric PIN encipherment | R E \[M\] | B D E \[M\] |
//! | I0 | initialisation vector | T A D \[M\] | N |
//! | K0, K1 | key encryption, key-block protection | T A | B D E N, X \[M\] |
//! | K4 | key-block protection, ISO 20038 | A \[M\] | B D E N, X \[M\] |
//! | K2, K3 | TR-34 key pair, key pair for wrapping or agreement | R E \[M\] | B D E S V X \[M\] |
//! | M0 | ISO 16609 MAC | T, D \[M\] | C G V, N |
//! | M1 | ISO/IEC 9797-1 MAC algorithm 1 | T A, D \[M\] | C G V, N |
//! | M2, M3, M4 | ISO/IEC 9797-1 MAC algorithms 2, 3, 4 | T \[M\] | C G V, N |
//! | M5, M8 | ISO/IEC 9797-1:1999 algorithm 5, :2011 algorithm 6 | T A \[M\] | C G V, N |
//! | M6 | CMAC | T A | C G V, N |
//! | M7 | HMAC | H, and I J of ISO 20038 | C G V, N |
//! | P0 | PIN encryption | T A | B D E, N |
//! | P1 | PIN generation | T A \[M\] | C G V \[M\] |
//! | S0, S1, S2 | signature, CA and other key pairs | R S E \[M\] | S V T \[M\] |
//! | V0 to V5 | PIN verification: other, IBM 3624, PVV, X9.132 algorithms 1, 2, 3 | T A | C G V, N |
//!
//! Rows and cells with \[M\] were written from memory of the standard and not compared with a second source. Mode N
//! after a comma is the older form: it means only what the usage implies, and policy may refuse it. Algorithm D
//! (single DES) serves MAC profiles that need it and nothing else.
//!
//! # Source
//! ANSI X9.143:2021 tables of header values; ISO 20038:2017 for algorithms I and J.

use crate::error::Error;
use crate::key::role::{
    Ac, Bdk, CardVerification, Dac, DataEncryption, Dn, Imk, InitialKey, Kbpk, Kek, MacKey, PinEncryption,
    PinVerification3624, PinVerificationVisa, Role, Signing, Smc, Smi,
};

/// Key usage: two characters.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Usage([u8; 2]);

macro_rules! usages {
    ($($(#[$doc:meta])* $name:ident;)*) => {
        impl Usage {
            $($(#[$doc])* pub const $name: Self = Self::spelled(stringify!($name));)*

            /// Every usage that the standard defines, in alphabetical order.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];
        }
    };
}

usages! {
    /// Base derivation key (BDK).
    B0;
    /// Initial DUKPT key.
    B1;
    /// Base key variant.
    B2;
    /// Key derivation key outside X9.24.
    B3;
    /// Card verification (CVV, CVC).
    C0;
    /// Symmetric data encryption.
    D0;
    /// Asymmetric data encryption.
    D1;
    /// Decimalisation table.
    D2;
    /// Sensitive data encryption.
    D3;
    /// EMV issuer master key: application cryptograms.
    E0;
    /// EMV issuer master key: secure messaging for confidentiality.
    E1;
    /// EMV issuer master key: secure messaging for integrity.
    E2;
    /// EMV issuer master key: data authentication code.
    E3;
    /// EMV issuer master key: dynamic numbers.
    E4;
    /// EMV issuer master key: card personalisation.
    E5;
    /// EMV issuer master key: other.
    E6;
    /// EMV asymmetric key pair for PIN encipherment.
    E7;
    /// Initialisation vector.
    I0;
    /// Key encryption or wrapping.
    K0;
    /// Key-block protection (TR-31, X9.143).
    K1;
    /// TR-34 asymmetric key.
    K2;
    /// Asymmetric key for wrapping or agreement.
    K3;
    /// Key-block protection (ISO 20038).
    K4;
    /// MAC: ISO 16609 algorithm 1 (TDEA).
    M0;
    /// MAC: ISO/IEC 9797-1 algorithm 1.
    M1;
    /// MAC: ISO/IEC 9797-1 algorithm 2.
    M2;
    /// MAC: ISO/IEC 9797-1 algorithm 3 (retail MAC).
    M3;
    /// MAC: ISO/IEC 9797-1 algorithm 4.
    M4;
    /// MAC: ISO/IEC 9797-1:1999 algorithm 5.
    M5;
    /// MAC: ISO/IEC 9797-1:2011 algorithm 5 (CMAC).
    M6;
    /// MAC: HMAC.
    M7;
    /// MAC: ISO/IEC 9797-1:2011 algorithm 6.
    M8;
    /// PIN encryption.
    P0;
    /// PIN generation.
    P1;
    /// Asymmetric key pair for signatures.
    S0;
    /// Asymmetric key pair of a certification authority.
    S1;
    /// Asymmetric key pair outside X9.24.
    S2;
    /// PIN verification: other algorithms.
    V0;
    /// PIN verification: IBM 3624.
    V1;
    /// PIN verification: Visa PVV.
    V2;
    /// PIN verification: X9.132 algorithm 1.
    V3;
    /// PIN verification: X9.132 algorithm 2.
    V4;
    /// PIN verification: X9.132 algorithm 3.
    V5;
}

impl Usage {
    const fn spelled(text: &str) -> Self {
        match text.as_bytes() {
            [a, b] => Self([*a, *b]),
            _ => Self([0; 2]),
        }
    }

    /// From the two characters of the header: a value of [`Usage::ALL`], or a proprietary one, which starts with a
    /// digit and goes on with a letter or a digit.
    ///
    /// # Errors
    /// [`Error::KeyBlockUsage`] for anything else.
    pub fn from_chars(chars: [u8; 2]) -> Result<Self, Error> {
        let usage = Self(chars);
        if usage.is_proprietary() || Self::ALL.contains(&usage) {
            Ok(usage)
        } else {
            Err(Error::KeyBlockUsage)
        }
    }

    /// The two characters of the header.
    #[must_use]
    pub const fn to_chars(self) -> [u8; 2] {
        self.0
    }

    /// Whether the value is one that the standard leaves to private agreements.
    #[must_use]
    pub const fn is_proprietary(self) -> bool {
        let [a, b] = self.0;
        a.is_ascii_digit() && b.is_ascii_alphanumeric()
    }

    /// Whether this is one of the MAC usages M0 to M8.
    #[must_use]
    pub const fn is_mac(self) -> bool {
        matches!(self.0, [b'M', _])
    }

    fn row(self) -> Option<&'static Row> {
        TABLE.iter().find(|row| row.usages.contains(&self))
    }
}

impl core::fmt::Debug for Usage {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        let [a, b] = self.0;
        write!(f, "Usage({}{})", char::from(a), char::from(b))
    }
}

macro_rules! letters {
    ($(#[$type_doc:meta])* $type:ident, $error:ident; $($(#[$doc:meta])* $name:ident = $letter:literal;)*) => {
        $(#[$type_doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum $type {
            $($(#[$doc])* $name,)*
            /// A value that the standard leaves to private agreements, 0 to 9.
            Proprietary(Digit),
        }

        impl $type {
            /// Every value that the standard defines.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            #[doc = concat!("From the character of the header.\n\n# Errors\n[`Error::", stringify!($error),
                "`] if the standard neither defines the value nor leaves it to private agreements.")]
            pub const fn from_char(c: u8) -> Result<Self, Error> {
                match c {
                    $($letter => Ok(Self::$name),)*
                    _ => match Digit::from_char(c) {
                        Some(digit) => Ok(Self::Proprietary(digit)),
                        None => Err(Error::$error),
                    },
                }
            }

            /// The character of the header.
            #[must_use]
            pub const fn to_char(self) -> u8 {
                match self {
                    $(Self::$name => $letter,)*
                    Self::Proprietary(digit) => digit.to_char(),
                }
            }

            /// Whether the value is one that the standard leaves to private agreements.
            #[must_use]
            pub const fn is_proprietary(self) -> bool {
                matches!(self, Self::Proprietary(_))
            }
        }
    };
}

/// A decimal digit as a character.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Digit(u8);

impl Digit {
    /// From a character `0` to `9`.
    #[must_use]
    pub const fn from_char(c: u8) -> Option<Self> {
        if c.is_ascii_digit() { Some(Self(c)) } else { None }
    }

    /// The character.
    #[must_use]
    pub const fn to_char(self) -> u8 {
        self.0
    }
}

letters! {
    /// Algorithm for which the key may be used: one character.
    KeyAlgorithm, KeyBlockAlgorithm;
    /// AES.
    Aes = b'A';
    /// Single DES (DEA), for profiles that still need it.
    Des = b'D';
    /// Elliptic curve.
    Ec = b'E';
    /// HMAC; in ISO 20038: HMAC with SHA-1.
    Hmac = b'H';
    /// HMAC with SHA-2 (ISO 20038).
    HmacSha2 = b'I';
    /// HMAC with SHA-3 (ISO 20038).
    HmacSha3 = b'J';
    /// RSA.
    Rsa = b'R';
    /// DSA.
    Dsa = b'S';
    /// Two- and three-key TDEA.
    #[doc(alias = "TDES")]
    Tdea = b'T';
}

letters! {
    /// Mode of use: which operations the key may do; one character.
    ModeOfUse, KeyBlockMode;
    /// Encrypt and decrypt, wrap and unwrap.
    Both = b'B';
    /// Generate and verify a MAC or another check value.
    GenerateVerify = b'C';
    /// Decrypt or unwrap only.
    Decrypt = b'D';
    /// Encrypt or wrap only.
    Encrypt = b'E';
    /// Generate only.
    Generate = b'G';
    /// No restriction but that of the usage.
    NoRestriction = b'N';
    /// Sign only.
    Sign = b'S';
    /// Sign and decrypt.
    SignDecrypt = b'T';
    /// Verify only.
    Verify = b'V';
    /// Derive other keys.
    Derive = b'X';
    /// Create key variants.
    Variants = b'Y';
}

letters! {
    /// Exportability: one character.
    Exportability, KeyBlockExportability;
    /// Exportable under a key-encryption key in a form that meets X9.24: in a key block.
    Exportable = b'E';
    /// Not exportable.
    NonExportable = b'N';
    /// Sensitive: exportable also in other forms, if policy names them.
    Sensitive = b'S';
}

impl ModeOfUse {
    /// Whether every operation of `other` is one of this mode, too. No restriction covers all modes: the usage says which
    /// of them there are.
    #[must_use]
    pub fn covers(self, other: Self) -> bool {
        let parts: &[Self] = match self {
            Self::NoRestriction => return true,
            Self::Both => &[Self::Encrypt, Self::Decrypt],
            Self::GenerateVerify => &[Self::Generate, Self::Verify],
            Self::SignDecrypt => &[Self::Sign, Self::Decrypt],
            _ => &[],
        };
        self == other || parts.contains(&other)
    }
}

impl Exportability {
    /// Whether a key that may leave as `other` says may also leave as this says: S covers E, and E covers N.
    #[must_use]
    pub fn covers(self, other: Self) -> bool {
        let narrower: &[Self] = match self {
            Self::Sensitive => &[Self::Exportable, Self::NonExportable],
            Self::Exportable => &[Self::NonExportable],
            _ => &[],
        };
        self == other || narrower.contains(&other)
    }
}

/// Key version number: two characters. `00`: not used; `c` and a character: number of a component; else the version.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct KeyVersion([u8; 2]);

impl KeyVersion {
    /// No version: `00`.
    pub const UNUSED: Self = Self(*b"00");

    /// From two letters or digits.
    ///
    /// # Errors
    /// [`Error::KeyBlockKeyVersion`] for other characters.
    pub const fn from_chars(chars: [u8; 2]) -> Result<Self, Error> {
        let [a, b] = chars;
        if a.is_ascii_alphanumeric() && b.is_ascii_alphanumeric() {
            Ok(Self(chars))
        } else {
            Err(Error::KeyBlockKeyVersion)
        }
    }

    /// The two characters of the header.
    #[must_use]
    pub const fn to_chars(self) -> [u8; 2] {
        self.0
    }

    /// Whether the block carries a key component, not a key.
    #[must_use]
    pub const fn is_component(self) -> bool {
        matches!(self.0, [b'c', _])
    }
}

impl core::fmt::Debug for KeyVersion {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        let [a, b] = self.0;
        write!(f, "KeyVersion({}{})", char::from(a), char::from(b))
    }
}

/// What a key may do: the five attribute fields of a key block. Public, and authentic if the block is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Attributes {
    /// Key usage.
    pub usage: Usage,
    /// Algorithm.
    pub algorithm: KeyAlgorithm,
    /// Mode of use.
    pub mode: ModeOfUse,
    /// Key version number.
    pub version: KeyVersion,
    /// Exportability.
    pub exportability: Exportability,
}

impl Attributes {
    /// Attributes without a version.
    #[must_use]
    pub const fn new(usage: Usage, algorithm: KeyAlgorithm, mode: ModeOfUse, exportability: Exportability) -> Self {
        Self {
            usage,
            algorithm,
            mode,
            version: KeyVersion::UNUSED,
            exportability,
        }
    }

    /// Checks usage, algorithm and mode of use against the [table](self).
    ///
    /// # Errors
    /// The first field that does not fit: [`Error::KeyBlockUsage`], [`Error::KeyBlockAlgorithm`],
    /// [`Error::KeyBlockMode`], or [`Error::KeyBlockExportability`] for a proprietary value.
    pub fn check(&self) -> Result<(), Error> {
        let row = self.usage.row().ok_or(Error::KeyBlockUsage)?;
        if !row.algorithms.contains(&self.algorithm) {
            return Err(Error::KeyBlockAlgorithm);
        }
        if !row.modes.contains(&self.mode) {
            return Err(Error::KeyBlockMode);
        }
        if self.exportability.is_proprietary() {
            return Err(Error::KeyBlockExportability);
        }
        Ok(())
    }
}

impl Attributes {
    /// Judges that a key with the attributes `other` may do no more than one with these.
    ///
    /// Usage and algorithm are the same, the key version too if one is given here; mode of use and exportability are the
    /// same or narrower.
    ///
    /// # Errors
    /// [`Error::UsageNotPermitted`], [`Error::AlgorithmMismatch`], [`Error::ModeNotPermitted`],
    /// [`Error::KeyBlockKeyVersion`], [`Error::ExportNotPermitted`], judged in this order.
    pub fn cover(&self, other: &Self) -> Result<(), Error> {
        if other.usage != self.usage {
            return Err(Error::UsageNotPermitted);
        }
        if other.algorithm != self.algorithm {
            return Err(Error::AlgorithmMismatch);
        }
        if !self.mode.covers(other.mode) {
            return Err(Error::ModeNotPermitted);
        }
        if self.version != KeyVersion::UNUSED && other.version != self.version {
            return Err(Error::KeyBlockKeyVersion);
        }
        if !self.exportability.covers(other.exportability) {
            return Err(Error::ExportNotPermitted);
        }
        Ok(())
    }
}

struct Row {
    usages: &'static [Usage],
    algorithms: &'static [KeyAlgorithm],
    modes: &'static [ModeOfUse],
}

const DERIVE: &[ModeOfUse] = &[ModeOfUse::Derive, ModeOfUse::NoRestriction];
const CHECK: &[ModeOfUse] = &[
    ModeOfUse::GenerateVerify,
    ModeOfUse::Generate,
    ModeOfUse::Verify,
    ModeOfUse::NoRestriction,
];
const CIPHER: &[ModeOfUse] = &[
    ModeOfUse::Both,
    ModeOfUse::Decrypt,
    ModeOfUse::Encrypt,
    ModeOfUse::NoRestriction,
];
const WRAP: &[ModeOfUse] = &[
    ModeOfUse::Both,
    ModeOfUse::Decrypt,
    ModeOfUse::Encrypt,
    ModeOfUse::NoRestriction,
    ModeOfUse::Derive,
];
const ASYMMETRIC_CIPHER: &[ModeOfUse] = &[ModeOfUse::Both, ModeOfUse::Decrypt, ModeOfUse::Encrypt];
const PAIR: &[ModeOfUse] = &[
    ModeOfUse::Both,
    ModeOfUse::Decrypt,
    ModeOfUse::Encrypt,
    ModeOfUse::Sign,
    ModeOfUse::Verify,
    ModeOfUse::Derive,
];
const SYMMETRIC: &[KeyAlgorithm] = &[KeyAlgorithm::Tdea, KeyAlgorithm::Aes];
const TDEA: &[KeyAlgorithm] = &[KeyAlgorithm::Tdea];
const ASYMMETRIC: &[KeyAlgorithm] = &[KeyAlgorithm::Rsa, KeyAlgorithm::Ec];

const fn row(usages: &'static [Usage], algorithms: &'static [KeyAlgorithm], modes: &'static [ModeOfUse]) -> Row {
    Row {
        usages,
        algorithms,
        modes,
    }
}

/// The table of the module documentation.
const TABLE: &[Row] = &[
    row(&[Usage::B0, Usage::B1, Usage::B3], SYMMETRIC, DERIVE),
    row(&[Usage::B2], TDEA, DERIVE),
    row(&[Usage::C0], SYMMETRIC, CHECK),
    row(&[Usage::D0, Usage::D2, Usage::D3], SYMMETRIC, CIPHER),
    row(&[Usage::D1, Usage::E7], ASYMMETRIC, ASYMMETRIC_CIPHER),
    row(
        &[
            Usage::E0,
            Usage::E1,
            Usage::E2,
            Usage::E3,
            Usage::E4,
            Usage::E5,
            Usage::E6,
        ],
        SYMMETRIC,
        DERIVE,
    ),
    row(
        &[Usage::I0],
        &[KeyAlgorithm::Tdea, KeyAlgorithm::Aes, KeyAlgorithm::Des],
        &[ModeOfUse::NoRestriction],
    ),
    row(&[Usage::K0, Usage::K1], SYMMETRIC, WRAP),
    row(&[Usage::K4], &[KeyAlgorithm::Aes], WRAP),
    row(&[Usage::K2, Usage::K3], ASYMMETRIC, PAIR),
    row(&[Usage::M0], &[KeyAlgorithm::Tdea, KeyAlgorithm::Des], CHECK),
    row(
        &[Usage::M1],
        &[KeyAlgorithm::Tdea, KeyAlgorithm::Aes, KeyAlgorithm::Des],
        CHECK,
    ),
    row(&[Usage::M2, Usage::M3, Usage::M4], TDEA, CHECK),
    row(&[Usage::M5, Usage::M6, Usage::M8], SYMMETRIC, CHECK),
    row(
        &[Usage::M7],
        &[KeyAlgorithm::Hmac, KeyAlgorithm::HmacSha2, KeyAlgorithm::HmacSha3],
        CHECK,
    ),
    row(&[Usage::P0], SYMMETRIC, CIPHER),
    row(
        &[Usage::P1],
        SYMMETRIC,
        &[ModeOfUse::GenerateVerify, ModeOfUse::Generate, ModeOfUse::Verify],
    ),
    row(
        &[Usage::S0, Usage::S1, Usage::S2],
        &[KeyAlgorithm::Rsa, KeyAlgorithm::Dsa, KeyAlgorithm::Ec],
        &[ModeOfUse::Sign, ModeOfUse::Verify, ModeOfUse::SignDecrypt],
    ),
    row(
        &[Usage::V0, Usage::V1, Usage::V2, Usage::V3, Usage::V4, Usage::V5],
        SYMMETRIC,
        CHECK,
    ),
];

/// Security strength in bits of a key of `key_len` bytes, for the rule that a protecting or deriving key is at least
/// as strong as what it gives.
///
/// `key_len` is the length of the key (symmetric algorithms), of the field element (`Ec`) or of the modulus (`Rsa`,
/// `Dsa`). 0 for a length the algorithm does not have and for proprietary algorithms: such a key protects nothing.
///
/// # Source
/// SP 800-57 part 1 table 2. Two-key TDEA counts as 80, three-key as 112, single DES as 56; HMAC as its length up to
/// 256.
#[must_use]
pub const fn strength_bits(algorithm: KeyAlgorithm, key_len: usize) -> u16 {
    match (algorithm, key_len) {
        (KeyAlgorithm::Des, 8) => 56,
        (KeyAlgorithm::Tdea, 16) => 80,
        (KeyAlgorithm::Tdea, 24) => 112,
        (KeyAlgorithm::Aes, 16) => 128,
        (KeyAlgorithm::Aes, 24) => 192,
        (KeyAlgorithm::Aes, 32) => 256,
        (KeyAlgorithm::Hmac | KeyAlgorithm::HmacSha2 | KeyAlgorithm::HmacSha3, len) => hmac_bits(len),
        (KeyAlgorithm::Ec, 32..48) => 128,
        (KeyAlgorithm::Ec, 48..64) => 192,
        (KeyAlgorithm::Ec, 64..) => 256,
        (KeyAlgorithm::Rsa | KeyAlgorithm::Dsa, 128..256) => 80,
        (KeyAlgorithm::Rsa | KeyAlgorithm::Dsa, 256..384) => 112,
        (KeyAlgorithm::Rsa | KeyAlgorithm::Dsa, 384..960) => 128,
        (KeyAlgorithm::Rsa | KeyAlgorithm::Dsa, 960..1920) => 192,
        (KeyAlgorithm::Rsa | KeyAlgorithm::Dsa, 1920..) => 256,
        _ => 0,
    }
}

const fn hmac_bits(len: usize) -> u16 {
    match len {
        0 => 0,
        32.. => 256,
        // Below 32, so no bit is lost.
        #[allow(clippy::cast_possible_truncation)]
        len => (len as u16) << 3,
    }
}

/// A role whose keys travel in key blocks, and the usages that name it there.
///
/// A key block gives its key only to a role that its usage names. Keys that never travel (session keys, DUKPT
/// transaction keys) have no such usage:
///
/// ```compile_fail
/// # use payhsm::key::{role, usage::CarriedBy};
/// fn travels<R: CarriedBy>() {}
/// travels::<role::SessionKey<role::Ac>>();
/// ```
pub trait CarriedBy: Role {
    /// The usages.
    const USAGES: &'static [Usage];
}

macro_rules! carried_by {
    ($($role:ty = $($usage:ident)+;)*) => {
        $(impl CarriedBy for $role {
            const USAGES: &'static [Usage] = &[$(Usage::$usage),+];
        })*
    };
}

carried_by! {
    Bdk = B0;
    InitialKey = B1;
    PinEncryption = P0;
    MacKey = M0 M1 M2 M3 M4 M5 M6 M7 M8;
    DataEncryption = D0 D3;
    CardVerification = C0;
    PinVerificationVisa = V2;
    PinVerification3624 = V1;
    Kbpk = K1 K4;
    Kek = K0;
    Signing = S0;
    Imk<Ac> = E0;
    Imk<Smc> = E1;
    Imk<Smi> = E2;
    Imk<Dac> = E3;
    Imk<Dn> = E4;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn usages_are_spelled() {
        assert_eq!((Usage::spelled("P0"), Usage::spelled("M3")), (Usage::P0, Usage::M3));
        for text in ["", "P", "P00"] {
            assert_eq!(Usage::spelled(text).0, [0; 2]);
        }
        let macs = Usage::ALL.iter().filter(|usage| usage.is_mac()).count();
        assert_eq!(macs, 9);
        let cell = row(&[Usage::B2], TDEA, DERIVE);
        assert_eq!(
            (cell.usages, cell.algorithms, cell.modes),
            (&[Usage::B2][..], TDEA, DERIVE)
        );
    }
}
