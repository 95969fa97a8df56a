// SPDX-License-Identifier: MIT OR Apache-2.0
//! PVVs and offsets: profiles, verification, references of PINs that exist.

use core::fmt;

use crate::capi::context::{PayhsmCtx, run};
use crate::capi::memory::{self, Output, Place, Versioned};
use crate::capi::pin::format_of;
use crate::capi::status::Status;
use crate::error::Error;
use crate::hsm::{KeyHandle, KeyRef, PinProfile};
use crate::pin::ibm3624::{Offset, Profile, Table, Validation};
use crate::pin::pan::Pan;
use crate::pin::pvv::Pvv;

/// Length of a PVV, in ASCII digits.
pub const PAYHSM_PVV_LEN: usize = 4;
/// The longest offset, in ASCII digits.
pub const PAYHSM_OFFSET_MAX_LEN: usize = 12;

const _: () = assert!(PAYHSM_OFFSET_MAX_LEN == Offset::MAX_LEN);

/// What an issuer fixes for PINs of the IBM 3624.
#[repr(C)]
pub struct PayhsmPinProfile {
    /// Its size: `sizeof` of the type.
    pub size: u32,
    /// The decimalisation table, 16 ASCII digits: at least 8 different ones, none more than 4 times.
    pub table: [u8; 16],
    /// Validation data: the first digit of the PAN that is taken, 0 for the first.
    pub start: u8,
    /// Validation data: how many digits of the PAN are taken, 1 to 16.
    pub len: u8,
    /// Validation data: what stands behind them up to 16, 0 to 15.
    pub pad: u8,
    /// Digits of the PAN.
    pub pan_len: u8,
    /// Digits of the PIN, 4 to 12.
    pub pin_len: u8,
    /// Digits of the offset, 4 to `pin_len`, which cover the rightmost digits of the PIN; 0: `pin_len`.
    pub check_len: u8,
    /// 0.
    pub reserved: [u8; 2],
}

// SAFETY: `repr(C)`; the size comes first; every field may be 0.
unsafe impl Versioned for PayhsmPinProfile {}

impl fmt::Debug for PayhsmPinProfile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PayhsmPinProfile").finish_non_exhaustive()
    }
}

impl PayhsmPinProfile {
    fn read(&self) -> Result<Profile, Error> {
        if self.reserved != [0; 2] {
            return Err(Error::InvalidArgument);
        }
        let validation = Validation::new(self.start, self.len, self.pad)?;
        let profile = Profile::new(Table::parse(&self.table)?, validation, self.pan_len, self.pin_len)?;
        match self.check_len {
            0 => Ok(profile),
            len => profile.with_check_len(len),
        }
    }
}

/// ASCII digits of `values`, as many as fit.
pub(super) fn write_digits(out: &mut [u8], values: &[u8]) {
    for (to, from) in out.iter_mut().zip(values) {
        *to = from.wrapping_add(b'0');
    }
}

/// The key index of a PVV.
pub(super) fn pvki_of(number: u32) -> Result<u8, Error> {
    u8::try_from(number).map_err(|_| Error::InvalidArgument)
}

/// Registers a profile for PINs of the IBM 3624; it stays until the context is closed. The decision callback is asked
/// first.
///
/// Parameters: `profile`: what the issuer fixed. `number`: receives its number, 1 to 8, the same for the same profile; 0
/// on error.
///
/// Returns: `PAYHSM_OK`; `PAYHSM_ERR_INVALID_DIGIT` (table), `PAYHSM_ERR_INVALID_ARGUMENT` (a weak table, the pad,
/// reserved), `PAYHSM_ERR_INVALID_LENGTH`, `PAYHSM_ERR_INVALID_PAN` (`pan_len`), `PAYHSM_ERR_REFUSED`,
/// `PAYHSM_ERR_SLOTS_FULL`; the context's errors.
///
/// In libraries built with `host`.
///
/// # Safety
/// The context's contract; C1 to C3 for the pointers.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn payhsm_pin_profile_register(
    ctx: *mut PayhsmCtx,
    profile: *const PayhsmPinProfile,
    number: *mut u32,
) -> Status {
    // SAFETY: the caller's.
    unsafe {
        run(ctx, &[Place::of(number)], &[Place::versioned(profile)], |module| {
            let out = memory::place(number, 0)?;
            let profile = memory::versioned(profile)?.read()?;
            *out = module.pin_profile_register(&profile)?.to_raw();
            Ok(())
        })
    }
}

/// Verifies an enciphered PIN against its PVV. The decision callback is asked first.
///
/// Parameters: `input_key`, `format`, `pan`, `block`: as in `payhsm_pin_translate`. `pvk`: a V2 key with mode of use V
/// or C. `pvki`: 0 to 9. `pvv`: `PAYHSM_PVV_LEN` ASCII digits.
///
/// Returns: `PAYHSM_OK` if the PIN is right, `PAYHSM_ERR_VERIFICATION_FAILED` if not; `PAYHSM_ERR_INVALID_DIGIT`,
/// `PAYHSM_ERR_INVALID_KEY_LENGTH`, `PAYHSM_ERR_REFUSED`, `PAYHSM_ERR_RATE_LIMITED`; otherwise as
/// `payhsm_pin_translate`.
///
/// In libraries built with `host`.
///
/// # Safety
/// The context's contract; C1 to C3 for the pointers.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn payhsm_pin_verify_pvv(
    ctx: *mut PayhsmCtx,
    input_key: u32,
    format: u32,
    pan: *const u8,
    pan_len: usize,
    block: *const u8,
    block_len: usize,
    pvk: u32,
    pvki: u32,
    pvv: *const u8,
) -> Status {
    // SAFETY: the caller's.
    unsafe {
        let inputs = [
            Place::bytes(pan, pan_len),
            Place::bytes(block, block_len),
            Place::bytes(pvv, PAYHSM_PVV_LEN),
        ];
        run(ctx, &[], &inputs, |module| {
            let format = format_of(format)?;
            let pan = Pan::parse(memory::input(pan, pan_len)?)?;
            let block = memory::input(block, block_len)?;
            let pvki = pvki_of(pvki)?;
            let pvv = Pvv::parse(memory::input(pvv, PAYHSM_PVV_LEN)?)?;
            let (input, pvk) = (KeyRef::from_raw(input_key)?, KeyHandle::from_raw(pvk)?);
            module.pin_verify_pvv(input, format, &pan, block, pvk, pvki, &pvv)
        })
    }
}

/// Verifies an enciphered PIN by its offset of the IBM 3624. The decision callback is asked first.
///
/// Parameters: `input_key`, `format`, `pan`, `block`: as in `payhsm_pin_translate`. `pvk`: a V1 key with mode of use V or
/// C. `profile`: a number of `payhsm_pin_profile_register`. `offset`, `offset_len`: ASCII digits, as many as the profile
/// says.
///
/// Returns: `PAYHSM_OK` if the PIN is right, `PAYHSM_ERR_VERIFICATION_FAILED` if not; `PAYHSM_ERR_INVALID_LENGTH` (block,
/// offset), `PAYHSM_ERR_INVALID_DIGIT`, `PAYHSM_ERR_REFUSED`, `PAYHSM_ERR_RATE_LIMITED`; otherwise as
/// `payhsm_pin_translate`.
///
/// In libraries built with `host`.
///
/// # Safety
/// The context's contract; C1 to C3 for the pointers.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn payhsm_pin_verify_3624(
    ctx: *mut PayhsmCtx,
    input_key: u32,
    format: u32,
    pan: *const u8,
    pan_len: usize,
    block: *const u8,
    block_len: usize,
    pvk: u32,
    profile: u32,
    offset: *const u8,
    offset_len: usize,
) -> Status {
    // SAFETY: the caller's.
    unsafe {
        let inputs = [
            Place::bytes(pan, pan_len),
            Place::bytes(block, block_len),
            Place::bytes(offset, offset_len),
        ];
        run(ctx, &[], &inputs, |module| {
            let format = format_of(format)?;
            let pan = Pan::parse(memory::input(pan, pan_len)?)?;
            let block = memory::input(block, block_len)?;
            let offset = Offset::parse(memory::input(offset, offset_len)?)?;
            let (input, pvk) = (KeyRef::from_raw(input_key)?, KeyHandle::from_raw(pvk)?);
            let profile = PinProfile::from_raw(profile)?;
            module.pin_verify_3624(input, format, &pan, block, pvk, profile, &offset)
        })
    }
}

/// Makes the PVV of an enciphered PIN: the issuer's side. The decision callback is asked first.
///
/// Parameters: as in `payhsm_pin_verify_pvv`, but `pvk`: a V2 key with mode of use G or C; `format`: 0, 3 or 4; `pvv`:
/// receives `PAYHSM_PVV_LEN` ASCII digits; wiped on error.
///
/// Returns: as `payhsm_pin_verify_pvv`; `PAYHSM_ERR_VERIFICATION_FAILED` for whatever is wrong inside the block.
///
/// In libraries built with `host`.
///
/// # Safety
/// The context's contract; C1 to C3 for the pointers.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn payhsm_pvv_generate(
    ctx: *mut PayhsmCtx,
    input_key: u32,
    format: u32,
    pan: *const u8,
    pan_len: usize,
    block: *const u8,
    block_len: usize,
    pvk: u32,
    pvki: u32,
    pvv: *mut u8,
) -> Status {
    // SAFETY: the caller's.
    unsafe {
        let outputs = [Place::bytes(pvv, PAYHSM_PVV_LEN)];
        let inputs = [Place::bytes(pan, pan_len), Place::bytes(block, block_len)];
        run(ctx, &outputs, &inputs, |module| {
            let out = memory::output_array::<PAYHSM_PVV_LEN>(pvv)?;
            let format = format_of(format)?;
            let pan = Pan::parse(memory::input(pan, pan_len)?)?;
            let block = memory::input(block, block_len)?;
            let pvki = pvki_of(pvki)?;
            let (input, pvk) = (KeyRef::from_raw(input_key)?, KeyHandle::from_raw(pvk)?);
            let made = module.pvv_generate(input, format, &pan, block, pvk, pvki)?;
            write_digits(out, made.digits());
            Ok(())
        })
    }
}

/// Makes the offset of an enciphered PIN: the issuer's side. The decision callback is asked first.
///
/// Parameters: as in `payhsm_pin_verify_3624`, but `pvk`: a V1 key with mode of use G or C; `format`: 0, 3 or 4;
/// `offset`, `offset_capacity`, `offset_len`: receive ASCII
/// digits; at least `PAYHSM_OFFSET_MAX_LEN` bytes; wiped and 0 on error.
///
/// Returns: as `payhsm_pin_verify_3624`; `PAYHSM_ERR_VERIFICATION_FAILED` for whatever is wrong inside the block, and for
/// a PIN of another number of digits than the profile's; `PAYHSM_ERR_BUFFER_TOO_SMALL`.
///
/// In libraries built with `host`.
///
/// # Safety
/// The context's contract; C1 to C3 for the pointers.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn payhsm_pin_offset_generate(
    ctx: *mut PayhsmCtx,
    input_key: u32,
    format: u32,
    pan: *const u8,
    pan_len: usize,
    block: *const u8,
    block_len: usize,
    pvk: u32,
    profile: u32,
    offset: *mut u8,
    offset_capacity: usize,
    offset_len: *mut usize,
) -> Status {
    // SAFETY: the caller's.
    unsafe {
        let outputs = [Place::bytes(offset, offset_capacity), Place::of(offset_len)];
        let inputs = [Place::bytes(pan, pan_len), Place::bytes(block, block_len)];
        run(ctx, &outputs, &inputs, |module| {
            let out = Output::new(offset, offset_capacity, offset_len)?;
            let format = format_of(format)?;
            let pan = Pan::parse(memory::input(pan, pan_len)?)?;
            let block = memory::input(block, block_len)?;
            let (input, pvk) = (KeyRef::from_raw(input_key)?, KeyHandle::from_raw(pvk)?);
            let profile = PinProfile::from_raw(profile)?;
            out.fill(|bytes| {
                room_for_offset(bytes)?;
                let made = module.pin_offset_generate(input, format, &pan, block, pvk, profile)?;
                write_digits(bytes, made.digits());
                Ok(made.digits().len())
            })
        })
    }
}

/// Judged before anything is used up, so without knowing the profile.
pub(super) fn room_for_offset(bytes: &[u8]) -> Result<(), Error> {
    if bytes.len() < PAYHSM_OFFSET_MAX_LEN {
        return Err(Error::BufferTooSmall);
    }
    Ok(())
}
