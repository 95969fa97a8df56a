// SPDX-License-Identifier: MIT OR Apache-2.0
//! Bytes to values and back; no keys, no policy.

pub mod bcd;
pub mod hex;
pub mod tlv;
pub mod track;
