// SPDX-License-Identifier: MIT OR Apache-2.0
//! What the card shows with its keys: signed static data (SDA), and signed dynamic data (DDA, fast DDA, CDA).

use core::fmt;

use sha1::{Digest, Sha1};

use super::recover::{ALGORITHM, HASH_LEN, Recovered, is_padding};
use super::{CardData, Failure, Fault, IccKey, IssuerKey, Stage, StaticData};
use crate::codec::tlv::{self, Reader, Tag};
use crate::emv::dol::{Dol, Entry, MAX_DATA};
use crate::emv::element::{Atc, Cid, tag};
use crate::emv::response::{Authentication, GenerateAcResponse};
use crate::error::Error;

/// Longest ICC dynamic number, in bytes.
pub const MAX_DYNAMIC_NUMBER: usize = 8;

/// The list that a terminal uses for a card without one (tag 9F49 absent): the unpredictable number, 4 bytes.
///
/// # Source
/// EMV Book 2, clause 6.5.1.
#[doc(alias = "default DDOL")]
pub const DEFAULT_DDOL: [u8; 3] = [0x9F, 0x37, 0x04];

/// Length of an unpredictable number (tag 9F37), in bytes.
const NUMBER_LEN: usize = 4;

/// The terminal's dynamic data for INTERNAL AUTHENTICATE, from the card's list or the default one.
///
/// `objects`: as [`Dol::build`]. Returns the length.
///
/// # Errors
/// [`Fault::Malformed`] for a list that is none; [`Fault::DynamicData`] if it does not ask for the unpredictable number;
/// [`Fault::Malformed`] for an object that stands twice or an `out` that is too short: [`MAX_DATA`] bytes are enough.
///
/// # Source
/// EMV Book 2, clause 6.5.1.
pub fn dynamic_data(card: &CardData<'_>, objects: &[(Tag, &[u8])], out: &mut [u8]) -> Result<usize, Failure> {
    let stage = |fault: Fault| fault.at(Stage::DynamicSignature);
    let malformed = |_| stage(Fault::Malformed);
    let list = Dol::parse(card.ddol.unwrap_or(&DEFAULT_DDOL)).map_err(malformed)?;
    let asks = |entry: Entry| entry.tag == tag::UNPREDICTABLE_NUMBER && usize::from(entry.len) >= NUMBER_LEN;
    if !list.entries().any(asks) {
        return Err(stage(Fault::DynamicData));
    }
    list.build(objects, out).map_err(malformed)
}

/// The signature in the card's answer to INTERNAL AUTHENTICATE: template 80, or 77 with tag 9F4B.
///
/// # Errors
/// [`Fault::Malformed`] for anything else.
///
/// # Source
/// EMV Book 3, clause 6.5.9.4.
pub fn internal_authenticate_response(data: &[u8]) -> Result<&[u8], Failure> {
    let malformed = |_: Error| Fault::Malformed.at(Stage::DynamicSignature);
    match tlv::find(data, tag::FORMAT1).map_err(malformed)? {
        Some(element) if element.offset() == 0 => Ok(element.value()),
        _ => {
            let content = tlv::require(data, tag::FORMAT2).map_err(malformed)?;
            tlv::require(content, tag::SIGNED_DATA).map_err(malformed)
        }
    }
}

/// An ICC dynamic number (tag 9F4C), 2 to 8 bytes.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct DynamicNumber {
    bytes: [u8; MAX_DYNAMIC_NUMBER],
    len: u8,
}

impl DynamicNumber {
    /// The number at the start of ICC dynamic data, and what follows it.
    fn take(data: &[u8]) -> Option<(Self, &[u8])> {
        let (&len, rest) = data.split_first()?;
        let (number, rest) = rest.split_at_checked(len.into())?;
        let mut bytes = [0; MAX_DYNAMIC_NUMBER];
        bytes.get_mut(..number.len())?.copy_from_slice(number);
        (len >= 2).then_some((Self { bytes, len }, rest))
    }

    /// The bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        self.bytes.get(..self.len.into()).unwrap_or(&[])
    }
}

impl fmt::Debug for DynamicNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("DynamicNumber").field(&self.as_bytes()).finish()
    }
}

/// What a card has signed of a cryptogram.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Combined<'a> {
    /// Cryptogram information data (9F27), the same inside and outside.
    pub cid: Cid,
    /// The application cryptogram (9F26), from the signed data.
    pub cryptogram: [u8; 8],
    /// The ICC dynamic number (9F4C).
    pub dynamic_number: DynamicNumber,
    /// The application transaction counter (9F36) of the answer, which the transaction data hash covers.
    pub atc: Atc,
    /// Issuer application data (9F10) of the answer, which the transaction data hash covers.
    pub iad: &'a [u8],
}

impl IssuerKey {
    /// Static data authentication: gives the data authentication code (9F45) if the issuer signed the static data.
    ///
    /// # Errors
    /// [`Fault::Missing`], [`Fault::SignatureLength`], [`Fault::Trailer`], [`Fault::Header`], [`Fault::Format`],
    /// [`Fault::HashAlgorithm`], [`Fault::Hash`], [`Fault::Padding`], judged in this order.
    ///
    /// # Source
    /// EMV Book 2, clause 5.4; vectors: `vectors/emv_oda.txt`, `vectors/emv_oda_chain.txt`.
    pub fn verify_static(&self, card: &CardData<'_>, static_data: &StaticData<'_>) -> Result<[u8; 2], Failure> {
        let judge = || {
            let signature = card.static_signature.ok_or(Fault::Missing)?;
            let recovered = Recovered::open(&self.key, signature, 0x03)?;
            let ([_, algorithm, dac @ ..], pad) = recovered
                .parts()
                .0
                .split_first_chunk::<4>()
                .ok_or(Fault::SignatureLength)?;
            if *algorithm != ALGORITHM {
                return Err(Fault::HashAlgorithm);
            }
            let mut hash = recovered.hash();
            static_data.feed(&mut hash);
            if !recovered.is_hash(hash) {
                return Err(Fault::Hash);
            }
            if !is_padding(pad) {
                return Err(Fault::Padding);
            }
            Ok(*dac)
        };
        judge().map_err(|fault: Fault| fault.at(Stage::StaticSignature))
    }
}

impl IccKey {
    /// Dynamic data authentication: gives the ICC dynamic number if the card signed the terminal's dynamic data.
    ///
    /// `sent`: the data of INTERNAL AUTHENTICATE, from [`dynamic_data`]. `signature`: the answer's signature, from
    /// [`internal_authenticate_response`].
    ///
    /// # Errors
    /// [`Fault::SignatureLength`], [`Fault::Trailer`], [`Fault::Header`], [`Fault::Format`], [`Fault::HashAlgorithm`],
    /// [`Fault::Hash`], [`Fault::DynamicData`], [`Fault::Padding`], judged in this order.
    ///
    /// # Source
    /// EMV Book 2, clause 6.5.2; vectors: `vectors/emv_oda.txt`, `vectors/emv_oda_chain.txt`.
    pub fn verify_dynamic(&self, sent: &[u8], signature: &[u8]) -> Result<DynamicNumber, Failure> {
        self.dynamic(signature, &[sent], |data| {
            DynamicNumber::take(data)
                .map(|(number, _)| number)
                .ok_or(Fault::DynamicData)
        })
    }

    /// Fast DDA of contactless cards (format 01 of the card authentication related data, tag 9F69): gives the ICC
    /// dynamic number, which is or begins with the ATC; the kernel compares it.
    ///
    /// `number`: 9F37. `amount`: 9F02. `currency`: 5F2A, all as they went to the card with GET PROCESSING OPTIONS. `card`: its
    /// 9F69 and 9F4B.
    ///
    /// # Errors
    /// [`Fault::Missing`]; [`Fault::DynamicData`] if 9F69 is not of format 01 with 5 to 16 bytes; those of
    /// [`verify_dynamic`](Self::verify_dynamic).
    ///
    /// # Source
    /// EMV Contactless Book C-3, Annex C, as public readers and a card simulator agree on it; vectors:
    /// `vectors/emv_oda_chain.txt`.
    #[doc(alias = "fDDA")]
    pub fn verify_fast(
        &self,
        number: [u8; 4],
        amount: [u8; 6],
        currency: [u8; 2],
        card: &CardData<'_>,
    ) -> Result<DynamicNumber, Failure> {
        let stage = |fault: Fault| fault.at(Stage::DynamicSignature);
        let missing = stage(Fault::Missing);
        let related = card.authentication_data.ok_or(missing)?;
        let signature = card.dynamic_signature.ok_or(missing)?;
        if !matches!((related.first(), related.len()), (Some(0x01), 5..=16)) {
            return Err(stage(Fault::DynamicData));
        }
        self.dynamic(signature, &[&number, &amount, &currency, related], |data| {
            DynamicNumber::take(data)
                .map(|(number, _)| number)
                .ok_or(Fault::DynamicData)
        })
    }

    /// Combined data authentication: gives the cryptogram if the card signed it together with all that was sent and
    /// answered.
    ///
    /// `number`: the unpredictable number (9F37) of the GENERATE AC command. `sent`: the values that went to the card for
    /// the PDOL, for CDOL1, and in the second GENERATE AC also for CDOL2, in this order. `response`: the data field of
    /// the answer, template 77.
    ///
    /// # Errors
    /// [`Fault::Malformed`] for an answer that is none or has no signature; those of
    /// [`verify_dynamic`](Self::verify_dynamic); then [`Fault::CryptogramInformation`], [`Fault::TransactionHash`].
    ///
    /// # Source
    /// EMV Book 2, clause 6.6.2; vectors: `vectors/emv_oda_chain.txt`.
    pub fn verify_combined<'a>(
        &self,
        number: [u8; 4],
        sent: &[&[u8]],
        response: &'a [u8],
    ) -> Result<Combined<'a>, Failure> {
        let malformed = Fault::Malformed.at(Stage::DynamicSignature);
        let answer = GenerateAcResponse::parse(response).map_err(|_| malformed)?;
        let Authentication::Signed(signature) = answer.authentication else {
            return Err(malformed);
        };
        let content = tlv::require(response, tag::FORMAT2).map_err(|_| malformed)?;
        self.dynamic(signature, &[&number], |data| {
            let (dynamic_number, rest) = DynamicNumber::take(data).ok_or(Fault::DynamicData)?;
            let ([cid], rest) = rest.split_first_chunk().ok_or(Fault::DynamicData)?;
            let (cryptogram, rest) = rest.split_first_chunk().ok_or(Fault::DynamicData)?;
            let signed = rest.first_chunk::<HASH_LEN>().ok_or(Fault::DynamicData)?;
            if *cid != answer.cid.to_byte() {
                return Err(Fault::CryptogramInformation);
            }
            let mut hash = Sha1::new();
            for part in sent {
                hash.update(part);
            }
            without_signature(content, &mut hash)?;
            if <[u8; HASH_LEN]>::from(hash.finalize()) != *signed {
                return Err(Fault::TransactionHash);
            }
            Ok(Combined {
                cid: answer.cid,
                cryptogram: *cryptogram,
                dynamic_number,
                atc: answer.atc,
                iad: answer.iad,
            })
        })
    }

    /// Opens signed dynamic data, compares the hash with what was sent, and reads the ICC dynamic data.
    fn dynamic<T>(
        &self,
        signature: &[u8],
        sent: &[&[u8]],
        read: impl FnOnce(&[u8]) -> Result<T, Fault>,
    ) -> Result<T, Failure> {
        let judge = || {
            let recovered = Recovered::open(&self.key, signature, 0x05)?;
            let ([_, algorithm, len], rest) = recovered.parts().0.split_first_chunk().ok_or(Fault::SignatureLength)?;
            if *algorithm != ALGORITHM {
                return Err(Fault::HashAlgorithm);
            }
            if !recovered.covers(sent) {
                return Err(Fault::Hash);
            }
            let (data, pad) = rest.split_at_checked(usize::from(*len)).ok_or(Fault::DynamicData)?;
            if !is_padding(pad) {
                return Err(Fault::Padding);
            }
            read(data)
        };
        judge().map_err(|fault| fault.at(Stage::DynamicSignature))
    }
}

/// Hashes the elements of the answer as they stand, tags and lengths and all, but the signature.
fn without_signature(content: &[u8], hash: &mut Sha1) -> Result<(), Fault> {
    let mut reader = Reader::new(content);
    while let Some(element) = reader.next() {
        let element = element.map_err(|_| Fault::Malformed)?;
        reader.skip_content(&element);
        if element.tag() != tag::SIGNED_DATA {
            hash.update(content.get(element.offset()..reader.offset()).ok_or(Fault::Malformed)?);
        }
    }
    Ok(())
}

/// The most that [`dynamic_data`] writes.
pub const MAX_DYNAMIC_DATA: usize = MAX_DATA;
