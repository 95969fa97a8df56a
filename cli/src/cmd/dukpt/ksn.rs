// SPDX-License-Identifier: MIT OR Apache-2.0
//! What a KSN says.

use payhsm::dukpt::{KsnLayout, aes, tdes};

use super::source::Ksn;
use crate::args::Call;
use crate::fail::{Failure, Named as _, Result};
use crate::report::Report;
use crate::value::to_hex;

pub(super) fn run(call: &Call, out: &mut Report) -> Result<()> {
    let ksn = Ksn::read(call)?;
    let (name, bits) = match ksn {
        Ksn::Tdes(_) => ("TDES", 21),
        Ksn::Aes(_) => ("AES", 32),
    };
    out.text("scheme", "scheme", name);
    out.hex("ksn", "KSN", ksn.bytes());
    let next = match &ksn {
        Ksn::Tdes(ksn) => {
            out.hex("initial_key_id", "initial KSN", ksn.initial_key_id().as_bytes());
            ksn.next().map(|next| to_hex(next.as_bytes()))
        }
        Ksn::Aes(ksn) => {
            let id = ksn.initial_key_id();
            out.hex("initial_key_id", "initial key id", id.as_bytes());
            out.hex("bdk_id", "  BDK id", &id.bdk_id());
            out.hex("derivation_id", "  derivation id", &id.derivation_id());
            ksn.next().map(|next| to_hex(next.as_bytes()))
        }
    };
    split(call, &ksn, out)?;

    let counter = ksn.counter();
    let digits = if bits == 21 { 6 } else { 8 };
    out.both(
        "counter",
        "counter",
        format!("{counter} ({counter:0digits$X}, the rightmost {bits} bits)"),
        counter,
    );
    out.both(
        "one_bits",
        "one bits",
        format!("{} of at most {}", counter.count_ones(), ksn.most_ones()),
        counter.count_ones(),
    );
    let fault = ksn.counter_fault();
    out.yes("valid", "a transaction", fault.is_none());
    if let Some(fault) = &fault {
        out.note(fault.clone());
    }
    out.json("reason", fault.clone());
    if fault.is_none() || counter == 0 {
        out.both(
            "next",
            "next KSN",
            next.clone()
                .unwrap_or_else(|| "none: the initial key is exhausted".to_owned()),
            next,
        );
        let (used, all) = match &ksn {
            Ksn::Tdes(ksn) => (ksn.transaction_number(), tdes::Ksn::TRANSACTIONS),
            Ksn::Aes(ksn) => (ksn.transaction_number(), aes::Ksn::TRANSACTIONS),
        };
        out.number("number", "number", u64::from(used));
        out.both("remaining", "remaining", format!("{} of {all}", all - used), all - used);
    } else {
        out.json("next", serde_json::Value::Null);
    }
    Ok(())
}

/// The parts that the key owner gave the digits left of the counter.
fn split(call: &Call, ksn: &Ksn, out: &mut Report) -> Result<()> {
    let Some(text) = call.get("layout") else {
        return Ok(());
    };
    let expected = "digits of key set, device and counter are expected, such as 10-5-5 or 6-5-5 (TDES), 8-8-8 (AES)";
    let refused = || Failure::refused(format!("layout: {expected}"));
    let lens: Vec<u8> = text
        .split('-')
        .map(str::parse)
        .collect::<core::result::Result<_, _>>()
        .map_err(|_| refused())?;
    let [set, device, counter] = *lens.as_slice() else {
        return Err(refused());
    };
    let layout = KsnLayout::from_digits(set, device, counter).expected("layout", expected)?;
    let fields = layout.split(ksn.bytes()).expected(
        "layout",
        "it is one of the other scheme, or the digits of the KSN before the key set are not F",
    )?;
    let width = usize::from(set);
    out.text("key_set", "key set", format!("{:0width$X}", fields.key_set));
    if counter == 5 {
        // One bit of the last digit is the counter's.
        let width = usize::from(device);
        let digits = format!("{:0width$X}", fields.device << 1);
        out.both(
            "device",
            "device",
            format!(
                "{digits} (the lowest bit of the last digit is the counter's; as a number {})",
                fields.device
            ),
            digits,
        );
    } else {
        let width = usize::from(device);
        out.text("device", "device", format!("{:0width$X}", fields.device));
    }
    out.json("device_number", fields.device);
    Ok(())
}
