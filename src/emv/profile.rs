// SPDX-License-Identifier: MIT OR Apache-2.0
//! What each scheme's cryptogram version fixes, as constants, and the issuer's side of a transaction under one.
//!
//! | constant | CVN | card key | session key | issuer application data that enter | padding | response |
//! |---|---|---|---|---|---|---|
//! | [`VISA_CVN10`] | 0A | A | none | CVR, 4 bytes | 1 | method 1, card key |
//! | [`VISA_CVN18`] | 12 | B | common | whole | 2 | method 2, session key |
//! | [`VISA_CVN22`] | 22 | B | common | whole | 2 | method 2, session key |
//! | [`MCHIP_CVN10`], [`MCHIP_CVN11`] | 10, 11 | A | SKD with UN | CVR, 6 bytes; 11: and counters | 2 | method 1, card key |
//! | [`MCHIP_CVN14`], [`MCHIP_CVN15`] | 14, 15 | A | common | CVR, 6 bytes; 15: and counters | 2 | method 1, session key |
//! | [`INTERAC_CVN133`] | 85 | A | SKD with UN | whole | 2 | method 1, session key |
//! | [`UNIONPAY_CVN01`] | 01 | A, parity as it falls | UnionPay | CVR, 4 bytes | 2 | method 1, session key |
//! | [`CCD_CV5`] | A5 | A | common | whole | 2 | method 2, session key |
//! | [`CCD_CV6`] | A6 | C (AES) | common, AES | whole | CMAC | method 2, session key |
//!
//! Before the issuer application data stand, in every one of them, 9F02 9F03 9F1A 95 5F2A 9A 9C 9F37 82 9F36
//! ([`AcInput`]). What a profile fixes for issuer scripts is the table of `emv::script`.
//!
//! [`VISA_CVN22`] (hexadecimal 22), [`INTERAC_CVN133`] and the answers of [`CCD_CV6`] rest on one public
//! implementation, the others on two. What of a version is not public, or known from memory only, is in [`RESERVED`]: the
//! numbers are known and [`Unsupported`](Error::Unsupported). Cards of other versions go through [`raw`](super::raw),
//! where the caller says what a profile would fix, the [`Recipe`].
//!
//! Common core cards may be personalised with option A or B, which agree up to 16 digits of PAN; [`CCD_CV5`] is
//! option A.

mod iad;
mod input;
mod table;
#[cfg(feature = "host")]
mod verify;

pub use super::cryptogram::Padding;
pub use super::session::Method as SessionKeyMethod;
pub use iad::{Iad, IadLayout, IadPart};
#[cfg(feature = "host")]
pub(in crate::emv) use input::Field55;
pub use input::{AcInput, CDOL1};
#[cfg(feature = "host")]
pub(crate) use verify::Prepared;
#[cfg(feature = "host")]
pub(in crate::emv) use verify::Request;
#[cfg(feature = "host")]
pub use verify::{IssuerAuthenticationData, VerifiedArqc, verify_arqc};

pub use table::*;

use super::CardAlgorithm;
use super::derive::MasterKeyOption;
use super::element::Atc;
#[cfg(feature = "host")]
use super::script::Rules;
use crate::error::Error;
use crate::key::Key;
use crate::key::role::{Ac, IccMk, SessionKey};
use crate::key::usage::KeyAlgorithm;

/// The payment scheme that defines a cryptogram version.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scheme {
    /// Visa.
    Visa,
    /// Mastercard (M/Chip).
    Mastercard,
    /// Interac.
    Interac,
    /// UnionPay and PBOC.
    UnionPay,
    /// JCB.
    Jcb,
    /// American Express.
    AmericanExpress,
    /// Discover.
    Discover,
    /// EMV common core definitions (CCD), whichever scheme has issued the card. Its version number is the common core
    /// identifier.
    CommonCore,
}

/// How the issuer answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ArpcMethod {
    /// Method 1: over the authorisation response code (2 bytes).
    Method1,
    /// Method 2: over the card status update (4 bytes) and proprietary data.
    Method2,
}

/// The key of the issuer's answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ArpcKey {
    /// The card's master key.
    MasterKey,
    /// The session key of the request.
    SessionKey,
}

/// How a cryptogram and the answer to it are made: what a profile fixes, and what the caller of the [raw
/// form](super::raw) says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Recipe {
    /// How the card's master key is derived.
    pub master_key: MasterKeyOption,
    /// How the session key is derived.
    pub session_key: SessionKeyMethod,
    /// Padding of the cryptogram's input; of no meaning for AES cards, whose CMAC has its own.
    pub padding: Padding,
    /// How the issuer answers.
    pub arpc: ArpcMethod,
    /// Under which key the issuer answers.
    pub arpc_key: ArpcKey,
}

/// One cryptogram version of one scheme. There are only the constants of this module.
#[derive(Debug, PartialEq, Eq)]
pub struct Profile {
    name: &'static str,
    scheme: Scheme,
    cvn: u8,
    algorithm: KeyAlgorithm,
    recipe: Recipe,
    iad: IadLayout,
    iad_part: IadPart,
    #[cfg(feature = "host")]
    script: Option<Rules>,
}

impl Profile {
    /// The profile of a scheme's cryptogram version number.
    ///
    /// # Errors
    /// [`Error::Unsupported`] if there is none, or none that is verified ([`RESERVED`]).
    pub fn of(scheme: Scheme, cvn: u8) -> Result<&'static Self, Error> {
        let mut all = ALL.iter().copied();
        all.find(|p| p.scheme == scheme && p.cvn == cvn)
            .ok_or(Error::Unsupported)
    }

    /// The name.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        self.name
    }

    /// The scheme.
    #[must_use]
    pub const fn scheme(&self) -> Scheme {
        self.scheme
    }

    /// The cryptogram version number as it stands in the issuer application data.
    #[must_use]
    pub const fn cvn(&self) -> u8 {
        self.cvn
    }

    /// The cipher of the card's keys, [`Tdea`](KeyAlgorithm::Tdea) or [`Aes`](KeyAlgorithm::Aes).
    #[must_use]
    pub const fn algorithm(&self) -> KeyAlgorithm {
        self.algorithm
    }

    /// How cryptogram and answer are made.
    #[must_use]
    pub const fn recipe(&self) -> Recipe {
        self.recipe
    }

    /// How the card's master key is derived.
    #[must_use]
    pub const fn master_key(&self) -> MasterKeyOption {
        self.recipe.master_key
    }

    /// How the session key is derived.
    #[must_use]
    pub const fn session_key(&self) -> SessionKeyMethod {
        self.recipe.session_key
    }

    /// Padding of the cryptogram's input.
    #[must_use]
    pub const fn padding(&self) -> Padding {
        self.recipe.padding
    }

    /// Layout of the issuer application data.
    #[must_use]
    pub const fn iad_layout(&self) -> IadLayout {
        self.iad
    }

    /// What of the issuer application data enters the cryptogram.
    #[must_use]
    pub const fn iad_part(&self) -> IadPart {
        self.iad_part
    }

    /// How the issuer answers.
    #[must_use]
    pub const fn arpc(&self) -> ArpcMethod {
        self.recipe.arpc
    }

    /// Under which key the issuer answers.
    #[must_use]
    pub const fn arpc_key(&self) -> ArpcKey {
        self.recipe.arpc_key
    }

    /// What is fixed for issuer scripts.
    ///
    /// # Errors
    /// [`Error::Unsupported`] if the profile's scripts are not verified.
    #[cfg(feature = "host")]
    pub fn script(&self) -> Result<Rules, Error> {
        self.script.ok_or(Error::Unsupported)
    }

    /// Reads issuer application data, which must be of this cryptogram version.
    ///
    /// # Errors
    /// [`Error::Iad`] for another shape or another version.
    pub fn parse_iad<'a>(&self, iad: &'a [u8]) -> Result<Iad<'a>, Error> {
        let iad = self.iad.parse(iad)?;
        if iad.cvn == self.cvn { Ok(iad) } else { Err(Error::Iad) }
    }

    /// Writes the key of the request's cryptogram.
    fn ac_key<A: CardAlgorithm>(
        &self,
        mk: &Key<IccMk<Ac>, A>,
        input: &AcInput,
        out: &mut Key<SessionKey<Ac>, A>,
    ) -> Result<(), Error> {
        self.check_algorithm::<A>()?;
        A::session_key(
            self.recipe.session_key,
            mk,
            input.atc(),
            input.unpredictable_number(),
            out,
        )
    }

    /// Writes the key of the answer's cryptogram.
    pub(super) fn response_key<A: CardAlgorithm>(
        &self,
        mk: &Key<IccMk<Ac>, A>,
        input: &AcInput,
        out: &mut Key<SessionKey<Ac>, A>,
    ) -> Result<(), Error> {
        self.check_algorithm::<A>()?;
        self.recipe
            .response_key(mk, input.atc(), input.unpredictable_number(), out)
    }

    /// The card's cryptogram over `input` and its issuer application data.
    pub(super) fn generate<A: CardAlgorithm>(
        &self,
        mk: &Key<IccMk<Ac>, A>,
        input: &AcInput,
        iad: &[u8],
    ) -> Result<[u8; 8], Error> {
        let [first, second] = self.iad_part.of(&self.parse_iad(iad)?);
        let mut sk = Key::empty();
        self.ac_key(mk, input, &mut sk)?;
        let (terminal, aip, atc) = input.parts();
        A::cryptogram(&sk, self.recipe.padding, &[terminal, aip, &atc, first, second])
    }

    /// A profile is of cards of one cipher.
    pub(super) fn check_algorithm<A: CardAlgorithm>(&self) -> Result<(), Error> {
        if self.algorithm == A::ALGORITHM {
            Ok(())
        } else {
            Err(Error::AlgorithmMismatch)
        }
    }
}

impl Recipe {
    /// Writes the key of the answer's cryptogram.
    fn response_key<A: CardAlgorithm>(
        &self,
        mk: &Key<IccMk<Ac>, A>,
        atc: Atc,
        un: [u8; 4],
        out: &mut Key<SessionKey<Ac>, A>,
    ) -> Result<(), Error> {
        let method = match self.arpc_key {
            ArpcKey::MasterKey => SessionKeyMethod::Direct,
            ArpcKey::SessionKey => self.session_key,
        };
        A::session_key(method, mk, atc, un, out)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scheme_and_number_name_one_profile() {
        for profile in ALL {
            assert_eq!(Profile::of(profile.scheme(), profile.cvn()), Ok(profile));
        }
        assert_eq!(Profile::of(Scheme::Visa, 0x10), Err(Error::Unsupported));
        for (scheme, cvn) in RESERVED {
            assert_eq!(Profile::of(scheme, cvn), Err(Error::Unsupported));
        }
    }

    /// Bits of the M/Chip number: bit 1 counters, bits 3 and 2: 00 SKD, 10 common session key.
    #[test]
    fn mchip_numbers() {
        for profile in ALL.iter().filter(|p| p.scheme() == Scheme::Mastercard) {
            let counters = profile.iad_part() == IadPart::CvrAndCounters;
            assert_eq!(counters, profile.cvn() & 1 == 1);
            let common = profile.session_key() == SessionKeyMethod::Common;
            assert_eq!(common, profile.cvn() >> 1 & 3 == 2);
        }
    }
}
