// SPDX-License-Identifier: MIT OR Apache-2.0
//! Data from one key to another without their leaving in clear.

use super::Way;
use crate::cipher::{aes, modes, scheduled, tdes};
use crate::error::Error;
use crate::hsm::slot::{Choices, Slots};
use crate::hsm::{Command, Hsm, KeyHandle, KeyRef, Platform};
use crate::key::usage::{KeyAlgorithm, strength_bits};
use crate::policy::{Operation, Permission};
use crate::secret::Secret;

/// Bytes that are in clear inside at one time: whole blocks of either cipher.
const CHUNK_LEN: usize = 64;

/// A cipher of either algorithm.
// One lives at a time, on the stack of the command.
#[allow(clippy::large_enum_variant)]
enum Cipher {
    Tdea(tdes::Tdes),
    Aes(aes::Aes),
}

impl Cipher {
    /// A place for one.
    const IDLE: Self = Self::Tdea(tdes::Tdes::IDLE);

    /// Schedules a key in this place.
    fn set(&mut self, algorithm: KeyAlgorithm, key: &[u8]) -> Result<(), Error> {
        match (algorithm, &mut *self) {
            (KeyAlgorithm::Tdea, Self::Tdea(cipher)) => cipher.set(key),
            (KeyAlgorithm::Aes, place) => {
                scheduled!(let cipher = aes::Aes, key);
                *place = Self::Aes(cipher);
                Ok(())
            }
            _ => Err(Error::AlgorithmMismatch),
        }
    }

    const fn block_len(&self) -> usize {
        match self {
            Self::Tdea(_) => tdes::BLOCK_LEN,
            Self::Aes(_) => aes::BLOCK_LEN,
        }
    }

    /// CBC over `data`, with `iv` of one block, whose place then has that of the next piece.
    fn cbc(&self, way: Way, iv: &mut [u8], data: &mut [u8]) -> Result<(), Error> {
        let mut next = [0; aes::BLOCK_LEN];
        let next = next.get_mut(..iv.len()).ok_or(Error::Internal)?;
        let last = |data: &[u8], to: &mut [u8]| {
            for (to, from) in to.iter_mut().rev().zip(data.iter().rev()) {
                *to = *from;
            }
        };
        if way == Way::Decipher {
            last(data, next);
        }
        match (self, way) {
            (Self::Tdea(cipher), Way::Encipher) => modes::cbc_encrypt(cipher, iv, data),
            (Self::Tdea(cipher), Way::Decipher) => modes::cbc_decrypt(cipher, iv, data),
            (Self::Aes(cipher), Way::Encipher) => modes::cbc_encrypt(cipher, iv, data),
            (Self::Aes(cipher), Way::Decipher) => modes::cbc_decrypt(cipher, iv, data),
        }?;
        if way == Way::Encipher {
            last(data, next);
        }
        iv.copy_from_slice(next);
        Ok(())
    }
}

/// Deciphers under one key and enciphers under another, a piece at a time in memory of its own.
fn transfer(from: &Cipher, from_iv: &[u8], to: &Cipher, to_iv: &[u8], data: &mut [u8]) -> Result<(), Error> {
    let (mut from_chain, mut to_chain) = ([0; aes::BLOCK_LEN], [0; aes::BLOCK_LEN]);
    let chains = (from_chain.get_mut(..from_iv.len()), to_chain.get_mut(..to_iv.len()));
    let (Some(from_chain), Some(to_chain)) = chains else {
        return Err(Error::InvalidLength);
    };
    from_chain.copy_from_slice(from_iv);
    to_chain.copy_from_slice(to_iv);
    let mut clear = Secret::<CHUNK_LEN>::zeroed();
    for piece in data.chunks_mut(CHUNK_LEN) {
        let clear = clear.expose_mut().get_mut(..piece.len()).ok_or(Error::Internal)?;
        clear.copy_from_slice(piece);
        from.cbc(Way::Decipher, from_chain, clear)?;
        to.cbc(Way::Encipher, to_chain, clear)?;
        piece.copy_from_slice(clear);
    }
    Ok(())
}

impl<P: Platform> Hsm<'_, P> {
    /// Re-enciphers `data` in place from one key to another: CBC on both sides, over whole blocks of both. The clear text
    /// stays inside, 64 bytes of it at a time.
    ///
    /// `input`: a D0 key with mode of use D or B, or a transaction whose data it deciphers (a terminal's response data, a
    /// host's request data), once; `output`: another D0 key with mode of use E or B; each `iv` one block of its cipher, the
    /// output's unpredictable. Data under keys of slots may come in pieces: the last block of ciphertext of a piece, on
    /// either side, is the `iv` of the next.
    ///
    /// # Errors
    /// The state's and the handles' errors; [`Error::UsageNotPermitted`], [`Error::ModeNotPermitted`];
    /// [`Error::InvalidArgument`] if both keys are one; [`Error::KeyStrength`] for a weaker output key without
    /// [`Permission::WeakerDataKey`]; [`Error::InvalidLength`]; [`Error::LimitReached`]. `data` is wiped on every error.
    ///
    /// # Timing
    /// The length of `data`.
    ///
    /// # Source
    /// NIST SP 800-38A 6.2. Vectors: `vectors/des_aes_kat.txt`.
    pub fn data_reencipher(
        &mut self,
        input: KeyRef,
        input_iv: &[u8],
        output: KeyHandle,
        output_iv: &[u8],
        data: &mut [u8],
    ) -> Result<(), Error> {
        self.allow(Command::DataReencipher)
            .and_then(|()| self.reencipher(input, input_iv, output, output_iv, data))
            .inspect_err(|_| data.fill(0))
    }

    // Two ciphers: apart from `allow`, below which self-tests run.
    #[inline(never)]
    fn reencipher(
        &mut self,
        input: KeyRef,
        input_iv: &[u8],
        output: KeyHandle,
        output_iv: &[u8],
        data: &mut [u8],
    ) -> Result<(), Error> {
        if input == KeyRef::Slot(output) {
            return Err(Error::InvalidArgument);
        }
        // The output side is judged before anything is deciphered.
        let (algorithm, key) = self.data_key(output, Operation::DataEncipher, Choices::Cbc)?;
        let to_strength = strength_bits(algorithm, key.len());
        let mut to = Cipher::IDLE;
        to.set(algorithm, key)?;
        if output_iv.len() != to.block_len() {
            return Err(Error::InvalidLength);
        }
        super::whole(algorithm, data.len())?;
        self.slots.room(output, super::blocks(data.len()))?;
        let weaker = self.policy.has(Permission::WeakerDataKey);
        let strong_enough = |algorithm, key: &[u8]| {
            if weaker || to_strength >= strength_bits(algorithm, key.len()) {
                Ok(())
            } else {
                Err(Error::KeyStrength)
            }
        };
        match input {
            KeyRef::Slot(handle) => {
                let (algorithm, key) = self.data_key(handle, Operation::DataDecipher, Choices::Cbc)?;
                let mut from = Cipher::IDLE;
                from.set(algorithm, key)?;
                strong_enough(algorithm, key)?;
                if input_iv.len() != from.block_len() {
                    return Err(Error::InvalidLength);
                }
                super::whole(algorithm, data.len())?;
                self.data_used(handle, Choices::Cbc, data.len())?;
                self.data_used(output, Choices::Cbc, data.len())?;
                transfer(&from, input_iv, &to, output_iv, data)
            }
            KeyRef::Transaction(handle) => {
                let len = data.len();
                let work = |slots: &mut Slots<'_>, algorithm, key: &[u8]| {
                    slots.charge(output, super::blocks(len))?;
                    slots.bind(output, Choices::Cbc)?;
                    let mut from = Cipher::IDLE;
                    from.set(algorithm, key)?;
                    transfer(&from, input_iv, &to, output_iv, data)
                };
                self.with_transaction_key(handle, Way::Decipher, (input_iv, len), strong_enough, work)?;
                self.commit_uses().inspect_err(|_| data.fill(0))
            }
        }
    }
}
