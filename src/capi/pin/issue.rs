// SPDX-License-Identifier: MIT OR Apache-2.0
//! New PINs: drawn, computed, changed.

use crate::capi::context::{PayhsmCtx, run};
use crate::capi::memory::{self, Output, Place};
use crate::capi::pin::format_of;
use crate::capi::pin::reference::{PAYHSM_PVV_LEN, pvki_of, room_for_offset, write_digits};
use crate::capi::status::Status;
use crate::error::Error;
use crate::hsm::{EncipheredPin, KeyHandle, KeyRef, PIN_BLOCK_MAX_LEN, PinProfile};
use crate::pin::ibm3624::Offset;
use crate::pin::pan::Pan;
use crate::pin::pvv::Pvv;

/// Draws a PIN, and gives it enciphered and its PVV. The decision callback is asked first.
///
/// Parameters: `output_key`: a P0 key with mode of use E. `pvk`: a V2 key with mode of use G or C. `pin_len`: 4 to 12.
/// `format`: 0, 3 or 4. `pvki`: 0 to 9. `pan`, `pan_len`: ASCII digits. `block`, `block_capacity`, `block_len`: receive 8
/// or 16 bytes; wiped and 0 on error. `pvv`: receives `PAYHSM_PVV_LEN` ASCII digits; wiped on error.
///
/// PINs of one digit or of a run are drawn anew without `PAYHSM_POLICY_TRIVIAL_PINS`.
///
/// Returns: `PAYHSM_OK`; `PAYHSM_ERR_INVALID_HANDLE`, `PAYHSM_ERR_USAGE_NOT_PERMITTED`,
/// `PAYHSM_ERR_MODE_NOT_PERMITTED`, `PAYHSM_ERR_FORMAT_NOT_PERMITTED`, `PAYHSM_ERR_INVALID_PAN`,
/// `PAYHSM_ERR_INVALID_LENGTH`, `PAYHSM_ERR_INVALID_DIGIT`, `PAYHSM_ERR_INVALID_KEY_LENGTH`, `PAYHSM_ERR_REFUSED`,
/// `PAYHSM_ERR_RATE_LIMITED`, `PAYHSM_ERR_BUFFER_TOO_SMALL`, `PAYHSM_ERR_ENTROPY`; the context's errors.
///
/// In libraries built with `host`.
///
/// # Safety
/// The context's contract; C1 to C3 for the pointers.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn payhsm_pin_generate_pvv(
    ctx: *mut PayhsmCtx,
    output_key: u32,
    pvk: u32,
    pin_len: u32,
    format: u32,
    pvki: u32,
    pan: *const u8,
    pan_len: usize,
    block: *mut u8,
    block_capacity: usize,
    block_len: *mut usize,
    pvv: *mut u8,
) -> Status {
    // SAFETY: the caller's.
    unsafe {
        let outputs = [
            Place::bytes(block, block_capacity),
            Place::of(block_len),
            Place::bytes(pvv, PAYHSM_PVV_LEN),
        ];
        run(ctx, &outputs, &[Place::bytes(pan, pan_len)], |module| {
            let (out, pvv) = memory::both(
                Output::new(block, block_capacity, block_len),
                memory::output_array::<PAYHSM_PVV_LEN>(pvv),
            )?;
            let (format, pvki) = (format_of(format)?, pvki_of(pvki)?);
            let digits = u8::try_from(pin_len).map_err(|_| Error::InvalidLength)?;
            let pan = Pan::parse(memory::input(pan, pan_len)?)?;
            let (output, pvk) = (KeyHandle::from_raw(output_key)?, KeyHandle::from_raw(pvk)?);
            out.exactly(format.block_len(), |bytes| {
                let mut made = [0; PIN_BLOCK_MAX_LEN];
                let (_, value) = module.pin_generate_pvv(digits, &pan, output, format, pvk, pvki, &mut made)?;
                copy(bytes, &made);
                write_digits(pvv, value.digits());
                Ok(())
            })
        })
    }
}

/// Draws a PIN, and gives it enciphered and its offset. The decision callback is asked first.
///
/// Parameters: as in `payhsm_pin_generate_pvv`; `pvk`: a V1 key with mode of use G or C. `profile`: a number of
/// `payhsm_pin_profile_register`, which says how many digits the PIN has. `offset`: receives as many ASCII digits as the
/// profile says, in a buffer of `PAYHSM_OFFSET_MAX_LEN` bytes; zeros behind; wiped on error.
///
/// Returns: as `payhsm_pin_generate_pvv`.
///
/// In libraries built with `host`.
///
/// # Safety
/// The context's contract; C1 to C3 for the pointers.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn payhsm_pin_generate_3624(
    ctx: *mut PayhsmCtx,
    output_key: u32,
    pvk: u32,
    format: u32,
    profile: u32,
    pan: *const u8,
    pan_len: usize,
    block: *mut u8,
    block_capacity: usize,
    block_len: *mut usize,
    offset: *mut u8,
) -> Status {
    // SAFETY: the caller's.
    unsafe {
        let outputs = [
            Place::bytes(block, block_capacity),
            Place::of(block_len),
            Place::bytes(offset, Offset::MAX_LEN),
        ];
        run(ctx, &outputs, &[Place::bytes(pan, pan_len)], |module| {
            let (out, offset) = memory::both(
                Output::new(block, block_capacity, block_len),
                memory::output_array::<{ Offset::MAX_LEN }>(offset),
            )?;
            let (format, profile) = (format_of(format)?, PinProfile::from_raw(profile)?);
            let pan = Pan::parse(memory::input(pan, pan_len)?)?;
            let (output, pvk) = (KeyHandle::from_raw(output_key)?, KeyHandle::from_raw(pvk)?);
            out.exactly(format.block_len(), |bytes| {
                let mut made = [0; PIN_BLOCK_MAX_LEN];
                let (_, value) = module.pin_generate_3624(&pan, output, format, pvk, profile, &mut made)?;
                copy(bytes, &made);
                write_digits(offset, value.digits());
                Ok(())
            })
        })
    }
}

/// Computes the PIN that belongs to an offset, and gives it enciphered: for a card that is sent its PIN again. The
/// decision callback is asked first.
///
/// Parameters: as in `payhsm_pin_generate_3624`; `offset`, `offset_len`: ASCII digits, as many as the PIN has; zeros give
/// the natural PIN.
///
/// Returns: as `payhsm_pin_generate_3624`.
///
/// In libraries built with `host`.
///
/// # Safety
/// The context's contract; C1 to C3 for the pointers.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn payhsm_pin_derive_3624(
    ctx: *mut PayhsmCtx,
    output_key: u32,
    pvk: u32,
    format: u32,
    profile: u32,
    pan: *const u8,
    pan_len: usize,
    offset: *const u8,
    offset_len: usize,
    block: *mut u8,
    block_capacity: usize,
    block_len: *mut usize,
) -> Status {
    // SAFETY: the caller's.
    unsafe {
        let outputs = [Place::bytes(block, block_capacity), Place::of(block_len)];
        let inputs = [Place::bytes(pan, pan_len), Place::bytes(offset, offset_len)];
        run(ctx, &outputs, &inputs, |module| {
            let out = Output::new(block, block_capacity, block_len)?;
            let (format, profile) = (format_of(format)?, PinProfile::from_raw(profile)?);
            let pan = Pan::parse(memory::input(pan, pan_len)?)?;
            let offset = Offset::parse(memory::input(offset, offset_len)?)?;
            let (output, pvk) = (KeyHandle::from_raw(output_key)?, KeyHandle::from_raw(pvk)?);
            out.exactly(format.block_len(), |bytes| {
                let mut made = [0; PIN_BLOCK_MAX_LEN];
                module.pin_derive_3624(&pan, output, format, pvk, profile, &offset, &mut made)?;
                copy(bytes, &made);
                Ok(())
            })
        })
    }
}

/// Changes a PIN: verifies the old one against its PVV and gives the PVV of the new one. The decision callback is asked
/// first; each call is a try.
///
/// Parameters: `old_key`, `new_key`: P0 keys with mode of use D, or two transactions. `pvk`: a V2 key with mode of use C.
/// `old_format`, `new_format`, `pvki`, `pan`: as in `payhsm_pin_verify_pvv`. `old_block`, `new_block`: as they came.
/// `pvv`: the old PIN's, `PAYHSM_PVV_LEN` ASCII digits. `new_pvv`: receives as many; wiped on error.
///
/// Returns: `PAYHSM_OK`; `PAYHSM_ERR_VERIFICATION_FAILED` for a wrong old PIN, whatever is wrong inside a block, and a new
/// PIN that is one digit or a run without `PAYHSM_POLICY_TRIVIAL_PINS`; otherwise as `payhsm_pin_verify_pvv`.
///
/// In libraries built with `host`.
///
/// # Safety
/// The context's contract; C1 to C3 for the pointers.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn payhsm_pin_change_pvv(
    ctx: *mut PayhsmCtx,
    old_key: u32,
    new_key: u32,
    pvk: u32,
    old_format: u32,
    new_format: u32,
    pvki: u32,
    pan: *const u8,
    pan_len: usize,
    old_block: *const u8,
    old_block_len: usize,
    new_block: *const u8,
    new_block_len: usize,
    pvv: *const u8,
    new_pvv: *mut u8,
) -> Status {
    // SAFETY: the caller's.
    unsafe {
        let inputs = [
            Place::bytes(pan, pan_len),
            Place::bytes(old_block, old_block_len),
            Place::bytes(new_block, new_block_len),
            Place::bytes(pvv, PAYHSM_PVV_LEN),
        ];
        run(ctx, &[Place::bytes(new_pvv, PAYHSM_PVV_LEN)], &inputs, |module| {
            let out = memory::output_array::<PAYHSM_PVV_LEN>(new_pvv)?;
            let old = enciphered(old_key, old_format, memory::input(old_block, old_block_len)?)?;
            let new = enciphered(new_key, new_format, memory::input(new_block, new_block_len)?)?;
            let pan = Pan::parse(memory::input(pan, pan_len)?)?;
            let (pvk, pvki) = (KeyHandle::from_raw(pvk)?, pvki_of(pvki)?);
            let pvv = Pvv::parse(memory::input(pvv, PAYHSM_PVV_LEN)?)?;
            let made = module.pin_change_pvv(&pan, &old, &new, pvk, pvki, &pvv)?;
            write_digits(out, made.digits());
            Ok(())
        })
    }
}

/// Changes a PIN: verifies the old one by its offset and gives the offset of the new one. The decision callback is asked
/// first; each call is a try.
///
/// Parameters: as in `payhsm_pin_change_pvv`; `pvk`: a V1 key with mode of use C. `profile`: a number of
/// `payhsm_pin_profile_register`. `offset`, `offset_len`: the old PIN's, ASCII digits. `new_offset`,
/// `new_offset_capacity`, `new_offset_len`: receive the new PIN's; at least `PAYHSM_OFFSET_MAX_LEN` bytes; wiped and 0 on
/// error.
///
/// Returns: as `payhsm_pin_change_pvv` and `payhsm_pin_verify_3624`; `PAYHSM_ERR_BUFFER_TOO_SMALL`.
///
/// In libraries built with `host`.
///
/// # Safety
/// The context's contract; C1 to C3 for the pointers.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn payhsm_pin_change_3624(
    ctx: *mut PayhsmCtx,
    old_key: u32,
    new_key: u32,
    pvk: u32,
    old_format: u32,
    new_format: u32,
    profile: u32,
    pan: *const u8,
    pan_len: usize,
    old_block: *const u8,
    old_block_len: usize,
    new_block: *const u8,
    new_block_len: usize,
    offset: *const u8,
    offset_len: usize,
    new_offset: *mut u8,
    new_offset_capacity: usize,
    new_offset_len: *mut usize,
) -> Status {
    // SAFETY: the caller's.
    unsafe {
        let outputs = [Place::bytes(new_offset, new_offset_capacity), Place::of(new_offset_len)];
        let inputs = [
            Place::bytes(pan, pan_len),
            Place::bytes(old_block, old_block_len),
            Place::bytes(new_block, new_block_len),
            Place::bytes(offset, offset_len),
        ];
        run(ctx, &outputs, &inputs, |module| {
            let out = Output::new(new_offset, new_offset_capacity, new_offset_len)?;
            let old = enciphered(old_key, old_format, memory::input(old_block, old_block_len)?)?;
            let new = enciphered(new_key, new_format, memory::input(new_block, new_block_len)?)?;
            let pan = Pan::parse(memory::input(pan, pan_len)?)?;
            let (pvk, profile) = (KeyHandle::from_raw(pvk)?, PinProfile::from_raw(profile)?);
            let offset = Offset::parse(memory::input(offset, offset_len)?)?;
            out.fill(|bytes| {
                room_for_offset(bytes)?;
                let made = module.pin_change_3624(&pan, &old, &new, pvk, profile, &offset)?;
                write_digits(bytes, made.digits());
                Ok(made.digits().len())
            })
        })
    }
}

fn enciphered(key: u32, format: u32, block: &[u8]) -> Result<EncipheredPin<'_>, Error> {
    Ok(EncipheredPin {
        key: KeyRef::from_raw(key)?,
        format: format_of(format)?,
        block,
    })
}

/// The block's bytes, which fit.
fn copy(out: &mut [u8], made: &[u8; PIN_BLOCK_MAX_LEN]) {
    for (to, from) in out.iter_mut().zip(made) {
        *to = *from;
    }
}
