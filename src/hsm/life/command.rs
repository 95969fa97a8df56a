// SPDX-License-Identifier: MIT OR Apache-2.0
//! The table of commands: in which states each runs.

use super::State;

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
    ($($(#[$attr:meta])* $name:ident $method:literal $states:ident;)*) => {
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
        }
    };
}

commands! {
    AuditNote "audit_note" WORK;
    AuditRelease "audit_release" WORK;
    #[cfg(feature = "host")]
    AuditVerify "audit_verify" WORK;
    KeyInfo "key_info" WORK;
    KeyErase "key_erase" WORK;
    KeyCheck "key_check" WORK;
    KeyGenerate "key_generate" WORK;
    Random "random" WORK;
    #[cfg(feature = "ec")]
    KeyPublic "key_public" WORK;
    KeyBlockImport "key_block_import" WORK;
    KeyBlockImportAs "key_block_import_as" WORK;
    KeyBlockExportAs "key_block_export_as" WORK;
    KeyBlockTranslate "key_block_translate" WORK;
    ComponentBegin "component_begin" WORK;
    ComponentAdd "component_add" CEREMONY;
    ComponentFinish "component_finish" CEREMONY;
    ComponentAbort "component_abort" ATTENDED;
    #[cfg(feature = "legacy")]
    WorkingKeyImport "working_key_import" WORK;
    #[cfg(feature = "legacy")]
    UnionpaySignOn "unionpay_sign_on" WORK;
    #[cfg(all(feature = "ec", feature = "host"))]
    AgreementBegin "agreement_begin" WORK;
    #[cfg(all(feature = "ec", feature = "host"))]
    AgreementConfirm "agreement_confirm" WORK;
    #[cfg(feature = "ec")]
    AgreementAnswer "agreement_answer" WORK;
    #[cfg(feature = "ec")]
    AgreementFinish "agreement_finish" WORK;
    #[cfg(all(feature = "ec", feature = "host"))]
    AgreementBeginSigned "agreement_begin_signed" WORK;
    #[cfg(all(feature = "ec", feature = "host"))]
    AgreementConfirmSigned "agreement_confirm_signed" WORK;
    #[cfg(feature = "ec")]
    AgreementAnswerSigned "agreement_answer_signed" WORK;
    #[cfg(feature = "ec")]
    AgreementFinishSigned "agreement_finish_signed" WORK;
    #[cfg(feature = "ec")]
    AgreementUnauthenticatedBegin "agreement_unauthenticated_begin" WORK;
    #[cfg(feature = "ec")]
    AgreementUnauthenticatedFinish "agreement_unauthenticated_finish" WORK;
    #[cfg(feature = "host")]
    DukptDerive "dukpt_derive" WORK;
    #[cfg(feature = "host")]
    DukptExportInitialKey "dukpt_export_initial_key" WORK;
    #[cfg(feature = "host")]
    DukptExportUpdate "dukpt_export_update" WORK;
    #[cfg(feature = "terminal")]
    DukptLoad "dukpt_load" WORK;
    #[cfg(feature = "terminal")]
    DukptUpdate "dukpt_update" WORK;
    #[cfg(feature = "terminal")]
    DukptErase "dukpt_erase" WORK;
    #[cfg(feature = "terminal")]
    DukptFind "dukpt_find" WORK;
    #[cfg(feature = "terminal")]
    DukptKsn "dukpt_ksn" WORK;
    #[cfg(feature = "terminal")]
    DukptBegin "dukpt_begin" WORK;
    TransactionKsn "transaction_ksn" WORK;
    TransactionSelect "transaction_select" WORK;
    TransactionEnd "transaction_end" WORK;
    #[cfg(feature = "terminal")]
    PinEncipher "pin_encipher" WORK;
    #[cfg(feature = "host")]
    PinTranslate "pin_translate" WORK;
    #[cfg(feature = "host")]
    PinTranslatePans "pin_translate_pans" WORK;
    #[cfg(feature = "host")]
    PinVerifyPvv "pin_verify_pvv" WORK;
    #[cfg(feature = "host")]
    PinVerify3624 "pin_verify_3624" WORK;
    #[cfg(feature = "host")]
    PvvGenerate "pvv_generate" WORK;
    #[cfg(feature = "host")]
    PinOffsetGenerate "pin_offset_generate" WORK;
    #[cfg(feature = "host")]
    PinGeneratePvv "pin_generate_pvv" WORK;
    #[cfg(feature = "host")]
    PinGenerate3624 "pin_generate_3624" WORK;
    #[cfg(feature = "host")]
    PinDerive3624 "pin_derive_3624" WORK;
    #[cfg(feature = "host")]
    PinChangePvv "pin_change_pvv" WORK;
    #[cfg(feature = "host")]
    PinChange3624 "pin_change_3624" WORK;
    #[cfg(feature = "host")]
    PinProfileRegister "pin_profile_register" WORK;
    #[cfg(all(feature = "oda", feature = "terminal"))]
    OfflinePinEncipher "offline_pin_encipher" WORK;
    #[cfg(all(feature = "oda", feature = "terminal"))]
    OfflinePinPlaintext "offline_pin_plaintext" WORK;
    MacGenerate "mac_generate" WORK;
    MacVerify "mac_verify" WORK;
    MacTranslate "mac_translate" WORK;
    MacBegin "mac_begin" WORK;
    MacUpdate "mac_update" WORK;
    MacFinish "mac_finish" WORK;
    MacFinishVerify "mac_finish_verify" WORK;
    DataEncipher "data_encipher" WORK;
    DataDecipher "data_decipher" WORK;
    DataEcbEncipher "data_ecb_encipher" WORK;
    DataEcbDecipher "data_ecb_decipher" WORK;
    DataCtr "data_ctr" WORK;
    DataReencipher "data_reencipher" WORK;
    Track2Encipher "track2_encipher" WORK;
    Track2Decipher "track2_decipher" WORK;
    #[cfg(feature = "host")]
    CvvGenerate "cvv_generate" WORK;
    #[cfg(feature = "host")]
    CvvVerify "cvv_verify" WORK;
    #[cfg(feature = "host")]
    Cvc3Verify "cvc3_verify" WORK;
    #[cfg(feature = "host")]
    ArqcVerify "arqc_verify" WORK;
    #[cfg(feature = "host")]
    ArqcVerifyRaw "arqc_verify_raw" WORK;
    #[cfg(feature = "host")]
    ArqcExplain "arqc_explain" WORK;
    #[cfg(feature = "host")]
    ScriptCommand "script_command" WORK;
    #[cfg(feature = "host")]
    ScriptPinChange "script_pin_change" WORK;
    #[cfg(feature = "host")]
    BatchPinVerifyPvv "batch_pin_verify_pvv" WORK;
    #[cfg(feature = "host")]
    BatchPinTranslate "batch_pin_translate" WORK;
    #[cfg(feature = "host")]
    BatchArqcVerify "batch_arqc_verify" WORK;
    #[cfg(feature = "host")]
    BatchMacVerify "batch_mac_verify" WORK;
    #[cfg(feature = "host")]
    BatchCvvVerify "batch_cvv_verify" WORK;
    #[cfg(feature = "host")]
    BatchKeyImport "batch_key_import" WORK;
}
