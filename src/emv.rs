// SPDX-License-Identifier: MIT OR Apache-2.0
//! EMV.

pub mod cryptogram;
pub mod derive;
pub mod dol;
pub mod profile;
pub mod session;
