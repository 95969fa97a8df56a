// SPDX-License-Identifier: MIT OR Apache-2.0
use core::fmt;
use core::marker::PhantomData;

use subtle::{Choice, ConstantTimeEq};
use zeroize::{Zeroize, ZeroizeOnDrop};

use crate::error::Error;
use crate::key::role::{Role, StorageKey};
use crate::secret::SecretBuf;

mod sealed {
    use crate::error::Error;
    use crate::secret::SecretBuf;
    use zeroize::Zeroize;

    pub trait Sealed {}

    /// The storage of a key.
    pub trait Buf: Zeroize {
        const EMPTY: Self;
        fn bytes(&self) -> &[u8];
        fn bytes_mut(&mut self) -> &mut [u8];
        fn reset(&mut self, len: usize) -> Result<&mut [u8], Error>;
    }

    impl<const N: usize> Buf for SecretBuf<N> {
        const EMPTY: Self = Self::new();

        fn bytes(&self) -> &[u8] {
            self.expose()
        }

        fn bytes_mut(&mut self) -> &mut [u8] {
            self.expose_mut()
        }

        fn reset(&mut self, len: usize) -> Result<&mut [u8], Error> {
            self.reset(len)
        }
    }
}

pub(crate) use sealed::Buf;

/// The algorithm a key is for. Sealed.
pub trait Algorithm: sealed::Sealed + 'static {
    /// The name in the standards.
    const NAME: &'static str;
    /// The storage.
    #[doc(hidden)]
    type Bytes: Buf;
    /// Whether keys of this algorithm may have `len` bytes.
    fn fits(len: usize) -> bool;
}

/// DES (8 bytes, legacy profiles only), two-key (16) and three-key (24) TDEA.
#[derive(Clone, Copy, Debug)]
pub struct Tdea;

/// AES-128, AES-192, AES-256.
#[derive(Clone, Copy, Debug)]
pub struct Aes;

/// HMAC, 1 to 64 bytes.
#[derive(Clone, Copy, Debug)]
pub struct Hmac;

/// A private key of P-256: its scalar, 32 bytes, big-endian.
#[doc(alias = "P-256")]
#[derive(Clone, Copy, Debug)]
pub struct Ec;

macro_rules! algorithm {
    ($name:ident, $text:literal, $capacity:literal, $($fits:pat_param)|+) => {
        impl sealed::Sealed for $name {}

        impl Algorithm for $name {
            const NAME: &'static str = $text;
            type Bytes = SecretBuf<$capacity>;
            fn fits(len: usize) -> bool {
                matches!(len, $($fits)|+)
            }
        }
    };
}

algorithm!(Tdea, "TDEA", 24, 8 | 16 | 24);
algorithm!(Aes, "AES", 32, 16 | 24 | 32);
algorithm!(Hmac, "HMAC", 64, 1..=64);
algorithm!(Ec, "EC P-256", 32, 32);

/// A key of role `R` for algorithm `A`.
///
/// Wiped on drop; neither `Clone` nor `Copy` nor comparable with `==`; `Debug` shows the role, the algorithm and the
/// length. Made [`empty`](Self::empty) where it shall live, then filled by a derivation or an unwrap.
///
/// ```compile_fail
/// # use payhsm::key::{Key, Tdea, role::PinEncryption};
/// let key: Key<PinEncryption, Tdea> = Key::empty();
/// let copy = key.clone();
/// ```
///
/// ```compile_fail
/// # use payhsm::key::{Key, Tdea, role::PinEncryption};
/// let (a, b): (Key<PinEncryption, Tdea>, Key<PinEncryption, Tdea>) = (Key::empty(), Key::empty());
/// let _ = a == b;
/// ```
pub struct Key<R: Role, A: Algorithm> {
    bytes: A::Bytes,
    role: PhantomData<fn() -> R>,
}

impl<R: Role, A: Algorithm> Key<R, A> {
    /// A place for a key. Every operation with an empty key fails with [`Error::NoKey`].
    #[must_use]
    pub const fn empty() -> Self {
        Self {
            bytes: A::Bytes::EMPTY,
            role: PhantomData,
        }
    }

    /// Length in bytes; public. 0 means empty.
    #[must_use]
    pub fn len(&self) -> usize {
        self.bytes.bytes().len()
    }

    /// Whether no key is here.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Writes key material here, wiping what was.
    pub(crate) fn set(&mut self, bytes: &[u8]) -> Result<(), Error> {
        self.reset(bytes.len())?.copy_from_slice(bytes);
        Ok(())
    }

    /// Wipes, sets the length and gives the bytes to be filled.
    pub(crate) fn reset(&mut self, len: usize) -> Result<&mut [u8], Error> {
        self.bytes.zeroize();
        if !A::fits(len) {
            return Err(Error::InvalidKeyLength);
        }
        self.bytes.reset(len)
    }

    /// The material; [`Error::NoKey`] if empty.
    pub(crate) fn material(&self) -> Result<&[u8], Error> {
        match self.bytes.bytes() {
            [] => Err(Error::NoKey),
            bytes => Ok(bytes),
        }
    }

    /// The material to be changed in place (parity, variants).
    pub(crate) fn material_mut(&mut self) -> &mut [u8] {
        self.bytes.bytes_mut()
    }
}

impl Key<StorageKey, Aes> {
    /// The device's storage key, from where the device keeps it. The only key that a program hands over as bytes: it
    /// seals the module's own records, and no command uses it on data of a caller.
    ///
    /// ```
    /// use payhsm::hsm::Config;
    /// use payhsm::key::{Aes, Key, role::StorageKey};
    ///
    /// let storage_key = Key::<StorageKey, Aes>::from_device(&[0x5A; 32]);
    /// let config = Config {
    ///     storage_key: Some(&storage_key),
    ///     ..Config::default()
    /// };
    /// # assert_eq!(config.storage_key.map(Key::len), Some(32));
    /// ```
    #[must_use]
    pub fn from_device(bytes: &[u8; 32]) -> Self {
        let mut key = Self::empty();
        // 32 bytes are an AES key.
        let _ = key.set(bytes);
        key
    }
}

#[cfg(feature = "hazmat")]
impl<R: Role, A: Algorithm> Key<R, A> {
    /// A key from raw bytes.
    ///
    /// # Errors
    /// [`Error::InvalidKeyLength`] if the algorithm has no keys of this length.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, Error> {
        let mut key = Self::empty();
        key.set(bytes)?;
        Ok(key)
    }

    /// The raw bytes; empty if no key is here.
    #[must_use]
    pub fn expose_bytes(&self) -> &[u8] {
        self.bytes.bytes()
    }
}

impl<R: Role, A: Algorithm> Zeroize for Key<R, A> {
    fn zeroize(&mut self) {
        self.bytes.zeroize();
    }
}

impl<R: Role, A: Algorithm> ZeroizeOnDrop for Key<R, A> {}

impl<R: Role, A: Algorithm> ConstantTimeEq for Key<R, A> {
    fn ct_eq(&self, other: &Self) -> Choice {
        self.bytes.bytes().ct_eq(other.bytes.bytes())
    }
}

impl<R: Role, A: Algorithm> fmt::Debug for Key<R, A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Key")
            .field("role", &R::NAME)
            .field("algorithm", &A::NAME)
            .field("len", &self.len())
            .finish_non_exhaustive()
    }
}
