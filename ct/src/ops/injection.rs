// SPDX-License-Identifier: MIT OR Apache-2.0
//! Key derivation, P-256 and the loading of keys: components, agreement.

use payhsm::cipher::modes::{ecb_decrypt, ecb_encrypt};
use payhsm::cipher::tdes::Tdes;
use payhsm::ecdh::PrivateKey;
use payhsm::ecdsa::SigningKey;
use payhsm::error::Error;
use payhsm::inject::agreement::unauthenticated::{Agreement, Kdf};
use payhsm::inject::agreement::{Identity, Initiator, KbpkLen, Parties, PeerHistory, Responder};
use payhsm::inject::component::{Assembly, Ceremony, CheckValue, CustodianId, Parity};
use payhsm::inject::working::{SignOn, SignOnKeys, SignOnKind, unwrap_ecb};
use payhsm::kdf::{
    hkdf_sha256, hkdf_sha256_extract, hkdf_sha384, hkdf_sha512, one_step_sha256, one_step_sha384, one_step_sha512,
    x963_sha256, x963_sha384, x963_sha512,
};
use payhsm::key::role::{Kbpk, Kek, MacKey};
use payhsm::key::usage::KeyAlgorithm;
use payhsm::key::{Aes, Algorithm, Key, Tdea};
use payhsm::secret::{Secret, SecretBuf};

use super::{Random, bytes, open, secret};
use crate::Harness;

pub fn run(h: &mut Harness) {
    h.constant("HKDF-SHA-256: extract", || {
        let mut prk = Secret::zeroed();
        hkdf_sha256_extract(b"salt", &secret(bytes::<32>(0x31)), &mut prk).unwrap();
        *prk.expose()
    });
    h.constant("HKDF-SHA-256: extract and expand", || {
        let mut out = [0; 48];
        hkdf_sha256(&[], &secret(bytes::<32>(0x32)), &[b"a", b"label"], &mut out).unwrap();
        out
    });
    h.constant("HKDF-SHA-384", || {
        let mut out = [0; 48];
        hkdf_sha384(&[], &secret(bytes::<32>(0x34)), &[b"label"], &mut out).unwrap();
        out
    });
    h.constant("HKDF-SHA-512", || {
        let mut out = [0; 48];
        hkdf_sha512(&[], &secret(bytes::<32>(0x36)), &[b"label"], &mut out).unwrap();
        out
    });
    type Derive = fn(&[u8], &[&[u8]], &mut [u8]) -> Result<(), Error>;
    let derivations: [(&str, Derive); 6] = [
        ("X9.63 derivation, SHA-256", x963_sha256),
        ("X9.63 derivation, SHA-384", x963_sha384),
        ("X9.63 derivation, SHA-512", x963_sha512),
        ("one-step derivation, SHA-256", one_step_sha256),
        ("one-step derivation, SHA-384", one_step_sha384),
        ("one-step derivation, SHA-512", one_step_sha512),
    ];
    for (name, derive) in derivations {
        h.constant(name, || {
            let mut out = [0; 48];
            derive(&secret(bytes::<32>(0x37)), &[b"information"], &mut out).unwrap();
            out
        });
    }

    component::<Tdea, 16>(h, "components, TDES two keys", KeyAlgorithm::Tdea);
    component::<Tdea, 24>(h, "components, TDES three keys", KeyAlgorithm::Tdea);
    component::<Aes, 16>(h, "components, AES-128", KeyAlgorithm::Aes);
    component::<Aes, 32>(h, "components, AES-256", KeyAlgorithm::Aes);
    h.verdict("components: refuse a wrong KCV", false, || {
        let mut assembly = Assembly::empty();
        assembly
            .begin(&Ceremony::new(KeyAlgorithm::Tdea, 16, 2).unwrap())
            .unwrap();
        assembly
            .add(
                CustodianId(1),
                &secret(bytes::<16>(0x33)),
                Some(CheckValue::Legacy([1, 2, 3])),
            )
            .is_ok()
    });

    working(h);
    curve(h);
}

/// Working keys under a master key, and the refusal of a wrong check value.
fn working(h: &mut Harness) {
    let master = || Key::<Kek, Tdea>::from_bytes(&secret(bytes::<16>(0x50))).unwrap();
    let (cipher, mut zeros) = (bytes::<16>(0x51), [0; 8]);
    let mut key = cipher;
    ecb_decrypt(&Tdes::new(&bytes::<16>(0x50)).unwrap(), &mut key).unwrap();
    ecb_encrypt(&Tdes::new(&key).unwrap(), &mut zeros).unwrap();
    let kcv: [u8; 4] = *zeros.first_chunk().unwrap();
    h.constant::<16>("working key under a master key", || {
        let mut out = SecretBuf::new();
        unwrap_ecb(&master(), &cipher, &kcv, &mut out).unwrap();
        out.expose().try_into().unwrap()
    });
    h.verdict("working key: refuse a wrong check value", false, || {
        let mut out = SecretBuf::new();
        unwrap_ecb(&master(), &cipher, &[1, 2, 3], &mut out).is_ok()
    });
    h.constant::<16>("UnionPay sign-on", || {
        let mut field = [0; 40];
        for part in field.chunks_mut(20) {
            let (to, check) = part.split_at_mut(16);
            to.copy_from_slice(&cipher);
            check.copy_from_slice(&kcv);
        }
        let mut keys = SignOnKeys::empty();
        SignOn::parse(SignOnKind::Double, &field)
            .unwrap()
            .open(&master(), &mut keys)
            .unwrap();
        keys.mac.expose().try_into().unwrap()
    });
}

/// Two parts and, over the result, the refusal of weak keys.
fn component<A: Algorithm, const N: usize>(h: &mut Harness, name: &str, algorithm: KeyAlgorithm) {
    h.constant::<N>(name, || {
        let mut ceremony = Ceremony::new(algorithm, N, 2).unwrap();
        if algorithm == KeyAlgorithm::Tdea {
            ceremony = ceremony.with_parity(Parity::Odd);
        }
        let mut assembly = Assembly::empty();
        assembly.begin(&ceremony).unwrap();
        let mut first: [u8; N] = bytes(0x35);
        // A key whose halves differ.
        first[N - 1] ^= 0x70;
        assembly.add(CustodianId(1), &secret(first), None).unwrap();
        assembly.add(CustodianId(2), &secret([0x1E; N]), None).unwrap();
        let mut key = Key::<Kek, A>::empty();
        assembly.finish(&mut key).unwrap();
        key.expose_bytes().try_into().unwrap()
    });
}

fn parties() -> Parties {
    let (host, terminal) = (Identity::new(b"host"), Identity::new(b"terminal"));
    Parties::new(host.unwrap(), terminal.unwrap(), KbpkLen::Aes128).unwrap()
}

fn curve(h: &mut Harness) {
    h.verdict("ECDH P-256: key generation", true, || {
        PrivateKey::generate(&mut Random(0x41)).is_ok()
    });
    h.constant("ECDH P-256: agreement", || {
        let peer = PrivateKey::from_bytes(&bytes(0x42)).unwrap().public();
        let own = PrivateKey::from_bytes(&secret(bytes(0x43))).unwrap();
        let mut z = Secret::zeroed();
        own.agree(&peer, &mut z).unwrap();
        *z.expose()
    });
    // The signature itself is public.
    h.verdict("ECDSA P-256: signature", true, || {
        let key = SigningKey::from_bytes(&secret(bytes(0x47))).unwrap();
        key.sign(b"a message").is_ok()
    });
    h.verdict("ECDSA P-256: signature with a given nonce", true, || {
        let key = SigningKey::from_bytes(&secret(bytes(0x47))).unwrap();
        key.sign_with_nonce(b"a message", &secret(bytes(0x4F))).is_ok()
    });
    h.verdict("ECDSA P-256: key generation and public key", true, || {
        SigningKey::generate(&mut Random(0x48)).is_ok_and(|key| key.public().is_ok())
    });
    h.constant::<16>("agreement of a KBPK with signatures, both sides", || {
        let host_key = SigningKey::from_bytes(&secret(bytes(0x49))).unwrap();
        let terminal_key = SigningKey::from_bytes(&secret(bytes(0x4A))).unwrap();
        let (host_public, terminal_public) = (host_key.public().unwrap(), terminal_key.public().unwrap());
        let (mut host, mut terminal) = (Initiator::empty(), Responder::empty());
        let (mut seen_host, mut seen_terminal) = (PeerHistory::new(), PeerHistory::new());
        let m1 = host.start(&parties(), &mut Random(0x4B)).unwrap();
        let m2 = terminal
            .answer_signed(
                &terminal_key,
                &host_public,
                &parties(),
                &m1,
                &seen_terminal,
                &mut Random(0x4C),
            )
            .unwrap();
        let (mut here, mut there) = (Key::<Kbpk, Aes>::empty(), Key::<Kbpk, Aes>::empty());
        let done = host
            .finish_signed(&host_key, &terminal_public, &m2, &mut seen_host, &mut here)
            .unwrap();
        terminal
            .finish_signed(&done.m3, &mut seen_terminal, &mut there)
            .unwrap();
        there.expose_bytes().try_into().unwrap()
    });
    h.constant::<32>("agreement of a KBPK that authenticates nobody", || {
        let peer = PrivateKey::from_bytes(&bytes(0x4D)).unwrap().public();
        let mut own = Agreement::empty();
        own.start(&mut Random(0x4E)).unwrap();
        let mut key = Key::<Kbpk, Aes>::empty();
        let (kdf, len) = (Kdf::OneStepSha384, KbpkLen::Aes256);
        own.finish(&peer, kdf, b"information", len, &mut PeerHistory::new(), &mut key)
            .unwrap();
        key.expose_bytes().try_into().unwrap()
    });
    h.constant::<16>("agreement of a KBPK, both sides", || {
        let psk = Key::<MacKey, Aes>::from_bytes(&secret(bytes::<16>(0x44))).unwrap();
        let parties = parties();
        let mut host = Initiator::empty();
        let mut m1 = host.start(&parties, &mut Random(0x45)).unwrap();
        open(&mut m1);
        let mut terminal = Responder::empty();
        let mut terminal_history = PeerHistory::new();
        let mut m2 = terminal
            .answer(&psk, &parties, &m1, &terminal_history, &mut Random(0x46))
            .unwrap();
        open(&mut m2);
        let (mut here, mut there) = (Key::<Kbpk, Aes>::empty(), Key::<Kbpk, Aes>::empty());
        let mut m3 = host
            .take()
            .finish(&psk, &m2, &mut PeerHistory::new(), &mut here)
            .unwrap()
            .m3;
        open(&mut m3);
        terminal.take().finish(&m3, &mut terminal_history, &mut there).unwrap();
        there.expose_bytes().try_into().unwrap()
    });
}
