// SPDX-License-Identifier: MIT OR Apache-2.0
//! DUKPT at the terminal.

use core::mem::size_of;

use crate::capi::context::{PayhsmCtx, run};
use crate::capi::key::{PAYHSM_KCV_MAX_LEN, profile};
use crate::capi::memory::{self, Output, Place};
use crate::capi::status::Status;
use crate::capi::transaction::PAYHSM_KSN_MAX_LEN;
use crate::error::Error;
use crate::hsm::{GroupHandle, InitialKeyInfo, KeyHandle, TransactionKsn};

/// What is public about an initial key that was loaded.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
pub struct PayhsmInitialKeyInfo {
    /// Algorithm: `'T'` TDEA, `'A'` AES.
    pub algorithm: u8,
    /// Length of `ksn`: 10 or 12, or 0 if the initial key is at the end of its life.
    pub ksn_len: u8,
    /// Length of `kcv`: 5, or 0 for a group that came from storage.
    pub kcv_len: u8,
    /// The KSN of the next transaction; zeros behind.
    pub ksn: [u8; PAYHSM_KSN_MAX_LEN],
    /// The check value of the initial key.
    pub kcv: [u8; PAYHSM_KCV_MAX_LEN],
}

// Without padding: what the compiler leaves there would go out.
const _: () = assert!(size_of::<PayhsmInitialKeyInfo>() == 3 + PAYHSM_KSN_MAX_LEN + PAYHSM_KCV_MAX_LEN);

impl From<&InitialKeyInfo> for PayhsmInitialKeyInfo {
    fn from(info: &InitialKeyInfo) -> Self {
        let mut out = Self {
            algorithm: info.algorithm.to_char(),
            ..Self::default()
        };
        let ksn = info.next.as_ref().map_or(&[][..], TransactionKsn::as_bytes);
        out.ksn_len = u8::try_from(ksn.len()).unwrap_or(0);
        for (to, from) in out.ksn.iter_mut().zip(ksn) {
            *to = *from;
        }
        if let Some(check) = info.check {
            out.kcv_len = u8::try_from(check.as_bytes().len()).unwrap_or(0);
            for (to, from) in out.kcv.iter_mut().zip(check.as_bytes()) {
                *to = *from;
            }
        }
        out
    }
}

/// Loads a DUKPT initial key from a key block into a free group. The block says which scheme (`'T'` or `'A'`) and, in
/// its optional block KS or IK, which initial key.
///
/// The state is stored before the call returns. An identity that the storage knows is refused: its counter would start
/// again.
///
/// Parameters: as `payhsm_key_import`; usage B1, mode of use X. `group`, `info`: receive the handle and what is public;
/// zero on error.
///
/// Returns: `PAYHSM_OK`; as `payhsm_key_import`; `PAYHSM_ERR_KEY_BLOCK_OPTIONAL` without KS or IK;
/// `PAYHSM_ERR_INVALID_KSN`; `PAYHSM_ERR_COUNTER_REPLAYED` for a known identity; `PAYHSM_ERR_SLOTS_FULL` without a free
/// group; `PAYHSM_ERR_LIMIT_REACHED` for a group that has used up eight initial keys; `PAYHSM_ERR_STORAGE`; the
/// context's errors.
///
/// # Safety
/// The context's contract; C1 to C3 for the pointers.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn payhsm_dukpt_load(
    ctx: *mut PayhsmCtx,
    kbpk: u32,
    profile_number: u32,
    block: *const u8,
    block_len: usize,
    group: *mut u32,
    info: *mut PayhsmInitialKeyInfo,
) -> Status {
    // SAFETY: the caller's.
    unsafe {
        run(
            ctx,
            &[Place::of(group), Place::of(info)],
            &[Place::bytes(block, block_len)],
            |module| {
                let (group, info) = memory::both(
                    memory::place(group, 0),
                    memory::place(info, PayhsmInitialKeyInfo::default()),
                )?;
                let block = memory::input(block, block_len)?;
                let (handle, public) =
                    module.dukpt_load(KeyHandle::from_raw(kbpk)?, block, profile(profile_number)?)?;
                *group = handle.to_raw();
                *info = (&public).into();
                Ok(())
            },
        )
    }
}

/// Finds a group by its number, also one that was taken up from storage at the start.
///
/// Parameters: `index`: 0 to `groups` − 1. `group`, `info`: as `payhsm_dukpt_load`.
///
/// Returns: `PAYHSM_OK`; `PAYHSM_ERR_INVALID_HANDLE` if nothing is there; the context's errors.
///
/// # Safety
/// The context's contract; C1 to C3 for the pointers.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn payhsm_dukpt_find(
    ctx: *mut PayhsmCtx,
    index: u32,
    group: *mut u32,
    info: *mut PayhsmInitialKeyInfo,
) -> Status {
    // SAFETY: the caller's.
    unsafe {
        run(ctx, &[Place::of(group), Place::of(info)], &[], |module| {
            let (group, info) = memory::both(
                memory::place(group, 0),
                memory::place(info, PayhsmInitialKeyInfo::default()),
            )?;
            let index = u8::try_from(index).map_err(|_| Error::InvalidHandle)?;
            let (handle, public) = module.dukpt_find(index)?;
            *group = handle.to_raw();
            *info = (&public).into();
            Ok(())
        })
    }
}

/// Begins the next transaction of a group. The counter has moved on in storage before the call returns: whatever
/// happens now, this KSN does not come again. A transaction of the group that was not ended is ended.
///
/// Parameters: `group`: from `payhsm_dukpt_load` or `payhsm_dukpt_find`. `transaction`: receives the handle whose keys
/// serve one PIN, the MACs and one message of data in each direction. `ksn`, `ksn_capacity`, `ksn_len`: receive the KSN
/// for the host, `PAYHSM_KSN_MAX_LEN` is enough. Zero on error.
///
/// Returns: `PAYHSM_OK`; `PAYHSM_ERR_INVALID_HANDLE`, `PAYHSM_ERR_COUNTER_EXHAUSTED`, `PAYHSM_ERR_STORAGE`,
/// `PAYHSM_ERR_BUFFER_TOO_SMALL` (nothing is used up then); the context's errors.
///
/// In libraries built with `terminal`.
///
/// # Safety
/// The context's contract; C1 to C3 for the pointers.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn payhsm_dukpt_begin(
    ctx: *mut PayhsmCtx,
    group: u32,
    transaction: *mut u32,
    ksn: *mut u8,
    ksn_capacity: usize,
    ksn_len: *mut usize,
) -> Status {
    // SAFETY: the caller's.
    unsafe {
        let outputs = [
            Place::of(transaction),
            Place::bytes(ksn, ksn_capacity),
            Place::of(ksn_len),
        ];
        run(ctx, &outputs, &[], |module| {
            let (transaction, out) =
                memory::both(memory::place(transaction, 0), Output::new(ksn, ksn_capacity, ksn_len))?;
            let group = GroupHandle::from_raw(group)?;
            let needed = module.dukpt_ksn(group)?.as_bytes().len();
            if ksn_capacity < needed {
                return Err(Error::BufferTooSmall);
            }
            let (handle, ksn) = module.dukpt_begin(group)?;
            *transaction = handle.to_raw();
            out.exactly(needed, |bytes| {
                for (to, from) in bytes.iter_mut().zip(ksn.as_bytes()) {
                    *to = *from;
                }
                Ok(())
            })
        })
    }
}

/// Replaces a group's AES initial key by the one in a key block under its update key; the group's handle stays.
///
/// Atomic: after an error the group goes on with the old key; a loss of power during the call leaves the old state or the
/// new one, whole. With success a transaction of the group is over and the next counter is 1.
///
/// Parameters: `group`: of an AES initial key. `profile_number`: `PAYHSM_PROFILE_…`. `block`, `block_len`: ASCII, version
/// D, usage B1, algorithm A, mode of use X, optional block IK, from `payhsm_dukpt_export_update`. `info`: receives what is
/// public about the new key; zero on error.
///
/// Returns: `PAYHSM_OK`; `PAYHSM_ERR_INVALID_HANDLE`; `PAYHSM_ERR_ALGORITHM_MISMATCH` for a TDEA group; as
/// `payhsm_key_import`; `PAYHSM_ERR_KEY_BLOCK_OPTIONAL` without IK; `PAYHSM_ERR_KEY_STRENGTH`,
/// `PAYHSM_ERR_INVALID_KEY_LENGTH` for a key of another length; `PAYHSM_ERR_COUNTER_REPLAYED` for a known identity;
/// `PAYHSM_ERR_LIMIT_REACHED` for a group that has used up eight initial keys; `PAYHSM_ERR_STORAGE`; the context's
/// errors.
///
/// In libraries built with `terminal`.
///
/// # Safety
/// The context's contract; C1 to C3 for the pointers.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn payhsm_dukpt_update(
    ctx: *mut PayhsmCtx,
    group: u32,
    profile_number: u32,
    block: *const u8,
    block_len: usize,
    info: *mut PayhsmInitialKeyInfo,
) -> Status {
    // SAFETY: the caller's.
    unsafe {
        run(ctx, &[Place::of(info)], &[Place::bytes(block, block_len)], |module| {
            let info = memory::place(info, PayhsmInitialKeyInfo::default())?;
            let block = memory::input(block, block_len)?;
            let group = GroupHandle::from_raw(group)?;
            *info = (&module.dukpt_update(group, block, profile(profile_number)?)?).into();
            Ok(())
        })
    }
}

/// Gives up a group: its keys are erased here and in storage. What was used of its initial key stays remembered, so
/// that it cannot be loaded again.
///
/// Returns: `PAYHSM_OK`; `PAYHSM_ERR_INVALID_HANDLE`, `PAYHSM_ERR_STORAGE`; the context's errors.
///
/// In libraries built with `terminal`.
///
/// # Safety
/// The context's contract.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn payhsm_dukpt_erase(ctx: *mut PayhsmCtx, group: u32) -> Status {
    // SAFETY: the caller's.
    unsafe {
        run(ctx, &[], &[], |module| {
            module.dukpt_erase(GroupHandle::from_raw(group)?)
        })
    }
}
