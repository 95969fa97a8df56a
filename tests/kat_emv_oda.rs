// SPDX-License-Identifier: MIT OR Apache-2.0
//! Known answers of RSA and of offline data authentication: `vectors/emv_oda.txt`.
#![cfg(all(feature = "oda", feature = "hazmat"))]

#[path = "common/vectors.rs"]
mod vectors;

use payhsm::codec::tlv::Tag;
use payhsm::emv::oda::recover::{KeyCertificate, Recovered, assemble};
use payhsm::emv::oda::signed::dynamic_data;
use payhsm::emv::oda::{CaKey, CardData, Date, Fault, IccKey, IssuerKey, Record, Records, Stage, StaticData, Trust};
use payhsm::error::Error;
use payhsm::rsa::{Exponent, PublicKey};
use vectors::{Case, cases};

/// A day on which every certificate of the file is in time.
const TODAY: [u8; 3] = [0x20, 0x01, 0x31];

fn key(modulus: &[u8], exponent: &[u8]) -> PublicKey {
    PublicKey::new(modulus, Exponent::from_bytes(exponent).unwrap()).unwrap()
}

/// Flips single bits of `bytes`, a few over the whole length.
fn flipped(bytes: &[u8]) -> impl Iterator<Item = Vec<u8>> + '_ {
    (0..bytes.len()).step_by(1 + bytes.len() / 12).map(|at| {
        let mut other = bytes.to_vec();
        other[at] ^= 1 << (at % 8);
        other
    })
}

/// Elements as a record.
fn element(tag: &[u8], value: &[u8]) -> Vec<u8> {
    let len = u8::try_from(value.len()).unwrap();
    [tag, &[0x81, len], value].concat()
}

#[test]
fn public_operation() {
    let cases = cases("emv_oda", "rsa_public_op");
    assert_eq!(cases.len(), 6);
    for case in cases {
        let (modulus, exponent) = (case.hex("Modulus"), case.hex("Exponent"));
        let key = key(&modulus, &exponent);
        let mut out = vec![0x55; modulus.len()];
        assert_eq!(key.apply(&case.hex("Input"), &mut out), Ok(()), "{}", case.id());
        assert_eq!(out, case.hex("Output"), "{}", case.id());
        // The modulus itself is no input; another length is none either.
        assert_eq!(key.apply(&modulus, &mut out), Err(Error::InvalidArgument));
        assert!(out.iter().all(|&byte| byte == 0));
        assert_eq!(key.apply(&modulus[1..], &mut out), Err(Error::InvalidLength));
        assert_eq!(key.apply(&modulus, &mut out[1..]), Err(Error::InvalidLength));
    }
}

#[test]
fn ca_keys() {
    let cases = cases("emv_oda", "capk_checksum");
    assert_eq!(cases.len(), 42);
    let mut short = 0;
    for case in cases {
        let (rid, [index]) = (case.array::<5>("Rid"), case.array("Index"));
        let (modulus, exponent) = (case.hex("Modulus"), case.hex("Exponent"));
        let checksum = case.array::<20>("Checksum_sha1");
        case.text("Key_kind");
        assert_eq!(
            CaKey::checksum(rid, index, &modulus, &exponent),
            checksum,
            "{}",
            case.id()
        );
        if modulus.len() < 128 {
            short += 1;
            let refused = CaKey::new(rid, index, &modulus, &exponent, &checksum, None);
            assert_eq!(refused.err(), Some(Error::InvalidKeyLength));
            continue;
        }
        let ca = CaKey::new(rid, index, &modulus, &exponent, &checksum, None).unwrap();
        assert_eq!((ca.rid(), ca.index()), (rid, index));
        let failed = Some(Error::VerificationFailed);
        for other in flipped(&checksum) {
            let other = other.try_into().unwrap();
            assert_eq!(CaKey::new(rid, index, &modulus, &exponent, &other, None).err(), failed);
        }
        assert_eq!(
            CaKey::new(rid, !index, &modulus, &exponent, &checksum, None).err(),
            failed
        );
        let exponent = [1];
        let refused = CaKey::new(rid, index, &modulus, &exponent, &checksum, None);
        assert_eq!(refused.err(), Some(Error::InvalidArgument));
    }
    assert_eq!(short, 1);
}

/// The issuer's key by the whole way: CA key, records, checks.
fn issuer(
    case: &Case,
    ca: [&[u8]; 4],
    certificate: &[u8],
    remainder: &[u8],
    exponent: &[u8],
    pan: &[u8],
) -> Result<PublicKey, Fault> {
    let [rid, index, modulus, ca_exponent] = ca;
    let rid = rid.try_into().unwrap();
    let checksum = CaKey::checksum(rid, index[0], modulus, ca_exponent);
    let keys = [CaKey::new(rid, index[0], modulus, ca_exponent, &checksum, None).unwrap()];
    let trust = Trust {
        keys: &keys,
        revoked: &[],
        date: Date::from_bytes(TODAY).unwrap(),
    };
    let content = [
        element(&[0x5A], pan),
        element(&[0x8F], index),
        element(&[0x90], certificate),
        element(&[0x92], remainder),
        element(&[0x9F, 0x32], exponent),
    ]
    .concat();
    let len = u16::try_from(content.len()).unwrap().to_be_bytes();
    let template = [&[0x70, 0x82], &len[..], &content].concat();
    let len = u16::try_from(template.len()).unwrap().to_be_bytes();
    let bytes = [&[0x01], &len[..], &template].concat();
    let records = Records::parse(&bytes).unwrap();
    let card = CardData::read(&records).unwrap();
    match IssuerKey::recover(&trust, rid, &card) {
        Ok(issuer) => Ok(issuer.public_key().clone()),
        Err(failure) => {
            assert_eq!(failure.stage, Stage::IssuerCertificate, "{}", case.id());
            Err(failure.fault)
        }
    }
}

#[test]
fn issuer_certificates() {
    let cases = cases("emv_oda", "recover_issuer_pk");
    assert_eq!(cases.len(), 4);
    for case in cases {
        let (rid, index) = (case.hex("Ca_rid"), case.hex("Ca_index"));
        let (modulus, ca_exponent) = (case.hex("Ca_modulus"), case.hex("Ca_exponent"));
        let ca = [&rid[..], &index, &modulus, &ca_exponent];
        let certificate = case.hex("Issuer_cert");
        let remainder = case.opt_hex("Issuer_remainder").unwrap_or_default();
        let exponent = case.hex("Issuer_exponent");
        let identifier = case.array::<4>("Issuer_identifier");
        // Six digits of it, and ten more.
        let pan = [&identifier[..3], &[0; 5]].concat();
        let expected = case.hex("Issuer_modulus");
        let found = issuer(&case, ca, &certificate, &remainder, &exponent, &pan).unwrap();
        assert_eq!(found.modulus(), expected, "{}", case.id());

        let recovered = Recovered::open(&key(&modulus, &ca_exponent), &certificate, 0x02).unwrap();
        let fields = KeyCertificate::<4>::parse(recovered.parts().0).unwrap();
        assert_eq!(fields.subject, identifier);
        assert_eq!(
            format!("{:02X}{:02X}", fields.expiry[0], fields.expiry[1]),
            case.text("Expiry_mmyy")
        );
        assert_eq!(fields.serial.to_vec(), case.hex("Serial"));

        let refused = |certificate: &[u8], remainder: &[u8], exponent: &[u8], pan: &[u8]| {
            issuer(&case, ca, certificate, remainder, exponent, pan).err().unwrap()
        };
        for other in flipped(&certificate) {
            let fault = refused(&other, &remainder, &exponent, &pan);
            assert!(matches!(fault, Fault::Trailer | Fault::SignatureLength), "{fault:?}");
        }
        for other in flipped(&remainder) {
            assert_eq!(refused(&certificate, &other, &exponent, &pan), Fault::Hash);
        }
        assert_eq!(
            refused(&certificate, &[&remainder[..], &[0]].concat(), &exponent, &pan),
            Fault::Hash
        );
        assert_eq!(
            refused(&certificate[1..], &remainder, &exponent, &pan),
            Fault::SignatureLength
        );
        assert_eq!(refused(&certificate, &remainder, &[1, 0, 1], &pan), Fault::Hash);
        let mut foreign = pan.clone();
        foreign[1] ^= 1;
        assert_eq!(
            refused(&certificate, &remainder, &exponent, &foreign),
            Fault::IssuerIdentifier
        );
    }
}

#[test]
fn icc_certificates() {
    let cases = cases("emv_oda", "recover_icc_pk");
    assert_eq!(cases.len(), 2);
    for case in cases {
        let issuer = key(&case.hex("Issuer_modulus"), &case.hex("Issuer_exponent"));
        let certificate = case.hex("Icc_cert");
        let remainder = case.opt_hex("Icc_remainder").unwrap_or_default();
        let exponent = case.hex("Icc_exponent");
        let recovered = Recovered::open(&issuer, &certificate, 0x04).unwrap();
        let fields = KeyCertificate::<10>::parse(recovered.parts().0).unwrap();
        let pan_field = case.hex("Pan_field");
        assert_eq!(fields.subject.to_vec(), pan_field);
        assert_eq!(
            format!("{:02X}{:02X}", fields.expiry[0], fields.expiry[1]),
            case.text("Expiry_mmyy")
        );
        assert_eq!(fields.serial.to_vec(), case.hex("Serial"));
        let icc = assemble(fields.key_len, fields.field, &remainder, &exponent).unwrap();
        assert_eq!(icc.modulus(), case.hex("Icc_modulus"), "{}", case.id());
        // One byte of remainder more or less is another key.
        assert_eq!(
            assemble(fields.key_len, fields.field, &remainder[1..], &exponent).err(),
            Some(Fault::Remainder)
        );
        let longer = [&remainder[..], &[0x55]].concat();
        assert_eq!(
            assemble(fields.key_len, fields.field, &longer, &exponent).err(),
            Some(Fault::Remainder)
        );
        assert_eq!(
            assemble(fields.key_len, fields.field, &remainder, &[1]).err(),
            Some(Fault::Exponent)
        );
        assert_eq!(
            assemble(249, fields.field, &remainder, &exponent).err(),
            Some(Fault::KeyLength)
        );

        // The static data are not published: the hash is not of these, and the certificate is refused.
        assert!(!case.bool("Hash_valid"));
        let mut card = CardData::default();
        card.pan = Some(&pan_field[..8]);
        card.icc_certificate = Some(&certificate);
        card.icc_remainder = Some(&remainder);
        card.icc_exponent = Some(&exponent);
        let static_data = StaticData::new(Records::default(), None, [0; 2]).unwrap();
        let issuer = IssuerKey::from_public_key(issuer, Date::from_bytes(TODAY).unwrap());
        let failure = issuer.icc_key(&card, &static_data).unwrap_err();
        assert_eq!((failure.stage, failure.fault), (Stage::IccCertificate, Fault::Hash));
    }
}

#[test]
fn signed_static_data() {
    let cases = cases("emv_oda", "verify_sda");
    assert_eq!(cases.len(), 1);
    for case in cases {
        let issuer = key(&case.hex("Issuer_modulus"), &case.hex("Issuer_exponent"));
        let signature = case.hex("Ssad");
        let recovered = Recovered::open(&issuer, &signature, 0x03).unwrap();
        let (signed, hash) = recovered.parts();
        assert_eq!(signed[2..4], case.hex("Data_authentication_code"));
        assert_eq!(hash.to_vec(), case.hex("Hash"));
        assert!(!case.bool("Hash_valid"));
        let mut card = CardData::default();
        card.static_signature = Some(&signature);
        let static_data = StaticData::new(Records::default(), None, [0; 2]).unwrap();
        let issuer = IssuerKey::from_public_key(issuer, Date::from_bytes(TODAY).unwrap());
        let failure = issuer.verify_static(&card, &static_data).unwrap_err();
        assert_eq!((failure.stage, failure.fault), (Stage::StaticSignature, Fault::Hash));
    }
}

#[test]
fn signed_dynamic_data() {
    let cases = cases("emv_oda", "verify_dda");
    assert_eq!(cases.len(), 2);
    for case in cases {
        let icc = IccKey::from_public_key(key(&case.hex("Icc_modulus"), &case.hex("Icc_exponent")));
        let (signature, sent) = (case.hex("Sdad"), case.hex("Ddol_data"));
        let data = case.hex("Icc_dynamic_data");
        assert!(case.bool("Hash_valid"));
        let number = icc.verify_dynamic(&sent, &signature).unwrap();
        assert_eq!(number.as_bytes(), &data[1..=usize::from(data[0])], "{}", case.id());
        for other in flipped(&sent) {
            assert_eq!(icc.verify_dynamic(&other, &signature).unwrap_err().fault, Fault::Hash);
        }
        for other in flipped(&signature) {
            assert!(icc.verify_dynamic(&sent, &other).is_err());
        }
        assert_eq!(
            icc.verify_dynamic(&sent, &signature[1..]).unwrap_err().fault,
            Fault::SignatureLength
        );
    }
}

#[test]
fn not_certificates() {
    let cases = cases("emv_oda", "oda_reject");
    assert_eq!(cases.len(), 4);
    for case in cases {
        let signer = key(&case.hex("Modulus"), &case.hex("Exponent"));
        let certificate = case.hex("Certificate");
        for format in 0..=255 {
            assert!(Recovered::open(&signer, &certificate, format).is_err(), "{}", case.id());
        }
    }
}

#[test]
fn hashes() {
    let cases = cases("emv_oda", "hash");
    assert_eq!(cases.len(), 5);
    let mut judged = 0;
    for case in cases {
        let message = match case.opt_hex("Repeat_byte") {
            Some(byte) => byte.repeat(usize::try_from(case.int("Repeat")).unwrap()),
            None => case.hex("Msg"),
        };
        let digest = case.hex("Digest");
        // SHA-256 is in HMAC and HKDF, and judged there; SHA-1 is in the checksum of CA keys.
        if case.text("Hash") == "sha1" {
            let (rid, [index, rest @ ..]) = message.split_first_chunk().unwrap() else {
                panic!("short message")
            };
            assert_eq!(CaKey::checksum(*rid, *index, rest, &[]).to_vec(), digest);
            judged += 1;
        }
    }
    assert_eq!(judged, 2);
}

/// EMV Book 2, 6.5.1: the card's list or the default one, which must ask for the unpredictable number, whole.
#[test]
fn dynamic_data_has_the_unpredictable_number() {
    let number = [(Tag::new(0x9F37).unwrap(), &[1, 2, 3, 4][..])];
    let written = |ddol: Option<&[u8]>| {
        let mut card = CardData::default();
        card.ddol = ddol;
        let mut out = [0; 16];
        dynamic_data(&card, &number, &mut out).map(|len| out[..len].to_vec())
    };
    assert_eq!(written(None).unwrap(), [1, 2, 3, 4]);
    assert_eq!(
        written(Some(&[0x9F, 0x02, 0x02, 0x9F, 0x37, 0x04])).unwrap(),
        [0, 0, 1, 2, 3, 4]
    );
    for (ddol, fault) in [
        (&[][..], Fault::DynamicData),
        (&[0x9F, 0x37, 0x03], Fault::DynamicData),
        (&[0x9F, 0x02, 0x06], Fault::DynamicData),
        (&[0x9F, 0x37], Fault::Malformed),
        (&[0x9F, 0x37, 0x04, 0x9F, 0x02, 0x0D], Fault::Malformed),
    ] {
        let failure = written(Some(ddol)).unwrap_err();
        assert_eq!((failure.stage, failure.fault), (Stage::DynamicSignature, fault));
    }
}

/// What is shown of records and data of a card is none of the cardholder's.
#[test]
fn records_show_no_data() {
    let record = Record {
        sfi: 1,
        authenticated: true,
        data: &[0x57, 0x99],
    };
    assert_eq!(
        format!("{record:?}"),
        "Record { sfi: 1, authenticated: true, len: 2, .. }"
    );
    assert_eq!(format!("{:?}", CardData::default()), "CardData { .. }");
    for sfi in [0, 31] {
        let none = Record { sfi, ..record };
        assert_eq!(none.write(&mut [0; 8]), Err(Error::InvalidArgument));
    }
}
