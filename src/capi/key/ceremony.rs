// SPDX-License-Identifier: MIT OR Apache-2.0
//! Keys in components.

use crate::capi::context::{Module, PayhsmCtx, run};
use crate::capi::key::{PayhsmKeyAttributes, PayhsmKeyInfo, new_key};
use crate::capi::memory::{self, Place};
use crate::capi::status::Status;
use crate::error::Error;

/// Ends a ceremony after an error, if one is open.
fn end_ceremony(module: &mut Module) {
    // A tampered module has none.
    let _ = module.component_abort();
}

/// Opens a ceremony in which custodians enter the components of a key. Until it ends no other command runs.
///
/// Parameters: `attributes`, `len`: of the key, as in `payhsm_key_generate`. `components`: how many, 2 to 9.
/// `kcv`, `kcv_len`: the check value that the key must have, 5 bytes (CMAC) or, TDEA only, 3 (zero block), or `NULL` and
/// 0. The decision callback is asked first.
///
/// Returns: `PAYHSM_OK`; `PAYHSM_ERR_BAD_STATE` if one is open; `PAYHSM_ERR_REFUSED`; `PAYHSM_ERR_INVALID_ARGUMENT` for
/// the number; `PAYHSM_ERR_INVALID_LENGTH` or `PAYHSM_ERR_ALGORITHM_MISMATCH` for the check value; the errors of
/// attributes and length as `payhsm_key_generate`; the context's errors.
///
/// # Safety
/// The context's contract; C1 to C3 for the pointers.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn payhsm_component_begin(
    ctx: *mut PayhsmCtx,
    attributes: *const PayhsmKeyAttributes,
    len: usize,
    components: u32,
    kcv: *const u8,
    kcv_len: usize,
) -> Status {
    // SAFETY: the caller's.
    unsafe {
        let inputs = [Place::of(attributes), Place::bytes(kcv, kcv_len)];
        run(ctx, &[], &inputs, |module| {
            let attributes = memory::value(attributes)?.try_into()?;
            let components = u8::try_from(components).map_err(|_| Error::InvalidArgument)?;
            module.component_begin(&attributes, len, components, memory::input(kcv, kcv_len)?)
        })
    }
}

/// Takes one component. On every error the ceremony is over and everything entered is wiped.
///
/// Parameters: `custodian`: who enters it; each custodian enters one. `component`, `component_len`: as long as the key.
/// `kcv`, `kcv_len`: its check value from the custodian's envelope, 5 or 3 bytes as above, or `NULL` and 0.
///
/// Returns: `PAYHSM_OK`; `PAYHSM_ERR_BAD_STATE` if no ceremony is open or all components are there;
/// `PAYHSM_ERR_COMPONENT` for a custodian who has given one; `PAYHSM_ERR_INVALID_KEY_LENGTH`;
/// `PAYHSM_ERR_INVALID_LENGTH` or `PAYHSM_ERR_ALGORITHM_MISMATCH` for the form of the check value;
/// `PAYHSM_ERR_VERIFICATION_FAILED` for its value, and for a component that was given before; `PAYHSM_ERR_WEAK_KEY` for
/// one of all zeros; the context's errors.
///
/// # Safety
/// The context's contract; C1 to C3 for the pointers. Wipe your copy of the component.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn payhsm_component_add(
    ctx: *mut PayhsmCtx,
    custodian: u32,
    component: *const u8,
    component_len: usize,
    kcv: *const u8,
    kcv_len: usize,
) -> Status {
    // SAFETY: the caller's.
    unsafe {
        let inputs = [Place::bytes(component, component_len), Place::bytes(kcv, kcv_len)];
        run(ctx, &[], &inputs, |module| {
            memory::both(memory::input(component, component_len), memory::input(kcv, kcv_len))
                .and_then(|(component, kcv)| module.component_add(custodian, component, kcv))
                // Over on every error, also if there is nothing to look at.
                .inspect_err(|_| end_ceremony(module))
        })
    }
}

/// Ends the ceremony: the exclusive or of all components becomes a key.
///
/// Parameters: `key`, `info`: receive the handle and what is public; zero on error, and everything entered is wiped.
///
/// Returns: `PAYHSM_OK`; `PAYHSM_ERR_BAD_STATE` if no ceremony is open or components are missing;
/// `PAYHSM_ERR_VERIFICATION_FAILED` for the check value; `PAYHSM_ERR_WEAK_KEY`, `PAYHSM_ERR_SLOTS_FULL`; the context's
/// errors.
///
/// # Safety
/// The context's contract; C1 to C3 for the pointers.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn payhsm_component_finish(
    ctx: *mut PayhsmCtx,
    key: *mut u32,
    info: *mut PayhsmKeyInfo,
) -> Status {
    // SAFETY: the caller's.
    unsafe {
        run(ctx, &[Place::of(key), Place::of(info)], &[], |module| {
            let made = new_key(key, info, || {
                let made = module.component_finish()?;
                Ok((made.key, made.info))
            });
            made.inspect_err(|_| end_ceremony(module))
        })
    }
}

/// Ends the ceremony and wipes everything entered. Without one it does nothing.
///
/// Returns: `PAYHSM_OK`; the context's errors.
///
/// # Safety
/// The context's contract.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn payhsm_component_abort(ctx: *mut PayhsmCtx) -> Status {
    // SAFETY: the caller's.
    unsafe { run(ctx, &[], &[], Module::component_abort) }
}
