// SPDX-License-Identifier: MIT OR Apache-2.0
//! Derived unique key per transaction (DUKPT), with TDEA keys and with AES keys.
//!
//! ```text
//!  BDK ──(initial key id)──► initial key ──(counter)──► transaction key ──(purpose)──► PIN, MAC, data keys
//!   │                          │
//!   └── `Host` derives all of it from the KSN of the message
//!                              └── `Terminal` holds future keys only: it forgets the initial key when it is loaded,
//!                                  and each transaction key when it is used
//! ```
//!
//! The two schemes have the same shape: [`tdes`] is ANSI X9.24-1:2009 annex A (= X9.24-3:2017 annex C), [`aes`] is
//! ANSI X9.24-3:2017. In each:
//!
//! - `Ksn` is the key serial number that goes with a message: initial key id and transaction counter.
//! - `Host` (feature `host`) derives from the base derivation key or from the initial key.
//! - `Terminal` (feature `terminal`) is the register state. One `step` uses one counter.
//! - `Transaction` is what a step or the host's derivation yields: the KSN and the key, from which the working keys are
//!   taken by purpose.
//!
//! **Order.** A step computes the next state, gives it to the caller's `Journal`, and writes the key only after the
//! journal has accepted it. Whatever stops the terminal in between costs a key; none is used twice.
//!
//! **Which registers hold keys** follows from the counter alone. A register *j* waits for the transaction whose lowest
//! one bit is *j*; before transaction *c* those are the lowest one bit of *c* and all higher bits that are zero in *c*:
//! the bits of −*c*. So the valid flags of the standard are a function of the counter; here they are kept as a check.
//!
//! **Lengths of a KSN.** 10 bytes, 20 hexadecimal digits: TDEA. 12 bytes, 24 digits: AES. 8 bytes, 16 digits: TDEA
//! without the leading FFFF, read only by [`tdes::Ksn::from_short`], because a length alone does not say what is missing.
//! The TDEA counter is 21 bits, five digits and a bit: two KSNs of one initial key may differ in the sixth digit from
//! the right, and an IKSN ends in an even digit and five zeros. Everything before
//! the counter names the initial key and goes into its derivation whole; [`KsnLayout`] says what a key owner means by its
//! parts, and [`ReplayWindow`] which counters a host has seen.
//!
//! **Limits.** Counters skipped by a broken terminal are gone: there is no skipping ahead to the next valid register.
//!
//! # Timing
//! Counters and KSNs are public and set the number of derivation steps. Nothing depends on a key.

/// Declares functions that give or take raw key bytes: public with `hazmat`, of the crate without it.
#[cfg(feature = "terminal")]
macro_rules! raw_fn {
    ($($(#[$attr:meta])* fn $name:ident $args:tt -> $result:ty $body:block)*) => {
        $(
            $(#[$attr])*
            #[cfg(feature = "hazmat")]
            pub fn $name $args -> $result $body

            $(#[$attr])*
            #[cfg(not(feature = "hazmat"))]
            pub(crate) fn $name $args -> $result $body
        )*
    };
}

pub mod aes;
pub mod tdes;

mod ksn;
mod layout;
mod replay;
mod scheme;
#[cfg(feature = "terminal")]
mod state;

pub use layout::{KsnFields, KsnLayout};
pub use replay::ReplayWindow;
pub use scheme::Scheme;
#[cfg(all(feature = "terminal", feature = "hazmat"))]
pub use state::Unstored;
#[cfg(feature = "terminal")]
pub use state::{Journal, Step};
