// SPDX-License-Identifier: MIT OR Apache-2.0
//! Key injection: curve points and signatures, component ceremonies, the agreement of a KBPK, working keys.

use payhsm::cipher::modes::ecb_encrypt;
use payhsm::cipher::tdes::Tdes;
use payhsm::ecdh::{PrivateKey, PublicKey};
use payhsm::ecdsa::{SIGNATURE_DER_MAX_LEN, Signature, SigningKey, verify};
use payhsm::error::Error;
use payhsm::inject::agreement::{Identity, Initiator, KbpkLen, Parties, PeerHistory, Responder};
use payhsm::inject::component::{Assembly, Ceremony, CheckValue, CustodianId, Parity, combine};
use payhsm::inject::working::{SignOn, SignOnKeys, SignOnKind};
use payhsm::key::role::{Kbpk, Kek, MacKey};
use payhsm::key::usage::KeyAlgorithm;
use payhsm::key::{Aes, Key, Tdea, parity};
use payhsm::secret::Secret;

use crate::{Input, Rng};

/// A point that is read is written the same, compressed or not, and agreement with it is symmetric.
pub fn ec_point(data: &[u8]) {
    let point = match PublicKey::from_sec1(data) {
        Ok(point) => point,
        Err(error) => {
            assert_eq!(error, Error::EcPoint);
            return;
        }
    };
    let bytes = point.to_sec1();
    assert_eq!(PublicKey::from_sec1(&bytes), Ok(point));
    let mut compressed = bytes[..33].to_vec();
    compressed[0] = 2 | (bytes[64] & 1);
    assert_eq!(PublicKey::from_sec1(&compressed), Ok(point));
    assert!(data == &bytes[..] || data == &compressed[..]);
    // The other square root is the negative: the same X, the same Z.
    compressed[0] ^= 1;
    let negative = PublicKey::from_sec1(&compressed).unwrap();
    assert_ne!(negative, point);
    let (mut a, mut b) = (Secret::zeroed(), Secret::zeroed());
    for (peer, z) in [(&point, &mut a), (&negative, &mut b)] {
        PrivateKey::from_bytes(&[0x2A; 32]).unwrap().agree(peer, z).unwrap();
    }
    assert_eq!(a.expose(), b.expose());
}

/// A signature that is read is written the same, in both encodings; one that nobody made does not verify.
pub fn ec_signature(data: &[u8]) {
    let written = |signature: &Signature| {
        let mut der = [0; SIGNATURE_DER_MAX_LEN];
        let len = signature.to_der(&mut der);
        der[..len].to_vec()
    };
    for (signature, encoding) in [(Signature::from_der(data), 0), (Signature::from_raw(data), 1)] {
        let signature = match signature {
            Ok(signature) => signature,
            Err(error) => {
                assert_eq!(error, Error::Signature);
                continue;
            }
        };
        let (raw, der) = (signature.to_raw(), written(&signature));
        assert_eq!(data, if encoding == 0 { &der[..] } else { &raw[..] });
        assert_eq!(Signature::from_der(&der), Ok(signature));
        assert_eq!(Signature::from_raw(&raw), Ok(signature));
        let key = SigningKey::from_bytes(&[0x2B; 32]).unwrap();
        let public = key.public().unwrap();
        assert_eq!(verify(&public, b"fuzz", &signature), Err(Error::VerificationFailed));
    }
}

/// A sign-on answer of the right length is read; keys with right check values are those that were enciphered.
pub fn sign_on(data: &[u8]) {
    let mut input = Input::new(data);
    let kind = [SignOnKind::Single, SignOnKind::Double, SignOnKind::DoubleWithTrack][usize::from(input.byte() % 3)];
    let make = input.byte() & 1 != 0;
    let tmk = input.array::<16>();
    let cipher = Tdes::new(&tmk).unwrap();
    let encipher = |key: &[u8]| {
        let mut out = key.to_vec();
        ecb_encrypt(&cipher, &mut out).unwrap();
        out
    };
    let check = |key: &[u8]| {
        let mut block = [0; 8];
        ecb_encrypt(&Tdes::new(key).unwrap(), &mut block).unwrap();
        block[..4].to_vec()
    };
    let mut field = input.rest().to_vec();
    let Ok(parsed) = SignOn::parse(kind, &field) else {
        return;
    };
    let lens = parsed.key_lens();
    if make {
        // The cipher texts stay; their keys get the check values that they have.
        let width = lens[0];
        for (at, len) in lens.iter().enumerate().filter(|(_, len)| **len != 0) {
            let start = at * (width + 4);
            let mut key = field[start..start + len].to_vec();
            payhsm::cipher::modes::ecb_decrypt(&cipher, &mut key).unwrap();
            field[start + width..start + width + 4].copy_from_slice(&check(&key));
        }
    }
    let parsed = SignOn::parse(kind, &field).unwrap();
    let mut keys = SignOnKeys::empty();
    match parsed.open(&Key::<Kek, Tdea>::from_bytes(&tmk).unwrap(), &mut keys) {
        Ok(()) => {
            let mut again = Vec::new();
            for key in [&keys.pin, &keys.mac, &keys.track].map(|key| key.expose()) {
                if !key.is_empty() {
                    let mut part = encipher(key);
                    part.resize(lens[0], 0);
                    again.extend(part);
                    again.extend(check(key));
                }
            }
            assert_eq!(again, field);
        }
        Err(error) => {
            assert_eq!(error, Error::VerificationFailed);
            assert!(!make && keys.pin.is_empty() && keys.mac.is_empty() && keys.track.is_empty());
        }
    }
}

/// Any order of calls does what the model says: the parts given, and nothing after an error.
pub fn component(data: &[u8]) {
    let mut input = Input::new(data);
    let mut assembly = Assembly::empty();
    let mut open: Option<(Ceremony, KeyAlgorithm, usize, usize, bool)> = None;
    let mut given: Vec<(u32, Vec<u8>)> = Vec::new();
    while let Some(call) = input.more() {
        match call % 4 {
            0 => {
                let [choice, parts] = input.array();
                let algorithm = if choice & 1 == 0 {
                    KeyAlgorithm::Tdea
                } else {
                    KeyAlgorithm::Aes
                };
                let len = usize::from(choice >> 1 & 7) * 8;
                let Ok(mut ceremony) = Ceremony::new(algorithm, len, usize::from(parts % 12)) else {
                    continue;
                };
                let odd = choice & 0x10 != 0;
                if odd {
                    ceremony = ceremony.with_parity(Parity::Odd);
                }
                if choice & 0x80 != 0 {
                    ceremony = ceremony.require_part_kcv();
                }
                if choice & 0x20 != 0 {
                    match ceremony.expect(check_value(choice & 0x40 != 0, &mut input)) {
                        Ok(expecting) => ceremony = expecting,
                        Err(error) => assert_eq!((error, algorithm), (Error::AlgorithmMismatch, KeyAlgorithm::Aes)),
                    }
                }
                let result = assembly.begin(&ceremony);
                assert_eq!(result.is_ok(), open.is_none());
                if result.is_ok() {
                    open = Some((ceremony, algorithm, len, usize::from(parts % 12), odd));
                    given.clear();
                }
            }
            1 | 2 => {
                let custodian = u32::from(input.byte() % 16);
                let kcv = (call & 4 != 0).then(|| check_value(call & 8 != 0, &mut input));
                let part = input.short();
                if assembly.add(CustodianId(custodian), part, kcv).is_ok() {
                    let (_, _, len, parts, _) = open.unwrap();
                    assert!(part.len() == len && given.len() < parts);
                    assert!(given.iter().all(|(who, what)| *who != custodian && what != part));
                    given.push((custodian, part.to_vec()));
                } else {
                    open = None;
                }
            }
            _ => {
                let mut sum = [0; 32];
                let parts: Vec<&[u8]> = given.iter().map(|(_, part)| part.as_slice()).collect();
                let len = parts.first().map_or(0, |part| part.len());
                let complete = open.take();
                assert_eq!(combine(&[], &mut [0; 16]), Err(Error::InvalidArgument));
                assert_eq!(combine(&[&[1; 8]], &mut [0; 16]), Err(Error::InvalidLength));
                assert!(Ceremony::new(KeyAlgorithm::Hmac, 16, 2).is_err());
                macro_rules! finish {
                    ($algorithm:ty) => {{
                        let mut out = Key::<Kek, $algorithm>::empty();
                        if assembly.finish(&mut out).is_ok() {
                            let (_, _, _, count, odd) = complete.unwrap();
                            assert_eq!(parts.len(), count);
                            combine(&parts, &mut sum[..len]).unwrap();
                            if odd && <$algorithm as payhsm::key::Algorithm>::NAME == "TDEA" {
                                parity::set_odd(&mut sum[..len]);
                            }
                            assert_eq!(out.expose_bytes(), &sum[..len]);
                        } else {
                            assert!(out.is_empty());
                        }
                    }};
                }
                if call & 4 == 0 {
                    finish!(Tdea);
                } else {
                    finish!(Aes);
                }
            }
        }
        assert_eq!(assembly.is_open(), open.is_some());
    }
}

fn check_value(legacy: bool, input: &mut Input<'_>) -> CheckValue {
    if legacy {
        CheckValue::Legacy(input.array())
    } else {
        CheckValue::Cmac(input.array())
    }
}

/// Messages that arrive as they were sent give one key to both; any change gives none.
pub fn agreement(data: &[u8]) {
    let mut input = Input::new(data);
    let [seed, len, which, place, xor] = input.array();
    let len = [KbpkLen::Aes128, KbpkLen::Aes192, KbpkLen::Aes256][usize::from(len % 3)];
    let (host, terminal) = (Identity::new(input.short()), Identity::new(input.short()));
    let (Ok(host), Ok(terminal)) = (host, terminal) else {
        return;
    };
    let Ok(parties) = Parties::new(host, terminal, len) else {
        assert_eq!(host.as_bytes(), terminal.as_bytes());
        return;
    };
    let psk = Key::<MacKey, Aes>::from_bytes(&input.array::<16>()).unwrap();
    let mut rng = Rng(u64::from(seed));
    let (mut seen_host, mut seen_terminal) = (PeerHistory::new(), PeerHistory::new());
    let (mut k_host, mut k_terminal) = (Key::<Kbpk, Aes>::empty(), Key::<Kbpk, Aes>::empty());
    let (mut a, mut b) = (Initiator::empty(), Responder::empty());
    let place = usize::from(place);
    let alter = |message: &mut [u8], number: u8| {
        let place = place % message.len();
        if which % 4 == number {
            message[place] ^= xor;
        }
    };
    let changed = xor != 0 && which % 4 != 3;
    let mut run = || -> Result<(), Error> {
        let mut m1 = a.start(&parties, &mut rng)?;
        alter(&mut m1, 0);
        let mut m2 = b.answer(&psk, &parties, &m1, &seen_terminal, &mut rng)?;
        alter(&mut m2, 1);
        let done = a.take().finish(&psk, &m2, &mut seen_host, &mut k_host)?;
        let mut m3 = done.m3;
        alter(&mut m3, 2);
        assert_eq!(b.take().finish(&m3, &mut seen_terminal, &mut k_terminal)?, done.kcv);
        Ok(())
    };
    assert_eq!(run().is_err(), changed);
    if changed {
        assert!(k_terminal.is_empty());
        assert_eq!(k_host.is_empty(), which % 4 != 2);
    } else {
        assert_eq!(k_host.expose_bytes(), k_terminal.expose_bytes());
        assert_eq!(k_host.len(), len.bytes());
    }
}
