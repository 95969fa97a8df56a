// SPDX-License-Identifier: MIT OR Apache-2.0
//! The way out of damage: whatever the storage holds, a module that is made anew stays so.

use payhsm::error::Error;
use payhsm::hsm::State;
use payhsm::store::flash::Layout;

use super::device::World;
use super::records;
use super::scenario::{FIRST, LAYOUT, SECOND, geometry};

/// What is damaged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Damage {
    /// The journal of a group, in both areas.
    Areas,
    /// One record of this kind, by the highest four bits of its number.
    Record(u8),
    /// The whole image is an older one.
    Older,
}

pub const DAMAGES: [Damage; 5] = [
    Damage::Areas,
    Damage::Record(1),
    Damage::Record(2),
    Damage::Record(3),
    Damage::Older,
];

/// A terminal with groups, stored keys and a log, damaged. Group 1 has no areas in this layout.
fn damaged(damage: Damage, anchored: bool) -> World {
    let geometry = geometry(4, true);
    let layout = Layout {
        record_pages: 4,
        groups: 1,
        ..LAYOUT
    };
    let mut world = World::new(geometry, layout);
    world.logged = true;
    world.chip().counter = anchored.then_some(0);
    let mut older = Vec::new();
    for id in [FIRST, SECOND] {
        world.boot(|t| {
            let group = t.load('T', id, 16).unwrap();
            for _ in 0..3 {
                t.step(group).unwrap();
            }
        });
        older.push(world.chip().image.clone());
    }
    world.boot(records::prepare_store);
    let mut chip = world.chip();
    let areas = (2 * layout.record_pages * geometry.page_len) as usize;
    match damage {
        Damage::Areas => {
            for half in 0..2 {
                chip.image[areas + half * 2048 + 70] ^= 1;
            }
        }
        Damage::Record(kind) => {
            // The live ones of this kind: behind header, commit word and dead word stands `PHSR`, a byte of it falls.
            let mut found = 0;
            for at in (32..areas).step_by(16) {
                let unit = &chip.image[at..at + 64];
                if unit[..2] == *b"RC" && unit[2] >> 4 == kind && unit[48..52] == *b"PHSR" {
                    chip.image[at + 75] ^= 1;
                    found += 1;
                }
            }
            assert!(found > 0, "{damage:?}");
        }
        Damage::Older => chip.image = older.remove(0),
    }
    drop(chip);
    world
}

/// Gives whether the damage was seen.
pub fn made_anew(damage: Damage, anchored: bool) -> bool {
    let mut world = damaged(damage, anchored);
    let seen = world.boot(|t| t.state() == State::Tampered);
    world.boot(|t| {
        assert_eq!(t.state() == State::Tampered, seen, "{damage:?}");
        assert_eq!(t.hsm.reinitialise(), Ok(()), "{damage:?} {anchored}");
        assert_eq!(t.state(), State::Virgin);
    });
    for start in 0..3 {
        world.boot(|t| {
            assert_eq!(t.opened, Ok(()), "{damage:?} {anchored} {start}");
            assert_ne!(t.state(), State::Tampered, "{damage:?} {anchored} {start}");
            let groups = if start == 0 { 0 } else { 1 };
            assert_eq!((t.groups().len(), t.hsm.key_next(0).unwrap()), (groups, None));
            // A used initial key is remembered, where it can be; a fresh one comes in.
            let group = match t.group() {
                Some(group) => group,
                None => {
                    let lost = [Damage::Areas, Damage::Record(1)].contains(&damage);
                    if !lost && damage != Damage::Older {
                        assert_eq!(t.load('T', FIRST, 16), Err(Error::CounterReplayed), "{damage:?}");
                    }
                    t.load('T', 9, 16).unwrap()
                }
            };
            t.step(group).unwrap();
        });
    }
    seen
}
