// SPDX-License-Identifier: MIT OR Apache-2.0
//! Commands of the card's issuer.

use crate::emv::derive::Psn;
use crate::emv::element::{Atc, CryptogramKind};
use crate::emv::profile::{ArpcMethod, IssuerAuthenticationData, Profile, verify_arqc};
use crate::error::Error;
use crate::hsm::{Hsm, KeyHandle, Platform, Question};
use crate::key::{self, Key, role};
use crate::pin::pan::Pan;
use crate::policy::Operation;

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

impl<P: Platform> Hsm<'_, P> {
    /// Verifies an application cryptogram and answers it, in one command: there is no ARPC for anything else.
    ///
    /// `imk`: an E0 key with mode of use X. `profile`: the card's scheme and cryptogram version, from the issuer's
    /// records of the card. `field55`: BER-TLV as in
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
        self.operational()?;
        let mut key = Key::<role::Imk<role::Ac>, key::Tdea>::empty();
        self.slots
            .get(imk)?
            .take(Operation::ArqcVerify, self.policy, &mut key)?;
        // An answer that cannot be given is refused before the platform counts the ATC.
        match (&answer, profile.arpc()) {
            (ArpcRequest::None, _) | (ArpcRequest::Method1 { .. }, ArpcMethod::Method1) => {}
            (ArpcRequest::Method2 { proprietary, .. }, ArpcMethod::Method2) => {
                if proprietary.len() > MAX_PROPRIETARY {
                    return Err(Error::InvalidLength);
                }
            }
            _ => return Err(Error::Unsupported),
        }
        let verified = verify_arqc(profile, &key, pan, psn, field55)?;
        let (atc, kind) = (verified.atc(), verified.kind());
        if answer != ArpcRequest::None && kind != CryptogramKind::Arqc {
            return Err(Error::BadState);
        }
        self.platform.decide(&Question::Atc { pan, atc: atc.value() })?;
        let issuer_authentication_data = match answer {
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
}
