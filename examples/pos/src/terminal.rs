// SPDX-License-Identifier: MIT OR Apache-2.0
//! The border to the terminal in C: its types as in terminal/terminal.h, and the callbacks into the world.

use core::cell::RefCell;
use core::ffi::{CStr, c_char, c_void};
use core::mem::{MaybeUninit, size_of};
use core::ptr;
use core::slice;

use payhsm::capi::{PAYHSM_ASK_CEREMONY, PayhsmInitialKeyInfo, PayhsmKeyInfo, PayhsmPin, PayhsmQuestion};
use payhsm::entropy::Entropy;
use payhsm::error::Error;

use crate::host::{HOST_ID, TERMINAL_ID};
use crate::office::{self, AUTHENTICATION};
use crate::platform::SystemEntropy;
use crate::secrets;
use crate::world::World;

/// A kind of transaction.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Sale = 1,
    Balance = 2,
    Refund = 3,
    QrSale = 4,
}

/// How the card comes.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Interface {
    Contact = 1,
    Contactless = 2,
    NoCard = 3,
}

/// `TERMINAL_...` results.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    Approved,
    Declined,
    CardDeclined,
    CardError,
    NoPin,
    NoAnswer,
    BadAnswer,
    Module,
    Misuse,
}

impl Outcome {
    const ALL: [Self; 9] = [
        Self::Approved,
        Self::Declined,
        Self::CardDeclined,
        Self::CardError,
        Self::NoPin,
        Self::NoAnswer,
        Self::BadAnswer,
        Self::Module,
        Self::Misuse,
    ];

    fn of(number: i32) -> Self {
        let index = usize::try_from(number).unwrap_or(usize::MAX);
        Self::ALL.get(index).copied().unwrap_or(Self::Misuse)
    }
}

#[repr(C)]
struct Platform {
    size: usize,
    user: *mut c_void,
    device_key: *const u8,
    terminal_id: *const u8,
    host_id: *const u8,
    host_id_len: usize,
    entropy: unsafe extern "C" fn(*mut c_void, *mut u8, usize) -> i32,
    storage_load: unsafe extern "C" fn(*mut c_void, u32, *mut u8, usize, *mut usize) -> i32,
    storage_save: unsafe extern "C" fn(*mut c_void, u32, *const u8, usize) -> i32,
    storage_erase: unsafe extern "C" fn(*mut c_void, u32) -> i32,
    decide: unsafe extern "C" fn(*mut c_void, *const PayhsmQuestion) -> i32,
    show: unsafe extern "C" fn(*mut c_void, *const c_char),
    read_pin: unsafe extern "C" fn(*mut c_void, *mut PayhsmPin) -> i32,
    read_component: unsafe extern "C" fn(*mut c_void, u32, *mut u8, usize, *mut u8, usize) -> i32,
    card: unsafe extern "C" fn(*mut c_void, *const u8, usize, *mut u8, usize, *mut usize) -> i32,
    host: unsafe extern "C" fn(*mut c_void, *const u8, usize, *mut u8, usize, *mut usize) -> i32,
    today: unsafe extern "C" fn(*mut c_void, *mut u8),
    next_stan: unsafe extern "C" fn(*mut c_void) -> u32,
}

#[repr(C)]
struct Order {
    kind: u32,
    interface: u32,
    amount: u64,
    qr: *const u8,
    qr_len: usize,
}

/// What a transaction gave.
#[repr(C)]
#[derive(Debug)]
pub struct Receipt {
    result: i32,
    pub status: i32,
    pub stan: u32,
    pub reversed: u32,
    pub atc: u32,
    has_balance: u32,
    balance: u64,
    ksn: [u8; 12],
    ksn_len: u8,
    pub arqc: [u8; 8],
    pub tc: [u8; 8],
    code: [u8; 3],
    pan: [u8; 20],
}

impl Receipt {
    /// How it ended.
    pub fn outcome(&self) -> Outcome {
        Outcome::of(self.result)
    }

    /// The KSN; empty if the transaction did not come so far.
    pub fn ksn(&self) -> &[u8] {
        &self.ksn[..usize::from(self.ksn_len).min(12)]
    }

    /// The balance, if one was shown.
    pub const fn balance(&self) -> Option<u64> {
        if self.has_balance == 1 {
            Some(self.balance)
        } else {
            None
        }
    }

    /// The host's response code.
    pub fn code(&self) -> String {
        text(&self.code)
    }

    /// The masked PAN.
    pub fn pan(&self) -> String {
        text(&self.pan)
    }
}

fn text(bytes: &[u8]) -> String {
    let end = bytes.iter().position(|byte| *byte == 0).unwrap_or(bytes.len());
    String::from_utf8_lossy(&bytes[..end]).into_owned()
}

/// What is public about the keys that came from the host.
#[repr(C)]
pub struct Keys {
    pub protection: PayhsmKeyInfo,
    pub initial: [PayhsmInitialKeyInfo; 2],
}

unsafe extern "C" {
    fn terminal_instance() -> *mut c_void;
    fn terminal_power_on(terminal: *mut c_void, platform: *const Platform) -> i32;
    fn terminal_power_off(terminal: *mut c_void);
    fn terminal_enter_key(terminal: *mut c_void, purpose: u32, info: *mut PayhsmKeyInfo) -> i32;
    fn terminal_load_keys(terminal: *mut c_void, keys: *mut Keys) -> i32;
    fn terminal_transact(terminal: *mut c_void, order: *const Order, receipt: *mut Receipt) -> i32;
    fn terminal_next_ksn(terminal: *mut c_void, algorithm: c_char, info: *mut PayhsmInitialKeyInfo) -> i32;
    fn terminal_probe_mac_key_for_pin(terminal: *mut c_void) -> i32;
    fn terminal_probe_second_pin(terminal: *mut c_void) -> i32;
    fn terminal_probe_own_mac_as_answer(terminal: *mut c_void) -> i32;
}

/// The error of a status, for comparing and showing.
fn result(status: i32) -> Result<(), Error> {
    if status == 0 {
        return Ok(());
    }
    let known = Error::ALL.iter().copied().find(|error| error.code() == status);
    Err(known.unwrap_or(Error::Internal))
}

/// The terminal, switched on; one at a time.
pub struct Terminal {
    instance: *mut c_void,
    world: &'static RefCell<World>,
}

impl Terminal {
    /// Switches the terminal on.
    pub fn power_on(world: &'static RefCell<World>) -> Result<Self, Error> {
        let platform = Platform {
            size: size_of::<Platform>(),
            user: ptr::from_ref(world).cast_mut().cast(),
            device_key: secrets::DEVICE.as_ptr(),
            terminal_id: TERMINAL_ID.as_ptr(),
            host_id: HOST_ID.as_ptr(),
            host_id_len: HOST_ID.len(),
            entropy,
            storage_load,
            storage_save,
            storage_erase,
            decide,
            show,
            read_pin,
            read_component,
            card,
            host,
            today,
            next_stan,
        };
        // SAFETY: the structure is that of terminal.h, which its size confirms; the world lives for ever.
        unsafe {
            let instance = terminal_instance();
            result(terminal_power_on(instance, &raw const platform))?;
            Ok(Self { instance, world })
        }
    }

    /// Both custodians enter the authentication key.
    pub fn enter_authentication_key(&self) -> Result<PayhsmKeyInfo, Error> {
        let mut info = PayhsmKeyInfo::default();
        // SAFETY: the terminal is switched on; `info` is writable.
        result(unsafe { terminal_enter_key(self.instance, 1, &raw mut info) })?;
        Ok(info)
    }

    /// Agrees a KBPK and loads the initial keys.
    pub fn load_keys(&self) -> Result<Keys, Error> {
        let mut keys = Keys {
            protection: PayhsmKeyInfo::default(),
            initial: [PayhsmInitialKeyInfo::default(); 2],
        };
        // SAFETY: as above.
        result(unsafe { terminal_load_keys(self.instance, &raw mut keys) })?;
        Ok(keys)
    }

    /// Plays a transaction.
    pub fn transact(&self, kind: Kind, interface: Interface, amount: u64) -> Receipt {
        self.world.borrow_mut().recorded = None;
        let qr = if kind == Kind::QrSale { World::qr_code() } else { &[] };
        let order = Order {
            kind: kind as u32,
            interface: interface as u32,
            amount,
            qr: qr.as_ptr(),
            qr_len: qr.len(),
        };
        let mut receipt = MaybeUninit::<Receipt>::zeroed();
        // SAFETY: as above; all-zero is a valid receipt, and the terminal writes it in every case.
        unsafe {
            terminal_transact(self.instance, &raw const order, receipt.as_mut_ptr());
            receipt.assume_init()
        }
    }

    /// The next KSN of a scheme: `b'T'` or `b'A'`.
    pub fn next_ksn(&self, algorithm: u8) -> Result<Vec<u8>, Error> {
        let mut info = PayhsmInitialKeyInfo::default();
        let letter = c_char::try_from(algorithm).map_err(|_| Error::InvalidArgument)?;
        // SAFETY: as above.
        result(unsafe { terminal_next_ksn(self.instance, letter, &raw mut info) })?;
        Ok(info.ksn[..usize::from(info.ksn_len)].to_vec())
    }

    /// A PIN under a MAC key.
    pub fn probe_mac_key_for_pin(&self) -> Result<(), Error> {
        // SAFETY: as above.
        result(unsafe { terminal_probe_mac_key_for_pin(self.instance) })
    }

    /// Two PINs under one transaction.
    pub fn probe_second_pin(&self) -> Result<(), Error> {
        // SAFETY: as above.
        result(unsafe { terminal_probe_second_pin(self.instance) })
    }

    /// The terminal's own MAC as the host's.
    pub fn probe_own_mac_as_answer(&self) -> Result<(), Error> {
        // SAFETY: as above.
        result(unsafe { terminal_probe_own_mac_as_answer(self.instance) })
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        // SAFETY: as above; nothing is called afterwards.
        unsafe { terminal_power_off(self.instance) }
    }
}

/// # Safety
/// `user` is the world that `power_on` was given.
unsafe fn world<'a>(user: *mut c_void) -> &'a RefCell<World> {
    // SAFETY: the caller's; the world lives for ever.
    unsafe { &*user.cast::<RefCell<World>>() }
}

/// Copies an answer out; -1 if it does not fit.
///
/// # Safety
/// `out` has `capacity` writable bytes, `len` is writable.
unsafe fn give(answer: &[u8], out: *mut u8, capacity: usize, len: *mut usize) -> i32 {
    if answer.len() > capacity {
        return -1;
    }
    // SAFETY: the caller's.
    unsafe {
        ptr::copy_nonoverlapping(answer.as_ptr(), out, answer.len());
        *len = answer.len();
    }
    0
}

// The callbacks keep the contract of terminal.h: pointers point to as many bytes as the lengths say, during the call.

unsafe extern "C" fn entropy(_: *mut c_void, out: *mut u8, len: usize) -> i32 {
    if len == 0 {
        return 0;
    }
    // SAFETY: `len` writable bytes. They may be uninitialised: zeroed first.
    let out = unsafe {
        ptr::write_bytes(out, 0, len);
        slice::from_raw_parts_mut(out, len)
    };
    SystemEntropy.fill(out).map_or(-1, |()| 0)
}

unsafe extern "C" fn storage_load(user: *mut c_void, id: u32, out: *mut u8, capacity: usize, len: *mut usize) -> i32 {
    // SAFETY: see above.
    unsafe {
        let world = world(user).borrow();
        let record = world.storage.get(&id).map_or(&[][..], Vec::as_slice);
        give(record, out, capacity, len)
    }
}

unsafe extern "C" fn storage_save(user: *mut c_void, id: u32, data: *const u8, len: usize) -> i32 {
    // SAFETY: see above.
    unsafe {
        let record = slice::from_raw_parts(data, len).to_vec();
        world(user).borrow_mut().storage.insert(id, record);
    }
    0
}

unsafe extern "C" fn storage_erase(user: *mut c_void, id: u32) -> i32 {
    // SAFETY: see above.
    unsafe { world(user) }.borrow_mut().storage.remove(&id);
    0
}

unsafe extern "C" fn decide(_: *mut c_void, question: *const PayhsmQuestion) -> i32 {
    // SAFETY: a question, during the call.
    let kind = unsafe { (*question).kind };
    // Both custodians of the demo are always here. A terminal decides nothing else.
    if kind == PAYHSM_ASK_CEREMONY { 0 } else { -1 }
}

unsafe extern "C" fn show(user: *mut c_void, line: *const c_char) {
    // SAFETY: a terminated string.
    unsafe {
        let line = CStr::from_ptr(line).to_string_lossy().into_owned();
        world(user).borrow_mut().display.push(line);
    }
}

unsafe extern "C" fn read_pin(user: *mut c_void, pin: *mut PayhsmPin) -> i32 {
    // SAFETY: a writable PIN.
    unsafe {
        let (len, digits) = office::entry(world(user).borrow().pin);
        (*pin).len = len;
        (*pin).digits = digits;
    }
    0
}

unsafe extern "C" fn read_component(
    _: *mut c_void,
    custodian: u32,
    component: *mut u8,
    component_len: usize,
    kcv: *mut u8,
    kcv_len: usize,
) -> i32 {
    let Ok(components) = AUTHENTICATION.components() else {
        return -1;
    };
    let index = usize::try_from(custodian).unwrap_or(0).wrapping_sub(1);
    let (mut a, mut b) = (0, 0);
    match components.get(index) {
        Some((bytes, check)) if component_len == bytes.len() && kcv_len == check.len() => {
            // SAFETY: writable for their lengths, which were compared.
            unsafe { give(bytes, component, component_len, &raw mut a) | give(check, kcv, kcv_len, &raw mut b) }
        }
        _ => -1,
    }
}

unsafe extern "C" fn card(
    user: *mut c_void,
    command: *const u8,
    command_len: usize,
    answer: *mut u8,
    capacity: usize,
    answer_len: *mut usize,
) -> i32 {
    // SAFETY: see above.
    unsafe {
        let command = slice::from_raw_parts(command, command_len);
        let data = world(user).borrow_mut().card(command);
        give(&data, answer, capacity, answer_len)
    }
}

unsafe extern "C" fn host(
    user: *mut c_void,
    request: *const u8,
    request_len: usize,
    answer: *mut u8,
    capacity: usize,
    answer_len: *mut usize,
) -> i32 {
    // SAFETY: see above.
    unsafe {
        let request = slice::from_raw_parts(request, request_len);
        let data = world(user).borrow_mut().exchange(request);
        data.map_or(-1, |data| give(&data, answer, capacity, answer_len))
    }
}

unsafe extern "C" fn today(_: *mut c_void, date: *mut u8) {
    let fixed = [0x26, 0x07, 0x01];
    // SAFETY: three writable bytes.
    unsafe { ptr::copy_nonoverlapping(fixed.as_ptr(), date, fixed.len()) }
}

unsafe extern "C" fn next_stan(user: *mut c_void) -> u32 {
    // SAFETY: see above.
    let mut world = unsafe { world(user) }.borrow_mut();
    world.stan += 1;
    world.stan
}
