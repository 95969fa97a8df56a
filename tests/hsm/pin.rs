// SPDX-License-Identifier: MIT OR Apache-2.0
//! PINs under keys in slots: translation, PVVs.

use payhsm::error::Error;
use payhsm::hsm::{EncipheredPin, KeyHandle};
use payhsm::pin::Pin;
use payhsm::pin::block::Format;
use payhsm::pin::pan::Pan;
use payhsm::pin::pvv::Pvv;
use payhsm::policy::{Permission, Policy};

use crate::common::card::PAN;
use crate::common::{Asked, Device, Module, PERMISSIVE, attributes, ceremony, key, profile_3624, start, value};

const FORMATS: [Format; 5] = [Format::Iso0, Format::Iso1, Format::Iso2, Format::Iso3, Format::Iso4];

/// The keys of the matrix, the weakest first: algorithm, length, formats.
const KEYS: [(char, usize, &[Format]); 4] = [
    ('T', 16, &[Format::Iso0, Format::Iso1, Format::Iso3]),
    ('T', 24, &[Format::Iso0, Format::Iso1, Format::Iso3]),
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

/// Why a cell of the matrix is refused, if it is.
fn refusal(policy: Policy, from: usize, from_format: Format, to: usize, to_format: Format) -> Option<Error> {
    use Format::{Iso0, Iso1, Iso2, Iso3, Iso4};
    let carries = |(algorithm, _, _): (char, usize, _), format| match format {
        Iso0 | Iso3 => algorithm == 'T',
        Iso1 => algorithm == 'T' && policy.has(Permission::PinFormat1),
        Iso2 => false,
        Iso4 => algorithm == 'A',
    };
    let row = match (from_format, to_format) {
        (Iso0 | Iso3 | Iso4, Iso0 | Iso3 | Iso4) | (Iso1, Iso0 | Iso1 | Iso3 | Iso4) => true,
        (_, Iso2) | (Iso0 | Iso3 | Iso4, Iso1) | (Iso2, _) => false,
    };
    if !(carries(KEYS[from], from_format) && carries(KEYS[to], to_format) && row) {
        Some(Error::FormatNotPermitted)
    } else if to < from && !policy.has(Permission::WeakerPinKey) {
        Some(Error::KeyStrength)
    } else {
        None
    }
}

/// A01: which block may become which, cell by cell. A refused cell asks and draws nothing.
#[test]
fn a01_translations() {
    let format1 = Policy::STRICT.with(Permission::PinFormat1);
    for (policy, expected) in [(Policy::STRICT, 23), (format1, 36), (PERMISSIVE, 52)] {
        let device = Device::new(1);
        let mut hsm = start(&device, policy, 12, 0).unwrap();
        let inputs = pin_keys(&mut hsm, 'D', 60);
        let outputs = pin_keys(&mut hsm, 'E', 70);
        // Another module has the other halves: it makes the blocks and reads them.
        let mut other = start(&Device::new(2), PERMISSIVE, 12, 0).unwrap();
        let makers = pin_keys(&mut other, 'E', 60);
        let readers = pin_keys(&mut other, 'D', 70);
        let pvk = key(&mut other, "V2", 'T', 'C', 80);
        let mut checker = start(&Device::new(3), policy, 2, 0).unwrap();
        let own = key(&mut checker, "P0", 'T', 'D', 60);
        let own_pvk = key(&mut checker, "V2", 'T', 'G', 80);
        let mut text = [0; 16];
        other
            .pin_encipher(makers[0].into(), Format::Iso0, &pan(), &pin(), &mut text)
            .unwrap();
        let pvv = checker
            .pvv_generate(own.into(), Format::Iso0, &pan(), &text[..8], own_pvk, 1)
            .unwrap();
        let (mut cells, mut done) = (0, 0);
        for (from, from_format) in (0..KEYS.len()).flat_map(|key| FORMATS.map(|format| (key, format))) {
            let mut text = [0; 16];
            let made = other.pin_encipher(makers[from].into(), from_format, &pan(), &pin(), &mut text);
            assert_eq!(made.is_ok(), KEYS[from].2.contains(&from_format));
            let text = &text[..from_format.block_len()];
            for (to, to_format) in (0..KEYS.len()).flat_map(|key| FORMATS.map(|format| (key, format))) {
                cells += 1;
                let error = refusal(policy, from, from_format, to, to_format);
                let (input, output) = (inputs[from].into(), outputs[to]);
                let touched = device.touched();
                let mut out = [0xA5; 16];
                let result = hsm.pin_translate(input, from_format, &pan(), text, output, to_format, &mut out);
                assert_eq!(result.err(), error, "{from} {from_format:?} {to} {to_format:?}");
                let Ok(len) = result else {
                    assert_eq!((out, device.touched()), ([0; 16], touched));
                    continue;
                };
                // A message for another card: the same cell is refused.
                let other_pan = Pan::parse(b"4761739001010028").unwrap();
                let asked = device.touched();
                let mut none = [0xA5; 16];
                let result = hsm.pin_translate_pans(
                    input,
                    from_format,
                    &pan(),
                    text,
                    output,
                    to_format,
                    &other_pan,
                    &mut none,
                );
                assert_eq!((result, none), (Err(Error::PanMismatch), [0; 16]));
                assert_eq!(device.touched(), asked);
                done += 1;
                assert_eq!((len, &out[len..]), (to_format.block_len(), &[0; 16][len..]));
                assert_eq!(device.world().asked.last(), Some(&Asked::PinTranslate(digits())));
                // The PIN is the same.
                let reader = readers[to].into();
                let verified = other.pin_verify_pvv(reader, to_format, &pan(), &out[..len], pvk, 1, &pvv);
                assert_eq!(verified, Ok(()));
            }
        }
        assert_eq!(cells, 16 * 25);
        assert_eq!(done, expected);
    }
}

/// A05: a block without a PAN is bound to none under a key that could also read the result.
#[test]
fn a05_format_1_into_a_key_that_deciphers() {
    let policy = Policy::STRICT
        .with(Permission::PinFormat1)
        .with(Permission::PinKeyBothWays);
    let device = Device::new(1);
    let mut hsm = start(&device, policy, 4, 0).unwrap();
    let input = key(&mut hsm, "P0", 'T', 'D', 60);
    let both = key(&mut hsm, "P0", 'T', 'B', 61);
    let mut maker = start(&Device::new(2), policy, 2, 0).unwrap();
    let own = key(&mut maker, "P0", 'T', 'E', 60);
    for (from, to, expected) in [
        (Format::Iso1, Format::Iso0, Err(Error::FormatNotPermitted)),
        (Format::Iso1, Format::Iso3, Err(Error::FormatNotPermitted)),
        (Format::Iso1, Format::Iso1, Ok(8)),
        (Format::Iso0, Format::Iso3, Ok(8)),
    ] {
        let (mut text, mut out) = ([0; 16], [0xA5; 16]);
        maker.pin_encipher(own.into(), from, &pan(), &pin(), &mut text).unwrap();
        let touched = device.touched();
        let result = hsm.pin_translate(input.into(), from, &pan(), &text[..8], both, to, &mut out);
        assert_eq!(result, expected, "{from:?} {to:?}");
        assert_eq!(device.touched() == touched, expected.is_err());
        assert_eq!(out == [0; 16], expected.is_err());
    }
}

/// A09: PANs that share their format 4 field with others go nowhere; A01: those too short for formats 0 and 3 neither.
#[test]
fn a09_short_pans() {
    let device = Device::new(1);
    let mut hsm = start(&device, Policy::STRICT, 4, 0).unwrap();
    let tdea = key(&mut hsm, "P0", 'T', 'E', 60);
    let aes = key(&mut hsm, "P0", 'A', 'E', 61);
    for len in 1..=19 {
        let pan = Pan::parse(&b"1234567890123456789"[..len]).unwrap();
        for (key, format, least) in [
            (tdea, Format::Iso0, 13),
            (tdea, Format::Iso3, 13),
            (aes, Format::Iso4, 12),
        ] {
            let touched = device.touched();
            let mut out = [0xA5; 16];
            let result = hsm.pin_encipher(key.into(), format, &pan, &pin(), &mut out);
            if len >= least {
                assert_eq!(result, Ok(format.block_len()));
            } else {
                assert_eq!((result, out), (Err(Error::InvalidPan), [0; 16]));
                assert_eq!(device.touched(), touched);
            }
        }
    }
}

/// A PIN without a PAN is verified by permission only, and never becomes a reference.
#[test]
fn format_1_is_verified_by_permission_only() {
    for (policy, expected) in [
        (
            Policy::STRICT.with(Permission::PinFormat1),
            Err(Error::FormatNotPermitted),
        ),
        (Policy::STRICT.with(Permission::PinVerifyFormat1), Ok(())),
    ] {
        let device = Device::new(1);
        let mut hsm = start(&device, policy, 4, 0).unwrap();
        let zone = key(&mut hsm, "P0", 'T', 'D', 60).into();
        let pvk = key(&mut hsm, "V2", 'T', 'C', 61);
        let pvk_3624 = key(&mut hsm, "V1", 'T', 'C', 62);
        let profile = hsm
            .pin_profile_register(&profile_3624().with_check_len(4).unwrap())
            .unwrap();
        let mut maker = start(&Device::new(2), PERMISSIVE, 2, 0).unwrap();
        let own = key(&mut maker, "P0", 'T', 'E', 60).into();
        let four = Pin::from_entry(4, &[9, 8, 7, 6, 0, 0, 0, 0, 0, 0, 0, 0]).unwrap();
        let mut blocks = [[0; 16]; 2];
        for (format, block) in [Format::Iso0, Format::Iso1].into_iter().zip(&mut blocks) {
            maker.pin_encipher(own, format, &pan(), &four, block).unwrap();
        }
        let [bound, unbound] = blocks.each_ref().map(|block| &block[..8]);
        let pvv = hsm.pvv_generate(zone, Format::Iso0, &pan(), bound, pvk, 1).unwrap();
        let offset = hsm
            .pin_offset_generate(zone, Format::Iso0, &pan(), bound, pvk_3624, profile)
            .unwrap();
        let touched = device.touched();
        let refused = Some(Error::FormatNotPermitted);
        let result = hsm.pvv_generate(zone, Format::Iso1, &pan(), unbound, pvk, 1);
        assert_eq!(result.err(), refused);
        let result = hsm.pin_offset_generate(zone, Format::Iso1, &pan(), unbound, pvk_3624, profile);
        assert_eq!(result.err(), refused);
        let [old, new] = [Format::Iso0, Format::Iso1].map(|format| EncipheredPin {
            key: zone,
            format,
            block: if format == Format::Iso0 { bound } else { unbound },
        });
        assert_eq!(hsm.pin_change_pvv(&pan(), &old, &new, pvk, 1, &pvv).err(), refused);
        assert_eq!(device.touched(), touched);
        let result = hsm.pin_verify_pvv(zone, Format::Iso1, &pan(), unbound, pvk, 1, &pvv);
        assert_eq!(result, expected);
        let result = hsm.pin_verify_3624(zone, Format::Iso1, &pan(), unbound, pvk_3624, profile, &offset);
        assert_eq!(result, expected);
        assert_eq!(device.touched() == touched, expected.is_err());
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
    assert_eq!(device.world().asked.last(), Some(&Asked::PinIssue(digits())));
    let mut verify =
        |text: &[u8], pvki, pvv: &Pvv| hsm.pin_verify_pvv(zone, Format::Iso0, &pan(), text, pvk, pvki, pvv);
    assert_eq!(verify(text, 1, &pvv), Ok(()));
    assert_eq!(device.world().asked.last(), Some(&Asked::PinVerify(digits())));
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
