// SPDX-License-Identifier: MIT OR Apache-2.0
//! Key blocks.
extern crate std;

use std::vec::Vec;

use super::*;
use crate::key::role::Kbpk;
use crate::key::usage::{Attributes, Exportability, KeyAlgorithm, ModeOfUse, Usage};
use crate::key::{Aes, Tdea};
use crate::keyblock::header::Version;
use crate::keyblock::wrap::{LengthHiding, Template};
use crate::keyblock::{KbpkRef, KeyBlock, Payload, Profile};

enum Protection {
    Aes(Key<Kbpk, Aes>),
    Tdea(Key<Kbpk, Tdea>),
}

struct Case {
    kbpk: Protection,
    block: Vec<u8>,
    profile: Profile,
}

impl Case {
    fn random(random: &mut Random) -> Self {
        let bytes = random.bytes::<32>();
        let version = match random.below(12) {
            0 => Version::B,
            1 => Version::E,
            _ => Version::D,
        };
        let (kbpk, profile) = if version == Version::B {
            let mut key = Key::empty();
            key.set(&bytes[..[16, 24][random.below(2) as usize]]).unwrap();
            (Protection::Tdea(key), Profile::X9143Strict)
        } else {
            let mut key = Key::empty();
            key.set(&bytes[..[16, 24, 32][random.below(3) as usize]]).unwrap();
            (Protection::Aes(key), Profile::of(version))
        };
        let mut case = Self {
            kbpk,
            block: Vec::new(),
            profile,
        };
        let algorithm = [KeyAlgorithm::Aes, KeyAlgorithm::Tdea][random.below(2) as usize];
        let attributes = Attributes::new(Usage::D0, algorithm, ModeOfUse::Both, Exportability::NonExportable);
        let mut template = Template::new(version, attributes);
        template.length = match random.below(3) {
            0 => LengthHiding::None,
            1 => LengthHiding::To(random.below(120) as usize),
            _ => LengthHiding::Longest,
        };
        let key = random.bytes::<24>();
        let len = [16, 24][random.below(2) as usize];
        let mut block = std::vec![0; 400];
        let written = template
            .wrap_bytes(case.kbpk(), &key[..len], &mut Counter(random.next()), &mut block)
            .unwrap();
        block.truncate(written);
        case.block = block;
        match random.below(12) {
            0 => {
                let place = random.below(written as u64) as usize;
                case.block[place] = b"0123456789ABCDEFZ"[random.below(17) as usize];
            }
            1 => {
                // In the enciphered part and the authenticator: a public reader takes it.
                let place = 16 + random.below(written as u64 - 16) as usize;
                case.block[place] = b"0123456789ABCDEF"[random.below(16) as usize];
            }
            2 => case.block.truncate(random.below(written as u64) as usize),
            3 => case.kbpk = Protection::Aes(Key::empty()),
            _ => {}
        }
        case
    }

    fn kbpk(&self) -> KbpkRef<'_> {
        match &self.kbpk {
            Protection::Aes(key) => KbpkRef::Aes(key),
            Protection::Tdea(key) => KbpkRef::Tdea(key),
        }
    }
}

fn blocks(jobs: usize, seed: u64, plans: &[Plan]) {
    let mut random = Random(seed);
    let cases: Vec<_> = (0..jobs).map(|_| Case::random(&mut random)).collect();
    let expected: Vec<_> = cases
        .iter()
        .map(|case| {
            let mut payload = Payload::empty();
            let block = KeyBlock::parse(&case.block, case.profile)?;
            Ok(block.verify(case.kbpk(), &mut payload)?.key_bytes().to_vec())
        })
        .collect::<Vec<Result<_, Error>>>();
    let work: Vec<_> = cases
        .iter()
        .map(|case| KeyBlockJob {
            kbpk: case.kbpk(),
            block: &case.block,
            profile: case.profile,
        })
        .collect();
    for plan in plans {
        let mut payloads: Vec<_> = (0..jobs).map(|_| Payload::empty()).collect();
        let mut outcomes: Vec<_> = (0..jobs).map(|_| Err(Error::Internal)).collect();
        verify_key_blocks(*plan, &work, &mut payloads, &mut outcomes).unwrap();
        for job in 0..jobs {
            let outcome = outcomes[job].as_ref().map(|block| block.key_bytes().to_vec());
            assert_eq!(outcome.map_err(|error| *error), expected[job], "{plan:?}, job {job}");
        }
        let failed: Vec<_> = outcomes.iter().map(Result::is_err).collect();
        drop(outcomes);
        for (payload, failed) in payloads.iter().zip(failed) {
            assert!(!failed || payload.key().is_empty());
        }
    }
    if jobs >= 500 {
        let outcomes: Vec<_> = expected
            .iter()
            .map(|outcome| outcome.as_ref().map(|_| ()).map_err(|error| *error))
            .collect();
        let kinds = kinds(&outcomes);
        for kind in [
            "Ok",
            "VerificationFailed",
            "NoKey",
            "KeyBlockLength",
            "KeyBlockEncoding",
            "AlgorithmMismatch",
        ] {
            assert!(kinds.contains(kind), "{kind} is not in the sample: {kinds}");
        }
    }
}

fn block_plans() -> Vec<Plan> {
    let mut plans: Vec<_> = AesEngine::ALL.iter().map(|engine| Plan::best().aes(*engine)).collect();
    plans.push(Plan::best().crossover(usize::MAX));
    plans
}

#[test]
fn key_blocks_agree_with_single_operations() {
    blocks(600, 1, &block_plans());
}

#[test]
fn every_number_of_key_blocks_is_padded() {
    for jobs in [0, 1, 2, 7, 8, 9, 17] {
        blocks(jobs, 30 + jobs as u64, &block_plans());
    }
}

#[test]
#[ignore = "a million jobs: for a release build"]
fn a_million_key_blocks() {
    for seed in 0..100 {
        blocks(10_000, 6000 + seed, &block_plans());
    }
}

#[test]
fn slices_of_key_blocks_of_different_length_are_refused() {
    assert_eq!(
        verify_key_blocks(Plan::best(), &[], &mut [Payload::empty()], &mut []),
        Err(Error::InvalidLength)
    );
}
