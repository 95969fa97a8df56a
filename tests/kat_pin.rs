// SPDX-License-Identifier: MIT OR Apache-2.0
//! Known answers: PIN blocks of ISO 9564-1 and the Visa PVV.
#![cfg(all(feature = "hazmat", feature = "host"))]

#[path = "common/vectors.rs"]
mod vectors;

use payhsm::error::Error;
use payhsm::key::role::{PinEncryption, PinVerificationVisa};
use payhsm::key::{Aes, Key, Tdea};
use payhsm::pin::block::{self, Format, PinKey};
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
    assert_eq!(Format::from_number(5), Err(Error::FormatNotPermitted));
}
