// SPDX-License-Identifier: MIT OR Apache-2.0
//! Agreement of a key-block protection key.

#[cfg(feature = "host")]
mod host;
mod signed;
mod unauthenticated;

#[cfg(feature = "host")]
pub use host::*;
pub use signed::*;
pub use unauthenticated::*;

use crate::capi::context::{PayhsmCtx, run};
use crate::capi::key::{PayhsmKeyInfo, new_key};
use crate::capi::memory::{self, Output, Place};
use crate::capi::status::Status;
use crate::ecdh::PUBLIC_LEN;
use crate::hsm::KeyHandle;
use crate::inject::agreement as scheme;

/// Length of the host's first message of an agreement, in bytes.
pub const PAYHSM_AGREEMENT_M1_LEN: usize = 81;
/// Length of the terminal's answer, in bytes.
pub const PAYHSM_AGREEMENT_M2_LEN: usize = 102;
/// Length of the host's confirmation, in bytes.
pub const PAYHSM_AGREEMENT_M3_LEN: usize = 16;
/// Length of the terminal's answer with a signature, in bytes.
pub const PAYHSM_AGREEMENT_SIGNED_M2_LEN: usize = 150;
/// Length of the host's confirmation with a signature, in bytes.
pub const PAYHSM_AGREEMENT_SIGNED_M3_LEN: usize = 64;

const _: () = assert!(PAYHSM_AGREEMENT_M1_LEN == scheme::M1_LEN);
const _: () = assert!(PAYHSM_AGREEMENT_M2_LEN == scheme::M2_LEN);
const _: () = assert!(PAYHSM_AGREEMENT_M3_LEN == scheme::M3_LEN);
const _: () = assert!(PAYHSM_AGREEMENT_SIGNED_M2_LEN == scheme::SIGNED_M2_LEN);
const _: () = assert!(PAYHSM_AGREEMENT_SIGNED_M3_LEN == scheme::SIGNED_M3_LEN);

/// Length of a public key of P-256, `04 || X || Y`, in bytes.
pub const PAYHSM_EC_PUBLIC_LEN: usize = 65;

const _: () = assert!(PAYHSM_EC_PUBLIC_LEN == PUBLIC_LEN);

/// A message of the agreement into its place.
fn put(place: &mut [u8], message: &[u8]) {
    for (to, from) in place.iter_mut().zip(message) {
        *to = *from;
    }
}

/// Answers the first message of a host that wants to agree a key-block protection key: the terminal's side.
///
/// Parameters: `authentication`: a B3 AES key with mode of use X that both parties hold. `host_id`, `terminal_id`:
/// 1 to 32 bytes each. `kbpk_len`: 16; 24 or 32 by policy. `m1`: `PAYHSM_AGREEMENT_M1_LEN` bytes. `m2`,
/// `m2_capacity`, `m2_len`: receive the answer, `PAYHSM_AGREEMENT_M2_LEN` bytes. An earlier agreement that was not
/// finished is wiped. See `payhsm_agreement_finish`.
///
/// Returns: `PAYHSM_OK`; `PAYHSM_ERR_INVALID_HANDLE`, `PAYHSM_ERR_USAGE_NOT_PERMITTED`,
/// `PAYHSM_ERR_MODE_NOT_PERMITTED`, `PAYHSM_ERR_INVALID_LENGTH`, `PAYHSM_ERR_INVALID_KEY_LENGTH`,
/// `PAYHSM_ERR_INVALID_ARGUMENT` (equal identities), `PAYHSM_ERR_EC_POINT`, `PAYHSM_ERR_ENTROPY`,
/// `PAYHSM_ERR_BUFFER_TOO_SMALL`; the context's errors.
///
/// In libraries built with `ec`.
///
/// # Safety
/// The context's contract; C1 to C3 for the pointers.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn payhsm_agreement_answer(
    ctx: *mut PayhsmCtx,
    authentication: u32,
    host_id: *const u8,
    host_id_len: usize,
    terminal_id: *const u8,
    terminal_id_len: usize,
    kbpk_len: usize,
    m1: *const u8,
    m2: *mut u8,
    m2_capacity: usize,
    m2_len: *mut usize,
) -> Status {
    // SAFETY: the caller's.
    unsafe {
        let outputs = [Place::bytes(m2, m2_capacity), Place::of(m2_len)];
        let inputs = [
            Place::bytes(host_id, host_id_len),
            Place::bytes(terminal_id, terminal_id_len),
            Place::bytes(m1, PAYHSM_AGREEMENT_M1_LEN),
        ];
        run(ctx, &outputs, &inputs, |module| {
            let out = Output::new(m2, m2_capacity, m2_len)?;
            let authentication = KeyHandle::from_raw(authentication)?;
            let host = memory::input(host_id, host_id_len)?;
            let terminal = memory::input(terminal_id, terminal_id_len)?;
            let m1 = memory::input_array(m1)?;
            out.exactly(PAYHSM_AGREEMENT_M2_LEN, |bytes| {
                let answer = module.agreement_answer(authentication, host, terminal, kbpk_len, m1)?;
                put(bytes, &answer);
                Ok(())
            })
        })
    }
}

/// Takes the host's confirmation and, if it verifies, releases the agreed key: usage K1, mode of use D, not
/// exportable.
///
/// Parameters: `m3`: `PAYHSM_AGREEMENT_M3_LEN` bytes. `key`, `info`: receive the handle and what is public; zero on
/// error. The agreement is over in every case.
///
/// Returns: `PAYHSM_OK`; `PAYHSM_ERR_BAD_STATE` if none is waiting; `PAYHSM_ERR_VERIFICATION_FAILED`;
/// `PAYHSM_ERR_SLOTS_FULL`; the context's errors.
///
/// In libraries built with `ec`.
///
/// # Safety
/// The context's contract; C1 to C3 for the pointers.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn payhsm_agreement_finish(
    ctx: *mut PayhsmCtx,
    m3: *const u8,
    key: *mut u32,
    info: *mut PayhsmKeyInfo,
) -> Status {
    // SAFETY: the caller's.
    unsafe {
        let inputs = [Place::bytes(m3, PAYHSM_AGREEMENT_M3_LEN)];
        run(ctx, &[Place::of(key), Place::of(info)], &inputs, |module| {
            let made = new_key(key, info, || {
                let made = module.agreement_finish(memory::input_array(m3)?)?;
                Ok((made.key, made.info))
            });
            // Over in every case, also if there is no confirmation to look at.
            made.inspect_err(|_| module.agreement_abort_answered())
        })
    }
}

/// Drops and wipes what this context holds of agreements that were not finished; without one it does nothing. It does so in
/// every state.
///
/// Returns: `PAYHSM_OK`; `PAYHSM_ERR_NULL_POINTER`, `PAYHSM_ERR_MISALIGNED`, `PAYHSM_ERR_BAD_STATE` (not a live context, or
/// a call is running).
///
/// In libraries built with `ec`.
///
/// # Safety
/// The context's contract.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn payhsm_agreement_abort(ctx: *mut PayhsmCtx) -> Status {
    // SAFETY: the caller's.
    unsafe {
        run(ctx, &[], &[], |module| {
            module.enter();
            module.agreement_abort();
            Ok(())
        })
    }
}
