// SPDX-License-Identifier: MIT OR Apache-2.0
//! The S-boxes as circuits, found and written by `scripts/sboxes`: `b1` to `b8` of gates with two inputs (376 in
//! all), `t1` to `t8` of gates with three (211).
//!
//! Input `x5` is the first of the six bits, `x0` the last; the last of the four outputs is the first bit.

use super::word::Word;

/// S1: 51 gates.
#[inline(always)]
pub(super) fn b1<W: Word>([x0, x1, x2, x3, x4, x5]: [W; 6]) -> [W; 4] {
    let x6 = x2.xor(x5);
    let x7 = x6.not();
    let x8 = x7.or(x0);
    let x9 = x1.xor(x0);
    let x10 = x2.and(x9);
    let x11 = x10.xor(x3);
    let x12 = x9.and(x11);
    let x13 = x8.andn(x12);
    let x14 = x8.xor(x9);
    let x15 = x5.andn(x1);
    let x16 = x12.or(x2);
    let x17 = x16.xor(x11);
    let x18 = x15.and(x17);
    let x19 = x5.andn(x9);
    let x20 = x17.xor(x19);
    let x21 = x18.xor(x20);
    let x22 = x14.andn(x21);
    let x23 = x4.or(x22);
    let x24 = x5.xor(x23);
    let x25 = x2.xor(x24);
    let x26 = x25.and(x3);
    let x27 = x26.xor(x4);
    let x28 = x21.xor(x16);
    let x29 = x28.xor(x24);
    let x30 = x29.and(x2);
    let x31 = x27.or(x30);
    let x32 = x13.andn(x31);
    let x33 = x22.xor(x15);
    let x34 = x32.xor(x33);
    let x35 = x34.and(x1);
    let x36 = x30.xor(x17);
    let x37 = x6.xor(x36);
    let x38 = x37.or(x20);
    let x39 = x24.andn(x38);
    let x40 = x39.or(x3);
    let x41 = x38.andn(x0);
    let x42 = x40.or(x41);
    let x43 = x31.andn(x42);
    let x44 = x33.and(x4);
    let x45 = x44.xor(x37);
    let x46 = x43.xor(x45);
    let x47 = x46.xor(x41);
    let x48 = x27.xor(x35);
    let x49 = x48.xor(x41);
    let x50 = x49.xor(x29);
    let x51 = x9.andn(x50);
    let x52 = x1.andn(x51);
    let x53 = x47.or(x52);
    let x54 = x53.xor(x26);
    let x55 = x35.xor(x54);
    let x56 = x42.xor(x45);
    [x55, x29, x50, x56]
}

/// S1: 28 gates.
#[inline(always)]
pub(super) fn t1<W: Word>([x0, x1, x2, x3, x4, x5]: [W; 6]) -> [W; 4] {
    let x6 = x2.ternary::<0xED>(x0, x5);
    let x7 = x1.ternary::<0x0C>(x5, x6);
    let x8 = x0.ternary::<0x52>(x7, x1);
    let x9 = x2.ternary::<0xF8>(x8, x3);
    let x10 = x2.ternary::<0x94>(x3, x8);
    let x11 = x8.ternary::<0xA6>(x5, x10);
    let x12 = x11.ternary::<0x78>(x7, x10);
    let x13 = x8.ternary::<0x12>(x12, x6);
    let x14 = x13.ternary::<0x56>(x4, x5);
    let x15 = x9.ternary::<0x96>(x14, x12);
    let x16 = x15.ternary::<0x6A>(x2, x10);
    let x17 = x2.ternary::<0x96>(x16, x5);
    let x18 = x17.ternary::<0x32>(x0, x11);
    let x19 = x7.ternary::<0x48>(x4, x13);
    let x20 = x19.ternary::<0x3C>(x17, x2);
    let x21 = x3.ternary::<0xF2>(x17, x14);
    let x22 = x18.ternary::<0x36>(x20, x21);
    let x23 = x4.ternary::<0x02>(x9, x0);
    let x24 = x22.ternary::<0x61>(x23, x18);
    let x25 = x14.ternary::<0x34>(x2, x17);
    let x26 = x25.ternary::<0xC4>(x8, x15);
    let x27 = x24.ternary::<0xF2>(x26, x1);
    let x28 = x25.ternary::<0x6C>(x4, x3);
    let x29 = x9.ternary::<0xEA>(x15, x28);
    let x30 = x13.ternary::<0x94>(x27, x29);
    let x31 = x28.ternary::<0x78>(x30, x1);
    let x32 = x27.ternary::<0x96>(x4, x31);
    let x33 = x18.ternary::<0x96>(x31, x15);
    [x32, x15, x33, x22]
}

/// S2: 48 gates.
#[inline(always)]
pub(super) fn b2<W: Word>([x0, x1, x2, x3, x4, x5]: [W; 6]) -> [W; 4] {
    let x6 = x4.andn(x0);
    let x7 = x5.not();
    let x8 = x6.xor(x7);
    let x9 = x1.xor(x8);
    let x10 = x5.or(x9);
    let x11 = x9.xor(x10);
    let x12 = x6.andn(x11);
    let x13 = x12.or(x2);
    let x14 = x10.andn(x13);
    let x15 = x0.andn(x11);
    let x16 = x15.andn(x4);
    let x17 = x7.or(x0);
    let x18 = x1.and(x17);
    let x19 = x18.or(x4);
    let x20 = x2.and(x19);
    let x21 = x10.xor(x18);
    let x22 = x21.and(x3);
    let x23 = x20.xor(x22);
    let x24 = x16.xor(x23);
    let x25 = x1.xor(x17);
    let x26 = x24.xor(x25);
    let x27 = x26.or(x15);
    let x28 = x14.xor(x27);
    let x29 = x28.andn(x4);
    let x30 = x26.andn(x11);
    let x31 = x30.or(x1);
    let x32 = x0.or(x5);
    let x33 = x31.xor(x32);
    let x34 = x33.xor(x3);
    let x35 = x29.xor(x34);
    let x36 = x9.xor(x13);
    let x37 = x20.andn(x25);
    let x38 = x37.xor(x4);
    let x39 = x0.andn(x38);
    let x40 = x39.xor(x12);
    let x41 = x40.andn(x3);
    let x42 = x36.xor(x41);
    let x43 = x29.xor(x37);
    let x44 = x42.xor(x43);
    let x45 = x44.xor(x4);
    let x46 = x7.andn(x35);
    let x47 = x45.or(x46);
    let x48 = x18.xor(x47);
    let x49 = x48.and(x3);
    let x50 = x2.xor(x32);
    let x51 = x50.andn(x1);
    let x52 = x49.xor(x51);
    let x53 = x52.xor(x44);
    [x35, x53, x42, x26]
}

/// S2: 27 gates.
#[inline(always)]
pub(super) fn t2<W: Word>([x0, x1, x2, x3, x4, x5]: [W; 6]) -> [W; 4] {
    let x6 = x0.ternary::<0x59>(x5, x1);
    let x7 = x5.ternary::<0x2D>(x0, x4);
    let x8 = x5.ternary::<0x25>(x1, x7);
    let x9 = x8.ternary::<0x01>(x1, x7);
    let x10 = x0.ternary::<0x10>(x4, x9);
    let x11 = x6.ternary::<0x0B>(x5, x0);
    let x12 = x7.ternary::<0x3C>(x1, x3);
    let x13 = x11.ternary::<0x1E>(x12, x5);
    let x14 = x2.ternary::<0xE0>(x4, x11);
    let x15 = x13.ternary::<0x6C>(x14, x3);
    let x16 = x6.ternary::<0x96>(x10, x15);
    let x17 = x16.ternary::<0xF6>(x15, x6);
    let x18 = x8.ternary::<0x36>(x12, x2);
    let x19 = x18.ternary::<0x94>(x5, x1);
    let x20 = x4.ternary::<0x06>(x17, x19);
    let x21 = x1.ternary::<0x32>(x9, x16);
    let x22 = x5.ternary::<0x36>(x21, x0);
    let x23 = x20.ternary::<0x96>(x3, x22);
    let x24 = x4.ternary::<0xD2>(x6, x14);
    let x25 = x0.ternary::<0x3A>(x24, x8);
    let x26 = x3.ternary::<0xA6>(x25, x18);
    let x27 = x20.ternary::<0x96>(x26, x24);
    let x28 = x23.ternary::<0xCD>(x27, x5);
    let x29 = x28.ternary::<0x28>(x11, x3);
    let x30 = x2.ternary::<0x29>(x0, x6);
    let x31 = x29.ternary::<0x34>(x30, x1);
    let x32 = x31.ternary::<0x96>(x4, x27);
    [x23, x32, x26, x16]
}

/// S3: 45 gates.
#[inline(always)]
pub(super) fn b3<W: Word>([x0, x1, x2, x3, x4, x5]: [W; 6]) -> [W; 4] {
    let x6 = x2.and(x1);
    let x7 = x0.xor(x2);
    let x8 = x1.and(x3);
    let x9 = x7.xor(x8);
    let x10 = x4.xor(x9);
    let x11 = x6.xor(x10);
    let x12 = x1.andn(x0);
    let x13 = x4.or(x12);
    let x14 = x13.not();
    let x15 = x14.andn(x3);
    let x16 = x15.xor(x9);
    let x17 = x16.andn(x2);
    let x18 = x7.or(x10);
    let x19 = x18.and(x4);
    let x20 = x12.andn(x19);
    let x21 = x17.xor(x20);
    let x22 = x5.or(x21);
    let x23 = x22.xor(x1);
    let x24 = x23.xor(x7);
    let x25 = x24.xor(x21);
    let x26 = x24.xor(x18);
    let x27 = x13.and(x3);
    let x28 = x27.or(x23);
    let x29 = x28.xor(x6);
    let x30 = x26.andn(x29);
    let x31 = x3.xor(x5);
    let x32 = x30.or(x31);
    let x33 = x11.xor(x32);
    let x34 = x2.and(x18);
    let x35 = x33.xor(x34);
    let x36 = x32.xor(x9);
    let x37 = x35.andn(x36);
    let x38 = x3.andn(x33);
    let x39 = x38.and(x28);
    let x40 = x39.xor(x31);
    let x41 = x40.andn(x4);
    let x42 = x37.or(x41);
    let x43 = x25.xor(x42);
    let x44 = x43.and(x0);
    let x45 = x15.xor(x44);
    let x46 = x45.xor(x6);
    let x47 = x46.and(x5);
    let x48 = x11.xor(x47);
    let x49 = x29.xor(x42);
    let x50 = x27.xor(x24);
    [x48, x49, x35, x50]
}

/// S3: 25 gates.
#[inline(always)]
pub(super) fn t3<W: Word>([x0, x1, x2, x3, x4, x5]: [W; 6]) -> [W; 4] {
    let x6 = x2.ternary::<0x3C>(x0, x1);
    let x7 = x0.ternary::<0x28>(x6, x1);
    let x8 = x6.ternary::<0x78>(x3, x1);
    let x9 = x4.ternary::<0x3C>(x8, x3);
    let x10 = x5.ternary::<0x14>(x3, x4);
    let x11 = x8.ternary::<0x98>(x7, x6);
    let x12 = x3.ternary::<0xE0>(x4, x11);
    let x13 = x9.ternary::<0x21>(x2, x10);
    let x14 = x13.ternary::<0x34>(x11, x4);
    let x15 = x5.ternary::<0x56>(x14, x1);
    let x16 = x0.ternary::<0x6F>(x4, x8);
    let x17 = x12.ternary::<0xC9>(x15, x16);
    let x18 = x0.ternary::<0x68>(x10, x17);
    let x19 = x7.ternary::<0x28>(x18, x5);
    let x20 = x7.ternary::<0x96>(x9, x19);
    let x21 = x15.ternary::<0x96>(x6, x12);
    let x22 = x16.ternary::<0x24>(x21, x4);
    let x23 = x22.ternary::<0x76>(x3, x5);
    let x24 = x7.ternary::<0x96>(x9, x23);
    let x25 = x3.ternary::<0x10>(x4, x24);
    let x26 = x10.ternary::<0x52>(x1, x25);
    let x27 = x2.ternary::<0x6A>(x16, x24);
    let x28 = x27.ternary::<0x90>(x23, x8);
    let x29 = x15.ternary::<0x36>(x7, x12);
    let x30 = x26.ternary::<0x56>(x28, x29);
    [x20, x30, x27, x21]
}

/// S4: 36 gates.
#[inline(always)]
pub(super) fn b4<W: Word>([x0, x1, x2, x3, x4, x5]: [W; 6]) -> [W; 4] {
    let x6 = x4.andn(x2);
    let x7 = x1.xor(x6);
    let x8 = x3.xor(x2);
    let x9 = x7.and(x8);
    let x10 = x3.xor(x9);
    let x11 = x1.xor(x3);
    let x12 = x7.xor(x5);
    let x13 = x11.or(x12);
    let x14 = x10.xor(x13);
    let x15 = x4.or(x14);
    let x16 = x1.xor(x13);
    let x17 = x5.or(x16);
    let x18 = x15.xor(x17);
    let x19 = x4.or(x18);
    let x20 = x9.xor(x19);
    let x21 = x10.xor(x17);
    let x22 = x2.andn(x21);
    let x23 = x22.xor(x0);
    let x24 = x20.xor(x23);
    let x25 = x0.or(x24);
    let x26 = x12.xor(x18);
    let x27 = x25.xor(x26);
    let x28 = x27.not();
    let x29 = x28.xor(x24);
    let x30 = x29.xor(x26);
    let x31 = x8.or(x4);
    let x32 = x21.xor(x31);
    let x33 = x32.xor(x26);
    let x34 = x33.and(x2);
    let x35 = x4.or(x33);
    let x36 = x34.xor(x35);
    let x37 = x28.xor(x36);
    let x38 = x37.and(x0);
    let x39 = x38.xor(x32);
    let x40 = x30.xor(x39);
    let x41 = x37.xor(x39);
    [x40, x41, x29, x27]
}

/// S4: 20 gates.
#[inline(always)]
pub(super) fn t4<W: Word>([x0, x1, x2, x3, x4, x5]: [W; 6]) -> [W; 4] {
    let x6 = x2.ternary::<0xC6>(x1, x4);
    let x7 = x6.ternary::<0x60>(x2, x3);
    let x8 = x2.ternary::<0x64>(x3, x7);
    let x9 = x1.ternary::<0x4E>(x3, x6);
    let x10 = x9.ternary::<0x36>(x8, x5);
    let x11 = x6.ternary::<0x7E>(x3, x5);
    let x12 = x11.ternary::<0xBE>(x8, x4);
    let x13 = x8.ternary::<0x96>(x10, x12);
    let x14 = x6.ternary::<0x96>(x13, x5);
    let x15 = x7.ternary::<0x1E>(x13, x4);
    let x16 = x15.ternary::<0x4B>(x2, x10);
    let x17 = x14.ternary::<0x2D>(x16, x0);
    let x18 = x2.ternary::<0xBE>(x3, x4);
    let x19 = x14.ternary::<0x86>(x10, x18);
    let x20 = x19.ternary::<0x3A>(x2, x4);
    let x21 = x20.ternary::<0x28>(x14, x0);
    let x22 = x18.ternary::<0x96>(x10, x21);
    let x23 = x17.ternary::<0x96>(x14, x22);
    let x24 = x17.ternary::<0x96>(x0, x16);
    let x25 = x20.ternary::<0x69>(x22, x24);
    [x23, x25, x17, x24]
}

/// S5: 53 gates.
#[inline(always)]
pub(super) fn b5<W: Word>([x0, x1, x2, x3, x4, x5]: [W; 6]) -> [W; 4] {
    let x6 = x3.xor(x0);
    let x7 = x6.or(x2);
    let x8 = x7.andn(x3);
    let x9 = x8.xor(x1);
    let x10 = x8.andn(x9);
    let x11 = x4.and(x3);
    let x12 = x7.andn(x4);
    let x13 = x10.xor(x12);
    let x14 = x0.xor(x13);
    let x15 = x14.xor(x9);
    let x16 = x2.xor(x15);
    let x17 = x0.andn(x16);
    let x18 = x11.xor(x17);
    let x19 = x18.andn(x2);
    let x20 = x10.xor(x19);
    let x21 = x20.or(x0);
    let x22 = x21.not();
    let x23 = x22.andn(x9);
    let x24 = x18.xor(x23);
    let x25 = x4.or(x14);
    let x26 = x24.xor(x25);
    let x27 = x26.or(x18);
    let x28 = x27.andn(x13);
    let x29 = x10.xor(x28);
    let x30 = x20.or(x5);
    let x31 = x16.xor(x30);
    let x32 = x30.and(x31);
    let x33 = x29.xor(x32);
    let x34 = x4.or(x33);
    let x35 = x1.andn(x22);
    let x36 = x34.xor(x35);
    let x37 = x6.xor(x27);
    let x38 = x16.or(x3);
    let x39 = x37.and(x38);
    let x40 = x36.andn(x3);
    let x41 = x39.xor(x40);
    let x42 = x24.or(x41);
    let x43 = x0.or(x42);
    let x44 = x43.andn(x5);
    let x45 = x36.xor(x44);
    let x46 = x8.or(x18);
    let x47 = x45.xor(x46);
    let x48 = x39.or(x5);
    let x49 = x26.xor(x48);
    let x50 = x41.andn(x45);
    let x51 = x50.xor(x46);
    let x52 = x51.andn(x1);
    let x53 = x5.andn(x47);
    let x54 = x49.xor(x31);
    let x55 = x53.xor(x54);
    let x56 = x4.and(x47);
    let x57 = x55.xor(x56);
    let x58 = x52.xor(x57);
    [x47, x49, x31, x58]
}

/// S5: 30 gates.
#[inline(always)]
pub(super) fn t5<W: Word>([x0, x1, x2, x3, x4, x5]: [W; 6]) -> [W; 4] {
    let x6 = x2.ternary::<0x44>(x4, x1);
    let x7 = x0.ternary::<0x54>(x6, x2);
    let x8 = x4.ternary::<0x96>(x7, x1);
    let x9 = x3.ternary::<0xA9>(x6, x8);
    let x10 = x2.ternary::<0x04>(x9, x3);
    let x11 = x6.ternary::<0x09>(x10, x1);
    let x12 = x3.ternary::<0x72>(x8, x11);
    let x13 = x12.ternary::<0x68>(x0, x11);
    let x14 = x5.ternary::<0x36>(x9, x13);
    let x15 = x0.ternary::<0x96>(x14, x12);
    let x16 = x15.ternary::<0xB9>(x2, x9);
    let x17 = x4.ternary::<0x08>(x12, x16);
    let x18 = x15.ternary::<0x69>(x6, x14);
    let x19 = x0.ternary::<0x06>(x13, x18);
    let x20 = x17.ternary::<0x14>(x19, x5);
    let x21 = x13.ternary::<0x84>(x1, x3);
    let x22 = x12.ternary::<0x9A>(x1, x2);
    let x23 = x21.ternary::<0x2E>(x22, x18);
    let x24 = x23.ternary::<0x61>(x5, x20);
    let x25 = x7.ternary::<0x95>(x20, x24);
    let x26 = x4.ternary::<0xC0>(x25, x5);
    let x27 = x1.ternary::<0x08>(x24, x16);
    let x28 = x26.ternary::<0x69>(x14, x27);
    let x29 = x28.ternary::<0x48>(x3, x18);
    let x30 = x28.ternary::<0xB9>(x4, x15);
    let x31 = x29.ternary::<0x78>(x7, x30);
    let x32 = x23.ternary::<0x36>(x15, x5);
    let x33 = x31.ternary::<0x9C>(x32, x2);
    let x34 = x5.ternary::<0xA0>(x29, x24);
    let x35 = x28.ternary::<0x69>(x34, x33);
    [x25, x14, x33, x35]
}

/// S6: 48 gates.
#[inline(always)]
pub(super) fn b6<W: Word>([x0, x1, x2, x3, x4, x5]: [W; 6]) -> [W; 4] {
    let x6 = x3.andn(x0);
    let x7 = x5.and(x0);
    let x8 = x4.xor(x7);
    let x9 = x5.or(x1);
    let x10 = x8.xor(x9);
    let x11 = x6.or(x10);
    let x12 = x11.xor(x5);
    let x13 = x12.andn(x7);
    let x14 = x1.xor(x13);
    let x15 = x0.and(x1);
    let x16 = x14.or(x15);
    let x17 = x16.and(x2);
    let x18 = x14.or(x3);
    let x19 = x18.xor(x10);
    let x20 = x17.xor(x19);
    let x21 = x20.and(x10);
    let x22 = x9.xor(x19);
    let x23 = x2.or(x22);
    let x24 = x23.andn(x16);
    let x25 = x20.xor(x15);
    let x26 = x25.andn(x24);
    let x27 = x26.andn(x5);
    let x28 = x24.xor(x27);
    let x29 = x28.andn(x2);
    let x30 = x4.xor(x29);
    let x31 = x21.or(x30);
    let x32 = x3.xor(x0);
    let x33 = x23.xor(x32);
    let x34 = x33.xor(x8);
    let x35 = x19.xor(x34);
    let x36 = x31.xor(x35);
    let x37 = x31.or(x1);
    let x38 = x34.xor(x37);
    let x39 = x38.not();
    let x40 = x26.or(x3);
    let x41 = x40.xor(x30);
    let x42 = x3.or(x1);
    let x43 = x42.andn(x2);
    let x44 = x14.not();
    let x45 = x43.xor(x44);
    let x46 = x41.xor(x45);
    let x47 = x46.and(x4);
    let x48 = x39.xor(x47);
    let x49 = x47.or(x33);
    let x50 = x15.and(x49);
    let x51 = x45.xor(x50);
    let x52 = x0.andn(x33);
    let x53 = x51.xor(x52);
    [x20, x36, x48, x53]
}

/// S6: 27 gates.
#[inline(always)]
pub(super) fn t6<W: Word>([x0, x1, x2, x3, x4, x5]: [W; 6]) -> [W; 4] {
    let x6 = x5.ternary::<0x6A>(x0, x4);
    let x7 = x1.ternary::<0xA0>(x2, x5);
    let x8 = x6.ternary::<0x6C>(x7, x4);
    let x9 = x6.ternary::<0x1E>(x8, x3);
    let x10 = x5.ternary::<0x36>(x9, x1);
    let x11 = x2.ternary::<0x0E>(x1, x3);
    let x12 = x0.ternary::<0xC0>(x1, x2);
    let x13 = x12.ternary::<0x24>(x10, x0);
    let x14 = x13.ternary::<0x6A>(x3, x8);
    let x15 = x11.ternary::<0xE1>(x12, x14);
    let x16 = x2.ternary::<0x9C>(x10, x15);
    let x17 = x2.ternary::<0x36>(x3, x9);
    let x18 = x6.ternary::<0x96>(x0, x17);
    let x19 = x18.ternary::<0x8F>(x3, x4);
    let x20 = x19.ternary::<0xC0>(x1, x6);
    let x21 = x20.ternary::<0x28>(x17, x0);
    let x22 = x21.ternary::<0x3C>(x15, x10);
    let x23 = x8.ternary::<0x0B>(x22, x2);
    let x24 = x23.ternary::<0x52>(x5, x13);
    let x25 = x24.ternary::<0x0C>(x16, x1);
    let x26 = x25.ternary::<0xBA>(x21, x4);
    let x27 = x26.ternary::<0xB4>(x24, x2);
    let x28 = x27.ternary::<0x96>(x18, x10);
    let x29 = x27.ternary::<0xC9>(x18, x1);
    let x30 = x25.ternary::<0xBE>(x12, x3);
    let x31 = x30.ternary::<0x94>(x27, x15);
    let x32 = x4.ternary::<0x6C>(x29, x31);
    [x16, x28, x32, x22]
}

/// S7: 50 gates.
#[inline(always)]
pub(super) fn b7<W: Word>([x0, x1, x2, x3, x4, x5]: [W; 6]) -> [W; 4] {
    let x6 = x5.xor(x1);
    let x7 = x6.andn(x1);
    let x8 = x4.or(x7);
    let x9 = x8.andn(x2);
    let x10 = x6.xor(x9);
    let x11 = x1.andn(x2);
    let x12 = x10.andn(x5);
    let x13 = x11.xor(x12);
    let x14 = x3.xor(x8);
    let x15 = x0.xor(x14);
    let x16 = x13.or(x0);
    let x17 = x4.xor(x16);
    let x18 = x17.or(x5);
    let x19 = x15.xor(x18);
    let x20 = x3.or(x19);
    let x21 = x13.xor(x20);
    let x22 = x4.and(x21);
    let x23 = x22.xor(x15);
    let x24 = x4.andn(x0);
    let x25 = x23.andn(x24);
    let x26 = x21.or(x1);
    let x27 = x26.xor(x8);
    let x28 = x2.and(x27);
    let x29 = x25.xor(x28);
    let x30 = x10.xor(x29);
    let x31 = x17.xor(x10);
    let x32 = x20.xor(x31);
    let x33 = x17.or(x32);
    let x34 = x20.andn(x8);
    let x35 = x2.xor(x34);
    let x36 = x33.xor(x35);
    let x37 = x36.andn(x1);
    let x38 = x37.xor(x10);
    let x39 = x38.xor(x3);
    let x40 = x3.or(x12);
    let x41 = x30.xor(x40);
    let x42 = x41.and(x0);
    let x43 = x39.xor(x42);
    let x44 = x0.or(x8);
    let x45 = x32.xor(x19);
    let x46 = x45.andn(x1);
    let x47 = x32.not();
    let x48 = x47.or(x15);
    let x49 = x46.xor(x48);
    let x50 = x44.xor(x49);
    let x51 = x10.xor(x50);
    let x52 = x2.and(x51);
    let x53 = x52.xor(x23);
    let x54 = x47.or(x5);
    let x55 = x53.xor(x54);
    [x30, x43, x55, x32]
}

/// S7: 28 gates.
#[inline(always)]
pub(super) fn t7<W: Word>([x0, x1, x2, x3, x4, x5]: [W; 6]) -> [W; 4] {
    let x6 = x4.ternary::<0xF4>(x5, x1);
    let x7 = x3.ternary::<0x96>(x0, x6);
    let x8 = x5.ternary::<0x3C>(x1, x7);
    let x9 = x8.ternary::<0xB4>(x6, x2);
    let x10 = x8.ternary::<0x84>(x9, x1);
    let x11 = x1.ternary::<0x94>(x10, x2);
    let x12 = x0.ternary::<0x36>(x4, x11);
    let x13 = x7.ternary::<0x1E>(x12, x5);
    let x14 = x13.ternary::<0xFC>(x3, x6);
    let x15 = x1.ternary::<0x56>(x14, x6);
    let x16 = x14.ternary::<0x96>(x12, x9);
    let x17 = x1.ternary::<0x06>(x13, x16);
    let x18 = x16.ternary::<0x45>(x7, x17);
    let x19 = x18.ternary::<0x1E>(x6, x0);
    let x20 = x19.ternary::<0x28>(x8, x2);
    let x21 = x11.ternary::<0x48>(x4, x14);
    let x22 = x7.ternary::<0x96>(x20, x21);
    let x23 = x0.ternary::<0x06>(x11, x12);
    let x24 = x20.ternary::<0x14>(x22, x23);
    let x25 = x15.ternary::<0x6C>(x24, x2);
    let x26 = x9.ternary::<0x3C>(x25, x16);
    let x27 = x3.ternary::<0x9C>(x2, x6);
    let x28 = x12.ternary::<0x56>(x16, x27);
    let x29 = x1.ternary::<0x0C>(x28, x18);
    let x30 = x9.ternary::<0x96>(x3, x29);
    let x31 = x3.ternary::<0x56>(x10, x26);
    let x32 = x30.ternary::<0x78>(x31, x0);
    let x33 = x22.ternary::<0x4B>(x16, x5);
    [x26, x32, x33, x16]
}

/// S8: 45 gates.
#[inline(always)]
pub(super) fn b8<W: Word>([x0, x1, x2, x3, x4, x5]: [W; 6]) -> [W; 4] {
    let x6 = x5.xor(x1);
    let x7 = x3.not();
    let x8 = x7.and(x4);
    let x9 = x6.xor(x8);
    let x10 = x2.or(x1);
    let x11 = x10.or(x8);
    let x12 = x9.xor(x11);
    let x13 = x10.andn(x5);
    let x14 = x13.xor(x11);
    let x15 = x14.xor(x3);
    let x16 = x15.andn(x9);
    let x17 = x16.or(x2);
    let x18 = x4.or(x17);
    let x19 = x12.xor(x18);
    let x20 = x1.xor(x7);
    let x21 = x6.xor(x4);
    let x22 = x13.xor(x21);
    let x23 = x22.and(x9);
    let x24 = x20.andn(x23);
    let x25 = x24.or(x4);
    let x26 = x25.xor(x17);
    let x27 = x0.or(x26);
    let x28 = x19.xor(x27);
    let x29 = x22.andn(x4);
    let x30 = x22.xor(x16);
    let x31 = x2.and(x30);
    let x32 = x20.xor(x31);
    let x33 = x32.xor(x5);
    let x34 = x14.andn(x32);
    let x35 = x0.or(x34);
    let x36 = x19.xor(x35);
    let x37 = x33.xor(x36);
    let x38 = x37.or(x18);
    let x39 = x38.andn(x26);
    let x40 = x39.xor(x14);
    let x41 = x40.or(x23);
    let x42 = x41.and(x0);
    let x43 = x42.xor(x6);
    let x44 = x43.xor(x17);
    let x45 = x29.xor(x44);
    let x46 = x28.xor(x45);
    let x47 = x46.xor(x33);
    let x48 = x40.andn(x0);
    let x49 = x26.xor(x48);
    let x50 = x36.xor(x49);
    [x28, x47, x37, x50]
}

/// S8: 26 gates.
#[inline(always)]
pub(super) fn t8<W: Word>([x0, x1, x2, x3, x4, x5]: [W; 6]) -> [W; 4] {
    let x6 = x3.ternary::<0xA1>(x5, x1);
    let x7 = x6.ternary::<0x46>(x1, x5);
    let x8 = x4.ternary::<0x9C>(x7, x3);
    let x9 = x3.ternary::<0x14>(x5, x8);
    let x10 = x8.ternary::<0xCE>(x2, x9);
    let x11 = x10.ternary::<0x1E>(x4, x6);
    let x12 = x2.ternary::<0xFC>(x1, x7);
    let x13 = x8.ternary::<0x2E>(x12, x5);
    let x14 = x13.ternary::<0x1E>(x10, x4);
    let x15 = x11.ternary::<0x56>(x0, x14);
    let x16 = x3.ternary::<0xC3>(x1, x11);
    let x17 = x1.ternary::<0x69>(x9, x4);
    let x18 = x16.ternary::<0x78>(x17, x2);
    let x19 = x8.ternary::<0x9A>(x12, x5);
    let x20 = x13.ternary::<0x12>(x4, x19);
    let x21 = x18.ternary::<0x1C>(x5, x20);
    let x22 = x18.ternary::<0xCE>(x0, x19);
    let x23 = x14.ternary::<0x96>(x21, x22);
    let x24 = x23.ternary::<0x32>(x11, x10);
    let x25 = x24.ternary::<0x3C>(x19, x13);
    let x26 = x15.ternary::<0xCE>(x25, x18);
    let x27 = x26.ternary::<0x6A>(x0, x7);
    let x28 = x20.ternary::<0x96>(x10, x27);
    let x29 = x15.ternary::<0x96>(x21, x28);
    let x30 = x11.ternary::<0xD2>(x0, x25);
    let x31 = x21.ternary::<0x96>(x30, x23);
    [x15, x29, x23, x31]
}
