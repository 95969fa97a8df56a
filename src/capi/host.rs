// SPDX-License-Identifier: MIT OR Apache-2.0
//! The host's functions: BDKs, translation of PINs.

use crate::capi::context::{PayhsmCtx, run};
use crate::capi::key::PAYHSM_KCV_MAX_LEN;
use crate::capi::memory::{self, Output, Place};
use crate::capi::pin::format_of;
use crate::capi::status::Status;
use crate::hsm::{KeyHandle, KeyRef, PIN_BLOCK_MAX_LEN};
use crate::pin::pan::Pan;

/// Derives the keys of a KSN from a BDK.
///
/// The decision callback is asked whether the counter is new. End the transaction when the message is answered: it
/// holds a group.
///
/// Parameters: `bdk`: a B0 key with mode of use X. `ksn`, `ksn_len`: 10 bytes for TDEA, 12 for AES. `transaction`:
/// receives the handle; 0 on error.
///
/// Returns: `PAYHSM_OK`; `PAYHSM_ERR_INVALID_HANDLE`, `PAYHSM_ERR_USAGE_NOT_PERMITTED`,
/// `PAYHSM_ERR_MODE_NOT_PERMITTED`, `PAYHSM_ERR_INVALID_KSN`, `PAYHSM_ERR_COUNTER_…`, the callback's answer,
/// `PAYHSM_ERR_SLOTS_FULL`; the context's errors.
///
/// In libraries built with `host`.
///
/// # Safety
/// The context's contract; C1 to C3 for the pointers.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn payhsm_dukpt_derive(
    ctx: *mut PayhsmCtx,
    bdk: u32,
    ksn: *const u8,
    ksn_len: usize,
    transaction: *mut u32,
) -> Status {
    // SAFETY: the caller's.
    unsafe {
        run(
            ctx,
            &[Place::of(transaction)],
            &[Place::bytes(ksn, ksn_len)],
            |module| {
                let out = memory::place(transaction, 0)?;
                let ksn = memory::input(ksn, ksn_len)?;
                *out = module.dukpt_derive(KeyHandle::from_raw(bdk)?, ksn)?.to_raw();
                Ok(())
            },
        )
    }
}

/// Derives a terminal's initial key and wraps it for that terminal, with its KSN in the optional block KS or IK.
///
/// Parameters: `bdk`: a B0 key with mode of use X. `id`, `id_len`: the initial key identifier, 10 bytes with zero
/// counter bits (TDEA) or 8 bytes (AES). `kbpk`: a K1 key with mode of use E or B. `block`, `block_capacity`,
/// `block_len`: receive ASCII; wiped and 0 on error. `kcv`: receives the 5-byte CMAC check value.
///
/// Returns: `PAYHSM_OK`; `PAYHSM_ERR_INVALID_HANDLE`, `PAYHSM_ERR_USAGE_NOT_PERMITTED`,
/// `PAYHSM_ERR_MODE_NOT_PERMITTED`, `PAYHSM_ERR_INVALID_KSN`, `PAYHSM_ERR_KEY_STRENGTH`, `PAYHSM_ERR_BUFFER_TOO_SMALL`,
/// `PAYHSM_ERR_ENTROPY`; the context's errors.
///
/// In libraries built with `host`.
///
/// # Safety
/// The context's contract; C1 to C3 for the pointers.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn payhsm_dukpt_export_initial_key(
    ctx: *mut PayhsmCtx,
    bdk: u32,
    id: *const u8,
    id_len: usize,
    kbpk: u32,
    block: *mut u8,
    block_capacity: usize,
    block_len: *mut usize,
    kcv: *mut u8,
) -> Status {
    // SAFETY: the caller's.
    unsafe {
        let outputs = [
            Place::bytes(block, block_capacity),
            Place::of(block_len),
            Place::bytes(kcv, PAYHSM_KCV_MAX_LEN),
        ];
        run(ctx, &outputs, &[Place::bytes(id, id_len)], |module| {
            let (out, kcv) = memory::both(
                Output::new(block, block_capacity, block_len),
                memory::output_array::<PAYHSM_KCV_MAX_LEN>(kcv),
            )?;
            let id = memory::input(id, id_len)?;
            let (bdk, kbpk) = (KeyHandle::from_raw(bdk)?, KeyHandle::from_raw(kbpk)?);
            out.fill(|bytes| {
                let (len, check) = module.dukpt_export_initial_key(bdk, id, kbpk, bytes)?;
                for (to, from) in kcv.iter_mut().zip(check.as_bytes()) {
                    *to = *from;
                }
                Ok(len)
            })
        })
    }
}

/// Derives a terminal's next AES initial key and wraps it under the update key of its present one; neither key shows.
///
/// Parameters: `bdk`, `id`, `id_len`: BDK (B0, mode of use X) and 8-byte initial key id of the key that the terminal has.
/// `new_bdk`, `new_id`, `new_id_len`: of the one that it gets; the same BDK is allowed, the same identifier is not.
/// `block`, `block_capacity`, `block_len`: receive ASCII; wiped and 0 on error. `kcv`: receives the 5-byte CMAC check
/// value of the new key.
///
/// Returns: `PAYHSM_OK`; `PAYHSM_ERR_INVALID_HANDLE`, `PAYHSM_ERR_USAGE_NOT_PERMITTED`,
/// `PAYHSM_ERR_MODE_NOT_PERMITTED`, `PAYHSM_ERR_ALGORITHM_MISMATCH`, `PAYHSM_ERR_KEY_STRENGTH`,
/// `PAYHSM_ERR_INVALID_KEY_LENGTH` for BDKs of different lengths, `PAYHSM_ERR_INVALID_KSN`,
/// `PAYHSM_ERR_COUNTER_REPLAYED` for the same identifier, `PAYHSM_ERR_BUFFER_TOO_SMALL`, `PAYHSM_ERR_ENTROPY`; the
/// context's errors.
///
/// In libraries built with `host`.
///
/// # Safety
/// The context's contract; C1 to C3 for the pointers.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn payhsm_dukpt_export_update(
    ctx: *mut PayhsmCtx,
    bdk: u32,
    id: *const u8,
    id_len: usize,
    new_bdk: u32,
    new_id: *const u8,
    new_id_len: usize,
    block: *mut u8,
    block_capacity: usize,
    block_len: *mut usize,
    kcv: *mut u8,
) -> Status {
    // SAFETY: the caller's.
    unsafe {
        let outputs = [
            Place::bytes(block, block_capacity),
            Place::of(block_len),
            Place::bytes(kcv, PAYHSM_KCV_MAX_LEN),
        ];
        let inputs = [Place::bytes(id, id_len), Place::bytes(new_id, new_id_len)];
        run(ctx, &outputs, &inputs, |module| {
            let (out, kcv) = memory::both(
                Output::new(block, block_capacity, block_len),
                memory::output_array::<PAYHSM_KCV_MAX_LEN>(kcv),
            )?;
            let (id, new_id) = (memory::input(id, id_len)?, memory::input(new_id, new_id_len)?);
            let (bdk, new_bdk) = (KeyHandle::from_raw(bdk)?, KeyHandle::from_raw(new_bdk)?);
            out.fill(|bytes| {
                let (len, check) = module.dukpt_export_update(bdk, id, new_bdk, new_id, bytes)?;
                for (to, from) in kcv.iter_mut().zip(check.as_bytes()) {
                    *to = *from;
                }
                Ok(len)
            })
        })
    }
}

/// Translates a PIN block to another key and format, for the same PAN.
///
/// Parameters: `input_key`: a P0 key with mode of use D, or a transaction. `format_in`, `format_out`:
/// `PAYHSM_PIN_FORMAT_…`. `pan`, `pan_len`: ASCII digits. `block`, `block_len`: as it came. `output_key`: a P0 key with
/// mode of use E. `out`, `out_capacity`, `out_len`: receive 8 or 16 bytes; wiped and 0 on error.
///
/// Returns: `PAYHSM_OK`; `PAYHSM_ERR_INVALID_HANDLE`, `PAYHSM_ERR_USAGE_NOT_PERMITTED`,
/// `PAYHSM_ERR_MODE_NOT_PERMITTED`, `PAYHSM_ERR_FORMAT_NOT_PERMITTED`, `PAYHSM_ERR_KEY_STRENGTH`,
/// `PAYHSM_ERR_INVALID_PAN`, `PAYHSM_ERR_INVALID_LENGTH`, `PAYHSM_ERR_VERIFICATION_FAILED` for whatever is wrong inside
/// the block, `PAYHSM_ERR_LIMIT_REACHED`, `PAYHSM_ERR_RATE_LIMITED`, `PAYHSM_ERR_REFUSED`, `PAYHSM_ERR_BUFFER_TOO_SMALL`, `PAYHSM_ERR_ENTROPY`; the context's errors.
///
/// In libraries built with `host`.
///
/// # Safety
/// The context's contract; C1 to C3 for the pointers.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn payhsm_pin_translate(
    ctx: *mut PayhsmCtx,
    input_key: u32,
    format_in: u32,
    pan: *const u8,
    pan_len: usize,
    block: *const u8,
    block_len: usize,
    output_key: u32,
    format_out: u32,
    out: *mut u8,
    out_capacity: usize,
    out_len: *mut usize,
) -> Status {
    // SAFETY: the caller's.
    unsafe {
        let outputs = [Place::bytes(out, out_capacity), Place::of(out_len)];
        let inputs = [Place::bytes(pan, pan_len), Place::bytes(block, block_len)];
        run(ctx, &outputs, &inputs, |module| {
            let out = Output::new(out, out_capacity, out_len)?;
            let (from, to) = (format_of(format_in)?, format_of(format_out)?);
            let pan = Pan::parse(memory::input(pan, pan_len)?)?;
            let block = memory::input(block, block_len)?;
            let (input, output) = (KeyRef::from_raw(input_key)?, KeyHandle::from_raw(output_key)?);
            out.exactly(to.block_len(), |bytes| {
                let mut translated = [0; PIN_BLOCK_MAX_LEN];
                module.pin_translate(input, from, &pan, block, output, to, &mut translated)?;
                for (to, from) in bytes.iter_mut().zip(translated) {
                    *to = from;
                }
                Ok(())
            })
        })
    }
}

/// Translates a PIN block as `payhsm_pin_translate` does, for a caller who has the PAN of the block and that of the message
/// it goes into: they must be the same.
///
/// Parameters: `out_pan`, `out_pan_len`: the second PAN. The others as there: `input_key`: a P0 key with mode of use D, or a transaction. `format_in`, `format_out`:
/// `PAYHSM_PIN_FORMAT_…`. `pan`, `pan_len`: ASCII digits. `block`, `block_len`: as it came. `output_key`: a P0 key with
/// mode of use E. `out`, `out_capacity`, `out_len`: receive 8 or 16 bytes; wiped and 0 on error.
///
/// Returns: `PAYHSM_OK`; `PAYHSM_ERR_INVALID_HANDLE`, `PAYHSM_ERR_USAGE_NOT_PERMITTED`,
/// `PAYHSM_ERR_MODE_NOT_PERMITTED`, `PAYHSM_ERR_FORMAT_NOT_PERMITTED`, `PAYHSM_ERR_KEY_STRENGTH`,
/// `PAYHSM_ERR_INVALID_PAN`, `PAYHSM_ERR_PAN_MISMATCH`, `PAYHSM_ERR_INVALID_LENGTH`, `PAYHSM_ERR_VERIFICATION_FAILED` for whatever is wrong inside
/// the block, `PAYHSM_ERR_LIMIT_REACHED`, `PAYHSM_ERR_RATE_LIMITED`, `PAYHSM_ERR_REFUSED`, `PAYHSM_ERR_BUFFER_TOO_SMALL`, `PAYHSM_ERR_ENTROPY`; the context's errors.
///
/// In libraries built with `host`.
///
/// # Safety
/// The context's contract; C1 to C3 for the pointers.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn payhsm_pin_translate_pans(
    ctx: *mut PayhsmCtx,
    input_key: u32,
    format_in: u32,
    pan: *const u8,
    pan_len: usize,
    block: *const u8,
    block_len: usize,
    output_key: u32,
    format_out: u32,
    out_pan: *const u8,
    out_pan_len: usize,
    out: *mut u8,
    out_capacity: usize,
    out_len: *mut usize,
) -> Status {
    // SAFETY: the caller's.
    unsafe {
        let outputs = [Place::bytes(out, out_capacity), Place::of(out_len)];
        let inputs = [
            Place::bytes(pan, pan_len),
            Place::bytes(block, block_len),
            Place::bytes(out_pan, out_pan_len),
        ];
        run(ctx, &outputs, &inputs, |module| {
            let out = Output::new(out, out_capacity, out_len)?;
            let (from, to) = (format_of(format_in)?, format_of(format_out)?);
            let pan = Pan::parse(memory::input(pan, pan_len)?)?;
            let out_pan = Pan::parse(memory::input(out_pan, out_pan_len)?)?;
            let block = memory::input(block, block_len)?;
            let (input, output) = (KeyRef::from_raw(input_key)?, KeyHandle::from_raw(output_key)?);
            out.exactly(to.block_len(), |bytes| {
                let mut translated = [0; PIN_BLOCK_MAX_LEN];
                module.pin_translate_pans(input, from, &pan, block, output, to, &out_pan, &mut translated)?;
                for (to, from) in bytes.iter_mut().zip(translated) {
                    *to = from;
                }
                Ok(())
            })
        })
    }
}
