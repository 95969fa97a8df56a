// SPDX-License-Identifier: MIT OR Apache-2.0
//! `payhsm-tool card`.

use payhsm::card::CardValue;
use payhsm::card::cvc3::{self, IvCvc3, Tap};
use payhsm::card::cvv::{self, Expiry, ExpiryOrder, Kind, ServiceCode};
use payhsm::emv::derive::{MasterKeyOption, Psn, icc_master_key};
use payhsm::emv::element::Atc;
use payhsm::error::Error;
use payhsm::key::role::{CardVerification, Dn, IccMk};
use payhsm::key::usage::KeyAlgorithm;
use payhsm::key::{Key, Tdea};
use payhsm::pin::Pan;

use super::{keys, pins};
use crate::args::Call;
use crate::fail::{Failure, Named as _, Result};
use crate::report::Report;
use crate::spec::{Action, Command, Spec, option, secret};

const CVV: &[Spec] = &[
    secret("cvk", "card verification key pair, 16 bytes: CVK A, then CVK B"),
    option("pan", "DIGITS", "the PAN with its check digit").needed(),
    option("expiry", "YYMM", "expiry date as on the track: year, then month").needed(),
    option(
        "kind",
        "cvv|cvv2|icvv",
        "on the stripe (CVC1), printed (CVC2), or in the chip (Chip CVC)",
    )
    .needed(),
    option("service-code", "DIGITS", "cvv: the three digits of the track"),
    option(
        "order",
        "yymm|mmyy",
        "cvv2: how the issuer takes the expiry date into the value; default yymm (Visa)",
    ),
];
const CVC3: &[Spec] = &[
    secret("imk", "issuer master key for dynamic numbers, 16 bytes"),
    secret("mk", "card master key, instead of the issuer's"),
    option("pan", "DIGITS", "the PAN; with an issuer master key"),
    option("psn", "NN", "PAN sequence number; default 00"),
    option("derivation", "a|b", "how the card's key is derived; default a"),
    option(
        "track",
        "HEX",
        "static track data, places of UN, ATC and CVC3 as the card was made",
    ),
    option("iv", "HEX", "IVCVC3, 2 bytes, instead of the track data"),
    option("un", "HEX", "unpredictable number, 4 bytes: 8 digits in BCD").needed(),
    option("atc", "HEX", "application transaction counter, 2 bytes").needed(),
];

/// The command.
pub const COMMAND: Command = Command {
    name: "card",
    about: "card verification values: CVV, CVV2, iCVV (CVC1, CVC2, Chip CVC), CVC3",
    actions: &[
        Action {
            name: "cvv",
            about: "computes a card verification value",
            specs: &[CVV, &[option("digits", "3..5", "number of digits; default 3")]],
            notes: "\
Service codes: that of the track for cvv, 000 for cvv2, 999 for icvv.",
            example: include_str!("examples/card-cvv.txt"),
            run: make_cvv,
        },
        Action {
            name: "verify-cvv",
            about: "checks a card verification value, and says what else it could be",
            specs: &[CVV, &[option("value", "DIGITS", "the value, 3 to 5 digits").needed()]],
            notes: "",
            example: include_str!("examples/card-verify-cvv.txt"),
            run: verify_cvv,
        },
        Action {
            name: "cvc3",
            about: "computes the CVC3 of a contactless card in magnetic-stripe mode",
            specs: &[CVC3],
            notes: "All five digits; a reader puts the rightmost ones into the track.",
            example: include_str!("examples/card-cvc3.txt"),
            run: make_cvc3,
        },
        Action {
            name: "verify-cvc3",
            about: "checks the digits of a CVC3 that came",
            specs: &[
                CVC3,
                &[option("value", "DIGITS", "the rightmost 3 to 5 digits").needed()],
            ],
            notes: "",
            example: include_str!("examples/card-verify-cvc3.txt"),
            run: verify_cvc3,
        },
    ],
};

fn pan(call: &Call, out: &mut Report) -> Result<Pan> {
    call.need("pan")?;
    let pan = pins::get_pan(call)?.ok_or_else(|| Failure::Usage("--pan is missing".to_owned()))?;
    out.text("pan", "PAN", pan.to_string());
    Ok(pan)
}

fn shown(value: &CardValue) -> String {
    value.digits().iter().map(|digit| char::from(b'0' + digit)).collect()
}

fn value(call: &Call) -> Result<CardValue> {
    CardValue::parse(call.need("value")?.as_bytes()).expected("value", "3 to 5 decimal digits are expected")
}

struct Cvv {
    key: Key<CardVerification, Tdea>,
    kind: Kind,
    pan: Pan,
    expiry: Expiry,
}

#[derive(Clone, Copy)]
enum Place {
    Stripe,
    Printed,
    Chip,
}

const PLACES: &[(&str, Place)] = &[
    ("cvv", Place::Stripe),
    ("cvc1", Place::Stripe),
    ("cvv2", Place::Printed),
    ("cvc2", Place::Printed),
    ("icvv", Place::Chip),
    ("chip-cvc", Place::Chip),
];

fn read_cvv(call: &Call, out: &mut Report) -> Result<Cvv> {
    let place = call.choice("kind", call.need("kind")?, PLACES)?;
    let only = |name: &str, kind: &str| match call.get(name) {
        Some(_) => Err(Failure::refused(format!(
            "{name}: it enters a {kind} only; leave --{name} out"
        ))),
        None => Ok(()),
    };
    let kind = match place {
        Place::Stripe => {
            only("order", "cvv2")?;
            let code = ServiceCode::parse(call.need("service-code")?.as_bytes()).expected(
                "service-code",
                "three decimal digits are expected, other than 000 (--kind cvv2) and 999 (--kind icvv)",
            )?;
            Kind::Stripe(code)
        }
        Place::Printed => {
            only("service-code", "cvv")?;
            let orders = [("yymm", ExpiryOrder::Yymm), ("mmyy", ExpiryOrder::Mmyy)];
            Kind::Printed(call.choice("order", call.get("order").unwrap_or("yymm"), &orders)?)
        }
        Place::Chip => {
            only("service-code", "cvv")?;
            only("order", "cvv2")?;
            Kind::Chip
        }
    };
    let text = call.need("expiry")?;
    let expiry = Expiry::yymm(text.as_bytes()).expected("expiry", "four decimal digits are expected: YYMM")?;
    if !text
        .get(2..)
        .and_then(|month| month.parse().ok())
        .is_some_and(|month: u8| (1..=12).contains(&month))
    {
        out.note("expiry: the last two digits are no month; YYMM is expected, as on the track");
    }
    let pan = pan(call, out)?;
    let key = call.key("cvk")?;
    keys::check_len(
        "cvk",
        key.bytes(),
        &[16],
        "a CVK pair has 16 bytes (32 hexadecimal digits)",
    )?;
    keys::field(out, "cvk", "CVK", KeyAlgorithm::Tdea, key.bytes())?;
    keys::note_defects(out, "cvk", KeyAlgorithm::Tdea, key.bytes());
    let words = match kind {
        Kind::Stripe(_) => "CVV, CVC1: stripe, expiry YYMM",
        Kind::Printed(ExpiryOrder::Yymm) => "CVV2, CVC2: printed, service code 000, expiry YYMM",
        Kind::Printed(ExpiryOrder::Mmyy) => "CVV2, CVC2: printed, service code 000, expiry MMYY",
        Kind::Chip => "iCVV, Chip CVC: service code 999, expiry YYMM",
    };
    out.text("kind", "kind", words);
    Ok(Cvv {
        key: Key::from_bytes(key.bytes()).named("cvk")?,
        kind,
        pan,
        expiry,
    })
}

fn make_cvv(call: &Call, out: &mut Report) -> Result<()> {
    let len = call.get_number("digits")?.unwrap_or(3);
    let Cvv { key, kind, pan, expiry } = read_cvv(call, out)?;
    let mut value = CardValue::empty();
    cvv::generate(&key, kind, &pan, expiry, len, &mut value).expected("digits", "3 to 5 are expected")?;
    out.text("value", "value", shown(&value));
    Ok(())
}

fn verify_cvv(call: &Call, out: &mut Report) -> Result<()> {
    let value = value(call)?;
    let cvv @ Cvv { .. } = read_cvv(call, out)?;
    let verified = cvv::verify(&cvv.key, cvv.kind, &cvv.pan, cvv.expiry, &value);
    out.yes("verified", "verified", verified.is_ok());
    if verified == Err(Error::VerificationFailed) {
        hints(call, &cvv, &value, out);
        return Err(Failure::No("value: it does not belong to this card".to_owned()));
    }
    verified.named("value")
}

/// What the value would be right for.
fn hints(call: &Call, cvv: &Cvv, value: &CardValue, out: &mut Report) {
    let text = call.get("expiry").unwrap_or_default();
    let swapped = format!(
        "{}{}",
        text.get(2..).unwrap_or_default(),
        text.get(..2).unwrap_or_default()
    );
    for (kind, words) in [
        (Kind::Printed(ExpiryOrder::Yymm), "--kind cvv2 --order yymm"),
        (Kind::Printed(ExpiryOrder::Mmyy), "--kind cvv2 --order mmyy"),
        (Kind::Chip, "--kind icvv"),
    ] {
        if kind != cvv.kind && cvv::verify(&cvv.key, kind, &cvv.pan, cvv.expiry, value).is_ok() {
            out.note(format!("the value is right for {words}"));
        }
    }
    // What tracks usually have.
    for code in ["101", "120", "121", "201", "220", "221"] {
        let stripe = ServiceCode::parse(code.as_bytes()).map(Kind::Stripe);
        if let Ok(kind) = stripe
            && kind != cvv.kind
            && cvv::verify(&cvv.key, kind, &cvv.pan, cvv.expiry, value).is_ok()
        {
            out.note(format!("the value is right for --kind cvv --service-code {code}"));
        }
    }
    if let (Kind::Stripe(_) | Kind::Chip, Ok(swapped)) = (cvv.kind, Expiry::yymm(swapped.as_bytes()))
        && cvv::verify(&cvv.key, cvv.kind, &cvv.pan, swapped, value).is_ok()
    {
        out.note("the value is right with month and year of the expiry date exchanged");
    }
}

struct Cvc3 {
    mk: Key<IccMk<Dn>, Tdea>,
    iv: IvCvc3,
    tap: Tap,
}

fn read_cvc3(call: &Call, out: &mut Report) -> Result<Cvc3> {
    let un = call.hex("un")?;
    let un = un.as_slice().try_into().map_err(|_| wrong("un", call, 4))?;
    let atc = Atc::from_bytes(&call.hex("atc")?).map_err(|_| wrong("atc", call, 2))?;
    out.number("atc", "ATC", u64::from(atc.value()));
    let expected = "16 bytes (32 hexadecimal digits) are expected";
    let mk = match call.get_key("mk")? {
        Some(mk) => {
            keys::check_len("mk", mk.bytes(), &[16], expected)?;
            Key::from_bytes(mk.bytes()).named("mk")?
        }
        None => {
            let option = call.choice(
                "derivation",
                call.get("derivation").unwrap_or("a"),
                &[("a", MasterKeyOption::A), ("b", MasterKeyOption::B)],
            )?;
            let psn = call.get("psn").unwrap_or("00");
            let psn = psn.parse().ok().and_then(|number| Psn::new(number).ok());
            let psn = psn.ok_or_else(|| Failure::refused("psn: two decimal digits are expected"))?;
            let pan = pan(call, out)?;
            let imk = call.key("imk")?;
            keys::check_len("imk", imk.bytes(), &[16], expected)?;
            keys::field(out, "imk", "IMK", KeyAlgorithm::Tdea, imk.bytes())?;
            keys::note_defects(out, "imk", KeyAlgorithm::Tdea, imk.bytes());
            let imk = Key::from_bytes(imk.bytes()).named("imk")?;
            let mut mk = Key::empty();
            icc_master_key(option, &imk, &pan, psn, &mut mk).named("imk")?;
            mk
        }
    };
    keys::own(out, "mk", "card master key", KeyAlgorithm::Tdea, mk.expose_bytes())?;
    let iv = match (call.get("track"), call.get("iv")) {
        (Some(_), None) => IvCvc3::over(&mk, &call.hex("track")?).named("track")?,
        (None, Some(_)) => {
            let iv = call.hex("iv")?;
            IvCvc3::from_bytes(iv.as_slice().try_into().map_err(|_| wrong("iv", call, 2))?)
        }
        _ => return Err(Failure::Usage("one of --track HEX and --iv HEX is needed".to_owned())),
    };
    out.hex("iv", "IVCVC3", iv.expose());
    Ok(Cvc3 {
        mk,
        iv,
        tap: Tap { un, atc },
    })
}

fn wrong(name: &str, call: &Call, bytes: usize) -> Failure {
    crate::args::wrong_len(name, call.get(name).unwrap_or_default(), bytes)
}

fn make_cvc3(call: &Call, out: &mut Report) -> Result<()> {
    let Cvc3 { mk, iv, tap } = read_cvc3(call, out)?;
    let mut value = CardValue::empty();
    cvc3::generate(&mk, &iv, tap, &mut value).named("mk")?;
    out.text("cvc3", "CVC3", shown(&value));
    Ok(())
}

fn verify_cvc3(call: &Call, out: &mut Report) -> Result<()> {
    let value = value(call)?;
    let Cvc3 { mk, iv, tap } = read_cvc3(call, out)?;
    let verified = cvc3::verify(&mk, &iv, tap, &value);
    out.yes("verified", "verified", verified.is_ok());
    if verified == Err(Error::VerificationFailed) {
        return Err(Failure::No("value: it is not the CVC3 of this card and tap".to_owned()));
    }
    verified.named("value")
}
