// SPDX-License-Identifier: MIT OR Apache-2.0
//! Random bytes of the operating system.

use payhsm::entropy::Entropy;
use payhsm::error::Error;

/// The operating system's source.
pub struct System;

impl Entropy for System {
    fn fill(&mut self, out: &mut [u8]) -> Result<(), Error> {
        getrandom::fill(out).map_err(|_| Error::Entropy)
    }
}
