// SPDX-License-Identifier: MIT OR Apache-2.0
//! Many messages with MACs.

use core::mem::size_of;

use crate::capi::batch::{part, sized, span};
use crate::capi::context::{PayhsmCtx, run_each};
use crate::capi::mac::method;
use crate::capi::memory::{self, Place};
use crate::capi::status::{Status, status};
use crate::error::Error;
use crate::hsm::{KeyHandle, MacVerifyJob};

/// A message under DUKPT whose MAC is to be verified.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct PayhsmBatchMacVerify {
    /// Its size: `sizeof` of the type.
    pub size: u32,
    /// A B0 key with mode of use X.
    pub bdk: u32,
    /// `PAYHSM_MAC_…`.
    pub mac_method: u32,
    /// Where the message begins in the messages of the call, in bytes.
    pub data_offset: u32,
    /// Its length in bytes.
    pub data_len: u32,
    /// Bytes of `ksn`: 10 (TDEA) or 12 (AES).
    pub ksn_len: u32,
    /// Bytes of `mac`.
    pub mac_len: u32,
    /// The KSN.
    pub ksn: [u8; 12],
    /// What came with the message.
    pub mac: [u8; 16],
}

const _: () = assert!(size_of::<PayhsmBatchMacVerify>() == 7 * 4 + 28);

impl PayhsmBatchMacVerify {
    fn job<'a>(&'a self, data: &'a [u8]) -> Result<MacVerifyJob<'a>, Error> {
        sized::<Self>(self.size)?;
        Ok(MacVerifyJob {
            bdk: KeyHandle::from_raw(self.bdk)?,
            ksn: part(&self.ksn, self.ksn_len)?,
            method: method(self.mac_method, Some(self.data_len.into()))?,
            data: span(data, self.data_offset, self.data_len)?,
            tag: part(&self.mac, self.mac_len)?,
        })
    }
}

/// Verifies the MACs of many messages under DUKPT: for each job what `payhsm_dukpt_derive`, `payhsm_mac_verify` and
/// `payhsm_transaction_end` do together. The decision callback is asked for each job.
///
/// Parameters: `jobs`, `count`: the jobs. `data`, `data_len`: the messages, wherever the jobs say; some may share bytes.
/// `statuses`: receives as many statuses, one for each job: those of the three functions, `PAYHSM_ERR_INVALID_LENGTH` for a
/// message that is not all in `data`; `PAYHSM_ERR_INTERNAL` where none was found out because the call failed.
///
/// Returns: `PAYHSM_OK` if every job has its status, whatever it is; the context's errors.
///
/// In libraries built with `host`.
///
/// # Safety
/// The context's contract; C1 to C3 for the pointers.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn payhsm_batch_mac_verify(
    ctx: *mut PayhsmCtx,
    jobs: *const PayhsmBatchMacVerify,
    count: usize,
    data: *const u8,
    data_len: usize,
    statuses: *mut Status,
) -> Status {
    // SAFETY: the caller's.
    unsafe {
        let outputs = [Place::array(statuses, count).kept()];
        let inputs = [Place::array(jobs, count), Place::bytes(data, data_len)];
        run_each(ctx, &outputs, &inputs, |module| {
            let statuses = memory::outputs(statuses, count, status(Err(Error::Internal)))?;
            let jobs = memory::inputs(jobs, count)?;
            let data = memory::input(data, data_len)?;
            let get = |index: usize| jobs.get(index).ok_or(Error::Internal)?.job(data);
            module.batch_mac_verify_by(count, get, |index, outcome| {
                if let Some(place) = statuses.get_mut(index) {
                    *place = status(outcome);
                }
            })
        })
    }
}
