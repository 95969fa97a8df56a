// SPDX-License-Identifier: MIT OR Apache-2.0
//! Batches against OpenSSL's low-level functions one at a time, and what a job costs in batches of 1 to 4,096.

use std::hint::black_box;

use payhsm::batch::{
    Answer, ArqcJob, ArqcMessage, CvvJob, Engine, MacJob, PinJob, Plan, ReadArqcJob, decipher_pins, verify_arqcs,
    verify_cvvs, verify_macs, verify_read_arqcs,
};
use payhsm::card::CardValue;
use payhsm::card::cvv::{Expiry, Kind};
use payhsm::cipher::bitslice::core_work;
use payhsm::cipher::tdes;
use payhsm::dukpt::tdes::Ksn;
use payhsm::emv::derive::Psn;
use payhsm::emv::profile::VISA_CVN18;
use payhsm::error::Error;
use payhsm::key::mac::Padding;
use payhsm::key::role::Bdk;
use payhsm::key::{Key, Tdea};
use payhsm::pin::block::Format;
use payhsm::pin::{Pan, Pin};
use payhsm_peers::cipher::{LowDes, LowTdea, Tdea as _};
use payhsm_peers::contest::{Settings, contest_of, nanoseconds, rounds, runner};
use payhsm_peers::scheme;

use crate::{BDK, KSN, LOW, PAN, PAN_FIELD, PAYHSM, PIN_FIELD, Y};

#[path = "../../benches/common/message.rs"]
mod message;

/// Jobs of a comparison: whole groups of every engine.
const JOBS: usize = 1024;

/// How often a thread does 4,096 jobs: long beside the start of a thread.
const REPEATS: usize = 16;

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
    let whole = settings.rounds;
    settings.rounds = (whole / 4).max(3);
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
    let message = ArqcMessage::read(&VISA_CVN18, &visa.pan, Psn::ABSENT, &visa.field55).unwrap();
    let read = ReadArqcJob {
        imk: &visa.imk,
        message: &message,
        answer: Answer::None,
    };
    let read = vec![read; JOBS];
    let mut answers: Vec<_> = (0..JOBS).map(|_| Err(Error::Internal)).collect();
    let text = [0x42; 64];
    let tag = scheme::dukpt_tdes_mac::<LowDes, LowTdea>(&BDK, &KSN, &text);
    let mac = MacJob {
        bdk: &bdk,
        ksn: Ksn::parse(&KSN).unwrap(),
        padding: Padding::Method1,
        data: &text,
        tag: &tag,
    };
    let macs = vec![mac; JOBS];
    let cvk = Key::from_bytes(&BDK).unwrap();
    let card_text = [
        [0x47, 0x61, 0x73, 0x90, 0x01, 0x01, 0x00, 0x10],
        [0x27, 0x12, 0x99, 0x90, 0, 0, 0, 0],
    ];
    let value = scheme::cvv::<LowDes, LowTdea>(&BDK, card_text).map(|digit| b'0' + digit);
    let value = CardValue::parse(&value).unwrap();
    let cvv = CvvJob {
        cvk: &cvk,
        kind: Kind::Chip,
        pan: &pan,
        expiry: Expiry::yymm(b"2712").unwrap(),
        value: &value,
    };
    let cvvs = vec![cvv; JOBS];
    // CVN 18: 40 bytes and padding, six blocks. The peer begins with blocks and the 16 digits of the card.
    let data = [0x42; 48];
    let peer = || runner(|| scheme::arqc::<LowDes, LowTdea>(black_box(&BDK), Y, [0, 1], &data));
    for engine in engines() {
        let plan = Plan::of(engine);
        settings.engine = format!("{engine}");
        decipher_pins(plan, &jobs, &mut pins, &mut outcomes).unwrap();
        assert!(outcomes.iter().all(Result::is_ok));
        contest_of(
            settings,
            "a job of 1024: TDEA DUKPT, PIN deciphered from BDK and KSN",
            JOBS as u32,
            vec![
                (
                    PAYHSM,
                    runner(|| decipher_pins(plan, black_box(&jobs), &mut pins, &mut outcomes)),
                ),
                (
                    LOW,
                    runner(|| scheme::dukpt_tdes_pin::<LowDes, LowTdea>(black_box(&BDK), &KSN, block, PAN_FIELD)),
                ),
            ],
        );
        verify_read_arqcs(plan, &read, &mut |_, _| Ok(()), &mut answers).unwrap();
        assert!(answers.iter().all(Result::is_ok));
        contest_of(
            settings,
            "a job of 1024: ARQC verified with both derivations, 20 DES",
            JOBS as u32,
            vec![
                (
                    PAYHSM,
                    runner(|| verify_read_arqcs(plan, black_box(&read), &mut |_, _| Ok(()), &mut answers)),
                ),
                (LOW, peer()),
            ],
        );
        verify_arqcs(plan, &arqcs, &mut |_, _| Ok(()), &mut answers).unwrap();
        assert!(answers.iter().all(Result::is_ok));
        contest_of(
            settings,
            "a job of 1024: ARQC, by payhsm with reading field 55 and hashing 19 digits of PAN",
            JOBS as u32,
            vec![
                (
                    PAYHSM,
                    runner(|| verify_arqcs(plan, black_box(&arqcs), &mut |_, _| Ok(()), &mut answers)),
                ),
                (LOW, peer()),
            ],
        );
        verify_macs(plan, &macs, &mut outcomes).unwrap();
        assert!(outcomes.iter().all(Result::is_ok));
        contest_of(
            settings,
            "a job of 1024: TDEA DUKPT, retail MAC of 64 bytes verified from BDK and KSN",
            JOBS as u32,
            vec![
                (PAYHSM, runner(|| verify_macs(plan, black_box(&macs), &mut outcomes))),
                (
                    LOW,
                    runner(|| scheme::dukpt_tdes_mac::<LowDes, LowTdea>(black_box(&BDK), &KSN, &text)),
                ),
            ],
        );
        verify_cvvs(plan, &cvvs, &mut outcomes).unwrap();
        assert!(outcomes.iter().all(Result::is_ok));
        contest_of(
            settings,
            "a job of 1024: CVV verified, 4 DES",
            JOBS as u32,
            vec![
                (PAYHSM, runner(|| verify_cvvs(plan, black_box(&cvvs), &mut outcomes))),
                (
                    LOW,
                    runner(|| scheme::cvv::<LowDes, LowTdea>(black_box(&BDK), card_text)),
                ),
            ],
        );
    }
    settings.engine = String::new();
    settings.rounds = whole;
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

/// From how many jobs on a group is faster than the same jobs one by one, by engine and operation: what
/// [`Engine::crossover`] says.
pub fn crossovers(settings: &Settings) {
    let pan = Pan::parse(PAN).unwrap();
    let bdk = Key::<Bdk, Tdea>::from_bytes(&BDK).unwrap();
    let ksn = Ksn::parse(&KSN).unwrap();
    let pin = PinJob {
        bdk: &bdk,
        ksn,
        format: Format::Iso0,
        pan: Some(&pan),
        block: pin_block(),
    };
    let mac = MacJob {
        bdk: &bdk,
        ksn,
        padding: Padding::Method1,
        data: &[0x42; 64],
        tag: &[7; 8],
    };
    let visa = message::request(&VISA_CVN18, &BDK, &message::VISA_IAD);
    let message = ArqcMessage::read(&VISA_CVN18, &visa.pan, Psn::ABSENT, &visa.field55).unwrap();
    let read = ReadArqcJob {
        imk: &visa.imk,
        message: &message,
        answer: Answer::None,
    };
    let (cvk, value) = (Key::from_bytes(&BDK).unwrap(), CardValue::parse(b"123").unwrap());
    let cvv = CvvJob {
        cvk: &cvk,
        kind: Kind::Chip,
        pan: &pan,
        expiry: Expiry::yymm(b"2712").unwrap(),
        value: &value,
    };
    const MOST: usize = 48;
    let (pins, macs, reads, cvvs) = (vec![pin; MOST], vec![mac; MOST], vec![read; MOST], vec![cvv; MOST]);
    println!("operation\tengine\tfrom so many jobs\tconstant");
    for engine in engines() {
        // Words are the best engine where single blocks have none but the portable one.
        let single = match engine {
            Engine::Words => tdes::Engine::Portable,
            _ => *tdes::Engine::ALL.iter().rfind(|engine| engine.is_available()).unwrap(),
        };
        single.force().expect("it is available");
        let found = |what: &str, run: &dyn Fn(Plan, usize)| {
            let faster = (1..=MOST).find(|&n| {
                let plan = |most| Plan::of(engine).crossover(most);
                let took = rounds(
                    &mut [
                        ("sliced", runner(|| run(plan(0), n))),
                        ("single", runner(|| run(plan(usize::MAX), n))),
                    ],
                    (settings.rounds / 8).max(5),
                );
                let mut ratios: Vec<f64> = took[0].iter().zip(&took[1]).map(|(one, other)| one / other).collect();
                ratios.sort_by(f64::total_cmp);
                ratios[ratios.len() / 2] <= 1.0
            });
            let faster = faster.map_or_else(|| format!("over {MOST}"), |n| n.to_string());
            println!("{what}\t{engine}\t{faster}\t{}", engine.crossover());
        };
        found("PIN deciphered", &|plan, n| {
            let mut out = [const { Pin::empty() }; MOST];
            decipher_pins(plan, &pins[..n], &mut out[..n], &mut [Ok(()); MOST][..n]).unwrap();
        });
        found("ARQC verified, read before", &|plan, n| {
            let mut out = [const { Err(Error::Internal) }; MOST];
            verify_read_arqcs(plan, &reads[..n], &mut |_, _| Ok(()), &mut out[..n]).unwrap();
        });
        found("MAC of 64 bytes verified", &|plan, n| {
            verify_macs(plan, &macs[..n], &mut [Ok(()); MOST][..n]).unwrap();
        });
        found("CVV verified", &|plan, n| {
            verify_cvvs(plan, &cvvs[..n], &mut [Ok(()); MOST][..n]).unwrap()
        });
    }
}

/// The same work by one thread and by each of two, one after the other in turn.
pub fn threads(settings: &Settings) {
    let pan = Pan::parse(PAN).unwrap();
    let bdk = Key::<Bdk, Tdea>::from_bytes(&BDK).unwrap();
    let job = PinJob {
        bdk: &bdk,
        ksn: Ksn::parse(&KSN).unwrap(),
        format: Format::Iso0,
        pan: Some(&pan),
        block: pin_block(),
    };
    let jobs = vec![job; 4096];
    let seconds = |threads: usize| {
        let start = std::time::Instant::now();
        std::thread::scope(|scope| {
            for _ in 0..threads {
                scope.spawn(|| {
                    let mut pins: Vec<Pin> = jobs.iter().map(|_| Pin::empty()).collect();
                    let mut outcomes = vec![Ok(()); jobs.len()];
                    for _ in 0..REPEATS {
                        decipher_pins(Plan::best(), black_box(&jobs), &mut pins, &mut outcomes).unwrap();
                    }
                });
            }
        });
        start.elapsed().as_secs_f64()
    };
    seconds(2);
    let times = (settings.rounds / 4).max(5);
    let (mut one, mut ratios) = (Vec::new(), Vec::new());
    for _ in 0..times {
        let (single, both) = (seconds(1), seconds(2));
        one.push(single);
        ratios.push(2.0 * single / both);
    }
    one.sort_by(f64::total_cmp);
    ratios.sort_by(f64::total_cmp);
    let rate = (jobs.len() * REPEATS) as f64 / one[times / 2];
    println!("what\tvalue");
    println!("one thread, jobs a second\t{rate:.0}");
    println!("two threads to one\t{:.3}", ratios[times / 2]);
    println!("two threads to one, least\t{:.3}", ratios[0]);
    println!("two threads to one, most\t{:.3}", ratios[times - 1]);
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
