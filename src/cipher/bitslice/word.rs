// SPDX-License-Identifier: MIT OR Apache-2.0
//! The word of the sliced code: one bit of 64, 256 or 512 jobs.
//!
//! Everything is written over [`Word`]; what is special to a word is here: its logic, and three large functions
//! (rounds, transposition, wiping) which exist once for each word instead of once for each use.
#![allow(unsafe_code)]

use super::machine;
use super::rounds::{self, Half, KeyPlanes};
use super::transpose;

/// Engines by which sliced code runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Engine {
    /// 64 jobs at a time in general registers.
    Words,
    /// 256 jobs at a time.
    Avx2,
    /// 512 jobs at a time, with logic of three inputs.
    Avx512,
    /// The code of [`Avx512`](Self::Avx512) over words of memory: for tests where the processor has no such registers.
    #[cfg(any(test, feature = "hazmat"))]
    Emulated,
}

/// A bit of each of [`LANES`](Self::LANES) jobs. Bit 63 - *b* of element *q* is of job *b* times the number of elements,
/// plus *q*.
///
/// Every method is for code that is inlined into the body of [`Kernel::run`] and so is compiled with the instructions that
/// the word needs: `run` is the only way to a word.
pub(crate) trait Word: Copy {
    const LANES: usize;
    /// Whether [`ternary`](Self::ternary) is one instruction.
    const TERNARY: bool;
    const ZERO: Self;
    const ONES: Self;
    /// The word as elements.
    type Elements: Copy + AsRef<[u64]> + AsMut<[u64]>;

    fn elements(&self) -> &Self::Elements;
    fn elements_mut(&mut self) -> &mut Self::Elements;

    /// `value` in every element.
    #[inline(always)]
    fn splat(value: u64) -> Self {
        let mut word = Self::ZERO;
        word.elements_mut().as_mut().fill(value);
        word
    }

    fn and(self, other: Self) -> Self;
    fn or(self, other: Self) -> Self;
    fn xor(self, other: Self) -> Self;
    /// `self & !other`.
    fn andn(self, other: Self) -> Self;
    #[inline(always)]
    fn not(self) -> Self {
        self.xor(Self::ONES)
    }
    /// Bit `4 a + 2 b + c` of `TABLE` for each bit of the three words.
    #[inline(always)]
    fn ternary<const TABLE: i32>(self, b: Self, c: Self) -> Self {
        let mut sum = Self::ZERO;
        for cell in 0..8_u32 {
            if TABLE.wrapping_shr(cell) & 1 != 0 {
                let ab = match cell & 6 {
                    6 => self.and(b),
                    4 => self.andn(b),
                    2 => b.andn(self),
                    _ => self.or(b).not(),
                };
                sum = sum.or(if cell & 1 != 0 { ab.and(c) } else { ab.andn(c) });
            }
        }
        sum
    }
    /// Shifts in each element.
    fn left<const COUNT: i32>(self) -> Self;
    fn right<const COUNT: i32>(self) -> Self;

    /// `a` where `mask` is set, `b` elsewhere.
    #[inline(always)]
    fn select(mask: Self, a: Self, b: Self) -> Self {
        b.xor(mask.and(a.xor(b)))
    }

    /// Sixteen rounds.
    fn des(key: &KeyPlanes<Self>, left: &mut Half<Self>, right: &mut Half<Self>, backward: bool);
    /// PC-1 over a key in the order behind IP.
    fn schedule(key: &[Self; 64], to: &mut KeyPlanes<Self>);
    /// Blocks to planes, or planes to blocks.
    fn transpose(planes: &mut [Self; 64]);
    /// Blocks to planes in the order behind IP.
    fn slice(planes: &mut [Self; 64], room: &mut [Self; 64]);
    /// Planes in the order behind IP to blocks.
    fn unslice(planes: &mut [Self; 64], room: &mut [Self; 64]);
    /// Planes from the standard's order to that behind IP, or back.
    fn permute(planes: &mut [Self; 64], enter: bool);
    /// Zeros that the compiler does not leave out.
    fn wipe(words: &mut [Self]);
}

#[inline(always)]
fn zeros<W: Word>(words: &mut [W]) {
    for word in words {
        // SAFETY: a reference is valid for writing.
        unsafe { core::ptr::write_volatile(word, W::ZERO) };
    }
    core::sync::atomic::compiler_fence(core::sync::atomic::Ordering::SeqCst);
}

/// Sliced code that runs on any word.
pub(crate) trait Kernel {
    type Output;
    /// To be `#[inline(always)]`, with all that it calls but the large functions of the word.
    fn run<W: Word>(self) -> Self::Output;
}

impl Engine {
    /// The fastest one of this processor.
    #[must_use]
    pub fn best() -> Self {
        let cpu = crate::cipher::cpu::Cpu::detect();
        if cpu.avx512() {
            Self::Avx512
        } else if cpu.avx2() {
            Self::Avx2
        } else {
            Self::Words
        }
    }

    /// Whether this processor has it.
    #[must_use]
    pub fn is_available(self) -> bool {
        let cpu = crate::cipher::cpu::Cpu::detect();
        match self {
            Self::Words => true,
            Self::Avx2 => cpu.avx2(),
            Self::Avx512 => cpu.avx512(),
            #[cfg(any(test, feature = "hazmat"))]
            Self::Emulated => true,
        }
    }

    /// Jobs that run at a time.
    #[must_use]
    pub const fn lanes(self) -> usize {
        match self {
            Self::Words => 64,
            Self::Avx2 => 256,
            Self::Avx512 => 512,
            #[cfg(any(test, feature = "hazmat"))]
            Self::Emulated => 512,
        }
    }

    /// Runs a kernel; by [`Words`](Self::Words) if the processor has not what the engine needs.
    pub(crate) fn run<K: Kernel>(self, kernel: K) -> K::Output {
        #[cfg(all(not(payhsm_portable), target_arch = "x86_64", not(target_os = "none")))]
        if self.is_available() {
            match self {
                // SAFETY: the processor has the instructions.
                Self::Avx2 => return unsafe { x86::run_avx2(kernel) },
                // SAFETY: likewise.
                Self::Avx512 => return unsafe { x86::run_avx512(kernel) },
                _ => {}
            }
        }
        match self {
            #[cfg(any(test, feature = "hazmat"))]
            Self::Emulated => kernel.run::<Emulated>(),
            _ => kernel.run::<u64>(),
        }
    }
}

impl Word for u64 {
    const LANES: usize = 64;
    const TERNARY: bool = false;
    const ZERO: Self = 0;
    const ONES: Self = u64::MAX;
    type Elements = [u64; 1];

    #[inline(always)]
    fn elements(&self) -> &[u64; 1] {
        core::array::from_ref(self)
    }
    #[inline(always)]
    fn elements_mut(&mut self) -> &mut [u64; 1] {
        core::array::from_mut(self)
    }
    #[inline(always)]
    fn and(self, other: Self) -> Self {
        self & other
    }
    #[inline(always)]
    fn or(self, other: Self) -> Self {
        self | other
    }
    #[inline(always)]
    fn xor(self, other: Self) -> Self {
        self ^ other
    }
    #[inline(always)]
    fn andn(self, other: Self) -> Self {
        self & !other
    }
    #[inline(always)]
    fn left<const COUNT: i32>(self) -> Self {
        self.wrapping_shl(COUNT.cast_unsigned())
    }
    #[inline(always)]
    fn right<const COUNT: i32>(self) -> Self {
        self.wrapping_shr(COUNT.cast_unsigned())
    }
    #[inline(never)]
    fn des(key: &KeyPlanes<Self>, left: &mut Half<Self>, right: &mut Half<Self>, backward: bool) {
        rounds::sixteen(key, left, right, backward);
    }
    #[inline(never)]
    fn schedule(key: &[Self; 64], to: &mut KeyPlanes<Self>) {
        machine::schedule(key, &mut to.0);
    }
    #[inline(never)]
    fn transpose(planes: &mut [Self; 64]) {
        transpose::in_place(planes);
    }
    #[inline(never)]
    fn slice(planes: &mut [Self; 64], room: &mut [Self; 64]) {
        transpose::slice(planes, room);
    }
    #[inline(never)]
    fn unslice(planes: &mut [Self; 64], room: &mut [Self; 64]) {
        transpose::unslice(planes, room);
    }
    #[inline(never)]
    fn permute(planes: &mut [Self; 64], enter: bool) {
        if enter { transpose::enter(planes) } else { transpose::leave(planes) }
    }
    #[inline(never)]
    fn wipe(words: &mut [Self]) {
        zeros(words);
    }
}

/// Eight words of memory in place of a register of 512 bits.
#[cfg(any(test, feature = "hazmat"))]
#[derive(Clone, Copy)]
pub(crate) struct Emulated([u64; 8]);

#[cfg(any(test, feature = "hazmat"))]
impl Emulated {
    #[inline(always)]
    fn zip(self, other: Self, f: impl Fn(u64, u64) -> u64) -> Self {
        let mut out = self;
        for (to, from) in out.0.iter_mut().zip(other.0) {
            *to = f(*to, from);
        }
        out
    }
}

#[cfg(any(test, feature = "hazmat"))]
impl Word for Emulated {
    const LANES: usize = 512;
    const TERNARY: bool = true;
    const ZERO: Self = Self([0; 8]);
    const ONES: Self = Self([u64::MAX; 8]);
    type Elements = [u64; 8];

    #[inline(never)]
    fn elements(&self) -> &[u64; 8] {
        &self.0
    }
    #[inline(never)]
    fn elements_mut(&mut self) -> &mut [u64; 8] {
        &mut self.0
    }
    #[inline(never)]
    fn and(self, other: Self) -> Self {
        self.zip(other, |a, b| a & b)
    }
    #[inline(never)]
    fn or(self, other: Self) -> Self {
        self.zip(other, |a, b| a | b)
    }
    #[inline(never)]
    fn xor(self, other: Self) -> Self {
        self.zip(other, |a, b| a ^ b)
    }
    #[inline(never)]
    fn andn(self, other: Self) -> Self {
        self.zip(other, |a, b| a & !b)
    }
    // Not inlined, as all of it: without optimisation each copy would have room of its own on the stack.
    #[inline(never)]
    fn ternary<const TABLE: i32>(self, b: Self, c: Self) -> Self {
        let mut out = self;
        for ((to, b), c) in out.0.iter_mut().zip(b.0).zip(c.0) {
            *to = <u64 as Word>::ternary::<TABLE>(*to, b, c);
        }
        out
    }
    #[inline(never)]
    fn left<const COUNT: i32>(self) -> Self {
        Self(self.0.map(|word| word.wrapping_shl(COUNT.cast_unsigned())))
    }
    #[inline(never)]
    fn right<const COUNT: i32>(self) -> Self {
        Self(self.0.map(|word| word.wrapping_shr(COUNT.cast_unsigned())))
    }
    #[inline(never)]
    fn des(key: &KeyPlanes<Self>, left: &mut Half<Self>, right: &mut Half<Self>, backward: bool) {
        rounds::sixteen(key, left, right, backward);
    }
    #[inline(never)]
    fn schedule(key: &[Self; 64], to: &mut KeyPlanes<Self>) {
        machine::schedule(key, &mut to.0);
    }
    #[inline(never)]
    fn transpose(planes: &mut [Self; 64]) {
        transpose::in_place(planes);
    }
    #[inline(never)]
    fn slice(planes: &mut [Self; 64], room: &mut [Self; 64]) {
        transpose::slice(planes, room);
    }
    #[inline(never)]
    fn unslice(planes: &mut [Self; 64], room: &mut [Self; 64]) {
        transpose::unslice(planes, room);
    }
    #[inline(never)]
    fn permute(planes: &mut [Self; 64], enter: bool) {
        if enter { transpose::enter(planes) } else { transpose::leave(planes) }
    }
    #[inline(never)]
    fn wipe(words: &mut [Self]) {
        zeros(words);
    }
}

#[cfg(all(not(payhsm_portable), target_arch = "x86_64", not(target_os = "none")))]
mod x86 {
    use core::arch::x86_64::{
        __m256i, __m512i, _mm_cvtsi32_si128, _mm256_and_si256, _mm256_andnot_si256, _mm256_or_si256,
        _mm256_sll_epi64, _mm256_srl_epi64, _mm256_xor_si256, _mm512_and_si512,
        _mm512_andnot_si512, _mm512_or_si512, _mm512_sll_epi64, _mm512_srl_epi64,
        _mm512_ternarylogic_epi64, _mm512_xor_si512,
    };

    use super::{Half, Kernel, KeyPlanes, Word, machine, rounds, transpose, zeros};

    #[target_feature(enable = "avx2")]
    pub(super) fn run_avx2<K: Kernel>(kernel: K) -> K::Output {
        kernel.run::<Avx2>()
    }

    #[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl")]
    pub(super) fn run_avx512<K: Kernel>(kernel: K) -> K::Output {
        kernel.run::<Avx512>()
    }

    #[derive(Clone, Copy)]
    #[repr(transparent)]
    pub(super) struct Avx2(__m256i);

    #[derive(Clone, Copy)]
    #[repr(transparent)]
    pub(super) struct Avx512(__m512i);

    macro_rules! simd {
        (
            $name:ident, $elements:literal, $ternary:literal, $features:literal,
            $and:ident, $or:ident, $xor:ident, $andnot:ident, $left:ident, $right:ident,
            $($more:item)*
        ) => {
            // SAFETY, for the whole of it: a value of this type exists only inside `run` of a kernel, which was called
            // where the processor has the instructions.
            impl Word for $name {
                const LANES: usize = 64 * $elements;
                const TERNARY: bool = $ternary;
                // SAFETY: every pattern of bits is a value of either type.
                const ZERO: Self = unsafe { core::mem::transmute([0_u64; $elements]) };
                // SAFETY: likewise.
                const ONES: Self = unsafe { core::mem::transmute([u64::MAX; $elements]) };
                type Elements = [u64; $elements];

                #[inline(always)]
                fn elements(&self) -> &Self::Elements {
                    // SAFETY: the register's type has the size of the array and at least its alignment; every pattern
                    // of bits is a value of either.
                    unsafe { &*core::ptr::from_ref(self).cast() }
                }
                #[inline(always)]
                fn elements_mut(&mut self) -> &mut Self::Elements {
                    // SAFETY: likewise.
                    unsafe { &mut *core::ptr::from_mut(self).cast() }
                }
                #[inline(always)]
                fn and(self, other: Self) -> Self {
                    // SAFETY: see above.
                    Self(unsafe { $and(self.0, other.0) })
                }
                #[inline(always)]
                fn or(self, other: Self) -> Self {
                    // SAFETY: see above.
                    Self(unsafe { $or(self.0, other.0) })
                }
                #[inline(always)]
                fn xor(self, other: Self) -> Self {
                    // SAFETY: see above.
                    Self(unsafe { $xor(self.0, other.0) })
                }
                #[inline(always)]
                fn andn(self, other: Self) -> Self {
                    // SAFETY: see above.
                    Self(unsafe { $andnot(other.0, self.0) })
                }
                $($more)*
                #[inline(always)]
                fn left<const COUNT: i32>(self) -> Self {
                    // SAFETY: see above.
                    Self(unsafe { $left(self.0, _mm_cvtsi32_si128(COUNT)) })
                }
                #[inline(always)]
                fn right<const COUNT: i32>(self) -> Self {
                    // SAFETY: see above.
                    Self(unsafe { $right(self.0, _mm_cvtsi32_si128(COUNT)) })
                }
                #[inline(always)]
                fn des(key: &KeyPlanes<Self>, left: &mut Half<Self>, right: &mut Half<Self>, backward: bool) {
                    #[target_feature(enable = $features)]
                    #[inline(never)]
                    fn once(key: &KeyPlanes<$name>, left: &mut Half<$name>, right: &mut Half<$name>, backward: bool) {
                        rounds::sixteen(key, left, right, backward);
                    }
                    // SAFETY: see above.
                    unsafe { once(key, left, right, backward) };
                }
                #[inline(always)]
                fn schedule(key: &[Self; 64], to: &mut KeyPlanes<Self>) {
                    #[target_feature(enable = $features)]
                    #[inline(never)]
                    fn once(key: &[$name; 64], to: &mut KeyPlanes<$name>) {
                        machine::schedule(key, &mut to.0);
                    }
                    // SAFETY: see above.
                    unsafe { once(key, to) };
                }
                #[inline(always)]
                fn transpose(planes: &mut [Self; 64]) {
                    #[target_feature(enable = $features)]
                    #[inline(never)]
                    fn once(planes: &mut [$name; 64]) {
                        transpose::in_place(planes);
                    }
                    // SAFETY: see above.
                    unsafe { once(planes) };
                }
                #[inline(always)]
                fn slice(planes: &mut [Self; 64], room: &mut [Self; 64]) {
                    #[target_feature(enable = $features)]
                    #[inline(never)]
                    fn once(planes: &mut [$name; 64], room: &mut [$name; 64]) {
                        transpose::slice(planes, room);
                    }
                    // SAFETY: see above.
                    unsafe { once(planes, room) };
                }
                #[inline(always)]
                fn unslice(planes: &mut [Self; 64], room: &mut [Self; 64]) {
                    #[target_feature(enable = $features)]
                    #[inline(never)]
                    fn once(planes: &mut [$name; 64], room: &mut [$name; 64]) {
                        transpose::unslice(planes, room);
                    }
                    // SAFETY: see above.
                    unsafe { once(planes, room) };
                }
                #[inline(always)]
                fn permute(planes: &mut [Self; 64], enter: bool) {
                    #[target_feature(enable = $features)]
                    #[inline(never)]
                    fn once(planes: &mut [$name; 64], enter: bool) {
                        if enter { transpose::enter(planes) } else { transpose::leave(planes) }
                    }
                    // SAFETY: see above.
                    unsafe { once(planes, enter) };
                }
                #[inline(always)]
                fn wipe(words: &mut [Self]) {
                    #[target_feature(enable = $features)]
                    #[inline(never)]
                    fn once(words: &mut [$name]) {
                        zeros(words);
                    }
                    // SAFETY: see above.
                    unsafe { once(words) };
                }
            }
        };
    }
    simd!(
        Avx2, 4, false, "avx2",
        _mm256_and_si256, _mm256_or_si256, _mm256_xor_si256,
        _mm256_andnot_si256, _mm256_sll_epi64, _mm256_srl_epi64,
    );
    simd!(
        Avx512, 8, true, "avx512f,avx512bw,avx512dq,avx512vl",
        _mm512_and_si512, _mm512_or_si512, _mm512_xor_si512,
        _mm512_andnot_si512, _mm512_sll_epi64, _mm512_srl_epi64,
        #[inline(always)]
        fn ternary<const TABLE: i32>(self, b: Self, c: Self) -> Self {
            // SAFETY: see above.
            Self(unsafe { _mm512_ternarylogic_epi64::<TABLE>(self.0, b.0, c.0) })
        }
    );
}
