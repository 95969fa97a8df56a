// SPDX-License-Identifier: MIT OR Apache-2.0
//! Known answers: PIN blocks of ISO 9564-1, the Visa PVV, PINs and offsets of the IBM 3624.
#![cfg(all(feature = "hazmat", feature = "host"))]

#[path = "common/vectors.rs"]
mod vectors;

use payhsm::cipher::tdes::Tdes;
use payhsm::error::Error;
use payhsm::key::role::{PinEncryption, PinVerification3624, PinVerificationVisa};
use payhsm::key::{Aes, Key, Tdea};
use payhsm::pin::block::{self, Format, PinKey};
use payhsm::pin::ibm3624::{self, Offset, Profile, Table, Validation};
use payhsm::pin::pvv::{self, Pvv};
use payhsm::pin::{Pan, Pin};

/// A PIN from text; anything that is no PIN is refused by the library, not here.
fn pin(text: &str) -> Result<Pin, Error> {
    let mut digits = [0; 12];
    let len = u8::try_from(text.len()).map_err(|_| Error::InvalidPin)?;
    for (i, c) in text.bytes().enumerate() {
        *digits.get_mut(i).ok_or(Error::InvalidPin)? = c.wrapping_sub(b'0');
    }
    Pin::from_entry(len, &digits)
}

fn text(pin: &Pin) -> String {
    let (len, digits) = pin.expose();
    digits[..usize::from(len)]
        .iter()
        .map(|d| char::from(b'0' + d))
        .collect()
}

fn format(number: i64) -> Format {
    Format::from_number(number.try_into().unwrap()).unwrap()
}

/// Fill digits in order, as nibbles that end at the last place of the block.
fn fill(text: Option<String>, len: usize) -> [u8; 14] {
    let mut out = [0xF; 14];
    if let Some(text) = text {
        for (to, c) in out[len..].iter_mut().zip(text.chars()) {
            *to = c.to_digit(16).unwrap().try_into().unwrap();
        }
    }
    out
}

struct NoEntropy;

impl payhsm::entropy::Entropy for NoEntropy {
    fn fill(&mut self, _: &mut [u8]) -> Result<(), Error> {
        Err(Error::Entropy)
    }
}

#[test]
fn encode() {
    let cases = vectors::cases("pinblock", "pinblock_encode");
    assert_eq!(cases.len(), 21);
    for case in cases {
        let (format, text_pin) = (format(case.int("Format")), case.text("Pin"));
        let pan = case.opt_text("Pan").map(|pan| Pan::parse(pan.as_bytes()).unwrap());
        let fill = fill(case.opt("Fill").map(word), text_pin.len());
        let expected = case.array::<8>("Pinblock");
        let mut out = [0x55; 8];
        block::encode(format, &pin(&text_pin).unwrap(), pan.as_ref(), &fill, &mut out).unwrap();
        assert_eq!(out, expected, "{}", case.id());
        let key = Key::<PinEncryption, Tdea>::from_bytes(&[0x57; 16]).unwrap();
        block::encipher_tdea_with_fill(&key, format, &pin(&text_pin).unwrap(), pan.as_ref(), &fill, &mut out).unwrap();
        assert_eq!(out, Tdes::new(&[0x57; 16]).unwrap().encrypt(expected), "{}", case.id());
        let mut back = Pin::empty();
        block::decode(format, &expected, pan.as_ref(), &mut back).unwrap();
        assert_eq!(text(&back), text_pin);
        // The twin of another format, and of another length.
        for bit in [0x80, 0x10, 0x08] {
            let mut twin = expected;
            twin[0] ^= bit;
            let verdict = block::decode(format, &twin, pan.as_ref(), &mut back);
            if bit == 0x08 && verdict.is_ok() {
                assert!(format == Format::Iso1, "{}", case.id());
            } else {
                assert_eq!(verdict, Err(Error::VerificationFailed), "{}", case.id());
                assert_eq!(back.expose(), (0, &[0; 12]));
            }
        }
    }
}

/// A bare word, or a text.
fn word(value: vectors::Value) -> String {
    match value {
        vectors::Value::Bare(word) | vectors::Value::Text(word) => word,
        vectors::Value::List(_) => panic!("a list"),
    }
}

#[test]
fn decode() {
    let cases = vectors::cases("pinblock", "pinblock_decode");
    assert_eq!(cases.len(), 6);
    for case in cases {
        let pan = case.opt_text("Pan").map(|pan| Pan::parse(pan.as_bytes()).unwrap());
        let mut out = Pin::empty();
        let (format, expected) = (format(case.int("Format")), case.text("Pin"));
        match case.hex("Pinblock").as_slice().try_into() {
            Ok(field) => block::decode(format, field, pan.as_ref(), &mut out).unwrap(),
            Err(_) => panic!("{}", case.id()),
        }
        assert_eq!(text(&out), expected, "{}", case.id());
    }
}

#[test]
fn decode_reject() {
    let cases = vectors::cases("pinblock", "pinblock_decode_reject");
    assert_eq!(cases.len(), 23);
    let (mut by_block, mut by_argument) = (0, 0);
    for case in cases {
        let (number, bytes) = (case.int("Format"), case.hex("Pinblock"));
        let pan = case.opt_text("Pan").map(|pan| Pan::parse(pan.as_bytes()));
        let mut out = pin("1234").unwrap();
        let result = match pan.transpose() {
            Err(e) => Err(e),
            Ok(pan) if number == 4 => match bytes.as_slice().try_into() {
                Ok(field) => {
                    assert!(pan.is_none());
                    block::decode_format4(field, &mut out)
                }
                Err(_) => Err(Error::InvalidLength),
            },
            Ok(pan) => match bytes.as_slice().try_into() {
                Ok(field) => block::decode(format(number), field, pan.as_ref(), &mut out),
                Err(_) => Err(Error::InvalidLength),
            },
        };
        match result {
            Err(Error::VerificationFailed) => {
                assert_eq!(out.expose(), (0, &[0; 12]), "{}", case.id());
                by_block += 1;
            }
            Err(Error::InvalidPan | Error::InvalidLength) => by_argument += 1,
            other => panic!("{} {other:?}", case.id()),
        }
    }
    assert_eq!((by_block, by_argument), (18, 5));
}

#[test]
fn encode_reject() {
    let cases = vectors::cases("pinblock", "pinblock_encode_reject");
    assert_eq!(cases.len(), 15);
    for case in cases {
        let (number, text_pin) = (case.int("Format"), case.text("Pin"));
        let pan = case.opt_text("Pan").map(|pan| Pan::parse(pan.as_bytes())).transpose();
        let mut out = [0x55; 8];
        let result = match (pin(&text_pin), pan) {
            (Err(e), _) | (_, Err(e)) => Err(e),
            (Ok(pin), Ok(pan)) => block::encode(format(number), &pin, pan.as_ref(), &[0xA; 14], &mut out),
        };
        match result {
            Err(Error::InvalidPin | Error::InvalidPan) => {}
            other => panic!("{} {other:?}", case.id()),
        }
    }
}

#[test]
fn format4_fields() {
    let cases = vectors::cases("pinblock", "iso4_pin_field");
    assert_eq!(cases.len(), 5);
    for case in cases {
        let (text_pin, random) = (case.text("Pin"), case.array("Random"));
        let expected = case.array("Pin_field");
        let mut out = [0; 16];
        block::encode_format4(&pin(&text_pin).unwrap(), &random, &mut out).unwrap();
        assert_eq!(out, expected, "{}", case.id());
        let mut back = Pin::empty();
        block::decode_format4(&expected, &mut back).unwrap();
        assert_eq!(text(&back), text_pin);
    }
    let cases = vectors::cases("pinblock", "iso4_pan_field");
    assert_eq!(cases.len(), 18);
    for case in cases {
        let pan = Pan::parse(case.text("Pan").as_bytes()).unwrap();
        assert_eq!(pan.format4_field(), case.array("Pan_field"), "{}", case.id());
    }
}

#[test]
fn format4_encipher() {
    let cases = vectors::cases("pinblock", "iso4_encipher");
    assert_eq!(cases.len(), 5);
    for case in cases {
        let raw = case.hex("Key");
        let key = Key::<PinEncryption, Aes>::from_bytes(&raw).unwrap();
        let (text_pin, pan) = (case.text("Pin"), Pan::parse(case.text("Pan").as_bytes()).unwrap());
        let expected = case.array::<16>("Pinblock");
        let mut back = Pin::empty();
        block::decipher_aes(&key, &expected, &pan, &mut back).unwrap();
        assert_eq!(text(&back), text_pin, "{}", case.id());
        // The random bytes where the source does not print them, and the intermediate blocks.
        let cipher = payhsm::cipher::aes::Aes::new(&raw).unwrap();
        let mut field = expected;
        payhsm::cipher::modes::ecb_decrypt(&cipher, &mut field).unwrap();
        if let Some(b) = case.opt_hex("Block_b") {
            assert_eq!(field[..], b);
        }
        for (to, from) in field.iter_mut().zip(pan.format4_field()) {
            *to ^= from;
        }
        if let Some(a) = case.opt_hex("Block_a") {
            assert_eq!(field[..], a);
        }
        payhsm::cipher::modes::ecb_decrypt(&cipher, &mut field).unwrap();
        let random: [u8; 8] = field[8..].try_into().unwrap();
        if let Some(given) = case.opt_hex("Random") {
            assert_eq!(random[..], given);
        }
        let mut out = [0; 16];
        block::encipher_aes_with_fill(&key, &pin(&text_pin).unwrap(), &pan, &random, &mut out).unwrap();
        assert_eq!(out, expected, "{}", case.id());
        for bit in 0..128 {
            let mut twin = expected;
            twin[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(
                block::decipher_aes(&key, &twin, &pan, &mut back),
                Err(Error::VerificationFailed)
            );
            assert_eq!(back.expose(), (0, &[0; 12]));
        }
    }
}

#[test]
fn format4_reject() {
    let cases = vectors::cases("pinblock", "iso4_decipher_reject");
    assert_eq!(cases.len(), 5);
    for case in cases {
        let key = Key::<PinEncryption, Aes>::from_bytes(&case.hex("Key")).unwrap();
        let pan = Pan::parse(case.text("Pan").as_bytes());
        let mut out = pin("1234").unwrap();
        let result = pan.and_then(|pan| PinKey::Aes(&key).decipher(&case.hex("Pinblock"), Some(&pan), &mut out));
        case.discard();
        match result {
            Err(Error::VerificationFailed | Error::InvalidLength) => assert_eq!(out.expose(), (0, &[0; 12])),
            Err(Error::InvalidPan) => {}
            other => panic!("{} {other:?}", case.id()),
        }
    }
}

#[test]
fn encipher() {
    let cases = vectors::cases("pinblock", "pinblock_encipher");
    assert_eq!(cases.len(), 2);
    for case in cases {
        let key = Key::<PinEncryption, Tdea>::from_bytes(&case.hex("Key")).unwrap();
        let (text_pin, pan) = (case.text("Pin"), Pan::parse(case.text("Pan").as_bytes()).unwrap());
        let (format, expected) = (format(case.int("Format")), case.array("Encrypted"));
        let mut out = [0; 8];
        // Format 0 draws no random bytes.
        block::encipher_tdea(
            &key,
            format,
            &pin(&text_pin).unwrap(),
            Some(&pan),
            &mut NoEntropy,
            &mut out,
        )
        .unwrap();
        assert_eq!(out, expected, "{}", case.id());
        let mut back = Pin::empty();
        block::decipher_tdea(&key, format, &out, Some(&pan), &mut back).unwrap();
        assert_eq!(text(&back), text_pin);
        for bit in 0..64 {
            let mut twin = out;
            twin[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(
                block::decipher_tdea(&key, format, &twin, Some(&pan), &mut back),
                Err(Error::VerificationFailed)
            );
        }
    }
}

#[test]
fn translate() {
    let cases = vectors::cases("pinblock", "pinblock_translate");
    assert_eq!(cases.len(), 2);
    for case in cases {
        let key = |name| Key::<PinEncryption, Tdea>::from_bytes(&case.hex(name)).unwrap();
        let (from, to) = (key("Key_in"), key("Key_out"));
        let pan = case.text("Pan_in");
        assert_eq!(pan, case.text("Pan_out"));
        let pan = Pan::parse(pan.as_bytes()).unwrap();
        let (from, to) = (
            PinKey::Tdea(&from, format(case.int("Format_in"))),
            PinKey::Tdea(&to, format(case.int("Format_out"))),
        );
        let (input, expected, text_pin) = (case.hex("Encrypted_in"), case.hex("Encrypted_out"), case.text("Pin"));
        let mut out = [0x55; 16];
        let len = block::translate(&from, &input, &to, Some(&pan), &mut NoEntropy, &mut out).unwrap();
        assert_eq!(out[..len], expected, "{}", case.id());
        let mut back = Pin::empty();
        to.decipher(&out[..len], Some(&pan), &mut back).unwrap();
        assert_eq!(text(&back), text_pin);
        // A twin translates into nothing.
        let mut twin = input.clone();
        twin[0] ^= 1;
        out.fill(0x55);
        assert_eq!(
            block::translate(&from, &twin, &to, Some(&pan), &mut NoEntropy, &mut out),
            Err(Error::VerificationFailed)
        );
        assert_eq!(out, [0; 16]);
    }
}

#[test]
fn visa_pvv() {
    let cases = vectors::cases("card_verification", "visa_pvv");
    assert_eq!(cases.len(), 8);
    for case in cases {
        let key = Key::<PinVerificationVisa, Tdea>::from_bytes(&case.hex("Pvk")).unwrap();
        let pvki = case.text("Pvki").parse().unwrap();
        let pan = Pan::parse(case.text("Pan").as_bytes()).unwrap();
        let (pin_text, expected) = (case.text("Pin"), Pvv::parse(case.text("Pvv").as_bytes()).unwrap());
        let entered = pin(&pin_text).unwrap();
        let computed = pvv::generate(&key, pvki, &pan, &entered).unwrap();
        assert_eq!(computed.digits(), expected.digits(), "{}", case.id());
        assert_eq!(pvv::verify(&key, pvki, &pan, &entered, &expected), Ok(()));
        // Only the first four digits enter.
        let longer = pin(&format!("{}98", &pin_text[..4])).unwrap();
        assert_eq!(pvv::verify(&key, pvki, &pan, &longer, &expected), Ok(()));
        for place in 0..4 {
            let mut twin = *expected.digits();
            twin[place] = (twin[place] + 1) % 10;
            let twin = Pvv::from_digits(&twin).unwrap();
            assert_eq!(
                pvv::verify(&key, pvki, &pan, &entered, &twin),
                Err(Error::VerificationFailed)
            );
        }
    }
}

#[test]
fn visa_pvv_reject() {
    let cases = vectors::cases("card_verification", "visa_pvv_reject");
    assert_eq!(cases.len(), 9);
    for case in cases {
        let raw = case.hex("Pvk");
        let (pvki, pan, pin_text) = (case.text("Pvki"), case.text("Pan"), case.text("Pin"));
        let attempt = || -> Result<Pvv, Error> {
            let key = Key::<PinVerificationVisa, Tdea>::from_bytes(&raw)?;
            let pvki = match pvki.as_bytes() {
                [digit] => digit.wrapping_sub(b'0'),
                _ => return Err(Error::InvalidDigit),
            };
            pvv::generate(&key, pvki, &Pan::parse(pan.as_bytes())?, &pin(&pin_text)?)
        };
        assert!(attempt().is_err(), "{}", case.id());
    }
}

#[test]
fn wrong_keys_and_pairings() {
    let pan = Pan::parse(b"5432101234567890").unwrap();
    let entered = pin("1234").unwrap();
    let single = Key::<PinEncryption, Tdea>::from_bytes(&[0x57; 8]).unwrap();
    let double = Key::<PinEncryption, Tdea>::from_bytes(b"0123456789ABCDEF").unwrap();
    let empty = Key::<PinEncryption, Tdea>::empty();
    let mut out = [0x55; 8];
    let mut attempt = |key: &Key<PinEncryption, Tdea>, format, pin: &Pin, pan: Option<&Pan>| {
        out.fill(0x55);
        let result = block::encipher_tdea(key, format, pin, pan, &mut NoEntropy, &mut out);
        assert_eq!(out == [0; 8], result.is_err());
        let mut back = Pin::from_entry(4, &[1; 12].map(|_| 0)).unwrap();
        let deciphered = block::decipher_tdea(key, format, &[7; 8], pan, &mut back);
        assert!(deciphered.is_err());
        assert_eq!(back.expose(), (0, &[0; 12]));
        result
    };
    assert_eq!(attempt(&double, Format::Iso0, &entered, Some(&pan)), Ok(()));
    assert_eq!(attempt(&double, Format::Iso2, &entered, None), Ok(()));
    assert_eq!(
        attempt(&double, Format::Iso4, &entered, Some(&pan)),
        Err(Error::FormatNotPermitted)
    );
    assert_eq!(attempt(&double, Format::Iso0, &entered, None), Err(Error::InvalidPan));
    assert_eq!(attempt(&double, Format::Iso3, &entered, None), Err(Error::InvalidPan));
    assert_eq!(
        attempt(&double, Format::Iso0, &Pin::empty(), Some(&pan)),
        Err(Error::InvalidPin)
    );
    assert_eq!(
        attempt(&single, Format::Iso0, &entered, Some(&pan)),
        Err(Error::InvalidKeyLength)
    );
    assert_eq!(attempt(&empty, Format::Iso0, &entered, Some(&pan)), Err(Error::NoKey));
    for format in [Format::Iso1, Format::Iso3] {
        assert_eq!(attempt(&double, format, &entered, Some(&pan)), Err(Error::Entropy));
    }
    let aes = Key::<PinEncryption, Aes>::from_bytes(&[0x57; 16]).unwrap();
    let mut out = [0x55; 16];
    assert_eq!(
        block::encipher_aes(&aes, &entered, &pan, &mut NoEntropy, &mut out),
        Err(Error::Entropy)
    );
    assert_eq!(out, [0; 16]);
    // A PVK is a pair.
    for len in [8, 24] {
        let key = Key::<PinVerificationVisa, Tdea>::from_bytes(&vec![0x57; len]).unwrap();
        assert_eq!(
            pvv::generate(&key, 1, &pan, &entered).unwrap_err(),
            Error::InvalidKeyLength
        );
    }
    let formats = [Format::Iso0, Format::Iso1, Format::Iso2, Format::Iso3, Format::Iso4];
    for (number, format) in (0..).zip(formats) {
        assert_eq!(Format::from_number(number), Ok(format));
    }
    assert_eq!(Format::from_number(5), Err(Error::FormatNotPermitted));
}

fn digits(text: &str) -> Vec<u8> {
    text.bytes().map(|c| c.wrapping_sub(b'0')).collect()
}

/// Behind the PIN format 3 has hexadecimal digits from A, format 1 any.
#[test]
fn fill_is_of_its_format() {
    let (pin, pan) = (pin("1234").unwrap(), Pan::parse(b"5413330089020011").unwrap());
    for digit in 0..=16 {
        let encode = |format| block::encode(format, &pin, Some(&pan), &[digit; 14], &mut [0; 8]);
        assert_eq!(encode(Format::Iso1).is_ok(), digit < 16, "{digit}");
        assert_eq!(encode(Format::Iso3).is_ok(), (10..16).contains(&digit), "{digit}");
    }
}

/// Two faults of the same kind are faults all the same.
#[test]
fn ibm3624_takes_digits_alone() {
    let key = Key::<PinVerification3624, Tdea>::from_bytes(&[0x57; 16]).unwrap();
    for given in [
        [1, 2, 3, 10],
        [1, 10, 10, 4],
        [0x11, 2, 0x13, 4],
        [0xF1, 0xF1, 0xF3, 0xF4],
    ] {
        let mut out = [5; 4];
        let refused = ibm3624::pin_digits(&key, &Table::STANDARD, &[0x12; 8], &given, &mut out);
        assert_eq!((refused, out), (Err(Error::InvalidDigit), [0; 4]), "{given:?}");
    }
}

/// The profile under which `data` is the validation data of a PAN: its digits, and the pad behind them.
fn profile_of(data: &[u8], table: Table, pin_len: u8) -> (Profile, Pan) {
    let text = data.iter().flat_map(|byte| [byte >> 4, byte & 15]);
    let account: Vec<u8> = text.clone().take_while(|n| *n < 10).map(|n| n + b'0').collect();
    let len = account.len().try_into().unwrap();
    let pad = text.last().unwrap();
    let validation = Validation::new(0, len, pad).unwrap();
    assert_eq!(validation.data(&Pan::parse(&account).unwrap()).unwrap()[..], *data);
    (
        Profile::new(table, validation, len, pin_len).unwrap(),
        Pan::parse(&account).unwrap(),
    )
}

#[test]
fn ibm3624_natural_pin() {
    let cases = vectors::cases("card_verification", "ibm3624_natural_pin");
    assert_eq!(cases.len(), 5);
    for case in cases {
        let key = Key::<PinVerification3624, Tdea>::from_bytes(&case.hex("Pvk")).unwrap();
        let table = Table::parse(case.text("Decimalization_table").as_bytes()).unwrap();
        let (data, expected) = (case.array::<8>("Validation_data"), case.text("Natural_pin"));
        let mut out = vec![0; expected.len()];
        ibm3624::pin_digits(&key, &table, &data, &vec![0; expected.len()], &mut out).unwrap();
        assert_eq!(out, digits(&expected), "{}", case.id());
        let (profile, pan) = profile_of(&data, table, 4);
        let (mut natural, zero) = (Pin::empty(), Offset::parse(b"0000").unwrap());
        ibm3624::derive(&key, &profile, &pan, &zero, &mut natural).unwrap();
        assert_eq!(text(&natural), expected);
        assert_eq!(ibm3624::verify(&key, &profile, &pan, &natural, &zero), Ok(()));
    }
}

#[test]
fn ibm3624_offset() {
    let cases = vectors::cases("card_verification", "ibm3624_offset");
    assert_eq!(cases.len(), 9);
    for case in cases {
        let key = Key::<PinVerification3624, Tdea>::from_bytes(&case.hex("Pvk")).unwrap();
        let table = Table::parse(case.text("Decimalization_table").as_bytes()).unwrap();
        let data = case.array::<8>("Validation_data");
        let (pin_text, expected) = (case.text("Pin"), case.text("Offset"));
        let mut out = vec![0; pin_text.len()];
        ibm3624::offset_digits(&key, &table, &data, &digits(&pin_text), &mut out).unwrap();
        assert_eq!(out, digits(&expected), "{}", case.id());
        ibm3624::pin_digits(&key, &table, &data, &digits(&expected), &mut out).unwrap();
        assert_eq!(out, digits(&pin_text), "{}", case.id());
        let len = u8::try_from(pin_text.len()).unwrap();
        let (profile, pan) = profile_of(&data, table, len);
        let (entered, offset) = (pin(&pin_text).unwrap(), Offset::parse(expected.as_bytes()).unwrap());
        assert_eq!(ibm3624::generate(&key, &profile, &pan, &entered).unwrap(), offset);
        let verify = |pin: &Pin, offset: &Offset| ibm3624::verify(&key, &profile, &pan, pin, offset);
        let failed = Err(Error::VerificationFailed);
        assert_eq!(verify(&entered, &offset), Ok(()));
        // One digit of the offset or of the PIN, or one digit more.
        for place in 0..pin_text.len() {
            let (mut twin, mut other) = (digits(&expected), digits(&pin_text));
            twin[place] = (twin[place] + 1) % 10;
            assert_eq!(verify(&entered, &Offset::from_digits(&twin).unwrap()), failed);
            other[place] = (other[place] + 1) % 10;
            let other: String = other.iter().map(|d| char::from(b'0' + d)).collect();
            assert_eq!(verify(&pin(&other).unwrap(), &offset), failed);
        }
        let longer = pin(&format!("{pin_text}0")).unwrap();
        assert_eq!(verify(&longer, &offset), failed);
        assert_eq!(
            ibm3624::generate(&key, &profile, &pan, &longer).unwrap_err(),
            Error::VerificationFailed
        );
        let short = Offset::from_digits(&vec![0; pin_text.len() + 1]).unwrap();
        assert_eq!(verify(&entered, &short), Err(Error::InvalidLength));
    }
}

#[test]
fn ibm3624_reject() {
    let cases = vectors::cases("card_verification", "ibm3624_reject");
    assert_eq!(cases.len(), 22);
    for case in cases {
        let (raw, table, account) = (case.hex("Pvk"), case.text("Decimalization_table"), case.text("Pan"));
        let (start, len, pad) = (case.int("Pan_offset"), case.int("Pan_length"), case.text("Pan_pad"));
        let (offset, pin_text) = (case.opt_text("Offset"), case.opt_text("Pin"));
        let attempt = || -> Result<(), Error> {
            let key = Key::<PinVerification3624, Tdea>::from_bytes(&raw)?;
            let table = Table::parse(table.as_bytes())?;
            let pad = match pad.as_bytes() {
                [c] => char::from(*c).to_digit(16).ok_or(Error::InvalidDigit)?,
                _ => return Err(Error::InvalidLength),
            };
            let number = |n: i64| u8::try_from(n).unwrap();
            let validation = Validation::new(number(start), number(len), u8::try_from(pad).unwrap())?;
            let data = validation.data(&Pan::parse(account.as_bytes())?)?;
            let given = digits(offset.as_ref().or(pin_text.as_ref()).unwrap());
            let mut out = vec![0x55; given.len()];
            let result = if offset.is_some() {
                ibm3624::pin_digits(&key, &table, &data, &given, &mut out)
            } else {
                ibm3624::offset_digits(&key, &table, &data, &given, &mut out)
            };
            assert!(out.iter().all(|digit| *digit == 0), "{}", case.id());
            result
        };
        assert!(attempt().is_err(), "{}", case.id());
    }
}

/// The rightmost digits are those that an offset of fewer digits covers.
#[test]
fn ibm3624_check_length() {
    let key = Key::<PinVerification3624, Tdea>::from_bytes(&[0x13, 0x57, 0x9B, 0xDF, 0x24, 0x68, 0xAC, 0xE0]).unwrap();
    let validation = Validation::new(3, 12, 15).unwrap();
    let pan = Pan::parse(b"5432101234567890").unwrap();
    let whole = Profile::new(Table::STANDARD, validation, 16, 6).unwrap();
    let entered = pin("271828").unwrap();
    let long = ibm3624::generate(&key, &whole, &pan, &entered).unwrap();
    for check_len in 4..=6_u8 {
        let profile = whole.with_check_len(check_len).unwrap();
        let offset = ibm3624::generate(&key, &profile, &pan, &entered).unwrap();
        let skipped = usize::from(6 - check_len);
        assert_eq!(offset.digits(), &long.digits()[skipped..]);
        for place in 0..6 {
            let mut other = digits("271828");
            other[place] = (other[place] + 1) % 10;
            let other: String = other.iter().map(|d| char::from(b'0' + d)).collect();
            let result = ibm3624::verify(&key, &profile, &pan, &pin(&other).unwrap(), &offset);
            assert_eq!(result.is_ok(), place < skipped, "{check_len} {place}");
        }
        // A PIN of another length never counts, whatever its last digits are.
        for other in ["71828", "1271828", "1828"] {
            assert_eq!(
                ibm3624::verify(&key, &profile, &pan, &pin(other).unwrap(), &offset),
                Err(Error::VerificationFailed)
            );
        }
        let mut derived = pin("1234").unwrap();
        let result = ibm3624::derive(&key, &profile, &pan, &offset, &mut derived);
        if skipped == 0 {
            assert_eq!((result, text(&derived)), (Ok(()), "271828".to_owned()));
        } else {
            assert_eq!(result, Err(Error::InvalidLength));
            assert_eq!(derived.expose(), (0, &[0; 12]));
        }
        assert_eq!(
            ibm3624::verify(&key, &profile, &pan, &Pin::empty(), &offset),
            Err(Error::InvalidPin)
        );
    }
    let other = Pan::parse(b"54321012345678900").unwrap();
    assert_eq!(
        ibm3624::generate(&key, &whole, &other, &entered).unwrap_err(),
        Error::InvalidPan
    );
    let empty = Key::<PinVerification3624, Tdea>::empty();
    assert_eq!(
        ibm3624::generate(&empty, &whole, &pan, &entered).unwrap_err(),
        Error::NoKey
    );
}

/// What stands on a card shows nothing of itself, as it goes into a log.
#[test]
fn values_are_not_shown() {
    let shown = [
        format!("{:?}", Pvv::parse(b"9081").unwrap()),
        format!("{:?}", Offset::parse(b"9081").unwrap()),
        format!("{:?}", Table::STANDARD),
        format!(
            "{:?}",
            Pin::from_entry(4, &[9, 0, 8, 1, 0, 0, 0, 0, 0, 0, 0, 0]).unwrap()
        ),
    ];
    for text in shown {
        assert!(
            text.ends_with("{ .. }") && !text.contains(|c: char| c.is_ascii_digit()),
            "{text}"
        );
    }
}
