// SPDX-License-Identifier: MIT OR Apache-2.0
use zeroize::Zeroize;

use crate::dukpt::aes::kdf::{KeyType, KeyUsage, derive_key, derive_path};
use crate::dukpt::aes::{InitialKeyId, Ksn, Transaction};
use crate::error::Error;
use crate::key::role::{Bdk, InitialKey};
use crate::key::{Aes, Key};
use crate::secret::SecretBuf;

/// The receiving side: derives every key from the BDK.
#[derive(Clone, Copy, Debug)]
pub struct Host;

impl Host {
    /// Derives the initial key of a terminal from the base derivation key (16, 24 or 32 bytes) and the initial key id.
    ///
    /// For the host and the key-injection facility. The initial key has the length of the BDK.
    ///
    /// # Errors
    /// [`Error::NoKey`]; `out` is empty then.
    ///
    /// # Timing
    /// Constant for each key length.
    ///
    /// # Source
    /// X9.24-3:2017 6.3.1; vectors: `vectors/dukpt_aes.txt`.
    pub fn initial_key(bdk: &Key<Bdk, Aes>, id: &InitialKeyId, out: &mut Key<InitialKey, Aes>) -> Result<(), Error> {
        out.zeroize();
        let bdk = bdk.material()?;
        let key_type = KeyType::aes(bdk.len())?;
        derive_key(bdk, KeyUsage::KeyDerivationInitialKey, key_type, *id.as_bytes(), out)
    }

    /// Derives the key of the transaction `ksn` from the initial key.
    ///
    /// That the KSN belongs to this initial key, and that its counter is above the last accepted one, is for the
    /// caller to know.
    ///
    /// # Errors
    /// [`Error::CounterZero`], [`Error::CounterOverweight`], [`Error::CounterReserved`], [`Error::NoKey`]; `out` is
    /// empty then.
    ///
    /// # Timing
    /// One derivation for each one bit of the counter, which is public; nothing else shows.
    ///
    /// # Source
    /// X9.24-3:2017 6.3.3; vectors: `vectors/dukpt_aes.txt`.
    pub fn transaction(ik: &Key<InitialKey, Aes>, ksn: &Ksn, out: &mut Transaction) -> Result<(), Error> {
        out.zeroize();
        ksn.check()?;
        let mut key = SecretBuf::new();
        derive_path(ik.material()?, &ksn.initial_key_id(), ksn.counter(), &mut key)?;
        out.set(*ksn, key.expose())
    }
}
