// SPDX-License-Identifier: MIT OR Apache-2.0
//! The platform's monotonic counter against the storage: is this the newest image?
//!
//! ```text
//!  sum of the sequence numbers of all objects  >=  counter       every write adds to both: first here, then there
//! ```
//!
//! Each object (a group, a slot, a setting) has a sequence number under its authenticator, and each write of one raises
//! it; then the counter is advanced by as much. An older record of any object, or of several, or an older image of all
//! makes the sum smaller than the counter, and nobody can make another object's number larger than it ever was. So one
//! counter covers all objects, and no table of them has to be written besides.
//!
//! The counter is advanced **after** the record is durable and **before** anything is given out on the strength of it.
//! A cut between the two leaves the sum ahead, which the next start makes good; a sum that is behind is never the work of
//! a cut. It is advanced for each record, not for every so many: within such a window an older image would be as good
//! as the newest, and each record of it is a DUKPT key.
//!
//! An object that is erased leaves a record of no bytes, and a group its marks, so that nothing that has counted goes.

use crate::error::Error;
use crate::store::Storage;
use crate::store::journal::Records;
use crate::store::record;
use crate::store::seal::{Kind, MARK_ID, Scratch, Sealer};
use crate::weaken::guard;

/// Compares, and makes good what a cut may have left to do. `groups`: the sum over the groups from 0 to before
/// `from_group`, which are mounted.
///
/// Without a counter nothing is done. With one every object is looked for: all that may be, unless the storage can tell
/// which there are ([`Storage::next_record`]).
///
/// # Errors
/// [`Error::StorageIntegrity`] if the storage is older than the counter, or an object is damaged; [`Error::Storage`].
pub(crate) fn check(
    storage: &mut impl Storage,
    sealer: &Sealer,
    groups: u64,
    from_group: u16,
    scratch: &mut Scratch,
) -> Result<(), Error> {
    let Some(counter) = storage.monotonic().map_err(|_| Error::Storage)? else {
        return Ok(());
    };
    match sum(storage, sealer, groups, from_group, scratch)?.checked_sub(counter) {
        None => guard!("F03", Err(Error::StorageIntegrity)),
        Some(0) => Ok(()),
        Some(ahead) => storage.advance(ahead).map_err(|_| Error::Storage),
    }
}

/// For a module that is made anew, where numbers went with damaged or older objects: brings the sum up to the counter again,
/// by the sequence number of an object of the module, which is there.
///
/// # Errors
/// As [`check`].
pub(crate) fn settle(storage: &mut impl Storage, sealer: &Sealer, id: u16, scratch: &mut Scratch) -> Result<(), Error> {
    let Some(counter) = storage.monotonic().map_err(|_| Error::Storage)? else {
        return Ok(());
    };
    let sum = sum(storage, sealer, 0, 0, scratch)?;
    match counter.checked_sub(sum) {
        Some(0) => Ok(()),
        Some(behind) => record::raise(storage, sealer, (Kind::Module, id), behind, scratch),
        None => storage.advance(sum.wrapping_sub(counter)).map_err(|_| Error::Storage),
    }
}

/// The sum of the sequence numbers of all objects; `groups` and `from_group` as [`check`].
fn sum(
    storage: &mut impl Storage,
    sealer: &Sealer,
    groups: u64,
    from_group: u16,
    scratch: &mut Scratch,
) -> Result<u64, Error> {
    let mut sum = groups;
    let mut next = from_group;
    while let Some(group) = next_group(storage, next)? {
        let mut records = Records::NEW;
        records.mount(storage, sealer, group, scratch, |_| Ok(()))?;
        sum = sum.saturating_add(records.sequence());
        next = group.wrapping_add(1);
    }
    for kind in Kind::ALL.into_iter().filter(|kind| *kind != Kind::Group) {
        let mut next = 0;
        while let Some(id) = record::next_object(storage, kind, next)?.filter(|id| *id < kind.objects()) {
            if (kind, id) != (Kind::Module, MARK_ID) {
                sum = sum.saturating_add(record::sequence(storage, sealer, kind, id, scratch)?);
            }
            next = id.wrapping_add(1);
        }
    }
    Ok(sum)
}

/// The first group from `from` on of which the storage may have something.
fn next_group(storage: &mut impl Storage, from: u16) -> Result<Option<u16>, Error> {
    let found = record::next_object(storage, Kind::Group, from)?;
    // An area is looked at, whatever it holds.
    let mut groups = from..Kind::Group.objects();
    Ok(groups.find(|group| found == Some(*group) || storage.area(*group).is_some()))
}
