// SPDX-License-Identifier: MIT OR Apache-2.0
//! Leaves out each executed instruction of an operation that must refuse, one a run, and counts what is accepted.

use std::collections::HashMap;

use crate::cpu::{Machine, RAM_AT, Registers, Stop, Watch};
use crate::image::{ALSO, BROKEN, GIVES, HOSTILE, Image, LEAKS, secrets};

/// How long a run may take beyond the undisturbed one.
const PATIENCE: u64 = 50_000;
/// In the short form an instruction that is executed often is left out the first times, the last time, and in between
/// every so often.
const FIRST: u32 = 1;
/// The bytes at the head of the output (`firmware/proof/proof.h`); lengths and handles follow.
const BYTES: usize = 2300;
/// The longest operation that the full form goes through whole: the time grows with the square.
const WHOLE: usize = 200_000;
const EVERY: u32 = 1021;

#[derive(Default)]
struct Path(Vec<u32>);

impl Watch for Path {
    fn instruction(&mut self, pc: u32, _: &Registers) {
        self.0.push(pc);
    }
}

#[derive(Default)]
struct Count {
    tried: u32,
    accepted: u32,
    released: u32,
    /// Success that gives nothing.
    empty: u32,
    refused: u32,
    crashed: u32,
}

/// Goes on from a walker without its next instruction.
fn without_next(image: &Image, walker: &Machine, runner: &mut Machine, limit: u64) -> Result<i32, Stop> {
    runner.ram.copy_from_slice(&walker.ram);
    runner.regs = walker.regs.clone();
    runner.skip()?;
    image.finish(runner, &mut (), limit)
}

/// What is known: an operation, how often it may accept, how often put something out.
fn accepted(path: &str) -> HashMap<String, (u32, u32)> {
    let text = std::fs::read_to_string(path).unwrap_or_else(|e| panic!("{path}: {e}"));
    let lines = text.lines().filter(|line| !line.starts_with('#') && !line.is_empty());
    lines
        .map(|line| {
            let mut fields = line.split('\t');
            let name = fields.next().expect("a name").to_string();
            let mut number = || {
                fields
                    .next()
                    .and_then(|n| n.parse().ok())
                    .unwrap_or_else(|| panic!("{path}: {line}"))
            };
            (name, (number(), number()))
        })
        .collect()
}

pub fn run(image: &Image, options: &[&str]) -> bool {
    let full = options.contains(&"--full");
    let (lists, only): (Vec<_>, Vec<_>) = options
        .iter()
        .copied()
        .filter(|option| !option.starts_with("--"))
        .partition(|option| option.ends_with(".txt"));
    let known = lists.first().map_or(HashMap::new(), |path| accepted(path));
    let (at, len) = image.object("out");
    let out = (at - RAM_AT) as usize..(at - RAM_AT + len) as usize;
    let mut mains = [0, 1].map(|seed| image.start(&secrets(seed)));
    let (mut good, mut operations, mut sum, mut accepts) = (true, 0, 0, 0);
    println!("operation\tinstructions\tleft out\taccepted\tput out\tempty\trefused\tcrashed");
    while let [Some(operation), Some(_)] = mains.each_mut().map(|main| image.next(main)) {
        let wanted = only.is_empty() || only.iter().any(|part| operation.name.contains(*part));
        let asked = full || !only.is_empty();
        let always = operation.flags & HOSTILE != 0 || operation.flags & (BROKEN | ALSO) == BROKEN;
        let judged = always || asked && operation.flags & ALSO != 0;
        if !judged || !wanted || operation.is_control_of_another("faults") {
            for main in &mut mains {
                image.complete(main, &operation, &mut ());
            }
            continue;
        }
        // Two walkers with different secrets: a disturbed wipe writes what is no secret, and then both write the same.
        let mut walkers = mains.each_ref().map(|main| image.copy(main));
        let mut runner = image.copy(&mains[0]);
        let mut other = image.copy(&mains[1]);
        let flash = image.flash_of(&operation);
        for machine in walkers.iter_mut().chain([&mut runner, &mut other]) {
            machine.flash = flash;
        }
        let mut path = Path::default();
        let mut probe = image.copy(&mains[0]);
        probe.flash = flash;
        let refused = image.finish(&mut probe, &mut path, u64::MAX >> 1);
        assert!(refused.is_ok_and(|status| status != 0), "{}: is not refused", operation.name);
        let path = path.0;
        for main in &mut mains {
            image.complete(main, &operation, &mut ());
        }
        let mut last = HashMap::new();
        for (i, pc) in path.iter().enumerate() {
            last.insert(*pc, i);
        }
        let mut times: HashMap<u32, u32> = HashMap::new();
        let mut count = Count::default();
        let gives = operation.flags & GIVES != 0;
        let given = |ram: &[u8]| ram[out.clone()].iter().any(|&byte| byte != 0);
        let mut places = Vec::new();
        for (i, &pc) in path.iter().enumerate() {
            let time = times.entry(pc).or_default();
            *time += 1;
            if full && path.len() <= WHOLE || *time <= FIRST || *time % EVERY == 0 || last[&pc] == i {
                count.tried += 1;
                let limit = (path.len() - i) as u64 + PATIENCE;
                match without_next(image, &walkers[0], &mut runner, limit) {
                    Ok(0) if gives && runner.ram[out.start..out.start + BYTES].iter().all(|&byte| byte == 0) => {
                        count.empty += 1
                    }
                    Ok(0) => {
                        count.accepted += 1;
                        places.push((pc, "accepted"));
                    }
                    Ok(_)
                        if given(&runner.ram)
                            && without_next(image, &walkers[1], &mut other, limit).is_ok()
                            && runner.ram[out.clone()] != other.ram[out.clone()] =>
                    {
                        count.released += 1;
                        places.push((pc, "put out"));
                    }
                    Ok(_) => count.refused += 1,
                    Err(Stop::Exit(_) | Stop::Access(_) | Stop::Instruction(_)) => count.crashed += 1,
                }
            }
            for walker in &mut walkers {
                walker.step(&mut ()).expect("the undisturbed run has done this");
            }
        }
        let bad = count.accepted + count.released;
        let control = operation.flags & LEAKS != 0;
        let limit = known.get(&operation.name).copied().unwrap_or((0, 0));
        let within = count.accepted <= limit.0 && count.released <= limit.1;
        let remark = match (bad != 0, control) {
            (false, false) => "",
            (true, true) => "caught",
            (false, true) => "NOT CAUGHT",
            (true, false) if within => "as listed",
            (true, false) => "ACCEPTS MORE THAN IS LISTED",
        };
        println!(
            "{}\t{}\t{}\t{}\t{}\t{}\t{}\t{}\t{remark}",
            operation.name,
            path.len(),
            count.tried,
            count.accepted,
            count.released,
            count.empty,
            count.refused,
            count.crashed
        );
        if !control && (!within || options.contains(&"--places")) {
            for (pc, what) in &places {
                println!("\t{what} without the instruction at {}", image.place(*pc));
            }
        }
        good &= if control { bad != 0 } else { within };
        accepts += if control { 0 } else { bad };
        operations += 1;
        sum += count.tried;
    }
    let which = if full { "" } else { ", of those in loops a part" };
    println!("{operations} operations, {sum} instructions left out{which}; accepted or put out in {accepts} runs");
    good && operations > 0
}

/// Prints the functions through which an operation goes after an instruction was left out.
pub fn follow(image: &Image, name: &str, pc: &str) -> bool {
    let pc = u32::from_str_radix(pc.trim_start_matches("0x"), 16).expect("a hexadecimal number");
    let mut machine = image.start(&secrets(0));
    while let Some(operation) = image.next(&mut machine) {
        if operation.name != name {
            image.complete(&mut machine, &operation, &mut ());
            continue;
        }
        while machine.pc() != pc {
            machine.step(&mut ()).expect("the undisturbed run does this");
        }
        machine.skip().expect("an instruction");
        let mut last = String::new();
        while machine.pc() != image.end {
            let place = image.place(machine.pc());
            let function = place.split(" + ").next().unwrap_or_default().to_string();
            if function != last {
                println!("{place} r0 = {:#x}", machine.regs.r[0]);
                last = function;
            }
            if let Err(stop) = machine.step(&mut ()) {
                println!("{stop:?}");
                break;
            }
        }
        println!("r0 = {:#x}", machine.regs.r[0]);
        return true;
    }
    false
}
