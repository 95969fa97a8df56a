// SPDX-License-Identifier: MIT OR Apache-2.0
//! Working keys under a master key: published values, round trips, every change.
#![cfg(all(feature = "hazmat", feature = "legacy"))]

#[path = "common/vectors.rs"]
mod vectors;

use payhsm::cipher::{modes, tdes::Tdes};
use payhsm::error::Error;
use payhsm::inject::working::*;
use payhsm::key::role::Kek;
use payhsm::key::{Key, Tdea};
use payhsm::secret::SecretBuf;
use proptest::prelude::*;

fn kek(bytes: &[u8]) -> Key<Kek, Tdea> {
    Key::from_bytes(bytes).unwrap()
}

fn zero_block(key: &[u8]) -> [u8; 8] {
    let mut block = [0; 8];
    modes::ecb_encrypt(&Tdes::new(key).unwrap(), &mut block).unwrap();
    block
}

fn encipher(kek: &[u8], key: &[u8]) -> Vec<u8> {
    let mut cipher = key.to_vec();
    modes::ecb_encrypt(&Tdes::new(kek).unwrap(), &mut cipher).unwrap();
    cipher
}

#[test]
fn a_published_working_key() {
    let cases = vectors::cases("key_management", "tdes_key_unwrap_ecb");
    assert_eq!(cases.len(), 1);
    for case in cases {
        let (master, cipher, key) = (kek(&case.hex("Kek")), case.hex("Wrapped"), case.hex("Key"));
        let kcv = zero_block(&key);
        let mut out = SecretBuf::new();
        for len in [3, 4] {
            unwrap_ecb(&master, &cipher, &kcv[..len], &mut out).unwrap();
            assert_eq!(out.expose(), key);
        }
        // The twins: every bit of the check value.
        for bit in 0..32 {
            let mut wrong = kcv;
            wrong[bit / 8] ^= 0x80 >> (bit % 8);
            let result = unwrap_ecb(&master, &cipher, &wrong[..4], &mut out);
            assert_eq!(result, Err(Error::VerificationFailed));
            assert!(out.is_empty());
        }
    }
}

/// The worked sample of a sign-on answer of 40 bytes: a double-length PIN key, a single-length MAC key.
#[test]
fn the_published_sign_on() {
    const TMK: [u8; 16] = *b"\xCA\x5D\x92\x59\x8D\xCA\x48\xCE\x8A\x4C\x76\x36\x1A\x92\x69\xE9";
    const FIELD: [u8; 40] = [
        0x67, 0x01, 0xEA, 0xD6, 0xA9, 0xAD, 0x51, 0xE5, 0x1A, 0xA4, 0x06, 0xE2, 0xC2, 0x7F, 0xCF, 0xA9, 0x8D, 0x0A,
        0x74, 0xB8, 0xB6, 0x51, 0xF9, 0xE9, 0xBA, 0xCE, 0x9A, 0xE1, 0, 0, 0, 0, 0, 0, 0, 0, 0xAB, 0x71, 0x53, 0xCA,
    ];
    let sign_on = SignOn::parse(SignOnKind::Double, &FIELD).unwrap();
    assert_eq!(sign_on.key_lens(), [16, 8, 0]);
    let mut keys = SignOnKeys::empty();
    sign_on.open(&kek(&TMK), &mut keys).unwrap();
    assert_eq!(
        keys.pin.expose(),
        b"\x80\x7A\x23\xAD\x32\xB3\x6D\x45\x7A\xE9\x1F\xDF\x92\x75\x70\xEA"
    );
    assert_eq!(keys.mac.expose(), b"\x5B\xB5\xC7\x2C\xD0\x0B\x73\x38");
    assert!(keys.track.is_empty());
    // Every byte counts: the keys' but for their parity bits, the tail's, the check values'.
    for at in 0..FIELD.len() {
        for change in [0x01, 0x80] {
            let mut field = FIELD;
            field[at] ^= change;
            let sign_on = SignOn::parse(SignOnKind::Double, &field).unwrap();
            assert_eq!(
                sign_on.open(&kek(&TMK), &mut keys),
                Err(Error::VerificationFailed),
                "{at}"
            );
            assert!(keys.pin.is_empty() && keys.mac.is_empty() && keys.track.is_empty());
        }
    }
    assert_eq!(sign_on.open(&Key::empty(), &mut keys), Err(Error::NoKey));
}

#[test]
fn lengths() {
    let kinds = [
        (SignOnKind::Single, 24),
        (SignOnKind::Double, 40),
        (SignOnKind::DoubleWithTrack, 60),
    ];
    let field = [1; 100];
    for (kind, right) in kinds {
        for len in 0..=100 {
            let parsed = SignOn::parse(kind, &field[..len]);
            assert_eq!(parsed.is_ok(), len == right, "{kind:?} {len}");
            assert!(parsed.is_ok() || parsed == Err(Error::InvalidLength));
        }
    }
    let mut out = SecretBuf::new();
    for len in (0..40).filter(|len| ![8, 16, 24].contains(len)) {
        let result = unwrap_ecb(&kek(&[7; 16]), &field[..len], &[0; 4], &mut out);
        assert_eq!(result, Err(Error::InvalidKeyLength));
    }
    for len in (0..9).filter(|len| ![3, 4].contains(len)) {
        let result = unwrap_ecb(&kek(&[7; 16]), &field[..16], &field[..len], &mut out);
        assert_eq!(result, Err(Error::InvalidLength));
    }
}

proptest! {
    /// What is enciphered comes back, whatever the keys and the kind.
    #[test]
    fn round_trip(
        tmk in prop::array::uniform16(any::<u8>()),
        keys in prop::array::uniform3(prop::array::uniform16(any::<u8>())),
        kind in prop::sample::select(vec![SignOnKind::Single, SignOnKind::Double, SignOnKind::DoubleWithTrack]),
        single_mac in any::<bool>(),
        flip in (0..480_usize, any::<bool>()),
    ) {
        let (len, count) = match kind {
            SignOnKind::Single => (8, 2),
            SignOnKind::Double => (16, 2),
            SignOnKind::DoubleWithTrack => (16, 3),
        };
        let mut field = Vec::new();
        let mut lens = [0; 3];
        for (at, key) in keys[..count].iter().enumerate() {
            lens[at] = if at == 1 && single_mac { 8 } else { len };
            let mut cipher = encipher(&tmk, &key[..lens[at]]);
            cipher.resize(len, 0);
            field.extend(cipher);
            field.extend(&zero_block(&key[..lens[at]])[..4]);
        }
        let mut out = SignOnKeys::empty();
        let parsed = SignOn::parse(kind, &field).unwrap();
        prop_assert_eq!(parsed.key_lens(), lens);
        parsed.open(&kek(&tmk), &mut out).unwrap();
        for (got, (key, len)) in [&out.pin, &out.mac, &out.track].iter().zip(keys.iter().zip(lens)) {
            prop_assert_eq!(got.expose(), &key[..len]);
        }
        // One bit, anywhere.
        if let (bit, true) = flip {
            let bit = bit % (field.len() * 8);
            field[bit / 8] ^= 0x80 >> (bit % 8);
            let changed = SignOn::parse(kind, &field).unwrap().open(&kek(&tmk), &mut out);
            prop_assert_eq!(changed, Err(Error::VerificationFailed));
            prop_assert!(out.pin.is_empty() && out.mac.is_empty() && out.track.is_empty());
        }
    }
}
