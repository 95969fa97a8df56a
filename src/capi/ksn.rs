// SPDX-License-Identifier: MIT OR Apache-2.0
//! What a host reads from a KSN, and what it remembers of counters: nothing secret, no context.

use core::mem::size_of;

use crate::capi::memory::{self, Place};
use crate::capi::status::{Status, status};
use crate::dukpt::{KsnLayout, ReplayWindow};
use crate::error::Error;

/// Length of a replay window, in bytes.
pub const PAYHSM_REPLAY_WINDOW_LEN: usize = 28;
/// The most transactions that a replay window looks back.
pub const PAYHSM_REPLAY_MAX_BACK: u32 = 64;

const _: () = assert!(PAYHSM_REPLAY_WINDOW_LEN == ReplayWindow::STORED_LEN);
const _: () = assert!(PAYHSM_REPLAY_MAX_BACK == ReplayWindow::MAX_BACK as u32);

/// The parts of a KSN.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
pub struct PayhsmKsnFields {
    /// Key set: which BDK. With AES the BDK id.
    pub key_set: u64,
    /// Device under this BDK. With AES the derivation id.
    pub device: u64,
    /// Transaction counter.
    pub counter: u32,
    /// 0.
    pub reserved: u32,
}

// Without padding: what the compiler leaves there would go out.
const _: () = assert!(size_of::<PayhsmKsnFields>() == 24);

/// Divides a KSN as its key owner says: in hexadecimal digits, such as 10-5-5 or 6-5-5 (TDEA) and 8-8-8 (AES). For finding
/// the BDK; nothing is derived from the parts.
///
/// The TDEA counter takes 21 bits, one more than its five digits: the device's number has one bit less than its digits. What
/// the parts leave over stands first and must be F.
///
/// Parameters: `ksn`, `ksn_len`: 10 bytes (TDEA) or 12 (AES); complete the short form of 8 bytes with FF FF first.
/// `key_set_digits`, `device_digits`, `counter_digits`: 5 digits of counter mean TDEA, 8 AES. `fields`: receives the parts;
/// zero on error.
///
/// Returns: `PAYHSM_OK`; `PAYHSM_ERR_INVALID_ARGUMENT` for digits that do not fit; `PAYHSM_ERR_INVALID_KSN`;
/// `PAYHSM_ERR_NULL_POINTER`, `PAYHSM_ERR_MISALIGNED`, `PAYHSM_ERR_OVERLAP`.
///
/// # Safety
/// C1 to C3 for the pointers.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn payhsm_ksn_split(
    ksn: *const u8,
    ksn_len: usize,
    key_set_digits: u32,
    device_digits: u32,
    counter_digits: u32,
    fields: *mut PayhsmKsnFields,
) -> Status {
    let digits = [key_set_digits, device_digits, counter_digits];
    // SAFETY: the caller's.
    status(unsafe { split(ksn, ksn_len, digits, fields) })
}

/// # Safety
/// As [`payhsm_ksn_split`].
unsafe fn split(ksn: *const u8, ksn_len: usize, digits: [u32; 3], fields: *mut PayhsmKsnFields) -> Result<(), Error> {
    memory::disjoint(&[Place::of(fields)], &[Place::bytes(ksn, ksn_len)])?;
    // SAFETY: C1 and C2 for both pointers; C3 was judged.
    let (out, ksn) = unsafe {
        (
            memory::place(fields, PayhsmKsnFields::default())?,
            memory::input(ksn, ksn_len)?,
        )
    };
    let [key_set, device, counter] = digits.map(|digits| u8::try_from(digits).unwrap_or(u8::MAX));
    let parts = KsnLayout::from_digits(key_set, device, counter)?.split(ksn)?;
    *out = PayhsmKsnFields {
        key_set: parts.key_set,
        device: parts.device,
        counter: parts.counter,
        reserved: 0,
    };
    Ok(())
}

/// Makes the replay window of an initial key of which no counter was accepted. Keep one for each initial key, where it
/// outlives the process, and where nobody else can write.
///
/// Parameters: `identity`, `identity_len`: the initial key identifier, 10 bytes with zero counter bits (TDEA) or 8 (AES), as
/// `PAYHSM_ASK_DUKPT_COUNTER` gives it. `back`: how many transactions before the newest are still accepted, once each; 0 if
/// counters must increase, at most `PAYHSM_REPLAY_MAX_BACK`. `window`: receives `PAYHSM_REPLAY_WINDOW_LEN` bytes; wiped on
/// error.
///
/// Returns: `PAYHSM_OK`; `PAYHSM_ERR_INVALID_KSN`, `PAYHSM_ERR_INVALID_ARGUMENT` (`back`); `PAYHSM_ERR_NULL_POINTER`,
/// `PAYHSM_ERR_OVERLAP`.
///
/// # Safety
/// C1 to C3 for the pointers.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn payhsm_replay_new(
    identity: *const u8,
    identity_len: usize,
    back: u32,
    window: *mut u8,
) -> Status {
    // SAFETY: the caller's.
    status(unsafe {
        change(&[Place::bytes(identity, identity_len)], window, || {
            let back = u8::try_from(back).map_err(|_| Error::InvalidArgument)?;
            ReplayWindow::new(memory::input(identity, identity_len)?, back)
        })
    })
}

/// Tells whether a counter may still be accepted; nothing is changed. For the callback that is asked
/// `PAYHSM_ASK_DUKPT_COUNTER`, before anything of the message is authenticated.
///
/// Parameters: `window`: `PAYHSM_REPLAY_WINDOW_LEN` bytes. `identity`, `identity_len`, `counter`: of the KSN.
///
/// Returns: `PAYHSM_OK`; `PAYHSM_ERR_COUNTER_REPLAYED`; `PAYHSM_ERR_COUNTER_ZERO`, `PAYHSM_ERR_COUNTER_OVERWEIGHT`,
/// `PAYHSM_ERR_COUNTER_RESERVED`, `PAYHSM_ERR_INVALID_ARGUMENT` for what is no transaction; `PAYHSM_ERR_INVALID_KSN` for the
/// window of another initial key; `PAYHSM_ERR_RECORD` for what is no window; `PAYHSM_ERR_NULL_POINTER`.
///
/// # Safety
/// C1 and C2 for the pointers.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn payhsm_replay_check(
    window: *const u8,
    identity: *const u8,
    identity_len: usize,
    counter: u32,
) -> Status {
    // SAFETY: the caller's.
    let windows = unsafe { memory::input(window, PAYHSM_REPLAY_WINDOW_LEN) };
    // SAFETY: the caller's.
    let identity = unsafe { memory::input(identity, identity_len) };
    status(windows.and_then(|window| ReplayWindow::from_bytes(window)?.check(identity?, counter)))
}

/// Marks a counter as used, when the MAC of its message has verified. Store the new window before the answer goes out.
///
/// Parameters: `window`, `identity`, `identity_len`, `counter`: as in `payhsm_replay_check`, which is made again.
/// `new_window`: receives `PAYHSM_REPLAY_WINDOW_LEN` bytes; wiped on error. The old window stays as it is.
///
/// Returns: as `payhsm_replay_check`; `PAYHSM_ERR_OVERLAP`.
///
/// # Safety
/// C1 to C3 for the pointers.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn payhsm_replay_accept(
    window: *const u8,
    identity: *const u8,
    identity_len: usize,
    counter: u32,
    new_window: *mut u8,
) -> Status {
    let inputs = [
        Place::bytes(window, PAYHSM_REPLAY_WINDOW_LEN),
        Place::bytes(identity, identity_len),
    ];
    // SAFETY: the caller's.
    status(unsafe {
        change(&inputs, new_window, || {
            let old = memory::input(window, PAYHSM_REPLAY_WINDOW_LEN)?;
            let identity = memory::input(identity, identity_len)?;
            let mut window = ReplayWindow::from_bytes(old)?;
            window.accept(identity, counter)?;
            Ok(window)
        })
    })
}

/// Writes the window that `make` gives.
///
/// # Safety
/// C1 and C2 for `out` with `PAYHSM_REPLAY_WINDOW_LEN` bytes.
unsafe fn change(
    inputs: &[Place],
    out: *mut u8,
    make: impl FnOnce() -> Result<ReplayWindow, Error>,
) -> Result<(), Error> {
    memory::disjoint(&[Place::bytes(out, PAYHSM_REPLAY_WINDOW_LEN)], inputs)?;
    // SAFETY: the caller's; C3 was judged.
    let out = unsafe { memory::output_array::<PAYHSM_REPLAY_WINDOW_LEN>(out) }?;
    *out = make()?.to_bytes();
    Ok(())
}
