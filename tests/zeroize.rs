// SPDX-License-Identifier: MIT OR Apache-2.0
//! Secrets are gone from memory when their owner is dropped.
//!
//! Each type is built twice in place, from secrets that differ in every byte and from equal public data. Bytes that differ
//! between the two images are secret. Then both are dropped in place and the memory is read: every one of those bytes must
//! be zero.
//!
//! What this shows: the destructor runs over every secret byte of the value, and the compiler did not take the writes for
//! dead. What it cannot show: copies elsewhere, on the stack or in registers, that a move or a computation left behind.
//! Those are looked for where the library is called from outside, on the whole stack of a target image. For the same
//! reason bytes of the place that belong to no field are not counted: the padding behind fields (runs of less than eight
//! bytes), and in an `Aes` the room for a longer key's schedule. A move may fill both with what lay on the stack.
#![cfg(feature = "hazmat")]
#![allow(unsafe_code)]

use core::mem::{MaybeUninit, size_of};

use payhsm::cipher::aes::Aes;
use payhsm::cipher::tdes::{Des, Tdes};
use payhsm::key::role::{Bdk, MacKey};
use payhsm::key::{self, Key};
use payhsm::mac::Mac;
use payhsm::mac::cmac::{CmacAes, CmacTdes};
use payhsm::mac::hmac::{HmacSha256, HmacSha384, HmacSha512};
use payhsm::mac::iso9797::{CbcMac, Padding, RetailMac};
use payhsm::secret::{Secret, SecretBuf};

/// The bytes of a place, whether or not a value lives there.
fn image<T>(place: &MaybeUninit<T>) -> Vec<u8> {
    let start = place.as_ptr().cast::<u8>();
    // SAFETY: the bytes lie within the place, which was zeroed before a value was written to it. Volatile, so that what
    // a destructor wrote is read from memory.
    (0..size_of::<T>())
        .map(|i| unsafe { start.add(i).read_volatile() })
        .collect()
}

/// Number of secret bytes of `T`, which must be zero after the drop. `make` gets a byte to build the secrets from.
fn secret_bytes<T>(make: impl Fn(u8) -> T) -> usize {
    secret_bytes_within(size_of::<T>(), make)
}

/// [`secret_bytes`] of the first `len` bytes.
fn secret_bytes_within<T>(len: usize, make: impl Fn(u8) -> T) -> usize {
    let mut places = [0x5A_u8, 0xA5].map(|seed| {
        let mut place = Box::new(MaybeUninit::<T>::zeroed());
        place.write(make(seed));
        place
    });
    let alive = places.each_ref().map(|place| image(place));
    for place in &mut places {
        // SAFETY: a value was written above, and is neither used nor dropped afterwards.
        unsafe { place.as_mut_ptr().drop_in_place() };
    }
    let dead = places.each_ref().map(|place| image(place));

    let secret: Vec<bool> = (0..len).map(|i| alive[0][i] != alive[1][i]).collect();
    for image in &dead {
        let left: Vec<usize> = (0..len).filter(|&i| secret[i] && image[i] != 0).collect();
        assert!(
            !left.windows(8).any(|run| run[7] - run[0] == 7),
            "{}: secret bytes survive at {left:?}",
            core::any::type_name::<T>()
        );
    }
    secret.iter().filter(|&&s| s).count()
}

/// Bytes that differ everywhere from those of the other seed.
fn bytes<const N: usize>(seed: u8) -> [u8; N] {
    core::array::from_fn(|i| seed ^ u8::try_from(i * 29 % 256).unwrap())
}

/// The test itself: a type without a destructor is caught.
#[test]
#[should_panic(expected = "survive")]
fn control() {
    secret_bytes(bytes::<32>);
}

#[test]
fn containers() {
    assert_eq!(
        secret_bytes(|seed| {
            let mut secret = Secret::<32>::zeroed();
            *secret.expose_mut() = bytes(seed);
            secret
        }),
        32
    );
    assert_eq!(
        secret_bytes(|seed| {
            let mut secret = SecretBuf::<64>::new();
            secret.set(&bytes::<40>(seed)).unwrap();
            secret
        }),
        40
    );
}

#[test]
fn shortened_buffers() {
    let mut place = Box::new(MaybeUninit::<SecretBuf<32>>::zeroed());
    let buf = place.write(SecretBuf::new());
    buf.set(&[0xEE; 32]).unwrap();
    buf.truncate(20);
    assert_eq!(image(&place).iter().filter(|&&b| b == 0xEE).count(), 20);
    // SAFETY: written above.
    let buf = unsafe { place.assume_init_mut() };
    buf.reset(10).unwrap();
    assert_eq!(image(&place).iter().filter(|&&b| b == 0xEE).count(), 0);
    // SAFETY: written above; a refused `set` empties the buffer.
    let buf = unsafe { place.assume_init_mut() };
    buf.set(&[0xEE; 32]).unwrap();
    assert!(buf.set(&[0xDD; 33]).is_err());
    assert_eq!(image(&place).iter().filter(|&&b| b == 0xEE || b == 0xDD).count(), 0);
}

#[test]
fn keys() {
    assert_eq!(
        secret_bytes(|seed| Key::<Bdk, key::Tdea>::from_bytes(&bytes::<24>(seed)).unwrap()),
        24
    );
    assert_eq!(
        secret_bytes(|seed| Key::<Bdk, key::Aes>::from_bytes(&bytes::<32>(seed)).unwrap()),
        32
    );
    assert_eq!(
        secret_bytes(|seed| Key::<MacKey, key::Hmac>::from_bytes(&bytes::<64>(seed)).unwrap()),
        64
    );
}

// The exact number of secret bytes of a schedule is the cipher's affair; half of the round keys must at least differ.

#[test]
fn ciphers() {
    assert!(secret_bytes(|seed| Des::new(&bytes(seed))) >= 8 * 6);
    assert!(secret_bytes(|seed| Tdes::new(&bytes::<16>(seed)).unwrap()) >= 24 * 6);
    assert!(secret_bytes(|seed| Tdes::new(&bytes::<24>(seed)).unwrap()) >= 24 * 6);
    let len = |schedule: usize| size_of::<Aes>() - size_of::<aes::Aes256>() + schedule;
    let len_128 = len(size_of::<aes::Aes128>());
    assert!(secret_bytes_within(len_128, |seed| Aes::new(&bytes::<16>(seed)).unwrap()) >= 11 * 8);
    let len_192 = len(size_of::<aes::Aes192>());
    assert!(secret_bytes_within(len_192, |seed| Aes::new(&bytes::<24>(seed)).unwrap()) >= 13 * 8);
    assert!(secret_bytes(|seed| Aes::new(&bytes::<32>(seed)).unwrap()) >= 15 * 8);
}

/// In the middle of a message.
fn fed<M: Mac>(mut mac: M) -> M {
    mac.update(b"a message that is abandoned in the middle of its third block");
    mac
}

#[test]
fn macs() {
    let pad = Padding::Method2;
    assert!(secret_bytes(|seed| fed(RetailMac::new(&bytes::<16>(seed), pad).unwrap())) >= 16 * 6);
    assert!(secret_bytes(|seed| fed(CbcMac::new(Tdes::new(&bytes::<16>(seed)).unwrap(), pad))) >= 24 * 6);
    // The last eight bytes of both are there for the alignment of the AES schedule: no field is in them, and a move leaves
    // there what was on the stack.
    let len = size_of::<CbcMac<Aes>>() - 8;
    assert!(secret_bytes_within(len, |seed| fed(CbcMac::new(Aes::new(&bytes::<32>(seed)).unwrap(), pad))) >= 15 * 8);
    assert!(secret_bytes(|seed| fed(CmacTdes::new(&bytes::<16>(seed)).unwrap())) >= 24 * 6);
    let len = size_of::<CmacAes>() - 8;
    assert!(secret_bytes_within(len, |seed| fed(CmacAes::new(&bytes::<32>(seed)).unwrap())) >= 15 * 8);
    assert!(secret_bytes(|seed| fed(HmacSha256::new(&bytes::<32>(seed)).unwrap())) >= 32);
    assert!(secret_bytes(|seed| fed(HmacSha384::new(&bytes::<32>(seed)).unwrap())) >= 64);
    assert!(secret_bytes(|seed| fed(HmacSha512::new(&bytes::<32>(seed)).unwrap())) >= 64);
}
