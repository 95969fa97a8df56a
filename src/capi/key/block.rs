// SPDX-License-Identifier: MIT OR Apache-2.0
//! Keys in key blocks.

use crate::capi::context::{PayhsmCtx, run};
use core::mem::size_of;

use crate::capi::key::{PayhsmKeyAttributes, PayhsmKeyInfo, new_key};
use crate::capi::memory::{self, Output, Place, Versioned};
use crate::capi::status::Status;
use crate::error::Error;
use crate::hsm::{Export, KeyHandle};
use crate::key::usage::{Exportability, ModeOfUse};
use crate::keyblock::Profile;
use crate::keyblock::header::Version;
use crate::keyblock::optional::{CheckMethod, Optional};

/// Key-block profile: ANSI X9.143:2021 to the letter.
pub const PAYHSM_PROFILE_X9_143_STRICT: u32 = 1;
/// Key-block profile: what payment HSMs emit (TR-31:2018).
pub const PAYHSM_PROFILE_TR31_2018: u32 = 2;
/// Key-block profile: ISO 20038, version E.
pub const PAYHSM_PROFILE_ISO20038: u32 = 3;

/// The longest key block without optional blocks of the caller, in characters: 16 of header, 64 of check values and of
/// what came with the key, 2 for each of 128 payload bytes (a key pair; 48 for others), 32 of authenticator.
pub const PAYHSM_KEY_BLOCK_MAX_LEN: usize = 16 + 64 + 256 + 32;

/// Export: with the key's check value (optional block KC).
pub const PAYHSM_EXPORT_KEY_CHECK: u32 = 1;
/// Export: with the protection key's check value (optional block KP).
pub const PAYHSM_EXPORT_KBPK_CHECK: u32 = 1 << 1;
/// Export: for exchange only (key context 2).
pub const PAYHSM_EXPORT_EXCHANGE_ONLY: u32 = 1 << 2;

/// Check value: leftmost bytes of one enciphered zero block.
pub const PAYHSM_CHECK_LEGACY: u32 = 1;
/// Check value: leftmost bytes of the CMAC of one zero block.
pub const PAYHSM_CHECK_CMAC: u32 = 2;

/// What a key block that is written shall say, beyond the key's own attributes. Zeros behind the size: nothing.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
pub struct PayhsmExport {
    /// Its size: `sizeof` of the type.
    pub size: u32,
    /// `PAYHSM_EXPORT_…`.
    pub flags: u32,
    /// Version, `'A'` to `'E'`, that fits the protection key; 0: its own.
    pub version: u8,
    /// A narrower mode of use; 0: the key's.
    pub mode: u8,
    /// A narrower exportability; 0: the key's.
    pub exportability: u8,
    /// 0.
    pub reserved: u8,
}

const _: () = assert!(size_of::<PayhsmExport>() == 12);

// SAFETY: `repr(C)`; the size comes first; every field may be 0.
unsafe impl Versioned for PayhsmExport {}

/// Calls `f` with the export and the optional blocks that the caller asks for.
fn with_export<T>(
    asked: &PayhsmExport,
    optional: &[u8],
    f: impl FnOnce(&Export<'_>) -> Result<T, Error>,
) -> Result<T, Error> {
    const FLAGS: u32 = PAYHSM_EXPORT_KEY_CHECK | PAYHSM_EXPORT_KBPK_CHECK | PAYHSM_EXPORT_EXCHANGE_ONLY;
    if asked.reserved != 0 || asked.flags & !FLAGS != 0 {
        return Err(Error::InvalidArgument);
    }
    let some = |c: u8| Some(c).filter(|c| *c != 0);
    let mut blocks = [Optional { id: [0; 2], data: &[] }; Export::MAX_OPTIONAL];
    let count = Optional::read_list(optional, &mut blocks)?;
    f(&Export {
        version: some(asked.version).map(Version::from_char).transpose()?,
        mode: some(asked.mode).map(ModeOfUse::from_char).transpose()?,
        exportability: some(asked.exportability).map(Exportability::from_char).transpose()?,
        exchange_only: asked.flags & PAYHSM_EXPORT_EXCHANGE_ONLY != 0,
        key_check: asked.flags & PAYHSM_EXPORT_KEY_CHECK != 0,
        kbpk_check: asked.flags & PAYHSM_EXPORT_KBPK_CHECK != 0,
        optional: blocks.get(..count).unwrap_or(&[]),
    })
}
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
/// Parameters: `kbpk`: a key with mode of use D or B: `"K1"` for versions B and D, `"K4"` for version E, `"K0"` for A and C
/// by policy. `profile`: `PAYHSM_PROFILE_…`. `block`, `block_len`: ASCII, the whole block. `key`, `info`: receive the handle
/// and what is public; zero on error. A key whose block has an optional block that may restrict it and that the module
/// cannot keep becomes one of exportability N. For an initial DUKPT key (B1) see `payhsm_dukpt_load`.
///
/// Returns: `PAYHSM_OK`; `PAYHSM_ERR_INVALID_HANDLE`, `PAYHSM_ERR_USAGE_NOT_PERMITTED`,
/// `PAYHSM_ERR_MODE_NOT_PERMITTED`, `PAYHSM_ERR_ALGORITHM_MISMATCH`; `PAYHSM_ERR_KEY_BLOCK_…` for a malformed public
/// field; `PAYHSM_ERR_LOCKED` for a `"K0"` key after ten wrong authenticators; `PAYHSM_ERR_VERIFICATION_FAILED`;
/// `PAYHSM_ERR_KEY_STRENGTH`, `PAYHSM_ERR_WEAK_KEY`, `PAYHSM_ERR_INVALID_KEY_LENGTH`, `PAYHSM_ERR_UNSUPPORTED`,
/// `PAYHSM_ERR_SLOTS_FULL`; the context's errors.
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

/// Unwraps a key block into a slot if its key is what the caller expects, or less.
///
/// Parameters: as `payhsm_key_import`. `expected`: usage and algorithm of the key; its version, unless `"00"`; a mode of use
/// and an exportability that may be wider than the key's.
///
/// Returns: as `payhsm_key_import`; `PAYHSM_ERR_USAGE_NOT_PERMITTED`, `PAYHSM_ERR_ALGORITHM_MISMATCH`,
/// `PAYHSM_ERR_MODE_NOT_PERMITTED`, `PAYHSM_ERR_KEY_BLOCK_KEY_VERSION`, `PAYHSM_ERR_EXPORT_NOT_PERMITTED` for a block that
/// says otherwise or more.
///
/// # Safety
/// The context's contract; C1 to C3 for the pointers.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn payhsm_key_import_as(
    ctx: *mut PayhsmCtx,
    kbpk: u32,
    profile_number: u32,
    block: *const u8,
    block_len: usize,
    expected: *const PayhsmKeyAttributes,
    key: *mut u32,
    info: *mut PayhsmKeyInfo,
) -> Status {
    // SAFETY: the caller's.
    unsafe {
        run(
            ctx,
            &[Place::of(key), Place::of(info)],
            &[Place::bytes(block, block_len), Place::of(expected)],
            |module| {
                new_key(key, info, || {
                    let (block, expected) = memory::both(memory::input(block, block_len), memory::value(expected))?;
                    let (kbpk, profile) = (KeyHandle::from_raw(kbpk)?, profile(profile_number)?);
                    let made = module.key_block_import_as(kbpk, block, profile, &expected.try_into()?)?;
                    Ok((made.key, made.info))
                })
            },
        )
    }
}

/// Wraps a key for another party: version D under a `"K1"` key of AES, B of TDEA, E under a `"K4"` key, C under a `"K0"` key
/// by policy.
///
/// Parameters: `kbpk`: a key with mode of use E or B. `key`: a key of exportability E; S by policy. `block`, `block_capacity`,
/// `block_len`: receive ASCII, `PAYHSM_KEY_BLOCK_MAX_LEN` is enough; wiped and 0 on error.
///
/// Returns: `PAYHSM_OK`; `PAYHSM_ERR_INVALID_HANDLE`, `PAYHSM_ERR_USAGE_NOT_PERMITTED`,
/// `PAYHSM_ERR_MODE_NOT_PERMITTED`, `PAYHSM_ERR_EXPORT_NOT_PERMITTED` (also for a protection key unless the exportability of
/// `kbpk` is N), `PAYHSM_ERR_KEY_STRENGTH`, `PAYHSM_ERR_INVALID_ARGUMENT` (a key under itself), `PAYHSM_ERR_BUFFER_TOO_SMALL`, `PAYHSM_ERR_ENTROPY`; the
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

/// Wraps a key for another party, narrower than it is here, or with further optional blocks.
///
/// Parameters: as `payhsm_key_export`. `asked`: what the block shall say. `optional`, `optional_len`: optional blocks as they
/// stand in a key block, one behind the other, at most 8: LB, TC, TS; BI with a `"B0"` key; AL, CT with a key pair; `NULL`
/// and 0: none.
///
/// Returns: as `payhsm_key_export`; `PAYHSM_ERR_INVALID_ARGUMENT`, `PAYHSM_ERR_KEY_BLOCK_…` for `asked`;
/// `PAYHSM_ERR_KEY_BLOCK_OPTIONAL`, `PAYHSM_ERR_KEY_BLOCK_OPTIONAL_COUNT` for the optional blocks; `PAYHSM_ERR_UNSUPPORTED`
/// for a version that the library does not have.
///
/// # Safety
/// The context's contract; C1 to C3 for the pointers.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn payhsm_key_export_as(
    ctx: *mut PayhsmCtx,
    kbpk: u32,
    key: u32,
    asked: *const PayhsmExport,
    optional: *const u8,
    optional_len: usize,
    block: *mut u8,
    block_capacity: usize,
    block_len: *mut usize,
) -> Status {
    // SAFETY: the caller's.
    unsafe {
        run(
            ctx,
            &[Place::bytes(block, block_capacity), Place::of(block_len)],
            &[Place::versioned(asked), Place::bytes(optional, optional_len)],
            |module| {
                let out = Output::new(block, block_capacity, block_len)?;
                let (asked, optional) = memory::both(memory::versioned(asked), memory::input(optional, optional_len))?;
                let (kbpk, key) = (KeyHandle::from_raw(kbpk)?, KeyHandle::from_raw(key)?);
                out.fill(|bytes| {
                    with_export(&asked, optional, |export| {
                        module.key_block_export_as(kbpk, key, export, bytes)
                    })
                })
            },
        )
    }
}

/// Wraps the key of a block anew for another party, without a slot between: the host's side.
///
/// Parameters: `from`, `profile`, `block`, `block_len`: as in `payhsm_key_import`. `to`: the key that protects the new block,
/// as in `payhsm_key_export`. `asked`, `optional`, `optional_len`: as in `payhsm_key_export_as`. `out`, `out_capacity`,
/// `out_len`: receive the new block with all optional blocks of the old one but KP and TS; wiped and 0 on error.
///
/// Returns: as `payhsm_key_import` and `payhsm_key_export_as`.
///
/// In libraries built with `host`.
///
/// # Safety
/// The context's contract; C1 to C3 for the pointers.
#[cfg(feature = "host")]
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn payhsm_key_translate(
    ctx: *mut PayhsmCtx,
    from: u32,
    profile_number: u32,
    block: *const u8,
    block_len: usize,
    to: u32,
    asked: *const PayhsmExport,
    optional: *const u8,
    optional_len: usize,
    out: *mut u8,
    out_capacity: usize,
    out_len: *mut usize,
) -> Status {
    // SAFETY: the caller's.
    unsafe {
        let inputs = [
            Place::bytes(block, block_len),
            Place::versioned(asked),
            Place::bytes(optional, optional_len),
        ];
        run(
            ctx,
            &[Place::bytes(out, out_capacity), Place::of(out_len)],
            &inputs,
            |module| {
                let out = Output::new(out, out_capacity, out_len)?;
                let (block, asked) = memory::both(memory::input(block, block_len), memory::versioned(asked))?;
                let optional = memory::input(optional, optional_len)?;
                let (from, to) = (KeyHandle::from_raw(from)?, KeyHandle::from_raw(to)?);
                let profile = profile(profile_number)?;
                out.fill(|bytes| {
                    with_export(&asked, optional, |export| {
                        module.key_block_translate(from, block, profile, to, export, bytes)
                    })
                })
            },
        )
    }
}

/// Compares a key check value that another party gave.
///
/// Parameters: `method`: `PAYHSM_CHECK_…`. `value`, `value_len`: 3 bytes of a zero-block value, which only keys have whose
/// `kcv_len` is 3; 5 or 3 bytes of a CMAC value; by policy 2 to 5 of either.
///
/// Returns: `PAYHSM_OK`; `PAYHSM_ERR_VERIFICATION_FAILED`; `PAYHSM_ERR_INVALID_HANDLE`, `PAYHSM_ERR_INVALID_ARGUMENT`,
/// `PAYHSM_ERR_INVALID_LENGTH`; `PAYHSM_ERR_ALGORITHM_MISMATCH`, `PAYHSM_ERR_USAGE_NOT_PERMITTED` for a key without such a
/// value; the context's errors.
///
/// # Safety
/// The context's contract; C1 to C3 for the pointer.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn payhsm_key_check(
    ctx: *mut PayhsmCtx,
    key: u32,
    method: u32,
    value: *const u8,
    value_len: usize,
) -> Status {
    // SAFETY: the caller's.
    unsafe {
        run(ctx, &[], &[Place::bytes(value, value_len)], |module| {
            let method = match method {
                PAYHSM_CHECK_LEGACY => CheckMethod::Legacy,
                PAYHSM_CHECK_CMAC => CheckMethod::Cmac,
                _ => return Err(Error::InvalidArgument),
            };
            module.key_check(KeyHandle::from_raw(key)?, method, memory::input(value, value_len)?)
        })
    }
}
