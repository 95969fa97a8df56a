// SPDX-License-Identifier: MIT OR Apache-2.0
//! A card at the terminal: from its records to the answer of a method.

use super::ca::{RID_LEN, Trust};
use super::signed::{dynamic_data, internal_authenticate_response};
use super::{CardData, Combined, DynamicNumber, Failure, IccKey, IssuerKey, PinKey, Records, Stage, StaticData};
use crate::codec::tlv::Tag;

/// A card whose records the terminal has read, with what the terminal believes.
///
/// Nothing is computed before a method asks; each method recovers the certificates that it needs.
#[derive(Clone, Copy, Debug)]
pub struct Card<'a> {
    trust: &'a Trust<'a>,
    rid: [u8; RID_LEN],
    data: CardData<'a>,
    static_data: StaticData<'a>,
}

impl<'a> Card<'a> {
    /// Reads the records.
    ///
    /// `rid`: the first 5 bytes of the selected AID. `aip`: tag 82 as the card answered GET PROCESSING OPTIONS.
    ///
    /// # Errors
    /// Those of [`CardData::read`] and [`StaticData::new`].
    pub fn read(trust: &'a Trust<'a>, rid: [u8; RID_LEN], aip: [u8; 2], records: Records<'a>) -> Result<Self, Failure> {
        let data = CardData::read(&records).map_err(|fault| fault.at(Stage::Records))?;
        let static_data = StaticData::new(records, data.tag_list, aip).map_err(|fault| fault.at(Stage::Records))?;
        Ok(Self {
            trust,
            rid,
            data,
            static_data,
        })
    }

    /// The elements of the records.
    #[must_use]
    pub const fn data(&self) -> &CardData<'a> {
        &self.data
    }

    fn issuer(&self) -> Result<IssuerKey, Failure> {
        IssuerKey::recover(self.trust, self.rid, &self.data)
    }

    fn icc(&self) -> Result<IccKey, Failure> {
        self.issuer()?.icc_key(&self.data, &self.static_data)
    }

    /// Static data authentication: gives the data authentication code (9F45).
    ///
    /// # Errors
    /// Those of [`IssuerKey::recover`] and [`IssuerKey::verify_static`].
    ///
    /// # Source
    /// EMV Book 2, clause 5; vectors: `vectors/emv_oda_chain.txt`.
    pub fn sda(&self) -> Result<[u8; 2], Failure> {
        self.issuer()?.verify_static(&self.data, &self.static_data)
    }

    /// The data of INTERNAL AUTHENTICATE: see [`dynamic_data`].
    ///
    /// # Errors
    /// Those of [`dynamic_data`].
    pub fn internal_authenticate_data(&self, objects: &[(Tag, &[u8])], out: &mut [u8]) -> Result<usize, Failure> {
        dynamic_data(&self.data, objects, out)
    }

    /// Dynamic data authentication: gives the ICC dynamic number (9F4C).
    ///
    /// `sent`: the data of INTERNAL AUTHENTICATE. `response`: the data field of the answer.
    ///
    /// # Errors
    /// Those of [`IssuerKey::recover`], [`IssuerKey::icc_key`], [`internal_authenticate_response`] and
    /// [`IccKey::verify_dynamic`].
    ///
    /// # Source
    /// EMV Book 2, clause 6; vectors: `vectors/emv_oda_chain.txt`.
    pub fn dda(&self, sent: &[u8], response: &[u8]) -> Result<DynamicNumber, Failure> {
        self.icc()?
            .verify_dynamic(sent, internal_authenticate_response(response)?)
    }

    /// Fast DDA of contactless cards: see [`IccKey::verify_fast`].
    ///
    /// # Errors
    /// Those of [`IssuerKey::recover`], [`IssuerKey::icc_key`] and [`IccKey::verify_fast`].
    #[doc(alias = "fDDA")]
    pub fn fdda(&self, number: [u8; 4], amount: [u8; 6], currency: [u8; 2]) -> Result<DynamicNumber, Failure> {
        self.icc()?.verify_fast(number, amount, currency, &self.data)
    }

    /// Combined data authentication: see [`IccKey::verify_combined`].
    ///
    /// # Errors
    /// Those of [`IssuerKey::recover`], [`IssuerKey::icc_key`] and [`IccKey::verify_combined`].
    ///
    /// # Source
    /// EMV Book 2, clause 6.6; vectors: `vectors/emv_oda_chain.txt`.
    pub fn cda<'r>(&self, number: [u8; 4], sent: &[&[u8]], response: &'r [u8]) -> Result<Combined<'r>, Failure> {
        self.icc()?.verify_combined(number, sent, response)
    }

    /// The key for PINs: of the certificate for it (9F2D) if the card has one, else the card's one key.
    ///
    /// # Errors
    /// Those of [`IssuerKey::recover`], and [`IssuerKey::pin_key`] or [`IssuerKey::icc_key`]. A certificate that fails
    /// is not replaced by the other key.
    ///
    /// # Source
    /// EMV Book 2, clause 7.1; vectors: `vectors/emv_oda_chain.txt`.
    pub fn pin_key(&self) -> Result<PinKey, Failure> {
        if self.data.pin_certificate.is_some() {
            self.issuer()?.pin_key(&self.data)
        } else {
            Ok(self.icc()?.for_pin())
        }
    }
}
