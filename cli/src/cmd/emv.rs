// SPDX-License-Identifier: MIT OR Apache-2.0
//! `payhsm-tool emv`.

use payhsm::emv::CardAlgorithm;
use payhsm::emv::derive::Psn;
use payhsm::emv::explain::{Difference, Finding, explain as explain_cryptogram};
use payhsm::emv::profile::{ALL, Profile, RESERVED, Scheme};
use payhsm::key::role::{Ac, Imk};
use payhsm::key::usage::KeyAlgorithm;
use payhsm::key::{Aes, Key, Tdea};
use payhsm::pin::Pan;
use serde_json::{Value, json};

use super::{keys, pins};
use crate::args::Call;
use crate::fail::{Failure, Named as _, Result};
use crate::report::Report;
use crate::spec::{Action, Command, DATA, Spec, option, secret};
use crate::value::to_hex;

const CARD: &[Spec] = &[
    secret("imk", "issuer master key for application cryptograms (IMK-AC)"),
    option(
        "scheme",
        "visa|mastercard|interac|unionpay|jcb|amex|discover|ccd",
        "the card's scheme; ccd: common core definitions",
    ),
    option("cvn", "HEX", "cryptogram version number, one byte, as in 9F10"),
    option("pan", "DIGITS", "the PAN with its check digit"),
    option("psn", "NN", "PAN sequence number; default 00"),
];

const SCHEMES: &[(&str, Scheme)] = &[
    ("visa", Scheme::Visa),
    ("mastercard", Scheme::Mastercard),
    ("interac", Scheme::Interac),
    ("unionpay", Scheme::UnionPay),
    ("jcb", Scheme::Jcb),
    ("amex", Scheme::AmericanExpress),
    ("discover", Scheme::Discover),
    ("ccd", Scheme::CommonCore),
];

/// The command.
pub const COMMAND: Command = Command {
    name: "emv",
    about: "application cryptograms of cards, and why one does not match",
    actions: &[
        Action {
            name: "explain",
            about: "checks an ARQC, TC or AAC from field 55, and says how else it was made",
            specs: &[CARD, DATA],
            notes: "\
The data are the BER-TLV elements of field 55: 9F02 9F03 9F1A 95 5F2A 9A 9C 9F37 82 9F36 9F10 9F26 9F27.
If the profile does not make the cryptogram, every option of the card's key, sequence number 00,
every session key, padding and part of 9F10 that is known is tried. docs/EMV.md says what to look
at if nothing fits.",
            example: include_str!("examples/emv-explain.txt"),
            run: explain,
        },
        Action {
            name: "profiles",
            about: "lists the schemes' cryptogram versions that are known",
            specs: &[],
            notes: "Numbers that are known and not verified are named, too: the library refuses them.",
            example: include_str!("examples/emv-profiles.txt"),
            run: profiles,
        },
    ],
};

/// The word of a scheme.
fn scheme_word(scheme: Scheme) -> &'static str {
    let found = SCHEMES.iter().find(|(_, known)| *known == scheme);
    found.map_or("", |(word, _)| word)
}

fn profiles(_: &Call, out: &mut Report) -> Result<()> {
    for profile in ALL {
        let mut about = Report::new(false);
        about.json("scheme", scheme_word(profile.scheme()));
        about.json("cvn", format!("{:02X}", profile.cvn()));
        about.json("name", profile.name());
        let label = format!("{} {:02X}", scheme_word(profile.scheme()), profile.cvn());
        out.item_line("profiles", &label, profile.name(), about);
    }
    for (scheme, cvn) in RESERVED {
        let mut about = Report::new(false);
        about.json("scheme", scheme_word(scheme));
        about.json("cvn", format!("{cvn:02X}"));
        let label = format!("{} {cvn:02X}", scheme_word(scheme));
        out.item_line("reserved", &label, "not verified: refused", about);
    }
    Ok(())
}

const fn word(difference: Difference) -> &'static str {
    match difference {
        Difference::MasterKey => "option",
        Difference::Psn => "psn",
        Difference::SessionKey => "session_key",
        Difference::Padding => "padding",
        Difference::IadPart => "iad_part",
        _ => "other",
    }
}

fn explain(call: &Call, out: &mut Report) -> Result<()> {
    let scheme = call.choice("scheme", call.need("scheme")?, SCHEMES)?;
    let [cvn] = <[u8; 1]>::try_from(call.hex("cvn")?)
        .map_err(|_| Failure::refused("cvn: one byte, two hexadecimal digits, is expected"))?;
    let profile = Profile::of(scheme, cvn).expected("cvn", "no version of this scheme that is known and verified")?;
    call.need("pan")?;
    let pan = pins::get_pan(call)?.ok_or_else(|| Failure::Usage("--pan is missing".to_owned()))?;
    let psn = call.get("psn").unwrap_or("00");
    let psn = psn
        .parse()
        .ok()
        .filter(|_| psn.len() == 2)
        .and_then(|psn| Psn::new(psn).ok());
    let psn = psn.ok_or_else(|| Failure::refused("psn: two decimal digits are expected"))?;
    let key = call.key("imk")?;
    let algorithm = profile.algorithm();
    keys::check_key("imk", algorithm, key.bytes())?;
    keys::field(out, "imk", "IMK-AC", algorithm, key.bytes())?;
    let data = call.data()?;
    if algorithm == KeyAlgorithm::Aes {
        explain_with::<Aes>(
            out,
            profile,
            &Key::from_bytes(key.bytes()).expected("imk", "")?,
            &pan,
            psn,
            data.bytes(),
        )
    } else {
        explain_with::<Tdea>(
            out,
            profile,
            &Key::from_bytes(key.bytes()).expected("imk", "")?,
            &pan,
            psn,
            data.bytes(),
        )
    }
}

fn explain_with<A: CardAlgorithm>(
    out: &mut Report,
    profile: &'static Profile,
    imk: &Key<Imk<Ac>, A>,
    pan: &Pan,
    psn: Psn,
    field55: &[u8],
) -> Result<()> {
    super::tlv::check(field55)?;
    let explanation = explain_cryptogram(profile, imk, pan, psn, field55).expected(
        "data",
        "the elements of field 55 are expected, each once and with its length",
    )?;
    for line in explanation.to_string().lines() {
        out.line(line);
    }
    out.json("profile", profile.name());
    out.json("pan", pan.to_string());
    let elements = explanation
        .elements()
        .map(|(tag, name, value)| json!({"tag": tag.to_string(), "name": name, "value": to_hex(value)}));
    out.json("elements", Value::Array(elements.collect()));
    out.json("iad", to_hex(explanation.iad));
    out.json("iad_of_profile", explanation.parsed.is_ok());
    out.json("cryptogram", to_hex(&explanation.cryptogram));
    out.json("matches", explanation.finding == Finding::Matches);
    let differences: Vec<&str> = explanation.differences().map(word).collect();
    out.json("differences", differences);
    let made_by = match explanation.finding {
        Finding::MadeWith(made) => made.profile.map(Profile::name),
        Finding::Matches => Some(profile.name()),
        Finding::Nothing => None,
    };
    out.json("made_by", made_by);
    match explanation.finding {
        Finding::Matches => Ok(()),
        Finding::MadeWith(_) => Err(Failure::No("cryptogram: it was made otherwise".to_owned())),
        Finding::Nothing => Err(Failure::No("cryptogram: nothing that is known makes it".to_owned())),
    }
}
