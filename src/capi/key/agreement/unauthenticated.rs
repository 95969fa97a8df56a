// SPDX-License-Identifier: MIT OR Apache-2.0
//! Agreement with a peer that proves nothing.

use crate::capi::context::{PayhsmCtx, run};
use crate::capi::key::agreement::{PAYHSM_EC_PUBLIC_LEN, put};
use crate::capi::key::{PayhsmKeyInfo, new_key};
use crate::capi::memory::{self, Output, Place};
use crate::capi::status::Status;
use crate::error::Error;
use crate::inject::agreement::unauthenticated::Kdf;
use crate::key::usage::ModeOfUse;

/// Key derivation: ANSI X9.63 with SHA-256.
pub const PAYHSM_KDF_X963_SHA256: u32 = 1;
/// Key derivation: ANSI X9.63 with SHA-384.
pub const PAYHSM_KDF_X963_SHA384: u32 = 2;
/// Key derivation: ANSI X9.63 with SHA-512.
pub const PAYHSM_KDF_X963_SHA512: u32 = 3;
/// Key derivation: one-step of SP 800-56C with SHA-256.
pub const PAYHSM_KDF_ONE_STEP_SHA256: u32 = 4;
/// Key derivation: one-step of SP 800-56C with SHA-384.
pub const PAYHSM_KDF_ONE_STEP_SHA384: u32 = 5;
/// Key derivation: one-step of SP 800-56C with SHA-512.
pub const PAYHSM_KDF_ONE_STEP_SHA512: u32 = 6;

const fn kdf(number: u32) -> Result<Kdf, Error> {
    match number {
        PAYHSM_KDF_X963_SHA256 => Ok(Kdf::X963Sha256),
        PAYHSM_KDF_X963_SHA384 => Ok(Kdf::X963Sha384),
        PAYHSM_KDF_X963_SHA512 => Ok(Kdf::X963Sha512),
        PAYHSM_KDF_ONE_STEP_SHA256 => Ok(Kdf::OneStepSha256),
        PAYHSM_KDF_ONE_STEP_SHA384 => Ok(Kdf::OneStepSha384),
        PAYHSM_KDF_ONE_STEP_SHA512 => Ok(Kdf::OneStepSha512),
        _ => Err(Error::InvalidArgument),
    }
}

/// Begins an agreement with a peer that proves nothing, as payment services in the cloud do it. Whoever can put another
/// public key on the way has the agreed key: prefer the other agreements.
///
/// Parameters: `public_key`, `capacity`, `len`: receive the public key of a new ephemeral key, `PAYHSM_EC_PUBLIC_LEN`
/// bytes. An earlier agreement that was not finished is wiped.
///
/// Returns: `PAYHSM_OK`; `PAYHSM_ERR_REFUSED` unless policy permits it; `PAYHSM_ERR_ENTROPY`,
/// `PAYHSM_ERR_BUFFER_TOO_SMALL`; the context's errors.
///
/// In libraries built with `ec`.
///
/// # Safety
/// The context's contract; C1 to C3 for the pointers.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn payhsm_agreement_unauthenticated_begin(
    ctx: *mut PayhsmCtx,
    public_key: *mut u8,
    capacity: usize,
    len: *mut usize,
) -> Status {
    // SAFETY: the caller's.
    unsafe {
        let outputs = [Place::bytes(public_key, capacity), Place::of(len)];
        run(ctx, &outputs, &[], |module| {
            let out = Output::new(public_key, capacity, len)?;
            out.exactly(PAYHSM_EC_PUBLIC_LEN, |bytes| {
                put(bytes, module.agreement_unauthenticated_begin()?.as_bytes());
                Ok(())
            })
        })
    }
}

/// Takes the peer's public key and makes the agreed key: usage K1, not exportable. Compare the check value with the
/// peer's. The agreement is over in every case.
///
/// Parameters: `peer`, `peer_len`: 65 or 33 bytes; the decision callback is asked whether keys may be exchanged with its
/// owner, for nothing else does. `kdf_number`: `PAYHSM_KDF_…`. `shared_info`, `shared_info_len`: 1 to 1024 bytes that
/// both sides know, new for every agreement. `kbpk_len`: 16; 24 or 32 by policy. `mode`: `'D'` to take keys, `'E'` to
/// give keys. `key`, `info`: receive the handle and what is public; zero on error.
///
/// Returns: `PAYHSM_OK`; `PAYHSM_ERR_BAD_STATE` if none is waiting; `PAYHSM_ERR_REFUSED`; `PAYHSM_ERR_EC_POINT`;
/// `PAYHSM_ERR_INVALID_ARGUMENT` (key derivation), `PAYHSM_ERR_INVALID_LENGTH`, `PAYHSM_ERR_INVALID_KEY_LENGTH`,
/// `PAYHSM_ERR_MODE_NOT_PERMITTED`, `PAYHSM_ERR_KEY_BLOCK_MODE`, `PAYHSM_ERR_SLOTS_FULL`; the context's errors.
///
/// In libraries built with `ec`.
///
/// # Safety
/// The context's contract; C1 to C3 for the pointers.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn payhsm_agreement_unauthenticated_finish(
    ctx: *mut PayhsmCtx,
    peer: *const u8,
    peer_len: usize,
    kdf_number: u32,
    shared_info: *const u8,
    shared_info_len: usize,
    kbpk_len: usize,
    mode: u8,
    key: *mut u32,
    info: *mut PayhsmKeyInfo,
) -> Status {
    // SAFETY: the caller's.
    unsafe {
        let inputs = [Place::bytes(peer, peer_len), Place::bytes(shared_info, shared_info_len)];
        run(ctx, &[Place::of(key), Place::of(info)], &inputs, |module| {
            let made = new_key(key, info, || {
                let peer = memory::input(peer, peer_len)?;
                let shared_info = memory::input(shared_info, shared_info_len)?;
                let (kdf, mode) = (kdf(kdf_number)?, ModeOfUse::from_char(mode)?);
                let made = module.agreement_unauthenticated_finish(peer, kdf, shared_info, kbpk_len, mode)?;
                Ok((made.key, made.info))
            });
            // Over in every case.
            made.inspect_err(|_| module.agreement_abort_unauthenticated())
        })
    }
}
