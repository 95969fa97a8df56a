// SPDX-License-Identifier: MIT OR Apache-2.0
//! Issuer scripts.

use core::hint::black_box;

use crate::ct;
use crate::emv::derive::{Psn, icc_master_key};
use crate::emv::profile::Profile;
use crate::emv::script::{self, Command, Request, ScriptPurpose};
use crate::error::Error;
use crate::hsm::pin::{FormatUse, PinKey};
use crate::hsm::{Hsm, KeyHandle, KeyRef, Platform, Question, life};
use crate::key::role::{IccMk, Imk, SessionKey, Smc, Smi};
use crate::key::usage::{KeyAlgorithm, strength_bits};
use crate::key::{Key, Tdea, role};
use crate::pin::Pin;
use crate::pin::block::Format;
use crate::pin::pan::Pan;
use crate::policy::{Operation, Permission};
use crate::weaken::guard;

/// Length of issuer keys for scripts in bytes.
const IMK_LEN: usize = 16;

/// The card that a script is for, and the request that it answers.
#[derive(Clone, Copy, Debug)]
pub struct ScriptTarget<'a> {
    /// The card's profile, from the issuer's records of the card.
    pub profile: &'static Profile,
    /// The card.
    pub pan: &'a Pan,
    /// Its sequence number.
    pub psn: Psn,
    /// The request's transaction counter and cryptogram, as [`arqc_verify`](Hsm::arqc_verify) verified them.
    pub request: Request,
    /// Number of the command in its script: 0 for the first.
    pub index: u16,
}

/// A PIN block as it came, with its key and format.
#[derive(Clone, Copy, Debug)]
pub struct EncipheredPin<'a> {
    /// A P0 key with mode of use D, or a host's transaction.
    pub key: KeyRef,
    /// Format 0 or 3 under TDEA, format 4 under AES; format 1 where a command says so.
    pub format: Format,
    /// The block.
    pub block: &'a [u8],
}

impl<P: Platform> Hsm<'_, P> {
    /// Writes a command of an issuer script, under secure messaging, and gives its length. The platform is asked first
    /// ([`Question::Script`]).
    ///
    /// `imk_smi`: an E2 key with mode of use X, TDEA of 16 bytes. `imk_smc`: an E1 key likewise, with which the
    /// command's data are enciphered; without it they stay in clear. `out`: at least
    /// [`Command::secured_len`] bytes; the rest is zero.
    ///
    /// # Errors
    /// The state's and the handles' errors; [`Error::UsageNotPermitted`], [`Error::ModeNotPermitted`],
    /// [`Error::AlgorithmMismatch`], [`Error::InvalidKeyLength`]; [`Error::Unsupported`] if the profile's scripts, or its
    /// further commands, are not verified; [`Error::InvalidArgument`], [`Error::InvalidLength`] as
    /// [`Command::secured_len`]; [`Error::BufferTooSmall`]; the platform's refusal. `out` is zero then.
    ///
    /// # Timing
    /// The profile and the command; of enciphered data their length only.
    ///
    /// # Source
    /// EMV Book 2 clause 9. Vectors: `vectors/emv.txt`, `emv_cvn`.
    pub fn script_command(
        &mut self,
        imk_smi: KeyHandle,
        imk_smc: Option<KeyHandle>,
        target: &ScriptTarget<'_>,
        command: &Command<'_>,
        out: &mut [u8],
    ) -> Result<usize, Error> {
        out.fill(0);
        self.allow(life::Command::ScriptCommand)?;
        let (mut smi, mut smc) = (Key::<Imk<Smi>, Tdea>::empty(), Key::<Imk<Smc>, Tdea>::empty());
        self.script_key(imk_smi, Operation::ScriptIntegrity, &mut smi)?;
        if let Some(handle) = imk_smc {
            self.script_key(handle, Operation::ScriptConfidentiality, &mut smc)?;
        }
        let request = target.request.nth(target.profile, target.index)?;
        if out.len() < command.secured_len(target.profile, imk_smc.is_some())? {
            return Err(Error::BufferTooSmall);
        }
        guard!(
            "G07",
            self.ask(&Question::Script {
                pan: target.pan,
                atc: target.request.atc().value(),
            })
        )?;
        let (mut sk_smi, mut sk_smc) = (Key::empty(), Key::empty());
        session_key(target, &smi, &request, &mut sk_smi)?;
        if imk_smc.is_some() {
            session_key(target, &smc, &request, &mut sk_smc)?;
        }
        let sk_smc = imk_smc.map(|_| &sk_smc);
        script::secure(target.profile, &sk_smi, sk_smc, &request, command, out)
    }

    /// Writes a PIN CHANGE/UNBLOCK command with a new PIN that came enciphered, and gives its length, at most
    /// [`MAX_PIN_CHANGE_LEN`](script::MAX_PIN_CHANGE_LEN). The PIN stays inside. The platform is asked first
    /// ([`Question::PinIssue`]).
    ///
    /// `imk_smi`: an E2 key, `imk_smc`: an E1 key, `imk_ac`: an E0 key, each with mode of use X, TDEA of 16 bytes;
    /// `imk_ac` only where the profile's PIN block is mixed with the card's key. `new`: the new PIN. `current`: the PIN
    /// that the card has, for a card that asks for it. A transaction gives one PIN: two need two.
    ///
    /// # Errors
    /// The state's and the handles' errors; [`Error::NoKey`] if `imk_ac` is needed and not there;
    /// [`Error::UsageNotPermitted`], [`Error::ModeNotPermitted`], [`Error::AlgorithmMismatch`],
    /// [`Error::InvalidKeyLength`]; [`Error::Unsupported`] as [`script_command`](Self::script_command), or for a current
    /// PIN that the profile has no form for; [`Error::FormatNotPermitted`], [`Error::InvalidPan`],
    /// [`Error::InvalidLength`] of a block; [`Error::KeyStrength`] if a PIN comes under a stronger key than the card's
    /// (which is two-key TDEA) without the permission; [`Error::BufferTooSmall`]; the platform's refusal;
    /// [`Error::LimitReached`] for a second PIN of one transaction; [`Error::VerificationFailed`] for whatever is wrong
    /// inside a block, and for a new PIN that is trivial without [`Permission::TrivialPins`];
    /// [`Error::RateLimited`]. `out` is zero then.
    ///
    /// # Timing
    /// The profile, the formats and the length of the PAN; neither PINs nor their lengths.
    ///
    /// # Source
    /// EMV Book 3, 6.5.10, and the schemes' PIN blocks. Vectors: `vectors/emv.txt`, `emv_cvn`.
    #[expect(
        clippy::too_many_arguments,
        reason = "three keys, one card, two PINs in and one command out"
    )]
    pub fn script_pin_change(
        &mut self,
        imk_smi: KeyHandle,
        imk_smc: KeyHandle,
        imk_ac: Option<KeyHandle>,
        target: &ScriptTarget<'_>,
        new: &EncipheredPin<'_>,
        current: Option<&EncipheredPin<'_>>,
        out: &mut [u8],
    ) -> Result<usize, Error> {
        out.fill(0);
        self.pend();
        self.allow(life::Command::ScriptPinChange)?;
        let (mut smi, mut smc) = (Key::<Imk<Smi>, Tdea>::empty(), Key::<Imk<Smc>, Tdea>::empty());
        let mut ac = Key::<Imk<role::Ac>, Tdea>::empty();
        self.script_key(imk_smi, Operation::ScriptIntegrity, &mut smi)?;
        self.script_key(imk_smc, Operation::ScriptConfidentiality, &mut smc)?;
        if let Some(handle) = imk_ac {
            self.script_key(handle, Operation::ScriptPin, &mut ac)?;
        }
        let profile = target.profile;
        let request = target.request.nth(profile, target.index)?;
        let (len, mixed) = script::pin_change_form(profile, current.is_some())?;
        if mixed && imk_ac.is_none() {
            return Err(Error::NoKey);
        }
        if out.len() < len {
            return Err(Error::BufferTooSmall);
        }
        let (mut new_key, mut current_key) = (PinKey::empty(), PinKey::empty());
        self.script_pin_key(target.pan, new, &mut new_key)?;
        if let Some(current) = current {
            self.script_pin_key(target.pan, current, &mut current_key)?;
        }
        // A transaction gives one PIN: that is known before it gives it.
        if let (KeyRef::Transaction(_), Some(current)) = (new.key, current)
            && new.key == current.key
        {
            return Err(Error::LimitReached);
        }
        self.pin_host_rate()?;
        self.ask(&Question::PinIssue { pan: target.pan })?;
        self.pin_used(new.key)?;
        if let Some(current) = current {
            self.pin_used(current.key)?;
        }

        let (mut new_pin, mut current_pin) = (Pin::empty(), Pin::empty());
        let pan = Some(target.pan);
        let verdict = self.denial.verified(|| {
            let mut good = new_key
                .with(new.format)?
                .open(black_box(new.block), pan, &mut new_pin)?;
            if let Some(current) = current {
                good &= current_key
                    .with(current.format)?
                    .open(current.block, pan, &mut current_pin)?;
            }
            // One verdict on both.
            good &= !self.pin_refused(&new_pin);
            ct::verdict(good)
        });
        let verdict = self.pin_tried(&[new.block], verdict);
        match current {
            Some(current) => self.pin_tried(&[current.block], verdict)?,
            None => verdict?,
        }
        let (mut sk_smi, mut sk_smc) = (Key::empty(), Key::empty());
        session_key(target, &smi, &request, &mut sk_smi)?;
        session_key(target, &smc, &request, &mut sk_smc)?;
        let mut mk_ac = Key::<IccMk<role::Ac>, Tdea>::empty();
        if mixed {
            icc_master_key(profile.master_key(), &ac, target.pan, target.psn, &mut mk_ac)?;
        }
        let keys = script::Keys {
            smi: &sk_smi,
            smc: &sk_smc,
            mk_ac: &mk_ac,
        };
        let current_pin = current.map(|_| &current_pin);
        let written = script::pin_change(profile, &keys, &request, &new_pin, current_pin, out);
        self.concluded(written)
    }

    fn script_key<R: role::Role>(
        &self,
        handle: KeyHandle,
        operation: Operation,
        out: &mut Key<R, Tdea>,
    ) -> Result<(), Error> {
        self.slots.get(handle)?.take(operation, self.policy, out)?;
        if out.len() == IMK_LEN {
            Ok(())
        } else {
            Err(Error::InvalidKeyLength)
        }
    }

    /// The key of a PIN for a card, judged as the input side of a translation to the card's two-key TDEA.
    fn script_pin_key(&self, pan: &Pan, pin: &EncipheredPin<'_>, out: &mut PinKey) -> Result<(), Error> {
        self.pin_input_key(pin.key, FormatUse::Issue, pin.format, pan, pin.block, out)?;
        let card = strength_bits(KeyAlgorithm::Tdea, IMK_LEN);
        if card < out.strength_bits() && !self.policy.has(Permission::WeakerPinKey) {
            return Err(Error::KeyStrength);
        }
        Ok(())
    }
}

/// From the issuer's key to that of the script.
fn session_key<P: ScriptPurpose>(
    target: &ScriptTarget<'_>,
    imk: &Key<Imk<P>, Tdea>,
    request: &Request,
    out: &mut Key<SessionKey<P>, Tdea>,
) -> Result<(), Error> {
    let mut mk = Key::empty();
    icc_master_key(target.profile.master_key(), imk, target.pan, target.psn, &mut mk)?;
    script::session_key(target.profile, &mk, request, out)
}
