// SPDX-License-Identifier: MIT OR Apache-2.0
//! The case runner of `payhsm-tool`, and what reads case files: for the tool itself and for its fuzz target.

#![warn(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::todo,
    clippy::unreachable,
    clippy::indexing_slicing
)]

pub mod cases;
pub mod convert;
pub mod error;
pub mod ops;
pub mod value;
pub mod wycheproof;
