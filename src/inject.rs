// SPDX-License-Identifier: MIT OR Apache-2.0
//! Key injection: how the first key comes in.
//!
//! - [`component`]: two to nine clear components of different custodians, put together by exclusive or inside the
//!   module; each and the result are checked by their KCV.
//! - [`agreement`] (feature `ec`): an authenticated P-256 agreement between a host and a terminal that gives both the
//!   same key-block protection key; the working keys then travel as key blocks under it.
//! - [`working`] (feature `legacy`): working keys enciphered by TDES-ECB under a master key, with their check values.

#[cfg(feature = "ec")]
pub mod agreement;
pub mod component;
#[cfg(feature = "legacy")]
pub mod working;
