// SPDX-License-Identifier: MIT OR Apache-2.0
//! The constant-time vocabulary: masks, selection, digit tests, and the marks that tell the checking tool what is
//! secret.
//!
//! A mask is a word of all ones (true) or all zeros (false). Masks come from arithmetic, never from a comparison that
//! the compiler may turn into a branch. `subtle` gives equality and selection; what stands here is what payment data
//! needs beyond it: decimal digits, nibbles and small ranges.

use subtle::{Choice, ConstantTimeEq};

/// `0xFF` if `a < b`, else `0`. Both must be below 128: then bit 7 of the difference is the borrow.
#[inline]
#[must_use]
pub const fn mask_lt(a: u8, b: u8) -> u8 {
    // a - b wraps below zero exactly if a < b, and |a - b| < 128 leaves bit 7 to the borrow alone.
    mask_bit(a.wrapping_sub(b) >> 7)
}

/// `0xFF` if `bit` (0 or 1) is 1, else `0`.
#[inline]
#[must_use]
pub const fn mask_bit(bit: u8) -> u8 {
    core::hint::black_box(bit & 1).wrapping_neg()
}

/// `0xFF` if `a == b`, else `0`.
#[inline]
#[must_use]
pub const fn mask_eq(a: u8, b: u8) -> u8 {
    let d = a ^ b;
    // d | -d has bit 7 set exactly if d != 0.
    mask_bit(((d | d.wrapping_neg()) >> 7) ^ 1)
}

/// `a` where `mask` is ones, `b` where it is zeros.
#[inline]
#[must_use]
pub const fn select(mask: u8, a: u8, b: u8) -> u8 {
    b ^ (mask & (a ^ b))
}

/// `0xFF` if the nibble is a decimal digit.
#[inline]
#[must_use]
pub const fn mask_digit(nibble: u8) -> u8 {
    mask_lt(nibble, 10)
}

/// Equality of two byte strings; their lengths are public.
#[inline]
#[must_use]
pub fn eq(a: &[u8], b: &[u8]) -> Choice {
    a.ct_eq(b)
}

/// Whether every byte is zero; the length is public.
#[must_use]
pub fn is_zero(a: &[u8]) -> Choice {
    a.iter().fold(0, |acc, &x| acc | x).ct_eq(&0)
}

/// A mask as a `Choice`.
#[inline]
#[must_use]
pub fn choice(mask: u8) -> Choice {
    Choice::from(mask & 1)
}

/// The single place where a verdict over secret data becomes public.
///
/// # Errors
/// [`Error::VerificationFailed`](crate::error::Error::VerificationFailed) if `ok` is false.
pub fn verdict(ok: Choice) -> Result<(), crate::error::Error> {
    let mut bit = [ok.unwrap_u8()];
    public(&mut bit);
    // Twice, and each time from the value: an instruction that is left out turns one of them round at most.
    judge(core::hint::black_box(bit))?;
    judge(core::hint::black_box(bit))
}

/// The verdict on the equality of two byte strings, compared twice: one disturbed comparison does not pass them.
///
/// # Errors
/// [`Error::VerificationFailed`](crate::error::Error::VerificationFailed) if they differ, in length or content.
pub fn agree(a: &[u8], b: &[u8]) -> Result<(), crate::error::Error> {
    verdict(eq(a, b))?;
    let (a, b) = core::hint::black_box((a, b));
    verdict(eq(b, a))
}

/// Fills the place of a computed value with what is not `given`, so that a value that is never written agrees with nothing.
pub(crate) fn unlike(out: &mut [u8], given: &[u8]) {
    for (to, from) in out.iter_mut().zip(given) {
        *to = !from;
    }
}

#[inline(never)]
fn judge(bit: [u8; 1]) -> Result<(), crate::error::Error> {
    if bit == [1] {
        Ok(())
    } else {
        Err(crate::error::Error::VerificationFailed)
    }
}

/// Marks bytes as secret for the checking tool; does nothing in an ordinary build.
#[inline]
pub fn secret(bytes: &mut [u8]) {
    marks::undefined(bytes);
}

/// Marks bytes as public (a declassification) for the checking tool; does nothing in an ordinary build.
#[inline]
pub fn public(bytes: &mut [u8]) {
    marks::defined(bytes);
}

/// How often [`public`] met something secret: a run in which it never did tested nothing.
#[cfg(payhsm_ctgrind)]
#[must_use]
pub fn revealed() -> u64 {
    marks::REVEALED.load(core::sync::atomic::Ordering::Relaxed)
}

#[cfg(not(payhsm_ctgrind))]
mod marks {
    #[inline]
    pub(super) fn undefined(_: &mut [u8]) {}
    #[inline]
    pub(super) fn defined(_: &mut [u8]) {}
}

#[cfg(all(payhsm_ctgrind, not(target_arch = "x86_64")))]
compile_error!("the marks for valgrind (--cfg payhsm_ctgrind) are written for x86-64");

/// Valgrind client requests: `valgrind/memcheck.h`, requests `MAKE_MEM_UNDEFINED` and `MAKE_MEM_DEFINED`.
#[cfg(payhsm_ctgrind)]
#[allow(unsafe_code)]
mod marks {
    use core::sync::atomic::{AtomicU64, Ordering};

    const MAKE_MEM_UNDEFINED: u64 = 0x4D43_0001;
    const MAKE_MEM_DEFINED: u64 = 0x4D43_0002;
    const GET_VBITS: u64 = 0x4D43_0008;

    /// Calls of `defined` for bytes that were not.
    pub(super) static REVEALED: AtomicU64 = AtomicU64::new(0);

    #[inline(never)]
    fn request(code: u64, bytes: &mut [u8]) {
        ask([code, bytes.as_mut_ptr().addr() as u64, bytes.len() as u64, 0, 0, 0]);
    }

    fn is_secret(byte: &mut u8) -> bool {
        let mut bits = 0_u8;
        let [from, to] = [core::ptr::from_mut(byte), &raw mut bits].map(|at| at.expose_provenance() as u64);
        ask([GET_VBITS, from, to, 1, 0, 0]);
        // Valgrind wrote it behind the compiler's back.
        core::hint::black_box(bits) != 0
    }

    #[inline(never)]
    fn ask(args: [u64; 6]) {
        // SAFETY: on a processor nothing happens: the counts of the rotations add up to 128, and the exchange is of a
        // register with itself. Valgrind takes the sequence for a request, reads the six words that `rax` points to,
        // writes `rdx` and changes only its own record of which bytes are defined, or tells it, for GET_VBITS, in the
        // byte whose address it was given.
        unsafe {
            core::arch::asm!(
                "rol rdi, 3",
                "rol rdi, 13",
                "rol rdi, 61",
                "rol rdi, 51",
                "xchg rbx, rbx",
                in("rax") args.as_ptr(),
                inout("rdx") 0_u64 => _,
                inout("rdi") 0_u64 => _,
            );
        }
    }

    pub(super) fn undefined(bytes: &mut [u8]) {
        request(MAKE_MEM_UNDEFINED, bytes);
    }

    pub(super) fn defined(bytes: &mut [u8]) {
        if bytes.iter_mut().any(is_secret) {
            REVEALED.fetch_add(1, Ordering::Relaxed);
        }
        request(MAKE_MEM_DEFINED, bytes);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn masks_agree_with_comparison() {
        for a in 0..128 {
            for b in 0..128 {
                assert_eq!(mask_lt(a, b), if a < b { 0xFF } else { 0 });
                assert_eq!(mask_eq(a, b), if a == b { 0xFF } else { 0 });
            }
        }
        for n in 0..16 {
            assert_eq!(mask_digit(n), if n <= 9 { 0xFF } else { 0 });
        }
        assert_eq!(select(0xFF, 3, 5), 3);
        assert_eq!(select(0, 3, 5), 5);
    }

    #[test]
    fn verdict_is_the_one_error() {
        assert_eq!(verdict(eq(b"ab", b"ab")), Ok(()));
        assert_eq!(verdict(eq(b"ab", b"aa")), Err(crate::error::Error::VerificationFailed));
        assert_eq!(verdict(eq(b"ab", b"abc")), Err(crate::error::Error::VerificationFailed));
        assert!(bool::from(is_zero(&[0, 0])));
        assert!(!bool::from(is_zero(&[0, 4])));
    }
}
