// SPDX-License-Identifier: MIT OR Apache-2.0
//! The image: what is in its ELF file, and its list of operations as it runs.

use std::collections::BTreeMap;
use std::path::Path;

use crate::cpu::{Flash, Machine, RAM_AT, Stop, Watch};

/// Where the secrets of a run lie: behind the image's RAM (`firmware/proof/proof.h`).
pub const SECRETS_AT: u32 = 0x2004_0000;
pub const SECRETS_LEN: usize = 4096;
const RAM_LEN: usize = (SECRETS_AT - RAM_AT) as usize + SECRETS_LEN;
/// What no program of this image takes.
const ENDLESS: u64 = 4_000_000_000;

/// The last known answer of AES (FIPS 197, appendix C.3), of which the campaign changes a bit.
const ANSWER: [u8; 16] = [
    0x8E, 0xA2, 0xB7, 0xCA, 0x51, 0x67, 0x45, 0xBF, 0xEA, 0xFC, 0x49, 0x90, 0x4B, 0x49, 0x60, 0x89,
];

pub struct Image {
    pub flash: Flash,
    /// The same with a wrong known answer, if it has one.
    broken: Option<Flash>,
    by_name: BTreeMap<String, (u32, u32)>,
    functions: BTreeMap<u32, (u32, String)>,
    pub begin: u32,
    pub end: u32,
}

/// Behind each other in the image: name, prepare, run, expected status, flags, reason.
#[derive(Clone, Debug)]
pub struct Operation {
    pub name: String,
    pub expected: i32,
    pub flags: u32,
    pub reason: String,
}

impl Operation {
    /// Controls belong to one of the three programs.
    pub fn is_control_of_another(&self, program: &str) -> bool {
        self.flags & LEAKS != 0 && self.reason != program
    }
}

/// Flags of an operation, as `firmware/proof/proof.h` has them.
pub const HOSTILE: u32 = 1;
pub const KEEPS: u32 = 2;
pub const LEAKS: u32 = 4;
pub const REVEALS: u32 = 16;
pub const CLEARS: u32 = 32;
pub const GIVES: u32 = 64;
pub const ALSO: u32 = 128;
pub const FLIPS: u32 = 256;
pub const BROKEN: u32 = 512;

impl Image {
    pub fn open(path: &Path) -> Self {
        let file = std::fs::read(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
        let word = |at: usize| u32::from_le_bytes(file[at..at + 4].try_into().expect("four bytes")) as usize;
        let half = |at: usize| usize::from(u16::from_le_bytes([file[at], file[at + 1]]));
        assert_eq!(&file[..6], b"\x7fELF\x01\x01", "no 32-bit little-endian ELF file");

        let mut flash = Vec::new();
        for i in 0..half(44) {
            let header = word(28) + i * half(42);
            // A loaded segment with bytes, at its load address.
            let (kind, from, to, len) = (word(header), word(header + 4), word(header + 12), word(header + 16));
            if kind == 1 && len > 0 {
                flash.resize(flash.len().max(to + len), 0);
                flash[to..to + len].copy_from_slice(&file[from..from + len]);
            }
        }
        let (mut by_name, mut functions) = (BTreeMap::new(), BTreeMap::new());
        for i in 0..half(48) {
            let section = word(32) + i * half(46);
            if word(section + 4) != 2 {
                continue;
            }
            let names = word(word(32) + word(section + 24) * half(46) + 16);
            for symbol in (word(section + 16)..word(section + 16) + word(section + 20)).step_by(16) {
                let name = names + word(symbol);
                let text = file[name..]
                    .iter()
                    .take_while(|&&byte| byte != 0)
                    .map(|&byte| char::from(byte))
                    .collect::<String>();
                let (value, len, kind) = (word(symbol + 4) as u32, word(symbol + 8) as u32, file[symbol + 12] & 15);
                if kind == 2 {
                    functions.insert(value & !1, (len, text.clone()));
                }
                by_name.insert(text, (if kind == 2 { value & !1 } else { value }, len));
            }
        }
        let mut image = Self {
            broken: flash.windows(16).position(|bytes| bytes == ANSWER).map(|at| {
                let mut flash = flash.clone();
                flash[at + 7] ^= 0x10;
                Flash::new(flash)
            }),
            flash: Flash::new(flash),
            by_name,
            functions,
            begin: 0,
            end: 0,
        };
        image.begin = image.symbol("proof_begin");
        image.end = image.symbol("proof_end");
        image
    }

    pub fn symbol(&self, name: &str) -> u32 {
        self.object(name).0
    }

    /// Address and length.
    pub fn object(&self, name: &str) -> (u32, u32) {
        *self
            .by_name
            .get(name)
            .unwrap_or_else(|| panic!("no symbol {name} in the image"))
    }

    /// Function and offset.
    pub fn place(&self, pc: u32) -> String {
        match self.functions.range(..=pc).next_back() {
            Some((&at, (len, name))) if pc < at + (*len).max(1) => format!("{name} + {:#x} ({pc:#x})", pc - at),
            _ => format!("{pc:#x}"),
        }
    }

    /// Where the functions begin whose mangled names have both in them.
    pub fn functions(&self, part: &str, end: &str) -> Vec<u32> {
        let fits = |name: &str| name.contains(part) && name.contains(end);
        self.functions
            .iter()
            .filter(|(_, (_, name))| fits(name))
            .map(|(&at, _)| at)
            .collect()
    }

    /// The image at its reset, with the secrets of a seed.
    pub fn start(&self, secrets: &[u8]) -> Machine<'_> {
        let mut machine = Machine::new(&self.flash, RAM_LEN);
        machine.ram[(SECRETS_AT - RAM_AT) as usize..].copy_from_slice(secrets);
        machine
    }

    /// The flash of an operation: with a wrong known answer for those that ask for it.
    pub fn flash_of(&self, operation: &Operation) -> &Flash {
        if operation.flags & BROKEN == 0 {
            return &self.flash;
        }
        self.broken.as_ref().expect("the known answer of AES is in the image")
    }

    /// A machine that goes on from where another one is.
    pub fn copy(&self, from: &Machine) -> Machine<'_> {
        let mut machine = Machine::new(&self.flash, RAM_LEN);
        machine.ram.copy_from_slice(&from.ram);
        machine.regs = from.regs.clone();
        machine
    }

    fn text(&self, machine: &Machine, at: u32) -> String {
        (at..)
            .map_while(|at| machine.read(at, 1).ok().filter(|&byte| byte != 0))
            .map(|byte| char::from(byte as u8))
            .collect()
    }

    /// Runs to where the next operation begins.
    pub fn next(&self, machine: &mut Machine) -> Option<Operation> {
        let limit = machine.executed + ENDLESS;
        while machine.pc() != self.begin {
            match machine.step(&mut ()) {
                Ok(()) => assert!(machine.executed < limit, "the image does not come to an operation"),
                Err(Stop::Exit(0)) => return None,
                Err(stop) => {
                    print!("{}", machine.written);
                    panic!("the image ended with {stop:?} in {}", self.place(machine.pc()));
                }
            }
        }
        let at = machine.regs.r[0];
        let word = |i: u32| machine.read(at + 4 * i, 4).expect("an operation of the image");
        let (name, reason) = (self.text(machine, word(0)), word(5));
        let reason = if reason == 0 {
            String::new()
        } else {
            self.text(machine, reason)
        };
        Some(Operation {
            name,
            expected: word(3) as i32,
            flags: word(4),
            reason,
        })
    }

    /// Runs to the end of the operation: its status.
    pub fn finish<W: Watch>(&self, machine: &mut Machine, watch: &mut W, limit: u64) -> Result<i32, Stop> {
        let limit = machine.executed + limit;
        while machine.pc() != self.end {
            machine.step(watch)?;
            if machine.executed > limit {
                return Err(Stop::Exit(u32::MAX));
            }
        }
        Ok(machine.regs.r[0] as i32)
    }

    /// As above, for an operation that must return.
    pub fn complete<W: Watch>(&self, machine: &mut Machine, operation: &Operation, watch: &mut W) -> u64 {
        let before = machine.executed;
        let status = self.finish(machine, watch, ENDLESS).unwrap_or_else(|stop| {
            panic!(
                "{}: ended with {stop:?} in {}",
                operation.name,
                self.place(machine.pc())
            );
        });
        assert_eq!(
            status, operation.expected,
            "{}: another status than expected",
            operation.name
        );
        machine.executed - before
    }
}

/// The secrets of a seed. The last two seeds are adversarial: 2 is seed 0 but for the last byte of every field, 3 has keys
/// of the bytes 01 and FE, nearly.
pub fn secrets(seed: u32) -> Vec<u8> {
    let mut state = 0x243F_6A88_85A3_08D3_u64 ^ u64::from(if seed == 2 { 0 } else { seed }) << 17;
    let mut byte = || {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (state >> 56) as u8
    };
    // 16 keys of 32 bytes, the first eight for TDEA, with odd parity; then two PINs; then what the entropy source gives.
    let mut out: Vec<u8> = (0..SECRETS_LEN).map(|_| byte()).collect();
    if seed == 3 {
        for (i, byte) in out.iter_mut().take(512).enumerate() {
            *byte = if (i * 7 + i / 8 + i / 32) % 3 == 0 { 0x01 } else { 0xFE };
        }
    }
    let (keys, rest) = out.split_at_mut(512);
    for (i, key) in keys.chunks_mut(32).enumerate() {
        if seed == 2 {
            for last in [7, 15, 23, 31] {
                key[last] ^= 0x54;
            }
        }
        if seed == 3 {
            key[31 - i] ^= 0x80;
            key[15 - i / 2] ^= 0x40;
            key[i] ^= 0x10;
        }
        if i < 8 {
            key.iter_mut()
                .for_each(|byte| *byte ^= u8::from(byte.count_ones() % 2 == 0));
        }
    }
    let lengths = [[4, 6], [12, 5], [4, 6], [9, 4]][seed as usize % 4];
    for (pin, len) in rest[..32].chunks_mut(16).zip(lengths) {
        pin[0] = len;
        for (i, digit) in pin[1..].iter_mut().enumerate() {
            *digit = if i >= usize::from(len) {
                0
            } else if seed == 3 {
                9 - (i as u8 & 1) * 4
            } else {
                (*digit % 10 + u8::from(seed == 2 && i + 1 == usize::from(len))) % 10
            };
        }
    }
    out
}
