// SPDX-License-Identifier: MIT OR Apache-2.0
//! How cost grows: a byte against the length of the message, a command against the number of slots. Flat is as it should be.

use std::hint::black_box;

use payhsm::cipher::{aes, modes, tdes};
use payhsm::hsm::MacMethod;
use payhsm::key::usage::{KeyAlgorithm, ModeOfUse, Usage};
use payhsm::policy::Policy;
use payhsm_peers::contest::{Runner, Settings, nanoseconds, runner};
use payhsm_peers::own;

use crate::BDK;

#[path = "../../benches/common/module.rs"]
mod module;

fn row(settings: &Settings, what: &str, against: &str, n: usize, per: usize, run: Runner<'_>) {
    let (median, least) = nanoseconds(settings.rounds, run);
    let per = per as f64;
    println!("{what}\t{against}\t{n}\t{:.3}\t{:.3}", median / per, least / per);
}

fn lengths(settings: &Settings) {
    let mut data = vec![0x42; 16384];
    for len in [16, 64, 256, 1024, 4096, 16384] {
        let message = &data[..len];
        row(
            settings,
            "retail MAC, a byte",
            "bytes",
            len,
            len,
            runner(|| own::retail(black_box(&BDK), message)),
        );
        row(
            settings,
            "AES-128 CMAC, a byte",
            "bytes",
            len,
            len,
            runner(|| own::cmac(black_box(&BDK), message)),
        );
    }
    let (tdea, aes) = (tdes::Tdes::new(&BDK).unwrap(), aes::Aes::new(&BDK).unwrap());
    for len in [16, 64, 256, 1024, 4096, 16384] {
        let data = &mut data[..len];
        let (mut one, mut two) = (data.to_vec(), data.to_vec());
        row(
            settings,
            "TDEA CBC enciphered, a byte",
            "bytes",
            len,
            len,
            runner(|| modes::cbc_encrypt(&tdea, &[0; 8], &mut one)),
        );
        row(
            settings,
            "AES-128 CTR, a byte",
            "bytes",
            len,
            len,
            runner(|| modes::ctr(&aes, &[0; 16], &mut two)),
        );
    }
}

/// The last key of a full module: of AES, and of TDEA, whose blocks are counted.
fn slots(settings: &Settings) {
    let keys = [
        (
            "a CMAC of 64 bytes with the last of all keys, AES",
            Usage::M6,
            KeyAlgorithm::Aes,
            MacMethod::CMAC,
        ),
        (
            "a retail MAC of 64 bytes with the last of all keys",
            Usage::M3,
            KeyAlgorithm::Tdea,
            MacMethod::X9_19,
        ),
    ];
    for (what, usage, algorithm, method) in keys {
        for slots in [4, 16, 64, 256] {
            let mut hsm = module::module_of(Policy::STRICT, slots);
            let mut key = None;
            for n in 0..slots as u16 {
                // Keys that differ in more than parity bits.
                let distinct = ((n & 0x7F) << 1) | ((n & 0x80) << 2);
                key = module::load_distinct(&mut hsm, usage, algorithm, ModeOfUse::Generate, distinct);
            }
            let key = key.expect("at least one key");
            let mut tag = [0; 8];
            row(
                settings,
                what,
                "slots",
                slots,
                1,
                runner(|| hsm.mac_generate(key.into(), method, black_box(&[0x42; 64]), &mut tag)),
            );
        }
    }
}

/// What grows with what. All rows: what, against what, how much of it, nanoseconds, least nanoseconds.
pub fn growth(settings: &Settings) {
    println!("what\tagainst\tn\tns\tns least");
    lengths(settings);
    slots(settings);
    crate::batch::growth(settings);
    crate::batch_aes::growth(settings);
}
