// SPDX-License-Identifier: MIT OR Apache-2.0
//! Ratios of payhsm to its peers in one process, over many short interleaved runs.
//!
//! ```text
//! peers [--rounds N] [--filter TEXT] [ratios | growth | core | threads | crossovers | callgrind | versions]
//! ```
//!
//! `scripts/perf` runs it and keeps what it prints.

use std::ffi::CStr;
use std::hint::black_box;

use payhsm::cipher::tdes::{self, Engine};
use payhsm::emv::element::Atc;
use payhsm::pin::Pan;
use payhsm_peers::cipher::*;
use payhsm_peers::contest::{HEAD, Settings, contest, runner};
use payhsm_peers::{ffi, own, scheme};

mod batch;
mod batch_aes;
mod growth;

const BDK: [u8; 16] = [
    0x01, 0x23, 0x45, 0x67, 0x89, 0xAB, 0xCD, 0xEF, 0xFE, 0xDC, 0xBA, 0x98, 0x76, 0x54, 0x32, 0x10,
];

/// Ten one bits, the most there are: 2 TDEA for the initial key, 10 steps of two DES, TDEA of the PIN: 29 DES.
const KSN: [u8; 10] = [0xFF, 0xFF, 0x98, 0x76, 0x54, 0x32, 0x10, 0xFF, 0xF8, 0x00];

const PAN: &[u8] = b"4761739001010010";
const PAN_FIELD: [u8; 8] = [0, 0, 0x17, 0x39, 0, 0x10, 0x10, 0x01];
const PIN_FIELD: [u8; 8] = [0x04, 0x12, 0x34, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF];
const Y: [u8; 8] = [0x61, 0x73, 0x90, 0x01, 0x01, 0, 0x10, 0];

const AES_ID: [u8; 8] = [0x12, 0x34, 0x56, 0x78, 0x90, 0x12, 0x34, 0x56];
/// Sixteen one bits, the most there are.
const AES_COUNTER: u32 = 0xFFFF_0000;
const AES_PAN_FIELD: [u8; 16] = [0x44, 0x76, 0x17, 0x39, 0, 0x10, 0x10, 0x01, 0, 0, 0, 0, 0, 0, 0, 0];
const AES_PIN_FIELD: [u8; 16] = [0x44, 0x12, 0x34, 0xAA, 0xAA, 0xAA, 0xAA, 0xAA, 1, 2, 3, 4, 5, 6, 7, 8];

const PAYHSM: &str = "payhsm";
const LOW: &str = "OpenSSL low level";
const EVP: &str = "OpenSSL EVP";
const MBEDTLS: &str = "mbedTLS";
const CRATE: &str = "crate des";

fn chain<T: Tdea>() -> impl FnMut() -> [u8; 8] {
    let (cipher, mut x) = (T::new(&BDK), [1; 8]);
    move || {
        x = cipher.encrypt(x);
        x
    }
}

fn blocks(settings: &Settings) {
    let cipher = tdes::Tdes::new(&BDK).unwrap();
    assert_eq!(cipher.encrypt([1; 8]), LowTdea::new(&BDK).encrypt([1; 8]));
    assert_eq!(cipher.encrypt([1; 8]), EvpTdea::new(&BDK).encrypt([1; 8]));
    assert_eq!(cipher.encrypt([1; 8]), MbedTlsTdea::new(&BDK).encrypt([1; 8]));
    assert_eq!(cipher.encrypt([1; 8]), CrateTdea::new(&BDK).encrypt([1; 8]));
    let mut x = [1; 8];
    contest(
        settings,
        "TDEA block, each after the other",
        vec![
            (
                PAYHSM,
                runner(|| {
                    x = cipher.encrypt(x);
                    x
                }),
            ),
            (LOW, runner(chain::<LowTdea>())),
            (EVP, runner(chain::<EvpTdea>())),
            (MBEDTLS, runner(chain::<MbedTlsTdea>())),
            (CRATE, runner(chain::<CrateTdea>())),
        ],
    );
    let key: [u8; 8] = black_box(*b"\x01\x23\x45\x67\x89\xAB\xCD\xEF");
    contest(
        settings,
        "DES key setup",
        vec![
            (PAYHSM, runner(|| tdes::Des::new(black_box(&key)))),
            (LOW, runner(|| LowDes::new(black_box(&key)))),
            (EVP, runner(|| EvpDes::new(black_box(&key)))),
            (MBEDTLS, runner(|| MbedTlsDes::new(black_box(&key)))),
            (CRATE, runner(|| CrateDes::new(black_box(&key)))),
        ],
    );
}

fn retail(settings: &Settings) {
    let message = vec![0x42; 4096];
    for len in [16, 64, 256, 1024, 4096] {
        let message = &message[..len];
        let own = own::retail(&BDK, message).unwrap();
        assert_eq!(own, scheme::retail::<LowDes>(&BDK, message));
        assert_eq!(own, scheme::retail::<EvpDes>(&BDK, message));
        assert_eq!(own, scheme::retail::<MbedTlsDes>(&BDK, message));
        assert_eq!(own, scheme::retail::<CrateDes>(&BDK, message));
        contest(
            settings,
            &format!("retail MAC, {len} bytes"),
            vec![
                (PAYHSM, runner(|| own::retail(black_box(&BDK), message))),
                (LOW, runner(|| scheme::retail::<LowDes>(black_box(&BDK), message))),
                (EVP, runner(|| scheme::retail::<EvpDes>(black_box(&BDK), message))),
                (
                    MBEDTLS,
                    runner(|| scheme::retail::<MbedTlsDes>(black_box(&BDK), message)),
                ),
                (CRATE, runner(|| scheme::retail::<CrateDes>(black_box(&BDK), message))),
            ],
        );
    }
}

fn cmac(settings: &Settings) {
    let message = vec![0x42; 4096];
    for len in [16, 64, 256, 1024, 4096] {
        let message = &message[..len];
        let own = own::cmac(&BDK, message).unwrap();
        assert_eq!(own, mbedtls_cmac(&BDK, message));
        assert_eq!(own, evp_cmac(&BDK, message));
        contest(
            settings,
            &format!("AES-128 CMAC, {len} bytes"),
            vec![
                (PAYHSM, runner(|| own::cmac(black_box(&BDK), message))),
                (MBEDTLS, runner(|| mbedtls_cmac(black_box(&BDK), message))),
                (EVP, runner(|| evp_cmac(black_box(&BDK), message))),
            ],
        );
    }
}

fn dukpt_tdes(settings: &Settings) {
    let pan = Pan::parse(PAN).unwrap();
    // The block that gives the field back, found with a peer.
    let zero = scheme::dukpt_tdes_pin::<LowDes, LowTdea>;
    let block = {
        let key = scheme::dukpt_tdes_pin_key::<LowDes, LowTdea>(&BDK, &KSN);
        LowTdea::new(&key).encrypt(core::array::from_fn(|i| PIN_FIELD[i] ^ PAN_FIELD[i]))
    };
    own::dukpt_tdes_pin(&BDK, &KSN, &block, &pan).expect("a PIN");
    assert_eq!(zero(&BDK, &KSN, block, PAN_FIELD), PIN_FIELD);
    assert_eq!(
        scheme::dukpt_tdes_pin::<EvpDes, EvpTdea>(&BDK, &KSN, block, PAN_FIELD),
        PIN_FIELD
    );
    assert_eq!(
        scheme::dukpt_tdes_pin::<MbedTlsDes, MbedTlsTdea>(&BDK, &KSN, block, PAN_FIELD),
        PIN_FIELD
    );
    assert_eq!(
        scheme::dukpt_tdes_pin::<CrateDes, CrateTdea>(&BDK, &KSN, block, PAN_FIELD),
        PIN_FIELD
    );
    macro_rules! peer {
        ($des:ty, $tdea:ty) => {
            runner(|| scheme::dukpt_tdes_pin::<$des, $tdea>(black_box(&BDK), &KSN, block, PAN_FIELD))
        };
    }
    contest(
        settings,
        "TDEA DUKPT, PIN deciphered from BDK and KSN, 29 DES",
        vec![
            (
                PAYHSM,
                runner(|| own::dukpt_tdes_pin(black_box(&BDK), &KSN, &block, &pan)),
            ),
            (LOW, peer!(LowDes, LowTdea)),
            (EVP, peer!(EvpDes, EvpTdea)),
            (MBEDTLS, peer!(MbedTlsDes, MbedTlsTdea)),
            (CRATE, peer!(CrateDes, CrateTdea)),
        ],
    );
}

fn dukpt_aes(settings: &Settings) {
    let pan = Pan::parse(PAN).unwrap();
    let block = {
        let key = scheme::dukpt_aes_pin_key::<EvpAes>(&BDK, AES_ID, AES_COUNTER);
        let cipher = EvpAes::new(&key);
        let first = cipher.encrypt(AES_PIN_FIELD);
        cipher.encrypt(core::array::from_fn(|i| first[i] ^ AES_PAN_FIELD[i]))
    };
    own::dukpt_aes_pin(&BDK, &AES_ID, AES_COUNTER, &block, &pan).expect("a PIN");
    macro_rules! peer {
        ($aes:ty) => {{
            let field = scheme::dukpt_aes_pin::<$aes>(&BDK, AES_ID, AES_COUNTER, block, AES_PAN_FIELD);
            assert_eq!(field, AES_PIN_FIELD);
            runner(|| scheme::dukpt_aes_pin::<$aes>(black_box(&BDK), AES_ID, AES_COUNTER, block, AES_PAN_FIELD))
        }};
    }
    contest(
        settings,
        "AES-128 DUKPT, PIN deciphered from BDK and KSN, 16 steps",
        vec![
            (
                PAYHSM,
                runner(|| own::dukpt_aes_pin(black_box(&BDK), &AES_ID, AES_COUNTER, &block, &pan)),
            ),
            (MBEDTLS, peer!(MbedTlsAes)),
            (EVP, peer!(EvpAes)),
        ],
    );
}

fn arqc(settings: &Settings) {
    let pan = Pan::parse(PAN).unwrap();
    let atc = [0x00, 0x1C];
    let data = [0x42; 37];
    let mut padded = [0; 40];
    padded[..37].copy_from_slice(&data);
    padded[37] = 0x80;
    let ac = scheme::arqc::<LowDes, LowTdea>(&BDK, Y, atc, &padded);
    own::arqc(&BDK, &pan, Atc::new(0x001C), &data, &ac).expect("the peer's cryptogram");
    macro_rules! peer {
        ($des:ty, $tdea:ty) => {{
            assert_eq!(scheme::arqc::<$des, $tdea>(&BDK, Y, atc, &padded), ac);
            runner(|| scheme::arqc::<$des, $tdea>(black_box(&BDK), Y, atc, &padded) == ac)
        }};
    }
    contest(
        settings,
        "ARQC verified with both derivations, 19 DES",
        vec![
            (
                PAYHSM,
                runner(|| own::arqc(black_box(&BDK), &pan, Atc::new(0x001C), &data, &ac)),
            ),
            (LOW, peer!(LowDes, LowTdea)),
            (EVP, peer!(EvpDes, EvpTdea)),
            (MBEDTLS, peer!(MbedTlsDes, MbedTlsTdea)),
            (CRATE, peer!(CrateDes, CrateTdea)),
        ],
    );
}

fn versions() {
    // SAFETY: a constant string.
    let openssl = unsafe { CStr::from_ptr(ffi::OpenSSL_version(0)) };
    let mut mbedtls = [0_u8; 32];
    // SAFETY: at most 18 bytes.
    unsafe { ffi::mbedtls_version_get_string_full(mbedtls.as_mut_ptr().cast()) };
    let mbedtls = CStr::from_bytes_until_nul(&mbedtls).unwrap();
    println!("compiler\t{}, {}", env!("PEERS_RUSTC"), env!("PEERS_FLAGS"));
    println!("OpenSSL\t{}, of the distribution", openssl.to_string_lossy());
    println!("mbedTLS\t{}, of the distribution", mbedtls.to_string_lossy());
    println!("crate des\t0.9, built with the flags above");
    println!("SIMD of the processor\t{}", payhsm_peers::simd());
}

fn main() {
    let mut settings = Settings {
        rounds: 201,
        filter: None,
        callgrind: false,
        engine: String::new(),
    };
    let mut what = "ratios".to_owned();
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--rounds" => settings.rounds = arguments.next().and_then(|n| n.parse().ok()).expect("--rounds N"),
            "--filter" => settings.filter = Some(arguments.next().expect("--filter TEXT")),
            other => what = other.to_owned(),
        }
    }
    match what.as_str() {
        "versions" => versions(),
        "growth" => growth::growth(&settings),
        "core" => batch::core(&settings),
        "threads" => batch::threads(&settings),
        "crossovers" => {
            batch::crossovers(&settings);
            batch_aes::crossovers(&settings);
        }
        "ratios" | "callgrind" => {
            settings.callgrind = what == "callgrind";
            if !settings.callgrind {
                println!("{HEAD}");
            }
            // Whatever engines this processor has; the last one is what a user gets.
            for engine in Engine::ALL.iter().filter(|engine| engine.is_available()) {
                engine.force().expect("it is available");
                settings.engine = format!("{engine:?}");
                blocks(&settings);
                dukpt_tdes(&settings);
                arqc(&settings);
                retail(&settings);
            }
            settings.engine = String::new();
            dukpt_aes(&settings);
            cmac(&settings);
            batch::batch(&mut settings);
            batch_aes::batch(&mut settings);
        }
        _ => panic!(
            "peers [--rounds N] [--filter TEXT] [ratios | growth | core | threads | crossovers | callgrind | versions]"
        ),
    }
}
