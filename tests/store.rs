// SPDX-License-Identifier: MIT OR Apache-2.0
//! Stored state under faults: a cut before, after and in the middle of every storage operation, a second cut in the
//! recovery, errors and silence of the driver, flipped bits.
//!
//! Rows of the attack catalogue: F02, J01 to J05, J08; invariants I1 to I5 and I7 of the fault model.
#![cfg(all(feature = "hazmat", feature = "terminal"))]

use std::collections::{BTreeMap, BTreeSet};

use payhsm::dukpt::{Scheme, aes, tdes};
use payhsm::error::Error;
use payhsm::key::role::{InitialKey, StorageKey};
use payhsm::key::{Aes, Key, Tdea};
use payhsm::store::journal::{GroupJournal, Records};
use payhsm::store::seal::{Kind, MAX_RECORD_LEN, Scratch, Sealer};
use payhsm::store::{MemoryStorage, Storage, record};

/// What happens at one operation. The cuts take the power away: every later operation of that boot fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fault {
    CutBefore,
    CutAfter,
    /// A save leaves this many bytes of the new record; an erase zeroes that many of the old one.
    Torn(usize),
    /// Not done, and said so.
    Error,
    /// Done, and an error all the same.
    ErrorAfter,
    /// Not done, and success all the same.
    Silence,
}

const FAULTS: [Fault; 9] = [
    Fault::CutBefore,
    Fault::CutAfter,
    Fault::Torn(1),
    Fault::Torn(19),
    Fault::Torn(60),
    Fault::Torn(400),
    Fault::Error,
    Fault::ErrorAfter,
    Fault::Silence,
];

impl Fault {
    fn is_cut(self) -> bool {
        matches!(self, Self::CutBefore | Self::CutAfter | Self::Torn(_))
    }
}

/// A storage whose power can be cut.
#[derive(Clone, Default)]
struct Mock {
    records: BTreeMap<u16, Vec<u8>>,
    /// Operations of this boot so far.
    done: usize,
    fault: Option<(usize, Fault)>,
    dead: bool,
}

impl Mock {
    fn boot(&mut self, fault: Option<(usize, Fault)>) {
        (self.done, self.fault, self.dead) = (0, fault, false);
    }

    /// The fault of this operation.
    fn operation(&mut self) -> Result<Option<Fault>, Error> {
        if self.dead {
            return Err(Error::Storage);
        }
        let now = self.done;
        self.done += 1;
        let fault = self.fault.filter(|(at, _)| *at == now).map(|(_, fault)| fault);
        self.dead = fault.is_some_and(Fault::is_cut);
        match fault {
            Some(Fault::CutBefore | Fault::Error) => Err(Error::Storage),
            other => Ok(other),
        }
    }

    fn after(fault: Option<Fault>) -> Result<(), Error> {
        match fault {
            None | Some(Fault::Silence) => Ok(()),
            Some(_) => Err(Error::Storage),
        }
    }
}

impl Storage for Mock {
    fn load(&mut self, id: u16, out: &mut [u8]) -> Result<usize, Error> {
        // There is no reading in silence: that would be a record that is not there.
        let fault = self.operation()?.filter(|fault| *fault != Fault::Silence);
        let len = self.records.get(&id).map_or(0, Vec::len);
        let target = out.get_mut(..len).ok_or(Error::BufferTooSmall)?;
        if let Some(record) = self.records.get(&id) {
            target.copy_from_slice(record);
        }
        Self::after(fault).map(|()| len)
    }

    fn save(&mut self, id: u16, record: &[u8]) -> Result<(), Error> {
        let fault = self.operation()?;
        match fault {
            Some(Fault::Torn(len)) => {
                self.records.insert(id, record[..len.min(record.len())].to_vec());
            }
            Some(Fault::Silence) => {}
            _ => {
                self.records.insert(id, record.to_vec());
            }
        }
        Self::after(fault)
    }

    fn erase(&mut self, id: u16) -> Result<(), Error> {
        let fault = self.operation()?;
        match fault {
            Some(Fault::Torn(len)) => {
                if let Some(record) = self.records.get_mut(&id) {
                    let len = len.min(record.len());
                    record[..len].fill(0);
                }
            }
            Some(Fault::Silence) => {}
            _ => {
                self.records.remove(&id);
            }
        }
        Self::after(fault)
    }
}

/// A terminal of either scheme.
trait Device {
    const SCHEME: Scheme;
    fn empty() -> Self;
    fn load(&mut self, identity: u8, journal: &mut GroupJournal<'_, Mock>) -> Result<(), Error>;
    /// Counter and key that were given out.
    fn step(&mut self, journal: &mut GroupJournal<'_, Mock>) -> Result<(u32, Vec<u8>), Error>;
    fn restore(&mut self, snapshot: &[u8]) -> Result<(), Error>;
    /// The counter of the next transaction.
    fn next(&self) -> Result<u32, Error>;
    fn identity(identity: u8) -> Vec<u8>;
    fn snapshot(&self) -> Vec<u8>;
}

struct TdesDevice(tdes::Terminal, tdes::Transaction);

impl Device for TdesDevice {
    const SCHEME: Scheme = Scheme::Tdes;

    fn empty() -> Self {
        Self(tdes::Terminal::empty(), tdes::Transaction::empty())
    }

    fn load(&mut self, identity: u8, journal: &mut GroupJournal<'_, Mock>) -> Result<(), Error> {
        let mut ik = Key::<InitialKey, Tdea>::from_bytes(b"initial key of 2")?;
        let id = tdes::InitialKeyId::parse(&Self::identity(identity))?;
        self.0.load(&mut ik, &id, journal)
    }

    fn step(&mut self, journal: &mut GroupJournal<'_, Mock>) -> Result<(u32, Vec<u8>), Error> {
        let ksn = self.0.step(journal, &mut self.1)?;
        Ok((ksn.counter(), self.1.key_bytes().to_vec()))
    }

    fn restore(&mut self, snapshot: &[u8]) -> Result<(), Error> {
        self.0.restore(snapshot)
    }

    fn next(&self) -> Result<u32, Error> {
        Ok(self.0.ksn()?.counter())
    }

    fn identity(identity: u8) -> Vec<u8> {
        vec![0xFF, 0xFF, 0x98, 0x76, 0x54, 0x32, identity, 0xE0, 0, 0]
    }

    fn snapshot(&self) -> Vec<u8> {
        let mut out = vec![0; tdes::Terminal::SNAPSHOT_LEN];
        let len = self.0.snapshot(&mut out).unwrap();
        out[..len].to_vec()
    }
}

struct AesDevice(aes::Terminal, aes::Transaction);

impl Device for AesDevice {
    const SCHEME: Scheme = Scheme::Aes;

    fn empty() -> Self {
        Self(aes::Terminal::empty(), aes::Transaction::empty())
    }

    fn load(&mut self, identity: u8, journal: &mut GroupJournal<'_, Mock>) -> Result<(), Error> {
        // The longest state there is.
        let mut ik = Key::<InitialKey, Aes>::from_bytes(b"initial key of AES-256, 32 bytes")?;
        let id = aes::InitialKeyId::parse(&Self::identity(identity))?;
        self.0.load(&mut ik, &id, journal)
    }

    fn step(&mut self, journal: &mut GroupJournal<'_, Mock>) -> Result<(u32, Vec<u8>), Error> {
        let ksn = self.0.step(journal, &mut self.1)?;
        Ok((ksn.counter(), self.1.key_bytes().to_vec()))
    }

    fn restore(&mut self, snapshot: &[u8]) -> Result<(), Error> {
        self.0.restore(snapshot)
    }

    fn next(&self) -> Result<u32, Error> {
        Ok(self.0.ksn()?.counter())
    }

    fn identity(identity: u8) -> Vec<u8> {
        vec![0x12, 0x34, 0x56, 0x78, 0x90, 0x12, 0x34, identity]
    }

    fn snapshot(&self) -> Vec<u8> {
        let mut out = vec![0; aes::Terminal::SNAPSHOT_LEN];
        let len = self.0.snapshot(&mut out).unwrap();
        out[..len].to_vec()
    }
}

fn sealer() -> Sealer {
    Sealer::new(&Key::<StorageKey, Aes>::from_bytes(b"storage key of one device, 256 b").unwrap()).unwrap()
}

const GROUP: u16 = 3;

/// The RAM of one boot.
struct Boot<D> {
    device: D,
    records: Records,
    scratch: Scratch,
    present: bool,
}

impl<D: Device> Boot<D> {
    fn mount(storage: &mut Mock, sealer: &Sealer) -> Result<Self, Error> {
        let mut boot = Self {
            device: D::empty(),
            records: Records::NEW,
            scratch: Scratch::new(),
            present: false,
        };
        let restored = boot
            .records
            .mount(storage, sealer, GROUP, &mut boot.scratch, |snapshot| {
                boot.device.restore(snapshot)
            })?;
        boot.present = restored.is_some();
        Ok(boot)
    }

    fn journal<'a>(
        storage: &'a mut Mock,
        sealer: &'a Sealer,
        records: &'a mut Records,
        scratch: &'a mut Scratch,
    ) -> GroupJournal<'a, Mock> {
        GroupJournal {
            storage,
            sealer,
            group: GROUP,
            records,
            scratch,
        }
    }

    fn load(&mut self, identity: u8, storage: &mut Mock, sealer: &Sealer) -> Result<(), Error> {
        let mut journal = Self::journal(storage, sealer, &mut self.records, &mut self.scratch);
        self.device.load(identity, &mut journal)
    }

    fn step(&mut self, storage: &mut Mock, sealer: &Sealer) -> Result<(u32, Vec<u8>), Error> {
        let mut journal = Self::journal(storage, sealer, &mut self.records, &mut self.scratch);
        self.device.step(&mut journal)
    }
}

/// What was given to the caller over all boots.
#[derive(Clone, Default)]
struct Released {
    counters: BTreeSet<u32>,
    keys: BTreeSet<Vec<u8>>,
}

impl Released {
    /// I1: no counter and no key twice.
    fn take(&mut self, (counter, key): (u32, Vec<u8>)) {
        assert!(self.counters.insert(counter), "counter {counter} was given out twice");
        assert!(self.keys.insert(key), "a key was given out twice");
    }

    fn last(&self) -> u32 {
        self.counters.last().copied().unwrap_or(0)
    }
}

/// The storage holds nothing but one record of the group, and no key of it in clear (I3, I7).
fn check_image<D: Device>(storage: &Mock, boot: &Boot<D>) {
    assert_eq!(storage.records.len(), 1, "an old record stays");
    let image: Vec<u8> = storage.records.values().flatten().copied().collect();
    let snapshot = boot.device.snapshot();
    for key in snapshot[24..].chunks(16).filter(|key| key.iter().any(|b| *b != 0)) {
        assert!(!image.windows(key.len()).any(|window| window == key), "a clear key");
    }
}

/// One boot: mount, load if empty, `steps` steps; goes on after an error as a caller would, but not after a cut.
fn run<D: Device>(storage: &mut Mock, sealer: &Sealer, steps: usize, released: &mut Released) -> Result<(), Error> {
    let mut boot = Boot::<D>::mount(storage, sealer)?;
    if !boot.present {
        boot.load(1, storage, sealer)?;
    }
    let mut first = Ok(());
    for _ in 0..steps {
        match boot.step(storage, sealer) {
            Ok(given) => released.take(given),
            Err(e) if storage.dead => return Err(e),
            Err(e) => first = Err(e),
        }
    }
    first
}

/// After a fault: the state is there and has lost at most one counter; three more transactions, and all is in order.
fn recover<D: Device>(storage: &mut Mock, sealer: &Sealer, released: &mut Released, lost: u32) {
    storage.boot(None);
    let mut boot = Boot::<D>::mount(storage, sealer).unwrap();
    if !boot.present {
        // Only the load itself was cut.
        assert_eq!(released.counters.len(), 0);
        assert!(storage.records.is_empty());
        boot.load(1, storage, sealer).unwrap();
    }
    let next = boot.device.next().unwrap();
    let last = released.last();
    assert!(next > last, "the counter fell: {next} after {last}");
    assert!(next <= last + 1 + lost, "{next} after {last}: lost more than {lost}");
    for _ in 0..3 {
        released.take(boot.step(storage, sealer).unwrap());
        check_image(storage, &boot);
    }
}

const STEPS: usize = 6;

/// The number of storage operations of a boot without a fault.
fn operations<D: Device>(mut storage: Mock, sealer: &Sealer) -> usize {
    storage.boot(None);
    run::<D>(&mut storage, sealer, STEPS, &mut Released::default()).unwrap();
    storage.done
}

/// J01, J02, J04: each fault at each operation of a life that begins with the load.
fn every_fault_everywhere<D: Device>() {
    let sealer = sealer();
    let total = operations::<D>(Mock::default(), &sealer);
    // Two reads of the mount, then a save, a read, an erasure and a look for each commit but the first.
    assert_eq!(total, 2 + 2 + 4 * STEPS);
    let mut torn_first = 0;
    for at in 0..total {
        for fault in FAULTS {
            let (mut storage, mut released) = (Mock::default(), Released::default());
            storage.boot(Some((at, fault)));
            let result = run::<D>(&mut storage, &sealer, STEPS, &mut released);
            // Silence of a read is none, and neither is an erasure that tears nothing.
            assert!(result.is_err() || fault == Fault::Silence, "{at} {fault:?}");
            storage.boot(None);
            // The very first record has no other beside it. A storage that tears it breaks its promise; what is left
            // is damage, and never an empty group that starts again.
            if at == 2 && matches!(fault, Fault::Torn(_)) {
                assert_eq!(released.counters.len(), 0);
                assert_eq!(
                    Boot::<D>::mount(&mut storage, &sealer).err(),
                    Some(Error::StorageIntegrity)
                );
                torn_first += 1;
                continue;
            }
            recover::<D>(&mut storage, &sealer, &mut released, 1);
        }
    }
    assert_eq!(torn_first, 4);
}

#[test]
fn j01_j02_j04_every_fault_everywhere_tdes() {
    every_fault_everywhere::<TdesDevice>();
}

#[test]
fn j01_j02_j04_every_fault_everywhere_aes() {
    every_fault_everywhere::<AesDevice>();
}

/// J03: a second cut at each operation of the boot that recovers from the first.
#[test]
fn j03_a_second_cut_in_the_recovery() {
    let sealer = sealer();
    let mut loaded = Mock::default();
    let mut before = Released::default();
    run::<TdesDevice>(&mut loaded, &sealer, 2, &mut before).unwrap();
    let total = 3 + 4 * 2;
    let cuts = [Fault::CutBefore, Fault::CutAfter, Fault::Torn(60)];
    for first in 0..total {
        for one in cuts {
            let (mut storage, mut released) = (loaded.clone(), before.clone());
            storage.boot(Some((first, one)));
            let _ = run::<TdesDevice>(&mut storage, &sealer, 2, &mut released);
            for second in 0..total {
                for two in cuts {
                    let (mut storage, mut released) = (storage.clone(), released.clone());
                    storage.boot(Some((second, two)));
                    let _ = run::<TdesDevice>(&mut storage, &sealer, 2, &mut released);
                    recover::<TdesDevice>(&mut storage, &sealer, &mut released, 2);
                }
            }
        }
    }
}

/// J05: each bit of the image flipped, each byte missing at the end: never empty, never another state.
#[test]
fn j05_every_single_bit() {
    let sealer = sealer();
    let mut storage = Mock::default();
    run::<TdesDevice>(&mut storage, &sealer, 3, &mut Released::default()).unwrap();
    assert_eq!(storage.records.len(), 1);
    let (id, record) = storage.records.pop_first().unwrap();
    let mount = |record: Option<Vec<u8>>, at: u16| {
        let mut storage = Mock::default();
        if let Some(record) = record {
            storage.records.insert(at, record);
        }
        Boot::<TdesDevice>::mount(&mut storage, &sealer).map(|boot| boot.present)
    };
    assert_eq!(mount(Some(record.clone()), id), Ok(true));
    assert_eq!(mount(None, id), Ok(false));
    for bit in 0..record.len() * 8 {
        let mut twin = record.clone();
        twin[bit / 8] ^= 1 << (bit % 8);
        assert_eq!(mount(Some(twin), id), Err(Error::StorageIntegrity), "bit {bit}");
    }
    for len in 1..record.len() {
        assert_eq!(mount(Some(record[..len].to_vec()), id), Err(Error::StorageIntegrity));
    }
    for len in [record.len() + 1, MAX_RECORD_LEN, MAX_RECORD_LEN + 1] {
        let mut twin = record.clone();
        twin.resize(len, 0);
        assert_eq!(mount(Some(twin), id), Err(Error::StorageIntegrity));
    }
    // The record in the other place of the pair: bound to its own.
    assert_eq!(mount(Some(record.clone()), id ^ 1), Err(Error::StorageIntegrity));
    // Another group's place.
    assert_eq!(mount(Some(record), id + 2), Ok(false));
}

/// A damaged state stays: no commit overwrites it.
#[test]
fn a_damaged_state_takes_no_commit() {
    let sealer = sealer();
    let mut storage = Mock::default();
    run::<TdesDevice>(&mut storage, &sealer, 3, &mut Released::default()).unwrap();
    storage.records.values_mut().for_each(|record| record[30] ^= 1);
    let image = storage.records.clone();
    let mut records = Records::NEW;
    let mut scratch = Scratch::new();
    let mounted = records.mount(&mut storage, &sealer, GROUP, &mut scratch, |_| Ok(()));
    assert_eq!(mounted, Err(Error::StorageIntegrity));
    let mut journal = Boot::<TdesDevice>::journal(&mut storage, &sealer, &mut records, &mut scratch);
    let mut device = TdesDevice::empty();
    assert_eq!(device.load(1, &mut journal), Err(Error::BadState));
    assert_eq!(
        records.retire(&mut storage, &sealer, GROUP, &mut scratch),
        Err(Error::BadState)
    );
    assert_eq!(storage.records, image);
}

/// A state under another storage key is damage, not emptiness.
#[test]
fn j08_another_storage_key() {
    let mut storage = Mock::default();
    run::<AesDevice>(&mut storage, &sealer(), 1, &mut Released::default()).unwrap();
    let other = Sealer::new(&Key::<StorageKey, Aes>::from_bytes(&[0x57; 32]).unwrap()).unwrap();
    assert_eq!(
        Boot::<AesDevice>::mount(&mut storage, &other).err(),
        Some(Error::StorageIntegrity)
    );
}

/// An older record in place of the newer is authentic: only its sequence number tells (F03 needs a monotonic counter).
#[test]
fn f03_the_sequence_number_tells_a_rollback() {
    let sealer = sealer();
    let mut storage = Mock::default();
    run::<TdesDevice>(&mut storage, &sealer, 1, &mut Released::default()).unwrap();
    let old = storage.records.clone();
    storage.boot(None);
    let before = Boot::<TdesDevice>::mount(&mut storage, &sealer)
        .unwrap()
        .records
        .sequence();
    run::<TdesDevice>(&mut storage, &sealer, 2, &mut Released::default()).unwrap();
    let after = Boot::<TdesDevice>::mount(&mut storage, &sealer)
        .unwrap()
        .records
        .sequence();
    assert_eq!((before, after), (2, 4));
    storage.records = old;
    let rolled = Boot::<TdesDevice>::mount(&mut storage, &sealer).unwrap();
    assert_eq!(rolled.records.sequence(), before);
}

/// F02: a used initial key is not loaded again; not after other keys, not after its own were given up, not after a
/// new start.
fn used_keys_do_not_come_again<D: Device>() {
    let sealer = sealer();
    let mut storage = Mock::default();
    let mut boot = Boot::<D>::mount(&mut storage, &sealer).unwrap();
    let mark = |boot: &Boot<D>, identity| boot.records.high_water(D::SCHEME, &D::identity(identity));
    assert_eq!(mark(&boot, 1), None);
    boot.load(1, &mut storage, &sealer).unwrap();
    assert_eq!(mark(&boot, 1), Some(1));
    // Loaded and never used: it may come again.
    let mut boot = Boot::<D>::mount(&mut storage, &sealer).unwrap();
    boot.device = D::empty();
    boot.load(1, &mut storage, &sealer).unwrap();
    boot.step(&mut storage, &sealer).unwrap();
    assert_eq!(mark(&boot, 1), Some(2));
    boot.load(2, &mut storage, &sealer).unwrap();
    boot.step(&mut storage, &sealer).unwrap();
    assert_eq!(boot.load(1, &mut storage, &sealer), Err(Error::CounterReplayed));
    // The device is empty after the refusal; the stored state is that of the second key.
    let mut boot = Boot::<D>::mount(&mut storage, &sealer).unwrap();
    assert_eq!(boot.device.next(), Ok(2));
    boot.records
        .retire(&mut storage, &sealer, GROUP, &mut boot.scratch)
        .unwrap();
    let mut boot = Boot::<D>::mount(&mut storage, &sealer).unwrap();
    assert!(!boot.present);
    for identity in [1, 2] {
        assert_eq!(mark(&boot, identity), Some(2));
        assert_eq!(boot.load(identity, &mut storage, &sealer), Err(Error::CounterReplayed));
    }
    // Eight marks are kept. Those of keys that were never used make room.
    for identity in 3..=20 {
        boot.load(identity, &mut storage, &sealer).unwrap();
    }
    assert_eq!([1, 2, 3, 20].map(|i| mark(&boot, i)), [Some(2), Some(2), None, Some(1)]);
    // Those of used keys do not.
    for identity in 21..=26 {
        boot.load(identity, &mut storage, &sealer).unwrap();
        boot.step(&mut storage, &sealer).unwrap();
    }
    assert_eq!(boot.load(27, &mut storage, &sealer), Err(Error::LimitReached));
    assert_eq!(
        [1, 2, 21, 26, 27].map(|i| mark(&boot, i)),
        [Some(2), Some(2), Some(2), Some(2), None]
    );
    for identity in [1, 2, 21, 26] {
        assert_eq!(boot.load(identity, &mut storage, &sealer), Err(Error::CounterReplayed));
    }
    assert_eq!(storage.records.len(), 1);
}

#[test]
fn f02_used_keys_do_not_come_again_tdes() {
    used_keys_do_not_come_again::<TdesDevice>();
}

#[test]
fn f02_used_keys_do_not_come_again_aes() {
    used_keys_do_not_come_again::<AesDevice>();
}

/// An older state in RAM cannot step past the journal.
#[test]
fn an_older_terminal_is_refused() {
    let sealer = sealer();
    let mut storage = Mock::default();
    let mut boot = Boot::<TdesDevice>::mount(&mut storage, &sealer).unwrap();
    boot.load(1, &mut storage, &sealer).unwrap();
    boot.step(&mut storage, &sealer).unwrap();
    let old = boot.device.snapshot();
    boot.step(&mut storage, &sealer).unwrap();
    let image = storage.records.clone();
    boot.device = TdesDevice::empty();
    boot.device.restore(&old).unwrap();
    assert_eq!(boot.step(&mut storage, &sealer), Err(Error::CounterReplayed));
    assert_eq!(storage.records, image);
}

/// The last transaction of an initial key, and nothing after it.
#[test]
fn the_end_of_an_initial_key() {
    let sealer = sealer();
    let mut storage = Mock::default();
    let mut boot = Boot::<TdesDevice>::mount(&mut storage, &sealer).unwrap();
    boot.load(1, &mut storage, &sealer).unwrap();
    // The state before the last transaction: counter 1FF800, the register of bit 11 alone.
    let mut snapshot = boot.device.snapshot();
    snapshot[16..20].copy_from_slice(&0x001F_F800_u32.to_be_bytes());
    snapshot[20..24].copy_from_slice(&0x0000_0800_u32.to_be_bytes());
    for (bit, register) in snapshot[24..].chunks_mut(16).enumerate() {
        if bit != 11 {
            register.fill(0);
        }
    }
    boot.device = TdesDevice::empty();
    boot.device.restore(&snapshot).unwrap();
    assert_eq!(boot.step(&mut storage, &sealer).unwrap().0, 0x001F_F800);
    let mut boot = Boot::<TdesDevice>::mount(&mut storage, &sealer).unwrap();
    assert_eq!(boot.step(&mut storage, &sealer), Err(Error::CounterExhausted));
    assert_eq!(
        boot.records.high_water(Scheme::Tdes, &TdesDevice::identity(1)),
        Some(u32::MAX)
    );
    boot.device = TdesDevice::empty();
    assert_eq!(boot.load(1, &mut storage, &sealer), Err(Error::CounterReplayed));
}

/// Small objects: old or new after each fault at each operation of a replacement.
#[test]
fn small_objects_are_old_or_new() {
    let sealer = sealer();
    let mut scratch = Scratch::new();
    let (old, new) = ([0x11; 70], [0x22; 90]);
    let mut stored = Mock::default();
    record::save(&mut stored, &sealer, Kind::Slot, 9, &old, &mut scratch).unwrap();
    let mut dry = stored.clone();
    dry.boot(None);
    record::save(&mut dry, &sealer, Kind::Slot, 9, &new, &mut scratch).unwrap();
    let (mut olds, mut news) = (0, 0);
    for at in 0..dry.done {
        for fault in FAULTS {
            let mut storage = stored.clone();
            storage.boot(Some((at, fault)));
            let result = record::save(&mut storage, &sealer, Kind::Slot, 9, &new, &mut scratch);
            storage.boot(None);
            let mut out = [0x55; 128];
            let len = record::load(&mut storage, &sealer, Kind::Slot, 9, &mut out, &mut scratch).unwrap();
            match &out[..len.unwrap()] {
                body if *body == new => news += 1,
                body if *body == old => {
                    assert!(result.is_err());
                    olds += 1;
                }
                _ => panic!("{at} {fault:?}: neither old nor new"),
            }
            assert_eq!(storage.records.len(), 1);
        }
    }
    assert!(olds > 20 && news > 10, "{olds} {news}");
}

#[test]
fn small_objects() {
    let sealer = sealer();
    let mut scratch = Scratch::new();
    let mut storage = MemoryStorage::<4, MAX_RECORD_LEN>::new();
    let mut out = [0x55; 64];
    let mut load = |storage: &mut MemoryStorage<4, MAX_RECORD_LEN>, kind, id, len: usize| {
        out.fill(0x55);
        let found = record::load(storage, &sealer, kind, id, &mut out[..len], &mut Scratch::new());
        found.map(|len| len.map(|len| out[..len].to_vec()))
    };
    assert_eq!(load(&mut storage, Kind::Slot, 0, 64), Ok(None));
    record::save(&mut storage, &sealer, Kind::Slot, 0, b"slot 0", &mut scratch).unwrap();
    record::save(&mut storage, &sealer, Kind::Module, 0, b"module", &mut scratch).unwrap();
    record::save(&mut storage, &sealer, Kind::Slot, 2047, b"", &mut scratch).unwrap();
    assert_eq!(load(&mut storage, Kind::Slot, 0, 64), Ok(Some(b"slot 0".to_vec())));
    assert_eq!(load(&mut storage, Kind::Module, 0, 6), Ok(Some(b"module".to_vec())));
    // One of no bytes is none.
    assert_eq!(load(&mut storage, Kind::Slot, 2047, 64), Ok(None));
    assert_eq!(load(&mut storage, Kind::Slot, 0, 5), Err(Error::BufferTooSmall));
    assert_eq!(load(&mut storage, Kind::Slot, 2048, 64), Err(Error::InvalidArgument));
    assert_eq!(load(&mut storage, Kind::Group, 0, 64), Err(Error::InvalidArgument));
    let long = [0; 1217];
    assert_eq!(
        record::save(&mut storage, &sealer, Kind::Slot, 0, &long, &mut scratch),
        Err(Error::InvalidLength)
    );
    assert_eq!(
        record::save(&mut storage, &sealer, Kind::Group, 0, b"x", &mut scratch),
        Err(Error::InvalidArgument)
    );
    record::remove(&mut storage, &sealer, Kind::Slot, 0, &mut scratch).unwrap();
    assert_eq!(load(&mut storage, Kind::Slot, 0, 64), Ok(None));
    assert_eq!(load(&mut storage, Kind::Module, 0, 64), Ok(Some(b"module".to_vec())));
}

/// What every storage promises.
fn keeps_its_promises(storage: &mut impl Storage) {
    let mut out = [0x55; 40];
    assert_eq!(storage.load(7, &mut out), Ok(0));
    assert_eq!(storage.erase(7), Ok(()));
    storage.save(7, b"seven").unwrap();
    storage.save(0xFFFF, b"last").unwrap();
    storage.save(7, b"seven again").unwrap();
    assert_eq!(storage.load(7, &mut out), Ok(11));
    assert_eq!(&out[..11], b"seven again");
    assert_eq!(storage.load(7, &mut out[..10]), Err(Error::BufferTooSmall));
    assert_eq!(storage.load(0xFFFF, &mut out), Ok(4));
    assert_eq!(storage.save(8, b""), Err(Error::Storage));
    storage.erase(7).unwrap();
    assert_eq!(storage.load(7, &mut out), Ok(0));
    assert_eq!(storage.load(0xFFFF, &mut out), Ok(4));
}

#[test]
fn memory_storage() {
    let mut storage = MemoryStorage::<2, 40>::new();
    keeps_its_promises(&mut storage);
    assert_eq!(storage.save(1, &[0; 41]), Err(Error::Storage));
    storage.save(1, &[1; 40]).unwrap();
    assert_eq!(storage.save(2, &[1]), Err(Error::Storage), "full");
    storage.save(1, &[2; 40]).unwrap();
}

#[cfg(feature = "std")]
#[test]
fn file_storage() {
    use payhsm::store::FileStorage;

    let directory = std::env::temp_dir().join(format!("payhsm-store-{}", std::process::id()));
    std::fs::create_dir(&directory).unwrap();
    {
        let mut storage = FileStorage::open(&directory).unwrap();
        keeps_its_promises(&mut storage);
        // One at a time.
        assert!(FileStorage::open(&directory).is_err());
        // A file that is empty is damage, not absence; one that is too long is no record.
        std::fs::write(directory.join("record-0020"), b"").unwrap();
        let mut out = [0; 8];
        assert_eq!(storage.load(0x20, &mut out), Err(Error::StorageIntegrity));
        // What a cut left before the renaming is not a record.
        std::fs::write(directory.join("record-0021.new"), b"half").unwrap();
        assert_eq!(storage.load(0x21, &mut out), Ok(0));
        storage.save(0x21, b"whole").unwrap();
        assert_eq!(storage.load(0x21, &mut out), Ok(5));
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            let mode = std::fs::metadata(directory.join("record-0021"))
                .unwrap()
                .permissions()
                .mode();
            assert_eq!(mode & 0o777, 0o600);
        }
    }
    // It lasts; what a cut left does not, and what is somebody else's does.
    std::fs::write(directory.join("record-0022.new"), b"half").unwrap();
    std::fs::write(directory.join("record-note.new"), b"a note").unwrap();
    let mut storage = FileStorage::open(&directory).unwrap();
    assert!(!directory.join("record-0022.new").exists() && directory.join("record-note.new").exists());
    let mut out = [0; 8];
    assert_eq!(storage.load(0xFFFF, &mut out), Ok(4));
    // A name that cannot be replaced or removed: an error, and the record stays.
    std::fs::create_dir(directory.join("record-0023")).unwrap();
    assert_eq!(storage.save(0x23, b"whole"), Err(Error::Storage));
    assert_eq!(storage.erase(0x23), Err(Error::Storage));
    std::fs::create_dir(directory.join("record-0021.new")).unwrap();
    assert_eq!(storage.save(0x21, b"other"), Err(Error::Storage));
    assert_eq!(storage.load(0x21, &mut out), Ok(5));
    assert_eq!(&out[..5], b"whole");
    drop(storage);
    std::fs::remove_dir_all(&directory).unwrap();
    assert!(FileStorage::open(&directory).is_err());
}
