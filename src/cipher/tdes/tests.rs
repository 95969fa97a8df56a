// SPDX-License-Identifier: MIT OR Apache-2.0
//! The engine against the tables of FIPS 46-3, read literally.

#![allow(
    clippy::arithmetic_side_effects,
    clippy::cast_possible_truncation,
    clippy::integer_division_remainder_used
)]

use super::word::Word;
use super::engine::Rounder;
use super::shuffle::{self, emulated};
use super::{Des, Direction, Engine, Rounds, Tdes, portable::Portable, sbox, wide};

extern crate std;

const IP: [u8; 64] = [
    58, 50, 42, 34, 26, 18, 10, 2, 60, 52, 44, 36, 28, 20, 12, 4, 62, 54, 46, 38, 30, 22, 14, 6, 64, 56, 48, 40, 32, 24,
    16, 8, 57, 49, 41, 33, 25, 17, 9, 1, 59, 51, 43, 35, 27, 19, 11, 3, 61, 53, 45, 37, 29, 21, 13, 5, 63, 55, 47, 39,
    31, 23, 15, 7,
];
const FP: [u8; 64] = [
    40, 8, 48, 16, 56, 24, 64, 32, 39, 7, 47, 15, 55, 23, 63, 31, 38, 6, 46, 14, 54, 22, 62, 30, 37, 5, 45, 13, 53, 21,
    61, 29, 36, 4, 44, 12, 52, 20, 60, 28, 35, 3, 43, 11, 51, 19, 59, 27, 34, 2, 42, 10, 50, 18, 58, 26, 33, 1, 41, 9,
    49, 17, 57, 25,
];
const E: [u8; 48] = [
    32, 1, 2, 3, 4, 5, 4, 5, 6, 7, 8, 9, 8, 9, 10, 11, 12, 13, 12, 13, 14, 15, 16, 17, 16, 17, 18, 19, 20, 21, 20, 21,
    22, 23, 24, 25, 24, 25, 26, 27, 28, 29, 28, 29, 30, 31, 32, 1,
];
const P: [u8; 32] = [
    16, 7, 20, 21, 29, 12, 28, 17, 1, 15, 23, 26, 5, 18, 31, 10, 2, 8, 24, 14, 32, 27, 3, 9, 19, 13, 30, 6, 22, 11, 4,
    25,
];
const PC1: [u8; 56] = [
    57, 49, 41, 33, 25, 17, 9, 1, 58, 50, 42, 34, 26, 18, 10, 2, 59, 51, 43, 35, 27, 19, 11, 3, 60, 52, 44, 36, 63, 55,
    47, 39, 31, 23, 15, 7, 62, 54, 46, 38, 30, 22, 14, 6, 61, 53, 45, 37, 29, 21, 13, 5, 28, 20, 12, 4,
];
const PC2: [u8; 48] = [
    14, 17, 11, 24, 1, 5, 3, 28, 15, 6, 21, 10, 23, 19, 12, 4, 26, 8, 16, 7, 27, 20, 13, 2, 41, 52, 31, 37, 47, 55, 30,
    40, 51, 45, 33, 48, 44, 49, 39, 56, 34, 53, 46, 42, 50, 36, 29, 32,
];
const SHIFTS: [u32; 16] = [1, 1, 2, 2, 2, 2, 2, 2, 1, 2, 2, 2, 2, 2, 2, 1];
const S: [[u8; 64]; 8] = [
    [14, 4, 13, 1, 2, 15, 11, 8, 3, 10, 6, 12, 5, 9, 0, 7, 0, 15, 7, 4, 14, 2, 13, 1, 10, 6, 12, 11, 9, 5, 3, 8, 4, 1, 14, 8, 13, 6, 2, 11, 15, 12, 9, 7, 3, 10, 5, 0, 15, 12, 8, 2, 4, 9, 1, 7, 5, 11, 3, 14, 10, 0, 6, 13],
    [15, 1, 8, 14, 6, 11, 3, 4, 9, 7, 2, 13, 12, 0, 5, 10, 3, 13, 4, 7, 15, 2, 8, 14, 12, 0, 1, 10, 6, 9, 11, 5, 0, 14, 7, 11, 10, 4, 13, 1, 5, 8, 12, 6, 9, 3, 2, 15, 13, 8, 10, 1, 3, 15, 4, 2, 11, 6, 7, 12, 0, 5, 14, 9],
    [10, 0, 9, 14, 6, 3, 15, 5, 1, 13, 12, 7, 11, 4, 2, 8, 13, 7, 0, 9, 3, 4, 6, 10, 2, 8, 5, 14, 12, 11, 15, 1, 13, 6, 4, 9, 8, 15, 3, 0, 11, 1, 2, 12, 5, 10, 14, 7, 1, 10, 13, 0, 6, 9, 8, 7, 4, 15, 14, 3, 11, 5, 2, 12],
    [7, 13, 14, 3, 0, 6, 9, 10, 1, 2, 8, 5, 11, 12, 4, 15, 13, 8, 11, 5, 6, 15, 0, 3, 4, 7, 2, 12, 1, 10, 14, 9, 10, 6, 9, 0, 12, 11, 7, 13, 15, 1, 3, 14, 5, 2, 8, 4, 3, 15, 0, 6, 10, 1, 13, 8, 9, 4, 5, 11, 12, 7, 2, 14],
    [2, 12, 4, 1, 7, 10, 11, 6, 8, 5, 3, 15, 13, 0, 14, 9, 14, 11, 2, 12, 4, 7, 13, 1, 5, 0, 15, 10, 3, 9, 8, 6, 4, 2, 1, 11, 10, 13, 7, 8, 15, 9, 12, 5, 6, 3, 0, 14, 11, 8, 12, 7, 1, 14, 2, 13, 6, 15, 0, 9, 10, 4, 5, 3],
    [12, 1, 10, 15, 9, 2, 6, 8, 0, 13, 3, 4, 14, 7, 5, 11, 10, 15, 4, 2, 7, 12, 9, 5, 6, 1, 13, 14, 0, 11, 3, 8, 9, 14, 15, 5, 2, 8, 12, 3, 7, 0, 4, 10, 1, 13, 11, 6, 4, 3, 2, 12, 9, 5, 15, 10, 11, 14, 1, 7, 6, 0, 8, 13],
    [4, 11, 2, 14, 15, 0, 8, 13, 3, 12, 9, 7, 5, 10, 6, 1, 13, 0, 11, 7, 4, 9, 1, 10, 14, 3, 5, 12, 2, 15, 8, 6, 1, 4, 11, 13, 12, 3, 7, 14, 10, 15, 6, 8, 0, 5, 9, 2, 6, 11, 13, 8, 1, 4, 10, 7, 9, 5, 0, 15, 14, 2, 3, 12],
    [13, 2, 8, 4, 6, 15, 11, 1, 10, 9, 3, 14, 5, 0, 12, 7, 1, 15, 13, 8, 10, 3, 7, 4, 12, 5, 6, 11, 0, 14, 9, 2, 7, 11, 4, 1, 9, 12, 14, 2, 0, 6, 10, 13, 15, 3, 5, 8, 2, 1, 14, 7, 4, 10, 8, 13, 15, 12, 9, 0, 3, 5, 6, 11],
];

fn permute(x: u64, width: u32, table: &[u8]) -> u64 {
    table
        .iter()
        .fold(0, |acc, &i| (acc << 1) | ((x >> (width - u32::from(i))) & 1))
}

/// Output of S-box `i` for the six input bits, the first in bit 5.
fn table(i: usize, six: u64) -> u64 {
    let row = ((six >> 4) & 2) | (six & 1);
    u64::from(S[i][(16 * row + ((six >> 1) & 15)) as usize])
}

fn reference_keys(key: u64) -> [u64; 16] {
    let cd = permute(key, 64, &PC1);
    let (mut c, mut d) = (cd >> 28, cd & 0x0FFF_FFFF);
    SHIFTS.map(|n| {
        c = ((c << n) | (c >> (28 - n))) & 0x0FFF_FFFF;
        d = ((d << n) | (d >> (28 - n))) & 0x0FFF_FFFF;
        permute((c << 28) | d, 56, &PC2)
    })
}

fn reference(key: u64, block: u64) -> u64 {
    let x = permute(block, 64, &IP);
    let (mut l, mut r) = (x >> 32, x & 0xFFFF_FFFF);
    for k in reference_keys(key) {
        let x = permute(r, 32, &E) ^ k;
        let y = (0..8).fold(0, |y, i| (y << 4) | table(i, (x >> (42 - 6 * i)) & 63));
        (l, r) = (r, l ^ permute(y, 32, &P));
    }
    permute((r << 32) | l, 64, &FP)
}

/// The order of the four output bits of each S-box in its nibble; S-box i has nibble -i (mod 8).
const ORDER: [[u32; 4]; 8] = [
    [2, 1, 3, 0],
    [2, 3, 1, 0],
    [2, 3, 0, 1],
    [0, 2, 1, 3],
    [0, 1, 2, 3],
    [2, 1, 3, 0],
    [3, 2, 1, 0],
    [1, 0, 3, 2],
];

/// The lane of output bit `j` (0: the most significant) of S-box `i`.
fn lane(i: usize, j: usize) -> u32 {
    4 * ((8 - i as u32) & 7) + ORDER[i][j]
}

fn every_sbox<W: Word>() {
    for six in 0..64_u64 {
        // Each S-box gets another input, so that lanes that are mixed up show.
        for step in 0..8 {
            let input = |i: usize| six ^ ((i as u64 * step * 9) & 63);
            let x = core::array::from_fn(|k| {
                W::splat((0..8).fold(0, |word, i| {
                    let nibble = (8 - i as u32) & 7;
                    word | ((((input(i) >> (5 - k)) & 1) as u32 * 15) << (4 * nibble))
                }))
            });
            let mut constants = W::CONSTANTS;
            let y = W::sboxes(&mut constants, x).narrow();
            for i in 0..8 {
                for j in 0..4 {
                    let expected = (table(i, input(i)) >> (3 - j)) & 1;
                    assert_eq!(u64::from((y >> lane(i, j)) & 1), expected, "S{} input {six}", i + 1);
                }
            }
        }
    }
}

#[test]
fn every_sbox_entry_is_that_of_the_standard() {
    every_sbox::<u32>();
    every_sbox::<u64>();
}

/// The algebraic normal form of the tables is what the constants say.
#[test]
fn constants_follow_from_the_tables() {
    let mut coefficients = [0_u32; 64];
    for i in 0..8 {
        for j in 0..4 {
            // Bit k of the index is x[k].
            let mut f: [u64; 64] = core::array::from_fn(|m| {
                let six = (0..6).fold(0, |six, k| (six << 1) | ((m as u64 >> k) & 1));
                (table(i, six) >> (3 - j)) & 1
            });
            for k in 0..6 {
                for m in 0..64 {
                    if m >> k & 1 == 1 {
                        f[m] ^= f[m ^ (1 << k)];
                    }
                }
            }
            for m in 0..64 {
                coefficients[m] |= (f[m] as u32) << lane(i, j);
            }
        }
    }
    let (narrow, wide) = (&sbox::COEFFICIENTS_32, &sbox::COEFFICIENTS_64);
    for inner in 0..16 {
        let c = [0, 1, 32, 33].map(|outer| coefficients[inner << 1 | outer]);
        match (narrow.get(inner), wide.get(inner)) {
            (Some(n), Some(w)) => {
                assert_eq!(*n, c);
                assert_eq!(*w, [0, 1].map(|k| u64::from(c[k]) | u64::from(c[k + 2]) << 32));
            }
            _ => assert_eq!(c, [0; 4]),
        }
    }
}

fn random(seed: &mut u64) -> u64 {
    // splitmix64
    *seed = seed.wrapping_add(0x9E37_79B9_7F4A_7C15);
    let z = (*seed ^ (*seed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

/// Round keys in the layout, from those of the standard.
fn in_layout(key: u64) -> [u32; 2] {
    const PLACE: [u32; 4] = [26, 29, 28, 23];
    let place = |i: usize, k: usize| (4 * ((8 - (i as u32 & 7)) & 7) + PLACE[k]) % 32;
    let mut words = [0; 2];
    for i in 0..8 {
        let bit = |k: usize| ((key >> (47 - 6 * i - k)) & 1) as u32;
        for k in 0..4 {
            words[0] |= bit(k + 1) << place(i, k);
        }
        words[1] |= bit(0) << place(i + 7, 3);
        words[1] |= bit(5) << place(i + 1, 0);
    }
    words
}

/// Each single bit of the key and of the block, and random ones.
fn single_bits(
    schedule: impl Fn(&[u8; 8], &mut Rounds),
    run: impl Fn(&[Rounds], Direction, [u8; 8]) -> [u8; 8],
) {
    let mut seed = 46;
    for n in 0..264_u32 {
        // Each single bit, then random keys.
        let key = 1_u64.checked_shl(n).unwrap_or_else(|| random(&mut seed));
        let mut rounds = Rounds::EMPTY;
        schedule(&key.to_be_bytes(), &mut rounds);
        let block = random(&mut seed);
        let out = run(&[rounds], Direction::Forward, block.to_be_bytes());
        assert_eq!(u64::from_be_bytes(out), reference(key, block), "{key:016X} {block:016X}");
        assert_eq!(run(&[rounds], Direction::Backward, out), block.to_be_bytes());
    }
    for n in 0..64 {
        let block = 1_u64 << n;
        let mut rounds = Rounds::EMPTY;
        schedule(&[0x5B; 8], &mut rounds);
        let out = run(&[rounds], Direction::Forward, block.to_be_bytes());
        assert_eq!(u64::from_be_bytes(out), reference(0x5B5B_5B5B_5B5B_5B5B, block));
    }
}

fn schedule_and_rounds<W: Word>() {
    single_bits(Portable::<W>::schedule, Portable::<W>::run);
    let mut seed = 46;
    for n in 0..264_u32 {
        let key = 1_u64.checked_shl(n).unwrap_or_else(|| random(&mut seed));
        let mut rounds = Rounds::EMPTY;
        Portable::<W>::schedule(&key.to_be_bytes(), &mut rounds);
        assert_eq!(rounds.0.map(|k| k.0), reference_keys(key).map(in_layout), "{key:016X}");
    }
}

#[test]
fn narrow_engine_agrees_with_the_tables() {
    schedule_and_rounds::<u32>();
}

#[test]
fn wide_engine_agrees_with_the_tables() {
    schedule_and_rounds::<u64>();
}

#[test]
fn tdea_is_ede() {
    let key: [u8; 24] = core::array::from_fn(|i| (i * 37 + 11) as u8);
    let [k, l, m] = [0, 8, 16].map(|i| Des::new(key[i..i + 8].try_into().unwrap()));
    let block = *b"\x01\x23\x45\x67\x89\xAB\xCD\xEF";
    let three = Tdes::new(&key).unwrap();
    assert_eq!(three.encrypt(block), m.encrypt(l.decrypt(k.encrypt(block))));
    assert_eq!(three.decrypt(block), k.decrypt(l.encrypt(m.decrypt(block))));
    let two = Tdes::new(&key[..16]).unwrap();
    assert_eq!(two.encrypt(block), k.encrypt(l.decrypt(k.encrypt(block))));
    assert_eq!(two.decrypt(two.encrypt(block)), block);
    let one = Tdes::new(&key[..8]).unwrap();
    assert_eq!(one.encrypt(block), k.encrypt(block));
    assert_eq!(one.decrypt(block), k.decrypt(block));
    for len in [0, 7, 9, 15, 17, 23, 25, 32] {
        assert_eq!(Tdes::new(&[0; 32][..len]).err(), Some(crate::error::Error::InvalidKeyLength));
    }
}

/// The source of AVX2 and NEON in plain Rust.
struct Emulated;

impl Rounder for Emulated {
    fn schedule(key: &[u8; 8], rounds: &mut Rounds) {
        shuffle::expand::<emulated::Emulated<2>>(&shuffle::KEYS, key, rounds);
    }

    fn run(chain: &[Rounds], direction: Direction, block: [u8; 8]) -> [u8; 8] {
        let [block] = shuffle::run::<emulated::Emulated<1>, 1>([chain], direction, [block]);
        block
    }
}

#[test]
fn emulated_shuffles_agree_with_the_tables() {
    single_bits(Emulated::schedule, Emulated::run);
    let mut seed = 7;
    for _ in 0..4 {
        let keys: [u64; 4] = core::array::from_fn(|_| random(&mut seed));
        let blocks: [u64; 4] = core::array::from_fn(|_| random(&mut seed));
        let mut rounds = [Rounds::EMPTY; 4];
        for (key, rounds) in keys.iter().zip(&mut rounds) {
            Emulated::schedule(&key.to_be_bytes(), rounds);
        }
        let chains = rounds.each_ref().map(core::slice::from_ref);
        let out = shuffle::run::<emulated::Emulated<2>, 4>(chains, Direction::Forward, blocks.map(u64::to_be_bytes));
        for ((key, block), out) in keys.iter().zip(&blocks).zip(out) {
            assert_eq!(u64::from_be_bytes(out), reference(*key, *block));
        }
    }
}

/// The source of AVX-512 in plain Rust.
struct EmulatedWide;

impl Rounder for EmulatedWide {
    fn schedule(key: &[u8; 8], rounds: &mut Rounds) {
        shuffle::expand::<emulated::Emulated<2>>(&wide::KEYS, key, rounds);
    }

    fn run(chain: &[Rounds], direction: Direction, block: [u8; 8]) -> [u8; 8] {
        let [block] = wide::run::<wide::emulated::Emulated, 1>([chain], direction, [block]);
        block
    }
}

#[test]
fn emulated_look_ups_agree_with_the_tables() {
    single_bits(EmulatedWide::schedule, EmulatedWide::run);
    let mut seed = 8;
    for direction in [Direction::Forward, Direction::Backward] {
        let keys: [[u64; 3]; 8] = core::array::from_fn(|_| core::array::from_fn(|_| random(&mut seed)));
        let blocks: [u64; 8] = core::array::from_fn(|_| random(&mut seed));
        let mut rounds = [[Rounds::EMPTY; 3]; 8];
        for (key, rounds) in keys.as_flattened().iter().zip(rounds.as_flattened_mut()) {
            EmulatedWide::schedule(&key.to_be_bytes(), rounds);
        }
        let chains = rounds.each_ref().map(|chain| &chain[..]);
        let out = wide::run::<wide::emulated::Emulated, 8>(chains, direction, blocks.map(u64::to_be_bytes));
        for ((keys, block), out) in keys.iter().zip(blocks).zip(out.map(u64::from_be_bytes)) {
            let forward = |from| keys.iter().fold(from, |block, key| reference(*key, block));
            match direction {
                Direction::Forward => assert_eq!(out, forward(block)),
                Direction::Backward => assert_eq!(forward(out), block),
            }
        }
    }
}

/// The bits of a byte that a shuffle looks up by: bit 7 would turn the look-up off, and no two of the six may share a place.
#[test]
fn colours_are_different_at_every_sbox() {
    let mut keys = Rounds::EMPTY;
    Emulated::schedule(&[0xFF; 8], &mut keys);
    for key in keys.0 {
        assert_eq!(key.0.map(u32::count_ones), [24, 24]);
        assert_eq!(key.0.map(|word| word & 0x8080_8080), [0, 0]);
    }
}

/// Calls `run` as all engines are called, for one, two, three and more blocks.
fn each<const N: usize>(engine: Engine, seed: &mut u64) {
    for direction in [Direction::Forward, Direction::Backward] {
        for length in [1, 3] {
            let keys: [[u64; 3]; N] = core::array::from_fn(|_| core::array::from_fn(|_| random(seed)));
            let blocks: [u64; N] = core::array::from_fn(|_| random(seed));
            let mut rounds = [[Rounds::EMPTY; 3]; N];
            for (keys, rounds) in keys.iter().zip(&mut rounds) {
                for (key, rounds) in keys.iter().zip(rounds) {
                    engine.schedule(&key.to_be_bytes(), rounds);
                }
            }
            let chains = rounds.each_ref().map(|chain| &chain[..length]);
            let out = engine.run_each(chains, direction, blocks.map(u64::to_be_bytes));
            for ((keys, block), out) in keys.iter().zip(blocks).zip(out.map(u64::from_be_bytes)) {
                let forward = |from| keys[..length].iter().fold(from, |block, key| reference(*key, block));
                match direction {
                    Direction::Forward => assert_eq!(out, forward(block), "{engine:?}, {N}"),
                    Direction::Backward => assert_eq!(forward(out), block, "{engine:?}, {N}"),
                }
            }
        }
    }
}

#[test]
fn every_engine_agrees_with_the_tables() {
    let mut tested = 0;
    let mut seed = 3;
    for engine in Engine::ALL.iter().copied().filter(|engine| engine.is_available()) {
        single_bits(
            |key, rounds| engine.schedule(key, rounds),
            |chain, direction, block| engine.run(chain, direction, block),
        );
        each::<1>(engine, &mut seed);
        each::<2>(engine, &mut seed);
        each::<3>(engine, &mut seed);
        each::<4>(engine, &mut seed);
        each::<5>(engine, &mut seed);
        each::<6>(engine, &mut seed);
        each::<7>(engine, &mut seed);
        each::<8>(engine, &mut seed);
        each::<11>(engine, &mut seed);
        tested += 1;
    }
    // The portable one runs everywhere.
    assert!(tested > 0);
}

/// Whoever forces an engine gets it, for all that is scheduled afterwards; ciphers of different engines still work together.
#[cfg(all(not(payhsm_portable), target_arch = "x86_64"))]
#[test]
fn engines_can_be_forced_and_mixed() {
    let key: [u8; 16] = core::array::from_fn(|i| (i * 41 + 3) as u8);
    let best = Engine::chosen();
    let ciphers: std::vec::Vec<_> = Engine::ALL
        .iter()
        .filter(|engine| engine.force().is_ok())
        .map(|engine| {
            let cipher = Tdes::new(&key).unwrap();
            assert_eq!(cipher.engine, *engine);
            cipher
        })
        .collect();
    for engine in Engine::ALL {
        assert_eq!(engine.force().is_ok(), engine.is_available());
    }
    best.force().unwrap();
    let (first, last) = (ciphers.first().unwrap(), ciphers.last().unwrap());
    let mut seed = 9;
    let blocks: [[u8; 8]; 3] = core::array::from_fn(|_| random(&mut seed).to_be_bytes());
    let out = Tdes::encrypt_each([first, last, first], blocks);
    assert_eq!(out, blocks.map(|block| first.encrypt(block)));
    assert_eq!(Tdes::decrypt_each([last, first, last], out), blocks);
    // A single and a double key are chains of different lengths.
    let single = Tdes::new(&key[..8]).unwrap();
    let out = Tdes::encrypt_each([&single, first], [blocks[0]; 2]);
    assert_eq!(out, [single.encrypt(blocks[0]), first.encrypt(blocks[0])]);
}
