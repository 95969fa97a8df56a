// SPDX-License-Identifier: MIT OR Apache-2.0
//! The agreement of a KBPK between two modules.

use payhsm::error::Error;
use payhsm::hsm::{ImportedKey, KeyHandle};
use payhsm::policy::{Permission, Policy};

use crate::common::{Device, Module, PROFILE, attributes, ceremony, key, start, value};

struct Parties {
    host: Module,
    host_key: KeyHandle,
    terminal: Module,
    terminal_key: KeyHandle,
}

impl Parties {
    fn new(policy: Policy, terminal_seed: u8) -> Self {
        let mut host = start(&Device::new(1), policy, 3, 0).unwrap();
        let mut terminal = start(&Device::new(2), policy, 3, 0).unwrap();
        Self {
            host_key: key(&mut host, "B3", 'A', 'X', 1),
            host,
            terminal_key: key(&mut terminal, "B3", 'A', 'X', terminal_seed),
            terminal,
        }
    }

    fn begin(&mut self, host: &[u8], terminal: &[u8], len: usize) -> Result<[u8; 65], Error> {
        self.host.agreement_begin(self.host_key, host, terminal, len)
    }

    fn answer(&mut self, host: &[u8], terminal: &[u8], len: usize, m1: &[u8; 65]) -> Result<[u8; 86], Error> {
        self.terminal
            .agreement_answer(self.terminal_key, host, terminal, len, m1)
    }

    fn run(&mut self, len: usize) -> Result<(ImportedKey, ImportedKey), Error> {
        let m1 = self.begin(b"host", b"terminal", len)?;
        let m2 = self.answer(b"host", b"terminal", len, &m1)?;
        let (at_host, m3) = self.host.agreement_confirm(&m2)?;
        Ok((at_host, self.terminal.agreement_finish(&m3)?))
    }

    fn nothing_came_in(&self) {
        assert_eq!((self.host.status().slots.1, self.terminal.status().slots.1), (1, 1));
    }
}

#[test]
fn both_have_the_key() {
    let mut parties = Parties::new(Policy::STRICT, 1);
    let (at_host, at_terminal) = parties.run(16).unwrap();
    assert_eq!(at_host.info.check, at_terminal.info.check);
    assert_eq!(at_host.info.attributes, attributes("K1", 'A', 'E', 'N'));
    assert_eq!(at_terminal.info.attributes, attributes("K1", 'A', 'D', 'N'));
    let held = ceremony(&mut parties.host, &attributes("D0", 'T', 'E', 'E'), &value(5, 16)).unwrap();
    let mut text = [0; 256];
    let len = parties.host.key_block_export(at_host.key, held, &mut text).unwrap();
    parties
        .terminal
        .key_block_import(at_terminal.key, &text[..len], PROFILE)
        .unwrap();
    // It is over at both ends.
    assert_eq!(parties.host.agreement_confirm(&[0; 86]).err(), Some(Error::BadState));
    assert_eq!(parties.terminal.agreement_finish(&[0; 16]).err(), Some(Error::BadState));
}

/// A longer KBPK than P-256 is strong, by permission only.
#[test]
fn long_keys_by_permission() {
    for len in [24, 32] {
        let mut parties = Parties::new(Policy::STRICT, 1);
        assert_eq!(parties.begin(b"host", b"terminal", len), Err(Error::InvalidKeyLength));
        let m1 = parties.begin(b"host", b"terminal", 16).unwrap();
        assert_eq!(
            parties.answer(b"host", b"terminal", len, &m1),
            Err(Error::InvalidKeyLength)
        );
        let mut parties = Parties::new(Policy::STRICT.with(Permission::LongKbpk), 1);
        let (at_host, at_terminal) = parties.run(len).unwrap();
        assert_eq!((at_host.info.len, at_host.info.check), (len, at_terminal.info.check));
    }
    let mut parties = Parties::new(Policy::STRICT.with(Permission::LongKbpk), 1);
    for len in [0, 8, 17, 33] {
        assert_eq!(parties.begin(b"host", b"terminal", len), Err(Error::InvalidKeyLength));
    }
}

/// Another key, other identities, another length: no KBPK.
#[test]
fn strangers() {
    let policy = Policy::STRICT.with(Permission::LongKbpk);
    let views: [(u8, &[u8], &[u8], usize); 5] = [
        (2, b"host", b"terminal", 16),
        (1, b"hast", b"terminal", 16),
        (1, b"host", b"terminus", 16),
        (1, b"terminal", b"host", 16),
        (1, b"host", b"terminal", 32),
    ];
    for (seed, host, terminal, len) in views {
        let mut parties = Parties::new(policy, seed);
        let m1 = parties.begin(b"host", b"terminal", 16).unwrap();
        let m2 = parties.answer(host, terminal, len, &m1).unwrap();
        assert_eq!(
            parties.host.agreement_confirm(&m2).err(),
            Some(Error::VerificationFailed)
        );
        assert_eq!(parties.host.agreement_confirm(&m2).err(), Some(Error::BadState));
        assert_eq!(
            parties.terminal.agreement_finish(&[0; 16]).err(),
            Some(Error::VerificationFailed)
        );
        parties.nothing_came_in();
    }
    let mut parties = Parties::new(policy, 1);
    for (host, terminal, error) in [
        (&b""[..], &b"terminal"[..], Error::InvalidLength),
        (b"host", b"", Error::InvalidLength),
        (b"host", &[1; 33], Error::InvalidLength),
        (b"same", b"same", Error::InvalidArgument),
    ] {
        assert_eq!(parties.begin(host, terminal, 16), Err(error));
        assert_eq!(parties.answer(host, terminal, 16, &[4; 65]), Err(error));
    }
    parties.nothing_came_in();
}

/// A changed, repeated or late message.
#[test]
fn changed_messages() {
    // Bytes of the public key, the check value and the tag.
    for at in [0, 1, 40, 64, 65, 69, 70, 85] {
        let mut parties = Parties::new(Policy::STRICT, 1);
        let m1 = parties.begin(b"host", b"terminal", 16).unwrap();
        let mut m2 = parties.answer(b"host", b"terminal", 16, &m1).unwrap();
        m2[at] ^= 1;
        let error = parties.host.agreement_confirm(&m2).err();
        assert!(
            matches!(error, Some(Error::EcPoint | Error::VerificationFailed)),
            "{at} {error:?}"
        );
        parties.nothing_came_in();
    }
    let mut parties = Parties::new(Policy::STRICT, 1);
    let mut m1 = parties.begin(b"host", b"terminal", 16).unwrap();
    m1[64] ^= 1;
    assert_eq!(parties.answer(b"host", b"terminal", 16, &m1), Err(Error::EcPoint));
    assert_eq!(parties.terminal.agreement_finish(&[0; 16]).err(), Some(Error::BadState));
    // The answer to an earlier begin.
    let m1 = parties.begin(b"host", b"terminal", 16).unwrap();
    let old = parties.answer(b"host", b"terminal", 16, &m1).unwrap();
    parties.begin(b"host", b"terminal", 16).unwrap();
    assert_eq!(
        parties.host.agreement_confirm(&old).err(),
        Some(Error::VerificationFailed)
    );
    // A confirmation of another run.
    let m1 = parties.begin(b"host", b"terminal", 16).unwrap();
    let m2 = parties.answer(b"host", b"terminal", 16, &m1).unwrap();
    let (at_host, m3) = parties.host.agreement_confirm(&m2).unwrap();
    parties.host.key_erase(at_host.key).unwrap();
    let m1 = parties.begin(b"host", b"terminal", 16).unwrap();
    parties.answer(b"host", b"terminal", 16, &m1).unwrap();
    assert_eq!(
        parties.terminal.agreement_finish(&m3).err(),
        Some(Error::VerificationFailed)
    );
    parties.nothing_came_in();
}

/// The authentication key must last, and the KBPK needs a place.
#[test]
fn keys_and_places() {
    let mut parties = Parties::new(Policy::STRICT, 1);
    let m1 = parties.begin(b"host", b"terminal", 16).unwrap();
    let m2 = parties.answer(b"host", b"terminal", 16, &m1).unwrap();
    parties.host.key_erase(parties.host_key).unwrap();
    assert_eq!(parties.host.agreement_confirm(&m2).err(), Some(Error::InvalidHandle));
    assert_eq!(parties.host.status().slots.1, 0);

    let mut parties = Parties::new(Policy::STRICT, 1);
    for seed in [10, 11] {
        key(&mut parties.host, "D0", 'A', 'E', seed);
    }
    assert_eq!(parties.run(16).err(), Some(Error::SlotsFull));
    assert_eq!(parties.host.status().slots, (3, 3));
    // An abort at the terminal.
    let mut parties = Parties::new(Policy::STRICT, 1);
    let m1 = parties.begin(b"host", b"terminal", 16).unwrap();
    let m2 = parties.answer(b"host", b"terminal", 16, &m1).unwrap();
    let (_, m3) = parties.host.agreement_confirm(&m2).unwrap();
    parties.terminal.agreement_abort();
    assert_eq!(parties.terminal.agreement_finish(&m3).err(), Some(Error::BadState));
    assert_eq!(parties.terminal.status().slots.1, 1);
    // A source that fails.
    let device = Device::new(1);
    let mut hsm = start(&device, Policy::STRICT, 2, 0).unwrap();
    let psk = key(&mut hsm, "B3", 'A', 'X', 1);
    device.world().entropy_fails_in = Some(0);
    assert_eq!(hsm.agreement_begin(psk, b"host", b"terminal", 16), Err(Error::Entropy));
    assert_eq!(
        hsm.agreement_answer(psk, b"host", b"terminal", 16, &m1),
        Err(Error::Entropy)
    );
    assert_eq!(hsm.agreement_confirm(&m2).err(), Some(Error::BadState));
}
