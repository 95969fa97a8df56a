// SPDX-License-Identifier: MIT OR Apache-2.0
//! DUKPT with TDEA keys.

use payhsm::cipher::{modes, tdes::Tdes};
use payhsm::dukpt::tdes::{Host, InitialKeyId, Ksn, Terminal, Transaction};
use payhsm::dukpt::{Step, Unstored};
use payhsm::error::Error;
use payhsm::key::role::{DataRequest, DataResponse, InitialKey, Role};
use payhsm::key::{Key, Tdea};
use payhsm::mac::cmac::CmacTdes;
use payhsm::mac::iso9797::{Padding, RetailMac};
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::mac::full;
use super::pin::{encipher, encode, format, pan, pin};
use super::{Table, dukpt_aes};
use crate::cases::parameter;
use crate::value::{Case, Done, Stop, to_hex};

pub const LINE: Table = &[
    ("dukpt_tdes_ik", dukpt_tdes_ik),
    ("dukpt_tdes_keys", dukpt_tdes_keys),
    ("dukpt_tdes_pin", dukpt_tdes_pin),
    ("dukpt_tdes_mac", dukpt_tdes_mac),
    ("dukpt_tdes_data", dukpt_tdes_data),
    ("dukpt_tdes_ksn", dukpt_tdes_ksn),
    ("dukpt_tdes_device", dukpt_tdes_device),
];

pub const FAMILY: Table = &[
    ("dukpt_tdes_ik", dukpt_tdes_ik),
    ("dukpt_tdes_key", dukpt_tdes_key),
    ("dukpt_tdes_working_key", dukpt_tdes_working_key),
    ("dukpt_tdes_pinblock", dukpt_tdes_pinblock),
    ("dukpt_tdes_mac", family_mac),
    ("dukpt_tdes_cmac", family_cmac),
    ("dukpt_tdes_data", family_data),
    ("dukpt_counter_total", dukpt_counter_total),
    ("dukpt_ksn_advance", dukpt_ksn_advance),
    ("dukpt_future_keys", dukpt_future_keys),
];

fn initial_key(bdk: &[u8], ksn: &Ksn) -> Result<Key<InitialKey, Tdea>, Error> {
    let mut ik = Key::empty();
    Host::initial_key(&Key::from_bytes(bdk)?, &ksn.initial_key_id(), &mut ik)?;
    Ok(ik)
}

fn transaction(bdk: &[u8], ksn: &[u8]) -> Result<Transaction, Error> {
    let ksn = Ksn::parse(ksn)?;
    let mut transaction = Transaction::empty();
    Host::transaction(&initial_key(bdk, &ksn)?, &ksn, &mut transaction)?;
    Ok(transaction)
}

/// The key that `derive` takes from the transaction.
fn working<R: Role>(
    transaction: &Transaction,
    derive: fn(&Transaction, &mut Key<R, Tdea>) -> Result<(), Error>,
) -> Result<Key<R, Tdea>, Error> {
    let mut key = Key::empty();
    derive(transaction, &mut key)?;
    Ok(key)
}

fn dukpt_tdes_ik(case: &Case) -> Done {
    let (bdk, ksn) = (case.hex("bdk"), case.hex("ksn"));
    case.expect_hex("ik", initial_key(&bdk, &Ksn::parse(&ksn)?)?.expose_bytes());
    Ok(())
}

fn dukpt_tdes_keys(case: &Case) -> Done {
    let (bdk, ksn) = (case.hex("bdk"), case.hex("ksn"));
    case.expect_hex("ik", initial_key(&bdk, &Ksn::parse(&ksn)?)?.expose_bytes());
    let t = transaction(&bdk, &ksn)?;
    case.expect_hex("txn_key", t.key_bytes());
    case.expect_hex("pin", working(&t, Transaction::pin_key)?.expose_bytes());
    case.expect_hex("mac_req", working(&t, Transaction::mac_request_key)?.expose_bytes());
    case.expect_hex("mac_resp", working(&t, Transaction::mac_response_key)?.expose_bytes());
    case.expect_hex("data_req", working(&t, Transaction::data_request_key)?.expose_bytes());
    case.expect_hex("data_resp", working(&t, Transaction::data_response_key)?.expose_bytes());
    let variant = working(&t, Transaction::legacy_data_request_variant)?;
    case.expect_hex("data_req_variant", variant.expose_bytes());
    let variant = working(&t, Transaction::legacy_data_response_variant)?;
    case.expect_hex("data_resp_variant", variant.expose_bytes());
    Ok(())
}

fn dukpt_tdes_pin(case: &Case) -> Done {
    let (bdk, ksn, number) = (case.hex("bdk"), case.hex("ksn"), case.int("format"));
    let (digits, account, fill) = (case.text("pin"), case.text("pan"), case.text("fill"));
    let (format, pin, pan) = (format(number)?, pin(digits)?, pan(account)?);
    let key = working(&transaction(&bdk, &ksn)?, Transaction::pin_key)?;
    case.expect_hex("clear_block", &encode(format, &pin, Some(&pan), Some(fill))?);
    case.expect_hex("block", &encipher(&key, format, &pin, Some(&pan), Some(fill))?);
    Ok(())
}

fn dukpt_tdes_mac(case: &Case) -> Done {
    let (bdk, ksn, data) = (case.hex("bdk"), case.hex("ksn"), case.hex("data"));
    let t = transaction(&bdk, &ksn)?;
    let request = working(&t, Transaction::mac_request_key)?;
    let response = working(&t, Transaction::mac_response_key)?;
    for (retail, cmac, key) in [
        ("retail_req", "cmac_req", request.expose_bytes()),
        ("retail_resp", "cmac_resp", response.expose_bytes()),
    ] {
        case.expect_hex(retail, &full(RetailMac::new(key, Padding::Method1)?, &data)?);
        case.expect_hex(cmac, &full(CmacTdes::new(key)?, &data)?);
    }
    Ok(())
}

fn cbc(key: &[u8], iv: &[u8], data: &[u8]) -> Result<Vec<u8>, Error> {
    let mut data = data.to_vec();
    modes::cbc_encrypt(&Tdes::new(key)?, iv, &mut data)?;
    Ok(data)
}

fn dukpt_tdes_data(case: &Case) -> Done {
    let (bdk, ksn, iv, data) = (case.hex("bdk"), case.hex("ksn"), case.hex("iv"), case.hex("data"));
    let t = transaction(&bdk, &ksn)?;
    let request = working(&t, Transaction::data_request_key)?;
    let response = working(&t, Transaction::data_response_key)?;
    case.expect_hex("request", &cbc(request.expose_bytes(), &iv, &data)?);
    case.expect_hex("response", &cbc(response.expose_bytes(), &iv, &data)?);
    Ok(())
}

fn dukpt_tdes_ksn(case: &Case) -> Done {
    let ksn = Ksn::parse(&case.hex("ksn"))?;
    case.expect("counter", ksn.counter());
    case.expect("valid", ksn.check().is_ok());
    // What follows a counter that no terminal has is not defined.
    if ksn.check().is_ok() || ksn.counter() == 0 {
        case.expect("next", ksn.next().map(|next| to_hex(next.as_bytes())));
    } else {
        case.ignore("next");
    }
    Ok(())
}

fn dukpt_tdes_device(case: &Case) -> Done {
    let (ik, iksn, transactions) = (case.hex("ik"), case.hex("iksn"), case.int("transactions"));
    let mut terminal = Terminal::empty();
    terminal.load(&mut Key::from_bytes(&ik)?, &InitialKeyId::parse(&iksn)?, &mut Unstored)?;
    let mut hash = Sha256::new();
    let mut transaction = Transaction::empty();
    for _ in 0..transactions {
        let ksn = terminal.step(&mut Unstored, &mut transaction)?;
        hash.update(ksn.as_bytes());
        hash.update(transaction.key_bytes());
    }
    case.expect_hex("last_ksn", transaction.ksn()?.as_bytes());
    case.expect_hex("last_key", transaction.key_bytes());
    case.expect_hex("sha256", &hash.finalize());
    Ok(())
}

fn dukpt_tdes_key(case: &Case) -> Done {
    let (bdk, ksn) = (case.hex("bdk"), case.hex("ksn"));
    case.expect_hex("transaction_key", transaction(&bdk, &ksn)?.key_bytes());
    Ok(())
}

fn dukpt_tdes_working_key(case: &Case) -> Done {
    let (bdk, ksn, usage) = (case.hex("bdk"), case.hex("ksn"), case.text("usage"));
    let one_way = case.opt_bool("one_way").unwrap_or(true);
    let t = transaction(&bdk, &ksn)?;
    let key = match (usage, one_way) {
        ("pin", _) => working(&t, Transaction::pin_key)?.expose_bytes().to_vec(),
        ("mac_req", _) => working(&t, Transaction::mac_request_key)?.expose_bytes().to_vec(),
        ("mac_resp", _) => working(&t, Transaction::mac_response_key)?.expose_bytes().to_vec(),
        ("data_req" | "data_resp", true) => data_key(&t, usage, "data_variant_one_way")?,
        ("data_req" | "data_resp", false) => data_key(&t, usage, "data_variant")?,
        (other, _) => return parameter("usage", other),
    };
    case.expect_hex("working_key", &key);
    Ok(())
}

/// A data key by one of the rules that are found in the field.
fn data_key(t: &Transaction, usage: &str, rule: &str) -> Result<Vec<u8>, Stop> {
    let request: fn(&Transaction, &mut Key<DataRequest, Tdea>) -> Result<(), Error>;
    let response: fn(&Transaction, &mut Key<DataResponse, Tdea>) -> Result<(), Error>;
    match rule {
        "data_variant_one_way" => {
            request = Transaction::data_request_key;
            response = Transaction::data_response_key;
        }
        "data_variant" => {
            request = Transaction::legacy_data_request_variant;
            response = Transaction::legacy_data_response_variant;
        }
        "pin_variant" => {
            let key = working(t, Transaction::legacy_data_under_pin_variant)?;
            return Ok(key.expose_bytes().to_vec());
        }
        other => return parameter("key_rule", other),
    }
    match usage {
        "data_req" => Ok(working(t, request)?.expose_bytes().to_vec()),
        "data_resp" => Ok(working(t, response)?.expose_bytes().to_vec()),
        other => parameter("usage", other),
    }
}

fn dukpt_tdes_pinblock(case: &Case) -> Done {
    let (bdk, ksn) = (case.hex("bdk"), case.hex("ksn"));
    let (digits, account) = (case.text("pin"), case.text("pan"));
    let (format, pin, pan) = (format(0)?, pin(digits)?, pan(account)?);
    let key = working(&transaction(&bdk, &ksn)?, Transaction::pin_key)?;
    case.expect_hex("clear_pinblock", &encode(format, &pin, Some(&pan), None)?);
    case.expect_hex("encrypted_pinblock", &encipher(&key, format, &pin, Some(&pan), None)?);
    Ok(())
}

fn mac_key(t: &Transaction, usage: &str) -> Result<Vec<u8>, Stop> {
    match usage {
        "mac_req" => Ok(working(t, Transaction::mac_request_key)?.expose_bytes().to_vec()),
        "mac_resp" => Ok(working(t, Transaction::mac_response_key)?.expose_bytes().to_vec()),
        other => parameter("usage", other),
    }
}

fn family_mac(case: &Case) -> Done {
    let (bdk, ksn, usage, msg) = (case.hex("bdk"), case.hex("ksn"), case.text("usage"), case.hex("msg"));
    let key = mac_key(&transaction(&bdk, &ksn)?, usage)?;
    case.expect_left("mac", &full(RetailMac::new(&key, Padding::Method1)?, &msg)?);
    Ok(())
}

fn family_cmac(case: &Case) -> Done {
    let (bdk, ksn, usage, msg) = (case.hex("bdk"), case.hex("ksn"), case.text("usage"), case.hex("msg"));
    let key = mac_key(&transaction(&bdk, &ksn)?, usage)?;
    case.expect_left("mac", &full(CmacTdes::new(&key)?, &msg)?);
    Ok(())
}

fn family_data(case: &Case) -> Done {
    let (bdk, ksn, usage) = (case.hex("bdk"), case.hex("ksn"), case.text("usage"));
    let (rule, iv, plaintext) = (case.text("key_rule"), case.hex("iv"), case.hex("plaintext"));
    let rule = if usage == "pin" { "pin_variant" } else { rule };
    let key = data_key(&transaction(&bdk, &ksn)?, usage, rule)?;
    case.expect_hex("ciphertext", &cbc(&key, &iv, &plaintext)?);
    Ok(())
}

// The operations below stand in both DUKPT families and tell the scheme by a field.

fn dukpt_counter_total(case: &Case) -> Done {
    let total = match case.text("scheme") {
        "TDES" => Ksn::TRANSACTIONS,
        "AES" => dukpt_aes::TRANSACTIONS,
        other => return parameter("scheme", other),
    };
    case.expect("total", total);
    Ok(())
}

fn dukpt_ksn_advance(case: &Case) -> Done {
    let (scheme, ksn) = (case.text("scheme"), case.hex("ksn"));
    let next = match scheme {
        "TDES" => Ksn::parse(&ksn)?.next().map(|next| to_hex(next.as_bytes())),
        "AES" => dukpt_aes::next(&ksn)?,
        other => return parameter("scheme", other),
    };
    case.expect("next_ksn", next.unwrap_or_else(|| "EXHAUSTED".to_owned()));
    Ok(())
}

/// A journal that keeps the registers of the last commit.
#[derive(Default)]
pub struct Registers(Vec<Vec<u8>>);

impl payhsm::dukpt::Journal for Registers {
    fn commit(&mut self, step: &Step<'_>) -> Result<(), Error> {
        self.0 = (0..32)
            .map_while(|bit| step.register(bit))
            .map(<[u8]>::to_vec)
            .collect();
        Ok(())
    }
}

fn dukpt_future_keys(case: &Case) -> Done {
    let (scheme, bdk, ksn) = (case.text("scheme"), case.hex("bdk"), case.hex("ksn"));
    let mut registers = Registers::default();
    let counter = match scheme {
        "TDES" => {
            let ksn = Ksn::parse(&ksn)?;
            ksn.check()?;
            let (mut terminal, mut transaction) = (Terminal::empty(), Transaction::empty());
            terminal.load(&mut initial_key(&bdk, &ksn)?, &ksn.initial_key_id(), &mut registers)?;
            while terminal.step(&mut registers, &mut transaction)? != ksn {}
            ksn.counter()
        }
        "AES" => dukpt_aes::walk(&bdk, &ksn, &mut registers)?,
        other => return parameter("scheme", other),
    };
    // Above the lowest one bit only: the tool that printed the others fills them at another time, and that of the
    // lowest one bit shows the key just taken, which a terminal erases.
    let above = counter.trailing_zeros() + 1;
    let got = Value::Object(
        (1_u32..)
            .zip(&registers.0)
            .map(|(number, key)| {
                let empty = key.iter().all(|&byte| byte == 0);
                let key = if empty { "-".to_owned() } else { to_hex(key) };
                (number.to_string(), Value::String(key))
            })
            .collect(),
    );
    case.expect_by("registers", &got, |expected| {
        let (Value::Object(expected), Value::Object(got)) = (expected, &got) else {
            return false;
        };
        expected.len() == got.len()
            && expected.iter().all(|(number, key)| {
                number
                    .parse::<u32>()
                    .is_ok_and(|number| number <= above || got.get(&number.to_string()) == Some(key))
            })
    });
    Ok(())
}
