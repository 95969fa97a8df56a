// SPDX-License-Identifier: MIT OR Apache-2.0
//! Offline PIN: what the terminal sends to the card with VERIFY (EMV Book 3, clause 6.5.12; Book 2, clause 7).

use zeroize::Zeroize;

use super::PinKey;
use super::ca::MAX_LEN;
use crate::ct;
use crate::entropy::Entropy;
use crate::error::Error;
use crate::pin::Pin;
use crate::pin::block::{self, Format};
use crate::secret::Secret;

/// P2 of VERIFY for a PIN in clear.
pub const P2_PLAINTEXT: u8 = 0x80;
/// P2 of VERIFY for an enciphered PIN.
pub const P2_ENCIPHERED: u8 = 0x88;

/// Length of a PIN block of format 2, and of the card's answer to GET CHALLENGE.
pub const BLOCK_LEN: usize = 8;

/// The longest enciphered PIN, in bytes.
pub const MAX_ENCIPHERED: usize = MAX_LEN;

/// First byte of the data that are enciphered.
const HEADER: u8 = 0x7F;

/// The shortest key a PIN is enciphered under: with fewer random bytes behind the block, exponent 3 protects nothing.
const MIN_KEY_LEN: usize = 64;

/// The data of VERIFY with a PIN in clear: a PIN block of format 2.
///
/// The clear PIN block leaves the library: only for a card reader in the same protected housing.
///
/// # Errors
/// [`Error::InvalidPin`] for an empty PIN; `out` is wiped then.
///
/// # Timing
/// Neither the PIN nor its length shows.
///
/// # Source
/// ISO 9564-1, format 2; EMV Book 3, clause 6.5.12; vectors: `vectors/pinblock.txt`, format 2.
pub fn plaintext(pin: &Pin, out: &mut [u8; BLOCK_LEN]) -> Result<(), Error> {
    out.zeroize();
    let mut clear = Secret::zeroed();
    block::write_clear(Format::Iso2, pin, &mut clear)?;
    *out = *clear.expose();
    Ok(())
}

/// The data of VERIFY with an enciphered PIN: 7F, the PIN block of format 2, the card's unpredictable number and random
/// bytes, raised to the exponent modulo the key's modulus.
///
/// `challenge`: the card's answer to GET CHALLENGE, fetched for this very command. Writes as many bytes as the key has
/// and gives their number; `out` is wiped on error.
///
/// # Errors
/// [`Error::BufferTooSmall`]; [`Error::InvalidKeyLength`] for a key of fewer than 64 bytes or a modulus whose highest
/// bit is 0; [`Error::InvalidPin`] for an empty PIN; [`Error::Entropy`].
///
/// # Timing
/// The key shows; neither the PIN nor its length does.
///
/// # Source
/// EMV Book 2, clause 7.2; vectors: `vectors/emv_oda_chain.txt`.
pub fn encipher(
    key: &PinKey,
    challenge: &[u8; BLOCK_LEN],
    pin: &Pin,
    rng: &mut impl Entropy,
    out: &mut [u8],
) -> Result<usize, Error> {
    out.zeroize();
    let modulus = key.key.modulus();
    // A clear block begins with 7F: it is below every modulus with the highest bit set, whatever is in it.
    if modulus.len() < MIN_KEY_LEN || modulus.first().is_none_or(|first| *first < 0x80) {
        return Err(Error::InvalidKeyLength);
    }
    let out = out.get_mut(..modulus.len()).ok_or(Error::BufferTooSmall)?;
    pin.ready()?;
    let mut clear = Secret::<MAX_LEN>::zeroed();
    let block = clear.expose_mut().get_mut(..modulus.len()).ok_or(Error::Internal)?;
    fill(block, challenge, pin, rng)?;
    key.key.apply(block, out)?;
    ct::public(out);
    Ok(out.len())
}

/// Writes the clear data.
fn fill(clear: &mut [u8], challenge: &[u8; BLOCK_LEN], pin: &Pin, rng: &mut impl Entropy) -> Result<(), Error> {
    let (head, rest) = clear.split_first_mut().ok_or(Error::Internal)?;
    let (block, rest) = rest.split_at_mut_checked(BLOCK_LEN).ok_or(Error::Internal)?;
    let (number, random) = rest.split_at_mut_checked(BLOCK_LEN).ok_or(Error::Internal)?;
    *head = HEADER;
    let mut field = Secret::<BLOCK_LEN>::zeroed();
    block::write_clear(Format::Iso2, pin, &mut field)?;
    block.copy_from_slice(field.expose());
    number.copy_from_slice(challenge);
    rng.fill(random).map_err(|_| Error::Entropy)
}
