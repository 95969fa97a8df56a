// SPDX-License-Identifier: MIT OR Apache-2.0
//! Writing key blocks.
//!
//! A [`Template`] says what the block shall say; [`Template::wrap`] fills it. Header, optional blocks, padding block
//! and lengths are computed; the padding behind the key is random, so two blocks of one key differ. By default the
//! padding hides the key's length: the block is as long as one with the longest key of the algorithm.

use zeroize::Zeroize;

use crate::codec::hex;
use crate::entropy::Entropy;
use crate::error::Error;
use crate::key::Key;
use crate::key::usage::{Attributes, CarriedBy, KeyAlgorithm};
#[cfg(feature = "ec")]
use crate::keyblock::ec;
use crate::keyblock::header::{HEADER_LEN, Header, KeyContext, MAX_LEN, Version};
use crate::keyblock::optional::{MAX_COUNT, Optional, PB};
use crate::keyblock::payload::{LENGTH_LEN, PAYLOAD_LEN, Payload, legal, longest};
use crate::keyblock::protect::{KbpkRef, ProtectionKeys};
use crate::keyblock::{Travels, fits};
#[cfg(feature = "ec")]
use crate::secret::Secret;

/// How the padding hides the length of the key.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LengthHiding {
    /// As if the key were the longest of its algorithm: 24 bytes for TDEA, 32 for AES. Other algorithms: as `None`.
    #[default]
    Longest,
    /// As if the key had this many bytes; no effect on a longer key.
    To(usize),
    /// Only what the cipher's block needs.
    None,
}

/// What a key block shall say.
#[derive(Clone, Copy, Debug)]
pub struct Template<'a> {
    /// Version: B, D or E; A and C with the feature `legacy`.
    pub version: Version,
    /// What the key may do.
    pub attributes: Attributes,
    /// Key context.
    pub context: KeyContext,
    /// Optional blocks, without padding block.
    pub optional: &'a [Optional<'a>],
    /// How the padding hides the key's length.
    pub length: LengthHiding,
}

/// Lengths of a block: characters of padding block and of the whole, bytes of the payload.
struct Layout {
    pad_block: usize,
    payload: usize,
    total: usize,
    count: u8,
    header: usize,
}

impl<'a> Template<'a> {
    /// A block without optional blocks that hides the key's length.
    #[must_use]
    pub const fn new(version: Version, attributes: Attributes) -> Self {
        Self {
            version,
            attributes,
            context: KeyContext::Any,
            optional: &[],
            length: LengthHiding::Longest,
        }
    }

    /// With these optional blocks.
    #[must_use]
    pub const fn with_optional(mut self, optional: &'a [Optional<'a>]) -> Self {
        self.optional = optional;
        self
    }

    /// Length in characters of the block around a key of `key_len` bytes.
    ///
    /// # Errors
    /// [`Error::KeyBlockPayload`] if the payload is longer than [`PAYLOAD_LEN`], [`Error::KeyBlockLength`] if the
    /// block is longer than [`MAX_LEN`], [`Error::KeyBlockOptional`] or [`Error::KeyBlockOptionalCount`] if an
    /// optional block is malformed, is `PB` or has the identifier of another, or there are more than 99.
    pub fn block_len(&self, key_len: usize) -> Result<usize, Error> {
        Ok(self.layout(key_len)?.total)
    }

    fn layout(&self, key_len: usize) -> Result<Layout, Error> {
        let shown = match self.length {
            LengthHiding::Longest => longest(self.attributes.algorithm),
            LengthHiding::To(len) => len,
            LengthHiding::None => 0,
        };
        let granule = self.version.granule();
        let payload = key_len
            .max(shown)
            .checked_add(LENGTH_LEN)
            .and_then(|len| len.checked_next_multiple_of(granule))
            .filter(|len| *len <= PAYLOAD_LEN)
            .ok_or(Error::KeyBlockPayload)?;

        if self.optional.len() > MAX_COUNT {
            return Err(Error::KeyBlockOptionalCount);
        }
        let mut optional = 0_usize;
        let mut left = self.optional;
        while let [block, others @ ..] = left {
            left = others;
            if !block.is_well_formed() || block.id == PB || others.iter().any(|other| other.id == block.id) {
                return Err(Error::KeyBlockOptional);
            }
            optional = optional.checked_add(block.len()?).ok_or(Error::KeyBlockLength)?;
        }
        let pad_block = pad_block_len(optional, self.version.block_len());
        let blocks = self.optional.len().saturating_add(usize::from(pad_block != 0));
        let count = u8::try_from(blocks)
            .ok()
            .filter(|n| usize::from(*n) <= MAX_COUNT)
            .ok_or(Error::KeyBlockOptionalCount)?;
        let header = optional
            .checked_add(HEADER_LEN)
            .and_then(|n| n.checked_add(pad_block))
            .ok_or(Error::KeyBlockLength)?;
        let total = payload
            .checked_add(self.version.mac_len())
            .and_then(|bytes| bytes.checked_mul(2))
            .and_then(|n| n.checked_add(header))
            .filter(|n| *n <= MAX_LEN)
            .ok_or(Error::KeyBlockLength)?;
        Ok(Layout {
            pad_block,
            payload,
            total,
            count,
            header,
        })
    }

    /// Wraps `key` under `kbpk` into `out` and gives the length in characters.
    ///
    /// # Errors
    /// [`Error::UsageNotPermitted`] or [`Error::AlgorithmMismatch`] if the attributes are not those of the key's type,
    /// or the errors of [`Attributes::check`]; [`Error::NoKey`] if a key is empty, [`Error::AlgorithmMismatch`] or
    /// [`Error::InvalidKeyLength`] if `kbpk` does not fit the version; [`Error::BufferTooSmall`]; [`Error::Entropy`];
    /// those of [`block_len`](Self::block_len). `out` is zeroed then.
    ///
    /// # Timing
    /// The lengths show; contents do not.
    ///
    /// # Source
    /// TR-31:2018 5.3, ANSI X9.143:2021 6; ISO 20038:2017 6.3; vectors: `vectors/tr31.txt`.
    pub fn wrap<R: CarriedBy, A: Travels>(
        &self,
        kbpk: KbpkRef<'_>,
        key: &Key<R, A>,
        rng: &mut impl Entropy,
        out: &mut [u8],
    ) -> Result<usize, Error> {
        let material = fits::<R, A>(&self.attributes)
            .and_then(|()| self.attributes.check())
            .and_then(|()| key.material());
        match material {
            Ok(material) => self.wrap_stored(kbpk, material, rng, out),
            Err(error) => {
                out.fill(0);
                Err(error)
            }
        }
    }

    /// As [`wrap`](Self::wrap), with the key as raw bytes and without looking at the usage table.
    ///
    /// # Errors
    /// As [`wrap`](Self::wrap), and [`Error::InvalidKeyLength`] if the algorithm has no keys of this length.
    #[cfg(feature = "hazmat")]
    pub fn wrap_bytes(
        &self,
        kbpk: KbpkRef<'_>,
        key: &[u8],
        rng: &mut impl Entropy,
        out: &mut [u8],
    ) -> Result<usize, Error> {
        self.wrap_material(kbpk, key, rng, out)
    }

    /// As [`wrap`](Self::wrap), with the key as it is stored: of an asymmetric key the private part alone.
    pub(crate) fn wrap_stored(
        &self,
        kbpk: KbpkRef<'_>,
        key: &[u8],
        rng: &mut impl Entropy,
        out: &mut [u8],
    ) -> Result<usize, Error> {
        #[cfg(feature = "ec")]
        let mut der = Secret::zeroed();
        let payload = match self.attributes.algorithm {
            #[cfg(feature = "ec")]
            KeyAlgorithm::Ec => der_of(key, &mut der).map(|()| &der.expose()[..]),
            #[cfg(not(feature = "ec"))]
            KeyAlgorithm::Ec => Err(Error::Unsupported),
            KeyAlgorithm::Rsa | KeyAlgorithm::Dsa => Err(Error::Unsupported),
            _ => Ok(key),
        };
        match payload {
            Ok(payload) => self.wrap_material(kbpk, payload, rng, out),
            Err(error) => {
                out.fill(0);
                Err(error)
            }
        }
    }

    pub(crate) fn wrap_material(
        &self,
        kbpk: KbpkRef<'_>,
        key: &[u8],
        rng: &mut impl Entropy,
        out: &mut [u8],
    ) -> Result<usize, Error> {
        let result = self.write(kbpk, key, rng, out);
        if result.is_err() {
            out.fill(0);
        }
        result
    }

    fn write(&self, kbpk: KbpkRef<'_>, key: &[u8], rng: &mut impl Entropy, out: &mut [u8]) -> Result<usize, Error> {
        check_key(&self.attributes, key)?;
        let layout = self.layout(key.len())?;
        let out = out.get_mut(..layout.total).ok_or(Error::BufferTooSmall)?;
        let (text, rest) = out.split_at_mut_checked(layout.header).ok_or(Error::Internal)?;
        self.write_header(&layout, text)?;

        let mut payload = Payload::empty();
        let body = payload.reset(layout.payload)?;
        rng.fill(fill(body, key)?)?;
        seal(self.version, kbpk, text, body, rest)?;
        Ok(layout.total)
    }

    fn write_header(&self, layout: &Layout, text: &mut [u8]) -> Result<(), Error> {
        let header = Header {
            version: self.version,
            len: u16::try_from(layout.total).map_err(|_| Error::KeyBlockLength)?,
            attributes: self.attributes,
            optional_count: layout.count,
            context: self.context,
        };
        let mut text = Writer(text);
        text.put(&header.to_chars())?;
        for block in self.optional {
            let (head, len) = block.head()?;
            text.put(head.get(..len).ok_or(Error::Internal)?)?;
            text.put(block.data)?;
        }
        if layout.pad_block != 0 {
            let [.., len] = layout.pad_block.to_be_bytes();
            text.put(&PB)?;
            text.put(&[hex::digit(len >> 4), hex::digit(len)])?;
            // X9.143 8.6 fills with zeros.
            text.0.fill(b'0');
        }
        Ok(())
    }
}

/// Wraps `key` with a complete header text (final length, optional blocks, padding block) and given padding bytes:
/// deterministic, for vectors.
///
/// # Errors
/// Those of reading `header` in the lenient profile of its version; [`Error::KeyBlockLength`] if characters follow
/// its optional blocks or if its length field is not that of the result; [`Error::KeyBlockPayload`] if key and padding
/// are not whole blocks or too long; [`Error::InvalidKeyLength`] if the algorithm has no keys of this length; those of
/// the protection key; [`Error::BufferTooSmall`]. `out` is zeroed then.
#[cfg(feature = "hazmat")]
pub fn wrap_with(kbpk: KbpkRef<'_>, header: &[u8], key: &[u8], padding: &[u8], out: &mut [u8]) -> Result<usize, Error> {
    let result = wrap_with_inner(kbpk, header, key, padding, out);
    if result.is_err() {
        out.fill(0);
    }
    result
}

#[cfg(feature = "hazmat")]
fn wrap_with_inner(
    kbpk: KbpkRef<'_>,
    header: &[u8],
    key: &[u8],
    padding: &[u8],
    out: &mut [u8],
) -> Result<usize, Error> {
    use crate::keyblock::Profile;
    use crate::keyblock::header::HeaderText;

    let &first = header.first().ok_or(Error::KeyBlockLength)?;
    let version = Version::from_char(first)?;
    let (text, rest) = HeaderText::parse(header, Profile::of(version))?;
    if !rest.is_empty() {
        return Err(Error::KeyBlockLength);
    }
    check_key(&text.header().attributes, key)?;
    let payload_len = key
        .len()
        .checked_add(padding.len())
        .and_then(|n| n.checked_add(LENGTH_LEN))
        .filter(|n| *n <= PAYLOAD_LEN && n & version.granule().wrapping_sub(1) == 0)
        .ok_or(Error::KeyBlockPayload)?;
    let total = payload_len
        .checked_add(version.mac_len())
        .and_then(|bytes| bytes.checked_mul(2))
        .and_then(|n| n.checked_add(header.len()))
        .filter(|n| *n == usize::from(text.header().len))
        .ok_or(Error::KeyBlockLength)?;
    let out = out.get_mut(..total).ok_or(Error::BufferTooSmall)?;
    let mut writer = Writer(out);
    writer.put(header)?;

    let mut payload = Payload::empty();
    let body = payload.reset(payload_len)?;
    Writer(fill(body, key)?).put(padding)?;
    seal(version, kbpk, header, body, writer.0)?;
    Ok(total)
}

/// A private key of P-256 as it travels.
#[cfg(feature = "ec")]
fn der_of(key: &[u8], der: &mut Secret<{ ec::DER_LEN }>) -> Result<(), Error> {
    let mut scalar = Secret::zeroed();
    *scalar.expose_mut() = *key
        .first_chunk()
        .filter(|_| key.len() == 32)
        .ok_or(Error::InvalidKeyLength)?;
    ec::write(&scalar, der)
}

/// Whether the algorithm has keys of this length; lengths of keys to be wrapped are public.
fn check_key(attributes: &Attributes, key: &[u8]) -> Result<(), Error> {
    let len = u16::try_from(key.len()).map_err(|_| Error::KeyBlockPayload)?;
    if bool::from(legal(attributes.algorithm, attributes.usage, len)) {
        Ok(())
    } else {
        Err(Error::InvalidKeyLength)
    }
}

/// Length of the padding block that brings `optional` characters to whole blocks; 0 if they are.
const fn pad_block_len(optional: usize, block_len: usize) -> usize {
    // The block length is a power of two.
    let missing = optional.wrapping_neg() & block_len.wrapping_sub(1);
    match missing {
        0 | 4.. => missing,
        // Identifier and length alone take four.
        _ => missing.wrapping_add(block_len),
    }
}

/// Writes length and key, and gives what is left for the padding.
fn fill<'p>(body: &'p mut [u8], key: &[u8]) -> Result<&'p mut [u8], Error> {
    let bits = u16::try_from(key.len())
        .ok()
        .and_then(|len| len.checked_mul(8))
        .ok_or(Error::KeyBlockPayload)?;
    let mut writer = Writer(body);
    writer.put(&bits.to_be_bytes())?;
    writer.put(key)?;
    Ok(writer.0)
}

/// Seals `body` in place and spells it and the authenticator behind the header.
fn seal(version: Version, kbpk: KbpkRef<'_>, text: &[u8], body: &mut [u8], out: &mut [u8]) -> Result<(), Error> {
    let mut keys = ProtectionKeys::empty();
    keys.derive(version, kbpk)?;
    let mut mac = [0; 16];
    let mac = mac.get_mut(..version.mac_len()).ok_or(Error::Internal)?;
    keys.seal(version, text, body, mac)?;
    let (body_out, mac_out) = out.split_at_mut_checked(body.len() << 1).ok_or(Error::Internal)?;
    hex::encode(body, body_out)?;
    let result = hex::encode(mac, mac_out);
    mac.zeroize();
    result
}

/// The unwritten rest of a buffer.
struct Writer<'o>(&'o mut [u8]);

impl Writer<'_> {
    fn put(&mut self, bytes: &[u8]) -> Result<(), Error> {
        let (to, rest) = core::mem::take(&mut self.0)
            .split_at_mut_checked(bytes.len())
            .ok_or(Error::Internal)?;
        to.copy_from_slice(bytes);
        self.0 = rest;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::key::usage::{Exportability, ModeOfUse, Usage};

    struct Nines;

    impl Entropy for Nines {
        fn fill(&mut self, out: &mut [u8]) -> Result<(), Error> {
            out.fill(9);
            Ok(())
        }
    }

    #[test]
    fn keys_of_rsa_and_dsa_are_not_wrapped() {
        let mut kbpk = Key::empty();
        kbpk.set(&[1; 16]).unwrap();
        for algorithm in [KeyAlgorithm::Rsa, KeyAlgorithm::Dsa] {
            let attributes = Attributes::new(Usage::S0, algorithm, ModeOfUse::Sign, Exportability::Exportable);
            let mut out = [0x55; 256];
            let result =
                Template::new(Version::D, attributes).wrap_stored(KbpkRef::Aes(&kbpk), &[2; 32], &mut Nines, &mut out);
            assert_eq!((result, out), (Err(Error::Unsupported), [0; 256]));
        }
    }

    /// A private key of P-256 travels in DER.
    #[test]
    #[cfg(feature = "ec")]
    fn keys_of_p256_are_wrapped_as_der() {
        use crate::keyblock::{KeyBlock, Profile};

        let mut kbpk = Key::empty();
        kbpk.set(&[1; 16]).unwrap();
        let attributes = Attributes::new(Usage::S0, KeyAlgorithm::Ec, ModeOfUse::Sign, Exportability::Exportable);
        let template = Template::new(Version::D, attributes);
        let mut out = [0; 512];
        let len = template
            .wrap_stored(KbpkRef::Aes(&kbpk), &[2; 32], &mut Nines, &mut out)
            .unwrap();
        let block = KeyBlock::parse(&out[..len], Profile::of(Version::D)).unwrap();
        let mut payload = Payload::empty();
        let verified = block.verify(KbpkRef::Aes(&kbpk), &mut payload).unwrap();
        assert_eq!(verified.key().len(), ec::DER_LEN);
        assert!(verified.key().windows(32).any(|bytes| bytes == [2; 32]));
    }

    #[test]
    fn every_version_has_its_lenient_profile() {
        use crate::keyblock::Profile;

        assert_eq!(Profile::of(Version::E), Profile::Iso20038);
        for version in [Version::A, Version::B, Version::C, Version::D] {
            assert_eq!(Profile::of(version), Profile::Tr31_2018);
        }
    }

    /// An update key protects initial keys, in blocks of version D.
    #[test]
    fn update_keys_are_of_version_d() {
        let mut update = Key::empty();
        update.set(&[1; 16]).unwrap();
        for (version, right) in [(Version::B, false), (Version::D, true), (Version::E, false)] {
            let material = KbpkRef::Update(&update).material(version);
            assert_eq!(material.is_ok(), right);
            assert!(right || material == Err(Error::AlgorithmMismatch));
        }
    }
}
