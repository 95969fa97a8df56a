// SPDX-License-Identifier: MIT OR Apache-2.0
//! DUKPT with AES keys.

use payhsm::cipher::{aes::Aes as AesCipher, modes, tdes::Tdes};
use payhsm::dukpt::aes::{
    Host, InitialKeyId, KeyType, KeyUsage, Ksn, Terminal, Transaction, derivation_data, update_key_bytes,
};
use payhsm::dukpt::{Journal, Unstored};
use payhsm::error::Error;
use payhsm::key::role::InitialKey;
use payhsm::key::{Aes, Key};
use payhsm::mac::cmac::{CmacAes, CmacTdes};
use payhsm::mac::hmac::HmacSha256;
use payhsm::pin::block;
use payhsm::secret::SecretBuf;
use sha2::{Digest, Sha256};

use super::Table;
use super::mac::full;
use super::pin::{array, encipher4, iso4_steps, pan, pin};
use crate::cases::parameter;
use crate::value::{Case, Done, Stop, to_hex};

pub const LINE: Table = &[
    ("dukpt_aes_ik", dukpt_aes_ik),
    ("dukpt_aes_keys", dukpt_aes_keys),
    ("dukpt_aes_pin", dukpt_aes_pin),
    ("dukpt_aes_mac", dukpt_aes_mac),
    ("dukpt_aes_data", dukpt_aes_data),
    ("dukpt_aes_update_key", dukpt_aes_update_key),
    ("dukpt_aes_ksn", dukpt_aes_ksn),
    ("dukpt_aes_device", dukpt_aes_device),
];

pub const FAMILY: Table = &[
    ("dukpt_aes_ik", dukpt_aes_ik),
    ("dukpt_aes_key_reject", dukpt_aes_derivation_key),
    ("dukpt_aes_derivation_key", dukpt_aes_derivation_key),
    ("dukpt_aes_derivation_data", dukpt_aes_derivation_data),
    ("dukpt_aes_working_key", dukpt_aes_working_key),
    ("dukpt_aes_update_key", dukpt_aes_update_key),
    ("dukpt_aes_pinblock4", dukpt_aes_pinblock4),
    ("dukpt_aes_mac", family_mac),
    ("dukpt_aes_data", family_data),
];

/// Number of transactions of an initial key.
pub const TRANSACTIONS: u32 = Ksn::TRANSACTIONS;

/// The KSN after `ksn`.
pub fn next(ksn: &[u8]) -> Result<Option<String>, Error> {
    Ok(Ksn::parse(ksn)?.next().map(|next| to_hex(next.as_bytes())))
}

/// Steps a terminal up to and including `ksn` and gives its counter.
pub fn walk(bdk: &[u8], ksn: &[u8], journal: &mut impl Journal) -> Result<u32, Error> {
    let ksn = Ksn::parse(ksn)?;
    ksn.check()?;
    let (mut terminal, mut transaction) = (Terminal::empty(), Transaction::empty());
    terminal.load(
        &mut initial_key(bdk, &ksn.initial_key_id())?,
        &ksn.initial_key_id(),
        journal,
    )?;
    while terminal.step(journal, &mut transaction)? != ksn {}
    Ok(ksn.counter())
}

/// A key type, by the name of the case lines or of the families.
fn key_type(name: &str) -> Result<KeyType, Stop> {
    match name {
        "TDES2" | "2TDEA" => Ok(KeyType::Tdes2),
        "TDES3" | "3TDEA" => Ok(KeyType::Tdes3),
        "AES128" => Ok(KeyType::Aes128),
        "AES192" => Ok(KeyType::Aes192),
        "AES256" => Ok(KeyType::Aes256),
        "HMAC128" => Ok(KeyType::Hmac128),
        "HMAC192" => Ok(KeyType::Hmac192),
        "HMAC256" => Ok(KeyType::Hmac256),
        other => parameter("key_type", other),
    }
}

fn key_usage(name: &str) -> Result<KeyUsage, Stop> {
    match name {
        "key_encryption" => Ok(KeyUsage::KeyEncryption),
        "pin_encryption" => Ok(KeyUsage::PinEncryption),
        "mac_generation" => Ok(KeyUsage::MacGeneration),
        "mac_verification" => Ok(KeyUsage::MacVerification),
        "mac_both" => Ok(KeyUsage::MacBoth),
        "data_encrypt" => Ok(KeyUsage::DataEncrypt),
        "data_decrypt" => Ok(KeyUsage::DataDecrypt),
        "data_both" => Ok(KeyUsage::DataBoth),
        "key_derivation" => Ok(KeyUsage::KeyDerivation),
        "key_derivation_initial" | "initial_key" => Ok(KeyUsage::KeyDerivationInitialKey),
        other => parameter("usage", other),
    }
}

fn initial_key(bdk: &[u8], id: &InitialKeyId) -> Result<Key<InitialKey, Aes>, Error> {
    let mut ik = Key::empty();
    Host::initial_key(&Key::from_bytes(bdk)?, id, &mut ik)?;
    Ok(ik)
}

fn transaction(bdk: &[u8], ksn: &[u8]) -> Result<Transaction, Error> {
    let ksn = Ksn::parse(ksn)?;
    let mut transaction = Transaction::empty();
    Host::transaction(&initial_key(bdk, &ksn.initial_key_id())?, &ksn, &mut transaction)?;
    Ok(transaction)
}

fn working(t: &Transaction, usage: KeyUsage, key_type: KeyType) -> Result<Vec<u8>, Error> {
    let mut key = SecretBuf::new();
    t.working_key_bytes(usage, key_type, &mut key)?;
    Ok(key.expose().to_vec())
}

fn dukpt_aes_ik(case: &Case) -> Done {
    let (bdk, ikid) = (case.hex("bdk"), case.hex("ikid"));
    case.expect_hex("ik", initial_key(&bdk, &InitialKeyId::parse(&ikid)?)?.expose_bytes());
    Ok(())
}

fn dukpt_aes_keys(case: &Case) -> Done {
    let (bdk, ksn, name) = (case.hex("bdk"), case.hex("ksn"), case.text("key_type"));
    let key_type = key_type(name)?;
    let t = transaction(&bdk, &ksn)?;
    case.expect_hex("ik", initial_key(&bdk, &t.ksn()?.initial_key_id())?.expose_bytes());
    case.expect_hex("txn_key", t.key_bytes());
    for (field, usage) in [
        ("kek", KeyUsage::KeyEncryption),
        ("pin", KeyUsage::PinEncryption),
        ("mac_gen", KeyUsage::MacGeneration),
        ("mac_ver", KeyUsage::MacVerification),
        ("mac_both", KeyUsage::MacBoth),
        ("data_enc", KeyUsage::DataEncrypt),
        ("data_dec", KeyUsage::DataDecrypt),
        ("data_both", KeyUsage::DataBoth),
    ] {
        case.expect_hex(field, &working(&t, usage, key_type)?);
    }
    Ok(())
}

fn dukpt_aes_pin(case: &Case) -> Done {
    let (bdk, ksn, name) = (case.hex("bdk"), case.hex("ksn"), case.text("key_type"));
    let (digits, account, random) = (case.text("pin"), case.text("pan"), case.hex("random"));
    let mut key = Key::empty();
    transaction(&bdk, &ksn)?.working_key(key_type(name)?, &mut key)?;
    let mut block = [0; 16];
    block::encipher_aes_with_fill(&key, &pin(digits)?, &pan(account)?, &array(&random)?, &mut block)?;
    case.expect_hex("block", &block);
    Ok(())
}

fn cmac(key: &[u8], key_type: KeyType, data: &[u8]) -> Result<Vec<u8>, Stop> {
    match key_type {
        KeyType::Tdes2 | KeyType::Tdes3 => Ok(full(CmacTdes::new(key)?, data)?),
        KeyType::Aes128 | KeyType::Aes192 | KeyType::Aes256 => Ok(full(CmacAes::new(key)?, data)?),
        other => parameter("key_type", format!("{other:?} for CMAC")),
    }
}

fn dukpt_aes_mac(case: &Case) -> Done {
    let (bdk, ksn, data) = (case.hex("bdk"), case.hex("ksn"), case.hex("data"));
    let (name, hmac_name) = (case.text("key_type"), case.text("hmac_key_type"));
    let (cmac_type, hmac_type) = (key_type(name)?, key_type(hmac_name)?);
    let t = transaction(&bdk, &ksn)?;
    for (field, usage) in [
        ("cmac_gen", KeyUsage::MacGeneration),
        ("cmac_ver", KeyUsage::MacVerification),
        ("cmac_both", KeyUsage::MacBoth),
    ] {
        case.expect_hex(field, &cmac(&working(&t, usage, cmac_type)?, cmac_type, &data)?);
    }
    for (field, usage) in [
        ("hmac_gen", KeyUsage::MacGeneration),
        ("hmac_ver", KeyUsage::MacVerification),
    ] {
        case.expect_hex(field, &full(HmacSha256::new(&working(&t, usage, hmac_type)?)?, &data)?);
    }
    Ok(())
}

fn cbc(key: &[u8], key_type: KeyType, iv: &[u8], data: &[u8]) -> Result<Vec<u8>, Stop> {
    let mut data = data.to_vec();
    match key_type {
        KeyType::Tdes2 | KeyType::Tdes3 => modes::cbc_encrypt(&Tdes::new(key)?, iv, &mut data)?,
        KeyType::Aes128 | KeyType::Aes192 | KeyType::Aes256 => {
            modes::cbc_encrypt(&AesCipher::new(key)?, iv, &mut data)?;
        }
        other => return parameter("key_type", format!("{other:?} for CBC")),
    }
    Ok(data)
}

fn dukpt_aes_data(case: &Case) -> Done {
    let (bdk, ksn, name) = (case.hex("bdk"), case.hex("ksn"), case.text("key_type"));
    let (iv, data) = (case.hex("iv"), case.hex("data"));
    let key_type = key_type(name)?;
    let t = transaction(&bdk, &ksn)?;
    for (field, usage) in [
        ("request", KeyUsage::DataEncrypt),
        ("response", KeyUsage::DataDecrypt),
        ("both", KeyUsage::DataBoth),
    ] {
        case.expect_hex(field, &cbc(&working(&t, usage, key_type)?, key_type, &iv, &data)?);
    }
    Ok(())
}

fn dukpt_aes_update_key(case: &Case) -> Done {
    let (ik, ikid, name) = (case.hex("ik"), case.hex("ikid"), case.text("key_type"));
    let mut key = SecretBuf::new();
    update_key_bytes(
        &Key::from_bytes(&ik)?,
        &InitialKeyId::parse(&ikid)?,
        key_type(name)?,
        &mut key,
    )?;
    case.expect_hex("update_key", key.expose());
    Ok(())
}

fn dukpt_aes_ksn(case: &Case) -> Done {
    let ksn = Ksn::parse(&case.hex("ksn"))?;
    case.expect("counter", ksn.counter());
    case.expect("valid", ksn.check().is_ok());
    // What follows a counter that no terminal has is not defined.
    if ksn.check().is_ok() || ksn.counter() == 0 {
        case.expect("next", ksn.next().map(|next| to_hex(next.as_bytes())));
    } else {
        case.ignore("next");
    }
    Ok(())
}

fn dukpt_aes_device(case: &Case) -> Done {
    let (ik, ikid, transactions) = (case.hex("ik"), case.hex("ikid"), case.int("transactions"));
    let mut terminal = Terminal::empty();
    terminal.load(&mut Key::from_bytes(&ik)?, &InitialKeyId::parse(&ikid)?, &mut Unstored)?;
    let mut hash = Sha256::new();
    let mut transaction = Transaction::empty();
    for _ in 0..transactions {
        let ksn = terminal.step(&mut Unstored, &mut transaction)?;
        hash.update(ksn.as_bytes());
        hash.update(transaction.key_bytes());
    }
    case.expect_hex("last_ksn", transaction.ksn()?.as_bytes());
    case.expect_hex("last_key", transaction.key_bytes());
    case.expect_hex("sha256", &hash.finalize());
    Ok(())
}

fn dukpt_aes_derivation_key(case: &Case) -> Done {
    let (bdk, ksn) = (case.hex("bdk"), case.hex("ksn"));
    case.expect_hex("derivation_key", transaction(&bdk, &ksn)?.key_bytes());
    Ok(())
}

fn dukpt_aes_derivation_data(case: &Case) -> Done {
    let (usage, name, ksn) = (case.text("usage"), case.text("key_type"), case.hex("ksn"));
    let n = u8::try_from(case.int("block_counter")).map_err(|_| Stop::NoForm("block counter"))?;
    let data = derivation_data(key_usage(usage)?, key_type(name)?, &Ksn::parse(&ksn)?, n);
    case.expect_hex("derivation_data", &data);
    Ok(())
}

fn dukpt_aes_working_key(case: &Case) -> Done {
    let (bdk, ksn) = (case.hex("bdk"), case.hex("ksn"));
    let (usage, name) = (case.text("usage"), case.text("key_type"));
    let key = working(&transaction(&bdk, &ksn)?, key_usage(usage)?, key_type(name)?)?;
    case.expect_hex("working_key", &key);
    Ok(())
}

fn dukpt_aes_pinblock4(case: &Case) -> Done {
    let (bdk, ksn, name) = (case.hex("bdk"), case.hex("ksn"), case.text("key_type"));
    let (digits, account, random) = (case.text("pin"), case.text("pan"), case.hex("random"));
    let (pin, pan) = (pin(digits)?, pan(account)?);
    let key = working(&transaction(&bdk, &ksn)?, KeyUsage::PinEncryption, key_type(name)?)?;
    let block = encipher4(&key, &pin, &pan, &random)?;
    case.expect_hex("encrypted_pinblock", &block);
    let steps = iso4_steps(&key, &block, &pan)?;
    case.expect_hex("pin_field", &steps.pin_field);
    case.expect_hex("pan_field", &pan.format4_field());
    case.expect_hex("block_a", &steps.block_a);
    case.expect_hex("block_b", &steps.block_b);
    Ok(())
}

fn family_mac(case: &Case) -> Done {
    let (bdk, ksn, msg) = (case.hex("bdk"), case.hex("ksn"), case.hex("msg"));
    let (usage, name, algorithm) = (case.text("usage"), case.text("key_type"), case.text("mac_alg"));
    let key_type = key_type(name)?;
    let key = working(&transaction(&bdk, &ksn)?, key_usage(usage)?, key_type)?;
    let mac = match algorithm {
        "AES-CMAC" => cmac(&key, key_type, &msg)?,
        "HMAC-SHA256" => full(HmacSha256::new(&key)?, &msg)?,
        other => return parameter("mac_alg", other),
    };
    case.expect_left("mac", &mac);
    Ok(())
}

fn family_data(case: &Case) -> Done {
    let (bdk, ksn, plaintext) = (case.hex("bdk"), case.hex("ksn"), case.hex("plaintext"));
    let (usage, name) = (case.text("usage"), case.text("key_type"));
    let (mode, iv) = (case.text("mode"), case.opt_hex("iv"));
    let key_type = key_type(name)?;
    let key = working(&transaction(&bdk, &ksn)?, key_usage(usage)?, key_type)?;
    let data = match (mode, key_type) {
        ("CBC", _) => cbc(&key, key_type, &iv.unwrap_or_default(), &plaintext)?,
        ("ECB", KeyType::Aes128 | KeyType::Aes192 | KeyType::Aes256) => {
            let mut data = plaintext;
            modes::ecb_encrypt(&AesCipher::new(&key)?, &mut data)?;
            data
        }
        (other, _) => return parameter("mode", other),
    };
    case.expect_hex("ciphertext", &data);
    Ok(())
}
