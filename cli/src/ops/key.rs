// SPDX-License-Identifier: MIT OR Apache-2.0
//! Parity and check values.

use payhsm::cipher::{aes::Aes, modes, tdes::Tdes};
use payhsm::key::parity;
use payhsm::mac::cmac::{CmacAes, CmacTdes};
use payhsm::mac::hmac::HmacSha256;

use super::Table;
use super::mac::full;
use crate::cases::parameter;
use crate::value::{Case, Done, Stop};

pub const LINE: Table = &[("des_parity", des_parity), ("kcv", kcv)];

pub const FAMILY: Table = &[
    ("des_odd_parity", des_odd_parity),
    ("kcv", family_kcv),
    ("tdes_key_unwrap_ecb", tdes_key_unwrap_ecb),
];

fn des_parity(case: &Case) -> Done {
    let mut key = case.hex("key");
    parity::set_odd(&mut key);
    case.expect_hex("key", &key);
    Ok(())
}

/// The encipherment of one zero block.
pub fn zero_block(alg: &str, key: &[u8]) -> Result<Vec<u8>, Stop> {
    match alg {
        "DES" => {
            let mut block = vec![0; 8];
            modes::ecb_encrypt(&Tdes::new(key)?, &mut block)?;
            Ok(block)
        }
        "AES" => {
            let mut block = vec![0; 16];
            modes::ecb_encrypt(&Aes::new(key)?, &mut block)?;
            Ok(block)
        }
        other => parameter("alg", other),
    }
}

fn kcv(case: &Case) -> Done {
    let (alg, key) = (case.text("alg"), case.hex("key"));
    case.expect_hex("zero_block", &zero_block(alg, &key)?);
    let cmac = match alg {
        "DES" => full(CmacTdes::new(&key)?, &[0; 8])?,
        _ => full(CmacAes::new(&key)?, &[0; 16])?,
    };
    case.expect_hex("cmac", &cmac);
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
