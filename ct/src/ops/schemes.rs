// SPDX-License-Identifier: MIT OR Apache-2.0
//! Layers 2 and 3: check values, DUKPT, PIN, key blocks.

use payhsm::cipher::modes;
use payhsm::dukpt::{Unstored, aes, tdes};
use payhsm::key::role::{
    Bdk, InitialKey, Kbpk, MacRequest, PinEncryption, PinVerification3624, PinVerificationVisa, Signing,
};
use payhsm::key::usage::{Attributes, Exportability, KeyAlgorithm, KeyVersion, ModeOfUse, Usage};
use payhsm::key::{Aes, Algorithm, Ec, Hmac, Key, Tdea};
use payhsm::keyblock::header::Version;
use payhsm::keyblock::optional::Optional;
use payhsm::keyblock::wrap::Template;
use payhsm::keyblock::{KbpkRef, KeyBlock, Payload, Profile};
use payhsm::pin::Pin;
use payhsm::pin::block::{Format, PinKey, decipher_aes, decipher_tdea, encipher_aes, encipher_tdea, translate};
use payhsm::pin::ibm3624::{self, Offset, Table, Validation};
use payhsm::pin::pan::Pan;
use payhsm::pin::{choose, pvv};

use super::{Random, bytes, open, secret};
use crate::Harness;

const PAN: &[u8] = b"4012345678909";

pub fn run(h: &mut Harness) {
    check_values(h);
    dukpt_tdes(h);
    dukpt_aes::<16>(h, "DUKPT AES-128", aes::KeyType::Aes128);
    dukpt_aes::<24>(h, "DUKPT AES-192", aes::KeyType::Aes192);
    dukpt_aes::<32>(h, "DUKPT AES-256", aes::KeyType::Aes256);
    working_keys(h);
    pin(h);
    key_blocks(h);
}

fn key<R: payhsm::key::role::Role, A: Algorithm, const N: usize>(seed: u8) -> Key<R, A> {
    Key::from_bytes(&secret(bytes::<N>(seed))).unwrap()
}

fn check_values(h: &mut Harness) {
    h.verdict("KCV: legacy, verify", false, || {
        key::<PinEncryption, Tdea, 16>(0x50)
            .verify_kcv_legacy(&[1, 2, 3])
            .is_ok()
    });
    h.verdict("KCV: CMAC of TDES, verify", false, || {
        key::<PinEncryption, Tdea, 24>(0x51)
            .verify_kcv_cmac(&[1, 2, 3, 4, 5])
            .is_ok()
    });
    h.verdict("KCV: CMAC of AES, verify", false, || {
        key::<PinEncryption, Aes, 32>(0x52)
            .verify_kcv_cmac(&[1, 2, 3, 4, 5])
            .is_ok()
    });
    h.verdict("KCV: compute", true, || {
        key::<PinEncryption, Tdea, 16>(0x53).kcv_legacy().is_ok()
            && key::<PinEncryption, Aes, 16>(0x54).kcv_cmac().is_ok()
    });
}

fn dukpt_tdes(h: &mut Harness) {
    const KSN: [u8; 10] = [0xFF, 0xFF, 0x98, 0x76, 0x54, 0x32, 0x10, 0xF5, 0x54, 0xAA];
    let ksn = tdes::Ksn::parse(&KSN).unwrap();
    h.constant::<16>("DUKPT TDES: host, initial key", || {
        let mut ik = Key::empty();
        tdes::Host::initial_key(&key::<Bdk, Tdea, 16>(0x61), &ksn.initial_key_id(), &mut ik).unwrap();
        ik.expose_bytes().try_into().unwrap()
    });
    h.constant::<16>("DUKPT TDES: host, transaction key", || {
        let mut transaction = tdes::Transaction::empty();
        tdes::Host::transaction(&key::<InitialKey, Tdea, 16>(0x62), &ksn, &mut transaction).unwrap();
        transaction.key_bytes().try_into().unwrap()
    });
    h.constant::<16>("DUKPT TDES: terminal, load and 40 steps", || {
        let (terminal, transaction) = tdes_walk(40);
        drop(terminal);
        transaction.key_bytes().try_into().unwrap()
    });
    h.constant::<16>("DUKPT TDES: terminal, snapshot and restore", || {
        let (terminal, mut transaction) = tdes_walk(3);
        let mut record = [0; tdes::Terminal::SNAPSHOT_LEN];
        terminal.snapshot(&mut record).unwrap();
        // The header of a record is public; registers are not.
        open(&mut record[..24]);
        let mut again = tdes::Terminal::empty();
        again.restore(&record).unwrap();
        again.step(&mut Unstored, &mut transaction).unwrap();
        transaction.key_bytes().try_into().unwrap()
    });
    h.constant::<96>("DUKPT TDES: working keys", || {
        let (_, t) = tdes_walk(2);
        let mut out = [0; 96];
        let (mut pin, mut request, mut response) = (Key::empty(), Key::empty(), Key::empty());
        t.pin_key(&mut pin).unwrap();
        t.mac_request_key(&mut request).unwrap();
        t.mac_response_key(&mut response).unwrap();
        let (mut data, mut back, mut both) = (Key::empty(), Key::empty(), Key::empty());
        t.data_request_key(&mut data).unwrap();
        t.data_response_key(&mut back).unwrap();
        t.data_both_key(&mut both).unwrap();
        let keys = [
            pin.expose_bytes(),
            request.expose_bytes(),
            response.expose_bytes(),
            data.expose_bytes(),
            back.expose_bytes(),
            both.expose_bytes(),
        ];
        for (to, from) in out.chunks_exact_mut(16).zip(keys) {
            to.copy_from_slice(from);
        }
        out
    });
}

fn tdes_walk(steps: usize) -> (tdes::Terminal, tdes::Transaction) {
    let id = tdes::InitialKeyId::parse(&[0xFF, 0xFF, 0x98, 0x76, 0x54, 0x32, 0x10, 0xE0, 0, 0]).unwrap();
    let mut terminal = tdes::Terminal::empty();
    let mut transaction = tdes::Transaction::empty();
    terminal
        .load(&mut key::<InitialKey, Tdea, 16>(0x63), &id, &mut Unstored)
        .unwrap();
    for _ in 0..steps {
        terminal.step(&mut Unstored, &mut transaction).unwrap();
    }
    (terminal, transaction)
}

fn dukpt_aes<const N: usize>(h: &mut Harness, name: &str, kind: aes::KeyType) {
    const KSN: [u8; 12] = [0x12, 0x34, 0x56, 0x78, 0x90, 0x12, 0x34, 0x56, 0, 0x15, 0x54, 0xAA];
    let ksn = aes::Ksn::parse(&KSN).unwrap();
    h.constant::<N>(&format!("{name}: host, initial key"), || {
        let mut ik = Key::empty();
        aes::Host::initial_key(&key::<Bdk, Aes, N>(0x71), &ksn.initial_key_id(), &mut ik).unwrap();
        ik.expose_bytes().try_into().unwrap()
    });
    h.constant::<N>(&format!("{name}: host, transaction key"), || {
        let mut transaction = aes::Transaction::empty();
        aes::Host::transaction(&key::<InitialKey, Aes, N>(0x72), &ksn, &mut transaction).unwrap();
        transaction.key_bytes().try_into().unwrap()
    });
    h.constant::<N>(&format!("{name}: terminal, load, 40 steps, restore"), || {
        let mut terminal = aes::Terminal::empty();
        let mut transaction = aes::Transaction::empty();
        let mut ik = key::<InitialKey, Aes, N>(0x73);
        terminal.load(&mut ik, &ksn.initial_key_id(), &mut Unstored).unwrap();
        for _ in 0..40 {
            terminal.step(&mut Unstored, &mut transaction).unwrap();
        }
        let mut record = [0; aes::Terminal::SNAPSHOT_LEN];
        let len = terminal.snapshot(&mut record).unwrap();
        open(&mut record[..24]);
        let mut again = aes::Terminal::empty();
        again.restore(&record[..len]).unwrap();
        again.step(&mut Unstored, &mut transaction).unwrap();
        transaction.key_bytes().try_into().unwrap()
    });
    h.constant::<N>(&format!("{name}: working keys"), || {
        let mut transaction = aes::Transaction::empty();
        aes::Host::transaction(&key::<InitialKey, Aes, N>(0x74), &ksn, &mut transaction).unwrap();
        let mut pin = Key::<PinEncryption, Aes>::empty();
        transaction.working_key(kind, &mut pin).unwrap();
        pin.expose_bytes().try_into().unwrap()
    });
}

/// Working keys of every kind but the transaction key's own.
fn working_keys(h: &mut Harness) {
    use aes::KeyType::{Hmac128, Hmac192, Hmac256, Tdes2, Tdes3};
    let ksn = aes::Ksn::parse(&[0x12, 0x34, 0x56, 0x78, 0x90, 0x12, 0x34, 0x56, 0, 0, 0, 1]).unwrap();
    let transaction = || {
        let mut transaction = aes::Transaction::empty();
        aes::Host::transaction(&key::<InitialKey, Aes, 32>(0x75), &ksn, &mut transaction).unwrap();
        transaction
    };
    for (name, kind) in [("HMAC-128", Hmac128), ("HMAC-192", Hmac192), ("HMAC-256", Hmac256)] {
        h.constant::<16>(&format!("DUKPT AES: working key for {name}"), || {
            let mut mac = Key::<MacRequest, Hmac>::empty();
            transaction().working_key(kind, &mut mac).unwrap();
            *mac.expose_bytes().first_chunk().unwrap()
        });
    }
    for (name, kind) in [("two keys", Tdes2), ("three keys", Tdes3)] {
        h.constant::<16>(&format!("DUKPT AES: working key for TDES, {name}"), || {
            let mut pin = Key::<PinEncryption, Tdea>::empty();
            transaction().working_key(kind, &mut pin).unwrap();
            *pin.expose_bytes().first_chunk().unwrap()
        });
    }
}

/// A PIN whose digits and length are secret.
pub fn some_pin() -> Pin {
    let mut pin = Pin::empty();
    let [len] = secret([6]);
    pin.enter(len, &secret([1, 9, 0, 4, 7, 3, 0, 0, 0, 0, 0, 0])).unwrap();
    pin
}

pub fn digits(pin: &Pin) -> [u8; 13] {
    let (len, digits) = pin.expose();
    let mut out = [len; 13];
    out[1..].copy_from_slice(digits);
    out
}

fn pin(h: &mut Harness) {
    let pan = Pan::parse(PAN).unwrap();
    let formats = [
        ("format 0", Format::Iso0),
        ("format 1", Format::Iso1),
        ("format 2", Format::Iso2),
        ("format 3", Format::Iso3),
    ];
    h.verdict("PIN: entry", true, || {
        let [len] = secret([12]);
        Pin::empty().enter(len, &secret([9; 12])).is_ok()
    });
    h.verdict("PIN: refuse an entry", false, || {
        let [len] = secret([4]);
        Pin::empty()
            .enter(len, &secret([1, 2, 3, 0xA, 0, 0, 0, 0, 0, 0, 0, 0]))
            .is_ok()
    });
    for (name, format) in formats {
        h.constant::<13>(&format!("PIN block, {name}: encipher and decipher"), || {
            let key = key::<PinEncryption, Tdea, 16>(0x81);
            let mut block = [0; 8];
            encipher_tdea(&key, format, &some_pin(), Some(&pan), &mut Random(0x82), &mut block).unwrap();
            let mut out = Pin::empty();
            decipher_tdea(&key, format, &block, Some(&pan), &mut out).unwrap();
            digits(&out)
        });
        h.verdict(&format!("PIN block, {name}: refuse"), false, || {
            let key = key::<PinEncryption, Tdea, 16>(0x83);
            decipher_tdea(&key, format, &bytes(0x84), Some(&pan), &mut Pin::empty()).is_ok()
        });
    }
    h.constant::<13>("PIN block, format 4: encipher and decipher", || {
        let key = key::<PinEncryption, Aes, 16>(0x85);
        let mut block = [0; 16];
        encipher_aes(&key, &some_pin(), &pan, &mut Random(0x86), &mut block).unwrap();
        let mut out = Pin::empty();
        decipher_aes(&key, &block, &pan, &mut out).unwrap();
        digits(&out)
    });
    h.verdict("PIN block, format 4: refuse", false, || {
        let key = key::<PinEncryption, Aes, 16>(0x87);
        decipher_aes(&key, &bytes(0x88), &pan, &mut Pin::empty()).is_ok()
    });
    h.verdict("PIN block: translate from 0 to 4", true, || {
        let from = key::<PinEncryption, Tdea, 16>(0x89);
        let to = key::<PinEncryption, Aes, 16>(0x8A);
        let mut block = [0; 8];
        encipher_tdea(
            &from,
            Format::Iso0,
            &some_pin(),
            Some(&pan),
            &mut Random(0x8B),
            &mut block,
        )
        .unwrap();
        let (from, to) = (PinKey::Tdea(&from, Format::Iso0), PinKey::Aes(&to));
        translate(&from, &block, &to, Some(&pan), &mut Random(0x8C), &mut [0; 16]).is_ok()
    });
    h.verdict("PVV: generate and verify", true, || {
        let pvk = key::<PinVerificationVisa, Tdea, 16>(0x8D);
        let pvv = pvv::generate(&pvk, 1, &pan, &some_pin()).unwrap();
        pvv::verify(&pvk, 1, &pan, &some_pin(), &pvv).is_ok()
    });
    let profile = ibm3624::Profile::new(Table::STANDARD, Validation::new(0, 12, 15).unwrap(), 13, 6).unwrap();
    h.verdict("IBM 3624: offset and verify", true, || {
        let pvk = key::<PinVerification3624, Tdea, 24>(0x91);
        let offset = ibm3624::generate(&pvk, &profile, &pan, &some_pin()).unwrap();
        ibm3624::verify(&pvk, &profile, &pan, &some_pin(), &offset).is_ok()
    });
    h.verdict("IBM 3624: refuse a PIN, fewer digits checked", false, || {
        let pvk = key::<PinVerification3624, Tdea, 16>(0x92);
        let profile = profile.with_check_len(4).unwrap();
        let offset = Offset::parse(b"0000").unwrap();
        ibm3624::verify(&pvk, &profile, &pan, &some_pin(), &offset).is_ok()
    });
    h.verdict("IBM 3624: no offset for a PIN of another length", false, || {
        let pvk = key::<PinVerification3624, Tdea, 16>(0x93);
        let profile = ibm3624::Profile::new(Table::STANDARD, Validation::new(0, 12, 15).unwrap(), 13, 7).unwrap();
        ibm3624::generate(&pvk, &profile, &pan, &some_pin()).is_ok()
    });
    h.constant::<13>("IBM 3624: PIN from an offset", || {
        let mut out = Pin::empty();
        let pvk = key::<PinVerification3624, Tdea, 16>(0x94);
        ibm3624::derive(&pvk, &profile, &pan, &Offset::parse(b"271828").unwrap(), &mut out).unwrap();
        digits(&out)
    });
    h.constant::<13>("PIN: draw", || {
        let mut out = Pin::empty();
        choose::random(12, &mut Random(0x95), &mut out).unwrap();
        digits(&out)
    });
    h.constant::<2>("PIN: trivial, listed", || {
        let list: [&[u8]; 2] = [&[1, 2, 3, 4], &[2, 5, 8, 0, 0, 0]];
        [
            choose::is_trivial(&some_pin()).unwrap_u8(),
            choose::is_listed(&some_pin(), &list).unwrap_u8(),
        ]
    });
    h.verdict("PVV: refuse", false, || {
        let pvk = key::<PinVerificationVisa, Tdea, 16>(0x8E);
        let pvv = pvv::Pvv::parse(b"0000").unwrap();
        pvv::verify(&pvk, 1, &pan, &some_pin(), &pvv).is_ok()
    });
    h.constant::<16>("data: CBC under a TDES key", || {
        let cipher = payhsm::cipher::tdes::Tdes::new(&secret(bytes::<16>(0x8F))).unwrap();
        let mut data = secret(bytes::<16>(0x90));
        modes::cbc_encrypt(&cipher, &[0; 8], &mut data).unwrap();
        modes::cbc_decrypt(&cipher, &[1; 8], &mut data).unwrap();
        data
    });
}

fn key_blocks(h: &mut Harness) {
    block::<Tdea, 16>(h, "key block B, KBPK of two keys", Version::B, |key| KbpkRef::Tdea(key));
    block::<Tdea, 24>(h, "key block B, KBPK of three keys", Version::B, |key| {
        KbpkRef::Tdea(key)
    });
    block::<Aes, 16>(h, "key block D, AES-128", Version::D, |key| KbpkRef::Aes(key));
    block::<Aes, 24>(h, "key block D, AES-192", Version::D, |key| KbpkRef::Aes(key));
    block::<Aes, 32>(h, "key block D, AES-256", Version::D, |key| KbpkRef::Aes(key));
    block::<Aes, 16>(h, "key block E, AES-128", Version::E, |key| KbpkRef::Aes(key));
    block::<Aes, 24>(h, "key block E, AES-192", Version::E, |key| KbpkRef::Aes(key));
    block::<Aes, 32>(h, "key block E, AES-256", Version::E, |key| KbpkRef::Aes(key));
    block::<Tdea, 16>(h, "key block A", Version::A, |key| KbpkRef::Tdea(key));
    block::<Tdea, 24>(h, "key block C", Version::C, |key| KbpkRef::Tdea(key));
    check_values_in_blocks(h);
    pairs(h);
}

/// KC of another key: refused behind the authenticator, with the one error.
fn check_values_in_blocks(h: &mut Harness) {
    h.verdict("key block D: refuse a wrong check value", false, || {
        let kbpk = key::<Kbpk, Aes, 16>(0xA4);
        let attributes = attributes(b"P0", KeyAlgorithm::Aes, b'E');
        let kc = [Optional::new(*b"KC", b"010A0B0C0D0E").unwrap()];
        let mut out = [0; 160];
        let len = Template::new(Version::D, attributes)
            .with_optional(&kc)
            .wrap_bytes(
                KbpkRef::Aes(&kbpk),
                &secret(bytes::<16>(0xA5)),
                &mut Random(0xA6),
                &mut out,
            )
            .unwrap();
        open(&mut out);
        let mut payload = Payload::empty();
        let block = KeyBlock::parse(&out[..len], Profile::X9143Strict).unwrap();
        block.verify(KbpkRef::Aes(&kbpk), &mut payload).is_ok()
    });
}

/// A private key of P-256 from a block and back; and a payload that is none.
fn pairs(h: &mut Harness) {
    let wrap = |out: &mut [u8; 320]| {
        let kbpk = key::<Kbpk, Aes, 16>(0xA7);
        let pair = key::<Signing, Ec, 32>(0xA8);
        let attributes = attributes(b"S0", KeyAlgorithm::Ec, b'S');
        let len = Template::new(Version::D, attributes)
            .wrap(KbpkRef::Aes(&kbpk), &pair, &mut Random(0xA9), out)
            .unwrap();
        open(out);
        len
    };
    h.constant::<32>("key block D: wrap and unwrap a key pair", || {
        let mut out = [0; 320];
        let len = wrap(&mut out);
        let kbpk = key::<Kbpk, Aes, 16>(0xA7);
        let mut payload = Payload::empty();
        let block = KeyBlock::parse(&out[..len], Profile::X9143Strict).unwrap();
        let mut pair = Key::<Signing, Ec>::empty();
        block
            .verify(KbpkRef::Aes(&kbpk), &mut payload)
            .unwrap()
            .unwrap_into(&mut pair)
            .unwrap();
        pair.expose_bytes().try_into().unwrap()
    });
    h.verdict("key block D: refuse what is no key pair", false, || {
        let kbpk = key::<Kbpk, Aes, 16>(0xA7);
        let attributes = attributes(b"S0", KeyAlgorithm::Ec, b'S');
        let mut out = [0; 320];
        let len = Template::new(Version::D, attributes)
            .wrap_bytes(
                KbpkRef::Aes(&kbpk),
                &secret(bytes::<121>(0xAA)),
                &mut Random(0xAB),
                &mut out,
            )
            .unwrap();
        open(&mut out);
        let mut payload = Payload::empty();
        let block = KeyBlock::parse(&out[..len], Profile::X9143Strict).unwrap();
        let mut pair = Key::<Signing, Ec>::empty();
        block
            .verify(KbpkRef::Aes(&kbpk), &mut payload)
            .unwrap()
            .unwrap_into(&mut pair)
            .is_ok()
    });
}

fn attributes(usage: &[u8; 2], algorithm: KeyAlgorithm, mode: u8) -> Attributes {
    Attributes::new(
        Usage::from_chars(*usage).unwrap(),
        algorithm,
        ModeOfUse::from_char(mode).unwrap(),
        Exportability::NonExportable,
    )
}

/// Wraps a PIN key and a component of one; unwraps them; and refuses the block with one character changed.
fn block<A: Algorithm, const N: usize>(
    h: &mut Harness,
    name: &str,
    version: Version,
    by: impl for<'k> Fn(&'k Key<Kbpk, A>) -> KbpkRef<'k>,
) {
    let algorithm = match version {
        Version::D | Version::E => KeyAlgorithm::Aes,
        _ => KeyAlgorithm::Tdea,
    };
    let wrap = |number: &[u8; 2]| {
        let mut attributes = attributes(b"P0", algorithm, b'E');
        attributes.version = KeyVersion::from_chars(*number).unwrap();
        let kbpk = key::<Kbpk, A, N>(0xA1);
        let mut out = [0; 160];
        let len = Template::new(version, attributes)
            .wrap_bytes(by(&kbpk), &secret(bytes::<16>(0xA2)), &mut Random(0xA3), &mut out)
            .unwrap();
        // What goes over the line is public, and everything below must hold for that alone.
        open(&mut out);
        out[..len].to_vec()
    };
    for (what, number) in [("", b"00"), (" a component", b"c1")] {
        h.constant::<16>(&format!("{name}: wrap and unwrap{what}"), || {
            let text = wrap(number);
            let kbpk = key::<Kbpk, A, N>(0xA1);
            let mut payload = Payload::empty();
            let block = KeyBlock::parse(&text, Profile::of(version)).unwrap();
            let block = block.verify(by(&kbpk), &mut payload).unwrap();
            block.key_bytes().try_into().unwrap()
        });
    }
    h.verdict(&format!("{name}: refuse"), false, || {
        let mut text = wrap(b"00");
        let place = text.len() - 30;
        text[place] = if text[place] == b'0' { b'1' } else { b'0' };
        let kbpk = key::<Kbpk, A, N>(0xA1);
        let mut payload = Payload::empty();
        let block = KeyBlock::parse(&text, Profile::of(version)).unwrap();
        block.verify(by(&kbpk), &mut payload).is_ok()
    });
}
