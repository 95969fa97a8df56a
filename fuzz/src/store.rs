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

/// A storage of which one operation may fail, and which may count.
struct Weak {
    storage: MemoryStorage<8, MAX_RECORD_LEN>,
    fails_in: Option<u8>,
    counter: Option<u64>,
}

impl Weak {
    fn works(&mut self) -> Result<(), Error> {
        if fails(&mut self.fails_in) {
            Err(Error::Storage)
        } else {
            Ok(())
        }
    }
}

impl Storage for Weak {
    fn load(&mut self, id: u16, out: &mut [u8]) -> Result<usize, Error> {
        self.works()?;
        self.storage.load(id, out)
    }

    fn save(&mut self, id: u16, record: &[u8]) -> Result<(), Error> {
        self.works()?;
        self.storage.save(id, record)
    }

    fn erase(&mut self, id: u16) -> Result<(), Error> {
        self.works()?;
        self.storage.erase(id)
    }

    fn monotonic(&mut self) -> Result<Option<u64>, Error> {
        self.works()?;
        Ok(self.counter)
    }

    fn advance(&mut self, by: u64) -> Result<(), Error> {
        self.works()?;
        self.counter = self.counter.map(|counter| counter + by);
        Ok(())
    }
}

/// What was saved last is loaded; a record that somebody else wrote, or changed, is damage and never emptiness.
pub fn record(data: &[u8]) {
    let mut input = Input::new(data);
    let key = input.array::<16>();
    let sealer = Sealer::new(&Key::<StorageKey, Aes>::from_bytes(&key).unwrap()).unwrap();
    let mut storage = Weak {
        storage: MemoryStorage::new(),
        fails_in: None,
        counter: (key[0] == 0xFF).then_some(0),
    };
    let mut scratch = Scratch::new();
    let mut out = [0x55; MAX_BODY_LEN];
    let mut model: Option<Vec<u8>> = None;
    let mut damaged = false;
    while let Some(call) = input.more() {
        if storage.counter.is_some() && !matches!(call, 4 | 5) {
            continue;
        }
        match call {
            4 | 5 if !damaged => {
                // The storage fails once: the object is the old one or the new one.
                storage.fails_in = Some(input.byte());
                let body = if call == 4 { input.short() } else { &[] };
                let result = if call == 4 {
                    save(&mut storage, &sealer, Kind::Slot, 5, body, &mut scratch)
                } else {
                    remove(&mut storage, &sealer, Kind::Slot, 5, &mut scratch)
                };
                storage.fails_in = None;
                let found = load(&mut storage, &sealer, Kind::Slot, 5, &mut out, &mut scratch).unwrap();
                let found = found.map(|len| out[..len].to_vec()).filter(|found| !found.is_empty());
                let (old, new) = (
                    model.take().filter(|old| !old.is_empty()),
                    Some(body.to_vec()).filter(|new| !new.is_empty()),
                );
                assert!(found == new || result.is_err() && found == old);
                // A record of no bytes may be there or not.
                model = Some(found.unwrap_or_default());
            }
            _ if call % 4 == 0 => {
                let body = input.short();
                match save(&mut storage, &sealer, Kind::Slot, 5, body, &mut scratch) {
                    Ok(()) => model = Some(body.to_vec()),
                    Err(error) => assert_eq!((error, damaged), (Error::StorageIntegrity, true)),
                }
            }
            _ if call % 4 == 1 => {
                remove(&mut storage, &sealer, Kind::Slot, 5, &mut scratch).unwrap();
                (model, damaged) = (None, false);
            }
            _ if call % 4 == 2 => {
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
struct Ram {
    bytes: Vec<u8>,
    rewritable: bool,
    fails_in: Option<u8>,
}

impl Ram {
    fn new(bytes: Vec<u8>) -> Self {
        Self {
            bytes,
            rewritable: true,
            fails_in: None,
        }
    }

    fn fails(&mut self) -> bool {
        fails(&mut self.fails_in)
    }
}

/// Whether the operation that comes is the one that fails.
fn fails(fails_in: &mut Option<u8>) -> bool {
    match fails_in {
        Some(0) => {
            *fails_in = None;
            true
        }
        Some(left) => {
            *left -= 1;
            false
        }
        None => false,
    }
}

const PAGE: usize = 1024;

impl Flash for Ram {
    fn geometry(&self) -> Geometry {
        Geometry {
            page_len: PAGE as u32,
            pages: (self.bytes.len() / PAGE) as u32,
            word_len: 4,
            rewritable: self.rewritable,
        }
    }

    fn read(&mut self, at: u32, out: &mut [u8]) -> Result<(), Error> {
        let at = at as usize;
        out.copy_from_slice(&self.bytes[at..at + out.len()]);
        Ok(())
    }

    fn program(&mut self, at: u32, bytes: &[u8]) -> Result<(), Error> {
        // One that fails has programmed the first half.
        let failed = self.fails();
        let done = if failed { bytes.len() / 2 } else { bytes.len() };
        for (to, from) in self.bytes[at as usize..].iter_mut().zip(&bytes[..done]) {
            *to &= from;
        }
        if failed { Err(Error::Storage) } else { Ok(()) }
    }

    fn erase(&mut self, page: u32) -> Result<(), Error> {
        if self.fails() {
            return Err(Error::Storage);
        }
        self.bytes[page as usize * PAGE..][..PAGE].fill(0xFF);
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
    let mut storage = FlashStorage::new(Ram::new(image), LAYOUT).unwrap();
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
    let mut storage = FlashStorage::new(Ram::new(vec![0xFF; 4 * PAGE]), LAYOUT).unwrap();
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
    storage.into_inner().bytes
}

/// A flash image of anybody's, and a sound one with some bytes changed: what is taken up is what was written, and what is
/// damaged is never empty.
pub fn flash(data: &[u8]) {
    let mut input = Input::new(data);
    let mode = input.byte();
    if mode & 3 == 3 {
        return weak_flash(mode & 4 == 0, input);
    }
    if mode & 1 == 0 {
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
    let (_, again, record_again) = mount(after.bytes);
    assert_eq!((group, record), (again, record_again));
}

/// A flash that fails in the middle: behind each start the record is the old one or the new one, and the new one if the
/// call said so.
fn weak_flash(rewritable: bool, mut input: Input<'_>) {
    let sealer = Sealer::new(&Key::<StorageKey, Aes>::from_bytes(&[7; 32]).unwrap()).unwrap();
    let mut scratch = Scratch::new();
    let mut model: Option<Vec<u8>> = None;
    let mut ram = Ram::new(vec![0xFF; 4 * PAGE]);
    ram.rewritable = rewritable;
    for _ in 0..80 {
        let Some(call) = input.more() else { break };
        ram.fails_in = (call & 1 == 1).then(|| input.byte() % 24);
        let body = input.short();
        let body = &body[..body.len().min(100)];
        let mut storage = FlashStorage::new(ram, LAYOUT).unwrap();
        let (wanted, result) = if call & 4 == 0 {
            let result = save(&mut storage, &sealer, Kind::Module, 3, body, &mut scratch);
            ((!body.is_empty()).then(|| body.to_vec()), result)
        } else {
            (None, remove(&mut storage, &sealer, Kind::Module, 3, &mut scratch))
        };
        ram = storage.into_inner();
        ram.fails_in = None;
        let mut out = [0; MAX_BODY_LEN];
        let mut storage = FlashStorage::new(ram, LAYOUT).unwrap();
        let found = load(&mut storage, &sealer, Kind::Module, 3, &mut out, &mut scratch).unwrap();
        let found = found.map(|len| out[..len].to_vec()).filter(|found| !found.is_empty());
        assert!(found == wanted || result.is_err() && found == model);
        model = found;
        ram = storage.into_inner();
    }
}
