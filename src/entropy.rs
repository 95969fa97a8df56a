// SPDX-License-Identifier: MIT OR Apache-2.0
//! Where random bytes come from: the caller.

use crate::error::Error;

/// A source of random bytes that an attacker can neither predict nor influence.
pub trait Entropy {
    /// Fills all of `out`.
    ///
    /// # Errors
    /// [`Error::Entropy`] if the source failed; the operation that asked is refused then. There is no fall-back.
    fn fill(&mut self, out: &mut [u8]) -> Result<(), Error>;
}

impl<E: Entropy + ?Sized> Entropy for &mut E {
    fn fill(&mut self, out: &mut [u8]) -> Result<(), Error> {
        (**self).fill(out)
    }
}
