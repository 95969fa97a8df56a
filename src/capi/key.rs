// SPDX-License-Identifier: MIT OR Apache-2.0
//! Keys: components, key blocks, agreement, attributes.

use core::mem::size_of;

use crate::capi::context::{Module, PayhsmCtx, run};
use crate::capi::memory::{self, Output, Place};
use crate::capi::status::Status;
use crate::error::Error;
use crate::hsm::{KeyCheck, KeyHandle, KeyInfo};
use crate::key::usage::{Attributes, Exportability, KeyAlgorithm, KeyVersion, ModeOfUse, Usage};
use crate::keyblock::Profile;

/// Key-block profile: ANSI X9.143:2021 to the letter.
pub const PAYHSM_PROFILE_X9_143_STRICT: u32 = 1;
/// Key-block profile: what payment HSMs emit (TR-31:2018).
pub const PAYHSM_PROFILE_TR31_2018: u32 = 2;
/// Key-block profile: ISO 20038, version E.
pub const PAYHSM_PROFILE_ISO20038: u32 = 3;

/// The longest key block of a symmetric key without optional blocks, in characters: 16 of header, 2 for each of 48
/// payload bytes, 32 of authenticator.
pub const PAYHSM_KEY_BLOCK_MAX_LEN: usize = 16 + 96 + 32;
/// The longest key check value, in bytes.
pub const PAYHSM_KCV_MAX_LEN: usize = 5;

const _: () = assert!(PAYHSM_KCV_MAX_LEN == KeyCheck::MAX_LEN);

/// Attributes of a key: the header characters of ANSI X9.143.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
pub struct PayhsmKeyAttributes {
    /// Key usage, two characters: `"P0"`, `"B1"`, ….
    pub usage: [u8; 2],
    /// Algorithm: `'T'` TDEA, `'A'` AES.
    pub algorithm: u8,
    /// Mode of use: `'B'`, `'C'`, `'D'`, `'E'`, `'G'`, `'N'`, `'V'`, `'X'`.
    pub mode: u8,
    /// Key version, two characters; `"00"`: none.
    pub version: [u8; 2],
    /// Exportability: `'E'`, `'N'`, `'S'`.
    pub exportability: u8,
    /// 0.
    pub reserved: u8,
}

/// What is public about a key.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
pub struct PayhsmKeyInfo {
    /// The attributes.
    pub attributes: PayhsmKeyAttributes,
    /// Length of the key in bytes.
    pub len: u32,
    /// Length of the check value: 5 (CMAC) or 3 (zero block).
    pub kcv_len: u32,
    /// The check value; zeros behind.
    pub kcv: [u8; PAYHSM_KCV_MAX_LEN],
    /// 0.
    pub reserved: [u8; 3],
}

// Without padding: what the compiler leaves there would go out.
const _: () = assert!(size_of::<PayhsmKeyAttributes>() == 8);
const _: () = assert!(size_of::<PayhsmKeyInfo>() == 8 + 4 + 4 + PAYHSM_KCV_MAX_LEN + 3);

impl From<&Attributes> for PayhsmKeyAttributes {
    fn from(attributes: &Attributes) -> Self {
        Self {
            usage: attributes.usage.to_chars(),
            algorithm: attributes.algorithm.to_char(),
            mode: attributes.mode.to_char(),
            version: attributes.version.to_chars(),
            exportability: attributes.exportability.to_char(),
            reserved: 0,
        }
    }
}

impl TryFrom<&PayhsmKeyAttributes> for Attributes {
    type Error = Error;

    fn try_from(attributes: &PayhsmKeyAttributes) -> Result<Self, Error> {
        if attributes.reserved != 0 {
            return Err(Error::KeyBlockReserved);
        }
        Ok(Self {
            usage: Usage::from_chars(attributes.usage)?,
            algorithm: KeyAlgorithm::from_char(attributes.algorithm)?,
            mode: ModeOfUse::from_char(attributes.mode)?,
            version: KeyVersion::from_chars(attributes.version)?,
            exportability: Exportability::from_char(attributes.exportability)?,
        })
    }
}

impl From<&KeyInfo> for PayhsmKeyInfo {
    fn from(info: &KeyInfo) -> Self {
        let mut kcv = [0; PAYHSM_KCV_MAX_LEN];
        let check = info.check.as_bytes();
        for (to, from) in kcv.iter_mut().zip(check) {
            *to = *from;
        }
        Self {
            attributes: (&info.attributes).into(),
            len: small(info.len),
            kcv_len: small(check.len()),
            kcv,
            reserved: [0; 3],
        }
    }
}

/// A length that is at most a few hundred.
pub(super) fn small(n: usize) -> u32 {
    u32::try_from(n).unwrap_or(u32::MAX)
}

pub(super) fn profile(number: u32) -> Result<Profile, Error> {
    match number {
        PAYHSM_PROFILE_X9_143_STRICT => Ok(Profile::X9143Strict),
        PAYHSM_PROFILE_TR31_2018 => Ok(Profile::Tr31_2018),
        PAYHSM_PROFILE_ISO20038 => Ok(Profile::Iso20038),
        _ => Err(Error::InvalidArgument),
    }
}

/// A new key's handle and information, both or neither.
///
/// # Safety
/// C1 to C3 for both places.
unsafe fn new_key(
    key: *mut u32,
    info: *mut PayhsmKeyInfo,
    make: impl FnOnce() -> Result<(KeyHandle, KeyInfo), Error>,
) -> Result<(), Error> {
    // SAFETY: the caller's.
    let (key, info) = unsafe { memory::both(memory::place(key, 0), memory::place(info, PayhsmKeyInfo::default())) }?;
    let (handle, public) = make()?;
    *key = handle.to_raw();
    *info = (&public).into();
    Ok(())
}

/// Ends a ceremony after an error, if one is open.
fn end_ceremony(module: &mut Module) {
    // A tampered module has none.
    let _ = module.component_abort();
}

/// Tells what is public about a key.
///
/// Parameters: `key`: a key's handle. `info`: receives it; zero on error.
///
/// Returns: `PAYHSM_OK`; `PAYHSM_ERR_INVALID_HANDLE`; the context's errors.
///
/// # Safety
/// The context's contract; C1 to C3 for `info`.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn payhsm_key_info(ctx: *mut PayhsmCtx, key: u32, info: *mut PayhsmKeyInfo) -> Status {
    // SAFETY: the caller's.
    unsafe {
        run(ctx, &[Place::of(info)], &[], |module| {
            let out = memory::place(info, PayhsmKeyInfo::default())?;
            *out = (&module.key_info(KeyHandle::from_raw(key)?)?).into();
            Ok(())
        })
    }
}

/// Erases a key; its handle names nothing afterwards.
///
/// Returns: `PAYHSM_OK`; `PAYHSM_ERR_INVALID_HANDLE`; the context's errors.
///
/// # Safety
/// The context's contract.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn payhsm_key_erase(ctx: *mut PayhsmCtx, key: u32) -> Status {
    // SAFETY: the caller's.
    unsafe { run(ctx, &[], &[], |module| module.key_erase(KeyHandle::from_raw(key)?)) }
}

/// Makes a random key.
///
/// Parameters: `attributes`: of the new key. `len`: in bytes, 16 or 24 (`'T'`), 16, 24 or 32 (`'A'`). `key`, `info`:
/// receive the handle and what is public; zero on error.
///
/// Returns: `PAYHSM_OK`; the `PAYHSM_ERR_KEY_BLOCK_…` errors for attributes; `PAYHSM_ERR_INVALID_KEY_LENGTH`,
/// `PAYHSM_ERR_MODE_NOT_PERMITTED`, `PAYHSM_ERR_USAGE_NOT_PERMITTED`, `PAYHSM_ERR_WEAK_KEY`, `PAYHSM_ERR_SLOTS_FULL`,
/// `PAYHSM_ERR_ENTROPY`; the context's errors.
///
/// # Safety
/// The context's contract; C1 to C3 for the pointers.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn payhsm_key_generate(
    ctx: *mut PayhsmCtx,
    attributes: *const PayhsmKeyAttributes,
    len: usize,
    key: *mut u32,
    info: *mut PayhsmKeyInfo,
) -> Status {
    // SAFETY: the caller's.
    unsafe {
        run(
            ctx,
            &[Place::of(key), Place::of(info)],
            &[Place::of(attributes)],
            |module| {
                new_key(key, info, || {
                    let attributes = memory::value(attributes)?.try_into()?;
                    let made = module.key_generate(&attributes, len)?;
                    Ok((made.key, made.info))
                })
            },
        )
    }
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

/// Unwraps a key block into a slot.
///
/// Parameters: `kbpk`: a K1 key with mode of use D or B. `profile`: `PAYHSM_PROFILE_…`. `block`, `block_len`: ASCII,
/// the whole block. `key`, `info`: receive the handle and what is public; zero on error. For an initial DUKPT key (B1)
/// see `payhsm_dukpt_load`.
///
/// Returns: `PAYHSM_OK`; `PAYHSM_ERR_INVALID_HANDLE`, `PAYHSM_ERR_USAGE_NOT_PERMITTED`,
/// `PAYHSM_ERR_MODE_NOT_PERMITTED`, `PAYHSM_ERR_ALGORITHM_MISMATCH`; `PAYHSM_ERR_KEY_BLOCK_…` for a malformed public
/// field; `PAYHSM_ERR_VERIFICATION_FAILED`; `PAYHSM_ERR_KEY_STRENGTH`, `PAYHSM_ERR_WEAK_KEY`,
/// `PAYHSM_ERR_INVALID_KEY_LENGTH`, `PAYHSM_ERR_SLOTS_FULL`; the context's errors.
///
/// # Safety
/// The context's contract; C1 to C3 for the pointers.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn payhsm_key_import(
    ctx: *mut PayhsmCtx,
    kbpk: u32,
    profile_number: u32,
    block: *const u8,
    block_len: usize,
    key: *mut u32,
    info: *mut PayhsmKeyInfo,
) -> Status {
    // SAFETY: the caller's.
    unsafe {
        run(
            ctx,
            &[Place::of(key), Place::of(info)],
            &[Place::bytes(block, block_len)],
            |module| {
                new_key(key, info, || {
                    let block = memory::input(block, block_len)?;
                    let made = module.key_block_import(KeyHandle::from_raw(kbpk)?, block, profile(profile_number)?)?;
                    Ok((made.key, made.info))
                })
            },
        )
    }
}

/// Wraps a key for another party: version D under an AES key, version B under a TDEA key.
///
/// Parameters: `kbpk`: a K1 key with mode of use E or B. `key`: a key of exportability E. `block`, `block_capacity`,
/// `block_len`: receive ASCII, `PAYHSM_KEY_BLOCK_MAX_LEN` is enough; wiped and 0 on error.
///
/// Returns: `PAYHSM_OK`; `PAYHSM_ERR_INVALID_HANDLE`, `PAYHSM_ERR_USAGE_NOT_PERMITTED`,
/// `PAYHSM_ERR_MODE_NOT_PERMITTED`, `PAYHSM_ERR_EXPORT_NOT_PERMITTED`, `PAYHSM_ERR_KEY_STRENGTH`,
/// `PAYHSM_ERR_INVALID_ARGUMENT` (a key under itself), `PAYHSM_ERR_BUFFER_TOO_SMALL`, `PAYHSM_ERR_ENTROPY`; the
/// context's errors.
///
/// # Safety
/// The context's contract; C1 to C3 for the pointers.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn payhsm_key_export(
    ctx: *mut PayhsmCtx,
    kbpk: u32,
    key: u32,
    block: *mut u8,
    block_capacity: usize,
    block_len: *mut usize,
) -> Status {
    // SAFETY: the caller's.
    unsafe {
        run(
            ctx,
            &[Place::bytes(block, block_capacity), Place::of(block_len)],
            &[],
            |module| {
                let out = Output::new(block, block_capacity, block_len)?;
                let (kbpk, key) = (KeyHandle::from_raw(kbpk)?, KeyHandle::from_raw(key)?);
                out.fill(|bytes| module.key_block_export(kbpk, key, bytes))
            },
        )
    }
}

#[cfg(feature = "ec")]
pub use agreement::*;

#[cfg(feature = "ec")]
mod agreement {
    use super::{KeyHandle, Output, PayhsmCtx, PayhsmKeyInfo, Place, Status, memory, new_key, run};
    use crate::inject::agreement as scheme;

    /// Length of the host's first message of an agreement, in bytes.
    pub const PAYHSM_AGREEMENT_M1_LEN: usize = 65;
    /// Length of the terminal's answer, in bytes.
    pub const PAYHSM_AGREEMENT_M2_LEN: usize = 86;
    /// Length of the host's confirmation, in bytes.
    pub const PAYHSM_AGREEMENT_M3_LEN: usize = 16;

    const _: () = assert!(PAYHSM_AGREEMENT_M1_LEN == scheme::M1_LEN);
    const _: () = assert!(PAYHSM_AGREEMENT_M2_LEN == scheme::M2_LEN);
    const _: () = assert!(PAYHSM_AGREEMENT_M3_LEN == scheme::M3_LEN);

    /// Answers the first message of a host that wants to agree a key-block protection key: the terminal's side.
    ///
    /// Parameters: `authentication`: a B3 AES key with mode of use X that both parties hold. `host_id`, `terminal_id`:
    /// 1 to 32 bytes each. `kbpk_len`: 16; 24 or 32 by policy. `m1`: `PAYHSM_AGREEMENT_M1_LEN` bytes. `m2`,
    /// `m2_capacity`, `m2_len`: receive the answer, `PAYHSM_AGREEMENT_M2_LEN` bytes. An earlier agreement that was not
    /// finished is wiped.
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
                    for (to, from) in bytes.iter_mut().zip(answer) {
                        *to = from;
                    }
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
                made.inspect_err(|_| module.agreement_abort())
            })
        }
    }
}
