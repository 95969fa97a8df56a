// SPDX-License-Identifier: MIT OR Apache-2.0
extern crate std;

use std::vec::Vec;

use super::*;
use crate::cipher::tdes::{Des, Tdes};

/// The S-boxes as FIPS 46-3 prints them, rows one behind the other.
const S: [&str; 8] = [
    "E4D12FB83A6C59070F74E2D1A6CB953841E8D62BFC973A50FC8249175B3EA06D",
    "F18E6B34972DC05A3D47F28EC01A69B50E7BA4D158C6932FD8A13F42B67C05E9",
    "A09E63F51DC7B428D709346A285ECBF1D6498F30B12C5AE71AD069874FE3B52C",
    "7DE3069A1285BC4FD8B56F03472C1AE9A690CB7DF13E52843F06A1D8945BC72E",
    "2C417AB6853FD0E9EB2C47D150FA3986421BAD78F9C5630EB8C71E2D6F09A453",
    "C1AF92680D34E75BAF427C9561DE0B389EF528C3704A1DB6432C95FABE17608D",
    "4B2EF08D3C975A61D0B7491AE35C2F8614BDC37EAF6805926BD814A7950FE23C",
    "D2846FB1A93E50C71FD8A374C56B0E927B419CE206ADF35821E74A8DFC90356B",
];

struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0.wrapping_mul(0x2545_F491_4F6C_DD1D)
    }
}

#[test]
fn circuits_are_the_s_boxes() {
    let binary = [
        sbox::b1::<u64>, sbox::b2, sbox::b3, sbox::b4, sbox::b5, sbox::b6, sbox::b7, sbox::b8,
    ];
    let ternary = [
        sbox::t1::<u64>, sbox::t2, sbox::t3, sbox::t4, sbox::t5, sbox::t6, sbox::t7, sbox::t8,
    ];
    for (kind, circuits) in [binary, ternary].into_iter().enumerate() {
        for (circuit, table) in circuits.iter().zip(S) {
            let table: Vec<u64> = table.chars().map(|c| u64::from(c.to_digit(16).unwrap())).collect();
            assert_eq!(table.len(), 64);
            let input = core::array::from_fn(|k| (0..64).fold(0, |t, v| t | (((v >> k) & 1) << v)));
            let output = circuit(input);
            for v in 0..64_usize {
                let (row, column) = (((v >> 4) & 2) | (v & 1), (v >> 1) & 15);
                let value = (0..4).fold(0, |t, k| t | (((output[k] >> v) & 1) << k));
                assert_eq!(value, table[16 * row + column], "kind {kind}, input {v}");
            }
        }
    }
}

/// DES both ways and TDEA of every lane against the engine of single blocks.
struct Compare;

impl Kernel for Compare {
    type Output = usize;

    #[inline(always)]
    fn run<W: Word>(self) -> usize {
        let mut random = Random(W::LANES as u64);
        let mut values = [const { Planes::<W>::zero() }; 3];
        let rows: Vec<[u64; 3]> = (0..W::LANES).map(|_| [random.next(), random.next(), random.next()]).collect();
        for (job, row) in rows.iter().enumerate() {
            for (values, value) in values.iter_mut().zip(row) {
                values.set(job, *value);
            }
        }
        let mut room = Planes::zero();
        values.iter_mut().for_each(|planes| planes.slice(&mut room));
        let [k1, k2, block] = &values;
        let mut machine = Machine::new();
        let mut results = [const { Planes::<W>::zero() }; 5];
        results.iter_mut().for_each(|result| result.copy(block));
        machine.both([k1, k2]);
        machine.des(false, &mut results[0]);
        machine.des(true, &mut results[1]);
        machine.tdes(false, &mut results[2]);
        machine.tdes(true, &mut results[3]);
        machine.vary(true);
        machine.des(false, &mut results[4]);
        results.iter_mut().for_each(|planes| planes.unslice(&mut room));
        for (job, row) in rows.iter().enumerate() {
            let [k1, k2, block] = row.map(u64::to_be_bytes);
            let des = Des::new(&k1);
            let tdes = Tdes::new(&[k1, k2].concat()).unwrap();
            let variant = Des::new(&(u64::from_be_bytes(k1) ^ 0xC0C0_C0C0_0000_0000).to_be_bytes());
            let expected = [
                des.encrypt(block),
                des.decrypt(block),
                tdes.encrypt(block),
                tdes.decrypt(block),
                variant.encrypt(block),
            ];
            for (result, expected) in results.iter().zip(expected) {
                assert_eq!(result.get(job).to_be_bytes(), expected, "job {job}");
            }
        }
        W::LANES
    }
}

#[test]
fn every_lane_agrees_with_single_blocks() {
    for engine in [Engine::Words, Engine::Avx2, Engine::Avx512, Engine::Emulated] {
        let lanes = engine.run(Compare);
        assert_eq!(lanes, if engine.is_available() { engine.lanes() } else { 64 });
    }
    assert!(Engine::best().is_available());
}

/// Logic of each word against that of bits.
struct Logic;

impl Kernel for Logic {
    type Output = ();

    #[inline(always)]
    fn run<W: Word>(self) {
        let mut random = Random(7);
        let mut draw = || {
            let mut word = W::ZERO;
            word.elements_mut().as_mut().fill_with(|| random.next());
            word
        };
        let [x, y, z] = [draw(), draw(), draw()];
        let [a, b, c] = [x, y, z].map(|word| *word.elements());
        let check = |word: W, f: fn(u64, u64, u64) -> u64| {
            for (i, element) in word.elements().as_ref().iter().enumerate() {
                assert_eq!(*element, f(a.as_ref()[i], b.as_ref()[i], c.as_ref()[i]));
            }
        };
        check(x.and(y), |a, b, _| a & b);
        check(x.or(y), |a, b, _| a | b);
        check(x.xor(y), |a, b, _| a ^ b);
        check(x.andn(y), |a, b, _| a & !b);
        check(x.not(), |a, _, _| !a);
        check(x.left::<5>(), |a, _, _| a << 5);
        check(x.right::<9>(), |a, _, _| a >> 9);
        check(W::select(x, y, z), |a, b, c| (a & b) | (!a & c));
        check(x.ternary::<0xCA>(y, z), |a, b, c| (a & b) | (!a & c));
        check(x.ternary::<0xE8>(y, z), |a, b, c| (a & b) | (a & c) | (b & c));
        check(x.ternary::<0x1E>(y, z), |a, b, c| a ^ (b | c));
        check(x.ternary::<0x53>(y, z), |a, b, c| (!b & !a) | (a & !c));
    }
}

#[test]
fn words_have_the_logic_of_bits() {
    for engine in [Engine::Words, Engine::Avx2, Engine::Avx512, Engine::Emulated] {
        engine.run(Logic);
    }
}
