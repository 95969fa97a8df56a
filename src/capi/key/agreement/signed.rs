// SPDX-License-Identifier: MIT OR Apache-2.0
//! Signature keys, and the terminal's side of an agreement with signatures.

use crate::capi::context::{PayhsmCtx, run};
use crate::capi::key::agreement::{
    PAYHSM_AGREEMENT_M1_LEN, PAYHSM_AGREEMENT_SIGNED_M2_LEN, PAYHSM_AGREEMENT_SIGNED_M3_LEN, PAYHSM_EC_PUBLIC_LEN, put,
};
use crate::capi::key::{PayhsmKeyInfo, new_key};
use crate::capi::memory::{self, Output, Place};
use crate::capi::status::Status;
use crate::hsm::KeyHandle;

/// Gives the public key of a signature key: `04 || X || Y`.
///
/// Parameters: `key`: an S0 key of P-256 with mode of use S. `public_key`, `capacity`, `len`: receive
/// `PAYHSM_EC_PUBLIC_LEN` bytes.
///
/// Returns: `PAYHSM_OK`; `PAYHSM_ERR_INVALID_HANDLE`, `PAYHSM_ERR_USAGE_NOT_PERMITTED`, `PAYHSM_ERR_BUFFER_TOO_SMALL`;
/// the context's errors.
///
/// In libraries built with `ec`.
///
/// # Safety
/// The context's contract; C1 to C3 for the pointers.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn payhsm_key_public(
    ctx: *mut PayhsmCtx,
    key: u32,
    public_key: *mut u8,
    capacity: usize,
    len: *mut usize,
) -> Status {
    // SAFETY: the caller's.
    unsafe {
        let outputs = [Place::bytes(public_key, capacity), Place::of(len)];
        run(ctx, &outputs, &[], |module| {
            let out = Output::new(public_key, capacity, len)?;
            let key = KeyHandle::from_raw(key)?;
            out.exactly(PAYHSM_EC_PUBLIC_LEN, |bytes| {
                put(bytes, module.key_public(key)?.as_bytes());
                Ok(())
            })
        })
    }
}

/// Answers the first message of a host that wants to agree a key-block protection key, with a signature: the terminal's
/// side.
///
/// Parameters: `signing`: the terminal's S0 key of P-256 with mode of use S. `peer`, `peer_len`: the public key of the
/// host's signing key, 65 or 33 bytes; the decision callback is asked whether it is. `m2`:
/// `PAYHSM_AGREEMENT_SIGNED_M2_LEN` bytes. The rest is as in `payhsm_agreement_answer`.
///
/// Returns: as `payhsm_agreement_answer`; `PAYHSM_ERR_EC_POINT` also for `peer`; `PAYHSM_ERR_REFUSED`.
///
/// In libraries built with `ec`.
///
/// # Safety
/// The context's contract; C1 to C3 for the pointers.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn payhsm_agreement_answer_signed(
    ctx: *mut PayhsmCtx,
    signing: u32,
    peer: *const u8,
    peer_len: usize,
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
            Place::bytes(peer, peer_len),
            Place::bytes(host_id, host_id_len),
            Place::bytes(terminal_id, terminal_id_len),
            Place::bytes(m1, PAYHSM_AGREEMENT_M1_LEN),
        ];
        run(ctx, &outputs, &inputs, |module| {
            let out = Output::new(m2, m2_capacity, m2_len)?;
            let signing = KeyHandle::from_raw(signing)?;
            let peer = memory::input(peer, peer_len)?;
            let host = memory::input(host_id, host_id_len)?;
            let terminal = memory::input(terminal_id, terminal_id_len)?;
            let m1 = memory::input_array(m1)?;
            out.exactly(PAYHSM_AGREEMENT_SIGNED_M2_LEN, |bytes| {
                put(
                    bytes,
                    &module.agreement_answer_signed(signing, peer, host, terminal, kbpk_len, m1)?,
                );
                Ok(())
            })
        })
    }
}

/// As `payhsm_agreement_finish` for an agreement with signatures.
///
/// Parameters: `m3`: `PAYHSM_AGREEMENT_SIGNED_M3_LEN` bytes. The rest is as in `payhsm_agreement_finish`.
///
/// Returns: as `payhsm_agreement_finish`.
///
/// In libraries built with `ec`.
///
/// # Safety
/// The context's contract; C1 to C3 for the pointers.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn payhsm_agreement_finish_signed(
    ctx: *mut PayhsmCtx,
    m3: *const u8,
    key: *mut u32,
    info: *mut PayhsmKeyInfo,
) -> Status {
    // SAFETY: the caller's.
    unsafe {
        let inputs = [Place::bytes(m3, PAYHSM_AGREEMENT_SIGNED_M3_LEN)];
        run(ctx, &[Place::of(key), Place::of(info)], &inputs, |module| {
            let made = new_key(key, info, || {
                let made = module.agreement_finish_signed(memory::input_array(m3)?)?;
                Ok((made.key, made.info))
            });
            // Over in every case, also if there is no confirmation to look at.
            made.inspect_err(|_| module.agreement_abort_answered())
        })
    }
}
