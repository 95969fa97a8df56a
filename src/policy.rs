// SPDX-License-Identifier: MIT OR Apache-2.0
//! What a key may be used for: the table of operations, and the switches of an installation.
//!
//! A key's attributes are the header values of ANSI X9.143. An operation is possible only if [`permit`] finds the
//! key's usage, mode of use and algorithm in the operation's row; what is not in the table is impossible.
//! `tests/key_confusion.rs` walks the whole matrix.

use crate::error::Error;
use crate::key::usage::{Attributes, KeyAlgorithm, ModeOfUse, Usage};
use crate::weaken::guard;

/// What is about to be done with a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Operation {
    /// Unwrap a key block under this key.
    KeyBlockUnwrap,
    /// Wrap a key block under this key.
    KeyBlockWrap,
    /// Unwrap a key block of version E under this key.
    KeyBlockUnwrapIso20038,
    /// Wrap a key block of version E under this key.
    KeyBlockWrapIso20038,
    /// Unwrap a key block of version A or C under this key. By [`Permission::LegacyKeyBlocks`].
    KeyBlockUnwrapVariant,
    /// Wrap a key block of version A or C under this key. By [`Permission::LegacyKeyBlocks`].
    KeyBlockWrapVariant,
    /// Unwrap a working key that is enciphered by ECB under this key. By [`Permission::LegacyImport`].
    WorkingKeyUnwrap,
    /// Authenticate a key agreement.
    AgreementAuthenticate,
    /// Sign for a key agreement.
    AgreementSign,
    /// Give the public key of a key pair.
    PublicKey,
    /// Derive initial keys from a BDK (host).
    DukptDerive,
    /// Load the register state from an initial key (terminal).
    DukptLoad,
    /// Encipher a PIN that was entered, or the output side of a translation.
    PinEncipher,
    /// The input side of a translation or verification.
    PinDecipher,
    /// Make a PVV.
    PvvGenerate,
    /// Check a PVV.
    PvvVerify,
    /// Make an offset of the IBM 3624, or a PIN from one.
    OffsetGenerate,
    /// Check a PIN by its offset.
    OffsetVerify,
    /// Make a MAC.
    MacGenerate,
    /// Check a MAC.
    MacVerify,
    /// Encipher data.
    DataEncipher,
    /// Decipher data.
    DataDecipher,
    /// Check an application cryptogram and answer it; explain it.
    ArqcVerify,
    /// Make a card verification value.
    CvvGenerate,
    /// Check a card verification value.
    CvvVerify,
    /// Check a CVC3.
    Cvc3Verify,
    /// Make the MACs of an issuer script.
    ScriptIntegrity,
    /// Encipher the data of an issuer script.
    ScriptConfidentiality,
    /// Mix the block of a new PIN for a card with its key.
    ScriptPin,
    /// Become the key by which a user logs in.
    RoleKey,
    /// Become the key of a user's one-time codes.
    CodeKey,
}

impl Operation {
    /// Every operation, in the order of declaration.
    pub const ALL: &'static [Self] = &[
        Self::KeyBlockUnwrap,
        Self::KeyBlockWrap,
        Self::KeyBlockUnwrapIso20038,
        Self::KeyBlockWrapIso20038,
        Self::KeyBlockUnwrapVariant,
        Self::KeyBlockWrapVariant,
        Self::WorkingKeyUnwrap,
        Self::AgreementAuthenticate,
        Self::AgreementSign,
        Self::PublicKey,
        Self::DukptDerive,
        Self::DukptLoad,
        Self::PinEncipher,
        Self::PinDecipher,
        Self::PvvGenerate,
        Self::PvvVerify,
        Self::OffsetGenerate,
        Self::OffsetVerify,
        Self::MacGenerate,
        Self::MacVerify,
        Self::DataEncipher,
        Self::DataDecipher,
        Self::ArqcVerify,
        Self::CvvGenerate,
        Self::CvvVerify,
        Self::Cvc3Verify,
        Self::ScriptIntegrity,
        Self::ScriptConfidentiality,
        Self::ScriptPin,
        Self::RoleKey,
        Self::CodeKey,
    ];

    /// The row of the table: usages, modes of use and algorithms that allow the operation.
    const fn row(self) -> Row {
        use KeyAlgorithm::{Aes, Tdea};
        const BOTH: &[KeyAlgorithm] = &[Tdea, Aes];
        const MACS: &[Usage] = &[Usage::M0, Usage::M1, Usage::M3, Usage::M6, Usage::M7];
        const MAC_ALGORITHMS: &[KeyAlgorithm] =
            &[Tdea, Aes, KeyAlgorithm::Des, KeyAlgorithm::Hmac, KeyAlgorithm::HmacSha2];
        match self {
            Self::KeyBlockUnwrap => Row(&[Usage::K1], &[ModeOfUse::Both, ModeOfUse::Decrypt], BOTH),
            Self::KeyBlockWrap => Row(&[Usage::K1], &[ModeOfUse::Both, ModeOfUse::Encrypt], BOTH),
            // One key serves one kind of binding: K1 that of versions B and D, K4 that of E, K0,
            // which is older than they are, that by variants.
            Self::KeyBlockUnwrapIso20038 => Row(&[Usage::K4], &[ModeOfUse::Both, ModeOfUse::Decrypt], &[Aes]),
            Self::KeyBlockWrapIso20038 => Row(&[Usage::K4], &[ModeOfUse::Both, ModeOfUse::Encrypt], &[Aes]),
            Self::KeyBlockUnwrapVariant => Row(&[Usage::K0], &[ModeOfUse::Both, ModeOfUse::Decrypt], &[Tdea]),
            Self::KeyBlockWrapVariant => Row(&[Usage::K0], &[ModeOfUse::Both, ModeOfUse::Encrypt], &[Tdea]),
            Self::WorkingKeyUnwrap => Row(&[Usage::K0], &[ModeOfUse::Both, ModeOfUse::Decrypt], &[Tdea]),
            // A derivation key: no other operation takes it, so nothing else can make or check its tags.
            Self::AgreementAuthenticate => Row(&[Usage::B3], &[ModeOfUse::Derive], &[Aes]),
            // No other operation signs: nothing else can make a proof.
            Self::AgreementSign => Row(&[Usage::S0], &[ModeOfUse::Sign], &[KeyAlgorithm::Ec]),
            Self::PublicKey => Row(&[Usage::S0], &[ModeOfUse::Sign], &[KeyAlgorithm::Ec]),
            Self::DukptDerive => Row(&[Usage::B0], &[ModeOfUse::Derive], BOTH),
            Self::DukptLoad => Row(&[Usage::B1], &[ModeOfUse::Derive], BOTH),
            Self::PinEncipher => Row(&[Usage::P0], &[ModeOfUse::Both, ModeOfUse::Encrypt], BOTH),
            Self::PinDecipher => Row(&[Usage::P0], &[ModeOfUse::Both, ModeOfUse::Decrypt], BOTH),
            Self::PvvGenerate => Row(&[Usage::V2], &[ModeOfUse::GenerateVerify, ModeOfUse::Generate], &[Tdea]),
            Self::PvvVerify => Row(&[Usage::V2], &[ModeOfUse::GenerateVerify, ModeOfUse::Verify], &[Tdea]),
            Self::OffsetGenerate => Row(&[Usage::V1], &[ModeOfUse::GenerateVerify, ModeOfUse::Generate], &[Tdea]),
            Self::OffsetVerify => Row(&[Usage::V1], &[ModeOfUse::GenerateVerify, ModeOfUse::Verify], &[Tdea]),
            Self::MacGenerate => Row(MACS, &[ModeOfUse::GenerateVerify, ModeOfUse::Generate], MAC_ALGORITHMS),
            Self::MacVerify => Row(MACS, &[ModeOfUse::GenerateVerify, ModeOfUse::Verify], MAC_ALGORITHMS),
            Self::DataEncipher => Row(&[Usage::D0], &[ModeOfUse::Both, ModeOfUse::Encrypt], BOTH),
            Self::DataDecipher => Row(&[Usage::D0], &[ModeOfUse::Both, ModeOfUse::Decrypt], BOTH),
            Self::CvvGenerate => Row(&[Usage::C0], &[ModeOfUse::GenerateVerify, ModeOfUse::Generate], &[Tdea]),
            Self::CvvVerify => Row(&[Usage::C0], &[ModeOfUse::GenerateVerify, ModeOfUse::Verify], &[Tdea]),
            Self::Cvc3Verify => Row(&[Usage::E4], &[ModeOfUse::Derive], &[Tdea]),
            Self::ArqcVerify => Row(&[Usage::E0], &[ModeOfUse::Derive], BOTH),
            Self::ScriptIntegrity => Row(&[Usage::E2], &[ModeOfUse::Derive], &[Tdea]),
            Self::ScriptConfidentiality => Row(&[Usage::E1], &[ModeOfUse::Derive], &[Tdea]),
            Self::ScriptPin => Row(&[Usage::E0], &[ModeOfUse::Derive], &[Tdea]),
            // Keys that can only verify: nobody makes a response with them before they are a user's.
            Self::RoleKey => Row(&[Usage::M6], &[ModeOfUse::Verify], &[Aes]),
            Self::CodeKey => Row(
                &[Usage::M7],
                &[ModeOfUse::Verify],
                &[KeyAlgorithm::Hmac, KeyAlgorithm::HmacSha2],
            ),
        }
    }
}

struct Row(&'static [Usage], &'static [ModeOfUse], &'static [KeyAlgorithm]);

/// Judges whether a key with these attributes may do `operation`.
///
/// Mode N ("no restriction") passes only with [`Permission::ModeN`], and then means what the usage implies.
///
/// # Errors
/// [`Error::UsageNotPermitted`], [`Error::ModeNotPermitted`], [`Error::AlgorithmMismatch`], judged in this order.
#[inline(never)]
pub fn permit(operation: Operation, attributes: &Attributes, policy: Policy) -> Result<(), Error> {
    let legacy = matches!(
        operation,
        Operation::KeyBlockUnwrapVariant | Operation::KeyBlockWrapVariant
    );
    if legacy && !policy.has(Permission::LegacyKeyBlocks) {
        return Err(Error::UsageNotPermitted);
    }
    let Row(usages, modes, algorithms) = operation.row();
    if guard!("C01" | "C03" | "G06", !usages.contains(&attributes.usage)) {
        return Err(Error::UsageNotPermitted);
    }
    let any_mode = attributes.mode == ModeOfUse::NoRestriction && policy.has(Permission::ModeN);
    if guard!("B05.mode" | "H04", !any_mode && !modes.contains(&attributes.mode)) {
        return Err(Error::ModeNotPermitted);
    }
    if !algorithms.contains(&attributes.algorithm) {
        return Err(Error::AlgorithmMismatch);
    }
    Ok(())
}

/// [`permit`] by a table of its own, in which everything is a complement: a changed bit of either table, or an instruction
/// that is left out in one of the two, lets nothing through.
///
/// # Errors
/// [`Error::UsageNotPermitted`], [`Error::ModeNotPermitted`], [`Error::AlgorithmMismatch`].
#[inline(never)]
pub(crate) fn permit_again(operation: Operation, attributes: &Attributes, policy: Policy) -> Result<(), Error> {
    let legacy = matches!(
        operation,
        Operation::KeyBlockUnwrapVariant | Operation::KeyBlockWrapVariant
    );
    if legacy && !policy.has(Permission::LegacyKeyBlocks) {
        return Err(Error::UsageNotPermitted);
    }
    let [usages, modes, algorithms] = AGAIN.get(operation as usize).ok_or(Error::Internal)?;
    let among = |places: &[u16; PLACES], value: u16| places.contains(&!value);
    let usage = u16::from_be_bytes(attributes.usage.to_chars());
    if guard!("C01" | "C03" | "G06", !among(usages, usage)) {
        return Err(Error::UsageNotPermitted);
    }
    let any_mode = attributes.mode == ModeOfUse::NoRestriction && policy.has(Permission::ModeN);
    let mode = u16::from(attributes.mode.to_char());
    if guard!("B05.mode" | "H04", !any_mode && !among(modes, mode)) {
        return Err(Error::ModeNotPermitted);
    }
    if !among(algorithms, attributes.algorithm.to_char().into()) {
        return Err(Error::AlgorithmMismatch);
    }
    Ok(())
}

/// The most usages of an operation.
const PLACES: usize = 5;

/// Usages, modes of use and algorithms of each operation, as complements of the characters; what is free is no character's.
static AGAIN: [[[u16; PLACES]; 3]; Operation::ALL.len()] = {
    let mut table = [[[0; PLACES]; 3]; Operation::ALL.len()];
    let (mut rows, mut operations): (&mut [_], _) = (&mut table, Operation::ALL);
    while let ([row, other_rows @ ..], [operation, others @ ..]) = (rows, operations) {
        *row = operation.row().again();
        (rows, operations) = (other_rows, others);
    }
    table
};

impl Row {
    const fn again(&self) -> [[u16; PLACES]; 3] {
        let Self(mut usages, mut modes, mut algorithms) = *self;
        let mut out = [[0; PLACES]; 3];
        let [to_usages, to_modes, to_algorithms] = &mut out;
        let mut to: &mut [u16] = to_usages;
        while let ([usage, rest @ ..], [place, places @ ..]) = (usages, to) {
            *place = !u16::from_be_bytes(usage.to_chars());
            (usages, to) = (rest, places);
        }
        let mut to: &mut [u16] = to_modes;
        while let ([mode, rest @ ..], [place, places @ ..]) = (modes, to) {
            *place = !(mode.to_char() as u16);
            (modes, to) = (rest, places);
        }
        let mut to: &mut [u16] = to_algorithms;
        while let ([algorithm, rest @ ..], [place, places @ ..]) = (algorithms, to) {
            *place = !(algorithm.to_char() as u16);
            (algorithms, to) = (rest, places);
        }
        out
    }
}

/// The MAC algorithms of slots and transactions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum MacAlgorithm {
    /// ISO/IEC 9797-1 algorithm 1 with the whole key (M0, M1).
    Iso9797Alg1,
    /// ISO/IEC 9797-1 algorithm 3, the retail MAC (M3).
    #[doc(alias = "X9.19")]
    Iso9797Alg3,
    /// CMAC (M6).
    Cmac,
    /// HMAC with SHA-256 (M7).
    HmacSha256,
    /// HMAC with SHA-384 (M7).
    HmacSha384,
    /// HMAC with SHA-512 (M7).
    HmacSha512,
    /// The "ECB MAC" of UnionPay terminals (M0, M1 by [`Permission::UnionPay`]).
    #[doc(alias = "ECB MAC")]
    UnionPay,
}

impl MacAlgorithm {
    /// Whether keys of `usage` may make or check such MACs.
    #[must_use]
    pub const fn is_of(self, usage: Usage) -> bool {
        matches!(
            (self, usage),
            (Self::Iso9797Alg1 | Self::UnionPay, Usage::M0 | Usage::M1)
                | (Self::Iso9797Alg3, Usage::M3)
                | (Self::Cmac, Usage::M6)
                | (Self::HmacSha256 | Self::HmacSha384 | Self::HmacSha512, Usage::M7)
        )
    }

    /// The shortest MAC that is made or accepted, in bytes: 4 for the block-cipher MACs of old messages, 8 for CMAC and
    /// HMAC; UnionPay's eight characters are 4 bytes in hexadecimal.
    #[must_use]
    pub const fn min_len(self) -> usize {
        match self {
            Self::Iso9797Alg1 | Self::Iso9797Alg3 => 4,
            Self::Cmac | Self::HmacSha256 | Self::HmacSha384 | Self::HmacSha512 | Self::UnionPay => 8,
        }
    }
}

/// How many blocks a DES or TDEA key of a slot may process, MACs or data, since it came in: the block length is 64 bits.
/// The count does not outlive the module's start.
///
/// # Source
/// SP 800-67 revision 2, 3.3.
pub const TDEA_BLOCK_LIMIT: u32 = 1 << 20;

/// A relaxation that an installation may need. None is on by default.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
#[repr(u32)]
pub enum Permission {
    /// Keys with mode of use N do whatever their usage implies.
    ModeN = 1,
    /// PIN translation to a key weaker than the input key (a gateway from AES to TDEA).
    WeakerPinKey = 1 << 1,
    /// A KBPK longer than AES-128 from P-256, whose strength is 128 bits.
    LongKbpk = 1 << 2,
    /// A PIN key of a slot that both enciphers and deciphers (mode B).
    PinKeyBothWays = 1 << 3,
    /// ISO/IEC 9797-1 algorithm 1 with padding 1 or 2. Two MACs of messages of different length give a third: only for
    /// protocols that fix the length.
    CbcMac = 1 << 4,
    /// Three-key TDEA working keys from an AES-128 initial key, which some take for stronger than it.
    ThreeKeyFromAes128 = 1 << 5,
    /// Data keys of TDEA DUKPT as older devices have them: the variant without the one-way step, or the PIN variant
    /// (feature `legacy`).
    LegacyDataKey = 1 << 6,
    /// PIN blocks of format 1, which are bound to no PAN, are made and translated.
    PinFormat1 = 1 << 7,
    /// PINs are verified from blocks of format 1: the PAN beside the block is the caller's word.
    PinVerifyFormat1 = 1 << 8,
    /// New PINs may be one digit throughout or a run (0000, 1234, 4321).
    TrivialPins = 1 << 9,
    /// One CVK for the values of a track and for the printed one.
    SharedCvk = 1 << 11,
    /// Key blocks of versions A and C, whose authenticator has 32 bits, under K0 keys; in builds with the feature `legacy`.
    LegacyKeyBlocks = 1 << 15,
    /// Keys that a weaker key once protected, as the optional block WP of their key block says.
    WeakPedigree = 1 << 16,
    /// Keys of exportability S leave in key blocks. Others may take them out in other forms then.
    ExportSensitive = 1 << 17,
    /// Key check values of other lengths than 3 and 5 bytes are compared: 2 to 5.
    KeyCheckLengths = 1 << 18,
    /// Application cryptograms over bytes that the caller gives, and as he says: for cards that have no profile.
    RawCryptogram = 1 << 23,
    /// Explanations of application cryptograms.
    ExplainCryptogram = 1 << 24,
    /// Working keys enciphered by ECB under a KEK come in. Nothing authenticates them but their check value.
    LegacyImport = 1 << 19,
    /// A KBPK is agreed with a peer that proves nothing. Nothing authenticates it but the platform's answer about the
    /// peer's public key.
    UnauthenticatedAgreement = 1 << 20,
    /// The profile of UnionPay terminals: its "ECB MAC" under M0 and M1 keys, and the encipherment of track 2.
    UnionPay = 1 << 12,
    /// ECB under data keys. Equal blocks show.
    EcbData = 1 << 13,
    /// MAC keys of single DES: ANSI X9.9, and UnionPay's MAKs of 8 bytes. 56 bits are searched in hours.
    SingleDes = 1 << 14,
    /// DUKPT with TDEA keys: data under the PIN variant (feature `legacy`), as some older card readers encipher them.
    /// **At a host it deciphers PIN blocks**: whoever may derive a KSN may take the PIN of its message for data. Only where
    /// these initial keys never serve PINs.
    LegacyPinVariantData = 1 << 29,
    /// Data are enciphered again under a key that is weaker than the one they came under.
    WeakerDataKey = 1 << 30,
    /// Keys whose last day of use is over verify and decipher what was made before.
    ExpiredKeys = 1 << 22,
    /// PINs that are enciphered for the card in the terminal.
    OfflinePin = 1 << 27,
    /// PINs that go to the card in clear, in a terminal that is one protected housing with its card reader.
    PlaintextOfflinePin = 1 << 28,
}

/// The permissions of an installation.
///
/// In memory twice, as what is given and as what is not: a changed bit withdraws a permission, and gives none.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Policy {
    given: u32,
    withheld: u32,
}

impl Default for Policy {
    fn default() -> Self {
        Self::STRICT
    }
}

impl core::fmt::Debug for Policy {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_tuple("Policy").field(&self.to_bits()).finish()
    }
}

impl Policy {
    /// No relaxation.
    pub const STRICT: Self = Self::of(0);
    const KNOWN: u32 = Permission::ModeN as u32
        | Permission::WeakerPinKey as u32
        | Permission::LongKbpk as u32
        | Permission::PinKeyBothWays as u32
        | Permission::CbcMac as u32
        | Permission::ThreeKeyFromAes128 as u32
        | Permission::LegacyDataKey as u32
        | Permission::SharedCvk as u32
        | Permission::LegacyKeyBlocks as u32
        | Permission::WeakPedigree as u32
        | Permission::ExportSensitive as u32
        | Permission::KeyCheckLengths as u32
        | Permission::RawCryptogram as u32
        | Permission::ExplainCryptogram as u32
        | Permission::LegacyImport as u32
        | Permission::UnauthenticatedAgreement as u32
        | Permission::PinFormat1 as u32
        | Permission::PinVerifyFormat1 as u32
        | Permission::TrivialPins as u32
        | Permission::ExpiredKeys as u32
        | Permission::UnionPay as u32
        | Permission::EcbData as u32
        | Permission::SingleDes as u32
        | Permission::LegacyPinVariantData as u32
        | Permission::WeakerDataKey as u32
        | Permission::OfflinePin as u32
        | Permission::PlaintextOfflinePin as u32;

    const fn of(bits: u32) -> Self {
        Self {
            given: bits,
            withheld: !bits,
        }
    }

    /// This policy and one permission more.
    #[must_use]
    pub const fn with(self, permission: Permission) -> Self {
        self.and(Self::of(permission as u32))
    }

    /// This policy and all permissions of another.
    #[must_use]
    pub const fn and(self, other: Self) -> Self {
        Self {
            given: self.given | other.given,
            withheld: self.withheld & other.withheld,
        }
    }

    /// This policy without the permissions of some bits.
    #[must_use]
    pub(crate) const fn without(self, bits: u32) -> Self {
        Self {
            given: self.given & !bits,
            withheld: self.withheld | bits,
        }
    }

    /// Whether `permission` is given.
    #[must_use]
    pub const fn has(self, permission: Permission) -> bool {
        self.given & permission as u32 != 0 && self.withheld & permission as u32 == 0
    }

    /// From the bits of the C ABI.
    ///
    /// # Errors
    /// [`Error::InvalidArgument`] for an unknown bit.
    pub const fn from_bits(bits: u32) -> Result<Self, Error> {
        if bits & !Self::KNOWN == 0 {
            Ok(Self::of(bits))
        } else {
            Err(Error::InvalidArgument)
        }
    }

    /// The bits of the C ABI.
    #[must_use]
    pub const fn to_bits(self) -> u32 {
        self.given & !self.withheld
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_tables_say_the_same() {
        let mut attributes = Attributes::new(
            Usage::K0,
            KeyAlgorithm::Aes,
            ModeOfUse::Both,
            crate::key::usage::Exportability::NonExportable,
        );
        let mut permitted = 0;
        for policy in [
            Policy::STRICT,
            Policy::STRICT.with(Permission::ModeN).with(Permission::LegacyKeyBlocks),
        ] {
            for operation in Operation::ALL {
                for usage in Usage::ALL {
                    for algorithm in KeyAlgorithm::ALL {
                        for mode in ModeOfUse::ALL {
                            (attributes.usage, attributes.algorithm, attributes.mode) = (*usage, *algorithm, *mode);
                            let answer = permit(*operation, &attributes, policy);
                            assert_eq!(permit_again(*operation, &attributes, policy), answer);
                            permitted += u32::from(answer.is_ok());
                        }
                    }
                }
            }
        }
        assert!(permitted > 100);
    }

    #[test]
    fn every_operation_is_at_its_number() {
        for (number, operation) in Operation::ALL.iter().enumerate() {
            assert_eq!(*operation as usize, number);
            assert_eq!(operation.row().again(), AGAIN[number]);
        }
    }

    /// What is neither given nor withheld, or both, is not given.
    #[test]
    fn a_permission_is_given_and_not_withheld() {
        let bit = Permission::CbcMac as u32;
        for (given, withheld) in [(0, 0), (bit, bit), (0, bit)] {
            assert!(!Policy { given, withheld }.has(Permission::CbcMac));
        }
    }

    /// SP 800-67 revision 2, 3.3.
    #[test]
    fn tdea_keys_process_two_to_the_twentieth_blocks() {
        assert_eq!(TDEA_BLOCK_LIMIT, 1_048_576);
    }

    #[test]
    fn a_changed_bit_gives_no_permission() {
        let policy = Policy::STRICT.with(Permission::CbcMac);
        for bit in 0..32 {
            for (given, withheld) in [(1 << bit, 0), (0, 1 << bit)] {
                let changed = Policy {
                    given: policy.given ^ given,
                    withheld: policy.withheld ^ withheld,
                };
                assert_eq!(changed.to_bits() & !policy.to_bits(), 0);
            }
        }
    }

    #[test]
    fn every_permission_is_a_bit_of_its_own() {
        let permissions = [
            Permission::ModeN,
            Permission::WeakerPinKey,
            Permission::LongKbpk,
            Permission::PinKeyBothWays,
            Permission::CbcMac,
            Permission::ThreeKeyFromAes128,
            Permission::LegacyDataKey,
            Permission::SharedCvk,
            Permission::LegacyKeyBlocks,
            Permission::WeakPedigree,
            Permission::ExportSensitive,
            Permission::KeyCheckLengths,
            Permission::RawCryptogram,
            Permission::ExplainCryptogram,
            Permission::LegacyImport,
            Permission::UnauthenticatedAgreement,
            Permission::PinFormat1,
            Permission::PinVerifyFormat1,
            Permission::TrivialPins,
            Permission::ExpiredKeys,
            Permission::UnionPay,
            Permission::EcbData,
            Permission::SingleDes,
            Permission::LegacyPinVariantData,
            Permission::WeakerDataKey,
            Permission::OfflinePin,
            Permission::PlaintextOfflinePin,
        ];
        let mut seen = 0;
        for permission in permissions {
            let (bit, given) = (permission as u32, Policy::STRICT.with(permission));
            assert_eq!((bit.count_ones(), seen & bit), (1, 0), "{permission:?}");
            seen |= bit;
            assert!(given.has(permission) && !Policy::STRICT.has(permission));
            assert_eq!((Policy::from_bits(bit), given.to_bits()), (Ok(given), bit));
            // Twice given is given, twice withheld is withheld.
            assert_eq!((given.and(given), given.with(permission)), (given, given));
            assert_eq!(given.without(bit).without(bit), Policy::STRICT);
        }
        for unknown in (0..32).map(|shift| 1 << shift).filter(|bit| seen & bit == 0) {
            assert_eq!(Policy::from_bits(unknown), Err(Error::InvalidArgument));
            assert_eq!(Policy::from_bits(seen | unknown), Err(Error::InvalidArgument));
        }
        assert_eq!(Policy::from_bits(seen).map(Policy::to_bits), Ok(seen));
    }
}
