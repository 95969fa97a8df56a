// SPDX-License-Identifier: MIT OR Apache-2.0
use core::fmt;

use zeroize::{Zeroize, ZeroizeOnDrop};

use crate::dukpt::aes::kdf::{KeyType, KeyUsage, WorkingAlgorithm, WorkingRole, derive_bytes, derive_key};
use crate::dukpt::aes::ksn::Ksn;
use crate::error::Error;
use crate::key::Key;
use crate::secret::SecretBuf;

/// One transaction: its KSN and the derivation key from which the working keys come.
///
/// Wiped on drop and by [`Zeroize`].
///
/// # Source
/// X9.24-3:2017 6.3.3; vectors: `vectors/dukpt_aes.txt`.
pub struct Transaction {
    ksn: Option<Ksn>,
    key: SecretBuf<32>,
}

impl Transaction {
    /// A place for a transaction. Every operation with an empty one fails with [`Error::NoKey`].
    #[must_use]
    pub const fn empty() -> Self {
        Self {
            ksn: None,
            key: SecretBuf::new(),
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

    /// The AES key type of the initial key: the strongest that its working keys can have, and what the module uses.
    ///
    /// # Errors
    /// [`Error::NoKey`] if empty.
    pub fn own_type(&self) -> Result<KeyType, Error> {
        self.ksn()?;
        KeyType::aes(self.key.len())
    }

    #[cfg(any(feature = "host", feature = "terminal"))]
    pub(super) fn set(&mut self, ksn: Ksn, key: &[u8]) -> Result<(), Error> {
        self.key.set(key)?;
        self.ksn = Some(ksn);
        Ok(())
    }

    /// Derives the working key of role `R` and type `key_type`. One transaction may give several.
    ///
    /// Requests are [`MacRequest`](crate::key::role::MacRequest) (usage 2000) and
    /// [`DataRequest`](crate::key::role::DataRequest) (3000) at both ends. Parity of TDEA keys is not adjusted.
    ///
    /// # Errors
    /// [`Error::NoKey`] if empty; [`Error::AlgorithmMismatch`] if `key_type` is not of algorithm `A`;
    /// [`Error::KeyStrength`] if it is stronger than the initial key. `out` is empty then.
    ///
    /// # Timing
    /// Constant for each key length.
    pub fn working_key<R: WorkingRole<A>, A: WorkingAlgorithm>(
        &self,
        key_type: KeyType,
        out: &mut Key<R, A>,
    ) -> Result<(), Error> {
        out.zeroize();
        let ksn = self.ksn()?;
        let context = ksn.initial_key_id().context(ksn.counter());
        derive_key(self.key.expose(), R::USAGE, key_type, context, out)
    }

    /// As [`working_key`](Self::working_key), with role and algorithm as values: the module keeps them so.
    pub(crate) fn working_material(
        &self,
        usage: KeyUsage,
        key_type: KeyType,
        out: &mut SecretBuf<32>,
    ) -> Result<(), Error> {
        out.zeroize();
        let ksn = self.ksn()?;
        let context = ksn.initial_key_id().context(ksn.counter());
        derive_bytes(self.key.expose(), usage, key_type, context, out)
    }
}

#[cfg(feature = "hazmat")]
impl Transaction {
    /// The transaction key itself; empty if no transaction is here.
    #[must_use]
    pub fn key_bytes(&self) -> &[u8] {
        self.key.expose()
    }

    /// As [`working_key`](Self::working_key), untyped and for every pair of usage and key type.
    ///
    /// # Errors
    /// [`Error::NoKey`] if empty; [`Error::KeyStrength`]. `out` is empty then.
    pub fn working_key_bytes(&self, usage: KeyUsage, key_type: KeyType, out: &mut SecretBuf<32>) -> Result<(), Error> {
        self.working_material(usage, key_type, out)
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
