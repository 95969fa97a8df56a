// SPDX-License-Identifier: MIT OR Apache-2.0
//! Sealed records.

use payhsm::dukpt::tdes;
use payhsm::error::Error;
use payhsm::key::role::{InitialKey, StorageKey};
use payhsm::key::{Aes, Key, Tdea};
use payhsm::store::flash::{Flash, FlashStorage, Geometry, Layout};
use payhsm::store::journal::{GroupJournal, Records};
use payhsm::store::record::{load, remove, save};
use payhsm::store::seal::{Kind, MAX_BODY_LEN, MAX_RECORD_LEN, Scratch, Sealer};
use payhsm::store::{MemoryStorage, Storage};

use crate::Input;

const SLOT: u16 = 2 << 12;

/// What was saved last is loaded; a record that somebody else wrote, or changed, is damage and never emptiness.
pub fn record(data: &[u8]) {
    let mut input = Input::new(data);
    let sealer = Sealer::new(&Key::<StorageKey, Aes>::from_bytes(&input.array::<16>()).unwrap()).unwrap();
    let mut storage = MemoryStorage::<8, MAX_RECORD_LEN>::new();
    let mut scratch = Scratch::new();
    let mut out = [0x55; MAX_BODY_LEN];
    let mut model: Option<Vec<u8>> = None;
    let mut damaged = false;
    while let Some(call) = input.more() {
        match call % 4 {
            0 => {
                let body = input.short();
                match save(&mut storage, &sealer, Kind::Slot, 5, body, &mut scratch) {
                    Ok(()) => model = Some(body.to_vec()),
                    Err(error) => assert_eq!((error, damaged), (Error::StorageIntegrity, true)),
                }
            }
            1 => {
                remove(&mut storage, &sealer, Kind::Slot, 5, &mut scratch).unwrap();
                (model, damaged) = (None, false);
            }
            2 => {
                // One byte of whatever is there.
                let [second, high, low, xor] = input.array();
                let id = SLOT | 5 << 1 | u16::from(second & 1);
                let mut bytes = [0; MAX_RECORD_LEN];
                let len = storage.load(id, &mut bytes).unwrap();
                if len > 0 && xor != 0 {
                    bytes[usize::from(u16::from_be_bytes([high, low])) % len] ^= xor;
                    storage.save(id, &bytes[..len]).unwrap();
                    damaged = true;
                }
            }
            _ => {
                // A record of nobody, in both places: the object is what it was or damaged.
                let id = SLOT | 5 << 1 | u16::from(input.byte() & 1);
                let bytes = input.short();
                if !bytes.is_empty() {
                    storage.save(id, bytes).unwrap();
                    damaged = true;
                }
            }
        }
        match load(&mut storage, &sealer, Kind::Slot, 5, &mut out, &mut scratch) {
            Ok(None) => {
                // One of no bytes is none.
                assert!(model.as_deref().is_none_or(<[u8]>::is_empty) && (model.is_some() || !damaged));
                damaged = false;
            }
            Ok(Some(len)) => {
                // Beside a record of nobody the authentic one is the object; what was beside it is gone then.
                assert_eq!(Some(&out[..len]), model.as_deref());
                damaged = false;
            }
            Err(error) => {
                assert_eq!((error, damaged), (Error::StorageIntegrity, true));
                assert!(out.iter().all(|&b| b == 0));
            }
        }
    }
}

/// NOR flash in RAM, of pages of 1 KiB.
struct Ram(Vec<u8>);

const PAGE: usize = 1024;

impl Flash for Ram {
    fn geometry(&self) -> Geometry {
        Geometry {
            page_len: PAGE as u32,
            pages: (self.0.len() / PAGE) as u32,
            word_len: 4,
            rewritable: true,
        }
    }

    fn read(&mut self, at: u32, out: &mut [u8]) -> Result<(), Error> {
        let at = at as usize;
        out.copy_from_slice(&self.0[at..at + out.len()]);
        Ok(())
    }

    fn program(&mut self, at: u32, bytes: &[u8]) -> Result<(), Error> {
        for (to, from) in self.0[at as usize..].iter_mut().zip(bytes) {
            *to &= from;
        }
        Ok(())
    }

    fn erase(&mut self, page: u32) -> Result<(), Error> {
        self.0[page as usize * PAGE..][..PAGE].fill(0xFF);
        Ok(())
    }
}

const LAYOUT: Layout = Layout {
    record_pages: 1,
    groups: 1,
    area_pages: 1,
};
/// Where the areas begin.
const AREAS: usize = 2 * PAGE;

fn mount(image: Vec<u8>) -> (Ram, Result<Option<u32>, Error>, Result<Option<Vec<u8>>, Error>) {
    let sealer = Sealer::new(&Key::<StorageKey, Aes>::from_bytes(&[7; 32]).unwrap()).unwrap();
    let mut storage = FlashStorage::new(Ram(image), LAYOUT).unwrap();
    let mut scratch = Scratch::new();
    let mut records = Records::NEW;
    let group = records.mount(&mut storage, &sealer, 0, &mut scratch, |snapshot| {
        let mut terminal = tdes::Terminal::empty();
        terminal.restore(snapshot)?;
        terminal.ksn().map(|ksn| ksn.counter())
    });
    let mut out = [0; 64];
    let record = load(&mut storage, &sealer, Kind::Module, 3, &mut out, &mut scratch);
    let record = record.map(|len| len.map(|len| out[..len].to_vec()));
    (storage.into_inner(), group, record)
}

/// A flash with a group after six transactions, and a setting.
fn sound() -> Vec<u8> {
    let sealer = Sealer::new(&Key::<StorageKey, Aes>::from_bytes(&[7; 32]).unwrap()).unwrap();
    let mut storage = FlashStorage::new(Ram(vec![0xFF; 4 * PAGE]), LAYOUT).unwrap();
    let (mut scratch, mut records) = (Scratch::new(), Records::NEW);
    records
        .mount(&mut storage, &sealer, 0, &mut scratch, |_| Ok(()))
        .unwrap();
    let mut journal = GroupJournal {
        storage: &mut storage,
        sealer: &sealer,
        group: 0,
        records: &mut records,
        scratch: &mut scratch,
    };
    let mut terminal = tdes::Terminal::empty();
    let mut ik = Key::<InitialKey, Tdea>::from_bytes(b"initial key of 2").unwrap();
    let id = tdes::InitialKeyId::parse(&[0xFF, 0xFF, 0x98, 0x76, 0x54, 0x32, 0x10, 0xE0, 0, 0]).unwrap();
    terminal.load(&mut ik, &id, &mut journal).unwrap();
    for _ in 0..6 {
        terminal.step(&mut journal, &mut tdes::Transaction::empty()).unwrap();
    }
    save(&mut storage, &sealer, Kind::Module, 3, b"a setting", &mut scratch).unwrap();
    storage.into_inner().0
}

/// A flash image of anybody's, and a sound one with some bytes changed: what is taken up is what was written, and what is
/// damaged is never empty.
pub fn flash(data: &[u8]) {
    let mut input = Input::new(data);
    if input.byte() & 1 == 0 {
        let mut image = vec![0xFF; 4 * PAGE];
        let start = usize::from(u16::from_be_bytes(input.array())) % image.len();
        let rest = data.get(3..).unwrap_or(&[]);
        for (to, from) in image[start..].iter_mut().zip(rest) {
            *to = *from;
        }
        let (_, group, record) = mount(image.clone());
        match group {
            Ok(None) => {
                let committed = |area: usize| image[area + 32..area + 48] != [0xFF; 16];
                assert!(!committed(AREAS) && !committed(AREAS + PAGE));
            }
            other => assert_eq!(other, Err(Error::StorageIntegrity)),
        }
        assert!(matches!(record, Ok(None) | Err(Error::StorageIntegrity)));
        return;
    }
    static SOUND: std::sync::OnceLock<Vec<u8>> = std::sync::OnceLock::new();
    let mut image = SOUND.get_or_init(sound).clone();
    let mut changes = 0;
    while input.more().is_some() {
        let at = usize::from(u16::from_be_bytes(input.array())) % image.len();
        image[at] ^= input.byte();
        changes += 1;
    }
    // Whoever clears or fills whole words can erase; what is left then is not damage.
    let erased = changes > 8;
    let (after, group, record) = mount(image);
    match group {
        Ok(found) => assert!(found == Some(7) || (erased && found.is_none())),
        Err(error) => assert_eq!(error, Error::StorageIntegrity),
    }
    match &record {
        Ok(Some(found)) => assert_eq!(found, b"a setting"),
        Ok(None) => assert!(erased),
        Err(error) => assert_eq!(*error, Error::StorageIntegrity),
    }
    // What a start cleared up is found by the next one.
    let (_, again, record_again) = mount(after.0);
    assert_eq!((group, record), (again, record_again));
}
