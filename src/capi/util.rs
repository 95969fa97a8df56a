// SPDX-License-Identifier: MIT OR Apache-2.0
//! Small things around the commands, which need no context.

use crate::capi::memory::{self, Place};
use crate::capi::status::{Status, status};
use crate::ct;
use crate::error::Error;
use crate::pin::pan::{MAX_LEN, Pan};

/// The most digits of a PAN.
pub const PAYHSM_PAN_MAX_LEN: usize = 19;

const _: () = assert!(MAX_LEN == PAYHSM_PAN_MAX_LEN);

/// Compares two secrets of the caller's in constant time: MACs, responses, tokens. What the module verifies needs no compare.
///
/// Parameters: `a`, `b`: `len` bytes each.
///
/// Returns: `PAYHSM_OK` if they are the same, `PAYHSM_ERR_VERIFICATION_FAILED` if not; `PAYHSM_ERR_INVALID_LENGTH` for 0
/// bytes; `PAYHSM_ERR_NULL_POINTER`.
///
/// # Safety
/// C1 and C2 for the pointers.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn payhsm_ct_eq(a: *const u8, b: *const u8, len: usize) -> Status {
    // SAFETY: the caller's.
    let both = unsafe { memory::both(memory::input(a, len), memory::input(b, len)) };
    status(both.and_then(|(a, b)| {
        if a.is_empty() {
            return Err(Error::InvalidLength);
        }
        ct::verdict(ct::eq(a, b))
    }))
}

/// Tells whether the last digit of a PAN is the check digit of the others (ISO/IEC 7812-1, "Luhn"). The module's commands do
/// not ask: whoever reads or keys in the card does.
///
/// Parameters: `pan`, `pan_len`: 1 to 19 ASCII digits.
///
/// Returns: `PAYHSM_OK` if it is, `PAYHSM_ERR_INVALID_DIGIT` if not; `PAYHSM_ERR_INVALID_PAN`, `PAYHSM_ERR_NULL_POINTER`.
///
/// # Safety
/// C1 and C2 for `pan`.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn payhsm_pan_check(pan: *const u8, pan_len: usize) -> Status {
    // SAFETY: the caller's.
    let text = unsafe { memory::input(pan, pan_len) };
    status(text.and_then(Pan::parse).and_then(|pan| {
        if pan.has_check_digit() {
            Ok(())
        } else {
            Err(Error::InvalidDigit)
        }
    }))
}

/// Writes a PAN as it may be shown on receipts and in logs: the first six digits of 13 or more and the last four of 8 or
/// more, `*` for the others.
///
/// Parameters: `pan`, `pan_len`: 1 to 19 ASCII digits. `text`: receives `PAYHSM_PAN_MAX_LEN` characters, as many as the PAN
/// has and zeros behind; wiped on error.
///
/// Returns: `PAYHSM_OK`; `PAYHSM_ERR_INVALID_PAN`, `PAYHSM_ERR_NULL_POINTER`, `PAYHSM_ERR_OVERLAP`.
///
/// # Safety
/// C1 to C3 for the pointers.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn payhsm_pan_mask(pan: *const u8, pan_len: usize, text: *mut u8) -> Status {
    // SAFETY: the caller's.
    status(unsafe { mask(pan, pan_len, text) })
}

/// # Safety
/// As [`payhsm_pan_mask`].
unsafe fn mask(pan: *const u8, pan_len: usize, text: *mut u8) -> Result<(), Error> {
    memory::disjoint(&[Place::bytes(text, PAYHSM_PAN_MAX_LEN)], &[Place::bytes(pan, pan_len)])?;
    // SAFETY: C1 and C2 for both pointers; C3 was judged.
    let (out, pan) = unsafe {
        (
            memory::output_array::<{ PAYHSM_PAN_MAX_LEN }>(text)?,
            memory::input(pan, pan_len)?,
        )
    };
    *out = Pan::parse(pan)?.masked();
    Ok(())
}
