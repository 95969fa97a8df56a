// SPDX-License-Identifier: MIT OR Apache-2.0
//! The catalogue of attacks, row by row: each is refused, and succeeds where the check that holds it off is left out.
//!
//! A test is named after its row. `scripts/attacks` runs them in both builds, makes the table of docs/ATTACKS.md and says
//! which rows have none.
#![cfg(all(
    feature = "hazmat",
    feature = "host",
    feature = "terminal",
    feature = "ec",
    feature = "legacy"
))]

#[path = "common/module.rs"]
mod common;

#[path = "common/commands.rs"]
mod commands;

#[path = "attacks/catalogue.rs"]
mod catalogue;

#[path = "attacks/a.rs"]
mod a;
#[path = "attacks/b.rs"]
mod b;
#[path = "attacks/c.rs"]
mod c;
#[path = "attacks/d.rs"]
mod d;
#[path = "attacks/e.rs"]
mod e;
#[path = "attacks/f.rs"]
mod f;
#[path = "attacks/g.rs"]
mod g;
#[path = "attacks/h.rs"]
mod h;
#[cfg(feature = "capi")]
#[path = "attacks/i.rs"]
mod i;
#[path = "attacks/j.rs"]
mod j;
#[path = "attacks/k.rs"]
mod k;
#[path = "attacks/people.rs"]
mod people;
#[path = "attacks/selftest.rs"]
mod selftest;
