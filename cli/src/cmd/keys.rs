// SPDX-License-Identifier: MIT OR Apache-2.0
//! What the commands say about keys.

use payhsm::error::Error;
use payhsm::key::role::Kek;
use payhsm::key::usage::KeyAlgorithm;
use payhsm::key::{Aes, Key, Tdea, kcv, parity};

use crate::fail::{Failure, Named as _, Result};
use crate::report::Report;
use crate::value::to_hex;

/// Names of algorithms as options take them.
pub const ALGORITHMS: &[(&str, KeyAlgorithm)] = &[
    ("des", KeyAlgorithm::Des),
    ("tdes", KeyAlgorithm::Tdea),
    ("aes", KeyAlgorithm::Aes),
    ("hmac", KeyAlgorithm::Hmac),
];

/// The name of an algorithm.
pub const fn algorithm_name(algorithm: KeyAlgorithm) -> &'static str {
    match algorithm {
        KeyAlgorithm::Des => "DES",
        KeyAlgorithm::Tdea => "TDES",
        KeyAlgorithm::Aes => "AES",
        KeyAlgorithm::Hmac | KeyAlgorithm::HmacSha2 | KeyAlgorithm::HmacSha3 => "HMAC",
        KeyAlgorithm::Ec => "EC",
        KeyAlgorithm::Rsa => "RSA",
        KeyAlgorithm::Dsa => "DSA",
        KeyAlgorithm::Proprietary(_) => "proprietary",
    }
}

/// The lengths in bytes that keys of an algorithm have, in words.
pub const fn lengths(algorithm: KeyAlgorithm) -> &'static str {
    match algorithm {
        KeyAlgorithm::Des => "a DES key has 8 bytes (16 hexadecimal digits)",
        KeyAlgorithm::Tdea => "a TDES key has 16 or 24 bytes (32 or 48 hexadecimal digits)",
        KeyAlgorithm::Aes => "an AES key has 16, 24 or 32 bytes (32, 48 or 64 hexadecimal digits)",
        _ => "an HMAC key has 1 to 64 bytes here",
    }
}

/// Refuses a key of another length than `fits`.
pub fn check_len(name: &str, key: &[u8], fits: &[usize], expected: &str) -> Result<()> {
    if fits.contains(&key.len()) {
        return Ok(());
    }
    Err(Failure::Refused(
        format!("{name} has {} bytes: {expected}", key.len()),
        Some(Error::InvalidKeyLength),
    ))
}

/// Refuses a key that the algorithm does not have.
pub fn check_key(name: &str, algorithm: KeyAlgorithm, key: &[u8]) -> Result<()> {
    let fits: &[usize] = match algorithm {
        KeyAlgorithm::Des => &[8],
        KeyAlgorithm::Tdea => &[16, 24],
        KeyAlgorithm::Aes => &[16, 24, 32],
        _ if (1..=64).contains(&key.len()) => return Ok(()),
        _ => &[],
    };
    check_len(name, key, fits, lengths(algorithm))
}

/// The check value by which people know a key: legacy for DES and TDES, CMAC for AES; HMAC keys have none.
pub fn usual_kcv(algorithm: KeyAlgorithm, key: &[u8]) -> Result<Option<String>> {
    Ok(match algorithm {
        KeyAlgorithm::Des | KeyAlgorithm::Tdea => {
            let key: Key<Kek, Tdea> = Key::from_bytes(key).named("key")?;
            Some(to_hex(&key.kcv_legacy().named("key")?))
        }
        KeyAlgorithm::Aes => {
            let key: Key<Kek, Aes> = Key::from_bytes(key).named("key")?;
            Some(to_hex(&key.kcv_cmac().named("key")?))
        }
        _ => None,
    })
}

/// The whole enciphered zero block.
pub fn zero_block(algorithm: KeyAlgorithm, key: &[u8]) -> Result<Vec<u8>> {
    let mut block = [0; 16];
    let len = kcv::zero_block(algorithm, key, &mut block).expected("key", lengths(algorithm))?;
    Ok(block.into_iter().take(len).collect())
}

/// Says what is wrong with a DES or TDES key, if something is.
pub fn note_defects(out: &mut Report, name: &str, algorithm: KeyAlgorithm, key: &[u8]) {
    if !matches!(algorithm, KeyAlgorithm::Des | KeyAlgorithm::Tdea) {
        return;
    }
    if bool::from(parity::halves_equal(key)) {
        out.note(format!("{name}: two parts are equal, which makes it single DES"));
    } else if bool::from(parity::is_degenerate(key)) {
        out.note(format!("{name}: a part of it is a weak or semi-weak DES key"));
    }
}

/// A key with its check value on one line.
pub fn item(
    out: &mut Report,
    list: &str,
    label: &str,
    algorithm: KeyAlgorithm,
    key: &[u8],
    mut about: Report,
) -> Result<()> {
    let kcv = usual_kcv(algorithm, key)?;
    let text = match (&kcv, out.shows_secrets()) {
        (Some(kcv), true) => format!("KCV {kcv:<10}  {}", to_hex(key)),
        (None, true) => to_hex(key),
        (Some(kcv), false) => format!("KCV {kcv}"),
        (None, false) => "hidden".to_owned(),
    };
    about.json("algorithm", algorithm_name(algorithm));
    about.json("length", key.len());
    about.json("kcv", kcv);
    if out.shows_secrets() {
        about.hex("key", "", key);
    } else {
        about.hide("key");
    }
    out.item_line(list, label, text, about);
    Ok(())
}

/// A key that was derived or opened: its check value, and its bytes if secrets are shown.
pub fn own(out: &mut Report, name: &str, label: &str, algorithm: KeyAlgorithm, key: &[u8]) -> Result<()> {
    field(out, name, label, algorithm, key)?;
    if out.shows_secrets() {
        out.hex(name, "", key);
    } else {
        out.hide(name);
    }
    Ok(())
}

/// A key that was given: its check value.
pub fn field(out: &mut Report, name: &str, label: &str, algorithm: KeyAlgorithm, key: &[u8]) -> Result<()> {
    let kcv = usual_kcv(algorithm, key)?;
    let text = format!(
        "{}, {} bytes, KCV {}",
        algorithm_name(algorithm),
        key.len(),
        kcv.as_deref().unwrap_or("none")
    );
    out.both(&format!("{name}_kcv"), label, text, kcv);
    Ok(())
}
