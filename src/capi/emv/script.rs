// SPDX-License-Identifier: MIT OR Apache-2.0
//! Issuer scripts.

use core::mem::size_of;

use crate::capi::context::{PayhsmCtx, run};
use crate::capi::emv::issuer::{profile_of, psn_of};
use crate::capi::memory::{self, Output, Place, Versioned};
use crate::capi::pin::format_of;
use crate::capi::status::Status;
use crate::codec::tlv::Tag;
use crate::emv::element::Atc;
use crate::emv::script::{Command, MAX_COMMAND_LEN, MAX_PIN_CHANGE_LEN, Request};
use crate::error::Error;
use crate::hsm::{EncipheredPin, KeyHandle, KeyRef, ScriptTarget};
use crate::pin::pan::Pan;

/// Script command: APPLICATION BLOCK.
pub const PAYHSM_SCRIPT_APPLICATION_BLOCK: u32 = 1;
/// Script command: APPLICATION UNBLOCK.
pub const PAYHSM_SCRIPT_APPLICATION_UNBLOCK: u32 = 2;
/// Script command: CARD BLOCK.
pub const PAYHSM_SCRIPT_CARD_BLOCK: u32 = 3;
/// Script command: PIN CHANGE/UNBLOCK that resets the try counter and leaves the PIN.
pub const PAYHSM_SCRIPT_PIN_UNBLOCK: u32 = 4;
/// Script command: PUT DATA; its place is the tag.
pub const PAYHSM_SCRIPT_PUT_DATA: u32 = 5;
/// Script command: UPDATE RECORD; its place is `sfi << 8 | record`.
pub const PAYHSM_SCRIPT_UPDATE_RECORD: u32 = 6;

/// The longest command of a script, in bytes.
pub const PAYHSM_SCRIPT_COMMAND_MAX_LEN: usize = 260;
/// The longest PIN CHANGE/UNBLOCK command with a new PIN, in bytes.
pub const PAYHSM_PIN_CHANGE_MAX_LEN: usize = 29;

const _: () = assert!(PAYHSM_SCRIPT_COMMAND_MAX_LEN == MAX_COMMAND_LEN);
const _: () = assert!(PAYHSM_PIN_CHANGE_MAX_LEN == MAX_PIN_CHANGE_LEN);

/// The card that a script is for, and the request that it answers.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
pub struct PayhsmScriptTarget {
    /// Its size: `sizeof` of the type.
    pub size: u32,
    /// `PAYHSM_SCHEME_…` of the card, from your records.
    pub scheme: u32,
    /// Cryptogram version number of the card, from your records.
    pub cvn: u32,
    /// PAN sequence number, 0 to 99.
    pub psn: u32,
    /// Application transaction counter of the request.
    pub atc: u32,
    /// Number of the command in its script: 0 for the first.
    pub index: u32,
    /// Application cryptogram of the request, as `payhsm_arqc_verify` verified it.
    pub cryptogram: [u8; 8],
}

const _: () = assert!(size_of::<PayhsmScriptTarget>() == 6 * 4 + 8);

// SAFETY: `repr(C)`; the size comes first; every field may be 0.
unsafe impl Versioned for PayhsmScriptTarget {}

fn target_of<'a>(target: &PayhsmScriptTarget, pan: &'a Pan) -> Result<ScriptTarget<'a>, Error> {
    let number = |number: u32| u16::try_from(number).map_err(|_| Error::InvalidArgument);
    Ok(ScriptTarget {
        profile: profile_of(target.scheme, target.cvn)?,
        pan,
        psn: psn_of(target.psn)?,
        request: Request::new(Atc::new(number(target.atc)?), target.cryptogram),
        index: number(target.index)?,
    })
}

fn command_of(kind: u32, place: u32, data: &[u8]) -> Result<Command<'_>, Error> {
    let command = match kind {
        PAYHSM_SCRIPT_PUT_DATA => {
            let tag = Tag::new(place).map_err(|_| Error::InvalidArgument)?;
            return Ok(Command::PutData { tag, data });
        }
        PAYHSM_SCRIPT_UPDATE_RECORD => {
            let [0, 0, sfi, record] = place.to_be_bytes() else {
                return Err(Error::InvalidArgument);
            };
            return Ok(Command::UpdateRecord { sfi, record, data });
        }
        PAYHSM_SCRIPT_APPLICATION_BLOCK => Command::ApplicationBlock,
        PAYHSM_SCRIPT_APPLICATION_UNBLOCK => Command::ApplicationUnblock,
        PAYHSM_SCRIPT_CARD_BLOCK => Command::CardBlock,
        PAYHSM_SCRIPT_PIN_UNBLOCK => Command::PinUnblock,
        _ => return Err(Error::InvalidArgument),
    };
    if place == 0 && data.is_empty() {
        Ok(command)
    } else {
        Err(Error::InvalidArgument)
    }
}

/// A handle that may be left out as 0.
fn optional(handle: u32) -> Result<Option<KeyHandle>, Error> {
    match handle {
        0 => Ok(None),
        raw => KeyHandle::from_raw(raw).map(Some),
    }
}

/// Writes a command of an issuer script, under secure messaging: header, data, MAC.
///
/// Parameters: `imk_smi`: an E2 key with mode of use X, TDEA of 16 bytes. `imk_smc`: an E1 key likewise, with which the
/// data are enciphered; 0 leaves them in clear. `target`: card and request. `pan`, `pan_len`: ASCII digits. `command`:
/// `PAYHSM_SCRIPT_…`. `place`: the tag, or `sfi << 8 | record`; 0 for commands without data. `data`, `data_len`: the new
/// value or record. `out`, `out_capacity`, `out_len`: receive the command, at most `PAYHSM_SCRIPT_COMMAND_MAX_LEN` bytes;
/// wiped and 0 on error.
///
/// Returns: `PAYHSM_OK`; `PAYHSM_ERR_INVALID_HANDLE`, `PAYHSM_ERR_USAGE_NOT_PERMITTED`,
/// `PAYHSM_ERR_MODE_NOT_PERMITTED`, `PAYHSM_ERR_ALGORITHM_MISMATCH`, `PAYHSM_ERR_INVALID_KEY_LENGTH`,
/// `PAYHSM_ERR_UNSUPPORTED` (no such profile, or none of its scripts), `PAYHSM_ERR_INVALID_PAN`,
/// `PAYHSM_ERR_INVALID_ARGUMENT`, `PAYHSM_ERR_INVALID_LENGTH`, `PAYHSM_ERR_BUFFER_TOO_SMALL`; the context's errors.
///
/// In libraries built with `host`.
///
/// # Safety
/// The context's contract; C1 to C3 for the pointers.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn payhsm_script_command(
    ctx: *mut PayhsmCtx,
    imk_smi: u32,
    imk_smc: u32,
    target: *const PayhsmScriptTarget,
    pan: *const u8,
    pan_len: usize,
    command: u32,
    place: u32,
    data: *const u8,
    data_len: usize,
    out: *mut u8,
    out_capacity: usize,
    out_len: *mut usize,
) -> Status {
    // SAFETY: the caller's.
    unsafe {
        let outputs = [Place::bytes(out, out_capacity), Place::of(out_len)];
        let inputs = [
            Place::versioned(target),
            Place::bytes(pan, pan_len),
            Place::bytes(data, data_len),
        ];
        run(ctx, &outputs, &inputs, |module| {
            let out = Output::new(out, out_capacity, out_len)?;
            let target = memory::versioned(target)?;
            let pan = Pan::parse(memory::input(pan, pan_len)?)?;
            let target = target_of(&target, &pan)?;
            let command = command_of(command, place, memory::input(data, data_len)?)?;
            let (smi, smc) = (KeyHandle::from_raw(imk_smi)?, optional(imk_smc)?);
            out.fill(|bytes| module.script_command(smi, smc, &target, &command, bytes))
        })
    }
}

/// Writes a PIN CHANGE/UNBLOCK command with a new PIN that came enciphered. The PIN stays inside. The decision callback
/// is asked first, as for `payhsm_pin_translate`.
///
/// Parameters: `imk_smi`: an E2 key, `imk_smc`: an E1 key, `imk_ac`: an E0 key, each with mode of use X, TDEA of 16
/// bytes; `imk_ac` only where the profile's PIN block is mixed with the card's key, else 0. `target`: card and request.
/// `pan`, `pan_len`: ASCII digits. `key`: a P0 key with mode of use D, or a transaction. `format`: `PAYHSM_PIN_FORMAT_…`.
/// `block`, `block_len`: the new PIN as it came. `current_key`, `current_format`, `current`, `current_len`: the PIN that
/// the card has, likewise, for a card that asks for it; 0, 0, `NULL`, 0 without. `out`, `out_capacity`, `out_len`: receive
/// the command, at most `PAYHSM_PIN_CHANGE_MAX_LEN` bytes; wiped and 0 on error.
///
/// Returns: `PAYHSM_OK`; as `payhsm_script_command`; `PAYHSM_ERR_NO_KEY` if `imk_ac` is needed and not there;
/// `PAYHSM_ERR_FORMAT_NOT_PERMITTED`, `PAYHSM_ERR_KEY_STRENGTH`, `PAYHSM_ERR_REFUSED`, `PAYHSM_ERR_LIMIT_REACHED` for a
/// second PIN of one transaction, `PAYHSM_ERR_VERIFICATION_FAILED` for whatever is wrong inside a block.
///
/// In libraries built with `host`.
///
/// # Safety
/// The context's contract; C1 to C3 for the pointers.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn payhsm_script_pin_change(
    ctx: *mut PayhsmCtx,
    imk_smi: u32,
    imk_smc: u32,
    imk_ac: u32,
    target: *const PayhsmScriptTarget,
    pan: *const u8,
    pan_len: usize,
    key: u32,
    format: u32,
    block: *const u8,
    block_len: usize,
    current_key: u32,
    current_format: u32,
    current: *const u8,
    current_len: usize,
    out: *mut u8,
    out_capacity: usize,
    out_len: *mut usize,
) -> Status {
    // SAFETY: the caller's.
    unsafe {
        let outputs = [Place::bytes(out, out_capacity), Place::of(out_len)];
        let inputs = [
            Place::versioned(target),
            Place::bytes(pan, pan_len),
            Place::bytes(block, block_len),
            Place::bytes(current, current_len),
        ];
        run(ctx, &outputs, &inputs, |module| {
            let out = Output::new(out, out_capacity, out_len)?;
            let target = memory::versioned(target)?;
            let pan = Pan::parse(memory::input(pan, pan_len)?)?;
            let target = target_of(&target, &pan)?;
            let new = EncipheredPin {
                key: KeyRef::from_raw(key)?,
                format: format_of(format)?,
                block: memory::input(block, block_len)?,
            };
            let current = match (current_key, current_format, memory::input(current, current_len)?) {
                (0, 0, []) => None,
                (key, format, block) => Some(EncipheredPin {
                    key: KeyRef::from_raw(key)?,
                    format: format_of(format)?,
                    block,
                }),
            };
            let (smi, smc) = (KeyHandle::from_raw(imk_smi)?, KeyHandle::from_raw(imk_smc)?);
            let ac = optional(imk_ac)?;
            out.fill(|bytes| module.script_pin_change(smi, smc, ac, &target, &new, current.as_ref(), bytes))
        })
    }
}
