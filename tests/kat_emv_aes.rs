// SPDX-License-Identifier: MIT OR Apache-2.0
//! Known answers of AES cards: `vectors/emv_ecc.txt`, and the values of one public implementation.

#![cfg(all(feature = "hazmat", feature = "host"))]

#[path = "common/vectors.rs"]
mod vectors;

use payhsm::cipher::aes;
use payhsm::cipher::modes;
use payhsm::codec::tlv::Writer;
use payhsm::emv::card::{self, IssuerAnswer};
use payhsm::emv::cryptogram;
use payhsm::emv::derive::{MasterKeyOption, Psn, icc_master_key, icc_master_key_aes};
use payhsm::emv::element::{Atc, CryptogramKind, tag};
use payhsm::emv::profile::{self, AcInput, ArpcKey, ArpcMethod, Padding, Recipe, SessionKeyMethod, verify_arqc};
use payhsm::emv::raw::{self, RawRequest};
use payhsm::emv::response::Authentication;
use payhsm::emv::session;
use payhsm::error::Error;
use payhsm::key::role::{Ac, IccMk, Imk, SessionKey};
use payhsm::key::{Aes, Key, Tdea};
use payhsm::mac::Mac as _;
use payhsm::mac::cmac::CmacAes;
use payhsm::pin::pan::Pan;
use vectors::cases;

type Mk = Key<IccMk<Ac>, Aes>;
type Sk = Key<SessionKey<Ac>, Aes>;

const FAILED: Option<Error> = Some(Error::VerificationFailed);

fn key(len: usize) -> Vec<u8> {
    (0..len).map(|i| u8::try_from(i * 37 % 251).unwrap() ^ 0x5C).collect()
}

fn block(key: &[u8], input: [u8; 16]) -> [u8; 16] {
    let mut block = input;
    modes::ecb_encrypt(&aes::Aes::new(key).unwrap(), &mut block).unwrap();
    block
}

/// Rows of Kernel 8's secure channel: what of it is AES alone.
#[test]
fn kernel_8_over_the_primitives() {
    let mut count = 0;
    for case in cases("emv_ecc", "emv_k8_aes_ctr") {
        let (key, number) = (case.hex("Skc"), case.hex("Message_counter"));
        let (plain, cipher) = (case.hex("Plaintext"), case.hex("Ciphertext"));
        let mut data = plain.clone();
        let mut counter = [0; 16];
        counter[..2].copy_from_slice(&number);
        let key = aes::Aes::new(&key).unwrap();
        modes::ctr(&key, &counter, &mut data).unwrap();
        assert_eq!(data, cipher, "{}", case.id());
        counter[1] ^= 1;
        modes::ctr(&key, &counter, &mut data).unwrap();
        assert_ne!(data, plain);
        count += 1;
    }
    for case in cases("emv_ecc", "emv_k8_eda_mac") {
        let (key, ac, iad) = (case.hex("Ski"), case.hex("Ac"), case.hex("Iad_mac"));
        let mac = |ac: &[u8]| {
            let mut mac = CmacAes::new(&key).unwrap();
            for part in [&[0; 2], ac, &iad] {
                mac.update(part);
            }
            mac
        };
        let tag: [u8; 8] = case.array("Eda_mac");
        assert_eq!(mac(&ac).verify(&tag), Ok(()), "{}", case.id());
        let mut other = ac.clone();
        other[7] ^= 1;
        assert_eq!(mac(&other).verify(&tag).err(), FAILED);
        count += 1;
    }
    assert_eq!(count, 3);
}

#[test]
fn application_cryptograms() {
    let cases = cases("emv_ecc", "emv_aes_application_cryptogram");
    assert_eq!(cases.len(), 2);
    for case in cases {
        let mk = Mk::from_bytes(&case.hex("Icc_mk")).unwrap();
        let (data, ac) = (case.hex("Data"), case.array("Ac"));
        let atc = Atc::from_bytes(&case.hex("Atc")).unwrap();
        let mut sk = Sk::empty();
        session::derive_aes(SessionKeyMethod::Common, &mk, atc, &mut sk).unwrap();
        assert_eq!(sk.len(), mk.len());
        assert_eq!(cryptogram::generate_aes(&sk, &[&data]), Ok(ac), "{}", case.id());
        for at in [0, 1, 15, 16, 17, data.len()] {
            let (left, right) = data.split_at(at);
            assert_eq!(cryptogram::verify_aes(&sk, &[left, right], &ac), Ok(()));
        }
        for byte in 0..8 {
            let mut wrong = ac;
            wrong[byte] ^= 0x08;
            assert_eq!(cryptogram::verify_aes(&sk, &[&data], &wrong).err(), FAILED);
        }
        for at in 0..data.len() {
            let mut wrong = data.clone();
            wrong[at] ^= 1;
            assert_eq!(cryptogram::verify_aes(&sk, &[&wrong], &ac).err(), FAILED);
        }
        let recipe = profile::CCD_CV6.recipe();
        assert_eq!(raw::generate(&recipe, &mk, atc, [0; 4], &data), Ok(ac));
        assert_ne!(raw::generate(&recipe, &mk, Atc::new(2), [0; 4], &data), Ok(ac));
    }
}

/// The values of a public card implementation for an ARQC under the session key of ATC 1.
#[test]
fn response_cryptograms() {
    let mk = Mk::from_bytes(&[15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0]).unwrap();
    let mut sk = Sk::empty();
    session::derive_aes(SessionKeyMethod::Common, &mk, Atc::new(1), &mut sk).unwrap();
    let arqc = [0xAA, 0xBB, 0xCC, 0xDD, 0xEE, 0xFF, 0x00, 0x11];
    let expected = [0x00, 0x98, 0x12, 0x37, 0x63, 0xF7, 0x58, 0xD5];
    assert_eq!(cryptogram::arpc1_aes(&sk, &arqc, *b"00"), Ok(expected));
    assert_ne!(cryptogram::arpc1_aes(&sk, &arqc, *b"05"), Ok(expected));
    let arqc = [1, 2, 3, 4, 5, 6, 7, 8];
    let with = cryptogram::arpc2_aes(&sk, &arqc, [0x80, 0, 0, 0], &[0xA1, 0xB2, 0xC3, 0xD4]);
    assert_eq!(with, Ok([0x66, 0xFB, 0xE2, 0xF5]));
    let without = cryptogram::arpc2_aes(&sk, &arqc, [0; 4], &[]);
    assert_eq!(without, Ok([0x77, 0x2B, 0x7A, 0xEA]));
    assert_eq!(
        cryptogram::arpc2_aes(&sk, &arqc, [0; 4], &[0; 9]),
        Err(Error::InvalidLength)
    );
    assert_eq!(cryptogram::arpc1_aes(&Sk::empty(), &arqc, *b"00"), Err(Error::NoKey));
}

/// Option C by its definition: AES(IMK, Y), then of longer keys AES(IMK, NOT Y), of which the leftmost bytes count.
#[test]
fn option_c() {
    let pan = Pan::parse(b"1234567890123456789").unwrap();
    let psn = Psn::new(45).unwrap();
    let y = [
        0x00, 0x00, 0x00, 0x00, 0x00, 0x01, 0x23, 0x45, 0x67, 0x89, 0x01, 0x23, 0x45, 0x67, 0x89, 0x45,
    ];
    for len in [16, 24, 32] {
        let material = key(len);
        let imk = Key::<Imk<Ac>, Aes>::from_bytes(&material).unwrap();
        let mut mk = Mk::empty();
        icc_master_key_aes(&imk, &pan, psn, &mut mk).unwrap();
        let both = [block(&material, y), block(&material, y.map(|b| !b))].concat();
        assert_eq!(mk.expose_bytes(), &both[..len]);

        let mut sk = Sk::empty();
        session::derive_aes(SessionKeyMethod::Common, &mk, Atc::new(0x0102), &mut sk).unwrap();
        let r = |third| {
            let mut r = [0; 16];
            r[..3].copy_from_slice(&[1, 2, third]);
            block(mk.expose_bytes(), r)
        };
        let expected = if len == 16 {
            r(0).to_vec()
        } else {
            [r(0xF0), r(0x0F)].concat()
        };
        assert_eq!(sk.expose_bytes(), &expected[..len]);
        session::derive_aes(SessionKeyMethod::Direct, &mk, Atc::new(1), &mut sk).unwrap();
        assert_eq!(sk.expose_bytes(), mk.expose_bytes());
    }
    // Digits that option A forgets count here.
    let imk = Key::<Imk<Ac>, Aes>::from_bytes(&key(16)).unwrap();
    let (mut one, mut two) = (Mk::empty(), Mk::empty());
    icc_master_key_aes(&imk, &Pan::parse(b"1112345678901234567").unwrap(), psn, &mut one).unwrap();
    icc_master_key_aes(&imk, &Pan::parse(b"2212345678901234567").unwrap(), psn, &mut two).unwrap();
    assert_ne!(one.expose_bytes(), two.expose_bytes());
    let empty = Key::<Imk<Ac>, Aes>::empty();
    assert_eq!(icc_master_key_aes(&empty, &pan, psn, &mut one), Err(Error::NoKey));
    assert!(one.is_empty());
}

/// The methods of one cipher are refused for the other.
#[test]
fn ciphers_do_not_mix() {
    let pan = Pan::parse(b"1234567890123456").unwrap();
    let mismatch = Err(Error::AlgorithmMismatch);
    let imk = Key::<Imk<Ac>, Tdea>::from_bytes(&key(16)).unwrap();
    let mut mk = Key::empty();
    let result = icc_master_key(MasterKeyOption::C, &imk, &pan, Psn::ABSENT, &mut mk);
    assert_eq!((result, mk.is_empty()), (mismatch, true));
    let aes_mk = Mk::from_bytes(&key(16)).unwrap();
    for method in [SessionKeyMethod::MChip, SessionKeyMethod::UnionPay] {
        let mut sk = Sk::from_bytes(&key(16)).unwrap();
        let result = session::derive_aes(method, &aes_mk, Atc::new(1), &mut sk);
        assert_eq!((result, sk.is_empty()), (mismatch, true));
    }
    let aes_imk = Key::<Imk<Ac>, Aes>::from_bytes(&key(16)).unwrap();
    let request = RawRequest {
        kind: CryptogramKind::Arqc,
        atc: Atc::new(1),
        unpredictable_number: [0; 4],
        data: b"data",
        cryptogram: [0; 8],
    };
    let tdea = profile::VISA_CVN18.recipe();
    let result = raw::verify(&tdea, &aes_imk, &pan, Psn::ABSENT, &request);
    assert_eq!(result.err(), Some(Error::AlgorithmMismatch));
    let result = raw::verify(&profile::CCD_CV6.recipe(), &imk, &pan, Psn::ABSENT, &request);
    assert_eq!(result.err(), Some(Error::AlgorithmMismatch));
}

fn field55(terminal: &[u8; 29], iad: &[u8], ac: &[u8; 8]) -> Vec<u8> {
    let mut rest = &terminal[..];
    let mut next = |len| {
        let (value, behind) = rest.split_at(len);
        rest = behind;
        value
    };
    let mut out = [0; 300];
    let mut writer = Writer::new(&mut out);
    for (tag, value) in [
        (tag::AMOUNT, next(6)),
        (tag::AMOUNT_OTHER, next(6)),
        (tag::COUNTRY, next(2)),
        (tag::TVR, next(5)),
        (tag::CURRENCY, next(2)),
        (tag::DATE, next(3)),
        (tag::TRANSACTION_TYPE, next(1)),
        (tag::UNPREDICTABLE_NUMBER, next(4)),
        (tag::AIP, &[0x58, 0]),
        (tag::ATC, &[0x34, 0x56]),
        (tag::CRYPTOGRAM, ac),
        (tag::CID, &[0x80]),
        (tag::IAD, iad),
    ] {
        writer.put(tag, value).unwrap();
    }
    let len = writer.finish().unwrap();
    out[..len].to_vec()
}

/// The published terminal data of the common core, from card to issuer and back, for both ciphers.
#[test]
fn common_core_cards() {
    let terminal = [
        0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0x10, 0, 0x08, 0x40, 0, 0, 0, 0x10, 0x80, 0x08, 0x40, 0x98, 0x07, 0x04, 0, 0x11,
        0x11, 0x11, 0x11,
    ];
    let input = AcInput::new(&terminal, [0x58, 0], Atc::new(0x3456)).unwrap();
    let iad = |cci| {
        let mut iad = [0; 32];
        iad[..6].copy_from_slice(&[0x0F, cci, 0, 0xA0, 0x38, 0]);
        iad[16..18].copy_from_slice(&[0x0F, 0x01]);
        iad
    };
    let (pan, csu) = (Pan::parse(b"5413330089600012345").unwrap(), [0x00, 0x82, 0, 0]);
    for len in [16, 24, 32] {
        let imk = Key::<Imk<Ac>, Aes>::from_bytes(&key(len)).unwrap();
        let mut mk = Mk::empty();
        icc_master_key_aes(&imk, &pan, Psn::ABSENT, &mut mk).unwrap();
        let profile = &profile::CCD_CV6;
        let iad = iad(0xA6);
        let answer = card::generate_ac(profile, &mk, CryptogramKind::Arqc, &input, &iad).unwrap();
        let Authentication::Cryptogram(ac) = answer.authentication else {
            panic!("no cryptogram");
        };
        let message = field55(&terminal, &iad, &ac);
        let verified = verify_arqc(profile, &imk, &pan, Psn::ABSENT, &message).unwrap();
        let data = verified.arpc2(csu, &[1, 2]).unwrap();
        let takes = |data: &[u8]| card::verify_arpc(profile, &mk, &input, &ac, data);
        assert_eq!(takes(data.as_bytes()), Ok(IssuerAnswer::StatusUpdate(csu)));
        for at in 0..data.as_bytes().len() {
            let mut wrong = data.as_bytes().to_vec();
            wrong[at] ^= 1;
            assert_eq!(takes(&wrong), Err(Error::VerificationFailed));
        }
        let mut wrong = message.clone();
        wrong[5] ^= 1;
        assert_eq!(verify_arqc(profile, &imk, &pan, Psn::ABSENT, &wrong).err(), FAILED);
        // A TDEA key.
        let tdea = Key::<Imk<Ac>, Tdea>::from_bytes(&key(16)).unwrap();
        let result = verify_arqc(profile, &tdea, &pan, Psn::ABSENT, &message);
        assert_eq!(result.err(), Some(Error::AlgorithmMismatch));
    }
    let imk = Key::<Imk<Ac>, Tdea>::from_bytes(&key(16)).unwrap();
    let mut mk = Key::empty();
    icc_master_key(MasterKeyOption::A, &imk, &pan, Psn::ABSENT, &mut mk).unwrap();
    let (profile, iad) = (&profile::CCD_CV5, iad(0xA5));
    let answer = card::generate_ac(profile, &mk, CryptogramKind::Arqc, &input, &iad).unwrap();
    let Authentication::Cryptogram(ac) = answer.authentication else {
        panic!("no cryptogram");
    };
    let message = field55(&terminal, &iad, &ac);
    let verified = verify_arqc(profile, &imk, &pan, Psn::ABSENT, &message).unwrap();
    let data = verified.arpc2(csu, &[]).unwrap();
    let taken = card::verify_arpc(profile, &mk, &input, &ac, data.as_bytes());
    assert_eq!(taken, Ok(IssuerAnswer::StatusUpdate(csu)));
}

/// The raw form verifies what a profile verifies, from the same bytes, and answers by its recipe.
#[test]
fn raw_form() {
    let pan = Pan::parse(b"1234567890123456").unwrap();
    let imk = Key::<Imk<Ac>, Tdea>::from_bytes(&key(16)).unwrap();
    let (atc, un, data) = (Atc::new(7), [1, 2, 3, 4], b"what the scheme wants covered");
    for (session_key, padding, arpc_key) in [
        (SessionKeyMethod::Direct, Padding::Method1, ArpcKey::MasterKey),
        (SessionKeyMethod::Common, Padding::Method2, ArpcKey::SessionKey),
        (SessionKeyMethod::MChip, Padding::Method2, ArpcKey::MasterKey),
        (SessionKeyMethod::UnionPay, Padding::Method2, ArpcKey::SessionKey),
    ] {
        let recipe = Recipe {
            master_key: MasterKeyOption::A,
            session_key,
            padding,
            arpc: ArpcMethod::Method1,
            arpc_key,
        };
        let mut mk = Key::empty();
        icc_master_key(recipe.master_key, &imk, &pan, Psn::ABSENT, &mut mk).unwrap();
        let cryptogram = raw::generate(&recipe, &mk, atc, un, data).unwrap();
        let request = RawRequest {
            kind: CryptogramKind::Arqc,
            atc,
            unpredictable_number: un,
            data,
            cryptogram,
        };
        let verified = raw::verify(&recipe, &imk, &pan, Psn::ABSENT, &request).unwrap();
        assert_eq!((verified.atc(), verified.cryptogram()), (atc, cryptogram));
        assert_eq!(verified.arpc2([0; 4], &[]), Err(Error::Unsupported));
        let verified = raw::verify(&recipe, &imk, &pan, Psn::ABSENT, &request).unwrap();
        assert_eq!(verified.arpc1(*b"00").unwrap().as_bytes().len(), 10);
        for at in 0..data.len() {
            let mut wrong = *data;
            wrong[at] ^= 1;
            let wrong = RawRequest {
                data: &wrong,
                ..request
            };
            assert_eq!(raw::verify(&recipe, &imk, &pan, Psn::ABSENT, &wrong).err(), FAILED);
        }
        let tc = RawRequest {
            kind: CryptogramKind::Tc,
            ..request
        };
        let verified = raw::verify(&recipe, &imk, &pan, Psn::ABSENT, &tc).unwrap();
        assert_eq!(verified.arpc1(*b"00"), Err(Error::BadState));
    }
}
