// SPDX-License-Identifier: MIT OR Apache-2.0
//! PIN blocks under keys that need no derivation, among blocks under DUKPT.
extern crate std;

use std::vec::Vec;

use super::*;
use crate::key::role::PinEncryption;

/// A job of either kind; the PIN is that of the case.
struct ZoneCase {
    case: PinCase,
    key: Key<PinEncryption, Tdea>,
    zone: bool,
}

impl ZoneCase {
    fn random(random: &mut Random) -> Self {
        let mut case = PinCase::random(random);
        let key: Key<PinEncryption, Tdea> = random.key();
        let zone = random.one_in(2);
        // What the block says under its own key it says under this one.
        let usable = matches!(key.len(), 16 | 24);
        if zone
            && usable
            && let Ok(own) = case.pin_key()
        {
            let tdea =
                |key: &Key<PinEncryption, Tdea>| crate::cipher::tdes::Tdes::new(key.material().unwrap()).unwrap();
            case.block = tdea(&key).encrypt(tdea(&own).decrypt(case.block));
        }
        Self { case, key, zone }
    }

    fn load(&self, lane: &mut PinLane) -> Outcome {
        let case = &self.case;
        if self.zone {
            lane.open_zone(self.key.material()?, case.format, case.pan.as_ref(), &case.block)
        } else {
            case.job().load(lane)
        }
    }

    fn decipher(&self, pin: &mut Pin) -> Outcome {
        if self.zone {
            let case = &self.case;
            self.key.material()?;
            if self.key.len() == 8 {
                return Err(Error::InvalidKeyLength);
            }
            block::decipher_tdea(&self.key, case.format, &case.block, case.pan.as_ref(), pin)
        } else {
            self.case.decipher(pin)
        }
    }
}

struct Source<'a>(&'a [ZoneCase], Vec<Pin>, Vec<Outcome>);

impl PinSource for Source<'_> {
    fn load(&mut self, job: usize, lane: &mut PinLane) -> Outcome {
        self.0[job].load(lane)
    }
    fn store(&mut self, job: usize, outcome: Result<Opened<'_>, Error>) {
        self.2[job] = outcome.and_then(|opened| {
            self.1[job].unpack(*opened.value);
            ct::verdict(opened.ok)
        });
    }
}

fn zones(jobs: usize, seed: u64, plans: &[Plan]) {
    let mut random = Random(seed);
    let cases: Vec<_> = (0..jobs).map(|_| ZoneCase::random(&mut random)).collect();
    let mut right: Vec<_> = (0..jobs).map(|_| Pin::empty()).collect();
    let expected: Vec<_> = cases
        .iter()
        .zip(&mut right)
        .map(|(case, pin)| case.decipher(pin))
        .collect();
    for plan in plans {
        let pins = (0..jobs).map(|_| Pin::empty()).collect();
        let mut source = Source(&cases, pins, std::vec![Err(Error::Internal); jobs]);
        run_pins(*plan, jobs, Tail::Open, &mut source);
        for job in 0..jobs {
            assert_eq!(source.2[job], expected[job], "{plan:?}, job {job}");
            assert_eq!(source.1[job].parts(), right[job].parts(), "{plan:?}, job {job}");
        }
    }
    let good = cases
        .iter()
        .zip(&expected)
        .filter(|(case, outcome)| case.zone && outcome.is_ok());
    assert!(good.count() * 10 > jobs);
}

#[test]
fn blocks_under_zone_keys() {
    zones(600, 5, &plans());
}

#[test]
#[ignore = "a million jobs: for a release build"]
fn a_million_zone_blocks() {
    for seed in 0..100 {
        zones(10_000, 5000 + seed, &plans());
    }
}
