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
//! **Areas.** A storage on NOR flash has two areas for each DUKPT group besides; the group's journal is there then, one
//! small record for each transaction ([`flash`], docs/STORAGE.md).
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

pub mod flash;

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

#[cfg(feature = "terminal")]
pub(crate) mod anchor;

sealed!(
    #[cfg(feature = "terminal")]
    journal,
    #[cfg(feature = "terminal")]
    pages,
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

    /// The lowest number of a record that there is, from `from` on; `None` if there is none. What is not known is taken for a
    /// record: a storage that has no such list answers with `from`, and each number is looked for by [`load`](Self::load).
    ///
    /// # Errors
    /// [`Error::Storage`], [`Error::StorageIntegrity`] as [`load`](Self::load).
    fn next_record(&mut self, from: u16) -> Result<Option<u16>, Error> {
        Ok(Some(from))
    }

    /// The two areas of flash for the journal of DUKPT group `group`; `None` if there are none, and the journal is kept
    /// in records. The answer is the same for the life of the device.
    fn area(&mut self, group: u16) -> Option<Area> {
        let _ = group;
        None
    }

    /// Reads from an area.
    ///
    /// # Errors
    /// [`Error::Storage`], also outside the area.
    fn area_read(&mut self, half: Half, at: u32, out: &mut [u8]) -> Result<(), Error> {
        let _ = (half, at, out);
        Err(Error::Storage)
    }

    /// Programs bytes of an area: bits go from 1 to 0. `at` and the length are multiples of [`Area::UNIT`]. When this
    /// returns the bytes are durable.
    ///
    /// # Errors
    /// [`Error::Storage`], also outside the area.
    fn area_program(&mut self, half: Half, at: u32, bytes: &[u8]) -> Result<(), Error> {
        let _ = (half, at, bytes);
        Err(Error::Storage)
    }

    /// Erases an area: every byte becomes FF.
    ///
    /// # Errors
    /// [`Error::Storage`].
    fn area_erase(&mut self, half: Half) -> Result<(), Error> {
        let _ = half;
        Err(Error::Storage)
    }

    /// The value of a counter of the platform that is never set back, also not with the storage: in a secure element, in
    /// fuses, in the memory controller. It counts from 0 for a storage that is empty. `None` without one: then an older
    /// image of the storage is not told from the newest.
    ///
    /// The module compares it at each start with the sum of all sequence numbers in the storage (docs/STORAGE.md). The answer
    /// whether there is one is the same for the life of the device.
    ///
    /// # Errors
    /// [`Error::Storage`].
    fn monotonic(&mut self) -> Result<Option<u64>, Error> {
        Ok(None)
    }

    /// Advances that counter by `by`, at least 1. When this returns the new value is durable. Called once for each record
    /// that is written, after the record and before anything is given out on the strength of it.
    ///
    /// # Errors
    /// [`Error::Storage`].
    fn advance(&mut self, by: u64) -> Result<(), Error> {
        let _ = by;
        Ok(())
    }
}

/// What the two areas of a group are like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Area {
    /// Bytes of each.
    pub len: u32,
    /// Whether what is programmed may be programmed again, to zeros or to what it is. Then keys that were used are
    /// cleared where they stand; otherwise they stay, sealed, until the area is erased.
    pub rewritable: bool,
}

impl Area {
    /// What is programmed begins at a multiple of this and has a multiple of it, in bytes: no program word is longer.
    pub const UNIT: u32 = 16;
}

/// One of the two areas of a group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Half {
    /// The group.
    pub group: u16,
    /// The second of the two.
    pub second: bool,
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

    fn next_record(&mut self, from: u16) -> Result<Option<u16>, Error> {
        (**self).next_record(from)
    }

    fn area(&mut self, group: u16) -> Option<Area> {
        (**self).area(group)
    }

    fn area_read(&mut self, half: Half, at: u32, out: &mut [u8]) -> Result<(), Error> {
        (**self).area_read(half, at, out)
    }

    fn area_program(&mut self, half: Half, at: u32, bytes: &[u8]) -> Result<(), Error> {
        (**self).area_program(half, at, bytes)
    }

    fn area_erase(&mut self, half: Half) -> Result<(), Error> {
        (**self).area_erase(half)
    }

    fn monotonic(&mut self) -> Result<Option<u64>, Error> {
        (**self).monotonic()
    }

    fn advance(&mut self, by: u64) -> Result<(), Error> {
        (**self).advance(by)
    }
}
