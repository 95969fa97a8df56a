// SPDX-License-Identifier: MIT OR Apache-2.0
//! A payment terminal written in C and its host written in Rust play whole transactions over payhsm.
//!
//! ```text
//! card.rs <-- APDU --> terminal/*.c <-- TLV, MAC --> host.rs --> issuer.rs
//!                      include/payhsm.h              payhsm::hsm::Hsm (both)
//! ```
//!
//! Exit status 0 only if every step gave what it must. With `--tamper` somebody changes the amount of the first sale on
//! the line: the demo must notice that the sale is not what it should be, and fail.

#![allow(
    clippy::inconsistent_digit_grouping,
    reason = "amounts are in the minor unit: 125_00 is 125.00"
)]

mod attacks;
mod card;
mod host;
mod issuer;
mod office;
mod platform;
mod report;
mod secrets;
mod steps;
mod terminal;
#[cfg(test)]
mod tests;
mod wire;
mod world;

use core::cell::RefCell;
use std::process::ExitCode;

use payhsm::error::Error;

use crate::report::Report;
use crate::world::World;

fn play(tamper: bool) -> Result<bool, Error> {
    // For ever: the terminal's callbacks point to it.
    let world: &'static RefCell<World> = Box::leak(Box::new(RefCell::new(World::new()?)));
    let mut report = Report::default();
    let terminal = steps::keys(world, &mut report)?;
    steps::contact(&terminal, world, &mut report, tamper);
    steps::contactless(&terminal, world, &mut report);
    steps::balance(&terminal, world, &mut report);
    steps::more(&terminal, world, &mut report);
    attacks::on_the_line(&terminal, world, &mut report);
    attacks::on_the_card(&terminal, world, &mut report);
    attacks::on_the_pin(&terminal, world, &mut report);
    attacks::on_the_keys(&terminal, world, &mut report);
    steps::restart(terminal, world, &mut report)?;
    Ok(report.finish())
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let tamper = match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [] => false,
        ["--tamper"] => true,
        _ => {
            eprintln!("usage: pos [--tamper]");
            return ExitCode::from(2);
        }
    };
    match play(tamper) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            println!("   FAILED    {error}");
            ExitCode::FAILURE
        }
    }
}
