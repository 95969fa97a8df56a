// SPDX-License-Identifier: MIT OR Apache-2.0
//! The C functions: check, convert, call one method of [`Hsm`](crate::hsm::Hsm), convert back. No logic stands here.
//!
//! `include/payhsm.h` is generated from this module; `docs/C-API.md` has the conventions. All of them in short:
//!
//! - every function returns a status: 0, or the negative number of an [`Error`](crate::error::Error);
//! - bytes are pointer and length, `NULL` only with length 0; outputs are pointer, capacity and length;
//! - on every error outputs are wiped and lengths are 0;
//! - the context lives in memory of the caller; handles are numbers; 0 is never a handle;
//! - a callback may not call back into the context it serves: [`Error::BadState`](crate::error::Error::BadState).

// The border to C is one of the few places where `unsafe` is: each block says which clause of the contract it uses.
#![allow(unsafe_code)]

mod audit;
#[cfg(feature = "host")]
mod batch;
#[cfg(feature = "host")]
mod card;
mod config;
mod context;
mod data;
#[cfg(feature = "terminal")]
mod dukpt;
mod emv;
mod flash;
#[cfg(feature = "host")]
mod host;
mod inventory;
mod key;
#[cfg(feature = "host")]
mod ksn;
mod life;
mod mac;
mod memory;
#[cfg(feature = "oda")]
mod oda;
#[cfg(payhsm_panic_handler)]
mod panic;
mod permission;
#[cfg(any(feature = "host", feature = "terminal"))]
mod pin;
mod platform;
mod question;
mod role;
mod selftest;
mod status;
mod transaction;
mod util;

pub use audit::*;
#[cfg(feature = "host")]
pub use batch::*;
#[cfg(feature = "host")]
pub use card::*;
pub use config::*;
pub use context::*;
pub use data::*;
#[cfg(feature = "terminal")]
pub use dukpt::*;
pub use emv::*;
pub use flash::*;
#[cfg(feature = "host")]
pub use host::*;
pub use inventory::*;
pub use key::*;
#[cfg(feature = "host")]
pub use ksn::*;
pub use life::*;
pub use mac::*;
#[cfg(feature = "oda")]
pub use oda::*;
pub use permission::*;
#[cfg(any(feature = "host", feature = "terminal"))]
pub use pin::*;
pub use question::*;
pub use role::*;
pub use selftest::*;
pub use status::*;
pub use transaction::*;
pub use util::*;
