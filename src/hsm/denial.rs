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

/// Neither near to that nor to its complement.
const ENTERED: u32 = 0xC96A_35A6;

/// How often a verification is computed before it counts as one. One left-out instruction disturbs one of them, be it the
/// comparison, what is compared, or the way of the answer; and a value of three digits is not met by chance twice. Where an
/// operating system runs nobody disturbs single instructions, and it is computed once; but builds for tests do as the
/// bare-metal ones.
pub(super) const ROUNDS: u32 = if cfg!(any(target_os = "none", debug_assertions)) {
    2
} else {
    1
};

/// Atomic for the compiler's sake: what was written is there, and what is read was not known before.
#[derive(Debug)]
pub(super) struct Denial {
    refused: AtomicU32,
    /// A verification has begun and has not come to its end: an early return is none, whatever it says.
    pending: AtomicU32,
    /// A command of the module runs: whoever asked has come to it.
    entered: AtomicU32,
}

impl Denial {
    pub(super) const fn new() -> Self {
        Self {
            refused: AtomicU32::new(0),
            pending: AtomicU32::new(0),
            entered: AtomicU32::new(0),
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

    /// The command has come to the module, and its state, roles and self-tests let it run.
    #[inline(never)]
    pub(super) fn enter_if(&self, allowed: bool) {
        if core::hint::black_box(allowed) {
            self.entered.store(ENTERED, Ordering::Relaxed);
        }
    }

    /// Marks a refusal, and gives the result back.
    #[inline(always)]
    pub(super) fn ruled<T>(&self, result: Result<T, Error>) -> Result<T, Error> {
        self.mark_if(result.is_err());
        result
    }

    /// Verifies all but the last of [`ROUNDS`] times.
    #[inline(always)]
    pub(super) fn judged_before(&self, verify: impl FnOnce() -> Result<(), Error>) -> Result<(), Error> {
        if ROUNDS > 1 { self.ruled(verify()) } else { Ok(()) }
    }

    /// Verifies [`ROUNDS`] times from the beginning; every refusal is marked, and the first is the answer.
    #[inline(always)]
    pub(super) fn verified<T>(&self, mut verify: impl FnMut() -> Result<T, Error>) -> Result<T, Error> {
        let mut rounds = ROUNDS;
        loop {
            rounds = core::hint::black_box(rounds.wrapping_sub(1));
            let result = self.ruled(verify());
            if result.is_err() || rounds == 0 {
                return result;
            }
        }
    }
}

impl<P: Platform> Hsm<'_, P> {
    /// Before a command, and after one over many jobs that answers for each: nothing is refused.
    #[cfg(feature = "capi")]
    pub(crate) fn begin_command(&mut self) {
        self.denial.refused.store(0, Ordering::Relaxed);
        self.denial.pending.store(0, Ordering::Relaxed);
        self.denial.entered.store(0, Ordering::Relaxed);
    }

    /// A command that runs in every state, and that nobody is refused.
    pub(crate) fn enter(&self) {
        self.denial.enter_if(true);
    }

    /// Whether something was refused since [`begin_command`](Self::begin_command), a verification did not end, or no command was come to.
    #[cfg(feature = "capi")]
    pub(crate) fn was_denied(&self) -> bool {
        let marks = [&self.denial.refused, &self.denial.pending].map(|mark| mark.load(Ordering::Relaxed));
        marks != [0; 2] || self.denial.entered.load(Ordering::Relaxed) != ENTERED
    }

    /// Marks a refusal, and gives the result back.
    #[inline(always)]
    pub(super) fn ruled<T>(&self, result: Result<T, Error>) -> Result<T, Error> {
        self.denial.ruled(result)
    }

    /// A verification begins: until [`concluded`](Self::concluded) the command is refused.
    #[inline(never)]
    pub(super) fn pend(&self) {
        self.denial.pending.store(MARK, Ordering::Relaxed);
    }

    /// Judges that no verification is on the way.
    ///
    /// # Errors
    /// [`Error::Internal`].
    pub(super) fn none_pending(&self) -> Result<(), Error> {
        let pending = self.denial.pending.load(Ordering::Relaxed);
        self.ruled(if pending == 0 { Ok(()) } else { Err(Error::Internal) })
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
