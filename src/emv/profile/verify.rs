// SPDX-License-Identifier: MIT OR Apache-2.0
use core::fmt;

use super::input::Field55;
use super::{ArpcMethod, Profile};
use crate::emv::cryptogram;
use crate::emv::derive::{Psn, icc_master_key};
use crate::emv::element::{Atc, Cid, CryptogramKind};
use crate::error::Error;
use crate::key::role::{Ac, Imk, SessionKey};
use crate::key::{Key, Tdea};
use crate::pin::pan::Pan;

/// Verifies the application cryptogram of an authorisation message.
///
/// `field55` is BER-TLV with, at its top level, each once: 9F02 9F03 9F1A 95 5F2A 9A 9C 9F37 82 9F36 9F10 9F26 9F27.
/// 9F03 may be absent, which means zeros; other elements are ignored. PAN and PSN come from the message's own fields.
///
/// # Errors
/// [`Error::VerificationFailed`] if the cryptogram is not the card's. Before any key is used: the TLV errors,
/// [`Error::TlvMissing`], [`Error::TlvDuplicate`], [`Error::EmvElement`] for a wrong length or content,
/// [`Error::Iad`] if 9F10 is not of this profile. [`Error::NoKey`], [`Error::InvalidKeyLength`].
///
/// # Timing
/// Depends on the message and the PAN, never on keys; the comparison is constant time.
///
/// # Source
/// EMV Book 2, clause 8.1; vectors: `vectors/emv.txt`, `emv_cvn`.
pub fn verify_arqc(
    profile: &'static Profile,
    imk: &Key<Imk<Ac>, Tdea>,
    pan: &Pan,
    psn: Psn,
    field55: &[u8],
) -> Result<VerifiedArqc, Error> {
    let field = Field55::parse(field55)?;
    let [first, second] = profile.iad_part.of(&profile.parse_iad(field.iad)?);

    let mut mk = Key::empty();
    icc_master_key(profile.master_key, imk, pan, psn, &mut mk)?;
    let mut sk = Key::empty();
    profile.ac_key(&mk, &field.input, &mut sk)?;
    let (terminal, aip, atc) = field.input.parts();
    let parts: [&[u8]; 5] = [terminal, aip, &atc, first, second];
    cryptogram::verify(&sk, profile.padding, &parts, &field.cryptogram)?;

    let mut verified = VerifiedArqc {
        profile,
        key: Key::empty(),
        arqc: field.cryptogram,
        cid: field.cid,
        atc: field.input.atc(),
        unpredictable_number: field.input.unpredictable_number(),
    };
    profile.response_key(&mk, &field.input, &mut verified.key)?;
    Ok(verified)
}

/// An application cryptogram that was verified: the only thing that gives a response cryptogram, and only one.
///
/// Before it is used up, judge [`atc`](Self::atc) and [`unpredictable_number`](Self::unpredictable_number) against
/// what the card sent before: a replayed request verifies as well.
///
/// It holds a key, which is wiped on drop.
///
/// ```compile_fail
/// # fn twice(verified: payhsm::emv::profile::VerifiedArqc) {
/// let first = verified.arpc1(*b"00");
/// let second = verified.arpc1(*b"05");
/// # }
/// ```
#[must_use]
pub struct VerifiedArqc {
    profile: &'static Profile,
    key: Key<SessionKey<Ac>, Tdea>,
    arqc: [u8; 8],
    cid: Cid,
    atc: Atc,
    unpredictable_number: [u8; 4],
}

impl VerifiedArqc {
    /// The profile under which it was verified.
    #[must_use]
    pub const fn profile(&self) -> &'static Profile {
        self.profile
    }

    /// The card's transaction counter.
    #[must_use]
    pub const fn atc(&self) -> Atc {
        self.atc
    }

    /// The terminal's unpredictable number.
    #[must_use]
    pub const fn unpredictable_number(&self) -> [u8; 4] {
        self.unpredictable_number
    }

    /// The kind of cryptogram as the card told it; it is not covered by the cryptogram itself.
    #[must_use]
    pub const fn kind(&self) -> CryptogramKind {
        self.cid.kind()
    }

    /// The cryptogram.
    #[must_use]
    pub const fn cryptogram(&self) -> [u8; 8] {
        self.arqc
    }

    /// The issuer's answer by method 1: ARPC (8 bytes) and authorisation response code `arc`.
    ///
    /// # Errors
    /// [`Error::Unsupported`] if the profile answers by method 2, [`Error::BadState`] if the cryptogram was no ARQC.
    pub fn arpc1(self, arc: [u8; 2]) -> Result<IssuerAuthenticationData, Error> {
        self.answers_by(ArpcMethod::Method1)?;
        let arpc = cryptogram::arpc1(&self.key, &self.arqc, arc)?;
        IssuerAuthenticationData::of(&[&arpc, &arc])
    }

    /// The issuer's answer by method 2: ARPC (4 bytes), card status update `csu`, and 0 to 8 bytes of proprietary
    /// data.
    ///
    /// # Errors
    /// [`Error::Unsupported`] if the profile answers by method 1, [`Error::BadState`] if the cryptogram was no ARQC,
    /// [`Error::InvalidLength`] for more proprietary data.
    pub fn arpc2(self, csu: [u8; 4], proprietary: &[u8]) -> Result<IssuerAuthenticationData, Error> {
        self.answers_by(ArpcMethod::Method2)?;
        let arpc = cryptogram::arpc2(&self.key, &self.arqc, csu, proprietary)?;
        IssuerAuthenticationData::of(&[&arpc, &csu, proprietary])
    }

    fn answers_by(&self, method: ArpcMethod) -> Result<(), Error> {
        if self.profile.arpc != method {
            return Err(Error::Unsupported);
        }
        // TC and AAC end a transaction: there is nobody to answer.
        match self.cid.kind() {
            CryptogramKind::Arqc => Ok(()),
            CryptogramKind::Tc | CryptogramKind::Aac => Err(Error::BadState),
        }
    }
}

impl fmt::Debug for VerifiedArqc {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("VerifiedArqc")
            .field("profile", &self.profile.name)
            .field("atc", &self.atc)
            .field("kind", &self.cid.kind())
            .finish_non_exhaustive()
    }
}

/// Issuer authentication data: the value of tag 91, 8 to 16 bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IssuerAuthenticationData {
    bytes: [u8; 16],
    len: usize,
}

impl IssuerAuthenticationData {
    fn of(parts: &[&[u8]]) -> Result<Self, Error> {
        let mut data = Self { bytes: [0; 16], len: 0 };
        for part in parts {
            let room = data
                .bytes
                .get_mut(data.len..)
                .and_then(|rest| rest.get_mut(..part.len()));
            room.ok_or(Error::InvalidLength)?.copy_from_slice(part);
            data.len = data.len.saturating_add(part.len());
        }
        Ok(data)
    }

    /// The value of tag 91.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        self.bytes.get(..self.len).unwrap_or(&[])
    }
}
