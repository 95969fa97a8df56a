// SPDX-License-Identifier: MIT OR Apache-2.0
//! Transactions of either scheme and their working keys, by name.

use payhsm::dukpt::aes::{self, KeyType, KeyUsage};
use payhsm::dukpt::tdes;
use payhsm::error::Error;
use payhsm::key::role::Role;
use payhsm::key::usage::KeyAlgorithm;
use payhsm::key::{Key, Tdea};
use payhsm::secret::SecretBuf;

use crate::args::Call;
use crate::fail::{Failure, Named as _, Result};
use crate::secrets::Wiped;
use crate::spec::{Spec, option};

/// The type of the working key.
pub const KEY_TYPE: &[Spec] = &[option(
    "key-type",
    "TYPE",
    "AES DUKPT: 2tdea, 3tdea, aes128, aes192, aes256, hmac128, hmac192, hmac256; default as the initial key",
)];

const KEY_TYPES: &[(&str, KeyType)] = &[
    ("2tdea", KeyType::Tdes2),
    ("3tdea", KeyType::Tdes3),
    ("aes128", KeyType::Aes128),
    ("aes192", KeyType::Aes192),
    ("aes256", KeyType::Aes256),
    ("hmac128", KeyType::Hmac128),
    ("hmac192", KeyType::Hmac192),
    ("hmac256", KeyType::Hmac256),
];

/// The name of a key type.
pub fn key_type_name(key_type: KeyType) -> &'static str {
    KEY_TYPES
        .iter()
        .find(|(_, known)| *known == key_type)
        .map_or("", |(name, _)| name)
}

/// What a working key is for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// PIN blocks.
    Pin,
    /// MACs of requests.
    MacRequest,
    /// MACs of responses.
    MacResponse,
    /// MACs of both directions.
    MacBoth,
    /// Data of requests.
    DataRequest,
    /// Data of responses.
    DataResponse,
    /// Data of both directions.
    DataBoth,
    /// Keys (AES DUKPT).
    KeyEncryption,
    /// Data of requests, variant only (legacy).
    LegacyDataRequest,
    /// Data of responses, variant only (legacy).
    LegacyDataResponse,
    /// Data under the PIN variant (legacy).
    LegacyDataPin,
}

/// Purposes by name and in words.
pub const PURPOSES: &[(&str, Purpose, &str)] = &[
    ("pin", Purpose::Pin, "PIN encryption"),
    ("mac-request", Purpose::MacRequest, "MAC, request"),
    ("mac-response", Purpose::MacResponse, "MAC, response"),
    ("mac-both", Purpose::MacBoth, "MAC, both ways"),
    ("data-request", Purpose::DataRequest, "data, request"),
    ("data-response", Purpose::DataResponse, "data, response"),
    ("data-both", Purpose::DataBoth, "data, both ways"),
    ("key-encryption", Purpose::KeyEncryption, "key encryption"),
    (
        "legacy-data-request",
        Purpose::LegacyDataRequest,
        "data, request, variant only",
    ),
    (
        "legacy-data-response",
        Purpose::LegacyDataResponse,
        "data, response, variant only",
    ),
    ("legacy-data-pin", Purpose::LegacyDataPin, "data under the PIN variant"),
];

impl Purpose {
    /// The name of the options.
    pub fn name(self) -> &'static str {
        PURPOSES
            .iter()
            .find(|(_, known, _)| *known == self)
            .map_or("", |(name, ..)| name)
    }

    /// Words.
    pub fn words(self) -> &'static str {
        PURPOSES
            .iter()
            .find(|(_, known, _)| *known == self)
            .map_or("", |(.., words)| words)
    }

    /// The usage number of AES DUKPT.
    pub const fn usage(self) -> Option<KeyUsage> {
        Some(match self {
            Self::Pin => KeyUsage::PinEncryption,
            Self::MacRequest => KeyUsage::MacGeneration,
            Self::MacResponse => KeyUsage::MacVerification,
            Self::MacBoth => KeyUsage::MacBoth,
            Self::DataRequest => KeyUsage::DataEncrypt,
            Self::DataResponse => KeyUsage::DataDecrypt,
            Self::DataBoth => KeyUsage::DataBoth,
            Self::KeyEncryption => KeyUsage::KeyEncryption,
            _ => return None,
        })
    }

    const fn is_mac(self) -> bool {
        matches!(self, Self::MacRequest | Self::MacResponse | Self::MacBoth)
    }
}

/// A transaction of either scheme.
pub enum Transaction {
    /// TDES.
    Tdes(tdes::Transaction),
    /// AES.
    Aes(aes::Transaction),
}

/// The algorithm of keys of a type.
pub const fn algorithm_of(key_type: KeyType) -> KeyAlgorithm {
    match key_type {
        KeyType::Tdes2 | KeyType::Tdes3 => KeyAlgorithm::Tdea,
        KeyType::Aes128 | KeyType::Aes192 | KeyType::Aes256 => KeyAlgorithm::Aes,
        KeyType::Hmac128 | KeyType::Hmac192 | KeyType::Hmac256 => KeyAlgorithm::Hmac,
    }
}

fn copy<R: Role>(
    derive: impl FnOnce(&mut Key<R, Tdea>) -> core::result::Result<(), Error>,
) -> core::result::Result<Wiped, Error> {
    let mut key = Key::empty();
    derive(&mut key)?;
    Ok(Wiped::of(key.expose_bytes()))
}

impl Transaction {
    /// The key type of `--key-type`, or that of the initial key; `None` for TDES DUKPT, which has one.
    pub fn key_type(&self, call: &Call) -> Result<Option<KeyType>> {
        match (self, call.get("key-type")) {
            (Self::Tdes(_), None) => Ok(None),
            (Self::Tdes(_), Some(_)) => Err(Failure::refused(
                "key-type: the working keys of TDES DUKPT are two-key TDES; leave --key-type out",
            )),
            (Self::Aes(_), Some(text)) => call.choice("key-type", text, KEY_TYPES).map(Some),
            (Self::Aes(transaction), None) => transaction.own_type().named("KSN").map(Some),
        }
    }

    /// The transaction key.
    pub fn key_bytes(&self) -> &[u8] {
        match self {
            Self::Tdes(transaction) => transaction.key_bytes(),
            Self::Aes(transaction) => transaction.key_bytes(),
        }
    }

    /// A working key with its algorithm; `None` if the scheme has no such key.
    pub fn working(&self, purpose: Purpose, key_type: Option<KeyType>) -> Result<Option<(KeyAlgorithm, Wiped)>> {
        match self {
            Self::Tdes(transaction) => {
                let key = match purpose {
                    Purpose::Pin => copy(|key| transaction.pin_key(key)),
                    Purpose::MacRequest => copy(|key| transaction.mac_request_key(key)),
                    Purpose::MacResponse => copy(|key| transaction.mac_response_key(key)),
                    Purpose::MacBoth => copy(|key| transaction.mac_both_key(key)),
                    Purpose::DataRequest => copy(|key| transaction.data_request_key(key)),
                    Purpose::DataResponse => copy(|key| transaction.data_response_key(key)),
                    Purpose::DataBoth => copy(|key| transaction.data_both_key(key)),
                    Purpose::LegacyDataRequest => copy(|key| transaction.legacy_data_request_variant(key)),
                    Purpose::LegacyDataResponse => copy(|key| transaction.legacy_data_response_variant(key)),
                    Purpose::LegacyDataPin => copy(|key| transaction.legacy_data_under_pin_variant(key)),
                    Purpose::KeyEncryption => return Ok(None),
                };
                key.named("working key").map(|key| Some((KeyAlgorithm::Tdea, key)))
            }
            Self::Aes(transaction) => {
                let key_type = match key_type {
                    Some(key_type) => key_type,
                    None => transaction.own_type().named("KSN")?,
                };
                let algorithm = algorithm_of(key_type);
                let Some(usage) = purpose
                    .usage()
                    .filter(|_| purpose.is_mac() || algorithm != KeyAlgorithm::Hmac)
                else {
                    return Ok(None);
                };
                let mut key = SecretBuf::new();
                transaction.working_key_bytes(usage, key_type, &mut key).expected(
                    "key-type",
                    "no working key may be stronger than the initial key it comes from",
                )?;
                Ok(Some((algorithm, Wiped::of(key.expose()))))
            }
        }
    }

    /// A working key that must be there.
    pub fn need(&self, purpose: Purpose, key_type: Option<KeyType>) -> Result<(KeyAlgorithm, Wiped)> {
        self.working(purpose, key_type)?.ok_or_else(|| {
            Failure::refused(format!(
                "usage: there is no {} key of this scheme and key type",
                purpose.name()
            ))
        })
    }
}
