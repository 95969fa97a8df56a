// SPDX-License-Identifier: MIT OR Apache-2.0
//! The key schedule: sixteen round keys by one transposition of bits.
//!
//! Round n uses the registers C and D (28 bits each) rotated left by t(n) = 1, 2, 4, 6, 8, 10, 12, 14, 15, 17, 19, 21, 23,
//! 25, 27, 28, and PC-2 selects 48 bits of them. The usual way permutes 16 times. Seen the other way round, one
//! selected bit j runs in the sixteen rounds through C[j + t(n) mod 28], and the rotations are two runs of even steps:
//!
//! ```text
//! t even: 2 4 6 8 10 12 14  and 28       t odd: 15 17 19 21 23 25 27  and 1
//! ```
//!
//! Keep the bits of C with even index in a stream E and those with odd index in a stream O, 14 bits each, and the
//! eight even rounds of a bit are eight *neighbours* in one stream, because 28 is where the stream begins again; the
//! eight odd ones are eight neighbours in the other. So the life of a selected bit is two bytes, each cut out of a
//! stream with one shift and one mask:
//!
//! ```text
//! j = 2m:       E[m] .. E[m + 7]  and  O[m + 7] .. O[m + 14]
//! j = 2m + 1:   O[m] .. O[m + 7]  and  E[m + 8] .. E[m + 15]          (indices modulo 14)
//! ```
//!
//! With the byte of the bit that belongs at position 8b + w of a round key in byte b of word w, a transposition
//! of 8 x 8 bits in all bytes at once turns eight words of lives into eight round keys. PC-2 and the engine's layout
//! cost nothing: they are the choice of where a byte is put.

use super::portable::nibbles;
use super::word::Word;
use super::{RoundKey, Rounds};

/// The two streams of a register, each with its first bit (the standard numbers from the left) at bit 13.
struct Streams {
    even: u32,
    odd: u32,
}

/// PC-1 and the split: (C, D).
///
/// PC-1 reads the bits of a rank from byte 7 to byte 0; so the odd bytes hold even indices and the even bytes odd
/// ones. [`nibbles`] collects four bytes by rank: C begins at the top, D at the bottom, without parity bits.
fn permuted_choice_1(key: &[u8; 8]) -> (Streams, Streams) {
    let [k0, k1, k2, k3, k4, k5, k6, k7] = *key;
    let even = nibbles(u32::from_le_bytes([k1, k5, k3, k7]));
    let odd = nibbles(u32::from_le_bytes([k0, k4, k2, k6]));
    let c = |x: u32| x >> 18;
    // Bits 7, 6, 5 of each byte upwards, then the half rank of bit 4.
    let d = |x: u32| ((x & 0xF0) << 6) | ((x & 0xF00) >> 2) | ((x >> 10) & 0x3C) | ((x >> 16) & 3);
    (
        Streams {
            even: c(even),
            odd: c(odd),
        },
        Streams {
            even: d(even),
            odd: d(odd),
        },
    )
}

/// Both cuts of a register, for even and odd j: the stream to be cut for rounds 8 to 2 and 16, and the one for rounds 1
/// and 15 to 9. Each stream is doubled, so that a cut may run over its end.
fn cuts(Streams { even, odd }: &Streams) -> [[u32; 2]; 2] {
    let (even, odd) = (even | (even << 14), odd | (odd << 14));
    [[even, odd >> 7], [odd, even >> 6]]
}

/// The streams of C for even and for odd j, and those of D: first those that are cut for rounds 8 to 2 and 16, then those
/// for rounds 1 and 15 to 9. The life of j = 2m or 2m + 1 begins at bit 20 - m (mod 14).
#[cfg(any(
    test,
    all(
        not(payhsm_portable),
        not(target_os = "none"),
        any(target_arch = "x86_64", all(target_arch = "aarch64", target_endian = "little"))
    )
))]
#[inline(always)]
pub(super) fn streams(key: &[u8; 8]) -> [[u32; 4]; 2] {
    let (c, d) = permuted_choice_1(key);
    let ([[c0, c2], [c1, c3]], [[d0, d2], [d1, d3]]) = (cuts(&c), cuts(&d));
    [[c0, c1, d0, d1], [c2, c3, d2, d3]]
}

/// Computes the round keys of `key`.
#[inline(never)]
pub(super) fn expand<W: Word>(key: &[u8; 8], rounds: &mut Rounds) {
    let (c, d) = permuted_choice_1(key);
    let [c0, c1] = cuts(&c);
    let [d0, d1] = cuts(&d);
    let [even, odd] = W::for_both([c0, c1, d0, d1], |streams| lives(streams).map(transpose));
    // A cut begins at the last of its rounds.
    let [e7, e6, e5, e4, e3, e2, e1, e15] = zip(even);
    let [o0, o14, o13, o12, o11, o10, o9, o8] = zip(odd);
    rounds.0 = [
        o0, e1, e2, e3, e4, e5, e6, e7, o8, o9, o10, o11, o12, o13, o14, e15,
    ];
}

fn zip([a, b]: [[u32; 8]; 2]) -> [RoundKey; 8] {
    let mut keys = [RoundKey([0; 2]); 8];
    for ((key, a), b) in keys.iter_mut().zip(a).zip(b) {
        *key = RoundKey([a, b]);
    }
    keys
}

/// The lives of the 32 bits of Ka and of the 16 of Kb, each in the byte and the word of its position.
#[inline(always)]
fn lives<W: Word>([c0, c1, d0, d1]: [W; 4]) -> [[W; 8]; 2] {
    let byte = |stream: W, start, to| (stream.right(start) & W::splat(0xFF)).left(to);
    let none = W::splat(0);
    [
        [
            byte(d1, 3, 0) | byte(d0, 12, 8) | byte(c1, 11, 16) | byte(c1, 4, 24),
            byte(d1, 10, 0) | byte(d0, 9, 8) | byte(c0, 7, 16) | byte(c0, 13, 24),
            byte(d0, 10, 0) | byte(d1, 9, 8) | byte(c0, 11, 16) | byte(c0, 12, 24),
            byte(d0, 4, 0) | byte(c0, 0, 8) | byte(c0, 10, 16) | byte(d0, 6, 24),
            byte(d1, 7, 0) | byte(d0, 2, 8) | byte(c1, 5, 16) | byte(c1, 9, 24),
            byte(d0, 1, 0) | byte(d0, 5, 8) | byte(c1, 1, 16) | byte(c0, 1, 24),
            byte(d1, 1, 0) | byte(c0, 3, 8) | byte(c1, 7, 16) | byte(d1, 0, 24),
            byte(d0, 11, 0) | byte(c1, 8, 8) | byte(c0, 6, 16) | byte(d1, 4, 24),
        ],
        [
            none,
            none,
            byte(d1, 11, 0) | byte(c1, 6, 8) | byte(c1, 2, 16) | byte(d1, 5, 24),
            byte(d1, 13, 0) | byte(d0, 0, 8) | byte(c0, 9, 16) | byte(c1, 0, 24),
            none,
            none,
            byte(d0, 7, 0) | byte(c1, 3, 8) | byte(c0, 4, 16) | byte(d0, 8, 24),
            byte(d1, 6, 0) | byte(c1, 13, 8) | byte(c0, 5, 16) | byte(d1, 12, 24),
        ],
    ]
}

/// Transposes the 8 x 8 bits that the words have in each of their bytes.
#[inline(always)]
fn transpose<W: Word>([w0, w1, w2, w3, w4, w5, w6, w7]: [W; 8]) -> [W; 8] {
    let exchange = |low: W, high: W, distance, mask| {
        let t = (low.right(distance) ^ high) & W::splat(mask);
        (low ^ t.left(distance), high ^ t)
    };
    let (w0, w4) = exchange(w0, w4, 4, 0x0F0F_0F0F);
    let (w1, w5) = exchange(w1, w5, 4, 0x0F0F_0F0F);
    let (w2, w6) = exchange(w2, w6, 4, 0x0F0F_0F0F);
    let (w3, w7) = exchange(w3, w7, 4, 0x0F0F_0F0F);
    let (w0, w2) = exchange(w0, w2, 2, 0x3333_3333);
    let (w1, w3) = exchange(w1, w3, 2, 0x3333_3333);
    let (w4, w6) = exchange(w4, w6, 2, 0x3333_3333);
    let (w5, w7) = exchange(w5, w7, 2, 0x3333_3333);
    let (w0, w1) = exchange(w0, w1, 1, 0x5555_5555);
    let (w2, w3) = exchange(w2, w3, 1, 0x5555_5555);
    let (w4, w5) = exchange(w4, w5, 1, 0x5555_5555);
    let (w6, w7) = exchange(w6, w7, 1, 0x5555_5555);
    [w0, w1, w2, w3, w4, w5, w6, w7]
}
