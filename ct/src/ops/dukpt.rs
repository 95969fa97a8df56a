// SPDX-License-Identifier: MIT OR Apache-2.0
//! Layer 4, DUKPT: the update of an initial key, working keys by choice, and initial keys that a host keeps.

use payhsm::dukpt::aes::{InitialKeyId, KeyType, Terminal, Transaction};
use payhsm::dukpt::{Unstored, tdes};
use payhsm::hsm::{KeyRef, MacMethod, Ways, WorkingKey};
use payhsm::key::role::InitialKey;
use payhsm::key::usage::KeyAlgorithm;
use payhsm::key::{Aes, Key, Tdea};
use payhsm::keyblock::Profile;
use payhsm::pin::Pin;
use payhsm::pin::block::Format;

use super::module::{Module, enter, pan, start};
use super::{bytes, open, secret};
use crate::Harness;

const ID: [u8; 8] = [0x12, 0x34, 0x56, 0x78, 0x90, 0x12, 0x34, 0x56];

pub fn run(h: &mut Harness) {
    h.constant::<32>("DUKPT AES-256: terminal, update", || {
        let (mut terminal, mut next) = (Terminal::empty(), Terminal::empty());
        let mut ik = Key::<InitialKey, Aes>::from_bytes(&secret(bytes::<32>(0x21))).unwrap();
        let id = InitialKeyId::parse(&ID).unwrap();
        terminal.load(&mut ik, &id, &mut Unstored).unwrap();
        let mut ik = Key::from_bytes(&secret(bytes::<32>(0x22))).unwrap();
        let id = InitialKeyId::parse(&[7; 8]).unwrap();
        terminal.update(&mut ik, &id, &mut next, &mut Unstored).unwrap();
        let mut transaction = Transaction::empty();
        terminal.step(&mut Unstored, &mut transaction).unwrap();
        transaction.key_bytes().try_into().unwrap()
    });
    h.constant::<48>("DUKPT TDES: legacy data keys", || {
        let mut terminal = tdes::Terminal::empty();
        let mut ik = Key::<InitialKey, Tdea>::from_bytes(&secret(bytes::<16>(0x23))).unwrap();
        let id = tdes::InitialKeyId::parse(&[1, 2, 3, 4, 5, 6, 7, 0, 0, 0]).unwrap();
        terminal.load(&mut ik, &id, &mut Unstored).unwrap();
        let mut transaction = tdes::Transaction::empty();
        terminal.step(&mut Unstored, &mut transaction).unwrap();
        let (mut request, mut response, mut under_pin) = (Key::empty(), Key::empty(), Key::empty());
        transaction.legacy_data_request_variant(&mut request).unwrap();
        transaction.legacy_data_response_variant(&mut response).unwrap();
        transaction.legacy_data_under_pin_variant(&mut under_pin).unwrap();
        let mut out = [0; 48];
        let keys = [
            request.expose_bytes(),
            response.expose_bytes(),
            under_pin.expose_bytes(),
        ];
        for (to, from) in out.chunks_exact_mut(16).zip(keys) {
            to.copy_from_slice(from);
        }
        out
    });
    h.verdict("module: update of an AES initial key", true, || {
        let (mut host, mut terminal) = (start(0x31), start(0x41));
        let bdk = enter(&mut host, b"B0", KeyAlgorithm::Aes, b'X', 0x32);
        let new_bdk = enter(&mut host, b"B0", KeyAlgorithm::Aes, b'X', 0x34);
        let wrapping = enter(&mut host, b"K1", KeyAlgorithm::Aes, b'E', 0x36);
        let mut block = [0; 256];
        let (len, _) = host.dukpt_export_initial_key(bdk, &ID, wrapping, &mut block).unwrap();
        open(&mut block);
        let kbpk = enter(&mut terminal, b"K1", KeyAlgorithm::Aes, b'D', 0x36);
        let (group, _) = terminal.dukpt_load(kbpk, &block[..len], Profile::X9143Strict).unwrap();
        let (len, _) = host
            .dukpt_export_update(bdk, &ID, new_bdk, &[7; 8], &mut block)
            .unwrap();
        open(&mut block);
        let mut changed = block;
        changed[len - 1] ^= 1;
        let refused = terminal
            .dukpt_update(group, &changed[..len], Profile::X9143Strict)
            .is_err();
        terminal
            .dukpt_update(group, &block[..len], Profile::X9143Strict)
            .unwrap();
        let (own, ksn) = terminal.dukpt_begin(group).unwrap();
        let mut mac = [0; 8];
        terminal
            .mac_generate(own.into(), MacMethod::CMAC, b"message", &mut mac)
            .unwrap();
        open(&mut mac);
        // The second KSN finds the initial key that the first one left.
        for _ in 0..2 {
            let other = host.dukpt_derive(new_bdk, ksn.as_bytes()).unwrap();
            host.mac_verify(other.into(), MacMethod::CMAC, b"message", &mac)
                .unwrap();
            host.transaction_end(other).unwrap();
        }
        refused
    });
    h.verdict("module: working keys by choice", true, || {
        let (mut host, mut terminal) = (start(0x51), start(0x61));
        let bdk = enter(&mut host, b"B0", KeyAlgorithm::Aes, b'X', 0x52);
        let wrapping = enter(&mut host, b"K1", KeyAlgorithm::Aes, b'E', 0x56);
        let mut block = [0; 256];
        let (len, _) = host.dukpt_export_initial_key(bdk, &ID, wrapping, &mut block).unwrap();
        open(&mut block);
        let kbpk = enter(&mut terminal, b"K1", KeyAlgorithm::Aes, b'D', 0x56);
        let (group, _) = terminal.dukpt_load(kbpk, &block[..len], Profile::X9143Strict).unwrap();
        let (own, ksn) = terminal.dukpt_begin(group).unwrap();
        let other = host.dukpt_derive(bdk, ksn.as_bytes()).unwrap();
        let tdea = KeyType::Tdes2;
        for choice in [
            WorkingKey::Pin(tdea),
            WorkingKey::Mac(tdea, Ways::Both),
            WorkingKey::Data(KeyType::Aes128, Ways::Both),
        ] {
            terminal.transaction_select(own, choice).unwrap();
            host.transaction_select(other, choice).unwrap();
        }
        round(&mut terminal, own.into(), &mut host, other.into())
    });
}

/// PIN, MAC and data from the terminal to the host under the chosen keys.
fn round(terminal: &mut Module, own: KeyRef, host: &mut Module, other: KeyRef) -> bool {
    let mut pin = Pin::empty();
    let [pin_len] = secret([4]);
    pin.enter(pin_len, &secret([1, 9, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0]))
        .unwrap();
    let mut block = [0; 16];
    let len = terminal
        .pin_encipher(own, Format::Iso0, &pan(), &pin, &mut block)
        .unwrap();
    let mut data = secret(bytes::<32>(0x77));
    terminal.data_encipher(own, &[0; 16], &mut data).unwrap();
    let mut mac = [0; 8];
    terminal.mac_generate(own, MacMethod::X9_19, &data, &mut mac).unwrap();
    for sent in [&mut block[..], &mut data, &mut mac] {
        open(sent);
    }
    host.mac_verify(other, MacMethod::X9_19, &data, &mac).unwrap();
    host.data_decipher(other, &[0; 16], &mut data).unwrap();
    let zone = enter(host, b"P0", KeyAlgorithm::Tdea, b'E', 0x8C);
    let mut out = [0; 16];
    host.pin_translate(other, Format::Iso0, &pan(), &block[..len], zone, Format::Iso0, &mut out)
        .is_ok()
}
