// SPDX-License-Identifier: MIT OR Apache-2.0
//! What survives a loss of power: the platform's storage, sealed records over it, and the journal of DUKPT groups.
//!
//! ```text
//! hsm ──► GroupJournal / record ──► two alternating sealed records ──► Storage (the platform's) ──► file, flash, RAM
//! ```
//!
//! **Storage** is what the platform gives: small records by number, each saved atomically and durably.
//! [`MemoryStorage`] and, with the feature `std`, `FileStorage` are two.
//!
//! **Records** are sealed under keys derived from the device's storage key, with their kind, number and sequence number
//! under the authenticator: a record can be neither read, changed, moved to another place nor mixed with another.
//!
//! **Pairs.** Each object has two places, used in turn. A new record is written to the free place and read back, and
//! then the old one is erased and looked for. Wherever the power goes, the newest authentic record is the object, and
//! no old one stays once a key has been given out.
//!
//! **Damage is never emptiness.** If anything is there and nothing of it is authentic, that is
//! [`Error::StorageIntegrity`]; a state taken for empty would start its counter again.
//!
//! **Limits.** Whoever can write the storage can bring back an older image, or erase it. The sequence number lets the
//! module see that if the platform has a monotonic counter to compare with. And a file system or a flash translation
//! layer may keep old blocks; they are sealed, under a key that must not lie beside them.

mod memory;
pub use memory::MemoryStorage;

#[cfg(feature = "std")]
mod file;
#[cfg(feature = "std")]
pub use file::FileStorage;

/// Declares modules that take or give key bytes: public with `hazmat`, of the crate without it.
macro_rules! sealed {
    ($($(#[$attr:meta])* $name:ident),*) => {
        $(
            $(#[$attr])*
            #[cfg(feature = "hazmat")]
            pub mod $name;
            $(#[$attr])*
            #[cfg(not(feature = "hazmat"))]
            pub(crate) mod $name;
        )*
    };
}

sealed!(
    #[cfg(feature = "terminal")]
    journal,
    record,
    seal
);

use crate::error::Error;

/// Small records by number, on whatever the platform has.
///
/// The module trusts the storage for availability only; what it reads back must authenticate.
pub trait Storage {
    /// Copies record `id` to the front of `out` and gives its length; 0 if there is none.
    ///
    /// # Errors
    /// [`Error::BufferTooSmall`] if it is longer than `out`, [`Error::Storage`] if it cannot be read.
    fn load(&mut self, id: u16, out: &mut [u8]) -> Result<usize, Error>;

    /// Replaces record `id`, which is never empty. When this returns the new record is durable; if the power goes
    /// before, the old record or the new one is there, whole.
    ///
    /// # Errors
    /// [`Error::Storage`].
    fn save(&mut self, id: u16, record: &[u8]) -> Result<(), Error>;

    /// Erases record `id` durably; no error if there is none.
    ///
    /// # Errors
    /// [`Error::Storage`].
    fn erase(&mut self, id: u16) -> Result<(), Error>;
}

impl<S: Storage + ?Sized> Storage for &mut S {
    fn load(&mut self, id: u16, out: &mut [u8]) -> Result<usize, Error> {
        (**self).load(id, out)
    }

    fn save(&mut self, id: u16, record: &[u8]) -> Result<(), Error> {
        (**self).save(id, record)
    }

    fn erase(&mut self, id: u16) -> Result<(), Error> {
        (**self).erase(id)
    }
}
