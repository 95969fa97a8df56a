// SPDX-License-Identifier: MIT OR Apache-2.0
//! Working keys under a terminal master key (K0), enciphered by ECB: superseded by key blocks, and by permission only.

use core::hint::black_box;

use crate::error::Error;
use crate::hsm::slot::{self, Choices};
use crate::hsm::{Command, Hsm, ImportedKey, KeyHandle, Platform, Question};
use crate::inject::working::{self, SignOn, SignOnKeys, SignOnKind};
use crate::key::usage::{Attributes, Exportability, KeyAlgorithm, ModeOfUse, Usage, strength_bits};
use crate::key::{self, Key, role};
use crate::policy::{Operation, Permission};
use crate::secret::SecretBuf;
use crate::weaken::guard;

/// What a working key may be: it enciphers PINs or data, or makes MACs.
const WORKING: [Usage; 6] = [Usage::P0, Usage::D0, Usage::M0, Usage::M1, Usage::M3, Usage::M6];

const PIN_KEY: Attributes = Attributes::new(
    Usage::P0,
    KeyAlgorithm::Tdea,
    ModeOfUse::Encrypt,
    Exportability::NonExportable,
);
const TRACK_KEY: Attributes = Attributes::new(
    Usage::D0,
    KeyAlgorithm::Tdea,
    ModeOfUse::Encrypt,
    Exportability::NonExportable,
);

const fn mac_key(algorithm: KeyAlgorithm) -> Attributes {
    Attributes::new(
        Usage::M0,
        algorithm,
        ModeOfUse::GenerateVerify,
        Exportability::NonExportable,
    )
}

/// The keys of a sign-on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WorkingKeys {
    /// The PIN key: usage P0, mode of use E.
    pub pin: ImportedKey,
    /// The MAC key: usage M0, mode of use C; algorithm D if it has single length.
    pub mac: ImportedKey,
    /// The track key, if there is one: usage D0, mode of use E.
    pub track: Option<ImportedKey>,
}

/// Working keys under a master key.
impl<P: Platform> Hsm<'_, P> {
    /// Takes a working key that is enciphered by TDES-ECB under a terminal master key.
    ///
    /// Only with [`Permission::LegacyImport`]: nothing but the check value authenticates such a key, and nothing says what
    /// it is for but the caller. `kek`: a K0 TDEA key with mode of use D or B. `attributes`: of the key; usage P0, D0, M0,
    /// M1, M3 or M6, not exportable. `cipher`: 16 or 24 bytes; 8 for algorithm D. `kcv`: the leftmost 3 or 4 bytes of its
    /// enciphered zero block.
    ///
    /// # Errors
    /// The state's and the handle's errors; [`Error::UsageNotPermitted`], also without the permission,
    /// [`Error::ModeNotPermitted`], [`Error::AlgorithmMismatch`] of `kek`; what [`Attributes::check`] says;
    /// [`Error::UsageNotPermitted`] for another usage, [`Error::ExportNotPermitted`] for an exportable key,
    /// [`Error::InvalidKeyLength`], [`Error::InvalidLength`] for `kcv`, [`Error::KeyStrength`]; the refusal of the platform,
    /// which is asked first ([`Question::WorkingKey`]); [`Error::UsageNotPermitted`] for a `kek` that has opened old key blocks; [`Error::Locked`] after
    /// three wrong check values under this `kek`, until it is erased; [`Error::VerificationFailed`] for the check value, and
    /// for a key that a slot of other usage already holds; [`Error::WeakKey`], [`Error::SlotsFull`].
    ///
    /// # Timing
    /// Only the lengths show.
    ///
    /// # Source
    /// [`inject::working`](crate::inject::working).
    pub fn working_key_import(
        &mut self,
        kek: KeyHandle,
        attributes: &Attributes,
        cipher: &[u8],
        kcv: &[u8],
    ) -> Result<ImportedKey, Error> {
        self.pend();
        self.allow(Command::WorkingKeyImport)?;
        let mut master = Key::empty();
        let strength = self.master_key(kek, &mut master)?;
        slot::judge_attributes(attributes, self.policy)?;
        if !WORKING.contains(&attributes.usage) {
            return Err(Error::UsageNotPermitted);
        }
        if attributes.exportability != Exportability::NonExportable {
            return Err(Error::ExportNotPermitted);
        }
        working::judge_lengths(cipher)?;
        guard!("C07.kcv", working::judge_check_value(kcv))?;
        match strength_bits(attributes.algorithm, cipher.len()) {
            0 => return Err(Error::InvalidKeyLength),
            bits if bits > strength => return Err(Error::KeyStrength),
            _ => {}
        }
        self.audit_ready()?;
        self.ask(&Question::WorkingKey { attributes })?;
        let mut key = SecretBuf::new();
        self.count_try(kek)?;
        let opened = self
            .denial
            .verified(|| working::unwrap_ecb(&master, black_box(cipher), black_box(kcv), &mut key));
        self.tried(kek, opened)?;
        let admitted = self.admit(attributes, key.expose());
        self.concluded(admitted)
    }

    /// Takes the working keys of a UnionPay sign-on answer (field 62): all of them, or none.
    ///
    /// Only with [`Permission::LegacyImport`]. `tmk`: a K0 TDEA key with mode of use D or B. `kind`: what the terminal asked
    /// for. The keys that they replace stay: erase them when this has succeeded. PIN keys of single length do not come in;
    /// a MAC key of single length (its second half in the field is zeros) does where the policy permits single DES.
    ///
    /// # Errors
    /// The state's and the handle's errors; [`Error::UsageNotPermitted`], also without the permission,
    /// [`Error::ModeNotPermitted`], [`Error::AlgorithmMismatch`] of `tmk`; [`Error::InvalidLength`] of the field;
    /// [`Error::InvalidKeyLength`] for a PIN key of single length; [`Error::SlotsFull`]; [`Error::Locked`] after three wrong
    /// fields under this `tmk`, until it is erased; [`Error::VerificationFailed`] for a check value, and for a key that a
    /// slot of other usage already holds; [`Error::WeakKey`], [`Error::Unsupported`]. Nothing came in then.
    ///
    /// # Timing
    /// Only the lengths show.
    ///
    /// # Source
    /// [`inject::working`](crate::inject::working).
    pub fn unionpay_sign_on(&mut self, tmk: KeyHandle, kind: SignOnKind, field: &[u8]) -> Result<WorkingKeys, Error> {
        self.pend();
        self.allow(Command::UnionpaySignOn)?;
        let mut master = Key::empty();
        self.master_key(tmk, &mut master)?;
        let sign_on = SignOn::parse(kind, field)?;
        let [pin_len, mac_len, track_len] = sign_on.key_lens();
        if pin_len != working::SIGN_ON_KEY_LEN {
            return Err(Error::InvalidKeyLength);
        }
        let needed = if track_len == 0 { 2 } else { 3 };
        if self.slots.capacity().saturating_sub(self.slots.used()) < needed {
            return Err(Error::SlotsFull);
        }
        let algorithm = if mac_len == working::SIGN_ON_KEY_LEN {
            KeyAlgorithm::Tdea
        } else {
            KeyAlgorithm::Des
        };
        self.audit_ready()?;
        let mut keys = SignOnKeys::empty();
        self.count_try(tmk)?;
        let opened = self.denial.verified(|| black_box(&sign_on).open(&master, &mut keys));
        self.tried(tmk, opened)?;

        let pin = self.admit(&PIN_KEY, keys.pin.expose())?;
        let mac = self.admit(&mac_key(algorithm), keys.mac.expose());
        let mac = mac.inspect_err(|_| self.take_back(&[pin]))?;
        let track = if keys.track.is_empty() {
            None
        } else {
            let track = self.admit(&TRACK_KEY, keys.track.expose());
            Some(track.inspect_err(|_| self.take_back(&[pin, mac]))?)
        };
        self.concluded(Ok(WorkingKeys { pin, mac, track }))
    }

    /// The master key, if it may open working keys, and its strength.
    fn master_key(&self, handle: KeyHandle, out: &mut Key<role::Kek, key::Tdea>) -> Result<u16, Error> {
        let slot = self.slots.get(handle)?;
        slot.take(Operation::WorkingKeyUnwrap, self.policy, out)?;
        if !self.policy.has(Permission::LegacyImport) {
            return Err(Error::UsageNotPermitted);
        }
        if !slot.serves(Choices::WorkingKeys) {
            return Err(Error::UsageNotPermitted);
        }
        guard!("C07.lock", slot.may_import())?;
        Ok(strength_bits(KeyAlgorithm::Tdea, out.len()))
    }

    /// A wrong check value counts against the master key: whoever may try at will makes up keys. It is counted before it is
    /// compared: no loss of power takes a try back.
    fn count_try(&mut self, handle: KeyHandle) -> Result<(), Error> {
        self.slots.bind(handle, Choices::WorkingKeys)?;
        self.slots.count_failure(handle);
        self.commit_uses()
    }

    /// What became of the try.
    fn tried(&mut self, handle: KeyHandle, opened: Result<(), Error>) -> Result<(), Error> {
        if opened != Err(Error::VerificationFailed) {
            self.slots.uncount_failure(handle);
            self.keep_up()?;
        }
        opened.map_err(|error| self.unwrap_failed(handle, error))
    }

    fn take_back(&mut self, keys: &[ImportedKey]) {
        for imported in keys {
            // They came in a moment ago; the error that took them back is the answer.
            let _ = self.key_erase(imported.key);
        }
    }
}
