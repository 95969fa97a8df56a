// SPDX-License-Identifier: MIT OR Apache-2.0
//! Typed keys: material, role and algorithm.
//!
//! A [`Key<R, A>`] is at most 32 (HMAC: 64) secret bytes with a role `R` and an algorithm `A` in its type. The role
//! says what the key may do; a function takes only the role it needs. At run time the same facts are the attribute
//! values of ANSI X9.143. Raw bytes go in and out only with the feature `hazmat`; without it keys come from the
//! module's slots.
//!
//! ```text
//! derivation, unwrap, slot ---> Key<R, A> ---> kcv      check value for the outside
//!                                         ---> mac      MAC streams for roles that authenticate
//!                                         ---> dukpt, pin, emv, keyblock: functions that take the role they need
//! ```
//!
//! Limits: a wrong role is a compile error, a wrong length is [`Error::InvalidKeyLength`](crate::error::Error). Whether a
//! key is weak, has equal halves or is used beyond its mode is judged when it enters a slot.

pub mod kcv;
pub mod mac;
pub mod parity;
pub mod role;
pub mod usage;
#[cfg(feature = "hazmat")]
pub mod variant;

mod material;

pub use material::{Aes, Algorithm, Ec, Hmac, Key, Tdea};
