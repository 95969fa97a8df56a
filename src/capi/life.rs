// SPDX-License-Identifier: MIT OR Apache-2.0
//! The life cycle: locks, the policy at run time, wiping, re-initialisation.

use crate::capi::context::{Module, PayhsmCtx, run};
use crate::capi::memory::{self, Place};
use crate::capi::status::Status;
use crate::policy::Policy;

/// Locks the module: from now on only officers may log in, also after a new start.
///
/// Returns: `PAYHSM_OK`; `PAYHSM_ERR_NOT_AUTHENTICATED` without an officer who is logged in; `PAYHSM_ERR_STORAGE`: it is locked
/// until the next start only; the context's errors.
///
/// # Safety
/// The context's contract.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn payhsm_lock(ctx: *mut PayhsmCtx) -> Status {
    // SAFETY: the caller's.
    unsafe { run(ctx, &[], &[], Module::lock) }
}

/// Lifts a lock. Two officers must be logged in. (A lock that came from wrong log-ins an officer's log-in lifts.)
///
/// Returns: `PAYHSM_OK`; `PAYHSM_ERR_BAD_STATE` if the module is not locked; `PAYHSM_ERR_NOT_AUTHENTICATED`;
/// `PAYHSM_ERR_STORAGE`; the context's errors.
///
/// # Safety
/// The context's contract.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn payhsm_unlock(ctx: *mut PayhsmCtx) -> Status {
    // SAFETY: the caller's.
    unsafe { run(ctx, &[], &[], Module::unlock) }
}

/// Tells the policy as it is now.
///
/// Parameters: `policy`: receives `PAYHSM_POLICY_…` bits; 0 on error.
///
/// Returns: `PAYHSM_OK`; the context's errors.
///
/// # Safety
/// The context's contract; C1 to C3 for the pointer.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn payhsm_policy(ctx: *mut PayhsmCtx, policy: *mut u32) -> Status {
    // SAFETY: the caller's.
    unsafe {
        run(ctx, &[Place::of(policy)], &[], |module| {
            module.enter();
            *memory::place(policy, 0)? = module.policy().to_bits();
            Ok(())
        })
    }
}

/// Takes permissions away; they stay away after a new start. An officer, if officers are enrolled.
///
/// Parameters: `withdrawn`: `PAYHSM_POLICY_…` bits.
///
/// Returns: `PAYHSM_OK`; `PAYHSM_ERR_INVALID_ARGUMENT` for an unknown bit; `PAYHSM_ERR_NOT_AUTHENTICATED`;
/// `PAYHSM_ERR_STORAGE`: they are away until the next start; the context's errors.
///
/// # Safety
/// The context's contract.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn payhsm_policy_narrow(ctx: *mut PayhsmCtx, withdrawn: u32) -> Status {
    // SAFETY: the caller's.
    unsafe {
        run(ctx, &[], &[], |module| {
            module.policy_narrow(Policy::from_bits(withdrawn)?)
        })
    }
}

/// Gives permissions: two officers, or while none are enrolled the decision callback (`PAYHSM_ASK_DUAL_CONTROL`). What the
/// configuration gives, too, stays after a new start; what it does not lasts until then.
///
/// Parameters: `given`: `PAYHSM_POLICY_…` bits.
///
/// Returns: `PAYHSM_OK`; `PAYHSM_ERR_INVALID_ARGUMENT` for an unknown bit; `PAYHSM_ERR_REFUSED` for a frozen policy, and by the
/// callback; `PAYHSM_ERR_NOT_AUTHENTICATED`; `PAYHSM_ERR_STORAGE`, and nothing has changed; the context's errors.
///
/// # Safety
/// The context's contract.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn payhsm_policy_widen(ctx: *mut PayhsmCtx, given: u32) -> Status {
    // SAFETY: the caller's.
    unsafe { run(ctx, &[], &[], |module| module.policy_widen(Policy::from_bits(given)?)) }
}

/// Freezes the policy: it may be narrowed, and widened no more, until the module is made anew. An officer, if officers are
/// enrolled.
///
/// Returns: `PAYHSM_OK`; `PAYHSM_ERR_NOT_AUTHENTICATED`; `PAYHSM_ERR_STORAGE`: it is frozen until the next start; the
/// context's errors.
///
/// # Safety
/// The context's contract.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn payhsm_policy_freeze(ctx: *mut PayhsmCtx) -> Status {
    // SAFETY: the caller's.
    unsafe { run(ctx, &[], &[], Module::policy_freeze) }
}

/// Erases every key in slots and groups, and what they left in storage, and ends every session. The module stays what it is;
/// in every state.
///
/// Returns: `PAYHSM_OK`; `PAYHSM_ERR_STORAGE` if what is stored of a group could not be given up: it comes back at the next
/// start; `PAYHSM_ERR_NULL_POINTER`, `PAYHSM_ERR_MISALIGNED`, `PAYHSM_ERR_BAD_STATE` (not a live context, or a call is
/// running).
///
/// # Safety
/// The context's contract.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn payhsm_wipe(ctx: *mut PayhsmCtx) -> Status {
    // SAFETY: the caller's.
    unsafe { run(ctx, &[], &[], Module::wipe) }
}

/// Makes the module anew: every key and every user goes, here and in storage, and the mark of a tamper event; the memory of
/// used initial DUKPT keys stays where it can be read. The way out of `PAYHSM_STATE_TAMPERED`, after a new start.
///
/// The decision callback is asked (`PAYHSM_ASK_REINITIALISE`); if officers are enrolled and the module is not tampered with,
/// two of them must be logged in.
///
/// Returns: `PAYHSM_OK`; `PAYHSM_ERR_REFUSED`; `PAYHSM_ERR_NOT_AUTHENTICATED`; `PAYHSM_ERR_TAMPERED` in the start in which
/// the tamper event came; `PAYHSM_ERR_STORAGE`: the module is tampered until it succeeds; the context's errors.
///
/// # Safety
/// The context's contract.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn payhsm_reinitialise(ctx: *mut PayhsmCtx) -> Status {
    // SAFETY: the caller's.
    unsafe { run(ctx, &[], &[], Module::reinitialise) }
}
