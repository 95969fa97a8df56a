// SPDX-License-Identifier: MIT OR Apache-2.0
//! What a KSN says.

use super::source::Ksn;
use crate::args::Call;
use crate::fail::{Failure, Result};
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
        let (used, all) = (
            transactions_to(counter, ksn.most_ones()),
            transactions_to(mask(bits), ksn.most_ones()),
        );
        out.number("number", "number", used);
        out.both("remaining", "remaining", format!("{} of {all}", all - used), all - used);
    } else {
        out.json("next", serde_json::Value::Null);
    }
    Ok(())
}

const fn mask(bits: u32) -> u32 {
    u32::MAX >> (32 - bits)
}

/// How many of the counters from 1 to `counter` have at most `most` one bits.
fn transactions_to(counter: u32, most: u32) -> u64 {
    let (mut count, mut ones) = (0, 0);
    for bit in (0..32).rev().filter(|bit| counter >> bit & 1 == 1) {
        // Counters that agree down to this bit and have a zero there.
        count += (0..=most.saturating_sub(ones))
            .map(|more| choose(bit, more))
            .sum::<u64>()
            * u64::from(ones <= most);
        ones += 1;
    }
    // The counter itself, and not 0.
    (count + u64::from(ones <= most)).saturating_sub(1)
}

/// Binomial coefficient.
fn choose(n: u32, k: u32) -> u64 {
    if k > n {
        return 0;
    }
    (0..u64::from(k)).fold(1, |product, i| product * (u64::from(n) - i) / (i + 1))
}

/// The parts that the key owner gave the digits left of the counter.
fn split(call: &Call, ksn: &Ksn, out: &mut Report) -> Result<()> {
    let Some(layout) = call.get("layout") else {
        return Ok(());
    };
    let text = to_hex(ksn.bytes());
    let refused = || {
        Failure::refused(format!(
            "layout: digits of key set, device and counter are expected, together {}, such as 10-5-5 or 9-6-5",
            text.len()
        ))
    };
    let lens: Vec<usize> = layout
        .split('-')
        .map(str::parse)
        .collect::<core::result::Result<_, _>>()
        .map_err(|_| refused())?;
    let [set, device, counter] = lens.as_slice() else {
        return Err(refused());
    };
    if set.saturating_add(*device).saturating_add(*counter) != text.len() {
        return Err(refused());
    }
    let (left, rest) = text.split_at(*set);
    let (middle, right) = rest.split_at(*device);
    out.text("key_set", "key set", left);
    out.text("device", "device", middle);
    out.text("counter_digits", "counter digits", right);
    let bits = if matches!(ksn, Ksn::Tdes(_)) { 21 } else { 32 };
    if counter * 4 < bits {
        out.note(format!(
            "the counter has {bits} bits and {counter} digits hold {}: what is above them is in the last digit of the \
             device, and does not name the device",
            counter * 4
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts() {
        assert_eq!(transactions_to(mask(21), 10), 1_048_575);
        assert_eq!(transactions_to(mask(32), 16), 2_448_023_842);
        assert_eq!(transactions_to(0, 10), 0);
        let mut count = 0;
        for counter in 1..70_000_u32 {
            count += u64::from(counter.count_ones() <= 3);
            assert_eq!(transactions_to(counter, 3), count, "{counter}");
        }
    }
}
