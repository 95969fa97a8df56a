// SPDX-License-Identifier: MIT OR Apache-2.0
//! Key blocks.

pub mod header;
pub mod optional;
pub mod wrap;
