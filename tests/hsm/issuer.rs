// SPDX-License-Identifier: MIT OR Apache-2.0
//! Cryptograms and their answers: no answer but for a cryptogram that verified (rows G02, G03).

use payhsm::emv::card::IssuerAnswer;
use payhsm::emv::derive::MasterKeyOption;
use payhsm::emv::element::{Atc, CryptogramKind};
use payhsm::emv::explain::Finding;
use payhsm::emv::profile::{
    ArpcKey, ArpcMethod, CCD_CV5, CCD_CV6, Padding, Profile, Recipe, SessionKeyMethod, VISA_CVN10, VISA_CVN18,
};
use payhsm::emv::raw::RawRequest;
use payhsm::error::Error;
use payhsm::hsm::ArpcRequest;
use payhsm::pin::pan::Pan;
use payhsm::policy::{Permission, Policy};

use crate::common::card::{CCD_IAD_6, Card, PAN, VISA_IAD_10, VISA_IAD_18};
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

#[test]
fn aes_cards() {
    let device = Device::new(1);
    let mut hsm = start(&device, Policy::STRICT, 2, 0).unwrap();
    let imk = key(&mut hsm, "E0", 'A', 'X', 1);
    let tdea = key(&mut hsm, "E0", 'T', 'X', 2);
    let (card, pan) = (Card::aes(&value(1, 16)), Pan::parse(PAN).unwrap());
    let (arqc, text) = card.request(7, CryptogramKind::Arqc, &CCD_IAD_6);
    let answer = hsm.arqc_verify(imk, &CCD_CV6, &pan, card.psn, &text, METHOD2).unwrap();
    let data = answer.issuer_authentication_data.unwrap();
    assert_eq!(
        card.takes(7, &arqc, data.as_bytes()),
        Ok(IssuerAnswer::StatusUpdate([0, 0x82, 0, 0]))
    );
    let asked = device.touched();
    let mut wrong = text.clone();
    wrong[4] ^= 1;
    let verify = |hsm: &mut crate::common::Module, key, profile, text: &[u8]| {
        hsm.arqc_verify(key, profile, &pan, card.psn, text, METHOD2).err()
    };
    assert_eq!(verify(&mut hsm, imk, &CCD_CV6, &wrong), Some(Error::VerificationFailed));
    // A profile of cards of the other cipher.
    for (key, profile) in [(tdea, &CCD_CV6), (imk, &CCD_CV5)] {
        let text = if profile == &CCD_CV5 {
            let mut iad = CCD_IAD_6;
            iad[1] = 0xA5;
            let at = text.windows(32).position(|window| window == CCD_IAD_6).unwrap();
            let mut text = text.clone();
            text[at..at + 32].copy_from_slice(&iad);
            text
        } else {
            text.clone()
        };
        assert_eq!(verify(&mut hsm, key, profile, &text), Some(Error::AlgorithmMismatch));
    }
    assert_eq!(device.touched(), asked);
}

#[test]
fn raw_form_by_permission() {
    let device = Device::new(1);
    let policy = Policy::STRICT.with(Permission::RawCryptogram);
    let (card, pan) = (Card::new(&VISA_CVN10, &value(1, 16)), Pan::parse(PAN).unwrap());
    let recipe = Recipe {
        master_key: MasterKeyOption::A,
        session_key: SessionKeyMethod::MChip,
        padding: Padding::Method1,
        arpc: ArpcMethod::Method1,
        arpc_key: ArpcKey::SessionKey,
    };
    let data = b"elements of a scheme that is not public";
    let request = |kind, cryptogram| RawRequest {
        kind,
        atc: Atc::new(9),
        unpredictable_number: [1, 2, 3, 4],
        data,
        cryptogram,
    };
    let ac = card.sign(&recipe, 9, [1, 2, 3, 4], data);
    let good = request(CryptogramKind::Arqc, ac);
    {
        let mut strict = start(&device, Policy::STRICT, 1, 0).unwrap();
        let imk = key(&mut strict, "E0", 'T', 'X', 1);
        let asked = device.touched();
        let result = strict.arqc_verify_raw(imk, &recipe, &pan, card.psn, &good, METHOD1);
        assert_eq!(result.err(), Some(Error::UsageNotPermitted));
        assert_eq!(device.touched(), asked);
    }
    let mut hsm = start(&device, policy, 1, 0).unwrap();
    let imk = key(&mut hsm, "E0", 'T', 'X', 1);
    let answer = hsm
        .arqc_verify_raw(imk, &recipe, &pan, card.psn, &good, METHOD1)
        .unwrap();
    assert_eq!((answer.atc.value(), answer.kind), (9, CryptogramKind::Arqc));
    assert_eq!(answer.issuer_authentication_data.unwrap().as_bytes().len(), 10);
    let digits = PAN.iter().map(|c| c & 15).collect();
    assert_eq!(device.world().asked.last(), Some(&Asked::Atc(digits, 9)));

    let asked = device.touched();
    let mut bad = ac;
    bad[7] ^= 1;
    let mut refused = |request, answer| {
        hsm.arqc_verify_raw(imk, &recipe, &pan, card.psn, &request, answer)
            .err()
    };
    let arqc = CryptogramKind::Arqc;
    assert_eq!(refused(request(arqc, bad), METHOD1), Some(Error::VerificationFailed));
    assert_eq!(refused(request(arqc, ac), METHOD2), Some(Error::Unsupported));
    assert_eq!(refused(request(CryptogramKind::Tc, ac), METHOD1), Some(Error::BadState));
    assert_eq!(device.touched(), asked);
}

#[test]
fn explanations_by_permission_and_consent() {
    let device = Device::new(1);
    let (card, pan) = (Card::new(&VISA_CVN10, &value(1, 16)), Pan::parse(PAN).unwrap());
    let (_, text) = card.request(7, CryptogramKind::Arqc, &VISA_IAD_10);
    {
        let mut strict = start(&device, Policy::STRICT, 1, 0).unwrap();
        let imk = key(&mut strict, "E0", 'T', 'X', 1);
        let asked = device.touched();
        let result = strict.arqc_explain(imk, &VISA_CVN10, &pan, card.psn, &text);
        assert_eq!(result.err(), Some(Error::UsageNotPermitted));
        assert_eq!(device.touched(), asked);
    }
    let policy = Policy::STRICT.with(Permission::ExplainCryptogram);
    let mut hsm = start(&device, policy, 1, 0).unwrap();
    let imk = key(&mut hsm, "E0", 'T', 'X', 1);
    let explained = hsm.arqc_explain(imk, &VISA_CVN10, &pan, card.psn, &text).unwrap();
    assert_eq!(explained.finding, Finding::Matches);
    let digits: Vec<u8> = PAN.iter().map(|c| c & 15).collect();
    assert_eq!(device.world().asked.last(), Some(&Asked::CryptogramExplain(digits, 7)));
    // The card's records say CVN 18.
    let explained = hsm.arqc_explain(imk, &VISA_CVN18, &pan, card.psn, &text).unwrap();
    let Finding::MadeWith(made) = explained.finding else {
        panic!("{explained:?}");
    };
    assert_eq!(made.profile, Some(&VISA_CVN10));
    // What is public is judged before the platform is asked, and its refusal ends it.
    let asked = device.touched();
    let result = hsm.arqc_explain(imk, &VISA_CVN10, &pan, card.psn, &text[..9]);
    assert_eq!(result.err(), Some(Error::TlvMissing));
    assert_eq!(device.touched(), asked);
    device.world().answer = Some(Error::Refused);
    let result = hsm.arqc_explain(imk, &VISA_CVN10, &pan, card.psn, &text);
    assert_eq!(result.err(), Some(Error::Refused));
}
