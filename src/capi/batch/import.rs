// SPDX-License-Identifier: MIT OR Apache-2.0
//! Many key blocks.

use core::mem::size_of;

use crate::capi::batch::{sized, span};
use crate::capi::context::{PayhsmCtx, run_each};
use crate::capi::key::{PayhsmKeyInfo, profile};
use crate::capi::memory::{self, Place};
use crate::capi::status::{Status, status};
use crate::error::Error;
use crate::hsm::{KeyHandle, KeyImportJob};

/// A key block that is to be imported.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct PayhsmBatchKeyImport {
    /// Its size: `sizeof` of the type.
    pub size: u32,
    /// The protection key: as in `payhsm_key_import`.
    pub kbpk: u32,
    /// `PAYHSM_PROFILE_…`.
    pub profile: u32,
    /// Where the block begins in the blocks of the call, in bytes.
    pub block_offset: u32,
    /// Its length in bytes.
    pub block_len: u32,
}

/// A key that was imported.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
pub struct PayhsmBatchKey {
    /// Its handle; 0 if the job failed.
    pub key: u32,
    /// What is public about it; zeros if the job failed.
    pub info: PayhsmKeyInfo,
}

const _: () = assert!(size_of::<PayhsmBatchKeyImport>() == 5 * 4);
const _: () = assert!(size_of::<PayhsmBatchKey>() == 4 + size_of::<PayhsmKeyInfo>());

impl PayhsmBatchKeyImport {
    fn job<'a>(&self, blocks: &'a [u8]) -> Result<KeyImportJob<'a>, Error> {
        sized::<Self>(self.size)?;
        Ok(KeyImportJob {
            kbpk: KeyHandle::from_raw(self.kbpk)?,
            block: span(blocks, self.block_offset, self.block_len)?,
            profile: profile(self.profile)?,
        })
    }
}

/// Unwraps many key blocks into slots, one after the other: for each job what `payhsm_key_import` does.
///
/// Parameters: `jobs`, `count`: the jobs. `blocks`, `blocks_len`: the key blocks, wherever the jobs say. `keys`: receives as
/// many keys, zeros where a job failed. `statuses`: receives as many statuses, one for each job;
/// `PAYHSM_ERR_INVALID_LENGTH` for a block that is not all in `blocks`; `PAYHSM_ERR_INTERNAL` where none was found out
/// because the call failed.
///
/// Returns: `PAYHSM_OK` if every job has its status, whatever it is; the context's errors. Keys that came in stay.
///
/// In libraries built with `host`.
///
/// # Safety
/// The context's contract; C1 to C3 for the pointers.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn payhsm_batch_key_import(
    ctx: *mut PayhsmCtx,
    jobs: *const PayhsmBatchKeyImport,
    count: usize,
    blocks: *const u8,
    blocks_len: usize,
    keys: *mut PayhsmBatchKey,
    statuses: *mut Status,
) -> Status {
    // SAFETY: the caller's.
    unsafe {
        let outputs = [Place::array(keys, count), Place::array(statuses, count).kept()];
        let inputs = [Place::array(jobs, count), Place::bytes(blocks, blocks_len)];
        run_each(ctx, &outputs, &inputs, |module| {
            let (keys, statuses) = memory::both(
                memory::outputs(keys, count, PayhsmBatchKey::default()),
                memory::outputs(statuses, count, status(Err(Error::Internal))),
            )?;
            let jobs = memory::inputs(jobs, count)?;
            let blocks = memory::input(blocks, blocks_len)?;
            let get = |index: usize| jobs.get(index).ok_or(Error::Internal)?.job(blocks);
            module.batch_key_import_by(count, get, |index, outcome| {
                if let (Ok(made), Some(key)) = (&outcome, keys.get_mut(index)) {
                    key.key = made.key.to_raw();
                    key.info = PayhsmKeyInfo::from(&made.info);
                }
                if let Some(place) = statuses.get_mut(index) {
                    *place = status(outcome.map(|_| ()));
                }
            })
        })
    }
}
