// SPDX-License-Identifier: MIT OR Apache-2.0
//! Code that leaks: if the tool does not report it, its silence about the rest means nothing.

use core::hint::black_box;

use des::TdesEde2;
use des::cipher::{BlockCipherEncrypt, KeyInit};

use crate::Harness;
use crate::ops::secret;

pub fn run(h: &mut Harness) {
    h.leaky("control: look-up in a table", || {
        let [index] = secret([200_u8]);
        black_box(black_box(&TABLE)[usize::from(index)]);
    });
    h.leaky("control: S-boxes indexed by key and data (des)", || {
        let cipher = TdesEde2::new(&secret(*b"0123456789abcdef").into());
        let mut block = [0_u8; 8].into();
        cipher.encrypt_block(&mut block);
        black_box(block);
    });
    h.leaky("control: comparison that stops early", || {
        let (a, b) = (secret([7_u8; 16]), secret([9_u8; 16]));
        black_box(stops_early(black_box(&a), black_box(&b)));
    });
    h.leaky("control: loop as long as the PIN", || {
        let len = secret([4_u8]);
        let mut sum = 0_u32;
        for i in 0..u32::from(black_box(len)[0]) {
            sum = black_box(sum).wrapping_add(i);
        }
        black_box(sum);
    });
}

static TABLE: [u8; 256] = [0x5A; 256];

#[inline(never)]
fn stops_early(a: &[u8], b: &[u8]) -> bool {
    for (x, y) in a.iter().zip(b) {
        if black_box(*x) != black_box(*y) {
            return false;
        }
    }
    true
}
