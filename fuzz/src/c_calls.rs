// SPDX-License-Identifier: MIT OR Apache-2.0
//! Sequences of calls of the C interface: every function of the header, with handles that live, that are stale and that
//! are none, with buffers that overlap, that are short and that are not there, in every state.
//!
//! What holds in any order:
//! - the answer is 0 or the number of an error; a context that is none, or is busy, is refused;
//! - buffers that overlap are refused and nothing is written; nothing is ever written outside of an output;
//! - on an error every output is zero, and a PIN in every case;
//! - what goes through has live handles, of keys whose usage and mode of use allow it (a table of this file), and a key
//!   that may not leave does not;
//! - while a ceremony is open only it goes on; after a tamper event no command goes through;
//! - no KSN comes twice, also after a loss of power; no output holds a key that came in.
//!
//! The functions are called through addresses with more parameters than they have, as the calling conventions of 64-bit
//! processors allow. Nothing but this target does that.

mod one;
mod script;

pub use script::seeds;

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::ffi::c_void;
use std::mem::{transmute, zeroed};

use payhsm::capi::{self, PayhsmConfig, PayhsmCtx, PayhsmKeyAttributes, PayhsmKeyInfo, PayhsmQuestion, PayhsmState};
use payhsm::entropy::Entropy;
use payhsm::error::Error;

use crate::{Input, Rng};

/// A parameter, as `build.rs` finds it in the header.
#[derive(Clone, Copy, Debug)]
pub enum Param {
    Ctx,
    /// Bytes and their length.
    Input(&'static str),
    /// Bytes of a fixed length.
    Fixed(&'static str),
    /// A place for bytes and its length.
    Buffer(&'static str),
    /// A place of a fixed length.
    FixedOut(&'static str),
    Size(&'static str),
    Number(&'static str),
    /// A place for a number of so many bytes.
    Out(&'static str, usize),
    StructIn(&'static str, usize),
    StructOut(&'static str, usize),
}

/// A function of the header.
#[derive(Debug)]
pub struct Function {
    pub name: &'static str,
    pub address: unsafe extern "C" fn(),
    pub parameters: &'static [Param],
}

include!(concat!(env!("OUT_DIR"), "/c_functions.rs"));

const SLOTS: u32 = 32;
const GROUPS: u32 = 2;
const MEMORY: usize =
    capi::PAYHSM_CTX_BASE_SIZE + SLOTS as usize * capi::PAYHSM_SLOT_SIZE + GROUPS as usize * capi::PAYHSM_GROUP_SIZE;
/// Where the parameters of a call lie, near to each other.
const ARENA: usize = 8192;
/// A place of its own for each parameter, where nothing overlaps.
const ROOM: usize = 2064;
const MAX_PARAMETERS: usize = 24;
/// Records of the log.
const LOG: usize = 24;
/// What a parameter's place holds before the call.
const RUBBISH: u8 = 0xA7;

const POLICY: u32 = capi::PAYHSM_POLICY_RAW_CRYPTOGRAM
    | capi::PAYHSM_POLICY_EXPLAIN_CRYPTOGRAM
    | capi::PAYHSM_POLICY_ECB_DATA
    | capi::PAYHSM_POLICY_UNIONPAY
    | capi::PAYHSM_POLICY_OFFLINE_PIN
    | capi::PAYHSM_POLICY_PLAINTEXT_OFFLINE_PIN
    | capi::PAYHSM_POLICY_LEGACY_IMPORT
    | capi::PAYHSM_POLICY_UNAUTHENTICATED_AGREEMENT;

/// The keys that every sequence begins with: usage, algorithm, mode of use, exportability.
const KEYS: [(&[u8; 2], u8, u8, u8); 24] = [
    (b"K1", b'A', b'B', b'N'),
    (b"K1", b'A', b'E', b'N'),
    (b"B0", b'A', b'X', b'N'),
    (b"B0", b'T', b'X', b'N'),
    (b"P0", b'A', b'E', b'E'),
    (b"P0", b'T', b'D', b'N'),
    (b"V2", b'T', b'C', b'N'),
    (b"V1", b'T', b'C', b'N'),
    (b"E0", b'T', b'X', b'N'),
    (b"E1", b'T', b'X', b'N'),
    (b"E2", b'T', b'X', b'N'),
    (b"E4", b'T', b'X', b'N'),
    (b"C0", b'T', b'C', b'N'),
    (b"D0", b'A', b'B', b'E'),
    (b"M6", b'A', b'C', b'S'),
    (b"M3", b'T', b'G', b'E'),
    (b"B3", b'A', b'X', b'N'),
    (b"K0", b'T', b'D', b'N'),
    (b"M6", b'A', b'V', b'N'),
    (b"M6", b'A', b'V', b'N'),
    (b"D0", b'T', b'B', b'N'),
    (b"D0", b'A', b'B', b'N'),
    (b"D0", b'A', b'B', b'N'),
    (b"P0", b'A', b'D', b'N'),
];

/// What the handle of a parameter may be for a call to go through: usages by their first characters, modes of use, and
/// whether a transaction does as well. Functions that are not here are not judged by usage.
fn permitted(function: &str, parameter: &str) -> Option<(&'static [&'static str], &'static str, bool)> {
    let function = function.strip_prefix("payhsm_")?;
    let pin = function.starts_with("pin_") || function.starts_with("pvv_");
    Some(match (function, parameter) {
        ("pin_encipher", "key") => (&["P0"], "BE", true),
        ("script_pin_change", "key" | "current_key") => (&["P0"], "BD", true),
        (_, "input_key" | "old_key" | "new_key") if pin => (&["P0"], "BD", true),
        (_, "output_key") if pin => (&["P0"], "BE", false),
        ("pin_verify_pvv", "pvk") => (&["V2"], "VC", false),
        ("pin_verify_3624", "pvk") => (&["V1"], "VC", false),
        ("pvv_generate" | "pin_generate_pvv", "pvk") => (&["V2"], "GC", false),
        ("pin_offset_generate" | "pin_generate_3624" | "pin_derive_3624", "pvk") => (&["V1"], "GC", false),
        ("pin_change_pvv", "pvk") => (&["V2"], "C", false),
        ("pin_change_3624", "pvk") => (&["V1"], "C", false),
        ("mac_generate", "key") | ("mac_translate", "output_key") => (&["M"], "GC", true),
        ("mac_verify", "key") | ("mac_translate", "input_key") => (&["M"], "VC", true),
        ("mac_begin" | "mac_begin_sized", "key") => (&["M"], "GVC", true),
        ("data_encipher" | "data_ecb_encipher", "key") | ("data_reencipher", "output_key") => (&["D0"], "BE", true),
        ("data_decipher" | "data_ecb_decipher", "key") | ("data_reencipher", "input_key") => (&["D0"], "BD", true),
        ("data_ctr", "key") => (&["D0"], "BED", false),
        ("track2_encipher", "key") => (&["D0"], "BE", false),
        ("track2_decipher", "key") => (&["D0"], "BD", false),
        ("arqc_verify" | "arqc_verify_raw" | "arqc_explain", "imk") => (&["E0"], "X", false),
        ("cvc3_verify", "imk") => (&["E4"], "X", false),
        ("cvv_generate", "cvk") => (&["C0"], "GC", false),
        ("cvv_verify", "cvk") => (&["C0"], "VC", false),
        (_, "imk_smi") => (&["E2"], "X", false),
        (_, "imk_smc") => (&["E1"], "X", false),
        (_, "imk_ac") => (&["E0"], "X", false),
        (_, "bdk" | "new_bdk") => (&["B0"], "X", false),
        ("dukpt_export_initial_key" | "key_export" | "key_export_as" | "audit_key_export" | "backup_write", "kbpk")
        | ("key_translate", "to") => (&["K1", "K4", "K0"], "BE", false),
        (_, "kbpk") | ("key_translate", "from") => (&["K1", "K4", "K0"], "BD", false),
        (_, "kek" | "tmk") => (&["K0"], "BD", false),
        (_, "authentication") => (&["B3"], "X", false),
        (_, "signing") => (&["S0"], "SC", false),
        _ => return None,
    })
}

/// Names of parameters that are handles.
fn is_handle(function: &str, name: &str) -> bool {
    // Of the first record.
    if function == "payhsm_audit_read" {
        return false;
    }
    matches!(
        name,
        "key"
            | "kbpk"
            | "group"
            | "transaction"
            | "kek"
            | "tmk"
            | "authentication"
            | "signing"
            | "from"
            | "to"
            | "pvk"
            | "cvk"
            | "bdk"
            | "new_bdk"
            | "input_key"
            | "output_key"
            | "old_key"
            | "new_key"
            | "current_key"
            | "old"
    ) || name.starts_with("imk")
}

/// Bytes of outputs and inputs of a fixed length; 0 where this file does not know.
fn fixed_len(function: &str, name: &str) -> usize {
    match (function, name) {
        (_, "kcv") => capi::PAYHSM_KCV_MAX_LEN,
        ("payhsm_offline_pin_plaintext", "block") => 8,
        (_, "pvv" | "new_pvv") => capi::PAYHSM_PVV_LEN,
        ("payhsm_replay_new", "window") | (_, "new_window") => capi::PAYHSM_REPLAY_WINDOW_LEN,
        (_, "offset") => capi::PAYHSM_OFFSET_MAX_LEN,
        _ => 0,
    }
}

/// What runs while a ceremony is open.
fn runs_in_a_ceremony(name: &str) -> bool {
    const FAMILIES: &[&str] = &["component_", "lock", "login_", "logout", "role_status"];
    let bare = name.strip_prefix("payhsm_").unwrap_or(name);
    FAMILIES.iter().any(|family| bare.starts_with(family)) || runs_when_tampered(name)
}

/// What runs when the keys are gone: what tells, and what takes no keys.
fn runs_when_tampered(name: &str) -> bool {
    // What only ends and wipes runs in every state as well.
    const FAMILIES: &[&str] = &[
        "state",
        "tamper",
        "audit",
        "event",
        "selftest",
        "self_test",
        "status",
        "life",
        "agreement_abort",
        "mac_abort",
        "next_event",
        "policy",
        "reinitialise",
        "role_status",
        "wipe",
    ];
    let name = name.strip_prefix("payhsm_").unwrap_or(name);
    FAMILIES.iter().any(|family| name.starts_with(family))
}

// --- the device ------------------------------------------------------------------------------------------------------

/// What the callbacks use; also what outlives a loss of power.
struct Device {
    ctx: *mut PayhsmCtx,
    records: Vec<(u32, Vec<u8>)>,
    rng: Rng,
    fails_in: Option<u8>,
    refuses: bool,
    comes_in: bool,
    now: u64,
}

impl Device {
    /// A call back into the context that is being served.
    fn visit(&mut self) {
        if self.comes_in && !self.ctx.is_null() {
            // SAFETY: a live context; the state is a valid output.
            let status = unsafe {
                let mut state: PayhsmState = zeroed();
                state.size = u32::try_from(size_of::<PayhsmState>()).unwrap();
                capi::payhsm_state(self.ctx, &raw mut state)
            };
            assert_eq!(status, Error::BadState.code());
        }
    }

    fn works(&mut self) -> bool {
        self.visit();
        match self.fails_in.as_mut() {
            Some(0) => false,
            Some(left) => {
                *left -= 1;
                true
            }
            None => true,
        }
    }
}

unsafe extern "C" fn entropy(user: *mut c_void, out: *mut u8, len: usize) -> i32 {
    // SAFETY: the library keeps the contract of `payhsm_config_t`.
    let (device, out) = unsafe { (&mut *user.cast::<Device>(), std::slice::from_raw_parts_mut(out, len)) };
    device.visit();
    device.rng.fill(out).map_or(1, |()| 0)
}

unsafe extern "C" fn load(user: *mut c_void, id: u32, out: *mut u8, capacity: usize, len: *mut usize) -> i32 {
    // SAFETY: as `entropy`.
    unsafe {
        let device = &mut *user.cast::<Device>();
        device.visit();
        *len = 0;
        let Some((_, bytes)) = device.records.iter().find(|(other, _)| *other == id) else {
            return 0;
        };
        if bytes.len() > capacity {
            return 1;
        }
        out.copy_from(bytes.as_ptr(), bytes.len());
        *len = bytes.len();
    }
    0
}

unsafe extern "C" fn save(user: *mut c_void, id: u32, data: *const u8, len: usize) -> i32 {
    // SAFETY: as `entropy`.
    let (device, data) = unsafe { (&mut *user.cast::<Device>(), std::slice::from_raw_parts(data, len)) };
    if !device.works() {
        return 1;
    }
    device.records.retain(|(other, _)| *other != id);
    device.records.push((id, data.to_vec()));
    0
}

unsafe extern "C" fn erase(user: *mut c_void, id: u32) -> i32 {
    // SAFETY: as `entropy`.
    let device = unsafe { &mut *user.cast::<Device>() };
    if !device.works() {
        return 1;
    }
    device.records.retain(|(other, _)| *other != id);
    0
}

unsafe extern "C" fn decide(user: *mut c_void, _: *const PayhsmQuestion) -> i32 {
    // SAFETY: as `entropy`.
    let device = unsafe { &mut *user.cast::<Device>() };
    device.visit();
    i32::from(device.refuses)
}

unsafe extern "C" fn tick(user: *mut c_void, milliseconds: *mut u64) -> i32 {
    // SAFETY: as `entropy`.
    unsafe {
        let device = &mut *user.cast::<Device>();
        device.now += 40_000;
        *milliseconds = device.now;
    }
    0
}

// --- the machine -----------------------------------------------------------------------------------------------------

/// What a handle names.
#[derive(Clone, Copy, Debug)]
enum Object {
    Key {
        usage: [u8; 2],
        mode: u8,
        exportability: u8,
    },
    Group,
    Transaction,
}

/// What the calls so far have made.
#[derive(Clone, Default)]
struct Model {
    live: BTreeMap<u32, Object>,
    stale: Vec<u32>,
    ksns: BTreeSet<Vec<u8>>,
    loading: bool,
    tampered: bool,
    /// Outputs, which become inputs.
    outputs: Vec<Vec<u8>>,
}

struct Machine {
    memory: Vec<u128>,
    arena: Vec<u128>,
    rooms: Vec<u128>,
    log: Vec<u8>,
    device: Box<Device>,
    model: Model,
    /// Memory, records and model after the loading of `KEYS`: every sequence begins there.
    start: Option<(Vec<u128>, Vec<u8>, Vec<(u32, Vec<u8>)>, Model)>,
    /// The handles of `KEYS`.
    keys: Vec<u32>,
    /// Key bytes that came in.
    secrets: Vec<[u8; 16]>,
    /// Functions that have gone through so far.
    went_through: BTreeSet<&'static str>,
}

fn config(user: *mut Device) -> PayhsmConfig {
    static STORAGE_KEY: [u8; 32] = [0x3C; 32];
    // SAFETY: every field may be 0.
    let mut config: PayhsmConfig = unsafe { zeroed() };
    config.size = u32::try_from(size_of::<PayhsmConfig>()).unwrap();
    config.abi_version = capi::PAYHSM_ABI_VERSION;
    config.slots = SLOTS;
    config.groups = GROUPS;
    config.policy = POLICY;
    config.storage_key = STORAGE_KEY.as_ptr();
    config.user = user.cast();
    config.entropy = Some(entropy);
    config.storage_load = Some(load);
    config.storage_save = Some(save);
    config.storage_erase = Some(erase);
    config.decide = Some(decide);
    config.tick = Some(tick);
    config
}

impl Machine {
    fn new() -> Self {
        let device = Box::new(Device {
            ctx: std::ptr::null_mut(),
            records: Vec::new(),
            rng: Rng(7),
            fails_in: None,
            refuses: false,
            comes_in: false,
            now: 0,
        });
        let mut machine = Self {
            memory: vec![0; MEMORY / 16],
            arena: vec![0; ARENA / 16],
            rooms: vec![0; ROOM * MAX_PARAMETERS / 16],
            log: vec![0; LOG * capi::PAYHSM_AUDIT_RECORD_LEN],
            keys: Vec::new(),
            device,
            model: Model::default(),
            start: None,
            secrets: Vec::new(),
            went_through: BTreeSet::new(),
        };
        machine.init();
        machine.load();
        machine.start = Some((
            machine.memory.clone(),
            machine.log.clone(),
            machine.device.records.clone(),
            machine.model.clone(),
        ));
        machine
    }

    fn init(&mut self) {
        self.device.ctx = std::ptr::null_mut();
        let config = config(&raw mut *self.device);
        let mut ctx = std::ptr::null_mut();
        // SAFETY: the contract of `payhsm_init`; the memory stays where it is.
        let status =
            unsafe { capi::payhsm_init(self.memory.as_mut_ptr().cast(), MEMORY, &raw const config, &raw mut ctx) };
        assert_eq!(status, 0);
        self.device.ctx = ctx;
        self.log.fill(0);
        // SAFETY: a live context; the log stays where it is.
        let status = unsafe {
            capi::payhsm_audit_open(
                ctx,
                self.log.as_mut_ptr().cast(),
                self.log.len(),
                capi::PAYHSM_AUDIT_OVERWRITE,
            )
        };
        // A module that lost its keys takes no log.
        assert!(status == 0 || status == Error::Tampered.code(), "{status}");
    }

    fn ctx(&self) -> *mut PayhsmCtx {
        self.device.ctx
    }

    fn load(&mut self) {
        let ctx = self.ctx();
        // SAFETY: valid parameters on a live context.
        unsafe {
            for (n, (usage, algorithm, mode, exportability)) in (1_u8..).zip(KEYS) {
                let attributes = PayhsmKeyAttributes {
                    usage: *usage,
                    algorithm,
                    mode,
                    version: *b"00",
                    exportability,
                    reserved: 0,
                };
                let first: [u8; 16] =
                    std::array::from_fn(|i| n.wrapping_mul(37).wrapping_add((i as u8).wrapping_mul(29)) ^ 0x5A);
                let second: [u8; 16] =
                    std::array::from_fn(|i| n.wrapping_mul(91).wrapping_add((i as u8).wrapping_mul(83)) ^ 0xC3);
                self.secrets
                    .extend([first, second, std::array::from_fn(|i| first[i] ^ second[i])]);
                let (mut key, mut info) = (0, zeroed::<PayhsmKeyInfo>());
                let none = std::ptr::null();
                assert_eq!(
                    capi::payhsm_component_begin(ctx, &raw const attributes, 16, 2, none, 0),
                    0
                );
                assert_eq!(capi::payhsm_component_add(ctx, 1, first.as_ptr(), 16, none, 0), 0);
                assert_eq!(capi::payhsm_component_add(ctx, 2, second.as_ptr(), 16, none, 0), 0);
                assert_eq!(capi::payhsm_component_finish(ctx, &raw mut key, &raw mut info), 0);
                self.learn(key);
                self.keys.push(key);
            }
            let (both, base, data) = (
                self.key(b"K1", b'A', b'B'),
                self.key(b"B0", b'A', b'X'),
                self.key(b"D0", b'A', b'B'),
            );
            let (mut block, mut len, mut kcv) = ([0; 256], 0, [0; capi::PAYHSM_KCV_MAX_LEN]);
            for id in [
                &[0x12_u8, 0x34, 0x56, 0x78, 0x90, 0x12, 0x34, 0x56][..],
                &[0xFF, 0xFF, 0x98, 0x76, 0x54, 0x32, 0x10, 0xE0, 0, 0],
            ] {
                let (block, kcv) = (block.as_mut_ptr(), kcv.as_mut_ptr());
                let status = capi::payhsm_dukpt_export_initial_key(
                    ctx,
                    base,
                    id.as_ptr(),
                    id.len(),
                    both,
                    block,
                    256,
                    &raw mut len,
                    kcv,
                );
                if status == 0 {
                    break;
                }
            }
            let (mut group, mut initial) = (0, zeroed());
            let profile = capi::PAYHSM_PROFILE_X9_143_STRICT;
            assert_eq!(
                capi::payhsm_dukpt_load(
                    ctx,
                    both,
                    profile,
                    block.as_ptr(),
                    len,
                    &raw mut group,
                    &raw mut initial
                ),
                0
            );
            self.model.live.insert(group, Object::Group);
            self.model.outputs.push(block[..len].to_vec());
            assert_eq!(
                capi::payhsm_key_export(ctx, both, data, block.as_mut_ptr(), 256, &raw mut len),
                0
            );
            self.model.outputs.push(block[..len].to_vec());
        }
    }

    /// The first key of `KEYS` that is so.
    fn key(&self, usage: &[u8; 2], algorithm: u8, mode: u8) -> u32 {
        let place = KEYS
            .iter()
            .position(|(u, a, m, _)| (*u, *a, *m) == (usage, algorithm, mode));
        self.keys[place.unwrap()]
    }

    /// All keys anew, as the module tells: after what gives several, or changes one.
    fn learn_all(&mut self) {
        let mut found = Vec::new();
        let (mut cursor, mut key) = (0, 0);
        // SAFETY: valid parameters on a live context.
        unsafe {
            let mut info = zeroed::<PayhsmKeyInfo>();
            while capi::payhsm_key_next(self.ctx(), cursor, &raw mut cursor, &raw mut key, &raw mut info) == 0 {
                found.push(key);
            }
        }
        found.into_iter().for_each(|key| self.learn(key));
    }

    /// What a new key is, as the module tells.
    fn learn(&mut self, key: u32) {
        // SAFETY: valid parameters on a live context.
        unsafe {
            let mut info = zeroed::<PayhsmKeyInfo>();
            if capi::payhsm_key_info(self.ctx(), key, &raw mut info) == 0 {
                let attributes = info.attributes;
                let object = Object::Key {
                    usage: attributes.usage,
                    mode: attributes.mode,
                    exportability: attributes.exportability,
                };
                self.model.live.insert(key, object);
            }
        }
    }

    /// As every sequence begins.
    fn rewind(&mut self) {
        let (memory, log, records, model) = self.start.as_ref().unwrap();
        self.memory.copy_from_slice(memory);
        self.log.copy_from_slice(log);
        self.device.records.clone_from(records);
        self.model.clone_from(model);
        (self.device.rng, self.device.fails_in, self.device.refuses) = (Rng(11), None, false);
        (self.device.comes_in, self.device.now) = (false, 1_000_000);
    }

    /// The power goes; nothing but the storage stays.
    fn power_cut(&mut self) {
        self.device.fails_in = None;
        self.memory.fill(0xA5A5);
        let (ksns, outputs) = (
            std::mem::take(&mut self.model.ksns),
            std::mem::take(&mut self.model.outputs),
        );
        let stale = self.model.live.keys().copied().collect();
        self.model = Model {
            stale,
            ksns,
            outputs,
            ..Model::default()
        };
        self.init();
        self.learn_all();
        // SAFETY: valid parameters on a live context.
        unsafe {
            let (mut group, mut info) = (0, zeroed());
            for index in 0..GROUPS {
                if capi::payhsm_dukpt_find(self.ctx(), index, &raw mut group, &raw mut info) == 0 {
                    self.model.live.insert(group, Object::Group);
                }
            }
        }
    }
}

/// A sequence of calls.
pub fn c_calls(data: &[u8]) {
    thread_local!(static MACHINE: RefCell<Machine> = RefCell::new(Machine::new()));
    MACHINE.with_borrow_mut(|machine| machine.run(data));
}

impl Machine {
    fn run(&mut self, data: &[u8]) {
        self.rewind();
        let mut input = Input::new(data);
        for _ in 0..64 {
            let Some(choice) = input.more() else { break };
            match choice {
                250 => self.device.fails_in = Some(input.byte() % 6),
                251 => self.device.fails_in = None,
                252 => self.device.refuses = input.byte() & 1 == 1,
                253 => self.device.comes_in = input.byte() & 1 == 1,
                254 => self.power_cut(),
                choice => {
                    let function = &FUNCTIONS[usize::from(choice) % FUNCTIONS.len()];
                    self.call(function, &mut input);
                }
            }
        }
    }
}
