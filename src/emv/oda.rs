// SPDX-License-Identifier: MIT OR Apache-2.0
//! Offline data authentication and offline PIN at the terminal (EMV Book 2, clauses 5 to 7).
//!
//! ```text
//! CaKey ──► issuer certificate (90) ──► IssuerKey ──► SSAD (93)              SDA: the data are the issuer's
//!                                          └──► ICC certificate (9F46) ──► IccKey ──► SDAD (9F4B)
//!                                          |        DDA, fDDA, CDA: the card is the one that has the data
//!                                          └──► PIN certificate (9F2D) ──► PinKey ──► PIN for VERIFY
//! ```
//!
//! [`Card`] goes the whole way from records to an answer; the steps are public, too.
//!
//! A key is made by the functions of [`certificate`] only, so it stands for a certificate that was checked: an
//! [`IccKey`] cannot be had without a [`CaKey`] behind it. What a failure means to the terminal is told, since all of
//! this is public: a [`Failure`] names the step and the [`Fault`], and [`Method::tvr`] the bits of the terminal
//! verification results. As an [`Error`] a failure is the class only.
//!
//! | term | meaning |
//! |---|---|
//! | RID, index | whose CA key it is: the first 5 bytes of the AID, and tag 8F |
//! | SSAD, SDAD | signed static, signed dynamic application data (93, 9F4B) |
//! | DAC | data authentication code (9F45), inside the SSAD |
//! | ICC dynamic number | a number of the card (9F4C), inside the SDAD |
//! | static data | records that the AFL counts for offline data authentication, and the AIP |
//!
//! # Limits
//! SHA-1 and RSA with e = 3 or 65537 are the only algorithms of these clauses. SHA-1 is forged by whoever may choose what
//! an issuer signs; nothing outside this module and card keys of option B takes it. Elliptic curves (Book E) and XDA are not here.

pub mod ca;
pub mod card;
pub mod certificate;
pub mod pin;
pub mod records;
pub mod signed;
raw!(recover);

use crate::error::Error;

pub use ca::{CaKey, Date, Trust};
pub use card::Card;
pub use certificate::{IccKey, IssuerKey, PinKey};
pub use records::{CardData, Record, Records, StaticData};
pub use signed::{Combined, DynamicNumber};

/// What was being done when a failure was found. The numbers are those of the C interface.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
#[repr(u32)]
pub enum Stage {
    /// Reading the card's records.
    Records = 1,
    /// Finding the certification authority's key.
    CaKey = 2,
    /// The issuer's certificate (tag 90).
    IssuerCertificate = 3,
    /// The card's certificate (tag 9F46).
    IccCertificate = 4,
    /// The certificate of the card's PIN key (tag 9F2D).
    PinCertificate = 5,
    /// Signed static application data (tag 93).
    StaticSignature = 6,
    /// Signed dynamic application data (tag 9F4B).
    DynamicSignature = 7,
}

/// What was wrong. The numbers are those of the C interface.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
#[repr(u32)]
pub enum Fault {
    /// A data element that the step needs is absent.
    Missing = 1,
    /// A data element or the TLV coding around it is malformed, or an element stands twice.
    Malformed = 2,
    /// A record is not what its file must hold: one template 70.
    Record = 3,
    /// The static data authentication tag list (9F4A) names anything but the AIP.
    TagList = 4,
    /// No key of this RID and index.
    NoCaKey = 5,
    /// The signature has another length than the signer's modulus, or is not below it.
    SignatureLength = 10,
    /// The recovered data do not end with BC.
    Trailer = 11,
    /// The recovered data do not begin with 6A.
    Header = 12,
    /// The recovered data have another format number.
    Format = 13,
    /// The hash algorithm indicator is not 01 (SHA-1).
    HashAlgorithm = 14,
    /// The hash is not that of the data.
    Hash = 15,
    /// The issuer identifier does not begin the PAN.
    IssuerIdentifier = 20,
    /// The PAN of the certificate is not the card's.
    Pan = 21,
    /// The certificate or the CA key is past its date, or its date is none.
    Expired = 22,
    /// The certificate is on the revocation list.
    Revoked = 23,
    /// The public key algorithm indicator is not 01 (RSA).
    KeyAlgorithm = 24,
    /// The key's length is not that of a key, or the modulus is none.
    KeyLength = 25,
    /// The remainder has not the length that the key needs.
    Remainder = 26,
    /// The exponent is not 3 or 65537, or has not the length of the certificate.
    Exponent = 27,
    /// The padding is not all BB.
    Padding = 28,
    /// The dynamic data have not the shape of the method.
    DynamicData = 30,
    /// Cryptogram information inside and outside the signed data differ.
    CryptogramInformation = 31,
    /// The transaction data hash code is not that of the data sent and answered.
    TransactionHash = 32,
}

impl Fault {
    const fn at(self, stage: Stage) -> Failure {
        Failure { stage, fault: self }
    }
}

/// Why a card's data were not authenticated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Failure {
    /// In which step.
    pub stage: Stage,
    /// What was wrong.
    pub fault: Fault,
}

impl From<Failure> for Error {
    fn from(failure: Failure) -> Self {
        match failure.fault {
            Fault::Missing => Self::TlvMissing,
            Fault::NoCaKey => Self::NoKey,
            Fault::IssuerIdentifier | Fault::Pan => Self::PanMismatch,
            Fault::Expired => Self::Expired,
            Fault::Malformed
            | Fault::Record
            | Fault::TagList
            | Fault::KeyAlgorithm
            | Fault::KeyLength
            | Fault::Remainder
            | Fault::Exponent => Self::Certificate,
            _ => Self::VerificationFailed,
        }
    }
}

/// How a card is authenticated offline.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// Static data authentication.
    Sda,
    /// Dynamic data authentication; fast DDA of contactless cards sets the same bits.
    Dda,
    /// Combined dynamic data authentication and application cryptogram generation.
    Cda,
}

impl Method {
    /// The best method that card and terminal both have: CDA, then DDA, then SDA.
    ///
    /// `aip`: tag 82, 2 bytes. `capabilities`: tag 9F33, 3 bytes. `None`: offline data authentication is not performed.
    ///
    /// # Source
    /// EMV Book 3, clause 10.3 and Annex C1; Book 4, Annex A2.
    #[must_use]
    pub const fn select(aip: [u8; 2], capabilities: [u8; 3]) -> Option<Self> {
        let ([card, _], [_, _, terminal]) = (aip, capabilities);
        if card & 0x01 != 0 && terminal & 0x08 != 0 {
            Some(Self::Cda)
        } else if card & 0x20 != 0 && terminal & 0x40 != 0 {
            Some(Self::Dda)
        } else if card & 0x40 != 0 && terminal & 0x80 != 0 {
            Some(Self::Sda)
        } else {
            None
        }
    }

    /// The bits that a failure sets in byte 1 of the terminal verification results (tag 95): that the method failed,
    /// and that the card's data are missing if that is why.
    ///
    /// "SDA selected" (bit 2) and "offline data authentication was not performed" (bit 8) are the terminal's to set,
    /// because no failure says so.
    ///
    /// # Source
    /// EMV Book 3, clause 10.3 and Annex C5.
    #[must_use]
    pub const fn tvr(self, fault: Fault) -> u8 {
        let failed = match self {
            Self::Sda => 0x40,
            Self::Dda => 0x08,
            Self::Cda => 0x04,
        };
        let missing = if matches!(fault, Fault::Missing) { 0x20 } else { 0 };
        failed | missing
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_best_method_of_both() {
        let all = [0, 0, 0xC8];
        assert_eq!(Method::select([0x61, 0], all), Some(Method::Cda));
        assert_eq!(Method::select([0x60, 0], all), Some(Method::Dda));
        assert_eq!(Method::select([0x40, 0xFF], all), Some(Method::Sda));
        assert_eq!(Method::select([0x1E, 0xFF], all), None);
        assert_eq!(Method::select([0x61, 0], [0xFF, 0xFF, 0xC0]), Some(Method::Dda));
        assert_eq!(Method::select([0x61, 0], [0xFF, 0xFF, 0x80]), Some(Method::Sda));
        assert_eq!(Method::select([0x61, 0], [0xFF, 0xFF, 0x37]), None);
    }

    #[test]
    fn bits_of_the_verification_results() {
        assert_eq!(Method::Sda.tvr(Fault::Hash), 0x40);
        assert_eq!(Method::Dda.tvr(Fault::Hash), 0x08);
        assert_eq!(Method::Cda.tvr(Fault::Missing), 0x24);
    }
}
