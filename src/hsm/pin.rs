// SPDX-License-Identifier: MIT OR Apache-2.0
//! Commands on PINs. A PIN enters in clear at the terminal only, and leaves enciphered only.

use crate::dukpt::aes::KeyType;
use crate::error::Error;
use crate::hsm::dukpt::{Purpose, Side, Transaction};
use crate::hsm::{Hsm, KeyRef, Platform};
#[cfg(feature = "host")]
use crate::hsm::{KeyHandle, Question};
use crate::key::usage::KeyAlgorithm;
#[cfg(feature = "host")]
use crate::key::usage::strength_bits;
use crate::key::{self, Key, role};
use crate::pin::Pin;
use crate::pin::block::{self, Format};
use crate::pin::pan::Pan;
#[cfg(feature = "host")]
use crate::pin::pvv::{self, Pvv};
use crate::policy::Operation;
#[cfg(feature = "host")]
use crate::policy::Permission;

/// The longest enciphered PIN block, in bytes.
pub const PIN_BLOCK_MAX_LEN: usize = 16;

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
    /// Formats 0 and 3 belong to 8-byte ciphers, format 4 to AES. Format 1 is bound to no PAN, format 2 is for the
    /// card only: neither travels.
    pub(super) const fn with(&self, format: Format) -> Result<block::PinKey<'_>, Error> {
        match (self, format) {
            (Self::Tdea(key), Format::Iso0 | Format::Iso3) => Ok(block::PinKey::Tdea(key, format)),
            (Self::Aes(key), Format::Iso4) => Ok(block::PinKey::Aes(key)),
            _ => Err(Error::FormatNotPermitted),
        }
    }
}

impl<P: Platform> Hsm<'_, P> {
    /// Enciphers a PIN that was entered at this terminal.
    ///
    /// `key`: a P0 key in a slot with mode of use E (or B, by policy), or a terminal's transaction, which enciphers one
    /// PIN. Formats 0 and 3 under TDEA (8 bytes), format 4 under AES (16 bytes). Returns the length; the rest of `out`
    /// is zero.
    ///
    /// # Errors
    /// The state's and the handle's errors; [`Error::UsageNotPermitted`], [`Error::ModeNotPermitted`];
    /// [`Error::FormatNotPermitted`]; [`Error::InvalidPan`]; [`Error::InvalidPin`] for an empty PIN; [`Error::Entropy`];
    /// [`Error::LimitReached`] for a second PIN of one transaction. `out` is wiped then.
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
        self.operational()?;
        if let KeyRef::Transaction(handle) = key
            && self.groups.keys(handle)?.side != Side::Terminal
        {
            return Err(Error::UsageNotPermitted);
        }
        let mut pin_key = PinKey::empty();
        self.pin_key(key, Operation::PinEncipher, format, pan, &mut pin_key)?;
        pin.ready()?;
        self.pin_used(key)?;
        pin_key.with(format)?.encipher(pin, Some(pan), &mut self.platform, out)
    }

    /// Translates a PIN block to another key and format, for the same PAN. The PIN stays inside. The platform is asked
    /// first ([`Question::PinTranslate`]).
    ///
    /// `input`: a P0 key with mode of use D, or a host's transaction; `output`: a P0 key with mode of use E. Only the
    /// PAN-bound formats 0, 3 and 4 go in and out. Returns the length; the rest of `out` is zero.
    ///
    /// # Errors
    /// The state's and the handles' errors; [`Error::UsageNotPermitted`], [`Error::ModeNotPermitted`];
    /// [`Error::FormatNotPermitted`]; [`Error::InvalidPan`]; [`Error::KeyStrength`] for a weaker output key without the permission; the
    /// platform's refusal; [`Error::LimitReached`] for a second PIN of one transaction;
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
        self.operational()?;
        // The output side is judged before anything is deciphered.
        let mut output_key = PinKey::empty();
        self.pin_key(
            output.into(),
            Operation::PinEncipher,
            output_format,
            pan,
            &mut output_key,
        )?;
        let to = output_key.with(output_format)?;
        let mut input_key = PinKey::empty();
        self.pin_input_key(input, format, pan, enciphered, &mut input_key)?;
        let from = input_key.with(format)?;
        if output_key.strength_bits() < input_key.strength_bits() && !self.policy.has(Permission::WeakerPinKey) {
            return Err(Error::KeyStrength);
        }
        self.platform.decide(&Question::PinTranslate { pan })?;
        self.pin_used(input)?;
        block::translate(&from, enciphered, &to, Some(pan), &mut self.platform, out)
    }

    /// Verifies an enciphered PIN against its PVV. The platform is asked first ([`Question::PinVerify`]).
    ///
    /// `input`: as in [`pin_translate`](Self::pin_translate); `pvk`: a V2 key with mode of use V or C; `pvki`: the key
    /// index, 0 to 9.
    ///
    /// # Errors
    /// The platform's refusal; otherwise as [`pin_translate`](Self::pin_translate); [`Error::InvalidKeyLength`] unless
    /// `pvk` has 16 bytes, [`Error::InvalidDigit`] for `pvki`, [`Error::InvalidPan`]; one [`Error::VerificationFailed`] for
    /// a wrong PIN and for a malformed block.
    ///
    /// # Timing
    /// The format and the length of the PAN.
    ///
    /// # Source
    /// Visa PVV. Vectors: `vectors/card_verification.txt`.
    #[cfg(feature = "host")]
    #[expect(
        clippy::too_many_arguments,
        reason = "the block's key, format, PAN and bytes; the PVV's key, index, value"
    )]
    pub fn pin_verify_pvv(
        &mut self,
        input: KeyRef,
        format: Format,
        pan: &Pan,
        enciphered: &[u8],
        pvk: KeyHandle,
        pvki: u8,
        reference: &Pvv,
    ) -> Result<(), Error> {
        self.operational()?;
        let mut pvv_key = Key::<role::PinVerificationVisa, key::Tdea>::empty();
        self.slots
            .get(pvk)?
            .take(Operation::PvvVerify, self.policy, &mut pvv_key)?;
        check_pvv(&pvv_key, pvki, pan)?;
        let mut input_key = PinKey::empty();
        self.pin_input_key(input, format, pan, enciphered, &mut input_key)?;
        let from = input_key.with(format)?;
        self.platform.decide(&Question::PinVerify { pan })?;
        self.pin_used(input)?;
        let mut pin = Pin::empty();
        from.decipher(enciphered, Some(pan), &mut pin)?;
        pvv::verify(&pvv_key, pvki, pan, &pin, reference)
    }

    /// Makes the PVV of an enciphered PIN: the issuer's side.
    ///
    /// `pvk`: a V2 key with mode of use G or C; the rest as in [`pin_verify_pvv`](Self::pin_verify_pvv).
    ///
    /// # Errors
    /// As [`pin_verify_pvv`](Self::pin_verify_pvv); the platform is asked the same question, since a PVV made for a
    /// chosen PIN tells as much as a verification.
    ///
    /// # Timing
    /// The format and the length of the PAN.
    #[cfg(feature = "host")]
    pub fn pvv_generate(
        &mut self,
        input: KeyRef,
        format: Format,
        pan: &Pan,
        enciphered: &[u8],
        pvk: KeyHandle,
        pvki: u8,
    ) -> Result<Pvv, Error> {
        self.operational()?;
        let mut pvv_key = Key::<role::PinVerificationVisa, key::Tdea>::empty();
        self.slots
            .get(pvk)?
            .take(Operation::PvvGenerate, self.policy, &mut pvv_key)?;
        check_pvv(&pvv_key, pvki, pan)?;
        let mut input_key = PinKey::empty();
        self.pin_input_key(input, format, pan, enciphered, &mut input_key)?;
        let from = input_key.with(format)?;
        self.platform.decide(&Question::PinVerify { pan })?;
        self.pin_used(input)?;
        let mut pin = Pin::empty();
        from.decipher(enciphered, Some(pan), &mut pin)?;
        pvv::generate(&pvv_key, pvki, pan, &pin)
    }

    /// The key of a block that comes in. What is public about the call is judged before anything is used up.
    #[cfg(feature = "host")]
    pub(super) fn pin_input_key(
        &self,
        key: KeyRef,
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
        self.pin_key(key, Operation::PinDecipher, format, pan, out)?;
        if enciphered.len() != format.block_len() {
            return Err(Error::InvalidLength);
        }
        Ok(())
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
        out.with(format)?;
        if matches!(format, Format::Iso0 | Format::Iso3) {
            pan.account_field()?;
        }
        Ok(())
    }
}

/// What is public about a PVV: key, index, PAN. It is judged before the platform is asked.
#[cfg(feature = "host")]
fn check_pvv(key: &Key<role::PinVerificationVisa, key::Tdea>, pvki: u8, pan: &Pan) -> Result<(), Error> {
    if key.len() != 16 {
        return Err(Error::InvalidKeyLength);
    }
    if pvki > 9 {
        return Err(Error::InvalidDigit);
    }
    pan.pvv_digits().map(|_| ())
}
