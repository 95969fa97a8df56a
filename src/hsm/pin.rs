// SPDX-License-Identifier: MIT OR Apache-2.0
//! Commands on PINs. A PIN enters in clear at the terminal only, and leaves enciphered only.

#[cfg(feature = "host")]
mod issue;
#[cfg(feature = "host")]
pub(super) mod profile;
#[cfg(feature = "host")]
pub(super) mod reference;
#[cfg(feature = "host")]
pub(super) mod tries;
#[cfg(feature = "host")]
mod verify;

#[cfg(feature = "host")]
use core::hint::black_box;

#[cfg(feature = "host")]
use crate::ct;
use crate::dukpt::aes::KeyType;
use crate::error::Error;
#[cfg(feature = "host")]
use crate::hsm::NO_PLACE;
use crate::hsm::dukpt::{Purpose, Side, Transaction};
use crate::hsm::limit::Rate;
use crate::hsm::{Command, Hsm, KeyRef, Platform};
#[cfg(feature = "host")]
use crate::hsm::{KeyHandle, Question};
use crate::key::usage::KeyAlgorithm;
#[cfg(feature = "host")]
use crate::key::usage::{ModeOfUse, strength_bits};
use crate::key::{self, Key, role};
#[cfg(any(feature = "terminal", feature = "host"))]
use crate::pin::Pin;
use crate::pin::block::{self, Format};
use crate::pin::pan::Pan;
use crate::policy::{Operation, Permission, Policy};
use crate::weaken::guard;

#[cfg(feature = "host")]
pub use self::profile::PinProfile;

/// The longest enciphered PIN block, in bytes.
pub const PIN_BLOCK_MAX_LEN: usize = 16;

/// The fewest digits of a PAN for which format 4 has a field of its own.
const FORMAT4_PAN_DIGITS: usize = 12;

/// A PIN key of either algorithm, out of its slot or transaction.
pub(super) enum PinKey {
    Tdea(Key<role::PinEncryption, key::Tdea>),
    Aes(Key<role::PinEncryption, key::Aes>),
}

impl PinKey {
    pub(super) const fn empty() -> Self {
        Self::Tdea(Key::empty())
    }

    #[cfg(feature = "host")]
    pub(super) fn strength_bits(&self) -> u16 {
        match self {
            Self::Tdea(key) => strength_bits(KeyAlgorithm::Tdea, key.len()),
            Self::Aes(key) => strength_bits(KeyAlgorithm::Aes, key.len()),
        }
    }

    /// The key with the format it is used for; formats that may not be used so are refused.
    ///
    /// Formats 0, 1 and 3 belong to 8-byte ciphers, format 4 to AES.
    pub(super) const fn with(&self, format: Format) -> Result<block::PinKey<'_>, Error> {
        match (self, format) {
            (Self::Tdea(key), Format::Iso0 | Format::Iso1 | Format::Iso3) => Ok(block::PinKey::Tdea(key, format)),
            (Self::Aes(key), Format::Iso4) => Ok(block::PinKey::Aes(key)),
            _ => Err(Error::FormatNotPermitted),
        }
    }
}

/// What a block is for.
#[derive(Clone, Copy)]
pub(super) enum FormatUse {
    /// It is enciphered where the PIN was entered, or translated.
    Carry,
    /// Its PIN is verified.
    #[cfg(feature = "host")]
    Verify,
    /// Its PIN becomes the card's.
    #[cfg(feature = "host")]
    Issue,
}

impl FormatUse {
    /// Formats that are bound to the PAN serve everything. Format 1 is not, and needs a permission where the PAN
    /// beside it could be any; a reference for the PAN that a caller puts beside it would be one for a PIN of his own.
    /// Format 2 is for the card only: it has one block for each PIN, and a list of them reads the others.
    fn permit(self, format: Format, policy: Policy) -> Result<(), Error> {
        let permitted = match (format, self) {
            (Format::Iso0 | Format::Iso3 | Format::Iso4, _) => true,
            (Format::Iso1, Self::Carry) => policy.has(Permission::PinFormat1),
            #[cfg(feature = "host")]
            (Format::Iso1, Self::Verify) => policy.has(Permission::PinVerifyFormat1),
            #[cfg(feature = "host")]
            (Format::Iso1, Self::Issue) => false,
            (Format::Iso2, _) => false,
        };
        if guard!("A05.permission", !permitted) {
            return Err(Error::FormatNotPermitted);
        }
        Ok(())
    }
}

impl<P: Platform> Hsm<'_, P> {
    /// Enciphers a PIN that was entered at this terminal.
    ///
    /// `key`: a P0 key in a slot with mode of use E (or B, by policy), or a terminal's transaction, which enciphers one
    /// PIN. Formats 0 and 3 under TDEA (8 bytes), format 4 under AES (16 bytes); format 1 under TDEA with the permission
    /// [`PinFormat1`](Permission::PinFormat1). Returns the length; the rest of `out` is zero.
    ///
    /// How many PINs go through in a time is limited ([`PinLimits`](super::PinLimits)). A source of random bytes that
    /// fails leaves the transaction as it was: nothing was enciphered.
    ///
    /// # Errors
    /// The state's and the handle's errors; [`Error::UsageNotPermitted`], [`Error::ModeNotPermitted`];
    /// [`Error::FormatNotPermitted`]; [`Error::InvalidPan`]; [`Error::InvalidPin`] for an empty PIN; [`Error::Entropy`];
    /// [`Error::LimitReached`] for a second PIN of one transaction; [`Error::RateLimited`]. `out` is wiped then.
    ///
    /// # Timing
    /// The format and the length of the PAN; neither the PIN nor its length.
    ///
    /// # Source
    /// ISO 9564-1:2017 clause 9.3. Vectors: `vectors/pinblock.txt`, `vectors/dukpt_tdes.txt`, `vectors/dukpt_aes.txt`.
    #[cfg(feature = "terminal")]
    pub fn pin_encipher(
        &mut self,
        key: KeyRef,
        format: Format,
        pan: &Pan,
        pin: &Pin,
        out: &mut [u8; PIN_BLOCK_MAX_LEN],
    ) -> Result<usize, Error> {
        out.fill(0);
        self.pend();
        self.allow(Command::PinEncipher)?;
        if let KeyRef::Transaction(handle) = key
            && self.groups.keys(handle)?.side != Side::Terminal
        {
            return Err(Error::UsageNotPermitted);
        }
        let mut pin_key = PinKey::empty();
        let judged = self.pin_key(key, Operation::PinEncipher, FormatUse::Carry, format, pan, &mut pin_key);
        self.ruled(judged)?;
        pin.ready()?;
        guard!("A06.rate" | "K04", self.take_rate(Rate::Entry, key.place()))?;
        self.commit_uses()?;
        let len = pin_key
            .with(format)?
            .encipher(pin, Some(pan), &mut self.platform, out)?;
        let used = self.pin_used(key).inspect_err(|_| out.fill(0));
        self.concluded(used)?;
        Ok(len)
    }

    /// Translates a PIN block to another key and format, for the same PAN. The PIN stays inside. The platform is asked
    /// first ([`Question::PinTranslate`]).
    ///
    /// `input`: a P0 key with mode of use D, or a host's transaction; `output`: a P0 key with mode of use E. The
    /// PAN-bound formats 0, 3 and 4 become each other. Format 1 becomes any of them or itself with the permission
    /// [`PinFormat1`](Permission::PinFormat1); then a key that could also decipher is no output for a block that is
    /// bound to a PAN only here. Returns the length; the rest of `out` is zero.
    ///
    /// # Errors
    /// The state's and the handles' errors; [`Error::UsageNotPermitted`], [`Error::ModeNotPermitted`];
    /// [`Error::FormatNotPermitted`]; [`Error::InvalidPan`]; [`Error::KeyStrength`] for a weaker output key without the permission; the
    /// platform's refusal; [`Error::LimitReached`] for a second PIN of one transaction; [`Error::RateLimited`];
    /// [`Error::InvalidLength`] of the block; [`Error::VerificationFailed`] for whatever is wrong inside it;
    /// [`Error::Entropy`]. `out` is wiped then.
    ///
    /// # Timing
    /// The formats and the length of the PAN.
    ///
    /// # Source
    /// ISO 9564-1:2017 clause 9.4 (translation). Vectors: `vectors/pinblock.txt`.
    #[cfg(feature = "host")]
    #[expect(
        clippy::too_many_arguments,
        reason = "two keys, two formats, one PAN, one block in and one out"
    )]
    pub fn pin_translate(
        &mut self,
        input: KeyRef,
        format: Format,
        pan: &Pan,
        enciphered: &[u8],
        output: KeyHandle,
        output_format: Format,
        out: &mut [u8; PIN_BLOCK_MAX_LEN],
    ) -> Result<usize, Error> {
        out.fill(0);
        self.pend();
        self.allow(Command::PinTranslate)?;
        // The output side is judged before anything is deciphered.
        let mut output_key = PinKey::empty();
        self.pin_translate_output(output, output_format, pan, &mut output_key)?;
        let to = output_key.with(output_format)?;
        let mut input_key = PinKey::empty();
        self.pin_input_key(input, FormatUse::Carry, format, pan, enciphered, &mut input_key)?;
        let from = input_key.with(format)?;
        self.pin_translate_pair(format, input_key.strength_bits(), output, &output_key, output_format)?;
        self.pin_host_rate()?;
        guard!("A03.asked", self.ask(&Question::PinTranslate { pan }))?;
        self.pin_used(input)?;
        let judged = self.denial.judged_before(|| {
            let mut pin = Pin::empty();
            ct::verdict(from.open(black_box(enciphered), Some(pan), &mut pin)?)
        });
        let result = judged.and_then(|()| block::translate(&from, enciphered, &to, Some(pan), &mut self.platform, out));
        let result = self.concluded(result);
        self.pin_tried(&[enciphered], result)
    }

    /// Translates a PIN block as [`pin_translate`](Self::pin_translate) does, for a caller who has the PAN of the block
    /// and that of the message it goes into: they must be the same.
    ///
    /// # Errors
    /// [`Error::PanMismatch`] if they differ, before the platform is asked; those of
    /// [`pin_translate`](Self::pin_translate). `out` is wiped then.
    ///
    /// # Timing
    /// The formats and the length of the PAN.
    #[cfg(feature = "host")]
    #[expect(
        clippy::too_many_arguments,
        reason = "two keys, two formats, two PANs, one block in and one out"
    )]
    pub fn pin_translate_pans(
        &mut self,
        input: KeyRef,
        format: Format,
        pan: &Pan,
        enciphered: &[u8],
        output: KeyHandle,
        output_format: Format,
        output_pan: &Pan,
        out: &mut [u8; PIN_BLOCK_MAX_LEN],
    ) -> Result<usize, Error> {
        out.fill(0);
        self.allow(Command::PinTranslatePans)?;
        if guard!("A02.pan", pan != output_pan) {
            return Err(Error::PanMismatch);
        }
        self.pin_translate(input, format, pan, enciphered, output, output_format, out)
    }

    /// The key of a block that comes in. What is public about the call is judged before anything is used up.
    #[cfg(feature = "host")]
    pub(super) fn pin_input_key(
        &self,
        key: KeyRef,
        purpose: FormatUse,
        format: Format,
        pan: &Pan,
        enciphered: &[u8],
        out: &mut PinKey,
    ) -> Result<(), Error> {
        if let KeyRef::Transaction(handle) = key
            && self.groups.keys(handle)?.side != Side::Host
        {
            return Err(Error::UsageNotPermitted);
        }
        self.pin_key(key, Operation::PinDecipher, purpose, format, pan, out)?;
        if enciphered.len() != format.block_len() {
            return Err(Error::InvalidLength);
        }
        self.pin_may_try(enciphered)
    }

    /// What is public about a block that comes in under a key.
    #[cfg(feature = "host")]
    pub(super) fn pin_input_block(
        &self,
        key: &PinKey,
        purpose: FormatUse,
        format: Format,
        pan: &Pan,
        enciphered: &[u8],
    ) -> Result<(), Error> {
        self.pin_format(key, purpose, format, pan)?;
        if enciphered.len() != format.block_len() {
            return Err(Error::InvalidLength);
        }
        self.pin_may_try(enciphered)
    }

    /// Whether a block has tries left.
    #[cfg(feature = "host")]
    pub(super) fn pin_may_try(&self, enciphered: &[u8]) -> Result<(), Error> {
        guard!("A03", self.pin_tries.judge(enciphered))
    }

    /// The key of a block that goes out.
    #[cfg(feature = "host")]
    pub(super) fn pin_translate_output(
        &self,
        output: KeyHandle,
        format: Format,
        pan: &Pan,
        out: &mut PinKey,
    ) -> Result<(), Error> {
        let operation = Operation::PinEncipher;
        self.pin_key(output.into(), operation, FormatUse::Carry, format, pan, out)
    }

    /// Whether a block may become the other one.
    #[cfg(feature = "host")]
    pub(super) fn pin_translate_pair(
        &self,
        format: Format,
        input_bits: u16,
        output: KeyHandle,
        output_key: &PinKey,
        output_format: Format,
    ) -> Result<(), Error> {
        if guard!("A01" | "A02" | "A08.conversion", !format.translates_to(output_format)) {
            return Err(Error::FormatNotPermitted);
        }
        // Who may read what he has translated for any PAN has a list of all PINs of that PAN.
        let output_mode = self.slots.get(output)?.attributes()?.mode;
        let lists_pins = !format.binds_pan() && output_format.binds_pan() && output_mode != ModeOfUse::Encrypt;
        if guard!("A05.both", lists_pins) {
            return Err(Error::FormatNotPermitted);
        }
        let is_weaker = output_key.strength_bits() < input_bits;
        if guard!("A07", is_weaker && !self.policy.has(Permission::WeakerPinKey)) {
            return Err(Error::KeyStrength);
        }
        Ok(())
    }

    /// Counts wrong tries of blocks, if it was one.
    #[cfg(feature = "host")]
    pub(super) fn pin_tried<T>(&mut self, blocks: &[&[u8]], result: Result<T, Error>) -> Result<T, Error> {
        if matches!(result, Err(Error::VerificationFailed)) {
            blocks.iter().for_each(|block| self.pin_tries.count(block));
        }
        result
    }

    #[cfg(feature = "host")]
    pub(super) fn pin_host_rate(&mut self) -> Result<(), Error> {
        guard!("A05.rate", self.take_rate(Rate::Host, NO_PLACE))
    }

    /// A transaction's key serves one PIN.
    pub(super) fn pin_used(&mut self, key: KeyRef) -> Result<(), Error> {
        match key {
            KeyRef::Slot(_) => Ok(()),
            KeyRef::Transaction(handle) => self.groups.use_once(handle, Purpose::Pin).map(|_| ()),
        }
    }

    fn pin_key(
        &self,
        key: KeyRef,
        operation: Operation,
        purpose: FormatUse,
        format: Format,
        pan: &Pan,
        out: &mut PinKey,
    ) -> Result<(), Error> {
        // Each key is written where it stands: one that moves leaves a copy.
        match key {
            KeyRef::Slot(handle) => {
                let slot = self.slots.get(handle)?;
                match slot.attributes()?.algorithm {
                    KeyAlgorithm::Aes => *out = PinKey::Aes(Key::empty()),
                    _ => *out = PinKey::empty(),
                }
                match out {
                    PinKey::Aes(key) => slot.take(operation, self.policy, key)?,
                    PinKey::Tdea(key) => slot.take(operation, self.policy, key)?,
                }
            }
            KeyRef::Transaction(handle) => {
                let keys = self.groups.unused(handle, Purpose::Pin)?;
                let key_type = keys.pin_type();
                match (keys.transaction, key_type) {
                    (Transaction::Aes(_), KeyType::Aes128 | KeyType::Aes192 | KeyType::Aes256) => {
                        *out = PinKey::Aes(Key::empty());
                    }
                    _ => *out = PinKey::empty(),
                }
                match (keys.transaction, &mut *out) {
                    (Transaction::Tdea(keys), PinKey::Tdea(key)) => keys.pin_key(key)?,
                    (Transaction::Aes(keys), PinKey::Tdea(key)) => keys.working_key(key_type, key)?,
                    (Transaction::Aes(keys), PinKey::Aes(key)) => keys.working_key(key_type, key)?,
                    _ => return Err(Error::InvalidHandle),
                }
            }
        }
        self.pin_format(out, purpose, format, pan)
    }

    /// Whether a format may be used so, with this key and this PAN.
    fn pin_format(&self, key: &PinKey, purpose: FormatUse, format: Format, pan: &Pan) -> Result<(), Error> {
        purpose.permit(format, self.policy)?;
        key.with(format)?;
        match format {
            Format::Iso0 | Format::Iso3 => pan.account_field().map(|_| ()),
            // Shorter ones share their field with others.
            Format::Iso4 if guard!("A09.pan", pan.digits().len() < FORMAT4_PAN_DIGITS) => Err(Error::InvalidPan),
            _ => Ok(()),
        }
    }
}
