// SPDX-License-Identifier: MIT OR Apache-2.0
//! Every command of the module, called once.
#![allow(dead_code)]

use payhsm::card::CardValue;
use payhsm::card::cvc3::Tap;
use payhsm::card::cvv::{Expiry, Kind};
use payhsm::dukpt::aes::KeyType;
use payhsm::emv::derive::{MasterKeyOption, Psn};
use payhsm::emv::element::{Atc, CryptogramKind};
use payhsm::emv::profile::VISA_CVN18;
use payhsm::emv::raw::RawRequest;
use payhsm::emv::script::{Command, MAX_COMMAND_LEN, Request};
use payhsm::error::Error;
use payhsm::hsm::audit::Position;
use payhsm::hsm::{
    ArpcRequest, Date, EncipheredPin, Export, GroupHandle, KeyHandle, KeyRef, MacMethod, MacPurpose, Narrowing,
    PinProfile, ScriptTarget, SecondFactor, Session, TransactionHandle, UserRole, WorkingKey,
};
use payhsm::inject::agreement::unauthenticated::Kdf;
use payhsm::inject::agreement::{M1_LEN, M2_LEN, SIGNED_M2_LEN, SIGNED_M3_LEN};
use payhsm::inject::working::SignOnKind;
use payhsm::key::usage::ModeOfUse;
use payhsm::keyblock::optional::CheckMethod;
use payhsm::pin::Pin;
use payhsm::pin::block::Format;
use payhsm::pin::ibm3624::Offset;
use payhsm::pin::pan::Pan;
use payhsm::pin::pvv::Pvv;
use payhsm::policy::Policy;

use crate::common::card::PAN;
use crate::common::{
    Device, Module, PROFILE, attributes, block, initial_key, key, load_kbpk, module, profile_3624, value,
};

/// Commands by name, and what each said.
pub type Results = Vec<(&'static str, Result<(), Error>)>;

/// One handle of each kind, alive at the beginning.
pub struct Handles {
    pub key: KeyHandle,
    pub group: GroupHandle,
    pub transaction: TransactionHandle,
}

pub fn populated(device: &Device) -> (Module, Handles) {
    let mut hsm = module(device);
    let handles = populate(&mut hsm);
    (hsm, handles)
}

pub fn populate(hsm: &mut Module) -> Handles {
    let kbpk = load_kbpk(hsm);
    let text = initial_key('T', 1, &value(30, 16));
    let (group, _) = hsm.dukpt_load(kbpk, &text, PROFILE).unwrap();
    let (transaction, _) = hsm.dukpt_begin(group).unwrap();
    hsm.mac_begin(transaction.into(), MacMethod::X9_19, MacPurpose::Generate)
        .unwrap();
    Handles {
        key: key(hsm, "M6", 'A', 'C', 31),
        group,
        transaction,
    }
}
/// Every command that is not of the ceremony and not of log-ins and locks, and what it says; `more`: those of cards in a
/// terminal.
pub fn every_result(hsm: &mut Module, handles: &Handles, more: impl FnOnce(&mut Module) -> Results) -> Results {
    let &Handles {
        key,
        group,
        transaction,
    } = handles;
    let slot = KeyRef::from(key);
    let pan = Pan::parse(PAN).unwrap();
    let pin = Pin::from_entry(4, &[1, 2, 3, 4, 0, 0, 0, 0, 0, 0, 0, 0]).unwrap();
    let pvv = Pvv::from_digits(&[1, 2, 3, 4]).unwrap();
    let ksn = [0xFF, 0xFF, 0x98, 0x76, 0x54, 0x32, 0x10, 0xE0, 0, 1];
    let text = block(&value(7, 16), &attributes("D0", 'T', 'E', 'N'), &value(8, 16), &[]);
    let (psn, none) = (Psn::ABSENT, ArpcRequest::None);
    let any = attributes("D0", 'A', 'E', 'N');
    let (expiry, given) = (Expiry::yymm(b"2512").unwrap(), CardValue::parse(b"123").unwrap());
    let mut value = CardValue::parse(b"123").unwrap();
    let tap = Tap {
        un: [0; 4],
        atc: Atc::new(1),
    };
    let mut spare = [[0xA5; 32]; 7];
    let mut long = [[0xA5; 256]; 6];
    let raw = RawRequest {
        kind: CryptogramKind::Arqc,
        atc: Atc::new(1),
        unpredictable_number: [0; 4],
        data: b"data",
        cryptogram: [0; 8],
    };
    let target = ScriptTarget {
        profile: &VISA_CVN18,
        pan: &pan,
        psn,
        request: Request::new(Atc::new(1), [0; 8]),
        index: 0,
    };
    let new_pin = EncipheredPin {
        key: slot,
        format: Format::Iso0,
        block: &[0; 8],
    };
    let mut scripts = [[0xA5; MAX_COMMAND_LEN]; 2];
    let [script0, script1] = &mut scripts;
    let mut short = [[0xA5; 16]; 6];
    let [long0, long1, long2, long3, long4, long5] = &mut long;
    let [short0, short1, short2, short3, short4, short5] = &mut short;
    let log = Position::START;
    let mut results = vec![
        ("audit_note", hsm.audit_note(&[0; 8], None).map(|_| ())),
        ("audit_release", hsm.audit_release(&log)),
        ("audit_verify", hsm.audit_verify(key, &[], None, None).map(|_| ())),
        (
            "audit_key_export",
            hsm.audit_key_export(key, &mut [0xA5; 200]).map(|_| ()),
        ),
        ("backup_len", hsm.backup_len().map(|_| ())),
        ("backup_restore", hsm.backup_restore(key, &[]).map(|_| ())),
        ("backup_write", hsm.backup_write(key, &mut [0xA5; 200]).map(|_| ())),
        ("key_bounds", hsm.key_bounds(key).map(|_| ())),
        ("key_narrow", hsm.key_narrow(key, &Narrowing::default())),
        ("key_next", hsm.key_next(0).map(|_| ())),
        ("key_replace", hsm.key_replace(key, key).map(|_| ())),
        ("key_store", hsm.key_store(key)),
        ("limits_reset", hsm.limits_reset()),
        ("session_close", hsm.session_close(Session::from_raw(1))),
        ("session_open", hsm.session_open(1).map(|_| ())),
        ("set_date", hsm.set_date(Date::from_digits(20_261_231).unwrap())),
        ("key_info", hsm.key_info(key).map(|_| ())),
        ("random", hsm.random(long0)),
        (
            "key_block_import",
            hsm.key_block_import(key, &text, PROFILE).map(|_| ()),
        ),
        ("key_block_export", hsm.key_block_export(key, key, long1).map(|_| ())),
        (
            "key_block_import_as",
            hsm.key_block_import_as(key, &text, PROFILE, &any).map(|_| ()),
        ),
        (
            "key_block_export_as",
            hsm.key_block_export_as(key, key, &Export::default(), long4).map(|_| ()),
        ),
        (
            "key_block_translate",
            hsm.key_block_translate(key, &text, PROFILE, key, &Export::default(), long5)
                .map(|_| ()),
        ),
        ("key_check", hsm.key_check(key, CheckMethod::Cmac, &[0; 5])),
        ("key_generate", hsm.key_generate(&any, 16).map(|_| ())),
        ("component_begin", hsm.component_begin(&any, 16, 2, &[])),
        ("agreement_begin", hsm.agreement_begin(key, b"a", b"b", 16).map(|_| ())),
        ("agreement_confirm", hsm.agreement_confirm(&[0; M2_LEN]).map(|_| ())),
        (
            "agreement_answer",
            hsm.agreement_answer(key, b"a", b"b", 16, &[4; M1_LEN]).map(|_| ()),
        ),
        ("agreement_finish", hsm.agreement_finish(&[0; 16]).map(|_| ())),
        (
            "working_key_import",
            hsm.working_key_import(key, &any, &[0; 16], &[0; 3]).map(|_| ()),
        ),
        (
            "unionpay_sign_on",
            hsm.unionpay_sign_on(key, SignOnKind::Double, &[0; 40]).map(|_| ()),
        ),
        (
            "agreement_begin_signed",
            hsm.agreement_begin_signed(key, b"a", b"b", 16).map(|_| ()),
        ),
        (
            "agreement_confirm_signed",
            hsm.agreement_confirm_signed(&[4; 65], &[0; SIGNED_M2_LEN]).map(|_| ()),
        ),
        (
            "agreement_answer_signed",
            hsm.agreement_answer_signed(key, &[4; 65], b"a", b"b", 16, &[4; M1_LEN])
                .map(|_| ()),
        ),
        (
            "agreement_finish_signed",
            hsm.agreement_finish_signed(&[0; SIGNED_M3_LEN]).map(|_| ()),
        ),
        (
            "agreement_unauthenticated_begin",
            hsm.agreement_unauthenticated_begin().map(|_| ()),
        ),
        (
            "agreement_unauthenticated_finish",
            hsm.agreement_unauthenticated_finish(&[4; 65], Kdf::X963Sha256, b"x", 16, ModeOfUse::Decrypt)
                .map(|_| ()),
        ),
        ("dukpt_derive", hsm.dukpt_derive(key, &ksn).map(|_| ())),
        (
            "dukpt_export_initial_key",
            hsm.dukpt_export_initial_key(key, &ksn, key, long2).map(|_| ()),
        ),
        (
            "dukpt_export_update",
            hsm.dukpt_export_update(key, &[1; 8], key, &[2; 8], long3).map(|_| ()),
        ),
        ("dukpt_update", hsm.dukpt_update(group, &text, PROFILE).map(|_| ())),
        (
            "transaction_select",
            hsm.transaction_select(transaction, WorkingKey::Pin(KeyType::Tdes2)),
        ),
        ("dukpt_load", hsm.dukpt_load(key, &text, PROFILE).map(|_| ())),
        ("dukpt_find", hsm.dukpt_find(0).map(|_| ())),
        ("dukpt_ksn", hsm.dukpt_ksn(group).map(|_| ())),
        ("dukpt_begin", hsm.dukpt_begin(group).map(|_| ())),
        ("dukpt_erase", hsm.dukpt_erase(group)),
        ("transaction_ksn", hsm.transaction_ksn(transaction).map(|_| ())),
        ("transaction_end", hsm.transaction_end(transaction)),
        (
            "pin_encipher",
            hsm.pin_encipher(transaction.into(), Format::Iso0, &pan, &pin, short0)
                .map(|_| ()),
        ),
        (
            "pin_translate",
            hsm.pin_translate(slot, Format::Iso0, &pan, &[0; 8], key, Format::Iso0, short1)
                .map(|_| ()),
        ),
        ("batch_pin_verify_pvv", hsm.batch_pin_verify_pvv(&[], &mut [])),
        ("batch_pin_translate", hsm.batch_pin_translate(&[], &mut [])),
        ("batch_arqc_verify", hsm.batch_arqc_verify(&[], &mut [])),
        ("batch_read_arqc_verify", hsm.batch_read_arqc_verify(&[], &mut [])),
        ("batch_mac_verify", hsm.batch_mac_verify(&[], &mut [])),
        ("batch_cvv_verify", hsm.batch_cvv_verify(&[], &mut [])),
        ("batch_key_import", hsm.batch_key_import(&[], &mut [])),
        (
            "pin_verify_pvv",
            hsm.pin_verify_pvv(slot, Format::Iso0, &pan, &[0; 8], key, 1, &pvv),
        ),
        (
            "pvv_generate",
            hsm.pvv_generate(slot, Format::Iso0, &pan, &[0; 8], key, 1).map(|_| ()),
        ),
        (
            "mac_generate",
            hsm.mac_generate(slot, MacMethod::CMAC, b"message", short2),
        ),
        ("mac_verify", hsm.mac_verify(slot, MacMethod::CMAC, b"message", &[0; 8])),
        ("mac_update", hsm.mac_update(b"more")),
        ("mac_begin", hsm.mac_begin(slot, MacMethod::CMAC, MacPurpose::Generate)),
        ("mac_finish", hsm.mac_finish(short3)),
        ("mac_finish_verify", hsm.mac_finish_verify(&[0; 8])),
        (
            "mac_translate",
            hsm.mac_translate(
                slot,
                MacMethod::CMAC,
                b"message",
                &[0; 8],
                slot,
                MacMethod::CMAC,
                &mut spare[0],
            ),
        ),
        ("data_ecb_encipher", hsm.data_ecb_encipher(key, &mut spare[1])),
        ("data_ecb_decipher", hsm.data_ecb_decipher(key, &mut spare[2])),
        ("data_ctr", hsm.data_ctr(key, &[0; 16], &mut spare[3])),
        (
            "data_reencipher",
            hsm.data_reencipher(slot, &[0; 16], key, &[0; 16], &mut spare[4]),
        ),
        (
            "track2_encipher",
            hsm.track2_encipher(key, b"1234567890123456=2512", &mut spare[5])
                .map(|_| ()),
        ),
        ("track2_decipher", hsm.track2_decipher(key, &[0; 11], 21, &mut spare[6])),
        ("data_encipher", hsm.data_encipher(slot, &[0; 16], short4)),
        ("data_decipher", hsm.data_decipher(slot, &[0; 16], short5)),
        (
            "arqc_verify",
            hsm.arqc_verify(key, &VISA_CVN18, &pan, psn, &[0; 9], none).map(|_| ()),
        ),
        (
            "cvv_generate",
            hsm.cvv_generate(key, Kind::Chip, &pan, expiry, 3, &mut value),
        ),
        ("cvv_verify", hsm.cvv_verify(key, Kind::Chip, &pan, expiry, &given)),
        (
            "cvc3_verify",
            hsm.cvc3_verify(key, MasterKeyOption::A, &pan, psn, &[1; 9], tap, &given),
        ),
        (
            "arqc_verify_raw",
            hsm.arqc_verify_raw(key, &VISA_CVN18.recipe(), &pan, psn, &raw, none)
                .map(|_| ()),
        ),
        (
            "arqc_explain",
            hsm.arqc_explain(key, &VISA_CVN18, &pan, psn, &[0; 9]).map(|_| ()),
        ),
        (
            "script_command",
            hsm.script_command(key, None, &target, &Command::CardBlock, script0)
                .map(|_| ()),
        ),
        (
            "script_pin_change",
            hsm.script_pin_change(key, key, None, &target, &new_pin, None, script1)
                .map(|_| ()),
        ),
        ("key_public", hsm.key_public(key).map(|_| ())),
        (
            "role_enrol",
            hsm.role_enrol(9, UserRole::Officer, key, SecondFactor::None),
        ),
        ("role_revoke", hsm.role_revoke(9)),
        ("policy_narrow", hsm.policy_narrow(Policy::STRICT)),
        ("policy_freeze", hsm.policy_freeze()),
        ("policy_widen", hsm.policy_widen(Policy::STRICT)),
    ];
    if results.iter().all(|(_, result)| result.is_err()) {
        assert!(value.is_empty() && spare == [[0; 32]; 7]);
        assert!(scripts.iter().flatten().all(|&b| b == 0));
    }
    results.extend(issuer_commands(hsm, key));
    results.extend(more(hsm));
    results.push(("key_erase", hsm.key_erase(key)));
    if results.iter().all(|(_, result)| result.is_err()) {
        assert!(long.iter().flatten().chain(short.iter().flatten()).all(|&b| b == 0));
    }
    results
}

/// What an issuer does with PINs.
fn issuer_commands(hsm: &mut Module, key: KeyHandle) -> Results {
    let pan = Pan::parse(PAN).unwrap();
    let (pvv, offset) = (Pvv::parse(b"0000").unwrap(), Offset::parse(b"0000").unwrap());
    let profile = PinProfile::from_raw(1).unwrap();
    let (slot, format) = (KeyRef::from(key), Format::Iso0);
    let block = EncipheredPin {
        key: slot,
        format,
        block: &[0; 8],
    };
    let mut outs = [[0xA5; 16]; 4];
    let [one, two, three, four] = &mut outs;
    let results = vec![
        (
            "pin_translate_pans",
            hsm.pin_translate_pans(slot, format, &pan, &[0; 8], key, format, &pan, four)
                .map(|_| ()),
        ),
        (
            "pin_profile_register",
            hsm.pin_profile_register(&profile_3624()).map(|_| ()),
        ),
        (
            "pin_verify_3624",
            hsm.pin_verify_3624(slot, format, &pan, &[0; 8], key, profile, &offset),
        ),
        (
            "pin_offset_generate",
            hsm.pin_offset_generate(slot, format, &pan, &[0; 8], key, profile)
                .map(|_| ()),
        ),
        (
            "pin_generate_pvv",
            hsm.pin_generate_pvv(4, &pan, key, format, key, 1, one).map(|_| ()),
        ),
        (
            "pin_generate_3624",
            hsm.pin_generate_3624(&pan, key, format, key, profile, two).map(|_| ()),
        ),
        (
            "pin_derive_3624",
            hsm.pin_derive_3624(&pan, key, format, key, profile, &offset, three)
                .map(|_| ()),
        ),
        (
            "pin_change_pvv",
            hsm.pin_change_pvv(&pan, &block, &block, key, 1, &pvv).map(|_| ()),
        ),
        (
            "pin_change_3624",
            hsm.pin_change_3624(&pan, &block, &block, key, profile, &offset)
                .map(|_| ()),
        ),
    ];
    assert!(results.iter().any(|(_, result)| result.is_ok()) || outs == [[0; 16]; 4]);
    results
}
