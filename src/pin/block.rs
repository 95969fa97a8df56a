// SPDX-License-Identifier: MIT OR Apache-2.0
//! PIN blocks of ISO 9564-1, formats 0 to 4.
//!
//! | format | PIN field | mixed with | cipher |
//! |---|---|---|---|
//! | 0 | `0 N P..P F..F` | PAN | TDEA, 8 bytes |
//! | 1 | `1 N P..P R..R`, R random | nothing | TDEA, 8 bytes |
//! | 2 | `2 N P..P F..F` | nothing (to a card only) | TDEA, 8 bytes |
//! | 3 | `3 N P..P R..R`, R random from A to F | PAN | TDEA, 8 bytes |
//! | 4 | `4 N P..P A..A` and 8 random bytes | PAN, between two encipherments | AES, 16 bytes |
//!
//! An 8-byte block under AES cannot be written down, and format 4 under TDEA is refused. A block is deciphered as the
//! format that the caller states, whatever is in it.
//!
//! Deciphering makes all checks (control, length, digits, fill to the last nibble) with masks and to the end; all of
//! them fail as the one [`Error::VerificationFailed`], and the PIN is empty then. Formats 0 and 3 do not authenticate
//! the PAN: some wrong PANs give a well-formed block with another PIN.

use subtle::Choice;
use zeroize::Zeroize;

use crate::cipher::aes::Aes as AesCipher;
use crate::cipher::modes;
use crate::cipher::scheduled;
use crate::cipher::tdes::Tdes;
use crate::ct;
use crate::entropy::Entropy;
use crate::error::Error;
use crate::key::role::PinEncryption;
use crate::key::{Aes, Key, Tdea};
use crate::pin::{MAX_DRAWS, MAX_LEN, Pan, Pin, draw, nibbles};
use crate::secret::Secret;
use crate::weaken::guard;

/// Length in bytes of a block of formats 0 to 3.
pub const BLOCK_LEN: usize = 8;

/// Length in bytes of a block of format 4.
pub const FORMAT4_BLOCK_LEN: usize = 16;

/// Nibbles behind control and length: the PIN and the fill.
const TEXT_NIBBLES: usize = 14;

/// Fill of formats 0 and 2.
const FILL_F: [u8; TEXT_NIBBLES] = [0xF; TEXT_NIBBLES];

/// Fill of format 4.
const FILL_A: [u8; TEXT_NIBBLES] = [0xA; TEXT_NIBBLES];

/// A PIN block format of ISO 9564-1. The values are the control nibbles.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Format {
    /// Format 0: fill F, mixed with the PAN.
    #[doc(alias = "ANSI X9.8")]
    #[doc(alias = "VISA-1")]
    #[doc(alias = "ECI-1")]
    Iso0 = 0,
    /// Format 1: random fill, no PAN.
    #[doc(alias = "ECI-4")]
    Iso1 = 1,
    /// Format 2: fill F, no PAN; from the terminal to the card only.
    Iso2 = 2,
    /// Format 3: random fill A to F, mixed with the PAN.
    Iso3 = 3,
    /// Format 4: 16 bytes, AES, bound to the PAN by double encipherment.
    Iso4 = 4,
}

impl Format {
    /// The format of a number 0 to 4.
    ///
    /// # Errors
    /// [`Error::FormatNotPermitted`] for any other number.
    pub const fn from_number(number: u8) -> Result<Self, Error> {
        match number {
            0 => Ok(Self::Iso0),
            1 => Ok(Self::Iso1),
            2 => Ok(Self::Iso2),
            3 => Ok(Self::Iso3),
            4 => Ok(Self::Iso4),
            _ => Err(Error::FormatNotPermitted),
        }
    }

    /// The format of a name, in capitals: `ISO-0` to `ISO-4`; for format 0 also `ANSI X9.8`, `VISA-1` and `ECI-1`, for
    /// format 1 `ECI-4`, which are the same blocks. Other names of old stand for other blocks.
    ///
    /// # Errors
    /// [`Error::FormatNotPermitted`] for any other name.
    pub fn from_name(name: &str) -> Result<Self, Error> {
        match name {
            "ISO-0" | "ANSI X9.8" | "VISA-1" | "ECI-1" => Ok(Self::Iso0),
            "ISO-1" | "ECI-4" => Ok(Self::Iso1),
            "ISO-2" => Ok(Self::Iso2),
            "ISO-3" => Ok(Self::Iso3),
            "ISO-4" => Ok(Self::Iso4),
            _ => Err(Error::FormatNotPermitted),
        }
    }

    /// The format's number, which is its control nibble.
    #[must_use]
    pub const fn number(self) -> u8 {
        self as u8
    }

    /// Length of the block in bytes.
    #[must_use]
    pub const fn block_len(self) -> usize {
        match self {
            Self::Iso4 => FORMAT4_BLOCK_LEN,
            _ => BLOCK_LEN,
        }
    }

    /// Whether the PAN enters the block.
    #[must_use]
    pub const fn binds_pan(self) -> bool {
        matches!(self, Self::Iso0 | Self::Iso3 | Self::Iso4)
    }

    /// Whether a block of this format may be translated into one of format `to` under the same PAN.
    ///
    /// A block bound to a PAN never becomes one without, because then the PIN could be searched for by changing the
    /// PAN. Format 2 is for the card, which any PIN may reach; it is not made by translation, because under a zone's key
    /// all cardholders with one PIN would have one block.
    ///
    /// # Source
    /// ISO 9564-1, translation between formats.
    #[must_use]
    pub const fn translates_to(self, to: Self) -> bool {
        matches!(
            (self, to),
            (
                Self::Iso0 | Self::Iso1 | Self::Iso3 | Self::Iso4,
                Self::Iso0 | Self::Iso3 | Self::Iso4
            ) | (Self::Iso1, Self::Iso1)
        )
    }
}

/// Enciphers a PIN into a block of formats 0 to 3.
///
/// Called by the terminal, and by a host that translates. `pan`: needed for formats 0 and 3, which take the 12 digits
/// left of the check digit; not looked at for 1 and 2. Random fill (formats 1 and 3) is drawn from `rng`. `out` is
/// zero on error.
///
/// # Errors
/// [`Error::FormatNotPermitted`] for format 4, [`Error::InvalidPan`] for a PAN that is missing or has fewer than 13
/// digits (see [`Pan::zero_fill`]), [`Error::InvalidPin`] for an empty PIN, [`Error::NoKey`],
/// [`Error::InvalidKeyLength`] for a single-length key, [`Error::Entropy`] if the source failed or gives one byte all
/// the time; there is no fixed fill.
///
/// # Timing
/// Format and key length show. How often random nibbles outside A to F were thrown away shows too; it says nothing
/// about those that were taken.
///
/// # Source
/// ISO 9564-1, formats 0 to 3; vectors: `vectors/pinblock.txt`.
#[cfg_attr(target_os = "none", inline(never))]
pub fn encipher_tdea(
    key: &Key<PinEncryption, Tdea>,
    format: Format,
    pin: &Pin,
    pan: Option<&Pan>,
    rng: &mut impl Entropy,
    out: &mut [u8; BLOCK_LEN],
) -> Result<(), Error> {
    out.fill(0);
    let account = account_field(format, pan)?;
    pin.ready()?;
    scheduled!(let cipher = Tdes, tdea_material(key)?);
    let mut fill = Secret::zeroed();
    random_fill(format, rng, &mut fill)?;
    let mut block = Secret::zeroed();
    encode_into(format, pin, account, fill.expose(), &mut block);
    *out = cipher.encrypt(*block.expose());
    ct::public(out);
    Ok(())
}

/// Deciphers a block of formats 0 to 3 as the stated format.
///
/// `out` is empty on error.
///
/// # Errors
/// [`Error::FormatNotPermitted`], [`Error::InvalidPan`], [`Error::NoKey`] and [`Error::InvalidKeyLength`] as
/// [`encipher_tdea`]; [`Error::VerificationFailed`] if the block does not hold a PIN in this format.
///
/// # Timing
/// Format, key length and the verdict show; not what was wrong, and not the PIN's length.
///
/// # Source
/// ISO 9564-1, formats 0 to 3; vectors: `vectors/pinblock.txt`.
pub fn decipher_tdea(
    key: &Key<PinEncryption, Tdea>,
    format: Format,
    block: &[u8; BLOCK_LEN],
    pan: Option<&Pan>,
    out: &mut Pin,
) -> Result<(), Error> {
    ct::verdict(open_tdea(key, format, block, pan, out)?)
}

fn open_tdea(
    key: &Key<PinEncryption, Tdea>,
    format: Format,
    block: &[u8; BLOCK_LEN],
    pan: Option<&Pan>,
    out: &mut Pin,
) -> Result<Choice, Error> {
    out.zeroize();
    open_mixed(key, format, block, account_field(format, pan)?, out)
}

/// Deciphers a block that is mixed with `account`.
pub(crate) fn open_mixed(
    key: &Key<PinEncryption, Tdea>,
    format: Format,
    block: &[u8; BLOCK_LEN],
    account: [u8; BLOCK_LEN],
    out: &mut Pin,
) -> Result<Choice, Error> {
    out.zeroize();
    scheduled!(let cipher = Tdes, tdea_material(key)?);
    let mut clear = Secret::zeroed();
    *clear.expose_mut() = cipher.decrypt(*block);
    Ok(decode_from(format, &mut clear, account, out))
}

/// Enciphers a PIN into a block of format 4.
///
/// `pan`: 1 to 19 digits, all of which enter. PANs of fewer than 12 digits and PANs with leading zeros can share a
/// block. `out` is zero on error.
///
/// # Errors
/// [`Error::InvalidPin`] for an empty PIN, [`Error::NoKey`], [`Error::Entropy`].
///
/// # Timing
/// The key length shows.
///
/// # Source
/// ISO 9564-1, format 4; vectors: `vectors/pinblock.txt`, `vectors/dukpt_aes.txt`.
#[cfg_attr(target_os = "none", inline(never))]
pub fn encipher_aes(
    key: &Key<PinEncryption, Aes>,
    pin: &Pin,
    pan: &Pan,
    rng: &mut impl Entropy,
    out: &mut [u8; FORMAT4_BLOCK_LEN],
) -> Result<(), Error> {
    out.fill(0);
    pin.ready()?;
    scheduled!(let cipher = AesCipher, key.material()?);
    let mut random = Secret::zeroed();
    draw(rng, &mut random)?;
    format4_encipher(&cipher, pin, pan, random.expose(), out)
}

/// Deciphers a block of format 4.
///
/// `out` is empty on error. A wrong PAN or key gives a random field, which passes the checks about once in 2^24.
///
/// # Errors
/// [`Error::NoKey`]; [`Error::VerificationFailed`] if the block does not hold a PIN for this PAN.
///
/// # Timing
/// Key length and verdict show; not what was wrong, and not the PIN's length.
///
/// # Source
/// ISO 9564-1, format 4; vectors: `vectors/pinblock.txt`.
pub fn decipher_aes(
    key: &Key<PinEncryption, Aes>,
    block: &[u8; FORMAT4_BLOCK_LEN],
    pan: &Pan,
    out: &mut Pin,
) -> Result<(), Error> {
    ct::verdict(open_aes(key, block, pan, out)?)
}

fn open_aes(
    key: &Key<PinEncryption, Aes>,
    block: &[u8; FORMAT4_BLOCK_LEN],
    pan: &Pan,
    out: &mut Pin,
) -> Result<Choice, Error> {
    out.zeroize();
    scheduled!(let cipher = AesCipher, key.material()?);
    let mut field = Secret::zeroed();
    *field.expose_mut() = *block;
    modes::ecb_decrypt(&cipher, field.expose_mut())?;
    xor(field.expose_mut(), &pan.format4_field());
    modes::ecb_decrypt(&cipher, field.expose_mut())?;
    ct::secret(field.expose_mut());
    read_format4(&field, out)
}

/// A PIN key with the block format it is used for: one side of a translation.
#[derive(Clone, Copy, Debug)]
pub enum PinKey<'a> {
    /// TDEA with format 0, 1, 2 or 3.
    Tdea(&'a Key<PinEncryption, Tdea>, Format),
    /// AES with format 4.
    Aes(&'a Key<PinEncryption, Aes>),
}

impl PinKey<'_> {
    /// The format of the blocks.
    #[must_use]
    pub const fn format(&self) -> Format {
        match self {
            Self::Tdea(_, format) => *format,
            Self::Aes(_) => Format::Iso4,
        }
    }

    /// Enciphers into the first bytes of `out` and gives the block's length; `out` is zero on error.
    ///
    /// # Errors
    /// [`Error::BufferTooSmall`], and those of [`encipher_tdea`] and [`encipher_aes`].
    pub fn encipher(
        &self,
        pin: &Pin,
        pan: Option<&Pan>,
        rng: &mut impl Entropy,
        out: &mut [u8],
    ) -> Result<usize, Error> {
        out.fill(0);
        match self {
            Self::Tdea(key, format) => {
                let block = out.first_chunk_mut::<BLOCK_LEN>().ok_or(Error::BufferTooSmall)?;
                encipher_tdea(key, *format, pin, pan, rng, block)?;
                Ok(BLOCK_LEN)
            }
            Self::Aes(key) => {
                let block = out
                    .first_chunk_mut::<FORMAT4_BLOCK_LEN>()
                    .ok_or(Error::BufferTooSmall)?;
                encipher_aes(key, pin, pan.ok_or(Error::InvalidPan)?, rng, block)?;
                Ok(FORMAT4_BLOCK_LEN)
            }
        }
    }

    /// Deciphers a block of the format's length.
    ///
    /// # Errors
    /// [`Error::InvalidLength`] for another length, and those of [`decipher_tdea`] and [`decipher_aes`]; `out` is
    /// empty then.
    pub fn decipher(&self, block: &[u8], pan: Option<&Pan>, out: &mut Pin) -> Result<(), Error> {
        ct::verdict(self.open(block, pan, out)?)
    }

    /// Deciphers a block, and leaves the verdict on what is in it to be joined with others: `out` is empty if it is bad.
    pub(crate) fn open(&self, block: &[u8], pan: Option<&Pan>, out: &mut Pin) -> Result<Choice, Error> {
        out.zeroize();
        match self {
            Self::Tdea(key, format) => {
                let block = block.try_into().map_err(|_| Error::InvalidLength)?;
                open_tdea(key, *format, block, pan, out)
            }
            Self::Aes(key) => {
                let block = block.try_into().map_err(|_| Error::InvalidLength)?;
                open_aes(key, block, pan.ok_or(Error::InvalidPan)?, out)
            }
        }
    }
}

/// Translates a PIN block from one key and format to another, under one PAN for both sides.
///
/// The clear PIN exists only in here. Writes the new block into the first bytes of `out` and gives its length; `out`
/// is zero on error. Whether the two keys may meet is the module's policy.
///
/// # Errors
/// [`Error::FormatNotPermitted`] if [`Format::translates_to`] says no, before any cipher runs or random byte is drawn;
/// those of [`PinKey::decipher`] and [`PinKey::encipher`].
///
/// # Timing
/// Formats, key lengths and the verdict show.
pub fn translate(
    from: &PinKey<'_>,
    block: &[u8],
    to: &PinKey<'_>,
    pan: Option<&Pan>,
    rng: &mut impl Entropy,
    out: &mut [u8],
) -> Result<usize, Error> {
    out.fill(0);
    if guard!(
        "A01" | "A02" | "A08.conversion",
        !from.format().translates_to(to.format())
    ) {
        return Err(Error::FormatNotPermitted);
    }
    let mut pin = Pin::empty();
    from.decipher(block, pan, &mut pin)?;
    to.encipher(&pin, pan, rng, out)
}

/// The clear block of formats 0 to 3 with a given fill, for vectors.
///
/// `fill`: one nibble for each place behind the length; those that the PIN covers are not used. Formats 0 and 2 do
/// not look at it.
///
/// # Errors
/// Those of [`encipher_tdea`]; [`Error::InvalidArgument`] for a fill outside the format's range.
#[cfg(feature = "hazmat")]
pub fn encode(
    format: Format,
    pin: &Pin,
    pan: Option<&Pan>,
    fill: &[u8; TEXT_NIBBLES],
    out: &mut [u8; BLOCK_LEN],
) -> Result<(), Error> {
    out.fill(0);
    let account = account_field(format, pan)?;
    pin.ready()?;
    let fill = match format {
        Format::Iso0 | Format::Iso2 => &FILL_F,
        _ => fill,
    };
    // The fill is public here; what the PIN covers is in range for every format.
    let lowest = if format == Format::Iso3 { 10 } else { 0 };
    let (len, _) = pin.parts();
    if fill
        .iter()
        .skip(usize::from(len))
        .any(|nibble| !(lowest..16).contains(nibble))
    {
        return Err(Error::InvalidArgument);
    }
    let mut block = Secret::zeroed();
    encode_into(format, pin, account, fill, &mut block);
    *out = *block.expose();
    Ok(())
}

/// Reads a clear block of formats 0 to 3, for vectors.
///
/// # Errors
/// Those of [`decipher_tdea`].
#[cfg(feature = "hazmat")]
pub fn decode(format: Format, block: &[u8; BLOCK_LEN], pan: Option<&Pan>, out: &mut Pin) -> Result<(), Error> {
    out.zeroize();
    let account = account_field(format, pan)?;
    let mut clear = Secret::zeroed();
    *clear.expose_mut() = *block;
    ct::verdict(decode_from(format, &mut clear, account, out))
}

/// [`encipher_tdea`] with a given fill, for vectors.
///
/// # Errors
/// Those of [`encode`] and [`encipher_tdea`].
#[cfg(feature = "hazmat")]
pub fn encipher_tdea_with_fill(
    key: &Key<PinEncryption, Tdea>,
    format: Format,
    pin: &Pin,
    pan: Option<&Pan>,
    fill: &[u8; TEXT_NIBBLES],
    out: &mut [u8; BLOCK_LEN],
) -> Result<(), Error> {
    out.fill(0);
    scheduled!(let cipher = Tdes, tdea_material(key)?);
    let mut block = Secret::zeroed();
    encode(format, pin, pan, fill, block.expose_mut())?;
    *out = cipher.encrypt(*block.expose());
    Ok(())
}

/// The clear PIN field of format 4 with given random bytes, for vectors.
///
/// # Errors
/// [`Error::InvalidPin`] for an empty PIN.
#[cfg(feature = "hazmat")]
pub fn encode_format4(pin: &Pin, random: &[u8; 8], out: &mut [u8; FORMAT4_BLOCK_LEN]) -> Result<(), Error> {
    out.fill(0);
    pin.ready()?;
    let mut field = Secret::zeroed();
    write_format4(pin, random, &mut field);
    *out = *field.expose();
    Ok(())
}

/// Reads a clear PIN field of format 4, for vectors.
///
/// # Errors
/// [`Error::VerificationFailed`] if it does not hold a PIN.
#[cfg(feature = "hazmat")]
pub fn decode_format4(field: &[u8; FORMAT4_BLOCK_LEN], out: &mut Pin) -> Result<(), Error> {
    out.zeroize();
    let mut clear = Secret::zeroed();
    *clear.expose_mut() = *field;
    ct::verdict(read_format4(&clear, out)?)
}

/// [`encipher_aes`] with given random bytes, for vectors.
///
/// # Errors
/// Those of [`encipher_aes`].
#[cfg(feature = "hazmat")]
pub fn encipher_aes_with_fill(
    key: &Key<PinEncryption, Aes>,
    pin: &Pin,
    pan: &Pan,
    random: &[u8; 8],
    out: &mut [u8; FORMAT4_BLOCK_LEN],
) -> Result<(), Error> {
    out.fill(0);
    pin.ready()?;
    format4_encipher(&AesCipher::new(key.material()?)?, pin, pan, random, out)
}

/// What the format mixes into its PIN field; zeros for those without a PAN. Format 4 has no place here.
pub(crate) fn account_field(format: Format, pan: Option<&Pan>) -> Result<[u8; BLOCK_LEN], Error> {
    match format {
        Format::Iso0 | Format::Iso3 => pan.ok_or(Error::InvalidPan)?.account_field(),
        Format::Iso1 | Format::Iso2 => Ok([0; BLOCK_LEN]),
        Format::Iso4 => Err(Error::FormatNotPermitted),
    }
}

/// The material of a PIN key. Single DES has never been permitted for one.
fn tdea_material(key: &Key<PinEncryption, Tdea>) -> Result<&[u8], Error> {
    match key.material()? {
        material if material.len() < 16 => Err(Error::InvalidKeyLength),
        material => Ok(material),
    }
}

/// Control nibble and fill of a new block, in their places in the word of a PIN field.
#[cfg(feature = "host")]
pub(crate) fn fill_word(format: Format, rng: &mut impl Entropy) -> Result<u64, Error> {
    let mut fill = Secret::zeroed();
    random_fill(format, rng, &mut fill)?;
    let nibbles = fill.expose().iter();
    Ok(nibbles.fold(u64::from(format.number()) << 4, |sum, nibble| {
        (sum << 4) | u64::from(*nibble)
    }))
}

/// The fill nibbles of a new block.
fn random_fill(format: Format, rng: &mut impl Entropy, fill: &mut Secret<TEXT_NIBBLES>) -> Result<(), Error> {
    match format {
        Format::Iso1 => {
            let mut random = Secret::<8>::zeroed();
            draw(rng, &mut random)?;
            for (to, from) in fill.expose_mut().iter_mut().zip(nibbles(random.expose())) {
                *to = from;
            }
            Ok(())
        }
        Format::Iso3 => random_letters(rng, fill),
        _ => {
            *fill.expose_mut() = FILL_F;
            Ok(())
        }
    }
}

/// Nibbles uniform over A to F: three random bits are taken if they are below 6, else thrown away. What is thrown
/// away is independent of what is taken, so the branch on it tells nothing.
fn random_letters(rng: &mut impl Entropy, fill: &mut Secret<TEXT_NIBBLES>) -> Result<(), Error> {
    let mut random = Secret::<16>::zeroed();
    let mut places = fill.expose_mut().iter_mut();
    let mut place = places.next();
    for _ in 0..MAX_DRAWS {
        draw(rng, &mut random)?;
        for nibble in nibbles(random.expose()) {
            let Some(letter) = &mut place else {
                return Ok(());
            };
            let bits = nibble & 7;
            let mut taken = [ct::mask_lt(bits, 6)];
            ct::public(&mut taken);
            if taken != [0] {
                **letter = bits.wrapping_add(10);
                place = places.next();
            }
        }
    }
    Err(Error::Entropy)
}

/// The clear block: the PIN field, mixed with the account field.
fn encode_into(
    format: Format,
    pin: &Pin,
    account: [u8; BLOCK_LEN],
    fill: &[u8; TEXT_NIBBLES],
    out: &mut Secret<BLOCK_LEN>,
) {
    write_field(format, pin, fill, out.expose_mut());
    xor(out.expose_mut(), &account);
}

/// The clear PIN field of format 0 or 2, with which a script to a card does what it needs.
#[cfg(any(feature = "host", feature = "oda"))]
pub(crate) fn write_clear(format: Format, pin: &Pin, out: &mut Secret<BLOCK_LEN>) -> Result<(), Error> {
    pin.ready()?;
    write_field(format, pin, &FILL_F, out.expose_mut());
    Ok(())
}

/// Reads the clear PIN field of format 0 or 2.
#[cfg(feature = "host")]
pub(crate) fn read_clear(format: Format, field: &mut Secret<BLOCK_LEN>, out: &mut Pin) -> Result<(), Error> {
    ct::verdict(decode_from(format, field, [0; BLOCK_LEN], out))
}

/// Reads the clear block, which is unmixed in place.
fn decode_from(format: Format, block: &mut Secret<BLOCK_LEN>, account: [u8; BLOCK_LEN], out: &mut Pin) -> Choice {
    xor(block.expose_mut(), &account);
    ct::secret(block.expose_mut());
    ct::choice(read_field(format, block.expose(), out))
}

fn write_format4(pin: &Pin, random: &[u8; 8], out: &mut Secret<FORMAT4_BLOCK_LEN>) {
    if let ([field, tail], []) = out.expose_mut().as_chunks_mut::<8>() {
        write_field(Format::Iso4, pin, &FILL_A, field);
        *tail = *random;
    }
}

fn read_format4(field: &Secret<FORMAT4_BLOCK_LEN>, out: &mut Pin) -> Result<Choice, Error> {
    let (field, _) = field.expose().split_first_chunk().ok_or(Error::Internal)?;
    Ok(guard!("A09.field", ct::choice(read_field(Format::Iso4, field, out))))
}

/// The random bytes of a new block of format 4.
#[cfg(feature = "host")]
pub(crate) fn random_tail(rng: &mut impl Entropy, out: &mut Secret<8>) -> Result<(), Error> {
    draw(rng, out)
}

/// C = E(E(PIN field) xor PAN field).
fn format4_encipher(
    cipher: &AesCipher,
    pin: &Pin,
    pan: &Pan,
    random: &[u8; 8],
    out: &mut [u8; FORMAT4_BLOCK_LEN],
) -> Result<(), Error> {
    let mut block = Secret::zeroed();
    write_format4(pin, random, &mut block);
    modes::ecb_encrypt(cipher, block.expose_mut())?;
    xor(block.expose_mut(), &pan.format4_field());
    modes::ecb_encrypt(cipher, block.expose_mut())?;
    *out = *block.expose();
    ct::public(out);
    Ok(())
}

/// Control, length, PIN and fill. The fill stands at every place; the PIN's digits cover it as far as they reach.
fn write_field(format: Format, pin: &Pin, fill: &[u8; TEXT_NIBBLES], out: &mut [u8; 8]) {
    let (len, digits) = pin.parts();
    let mut text = digits
        .iter()
        .chain(&[0, 0])
        .zip(fill)
        .zip(0..)
        .map(|((&digit, &fill), i)| ct::select(ct::mask_lt(i, len), digit, fill));
    let [head, rest @ ..] = out;
    *head = (format.number() << 4) | len;
    for byte in rest {
        *byte = (text.next().unwrap_or(0) << 4) | text.next().unwrap_or(0);
    }
}

/// Checks control, length, digits and fill, and copies the PIN: ones if all is well, else zeros and an empty PIN.
fn read_field(format: Format, field: &[u8; 8], out: &mut Pin) -> u8 {
    let [head, rest @ ..] = field;
    let len = head & 15;
    let mut ok = guard!("A08.format", ct::mask_eq(head >> 4, format.number())) & super::mask_len(len);
    for (nibble, i) in nibbles(rest).zip(0..) {
        let filled = match format {
            Format::Iso0 | Format::Iso2 => ct::mask_eq(nibble, 0xF),
            Format::Iso1 => 0xFF,
            Format::Iso3 => !ct::mask_digit(nibble),
            Format::Iso4 => ct::mask_eq(nibble, 0xA),
        };
        ok &= ct::select(ct::mask_lt(i, len), ct::mask_digit(nibble), filled);
    }
    let [own_len, own @ ..] = out.0.expose_mut();
    *own_len = len & ok;
    for ((to, nibble), i) in own.iter_mut().zip(nibbles(rest)).zip(0..MAX_LEN) {
        *to = nibble & ct::mask_lt(i, len) & ok;
    }
    ok
}

fn xor<const N: usize>(to: &mut [u8; N], from: &[u8; N]) {
    for (t, f) in to.iter_mut().zip(from) {
        *t ^= f;
    }
}

#[cfg(all(test, feature = "host"))]
mod tests {
    use super::*;

    /// The field of a script to a card: control, length, digits and F.
    #[test]
    fn clear_fields() {
        let mut pin = Pin::empty();
        pin.assign(4, &[1, 2, 3, 4, 0, 0, 0, 0, 0, 0, 0, 0]).unwrap();
        let mut field = Secret::zeroed();
        write_clear(Format::Iso2, &pin, &mut field).unwrap();
        assert_eq!(*field.expose(), [0x24, 0x12, 0x34, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF]);
        let mut back = Pin::empty();
        read_clear(Format::Iso2, &mut field, &mut back).unwrap();
        assert_eq!(back.parts(), pin.parts());
        field.expose_mut()[7] = 0xF0;
        assert_eq!(
            read_clear(Format::Iso2, &mut field, &mut back),
            Err(Error::VerificationFailed)
        );
        assert_eq!(back.parts().0, 0);
        assert!(write_clear(Format::Iso2, &Pin::empty(), &mut field).is_err());
    }
}
