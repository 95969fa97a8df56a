// SPDX-License-Identifier: MIT OR Apache-2.0
//! The card's side of the same profiles, for simulators and tests against the issuer's side: it has its own master
//! key and never the issuer's.

use super::element::CryptogramKind;
use super::profile::{AcInput, ArpcMethod, Profile};
use super::response::{Authentication, GenerateAcResponse};
use super::{CardAlgorithm, cryptogram};
use crate::emv::element::Cid;
use crate::error::Error;
use crate::key::Key;
use crate::key::role::{Ac, IccMk};

/// Computes the card's cryptogram of `kind` and the answer to GENERATE AC with it.
///
/// The kind is not part of the cryptogram's input; a card states it in the card verification results within `iad`.
///
/// # Errors
/// [`Error::Iad`] if `iad` is not of this profile; [`Error::AlgorithmMismatch`] if its cards have keys of another cipher;
/// [`Error::NoKey`], [`Error::InvalidKeyLength`].
///
/// # Timing
/// Independent of the key.
pub fn generate_ac<'a, A: CardAlgorithm>(
    profile: &Profile,
    mk: &Key<IccMk<Ac>, A>,
    kind: CryptogramKind,
    input: &AcInput,
    iad: &'a [u8],
) -> Result<GenerateAcResponse<'a>, Error> {
    Ok(GenerateAcResponse {
        cid: Cid::new(kind),
        atc: input.atc(),
        authentication: Authentication::Cryptogram(profile.generate(mk, input, iad)?),
        iad,
    })
}

/// What an authentic issuer said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IssuerAnswer {
    /// Authorisation response code (method 1).
    ResponseCode([u8; 2]),
    /// Card status update (method 2).
    StatusUpdate([u8; 4]),
}

/// Verifies the issuer authentication data (tag 91) that came for the request cryptogram `arqc` over `input`.
///
/// # Errors
/// [`Error::EmvElement`] if `data` has not the length of the profile's method (10; 8 to 16),
/// [`Error::VerificationFailed`] if the ARPC is not the issuer's; [`Error::AlgorithmMismatch`], [`Error::NoKey`],
/// [`Error::InvalidKeyLength`].
///
/// # Timing
/// Depends on the length of `data`; the comparison is constant time.
pub fn verify_arpc<A: CardAlgorithm>(
    profile: &Profile,
    mk: &Key<IccMk<Ac>, A>,
    input: &AcInput,
    arqc: &[u8; 8],
    data: &[u8],
) -> Result<IssuerAnswer, Error> {
    let mut key = Key::empty();
    profile.response_key(mk, input, &mut key)?;
    match profile.arpc() {
        ArpcMethod::Method1 => {
            let (arpc, arc) = data.split_first_chunk().ok_or(Error::EmvElement)?;
            let arc = <[u8; 2]>::try_from(arc).map_err(|_| Error::EmvElement)?;
            cryptogram::compare(A::arpc1(&key, arqc, arc)?, arpc)?;
            Ok(IssuerAnswer::ResponseCode(arc))
        }
        ArpcMethod::Method2 => {
            let (arpc, rest) = data.split_first_chunk().ok_or(Error::EmvElement)?;
            let (csu, proprietary) = rest.split_first_chunk().ok_or(Error::EmvElement)?;
            if proprietary.len() > cryptogram::MAX_PROPRIETARY {
                return Err(Error::EmvElement);
            }
            cryptogram::compare(A::arpc2(&key, arqc, *csu, proprietary)?, arpc)?;
            Ok(IssuerAnswer::StatusUpdate(*csu))
        }
    }
}
