// SPDX-License-Identifier: MIT OR Apache-2.0
//! PINs and offsets of the IBM 3624.

use payhsm::error::Error;
use payhsm::key::role::PinVerification3624;
use payhsm::key::usage::KeyAlgorithm;
use payhsm::key::{Key, Tdea};
use payhsm::pin::ibm3624::{self, Offset, Profile, Table, Validation};
use payhsm::pin::{Pan, Pin};

use crate::args::Call;
use crate::cmd::{keys, pins};
use crate::fail::{Failure, Named as _, Result};
use crate::report::Report;
use crate::spec::{Spec, option, secret};
use crate::value::to_hex;

/// Options of all of them.
pub(super) const OPTIONS: &[Spec] = &[
    secret("pvk", "PIN verification key: 8 (old), 16 or 24 bytes"),
    option("pan", "DIGITS", "the PAN with its check digit").needed(),
    option(
        "validation",
        "S,L,P",
        "validation data: L digits of the PAN from place S (0 is the first), padded with the digit P to 16",
    )
    .needed(),
    option(
        "table",
        "DIGITS",
        "decimalisation table, 16 digits; default 0123456789012345",
    ),
];

/// The offset.
pub(super) const OFFSET: &[Spec] = &[option("offset", "DIGITS", "the offset; 4 to 12 digits")];

/// Of how many digits PIN and offset are.
pub(super) const LENGTHS: &[Spec] = &[
    option(
        "pin-length",
        "N",
        "digits of the PIN, 4 to 12; default those of the offset, or 4",
    ),
    option(
        "check-length",
        "N",
        "digits of the offset, the rightmost of the PIN; default all",
    ),
];

struct Ready {
    key: Key<PinVerification3624, Tdea>,
    profile: Profile,
    pan: Pan,
}

fn validation(text: &str) -> Result<Validation> {
    let expected = || {
        Failure::refused(
            "validation: S,L,P is expected: first place (0 to 18), number of digits (1 to 16), pad digit (0 to F), such \
             as 0,16,0",
        )
    };
    let parts: Vec<&str> = text.split(',').collect();
    let [start, len, pad] = *parts.as_slice() else {
        return Err(expected());
    };
    let pad = u8::from_str_radix(pad, 16).map_err(|_| expected())?;
    let (start, len) = (
        start.parse().map_err(|_| expected())?,
        len.parse().map_err(|_| expected())?,
    );
    Validation::new(start, len, pad).map_err(|_| expected())
}

fn ready(call: &Call, pin_len: usize, out: &mut Report) -> Result<Ready> {
    call.need("pan")?;
    let pan = pins::get_pan(call)?.ok_or_else(|| Failure::Usage("--pan is missing".to_owned()))?;
    let validation = validation(call.need("validation")?)?;
    let table = match call.get("table") {
        None => Table::STANDARD,
        Some(text) => Table::parse(text.as_bytes()).expected("table", "16 decimal digits are expected")?,
    };
    if table.judge().is_err() {
        out.note("table: fewer than 8 digits that differ, or one more than 4 times: the module refuses such a table");
    }
    let pan_len = u8::try_from(pan.digits().len()).unwrap_or(u8::MAX);
    let pin_len = u8::try_from(call.get_number("pin-length")?.unwrap_or(pin_len)).unwrap_or(u8::MAX);
    let mut profile = Profile::new(table, validation, pan_len, pin_len).map_err(|error| {
        let message = match error {
            Error::InvalidPan => "validation: the PAN ends before the last of these digits",
            _ => "pin-length: 4 to 12 digits are expected",
        };
        Failure::Refused(message.to_owned(), Some(error))
    })?;
    if let Some(len) = call.get_number("check-length")? {
        profile = profile
            .with_check_len(u8::try_from(len).unwrap_or(u8::MAX))
            .expected("check-length", "4 digits at least, and at most those of the PIN")?;
    }
    let key = call.key("pvk")?;
    keys::check_len(
        "pvk",
        key.bytes(),
        &[8, 16, 24],
        "a PVK has 8 (old installations), 16 or 24 bytes",
    )?;
    let algorithm = if key.len() == 8 {
        KeyAlgorithm::Des
    } else {
        KeyAlgorithm::Tdea
    };
    out.text("pan", "PAN", pan.to_string());
    keys::field(out, "pvk", "PVK", algorithm, key.bytes())?;
    keys::note_defects(out, "pvk", algorithm, key.bytes());
    if out.shows_secrets() {
        // It has digits of the PAN that are masked otherwise.
        out.text(
            "validation_data",
            "validation data",
            to_hex(&validation.data(&pan).named("pan")?),
        );
    }
    Ok(Ready {
        key: Key::from_bytes(key.bytes()).named("pvk")?,
        profile,
        pan,
    })
}

fn offset(call: &Call) -> Result<Offset> {
    Offset::parse(call.need("offset")?.as_bytes()).expected("offset", "4 to 12 decimal digits are expected")
}

fn digits(values: &[u8]) -> String {
    values.iter().map(|digit| char::from(b'0' + digit)).collect()
}

pub(super) fn derive(call: &Call, out: &mut Report) -> Result<()> {
    let zeros = "0".repeat(call.get_number("pin-length")?.unwrap_or(4).clamp(4, 12));
    let offset = match call.get("offset") {
        Some(_) => offset(call)?,
        None => Offset::parse(zeros.as_bytes()).named("offset")?,
    };
    let Ready { key, profile, pan } = ready(call, offset.digits().len(), out)?;
    let mut pin = Pin::empty();
    ibm3624::derive(&key, &profile, &pan, &offset, &mut pin)
        .expected("offset", "it must have as many digits as the PIN")?;
    pins::show(out, &pin);
    Ok(())
}

pub(super) fn generate(call: &Call, out: &mut Report) -> Result<()> {
    let pin = pins::pin(call)?;
    let (len, _) = pin.expose();
    let Ready { key, profile, pan } = ready(call, usize::from(len), out)?;
    let offset = ibm3624::generate(&key, &profile, &pan, &pin).map_err(|error| match error {
        Error::VerificationFailed => Failure::refused("pin: it has not --pin-length digits"),
        other => Failure::Refused(format!("pin: {other}"), Some(other)),
    })?;
    out.text("offset", "offset", digits(offset.digits()));
    Ok(())
}

pub(super) fn verify(call: &Call, out: &mut Report) -> Result<()> {
    let given = offset(call)?;
    let pin = pins::pin(call)?;
    let (len, _) = pin.expose();
    let Ready { key, mut profile, pan } = ready(call, usize::from(len), out)?;
    let check_len = u8::try_from(given.digits().len()).unwrap_or(u8::MAX);
    if call.get("check-length").is_none() && check_len < profile.pin_len() {
        profile = profile.with_check_len(check_len).named("offset")?;
        out.note(format!(
            "the offset is shorter than the PIN: the rightmost {check_len} digits are compared"
        ));
    }
    let verified = ibm3624::verify(&key, &profile, &pan, &pin, &given);
    out.yes("verified", "verified", verified.is_ok());
    if verified == Err(Error::VerificationFailed) {
        return Err(Failure::No("pin: it is not the one of this PAN and offset".to_owned()));
    }
    verified.expected("offset", "it must have --check-length digits")
}
