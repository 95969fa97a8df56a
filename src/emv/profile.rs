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
//!
//! Before the issuer application data stand, in every one of them, 9F02 9F03 9F1A 95 5F2A 9A 9C 9F37 82 9F36
//! ([`AcInput`]). What a profile fixes for issuer scripts is the table of `emv::script`.
//!
//! [`VISA_CVN22`] (hexadecimal 22) and [`INTERAC_CVN133`] rest on one public implementation, the others on two.

mod iad;
mod input;
#[cfg(feature = "host")]
mod verify;

pub use super::cryptogram::Padding;
pub use super::session::Method as SessionKeyMethod;
pub use iad::{Iad, IadLayout, IadPart};
pub use input::{AcInput, CDOL1};
#[cfg(feature = "host")]
pub use verify::{IssuerAuthenticationData, VerifiedArqc, verify_arqc};

use super::derive::MasterKeyOption;
#[cfg(feature = "host")]
use super::script::Rules;
use super::{cryptogram, session};
use crate::error::Error;
use crate::key::role::{Ac, IccMk, SessionKey};
use crate::key::{Key, Tdea};

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

/// One cryptogram version of one scheme. There are only the constants of this module.
#[derive(Debug, PartialEq, Eq)]
pub struct Profile {
    name: &'static str,
    scheme: Scheme,
    cvn: u8,
    master_key: MasterKeyOption,
    session_key: SessionKeyMethod,
    iad: IadLayout,
    iad_part: IadPart,
    padding: Padding,
    arpc: ArpcMethod,
    arpc_key: ArpcKey,
    #[cfg(feature = "host")]
    script: Option<Rules>,
}

/// Visa cryptogram version 10 (hexadecimal 0A).
pub const VISA_CVN10: Profile = Profile {
    name: "Visa CVN 10",
    scheme: Scheme::Visa,
    cvn: 0x0A,
    master_key: MasterKeyOption::A,
    session_key: SessionKeyMethod::Direct,
    iad: IadLayout::Visa,
    iad_part: IadPart::Cvr,
    padding: Padding::Method1,
    arpc: ArpcMethod::Method1,
    arpc_key: ArpcKey::MasterKey,
    #[cfg(feature = "host")]
    script: Some(Rules::VISA),
};

/// Visa cryptogram version 18 (hexadecimal 12).
pub const VISA_CVN18: Profile = Profile {
    name: "Visa CVN 18",
    scheme: Scheme::Visa,
    cvn: 0x12,
    master_key: MasterKeyOption::B,
    session_key: SessionKeyMethod::Common,
    iad: IadLayout::Visa,
    iad_part: IadPart::Whole,
    padding: Padding::Method2,
    arpc: ArpcMethod::Method2,
    arpc_key: ArpcKey::SessionKey,
    #[cfg(feature = "host")]
    script: Some(Rules::VISA),
};

/// Visa cryptogram version "22", which is hexadecimal 22.
pub const VISA_CVN22: Profile = Profile {
    name: "Visa CVN 22 hex",
    cvn: 0x22,
    iad: IadLayout::VisaAny,
    #[cfg(feature = "host")]
    script: Some(Rules::VISA_COMMON),
    ..VISA_CVN18
};

/// M/Chip cryptogram version 10 hex (16): session key from ATC and UN, no counters.
pub const MCHIP_CVN10: Profile = Profile {
    name: "M/Chip CVN 10 hex",
    scheme: Scheme::Mastercard,
    cvn: 0x10,
    master_key: MasterKeyOption::A,
    session_key: SessionKeyMethod::MChip,
    iad: IadLayout::MChip,
    iad_part: IadPart::Cvr,
    padding: Padding::Method2,
    arpc: ArpcMethod::Method1,
    arpc_key: ArpcKey::MasterKey,
    #[cfg(feature = "host")]
    script: Some(Rules::MCHIP),
};

/// M/Chip cryptogram version 11 hex (17): session key from ATC and UN, with counters.
pub const MCHIP_CVN11: Profile = Profile {
    name: "M/Chip CVN 11 hex",
    cvn: 0x11,
    iad_part: IadPart::CvrAndCounters,
    ..MCHIP_CVN10
};

/// M/Chip cryptogram version 14 hex (20): common session key, no counters.
pub const MCHIP_CVN14: Profile = Profile {
    name: "M/Chip CVN 14 hex",
    cvn: 0x14,
    session_key: SessionKeyMethod::Common,
    arpc_key: ArpcKey::SessionKey,
    ..MCHIP_CVN10
};

/// M/Chip cryptogram version 15 hex (21): common session key, with counters.
pub const MCHIP_CVN15: Profile = Profile {
    name: "M/Chip CVN 15 hex",
    cvn: 0x15,
    iad_part: IadPart::CvrAndCounters,
    ..MCHIP_CVN14
};

/// Interac cryptogram version 133 (hexadecimal 85).
pub const INTERAC_CVN133: Profile = Profile {
    name: "Interac CVN 133",
    scheme: Scheme::Interac,
    cvn: 0x85,
    master_key: MasterKeyOption::A,
    session_key: SessionKeyMethod::MChip,
    iad: IadLayout::Interac,
    iad_part: IadPart::Whole,
    padding: Padding::Method2,
    arpc: ArpcMethod::Method1,
    arpc_key: ArpcKey::SessionKey,
    #[cfg(feature = "host")]
    script: Some(Rules::INTERAC),
};

/// UnionPay and PBOC cryptogram version 01.
#[doc(alias = "PBOC")]
pub const UNIONPAY_CVN01: Profile = Profile {
    name: "UnionPay CVN 01",
    scheme: Scheme::UnionPay,
    cvn: 0x01,
    master_key: MasterKeyOption::Pboc,
    session_key: SessionKeyMethod::UnionPay,
    iad: IadLayout::Pboc,
    iad_part: IadPart::Cvr,
    padding: Padding::Method2,
    arpc: ArpcMethod::Method1,
    arpc_key: ArpcKey::SessionKey,
    #[cfg(feature = "host")]
    script: None,
};

/// Every profile.
pub static ALL: [&Profile; 9] = [
    &VISA_CVN10,
    &VISA_CVN18,
    &VISA_CVN22,
    &MCHIP_CVN10,
    &MCHIP_CVN11,
    &MCHIP_CVN14,
    &MCHIP_CVN15,
    &INTERAC_CVN133,
    &UNIONPAY_CVN01,
];

impl Profile {
    /// The profile of a scheme's cryptogram version number.
    ///
    /// # Errors
    /// [`Error::Unsupported`] if there is none.
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

    /// How the card's master key is derived.
    #[must_use]
    pub const fn master_key(&self) -> MasterKeyOption {
        self.master_key
    }

    /// How the session key is derived.
    #[must_use]
    pub const fn session_key(&self) -> SessionKeyMethod {
        self.session_key
    }

    /// Padding of the cryptogram's input.
    #[must_use]
    pub const fn padding(&self) -> Padding {
        self.padding
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
        self.arpc
    }

    /// Under which key the issuer answers.
    #[must_use]
    pub const fn arpc_key(&self) -> ArpcKey {
        self.arpc_key
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
    fn ac_key(
        &self,
        mk: &Key<IccMk<Ac>, Tdea>,
        input: &AcInput,
        out: &mut Key<SessionKey<Ac>, Tdea>,
    ) -> Result<(), Error> {
        session::derive(self.session_key, mk, input.atc(), input.unpredictable_number(), out)
    }

    /// Writes the key of the answer's cryptogram.
    pub(super) fn response_key(
        &self,
        mk: &Key<IccMk<Ac>, Tdea>,
        input: &AcInput,
        out: &mut Key<SessionKey<Ac>, Tdea>,
    ) -> Result<(), Error> {
        match self.arpc_key {
            ArpcKey::MasterKey => session::direct(mk, out),
            ArpcKey::SessionKey => self.ac_key(mk, input, out),
        }
    }

    /// The card's cryptogram over `input` and its issuer application data.
    pub(super) fn generate(&self, mk: &Key<IccMk<Ac>, Tdea>, input: &AcInput, iad: &[u8]) -> Result<[u8; 8], Error> {
        let [first, second] = self.iad_part.of(&self.parse_iad(iad)?);
        let mut sk = Key::empty();
        self.ac_key(mk, input, &mut sk)?;
        let (terminal, aip, atc) = input.parts();
        cryptogram::generate(&sk, self.padding, &[terminal, aip, &atc, first, second])
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
        assert_eq!(Profile::of(Scheme::Mastercard, 0x12), Err(Error::Unsupported));
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
