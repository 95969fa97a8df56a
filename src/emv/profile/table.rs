// SPDX-License-Identifier: MIT OR Apache-2.0
use super::{
    ArpcKey, ArpcMethod, IadLayout, IadPart, KeyAlgorithm, MasterKeyOption, Padding, Profile, Recipe, Scheme,
    SessionKeyMethod,
};
#[cfg(feature = "host")]
use crate::emv::script::Rules;

/// Visa cryptogram version 10 (hexadecimal 0A).
pub const VISA_CVN10: Profile = Profile {
    name: "Visa CVN 10",
    scheme: Scheme::Visa,
    cvn: 0x0A,
    algorithm: KeyAlgorithm::Tdea,
    recipe: Recipe {
        master_key: MasterKeyOption::A,
        session_key: SessionKeyMethod::Direct,
        padding: Padding::Method1,
        arpc: ArpcMethod::Method1,
        arpc_key: ArpcKey::MasterKey,
    },
    iad: IadLayout::Visa,
    iad_part: IadPart::Cvr,
    #[cfg(feature = "host")]
    script: Some(Rules::VISA),
};

/// Visa cryptogram version 18 (hexadecimal 12).
pub const VISA_CVN18: Profile = Profile {
    name: "Visa CVN 18",
    scheme: Scheme::Visa,
    cvn: 0x12,
    algorithm: KeyAlgorithm::Tdea,
    recipe: Recipe {
        master_key: MasterKeyOption::B,
        session_key: SessionKeyMethod::Common,
        padding: Padding::Method2,
        arpc: ArpcMethod::Method2,
        arpc_key: ArpcKey::SessionKey,
    },
    iad: IadLayout::Visa,
    iad_part: IadPart::Whole,
    #[cfg(feature = "host")]
    script: Some(Rules::VISA),
};

/// Visa cryptogram version "22", which is hexadecimal 22.
pub const VISA_CVN22: Profile = Profile {
    name: "Visa CVN 22 hex",
    cvn: 0x22,
    iad: IadLayout::VisaAny,
    #[cfg(feature = "host")]
    script: Some(Rules::VISA_COMMON),
    ..VISA_CVN18
};

/// M/Chip cryptogram version 10 hex (16): session key from ATC and UN, no counters.
pub const MCHIP_CVN10: Profile = Profile {
    name: "M/Chip CVN 10 hex",
    scheme: Scheme::Mastercard,
    cvn: 0x10,
    algorithm: KeyAlgorithm::Tdea,
    recipe: Recipe {
        master_key: MasterKeyOption::A,
        session_key: SessionKeyMethod::MChip,
        padding: Padding::Method2,
        arpc: ArpcMethod::Method1,
        arpc_key: ArpcKey::MasterKey,
    },
    iad: IadLayout::MChip,
    iad_part: IadPart::Cvr,
    #[cfg(feature = "host")]
    script: Some(Rules::MCHIP),
};

/// M/Chip cryptogram version 11 hex (17): session key from ATC and UN, with counters.
pub const MCHIP_CVN11: Profile = Profile {
    name: "M/Chip CVN 11 hex",
    cvn: 0x11,
    iad_part: IadPart::CvrAndCounters,
    ..MCHIP_CVN10
};

/// M/Chip cryptogram version 14 hex (20): common session key, no counters.
pub const MCHIP_CVN14: Profile = Profile {
    name: "M/Chip CVN 14 hex",
    cvn: 0x14,
    recipe: Recipe {
        session_key: SessionKeyMethod::Common,
        arpc_key: ArpcKey::SessionKey,
        ..MCHIP_CVN10.recipe
    },
    ..MCHIP_CVN10
};

/// M/Chip cryptogram version 15 hex (21): common session key, with counters.
pub const MCHIP_CVN15: Profile = Profile {
    name: "M/Chip CVN 15 hex",
    cvn: 0x15,
    iad_part: IadPart::CvrAndCounters,
    ..MCHIP_CVN14
};

/// Interac cryptogram version 133 (hexadecimal 85).
pub const INTERAC_CVN133: Profile = Profile {
    name: "Interac CVN 133",
    scheme: Scheme::Interac,
    cvn: 0x85,
    algorithm: KeyAlgorithm::Tdea,
    recipe: Recipe {
        master_key: MasterKeyOption::A,
        session_key: SessionKeyMethod::MChip,
        padding: Padding::Method2,
        arpc: ArpcMethod::Method1,
        arpc_key: ArpcKey::SessionKey,
    },
    iad: IadLayout::Interac,
    iad_part: IadPart::Whole,
    #[cfg(feature = "host")]
    script: Some(Rules::INTERAC),
};

/// UnionPay and PBOC cryptogram version 01.
#[doc(alias = "PBOC")]
pub const UNIONPAY_CVN01: Profile = Profile {
    name: "UnionPay CVN 01",
    scheme: Scheme::UnionPay,
    cvn: 0x01,
    algorithm: KeyAlgorithm::Tdea,
    recipe: Recipe {
        master_key: MasterKeyOption::Pboc,
        session_key: SessionKeyMethod::UnionPay,
        padding: Padding::Method2,
        arpc: ArpcMethod::Method1,
        arpc_key: ArpcKey::SessionKey,
    },
    iad: IadLayout::Pboc,
    iad_part: IadPart::Cvr,
    #[cfg(feature = "host")]
    script: None,
};

/// EMV common core definitions, cryptogram version 5: TDEA. Its scripts are those of secure messaging format 1, which is
/// not here.
#[doc(alias = "CPA")]
pub const CCD_CV5: Profile = Profile {
    name: "CCD cryptogram version 5",
    scheme: Scheme::CommonCore,
    cvn: 0xA5,
    algorithm: KeyAlgorithm::Tdea,
    recipe: Recipe {
        master_key: MasterKeyOption::A,
        session_key: SessionKeyMethod::Common,
        padding: Padding::Method2,
        arpc: ArpcMethod::Method2,
        arpc_key: ArpcKey::SessionKey,
    },
    iad: IadLayout::CommonCore,
    iad_part: IadPart::Whole,
    #[cfg(feature = "host")]
    script: None,
};

/// EMV common core definitions, cryptogram version 6: AES.
pub const CCD_CV6: Profile = Profile {
    name: "CCD cryptogram version 6",
    cvn: 0xA6,
    algorithm: KeyAlgorithm::Aes,
    recipe: Recipe {
        master_key: MasterKeyOption::C,
        ..CCD_CV5.recipe
    },
    ..CCD_CV5
};

/// Every profile.
pub static ALL: [&Profile; 11] = [
    &VISA_CVN10,
    &VISA_CVN18,
    &VISA_CVN22,
    &MCHIP_CVN10,
    &MCHIP_CVN11,
    &MCHIP_CVN14,
    &MCHIP_CVN15,
    &INTERAC_CVN133,
    &UNIONPAY_CVN01,
    &CCD_CV5,
    &CCD_CV6,
];

/// Versions that are known by number and not verified by a public value or a second source: [`Profile::of`] refuses
/// them.
///
/// Visa 14 (session key of EMV 2000), Visa and UnionPay 17 (contactless, four elements), M/Chip 12 and 13 hex (session
/// key of EMV 2000), JCB 1 and 2, American Express 1, Discover 5 and 6.
pub const RESERVED: [(Scheme, u8); 10] = [
    (Scheme::Visa, 0x0E),
    (Scheme::Visa, 0x11),
    (Scheme::UnionPay, 0x11),
    (Scheme::Mastercard, 0x12),
    (Scheme::Mastercard, 0x13),
    (Scheme::Jcb, 0x01),
    (Scheme::Jcb, 0x02),
    (Scheme::AmericanExpress, 0x01),
    (Scheme::Discover, 0x05),
    (Scheme::Discover, 0x06),
];
