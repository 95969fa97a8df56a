// SPDX-License-Identifier: MIT OR Apache-2.0
//! G. EMV.

use payhsm::codec::tlv::{Reader, Writer};
use payhsm::emv::element::{Atc, CryptogramKind, tag};
use payhsm::emv::profile::{MCHIP_CVN10, VISA_CVN10, VISA_CVN18};
use payhsm::emv::script::{Command, MAX_COMMAND_LEN, Request};
use payhsm::error::Error;
use payhsm::hsm::{ArpcRequest, ArqcAnswer, ScriptTarget};
use payhsm::pin::pan::Pan;
use payhsm::policy::Policy;

use crate::catalogue::{attack, figure};
use crate::common::card::{Card, PAN, VISA_IAD_10, VISA_IAD_18};
use crate::common::{Device, key, start, value};

const METHOD1: ArpcRequest<'_> = ArpcRequest::Method1 { arc: *b"00" };

fn pan() -> Pan {
    Pan::parse(PAN).unwrap()
}

fn message(kind: CryptogramKind) -> ([u8; 8], Vec<u8>) {
    Card::new(&VISA_CVN10, &value(1, 16)).request(7, kind, &VISA_IAD_10)
}

fn verify(text: &[u8], answer: Option<Error>, usage: &str) -> Result<ArqcAnswer, Error> {
    let device = Device::new(1);
    let mut hsm = start(&device, Policy::STRICT, 2, 0).unwrap();
    let imk = key(&mut hsm, usage, 'T', 'X', 1);
    device.world().answer = answer;
    let psn = Card::new(&VISA_CVN10, &value(1, 16)).psn;
    hsm.arqc_verify(imk, &VISA_CVN10, &pan(), psn, text, METHOD1)
}

/// Field 55 with one element changed, left out or put in front.
fn edit(text: &[u8], change: impl Fn(payhsm::codec::tlv::Tag, &[u8]) -> Vec<Vec<u8>>) -> Vec<u8> {
    let mut out = [0; 400];
    let mut writer = Writer::new(&mut out);
    for element in Reader::new(text) {
        let element = element.unwrap();
        for value in change(element.tag(), element.value()) {
            writer.put(element.tag(), &value).unwrap();
        }
    }
    let len = writer.finish().unwrap();
    out[..len].to_vec()
}

/// An answer is computed for a cryptogram that has verified, from a card that waits for one.
#[test]
fn g02_no_answer_without_a_cryptogram() {
    let (arqc, text) = message(CryptogramKind::Arqc);
    assert!(verify(&text, None, "E0").is_ok());
    let at = text.windows(8).position(|window| window == arqc).unwrap();
    attack("G02", Error::VerificationFailed, || {
        let mut chosen = text.clone();
        chosen[at..at + 8].copy_from_slice(&[0x5A; 8]);
        verify(&chosen, None, "E0")
    });
    for kind in [CryptogramKind::Tc, CryptogramKind::Aac] {
        attack("G02.kind", Error::BadState, || verify(&message(kind).1, None, "E0"));
    }
}

/// A cryptogram has eight bytes.
#[test]
fn g03_no_short_cryptogram() {
    let (_, text) = message(CryptogramKind::Arqc);
    for len in 0..8 {
        let short = edit(&text, |own, value| {
            vec![if own == tag::CRYPTOGRAM {
                value[..len].to_vec()
            } else {
                value.to_vec()
            }]
        });
        assert_eq!(verify(&short, None, "E0").err(), Some(Error::EmvElement));
    }
    // Longer by what the attacker likes: the rest would count for nothing.
    attack("G03", Error::EmvElement, || {
        let long = edit(&text, |own, value| {
            vec![if own == tag::CRYPTOGRAM {
                [value, &[0xAA]].concat()
            } else {
                value.to_vec()
            }]
        });
        verify(&long, None, "E0")
    });
}

/// Data that could be read in two ways; the data of one profile under another.
#[test]
fn g04_data_are_read_in_one_way() {
    let card = Card::new(&VISA_CVN10, &value(1, 16));
    let (_, text) = card.request(7, CryptogramKind::Arqc, &VISA_IAD_10);
    // Left out, an element of zeros would count as one.
    for element in [
        tag::AMOUNT,
        tag::TVR,
        tag::COUNTRY,
        tag::DATE,
        tag::UNPREDICTABLE_NUMBER,
    ] {
        let without = edit(
            &text,
            |own, value| if own == element { vec![] } else { vec![value.to_vec()] },
        );
        assert_eq!(verify(&without, None, "E0").err(), Some(Error::TlvMissing));
        let longer = edit(&text, |own, value| {
            vec![if own == element {
                [value, &[0]].concat()
            } else {
                value.to_vec()
            }]
        });
        assert_eq!(verify(&longer, None, "E0").err(), Some(Error::EmvElement));
    }
    // The TVR of this transaction has bits; what is all zeros could be left out.
    attack("G04", Error::TlvMissing, || {
        let zero = zero_type();
        let without = edit(&zero, |own, value| {
            if own == tag::TRANSACTION_TYPE {
                vec![]
            } else {
                vec![value.to_vec()]
            }
        });
        verify(&without, None, "E0")
    });
    attack("G04.profile", Error::VerificationFailed, || {
        let device = Device::new(1);
        let mut hsm = start(&device, Policy::STRICT, 2, 0).unwrap();
        let imk = key(&mut hsm, "E0", 'T', 'X', 1);
        let other = Card::new(&VISA_CVN18, &value(1, 16));
        let (_, text) = other.request(7, CryptogramKind::Arqc, &VISA_IAD_18);
        // The IAD names its version: as the other profile's it is malformed, so it is exchanged, too.
        let as_10 = edit(&text, |own, value| {
            vec![if own == tag::IAD {
                VISA_IAD_10.to_vec()
            } else {
                value.to_vec()
            }]
        });
        hsm.arqc_verify(imk, &VISA_CVN10, &pan(), other.psn, &as_10, ArpcRequest::None)
    });
}

/// A message whose transaction type is zero, and its cryptogram.
fn zero_type() -> Vec<u8> {
    let (_, text) = message(CryptogramKind::Arqc);
    let zero = Reader::new(&text).any(|element| {
        let element = element.unwrap();
        element.tag() == tag::TRANSACTION_TYPE && element.value() == [0]
    });
    assert!(zero, "the card's transaction has type 00");
    text
}

/// The device is asked whether the counter is new, before it answers.
#[test]
fn g05_the_counter_is_new() {
    let (_, text) = message(CryptogramKind::Arqc);
    attack("G05", Error::CounterReplayed, || {
        verify(&text, Some(Error::CounterReplayed), "E0")
    });
    attack("G05", Error::Refused, || verify(&text, Some(Error::Refused), "E0"));
}

/// A key of one purpose derives nothing for another.
#[test]
fn g06_master_keys_do_not_cross() {
    let (_, text) = message(CryptogramKind::Arqc);
    for usage in ["E1", "E2", "E3", "E4", "E5", "E6"] {
        attack("G06", Error::UsageNotPermitted, || verify(&text, None, usage));
    }
    // Another sequence number is another card.
    let mut hsm = start(&Device::new(1), Policy::STRICT, 2, 0).unwrap();
    let imk = key(&mut hsm, "E0", 'T', 'X', 1);
    let psn = payhsm::emv::derive::Psn::new(0).unwrap();
    let result = hsm.arqc_verify(imk, &VISA_CVN10, &pan(), psn, &text, METHOD1);
    assert_eq!(result.err(), Some(Error::VerificationFailed));
}

/// Scripts are written when the device says so, each number once, with keys of two purposes.
#[test]
fn g07_no_script_of_the_callers() {
    let account = pan();
    let write = |answer, profile, index| {
        let device = Device::new(1);
        let mut hsm = start(&device, Policy::STRICT, 3, 0).unwrap();
        let (smi, smc) = (key(&mut hsm, "E2", 'T', 'X', 2), key(&mut hsm, "E1", 'T', 'X', 3));
        device.world().answer = answer;
        let target = ScriptTarget {
            profile,
            pan: &account,
            psn: payhsm::emv::derive::Psn::new(1).unwrap(),
            request: Request::new(Atc::new(7), [0xFF; 8]),
            index,
        };
        let mut out = [0xA5; MAX_COMMAND_LEN];
        let result = hsm.script_command(smi, None, &target, &Command::ApplicationBlock, &mut out);
        assert_eq!(out == [0; MAX_COMMAND_LEN], result.is_err());
        let written = out;
        // One key for both purposes is none.
        let result_2 = hsm.script_command(smc, None, &target, &Command::ApplicationBlock, &mut out);
        assert_eq!(result_2.err(), Some(Error::UsageNotPermitted));
        result.map(|len| (len, written))
    };
    attack("G07", Error::Refused, || write(Some(Error::Refused), &MCHIP_CVN10, 0));
    let first = write(None, &MCHIP_CVN10, 0).unwrap();
    match write(None, &MCHIP_CVN10, 1) {
        Ok(second) => assert_ne!(second, first),
        Err(error) => assert_eq!(error, Error::Unsupported),
    }
}

/// TLV that is not what it seems.
#[test]
fn g08_no_ambiguous_tlv() {
    let (_, text) = message(CryptogramKind::Arqc);
    attack("G08", Error::TlvDuplicate, || {
        // The counter that the device is asked about, and another one.
        let twice = edit(&text, |own, value| {
            if own == tag::ATC {
                vec![vec![0, 9], value.to_vec()]
            } else {
                vec![value.to_vec()]
            }
        });
        verify(&twice, None, "E0")
    });
    let deep: Vec<u8> = (0..40).flat_map(|_| [0xE1, 0x7F]).collect();
    for (bad, error) in [
        (&[0x9F, 0x36, 0x80][..], Error::TlvIndefinite),
        (&[0x9F, 0x36, 0x85, 0, 0, 0, 0, 2, 0, 7], Error::TlvLength),
        (&[0x9F, 0x36, 3, 0, 7], Error::TlvValue),
        (&[0x9F, 0x36], Error::TlvLength),
        (&[0x9F, 0xFF, 0xFF, 0xFF, 0xFF, 1, 0], Error::TlvTag),
        (&deep, Error::TlvValue),
    ] {
        assert_eq!(verify(bad, None, "E0").err(), Some(error), "{bad:02X?}");
    }
    let cut = (1..text.len())
        .filter(|&len| verify(&text[..len], None, "E0").is_err())
        .count();
    assert_eq!(cut, text.len() - 1);
    figure("G08", &format!("{cut} beginnings of a message are refused"));
}
