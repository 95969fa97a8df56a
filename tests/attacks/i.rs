// SPDX-License-Identifier: MIT OR Apache-2.0
//! I. The interface, in Rust and in C.
#![allow(unsafe_code)]

use core::ffi::c_void;
use core::ptr;

use payhsm::capi::{
    PAYHSM_ABI_VERSION, PAYHSM_CTX_BASE_SIZE, PAYHSM_GROUP_SIZE, PAYHSM_SLOT_SIZE, PayhsmConfig, PayhsmCtx,
    PayhsmKeyAttributes, PayhsmQuestion, payhsm_close, payhsm_component_begin, payhsm_data_encipher, payhsm_init,
    payhsm_key_generate, payhsm_random,
};
use payhsm::error::Error;
use payhsm::hsm::KeyHandle;
use payhsm::policy::Policy;

use crate::catalogue::{attack, attack_fails, figure, is_full};
use crate::common::{Device, attributes, key, module, start};

/// A device in C: random bytes, and what its decision callback was told when it called back.
struct Callbacks {
    ctx: *mut PayhsmCtx,
    answer: i32,
    state: u64,
}

unsafe extern "C" fn entropy(user: *mut c_void, out: *mut u8, len: usize) -> i32 {
    // SAFETY: `user` is the device of the test, `out` has `len` bytes.
    unsafe {
        let device = &mut *user.cast::<Callbacks>();
        for at in 0..len {
            device.state = device
                .state
                .wrapping_mul(0x5851_F42D_4C95_7F2D)
                .wrapping_add(0x1405_7B7E_F767_814F);
            *out.add(at) = device.state.to_be_bytes()[0];
        }
    }
    0
}

unsafe extern "C" fn decide(user: *mut c_void, _: *const PayhsmQuestion) -> i32 {
    let mut out = [0; 8];
    // SAFETY: `user` is the device of the test; the context is alive.
    unsafe {
        let device = user.cast::<Callbacks>();
        let ctx = (*device).ctx;
        (*device).answer = payhsm_random(ctx, out.as_mut_ptr(), out.len());
    }
    0
}

/// A context in memory of its own, with a data key.
struct Context {
    ctx: *mut PayhsmCtx,
    device: Box<Callbacks>,
    key: u32,
    _memory: Vec<u128>,
}

impl Context {
    fn new() -> Self {
        let size = PAYHSM_CTX_BASE_SIZE + 2 * PAYHSM_SLOT_SIZE + PAYHSM_GROUP_SIZE;
        let mut memory = vec![0_u128; size / 16 + 1];
        let mut device = Box::new(Callbacks {
            ctx: ptr::null_mut(),
            answer: 1,
            state: 5,
        });
        // SAFETY: every field of the configuration may be zero.
        let mut config: PayhsmConfig = unsafe { core::mem::zeroed() };
        config.size = u32::try_from(size_of::<PayhsmConfig>()).unwrap();
        config.abi_version = PAYHSM_ABI_VERSION;
        (config.slots, config.groups) = (2, 1);
        config.user = ptr::from_mut(&mut *device).cast();
        config.entropy = Some(entropy);
        config.decide = Some(decide);
        let mut ctx = ptr::null_mut();
        // SAFETY: memory of the size that the header says, aligned to 16.
        let status = unsafe {
            payhsm_init(
                memory.as_mut_ptr().cast(),
                memory.len() * 16,
                &raw const config,
                &raw mut ctx,
            )
        };
        assert_eq!(status, 0);
        device.ctx = ctx;
        let wanted = c_attributes(*b"D0", b'A', b'B');
        let (mut handle, mut info) = (0, payhsm::capi::PayhsmKeyInfo::default());
        // SAFETY: live context, places of their types.
        let status = unsafe { payhsm_key_generate(ctx, &raw const wanted, 16, &raw mut handle, &raw mut info) };
        assert_eq!(status, 0);
        Self {
            ctx,
            device,
            key: handle,
            _memory: memory,
        }
    }
}

impl Drop for Context {
    fn drop(&mut self) {
        // SAFETY: a live context.
        let _ = unsafe { payhsm_close(self.ctx) };
    }
}

fn error_of(status: i32) -> Result<(), Error> {
    let known = [
        Error::Overlap,
        Error::BadState,
        Error::NullPointer,
        Error::BufferTooSmall,
        Error::Misaligned,
    ];
    if status == 0 {
        return Ok(());
    }
    Err(known
        .into_iter()
        .find(|error| error.code() == status)
        .unwrap_or(Error::Internal))
}

fn c_attributes(usage: [u8; 2], algorithm: u8, mode: u8) -> PayhsmKeyAttributes {
    PayhsmKeyAttributes {
        usage,
        algorithm,
        mode,
        version: *b"00",
        exportability: b'N',
        reserved: 0,
    }
}

/// Pointers and lengths that are none; outputs in the place of inputs. Each function: `examples/c/pointers.c`.
#[test]
fn i01_pointers_are_judged_before_they_are_used() {
    let encipher = |iv: *const u8, iv_len, data: *const u8, len, out: *mut u8, capacity| {
        let context = Context::new();
        let mut written = 77;
        // SAFETY: the pointers are NULL or have as many bytes; where they overlap is judged first.
        let status = unsafe {
            payhsm_data_encipher(
                context.ctx,
                context.key,
                iv,
                iv_len,
                data,
                len,
                out,
                capacity,
                &raw mut written,
            )
        };
        assert!(written != 77 || status == Error::Overlap.code());
        error_of(status)
    };
    let (iv, data) = ([1; 16], [2; 16]);
    // Guard bytes around what a call may write.
    let mut out = [0x5A; 48];
    let at = out[16..].as_mut_ptr();
    let (iv_at, data_at) = (iv.as_ptr(), data.as_ptr());
    for (result, error) in [
        (encipher(ptr::null(), 16, data_at, 16, at, 16), Error::NullPointer),
        (encipher(iv_at, 16, ptr::null(), 16, at, 16), Error::NullPointer),
        (
            encipher(iv_at, 16, data_at, 16, ptr::null_mut(), 16),
            Error::NullPointer,
        ),
        (encipher(iv_at, 16, data_at, 16, at, 15), Error::BufferTooSmall),
    ] {
        assert_eq!(result, Err(error));
    }
    assert_eq!((&out[..16], &out[32..]), (&[0x5A; 16][..], &[0x5A; 16][..]));
    assert!(encipher(iv_at, 16, data_at, usize::MAX, at, 16).is_err());
    assert_eq!(encipher(iv_at, 16, data_at, 16, at, 16), Ok(()));
    assert_eq!((&out[..16], &out[32..]), (&[0x5A; 16][..], &[0x5A; 16][..]));
    attack("I01", Error::Overlap, || {
        let mut shared = [3; 32];
        let at = shared.as_mut_ptr();
        encipher(at.cast_const(), 16, data.as_ptr(), 16, at.wrapping_add(8), 16)
    });
}

/// Handles of keys that are gone, of other contexts, of nobody.
#[test]
fn i02_a_handle_names_one_key() {
    attack("I02", Error::InvalidHandle, || {
        let mut hsm = module(&Device::new(1));
        let old = key(&mut hsm, "D0", 'T', 'B', 60);
        hsm.key_erase(old).unwrap();
        key(&mut hsm, "D0", 'T', 'B', 61);
        hsm.key_info(old)
    });
    let mut hsm = module(&Device::new(1));
    let own = key(&mut hsm, "D0", 'T', 'B', 60);
    let foreign = key(&mut module(&Device::new(2)), "D0", 'T', 'B', 60);
    assert_eq!(hsm.key_info(foreign).err(), Some(Error::InvalidHandle));
    let count = if is_full() { 1_000_000 } else { 100_000_u32 };
    let (mut state, mut named) = (1_u32, 0);
    for _ in 0..count {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let raw = (state & 0x0FFF_FFFF) | 0x1000_0000;
        let handle = KeyHandle::from_raw(raw).unwrap();
        named += u32::from(handle != own && hsm.key_info(handle).is_ok());
    }
    figure("I02", &format!("{named} of {count} random handles name a key"));
    assert_eq!(named, 0);
}

/// A state has its commands; memory that is no context has none.
#[test]
fn i03_each_state_has_its_commands() {
    attack("I03", Error::Tampered, || {
        let mut hsm = module(&Device::new(1));
        hsm.tamper();
        hsm.pin_profile_register(&crate::common::profile_3624())
    });
    attack("I03.context", Error::BadState, || {
        let context = Context::new();
        // The mark of a live context, as a closed one has it.
        let mut out = [0; 8];
        // SAFETY: the context's memory is ours; the mark is its first number, put back below.
        unsafe {
            let mark = context.ctx.cast::<u32>();
            let places = (0..PAYHSM_CTX_BASE_SIZE / 4)
                .filter(|&at| mark.add(at).read() == 0x5048_534D)
                .collect::<Vec<_>>();
            places.iter().for_each(|&at| mark.add(at).write(0));
            let status = payhsm_random(context.ctx, out.as_mut_ptr(), out.len());
            places.iter().for_each(|&at| mark.add(at).write(0x5048_534D));
            error_of(status)
        }
    });
}

/// A callback that calls back.
#[test]
fn i04_no_way_in_from_a_callback() {
    attack("I04", Error::BadState, || {
        let context = Context::new();
        let wanted = c_attributes(*b"D0", b'A', b'B');
        // SAFETY: a live context; the question comes during the call.
        let status = unsafe { payhsm_component_begin(context.ctx, &raw const wanted, 16, 2, ptr::null(), 0) };
        assert_eq!(status, 0);
        error_of(context.device.answer)
    });
}

/// Random sequences of commands beside a model that knows which must work.
#[test]
fn i05_random_sequences_against_a_model() {
    attack_fails("I05", || {
        let (sequences, steps) = if is_full() { (200_000, 50) } else { (100, 50) };
        let (mut divergences, mut calls, mut state) = (0, 0, 7_u64);
        let mut next = |n: u64| {
            state = state
                .wrapping_mul(0x5851_F42D_4C95_7F2D)
                .wrapping_add(0x1405_7B7E_F767_814F);
            (state >> 33) % n
        };
        for sequence in 0..sequences {
            let mut hsm = start(&Device::new(sequence), Policy::STRICT, 4, 1).unwrap();
            // Handles that were ever given, with the mode of the key, while it lives.
            let mut handles: Vec<(KeyHandle, Option<char>)> = Vec::new();
            for _ in 0..steps {
                calls += 1;
                let living = handles.iter().filter(|(_, mode)| mode.is_some()).count();
                let at = if handles.is_empty() {
                    None
                } else {
                    Some(usize::try_from(next(handles.len() as u64)).unwrap())
                };
                let (result, expected) = match (next(4), at) {
                    (0, _) | (_, None) => {
                        let mode = ['E', 'D', 'B'][usize::try_from(next(3)).unwrap()];
                        let made = hsm.key_generate(&attributes("D0", 'A', mode, 'N'), 16);
                        let result = made.map(|made| handles.push((made.key, Some(mode))));
                        (result, if living == 4 { Err(Error::SlotsFull) } else { Ok(()) })
                    }
                    (1, Some(at)) => {
                        let expected = handles[at].1.take().map(|_| ()).ok_or(Error::InvalidHandle);
                        (hsm.key_erase(handles[at].0), expected)
                    }
                    (command, Some(at)) => {
                        let (handle, mode) = handles[at];
                        let (allowed, mut data) = (if command == 2 { "EB" } else { "DB" }, [9; 16]);
                        let result = match command {
                            2 => hsm.data_encipher(handle.into(), &[0; 16], &mut data),
                            _ => hsm.data_decipher(handle.into(), &[0; 16], &mut data),
                        };
                        let expected = match mode {
                            None => Err(Error::InvalidHandle),
                            Some(mode) if allowed.contains(mode) => Ok(()),
                            Some(_) => Err(Error::ModeNotPermitted),
                        };
                        (result, expected)
                    }
                };
                divergences += u32::from(result != expected);
            }
        }
        figure(
            "I05",
            &format!("{divergences} divergences in {calls} calls of {sequences} sequences"),
        );
        divergences > 0
    });
}
