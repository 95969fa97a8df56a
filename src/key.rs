// SPDX-License-Identifier: MIT OR Apache-2.0
//! Typed keys: material, role and algorithm.
//!
//! A [`Key<R, A>`] is at most 32 (HMAC: 64) secret bytes with a role `R` and an algorithm `A` in its type. The role
//! says what the key may do; a function takes only the role it needs. At run time the same facts are the attribute
//! values of ANSI X9.143. Raw bytes go in and out only with the feature `hazmat`; without it keys come from the
//! module's slots.

pub mod kcv;
pub mod parity;
pub mod role;
pub mod usage;

mod material;

pub use material::{Aes, Algorithm, Hmac, Key, Tdea};
