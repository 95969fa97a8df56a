// SPDX-License-Identifier: MIT OR Apache-2.0
//! Many jobs at once, for hosts.
//!
//! A job is a structure without pointers, and has its status in the array beside. What has no longest length (messages,
//! key blocks) stands in one place for all jobs of a call.

mod import;
mod message;
mod value;

pub use import::*;
pub use message::*;
pub use value::*;

use core::mem::size_of;

use crate::capi::context::{PayhsmCtx, run_each};
use crate::capi::emv::{PAYHSM_ISSUER_AUTH_MAX_LEN, profile_of, psn_of, request_of};
use crate::capi::memory::{self, Place};
use crate::capi::pin::format_of;
use crate::capi::status::{Status, status};
use crate::error::Error;
use crate::hsm::{ArqcVerifyJob, KeyHandle, PinTranslateJob, PinVerifyJob};
use crate::pin::pan::Pan;
use crate::pin::pvv::Pvv;

/// The longest message of an authorisation in a batch, in bytes.
pub const PAYHSM_BATCH_FIELD55_MAX_LEN: usize = 256;

/// A PIN block under DUKPT, or under a PIN key in a slot, whose PIN is to be verified.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct PayhsmBatchPinVerify {
    /// Its size: `sizeof` of the type.
    pub size: u32,
    /// A B0 key with mode of use X; without a KSN a P0 key with mode of use D or B.
    pub bdk: u32,
    /// `PAYHSM_PIN_FORMAT_…`.
    pub format: u32,
    /// A V2 key with mode of use V or C.
    pub pvk: u32,
    /// Its index, 0 to 9.
    pub pvki: u32,
    /// Bytes of `ksn`: 10 (TDEA) or 12 (AES); 0 for a P0 key.
    pub ksn_len: u32,
    /// Digits of `pan`.
    pub pan_len: u32,
    /// Bytes of `block`: 8 or 16.
    pub block_len: u32,
    /// The KSN.
    pub ksn: [u8; 12],
    /// ASCII digits.
    pub pan: [u8; 20],
    /// The block as it came.
    pub block: [u8; 16],
    /// The PVV: ASCII digits.
    pub pvv: [u8; 4],
}

/// A PIN block under DUKPT, or under a PIN key in a slot, that is to be translated.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct PayhsmBatchPinTranslate {
    /// Its size: `sizeof` of the type.
    pub size: u32,
    /// A B0 key with mode of use X; without a KSN a P0 key with mode of use D or B.
    pub bdk: u32,
    /// `PAYHSM_PIN_FORMAT_…`.
    pub format_in: u32,
    /// A P0 key with mode of use E.
    pub output_key: u32,
    /// `PAYHSM_PIN_FORMAT_…`.
    pub format_out: u32,
    /// Bytes of `ksn`: 10 (TDEA) or 12 (AES); 0 for a P0 key.
    pub ksn_len: u32,
    /// Digits of `pan`.
    pub pan_len: u32,
    /// Bytes of `block`: 8 or 16.
    pub block_len: u32,
    /// The KSN.
    pub ksn: [u8; 12],
    /// ASCII digits.
    pub pan: [u8; 20],
    /// The block as it came.
    pub block: [u8; 16],
}

/// A PIN block that was translated.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct PayhsmBatchPinBlock {
    /// Bytes of `block`: 8 or 16; 0 if the job failed.
    pub len: u32,
    /// The block, zeros behind.
    pub block: [u8; 16],
}

/// An application cryptogram that is to be verified and answered.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct PayhsmBatchArqcVerify {
    /// Its size: `sizeof` of the type.
    pub size: u32,
    /// An E0 key with mode of use X.
    pub imk: u32,
    /// `PAYHSM_SCHEME_…`.
    pub scheme: u32,
    /// The cryptogram version number of the card.
    pub cvn: u32,
    /// PAN sequence number, 0 to 99.
    pub psn: u32,
    /// Digits of `pan`.
    pub pan_len: u32,
    /// Bytes of `field55`.
    pub field55_len: u32,
    /// Bytes of `answer`: 0, 2, or 4 to 12.
    pub answer_len: u32,
    /// ASCII digits.
    pub pan: [u8; 20],
    /// What the ARPC is made over.
    pub answer: [u8; 12],
    /// BER-TLV.
    pub field55: [u8; PAYHSM_BATCH_FIELD55_MAX_LEN],
}

/// The answer to a cryptogram that has verified.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct PayhsmBatchIssuerAuth {
    /// Bytes of `data`; 0 without an answer, and if the job failed.
    pub len: u32,
    /// The value of tag 91, zeros behind.
    pub data: [u8; PAYHSM_ISSUER_AUTH_MAX_LEN],
}

const _: () = assert!(size_of::<PayhsmBatchPinVerify>() == 8 * 4 + 52);
const _: () = assert!(size_of::<PayhsmBatchPinTranslate>() == 8 * 4 + 48);
const _: () = assert!(size_of::<PayhsmBatchPinBlock>() == 20);
const _: () = assert!(size_of::<PayhsmBatchArqcVerify>() == 8 * 4 + 32 + PAYHSM_BATCH_FIELD55_MAX_LEN);
const _: () = assert!(size_of::<PayhsmBatchIssuerAuth>() == 4 + PAYHSM_ISSUER_AUTH_MAX_LEN);

/// The first bytes of a field.
fn part(field: &[u8], len: u32) -> Result<&[u8], Error> {
    let len = usize::try_from(len).map_err(|_| Error::InvalidLength)?;
    field.get(..len).ok_or(Error::InvalidLength)
}

/// A part of what all jobs share.
fn span(all: &[u8], offset: u32, len: u32) -> Result<&[u8], Error> {
    let [offset, len] = [offset, len].map(|n| usize::try_from(n).ok());
    let (offset, len) = offset.zip(len).ok_or(Error::InvalidLength)?;
    let rest = all.get(offset..).ok_or(Error::InvalidLength)?;
    rest.get(..len).ok_or(Error::InvalidLength)
}

/// The structure that a caller has is the one that this library knows.
fn sized<T>(size: u32) -> Result<(), Error> {
    if usize::try_from(size).is_ok_and(|size| size == size_of::<T>()) {
        Ok(())
    } else {
        Err(Error::AbiMismatch)
    }
}

impl PayhsmBatchPinVerify {
    fn job(&self) -> Result<PinVerifyJob<'_>, Error> {
        sized::<Self>(self.size)?;
        Ok(PinVerifyJob {
            bdk: KeyHandle::from_raw(self.bdk)?,
            ksn: part(&self.ksn, self.ksn_len)?,
            format: format_of(self.format)?,
            pan: Pan::parse(part(&self.pan, self.pan_len)?)?,
            block: part(&self.block, self.block_len)?,
            pvk: KeyHandle::from_raw(self.pvk)?,
            pvki: u8::try_from(self.pvki).map_err(|_| Error::InvalidDigit)?,
            pvv: Pvv::parse(&self.pvv)?,
        })
    }
}

impl PayhsmBatchPinTranslate {
    fn job(&self) -> Result<PinTranslateJob<'_>, Error> {
        sized::<Self>(self.size)?;
        Ok(PinTranslateJob {
            bdk: KeyHandle::from_raw(self.bdk)?,
            ksn: part(&self.ksn, self.ksn_len)?,
            format: format_of(self.format_in)?,
            pan: Pan::parse(part(&self.pan, self.pan_len)?)?,
            block: part(&self.block, self.block_len)?,
            output: KeyHandle::from_raw(self.output_key)?,
            output_format: format_of(self.format_out)?,
        })
    }
}

impl PayhsmBatchArqcVerify {
    fn job(&self) -> Result<ArqcVerifyJob<'_>, Error> {
        sized::<Self>(self.size)?;
        Ok(ArqcVerifyJob {
            imk: KeyHandle::from_raw(self.imk)?,
            profile: profile_of(self.scheme, self.cvn)?,
            pan: Pan::parse(part(&self.pan, self.pan_len)?)?,
            psn: psn_of(self.psn)?,
            field55: part(&self.field55, self.field55_len)?,
            answer: request_of(part(&self.answer, self.answer_len)?)?,
        })
    }
}

/// Verifies the PINs of many blocks against their PVVs: under DUKPT for each job what `payhsm_dukpt_derive`,
/// `payhsm_pin_verify_pvv` and `payhsm_transaction_end` do together, under a PIN key in a slot what the second does. The
/// decision callback is asked for each job.
///
/// Parameters: `jobs`, `count`: the jobs. `statuses`: receives as many statuses, one for each job: those of the three
/// functions; `PAYHSM_ERR_INTERNAL` where none was found out because the call failed.
///
/// Returns: `PAYHSM_OK` if every job has its status, whatever it is; the context's errors.
///
/// In libraries built with `host`.
///
/// # Safety
/// The context's contract; C1 to C3 for the pointers.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn payhsm_batch_pin_verify_pvv(
    ctx: *mut PayhsmCtx,
    jobs: *const PayhsmBatchPinVerify,
    count: usize,
    statuses: *mut Status,
) -> Status {
    // SAFETY: the caller's.
    unsafe {
        let (outputs, inputs) = ([Place::array(statuses, count).kept()], [Place::array(jobs, count)]);
        run_each(ctx, &outputs, &inputs, |module| {
            let statuses = memory::outputs(statuses, count, status(Err(Error::Internal)))?;
            let jobs = memory::inputs(jobs, count)?;
            let get = |index: usize| jobs.get(index).ok_or(Error::Internal)?.job();
            module.batch_pin_verify_pvv_by(count, get, |index, outcome| {
                if let Some(place) = statuses.get_mut(index) {
                    *place = status(outcome);
                }
            })
        })
    }
}

/// Translates many PIN blocks: under DUKPT for each job what `payhsm_dukpt_derive`, `payhsm_pin_translate` and
/// `payhsm_transaction_end` do together, under a PIN key in a slot what the second does. The decision callback is asked for
/// each job.
///
/// Parameters: `jobs`, `count`: the jobs. `blocks`: receives as many blocks, wiped where a job failed. `statuses`: as in
/// `payhsm_batch_pin_verify_pvv`.
///
/// Returns: `PAYHSM_OK` if every job has its status, whatever it is; the context's errors.
///
/// In libraries built with `host`.
///
/// # Safety
/// The context's contract; C1 to C3 for the pointers.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn payhsm_batch_pin_translate(
    ctx: *mut PayhsmCtx,
    jobs: *const PayhsmBatchPinTranslate,
    count: usize,
    blocks: *mut PayhsmBatchPinBlock,
    statuses: *mut Status,
) -> Status {
    // SAFETY: the caller's.
    unsafe {
        let outputs = [Place::array(blocks, count), Place::array(statuses, count).kept()];
        run_each(ctx, &outputs, &[Place::array(jobs, count)], |module| {
            let empty = PayhsmBatchPinBlock { len: 0, block: [0; 16] };
            let (blocks, statuses) = memory::both(
                memory::outputs(blocks, count, empty),
                memory::outputs(statuses, count, status(Err(Error::Internal))),
            )?;
            let jobs = memory::inputs(jobs, count)?;
            let get = |index: usize| jobs.get(index).ok_or(Error::Internal)?.job();
            module.batch_pin_translate_by(count, get, |index, outcome| {
                if let (Ok(pin), Some(block)) = (&outcome, blocks.get_mut(index)) {
                    block.len = u32::try_from(pin.len).unwrap_or(0);
                    block.block = pin.block;
                }
                if let Some(place) = statuses.get_mut(index) {
                    *place = status(outcome.map(|_| ()));
                }
            })
        })
    }
}

/// Verifies many application cryptograms and answers them: for each job what `payhsm_arqc_verify` does. The decision
/// callback is asked for each cryptogram that has verified.
///
/// Parameters: `jobs`, `count`: the jobs. `issuer_auths`: receives as many answers, wiped where a job failed.
/// `statuses`: as in `payhsm_batch_pin_verify_pvv`.
///
/// Returns: `PAYHSM_OK` if every job has its status, whatever it is; the context's errors.
///
/// In libraries built with `host`.
///
/// # Safety
/// The context's contract; C1 to C3 for the pointers.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn payhsm_batch_arqc_verify(
    ctx: *mut PayhsmCtx,
    jobs: *const PayhsmBatchArqcVerify,
    count: usize,
    issuer_auths: *mut PayhsmBatchIssuerAuth,
    statuses: *mut Status,
) -> Status {
    // SAFETY: the caller's.
    unsafe {
        let outputs = [Place::array(issuer_auths, count), Place::array(statuses, count).kept()];
        run_each(ctx, &outputs, &[Place::array(jobs, count)], |module| {
            let empty = PayhsmBatchIssuerAuth {
                len: 0,
                data: [0; PAYHSM_ISSUER_AUTH_MAX_LEN],
            };
            let (answers, statuses) = memory::both(
                memory::outputs(issuer_auths, count, empty),
                memory::outputs(statuses, count, status(Err(Error::Internal))),
            )?;
            let jobs = memory::inputs(jobs, count)?;
            let get = |index: usize| jobs.get(index).ok_or(Error::Internal)?.job();
            module.batch_arqc_verify_by(count, get, |index, outcome| {
                let data = outcome
                    .as_ref()
                    .ok()
                    .and_then(|answer| answer.issuer_authentication_data.as_ref());
                if let (Some(data), Some(answer)) = (data, answers.get_mut(index)) {
                    answer.len = u32::try_from(data.as_bytes().len()).unwrap_or(0);
                    for (to, from) in answer.data.iter_mut().zip(data.as_bytes()) {
                        *to = *from;
                    }
                }
                if let Some(place) = statuses.get_mut(index) {
                    *place = status(outcome.map(|_| ()));
                }
            })
        })
    }
}
