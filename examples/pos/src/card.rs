// SPDX-License-Identifier: MIT OR Apache-2.0
//! A card: its master key, its counter, and the commands that the terminal sends.

use payhsm::codec::tlv::{self, Tag, Writer};
use payhsm::emv::card::{IssuerAnswer, generate_ac, verify_arpc};
use payhsm::emv::derive::Psn;
use payhsm::emv::element::{Atc, CryptogramKind, tag};
use payhsm::emv::profile::{AcInput, CDOL1, Profile, Scheme};
use payhsm::emv::response::{Authentication, Format};
use payhsm::error::Error;
use payhsm::key::role::{Ac, IccMk};
use payhsm::key::{Key, Tdea};
use payhsm::pin::Pan;

const OK: [u8; 2] = [0x90, 0x00];
const WRONG_DATA: [u8; 2] = [0x6A, 0x80];
const CONDITIONS: [u8; 2] = [0x69, 0x85];
const ISSUER_NOT_AUTHENTICATED: [u8; 2] = [0x63, 0x00];
const UNKNOWN: [u8; 2] = [0x6D, 0x00];

/// Issuer authentication by EXTERNAL AUTHENTICATE is supported; cardholder verification too.
const AIP_CONTACT: [u8; 2] = [0x1C, 0x00];
const AIP_CONTACTLESS: [u8; 2] = [0x40, 0x00];
/// Terminal transaction qualifiers, which a contactless card asks for first.
const TTQ: [u8; 3] = [0x9F, 0x66, 4];

/// What a card remembers between a request and its issuer's answer.
struct Waiting {
    input: AcInput,
    arqc: [u8; 8],
}

/// The card.
pub struct Card {
    profile: &'static Profile,
    mk: Key<IccMk<Ac>, Tdea>,
    track2: Vec<u8>,
    psn: u8,
    atc: u16,
    waiting: Option<Waiting>,
    /// The issuer whom the card recognised in this transaction.
    pub issuer: Option<IssuerAnswer>,
    /// A counterfeit whose counter stands still.
    pub atc_stuck: bool,
}

impl Card {
    /// A card with its master key.
    pub fn new(profile: &'static Profile, mk: Key<IccMk<Ac>, Tdea>, pan: &Pan, psn: Psn) -> Self {
        let tail = [0xD, 2, 8, 1, 2, 2, 0, 1, 0, 0, 0, 0, 0];
        let mut nibbles: Vec<u8> = pan.digits().iter().copied().chain(tail).collect();
        if nibbles.len() % 2 == 1 {
            nibbles.push(0xF);
        }
        Self {
            profile,
            mk,
            track2: nibbles.chunks(2).map(|pair| (pair[0] << 4) | pair[1]).collect(),
            psn: psn.value(),
            atc: 0x001C,
            waiting: None,
            issuer: None,
            atc_stuck: false,
        }
    }

    fn is_contactless(&self) -> bool {
        self.profile.scheme() == Scheme::UnionPay
    }

    /// Answers a command: data and status words.
    pub fn answer(&mut self, command: &[u8]) -> Vec<u8> {
        match self.execute(command) {
            Ok(mut data) => {
                data.extend(OK);
                data
            }
            Err(words) => words.to_vec(),
        }
    }

    fn execute(&mut self, command: &[u8]) -> Result<Vec<u8>, [u8; 2]> {
        let (header, rest) = command.split_first_chunk::<4>().ok_or(UNKNOWN)?;
        let data = match rest {
            [] | [_] => &[][..],
            [lc, rest @ ..] => rest.get(..usize::from(*lc)).ok_or(WRONG_DATA)?,
        };
        let tlv = |result: Result<Vec<u8>, Error>| result.map_err(|_| WRONG_DATA);
        match *header {
            [0x00, 0xA4, 0x04, 0x00] => tlv(self.select(data)),
            [0x80, 0xA8, 0x00, 0x00] => self.processing_options(data),
            [0x00, 0xB2, 0x01, 0x0C] if !self.is_contactless() => tlv(self.record()),
            [0x80, 0xAE, p1, 0x00] if !self.is_contactless() => self.generate(p1, data),
            [0x00, 0x82, 0x00, 0x00] => self.authenticate(data),
            _ => Err(UNKNOWN),
        }
    }

    fn select(&self, aid: &[u8]) -> Result<Vec<u8>, Error> {
        let mut pdol = TTQ.to_vec();
        pdol.extend(CDOL1);
        write(|out| {
            out.begin(Tag::new(0x6F)?)?;
            out.put(Tag::new(0x84)?, aid)?;
            out.begin(Tag::new(0xA5)?)?;
            out.put(Tag::new(0x50)?, b"TEST CARD")?;
            if self.is_contactless() {
                out.put(Tag::new(0x9F38)?, &pdol)?;
            }
            out.end()?;
            out.end()
        })
    }

    /// A transaction begins: the counter goes up. A contactless card gives everything here.
    fn processing_options(&mut self, data: &[u8]) -> Result<Vec<u8>, [u8; 2]> {
        let objects = match data {
            [0x83, len, rest @ ..] if usize::from(*len) == rest.len() => rest,
            _ => return Err(WRONG_DATA),
        };
        if !self.atc_stuck {
            self.atc += 1;
        }
        self.waiting = None;
        self.issuer = None;
        if !self.is_contactless() {
            return write(|out| {
                out.begin(tag::FORMAT2)?;
                out.put(tag::AIP, &AIP_CONTACT)?;
                // Short file identifier 1, record 1 to 1.
                out.put(Tag::new(0x94)?, &[0x08, 0x01, 0x01, 0x00])?;
                out.end()
            })
            .map_err(|_| WRONG_DATA);
        }
        let terminal = objects.get(4..).ok_or(WRONG_DATA)?;
        let answer = self.cryptogram(CryptogramKind::Arqc, terminal, AIP_CONTACTLESS);
        let answer = answer.map_err(|_| WRONG_DATA)?;
        write(|out| {
            let content = tlv::require(&answer, tag::FORMAT2)?;
            out.begin(tag::FORMAT2)?;
            out.put(tag::AIP, &AIP_CONTACTLESS)?;
            out.put(tag::TRACK2, &self.track2)?;
            out.put(tag::PAN_SEQUENCE, &[self.psn])?;
            for name in [tag::CID, tag::ATC, tag::CRYPTOGRAM, tag::IAD] {
                out.put(name, tlv::require(content, name)?)?;
            }
            out.end()
        })
        .map_err(|_| WRONG_DATA)
    }

    fn record(&self) -> Result<Vec<u8>, Error> {
        let mut cdol2 = vec![0x8A, 2];
        cdol2.extend(CDOL1);
        write(|out| {
            out.begin(Tag::new(0x70)?)?;
            out.put(tag::TRACK2, &self.track2)?;
            out.put(tag::PAN_SEQUENCE, &[self.psn])?;
            out.put(Tag::new(0x8C)?, &CDOL1)?;
            out.put(Tag::new(0x8D)?, &cdol2)?;
            out.end()
        })
    }

    fn generate(&mut self, p1: u8, data: &[u8]) -> Result<Vec<u8>, [u8; 2]> {
        let (kind, terminal) = match (&self.waiting, p1) {
            (None, 0x80) => (CryptogramKind::Arqc, data),
            (None, _) => (CryptogramKind::Aac, data),
            // The second one: a TC only for an issuer whom the card knows and who said yes.
            (Some(_), p1) => {
                let approved = matches!(self.issuer, Some(IssuerAnswer::StatusUpdate([_, byte, ..])) if byte & 0x80 != 0)
                    || self.issuer == Some(IssuerAnswer::ResponseCode(*b"00"));
                let kind = if p1 == 0x40 && approved {
                    CryptogramKind::Tc
                } else {
                    CryptogramKind::Aac
                };
                (kind, data.get(2..).ok_or(WRONG_DATA)?)
            }
        };
        let answer = self.cryptogram(kind, terminal, AIP_CONTACT).map_err(|_| WRONG_DATA)?;
        if kind != CryptogramKind::Arqc {
            self.waiting = None;
        }
        Ok(answer)
    }

    /// Template 77 with a cryptogram.
    fn cryptogram(&mut self, kind: CryptogramKind, terminal: &[u8], aip: [u8; 2]) -> Result<Vec<u8>, Error> {
        let input = AcInput::new(terminal, aip, Atc::new(self.atc))?;
        let iad = self.iad(kind);
        let answer = generate_ac(self.profile, &self.mk, kind, &input, &iad)?;
        if let (CryptogramKind::Arqc, Authentication::Cryptogram(arqc)) = (kind, answer.authentication) {
            self.waiting = Some(Waiting { input, arqc });
        }
        let mut out = [0; 128];
        let len = answer.write(Format::Format2, &mut out)?;
        Ok(out[..len].to_vec())
    }

    /// Issuer application data: the card verification results tell the kind of cryptogram.
    fn iad(&self, kind: CryptogramKind) -> Vec<u8> {
        let results = match kind {
            CryptogramKind::Arqc => 0xA0,
            CryptogramKind::Tc => 0x60,
            CryptogramKind::Aac => 0x20,
        };
        match self.profile.scheme() {
            Scheme::UnionPay => vec![0x07, 0x01, self.profile.cvn(), 0x03, results, 0xB0, 0x00, 0x01],
            _ => vec![0x06, 0x01, self.profile.cvn(), 0x03, results, 0xB8, 0x00],
        }
    }

    /// EXTERNAL AUTHENTICATE: the issuer's answer to the request cryptogram, once.
    fn authenticate(&mut self, data: &[u8]) -> Result<Vec<u8>, [u8; 2]> {
        let waiting = match &self.waiting {
            Some(waiting) if self.issuer.is_none() => waiting,
            _ => return Err(CONDITIONS),
        };
        match verify_arpc(self.profile, &self.mk, &waiting.input, &waiting.arqc, data) {
            Ok(answer) => {
                self.issuer = Some(answer);
                Ok(Vec::new())
            }
            Err(_) => Err(ISSUER_NOT_AUTHENTICATED),
        }
    }
}

fn write(content: impl FnOnce(&mut Writer<'_>) -> Result<(), Error>) -> Result<Vec<u8>, Error> {
    let mut out = [0; 255];
    let mut writer = Writer::new(&mut out);
    content(&mut writer)?;
    let len = writer.finish()?;
    Ok(out[..len].to_vec())
}
