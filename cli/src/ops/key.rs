// SPDX-License-Identifier: MIT OR Apache-2.0
//! Parity, check values and components.

use payhsm::cipher::{modes, tdes::Tdes};
use payhsm::inject::component;
use payhsm::key::role::Kek;
use payhsm::key::usage::KeyAlgorithm;
use payhsm::key::{Aes, Key, Tdea, kcv, parity, variant};
use payhsm::mac::cmac::{CmacAes, CmacTdes};
use payhsm::mac::hmac::HmacSha256;

use super::Table;
use super::mac::full;
use crate::cases::parameter;
use crate::value::{Case, Done, Stop, to_hex};

pub const LINE: Table = &[
    ("des_parity", des_parity),
    ("des_variant", des_variant),
    ("kcv", line_kcv),
    ("key_components", key_components),
];

pub const FAMILY: Table = &[
    ("des_odd_parity", des_odd_parity),
    ("kcv", family_kcv),
    ("xor_components", xor_components),
    ("tdes_key_unwrap_ecb", tdes_key_unwrap_ecb),
];

fn des_parity(case: &Case) -> Done {
    let mut key = case.hex("key");
    parity::set_odd(&mut key);
    case.expect_hex("key", &key);
    Ok(())
}

fn des_variant(case: &Case) -> Done {
    let (mut key, number) = (case.hex("key"), case.size("variant"));
    variant::apply(&mut key, u8::try_from(number).map_err(|_| Stop::NoForm("variant"))?)?;
    case.expect_hex("key", &key);
    Ok(())
}

/// The encipherment of one zero block.
fn zero_block(alg: &str, key: &[u8]) -> Result<Vec<u8>, Stop> {
    let algorithm = match (alg, key.len()) {
        ("DES", 8) => KeyAlgorithm::Des,
        ("DES", _) => KeyAlgorithm::Tdea,
        ("AES", _) => KeyAlgorithm::Aes,
        (other, _) => return parameter("alg", other),
    };
    let mut block = [0; 16];
    let len = kcv::zero_block(algorithm, key, &mut block)?;
    Ok(block.into_iter().take(len).collect())
}

/// The whole CMAC of one zero block, and the check value that keys give of themselves.
fn cmac(alg: &str, key: &[u8]) -> Result<(Vec<u8>, Vec<u8>), Stop> {
    Ok(match alg {
        "DES" => (
            full(CmacTdes::new(key)?, &[0; 8])?,
            Key::<Kek, Tdea>::from_bytes(key)?.kcv_cmac()?.to_vec(),
        ),
        _ => (
            full(CmacAes::new(key)?, &[0; 16])?,
            Key::<Kek, Aes>::from_bytes(key)?.kcv_cmac()?.to_vec(),
        ),
    })
}

fn line_kcv(case: &Case) -> Done {
    let (alg, key) = (case.text("alg"), case.hex("key"));
    case.expect_hex("zero_block", &zero_block(alg, &key)?);
    let (cmac, short) = cmac(alg, &key)?;
    case.expect_hex("cmac", &cmac);
    // The cases state whole blocks; what the library gives out is the left of them.
    case.expect_begins("cmac", &short);
    if alg == "DES" {
        case.expect_begins("zero_block", &Key::<Kek, Tdea>::from_bytes(&key)?.kcv_legacy()?);
    }
    Ok(())
}

/// The exclusive or of components that all have the length of the first.
fn combine(components: &[Vec<u8>]) -> Result<Vec<u8>, Stop> {
    let parts: Vec<&[u8]> = components.iter().map(Vec::as_slice).collect();
    let mut key = vec![0; parts.first().map_or(0, |part| part.len())];
    component::combine(&parts, &mut key)?;
    Ok(key)
}

fn key_components(case: &Case) -> Done {
    let (alg, components) = (case.text("alg"), case.hex_list("components"));
    let key = combine(&components)?;
    case.expect_hex("key", &key);
    case.expect_hex("zero_block", &zero_block(alg, &key)?);
    let blocks = components.iter().map(|part| Ok(to_hex(&zero_block(alg, part)?)));
    case.expect("zero_block_components", blocks.collect::<Result<Vec<_>, Stop>>()?);
    Ok(())
}

fn xor_components(case: &Case) -> Done {
    let (components, adjusted) = (case.hex_list("components"), case.opt_bool("parity_adjusted"));
    let mut key = combine(&components)?;
    case.expect_hex("key", &key);
    if adjusted == Some(true) {
        parity::set_odd(&mut key);
    }
    case.expect_left("kcv", &Key::<Kek, Tdea>::from_bytes(&key)?.kcv_legacy()?);
    Ok(())
}

fn des_odd_parity(case: &Case) -> Done {
    let mut key = case.hex("key");
    parity::set_odd(&mut key);
    case.expect_hex("adjusted", &key);
    Ok(())
}

fn family_kcv(case: &Case) -> Done {
    let (method, key) = (case.text("method"), case.hex("key"));
    let value = match method {
        "tdes_ecb_zero" => zero_block("DES", &key)?,
        "aes_ecb_zero" => zero_block("AES", &key)?,
        "aes_cmac_zero" => full(CmacAes::new(&key)?, &[0; 16])?,
        "aes_cmac_empty" => full(CmacAes::new(&key)?, &[])?,
        "aes_cmac_ones" => full(CmacAes::new(&key)?, &[0xFF; 16])?,
        "tdes_cmac_zero" => full(CmacTdes::new(&key)?, &[0; 8])?,
        "hmac_sha256_zero16" => full(HmacSha256::new(&key)?, &[0; 16])?,
        "hmac_sha256_empty" => full(HmacSha256::new(&key)?, &[])?,
        other => return parameter("method", other),
    };
    case.expect_left("kcv", &value);
    Ok(())
}

fn tdes_key_unwrap_ecb(case: &Case) -> Done {
    let (kek, mut key) = (case.hex("kek"), case.hex("wrapped"));
    modes::ecb_decrypt(&Tdes::new(&kek)?, &mut key)?;
    case.expect_hex("key", &key);
    Ok(())
}
