// SPDX-License-Identifier: MIT OR Apache-2.0
//! J07: what a life of transactions costs the flash.

use payhsm::dukpt::{aes, tdes};
use payhsm::error::Error;
use payhsm::key::role::{InitialKey, StorageKey};
use payhsm::key::{Aes, Key, Tdea};
use payhsm::store::flash::{FlashStorage, Geometry, Layout};
use payhsm::store::journal::{GroupJournal, Records};
use payhsm::store::seal::{Scratch, Sealer};

use super::chip::Bus;
use super::device::STORAGE_KEY;
use crate::common;

/// What a run of transactions cost.
#[derive(Clone, Copy, Debug, Default)]
pub struct Wear {
    pub transactions: u32,
    pub erases: [u32; 2],
    /// Of one transaction: calls of the driver's program, bytes of them, erasures; of all, and the most.
    pub programs: (u64, u64),
    pub bytes: (u64, u64),
    pub most_erases: u32,
    /// The end of the life was reached.
    pub exhausted: bool,
}

#[allow(clippy::large_enum_variant)]
enum Terminal {
    Tdea(tdes::Terminal, tdes::Transaction),
    Aes(aes::Terminal, aes::Transaction),
}

/// Two pages of 4 KiB, one group, at most so many transactions.
pub fn live(algorithm: char, key_len: usize, word_len: u32, rewritable: bool, most: u32) -> Wear {
    let geometry = Geometry {
        page_len: 4096,
        pages: 2,
        word_len,
        rewritable,
    };
    let layout = Layout {
        record_pages: 0,
        groups: 1,
        area_pages: 1,
    };
    let bus = Bus::new(geometry);
    let mut storage = FlashStorage::new(bus.clone(), layout).unwrap();
    let sealer = Sealer::new(&Key::<StorageKey, Aes>::from_bytes(&STORAGE_KEY).unwrap()).unwrap();
    let (mut scratch, mut records) = (Scratch::new(), Records::NEW);
    let none = records
        .mount(&mut storage, &sealer, 0, &mut scratch, |_| Ok(()))
        .unwrap();
    assert_eq!(none, None);
    let mut journal = GroupJournal {
        storage: &mut storage,
        sealer: &sealer,
        group: 0,
        records: &mut records,
        scratch: &mut scratch,
    };
    let mut terminal = match algorithm {
        'T' => Terminal::Tdea(tdes::Terminal::empty(), tdes::Transaction::empty()),
        _ => Terminal::Aes(aes::Terminal::empty(), aes::Transaction::empty()),
    };
    let value = common::value(1, key_len);
    match &mut terminal {
        Terminal::Tdea(terminal, _) => {
            let mut ik = Key::<InitialKey, Tdea>::from_bytes(&value).unwrap();
            let id = tdes::InitialKeyId::parse(&common::TDEA_ID).unwrap();
            terminal.load(&mut ik, &id, &mut journal).unwrap();
        }
        Terminal::Aes(terminal, _) => {
            let mut ik = Key::<InitialKey, Aes>::from_bytes(&value).unwrap();
            let id = aes::InitialKeyId::parse(&common::AES_ID).unwrap();
            terminal.load(&mut ik, &id, &mut journal).unwrap();
        }
    }
    let mut wear = Wear::default();
    let first = bus.chip().clone();
    while wear.transactions < most {
        let before = {
            let chip = bus.chip();
            (chip.programs, chip.programmed_bytes, chip.sum_of_erases())
        };
        let result = match &mut terminal {
            Terminal::Tdea(terminal, transaction) => terminal.step(&mut journal, transaction).map(|_| ()),
            Terminal::Aes(terminal, transaction) => terminal.step(&mut journal, transaction).map(|_| ()),
        };
        if result == Err(Error::CounterExhausted) {
            wear.exhausted = true;
            break;
        }
        result.unwrap();
        wear.transactions += 1;
        let mut chip = bus.chip();
        chip.trace.clear();
        wear.programs.1 = wear.programs.1.max(chip.programs - before.0);
        wear.bytes.1 = wear.bytes.1.max(chip.programmed_bytes - before.1);
        wear.most_erases = wear.most_erases.max(chip.sum_of_erases() - before.2);
    }
    let chip = bus.chip();
    wear.programs.0 = chip.programs - first.programs;
    wear.bytes.0 = chip.programmed_bytes - first.programmed_bytes;
    wear.erases = [chip.erases[0] - first.erases[0], chip.erases[1] - first.erases[1]];
    wear
}

/// A row of the table in docs/STORAGE.md.
pub fn row(algorithm: char, key_len: usize, word_len: u32, rewritable: bool, wear: &Wear) -> String {
    let name = match algorithm {
        'T' => "TDES".to_owned(),
        _ => format!("AES-{}", key_len * 8),
    };
    let mean = |sum: u64| f64::from(u32::try_from(sum / 10).unwrap()) * 10.0 / f64::from(wear.transactions);
    format!(
        "| {name} | {word_len} | {} | {}{} | {} / {} | {:.2}, {} | {:.1}, {} | {} |",
        if rewritable { "yes" } else { "no" },
        wear.transactions,
        if wear.exhausted { " (all)" } else { "" },
        wear.erases[0],
        wear.erases[1],
        mean(wear.programs.0),
        wear.programs.1,
        mean(wear.bytes.0),
        wear.bytes.1,
        wear.most_erases,
    )
}
