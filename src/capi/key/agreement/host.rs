// SPDX-License-Identifier: MIT OR Apache-2.0
//! The host's side of an agreement.

use crate::capi::context::{PayhsmCtx, run};
use crate::capi::key::agreement::{
    PAYHSM_AGREEMENT_M1_LEN, PAYHSM_AGREEMENT_M2_LEN, PAYHSM_AGREEMENT_M3_LEN, PAYHSM_AGREEMENT_SIGNED_M2_LEN,
    PAYHSM_AGREEMENT_SIGNED_M3_LEN, put,
};
use crate::capi::key::{PayhsmKeyInfo, new_key};
use crate::capi::memory::{self, Output, Place};
use crate::capi::status::Status;
use crate::error::Error;
use crate::hsm::KeyHandle;

/// Begins an agreement of a key-block protection key with a terminal: the host's side.
///
/// Parameters: `authentication`: a B3 AES key with mode of use X that both parties hold. `host_id`, `terminal_id`:
/// 1 to 32 bytes each. `kbpk_len`: 16; 24 or 32 by policy. `m1`, `m1_capacity`, `m1_len`: receive the first message,
/// `PAYHSM_AGREEMENT_M1_LEN` bytes. An earlier agreement that was not finished is wiped.
///
/// Returns: `PAYHSM_OK`; `PAYHSM_ERR_INVALID_HANDLE`, `PAYHSM_ERR_USAGE_NOT_PERMITTED`,
/// `PAYHSM_ERR_MODE_NOT_PERMITTED`, `PAYHSM_ERR_INVALID_LENGTH`, `PAYHSM_ERR_INVALID_KEY_LENGTH`,
/// `PAYHSM_ERR_INVALID_ARGUMENT` (equal identities), `PAYHSM_ERR_ENTROPY`, `PAYHSM_ERR_BUFFER_TOO_SMALL`; the context's
/// errors.
///
/// In libraries built with `ec` and `host`.
///
/// # Safety
/// The context's contract; C1 to C3 for the pointers.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn payhsm_agreement_begin(
    ctx: *mut PayhsmCtx,
    authentication: u32,
    host_id: *const u8,
    host_id_len: usize,
    terminal_id: *const u8,
    terminal_id_len: usize,
    kbpk_len: usize,
    m1: *mut u8,
    m1_capacity: usize,
    m1_len: *mut usize,
) -> Status {
    // SAFETY: the caller's.
    unsafe {
        let outputs = [Place::bytes(m1, m1_capacity), Place::of(m1_len)];
        let inputs = [
            Place::bytes(host_id, host_id_len),
            Place::bytes(terminal_id, terminal_id_len),
        ];
        run(ctx, &outputs, &inputs, |module| {
            let out = Output::new(m1, m1_capacity, m1_len)?;
            let authentication = KeyHandle::from_raw(authentication)?;
            let host = memory::input(host_id, host_id_len)?;
            let terminal = memory::input(terminal_id, terminal_id_len)?;
            out.exactly(PAYHSM_AGREEMENT_M1_LEN, |bytes| {
                put(
                    bytes,
                    &module.agreement_begin(authentication, host, terminal, kbpk_len)?,
                );
                Ok(())
            })
        })
    }
}

/// Takes the terminal's answer and, if it verifies, releases the agreed key: usage K1, mode of use E, not exportable.
///
/// Parameters: `m2`: `PAYHSM_AGREEMENT_M2_LEN` bytes. `key`, `info`: receive the handle and what is public; zero on
/// error. `m3`, `m3_capacity`, `m3_len`: receive the confirmation for the terminal, `PAYHSM_AGREEMENT_M3_LEN` bytes. The
/// agreement is over in every case.
///
/// Returns: `PAYHSM_OK`; `PAYHSM_ERR_BAD_STATE` if none is waiting; `PAYHSM_ERR_INVALID_HANDLE` if the authentication key
/// is gone; `PAYHSM_ERR_EC_POINT`; `PAYHSM_ERR_VERIFICATION_FAILED`; `PAYHSM_ERR_SLOTS_FULL`,
/// `PAYHSM_ERR_BUFFER_TOO_SMALL`; the context's errors.
///
/// In libraries built with `ec` and `host`.
///
/// # Safety
/// The context's contract; C1 to C3 for the pointers.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn payhsm_agreement_confirm(
    ctx: *mut PayhsmCtx,
    m2: *const u8,
    key: *mut u32,
    info: *mut PayhsmKeyInfo,
    m3: *mut u8,
    m3_capacity: usize,
    m3_len: *mut usize,
) -> Status {
    // SAFETY: the caller's.
    unsafe {
        let outputs = [
            Place::of(key),
            Place::of(info),
            Place::bytes(m3, m3_capacity),
            Place::of(m3_len),
        ];
        let inputs = [Place::bytes(m2, PAYHSM_AGREEMENT_M2_LEN)];
        run(ctx, &outputs, &inputs, |module| {
            let out = Output::new(m3, m3_capacity, m3_len);
            let made = new_key(key, info, || {
                let mut answer = None;
                let m2 = memory::input_array(m2)?;
                out?.exactly(PAYHSM_AGREEMENT_M3_LEN, |bytes| {
                    let (made, m3) = module.agreement_confirm(m2)?;
                    put(bytes, &m3);
                    answer = Some((made.key, made.info));
                    Ok(())
                })?;
                answer.ok_or(Error::Internal)
            });
            // Over in every case.
            made.inspect_err(|_| module.agreement_abort_begun())
        })
    }
}

/// Begins an agreement with signatures: the host's side.
///
/// Parameters: `signing`: the host's S0 key of P-256 with mode of use S. The rest is as in `payhsm_agreement_begin`.
///
/// Returns: as `payhsm_agreement_begin`.
///
/// In libraries built with `ec` and `host`.
///
/// # Safety
/// The context's contract; C1 to C3 for the pointers.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn payhsm_agreement_begin_signed(
    ctx: *mut PayhsmCtx,
    signing: u32,
    host_id: *const u8,
    host_id_len: usize,
    terminal_id: *const u8,
    terminal_id_len: usize,
    kbpk_len: usize,
    m1: *mut u8,
    m1_capacity: usize,
    m1_len: *mut usize,
) -> Status {
    // SAFETY: the caller's.
    unsafe {
        let outputs = [Place::bytes(m1, m1_capacity), Place::of(m1_len)];
        let inputs = [
            Place::bytes(host_id, host_id_len),
            Place::bytes(terminal_id, terminal_id_len),
        ];
        run(ctx, &outputs, &inputs, |module| {
            let out = Output::new(m1, m1_capacity, m1_len)?;
            let signing = KeyHandle::from_raw(signing)?;
            let host = memory::input(host_id, host_id_len)?;
            let terminal = memory::input(terminal_id, terminal_id_len)?;
            out.exactly(PAYHSM_AGREEMENT_M1_LEN, |bytes| {
                put(
                    bytes,
                    &module.agreement_begin_signed(signing, host, terminal, kbpk_len)?,
                );
                Ok(())
            })
        })
    }
}

/// As `payhsm_agreement_confirm` for an agreement with signatures.
///
/// Parameters: `peer`, `peer_len`: the public key of the terminal's signing key, 65 or 33 bytes; the decision callback is
/// asked whether it is. `m2`: `PAYHSM_AGREEMENT_SIGNED_M2_LEN` bytes. `m3`: `PAYHSM_AGREEMENT_SIGNED_M3_LEN` bytes. The
/// rest is as in `payhsm_agreement_confirm`.
///
/// Returns: as `payhsm_agreement_confirm`; `PAYHSM_ERR_EC_POINT` also for `peer`; `PAYHSM_ERR_REFUSED`.
///
/// In libraries built with `ec` and `host`.
///
/// # Safety
/// The context's contract; C1 to C3 for the pointers.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn payhsm_agreement_confirm_signed(
    ctx: *mut PayhsmCtx,
    peer: *const u8,
    peer_len: usize,
    m2: *const u8,
    key: *mut u32,
    info: *mut PayhsmKeyInfo,
    m3: *mut u8,
    m3_capacity: usize,
    m3_len: *mut usize,
) -> Status {
    // SAFETY: the caller's.
    unsafe {
        let outputs = [
            Place::of(key),
            Place::of(info),
            Place::bytes(m3, m3_capacity),
            Place::of(m3_len),
        ];
        let inputs = [
            Place::bytes(peer, peer_len),
            Place::bytes(m2, PAYHSM_AGREEMENT_SIGNED_M2_LEN),
        ];
        run(ctx, &outputs, &inputs, |module| {
            let out = Output::new(m3, m3_capacity, m3_len);
            let made = new_key(key, info, || {
                let mut answer = None;
                let m2 = memory::input_array(m2)?;
                let peer = memory::input(peer, peer_len)?;
                out?.exactly(PAYHSM_AGREEMENT_SIGNED_M3_LEN, |bytes| {
                    let (made, m3) = module.agreement_confirm_signed(peer, m2)?;
                    put(bytes, &m3);
                    answer = Some((made.key, made.info));
                    Ok(())
                })?;
                answer.ok_or(Error::Internal)
            });
            // Over in every case.
            made.inspect_err(|_| module.agreement_abort_begun())
        })
    }
}
