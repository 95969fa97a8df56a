// SPDX-License-Identifier: MIT OR Apache-2.0
//! Known answers: P-256 public keys, agreement and signatures; HKDF, X9.63 and one-step key derivation.
#![cfg(all(feature = "hazmat", feature = "ec"))]

#[path = "common/vectors.rs"]
mod vectors;

use payhsm::ecdh::{PrivateKey, PublicKey};
use payhsm::ecdsa::{SIGNATURE_DER_MAX_LEN, Signature, SigningKey, verify};
use payhsm::error::Error;
use payhsm::kdf;
use payhsm::secret::Secret;
use vectors::cases;

const FAMILY: &str = "ecdh_hkdf";

/// The order of the group.
const N: [u8; 32] = [
    0xFF, 0xFF, 0xFF, 0xFF, 0, 0, 0, 0, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xBC, 0xE6, 0xFA, 0xAD, 0xA7,
    0x17, 0x9E, 0x84, 0xF3, 0xB9, 0xCA, 0xC2, 0xFC, 0x63, 0x25, 0x51,
];
/// The field's prime.
const P: [u8; 32] = [
    0xFF, 0xFF, 0xFF, 0xFF, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF,
    0xFF, 0xFF, 0xFF, 0xFF, 0xFF,
];

fn private(scalar: u8) -> PrivateKey {
    let mut bytes = [0; 32];
    bytes[31] = scalar;
    PrivateKey::from_bytes(&bytes).unwrap()
}

fn compress(uncompressed: &[u8; 65]) -> [u8; 33] {
    let mut out = [0; 33];
    out.copy_from_slice(&uncompressed[..33]);
    out[0] = 2 | (uncompressed[64] & 1);
    out
}

#[test]
fn agreement_cavp() {
    let cases = cases(FAMILY, "ecdh_p256");
    assert_eq!(cases.len(), 21);
    for case in cases {
        let (scalar, public, z) = (case.array("Private"), case.array("Peer_public"), case.hex("Z"));
        let peer = PublicKey::from_sec1(&public).unwrap();
        assert_eq!(PublicKey::from_sec1(&compress(&public)).unwrap(), peer);
        assert_eq!(peer.to_compressed(), compress(&public));
        let mut out = Secret::zeroed();
        PrivateKey::from_bytes(&scalar).unwrap().agree(&peer, &mut out).unwrap();
        assert_eq!(out.expose()[..], z, "{}", case.id());
        // The twin: one bit of either coordinate leaves the curve.
        for byte in [1, 32, 33, 64] {
            let mut bad = public;
            bad[byte] ^= 1;
            assert_eq!(PublicKey::from_sec1(&bad).unwrap_err(), Error::EcPoint);
        }
    }
}

#[test]
fn public_from_private_cavp() {
    let cases = cases(FAMILY, "p256_public_from_private");
    assert_eq!(cases.len(), 8);
    for case in cases {
        let key = PrivateKey::from_bytes(&case.array("Private")).unwrap();
        let public = case.hex("Public");
        assert_eq!(key.public().to_sec1()[..], public, "{}", case.id());
        // Our own key, reflected.
        let own = PublicKey::from_sec1(&public).unwrap();
        let mut z = Secret::zeroed();
        *z.expose_mut() = [1; 32];
        assert_eq!(key.agree(&own, &mut z), Err(Error::EcPoint));
        assert_eq!(z.expose(), &[0; 32]);
    }
}

#[test]
fn point_validation_cavp() {
    let cases = cases(FAMILY, "p256_point_validate");
    assert_eq!(cases.len(), 6);
    let mut valid = 0;
    for case in cases {
        let expected = case.bool("Valid");
        valid += usize::from(expected);
        let point = PublicKey::from_sec1(&case.hex("Public"));
        assert_eq!(
            point.map(drop),
            if expected { Ok(()) } else { Err(Error::EcPoint) },
            "{}",
            case.id()
        );
    }
    assert_eq!(valid, 4);
}

/// Attack row E06.
#[test]
fn e06_malformed_points_are_refused() {
    let good = private(1).public().to_sec1();
    let refused = |bytes: &[u8]| assert_eq!(PublicKey::from_sec1(bytes).unwrap_err(), Error::EcPoint, "{bytes:02X?}");
    // Every first byte but 04; among them compact 05, hybrid 06 and 07.
    for first in (0..=255).filter(|&first| first != 4) {
        let mut bad = good;
        bad[0] = first;
        refused(&bad);
    }
    let short = compress(&good);
    for first in (0..=255).filter(|first| !matches!(first, 2 | 3)) {
        let mut bad = short;
        bad[0] = first;
        refused(&bad);
    }
    // Every length of a longer string, with a fitting first byte: 64 and 66 bytes among them.
    let long = [&good[..], &[0; 70]].concat();
    for len in (0..long.len()).filter(|&len| len != 65) {
        refused(&long[..len]);
        let compressed = [&short[..], &[0; 102]].concat();
        if len != 33 {
            refused(&compressed[..len]);
        }
    }
    // Infinity, as one byte and as zeros.
    refused(&[0]);
    refused(&[0; 65]);
    refused(&[[4].as_slice(), &[0; 64]].concat());
    // (0, sqrt(b)) is on the curve, (p, sqrt(b)) names the same point out of range.
    let zero = PublicKey::from_sec1(&[[2].as_slice(), &[0; 32]].concat())
        .unwrap()
        .to_sec1();
    assert_eq!(zero[1..33], [0; 32]);
    refused(&[[4].as_slice(), &P, &zero[33..]].concat());
    refused(&[[2].as_slice(), &P].concat());
    refused(&[[4].as_slice(), &zero[1..33], &P].concat());
    refused(&[[4].as_slice(), &[0xFF; 64]].concat());
    // X of a point on the twist: no Y.
    let mut twist = 0;
    for x in 0..=255 {
        let mut bytes = [0; 33];
        (bytes[0], bytes[32]) = (2, x);
        twist += usize::from(PublicKey::from_sec1(&bytes).is_err());
    }
    assert!((64..192).contains(&twist), "{twist}");
}

/// Attack row E06.
#[test]
fn e06_scalars_outside_the_range_are_refused() {
    let mut above = N;
    above[31] += 1;
    for scalar in [[0; 32], N, above, [0xFF; 32]] {
        assert_eq!(PrivateKey::from_bytes(&scalar).unwrap_err(), Error::EcScalar);
    }
    let mut below = N;
    below[31] -= 1;
    // (n - 1) G = -G.
    let (plus, minus) = (
        private(1).public().to_sec1(),
        PrivateKey::from_bytes(&below).unwrap().public().to_sec1(),
    );
    assert_eq!(plus[..33], minus[..33]);
    assert_ne!(plus[33..], minus[33..]);
}

#[test]
fn hkdf_rfc5869() {
    let cases = cases(FAMILY, "hkdf");
    assert_eq!(cases.len(), 6);
    let mut run = 0;
    for case in cases {
        if case.text("Hash") != "sha256" {
            case.discard();
            continue;
        }
        run += 1;
        let (ikm, salt, info) = (case.hex("Ikm"), case.hex("Salt"), case.hex("Info"));
        let okm = case.hex("Okm");
        assert_eq!(usize::try_from(case.int("Length")), Ok(okm.len()));
        let mut prk = Secret::zeroed();
        kdf::hkdf_sha256_extract(&salt, &ikm, &mut prk).unwrap();
        assert_eq!(prk.expose()[..], case.hex("Prk"), "{}", case.id());
        let mut out = vec![0; okm.len()];
        kdf::hkdf_sha256_expand(&prk, &[&info], &mut out).unwrap();
        assert_eq!(out, okm, "{}", case.id());
        // The parts of `info` are one string.
        let (left, right) = info.split_at(info.len() / 2);
        kdf::hkdf_sha256(&salt, &ikm, &[left, right], &mut out).unwrap();
        assert_eq!(out, okm);
        kdf::hkdf_sha256(&salt, &ikm, &[&info, &[0]], &mut out).unwrap();
        assert_ne!(out, okm);
    }
    assert_eq!(run, 3);
}

/// A one-step derivation: `z`, parts of the information, output.
type OneStep = fn(&[u8], &[&[u8]], &mut [u8]) -> Result<(), Error>;

fn one_step(op: &str, info: &str, count: usize, derive: OneStep, other: OneStep) {
    let cases = cases(FAMILY, op);
    assert_eq!(cases.len(), count);
    for case in cases {
        assert_eq!(case.text("Hash"), "sha256");
        let (z, info, expected) = (case.hex("Z"), case.hex(info), case.hex("Key_data"));
        assert_eq!(usize::try_from(case.int("Length")), Ok(expected.len()));
        let mut out = vec![0; expected.len()];
        derive(&z, &[&info], &mut out).unwrap();
        assert_eq!(out, expected, "{}", case.id());
        // Twins: the information one byte longer, the counter at the other place.
        derive(&z, &[&info, &[0]], &mut out).unwrap();
        assert_ne!(out, expected);
        other(&z, &[&info], &mut out).unwrap();
        assert_ne!(out, expected);
    }
}

#[test]
fn x963_cavp() {
    one_step("x963_kdf", "Shared_info", 10, kdf::x963_sha256, kdf::one_step_sha256);
}

#[test]
fn one_step_cavp() {
    one_step("concat_kdf", "Other_info", 6, kdf::one_step_sha256, kdf::x963_sha256);
}

#[test]
fn signatures_cavp_rfc6979() {
    let cases = cases(FAMILY, "ecdsa_p256_sign_fixed_k");
    assert_eq!(cases.len(), 14);
    let mut deterministic = 0;
    for case in cases {
        assert_eq!(case.text("Hash"), "sha256");
        let key = SigningKey::from_bytes(&case.array("Private")).unwrap();
        let (message, nonce) = (case.hex("Msg"), case.array("K"));
        let expected = [case.hex("R"), case.hex("S")].concat();
        let signature = key.sign_with_nonce(&message, &nonce).unwrap();
        assert_eq!(signature.to_raw()[..], expected, "{}", case.id());
        if case.opt_bool("Rfc6979") == Some(true) {
            deterministic += 1;
            assert_eq!(key.sign(&message).unwrap(), signature, "{}", case.id());
        }
        let public = key.public().unwrap();
        verify(&public, &message, &signature).unwrap();
        // The twins: another message, another nonce, a nonce out of range.
        assert_eq!(
            verify(&public, &[&message[..], b"!"].concat(), &signature),
            Err(Error::VerificationFailed)
        );
        let mut other = nonce;
        other[31] ^= 1;
        assert_ne!(key.sign_with_nonce(&message, &other).unwrap(), signature);
        for bad in [[0; 32], N] {
            assert_eq!(key.sign_with_nonce(&message, &bad).unwrap_err(), Error::EcScalar);
        }
    }
    assert_eq!(deterministic, 2);
}

#[test]
fn verification_cavp() {
    let cases = cases(FAMILY, "ecdsa_p256_verify");
    assert_eq!(cases.len(), 12);
    let mut valid = 0;
    for case in cases {
        assert_eq!(case.text("Hash"), "sha256");
        let public = PublicKey::from_sec1(&case.hex("Public")).unwrap();
        let message = case.hex("Msg");
        let signature = Signature::from_raw(&[case.hex("R"), case.hex("S")].concat()).unwrap();
        let expected = case.bool("Valid");
        valid += usize::from(expected);
        let result = verify(&public, &message, &signature);
        assert_eq!(
            result,
            if expected {
                Ok(())
            } else {
                Err(Error::VerificationFailed)
            },
            "{}",
            case.id()
        );
        let mut der = [0; SIGNATURE_DER_MAX_LEN];
        let len = signature.to_der(&mut der);
        assert_eq!(Signature::from_der(&der[..len]).unwrap(), signature);
    }
    assert!((1..12).contains(&valid), "{valid}");
}

/// Attack row E06: a key structure with anything but the named curve.
#[test]
fn e06_key_structures() {
    let public = private(5).public();
    let header = [
        0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x02, 0x01, 0x06, 0x08, 0x2A, 0x86, 0x48,
        0xCE, 0x3D, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00,
    ];
    let whole = [&header[..], public.as_bytes()].concat();
    assert_eq!(PublicKey::from_spki(&whole).unwrap(), public);
    for len in 0..whole.len() {
        assert_eq!(PublicKey::from_spki(&whole[..len]).unwrap_err(), Error::EcPoint);
    }
    assert!(PublicKey::from_spki(&[&whole[..], &[0]].concat()).is_err());
    for bit in 0..27 * 8 {
        let mut bad = whole.clone();
        bad[bit / 8] ^= 0x80 >> (bit % 8);
        assert_eq!(PublicKey::from_spki(&bad).unwrap_err(), Error::EcPoint);
    }
    let mut short = [&header[..], &public.to_compressed()].concat();
    assert!(PublicKey::from_spki(&short).is_err());
    (short[1], short[24]) = (0x39, 0x22);
    assert_eq!(PublicKey::from_spki(&short).unwrap(), public);
}
