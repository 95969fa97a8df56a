// SPDX-License-Identifier: MIT OR Apache-2.0
//! The table of commands: in which states each runs, for whom, and what must be tested before.

use super::State;
use crate::hsm::role::Roles;
use crate::hsm::selftest::SelfTests;

/// A set of states.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct States(u8);

impl States {
    /// Keys may work: [`State::Operational`], [`State::Virgin`], [`State::Exhausted`].
    pub const WORK: Self = Self::of(&[State::Operational, State::Virgin, State::Exhausted]);
    /// A ceremony is open.
    pub const CEREMONY: Self = Self::of(&[State::Loading]);
    /// With and without a ceremony.
    pub const ATTENDED: Self = Self(Self::WORK.0 | Self::CEREMONY.0);
    /// The module is locked.
    pub const LOCKED: Self = Self::of(&[State::Locked]);
    /// Somebody may log in: keys may work, a ceremony is open, or the module is locked.
    pub const LOGIN: Self = Self(Self::ATTENDED.0 | Self::of(&[State::Locked]).0);
    /// The module may be made anew: keys may work, or it is locked or tampered with.
    pub const RENEWAL: Self = Self(Self::WORK.0 | Self::of(&[State::Locked, State::Tampered]).0);
    /// Every state.
    pub const ALWAYS: Self = Self::of(&State::ALL);

    const fn of(states: &[State]) -> Self {
        let mut bits = 0;
        let mut rest = states;
        while let [state, tail @ ..] = rest {
            bits |= Self::bit(*state);
            rest = tail;
        }
        Self(bits)
    }

    const fn bit(state: State) -> u8 {
        1_u8.wrapping_shl(state as u32)
    }

    /// Whether the state is among them.
    #[must_use]
    pub const fn contains(self, state: State) -> bool {
        self.0 & Self::bit(state) != 0
    }
}

macro_rules! commands {
    ($($(#[$attr:meta])* $name:ident $method:literal $states:ident $roles:ident $tests:ident;)*) => {
        /// What the module does on request; named like the methods of [`Hsm`](crate::hsm::Hsm).
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[non_exhaustive]
        #[expect(missing_docs, reason = "each is the method of its name")]
        pub enum Command {
            $($(#[$attr])* $name,)*
        }

        impl Command {
            /// Every command of this build.
            pub const ALL: &'static [Self] = &[$($(#[$attr])* Self::$name,)*];

            /// The method's name.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self {
                    $($(#[$attr])* Self::$name => $method,)*
                }
            }

            /// The states in which it runs.
            #[must_use]
            pub const fn states(self) -> States {
                match self {
                    $($(#[$attr])* Self::$name => States::$states,)*
                }
            }

            /// The states in which it does not run: a table of its own, so that a changed bit of one lets nothing run.
            pub(in crate::hsm) const fn not_states(self) -> States {
                match self {
                    $($(#[$attr])* Self::$name => States(!States::$states.0),)*
                }
            }

            /// Who may not ask for it: a table of its own.
            pub(in crate::hsm) const fn not_roles(self) -> Roles {
                match self {
                    $($(#[$attr])* Self::$name => Roles::$roles.others(),)*
                }
            }

            /// Who may ask for it once officers are enrolled.
            #[must_use]
            pub const fn roles(self) -> Roles {
                match self {
                    $($(#[$attr])* Self::$name => Roles::$roles,)*
                }
            }

            /// The algorithms that it may use, which are tested before.
            #[must_use]
            pub const fn tests(self) -> SelfTests {
                match self {
                    $($(#[$attr])* Self::$name => SelfTests::$tests,)*
                }
            }
        }
    };
}

commands! {
    AuditNote "audit_note" WORK PEOPLE KEYS;
    AuditRelease "audit_release" WORK AUDITOR KEYS;
    #[cfg(feature = "host")]
    AuditVerify "audit_verify" WORK AUDITOR KEYS;
    AuditKeyExport "audit_key_export" WORK AUDITOR KEYS;
    BackupLen "backup_len" WORK PEOPLE NONE;
    BackupRestore "backup_restore" WORK OFFICER KEYS;
    BackupWrite "backup_write" WORK OFFICER KEYS;
    KeyBounds "key_bounds" WORK PEOPLE NONE;
    KeyInfo "key_info" WORK PEOPLE NONE;
    KeyNarrow "key_narrow" WORK OFFICER NONE;
    KeyNext "key_next" WORK PEOPLE NONE;
    KeyReplace "key_replace" WORK OFFICER NONE;
    KeyStore "key_store" WORK OFFICER KEYS;
    SessionClose "session_close" WORK PEOPLE NONE;
    SessionOpen "session_open" WORK PEOPLE NONE;
    SetDate "set_date" WORK PEOPLE NONE;
    #[cfg(any(feature = "host", feature = "terminal"))]
    LimitsReset "limits_reset" WORK OFFICER NONE;
    KeyErase "key_erase" WORK OFFICER NONE;
    KeyCheck "key_check" WORK PEOPLE KEYS;
    KeyGenerate "key_generate" WORK OFFICER GENERATE;
    Random "random" WORK PEOPLE RANDOM;
    #[cfg(feature = "ec")]
    KeyPublic "key_public" WORK PEOPLE EC;
    KeyBlockImport "key_block_import" WORK HOST BLOCKS;
    KeyBlockImportAs "key_block_import_as" WORK HOST BLOCKS;
    KeyBlockExportAs "key_block_export_as" WORK HOST BLOCKS;
    KeyBlockTranslate "key_block_translate" WORK HOST BLOCKS;
    ComponentBegin "component_begin" WORK CUSTODIAN KEYS;
    ComponentAdd "component_add" CEREMONY CUSTODIAN KEYS;
    ComponentFinish "component_finish" CEREMONY CUSTODIAN KEYS;
    ComponentAbort "component_abort" ATTENDED CUSTODIAN NONE;
    #[cfg(feature = "legacy")]
    WorkingKeyImport "working_key_import" WORK HOST KEYS;
    #[cfg(feature = "legacy")]
    UnionpaySignOn "unionpay_sign_on" WORK HOST KEYS;
    #[cfg(all(feature = "ec", feature = "host"))]
    AgreementBegin "agreement_begin" WORK HOST AGREEMENT;
    #[cfg(all(feature = "ec", feature = "host"))]
    AgreementConfirm "agreement_confirm" WORK HOST AGREEMENT;
    #[cfg(feature = "ec")]
    AgreementAnswer "agreement_answer" WORK HOST AGREEMENT;
    #[cfg(feature = "ec")]
    AgreementFinish "agreement_finish" WORK HOST AGREEMENT;
    #[cfg(all(feature = "ec", feature = "host"))]
    AgreementBeginSigned "agreement_begin_signed" WORK HOST AGREEMENT;
    #[cfg(all(feature = "ec", feature = "host"))]
    AgreementConfirmSigned "agreement_confirm_signed" WORK HOST AGREEMENT;
    #[cfg(feature = "ec")]
    AgreementAnswerSigned "agreement_answer_signed" WORK HOST AGREEMENT;
    #[cfg(feature = "ec")]
    AgreementFinishSigned "agreement_finish_signed" WORK HOST AGREEMENT;
    #[cfg(feature = "ec")]
    AgreementUnauthenticatedBegin "agreement_unauthenticated_begin" WORK HOST AGREEMENT;
    #[cfg(feature = "ec")]
    AgreementUnauthenticatedFinish "agreement_unauthenticated_finish" WORK HOST AGREEMENT;
    #[cfg(feature = "host")]
    DukptDerive "dukpt_derive" WORK OPERATOR DUKPT;
    #[cfg(feature = "host")]
    DukptExportInitialKey "dukpt_export_initial_key" WORK HOST DUKPT_BLOCKS;
    #[cfg(feature = "host")]
    DukptExportUpdate "dukpt_export_update" WORK HOST DUKPT_BLOCKS;
    #[cfg(feature = "terminal")]
    DukptLoad "dukpt_load" WORK HOST DUKPT_BLOCKS;
    #[cfg(feature = "terminal")]
    DukptUpdate "dukpt_update" WORK HOST DUKPT_BLOCKS;
    #[cfg(feature = "terminal")]
    DukptErase "dukpt_erase" WORK OFFICER KEYS;
    #[cfg(feature = "terminal")]
    DukptFind "dukpt_find" WORK PEOPLE NONE;
    #[cfg(feature = "terminal")]
    DukptKsn "dukpt_ksn" WORK PEOPLE NONE;
    #[cfg(feature = "terminal")]
    DukptBegin "dukpt_begin" WORK OPERATOR DUKPT;
    TransactionKsn "transaction_ksn" WORK PEOPLE NONE;
    TransactionSelect "transaction_select" WORK OPERATOR NONE;
    TransactionEnd "transaction_end" WORK OPERATOR NONE;
    #[cfg(feature = "terminal")]
    PinEncipher "pin_encipher" WORK OPERATOR PINS;
    #[cfg(feature = "host")]
    PinTranslate "pin_translate" WORK OPERATOR PINS;
    #[cfg(feature = "host")]
    PinTranslatePans "pin_translate_pans" WORK OPERATOR PINS;
    #[cfg(feature = "host")]
    PinVerifyPvv "pin_verify_pvv" WORK OPERATOR PINS;
    #[cfg(feature = "host")]
    PinVerify3624 "pin_verify_3624" WORK OPERATOR PINS;
    #[cfg(feature = "host")]
    PvvGenerate "pvv_generate" WORK OPERATOR PINS;
    #[cfg(feature = "host")]
    PinOffsetGenerate "pin_offset_generate" WORK OPERATOR PINS;
    #[cfg(feature = "host")]
    PinGeneratePvv "pin_generate_pvv" WORK OPERATOR PINS;
    #[cfg(feature = "host")]
    PinGenerate3624 "pin_generate_3624" WORK OPERATOR PINS;
    #[cfg(feature = "host")]
    PinDerive3624 "pin_derive_3624" WORK OPERATOR PINS;
    #[cfg(feature = "host")]
    PinChangePvv "pin_change_pvv" WORK OPERATOR PINS;
    #[cfg(feature = "host")]
    PinChange3624 "pin_change_3624" WORK OPERATOR PINS;
    #[cfg(feature = "host")]
    PinProfileRegister "pin_profile_register" WORK OFFICER NONE;
    #[cfg(all(feature = "oda", feature = "terminal"))]
    OfflinePinEncipher "offline_pin_encipher" WORK OPERATOR RANDOM;
    #[cfg(all(feature = "oda", feature = "terminal"))]
    OfflinePinPlaintext "offline_pin_plaintext" WORK OPERATOR RANDOM;
    MacGenerate "mac_generate" WORK OPERATOR MACS;
    MacVerify "mac_verify" WORK OPERATOR MACS;
    MacTranslate "mac_translate" WORK OPERATOR MACS;
    MacBegin "mac_begin" WORK OPERATOR MACS;
    MacUpdate "mac_update" WORK OPERATOR NONE;
    MacFinish "mac_finish" WORK OPERATOR NONE;
    MacFinishVerify "mac_finish_verify" WORK OPERATOR NONE;
    DataEncipher "data_encipher" WORK OPERATOR DATA;
    DataDecipher "data_decipher" WORK OPERATOR DATA;
    DataEcbEncipher "data_ecb_encipher" WORK OPERATOR DATA;
    DataEcbDecipher "data_ecb_decipher" WORK OPERATOR DATA;
    DataCtr "data_ctr" WORK OPERATOR DATA;
    DataReencipher "data_reencipher" WORK OPERATOR DATA;
    Track2Encipher "track2_encipher" WORK OPERATOR DATA;
    Track2Decipher "track2_decipher" WORK OPERATOR DATA;
    #[cfg(feature = "host")]
    CvvGenerate "cvv_generate" WORK OPERATOR CARD;
    #[cfg(feature = "host")]
    CvvVerify "cvv_verify" WORK OPERATOR CARD;
    #[cfg(feature = "host")]
    Cvc3Verify "cvc3_verify" WORK OPERATOR CARD;
    #[cfg(feature = "host")]
    ArqcVerify "arqc_verify" WORK OPERATOR CARD;
    #[cfg(feature = "host")]
    ArqcVerifyRaw "arqc_verify_raw" WORK OPERATOR CARD;
    #[cfg(feature = "host")]
    ArqcExplain "arqc_explain" WORK OPERATOR CARD;
    #[cfg(feature = "host")]
    ScriptCommand "script_command" WORK OPERATOR CARD;
    #[cfg(feature = "host")]
    ScriptPinChange "script_pin_change" WORK OPERATOR CARD;
    #[cfg(feature = "host")]
    BatchPinVerifyPvv "batch_pin_verify_pvv" WORK OPERATOR PINS;
    #[cfg(feature = "host")]
    BatchPinTranslate "batch_pin_translate" WORK OPERATOR PINS;
    #[cfg(feature = "host")]
    BatchArqcVerify "batch_arqc_verify" WORK OPERATOR CARD;
    #[cfg(feature = "host")]
    BatchMacVerify "batch_mac_verify" WORK OPERATOR MACS;
    #[cfg(feature = "host")]
    BatchCvvVerify "batch_cvv_verify" WORK OPERATOR CARD;
    #[cfg(feature = "host")]
    BatchKeyImport "batch_key_import" WORK HOST BLOCKS;
    RoleEnrol "role_enrol" WORK OFFICER KEYS;
    RoleRevoke "role_revoke" WORK OFFICER KEYS;
    LoginBegin "login_begin" LOGIN ANYONE RANDOM;
    LoginFinish "login_finish" LOGIN ANYONE LOGIN;
    Logout "logout" LOGIN ANYONE NONE;
    Lock "lock" ATTENDED OFFICER NONE;
    Unlock "unlock" LOCKED OFFICER NONE;
    PolicyNarrow "policy_narrow" WORK OFFICER NONE;
    PolicyWiden "policy_widen" WORK OFFICER NONE;
    PolicyFreeze "policy_freeze" WORK OFFICER NONE;
    Reinitialise "reinitialise" RENEWAL ANYONE NONE;
    SelfTest "self_test" ALWAYS ANYONE NONE;
    SelfTestStep "self_test_step" ALWAYS ANYONE NONE;
    Wipe "wipe" ALWAYS ANYONE NONE;
}
