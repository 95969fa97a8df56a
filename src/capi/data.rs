// SPDX-License-Identifier: MIT OR Apache-2.0
//! Data encryption.

use core::ptr;

use crate::capi::context::{Module, PayhsmCtx, run};
use crate::capi::memory::{self, Output, Place};
use crate::capi::status::Status;
use crate::error::Error;
use crate::hsm::{KeyHandle, KeyRef};

/// Runs a command that works in place: input and output may be the same.
///
/// # Safety
/// As the functions below; `inputs` are the other inputs, which `prepare` reads.
unsafe fn in_place<T>(
    ctx: *mut PayhsmCtx,
    inputs: &[Place],
    (data, data_len): (*const u8, usize),
    (out, out_capacity, out_len): (*mut u8, usize, *mut usize),
    prepare: impl FnOnce() -> Result<T, Error>,
    command: impl FnOnce(&mut Module, T, &mut [u8]) -> Result<(), Error>,
) -> Status {
    // The one pair that may be the same.
    let apart = if ptr::eq(data, out) {
        Place::NONE
    } else {
        Place::bytes(data, data_len)
    };
    let outputs = [Place::bytes(out, out_capacity), Place::of(out_len)];
    let mut all = [Place::NONE; 3];
    for (to, from) in all.iter_mut().zip(core::iter::once(&apart).chain(inputs)) {
        *to = *from;
    }
    // SAFETY: the caller's; in-place data is within `out`, or longer than it and not looked at.
    unsafe {
        run(ctx, &outputs, &all, |module| {
            let result = (|| {
                let written = memory::place(out_len, 0)?;
                let arguments = prepare()?;
                if isize::try_from(out_capacity).is_err() {
                    return Err(Error::InvalidLength);
                }
                if out_capacity < data_len {
                    return Err(Error::BufferTooSmall);
                }
                command(module, arguments, memory::copy_in(data, data_len, out)?)?;
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
        in_place(
            ctx,
            &[Place::bytes(iv, iv_len)],
            (data, data_len),
            (out, out_capacity, out_len),
            || Ok((memory::input(iv, iv_len)?, KeyRef::from_raw(key)?)),
            |module, (iv, key), bytes| module.data_encipher(key, iv, bytes),
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
        in_place(
            ctx,
            &[Place::bytes(iv, iv_len)],
            (data, data_len),
            (out, out_capacity, out_len),
            || Ok((memory::input(iv, iv_len)?, KeyRef::from_raw(key)?)),
            |module, (iv, key), bytes| module.data_decipher(key, iv, bytes),
        )
    }
}

/// Enciphers data: ECB over whole blocks. Equal blocks show; only for protocols that demand it.
///
/// Parameters: `key`: a D0 key's handle; the key serves no other mode of operation. `data`: whole blocks. `out`,
/// `out_capacity`, `out_len`: receive as many bytes; `out` may be `data`. Wiped and 0 on error.
///
/// Returns: `PAYHSM_OK`; `PAYHSM_ERR_INVALID_HANDLE`, `PAYHSM_ERR_USAGE_NOT_PERMITTED` (also a key that has served
/// another mode of operation), `PAYHSM_ERR_MODE_NOT_PERMITTED`, `PAYHSM_ERR_REFUSED` (without
/// `PAYHSM_POLICY_ECB_DATA`), `PAYHSM_ERR_INVALID_LENGTH`, `PAYHSM_ERR_LIMIT_REACHED`, `PAYHSM_ERR_BUFFER_TOO_SMALL`,
/// `PAYHSM_ERR_OVERLAP`; the context's errors.
///
/// # Safety
/// The context's contract; C1 to C3 for the pointers, except that `out` may be `data`.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn payhsm_data_ecb_encipher(
    ctx: *mut PayhsmCtx,
    key: u32,
    data: *const u8,
    data_len: usize,
    out: *mut u8,
    out_capacity: usize,
    out_len: *mut usize,
) -> Status {
    // SAFETY: the caller's.
    unsafe {
        in_place(
            ctx,
            &[],
            (data, data_len),
            (out, out_capacity, out_len),
            || KeyHandle::from_raw(key),
            Module::data_ecb_encipher,
        )
    }
}

/// Deciphers data: ECB over whole blocks.
///
/// Parameters and returns: as `payhsm_data_ecb_encipher`.
///
/// # Safety
/// As `payhsm_data_ecb_encipher`.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn payhsm_data_ecb_decipher(
    ctx: *mut PayhsmCtx,
    key: u32,
    data: *const u8,
    data_len: usize,
    out: *mut u8,
    out_capacity: usize,
    out_len: *mut usize,
) -> Status {
    // SAFETY: the caller's.
    unsafe {
        in_place(
            ctx,
            &[],
            (data, data_len),
            (out, out_capacity, out_len),
            || KeyHandle::from_raw(key),
            Module::data_ecb_decipher,
        )
    }
}

/// Enciphers or deciphers data of any length: CTR, which is its own inverse.
///
/// Parameters: `key`: a D0 key's handle with mode of use B; the key serves no other mode of operation. `counter`,
/// `counter_len`: the first counter block, 8 bytes (TDEA) or 16 (AES), counted up as one number; none may come twice
/// under one key. `data`, `out`, `out_capacity`, `out_len`: as in `payhsm_data_ecb_encipher`.
///
/// Returns: as `payhsm_data_ecb_encipher`, without `PAYHSM_ERR_REFUSED`.
///
/// # Safety
/// As `payhsm_data_ecb_encipher`.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn payhsm_data_ctr(
    ctx: *mut PayhsmCtx,
    key: u32,
    counter: *const u8,
    counter_len: usize,
    data: *const u8,
    data_len: usize,
    out: *mut u8,
    out_capacity: usize,
    out_len: *mut usize,
) -> Status {
    // SAFETY: the caller's.
    unsafe {
        in_place(
            ctx,
            &[Place::bytes(counter, counter_len)],
            (data, data_len),
            (out, out_capacity, out_len),
            || Ok((memory::input(counter, counter_len)?, KeyHandle::from_raw(key)?)),
            |module, (counter, key), bytes| module.data_ctr(key, counter, bytes),
        )
    }
}

/// Re-enciphers data from one key to another, CBC on both sides; the clear text does not leave.
///
/// Parameters: `input_key`: a D0 key's handle with mode of use D or B, or a transaction, which serves one message.
/// `output_key`: another D0 key's handle with mode of use E or B. `input_iv`, `output_iv`: one block of each cipher. `data`:
/// whole blocks of both ciphers; long data may come in pieces under keys of slots, each with the last block of ciphertext
/// before it, on either side, as `iv`. `out`, `out_capacity`, `out_len`: as in `payhsm_data_ecb_encipher`.
///
/// Returns: as `payhsm_data_encipher`; `PAYHSM_ERR_KEY_STRENGTH` for a weaker output key without
/// `PAYHSM_POLICY_WEAKER_PIN_KEY`; `PAYHSM_ERR_INVALID_ARGUMENT` if both keys are one.
///
/// # Safety
/// As `payhsm_data_ecb_encipher`.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn payhsm_data_reencipher(
    ctx: *mut PayhsmCtx,
    input_key: u32,
    input_iv: *const u8,
    input_iv_len: usize,
    data: *const u8,
    data_len: usize,
    output_key: u32,
    output_iv: *const u8,
    output_iv_len: usize,
    out: *mut u8,
    out_capacity: usize,
    out_len: *mut usize,
) -> Status {
    // SAFETY: the caller's.
    unsafe {
        let inputs = [
            Place::bytes(input_iv, input_iv_len),
            Place::bytes(output_iv, output_iv_len),
        ];
        in_place(
            ctx,
            &inputs,
            (data, data_len),
            (out, out_capacity, out_len),
            || {
                let from = memory::input(input_iv, input_iv_len)?;
                let to = memory::input(output_iv, output_iv_len)?;
                Ok((KeyRef::from_raw(input_key)?, from, KeyHandle::from_raw(output_key)?, to))
            },
            |module, (input, from, output, to), bytes| module.data_reencipher(input, from, output, to, bytes),
        )
    }
}

/// Packs track 2 and enciphers of it what UnionPay terminals do: the 8 bytes that end one byte before the last. Most of
/// the PAN stays in clear.
///
/// Parameters: `key`: a D0 TDEA key's handle, 16 bytes, with mode of use E or B. `track`, `track_len`: 17 to 40 ASCII
/// characters, digits with one `=` or `D`, without sentinels. `out`, `out_capacity`, `out_len`: receive half as many
/// bytes; wiped and 0 on error.
///
/// Returns: `PAYHSM_OK`; `PAYHSM_ERR_INVALID_HANDLE`, `PAYHSM_ERR_USAGE_NOT_PERMITTED`,
/// `PAYHSM_ERR_MODE_NOT_PERMITTED`, `PAYHSM_ERR_ALGORITHM_MISMATCH`, `PAYHSM_ERR_INVALID_KEY_LENGTH`,
/// `PAYHSM_ERR_REFUSED` (without `PAYHSM_POLICY_UNIONPAY`), `PAYHSM_ERR_TRACK`, `PAYHSM_ERR_LIMIT_REACHED`,
/// `PAYHSM_ERR_BUFFER_TOO_SMALL`; the context's errors.
///
/// # Safety
/// The context's contract; C1 to C3 for the pointers.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn payhsm_track2_encipher(
    ctx: *mut PayhsmCtx,
    key: u32,
    track: *const u8,
    track_len: usize,
    out: *mut u8,
    out_capacity: usize,
    out_len: *mut usize,
) -> Status {
    // SAFETY: the caller's.
    unsafe {
        let outputs = [Place::bytes(out, out_capacity), Place::of(out_len)];
        run(ctx, &outputs, &[Place::bytes(track, track_len)], |module| {
            let out = Output::new(out, out_capacity, out_len)?;
            let track = memory::input(track, track_len)?;
            let key = KeyHandle::from_raw(key)?;
            out.fill(|bytes| module.track2_encipher(key, track, bytes))
        })
    }
}

/// Deciphers and unpacks what `payhsm_track2_encipher` has made: the acquirer's side.
///
/// Parameters: `key`: a D0 TDEA key's handle, 16 bytes, with mode of use D or B. `data`, `data_len`: as it came.
/// `characters`: their number, which came with it. `track`, `track_capacity`, `track_len`: receive as many ASCII
/// characters, `=` for the separator; wiped and 0 on error.
///
/// Returns: as `payhsm_track2_encipher`; `PAYHSM_ERR_VERIFICATION_FAILED` if what comes out is no track.
///
/// # Safety
/// The context's contract; C1 to C3 for the pointers.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn payhsm_track2_decipher(
    ctx: *mut PayhsmCtx,
    key: u32,
    data: *const u8,
    data_len: usize,
    characters: usize,
    track: *mut u8,
    track_capacity: usize,
    track_len: *mut usize,
) -> Status {
    // SAFETY: the caller's.
    unsafe {
        let outputs = [Place::bytes(track, track_capacity), Place::of(track_len)];
        run(ctx, &outputs, &[Place::bytes(data, data_len)], |module| {
            let out = Output::new(track, track_capacity, track_len)?;
            let data = memory::input(data, data_len)?;
            let key = KeyHandle::from_raw(key)?;
            out.exactly(characters, |bytes| module.track2_decipher(key, data, characters, bytes))
        })
    }
}
