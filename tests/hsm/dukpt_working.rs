// SPDX-License-Identifier: MIT OR Apache-2.0
//! Working keys of every type and usage through the module, at both ends, against the scheme's own derivation.

use payhsm::cipher::{aes::Aes as AesCipher, modes, tdes::Tdes};
use payhsm::dukpt::aes::{self, KeyType, KeyUsage};
use payhsm::dukpt::tdes;
use payhsm::error::Error;
use payhsm::hsm::{MacMethod, Padding, TransactionHandle, Ways, WorkingKey};
use payhsm::key::role::{Bdk, InitialKey};
use payhsm::key::{Aes, Key, Tdea};
use payhsm::mac::Mac;
use payhsm::mac::cmac::{CmacAes, CmacTdes};
use payhsm::mac::hmac::HmacSha256;
use payhsm::mac::iso9797::RetailMac;
use payhsm::pin::Pin;
use payhsm::pin::block::Format;
use payhsm::pin::pan::Pan;
use payhsm::policy::{MacAlgorithm, Permission, Policy};
use payhsm::secret::SecretBuf;

use crate::common::card::PAN;
use crate::common::{
    AES_ID, Device, KBPK_SEED, Module, PERMISSIVE, PROFILE, TDEA_ID, attributes, ceremony, key, start, value,
};

const CIPHERS: [KeyType; 5] = [
    KeyType::Tdes2,
    KeyType::Tdes3,
    KeyType::Aes128,
    KeyType::Aes192,
    KeyType::Aes256,
];
const HMACS: [KeyType; 3] = [KeyType::Hmac128, KeyType::Hmac192, KeyType::Hmac256];

/// Both ends with one initial key of `len` bytes; the next transaction of both.
struct Ends {
    terminal: Module,
    own: TransactionHandle,
    host: Module,
    other: TransactionHandle,
    group: payhsm::hsm::GroupHandle,
    bdk: payhsm::hsm::KeyHandle,
    zone: payhsm::hsm::KeyHandle,
}

impl Ends {
    fn new(algorithm: char, len: usize, policy: Policy) -> Self {
        let mut host = start(&Device::new(1), policy, 8, 2).unwrap();
        let bdk = ceremony(&mut host, &attributes("B0", algorithm, 'X', 'N'), &value(40, len)).unwrap();
        let strong = value(KBPK_SEED, 32);
        let wrapping = ceremony(&mut host, &attributes("K1", 'A', 'E', 'N'), &strong).unwrap();
        let id: &[u8] = if algorithm == 'T' { &TDEA_ID } else { &AES_ID };
        let mut text = [0; 256];
        let (text_len, _) = host.dukpt_export_initial_key(bdk, id, wrapping, &mut text).unwrap();
        let zone = key(&mut host, "P0", 'T', 'E', 44);
        let mut terminal = start(&Device::new(2), policy, 4, 1).unwrap();
        let kbpk = ceremony(&mut terminal, &attributes("K1", 'A', 'D', 'N'), &strong).unwrap();
        let (group, _) = terminal.dukpt_load(kbpk, &text[..text_len], PROFILE).unwrap();
        let (own, ksn) = terminal.dukpt_begin(group).unwrap();
        let other = host.dukpt_derive(bdk, ksn.as_bytes()).unwrap();
        Self {
            terminal,
            own,
            host,
            other,
            group,
            bdk,
            zone,
        }
    }

    fn next(&mut self) {
        self.host.transaction_end(self.other).unwrap();
        let (own, ksn) = self.terminal.dukpt_begin(self.group).unwrap();
        self.own = own;
        self.other = self.host.dukpt_derive(self.bdk, ksn.as_bytes()).unwrap();
    }

    fn select(&mut self, key: WorkingKey) -> Result<(), Error> {
        let result = self.terminal.transaction_select(self.own, key);
        assert_eq!(self.host.transaction_select(self.other, key), result);
        result
    }

    /// The key that the scheme derives for this transaction.
    fn expected(&self, len: usize, usage: KeyUsage, key_type: KeyType) -> Vec<u8> {
        let ksn = self.terminal.transaction_ksn(self.own).unwrap();
        let ksn = aes::Ksn::parse(ksn.as_bytes()).unwrap();
        let bdk = Key::<Bdk, Aes>::from_bytes(&value(40, len)).unwrap();
        let (mut ik, mut transaction) = (Key::<InitialKey, Aes>::empty(), aes::Transaction::empty());
        aes::Host::initial_key(&bdk, &ksn.initial_key_id(), &mut ik).unwrap();
        aes::Host::transaction(&ik, &ksn, &mut transaction).unwrap();
        let mut key = SecretBuf::new();
        transaction.working_key_bytes(usage, key_type, &mut key).unwrap();
        key.expose().to_vec()
    }
}

const fn is_tdea(key_type: KeyType) -> bool {
    matches!(key_type, KeyType::Tdes2 | KeyType::Tdes3)
}

/// Whether the initial key of `len` bytes gives keys of the type under the strict policy.
const fn is_weaker(key_type: KeyType, len: usize) -> bool {
    match key_type {
        KeyType::Tdes2 | KeyType::Aes128 | KeyType::Hmac128 => true,
        KeyType::Tdes3 | KeyType::Aes192 | KeyType::Hmac192 => len >= 24,
        KeyType::Aes256 | KeyType::Hmac256 => len >= 32,
    }
}

fn mac_of<M: Mac>(mut mac: M) -> Vec<u8> {
    let mut out = [0; 8];
    mac.update(b"message");
    mac.finish(&mut out).unwrap();
    out.to_vec()
}

#[test]
fn macs_of_every_cipher_key() {
    for len in [16, 24, 32] {
        let mut ends = Ends::new('A', len, Policy::STRICT);
        for key_type in CIPHERS {
            for ways in [Ways::Parted, Ways::Both] {
                ends.next();
                let result = ends.select(WorkingKey::Mac(key_type, ways));
                if !is_weaker(key_type, len) {
                    assert_eq!(result, Err(Error::KeyStrength));
                    continue;
                }
                result.unwrap();
                let (request, response) = match ways {
                    Ways::Parted => (KeyUsage::MacGeneration, KeyUsage::MacVerification),
                    Ways::Both => (KeyUsage::MacBoth, KeyUsage::MacBoth),
                };
                let retail = (key_type == KeyType::Tdes2).then_some(MacMethod::X9_19);
                for method in [MacMethod::CMAC].into_iter().chain(retail) {
                    // A transaction's MAC keys serve one algorithm: the next one takes the next transaction.
                    let other_algorithm = match method.algorithm {
                        MacAlgorithm::Cmac => MacMethod::X9_19,
                        _ => MacMethod::CMAC,
                    };
                    ends.next();
                    ends.select(WorkingKey::Mac(key_type, ways)).unwrap();
                    let mac = |usage| {
                        let key = ends.expected(len, usage, key_type);
                        match method.algorithm {
                            MacAlgorithm::Iso9797Alg3 => mac_of(RetailMac::new(&key, Padding::Method1).unwrap()),
                            _ if is_tdea(key_type) => mac_of(CmacTdes::new(&key).unwrap()),
                            _ => mac_of(CmacAes::new(&key).unwrap()),
                        }
                    };
                    let (request, response) = (mac(request), mac(response));
                    assert_eq!(request == response, ways == Ways::Both);
                    let (own, other) = (ends.own.into(), ends.other.into());
                    let mut out = [0; 8];
                    ends.terminal.mac_generate(own, method, b"message", &mut out).unwrap();
                    assert_eq!(out[..], request);
                    let refused = match retail {
                        Some(_) => Error::UsageNotPermitted,
                        None if other_algorithm == MacMethod::CMAC => Error::UsageNotPermitted,
                        None => Error::AlgorithmMismatch,
                    };
                    let mut none = [0; 8];
                    let result = ends.terminal.mac_generate(own, other_algorithm, b"message", &mut none);
                    assert_eq!(result, Err(refused));
                    ends.host.mac_verify(other, method, b"message", &out).unwrap();
                    ends.host.mac_generate(other, method, b"message", &mut out).unwrap();
                    assert_eq!(out[..], response);
                    ends.terminal.mac_verify(own, method, b"message", &out).unwrap();
                    // The other direction's MAC is taken with one key for both ways, and otherwise not.
                    let mixed = ends.terminal.mac_verify(own, method, b"message", &request);
                    assert_eq!(mixed.is_ok(), ways == Ways::Both);
                    out[0] ^= 1;
                    assert_eq!(
                        ends.host.mac_verify(other, method, b"message", &out),
                        Err(Error::VerificationFailed)
                    );
                }
                // Once a MAC was made the choice stands.
                assert_eq!(
                    ends.select(WorkingKey::Mac(KeyType::Aes128, Ways::Parted)),
                    Err(Error::BadState)
                );
            }
        }
    }
}

#[test]
fn macs_of_every_hmac_key() {
    for len in [16, 24, 32] {
        let mut ends = Ends::new('A', len, Policy::STRICT);
        for key_type in HMACS {
            for ways in [Ways::Parted, Ways::Both] {
                ends.next();
                let result = ends.select(WorkingKey::Mac(key_type, ways));
                if !is_weaker(key_type, len) {
                    assert_eq!(result, Err(Error::KeyStrength));
                    continue;
                }
                result.unwrap();
                let (request, response) = match ways {
                    Ways::Parted => (KeyUsage::MacGeneration, KeyUsage::MacVerification),
                    Ways::Both => (KeyUsage::MacBoth, KeyUsage::MacBoth),
                };
                let mac = |usage| {
                    let key = ends.expected(len, usage, key_type);
                    assert_eq!(key.len(), key_type.key_len());
                    mac_of(HmacSha256::new(&key).unwrap())
                };
                let (request, response) = (mac(request), mac(response));
                assert_eq!(request == response, ways == Ways::Both);
                let (own, other, method) = (ends.own.into(), ends.other.into(), MacMethod::HMAC_SHA_256);
                let mut out = [0; 32];
                ends.terminal.mac_generate(own, method, b"message", &mut out).unwrap();
                assert_eq!(out[..8], request);
                ends.host.mac_verify(other, method, b"message", &out).unwrap();
                out[31] ^= 1;
                assert_eq!(
                    ends.host.mac_verify(other, method, b"message", &out),
                    Err(Error::VerificationFailed)
                );
                ends.host.mac_generate(other, method, b"message", &mut out).unwrap();
                assert_eq!(out[..8], response);
                ends.terminal.mac_verify(own, method, b"message", &out[..16]).unwrap();
                for wrong in [MacMethod::HMAC_SHA_384, MacMethod::HMAC_SHA_512, MacMethod::CMAC] {
                    assert_eq!(
                        ends.terminal.mac_generate(own, wrong, b"message", &mut [0; 16]),
                        Err(Error::AlgorithmMismatch)
                    );
                }
            }
        }
    }
}

/// Methods that do not belong to the key leave the choice open.
#[test]
fn macs_with_a_key_of_another_algorithm() {
    let mut ends = Ends::new('A', 32, Policy::STRICT);
    for (key_type, wrong) in [
        (KeyType::Aes256, MacMethod::X9_19),
        (KeyType::Tdes3, MacMethod::X9_19),
        (KeyType::Hmac256, MacMethod::X9_19),
        (KeyType::Hmac256, MacMethod::CMAC),
        (KeyType::Aes256, MacMethod::HMAC_SHA_256),
        (
            KeyType::Tdes2,
            MacMethod {
                algorithm: MacAlgorithm::Iso9797Alg1,
                padding: Padding::Method3 { len: 7 },
            },
        ),
    ] {
        ends.select(WorkingKey::Mac(key_type, Ways::Parted)).unwrap();
        let mut out = [0xA5; 8];
        assert_eq!(
            ends.terminal.mac_generate(ends.own.into(), wrong, b"message", &mut out),
            Err(Error::AlgorithmMismatch)
        );
        assert_eq!(out, [0; 8]);
        assert_eq!(
            ends.host.mac_verify(ends.other.into(), wrong, b"message", &[0; 8]),
            Err(Error::AlgorithmMismatch)
        );
    }
    // Nor does a MAC of a length that is refused.
    ends.select(WorkingKey::Mac(KeyType::Aes256, Ways::Parted)).unwrap();
    let result = ends
        .terminal
        .mac_generate(ends.own.into(), MacMethod::CMAC, b"message", &mut [0; 7]);
    assert_eq!(result, Err(Error::InvalidLength));
    ends.select(WorkingKey::Mac(KeyType::Aes128, Ways::Parted)).unwrap();
}

#[test]
fn data_of_every_cipher_key() {
    let message = value(60, 48);
    for len in [16, 24, 32] {
        let mut ends = Ends::new('A', len, Policy::STRICT);
        for key_type in CIPHERS {
            for ways in [Ways::Parted, Ways::Both] {
                ends.next();
                let result = ends.select(WorkingKey::Data(key_type, ways));
                if !is_weaker(key_type, len) {
                    assert_eq!(result, Err(Error::KeyStrength));
                    continue;
                }
                result.unwrap();
                let iv = value(61, if is_tdea(key_type) { 8 } else { 16 });
                let (request, response) = match ways {
                    Ways::Parted => (KeyUsage::DataEncrypt, KeyUsage::DataDecrypt),
                    Ways::Both => (KeyUsage::DataBoth, KeyUsage::DataBoth),
                };
                let [request, response] = [request, response].map(|usage| {
                    let key = ends.expected(len, usage, key_type);
                    let mut data = message.clone();
                    if is_tdea(key_type) {
                        modes::cbc_encrypt(&Tdes::new(&key).unwrap(), &iv, &mut data).unwrap();
                    } else {
                        modes::cbc_encrypt(&AesCipher::new(&key).unwrap(), &iv, &mut data).unwrap();
                    }
                    data
                });
                assert_eq!(request == response, ways == Ways::Both);
                let (own, other) = (ends.own.into(), ends.other.into());
                let mut data = message.clone();
                ends.terminal.data_encipher(own, &iv, &mut data).unwrap();
                assert_eq!(data, request);
                ends.host.data_decipher(other, &iv, &mut data).unwrap();
                assert_eq!(data, message);
                ends.host.data_encipher(other, &iv, &mut data).unwrap();
                assert_eq!(data, response);
                ends.terminal.data_decipher(own, &iv, &mut data).unwrap();
                assert_eq!(data, message);
                // One message each way, also with one key.
                assert_eq!(
                    ends.terminal.data_encipher(own, &iv, &mut data),
                    Err(Error::LimitReached)
                );
                assert_eq!(
                    ends.select(WorkingKey::Data(KeyType::Aes128, Ways::Parted)),
                    Err(Error::BadState)
                );
            }
        }
    }
}

#[test]
fn pins_of_every_cipher_key() {
    let pan = Pan::parse(PAN).unwrap();
    let pin = Pin::from_entry(4, &[1, 2, 3, 4, 0, 0, 0, 0, 0, 0, 0, 0]).unwrap();
    for len in [16, 24, 32] {
        let mut ends = Ends::new('A', len, Policy::STRICT.with(Permission::WeakerPinKey));
        for key_type in CIPHERS {
            ends.next();
            let result = ends.select(WorkingKey::Pin(key_type));
            if !is_weaker(key_type, len) {
                assert_eq!(result, Err(Error::KeyStrength));
                continue;
            }
            result.unwrap();
            let (format, wrong) = if is_tdea(key_type) {
                (Format::Iso0, Format::Iso4)
            } else {
                (Format::Iso4, Format::Iso0)
            };
            let mut out = [0xA5; 16];
            let own = ends.own.into();
            assert_eq!(
                ends.terminal.pin_encipher(own, wrong, &pan, &pin, &mut out),
                Err(Error::FormatNotPermitted)
            );
            let block_len = ends.terminal.pin_encipher(own, format, &pan, &pin, &mut out).unwrap();
            assert_eq!(block_len, format.block_len());
            if is_tdea(key_type) {
                let key = ends.expected(len, KeyUsage::PinEncryption, key_type);
                let mut clear = out[..8].to_vec();
                modes::ecb_decrypt(&Tdes::new(&key).unwrap(), &mut clear).unwrap();
                assert_eq!(clear[..2], [0x04, 0x12]);
            }
            let mut translated = [0; 16];
            ends.host
                .pin_translate(
                    ends.other.into(),
                    format,
                    &pan,
                    &out[..block_len],
                    ends.zone,
                    Format::Iso0,
                    &mut translated,
                )
                .unwrap();
            assert_ne!(translated, [0; 16]);
            assert_eq!(ends.select(WorkingKey::Pin(KeyType::Aes128)), Err(Error::BadState));
        }
    }
}

/// What X9.24 does not derive, what is stronger than the initial key, and who is not asked.
#[test]
fn choices_that_are_refused() {
    let mut ends = Ends::new('A', 16, Policy::STRICT);
    for key_type in HMACS {
        assert_eq!(ends.select(WorkingKey::Pin(key_type)), Err(Error::AlgorithmMismatch));
        for ways in [Ways::Parted, Ways::Both] {
            assert_eq!(
                ends.select(WorkingKey::Data(key_type, ways)),
                Err(Error::AlgorithmMismatch)
            );
            let expected = if key_type == KeyType::Hmac128 {
                Ok(())
            } else {
                Err(Error::KeyStrength)
            };
            assert_eq!(ends.select(WorkingKey::Mac(key_type, ways)), expected);
        }
    }
    // Three-key TDEA from AES-128: by permission.
    for key in [
        WorkingKey::Pin(KeyType::Tdes3),
        WorkingKey::Mac(KeyType::Tdes3, Ways::Parted),
        WorkingKey::Data(KeyType::Tdes3, Ways::Both),
    ] {
        assert_eq!(ends.select(key), Err(Error::KeyStrength));
        let policy = Policy::STRICT.with(Permission::ThreeKeyFromAes128);
        assert_eq!(Ends::new('A', 16, policy).select(key), Ok(()));
    }
    // TDEA gives its own keys, and no others.
    let mut ends = Ends::new('T', 16, PERMISSIVE);
    for key_type in CIPHERS.into_iter().chain(HMACS) {
        let expected = if key_type == KeyType::Tdes2 {
            Ok(())
        } else {
            Err(Error::AlgorithmMismatch)
        };
        assert_eq!(ends.select(WorkingKey::Mac(key_type, Ways::Both)), expected);
        if !HMACS.contains(&key_type) {
            assert_eq!(ends.select(WorkingKey::Pin(key_type)), expected);
            assert_eq!(ends.select(WorkingKey::Data(key_type, Ways::Parted)), expected);
        }
    }
    // A transaction that is over.
    ends.terminal.transaction_end(ends.own).unwrap();
    assert_eq!(
        ends.terminal
            .transaction_select(ends.own, WorkingKey::Pin(KeyType::Tdes2)),
        Err(Error::InvalidHandle)
    );
    // The next one begins with the usual keys.
    let mut ends = Ends::new('T', 16, PERMISSIVE);
    ends.select(WorkingKey::Mac(KeyType::Tdes2, Ways::Both)).unwrap();
    ends.next();
    let (mut request, mut response) = ([0; 8], [0; 8]);
    let method = MacMethod::X9_19;
    ends.terminal
        .mac_generate(ends.own.into(), method, b"message", &mut request)
        .unwrap();
    ends.host
        .mac_generate(ends.other.into(), method, b"message", &mut response)
        .unwrap();
    assert_ne!(request, response);
}

/// The working keys of a TDEA transaction of the rig.
fn tdea_transaction(ends: &Ends) -> tdes::Transaction {
    let ksn = ends.terminal.transaction_ksn(ends.own).unwrap();
    let ksn = tdes::Ksn::parse(ksn.as_bytes()).unwrap();
    let bdk = Key::<Bdk, Tdea>::from_bytes(&value(40, 16)).unwrap();
    let (mut ik, mut transaction) = (Key::<InitialKey, Tdea>::empty(), tdes::Transaction::empty());
    tdes::Host::initial_key(&bdk, &ksn.initial_key_id(), &mut ik).unwrap();
    tdes::Host::transaction(&ik, &ksn, &mut transaction).unwrap();
    transaction
}

/// TDEA with one key for both ways: the request's.
#[test]
fn tdea_both_ways() {
    let mut ends = Ends::new('T', 16, Policy::STRICT);
    ends.select(WorkingKey::Mac(KeyType::Tdes2, Ways::Both)).unwrap();
    ends.select(WorkingKey::Data(KeyType::Tdes2, Ways::Both)).unwrap();
    let (own, other) = (ends.own.into(), ends.other.into());
    let transaction = tdea_transaction(&ends);
    let mut key = Key::empty();
    transaction.mac_both_key(&mut key).unwrap();
    let expected = mac_of(RetailMac::new(key.expose_bytes(), Padding::Method1).unwrap());
    let mut out = [0; 8];
    for (module, key) in [(&mut ends.terminal, own), (&mut ends.host, other)] {
        module
            .mac_generate(key, MacMethod::X9_19, b"message", &mut out)
            .unwrap();
        assert_eq!(out[..], expected);
        module.mac_verify(key, MacMethod::X9_19, b"message", &out).unwrap();
    }
    let mut key = Key::empty();
    transaction.data_both_key(&mut key).unwrap();
    let mut expected = value(60, 32);
    modes::cbc_encrypt(&Tdes::new(key.expose_bytes()).unwrap(), &[0; 8], &mut expected).unwrap();
    for (module, key) in [(&mut ends.terminal, own), (&mut ends.host, other)] {
        let mut data = value(60, 32);
        module.data_encipher(key, &[0; 8], &mut data).unwrap();
        assert_eq!(data, expected);
        module.data_decipher(key, &[0; 8], &mut data).unwrap();
        assert_eq!(data, value(60, 32));
    }
}

/// Older devices' data keys: by permission, for TDEA, and never beside a PIN under the same key.
#[cfg(feature = "legacy")]
#[test]
fn legacy_data_keys() {
    let both = [WorkingKey::LegacyDataVariant, WorkingKey::LegacyDataUnderPinVariant];
    for choice in both {
        assert_eq!(Ends::new('T', 16, Policy::STRICT).select(choice), Err(Error::Refused));
        assert_eq!(
            Ends::new('A', 16, PERMISSIVE).select(choice),
            Err(Error::AlgorithmMismatch)
        );
    }
    let policy = Policy::STRICT
        .with(Permission::LegacyDataKey)
        .with(Permission::LegacyPinVariantData);
    let pan = Pan::parse(PAN).unwrap();
    let pin = Pin::from_entry(4, &[1, 2, 3, 4, 0, 0, 0, 0, 0, 0, 0, 0]).unwrap();
    let encipher = |key: &[u8]| {
        let mut data = value(60, 32);
        modes::cbc_encrypt(&Tdes::new(key).unwrap(), &[0; 8], &mut data).unwrap();
        data
    };
    let mut ends = Ends::new('T', 16, policy);
    for choice in both {
        ends.next();
        ends.select(choice).unwrap();
        let transaction = tdea_transaction(&ends);
        let (request, response) = if choice == WorkingKey::LegacyDataVariant {
            let (mut request, mut response) = (Key::empty(), Key::empty());
            transaction.legacy_data_request_variant(&mut request).unwrap();
            transaction.legacy_data_response_variant(&mut response).unwrap();
            (encipher(request.expose_bytes()), encipher(response.expose_bytes()))
        } else {
            let mut key = Key::empty();
            transaction.legacy_data_under_pin_variant(&mut key).unwrap();
            (encipher(key.expose_bytes()), encipher(key.expose_bytes()))
        };
        let mut data = value(60, 32);
        let (own, other) = (ends.own.into(), ends.other.into());
        ends.terminal.data_encipher(own, &[0; 8], &mut data).unwrap();
        assert_eq!(data, request);
        ends.host.data_decipher(other, &[0; 8], &mut data).unwrap();
        ends.host.data_encipher(other, &[0; 8], &mut data).unwrap();
        assert_eq!(data, response);
        ends.terminal.data_decipher(own, &[0; 8], &mut data).unwrap();
        assert_eq!(data, value(60, 32));
        let result = ends.terminal.pin_encipher(own, Format::Iso0, &pan, &pin, &mut [0; 16]);
        assert_eq!(
            result.err(),
            (choice == WorkingKey::LegacyDataUnderPinVariant).then_some(Error::LimitReached)
        );
    }
    // After a PIN its variant is not for data.
    ends.next();
    ends.terminal
        .pin_encipher(ends.own.into(), Format::Iso0, &pan, &pin, &mut [0; 16])
        .unwrap();
    assert_eq!(
        ends.terminal
            .transaction_select(ends.own, WorkingKey::LegacyDataUnderPinVariant),
        Err(Error::BadState)
    );
    assert_eq!(
        ends.terminal
            .transaction_select(ends.own, WorkingKey::LegacyDataVariant),
        Ok(())
    );
    // Chosen and taken back: the key is spent all the same.
    ends.next();
    ends.select(WorkingKey::LegacyDataUnderPinVariant).unwrap();
    ends.select(WorkingKey::Data(KeyType::Tdes2, Ways::Parted)).unwrap();
    let result = ends
        .terminal
        .pin_encipher(ends.own.into(), Format::Iso0, &pan, &pin, &mut [0; 16]);
    assert_eq!(result, Err(Error::LimitReached));
}
