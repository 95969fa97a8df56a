// SPDX-License-Identifier: MIT OR Apache-2.0
//! What the issuer of cards does: cryptograms, and their answers.

use core::fmt::{self, Write as _};
use core::mem::size_of;

use crate::capi::card::{PAYHSM_MASTER_KEY_A, PAYHSM_MASTER_KEY_B};
use crate::capi::context::{PayhsmCtx, run};
use crate::capi::emv::{PAYHSM_CRYPTOGRAM_AAC, PAYHSM_CRYPTOGRAM_ARQC, PAYHSM_CRYPTOGRAM_TC};
use crate::capi::memory::{self, Output, Place, Versioned};
use crate::capi::status::Status;
use crate::emv::derive::{MasterKeyOption, Psn};
use crate::emv::element::{Atc, CryptogramKind};
use crate::emv::profile::{ArpcKey, ArpcMethod, Padding, Profile, Recipe, Scheme, SessionKeyMethod};
use crate::emv::raw::RawRequest;
use crate::error::Error;
use crate::hsm::{ArpcRequest, ArqcAnswer, KeyHandle};
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

/// Derivation of card keys: EMV option A, parity as it falls (PBOC, UnionPay).
pub const PAYHSM_MASTER_KEY_PBOC: u32 = 3;
/// Derivation of card keys: EMV option C, for AES cards.
pub const PAYHSM_MASTER_KEY_C: u32 = 4;

/// Session key: none, the card's master key.
pub const PAYHSM_SESSION_KEY_NONE: u32 = 1;
/// Session key: EMV common session key, from the ATC.
pub const PAYHSM_SESSION_KEY_COMMON: u32 = 2;
/// Session key: M/Chip, from ATC and unpredictable number.
pub const PAYHSM_SESSION_KEY_MCHIP: u32 = 3;
/// Session key: UnionPay and PBOC, from the ATC.
pub const PAYHSM_SESSION_KEY_UNIONPAY: u32 = 4;

/// Key of the issuer's answer: the card's master key.
pub const PAYHSM_ARPC_KEY_MASTER: u32 = 1;
/// Key of the issuer's answer: the session key.
pub const PAYHSM_ARPC_KEY_SESSION: u32 = 2;

/// The longest explanation of a cryptogram, in bytes of text.
pub const PAYHSM_EXPLANATION_MAX_LEN: usize = 2048;

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

pub(in crate::capi) fn profile_of(scheme: u32, cvn: u32) -> Result<&'static Profile, Error> {
    let cvn = u8::try_from(cvn).map_err(|_| Error::Unsupported)?;
    Profile::of(scheme_of(scheme)?, cvn)
}

pub(in crate::capi) fn psn_of(psn: u32) -> Result<Psn, Error> {
    Psn::new(u8::try_from(psn).map_err(|_| Error::InvalidArgument)?)
}

pub(in crate::capi) fn request_of(answer: &[u8]) -> Result<ArpcRequest<'_>, Error> {
    match *answer {
        [] => Ok(ArpcRequest::None),
        [a, b] => Ok(ArpcRequest::Method1 { arc: [a, b] }),
        [a, b, c, d, ref proprietary @ ..] => Ok(ArpcRequest::Method2 {
            csu: [a, b, c, d],
            proprietary,
        }),
        _ => Err(Error::InvalidLength),
    }
}

/// Writes the value of tag 91, if there is room for the longest.
fn answered(out: &mut [u8], verify: impl FnOnce() -> Result<ArqcAnswer, Error>) -> Result<usize, Error> {
    if out.len() < PAYHSM_ISSUER_AUTH_MAX_LEN {
        return Err(Error::BufferTooSmall);
    }
    let Some(data) = verify()?.issuer_authentication_data else {
        return Ok(0);
    };
    for (to, from) in out.iter_mut().zip(data.as_bytes()) {
        *to = *from;
    }
    Ok(data.as_bytes().len())
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
            let profile = profile_of(scheme, cvn)?;
            let pan = Pan::parse(memory::input(pan, pan_len)?)?;
            let psn = psn_of(psn)?;
            let field55 = memory::input(field55, field55_len)?;
            let request = request_of(memory::input(answer, answer_len)?)?;
            out.fill(|bytes| {
                let imk = KeyHandle::from_raw(imk)?;
                answered(bytes, || module.arqc_verify(imk, profile, &pan, psn, field55, request))
            })
        })
    }
}

/// An application cryptogram over bytes that the caller gives, and how it is made.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
pub struct PayhsmRawCryptogram {
    /// Its size: `sizeof` of the type.
    pub size: u32,
    /// `PAYHSM_MASTER_KEY_…`.
    pub master_key: u32,
    /// `PAYHSM_SESSION_KEY_…`.
    pub session_key: u32,
    /// Padding method of ISO/IEC 9797-1, 1 or 2; of no meaning for an AES card.
    pub padding: u32,
    /// ARPC method, 1 or 2.
    pub arpc_method: u32,
    /// `PAYHSM_ARPC_KEY_…`.
    pub arpc_key: u32,
    /// PAN sequence number, 0 to 99.
    pub psn: u32,
    /// Application transaction counter.
    pub atc: u32,
    /// `PAYHSM_CRYPTOGRAM_…`.
    pub kind: u32,
    /// Unpredictable number, for M/Chip session keys.
    pub unpredictable_number: [u8; 4],
    /// The application cryptogram.
    pub cryptogram: [u8; 8],
}

const _: () = assert!(size_of::<PayhsmRawCryptogram>() == 9 * 4 + 4 + 8);

// SAFETY: `repr(C)`; the size comes first; every field may be 0.
unsafe impl Versioned for PayhsmRawCryptogram {}

fn recipe_of(raw: &PayhsmRawCryptogram) -> Result<Recipe, Error> {
    Ok(Recipe {
        master_key: match raw.master_key {
            PAYHSM_MASTER_KEY_A => MasterKeyOption::A,
            PAYHSM_MASTER_KEY_B => MasterKeyOption::B,
            PAYHSM_MASTER_KEY_PBOC => MasterKeyOption::Pboc,
            PAYHSM_MASTER_KEY_C => MasterKeyOption::C,
            _ => return Err(Error::InvalidArgument),
        },
        session_key: match raw.session_key {
            PAYHSM_SESSION_KEY_NONE => SessionKeyMethod::Direct,
            PAYHSM_SESSION_KEY_COMMON => SessionKeyMethod::Common,
            PAYHSM_SESSION_KEY_MCHIP => SessionKeyMethod::MChip,
            PAYHSM_SESSION_KEY_UNIONPAY => SessionKeyMethod::UnionPay,
            _ => return Err(Error::InvalidArgument),
        },
        padding: match raw.padding {
            1 => Padding::Method1,
            2 => Padding::Method2,
            _ => return Err(Error::InvalidArgument),
        },
        arpc: match raw.arpc_method {
            1 => ArpcMethod::Method1,
            2 => ArpcMethod::Method2,
            _ => return Err(Error::InvalidArgument),
        },
        arpc_key: match raw.arpc_key {
            PAYHSM_ARPC_KEY_MASTER => ArpcKey::MasterKey,
            PAYHSM_ARPC_KEY_SESSION => ArpcKey::SessionKey,
            _ => return Err(Error::InvalidArgument),
        },
    })
}

fn raw_request_of<'a>(raw: &PayhsmRawCryptogram, data: &'a [u8]) -> Result<RawRequest<'a>, Error> {
    Ok(RawRequest {
        kind: match raw.kind {
            PAYHSM_CRYPTOGRAM_AAC => CryptogramKind::Aac,
            PAYHSM_CRYPTOGRAM_TC => CryptogramKind::Tc,
            PAYHSM_CRYPTOGRAM_ARQC => CryptogramKind::Arqc,
            _ => return Err(Error::InvalidArgument),
        },
        atc: Atc::new(u16::try_from(raw.atc).map_err(|_| Error::InvalidArgument)?),
        unpredictable_number: raw.unpredictable_number,
        data,
        cryptogram: raw.cryptogram,
    })
}

/// Verifies an application cryptogram of a card that has no profile, over bytes that the caller gives, and answers it. The
/// decision callback is asked whether the ATC is new. Only with `PAYHSM_POLICY_RAW_CRYPTOGRAM`.
///
/// Parameters: `imk`: an E0 key with mode of use X. `raw`: the cryptogram, and how it is made. `pan`, `pan_len`: ASCII
/// digits. `data`, `data_len`: all that enters the cryptogram, in order, without padding. `answer`, `answer_len`,
/// `issuer_auth`, `issuer_auth_capacity`, `issuer_auth_len`: as in `payhsm_arqc_verify`.
///
/// Returns: `PAYHSM_OK` if the cryptogram is right, `PAYHSM_ERR_VERIFICATION_FAILED` if not;
/// `PAYHSM_ERR_USAGE_NOT_PERMITTED` also without the permission; `PAYHSM_ERR_INVALID_ARGUMENT`; otherwise as
/// `payhsm_arqc_verify`.
///
/// In libraries built with `host`.
///
/// # Safety
/// The context's contract; C1 to C3 for the pointers.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn payhsm_arqc_verify_raw(
    ctx: *mut PayhsmCtx,
    imk: u32,
    raw: *const PayhsmRawCryptogram,
    pan: *const u8,
    pan_len: usize,
    data: *const u8,
    data_len: usize,
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
            Place::versioned(raw),
            Place::bytes(pan, pan_len),
            Place::bytes(data, data_len),
            Place::bytes(answer, answer_len),
        ];
        run(ctx, &outputs, &inputs, |module| {
            let out = Output::new(issuer_auth, issuer_auth_capacity, issuer_auth_len)?;
            let raw = memory::versioned(raw)?;
            let pan = Pan::parse(memory::input(pan, pan_len)?)?;
            let (recipe, psn) = (recipe_of(&raw)?, psn_of(raw.psn)?);
            let request = raw_request_of(&raw, memory::input(data, data_len)?)?;
            let answer = request_of(memory::input(answer, answer_len)?)?;
            out.fill(|bytes| {
                let imk = KeyHandle::from_raw(imk)?;
                answered(bytes, || {
                    module.arqc_verify_raw(imk, &recipe, &pan, psn, &request, answer)
                })
            })
        })
    }
}

/// Text into a caller's buffer.
struct Text<'a> {
    out: &'a mut [u8],
    len: usize,
}

impl fmt::Write for Text<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let room = self.out.get_mut(self.len..).and_then(|rest| rest.get_mut(..text.len()));
        room.ok_or(fmt::Error)?.copy_from_slice(text.as_bytes());
        self.len = self.len.saturating_add(text.len());
        Ok(())
    }
}

/// Explains an application cryptogram in words: what the profile makes of the message and, if it does not match, how else
/// it was made: padding, issuer application data, session key, option, sequence number. The PAN is masked. The decision
/// callback is asked first. Only with `PAYHSM_POLICY_EXPLAIN_CRYPTOGRAM`: it is for the day on which a card is introduced.
///
/// Parameters: `imk`, `scheme`, `cvn`, `pan`, `pan_len`, `psn`, `field55`, `field55_len`: as in `payhsm_arqc_verify`. `text`,
/// `text_capacity`, `text_len`: receive lines of ASCII, at most `PAYHSM_EXPLANATION_MAX_LEN` bytes, without a terminating
/// zero; wiped and 0 on error.
///
/// Returns: `PAYHSM_OK` whether or not the cryptogram matches; `PAYHSM_ERR_INVALID_HANDLE`,
/// `PAYHSM_ERR_USAGE_NOT_PERMITTED` (also without the permission), `PAYHSM_ERR_MODE_NOT_PERMITTED`,
/// `PAYHSM_ERR_ALGORITHM_MISMATCH`, `PAYHSM_ERR_UNSUPPORTED`, `PAYHSM_ERR_TLV_…`, `PAYHSM_ERR_EMV_ELEMENT`,
/// `PAYHSM_ERR_INVALID_PAN`, `PAYHSM_ERR_REFUSED`, `PAYHSM_ERR_BUFFER_TOO_SMALL`; the context's errors.
///
/// In libraries built with `host`.
///
/// # Safety
/// The context's contract; C1 to C3 for the pointers.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn payhsm_arqc_explain(
    ctx: *mut PayhsmCtx,
    imk: u32,
    scheme: u32,
    cvn: u32,
    pan: *const u8,
    pan_len: usize,
    psn: u32,
    field55: *const u8,
    field55_len: usize,
    text: *mut u8,
    text_capacity: usize,
    text_len: *mut usize,
) -> Status {
    // SAFETY: the caller's.
    unsafe {
        let outputs = [Place::bytes(text, text_capacity), Place::of(text_len)];
        let inputs = [Place::bytes(pan, pan_len), Place::bytes(field55, field55_len)];
        run(ctx, &outputs, &inputs, |module| {
            let out = Output::new(text, text_capacity, text_len)?;
            let profile = profile_of(scheme, cvn)?;
            let pan = Pan::parse(memory::input(pan, pan_len)?)?;
            let psn = psn_of(psn)?;
            let field55 = memory::input(field55, field55_len)?;
            out.fill(|bytes| {
                if bytes.len() < PAYHSM_EXPLANATION_MAX_LEN {
                    return Err(Error::BufferTooSmall);
                }
                let explanation = module.arqc_explain(KeyHandle::from_raw(imk)?, profile, &pan, psn, field55)?;
                let mut text = Text { out: bytes, len: 0 };
                write!(text, "{explanation}").map_err(|_| Error::Internal)?;
                Ok(text.len)
            })
        })
    }
}
