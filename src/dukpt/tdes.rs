// SPDX-License-Identifier: MIT OR Apache-2.0
//! DUKPT with TDEA keys: ANSI X9.24-1:2009 annex A, identical in ANSI X9.24-3:2017 annex C.
//!
//! ```text
//!  KSN, 10 bytes:  | initial key identity, 59 bits | transaction counter, 21 bits |
//!  IKSN:           | the same                      | 0                            |
//!
//!  IK  = TDEA(BDK, IKSN[0..8]) || TDEA(BDK xor C0C0C0C000000000 C0C0C0C000000000, IKSN[0..8])
//!  transaction key = IK after one non-reversible step (NRKG) per one bit of the counter, highest bit first
//!  working key     = transaction key xor the variant of its purpose (data keys: and a one-way step)
//! ```
//!
//! A counter is a transaction if it has 1 to 10 one bits: 1,048,575 of them, the last 1FF800. The initial key itself
//! (counter 0) is never a transaction key. Parity is adjusted nowhere: parity bits take part in the next step.
//!
//! How the 59 identity bits divide into key set, device and so on is the key owner's convention; they are opaque here.

mod ksn;
mod transaction;

#[cfg(feature = "host")]
mod host;
#[cfg(any(feature = "host", feature = "terminal"))]
mod nrkg;
#[cfg(feature = "terminal")]
mod terminal;

/// The keys of the first transaction of an initial key, for the self-test.
#[cfg(any(feature = "host", feature = "terminal"))]
pub(crate) fn first_transaction(ik: &[u8; 16], ksn: &Ksn, out: &mut Transaction) {
    let &[_, _, s0, s1, s2, s3, s4, s5, s6, s7] = ksn.as_bytes();
    let mut key = crate::secret::Secret::zeroed();
    nrkg::Nrkg::new(ik).derive(u64::from_be_bytes([s0, s1, s2, s3, s4, s5, s6, s7]), key.expose_mut());
    out.set(*ksn, key.expose());
}

pub(super) use ksn::RULE;
pub use ksn::{InitialKeyId, Ksn};
pub use transaction::Transaction;

#[cfg(feature = "host")]
pub use host::Host;
#[cfg(feature = "terminal")]
pub use terminal::Terminal;
