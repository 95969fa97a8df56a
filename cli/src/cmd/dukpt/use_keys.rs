// SPDX-License-Identifier: MIT OR Apache-2.0
//! What the working keys of a transaction do.

use payhsm::dukpt::aes::KeyType;
use payhsm::error::Error;
use payhsm::key::usage::KeyAlgorithm;
use payhsm::pin::block::Format;

use super::derive::head;
use super::source::{Initial, Ksn};
use super::working::{Purpose, Transaction};
use crate::args::Call;
use crate::cmd::ciphers::{self, Chaining, Mode};
use crate::cmd::macs::{self, Algorithm, Name};
use crate::cmd::{keys, pins};
use crate::fail::{Failure, Result};
use crate::report::Report;
use crate::secrets::Wiped;
use crate::value::to_hex;

struct Ready {
    ksn: Ksn,
    initial: Initial,
    transaction: Transaction,
    key_type: Option<KeyType>,
}

fn ready(call: &Call, out: &mut Report) -> Result<Ready> {
    let ksn = Ksn::read(call)?;
    head(&ksn, out);
    ksn.demand_transaction()?;
    let initial = Initial::read(call, &ksn, out)?;
    let transaction = initial.transaction(&ksn)?;
    let key_type = transaction.key_type(call)?;
    Ok(Ready {
        ksn,
        initial,
        transaction,
        key_type,
    })
}

impl Ready {
    fn key(&self, purpose: Purpose, out: &mut Report) -> Result<(KeyAlgorithm, Wiped)> {
        let (algorithm, key) = self.transaction.need(purpose, self.key_type)?;
        out.text("usage", "usage", purpose.name());
        keys::field(out, "working_key", "working key", algorithm, key.bytes())?;
        Ok((algorithm, key))
    }

    /// After a check that says no: notes which mistakes in the derivation `fits`. It gets a key, of the purpose that was
    /// asked for or, where that is the mistake, another one.
    fn diagnose(&self, call: &Call, purpose: Purpose, out: &mut Report, fits: impl Fn(&[u8]) -> bool) -> Result<()> {
        let with = |transaction: &Transaction| -> Result<bool> {
            let key = transaction.working(purpose, self.key_type)?;
            Ok(key.is_some_and(|(_, key)| fits(key.bytes())))
        };
        if fits(self.transaction.key_bytes()) {
            out.note("it is right under the transaction key itself, which is no working key");
        }
        for ksn in self.ksn.neighbours() {
            if with(&self.initial.transaction(&ksn)?)? {
                out.note(format!("it is right for KSN {}", to_hex(ksn.bytes())));
            }
        }
        if let Some(bdk) = call.get_key("bdk")?
            && let Ok(as_initial) = Initial::of(&self.ksn, bdk.bytes())
            && with(&as_initial.transaction(&self.ksn)?)?
        {
            out.note("it is right if the given BDK is the initial key: its name is ik then");
        }
        Ok(())
    }
}

// ---- PIN.

fn format(call: &Call, algorithm: KeyAlgorithm, out: &mut Report) -> Result<Format> {
    let format = match (call.get("format"), algorithm) {
        (Some(text), _) => pins::format("format", text)?,
        (None, KeyAlgorithm::Aes) => Format::Iso4,
        (None, _) => Format::Iso0,
    };
    out.number("format", "format", u64::from(format.number()));
    Ok(format)
}

pub(super) fn encrypt_pin(call: &Call, out: &mut Report) -> Result<()> {
    let ready = ready(call, out)?;
    let (algorithm, key) = ready.key(Purpose::Pin, out)?;
    let format = format(call, algorithm, out)?;
    let key = pins::BlockKey::new("key-type", algorithm, key.bytes())?;
    key.with(format)?;
    let pan = pins::pan_for(call, format, out)?;
    let pin = pins::pin(call)?;
    out.hex(
        "block",
        "PIN block",
        &pins::encipher(&key, format, &pin, pan.as_ref(), call.get("fill"))?,
    );
    Ok(())
}

pub(super) fn decrypt_pin(call: &Call, out: &mut Report) -> Result<()> {
    let block = call.hex("block")?;
    let ready = ready(call, out)?;
    let (algorithm, key) = ready.key(Purpose::Pin, out)?;
    let format = format(call, algorithm, out)?;
    let key = pins::BlockKey::new("key-type", algorithm, key.bytes())?;
    let pan = pins::pan_for(call, format, out)?;
    let pin = pins::decipher(&key, format, &block, pan.as_ref(), out);
    if let Err(Failure::No(_)) = &pin {
        ready.diagnose(call, Purpose::Pin, out, |key| {
            pins::BlockKey::new("key", algorithm, key).is_ok_and(|key| pins::opens(&key, format, &block, pan.as_ref()))
        })?;
    }
    pins::show(out, &pin?);
    Ok(())
}

// ---- MAC.

const MAC_USAGES: &[(&str, Purpose)] = &[
    ("request", Purpose::MacRequest),
    ("response", Purpose::MacResponse),
    ("both", Purpose::MacBoth),
];

const fn default_mac(algorithm: KeyAlgorithm) -> Name {
    match algorithm {
        KeyAlgorithm::Aes => Name::Cmac,
        KeyAlgorithm::Hmac => Name::HmacSha256,
        _ => Name::Retail,
    }
}

fn mac_key(call: &Call, out: &mut Report) -> Result<(Ready, Purpose, Algorithm, Wiped)> {
    let purpose = call.choice("usage", call.get("usage").unwrap_or("request"), MAC_USAGES)?;
    let ready = ready(call, out)?;
    let (cipher, key) = ready.key(purpose, out)?;
    let algorithm = Algorithm::read(call, cipher, Some(default_mac(cipher)))?;
    if algorithm.name.is_hmac() != (cipher == KeyAlgorithm::Hmac) {
        return Err(Failure::refused(format!(
            "algorithm: the working key is an {} key; HMAC needs --key-type hmac128, hmac192 or hmac256, the others \
             need a TDES or AES key",
            keys::algorithm_name(cipher)
        )));
    }
    Ok((ready, purpose, algorithm, key))
}

pub(super) fn mac(call: &Call, out: &mut Report) -> Result<()> {
    let (_, _, algorithm, key) = mac_key(call, out)?;
    macs::generate(call, out, algorithm, key.bytes(), call.data()?.bytes())
}

pub(super) fn verify_mac(call: &Call, out: &mut Report) -> Result<()> {
    let (ready, purpose, algorithm, key) = mac_key(call, out)?;
    let data = call.data()?;
    let verified = macs::verify(call, out, algorithm, key.bytes(), data.bytes());
    if let Err(Failure::No(_)) = &verified {
        let mac = call.hex("mac")?;
        for (name, other) in MAC_USAGES
            .iter()
            .filter(|(_, other)| *other != purpose && mac.len() >= 3)
        {
            if let Some((_, key)) = ready.transaction.working(*other, ready.key_type)?
                && algorithm.verify(key.bytes(), data.bytes(), &mac) == Ok(())
            {
                out.note(format!("the MAC is right for --usage {name}"));
            }
        }
        if mac.len() >= 3 {
            let fits = |key: &[u8]| algorithm.verify(key, data.bytes(), &mac) == Ok(());
            ready.diagnose(call, purpose, out, fits)?;
        }
    }
    verified
}

// ---- Data.

const DATA_USAGES: &[(&str, Purpose)] = &[
    ("request", Purpose::DataRequest),
    ("response", Purpose::DataResponse),
    ("both", Purpose::DataBoth),
    ("legacy-request", Purpose::LegacyDataRequest),
    ("legacy-response", Purpose::LegacyDataResponse),
    ("legacy-pin", Purpose::LegacyDataPin),
];

fn cipher(call: &Call, out: &mut Report, encrypt: bool) -> Result<()> {
    let purpose = call.choice("usage", call.get("usage").unwrap_or("request"), DATA_USAGES)?;
    let ready = ready(call, out)?;
    let (algorithm, key) = ready.key(purpose, out)?;
    if algorithm == KeyAlgorithm::Hmac {
        return Err(Failure::Refused(
            "key-type: HMAC keys encipher nothing".to_owned(),
            Some(Error::AlgorithmMismatch),
        ));
    }
    let chaining = Chaining::read(call, algorithm)?;
    match chaining.mode {
        Mode::Ecb => out.text("mode", "mode", "ECB"),
        Mode::Ctr => {
            out.text("mode", "mode", "CTR");
            out.hex("iv", "first counter", &chaining.iv);
        }
        Mode::Cbc => out.hex("iv", "IV", &chaining.iv),
    }
    let mut data = call.data()?;
    ciphers::apply(algorithm, key.bytes(), &chaining, encrypt, &mut data)?;
    let (name, label) = if encrypt {
        ("ciphertext", "ciphertext")
    } else {
        ("plaintext", "plaintext")
    };
    out.hex(name, label, data.bytes());
    if !encrypt && data.bytes().iter().all(|c| matches!(c, b' '..=b'~' | 0)) {
        let text: String = data
            .bytes()
            .iter()
            .take_while(|c| **c != 0)
            .map(|c| char::from(*c))
            .collect();
        out.text("plaintext_text", "as text", text);
    }
    Ok(())
}

pub(super) fn encrypt_data(call: &Call, out: &mut Report) -> Result<()> {
    cipher(call, out, true)
}

pub(super) fn decrypt_data(call: &Call, out: &mut Report) -> Result<()> {
    cipher(call, out, false)
}
