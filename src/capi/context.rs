// SPDX-License-Identifier: MIT OR Apache-2.0
//! The context: memory of the caller, and what the device gives to it.

use core::ffi::c_void;
use core::hint::black_box;
use core::mem::{MaybeUninit, align_of, offset_of, size_of};
use core::ptr;
use core::slice;
use core::sync::atomic::{AtomicBool, Ordering};

use crate::capi::config::{PAYHSM_STORAGE_KEY_LEN, PayhsmConfig};
use crate::capi::memory::{self, Place, Versioned, VersionedOutput, burn_stack, burn_stack_of_start};
use crate::capi::platform::Callbacks;
use crate::capi::status::{PAYHSM_ABI_VERSION, PAYHSM_OK, Status, status};
use crate::error::Error;
use crate::hsm::{Config, Group, Hsm, PinLimits, RateLimit, Slot, State};
use crate::key::role::StorageKey;
use crate::key::{Aes, Key};
use crate::policy::Policy;
use crate::weaken::guard;

/// Addresses of 64 bits.
const WIDE: bool = size_of::<usize>() > 4;

/// Bytes of a context without slots and groups; see `PAYHSM_CTX_SIZE`. The header has the three numbers (tests/header.rs).
pub const PAYHSM_CTX_BASE_SIZE: usize = if WIDE {
    5120
} else if cfg!(any(feature = "host", feature = "ec")) {
    4736
} else {
    3392
};
/// Bytes of a slot in a context; see `PAYHSM_CTX_SIZE`.
pub const PAYHSM_SLOT_SIZE: usize = if WIDE { 192 } else { 160 };
/// Bytes of a group in a context, on every target.
pub const PAYHSM_GROUP_SIZE: usize = 1344;
/// The alignment that the memory of a context needs.
pub const PAYHSM_CTX_ALIGN: usize = 16;

/// State: commands run.
pub const PAYHSM_STATE_OPERATIONAL: u32 = 1;
/// State: a component ceremony is open.
pub const PAYHSM_STATE_LOADING: u32 = 2;
/// State: every key is erased; only a new start helps.
pub const PAYHSM_STATE_TAMPERED: u32 = 3;
/// State: no key came in so far, and the storage has none. The same commands run as in `PAYHSM_STATE_OPERATIONAL`.
pub const PAYHSM_STATE_VIRGIN: u32 = 4;
/// State: locked by an officer or by wrong log-ins; only officers may log in.
pub const PAYHSM_STATE_LOCKED: u32 = 5;
/// State: every DUKPT group in use is at the end of its life. The same commands run as in `PAYHSM_STATE_OPERATIONAL`.
pub const PAYHSM_STATE_EXHAUSTED: u32 = 6;
/// State: a self-test or the source of random bytes failed; nothing goes out until a new start.
pub const PAYHSM_STATE_ERROR: u32 = 7;

/// The state of a context.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
pub struct PayhsmState {
    /// Set before the call: `sizeof(payhsm_state_t)`.
    pub size: u32,
    /// `PAYHSM_STATE_…`.
    pub state: u32,
    /// Slots in all.
    pub slots: u32,
    /// Slots with a key.
    pub slots_used: u32,
    /// Groups in all.
    pub groups: u32,
    /// Groups in use.
    pub groups_used: u32,
    /// 1 if there is a monotonic counter, with which an older image of the storage is seen; 0: nobody can tell.
    pub anchored: u32,
    /// Groups whose initial key is at the end of its life.
    pub groups_spent: u32,
}

// SAFETY: `repr(C)`; the size comes first; every field may be 0.
unsafe impl Versioned for PayhsmState {
    const FIRST_SIZE: usize = offset_of!(Self, groups_used) + size_of::<u32>();
}

pub(super) type Module = Hsm<'static, Callbacks>;

/// Marks a live context; its complement stands at the other end of the header.
const MAGIC: u32 = 0x5048_534D;

/// A context. Its memory is the caller's, its content is the library's.
#[derive(Debug)]
pub struct PayhsmCtx {
    magic: u32,
    /// A call is running: a callback must not come in again. Atomic for the compiler's sake: an interrupt reads it.
    busy: AtomicBool,
    /// A tamper event came.
    tampered: AtomicBool,
    /// Bytes of the context with its tables.
    len: usize,
    /// The memory of the audit log.
    log: Place,
    module: Module,
    mirror: u32,
}

// What `PAYHSM_CTX_SIZE` promises. The tables begin aligned: every size is a multiple of the alignment.
const _: () = assert!(size_of::<PayhsmCtx>() <= PAYHSM_CTX_BASE_SIZE);
const _: () = assert!(size_of::<Slot>() <= PAYHSM_SLOT_SIZE);
const _: () = assert!(size_of::<Group>() <= PAYHSM_GROUP_SIZE);
const _: () = assert!(align_of::<PayhsmCtx>() <= PAYHSM_CTX_ALIGN);
const _: () = assert!(align_of::<Slot>() <= PAYHSM_CTX_ALIGN && align_of::<Group>() <= PAYHSM_CTX_ALIGN);
const _: () = assert!((PAYHSM_CTX_BASE_SIZE | PAYHSM_SLOT_SIZE | PAYHSM_GROUP_SIZE) & (PAYHSM_CTX_ALIGN - 1) == 0);

/// Runs one command on a context: judges the pointer and where the parameters lie, keeps callbacks out, overwrites the
/// stack afterwards.
///
/// `outputs` and `inputs` are everything that `command` reaches through pointers: what C3 says of them is certain when it
/// begins.
///
/// # Safety
/// `ctx` is `NULL` or came from [`payhsm_init`] and was not closed; C2 for the context.
pub(super) unsafe fn run(
    ctx: *mut PayhsmCtx,
    outputs: &[Place],
    inputs: &[Place],
    command: impl FnOnce(&mut Module) -> Result<(), Error>,
) -> Status {
    // A refusal, until the command has succeeded.
    let mut witness = REFUSED;
    // SAFETY: the caller's. Only between `begin` and `end` is the module borrowed.
    let result = unsafe {
        match begin(ctx, outputs, inputs, &mut witness) {
            Ok(before) => end(ctx, outputs, before, perform(ctx, command), &mut witness),
            Err(error) => Err(error),
        }
    };
    finish(result, &witness)
}

/// The command in a frame of its own, which is overwritten with what lies below it; the one part of [`run`] that each C
/// function has for itself.
///
/// # Safety
/// [`begin`] has succeeded.
#[inline(never)]
unsafe fn perform(ctx: *mut PayhsmCtx, command: impl FnOnce(&mut Module) -> Result<(), Error>) -> Result<(), Error> {
    // SAFETY: the context is live, and no other call is running.
    command(unsafe { &mut (*ctx).module })
}

/// The end of a call whose command came to its end or was never begun.
#[inline(never)]
fn finish(result: Result<(), Error>, witness: &u32) -> Status {
    burn_stack();
    agreed(result, witness)
}

/// As [`run`], for a command over many jobs, each of which has its own status: what a job was refused is not the command's.
///
/// # Safety
/// As [`run`].
#[cfg(feature = "host")]
pub(super) unsafe fn run_each(
    ctx: *mut PayhsmCtx,
    outputs: &[Place],
    inputs: &[Place],
    command: impl FnOnce(&mut Module) -> Result<(), Error>,
) -> Status {
    // SAFETY: the caller's.
    unsafe {
        run(ctx, outputs, inputs, |module| {
            let result = command(module);
            module.begin_command();
            if black_box(result).is_ok() {
                module.enter();
            }
            result
        })
    }
}

/// What the second way of a result says: far apart.
const REFUSED: u32 = 0x39C6_6A95;
/// Neither its complement nor near to it.
const GRANTED: u32 = 0xC65A_953C;
/// The context was judged: what [`end`] must find.
const BEGUN: u32 = 0x53A3_0F5C;

/// The status, which is success only if both ways of the result say so.
#[inline(never)]
fn agreed(result: Result<(), Error>, witness: &u32) -> Status {
    // A number of which the compiler knows nothing: a result that is neither success nor an error may read as 0.
    let first = black_box(status(black_box(result)));
    // SAFETY: a reference is readable.
    let second = unsafe { ptr::read_volatile(witness) };
    if first != PAYHSM_OK {
        return first;
    }
    if second != GRANTED {
        return Error::Internal.code();
    }
    // SAFETY: as above.
    if unsafe { ptr::read_volatile(witness) } != GRANTED {
        return Error::Internal.code();
    }
    status(black_box(result))
}

/// Judges the context and where the parameters lie, keeps others out, and notes a tamper event of before.
///
/// Returns: whether the module was tampered already.
///
/// # Safety
/// As [`run`].
#[inline(never)]
unsafe fn begin(ctx: *mut PayhsmCtx, outputs: &[Place], inputs: &[Place], witness: &mut u32) -> Result<bool, Error> {
    if ctx.is_null() {
        return Err(Error::NullPointer);
    }
    if !ctx.is_aligned() {
        return Err(Error::Misaligned);
    }
    // SAFETY: not null, aligned; memory of a context by the caller's contract. Fields are reached one by one: while a
    // callback of a running call is here, the module is borrowed by that call.
    unsafe {
        if guard!("I03.context", (*ctx).magic != MAGIC || (*ctx).mirror != !MAGIC) {
            return Err(Error::BadState);
        }
        if guard!("I04", (*ctx).busy.load(Ordering::Acquire)) {
            return Err(Error::BadState);
        }
        memory::disjoint(outputs, inputs)?;
        let context = Place::bytes(ctx.cast_const().cast(), (*ctx).len);
        for own in [context, (*ctx).log] {
            memory::disjoint(&[own], outputs)?;
            memory::disjoint(&[own], inputs)?;
        }
        (*ctx).busy.store(true, Ordering::Release);
        // A tamper event of before is noted here, and its keys are gone before anything else happens.
        (*ctx).module.expire();
        let before = (*ctx).module.is_tampered();
        (*ctx).module.begin_command();
        ptr::write_volatile(witness, BEGUN);
        Ok(before)
    }
}

/// Ends a command: what was refused on the way stays refused, and no output of a refused one is left.
///
/// # Safety
/// As [`run`]; [`begin`] has succeeded and the command has returned.
#[inline(never)]
unsafe fn end(
    ctx: *mut PayhsmCtx,
    outputs: &[Place],
    before: bool,
    mut result: Result<(), Error>,
    witness: &mut u32,
) -> Result<(), Error> {
    // SAFETY: as in `begin`.
    unsafe {
        // A command that nobody has let begin has not succeeded either.
        if result.is_ok() && ((*ctx).module.was_denied() || ptr::read_volatile(witness) != BEGUN) {
            result = Err(Error::Internal);
        }
        // One that came while the command ran: keys first, then the outputs. Nothing of this call goes out.
        if (*ctx).tampered.load(Ordering::Acquire) && !before {
            (*ctx).module.tamper();
            result = Err(Error::Tampered);
        }
        (*ctx).busy.store(false, Ordering::Release);
        if result.is_err() {
            for output in outputs {
                output.wipe();
            }
        }
        if black_box(result).is_ok() && !(*ctx).module.was_denied() && ptr::read_volatile(witness) == BEGUN {
            ptr::write_volatile(witness, GRANTED);
        }
        result
    }
}

/// Remembers the memory of the audit log, which is the module's as the context is.
///
/// # Safety
/// A call on the context has just succeeded, and none runs.
pub(super) unsafe fn keep_place(ctx: *mut PayhsmCtx, log: Place) {
    // SAFETY: the caller's.
    unsafe { (*ctx).log = log };
}

/// What `PAYHSM_CTX_SIZE(slots, groups)` is, for languages and libraries that cannot use the macro.
///
/// Returns: the number of bytes; 0 for no slots, or for more than 256 slots or groups.
#[must_use]
#[unsafe(no_mangle)]
pub extern "C" fn payhsm_ctx_size(slots: u32, groups: u32) -> usize {
    match (usize::try_from(slots), usize::try_from(groups)) {
        (Ok(slots @ 1..=256), Ok(groups @ 0..=256)) => PAYHSM_CTX_BASE_SIZE
            .wrapping_add(slots.wrapping_mul(PAYHSM_SLOT_SIZE))
            .wrapping_add(groups.wrapping_mul(PAYHSM_GROUP_SIZE)),
        _ => 0,
    }
}

/// What `PAYHSM_CTX_ALIGN` is.
///
/// Returns: the alignment in bytes.
#[must_use]
#[unsafe(no_mangle)]
pub extern "C" fn payhsm_ctx_align() -> usize {
    PAYHSM_CTX_ALIGN
}

/// Starts a module in the caller's memory.
///
/// Parameters:
/// - `memory`: at least `PAYHSM_CTX_SIZE(slots, groups)` bytes, aligned to `PAYHSM_CTX_ALIGN`; it stays the module's
///   until `payhsm_close`.
/// - `config`: read during the call only.
/// - `ctx`: receives the context; `NULL` on error.
///
/// DUKPT groups that the storage holds are taken up: find them with `payhsm_dukpt_find`. If a stored record is damaged
/// the module starts tampered, which `payhsm_state` tells.
///
/// Returns: `PAYHSM_OK`; `PAYHSM_ERR_NULL_POINTER`, `PAYHSM_ERR_MISALIGNED`, `PAYHSM_ERR_INVALID_LENGTH` (memory too
/// short), `PAYHSM_ERR_INVALID_ARGUMENT` (slots, groups, policy, minutes, or some storage callbacks only),
/// `PAYHSM_ERR_ABI_MISMATCH` (version or size), `PAYHSM_ERR_OVERLAP`, `PAYHSM_ERR_ENTROPY`.
///
/// # Safety
/// C1 to C3 for every pointer; the callbacks keep the contract of `payhsm_config_t`.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn payhsm_init(
    memory: *mut c_void,
    memory_len: usize,
    config: *const PayhsmConfig,
    ctx: *mut *mut PayhsmCtx,
) -> Status {
    // SAFETY: the caller's.
    let result = unsafe { init(memory.cast(), memory_len, config, ctx) };
    burn_stack_of_start();
    status(result)
}

/// # Safety
/// As [`payhsm_init`].
#[inline(never)]
unsafe fn init(
    memory: *mut u8,
    memory_len: usize,
    config: *const PayhsmConfig,
    ctx: *mut *mut PayhsmCtx,
) -> Result<(), Error> {
    let mut storage_key = None;
    // SAFETY: the caller's; after it, a module at rest is in its place. It is dropped if it does not start; no call finds the
    // context before its marks are there.
    unsafe {
        let (context, config) = prepare(memory, memory_len, config, ctx, &mut storage_key)?;
        let config = Config {
            storage_key: storage_key.as_ref(),
            ..config
        };
        if let Err(error) = (*context).module.start(&config) {
            ptr::drop_in_place(&raw mut (*context).module);
            return Err(error);
        }
        (&raw mut (*context).busy).write(AtomicBool::new(false));
        (&raw mut (*context).magic).write(MAGIC);
        (&raw mut (*context).mirror).write(!MAGIC);
        ctx.write(context);
    }
    Ok(())
}

/// Judges what a start is given, and makes the module at rest; what it needs for that is off the stack when it starts.
///
/// # Safety
/// As [`payhsm_init`].
#[inline(never)]
unsafe fn prepare(
    memory: *mut u8,
    memory_len: usize,
    config: *const PayhsmConfig,
    ctx: *mut *mut PayhsmCtx,
    key: &mut Option<Key<StorageKey, Aes>>,
) -> Result<(*mut PayhsmCtx, Config<'static>), Error> {
    // A caller built against an older header has a shorter structure: its size alone is looked at first.
    // SAFETY: C1 and C2 for the number at the head of `config`.
    let config_place = unsafe { Place::versioned(config) };
    // SAFETY: C1 and C2 for `config`, with as many bytes as its size says.
    let config = unsafe { memory::versioned(config) };
    let storage_key = config.as_ref().map_or(ptr::null(), |config| config.storage_key);
    memory::disjoint(
        &[Place::of(ctx), Place::bytes(memory, memory_len)],
        &[config_place, Place::bytes(storage_key, PAYHSM_STORAGE_KEY_LEN)],
    )?;
    // SAFETY: C1 and C2 for `ctx`; C3 was judged.
    unsafe { memory::place(ctx, ptr::null_mut()) }?;
    let config = config?;
    if config.abi_version != PAYHSM_ABI_VERSION {
        return Err(Error::AbiMismatch);
    }
    let storage = [
        config.storage_load.is_some(),
        config.storage_save.is_some(),
        config.storage_erase.is_some(),
    ];
    let (slots, groups) = (config.slots as usize, config.groups as usize);
    if !(1..=256).contains(&slots) || groups > 256 || !storage.iter().all(|&s| s == config.storage_load.is_some()) {
        return Err(Error::InvalidArgument);
    }
    let policy = Policy::from_bits(config.policy)?;
    if memory.is_null() {
        return Err(Error::NullPointer);
    }
    if memory.addr() & (PAYHSM_CTX_ALIGN - 1) != 0 {
        return Err(Error::Misaligned);
    }
    // At most 256 of each: far from overflow on 32 bits.
    let needed = PAYHSM_CTX_BASE_SIZE
        .wrapping_add(slots.wrapping_mul(PAYHSM_SLOT_SIZE))
        .wrapping_add(groups.wrapping_mul(PAYHSM_GROUP_SIZE));
    if memory_len < needed {
        return Err(Error::InvalidLength);
    }
    if !config.storage_key.is_null() {
        // SAFETY: C1 and C2 for 32 bytes.
        let bytes = unsafe { memory::input(config.storage_key, PAYHSM_STORAGE_KEY_LEN) }?;
        key.insert(Key::empty()).set(bytes)?;
    }
    let flash = if config.flash.is_null() {
        None
    } else {
        // SAFETY: C1 and C2 for the structure, which begins with its size.
        Some(unsafe { memory::versioned(config.flash) }?)
    };
    let context = memory.cast::<PayhsmCtx>();
    // SAFETY: aligned and large enough, as below. The flag is there before the module that reads it.
    let platform = unsafe {
        (&raw mut (*context).tampered).write(AtomicBool::new(false));
        // Whatever was here before is no context from now on.
        (&raw mut (*context).magic).write_volatile(0);
        (&raw mut (*context).mirror).write_volatile(0);
        Callbacks::new(&config, flash.as_ref(), &raw const (*context).tampered)
    }?;
    // SAFETY: the base is aligned and large enough for the context and, behind it, the tables: `needed` bytes, by the
    // assertions above. The tables do not overlap. `'static` ends with `payhsm_close`, which drops the module first.
    let (slots, groups) = unsafe {
        let table = memory.add(PAYHSM_CTX_BASE_SIZE);
        let slot_table = table.cast::<Slot>();
        let group_table = table.add(slots.wrapping_mul(PAYHSM_SLOT_SIZE)).cast::<Group>();
        for i in 0..slots {
            slot_table.add(i).write(Slot::EMPTY);
        }
        for i in 0..groups {
            group_table.add(i).write(Group::EMPTY);
        }
        (
            slice::from_raw_parts_mut(slot_table, slots),
            slice::from_raw_parts_mut(group_table, groups),
        )
    };
    let ceremony_minutes = u16::try_from(config.ceremony_minutes).map_err(|_| Error::InvalidArgument)?;
    let config = Config {
        policy,
        storage_key: None,
        pin_limits: PinLimits {
            entry: config.pin_entry.limit(RateLimit::PIN_ENTRY),
            host: config.pin_host.limit(RateLimit::NONE),
        },
        ceremony_minutes,
        entropy: config.source()?,
        self_tests: config.test_mode()?,
        self_test_hours: u16::try_from(config.self_test_hours).map_err(|_| Error::InvalidArgument)?,
        login_tries: config.tries()?,
        idle_minutes: u16::try_from(config.idle_minutes).map_err(|_| Error::InvalidArgument)?,
        persistent_limits: config.persistent_limits != 0,
    };
    // SAFETY: aligned and large enough; see above.
    unsafe {
        settle(
            &mut *(&raw mut (*context).module).cast(),
            platform,
            slots,
            groups,
            &config,
        );
        (&raw mut (*context).len).write(needed);
        (&raw mut (*context).log).write(Place::NONE);
    }
    Ok((context, config))
}

/// Makes a module in its place, in a frame that is gone before it starts.
#[inline(never)]
fn settle(
    place: &mut MaybeUninit<Module>,
    platform: Callbacks,
    slots: &'static mut [Slot],
    groups: &'static mut [Group],
    config: &Config<'_>,
) {
    place.write(Module::at_rest(platform, slots, groups, config));
}

/// Erases every key and ends the context. Its memory is the caller's again; stored records stay.
///
/// Returns: `PAYHSM_OK`; `PAYHSM_ERR_NULL_POINTER`, `PAYHSM_ERR_MISALIGNED`, `PAYHSM_ERR_BAD_STATE` (not a live
/// context, or called from a callback).
///
/// # Safety
/// `ctx` is `NULL` or came from `payhsm_init` and was not closed; C2.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn payhsm_close(ctx: *mut PayhsmCtx) -> Status {
    // SAFETY: the caller's. The module is dropped in place, once: the marks are gone then.
    unsafe {
        let mut witness = REFUSED;
        let result = match begin(ctx, &[], &[], &mut witness) {
            Ok(before) => {
                (*ctx).module.enter();
                end(ctx, &[], before, Ok(()), &mut witness)
            }
            Err(error) => Err(error),
        };
        if result.is_ok() {
            // An interrupt that comes now finds no context.
            (*ctx).busy.store(true, Ordering::Release);
            (*ctx).magic = 0;
            (*ctx).mirror = 0;
            let len = (*ctx).len;
            ptr::drop_in_place(&raw mut (*ctx).module);
            // What is between the fields, and what is no key but made of one.
            let words = ctx.cast::<u32>();
            for index in 0..len >> 2 {
                words.add(index).write_volatile(0);
            }
        }
        status(result)
    }
}

/// Tells the state of a context.
///
/// Parameters: `state`: its size comes in; receives the rest, zero on error.
///
/// Returns: `PAYHSM_OK`; `PAYHSM_ERR_NULL_POINTER`, `PAYHSM_ERR_MISALIGNED`, `PAYHSM_ERR_ABI_MISMATCH` (size),
/// `PAYHSM_ERR_BAD_STATE`.
///
/// # Safety
/// As `payhsm_close`; C1 to C3 for `state`.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn payhsm_state(ctx: *mut PayhsmCtx, state: *mut PayhsmState) -> Status {
    // SAFETY: the caller's.
    unsafe {
        run(ctx, &[Place::versioned(state)], &[], |module| {
            let out = VersionedOutput::new(state)?;
            module.enter();
            let now = module.status();
            out.write(&PayhsmState {
                size: 0,
                state: match now.state {
                    State::Operational => PAYHSM_STATE_OPERATIONAL,
                    State::Loading => PAYHSM_STATE_LOADING,
                    State::Tampered => PAYHSM_STATE_TAMPERED,
                    State::Virgin => PAYHSM_STATE_VIRGIN,
                    State::Locked => PAYHSM_STATE_LOCKED,
                    State::Exhausted => PAYHSM_STATE_EXHAUSTED,
                    State::Error => PAYHSM_STATE_ERROR,
                },
                slots: count(now.slots.0),
                slots_used: count(now.slots.1),
                groups: count(now.groups.0),
                groups_used: count(now.groups.1),
                anchored: now.anchored.into(),
                groups_spent: count(now.groups_spent),
            });
            Ok(())
        })
    }
}

/// At most 256.
fn count(n: usize) -> u32 {
    u32::try_from(n).unwrap_or(u32::MAX)
}

/// A tamper event: erases every key, then marks the storage, so that the next start is tampered, too. All commands but
/// `payhsm_state`, self-tests, `payhsm_wipe`, the log and `payhsm_close` are refused from now on;
/// `payhsm_reinitialise` after a new start leads out.
///
/// From a callback while a call on the same context runs the answer is `PAYHSM_ERR_BAD_STATE`: keys are erased when that
/// call ends, or before. For interrupts there is `payhsm_tamper_signal`.
///
/// Returns: `PAYHSM_OK`; `PAYHSM_ERR_NULL_POINTER`, `PAYHSM_ERR_MISALIGNED`, `PAYHSM_ERR_BAD_STATE` (not a live
/// context, or a call is running).
///
/// # Safety
/// As `payhsm_close`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn payhsm_tamper(ctx: *mut PayhsmCtx) -> Status {
    // SAFETY: the caller's. The flag lies outside the module, which a running call has borrowed.
    unsafe {
        if is_live(ctx) {
            (*ctx).tampered.store(true, Ordering::Release);
        }
        run(ctx, &[], &[], |module| {
            module.enter();
            Ok(())
        })
    }
}

/// A tamper event that an interrupt of the same processor reports: bounded, without callbacks, idempotent.
///
/// - While no call runs on the context every key is erased before this returns. The mark in the storage follows with the next
///   call, which may be `payhsm_state`.
/// - While a call runs it is told to stop: it makes no further callback, and when it ends, at the latest after the
///   computation that was interrupted, keys are erased first, then its outputs, and it returns `PAYHSM_ERR_TAMPERED`. Its
///   memory is not touched from here: two writers at a time have no defined result. A device whose tamper reaction may not
///   wait for the longest call cuts the power of that memory.
///
/// Returns: `PAYHSM_OK` if every key is erased; `PAYHSM_ERR_BAD_STATE` if a call is running, which will erase them;
/// `PAYHSM_ERR_NULL_POINTER`, `PAYHSM_ERR_MISALIGNED`, `PAYHSM_ERR_INVALID_HANDLE` (not a live context).
///
/// # Safety
/// `ctx` is `NULL` or came from `payhsm_init`; it may have been closed if its memory still is there. Calls of one context
/// come from one processor: the interrupted code does not go on before this returns.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn payhsm_tamper_signal(ctx: *mut PayhsmCtx) -> Status {
    if ctx.is_null() {
        return Error::NullPointer.code();
    }
    if !ctx.is_aligned() {
        return Error::Misaligned.code();
    }
    // SAFETY: by the caller's contract. Nothing but the atomics is touched while a call runs; while none does, nobody else
    // has borrowed the module, and no call can begin before this returns.
    unsafe {
        if !is_live(ctx) {
            return Error::InvalidHandle.code();
        }
        (*ctx).tampered.store(true, Ordering::Release);
        if (*ctx).busy.load(Ordering::Acquire) {
            return Error::BadState.code();
        }
        (*ctx).busy.store(true, Ordering::Release);
        (*ctx).module.tamper_at_once();
        (*ctx).busy.store(false, Ordering::Release);
    }
    PAYHSM_OK
}

/// # Safety
/// As [`payhsm_close`].
unsafe fn is_live(ctx: *mut PayhsmCtx) -> bool {
    // SAFETY: the caller's.
    unsafe { !ctx.is_null() && ctx.is_aligned() && (*ctx).magic == MAGIC && (*ctx).mirror == !MAGIC }
}

/// Random bytes from the entropy callback.
///
/// Parameters: `out`, `out_len`: filled whole.
///
/// Returns: `PAYHSM_OK`; `PAYHSM_ERR_NULL_POINTER`, `PAYHSM_ERR_MISALIGNED`, `PAYHSM_ERR_BAD_STATE`,
/// `PAYHSM_ERR_TAMPERED`, `PAYHSM_ERR_ENTROPY`.
///
/// # Safety
/// As `payhsm_close`; C1 to C3 for `out`.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn payhsm_random(ctx: *mut PayhsmCtx, out: *mut u8, out_len: usize) -> Status {
    // SAFETY: the caller's.
    unsafe {
        run(ctx, &[Place::bytes(out, out_len)], &[], |module| {
            module.random(memory::output(out, out_len)?)
        })
    }
}
