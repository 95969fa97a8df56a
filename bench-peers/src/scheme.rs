// SPDX-License-Identifier: MIT OR Apache-2.0
//! The schemes as a peer's user writes them: as short as they go, no checks, nothing wiped.

use crate::cipher::{Aes, Block, Des, Tdea};

fn xor<const N: usize>(a: [u8; N], b: [u8; N]) -> [u8; N] {
    core::array::from_fn(|i| a[i] ^ b[i])
}

fn halves(key: &[u8; 16]) -> (Block, Block) {
    (key[..8].try_into().unwrap(), key[8..].try_into().unwrap())
}

fn joined(left: Block, right: Block) -> [u8; 16] {
    core::array::from_fn(|i| if i < 8 { left[i] } else { right[i - 8] })
}

const C0: [u8; 16] = [0xC0, 0xC0, 0xC0, 0xC0, 0, 0, 0, 0, 0xC0, 0xC0, 0xC0, 0xC0, 0, 0, 0, 0];

/// X9.24-1, A.2: the key below `key`.
fn below<D: Des>(key: &[u8; 16], r8: Block) -> [u8; 16] {
    let half = |key: [u8; 16]| {
        let (left, right) = halves(&key);
        xor(D::new(&left).encrypt(xor(r8, right)), right)
    };
    joined(half(xor(*key, C0)), half(*key))
}

/// From BDK and KSN to the clear PIN field.
pub fn dukpt_tdes_pin<D: Des, T: Tdea>(bdk: &[u8; 16], ksn: &[u8; 10], block: Block, pan: Block) -> Block {
    xor(T::decrypt(&dukpt_tdes_pin_key::<D, T>(bdk, ksn), block), pan)
}

/// The PIN key of a transaction.
pub fn dukpt_tdes_pin_key<D: Des, T: Tdea>(bdk: &[u8; 16], ksn: &[u8; 10]) -> [u8; 16] {
    let mut id: Block = ksn[..8].try_into().unwrap();
    id[7] &= 0xE0;
    let mut key = joined(T::new(bdk).encrypt(id), T::new(&xor(*bdk, C0)).encrypt(id));
    let mut r8: Block = ksn[2..].try_into().unwrap();
    let counter = u32::from_be_bytes([0, r8[5] & 0x1F, r8[6], r8[7]]);
    r8[5] &= 0xE0;
    (r8[6], r8[7]) = (0, 0);
    for bit in (0..21).rev().filter(|bit| counter >> bit & 1 == 1) {
        let [_, a, b, c] = (1_u32 << bit).to_be_bytes();
        r8[5] |= a;
        r8[6] |= b;
        r8[7] |= c;
        key = below::<D>(&key, r8);
    }
    key[7] ^= 0xFF;
    key[15] ^= 0xFF;
    key
}

/// Retail MAC of whole blocks.
pub fn retail<D: Des>(key: &[u8; 16], message: &[u8]) -> Block {
    let (left, right) = halves(key);
    let left = D::new(&left);
    left.encrypt(D::decrypt(&right, left.cbc_mac(message)))
}

/// The request MAC of a DUKPT transaction over whole blocks.
pub fn dukpt_tdes_mac<D: Des, T: Tdea>(bdk: &[u8; 16], ksn: &[u8; 10], message: &[u8]) -> Block {
    let mut key = dukpt_tdes_pin_key::<D, T>(bdk, ksn);
    // From the PIN key's variant to that of a request.
    for half in [0, 8] {
        key[half + 7] ^= 0xFF;
        key[half + 6] ^= 0xFF;
    }
    retail::<D>(&key, message)
}

/// A card verification value of three digits over two blocks.
pub fn cvv<D: Des, T: Tdea>(key: &[u8; 16], [first, second]: [Block; 2]) -> [u8; 3] {
    let (left, _) = halves(key);
    let block = T::new(key).encrypt(xor(D::new(&left).encrypt(first), second));
    let nibbles = || block.into_iter().flat_map(|byte| [byte >> 4, byte & 15]);
    let mut digits = nibbles()
        .filter(|n| *n < 10)
        .chain(nibbles().filter(|n| *n > 9).map(|n| n - 10));
    core::array::from_fn(|_| digits.next().unwrap())
}

/// ICC master key (option A), session key (common), cryptogram over padded data.
pub fn arqc<D: Des, T: Tdea>(imk: &[u8; 16], y: Block, atc: [u8; 2], data: &[u8]) -> Block {
    let pair = |cipher: T, a: Block, b: Block| joined(cipher.encrypt(a), cipher.encrypt(b));
    let mk = odd(pair(T::new(imk), y, y.map(|byte| !byte)));
    let r = |n| [atc[0], atc[1], n, 0, 0, 0, 0, 0];
    retail::<D>(&pair(T::new(&mk), r(0xF0), r(0x0F)), data)
}

/// Odd parity.
fn odd(key: [u8; 16]) -> [u8; 16] {
    key.map(|byte| byte & 0xFE | u8::from((byte >> 1).count_ones() & 1 == 0))
}

/// X9.24-3, 6.3.3: the key of the AES-128 key `key`.
fn derived<A: Aes>(key: &[u8; 16], usage: u8, context: [u8; 8]) -> [u8; 16] {
    let mut data = [1, 1, usage, 0, 0, 2, 0, 0x80, 0, 0, 0, 0, 0, 0, 0, 0];
    data[8..].copy_from_slice(&context);
    if usage == 0x81 {
        (data[2], data[3]) = (0x80, 0x01);
    }
    A::new(key).encrypt(data)
}

/// From BDK and KSN to the clear PIN field of format 4.
pub fn dukpt_aes_pin<A: Aes>(bdk: &[u8; 16], id: [u8; 8], counter: u32, block: [u8; 16], pan: [u8; 16]) -> [u8; 16] {
    let key = dukpt_aes_pin_key::<A>(bdk, id, counter);
    A::decrypt(&key, xor(A::decrypt(&key, block), pan))
}

/// The PIN key of a transaction.
pub fn dukpt_aes_pin_key<A: Aes>(bdk: &[u8; 16], id: [u8; 8], counter: u32) -> [u8; 16] {
    dukpt_aes_key::<A>(bdk, id, counter, 0x10)
}

/// The key of a request's MAC.
pub fn dukpt_aes_mac_key<A: Aes>(bdk: &[u8; 16], id: [u8; 8], counter: u32) -> [u8; 16] {
    dukpt_aes_key::<A>(bdk, id, counter, 0x20)
}

fn dukpt_aes_key<A: Aes>(bdk: &[u8; 16], id: [u8; 8], counter: u32, usage: u8) -> [u8; 16] {
    let context = |counter: u32| {
        let (id, counter) = (&id[4..], counter.to_be_bytes());
        core::array::from_fn(|i| if i < 4 { id[i] } else { counter[i - 4] })
    };
    // Usage 8001: an initial key.
    let mut key = derived::<A>(bdk, 0x81, id);
    let mut done = 0;
    for bit in (0..32).rev().filter(|bit| counter >> bit & 1 == 1) {
        done |= 1 << bit;
        key = derived::<A>(&key, 0x80, context(done));
    }
    derived::<A>(&key, usage, context(counter))
}
