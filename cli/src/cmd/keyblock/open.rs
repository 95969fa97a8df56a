// SPDX-License-Identifier: MIT OR Apache-2.0
//! What needs the protection key.

use payhsm::error::Error;
use payhsm::key::role::Kbpk;
use payhsm::key::usage::{Exportability, KeyAlgorithm, ModeOfUse, strength_bits};
use payhsm::key::{Aes, Key, Tdea};
use payhsm::keyblock::header::{Header, Version};
use payhsm::keyblock::optional::{CheckMethod, Optional, Pedigree, Typed};
use payhsm::keyblock::wrap::{LengthHiding, Template};
use payhsm::keyblock::{KbpkRef, KeyBlock, Payload, Profile};

use super::explain::{PROFILES, judge};
use super::{header, show, text};
use crate::args::Call;
use crate::cmd::keys;
use crate::fail::{Failure, Named as _, Result};
use crate::random::System;
use crate::report::Report;
use crate::secrets::Wiped;
use crate::value::to_hex;

/// A protection key of the algorithm that the version takes.
struct Protection {
    key: Either,
    algorithm: KeyAlgorithm,
    len: usize,
    legacy: Option<[u8; 3]>,
    cmac: [u8; 5],
}

enum Either {
    Tdea(Key<Kbpk, Tdea>),
    Aes(Key<Kbpk, Aes>),
}

impl Protection {
    fn read(call: &Call, name: &'static str, version: Version, out: &mut Report) -> Result<Self> {
        let key = call.key(name)?;
        let algorithm = if version.is_aes() {
            KeyAlgorithm::Aes
        } else {
            KeyAlgorithm::Tdea
        };
        let expected = if version.is_aes() {
            "versions D and E take an AES key of 16, 24 or 32 bytes"
        } else {
            "versions A, B and C take a TDES key of 16 or 24 bytes"
        };
        let fits: &[usize] = if version.is_aes() { &[16, 24, 32] } else { &[16, 24] };
        keys::check_len(name, key.bytes(), fits, expected)?;
        let (field, label) = if name == "kbpk" {
            ("kbpk", "KBPK")
        } else {
            ("new_kbpk", "new KBPK")
        };
        keys::field(out, field, label, algorithm, key.bytes())?;
        keys::note_defects(out, name, algorithm, key.bytes());
        let len = key.len();
        if version.is_aes() {
            let key: Key<Kbpk, Aes> = Key::from_bytes(key.bytes()).named(name)?;
            let cmac = key.kcv_cmac().named(name)?;
            Ok(Self {
                key: Either::Aes(key),
                algorithm,
                len,
                legacy: None,
                cmac,
            })
        } else {
            let key: Key<Kbpk, Tdea> = Key::from_bytes(key.bytes()).named(name)?;
            let (legacy, cmac) = (key.kcv_legacy().named(name)?, key.kcv_cmac().named(name)?);
            Ok(Self {
                key: Either::Tdea(key),
                algorithm,
                len,
                legacy: Some(legacy),
                cmac,
            })
        }
    }

    const fn by_ref(&self) -> KbpkRef<'_> {
        match &self.key {
            Either::Tdea(key) => KbpkRef::Tdea(key),
            Either::Aes(key) => KbpkRef::Aes(key),
        }
    }

    /// Data of a KP.
    fn check_value(&self) -> String {
        self.legacy.map_or_else(
            || format!("01{}", to_hex(&self.cmac)),
            |legacy| format!("00{}", to_hex(&legacy)),
        )
    }

    /// Whether the key that it would protect is stronger.
    fn is_weaker(&self, algorithm: KeyAlgorithm, key_len: usize) -> bool {
        strength_bits(self.algorithm, self.len) < strength_bits(algorithm, key_len)
    }

    /// Says if the module would refuse to protect the key.
    fn note_strength(&self, name: &str, algorithm: KeyAlgorithm, key_len: usize, out: &mut Report) {
        let (own, other) = (
            strength_bits(self.algorithm, self.len),
            strength_bits(algorithm, key_len),
        );
        if self.is_weaker(algorithm, key_len) {
            out.note(format!(
                "{name} is weaker than the key ({own} bits under {other}): the module refuses such a block"
            ));
        }
    }
}

/// The profile of the options, or the lenient one of the version.
fn profile(call: &Call, version: Version) -> Result<Profile> {
    match call.get("profile") {
        Some(name) => call.choice("profile", name, PROFILES),
        None => Ok(Profile::of(version)),
    }
}

/// Judges the public fields in words.
fn demand(text: &str, profile: Profile) -> Result<()> {
    judge(text, profile).map_err(|broken| {
        Failure::Refused(
            format!("block: at {}: {}", broken.offset, broken.rule),
            Some(broken.error),
        )
    })
}

fn version(text: &str) -> Result<Version> {
    let first = text.as_bytes().first().copied().unwrap_or(0);
    Version::from_char(first).expected("block", "a key block begins with A, B, C, D or E")
}

/// Reads the block and opens it into `payload`.
fn open<'p>(
    call: &Call,
    text: &'p str,
    payload: &'p mut Payload,
    out: &mut Report,
) -> Result<(KeyBlock<'p, payhsm::keyblock::Verified<'p>>, Header)> {
    let version = version(text)?;
    let profile = profile(call, version)?;
    demand(text, profile)?;
    let block = KeyBlock::parse(text.as_bytes(), profile).named("block")?;
    let kbpk = Protection::read(call, "kbpk", version, out)?;
    let (header, stated) = (*block.header(), block.blocks().kbpk_check_value());
    let verified = block.verify(kbpk.by_ref(), payload);
    out.yes("verified", "authentic", verified.is_ok());
    if let Err(Error::VerificationFailed) = verified {
        if let Some(stated) = stated {
            let own = match stated.method() {
                CheckMethod::Legacy => kbpk.legacy.map(|kcv| kcv.to_vec()),
                CheckMethod::Cmac => Some(kbpk.cmac.to_vec()),
            };
            let (stated, own) = (stated.bytes(), own.unwrap_or_default());
            if own.starts_with(stated) {
                out.note(
                    "KP in the block is the check value of this KBPK: the block was changed on its way, or KC is wrong",
                );
            } else {
                out.note(format!(
                    "KP in the block says that it is under a KBPK with check value {}; this one has {}",
                    to_hex(stated),
                    to_hex(&own)
                ));
            }
        } else {
            out.note("a wrong KBPK is the usual cause: compare its check value with the other side's");
        }
        return Err(Failure::No("block: it is not authentic under this KBPK".to_owned()));
    }
    Ok((verified.named("block")?, header))
}

pub(super) fn unwrap(call: &Call, out: &mut Report) -> Result<()> {
    let text = text(call)?;
    show(&text, out);
    let mut payload = Payload::empty();
    let (block, header) = open(call, &text, &mut payload, out)?;
    let key = block.key_bytes();
    out.number("key_length", "key length", key.len() as u64);
    let algorithm = header.attributes.algorithm;
    match algorithm {
        KeyAlgorithm::Des | KeyAlgorithm::Tdea | KeyAlgorithm::Aes
            if header.attributes.usage != payhsm::key::usage::Usage::I0 =>
        {
            keys::own(out, "key", "key", algorithm, key)?;
            keys::note_defects(out, "key", algorithm, key);
        }
        _ => out.secret_hex("key", "key", key),
    }
    Ok(())
}

/// The key and the blocks of a template, written and checked.
struct Wrap<'a> {
    version: Version,
    header: Header,
    optional: Vec<(String, String)>,
    length: LengthHiding,
    kbpk: &'a Protection,
    kbpk_name: &'a str,
}

impl Wrap<'_> {
    fn write(&self, key: &[u8], out: &mut Report) -> Result<()> {
        let optional: Vec<Optional<'_>> = self
            .optional
            .iter()
            .map(|(id, data)| {
                let id: [u8; 2] = id.as_bytes().try_into().map_err(|_| bad_optional(id))?;
                Optional::new(id, data.as_bytes()).expected(
                    "optional",
                    "an identifier of two letters or digits, not PB, and printable ASCII are expected",
                )
            })
            .collect::<Result<_>>()?;
        let mut template = Template::new(self.version, self.header.attributes).with_optional(&optional);
        template.context = self.header.context;
        template.length = self.length;
        let mut block = Wiped::of(&[0; 9999]);
        let len = template
            .wrap_bytes(self.kbpk.by_ref(), key, &mut System, block.bytes_mut())
            .named("key")?;
        let text = core::str::from_utf8(block.bytes().get(..len).unwrap_or_default()).unwrap_or_default();
        self.kbpk
            .note_strength(self.kbpk_name, self.header.attributes.algorithm, key.len(), out);
        // The lenient profile of the version must take what was written; the strict one may not.
        demand(text, Profile::of(self.version))?;
        if let Err(broken) = judge(text, Profile::X9143Strict) {
            out.note(format!(
                "x9143-strict refuses this block at {}: {}",
                broken.offset, broken.rule
            ));
        }
        out.text("block", "block", text);
        Ok(())
    }
}

fn bad_optional(id: &str) -> Failure {
    Failure::refused(format!("optional: identifier {id:?} has not two characters"))
}

/// A template of 16 characters, whose length and number of blocks do not count.
fn template(call: &Call) -> Result<Header> {
    let given = call.need("header")?;
    let mut text = given.to_owned();
    if text.len() != 16 || !text.is_ascii() {
        return Err(Failure::refused(format!(
            "header has {} characters: 16 are expected, such as D0000P0AE00E0000",
            text.chars().count()
        )));
    }
    if text.get(12..14) != Some("00") {
        return Err(Failure::refused(
            "header: the number of optional blocks is computed: write 00 and give them by --optional",
        ));
    }
    text.replace_range(1..5, "0000");
    header(&text).ok_or_else(|| {
        // The same words as for a block; it is one without blocks and body.
        match judge(&text, Profile::Tr31_2018).err() {
            Some(broken) => Failure::Refused(
                format!("header: at {}: {}", broken.offset, broken.rule),
                Some(broken.error),
            ),
            None => Failure::refused("header"),
        }
    })
}

pub(super) fn wrap(call: &Call, out: &mut Report) -> Result<()> {
    let header = template(call)?;
    let mut optional = Vec::new();
    for text in call.all("optional") {
        let (id, data) = text
            .split_once('=')
            .ok_or_else(|| Failure::refused("optional: ID=DATA is expected, such as KS=FFFF9876543210E00000"))?;
        optional.push((id.to_owned(), data.to_owned()));
    }
    let length = match call.get("hide-length") {
        None | Some("longest") => LengthHiding::Longest,
        Some("none") => LengthHiding::None,
        Some(_) => LengthHiding::To(call.get_number("hide-length")?.unwrap_or(0)),
    };
    let kbpk = Protection::read(call, "kbpk", header.version, out)?;
    let key = call.key("key")?;
    let algorithm = header.attributes.algorithm;
    let known = matches!(algorithm, KeyAlgorithm::Des | KeyAlgorithm::Tdea | KeyAlgorithm::Aes);
    if known {
        keys::check_key("key", algorithm, key.bytes())?;
        keys::field(out, "key", "key", algorithm, key.bytes())?;
        keys::note_defects(out, "key", algorithm, key.bytes());
    }
    let (kc, kp) = match call.get("check-values") {
        None => (false, false),
        Some(text) => call.choice(
            "check-values",
            text,
            &[("kc", (true, false)), ("kp", (false, true)), ("both", (true, true))],
        )?,
    };
    if kc {
        let kcv = keys::usual_kcv(algorithm, key.bytes())?.filter(|_| known);
        let kcv = kcv.ok_or_else(|| Failure::refused("check-values: keys of this algorithm have no check value"))?;
        let kind = if algorithm == KeyAlgorithm::Aes { "01" } else { "00" };
        optional.push(("KC".to_owned(), format!("{kind}{kcv}")));
    }
    if kp {
        optional.push(("KP".to_owned(), kbpk.check_value()));
    }
    Wrap {
        version: header.version,
        header,
        optional,
        length,
        kbpk: &kbpk,
        kbpk_name: "kbpk",
    }
    .write(key.bytes(), out)
}

pub(super) fn translate(call: &Call, out: &mut Report) -> Result<()> {
    let text = text(call)?;
    let mut payload = Payload::empty();
    let (block, mut header) = open(call, &text, &mut payload, out)?;
    let version = match call.get("to").map(str::as_bytes) {
        None => header.version,
        Some(&[c]) => Version::from_char(c).expected("to", "A, B, C, D or E is expected")?,
        Some(_) => return Err(Failure::refused("to: A, B, C, D or E is expected")),
    };
    let before = header.attributes;
    let one = |name: &'static str| match call.get(name).map(str::as_bytes) {
        None => Ok(None),
        Some(&[c]) => Ok(Some(c)),
        Some(_) => Err(Failure::refused(format!("{name}: one character is expected"))),
    };
    if let Some(c) = one("mode")? {
        header.attributes.mode = ModeOfUse::from_char(c).named("mode")?;
    }
    if let Some(c) = one("exportability")? {
        header.attributes.exportability =
            Exportability::from_char(c).expected("exportability", "E, N or S is expected")?;
    }
    before.cover(&header.attributes).map_err(|error| {
        let name = if error == Error::ModeNotPermitted {
            "mode"
        } else {
            "exportability"
        };
        let message = format!("{name}: what a block allows is made narrower, never wider");
        Failure::Refused(message, Some(error))
    })?;
    let new = Protection::read(call, "new-kbpk", version, out)?;
    let added = if new.is_weaker(header.attributes.algorithm, block.key_bytes().len()) {
        Pedigree::LESSER
    } else {
        Pedigree::SOUND
    };
    let optional = block
        .blocks()
        .iter()
        .filter(|block| block.id != *b"PB")
        .map(|block| {
            let (id, data) = (String::from_utf8_lossy(&block.id), String::from_utf8_lossy(block.data));
            let data = match (&*id, block.typed()) {
                ("KP", _) => new.check_value(),
                // A pedigree never gets better.
                (_, Ok(Typed::Pedigree(pedigree))) => {
                    String::from_utf8_lossy(&pedigree.and(added).to_chars()).into_owned()
                }
                _ => data.into_owned(),
            };
            (id.into_owned(), data)
        })
        .collect();
    Wrap {
        version,
        header,
        optional,
        length: LengthHiding::Longest,
        kbpk: &new,
        kbpk_name: "new-kbpk",
    }
    .write(block.key_bytes(), out)
}
