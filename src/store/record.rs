// SPDX-License-Identifier: MIT OR Apache-2.0
//! Objects of two alternating records, and small objects by kind and number.

use crate::error::Error;
use crate::store::{Half, Storage};
use crate::store::seal::{Kind, Place, Scratch, Sealer};
use crate::weaken::guard;

/// Which of the two places holds the object, and the last sequence number used.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pair {
    mounted: bool,
    /// Of the last record that was written or tried.
    sequence: u64,
    /// Whether the object is in the second place.
    live: Option<bool>,
    /// The sequence number that the platform's counter has been told.
    anchored: u64,
}

impl Pair {
    pub(crate) const NEW: Self = Self {
        mounted: false,
        sequence: 0,
        live: None,
        anchored: 0,
    };

    pub(crate) const fn sequence(&self) -> u64 {
        self.sequence
    }

    pub(crate) const fn live(&self) -> Option<bool> {
        self.live
    }

    /// Reads both places and takes the newest authentic record; its body is in `scratch` then, and its length is
    /// given. `None` only if there is no record at all. What an interrupted replacement left is erased.
    ///
    /// That an older record is taken beside a damaged newer one is safe: the replacement did not get to the end, so
    /// nothing was given out on the strength of the newer one.
    pub(crate) fn mount(
        &mut self,
        storage: &mut impl Storage,
        sealer: &Sealer,
        (kind, id): (Kind, u16),
        scratch: &mut Scratch,
    ) -> Result<Option<usize>, Error> {
        *self = Self::NEW;
        let mut newest = None;
        let mut present = [false; 2];
        for (second, present) in [false, true].into_iter().zip(&mut present) {
            let place = Place::new(kind, id, second)?;
            match read(storage, sealer, place, scratch) {
                Ok(None) => {}
                Ok(Some((sequence, _))) => {
                    *present = true;
                    if newest.is_none_or(|(newer, _)| sequence > newer) {
                        newest = Some((sequence, second));
                    }
                }
                Err(Error::StorageIntegrity) => *present = true,
                Err(e) => return Err(e),
            }
        }
        let Some((sequence, second)) = newest else {
            scratch.wipe();
            if present == [false; 2] {
                self.mounted = true;
                return Ok(None);
            }
            return Err(Error::StorageIntegrity);
        };
        if present == [true; 2] {
            // On a page that has gone bad the old one stays. That gives up nothing: whatever is given out from here on needs
            // a write into its place, or is refused.
            let _ = erase(storage, Place::new(kind, id, !second)?, scratch);
        }
        let (_, len) = read(storage, sealer, Place::new(kind, id, second)?, scratch)?
            .filter(|(again, _)| *again == sequence)
            .ok_or(Error::Storage)?;
        *self = Self {
            mounted: true,
            sequence,
            live: Some(second),
            anchored: sequence,
        };
        Ok(Some(len))
    }

    /// Writes the first `len` bytes of the body in `scratch` as the object: into the other place, read back, then the
    /// old one erased and looked for, and the platform's counter advanced. After an error before the erasure the old
    /// object is the live one.
    pub(crate) fn write(
        &mut self,
        storage: &mut impl Storage,
        sealer: &Sealer,
        (kind, id): (Kind, u16),
        scratch: &mut Scratch,
        len: usize,
    ) -> Result<(), Error> {
        if !self.mounted {
            return Err(Error::BadState);
        }
        let second = self.live.is_some_and(|second| !second);
        let place = Place::new(kind, id, second)?;
        // A number is used for one attempt.
        self.sequence = self.sequence.checked_add(1).ok_or(Error::LimitReached)?;
        let total = sealer.seal(place, self.sequence, scratch, len)?;
        storage
            .save(place.number, scratch.record(total))
            .map_err(|_| Error::Storage)?;
        // The authenticator covers header and body, so a record that opens with this number is the one just sealed.
        match read(storage, sealer, place, scratch) {
            Ok(Some(found)) if found == (self.sequence, len) => {}
            _ => guard!("J04.silent", Err(Error::Storage))?,
        }
        if let Some(old) = self.live.replace(second) {
            erase(storage, Place::new(kind, id, old)?, scratch)?;
        }
        // A number that was tried and failed is skipped, and counts with the next one. But after an error of the counter
        // it is not known whether it was advanced: once too few is made good by the next start.
        let behind = self.sequence.wrapping_sub(self.anchored);
        self.anchored = self.sequence;
        storage.advance(behind).map_err(|_| Error::Storage)
    }
}

/// Reads and opens the record of a place: sequence number and length of the body.
fn read(
    storage: &mut impl Storage,
    sealer: &Sealer,
    place: Place,
    scratch: &mut Scratch,
) -> Result<Option<(u64, usize)>, Error> {
    scratch.wipe();
    match scratch.load(storage, place.number) {
        Ok(0) => Ok(None),
        Ok(len) => sealer.open(place, scratch, len).map(Some),
        // No record of ours is longer than the buffer.
        Err(Error::BufferTooSmall | Error::StorageIntegrity) => Err(Error::StorageIntegrity),
        Err(_) => Err(Error::Storage),
    }
}

/// Erases a place and sees that it is empty.
fn erase(storage: &mut impl Storage, place: Place, scratch: &mut Scratch) -> Result<(), Error> {
    scratch.wipe();
    storage.erase(place.number).map_err(|_| Error::Storage)?;
    match scratch.load(storage, place.number) {
        Ok(0) => Ok(()),
        _ => Err(Error::Storage),
    }
}

/// Kinds whose records have a rule of their own.
fn check_kind(kind: Kind) -> Result<(), Error> {
    if matches!(kind, Kind::Group | Kind::Audit) {
        return Err(Error::InvalidArgument);
    }
    Ok(())
}

/// Stores `bytes` as object `id` of a kind, in place of what was there.
///
/// # Errors
/// [`Error::InvalidArgument`] for a group or a number over 2047, [`Error::InvalidLength`] for more than
/// [`MAX_BODY_LEN`](super::seal::MAX_BODY_LEN) bytes, [`Error::StorageIntegrity`] if a damaged record is there, which
/// stays, [`Error::Storage`].
pub fn save(
    storage: &mut impl Storage,
    sealer: &Sealer,
    kind: Kind,
    id: u16,
    bytes: &[u8],
    scratch: &mut Scratch,
) -> Result<(), Error> {
    check_kind(kind)?;
    let mut pair = Pair::NEW;
    let mut attempt = || {
        pair.mount(storage, sealer, (kind, id), scratch)?;
        let body = scratch.body_mut().get_mut(..bytes.len()).ok_or(Error::InvalidLength)?;
        for (to, from) in body.iter_mut().zip(bytes) {
            *to = *from;
        }
        pair.write(storage, sealer, (kind, id), scratch, bytes.len())
    };
    let result = attempt();
    scratch.wipe();
    result
}

/// Reads object `id` of a kind into the front of `out` and gives its length; `None` if there is none. One of no bytes is
/// none.
///
/// # Errors
/// As [`save`]; [`Error::BufferTooSmall`]. `out` is zero then.
pub fn load(
    storage: &mut impl Storage,
    sealer: &Sealer,
    kind: Kind,
    id: u16,
    out: &mut [u8],
    scratch: &mut Scratch,
) -> Result<Option<usize>, Error> {
    out.fill(0);
    check_kind(kind)?;
    let mut pair = Pair::NEW;
    let found = pair.mount(storage, sealer, (kind, id), scratch);
    let result = match found {
        Ok(Some(0)) => Ok(None),
        Ok(Some(len)) => match out.get_mut(..len) {
            Some(out) => {
                for (to, from) in out.iter_mut().zip(scratch.body(len)) {
                    *to = *from;
                }
                Ok(Some(len))
            }
            None => Err(Error::BufferTooSmall),
        },
        other => other,
    };
    scratch.wipe();
    result
}

/// The first object of a kind from number `from` on of which the storage may have something, damaged or not.
pub(crate) fn next_object(storage: &mut impl Storage, kind: Kind, from: u16) -> Result<Option<u16>, Error> {
    let Ok(place) = Place::new(kind, from, false) else {
        return Ok(None);
    };
    let found = storage.next_record(place.number)?;
    Ok(found.and_then(|number| Place::object(kind, number)))
}

/// Erases what the storage has of an object, damaged or not, of a group the areas and its memory of used initial keys, too:
/// only for a module that is made anew. What the sequence number counted is lost ([`raise`]).
pub(crate) fn abandon(storage: &mut impl Storage, kind: Kind, id: u16, scratch: &mut Scratch) -> Result<(), Error> {
    if kind == Kind::Group && storage.area(id).is_some() {
        for second in [false, true] {
            storage
                .area_erase(Half { group: id, second })
                .map_err(|_| Error::Storage)?;
        }
    }
    let results = [false, true].map(|second| erase(storage, Place::new(kind, id, second)?, scratch));
    scratch.wipe();
    results.into_iter().collect()
}

/// Erases object `id` of a kind if it is damaged, and gives whether it was.
pub(crate) fn mend(
    storage: &mut impl Storage,
    sealer: &Sealer,
    (kind, id): (Kind, u16),
    scratch: &mut Scratch,
) -> Result<bool, Error> {
    let mut pair = Pair::NEW;
    let found = pair.mount(storage, sealer, (kind, id), scratch);
    scratch.wipe();
    match found {
        Err(Error::StorageIntegrity) => abandon(storage, kind, id, scratch).map(|()| true),
        other => other.map(|_| false),
    }
}

/// Writes object `id` of a kind once more, which is there, with a sequence number that is higher by `by` and one: as if it
/// had been written as often, and the platform's counter advanced each time but the last.
#[cfg(feature = "terminal")]
pub(crate) fn raise(
    storage: &mut impl Storage,
    sealer: &Sealer,
    (kind, id): (Kind, u16),
    by: u64,
    scratch: &mut Scratch,
) -> Result<(), Error> {
    let mut pair = Pair::NEW;
    let mut attempt = || {
        let len = pair
            .mount(storage, sealer, (kind, id), scratch)?
            .ok_or(Error::Internal)?;
        pair.sequence = pair.sequence.checked_add(by).ok_or(Error::LimitReached)?;
        pair.anchored = pair.sequence;
        pair.write(storage, sealer, (kind, id), scratch, len)
    };
    let result = attempt();
    scratch.wipe();
    result
}

/// Erases object `id` of a kind, damaged or not. Where the platform has a monotonic counter a record of no bytes stays in
/// its place, because the object's sequence number counts.
///
/// # Errors
/// [`Error::InvalidArgument`] as [`save`], [`Error::Storage`]; with a monotonic counter [`Error::StorageIntegrity`] if the
/// object is damaged.
pub fn remove(
    storage: &mut impl Storage,
    sealer: &Sealer,
    kind: Kind,
    id: u16,
    scratch: &mut Scratch,
) -> Result<(), Error> {
    check_kind(kind)?;
    let mut attempt = || {
        if storage.monotonic().map_err(|_| Error::Storage)?.is_some() {
            let mut pair = Pair::NEW;
            return match pair.mount(storage, sealer, (kind, id), scratch)? {
                None | Some(0) => Ok(()),
                Some(_) => pair.write(storage, sealer, (kind, id), scratch, 0),
            };
        }
        let results = [false, true].map(|second| erase(storage, Place::new(kind, id, second)?, scratch));
        results.into_iter().collect()
    };
    let result = attempt();
    scratch.wipe();
    result
}

/// The sequence number of object `id` of a kind; 0 if there is none.
#[cfg(feature = "terminal")]
pub(crate) fn sequence(
    storage: &mut impl Storage,
    sealer: &Sealer,
    kind: Kind,
    id: u16,
    scratch: &mut Scratch,
) -> Result<u64, Error> {
    let mut pair = Pair::NEW;
    let found = pair.mount(storage, sealer, (kind, id), scratch);
    scratch.wipe();
    found.map(|_| pair.sequence())
}
