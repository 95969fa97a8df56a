// SPDX-License-Identifier: MIT OR Apache-2.0
//! Bodies of the fuzz targets: one function for each, over bytes. Every one checks a property besides the absence of
//! panics: what was read is written again, what was enciphered is deciphered, a model says the same.
//!
//! `fuzz_targets/` hands libFuzzer's bytes to them; the tests here run them on the seeds and on old crashes
//! (`regressions/<target>/`) with a stable compiler.

pub mod c_calls;
pub mod card;
pub mod codec;
pub mod dukpt;
pub mod dukpt_update;
pub mod emv;
pub mod hsm;
pub mod inject;
pub mod keyblock;
pub mod ledger;
pub mod oda;
pub mod parsers;
pub mod pin;
pub mod script;
pub mod seed;
pub mod store;
pub mod tool;
pub mod track;

/// A target by name.
pub type Target = (&'static str, fn(&[u8]));

/// Every target. `Cargo.toml` and `fuzz_targets/` have the same names; a test compares.
pub const TARGETS: &[Target] = &[
    ("agreement", inject::agreement),
    ("atc_window", script::atc_window),
    ("attributes", codec::attributes),
    ("audit_records", ledger::audit_records),
    ("backup", ledger::backup),
    ("bcd", codec::bcd),
    ("c_calls", c_calls::c_calls),
    ("card_value", card::card_value),
    ("case_files", tool::case_files),
    ("component", inject::component),
    ("dol", emv::dol),
    ("dukpt_update", dukpt_update::update),
    ("ec_point", inject::ec_point),
    ("ec_signature", inject::ec_signature),
    ("emv_field55", emv::field55),
    ("flash", store::flash),
    ("generate_ac_response", emv::response),
    ("hex", codec::hex),
    ("hsm", hsm::hsm),
    ("keyblock_pair", keyblock::pair),
    ("keyblock_parse", keyblock::parse),
    ("keyblock_unwrap", keyblock::unwrap),
    ("keyblock_wrap", keyblock::wrap),
    ("ksn", dukpt::ksn),
    ("life_record", ledger::life_record),
    ("oda_card", oda::card),
    ("oda_signed", oda::signed),
    ("pan", pin::pan),
    ("pin_block", pin::block),
    ("pin_clear", pin::clear),
    ("pin_offset", pin::offset),
    ("record", store::record),
    ("replay_window", dukpt::replay_window),
    ("script", script::script),
    ("sign_on", inject::sign_on),
    ("slot_record", ledger::slot_record),
    ("snapshot", dukpt::snapshot),
    ("tlv", codec::tlv),
    ("track2", emv::track2),
    ("track2_packed", track::track2_packed),
    ("user_record", ledger::user_record),
];

/// Bytes taken from the front of a target's input. Past the end there are zeros.
#[derive(Clone, Copy, Debug)]
pub struct Input<'a>(&'a [u8]);

impl<'a> Input<'a> {
    /// All of the input.
    pub fn new(data: &'a [u8]) -> Self {
        Self(data)
    }

    /// The next byte.
    pub fn byte(&mut self) -> u8 {
        self.array::<1>()[0]
    }

    /// The next byte, unless all are taken.
    pub fn more(&mut self) -> Option<u8> {
        let (first, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(*first)
    }

    /// The next `N` bytes.
    pub fn array<const N: usize>(&mut self) -> [u8; N] {
        let mut out = [0; N];
        let bytes = self.slice(N);
        out[..bytes.len()].copy_from_slice(bytes);
        out
    }

    /// The next `len` bytes, or as many as are left.
    pub fn slice(&mut self, len: usize) -> &'a [u8] {
        let (taken, rest) = self.0.split_at(len.min(self.0.len()));
        self.0 = rest;
        taken
    }

    /// A length byte, then so many bytes.
    pub fn short(&mut self) -> &'a [u8] {
        let len = self.byte();
        self.slice(usize::from(len))
    }

    /// Two bytes of a length, the higher first, then so many bytes.
    pub fn long(&mut self) -> &'a [u8] {
        let len = u16::from_be_bytes(self.array());
        self.slice(usize::from(len))
    }

    /// What is left.
    pub fn rest(self) -> &'a [u8] {
        self.0
    }
}

/// Random bytes that are not: SplitMix64.
#[derive(Debug)]
pub struct Rng(pub u64);

impl payhsm::entropy::Entropy for Rng {
    fn fill(&mut self, out: &mut [u8]) -> Result<(), payhsm::error::Error> {
        for chunk in out.chunks_mut(8) {
            self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
            let mut z = self.0;
            z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
            z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
            z ^= z >> 31;
            chunk.copy_from_slice(&z.to_be_bytes()[..chunk.len()]);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::fs;
    use std::path::Path;

    use super::*;

    fn names(folder: &str) -> BTreeSet<String> {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
        let entries = fs::read_dir(path).unwrap();
        entries
            .map(|e| e.unwrap().path().file_stem().unwrap().to_str().unwrap().to_owned())
            .collect()
    }

    #[test]
    fn targets_are_declared() {
        let here: BTreeSet<String> = TARGETS.iter().map(|(name, _)| (*name).to_owned()).collect();
        assert_eq!(here, names("fuzz_targets"));
        let manifest = include_str!("../Cargo.toml");
        let bins: BTreeSet<String> = manifest
            .lines()
            .filter_map(|line| line.strip_prefix("path = \"fuzz_targets/")?.strip_suffix(".rs\""))
            .map(str::to_owned)
            .collect();
        assert_eq!(here, bins);
    }

    #[test]
    fn every_target_has_seeds_and_passes_them() {
        for (name, run) in TARGETS {
            let seeds = seed::seeds(name);
            assert!(!seeds.is_empty(), "{name}");
            for bytes in &seeds {
                run(bytes);
                // And every seed cut short, and with one byte changed.
                for len in (0..bytes.len()).step_by(1 + bytes.len() / 16) {
                    run(&bytes[..len]);
                    let mut changed = bytes.clone();
                    changed[len] ^= 1 << (len % 8);
                    run(&changed);
                }
            }
        }
    }

    /// Where libFuzzer begins: `scripts/fuzz-smoke` has them written by this.
    #[test]
    fn seeds_are_written() {
        seed::write_all().unwrap();
        for (name, _) in TARGETS {
            let folder = seed::corpus(name);
            assert_eq!(fs::read(folder.join("seed-000")).unwrap(), seed::seeds(name)[0]);
        }
    }

    #[test]
    fn kept_inputs_pass() {
        for (name, run) in TARGETS {
            seed::kept(name).iter().for_each(|bytes| run(bytes));
        }
    }

    #[test]
    fn every_target_has_a_dictionary() {
        let here: BTreeSet<String> = TARGETS.iter().map(|(name, _)| (*name).to_owned()).collect();
        assert_eq!(here, names("dictionaries"));
        for name in here {
            let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("dictionaries").join(&name);
            let text = fs::read_to_string(path.with_extension("dict")).unwrap();
            let entries = text.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
            let mut count = 0;
            for entry in entries {
                assert!(
                    entry.len() > 2 && entry.starts_with('"') && entry.ends_with('"'),
                    "{name}: {entry}"
                );
                count += 1;
            }
            assert!(count >= 2, "{name}");
        }
    }

    #[test]
    fn old_crashes_pass() {
        for (name, run) in TARGETS {
            let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("regressions").join(name);
            for entry in fs::read_dir(folder).into_iter().flatten() {
                run(&fs::read(entry.unwrap().path()).unwrap());
            }
        }
    }
}
