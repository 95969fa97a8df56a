// SPDX-License-Identifier: MIT OR Apache-2.0
//! Whole cards through offline data authentication and offline PIN: `vectors/emv_oda_chain.txt`.
//!
//! `scripts/oda-vectors` writes the file anew.
#![cfg(all(feature = "oda", feature = "hazmat"))]
#![allow(
    clippy::field_reassign_with_default,
    clippy::too_many_arguments,
    clippy::type_complexity,
    clippy::redundant_closure_for_method_calls,
    reason = "a case is a right one with one thing changed; and a method of one lifetime is no function of all"
)]

#[path = "common/oda.rs"]
mod oda;
#[path = "common/oda_cases.rs"]
mod oda_cases;
#[path = "common/vectors.rs"]
mod vectors;

use payhsm::emv::oda::{CaKey, Card, Date, Failure, Fault, Records, Trust, pin};
use payhsm::entropy::Entropy;
use payhsm::error::Error;
use payhsm::pin::Pin;
use vectors::{Case, family};

const HEADER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/c/oda_card.h");
const FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/vectors/emv_oda_chain.txt");

#[test]
fn the_files_are_what_the_generator_writes() {
    let file = oda_cases::file();
    for (path, text) in [(FILE, &file), (HEADER, &oda_cases::header(&file))] {
        if std::env::var_os("PAYHSM_WRITE_VECTORS").is_some() {
            std::fs::write(path, text).unwrap();
        }
        assert!(
            std::fs::read_to_string(path).unwrap() == *text,
            "{path}: run scripts/oda-vectors"
        );
    }
}

/// A card at a terminal, out of a case.
struct Table {
    rid: [u8; 5],
    ca: ([u8; 5], u8, Vec<u8>, Vec<u8>, [u8; 20], Option<Date>),
    revoked: Vec<[u8; 9]>,
    date: Date,
    aip: [u8; 2],
    records: Vec<u8>,
}

impl Table {
    fn new(case: &Case) -> Self {
        let rid: [u8; 5] = case.array("Ca_rid");
        let [index] = case.array("Ca_index");
        let revoked = case.list("Revoked").into_iter().map(|serial| {
            let entry = [&rid[..], &[index], &serial.hex()].concat();
            entry.try_into().unwrap()
        });
        let expires = case.opt_hex("Ca_expires");
        let expires = expires.map(|date| Date::from_bytes(date.try_into().unwrap()).unwrap());
        Self {
            rid: case.array("Rid"),
            revoked: revoked.collect(),
            ca: (
                rid,
                index,
                case.hex("Ca_modulus"),
                case.hex("Ca_exponent"),
                case.array("Ca_checksum"),
                expires,
            ),
            date: Date::from_bytes(case.array("Date")).unwrap(),
            aip: case.array("Aip"),
            records: case.hex("Records"),
        }
    }

    fn card<T>(&self, then: impl FnOnce(&Card<'_>) -> Result<T, Failure>) -> Result<T, Failure> {
        let (rid, index, modulus, exponent, checksum, expires) = &self.ca;
        let keys = [CaKey::new(*rid, *index, modulus, exponent, checksum, *expires).unwrap()];
        let trust = Trust {
            keys: &keys,
            revoked: &self.revoked,
            date: self.date,
        };
        let records = Records::parse(&self.records).unwrap();
        then(&Card::read(&trust, self.rid, self.aip, records)?)
    }
}

fn sda(case: &Case) -> Result<(), Failure> {
    let dac = Table::new(case).card(|card| card.sda())?;
    assert_eq!(dac, case.array("Dac"));
    Ok(())
}

fn dda(case: &Case) -> Result<(), Failure> {
    let (sent, response) = (case.hex("Sent"), case.hex("Response"));
    let number = Table::new(case).card(|card| card.dda(&sent, &response))?;
    assert_eq!(number.as_bytes(), case.hex("Dynamic_number"));
    Ok(())
}

fn cda(case: &Case) -> Result<(), Failure> {
    let number = case.array("Unpredictable_number");
    let sent: Vec<_> = case.list("Sent").iter().map(vectors::Value::hex).collect();
    let sent: Vec<_> = sent.iter().map(Vec::as_slice).collect();
    let response = case.hex("Response");
    let combined = Table::new(case).card(|card| card.cda(number, &sent, &response))?;
    assert_eq!([combined.cid.to_byte()], case.array("Cid"));
    assert_eq!(combined.atc.to_bytes(), case.array("Atc"));
    assert_eq!(combined.cryptogram, case.array("Cryptogram"));
    assert_eq!(combined.dynamic_number.as_bytes(), case.hex("Dynamic_number"));
    assert_eq!(combined.iad, [0x06, 0x01, 0x0A, 0x03, 0xA4, 0x00, 0x00]);
    Ok(())
}

fn fdda(case: &Case) -> Result<(), Failure> {
    let (number, amount) = (case.array("Unpredictable_number"), case.array("Amount"));
    let currency = case.array("Currency");
    let number = Table::new(case).card(|card| card.fdda(number, amount, currency))?;
    assert_eq!(number.as_bytes(), case.hex("Dynamic_number"));
    Ok(())
}

/// Random bytes that stand in the case.
struct Given(Vec<u8>);

impl Entropy for Given {
    fn fill(&mut self, out: &mut [u8]) -> Result<(), Error> {
        if self.0.len() < out.len() {
            return Err(Error::Entropy);
        }
        let rest = self.0.split_off(out.len());
        out.copy_from_slice(&self.0);
        self.0 = rest;
        Ok(())
    }
}

fn offline_pin(case: &Case) -> Result<(), Failure> {
    let digits = case.text("Pin");
    let (challenge, random) = (case.array("Challenge"), case.hex("Random"));
    let key = Table::new(case).card(|card| card.pin_key())?;
    let mut values = [0; 12];
    for (value, c) in values.iter_mut().zip(digits.bytes()) {
        *value = c - b'0';
    }
    let pin = Pin::from_entry(u8::try_from(digits.len()).unwrap(), &values).unwrap();
    let mut block = [0; pin::BLOCK_LEN];
    pin::plaintext(&pin, &mut block).unwrap();
    assert_eq!(block, case.array("Plaintext"));
    let expected = case.hex("Enciphered");
    let mut out = [0x55; pin::MAX_ENCIPHERED];
    let len = pin::encipher(&key, &challenge, &pin, &mut Given(random.clone()), &mut out).unwrap();
    assert_eq!(out[..len], expected, "{}", case.id());
    assert!(out[len..].iter().all(|&byte| byte == 0));
    // Refused: outputs are wiped.
    let mut refuse = |pin: &Pin, random: &[u8], room: usize, error| {
        out.fill(0x55);
        let result = pin::encipher(&key, &challenge, pin, &mut Given(random.to_vec()), &mut out[..room]);
        assert_eq!(result, Err(error));
        assert!(out[..room].iter().all(|&byte| byte == 0));
    };
    refuse(&pin, &random[1..], len, Error::Entropy);
    refuse(&pin, &random, len - 1, Error::BufferTooSmall);
    refuse(&Pin::empty(), &random, len, Error::InvalidPin);
    assert_eq!(pin::plaintext(&Pin::empty(), &mut block), Err(Error::InvalidPin));
    assert_eq!(block, [0; pin::BLOCK_LEN]);
    Ok(())
}

type Run = fn(&Case) -> Result<(), Failure>;

#[test]
fn cards() {
    let runs: [(&str, Run); 5] = [
        ("oda_sda", sda),
        ("oda_dda", dda),
        ("oda_cda", cda),
        ("oda_fdda", fdda),
        ("oda_pin", offline_pin),
    ];
    let (mut passed, mut wrong) = (0, Vec::new());
    for case in family("emv_oda_chain") {
        let op = case.op().trim_end_matches("_reject");
        let (_, run) = runs.iter().find(|(name, _)| *name == op).unwrap();
        let expected = (case.op() != op).then(|| (case.text("Stage"), case.text("Fault")));
        let failure = run(&case).err();
        let told = failure.map(|failure| (format!("{:?}", failure.stage), format!("{:?}", failure.fault)));
        if told != expected {
            wrong.push(format!("{}: {told:?}, not {expected:?}", case.id()));
            case.discard();
            continue;
        }
        passed += 1;
        if let Some(failure) = failure {
            assert_ne!(Error::from(failure), Error::Internal);
            assert_eq!(
                Error::from(failure) == Error::TlvMissing,
                failure.fault == Fault::Missing
            );
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert_eq!(passed, 163);
}
