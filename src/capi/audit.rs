// SPDX-License-Identifier: MIT OR Apache-2.0
//! The audit log, alarms, and the status message.

use core::ffi::c_void;
use core::slice;

use crate::capi::context::{PayhsmCtx, keep_place, run};
use crate::capi::memory::{self, Output, Place};
use crate::capi::status::{PAYHSM_OK, Status};
use crate::error::Error;
use crate::hsm::KeyHandle;
use crate::hsm::audit::{MAX_RECORDS, Position, RECORD_LEN, Record, STATUS_LEN, TAG_LEN, WhenFull};
use crate::pin::pan::Pan;

/// Length of a record of the audit log, in bytes.
pub const PAYHSM_AUDIT_RECORD_LEN: usize = 80;
/// Length of the tag of a record, in bytes.
pub const PAYHSM_AUDIT_TAG_LEN: usize = 16;
/// Length of a status message, in bytes.
pub const PAYHSM_STATUS_MESSAGE_LEN: usize = 92;
/// When the log is full, commands that would be logged are refused.
pub const PAYHSM_AUDIT_STOP: u32 = 0;
/// When the log is full, the oldest records go, and a record says so.
pub const PAYHSM_AUDIT_OVERWRITE: u32 = 1;

const _: () = assert!(PAYHSM_AUDIT_RECORD_LEN == RECORD_LEN);
const _: () = assert!(PAYHSM_AUDIT_TAG_LEN == TAG_LEN);
const _: () = assert!(PAYHSM_STATUS_MESSAGE_LEN == STATUS_LEN);

/// The end of a log or of a part of one: a record's number, and its tag.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
pub struct PayhsmAuditPosition {
    /// The number; 0 before the first record.
    pub sequence: u64,
    /// The tag; zeros before the first record.
    pub tag: [u8; PAYHSM_AUDIT_TAG_LEN],
}

impl From<&Position> for PayhsmAuditPosition {
    fn from(position: &Position) -> Self {
        Self {
            sequence: position.sequence,
            tag: position.tag,
        }
    }
}

impl From<&PayhsmAuditPosition> for Position {
    fn from(position: &PayhsmAuditPosition) -> Self {
        Self {
            sequence: position.sequence,
            tag: position.tag,
        }
    }
}

/// How the log stands.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
pub struct PayhsmAuditStatus {
    /// The number of the oldest record that is still there.
    pub oldest: u64,
    /// The last record.
    pub last: PayhsmAuditPosition,
    /// Up to where the log was released.
    pub released: u64,
    /// How many records it holds.
    pub capacity: u32,
    /// Records that could not be written since the start.
    pub lost: u32,
}

/// An alarm.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
pub struct PayhsmEvent {
    /// The event, a number of `docs/AUDIT.md`; 0: no alarm waits.
    pub event: u32,
    /// The slot, or 0x8000 and the group; 0xFFFF: none.
    pub place: u32,
    /// The error; `PAYHSM_OK`: none.
    pub result: Status,
    /// What the event counts.
    pub value: u32,
}

/// Opens the audit log and takes up what the storage has of it: once, right behind `payhsm_init`. Without it nothing is
/// logged.
///
/// Parameters: `memory`, `memory_len`: a whole number of records, 8 to 2048 of `PAYHSM_AUDIT_RECORD_LEN` bytes, as many at
/// every start; they stay the module's until `payhsm_close`. `when_full`: `PAYHSM_AUDIT_…`.
///
/// Returns: `PAYHSM_OK`; `PAYHSM_ERR_BAD_STATE` (open already), `PAYHSM_ERR_NO_KEY` (no storage key),
/// `PAYHSM_ERR_INVALID_LENGTH`, `PAYHSM_ERR_INVALID_ARGUMENT` (`when_full`), `PAYHSM_ERR_STORAGE`,
/// `PAYHSM_ERR_STORAGE_INTEGRITY` (the log was altered: the module is tampered), `PAYHSM_ERR_TAMPERED`; the context's errors.
///
/// # Safety
/// The context's contract; C1 to C3 for `memory`, until `payhsm_close`.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn payhsm_audit_open(
    ctx: *mut PayhsmCtx,
    memory: *mut c_void,
    memory_len: usize,
    when_full: u32,
) -> Status {
    let place = Place::bytes(memory.cast_const().cast(), memory_len);
    // SAFETY: the caller's.
    let status = unsafe {
        run(ctx, &[place], &[], |module| {
            let bytes = memory::output(memory.cast(), memory_len)?;
            if bytes.is_empty() {
                return Err(Error::InvalidLength);
            }
            let when_full = match when_full {
                PAYHSM_AUDIT_STOP => WhenFull::Stop,
                PAYHSM_AUDIT_OVERWRITE => WhenFull::Overwrite,
                _ => return Err(Error::InvalidArgument),
            };
            let count = memory_len.checked_div(RECORD_LEN).unwrap_or(0);
            if !memory_len.is_multiple_of(RECORD_LEN) || count > MAX_RECORDS {
                return Err(Error::InvalidLength);
            }
            // Bytes without an alignment, all of whose values are valid; whole records, at most 2048. `'static` ends
            // with `payhsm_close`, as for the tables of the context.
            let records = slice::from_raw_parts_mut(memory.cast::<Record>(), count);
            module.enter();
            module.audit_open(records, when_full)
        })
    };
    if status == PAYHSM_OK {
        // SAFETY: the call has just succeeded on it.
        unsafe { keep_place(ctx, place) };
    }
    status
}

/// Tells how the log stands. In every state.
///
/// Parameters: `status`: receives it; zero on error.
///
/// Returns: `PAYHSM_OK`; `PAYHSM_ERR_BAD_STATE` without a log; the context's errors.
///
/// # Safety
/// The context's contract; C1 to C3 for `status`.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn payhsm_audit_status(ctx: *mut PayhsmCtx, status: *mut PayhsmAuditStatus) -> Status {
    // SAFETY: the caller's.
    unsafe {
        run(ctx, &[Place::of(status)], &[], |module| {
            let out = memory::place(status, PayhsmAuditStatus::default())?;
            module.enter();
            let now = module.audit_status().ok_or(Error::BadState)?;
            *out = PayhsmAuditStatus {
                oldest: now.oldest,
                last: (&now.last).into(),
                released: now.released,
                capacity: u32::try_from(now.capacity).unwrap_or(u32::MAX),
                lost: now.lost,
            };
            Ok(())
        })
    }
}

/// Reads out whole records. In every state.
///
/// Parameters: `from`: the number of the first; an older one than there is: the oldest. `records`, `records_capacity`,
/// `records_len`: as many as the buffer takes; 0 behind the last. `next`: receives the number of the record that comes next.
///
/// Returns: `PAYHSM_OK`; `PAYHSM_ERR_BAD_STATE` without a log, `PAYHSM_ERR_BUFFER_TOO_SMALL` for less than a record; the
/// context's errors.
///
/// # Safety
/// The context's contract; C1 to C3 for the pointers.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn payhsm_audit_read(
    ctx: *mut PayhsmCtx,
    from: u64,
    records: *mut u8,
    records_capacity: usize,
    records_len: *mut usize,
    next: *mut u64,
) -> Status {
    let outputs = [
        Place::bytes(records, records_capacity),
        Place::of(records_len),
        Place::of(next),
    ];
    // SAFETY: the caller's.
    unsafe {
        run(ctx, &outputs, &[], |module| {
            let out = Output::new(records, records_capacity, records_len);
            let (out, next) = memory::both(out, memory::place(next, 0))?;
            out.fill(|bytes| {
                module.enter();
                let (len, following) = module.audit_read(from, bytes)?;
                *next = following;
                Ok(len)
            })
        })
    }
}

/// Says that the log was read up to a record: these may be overwritten. The decision callback is asked
/// (`PAYHSM_ASK_AUDIT_RELEASE`).
///
/// Parameters: `read`: the number and the tag of the last record that was read.
///
/// Returns: `PAYHSM_OK`; `PAYHSM_ERR_BAD_STATE` without a log, `PAYHSM_ERR_INVALID_ARGUMENT` (no such record),
/// `PAYHSM_ERR_VERIFICATION_FAILED` (another tag), `PAYHSM_ERR_REFUSED`, `PAYHSM_ERR_STORAGE`; the context's errors.
///
/// # Safety
/// The context's contract; C1 and C2 for `read`.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn payhsm_audit_release(ctx: *mut PayhsmCtx, read: *const PayhsmAuditPosition) -> Status {
    // SAFETY: the caller's.
    unsafe {
        run(ctx, &[], &[Place::of(read)], |module| {
            module.audit_release(&memory::value(read)?.into())
        })
    }
}

/// Notes something of the caller's in the log. The record's number identifies it for ever.
///
/// Parameters: `reference`: 8 bytes. `pan`, `pan_len`: digits of the card, of which the log has a fingerprint; `NULL` and 0
/// without a card. `sequence`: receives the record's number; 0 on error.
///
/// Returns: `PAYHSM_OK`; `PAYHSM_ERR_BAD_STATE` without a log, `PAYHSM_ERR_INVALID_PAN`, `PAYHSM_ERR_LIMIT_REACHED` (full),
/// `PAYHSM_ERR_STORAGE`; the context's errors.
///
/// # Safety
/// The context's contract; C1 to C3 for the pointers.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn payhsm_audit_note(
    ctx: *mut PayhsmCtx,
    reference: *const u8,
    pan: *const u8,
    pan_len: usize,
    sequence: *mut u64,
) -> Status {
    let inputs = [Place::bytes(reference, 8), Place::bytes(pan, pan_len)];
    // SAFETY: the caller's.
    unsafe {
        run(ctx, &[Place::of(sequence)], &inputs, |module| {
            let out = memory::place(sequence, 0)?;
            let reference = memory::input_array::<8>(reference)?;
            let pan = match memory::input(pan, pan_len)? {
                [] => None,
                digits => Some(Pan::parse(digits)?),
            };
            *out = module.audit_note(reference, pan.as_ref())?.sequence;
            Ok(())
        })
    }
}

/// Wraps the verification key of the log for whoever reads it: usage `"M6"`, algorithm `'A'`, mode of use `'V'`. The
/// decision callback is asked (`PAYHSM_ASK_AUDIT_KEY`).
///
/// Parameters: `kbpk`: a protection key with mode of use `'E'` or `'B'`. `block`, `block_capacity`, `block_len`: as
/// `payhsm_key_export`.
///
/// Returns: as `payhsm_key_export`; `PAYHSM_ERR_NO_KEY` (no storage key), `PAYHSM_ERR_REFUSED`.
///
/// # Safety
/// The context's contract; C1 to C3 for the pointers.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn payhsm_audit_key_export(
    ctx: *mut PayhsmCtx,
    kbpk: u32,
    block: *mut u8,
    block_capacity: usize,
    block_len: *mut usize,
) -> Status {
    let outputs = [Place::bytes(block, block_capacity), Place::of(block_len)];
    // SAFETY: the caller's.
    unsafe {
        run(ctx, &outputs, &[], |module| {
            let out = Output::new(block, block_capacity, block_len)?;
            let kbpk = KeyHandle::from_raw(kbpk)?;
            out.fill(|bytes| module.audit_key_export(kbpk, bytes))
        })
    }
}

/// Verifies a part of another device's log.
///
/// Parameters: `key`: the device's verification key. `records`, `records_len`: as `payhsm_audit_read` gave them. `after`:
/// where the part before it ended; `NULL`: unknown, and what was in front may be missing. `until`: where the device says
/// that its log ends; `NULL`: unknown, and records may be missing at the end. `end`: receives where the part ends; zero on
/// error.
///
/// Returns: `PAYHSM_OK`; `PAYHSM_ERR_INVALID_HANDLE`, `PAYHSM_ERR_USAGE_NOT_PERMITTED`, `PAYHSM_ERR_MODE_NOT_PERMITTED`,
/// `PAYHSM_ERR_ALGORITHM_MISMATCH`, `PAYHSM_ERR_INVALID_LENGTH`, `PAYHSM_ERR_VERIFICATION_FAILED`; the context's errors.
///
/// # Safety
/// The context's contract; C1 to C3 for the pointers.
#[cfg(feature = "host")]
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn payhsm_audit_verify(
    ctx: *mut PayhsmCtx,
    key: u32,
    records: *const u8,
    records_len: usize,
    after: *const PayhsmAuditPosition,
    until: *const PayhsmAuditPosition,
    end: *mut PayhsmAuditPosition,
) -> Status {
    let inputs = [Place::bytes(records, records_len), Place::of(after), Place::of(until)];
    // SAFETY: the caller's.
    unsafe {
        run(ctx, &[Place::of(end)], &inputs, |module| {
            let out = memory::place(end, PayhsmAuditPosition::default())?;
            let key = KeyHandle::from_raw(key)?;
            let position = |place: *const PayhsmAuditPosition| {
                if place.is_null() {
                    return Ok(None);
                }
                memory::value(place).map(|position| Some(Position::from(position)))
            };
            let (after, until) = (position(after)?, position(until)?);
            let records = memory::input(records, records_len)?;
            *out = (&module.audit_verify(key, records, after.as_ref(), until.as_ref())?).into();
            Ok(())
        })
    }
}

/// Fetches the oldest alarm that waits. In every state.
///
/// Parameters: `event`: receives it; all zero if none waits, and on error.
///
/// Returns: `PAYHSM_OK`; the context's errors.
///
/// # Safety
/// The context's contract; C1 to C3 for `event`.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn payhsm_next_event(ctx: *mut PayhsmCtx, event: *mut PayhsmEvent) -> Status {
    // SAFETY: the caller's.
    unsafe {
        run(ctx, &[Place::of(event)], &[], |module| {
            let out = memory::place(event, PayhsmEvent::default())?;
            module.enter();
            if let Some(alarm) = module.next_event() {
                *out = PayhsmEvent {
                    event: (alarm.event as u8).into(),
                    place: alarm.place.into(),
                    result: alarm.result,
                    value: alarm.value,
                };
            }
            Ok(())
        })
    }
}

/// Writes a status message for the host: state, tables, alarms, the end of the log, under the key of the log.
///
/// Parameters: `nonce`: 16 bytes of the host's. `message`, `message_capacity`, `message_len`:
/// `PAYHSM_STATUS_MESSAGE_LEN` bytes; `docs/AUDIT.md` has the layout.
///
/// Returns: `PAYHSM_OK`; `PAYHSM_ERR_NO_KEY` (no storage key), `PAYHSM_ERR_TAMPERED`, `PAYHSM_ERR_BUFFER_TOO_SMALL`; the
/// context's errors.
///
/// # Safety
/// The context's contract; C1 to C3 for the pointers.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn payhsm_status_message(
    ctx: *mut PayhsmCtx,
    nonce: *const u8,
    message: *mut u8,
    message_capacity: usize,
    message_len: *mut usize,
) -> Status {
    let outputs = [Place::bytes(message, message_capacity), Place::of(message_len)];
    // SAFETY: the caller's.
    unsafe {
        run(ctx, &outputs, &[Place::bytes(nonce, 16)], |module| {
            let out = Output::new(message, message_capacity, message_len)?;
            let nonce = memory::input_array::<16>(nonce)?;
            out.exactly(STATUS_LEN, |bytes| {
                let bytes = bytes.first_chunk_mut().ok_or(Error::Internal)?;
                module.enter();
                module.status_message(nonce, bytes)
            })
        })
    }
}
