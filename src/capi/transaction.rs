// SPDX-License-Identifier: MIT OR Apache-2.0
//! What both parties do with a transaction.

use crate::capi::context::{PayhsmCtx, run};
use crate::capi::memory::{Output, Place};
use crate::capi::status::Status;
use crate::dukpt::aes::KeyType;
use crate::error::Error;
use crate::hsm::{TransactionHandle, TransactionKsn, Ways, WorkingKey};

/// Length of a KSN of DUKPT with TDEA keys, in bytes.
pub const PAYHSM_DUKPT_TDES_KSN_LEN: usize = 10;
/// Length of a KSN of DUKPT with AES keys, in bytes.
pub const PAYHSM_DUKPT_AES_KSN_LEN: usize = 12;
/// The longest KSN, in bytes.
pub const PAYHSM_KSN_MAX_LEN: usize = 12;

const _: () = assert!(PAYHSM_KSN_MAX_LEN == TransactionKsn::MAX_LEN);

/// Ends a transaction: its keys are wiped, its handle names nothing.
///
/// Returns: `PAYHSM_OK`; `PAYHSM_ERR_INVALID_HANDLE`; the context's errors.
///
/// # Safety
/// The context's contract.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn payhsm_transaction_end(ctx: *mut PayhsmCtx, transaction: u32) -> Status {
    // SAFETY: the caller's.
    unsafe {
        run(ctx, &[], &[], |module| {
            module.transaction_end(TransactionHandle::from_raw(transaction)?)
        })
    }
}

/// Tells the KSN of a transaction.
///
/// Parameters: `ksn`, `ksn_capacity`, `ksn_len`: as `payhsm_dukpt_begin`.
///
/// Returns: `PAYHSM_OK`; `PAYHSM_ERR_INVALID_HANDLE`, `PAYHSM_ERR_BUFFER_TOO_SMALL`; the context's errors.
///
/// # Safety
/// The context's contract; C1 to C3 for the pointers.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn payhsm_transaction_ksn(
    ctx: *mut PayhsmCtx,
    transaction: u32,
    ksn: *mut u8,
    ksn_capacity: usize,
    ksn_len: *mut usize,
) -> Status {
    // SAFETY: the caller's.
    unsafe {
        run(
            ctx,
            &[Place::bytes(ksn, ksn_capacity), Place::of(ksn_len)],
            &[],
            |module| {
                let out = Output::new(ksn, ksn_capacity, ksn_len)?;
                let ksn = module.transaction_ksn(TransactionHandle::from_raw(transaction)?)?;
                out.exactly(ksn.as_bytes().len(), |bytes| {
                    for (to, from) in bytes.iter_mut().zip(ksn.as_bytes()) {
                        *to = *from;
                    }
                    Ok(())
                })
            },
        )
    }
}

/// Working key: PIN encryption.
pub const PAYHSM_WORKING_PIN: u32 = 1;
/// Working key: MACs, one key for requests and one for responses.
pub const PAYHSM_WORKING_MAC: u32 = 2;
/// Working key: MACs, one key for both ways.
pub const PAYHSM_WORKING_MAC_BOTH: u32 = 3;
/// Working key: data, one key for requests and one for responses.
pub const PAYHSM_WORKING_DATA: u32 = 4;
/// Working key: data, one key for both ways.
pub const PAYHSM_WORKING_DATA_BOTH: u32 = 5;
/// Working key: data under the TDEA variant without the one-way step, as some older devices do. In libraries built with
/// `legacy`, by `PAYHSM_POLICY_LEGACY_DATA_KEY`.
pub const PAYHSM_WORKING_LEGACY_DATA_VARIANT: u32 = 6;
/// Working key: data under the TDEA PIN variant, as some older card readers do; the transaction serves no PIN then. In
/// libraries built with `legacy`, by `PAYHSM_POLICY_LEGACY_DATA_KEY`.
pub const PAYHSM_WORKING_LEGACY_DATA_UNDER_PIN_VARIANT: u32 = 7;

/// Key type: two-key TDEA.
pub const PAYHSM_KEY_TYPE_TDES2: u32 = 1;
/// Key type: three-key TDEA.
pub const PAYHSM_KEY_TYPE_TDES3: u32 = 2;
/// Key type: AES-128.
pub const PAYHSM_KEY_TYPE_AES128: u32 = 3;
/// Key type: AES-192.
pub const PAYHSM_KEY_TYPE_AES192: u32 = 4;
/// Key type: AES-256.
pub const PAYHSM_KEY_TYPE_AES256: u32 = 5;
/// Key type: HMAC with 16 bytes.
pub const PAYHSM_KEY_TYPE_HMAC128: u32 = 6;
/// Key type: HMAC with 24 bytes.
pub const PAYHSM_KEY_TYPE_HMAC192: u32 = 7;
/// Key type: HMAC with 32 bytes.
pub const PAYHSM_KEY_TYPE_HMAC256: u32 = 8;

fn working_key(purpose: u32, key_type: u32) -> Result<WorkingKey, Error> {
    let key_type = match key_type {
        PAYHSM_KEY_TYPE_TDES2 => KeyType::Tdes2,
        PAYHSM_KEY_TYPE_TDES3 => KeyType::Tdes3,
        PAYHSM_KEY_TYPE_AES128 => KeyType::Aes128,
        PAYHSM_KEY_TYPE_AES192 => KeyType::Aes192,
        PAYHSM_KEY_TYPE_AES256 => KeyType::Aes256,
        PAYHSM_KEY_TYPE_HMAC128 => KeyType::Hmac128,
        PAYHSM_KEY_TYPE_HMAC192 => KeyType::Hmac192,
        PAYHSM_KEY_TYPE_HMAC256 => KeyType::Hmac256,
        _ => return Err(Error::InvalidArgument),
    };
    match (purpose, key_type) {
        (PAYHSM_WORKING_PIN, _) => Ok(WorkingKey::Pin(key_type)),
        (PAYHSM_WORKING_MAC, _) => Ok(WorkingKey::Mac(key_type, Ways::Parted)),
        (PAYHSM_WORKING_MAC_BOTH, _) => Ok(WorkingKey::Mac(key_type, Ways::Both)),
        (PAYHSM_WORKING_DATA, _) => Ok(WorkingKey::Data(key_type, Ways::Parted)),
        (PAYHSM_WORKING_DATA_BOTH, _) => Ok(WorkingKey::Data(key_type, Ways::Both)),
        #[cfg(feature = "legacy")]
        (PAYHSM_WORKING_LEGACY_DATA_VARIANT, KeyType::Tdes2) => Ok(WorkingKey::LegacyDataVariant),
        #[cfg(feature = "legacy")]
        (PAYHSM_WORKING_LEGACY_DATA_UNDER_PIN_VARIANT, KeyType::Tdes2) => Ok(WorkingKey::LegacyDataUnderPinVariant),
        #[cfg(not(feature = "legacy"))]
        (PAYHSM_WORKING_LEGACY_DATA_VARIANT | PAYHSM_WORKING_LEGACY_DATA_UNDER_PIN_VARIANT, KeyType::Tdes2) => {
            Err(Error::Unsupported)
        }
        _ => Err(Error::InvalidArgument),
    }
}

/// Chooses a working key of a transaction before its first use, at either end. Both ends must choose alike.
///
/// Without a choice TDEA transactions use their own keys, AES transactions keys of the initial key's type, and requests
/// and responses are parted.
///
/// Parameters: `purpose`: `PAYHSM_WORKING_…`. `key_type`: `PAYHSM_KEY_TYPE_…`; TDES2 with TDEA and the legacy purposes.
///
/// Returns: `PAYHSM_OK`; `PAYHSM_ERR_INVALID_HANDLE`, `PAYHSM_ERR_INVALID_ARGUMENT`;
/// `PAYHSM_ERR_ALGORITHM_MISMATCH` for what DUKPT does not derive; `PAYHSM_ERR_KEY_STRENGTH` for a key stronger than the
/// initial key; `PAYHSM_ERR_REFUSED`, `PAYHSM_ERR_UNSUPPORTED` for a legacy key; `PAYHSM_ERR_BAD_STATE` if the key was used
/// already; the context's errors.
///
/// # Safety
/// The context's contract.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn payhsm_transaction_select(
    ctx: *mut PayhsmCtx,
    transaction: u32,
    purpose: u32,
    key_type: u32,
) -> Status {
    // SAFETY: the caller's.
    unsafe {
        run(ctx, &[], &[], |module| {
            let transaction = TransactionHandle::from_raw(transaction)?;
            module.transaction_select(transaction, working_key(purpose, key_type)?)
        })
    }
}
