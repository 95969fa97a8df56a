// SPDX-License-Identifier: MIT OR Apache-2.0
//! Batches: time of a job against the number of jobs, by engine; the rate of DES alone; two threads.

use core::hint::black_box;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use payhsm::batch::{
    AesEngine, AesMacJob, AesPinJob, AesPvvJob, AesTranslateJob, Answer, ArqcJob, ArqcMessage, CvvJob, Engine, MacJob,
    Outcome, PinJob, Plan, PvvJob, ReadArqcJob, TranslateJob, decipher_aes_pins, decipher_pins, translate_aes_pins,
    translate_pins, verify_aes_macs, verify_aes_pvvs, verify_arqcs, verify_cvvs, verify_macs, verify_pvvs,
    verify_read_arqcs,
};
use payhsm::card::CardValue;
use payhsm::card::cvv::{Expiry, Kind};
use payhsm::cipher::bitslice::core_work;
use payhsm::dukpt::aes::{KeyType, Ksn as AesKsn};
use payhsm::dukpt::tdes::Ksn;
use payhsm::emv::derive::Psn;
use payhsm::emv::profile::VISA_CVN18;
use payhsm::entropy::Entropy;
use payhsm::error::Error;
use payhsm::key::Key;
use payhsm::key::mac::Padding;
use payhsm::pin::block::{Format, PinKey};
use payhsm::pin::pvv::Pvv;
use payhsm::pin::{Pan, Pin};

#[path = "common/message.rs"]
mod message;

const JOBS: [usize; 5] = [1, 8, 64, 512, 4096];

/// Numbers of jobs between which the crossover lies.
const SMALL: [usize; 8] = [2, 4, 6, 8, 12, 16, 24, 32];

struct Counter(u8);

impl Entropy for Counter {
    fn fill(&mut self, out: &mut [u8]) -> Result<(), Error> {
        for byte in out {
            self.0 = self.0.wrapping_mul(5).wrapping_add(7);
            *byte = self.0;
        }
        Ok(())
    }
}

/// The engines of this processor, each from one job on, and the code of single blocks.
fn plans() -> Vec<(String, Plan)> {
    let engines = [Engine::Words, Engine::Avx2, Engine::Avx512];
    let mut plans: Vec<_> = engines
        .into_iter()
        .filter(|engine| engine.is_available())
        .map(|engine| (engine.to_string(), Plan::of(engine).crossover(0)))
        .collect();
    plans.push(("one by one".to_owned(), Plan::best().crossover(usize::MAX)));
    plans.push(("best".to_owned(), Plan::best()));
    plans
}

fn pins(c: &mut Criterion) {
    let bdk = Key::from_bytes(b"0123456789abcdef").unwrap();
    let (pvk, out) = (
        Key::from_bytes(b"ABCDEFGHIJKLMNOP").unwrap(),
        Key::from_bytes(b"QRSTUVWXYZabcdef").unwrap(),
    );
    let (pan, pvv) = (Pan::parse(b"4012345678909876").unwrap(), Pvv::parse(b"1234").unwrap());
    // The worst case of single operations: ten one bits.
    let ksn = Ksn::parse(&[0xFF, 0xFF, 0x98, 0x76, 0x54, 0x32, 0x10, 0xFF, 0xF8, 0x00]).unwrap();
    assert_eq!(ksn.counter().count_ones(), 10);
    let job = |n: usize| PinJob {
        bdk: &bdk,
        ksn,
        format: Format::Iso0,
        pan: Some(&pan),
        block: (n as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15).to_be_bytes(),
    };
    let most = 4096;
    let jobs: Vec<_> = (0..most).map(job).collect();
    let checks: Vec<_> = (0..most)
        .map(|n| PvvJob {
            pin: job(n),
            pvk: &pvk,
            pvki: 1,
            pan: &pan,
            pvv: &pvv,
        })
        .collect();
    let translations: Vec<_> = (0..most)
        .map(|n| TranslateJob {
            pin: job(n),
            key: &out,
            format: Format::Iso0,
        })
        .collect();
    let mut pins: Vec<_> = (0..most).map(|_| Pin::empty()).collect();
    let mut blocks = vec![[0; 8]; most];
    let mut outcomes: Vec<Outcome> = vec![Ok(()); most];
    let mut group = c.benchmark_group("batch/PIN decipher");
    for (name, plan) in plans() {
        let numbers = if name == "best" { &JOBS[..] } else { &[1, 64, 4096][..] };
        for &n in numbers.iter().chain(&SMALL) {
            group.throughput(Throughput::Elements(n as u64));
            group.bench_function(BenchmarkId::new(&name, n), |b| {
                b.iter(|| decipher_pins(plan, black_box(&jobs[..n]), &mut pins[..n], &mut outcomes[..n]));
            });
        }
    }
    group.finish();
    let mut group = c.benchmark_group("batch/PIN verify, PVV");
    for n in JOBS {
        group.throughput(Throughput::Elements(n as u64));
        group.bench_function(BenchmarkId::new("best", n), |b| {
            b.iter(|| verify_pvvs(Plan::best(), black_box(&checks[..n]), &mut outcomes[..n]));
        });
    }
    group.finish();
    let mut group = c.benchmark_group("batch/PIN translate");
    for n in JOBS {
        group.throughput(Throughput::Elements(n as u64));
        group.bench_function(BenchmarkId::new("best", n), |b| {
            let jobs = black_box(&translations[..n]);
            b.iter(|| {
                translate_pins(
                    Plan::best(),
                    jobs,
                    &mut Counter(1),
                    &mut blocks[..n],
                    &mut outcomes[..n],
                )
            });
        });
    }
    group.finish();
}

fn cryptograms(c: &mut Criterion) {
    let request = message::request(&VISA_CVN18, b"0123456789ABCDEF", &message::VISA_IAD);
    let jobs: Vec<_> = (0..4096)
        .map(|_| ArqcJob {
            profile: &VISA_CVN18,
            imk: &request.imk,
            pan: &request.pan,
            psn: Psn::ABSENT,
            field55: &request.field55,
            answer: Answer::None,
        })
        .collect();
    let answered: Vec<_> = jobs
        .iter()
        .map(|job| ArqcJob {
            answer: Answer::Method2 {
                csu: [0; 4],
                proprietary: &[],
            },
            ..*job
        })
        .collect();
    let mut outcomes: Vec<_> = (0..4096).map(|_| Err(Error::Internal)).collect();
    for (what, jobs) in [("ARQC verify", &jobs), ("ARQC verify and ARPC", &answered)] {
        let mut group = c.benchmark_group(format!("batch/{what}"));
        for (name, plan) in plans() {
            for n in JOBS {
                group.throughput(Throughput::Elements(n as u64));
                group.bench_function(BenchmarkId::new(&name, n), |b| {
                    let judge = &mut |_, _| Ok(());
                    b.iter(|| verify_arqcs(plan, black_box(&jobs[..n]), judge, &mut outcomes[..n]));
                });
            }
        }
        group.finish();
    }
}

/// Cryptograms of messages that were read before.
fn read_before(c: &mut Criterion) {
    let request = message::request(&VISA_CVN18, b"0123456789ABCDEF", &message::VISA_IAD);
    let message = ArqcMessage::read(&VISA_CVN18, &request.pan, Psn::ABSENT, &request.field55).unwrap();
    let job = ReadArqcJob {
        imk: &request.imk,
        message: &message,
        answer: Answer::None,
    };
    let jobs = vec![job; 4096];
    let mut outcomes: Vec<_> = (0..4096).map(|_| Err(Error::Internal)).collect();
    let mut group = c.benchmark_group("batch/ARQC verify, read before");
    for (name, plan) in plans() {
        for n in JOBS.iter().chain(&SMALL) {
            group.throughput(Throughput::Elements(*n as u64));
            group.bench_function(BenchmarkId::new(&name, n), |b| {
                let judge = &mut |_, _| Ok(());
                b.iter(|| verify_read_arqcs(plan, black_box(&jobs[..*n]), judge, &mut outcomes[..*n]));
            });
        }
    }
    group.finish();
}

fn macs(c: &mut Criterion) {
    let bdk = Key::from_bytes(b"0123456789abcdef").unwrap();
    let ksn = Ksn::parse(&[0xFF, 0xFF, 0x98, 0x76, 0x54, 0x32, 0x10, 0xFF, 0xF8, 0x00]).unwrap();
    let data = [0x42; 4096];
    let mut outcomes: Vec<Outcome> = vec![Ok(()); 4096];
    for len in [16, 64, 256, 1024] {
        let job = MacJob {
            bdk: &bdk,
            ksn,
            padding: Padding::Method1,
            data: &data[..len],
            tag: &[7; 8],
        };
        let jobs = vec![job; 4096];
        let mut group = c.benchmark_group(format!("batch/MAC verify, {len} bytes"));
        for (name, plan) in plans() {
            for n in JOBS.iter().chain(&SMALL) {
                group.throughput(Throughput::Elements(*n as u64));
                group.bench_function(BenchmarkId::new(&name, n), |b| {
                    b.iter(|| verify_macs(plan, black_box(&jobs[..*n]), &mut outcomes[..*n]));
                });
            }
        }
        group.finish();
    }
}

fn values(c: &mut Criterion) {
    let (cvk, value) = (
        Key::from_bytes(b"0123456789abcdef").unwrap(),
        CardValue::parse(b"123").unwrap(),
    );
    let pan = Pan::parse(b"4012345678909876").unwrap();
    let job = CvvJob {
        cvk: &cvk,
        kind: Kind::Chip,
        pan: &pan,
        expiry: Expiry::yymm(b"2712").unwrap(),
        value: &value,
    };
    let jobs = vec![job; 4096];
    let mut outcomes: Vec<Outcome> = vec![Ok(()); 4096];
    let mut group = c.benchmark_group("batch/CVV verify");
    for (name, plan) in plans() {
        for n in JOBS.iter().chain(&SMALL) {
            group.throughput(Throughput::Elements(*n as u64));
            group.bench_function(BenchmarkId::new(&name, n), |b| {
                b.iter(|| verify_cvvs(plan, black_box(&jobs[..*n]), &mut outcomes[..*n]));
            });
        }
    }
    group.finish();
}

/// DES alone: keys scheduled once, blocks in planes.
fn rounds(c: &mut Criterion) {
    let mut group = c.benchmark_group("batch/DES core");
    for engine in [Engine::Words, Engine::Avx2, Engine::Avx512] {
        if engine.is_available() {
            group.throughput(Throughput::Elements(100 * engine.lanes() as u64));
            group.bench_function(engine.to_string(), |b| b.iter(|| core_work(engine, black_box(100))));
        }
    }
    group.finish();
}

/// The same work by one thread and by each of two.
fn threads(c: &mut Criterion) {
    let mut group = c.benchmark_group("batch/threads");
    let work = || {
        let bdk = Key::from_bytes(b"0123456789abcdef").unwrap();
        let pan = Pan::parse(b"4012345678909876").unwrap();
        let ksn = Ksn::parse(&[0xFF, 0xFF, 0x98, 0x76, 0x54, 0x32, 0x10, 0xFF, 0xF8, 0x00]).unwrap();
        let job = PinJob {
            bdk: &bdk,
            ksn,
            format: Format::Iso0,
            pan: Some(&pan),
            block: [7; 8],
        };
        let jobs = vec![job; 4096];
        let mut pins: Vec<_> = (0..4096).map(|_| Pin::empty()).collect();
        let mut outcomes = vec![Ok(()); 4096];
        for _ in 0..8 {
            decipher_pins(Plan::best(), &jobs, &mut pins, &mut outcomes).unwrap();
        }
    };
    for threads in [1, 2] {
        group.throughput(Throughput::Elements(threads * 8 * 4096));
        group.bench_function(BenchmarkId::from_parameter(threads), |b| {
            b.iter(|| {
                std::thread::scope(|scope| {
                    for _ in 0..threads {
                        scope.spawn(work);
                    }
                });
            });
        });
    }
    group.finish();
}

/// AES-128 DUKPT with sixteen one bits, the most there are.
fn aes(c: &mut Criterion) {
    let bdk = Key::from_bytes(b"0123456789abcdef").unwrap();
    let (pvk, out) = (
        Key::from_bytes(b"ABCDEFGHIJKLMNOP").unwrap(),
        Key::from_bytes(b"QRSTUVWXYZabcdef").unwrap(),
    );
    let (pan, pvv) = (Pan::parse(b"4012345678909876").unwrap(), Pvv::parse(b"1234").unwrap());
    let ksn = AesKsn::parse(&[0x12, 0x34, 0x56, 0x78, 0x90, 0x12, 0x34, 0x56, 0xFF, 0xFF, 0, 0]).unwrap();
    let most = 4096;
    let jobs: Vec<_> = (0..most)
        .map(|n| AesPinJob {
            bdk: &bdk,
            ksn,
            key_type: KeyType::Aes128,
            pan: &pan,
            block: (n as u128)
                .wrapping_mul(0x9E37_79B9_7F4A_7C15_F39C_C060_5CED_C835)
                .to_be_bytes(),
        })
        .collect();
    let checks: Vec<_> = jobs
        .iter()
        .map(|&pin| AesPvvJob {
            pin,
            pvk: &pvk,
            pvki: 1,
            pan: &pan,
            pvv: &pvv,
        })
        .collect();
    let key = PinKey::Aes(&out);
    let translations: Vec<_> = jobs.iter().map(|&pin| AesTranslateJob { pin, key }).collect();
    let data = [0x42; 64];
    let mac = AesMacJob {
        bdk: &bdk,
        ksn,
        key_type: KeyType::Aes128,
        data: &data,
        tag: &[7; 16],
    };
    let macs = vec![mac; most];
    let mut pins: Vec<_> = (0..most).map(|_| Pin::empty()).collect();
    let mut blocks = vec![[0; 16]; most];
    let mut outcomes: Vec<Outcome> = vec![Ok(()); most];
    let mut group = c.benchmark_group("batch/AES PIN decipher");
    for engine in AesEngine::ALL.iter().copied().filter(|engine| engine.is_available()) {
        let plan = Plan::of(Engine::best()).aes(engine).aes_from(0);
        for n in JOBS {
            group.throughput(Throughput::Elements(n as u64));
            group.bench_function(BenchmarkId::new(engine.to_string(), n), |b| {
                b.iter(|| decipher_aes_pins(plan, black_box(&jobs[..n]), &mut pins[..n], &mut outcomes[..n]));
            });
        }
    }
    group.finish();
    let plan = Plan::best();
    for n in JOBS {
        let mut group = c.benchmark_group("batch/AES");
        group.throughput(Throughput::Elements(n as u64));
        group.bench_function(BenchmarkId::new("PIN verify, PVV", n), |b| {
            b.iter(|| verify_aes_pvvs(plan, black_box(&checks[..n]), &mut outcomes[..n]));
        });
        group.bench_function(BenchmarkId::new("PIN translate", n), |b| {
            let jobs = black_box(&translations[..n]);
            b.iter(|| translate_aes_pins(plan, jobs, &mut Counter(1), &mut blocks[..n], &mut outcomes[..n]));
        });
        group.bench_function(BenchmarkId::new("CMAC verify, 64 bytes", n), |b| {
            b.iter(|| verify_aes_macs(plan, black_box(&macs[..n]), &mut outcomes[..n]));
        });
        group.finish();
    }
}

criterion_group!(
    benches,
    rounds,
    pins,
    aes,
    cryptograms,
    read_before,
    macs,
    values,
    threads
);
criterion_main!(benches);
