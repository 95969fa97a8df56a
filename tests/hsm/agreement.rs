// SPDX-License-Identifier: MIT OR Apache-2.0
//! The agreement of a KBPK between two modules.

use payhsm::error::Error;
use payhsm::hsm::{ImportedKey, KeyHandle};
use payhsm::inject::agreement::unauthenticated::Kdf;
use payhsm::inject::agreement::{M1_LEN, M2_LEN, SIGNED_M2_LEN, SIGNED_M3_LEN};
use payhsm::key::usage::ModeOfUse;
use payhsm::policy::{Permission, Policy};

use crate::common::{Asked, Device, Module, PROFILE, attributes, ceremony, key, start, value};

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

    fn begin(&mut self, host: &[u8], terminal: &[u8], len: usize) -> Result<[u8; M1_LEN], Error> {
        self.host.agreement_begin(self.host_key, host, terminal, len)
    }

    fn answer(&mut self, host: &[u8], terminal: &[u8], len: usize, m1: &[u8; M1_LEN]) -> Result<[u8; M2_LEN], Error> {
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
    assert_eq!(
        parties.host.agreement_confirm(&[0; M2_LEN]).err(),
        Some(Error::BadState)
    );
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
        assert_eq!(parties.answer(host, terminal, 16, &[4; M1_LEN]), Err(error));
    }
    parties.nothing_came_in();
}

/// A changed, repeated or late message.
#[test]
fn changed_messages() {
    // Bytes of the public key, the nonce, the check value and the tag.
    for at in [0, 1, 40, 64, 65, 80, 81, 85, 86, 101] {
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

/// Two modules with signature keys.
struct Signers {
    host_device: Device,
    host: Module,
    host_key: KeyHandle,
    host_public: [u8; 65],
    terminal_device: Device,
    terminal: Module,
    terminal_key: KeyHandle,
    terminal_public: [u8; 65],
}

impl Signers {
    fn new() -> Self {
        let signer = |seed| {
            let device = Device::new(seed);
            let mut hsm = start(&device, Policy::STRICT, 3, 0).unwrap();
            let made = hsm.key_generate(&attributes("S0", 'E', 'S', 'N'), 32).unwrap();
            let public = hsm.key_public(made.key).unwrap().to_sec1();
            (device, hsm, made.key, public)
        };
        let (host_device, host, host_key, host_public) = signer(1);
        let (terminal_device, terminal, terminal_key, terminal_public) = signer(2);
        Self {
            host_device,
            host,
            host_key,
            host_public,
            terminal_device,
            terminal,
            terminal_key,
            terminal_public,
        }
    }

    fn begin(&mut self) -> [u8; M1_LEN] {
        self.host
            .agreement_begin_signed(self.host_key, b"host", b"terminal", 16)
            .unwrap()
    }

    fn answer(&mut self, m1: &[u8; M1_LEN]) -> Result<[u8; SIGNED_M2_LEN], Error> {
        self.terminal
            .agreement_answer_signed(self.terminal_key, &self.host_public, b"host", b"terminal", 16, m1)
    }

    fn used(&self) -> (usize, usize) {
        (self.host.status().slots.1, self.terminal.status().slots.1)
    }
}

#[test]
fn signatures_authenticate() {
    let mut signers = Signers::new();
    let m1 = signers.begin();
    let m2 = signers.answer(&m1).unwrap();
    let (at_host, m3) = signers
        .host
        .agreement_confirm_signed(&signers.terminal_public, &m2)
        .unwrap();
    let at_terminal = signers.terminal.agreement_finish_signed(&m3).unwrap();
    assert_eq!(at_host.info.check, at_terminal.info.check);
    assert_eq!(at_host.info.attributes, attributes("K1", 'A', 'E', 'N'));
    assert_eq!(at_terminal.info.attributes, attributes("K1", 'A', 'D', 'N'));
    // Each platform was asked for the other's key, and by which name it goes.
    let asked = |device: &Device| device.world().asked.last().cloned();
    assert_eq!(
        asked(&signers.host_device),
        Some(Asked::PeerKey(b"terminal".to_vec(), signers.terminal_public.to_vec()))
    );
    assert_eq!(
        asked(&signers.terminal_device),
        Some(Asked::PeerKey(b"host".to_vec(), signers.host_public.to_vec()))
    );
    // It is over at both ends.
    let again = signers.host.agreement_confirm_signed(&signers.terminal_public, &m2);
    assert_eq!(again.err(), Some(Error::BadState));
    assert_eq!(
        signers.terminal.agreement_finish_signed(&m3).err(),
        Some(Error::BadState)
    );
    // A compressed public key is the same key.
    let mut compressed = [0; 33];
    compressed.copy_from_slice(&signers.host_public[..33]);
    compressed[0] = 2 | (signers.host_public[64] & 1);
    let m1 = signers.begin();
    signers
        .terminal
        .agreement_answer_signed(signers.terminal_key, &compressed, b"host", b"terminal", 16, &m1)
        .unwrap();
}

#[test]
fn signatures_of_others() {
    let mut signers = Signers::new();
    let m1 = signers.begin();
    // The platform does not know the key: nothing is drawn, nothing waits.
    signers.terminal_device.world().answer = Some(Error::Refused);
    let drawn = signers.terminal_device.world().drawn;
    assert_eq!(signers.answer(&m1), Err(Error::Refused));
    assert_eq!(signers.terminal_device.world().drawn, drawn);
    signers.terminal_device.world().answer = None;
    assert_eq!(
        signers.terminal.agreement_finish_signed(&[1; SIGNED_M3_LEN]).err(),
        Some(Error::BadState)
    );
    // The platform is not asked about what is no key.
    let asked = signers.terminal_device.world().asked.len();
    for peer in [&[][..], &[4; 65], &[2; 32]] {
        let result =
            signers
                .terminal
                .agreement_answer_signed(signers.terminal_key, peer, b"host", b"terminal", 16, &m1);
        assert_eq!(result, Err(Error::EcPoint));
    }
    assert_eq!(signers.terminal_device.world().asked.len(), asked);
    // Another terminal's signature.
    let m2 = signers.answer(&m1).unwrap();
    let result = signers.host.agreement_confirm_signed(&signers.host_public, &m2);
    assert_eq!(result.err(), Some(Error::VerificationFailed));
    // The host's platform refuses: the run is over.
    let m1 = signers.begin();
    let m2 = signers.answer(&m1).unwrap();
    signers.host_device.world().answer = Some(Error::Refused);
    let result = signers.host.agreement_confirm_signed(&signers.terminal_public, &m2);
    assert_eq!(result.err(), Some(Error::Refused));
    signers.host_device.world().answer = None;
    let result = signers.host.agreement_confirm_signed(&signers.terminal_public, &m2);
    assert_eq!(result.err(), Some(Error::BadState));
    // A key for signatures does not authenticate as a PSK, and the other way round.
    let (m1, key) = (signers.begin(), signers.terminal_key);
    let result = signers.terminal.agreement_answer(key, b"host", b"terminal", 16, &m1);
    assert_eq!(result, Err(Error::UsageNotPermitted));
    assert_eq!(
        signers.host.agreement_confirm(&[0; M2_LEN]).err(),
        Some(Error::UsageNotPermitted)
    );
    // Changed messages.
    for at in [64, 70, 85, 86, 149] {
        let m1 = signers.begin();
        let mut m2 = signers.answer(&m1).unwrap();
        m2[at] ^= 1;
        let result = signers.host.agreement_confirm_signed(&signers.terminal_public, &m2);
        assert!(matches!(result.err(), Some(Error::EcPoint | Error::VerificationFailed)));
    }
    assert_eq!(
        signers.terminal.agreement_finish_signed(&[1; SIGNED_M3_LEN]).err(),
        Some(Error::VerificationFailed)
    );
    assert_eq!(signers.used(), (1, 1));
}

/// The agreement that authenticates nobody, by permission and with the platform's consent only.
#[test]
fn unauthenticated() {
    let device = Device::new(1);
    let mut strict = start(&device, Policy::STRICT, 2, 0).unwrap();
    let drawn = device.world().drawn;
    assert_eq!(strict.agreement_unauthenticated_begin().err(), Some(Error::Refused));
    let result = strict.agreement_unauthenticated_finish(&[4; 65], Kdf::X963Sha256, b"x", 16, ModeOfUse::Decrypt);
    assert_eq!(result.err(), Some(Error::Refused));
    assert_eq!(device.world().drawn, drawn);

    let policy = Policy::STRICT.with(Permission::UnauthenticatedAgreement);
    let (here_device, there_device) = (Device::new(1), Device::new(2));
    let mut here = start(&here_device, policy, 3, 0).unwrap();
    let mut there = start(&there_device, policy, 3, 0).unwrap();
    let a = here.agreement_unauthenticated_begin().unwrap().to_sec1();
    let b = there.agreement_unauthenticated_begin().unwrap().to_sec1();
    let taken = here
        .agreement_unauthenticated_finish(&b, Kdf::OneStepSha256, b"run 1", 16, ModeOfUse::Decrypt)
        .unwrap();
    let given = there
        .agreement_unauthenticated_finish(&a, Kdf::OneStepSha256, b"run 1", 16, ModeOfUse::Encrypt)
        .unwrap();
    assert_eq!(taken.info.check, given.info.check);
    assert_eq!(taken.info.attributes, attributes("K1", 'A', 'D', 'N'));
    assert_eq!(given.info.attributes, attributes("K1", 'A', 'E', 'N'));
    let asked = |device: &Device| device.world().asked.last().cloned();
    let expected = |public: [u8; 65], mode| Some(Asked::UnauthenticatedPeer(public.to_vec(), mode));
    assert_eq!(asked(&here_device), expected(b, ModeOfUse::Decrypt));
    assert_eq!(asked(&there_device), expected(a, ModeOfUse::Encrypt));
    // It is over; what is public is judged before the platform is asked, and every error ends it.
    type Attempt<'a> = (&'a [u8], &'a [u8], usize, ModeOfUse, Error);
    let attempts: [Attempt<'_>; 7] = [
        (&b, b"run 2", 16, ModeOfUse::Decrypt, Error::BadState),
        (&[4; 65], b"run 2", 16, ModeOfUse::Decrypt, Error::EcPoint),
        (&b, b"", 16, ModeOfUse::Decrypt, Error::InvalidLength),
        (&b, &[1; 1025], 16, ModeOfUse::Decrypt, Error::InvalidLength),
        (&b, b"run 2", 32, ModeOfUse::Decrypt, Error::InvalidKeyLength),
        (&b, b"run 2", 16, ModeOfUse::Both, Error::ModeNotPermitted),
        (&b, b"run 2", 16, ModeOfUse::NoRestriction, Error::ModeNotPermitted),
    ];
    let count = here_device.world().asked.len();
    for (peer, info, len, mode, error) in attempts {
        if error != Error::BadState {
            here.agreement_unauthenticated_begin().unwrap();
        }
        for error in [error, Error::BadState] {
            let result = here.agreement_unauthenticated_finish(peer, Kdf::X963Sha256, info, len, mode);
            assert_eq!(result.err(), Some(error));
        }
    }
    assert_eq!(here_device.world().asked.len(), count);
    // A peer that repeats itself; our own key; a platform that says no.
    here.agreement_unauthenticated_begin().unwrap();
    let result = here.agreement_unauthenticated_finish(&b, Kdf::X963Sha256, b"x", 16, ModeOfUse::Decrypt);
    assert_eq!(result.err(), Some(Error::EcPoint));
    let own = here.agreement_unauthenticated_begin().unwrap().to_sec1();
    let result = here.agreement_unauthenticated_finish(&own, Kdf::X963Sha256, b"x", 16, ModeOfUse::Decrypt);
    assert_eq!(result.err(), Some(Error::EcPoint));
    let fresh = there.agreement_unauthenticated_begin().unwrap().to_sec1();
    here.agreement_unauthenticated_begin().unwrap();
    here_device.world().answer = Some(Error::Refused);
    let result = here.agreement_unauthenticated_finish(&fresh, Kdf::X963Sha256, b"x", 16, ModeOfUse::Decrypt);
    assert_eq!(result.err(), Some(Error::Refused));
    here.agreement_abort();
    assert_eq!(here.status().slots.1, 1);
}
