// SPDX-License-Identifier: MIT OR Apache-2.0
//! Batches against OpenSSL's low-level functions one at a time, and what a job costs in batches of 1 to 4,096.

use std::hint::black_box;

use payhsm::batch::{Answer, ArqcJob, Engine, PinJob, Plan, decipher_pins, verify_arqcs};
use payhsm::cipher::bitslice::core_work;
use payhsm::dukpt::tdes::Ksn;
use payhsm::emv::derive::Psn;
use payhsm::emv::profile::VISA_CVN18;
use payhsm::error::Error;
use payhsm::key::role::Bdk;
use payhsm::key::{Key, Tdea};
use payhsm::pin::block::Format;
use payhsm::pin::{Pan, Pin};
use payhsm_peers::cipher::{LowDes, LowTdea, Tdea as _};
use payhsm_peers::contest::{Settings, contest, nanoseconds, runner};
use payhsm_peers::scheme;

use crate::{BDK, KSN, LOW, PAN, PAN_FIELD, PAYHSM, PIN_FIELD, Y};

#[path = "../../benches/common/message.rs"]
mod message;

/// Jobs of a comparison: whole groups of every engine.
const JOBS: usize = 1024;

fn engines() -> impl Iterator<Item = Engine> {
    [Engine::Words, Engine::Avx2, Engine::Avx512]
        .into_iter()
        .filter(|engine| engine.is_available())
}

fn pin_block() -> [u8; 8] {
    let key = scheme::dukpt_tdes_pin_key::<LowDes, LowTdea>(&BDK, &KSN);
    LowTdea::new(&key).encrypt(core::array::from_fn(|i| PIN_FIELD[i] ^ PAN_FIELD[i]))
}

/// A thousand jobs: the ratio is that of a job.
pub fn batch(settings: &mut Settings) {
    let rounds = settings.rounds;
    settings.rounds = (rounds / 4).max(3);
    let pan = Pan::parse(PAN).unwrap();
    let bdk = Key::<Bdk, Tdea>::from_bytes(&BDK).unwrap();
    let block = pin_block();
    let job = PinJob {
        bdk: &bdk,
        ksn: Ksn::parse(&KSN).unwrap(),
        format: Format::Iso0,
        pan: Some(&pan),
        block,
    };
    let jobs = vec![job; JOBS];
    let mut pins: Vec<Pin> = (0..JOBS).map(|_| Pin::empty()).collect();
    let mut outcomes = vec![Ok(()); JOBS];
    let imk: [u8; 16] = BDK;
    let visa = message::request(&VISA_CVN18, &imk, &message::VISA_IAD);
    let arqc = ArqcJob {
        profile: &VISA_CVN18,
        imk: &visa.imk,
        pan: &visa.pan,
        psn: Psn::ABSENT,
        field55: &visa.field55,
        answer: Answer::None,
    };
    let arqcs = vec![arqc; JOBS];
    let mut answers: Vec<_> = (0..JOBS).map(|_| Err(Error::Internal)).collect();
    for engine in engines() {
        let plan = Plan::of(engine);
        settings.engine = format!("{engine}");
        decipher_pins(plan, &jobs, &mut pins, &mut outcomes).unwrap();
        assert!(outcomes.iter().all(Result::is_ok));
        contest(
            settings,
            "1024 jobs of TDEA DUKPT, PIN deciphered from BDK and KSN",
            vec![
                (
                    PAYHSM,
                    runner(|| decipher_pins(plan, black_box(&jobs), &mut pins, &mut outcomes)),
                ),
                (
                    LOW,
                    runner(|| {
                        for job in black_box(&jobs) {
                            black_box(scheme::dukpt_tdes_pin::<LowDes, LowTdea>(
                                &BDK, &KSN, job.block, PAN_FIELD,
                            ));
                        }
                    }),
                ),
            ],
        );
        verify_arqcs(plan, &arqcs, &mut |_, _| Ok(()), &mut answers).unwrap();
        assert!(answers.iter().all(Result::is_ok));
        // CVN 18: 40 bytes and padding, six blocks.
        let data = [0x42; 48];
        contest(
            settings,
            "1024 jobs of ARQC verified with both derivations, 20 DES",
            vec![
                (
                    PAYHSM,
                    runner(|| verify_arqcs(plan, black_box(&arqcs), &mut |_, _| Ok(()), &mut answers)),
                ),
                (
                    LOW,
                    runner(|| {
                        for _ in 0..JOBS {
                            black_box(scheme::arqc::<LowDes, LowTdea>(black_box(&BDK), Y, [0, 1], &data));
                        }
                    }),
                ),
            ],
        );
    }
    settings.engine = String::new();
    settings.rounds = rounds;
}

/// Cost of a job against the size of the batch, with each engine and with the plan of each.
pub fn growth(settings: &Settings) {
    let pan = Pan::parse(PAN).unwrap();
    let bdk = Key::<Bdk, Tdea>::from_bytes(&BDK).unwrap();
    let job = PinJob {
        bdk: &bdk,
        ksn: Ksn::parse(&KSN).unwrap(),
        format: Format::Iso0,
        pan: Some(&pan),
        block: pin_block(),
    };
    for engine in engines() {
        for n in [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 4096] {
            let jobs = vec![job; n];
            let mut pins: Vec<Pin> = (0..n).map(|_| Pin::empty()).collect();
            let mut outcomes = vec![Ok(()); n];
            let (median, least) = nanoseconds(
                (settings.rounds / 4).max(3),
                runner(|| decipher_pins(Plan::of(engine), black_box(&jobs), &mut pins, &mut outcomes)),
            );
            println!(
                "PIN of TDEA DUKPT, a job ({engine})\tjobs\t{n}\t{:.3}\t{:.3}",
                median / n as f64,
                least / n as f64
            );
        }
    }
}

/// DES a second of the sliced rounds alone, in millions, as password crackers measure theirs.
pub fn core(settings: &Settings) {
    for engine in engines() {
        let (number, _) = core_work(engine, 25);
        let (median, least) = nanoseconds(settings.rounds, runner(|| core_work(engine, black_box(25))));
        let rate = |ns: f64| number as f64 / ns * 1e3;
        println!("payhsm ({engine})\t{:.1}\t{:.1}", rate(median), rate(least));
    }
}
