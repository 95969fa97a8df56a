// SPDX-License-Identifier: MIT OR Apache-2.0
//! What the issuer of cards does: cryptograms, and their answers.

use crate::capi::context::{PayhsmCtx, run};
use crate::capi::memory::{self, Output, Place};
use crate::capi::status::Status;
use crate::emv::derive::Psn;
use crate::emv::profile::{Profile, Scheme};
use crate::error::Error;
use crate::hsm::{ArpcRequest, KeyHandle};
use crate::pin::pan::Pan;

/// Card scheme: Visa.
pub const PAYHSM_SCHEME_VISA: u32 = 1;
/// Card scheme: Mastercard.
pub const PAYHSM_SCHEME_MASTERCARD: u32 = 2;
/// Card scheme: Interac.
pub const PAYHSM_SCHEME_INTERAC: u32 = 3;
/// Card scheme: UnionPay.
pub const PAYHSM_SCHEME_UNIONPAY: u32 = 4;
/// Card scheme: JCB.
pub const PAYHSM_SCHEME_JCB: u32 = 5;
/// Card scheme: American Express.
pub const PAYHSM_SCHEME_AMERICAN_EXPRESS: u32 = 6;
/// Card scheme: Discover.
pub const PAYHSM_SCHEME_DISCOVER: u32 = 7;
/// EMV common core definitions, whichever scheme has issued the card; the version number is the common core identifier.
pub const PAYHSM_SCHEME_COMMON_CORE: u32 = 8;

/// The longest issuer authentication data (tag 91), in bytes.
pub const PAYHSM_ISSUER_AUTH_MAX_LEN: usize = 16;

fn scheme_of(number: u32) -> Result<Scheme, Error> {
    match number {
        PAYHSM_SCHEME_VISA => Ok(Scheme::Visa),
        PAYHSM_SCHEME_MASTERCARD => Ok(Scheme::Mastercard),
        PAYHSM_SCHEME_INTERAC => Ok(Scheme::Interac),
        PAYHSM_SCHEME_UNIONPAY => Ok(Scheme::UnionPay),
        PAYHSM_SCHEME_JCB => Ok(Scheme::Jcb),
        PAYHSM_SCHEME_AMERICAN_EXPRESS => Ok(Scheme::AmericanExpress),
        PAYHSM_SCHEME_DISCOVER => Ok(Scheme::Discover),
        PAYHSM_SCHEME_COMMON_CORE => Ok(Scheme::CommonCore),
        _ => Err(Error::InvalidArgument),
    }
}

/// Verifies an application cryptogram and answers it. The decision callback is asked whether the ATC is new.
///
/// Parameters: `imk`: an E0 key with mode of use X. `scheme`: `PAYHSM_SCHEME_…`. `cvn`: the cryptogram version number
/// of the card, from your records. `pan`, `pan_len`: ASCII digits. `psn`: PAN sequence number, 0 to 99. `field55`:
/// BER-TLV. `answer`, `answer_len`: what the ARPC is made over: nothing, 2 bytes (method 1: authorisation response
/// code), or 4 to 12 (method 2: card status update and proprietary data). `issuer_auth`, `issuer_auth_capacity`,
/// `issuer_auth_len`: receive the value of tag 91; empty without an answer; wiped and 0 on error.
///
/// Returns: `PAYHSM_OK` if the cryptogram is right, `PAYHSM_ERR_VERIFICATION_FAILED` if not;
/// `PAYHSM_ERR_INVALID_HANDLE`, `PAYHSM_ERR_USAGE_NOT_PERMITTED`, `PAYHSM_ERR_MODE_NOT_PERMITTED`,
/// `PAYHSM_ERR_UNSUPPORTED` (no such profile, or another method), `PAYHSM_ERR_TLV_…`, `PAYHSM_ERR_EMV_ELEMENT`,
/// `PAYHSM_ERR_IAD`, `PAYHSM_ERR_INVALID_PAN`, `PAYHSM_ERR_INVALID_LENGTH`, `PAYHSM_ERR_REFUSED`,
/// `PAYHSM_ERR_BUFFER_TOO_SMALL`; the context's errors.
///
/// In libraries built with `host`.
///
/// # Safety
/// The context's contract; C1 to C3 for the pointers.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn payhsm_arqc_verify(
    ctx: *mut PayhsmCtx,
    imk: u32,
    scheme: u32,
    cvn: u32,
    pan: *const u8,
    pan_len: usize,
    psn: u32,
    field55: *const u8,
    field55_len: usize,
    answer: *const u8,
    answer_len: usize,
    issuer_auth: *mut u8,
    issuer_auth_capacity: usize,
    issuer_auth_len: *mut usize,
) -> Status {
    // SAFETY: the caller's.
    unsafe {
        let outputs = [
            Place::bytes(issuer_auth, issuer_auth_capacity),
            Place::of(issuer_auth_len),
        ];
        let inputs = [
            Place::bytes(pan, pan_len),
            Place::bytes(field55, field55_len),
            Place::bytes(answer, answer_len),
        ];
        run(ctx, &outputs, &inputs, |module| {
            let out = Output::new(issuer_auth, issuer_auth_capacity, issuer_auth_len)?;
            let cvn = u8::try_from(cvn).map_err(|_| Error::Unsupported)?;
            let profile = Profile::of(scheme_of(scheme)?, cvn)?;
            let pan = Pan::parse(memory::input(pan, pan_len)?)?;
            let psn = Psn::new(u8::try_from(psn).map_err(|_| Error::InvalidArgument)?)?;
            let field55 = memory::input(field55, field55_len)?;
            let request = match memory::input(answer, answer_len)? {
                [] => ArpcRequest::None,
                &[a, b] => ArpcRequest::Method1 { arc: [a, b] },
                &[a, b, c, d, ref proprietary @ ..] => ArpcRequest::Method2 {
                    csu: [a, b, c, d],
                    proprietary,
                },
                _ => return Err(Error::InvalidLength),
            };
            out.fill(|bytes| {
                if bytes.len() < PAYHSM_ISSUER_AUTH_MAX_LEN {
                    return Err(Error::BufferTooSmall);
                }
                let answered = module.arqc_verify(KeyHandle::from_raw(imk)?, profile, &pan, psn, field55, request)?;
                let Some(data) = answered.issuer_authentication_data else {
                    return Ok(0);
                };
                for (to, from) in bytes.iter_mut().zip(data.as_bytes()) {
                    *to = *from;
                }
                Ok(data.as_bytes().len())
            })
        })
    }
}
