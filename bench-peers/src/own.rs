// SPDX-License-Identifier: MIT OR Apache-2.0
//! The same operations with payhsm, raw keys in: typed keys, checks and wiping included.

use payhsm::dukpt::{aes, tdes};
use payhsm::emv::cryptogram;
use payhsm::emv::derive::{MasterKeyOption, Psn, icc_master_key};
use payhsm::emv::element::Atc;
use payhsm::emv::session;
use payhsm::error::Error;
use payhsm::key::role::{Ac, Bdk, Imk, InitialKey, MacKey, PinEncryption};
use payhsm::key::{Aes, Key, Tdea, mac};
use payhsm::pin::block::{self, Format};
use payhsm::pin::{Pan, Pin};

pub fn dukpt_tdes_pin(bdk: &[u8; 16], ksn: &[u8; 10], block: &[u8; 8], pan: &Pan) -> Result<Pin, Error> {
    let bdk = Key::<Bdk, Tdea>::from_bytes(bdk)?;
    let ksn = tdes::Ksn::parse(ksn)?;
    let mut ik = Key::<InitialKey, Tdea>::empty();
    tdes::Host::initial_key(&bdk, &ksn.initial_key_id(), &mut ik)?;
    let mut transaction = tdes::Transaction::empty();
    tdes::Host::transaction(&ik, &ksn, &mut transaction)?;
    let mut key = Key::<PinEncryption, Tdea>::empty();
    transaction.pin_key(&mut key)?;
    let mut pin = Pin::empty();
    block::decipher_tdea(&key, Format::Iso0, block, Some(pan), &mut pin)?;
    Ok(pin)
}

pub fn dukpt_aes_pin(bdk: &[u8; 16], id: &[u8; 8], counter: u32, block: &[u8; 16], pan: &Pan) -> Result<Pin, Error> {
    let bdk = Key::<Bdk, Aes>::from_bytes(bdk)?;
    let id = aes::InitialKeyId::parse(id)?;
    let mut ik = Key::<InitialKey, Aes>::empty();
    aes::Host::initial_key(&bdk, &id, &mut ik)?;
    let mut transaction = aes::Transaction::empty();
    aes::Host::transaction(&ik, &id.ksn(counter)?, &mut transaction)?;
    let mut key = Key::<PinEncryption, Aes>::empty();
    transaction.working_key(aes::KeyType::Aes128, &mut key)?;
    let mut pin = Pin::empty();
    block::decipher_aes(&key, block, pan, &mut pin)?;
    Ok(pin)
}

pub fn arqc(imk: &[u8; 16], pan: &Pan, atc: Atc, data: &[u8], ac: &[u8; 8]) -> Result<(), Error> {
    let imk = Key::<Imk<Ac>, Tdea>::from_bytes(imk)?;
    let (mut mk, mut sk) = (Key::empty(), Key::empty());
    icc_master_key(MasterKeyOption::A, &imk, pan, Psn::ABSENT, &mut mk)?;
    session::common_ac(&mk, atc, &mut sk)?;
    cryptogram::verify(&sk, cryptogram::Padding::Method2, &[data], ac)
}

pub fn retail(key: &[u8; 16], message: &[u8]) -> Result<[u8; 8], Error> {
    let key = Key::<MacKey, Tdea>::from_bytes(key)?;
    let mut tag = [0; 8];
    let mut mac = mac::Retail::new(&key, mac::Padding::Method1)?;
    mac.update(message);
    mac.finish(&mut tag)?;
    Ok(tag)
}

pub fn cmac(key: &[u8; 16], message: &[u8]) -> Result<[u8; 16], Error> {
    let key = Key::<MacKey, Aes>::from_bytes(key)?;
    let mut tag = [0; 16];
    let mut mac = mac::CmacAes::new(&key)?;
    mac.update(message);
    mac.finish(&mut tag)?;
    Ok(tag)
}
