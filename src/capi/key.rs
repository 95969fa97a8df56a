// SPDX-License-Identifier: MIT OR Apache-2.0
//! Keys: components, key blocks, agreement, attributes.

#[cfg(feature = "ec")]
mod agreement;
mod block;
mod ceremony;
#[cfg(feature = "legacy")]
mod working;

use core::mem::size_of;

use crate::capi::context::{PayhsmCtx, run};
use crate::capi::memory::{self, Place};
use crate::capi::status::Status;
use crate::error::Error;
use crate::hsm::{KeyCheck, KeyHandle, KeyInfo};
use crate::key::usage::{Attributes, Exportability, KeyAlgorithm, KeyVersion, ModeOfUse, Usage};

#[cfg(feature = "ec")]
pub use agreement::*;
pub use block::*;
pub use ceremony::*;
#[cfg(feature = "legacy")]
pub use working::*;

/// The longest key check value, in bytes.
pub const PAYHSM_KCV_MAX_LEN: usize = 5;

const _: () = assert!(PAYHSM_KCV_MAX_LEN == KeyCheck::MAX_LEN);

/// Attributes of a key: the header characters of ANSI X9.143.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
pub struct PayhsmKeyAttributes {
    /// Key usage, two characters: `"P0"`, `"B1"`, ….
    pub usage: [u8; 2],
    /// Algorithm: `'T'` TDEA, `'A'` AES, `'E'` P-256 (a signature key).
    pub algorithm: u8,
    /// Mode of use: `'B'`, `'C'`, `'D'`, `'E'`, `'G'`, `'N'`, `'S'`, `'V'`, `'X'`.
    pub mode: u8,
    /// Key version, two characters; `"00"`: none.
    pub version: [u8; 2],
    /// Exportability: `'E'`, `'N'`, `'S'`.
    pub exportability: u8,
    /// 0.
    pub reserved: u8,
}

/// What is public about a key.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
pub struct PayhsmKeyInfo {
    /// The attributes.
    pub attributes: PayhsmKeyAttributes,
    /// Length of the key in bytes.
    pub len: u32,
    /// Length of the check value: 5 (CMAC), 3 (zero block), or 0 for a key without one.
    pub kcv_len: u32,
    /// The check value; zeros behind.
    pub kcv: [u8; PAYHSM_KCV_MAX_LEN],
    /// 0.
    pub reserved: [u8; 3],
}

// Without padding: what the compiler leaves there would go out.
const _: () = assert!(size_of::<PayhsmKeyAttributes>() == 8);
const _: () = assert!(size_of::<PayhsmKeyInfo>() == 8 + 4 + 4 + PAYHSM_KCV_MAX_LEN + 3);

impl From<&Attributes> for PayhsmKeyAttributes {
    fn from(attributes: &Attributes) -> Self {
        Self {
            usage: attributes.usage.to_chars(),
            algorithm: attributes.algorithm.to_char(),
            mode: attributes.mode.to_char(),
            version: attributes.version.to_chars(),
            exportability: attributes.exportability.to_char(),
            reserved: 0,
        }
    }
}

impl TryFrom<&PayhsmKeyAttributes> for Attributes {
    type Error = Error;

    fn try_from(attributes: &PayhsmKeyAttributes) -> Result<Self, Error> {
        if attributes.reserved != 0 {
            return Err(Error::KeyBlockReserved);
        }
        Ok(Self {
            usage: Usage::from_chars(attributes.usage)?,
            algorithm: KeyAlgorithm::from_char(attributes.algorithm)?,
            mode: ModeOfUse::from_char(attributes.mode)?,
            version: KeyVersion::from_chars(attributes.version)?,
            exportability: Exportability::from_char(attributes.exportability)?,
        })
    }
}

impl From<&KeyInfo> for PayhsmKeyInfo {
    fn from(info: &KeyInfo) -> Self {
        let mut kcv = [0; PAYHSM_KCV_MAX_LEN];
        let check = info.check.as_bytes();
        for (to, from) in kcv.iter_mut().zip(check) {
            *to = *from;
        }
        Self {
            attributes: (&info.attributes).into(),
            len: small(info.len),
            kcv_len: small(check.len()),
            kcv,
            reserved: [0; 3],
        }
    }
}

/// A length that is at most a few hundred.
pub(super) fn small(n: usize) -> u32 {
    u32::try_from(n).unwrap_or(u32::MAX)
}

/// A new key's handle and information, both or neither.
///
/// # Safety
/// C1 to C3 for both places.
unsafe fn new_key(
    key: *mut u32,
    info: *mut PayhsmKeyInfo,
    make: impl FnOnce() -> Result<(KeyHandle, KeyInfo), Error>,
) -> Result<(), Error> {
    // SAFETY: the caller's.
    let (key, info) = unsafe { memory::both(memory::place(key, 0), memory::place(info, PayhsmKeyInfo::default())) }?;
    let (handle, public) = make()?;
    *key = handle.to_raw();
    *info = (&public).into();
    Ok(())
}

/// Tells what is public about a key.
///
/// Parameters: `key`: a key's handle. `info`: receives it; zero on error.
///
/// Returns: `PAYHSM_OK`; `PAYHSM_ERR_INVALID_HANDLE`; the context's errors.
///
/// # Safety
/// The context's contract; C1 to C3 for `info`.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn payhsm_key_info(ctx: *mut PayhsmCtx, key: u32, info: *mut PayhsmKeyInfo) -> Status {
    // SAFETY: the caller's.
    unsafe {
        run(ctx, &[Place::of(info)], &[], |module| {
            let out = memory::place(info, PayhsmKeyInfo::default())?;
            *out = (&module.key_info(KeyHandle::from_raw(key)?)?).into();
            Ok(())
        })
    }
}

/// Erases a key; its handle names nothing afterwards.
///
/// Returns: `PAYHSM_OK`; `PAYHSM_ERR_INVALID_HANDLE`; the context's errors.
///
/// # Safety
/// The context's contract.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn payhsm_key_erase(ctx: *mut PayhsmCtx, key: u32) -> Status {
    // SAFETY: the caller's.
    unsafe { run(ctx, &[], &[], |module| module.key_erase(KeyHandle::from_raw(key)?)) }
}

/// Makes a random key.
///
/// Parameters: `attributes`: of the new key. `len`: in bytes, 16 or 24 (`'T'`), 16, 24 or 32 (`'A'`), 32 (`'E'`). `key`, `info`:
/// receive the handle and what is public; zero on error.
///
/// Returns: `PAYHSM_OK`; the `PAYHSM_ERR_KEY_BLOCK_…` errors for attributes; `PAYHSM_ERR_INVALID_KEY_LENGTH`,
/// `PAYHSM_ERR_MODE_NOT_PERMITTED`, `PAYHSM_ERR_USAGE_NOT_PERMITTED`, `PAYHSM_ERR_WEAK_KEY`, `PAYHSM_ERR_SLOTS_FULL`,
/// `PAYHSM_ERR_ENTROPY`; the context's errors.
///
/// # Safety
/// The context's contract; C1 to C3 for the pointers.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn payhsm_key_generate(
    ctx: *mut PayhsmCtx,
    attributes: *const PayhsmKeyAttributes,
    len: usize,
    key: *mut u32,
    info: *mut PayhsmKeyInfo,
) -> Status {
    // SAFETY: the caller's.
    unsafe {
        run(
            ctx,
            &[Place::of(key), Place::of(info)],
            &[Place::of(attributes)],
            |module| {
                new_key(key, info, || {
                    let attributes = memory::value(attributes)?.try_into()?;
                    let made = module.key_generate(&attributes, len)?;
                    Ok((made.key, made.info))
                })
            },
        )
    }
}
