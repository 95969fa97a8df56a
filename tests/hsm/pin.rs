// SPDX-License-Identifier: MIT OR Apache-2.0
//! PINs under keys in slots: translation, PVVs.

use payhsm::error::Error;
use payhsm::hsm::KeyHandle;
use payhsm::pin::Pin;
use payhsm::pin::block::Format;
use payhsm::pin::pan::Pan;
use payhsm::pin::pvv::Pvv;
use payhsm::policy::Policy;

use crate::common::card::PAN;
use crate::common::{Asked, Device, Module, PERMISSIVE, attributes, ceremony, key, start, value};

const FORMATS: [Format; 5] = [Format::Iso0, Format::Iso1, Format::Iso2, Format::Iso3, Format::Iso4];

/// The keys of the matrix, the weakest first: algorithm, length, formats.
const KEYS: [(char, usize, &[Format]); 4] = [
    ('T', 16, &[Format::Iso0, Format::Iso3]),
    ('T', 24, &[Format::Iso0, Format::Iso3]),
    ('A', 16, &[Format::Iso4]),
    ('A', 32, &[Format::Iso4]),
];

fn pan() -> Pan {
    Pan::parse(PAN).unwrap()
}

fn digits() -> Vec<u8> {
    PAN.iter().map(|c| c & 15).collect()
}

fn pin() -> Pin {
    Pin::from_entry(5, &[9, 8, 7, 6, 5, 0, 0, 0, 0, 0, 0, 0]).unwrap()
}

/// P0 keys of [`KEYS`], each of its own value.
fn pin_keys(hsm: &mut Module, mode: char, seed: u8) -> Vec<KeyHandle> {
    (seed..)
        .zip(KEYS)
        .map(|(seed, (algorithm, len, _))| {
            ceremony(hsm, &attributes("P0", algorithm, mode, 'N'), &value(seed, len)).unwrap()
        })
        .collect()
}

/// A01: which block may become which, cell by cell. A refused cell asks and draws nothing.
#[test]
fn a01_translations() {
    for (policy, expected) in [(Policy::STRICT, 23), (PERMISSIVE, 36)] {
        let device = Device::new(1);
        let mut hsm = start(&device, policy, 12, 0).unwrap();
        let inputs = pin_keys(&mut hsm, 'D', 60);
        let outputs = pin_keys(&mut hsm, 'E', 70);
        // Another module has the other halves: it makes the blocks and reads them.
        let mut other = start(&Device::new(2), policy, 12, 0).unwrap();
        let makers = pin_keys(&mut other, 'E', 60);
        let readers = pin_keys(&mut other, 'D', 70);
        let pvk = key(&mut other, "V2", 'T', 'C', 80);
        let mut checker = start(&Device::new(3), policy, 5, 0).unwrap();
        let own = pin_keys(&mut checker, 'D', 60);
        let own_pvk = key(&mut checker, "V2", 'T', 'C', 80);
        let (mut cells, mut done) = (0, 0);
        for (from, (_, _, from_formats)) in KEYS.into_iter().enumerate() {
            for from_format in FORMATS {
                let mut text = [0; 16];
                let made = other.pin_encipher(makers[from].into(), from_format, &pan(), &pin(), &mut text);
                assert_eq!(made.is_ok(), from_formats.contains(&from_format));
                let text = &text[..from_format.block_len()];
                for (to, (_, _, to_formats)) in KEYS.into_iter().enumerate() {
                    for to_format in FORMATS {
                        cells += 1;
                        let formats = from_formats.contains(&from_format) && to_formats.contains(&to_format);
                        let error = if !formats {
                            Some(Error::FormatNotPermitted)
                        } else if to < from && policy == Policy::STRICT {
                            Some(Error::KeyStrength)
                        } else {
                            None
                        };
                        let (input, output) = (inputs[from].into(), outputs[to]);
                        let touched = device.touched();
                        let mut out = [0xA5; 16];
                        let result = hsm.pin_translate(input, from_format, &pan(), text, output, to_format, &mut out);
                        assert_eq!(result.err(), error, "{from} {from_format:?} {to} {to_format:?}");
                        let Ok(len) = result else {
                            assert_eq!((out, device.touched()), ([0; 16], touched));
                            continue;
                        };
                        done += 1;
                        assert_eq!((len, &out[len..]), (to_format.block_len(), &[0; 16][len..]));
                        assert_eq!(device.world().asked.last(), Some(&Asked::PinTranslate(digits())));
                        // The PIN is the same.
                        let before = checker
                            .pvv_generate(own[from].into(), from_format, &pan(), text, own_pvk, 1)
                            .unwrap();
                        let after = other
                            .pvv_generate(readers[to].into(), to_format, &pan(), &out[..len], pvk, 1)
                            .unwrap();
                        assert_eq!(before.digits(), after.digits());
                    }
                }
            }
        }
        assert_eq!(cells, 16 * 25);
        assert_eq!(done, expected);
    }
}

/// What is wrong inside a block is one error, and leaves nothing.
#[test]
fn a01_malformed_blocks() {
    let device = Device::new(1);
    let mut hsm = start(&device, Policy::STRICT, 4, 0).unwrap();
    let input = key(&mut hsm, "P0", 'A', 'D', 60);
    let output = key(&mut hsm, "P0", 'A', 'E', 61);
    let mut maker = start(&Device::new(2), Policy::STRICT, 2, 0).unwrap();
    let own = key(&mut maker, "P0", 'A', 'E', 60);
    let mut text = [0; 16];
    maker
        .pin_encipher(own.into(), Format::Iso4, &pan(), &pin(), &mut text)
        .unwrap();
    let other = Pan::parse(b"4761739001010028").unwrap();
    let mut changed = text;
    changed[3] ^= 1;
    for (pan, text) in [(&other, text), (&pan(), changed), (&pan(), [0; 16])] {
        let (drawn, mut out) = (device.world().drawn, [0xA5; 16]);
        let result = hsm.pin_translate(input.into(), Format::Iso4, pan, &text, output, Format::Iso4, &mut out);
        assert_eq!((result, out), (Err(Error::VerificationFailed), [0; 16]));
        assert_eq!(device.world().drawn, drawn);
    }
    // A platform that does not decide.
    device.world().answer = Some(Error::Refused);
    let mut out = [0xA5; 16];
    let result = hsm.pin_translate(
        input.into(),
        Format::Iso4,
        &pan(),
        &text,
        output,
        Format::Iso4,
        &mut out,
    );
    assert_eq!((result, out), (Err(Error::Refused), [0; 16]));
    device.world().answer = None;
    // A source that fails.
    device.world().entropy_fails_in = Some(0);
    let mut out = [0xA5; 16];
    let result = hsm.pin_translate(
        input.into(),
        Format::Iso4,
        &pan(),
        &text,
        output,
        Format::Iso4,
        &mut out,
    );
    assert_eq!((result, out), (Err(Error::Entropy), [0; 16]));
    let mut out = [0xA5; 16];
    let result = hsm.pin_encipher(output.into(), Format::Iso4, &pan(), &pin(), &mut out);
    assert_eq!((result, out), (Err(Error::Entropy), [0; 16]));
}

/// A PVV verifies the PIN it was made for; slips are refused before the platform counts a try.
#[test]
fn pvv() {
    let device = Device::new(1);
    let mut hsm = start(&device, Policy::STRICT, 6, 0).unwrap();
    let zone = key(&mut hsm, "P0", 'T', 'D', 60).into();
    let pvk = key(&mut hsm, "V2", 'T', 'C', 61);
    let long = ceremony(&mut hsm, &attributes("V2", 'T', 'C', 'N'), &value(62, 24)).unwrap();
    let mut maker = start(&Device::new(2), Policy::STRICT, 2, 0).unwrap();
    let own = key(&mut maker, "P0", 'T', 'E', 60).into();
    let (mut text, mut other) = ([0; 16], [0; 16]);
    maker
        .pin_encipher(own, Format::Iso0, &pan(), &pin(), &mut text)
        .unwrap();
    let wrong = Pin::from_entry(4, &[1, 1, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0]).unwrap();
    maker
        .pin_encipher(own, Format::Iso0, &pan(), &wrong, &mut other)
        .unwrap();
    let (text, other) = (&text[..8], &other[..8]);

    let pvv = hsm.pvv_generate(zone, Format::Iso0, &pan(), text, pvk, 1).unwrap();
    assert_eq!(device.world().asked.last(), Some(&Asked::PinVerify(digits())));
    let mut verify =
        |text: &[u8], pvki, pvv: &Pvv| hsm.pin_verify_pvv(zone, Format::Iso0, &pan(), text, pvk, pvki, pvv);
    assert_eq!(verify(text, 1, &pvv), Ok(()));
    let failed = Err(Error::VerificationFailed);
    assert_eq!(verify(other, 1, &pvv), failed);
    assert_eq!(verify(text, 2, &pvv), failed);
    assert_eq!(verify(&[0; 8], 1, &pvv), failed);
    let mut digits = *pvv.digits();
    digits[3] = (digits[3] + 1) % 10;
    assert_eq!(verify(text, 1, &Pvv::from_digits(&digits).unwrap()), failed);

    let asked = device.touched();
    let short = Pan::parse(b"47617390010").unwrap();
    let twelve = Pan::parse(b"476173900101").unwrap();
    for (format, pan, text, pvk, pvki, error) in [
        (Format::Iso0, &pan(), text, pvk, 10, Error::InvalidDigit),
        (Format::Iso0, &pan(), text, long, 1, Error::InvalidKeyLength),
        (Format::Iso0, &short, text, pvk, 1, Error::InvalidPan),
        (Format::Iso0, &twelve, text, pvk, 1, Error::InvalidPan),
        (Format::Iso0, &pan(), &text[1..], pvk, 1, Error::InvalidLength),
        (Format::Iso1, &pan(), text, pvk, 1, Error::FormatNotPermitted),
        (Format::Iso4, &pan(), text, pvk, 1, Error::FormatNotPermitted),
    ] {
        assert_eq!(hsm.pin_verify_pvv(zone, format, pan, text, pvk, pvki, &pvv), Err(error));
        assert_eq!(hsm.pvv_generate(zone, format, pan, text, pvk, pvki).err(), Some(error));
    }
    assert_eq!(device.touched(), asked);
    device.world().answer = Some(Error::RateLimited);
    assert_eq!(
        hsm.pin_verify_pvv(zone, Format::Iso0, &pan(), text, pvk, 1, &pvv),
        Err(Error::RateLimited)
    );
    let result = hsm.pvv_generate(zone, Format::Iso0, &pan(), text, pvk, 1);
    assert_eq!(result.err(), Some(Error::RateLimited));
}
