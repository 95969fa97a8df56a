// SPDX-License-Identifier: MIT OR Apache-2.0
//! Cryptograms of cards that have no profile here: the caller gives the bytes and says how they are made.
//!
//! Everything that a [`Profile`](super::profile::Profile) decides is the caller's in this form, and so are its
//! mistakes: a [`Recipe`] that fits no card verifies nothing, and `data` that leave an element out authenticate less than
//! they seem to.

use super::CardAlgorithm;
use super::derive::Psn;
use super::element::{Atc, Cid, CryptogramKind};
use super::profile::{Recipe, Request, VerifiedArqc};
use crate::error::Error;
use crate::key::Key;
use crate::key::role::{Ac, IccMk, Imk};
use crate::pin::pan::Pan;

/// A cryptogram and what it was made over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RawRequest<'a> {
    /// What the card says that the cryptogram is.
    pub kind: CryptogramKind,
    /// Application transaction counter, for the session key.
    pub atc: Atc,
    /// Unpredictable number, for the session key.
    pub unpredictable_number: [u8; 4],
    /// All that enters the cryptogram, in order, without padding.
    pub data: &'a [u8],
    /// The application cryptogram (9F26).
    pub cryptogram: [u8; 8],
}

/// Verifies an application cryptogram over `request.data`, as `recipe` says.
///
/// # Errors
/// [`Error::VerificationFailed`] if it is not the card's; [`Error::AlgorithmMismatch`] if the recipe is not one of cards
/// with keys of this cipher; [`Error::NoKey`], [`Error::InvalidKeyLength`].
///
/// # Timing
/// Depends on the length of `request.data` and the PAN; the comparison is constant time.
///
/// # Source
/// EMV Book 2, clause 8.1; vectors: `vectors/emv.txt`, `emv_application_cryptogram`, and `vectors/emv_ecc.txt`.
pub fn verify<A: CardAlgorithm>(
    recipe: &Recipe,
    imk: &Key<Imk<Ac>, A>,
    pan: &Pan,
    psn: Psn,
    request: &RawRequest<'_>,
) -> Result<VerifiedArqc<A>, Error> {
    let request = Request {
        atc: request.atc,
        unpredictable_number: request.unpredictable_number,
        parts: &[request.data],
        cid: Cid::new(request.kind),
        cryptogram: &request.cryptogram,
    };
    VerifiedArqc::judge("raw", recipe, imk, pan, psn, &request)
}

/// Computes, as the card, an application cryptogram over `data`, as `recipe` says.
///
/// # Errors
/// [`Error::AlgorithmMismatch`], [`Error::NoKey`], [`Error::InvalidKeyLength`] as [`verify`].
///
/// # Timing
/// Depends on the length of `data`.
pub fn generate<A: CardAlgorithm>(
    recipe: &Recipe,
    mk: &Key<IccMk<Ac>, A>,
    atc: Atc,
    unpredictable_number: [u8; 4],
    data: &[u8],
) -> Result<[u8; 8], Error> {
    let mut sk = Key::empty();
    A::session_key(recipe.session_key, mk, atc, unpredictable_number, &mut sk)?;
    A::cryptogram(&sk, recipe.padding, &[data])
}
