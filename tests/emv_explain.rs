// SPDX-License-Identifier: MIT OR Apache-2.0
//! A cryptogram that was made otherwise than its profile makes it is named so.

#![cfg(all(feature = "hazmat", feature = "host"))]

use payhsm::codec::tlv::Writer;
use payhsm::emv::CardAlgorithm;
use payhsm::emv::derive::{MasterKeyOption, Psn, icc_master_key, icc_master_key_aes};
use payhsm::emv::element::{Atc, tag};
use payhsm::emv::explain::{Difference, Explanation, Finding, explain};
use payhsm::emv::profile::{self, ALL, IadPart, Padding, Profile, Recipe, SessionKeyMethod};
use payhsm::emv::raw;
use payhsm::error::Error;
use payhsm::key::role::{Ac, IccMk, Imk};
use payhsm::key::usage::KeyAlgorithm;
use payhsm::key::{Aes, Key, Tdea};
use payhsm::pin::pan::Pan;

const TERMINAL: [u8; 29] = [
    0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0x01, 0x56, 0, 0, 0, 0, 0, 0x01, 0x56, 0x26, 0x01, 0x31, 0, 0xA5, 0x5A, 0x12,
    0x34,
];
const AIP: [u8; 2] = [0x3C, 0];
const ATC: [u8; 2] = [0x01, 0x07];
const UN: [u8; 4] = [0xA5, 0x5A, 0x12, 0x34];
const LONG: &[u8] = b"4761739001010012345";

fn iad(profile: &Profile) -> Vec<u8> {
    let cvn = profile.cvn();
    match profile.scheme() {
        profile::Scheme::Visa => vec![6, 1, cvn, 3, 0xA0, 0xB8, 0],
        profile::Scheme::Mastercard => {
            let mut iad = vec![0x11; 18];
            iad[..4].copy_from_slice(&[1, cvn, 0xA0, 0x12]);
            iad
        }
        profile::Scheme::Interac => vec![8, 1, cvn, 3, 0xA0, 0xB8, 0, 1, 2],
        profile::Scheme::UnionPay => vec![7, 1, cvn, 3, 0xA0, 0xB8, 0, 1],
        _ => {
            let mut iad = vec![0; 32];
            iad[..3].copy_from_slice(&[0x0F, cvn, 1]);
            iad[16] = 0x0F;
            iad
        }
    }
}

fn field55(iad: &[u8], ac: &[u8; 8]) -> Vec<u8> {
    let mut rest = &TERMINAL[..];
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
        (tag::AIP, &AIP),
        (tag::ATC, &ATC),
        (tag::CRYPTOGRAM, ac),
        (tag::CID, &[0x80]),
        (tag::IAD, iad),
    ] {
        writer.put(tag, value).unwrap();
    }
    let len = writer.finish().unwrap();
    out[..len].to_vec()
}

/// A card that makes its cryptogram as it likes.
struct Maker {
    recipe: Recipe,
    psn: Psn,
    part: Vec<u8>,
}

fn part(profile: &Profile, iad: &[u8], part: IadPart) -> Option<Vec<u8>> {
    let iad = profile.iad_layout().parse(iad).unwrap();
    match part {
        IadPart::Whole => Some(iad.whole.to_vec()),
        _ if iad.cvr.is_empty() => None,
        IadPart::Cvr => Some(iad.cvr.to_vec()),
        IadPart::CvrAndCounters if iad.counters.is_empty() => None,
        IadPart::CvrAndCounters => Some([iad.cvr, iad.counters].concat()),
    }
}

impl Maker {
    fn of(profile: &Profile, iad: &[u8], psn: Psn) -> Self {
        Self {
            recipe: profile.recipe(),
            psn,
            part: part(profile, iad, profile.iad_part()).unwrap(),
        }
    }

    fn data(&self) -> Vec<u8> {
        [&TERMINAL[..], &AIP, &ATC, &self.part].concat()
    }

    fn sign<A: CardAlgorithm>(&self, mk: &Key<IccMk<Ac>, A>) -> [u8; 8] {
        raw::generate(&self.recipe, mk, Atc::from_bytes(&ATC).unwrap(), UN, &self.data()).unwrap()
    }

    fn tdea(&self, imk: &Key<Imk<Ac>, Tdea>, pan: &Pan) -> [u8; 8] {
        let mut mk = Key::empty();
        icc_master_key(self.recipe.master_key, imk, pan, self.psn, &mut mk).unwrap();
        self.sign(&mk)
    }

    fn aes(&self, imk: &Key<Imk<Ac>, Aes>, pan: &Pan) -> [u8; 8] {
        let mut mk = Key::empty();
        icc_master_key_aes(imk, pan, self.psn, &mut mk).unwrap();
        self.sign(&mk)
    }
}

fn differences(explanation: &Explanation<'_>) -> Vec<Difference> {
    explanation.differences().collect()
}

fn keys() -> (Key<Imk<Ac>, Tdea>, Key<Imk<Ac>, Aes>) {
    let bytes: Vec<u8> = (0..16).map(|i| i * 13 + 1).collect();
    (Key::from_bytes(&bytes).unwrap(), Key::from_bytes(&bytes).unwrap())
}

#[test]
fn what_the_profile_makes_matches() {
    let ((tdea, aes), pan, psn) = (keys(), Pan::parse(LONG).unwrap(), Psn::new(1).unwrap());
    for profile in ALL {
        let iad = iad(profile);
        let maker = Maker::of(profile, &iad, psn);
        let message = if profile.algorithm() == KeyAlgorithm::Aes {
            field55(&iad, &maker.aes(&aes, &pan))
        } else {
            field55(&iad, &maker.tdea(&tdea, &pan))
        };
        let explanation = if profile.algorithm() == KeyAlgorithm::Aes {
            explain(profile, &aes, &pan, psn, &message).unwrap()
        } else {
            explain(profile, &tdea, &pan, psn, &message).unwrap()
        };
        assert_eq!(explanation.finding, Finding::Matches, "{}", profile.name());
        assert_eq!(differences(&explanation), []);
        let entered: Vec<u8> = explanation
            .elements()
            .flat_map(|(_, _, value)| value.to_vec())
            .collect();
        assert_eq!([entered, maker.part.clone()].concat(), maker.data());
        let text = explanation.to_string();
        // What the C function's buffer must hold; a finding adds less than 400.
        assert!(text.len() < 1600, "{}", text.len());
        assert!(text.contains(profile.name()) && text.contains(": matches"), "{text}");
        assert!(
            text.contains("9F02 Amount, authorised                 000000010000"),
            "{text}"
        );
        // The PAN is masked, and no other digits of it are there.
        assert!(!text.contains("390010100"), "{text}");
    }
}

#[test]
fn one_thing_that_is_different_is_named() {
    let ((imk, _), pan, psn) = (keys(), Pan::parse(LONG).unwrap(), Psn::new(1).unwrap());
    let (mut padding, mut parts, mut sessions, mut named) = (0, 0, 0, 0);
    for profile in ALL.into_iter().filter(|p| p.algorithm() == KeyAlgorithm::Tdea) {
        let iad = iad(profile);
        let own = || Maker::of(profile, &iad, psn);
        let mut runs: Vec<(Maker, Difference, &str)> = Vec::new();
        // The wrong padding.
        let mut maker = own();
        let text;
        (maker.recipe.padding, text) = match maker.recipe.padding {
            Padding::Method1 => (Padding::Method2, "padding: method 2"),
            Padding::Method2 => (Padding::Method1, "padding: method 1"),
        };
        runs.push((maker, Difference::Padding, text));
        padding += 1;
        // The wrong part of the issuer application data.
        for (which, text) in [
            (IadPart::Cvr, "  the CVR of 9F10"),
            (IadPart::CvrAndCounters, "CVR and counters of 9F10"),
            (IadPart::Whole, "  the whole of 9F10"),
        ] {
            if let Some(part) = part(profile, &iad, which)
                && which != profile.iad_part()
            {
                runs.push((Maker { part, ..own() }, Difference::IadPart, text));
                parts += 1;
            }
        }
        let part = Vec::new();
        runs.push((Maker { part, ..own() }, Difference::IadPart, "nothing of 9F10"));
        // The wrong session key.
        for (method, text) in [
            (SessionKeyMethod::Direct, "session key: none"),
            (SessionKeyMethod::Common, "session key: common"),
            (SessionKeyMethod::MChip, "session key: M/Chip"),
            (SessionKeyMethod::UnionPay, "session key: UnionPay"),
            #[cfg(feature = "legacy")]
            (
                SessionKeyMethod::Emv2000(payhsm::emv::session::Tree::Branch4Height8),
                "session key: the tree",
            ),
        ] {
            if method != profile.session_key() {
                let mut maker = own();
                maker.recipe.session_key = method;
                runs.push((maker, Difference::SessionKey, text));
                sessions += 1;
            }
        }
        // The other option of the master key, which differs for a PAN of more than 16 digits.
        let mut maker = own();
        let text;
        (maker.recipe.master_key, text) = match maker.recipe.master_key {
            MasterKeyOption::B => (MasterKeyOption::A, "option A"),
            _ => (MasterKeyOption::B, "option B"),
        };
        runs.push((maker, Difference::MasterKey, text));
        // A sequence number that the issuer does not use.
        let psn00 = Maker {
            psn: Psn::ABSENT,
            ..own()
        };
        runs.push((psn00, Difference::Psn, "sequence number: 00"));

        for (maker, difference, name) in runs {
            let message = field55(&iad, &maker.tdea(&imk, &pan));
            let explanation = explain(profile, &imk, &pan, psn, &message).unwrap();
            assert_eq!(differences(&explanation), [difference], "{} {name}", profile.name());
            let Finding::MadeWith(made) = explanation.finding else {
                panic!("{name}");
            };
            named += usize::from(made.profile.is_some());
            let text = explanation.to_string();
            let (_, behind) = text.split_once("it was made with").unwrap();
            assert!(behind.contains(name), "{name}: {text}");
        }
    }
    assert_eq!((padding, sessions > 30, parts > 10, named > 0), (10, true, true, true));
}

/// The commonest of all: another version of the same scheme than the issuer's records say.
#[test]
fn another_version_is_named() {
    let ((imk, _), pan, psn) = (keys(), Pan::parse(LONG).unwrap(), Psn::new(1).unwrap());
    let tdea = || ALL.into_iter().filter(|p| p.algorithm() == KeyAlgorithm::Tdea);
    for made_by in tdea() {
        let iad = iad(made_by);
        let message = field55(&iad, &Maker::of(made_by, &iad, psn).tdea(&imk, &pan));
        for asked in tdea().filter(|p| *p != made_by) {
            let explanation = explain(asked, &imk, &pan, psn, &message).unwrap();
            let Finding::MadeWith(made) = explanation.finding else {
                panic!("{} {}", made_by.name(), asked.name());
            };
            assert_eq!(made.profile, Some(made_by), "{} {}", made_by.name(), asked.name());
            assert_eq!(explanation.parsed.err(), Some(Error::Iad));
            let text = explanation.to_string();
            assert!(text.contains("not of this profile"), "{text}");
            assert!(text.contains(&format!("that is: {}", made_by.name())), "{text}");
        }
    }
}

#[test]
fn nothing_fits_and_refusals() {
    let ((imk, aes), pan, psn) = (keys(), Pan::parse(LONG).unwrap(), Psn::new(1).unwrap());
    let profile = &profile::VISA_CVN18;
    let iad = iad(profile);
    let ac = Maker::of(profile, &iad, psn).tdea(&imk, &pan);
    let message = field55(&iad, &ac);
    // Another issuer's key, another card, an amount that was changed on the way.
    let other = Key::<Imk<Ac>, Tdea>::from_bytes(&[0x46; 16]).unwrap();
    let explanation = explain(profile, &other, &pan, psn, &message).unwrap();
    assert_eq!(explanation.finding, Finding::Nothing);
    assert!(explanation.to_string().contains("the issuer key"));
    let card = Pan::parse(b"4761739001010012346").unwrap();
    assert_eq!(
        explain(profile, &imk, &card, psn, &message).unwrap().finding,
        Finding::Nothing
    );
    let mut changed = message.clone();
    changed[8] ^= 1;
    assert_eq!(
        explain(profile, &imk, &pan, psn, &changed).unwrap().finding,
        Finding::Nothing
    );
    // A message that is none, and a key of another cipher.
    assert_eq!(
        explain(profile, &imk, &pan, psn, &message[..20]).err(),
        Some(Error::TlvLength)
    );
    assert_eq!(explain(profile, &imk, &pan, psn, &[]).err(), Some(Error::TlvMissing));
    assert_eq!(
        explain(profile, &aes, &pan, psn, &message).err(),
        Some(Error::AlgorithmMismatch)
    );
    // An AES card with the wrong session key.
    let profile = &profile::CCD_CV6;
    let iad = {
        let mut iad = vec![0; 32];
        iad[..3].copy_from_slice(&[0x0F, 0xA6, 1]);
        iad[16] = 0x0F;
        iad
    };
    let mut maker = Maker::of(profile, &iad, psn);
    maker.recipe.session_key = SessionKeyMethod::Direct;
    let message = field55(&iad, &maker.aes(&aes, &pan));
    let explanation = explain(profile, &aes, &pan, psn, &message).unwrap();
    assert_eq!(differences(&explanation), [Difference::SessionKey]);
    assert!(explanation.to_string().contains("padding: that of CMAC"));
}
