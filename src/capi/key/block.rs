// SPDX-License-Identifier: MIT OR Apache-2.0
//! Keys in key blocks.

use crate::capi::context::{PayhsmCtx, run};
use crate::capi::key::{PayhsmKeyInfo, new_key};
use crate::capi::memory::{self, Output, Place};
use crate::capi::status::Status;
use crate::error::Error;
use crate::hsm::KeyHandle;
use crate::keyblock::Profile;

/// Key-block profile: ANSI X9.143:2021 to the letter.
pub const PAYHSM_PROFILE_X9_143_STRICT: u32 = 1;
/// Key-block profile: what payment HSMs emit (TR-31:2018).
pub const PAYHSM_PROFILE_TR31_2018: u32 = 2;
/// Key-block profile: ISO 20038, version E.
pub const PAYHSM_PROFILE_ISO20038: u32 = 3;

/// The longest key block of a symmetric key without optional blocks, in characters: 16 of header, 2 for each of 48
/// payload bytes, 32 of authenticator.
pub const PAYHSM_KEY_BLOCK_MAX_LEN: usize = 16 + 96 + 32;
pub(in crate::capi) fn profile(number: u32) -> Result<Profile, Error> {
    match number {
        PAYHSM_PROFILE_X9_143_STRICT => Ok(Profile::X9143Strict),
        PAYHSM_PROFILE_TR31_2018 => Ok(Profile::Tr31_2018),
        PAYHSM_PROFILE_ISO20038 => Ok(Profile::Iso20038),
        _ => Err(Error::InvalidArgument),
    }
}

/// Unwraps a key block into a slot.
///
/// Parameters: `kbpk`: a K1 key with mode of use D or B. `profile`: `PAYHSM_PROFILE_…`. `block`, `block_len`: ASCII,
/// the whole block. `key`, `info`: receive the handle and what is public; zero on error. For an initial DUKPT key (B1)
/// see `payhsm_dukpt_load`.
///
/// Returns: `PAYHSM_OK`; `PAYHSM_ERR_INVALID_HANDLE`, `PAYHSM_ERR_USAGE_NOT_PERMITTED`,
/// `PAYHSM_ERR_MODE_NOT_PERMITTED`, `PAYHSM_ERR_ALGORITHM_MISMATCH`; `PAYHSM_ERR_KEY_BLOCK_…` for a malformed public
/// field; `PAYHSM_ERR_VERIFICATION_FAILED`; `PAYHSM_ERR_KEY_STRENGTH`, `PAYHSM_ERR_WEAK_KEY`,
/// `PAYHSM_ERR_INVALID_KEY_LENGTH`, `PAYHSM_ERR_SLOTS_FULL`; the context's errors.
///
/// # Safety
/// The context's contract; C1 to C3 for the pointers.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn payhsm_key_import(
    ctx: *mut PayhsmCtx,
    kbpk: u32,
    profile_number: u32,
    block: *const u8,
    block_len: usize,
    key: *mut u32,
    info: *mut PayhsmKeyInfo,
) -> Status {
    // SAFETY: the caller's.
    unsafe {
        run(
            ctx,
            &[Place::of(key), Place::of(info)],
            &[Place::bytes(block, block_len)],
            |module| {
                new_key(key, info, || {
                    let block = memory::input(block, block_len)?;
                    let made = module.key_block_import(KeyHandle::from_raw(kbpk)?, block, profile(profile_number)?)?;
                    Ok((made.key, made.info))
                })
            },
        )
    }
}

/// Wraps a key for another party: version D under an AES key, version B under a TDEA key.
///
/// Parameters: `kbpk`: a K1 key with mode of use E or B. `key`: a key of exportability E. `block`, `block_capacity`,
/// `block_len`: receive ASCII, `PAYHSM_KEY_BLOCK_MAX_LEN` is enough; wiped and 0 on error.
///
/// Returns: `PAYHSM_OK`; `PAYHSM_ERR_INVALID_HANDLE`, `PAYHSM_ERR_USAGE_NOT_PERMITTED`,
/// `PAYHSM_ERR_MODE_NOT_PERMITTED`, `PAYHSM_ERR_EXPORT_NOT_PERMITTED`, `PAYHSM_ERR_KEY_STRENGTH`,
/// `PAYHSM_ERR_INVALID_ARGUMENT` (a key under itself), `PAYHSM_ERR_BUFFER_TOO_SMALL`, `PAYHSM_ERR_ENTROPY`; the
/// context's errors.
///
/// # Safety
/// The context's contract; C1 to C3 for the pointers.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn payhsm_key_export(
    ctx: *mut PayhsmCtx,
    kbpk: u32,
    key: u32,
    block: *mut u8,
    block_capacity: usize,
    block_len: *mut usize,
) -> Status {
    // SAFETY: the caller's.
    unsafe {
        run(
            ctx,
            &[Place::bytes(block, block_capacity), Place::of(block_len)],
            &[],
            |module| {
                let out = Output::new(block, block_capacity, block_len)?;
                let (kbpk, key) = (KeyHandle::from_raw(kbpk)?, KeyHandle::from_raw(key)?);
                out.fill(|bytes| module.key_block_export(kbpk, key, bytes))
            },
        )
    }
}
