// SPDX-License-Identifier: MIT OR Apache-2.0
//! A refusal by a second way.
//!
//! A result goes back to the caller through many functions, and one instruction that is left out on the way (by a
//! disturbed supply or clock) may lose it. Whoever decides also marks the refusal here; at the border to C a command that
//! was refused cannot succeed, whatever came back. `scripts/faults` leaves out each instruction in turn.

use core::sync::atomic::{AtomicU32, Ordering};

use super::Hsm;
use super::Platform;
use crate::error::Error;

/// Far from 0 and from every small number.
const MARK: u32 = 0x5AC3_963C;

/// Atomic for the compiler's sake: what was written is there, and what is read was not known before.
#[derive(Debug)]
pub(super) struct Denial {
    refused: AtomicU32,
    /// A verification has begun and has not come to its end: an early return is none, whatever it says.
    pending: AtomicU32,
}

impl Denial {
    pub(super) const fn new() -> Self {
        Self {
            refused: AtomicU32::new(0),
            pending: AtomicU32::new(0),
        }
    }

    // Never inlined: it is one decision, apart from the caller's own on the same result.
    #[inline(never)]
    fn mark_if(&self, refused: bool) {
        if core::hint::black_box(refused) {
            self.refused.store(MARK, Ordering::Relaxed);
        }
    }

    #[inline(never)]
    fn lift_if(&self, passed: bool) {
        if core::hint::black_box(passed) {
            self.pending.store(0, Ordering::Relaxed);
        }
    }
}

impl<P: Platform> Hsm<'_, P> {
    /// Before a command, and after one over many jobs that answers for each: nothing is refused.
    #[cfg(feature = "capi")]
    pub(crate) fn begin_command(&mut self) {
        self.denial.refused.store(0, Ordering::Relaxed);
        self.denial.pending.store(0, Ordering::Relaxed);
    }

    /// Whether something was refused since [`begin_command`](Self::begin_command), or a verification did not end.
    #[cfg(feature = "capi")]
    pub(crate) fn was_denied(&self) -> bool {
        let marks = [&self.denial.refused, &self.denial.pending].map(|mark| mark.load(Ordering::Relaxed));
        marks != [0; 2]
    }

    /// Marks a refusal, and gives the result back.
    #[inline(always)]
    pub(super) fn ruled<T>(&self, result: Result<T, Error>) -> Result<T, Error> {
        self.denial.mark_if(result.is_err());
        result
    }

    /// A verification begins: until [`concluded`](Self::concluded) the command is refused.
    #[inline(never)]
    pub(super) fn pend(&self) {
        self.denial.pending.store(MARK, Ordering::Relaxed);
    }

    /// Ends what [`pend`](Self::pend) began, if it has come to success.
    #[inline(always)]
    pub(super) fn concluded<T>(&self, result: Result<T, Error>) -> Result<T, Error> {
        self.denial.mark_if(result.is_err());
        self.denial.lift_if(core::hint::black_box(result.is_ok()));
        result
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_stays_and_only_success_lifts() {
        let denial = Denial::new();
        let marks = |denial: &Denial| {
            let [refused, pending] = [&denial.refused, &denial.pending].map(|mark| mark.load(Ordering::Relaxed) != 0);
            (refused, pending)
        };
        denial.mark_if(false);
        assert_eq!(marks(&denial), (false, false));
        denial.pending.store(MARK, Ordering::Relaxed);
        denial.lift_if(false);
        assert_eq!(marks(&denial), (false, true));
        denial.mark_if(true);
        denial.lift_if(true);
        denial.mark_if(false);
        assert_eq!(marks(&denial), (true, false));
    }
}
