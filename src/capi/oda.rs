// SPDX-License-Identifier: MIT OR Apache-2.0
//! Offline data authentication of a card, and offline PIN.

use core::mem::size_of;

use crate::capi::memory::{self, Place, Versioned};
use crate::capi::status::{Status, status};
use crate::emv::oda::ca::{MAX_LEN, REVOKED_LEN};
use crate::emv::oda::pin::MAX_ENCIPHERED;
use crate::emv::oda::{CaKey, Card, Date, DynamicNumber, Failure, Method, Records, Trust};
use crate::error::Error;

/// Method: static data authentication.
pub const PAYHSM_ODA_SDA: u32 = 1;
/// Method: dynamic data authentication.
pub const PAYHSM_ODA_DDA: u32 = 2;
/// Method: combined data authentication and generation of the cryptogram.
pub const PAYHSM_ODA_CDA: u32 = 3;
/// Method: fast dynamic data authentication of contactless cards, format 01.
pub const PAYHSM_ODA_FDDA: u32 = 4;
/// The longest modulus of a CA key, in bytes.
pub const PAYHSM_CA_KEY_MAX_LEN: usize = 248;
/// The longest enciphered offline PIN, in bytes.
pub const PAYHSM_OFFLINE_PIN_MAX_LEN: usize = 248;
/// Length of an entry of a revocation list, in bytes: RID, index, and the serial number of the issuer's certificate.
pub const PAYHSM_REVOKED_LEN: usize = 9;
/// Length of a PIN in clear for the card, and of the card's answer to GET CHALLENGE, in bytes.
pub const PAYHSM_OFFLINE_PIN_BLOCK_LEN: usize = 8;

const _: () = assert!(PAYHSM_CA_KEY_MAX_LEN == MAX_LEN);
const _: () = assert!(PAYHSM_OFFLINE_PIN_MAX_LEN == MAX_ENCIPHERED);
const _: () = assert!(PAYHSM_REVOKED_LEN == REVOKED_LEN);

/// A certification authority's public key, a line of the terminal's table. It must have come in over an authenticated
/// way: the checksum shows only that it was copied well.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct PayhsmCaKey {
    /// Its size: `sizeof` of the type.
    pub size: u32,
    /// The RID: the first 5 bytes of the selected AID.
    pub rid: [u8; 5],
    /// The index (8F).
    pub index: u8,
    /// SHA-1 over RID, index, modulus and exponent.
    pub checksum: [u8; 20],
    /// The last day of use, YYMMDD, BCD; zeros without one.
    pub expires: [u8; 3],
    /// Length of `exponent`, 1 or 3.
    pub exponent_len: u8,
    /// The exponent, 03 or 010001.
    pub exponent: [u8; 3],
    /// Length of `modulus`, 128 to 248.
    pub modulus_len: u8,
    /// The modulus, big-endian.
    pub modulus: [u8; PAYHSM_CA_KEY_MAX_LEN],
    /// 0.
    pub reserved: [u8; 2],
}

// SAFETY: `repr(C)`; the size comes first; every field may be 0.
unsafe impl Versioned for PayhsmCaKey {}

/// What the terminal knows of the transaction.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
pub struct PayhsmOdaTransaction {
    /// Its size: `sizeof` of the type.
    pub size: u32,
    /// The day (9A), YYMMDD, BCD.
    pub date: [u8; 3],
    /// Application interchange profile (82).
    pub aip: [u8; 2],
    /// Unpredictable number (9F37), for CDA and fast DDA.
    pub unpredictable_number: [u8; 4],
    /// Amount, authorised (9F02), for fast DDA.
    pub amount: [u8; 6],
    /// Transaction currency code (5F2A), for fast DDA.
    pub currency: [u8; 2],
    /// 0.
    pub reserved: [u8; 3],
}

// SAFETY: `repr(C)`; the size comes first; every field may be 0.
unsafe impl Versioned for PayhsmOdaTransaction {}

/// What the card has shown, or why it has not.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
pub struct PayhsmOdaResult {
    /// 0, or in which step it failed: 1 records, 2 CA key, 3 issuer certificate (90), 4 ICC certificate (9F46), 5 PIN
    /// certificate (9F2D), 6 signed static data (93), 7 signed dynamic data (9F4B).
    pub stage: u32,
    /// 0, or what was wrong: 1 element missing, 2 element malformed or twice, 3 record that is no template 70, 4 tag
    /// list (9F4A), 5 no such CA key, 10 length of the signature, 11 trailer, 12 header, 13 format, 14 hash algorithm,
    /// 15 hash, 20 issuer identifier, 21 PAN, 22 expired, 23 revoked, 24 key algorithm, 25 length of the key, 26
    /// remainder, 27 exponent, 28 padding, 30 dynamic data, 31 cryptogram information, 32 transaction data hash.
    pub fault: u32,
    /// The bits that the failure sets in byte 1 of the TVR (95).
    pub tvr: u8,
    /// Cryptogram information data (9F27), of CDA.
    pub cid: u8,
    /// Length of `dynamic_number`, 2 to 8, but for SDA.
    pub dynamic_number_len: u8,
    /// 0.
    pub reserved: u8,
    /// Data authentication code (9F45), of SDA.
    pub authentication_code: [u8; 2],
    /// Application transaction counter (9F36), of CDA.
    pub atc: [u8; 2],
    /// Application cryptogram (9F26), of CDA.
    pub cryptogram: [u8; 8],
    /// ICC dynamic number (9F4C); zeros behind.
    pub dynamic_number: [u8; 8],
}

// Without padding: what the compiler leaves there would go out.
const _: () = assert!(size_of::<PayhsmOdaResult>() == 4 + 4 + 4 + 2 + 2 + 8 + 8);

/// Authenticates a card offline.
///
/// Parameters: `method`: `PAYHSM_ODA_…`. `ca_key`: the key of the table with the RID of the AID and the index that the card
/// names (8F). `revoked`, `revoked_len`: the revocation list, entries of `PAYHSM_REVOKED_LEN` bytes. `transaction`: what
/// the terminal knows. `records`, `records_len`: the records as the AFL orders them; each is a byte with the short file
/// identifier, plus 80 if the AFL counts the record for offline data authentication, its length in two bytes,
/// big-endian, and the record as the card answered it, without the status words. `sent`, `sent_len`: of DDA the data of
/// INTERNAL AUTHENTICATE, of CDA the values for the PDOL, for CDOL1, and in the second GENERATE AC for CDOL2, one behind
/// the other; else nothing. `response`, `response_len`: of DDA the data field of the answer to INTERNAL AUTHENTICATE, of
/// CDA that of GENERATE AC; else nothing. `result`: receives what the card has shown; if the card is not authenticated,
/// `stage`, `fault` and `tvr` tell why and the rest is zero; zero on every other error.
///
/// Returns: `PAYHSM_OK`: the card is authenticated. With a stage: `PAYHSM_ERR_TLV_MISSING`, `PAYHSM_ERR_NO_KEY`,
/// `PAYHSM_ERR_PAN_MISMATCH`, `PAYHSM_ERR_EXPIRED`, `PAYHSM_ERR_CERTIFICATE`, `PAYHSM_ERR_VERIFICATION_FAILED`. Without one:
/// `PAYHSM_ERR_INVALID_ARGUMENT` (the method, the exponent or the modulus of the CA key),
/// `PAYHSM_ERR_INVALID_KEY_LENGTH`, `PAYHSM_ERR_VERIFICATION_FAILED` (the checksum of the CA key),
/// `PAYHSM_ERR_EMV_ELEMENT` (a date), `PAYHSM_ERR_RECORD` (the list of records), `PAYHSM_ERR_INVALID_LENGTH` (the
/// revocation list), `PAYHSM_ERR_NULL_POINTER`, `PAYHSM_ERR_MISALIGNED`, `PAYHSM_ERR_OVERLAP`.
///
/// In libraries built with `oda`.
///
/// # Safety
/// C1 to C3 for the pointers.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn payhsm_oda_verify(
    method: u32,
    ca_key: *const PayhsmCaKey,
    revoked: *const u8,
    revoked_len: usize,
    transaction: *const PayhsmOdaTransaction,
    records: *const u8,
    records_len: usize,
    sent: *const u8,
    sent_len: usize,
    response: *const u8,
    response_len: usize,
    result: *mut PayhsmOdaResult,
) -> Status {
    // SAFETY: C1 and C2 for the sizes at the head of both.
    let (ca_key_place, transaction_place) = unsafe { (Place::versioned(ca_key), Place::versioned(transaction)) };
    let inputs = [
        ca_key_place,
        Place::bytes(revoked, revoked_len),
        transaction_place,
        Place::bytes(records, records_len),
        Place::bytes(sent, sent_len),
        Place::bytes(response, response_len),
    ];
    let verify = || {
        memory::disjoint(&[Place::of(result)], &inputs)?;
        // SAFETY: C1 and C2 for all pointers; C3 was judged.
        let (out, request, sent, response) = unsafe {
            (
                memory::place(result, PayhsmOdaResult::default())?,
                Request::new(ca_key, revoked, revoked_len, transaction, records, records_len)?,
                memory::input(sent, sent_len)?,
                memory::input(response, response_len)?,
            )
        };
        let method = Kind::of(method)?;
        request
            .card(|card| method.verify(card, &request.transaction, sent, response, out))
            .map_err(|refusal| match refusal {
                Refusal::Call(error) => error,
                Refusal::Card(failure) => {
                    *out = PayhsmOdaResult {
                        stage: failure.stage as u32,
                        fault: failure.fault as u32,
                        tvr: method.name().tvr(failure.fault),
                        ..PayhsmOdaResult::default()
                    };
                    failure.into()
                }
            })
    };
    status(verify())
}

/// Why a call did not go through.
enum Refusal {
    /// Its parameters.
    Call(Error),
    /// The card.
    Card(Failure),
}

#[cfg(feature = "terminal")]
impl Refusal {
    fn error(self) -> Error {
        match self {
            Self::Call(error) => error,
            Self::Card(failure) => failure.into(),
        }
    }
}

/// The parameters of a card.
struct Request<'a> {
    ca_key: PayhsmCaKey,
    revoked: &'a [[u8; REVOKED_LEN]],
    transaction: PayhsmOdaTransaction,
    records: Records<'a>,
}

impl<'a> Request<'a> {
    /// # Safety
    /// C1 and C2 for the pointers.
    unsafe fn new(
        ca_key: *const PayhsmCaKey,
        revoked: *const u8,
        revoked_len: usize,
        transaction: *const PayhsmOdaTransaction,
        records: *const u8,
        records_len: usize,
    ) -> Result<Self, Error> {
        // SAFETY: the caller's.
        let (ca_key, revoked, transaction, records) = unsafe {
            (
                memory::versioned(ca_key)?,
                memory::input(revoked, revoked_len)?,
                memory::versioned(transaction)?,
                memory::input(records, records_len)?,
            )
        };
        let (revoked, []) = revoked.as_chunks() else {
            return Err(Error::InvalidLength);
        };
        if ca_key.reserved != [0; 2] || transaction.reserved != [0; 3] {
            return Err(Error::InvalidArgument);
        }
        Ok(Self {
            ca_key,
            revoked,
            transaction,
            records: Records::parse(records)?,
        })
    }

    /// Reads the card and lets `then` ask it.
    fn card<T>(&self, then: impl FnOnce(&Card<'_>) -> Result<T, Failure>) -> Result<T, Refusal> {
        let key = &self.ca_key;
        let ca_key = || {
            let modulus = key
                .modulus
                .get(..key.modulus_len.into())
                .ok_or(Error::InvalidKeyLength)?;
            let exponent = key
                .exponent
                .get(..key.exponent_len.into())
                .ok_or(Error::InvalidArgument)?;
            let expires = match key.expires {
                [0, 0, 0] => None,
                date => Some(Date::from_bytes(date)?),
            };
            CaKey::new(key.rid, key.index, modulus, exponent, &key.checksum, expires)
        };
        let keys = [ca_key().map_err(Refusal::Call)?];
        let trust = Trust {
            keys: &keys,
            revoked: self.revoked,
            date: Date::from_bytes(self.transaction.date).map_err(Refusal::Call)?,
        };
        Card::read(&trust, key.rid, self.transaction.aip, self.records)
            .and_then(|card| then(&card))
            .map_err(Refusal::Card)
    }
}

/// The numbers of the methods.
#[derive(Clone, Copy)]
enum Kind {
    Sda,
    Dda,
    Cda,
    Fdda,
}

impl Kind {
    const fn of(method: u32) -> Result<Self, Error> {
        match method {
            PAYHSM_ODA_SDA => Ok(Self::Sda),
            PAYHSM_ODA_DDA => Ok(Self::Dda),
            PAYHSM_ODA_CDA => Ok(Self::Cda),
            PAYHSM_ODA_FDDA => Ok(Self::Fdda),
            _ => Err(Error::InvalidArgument),
        }
    }

    const fn name(self) -> Method {
        match self {
            Self::Sda => Method::Sda,
            Self::Dda | Self::Fdda => Method::Dda,
            Self::Cda => Method::Cda,
        }
    }

    fn verify(
        self,
        card: &Card<'_>,
        transaction: &PayhsmOdaTransaction,
        sent: &[u8],
        response: &[u8],
        out: &mut PayhsmOdaResult,
    ) -> Result<(), Failure> {
        let number = match self {
            Self::Sda => {
                out.authentication_code = card.sda()?;
                return Ok(());
            }
            Self::Dda => card.dda(sent, response)?,
            Self::Fdda => card.fdda(
                transaction.unpredictable_number,
                transaction.amount,
                transaction.currency,
            )?,
            Self::Cda => {
                let combined = card.cda(transaction.unpredictable_number, &[sent], response)?;
                out.cid = combined.cid.to_byte();
                out.atc = combined.atc.to_bytes();
                out.cryptogram = combined.cryptogram;
                combined.dynamic_number
            }
        };
        put(&number, out);
        Ok(())
    }
}

fn put(number: &DynamicNumber, out: &mut PayhsmOdaResult) {
    let bytes = number.as_bytes();
    out.dynamic_number_len = u8::try_from(bytes.len()).unwrap_or(0);
    for (to, from) in out.dynamic_number.iter_mut().zip(bytes) {
        *to = *from;
    }
}

#[cfg(feature = "terminal")]
pub use entry::*;

#[cfg(feature = "terminal")]
mod entry {
    use super::{
        PAYHSM_OFFLINE_PIN_BLOCK_LEN, PAYHSM_OFFLINE_PIN_MAX_LEN, PayhsmCaKey, PayhsmOdaTransaction, Refusal, Request,
    };
    use crate::capi::context::{PayhsmCtx, run};
    use crate::capi::memory::{self, Output, Place};
    use crate::capi::pin::{Entry, PayhsmPin};
    use crate::capi::status::Status;
    use crate::emv::oda::pin::BLOCK_LEN;
    use crate::error::Error;
    use crate::pin::Pin;

    const _: () = assert!(PAYHSM_OFFLINE_PIN_BLOCK_LEN == BLOCK_LEN);

    /// Makes the data of VERIFY with P2 88: a PIN that was entered at this terminal, enciphered for the card in it.
    ///
    /// Parameters: `ca_key`, `revoked`, `revoked_len`, `transaction`, `records`, `records_len`: as `payhsm_oda_verify`;
    /// the card's key is recovered from them. `challenge`: 8 bytes, the card's answer to GET CHALLENGE, fetched for this
    /// PIN. `pin`: wiped in every case. `data`, `data_capacity`, `data_len`: receive as many bytes as the card's key
    /// has, at most `PAYHSM_OFFLINE_PIN_MAX_LEN`; wiped and 0 on error.
    ///
    /// Returns: `PAYHSM_OK`; `PAYHSM_ERR_REFUSED` without `PAYHSM_POLICY_OFFLINE_PIN`; the errors of `payhsm_oda_verify`
    /// (which tells more of a card that is not authenticated); `PAYHSM_ERR_INVALID_PIN`, `PAYHSM_ERR_BUFFER_TOO_SMALL`,
    /// `PAYHSM_ERR_INVALID_KEY_LENGTH`, `PAYHSM_ERR_ENTROPY`; the context's errors.
    ///
    /// In libraries built with `oda` and `terminal`.
    ///
    /// # Safety
    /// The context's contract; C1 to C3 for the pointers.
    #[must_use]
    #[unsafe(no_mangle)]
    pub unsafe extern "C" fn payhsm_offline_pin_encipher(
        ctx: *mut PayhsmCtx,
        ca_key: *const PayhsmCaKey,
        revoked: *const u8,
        revoked_len: usize,
        transaction: *const PayhsmOdaTransaction,
        records: *const u8,
        records_len: usize,
        challenge: *const u8,
        pin: *mut PayhsmPin,
        data: *mut u8,
        data_capacity: usize,
        data_len: *mut usize,
    ) -> Status {
        let _entry = Entry(pin);
        let outputs = [Place::of(pin), Place::bytes(data, data_capacity), Place::of(data_len)];
        // SAFETY: C1 and C2 for the sizes at the head of both.
        let (ca_key_place, transaction_place) = unsafe { (Place::versioned(ca_key), Place::versioned(transaction)) };
        let inputs = [
            ca_key_place,
            Place::bytes(revoked, revoked_len),
            transaction_place,
            Place::bytes(records, records_len),
            Place::bytes(challenge, BLOCK_LEN),
        ];
        // SAFETY: the caller's.
        unsafe {
            run(ctx, &outputs, &inputs, |module| {
                let out = Output::new(data, data_capacity, data_len)?;
                let pin = memory::value(pin)?;
                let challenge = memory::input_array(challenge)?;
                let request = Request::new(ca_key, revoked, revoked_len, transaction, records, records_len)?;
                let mut secret = Pin::empty();
                secret.enter(pin.len, &pin.digits)?;
                let mut enciphered = [0; PAYHSM_OFFLINE_PIN_MAX_LEN];
                out.fill(|bytes| {
                    let len = request
                        .card(|card| Ok(module.offline_pin_encipher(card, challenge, &secret, &mut enciphered)))
                        .map_err(Refusal::error)??;
                    let bytes = bytes.get_mut(..len).ok_or(Error::BufferTooSmall)?;
                    bytes.copy_from_slice(enciphered.get(..len).ok_or(Error::Internal)?);
                    Ok(len)
                })
            })
        }
    }

    /// Makes the data of VERIFY with P2 80: a PIN that was entered at this terminal, in clear. Only where keypad,
    /// library and card reader are in one protected housing.
    ///
    /// Parameters: `pin`: wiped in every case. `block`: receives 8 bytes; wiped on error. Wipe it when it was sent.
    ///
    /// Returns: `PAYHSM_OK`; `PAYHSM_ERR_REFUSED` without `PAYHSM_POLICY_PLAINTEXT_OFFLINE_PIN`;
    /// `PAYHSM_ERR_INVALID_PIN`; the context's errors.
    ///
    /// In libraries built with `oda` and `terminal`.
    ///
    /// # Safety
    /// The context's contract; C1 to C3 for the pointers.
    #[must_use]
    #[unsafe(no_mangle)]
    pub unsafe extern "C" fn payhsm_offline_pin_plaintext(
        ctx: *mut PayhsmCtx,
        pin: *mut PayhsmPin,
        block: *mut u8,
    ) -> Status {
        let _entry = Entry(pin);
        // SAFETY: the caller's.
        unsafe {
            run(ctx, &[Place::of(pin), Place::bytes(block, BLOCK_LEN)], &[], |module| {
                let out = memory::output_array(block)?;
                let pin = memory::value(pin)?;
                let mut secret = Pin::empty();
                secret.enter(pin.len, &pin.digits)?;
                module.offline_pin_plaintext(&secret, out)
            })
        }
    }
}
