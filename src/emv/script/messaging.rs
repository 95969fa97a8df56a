// SPDX-License-Identifier: MIT OR Apache-2.0
use core::iter;

use zeroize::Zeroize;

use crate::cipher::modes;
use crate::cipher::tdes::BLOCK_LEN;
use crate::ct;
use crate::emv::cipher;
use crate::error::Error;
use crate::key::role::{SessionKey, Smc, Smi};
use crate::key::{Key, Tdea};
use crate::mac::Mac;
use crate::mac::iso9797::{Padding, RetailMac};
use crate::secret::Secret;

/// The shortest MAC of secure messaging, in bytes.
pub const MIN_MAC_LEN: usize = 4;

/// The longest MAC of secure messaging, in bytes.
pub const MAX_MAC_LEN: usize = 8;

/// First byte of padding method 2 (ISO/IEC 9797-1).
const PAD: u8 = 0x80;

/// How the data of a script command are padded and enciphered (TDEA, initialisation vector zero).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Style {
    /// A length byte before the data (so at most 255), padding method 2, ECB.
    Visa,
    /// Padding method 2 only if the data are not whole blocks, CBC.
    Mastercard,
    /// Padding method 2 always, CBC (EMV Book 2, 9.3.1.2).
    #[doc(alias = "CCD")]
    Emv,
}

impl Style {
    /// Length in bytes of `len` bytes enciphered; `None` if the style cannot carry as many.
    #[must_use]
    pub fn enciphered_len(self, len: usize) -> Option<usize> {
        let least = match self {
            // The length byte and the first byte of padding.
            Self::Visa => u8::try_from(len).ok().map(|len| usize::from(len).wrapping_add(2))?,
            Self::Mastercard => len,
            Self::Emv => len.checked_add(1)?,
        };
        least.checked_next_multiple_of(BLOCK_LEN)
    }

    /// What stands before the data.
    fn lead(self, len: usize) -> Option<u8> {
        match self {
            Self::Visa => u8::try_from(len).ok(),
            Self::Mastercard | Self::Emv => None,
        }
    }
}

/// Computes the MAC of a script command: ISO/IEC 9797-1 algorithm 3, padding method 2, over `parts`, one behind the
/// other. The leftmost `out.len()` bytes, 4 to 8.
///
/// # Errors
/// [`Error::InvalidLength`] for another length of `out`; [`Error::NoKey`], [`Error::InvalidKeyLength`]. `out` is zero
/// then.
///
/// # Timing
/// Depends on the lengths of `parts`.
///
/// # Source
/// EMV Book 2, 9.2.3 format 2; vectors: `vectors/emv.txt`, `emv_sm_mac`.
#[doc(alias = "secure messaging")]
pub fn mac(sk: &Key<SessionKey<Smi>, Tdea>, parts: &[&[u8]], out: &mut [u8]) -> Result<(), Error> {
    out.fill(0);
    start(sk, parts, out.len())?.finish(out)
}

/// Compares the MAC of a script command, 4 to 8 bytes, in constant time.
///
/// # Errors
/// [`Error::VerificationFailed`] if it differs; [`Error::InvalidLength`], [`Error::NoKey`],
/// [`Error::InvalidKeyLength`] as [`mac`].
///
/// # Timing
/// As [`mac`].
pub fn verify_mac(sk: &Key<SessionKey<Smi>, Tdea>, parts: &[&[u8]], mac: &[u8]) -> Result<(), Error> {
    start(sk, parts, mac.len())?.verify(mac)
}

fn start(sk: &Key<SessionKey<Smi>, Tdea>, parts: &[&[u8]], len: usize) -> Result<RetailMac, Error> {
    if !(MIN_MAC_LEN..=MAX_MAC_LEN).contains(&len) {
        return Err(Error::InvalidLength);
    }
    let mut mac = RetailMac::new(sk.material()?, Padding::Method2)?;
    for part in parts {
        mac.update(part);
    }
    Ok(mac)
}

/// Enciphers the data of a script command into the first bytes of `out`, and gives their number, which is
/// [`Style::enciphered_len`]. The rest of `out` is zero.
///
/// # Errors
/// [`Error::InvalidLength`] for more data than the style carries, [`Error::BufferTooSmall`], [`Error::NoKey`],
/// [`Error::InvalidKeyLength`]; `out` is zero then.
///
/// # Timing
/// Depends on the style and the length of `data`, not on their content.
///
/// # Source
/// EMV Book 2, 9.3, and the schemes' own forms; vectors: `vectors/emv.txt`, `emv_sm_encrypt`.
pub fn encipher(sk: &Key<SessionKey<Smc>, Tdea>, style: Style, data: &[u8], out: &mut [u8]) -> Result<usize, Error> {
    out.fill(0);
    let len = style.enciphered_len(data.len()).ok_or(Error::InvalidLength)?;
    let cipher = cipher(sk.material()?)?;
    let text = out.get_mut(..len).ok_or(Error::BufferTooSmall)?;
    // Whole blocks of Mastercard end before the padding begins.
    let padded = style.lead(data.len()).into_iter().chain(data.iter().copied());
    for (to, from) in text
        .iter_mut()
        .zip(padded.chain(iter::once(PAD)).chain(iter::repeat(0)))
    {
        *to = from;
    }
    let result = match style {
        Style::Visa => modes::ecb_encrypt(&cipher, text),
        Style::Mastercard | Style::Emv => modes::cbc_encrypt(&cipher, &[0; BLOCK_LEN], text),
    };
    match result {
        Ok(()) => {
            ct::public(text);
            Ok(len)
        }
        Err(e) => {
            text.zeroize();
            Err(e)
        }
    }
}

/// Deciphers, as the card, the data of a script command: exactly `out.len()` bytes, which the command's definition
/// gives. Length byte and padding are compared to the last byte.
///
/// # Errors
/// [`Error::InvalidLength`] if `data` cannot be the encipherment of as many bytes; [`Error::VerificationFailed`] for
/// another length byte or padding; [`Error::NoKey`], [`Error::InvalidKeyLength`]. `out` is zero then.
///
/// # Timing
/// Depends on the style and the lengths; the verdict shows, not what was wrong.
#[cfg(feature = "hazmat")]
pub fn decipher(sk: &Key<SessionKey<Smc>, Tdea>, style: Style, data: &[u8], out: &mut [u8]) -> Result<(), Error> {
    open(sk, style, data, out)
}

pub(super) fn open(sk: &Key<SessionKey<Smc>, Tdea>, style: Style, data: &[u8], out: &mut [u8]) -> Result<(), Error> {
    out.fill(0);
    if style.enciphered_len(out.len()) != Some(data.len()) {
        return Err(Error::InvalidLength);
    }
    let cipher = cipher(sk.material()?)?;
    let (mut lead, mut pad) = (style.lead(out.len()), PAD);
    let (mut places, mut ok, mut chain) = (out.iter_mut(), 0xFF, [0; BLOCK_LEN]);
    let (blocks, _) = data.as_chunks::<BLOCK_LEN>();
    let mut clear = Secret::<BLOCK_LEN>::zeroed();
    for block in blocks {
        *clear.expose_mut() = cipher.decrypt(*block);
        for (byte, before) in clear.expose().iter().zip(chain) {
            let byte = byte ^ before;
            if let Some(len) = lead.take() {
                ok &= ct::mask_eq(byte, len);
            } else if let Some(place) = places.next() {
                *place = byte;
            } else {
                ok &= ct::mask_eq(byte, pad);
                pad = 0;
            }
        }
        if style != Style::Visa {
            chain = *block;
        }
    }
    let verdict = ct::verdict(ct::choice(ok));
    if verdict.is_err() {
        out.zeroize();
    }
    verdict
}
