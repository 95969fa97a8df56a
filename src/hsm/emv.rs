// SPDX-License-Identifier: MIT OR Apache-2.0
//! Commands of the card's issuer.

mod script;

use core::hint::black_box;

use crate::emv::CardAlgorithm;
use crate::emv::derive::Psn;
use crate::emv::element::{Atc, CryptogramKind};
use crate::emv::explain::Explanation;
use crate::emv::profile::{ArpcMethod, IssuerAuthenticationData, Profile, Recipe, VerifiedArqc, verify_arqc};
use crate::emv::raw::{self, RawRequest};
use crate::error::Error;
use crate::hsm::{Command, Hsm, KeyHandle, Platform, Question};
use crate::key::usage::KeyAlgorithm;
use crate::key::{self, Key, role};
use crate::pin::pan::Pan;
use crate::policy::{Operation, Permission};
use crate::weaken::guard;

pub use script::{EncipheredPin, ScriptTarget};

/// Most bytes of proprietary authentication data (EMV Book 2, 8.2.2).
const MAX_PROPRIETARY: usize = 8;

/// What the issuer answers to a cryptogram that verifies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ArpcRequest<'a> {
    /// Nothing: a TC or an AAC, or a card that expects no answer.
    None,
    /// ARPC method 1 over the authorisation response code.
    Method1 {
        /// Tag 8A: two ASCII characters.
        arc: [u8; 2],
    },
    /// ARPC method 2 over the card status update.
    Method2 {
        /// Card status update.
        csu: [u8; 4],
        /// 0 to 8 bytes of proprietary authentication data.
        proprietary: &'a [u8],
    },
}

/// A cryptogram that verified, and the answer.
#[derive(Clone, Debug)]
pub struct ArqcAnswer {
    /// The application transaction counter.
    pub atc: Atc,
    /// The kind of cryptogram as the card told it.
    pub kind: CryptogramKind,
    /// Tag 91 for the card, if one was asked for.
    pub issuer_authentication_data: Option<IssuerAuthenticationData>,
}

impl ArpcRequest<'_> {
    /// An answer that cannot be given is refused before the platform counts the ATC.
    pub(super) const fn check(&self, method: ArpcMethod) -> Result<(), Error> {
        match (self, method) {
            (Self::None, _) | (Self::Method1 { .. }, ArpcMethod::Method1) => Ok(()),
            (Self::Method2 { proprietary, .. }, ArpcMethod::Method2) => {
                if proprietary.len() > MAX_PROPRIETARY {
                    Err(Error::InvalidLength)
                } else {
                    Ok(())
                }
            }
            _ => Err(Error::Unsupported),
        }
    }
}

impl<P: Platform> Hsm<'_, P> {
    /// Verifies an application cryptogram and answers it, in one command: there is no ARPC for anything else.
    ///
    /// `imk`: an E0 key with mode of use X, TDEA of 16 bytes or AES, as the profile's cards have. `profile`: the card's
    /// scheme and cryptogram version, from the issuer's records of the card. `field55`: BER-TLV as in
    /// [`verify_arqc`]. When the cryptogram has verified, the platform is asked
    /// whether the ATC is new ([`Question::Atc`]), before anything is answered.
    ///
    /// # Errors
    /// The state's and the handle's errors; [`Error::UsageNotPermitted`], [`Error::ModeNotPermitted`],
    /// [`Error::AlgorithmMismatch`]; the TLV errors, [`Error::EmvElement`], [`Error::Iad`];
    /// [`Error::Unsupported`] if the profile has another method of answer; [`Error::InvalidLength`] for the proprietary
    /// data; [`Error::VerificationFailed`]; [`Error::BadState`] for an answer to a TC or an AAC; the platform's refusal.
    ///
    /// # Timing
    /// The message, the PAN and the profile; neither keys nor the right cryptogram.
    ///
    /// # Source
    /// EMV Book 2 clause 8. Vectors: `vectors/emv.txt`.
    pub fn arqc_verify(
        &mut self,
        imk: KeyHandle,
        profile: &'static Profile,
        pan: &Pan,
        psn: Psn,
        field55: &[u8],
        answer: ArpcRequest<'_>,
    ) -> Result<ArqcAnswer, Error> {
        self.pend();
        if self.card_algorithm(Command::ArqcVerify, imk)? == KeyAlgorithm::Aes {
            self.arqc_verify_with::<key::Aes>(imk, profile, pan, psn, field55, &answer)
        } else {
            self.arqc_verify_with::<key::Tdea>(imk, profile, pan, psn, field55, &answer)
        }
    }

    /// Verifies an application cryptogram of a card that has no profile, over bytes that the caller gives, and answers
    /// it. With [`Permission::RawCryptogram`] only.
    ///
    /// What a profile decides is the caller's here: `recipe`, and that `request.data` are all that the card's
    /// cryptogram covers. `imk`, `answer` and the question to the platform as in [`arqc_verify`](Self::arqc_verify).
    ///
    /// # Errors
    /// As [`arqc_verify`](Self::arqc_verify); [`Error::UsageNotPermitted`] without the permission.
    ///
    /// # Timing
    /// The length of `request.data`, the PAN and the recipe.
    ///
    /// # Source
    /// EMV Book 2 clause 8. Vectors: `vectors/emv.txt`, `vectors/emv_ecc.txt`.
    pub fn arqc_verify_raw(
        &mut self,
        imk: KeyHandle,
        recipe: &Recipe,
        pan: &Pan,
        psn: Psn,
        request: &RawRequest<'_>,
        answer: ArpcRequest<'_>,
    ) -> Result<ArqcAnswer, Error> {
        self.pend();
        if self.card_algorithm(Command::ArqcVerifyRaw, imk)? == KeyAlgorithm::Aes {
            self.arqc_verify_raw_with::<key::Aes>(imk, recipe, pan, psn, request, &answer)
        } else {
            self.arqc_verify_raw_with::<key::Tdea>(imk, recipe, pan, psn, request, &answer)
        }
    }

    /// Explains an application cryptogram: what the profile makes of the message and, if it does not match, how else it
    /// was made ([`explain`](crate::emv::explain)). With [`Permission::ExplainCryptogram`] only, and the platform is asked
    /// ([`Question::CryptogramExplain`]): each call tells more of the key's cryptograms than a verification does.
    ///
    /// Parameters as in [`arqc_verify`](Self::arqc_verify). Nothing is answered, and the ATC is not counted.
    ///
    /// # Errors
    /// The state's and the handle's errors; [`Error::UsageNotPermitted`] (also without the permission),
    /// [`Error::ModeNotPermitted`], [`Error::AlgorithmMismatch`]; the TLV errors, [`Error::EmvElement`]; the platform's
    /// refusal; [`Error::InvalidKeyLength`].
    ///
    /// # Timing
    /// The message, the PAN, the profile and the finding.
    pub fn arqc_explain<'a>(
        &mut self,
        imk: KeyHandle,
        profile: &'static Profile,
        pan: &'a Pan,
        psn: Psn,
        field55: &'a [u8],
    ) -> Result<Explanation<'a>, Error> {
        if self.card_algorithm(Command::ArqcExplain, imk)? == KeyAlgorithm::Aes {
            self.arqc_explain_with::<key::Aes>(imk, profile, pan, psn, field55)
        } else {
            self.arqc_explain_with::<key::Tdea>(imk, profile, pan, psn, field55)
        }
    }

    fn card_algorithm(&mut self, command: Command, imk: KeyHandle) -> Result<KeyAlgorithm, Error> {
        self.allow(command)?;
        Ok(self.slots.get(imk)?.attributes()?.algorithm)
    }

    fn arqc_verify_with<A: CardAlgorithm>(
        &mut self,
        imk: KeyHandle,
        profile: &'static Profile,
        pan: &Pan,
        psn: Psn,
        field55: &[u8],
        answer: &ArpcRequest<'_>,
    ) -> Result<ArqcAnswer, Error> {
        let mut key = Key::<role::Imk<role::Ac>, A>::empty();
        self.slots
            .get(imk)?
            .take(Operation::ArqcVerify, self.policy, &mut key)?;
        answer.check(profile.arpc())?;
        self.commit_uses()?;
        let verified = self
            .denial
            .verified(|| verify_arqc(profile, &key, pan, psn, black_box(field55)))?;
        let answer = self.answer_arqc(verified, pan, answer);
        self.concluded(answer)
    }

    fn arqc_verify_raw_with<A: CardAlgorithm>(
        &mut self,
        imk: KeyHandle,
        recipe: &Recipe,
        pan: &Pan,
        psn: Psn,
        request: &RawRequest<'_>,
        answer: &ArpcRequest<'_>,
    ) -> Result<ArqcAnswer, Error> {
        let mut key = Key::<role::Imk<role::Ac>, A>::empty();
        self.slots
            .get(imk)?
            .take(Operation::ArqcVerify, self.policy, &mut key)?;
        self.permitted(Permission::RawCryptogram)?;
        answer.check(recipe.arpc)?;
        self.commit_uses()?;
        let verified = self
            .denial
            .verified(|| raw::verify(recipe, &key, pan, psn, black_box(request)))?;
        let answer = self.answer_arqc(verified, pan, answer);
        self.concluded(answer)
    }

    fn arqc_explain_with<'a, A: CardAlgorithm>(
        &mut self,
        imk: KeyHandle,
        profile: &'static Profile,
        pan: &'a Pan,
        psn: Psn,
        field55: &'a [u8],
    ) -> Result<Explanation<'a>, Error> {
        let mut key = Key::<role::Imk<role::Ac>, A>::empty();
        self.slots
            .get(imk)?
            .take(Operation::ArqcVerify, self.policy, &mut key)?;
        self.permitted(Permission::ExplainCryptogram)?;
        let mut explanation = Explanation::prepare::<A>(profile, pan, psn, field55)?;
        let atc = explanation.atc().value();
        self.ask(&Question::CryptogramExplain { pan, atc })?;
        explanation.find(&key)?;
        Ok(explanation)
    }

    /// Answers a cryptogram that has verified, if the platform does not know its ATC.
    fn answer_arqc<A: CardAlgorithm>(
        &mut self,
        verified: VerifiedArqc<A>,
        pan: &Pan,
        answer: &ArpcRequest<'_>,
    ) -> Result<ArqcAnswer, Error> {
        let (atc, kind) = (verified.atc(), verified.kind());
        if guard!("G02.kind", *answer != ArpcRequest::None && kind != CryptogramKind::Arqc) {
            return Err(Error::BadState);
        }
        guard!("G05", self.ask(&Question::Atc { pan, atc: atc.value() }))?;
        let issuer_authentication_data = match *answer {
            ArpcRequest::None => None,
            ArpcRequest::Method1 { arc } => Some(verified.arpc1(arc)?),
            ArpcRequest::Method2 { csu, proprietary } => Some(verified.arpc2(csu, proprietary)?),
        };
        Ok(ArqcAnswer {
            atc,
            kind,
            issuer_authentication_data,
        })
    }

    /// Whether the installation has a permission that a command needs.
    fn permitted(&self, permission: Permission) -> Result<(), Error> {
        if self.policy.has(permission) {
            Ok(())
        } else {
            Err(Error::UsageNotPermitted)
        }
    }
}
