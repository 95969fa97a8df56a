// SPDX-License-Identifier: MIT OR Apache-2.0
//! Commands that encipher and decipher data.
//!
//! A data key of a slot serves one mode of operation, the one it was first used for: what one tells is an oracle for
//! another. A TDEA key stops after [`TDEA_BLOCK_LIMIT`](crate::policy::TDEA_BLOCK_LIMIT) blocks.

mod modes;
mod reencipher;

use crate::cipher::modes as cipher_modes;
use crate::cipher::{aes, scheduled, tdes};
use crate::error::Error;
use crate::hsm::dukpt::Purpose;
use crate::hsm::slot::{Choices, Slots};
use crate::hsm::{Command, Hsm, KeyHandle, KeyRef, Platform, TransactionHandle};
use crate::key::usage::KeyAlgorithm;
use crate::policy::Operation;
use crate::weaken::guard;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Way {
    Encipher,
    Decipher,
}

impl Way {
    const fn operation(self) -> Operation {
        match self {
            Self::Encipher => Operation::DataEncipher,
            Self::Decipher => Operation::DataDecipher,
        }
    }
}

impl<P: Platform> Hsm<'_, P> {
    /// Enciphers `data` in place: CBC over whole blocks, without padding.
    ///
    /// `key`: a D0 key in a slot with mode of use E or B, or a transaction; a terminal's transaction enciphers
    /// request data, a host's response data, each once. `iv`: one block (TDEA 8, AES 16 bytes). For a key in a slot it
    /// must be unpredictable; a transaction's key is used for one message, so zeros will do.
    ///
    /// # Errors
    /// The state's and the handle's errors; [`Error::UsageNotPermitted`], also for a key that has served another mode of
    /// operation; [`Error::ModeNotPermitted`]; [`Error::InvalidLength`] for `iv` or a `data` that is not whole blocks;
    /// [`Error::LimitReached`] for a second message of one transaction and for a TDEA key at its end. `data` is wiped on every error.
    ///
    /// # Timing
    /// The length of `data`.
    ///
    /// # Source
    /// NIST SP 800-38A 6.2; ANSI X9.24-3:2017 annex C. Vectors: `vectors/dukpt_tdes.txt`, `vectors/dukpt_aes.txt`.
    pub fn data_encipher(&mut self, key: KeyRef, iv: &[u8], data: &mut [u8]) -> Result<(), Error> {
        self.data(key, Way::Encipher, iv, data).inspect_err(|_| data.fill(0))
    }

    /// Deciphers `data` in place: CBC over whole blocks. Authenticate the message first: nothing here tells a
    /// changed ciphertext.
    ///
    /// `key`: a D0 key in a slot with mode of use D or B, or a transaction; a terminal's transaction deciphers
    /// response data, a host's request data.
    ///
    /// # Errors
    /// As [`data_encipher`](Self::data_encipher).
    ///
    /// # Timing
    /// The length of `data`.
    pub fn data_decipher(&mut self, key: KeyRef, iv: &[u8], data: &mut [u8]) -> Result<(), Error> {
        self.data(key, Way::Decipher, iv, data).inspect_err(|_| data.fill(0))
    }

    fn data(&mut self, key: KeyRef, way: Way, iv: &[u8], data: &mut [u8]) -> Result<(), Error> {
        self.allow(match way {
            Way::Encipher => Command::DataEncipher,
            Way::Decipher => Command::DataDecipher,
        })?;
        match key {
            KeyRef::Slot(handle) => {
                let (algorithm, _) = self.data_key(handle, way.operation(), Choices::Cbc)?;
                if iv.len() != block_len(algorithm)? {
                    return Err(Error::InvalidLength);
                }
                whole(algorithm, data.len())?;
                self.data_used(handle, Choices::Cbc, data.len())?;
                let (algorithm, key) = self.data_material(handle)?;
                run(algorithm, key, way, iv, data)
            }
            KeyRef::Transaction(handle) => {
                let len = data.len();
                self.with_transaction_key(
                    handle,
                    way,
                    (iv, len),
                    |_, _| Ok(()),
                    |_, algorithm, key| run(algorithm, key, way, iv, data),
                )
            }
        }
    }

    /// The key of a slot, if its attributes allow `operation` and it has served no other mode of operation.
    fn data_key(&self, handle: KeyHandle, operation: Operation, mode: Choices) -> Result<(KeyAlgorithm, &[u8]), Error> {
        let slot = self.slots.get(handle)?;
        let attributes = slot.attributes()?;
        slot.permit(operation, self.policy)?;
        if !slot.serves(mode) {
            return Err(Error::UsageNotPermitted);
        }
        Ok((attributes.algorithm, slot.material()))
    }

    /// The key of a slot that was judged and counted.
    fn data_material(&self, handle: KeyHandle) -> Result<(KeyAlgorithm, &[u8]), Error> {
        let slot = self.slots.get(handle)?;
        Ok((slot.attributes()?.algorithm, slot.material()))
    }

    /// Counts what a key in a slot is about to do, and binds it to the mode of operation.
    fn data_used(&mut self, handle: KeyHandle, mode: Choices, len: usize) -> Result<(), Error> {
        self.slots.charge(handle, blocks(len))?;
        self.slots.bind(handle, mode)?;
        self.commit_uses()
    }

    /// Lends a transaction's data key to `work`, once: for CBC with an IV over so many bytes. `judge` looks at the key
    /// before it is used up.
    fn with_transaction_key(
        &mut self,
        handle: TransactionHandle,
        way: Way,
        (iv, len): (&[u8], usize),
        judge: impl FnOnce(KeyAlgorithm, &[u8]) -> Result<(), Error>,
        work: impl FnOnce(&mut Slots<'_>, KeyAlgorithm, &[u8]) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let keys = self.groups.keys(handle)?;
        let request = keys.is_request(way == Way::Encipher);
        let purpose = if request {
            Purpose::DataRequest
        } else {
            Purpose::DataResponse
        };
        // What is public is judged before the key is used up.
        keys.check_cbc(iv, len)?;
        keys.data_key(request, judge)?;
        let slots = &mut self.slots;
        self.groups
            .use_once(handle, purpose)?
            .data_key(request, |algorithm, key| work(slots, algorithm, key))
    }
}

/// Block length of a data key's cipher.
const fn block_len(algorithm: KeyAlgorithm) -> Result<usize, Error> {
    match algorithm {
        KeyAlgorithm::Tdea => Ok(tdes::BLOCK_LEN),
        KeyAlgorithm::Aes => Ok(aes::BLOCK_LEN),
        _ => Err(Error::AlgorithmMismatch),
    }
}

/// Judges that `len` bytes are whole blocks.
fn whole(algorithm: KeyAlgorithm, len: usize) -> Result<(), Error> {
    if guard!("H07", !len.is_multiple_of(block_len(algorithm)?)) {
        return Err(Error::InvalidLength);
    }
    Ok(())
}

/// Blocks of 8 bytes, begun ones included.
const fn blocks(len: usize) -> u64 {
    (len as u64).saturating_add(7) >> 3
}

fn run(algorithm: KeyAlgorithm, key: &[u8], way: Way, iv: &[u8], data: &mut [u8]) -> Result<(), Error> {
    match algorithm {
        KeyAlgorithm::Tdea => tdea_cbc(key, way, iv, data),
        KeyAlgorithm::Aes => aes_cbc(key, way, iv, data),
        _ => Err(Error::AlgorithmMismatch),
    }
}

#[inline(never)]
fn tdea_cbc(key: &[u8], way: Way, iv: &[u8], data: &mut [u8]) -> Result<(), Error> {
    scheduled!(let cipher = tdes::Tdes, key);
    match way {
        Way::Encipher => cipher_modes::cbc_encrypt(&cipher, iv, data),
        Way::Decipher => cipher_modes::cbc_decrypt(&cipher, iv, data),
    }
}

#[inline(never)]
fn aes_cbc(key: &[u8], way: Way, iv: &[u8], data: &mut [u8]) -> Result<(), Error> {
    scheduled!(let cipher = aes::Aes, key);
    match way {
        Way::Encipher => cipher_modes::cbc_encrypt(&cipher, iv, data),
        Way::Decipher => cipher_modes::cbc_decrypt(&cipher, iv, data),
    }
}
