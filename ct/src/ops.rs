// SPDX-License-Identifier: MIT OR Apache-2.0
//! The operations by layer.

mod batch;
mod batch_aes;
mod card;
mod commands;
mod dukpt;
mod injection;
mod module;
mod people;
mod primitives;
mod schemes;

use payhsm::entropy::Entropy;
use payhsm::error::Error;

use crate::Harness;

pub fn run(h: &mut Harness) {
    primitives::run(h);
    injection::run(h);
    schemes::run(h);
    card::run(h);
    module::run(h);
    people::run(h);
    commands::run(h);
    dukpt::run(h);
    batch::run(h);
}

/// Marks as secret.
pub fn secret<const N: usize>(mut bytes: [u8; N]) -> [u8; N] {
    payhsm::ct::secret(&mut bytes);
    bytes
}

/// Marks as public what is sent: a cryptogram, a tag, a public key.
pub fn open(bytes: &mut [u8]) {
    crate::valgrind::open(bytes);
}

/// Some key bytes that differ everywhere.
pub const fn bytes<const N: usize>(seed: u8) -> [u8; N] {
    let mut out = [0; N];
    let mut i = 0;
    while i < N {
        out[i] = (i as u8).wrapping_mul(0x3D) ^ seed;
        i += 1;
    }
    out
}

/// Random bytes, secret.
pub struct Random(pub u8);

impl Entropy for Random {
    fn fill(&mut self, out: &mut [u8]) -> Result<(), Error> {
        for byte in out.iter_mut() {
            self.0 = self.0.wrapping_mul(0x1D).wrapping_add(0x35);
            *byte = self.0;
        }
        payhsm::ct::secret(out);
        Ok(())
    }
}
