// SPDX-License-Identifier: MIT OR Apache-2.0
//! Names for the checks that hold an attack off, so that a test can leave one of them out.
//!
//! `tests/attacks.rs` runs each attack of its catalogue twice: as the library is, where it must be refused, and, in a build of
//! its own (`--cfg payhsm_weaken`), with the check off that has the attack's name, where it must succeed. An attack that
//! cannot succeed shows nothing.
//!
//! In every other build [`guard`] is what stands in it, and nothing else of this module exists. `scripts/attacks` builds
//! both, and looks into the shipped archive that no switch is there.

/// A check, under the names of the attacks that it holds off.
///
/// The value goes through a function that does nothing, so that it reads as a check and not as a part of the expression
/// around it.
///
/// The check is a `Result<(), _>`, a `bool` that is the reason to refuse, or a `Choice` or a mask that is true
/// of what is sound.
#[cfg(not(payhsm_weaken))]
macro_rules! guard {
    ($($name:literal)|+, $check:expr) => {
        core::convert::identity($check)
    };
}

/// The same, and left out while one of its names is switched off.
#[cfg(payhsm_weaken)]
macro_rules! guard {
    ($($name:literal)|+, $check:expr) => {
        if $($crate::weaken::is_off($name))||+ {
            $crate::weaken::Check::passed()
        } else {
            $check
        }
    };
}

pub(crate) use guard;

#[cfg(payhsm_weaken)]
pub use self::switch::{is_off, saw, seen, without};

/// What a check says that was left out.
#[cfg(payhsm_weaken)]
pub(crate) trait Check {
    fn passed() -> Self;
}

#[cfg(payhsm_weaken)]
impl<E> Check for Result<(), E> {
    fn passed() -> Self {
        Ok(())
    }
}

#[cfg(payhsm_weaken)]
impl Check for bool {
    fn passed() -> Self {
        false
    }
}

#[cfg(payhsm_weaken)]
impl Check for subtle::Choice {
    fn passed() -> Self {
        Self::from(1)
    }
}

#[cfg(payhsm_weaken)]
impl Check for u8 {
    fn passed() -> Self {
        0xFF
    }
}

#[cfg(payhsm_weaken)]
mod switch {
    extern crate std;

    use core::cell::Cell;

    std::thread_local! {
        /// The name that is switched off in this thread.
        static OFF: Cell<Option<&'static str>> = const { Cell::new(None) };
        /// What was done last among the things that are watched, and how often.
        static SEEN: Cell<(&'static str, usize)> = const { Cell::new(("", 0)) };
    }

    /// Notes that something is done that an attack may not bring about.
    pub fn saw(what: &'static str) {
        let (last, count) = SEEN.get();
        SEEN.set((what, if last == what { count + 1 } else { 1 }));
    }

    /// How often it was done in this thread since the last question.
    #[must_use]
    pub fn seen(what: &str) -> usize {
        let (last, count) = SEEN.replace(("", 0));
        if last == what { count } else { 0 }
    }

    /// Whether the check is left out.
    #[must_use]
    pub fn is_off(name: &str) -> bool {
        OFF.get() == Some(name)
    }

    /// Runs `work` without the checks of this name, in this thread.
    pub fn without<T>(name: &'static str, work: impl FnOnce() -> T) -> T {
        /// Switched on again, also if `work` panics.
        struct On;
        impl Drop for On {
            fn drop(&mut self) {
                OFF.set(None);
            }
        }
        OFF.set(Some(name));
        let _on = On;
        work()
    }
}
