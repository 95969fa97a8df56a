// SPDX-License-Identifier: MIT OR Apache-2.0
//! PINs with the key under test.

use payhsm::hsm::{EncipheredPin, KeyHandle};
use payhsm::key::usage::{Attributes, KeyAlgorithm, ModeOfUse};
use payhsm::pin::ibm3624::Offset;
use payhsm::pin::pvv::Pvv;
use payhsm::pin::{Pin, block::Format, pan::Pan};
use payhsm::policy::{Operation, Policy};

use super::common::{Device, Module, card::PAN, key, profile_3624, start};
use super::{Outcome, PIN_IN, Rig, SEED};

/// The PIN of the card, and the one that it shall have.
const PIN: [u8; 4] = [1, 2, 3, 4];
const NEW_PIN: [u8; 4] = [2, 5, 8, 0];

impl Rig {
    pub fn attempt_pin(&mut self, operation: Operation, key: KeyHandle, attributes: &Attributes) -> Vec<Outcome> {
        match operation {
            Operation::PinEncipher => self.attempt_pin_encipher(key, attributes),
            Operation::PinDecipher => self.attempt_pin_decipher(key, attributes),
            Operation::PvvGenerate | Operation::PvvVerify => self.attempt_pvv(operation, key, attributes),
            Operation::OffsetGenerate | Operation::OffsetVerify => self.attempt_3624(operation, key, attributes),
            other => panic!("{other:?} has no column"),
        }
    }

    fn attempt_pin_encipher(&mut self, key: KeyHandle, attributes: &Attributes) -> Vec<Outcome> {
        let (at, format) = form(attributes.algorithm);
        let (pan, pin) = (pan(), Pin::from_entry(4, &padded(PIN)).unwrap());
        let text = pin_block(attributes.algorithm, PIN_IN[at], PIN);
        let (pvk, pvk_3624, profile) = (self.pvk, self.pvk_3624, self.profile);
        let (input, hsm) = (self.pin_in[at].into(), &mut self.hsm);
        let mut outs = [[0xA5; 16]; 6];
        let [one, two, three, four, five, six] = &mut outs;
        let enciphered = hsm.pin_encipher(key.into(), format, &pan, &pin, one);
        let translated = hsm.pin_translate(input, format, &pan, &text, key, format, two);
        let generated = hsm.pin_generate_pvv(4, &pan, key, format, pvk, 1, three);
        let same_pan = hsm.pin_translate_pans(input, format, &pan, &text, key, format, &pan, six);
        let generated_3624 = hsm.pin_generate_3624(&pan, key, format, pvk_3624, profile, four);
        let derived = hsm.pin_derive_3624(&pan, key, format, pvk_3624, profile, &zeros(), five);
        vec![
            Outcome::new("pin_encipher", enciphered, &outs[0]),
            Outcome::new("pin_translate", translated, &outs[1]),
            Outcome::new("pin_generate_pvv", generated, &outs[2]),
            Outcome::new("pin_generate_3624", generated_3624, &outs[3]),
            Outcome::new("pin_derive_3624", derived, &outs[4]),
            Outcome::new("pin_translate_pans", same_pan, &outs[5]),
        ]
    }

    fn attempt_pin_decipher(&mut self, key: KeyHandle, attributes: &Attributes) -> Vec<Outcome> {
        let (at, format) = form(attributes.algorithm);
        let (pan, text) = (pan(), pin_block(attributes.algorithm, SEED, PIN));
        let next = pin_block(attributes.algorithm, SEED, NEW_PIN);
        let [old, new] = [&text, &next].map(|block| EncipheredPin {
            key: key.into(),
            format,
            block,
        });
        let mut out = [0xA5; 16];
        let (pvk, pvk_3624, profile) = (self.pvk, self.pvk_3624, self.profile);
        let (output, hsm) = (self.pin_out[at], &mut self.hsm);
        let translated = hsm.pin_translate(key.into(), format, &pan, &text, output, format, &mut out);
        let made = hsm.pvv_generate(key.into(), format, &pan, &text, pvk, 1);
        let pvv = made.clone().unwrap_or(Pvv::from_digits(&[0; 4]).unwrap());
        let verified = hsm.pin_verify_pvv(key.into(), format, &pan, &text, pvk, 1, &pvv);
        let changed = hsm.pin_change_pvv(&pan, &old, &new, pvk, 1, &pvv);
        let made_3624 = hsm.pin_offset_generate(key.into(), format, &pan, &text, pvk_3624, profile);
        let offset = made_3624.clone().unwrap_or(zeros());
        let verified_3624 = hsm.pin_verify_3624(key.into(), format, &pan, &text, pvk_3624, profile, &offset);
        let changed_3624 = hsm.pin_change_3624(&pan, &old, &new, pvk_3624, profile, &offset);
        vec![
            Outcome::new("pin_translate", translated, &out),
            Outcome::new("pvv_generate", made, &[]),
            Outcome::new("pin_verify_pvv", verified, &[]),
            Outcome::new("pin_change_pvv", changed, &[]),
            Outcome::new("pin_offset_generate", made_3624, &[]),
            Outcome::new("pin_verify_3624", verified_3624, &[]),
            Outcome::new("pin_change_3624", changed_3624, &[]),
        ]
    }

    fn attempt_pvv(&mut self, operation: Operation, key: KeyHandle, attributes: &Attributes) -> Vec<Outcome> {
        let (pan, format, input) = (pan(), Format::Iso0, self.pin_in[0].into());
        let text = pin_block(KeyAlgorithm::Tdea, PIN_IN[0], PIN);
        let next = pin_block(KeyAlgorithm::Tdea, PIN_IN[0], NEW_PIN);
        let [old, new] = [&text, &next].map(|block| EncipheredPin {
            key: input,
            format,
            block,
        });
        let (output, hsm) = (self.pin_out[0], &mut self.hsm);
        let changed = Outcome {
            fits: both_ways(attributes),
            ..Outcome::new(
                "pin_change_pvv",
                hsm.pin_change_pvv(&pan, &old, &new, key, 1, &own_pvv(&text)),
                &[],
            )
        };
        if operation == Operation::PvvVerify {
            let verified = hsm.pin_verify_pvv(input, format, &pan, &text, key, 1, &own_pvv(&text));
            return vec![Outcome::new("pin_verify_pvv", verified, &[]), changed];
        }
        let mut out = [0xA5; 16];
        let made = hsm.pvv_generate(input, format, &pan, &text, key, 1);
        let generated = hsm.pin_generate_pvv(4, &pan, output, format, key, 1, &mut out);
        vec![
            Outcome::new("pvv_generate", made, &[]),
            Outcome::new("pin_generate_pvv", generated, &out),
            changed,
        ]
    }

    fn attempt_3624(&mut self, operation: Operation, key: KeyHandle, attributes: &Attributes) -> Vec<Outcome> {
        let (pan, format, input) = (pan(), Format::Iso0, self.pin_in[0].into());
        let text = pin_block(KeyAlgorithm::Tdea, PIN_IN[0], PIN);
        let next = pin_block(KeyAlgorithm::Tdea, PIN_IN[0], NEW_PIN);
        let [old, new] = [&text, &next].map(|block| EncipheredPin {
            key: input,
            format,
            block,
        });
        let (output, profile, hsm) = (self.pin_out[0], self.profile, &mut self.hsm);
        let offset = own_offset(&text);
        let changed = Outcome {
            fits: both_ways(attributes),
            ..Outcome::new(
                "pin_change_3624",
                hsm.pin_change_3624(&pan, &old, &new, key, profile, &offset),
                &[],
            )
        };
        if operation == Operation::OffsetVerify {
            let verified = hsm.pin_verify_3624(input, format, &pan, &text, key, profile, &offset);
            return vec![Outcome::new("pin_verify_3624", verified, &[]), changed];
        }
        let mut outs = [[0xA5; 16]; 2];
        let [one, two] = &mut outs;
        let made = hsm.pin_offset_generate(input, format, &pan, &text, key, profile);
        let generated = hsm.pin_generate_3624(&pan, output, format, key, profile, one);
        let derived = hsm.pin_derive_3624(&pan, output, format, key, profile, &zeros(), two);
        vec![
            Outcome::new("pin_offset_generate", made, &[]),
            Outcome::new("pin_generate_3624", generated, &outs[0]),
            Outcome::new("pin_derive_3624", derived, &outs[1]),
            changed,
        ]
    }
}

/// Whether the key may verify and generate.
fn both_ways(attributes: &Attributes) -> bool {
    [ModeOfUse::GenerateVerify, ModeOfUse::NoRestriction].contains(&attributes.mode)
}

fn form(algorithm: KeyAlgorithm) -> (usize, Format) {
    if algorithm == KeyAlgorithm::Aes {
        (1, Format::Iso4)
    } else {
        (0, Format::Iso0)
    }
}

fn pan() -> Pan {
    Pan::parse(PAN).unwrap()
}

fn zeros() -> Offset {
    Offset::parse(b"0000").unwrap()
}

fn padded([a, b, c, d]: [u8; 4]) -> [u8; 12] {
    [a, b, c, d, 0, 0, 0, 0, 0, 0, 0, 0]
}

/// A PIN block under a key, made by another module.
pub fn pin_block(algorithm: KeyAlgorithm, seed: u8, digits: [u8; 4]) -> Vec<u8> {
    let mut maker = start(&Device::new(5), Policy::STRICT, 1, 0).unwrap();
    let (at, format) = form(algorithm);
    let key = key(&mut maker, "P0", ['T', 'A'][at], 'E', seed);
    let pin = Pin::from_entry(4, &padded(digits)).unwrap();
    let mut out = [0; 16];
    let len = maker.pin_encipher(key.into(), format, &pan(), &pin, &mut out).unwrap();
    out[..len].to_vec()
}

/// Another module with the key under test and the PIN key of the block.
fn issuer(usage: &str) -> (Module, KeyHandle, KeyHandle) {
    let mut maker = start(&Device::new(5), Policy::STRICT, 2, 0).unwrap();
    let pin_key = key(&mut maker, "P0", 'T', 'D', PIN_IN[0]);
    let pvk = key(&mut maker, usage, 'T', 'G', SEED);
    (maker, pin_key, pvk)
}

/// The PVV under the key under test.
fn own_pvv(text: &[u8]) -> Pvv {
    let (mut maker, pin_key, pvk) = issuer("V2");
    maker
        .pvv_generate(pin_key.into(), Format::Iso0, &pan(), text, pvk, 1)
        .unwrap()
}

/// The offset under the key under test.
fn own_offset(text: &[u8]) -> Offset {
    let (mut maker, pin_key, pvk) = issuer("V1");
    let profile = maker.pin_profile_register(&profile_3624()).unwrap();
    maker
        .pin_offset_generate(pin_key.into(), Format::Iso0, &pan(), text, pvk, profile)
        .unwrap()
}
