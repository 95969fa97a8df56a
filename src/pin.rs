// SPDX-License-Identifier: MIT OR Apache-2.0
//! PINs.

pub mod block;
pub mod pan;
pub mod pvv;
