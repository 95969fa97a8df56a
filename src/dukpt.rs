// SPDX-License-Identifier: MIT OR Apache-2.0
//! Derived unique key per transaction.

pub mod aes;
pub mod tdes;
