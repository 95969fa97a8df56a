// SPDX-License-Identifier: MIT OR Apache-2.0
//! Sealed records: enciphered and authenticated, bound to their place.
//!
//! | offset | length | content |
//! |---|---|---|
//! | 0 | 4 | `PHSR` |
//! | 4 | 1 | layout version, 01 |
//! | 5 | 1 | kind |
//! | 6 | 2 | record number, big-endian |
//! | 8 | 8 | sequence number, big-endian |
//! | 16 | 4 | length *n* of the body, big-endian |
//! | 20 | *n* | body, AES-CTR |
//! | 20 + *n* | 16 | authenticator: AES-CMAC over the header and the clear body |
//!
//! The authenticator is also the first counter block (a synthetic initialisation vector, the construction of RFC 5297).
//! With a counter block from the sequence number instead, a record written again after a loss of power, or after an
//! older image was brought back, could carry another body under the same key stream and give the difference of the
//! two. Here another body has another key stream. The header has a fixed length, so header and body cannot be split in
//! two ways. The two keys are derived from the storage key under different labels (SP 800-108, counter mode, CMAC).

use core::fmt;

use zeroize::Zeroize;

use crate::cipher::aes::Aes as AesCipher;
use crate::cipher::modes;
use crate::cipher::scheduled;
use crate::ct;
use crate::error::Error;
use crate::key::role::StorageKey;
use crate::key::{Aes, Key};
use crate::mac::Mac;
use crate::mac::cmac::CmacAes;
use crate::secret::{Secret, SecretBuf};
use crate::store::Storage;
use crate::weaken::guard;

/// Length of the header in bytes.
pub const HEADER_LEN: usize = 20;

/// Length of the authenticator in bytes.
pub const TAG_LEN: usize = 16;

/// The longest body in bytes: the marks and the AES-256 state of a DUKPT group.
pub const MAX_BODY_LEN: usize = 1216;

/// The longest record in bytes.
pub const MAX_RECORD_LEN: usize = HEADER_LEN + MAX_BODY_LEN + TAG_LEN;

const MAGIC: [u8; 4] = *b"PHSR";
const LAYOUT: u8 = 1;

/// Number of the one record of the module that is not sealed: the mark of a tamper event.
pub(crate) const MARK_ID: u16 = 15;

/// What a record holds. The values are stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
#[non_exhaustive]
pub enum Kind {
    /// The state of a DUKPT group.
    Group = 1,
    /// A key slot.
    Slot = 2,
    /// Settings and counters of the module.
    Module = 3,
    /// A place of the audit log. Its records are not sealed: nothing in them is secret, and their chain authenticates
    /// them.
    Audit = 5,
}

impl Kind {
    /// Every kind.
    #[cfg(feature = "terminal")]
    pub(crate) const ALL: [Self; 4] = [Self::Group, Self::Slot, Self::Module, Self::Audit];

    /// How many objects of this kind are sealed records with a sequence number, from object 0 on: what
    /// [`anchor`](super::anchor) sums up.
    #[cfg(feature = "terminal")]
    pub(crate) const fn objects(self) -> u16 {
        match self {
            Self::Group | Self::Slot => 256,
            Self::Module => 64,
            Self::Audit => 0,
        }
    }
}

/// A record's number in the storage.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    kind: Kind,
    pub(crate) number: u16,
}

impl Place {
    /// How many objects of one kind there may be.
    pub(crate) const OBJECTS: u16 = 0x800;

    /// The first or second place of object `id`: the kind in the highest 4 bits, the place in the lowest.
    pub(crate) fn new(kind: Kind, id: u16, second: bool) -> Result<Self, Error> {
        if id >= Self::OBJECTS {
            return Err(Error::InvalidArgument);
        }
        let number = (u16::from(kind as u8) << 12) | (id << 1) | u16::from(second);
        Ok(Self { kind, number })
    }

    /// The object of a kind whose record has this number, if it is one of that kind.
    pub(crate) const fn object(kind: Kind, number: u16) -> Option<u16> {
        if number >> 12 == kind as u16 {
            Some((number & 0xFFF) >> 1)
        } else {
            None
        }
    }
}

/// The buffer in which records are sealed and opened. Wiped on drop.
#[derive(Debug, Default)]
pub struct Scratch {
    bytes: Secret<MAX_RECORD_LEN>,
    /// Something was written since it was wiped. A start asks for many records that are not there.
    used: bool,
}

impl Scratch {
    /// All zero.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            bytes: Secret::zeroed(),
            used: false,
        }
    }

    /// Wipes it.
    pub fn wipe(&mut self) {
        if self.used {
            self.bytes.zeroize();
            self.used = false;
        }
    }

    /// Loads a record to the front.
    pub(crate) fn load(&mut self, storage: &mut impl Storage, number: u16) -> Result<usize, Error> {
        let loaded = storage.load(number, self.bytes.expose_mut());
        self.used |= loaded != Ok(0);
        loaded
    }

    /// The whole buffer.
    pub(crate) fn record_mut(&mut self) -> &mut [u8] {
        self.used = true;
        self.bytes.expose_mut()
    }

    /// The first `len` bytes.
    pub(crate) fn record(&self, len: usize) -> &[u8] {
        self.bytes.expose().get(..len).unwrap_or(&[])
    }

    /// The place of the body.
    pub(crate) fn body_mut(&mut self) -> &mut [u8] {
        let body = HEADER_LEN..HEADER_LEN.wrapping_add(MAX_BODY_LEN);
        self.record_mut().get_mut(body).unwrap_or(&mut [])
    }

    /// The first `len` bytes of the body.
    pub(crate) fn body(&self, len: usize) -> &[u8] {
        let body = self.bytes.expose().get(HEADER_LEN..).unwrap_or(&[]);
        body.get(..len).unwrap_or(&[])
    }
}

/// The keys of stored records.
pub struct Sealer {
    encryption: SecretBuf<32>,
    authentication: SecretBuf<32>,
}

impl Sealer {
    /// Derives the record keys, as long as the storage key.
    ///
    /// # Errors
    /// [`Error::NoKey`].
    ///
    /// # Timing
    /// The key length shows.
    pub fn new(key: &Key<StorageKey, Aes>) -> Result<Self, Error> {
        let mut sealer = Self {
            encryption: SecretBuf::new(),
            authentication: SecretBuf::new(),
        };
        let len = key.material()?.len();
        derive(key, b"record encryption", sealer.encryption.reset(len)?)?;
        derive(key, b"record authentication", sealer.authentication.reset(len)?)?;
        Ok(sealer)
    }

    /// Seals the first `len` bytes of the body in place and gives the length of the record.
    pub(crate) fn seal(
        &self,
        place: Place,
        sequence: u64,
        scratch: &mut Scratch,
        len: usize,
    ) -> Result<usize, Error> {
        if len > MAX_BODY_LEN {
            return Err(Error::InvalidLength);
        }
        let total = HEADER_LEN.wrapping_add(len).wrapping_add(TAG_LEN);
        let record = scratch.record_mut().get_mut(..total).ok_or(Error::InvalidLength)?;
        let (header, rest) = record.split_first_chunk_mut::<HEADER_LEN>().ok_or(Error::Internal)?;
        *header = self::header(place, sequence, len)?;
        let (body, tag) = rest.split_last_chunk_mut::<TAG_LEN>().ok_or(Error::Internal)?;
        self.mac(header, body, tag)?;
        self.crypt(tag, body)?;
        Ok(total)
    }

    /// Opens the first `len` bytes of `scratch` in place and gives the sequence number and the body's length.
    ///
    /// # Errors
    /// [`Error::StorageIntegrity`] unless it is the authentic record of this place; `scratch` is wiped then.
    pub(crate) fn open(&self, place: Place, scratch: &mut Scratch, len: usize) -> Result<(u64, usize), Error> {
        let opened = self.open_record(place, scratch, len);
        if opened.is_err() {
            scratch.wipe();
        }
        opened.map_err(|_| Error::StorageIntegrity)
    }

    fn open_record(&self, place: Place, scratch: &mut Scratch, len: usize) -> Result<(u64, usize), Error> {
        let record = scratch.record_mut().get_mut(..len).ok_or(Error::InvalidLength)?;
        let (header, rest) = record.split_first_chunk_mut::<HEADER_LEN>().ok_or(Error::Record)?;
        let (body, tag) = rest.split_last_chunk_mut::<TAG_LEN>().ok_or(Error::Record)?;
        let &mut [_, _, _, _, _, _, _, _, s0, s1, s2, s3, s4, s5, s6, s7, _, _, _, _] = header;
        let sequence = u64::from_be_bytes([s0, s1, s2, s3, s4, s5, s6, s7]);
        if guard!("J02" | "J03" | "J05", *header != self::header(place, sequence, body.len())?) {
            return Err(Error::Record);
        }
        self.crypt(tag, body)?;
        let mut computed = Secret::<TAG_LEN>::zeroed();
        self.mac(header, body, computed.expose_mut())?;
        let authentic = ct::verdict(ct::eq(computed.expose(), &*tag));
        guard!("J02" | "J03" | "J05", authentic)?;
        Ok((sequence, body.len()))
    }

    fn mac(&self, header: &[u8; HEADER_LEN], body: &[u8], tag: &mut [u8; TAG_LEN]) -> Result<(), Error> {
        CmacAes::once(self.authentication.expose(), &[header, body], tag)
    }

    /// The authenticator of a state of the journal of areas: AES-CMAC over header and body. The header tells it from
    /// a record's.
    #[cfg(feature = "terminal")]
    pub(crate) fn state_mac(&self, parts: &[&[u8]], tag: &mut [u8; TAG_LEN]) -> Result<(), Error> {
        CmacAes::once(self.authentication.expose(), parts, tag)
    }

    /// The key of records, for a reader of many small pieces.
    #[cfg(feature = "terminal")]
    pub(crate) fn key(&self) -> &[u8] {
        self.encryption.expose()
    }

    /// Its own inverse.
    #[inline(never)]
    fn crypt(&self, tag: &[u8; TAG_LEN], body: &mut [u8]) -> Result<(), Error> {
        scheduled!(let cipher = AesCipher, self.encryption.expose());
        guard!("J08", modes::ctr(&cipher, tag, body))
    }
}

impl fmt::Debug for Sealer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sealer").finish_non_exhaustive()
    }
}

fn header(place: Place, sequence: u64, len: usize) -> Result<[u8; HEADER_LEN], Error> {
    let len = u32::try_from(len).map_err(|_| Error::InvalidLength)?;
    let mut out = [0; HEADER_LEN];
    let fields = MAGIC
        .into_iter()
        .chain([LAYOUT, place.kind as u8])
        .chain(place.number.to_be_bytes())
        .chain(sequence.to_be_bytes())
        .chain(len.to_be_bytes());
    for (to, from) in out.iter_mut().zip(fields) {
        *to = from;
    }
    Ok(out)
}

/// SP 800-108 in counter mode with CMAC: block *i* is CMAC(key, *i* || label || 00 || bits of the result), *i* one
/// byte and the bits two.
pub(crate) fn derive(key: &Key<StorageKey, Aes>, label: &[u8], out: &mut [u8]) -> Result<(), Error> {
    derive_from(key.material()?, label, out)
}

/// The same from another key.
pub(crate) fn derive_from(key: &[u8], label: &[u8], out: &mut [u8]) -> Result<(), Error> {
    let bits = u16::try_from(out.len()).map_err(|_| Error::InvalidKeyLength)?.wrapping_mul(8);
    for (part, i) in out.chunks_mut(CmacAes::LEN).zip(1..) {
        CmacAes::once(key, &[&[i], label, &[0], &bits.to_be_bytes()], part)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sealer(key: &[u8]) -> Sealer {
        let mut storage_key = Key::empty();
        storage_key.set(key).unwrap();
        Sealer::new(&storage_key).unwrap()
    }

    fn sealed(sealer: &Sealer, place: Place, sequence: u64, body: &[u8]) -> (Scratch, usize) {
        let mut scratch = Scratch::new();
        scratch.body_mut()[..body.len()].copy_from_slice(body);
        let len = sealer.seal(place, sequence, &mut scratch, body.len()).unwrap();
        (scratch, len)
    }

    #[test]
    fn every_length_opens() {
        let place = Place::new(Kind::Slot, 5, true).unwrap();
        for key in [&[7; 16][..], &[7; 24], &[7; 32]] {
            let sealer = sealer(key);
            for len in (0..70).chain([MAX_BODY_LEN - 1, MAX_BODY_LEN]) {
                let body = [0xA5; MAX_BODY_LEN];
                let (mut scratch, total) = sealed(&sealer, place, u64::MAX, &body[..len]);
                assert_eq!(total, HEADER_LEN + len + TAG_LEN);
                assert!(len < 8 || scratch.body(len) != &body[..len]);
                assert_eq!(sealer.open(place, &mut scratch, total), Ok((u64::MAX, len)));
                assert_eq!(scratch.body(len), &body[..len]);
            }
            let mut scratch = Scratch::new();
            assert_eq!(
                sealer.seal(place, 1, &mut scratch, MAX_BODY_LEN + 1),
                Err(Error::InvalidLength)
            );
        }
    }

    #[test]
    fn no_changed_bit_and_no_other_length_opens() {
        let sealer = sealer(&[7; 32]);
        let place = Place::new(Kind::Group, 0, false).unwrap();
        let (scratch, total) = sealed(&sealer, place, 9, &[3; 40]);
        let record = &scratch.record(total)[..];
        for bit in 0..total * 8 {
            let mut twin = Scratch::new();
            twin.record_mut()[..total].copy_from_slice(record);
            twin.record_mut()[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(sealer.open(place, &mut twin, total), Err(Error::StorageIntegrity));
            assert!(twin.record(total).iter().all(|b| *b == 0));
        }
        for len in 0..=MAX_RECORD_LEN + 1 {
            let mut twin = Scratch::new();
            twin.record_mut()[..total].copy_from_slice(record);
            assert_eq!(sealer.open(place, &mut twin, len).is_ok(), len == total, "{len}");
        }
    }

    #[test]
    fn a_record_opens_at_its_place_and_under_its_key_only() {
        let (one, other) = (sealer(&[7; 32]), sealer(&[8; 32]));
        let place = |kind, id, second| Place::new(kind, id, second).unwrap();
        let own = place(Kind::Slot, 1, false);
        let (scratch, total) = sealed(&one, own, 1, b"body");
        for (at, sealer, opens) in [
            (own, &one, true),
            (own, &other, false),
            (place(Kind::Slot, 1, true), &one, false),
            (place(Kind::Slot, 2, false), &one, false),
            (place(Kind::Group, 1, false), &one, false),
        ] {
            let mut copy = Scratch::new();
            copy.record_mut()[..total].copy_from_slice(scratch.record(total));
            assert_eq!(sealer.open(at, &mut copy, total).is_ok(), opens, "{at:?}");
        }
        assert_eq!(Place::new(Kind::Slot, Place::OBJECTS, false), Err(Error::InvalidArgument));
    }

    #[test]
    fn another_body_has_another_key_stream() {
        let sealer = sealer(&[7; 32]);
        let place = Place::new(Kind::Group, 0, false).unwrap();
        let (a, b) = ([0x11; 64], [0x22; 64]);
        let (one, _) = sealed(&sealer, place, 4, &a);
        let (two, _) = sealed(&sealer, place, 4, &b);
        let equal = one
            .body(64)
            .iter()
            .zip(two.body(64))
            .filter(|(x, y)| *x ^ *y == 0x11 ^ 0x22)
            .count();
        assert!(equal < 8);
    }
}
