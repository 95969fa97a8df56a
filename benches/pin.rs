// SPDX-License-Identifier: MIT OR Apache-2.0
//! Bench: pin.
fn main() {}
