// SPDX-License-Identifier: MIT OR Apache-2.0
//! Keys as things that one has: the inventory, bounds, sessions, keys that outlive a start, backup.

use core::mem::size_of;

#[cfg(any(feature = "host", feature = "terminal"))]
use crate::capi::context::Module;
use crate::capi::context::{PayhsmCtx, run};
use crate::capi::key::{PayhsmKeyInfo, small};
use crate::capi::memory::{self, Output, Place, Versioned};
use crate::capi::status::Status;
use crate::error::Error;
use crate::hsm::{Date, KeyBounds, KeyHandle, Narrowing, Session};
use crate::key::usage::{Exportability, ModeOfUse};

/// The key ends with its session.
pub const PAYHSM_BOUND_SESSION: u32 = 1;
/// The key comes back at the next start.
pub const PAYHSM_BOUND_STORED: u32 = 2;
/// Today is a day of use.
pub const PAYHSM_BOUND_VALID: u32 = 4;

/// How a key shall be narrowed. What is 0 stays as it is.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
pub struct PayhsmNarrowing {
    /// `sizeof(payhsm_narrowing_t)`.
    pub size: u32,
    /// How many commands may use the key in all, those that have done so included.
    pub max_uses: u32,
    /// After how many an alarm says so.
    pub warn_uses: u32,
    /// The first day of use, as a number of eight digits: 20261231.
    pub valid_from: u32,
    /// The last day of use.
    pub valid_until: u32,
    /// Whose sessions alone may use the key.
    pub owner: u16,
    /// A narrower mode of use.
    pub mode: u8,
    /// A narrower exportability.
    pub exportability: u8,
    /// `PAYHSM_BOUND_SESSION`, or 0.
    pub flags: u32,
}

// SAFETY: `repr(C)`; the size comes first; numbers only.
unsafe impl Versioned for PayhsmNarrowing {}

/// What a key is bound to. 0: nothing.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
pub struct PayhsmKeyBounds {
    /// How many commands may use the key.
    pub max_uses: u32,
    /// After how many an alarm says so.
    pub warn_uses: u32,
    /// How many have used it; counted for keys with a limit.
    pub uses: u32,
    /// The first day of use.
    pub valid_from: u32,
    /// The last day of use.
    pub valid_until: u32,
    /// The owner.
    pub owner: u32,
    /// `PAYHSM_BOUND_…` bits.
    pub flags: u32,
}

// Without padding: what the compiler leaves there would go out.
const _: () = assert!(size_of::<PayhsmKeyBounds>() == 7 * 4);

impl TryFrom<&PayhsmNarrowing> for Narrowing {
    type Error = Error;

    fn try_from(to: &PayhsmNarrowing) -> Result<Self, Error> {
        const fn given(value: u32) -> Option<u32> {
            if value == 0 { None } else { Some(value) }
        }
        if to.flags & !PAYHSM_BOUND_SESSION != 0 {
            return Err(Error::InvalidArgument);
        }
        Ok(Self {
            mode: match to.mode {
                0 => None,
                mode => Some(ModeOfUse::from_char(mode)?),
            },
            exportability: match to.exportability {
                0 => None,
                exportability => Some(Exportability::from_char(exportability)?),
            },
            max_uses: given(to.max_uses),
            warn_uses: given(to.warn_uses),
            valid_from: given(to.valid_from).map(Date::from_digits).transpose()?,
            valid_until: given(to.valid_until).map(Date::from_digits).transpose()?,
            owner: if to.owner == 0 { None } else { Some(to.owner) },
            with_session: to.flags & PAYHSM_BOUND_SESSION != 0,
        })
    }
}

impl From<&KeyBounds> for PayhsmKeyBounds {
    fn from(bounds: &KeyBounds) -> Self {
        let flag = |is: bool, bit| if is { bit } else { 0 };
        Self {
            max_uses: bounds.max_uses.unwrap_or(0),
            warn_uses: bounds.warn_uses.unwrap_or(0),
            uses: bounds.uses,
            valid_from: bounds.valid_from.map_or(0, Date::to_digits),
            valid_until: bounds.valid_until.map_or(0, Date::to_digits),
            owner: bounds.owner.map_or(0, u32::from),
            flags: flag(bounds.with_session, PAYHSM_BOUND_SESSION)
                | flag(bounds.is_stored, PAYHSM_BOUND_STORED)
                | flag(bounds.is_valid, PAYHSM_BOUND_VALID),
        }
    }
}

/// Tells the next key of the inventory. Keys of all owners are in it.
///
/// Parameters: `cursor`: 0 for the first key, then what `next` received. `next`, `key`, `info`: receive the cursor for the
/// next call, the handle and what is public; zero on error.
///
/// Returns: `PAYHSM_OK`; `PAYHSM_ERR_NO_KEY` behind the last; the context's errors.
///
/// # Safety
/// The context's contract; C1 to C3 for the pointers.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn payhsm_key_next(
    ctx: *mut PayhsmCtx,
    cursor: u32,
    next: *mut u32,
    key: *mut u32,
    info: *mut PayhsmKeyInfo,
) -> Status {
    // SAFETY: the caller's.
    unsafe {
        run(
            ctx,
            &[Place::of(next), Place::of(key), Place::of(info)],
            &[],
            |module| {
                let keys = memory::both(memory::place(key, 0), memory::place(info, PayhsmKeyInfo::default()));
                let (next, (key, info)) = memory::both(memory::place(next, 0), keys)?;
                let cursor = u16::try_from(cursor).map_err(|_| Error::InvalidArgument)?;
                let (following, handle, public) = module.key_next(cursor)?.ok_or(Error::NoKey)?;
                *next = following.into();
                *key = handle.to_raw();
                *info = (&public).into();
                Ok(())
            },
        )
    }
}

/// Tells what a key is bound to, and how far it has come.
///
/// Parameters: `bounds`: receives it; zero on error.
///
/// Returns: `PAYHSM_OK`; `PAYHSM_ERR_INVALID_HANDLE`, `PAYHSM_ERR_NOT_AUTHENTICATED` (another owner's); the context's errors.
///
/// # Safety
/// The context's contract; C1 to C3 for `bounds`.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn payhsm_key_bounds(ctx: *mut PayhsmCtx, key: u32, bounds: *mut PayhsmKeyBounds) -> Status {
    // SAFETY: the caller's.
    unsafe {
        run(ctx, &[Place::of(bounds)], &[], |module| {
            let out = memory::place(bounds, PayhsmKeyBounds::default())?;
            *out = (&module.key_bounds(KeyHandle::from_raw(key)?)?).into();
            Ok(())
        })
    }
}

/// Narrows a key, and its copies with it. Nothing is ever widened.
///
/// Parameters: `narrowing`: what shall be narrower.
///
/// Returns: `PAYHSM_OK`; `PAYHSM_ERR_INVALID_HANDLE`, `PAYHSM_ERR_NOT_AUTHENTICATED`, `PAYHSM_ERR_MODE_NOT_PERMITTED`,
/// `PAYHSM_ERR_EXPORT_NOT_PERMITTED`, the `PAYHSM_ERR_KEY_BLOCK_…` errors, `PAYHSM_ERR_REFUSED` (wider than now),
/// `PAYHSM_ERR_INVALID_ARGUMENT` (day, flags), `PAYHSM_ERR_ABI_MISMATCH` (size), `PAYHSM_ERR_BAD_STATE` (no session open, or
/// the key is stored), `PAYHSM_ERR_LIMIT_REACHED` (log full), `PAYHSM_ERR_STORAGE`; the context's errors.
///
/// # Safety
/// The context's contract; C1 and C2 for `narrowing`, with as many bytes as its size says.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn payhsm_key_narrow(ctx: *mut PayhsmCtx, key: u32, narrowing: *const PayhsmNarrowing) -> Status {
    // SAFETY: the caller's.
    unsafe {
        run(ctx, &[], &[Place::versioned(narrowing)], |module| {
            let narrowing = memory::versioned(narrowing)?;
            module.key_narrow(KeyHandle::from_raw(key)?, &(&narrowing).try_into()?)
        })
    }
}

/// Makes a key persistent: it is sealed in the storage with everything that belongs to it, and in its place again after a
/// start; find it with `payhsm_key_next`. `payhsm_key_erase` erases it there, too.
///
/// Returns: `PAYHSM_OK`; `PAYHSM_ERR_INVALID_HANDLE`, `PAYHSM_ERR_NOT_AUTHENTICATED`, `PAYHSM_ERR_BAD_STATE` (ends with
/// its session), `PAYHSM_ERR_LIMIT_REACHED` (log full), `PAYHSM_ERR_STORAGE`; the context's errors.
///
/// # Safety
/// The context's contract.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn payhsm_key_store(ctx: *mut PayhsmCtx, key: u32) -> Status {
    // SAFETY: the caller's.
    unsafe { run(ctx, &[], &[], |module| module.key_store(KeyHandle::from_raw(key)?)) }
}

/// Gives a key the place of another, which is gone then; old or new, never both, also in the storage.
///
/// Parameters: `old`: the key that goes; `new_key`: the one that takes its place, for the same usage and algorithm. `key`:
/// receives the handle of the key in its new place; 0 on error.
///
/// Returns: `PAYHSM_OK`; `PAYHSM_ERR_INVALID_HANDLE`, `PAYHSM_ERR_NOT_AUTHENTICATED`, `PAYHSM_ERR_INVALID_ARGUMENT` (one
/// key), `PAYHSM_ERR_USAGE_NOT_PERMITTED`, `PAYHSM_ERR_ALGORITHM_MISMATCH`, `PAYHSM_ERR_KEY_BLOCK_KEY_VERSION` (older),
/// `PAYHSM_ERR_BAD_STATE` (stored already, or of a session), `PAYHSM_ERR_LIMIT_REACHED` (log full), `PAYHSM_ERR_STORAGE`
/// (as it was, under other handles); the context's errors.
///
/// # Safety
/// The context's contract; C1 to C3 for `key`.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn payhsm_key_replace(ctx: *mut PayhsmCtx, old: u32, new_key: u32, key: *mut u32) -> Status {
    // SAFETY: the caller's.
    unsafe {
        run(ctx, &[Place::of(key)], &[], |module| {
            let out = memory::place(key, 0)?;
            let placed = module.key_replace(KeyHandle::from_raw(old)?, KeyHandle::from_raw(new_key)?)?;
            *out = placed.to_raw();
            Ok(())
        })
    }
}

/// Opens the session of an owner: keys that are bound to him can be used. One at a time. The decision callback is asked
/// (`PAYHSM_ASK_SESSION`).
///
/// Parameters: `owner`: 1 to 65535. `session`: receives its number; 0 on error.
///
/// Returns: `PAYHSM_OK`; `PAYHSM_ERR_BAD_STATE` (one is open), `PAYHSM_ERR_INVALID_ARGUMENT`, `PAYHSM_ERR_REFUSED`,
/// `PAYHSM_ERR_LIMIT_REACHED` (log full), `PAYHSM_ERR_STORAGE`; the context's errors.
///
/// # Safety
/// The context's contract; C1 to C3 for `session`.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn payhsm_session_open(ctx: *mut PayhsmCtx, owner: u32, session: *mut u32) -> Status {
    // SAFETY: the caller's.
    unsafe {
        run(ctx, &[Place::of(session)], &[], |module| {
            let out = memory::place(session, 0)?;
            let owner = u16::try_from(owner).map_err(|_| Error::InvalidArgument)?;
            *out = module.session_open(owner)?.to_raw();
            Ok(())
        })
    }
}

/// Closes a session: keys that are bound to it are erased, and those of its owner cannot be used.
///
/// Returns: `PAYHSM_OK`; `PAYHSM_ERR_INVALID_HANDLE`; the context's errors.
///
/// # Safety
/// The context's contract.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn payhsm_session_close(ctx: *mut PayhsmCtx, session: u32) -> Status {
    // SAFETY: the caller's.
    unsafe { run(ctx, &[], &[], |module| module.session_close(Session::from_raw(session))) }
}

/// Says what day it is, for keys that have days of use. Never an earlier one than before.
///
/// Parameters: `today`: a number of eight digits: 20261231.
///
/// Returns: `PAYHSM_OK`; `PAYHSM_ERR_INVALID_ARGUMENT` (no day, or earlier), `PAYHSM_ERR_STORAGE`; the context's errors.
///
/// # Safety
/// The context's contract.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn payhsm_set_date(ctx: *mut PayhsmCtx, today: u32) -> Status {
    // SAFETY: the caller's.
    unsafe { run(ctx, &[], &[], |module| module.set_date(Date::from_digits(today)?)) }
}

/// Begins the counts of persistent limits anew. The decision callback is asked (`PAYHSM_ASK_LIMITS_RESET`).
///
/// Returns: `PAYHSM_OK`; `PAYHSM_ERR_BAD_STATE` (limits are not persistent), `PAYHSM_ERR_REFUSED`,
/// `PAYHSM_ERR_LIMIT_REACHED` (log full), `PAYHSM_ERR_STORAGE`; the context's errors.
///
/// # Safety
/// The context's contract.
#[cfg(any(feature = "host", feature = "terminal"))]
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn payhsm_limits_reset(ctx: *mut PayhsmCtx) -> Status {
    // SAFETY: the caller's.
    unsafe { run(ctx, &[], &[], Module::limits_reset) }
}

/// Tells how long a backup of the keys that are here is at most.
///
/// Parameters: `len`: receives the bytes; 0 on error.
///
/// Returns: `PAYHSM_OK`; the context's errors.
///
/// # Safety
/// The context's contract; C1 to C3 for `len`.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn payhsm_backup_len(ctx: *mut PayhsmCtx, len: *mut usize) -> Status {
    // SAFETY: the caller's.
    unsafe {
        run(ctx, &[Place::of(len)], &[], |module| {
            let out = memory::place(len, 0)?;
            *out = module.backup_len()?;
            Ok(())
        })
    }
}

/// Writes a backup of the keys that may leave: not those that are not exportable, that have a limit of uses or end with a
/// session, and no DUKPT state.
///
/// Parameters: `kbpk`: an AES `"K1"` key with mode of use `'E'` or `'B'` that serves nothing else. `backup`,
/// `backup_capacity`, `backup_len`: at most what `payhsm_backup_len` says.
///
/// Returns: `PAYHSM_OK`; `PAYHSM_ERR_INVALID_HANDLE`, `PAYHSM_ERR_USAGE_NOT_PERMITTED`, `PAYHSM_ERR_MODE_NOT_PERMITTED`,
/// `PAYHSM_ERR_ALGORITHM_MISMATCH`, `PAYHSM_ERR_BUFFER_TOO_SMALL`, `PAYHSM_ERR_STORAGE`, `PAYHSM_ERR_ENTROPY`,
/// `PAYHSM_ERR_LIMIT_REACHED` (log full); the context's errors.
///
/// # Safety
/// The context's contract; C1 to C3 for the pointers.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn payhsm_backup_write(
    ctx: *mut PayhsmCtx,
    kbpk: u32,
    backup: *mut u8,
    backup_capacity: usize,
    backup_len: *mut usize,
) -> Status {
    let outputs = [Place::bytes(backup, backup_capacity), Place::of(backup_len)];
    // SAFETY: the caller's.
    unsafe {
        run(ctx, &outputs, &[], |module| {
            let out = Output::new(backup, backup_capacity, backup_len)?;
            let kbpk = KeyHandle::from_raw(kbpk)?;
            out.fill(|bytes| module.backup_write(kbpk, bytes))
        })
    }
}

/// Brings the keys of a backup back, all or none. The decision callback is asked (`PAYHSM_ASK_RESTORE`): for a backup of
/// another device or an older one it should want two officers.
///
/// Parameters: `kbpk`: the key of the backup, with mode of use `'D'` or `'B'`. `backup`, `backup_len`: the backup. `keys`:
/// receives how many came; 0 on error.
///
/// Returns: `PAYHSM_OK`; `PAYHSM_ERR_INVALID_HANDLE`, `PAYHSM_ERR_USAGE_NOT_PERMITTED`, `PAYHSM_ERR_MODE_NOT_PERMITTED`,
/// `PAYHSM_ERR_ALGORITHM_MISMATCH`, `PAYHSM_ERR_RECORD` (no backup), `PAYHSM_ERR_VERIFICATION_FAILED` (altered, or a key is
/// here already), `PAYHSM_ERR_REFUSED`, `PAYHSM_ERR_SLOTS_FULL`, `PAYHSM_ERR_STORAGE`, `PAYHSM_ERR_LIMIT_REACHED` (log
/// full); the context's errors.
///
/// # Safety
/// The context's contract; C1 to C3 for the pointers.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn payhsm_backup_restore(
    ctx: *mut PayhsmCtx,
    kbpk: u32,
    backup: *const u8,
    backup_len: usize,
    keys: *mut u32,
) -> Status {
    // SAFETY: the caller's.
    unsafe {
        run(ctx, &[Place::of(keys)], &[Place::bytes(backup, backup_len)], |module| {
            let out = memory::place(keys, 0)?;
            let backup = memory::input(backup, backup_len)?;
            *out = small(module.backup_restore(KeyHandle::from_raw(kbpk)?, backup)?);
            Ok(())
        })
    }
}
