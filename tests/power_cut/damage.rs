// SPDX-License-Identifier: MIT OR Apache-2.0
//! What happens to a flash besides cuts: bits that flip, words that cannot be read, older images, worn pages.

use payhsm::error::Error;
use payhsm::hsm::State;
use payhsm::key::role::StorageKey;
use payhsm::key::{Aes, Key};
use payhsm::store::flash::{FlashStorage, Geometry};
use payhsm::store::record;
use payhsm::store::seal::{Kind, Scratch, Sealer};

use super::chip::Bus;
use super::device::{STORAGE_KEY, World};
use super::past;
use super::scenario::{FIRST, LAYOUT, Scenario, geometry};

/// Which of the bits and words: one in so many, or all (1).
pub const SOME: usize = if cfg!(debug_assertions) { 499 } else { 37 };

/// What a start finds: tampered, or the counters of the groups.
type Found = Result<Vec<Option<u32>>, ()>;

fn start(world: &mut World) -> Found {
    world.chip().power(None);
    world.boot(|t| match t.state() {
        State::Tampered => Err(()),
        _ => Ok(t
            .groups()
            .iter()
            .map(|(_, info)| info.next.map(|ksn| ksn.counter()))
            .collect()),
    })
}

/// A terminal after some transactions; a setting is stored beside.
fn used(geometry: Geometry, anchored: bool, steps: usize) -> World {
    let mut world = World::new(geometry, LAYOUT);
    world.chip().counter = anchored.then_some(0);
    for setting in 0..3 {
        save(&mut world, 40, &[setting; 21]).unwrap();
    }
    world.boot(|t| {
        let group = t.load('T', FIRST, 16).unwrap();
        for _ in 0..steps {
            t.step(group).unwrap();
        }
    });
    // It is the journal of areas that is looked at.
    let first = (2 * LAYOUT.record_pages * geometry.page_len) as usize;
    assert_eq!(&world.chip().image[first..first + 4], b"PHSJ");
    world
}

fn sealer() -> Sealer {
    Sealer::new(&Key::<StorageKey, Aes>::from_bytes(&STORAGE_KEY).unwrap()).unwrap()
}

fn save(world: &mut World, id: u16, bytes: &[u8]) -> Result<(), Error> {
    record::save(
        &mut world.device(),
        &sealer(),
        Kind::Module,
        id,
        bytes,
        &mut Scratch::new(),
    )
}

fn setting(bus: &Bus, id: u16) -> Result<Option<Vec<u8>>, Error> {
    let mut storage = FlashStorage::new(bus.clone(), LAYOUT).unwrap();
    let mut out = [0; 64];
    let len = record::load(&mut storage, &sealer(), Kind::Module, id, &mut out, &mut Scratch::new())?;
    Ok(len.map(|len| out[..len].to_vec()))
}

/// F-f: each bit flipped, and each word unreadable: the same state, or tampered.
pub fn decay(word_len: u32, rewritable: bool, stride: usize) -> (usize, usize) {
    let mut world = used(geometry(word_len, rewritable), false, 7);
    let sound = start(&mut world);
    assert_eq!(sound, Ok(vec![Some(8)]));
    let chip = world.chip().clone();
    let bits = chip.image.len() * 8;
    let (mut same, mut tampered) = (0, 0);
    for bit in (0..bits).step_by(stride) {
        *world.chip() = chip.clone();
        world.chip().image[bit / 8] ^= 1 << (bit % 8);
        match start(&mut world) {
            Err(()) => tampered += 1,
            found => {
                assert_eq!(found, sound, "bit {bit}");
                same += 1;
            }
        }
        *world.chip() = chip.clone();
        world.chip().image[bit / 8] ^= 1 << (bit % 8);
        match setting(&world.bus, 40) {
            Ok(found) => assert_eq!(found, Some(vec![2; 21]), "bit {bit}"),
            Err(error) => assert_eq!(error, Error::StorageIntegrity, "bit {bit}"),
        }
    }
    for word in (0..chip.image.len() as u32 / word_len).step_by(stride) {
        *world.chip() = chip.clone();
        world.chip().unreadable = Some(word);
        if let Ok(found) = start(&mut world) {
            assert_eq!(Ok(found), sound, "word {word}");
        }
        if let Ok(found) = setting(&world.bus, 40) {
            assert_eq!(found, Some(vec![2; 21]), "word {word}");
        }
    }
    (same, tampered)
}

/// F-g: older images, and older pages beside the newest. With the counter: tampered, or what it was. Gives how many went
/// unseen.
pub fn rollback(word_len: u32, rewritable: bool, anchored: bool, steps: usize) -> (usize, usize) {
    let mut world = World::new(geometry(word_len, rewritable), LAYOUT);
    world.chip().counter = anchored.then_some(0);
    let mut images = vec![world.chip().clone()];
    world.boot(|t| t.load('T', FIRST, 16).unwrap());
    images.push(world.chip().clone());
    for step in 0..steps {
        world.boot(|t| {
            let group = t.group().unwrap();
            t.step(group).unwrap();
        });
        images.push(world.chip().clone());
        if step % 16 == 0 {
            save(&mut world, 40, &step.to_be_bytes()).unwrap();
            images.push(world.chip().clone());
        }
    }
    let newest = images.pop().unwrap();
    *world.chip() = newest.clone();
    let sound = start(&mut world);
    assert_eq!(sound, Ok(vec![Some(u32::try_from(steps + 1).unwrap())]));
    let page_len = newest.geometry.page_len as usize;
    let pages = newest.geometry.pages as usize;
    let (mut seen, mut unseen) = (0, 0);
    let mut judge = |world: &mut World| match start(world) {
        Err(()) => seen += 1,
        found if found == sound => seen += 1,
        Ok(_) => unseen += 1,
    };
    for older in images.iter().rev() {
        let mut whole = newest.clone();
        whole.image.clone_from(&older.image);
        if whole.image != newest.image {
            *world.chip() = whole;
            // Nothing but tampered will do, unless it is the same groups with another setting.
            judge(&mut world);
        }
        for page in 0..pages {
            let range = page * page_len..(page + 1) * page_len;
            if older.image[range.clone()] == newest.image[range.clone()] {
                continue;
            }
            let mut mixed = newest.clone();
            mixed.image[range.clone()].copy_from_slice(&older.image[range]);
            *world.chip() = mixed;
            judge(&mut world);
        }
    }
    (seen, unseen)
}

/// F04: at each of so many steps the whole image, with the storage key.
pub fn forward_secrecy(steps: usize) -> usize {
    let mut world = World::new(geometry(4, true), LAYOUT);
    world.boot(|t| t.load('T', FIRST, 16).unwrap());
    let mut searched = 0;
    for _ in 0..steps {
        world.boot(|t| {
            let group = t.group().unwrap();
            t.step(group).unwrap();
        });
        assert_eq!(
            past::search(&mut world, Scenario::Transact('T', 16)),
            Vec::<String>::new()
        );
        searched += 1;
    }
    searched
}

/// F-i: pages that go bad after so many erasures. No key twice, the state stays, and the command says so.
pub fn wear_out(endurance: u32, rewritable: bool) -> u32 {
    let mut world = World::new(geometry(4, rewritable), LAYOUT);
    world.boot(|t| t.load('T', FIRST, 16).unwrap());
    world.chip().endurance = Some(endurance);
    let mut done = 0;
    loop {
        let result = world.boot(|t| {
            assert_ne!(t.state(), State::Tampered);
            let group = t.group().unwrap();
            let mut done = 0;
            for _ in 0..50 {
                match t.step(group) {
                    Ok(_) => done += 1,
                    error => return (done, error),
                }
            }
            (done, Ok(0))
        });
        done += result.0;
        if let Err(error) = result.1 {
            assert_eq!(error, Error::Storage);
            break;
        }
    }
    // It stays so, over starts, and gives out nothing.
    for _ in 0..3 {
        world.boot(|t| {
            assert_ne!(t.state(), State::Tampered);
            let group = t.group().unwrap();
            assert_eq!(t.step(group), Err(Error::Storage));
            assert_eq!(t.load('T', FIRST, 16), Err(Error::CounterReplayed));
        });
    }
    assert!(world.seen().twice.is_empty());
    // With good pages it goes on where it was.
    world.chip().endurance = None;
    world.boot(|t| {
        let group = t.group().unwrap();
        t.step(group).unwrap();
    });
    assert!(world.seen().twice.is_empty());
    done
}
