// SPDX-License-Identifier: MIT OR Apache-2.0
//! Runs every engine of TDES on a processor that is emulated, without an operating system's library: published answers,
//! and random blocks against the portable engine; on x86-64 those of batches, too. `scripts/avx512` and `scripts/aarch64` read what it says.
#![no_std]
#![no_main]

use core::fmt::Write;
use core::panic::PanicInfo;

use payhsm::cipher::tdes::{Des, Engine, Tdes};

#[cfg(target_arch = "x86_64")]
mod batch;
#[cfg(target_arch = "aarch64")]
#[path = "aarch64.rs"]
mod machine;
#[cfg(target_arch = "x86_64")]
#[path = "x86_64.rs"]
mod machine;

use machine::{Console, off};

#[panic_handler]
fn panic(info: &PanicInfo<'_>) -> ! {
    let _ = writeln!(Console, "FAILED: {info}");
    off(false)
}

/// Comes from the machine's own beginning.
#[unsafe(no_mangle)]
extern "C" fn start() -> ! {
    let mut tested = 0;
    for engine in Engine::ALL {
        if engine.force().is_ok() {
            published();
            let blocks = random(*engine);
            let _ = writeln!(
                Console,
                "engine {engine:?}: 4 published answers, {blocks} random blocks"
            );
            tested += 1;
        }
    }
    assert_eq!(tested, Engine::ALL.len(), "engines that this processor does not run");
    #[cfg(target_arch = "x86_64")]
    {
        tested += batch::run();
    }
    let _ = writeln!(Console, "PASSED {tested} engines");
    off(true)
}

/// FIPS 81, table B1; SP 800-67, annex B.1.
fn published() {
    let key = 0x0123_4567_89AB_CDEF_u64;
    let des = Des::new(&key.to_be_bytes());
    assert_eq!(des.encrypt(*b"Now is t"), 0x3FA4_0E8A_984D_4815_u64.to_be_bytes());
    let mut keys = [0; 24];
    for (to, from) in keys
        .chunks_mut(8)
        .zip([key, 0x2345_6789_ABCD_EF01, 0x4567_89AB_CDEF_0123])
    {
        to.copy_from_slice(&from.to_be_bytes());
    }
    let tdes = Tdes::new(&keys).unwrap();
    let blocks = [*b"The qufc", *b"k brown ", *b"fox jump"];
    let answers = [0xA826_FD8C_E53B_855F_u64, 0xCCE2_1C81_1225_6FE6, 0x68D5_C05D_D9B6_B900].map(u64::to_be_bytes);
    assert_eq!(Tdes::encrypt_each([&tdes; 3], blocks), answers);
    assert_eq!(answers.map(|block| tdes.decrypt(block)), blocks);
}

/// Two-key TDEA over one to nine blocks at once, each under its own key.
fn random(engine: Engine) -> u32 {
    let mut seed = 1;
    let mut blocks = 0;
    for _ in 0..40 {
        blocks += several::<1>(engine, &mut seed);
        blocks += several::<2>(engine, &mut seed);
        blocks += several::<3>(engine, &mut seed);
        blocks += several::<4>(engine, &mut seed);
        blocks += several::<9>(engine, &mut seed);
    }
    blocks
}

fn several<const N: usize>(engine: Engine, seed: &mut u64) -> u32 {
    let keys: [[u8; 16]; N] = core::array::from_fn(|_| {
        let mut key = [0; 16];
        key[..8].copy_from_slice(&next(seed).to_be_bytes());
        key[8..].copy_from_slice(&next(seed).to_be_bytes());
        key
    });
    let blocks: [[u8; 8]; N] = core::array::from_fn(|_| next(seed).to_be_bytes());
    let ciphers = keys.each_ref().map(|key| Tdes::new(key).unwrap());
    let out = Tdes::encrypt_each(ciphers.each_ref(), blocks);
    assert_eq!(Tdes::decrypt_each(ciphers.each_ref(), out), blocks, "{engine:?}");
    Engine::Portable.force().unwrap();
    for ((key, block), out) in keys.iter().zip(blocks).zip(out) {
        assert_eq!(Tdes::new(key).unwrap().encrypt(block), out, "{engine:?}");
    }
    engine.force().unwrap();
    N as u32
}

/// splitmix64
fn next(seed: &mut u64) -> u64 {
    *seed = seed.wrapping_add(0x9E37_79B9_7F4A_7C15);
    let z = (*seed ^ (*seed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}
