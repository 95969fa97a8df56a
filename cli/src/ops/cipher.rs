// SPDX-License-Identifier: MIT OR Apache-2.0
//! Block ciphers and modes.

use payhsm::cipher::{aes::Aes, modes, tdes::Tdes};

use super::Table;
use crate::cases::parameter;
use crate::value::{Case, Done};

pub const LINE: Table = &[
    ("des_ecb", des_ecb),
    ("des_cbc", des_cbc),
    ("aes_ecb", aes_ecb),
    ("aes_cbc", aes_cbc),
    ("aes_ctr", aes_ctr),
];

pub const FAMILY: Table = &[
    ("tdes_ecb_encrypt", tdes_ecb_encrypt),
    ("tdes_cbc_encrypt", tdes_cbc_encrypt),
    ("aes_ecb_encrypt", aes_ecb_encrypt),
    ("aes_cbc_encrypt", aes_cbc_encrypt),
    ("aes_ctr_encrypt", aes_ctr_encrypt),
];

fn des_ecb(case: &Case) -> Done {
    let (key, dir, mut data) = (case.hex("key"), case.text("dir"), case.hex("data"));
    let cipher = Tdes::new(&key)?;
    match dir {
        "enc" => modes::ecb_encrypt(&cipher, &mut data)?,
        "dec" => modes::ecb_decrypt(&cipher, &mut data)?,
        other => return parameter("dir", other),
    }
    case.expect_hex("data", &data);
    Ok(())
}

fn des_cbc(case: &Case) -> Done {
    let (key, iv, dir, mut data) = (case.hex("key"), case.hex("iv"), case.text("dir"), case.hex("data"));
    let cipher = Tdes::new(&key)?;
    match dir {
        "enc" => modes::cbc_encrypt(&cipher, &iv, &mut data)?,
        "dec" => modes::cbc_decrypt(&cipher, &iv, &mut data)?,
        other => return parameter("dir", other),
    }
    case.expect_hex("data", &data);
    Ok(())
}

fn aes_ecb(case: &Case) -> Done {
    let (key, dir, mut data) = (case.hex("key"), case.text("dir"), case.hex("data"));
    let cipher = Aes::new(&key)?;
    match dir {
        "enc" => modes::ecb_encrypt(&cipher, &mut data)?,
        "dec" => modes::ecb_decrypt(&cipher, &mut data)?,
        other => return parameter("dir", other),
    }
    case.expect_hex("data", &data);
    Ok(())
}

fn aes_cbc(case: &Case) -> Done {
    let (key, iv, dir, mut data) = (case.hex("key"), case.hex("iv"), case.text("dir"), case.hex("data"));
    let cipher = Aes::new(&key)?;
    match dir {
        "enc" => modes::cbc_encrypt(&cipher, &iv, &mut data)?,
        "dec" => modes::cbc_decrypt(&cipher, &iv, &mut data)?,
        other => return parameter("dir", other),
    }
    case.expect_hex("data", &data);
    Ok(())
}

fn aes_ctr(case: &Case) -> Done {
    let (key, iv, mut data) = (case.hex("key"), case.hex("iv"), case.hex("data"));
    modes::ctr(&Aes::new(&key)?, &iv, &mut data)?;
    case.expect_hex("data", &data);
    Ok(())
}

// The vectors are run in both directions: the plaintext is an input and an answer.

fn tdes_ecb_encrypt(case: &Case) -> Done {
    let (key, plaintext) = (case.hex("key"), case.hex("plaintext"));
    let cipher = Tdes::new(&key)?;
    let mut data = plaintext;
    modes::ecb_encrypt(&cipher, &mut data)?;
    case.expect_hex("ciphertext", &data);
    modes::ecb_decrypt(&cipher, &mut data)?;
    case.expect_hex("plaintext", &data);
    Ok(())
}

fn tdes_cbc_encrypt(case: &Case) -> Done {
    let (key, iv, mut data) = (case.hex("key"), case.hex("iv"), case.hex("plaintext"));
    let cipher = Tdes::new(&key)?;
    modes::cbc_encrypt(&cipher, &iv, &mut data)?;
    case.expect_hex("ciphertext", &data);
    modes::cbc_decrypt(&cipher, &iv, &mut data)?;
    case.expect_hex("plaintext", &data);
    Ok(())
}

fn aes_ecb_encrypt(case: &Case) -> Done {
    let (key, mut data) = (case.hex("key"), case.hex("plaintext"));
    let cipher = Aes::new(&key)?;
    modes::ecb_encrypt(&cipher, &mut data)?;
    case.expect_hex("ciphertext", &data);
    modes::ecb_decrypt(&cipher, &mut data)?;
    case.expect_hex("plaintext", &data);
    Ok(())
}

fn aes_cbc_encrypt(case: &Case) -> Done {
    let (key, iv, mut data) = (case.hex("key"), case.hex("iv"), case.hex("plaintext"));
    let cipher = Aes::new(&key)?;
    modes::cbc_encrypt(&cipher, &iv, &mut data)?;
    case.expect_hex("ciphertext", &data);
    modes::cbc_decrypt(&cipher, &iv, &mut data)?;
    case.expect_hex("plaintext", &data);
    Ok(())
}

fn aes_ctr_encrypt(case: &Case) -> Done {
    let (key, iv, mut data) = (case.hex("key"), case.hex("iv"), case.hex("plaintext"));
    let cipher = Aes::new(&key)?;
    modes::ctr(&cipher, &iv, &mut data)?;
    case.expect_hex("ciphertext", &data);
    modes::ctr(&cipher, &iv, &mut data)?;
    case.expect_hex("plaintext", &data);
    Ok(())
}
