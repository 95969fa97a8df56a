// SPDX-License-Identifier: MIT OR Apache-2.0
//! The chain of certificates: CA, issuer, card, and the card's PIN key.
//!
//! The checks stand in the order of EMV Book 2; the first that fails is the one that is told.

use core::fmt;

use super::ca::{RID_LEN, Trust};
use super::recover::{ALGORITHM, KeyCertificate, Recovered, assemble};
use super::{CardData, Date, Failure, Fault, Stage, StaticData};
use crate::codec::bcd;
use crate::pin::pan::Pan;
use crate::rsa::PublicKey;

/// Fewest digits of an issuer identifier.
const MIN_IDENTIFIER: usize = 3;

/// An issuer's public key, from its certificate.
pub struct IssuerKey {
    pub(super) key: PublicKey,
    date: Date,
}

/// A card's public key, from its certificate.
pub struct IccKey {
    pub(super) key: PublicKey,
}

/// A card's public key for PIN encipherment: of its own certificate, or the card's one key.
#[derive(Debug)]
pub struct PinKey {
    pub(super) key: PublicKey,
}

/// A certificate with what belongs to it.
struct Parts<'a> {
    certificate: &'a [u8],
    remainder: &'a [u8],
    exponent: &'a [u8],
    format: u8,
    static_data: Option<&'a StaticData<'a>>,
}

impl<'a> Parts<'a> {
    fn new(
        format: u8,
        certificate: Option<&'a [u8]>,
        remainder: Option<&'a [u8]>,
        exponent: Option<&'a [u8]>,
    ) -> Result<Self, Fault> {
        Ok(Self {
            certificate: certificate.ok_or(Fault::Missing)?,
            remainder: remainder.unwrap_or(&[]),
            exponent: exponent.ok_or(Fault::Missing)?,
            format,
            static_data: None,
        })
    }

    /// Opens the certificate, compares the hash, lets `judge` look at the fields, and gives the key.
    fn verify<const N: usize>(
        &self,
        signer: &PublicKey,
        judge: impl FnOnce(&KeyCertificate<'_, N>) -> Result<(), Fault>,
    ) -> Result<PublicKey, Fault> {
        let recovered = Recovered::open(signer, self.certificate, self.format)?;
        let fields = KeyCertificate::<N>::parse(recovered.parts().0)?;
        if fields.hash_algorithm != ALGORITHM {
            return Err(Fault::HashAlgorithm);
        }
        let mut hash = recovered.hash();
        for part in [self.remainder, self.exponent] {
            sha1::Digest::update(&mut hash, part);
        }
        if let Some(data) = self.static_data {
            data.feed(&mut hash);
        }
        if !recovered.is_hash(hash) {
            return Err(Fault::Hash);
        }
        judge(&fields)?;
        if fields.key_algorithm != ALGORITHM {
            return Err(Fault::KeyAlgorithm);
        }
        if usize::from(fields.exponent_len) != self.exponent.len() {
            return Err(Fault::Exponent);
        }
        assemble(fields.key_len, fields.field, self.remainder, self.exponent)
    }
}

impl IssuerKey {
    /// Recovers the issuer's public key with the CA key that RID and tag 8F name.
    ///
    /// `rid`: the first 5 bytes of the selected AID.
    ///
    /// # Errors
    /// [`Fault::Missing`], [`Fault::Malformed`], [`Fault::NoCaKey`], [`Fault::Expired`] before anything is computed;
    /// [`Fault::SignatureLength`], [`Fault::Trailer`], [`Fault::Header`], [`Fault::Format`], [`Fault::HashAlgorithm`],
    /// [`Fault::Hash`], [`Fault::IssuerIdentifier`], [`Fault::Expired`], [`Fault::Revoked`], [`Fault::KeyAlgorithm`],
    /// [`Fault::Exponent`], [`Fault::KeyLength`], [`Fault::Remainder`], [`Fault::Padding`], judged in this order.
    ///
    /// # Source
    /// EMV Book 2, clause 5.3; vectors: `vectors/emv_oda.txt`, `vectors/emv_oda_chain.txt`.
    pub fn recover(trust: &Trust<'_>, rid: [u8; RID_LEN], card: &CardData<'_>) -> Result<Self, Failure> {
        let stage = |fault: Fault| fault.at(Stage::IssuerCertificate);
        let index = match card.ca_index {
            Some([index]) => *index,
            Some(_) => return Err(Fault::Malformed.at(Stage::CaKey)),
            None => return Err(Fault::Missing.at(Stage::CaKey)),
        };
        let ca = trust.key(rid, index)?;
        let parts = Parts::new(
            0x02,
            card.issuer_certificate,
            card.issuer_remainder,
            card.issuer_exponent,
        )
        .map_err(stage)?;
        let pan = card.pan().map_err(stage)?;
        let signer = ca.public_key().map_err(|_| Fault::NoCaKey.at(Stage::CaKey))?;
        let key = parts
            .verify::<4>(&signer, |fields| {
                if !begins(&pan, fields.subject) {
                    Err(Fault::IssuerIdentifier)
                } else if trust.date.is_after_month(fields.expiry) {
                    Err(Fault::Expired)
                } else if trust.is_revoked(ca, fields.serial) {
                    Err(Fault::Revoked)
                } else {
                    Ok(())
                }
            })
            .map_err(stage)?;
        Ok(Self { key, date: trust.date })
    }

    /// An issuer's key without a certificate, for vectors.
    #[cfg(feature = "hazmat")]
    #[must_use]
    pub const fn from_public_key(key: PublicKey, date: Date) -> Self {
        Self { key, date }
    }

    /// The key.
    #[must_use]
    pub const fn public_key(&self) -> &PublicKey {
        &self.key
    }

    /// Recovers the card's public key, whose certificate also covers the static data.
    ///
    /// # Errors
    /// As [`recover`](Self::recover), with [`Fault::Pan`] in place of [`Fault::IssuerIdentifier`] and without a
    /// revocation list.
    ///
    /// # Source
    /// EMV Book 2, clause 6.4; vectors: `vectors/emv_oda.txt`, `vectors/emv_oda_chain.txt`.
    pub fn icc_key(&self, card: &CardData<'_>, static_data: &StaticData<'_>) -> Result<IccKey, Failure> {
        let parts = Parts::new(0x04, card.icc_certificate, card.icc_remainder, card.icc_exponent);
        let key = parts.and_then(|parts| {
            let parts = Parts {
                static_data: Some(static_data),
                ..parts
            };
            self.card_key(card, &parts)
        });
        Ok(IccKey {
            key: key.map_err(|fault| fault.at(Stage::IccCertificate))?,
        })
    }

    /// Recovers the card's public key for PIN encipherment (tag 9F2D).
    ///
    /// # Errors
    /// As [`icc_key`](Self::icc_key). A card without this certificate ([`Fault::Missing`]) takes PINs under its one
    /// key: [`IccKey::for_pin`].
    ///
    /// # Source
    /// EMV Book 2, clause 7.1; vectors: `vectors/emv_oda_chain.txt`.
    pub fn pin_key(&self, card: &CardData<'_>) -> Result<PinKey, Failure> {
        let parts = Parts::new(0x04, card.pin_certificate, card.pin_remainder, card.pin_exponent);
        let key = parts.and_then(|parts| self.card_key(card, &parts));
        Ok(PinKey {
            key: key.map_err(|fault| fault.at(Stage::PinCertificate))?,
        })
    }

    /// A key of a certificate of format 04.
    fn card_key(&self, card: &CardData<'_>, parts: &Parts<'_>) -> Result<PublicKey, Fault> {
        let pan = card.pan()?;
        parts.verify::<10>(&self.key, |fields| {
            if !is_pan(&pan, fields.subject) {
                Err(Fault::Pan)
            } else if self.date.is_after_month(fields.expiry) {
                Err(Fault::Expired)
            } else {
                Ok(())
            }
        })
    }
}

impl IccKey {
    /// A card's key without a certificate, for vectors.
    #[cfg(feature = "hazmat")]
    #[must_use]
    pub const fn from_public_key(key: PublicKey) -> Self {
        Self { key }
    }

    /// The key.
    #[must_use]
    pub const fn public_key(&self) -> &PublicKey {
        &self.key
    }

    /// The key that a PIN is enciphered with if the card has no certificate of a PIN key.
    #[must_use]
    pub fn for_pin(&self) -> PinKey {
        PinKey { key: self.key.clone() }
    }
}

impl fmt::Debug for IssuerKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("IssuerKey")
            .field("key", &self.key)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for IccKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("IccKey").field("key", &self.key).finish()
    }
}

/// Whether the PAN begins with the identifier: 3 to 8 digits, then F.
fn begins(pan: &Pan, identifier: [u8; 4]) -> bool {
    let mut digits = [0; 8];
    match bcd::decode_compressed(&identifier, &mut digits) {
        Ok(count) if count >= MIN_IDENTIFIER => digits.get(..count).is_some_and(|id| pan.digits().starts_with(id)),
        _ => false,
    }
}

/// Whether the field of a certificate, digits with trailing F, is the PAN.
fn is_pan(pan: &Pan, field: [u8; 10]) -> bool {
    let mut digits = [0; 20];
    match bcd::decode_compressed(&field, &mut digits) {
        Ok(count) => digits.get(..count) == Some(pan.digits()),
        Err(_) => false,
    }
}
