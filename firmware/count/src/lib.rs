// SPDX-License-Identifier: MIT OR Apache-2.0
//! The operations whose instructions `scripts/instructions` counts, each between `count_begin` and `count_end`. What
//! an operation gives goes to `count_result`: `peer.c` computes the same with mbedTLS, and the script compares.
//!
//! The scheme layer, without slots and storage: what a table-driven library is compared with.
#![no_std]

use core::ffi::{CStr, c_char};
use core::hint::black_box;

use payhsm::cipher::aes::Aes as AesCipher;
use payhsm::cipher::modes;
use payhsm::cipher::tdes::{Des, Tdes};
use payhsm::dukpt::{Unstored, aes, tdes};
use payhsm::entropy::Entropy;
use payhsm::error::Error;
use payhsm::key::role::{InitialKey, Kbpk, MacKey, PinEncryption};
use payhsm::key::{Aes, Key, Tdea, mac};
use payhsm::keyblock::{KbpkRef, KeyBlock, Payload, Profile};
use payhsm::pin::block::{self, Format};
use payhsm::pin::{Pan, Pin};

unsafe extern "C" {
    fn count_begin(name: *const c_char);
    fn count_end();
    fn count_same(name: *const c_char);
    fn count_result(bytes: *const u8, len: usize);
}

const KEY: [u8; 32] = [
    0x01, 0x23, 0x45, 0x67, 0x89, 0xAB, 0xCD, 0xEF, 0xFE, 0xDC, 0xBA, 0x98, 0x76, 0x54, 0x32, 0x10, 0x11, 0x22, 0x33,
    0x44, 0x55, 0x66, 0x77, 0x88, 0x99, 0xAA, 0xBB, 0xCC, 0xDD, 0xEE, 0xFF, 0x00,
];

/// A version D block of a two-key TDEA PIN key under the first 16 bytes of [`KEY`].
const BLOCK: &[u8] = include_bytes!("../block.txt");

/// Transactions of a terminal, from the first one on.
const STEPS: usize = 1024;

/// Counts one run of `operation`.
#[inline(always)]
fn count<T>(name: &CStr, operation: impl FnOnce() -> T) -> T {
    // SAFETY: the board's functions: a name that ends with zero, no state but their own.
    unsafe { count_begin(name.as_ptr()) };
    let result = operation();
    black_box(&result);
    // SAFETY: as above.
    unsafe { count_end() };
    result
}

fn result(bytes: &[u8]) {
    // SAFETY: reads `len` bytes.
    unsafe { count_result(bytes.as_ptr(), bytes.len()) };
}

/// The fill of format 4, for the peer to repeat.
struct Fill;

impl Entropy for Fill {
    fn fill(&mut self, out: &mut [u8]) -> Result<(), Error> {
        // Distinct bytes: a source that repeats itself is refused.
        for (byte, n) in out.iter_mut().zip(0x51..) {
            *byte = n;
        }
        Ok(())
    }
}

/// Everything, in the order of the table. 0, or 1 if an operation failed.
#[unsafe(no_mangle)]
extern "C" fn payhsm_count() -> i32 {
    match ciphers().and_then(|()| tdea()).and_then(|()| aes_keys()) {
        Ok(()) => 0,
        Err(_) => 1,
    }
}

/// Keys, blocks and PINs that differ in every bit, in one bit, in their ends: what takes as long with all of them is said
/// to be the same.
const SECRETS: usize = 16;

fn secret<const N: usize>(n: usize) -> [u8; N] {
    let n = u32::try_from(n).unwrap_or(0);
    let mut state = n;
    core::array::from_fn(|i| {
        state = state.wrapping_mul(0x0019_660D).wrapping_add(0x3C6E_F35F);
        match n {
            0 => KEY.get(i).copied().unwrap_or(0),
            1 => 0,
            2 => 0xFF,
            3 => u8::from(i == 0),
            4 => u8::from(i.wrapping_add(1) == N) << 7,
            _ => state.to_be_bytes()[0],
        }
    })
}

/// Every run of the operation must take as many instructions as the others.
fn same(name: &CStr) {
    // SAFETY: as in `count`.
    unsafe { count_same(name.as_ptr()) };
}

fn ciphers() -> Result<(), Error> {
    for n in (0..SECRETS).map(black_box) {
        let key = black_box(secret::<8>(n));
        let des = count(c"DES key setup", || Des::new(&key));
        if n == 0 {
            result(&des.encrypt([0x42; 8]));
        }
        let block = black_box(secret::<8>(SECRETS.wrapping_sub(n)));
        black_box(count(c"DES block", || des.encrypt(block)));
    }
    for n in (0..SECRETS).map(black_box) {
        let key = black_box(secret::<16>(n));
        let tdea = count(c"TDEA key setup, two keys", || Tdes::new(&key))?;
        let block = black_box(if n == 0 {
            [0x42; 8]
        } else {
            secret(SECRETS.wrapping_sub(n))
        });
        let enciphered = count(c"TDEA block, encipher", || tdea.encrypt(block));
        let deciphered = count(c"TDEA block, decipher", || tdea.decrypt(block));
        if n == 0 {
            result(&enciphered);
            result(&deciphered);
        }
    }
    for n in (0..SECRETS).map(black_box) {
        let key = black_box(secret::<16>(n));
        let aes = count(c"AES-128 key setup", || AesCipher::new(&key))?;
        let mut block = black_box(if n == 0 {
            [0x42; 16]
        } else {
            secret(SECRETS.wrapping_sub(n))
        });
        count(c"AES-128 block", || modes::ecb_encrypt(&aes, &mut block))?;
        if n == 0 {
            result(&block);
        }
    }
    for name in [
        c"DES key setup",
        c"DES block",
        c"TDEA key setup, two keys",
        c"TDEA block, encipher",
        c"TDEA block, decipher",
        c"AES-128 key setup",
        c"AES-128 block",
    ] {
        same(name);
    }
    Ok(())
}

fn pan() -> Result<Pan, Error> {
    Pan::parse(b"4761739001010010")
}

fn pin() -> Result<Pin, Error> {
    Pin::from_entry(4, &[1, 2, 3, 4, 0, 0, 0, 0, 0, 0, 0, 0])
}

/// PINs of 4 to 12 digits.
fn pins() -> impl Iterator<Item = Result<Pin, Error>> {
    (4..=12).map(|len| {
        let digits = core::array::from_fn(|i| {
            if i < usize::from(len) {
                (9_u8).wrapping_sub(len / 2)
            } else {
                0
            }
        });
        Pin::from_entry(len, &digits)
    })
}

fn tdea() -> Result<(), Error> {
    let (key, _) = KEY.split_at(16);
    let mut initial = Key::<InitialKey, Tdea>::from_bytes(key)?;
    let id = tdes::Ksn::parse(&[0xFF, 0xFF, 0x98, 0x76, 0x54, 0x32, 0x10, 0xE0, 0, 0])?.initial_key_id();
    let mut terminal = tdes::Terminal::empty();
    count(c"TDEA DUKPT load", || terminal.load(&mut initial, &id, &mut Unstored))?;
    let mut transaction = tdes::Transaction::empty();
    for _ in 0..STEPS {
        count(c"TDEA DUKPT next", || terminal.step(&mut Unstored, &mut transaction))?;
    }
    result(transaction.key_bytes());
    let mut pin_key = Key::<PinEncryption, Tdea>::empty();
    count(c"TDEA DUKPT PIN key", || transaction.pin_key(&mut pin_key))?;
    let pan = pan()?;
    for (n, pin) in core::iter::once(pin()).chain(pins()).enumerate() {
        let n = black_box(n);
        let (pin, mut pin_block) = (pin?, [0; 8]);
        count(c"PIN block, format 0", || {
            block::encipher_tdea(&pin_key, Format::Iso0, &pin, Some(&pan), &mut Fill, &mut pin_block)
        })?;
        if n == 0 {
            result(&pin_block);
        }
    }
    same(c"PIN block, format 0");
    for n in (0..SECRETS).map(black_box) {
        let key = Key::<MacKey, Tdea>::from_bytes(&black_box(secret::<16>(n)))?;
        let message = black_box(if n == 0 {
            [0x42; 128]
        } else {
            secret(SECRETS.wrapping_sub(n))
        });
        let mut tag = [0; 8];
        count(c"X9.19 MAC, 128 bytes", || {
            let mut mac = mac::Retail::new(&key, mac::Padding::Method1)?;
            mac.update(&message);
            mac.finish(&mut tag)
        })?;
        if n == 0 {
            result(&tag);
        }
    }
    same(c"X9.19 MAC, 128 bytes");
    Ok(())
}

fn aes_keys() -> Result<(), Error> {
    let (key, _) = KEY.split_at(16);
    let kbpk = Key::<Kbpk, Aes>::from_bytes(key)?;
    let mut unwrapped = Key::<PinEncryption, Tdea>::empty();
    count(c"key block D, unwrap", || {
        let mut payload = Payload::empty();
        KeyBlock::parse(black_box(BLOCK.trim_ascii_end()), Profile::X9143Strict)?
            .verify(KbpkRef::Aes(&kbpk), &mut payload)?
            .unwrap_into(&mut unwrapped)
    })?;
    let (pin, pan) = (pin()?, pan()?);
    let mut pin_block = [0; 8];
    block::encipher_tdea(&unwrapped, Format::Iso0, &pin, Some(&pan), &mut Fill, &mut pin_block)?;
    result(&pin_block);

    let mut initial = Key::<InitialKey, Aes>::from_bytes(key)?;
    let id = aes::InitialKeyId::parse(&[0x12, 0x34, 0x56, 0x78, 0x90, 0x12, 0x34, 0x56])?;
    let mut terminal = aes::Terminal::empty();
    count(c"AES DUKPT load", || terminal.load(&mut initial, &id, &mut Unstored))?;
    let mut transaction = aes::Transaction::empty();
    for _ in 0..STEPS {
        count(c"AES DUKPT next", || terminal.step(&mut Unstored, &mut transaction))?;
    }
    let mut pin_key = Key::<PinEncryption, Aes>::empty();
    count(c"AES DUKPT PIN key", || {
        transaction.working_key(aes::KeyType::Aes128, &mut pin_key)
    })?;
    for (n, pin) in core::iter::once(Ok(pin)).chain(pins()).enumerate() {
        let n = black_box(n);
        let (pin, mut pin_block) = (pin?, [0; 16]);
        count(c"PIN block, format 4", || {
            block::encipher_aes(&pin_key, &pin, &pan, &mut Fill, &mut pin_block)
        })?;
        if n == 0 {
            result(&pin_block);
        }
    }
    same(c"PIN block, format 4");

    let key = Key::<MacKey, Aes>::from_bytes(key)?;
    let message = black_box([0x42; 128]);
    let mut tag = [0; 16];
    count(c"AES CMAC, 128 bytes", || {
        let mut mac = mac::CmacAes::new(&key)?;
        mac.update(&message);
        mac.finish(&mut tag)
    })?;
    result(&tag);
    Ok(())
}

#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    // SAFETY: the image does not come back from it.
    unsafe {
        unsafe extern "C" {
            fn count_panic() -> !;
        }
        count_panic()
    }
}
