// SPDX-License-Identifier: MIT OR Apache-2.0
//! The operations: what a case's fields mean, and which call of the library answers it.
//!
//! One file a family. A name can mean one thing in case lines and another in the vector families, so there are two
//! tables.

mod card;
mod cipher;
mod dukpt_aes;
mod dukpt_tdes;
mod ec;
mod emv;
mod key;
mod keyblock;
mod mac;
mod oda;
mod pin;
mod tlv;

use crate::value::{Case, Done};

/// Runs one case.
pub type Op = fn(&Case) -> Done;

/// The operation of a case line.
pub fn line(op: &str) -> Option<Op> {
    const TABLES: &[Table] = &[
        cipher::LINE,
        key::LINE,
        keyblock::LINE,
        mac::LINE,
        pin::LINE,
        card::LINE,
        dukpt_tdes::LINE,
        dukpt_aes::LINE,
        emv::LINE,
        tlv::LINE,
        ec::LINE,
    ];
    find(TABLES, op)
}

/// The operation of a vector family.
pub fn family(op: &str) -> Option<Op> {
    const TABLES: &[Table] = &[
        cipher::FAMILY,
        key::FAMILY,
        keyblock::FAMILY,
        mac::FAMILY,
        pin::FAMILY,
        card::FAMILY,
        dukpt_tdes::FAMILY,
        dukpt_aes::FAMILY,
        emv::FAMILY,
        tlv::FAMILY,
        oda::FAMILY,
        ec::FAMILY,
    ];
    find(TABLES, op)
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

pub use ec::{
    ecdh_sec1, ecdh_spki, ecdsa_der, ecdsa_raw, hkdf_sha256_wycheproof, hkdf_sha384_wycheproof, hkdf_sha512_wycheproof,
};
pub use mac::{cmac_wycheproof, hmac_wycheproof};
