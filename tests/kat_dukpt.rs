// SPDX-License-Identifier: MIT OR Apache-2.0
//! DUKPT against published values: `vectors/dukpt_tdes.txt`, `vectors/dukpt_aes.txt`.
#![cfg(all(feature = "hazmat", feature = "host", feature = "terminal"))]

#[path = "common/dukpt.rs"]
mod dukpt;
#[path = "common/vectors.rs"]
mod vectors;

use payhsm::cipher::{aes::Aes as AesCipher, modes, tdes::Tdes};
use payhsm::dukpt::{Journal, Scheme, Step, Unstored, aes, tdes};
use payhsm::error::Error;
use payhsm::key::role::{
    Bdk, DataBoth, DataRequest, DataResponse, InitialKey, Kek, MacBoth, MacRequest, MacResponse, PinEncryption, Role,
    UpdateKey,
};
use payhsm::key::{Aes, Algorithm, Hmac, Key, Tdea};
use payhsm::mac::{Mac, cmac, hmac, iso9797};
use payhsm::secret::SecretBuf;
use vectors::{Case, Value};

fn tdes_initial_key(case: &Case) -> (Key<InitialKey, Tdea>, tdes::Ksn) {
    let bdk = Key::<Bdk, Tdea>::from_bytes(&case.hex("Bdk")).unwrap();
    let ksn = tdes::Ksn::parse(&case.hex("Ksn")).unwrap();
    let mut ik = Key::empty();
    tdes::Host::initial_key(&bdk, &ksn.initial_key_id(), &mut ik).unwrap();
    (ik, ksn)
}

fn tdes_transaction(case: &Case) -> tdes::Transaction {
    let (ik, ksn) = tdes_initial_key(case);
    let mut transaction = tdes::Transaction::empty();
    tdes::Host::transaction(&ik, &ksn, &mut transaction).unwrap();
    assert_eq!(transaction.ksn(), Ok(ksn));
    transaction
}

fn aes_initial_key(case: &Case) -> (Key<InitialKey, Aes>, aes::Ksn) {
    let bdk = Key::<Bdk, Aes>::from_bytes(&case.hex("Bdk")).unwrap();
    let ksn = aes::Ksn::parse(&case.hex("Ksn")).unwrap();
    let mut ik = Key::empty();
    aes::Host::initial_key(&bdk, &ksn.initial_key_id(), &mut ik).unwrap();
    (ik, ksn)
}

fn aes_transaction(case: &Case) -> aes::Transaction {
    let (ik, ksn) = aes_initial_key(case);
    let mut transaction = aes::Transaction::empty();
    aes::Host::transaction(&ik, &ksn, &mut transaction).unwrap();
    assert_eq!(transaction.ksn(), Ok(ksn));
    assert!(!transaction.is_empty());
    transaction
}

/// Fills a key by a typed getter and gives its bytes.
fn taken<R: Role, A: Algorithm>(get: impl FnOnce(&mut Key<R, A>) -> Result<(), Error>) -> Vec<u8> {
    let mut key = Key::empty();
    get(&mut key).unwrap();
    key.expose_bytes().to_vec()
}

fn tdes_key(t: &tdes::Transaction, usage: &str) -> Vec<u8> {
    match usage {
        "pin" => taken(|key| t.pin_key(key)),
        "mac_req" => {
            let key = taken(|key| t.mac_request_key(key));
            assert_eq!(key, taken(|key| t.mac_both_key(key)));
            key
        }
        "mac_resp" => taken(|key| t.mac_response_key(key)),
        "data_req" => {
            let key = taken(|key| t.data_request_key(key));
            assert_eq!(key, taken(|key| t.data_both_key(key)));
            key
        }
        "data_resp" => taken(|key| t.data_response_key(key)),
        other => panic!("usage {other}"),
    }
}

fn key_type(name: &str) -> aes::KeyType {
    match name {
        "2TDEA" | "TDES2" => aes::KeyType::Tdes2,
        "3TDEA" | "TDES3" => aes::KeyType::Tdes3,
        "AES128" => aes::KeyType::Aes128,
        "AES192" => aes::KeyType::Aes192,
        "AES256" => aes::KeyType::Aes256,
        "HMAC128" => aes::KeyType::Hmac128,
        "HMAC192" => aes::KeyType::Hmac192,
        "HMAC256" => aes::KeyType::Hmac256,
        other => panic!("key type {other}"),
    }
}

fn usage(name: &str) -> aes::KeyUsage {
    match name {
        "key_encryption" => aes::KeyUsage::KeyEncryption,
        "pin_encryption" => aes::KeyUsage::PinEncryption,
        "mac_generation" => aes::KeyUsage::MacGeneration,
        "mac_verification" => aes::KeyUsage::MacVerification,
        "mac_both" => aes::KeyUsage::MacBoth,
        "data_encrypt" => aes::KeyUsage::DataEncrypt,
        "data_decrypt" => aes::KeyUsage::DataDecrypt,
        "data_both" => aes::KeyUsage::DataBoth,
        "key_derivation" => aes::KeyUsage::KeyDerivation,
        "initial_key" => aes::KeyUsage::KeyDerivationInitialKey,
        other => panic!("usage {other}"),
    }
}

/// The working key by the untyped call and, where a type exists, by the typed one: both must agree.
fn aes_key(t: &aes::Transaction, usage_name: &str, key_type_name: &str) -> Vec<u8> {
    fn typed<A: aes::WorkingAlgorithm>(t: &aes::Transaction, usage: &str, key_type: aes::KeyType) -> Option<Vec<u8>>
    where
        MacRequest: aes::WorkingRole<A>,
        MacResponse: aes::WorkingRole<A>,
        MacBoth: aes::WorkingRole<A>,
    {
        Some(match usage {
            "mac_generation" => taken::<MacRequest, A>(|key| t.working_key(key_type, key)),
            "mac_verification" => taken::<MacResponse, A>(|key| t.working_key(key_type, key)),
            "mac_both" => taken::<MacBoth, A>(|key| t.working_key(key_type, key)),
            _ => return None,
        })
    }
    fn typed_cipher<A: aes::WorkingAlgorithm>(
        t: &aes::Transaction,
        usage: &str,
        key_type: aes::KeyType,
    ) -> Option<Vec<u8>>
    where
        Kek: aes::WorkingRole<A>,
        PinEncryption: aes::WorkingRole<A>,
        DataRequest: aes::WorkingRole<A>,
        DataResponse: aes::WorkingRole<A>,
        DataBoth: aes::WorkingRole<A>,
    {
        Some(match usage {
            "key_encryption" => taken::<Kek, A>(|key| t.working_key(key_type, key)),
            "pin_encryption" => taken::<PinEncryption, A>(|key| t.working_key(key_type, key)),
            "data_encrypt" => taken::<DataRequest, A>(|key| t.working_key(key_type, key)),
            "data_decrypt" => taken::<DataResponse, A>(|key| t.working_key(key_type, key)),
            "data_both" => taken::<DataBoth, A>(|key| t.working_key(key_type, key)),
            _ => return None,
        })
    }
    let kind = key_type(key_type_name);
    let mut untyped = SecretBuf::new();
    t.working_key_bytes(usage(usage_name), kind, &mut untyped).unwrap();
    let typed = match &key_type_name[..4] {
        "HMAC" => typed::<Hmac>(t, usage_name, kind),
        "AES1" | "AES2" => typed::<Aes>(t, usage_name, kind).or_else(|| typed_cipher::<Aes>(t, usage_name, kind)),
        _ => typed::<Tdea>(t, usage_name, kind).or_else(|| typed_cipher::<Tdea>(t, usage_name, kind)),
    };
    match typed {
        Some(typed) => assert_eq!(typed, untyped.expose(), "{usage_name} {key_type_name}"),
        None => assert_eq!(usage_name, "key_derivation"),
    }
    untyped.expose().to_vec()
}

/// The MAC verifies, and each single-bit change of it does not.
fn check_mac<M: Mac>(start: impl Fn() -> M, message: &[u8], mac: &[u8], id: &str) {
    let verify = |mac: &[u8]| {
        let mut computation = start();
        computation.update(message);
        computation.verify(mac)
    };
    assert_eq!(verify(mac), Ok(()), "{id}");
    for byte in 0..mac.len() {
        let mut tampered = mac.to_vec();
        tampered[byte] ^= 1;
        assert_eq!(verify(&tampered), Err(Error::VerificationFailed), "{id}");
    }
}

#[test]
fn tdes_initial_keys() {
    let cases = vectors::cases("dukpt_tdes", "dukpt_tdes_ik");
    assert_eq!(cases.len(), 2);
    for case in cases {
        let (ik, _) = tdes_initial_key(&case);
        assert_eq!(ik.expose_bytes(), case.hex("Ik"), "{}", case.id());
    }
}

#[test]
fn tdes_transaction_keys() {
    let cases = vectors::cases("dukpt_tdes", "dukpt_tdes_key");
    assert_eq!(cases.len(), 27);
    for case in cases {
        assert_eq!(
            tdes_transaction(&case).key_bytes(),
            case.hex("Transaction_key"),
            "{}",
            case.id()
        );
    }
}

#[test]
fn tdes_working_keys() {
    let cases = vectors::cases("dukpt_tdes", "dukpt_tdes_working_key");
    assert_eq!(cases.len(), 9);
    for case in cases {
        let t = tdes_transaction(&case);
        let key = match (case.text("Usage").as_str(), case.opt_bool("One_way")) {
            #[cfg(feature = "legacy")]
            ("data_req", Some(false)) => taken(|key| t.legacy_data_request_variant(key)),
            #[cfg(not(feature = "legacy"))]
            (_, Some(false)) => {
                case.discard();
                continue;
            }
            (usage, _) => tdes_key(&t, usage),
        };
        assert_eq!(key, case.hex("Working_key"), "{}", case.id());
    }
}

#[test]
fn tdes_pin_blocks() {
    let cases = vectors::cases("dukpt_tdes", "dukpt_tdes_pinblock");
    assert_eq!(cases.len(), 27);
    for case in cases {
        let (pin, pan) = (case.text("Pin"), case.text("Pan"));
        let field = format!("0{}{pin:F<14}", pin.len());
        let account = &pan[pan.len() - 13..pan.len() - 1];
        let clear = u64::from_str_radix(&field, 16).unwrap() ^ u64::from_str_radix(account, 16).unwrap();
        assert_eq!(clear.to_be_bytes(), case.array("Clear_pinblock"), "{}", case.id());
        let key = tdes_key(&tdes_transaction(&case), "pin");
        let block = Tdes::new(&key).unwrap().encrypt(clear.to_be_bytes());
        assert_eq!(block, case.array("Encrypted_pinblock"), "{}", case.id());
    }
}

#[test]
fn tdes_macs() {
    let cases = vectors::cases("dukpt_tdes", "dukpt_tdes_mac");
    assert_eq!(cases.len(), 62);
    for case in cases {
        let key = tdes_key(&tdes_transaction(&case), &case.text("Usage"));
        let start = || iso9797::RetailMac::new(&key, iso9797::Padding::Method1).unwrap();
        check_mac(start, &case.hex("Msg"), &case.hex("Mac"), case.id());
    }
}

#[test]
fn tdes_cmacs() {
    let cases = vectors::cases("dukpt_tdes", "dukpt_tdes_cmac");
    assert_eq!(cases.len(), 54);
    for case in cases {
        let key = tdes_key(&tdes_transaction(&case), &case.text("Usage"));
        check_mac(
            || cmac::CmacTdes::new(&key).unwrap(),
            &case.hex("Msg"),
            &case.hex("Mac"),
            case.id(),
        );
    }
}

#[test]
fn tdes_data() {
    let cases = vectors::cases("dukpt_tdes", "dukpt_tdes_data");
    assert_eq!(cases.len(), 34);
    for case in cases {
        assert_eq!(case.text("Key_rule"), "data_variant_one_way");
        let key = tdes_key(&tdes_transaction(&case), &case.text("Usage"));
        let (cipher, iv) = (Tdes::new(&key).unwrap(), case.hex("Iv"));
        let (plaintext, ciphertext) = (case.hex("Plaintext"), case.hex("Ciphertext"));
        let mut data = plaintext.clone();
        modes::cbc_encrypt(&cipher, &iv, &mut data).unwrap();
        assert_eq!(data, ciphertext, "{}", case.id());
        modes::cbc_decrypt(&cipher, &iv, &mut data).unwrap();
        assert_eq!(data, plaintext, "{}", case.id());
    }
}

#[test]
fn counter_totals() {
    for (family, scheme, total) in [
        ("dukpt_tdes", "TDES", tdes::Ksn::TRANSACTIONS),
        ("dukpt_aes", "AES", aes::Ksn::TRANSACTIONS),
    ] {
        let cases = vectors::cases(family, "dukpt_counter_total");
        assert_eq!(cases.len(), 1);
        for case in cases {
            assert_eq!(case.text("Scheme"), scheme);
            assert_eq!(case.int("Total"), i64::from(total));
        }
    }
}

#[test]
fn ksn_advance() {
    let cases = vectors::cases("dukpt_tdes", "dukpt_ksn_advance");
    assert_eq!(cases.len(), 4);
    for case in cases {
        assert_eq!(case.text("Scheme"), "TDES");
        let next = tdes::Ksn::parse(&case.hex("Ksn")).unwrap().next().unwrap();
        assert_eq!(next.as_bytes()[..], case.hex("Next_ksn"), "{}", case.id());
    }
    let cases = vectors::cases("dukpt_aes", "dukpt_ksn_advance");
    assert_eq!(cases.len(), 4);
    for case in cases {
        assert_eq!(case.text("Scheme"), "AES");
        let next = aes::Ksn::parse(&case.hex("Ksn")).unwrap().next();
        match (next, case.value("Next_ksn")) {
            (None, Value::Text(text)) => assert_eq!(text, "EXHAUSTED"),
            (None, Value::Bare(word)) => assert_eq!(word, "EXHAUSTED"),
            (Some(next), value) => assert_eq!(next.as_bytes()[..], value.hex(), "{}", case.id()),
            (None, value) => panic!("{}: {value:?}", case.id()),
        }
    }
}

/// The registers of a published state that are above the lowest one bit of the counter, and that of the bit itself.
fn published_registers(case: &Case, counter: u32) -> impl Iterator<Item = (usize, Option<Vec<u8>>)> {
    let lowest = counter.trailing_zeros() as usize;
    let registers = case.list("Registers");
    registers.into_iter().filter_map(move |register| {
        let [Value::Text(number), value] = register.list() else {
            panic!("{register:?}")
        };
        let bit = number.parse::<usize>().unwrap() - 1;
        let key = (!matches!(value, Value::Text(text) if text == "-")).then(|| value.hex());
        (bit >= lowest).then_some((bit, key))
    })
}

#[test]
fn tdes_future_keys() {
    let cases = vectors::cases("dukpt_tdes", "dukpt_future_keys");
    assert_eq!(cases.len(), 2);
    for case in cases {
        assert_eq!(case.text("Scheme"), "TDES");
        let (ik, ksn) = tdes_initial_key(&case);
        // Not the whole way without optimisation: the registers that are compared are filled at E000 and at the load.
        let start = match ksn.counter() {
            0xF000 if cfg!(debug_assertions) => 0xDE00,
            _ => 1,
        };
        let mut terminal = dukpt::tdes_terminal(&ik, &ksn.initial_key_id(), start);
        let mut transaction = tdes::Transaction::empty();
        while terminal.ksn() != Ok(ksn) {
            terminal.step(&mut Unstored, &mut transaction).unwrap();
        }
        let mut snapshot = [0; tdes::Terminal::SNAPSHOT_LEN];
        terminal.snapshot(&mut snapshot).unwrap();
        let mut compared = 0;
        for (bit, key) in published_registers(&case, ksn.counter()) {
            assert_eq!(
                snapshot[24 + 16 * bit..][..16],
                key.unwrap_or(vec![0; 16]),
                "{} {bit}",
                case.id()
            );
            compared += 1;
        }
        assert_eq!(compared, 21 - ksn.counter().trailing_zeros());
    }
}

#[test]
fn aes_future_keys() {
    let cases = vectors::cases("dukpt_aes", "dukpt_future_keys");
    assert_eq!(cases.len(), 2);
    for case in cases {
        assert_eq!(case.text("Scheme"), "AES");
        let (mut ik, ksn) = aes_initial_key(&case);
        let mut terminal = aes::Terminal::empty();
        terminal.load(&mut ik, &ksn.initial_key_id(), &mut Unstored).unwrap();
        let mut transaction = aes::Transaction::empty();
        while terminal.ksn() != Ok(ksn) {
            terminal.step(&mut Unstored, &mut transaction).unwrap();
        }
        let mut snapshot = [0; aes::Terminal::SNAPSHOT_LEN];
        assert_eq!(terminal.snapshot(&mut snapshot), Ok(552));
        let mut compared = 0;
        for (bit, key) in published_registers(&case, ksn.counter()) {
            assert_eq!(
                snapshot[24 + 16 * bit..][..16],
                key.unwrap_or(vec![0; 16]),
                "{} {bit}",
                case.id()
            );
            compared += 1;
        }
        assert_eq!(compared, 32 - ksn.counter().trailing_zeros());
    }
}

#[test]
fn aes_initial_keys() {
    let cases = vectors::cases("dukpt_aes", "dukpt_aes_ik");
    assert_eq!(cases.len(), 2);
    for case in cases {
        let bdk = Key::<Bdk, Aes>::from_bytes(&case.hex("Bdk")).unwrap();
        let id = aes::InitialKeyId::parse(&case.hex("Ikid")).unwrap();
        let ik = taken(|ik| aes::Host::initial_key(&bdk, &id, ik));
        assert_eq!(ik, case.hex("Ik"), "{}", case.id());
    }
}

#[test]
fn aes_derivation_keys() {
    let cases = vectors::cases("dukpt_aes", "dukpt_aes_derivation_key");
    assert_eq!(cases.len(), 46);
    for case in cases {
        assert_eq!(
            aes_transaction(&case).key_bytes(),
            case.hex("Derivation_key"),
            "{}",
            case.id()
        );
    }
}

#[test]
fn aes_derivation_data() {
    let cases = vectors::cases("dukpt_aes", "dukpt_aes_derivation_data");
    assert_eq!(cases.len(), 10);
    for case in cases {
        let ksn = aes::Ksn::parse(&case.hex("Ksn")).unwrap();
        let block = u8::try_from(case.int("Block_counter")).unwrap();
        let data = aes::derivation_data(
            usage(&case.text("Usage")),
            key_type(&case.text("Key_type")),
            &ksn,
            block,
        );
        assert_eq!(data, case.array("Derivation_data"), "{}", case.id());
    }
}

#[test]
fn aes_working_keys() {
    let cases = vectors::cases("dukpt_aes", "dukpt_aes_working_key");
    assert_eq!(cases.len(), 93);
    for case in cases {
        let key = aes_key(&aes_transaction(&case), &case.text("Usage"), &case.text("Key_type"));
        assert_eq!(key, case.hex("Working_key"), "{}", case.id());
    }
}

#[test]
fn aes_refused_counters() {
    let cases = vectors::cases("dukpt_aes", "dukpt_aes_key_reject");
    assert_eq!(cases.len(), 9);
    for case in cases {
        let (ik, ksn) = aes_initial_key(&case);
        let mut transaction = aes::Transaction::empty();
        let expected = match ksn.counter() {
            u32::MAX => Error::CounterReserved,
            _ => Error::CounterOverweight,
        };
        assert_eq!(
            aes::Host::transaction(&ik, &ksn, &mut transaction),
            Err(expected),
            "{}",
            case.id()
        );
        assert!(transaction.is_empty() && transaction.key_bytes().is_empty());
    }
}

#[test]
fn aes_update_keys() {
    let cases = vectors::cases("dukpt_aes", "dukpt_aes_update_key");
    assert_eq!(cases.len(), 4);
    for case in cases {
        let mut ik = Key::<InitialKey, Aes>::from_bytes(&case.hex("Ik")).unwrap();
        let id = aes::InitialKeyId::parse(&case.hex("Ikid")).unwrap();
        let kind = key_type(&case.text("Key_type"));
        let expected = case.hex("Update_key");
        let key = match kind {
            aes::KeyType::Tdes2 | aes::KeyType::Tdes3 => {
                taken::<UpdateKey, Tdea>(|key| aes::update_key(&ik, &id, kind, key))
            }
            _ => taken::<UpdateKey, Aes>(|key| aes::update_key(&ik, &id, kind, key)),
        };
        assert_eq!(key, expected, "{}", case.id());
        let mut untyped = SecretBuf::new();
        aes::update_key_bytes(&ik, &id, kind, &mut untyped).unwrap();
        assert_eq!(untyped.expose(), expected, "{}", case.id());
        // What the terminal keeps is the one of the initial key's own type.
        if aes::KeyType::aes(ik.len()) == Ok(kind) {
            let mut terminal = aes::Terminal::empty();
            terminal.load(&mut ik, &id, &mut Unstored).unwrap();
            assert_eq!(taken(|key| terminal.update_key(key)), expected, "{}", case.id());
        }
    }
}

#[test]
fn aes_pin_blocks() {
    let cases = vectors::cases("dukpt_aes", "dukpt_aes_pinblock4");
    assert_eq!(cases.len(), 8);
    for case in cases {
        let (pin, pan) = (case.text("Pin"), case.text("Pan"));
        let random: [u8; 8] = case.array("Random");
        let pin_field = format!("4{:X}{pin:A<14}", pin.len());
        let pin_field =
            (u128::from(u64::from_str_radix(&pin_field, 16).unwrap()) << 64) | u128::from(u64::from_be_bytes(random));
        let pan_field = format!("{:X}{pan:0<31}", pan.len() - 12);
        let pan_field = u128::from_str_radix(&pan_field, 16).unwrap();
        if let Some(expected) = case.opt_hex("Pin_field") {
            assert_eq!(pin_field.to_be_bytes()[..], expected);
        }
        if let Some(expected) = case.opt_hex("Pan_field") {
            assert_eq!(pan_field.to_be_bytes()[..], expected);
        }
        let key = aes_key(&aes_transaction(&case), "pin_encryption", &case.text("Key_type"));
        let cipher = AesCipher::new(&key).unwrap();
        let mut block = pin_field.to_be_bytes();
        modes::ecb_encrypt(&cipher, &mut block).unwrap();
        if let Some(expected) = case.opt_hex("Block_a") {
            assert_eq!(block[..], expected);
        }
        block = (u128::from_be_bytes(block) ^ pan_field).to_be_bytes();
        if let Some(expected) = case.opt_hex("Block_b") {
            assert_eq!(block[..], expected);
        }
        modes::ecb_encrypt(&cipher, &mut block).unwrap();
        assert_eq!(block[..], case.hex("Encrypted_pinblock"), "{}", case.id());
    }
}

#[test]
fn aes_macs() {
    let cases = vectors::cases("dukpt_aes", "dukpt_aes_mac");
    assert_eq!(cases.len(), 26);
    for case in cases {
        let key = aes_key(&aes_transaction(&case), &case.text("Usage"), &case.text("Key_type"));
        let (message, mac) = (case.hex("Msg"), case.hex("Mac"));
        match case.text("Mac_alg").as_str() {
            "AES-CMAC" => check_mac(|| cmac::CmacAes::new(&key).unwrap(), &message, &mac, case.id()),
            "HMAC-SHA256" => check_mac(|| hmac::HmacSha256::new(&key).unwrap(), &message, &mac, case.id()),
            other => panic!("{other}"),
        }
    }
}

#[test]
fn aes_data() {
    let cases = vectors::cases("dukpt_aes", "dukpt_aes_data");
    assert_eq!(cases.len(), 21);
    for case in cases {
        let key = aes_key(&aes_transaction(&case), &case.text("Usage"), &case.text("Key_type"));
        let cipher = AesCipher::new(&key).unwrap();
        let (plaintext, ciphertext) = (case.hex("Plaintext"), case.hex("Ciphertext"));
        let mut data = plaintext.clone();
        match (case.text("Mode").as_str(), case.opt_hex("Iv")) {
            ("ECB", None) => {
                modes::ecb_encrypt(&cipher, &mut data).unwrap();
                assert_eq!(data, ciphertext, "{}", case.id());
                modes::ecb_decrypt(&cipher, &mut data).unwrap();
            }
            ("CBC", Some(iv)) => {
                modes::cbc_encrypt(&cipher, &iv, &mut data).unwrap();
                assert_eq!(data, ciphertext, "{}", case.id());
                modes::cbc_decrypt(&cipher, &iv, &mut data).unwrap();
            }
            other => panic!("{other:?}"),
        }
        assert_eq!(data, plaintext, "{}", case.id());
    }
}

#[test]
fn transactions_are_counted_from_one() {
    let tdes = tdes::Ksn::parse(&[0xFF, 0xFF, 0x98, 0x76, 0x54, 0x32, 0x10, 0xE0, 0, 1]).unwrap();
    let aes = aes::Ksn::parse(&[0x12, 0x34, 0x56, 0x78, 0x90, 0x12, 0x34, 0x56, 0, 0, 0, 1]).unwrap();
    assert_eq!((tdes.transaction_number(), aes.transaction_number()), (1, 1));
    let (tdes, aes) = (tdes.next().unwrap(), aes.next().unwrap());
    assert_eq!((tdes.transaction_number(), aes.transaction_number()), (2, 2));
    assert_eq!(Scheme::Tdes.transactions(), 1_048_575);
    assert_eq!(Scheme::Aes.transactions(), 2_448_023_842);
}

struct Refusing;

impl Journal for Refusing {
    fn commit(&mut self, _: &Step<'_>) -> Result<(), Error> {
        Err(Error::Storage)
    }
}

/// What is lent to a terminal is asked as what is given to it.
#[test]
fn a_lent_journal_is_asked() {
    let mut ik = Key::<InitialKey, Aes>::from_bytes(&[1; 16]).unwrap();
    let id = aes::InitialKeyId::parse(&[0x12; 8]).unwrap();
    let mut terminal = aes::Terminal::empty();
    assert_eq!(terminal.load(&mut ik, &id, &mut &mut Refusing), Err(Error::Storage));
    assert!(terminal.is_empty());
}

/// An exhausted state, whose registers are empty, with keys of every length that a byte can say.
#[test]
fn states_have_keys_of_their_scheme() {
    for len in 0..=255_u8 {
        let mut state = vec![0; 24 + 33 * usize::from(len)];
        state[..4].copy_from_slice(&[1, 2, len, 8]);
        state[4..12].fill(0x12);
        state[24 + 32 * usize::from(len)..].fill(0x55);
        let right = if [16, 24, 32].contains(&len) {
            Ok(())
        } else {
            Err(Error::Record)
        };
        assert_eq!(aes::Terminal::empty().restore(&state), right, "{len}");
        let mut state = vec![0; 24 + 21 * usize::from(len)];
        state[..4].copy_from_slice(&[1, 1, len, 10]);
        state[4..14].copy_from_slice(&[0xFF, 0xFF, 0x98, 0x76, 0x54, 0x32, 0x10, 0xE0, 0, 0]);
        let right = if len == 16 { Ok(()) } else { Err(Error::Record) };
        assert_eq!(tdes::Terminal::empty().restore(&state), right, "{len}");
    }
}
