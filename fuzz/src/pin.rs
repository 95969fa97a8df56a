// SPDX-License-Identifier: MIT OR Apache-2.0
//! PANs, PIN blocks, PVVs, offsets of the IBM 3624.

use payhsm::error::Error;
use payhsm::key::role::{PinEncryption, PinVerification3624, PinVerificationVisa};
use payhsm::key::{Aes, Key, Tdea};
use payhsm::pin::Pin;
use payhsm::pin::block::{self, Format};
use payhsm::pin::ibm3624::{self, Offset, Profile, Table, Validation};
use payhsm::pin::pan::Pan;
use payhsm::pin::pvv::{self, Pvv};

use crate::{Input, Rng};

const FORMATS: [Format; 4] = [Format::Iso0, Format::Iso1, Format::Iso2, Format::Iso3];

/// A PAN is its digits, and shows no more than ten of them.
pub fn pan(data: &[u8]) {
    match Pan::parse(data) {
        Ok(pan) => {
            let text: Vec<u8> = pan.digits().iter().map(|d| d + b'0').collect();
            assert_eq!(text, data);
            let field = pan.format4_field();
            assert_eq!(usize::from(field[0] >> 4), data.len().saturating_sub(12));
            assert_eq!(pan.account_field().is_ok(), data.len() > 12);
            pan.clone().zero_fill().account_field().unwrap();
            let shown = format!("{pan:?}");
            assert!(shown.bytes().filter(u8::is_ascii_digit).count() <= 10, "{shown}");
        }
        Err(error) => assert_eq!(error, Error::InvalidPan),
    }
}

fn entered(input: &mut Input<'_>) -> Result<Pin, Error> {
    let len = input.byte();
    Pin::from_entry(len, &input.array())
}

fn some_pan(input: &mut Input<'_>) -> Option<Pan> {
    Pan::parse(input.short()).ok().map(Pan::zero_fill)
}

fn same(a: &Pin, b: &Pin) {
    assert_eq!(a.expose(), b.expose());
}

/// A clear block that holds a PIN is the block of that PIN.
pub fn clear(data: &[u8]) {
    let mut input = Input::new(data);
    let pan = some_pan(&mut input);
    let field = input.array::<16>();
    let mut pin = Pin::empty();
    if block::decode_format4(&field, &mut pin).is_ok() {
        let mut back = [0; 16];
        block::encode_format4(&pin, field[8..].try_into().unwrap(), &mut back).unwrap();
        assert_eq!(back, field);
    } else {
        same(&pin, &Pin::empty());
    }
    let clear: [u8; 8] = field[..8].try_into().unwrap();
    for format in FORMATS {
        if block::decode(format, &clear, pan.as_ref(), &mut pin).is_err() {
            same(&pin, &Pin::empty());
            continue;
        }
        // The fill is what stands behind the PIN once the PAN is taken off.
        let account = match format {
            Format::Iso0 | Format::Iso3 => pan.as_ref().unwrap().account_field().unwrap(),
            _ => [0; 8],
        };
        let nibbles = clear
            .iter()
            .zip(account)
            .flat_map(|(b, a)| [(b ^ a) >> 4, (b ^ a) & 15]);
        let fill: Vec<u8> = nibbles.skip(2).collect();
        let mut back = [0; 8];
        block::encode(
            format,
            &pin,
            pan.as_ref(),
            fill.as_slice().try_into().unwrap(),
            &mut back,
        )
        .unwrap();
        assert_eq!(back, clear, "{format:?}");
    }
}

/// A PIN that is enciphered is deciphered; blocks of nobody hold a PIN or none, and no trace of one.
pub fn block(data: &[u8]) {
    let mut input = Input::new(data);
    let seed = input.byte();
    let key = input.array::<16>();
    let pin = entered(&mut input);
    let pan = some_pan(&mut input);
    let foreign = input.array::<16>();
    let mut rng = Rng(u64::from(seed));
    let tdea = Key::<PinEncryption, Tdea>::from_bytes(&key).unwrap();
    let aes = Key::<PinEncryption, Aes>::from_bytes(&key).unwrap();
    let mut out = Pin::empty();
    for format in FORMATS {
        let mut bytes = foreign[..8].try_into().unwrap();
        if block::decipher_tdea(&tdea, format, &bytes, pan.as_ref(), &mut out).is_err() {
            same(&out, &Pin::empty());
        }
        if let Ok(pin) = &pin
            && block::encipher_tdea(&tdea, format, pin, pan.as_ref(), &mut rng, &mut bytes).is_ok()
        {
            block::decipher_tdea(&tdea, format, &bytes, pan.as_ref(), &mut out).unwrap();
            same(&out, pin);
        }
    }
    if let Some(pan) = &pan {
        let mut bytes = foreign;
        if block::decipher_aes(&aes, &bytes, pan, &mut out).is_err() {
            same(&out, &Pin::empty());
        }
        if let Ok(pin) = &pin {
            block::encipher_aes(&aes, pin, pan, &mut rng, &mut bytes).unwrap();
            block::decipher_aes(&aes, &bytes, pan, &mut out).unwrap();
            same(&out, pin);
            let pvk = Key::<PinVerificationVisa, Tdea>::from_bytes(&key).unwrap();
            if let Ok(pvv) = pvv::generate(&pvk, seed % 10, pan, pin) {
                pvv::verify(&pvk, seed % 10, pan, pin, &pvv).unwrap();
            }
        }
    }
    if let Ok(pvv) = Pvv::parse(&foreign[..4]) {
        assert!(pvv.digits().iter().all(|&digit| digit <= 9));
    }
}

/// A profile that is taken gives PINs and offsets that belong together; what is refused is refused whole.
pub fn offset(data: &[u8]) {
    let mut input = Input::new(data);
    let key = input.array::<16>();
    let [start, len, pad, pin_len, check_len] = input.array();
    let entered = entered(&mut input);
    let (table, text, account) = (input.short(), input.short(), input.short());
    if let Ok(offset) = Offset::parse(text) {
        let again: Vec<u8> = offset.digits().iter().map(|d| d + b'0').collect();
        assert_eq!(again, text);
    }
    let (Ok(table), Ok(validation), Ok(pan)) = (
        Table::parse(table),
        Validation::new(start, len, pad),
        Pan::parse(account),
    ) else {
        return;
    };
    if table.judge().is_ok() {
        let mut seen = [0; 10];
        table.digits().iter().for_each(|d| seen[usize::from(*d)] += 1);
        assert!(seen.iter().all(|n| *n <= 4) && seen.iter().filter(|n| **n > 0).count() >= 8);
    }
    let pan_len = u8::try_from(account.len()).unwrap();
    let Ok(profile) = Profile::new(table, validation, pan_len, pin_len) else {
        return;
    };
    let key = Key::<PinVerification3624, Tdea>::from_bytes(&key).unwrap();
    let mut out = Pin::empty();
    if let Ok(offset) = Offset::parse(text)
        && ibm3624::derive(&key, &profile, &pan, &offset, &mut out).is_ok()
    {
        assert_eq!(out.expose().0, pin_len);
        let made = ibm3624::generate(&key, &profile, &pan, &out).unwrap();
        assert_eq!(made, offset);
    }
    if let Ok(pin) = &entered {
        let made = ibm3624::generate(&key, &profile, &pan, pin);
        assert_eq!(made.is_ok(), pin.expose().0 == pin_len);
        if let (Ok(profile), Ok(whole)) = (profile.with_check_len(check_len), made) {
            let offset = ibm3624::generate(&key, &profile, &pan, pin).unwrap();
            assert!(whole.digits().ends_with(offset.digits()));
            ibm3624::verify(&key, &profile, &pan, pin, &offset).unwrap();
        }
    }
}
