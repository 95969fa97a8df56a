// SPDX-License-Identifier: MIT OR Apache-2.0
//! Bytes to values and back: hexadecimal and decimal digits. No keys, no policy.

pub mod hex;
