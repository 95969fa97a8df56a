// SPDX-License-Identifier: MIT OR Apache-2.0
//! The initial keys that a host derived last, so that the next KSN of the same terminal costs no derivation from the BDK.

use zeroize::Zeroize;

use crate::error::Error;
use crate::hsm::KeyHandle;
use crate::key::role::InitialKey;
use crate::key::{Algorithm, Key};
use crate::secret::SecretBuf;

/// Initial keys that are kept.
const ENTRIES: usize = 8;
/// Bytes of an identity; zeros behind a shorter one.
const IDENTITY_LEN: usize = 10;
/// The longest initial key in bytes.
const KEY_LEN: usize = 32;

/// One initial key, by the handle of its BDK and its identity.
///
/// The handle has the generation of its slot: a BDK that was erased, and another one in the same slot, have none of the
/// old one's entries. They are wiped with it all the same.
struct Entry {
    bdk: KeyHandle,
    identity: [u8; IDENTITY_LEN],
    /// Empty: no entry.
    key: SecretBuf<KEY_LEN>,
}

impl Entry {
    const EMPTY: Self = Self {
        bdk: KeyHandle::NONE,
        identity: [0; IDENTITY_LEN],
        key: SecretBuf::new(),
    };

    fn is_of(&self, bdk: KeyHandle, identity: &[u8; IDENTITY_LEN]) -> bool {
        !self.key.is_empty() && self.bdk == bdk && self.identity == *identity
    }
}

/// The initial keys derived last. Which terminals they are of is public, and shows in timing.
pub(in crate::hsm) struct InitialKeys {
    entries: [Entry; ENTRIES],
    /// The place that is overwritten next.
    next: u8,
}

impl InitialKeys {
    pub(in crate::hsm) const EMPTY: Self = Self {
        entries: [Entry::EMPTY; ENTRIES],
        next: 0,
    };

    /// Copies the key to `out`; `false` if it is not here, and `out` is empty then.
    pub(super) fn find<A: Algorithm>(
        &self,
        bdk: KeyHandle,
        identity: &[u8],
        out: &mut Key<InitialKey, A>,
    ) -> Result<bool, Error> {
        out.zeroize();
        let identity = padded(identity);
        match self.entries.iter().find(|entry| entry.is_of(bdk, &identity)) {
            Some(entry) => out.set(entry.key.expose()).map(|()| true),
            None => Ok(false),
        }
    }

    /// Keeps a key in place of the one that has been here longest.
    pub(super) fn keep<A: Algorithm>(
        &mut self,
        bdk: KeyHandle,
        identity: &[u8],
        key: &Key<InitialKey, A>,
    ) -> Result<(), Error> {
        let material = key.material()?;
        let at = usize::from(self.next);
        self.next = match self.next.wrapping_add(1) {
            next if usize::from(next) < ENTRIES => next,
            _ => 0,
        };
        let entry = self.entries.get_mut(at).ok_or(Error::Internal)?;
        entry.key.set(material)?;
        entry.bdk = bdk;
        entry.identity = padded(identity);
        Ok(())
    }

    /// Wipes the keys of a BDK.
    pub(in crate::hsm) fn forget(&mut self, bdk: KeyHandle) {
        for entry in self.entries.iter_mut().filter(|entry| entry.bdk == bdk) {
            entry.key.zeroize();
        }
    }

    /// Wipes all keys.
    pub(in crate::hsm) fn clear(&mut self) {
        for entry in &mut self.entries {
            entry.key.zeroize();
        }
    }
}

fn padded(identity: &[u8]) -> [u8; IDENTITY_LEN] {
    let mut out = [0; IDENTITY_LEN];
    for (to, from) in out.iter_mut().zip(identity) {
        *to = *from;
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::key::Aes;

    fn key(byte: u8) -> Key<InitialKey, Aes> {
        let mut key = Key::empty();
        key.set(&[byte; 16]).unwrap();
        key
    }

    fn found(keys: &InitialKeys, bdk: KeyHandle, identity: &[u8]) -> Option<u8> {
        let mut out = key(0xFF);
        let hit = keys.find(bdk, identity, &mut out).unwrap();
        assert_eq!(hit, !out.is_empty());
        hit.then(|| out.material().unwrap()[0])
    }

    #[test]
    fn eight_are_kept_by_handle_and_identity() {
        let (bdk, again) = (KeyHandle::new(1, 7), KeyHandle::new(1, 8));
        let mut keys = InitialKeys::EMPTY;
        assert_eq!(found(&keys, KeyHandle::NONE, &[0; 8]), None);
        for n in 1..=12 {
            keys.keep(bdk, &[n; 8], &key(n)).unwrap();
        }
        for n in 1..=12 {
            assert_eq!(found(&keys, bdk, &[n; 8]), (n > 4).then_some(n));
            // The next key of the slot, and an identity of the other scheme.
            assert_eq!(found(&keys, again, &[n; 8]), None);
            assert_eq!(found(&keys, bdk, &[n; 10]), None);
        }
    }

    #[test]
    fn keys_go_with_their_bdk() {
        let (one, other) = (KeyHandle::new(1, 7), KeyHandle::new(2, 7));
        let mut keys = InitialKeys::EMPTY;
        for n in 1..=4 {
            keys.keep(one, &[n; 8], &key(n)).unwrap();
            keys.keep(other, &[n; 8], &key(n)).unwrap();
        }
        keys.forget(one);
        for n in 1..=4 {
            assert_eq!(found(&keys, one, &[n; 8]), None);
            assert_eq!(found(&keys, other, &[n; 8]), Some(n));
        }
        let held = keys.entries.iter().filter(|entry| !entry.key.is_empty()).count();
        assert_eq!(held, 4);
        keys.clear();
        assert!(keys.entries.iter().all(|entry| entry.key.is_empty()));
    }
}
