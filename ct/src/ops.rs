// SPDX-License-Identifier: MIT OR Apache-2.0
//! The operations by layer.

mod primitives;

use crate::Harness;

pub fn run(h: &mut Harness) {
    primitives::run(h);
}

/// Marks as secret.
pub fn secret<const N: usize>(mut bytes: [u8; N]) -> [u8; N] {
    payhsm::ct::secret(&mut bytes);
    bytes
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
