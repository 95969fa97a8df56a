// SPDX-License-Identifier: MIT OR Apache-2.0
//! PINs with the key under test.

use payhsm::hsm::KeyHandle;
use payhsm::key::usage::{Attributes, KeyAlgorithm};
use payhsm::pin::{Pin, block::Format, pan::Pan};
use payhsm::policy::{Operation, Policy};

use super::common::{Device, card::PAN, key, start};
use super::{Outcome, PIN_IN, Rig, SEED};

impl Rig {
    pub fn attempt_pin(&mut self, operation: Operation, key: KeyHandle, attributes: &Attributes) -> Vec<Outcome> {
        let at = usize::from(attributes.algorithm == KeyAlgorithm::Aes);
        let format = [Format::Iso0, Format::Iso4][at];
        let pan = Pan::parse(PAN).unwrap();
        let pin = Pin::from_entry(4, &[1, 2, 3, 4, 0, 0, 0, 0, 0, 0, 0, 0]).unwrap();
        let hsm = &mut self.hsm;
        match operation {
            Operation::PinEncipher => {
                let mut one = [0xA5; 16];
                let enciphered = hsm.pin_encipher(key.into(), format, &pan, &pin, &mut one);
                let text = pin_block(attributes.algorithm, PIN_IN[at]);
                let mut two = [0xA5; 16];
                let input = self.pin_in[at].into();
                let translated = hsm.pin_translate(input, format, &pan, &text, key, format, &mut two);
                vec![
                    Outcome::new("pin_encipher", enciphered, &one),
                    Outcome::new("pin_translate", translated, &two),
                ]
            }
            Operation::PinDecipher => {
                let text = pin_block(attributes.algorithm, SEED);
                let mut out = [0xA5; 16];
                let output = self.pin_out[at];
                let translated = hsm.pin_translate(key.into(), format, &pan, &text, output, format, &mut out);
                let made = hsm.pvv_generate(key.into(), format, &pan, &text, self.pvk, 1);
                let reference = match made {
                    Ok(ref pvv) => payhsm::pin::pvv::Pvv::from_digits(pvv.digits()).unwrap(),
                    Err(_) => payhsm::pin::pvv::Pvv::from_digits(&[0; 4]).unwrap(),
                };
                let verified = hsm.pin_verify_pvv(key.into(), format, &pan, &text, self.pvk, 1, &reference);
                vec![
                    Outcome::new("pin_translate", translated, &out),
                    Outcome::new("pvv_generate", made, &[]),
                    Outcome::new("pin_verify_pvv", verified, &[]),
                ]
            }
            Operation::PvvGenerate => {
                let text = pin_block(KeyAlgorithm::Tdea, PIN_IN[0]);
                let made = hsm.pvv_generate(self.pin_in[0].into(), Format::Iso0, &pan, &text, key, 1);
                vec![Outcome::new("pvv_generate", made, &[])]
            }
            Operation::PvvVerify => {
                let text = pin_block(KeyAlgorithm::Tdea, PIN_IN[0]);
                let reference = own_pvv();
                let input = self.pin_in[0].into();
                let verified = hsm.pin_verify_pvv(input, Format::Iso0, &pan, &text, key, 1, &reference);
                vec![Outcome::new("pin_verify_pvv", verified, &[])]
            }
            other => panic!("{other:?} has no column"),
        }
    }
}

/// A PIN block under a key, made by another module.
pub fn pin_block(algorithm: KeyAlgorithm, seed: u8) -> Vec<u8> {
    let mut maker = start(&Device::new(5), Policy::STRICT, 1, 0).unwrap();
    let (letter, format) = if algorithm == KeyAlgorithm::Aes {
        ('A', Format::Iso4)
    } else {
        ('T', Format::Iso0)
    };
    let key = key(&mut maker, "P0", letter, 'E', seed);
    let pin = Pin::from_entry(4, &[1, 2, 3, 4, 0, 0, 0, 0, 0, 0, 0, 0]).unwrap();
    let mut out = [0; 16];
    let len = maker
        .pin_encipher(key.into(), format, &Pan::parse(PAN).unwrap(), &pin, &mut out)
        .unwrap();
    out[..len].to_vec()
}

/// The PVV under the key under test, made by another module.
fn own_pvv() -> payhsm::pin::pvv::Pvv {
    let mut maker = start(&Device::new(5), Policy::STRICT, 2, 0).unwrap();
    let pin_key = key(&mut maker, "P0", 'T', 'D', PIN_IN[0]);
    let pvk = key(&mut maker, "V2", 'T', 'G', SEED);
    let text = pin_block(KeyAlgorithm::Tdea, PIN_IN[0]);
    maker
        .pvv_generate(pin_key.into(), Format::Iso0, &Pan::parse(PAN).unwrap(), &text, pvk, 1)
        .unwrap()
}
