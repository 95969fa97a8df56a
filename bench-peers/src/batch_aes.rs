// SPDX-License-Identifier: MIT OR Apache-2.0
//! Batches of AES jobs against mbedTLS and OpenSSL's EVP one at a time, and from how many jobs on they pay.

use std::hint::black_box;

use payhsm::batch::{
    AesEngine, AesMacJob, AesPinJob, AesPvvJob, AesTranslateJob, Engine, KeyBlockJob, Plan, decipher_aes_pins,
    translate_aes_pins, verify_aes_macs, verify_aes_pvvs, verify_key_blocks,
};
use payhsm::dukpt::aes::{InitialKeyId, KeyType};
use payhsm::entropy::Entropy;
use payhsm::error::Error;
use payhsm::key::role::{Bdk, Kbpk, PinEncryption};
use payhsm::key::usage::{Attributes, Exportability, KeyAlgorithm, ModeOfUse, Usage};
use payhsm::key::{Aes, Key};
use payhsm::keyblock::header::Version;
use payhsm::keyblock::wrap::Template;
use payhsm::keyblock::{KbpkRef, Payload, Profile};
use payhsm::pin::block::PinKey;
use payhsm::pin::pvv::Pvv;
use payhsm::pin::{Pan, Pin};
use payhsm_peers::cipher::{Aes as _, EvpAes, MbedTlsAes, evp_cmac, mbedtls_cmac};
use payhsm_peers::contest::{Runner, Settings, contest_of, nanoseconds, rounds, runner};
use payhsm_peers::scheme;

use crate::{AES_COUNTER, AES_ID, AES_PAN_FIELD, AES_PIN_FIELD, BDK, EVP, MBEDTLS, PAN, PAYHSM};

/// Jobs of a comparison.
const JOBS: usize = 1024;

fn engines() -> impl Iterator<Item = AesEngine> {
    AesEngine::ALL.iter().copied().filter(|engine| engine.is_available())
}

struct Fixed(u8);

impl Entropy for Fixed {
    fn fill(&mut self, out: &mut [u8]) -> Result<(), Error> {
        for byte in out {
            self.0 = self.0.wrapping_mul(5).wrapping_add(7);
            *byte = self.0;
        }
        Ok(())
    }
}

fn block() -> [u8; 16] {
    let cipher = EvpAes::new(&scheme::dukpt_aes_pin_key::<EvpAes>(&BDK, AES_ID, AES_COUNTER));
    let first = cipher.encrypt(AES_PIN_FIELD);
    cipher.encrypt(core::array::from_fn(|i| first[i] ^ AES_PAN_FIELD[i]))
}

fn pin<'a>(bdk: &'a Key<Bdk, Aes>, pan: &'a Pan) -> AesPinJob<'a> {
    AesPinJob {
        bdk,
        ksn: InitialKeyId::parse(&AES_ID).unwrap().ksn(AES_COUNTER).unwrap(),
        key_type: KeyType::Aes128,
        pan,
        block: block(),
    }
}

fn mac<'a>(bdk: &'a Key<Bdk, Aes>, data: &'a [u8], tag: &'a [u8]) -> AesMacJob<'a> {
    AesMacJob {
        bdk,
        ksn: InitialKeyId::parse(&AES_ID).unwrap().ksn(AES_COUNTER).unwrap(),
        key_type: KeyType::Aes128,
        data,
        tag,
    }
}

/// A thousand jobs: the ratio is that of a job.
pub fn batch(settings: &mut Settings) {
    let whole = settings.rounds;
    settings.rounds = (whole / 4).max(3);
    let (pan, bdk) = (Pan::parse(PAN).unwrap(), Key::from_bytes(&BDK).unwrap());
    let jobs = vec![pin(&bdk, &pan); JOBS];
    let text = [0x42; 64];
    let tag = mbedtls_cmac(
        &scheme::dukpt_aes_mac_key::<MbedTlsAes>(&BDK, AES_ID, AES_COUNTER),
        &text,
    );
    let macs = vec![mac(&bdk, &text, &tag); JOBS];
    let out = [0x51; 16];
    let out_key = Key::from_bytes(&out).unwrap();
    let translations: Vec<_> = jobs
        .iter()
        .map(|&pin| AesTranslateJob {
            pin,
            key: PinKey::Aes(&out_key),
        })
        .collect();
    let mut pins: Vec<Pin> = (0..JOBS).map(|_| Pin::empty()).collect();
    let mut outcomes = vec![Ok(()); JOBS];
    let mut blocks = vec![[0; 16]; JOBS];
    fn opened<A: payhsm_peers::cipher::Aes>() -> [u8; 16] {
        scheme::dukpt_aes_pin::<A>(black_box(&BDK), AES_ID, AES_COUNTER, block_const(), AES_PAN_FIELD)
    }
    fn block_const() -> [u8; 16] {
        static BLOCK: std::sync::OnceLock<[u8; 16]> = std::sync::OnceLock::new();
        *BLOCK.get_or_init(block)
    }
    fn translated<A: payhsm_peers::cipher::Aes>(key: &[u8; 16]) -> [u8; 16] {
        let (field, cipher) = (opened::<A>(), A::new(key));
        let first = cipher.encrypt(field);
        cipher.encrypt(core::array::from_fn(|i| first[i] ^ AES_PAN_FIELD[i]))
    }
    fn checked<A: payhsm_peers::cipher::Aes>(cmac: fn(&[u8; 16], &[u8]) -> [u8; 16], text: &[u8]) -> [u8; 16] {
        cmac(
            &scheme::dukpt_aes_mac_key::<A>(black_box(&BDK), AES_ID, AES_COUNTER),
            text,
        )
    }
    assert_eq!(opened::<MbedTlsAes>(), AES_PIN_FIELD);
    assert_eq!(opened::<EvpAes>(), AES_PIN_FIELD);
    assert_eq!(checked::<EvpAes>(evp_cmac, &text), tag);
    for engine in engines() {
        let plan = Plan::of(Engine::best()).aes(engine);
        settings.engine = format!("{engine}");
        decipher_aes_pins(plan, &jobs, &mut pins, &mut outcomes).unwrap();
        assert!(outcomes.iter().all(Result::is_ok));
        contest_of(
            settings,
            "a job of 1024: AES-128 DUKPT, PIN deciphered from BDK and KSN, 16 steps",
            JOBS as u32,
            vec![
                (
                    PAYHSM,
                    runner(|| decipher_aes_pins(plan, black_box(&jobs), &mut pins, &mut outcomes)),
                ),
                (MBEDTLS, runner(opened::<MbedTlsAes>)),
                (EVP, runner(opened::<EvpAes>)),
            ],
        );
        translate_aes_pins(plan, &translations, &mut Fixed(1), &mut blocks, &mut outcomes).unwrap();
        assert!(outcomes.iter().all(Result::is_ok));
        contest_of(
            settings,
            "a job of 1024: AES-128 DUKPT, PIN translated to another AES key",
            JOBS as u32,
            vec![
                (
                    PAYHSM,
                    runner(|| {
                        translate_aes_pins(
                            plan,
                            black_box(&translations),
                            &mut Fixed(1),
                            &mut blocks,
                            &mut outcomes,
                        )
                    }),
                ),
                (MBEDTLS, runner(|| translated::<MbedTlsAes>(black_box(&out)))),
                (EVP, runner(|| translated::<EvpAes>(black_box(&out)))),
            ],
        );
        verify_aes_macs(plan, &macs, &mut outcomes).unwrap();
        assert!(outcomes.iter().all(Result::is_ok));
        contest_of(
            settings,
            "a job of 1024: AES-128 DUKPT, CMAC of 64 bytes verified from BDK and KSN",
            JOBS as u32,
            vec![
                (
                    PAYHSM,
                    runner(|| verify_aes_macs(plan, black_box(&macs), &mut outcomes)),
                ),
                (MBEDTLS, runner(|| checked::<MbedTlsAes>(mbedtls_cmac, &text))),
                (EVP, runner(|| checked::<EvpAes>(evp_cmac, &text))),
            ],
        );
    }
    settings.engine = String::new();
    settings.rounds = whole;
}

/// A PIN key of AES-128 in a block of version D.
fn key_block(kbpk: &Key<Kbpk, Aes>) -> Vec<u8> {
    let attributes = Attributes::new(
        Usage::P0,
        KeyAlgorithm::Aes,
        ModeOfUse::Both,
        Exportability::NonExportable,
    );
    let key: Key<PinEncryption, Aes> = Key::from_bytes(&BDK).unwrap();
    let mut out = [0; 256];
    let len = Template::new(Version::D, attributes)
        .wrap(KbpkRef::Aes(kbpk), &key, &mut Fixed(3), &mut out)
        .unwrap();
    out[..len].to_vec()
}

fn key_blocks<'a>(kbpk: &'a Key<Kbpk, Aes>, block: &'a [u8], n: usize) -> Vec<KeyBlockJob<'a, 'a>> {
    (0..n)
        .map(|_| KeyBlockJob {
            kbpk: KbpkRef::Aes(kbpk),
            block,
            profile: Profile::of(Version::D),
        })
        .collect()
}

/// Reads, verifies and deciphers; with the places for it.
fn open_key_blocks(plan: Plan, jobs: &[KeyBlockJob<'_, '_>]) {
    let mut payloads: Vec<_> = jobs.iter().map(|_| Payload::empty()).collect();
    let mut outcomes: Vec<_> = jobs.iter().map(|_| Err(Error::Internal)).collect();
    verify_key_blocks(plan, black_box(jobs), &mut payloads, &mut outcomes).unwrap();
    assert!(outcomes.iter().all(Result::is_ok));
}

/// Cost of a job against the size of the batch.
pub fn growth(settings: &Settings) {
    let (pan, bdk) = (Pan::parse(PAN).unwrap(), Key::from_bytes(&BDK).unwrap());
    for engine in engines() {
        for n in [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 4096] {
            let jobs = vec![pin(&bdk, &pan); n];
            let mut pins: Vec<Pin> = (0..n).map(|_| Pin::empty()).collect();
            let mut outcomes = vec![Ok(()); n];
            let plan = Plan::of(Engine::best()).aes(engine);
            let (median, least) = nanoseconds(
                (settings.rounds / 4).max(3),
                runner(|| decipher_aes_pins(plan, black_box(&jobs), &mut pins, &mut outcomes)),
            );
            println!(
                "PIN of AES DUKPT, a job ({engine})\tjobs\t{n}\t{:.3}\t{:.3}",
                median / n as f64,
                least / n as f64
            );
        }
    }
    let kbpk = Key::from_bytes(&[0x31; 32]).unwrap();
    let block = key_block(&kbpk);
    for engine in engines() {
        for n in [1, 8, 64, 512, 4096] {
            let jobs = key_blocks(&kbpk, &block, n);
            let plan = Plan::of(Engine::best()).aes(engine);
            let (median, least) = nanoseconds((settings.rounds / 4).max(3), runner(|| open_key_blocks(plan, &jobs)));
            println!(
                "key block of version D, a job ({engine})\tjobs\t{n}\t{:.3}\t{:.3}",
                median / n as f64,
                least / n as f64
            );
        }
    }
}

/// From how many jobs on they are faster side by side than one by one.
pub fn crossovers(settings: &Settings) {
    const MOST: usize = 16;
    let (pan, bdk) = (Pan::parse(PAN).unwrap(), Key::from_bytes(&BDK).unwrap());
    let pvk = Key::from_bytes(&BDK).unwrap();
    let pvv = Pvv::parse(b"1234").unwrap();
    let pins = vec![pin(&bdk, &pan); MOST];
    let checks: Vec<_> = pins
        .iter()
        .map(|&pin| AesPvvJob {
            pin,
            pvk: &pvk,
            pvki: 1,
            pan: &pan,
            pvv: &pvv,
        })
        .collect();
    let macs = vec![mac(&bdk, &[0x42; 64], &[7; 16]); MOST];
    let kbpk = Key::from_bytes(&[0x31; 32]).unwrap();
    let block = key_block(&kbpk);
    let blocks = key_blocks(&kbpk, &block, MOST);
    for engine in engines().filter(|engine| *engine != AesEngine::Single) {
        let found = |what: &str, run: &dyn Fn(Plan, usize)| {
            // Below the crossover of every engine of DES: handfuls.
            let plan = |engine| Plan::of(Engine::Avx512).aes(engine).aes_from(1);
            let faster = (1..=MOST).find(|&n| {
                let took = rounds(
                    &mut [
                        ("side by side", runner(|| run(plan(engine), n))),
                        ("single", runner(|| run(plan(AesEngine::Single), n))) as (&str, Runner<'_>),
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
        found("PIN of AES DUKPT deciphered", &|plan, n| {
            let mut out: Vec<Pin> = (0..n).map(|_| Pin::empty()).collect();
            decipher_aes_pins(plan, &pins[..n], &mut out, &mut vec![Ok(()); n]).unwrap();
        });
        found("PIN of AES DUKPT verified, PVV", &|plan, n| {
            verify_aes_pvvs(plan, &checks[..n], &mut vec![Ok(()); n]).unwrap();
        });
        found("CMAC of 64 bytes under AES DUKPT verified", &|plan, n| {
            verify_aes_macs(plan, &macs[..n], &mut vec![Ok(()); n]).unwrap();
        });
        found("key block of version D verified", &|plan, n| {
            open_key_blocks(plan, &blocks[..n])
        });
    }
}
