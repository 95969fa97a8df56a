// SPDX-License-Identifier: MIT OR Apache-2.0
//! The module's commands in every state, with every slip of the caller and every failure of the platform.
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

#[path = "../ct/src/covered.rs"]
mod covered;
#[cfg(feature = "oda")]
#[path = "common/oda.rs"]
mod signer;
#[path = "common/dukpt.rs"]
mod snapshots;
#[path = "common/vectors.rs"]
mod vectors;

#[path = "hsm/agreement.rs"]
mod agreement;
#[path = "hsm/audit.rs"]
mod audit;
#[path = "hsm/backup.rs"]
mod backup;
#[path = "hsm/batch.rs"]
mod batch;
#[path = "hsm/card.rs"]
mod card;
#[path = "hsm/constant_time.rs"]
mod constant_time;
#[path = "hsm/data.rs"]
mod data;
#[path = "hsm/dukpt.rs"]
mod dukpt;
#[path = "hsm/dukpt_life.rs"]
mod dukpt_life;
#[path = "hsm/dukpt_update.rs"]
mod dukpt_update;
#[path = "hsm/dukpt_working.rs"]
mod dukpt_working;
#[path = "hsm/faults.rs"]
mod faults;
#[path = "hsm/inventory.rs"]
mod inventory;
#[path = "hsm/issuer.rs"]
mod issuer;
#[path = "hsm/key_blocks.rs"]
mod key_blocks;
#[path = "hsm/keys.rs"]
mod keys;
#[path = "hsm/life.rs"]
mod life;
#[path = "hsm/mac.rs"]
mod mac;
#[path = "hsm/mac_kinds.rs"]
mod mac_kinds;
#[cfg(feature = "oda")]
#[path = "hsm/oda.rs"]
mod oda;
#[path = "hsm/pairs.rs"]
mod pairs;
#[path = "hsm/people.rs"]
mod people;
#[path = "hsm/pin.rs"]
mod pin;
#[path = "hsm/pin_issue.rs"]
mod pin_issue;
#[path = "hsm/pin_limits.rs"]
mod pin_limits;
#[path = "hsm/script.rs"]
mod script;
#[path = "hsm/selftests.rs"]
mod selftests;
#[path = "hsm/states.rs"]
mod states;
#[path = "hsm/tamper.rs"]
mod tamper;
#[path = "hsm/working.rs"]
mod working;
