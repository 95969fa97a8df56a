// SPDX-License-Identifier: MIT OR Apache-2.0
//! Data encipherment.

use payhsm::cipher::{aes::Aes, modes, tdes::Tdes};
use payhsm::error::Error;
use payhsm::key::usage::KeyAlgorithm;

use crate::args::Call;
use crate::fail::{Named as _, Result};
use crate::secrets::Wiped;
use crate::spec::{Spec, option};

/// How blocks are chained.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// Each block by itself.
    Ecb,
    /// Chained, with an initialisation vector.
    Cbc,
    /// Counter mode.
    Ctr,
}

const MODES: &[(&str, Mode)] = &[("cbc", Mode::Cbc), ("ecb", Mode::Ecb), ("ctr", Mode::Ctr)];

/// Options of [`Chaining::read`].
pub const OPTIONS: &[Spec] = &[
    option("mode", "cbc|ecb|ctr", "how blocks are chained; default cbc"),
    option(
        "iv",
        "HEX",
        "initialisation vector of CBC, first counter block of CTR; default zeros",
    ),
];

/// Mode and initialisation vector.
pub struct Chaining {
    /// The mode.
    pub mode: Mode,
    /// One block; empty for ECB.
    pub iv: Vec<u8>,
}

impl Chaining {
    /// What the options say, for a cipher of the block length.
    pub fn read(call: &Call, algorithm: KeyAlgorithm) -> Result<Self> {
        let mode = call.choice("mode", call.get("mode").unwrap_or("cbc"), MODES)?;
        let block_len = block_len(algorithm);
        let iv = match (mode, call.get_hex("iv")?) {
            (Mode::Ecb, None) => Vec::new(),
            (Mode::Ecb, Some(_)) => Err(Error::InvalidArgument).expected("iv", "ECB takes none")?,
            (Mode::Cbc | Mode::Ctr, None) => vec![0; block_len],
            (Mode::Cbc | Mode::Ctr, Some(iv)) if iv.len() == block_len => iv,
            (Mode::Cbc | Mode::Ctr, Some(_)) => {
                let text = call.get("iv").unwrap_or_default();
                return Err(crate::args::wrong_len("iv", text, block_len));
            }
        };
        Ok(Self { mode, iv })
    }
}

/// Block length of a cipher in bytes.
pub const fn block_len(algorithm: KeyAlgorithm) -> usize {
    match algorithm {
        KeyAlgorithm::Aes => 16,
        _ => 8,
    }
}

/// Enciphers or deciphers in place.
pub fn apply(algorithm: KeyAlgorithm, key: &[u8], chaining: &Chaining, encrypt: bool, data: &mut Wiped) -> Result<()> {
    let expected = format!(
        "whole blocks of {} bytes are needed and there are {} bytes: what pads them is the message's matter",
        block_len(algorithm),
        data.len()
    );
    let data = data.bytes_mut();
    let done = if algorithm == KeyAlgorithm::Aes {
        let cipher = Aes::new(key).named("key")?;
        match (chaining.mode, encrypt) {
            (Mode::Ecb, true) => modes::ecb_encrypt(&cipher, data),
            (Mode::Ecb, false) => modes::ecb_decrypt(&cipher, data),
            (Mode::Cbc, true) => modes::cbc_encrypt(&cipher, &chaining.iv, data),
            (Mode::Cbc, false) => modes::cbc_decrypt(&cipher, &chaining.iv, data),
            (Mode::Ctr, _) => modes::ctr(&cipher, &chaining.iv, data),
        }
    } else {
        let cipher = Tdes::new(key).named("key")?;
        match (chaining.mode, encrypt) {
            (Mode::Ecb, true) => modes::ecb_encrypt(&cipher, data),
            (Mode::Ecb, false) => modes::ecb_decrypt(&cipher, data),
            (Mode::Cbc, true) => modes::cbc_encrypt(&cipher, &chaining.iv, data),
            (Mode::Cbc, false) => modes::cbc_decrypt(&cipher, &chaining.iv, data),
            (Mode::Ctr, _) => modes::ctr(&cipher, &chaining.iv, data),
        }
    };
    done.expected("data", &expected)
}
