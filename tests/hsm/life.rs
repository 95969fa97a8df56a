// SPDX-License-Identifier: MIT OR Apache-2.0
//! States, handles and the component ceremony.

use std::collections::BTreeSet;

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
    PinProfile, ScriptTarget, SecondFactor, Session, State, TransactionHandle, UserRole, WorkingKey,
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
    Asked, Device, Module, PROFILE, attributes, block, ceremony, initial_key, key, load_kbpk, module, profile_3624,
    start, value,
};

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

/// Every command that is not of the ceremony, and what it says. Outputs of a refused one are zero.
fn every_command(hsm: &mut Module, handles: &Handles) -> Vec<(&'static str, Error)> {
    every_result(hsm, handles)
        .into_iter()
        .map(|(name, result)| (name, result.expect_err(name)))
        .collect()
}

/// Every command that is not of the ceremony and not of log-ins and locks.
pub fn every_result(hsm: &mut Module, handles: &Handles) -> Vec<(&'static str, Result<(), Error>)> {
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
    results.extend(offline_commands(hsm));
    results.push(("key_erase", hsm.key_erase(key)));
    if results.iter().all(|(_, result)| result.is_err()) {
        assert!(long.iter().flatten().chain(short.iter().flatten()).all(|&b| b == 0));
    }
    results
}

/// What a terminal does with PINs for the card in it.
fn offline_commands(hsm: &mut Module) -> Vec<(&'static str, Result<(), Error>)> {
    let mut results = Vec::new();
    crate::oda::with_card(
        |_| (),
        |card| {
            let (mut data, mut block) = ([0xA5; 248], [0xA5; 8]);
            let pin = Pin::from_entry(4, &[1, 2, 3, 4, 0, 0, 0, 0, 0, 0, 0, 0]).unwrap();
            let enciphered = hsm.offline_pin_encipher(card, &[7; 8], &pin, &mut data);
            results.push(("offline_pin_encipher", enciphered.map(|_| ())));
            results.push(("offline_pin_plaintext", hsm.offline_pin_plaintext(&pin, &mut block)));
            assert!(
                results.iter().any(|(_, result)| result.is_ok()) || data.iter().chain(&block).all(|&byte| byte == 0)
            );
        },
    );
    results
}

/// What an issuer does with PINs.
fn issuer_commands(hsm: &mut Module, key: KeyHandle) -> Vec<(&'static str, Result<(), Error>)> {
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

/// The commands in the source, without those of the ceremony.
pub fn commands_in_the_source() -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for text in crate::common::command_sources() {
        for (_, module) in text.match_indices("> Hsm<'").map(|(at, _)| text.split_at(at)) {
            let module = module.split("\n}\n").next().unwrap();
            for function in module.split("\n    pub fn ").skip(1) {
                let head = function.split('{').next().unwrap();
                // What returns nothing (status, tamper, an abort) can be done in every state.
                if head.contains("self") && head.contains("Result<") {
                    found.insert(head.split(['(', '<']).next().unwrap().to_owned());
                }
            }
        }
    }
    let ceremony = ["component_add", "component_finish", "component_abort"];
    for other in ceremony.into_iter().chain(IN_EVERY_STATE) {
        assert!(found.remove(other), "{other}");
    }
    found
}

/// Commands that answer in every state, as `tests/hsm/audit.rs` has it.
pub const IN_EVERY_STATE: [&str; 13] = [
    "audit_open",
    "audit_read",
    "status_message",
    // These have states of their own: `tests/hsm/states.rs`.
    "self_test",
    "self_test_step",
    "wipe",
    "reinitialise",
    "role_status",
    "login_begin",
    "login_finish",
    "logout",
    "lock",
    "unlock",
];

/// E04, I03: in a ceremony nothing else runs, and after a tamper event nothing at all.
#[test]
fn e04_i03_every_command_in_every_state() {
    let device = Device::new(1);
    let (mut hsm, handles) = populated(&device);
    hsm.component_begin(&attributes("D0", 'A', 'E', 'N'), 16, 2, &[])
        .unwrap();
    assert_eq!(hsm.status().state, State::Loading);
    let (status, touched) = (hsm.status(), device.touched());
    let answers = every_command(&mut hsm, &handles);
    assert_eq!(
        answers
            .iter()
            .map(|(name, _)| (*name).to_owned())
            .collect::<BTreeSet<_>>(),
        commands_in_the_source()
    );
    for (name, error) in answers {
        assert_eq!(error, Error::BadState, "{name}");
    }
    assert_eq!((hsm.status(), device.touched()), (status, touched));
    hsm.component_abort().unwrap();
    // Nothing was lost.
    assert_eq!(hsm.status().state, State::Operational);
    hsm.key_info(handles.key).unwrap();
    hsm.dukpt_ksn(handles.group).unwrap();
    hsm.transaction_ksn(handles.transaction).unwrap();

    hsm.tamper();
    let status = hsm.status();
    assert_eq!((status.state, status.slots.1, status.groups.1), (State::Tampered, 0, 0));
    let touched = device.touched();
    for (name, error) in every_command(&mut hsm, &handles) {
        assert_eq!(error, Error::Tampered, "{name}");
    }
    assert_eq!(hsm.component_add(1, &[1; 16], &[]), Err(Error::Tampered));
    assert_eq!(hsm.component_finish().err(), Some(Error::Tampered));
    assert_eq!(hsm.component_abort(), Err(Error::Tampered));
    assert_eq!((hsm.status(), device.touched()), (status, touched));

    // The next start is tampered, too.
    drop(hsm);
    device.boot(None);
    assert_eq!(module(&device).status().state, State::Tampered);
}

/// A tamper event in a ceremony ends it.
#[test]
fn a_ceremony_does_not_survive_a_tamper_event() {
    let mut hsm = module(&Device::new(1));
    hsm.component_begin(&attributes("D0", 'A', 'E', 'N'), 16, 2, &[])
        .unwrap();
    hsm.component_add(1, &value(1, 16), &[]).unwrap();
    hsm.tamper();
    assert_eq!(hsm.status().state, State::Tampered);
    assert_eq!(hsm.component_add(2, &value(2, 16), &[]), Err(Error::Tampered));
    assert_eq!(hsm.component_finish().err(), Some(Error::Tampered));
}

/// E04: the platform opens ceremonies, and is asked what the key will be.
#[test]
fn e04_no_ceremony_without_the_decision() {
    let device = Device::new(1);
    let mut hsm = module(&device);
    let wanted = attributes("K1", 'A', 'D', 'N');
    for error in [Error::Refused, Error::NotAuthenticated] {
        device.world().answer = Some(error);
        assert_eq!(hsm.component_begin(&wanted, 16, 2, &[]), Err(error));
        assert_eq!(hsm.status().state, State::Virgin);
        assert_eq!(hsm.component_add(1, &value(1, 16), &[]), Err(Error::BadState));
    }
    device.world().answer = None;
    hsm.component_begin(&wanted, 16, 2, &[]).unwrap();
    assert_eq!(device.world().asked, vec![Asked::Ceremony(wanted); 3]);
    // No second one while it is open.
    assert_eq!(hsm.component_begin(&wanted, 16, 2, &[]), Err(Error::BadState));
    assert_eq!(device.world().asked.len(), 3);
}

/// What can be judged before the custodians come is: nobody is asked, and nothing opens.
#[test]
fn e04_impossible_ceremonies_do_not_open() {
    let device = Device::new(1);
    let mut hsm = module(&device);
    let sound = attributes("D0", 'T', 'E', 'N');
    let mut component = sound;
    component.version = payhsm::key::usage::KeyVersion::from_chars(*b"c1").unwrap();
    for (wanted, len, parts, kcv, error) in [
        (
            attributes("B1", 'T', 'X', 'N'),
            16,
            2,
            &[][..],
            Error::UsageNotPermitted,
        ),
        (attributes("D0", 'T', 'N', 'N'), 16, 2, &[], Error::ModeNotPermitted),
        (attributes("P0", 'T', 'B', 'N'), 16, 2, &[], Error::ModeNotPermitted),
        (component, 16, 2, &[], Error::KeyBlockKeyVersion),
        (attributes("D0", 'T', 'X', 'N'), 16, 2, &[], Error::KeyBlockMode),
        (attributes("M3", 'A', 'C', 'N'), 16, 2, &[], Error::KeyBlockAlgorithm),
        (
            attributes("D0", 'T', 'E', '1'),
            16,
            2,
            &[],
            Error::KeyBlockExportability,
        ),
        (sound, 8, 2, &[], Error::InvalidKeyLength),
        (sound, 32, 2, &[], Error::InvalidKeyLength),
        (sound, 16, 1, &[], Error::InvalidArgument),
        (sound, 16, 10, &[], Error::InvalidArgument),
        (sound, 16, 2, &[1, 2], Error::InvalidLength),
        (sound, 16, 2, &[1, 2, 3, 4], Error::InvalidLength),
        (
            attributes("D0", 'A', 'E', 'N'),
            16,
            2,
            &[1, 2, 3],
            Error::AlgorithmMismatch,
        ),
    ] {
        assert_eq!(
            hsm.component_begin(&wanted, len, parts, kcv),
            Err(error),
            "{wanted:?} {len} {parts}"
        );
        assert_eq!(hsm.status().state, State::Virgin);
    }
    assert_eq!(device.touched().0, 0);
}

/// E03: whatever goes wrong ends the ceremony; nothing is loaded, and nothing of it goes into the next.
#[test]
fn e03_every_error_ends_the_ceremony() {
    let mut hsm = start(&Device::new(1), Policy::STRICT, 2, 0).unwrap();
    let wanted = attributes("D0", 'A', 'E', 'N');
    let (a, b) = (value(1, 16), value(2, 16));
    let expected = ceremony(&mut hsm, &wanted, &value(3, 16)).unwrap();
    let check = hsm.key_info(expected).unwrap().check;
    let attempts: [(u32, &[u8], &[u8], Error); 8] = [
        (1, &b, &[], Error::Component),
        (2, &a, &[], Error::VerificationFailed),
        (2, &b, &[0; 5], Error::VerificationFailed),
        (2, &b, &[0; 3], Error::AlgorithmMismatch),
        (2, &b, &[0; 4], Error::InvalidLength),
        (2, &b[..15], &[], Error::InvalidKeyLength),
        (2, &[0; 16], &[], Error::WeakKey),
        (2, &[], &[], Error::InvalidKeyLength),
    ];
    for (custodian, part, kcv, error) in attempts {
        hsm.component_begin(&wanted, 16, 3, &[]).unwrap();
        hsm.component_add(1, &a, &[]).unwrap();
        assert_eq!(hsm.component_add(custodian, part, kcv), Err(error));
        assert_eq!((hsm.status().state, hsm.status().slots.1), (State::Operational, 1));
        assert_eq!(hsm.component_add(2, &b, &[]), Err(Error::BadState));
        assert_eq!(hsm.component_finish().err(), Some(Error::BadState));
        // The next one starts at zero.
        let again = ceremony(&mut hsm, &wanted, &value(3, 16)).unwrap();
        assert_eq!(hsm.key_info(again).unwrap().check, check);
        hsm.key_erase(again).unwrap();
    }
    // Too few, one too many, and a check value that the result has not.
    hsm.component_begin(&wanted, 16, 2, &[]).unwrap();
    hsm.component_add(1, &a, &[]).unwrap();
    assert_eq!(hsm.component_finish().err(), Some(Error::BadState));
    assert_eq!(hsm.status().state, State::Operational);
    hsm.component_begin(&wanted, 16, 2, &[]).unwrap();
    hsm.component_add(1, &a, &[]).unwrap();
    hsm.component_add(2, &b, &[]).unwrap();
    assert_eq!(hsm.component_add(3, &value(9, 16), &[]), Err(Error::BadState));
    assert_eq!(hsm.status().state, State::Operational);
    hsm.component_begin(&wanted, 16, 2, check.as_bytes()).unwrap();
    hsm.component_add(1, &a, &[]).unwrap();
    hsm.component_add(2, &b, &[]).unwrap();
    assert_eq!(hsm.component_finish().err(), Some(Error::VerificationFailed));
    assert_eq!((hsm.status().state, hsm.status().slots.1), (State::Operational, 1));
    // The right check value lets it in; no free slot does not.
    let second: Vec<u8> = a.iter().zip(value(3, 16)).map(|(a, b)| a ^ b).collect();
    for free in [true, false] {
        hsm.component_begin(&wanted, 16, 2, check.as_bytes()).unwrap();
        hsm.component_add(1, &a, &[]).unwrap();
        hsm.component_add(2, &second, &[]).unwrap();
        let result = hsm.component_finish();
        assert_eq!(result.err(), if free { None } else { Some(Error::SlotsFull) });
        assert_eq!((hsm.status().state, hsm.status().slots.1), (State::Operational, 2));
    }
    // Without one there is nothing to end.
    assert_eq!(hsm.component_abort(), Ok(()));
    assert_eq!(hsm.component_finish().err(), Some(Error::BadState));
}

/// I02: a handle names nothing after what it named is gone, and nothing in another module.
#[test]
fn i02_stale_and_foreign_handles() {
    let (mut hsm, handles) = populated(&Device::new(1));
    let (other, foreign) = populated(&Device::new(2));
    assert_eq!(other.key_info(handles.key).err(), Some(Error::InvalidHandle));
    assert_eq!(other.dukpt_ksn(handles.group).err(), Some(Error::InvalidHandle));
    assert_eq!(
        other.transaction_ksn(handles.transaction).err(),
        Some(Error::InvalidHandle)
    );
    assert_eq!(hsm.key_erase(foreign.key), Err(Error::InvalidHandle));
    assert_eq!(hsm.dukpt_erase(foreign.group), Err(Error::InvalidHandle));
    assert_eq!(hsm.transaction_end(foreign.transaction), Err(Error::InvalidHandle));

    // The slot again, the same key in it: another handle.
    hsm.key_erase(handles.key).unwrap();
    let again = key(&mut hsm, "M6", 'A', 'C', 31);
    assert_eq!((again.to_raw() ^ handles.key.to_raw()) >> 20, 0);
    assert_ne!(again, handles.key);
    assert_eq!(hsm.key_erase(handles.key), Err(Error::InvalidHandle));
    let mut mac = [0xA5; 8];
    let result = hsm.mac_generate(handles.key.into(), MacMethod::CMAC, b"message", &mut mac);
    assert_eq!((result, mac), (Err(Error::InvalidHandle), [0; 8]));

    // A transaction ends by the next one, by its end, and with its group.
    let (second, _) = hsm.dukpt_begin(handles.group).unwrap();
    assert_eq!(
        hsm.transaction_ksn(handles.transaction).err(),
        Some(Error::InvalidHandle)
    );
    hsm.transaction_end(second).unwrap();
    assert_eq!(hsm.transaction_end(second), Err(Error::InvalidHandle));
    let (third, _) = hsm.dukpt_begin(handles.group).unwrap();
    assert_eq!(hsm.transaction_ksn(second).err(), Some(Error::InvalidHandle));
    hsm.dukpt_erase(handles.group).unwrap();
    assert_eq!(hsm.transaction_ksn(third).err(), Some(Error::InvalidHandle));
    assert_eq!(hsm.dukpt_begin(handles.group).err(), Some(Error::InvalidHandle));
    assert_eq!(hsm.dukpt_erase(handles.group), Err(Error::InvalidHandle));
}

/// I02: numbers at random name nothing.
#[test]
fn i02_random_handle_values() {
    let (mut hsm, handles) = populated(&Device::new(1));
    let live = [
        handles.key.to_raw(),
        handles.group.to_raw(),
        handles.transaction.to_raw(),
    ];
    let mut state = 5_u64;
    let mut kinds = [0; 3];
    for n in 0..100_000_u32 {
        state = state.wrapping_mul(0x5851_F42D_4C95_7F2D).wrapping_add(1);
        let random = u32::try_from(state >> 32).unwrap();
        // Every other value near a live one: kind and place right, the generation not.
        let raw = match n % 4 {
            0 => (live[0] & 0xFFF0_0000) | (random & 0x000F_FFFF),
            1 => (live[usize::try_from(n / 4 % 2).unwrap() + 1] & 0xFFF0_0000) | (random & 0x000F_FFFF),
            _ => random,
        };
        // The KBPK in slot 0 may be hit, too: its place is left out.
        if live.contains(&raw) || raw >> 20 == 0x100 {
            continue;
        }
        if let Ok(handle) = KeyHandle::from_raw(raw) {
            assert_eq!(hsm.key_info(handle).err(), Some(Error::InvalidHandle));
            let result = hsm.data_encipher(handle.into(), &[0; 16], &mut [0; 16]);
            assert_eq!(result, Err(Error::InvalidHandle));
            kinds[0] += 1;
        }
        if let Ok(handle) = GroupHandle::from_raw(raw) {
            assert_eq!(hsm.dukpt_begin(handle).err(), Some(Error::InvalidHandle));
            kinds[1] += 1;
        }
        if let Ok(handle) = TransactionHandle::from_raw(raw) {
            assert_eq!(hsm.transaction_ksn(handle).err(), Some(Error::InvalidHandle));
            kinds[2] += 1;
        }
    }
    assert!(kinds[0] > 20_000 && kinds[1] > 10_000 && kinds[2] > 10_000, "{kinds:?}");
    hsm.key_info(handles.key).unwrap();
}

/// Attack row E03: a ceremony that is left open is over when its time has passed, and what was entered is gone.
#[test]
fn e03_an_abandoned_ceremony_ends() {
    const MINUTE: u64 = 60_000;
    let wanted = attributes("D0", 'A', 'E', 'N');
    let device = Device::new(1);
    device.world().now = Some(5);
    let mut hsm = module(&device);
    let open = |hsm: &mut Module| {
        hsm.component_begin(&wanted, 16, 2, &[]).unwrap();
        hsm.component_add(1, &value(1, 16), &[]).unwrap();
    };
    let at = |now| device.world().now = now;
    // One millisecond before the end it goes on.
    open(&mut hsm);
    at(Some(4 + 15 * MINUTE));
    hsm.expire();
    hsm.component_add(2, &value(2, 16), &[]).unwrap();
    let made = hsm.component_finish().unwrap();
    hsm.key_erase(made.key).unwrap();
    // At the end it is over, whichever command comes.
    for command in 0..4 {
        at(Some(0));
        open(&mut hsm);
        assert_eq!(hsm.random(&mut [0; 4]), Err(Error::BadState));
        at(Some(15 * MINUTE));
        match command {
            0 => assert_eq!(hsm.component_add(2, &value(2, 16), &[]), Err(Error::BadState)),
            1 => assert_eq!(hsm.component_finish().err(), Some(Error::BadState)),
            2 => hsm.component_begin(&wanted, 16, 2, &[]).unwrap(),
            _ => hsm.expire(),
        }
        if command == 2 {
            // A new one, without the old one's component.
            hsm.component_add(1, &value(3, 16), &[]).unwrap();
            hsm.component_abort().unwrap();
        }
        assert_eq!(hsm.status().state, State::Operational);
        hsm.random(&mut [0; 4]).unwrap();
    }
    // A clock that stops answering, a clock at its end, and none at all.
    at(Some(0));
    open(&mut hsm);
    at(None);
    hsm.expire();
    assert_eq!(hsm.status().state, State::Operational);
    at(Some(u64::MAX));
    hsm.component_begin(&wanted, 16, 2, &[]).unwrap();
    hsm.expire();
    assert_eq!(hsm.status().state, State::Operational);
    at(None);
    open(&mut hsm);
    at(Some(u64::MAX));
    hsm.component_add(2, &value(2, 16), &[]).unwrap();
    hsm.component_finish().unwrap();
}
