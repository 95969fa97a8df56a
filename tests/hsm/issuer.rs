// SPDX-License-Identifier: MIT OR Apache-2.0
//! Cryptograms and their answers: no answer but for a cryptogram that verified (rows G02, G03).

use payhsm::emv::card::IssuerAnswer;
use payhsm::emv::element::CryptogramKind;
use payhsm::emv::profile::{Profile, VISA_CVN10, VISA_CVN18};
use payhsm::error::Error;
use payhsm::hsm::ArpcRequest;
use payhsm::pin::pan::Pan;
use payhsm::policy::Policy;

use crate::common::card::{Card, PAN, VISA_IAD_10, VISA_IAD_18};
use crate::common::{Asked, Device, key, start, value};

const METHOD1: ArpcRequest<'_> = ArpcRequest::Method1 { arc: *b"00" };
const METHOD2: ArpcRequest<'_> = ArpcRequest::Method2 {
    csu: [0, 0x82, 0, 0],
    proprietary: &[],
};

fn profiles() -> [(
    &'static Profile,
    &'static [u8],
    ArpcRequest<'static>,
    ArpcRequest<'static>,
    IssuerAnswer,
); 2] {
    [
        (
            &VISA_CVN10,
            &VISA_IAD_10,
            METHOD1,
            METHOD2,
            IssuerAnswer::ResponseCode(*b"00"),
        ),
        (
            &VISA_CVN18,
            &VISA_IAD_18,
            METHOD2,
            METHOD1,
            IssuerAnswer::StatusUpdate([0, 0x82, 0, 0]),
        ),
    ]
}

#[test]
fn g02_the_card_takes_the_answer() {
    for (profile, iad, method, _, expected) in profiles() {
        let device = Device::new(1);
        let mut hsm = start(&device, Policy::STRICT, 2, 0).unwrap();
        let imk = key(&mut hsm, "E0", 'T', 'X', 1);
        let (card, pan) = (Card::new(profile, &value(1, 16)), Pan::parse(PAN).unwrap());
        let (arqc, text) = card.request(7, CryptogramKind::Arqc, iad);
        let answer = hsm.arqc_verify(imk, profile, &pan, card.psn, &text, method).unwrap();
        assert_eq!((answer.atc.value(), answer.kind), (7, CryptogramKind::Arqc));
        let digits = PAN.iter().map(|c| c & 15).collect();
        assert_eq!(device.world().asked.last(), Some(&Asked::Atc(digits, 7)));
        let data = answer.issuer_authentication_data.unwrap();
        assert_eq!(card.takes(7, &arqc, data.as_bytes()), Ok(expected));
        assert_eq!(card.takes(8, &arqc, data.as_bytes()).is_ok(), profile == &VISA_CVN10);
        // Without the wish there is none.
        let answer = hsm
            .arqc_verify(imk, profile, &pan, card.psn, &text, ArpcRequest::None)
            .unwrap();
        assert_eq!(answer.issuer_authentication_data, None);
    }
}

#[test]
fn g02_g03_no_answer_without_a_cryptogram() {
    for (profile, iad, method, wrong_method, _) in profiles() {
        let device = Device::new(1);
        let mut hsm = start(&device, Policy::STRICT, 3, 0).unwrap();
        let imk = key(&mut hsm, "E0", 'T', 'X', 1);
        let other_imk = key(&mut hsm, "E0", 'T', 'X', 2);
        let (card, pan) = (Card::new(profile, &value(1, 16)), Pan::parse(PAN).unwrap());
        let (arqc, text) = card.request(7, CryptogramKind::Arqc, iad);
        let asked = device.touched();
        let mut verify = |imk, pan: &Pan, text: &[u8], method| {
            hsm.arqc_verify(imk, profile, pan, card.psn, text, method)
                .map(|_| ())
                .err()
        };
        // Another key, another card, another cryptogram.
        let failed = Some(Error::VerificationFailed);
        assert_eq!(verify(other_imk, &pan, &text, method), failed);
        let other = Pan::parse(b"4761739001010028").unwrap();
        assert_eq!(verify(imk, &other, &text, method), failed);
        let at = text.windows(8).position(|window| window == arqc).unwrap();
        for byte in at..at + 8 {
            let mut changed = text.clone();
            changed[byte] ^= 1;
            assert_eq!(verify(imk, &pan, &changed, method), failed);
        }
        // Shorter than a cryptogram.
        let mut short = text.clone();
        short.remove(at);
        short[at - 1] -= 1;
        assert_eq!(verify(imk, &pan, &short, method), Some(Error::EmvElement));
        // An answer that the profile has not, that is too long, or that nobody waits for.
        assert_eq!(verify(imk, &pan, &text, wrong_method), Some(Error::Unsupported));
        if profile == &VISA_CVN18 {
            let long = ArpcRequest::Method2 {
                csu: [0; 4],
                proprietary: &[0; 9],
            };
            assert_eq!(verify(imk, &pan, &text, long), Some(Error::InvalidLength));
        }
        for kind in [CryptogramKind::Tc, CryptogramKind::Aac] {
            let (_, text) = card.request(9, kind, iad);
            assert_eq!(verify(imk, &pan, &text, method), Some(Error::BadState));
        }
        // None of them counts as a use of the ATC.
        assert_eq!(device.touched(), asked);
        // A TC verifies without an answer.
        let (_, text_tc) = card.request(9, CryptogramKind::Tc, iad);
        let answer = hsm
            .arqc_verify(imk, profile, &pan, card.psn, &text_tc, ArpcRequest::None)
            .unwrap();
        assert_eq!(answer.kind, CryptogramKind::Tc);
        // A platform that knows the ATC.
        device.world().answer = Some(Error::CounterReplayed);
        let result = hsm.arqc_verify(imk, profile, &pan, card.psn, &text, method);
        assert_eq!(result.err(), Some(Error::CounterReplayed));
    }
}
