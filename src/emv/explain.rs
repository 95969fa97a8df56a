// SPDX-License-Identifier: MIT OR Apache-2.0
//! Why a cryptogram does not match: what a profile makes of a message, and what else would have made the cryptogram.
//!
//! ```text
//! field 55 ─► profile ─► matches
//!                    └─► does not: every option, sequence number 00, session key, padding and part of the issuer
//!                        application data that is known here ─► the one that matches, and the profile that it is
//! ```
//!
//! [`explain`] finds out, [`Explanation`] tells, and its `Display` writes it down, the PAN masked. A host's function for
//! the day on which a card is introduced: it says of many keys and inputs whether they give a cryptogram, which no
//! production system needs to know. The module gives it with a permission only.
//!
//! ```
//! # #[cfg(all(feature = "hazmat", feature = "host"))] {
//! use payhsm::emv::explain::{Finding, explain};
//! # use payhsm::emv::{derive::Psn, profile::VISA_CVN18};
//! # use payhsm::key::{Key, Tdea, role::{Ac, Imk}};
//! # let imk = Key::<Imk<Ac>, Tdea>::from_bytes(&[0x57; 16])?;
//! # let pan = payhsm::pin::pan::Pan::parse(b"4761739001010010")?;
//! # let field55 = [
//! #     0x9F, 2, 6, 0, 0, 0, 0, 0, 1, 0x9F, 0x1A, 2, 8, 0x40, 0x95, 5, 0, 0, 0, 0, 0, 0x5F, 0x2A, 2, 8, 0x40, 0x9A, 3,
//! #     0x26, 1, 0x31, 0x9C, 1, 0, 0x9F, 0x37, 4, 1, 2, 3, 4, 0x82, 2, 0x18, 0, 0x9F, 0x36, 2, 0, 7, 0x9F, 0x10, 7, 6, 1,
//! #     0x12, 3, 0, 0, 0, 0x9F, 0x26, 8, 1, 2, 3, 4, 5, 6, 7, 8, 0x9F, 0x27, 1, 0x80,
//! # ];
//! let explanation = explain(&VISA_CVN18, &imk, &pan, Psn::ABSENT, &field55)?;
//! assert_eq!(explanation.finding, Finding::Nothing);
//! assert!(explanation.to_string().contains("padding: method 2"));
//! # }
//! # Ok::<(), payhsm::error::Error>(())
//! ```

mod text;

use super::CardAlgorithm;
use super::derive::{MasterKeyOption, Psn};
use super::dictionary::Definition;
use super::element::{Atc, Cid, tag};
use super::profile::{ALL, AcInput, Field55, Iad, IadLayout, IadPart, Padding, Profile, Scheme, SessionKeyMethod};
#[cfg(feature = "legacy")]
use super::session::Tree;
use crate::codec::tlv::Tag;
use crate::error::Error;
use crate::key::Key;
use crate::key::role::{Ac, Imk};
use crate::key::usage::KeyAlgorithm;
use crate::pin::pan::Pan;

/// What was found out about a cryptogram.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Finding {
    /// It is what the profile makes.
    Matches,
    /// It was made otherwise.
    MadeWith(MadeWith),
    /// Nothing that is known here makes it: another issuer key, another PAN or sequence number, or other elements.
    Nothing,
}

/// How a cryptogram was made that does not match.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MadeWith {
    /// The option of the card's master key. Options that give this card the same key are taken for the profile's.
    pub master_key: MasterKeyOption,
    /// The sequence number with which that key is derived.
    pub psn: Psn,
    /// The session key.
    pub session_key: SessionKeyMethod,
    /// The padding; of no meaning for an AES card.
    pub padding: Padding,
    /// What of the issuer application data entered; `None`: nothing of them.
    pub iad_part: Option<IadPart>,
    /// The layout by which that part is one.
    pub iad_layout: IadLayout,
    /// The profile that makes it so, if there is one.
    pub profile: Option<&'static Profile>,
}

/// One way in which a cryptogram was made otherwise than the profile makes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Difference {
    /// The option of the card's master key.
    MasterKey,
    /// The sequence number of the card.
    Psn,
    /// The method of the session key.
    SessionKey,
    /// The padding.
    Padding,
    /// What of the issuer application data enters.
    IadPart,
}

/// What a profile makes of a message.
#[derive(Clone, Debug)]
pub struct Explanation<'a> {
    /// The profile.
    pub profile: &'static Profile,
    /// The card.
    pub pan: &'a Pan,
    /// Its sequence number.
    pub psn: Psn,
    /// The issuer application data.
    pub iad: &'a [u8],
    /// The same taken apart, or why they are not of the profile.
    pub parsed: Result<Iad<'a>, Error>,
    /// Whether 9F03 stood in the message; if not, zeros enter.
    pub amount_other: bool,
    /// Cryptogram information data.
    pub cid: Cid,
    /// The cryptogram.
    pub cryptogram: [u8; 8],
    /// What was found out.
    pub finding: Finding,
    input: AcInput,
    atc: [u8; 2],
}

/// Explains the application cryptogram of a message. `field55` as in
/// [`verify_arqc`](super::profile::verify_arqc), but that its issuer application data may be of another profile.
///
/// # Errors
/// The TLV errors, [`Error::TlvMissing`], [`Error::TlvDuplicate`], [`Error::EmvElement`]; [`Error::AlgorithmMismatch`] if
/// the profile's cards have keys of another cipher than `imk`; [`Error::NoKey`], [`Error::InvalidKeyLength`].
///
/// # Timing
/// Depends on the message and on which of the known ways makes the cryptogram, which is what it tells; besides that
/// independent of the keys.
pub fn explain<'a, A: CardAlgorithm>(
    profile: &'static Profile,
    imk: &Key<Imk<Ac>, A>,
    pan: &'a Pan,
    psn: Psn,
    field55: &'a [u8],
) -> Result<Explanation<'a>, Error> {
    let mut explanation = Explanation::prepare::<A>(profile, pan, psn, field55)?;
    explanation.find(imk)?;
    Ok(explanation)
}

impl<'a> Explanation<'a> {
    /// What is public, before a key is used.
    pub(crate) fn prepare<A: CardAlgorithm>(
        profile: &'static Profile,
        pan: &'a Pan,
        psn: Psn,
        field55: &'a [u8],
    ) -> Result<Self, Error> {
        profile.check_algorithm::<A>()?;
        let field = Field55::parse(field55)?;
        Ok(Self {
            profile,
            pan,
            psn,
            iad: field.iad,
            parsed: profile.parse_iad(field.iad),
            amount_other: field.amount_other,
            cid: field.cid,
            cryptogram: field.cryptogram,
            finding: Finding::Nothing,
            atc: field.input.atc().to_bytes(),
            input: field.input,
        })
    }

    /// Finds out how the cryptogram was made.
    pub(crate) fn find<A: CardAlgorithm>(&mut self, imk: &Key<Imk<Ac>, A>) -> Result<(), Error> {
        self.finding = self.search(imk)?;
        Ok(())
    }

    /// The application transaction counter.
    #[must_use]
    pub const fn atc(&self) -> Atc {
        self.input.atc()
    }

    /// The elements that enter before the issuer application data, in order: tag, name, value.
    pub fn elements(&self) -> impl Iterator<Item = (Tag, &'static str, &[u8])> {
        let (_, aip, _) = self.input.parts();
        let of_card = [(tag::AIP, &aip[..]), (tag::ATC, &self.atc[..])];
        self.input.terminal_elements().chain(of_card).map(|(tag, value)| {
            let name = Definition::of(tag).map_or("", |definition| definition.name);
            (tag, name, value)
        })
    }

    /// In what the cryptogram was made otherwise than by the profile.
    pub fn differences(&self) -> impl Iterator<Item = Difference> {
        let made = match self.finding {
            Finding::MadeWith(made) => Some(made),
            Finding::Matches | Finding::Nothing => None,
        };
        let all = made.map(|made| {
            let recipe = self.profile.recipe();
            let aes = self.profile.algorithm() == KeyAlgorithm::Aes;
            [
                (made.master_key != recipe.master_key, Difference::MasterKey),
                (made.psn != self.psn, Difference::Psn),
                (made.session_key != recipe.session_key, Difference::SessionKey),
                (made.padding != recipe.padding && !aes, Difference::Padding),
                (!self.is_own_part(&made), Difference::IadPart),
            ]
        });
        let all = all.into_iter().flatten();
        all.filter_map(|(differs, difference)| differs.then_some(difference))
    }

    /// Whether the bytes that entered are those that the profile takes.
    fn is_own_part(&self, made: &MadeWith) -> bool {
        let bytes = |layout: IadLayout, part: Option<IadPart>| part_of(self.iad, layout, part);
        let own = bytes(self.profile.iad_layout(), Some(self.profile.iad_part()));
        own.is_some() && own == bytes(made.iad_layout, made.iad_part)
    }

    /// Tries everything; of several ways that match the one with the fewest differences.
    fn search<A: CardAlgorithm>(&self, imk: &Key<Imk<Ac>, A>) -> Result<Finding, Error> {
        let (mut best, mut fewest) = (Finding::Nothing, usize::MAX);
        let (mut mk, mut sk) = (Key::empty(), Key::empty());
        let (terminal, aip, atc) = self.input.parts();
        for master_key in self.options(A::ALGORITHM) {
            for psn in [Some(self.psn), (self.psn != Psn::ABSENT).then_some(Psn::ABSENT)]
                .into_iter()
                .flatten()
            {
                A::icc_master_key(master_key, imk, self.pan, psn, &mut mk)?;
                for &session_key in session_keys(A::ALGORITHM) {
                    let un = self.input.unpredictable_number();
                    A::session_key(session_key, &mk, self.input.atc(), un, &mut sk)?;
                    for &padding in paddings(A::ALGORITHM) {
                        for (iad_layout, iad_part) in parts() {
                            let Some([first, second]) = part_of(self.iad, iad_layout, iad_part) else {
                                continue;
                            };
                            let input: [&[u8]; 5] = [terminal, aip, &atc, first, second];
                            if A::verify(&sk, padding, &input, &self.cryptogram).is_err() {
                                continue;
                            }
                            let made = MadeWith {
                                master_key,
                                psn,
                                session_key,
                                padding,
                                iad_part,
                                iad_layout,
                                profile: None,
                            };
                            let made = MadeWith {
                                profile: self.profile_of(&made),
                                ..made
                            };
                            let found = Self {
                                finding: Finding::MadeWith(made),
                                ..self.clone()
                            };
                            let differences = found.differences().count();
                            if differences < fewest {
                                (best, fewest) = (found.finding, differences);
                            }
                        }
                    }
                }
            }
        }
        if fewest == 0 && self.parsed.is_ok() {
            best = Finding::Matches;
        }
        Ok(best)
    }

    /// Options that give this card another key; of those that give the same the profile's own stands for all.
    fn options(&self, algorithm: KeyAlgorithm) -> impl Iterator<Item = MasterKeyOption> {
        let own = self.profile.master_key();
        // Parity does not change what a TDEA key does, and up to 16 digits B is A.
        let hashes = |option| option == MasterKeyOption::B && self.pan.digits().len() > 16;
        let others = match algorithm {
            KeyAlgorithm::Aes => [None, None],
            _ => [
                hashes(own).then_some(MasterKeyOption::A),
                (!hashes(own) && self.pan.digits().len() > 16).then_some(MasterKeyOption::B),
            ],
        };
        [Some(own)].into_iter().chain(others).flatten()
    }

    /// The profile that makes cryptograms so: one whose number stands in the issuer application data before others.
    fn profile_of(&self, made: &MadeWith) -> Option<&'static Profile> {
        let short = self.pan.digits().len() <= 16;
        let class = |option| match option {
            MasterKeyOption::B if !short => 1,
            MasterKeyOption::A | MasterKeyOption::B | MasterKeyOption::Pboc => 0,
            MasterKeyOption::C => 2,
        };
        let bytes = part_of(self.iad, made.iad_layout, made.iad_part)?;
        let is = |profile: &&&'static Profile| {
            let recipe = profile.recipe();
            profile.algorithm() == self.profile.algorithm()
                && class(recipe.master_key) == class(made.master_key)
                && recipe.session_key == made.session_key
                && recipe.padding == made.padding
                && part_of(self.iad, profile.iad_layout(), Some(profile.iad_part())) == Some(bytes)
        };
        let by_number = ALL
            .iter()
            .filter(is)
            .find(|profile| profile.parse_iad(self.iad).is_ok());
        let by_scheme = || {
            ALL.iter()
                .filter(is)
                .find(|profile| profile.scheme() == self.profile.scheme())
        };
        by_number.or_else(by_scheme).or_else(|| ALL.iter().find(is)).copied()
    }

    /// The scheme whose number the issuer application data carry, if it is another profile's of the same scheme.
    fn version_in_iad(&self) -> Option<&'static Profile> {
        let same = |scheme: Scheme| move |profile: &&&'static Profile| profile.scheme() == scheme;
        let of_scheme = ALL.iter().filter(same(self.profile.scheme()));
        of_scheme.copied().find(|profile| profile.parse_iad(self.iad).is_ok())
    }
}

/// The bytes of a part of issuer application data; `None` if the layout does not read them, or has no such part.
fn part_of(iad: &[u8], layout: IadLayout, part: Option<IadPart>) -> Option<[&[u8]; 2]> {
    match part {
        None => Some([&[], &[]]),
        Some(IadPart::Whole) => Some([iad, &[]]),
        Some(part) => {
            let iad = layout.parse(iad).ok()?;
            let missing = iad.cvr.is_empty() || (part == IadPart::CvrAndCounters && iad.counters.is_empty());
            (!missing).then(|| part.of(&iad))
        }
    }
}

/// Every part by every layout; whole and nothing once.
fn parts() -> impl Iterator<Item = (IadLayout, Option<IadPart>)> {
    let once = [Some(IadPart::Whole), None].map(|part| (IadLayout::Visa, part));
    let by_layout = IadLayout::ALL
        .into_iter()
        .flat_map(|layout| [IadPart::Cvr, IadPart::CvrAndCounters].map(|part| (layout, Some(part))));
    once.into_iter().chain(by_layout)
}

const fn paddings(algorithm: KeyAlgorithm) -> &'static [Padding] {
    match algorithm {
        KeyAlgorithm::Aes => &[Padding::Method2],
        _ => &[Padding::Method1, Padding::Method2],
    }
}

const fn session_keys(algorithm: KeyAlgorithm) -> &'static [SessionKeyMethod] {
    match algorithm {
        KeyAlgorithm::Aes => &[SessionKeyMethod::Direct, SessionKeyMethod::Common],
        _ => &[
            SessionKeyMethod::Direct,
            SessionKeyMethod::Common,
            SessionKeyMethod::MChip,
            SessionKeyMethod::UnionPay,
            #[cfg(feature = "legacy")]
            SessionKeyMethod::Emv2000(Tree::Branch4Height8),
            #[cfg(feature = "legacy")]
            SessionKeyMethod::Emv2000(Tree::Branch2Height16),
        ],
    }
}
