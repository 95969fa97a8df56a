// SPDX-License-Identifier: MIT OR Apache-2.0
//! Commands that bring keys in and out as key blocks.
//!
//! # What a slot keeps of a block
//! The attributes; of the optional blocks DA (as far as this module can derive) and WP. Blocks that only tell something
//! (labels, times, check values, identifiers, certificates) end with the import. A block of another kind may be a
//! restriction that a slot cannot keep: its key comes in, but does not leave again.

mod backup;
mod kbpk;

use core::hint::black_box;

use crate::ct;
use crate::error::Error;
use crate::hsm::KeyCheck;
#[cfg(feature = "host")]
use crate::hsm::NO_PLACE;
use crate::hsm::event::{LogEvent, Note};
use crate::hsm::slot::{self, Choices, History};
use crate::hsm::{Command, Hsm, ImportedKey, KeyHandle, Platform};
use crate::key::usage::{Attributes, Exportability, ModeOfUse, Usage};
use crate::keyblock::header::{KeyContext, Version};
use crate::keyblock::optional::{Blocks, CheckValue, Hash, Life, Optional, Pedigree, Typed};
use crate::keyblock::{KeyBlock, Payload, Profile, Unverified, Verified};
use crate::policy::{MacAlgorithm, Permission, Policy};
use crate::secret::SecretBuf;
use crate::weaken::guard;

pub(in crate::hsm) use self::kbpk::{Kbpk, Way};

use self::out::Out;

/// What a key block that is written shall say, beyond the key's own attributes. Everything may only be narrower than what
/// the key has.
#[derive(Clone, Copy, Debug, Default)]
pub struct Export<'a> {
    /// The version; by the protection key if not given: D under a K1 key of AES, B of TDEA, E under a K4 key, C under K0.
    pub version: Option<Version>,
    /// A narrower mode of use.
    pub mode: Option<ModeOfUse>,
    /// A narrower exportability.
    pub exportability: Option<Exportability>,
    /// Key context 2: for exchange only.
    pub exchange_only: bool,
    /// With the key's check value (KC).
    pub key_check: bool,
    /// With the protection key's check value (KP).
    pub kbpk_check: bool,
    /// Further optional blocks, at most [`Export::MAX_OPTIONAL`]: LB, TC, TS; BI with a B0 key; AL and CT with a key pair.
    pub optional: &'a [Optional<'a>],
}

impl Export<'_> {
    /// The most optional blocks that a caller adds.
    pub const MAX_OPTIONAL: usize = 8;

    /// Judges what the caller says of a key.
    #[inline(never)]
    fn judge(&self, key: &Attributes, policy: Policy) -> Result<Attributes, Error> {
        let mut attributes = *key;
        match key.exportability {
            Exportability::Exportable => {}
            Exportability::Sensitive if policy.has(Permission::ExportSensitive) => {}
            _ if guard!("D09", true) => return Err(Error::ExportNotPermitted),
            _ => {}
        }
        if let Some(mode) = self.mode {
            attributes.mode = mode;
        }
        if let Some(exportability) = self.exportability {
            attributes.exportability = exportability;
        }
        guard!("C05.widen", key.cover(&attributes))?;
        attributes.check()?;
        if self.optional.len() > Self::MAX_OPTIONAL {
            return Err(Error::KeyBlockOptionalCount);
        }
        for block in self.optional {
            if !is_telling(&block.typed()?, key) {
                return Err(Error::KeyBlockOptional);
            }
        }
        Ok(attributes)
    }

    const fn context(&self) -> KeyContext {
        if self.exchange_only {
            KeyContext::Exchange
        } else {
            KeyContext::Any
        }
    }

    fn version(&self, kbpk: &Kbpk) -> Result<Version, Error> {
        let version = self.version.unwrap_or(kbpk.version());
        kbpk.serves(version)?;
        Ok(version)
    }
}

/// Whether an optional block tells something that a caller may say of a key, and that allows and forbids nothing.
fn is_telling(block: &Typed<'_>, key: &Attributes) -> bool {
    match block {
        Typed::Label(_) | Typed::Created(_) | Typed::Stamped(_) => true,
        Typed::BdkId(_) => key.usage == Usage::B0,
        Typed::Life(_) | Typed::Certificates(_) => key.algorithm == crate::key::usage::KeyAlgorithm::Ec,
        _ => false,
    }
}

/// Reads what a slot keeps of the optional blocks, and whether any may be a restriction that it cannot keep.
fn history(blocks: &Blocks<'_>, attributes: &Attributes, kbpk: &Kbpk) -> Result<(History, bool), Error> {
    let mut history = History::default();
    let mut is_kept = true;
    for block in blocks {
        match &block.id {
            b"DA" | b"WP" | b"AL" => match block.typed()? {
                Typed::Derivations(allowed) if attributes.usage == Usage::B3 => {
                    history.derivations = slot::Derivable::of(&allowed)?;
                }
                Typed::Pedigree(pedigree) => history.pedigree = Some(pedigree.and(kbpk.pedigree())),
                Typed::Life(Life::Static) => {}
                Typed::Life(Life::Ephemeral) => is_kept = false,
                _ => return Err(Error::KeyBlockOptional),
            },
            b"HM" if attributes.usage == Usage::M7 => history.hash = blocks.hash()?.map(hmac_of).transpose()?,
            b"BI" | b"CT" | b"IK" | b"KC" | b"KP" | b"KS" | b"KV" | b"LB" | b"PB" | b"TC" | b"TS" => {}
            // PK may name the only key under which it may leave.
            _ => is_kept = false,
        }
    }
    Ok((history, is_kept))
}

/// The value of the optional block HM for an HMAC key.
const fn hash_id(hash: MacAlgorithm) -> Option<&'static [u8]> {
    match hash {
        MacAlgorithm::HmacSha256 => Some(b"21"),
        MacAlgorithm::HmacSha384 => Some(b"22"),
        MacAlgorithm::HmacSha512 => Some(b"23"),
        _ => None,
    }
}

/// The hash of an HMAC key as the optional block HM tells it.
const fn hmac_of(hash: Hash) -> Result<MacAlgorithm, Error> {
    match hash {
        Hash::Sha256 => Ok(MacAlgorithm::HmacSha256),
        Hash::Sha384 => Ok(MacAlgorithm::HmacSha384),
        Hash::Sha512 => Ok(MacAlgorithm::HmacSha512),
        _ => Err(Error::Unsupported),
    }
}

impl<P: Platform> Hsm<'_, P> {
    /// Unwraps a key block into a slot.
    ///
    /// `kbpk`: a key with mode of use D or B, K1 for versions B and D, K4 for version E, K0 for A and C
    /// ([`Permission::LegacyKeyBlocks`]). `block`: the whole block, ASCII. `profile`: which dialect of the standard it is
    /// in. The block's attributes become the slot's; see [`Export`] and the table in `docs/KEY-BLOCKS.md` for optional
    /// blocks: with one that the slot cannot keep, the key's exportability becomes N. Initial DUKPT keys (B1) have no slot:
    /// see [`dukpt_load`](Self::dukpt_load).
    ///
    /// # Errors
    /// The state's and the handle's errors; [`Error::UsageNotPermitted`], [`Error::ModeNotPermitted`]; the format's
    /// errors, −3xx, one for each public field; [`Error::Locked`] for a K0 key after ten wrong authenticators;
    /// [`Error::VerificationFailed`] for whatever is wrong under the MAC, and for a key that a slot of other usage already
    /// holds; then [`Error::KeyStrength`], also for a key that a weaker one protected once, without
    /// [`Permission::WeakPedigree`]; [`Error::WeakKey`], [`Error::InvalidKeyLength`], [`Error::SlotsFull`].
    ///
    /// # Timing
    /// The header, the profile and the length of the block.
    ///
    /// # Source
    /// ANSI X9.143:2021; ISO 20038:2017. Vectors: `vectors/tr31.txt`.
    pub fn key_block_import(&mut self, kbpk: KeyHandle, block: &[u8], profile: Profile) -> Result<ImportedKey, Error> {
        self.import(Command::KeyBlockImport, kbpk, block, profile, None)
    }

    /// Unwraps a key block into a slot if its key is what the caller expects, or less.
    ///
    /// As [`key_block_import`](Self::key_block_import), but the block's attributes must be covered by `expected`: the same
    /// usage and algorithm; the same key version, unless `expected` has `00`; mode of use and exportability the same or
    /// narrower.
    ///
    /// # Errors
    /// As [`key_block_import`](Self::key_block_import); [`Error::UsageNotPermitted`], [`Error::AlgorithmMismatch`],
    /// [`Error::ModeNotPermitted`], [`Error::KeyBlockKeyVersion`], [`Error::ExportNotPermitted`] for a block that says
    /// otherwise or more.
    ///
    /// # Timing
    /// The header, the profile and the length of the block.
    pub fn key_block_import_as(
        &mut self,
        kbpk: KeyHandle,
        block: &[u8],
        profile: Profile,
        expected: &Attributes,
    ) -> Result<ImportedKey, Error> {
        self.import(Command::KeyBlockImportAs, kbpk, block, profile, Some(expected))
    }

    fn import(
        &mut self,
        command: Command,
        kbpk: KeyHandle,
        block: &[u8],
        profile: Profile,
        expected: Option<&Attributes>,
    ) -> Result<ImportedKey, Error> {
        self.pend();
        self.allow(command)?;
        let mut protection = Kbpk::empty();
        let parsed = self.parse_block(kbpk, block, profile, &mut protection)?;
        let mut attributes = *parsed.attributes();
        if let Some(expected) = expected {
            expected.cover(&attributes)?;
        }
        let (history, is_kept) = self.judge_block(&parsed, &protection)?;
        slot::judge_attributes(&attributes, self.policy)?;
        if attributes.usage == Usage::B1 {
            return Err(Error::UsageNotPermitted);
        }
        if !is_kept {
            attributes.exportability = Exportability::NonExportable;
        }
        self.audit_ready()?;
        let mut payload = Payload::empty();
        let verified = self.verify_block(kbpk, parsed, &protection, &mut payload)?;
        let mut material = SecretBuf::new();
        verified.stored(&mut material)?;
        let admitted = self.admit_with(&attributes, history, material.expose());
        self.concluded(admitted)
    }

    /// Wraps a key for another party.
    ///
    /// `kbpk`: a key with mode of use E or B: K1 (version D under AES, B under TDEA), K4 (version E), K0 (version C,
    /// [`Permission::LegacyKeyBlocks`]). The block's attributes are the slot's; the pad is random and hides the length of
    /// the key. A key that came with DA or WP leaves with them: DA names what this module can derive, WP the worse of the
    /// key's and the protection key's. Returns the length; the rest of `out` is zero.
    ///
    /// # Errors
    /// The state's and the handles' errors; [`Error::UsageNotPermitted`], [`Error::ModeNotPermitted`];
    /// [`Error::ExportNotPermitted`] unless the key's exportability is E, or S with [`Permission::ExportSensitive`], and for a
    /// protection key unless the exportability of `kbpk` is N: two keys never protect each other;
    /// [`Error::KeyStrength`]; [`Error::InvalidArgument`] for a key under itself, be it in another slot;
    /// [`Error::BufferTooSmall`]; [`Error::Entropy`]. `out` is wiped then.
    ///
    /// # Timing
    /// The attributes and the length of the KBPK.
    pub fn key_block_export(&mut self, kbpk: KeyHandle, key: KeyHandle, out: &mut [u8]) -> Result<usize, Error> {
        self.key_block_export_as(kbpk, key, &Export::default(), out)
    }

    /// Wraps a key for another party, narrower than it is here, or with further optional blocks.
    ///
    /// As [`key_block_export`](Self::key_block_export), with what `export` says.
    ///
    /// # Errors
    /// As [`key_block_export`](Self::key_block_export); [`Error::UsageNotPermitted`], [`Error::AlgorithmMismatch`],
    /// [`Error::Unsupported`] for a version that is not the protection key's; [`Error::ModeNotPermitted`],
    /// [`Error::ExportNotPermitted`] for attributes that are not narrower, [`Error::KeyBlockMode`] for a mode that the
    /// usage does not have; [`Error::KeyBlockOptional`] for an optional block that a caller may not give, or that stands
    /// twice; [`Error::KeyBlockOptionalCount`] for too many.
    ///
    /// # Timing
    /// The attributes and the length of the KBPK.
    pub fn key_block_export_as(
        &mut self,
        kbpk: KeyHandle,
        key: KeyHandle,
        export: &Export<'_>,
        out: &mut [u8],
    ) -> Result<usize, Error> {
        out.fill(0);
        self.pend();
        self.allow(Command::KeyBlockExportAs)?;
        let mut protection = Kbpk::empty();
        self.kbpk(kbpk, Way::Wrap, &mut protection)?;
        let slot = self.slots.get(key)?;
        // The check values of the two keys show it just as well.
        let itself = ct::verdict(!self.slots.same_value(kbpk, key)?);
        guard!("C06.self", itself).map_err(|_| Error::InvalidArgument)?;
        let judged = export.judge(slot.attributes()?, self.policy);
        self.ruled(judged)?;
        // Again: the first answer may be what a left-out instruction made of it.
        let attributes = export.judge(black_box(slot.attributes()?), self.policy)?;
        protection.closes(attributes.usage)?;
        let version = export.version(&protection)?;
        protection.protects(attributes.algorithm, slot.material().len())?;
        self.audit_ready()?;
        let slot = self.slots.get(key)?;

        let (mut pedigree, mut derivations) = ([0; 3], [0; out::DERIVATIONS_LEN]);
        let (mut kc, mut kp) = ([0; CheckValue::TEXT_LEN], [0; CheckValue::TEXT_LEN]);
        let mut blocks = Out::new();
        if let Some(own) = slot.pedigree() {
            blocks.pedigree(own.and(protection.pedigree()), &mut pedigree)?;
        }
        blocks.derivations(slot.derivations(), &mut derivations)?;
        if let Some(data) = slot.hash().and_then(hash_id) {
            blocks.push(Optional { id: *b"HM", data })?;
        }
        if export.key_check {
            blocks.check(*b"KC", &slot.check()?, &mut kc)?;
        }
        if export.kbpk_check {
            blocks.check(*b"KP", &self.slots.get(kbpk)?.check()?, &mut kp)?;
        }
        blocks.extend(export.optional)?;
        let check = slot.check()?;
        let len = protection
            .template(version, export.context(), &attributes, blocks.list())
            .wrap_stored(protection.borrow(), slot.material(), &mut self.platform, out)?;
        let noted = self.exported(key.place(), &check, out);
        self.concluded(noted)?;
        Ok(len)
    }

    /// Notes that a key leaves; without a record it does not.
    pub(in crate::hsm) fn exported(&mut self, place: u16, check: &KeyCheck, out: &mut [u8]) -> Result<(), Error> {
        self.commit_uses()
            .and_then(|()| self.note(Note::of(LogEvent::KeyExport).at(place).check(check)))
            .inspect_err(|_| out.fill(0))
    }

    /// Notes that something did not verify under a protection key.
    pub(in crate::hsm) fn unwrap_failed(&mut self, under: KeyHandle, error: Error) -> Error {
        if error != Error::VerificationFailed {
            return error;
        }
        self.note_failure(Note::of(LogEvent::UnwrapFailed).at(under.place()), error)
    }

    /// Wraps the key of a block anew for another party, without a slot between.
    ///
    /// `from`: the key that opens `block`, which is in the dialect `profile`, as in
    /// [`key_block_import`](Self::key_block_import); `to`: the key that protects the new one, as in
    /// [`key_block_export`](Self::key_block_export), with what `export` says. Initial DUKPT keys (B1) pass, too. All
    /// optional blocks pass unchanged, also those that nobody here knows, but for: KP and TS, which are of the old block;
    /// WP, which becomes the worse of all that are known; PK, which must name `to`. Returns the length; the rest of `out` is
    /// zero.
    ///
    /// # Errors
    /// As [`key_block_import`](Self::key_block_import) and [`key_block_export_as`](Self::key_block_export_as);
    /// [`Error::InvalidArgument`] for a key under itself; [`Error::KeyBlockOptionalCount`] for more than 16 optional blocks
    /// in the new block. `out` is wiped then.
    ///
    /// # Timing
    /// The header and the length of the block, the version of the new one.
    #[cfg(feature = "host")]
    pub fn key_block_translate(
        &mut self,
        from: KeyHandle,
        block: &[u8],
        profile: Profile,
        to: KeyHandle,
        export: &Export<'_>,
        out: &mut [u8],
    ) -> Result<usize, Error> {
        out.fill(0);
        self.pend();
        self.allow(Command::KeyBlockTranslate)?;
        let (mut opening, mut closing) = (Kbpk::empty(), Kbpk::empty());
        self.kbpk(to, Way::Wrap, &mut closing)?;
        let parsed = self.parse_block(from, block, profile, &mut opening)?;
        let (history, _) = self.judge_block(&parsed, &opening)?;
        slot::judge_attributes(parsed.attributes(), self.policy)?;
        let attributes = export.judge(parsed.attributes(), self.policy)?;
        closing.closes(attributes.usage)?;
        let version = export.version(&closing)?;
        let context = match parsed.header().context {
            KeyContext::Any => export.context(),
            narrower => narrower,
        };
        let check = self.slots.get(to)?.check()?;
        self.audit_ready()?;

        let (mut pedigree, mut kc, mut kp) = ([0; 3], [0; CheckValue::TEXT_LEN], [0; CheckValue::TEXT_LEN]);
        let mut blocks = Out::new();
        if let Some(own) = history.pedigree {
            blocks.pedigree(own.and(closing.pedigree()), &mut pedigree)?;
        }
        let mut has_check = false;
        for block in parsed.blocks() {
            match &block.id {
                b"KP" | b"TS" | b"PB" | b"WP" => continue,
                b"PK" => names(block, &check)?,
                b"KC" => has_check = true,
                _ => {}
            }
            blocks.push(block)?;
        }
        if export.kbpk_check {
            blocks.check(*b"KP", &check, &mut kp)?;
        }
        blocks.extend(export.optional)?;

        let mut payload = Payload::empty();
        let verified = self.verify_block(from, parsed, &opening, &mut payload)?;
        closing.protects(attributes.algorithm, verified.key().len())?;
        let mut material = SecretBuf::new();
        verified.stored(&mut material)?;
        slot::judge(&attributes, material.expose(), self.policy)?;
        let itself = self.slots.holds(to, &attributes, material.expose())?;
        ct::verdict(!itself).map_err(|_| Error::InvalidArgument)?;
        let own_check = KeyCheck::of(&attributes, material.expose())?;
        if export.key_check && !has_check {
            blocks.check(*b"KC", &own_check, &mut kc)?;
        }
        let len = closing
            .template(version, context, &attributes, blocks.list())
            .wrap_stored(closing.borrow(), material.expose(), &mut self.platform, out)?;
        let noted = self.exported(NO_PLACE, &own_check, out);
        self.concluded(noted)?;
        Ok(len)
    }

    /// Parses and verifies a block, and judges what a caller without a slot needs to have judged.
    #[cfg(feature = "terminal")]
    pub(in crate::hsm) fn open_block<'b, 'p>(
        &mut self,
        kbpk: KeyHandle,
        block: &'b [u8],
        profile: Profile,
        payload: &'p mut Payload,
    ) -> Result<KeyBlock<'b, Verified<'p>>, Error> {
        let mut protection = Kbpk::empty();
        let parsed = self.parse_block(kbpk, block, profile, &mut protection)?;
        self.judge_block(&parsed, &protection)?;
        self.verify_block(kbpk, parsed, &protection, payload)
    }

    fn parse_block<'b>(
        &self,
        kbpk: KeyHandle,
        block: &'b [u8],
        profile: Profile,
        protection: &mut Kbpk,
    ) -> Result<KeyBlock<'b, Unverified>, Error> {
        self.kbpk(kbpk, Way::Unwrap, protection)?;
        let block = KeyBlock::<Unverified>::parse(block, profile)?;
        protection.serves(block.header().version)?;
        // A block for storage only was made by the device that keeps it; nobody else may take it in (X9.143, key context).
        if block.header().context == KeyContext::Storage {
            return Err(Error::KeyBlockReserved);
        }
        Ok(block)
    }

    /// Judges the optional blocks, which are public but not yet authentic.
    fn judge_block(&self, block: &KeyBlock<'_, Unverified>, protection: &Kbpk) -> Result<(History, bool), Error> {
        let (history, is_kept) = history(&block.blocks(), block.attributes(), protection)?;
        let is_weak = history.pedigree.is_some_and(Pedigree::is_lesser);
        if is_weak && !self.policy.has(Permission::WeakPedigree) {
            return Err(Error::KeyStrength);
        }
        Ok((history, is_kept))
    }

    /// Verifies a block, and judges what only the verified block tells: strength.
    fn verify_block<'b, 'p>(
        &mut self,
        handle: KeyHandle,
        block: KeyBlock<'b, Unverified>,
        protection: &Kbpk,
        payload: &'p mut Payload,
    ) -> Result<KeyBlock<'b, Verified<'p>>, Error> {
        let is_guess = block.header().version.is_variant();
        if is_guess {
            let slot = self.slots.get(handle)?;
            if !slot.serves(Choices::OldBlocks) {
                return Err(Error::UsageNotPermitted);
            }
            guard!("D04", slot.may_guess())?;
            self.slots.bind(handle, Choices::OldBlocks)?;
            // Counted before it is compared: no loss of power takes a try back.
            self.slots.count_failure(handle);
        }
        self.commit_uses()?;
        let verified = self
            .denial
            .judged_before(|| block.verify_only(protection.borrow(), payload))
            .and_then(|()| block.verify(protection.borrow(), payload));
        let verified = self.ruled(verified);
        if is_guess && !matches!(verified, Err(Error::VerificationFailed)) {
            self.slots.uncount_failure(handle);
            self.keep_up()?;
        }
        let verified = verified.map_err(|error| self.unwrap_failed(handle, error))?;
        protection.protects(verified.attributes().algorithm, verified.key().len())?;
        Ok(verified)
    }

    pub(in crate::hsm) fn kbpk(&self, handle: KeyHandle, way: Way, out: &mut Kbpk) -> Result<(), Error> {
        let slot = self.slots.get(handle)?;
        out.fill(slot, way, self.policy)?;
        // A key that has served backups serves nothing else.
        if slot.is_for_backup() {
            return Err(Error::UsageNotPermitted);
        }
        Ok(())
    }
}

/// Judges that PK names the key with this check value.
#[cfg(feature = "host")]
fn names(pk: Optional<'_>, check: &KeyCheck) -> Result<(), Error> {
    let Typed::ExportCheck(named) = pk.typed()? else {
        return Err(Error::KeyBlockOptional);
    };
    let own = check.in_block()?;
    // Both are public.
    let same = own.is_some_and(|own| own.method() == named.method() && own.bytes().starts_with(named.bytes()));
    if same { Ok(()) } else { Err(Error::ExportNotPermitted) }
}

mod out {
    use crate::error::Error;
    use crate::hsm::KeyCheck;
    use crate::hsm::slot::Derivable;
    use crate::keyblock::optional::{CheckValue, Optional, Pedigree};

    /// The most optional blocks of a block that is written here, padding block not counted.
    const CAPACITY: usize = 16;

    /// Characters of a DA block with everything that the module derives.
    pub(super) const DERIVATIONS_LEN: usize = 2 + 5 * 2;

    /// The optional blocks of a block that is written.
    pub(super) struct Out<'a> {
        blocks: [Optional<'a>; CAPACITY],
        len: usize,
    }

    impl<'a> Out<'a> {
        pub(super) const fn new() -> Self {
            Self {
                blocks: [Optional { id: [0; 2], data: &[] }; CAPACITY],
                len: 0,
            }
        }

        pub(super) fn push(&mut self, block: Optional<'a>) -> Result<(), Error> {
            *self.blocks.get_mut(self.len).ok_or(Error::KeyBlockOptionalCount)? = block;
            self.len = self.len.wrapping_add(1);
            Ok(())
        }

        pub(super) fn extend(&mut self, blocks: &[Optional<'a>]) -> Result<(), Error> {
            blocks.iter().try_for_each(|block| self.push(*block))
        }

        pub(super) fn pedigree(&mut self, pedigree: Pedigree, text: &'a mut [u8; 3]) -> Result<(), Error> {
            *text = pedigree.to_chars();
            self.push(Optional { id: *b"WP", data: text })
        }

        /// A block for a key that came with one.
        pub(super) fn derivations(
            &mut self,
            allowed: Derivable,
            text: &'a mut [u8; DERIVATIONS_LEN],
        ) -> Result<(), Error> {
            let (version, sets) = text.split_first_chunk_mut::<2>().ok_or(Error::Internal)?;
            *version = *b"01";
            let mut used = 0_usize;
            for (place, one) in sets.as_chunks_mut::<5>().0.iter_mut().zip(allowed.iter()) {
                let [u0, u1] = one.usage.to_chars();
                let (algorithm, mode) = (one.algorithm.to_char(), one.mode.to_char());
                *place = [u0, u1, algorithm, mode, one.exportability.to_char()];
                used = used.wrapping_add(5);
            }
            if used == 0 {
                return Ok(());
            }
            let data = text.get(..used.wrapping_add(2)).ok_or(Error::Internal)?;
            self.push(Optional { id: *b"DA", data })
        }

        /// A check value; nothing for a key that has none.
        pub(super) fn check(
            &mut self,
            id: [u8; 2],
            check: &KeyCheck,
            text: &'a mut [u8; CheckValue::TEXT_LEN],
        ) -> Result<(), Error> {
            match check.in_block()? {
                Some(value) => self.push(Optional {
                    id,
                    data: value.to_text(text)?,
                }),
                None => Ok(()),
            }
        }

        pub(super) fn list(&self) -> &[Optional<'a>] {
            self.blocks.get(..self.len).unwrap_or(&[])
        }
    }
}
