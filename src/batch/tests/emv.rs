// SPDX-License-Identifier: MIT OR Apache-2.0
use std::vec::Vec;

use super::*;
use crate::codec::tlv::Writer;
use crate::emv::card;
use crate::emv::derive::{MasterKeyOption, Psn, icc_master_key};
use crate::emv::element::{Atc, CryptogramKind, tag};
use crate::emv::profile::{self, AcInput, ArpcMethod, IadLayout, Profile, VerifiedArqc, verify_arqc};
use crate::emv::response::Authentication;
use crate::key::role::{Ac, Imk};

/// The same by the functions of single cryptograms.
fn one_by_one(job: &ArqcJob<'_>, judge: impl FnOnce(Atc) -> Result<(), Error>) -> Result<Answered, Error> {
    let method = job.profile.arpc();
    match (&job.answer, method) {
        (Answer::None, _) | (Answer::Method1 { .. }, ArpcMethod::Method1) => {}
        (Answer::Method2 { proprietary, .. }, ArpcMethod::Method2) if proprietary.len() <= 8 => {}
        (Answer::Method2 { .. }, ArpcMethod::Method2) => return Err(public_error(job, Error::InvalidLength)),
        _ => return Err(public_error(job, Error::Unsupported)),
    }
    let verified: VerifiedArqc = verify_first(job)?;
    let (atc, kind) = (verified.atc(), verified.kind());
    if job.answer != Answer::None && kind != CryptogramKind::Arqc {
        return Err(Error::BadState);
    }
    judge(atc)?;
    let issuer_authentication_data = match job.answer {
        Answer::None => None,
        Answer::Method1 { arc } => Some(verified.arpc1(arc)?),
        Answer::Method2 { csu, proprietary } => Some(verified.arpc2(csu, proprietary)?),
    };
    Ok(Answered {
        atc,
        kind,
        issuer_authentication_data,
    })
}

fn verify_first(job: &ArqcJob<'_>) -> Result<VerifiedArqc, Error> {
    verify_arqc(job.profile, job.imk, job.pan, job.psn, job.field55)
}

/// What is wrong with a job that has `error` besides: the message comes first.
fn public_error(job: &ArqcJob<'_>, error: Error) -> Error {
    verify_first(job)
        .err()
        .filter(|e| *e != Error::VerificationFailed)
        .unwrap_or(error)
}

struct Case {
    profile: &'static Profile,
    imk: Key<Imk<Ac>, Tdea>,
    pan: Pan,
    psn: Psn,
    field55: Vec<u8>,
    method: u64,
    proprietary: Vec<u8>,
}

fn iad(random: &mut Random, profile: &Profile) -> Vec<u8> {
    let mut iad = match profile.iad_layout() {
        IadLayout::MChip => std::vec![1, profile.cvn(), 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0],
        IadLayout::Pboc => std::vec![7, 1, profile.cvn(), 3, 0xA0, 0xB8, 0, 1],
        _ => std::vec![6, 1, profile.cvn(), 3, 0xA0, 0xB8, 0],
    };
    if profile.parse_iad(&iad).is_err() {
        // Layouts of other schemes: found by trying lengths with the number in its usual places.
        for len in 7..=32_usize {
            for place in 0..4 {
                for first in [0x06, 0x07, 0x0F, len as u8 - 1] {
                    let mut other = std::vec![0; len];
                    other[0] = first;
                    other[place] = profile.cvn();
                    if len == 32 {
                        other[16] = 0x0F;
                    }
                    if profile.parse_iad(&other).is_ok() {
                        iad = other;
                    }
                }
            }
        }
    }
    let fixed = iad.clone();
    for _ in 0..4 {
        let place = random.below(iad.len() as u64) as usize;
        iad[place] ^= random.next() as u8;
        if profile.parse_iad(&iad).is_err() {
            iad[place] = fixed[place];
        }
    }
    iad
}

impl Case {
    fn random(random: &mut Random) -> Self {
        let profiles = profile::ALL;
        let profile = profiles[random.below(profiles.len() as u64) as usize];
        let mut case = Self {
            profile,
            imk: random.key(),
            pan: random.pan(),
            psn: Psn::new(random.below(100) as u8).unwrap(),
            field55: Vec::new(),
            method: random.below(3),
            proprietary: random.bytes::<9>()[..random.below(10) as usize].to_vec(),
        };
        let terminal = [
            0, 0, 0, 0, 0x40, 0, 0, 0, 0, 0, 0, 0, 0x01, 0x24, 0x80, 0, 0x04, 0x80, 0, 0x01, 0x24, 0x19, 0x11, 0x05,
            0x01,
        ];
        let mut terminal = terminal.to_vec();
        terminal.extend(random.bytes::<4>());
        let (aip, atc) = (random.bytes::<2>(), Atc::new(random.next() as u16));
        let iad = iad(random, profile);
        let input = AcInput::new(&terminal, aip, atc).unwrap();
        let mut mk = Key::empty();
        let kind = if random.one_in(6) {
            CryptogramKind::Tc
        } else {
            CryptogramKind::Arqc
        };
        let mut ac = random.bytes::<8>();
        let mut cid = 0x80;
        if icc_master_key(profile.master_key(), &case.imk, &case.pan, case.psn, &mut mk).is_ok()
            && let Ok(response) = card::generate_ac(profile, &mk, kind, &input, &iad)
            && let Authentication::Cryptogram(right) = response.authentication
        {
            (ac, cid) = (right, response.cid.to_byte());
            if random.one_in(3) {
                ac[random.below(8) as usize] ^= 1 << random.below(8);
            }
        }
        let mut out = [0; 300];
        let mut writer = Writer::new(&mut out);
        let lengths = [
            (tag::AMOUNT, 6),
            (tag::AMOUNT_OTHER, 6),
            (tag::COUNTRY, 2),
            (tag::TVR, 5),
            (tag::CURRENCY, 2),
            (tag::DATE, 3),
            (tag::TRANSACTION_TYPE, 1),
            (tag::UNPREDICTABLE_NUMBER, 4),
        ];
        let mut rest = &terminal[..];
        for (name, len) in lengths {
            let (value, after) = rest.split_at(len);
            writer.put(name, value).unwrap();
            rest = after;
        }
        writer.put(tag::AIP, &aip).unwrap();
        writer.put(tag::ATC, &atc.to_bytes()).unwrap();
        writer.put(tag::CRYPTOGRAM, &ac).unwrap();
        writer.put(tag::CID, &[cid]).unwrap();
        writer.put(tag::IAD, &iad).unwrap();
        let len = writer.finish().unwrap();
        case.field55 = out[..len].to_vec();
        if random.one_in(30) {
            let place = random.below(len as u64) as usize;
            case.field55[place] ^= 1 << random.below(8);
        }
        if random.one_in(40) {
            case.field55.truncate(random.below(len as u64) as usize);
        }
        case
    }

    fn job(&self) -> ArqcJob<'_> {
        ArqcJob {
            profile: self.profile,
            imk: &self.imk,
            pan: &self.pan,
            psn: self.psn,
            field55: &self.field55,
            answer: match (self.method, self.profile.arpc()) {
                (0, _) => Answer::None,
                (1, ArpcMethod::Method1) | (2, ArpcMethod::Method2) if self.proprietary.len() == 5 => {
                    // The other method than the profile's.
                    match self.profile.arpc() {
                        ArpcMethod::Method2 => Answer::Method1 { arc: *b"00" },
                        ArpcMethod::Method1 => Answer::Method2 {
                            csu: [1, 2, 3, 4],
                            proprietary: &[],
                        },
                    }
                }
                (_, ArpcMethod::Method1) => Answer::Method1 { arc: *b"05" },
                (_, ArpcMethod::Method2) => Answer::Method2 {
                    csu: [0x12, 0x80, 0, 7],
                    proprietary: &self.proprietary,
                },
            },
        }
    }
}

fn arqcs(jobs: usize, seed: u64, plans: &[Plan]) {
    let mut random = Random(seed);
    let cases: Vec<_> = (0..jobs).map(|_| Case::random(&mut random)).collect();
    let work: Vec<_> = cases.iter().map(Case::job).collect();
    // Some counters were seen before.
    let judge = |atc: Atc| {
        if atc.value().is_multiple_of(9) {
            Err(Error::CounterReplayed)
        } else {
            Ok(())
        }
    };
    let right: Vec<_> = work.iter().map(|job| one_by_one(job, judge)).collect();
    for plan in plans {
        let mut outcomes: Vec<_> = (0..jobs).map(|_| Err(Error::Internal)).collect();
        let mut asked = Vec::new();
        let mut ask = |job: usize, atc: Atc| {
            asked.push(job);
            judge(atc)
        };
        verify_arqcs(*plan, &work, &mut ask, &mut outcomes).unwrap();
        for job in 0..jobs {
            assert_eq!(outcomes[job], right[job], "{plan:?}, job {job}: {:?}", work[job]);
        }
        let judged: Vec<_> = (0..jobs)
            .filter(|&job| matches!(right[job], Ok(_) | Err(Error::CounterReplayed)))
            .collect();
        assert_eq!(asked, judged);
    }
    read(&work, &right, judge, plans);
    if jobs >= 500 {
        let outcomes: Vec<Outcome> = right
            .iter()
            .map(|outcome| outcome.as_ref().map(|_| ()).map_err(|e| *e))
            .collect();
        let kinds = kinds(&outcomes);
        for kind in [
            "Ok",
            "VerificationFailed",
            "NoKey",
            "InvalidKeyLength",
            "AlgorithmMismatch",
            "BadState",
            "CounterReplayed",
            "InvalidLength",
            "Unsupported",
            "TlvMissing",
        ] {
            assert!(kinds.contains(kind), "{kind} is not in the sample: {kinds}");
        }
        for profile in profile::ALL.iter().filter(|p| p.master_key() != MasterKeyOption::C) {
            let verified = right.iter().zip(&cases).any(|(outcome, case)| {
                core::ptr::eq(case.profile, *profile)
                    && outcome
                        .as_ref()
                        .is_ok_and(|answered| answered.issuer_authentication_data.is_some())
            });
            assert!(verified, "no answer of {}", profile.name());
        }
    }
}

/// The same messages, read before.
fn read(
    work: &[ArqcJob<'_>],
    right: &[Result<Answered, Error>],
    judge: impl Fn(Atc) -> Result<(), Error>,
    plans: &[Plan],
) {
    let messages: Vec<_> = work
        .iter()
        .map(|job| ArqcMessage::read(job.profile, job.pan, job.psn, job.field55))
        .collect();
    let (mut jobs, mut expected) = (Vec::new(), Vec::new());
    for ((job, message), right) in work.iter().zip(&messages).zip(right) {
        match message {
            Ok(message) => {
                jobs.push(ReadArqcJob {
                    imk: job.imk,
                    message,
                    answer: job.answer,
                });
                expected.push(right);
            }
            Err(error) => assert_eq!(right, &Err(*error)),
        }
    }
    for plan in plans {
        let mut outcomes: Vec<_> = jobs.iter().map(|_| Err(Error::Internal)).collect();
        verify_read_arqcs(*plan, &jobs, &mut |_, atc| judge(atc), &mut outcomes).unwrap();
        assert!(outcomes.iter().eq(expected.iter().copied()), "{plan:?}");
    }
}

#[test]
fn cryptograms_agree_with_single_operations() {
    arqcs(600, 5, &plans());
    arqcs(70, 6, &[Plan::of(Engine::Words)]);
}

#[test]
#[ignore = "a million jobs: for a release build"]
fn a_million_cryptograms() {
    for seed in 0..100 {
        arqcs(10_000, 2000 + seed, &plans());
    }
}
