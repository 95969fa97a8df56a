// SPDX-License-Identifier: MIT OR Apache-2.0
//! Card verification values: the issuer's side.

use crate::capi::context::{PayhsmCtx, run};
use crate::capi::memory::{self, Output, Place};
use crate::capi::status::Status;
use crate::card::CardValue;
use crate::card::cvc3::{Tap, UN_LEN};
use crate::card::cvv::{Expiry, ExpiryOrder, Kind, ServiceCode};
use crate::emv::derive::{MasterKeyOption, Psn};
use crate::emv::element::Atc;
use crate::error::Error;
use crate::hsm::KeyHandle;
use crate::pin::pan::Pan;

/// Card verification value: CVV or CVC1 of the magnetic stripe; the service code is the track's.
pub const PAYHSM_CVV_STRIPE: u32 = 1;
/// Card verification value: CVV2 or CVC2, printed; expiry taken as YYMM (Visa).
pub const PAYHSM_CVV_PRINTED_YYMM: u32 = 2;
/// Card verification value: CVV2 or CVC2, printed; expiry taken as MMYY.
pub const PAYHSM_CVV_PRINTED_MMYY: u32 = 3;
/// Card verification value: iCVV or Chip CVC.
pub const PAYHSM_CVV_CHIP: u32 = 4;

/// Derivation of card keys: EMV option A.
pub const PAYHSM_MASTER_KEY_A: u32 = 1;
/// Derivation of card keys: EMV option B.
pub const PAYHSM_MASTER_KEY_B: u32 = 2;

/// Length of an expiry date, in ASCII digits.
pub const PAYHSM_EXPIRY_LEN: usize = 4;
/// Length of a reader's unpredictable number, in bytes.
pub const PAYHSM_UN_LEN: usize = 4;
/// The longest card verification value, in ASCII digits.
pub const PAYHSM_CARD_VALUE_MAX_LEN: usize = 5;

const _: () = assert!(PAYHSM_UN_LEN == UN_LEN && PAYHSM_CARD_VALUE_MAX_LEN == crate::card::MAX_DIGITS);

pub(super) fn kind_of(kind: u32, service_code: u32) -> Result<Kind, Error> {
    match (kind, service_code) {
        (PAYHSM_CVV_STRIPE, code) => ServiceCode::new(code).map(Kind::Stripe),
        (PAYHSM_CVV_PRINTED_YYMM, 0) => Ok(Kind::Printed(ExpiryOrder::Yymm)),
        (PAYHSM_CVV_PRINTED_MMYY, 0) => Ok(Kind::Printed(ExpiryOrder::Mmyy)),
        (PAYHSM_CVV_CHIP, 0) => Ok(Kind::Chip),
        _ => Err(Error::InvalidArgument),
    }
}

/// Makes a card verification value. The decision callback is asked first.
///
/// Parameters: `cvk`: a C0 key with mode of use G or C, 16 bytes; a key that was used for printed values serves no others,
/// and the other way round, but for `PAYHSM_POLICY_SHARED_CVK`. `kind`: `PAYHSM_CVV_…`. `service_code`: of the track, 1
/// to 998; 0 for the other kinds. `pan`, `pan_len`: ASCII digits. `expiry`: `PAYHSM_EXPIRY_LEN` ASCII digits, YYMM for
/// every kind. `wanted`: digits, 3 to 5. `value`, `value_capacity`, `value_len`: receive ASCII digits; wiped and 0 on
/// error.
///
/// Returns: `PAYHSM_OK`; `PAYHSM_ERR_INVALID_HANDLE`, `PAYHSM_ERR_USAGE_NOT_PERMITTED`,
/// `PAYHSM_ERR_MODE_NOT_PERMITTED`, `PAYHSM_ERR_ALGORITHM_MISMATCH`, `PAYHSM_ERR_INVALID_KEY_LENGTH`,
/// `PAYHSM_ERR_INVALID_ARGUMENT` (kind, service code), `PAYHSM_ERR_INVALID_PAN`, `PAYHSM_ERR_INVALID_DIGIT` (expiry),
/// `PAYHSM_ERR_INVALID_LENGTH` (wanted), `PAYHSM_ERR_REFUSED`, `PAYHSM_ERR_BUFFER_TOO_SMALL`; the context's errors.
///
/// In libraries built with `host`.
///
/// # Safety
/// The context's contract; C1 to C3 for the pointers.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn payhsm_cvv_generate(
    ctx: *mut PayhsmCtx,
    cvk: u32,
    kind: u32,
    service_code: u32,
    pan: *const u8,
    pan_len: usize,
    expiry: *const u8,
    wanted: usize,
    value: *mut u8,
    value_capacity: usize,
    value_len: *mut usize,
) -> Status {
    // SAFETY: the caller's.
    unsafe {
        let outputs = [Place::bytes(value, value_capacity), Place::of(value_len)];
        let inputs = [Place::bytes(pan, pan_len), Place::bytes(expiry, PAYHSM_EXPIRY_LEN)];
        run(ctx, &outputs, &inputs, |module| {
            let out = Output::new(value, value_capacity, value_len)?;
            let pan = Pan::parse(memory::input(pan, pan_len)?)?;
            let expiry = Expiry::yymm(memory::input(expiry, PAYHSM_EXPIRY_LEN)?)?;
            let (cvk, kind) = (KeyHandle::from_raw(cvk)?, kind_of(kind, service_code)?);
            out.exactly(wanted, |bytes| {
                let mut made = CardValue::empty();
                module.cvv_generate(cvk, kind, &pan, expiry, wanted, &mut made)?;
                for (to, digit) in bytes.iter_mut().zip(made.digits()) {
                    *to = b'0' | digit;
                }
                Ok(())
            })
        })
    }
}

/// Verifies a card verification value. The decision callback is asked first: three digits are found by a thousand tries.
///
/// Parameters: `cvk`: a C0 key with mode of use V or C; `kind`, `service_code`, `pan`, `expiry`: as in
/// `payhsm_cvv_generate`. `value`, `value_len`: 3 to 5 ASCII digits.
///
/// Returns: `PAYHSM_OK` if it is right, `PAYHSM_ERR_VERIFICATION_FAILED` if not; otherwise as `payhsm_cvv_generate`.
///
/// In libraries built with `host`.
///
/// # Safety
/// The context's contract; C1 to C3 for the pointers.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn payhsm_cvv_verify(
    ctx: *mut PayhsmCtx,
    cvk: u32,
    kind: u32,
    service_code: u32,
    pan: *const u8,
    pan_len: usize,
    expiry: *const u8,
    value: *const u8,
    value_len: usize,
) -> Status {
    // SAFETY: the caller's.
    unsafe {
        let inputs = [
            Place::bytes(pan, pan_len),
            Place::bytes(expiry, PAYHSM_EXPIRY_LEN),
            Place::bytes(value, value_len),
        ];
        run(ctx, &[], &inputs, |module| {
            let pan = Pan::parse(memory::input(pan, pan_len)?)?;
            let expiry = Expiry::yymm(memory::input(expiry, PAYHSM_EXPIRY_LEN)?)?;
            let value = CardValue::parse(memory::input(value, value_len)?)?;
            let (cvk, kind) = (KeyHandle::from_raw(cvk)?, kind_of(kind, service_code)?);
            module.cvv_verify(cvk, kind, &pan, expiry, &value)
        })
    }
}

/// Verifies the CVC3 of a contactless card in magnetic-stripe mode. The decision callback is asked first whether this card
/// may be tried, and at the end whether the ATC is new.
///
/// Parameters: `imk`: an E4 key with mode of use X, 16 bytes. `option`: `PAYHSM_MASTER_KEY_…`. `pan`, `pan_len`: ASCII
/// digits. `psn`: PAN sequence number, 0 to 99. `track`, `track_len`: the static data of the track whose CVC3 it is, with
/// the places of UN, ATC and CVC3 as the card was made: characters of track 1, or nibbles of track 2 with D and F. `un`:
/// `PAYHSM_UN_LEN` bytes, the reader's number in BCD. `atc`: 0 to 65535. `value`, `value_len`: the digits that came, 3 to 5
/// ASCII digits.
///
/// Returns: `PAYHSM_OK` if it is right, `PAYHSM_ERR_VERIFICATION_FAILED` if not; `PAYHSM_ERR_INVALID_HANDLE`,
/// `PAYHSM_ERR_USAGE_NOT_PERMITTED`, `PAYHSM_ERR_MODE_NOT_PERMITTED`, `PAYHSM_ERR_ALGORITHM_MISMATCH`,
/// `PAYHSM_ERR_INVALID_KEY_LENGTH`, `PAYHSM_ERR_INVALID_ARGUMENT` (option, psn, atc), `PAYHSM_ERR_INVALID_PAN`,
/// `PAYHSM_ERR_TRACK`, `PAYHSM_ERR_INVALID_LENGTH`, `PAYHSM_ERR_INVALID_DIGIT`, `PAYHSM_ERR_REFUSED`; the context's
/// errors.
///
/// In libraries built with `host`.
///
/// # Safety
/// The context's contract; C1 to C3 for the pointers.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn payhsm_cvc3_verify(
    ctx: *mut PayhsmCtx,
    imk: u32,
    option: u32,
    pan: *const u8,
    pan_len: usize,
    psn: u32,
    track: *const u8,
    track_len: usize,
    un: *const u8,
    atc: u32,
    value: *const u8,
    value_len: usize,
) -> Status {
    // SAFETY: the caller's.
    unsafe {
        let inputs = [
            Place::bytes(pan, pan_len),
            Place::bytes(track, track_len),
            Place::bytes(un, PAYHSM_UN_LEN),
            Place::bytes(value, value_len),
        ];
        run(ctx, &[], &inputs, |module| {
            let option = match option {
                PAYHSM_MASTER_KEY_A => MasterKeyOption::A,
                PAYHSM_MASTER_KEY_B => MasterKeyOption::B,
                _ => return Err(Error::InvalidArgument),
            };
            let pan = Pan::parse(memory::input(pan, pan_len)?)?;
            let psn =
                Psn::new(u8::try_from(psn).map_err(|_| Error::InvalidArgument)?).map_err(|_| Error::InvalidArgument)?;
            let track = memory::input(track, track_len)?;
            let tap = Tap {
                un: *memory::input_array(un)?,
                atc: Atc::new(u16::try_from(atc).map_err(|_| Error::InvalidArgument)?),
            };
            let value = CardValue::parse(memory::input(value, value_len)?)?;
            module.cvc3_verify(KeyHandle::from_raw(imk)?, option, &pan, psn, track, tap, &value)
        })
    }
}
