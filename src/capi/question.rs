// SPDX-License-Identifier: MIT OR Apache-2.0
//! What the decision callback is asked.

use crate::hsm::{FINGERPRINT_LEN, Question};
use crate::key::usage::ModeOfUse;

/// Length of the fingerprint of a card, in bytes.
pub const PAYHSM_FINGERPRINT_LEN: usize = 8;

const _: () = assert!(PAYHSM_FINGERPRINT_LEN == FINGERPRINT_LEN);

/// Question: may a PIN of this card be verified?
pub const PAYHSM_ASK_PIN_VERIFY: u32 = 1;
/// Question: was this DUKPT counter not seen before?
pub const PAYHSM_ASK_DUKPT_COUNTER: u32 = 2;
/// Question: is this ATC new for the card?
pub const PAYHSM_ASK_ATC: u32 = 3;
/// Question: may a component ceremony open for a key of this usage?
pub const PAYHSM_ASK_CEREMONY: u32 = 4;
/// Question: may a PIN block of this card be translated?
pub const PAYHSM_ASK_PIN_TRANSLATE: u32 = 5;
/// Question: may a card verification value of this card be made or verified?
pub const PAYHSM_ASK_CARD_VALUE: u32 = 16;
/// Question: may this card's application cryptogram be explained?
pub const PAYHSM_ASK_CRYPTOGRAM_EXPLAIN: u32 = 30;
/// Question: does this public key belong to the party of that identity? `subject`: the public key, 65 bytes, and behind
/// it the identity.
pub const PAYHSM_ASK_PEER_KEY: u32 = 22;
/// Question: may keys be taken from the owner of this public key, who proves nothing?
pub const PAYHSM_ASK_UNAUTHENTICATED_TAKE: u32 = 23;
/// Question: may keys be given to the owner of this public key, who proves nothing?
pub const PAYHSM_ASK_UNAUTHENTICATED_GIVE: u32 = 24;

/// Question: may a PIN of this card be made, computed or given a PVV or an offset?
pub const PAYHSM_ASK_PIN_ISSUE: u32 = 12;
/// Question: may the PIN of this card be changed, if the old one is right? It counts as a try.
pub const PAYHSM_ASK_PIN_CHANGE: u32 = 13;
/// Question: may this profile be registered: are two people here who may do it?
pub const PAYHSM_ASK_PIN_PROFILE: u32 = 14;

/// Question: may a command of an issuer script be written for this card?
pub const PAYHSM_ASK_SCRIPT: u32 = 31;
/// Question: may a working key of this usage and mode of use come in by ECB?
pub const PAYHSM_ASK_WORKING_KEY: u32 = 25;

/// Question: may a session of this owner be opened? `counter`: the owner.
pub const PAYHSM_ASK_SESSION: u32 = 51;
/// Question: may the counts of persistent limits begin anew: are two people here who may do it?
pub const PAYHSM_ASK_LIMITS_RESET: u32 = 52;
/// Question: may the verification key of the audit log leave?
pub const PAYHSM_ASK_AUDIT_KEY: u32 = 53;
/// Question: may the keys of a backup come back? `counter`: `PAYHSM_RESTORE_…` bits. `subject`: its number, 8 bytes.
pub const PAYHSM_ASK_RESTORE: u32 = 54;
/// The backup is of another device.
pub const PAYHSM_RESTORE_OTHER_DEVICE: u32 = 1;
/// The backup is older than the last.
pub const PAYHSM_RESTORE_OLDER: u32 = 2;
/// Question: may the audit log be released up to a record? `subject`: the record's number, 8 bytes.
pub const PAYHSM_ASK_AUDIT_RELEASE: u32 = 50;

/// Question: is this the finger, face or card of the user who logs in? `counter`: the user; `subject`: the role, one byte.
pub const PAYHSM_ASK_SECOND_FACTOR: u32 = 40;
/// Question: may this user be enrolled, the first or second officer? `counter`: the user; `subject`: the role, one byte.
pub const PAYHSM_ASK_ENROL: u32 = 41;
/// Question: may the module be made anew? `counter`: groups whose memory of used initial keys is lost; `subject`: one byte,
/// 1 if a tamper event or damage made it so.
pub const PAYHSM_ASK_REINITIALISE: u32 = 42;
/// Question: are two people here who may do this, as no officers are enrolled? `counter`: 1 policy, 2 unlock,
/// 3 re-initialisation, 4 restore.
pub const PAYHSM_ASK_DUAL_CONTROL: u32 = 43;

/// What the module asks the decision callback.
#[repr(C)]
#[derive(Debug)]
pub struct PayhsmQuestion {
    /// `PAYHSM_ASK_…`.
    pub kind: u32,
    /// The counter or ATC; 0 for a PIN.
    pub counter: u32,
    /// The PAN's digits, values 0 to 9; the initial key identifier; the usage of the key of a ceremony, two characters, of a
    /// working key with its mode of use behind; a
    /// public key, `04 || X || Y`; or a PIN profile: 16 digits of the table, then the six numbers of
    /// `payhsm_pin_profile_t`. Valid during the call only.
    pub subject: *const u8,
    /// Its length.
    pub subject_len: usize,
    /// Of questions about a card the 11 digits left of the PAN's check digit, values 0 to 9: what every computation takes
    /// in. Count tries and remember counters by these, not by the PAN, which is what the caller says. Otherwise zero.
    pub account: [u8; 11],
    /// Of questions about a card its fingerprint: the same for every PAN with the same `account`, under a key of the
    /// device, or without a storage key one of this start. Who counts by it keeps no account numbers. Otherwise zero.
    pub fingerprint: [u8; PAYHSM_FINGERPRINT_LEN],
}

/// Gives a question of the module to `ask` as the callback gets it.
pub(super) fn with<R>(
    question: &Question<'_>,
    fingerprint: &[u8; FINGERPRINT_LEN],
    ask: impl FnOnce(&PayhsmQuestion) -> R,
) -> R {
    let usage;
    let number;
    let byte;
    #[cfg(feature = "legacy")]
    let working;
    // A public key of 65 bytes and an identity of 32.
    let mut party = [0; 97];
    #[cfg(feature = "host")]
    let mut parameters = [0; 22];
    let (kind, counter, subject): (_, _, &[u8]) = match question {
        Question::Ceremony { attributes } => {
            usage = attributes.usage.to_chars();
            (PAYHSM_ASK_CEREMONY, 0, &usage)
        }
        Question::PeerKey { identity, public } => {
            for (to, from) in party.iter_mut().zip(public.iter().chain(*identity)) {
                *to = *from;
            }
            let len = public.len().wrapping_add(identity.len());
            (PAYHSM_ASK_PEER_KEY, 0, party.get(..len).unwrap_or(&[]))
        }
        Question::UnauthenticatedPeer { public, mode } => {
            let gives = *mode != ModeOfUse::Decrypt;
            let kind = if gives {
                PAYHSM_ASK_UNAUTHENTICATED_GIVE
            } else {
                PAYHSM_ASK_UNAUTHENTICATED_TAKE
            };
            (kind, 0, *public)
        }
        Question::PinTranslate { pan } => (PAYHSM_ASK_PIN_TRANSLATE, 0, pan.digits()),
        Question::PinVerify { pan } => (PAYHSM_ASK_PIN_VERIFY, 0, pan.digits()),
        Question::CardValue { pan } => (PAYHSM_ASK_CARD_VALUE, 0, pan.digits()),
        Question::PinIssue { pan } => (PAYHSM_ASK_PIN_ISSUE, 0, pan.digits()),
        Question::PinChange { pan } => (PAYHSM_ASK_PIN_CHANGE, 0, pan.digits()),
        #[cfg(feature = "host")]
        Question::PinProfile { profile } => {
            let numbers = profile.numbers();
            let bytes = profile.table().digits().iter().chain(&numbers).copied();
            for (to, from) in parameters.iter_mut().zip(bytes) {
                *to = from;
            }
            (PAYHSM_ASK_PIN_PROFILE, 0, &parameters)
        }
        Question::DukptCounter { identity, counter } => (PAYHSM_ASK_DUKPT_COUNTER, *counter, identity),
        Question::Atc { pan, atc } => (PAYHSM_ASK_ATC, u32::from(*atc), pan.digits()),
        Question::Script { pan, atc } => (PAYHSM_ASK_SCRIPT, u32::from(*atc), pan.digits()),
        #[cfg(feature = "legacy")]
        Question::WorkingKey { attributes } => {
            let [a, b] = attributes.usage.to_chars();
            working = [a, b, attributes.mode.to_char()];
            (PAYHSM_ASK_WORKING_KEY, 0, &working)
        }
        Question::Session { owner } => (PAYHSM_ASK_SESSION, u32::from(*owner), &[]),
        Question::LimitsReset => (PAYHSM_ASK_LIMITS_RESET, 0, &[]),
        Question::AuditKey => (PAYHSM_ASK_AUDIT_KEY, 0, &[]),
        Question::Restore {
            is_own,
            is_older,
            sequence,
        } => {
            number = sequence.to_be_bytes();
            let other = if *is_own { 0 } else { PAYHSM_RESTORE_OTHER_DEVICE };
            let older = if *is_older { PAYHSM_RESTORE_OLDER } else { 0 };
            (PAYHSM_ASK_RESTORE, other | older, &number)
        }
        Question::AuditRelease { sequence } => {
            number = sequence.to_be_bytes();
            (PAYHSM_ASK_AUDIT_RELEASE, 0, &number)
        }
        Question::SecondFactor { user, role } => {
            byte = [*role as u8];
            (PAYHSM_ASK_SECOND_FACTOR, u32::from(*user), &byte)
        }
        Question::Enrol { user, role } => {
            byte = [*role as u8];
            (PAYHSM_ASK_ENROL, u32::from(*user), &byte)
        }
        Question::Reinitialise { tampered, lost_marks } => {
            byte = [u8::from(*tampered)];
            (PAYHSM_ASK_REINITIALISE, u32::from(*lost_marks), &byte)
        }
        Question::DualControl { act } => (PAYHSM_ASK_DUAL_CONTROL, *act as u32, &[]),
        Question::CryptogramExplain { pan, atc } => (PAYHSM_ASK_CRYPTOGRAM_EXPLAIN, u32::from(*atc), pan.digits()),
    };
    ask(&PayhsmQuestion {
        kind,
        counter,
        subject: subject.as_ptr(),
        subject_len: subject.len(),
        account: question.account().unwrap_or_default(),
        fingerprint: *fingerprint,
    })
}
