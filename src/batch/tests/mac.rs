// SPDX-License-Identifier: MIT OR Apache-2.0
//! MACs of messages.
extern crate std;

use std::vec::Vec;

use super::*;
use crate::key::role::MacRequest;
use crate::mac::Mac;
use crate::mac::iso9797::{Padding, RetailMac};

struct MacCase {
    bdk: Key<Bdk, Tdea>,
    ksn: Ksn,
    padding: Padding,
    data: Vec<u8>,
    tag: Vec<u8>,
}

impl MacCase {
    fn key(&self, out: &mut Key<MacRequest, Tdea>) -> Outcome {
        let mut ik = Key::empty();
        Host::initial_key(&self.bdk, &self.ksn.initial_key_id(), &mut ik)?;
        let mut keys = Transaction::empty();
        Host::transaction(&ik, &self.ksn, &mut keys)?;
        keys.mac_request_key(out)
    }

    fn random(random: &mut Random) -> Self {
        // Mostly short; some of many blocks; every length about a block.
        let most = if random.one_in(10) { 300 } else { 40 };
        let len = random.below(most) as usize;
        let announced = if random.one_in(10) {
            random.below(50)
        } else {
            len as u64
        };
        let mut case = Self {
            bdk: random.key(),
            ksn: random.ksn(),
            padding: match random.below(3) {
                0 => Padding::Method1,
                1 => Padding::Method2,
                _ => Padding::Method3 { len: announced },
            },
            data: (0..len).map(|_| random.next() as u8).collect(),
            tag: (0..1 + random.below(8)).map(|_| random.next() as u8).collect(),
        };
        let mut key = Key::empty();
        if case.key(&mut key).is_ok() {
            let mut mac = RetailMac::new(key.material().unwrap(), case.padding).unwrap();
            mac.update(&case.data);
            if mac.finish(&mut case.tag).is_ok() && random.one_in(4) {
                let place = random.below(case.tag.len() as u64) as usize;
                case.tag[place] ^= 1 << random.below(8);
            }
        }
        if random.one_in(40) {
            case.tag = random.bytes::<9>()[..9 * random.below(2) as usize].to_vec();
        }
        case
    }

    /// The operations one by one.
    fn verify(&self) -> Outcome {
        let mut key = Key::empty();
        self.key(&mut key)?;
        let mut mac = RetailMac::new(key.material()?, self.padding)?;
        mac.update(&self.data);
        mac.verify(&self.tag)
    }
}

fn macs(jobs: usize, seed: u64, plans: &[Plan]) {
    let mut random = Random(seed);
    let cases: Vec<_> = (0..jobs).map(|_| MacCase::random(&mut random)).collect();
    let expected: Vec<_> = cases.iter().map(MacCase::verify).collect();
    let work: Vec<_> = cases
        .iter()
        .map(|case| MacJob {
            bdk: &case.bdk,
            ksn: case.ksn,
            padding: case.padding,
            data: &case.data,
            tag: &case.tag,
        })
        .collect();
    for plan in plans {
        let mut outcomes = std::vec![Err(Error::Internal); jobs];
        verify_macs(*plan, &work, &mut outcomes).unwrap();
        for job in 0..jobs {
            assert_eq!(outcomes[job], expected[job], "{plan:?}, job {job}");
        }
    }
    if jobs >= 500 {
        let kinds = kinds(&expected);
        for kind in [
            "Ok",
            "VerificationFailed",
            "NoKey",
            "InvalidKeyLength",
            "CounterZero",
            "CounterOverweight",
            "InvalidLength",
        ] {
            assert!(kinds.contains(kind), "{kind} is not in the sample");
        }
    }
}

#[test]
fn macs_agree_with_single_operations() {
    macs(600, 1, &plans());
}

#[test]
fn every_number_of_macs_is_padded() {
    for jobs in [0, 1, 2, 3, 15, 16, 63, 64, 65, 127] {
        let words = [Plan::of(Engine::Words).crossover(0), Plan::of(Engine::Words)];
        macs(jobs, 7 + jobs as u64, &words);
    }
}

#[test]
#[ignore = "a million jobs: for a release build"]
fn a_million_macs() {
    for seed in 0..100 {
        macs(10_000, 3000 + seed, &plans());
    }
}

#[test]
fn slices_of_macs_of_different_length_are_refused() {
    let mut outcomes = [Err(Error::Internal)];
    assert_eq!(verify_macs(Plan::best(), &[], &mut outcomes), Err(Error::InvalidLength));
    assert_eq!(outcomes, [Err(Error::Internal)]);
}
