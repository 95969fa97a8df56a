// SPDX-License-Identifier: MIT OR Apache-2.0
//! DUKPT with AES keys: ANSI X9.24-3:2017.
//!
//! ```text
//!  KSN, 12 bytes:  | initial key id, 8: BDK id, 4 | derivation id, 4 | transaction counter, 4 |
//!
//!  IK  = KDF(BDK, usage 8001, context = initial key id)                     same length as the BDK
//!  transaction key = IK after one KDF (usage 8000) per one bit of the counter, highest bit first
//!  working key     = KDF(transaction key, usage, key type, context = derivation id || counter)
//!  update key      = the working key of usage 0002 at the reserved counter FFFFFFFF
//! ```
//!
//! A counter is a transaction if it has 1 to 16 one bits: 2,448,023,842 of them, the last FFFF0000. FFFFFFFF is
//! reserved for the update key.
//!
//! Usage, algorithm and length are inputs of the derivation, so that each kind of working key is unrelated to the
//! others. Usages are named from the terminal: "generate" and "encrypt" are the request, at both ends.
//!
//! The 80-bit "KSN compatibility" form is not implemented.

mod kdf;
mod ksn;
mod transaction;

#[cfg(feature = "host")]
mod host;
#[cfg(feature = "terminal")]
mod terminal;

/// The keys of a transaction of an initial key, for the self-test.
#[cfg(any(feature = "host", feature = "terminal"))]
pub(crate) fn first_transaction(ik: &[u8; 16], ksn: &Ksn, out: &mut Transaction) -> Result<(), crate::error::Error> {
    let mut key = crate::secret::SecretBuf::new();
    kdf::derive_path(ik, &ksn.initial_key_id(), ksn.counter(), &mut key)?;
    out.set(*ksn, key.expose())
}

pub use kdf::{KeyType, KeyUsage, WorkingAlgorithm, WorkingRole, update_key};
pub use ksn::{InitialKeyId, Ksn};
pub(super) use ksn::{RULE, check_counter};
pub use transaction::Transaction;

#[cfg(feature = "hazmat")]
pub use kdf::{derivation_data, update_key_bytes};

#[cfg(feature = "host")]
pub use host::Host;
#[cfg(feature = "host")]
pub(crate) use kdf::derivation_block;
#[cfg(feature = "terminal")]
pub use terminal::Terminal;
