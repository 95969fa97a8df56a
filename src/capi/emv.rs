// SPDX-License-Identifier: MIT OR Apache-2.0
//! Cards: what the terminal reads of their answers, and what their issuer does.

#[cfg(feature = "host")]
mod issuer;
#[cfg(feature = "host")]
mod script;

#[cfg(feature = "host")]
pub use issuer::*;
#[cfg(feature = "host")]
pub(super) use issuer::{profile_of, psn_of, request_of};
#[cfg(feature = "host")]
pub use script::*;

use core::mem::size_of;

use crate::capi::memory::{self, Place};
use crate::capi::status::{Status, status};
use crate::emv::element::CryptogramKind;
use crate::emv::response::{Authentication, GenerateAcResponse, MAX_IAD};
use crate::error::Error;

/// Kind of cryptogram: declined offline.
pub const PAYHSM_CRYPTOGRAM_AAC: u32 = 0;
/// Kind of cryptogram: approved offline.
pub const PAYHSM_CRYPTOGRAM_TC: u32 = 1;
/// Kind of cryptogram: online authorisation asked for.
pub const PAYHSM_CRYPTOGRAM_ARQC: u32 = 2;
/// Most issuer application data, in bytes.
pub const PAYHSM_IAD_MAX_LEN: usize = 32;

const _: () = assert!(PAYHSM_IAD_MAX_LEN == MAX_IAD);

/// The card's answer to GENERATE AC.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
pub struct PayhsmAcResponse {
    /// `PAYHSM_CRYPTOGRAM_…`.
    pub kind: u32,
    /// The application transaction counter.
    pub atc: u32,
    /// Cryptogram information data (9F27).
    pub cid: u8,
    /// Length of `iad`.
    pub iad_len: u8,
    /// The application cryptogram (9F26).
    pub cryptogram: [u8; 8],
    /// Issuer application data (9F10); zeros behind.
    pub iad: [u8; PAYHSM_IAD_MAX_LEN],
    /// 0.
    pub reserved: [u8; 2],
}

// Without padding: what the compiler leaves there would go out.
const _: () = assert!(size_of::<PayhsmAcResponse>() == 4 + 4 + 1 + 1 + 8 + PAYHSM_IAD_MAX_LEN + 2);

/// Reads the data field of a card's answer to GENERATE AC, template 77 or 80. The status words must have been 9000.
///
/// Parameters: `data`, `data_len`: without the status words. `response`: receives it; zero on error.
///
/// Returns: `PAYHSM_OK`; `PAYHSM_ERR_TLV_…` and `PAYHSM_ERR_EMV_ELEMENT` for a malformed answer;
/// `PAYHSM_ERR_UNSUPPORTED` for one with combined data authentication; `PAYHSM_ERR_NULL_POINTER`,
/// `PAYHSM_ERR_MISALIGNED`, `PAYHSM_ERR_OVERLAP`.
///
/// # Safety
/// C1 to C3 for the pointers.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn payhsm_emv_ac_response(
    data: *const u8,
    data_len: usize,
    response: *mut PayhsmAcResponse,
) -> Status {
    // SAFETY: the caller's.
    status(unsafe { ac_response(data, data_len, response) })
}

/// # Safety
/// As [`payhsm_emv_ac_response`].
unsafe fn ac_response(data: *const u8, data_len: usize, response: *mut PayhsmAcResponse) -> Result<(), Error> {
    memory::disjoint(&[Place::of(response)], &[Place::bytes(data, data_len)])?;
    // SAFETY: C1 and C2 for both pointers; C3 was judged.
    let (out, data) = unsafe {
        (
            memory::place(response, PayhsmAcResponse::default())?,
            memory::input(data, data_len)?,
        )
    };
    let answer = GenerateAcResponse::parse(data)?;
    let Authentication::Cryptogram(cryptogram) = answer.authentication else {
        return Err(Error::Unsupported);
    };
    *out = PayhsmAcResponse {
        kind: match answer.cid.kind() {
            CryptogramKind::Aac => PAYHSM_CRYPTOGRAM_AAC,
            CryptogramKind::Tc => PAYHSM_CRYPTOGRAM_TC,
            CryptogramKind::Arqc => PAYHSM_CRYPTOGRAM_ARQC,
        },
        atc: answer.atc.value().into(),
        cid: answer.cid.to_byte(),
        iad_len: u8::try_from(answer.iad.len()).unwrap_or(0),
        cryptogram,
        iad: [0; PAYHSM_IAD_MAX_LEN],
        reserved: [0; 2],
    };
    for (to, from) in out.iad.iter_mut().zip(answer.iad) {
        *to = *from;
    }
    Ok(())
}
