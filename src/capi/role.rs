// SPDX-License-Identifier: MIT OR Apache-2.0
//! Users, roles, log-in.

use crate::capi::context::{PayhsmCtx, run};
use crate::capi::memory::{self, Place, Versioned, VersionedOutput};
use crate::capi::status::Status;
use crate::error::Error;
use crate::hsm::{CHALLENGE_LEN, CodeHash, KeyHandle, SESSIONS, SecondFactor, SessionHandle, USERS, UserRole};

/// Role: security officer: policy, roles, life cycle.
pub const PAYHSM_ROLE_OFFICER: u32 = 1;
/// Role: custodian: enters key components.
pub const PAYHSM_ROLE_CUSTODIAN: u32 = 2;
/// Role: operator: transactions.
pub const PAYHSM_ROLE_OPERATOR: u32 = 3;
/// Role: auditor: reads and releases the log.
pub const PAYHSM_ROLE_AUDITOR: u32 = 4;
/// Role: remote host: key blocks and what else brings keys by cryptography.
pub const PAYHSM_ROLE_HOST: u32 = 5;

/// Users have numbers from 1 to this.
pub const PAYHSM_USERS: u32 = 12;
/// How many users may be logged in at a time.
pub const PAYHSM_SESSIONS: u32 = 4;
/// Length of a log-in challenge in bytes.
pub const PAYHSM_CHALLENGE_LEN: usize = 32;
/// Length of the response to a challenge in bytes.
pub const PAYHSM_RESPONSE_LEN: usize = 16;

const _: () = assert!(PAYHSM_USERS == USERS as u32 && PAYHSM_SESSIONS as usize == SESSIONS);
const _: () = assert!(PAYHSM_CHALLENGE_LEN == CHALLENGE_LEN);

/// Second factor: none.
pub const PAYHSM_FACTOR_NONE: u32 = 0;
/// Second factor: the decision callback (`PAYHSM_ASK_SECOND_FACTOR`).
pub const PAYHSM_FACTOR_PLATFORM: u32 = 1;
/// Second factor: a one-time code of RFC 6238.
pub const PAYHSM_FACTOR_CODE: u32 = 2;

/// Hash of a one-time code: SHA-1. In libraries built with `host` or `oda`.
pub const PAYHSM_CODE_SHA1: u32 = 1;
/// Hash of a one-time code: SHA-256.
pub const PAYHSM_CODE_SHA256: u32 = 2;
/// Hash of a one-time code: SHA-512.
pub const PAYHSM_CODE_SHA512: u32 = 3;

/// Who is enrolled, and how.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
pub struct PayhsmEnrolment {
    /// `sizeof(payhsm_enrolment_t)`.
    pub size: u32,
    /// The user's number, 1 to `PAYHSM_USERS`.
    pub user: u32,
    /// `PAYHSM_ROLE_…`.
    pub role: u32,
    /// The key by which the user answers challenges: AES, usage `"M6"`, mode of use `'V'`. It leaves its slot.
    pub key: u32,
    /// `PAYHSM_FACTOR_…`.
    pub factor: u32,
    /// With `PAYHSM_FACTOR_CODE` the key of the codes: usage `"M7"`, algorithm `'H'`, mode of use `'V'`. It leaves its slot.
    /// Otherwise this and the fields below are 0.
    pub code_key: u32,
    /// `PAYHSM_CODE_…`.
    pub code_hash: u32,
    /// Digits of a code, 6 or 8.
    pub code_digits: u32,
    /// Seconds that a code lasts, 30 or 60.
    pub code_period: u32,
}

// SAFETY: `repr(C)`; the size comes first; every field may be 0.
unsafe impl Versioned for PayhsmEnrolment {}

impl PayhsmEnrolment {
    fn second(&self) -> Result<SecondFactor, Error> {
        let code = [self.code_key, self.code_hash, self.code_digits, self.code_period];
        match self.factor {
            PAYHSM_FACTOR_NONE if code == [0; 4] => Ok(SecondFactor::None),
            PAYHSM_FACTOR_PLATFORM if code == [0; 4] => Ok(SecondFactor::Platform),
            PAYHSM_FACTOR_CODE => Ok(SecondFactor::Code {
                key: KeyHandle::from_raw(self.code_key)?,
                hash: CodeHash::from_number(self.code_hash)?,
                digits: u8::try_from(self.code_digits).map_err(|_| Error::InvalidArgument)?,
                period: u8::try_from(self.code_period).map_err(|_| Error::InvalidArgument)?,
            }),
            _ => Err(Error::InvalidArgument),
        }
    }
}

/// What is public about a user.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
pub struct PayhsmUserStatus {
    /// `sizeof(payhsm_user_status_t)`.
    pub size: u32,
    /// `PAYHSM_ROLE_…`.
    pub role: u32,
    /// Wrong log-ins in a row.
    pub failures: u32,
    /// The session, if the user is logged in; otherwise 0.
    pub session: u32,
    /// Milliseconds until the next try; all ones if only a new start or an officer helps.
    pub wait_ms: u64,
}

// SAFETY: `repr(C)`; the size comes first; every field may be 0.
unsafe impl Versioned for PayhsmUserStatus {}

fn user_number(user: u32) -> Result<u8, Error> {
    u8::try_from(user).map_err(|_| Error::InvalidArgument)
}

/// Enrols a user. The keys leave their slots and become the user's; no call gives them back.
///
/// The first user is an officer, and the decision callback is asked (`PAYHSM_ASK_ENROL`). **From then on roles are enforced**,
/// as the table in `docs/LIFE-CYCLE.md` has it. The second officer needs the first one and the callback, a further officer
/// two of them, everybody else one.
///
/// Parameters: `enrolment`: read during the call only.
///
/// Returns: `PAYHSM_OK`; `PAYHSM_ERR_INVALID_ARGUMENT`, `PAYHSM_ERR_ABI_MISMATCH`; `PAYHSM_ERR_INVALID_HANDLE`;
/// `PAYHSM_ERR_USAGE_NOT_PERMITTED`, `PAYHSM_ERR_MODE_NOT_PERMITTED`, `PAYHSM_ERR_ALGORITHM_MISMATCH`;
/// `PAYHSM_ERR_UNSUPPORTED` for a hash that this library does not have; `PAYHSM_ERR_BAD_STATE` for a number that is taken,
/// and for a first user who is no officer; `PAYHSM_ERR_NOT_AUTHENTICATED`, `PAYHSM_ERR_REFUSED`;
/// `PAYHSM_ERR_VERIFICATION_FAILED` for a key that another user has; `PAYHSM_ERR_STORAGE`: users need a storage key; the
/// context's errors.
///
/// # Safety
/// The context's contract; C1 to C3 for the pointer.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn payhsm_role_enrol(ctx: *mut PayhsmCtx, enrolment: *const PayhsmEnrolment) -> Status {
    // SAFETY: the caller's.
    unsafe {
        run(ctx, &[], &[Place::versioned(enrolment)], |module| {
            let enrolment: PayhsmEnrolment = memory::versioned(enrolment)?;
            let user = user_number(enrolment.user)?;
            let role = UserRole::from_number(enrolment.role)?;
            let key = KeyHandle::from_raw(enrolment.key)?;
            module.role_enrol(user, role, key, enrolment.second()?)
        })
    }
}

/// Ends a user's enrolment. The last two officers stay.
///
/// Returns: `PAYHSM_OK`; `PAYHSM_ERR_INVALID_ARGUMENT`, `PAYHSM_ERR_NO_KEY` for the number; `PAYHSM_ERR_BAD_STATE` for one of
/// the last two officers; `PAYHSM_ERR_NOT_AUTHENTICATED`; `PAYHSM_ERR_STORAGE`; the context's errors.
///
/// # Safety
/// The context's contract.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn payhsm_role_revoke(ctx: *mut PayhsmCtx, user: u32) -> Status {
    // SAFETY: the caller's.
    unsafe { run(ctx, &[], &[], |module| module.role_revoke(user_number(user)?)) }
}

/// Tells what is public about a user.
///
/// Parameters: `status`: its size comes in; receives the rest, zero on error.
///
/// Returns: `PAYHSM_OK`; `PAYHSM_ERR_INVALID_ARGUMENT`, `PAYHSM_ERR_NO_KEY` for the number; `PAYHSM_ERR_ABI_MISMATCH`; the
/// context's errors.
///
/// # Safety
/// The context's contract; C1 to C3 for the pointer.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn payhsm_role_status(ctx: *mut PayhsmCtx, user: u32, status: *mut PayhsmUserStatus) -> Status {
    // SAFETY: the caller's.
    unsafe {
        run(ctx, &[Place::versioned(status)], &[], |module| {
            let out = VersionedOutput::new(status)?;
            module.enter();
            let now = module.role_status(user_number(user)?)?;
            out.write(&PayhsmUserStatus {
                size: 0,
                role: now.role as u32,
                failures: now.failures.into(),
                session: now.session.map_or(0, SessionHandle::to_raw),
                wait_ms: now.wait,
            });
            Ok(())
        })
    }
}

/// Begins a log-in: gives a challenge, of which the user's key makes the AES-CMAC. One that was given out before is void.
///
/// Parameters: `challenge`: receives `PAYHSM_CHALLENGE_LEN` bytes; zero on error.
///
/// Returns: `PAYHSM_OK`; `PAYHSM_ERR_INVALID_ARGUMENT`, `PAYHSM_ERR_NO_KEY` for the user; `PAYHSM_ERR_LOCKED` for anybody but
/// officers in a locked module; `PAYHSM_ERR_RATE_LIMITED` after too many wrong tries; `PAYHSM_ERR_SLOTS_FULL` while
/// `PAYHSM_SESSIONS` others are logged in; `PAYHSM_ERR_ENTROPY`; the context's errors.
///
/// # Safety
/// The context's contract; C1 to C3 for the pointer.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn payhsm_login_begin(ctx: *mut PayhsmCtx, user: u32, challenge: *mut u8) -> Status {
    // SAFETY: the caller's.
    unsafe {
        run(ctx, &[Place::bytes(challenge, PAYHSM_CHALLENGE_LEN)], &[], |module| {
            module.login_begin(user_number(user)?, memory::output_array(challenge)?)
        })
    }
}

/// Ends a log-in. The try is counted in the storage before anything is compared.
///
/// Parameters: `response`: `PAYHSM_RESPONSE_LEN` bytes, the CMAC of the challenge. `code`: the one-time code as a number; ignored
/// for users without one. `session`: receives the session; 0 on error.
///
/// Returns: `PAYHSM_OK`; `PAYHSM_ERR_VERIFICATION_FAILED` for whatever is wrong; `PAYHSM_ERR_BAD_STATE` without a challenge;
/// `PAYHSM_ERR_REFUSED` if a code is needed and the time is not known; `PAYHSM_ERR_LOCKED`, `PAYHSM_ERR_RATE_LIMITED`;
/// `PAYHSM_ERR_STORAGE`, `PAYHSM_ERR_STORAGE_INTEGRITY`; the context's errors.
///
/// # Safety
/// The context's contract; C1 to C3 for the pointers.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn payhsm_login_finish(
    ctx: *mut PayhsmCtx,
    response: *const u8,
    code: u32,
    session: *mut u32,
) -> Status {
    // SAFETY: the caller's.
    unsafe {
        run(
            ctx,
            &[Place::of(session)],
            &[Place::bytes(response, PAYHSM_RESPONSE_LEN)],
            |module| {
                let (out, response) = memory::both(memory::place(session, 0), memory::input_array(response))?;
                *out = module.login_finish(response, code)?.to_raw();
                Ok(())
            },
        )
    }
}

/// Ends a session.
///
/// Returns: `PAYHSM_OK`; `PAYHSM_ERR_INVALID_HANDLE`; the context's errors.
///
/// # Safety
/// The context's contract.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn payhsm_logout(ctx: *mut PayhsmCtx, session: u32) -> Status {
    // SAFETY: the caller's.
    unsafe { run(ctx, &[], &[], |module| module.logout(SessionHandle::from_raw(session)?)) }
}
