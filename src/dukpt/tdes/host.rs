// SPDX-License-Identifier: MIT OR Apache-2.0
use crate::cipher::tdes::Tdes;
use crate::dukpt::ksn::prefixes;
use crate::dukpt::tdes::nrkg::{Nrkg, VARIANT};
use crate::dukpt::tdes::{InitialKeyId, Ksn, Transaction};
use crate::error::Error;
use crate::key::role::{Bdk, InitialKey};
use crate::key::{Key, Tdea};
use crate::secret::Secret;
use crate::weaken::guard;
use zeroize::Zeroize;

/// The receiving side: derives every key from the BDK.
#[derive(Clone, Copy, Debug)]
pub struct Host;

impl Host {
    /// Derives the initial key of a terminal from the base derivation key (16 bytes) and the IKSN.
    ///
    /// For the host and the key-injection facility. Parity is not adjusted. That a BDK has two different halves is
    /// judged where it is loaded.
    ///
    /// # Errors
    /// [`Error::NoKey`], [`Error::InvalidKeyLength`] unless the BDK has 16 bytes; `out` is empty then.
    ///
    /// # Timing
    /// Constant.
    ///
    /// # Source
    /// X9.24-1:2009 A.6; X9.24-3:2017 C.5; vectors: `vectors/dukpt_tdes.txt`.
    pub fn initial_key(bdk: &Key<Bdk, Tdea>, id: &InitialKeyId, out: &mut Key<InitialKey, Tdea>) -> Result<(), Error> {
        out.zeroize();
        let bdk: &[u8; 16] = bdk.material()?.try_into().map_err(|_| Error::InvalidKeyLength)?;
        let mut masked = Secret::<16>::zeroed();
        let mask = VARIANT.to_be_bytes();
        for ((to, from), mask) in masked.expose_mut().iter_mut().zip(bdk).zip(mask.iter().cycle()) {
            *to = from ^ mask;
        }
        let (left, right) = (Tdes::new(bdk)?, Tdes::new(masked.expose())?);
        let mut halves = Tdes::encrypt_each([&left, &right], [id.leftmost(); 2]);
        out.reset(16)?.copy_from_slice(halves.as_flattened());
        halves.zeroize();
        Ok(())
    }

    /// Derives the key of the transaction `ksn` from the initial key.
    ///
    /// That the KSN belongs to this initial key, and that its counter is above the last accepted one, is for the
    /// caller to know.
    ///
    /// # Errors
    /// [`Error::CounterZero`], [`Error::CounterOverweight`], [`Error::NoKey`], [`Error::InvalidKeyLength`] unless the
    /// key has 16 bytes; `out` is empty then.
    ///
    /// # Timing
    /// One step of two DES operations for each one bit of the counter, which is public; nothing else shows.
    ///
    /// # Source
    /// X9.24-1:2009 A.3; X9.24-3:2017 C.4; vectors: `vectors/dukpt_tdes.txt`.
    pub fn transaction(ik: &Key<InitialKey, Tdea>, ksn: &Ksn, out: &mut Transaction) -> Result<(), Error> {
        out.zeroize();
        guard!("F06", ksn.check())?;
        let ik: &[u8; 16] = ik.material()?.try_into().map_err(|_| Error::InvalidKeyLength)?;
        let mut key = Secret::<16>::zeroed();
        *key.expose_mut() = *ik;
        let counter = ksn.counter();
        let identity = ksn.rightmost() ^ u64::from(counter);
        for prefix in prefixes(counter) {
            Nrkg::new(key.expose()).derive(identity | u64::from(prefix), key.expose_mut());
        }
        out.set(*ksn, key.expose());
        Ok(())
    }
}
