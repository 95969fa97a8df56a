// SPDX-License-Identifier: MIT OR Apache-2.0
//! The instructions that an operation executes, the addresses that it reads and writes and the operands of its divisions,
//! compared for different secrets: as whole sequences; the hashes are for people.

use std::collections::BTreeSet;

use crate::cpu::{Machine, Registers, Watch};
use crate::decode::Op;
use crate::image::{Image, LEAKS, REVEALS, secrets};

/// Functions whose traces may differ, with all that they call: parts of their names, and why.
const DECLARED: [(&str, &str, &str); 2] = [
    (
        "8keyblock",
        "E5parse",
        "the characters of a key block, which are public",
    ),
    (
        "3pin5block",
        "11random_fill",
        "random digits are drawn until they are ones: those that are not are thrown away",
    ),
];

struct Trace<'a> {
    declared: &'a [u32],
    /// Where the declared function that runs returns to, and its stack pointer.
    inside: Option<(u32, u32)>,
    was_inside: bool,
    instructions: Vec<u32>,
    /// Address, with length and direction above its bits, and the number of the instruction.
    accesses: Vec<(u32, u32)>,
    predicates: Vec<(u32, bool)>,
    divisions: Vec<(u32, u32, u32)>,
}

impl Watch for Trace<'_> {
    fn instruction(&mut self, pc: u32, regs: &Registers) {
        match self.inside {
            None if self.declared.contains(&pc) => {
                self.inside = Some((regs.r[14] & !1, regs.r[13]));
                self.was_inside = true;
            }
            Some(end) if end == (pc, regs.r[13]) => self.inside = None,
            _ => {}
        }
        if self.inside.is_none() {
            self.instructions.push(pc);
        }
    }

    fn access(&mut self, address: u32, bytes: u8, write: bool) {
        if self.inside.is_none() {
            let kind = u32::from(bytes) << 26 | u32::from(write) << 31;
            self.accesses.push((address | kind, self.instructions.len() as u32));
        }
    }

    fn predicate(&mut self, pc: u32, holds: bool) {
        if self.inside.is_none() {
            self.predicates.push((pc, holds));
        }
    }

    fn division(&mut self, n: u32, m: u32) {
        if self.inside.is_none() {
            self.divisions.push((n, m, self.instructions.len() as u32));
        }
    }
}

fn hash(words: impl Iterator<Item = u32>) -> u64 {
    words.fold(0xCBF2_9CE4_8422_2325, |hash, word| {
        let x = (hash ^ u64::from(word)).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        x ^ x >> 29
    })
}

impl<'a> Trace<'a> {
    fn new(declared: &'a [u32]) -> Self {
        let (instructions, accesses, predicates, divisions) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        Self {
            declared,
            inside: None,
            was_inside: false,
            instructions,
            accesses,
            predicates,
            divisions,
        }
    }

    fn first_difference(&self, other: &Self, image: &Image) -> Option<String> {
        let count = self.instructions.len().min(other.instructions.len());
        let differs = |i: &usize| self.instructions[*i] != other.instructions[*i];
        if let Some(i) = (0..count).find(differs) {
            return Some(format!(
                "branch in {}",
                image.place(self.instructions[i.saturating_sub(1)])
            ));
        }
        if self.instructions.len() != other.instructions.len() {
            return Some("one is longer".into());
        }
        let at = |i: u32| image.place(self.instructions[(i as usize).saturating_sub(1)]);
        if let Some((a, _)) = self.accesses.iter().zip(&other.accesses).find(|(a, b)| a != b) {
            return Some(format!("address in {}", at(a.1)));
        }
        if self.accesses.len() != other.accesses.len() {
            return Some("more accesses".into());
        }
        let division = self.divisions.iter().zip(&other.divisions).find(|(a, b)| a != b);
        division.map(|(a, _)| format!("division in {}", at(a.2)))
    }

    /// Instructions whose condition held for one secret and not for the other, in the same trace. They take as long either
    /// way if they only move or compute; what else is among them comes first.
    fn conditions(&self, other: &Self, image: &Image, into: &mut BTreeSet<u32>) -> Option<String> {
        let differ = self.predicates.iter().zip(&other.predicates).filter(|(a, b)| a != b);
        into.extend(differ.map(|(a, _)| a.0));
        let computes = |pc: &&u32| {
            let op = image.flash.at(**pc).map(|instruction| instruction.op);
            !matches!(
                op,
                Some(Op::Alu { .. } | Op::Movt { .. } | Op::Bfi { .. } | Op::Extract { .. } | Op::Extend { .. })
            )
        };
        into.iter()
            .find(computes)
            .map(|&pc| format!("condition in {}", image.place(pc)))
    }
}

/// Prints a table and says whether all is as it should be.
pub fn run(image: &Image, seeds: u32) -> bool {
    let declared: Vec<u32> = DECLARED
        .iter()
        .flat_map(|(part, end, _)| image.functions(part, end))
        .collect();
    let mut machines: Vec<Machine> = (0..seeds).map(|seed| image.start(&secrets(seed))).collect();
    let (mut good, mut count, mut total, mut without) = (true, 0_u32, 0_u64, 0);
    let mut moves = BTreeSet::new();
    println!("operation\tinstructions\taccesses\tconditions\tinstruction hash\taddress hash\tremark");
    loop {
        let found: Vec<_> = machines.iter_mut().map(|machine| image.next(machine)).collect();
        let Some(operation) = found[0].clone() else {
            assert!(
                found.iter().all(Option::is_none),
                "the secrets change the list of operations"
            );
            break;
        };
        let mut traces = machines.iter_mut().map(|machine| {
            let mut trace = Trace::new(&declared);
            image.complete(machine, &operation, &mut trace);
            trace
        });
        let first = traces.next().expect("a seed");
        let (mut difference, mut conditions) = (None, BTreeSet::new());
        for other in traces {
            let found = first.first_difference(&other, image);
            difference = difference
                .or(found)
                .or_else(|| first.conditions(&other, image, &mut conditions));
        }
        if operation.is_control_of_another("trace") {
            continue;
        }
        moves.extend(conditions.iter().copied());
        count += 1;
        total += first.instructions.len() as u64;
        let hashes = (
            hash(first.instructions.iter().copied()),
            hash(first.accesses.iter().map(|&(address, _)| address)),
        );
        let remark = match (difference, operation.flags & (LEAKS | REVEALS)) {
            (None, 0) if first.was_inside => {
                without += 1;
                "but for a declared function".to_string()
            }
            (None, 0) => String::new(),
            (Some(what), REVEALS) => format!("declared: {}: {what}", operation.reason),
            (Some(what), LEAKS) => format!("caught: {what}"),
            (Some(what), _) => {
                good = false;
                format!("DIFFERENT: {what}")
            }
            (None, _) => {
                good = false;
                "NOT CAUGHT, or declared without need".to_string()
            }
        };
        let hashed = if remark.is_empty() || remark.starts_with("but") {
            format!("{:016X}\t{:016X}", hashes.0, hashes.1)
        } else {
            "-\t-".into()
        };
        println!(
            "{}\t{}\t{}\t{}\t{hashed}\t{remark}",
            operation.name,
            first.instructions.len(),
            first.accesses.len(),
            conditions.len()
        );
    }
    println!(
        "{count} operations, {seeds} secrets each, {total} instructions each; {without} without declared functions:"
    );
    for (part, end, reason) in DECLARED {
        println!(
            "  {} {}: {reason}",
            part.trim_start_matches(char::is_numeric),
            end.trim_start_matches(['E', '1', '5'])
        );
    }
    println!(
        "conditions of instructions that only move or compute, and that varied ({}):",
        moves.len()
    );
    let mut functions = std::collections::BTreeMap::<String, u32>::new();
    for pc in moves {
        let place = image.place(pc);
        *functions
            .entry(place.split(" + ").next().unwrap_or_default().to_string())
            .or_default() += 1;
    }
    for (function, count) in functions {
        println!("  {function}: {count}");
    }
    good && count > 0
}
