// SPDX-License-Identifier: MIT OR Apache-2.0
//! F-j: two modules on one chip.

use payhsm::error::Error;
use payhsm::hsm::State;
use payhsm::store::flash::{Flash, Geometry};

use super::chip::Bus;
use super::device::World;
use super::scenario::{FIRST, LAYOUT, geometry};

/// A part of a chip.
pub struct Part {
    bus: Bus,
    first_page: u32,
    pages: u32,
}

impl Flash for Part {
    fn geometry(&self) -> Geometry {
        Geometry {
            pages: self.pages,
            ..self.bus.geometry()
        }
    }

    fn read(&mut self, at: u32, out: &mut [u8]) -> Result<(), Error> {
        let base = self.first_page * self.bus.geometry().page_len;
        self.bus.read(base + at, out)
    }

    fn program(&mut self, at: u32, bytes: &[u8]) -> Result<(), Error> {
        let base = self.first_page * self.bus.geometry().page_len;
        self.bus.program(base + at, bytes)
    }

    fn erase(&mut self, page: u32) -> Result<(), Error> {
        self.bus.erase(self.first_page + page)
    }
}

/// Two modules over the same areas, `ahead` transactions by the first before one by the second: what the second says, and
/// whether a KSN was given out twice.
pub fn over_the_same_areas(ahead: usize, rewritable: bool) -> (Result<u32, Error>, usize) {
    let mut world = World::new(geometry(4, rewritable), LAYOUT);
    world.boot(|t| {
        let group = t.load('T', FIRST, 16).unwrap();
        t.step(group).unwrap();
    });
    let mut other = world.twin();
    let second = world.boot(|one| {
        let group = one.group().unwrap();
        other.boot(|two| {
            let twin = two.group().unwrap();
            for _ in 0..ahead {
                one.step(group).unwrap();
            }
            let second = two.step(twin);
            // It stays so.
            if second.is_err() {
                assert!(two.step(twin).is_err());
            }
            second
        })
    });
    let twice = world.seen().twice.len();
    world.boot(|t| assert_ne!(t.state(), State::Tampered));
    (second, twice)
}

/// Two modules side by side: neither knows of the other.
pub fn side_by_side() {
    use payhsm::store::Storage;
    use payhsm::store::flash::FlashStorage;
    let bus = Bus::new(Geometry {
        pages: 24,
        ..geometry(4, true)
    });
    let part = |first_page| Part {
        bus: bus.clone(),
        first_page,
        pages: 12,
    };
    let mut one = FlashStorage::new(part(0), LAYOUT).unwrap();
    let mut two = FlashStorage::new(part(12), LAYOUT).unwrap();
    let erases_of = |range: core::ops::Range<usize>| bus.chip().erases[range].iter().sum::<u32>();
    for round in 0..50_u8 {
        one.save(7, &[round; 40]).unwrap();
        two.save(7, &[!round; 40]).unwrap();
        let mut out = [0; 64];
        assert_eq!(one.load(7, &mut out), Ok(40));
        assert_eq!(out[..40], [round; 40]);
        assert_eq!(two.load(7, &mut out), Ok(40));
        assert_eq!(out[..40], [!round; 40]);
    }
    assert!(erases_of(0..12) > 0 && erases_of(12..24) > 0);
}
