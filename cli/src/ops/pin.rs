// SPDX-License-Identifier: MIT OR Apache-2.0
//! PIN blocks, PIN verification values and offsets of the IBM 3624.

use payhsm::cipher::{aes::Aes as AesCipher, modes, tdes::Tdes};
use payhsm::error::Error;
use payhsm::key::role::{PinEncryption, PinVerification3624, PinVerificationVisa};
use payhsm::key::{Key, Tdea};
use payhsm::pin::block::{self, Format};
use payhsm::pin::ibm3624::{self, Table as DecimalisationTable, Validation};
use payhsm::pin::{Pan, Pin, pvv};

use super::Table;
use crate::cases::parameter;
use crate::value::{Case, Done, Stop, to_hex};

pub const LINE: Table = &[
    ("pinblock_encode", pinblock_encode),
    ("pinblock_decode", pinblock_decode),
    ("pinblock_reject", pinblock_decode),
    ("pinblock4_encipher", pinblock4_encipher),
    ("pinblock4_decipher", pinblock4_decipher),
    ("pinblock4_reject", pinblock4_decipher),
    ("pin_translate", pin_translate),
    ("visa_pvv", visa_pvv),
    ("ibm3624_pin", ibm3624_pin),
    ("ibm3624_offset", ibm3624_offset),
];

pub const FAMILY: Table = &[
    ("pinblock_encode", family_encode),
    ("pinblock_encode_reject", family_encode),
    ("pinblock_decode", family_decode),
    ("pinblock_decode_reject", family_decode),
    ("pinblock_encipher", pinblock_encipher),
    ("pinblock_translate", pinblock_translate),
    ("iso4_pin_field", iso4_pin_field),
    ("iso4_pan_field", iso4_pan_field),
    ("iso4_encipher", iso4_encipher),
    ("iso4_decipher_reject", iso4_decipher),
    ("visa_pvv", family_visa_pvv),
    ("visa_pvv_reject", family_visa_pvv),
    ("ibm3624_natural_pin", family_natural_pin),
    ("ibm3624_offset", family_offset),
    ("ibm3624_reject", family_3624_reject),
];

/// A PIN of decimal text. Whether it is one is the library's verdict; only what has no form at all stops here.
pub fn pin(text: &str) -> Result<Pin, Stop> {
    let mut digits = [0; 12];
    if text.len() > digits.len() {
        return Err(Stop::NoForm("PIN length"));
    }
    for (digit, c) in digits.iter_mut().zip(text.bytes()) {
        *digit = c.wrapping_sub(b'0');
    }
    let len = u8::try_from(text.len()).map_err(|_| Stop::NoForm("PIN length"))?;
    Ok(Pin::from_entry(len, &digits)?)
}

/// The decimal text of a PIN.
fn pin_text(pin: &Pin) -> String {
    let (len, digits) = pin.expose();
    digits
        .iter()
        .take(usize::from(len))
        .map(|digit| char::from(b'0' + digit))
        .collect()
}

pub fn pan(text: &str) -> Result<Pan, Stop> {
    Ok(Pan::parse(text.as_bytes())?)
}

fn opt_pan(text: Option<&str>) -> Result<Option<Pan>, Stop> {
    text.map(pan).transpose()
}

pub fn format(number: i64) -> Result<Format, Stop> {
    u8::try_from(number)
        .ok()
        .and_then(|number| Format::from_number(number).ok())
        .map_or_else(|| parameter("format", number), Ok)
}

/// Bytes of a fixed length.
pub fn array<const N: usize>(bytes: &[u8]) -> Result<[u8; N], Stop> {
    bytes.try_into().map_err(|_| Stop::NoForm("length"))
}

/// The fill nibbles by place: `text` gives those behind the PIN, in order; more than there are places go unused.
fn fill(pin: &Pin, text: Option<&str>) -> Result<[u8; 14], Stop> {
    let mut fill = [0xF; 14];
    let (len, _) = pin.expose();
    for (place, c) in fill
        .iter_mut()
        .skip(usize::from(len))
        .zip(text.unwrap_or_default().chars())
    {
        let nibble = c.to_digit(16).and_then(|n| u8::try_from(n).ok());
        *place = nibble.ok_or(Stop::NoForm("fill digit"))?;
    }
    Ok(fill)
}

/// A clear block of formats 0 to 3.
pub fn encode(format: Format, pin: &Pin, pan: Option<&Pan>, text: Option<&str>) -> Result<[u8; 8], Stop> {
    let mut out = [0; 8];
    block::encode(format, pin, pan, &fill(pin, text)?, &mut out)?;
    Ok(out)
}

/// An enciphered block of formats 0 to 3.
pub fn encipher(
    key: &Key<PinEncryption, Tdea>,
    format: Format,
    pin: &Pin,
    pan: Option<&Pan>,
    text: Option<&str>,
) -> Result<[u8; 8], Stop> {
    let mut out = [0; 8];
    block::encipher_tdea_with_fill(key, format, pin, pan, &fill(pin, text)?, &mut out)?;
    Ok(out)
}

/// An enciphered block of format 4.
pub fn encipher4(key: &[u8], pin: &Pin, pan: &Pan, random: &[u8]) -> Result<[u8; 16], Stop> {
    let mut out = [0; 16];
    block::encipher_aes_with_fill(&Key::from_bytes(key)?, pin, pan, &array(random)?, &mut out)?;
    Ok(out)
}

fn pinblock_encode(case: &Case) -> Done {
    let (number, digits) = (case.int("format"), case.text("pin"));
    let (text, account) = (case.text("fill"), case.opt_text("pan"));
    let (format, pin) = (format(number)?, pin(digits)?);
    case.expect_hex("block", &encode(format, &pin, opt_pan(account)?.as_ref(), Some(text))?);
    Ok(())
}

fn decode(format: Format, bytes: &[u8], pan: Option<&Pan>) -> Result<Pin, Stop> {
    let mut pin = Pin::empty();
    if format == Format::Iso4 {
        block::decode_format4(&array(bytes)?, &mut pin)?;
    } else {
        block::decode(format, &array(bytes)?, pan, &mut pin)?;
    }
    Ok(pin)
}

fn pinblock_decode(case: &Case) -> Done {
    let (number, bytes, account) = (case.int("format"), case.hex("block"), case.opt_text("pan"));
    let pin = decode(format(number)?, &bytes, opt_pan(account)?.as_ref())?;
    case.expect("pin", pin_text(&pin));
    Ok(())
}

fn pinblock4_encipher(case: &Case) -> Done {
    let (key, digits, account) = (case.hex("key"), case.text("pin"), case.text("pan"));
    let random = case.hex("random");
    let (pin, pan) = (pin(digits)?, pan(account)?);
    let mut field = [0; 16];
    block::encode_format4(&pin, &array(&random)?, &mut field)?;
    case.expect_hex("pin_field", &field);
    case.expect_hex("pan_field", &pan.format4_field());
    case.expect_hex("block", &encipher4(&key, &pin, &pan, &random)?);
    Ok(())
}

fn decipher4(key: &[u8], bytes: &[u8], pan: &Pan) -> Result<Pin, Stop> {
    let mut pin = Pin::empty();
    block::decipher_aes(&Key::from_bytes(key)?, &array(bytes)?, pan, &mut pin)?;
    Ok(pin)
}

fn pinblock4_decipher(case: &Case) -> Done {
    let (key, bytes, account) = (case.hex("key"), case.hex("block"), case.text("pan"));
    let pin = decipher4(&key, &bytes, &pan(account)?)?;
    case.expect("pin", pin_text(&pin));
    Ok(())
}

fn decipher(format: Format, key: &[u8], bytes: &[u8], pan: &Pan) -> Result<Pin, Stop> {
    if format == Format::Iso4 {
        return decipher4(key, bytes, pan);
    }
    let mut pin = Pin::empty();
    block::decipher_tdea(&Key::from_bytes(key)?, format, &array(bytes)?, Some(pan), &mut pin)?;
    Ok(pin)
}

/// The steps of a translation, with the given fill in the second: the library's own translation draws it.
fn pin_translate(case: &Case) -> Done {
    let (src_format, src_key, src_block) = (case.int("src_format"), case.hex("src_key"), case.hex("src_block"));
    let (dst_format, dst_key, dst_fill) = (case.int("dst_format"), case.hex("dst_key"), case.text("dst_fill"));
    let pan = pan(case.text("pan"));
    let (src_format, dst_format, pan) = (format(src_format)?, format(dst_format)?, pan?);
    let pin = decipher(src_format, &src_key, &src_block, &pan)?;
    case.expect("pin", pin_text(&pin));
    if dst_format == Format::Iso4 {
        let random = crate::value::from_hex(dst_fill).ok_or(Stop::NoForm("fill digit"))?;
        case.expect_hex("dst_block", &encipher4(&dst_key, &pin, &pan, &random)?);
    } else {
        let key = Key::from_bytes(&dst_key)?;
        case.expect_hex(
            "dst_block",
            &encipher(&key, dst_format, &pin, Some(&pan), Some(dst_fill))?,
        );
    }
    Ok(())
}

/// One decimal digit's value.
fn digit(text: &str) -> Result<u8, Stop> {
    match text.as_bytes() {
        [c] => Ok(c.wrapping_sub(b'0')),
        _ => Err(Stop::NoForm("key index")),
    }
}

fn pvv_text(pvk: &[u8], pvki: u8, pan: &Pan, pin: &Pin) -> Result<String, Stop> {
    let key = Key::<PinVerificationVisa, Tdea>::from_bytes(pvk)?;
    let value = pvv::generate(&key, pvki, pan, pin)?;
    pvv::verify(&key, pvki, pan, pin, &value)?;
    Ok(value.digits().iter().map(|digit| char::from(b'0' + digit)).collect())
}

fn visa_pvv(case: &Case) -> Done {
    let (pvk, pvki) = (case.hex("pvk"), case.text("pvki"));
    let (digits, account) = (case.text("pin"), case.text("pan"));
    let (pvki, pin, pan) = (digit(pvki)?, pin(digits)?, pan(account)?);
    case.expect("pvv", pvv_text(&pvk, pvki, &pan, &pin)?);
    case.expect("second_pass", second_pass(&pvk, pvki, &pan, &pin)?);
    Ok(())
}

/// Whether the digits 0 to 9 of the cipher text did not suffice. The library does not tell: its decimalisation takes
/// both passes always.
fn second_pass(pvk: &[u8], pvki: u8, pan: &Pan, pin: &Pin) -> Result<bool, Stop> {
    let (_, digits) = pin.expose();
    let account = pan.pvv_digits()?;
    let nibbles: Vec<u8> = account
        .iter()
        .chain([&pvki])
        .chain(digits.iter().take(4))
        .copied()
        .collect();
    let (pairs, _) = nibbles.as_chunks::<2>();
    let mut block: Vec<u8> = pairs.iter().map(|[high, low]| high << 4 | low).collect();
    modes::ecb_encrypt(&Tdes::new(pvk)?, &mut block)?;
    Ok(to_hex(&block).bytes().filter(u8::is_ascii_digit).count() < 4)
}

fn family_encode(case: &Case) -> Done {
    let (number, digits) = (case.int("format"), case.text("pin"));
    let (text, account) = (case.opt_text("fill"), case.opt_text("pan"));
    let (format, pin, pan) = (format(number)?, pin(digits)?, opt_pan(account)?);
    if format == Format::Iso4 {
        // Only refusals: the PAN is judged on its own, the PIN by its field.
        pan.ok_or(Error::InvalidPan)?;
        block::encode_format4(&pin, &[0; 8], &mut [0; 16])?;
        return Ok(());
    }
    case.expect_hex("pinblock", &encode(format, &pin, pan.as_ref(), text)?);
    Ok(())
}

fn family_decode(case: &Case) -> Done {
    let (number, bytes, account) = (case.int("format"), case.hex("pinblock"), case.opt_text("pan"));
    let pin = decode(format(number)?, &bytes, opt_pan(account)?.as_ref())?;
    case.expect("pin", pin_text(&pin));
    Ok(())
}

fn pinblock_encipher(case: &Case) -> Done {
    let (number, key) = (case.int("format"), case.hex("key"));
    let (digits, account) = (case.text("pin"), case.opt_text("pan"));
    let (format, pin, pan) = (format(number)?, pin(digits)?, opt_pan(account)?);
    let key = Key::from_bytes(&key)?;
    case.expect_hex("encrypted", &encipher(&key, format, &pin, pan.as_ref(), None)?);
    Ok(())
}

fn pinblock_translate(case: &Case) -> Done {
    let (key_in, format_in, encrypted) = (case.hex("key_in"), case.int("format_in"), case.hex("encrypted_in"));
    let (key_out, format_out) = (case.hex("key_out"), case.int("format_out"));
    let (pan_in, pan_out) = (case.text("pan_in"), case.text("pan_out"));
    let text = case.opt_text("fill");
    let pin = decipher(format(format_in)?, &key_in, &encrypted, &pan(pan_in)?)?;
    case.expect("pin", pin_text(&pin));
    let key = Key::from_bytes(&key_out)?;
    let block = encipher(&key, format(format_out)?, &pin, Some(&pan(pan_out)?), text)?;
    case.expect_hex("encrypted_out", &block);
    Ok(())
}

fn iso4_pin_field(case: &Case) -> Done {
    let (digits, random) = (case.text("pin"), case.hex("random"));
    let mut field = [0; 16];
    block::encode_format4(&pin(digits)?, &array(&random)?, &mut field)?;
    case.expect_hex("pin_field", &field);
    Ok(())
}

fn iso4_pan_field(case: &Case) -> Done {
    let account = case.text("pan");
    case.expect_hex("pan_field", &pan(account)?.format4_field());
    Ok(())
}

/// What lies between the clear fields of format 4 and its block.
pub struct Iso4 {
    pub pin_field: [u8; 16],
    pub block_a: [u8; 16],
    pub block_b: [u8; 16],
}

/// Deciphers a block of format 4 step by step.
pub fn iso4_steps(key: &[u8], block: &[u8], pan: &Pan) -> Result<Iso4, Stop> {
    let cipher = AesCipher::new(key)?;
    let mut block_b = array(block)?;
    modes::ecb_decrypt(&cipher, &mut block_b)?;
    let mut block_a = block_b;
    for (to, from) in block_a.iter_mut().zip(pan.format4_field()) {
        *to ^= from;
    }
    let mut pin_field = block_a;
    modes::ecb_decrypt(&cipher, &mut pin_field)?;
    Ok(Iso4 {
        pin_field,
        block_a,
        block_b,
    })
}

fn iso4_encipher(case: &Case) -> Done {
    let (key, digits, account) = (case.hex("key"), case.text("pin"), case.text("pan"));
    let (random, printed) = (case.opt_hex("random"), case.answer_hex("pinblock").unwrap_or_default());
    let (pin, pan) = (pin(digits)?, pan(account)?);
    // A source that does not print its random bytes has them in the block.
    let random = match random {
        Some(random) => random,
        None => iso4_steps(&key, &printed, &pan)?
            .pin_field
            .into_iter()
            .skip(8)
            .collect(),
    };
    let block = encipher4(&key, &pin, &pan, &random)?;
    case.expect_hex("pinblock", &block);
    let steps = iso4_steps(&key, &block, &pan)?;
    case.expect_hex("block_a", &steps.block_a);
    case.expect_hex("block_b", &steps.block_b);
    let back = decipher4(&key, &block, &pan)?;
    case.expect("pin", pin_text(&back));
    Ok(())
}

fn iso4_decipher(case: &Case) -> Done {
    let (key, bytes, account) = (case.hex("key"), case.hex("pinblock"), case.text("pan"));
    decipher4(&key, &bytes, &pan(account)?)?;
    Ok(())
}

fn family_visa_pvv(case: &Case) -> Done {
    let (pvk, pvki) = (case.hex("pvk"), case.text("pvki"));
    let (digits, account) = (case.text("pin"), case.text("pan"));
    let value = pvv_text(&pvk, digit(pvki)?, &pan(account)?, &pin(digits)?)?;
    case.expect("pvv", value);
    Ok(())
}

/// The values of decimal text; whether they are digits is the library's verdict.
fn digit_values(text: &str) -> Vec<u8> {
    text.bytes().map(|c| c.wrapping_sub(b'0')).collect()
}

fn digit_text(digits: &[u8]) -> String {
    digits.iter().map(|digit| char::from(b'0' + digit)).collect()
}

/// Natural PIN plus offset.
fn pin_3624(pvk: &[u8], table: &str, validation: &[u8; 8], offset: &str) -> Result<String, Stop> {
    let key = Key::<PinVerification3624, Tdea>::from_bytes(pvk)?;
    let mut out = vec![0; offset.len()];
    let table = DecimalisationTable::parse(table.as_bytes())?;
    ibm3624::pin_digits(&key, &table, validation, &digit_values(offset), &mut out)?;
    Ok(digit_text(&out))
}

/// PIN minus natural PIN.
fn offset_3624(pvk: &[u8], table: &str, validation: &[u8; 8], pin: &str) -> Result<String, Stop> {
    let key = Key::<PinVerification3624, Tdea>::from_bytes(pvk)?;
    let mut out = vec![0; pin.len()];
    let table = DecimalisationTable::parse(table.as_bytes())?;
    ibm3624::offset_digits(&key, &table, validation, &digit_values(pin), &mut out)?;
    Ok(digit_text(&out))
}

fn validation(account: &str, start: i64, length: i64, pad: &str) -> Result<[u8; 8], Stop> {
    let number = |n: i64| u8::try_from(n).map_err(|_| Stop::NoForm("place in the PAN"));
    let pad = match pad.as_bytes() {
        [c] => char::from(*c)
            .to_digit(16)
            .and_then(|n| u8::try_from(n).ok())
            .ok_or(Stop::NoForm("pad")),
        _ => Err(Stop::NoForm("pad")),
    };
    let validation = Validation::new(number(start)?, number(length)?, pad?)?;
    Ok(validation.data(&pan(account)?)?)
}

/// What both operations of the case lines have.
fn given_3624(case: &Case) -> (Vec<u8>, &str, Result<[u8; 8], Stop>) {
    let (pvk, table) = (case.hex("pvk"), case.text("table"));
    let (account, start, length) = (case.text("pan"), case.int("start"), case.int("length"));
    let (pad, printed) = (case.text("pad"), case.hex("validation"));
    let data = validation(account, start, length, pad).and_then(|data| {
        if data[..] == printed {
            Ok(data)
        } else {
            Err(Stop::NoForm("validation data"))
        }
    });
    (pvk, table, data)
}

fn ibm3624_pin(case: &Case) -> Done {
    let (pvk, table, data) = given_3624(case);
    let offset = case.text("offset");
    case.expect("pin", pin_3624(&pvk, table, &data?, offset)?);
    Ok(())
}

fn ibm3624_offset(case: &Case) -> Done {
    let (pvk, table, data) = given_3624(case);
    let pin = case.text("pin");
    case.expect("offset", offset_3624(&pvk, table, &data?, pin)?);
    Ok(())
}

fn family_natural_pin(case: &Case) -> Done {
    let (pvk, table) = (case.hex("pvk"), case.text("decimalization_table"));
    let data = case.hex("validation_data");
    case.expect("natural_pin", pin_3624(&pvk, table, &array(&data)?, "0000")?);
    Ok(())
}

fn family_offset(case: &Case) -> Done {
    let (pvk, table) = (case.hex("pvk"), case.text("decimalization_table"));
    let (data, pin) = (case.hex("validation_data"), case.text("pin"));
    case.expect("offset", offset_3624(&pvk, table, &array(&data)?, pin)?);
    Ok(())
}

/// With an offset or a PIN.
fn family_3624_reject(case: &Case) -> Done {
    let (pvk, table) = (case.hex("pvk"), case.text("decimalization_table"));
    let (account, start, length) = (case.text("pan"), case.int("pan_offset"), case.int("pan_length"));
    let (pad, offset, pin) = (case.text("pan_pad"), case.opt_text("offset"), case.opt_text("pin"));
    let data = validation(account, start, length, pad)?;
    match (offset, pin) {
        (Some(offset), _) => pin_3624(&pvk, table, &data, offset)?,
        (None, Some(pin)) => offset_3624(&pvk, table, &data, pin)?,
        (None, None) => return Err(Stop::NoForm("neither PIN nor offset")),
    };
    Ok(())
}
