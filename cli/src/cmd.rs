// SPDX-License-Identifier: MIT OR Apache-2.0
//! What the tool does for an integrator, command by command. All of it is the library's public interface.

mod card;
mod ciphers;
mod components;
mod dukpt;
mod emv;
mod kcv;
mod keyblock;
mod keys;
mod mac;
mod macs;
mod pin;
mod pins;
mod tlv;

use crate::spec::Command;

/// The commands, in the order of the help.
pub const COMMANDS: &[&Command] = &[
    &dukpt::COMMAND,
    &pin::COMMAND,
    &card::COMMAND,
    &emv::COMMAND,
    &tlv::COMMAND,
    &keyblock::COMMAND,
    &mac::COMMAND,
    &kcv::COMMAND,
    &components::COMMAND,
];
