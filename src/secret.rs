// SPDX-License-Identifier: MIT OR Apache-2.0
//! Containers for secrets: wiped on drop, masked in `Debug`, neither `Copy` nor `Clone` nor comparable with `==`.
//!
//! A moved value leaves a copy behind; so secrets are made empty where they shall live and filled through `&mut`.

use core::fmt;

use subtle::{Choice, ConstantTimeEq};
use zeroize::{Zeroize, ZeroizeOnDrop};

use crate::error::Error;

/// `N` secret bytes.
pub struct Secret<const N: usize>([u8; N]);

impl<const N: usize> Secret<N> {
    /// All zero, to be filled in place.
    #[must_use]
    pub const fn zeroed() -> Self {
        Self([0; N])
    }

    /// The bytes.
    #[must_use]
    pub const fn expose(&self) -> &[u8; N] {
        &self.0
    }

    /// The bytes, to be written.
    pub const fn expose_mut(&mut self) -> &mut [u8; N] {
        &mut self.0
    }
}

impl<const N: usize> Default for Secret<N> {
    fn default() -> Self {
        Self::zeroed()
    }
}

impl<const N: usize> Zeroize for Secret<N> {
    fn zeroize(&mut self) {
        self.0.zeroize();
    }
}

impl<const N: usize> Drop for Secret<N> {
    fn drop(&mut self) {
        self.zeroize();
    }
}

impl<const N: usize> ZeroizeOnDrop for Secret<N> {}

impl<const N: usize> ConstantTimeEq for Secret<N> {
    fn ct_eq(&self, other: &Self) -> Choice {
        self.0.ct_eq(&other.0)
    }
}

impl<const N: usize> fmt::Debug for Secret<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Secret").field("len", &N).finish_non_exhaustive()
    }
}

/// At most `N` secret bytes with a public length.
pub struct SecretBuf<const N: usize> {
    bytes: Secret<N>,
    len: usize,
}

impl<const N: usize> SecretBuf<N> {
    /// Empty.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            bytes: Secret::zeroed(),
            len: 0,
        }
    }

    /// The public length in bytes, at most `N`.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.len
    }

    /// Whether the length is 0.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The bytes.
    #[must_use]
    pub fn expose(&self) -> &[u8] {
        self.bytes.0.get(..self.len).unwrap_or(&[])
    }

    /// The bytes, to be written.
    pub fn expose_mut(&mut self) -> &mut [u8] {
        self.bytes.0.get_mut(..self.len).unwrap_or(&mut [])
    }

    /// Wipes, sets the length and gives the zero bytes to be filled.
    ///
    /// # Errors
    /// [`Error::InvalidLength`] if `len` is over `N`.
    pub fn reset(&mut self, len: usize) -> Result<&mut [u8], Error> {
        self.zeroize();
        let bytes = self.bytes.0.get_mut(..len).ok_or(Error::InvalidLength)?;
        self.len = len;
        Ok(bytes)
    }

    /// Wipes and takes a copy of `bytes`.
    ///
    /// # Errors
    /// [`Error::InvalidLength`] if there are more than `N`.
    pub fn set(&mut self, bytes: &[u8]) -> Result<(), Error> {
        self.reset(bytes.len())?.copy_from_slice(bytes);
        Ok(())
    }

    /// Shortens to `len`, wiping the rest; no effect if it is not longer.
    pub fn truncate(&mut self, len: usize) {
        if let Some(rest) = self.bytes.0.get_mut(len..) {
            rest.zeroize();
            self.len = self.len.min(len);
        }
    }
}

impl<const N: usize> Default for SecretBuf<N> {
    fn default() -> Self {
        Self::new()
    }
}

impl<const N: usize> Zeroize for SecretBuf<N> {
    fn zeroize(&mut self) {
        self.bytes.zeroize();
        self.len = 0;
    }
}

impl<const N: usize> ZeroizeOnDrop for SecretBuf<N> {}

impl<const N: usize> fmt::Debug for SecretBuf<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SecretBuf").field("len", &self.len).finish_non_exhaustive()
    }
}
