// SPDX-License-Identifier: MIT OR Apache-2.0
//! Commands that encipher and decipher data.

use crate::cipher::modes;
use crate::cipher::{aes, tdes};
use crate::error::Error;
use crate::hsm::dukpt::Purpose;
use crate::hsm::{Hsm, KeyRef, Platform};
use crate::key::usage::KeyAlgorithm;
use crate::policy::{self, Operation};

#[derive(Clone, Copy, PartialEq, Eq)]
enum Way {
    Encipher,
    Decipher,
}

impl<P: Platform> Hsm<'_, P> {
    /// Enciphers `data` in place: CBC over whole blocks, without padding.
    ///
    /// `key`: a D0 key in a slot with mode of use E or B, or a transaction; a terminal's transaction enciphers
    /// request data, a host's response data, each once. `iv`: one block (TDEA 8, AES 16 bytes). For a key in a slot it
    /// must be unpredictable; a transaction's key is used for one message, so zeros will do.
    ///
    /// # Errors
    /// The state's and the handle's errors; [`Error::UsageNotPermitted`], [`Error::ModeNotPermitted`];
    /// [`Error::InvalidLength`] for `iv` or a `data` that is not whole blocks; [`Error::LimitReached`] for a second
    /// message of one transaction. `data` is wiped on every error.
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
        self.operational()?;
        match key {
            KeyRef::Slot(handle) => {
                let slot = self.slots.get(handle)?;
                let operation = match way {
                    Way::Encipher => Operation::DataEncipher,
                    Way::Decipher => Operation::DataDecipher,
                };
                let attributes = slot.attributes()?;
                policy::permit(operation, attributes, self.policy)?;
                run(attributes.algorithm, slot.material(), way, iv, data)
            }
            KeyRef::Transaction(handle) => {
                let keys = self.groups.keys(handle)?;
                let request = keys.is_request(way == Way::Encipher);
                let purpose = if request {
                    Purpose::DataRequest
                } else {
                    Purpose::DataResponse
                };
                // What is public is judged before the key is used up.
                keys.check_cbc(iv, data)?;
                self.groups
                    .use_once(handle, purpose)?
                    .data_key(request, |algorithm, key| run(algorithm, key, way, iv, data))
            }
        }
    }
}

fn run(algorithm: KeyAlgorithm, key: &[u8], way: Way, iv: &[u8], data: &mut [u8]) -> Result<(), Error> {
    match (algorithm, way) {
        (KeyAlgorithm::Tdea, Way::Encipher) => modes::cbc_encrypt(&tdes::Tdes::new(key)?, iv, data),
        (KeyAlgorithm::Tdea, Way::Decipher) => modes::cbc_decrypt(&tdes::Tdes::new(key)?, iv, data),
        (KeyAlgorithm::Aes, Way::Encipher) => modes::cbc_encrypt(&aes::Aes::new(key)?, iv, data),
        (KeyAlgorithm::Aes, Way::Decipher) => modes::cbc_decrypt(&aes::Aes::new(key)?, iv, data),
        _ => Err(Error::AlgorithmMismatch),
    }
}
