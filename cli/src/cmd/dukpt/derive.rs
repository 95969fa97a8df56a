// SPDX-License-Identifier: MIT OR Apache-2.0
//! Derivation.

use payhsm::dukpt::aes::{KeyType, update_key_bytes};
use payhsm::secret::SecretBuf;

use super::source::{Initial, Ksn};
use super::working::{PURPOSES, Purpose, Transaction, algorithm_of, key_type_name};
use crate::args::Call;
use crate::cmd::keys;
use crate::fail::{Failure, Named as _, Result};
use crate::report::Report;

/// What is said of the KSN by every action.
pub(super) fn head(ksn: &Ksn, out: &mut Report) {
    let name = if matches!(ksn, Ksn::Tdes(_)) { "TDES" } else { "AES" };
    out.text("scheme", "scheme", name);
    out.hex("ksn", "KSN", ksn.bytes());
    out.number("counter", "counter", u64::from(ksn.counter()));
}

pub(super) fn ik(call: &Call, out: &mut Report) -> Result<()> {
    let ksn = Ksn::read(call)?;
    head(&ksn, out);
    Initial::read(call, &ksn, out)?.show(out);
    Ok(())
}

pub(super) fn run(call: &Call, out: &mut Report) -> Result<()> {
    let ksn = Ksn::read(call)?;
    head(&ksn, out);
    // Public faults before a key is asked for.
    ksn.demand_transaction()?;
    let purposes = purposes(call, &ksn)?;
    let ik = Initial::read(call, &ksn, out)?;
    ik.show(out);
    let transaction = ik.transaction(&ksn)?;
    keys::own(
        out,
        "transaction_key",
        "transaction key",
        ksn.algorithm(),
        transaction.key_bytes(),
    )?;
    let key_type = transaction.key_type(call)?;
    if let Some(key_type) = key_type {
        out.text("key_type", "key type", key_type_name(key_type));
    }
    out.line("working keys:");
    for purpose in purposes {
        let Some((algorithm, key)) = transaction.working(purpose, key_type)? else {
            continue;
        };
        let mut about = Report::new(out.shows_secrets());
        about.json("usage", purpose.name());
        let mut label = format!("  {}", purpose.words());
        if let (Ksn::Aes(_), Some(usage)) = (ksn, purpose.usage()) {
            about.json("usage_code", format!("{:04X}", usage as u16));
            label.push_str(&format!(" ({:04X})", usage as u16));
        }
        keys::item(out, "working_keys", &label, algorithm, key.bytes(), about)?;
    }
    Ok(())
}

fn purposes(call: &Call, ksn: &Ksn) -> Result<Vec<Purpose>> {
    let Some(list) = call.get("usage") else {
        return Ok(PURPOSES
            .iter()
            .map(|(_, purpose, _)| *purpose)
            .filter(|purpose| purpose.usage().is_some())
            .collect());
    };
    let names: Vec<(&str, Purpose)> = PURPOSES.iter().map(|(name, purpose, _)| (*name, *purpose)).collect();
    let purposes: Vec<Purpose> = list
        .split(',')
        .map(|name| call.choice("usage", name.trim(), &names))
        .collect::<Result<_>>()?;
    for purpose in &purposes {
        let exists = match ksn {
            Ksn::Tdes(_) => *purpose != Purpose::KeyEncryption,
            Ksn::Aes(_) => purpose.usage().is_some(),
        };
        if !exists {
            return Err(Failure::refused(format!(
                "usage: this scheme has no {} key",
                purpose.name()
            )));
        }
    }
    Ok(purposes)
}

pub(super) fn update(call: &Call, out: &mut Report) -> Result<()> {
    let ksn = Ksn::read(call)?;
    head(&ksn, out);
    let Ksn::Aes(aes_ksn) = &ksn else {
        return Err(Failure::refused(
            "KSN: TDES DUKPT has no update key; a KSN of AES DUKPT has 24 hexadecimal digits",
        ));
    };
    let ik = Initial::read(call, &ksn, out)?;
    let Initial::Aes(key) = &ik else {
        return Err(Failure::refused("ik: an AES key is expected"));
    };
    let own = KeyType::aes(key.len()).named("ik")?;
    let key_type = match call.get("key-type") {
        None => own,
        // The same words as for working keys.
        Some(_) => Transaction::Aes(payhsm::dukpt::aes::Transaction::empty())
            .key_type(call)?
            .unwrap_or(own),
    };
    let mut update = SecretBuf::new();
    update_key_bytes(key, &aes_ksn.initial_key_id(), key_type, &mut update)
        .expected("key-type", "an update key is no stronger than the initial key")?;
    keys::own(out, "update_key", "update key", algorithm_of(key_type), update.expose())
}
