// SPDX-License-Identifier: MIT OR Apache-2.0
//! What the tool does for an integrator, command by command. All of it is the library's public interface.

mod card;
mod ciphers;
mod components;
mod dukpt;
mod kcv;
mod keyblock;
mod keys;
mod mac;
mod macs;
mod pin;
mod pins;

use crate::spec::Command;

/// The commands, in the order of the help.
pub const COMMANDS: &[&Command] = &[
    &dukpt::COMMAND,
    &pin::COMMAND,
    &card::COMMAND,
    &keyblock::COMMAND,
    &mac::COMMAND,
    &kcv::COMMAND,
    &components::COMMAND,
];
