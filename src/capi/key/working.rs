// SPDX-License-Identifier: MIT OR Apache-2.0
//! Working keys under a terminal master key, enciphered by ECB.

use core::mem::size_of;

use crate::capi::context::{PayhsmCtx, run};
use crate::capi::key::{PayhsmKeyAttributes, PayhsmKeyInfo, new_key};
use crate::capi::memory::{self, Place};
use crate::capi::status::Status;
use crate::error::Error;
use crate::hsm::KeyHandle;
use crate::inject::working::SignOnKind;

/// UnionPay sign-on answer of 24 bytes: keys of single length.
pub const PAYHSM_SIGN_ON_SINGLE: u32 = 1;
/// UnionPay sign-on answer of 40 bytes: keys of double length; the MAC key may be of single length.
pub const PAYHSM_SIGN_ON_DOUBLE: u32 = 2;
/// UnionPay sign-on answer of 60 bytes: keys of double length and a track key.
pub const PAYHSM_SIGN_ON_DOUBLE_TRACK: u32 = 3;

/// The keys of a sign-on answer. What is public about them: `payhsm_key_info`.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
pub struct PayhsmWorkingKeys {
    /// The PIN key: usage P0, mode of use E.
    pub pin: u32,
    /// The MAC key: usage M0, mode of use C; algorithm D if it has single length.
    pub mac: u32,
    /// The track key: usage D0, mode of use E; 0 if there is none.
    pub track: u32,
    /// 0.
    pub reserved: u32,
}

const _: () = assert!(size_of::<PayhsmWorkingKeys>() == 16);

const fn kind(number: u32) -> Result<SignOnKind, Error> {
    match number {
        PAYHSM_SIGN_ON_SINGLE => Ok(SignOnKind::Single),
        PAYHSM_SIGN_ON_DOUBLE => Ok(SignOnKind::Double),
        PAYHSM_SIGN_ON_DOUBLE_TRACK => Ok(SignOnKind::DoubleWithTrack),
        _ => Err(Error::InvalidArgument),
    }
}

/// Takes a working key that is enciphered by TDES-ECB under a terminal master key. Only where policy permits it: nothing
/// but the check value authenticates such a key.
///
/// Parameters: `kek`: a K0 TDEA key with mode of use D or B. `attributes`: of the key; usage P0, D0, M0, M1, M3 or M6,
/// exportability N. `cipher`, `cipher_len`: 16 or 24 bytes; 8 for algorithm D. `kcv`, `kcv_len`: the leftmost 3 or 4 bytes
/// of its enciphered zero block. `key`, `info`: receive the handle and what is public; zero on error.
///
/// Returns: `PAYHSM_OK`; `PAYHSM_ERR_INVALID_HANDLE`; `PAYHSM_ERR_USAGE_NOT_PERMITTED`, also unless policy permits it,
/// `PAYHSM_ERR_MODE_NOT_PERMITTED`, `PAYHSM_ERR_ALGORITHM_MISMATCH`; the `PAYHSM_ERR_KEY_BLOCK_...` errors for attributes;
/// `PAYHSM_ERR_EXPORT_NOT_PERMITTED`, `PAYHSM_ERR_INVALID_KEY_LENGTH`, `PAYHSM_ERR_INVALID_LENGTH`,
/// `PAYHSM_ERR_KEY_STRENGTH`; `PAYHSM_ERR_LOCKED` after three wrong check values under this `kek`, until it is erased;
/// `PAYHSM_ERR_VERIFICATION_FAILED`; `PAYHSM_ERR_WEAK_KEY`, `PAYHSM_ERR_SLOTS_FULL`; the context's errors.
///
/// In libraries built with `legacy`.
///
/// # Safety
/// The context's contract; C1 to C3 for the pointers.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn payhsm_working_key_import(
    ctx: *mut PayhsmCtx,
    kek: u32,
    attributes: *const PayhsmKeyAttributes,
    cipher: *const u8,
    cipher_len: usize,
    kcv: *const u8,
    kcv_len: usize,
    key: *mut u32,
    info: *mut PayhsmKeyInfo,
) -> Status {
    // SAFETY: the caller's.
    unsafe {
        let inputs = [
            Place::of(attributes),
            Place::bytes(cipher, cipher_len),
            Place::bytes(kcv, kcv_len),
        ];
        run(ctx, &[Place::of(key), Place::of(info)], &inputs, |module| {
            new_key(key, info, || {
                let attributes = memory::value(attributes)?.try_into()?;
                let cipher = memory::input(cipher, cipher_len)?;
                let kcv = memory::input(kcv, kcv_len)?;
                let made = module.working_key_import(KeyHandle::from_raw(kek)?, &attributes, cipher, kcv)?;
                Ok((made.key, made.info))
            })
        })
    }
}

/// Takes the working keys of a UnionPay sign-on answer (field 62): all of them, or none. Only where policy permits it.
///
/// Parameters: `tmk`: a K0 TDEA key with mode of use D or B. `kind_number`: `PAYHSM_SIGN_ON_...`, what the terminal asked
/// for. `field`, `field_len`: 24, 40 or 60 bytes. `keys`: receives the handles; zero on error. The keys that they replace
/// stay: erase them when this has succeeded. PIN keys of single length do not come in.
///
/// Returns: `PAYHSM_OK`; `PAYHSM_ERR_INVALID_HANDLE`; `PAYHSM_ERR_USAGE_NOT_PERMITTED`, also unless policy permits it,
/// `PAYHSM_ERR_MODE_NOT_PERMITTED`, `PAYHSM_ERR_ALGORITHM_MISMATCH`; `PAYHSM_ERR_INVALID_ARGUMENT` (kind),
/// `PAYHSM_ERR_INVALID_LENGTH`, `PAYHSM_ERR_INVALID_KEY_LENGTH` (a PIN key of single length), `PAYHSM_ERR_SLOTS_FULL`;
/// `PAYHSM_ERR_LOCKED` after three wrong fields under this `tmk`, until it is erased; `PAYHSM_ERR_VERIFICATION_FAILED`;
/// `PAYHSM_ERR_WEAK_KEY`, `PAYHSM_ERR_UNSUPPORTED`; the context's errors.
///
/// In libraries built with `legacy`.
///
/// # Safety
/// The context's contract; C1 to C3 for the pointers.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn payhsm_unionpay_sign_on(
    ctx: *mut PayhsmCtx,
    tmk: u32,
    kind_number: u32,
    field: *const u8,
    field_len: usize,
    keys: *mut PayhsmWorkingKeys,
) -> Status {
    // SAFETY: the caller's.
    unsafe {
        run(ctx, &[Place::of(keys)], &[Place::bytes(field, field_len)], |module| {
            let out = memory::place(keys, PayhsmWorkingKeys::default())?;
            let field = memory::input(field, field_len)?;
            let brought = module.unionpay_sign_on(KeyHandle::from_raw(tmk)?, kind(kind_number)?, field)?;
            *out = PayhsmWorkingKeys {
                pin: brought.pin.key.to_raw(),
                mac: brought.mac.key.to_raw(),
                track: brought.track.map_or(0, |track| track.key.to_raw()),
                reserved: 0,
            };
            Ok(())
        })
    }
}
