// SPDX-License-Identifier: MIT OR Apache-2.0
//! Constant-time harness.
fn main() {}
