// SPDX-License-Identifier: MIT OR Apache-2.0
//! What stands in the banks of records when the power goes: stored keys, their limits, the audit log.

use std::collections::BTreeSet;

use payhsm::error::Error;
use payhsm::hsm::audit::{Position, RECORD_LEN, verify};
use payhsm::hsm::{KeyHandle, MacMethod, Narrowing};
use payhsm::key::role::MacKey;
use payhsm::key::{Aes, Key};
use payhsm::mac::Mac;
use payhsm::mac::cmac::CmacAes;

use super::device::{RING, STORAGE_KEY, Terminal};
use crate::common;

/// The seeds of the stored keys' values.
const OLD: u8 = 0x31;
const OTHER: u8 = 0x32;
const NEW: u8 = 0x33;
const LIMITED: u8 = 0x34;
/// How many MACs the limited key makes in all.
const USES: u32 = 6;
const MESSAGE: &[u8] = b"message";

fn mac_of(seed: u8) -> [u8; 8] {
    let mut mac = CmacAes::new(&common::value(seed, 16)).unwrap();
    mac.update(MESSAGE);
    let mut out = [0; 16];
    mac.finish(&mut out).unwrap();
    *out.first_chunk().unwrap()
}

fn mac_by(t: &mut Terminal<'_>, key: KeyHandle) -> Result<[u8; 8], Error> {
    let mut out = [0; 8];
    t.hsm.mac_generate(key.into(), MacMethod::CMAC, MESSAGE, &mut out)?;
    Ok(out)
}

/// A key that two custodians enter.
fn enter(t: &mut Terminal<'_>, seed: u8) -> Result<KeyHandle, Error> {
    let attributes = common::attributes("M6", 'A', 'C', 'N');
    let (one, value) = (common::value(0xC1, 16), common::value(seed, 16));
    let two: Vec<u8> = (0..16).map(|i| one[i] ^ value[i]).collect();
    t.hsm.component_begin(&attributes, 16, 2, &[])?;
    t.hsm.component_add(1, &one, &[])?;
    t.hsm.component_add(2, &two, &[])?;
    let entered = t.hsm.component_finish()?;
    t.seen().checks.insert(entered.info.check.as_bytes().to_vec(), seed);
    Ok(entered.key)
}

/// The stored keys, by the seed of their value. Where no use can be counted any more, by their check value.
fn stored(t: &mut Terminal<'_>, stuck: bool) -> Vec<(Option<u8>, KeyHandle)> {
    let (mut cursor, mut keys) = (0, Vec::new());
    while let Some((next, key, info)) = t.hsm.key_next(cursor).unwrap() {
        cursor = next;
        let value = mac_by(t, key);
        let seed = match value {
            Err(Error::Storage) if stuck => t.seen().checks.get(info.check.as_bytes()).copied(),
            _ => [OLD, OTHER, NEW].into_iter().find(|seed| value == Ok(mac_of(*seed))),
        };
        keys.push((seed, key));
    }
    keys
}

pub fn prepare_store(t: &mut Terminal<'_>) {
    let key = enter(t, OLD).unwrap();
    t.hsm.key_store(key).unwrap();
}

/// A key is stored, another one takes the place of the first, and the one that was stored is erased.
pub fn store(t: &mut Terminal<'_>) -> Result<(), Error> {
    let old = t.hsm.key_next(0)?.ok_or(Error::InvalidHandle)?.1;
    let other = enter(t, OTHER)?;
    t.hsm.key_store(other)?;
    let new = enter(t, NEW)?;
    t.hsm.key_replace(old, new)?;
    t.hsm.key_erase(other)
}

/// I4: the keys of before, or of after a command, each with its value.
pub fn judge_store(t: &mut Terminal<'_>, stuck: bool, found: &mut Vec<String>) {
    let keys: Vec<_> = stored(t, stuck).into_iter().map(|(seed, _)| seed).collect();
    let set: BTreeSet<_> = keys.iter().flatten().copied().collect();
    let models: [&[u8]; 4] = [&[OLD], &[OLD, OTHER], &[OTHER, NEW], &[NEW]];
    let is_model = models.iter().any(|model| set == model.iter().copied().collect());
    if set.len() != keys.len() || !is_model {
        found.push(format!("I4: stored keys {keys:X?}"));
    }
}

pub fn prepare_limit(t: &mut Terminal<'_>) {
    let key = enter(t, LIMITED).unwrap();
    let narrowing = Narrowing {
        max_uses: Some(USES),
        ..Narrowing::default()
    };
    t.hsm.key_narrow(key, &narrowing).unwrap();
    t.hsm.key_store(key).unwrap();
    limit_of(t, 2).unwrap();
}

fn limit_of(t: &mut Terminal<'_>, uses: u32) -> Result<(), Error> {
    let (_, key, _) = t.hsm.key_next(0)?.ok_or(Error::InvalidHandle)?;
    for _ in 0..uses {
        assert_eq!(mac_by(t, key)?, mac_of(LIMITED));
        t.seen().uses += 1;
    }
    Ok(())
}

/// A key is used up to its limit.
pub fn limit(t: &mut Terminal<'_>) -> Result<(), Error> {
    match limit_of(t, USES) {
        Err(Error::LimitReached) => Ok(()),
        other => other,
    }
}

/// I6: the key makes as many MACs as it may, over all starts, and a fault costs one at most.
pub fn judge_limit(t: &mut Terminal<'_>, faults: u32, stuck: bool, found: &mut Vec<String>) {
    match limit_of(t, 2 * USES) {
        Err(Error::LimitReached) => {}
        Err(Error::Storage) if stuck => return,
        other => found.push(format!("I6: a limited key: {other:?}")),
    }
    let uses = t.seen().uses;
    if uses > USES || uses + faults < USES {
        found.push(format!("I6: {uses} uses of {USES}"));
    }
}

/// The key of the log (src/hsm/own.rs, written down a second time).
fn log_key() -> Key<MacKey, Aes> {
    let mut mac = CmacAes::new(&STORAGE_KEY).unwrap();
    mac.update(b"\x01audit log\x00\x00\x80");
    let mut out = [0; 16];
    mac.finish(&mut out).unwrap();
    Key::from_bytes(&out).unwrap()
}

pub fn prepare_log(t: &mut Terminal<'_>) {
    for number in 0..RING as u64 {
        note(t, number).unwrap();
    }
}

/// Something is noted in a log whose places are all taken.
pub fn log(t: &mut Terminal<'_>) -> Result<(), Error> {
    t.opened?;
    for number in 0..2 {
        note(t, number)?;
    }
    Ok(())
}

fn note(t: &mut Terminal<'_>, number: u64) -> Result<(), Error> {
    let position = t.hsm.audit_note(&number.to_be_bytes(), None)?;
    t.seen().noted = Some((position.sequence, position.tag));
    Ok(())
}

/// I4: the chain of what is there is whole, and what was noted is there, unless as many records came behind it.
pub fn judge_log(t: &mut Terminal<'_>, stuck: bool, found: &mut Vec<String>) {
    match t.opened {
        Ok(()) => {}
        Err(Error::Storage) if stuck => return,
        Err(error) => {
            found.push(format!("I5: the log cannot be opened: {error:?}"));
            return;
        }
    }
    let status = t.hsm.audit_status().unwrap();
    let mut records = vec![0; RING * RECORD_LEN];
    let (len, _) = t.hsm.audit_read(0, &mut records).unwrap();
    let end = verify(&log_key(), &records[..len], None, Some(&status.last));
    if end.is_err() {
        found.push("I4: the chain of the log is broken".into());
    }
    if let Some((sequence, tag)) = t.seen().noted {
        let until = Position { sequence, tag };
        let upto = usize::try_from(sequence.saturating_sub(status.oldest) + 1).unwrap() * RECORD_LEN;
        let there =
            sequence < status.oldest || upto <= len && verify(&log_key(), &records[..upto], None, Some(&until)).is_ok();
        if !there || sequence > status.last.sequence {
            found.push(format!("I4: record {sequence} of the log is gone"));
        }
    }
    match note(t, 99) {
        Ok(()) => {}
        Err(Error::Storage) if stuck => {}
        Err(error) => found.push(format!("a note fails with {error:?}")),
    }
}
