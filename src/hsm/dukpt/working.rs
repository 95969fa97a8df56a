// SPDX-License-Identifier: MIT OR Apache-2.0
//! Which working keys a transaction uses, and the keys.

use crate::dukpt::aes::{KeyType, KeyUsage};
use crate::error::Error;
use crate::hsm::dukpt::{Side, Transaction};
use crate::hsm::{Command, Hsm, Platform, TransactionHandle};
use crate::key::usage::KeyAlgorithm;
use crate::key::{self, Key, role};
use crate::policy::{MacAlgorithm, Permission, Policy};
use crate::secret::SecretBuf;

/// What a transaction's key does at most once, and what it has begun to do.
#[derive(Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Purpose {
    Pin = 1,
    DataRequest = 2,
    DataResponse = 4,
    /// As often as there are messages.
    Mac = 8,
}

/// Whether request and response have keys of their own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ways {
    /// One key for requests, another for responses: what the module does unless it is told otherwise.
    Parted,
    /// One key for both ways, for protocols that do not part them. A message can then be sent back to where it came from:
    /// the protocol must tell them apart.
    Both,
}

/// A working key that a transaction shall use in place of the usual one.
///
/// The usual ones: with TDEA the variants of the transaction key, 16 bytes; with AES keys of the initial key's own type;
/// requests and responses parted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum WorkingKey {
    /// The PIN encryption key: AES for format 4, two- or three-key TDEA for formats 0 and 3.
    Pin(KeyType),
    /// The MAC keys: AES for CMAC, two-key TDEA for the retail MAC or CMAC, three-key TDEA for CMAC, HMAC for HMAC with
    /// SHA-256.
    Mac(KeyType, Ways),
    /// The data encryption keys: AES or TDEA.
    Data(KeyType, Ways),
    /// TDEA: data under the variant **without** the one-way step, as some older devices do; by
    /// [`Permission::LegacyDataKey`].
    #[cfg(feature = "legacy")]
    LegacyDataVariant,
    /// TDEA: data under the **PIN** variant, both ways, as some older card readers do; by
    /// [`Permission::LegacyPinVariantData`]. A transaction that uses it serves no PIN.
    #[cfg(feature = "legacy")]
    LegacyDataUnderPinVariant,
}

/// How data keys come from a TDEA transaction key.
#[derive(Clone, Copy, PartialEq, Eq)]
enum DataKeys {
    Standard,
    #[cfg(feature = "legacy")]
    WithoutOneWay,
    #[cfg(feature = "legacy")]
    UnderPinVariant,
}

/// The choice of working keys.
#[derive(Clone, Copy)]
pub(crate) struct Choice {
    pin: KeyType,
    mac: KeyType,
    mac_ways: Ways,
    data: KeyType,
    data_ways: Ways,
    data_keys: DataKeys,
}

impl Choice {
    /// For no transaction, and for TDEA.
    pub(super) const TDEA: Self = Self::all(KeyType::Tdes2);

    /// Every key of one type.
    pub(super) const fn all(key_type: KeyType) -> Self {
        Self {
            pin: key_type,
            mac: key_type,
            mac_ways: Ways::Parted,
            data: key_type,
            data_ways: Ways::Parted,
            data_keys: DataKeys::Standard,
        }
    }
}

/// The keys of one KSN, whose they are, and which of them are meant.
#[derive(Clone, Copy)]
pub(crate) struct Keys<'a> {
    pub(crate) side: Side,
    pub(crate) transaction: &'a Transaction,
    pub(super) choice: &'a Choice,
}

impl Keys<'_> {
    /// Whether a message is a request: the terminal sends it, the host receives it.
    pub(crate) const fn is_request(&self, sends: bool) -> bool {
        matches!((self.side, sends), (Side::Terminal, true) | (Side::Host, false))
    }

    /// The type of the PIN key.
    #[cfg(any(feature = "host", feature = "terminal"))]
    pub(crate) const fn pin_type(&self) -> KeyType {
        self.choice.pin
    }

    /// Whether `iv` is one block of the data key's cipher and `len` bytes are whole blocks.
    pub(crate) fn check_cbc(&self, iv: &[u8], len: usize) -> Result<(), Error> {
        let block_len = match algorithm(self.choice.data) {
            KeyAlgorithm::Tdea => 8,
            _ => 16,
        };
        if iv.len() == block_len && len.is_multiple_of(block_len) {
            Ok(())
        } else {
            Err(Error::InvalidLength)
        }
    }

    /// Hands the MAC key of a direction to `with`, if `method` may use it.
    pub(crate) fn mac_key<T>(
        &self,
        request: bool,
        method: MacAlgorithm,
        with: impl FnOnce(KeyAlgorithm, &[u8]) -> Result<T, Error>,
    ) -> Result<T, Error> {
        // X9.24 knows the retail MAC under TDEA keys; CMAC under them is used in the field.
        let fits = match method {
            MacAlgorithm::Iso9797Alg3 => matches!(self.choice.mac, KeyType::Tdes2),
            MacAlgorithm::Cmac => algorithm(self.choice.mac) != KeyAlgorithm::Hmac,
            MacAlgorithm::HmacSha256 => algorithm(self.choice.mac) == KeyAlgorithm::Hmac,
            MacAlgorithm::Iso9797Alg1
            | MacAlgorithm::HmacSha384
            | MacAlgorithm::HmacSha512
            | MacAlgorithm::UnionPay => false,
        };
        if !fits {
            return Err(Error::AlgorithmMismatch);
        }
        let both = self.choice.mac_ways == Ways::Both;
        match self.transaction {
            Transaction::Tdea(keys) if request || both => {
                let mut key = Key::<role::MacRequest, key::Tdea>::empty();
                keys.mac_request_key(&mut key)?;
                with(KeyAlgorithm::Tdea, key.material()?)
            }
            Transaction::Tdea(keys) => {
                let mut key = Key::<role::MacResponse, key::Tdea>::empty();
                keys.mac_response_key(&mut key)?;
                with(KeyAlgorithm::Tdea, key.material()?)
            }
            Transaction::Aes(keys) => {
                let usage = match (both, request) {
                    (true, _) => KeyUsage::MacBoth,
                    (false, true) => KeyUsage::MacGeneration,
                    (false, false) => KeyUsage::MacVerification,
                };
                let mut key = SecretBuf::new();
                keys.working_material(usage, self.choice.mac, &mut key)?;
                with(algorithm(self.choice.mac), key.expose())
            }
            Transaction::None => Err(Error::InvalidHandle),
        }
    }

    /// Hands the data key of a direction to `with`.
    pub(crate) fn data_key<T>(
        &self,
        request: bool,
        with: impl FnOnce(KeyAlgorithm, &[u8]) -> Result<T, Error>,
    ) -> Result<T, Error> {
        let both = self.choice.data_ways == Ways::Both;
        match self.transaction {
            Transaction::Tdea(keys) if request || both => {
                let mut key = Key::<role::DataRequest, key::Tdea>::empty();
                match self.choice.data_keys {
                    DataKeys::Standard => keys.data_request_key(&mut key)?,
                    #[cfg(feature = "legacy")]
                    DataKeys::WithoutOneWay => keys.legacy_data_request_variant(&mut key)?,
                    #[cfg(feature = "legacy")]
                    DataKeys::UnderPinVariant => {
                        let mut key = Key::<role::DataBoth, key::Tdea>::empty();
                        keys.legacy_data_under_pin_variant(&mut key)?;
                        return with(KeyAlgorithm::Tdea, key.material()?);
                    }
                }
                with(KeyAlgorithm::Tdea, key.material()?)
            }
            Transaction::Tdea(keys) => {
                let mut key = Key::<role::DataResponse, key::Tdea>::empty();
                match self.choice.data_keys {
                    DataKeys::Standard => keys.data_response_key(&mut key)?,
                    #[cfg(feature = "legacy")]
                    DataKeys::WithoutOneWay => keys.legacy_data_response_variant(&mut key)?,
                    // It is chosen for both ways only.
                    #[cfg(feature = "legacy")]
                    DataKeys::UnderPinVariant => return Err(Error::Internal),
                }
                with(KeyAlgorithm::Tdea, key.material()?)
            }
            Transaction::Aes(keys) => {
                let usage = match (both, request) {
                    (true, _) => KeyUsage::DataBoth,
                    (false, true) => KeyUsage::DataEncrypt,
                    (false, false) => KeyUsage::DataDecrypt,
                };
                let mut key = SecretBuf::new();
                keys.working_material(usage, self.choice.data, &mut key)?;
                with(algorithm(self.choice.data), key.expose())
            }
            Transaction::None => Err(Error::InvalidHandle),
        }
    }

    /// Whether keys of a type may come from this transaction: none is stronger than its initial key.
    fn check_type(&self, key_type: KeyType, policy: Policy) -> Result<(), Error> {
        match self.transaction {
            Transaction::Tdea(_) if key_type == KeyType::Tdes2 => Ok(()),
            Transaction::Tdea(_) => Err(Error::AlgorithmMismatch),
            Transaction::Aes(keys) => {
                let own = keys.own_type()?;
                let three_keys = key_type == KeyType::Tdes3 && own == KeyType::Aes128;
                if three_keys && !policy.has(Permission::ThreeKeyFromAes128) {
                    return Err(Error::KeyStrength);
                }
                key_type.check_strength(own.key_len())
            }
            Transaction::None => Err(Error::InvalidHandle),
        }
    }
}

const fn algorithm(key_type: KeyType) -> KeyAlgorithm {
    match key_type {
        KeyType::Tdes2 | KeyType::Tdes3 => KeyAlgorithm::Tdea,
        KeyType::Aes128 | KeyType::Aes192 | KeyType::Aes256 => KeyAlgorithm::Aes,
        KeyType::Hmac128 | KeyType::Hmac192 | KeyType::Hmac256 => KeyAlgorithm::Hmac,
    }
}

impl<P: Platform> Hsm<'_, P> {
    /// Chooses a working key of a transaction, at either end, before its first use. Both ends must choose alike: algorithm
    /// and length are part of the derivation, so that another choice is another key.
    ///
    /// # Errors
    /// The state's and the handle's errors; [`Error::AlgorithmMismatch`] for what X9.24 does not derive: an HMAC key for
    /// PINs or data, from a TDEA transaction anything but its own keys; [`Error::KeyStrength`] for a key stronger than the
    /// initial key, and for three-key TDEA from AES-128 without [`Permission::ThreeKeyFromAes128`]; [`Error::Refused`] for
    /// a legacy key without its permission; [`Error::BadState`] if the key was used already. Nothing changes
    /// then.
    ///
    /// # Source
    /// ANSI X9.24-3:2017 tables 2 and 3, annex C. Vectors: `vectors/dukpt_tdes.txt`, `vectors/dukpt_aes.txt`.
    pub fn transaction_select(&mut self, transaction: TransactionHandle, key: WorkingKey) -> Result<(), Error> {
        self.allow(Command::TransactionSelect)?;
        let keys = self.groups.keys(transaction)?;
        let mut choice = *keys.choice;
        let data = Purpose::DataRequest as u8 | Purpose::DataResponse as u8;
        let purposes = match key {
            WorkingKey::Pin(key_type) => {
                if algorithm(key_type) == KeyAlgorithm::Hmac {
                    return Err(Error::AlgorithmMismatch);
                }
                keys.check_type(key_type, self.policy)?;
                choice.pin = key_type;
                Purpose::Pin as u8
            }
            WorkingKey::Mac(key_type, ways) => {
                keys.check_type(key_type, self.policy)?;
                (choice.mac, choice.mac_ways) = (key_type, ways);
                Purpose::Mac as u8
            }
            WorkingKey::Data(key_type, ways) => {
                if algorithm(key_type) == KeyAlgorithm::Hmac {
                    return Err(Error::AlgorithmMismatch);
                }
                keys.check_type(key_type, self.policy)?;
                (choice.data, choice.data_ways) = (key_type, ways);
                choice.data_keys = DataKeys::Standard;
                data
            }
            #[cfg(feature = "legacy")]
            WorkingKey::LegacyDataVariant => {
                self.legacy_data(&keys, Permission::LegacyDataKey)?;
                (choice.data_keys, choice.data_ways) = (DataKeys::WithoutOneWay, Ways::Parted);
                data
            }
            #[cfg(feature = "legacy")]
            WorkingKey::LegacyDataUnderPinVariant => {
                self.legacy_data(&keys, Permission::LegacyPinVariantData)?;
                (choice.data_keys, choice.data_ways) = (DataKeys::UnderPinVariant, Ways::Both);
                data | Purpose::Pin as u8
            }
        };
        let used = match choice.data_keys {
            // The key is spent on data.
            #[cfg(feature = "legacy")]
            DataKeys::UnderPinVariant => Purpose::Pin as u8,
            _ => 0,
        };
        self.groups.choose(transaction, choice, purposes, used)
    }

    #[cfg(feature = "legacy")]
    fn legacy_data(&self, keys: &Keys<'_>, permission: Permission) -> Result<(), Error> {
        if !matches!(keys.transaction, Transaction::Tdea(_)) {
            return Err(Error::AlgorithmMismatch);
        }
        if self.policy.has(permission) {
            Ok(())
        } else {
            Err(Error::Refused)
        }
    }
}
