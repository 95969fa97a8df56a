// SPDX-License-Identifier: MIT OR Apache-2.0
//! MACs.

use core::hint::black_box;

use crate::capi::context::{PayhsmCtx, run};
use crate::capi::memory::{self, Output, Place};
use crate::capi::status::Status;
use crate::error::Error;
use crate::hsm::{KeyRef, MacMethod, MacPurpose, Padding};
use crate::policy::MacAlgorithm;

/// MAC method: ANSI X9.19 retail MAC, that is ISO/IEC 9797-1 algorithm 3 with padding method 1.
pub const PAYHSM_MAC_X9_19: u32 = 1;
/// MAC method: ISO/IEC 9797-1 algorithm 3 with padding method 2.
pub const PAYHSM_MAC_ALG3_PAD2: u32 = 2;
/// MAC method: ISO/IEC 9797-1 algorithm 1 with padding method 1.
pub const PAYHSM_MAC_ALG1_PAD1: u32 = 3;
/// MAC method: ISO/IEC 9797-1 algorithm 1 with padding method 2.
pub const PAYHSM_MAC_ALG1_PAD2: u32 = 4;
/// MAC method: CMAC.
pub const PAYHSM_MAC_CMAC: u32 = 5;
/// MAC method: HMAC with SHA-256.
pub const PAYHSM_MAC_HMAC_SHA256: u32 = 6;
/// MAC method: HMAC with SHA-384.
pub const PAYHSM_MAC_HMAC_SHA384: u32 = 7;
/// MAC method: HMAC with SHA-512.
pub const PAYHSM_MAC_HMAC_SHA512: u32 = 8;
/// MAC method: the "ECB MAC" of UnionPay terminals, 8 characters. It does not see blocks that change places.
pub const PAYHSM_MAC_UNIONPAY: u32 = 9;
/// MAC method: ISO/IEC 9797-1 algorithm 1 with padding method 3. A message in parts begins with
/// `payhsm_mac_begin_sized`.
pub const PAYHSM_MAC_ALG1_PAD3: u32 = 10;
/// MAC method: ISO/IEC 9797-1 algorithm 3 with padding method 3. A message in parts begins with
/// `payhsm_mac_begin_sized`.
pub const PAYHSM_MAC_ALG3_PAD3: u32 = 11;

/// Purpose: a MAC is made.
pub const PAYHSM_MAC_GENERATE: u32 = 1;
/// Purpose: a MAC is checked.
pub const PAYHSM_MAC_VERIFY: u32 = 2;

/// The longest MAC, in bytes.
pub const PAYHSM_MAC_MAX_LEN: usize = 64;

/// The method of a message of `len` bytes, if that is known.
pub(super) fn method(number: u32, len: Option<u64>) -> Result<MacMethod, Error> {
    let (algorithm, padding) = match number {
        PAYHSM_MAC_X9_19 => (MacAlgorithm::Iso9797Alg3, Padding::Method1),
        PAYHSM_MAC_ALG3_PAD2 => (MacAlgorithm::Iso9797Alg3, Padding::Method2),
        PAYHSM_MAC_ALG1_PAD1 => (MacAlgorithm::Iso9797Alg1, Padding::Method1),
        PAYHSM_MAC_ALG1_PAD2 => (MacAlgorithm::Iso9797Alg1, Padding::Method2),
        PAYHSM_MAC_CMAC => (MacAlgorithm::Cmac, Padding::Method1),
        PAYHSM_MAC_HMAC_SHA256 => (MacAlgorithm::HmacSha256, Padding::Method1),
        PAYHSM_MAC_HMAC_SHA384 => (MacAlgorithm::HmacSha384, Padding::Method1),
        PAYHSM_MAC_HMAC_SHA512 => (MacAlgorithm::HmacSha512, Padding::Method1),
        PAYHSM_MAC_UNIONPAY => (MacAlgorithm::UnionPay, Padding::Method1),
        PAYHSM_MAC_ALG1_PAD3 => (MacAlgorithm::Iso9797Alg1, sized(len)?),
        PAYHSM_MAC_ALG3_PAD3 => (MacAlgorithm::Iso9797Alg3, sized(len)?),
        _ => return Err(Error::InvalidArgument),
    };
    let method = MacMethod { algorithm, padding };
    // There and back by two tables: a changed bit of one makes no other method of it.
    if number_of(black_box(method)) != number {
        return Err(Error::Internal);
    }
    Ok(method)
}

#[inline(never)]
const fn number_of(method: MacMethod) -> u32 {
    match (method.algorithm, method.padding) {
        (MacAlgorithm::Iso9797Alg1, Padding::Method1) => PAYHSM_MAC_ALG1_PAD1,
        (MacAlgorithm::Iso9797Alg1, Padding::Method2) => PAYHSM_MAC_ALG1_PAD2,
        (MacAlgorithm::Iso9797Alg1, Padding::Method3 { .. }) => PAYHSM_MAC_ALG1_PAD3,
        (MacAlgorithm::Iso9797Alg3, Padding::Method1) => PAYHSM_MAC_X9_19,
        (MacAlgorithm::Iso9797Alg3, Padding::Method2) => PAYHSM_MAC_ALG3_PAD2,
        (MacAlgorithm::Iso9797Alg3, Padding::Method3 { .. }) => PAYHSM_MAC_ALG3_PAD3,
        (MacAlgorithm::Cmac, _) => PAYHSM_MAC_CMAC,
        (MacAlgorithm::HmacSha256, _) => PAYHSM_MAC_HMAC_SHA256,
        (MacAlgorithm::HmacSha384, _) => PAYHSM_MAC_HMAC_SHA384,
        (MacAlgorithm::HmacSha512, _) => PAYHSM_MAC_HMAC_SHA512,
        (MacAlgorithm::UnionPay, _) => PAYHSM_MAC_UNIONPAY,
    }
}

/// Padding method 3, which puts the length in front.
fn sized(len: Option<u64>) -> Result<Padding, Error> {
    len.map(|len| Padding::Method3 { len }).ok_or(Error::InvalidArgument)
}

fn purpose_of(number: u32) -> Result<MacPurpose, Error> {
    match number {
        PAYHSM_MAC_GENERATE => Ok(MacPurpose::Generate),
        PAYHSM_MAC_VERIFY => Ok(MacPurpose::Verify),
        _ => Err(Error::InvalidArgument),
    }
}

/// Makes a MAC.
///
/// Parameters: `key`: a MAC key's or a transaction's handle; a terminal's transaction makes request MACs, a host's
/// response MACs. `mac_method`: `PAYHSM_MAC_…`; a key in a slot allows the algorithm of its usage. `data`: the message.
/// `wanted`: how many of the leftmost bytes: 4 to 8 (AES: 16), CMAC at least 8, HMAC 8 to 32, 48 or 64, UnionPay's 8. `mac`, `mac_capacity`, `mac_len`:
/// receive them; wiped and 0 on error.
///
/// Returns: `PAYHSM_OK`; `PAYHSM_ERR_INVALID_HANDLE`, `PAYHSM_ERR_USAGE_NOT_PERMITTED`,
/// `PAYHSM_ERR_MODE_NOT_PERMITTED`, `PAYHSM_ERR_ALGORITHM_MISMATCH`, `PAYHSM_ERR_INVALID_ARGUMENT` (method),
/// `PAYHSM_ERR_INVALID_LENGTH` (wanted), `PAYHSM_ERR_REFUSED` (a policy bit is missing), `PAYHSM_ERR_LIMIT_REACHED` (2^20
/// blocks of a DES or TDEA key), `PAYHSM_ERR_BUFFER_TOO_SMALL`; the context's errors.
///
/// # Safety
/// The context's contract; C1 to C3 for the pointers.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn payhsm_mac_generate(
    ctx: *mut PayhsmCtx,
    key: u32,
    mac_method: u32,
    data: *const u8,
    data_len: usize,
    wanted: usize,
    mac: *mut u8,
    mac_capacity: usize,
    mac_len: *mut usize,
) -> Status {
    // SAFETY: the caller's.
    unsafe {
        let outputs = [Place::bytes(mac, mac_capacity), Place::of(mac_len)];
        run(ctx, &outputs, &[Place::bytes(data, data_len)], |module| {
            let out = Output::new(mac, mac_capacity, mac_len)?;
            let data = memory::input(data, data_len)?;
            let (key, method) = (KeyRef::from_raw(key)?, method(mac_method, Some(data.len() as u64))?);
            out.exactly(wanted, |bytes| module.mac_generate(key, method, data, bytes))
        })
    }
}

/// Checks a MAC in constant time.
///
/// Parameters: `key`, `mac_method`, `data`: as in `payhsm_mac_generate`; a terminal's transaction checks response MACs,
/// a host's request MACs. `mac`, `mac_len`: what came with the message; how long it must be is yours to know, not the
/// message's to say.
///
/// Returns: `PAYHSM_OK` if it is right, `PAYHSM_ERR_VERIFICATION_FAILED` if not; otherwise as `payhsm_mac_generate`.
///
/// # Safety
/// The context's contract; C1 to C3 for the pointers.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn payhsm_mac_verify(
    ctx: *mut PayhsmCtx,
    key: u32,
    mac_method: u32,
    data: *const u8,
    data_len: usize,
    mac: *const u8,
    mac_len: usize,
) -> Status {
    // SAFETY: the caller's.
    unsafe {
        let inputs = [Place::bytes(data, data_len), Place::bytes(mac, mac_len)];
        run(ctx, &[], &inputs, |module| {
            let (data, mac) = (memory::input(data, data_len)?, memory::input(mac, mac_len)?);
            let method = method(mac_method, Some(data.len() as u64))?;
            module.mac_verify(KeyRef::from_raw(key)?, method, data, mac)
        })
    }
}

/// Begins a message that comes in parts. A context has one such message; an unfinished one is wiped.
///
/// Parameters: `key`, `mac_method`: as in `payhsm_mac_generate`. `purpose`: `PAYHSM_MAC_GENERATE` or `PAYHSM_MAC_VERIFY`.
///
/// Returns: as `payhsm_mac_generate`.
///
/// # Safety
/// The context's contract.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn payhsm_mac_begin(ctx: *mut PayhsmCtx, key: u32, mac_method: u32, purpose: u32) -> Status {
    // SAFETY: the caller's.
    unsafe {
        run(ctx, &[], &[], |module| {
            let purpose = purpose_of(purpose)?;
            module.mac_begin(KeyRef::from_raw(key)?, method(mac_method, None)?, purpose)
        })
    }
}

/// As `payhsm_mac_begin`, for the methods with padding 3, which put the length of the message in front.
///
/// Parameters: `message_len`: how many bytes will come; the message must keep it. Other methods take no notice of it.
///
/// Returns: as `payhsm_mac_generate`; a message of another length fails when it ends, with `PAYHSM_ERR_INVALID_LENGTH`.
///
/// # Safety
/// The context's contract.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn payhsm_mac_begin_sized(
    ctx: *mut PayhsmCtx,
    key: u32,
    mac_method: u32,
    purpose: u32,
    message_len: u64,
) -> Status {
    // SAFETY: the caller's.
    unsafe {
        run(ctx, &[], &[], |module| {
            let purpose = purpose_of(purpose)?;
            module.mac_begin(KeyRef::from_raw(key)?, method(mac_method, Some(message_len))?, purpose)
        })
    }
}

/// Checks a MAC and, if it is right, makes another one of the same message under another key.
///
/// Parameters: `input_key`, `input_method`, `data`, `input_mac`: as in `payhsm_mac_verify`. `output_key`,
/// `output_method`, `wanted`, `mac`, `mac_capacity`, `mac_len`: as in `payhsm_mac_generate`.
///
/// Returns: `PAYHSM_OK`; `PAYHSM_ERR_VERIFICATION_FAILED` if the MAC is wrong; `PAYHSM_ERR_INVALID_ARGUMENT` also if both
/// keys are one; otherwise as those two.
///
/// # Safety
/// The context's contract; C1 to C3 for the pointers.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn payhsm_mac_translate(
    ctx: *mut PayhsmCtx,
    input_key: u32,
    input_method: u32,
    data: *const u8,
    data_len: usize,
    input_mac: *const u8,
    input_mac_len: usize,
    output_key: u32,
    output_method: u32,
    wanted: usize,
    mac: *mut u8,
    mac_capacity: usize,
    mac_len: *mut usize,
) -> Status {
    // SAFETY: the caller's.
    unsafe {
        let outputs = [Place::bytes(mac, mac_capacity), Place::of(mac_len)];
        let inputs = [Place::bytes(data, data_len), Place::bytes(input_mac, input_mac_len)];
        run(ctx, &outputs, &inputs, |module| {
            let out = Output::new(mac, mac_capacity, mac_len)?;
            let (data, tag) = (memory::input(data, data_len)?, memory::input(input_mac, input_mac_len)?);
            let len = Some(data.len() as u64);
            let (input, output) = (KeyRef::from_raw(input_key)?, KeyRef::from_raw(output_key)?);
            let (from, to) = (method(input_method, len)?, method(output_method, len)?);
            out.exactly(wanted, |bytes| {
                module.mac_translate(input, from, data, tag, output, to, bytes)
            })
        })
    }
}

/// Takes more of the message.
///
/// Returns: `PAYHSM_OK`; `PAYHSM_ERR_BAD_STATE` if none was begun; `PAYHSM_ERR_LIMIT_REACHED`, and the message is over;
/// the context's errors.
///
/// # Safety
/// The context's contract; C1 to C3 for `data`.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn payhsm_mac_update(ctx: *mut PayhsmCtx, data: *const u8, data_len: usize) -> Status {
    // SAFETY: the caller's.
    unsafe {
        run(ctx, &[], &[Place::bytes(data, data_len)], |module| {
            module.mac_update(memory::input(data, data_len)?)
        })
    }
}

/// Ends a message that was begun with `PAYHSM_MAC_GENERATE`. It is over in every case.
///
/// Parameters: `wanted`, `mac`, `mac_capacity`, `mac_len`: as in `payhsm_mac_generate`.
///
/// Returns: `PAYHSM_OK`; `PAYHSM_ERR_BAD_STATE` if none was begun, or one to verify; `PAYHSM_ERR_INVALID_LENGTH`,
/// `PAYHSM_ERR_BUFFER_TOO_SMALL`; the context's errors.
///
/// # Safety
/// The context's contract; C1 to C3 for the pointers.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn payhsm_mac_finish(
    ctx: *mut PayhsmCtx,
    wanted: usize,
    mac: *mut u8,
    mac_capacity: usize,
    mac_len: *mut usize,
) -> Status {
    // SAFETY: the caller's.
    unsafe {
        run(
            ctx,
            &[Place::bytes(mac, mac_capacity), Place::of(mac_len)],
            &[],
            |module| {
                Output::new(mac, mac_capacity, mac_len)
                    .and_then(|out| out.exactly(wanted, |bytes| module.mac_finish(bytes)))
                    // Over in every case, also if there is no place for the MAC.
                    .inspect_err(|_| module.mac_abort())
            },
        )
    }
}

/// Drops and wipes a message that was begun and not ended; without one it does nothing. It does so in every state.
///
/// Returns: `PAYHSM_OK`; `PAYHSM_ERR_NULL_POINTER`, `PAYHSM_ERR_MISALIGNED`, `PAYHSM_ERR_BAD_STATE` (not a live context, or
/// a call is running).
///
/// # Safety
/// The context's contract.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn payhsm_mac_abort(ctx: *mut PayhsmCtx) -> Status {
    // SAFETY: the caller's.
    unsafe {
        run(ctx, &[], &[], |module| {
            module.mac_abort();
            Ok(())
        })
    }
}

/// Ends a message that was begun with `PAYHSM_MAC_VERIFY`. It is over in every case.
///
/// Returns: `PAYHSM_OK` if the MAC is right, `PAYHSM_ERR_VERIFICATION_FAILED` if not; `PAYHSM_ERR_BAD_STATE`,
/// `PAYHSM_ERR_INVALID_LENGTH`; the context's errors.
///
/// # Safety
/// The context's contract; C1 to C3 for `mac`.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn payhsm_mac_finish_verify(ctx: *mut PayhsmCtx, mac: *const u8, mac_len: usize) -> Status {
    // SAFETY: the caller's.
    unsafe {
        run(ctx, &[], &[Place::bytes(mac, mac_len)], |module| {
            memory::input(mac, mac_len)
                .and_then(|mac| module.mac_finish_verify(mac))
                .inspect_err(|_| module.mac_abort())
        })
    }
}
