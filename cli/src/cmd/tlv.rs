// SPDX-License-Identifier: MIT OR Apache-2.0
//! `payhsm-tool tlv`.

use payhsm::codec::tlv::{Element, Reader, Tag, fault};
use payhsm::emv::dictionary::Definition;
use payhsm::emv::dol::Dol;
use payhsm::error::Error;

use crate::args::Call;
use crate::fail::{Failure, Result};
use crate::report::Report;
use crate::spec::{Action, Command, DATA};
use crate::value::to_hex;

/// The command.
pub const COMMAND: Command = Command {
    name: "tlv",
    about: "BER-TLV data and lists of cards and terminals, and where they are malformed",
    actions: &[
        Action {
            name: "decode",
            about: "takes BER-TLV data apart, at every level",
            specs: &[DATA],
            notes: "\
Account numbers and track data are hidden: --show-secrets prints them. Of malformed data the
elements before the fault are shown, and where it is.",
            example: include_str!("examples/tlv-decode.txt"),
            run: decode,
        },
        Action {
            name: "dol",
            about: "takes a data object list (CDOL, PDOL, DDOL, TDOL) apart",
            specs: &[DATA],
            notes: "",
            example: include_str!("examples/tlv-dol.txt"),
            run: dol,
        },
    ],
};

/// Elements with the account number, or from which cards are copied.
const HIDDEN: [u32; 6] = [0x56, 0x57, 0x5A, 0x5F20, 0x9F20, 0x9F6B];

fn malformed(error: Error, offset: usize) -> Failure {
    Failure::Refused(format!("data: {error} at byte {offset}"), Some(error))
}

/// Refuses data that are no BER-TLV, with the offset of the fault.
pub fn check(data: &[u8]) -> Result<()> {
    match fault(data) {
        None => Ok(()),
        Some(fault) => Err(malformed(fault.error, fault.offset)),
    }
}

fn name(tag: Tag) -> &'static str {
    let of_template = match tag.value() {
        0x70 => "Record template",
        0x71 => "Issuer script template 1",
        0x72 => "Issuer script template 2",
        0x77 => "Response template, format 2",
        0x80 => "Response template, format 1",
        0x6F => "File control information template",
        0xA5 => "FCI proprietary template",
        0xBF0C => "FCI issuer discretionary data",
        _ => "",
    };
    Definition::of(tag).map_or(of_template, |definition| definition.name)
}

fn show(out: &mut Report, element: &Element<'_>) {
    let (tag, value) = (element.tag(), element.value());
    let hidden = HIDDEN.contains(&tag.value()) && !out.shows_secrets();
    let known = Definition::of(tag).filter(|_| !value.is_empty());
    let well_formed = known.is_none_or(|definition| definition.check(value).is_ok());
    let mut about = Report::new(out.shows_secrets());
    about.json("tag", tag.to_string());
    about.json("name", name(tag));
    about.json("depth", element.depth());
    about.json("offset", element.offset());
    about.json("length", value.len());
    about.json("well_formed", well_formed);
    let text = if element.is_constructed() {
        format!("template, {} bytes", value.len())
    } else if hidden {
        about.hide("value");
        format!("({} bytes, hidden)", value.len())
    } else {
        about.json("value", to_hex(value));
        to_hex(value)
    };
    let label = format!("{:indent$}{tag} {}", "", name(tag), indent = 2 * element.depth());
    let note = if well_formed {
        ""
    } else {
        "  <- not of its format or length"
    };
    out.item_line("elements", label.trim_end(), format!("{text}{note}"), about);
}

fn decode(call: &Call, out: &mut Report) -> Result<()> {
    let data = call.data()?;
    out.list("elements");
    let mut reader = Reader::new(data.bytes());
    while let Some(element) = reader.next() {
        match element {
            Ok(element) => show(out, &element),
            Err(error) => {
                out.json("offset", reader.offset());
                return Err(malformed(error, reader.offset()));
            }
        }
    }
    Ok(())
}

fn dol(call: &Call, out: &mut Report) -> Result<()> {
    let data = call.data()?;
    out.list("entries");
    let dol = match Dol::parse(data.bytes()) {
        Ok(dol) => dol,
        Err(error) => {
            let offset = Dol::fault(data.bytes()).map_or(0, |fault| fault.offset);
            out.json("offset", offset);
            return Err(malformed(error, offset));
        }
    };
    for entry in dol.entries() {
        let mut about = Report::new(false);
        about.json("tag", entry.tag.to_string());
        about.json("name", name(entry.tag));
        about.json("length", entry.len);
        let label = format!("{} {}", entry.tag, name(entry.tag));
        out.item_line("entries", label.trim_end(), format!("{} bytes", entry.len), about);
    }
    out.number("length", "length of the data", dol.data_len() as u64);
    Ok(())
}
