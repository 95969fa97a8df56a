// SPDX-License-Identifier: MIT OR Apache-2.0
//! Card verification values.
extern crate std;

use std::vec::Vec;

use super::*;
use crate::card::CardValue;
use crate::card::cvv::{self, Expiry, ExpiryOrder, Kind, ServiceCode};
use crate::key::role::CardVerification;

struct CvvCase {
    cvk: Key<CardVerification, Tdea>,
    kind: Kind,
    pan: Pan,
    expiry: Expiry,
    value: CardValue,
}

impl CvvCase {
    fn random(random: &mut Random) -> Self {
        let mut case = Self {
            cvk: random.key(),
            kind: match random.below(4) {
                0 => Kind::Chip,
                1 => Kind::Printed(ExpiryOrder::Yymm),
                2 => Kind::Printed(ExpiryOrder::Mmyy),
                _ => Kind::Stripe(ServiceCode::new(1 + random.below(998) as u32).unwrap()),
            },
            pan: random.pan(),
            expiry: Expiry::yymm(&core::array::from_fn::<_, 4, _>(|_| b'0' + random.below(10) as u8)).unwrap(),
            value: CardValue::empty(),
        };
        let len = 3 + random.below(3) as usize;
        let mut right = CardValue::empty();
        let mut text = [b'0'; 5];
        if cvv::generate(&case.cvk, case.kind, &case.pan, case.expiry, len, &mut right).is_ok() {
            for (to, digit) in text.iter_mut().zip(right.digits()) {
                *to = b'0' + digit;
            }
            if random.one_in(4) {
                let place = &mut text[random.below(len as u64) as usize];
                *place = b'0' + (*place - b'0' + 1 + random.below(9) as u8) % 10;
            }
        }
        if !random.one_in(40) {
            case.value = CardValue::parse(&text[..len]).unwrap();
        }
        case
    }
}

fn cvvs(jobs: usize, seed: u64, plans: &[Plan]) {
    let mut random = Random(seed);
    let cases: Vec<_> = (0..jobs).map(|_| CvvCase::random(&mut random)).collect();
    let expected: Vec<_> = cases
        .iter()
        .map(|case| cvv::verify(&case.cvk, case.kind, &case.pan, case.expiry, &case.value))
        .collect();
    let work: Vec<_> = cases
        .iter()
        .map(|case| CvvJob {
            cvk: &case.cvk,
            kind: case.kind,
            pan: &case.pan,
            expiry: case.expiry,
            value: &case.value,
        })
        .collect();
    for plan in plans {
        let mut outcomes = std::vec![Err(Error::Internal); jobs];
        verify_cvvs(*plan, &work, &mut outcomes).unwrap();
        for job in 0..jobs {
            assert_eq!(outcomes[job], expected[job], "{plan:?}, job {job}");
        }
    }
    if jobs >= 500 {
        let kinds = kinds(&expected);
        for kind in ["Ok", "VerificationFailed", "NoKey", "InvalidKeyLength", "InvalidLength"] {
            assert!(kinds.contains(kind), "{kind} is not in the sample");
        }
    }
}

#[test]
fn values_agree_with_single_operations() {
    cvvs(2000, 1, &plans());
}

#[test]
fn every_number_of_values_is_padded() {
    for jobs in [0, 1, 2, 3, 15, 16, 63, 64, 65, 127] {
        let words = [Plan::of(Engine::Words).crossover(0), Plan::of(Engine::Words)];
        cvvs(jobs, 7 + jobs as u64, &words);
    }
}

#[test]
#[ignore = "a million jobs: for a release build"]
fn a_million_values() {
    for seed in 0..100 {
        cvvs(10_000, 4000 + seed, &plans());
    }
}

#[test]
fn slices_of_values_of_different_length_are_refused() {
    let mut outcomes = [Err(Error::Internal)];
    assert_eq!(verify_cvvs(Plan::best(), &[], &mut outcomes), Err(Error::InvalidLength));
    assert_eq!(outcomes, [Err(Error::Internal)]);
}
