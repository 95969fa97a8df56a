// SPDX-License-Identifier: MIT OR Apache-2.0
//! What differs in memory and in the registers of the caller after an operation, when nothing but the secrets differed
//! before it.

use crate::cpu::{Machine, RAM_AT, Watch};
use crate::image::{CLEARS, Image, KEEPS, LEAKS, SECRETS_AT, secrets};

const SEEDS: u32 = 3;
const PAINT: u8 = 0xA5;

/// How deep the stack is.
struct Depth {
    lowest: u32,
    stack: u32,
}

impl Watch for Depth {
    fn access(&mut self, address: u32, _: u8, write: bool) {
        if write && address >= self.stack {
            self.lowest = self.lowest.min(address);
        }
    }
}

/// Where the memories differ.
fn differences(rams: &[&[u8]]) -> Vec<usize> {
    let (first, others) = rams.split_first().expect("a seed");
    let mut found = Vec::new();
    for (chunk, bytes) in first.chunks(256).enumerate() {
        let from = chunk * 256;
        if others.iter().any(|ram| ram[from..from + bytes.len()] != *bytes) {
            found.extend((from..from + bytes.len()).filter(|&at| others.iter().any(|ram| ram[at] != first[at])));
        }
    }
    found
}

#[derive(Default)]
struct Found {
    stack: usize,
    fixed: usize,
    context: usize,
    outputs: usize,
    /// Of the first byte that must not differ, and of registers.
    places: Vec<String>,
}

/// Prints a table and says whether all is as it should be.
pub fn run(image: &Image, no_burn: bool) -> bool {
    let declared = image.symbol("declared_start")..image.symbol("declared_end");
    let contexts = image.symbol("contexts_start")..image.symbol("contexts_end");
    let host = contexts.start + (contexts.end - contexts.start) / 2;
    let stack = image.symbol("stack_bottom");
    let burns = image.functions("6memory", "burn_stack");
    assert!(!no_burn || burns.len() == 2, "no overwriting of the stack to leave out");
    let mut machines: Vec<Machine> = (0..SEEDS).map(|seed| image.start(&secrets(seed))).collect();
    let (mut good, mut count, mut sum, mut deepest) = (true, 0, 0, 0);
    println!("operation\tstack\tstatic\tregisters\tcontext\toutputs\tdepth\tremark");
    while let Some(operation) = machines
        .iter_mut()
        .map(|machine| image.next(machine))
        .collect::<Vec<_>>()
        .swap_remove(0)
    {
        let mut before = Vec::new();
        let mut depth = 0;
        for machine in &mut machines {
            let sp = machine.regs.r[13];
            machine.ram[(stack - RAM_AT) as usize..(sp - RAM_AT) as usize].fill(PAINT);
            before.push(machine.ram.clone());
            let mut watch = Depth { lowest: sp, stack };
            while machine.pc() != image.end {
                if burns.contains(&machine.pc()) {
                    // What the command took, before the overwriting takes its own.
                    depth = depth.max(sp - watch.lowest);
                    if no_burn {
                        machine.regs.r[15] = machine.regs.r[14] & !1;
                        continue;
                    }
                }
                machine
                    .step(&mut watch)
                    .unwrap_or_else(|stop| panic!("{}: {stop:?}", operation.name));
            }
            assert_eq!(
                machine.regs.r[0] as i32, operation.expected,
                "{}: another status than expected",
                operation.name
            );
        }
        if operation.is_control_of_another("residue") {
            continue;
        }
        let before = differences(&before.iter().map(Vec::as_slice).collect::<Vec<_>>());
        let clears = operation.flags & CLEARS != 0;
        let mut found = Found::default();
        for at in differences(&machines.iter().map(|machine| &machine.ram[..]).collect::<Vec<_>>()) {
            let address = RAM_AT + at as u32;
            if address >= SECRETS_AT {
                continue;
            }
            if contexts.contains(&address) {
                // New there; or there at all, in the context of which nothing may be left.
                let left = if clears {
                    address >= host
                } else {
                    before.binary_search(&at).is_err()
                };
                found.context += usize::from(left);
            } else if declared.contains(&address) {
                found.outputs += 1;
            } else {
                *(if address >= stack {
                    &mut found.stack
                } else {
                    &mut found.fixed
                }) += 1;
                if found.places.is_empty() {
                    found.places.push(format!("{address:#x}"));
                }
            }
        }
        let mut registers = 0;
        for r in [0, 1, 2, 3, 12, 14] {
            if machines
                .iter()
                .any(|machine| machine.regs.r[r] != machines[0].regs.r[r])
            {
                registers += 1;
                found.places.push(format!("r{r}"));
            }
        }
        registers += usize::from(
            machines
                .iter()
                .any(|machine| machine.regs.flags() != machines[0].regs.flags()),
        );
        let left = found.stack + found.fixed + registers != 0;
        let kept = found.context != 0 && operation.flags & KEEPS == 0;
        let expected = operation.flags & LEAKS != 0;
        let remark = match (left || kept, expected) {
            (false, false) if found.context != 0 => operation.reason.clone(),
            (false, false) => String::new(),
            (true, true) => "caught".into(),
            (false, true) => "NOT CAUGHT".into(),
            (true, false) => format!("LEFT at {}", found.places.join(", ")),
        };
        println!(
            "{}\t{}\t{}\t{registers}\t{}\t{}\t{depth}\t{remark}",
            operation.name, found.stack, found.fixed, found.context, found.outputs
        );
        good &= (left || kept) == expected;
        count += 1;
        sum += found.stack;
        deepest = deepest.max(depth);
    }
    println!(
        "{count} operations, {SEEDS} secrets each; bytes of secrets on the stack, all together: {sum}; deepest call: {deepest} bytes"
    );
    good && count > 0
}
