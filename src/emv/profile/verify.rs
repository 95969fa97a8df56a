// SPDX-License-Identifier: MIT OR Apache-2.0
use core::fmt;
use core::hint::black_box;

use super::input::Field55;
use super::{ArpcMethod, Profile, Recipe};
use crate::emv::CardAlgorithm;
use crate::emv::derive::Psn;
use crate::emv::element::{Atc, Cid, CryptogramKind};
use crate::error::Error;
use crate::key::role::{Ac, Imk, SessionKey};
use crate::key::{Key, Tdea};
use crate::pin::pan::Pan;
use crate::weaken::guard;

/// Verifies the application cryptogram of an authorisation message.
///
/// `field55` is BER-TLV with, at its top level, each once: 9F02 9F03 9F1A 95 5F2A 9A 9C 9F37 82 9F36 9F10 9F26 9F27.
/// 9F03 may be absent, which means zeros; other elements are ignored. PAN and PSN come from the message's own fields.
///
/// # Errors
/// [`Error::VerificationFailed`] if the cryptogram is not the card's. Before any key is used: the TLV errors,
/// [`Error::TlvMissing`], [`Error::TlvDuplicate`], [`Error::EmvElement`] for a wrong length or content,
/// [`Error::Iad`] if 9F10 is not of this profile, [`Error::AlgorithmMismatch`] if the profile's cards have keys of
/// another cipher. [`Error::NoKey`], [`Error::InvalidKeyLength`].
///
/// # Timing
/// Depends on the message and the PAN, never on keys; the comparison is constant time.
///
/// # Source
/// EMV Book 2, clause 8.1; vectors: `vectors/emv.txt`, `emv_cvn`; AES: `vectors/emv_ecc.txt`.
pub fn verify_arqc<A: CardAlgorithm>(
    profile: &'static Profile,
    imk: &Key<Imk<Ac>, A>,
    pan: &Pan,
    psn: Psn,
    field55: &[u8],
) -> Result<VerifiedArqc<A>, Error> {
    let field = Field55::parse(field55)?;
    let [first, second] = profile.iad_part.of(&profile.parse_iad(field.iad)?);
    profile.check_algorithm::<A>()?;
    let (terminal, aip, atc) = field.input.parts();
    let request = Request {
        atc: field.input.atc(),
        unpredictable_number: field.input.unpredictable_number(),
        parts: &[terminal, aip, &atc, first, second],
        cid: field.cid,
        cryptogram: &field.cryptogram,
    };
    VerifiedArqc::judge(profile.name, &profile.recipe, imk, pan, psn, &request)
}

/// What of an authorisation message enters the cryptogram of a TDEA card, judged as [`verify_arqc`] does before it uses
/// a key.
pub(crate) struct Prepared {
    pub(crate) atc: Atc,
    pub(crate) kind: CryptogramKind,
    pub(crate) unpredictable_number: [u8; 4],
    pub(crate) cryptogram: [u8; 8],
    data: [u8; Prepared::CAPACITY],
    len: usize,
}

impl Prepared {
    /// 29 bytes of the terminal, 82, 9F36 and all of 9F10, and room for padding.
    const CAPACITY: usize = 72;

    pub(crate) fn new(profile: &Profile, field55: &[u8]) -> Result<Self, Error> {
        let field = Field55::parse(field55)?;
        let [first, second] = profile.iad_part.of(&profile.parse_iad(field.iad)?);
        profile.check_algorithm::<Tdea>()?;
        let (terminal, aip, atc) = field.input.parts();
        let mut prepared = Self {
            atc: field.input.atc(),
            kind: field.cid.kind(),
            unpredictable_number: field.input.unpredictable_number(),
            cryptogram: field.cryptogram,
            data: [0; Self::CAPACITY],
            len: 0,
        };
        let parts: [&[u8]; 5] = [terminal, aip, &atc, first, second];
        let mut room = &mut prepared.data[..];
        for part in parts {
            let (place, rest) = room.split_at_mut_checked(part.len()).ok_or(Error::Internal)?;
            place.iter_mut().zip(part).for_each(|(to, from)| *to = *from);
            prepared.len = prepared.len.wrapping_add(part.len());
            room = rest;
        }
        if profile.recipe.padding == super::Padding::Method2 {
            *room.first_mut().ok_or(Error::Internal)? = 0x80;
            prepared.len = prepared.len.wrapping_add(1);
        }
        Ok(prepared)
    }

    /// The blocks of the message, padded.
    pub(crate) fn blocks(&self) -> impl Iterator<Item = u64> {
        let (blocks, _) = self.data.as_chunks::<8>();
        blocks
            .iter()
            .take(self.len.div_ceil(8))
            .map(|block| u64::from_be_bytes(*block))
    }
}

/// What a cryptogram is verified over.
pub(in crate::emv) struct Request<'a> {
    pub(in crate::emv) atc: Atc,
    pub(in crate::emv) unpredictable_number: [u8; 4],
    pub(in crate::emv) parts: &'a [&'a [u8]],
    pub(in crate::emv) cid: Cid,
    pub(in crate::emv) cryptogram: &'a [u8; 8],
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
pub struct VerifiedArqc<A: CardAlgorithm = Tdea> {
    name: &'static str,
    arpc: ArpcMethod,
    key: Key<SessionKey<Ac>, A>,
    arqc: [u8; 8],
    cid: Cid,
    atc: Atc,
    unpredictable_number: [u8; 4],
}

impl<A: CardAlgorithm> VerifiedArqc<A> {
    /// Verifies, and writes the key of the answer.
    pub(in crate::emv) fn judge(
        name: &'static str,
        recipe: &Recipe,
        imk: &Key<Imk<Ac>, A>,
        pan: &Pan,
        psn: Psn,
        request: &Request<'_>,
    ) -> Result<Self, Error> {
        let (atc, un) = (request.atc, request.unpredictable_number);
        let mut mk = Key::empty();
        A::icc_master_key(recipe.master_key, imk, pan, psn, &mut mk)?;
        let mut sk = Key::empty();
        A::session_key(recipe.session_key, &mk, atc, un, &mut sk)?;
        let right = A::verify(&sk, recipe.padding, request.parts, request.cryptogram);
        // Twice: an instruction that is left out turns one of the two round.
        guard!("G02" | "G04.profile", black_box(right))?;
        guard!("G02" | "G04.profile", black_box(right))?;

        let mut verified = Self {
            name,
            arpc: recipe.arpc,
            key: Key::empty(),
            arqc: *request.cryptogram,
            cid: request.cid,
            atc,
            unpredictable_number: un,
        };
        recipe.response_key(&mk, atc, un, &mut verified.key)?;
        Ok(verified)
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
        let arpc = A::arpc1(&self.key, &self.arqc, arc)?;
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
        let arpc = A::arpc2(&self.key, &self.arqc, csu, proprietary)?;
        IssuerAuthenticationData::of(&[&arpc, &csu, proprietary])
    }

    fn answers_by(&self, method: ArpcMethod) -> Result<(), Error> {
        if self.arpc != method {
            return Err(Error::Unsupported);
        }
        // TC and AAC end a transaction: there is nobody to answer.
        match self.cid.kind() {
            CryptogramKind::Arqc => Ok(()),
            CryptogramKind::Tc | CryptogramKind::Aac => guard!("G02.kind", Err(Error::BadState)),
        }
    }
}

impl<A: CardAlgorithm> fmt::Debug for VerifiedArqc<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("VerifiedArqc")
            .field("profile", &self.name)
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
    pub(crate) fn of(parts: &[&[u8]]) -> Result<Self, Error> {
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
