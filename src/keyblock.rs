// SPDX-License-Identifier: MIT OR Apache-2.0
//! Key blocks: keys that travel together with what they may do (ANSI X9.143, TR-31, ISO 20038).
//!
//! ```text
//! header (16) | optional blocks | enciphered: length, key, padding (hex) | authenticator (hex)
//! \_________ authenticated as characters ________/\_ authenticated as bytes _/
//!
//!   KBPK ──► KBEK (encipherment), KBAK (authentication)
//!
//!   bytes ─parse─► KeyBlock<Unverified> ─verify(KBPK)─► KeyBlock<Verified> ─unwrap_into─► Key<R, A>
//! ```
//!
//! | version | KBPK | binding | cipher | initialisation vector | authenticator |
//! |---|---|---|---|---|---|
//! | A, C (feature `legacy`) | TDEA 16, 24 | KBPK xor 45.., xor 4D.. | TDEA CBC | first 8 characters | CBC-MAC over the ciphertext, 4 bytes |
//! | B | TDEA 16, 24 | CMAC | TDEA CBC | the authenticator | CMAC over the clear text, 8 bytes |
//! | D | AES 16, 24, 32 | CMAC | AES CBC | the authenticator | CMAC over the clear text, 16 bytes |
//! | E (ISO 20038) | AES 16, 24, 32 | CMAC | AES CTR | the authenticator | CMAC over the clear text, 16 bytes |
//!
//! # Profiles
//! [`parse`](KeyBlock::parse) is told which rule book it reads by. In all of them: upper-case hexadecimal only; total
//! length equal to the input's; identifiers of optional blocks unique, `PB` last, printable data, together a multiple
//! of the cipher's block; the reserved character `0`; a `KC` or `KP` that does not match its key refuses the block.
//!
//! | rule | [`X9143Strict`](Profile::X9143Strict) | [`Tr31_2018`](Profile::Tr31_2018) | [`Iso20038`](Profile::Iso20038) |
//! |---|---|---|---|
//! | versions | B C D | A B C D | D E |
//! | usage, algorithm and mode fit ([table](crate::key::usage)) | judged | left to the slot | left to the slot |
//! | proprietary usage, algorithm, mode, exportability | refused | accepted | accepted |
//! | algorithms I and J | refused | refused | accepted |
//! | extended length spelled `02` | refused | accepted | accepted |
//! | form of AL BI CT DA HM IK KS PK TC TS WP | judged | left to the reader | left to the reader |
//!
//! # Order of an import
//! Public fields first: each has its own error. Then the authenticator: in A and C before anything is deciphered, in
//! B, D and E compared in constant time together with the length field of the clear text. Whatever fails there is the
//! one [`Error::VerificationFailed`], and the payload is wiped.
//!
//! # Limits
//! Payloads up to [`PAYLOAD_LEN`] bytes: all symmetric keys, EC private keys up to P-384; RSA keys do not fit. The
//! strength order of KBPK and key, exportability and the key context are judged where a key enters a slot or leaves it.
//!
//! # Example
//! TR-31:2018 A.7.4.
#![cfg_attr(feature = "hazmat", doc = "```")]
#![cfg_attr(not(feature = "hazmat"), doc = "```ignore")]
//! use payhsm::key::{Aes, Key, role::{Kbpk, PinEncryption}};
//! use payhsm::keyblock::{KbpkRef, KeyBlock, Payload, Profile};
//!
//! let kbpk: Key<Kbpk, Aes> = Key::from_bytes(&[
//!     0x88, 0xE1, 0xAB, 0x2A, 0x2E, 0x3D, 0xD3, 0x8C, 0x1F, 0xA0, 0x39, 0xA5, 0x36, 0x50, 0x0C, 0xC8,
//!     0xA8, 0x7A, 0xB9, 0xD6, 0x2D, 0xC9, 0x2C, 0x01, 0x05, 0x8F, 0xA7, 0x9F, 0x44, 0x65, 0x7D, 0xE6,
//! ])?;
//! let block = b"D0112P0AE00E0000B82679114F470F540165EDFBF7E250FCEA43F810D215F8D2\
//!     07E2E417C07156A27E8E31DA05F7425509593D03A457DC34";
//! let mut payload = Payload::empty();
//! let mut key: Key<PinEncryption, Aes> = Key::empty();
//! KeyBlock::parse(block, Profile::X9143Strict)?
//!     .verify(KbpkRef::Aes(&kbpk), &mut payload)?
//!     .unwrap_into(&mut key)?;
//! assert_eq!(key.len(), 16);
//! # Ok::<(), payhsm::error::Error>(())
//! ```

#[cfg(feature = "ec")]
mod ec;
pub mod header;
pub mod optional;
mod payload;
mod protect;
pub mod wrap;

use core::fmt;

use zeroize::Zeroize;

use crate::codec::hex;
use crate::ct;
use crate::error::Error;
use crate::key::usage::{Attributes, CarriedBy, KeyAlgorithm};
use crate::key::{Aes, Algorithm, Ec, Hmac, Key, Tdea, kcv};
use crate::keyblock::header::{Header, HeaderText, Version};
use crate::keyblock::optional::{Blocks, CheckMethod, CheckValue};

#[cfg(feature = "ec")]
use crate::secret::Secret;
use crate::secret::SecretBuf;
use crate::weaken::guard;

pub use payload::{PAYLOAD_LEN, Payload};
pub use protect::KbpkRef;
#[cfg(feature = "hazmat")]
pub use protect::ProtectionKeys;
#[cfg(not(feature = "hazmat"))]
use protect::ProtectionKeys;

/// The rule book by which a block is read; see the [table](self).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Profile {
    /// ANSI X9.143, with its usage table and the forms of its optional blocks.
    X9143Strict,
    /// TR-31:2018 as devices in the field write it.
    Tr31_2018,
    /// ISO 20038:2017.
    Iso20038,
}

impl Profile {
    /// The lenient profile of a version: ISO 20038 for E, TR-31:2018 for the others.
    #[must_use]
    pub const fn of(version: Version) -> Self {
        match version {
            Version::E => Self::Iso20038,
            _ => Self::Tr31_2018,
        }
    }

    const fn takes_version(self, version: Version) -> bool {
        match self {
            Self::X9143Strict => matches!(version, Version::B | Version::C | Version::D),
            Self::Tr31_2018 => !matches!(version, Version::E),
            Self::Iso20038 => version.is_aes(),
        }
    }

    /// Whether the extended length may be spelled `02`.
    const fn takes_byte_count(self) -> bool {
        !matches!(self, Self::X9143Strict)
    }

    /// Whether the data of known optional blocks must have the standard's form.
    const fn judges_content(self) -> bool {
        matches!(self, Self::X9143Strict)
    }

    fn judge_header(self, header: &Header) -> Result<(), Error> {
        if !self.takes_version(header.version) {
            return Err(Error::KeyBlockVersion);
        }
        header.version.supported()?;
        let attributes = &header.attributes;
        if self != Self::Iso20038 && matches!(attributes.algorithm, KeyAlgorithm::HmacSha2 | KeyAlgorithm::HmacSha3) {
            return Err(Error::KeyBlockAlgorithm);
        }
        if self == Self::X9143Strict {
            attributes.check()?;
        }
        Ok(())
    }
}

/// State of a key block whose authenticator nobody has looked at.
#[derive(Debug)]
pub struct Unverified(());

/// State of a key block that is authentic; holds the opened payload.
#[derive(Debug)]
pub struct Verified<'p>(&'p Payload);

/// A key block over borrowed characters.
///
/// Only a verified block gives its key:
///
/// ```compile_fail,E0599
/// # use payhsm::key::{Aes, Key, role::PinEncryption};
/// # use payhsm::keyblock::{KeyBlock, Profile};
/// # fn f(text: &[u8], key: &mut Key<PinEncryption, Aes>) -> Result<(), payhsm::error::Error> {
/// let block = KeyBlock::parse(text, Profile::X9143Strict)?;
/// block.unwrap_into(key)
/// # }
/// ```
///
/// ```
/// # use payhsm::key::{Aes, Key, role::PinEncryption};
/// # use payhsm::keyblock::{KbpkRef, KeyBlock, Payload, Profile};
/// # fn f(text: &[u8], kbpk: KbpkRef<'_>, key: &mut Key<PinEncryption, Aes>) -> Result<(), payhsm::error::Error> {
/// let mut payload = Payload::empty();
/// let block = KeyBlock::parse(text, Profile::X9143Strict)?;
/// block.verify(kbpk, &mut payload)?.unwrap_into(key)
/// # }
/// ```
#[doc(alias = "TR-31")]
#[doc(alias = "X9.143")]
pub struct KeyBlock<'a, S> {
    text: HeaderText<'a>,
    /// Hexadecimal characters of the enciphered part.
    body: &'a [u8],
    /// Hexadecimal characters of the authenticator.
    mac: &'a [u8],
    state: S,
}

impl<'a> KeyBlock<'a, Unverified> {
    /// Reads a whole key block: header, optional blocks, lengths and character sets. Borrows, copies nothing, does
    /// nothing secret; linear in the length but for the comparison of at most 99 identifiers.
    ///
    /// # Errors
    /// The public field that is malformed or that `profile` refuses, from left to right:
    /// [`Error::KeyBlockVersion`] to [`Error::KeyBlockReserved`] as in [`header`], [`Error::KeyBlockOptional`];
    /// [`Error::KeyBlockLength`] if the length field is not the length of `bytes` or no authenticator fits;
    /// [`Error::KeyBlockPayload`] if the enciphered part is empty or not whole blocks; [`Error::KeyBlockEncoding`] if
    /// it or the authenticator is not upper-case hexadecimal; [`Error::Unsupported`] for a version that this build
    /// does not have.
    pub fn parse(bytes: &'a [u8], profile: Profile) -> Result<Self, Error> {
        let (text, rest) = HeaderText::parse(bytes, profile)?;
        let header = text.header();
        if usize::from(header.len) != bytes.len() {
            return Err(Error::KeyBlockLength);
        }
        let version = header.version;
        let body_len = rest
            .len()
            .checked_sub(version.mac_len() << 1)
            .ok_or(Error::KeyBlockLength)?;
        let (body, mac) = rest.split_at_checked(body_len).ok_or(Error::KeyBlockLength)?;
        // Two characters a byte; the granule is a power of two.
        let granule = version.granule() << 1;
        let shortest = (payload::LENGTH_LEN << 1).wrapping_add(2);
        if body_len < shortest || body_len & granule.wrapping_sub(1) != 0 {
            return Err(Error::KeyBlockPayload);
        }
        if !rest.iter().all(|c| matches!(c, b'0'..=b'9' | b'A'..=b'F')) {
            return Err(Error::KeyBlockEncoding);
        }
        Ok(Self {
            text,
            body,
            mac,
            state: Unverified(()),
        })
    }

    /// Verifies the authenticator under `kbpk` and opens the block into `payload`.
    ///
    /// # Errors
    /// [`Error::AlgorithmMismatch`] or [`Error::InvalidKeyLength`] if the key does not fit the version,
    /// [`Error::NoKey`] if it is empty; [`Error::KeyBlockPayload`] if the payload is longer than [`PAYLOAD_LEN`];
    /// [`Error::VerificationFailed`] if the authenticator, the length field of the payload, or a check value in `KC`
    /// or `KP` is wrong. `payload` is wiped on every error.
    ///
    /// # Timing
    /// The block's characters, its length and the verdict show; in A and C a wrong authenticator ends before the
    /// decipherment.
    ///
    /// # Source
    /// TR-31:2018 5.3, ISO 20038:2017 6.3; vectors: `vectors/tr31.txt`.
    pub fn verify<'p>(self, kbpk: KbpkRef<'_>, payload: &'p mut Payload) -> Result<KeyBlock<'a, Verified<'p>>, Error> {
        if let Err(error) = self.open(kbpk, payload) {
            payload.zeroize();
            return Err(error);
        }
        Ok(KeyBlock {
            text: self.text,
            body: self.body,
            mac: self.mac,
            state: Verified(payload),
        })
    }

    /// Judges what [`verify`](Self::verify) does, and leaves `payload` empty.
    pub(crate) fn verify_only(&self, kbpk: KbpkRef<'_>, payload: &mut Payload) -> Result<(), Error> {
        let result = self.open(kbpk, payload);
        payload.zeroize();
        result
    }

    #[inline(never)]
    fn open(&self, kbpk: KbpkRef<'_>, payload: &mut Payload) -> Result<(), Error> {
        let Header {
            version, attributes, ..
        } = *self.text.header();
        let material = kbpk.material(version)?;
        let body = payload.reset(self.body.len() >> 1)?;
        hex::decode(self.body, body).map_err(|_| Error::KeyBlockEncoding)?;
        let mut mac = [0; 16];
        let mac = protect::read_mac(self.mac, &mut mac)?;

        let mut keys = ProtectionKeys::empty();
        keys.derive(version, kbpk)?;
        let opened = keys.open(version, self.text.text(), body, mac)?;
        let authentic = guard!("D01" | "D05" | "F07", opened);
        // Until the authenticator is known to be right the length field is an attacker's: judged without a branch and
        // in the same verdict.
        let legal = payload.length_is_legal(attributes.algorithm, attributes.usage);
        #[cfg(payhsm_weaken)]
        if crate::weaken::is_off("H06") && !bool::from(legal) {
            return Err(Error::KeyBlockPayload);
        }
        ct::verdict(authentic & guard!("D02", legal))?;
        // Again without the other: an instruction that is left out may have lost one of them.
        ct::verdict(authentic)?;
        payload.accept();

        compare(self.text.blocks().kbpk_check_value(), kbpk.algorithm(), material)?;
        compare(
            self.text.blocks().key_check_value(),
            attributes.algorithm,
            payload.key(),
        )
    }
}

/// What a batch does before and after the protection itself, which it computes.
#[cfg(feature = "host")]
impl<'a> KeyBlock<'a, Unverified> {
    /// The characters that are authenticated.
    pub(crate) fn text(&self) -> &'a [u8] {
        self.text.text()
    }

    /// Judges the key, and reads the enciphered part into `payload` and the authenticator into `mac`.
    pub(crate) fn begin(&self, kbpk: KbpkRef<'_>, payload: &mut Payload, mac: &mut [u8; 16]) -> Result<(), Error> {
        kbpk.material(self.header().version)?;
        let body = payload.reset(self.body.len() >> 1)?;
        hex::decode(self.body, body).map_err(|_| Error::KeyBlockEncoding)?;
        protect::read_mac(self.mac, mac).map(|_| ())
    }

    /// Ends what [`begin`](Self::begin) began, when `payload` is deciphered, as [`verify`](Self::verify) ends.
    pub(crate) fn conclude<'p>(
        self,
        kbpk: KbpkRef<'_>,
        authentic: subtle::Choice,
        payload: &'p mut Payload,
    ) -> Result<KeyBlock<'a, Verified<'p>>, Error> {
        if let Err(error) = self.judge(kbpk, authentic, payload) {
            payload.zeroize();
            return Err(error);
        }
        Ok(KeyBlock {
            text: self.text,
            body: self.body,
            mac: self.mac,
            state: Verified(payload),
        })
    }

    fn judge(&self, kbpk: KbpkRef<'_>, authentic: subtle::Choice, payload: &mut Payload) -> Result<(), Error> {
        let Header {
            version, attributes, ..
        } = *self.text.header();
        let legal = payload.length_is_legal(attributes.algorithm, attributes.usage);
        ct::verdict(authentic & legal)?;
        payload.accept();
        let blocks = self.text.blocks();
        compare(blocks.kbpk_check_value(), kbpk.algorithm(), kbpk.material(version)?)?;
        compare(blocks.key_check_value(), attributes.algorithm, payload.key())
    }
}

/// Compares a check value with that of a key. Algorithms without a rule for check values are passed over.
fn compare(value: Option<CheckValue>, algorithm: KeyAlgorithm, material: &[u8]) -> Result<(), Error> {
    let Some(value) = value else { return Ok(()) };
    if !matches!(algorithm, KeyAlgorithm::Tdea | KeyAlgorithm::Des | KeyAlgorithm::Aes) {
        return Ok(());
    }
    let expected = value.bytes();
    let differs = |computed: &[u8]| computed.get(..expected.len()).map(|left| ct::eq(left, expected));
    let ok = match value.method() {
        CheckMethod::Legacy => differs(&kcv::legacy_of(algorithm, material)?),
        CheckMethod::Cmac => differs(&kcv::cmac_of(algorithm, material)?),
    };
    guard!("D07.check", ct::verdict(ok.ok_or(Error::Internal)?))
}

impl<'a, S> KeyBlock<'a, S> {
    /// The fields of the header. Authentic only if the block is verified.
    #[must_use]
    pub const fn header(&self) -> &Header {
        self.text.header()
    }

    /// What the key may do. Authentic only if the block is verified.
    #[must_use]
    pub const fn attributes(&self) -> &Attributes {
        &self.text.header().attributes
    }

    /// The optional blocks. Authentic only if the block is verified.
    #[must_use]
    pub const fn blocks(&self) -> Blocks<'a> {
        self.text.blocks()
    }

    /// The data of the optional block `id`. Authentic only if the block is verified.
    #[must_use]
    pub fn optional(&self, id: [u8; 2]) -> Option<&'a [u8]> {
        self.text.blocks().find(id)
    }
}

impl KeyBlock<'_, Verified<'_>> {
    /// Writes the key to where it shall live, if it is for the role's usage and algorithm.
    ///
    /// # Errors
    /// [`Error::UsageNotPermitted`] if the block's usage is none of the role's, [`Error::AlgorithmMismatch`] if its
    /// algorithm is another, [`Error::InvalidKeyLength`] if the type does not hold such a key; for a key pair
    /// [`Error::VerificationFailed`] if it is not one of P-256, [`Error::Unsupported`] without the feature `ec`. `key` is
    /// empty then.
    pub fn unwrap_into<R: CarriedBy, A: Travels>(&self, key: &mut Key<R, A>) -> Result<(), Error> {
        key.zeroize();
        fits::<R, A>(self.attributes())?;
        let mut stored = SecretBuf::new();
        self.stored(&mut stored)?;
        key.set(stored.expose())
    }

    /// Writes the key as it is stored here: of an asymmetric key the private part alone.
    ///
    /// # Errors
    /// [`Error::InvalidKeyLength`] if there is no room; for an asymmetric key [`Error::VerificationFailed`] if it is not
    /// one of P-256, [`Error::Unsupported`] for other algorithms, and without the feature `ec`.
    pub(crate) fn stored(&self, out: &mut SecretBuf<STORED_LEN>) -> Result<(), Error> {
        out.zeroize();
        match self.attributes().algorithm {
            #[cfg(feature = "ec")]
            KeyAlgorithm::Ec => {
                let mut scalar = Secret::zeroed();
                ec::read(self.key(), &mut scalar)?;
                out.set(scalar.expose())
            }
            #[cfg(not(feature = "ec"))]
            KeyAlgorithm::Ec => Err(Error::Unsupported),
            KeyAlgorithm::Rsa | KeyAlgorithm::Dsa => Err(Error::Unsupported),
            _ => out.set(self.key()).map_err(|_| Error::InvalidKeyLength),
        }
    }

    /// The payload's bytes.
    pub(crate) fn key(&self) -> &[u8] {
        self.state.0.key()
    }

    /// The raw bytes of the key.
    #[cfg(feature = "hazmat")]
    #[must_use]
    pub fn key_bytes(&self) -> &[u8] {
        self.key()
    }

    /// The raw bytes behind the key.
    #[cfg(feature = "hazmat")]
    #[must_use]
    pub fn padding_bytes(&self) -> &[u8] {
        self.state.0.padding()
    }
}

/// The longest key as it is stored: an HMAC key.
pub(crate) const STORED_LEN: usize = 64;

/// Whether a role and an algorithm are what the attributes say.
fn fits<R: CarriedBy, A: Travels>(attributes: &Attributes) -> Result<(), Error> {
    if !R::USAGES.contains(&attributes.usage) {
        return Err(Error::UsageNotPermitted);
    }
    if !A::HEADER.contains(&attributes.algorithm) {
        return Err(Error::AlgorithmMismatch);
    }
    Ok(())
}

/// An algorithm whose keys travel in key blocks, and its values in the header.
pub trait Travels: Algorithm {
    /// The values.
    const HEADER: &'static [KeyAlgorithm];
}

impl Travels for Tdea {
    const HEADER: &'static [KeyAlgorithm] = &[KeyAlgorithm::Tdea, KeyAlgorithm::Des];
}

impl Travels for Aes {
    const HEADER: &'static [KeyAlgorithm] = &[KeyAlgorithm::Aes];
}

/// In a key block as `ECPrivateKey` of RFC 5915; needs the feature `ec`.
impl Travels for Ec {
    const HEADER: &'static [KeyAlgorithm] = &[KeyAlgorithm::Ec];
}

impl Travels for Hmac {
    const HEADER: &'static [KeyAlgorithm] = &[KeyAlgorithm::Hmac, KeyAlgorithm::HmacSha2, KeyAlgorithm::HmacSha3];
}

impl<S: fmt::Debug> fmt::Debug for KeyBlock<'_, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeyBlock")
            .field("header", self.header())
            .field("state", &self.state)
            .finish_non_exhaustive()
    }
}
