// SPDX-License-Identifier: MIT OR Apache-2.0
#![no_std]
#![cfg_attr(docsrs, feature(doc_cfg))]
#![doc = include_str!("../README.md")]
#![warn(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::todo,
    clippy::unimplemented,
    clippy::unreachable,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    clippy::integer_division_remainder_used
)]
#![cfg_attr(
    not(all(feature = "hazmat", feature = "host", feature = "terminal")),
    expect(
        dead_code,
        reason = "the scheme layer is whole in every build; the linker drops what no command uses"
    )
)]
// Tests may panic: that is how they fail.
#![cfg_attr(
    test,
    allow(
        clippy::unwrap_used,
        clippy::panic,
        clippy::indexing_slicing,
        clippy::arithmetic_side_effects,
        clippy::integer_division_remainder_used,
        clippy::cast_possible_truncation,
        clippy::redundant_slicing
    )
)]
// The documentation is written for the whole library: in a smaller build a link may name what is left out.
#![cfg_attr(
    not(all(
        feature = "hazmat",
        feature = "host",
        feature = "terminal",
        feature = "ec",
        feature = "std"
    )),
    allow(rustdoc::broken_intra_doc_links, rustdoc::private_intra_doc_links)
)]

#[cfg(feature = "std")]
extern crate std;

/// Declares modules of the lowest layers: public with `hazmat`, private without it, because they take raw keys.
macro_rules! raw {
    ($($(#[$attr:meta])* $name:ident),* $(,)?) => {
        $(
            #[cfg(feature = "hazmat")]
            $(#[$attr])*
            pub mod $name;
            #[cfg(not(feature = "hazmat"))]
            $(#[$attr])*
            mod $name;
        )*
    };
}

// Layer 0: base.
pub mod codec;
pub mod entropy;
pub mod error;
raw!(ct, secret);
#[cfg(not(payhsm_weaken))]
mod weaken;
#[cfg(payhsm_weaken)]
pub mod weaken;

// Layer 1: primitives.
raw!(
    cipher,
    #[cfg(feature = "ec")]
    kdf,
    mac,
    #[cfg(feature = "oda")]
    rsa,
);
#[cfg(feature = "ec")]
pub mod ecdh;
#[cfg(feature = "ec")]
pub mod ecdsa;

// Layer 2: keys.
pub mod key;

// Layer 3: schemes.
#[cfg(feature = "host")]
pub mod batch;
#[cfg(feature = "host")]
pub mod card;
pub mod dukpt;
pub mod emv;
pub mod inject;
pub mod keyblock;
pub mod pin;

// Layer 4: the module.
pub mod hsm;
pub mod policy;
pub mod store;

// Layer 5: the boundary.
#[cfg(feature = "capi")]
pub mod capi;
