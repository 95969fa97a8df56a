// SPDX-License-Identifier: MIT OR Apache-2.0
//! The RSA public operation, s^e mod n with e = 3 or 65537, for moduli of at most 2048 bits.
//!
//! Montgomery multiplication over words of 32 bits, without division and without a heap. A big-integer crate would be
//! the usual choice; the one that is kept best, `crypto-bigint`, calls panics from its division and its Karatsuba
//! multiplication that no compiler removes, and takes 6 KiB of stack and 23 KiB of flash for this one operation. It is
//! the oracle of the tests. There is no private operation here.
//!
//! # Timing
//! Modulus, exponent and their lengths show. The input does not: a PIN is enciphered with this operation.

use core::fmt;
use core::hint::black_box;

use zeroize::Zeroize;

use crate::ct;
use crate::error::Error;

/// The longest modulus, in bytes. EMV's are at most 248 bytes.
pub const MAX_LEN: usize = 256;

/// Words of the longest modulus.
const WORDS: usize = MAX_LEN.div_ceil(size_of::<u32>());

/// The public exponents of EMV (Book 2, B2.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exponent {
    /// 3.
    Three,
    /// 2^16 + 1.
    F4,
}

impl Exponent {
    /// The exponent of 1 or 3 bytes, big-endian.
    ///
    /// # Errors
    /// [`Error::InvalidArgument`] for any other value or length.
    pub const fn from_bytes(bytes: &[u8]) -> Result<Self, Error> {
        match bytes {
            [3] | [0, 0, 3] => Ok(Self::Three),
            [1, 0, 1] => Ok(Self::F4),
            _ => Err(Error::InvalidArgument),
        }
    }

    /// How often the base is squared before it is multiplied in once more: e = 2^k + 1.
    const fn squarings(self) -> u32 {
        match self {
            Self::Three => 1,
            Self::F4 => 16,
        }
    }
}

/// An RSA public key: modulus and exponent. Public data.
#[derive(Clone)]
pub struct PublicKey {
    /// Big-endian, without leading zeros; zero behind the last byte.
    modulus: [u8; MAX_LEN],
    len: usize,
    exponent: Exponent,
}

impl PublicKey {
    /// The key of this modulus, big-endian, first byte not 0, and exponent.
    ///
    /// # Errors
    /// [`Error::InvalidKeyLength`] for an empty modulus or one of more than [`MAX_LEN`] bytes;
    /// [`Error::InvalidArgument`] for one that begins with 0 or is even.
    pub fn new(modulus: &[u8], exponent: Exponent) -> Result<Self, Error> {
        let mut own = [0; MAX_LEN];
        own.get_mut(..modulus.len())
            .ok_or(Error::InvalidKeyLength)?
            .copy_from_slice(modulus);
        match (modulus.first(), modulus.last()) {
            (Some(0), _) => Err(Error::InvalidArgument),
            (_, Some(last)) if last & 1 == 0 => Err(Error::InvalidArgument),
            (None, _) | (_, None) => Err(Error::InvalidKeyLength),
            _ => Ok(Self {
                modulus: own,
                len: modulus.len(),
                exponent,
            }),
        }
    }

    /// The modulus, big-endian.
    #[must_use]
    pub fn modulus(&self) -> &[u8] {
        self.modulus.get(..self.len).unwrap_or(&[])
    }

    /// The exponent.
    #[must_use]
    pub const fn exponent(&self) -> Exponent {
        self.exponent
    }

    /// Raises `input` to the exponent modulo the modulus. Both have the modulus's length, big-endian.
    ///
    /// # Errors
    /// [`Error::InvalidLength`]; [`Error::InvalidArgument`] if `input` is not below the modulus. `out` is wiped then.
    ///
    /// # Timing
    /// The key, and whether `input` is below the modulus.
    ///
    /// # Source
    /// EMV Book 2, B2.1; vectors: `vectors/emv_oda.txt`, operation `rsa_public_op`.
    pub fn apply(&self, input: &[u8], out: &mut [u8]) -> Result<(), Error> {
        out.zeroize();
        if input.len() != self.len || out.len() != self.len {
            return Err(Error::InvalidLength);
        }
        let mut words = Words::zeroed();
        let modulus = Modulus::new(words.load(self.modulus()));
        let (mut base, mut a, mut b) = (Words::zeroed(), Words::zeroed(), Words::zeroed());
        let base: &[u32] = base.load(input);
        if !modulus.is_above(base) {
            return Err(Error::InvalidArgument);
        }
        let (mut power, mut next) = (a.take(base.len()), b.take(base.len()));
        modulus.square_of_radix(&mut power, &mut next);
        modulus.multiply(base, power, next);
        core::mem::swap(&mut power, &mut next);
        for _ in 0..self.exponent.squarings() {
            modulus.multiply(power, power, next);
            core::mem::swap(&mut power, &mut next);
        }
        // The base itself takes the factor R away again.
        modulus.multiply(power, base, next);
        store(next, out);
        Ok(())
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PublicKey")
            .field("len", &self.len)
            .field("exponent", &self.exponent)
            .finish_non_exhaustive()
    }
}

/// Words, least significant first; wiped.
struct Words([u32; WORDS]);

impl Words {
    const fn zeroed() -> Self {
        Self([0; WORDS])
    }

    fn take(&mut self, len: usize) -> &mut [u32] {
        self.0.get_mut(..len).unwrap_or(&mut [])
    }

    /// The words of a big-endian number, as many as it needs.
    fn load(&mut self, bytes: &[u8]) -> &mut [u32] {
        let words = self.take(bytes.len().div_ceil(size_of::<u32>()));
        for (word, chunk) in words.iter_mut().zip(bytes.rchunks(size_of::<u32>())) {
            *word = chunk.iter().fold(0, |word, byte| (word << 8) | u32::from(*byte));
        }
        words
    }
}

impl Drop for Words {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

/// Writes a number big-endian.
fn store(words: &[u32], out: &mut [u8]) {
    for (chunk, word) in out.rchunks_mut(size_of::<u32>()).zip(words) {
        for (byte, value) in chunk.iter_mut().rev().zip(word.to_le_bytes()) {
            *byte = value;
        }
    }
}

/// An odd modulus n of L words, for Montgomery multiplication with R = 2^(32 L).
struct Modulus<'a> {
    n: &'a [u32],
    /// −1/n modulo 2^32.
    inverse: u32,
}

impl<'a> Modulus<'a> {
    fn new(n: &'a [u32]) -> Self {
        let low = n.first().copied().unwrap_or(1);
        // Newton: an odd number is its own inverse modulo 8, and each step doubles the right bits: 3, 6, 12, 24, 48.
        let inverse = (0..4).fold(low, |x, _| x.wrapping_mul(2_u32.wrapping_sub(low.wrapping_mul(x))));
        Self {
            n,
            inverse: inverse.wrapping_neg(),
        }
    }

    /// Whether `a` is below the modulus; the answer is public, `a` is not.
    fn is_above(&self, a: &[u32]) -> bool {
        let mut less = [borrow(a, self.n)];
        ct::public(&mut less);
        less == [1]
    }

    /// R^2 mod n into `out`; `scratch` is used.
    fn square_of_radix<'b>(&self, out: &mut &'b mut [u32], scratch: &mut &'b mut [u32]) {
        let zeros = self.n.last().map_or(0, |top| top.leading_zeros());
        out.fill(0);
        // The highest power of two below n, doubled up to R ...
        if let Some(top) = out.last_mut() {
            *top = 0x8000_0000_u32.wrapping_shr(zeros);
        }
        for _ in 0..=zeros {
            self.double(out);
        }
        // ... and to 2^L R. In Montgomery form this is 2^L; squared five times, 2^(32 L) = R, so the words are R R.
        for _ in self.n {
            self.double(out);
        }
        for _ in 0..u32::BITS.ilog2() {
            self.multiply(out, out, scratch);
            core::mem::swap(out, scratch);
        }
    }

    /// `a` = 2 `a` mod n.
    fn double(&self, a: &mut [u32]) {
        let mut carry = 0;
        for word in a.iter_mut() {
            let doubled = (*word << 1) | carry;
            carry = *word >> 31;
            *word = doubled;
        }
        self.reduce(carry, a);
    }

    /// `t` = `a` `b` / R mod n, for `a` and `b` below n, by finely integrated operand scanning.
    // One copy: inlined at each call it would take four times the flash.
    #[inline(never)]
    fn multiply(&self, a: &[u32], b: &[u32], t: &mut [u32]) {
        t.fill(0);
        let mut top = 0;
        for &a in a {
            top = self.step(a, b, t, top);
        }
        self.reduce(top, t);
    }

    /// t = (t + a b + m n) / 2^32 with the m that makes the lowest word zero. `top` is the word above t, 0 or 1.
    fn step(&self, a: u32, b: &[u32], t: &mut [u32], top: u32) -> u32 {
        let (Some((b_low, b)), Some((n_low, n)), Some((mut place, t))) =
            (b.split_first(), self.n.split_first(), t.split_first_mut())
        else {
            return top;
        };
        let (low, mut product) = a.carrying_mul_add(*b_low, *place, 0);
        let m = low.wrapping_mul(self.inverse);
        let (_, mut multiple) = m.carrying_mul_add(*n_low, low, 0);
        for ((next, b), n) in t.iter_mut().zip(b).zip(n) {
            let sum;
            (sum, product) = a.carrying_mul_add(*b, *next, product);
            (*place, multiple) = m.carrying_mul_add(*n, sum, multiple);
            place = next;
        }
        let (sum, over) = product.overflowing_add(multiple);
        let (sum, again) = sum.overflowing_add(top);
        *place = sum;
        // t stays below 2 n, so that one word above it is 0 or 1.
        u32::from(over) | u32::from(again)
    }

    /// Subtracts n once if the number, `top` above `t`, is not below it.
    fn reduce(&self, top: u32, t: &mut [u32]) {
        let below = u32::from(borrow(t, self.n));
        let mask = black_box(top | (below ^ 1)).wrapping_neg();
        let mut borrow = false;
        for (t, n) in t.iter_mut().zip(self.n) {
            (*t, borrow) = t.borrowing_sub(n & mask, borrow);
        }
    }
}

/// 1 if `a` is below `b`, else 0.
fn borrow(a: &[u32], b: &[u32]) -> u8 {
    let borrow = a
        .iter()
        .zip(b)
        .fold(false, |borrow, (a, b)| a.borrowing_sub(*b, borrow).1);
    black_box(u8::from(borrow))
}
