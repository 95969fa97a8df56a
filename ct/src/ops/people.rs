// SPDX-License-Identifier: MIT OR Apache-2.0
//! Layer 4: users: a key that becomes a user's, responses to challenges, one-time codes.

use payhsm::error::Error;
use payhsm::hsm::{CHALLENGE_LEN, CodeHash, SecondFactor, UserRole};
use payhsm::key::usage::KeyAlgorithm;
use payhsm::mac::Mac;
use payhsm::mac::cmac::CmacAes;

use super::module::{Module, attributes, enter, start};
use super::{bytes, open, secret};
use crate::Harness;

/// Logs user 1 in with the right response or a wrong one.
fn login(module: &mut Module, key: &[u8; 16], code: u32, spoil: u8) -> Result<(), Error> {
    let mut challenge = [0; CHALLENGE_LEN];
    module.login_begin(1, &mut challenge).unwrap();
    let mut mac = CmacAes::new(key).unwrap();
    mac.update(&challenge);
    let mut response = [0; 16];
    mac.finish(&mut response).unwrap();
    // It comes over the line.
    open(&mut response);
    response[0] ^= spoil;
    module.login_finish(&response, code).map(|_| ())
}

/// The key that [`enter`] makes.
fn entered(seed: u8) -> [u8; 16] {
    let mut key: [u8; 16] = bytes(seed);
    key[15] ^= 0x70;
    secret(key.map(|byte| byte ^ 0x2D))
}

pub fn run(h: &mut Harness) {
    h.verdict("module: log-in with a one-time code", true, || {
        let mut module = start(0x51);
        let key = enter(&mut module, b"M6", KeyAlgorithm::Aes, b'V', 0x53);
        module
            .role_enrol(1, UserRole::Officer, key, SecondFactor::None)
            .unwrap();
        let right = login(&mut module, &entered(0x53), 0, 0).is_ok();
        let wrong = login(&mut module, &entered(0x53), 0, 1).is_err();

        let mut other = start(0x61);
        let key = enter(&mut other, b"M6", KeyAlgorithm::Aes, b'V', 0x63);
        let code_key = other
            .key_generate(&attributes(b"M7", KeyAlgorithm::Hmac, b'V'), 32)
            .unwrap()
            .key;
        let second = SecondFactor::Code {
            key: code_key,
            hash: CodeHash::Sha1,
            digits: 6,
            period: 30,
        };
        other.role_enrol(1, UserRole::Officer, key, second).unwrap();
        // The right response, and a code that is not: refused after all the work.
        right && wrong && login(&mut other, &entered(0x63), 1_000_000, 0).is_err()
    });
}
