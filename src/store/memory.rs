// SPDX-License-Identifier: MIT OR Apache-2.0
use core::fmt;

use zeroize::Zeroize;

use crate::error::Error;
use crate::store::Storage;

/// `RECORDS` records of at most `LEN` bytes in RAM: for tests, and for devices whose RAM is battery-backed.
pub struct MemoryStorage<const RECORDS: usize, const LEN: usize> {
    places: [Place<LEN>; RECORDS],
}

struct Place<const LEN: usize> {
    id: u16,
    /// 0: free.
    len: usize,
    bytes: [u8; LEN],
}

impl<const RECORDS: usize, const LEN: usize> MemoryStorage<RECORDS, LEN> {
    /// Without records.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            places: [const {
                Place {
                    id: 0,
                    len: 0,
                    bytes: [0; LEN],
                }
            }; RECORDS],
        }
    }

    fn find(&mut self, id: u16) -> Option<&mut Place<LEN>> {
        self.places.iter_mut().find(|place| place.len > 0 && place.id == id)
    }
}

impl<const RECORDS: usize, const LEN: usize> Storage for MemoryStorage<RECORDS, LEN> {
    fn load(&mut self, id: u16, out: &mut [u8]) -> Result<usize, Error> {
        let Some(place) = self.find(id) else {
            return Ok(0);
        };
        let out = out.get_mut(..place.len).ok_or(Error::BufferTooSmall)?;
        for (to, from) in out.iter_mut().zip(&place.bytes) {
            *to = *from;
        }
        Ok(place.len)
    }

    /// Fails with [`Error::Storage`] for an empty record, one longer than `LEN`, and when all places are taken.
    fn save(&mut self, id: u16, record: &[u8]) -> Result<(), Error> {
        if record.is_empty() || record.len() > LEN {
            return Err(Error::Storage);
        }
        let place = self
            .places
            .iter_mut()
            .filter(|place| place.len == 0 || place.id == id)
            .max_by_key(|place| place.len)
            .ok_or(Error::Storage)?;
        place.bytes.zeroize();
        place.id = id;
        place.len = record.len();
        for (to, from) in place.bytes.iter_mut().zip(record) {
            *to = *from;
        }
        Ok(())
    }

    fn erase(&mut self, id: u16) -> Result<(), Error> {
        if let Some(place) = self.find(id) {
            place.bytes.zeroize();
            place.len = 0;
        }
        Ok(())
    }
}

impl<const RECORDS: usize, const LEN: usize> Default for MemoryStorage<RECORDS, LEN> {
    fn default() -> Self {
        Self::new()
    }
}

impl<const RECORDS: usize, const LEN: usize> fmt::Debug for MemoryStorage<RECORDS, LEN> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let used = self.places.iter().filter(|place| place.len > 0).count();
        f.debug_struct("MemoryStorage")
            .field("records", &used)
            .finish_non_exhaustive()
    }
}
