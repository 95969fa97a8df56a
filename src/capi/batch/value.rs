// SPDX-License-Identifier: MIT OR Apache-2.0
//! Many card verification values.

use core::mem::size_of;

use crate::capi::batch::{part, sized};
use crate::capi::card::kind_of;
use crate::capi::context::{PayhsmCtx, run_each};
use crate::capi::memory::{self, Place};
use crate::capi::status::{Status, status};
use crate::card::CardValue;
use crate::card::cvv::{Expiry, Kind};
use crate::error::Error;
use crate::hsm::{CvvVerifyJob, KeyHandle};
use crate::pin::pan::Pan;

/// A card verification value that is to be verified.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct PayhsmBatchCvvVerify {
    /// Its size: `sizeof` of the type.
    pub size: u32,
    /// A C0 key with mode of use V or C.
    pub cvk: u32,
    /// `PAYHSM_CVV_…`.
    pub kind: u32,
    /// Of the track, 1 to 998; 0 for the other kinds.
    pub service_code: u32,
    /// Digits of `pan`.
    pub pan_len: u32,
    /// Digits of `value`: 3 to 5.
    pub value_len: u32,
    /// ASCII digits.
    pub pan: [u8; 20],
    /// ASCII digits, YYMM for every kind.
    pub expiry: [u8; 4],
    /// ASCII digits.
    pub value: [u8; 8],
}

const _: () = assert!(size_of::<PayhsmBatchCvvVerify>() == 6 * 4 + 32);

/// The parts of a job; the value is not a part of it but stands beside.
struct Parts {
    cvk: KeyHandle,
    kind: Kind,
    pan: Pan,
    expiry: Expiry,
    value: CardValue,
}

impl PayhsmBatchCvvVerify {
    fn parts(&self) -> Result<Parts, Error> {
        sized::<Self>(self.size)?;
        Ok(Parts {
            cvk: KeyHandle::from_raw(self.cvk)?,
            kind: kind_of(self.kind, self.service_code)?,
            pan: Pan::parse(part(&self.pan, self.pan_len)?)?,
            expiry: Expiry::yymm(&self.expiry)?,
            value: CardValue::parse(part(&self.value, self.value_len)?)?,
        })
    }
}

/// Verifies many card verification values: for each job what `payhsm_cvv_verify` does. The decision callback is asked for
/// each job.
///
/// Parameters: `jobs`, `count`: the jobs. `statuses`: receives as many statuses, one for each job;
/// `PAYHSM_ERR_INTERNAL` where none was found out because the call failed.
///
/// Returns: `PAYHSM_OK` if every job has its status, whatever it is; the context's errors.
///
/// In libraries built with `host`.
///
/// # Safety
/// The context's contract; C1 to C3 for the pointers.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn payhsm_batch_cvv_verify(
    ctx: *mut PayhsmCtx,
    jobs: *const PayhsmBatchCvvVerify,
    count: usize,
    statuses: *mut Status,
) -> Status {
    // SAFETY: the caller's.
    unsafe {
        let (outputs, inputs) = ([Place::array(statuses, count).kept()], [Place::array(jobs, count)]);
        run_each(ctx, &outputs, &inputs, |module| {
            let statuses = memory::outputs(statuses, count, status(Err(Error::Internal)))?;
            let jobs = memory::inputs(jobs, count)?;
            let with = |index: usize, take: &mut dyn FnMut(&CvvVerifyJob<'_>) -> Result<(), Error>| {
                let Parts {
                    cvk,
                    kind,
                    pan,
                    expiry,
                    value,
                } = jobs.get(index).ok_or(Error::Internal)?.parts()?;
                take(&CvvVerifyJob {
                    cvk,
                    kind,
                    pan,
                    expiry,
                    value: &value,
                })
            };
            module.batch_cvv_verify_by(count, with, |index, outcome| {
                if let Some(place) = statuses.get_mut(index) {
                    *place = status(outcome);
                }
            })
        })
    }
}
