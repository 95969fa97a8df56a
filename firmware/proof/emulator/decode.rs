// SPDX-License-Identifier: MIT OR Apache-2.0
//! Decoder of the Thumb instructions of ARMv7E-M without floating point (ARM DDI 0403). What is not here is `Op::Unknown`,
//! which ends a run with its address: nothing is guessed.

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Alu {
    And,
    Bic,
    Orr,
    Orn,
    Eor,
    Add,
    Adc,
    Sbc,
    Sub,
    Rsb,
    Mov,
    Mvn,
    Tst,
    Teq,
    Cmn,
    Cmp,
    Pkhbt,
    Pkhtb,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Shift {
    Lsl,
    Lsr,
    Asr,
    Ror,
    Rrx,
}

#[derive(Clone, Copy, Debug)]
pub enum Source {
    /// A constant, and the carry that its rotation makes, if it makes one.
    Constant(u32, Option<bool>),
    Shifted(u8, Shift, u8),
    ByRegister(u8, Shift, u8),
}

/// Whether flags are set.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Flags {
    Keep,
    Set,
    /// The narrow forms: outside of an IT block only.
    OutsideIt,
}

#[derive(Clone, Copy, Debug)]
pub enum Offset {
    Constant(i32),
    Register(u8, u8),
}

#[derive(Clone, Copy, Debug)]
pub enum Op {
    Unknown,
    Alu {
        op: Alu,
        flags: Flags,
        d: u8,
        n: u8,
        source: Source,
    },
    /// The address of the instruction, aligned, and a constant.
    Adr {
        d: u8,
        offset: i32,
    },
    Movt {
        d: u8,
        value: u16,
    },
    Bfi {
        d: u8,
        n: u8,
        lsb: u8,
        width: u8,
    },
    Extract {
        d: u8,
        n: u8,
        lsb: u8,
        width: u8,
        signed: bool,
    },
    /// Sign- or zero-extension of `bits` bits of a rotated register; `n` is added if it is not 15.
    Extend {
        d: u8,
        n: u8,
        m: u8,
        rotation: u8,
        bits: u8,
        signed: bool,
    },
    Reverse {
        d: u8,
        m: u8,
        how: u8,
    },
    Clz {
        d: u8,
        m: u8,
    },
    Sel {
        d: u8,
        n: u8,
        m: u8,
    },
    /// Parallel addition (`sub` false) or subtraction of unsigned bytes.
    Bytes {
        d: u8,
        n: u8,
        m: u8,
        sub: bool,
        saturate: bool,
    },
    /// Two bytes to two halves.
    Spread {
        d: u8,
        n: u8,
        m: u8,
        rotation: u8,
        signed: bool,
    },
    Mul {
        d: u8,
        n: u8,
        m: u8,
        flags: Flags,
    },
    Mla {
        d: u8,
        n: u8,
        m: u8,
        a: u8,
        sub: bool,
    },
    /// Halves by halves; `a` is added if it is not 15.
    MulHalves {
        d: u8,
        n: u8,
        m: u8,
        a: u8,
        top_n: bool,
        top_m: bool,
    },
    /// The upper word of a signed product.
    MulUpper {
        d: u8,
        n: u8,
        m: u8,
        a: u8,
        round: bool,
    },
    MulLong {
        lo: u8,
        hi: u8,
        n: u8,
        m: u8,
        signed: bool,
        add: bool,
    },
    Umaal {
        lo: u8,
        hi: u8,
        n: u8,
        m: u8,
    },
    Div {
        d: u8,
        n: u8,
        m: u8,
        signed: bool,
    },
    Load {
        t: u8,
        n: u8,
        offset: Offset,
        index: bool,
        write: bool,
        bytes: u8,
        signed: bool,
    },
    Store {
        t: u8,
        n: u8,
        offset: Offset,
        index: bool,
        write: bool,
        bytes: u8,
    },
    Double {
        t: u8,
        t2: u8,
        n: u8,
        offset: i32,
        index: bool,
        write: bool,
        load: bool,
    },
    Exclusive {
        t: u8,
        n: u8,
        d: u8,
        offset: u16,
        bytes: u8,
        load: bool,
    },
    Many {
        n: u8,
        list: u16,
        load: bool,
        before: bool,
        write: bool,
    },
    Table {
        n: u8,
        m: u8,
        half: bool,
    },
    Branch {
        condition: u8,
        offset: i32,
    },
    Call {
        offset: i32,
    },
    /// To a register; with a link or without.
    Exchange {
        m: u8,
        link: bool,
    },
    Zero {
        n: u8,
        offset: u8,
        not: bool,
    },
    It {
        state: u8,
    },
    Breakpoint {
        number: u8,
    },
    Nothing,
    /// The flags from a register; a special register, which is the flags or reads as zero.
    WriteFlags {
        n: u8,
    },
    ReadSpecial {
        d: u8,
        flags: bool,
    },
}

#[derive(Clone, Copy, Debug)]
pub struct Instruction {
    pub op: Op,
    pub len: u8,
}

fn shift(kind: u32, amount: u32) -> (Shift, u8) {
    match (kind & 3, amount) {
        (0, n) => (Shift::Lsl, n as u8),
        (1, 0) => (Shift::Lsr, 32),
        (1, n) => (Shift::Lsr, n as u8),
        (2, 0) => (Shift::Asr, 32),
        (2, n) => (Shift::Asr, n as u8),
        (_, 0) => (Shift::Rrx, 1),
        (_, n) => (Shift::Ror, n as u8),
    }
}

fn expand(imm12: u32) -> (u32, Option<bool>) {
    let byte = imm12 & 0xFF;
    match imm12 >> 8 {
        0 => (byte, None),
        1 => (byte << 16 | byte, None),
        2 => (byte << 24 | byte << 8, None),
        3 => (byte * 0x0101_0101, None),
        _ => {
            let value = (0x80 | imm12 & 0x7F).rotate_right(imm12 >> 7);
            (value, Some(value >> 31 != 0))
        }
    }
}

fn sign(value: u32, bits: u32) -> i32 {
    ((value << (32 - bits)) as i32) >> (32 - bits)
}

pub fn decode(first: u16, second: u16) -> Instruction {
    if first >> 11 >= 0b11101 {
        Instruction {
            op: wide(first.into(), second.into()),
            len: 4,
        }
    } else {
        Instruction {
            op: narrow(first.into()),
            len: 2,
        }
    }
}

fn narrow(h: u32) -> Op {
    let low = |at: u32| (h >> at & 7) as u8;
    let alu = |op, d, n, source| Op::Alu {
        op,
        flags: Flags::OutsideIt,
        d,
        n,
        source,
    };
    let plain = |m| Source::Shifted(m, Shift::Lsl, 0);
    let load = |t, n, offset, bytes, signed| Op::Load {
        t,
        n,
        offset,
        index: true,
        write: false,
        bytes,
        signed,
    };
    let store = |t, n, offset, bytes| Op::Store {
        t,
        n,
        offset,
        index: true,
        write: false,
        bytes,
    };
    match h >> 10 {
        0..=5 => {
            let (kind, amount) = shift(h >> 11, h >> 6 & 31);
            alu(Alu::Mov, low(0), 15, Source::Shifted(low(3), kind, amount))
        }
        6 | 7 => {
            let op = if h >> 9 & 1 == 0 { Alu::Add } else { Alu::Sub };
            let source = if h >> 10 & 1 == 0 {
                plain(low(6))
            } else {
                Source::Constant(low(6).into(), None)
            };
            alu(op, low(0), low(3), source)
        }
        8..=15 => {
            let op = [Alu::Mov, Alu::Cmp, Alu::Add, Alu::Sub][(h >> 11 & 3) as usize];
            let flags = if op == Alu::Cmp { Flags::Set } else { Flags::OutsideIt };
            Op::Alu {
                op,
                flags,
                d: low(8),
                n: low(8),
                source: Source::Constant(h & 0xFF, None),
            }
        }
        16 => {
            let (d, m) = (low(0), low(3));
            let by = |kind| alu(Alu::Mov, d, 15, Source::ByRegister(d, kind, m));
            let test = |op| Op::Alu {
                op,
                flags: Flags::Set,
                d,
                n: d,
                source: plain(m),
            };
            match h >> 6 & 15 {
                0 => alu(Alu::And, d, d, plain(m)),
                1 => alu(Alu::Eor, d, d, plain(m)),
                2 => by(Shift::Lsl),
                3 => by(Shift::Lsr),
                4 => by(Shift::Asr),
                5 => alu(Alu::Adc, d, d, plain(m)),
                6 => alu(Alu::Sbc, d, d, plain(m)),
                7 => by(Shift::Ror),
                8 => test(Alu::Tst),
                9 => alu(Alu::Rsb, d, m, Source::Constant(0, None)),
                10 => test(Alu::Cmp),
                11 => test(Alu::Cmn),
                12 => alu(Alu::Orr, d, d, plain(m)),
                13 => Op::Mul {
                    d,
                    n: m,
                    m: d,
                    flags: Flags::OutsideIt,
                },
                14 => alu(Alu::Bic, d, d, plain(m)),
                _ => alu(Alu::Mvn, d, 15, plain(m)),
            }
        }
        17 => {
            let d = (h & 7 | h >> 4 & 8) as u8;
            let m = (h >> 3 & 15) as u8;
            match h >> 8 & 3 {
                0 => Op::Alu {
                    op: Alu::Add,
                    flags: Flags::Keep,
                    d,
                    n: d,
                    source: plain(m),
                },
                1 => Op::Alu {
                    op: Alu::Cmp,
                    flags: Flags::Set,
                    d,
                    n: d,
                    source: plain(m),
                },
                2 => Op::Alu {
                    op: Alu::Mov,
                    flags: Flags::Keep,
                    d,
                    n: 15,
                    source: plain(m),
                },
                _ => Op::Exchange {
                    m,
                    link: h >> 7 & 1 != 0,
                },
            }
        }
        18 | 19 => load(low(8), 15, Offset::Constant(((h & 0xFF) << 2) as i32), 4, false),
        20..=23 => {
            let (t, n, offset) = (low(0), low(3), Offset::Register(low(6), 0));
            match h >> 9 & 7 {
                0 => store(t, n, offset, 4),
                1 => store(t, n, offset, 2),
                2 => store(t, n, offset, 1),
                3 => load(t, n, offset, 1, true),
                4 => load(t, n, offset, 4, false),
                5 => load(t, n, offset, 2, false),
                6 => load(t, n, offset, 1, false),
                _ => load(t, n, offset, 2, true),
            }
        }
        24..=35 => {
            let (t, n, bytes) = (low(0), low(3), [4, 1, 2][((h >> 12) - 6) as usize]);
            let offset = Offset::Constant((h >> 6 & 31) as i32 * i32::from(bytes));
            if h >> 11 & 1 == 0 {
                store(t, n, offset, bytes)
            } else {
                load(t, n, offset, bytes, false)
            }
        }
        36..=39 => {
            let offset = Offset::Constant(((h & 0xFF) << 2) as i32);
            if h >> 11 & 1 == 0 {
                store(low(8), 13, offset, 4)
            } else {
                load(low(8), 13, offset, 4, false)
            }
        }
        40 | 41 => Op::Adr {
            d: low(8),
            offset: ((h & 0xFF) << 2) as i32,
        },
        42 | 43 => Op::Alu {
            op: Alu::Add,
            flags: Flags::Keep,
            d: low(8),
            n: 13,
            source: Source::Constant((h & 0xFF) << 2, None),
        },
        44..=47 => miscellaneous(h),
        48..=51 => {
            let (n, list, is_load) = (low(8), (h & 0xFF) as u16, h >> 11 & 1 != 0);
            let write = !is_load || list >> n & 1 == 0;
            Op::Many {
                n,
                list,
                load: is_load,
                before: false,
                write,
            }
        }
        52..=55 => match h >> 8 & 15 {
            14 | 15 => Op::Unknown,
            condition => Op::Branch {
                condition: condition as u8,
                offset: sign(h & 0xFF, 8) * 2,
            },
        },
        56 | 57 => Op::Branch {
            condition: 14,
            offset: sign(h & 0x7FF, 11) * 2,
        },
        _ => Op::Unknown,
    }
}

fn miscellaneous(h: u32) -> Op {
    let (d, m) = ((h & 7) as u8, (h >> 3 & 7) as u8);
    match h >> 8 & 15 {
        0 => {
            let op = if h >> 7 & 1 == 0 { Alu::Add } else { Alu::Sub };
            Op::Alu {
                op,
                flags: Flags::Keep,
                d: 13,
                n: 13,
                source: Source::Constant((h & 0x7F) << 2, None),
            }
        }
        1 | 3 | 9 | 11 => {
            let offset = (h >> 3 & 31 | h >> 4 & 32) << 1;
            Op::Zero {
                n: d,
                offset: offset as u8,
                not: h >> 11 & 1 != 0,
            }
        }
        2 => {
            let (bits, signed) = [(16, true), (8, true), (16, false), (8, false)][(h >> 6 & 3) as usize];
            Op::Extend {
                d,
                n: 15,
                m,
                rotation: 0,
                bits,
                signed,
            }
        }
        4 | 5 => Op::Many {
            n: 13,
            list: (h & 0xFF | h << 6 & 0x4000) as u16,
            load: false,
            before: true,
            write: true,
        },
        10 if h >> 6 & 3 != 2 => Op::Reverse {
            d,
            m,
            how: (h >> 6 & 3) as u8,
        },
        12 | 13 => Op::Many {
            n: 13,
            list: (h & 0xFF | h << 7 & 0x8000) as u16,
            load: true,
            before: false,
            write: true,
        },
        14 => Op::Breakpoint {
            number: (h & 0xFF) as u8,
        },
        15 if h & 15 != 0 => Op::It {
            state: (h & 0xFF) as u8,
        },
        15 => Op::Nothing,
        _ => Op::Unknown,
    }
}

fn wide(a: u32, b: u32) -> Op {
    let n = (a & 15) as u8;
    let (t, d, m) = ((b >> 12) as u8, (b >> 8 & 15) as u8, (b & 15) as u8);
    match (a >> 11 & 3, a >> 4 & 0x7F) {
        (1, op) if op & 0b110_0100 == 0 => {
            let (before, write, load) = (op >> 4 & 1 != 0, op >> 1 & 1 != 0, op & 1 != 0);
            Op::Many {
                n,
                list: b as u16,
                load,
                before,
                write,
            }
        }
        (1, op) if op & 0b110_0100 == 0b000_0100 => doubles(a, b),
        (1, op) if op & 0b110_0000 == 0b010_0000 => {
            let (kind, amount) = shift(b >> 4, b >> 10 & 0x1C | b >> 6 & 3);
            let source = Source::Shifted(m, kind, amount);
            let op = match (op >> 1 & 15, n, d) {
                (6, ..) => {
                    return Op::Alu {
                        op: if b >> 5 & 1 == 0 { Alu::Pkhbt } else { Alu::Pkhtb },
                        flags: Flags::Keep,
                        d,
                        n,
                        source,
                    };
                }
                (code, ..) => alu(code, n, d, op & 1 != 0),
            };
            data(op, a, n, d, source)
        }
        (2, op) if b >> 15 == 0 && op & 0b010_0000 == 0 => {
            let (value, carry) = expand(a << 1 & 0x800 | b >> 4 & 0x700 | b & 0xFF);
            data(
                alu(op >> 1 & 15, n, d, op & 1 != 0),
                a,
                n,
                d,
                Source::Constant(value, carry),
            )
        }
        (2, op) if b >> 15 == 0 => plain(a, b, op & 31),
        (2, _) => branches(a, b),
        (3, op) if op & 0b111_0001 == 0 => {
            let bytes = [1, 2, 4, 0][(op >> 1 & 3) as usize];
            single(a, b, bytes, op >> 3 & 1 != 0, |offset, index, write| Op::Store {
                t,
                n,
                offset,
                index,
                write,
                bytes,
            })
        }
        (3, op) if op & 0b110_0001 == 1 => {
            let (bytes, signed) = ([1, 2, 4, 0][(op >> 1 & 3) as usize], op >> 4 & 1 != 0);
            // Hints to a cache.
            if t == 15 && bytes != 4 {
                return Op::Nothing;
            }
            let make = |offset, index, write| Op::Load {
                t,
                n,
                offset,
                index,
                write,
                bytes,
                signed,
            };
            if n == 15 {
                let offset = (b & 0xFFF) as i32;
                return make(
                    Offset::Constant(if op >> 3 & 1 != 0 { offset } else { -offset }),
                    true,
                    false,
                );
            }
            single(a, b, bytes, op >> 3 & 1 != 0, make)
        }
        (3, op) if op & 0b111_0000 == 0b010_0000 => registers(op & 15, b, n, d, m),
        (3, op) if op & 0b111_1000 == 0b011_0000 => multiply(op & 7, b, n, d, m, t),
        (3, op) if op & 0b111_1000 == 0b011_1000 => {
            let (lo, hi) = (t, d);
            match (op & 7, b >> 4 & 15) {
                (0, 0) => Op::MulLong {
                    lo,
                    hi,
                    n,
                    m,
                    signed: true,
                    add: false,
                },
                (1, 15) => Op::Div { d, n, m, signed: true },
                (2, 0) => Op::MulLong {
                    lo,
                    hi,
                    n,
                    m,
                    signed: false,
                    add: false,
                },
                (3, 15) => Op::Div { d, n, m, signed: false },
                (4, 0) => Op::MulLong {
                    lo,
                    hi,
                    n,
                    m,
                    signed: true,
                    add: true,
                },
                (6, 0) => Op::MulLong {
                    lo,
                    hi,
                    n,
                    m,
                    signed: false,
                    add: true,
                },
                (6, 6) => Op::Umaal { lo, hi, n, m },
                _ => Op::Unknown,
            }
        }
        _ => Op::Unknown,
    }
}

fn alu(code: u32, n: u8, d: u8, set: bool) -> Option<Alu> {
    let test = d == 15 && set;
    Some(match code {
        0 if test => Alu::Tst,
        0 => Alu::And,
        1 => Alu::Bic,
        2 if n == 15 => Alu::Mov,
        2 => Alu::Orr,
        3 if n == 15 => Alu::Mvn,
        3 => Alu::Orn,
        4 if test => Alu::Teq,
        4 => Alu::Eor,
        8 if test => Alu::Cmn,
        8 => Alu::Add,
        10 => Alu::Adc,
        11 => Alu::Sbc,
        13 if test => Alu::Cmp,
        13 => Alu::Sub,
        14 => Alu::Rsb,
        _ => return None,
    })
}

fn data(op: Option<Alu>, a: u32, n: u8, d: u8, source: Source) -> Op {
    let flags = if a >> 4 & 1 != 0 { Flags::Set } else { Flags::Keep };
    op.map_or(Op::Unknown, |op| Op::Alu {
        op,
        flags,
        d,
        n,
        source,
    })
}

fn plain(a: u32, b: u32, op: u32) -> Op {
    let (n, d) = ((a & 15) as u8, (b >> 8 & 15) as u8);
    let value = a << 1 & 0x800 | b >> 4 & 0x700 | b & 0xFF;
    let lsb = (b >> 10 & 0x1C | b >> 6 & 3) as u8;
    let width = (b & 31) as u8;
    let add = |op| Op::Alu {
        op,
        flags: Flags::Keep,
        d,
        n,
        source: Source::Constant(value, None),
    };
    match op {
        0 if n == 15 => Op::Adr {
            d,
            offset: value as i32,
        },
        0 => add(Alu::Add),
        10 if n == 15 => Op::Adr {
            d,
            offset: -(value as i32),
        },
        10 => add(Alu::Sub),
        4 => Op::Alu {
            op: Alu::Mov,
            flags: Flags::Keep,
            d,
            n: 15,
            source: Source::Constant(u32::from(n) << 12 | value, None),
        },
        12 => Op::Movt {
            d,
            value: (u32::from(n) << 12 | value) as u16,
        },
        20 => Op::Extract {
            d,
            n,
            lsb,
            width: width + 1,
            signed: true,
        },
        22 if width >= lsb => Op::Bfi {
            d,
            n,
            lsb,
            width: width - lsb + 1,
        },
        28 => Op::Extract {
            d,
            n,
            lsb,
            width: width + 1,
            signed: false,
        },
        _ => Op::Unknown,
    }
}

fn branches(a: u32, b: u32) -> Op {
    let s = a >> 10 & 1;
    let (j1, j2) = (b >> 13 & 1, b >> 11 & 1);
    let far = || {
        let (i1, i2) = ((j1 ^ s) ^ 1, (j2 ^ s) ^ 1);
        sign(s << 24 | i1 << 23 | i2 << 22 | (a & 0x3FF) << 12 | (b & 0x7FF) << 1, 25)
    };
    match b >> 12 & 5 {
        5 => Op::Call { offset: far() },
        1 => Op::Branch {
            condition: 14,
            offset: far(),
        },
        0 if a >> 6 & 15 < 14 => {
            let offset = sign(s << 20 | j2 << 19 | j1 << 18 | (a & 0x3F) << 12 | (b & 0x7FF) << 1, 21);
            Op::Branch {
                condition: (a >> 6 & 15) as u8,
                offset,
            }
        }
        0 => match a >> 4 & 0x7F {
            // To the flags; PRIMASK and its like mean nothing without interrupts.
            0x38 | 0x39 if b & 0xFF == 0 => Op::WriteFlags { n: (a & 15) as u8 },
            0x38 | 0x39 if b & 0xFF >= 16 => Op::Nothing,
            // Hints and barriers.
            0x3A | 0x3B => Op::Nothing,
            0x3E | 0x3F => Op::ReadSpecial {
                d: (b >> 8 & 15) as u8,
                flags: b & 0xFF <= 3,
            },
            _ => Op::Unknown,
        },
        _ => Op::Unknown,
    }
}

fn single(a: u32, b: u32, bytes: u8, long: bool, make: impl Fn(Offset, bool, bool) -> Op) -> Op {
    if bytes == 0 {
        return Op::Unknown;
    }
    if long {
        return make(Offset::Constant((b & 0xFFF) as i32), true, false);
    }
    if a & 15 == 15 {
        return Op::Unknown;
    }
    if b >> 11 & 1 == 0 {
        return if b >> 6 & 31 == 0 {
            make(Offset::Register((b & 15) as u8, (b >> 4 & 3) as u8), true, false)
        } else {
            Op::Unknown
        };
    }
    let (index, up, write) = (b >> 10 & 1 != 0, b >> 9 & 1 != 0, b >> 8 & 1 != 0);
    if !index && !write {
        return Op::Unknown;
    }
    let offset = (b & 0xFF) as i32;
    make(Offset::Constant(if up { offset } else { -offset }), index, write)
}

fn doubles(a: u32, b: u32) -> Op {
    let n = (a & 15) as u8;
    let (t, t2, m) = ((b >> 12) as u8, (b >> 8 & 15) as u8, (b & 15) as u8);
    let (index, up, write, load) = (a >> 8 & 1 != 0, a >> 7 & 1 != 0, a >> 5 & 1 != 0, a >> 4 & 1 != 0);
    if index || write {
        let offset = ((b & 0xFF) << 2) as i32;
        return Op::Double {
            t,
            t2,
            n,
            offset: if up { offset } else { -offset },
            index,
            write,
            load,
        };
    }
    match (up, load) {
        (false, true) => Op::Exclusive {
            t,
            n,
            d: 15,
            offset: ((b & 0xFF) << 2) as u16,
            bytes: 4,
            load,
        },
        (false, false) => Op::Exclusive {
            t,
            n,
            d: t2,
            offset: ((b & 0xFF) << 2) as u16,
            bytes: 4,
            load,
        },
        (true, _) => match b >> 4 & 15 {
            half @ (0 | 1) if load => Op::Table { n, m, half: half == 1 },
            4 => Op::Exclusive {
                t,
                n,
                d: m,
                offset: 0,
                bytes: 1,
                load,
            },
            5 => Op::Exclusive {
                t,
                n,
                d: m,
                offset: 0,
                bytes: 2,
                load,
            },
            _ => Op::Unknown,
        },
    }
}

fn registers(op: u32, b: u32, n: u8, d: u8, m: u8) -> Op {
    let extend = |bits, signed| Op::Extend {
        d,
        n,
        m,
        rotation: (b >> 4 & 3) as u8 * 8,
        bits,
        signed,
    };
    let low = b >> 4 & 15;
    if b >> 12 != 15 {
        return Op::Unknown;
    }
    match (op, low) {
        (0..=7, 0) => {
            let kind = [Shift::Lsl, Shift::Lsr, Shift::Asr, Shift::Ror][(op >> 1) as usize];
            let flags = if op & 1 != 0 { Flags::Set } else { Flags::Keep };
            Op::Alu {
                op: Alu::Mov,
                flags,
                d,
                n: 15,
                source: Source::ByRegister(n, kind, m),
            }
        }
        (0, 8..) => extend(16, true),
        (1, 8..) => extend(16, false),
        (4, 8..) => extend(8, true),
        (5, 8..) => extend(8, false),
        (2 | 3, 8..) => Op::Spread {
            d,
            n,
            m,
            rotation: (b >> 4 & 3) as u8 * 8,
            signed: op == 2,
        },
        (8, 4 | 5) => Op::Bytes {
            d,
            n,
            m,
            sub: false,
            saturate: low == 5,
        },
        (12, 4 | 5) => Op::Bytes {
            d,
            n,
            m,
            sub: true,
            saturate: low == 5,
        },
        (9, 8) => Op::Reverse { d, m, how: 0 },
        (9, 9) => Op::Reverse { d, m, how: 1 },
        (9, 10) => Op::Reverse { d, m, how: 2 },
        (9, 11) => Op::Reverse { d, m, how: 3 },
        (10, 8) => Op::Sel { d, n, m },
        (11, 8) => Op::Clz { d, m },
        _ => Op::Unknown,
    }
}

fn multiply(op: u32, b: u32, n: u8, d: u8, m: u8, a: u8) -> Op {
    match (op, b >> 4 & 15) {
        (0, 0) if a == 15 => Op::Mul {
            d,
            n,
            m,
            flags: Flags::Keep,
        },
        (0, 0) => Op::Mla { d, n, m, a, sub: false },
        (0, 1) => Op::Mla { d, n, m, a, sub: true },
        (1, low @ 0..=3) => Op::MulHalves {
            d,
            n,
            m,
            a,
            top_n: low & 2 != 0,
            top_m: low & 1 != 0,
        },
        (5, low @ 0..=1) => Op::MulUpper {
            d,
            n,
            m,
            a,
            round: low == 1,
        },
        _ => Op::Unknown,
    }
}
