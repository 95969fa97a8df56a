// SPDX-License-Identifier: MIT OR Apache-2.0
//! PINs, PANs and blocks as the commands take and show them.

use payhsm::error::Error;
use payhsm::key::role::PinEncryption;
use payhsm::key::usage::{KeyAlgorithm, strength_bits};
use payhsm::key::{Aes, Key, Tdea};
use payhsm::pin::block::{self, Format, PinKey};
use payhsm::pin::{Pan, Pin};

use crate::args::Call;
use crate::fail::{Failure, Named as _, Result};
use crate::random::System;
use crate::report::Report;
use crate::secrets::Wiped;
use crate::spec::{Spec, flag, option, secret};

/// The PAN.
pub const PAN: &[Spec] = &[
    option(
        "pan",
        "DIGITS",
        "the PAN with its check digit; formats 0, 3 and 4 need it",
    ),
    flag(
        "short-pan",
        "formats 0 and 3: let a PAN of fewer than 13 digits be filled with zeros on the left",
    ),
];

/// The PIN.
pub const PIN: &[Spec] = &[secret("pin", "the PIN, 4 to 12 digits")];

/// Where a fill is to be repeatable.
pub const FILL: &[Spec] = &[option(
    "fill",
    "HEX",
    "random fill to be used instead of fresh one: digits behind the PIN (1, 3), 8 bytes (4)",
)];

/// The block.
pub const BLOCK: &[Spec] = &[option("block", "HEX", "the enciphered PIN block: 8 bytes, format 4: 16").needed()];

/// A PIN block format.
pub fn format(name: &str, text: &str) -> Result<Format> {
    let text = text.trim_start_matches("iso-").trim_start_matches("iso");
    text.parse()
        .ok()
        .and_then(|number| Format::from_number(number).ok())
        .ok_or_else(|| {
            Failure::refused(format!(
                "{name}: a format of ISO 9564-1 is expected: 0 (ANSI X9.8, Visa-1), 1, 2, 3 or 4 (AES)"
            ))
        })
}

/// The PAN, if it is given.
pub fn get_pan(call: &Call) -> Result<Option<Pan>> {
    let Some(text) = call.get("pan") else { return Ok(None) };
    let pan = Pan::parse(text.as_bytes()).expected("pan", "1 to 19 decimal digits and nothing else are expected")?;
    Ok(Some(if call.flag("short-pan") { pan.zero_fill() } else { pan }))
}

/// The PAN, where the format binds it.
pub fn pan_for(call: &Call, format: Format, out: &mut Report) -> Result<Option<Pan>> {
    let pan = get_pan(call)?;
    match &pan {
        None if format.binds_pan() => {
            return Err(Failure::Usage(format!(
                "--pan is missing: format {} mixes the PAN into the block",
                format.number()
            )));
        }
        Some(pan) if format.binds_pan() => {
            if format != Format::Iso4 {
                pan.account_field().expected(
                    "pan",
                    "formats 0 and 3 need 13 digits or more, with the check digit; --short-pan fills a shorter one",
                )?;
            }
            out.text("pan", "PAN", pan.to_string());
        }
        Some(_) => out.note(format!("format {} does not look at the PAN", format.number())),
        None => {}
    }
    Ok(pan)
}

/// The PIN.
pub fn pin(call: &Call) -> Result<Pin> {
    parse(&call.secret("pin")?)
}

/// A PIN of decimal text.
pub fn parse(text: &Wiped) -> Result<Pin> {
    let expected = "4 to 12 decimal digits are expected";
    let mut digits = Wiped::of(&[0; 12]);
    if text.len() > digits.len() {
        return Err(Error::InvalidPin).expected("pin", expected);
    }
    for (digit, c) in digits.bytes_mut().iter_mut().zip(text.bytes()) {
        *digit = c.wrapping_sub(b'0');
    }
    let len = u8::try_from(text.len()).unwrap_or(0);
    let digits: &[u8; 12] = digits.bytes().try_into().map_err(|_| Failure::refused("pin"))?;
    let mut pin = Pin::empty();
    pin.enter(len, digits).expected("pin", expected)?;
    Ok(pin)
}

/// Shows the PIN, if secrets are shown.
pub fn show(out: &mut Report, pin: &Pin) {
    let (len, digits) = pin.expose();
    let mut text = Wiped::with_room(12);
    for digit in digits.iter().take(usize::from(len)) {
        // There is room for all of them.
        let _ = text.push(b'0' + digit);
    }
    out.secret_text("pin", "PIN", core::str::from_utf8(text.bytes()).unwrap_or_default());
}

/// A PIN encryption key.
pub enum BlockKey {
    /// Formats 0 to 3.
    Tdea(Key<PinEncryption, Tdea>),
    /// Format 4.
    Aes(Key<PinEncryption, Aes>),
}

impl BlockKey {
    /// From bytes.
    pub fn new(name: &str, algorithm: KeyAlgorithm, key: &[u8]) -> Result<Self> {
        match algorithm {
            KeyAlgorithm::Aes => Key::from_bytes(key)
                .expected(name, super::keys::lengths(algorithm))
                .map(Self::Aes),
            _ => Key::from_bytes(key)
                .expected(name, super::keys::lengths(algorithm))
                .map(Self::Tdea),
        }
    }

    /// Security strength in bits.
    pub fn strength(&self) -> u16 {
        match self {
            Self::Tdea(key) => strength_bits(KeyAlgorithm::Tdea, key.len()),
            Self::Aes(key) => strength_bits(KeyAlgorithm::Aes, key.len()),
        }
    }

    /// With the format of its blocks.
    pub fn with(&self, format: Format) -> Result<PinKey<'_>> {
        match (self, format) {
            (Self::Aes(key), Format::Iso4) => Ok(PinKey::Aes(key)),
            (Self::Tdea(key), Format::Iso0 | Format::Iso1 | Format::Iso2 | Format::Iso3) => {
                Ok(PinKey::Tdea(key, format))
            }
            (Self::Aes(_), _) => Err(Failure::refused(format!(
                "format: blocks of format {} have 8 bytes and are enciphered under TDES; an AES key takes format 4",
                format.number()
            ))),
            (Self::Tdea(_), _) => Err(Failure::refused(
                "format: blocks of format 4 have 16 bytes and are enciphered under AES; a TDES key takes formats 0 to 3",
            )),
        }
    }
}

/// Fill nibbles by place: `text` has those behind the PIN.
fn nibbles(pin: &Pin, text: &str) -> Result<[u8; 14]> {
    let (len, _) = pin.expose();
    let mut fill = [0xF; 14];
    let mut rest = text.chars();
    for place in fill.iter_mut().skip(usize::from(len)) {
        let digit = rest
            .next()
            .and_then(|c| c.to_digit(16))
            .and_then(|n| u8::try_from(n).ok());
        *place = digit
            .ok_or_else(|| Failure::refused("fill: a hexadecimal digit for each place behind the PIN is expected"))?;
    }
    Ok(fill)
}

/// A clear block of formats 0 to 3.
pub fn encode(format: Format, pin: &Pin, pan: Option<&Pan>, fill: Option<&str>) -> Result<[u8; 8]> {
    let mut drawn = [0; 14];
    let fill = match (fill, format) {
        (Some(text), _) => nibbles(pin, text)?,
        (None, Format::Iso1 | Format::Iso3) => {
            payhsm::entropy::Entropy::fill(&mut System, &mut drawn).named("fill")?;
            // Sixteen values of each byte give each digit; of six, as nearly as a display block needs.
            drawn.map(|byte| {
                if format == Format::Iso3 {
                    10 + byte % 6
                } else {
                    byte % 16
                }
            })
        }
        (None, _) => [0xF; 14],
    };
    let mut block = [0; 8];
    block::encode(format, pin, pan, &fill, &mut block).expected("fill", "format 3 takes A to F")?;
    Ok(block)
}

/// The clear PIN field of format 4.
pub fn format4_field(pin: &Pin, fill: Option<&str>) -> Result<[u8; 16]> {
    let mut random = [0; 8];
    match fill {
        Some(text) => {
            let bytes = crate::args::public_hex("fill", text)?;
            random = bytes
                .as_slice()
                .try_into()
                .map_err(|_| crate::args::wrong_len("fill", text, 8))?;
        }
        None => payhsm::entropy::Entropy::fill(&mut System, &mut random).named("fill")?,
    }
    let mut field = [0; 16];
    block::encode_format4(pin, &random, &mut field).named("pin")?;
    Ok(field)
}

/// Says which part of a clear block is not as the format has it: control, length, PIN or fill. Whoever asks holds the
/// clear block.
pub fn explain_clear(clear: &[u8], format: Format, pan: Option<&Pan>, out: &mut Report) {
    let mut field = Wiped::of(clear.get(..8).unwrap_or_default());
    if let (Some(Ok(account)), Format::Iso0 | Format::Iso3) = (pan.map(Pan::account_field), format) {
        for (byte, mask) in field.bytes_mut().iter_mut().zip(account) {
            *byte ^= mask;
        }
    }
    let mut nibbles = field.bytes().iter().flat_map(|byte| [byte >> 4, byte & 15]);
    let (control, len) = (nibbles.next().unwrap_or(0), nibbles.next().unwrap_or(0));
    if control != format.number() {
        out.note(format!(
            "control digit {control:X}: a block of format {} begins with {}",
            format.number(),
            format.number()
        ));
    }
    if !(4..=12).contains(&len) {
        out.note(format!("length digit {len:X}: a PIN has 4 to 12 digits"));
        return;
    }
    let fits = |nibble: u8| match format {
        Format::Iso0 | Format::Iso2 => nibble == 15,
        Format::Iso1 => true,
        Format::Iso3 => nibble > 9,
        Format::Iso4 => nibble == 10,
    };
    for (place, nibble) in (0..).zip(nibbles) {
        if place < len && nibble > 9 {
            out.note(format!(
                "digit {} of the PIN is no decimal digit: a wrong PAN or key",
                place + 1
            ));
            return;
        }
        if place >= len && !fits(nibble) {
            out.note(format!(
                "the fill behind the PIN is wrong at place {}: a wrong PAN or key",
                place + 1
            ));
            return;
        }
    }
}

/// Enciphers a PIN.
pub fn encipher(key: &BlockKey, format: Format, pin: &Pin, pan: Option<&Pan>, fill: Option<&str>) -> Result<Vec<u8>> {
    let mut out = [0; 16];
    let len = match (fill, key) {
        (None, _) => key
            .with(format)?
            .encipher(pin, pan, &mut System, &mut out)
            .named("PIN block")?,
        (Some(text), BlockKey::Tdea(tdea)) => {
            key.with(format)?;
            let mut block = [0; 8];
            block::encipher_tdea_with_fill(tdea, format, pin, pan, &nibbles(pin, text)?, &mut block)
                .expected("fill", "format 3 takes A to F")?;
            if let Some(left) = out.first_chunk_mut() {
                *left = block;
            }
            8
        }
        (Some(text), BlockKey::Aes(aes)) => {
            key.with(format)?;
            let random = crate::args::public_hex("fill", text)?;
            let random = random
                .as_slice()
                .try_into()
                .map_err(|_| crate::args::wrong_len("fill", text, 8))?;
            let pan = pan.ok_or_else(|| Failure::Usage("--pan is missing".to_owned()))?;
            block::encipher_aes_with_fill(aes, pin, pan, random, &mut out).named("PIN block")?;
            16
        }
    };
    Ok(out.into_iter().take(len).collect())
}

/// Whether a block holds a PIN as stated.
pub fn opens(key: &BlockKey, format: Format, text: &[u8], pan: Option<&Pan>) -> bool {
    key.with(format)
        .is_ok_and(|key| key.decipher(text, pan, &mut Pin::empty()).is_ok())
}

/// Deciphers a block; if it holds no PIN as stated, tells as what it would.
pub fn decipher(key: &BlockKey, format: Format, text: &[u8], pan: Option<&Pan>, out: &mut Report) -> Result<Pin> {
    if text.len() != format.block_len() {
        return Err(Failure::refused(format!(
            "block has {} hexadecimal digits: a block of format {} has {}",
            text.len() * 2,
            format.number(),
            format.block_len() * 2
        )));
    }
    let mut pin = Pin::empty();
    let result = key.with(format)?.decipher(text, pan, &mut pin);
    out.yes("well_formed", "well-formed", result.is_ok());
    if result == Err(Error::VerificationFailed) {
        hints(key, format, text, pan, out);
        return Err(Failure::No(format!(
            "block: it holds no PIN in format {} under this key{}",
            format.number(),
            if format.binds_pan() { " and PAN" } else { "" }
        )));
    }
    result.named("block")?;
    Ok(pin)
}

fn hints(key: &BlockKey, format: Format, text: &[u8], pan: Option<&Pan>, out: &mut Report) {
    let formats = [Format::Iso0, Format::Iso1, Format::Iso2, Format::Iso3];
    for other in formats.into_iter().filter(|other| *other != format) {
        if opens(key, other, text, pan) {
            out.note(format!(
                "under the same key it is well-formed in format {}",
                other.number()
            ));
        }
    }
    if let (Some(pan), true) = (pan, format.binds_pan()) {
        // Without its check digit the same account number has one digit less; with another one, one more.
        let digits: String = pan.digits().iter().map(|digit| char::from(b'0' + digit)).collect();
        let without = digits.get(..digits.len().saturating_sub(1)).unwrap_or_default();
        for (text_pan, what) in [
            (format!("{digits}0"), "the PAN here lacks its check digit"),
            (
                without.to_owned(),
                "the other side took the PAN without its check digit",
            ),
        ] {
            let pan = Pan::parse(text_pan.as_bytes()).map(Pan::zero_fill);
            if pan.is_ok_and(|pan| opens(key, format, text, Some(&pan))) {
                out.note(format!("it is well-formed if {what}"));
            }
        }
    }
    out.note("a wrong key is the usual cause: compare the check values above with the other side's");
}
