// SPDX-License-Identifier: MIT OR Apache-2.0
//! Reading and writing an area: states with their tags, and bytes that are read back.

use crate::cipher::aes::Aes as AesCipher;
use crate::cipher::modes;
use crate::cipher::scheduled;
use crate::ct;
use crate::dukpt::Scheme;
use crate::error::Error;
use crate::secret::Secret;
use crate::store::seal::{Scratch, Sealer, TAG_LEN};
use crate::store::{Area, Half, Storage};
use crate::weaken::guard;

use super::layout::{BODY_AT, CHUNK, CHUNKS, COMMIT_AT, Head, MARKS_LEN, Record, STATE_LEN, TAG_AT, UNIT, UNITS};

/// The number of transactions after which the state of an area authenticates, and whether a record may follow. The state
/// is in `scratch` then.
pub(super) fn newest(
    storage: &mut impl Storage,
    sealer: &Sealer,
    head: &Head,
    scratch: &mut Scratch,
) -> Result<Option<(u32, bool)>, Error> {
    let mut count = 0_u32;
    let mut end = head.form.records_at();
    let mut last = None;
    for record in head.records() {
        end = record.at.wrapping_add(record.len);
        if is_blank(storage, head.half, record.at, end)? {
            end = record.at;
            break;
        }
        count = count.wrapping_add(1);
        last = Some(record);
    }
    let rest = is_blank(storage, head.half, end, head.area.len)?;
    if authentic(storage, sealer, head, count, scratch)? {
        return Ok(Some((count, rest)));
    }
    // The last record may be one that was cut off.
    let Some(last) = last.filter(|_| rest) else {
        return Ok(None);
    };
    if !head.area.rewritable {
        let mut mark = [0; UNIT];
        read(storage, head.half, last.mark_at(), &mut mark)?;
        if mark != [0xFF; UNIT] {
            return Ok(None);
        }
    }
    let count = count.wrapping_sub(1);
    Ok(authentic(storage, sealer, head, count, scratch)?.then_some((count, false)))
}

/// Whether an area holds nothing that was ever the state: its commit word is as erased.
pub(super) fn uncommitted(storage: &mut impl Storage, half: Half) -> Result<bool, Error> {
    is_blank(storage, half, COMMIT_AT, TAG_AT)
}

/// Puts the state after `count` transactions together in `scratch`, and judges it by its tag. Not authentic: wiped.
pub(super) fn authentic(
    storage: &mut impl Storage,
    sealer: &Sealer,
    head: &Head,
    count: u32,
    scratch: &mut Scratch,
) -> Result<bool, Error> {
    let (counter, _) = head.end(count);
    let tag_at = match head.records().take(count as usize).last() {
        Some(last) => last.at,
        None => TAG_AT,
    };
    let mut tag = [0; TAG_LEN];
    read(storage, head.half, tag_at, &mut tag)?;
    assemble(storage, sealer, head, count, scratch)?;
    if head.form.scheme.is_some() {
        // The mark of the key in use is the first.
        let body = scratch.body_mut();
        let next = if counter == 0 { u32::MAX } else { counter };
        write(body, 12, &next.to_be_bytes());
        write(body, MARKS_LEN.wrapping_add(16), &counter.to_be_bytes());
        let valid = head.form.scheme.map_or(0, |s| s.valid_registers(counter));
        write(body, MARKS_LEN.wrapping_add(20), &valid.to_be_bytes());
    }
    let body = scratch.body(head.form.body_len());
    let mut computed = Secret::<TAG_LEN>::zeroed();
    sealer.state_mac(&[&head.bytes(), &Head::index(count), body], computed.expose_mut())?;
    let sound = guard!("J05", ct::verdict(ct::eq(computed.expose(), &tag))).is_ok();
    if !sound {
        scratch.wipe();
    }
    Ok(sound)
}

pub(super) fn write(body: &mut [u8], at: usize, bytes: &[u8]) {
    for (to, from) in body.iter_mut().skip(at).zip(bytes) {
        *to = *from;
    }
}

/// Deciphers marks, identity and the keys of the registers that are valid after `count` transactions into the body.
#[inline(never)]
pub(super) fn assemble(
    storage: &mut impl Storage,
    sealer: &Sealer,
    head: &Head,
    count: u32,
    scratch: &mut Scratch,
) -> Result<(), Error> {
    let form = head.form;
    scheduled!(let cipher = AesCipher, sealer.key());
    scratch.wipe();
    let body = scratch.body_mut();
    let mut piece = Secret::<32>::zeroed();
    let mut open = |storage: &mut _, (at, tag_at): (u32, u32), out: &mut [u8]| {
        let piece = piece.expose_mut();
        let place = piece.get_mut(..form.place() as usize).ok_or(Error::Internal)?;
        let (place, _) = if out.len() <= UNIT { place.split_at_mut_checked(UNIT).ok_or(Error::Internal)? } else { (place, &mut [][..]) };
        let mut tag = [0; TAG_LEN];
        read(storage, head.half, tag_at, &mut tag)?;
        read(storage, head.half, at, place)?;
        modes::ctr(&cipher, &stream(&tag, at, tag_at), place)?;
        for (to, from) in out.iter_mut().zip(place) {
            *to = *from;
        }
        Ok::<_, Error>(())
    };
    let state_len = form.body_len().min(MARKS_LEN.wrapping_add(STATE_LEN));
    let mut at = BODY_AT;
    for unit in body.get_mut(..state_len).unwrap_or(&mut []).chunks_mut(UNIT) {
        open(storage, (at, TAG_AT), unit)?;
        at = at.wrapping_add(UNITS);
    }
    let Some(scheme) = form.scheme else {
        return Ok(());
    };
    let valid = scheme.valid_registers(head.end(count).0);
    for (bit, place) in (0..u32::BITS).zip(head.places(count)) {
        if (valid >> bit) & 1 == 1 {
            open(storage, place, body.get_mut(form.key(bit)).ok_or(Error::Internal)?)?;
        }
    }
    if scheme == Scheme::Aes {
        open(storage, (form.register_at(32), TAG_AT), body.get_mut(form.key(32)).ok_or(Error::Internal)?)?;
    }
    Ok(())
}

/// The counter block of what stands at `at`, under the tag at `tag_at`.
pub(super) fn stream(tag: &[u8; TAG_LEN], at: u32, tag_at: u32) -> [u8; 16] {
    let block = at.wrapping_sub(tag_at).wrapping_sub(UNITS) >> 4;
    u128::from_be_bytes(*tag).wrapping_add(block.into()).to_be_bytes()
}

/// The tag of a state.
pub(super) fn tag(sealer: &Sealer, head: &Head, count: u32, body: &[u8]) -> Result<[u8; TAG_LEN], Error> {
    let mut tag = [0; TAG_LEN];
    sealer.state_mac(&[&head.bytes(), &Head::index(count), body], &mut tag)?;
    // It goes into the flash.
    ct::public(&mut tag);
    Ok(tag)
}

/// Header, tag and body of a snapshot, read back; not the commit word.
#[inline(never)]
pub(super) fn write_snapshot(
    storage: &mut impl Storage,
    sealer: &Sealer,
    head: &Head,
    tag: &[u8; TAG_LEN],
    body: &[u8],
) -> Result<(), Error> {
    put(storage, head.half, 0, &head.bytes())?;
    put(storage, head.half, TAG_AT, tag)?;
    scheduled!(let cipher = AesCipher, sealer.key());
    let end = head.form.records_at();
    let mut chunk = Secret::<CHUNK>::zeroed();
    let mut at = BODY_AT;
    while at < end {
        let len = end.wrapping_sub(at).min(CHUNKS);
        let chunk = chunk.expose_mut().get_mut(..len as usize).ok_or(Error::Internal)?;
        let first = at.wrapping_sub(BODY_AT) >> 4;
        for (unit, out) in (first..).zip(chunk.chunks_mut(UNIT)) {
            head.form.unit(body, unit, out);
        }
        modes::ctr(&cipher, &stream(tag, at, TAG_AT), chunk)?;
        // Ciphertext.
        ct::public(chunk);
        put(storage, head.half, at, chunk)?;
        at = at.wrapping_add(len);
    }
    Ok(())
}

/// Tag and new keys of a transaction, read back; not the mark behind them.
#[inline(never)]
pub(super) fn write_record(
    storage: &mut impl Storage,
    sealer: &Sealer,
    head: &Head,
    record: &Record,
    tag: &[u8; TAG_LEN],
    body: &[u8],
) -> Result<(), Error> {
    scheduled!(let cipher = AesCipher, sealer.key());
    let mut chunk = Secret::<CHUNK>::zeroed();
    // The tag goes with the first key.
    let (mut at, mut filled) = (record.at, 0_usize);
    for (to, from) in chunk.expose_mut().iter_mut().zip(tag) {
        *to = *from;
    }
    filled = filled.wrapping_add(UNIT);
    let place = head.form.place() as usize;
    for (bit, key_at) in (0..).zip(record.key_places(head.form.place())) {
        if filled.wrapping_add(place) > CHUNK {
            put(storage, head.half, at, chunk.expose().get(..filled).unwrap_or(&[]))?;
            (at, filled) = (key_at, 0);
        }
        let range = filled..filled.wrapping_add(place);
        let out = chunk.expose_mut().get_mut(range).ok_or(Error::Internal)?;
        out.fill(0);
        let key = body.get(head.form.key(bit)).ok_or(Error::Internal)?;
        for (to, from) in out.iter_mut().zip(key) {
            *to = *from;
        }
        modes::ctr(&cipher, &stream(tag, key_at, record.at), out)?;
        // Ciphertext.
        ct::public(out);
        filled = filled.wrapping_add(place);
    }
    put(storage, head.half, at, chunk.expose().get(..filled).unwrap_or(&[]))
}

pub(super) fn read(storage: &mut impl Storage, half: Half, at: u32, out: &mut [u8]) -> Result<(), Error> {
    storage.area_read(half, at, out).map_err(|_| Error::Storage)
}

/// Programs, and sees that it is there.
pub(super) fn put(storage: &mut impl Storage, half: Half, at: u32, bytes: &[u8]) -> Result<(), Error> {
    storage.area_program(half, at, bytes).map_err(|_| Error::Storage)?;
    let mut back = [0; CHUNK];
    let back = back.get_mut(..bytes.len()).ok_or(Error::Internal)?;
    read(storage, half, at, back)?;
    if back == bytes { Ok(()) } else { Err(Error::Storage) }
}

/// Clears the place of a key, and sees that it is.
pub(super) fn clear(storage: &mut impl Storage, head: &Head, at: u32) -> Result<(), Error> {
    let zeros = [0; 32];
    put(storage, head.half, at, zeros.get(..head.form.place() as usize).unwrap_or(&zeros))
}

pub(super) fn is_cleared(storage: &mut impl Storage, head: &Head, at: u32) -> Result<bool, Error> {
    let mut bytes = [0; 32];
    let bytes = bytes.get_mut(..head.form.place() as usize).ok_or(Error::Internal)?;
    read(storage, head.half, at, bytes)?;
    Ok(bytes.iter().all(|byte| *byte == 0))
}

pub(super) fn is_blank(storage: &mut impl Storage, half: Half, from: u32, to: u32) -> Result<bool, Error> {
    let mut at = from;
    while at < to {
        let mut bytes = [0; CHUNK];
        let len = to.wrapping_sub(at).min(CHUNKS);
        let bytes = bytes.get_mut(..len as usize).ok_or(Error::Internal)?;
        read(storage, half, at, bytes)?;
        if bytes.iter().any(|byte| *byte != 0xFF) {
            return Ok(false);
        }
        at = at.wrapping_add(len);
    }
    Ok(true)
}

/// Erases an area, and sees that it is.
pub(super) fn erase(storage: &mut impl Storage, half: Half, area: Area) -> Result<(), Error> {
    storage.area_erase(half).map_err(|_| Error::Storage)?;
    if is_blank(storage, half, 0, area.len)? { Ok(()) } else { Err(Error::Storage) }
}
