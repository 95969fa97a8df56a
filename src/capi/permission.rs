// SPDX-License-Identifier: MIT OR Apache-2.0
//! The switches of an installation: bits of `payhsm_config_t.policy`.

use crate::policy::Permission;

/// Policy bit: keys with mode of use N do whatever their usage implies.
pub const PAYHSM_POLICY_MODE_N: u32 = 1;
/// Policy bit: PIN translation to a weaker key.
pub const PAYHSM_POLICY_WEAKER_PIN_KEY: u32 = 2;
/// Policy bit: a KBPK longer than AES-128 from P-256.
pub const PAYHSM_POLICY_LONG_KBPK: u32 = 4;
/// Policy bit: a PIN key that both enciphers and deciphers.
pub const PAYHSM_POLICY_PIN_KEY_BOTH_WAYS: u32 = 8;
/// Policy bit: ISO/IEC 9797-1 algorithm 1 with padding 1 or 2, for protocols that fix the length of messages.
pub const PAYHSM_POLICY_CBC_MAC: u32 = 16;
/// Policy bit: three-key TDEA working keys from an AES-128 initial key.
pub const PAYHSM_POLICY_THREE_KEY_FROM_AES128: u32 = 32;
/// Policy bit: data keys of TDEA DUKPT without the one-way step, or under the PIN variant. In libraries built with
/// `legacy`.
pub const PAYHSM_POLICY_LEGACY_DATA_KEY: u32 = 64;
/// Policy bit: one CVK for the values of a track and for the printed one.
pub const PAYHSM_POLICY_SHARED_CVK: u32 = 1 << 11;
/// Policy bit: key blocks of versions A and C under `"K0"` keys, in libraries built with `legacy`.
pub const PAYHSM_POLICY_LEGACY_KEY_BLOCKS: u32 = 1 << 15;
/// Policy bit: keys that a weaker key once protected, as their key block says.
pub const PAYHSM_POLICY_WEAK_PEDIGREE: u32 = 1 << 16;
/// Policy bit: keys of exportability `'S'` leave in key blocks.
pub const PAYHSM_POLICY_EXPORT_SENSITIVE: u32 = 1 << 17;
/// Policy bit: key check values of 2 to 5 bytes are compared; else of 3 and 5.
pub const PAYHSM_POLICY_KEY_CHECK_LENGTHS: u32 = 1 << 18;
/// Policy bit: application cryptograms over bytes that the caller gives, and as he says.
pub const PAYHSM_POLICY_RAW_CRYPTOGRAM: u32 = 1 << 23;
/// Policy bit: explanations of application cryptograms.
pub const PAYHSM_POLICY_EXPLAIN_CRYPTOGRAM: u32 = 1 << 24;
/// Policy bit: working keys enciphered by ECB under a KEK come in.
pub const PAYHSM_POLICY_LEGACY_IMPORT: u32 = 1 << 19;
/// Policy bit: a KBPK is agreed with a peer that proves nothing.
pub const PAYHSM_POLICY_UNAUTHENTICATED_AGREEMENT: u32 = 1 << 20;
/// Policy bit: the profile of UnionPay terminals: its "ECB MAC" under M0 and M1 keys, and the encipherment of track 2.
pub const PAYHSM_POLICY_UNIONPAY: u32 = 1 << 12;
/// Policy bit: ECB under data keys.
pub const PAYHSM_POLICY_ECB_DATA: u32 = 1 << 13;
/// Policy bit: MAC keys of single DES.
pub const PAYHSM_POLICY_SINGLE_DES: u32 = 1 << 14;

/// Policy bit: PIN blocks of format 1, which are bound to no PAN, are made and translated.
pub const PAYHSM_POLICY_PIN_FORMAT_1: u32 = 128;
/// Policy bit: PINs are verified from blocks of format 1.
pub const PAYHSM_POLICY_PIN_VERIFY_FORMAT_1: u32 = 256;
/// Policy bit: new PINs may be one digit throughout or a run.
pub const PAYHSM_POLICY_TRIVIAL_PINS: u32 = 512;
/// Policy bit: keys whose last day of use is over verify and decipher what was made before.
pub const PAYHSM_POLICY_EXPIRED_KEYS: u32 = 1 << 22;
/// Policy bit: PINs that are enciphered for the card in the terminal.
pub const PAYHSM_POLICY_OFFLINE_PIN: u32 = 1 << 27;
/// Policy bit: PINs that go to the card in clear.
pub const PAYHSM_POLICY_PLAINTEXT_OFFLINE_PIN: u32 = 1 << 28;

/// Policy bit: data under the PIN variant of TDEA DUKPT; at a host it deciphers PIN blocks of the same initial keys.
pub const PAYHSM_POLICY_LEGACY_PIN_VARIANT_DATA: u32 = 1 << 29;
/// Policy bit: data are enciphered again under a weaker key.
pub const PAYHSM_POLICY_WEAKER_DATA_KEY: u32 = 1 << 30;

// The bits of the C header are the permissions of Rust.
const _: () = assert!(PAYHSM_POLICY_MODE_N == Permission::ModeN as u32);
const _: () = assert!(PAYHSM_POLICY_WEAKER_PIN_KEY == Permission::WeakerPinKey as u32);
const _: () = assert!(PAYHSM_POLICY_LONG_KBPK == Permission::LongKbpk as u32);
const _: () = assert!(PAYHSM_POLICY_PIN_KEY_BOTH_WAYS == Permission::PinKeyBothWays as u32);
const _: () = assert!(PAYHSM_POLICY_CBC_MAC == Permission::CbcMac as u32);
const _: () = assert!(PAYHSM_POLICY_THREE_KEY_FROM_AES128 == Permission::ThreeKeyFromAes128 as u32);
const _: () = assert!(PAYHSM_POLICY_LEGACY_DATA_KEY == Permission::LegacyDataKey as u32);
const _: () = assert!(PAYHSM_POLICY_SHARED_CVK == Permission::SharedCvk as u32);
const _: () = assert!(PAYHSM_POLICY_LEGACY_KEY_BLOCKS == Permission::LegacyKeyBlocks as u32);
const _: () = assert!(PAYHSM_POLICY_WEAK_PEDIGREE == Permission::WeakPedigree as u32);
const _: () = assert!(PAYHSM_POLICY_EXPORT_SENSITIVE == Permission::ExportSensitive as u32);
const _: () = assert!(PAYHSM_POLICY_KEY_CHECK_LENGTHS == Permission::KeyCheckLengths as u32);
const _: () = assert!(PAYHSM_POLICY_RAW_CRYPTOGRAM == Permission::RawCryptogram as u32);
const _: () = assert!(PAYHSM_POLICY_EXPLAIN_CRYPTOGRAM == Permission::ExplainCryptogram as u32);
const _: () = assert!(PAYHSM_POLICY_LEGACY_IMPORT == Permission::LegacyImport as u32);
const _: () = assert!(PAYHSM_POLICY_UNAUTHENTICATED_AGREEMENT == Permission::UnauthenticatedAgreement as u32);
const _: () = assert!(PAYHSM_POLICY_PIN_FORMAT_1 == Permission::PinFormat1 as u32);
const _: () = assert!(PAYHSM_POLICY_PIN_VERIFY_FORMAT_1 == Permission::PinVerifyFormat1 as u32);
const _: () = assert!(PAYHSM_POLICY_TRIVIAL_PINS == Permission::TrivialPins as u32);
const _: () = assert!(PAYHSM_POLICY_UNIONPAY == Permission::UnionPay as u32);
const _: () = assert!(PAYHSM_POLICY_ECB_DATA == Permission::EcbData as u32);
const _: () = assert!(PAYHSM_POLICY_SINGLE_DES == Permission::SingleDes as u32);
const _: () = assert!(PAYHSM_POLICY_LEGACY_PIN_VARIANT_DATA == Permission::LegacyPinVariantData as u32);
const _: () = assert!(PAYHSM_POLICY_WEAKER_DATA_KEY == Permission::WeakerDataKey as u32);
const _: () = assert!(PAYHSM_POLICY_OFFLINE_PIN == Permission::OfflinePin as u32);
const _: () = assert!(PAYHSM_POLICY_PLAINTEXT_OFFLINE_PIN == Permission::PlaintextOfflinePin as u32);
const _: () = assert!(PAYHSM_POLICY_EXPIRED_KEYS == Permission::ExpiredKeys as u32);
