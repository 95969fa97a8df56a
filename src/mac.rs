// SPDX-License-Identifier: MIT OR Apache-2.0
//! Message authentication: ISO/IEC 9797-1, CMAC, HMAC, the MAC of UnionPay terminals.
//!
//! Every algorithm is a stream with a fixed-size state: make it with a key (one schedule a message), `update` it,
//! then `finish` or `verify`, both of which consume it. Dropped in between, it wipes itself. What it takes here is raw
//! key material; [`key::mac`](crate::key::mac) has the same streams for typed keys.
//!
//! The length of a MAC is the caller's: minimum lengths, and that the length does not come with the message, are rules
//! of a key slot. Compare with `verify`, never with `==`.

mod chain;
pub mod cmac;
pub mod hmac;
pub mod iso9797;
pub mod unionpay;

use crate::ct;
use crate::error::Error;
use crate::secret::Secret;

/// The longest MAC of any algorithm here, in bytes.
pub const MAX_LEN: usize = 64;

/// A MAC computation in progress.
pub trait Mac: Sized {
    /// Full length of the MAC in bytes.
    const LEN: usize;

    /// Takes more of the message.
    fn update(&mut self, data: &[u8]);

    /// Ends the message and writes the leftmost `out.len()` bytes of the MAC.
    ///
    /// # Errors
    /// [`Error::InvalidLength`] if `out` is empty or longer than the MAC, or if the message does not have the length
    /// that was announced.
    fn finish(self, out: &mut [u8]) -> Result<(), Error>;

    /// Ends the message and compares the leftmost `tag.len()` bytes in constant time. How short `tag` may be is the
    /// caller's policy.
    ///
    /// # Errors
    /// [`Error::InvalidLength`] as in [`finish`](Self::finish), [`Error::VerificationFailed`] if it differs.
    fn verify(self, tag: &[u8]) -> Result<(), Error> {
        let mut full = Secret::<MAX_LEN>::zeroed();
        let computed = full.expose_mut().get_mut(..tag.len()).ok_or(Error::InvalidLength)?;
        ct::unlike(computed, tag);
        self.finish(computed)?;
        ct::agree(computed, tag)
    }
}

/// Ends a message where it stands, for a MAC that lives in long-lived memory: moved out, it would leave its key schedule
/// behind. Nothing but dropping it makes sense afterwards.
pub(crate) trait Conclude: Mac {
    /// As [`Mac::finish`].
    fn conclude(&mut self, out: &mut [u8]) -> Result<(), Error>;

    /// As [`Mac::verify`].
    fn conclude_verify(&mut self, tag: &[u8]) -> Result<(), Error> {
        let mut full = Secret::<MAX_LEN>::zeroed();
        let computed = full.expose_mut().get_mut(..tag.len()).ok_or(Error::InvalidLength)?;
        ct::unlike(computed, tag);
        self.conclude(computed)?;
        ct::agree(computed, tag)
    }
}

/// Copies the leftmost bytes of a MAC.
pub(crate) fn truncate(full: &[u8], out: &mut [u8]) -> Result<(), Error> {
    match full.get(..out.len()) {
        Some(left) if !out.is_empty() => {
            out.copy_from_slice(left);
            Ok(())
        }
        _ => {
            out.fill(0);
            Err(Error::InvalidLength)
        }
    }
}
