// SPDX-License-Identifier: MIT OR Apache-2.0
//! The end of an AES initial key's life, and a host that remembers counters in windows.

use std::collections::BTreeMap;

use payhsm::dukpt::{ReplayWindow, aes};
use payhsm::entropy::Entropy;
use payhsm::error::Error;
use payhsm::hsm::{Config, Group, Hsm, KeyHandle, MacMethod, Platform, Question, Slot};
use payhsm::key::role::{Bdk, InitialKey, StorageKey};
use payhsm::key::usage::{Attributes, Exportability, KeyAlgorithm, ModeOfUse, Usage};
use payhsm::key::{Aes, Key};
use payhsm::policy::Policy;
use payhsm::store::Storage;
use payhsm::store::journal::{GroupJournal, Records};
use payhsm::store::seal::{Scratch, Sealer};

use crate::common::{AES_ID, Device, PROFILE, key, module, start, value};
use crate::snapshots;

/// Puts an AES terminal into group 0 of the storage that has one transaction left, as it would have stored itself.
pub fn nearly_spent(device: &Device) {
    let id = aes::InitialKeyId::parse(&AES_ID).unwrap();
    let mut ik = Key::<InitialKey, Aes>::empty();
    aes::Host::initial_key(&Key::<Bdk, Aes>::from_bytes(&value(40, 16)).unwrap(), &id, &mut ik).unwrap();
    let sealing = Key::<StorageKey, _>::from_bytes(&[0x5A; 32]).unwrap();
    let (sealer, mut scratch, mut records) = (Sealer::new(&sealing).unwrap(), Scratch::new(), Records::NEW);
    let mut storage = device.clone();
    records
        .mount(&mut storage, &sealer, 0, &mut scratch, |_| Ok(()))
        .unwrap();
    let mut terminal = snapshots::aes_terminal(&ik, &id, 0xFFFE_8000);
    let mut journal = GroupJournal {
        storage: &mut storage,
        sealer: &sealer,
        group: 0,
        records: &mut records,
        scratch: &mut scratch,
    };
    terminal.step(&mut journal, &mut aes::Transaction::empty()).unwrap();
}

/// The last valid counter serves both ends; after it the key is exhausted for ever, also after a restart; and an update
/// begins a new life.
#[test]
fn an_exhausted_aes_group() {
    const LAST: u32 = 0xFFFF_0000;
    let device = Device::new(1);
    let mut host = start(&Device::new(4), Policy::STRICT, 4, 2).unwrap();
    let bdk = key(&mut host, "B0", 'A', 'X', 40);
    nearly_spent(&device);
    let mut hsm = module(&device);
    let (group, info) = hsm.dukpt_find(0).unwrap();
    assert_eq!(info.next.unwrap().counter(), LAST);
    let (own, ksn) = hsm.dukpt_begin(group).unwrap();
    assert_eq!(ksn.counter(), LAST);
    let mut mac = [0; 16];
    hsm.mac_generate(own.into(), MacMethod::CMAC, b"message", &mut mac)
        .unwrap();
    let other = host.dukpt_derive(bdk, ksn.as_bytes()).unwrap();
    host.mac_verify(other.into(), MacMethod::CMAC, b"message", &mac)
        .unwrap();
    for _ in 0..3 {
        assert_eq!(hsm.dukpt_begin(group).err(), Some(Error::CounterExhausted));
        assert_eq!(hsm.dukpt_ksn(group).err(), Some(Error::CounterExhausted));
    }
    drop(hsm);
    let mut hsm = module(&device);
    let (group, info) = hsm.dukpt_find(0).unwrap();
    assert_eq!(info.next, None);
    assert_eq!(hsm.dukpt_begin(group).err(), Some(Error::CounterExhausted));
    // The update key outlives the last transaction.
    let new_id = [7; 8];
    let mut text = [0; 256];
    let (len, _) = host.dukpt_export_update(bdk, &AES_ID, bdk, &new_id, &mut text).unwrap();
    hsm.dukpt_update(group, &text[..len], PROFILE).unwrap();
    let (_, ksn) = hsm.dukpt_begin(group).unwrap();
    assert_eq!((&ksn.as_bytes()[..8], ksn.counter()), (&new_id[..], 1));
}

/// A host whose decision on counters is a window for each initial key.
struct Remembering {
    device: Device,
    windows: BTreeMap<Vec<u8>, ReplayWindow>,
}

impl Entropy for Remembering {
    fn fill(&mut self, out: &mut [u8]) -> Result<(), Error> {
        self.device.fill(out)
    }
}

impl Storage for Remembering {
    fn load(&mut self, id: u16, out: &mut [u8]) -> Result<usize, Error> {
        self.device.load(id, out)
    }

    fn save(&mut self, id: u16, record: &[u8]) -> Result<(), Error> {
        self.device.save(id, record)
    }

    fn erase(&mut self, id: u16) -> Result<(), Error> {
        self.device.erase(id)
    }
}

impl Platform for Remembering {
    fn decide(&mut self, question: &Question<'_>) -> Result<(), Error> {
        match *question {
            Question::DukptCounter { identity, counter } => match self.windows.get(identity) {
                Some(window) => window.check(identity, counter),
                None => Ok(()),
            },
            Question::Ceremony { .. } => Ok(()),
            _ => Err(Error::Refused),
        }
    }
}

type Host = Hsm<'static, Remembering>;

/// Takes a message: derives, verifies, and only then remembers.
fn receive(host: &mut Host, bdk: KeyHandle, counter: u32, mac: &[u8]) -> Result<(), Error> {
    let ksn = [&AES_ID[..], &counter.to_be_bytes()].concat();
    let transaction = host.dukpt_derive(bdk, &ksn)?;
    let verified = host.mac_verify(transaction.into(), MacMethod::CMAC, b"message", mac);
    host.transaction_end(transaction).unwrap();
    verified?;
    let window = host
        .platform()
        .windows
        .entry(AES_ID.to_vec())
        .or_insert_with(|| ReplayWindow::new(&AES_ID, 2).unwrap());
    window.accept(&AES_ID, counter)
}

/// F06: a replayed KSN is refused with its own code, an overtaken one is taken once, and messages that do not verify use
/// nothing up.
#[test]
fn f06_windows_decide() {
    let slots = Box::leak(Box::new([const { Slot::EMPTY }; 2]));
    let groups = Box::leak(Box::new([const { Group::EMPTY }; 1]));
    let platform = Remembering {
        device: Device::new(1),
        windows: BTreeMap::new(),
    };
    let mut host = Hsm::new(platform, slots, groups, Config::default()).unwrap();
    let attributes = Attributes::new(
        Usage::B0,
        KeyAlgorithm::Aes,
        ModeOfUse::Derive,
        Exportability::NonExportable,
    );
    host.component_begin(&attributes, 16, 2, &[]).unwrap();
    let other: Vec<u8> = value(40, 16).iter().map(|byte| byte ^ 0x5A).collect();
    host.component_add(1, &other, &[]).unwrap();
    host.component_add(2, &[0x5A; 16], &[]).unwrap();
    let bdk = host.component_finish().unwrap().key;

    // What the terminal sent.
    let (mut ik, id) = (
        Key::<InitialKey, Aes>::empty(),
        aes::InitialKeyId::parse(&AES_ID).unwrap(),
    );
    aes::Host::initial_key(&Key::<Bdk, Aes>::from_bytes(&value(40, 16)).unwrap(), &id, &mut ik).unwrap();
    let mac = |counter: u32| {
        use payhsm::mac::Mac;
        let mut transaction = aes::Transaction::empty();
        aes::Host::transaction(&ik, &id.ksn(counter).unwrap(), &mut transaction).unwrap();
        let mut key = Key::<payhsm::key::role::MacRequest, Aes>::empty();
        transaction.working_key(aes::KeyType::Aes128, &mut key).unwrap();
        let mut mac = payhsm::mac::cmac::CmacAes::new(key.expose_bytes()).unwrap();
        mac.update(b"message");
        let mut out = [0; 16];
        mac.finish(&mut out).unwrap();
        out
    };

    assert_eq!(receive(&mut host, bdk, 5, &mac(5)), Ok(()));
    assert_eq!(receive(&mut host, bdk, 5, &mac(5)), Err(Error::CounterReplayed));
    // Invented KSNs do not verify, and change nothing.
    for counter in [9, 0x00FF_FF00, 0xFFFF_0000] {
        assert_eq!(
            receive(&mut host, bdk, counter, &mac(5)),
            Err(Error::VerificationFailed)
        );
    }
    assert_eq!(receive(&mut host, bdk, 0, &mac(5)), Err(Error::CounterZero));
    assert_eq!(
        receive(&mut host, bdk, 0x0001_FFFF, &mac(5)),
        Err(Error::CounterOverweight)
    );
    // Overtaken by two, and by three.
    assert_eq!(receive(&mut host, bdk, 9, &mac(9)), Ok(()));
    assert_eq!(receive(&mut host, bdk, 7, &mac(7)), Ok(()));
    assert_eq!(receive(&mut host, bdk, 7, &mac(7)), Err(Error::CounterReplayed));
    assert_eq!(receive(&mut host, bdk, 6, &mac(6)), Err(Error::CounterReplayed));
    assert_eq!(receive(&mut host, bdk, 8, &mac(8)), Ok(()));
    assert_eq!(receive(&mut host, bdk, 10, &mac(10)), Ok(()));
}
