// SPDX-License-Identifier: MIT OR Apache-2.0
//! The module's commands, and which operation of the harness runs each of them with its secrets undefined.
//!
//! `tests/hsm/constant_time.rs` compares the commands with the source; the harness compares the operations with those
//! that it ran.

/// What watches a command.
#[derive(Clone, Copy, Debug)]
pub enum By {
    /// The operation of this name.
    Operation(&'static str),
    /// None, because the command touches no secret: why.
    Nothing(&'static str),
}
use By::{Nothing, Operation};

const SALE: By = Operation("module: a sale, AES DUKPT");
const PINS: By = Operation("module: new PINs, AES");
const DATA: By = Operation("module: data in each mode, and between keys");
const TRACK: By = Operation("module: track 2 of UnionPay");
const PARTS: By = Operation("module: message in parts, CMAC, AES");
const PSK: By = Operation("module: agreement by a shared key");
const SIGNED: By = Operation("module: agreement by signatures");
const BARE: By = Operation("module: agreement that authenticates nobody");
const BLOCK: By = Operation("module: generate, export and import a key");
const TRANSLATE: By = Operation("module: translate a key block, compare its check value");
const UPDATE: By = Operation("module: update of an AES initial key");
const CVV: By = Operation("module: CVV");
const LOGIN: By = Operation("module: log-in with a one-time code");
const LOG: By = Operation("module: audit log and status message");
const STORED: By = Operation("module: persistent keys over a start");
const BACKUP: By = Operation("module: backup and restore");
const WIPES: By = Nothing("writes zeros over a place, whatever stood there");
const TELLS: By = Nothing("tells a KSN, a counter or attributes");

/// By command.
pub const COMMANDS: &[(&str, By)] = &[
    ("agreement_answer", PSK),
    ("agreement_answer_signed", SIGNED),
    ("agreement_begin", PSK),
    ("agreement_begin_signed", SIGNED),
    ("agreement_confirm", PSK),
    ("agreement_confirm_signed", SIGNED),
    ("agreement_finish", PSK),
    ("agreement_finish_signed", SIGNED),
    ("agreement_unauthenticated_begin", BARE),
    ("agreement_unauthenticated_finish", BARE),
    ("arqc_explain", Operation("module: explain a cryptogram")),
    ("arqc_verify", Operation("module: ARQC, Visa CVN 18")),
    ("arqc_verify_raw", Operation("module: raw ARQC")),
    ("audit_key_export", LOG),
    ("audit_note", LOG),
    ("audit_open", LOG),
    ("audit_read", Nothing("nothing in the log is secret")),
    ("audit_release", Nothing("compares what the log and its reader say")),
    ("audit_verify", LOG),
    ("batch_arqc_verify", Operation("module: batches")),
    ("batch_cvv_verify", Operation("module: batches")),
    ("batch_key_import", Operation("module: batches")),
    ("batch_mac_verify", Operation("module: batches")),
    ("batch_pin_translate", Operation("module: batches")),
    ("batch_pin_verify_pvv", Operation("module: batches")),
    ("batch_read_arqc_verify", Operation("module: batches")),
    ("backup_len", TELLS),
    ("backup_restore", BACKUP),
    ("backup_write", BACKUP),
    ("component_abort", WIPES),
    ("component_add", SALE),
    ("component_begin", Nothing("attributes and check values are public")),
    ("component_finish", SALE),
    ("cvc3_verify", Operation("module: CVC3")),
    ("cvv_generate", CVV),
    ("cvv_verify", CVV),
    ("data_ctr", DATA),
    ("data_decipher", SALE),
    ("data_ecb_decipher", DATA),
    ("data_ecb_encipher", DATA),
    ("data_encipher", SALE),
    ("data_reencipher", DATA),
    ("dukpt_begin", SALE),
    ("dukpt_derive", SALE),
    ("dukpt_erase", WIPES),
    ("dukpt_export_initial_key", SALE),
    ("dukpt_export_update", UPDATE),
    ("dukpt_find", TELLS),
    ("dukpt_ksn", TELLS),
    ("dukpt_load", SALE),
    ("dukpt_update", UPDATE),
    ("key_block_export", BLOCK),
    ("key_bounds", TELLS),
    ("key_block_export_as", TRANSLATE),
    ("key_block_import", BLOCK),
    ("key_block_import_as", TRANSLATE),
    ("key_block_translate", TRANSLATE),
    ("key_check", TRANSLATE),
    ("key_erase", WIPES),
    ("key_generate", BLOCK),
    ("key_info", TELLS),
    ("key_narrow", STORED),
    ("key_next", TELLS),
    ("key_public", Operation("module: make, export and import a key pair")),
    ("lock", Nothing("the state is public")),
    ("login_begin", Nothing("a challenge is random and public")),
    ("login_finish", LOGIN),
    ("logout", Nothing("sessions hold no secret")),
    ("key_replace", STORED),
    ("key_store", STORED),
    ("limits_reset", Nothing("counts are public")),
    ("mac_begin", PARTS),
    ("mac_finish", PARTS),
    ("mac_finish_verify", PARTS),
    ("mac_generate", SALE),
    ("mac_translate", Operation("module: translate a MAC")),
    ("mac_update", PARTS),
    ("mac_verify", SALE),
    ("offline_pin_encipher", Operation("module: offline PIN, enciphered")),
    ("offline_pin_plaintext", Operation("module: offline PIN, in clear")),
    ("pin_change_3624", PINS),
    ("pin_change_pvv", PINS),
    ("pin_derive_3624", PINS),
    ("pin_encipher", SALE),
    ("pin_generate_3624", PINS),
    ("pin_generate_pvv", PINS),
    ("pin_offset_generate", PINS),
    ("pin_profile_register", Nothing("the profile is public")),
    ("pin_translate", SALE),
    (
        "pin_translate_pans",
        Operation("module: translate a PIN block for the same PAN"),
    ),
    ("pin_verify_3624", PINS),
    ("pin_verify_pvv", SALE),
    ("policy_freeze", Nothing("the policy is public")),
    ("policy_narrow", Nothing("the policy is public")),
    ("policy_widen", Nothing("the policy is public")),
    ("pvv_generate", SALE),
    (
        "random",
        Nothing("the caller's bytes come from the platform as they are"),
    ),
    ("reinitialise", WIPES),
    ("role_enrol", LOGIN),
    ("role_revoke", WIPES),
    ("role_status", Nothing("roles and failures are public")),
    ("script_command", Operation("module: script command, Visa CVN 10")),
    (
        "script_pin_change",
        Operation("module: script with a new PIN, Visa CVN 10"),
    ),
    ("self_test", Nothing("known answers are public")),
    ("self_test_step", Nothing("known answers are public")),
    ("session_close", WIPES),
    ("session_open", TELLS),
    ("set_date", TELLS),
    ("status_message", LOG),
    ("track2_decipher", TRACK),
    ("track2_encipher", TRACK),
    ("transaction_end", WIPES),
    ("transaction_ksn", TELLS),
    ("transaction_select", Operation("module: working keys by choice")),
    ("unionpay_sign_on", Operation("module: UnionPay sign-on")),
    ("unlock", Nothing("the state is public")),
    ("wipe", WIPES),
    ("working_key_import", Operation("module: import a working key")),
];
