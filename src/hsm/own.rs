// SPDX-License-Identifier: MIT OR Apache-2.0
//! What the module derives from the storage key for itself: the key of the audit log, the key of card fingerprints, and
//! the identity of the device.

use core::fmt;

use zeroize::Zeroize;

use crate::ct;
use crate::entropy::Entropy;
use crate::error::Error;
use crate::key::role::StorageKey;
use crate::key::{Aes, Key};
use crate::mac::cmac::CmacAes;
use crate::secret::SecretBuf;
use crate::store::seal::derive;

/// Length of the derived keys in bytes: AES-128, so that every protection key of AES may wrap them.
const KEY_LEN: usize = 16;

/// Length of a fingerprint in bytes.
pub const FINGERPRINT_LEN: usize = 8;

/// The keys.
pub(super) struct OwnKeys {
    audit: SecretBuf<KEY_LEN>,
    cards: SecretBuf<KEY_LEN>,
    device: [u8; 8],
}

impl OwnKeys {
    /// None yet.
    pub(super) const EMPTY: Self = Self {
        audit: SecretBuf::new(),
        cards: SecretBuf::new(),
        device: [0; 8],
    };

    /// Derives them. Without a storage key fingerprints last until the next start only, and there is no audit key.
    pub(super) fn derive(
        &mut self,
        key: Option<&Key<StorageKey, Aes>>,
        entropy: &mut impl Entropy,
    ) -> Result<(), Error> {
        let cards = self.cards.reset(KEY_LEN)?;
        let Some(key) = key else {
            return entropy.fill(cards);
        };
        derive(key, b"card fingerprints", cards)?;
        derive(key, b"audit log", self.audit.reset(KEY_LEN)?)?;
        derive(key, b"device identity", &mut self.device)?;
        ct::public(&mut self.device);
        Ok(())
    }

    /// The key of the audit log; empty without one.
    pub(super) fn audit(&self) -> &[u8] {
        self.audit.expose()
    }

    /// By which a backup and a status message name the device; zero without a storage key.
    pub(super) const fn device(&self) -> &[u8; 8] {
        &self.device
    }

    /// The fingerprint of a card: AES-CMAC of its 11 account digits (values 0 to 9), of which the first 8 bytes.
    pub(super) fn fingerprint(&self, account: &[u8; 11]) -> Result<[u8; FINGERPRINT_LEN], Error> {
        let mut out = [0; FINGERPRINT_LEN];
        CmacAes::once(self.cards.expose(), &[account], &mut out)?;
        ct::public(&mut out);
        Ok(out)
    }

    pub(super) fn wipe(&mut self) {
        self.audit.zeroize();
        self.cards.zeroize();
    }
}

impl fmt::Debug for OwnKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OwnKeys").finish_non_exhaustive()
    }
}
