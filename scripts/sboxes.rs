// SPDX-License-Identifier: MIT OR Apache-2.0
//! Searches for small circuits of the DES S-boxes and writes them as Rust source (`scripts/sboxes` compiles and runs this).
//!
//! Two kinds of circuit, over the six input bits of one S-box:
//! - `b`: gates `and`, `or`, `xor`, `andn` and `not`, for words of general registers and AVX2;
//! - `t`: gates of any function of three inputs, for AVX-512 (`vpternlogq`).
//!
//! A truth table of six inputs is one `u64`, so a gate is evaluated in one instruction. The first circuit comes from
//! decomposition: an output is `c ^ (d & x)` for an input `x`, where `c` and `d` matter only for one value of `x`, down
//! to what one, two or three gates give from the signals there are. Then a random walk: a gate is replaced by another
//! one, over any signals which do not depend on it, that agrees wherever the gate can be observed at an output; what
//! nothing reads any longer is dropped. Now and then a gate is replaced by two, so that the walk leaves a plateau.
use std::io::Write;

/// The S-boxes as FIPS 46-3 prints them.
const S: [[u8; 64]; 8] = [
    [
        14, 4, 13, 1, 2, 15, 11, 8, 3, 10, 6, 12, 5, 9, 0, 7, 0, 15, 7, 4, 14, 2, 13, 1, 10, 6, 12, 11, 9, 5, 3, 8, 4,
        1, 14, 8, 13, 6, 2, 11, 15, 12, 9, 7, 3, 10, 5, 0, 15, 12, 8, 2, 4, 9, 1, 7, 5, 11, 3, 14, 10, 0, 6, 13,
    ],
    [
        15, 1, 8, 14, 6, 11, 3, 4, 9, 7, 2, 13, 12, 0, 5, 10, 3, 13, 4, 7, 15, 2, 8, 14, 12, 0, 1, 10, 6, 9, 11, 5, 0,
        14, 7, 11, 10, 4, 13, 1, 5, 8, 12, 6, 9, 3, 2, 15, 13, 8, 10, 1, 3, 15, 4, 2, 11, 6, 7, 12, 0, 5, 14, 9,
    ],
    [
        10, 0, 9, 14, 6, 3, 15, 5, 1, 13, 12, 7, 11, 4, 2, 8, 13, 7, 0, 9, 3, 4, 6, 10, 2, 8, 5, 14, 12, 11, 15, 1, 13,
        6, 4, 9, 8, 15, 3, 0, 11, 1, 2, 12, 5, 10, 14, 7, 1, 10, 13, 0, 6, 9, 8, 7, 4, 15, 14, 3, 11, 5, 2, 12,
    ],
    [
        7, 13, 14, 3, 0, 6, 9, 10, 1, 2, 8, 5, 11, 12, 4, 15, 13, 8, 11, 5, 6, 15, 0, 3, 4, 7, 2, 12, 1, 10, 14, 9, 10,
        6, 9, 0, 12, 11, 7, 13, 15, 1, 3, 14, 5, 2, 8, 4, 3, 15, 0, 6, 10, 1, 13, 8, 9, 4, 5, 11, 12, 7, 2, 14,
    ],
    [
        2, 12, 4, 1, 7, 10, 11, 6, 8, 5, 3, 15, 13, 0, 14, 9, 14, 11, 2, 12, 4, 7, 13, 1, 5, 0, 15, 10, 3, 9, 8, 6, 4,
        2, 1, 11, 10, 13, 7, 8, 15, 9, 12, 5, 6, 3, 0, 14, 11, 8, 12, 7, 1, 14, 2, 13, 6, 15, 0, 9, 10, 4, 5, 3,
    ],
    [
        12, 1, 10, 15, 9, 2, 6, 8, 0, 13, 3, 4, 14, 7, 5, 11, 10, 15, 4, 2, 7, 12, 9, 5, 6, 1, 13, 14, 0, 11, 3, 8, 9,
        14, 15, 5, 2, 8, 12, 3, 7, 0, 4, 10, 1, 13, 11, 6, 4, 3, 2, 12, 9, 5, 15, 10, 11, 14, 1, 7, 6, 0, 8, 13,
    ],
    [
        4, 11, 2, 14, 15, 0, 8, 13, 3, 12, 9, 7, 5, 10, 6, 1, 13, 0, 11, 7, 4, 9, 1, 10, 14, 3, 5, 12, 2, 15, 8, 6, 1,
        4, 11, 13, 12, 3, 7, 14, 10, 15, 6, 8, 0, 5, 9, 2, 6, 11, 13, 8, 1, 4, 10, 7, 9, 5, 0, 15, 14, 2, 3, 12,
    ],
    [
        13, 2, 8, 4, 6, 15, 11, 1, 10, 9, 3, 14, 5, 0, 12, 7, 1, 15, 13, 8, 10, 3, 7, 4, 12, 5, 6, 11, 0, 14, 9, 2, 7,
        11, 4, 1, 9, 12, 14, 2, 0, 6, 10, 13, 15, 3, 5, 8, 2, 1, 14, 7, 4, 10, 8, 13, 15, 12, 9, 0, 3, 5, 6, 11,
    ],
];

/// Truth tables of the six inputs: bit `v` is bit `k` of `v`, where the first bit of the six is bit 5.
fn inputs() -> [u64; 6] {
    std::array::from_fn(|k| (0..64u64).fold(0, |t, v| t | (v >> k & 1) << v))
}

/// Truth tables of the four outputs of S-box `s`, bit 3 of the value last.
fn outputs(s: usize) -> [u64; 4] {
    std::array::from_fn(|k| {
        (0..64u64).fold(0, |t, v| {
            let (row, column) = ((v >> 5 & 1) << 1 | v & 1, v >> 1 & 15);
            t | (u64::from(S[s][(row * 16 + column) as usize]) >> k & 1) << v
        })
    })
}

struct Rng(u64);

impl Rng {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }
    fn below(&mut self, n: usize) -> usize {
        (self.next() >> 20) as usize % n
    }
    fn shuffle<T>(&mut self, v: &mut [T]) {
        for i in (1..v.len()).rev() {
            let j = self.below(i + 1);
            v.swap(i, j);
        }
    }
}

/// A gate: bit `4 * a + 2 * b + c` of `f` is its value. `n` inputs are read (1: `not`, 2: `f` does not depend on `c`).
#[derive(Clone, Copy, PartialEq, Debug)]
struct Gate {
    f: u8,
    n: u8,
    i: [u8; 3],
}

const AND: u8 = 0xC0;
const OR: u8 = 0xFC;
const XOR: u8 = 0x3C;
const ANDN: u8 = 0x30;
const NOT: u8 = 0x0F;

impl Gate {
    fn two(f: u8, a: usize, b: usize) -> Self {
        Self {
            f,
            n: 2,
            i: [a as u8, b as u8, b as u8],
        }
    }
    fn not(a: usize) -> Self {
        Self {
            f: NOT,
            n: 1,
            i: [a as u8; 3],
        }
    }
    fn value(&self, t: &[u64]) -> u64 {
        let (a, b, c) = (t[self.i[0] as usize], t[self.i[1] as usize], t[self.i[2] as usize]);
        match (self.n, self.f) {
            (2, AND) => a & b,
            (2, OR) => a | b,
            (2, XOR) => a ^ b,
            (2, ANDN) => a & !b,
            (1, _) => !a,
            _ => (0..8).fold(0, |v, m| {
                let cell =
                    if m & 4 == 0 { !a } else { a } & if m & 2 == 0 { !b } else { b } & if m & 1 == 0 { !c } else { c };
                v | if self.f >> m & 1 == 1 { cell } else { 0 }
            }),
        }
    }
    fn reads(&self) -> u128 {
        self.i[..self.n as usize].iter().fold(0, |m, &i| m | 1 << i)
    }
}

/// Signals 0 to 5 are the inputs; gate `g` is signal `6 + g` and reads signals before it.
#[derive(Clone)]
struct Circuit {
    gates: Vec<Gate>,
    out: [usize; 4],
}

impl Circuit {
    fn tables(&self) -> Vec<u64> {
        let mut t = inputs().to_vec();
        for g in &self.gates {
            t.push(g.value(&t));
        }
        t
    }
    fn right(&self, s: usize) -> bool {
        let t = self.tables();
        self.out.map(|o| t[o]) == outputs(s)
    }
    /// Orders the gates, with what nothing reads dropped.
    fn tidy(&mut self) {
        let n = self.gates.len();
        let mut place = vec![usize::MAX; 6 + n];
        for i in 0..6 {
            place[i] = i;
        }
        let mut sorted = Vec::with_capacity(n);
        fn visit(gates: &[Gate], place: &mut [usize], sorted: &mut Vec<Gate>, s: usize) {
            if place[s] != usize::MAX {
                return;
            }
            let mut g = gates[s - 6];
            for k in 0..3 {
                visit(gates, place, sorted, g.i[k] as usize);
                g.i[k] = place[g.i[k] as usize] as u8;
            }
            place[s] = 6 + sorted.len();
            sorted.push(g);
        }
        for o in self.out {
            visit(&self.gates, &mut place, &mut sorted, o);
        }
        self.out = self.out.map(|o| place[o]);
        self.gates = sorted;
    }
    /// Signals which depend on signal `s`, itself among them.
    fn dependents(&self, s: usize) -> u128 {
        let mut d = 1u128 << s;
        for (g, gate) in self.gates.iter().enumerate() {
            if gate.reads() & d != 0 {
                d |= 1 << (6 + g);
            }
        }
        d
    }
    /// The inputs at which an output changes with signal `s`.
    fn care(&self, t: &[u64], s: usize, d: u128) -> u64 {
        let mut u = t.to_vec();
        u[s] = !u[s];
        for g in s - 5..self.gates.len() {
            if d >> (6 + g) & 1 == 1 {
                u[6 + g] = self.gates[g].value(&u);
            }
        }
        self.out.iter().fold(0, |m, &o| m | t[o] ^ u[o])
    }
}

/// A gate of two inputs over `order` that is `t` wherever `m` is set.
fn pair(x: &[u64], t: u64, m: u64, order: &[usize]) -> Option<Gate> {
    let (on, off) = (t & m, !t & m);
    for (p, &i) in order.iter().enumerate() {
        let a = x[i];
        for &j in &order[..p] {
            let b = x[j];
            let f = if (a ^ b ^ t) & m == 0 {
                XOR
            } else if a & b & m == on {
                AND
            } else if !(a | b) & m == off {
                OR
            } else if a & !b & m == on {
                ANDN
            } else if b & !a & m == on {
                return Some(Gate::two(ANDN, j, i));
            } else {
                continue;
            };
            return Some(Gate::two(f, i, j));
        }
    }
    None
}

/// A gate of three inputs over `order` that is `t` wherever `m` is set, another one than `not`.
fn triple(x: &[u64], t: u64, m: u64, order: &[usize], not: Gate) -> Option<Gate> {
    let (on, off) = (t & m, !t & m);
    for (p, &i) in order.iter().enumerate() {
        let a = x[i];
        for (q, &j) in order[..p].iter().enumerate() {
            let b = x[j];
            let cells = [!a & !b, !a & b, a & !b, a & b].map(|c| (c & on, c & off));
            for &k in &order[..q] {
                let c = x[k];
                let (mut f, mut good) = (0u8, true);
                for (n, (on, off)) in cells.iter().enumerate() {
                    if on & c != 0 && off & c != 0 || on & !c != 0 && off & !c != 0 {
                        good = false;
                        break;
                    }
                    f |= u8::from(on & c != 0) << (2 * n + 1) | u8::from(on & !c != 0) << (2 * n);
                }
                if good {
                    let gate = Gate {
                        f,
                        n: 3,
                        i: [i as u8, j as u8, k as u8],
                    };
                    if gate.reads() != not.reads() {
                        return Some(gate);
                    }
                }
            }
        }
    }
    None
}

/// One step of the walk: a gate replaced by another one, or by none.
fn step(c: &mut Circuit, r: &mut Rng, ternary: bool, grow: bool) {
    let g = r.below(c.gates.len());
    let s = 6 + g;
    let x = c.tables();
    let d = c.dependents(s);
    let (t, m) = (x[s], c.care(&x, s, d));
    let mut order: Vec<usize> = (0..x.len()).filter(|i| d >> i & 1 == 0).collect();
    r.shuffle(&mut order);
    let old = c.gates[g];
    if let Some(&i) = order.iter().find(|&&i| (x[i] ^ t) & m == 0) {
        for gate in &mut c.gates {
            for k in &mut gate.i {
                if *k as usize == s {
                    *k = i as u8;
                }
            }
        }
        for o in &mut c.out {
            if *o == s {
                *o = i;
            }
        }
        return c.tidy();
    }
    if ternary {
        if let Some(gate) = triple(&x, t, m, &order, old) {
            c.gates[g] = gate;
        }
        return c.tidy();
    }
    if grow {
        // The gate is `u op k` with `u` a new gate: `u` matters where `k` does not decide.
        for &k in &order {
            let z = x[k];
            let forms = [
                (t & !z & m == 0, AND, t, m & z),
                (z & !t & m == 0, OR, t, m & !z),
                (t & z & m == 0, ANDN, t, m & !z),
                (true, XOR, t ^ z, m),
            ];
            let first = r.below(4);
            for q in 0..4 {
                let (possible, f, t, m) = forms[(first + q) % 4];
                if possible {
                    if let Some(u) = pair(&x, t, m, &order) {
                        c.gates.push(u);
                        let n = 5 + c.gates.len();
                        c.gates[g] = Gate::two(f, n, k);
                        return c.tidy();
                    }
                }
            }
        }
        return;
    }
    if r.below(8) == 0 {
        if let Some(&i) = order.iter().find(|&&i| (!x[i] ^ t) & m == 0) {
            c.gates[g] = Gate::not(i);
            return c.tidy();
        }
    }
    // Rotate away from the present pair: without one of its inputs, unless there is nothing else.
    let drop = old.i[r.below(2)] as usize;
    let without: Vec<usize> = order.iter().copied().filter(|&i| i != drop).collect();
    if let Some(gate) = pair(&x, t, m, &without).or_else(|| pair(&x, t, m, &order)) {
        c.gates[g] = gate;
    }
    c.tidy();
}

/// Decomposition: adds gates to `c` until a signal is `t` wherever `m` is set; at most `max` signals.
fn create(c: &mut Circuit, x: &mut Vec<u64>, t: u64, m: u64, free: u8, max: usize, r: &mut Rng) -> Option<usize> {
    fn add(c: &mut Circuit, x: &mut Vec<u64>, g: Gate) -> usize {
        c.gates.push(g);
        x.push(g.value(x));
        x.len() - 1
    }
    let n = x.len();
    let mut order: Vec<usize> = (0..n).collect();
    r.shuffle(&mut order);
    if let Some(&i) = order.iter().find(|&&i| (x[i] ^ t) & m == 0) {
        return Some(i);
    }
    if n >= max {
        return None;
    }
    if let Some(&i) = order.iter().find(|&&i| (!x[i] ^ t) & m == 0) {
        return Some(add(c, x, Gate::not(i)));
    }
    if let Some(g) = pair(x, t, m, &order) {
        return Some(add(c, x, g));
    }
    if n + 2 > max {
        return None;
    }
    for &k in &order {
        let z = x[k];
        let forms = [
            (t & !z & m == 0, AND, t, m & z),
            (z & !t & m == 0, OR, t, m & !z),
            (t & z & m == 0, ANDN, t, m & !z),
            (true, XOR, t ^ z, m),
        ];
        for (possible, f, t, m) in forms {
            if possible {
                if let Some(u) = pair(x, t, m, &order) {
                    let u = add(c, x, u);
                    return Some(add(c, x, Gate::two(f, u, k)));
                }
            }
        }
    }
    if n + 3 > max {
        return None;
    }
    let mut best: Option<(Circuit, Vec<u64>, usize)> = None;
    let mut max = max;
    let mut by: Vec<usize> = (0..6).filter(|i| free >> i & 1 == 1).collect();
    r.shuffle(&mut by);
    for &i in &by {
        let xi = x[i];
        let rest = free & !(1 << i);
        let mut forms = [0, 1, 2];
        r.shuffle(&mut forms);
        for f in forms {
            let (mut d, mut y) = (c.clone(), x.clone());
            let (pt, pm, qm, op) = match f {
                0 => (t, m & !xi, m & xi, AND),
                1 => (t, m & xi, m & !xi, ANDN),
                _ => (!t, m & xi, m & !xi, OR),
            };
            let Some(p) = create(&mut d, &mut y, pt, pm, rest, max - 2, r) else {
                continue;
            };
            let pt = y[p];
            let Some(q) = create(&mut d, &mut y, t ^ pt, qm, rest, max - 2, r) else {
                continue;
            };
            let e = add(&mut d, &mut y, Gate::two(op, q, i));
            let o = add(&mut d, &mut y, Gate::two(XOR, p, e));
            if y.len() <= max {
                max = y.len() - 1;
                best = Some((d, y, o));
            }
        }
    }
    let (d, y, o) = best?;
    *c = d;
    *x = y;
    Some(o)
}

fn first(s: usize, max: usize, r: &mut Rng) -> Option<Circuit> {
    let mut c = Circuit {
        gates: Vec::new(),
        out: [0; 4],
    };
    let mut x = inputs().to_vec();
    let mut order = [0, 1, 2, 3];
    r.shuffle(&mut order);
    for k in order {
        c.out[k] = create(&mut c, &mut x, outputs(s)[k], !0, 63, 6 + max, r)?;
    }
    c.tidy();
    Some(c)
}

fn path(dir: &str, s: usize, kind: &str) -> String {
    format!("{dir}/s{}{kind}.txt", s + 1)
}

fn save(c: &Circuit, file: &str) {
    let mut text = format!("{} gates\n", c.gates.len());
    for (i, g) in c.gates.iter().enumerate() {
        text += &format!("{} {} {} {} {} {}\n", i + 6, g.f, g.n, g.i[0], g.i[1], g.i[2]);
    }
    text += &format!("out {} {} {} {}\n", c.out[0], c.out[1], c.out[2], c.out[3]);
    let part = format!("{file}.part");
    std::fs::write(&part, text)
        .and_then(|()| std::fs::rename(&part, file))
        .expect("write circuit");
}

fn load(file: &str) -> Option<Circuit> {
    let text = std::fs::read_to_string(file).ok()?;
    let mut c = Circuit {
        gates: Vec::new(),
        out: [0; 4],
    };
    for line in text.lines().skip(1) {
        let n: Vec<usize> = line.split(' ').filter_map(|w| w.parse().ok()).collect();
        if line.starts_with("out") {
            c.out = [n[0], n[1], n[2], n[3]];
        } else {
            c.gates.push(Gate {
                f: n[1] as u8,
                n: n[2] as u8,
                i: [n[3] as u8, n[4] as u8, n[5] as u8],
            });
        }
    }
    Some(c)
}

/// Walks for `seconds` and keeps the best circuit in its file.
fn search(dir: &str, s: usize, ternary: bool, seconds: u64, seed: u64) {
    let mut r = Rng(0x9E37_79B9_7F4A_7C15 ^ seed << 9 ^ (s as u64 + 1));
    for _ in 0..20 {
        r.next();
    }
    let file = path(dir, s, if ternary { "t" } else { "b" });
    let mut best = load(&file).map_or(usize::MAX, |c| c.gates.len());
    let start = std::time::Instant::now();
    let over = || start.elapsed().as_secs() >= seconds;
    while !over() {
        // From the best circuit half the time, otherwise from a new one.
        let kept = if r.below(2) == 0 { load(&file) } else { None };
        let mut c = match kept {
            Some(c) => c,
            None if ternary && r.below(2) == 0 => match load(&path(dir, s, "b")) {
                Some(c) => c,
                None => continue,
            },
            None => {
                let mut few: Option<Circuit> = None;
                for _ in 0..4 {
                    let max = few.as_ref().map_or(75, |c| c.gates.len() - 1);
                    few = first(s, max, &mut r).or(few);
                }
                match few {
                    Some(c) => c,
                    None => continue,
                }
            }
        };
        let mut low = c.gates.len();
        let mut idle = 0u32;
        let limit = if ternary { 6000 } else { 60_000 };
        while idle < limit && !over() {
            // Two above the lowest of this walk at most.
            let grow = !ternary && r.below(40) == 0 && c.gates.len() < low + 2;
            step(&mut c, &mut r, ternary, grow);
            idle += 1;
            if c.gates.len() < low {
                low = c.gates.len();
                idle = 0;
            }
            if low < best {
                assert!(c.right(s), "a walk that changed the function");
                best = low;
                save(&c, &file);
                println!(
                    "s{}{} {} gates, {} s, seed {seed}",
                    s + 1,
                    if ternary { "t" } else { "b" },
                    best,
                    start.elapsed().as_secs()
                );
            }
        }
    }
}

/// Both kinds of circuits as Rust source over the word trait of the bit-sliced code.
fn write_source(dir: &str) {
    let mut body = String::new();
    let mut sums = [0, 0];
    for s in 0..8 {
        for (kind, sum) in ["b", "t"].into_iter().zip(&mut sums) {
            let c = load(&path(dir, s, kind)).expect("a circuit of each kind for each S-box");
            assert!(c.right(s), "{kind}{} is not the S-box", s + 1);
            *sum += c.gates.len();
            body += &format!("\n/// S{}: {} gates.\n#[inline(always)]\n", s + 1, c.gates.len());
            body += &format!(
                "pub(super) fn {kind}{}<W: Word>([x0, x1, x2, x3, x4, x5]: [W; 6]) -> [W; 4] {{\n",
                s + 1
            );
            for (i, g) in c.gates.iter().enumerate() {
                let [a, b, d] = g.i;
                let value = match (g.n, g.f) {
                    (1, _) => format!("x{a}.not()"),
                    (2, AND) => format!("x{a}.and(x{b})"),
                    (2, OR) => format!("x{a}.or(x{b})"),
                    (2, XOR) => format!("x{a}.xor(x{b})"),
                    (2, ANDN) => format!("x{a}.andn(x{b})"),
                    (_, f) => format!("x{a}.ternary::<0x{f:02X}>(x{b}, x{d})"),
                };
                body += &format!("    let x{} = {value};\n", i + 6);
            }
            let [a, b, d, e] = c.out;
            body += &format!("    [x{a}, x{b}, x{d}, x{e}]\n}}\n");
        }
    }
    print!(
        "// SPDX-License-Identifier: MIT OR Apache-2.0\n\
        //! The S-boxes as circuits, found and written by `scripts/sboxes`: `b1` to `b8` of gates with two inputs ({} in\n\
        //! all), `t1` to `t8` of gates with three ({}).\n\
        //!\n\
        //! Input `x5` is the first of the six bits, `x0` the last; the last of the four outputs is the first bit.\n\n\
        use super::word::Word;\n{body}",
        sums[0], sums[1]
    );
}

fn main() {
    let a: Vec<String> = std::env::args().skip(1).collect();
    let word = |i: usize| a.get(i).map_or("", String::as_str);
    let number = |i: usize| word(i).parse::<u64>().expect("a number");
    match word(0) {
        // search DIRECTORY b|t SECONDS SEED [S-box 1 to 8]
        "search" => {
            let range = if a.len() > 5 {
                number(5) as usize - 1..number(5) as usize
            } else {
                0..8
            };
            for s in range {
                search(word(1), s, word(2) == "t", number(3), number(4));
            }
        }
        // write DIRECTORY
        "write" => write_source(word(1)),
        _ => {
            eprintln!("usage: sboxes write DIRECTORY | search DIRECTORY b|t SECONDS SEED [BOX]");
            std::process::exit(2);
        }
    }
    std::io::stdout().flush().expect("stdout");
}
