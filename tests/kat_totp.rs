// SPDX-License-Identifier: MIT OR Apache-2.0
//! Known answers: one-time codes by time. That a code serves once, and near its time: `tests/hsm/people.rs`.
#![cfg(all(feature = "hazmat", any(feature = "host", feature = "oda")))]

#[path = "common/vectors.rs"]
mod vectors;

use payhsm::error::Error;
use payhsm::hsm::{CodeHash, one_time_code};

#[test]
fn totp() {
    let mut counts = [0; 3];
    for case in vectors::cases("totp", "totp") {
        let (place, hash) = match case.text("Hash").as_str() {
            "sha1" => (0, CodeHash::Sha1),
            "sha256" => (1, CodeHash::Sha256),
            "sha512" => (2, CodeHash::Sha512),
            other => panic!("{other}"),
        };
        let (key, code) = (case.hex("Key"), case.text("Code"));
        let time = u64::try_from(case.int("Time")).unwrap();
        let period = u8::try_from(case.int("Period")).unwrap();
        let digits = u8::try_from(case.int("Digits")).unwrap();
        assert_eq!(code.len(), usize::from(digits));
        let expected: u32 = code.parse().unwrap();
        let at = |key: &[u8], time| one_time_code(hash, key, time, period, digits);
        assert_eq!(at(&key, time), Ok(expected), "{}", case.id());
        // Six digits are the last six of eight.
        let short = one_time_code(hash, &key, time, period, 6);
        assert_eq!(short, Ok(expected % 1_000_000), "{}", case.id());
        // The whole step has this code, the next one and another key have not.
        let start = time - time % u64::from(period);
        assert_eq!(at(&key, start + u64::from(period) - 1), Ok(expected));
        assert_ne!(at(&key, start + u64::from(period)), Ok(expected));
        let mut other = key.clone();
        other[0] ^= 1;
        assert_ne!(at(&other, time), Ok(expected));
        counts[place] += 1;
    }
    assert_eq!(counts, [6, 6, 6]);
    let wrong = |period, digits| one_time_code(CodeHash::Sha256, &[1; 32], 59, period, digits);
    assert_eq!(wrong(30, 7), Err(Error::InvalidArgument));
    assert_eq!(wrong(0, 6), Err(Error::InvalidArgument));
}
