// SPDX-License-Identifier: MIT OR Apache-2.0
//! Key injection.

#[cfg(feature = "ec")]
pub mod agreement;
pub mod component;
