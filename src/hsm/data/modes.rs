// SPDX-License-Identifier: MIT OR Apache-2.0
//! ECB and CTR, and the encipherment of track 2 that UnionPay terminals do. For keys in slots only.

use super::Way;
use crate::cipher::{aes, modes, scheduled, tdes};
use crate::codec::track;
use crate::ct;
use crate::error::Error;
use crate::hsm::slot::Choices;
use crate::hsm::{Command, Hsm, KeyHandle, Platform};
use crate::key::usage::KeyAlgorithm;
use crate::policy::{Operation, Permission};
use crate::secret::SecretBuf;

impl<P: Platform> Hsm<'_, P> {
    /// Enciphers `data` in place: ECB over whole blocks. Equal blocks of data show as equal; only for protocols that
    /// demand it.
    ///
    /// `key`: a D0 key with mode of use E or B that serves no other mode of operation.
    ///
    /// # Errors
    /// The state's and the handle's errors; [`Error::UsageNotPermitted`], also for a key that has served another mode of
    /// operation; [`Error::ModeNotPermitted`]; [`Error::Refused`] without [`Permission::EcbData`];
    /// [`Error::InvalidLength`] if `data` is not whole blocks; [`Error::LimitReached`]. `data` is wiped on every error.
    ///
    /// # Timing
    /// The length of `data`.
    ///
    /// # Source
    /// NIST SP 800-38A 6.1. Vectors: `vectors/des_aes_kat.txt`.
    pub fn data_ecb_encipher(&mut self, key: KeyHandle, data: &mut [u8]) -> Result<(), Error> {
        self.ecb(key, Way::Encipher, data).inspect_err(|_| data.fill(0))
    }

    /// Deciphers `data` in place: ECB over whole blocks.
    ///
    /// `key`: a D0 key with mode of use D or B that serves no other mode of operation.
    ///
    /// # Errors
    /// As [`data_ecb_encipher`](Self::data_ecb_encipher).
    ///
    /// # Timing
    /// The length of `data`.
    pub fn data_ecb_decipher(&mut self, key: KeyHandle, data: &mut [u8]) -> Result<(), Error> {
        self.ecb(key, Way::Decipher, data).inspect_err(|_| data.fill(0))
    }

    /// Enciphers or deciphers `data` of any length in place: CTR, which is its own inverse.
    ///
    /// `key`: a D0 key with mode of use B that serves no other mode of operation; `counter`: the first counter block, 8
    /// bytes (TDEA) or 16 (AES), counted up as one number. No counter block may come twice under one key: two messages
    /// under one give their exclusive or away. The caller keeps that promise; a change of the data goes unnoticed, so a
    /// MAC belongs to it.
    ///
    /// # Errors
    /// The state's and the handle's errors; [`Error::UsageNotPermitted`], also for a key that has served another mode of
    /// operation; [`Error::ModeNotPermitted`]; [`Error::InvalidLength`] for `counter`; [`Error::LimitReached`]. `data` is
    /// wiped on every error.
    ///
    /// # Timing
    /// The length of `data`.
    ///
    /// # Source
    /// NIST SP 800-38A 6.5. Vectors: `vectors/des_aes_kat.txt`.
    pub fn data_ctr(&mut self, key: KeyHandle, counter: &[u8], data: &mut [u8]) -> Result<(), Error> {
        self.ctr(key, counter, data).inspect_err(|_| data.fill(0))
    }

    /// Packs track 2 and enciphers of it what UnionPay terminals do: one block of 8 bytes, which ends one byte before the
    /// last. What is before it, most of the PAN, stays in clear; so this alone does not hide a card number.
    ///
    /// `key`: a D0 TDEA key of 16 bytes with mode of use E or B that serves no other mode of operation than ECB; `track`:
    /// 17 to 40 ASCII digits with one separator, `=` or `D`, without sentinels. Gives the length; the rest of `out` is
    /// zero. The number of characters travels with it.
    ///
    /// # Errors
    /// The state's and the handle's errors; [`Error::UsageNotPermitted`], [`Error::ModeNotPermitted`],
    /// [`Error::AlgorithmMismatch`], [`Error::InvalidKeyLength`]; [`Error::Refused`] without [`Permission::UnionPay`];
    /// [`Error::Track`]; [`Error::BufferTooSmall`]; [`Error::LimitReached`]. `out` is wiped then.
    ///
    /// # Timing
    /// The track: it came in clear.
    ///
    /// # Source
    /// UnionPay terminal specification as public implementations have it.
    pub fn track2_encipher(&mut self, key: KeyHandle, track: &[u8], out: &mut [u8]) -> Result<usize, Error> {
        out.fill(0);
        let result = self.track_key(key, Way::Encipher).and_then(|()| {
            let len = track::pack(track, out)?;
            let block = track_block(out.get_mut(..len).unwrap_or(&mut []))?;
            self.track(key, Way::Encipher, block)?;
            Ok(len)
        });
        result.inspect_err(|_| out.fill(0))
    }

    /// Deciphers and unpacks what [`track2_encipher`](Self::track2_encipher) has made, with `=` as the separator: the
    /// acquirer's side.
    ///
    /// `key`: a D0 TDEA key of 16 bytes with mode of use D or B; `packed`: 9 to 20 bytes; `characters`: their number, which
    /// came with them. The rest of `out` is zero.
    ///
    /// # Errors
    /// As [`track2_encipher`](Self::track2_encipher); [`Error::Track`] if the number does not fit `packed`;
    /// [`Error::VerificationFailed`] if what comes out is no track.
    ///
    /// # Timing
    /// The track: it leaves in clear.
    pub fn track2_decipher(
        &mut self,
        key: KeyHandle,
        packed: &[u8],
        characters: usize,
        out: &mut [u8],
    ) -> Result<(), Error> {
        out.fill(0);
        let result = self.track_key(key, Way::Decipher).and_then(|()| {
            if characters.div_ceil(2) != packed.len() {
                return Err(Error::Track);
            }
            if out.len() < characters {
                return Err(Error::BufferTooSmall);
            }
            let mut clear = SecretBuf::<{ track::MAX_LEN }>::new();
            clear.set(packed).map_err(|_| Error::Track)?;
            self.track(key, Way::Decipher, track_block(clear.expose_mut())?)?;
            // From here on it is the caller's.
            ct::public(clear.expose_mut());
            track::unpack(clear.expose(), characters, out).map_err(|_| Error::VerificationFailed)
        });
        result.inspect_err(|_| out.fill(0))
    }

    /// Judges a key of UnionPay's track encipherment.
    fn track_key(&mut self, handle: KeyHandle, way: Way) -> Result<(), Error> {
        self.allow(match way {
            Way::Encipher => Command::Track2Encipher,
            Way::Decipher => Command::Track2Decipher,
        })?;
        let (algorithm, key) = self.data_key(handle, way.operation(), Choices::Ecb)?;
        if !self.policy.has(Permission::UnionPay) {
            return Err(Error::Refused);
        }
        if algorithm != KeyAlgorithm::Tdea {
            return Err(Error::AlgorithmMismatch);
        }
        if key.len() != 16 {
            return Err(Error::InvalidKeyLength);
        }
        Ok(())
    }

    fn track(&mut self, handle: KeyHandle, way: Way, block: &mut [u8]) -> Result<(), Error> {
        self.data_used(handle, Choices::Ecb, block.len())?;
        let (algorithm, key) = self.data_material(handle)?;
        ecb(algorithm, key, way, block)
    }

    fn ecb(&mut self, handle: KeyHandle, way: Way, data: &mut [u8]) -> Result<(), Error> {
        self.allow(match way {
            Way::Encipher => Command::DataEcbEncipher,
            Way::Decipher => Command::DataEcbDecipher,
        })?;
        let (algorithm, _) = self.data_key(handle, way.operation(), Choices::Ecb)?;
        if !self.policy.has(Permission::EcbData) {
            return Err(Error::Refused);
        }
        super::whole(algorithm, data.len())?;
        self.data_used(handle, Choices::Ecb, data.len())?;
        let (_, key) = self.data_material(handle)?;
        ecb(algorithm, key, way, data)
    }

    fn ctr(&mut self, handle: KeyHandle, counter: &[u8], data: &mut [u8]) -> Result<(), Error> {
        self.allow(Command::DataCtr)?;
        // Who enciphers can decipher: the key must be for both.
        self.data_key(handle, Operation::DataDecipher, Choices::Ctr)?;
        let (algorithm, _) = self.data_key(handle, Operation::DataEncipher, Choices::Ctr)?;
        if counter.len() != super::block_len(algorithm)? {
            return Err(Error::InvalidLength);
        }
        self.data_used(handle, Choices::Ctr, data.len())?;
        match self.data_material(handle)? {
            (KeyAlgorithm::Aes, key) => aes_ctr(key, counter, data),
            (_, key) => tdea_ctr(key, counter, data),
        }
    }
}

/// The block of a packed track that is enciphered: 8 bytes that end one byte before the last.
fn track_block(packed: &mut [u8]) -> Result<&mut [u8], Error> {
    let first = packed.len().checked_sub(9).ok_or(Error::Track)?;
    packed.get_mut(first..first.saturating_add(8)).ok_or(Error::Track)
}

fn ecb(algorithm: KeyAlgorithm, key: &[u8], way: Way, data: &mut [u8]) -> Result<(), Error> {
    match algorithm {
        KeyAlgorithm::Aes => aes_ecb(key, way, data),
        _ => tdea_ecb(key, way, data),
    }
}

#[inline(never)]
fn aes_ecb(key: &[u8], way: Way, data: &mut [u8]) -> Result<(), Error> {
    scheduled!(let cipher = aes::Aes, key);
    match way {
        Way::Encipher => modes::ecb_encrypt(&cipher, data),
        Way::Decipher => modes::ecb_decrypt(&cipher, data),
    }
}

#[inline(never)]
fn tdea_ecb(key: &[u8], way: Way, data: &mut [u8]) -> Result<(), Error> {
    scheduled!(let cipher = tdes::Tdes, key);
    match way {
        Way::Encipher => modes::ecb_encrypt(&cipher, data),
        Way::Decipher => modes::ecb_decrypt(&cipher, data),
    }
}

#[inline(never)]
fn aes_ctr(key: &[u8], counter: &[u8], data: &mut [u8]) -> Result<(), Error> {
    scheduled!(let cipher = aes::Aes, key);
    modes::ctr(&cipher, counter, data)
}

#[inline(never)]
fn tdea_ctr(key: &[u8], counter: &[u8], data: &mut [u8]) -> Result<(), Error> {
    scheduled!(let cipher = tdes::Tdes, key);
    modes::ctr(&cipher, counter, data)
}
