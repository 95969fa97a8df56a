// SPDX-License-Identifier: MIT OR Apache-2.0
//! Changes single bits of what an operation reads, one a run: of the context (slots, groups, state, policy), and of the
//! constants and tables in the flash. What must be refused stays refused; what is allowed gives what it gives, or fails.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use crate::cpu::{Flash, Machine, RAM_AT, Registers, Stop, Watch};
use crate::image::{ALSO, FLIPS, GIVES, HOSTILE, Image, LEAKS, secrets};

/// How long a run may take beyond the undisturbed one.
const PATIENCE: u64 = 50_000;
/// The bytes at the head of the output (`firmware/proof/proof.h`); lengths and handles follow.
const BYTES: usize = 2300;
/// The short form changes at most about so many bits of an operation's context, and of its flash.
const SAMPLE: usize = 160;
/// The longest operation of the short form.
const SHORT: u64 = 60_000;

/// Bytes that are read before they are written, and what the check that `--unsealed` leaves out says of sound places.
struct Reads {
    context: Range<u32>,
    flash: u32,
    /// With the instruction that reads first.
    read: BTreeMap<u32, u32>,
    pc: u32,
    written: BTreeSet<u32>,
    /// Where the check begins; where it returns to, while it runs; what it says.
    check: u32,
    back: Option<u32>,
    sound: Option<u32>,
    count: u64,
}

impl Watch for Reads {
    fn instruction(&mut self, pc: u32, regs: &Registers) {
        self.count += 1;
        self.pc = pc;
        if pc == self.check {
            self.back = Some(regs.r[14] & !1);
        }
        if self.back == Some(pc) {
            (self.back, self.sound) = (None, Some(regs.r[0]));
        }
    }

    fn access(&mut self, address: u32, bytes: u8, write: bool) {
        for at in address..address + u32::from(bytes) {
            if !self.context.contains(&at) && at >= self.flash {
                continue;
            }
            if write {
                self.written.insert(at);
            } else if !self.written.contains(&at) {
                self.read.entry(at).or_insert(self.pc);
            }
        }
    }
}

#[derive(Default)]
struct Count {
    bits: u32,
    accepted: u32,
    released: u32,
    wrong: u32,
    noticed: u32,
    same: u32,
    crashed: u32,
}

/// A run after a change: its memory and its answer.
struct Runs<'a> {
    image: &'a Image,
    flash: Flash,
    ram: Vec<u8>,
    /// The check to leave out, and what it would have said.
    without: Option<(u32, u32)>,
    limit: u64,
}

impl Runs<'_> {
    fn run(&mut self, from: &Machine, at: u32, mask: u8) -> Result<i32, Stop> {
        let in_flash = at < RAM_AT;
        if in_flash {
            self.flash.bytes[at as usize] ^= mask;
        }
        let mut machine = Machine::over(&self.flash, std::mem::take(&mut self.ram));
        machine.ram.copy_from_slice(&from.ram);
        machine.regs = from.regs.clone();
        if !in_flash {
            machine.ram[(at - RAM_AT) as usize] ^= mask;
        }
        let result = match self.without {
            None => self.image.finish(&mut machine, &mut (), self.limit),
            Some((check, sound)) => self.finish_without(&mut machine, check, sound),
        };
        self.ram = machine.ram;
        if in_flash {
            self.flash.bytes[at as usize] ^= mask;
        }
        result
    }

    fn finish_without(&self, machine: &mut Machine, check: u32, sound: u32) -> Result<i32, Stop> {
        for _ in 0..self.limit {
            if machine.pc() == self.image.end {
                return Ok(machine.regs.r[0] as i32);
            }
            if machine.pc() == check {
                machine.regs.r[0] = sound;
                machine.regs.r[15] = machine.regs.r[14] & !1;
                continue;
            }
            machine.step(&mut ())?;
        }
        Err(Stop::Exit(u32::MAX))
    }
}

/// Every bit of some bytes, or a part of them that is spread evenly.
fn bits(bytes: &[u32], full: bool) -> Vec<(u32, u8)> {
    let all = bytes.iter().flat_map(|&at| (0..8).map(move |bit| (at, 1 << bit)));
    let every = if full { 1 } else { (bytes.len() * 8).div_ceil(SAMPLE) | 1 };
    all.step_by(every).collect()
}

/// Prints a table and says whether all is as it should be.
pub fn run(image: &Image, options: &[&str]) -> bool {
    let full = options.contains(&"--full");
    let unsealed = options.contains(&"--unsealed");
    let only: Vec<_> = options.iter().filter(|option| !option.starts_with("--")).collect();
    let (at, len) = image.object("out");
    let out = (at - RAM_AT) as usize..(at - RAM_AT + len) as usize;
    let check = image.functions("4seal", "5judge");
    assert_eq!(check.len(), 1, "no check over places of keys");
    let mut mains = [0, 1].map(|seed| image.start(&secrets(seed)));
    let (mut operations, mut sum, mut bad) = (0, 0, 0);
    println!("operation\tinstructions\tbits\taccepted\tput out\twrong\tnoticed\tthe same\tcrashed");
    while let [Some(operation), Some(_)] = mains.each_mut().map(|main| image.next(main)) {
        let hostile = operation.flags & HOSTILE != 0 || full && operation.flags & ALSO != 0;
        let wanted = only.is_empty() || only.iter().any(|part| operation.name.contains(**part));
        let judged = (hostile || operation.flags & FLIPS != 0) && operation.flags & LEAKS == 0;
        let starts = mains.each_ref().map(|main| image.copy(main));
        let mut reads = Reads {
            context: image.symbol("contexts_start")..image.symbol("contexts_end"),
            flash: image.flash.bytes.len() as u32,
            read: BTreeMap::new(),
            pc: 0,
            written: BTreeSet::new(),
            check: check[0],
            back: None,
            sound: None,
            count: 0,
        };
        let [main, other] = &mut mains;
        if judged && wanted {
            image.complete(main, &operation, &mut reads);
        } else {
            image.complete(main, &operation, &mut ());
        }
        image.complete(other, &operation, &mut ());
        if !judged || !wanted || !full && only.is_empty() && reads.count > SHORT {
            continue;
        }
        // The flash: what decides. Changed constants of a cipher change what it gives, which self-tests find.
        let (flash, context): (Vec<u32>, Vec<u32>) = reads.read.keys().partition(|at| **at < RAM_AT);
        let flash = if hostile { flash } else { Vec::new() };
        let mut runs = Runs {
            image,
            flash: Flash::new(image.flash.bytes.clone()),
            ram: starts[0].ram.clone(),
            without: reads.sound.filter(|_| unsealed).map(|sound| (check[0], sound)),
            limit: reads.count + PATIENCE,
        };
        let mut count = Count::default();
        let mut places = Vec::new();
        let gives = operation.flags & GIVES != 0;
        let expected = mains[0].ram[out.clone()].to_vec();
        for (at, mask) in bits(&context, full).into_iter().chain(bits(&flash, full)) {
            count.bits += 1;
            let result = runs.run(&starts[0], at, mask);
            let given = runs.ram[out.clone()].to_vec();
            match result {
                Err(Stop::Exit(_) | Stop::Access(_) | Stop::Instruction(_)) => count.crashed += 1,
                // A success that gives nothing.
                Ok(0) if hostile && gives && given[..BYTES].iter().all(|&byte| byte == 0) => count.noticed += 1,
                Ok(0) if hostile => {
                    count.accepted += 1;
                    places.push((at, mask, "accepted"));
                }
                Ok(0) if given == expected => count.same += 1,
                Ok(0) => {
                    count.wrong += 1;
                    places.push((at, mask, "another output"));
                }
                Ok(_) => {
                    // Something that depends on secrets, with a refusal.
                    let differs = given != expected
                        && given.iter().any(|&byte| byte != 0)
                        && runs.run(&starts[1], at, mask).is_ok()
                        && runs.ram[out.clone()] != given;
                    if hostile && differs {
                        count.released += 1;
                        places.push((at, mask, "put out"));
                    } else if hostile && result == Ok(operation.expected) {
                        count.same += 1;
                    } else {
                        count.noticed += 1;
                    }
                }
            }
        }
        println!(
            "{}\t{}\t{}\t{}\t{}\t{}\t{}\t{}\t{}",
            operation.name,
            reads.count,
            count.bits,
            count.accepted,
            count.released,
            count.wrong,
            count.noticed,
            count.same,
            count.crashed
        );
        if !unsealed {
            for (at, mask, what) in places {
                println!(
                    "\t{what} with bit {mask:#04x} of {at:#x}, {}, read by {}",
                    describe(image, at),
                    image.place(reads.read[&at])
                );
            }
        }
        operations += 1;
        sum += count.bits;
        bad += count.accepted + count.released + count.wrong;
    }
    let which = if full { "" } else { ", a part of all" };
    println!("{operations} operations, {sum} bits changed{which}; accepted, put out or wrong in {bad} runs");
    operations > 0 && (bad == 0) != unsealed
}

/// Where a byte is.
fn describe(image: &Image, at: u32) -> String {
    let start = image.symbol("contexts_start");
    if at < RAM_AT {
        return image.place(at);
    }
    let each = (image.symbol("contexts_end") - start) / 2;
    let (which, inside) = ((at - start) / each, (at - start) % each);
    let module = if which == 0 { "terminal" } else { "host" };
    // `PAYHSM_CTX_BASE_SIZE`, `PAYHSM_SLOT_SIZE`, `PAYHSM_GROUP_SIZE` of include/payhsm.h, and the image's 12 slots.
    match inside.checked_sub(5120) {
        None => format!("{module}, context + {inside:#x}"),
        Some(at) if at < 12 * 192 => format!("{module}, slot {} + {:#x}", at / 192, at % 192),
        Some(at) => {
            let at = at - 12 * 192;
            format!("{module}, group {} + {:#x}", at / 1344, at % 1344)
        }
    }
}
