// SPDX-License-Identifier: MIT OR Apache-2.0
//! What both parties do with a transaction.

use crate::capi::context::{PayhsmCtx, run};
use crate::capi::memory::{Output, Place};
use crate::capi::status::Status;
use crate::hsm::{TransactionHandle, TransactionKsn};

/// Length of a KSN of DUKPT with TDEA keys, in bytes.
pub const PAYHSM_DUKPT_TDES_KSN_LEN: usize = 10;
/// Length of a KSN of DUKPT with AES keys, in bytes.
pub const PAYHSM_DUKPT_AES_KSN_LEN: usize = 12;
/// The longest KSN, in bytes.
pub const PAYHSM_KSN_MAX_LEN: usize = 12;

const _: () = assert!(PAYHSM_KSN_MAX_LEN == TransactionKsn::MAX_LEN);

/// Ends a transaction: its keys are wiped, its handle names nothing.
///
/// Returns: `PAYHSM_OK`; `PAYHSM_ERR_INVALID_HANDLE`; the context's errors.
///
/// # Safety
/// The context's contract.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn payhsm_transaction_end(ctx: *mut PayhsmCtx, transaction: u32) -> Status {
    // SAFETY: the caller's.
    unsafe {
        run(ctx, &[], &[], |module| {
            module.transaction_end(TransactionHandle::from_raw(transaction)?)
        })
    }
}

/// Tells the KSN of a transaction.
///
/// Parameters: `ksn`, `ksn_capacity`, `ksn_len`: as `payhsm_dukpt_begin`.
///
/// Returns: `PAYHSM_OK`; `PAYHSM_ERR_INVALID_HANDLE`, `PAYHSM_ERR_BUFFER_TOO_SMALL`; the context's errors.
///
/// # Safety
/// The context's contract; C1 to C3 for the pointers.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn payhsm_transaction_ksn(
    ctx: *mut PayhsmCtx,
    transaction: u32,
    ksn: *mut u8,
    ksn_capacity: usize,
    ksn_len: *mut usize,
) -> Status {
    // SAFETY: the caller's.
    unsafe {
        run(
            ctx,
            &[Place::bytes(ksn, ksn_capacity), Place::of(ksn_len)],
            &[],
            |module| {
                let out = Output::new(ksn, ksn_capacity, ksn_len)?;
                let ksn = module.transaction_ksn(TransactionHandle::from_raw(transaction)?)?;
                out.exactly(ksn.as_bytes().len(), |bytes| {
                    for (to, from) in bytes.iter_mut().zip(ksn.as_bytes()) {
                        *to = *from;
                    }
                    Ok(())
                })
            },
        )
    }
}
