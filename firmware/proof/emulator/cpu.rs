// SPDX-License-Identifier: MIT OR Apache-2.0
//! A processor of ARMv7E-M without interrupts, floating point and peripherals: flash, RAM, and output by semihosting.
//!
//! It shows every instruction and every access to memory to whoever watches, can be copied whole, and can leave out one
//! instruction. Whether it computes as a processor does is judged by its results: `scripts/traces` compares what the image
//! says here with what it says under QEMU.

use crate::decode::{Alu, Flags, Instruction, Offset, Op, Shift, Source, decode};

pub const RAM_AT: u32 = 0x2000_0000;

/// Sees what runs.
pub trait Watch {
    fn instruction(&mut self, _pc: u32, _regs: &Registers) {}
    fn access(&mut self, _address: u32, _bytes: u8, _write: bool) {}
    /// An instruction of an IT block, and whether its condition holds.
    fn predicate(&mut self, _pc: u32, _holds: bool) {}
    /// Operands of a division, whose time depends on them.
    fn division(&mut self, _n: u32, _m: u32) {}
}

impl Watch for () {}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Stop {
    /// The program has ended itself with a status.
    Exit(u32),
    /// An access to no memory.
    Access(u32),
    /// An instruction that this processor does not have, or a breakpoint.
    Instruction(u32),
}

#[derive(Clone, Debug)]
pub struct Registers {
    pub r: [u32; 16],
    pub n: bool,
    pub z: bool,
    pub c: bool,
    pub v: bool,
    ge: u8,
    it: u8,
}

impl Registers {
    pub fn flags(&self) -> u32 {
        u32::from(self.n) << 3 | u32::from(self.z) << 2 | u32::from(self.c) << 1 | u32::from(self.v)
    }
}

/// Code, decoded once.
pub struct Flash {
    pub bytes: Vec<u8>,
    decoded: Vec<Instruction>,
}

impl Flash {
    pub fn new(bytes: Vec<u8>) -> Self {
        let half = |at: usize| {
            bytes
                .get(at..at + 2)
                .map_or(0, |pair| u16::from_le_bytes([pair[0], pair[1]]))
        };
        let decoded = (0..bytes.len())
            .step_by(2)
            .map(|at| decode(half(at), half(at + 2)))
            .collect();
        Self { bytes, decoded }
    }

    pub fn at(&self, pc: u32) -> Option<Instruction> {
        self.decoded.get((pc >> 1) as usize).copied()
    }
}

pub struct Machine<'a> {
    pub flash: &'a Flash,
    pub ram: Vec<u8>,
    pub regs: Registers,
    pub executed: u64,
    /// What the program has written.
    pub written: String,
}

fn add(a: u32, b: u32, carry: bool) -> (u32, bool, bool) {
    let (x, c1) = a.overflowing_add(b);
    let (x, c2) = x.overflowing_add(carry.into());
    (x, c1 || c2, (!(a ^ b) & (a ^ x)) >> 31 != 0)
}

impl<'a> Machine<'a> {
    pub fn new(flash: &'a Flash, ram_len: usize) -> Self {
        let word = |at: usize| u32::from_le_bytes(flash.bytes[at..at + 4].try_into().expect("four bytes"));
        let mut r = [0; 16];
        r[13] = word(0);
        r[14] = u32::MAX;
        r[15] = word(4) & !1;
        let regs = Registers {
            r,
            n: false,
            z: false,
            c: false,
            v: false,
            ge: 0,
            it: 0,
        };
        Self {
            flash,
            ram: vec![0; ram_len],
            regs,
            executed: 0,
            written: String::new(),
        }
    }

    /// A machine with nothing in its registers, over memory that somebody else had.
    pub fn over(flash: &'a Flash, ram: Vec<u8>) -> Self {
        Self {
            ram,
            ..Self::new(flash, 0)
        }
    }

    pub fn pc(&self) -> u32 {
        self.regs.r[15]
    }

    #[inline(always)]
    pub fn read(&self, address: u32, bytes: u8) -> Result<u32, Stop> {
        let (memory, at) = match address.checked_sub(RAM_AT) {
            Some(at) => (&self.ram, at as usize),
            None => (&self.flash.bytes, address as usize),
        };
        let value = match bytes {
            1 => memory.get(at).map(|&byte| u32::from(byte)),
            2 => memory
                .get(at..at + 2)
                .map(|pair| u16::from_le_bytes([pair[0], pair[1]]).into()),
            _ => memory
                .get(at..at + 4)
                .map(|word| u32::from_le_bytes([word[0], word[1], word[2], word[3]])),
        };
        value.ok_or(Stop::Access(address))
    }

    #[inline(always)]
    fn write(&mut self, address: u32, bytes: u8, value: u32) -> Result<(), Stop> {
        let at = address.checked_sub(RAM_AT).ok_or(Stop::Access(address))? as usize;
        let end = at + usize::from(bytes);
        let place = self.ram.get_mut(at..end).ok_or(Stop::Access(address))?;
        match place {
            [a] => *a = value as u8,
            [a, b] => [*a, *b] = (value as u16).to_le_bytes(),
            [a, b, c, d] => [*a, *b, *c, *d] = value.to_le_bytes(),
            _ => {}
        }
        Ok(())
    }

    fn load<W: Watch>(&self, watch: &mut W, address: u32, bytes: u8) -> Result<u32, Stop> {
        watch.access(address, bytes, false);
        self.read(address, bytes)
    }

    fn store<W: Watch>(&mut self, watch: &mut W, address: u32, bytes: u8, value: u32) -> Result<(), Stop> {
        watch.access(address, bytes, true);
        self.write(address, bytes, value)
    }

    #[inline(always)]
    fn holds(&self, condition: u8) -> bool {
        let s = &self.regs;
        let base = match condition >> 1 {
            0 => s.z,
            1 => s.c,
            2 => s.n,
            3 => s.v,
            4 => s.c && !s.z,
            5 => s.n == s.v,
            6 => s.n == s.v && !s.z,
            _ => return true,
        };
        base != (condition & 1 != 0)
    }

    #[inline(always)]
    fn get(&self, r: u8) -> u32 {
        // The program counter reads as the instruction's address and 4.
        self.regs.r[usize::from(r & 15)].wrapping_add(if r == 15 { 4 } else { 0 })
    }

    #[inline(always)]
    fn shifted(&self, value: u32, kind: Shift, amount: u32) -> (u32, bool) {
        let c = self.regs.c;
        match (kind, amount) {
            (Shift::Rrx, _) => (value >> 1 | u32::from(c) << 31, value & 1 != 0),
            (_, 0) => (value, c),
            (Shift::Lsl, n @ 1..=31) => (value << n, value >> (32 - n) & 1 != 0),
            (Shift::Lsl, 32) => (0, value & 1 != 0),
            (Shift::Lsr, n @ 1..=31) => (value >> n, value >> (n - 1) & 1 != 0),
            (Shift::Lsr, 32) => (0, value >> 31 != 0),
            (Shift::Lsl | Shift::Lsr, _) => (0, false),
            (Shift::Asr, n @ 1..=31) => (((value as i32) >> n) as u32, value >> (n - 1) & 1 != 0),
            (Shift::Asr, _) => (((value as i32) >> 31) as u32, value >> 31 != 0),
            (Shift::Ror, n) => {
                let x = value.rotate_right(n & 31);
                (x, x >> 31 != 0)
            }
        }
    }

    #[inline(always)]
    fn alu(&mut self, op: Alu, flags: Flags, d: u8, n: u8, source: Source, in_it: bool) {
        let (b, carry) = match source {
            Source::Constant(value, carry) => (value, carry.unwrap_or(self.regs.c)),
            Source::Shifted(m, kind, amount) => self.shifted(self.get(m), kind, amount.into()),
            Source::ByRegister(m, kind, s) => self.shifted(self.get(m), kind, self.get(s) & 0xFF),
        };
        let a = self.get(n);
        let (s, mut c, mut v) = (&self.regs, carry, self.regs.v);
        let mut sum = |(x, carry, over)| {
            (c, v) = (carry, over);
            x
        };
        let x = match op {
            Alu::And | Alu::Tst => a & b,
            Alu::Bic => a & !b,
            Alu::Orr => a | b,
            Alu::Orn => a | !b,
            Alu::Eor | Alu::Teq => a ^ b,
            Alu::Mov => b,
            Alu::Mvn => !b,
            Alu::Add | Alu::Cmn => sum(add(a, b, false)),
            Alu::Adc => sum(add(a, b, s.c)),
            Alu::Sbc => sum(add(a, !b, s.c)),
            Alu::Sub | Alu::Cmp => sum(add(a, !b, true)),
            Alu::Rsb => sum(add(!a, b, true)),
            Alu::Pkhbt => a & 0xFFFF | b & 0xFFFF_0000,
            Alu::Pkhtb => a & 0xFFFF_0000 | b & 0xFFFF,
        };
        if flags == Flags::Set || flags == Flags::OutsideIt && !in_it {
            let regs = &mut self.regs;
            (regs.n, regs.z, regs.c, regs.v) = (x >> 31 != 0, x == 0, c, v);
        }
        if !matches!(op, Alu::Tst | Alu::Teq | Alu::Cmn | Alu::Cmp) {
            // A destination of the program counter is a branch.
            self.regs.r[usize::from(d & 15)] = if d == 15 { x & !1 } else { x };
        }
    }

    fn offset(&self, offset: Offset) -> u32 {
        match offset {
            Offset::Constant(value) => value as u32,
            Offset::Register(m, shift) => self.get(m) << shift,
        }
    }

    /// The address of an access, and what its base becomes.
    fn place(&self, n: u8, offset: u32, index: bool) -> (u32, u32) {
        let base = if n == 15 { self.get(15) & !3 } else { self.get(n) };
        let moved = base.wrapping_add(offset);
        (if index { moved } else { base }, moved)
    }

    fn enter(&mut self, t: u8, value: u32) {
        self.regs.r[usize::from(t & 15)] = if t == 15 { value & !1 } else { value };
    }

    /// Leaves out the next instruction.
    pub fn skip(&mut self) -> Result<(), Stop> {
        let pc = self.pc();
        let instruction = self.flash.at(pc).ok_or(Stop::Access(pc))?;
        self.advance_it();
        self.regs.r[15] = pc + u32::from(instruction.len);
        Ok(())
    }

    fn advance_it(&mut self) {
        let it = self.regs.it;
        self.regs.it = if it & 7 == 0 { 0 } else { it & 0xE0 | it << 1 & 0x1F };
    }

    #[inline(always)]
    pub fn step<W: Watch>(&mut self, watch: &mut W) -> Result<(), Stop> {
        let pc = self.pc();
        let Some(Instruction { op, len }) = self.flash.at(pc) else {
            return Err(Stop::Access(pc));
        };
        watch.instruction(pc, &self.regs);
        self.executed += 1;
        let it = self.regs.it;
        if it != 0 {
            self.advance_it();
            let holds = self.holds(it >> 4);
            watch.predicate(pc, holds);
            if !holds {
                self.regs.r[15] = pc + u32::from(len);
                return Ok(());
            }
        }
        self.execute(watch, op, len, it != 0)
    }

    #[inline(always)]
    fn execute<W: Watch>(&mut self, watch: &mut W, op: Op, len: u8, in_it: bool) -> Result<(), Stop> {
        let pc = self.pc();
        let next = pc + u32::from(len);
        let set = |r: u8| usize::from(r & 15);
        match op {
            Op::Alu {
                op,
                flags,
                d,
                n,
                source,
            } => {
                self.alu(op, flags, d, n, source, in_it);
                if d == 15 && !matches!(op, Alu::Tst | Alu::Teq | Alu::Cmn | Alu::Cmp) {
                    return Ok(());
                }
            }
            Op::Load {
                t,
                n,
                offset,
                index,
                write,
                bytes,
                signed,
            } => {
                let (address, moved) = self.place(n, self.offset(offset), index);
                let value = self.load(watch, address, bytes)?;
                let value = match (signed, bytes) {
                    (true, 1) => i32::from(value as i8) as u32,
                    (true, 2) => i32::from(value as i16) as u32,
                    _ => value,
                };
                if write {
                    self.regs.r[set(n)] = moved;
                }
                self.enter(t, value);
                if t == 15 {
                    return Ok(());
                }
            }
            Op::Store {
                t,
                n,
                offset,
                index,
                write,
                bytes,
            } => {
                let (address, moved) = self.place(n, self.offset(offset), index);
                self.store(watch, address, bytes, self.get(t))?;
                if write {
                    self.regs.r[set(n)] = moved;
                }
            }
            Op::Branch { condition, offset } => {
                if self.holds(condition) {
                    self.regs.r[15] = pc.wrapping_add(4).wrapping_add(offset as u32);
                    return Ok(());
                }
            }
            Op::Many {
                n,
                list,
                load,
                before,
                write,
            } => {
                let count = list.count_ones() * 4;
                let base = self.get(n);
                let (start, end) = if before {
                    (base.wrapping_sub(count), base.wrapping_sub(count))
                } else {
                    (base, base.wrapping_add(count))
                };
                let mut at = start;
                let mut to = None;
                let mut rest = list;
                while rest != 0 {
                    let r = rest.trailing_zeros() as u8;
                    rest &= rest - 1;
                    if load {
                        let value = self.load(watch, at, 4)?;
                        if r == 15 {
                            to = Some(value & !1);
                        } else {
                            self.regs.r[set(r)] = value;
                        }
                    } else {
                        self.store(watch, at, 4, self.get(r))?;
                    }
                    at = at.wrapping_add(4);
                }
                if write && !(load && list >> n & 1 != 0) {
                    self.regs.r[set(n)] = end;
                }
                if let Some(to) = to {
                    self.regs.r[15] = to;
                    return Ok(());
                }
            }
            Op::Double {
                t,
                t2,
                n,
                offset,
                index,
                write,
                load,
            } => {
                let (address, moved) = self.place(n, offset as u32, index);
                if load {
                    let (a, b) = (
                        self.load(watch, address, 4)?,
                        self.load(watch, address.wrapping_add(4), 4)?,
                    );
                    self.regs.r[set(t)] = a;
                    self.regs.r[set(t2)] = b;
                } else {
                    self.store(watch, address, 4, self.get(t))?;
                    self.store(watch, address.wrapping_add(4), 4, self.get(t2))?;
                }
                if write {
                    self.regs.r[set(n)] = moved;
                }
            }
            Op::Exclusive {
                t,
                n,
                d,
                offset,
                bytes,
                load,
            } => {
                // Nobody else is here: each store succeeds.
                let address = self.get(n).wrapping_add(offset.into());
                if load {
                    self.regs.r[set(t)] = self.load(watch, address, bytes)?;
                } else {
                    self.store(watch, address, bytes, self.get(t))?;
                    self.regs.r[set(d)] = 0;
                }
            }
            Op::Call { offset } => {
                self.regs.r[14] = next | 1;
                self.regs.r[15] = pc.wrapping_add(4).wrapping_add(offset as u32);
                return Ok(());
            }
            Op::Exchange { m, link } => {
                let to = self.get(m);
                if link {
                    self.regs.r[14] = next | 1;
                }
                self.regs.r[15] = to & !1;
                return Ok(());
            }
            Op::Zero { n, offset, not } => {
                if (self.get(n) == 0) != not {
                    self.regs.r[15] = pc.wrapping_add(4).wrapping_add(offset.into());
                    return Ok(());
                }
            }
            Op::Table { n, m, half } => {
                let (address, bytes) = if half {
                    (self.get(n).wrapping_add(self.get(m) << 1), 2)
                } else {
                    (self.get(n).wrapping_add(self.get(m)), 1)
                };
                let entry = self.load(watch, address, bytes)?;
                self.regs.r[15] = pc.wrapping_add(4).wrapping_add(entry * 2);
                return Ok(());
            }
            Op::It { state } => self.regs.it = state,
            Op::Breakpoint { number: 0xAB } => self.semihost()?,
            Op::Unknown | Op::Breakpoint { .. } => return Err(Stop::Instruction(pc)),
            Op::Nothing => {}
            _ => self.compute(watch, op, in_it),
        }
        self.regs.r[15] = next;
        Ok(())
    }

    /// What only works on registers.
    fn compute<W: Watch>(&mut self, watch: &mut W, op: Op, in_it: bool) {
        let product = |n: u8, m: u8| self.get(n).wrapping_mul(self.get(m));
        let (d, value) = match op {
            Op::Adr { d, offset } => (d, (self.get(15) & !3).wrapping_add(offset as u32)),
            Op::Movt { d, value } => (d, self.get(d) & 0xFFFF | u32::from(value) << 16),
            Op::Bfi { d, n, lsb, width } => {
                let mask = (u64::MAX >> (64 - width) << lsb) as u32;
                let bits = if n == 15 { 0 } else { self.get(n) };
                (d, self.get(d) & !mask | bits << lsb & mask)
            }
            Op::Extract {
                d,
                n,
                lsb,
                width,
                signed,
            } => {
                let (up, down) = (32 - u32::from(width), self.get(n) >> lsb);
                (
                    d,
                    if signed {
                        ((down << up) as i32 >> up) as u32
                    } else {
                        down << up >> up
                    },
                )
            }
            Op::Extend {
                d,
                n,
                m,
                rotation,
                bits,
                signed,
            } => {
                let (up, x) = (32 - u32::from(bits), self.get(m).rotate_right(rotation.into()));
                let x = if signed {
                    ((x << up) as i32 >> up) as u32
                } else {
                    x << up >> up
                };
                (d, if n == 15 { x } else { self.get(n).wrapping_add(x) })
            }
            Op::Reverse { d, m, how } => {
                let x = self.get(m);
                let halves = |x: u32| x >> 8 & 0x00FF_00FF | x << 8 & 0xFF00_FF00;
                let value = match how {
                    0 => x.swap_bytes(),
                    1 => halves(x),
                    2 => x.reverse_bits(),
                    _ => i32::from((x as u16).swap_bytes() as i16) as u32,
                };
                (d, value)
            }
            Op::Clz { d, m } => (d, self.get(m).leading_zeros()),
            Op::Sel { d, n, m } => {
                let mask = (0..4).fold(0, |mask, i| {
                    mask | if self.regs.ge >> i & 1 != 0 { 0xFF << (8 * i) } else { 0 }
                });
                (d, self.get(n) & mask | self.get(m) & !mask)
            }
            Op::Spread {
                d,
                n,
                m,
                rotation,
                signed,
            } => {
                let x = self.get(m).rotate_right(rotation.into());
                let halves = [x as u8, (x >> 16) as u8].map(|x| if signed { (x as i8) as u16 } else { x.into() });
                let base = if n == 15 { 0 } else { self.get(n) };
                let [low, high] = [0, 16].map(|at| ((base >> at) as u16).wrapping_add(halves[at / 16]));
                (d, u32::from(high) << 16 | u32::from(low))
            }
            Op::Bytes { d, n, m, sub, saturate } => {
                let (a, b) = (self.get(n).to_le_bytes(), self.get(m).to_le_bytes());
                let (mut out, mut ge) = ([0; 4], 0);
                for i in 0..4 {
                    let (x, over) = if sub {
                        a[i].overflowing_sub(b[i])
                    } else {
                        a[i].overflowing_add(b[i])
                    };
                    out[i] = if saturate && over { if sub { 0 } else { 255 } } else { x };
                    ge |= u8::from(over != sub) << i;
                }
                if !saturate {
                    self.regs.ge = ge;
                }
                (d, u32::from_le_bytes(out))
            }
            Op::Mul { d, n, m, flags } => {
                let x = product(n, m);
                if flags == Flags::OutsideIt && !in_it {
                    (self.regs.n, self.regs.z) = (x >> 31 != 0, x == 0);
                }
                (d, x)
            }
            Op::Mla { d, n, m, a, sub } => {
                let (x, a) = (product(n, m), self.get(a));
                (d, if sub { a.wrapping_sub(x) } else { a.wrapping_add(x) })
            }
            Op::MulHalves {
                d,
                n,
                m,
                a,
                top_n,
                top_m,
            } => {
                let half = |x: u32, top| i32::from(if top { (x >> 16) as i16 } else { x as i16 });
                let x = half(self.get(n), top_n).wrapping_mul(half(self.get(m), top_m)) as u32;
                (d, if a == 15 { x } else { x.wrapping_add(self.get(a)) })
            }
            Op::MulUpper { d, n, m, a, round } => {
                let x = i64::from(self.get(n) as i32) * i64::from(self.get(m) as i32);
                let a = if a == 15 {
                    0
                } else {
                    i64::from(self.get(a) as i32) << 32
                };
                (
                    d,
                    (x.wrapping_add(a).wrapping_add(if round { 1 << 31 } else { 0 }) >> 32) as u32,
                )
            }
            Op::MulLong {
                lo,
                hi,
                n,
                m,
                signed,
                add,
            } => {
                let (a, b) = (self.get(n), self.get(m));
                let x = if signed {
                    i64::from(a as i32).wrapping_mul(i64::from(b as i32)) as u64
                } else {
                    u64::from(a) * u64::from(b)
                };
                let old = u64::from(self.get(hi)) << 32 | u64::from(self.get(lo));
                let x = if add { x.wrapping_add(old) } else { x };
                self.regs.r[usize::from(lo)] = x as u32;
                (hi, (x >> 32) as u32)
            }
            Op::Umaal { lo, hi, n, m } => {
                let x =
                    u64::from(self.get(n)) * u64::from(self.get(m)) + u64::from(self.get(lo)) + u64::from(self.get(hi));
                self.regs.r[usize::from(lo)] = x as u32;
                (hi, (x >> 32) as u32)
            }
            Op::Div { d, n, m, signed } => {
                let (a, b) = (self.get(n), self.get(m));
                watch.division(a, b);
                let x = match (b, signed) {
                    (0, _) => 0,
                    (_, true) => (a as i32).wrapping_div(b as i32) as u32,
                    _ => a / b,
                };
                (d, x)
            }
            Op::WriteFlags { n } => {
                let x = self.get(n) >> 28;
                let regs = &mut self.regs;
                (regs.n, regs.z, regs.c, regs.v) = (x & 8 != 0, x & 4 != 0, x & 2 != 0, x & 1 != 0);
                return;
            }
            Op::ReadSpecial { d, flags } => (d, if flags { self.regs.flags() << 28 } else { 0 }),
            _ => return,
        };
        self.regs.r[usize::from(d & 15)] = value;
    }

    fn semihost(&mut self) -> Result<(), Stop> {
        let (operation, argument) = (self.regs.r[0], self.regs.r[1]);
        match operation {
            // SYS_WRITE0.
            0x04 => {
                for at in argument.. {
                    match self.read(at, 1)? {
                        0 => break,
                        byte => self.written.push(char::from(byte as u8)),
                    }
                }
                Ok(())
            }
            // SYS_EXIT_EXTENDED.
            0x20 => Err(Stop::Exit(self.read(argument + 4, 4)?)),
            _ => Err(Stop::Instruction(self.pc())),
        }
    }
}
