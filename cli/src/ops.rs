// SPDX-License-Identifier: MIT OR Apache-2.0
//! The operations: what a case's fields mean, and which call of the library answers it.
//!
//! One file a family. A name can mean one thing in case lines and another in the vector families, so there are two
//! tables.

mod cipher;
mod ec;
mod key;
mod mac;

use crate::value::{Case, Done};

/// Runs one case.
pub type Op = fn(&Case) -> Done;

/// The operation of a case line.
pub fn line(op: &str) -> Option<Op> {
    find(&[cipher::LINE, key::LINE, mac::LINE, ec::LINE], op)
}

/// The operation of a vector family.
pub fn family(op: &str) -> Option<Op> {
    find(&[cipher::FAMILY, key::FAMILY, mac::FAMILY, ec::FAMILY], op)
}

/// Names and their operations.
type Table = &'static [(&'static str, Op)];

fn find(tables: &[Table], op: &str) -> Option<Op> {
    tables
        .iter()
        .flat_map(|table| table.iter())
        .find(|(name, _)| *name == op)
        .map(|(_, run)| *run)
}

pub use ec::{ecdh_sec1, ecdh_spki, hkdf_wycheproof};
pub use mac::{cmac_wycheproof, hmac_wycheproof};
