// SPDX-License-Identifier: MIT OR Apache-2.0
//! Reads a disassembly (objdump, AT&T syntax) and follows what is secret through the general registers of the vector
//! kernels: `scripts/objects`.
//!
//! Secret is all that comes out of a vector or mask register, and all that is read from memory but constants of the program, spilled
//! public values, and, in `run*`, what stands directly behind an argument: pointers to schedules and their number. In
//! `schedule` what stands there is the key. Refused are a secret in an address, in the flags of a branch or in a division; gathers
//! and scatters; indirect jumps; calls of anything that is not a kernel itself.
use std::collections::{BTreeMap, HashMap};
use std::io::Read;

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
enum Kind {
    /// An argument as it came.
    Argument,
    Public,
    Secret,
}
use Kind::{Argument, Public, Secret};

#[derive(Clone, PartialEq)]
struct State {
    registers: [Kind; 16],
    flags: Kind,
    slots: BTreeMap<(usize, String), Kind>,
}

struct Instruction {
    address: String,
    text: String,
    name: String,
    operands: Vec<String>,
}

/// The general register that `name` is a part of.
fn register(name: &str) -> Option<usize> {
    let name = name.trim().strip_prefix('%')?;
    const OLD: [&str; 8] = ["a", "c", "d", "b", "sp", "bp", "si", "di"];
    if let Some(rest) = name.strip_prefix('r')
        && let Ok(number) = rest.trim_end_matches(['d', 'w', 'b']).parse::<usize>()
    {
        return (8..16).contains(&number).then_some(number);
    }
    let core = name.trim_start_matches(['r', 'e']);
    let core = if core.len() == 2 && core.ends_with(['x', 'l', 'h']) && "abcd".contains(&core[..1]) { &core[..1] } else { core };
    let core = core.strip_suffix('l').filter(|c| c.len() == 2).unwrap_or(core);
    OLD.iter().position(|old| *old == core)
}

/// Displacement, base and index of a memory operand.
fn memory(operand: &str) -> Option<(String, Option<String>, Option<String>)> {
    let operand = operand.split('{').next().unwrap_or(operand);
    let (displacement, rest) = operand.split_once('(')?;
    let mut parts = rest.trim_end_matches(')').split(',').map(|part| part.trim().to_string());
    let part = |p: Option<String>| p.filter(|p| p.starts_with('%'));
    let base = part(parts.next());
    Some((displacement.to_string(), base, part(parts.next())))
}

/// Whether a displacement is the address of something in the program.
fn is_constant(displacement: &str) -> bool {
    displacement.strip_prefix("0x").and_then(|hex| u64::from_str_radix(hex, 16).ok()).is_some_and(|address| address >= 1 << 20)
}

fn operands(text: &str) -> Vec<String> {
    let (mut all, mut depth, mut now) = (Vec::new(), 0, String::new());
    for c in text.chars() {
        match c {
            '(' => depth += 1,
            ')' => depth -= 1,
            ',' if depth == 0 => {
                all.push(std::mem::take(&mut now).trim().to_string());
                continue;
            }
            _ => {}
        }
        now.push(c);
    }
    if !now.trim().is_empty() {
        all.push(now.trim().to_string());
    }
    all
}

struct Function<'a> {
    is_schedule: bool,
    code: Vec<Instruction>,
    known: &'a dyn Fn(&str) -> bool,
}

impl Function<'_> {
    fn kind(&self, state: &State, operand: &str) -> Kind {
        if let Some(number) = register(operand) {
            return state.registers[number];
        }
        let Some((displacement, base, index)) = memory(operand) else {
            return if operand.starts_with('$') { Public } else { Secret };
        };
        match (base.as_deref(), index) {
            (Some("%rip"), None) => Public,
            (Some(base @ ("%rsp" | "%rbp")), None) => {
                let slot = (register(base).unwrap(), displacement);
                state.slots.get(&slot).copied().unwrap_or(Secret)
            }
            (Some(base), None) if register(base).is_some_and(|r| state.registers[r] == Argument) && !self.is_schedule => Public,
            // A table of the program: its address is a constant of the image, which begins at 1 MiB.
            (Some(base), None) if register(base).is_some_and(|r| state.registers[r] == Public) && is_constant(&displacement) => Public,
            _ => Secret,
        }
    }

    /// What `instruction` does to `state`, and what is wrong with it.
    fn step(&self, instruction: &Instruction, state: &mut State) -> Option<&'static str> {
        let name = instruction.name.as_str();
        let all = &instruction.operands;
        for operand in all {
            if let Some((_, base, index)) = memory(operand) {
                let secret = |r: &Option<String>| {
                    r.as_deref().is_some_and(|r| r != "%rip" && register(r).is_none_or(|r| state.registers[r] == Secret))
                };
                if (secret(&base) || secret(&index)) && !name.starts_with("nop") && name != "lea" {
                    return Some("address");
                }
            }
        }
        if name.contains("gather") || name.contains("scatter") {
            return Some("gather");
        }
        if name.starts_with("div") || name.starts_with("idiv") {
            return Some("division");
        }
        if name.starts_with('j') {
            if all.first().is_some_and(|target| target.starts_with('*')) {
                return Some("indirect jump");
            }
            return (name != "jmp" && state.flags == Secret).then_some("branch");
        }
        if name.starts_with("call") {
            for scratch in [0, 1, 2, 6, 7, 8, 9, 10, 11] {
                state.registers[scratch] = Secret;
            }
            return (!(self.known)(&instruction.text)).then_some("call");
        }
        let joined = all.iter().map(|operand| self.kind(state, operand)).max().unwrap_or(Public);
        let sources = &all[..all.len().saturating_sub(1)];
        let source = sources.iter().map(|operand| self.kind(state, operand)).max().unwrap_or(Public);
        let vector = name.starts_with('v') || (name.starts_with('k') && name.len() > 3);
        let kind = if vector {
            if name.contains("test") || name.contains("comi") {
                state.flags = Secret;
            }
            Secret
        } else if name.starts_with("cmov") {
            joined.max(state.flags)
        } else if name.starts_with("set") {
            state.flags
        } else if name.starts_with("mov") {
            source
        } else if name == "lea" {
            let Some((_, base, index)) = all.first().and_then(|operand| memory(operand)) else { return Some("operand") };
            let of = |r: Option<String>| r.and_then(|r| register(&r)).map_or(Public, |r| state.registers[r]);
            of(base).max(of(index)).max(Public)
        } else if name.starts_with("pop") {
            Public
        } else if matches!(name, "push" | "ret" | "nop" | "nopw" | "nopl" | "vzeroupper" | "endbr64" | "int3" | "xchg") {
            return None;
        } else {
            let cleared = name.starts_with("xor") && all.len() == 2 && all[0] == all[1];
            let kind = if cleared { Public } else { joined.max(Public) };
            if !(name.ends_with('x') && name.len() == 4) && !name.starts_with("bswap") && !name.starts_with("not") {
                state.flags = kind;
            }
            if name.starts_with("cmp") || name.starts_with("test") || name == "bt" {
                return None;
            }
            kind
        };
        match all.last() {
            Some(to) if register(to).is_some() => state.registers[register(to).unwrap()] = kind,
            Some(to) => {
                if let Some((displacement, Some(base @ ("%rsp" | "%rbp")), None)) =
                    memory(to).as_ref().map(|(d, b, i)| (d.clone(), b.as_deref(), i.as_deref()))
                {
                    state.slots.insert((register(base).unwrap(), displacement), kind);
                }
            }
            None => {}
        }
        None
    }

    fn check(&self) -> Vec<String> {
        let place: HashMap<&str, usize> = self.code.iter().enumerate().map(|(n, i)| (i.address.as_str(), n)).collect();
        let mut before: Vec<Option<State>> = vec![None; self.code.len()];
        before[0] = Some(State {
            registers: [Argument; 16],
            flags: Public,
            slots: BTreeMap::new(),
        });
        let mut wrong = BTreeMap::new();
        let mut work = vec![0];
        while let Some(at) = work.pop() {
            let (instruction, mut state) = (&self.code[at], before[at].clone().unwrap());
            if let Some(what) = self.step(instruction, &mut state) {
                wrong.insert(at, format!("{what}: {}", instruction.text));
            }
            let mut next = Vec::new();
            if instruction.name.starts_with('j') {
                let target = instruction.operands.first().and_then(|t| t.split_whitespace().next()).unwrap_or("");
                match place.get(target) {
                    Some(to) => next.push(*to),
                    None if (self.known)(&instruction.text) => {}
                    None => {
                        wrong.insert(at, format!("jump out: {}", instruction.text));
                    }
                }
            }
            if instruction.name != "jmp" && instruction.name != "ret" && at + 1 < self.code.len() {
                next.push(at + 1);
            }
            for to in next {
                let joined = match &before[to] {
                    None => state.clone(),
                    Some(old) => {
                        let mut new = old.clone();
                        for (a, b) in new.registers.iter_mut().zip(state.registers) {
                            *a = (*a).max(b);
                        }
                        new.flags = new.flags.max(state.flags);
                        for (slot, kind) in &state.slots {
                            let known = new.slots.entry(slot.clone()).or_insert(*kind);
                            *known = (*known).max(*kind);
                        }
                        new
                    }
                };
                if before[to].as_ref() != Some(&joined) {
                    before[to] = Some(joined);
                    work.push(to);
                }
            }
        }
        wrong.into_values().collect()
    }
}

/// `check PART...` reads the functions whose symbol contains one of the parts; prints a line for each and exits with 1 if
/// one is wrong, with 2 if a part is in no symbol.
fn main() {
    let parts: Vec<String> = std::env::args().skip(1).collect();
    let mut text = String::new();
    std::io::stdin().read_to_string(&mut text).unwrap();
    let mut missing: Vec<&String> = parts.iter().collect();
    let mut bad = false;
    let known = |line: &str| parts.iter().any(|part| line.contains(part.as_str()));
    for block in text.split("\n\n") {
        let mut lines = block.trim_start().lines();
        let Some(symbol) = lines.next().and_then(|l| Some(l.split_once('<')?.1.split_once('>')?.0)) else { continue };
        let Some(part) = parts.iter().find(|part| symbol.contains(part.as_str())) else { continue };
        missing.retain(|m| *m != part);
        let code: Vec<Instruction> = lines
            .filter_map(|line| {
                let (address, rest) = line.trim().split_once(':')?;
                let text = rest.split('#').next()?.trim().to_string();
                let mut words = text.split_whitespace().peekable();
                while words.peek().is_some_and(|w| ["data16", "cs", "notrack", "bnd", "rep", "lock"].contains(w)) {
                    words.next();
                }
                let name = words.next()?.to_string();
                let after = text.split_once(&name)?.1.to_string();
                Some(Instruction {
                    address: address.to_string(),
                    operands: operands(&after),
                    text,
                    name: if name.starts_with("lea") { "lea".into() } else { name },
                })
            })
            .collect();
        if code.is_empty() {
            continue;
        }
        let function = Function {
            is_schedule: part.contains("schedule"),
            code,
            known: &known,
        };
        let wrong = function.check();
        println!("{part}: {} instructions, {} wrong", function.code.len(), wrong.len());
        wrong.iter().for_each(|wrong| println!("    {wrong}"));
        bad |= !wrong.is_empty();
    }
    for part in &missing {
        println!("{part}: not in the object");
    }
    std::process::exit(if !missing.is_empty() { 2 } else { i32::from(bad) });
}
