// SPDX-License-Identifier: MIT OR Apache-2.0
//! Protection keys, and which key blocks each of them serves.

use crate::entropy::Entropy;
use crate::error::Error;
use crate::hsm::slot::Slot;
use crate::key::usage::{Attributes, Exportability, KeyAlgorithm, Usage, strength_bits};
use crate::key::{self, Key, role};
use crate::keyblock::KbpkRef;
use crate::keyblock::header::{KeyContext, Version};
use crate::keyblock::optional::{Optional, Pedigree};
use crate::keyblock::wrap::Template;
use crate::policy::{Operation, Policy};
use crate::weaken::guard;

/// What is to be done with a protection key.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(in crate::hsm) enum Way {
    Wrap,
    Unwrap,
}

/// How a protection key binds keys to their headers. A key serves one of these.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Binding {
    /// Key derivation, versions B and D: usage K1.
    Derivation,
    /// Key derivation and CTR, version E: usage K4.
    Iso20038,
    /// Key variants, versions A and C: usage K0, which is older than the others.
    Variant,
}

impl Binding {
    /// By the usage; what protects nothing falls to the operations of K1, which refuse it.
    fn of(attributes: &Attributes) -> Self {
        if attributes.usage == Usage::K4 {
            Self::Iso20038
        } else if attributes.usage == Usage::K0 {
            Self::Variant
        } else {
            Self::Derivation
        }
    }

    const fn operation(self, way: Way) -> Operation {
        match (self, way) {
            (Self::Derivation, Way::Wrap) => Operation::KeyBlockWrap,
            (Self::Derivation, Way::Unwrap) => Operation::KeyBlockUnwrap,
            (Self::Iso20038, Way::Wrap) => Operation::KeyBlockWrapIso20038,
            (Self::Iso20038, Way::Unwrap) => Operation::KeyBlockUnwrapIso20038,
            (Self::Variant, Way::Wrap) => Operation::KeyBlockWrapVariant,
            (Self::Variant, Way::Unwrap) => Operation::KeyBlockUnwrapVariant,
        }
    }

    const fn of_version(version: Version) -> Self {
        match version {
            Version::A | Version::C => Self::Variant,
            Version::B | Version::D => Self::Derivation,
            Version::E => Self::Iso20038,
        }
    }
}

enum Material {
    Tdea(Key<role::Kbpk, key::Tdea>),
    Aes(Key<role::Kbpk, key::Aes>),
}

/// A protection key out of a slot that may do what it is taken for.
pub(in crate::hsm) struct Kbpk {
    key: Material,
    binding: Binding,
    pedigree: Option<Pedigree>,
    may_leave: bool,
}

impl Kbpk {
    /// The place of one.
    pub(in crate::hsm) const fn empty() -> Self {
        Self {
            key: Material::Tdea(Key::empty()),
            binding: Binding::Derivation,
            pedigree: None,
            may_leave: true,
        }
    }

    /// Fills it where it stands: a key that moves leaves a copy.
    pub(super) fn fill(&mut self, slot: &Slot, way: Way, policy: Policy) -> Result<(), Error> {
        let attributes = slot.attributes()?;
        self.binding = Binding::of(attributes);
        self.pedigree = slot.pedigree();
        self.may_leave = attributes.exportability != Exportability::NonExportable;
        let operation = self.binding.operation(way);
        if attributes.algorithm == KeyAlgorithm::Aes {
            self.key = Material::Aes(Key::empty());
        } else {
            self.key = Material::Tdea(Key::empty());
        }
        match &mut self.key {
            Material::Aes(key) => slot.take(operation, policy, key),
            Material::Tdea(key) => slot.take(operation, policy, key),
        }
    }

    pub(super) const fn borrow(&self) -> KbpkRef<'_> {
        match &self.key {
            Material::Tdea(key) => KbpkRef::Tdea(key),
            Material::Aes(key) => KbpkRef::Aes(key),
        }
    }

    /// What the keys that this one protects take over from its own pedigree.
    pub(super) fn pedigree(&self) -> Pedigree {
        self.pedigree.unwrap_or_default()
    }

    /// The version of the blocks that this key writes unless another one is asked for.
    pub(super) const fn version(&self) -> Version {
        match (self.binding, &self.key) {
            (Binding::Variant, _) => Version::C,
            (Binding::Iso20038, _) => Version::E,
            (Binding::Derivation, Material::Tdea(_)) => Version::B,
            (Binding::Derivation, Material::Aes(_)) => Version::D,
        }
    }

    /// Judges whether a block of this version is one of this key's.
    pub(super) fn serves(&self, version: Version) -> Result<(), Error> {
        if guard!("D03", Binding::of_version(version) != self.binding) {
            return Err(Error::UsageNotPermitted);
        }
        if version.is_aes() != matches!(self.key, Material::Aes(_)) {
            return Err(Error::AlgorithmMismatch);
        }
        version.supported()
    }

    /// Judges the strength of a key of `len` bytes that this one protects or shall protect.
    pub(super) fn protects(&self, algorithm: KeyAlgorithm, len: usize) -> Result<(), Error> {
        let own = match &self.key {
            Material::Tdea(key) => strength_bits(KeyAlgorithm::Tdea, key.len()),
            Material::Aes(key) => strength_bits(KeyAlgorithm::Aes, key.len()),
        };
        let len = match algorithm {
            // The curve of a key pair counts, not its encoding; other curves than P-256 come to nothing elsewhere.
            KeyAlgorithm::Ec => 32,
            _ => len,
        };
        if guard!("C06", strength_bits(algorithm, len) > own) {
            return Err(Error::KeyStrength);
        }
        Ok(())
    }

    /// Judges whether a key of this usage may leave under this one. A protection key leaves only under one that cannot leave
    /// itself: so no protection key comes to be under a key that is under it, by however many steps.
    pub(super) fn closes(&self, usage: Usage) -> Result<(), Error> {
        let is_protection = matches!(usage, Usage::K0 | Usage::K1 | Usage::K2 | Usage::K3 | Usage::K4);
        if guard!("C06.cycle" | "C06.self", is_protection && self.may_leave) {
            return Err(Error::ExportNotPermitted);
        }
        Ok(())
    }

    /// Wraps a key that this one may protect, as it is stored.
    pub(in crate::hsm) fn wrap(
        &self,
        attributes: &Attributes,
        optional: &[Optional<'_>],
        material: &[u8],
        entropy: &mut impl Entropy,
        out: &mut [u8],
    ) -> Result<usize, Error> {
        self.protects(attributes.algorithm, material.len())?;
        self.template(self.version(), KeyContext::Any, attributes, optional)
            .wrap_stored(self.borrow(), material, entropy, out)
    }

    pub(super) const fn template<'a>(
        &self,
        version: Version,
        context: KeyContext,
        attributes: &Attributes,
        optional: &'a [Optional<'a>],
    ) -> Template<'a> {
        let mut template = Template::new(version, *attributes).with_optional(optional);
        template.context = context;
        template
    }
}
