// SPDX-License-Identifier: MIT OR Apache-2.0
//! `payhsm-tool pin`.

mod ibm;

use payhsm::error::Error;
use payhsm::key::role::PinVerificationVisa;
use payhsm::key::usage::KeyAlgorithm;
use payhsm::key::{Key, Tdea};
use payhsm::pin::block::{self, Format};
use payhsm::pin::pvv::{self, Pvv};
use payhsm::pin::{Pan, Pin};

use super::keys;
use super::pins::{self, BlockKey};
use crate::args::Call;
use crate::fail::{Failure, Named as _, Result};
use crate::random::System;
use crate::report::Report;
use crate::secrets::secret_hex;
use crate::spec::{Action, Command, Spec, option, secret};

const FORMAT: &[Spec] = &[option("format", "0..4", "PIN block format of ISO 9564-1; 4 is the AES one").needed()];
const KEY: &[Spec] = &[secret("key", "PIN encryption key: TDES for formats 0 to 3, AES for 4")];
const PVV: &[Spec] = &[
    secret("pvk", "PIN verification key pair, 16 bytes"),
    option("pvki", "DIGIT", "index of the key, 0 to 9; default 1"),
    option("pan", "DIGITS", "the PAN with its check digit, 12 digits or more").needed(),
];

const IBM_NOTES: &str = "\
Which digits of the PAN enter, and the pad, are the issuer's: nothing in a message says so. The module
takes them, and the table, from a registered profile, never with a call.";

/// The command.
pub const COMMAND: Command = Command {
    name: "pin",
    about: "PIN blocks of ISO 9564-1, translation, PIN verification values",
    actions: &[
        Action {
            name: "encode",
            about: "clear PIN block of formats 0 to 3, PIN field of format 4",
            specs: &[pins::PIN, pins::PAN, FORMAT, pins::FILL],
            notes: "A clear block is a secret: it is printed only with --show-secrets.",
            example: include_str!("examples/pin-encode.txt"),
            run: encode,
        },
        Action {
            name: "decode",
            about: "reads a clear PIN block, and says what is wrong with it",
            specs: &[
                &[secret("clear-block", "the clear block, or the PIN field of format 4")],
                pins::PAN,
                FORMAT,
            ],
            notes: "",
            example: include_str!("examples/pin-decode.txt"),
            run: decode,
        },
        Action {
            name: "encrypt",
            about: "enciphers a PIN",
            specs: &[KEY, pins::PIN, pins::PAN, FORMAT, pins::FILL],
            notes: "",
            example: include_str!("examples/pin-encrypt.txt"),
            run: encrypt,
        },
        Action {
            name: "decrypt",
            about: "deciphers a PIN block",
            specs: &[KEY, pins::BLOCK, pins::PAN, FORMAT],
            notes: "\
A block is read as the format that is stated, never as what it looks like. If it holds no PIN so, the
other formats and the PAN with and without its check digit are tried and what fits is said. Formats 0
and 3 do not authenticate the PAN: with a wrong one a block can be well-formed and hold another PIN.",
            example: include_str!("examples/pin-decrypt.txt"),
            run: decrypt,
        },
        Action {
            name: "translate",
            about: "from one key and format to another",
            specs: &[
                &[
                    secret("key", "the key that the block is under"),
                    secret("new-key", "the key that it shall be under"),
                    option("to", "0..4", "the new format").needed(),
                ],
                pins::BLOCK,
                pins::PAN,
                FORMAT,
            ],
            notes: "\
A block bound to a PAN (0, 3, 4) does not become one without (1), and format 2 is for cards only. The
PAN is the same on both sides.",
            example: include_str!("examples/pin-translate.txt"),
            run: translate,
        },
        Action {
            name: "pvv",
            about: "Visa PIN verification value of a PIN",
            specs: &[PVV, pins::PIN],
            notes: "Of a longer PIN the first four digits count.",
            example: include_str!("examples/pin-pvv.txt"),
            run: pvv,
        },
        Action {
            name: "verify-pvv",
            about: "checks a PIN against its PVV",
            specs: &[PVV, pins::PIN, &[option("pvv", "DIGITS", "the PVV, 4 digits").needed()]],
            notes: "",
            example: include_str!("examples/pin-verify-pvv.txt"),
            run: verify_pvv,
        },
        Action {
            name: "ibm-pin",
            about: "PIN of the IBM 3624 from its offset; without one the natural PIN",
            specs: &[ibm::OPTIONS, ibm::OFFSET, ibm::LENGTHS],
            notes: IBM_NOTES,
            example: include_str!("examples/pin-ibm-pin.txt"),
            run: ibm::derive,
        },
        Action {
            name: "ibm-offset",
            about: "offset of the IBM 3624 of a PIN",
            specs: &[ibm::OPTIONS, pins::PIN, ibm::LENGTHS],
            notes: IBM_NOTES,
            example: include_str!("examples/pin-ibm-offset.txt"),
            run: ibm::generate,
        },
        Action {
            name: "verify-ibm",
            about: "checks a PIN against its IBM 3624 offset",
            specs: &[ibm::OPTIONS, pins::PIN, ibm::OFFSET, ibm::LENGTHS],
            notes: IBM_NOTES,
            example: include_str!("examples/pin-verify-ibm.txt"),
            run: ibm::verify,
        },
    ],
};

fn format(call: &Call, name: &'static str, out: &mut Report) -> Result<Format> {
    let format = pins::format(name, call.need(name)?)?;
    let (name, label) = if name == "to" {
        ("new_format", "new format")
    } else {
        ("format", "format")
    };
    out.number(name, label, u64::from(format.number()));
    Ok(format)
}

/// The key for blocks of a format: its algorithm is the format's.
fn block_key(call: &Call, name: &'static str, format: Format, out: &mut Report) -> Result<BlockKey> {
    let key = call.key(name)?;
    let algorithm = if format == Format::Iso4 {
        KeyAlgorithm::Aes
    } else {
        KeyAlgorithm::Tdea
    };
    keys::check_key(name, algorithm, key.bytes())?;
    let (field, label) = if name == "key" {
        ("key", "key")
    } else {
        ("new_key", "new key")
    };
    keys::field(out, field, label, algorithm, key.bytes())?;
    keys::note_defects(out, name, algorithm, key.bytes());
    BlockKey::new(name, algorithm, key.bytes())
}

fn encode(call: &Call, out: &mut Report) -> Result<()> {
    let format = format(call, "format", out)?;
    let pan = pins::pan_for(call, format, out)?;
    let pin = pins::pin(call)?;
    if format == Format::Iso4 {
        let field = pins::format4_field(&pin, call.get("fill"))?;
        out.secret_hex("pin_field", "PIN field", &field);
        return Ok(());
    }
    let block = pins::encode(format, &pin, pan.as_ref(), call.get("fill"))?;
    out.secret_hex("clear_block", "clear block", &block);
    Ok(())
}

fn decode(call: &Call, out: &mut Report) -> Result<()> {
    let format = format(call, "format", out)?;
    let pan = pins::pan_for(call, format, out)?;
    let clear = secret_hex("clear-block", &call.secret("clear-block")?)?;
    if clear.len() != format.block_len() {
        return Err(Failure::refused(format!(
            "clear-block has {} bytes: format {} has {}",
            clear.len(),
            format.number(),
            format.block_len()
        )));
    }
    let mut pin = Pin::empty();
    let read = match (clear.bytes().first_chunk::<16>(), clear.bytes().first_chunk::<8>()) {
        (Some(field), _) => block::decode_format4(field, &mut pin),
        (None, Some(block)) => block::decode(format, block, pan.as_ref(), &mut pin),
        (None, None) => Err(Error::InvalidLength),
    };
    out.yes("well_formed", "well-formed", read.is_ok());
    if read == Err(Error::VerificationFailed) {
        pins::explain_clear(clear.bytes(), format, pan.as_ref(), out);
        return Err(Failure::No(format!(
            "clear-block: it holds no PIN in format {}",
            format.number()
        )));
    }
    read.named("clear-block")?;
    pins::show(out, &pin);
    Ok(())
}

fn encrypt(call: &Call, out: &mut Report) -> Result<()> {
    let format = format(call, "format", out)?;
    let pan = pins::pan_for(call, format, out)?;
    let key = block_key(call, "key", format, out)?;
    let pin = pins::pin(call)?;
    out.hex(
        "block",
        "PIN block",
        &pins::encipher(&key, format, &pin, pan.as_ref(), call.get("fill"))?,
    );
    Ok(())
}

fn decrypt(call: &Call, out: &mut Report) -> Result<()> {
    let block = call.hex("block")?;
    let format = format(call, "format", out)?;
    let pan = pins::pan_for(call, format, out)?;
    let key = block_key(call, "key", format, out)?;
    let pin = pins::decipher(&key, format, &block, pan.as_ref(), out)?;
    pins::show(out, &pin);
    Ok(())
}

fn translate(call: &Call, out: &mut Report) -> Result<()> {
    let text = call.hex("block")?;
    let (from, to) = (format(call, "format", out)?, format(call, "to", out)?);
    if !from.translates_to(to) {
        let why = match (from.binds_pan(), to) {
            (_, Format::Iso2) => "format 2 is made by the terminal for its card, not by translation",
            (true, Format::Iso1) => "a block bound to a PAN would become one that anybody can use with another PAN",
            _ => "format 2 comes from a terminal to its card and goes no further",
        };
        return Err(Failure::Refused(
            format!(
                "to: format {} does not become format {}: {why}",
                from.number(),
                to.number()
            ),
            Some(Error::FormatNotPermitted),
        ));
    }
    let pan = pins::pan_for(call, if from.binds_pan() { from } else { to }, out)?;
    let (key, new_key) = (block_key(call, "key", from, out)?, block_key(call, "new-key", to, out)?);
    if key.strength() > new_key.strength() {
        out.note("new-key is weaker than key: the module refuses that unless policy permits it");
    }
    // Judged on its own for the words; the library's translation does it again.
    drop(pins::decipher(&key, from, &text, pan.as_ref(), out)?);
    let mut new = [0; 16];
    let len = block::translate(
        &key.with(from)?,
        &text,
        &new_key.with(to)?,
        pan.as_ref(),
        &mut System,
        &mut new,
    )
    .named("block")?;
    out.hex("block", "PIN block", new.get(..len).unwrap_or_default());
    Ok(())
}

struct PvvInput {
    key: Key<PinVerificationVisa, Tdea>,
    index: u8,
    pan: Pan,
    pin: Pin,
}

fn pvv_input(call: &Call, out: &mut Report) -> Result<PvvInput> {
    let index = match call.get("pvki").unwrap_or("1").as_bytes() {
        [c @ b'0'..=b'9'] => c - b'0',
        _ => return Err(Failure::refused("pvki: one decimal digit is expected")),
    };
    call.need("pan")?;
    let pan = pins::get_pan(call)?.ok_or_else(|| Failure::Usage("--pan is missing".to_owned()))?;
    pan.pvv_digits()
        .expected("pan", "12 digits or more, with the check digit, are needed")?;
    out.text("pan", "PAN", pan.to_string());
    out.number("pvki", "PVKI", u64::from(index));
    let key = call.key("pvk")?;
    keys::check_len(
        "pvk",
        key.bytes(),
        &[16],
        "a PVK pair has 16 bytes (32 hexadecimal digits): PVK A, then PVK B",
    )?;
    keys::field(out, "pvk", "PVK", KeyAlgorithm::Tdea, key.bytes())?;
    keys::note_defects(out, "pvk", KeyAlgorithm::Tdea, key.bytes());
    Ok(PvvInput {
        key: Key::from_bytes(key.bytes()).named("pvk")?,
        index,
        pan,
        pin: pins::pin(call)?,
    })
}

fn pvv(call: &Call, out: &mut Report) -> Result<()> {
    let PvvInput { key, index, pan, pin } = pvv_input(call, out)?;
    let value = pvv::generate(&key, index, &pan, &pin).named("pvv")?;
    let digits: String = value.digits().iter().map(|digit| char::from(b'0' + digit)).collect();
    out.text("pvv", "PVV", digits);
    Ok(())
}

fn verify_pvv(call: &Call, out: &mut Report) -> Result<()> {
    let expected = Pvv::parse(call.need("pvv")?.as_bytes()).expected("pvv", "4 decimal digits are expected")?;
    let PvvInput { key, index, pan, pin } = pvv_input(call, out)?;
    let verified = pvv::verify(&key, index, &pan, &pin, &expected);
    out.yes("verified", "verified", verified.is_ok());
    if verified == Err(Error::VerificationFailed) {
        for other in (0..=9).filter(|other| *other != index) {
            if pvv::verify(&key, other, &pan, &pin, &expected).is_ok() {
                out.note(format!("the PVV is right for --pvki {other}"));
            }
        }
        return Err(Failure::No("pvv: the PIN does not have this PVV".to_owned()));
    }
    verified.named("pvv")
}
