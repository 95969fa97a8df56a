// SPDX-License-Identifier: MIT OR Apache-2.0
//! Data encryption.

use core::ptr;

use crate::capi::context::{Module, PayhsmCtx, run};
use crate::capi::memory::{self, Place};
use crate::capi::status::Status;
use crate::error::Error;
use crate::hsm::KeyRef;

/// The command that the function of the same name describes.
type Command = fn(&mut Module, KeyRef, &[u8], &mut [u8]) -> Result<(), Error>;

/// # Safety
/// As the functions below.
#[expect(clippy::too_many_arguments, reason = "a C function has no slices")]
unsafe fn cipher(
    ctx: *mut PayhsmCtx,
    key: u32,
    iv: *const u8,
    iv_len: usize,
    data: *const u8,
    data_len: usize,
    out: *mut u8,
    out_capacity: usize,
    out_len: *mut usize,
    command: Command,
) -> Status {
    // The one pair that may be the same.
    let apart = if ptr::eq(data, out) {
        Place::NONE
    } else {
        Place::bytes(data, data_len)
    };
    let outputs = [Place::bytes(out, out_capacity), Place::of(out_len)];
    // SAFETY: the caller's; in-place data is within `out`, or longer than it and not looked at.
    unsafe {
        run(ctx, &outputs, &[Place::bytes(iv, iv_len), apart], |module| {
            let result = (|| {
                let written = memory::place(out_len, 0)?;
                let iv = memory::input(iv, iv_len)?;
                let key = KeyRef::from_raw(key)?;
                if isize::try_from(out_capacity).is_err() {
                    return Err(Error::InvalidLength);
                }
                if out_capacity < data_len {
                    return Err(Error::BufferTooSmall);
                }
                command(module, key, iv, memory::copy_in(data, data_len, out)?)?;
                *written = data_len;
                Ok(())
            })();
            if result.is_err() {
                memory::output(out, out_capacity)?;
            }
            result
        })
    }
}

/// Enciphers data: CBC over whole blocks, without padding.
///
/// Parameters: `key`: a D0 key's or a transaction's handle; a terminal's transaction enciphers request data, a host's
/// response data, one message each. `iv`, `iv_len`: one block, 8 bytes (TDEA) or 16 (AES). `data`: whole blocks. `out`,
/// `out_capacity`, `out_len`: receive as many bytes; `out` may be `data`. Wiped and 0 on error.
///
/// Returns: `PAYHSM_OK`; `PAYHSM_ERR_INVALID_HANDLE`, `PAYHSM_ERR_USAGE_NOT_PERMITTED`,
/// `PAYHSM_ERR_MODE_NOT_PERMITTED`, `PAYHSM_ERR_INVALID_LENGTH`, `PAYHSM_ERR_LIMIT_REACHED`,
/// `PAYHSM_ERR_BUFFER_TOO_SMALL`, `PAYHSM_ERR_OVERLAP`; the context's errors.
///
/// # Safety
/// The context's contract; C1 to C3 for the pointers, except that `out` may be `data`.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn payhsm_data_encipher(
    ctx: *mut PayhsmCtx,
    key: u32,
    iv: *const u8,
    iv_len: usize,
    data: *const u8,
    data_len: usize,
    out: *mut u8,
    out_capacity: usize,
    out_len: *mut usize,
) -> Status {
    // SAFETY: the caller's.
    unsafe {
        cipher(
            ctx,
            key,
            iv,
            iv_len,
            data,
            data_len,
            out,
            out_capacity,
            out_len,
            Module::data_encipher,
        )
    }
}

/// Deciphers data: CBC over whole blocks. Check the message's MAC first.
///
/// Parameters and returns: as `payhsm_data_encipher`; a terminal's transaction deciphers response data, a host's request
/// data.
///
/// # Safety
/// As `payhsm_data_encipher`.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn payhsm_data_decipher(
    ctx: *mut PayhsmCtx,
    key: u32,
    iv: *const u8,
    iv_len: usize,
    data: *const u8,
    data_len: usize,
    out: *mut u8,
    out_capacity: usize,
    out_len: *mut usize,
) -> Status {
    // SAFETY: the caller's.
    unsafe {
        cipher(
            ctx,
            key,
            iv,
            iv_len,
            data,
            data_len,
            out,
            out_capacity,
            out_len,
            Module::data_decipher,
        )
    }
}
