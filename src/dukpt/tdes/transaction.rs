// SPDX-License-Identifier: MIT OR Apache-2.0
use core::fmt;

use zeroize::{Zeroize, ZeroizeOnDrop};

use crate::cipher::tdes::Tdes;
use crate::dukpt::tdes::Ksn;
use crate::error::Error;
use crate::key::role::{DataBoth, DataRequest, DataResponse, MacBoth, MacRequest, MacResponse, PinEncryption, Role};
use crate::key::{Key, Tdea};
use crate::secret::Secret;

// X9.24-1:2009 table A-1, X9.24-3:2017 table C.1: the byte of each half that a purpose inverts.
const PIN: u64 = 0xFF;
const MAC_REQUEST: u64 = 0xFF << 8;
const DATA_REQUEST: u64 = 0xFF << 16;
const MAC_RESPONSE: u64 = 0xFF << 24;
const DATA_RESPONSE: u64 = 0xFF << 32;

/// One transaction: its KSN and the key from which the working keys are taken.
///
/// Wiped on drop and by [`Zeroize`]. The transaction key itself is never used: each purpose has its variant.
///
/// # Source
/// X9.24-1:2009 A.4.1, table A-1; X9.24-3:2017 table C.1; vectors: `vectors/dukpt_tdes.txt`.
pub struct Transaction {
    ksn: Option<Ksn>,
    key: Secret<16>,
}

impl Transaction {
    /// A place for a transaction. Every operation with an empty one fails with [`Error::NoKey`].
    #[must_use]
    pub const fn empty() -> Self {
        Self {
            ksn: None,
            key: Secret::zeroed(),
        }
    }

    /// The KSN, which goes with the message.
    ///
    /// # Errors
    /// [`Error::NoKey`] if empty.
    pub fn ksn(&self) -> Result<Ksn, Error> {
        self.ksn.ok_or(Error::NoKey)
    }

    /// Whether no transaction is here.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.ksn.is_none()
    }

    #[cfg(any(feature = "host", feature = "terminal"))]
    pub(super) fn set(&mut self, ksn: Ksn, key: &[u8; 16]) {
        self.key.expose_mut().copy_from_slice(key);
        self.ksn = Some(ksn);
    }

    /// Writes the transaction key with the variant on both halves.
    fn variant<R: Role>(&self, mask: u64, out: &mut Key<R, Tdea>) -> Result<(), Error> {
        out.zeroize();
        self.ksn()?;
        let mask = mask.to_be_bytes();
        for ((to, from), mask) in out
            .reset(16)?
            .iter_mut()
            .zip(self.key.expose())
            .zip(mask.iter().cycle())
        {
            *to = from ^ mask;
        }
        Ok(())
    }

    /// Writes the data key: the variant, each half enciphered under the whole of it.
    fn one_way<R: Role>(&self, mask: u64, out: &mut Key<R, Tdea>) -> Result<(), Error> {
        self.variant(mask, out)?;
        let tdes = Tdes::new(out.material()?)?;
        if let ([left, right], _) = out.material_mut().as_chunks_mut::<8>() {
            [*left, *right] = Tdes::encrypt_each([&tdes; 2], [*left, *right]);
        }
        Ok(())
    }

    /// The PIN encryption key.
    ///
    /// # Errors
    /// [`Error::NoKey`] if empty.
    pub fn pin_key(&self, out: &mut Key<PinEncryption, Tdea>) -> Result<(), Error> {
        self.variant(PIN, out)
    }

    /// The MAC key of the request: the terminal generates, the host verifies.
    ///
    /// # Errors
    /// [`Error::NoKey`] if empty.
    pub fn mac_request_key(&self, out: &mut Key<MacRequest, Tdea>) -> Result<(), Error> {
        self.variant(MAC_REQUEST, out)
    }

    /// The MAC key of the response: the host generates, the terminal verifies.
    ///
    /// # Errors
    /// [`Error::NoKey`] if empty.
    pub fn mac_response_key(&self, out: &mut Key<MacResponse, Tdea>) -> Result<(), Error> {
        self.variant(MAC_RESPONSE, out)
    }

    /// The MAC key of both ways, for protocols that do not part them: the request key.
    ///
    /// # Errors
    /// [`Error::NoKey`] if empty.
    pub fn mac_both_key(&self, out: &mut Key<MacBoth, Tdea>) -> Result<(), Error> {
        self.variant(MAC_REQUEST, out)
    }

    /// The data encryption key of the request, with the one-way step.
    ///
    /// # Errors
    /// [`Error::NoKey`] if empty.
    pub fn data_request_key(&self, out: &mut Key<DataRequest, Tdea>) -> Result<(), Error> {
        self.one_way(DATA_REQUEST, out)
    }

    /// The data encryption key of the response, with the one-way step.
    ///
    /// # Errors
    /// [`Error::NoKey`] if empty.
    pub fn data_response_key(&self, out: &mut Key<DataResponse, Tdea>) -> Result<(), Error> {
        self.one_way(DATA_RESPONSE, out)
    }

    /// The data encryption key of both ways, for protocols that do not part them: the request key.
    ///
    /// # Errors
    /// [`Error::NoKey`] if empty.
    pub fn data_both_key(&self, out: &mut Key<DataBoth, Tdea>) -> Result<(), Error> {
        self.one_way(DATA_REQUEST, out)
    }
}

/// What older devices do instead of the standard.
#[cfg(feature = "legacy")]
impl Transaction {
    /// The data encryption key of the request **without** the one-way step, as some older devices use it.
    ///
    /// # Errors
    /// [`Error::NoKey`] if empty.
    pub fn legacy_data_request_variant(&self, out: &mut Key<DataRequest, Tdea>) -> Result<(), Error> {
        self.variant(DATA_REQUEST, out)
    }

    /// The data encryption key of the response **without** the one-way step, as some older devices use it.
    ///
    /// # Errors
    /// [`Error::NoKey`] if empty.
    pub fn legacy_data_response_variant(&self, out: &mut Key<DataResponse, Tdea>) -> Result<(), Error> {
        self.variant(DATA_RESPONSE, out)
    }

    /// Data encryption under the **PIN** variant, as some older card readers do. It is the PIN key's value: a message
    /// that carries a PIN block too must not use it.
    ///
    /// # Errors
    /// [`Error::NoKey`] if empty.
    pub fn legacy_data_under_pin_variant(&self, out: &mut Key<DataBoth, Tdea>) -> Result<(), Error> {
        self.variant(PIN, out)
    }
}

#[cfg(feature = "hazmat")]
impl Transaction {
    /// The transaction key before any variant; empty if no transaction is here.
    #[must_use]
    pub fn key_bytes(&self) -> &[u8] {
        if self.is_empty() { &[] } else { self.key.expose() }
    }
}

impl Zeroize for Transaction {
    fn zeroize(&mut self) {
        self.ksn = None;
        self.key.zeroize();
    }
}

impl ZeroizeOnDrop for Transaction {}

impl fmt::Debug for Transaction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Transaction")
            .field("ksn", &self.ksn)
            .finish_non_exhaustive()
    }
}
