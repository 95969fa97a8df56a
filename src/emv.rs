// SPDX-License-Identifier: MIT OR Apache-2.0
//! EMV application cryptograms: what the card computes, the terminal carries and the issuer verifies and answers.
//!
//! ```text
//! issuer:  IMK-AC ─ PAN, PSN ─► ICC MK ─ ATC (UN) ─► session key ─ data ─► ARQC = 9F26 ?  ── ARC or CSU ─► field 91
//! card:                         ICC MK ─ ATC (UN) ─► session key ─ data ─► ARQC, and the ARPC in 91 = its own ?
//! terminal: DOL ─► data for the card ─► GENERATE AC response ─► field 55
//! ```
//!
//! | term | meaning |
//! |---|---|
//! | IMK, ICC MK, SK | issuer master key, card master key (UDK), session key; one of each for AC, SMI, SMC, ... |
//! | PSN | PAN sequence number (tag 5F34), 00 to 99 |
//! | ATC, UN | application transaction counter (9F36), the terminal's unpredictable number (9F37) |
//! | AC: ARQC, TC, AAC | application cryptogram (9F26): asks the issuer, approves, declines |
//! | ARPC, ARC, CSU | the issuer's answer, over its response code or its card status update |
//! | IAD, CVN, DKI, CVR | issuer application data (9F10) with cryptogram version, key index, card verification results |
//! | SMI, SMC | secure messaging of issuer scripts: integrity, confidentiality |
//! | DOL | data object list: the tags and lengths that a card asks for |
//!
//! # Limits
//! No scheme's AES profile is public but that of the common core definitions; other AES cards go through
//! [`raw`]. The number of a cryptogram version means nothing without its scheme, so a
//! [`Profile`](profile::Profile) is always the caller's choice and is never guessed from data. Whether an ATC was seen
//! before is the caller's to judge, *before* an ARPC leaves.

mod algorithm;
#[cfg(feature = "host")]
pub mod atc;
pub mod card;
pub mod derive;
pub mod dictionary;
pub mod dol;
pub mod element;
#[cfg(feature = "host")]
pub mod explain;
#[cfg(feature = "oda")]
pub mod oda;
pub mod profile;
#[cfg(feature = "host")]
pub mod raw;
pub mod response;
#[cfg(feature = "host")]
pub mod script;
raw!(cryptogram, session);

pub use algorithm::CardAlgorithm;

use zeroize::Zeroize;

use crate::cipher::aes::{self, Aes as AesCipher};
use crate::cipher::modes;
use crate::cipher::tdes::Tdes;
use crate::error::Error;
use crate::key::role::Role;
use crate::key::{Aes, Key, Tdea};
use crate::secret::Secret;

/// Length of every EMV TDEA key: two halves.
const KEY_LEN: usize = 16;

/// The cipher of a two-key TDEA key.
pub(crate) fn cipher(key: &[u8]) -> Result<Tdes, Error> {
    if key.len() == KEY_LEN {
        Tdes::new(key)
    } else {
        Err(Error::InvalidKeyLength)
    }
}

/// Lets `derive` write both halves of `out`, and wipes them if it fails.
fn fill<R: Role>(
    out: &mut Key<R, Tdea>,
    derive: impl FnOnce(&mut [[u8; 8]; 2]) -> Result<(), Error>,
) -> Result<(), Error> {
    let result = out.reset(KEY_LEN).and_then(|bytes| match bytes.as_chunks_mut::<8>() {
        (halves, []) => derive(halves.try_into().map_err(|_| Error::Internal)?),
        _ => Err(Error::Internal),
    });
    if result.is_err() {
        out.zeroize();
    }
    result
}

/// Writes a key as long as `under`: the leftmost bytes of the two `inputs`, given its length in bytes, enciphered.
fn fill_aes<F: Role, R: Role>(
    under: &Key<F, Aes>,
    out: &mut Key<R, Aes>,
    inputs: impl FnOnce(usize) -> Result<[[u8; aes::BLOCK_LEN]; 2], Error>,
) -> Result<(), Error> {
    out.zeroize();
    let material = under.material()?;
    let cipher = AesCipher::new(material)?;
    let mut blocks = Secret::<{ 2 * aes::BLOCK_LEN }>::zeroed();
    let (halves, _) = blocks.expose_mut().as_chunks_mut::<{ aes::BLOCK_LEN }>();
    for (half, input) in halves.iter_mut().zip(inputs(material.len())?) {
        *half = input;
    }
    modes::ecb_encrypt(&cipher, blocks.expose_mut())?;
    for (to, from) in out.reset(material.len())?.iter_mut().zip(blocks.expose()) {
        *to = *from;
    }
    Ok(())
}
