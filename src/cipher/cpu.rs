// SPDX-License-Identifier: MIT OR Apache-2.0
//! What the processor of a host can do beyond the instruction set of its target, asked once.
//!
//! `std` has a macro for this; without it the processor is asked by `cpuid`, and the operating system by `xgetbv`
//! whether it keeps the wide registers across its switches. Under `--cfg payhsm_portable` nobody is asked: there is
//! nothing beyond.

use core::sync::atomic::{AtomicU8, Ordering};

/// Extensions that engines are written for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Cpu(u8);

const KNOWN: u8 = 1;
const AVX2: u8 = 2;
const AVX512: u8 = 4;
#[cfg(all(not(payhsm_portable), target_arch = "x86_64", not(target_os = "none")))]
const VBMI: u8 = 8;
#[cfg(feature = "host")]
const AES: u8 = 16;
#[cfg(feature = "host")]
const VAES: u8 = 32;

impl Cpu {
    /// Asks the processor; from the second call on, only memory.
    pub(crate) fn detect() -> Self {
        // A race finds the same answer twice.
        static CACHE: AtomicU8 = AtomicU8::new(0);
        match CACHE.load(Ordering::Relaxed) {
            0 => {
                let found = Self(ask() | KNOWN);
                CACHE.store(found.0, Ordering::Relaxed);
                found
            }
            known => Self(known),
        }
    }

    /// 256-bit integers.
    pub(crate) const fn avx2(self) -> bool {
        self.0 & AVX2 != 0
    }

    /// 512-bit integers: F, BW, DQ and VL.
    pub(crate) const fn avx512(self) -> bool {
        self.0 & AVX512 != 0
    }

    /// The rounds of AES, and shuffles of bytes.
    #[cfg(feature = "host")]
    pub(crate) const fn aes(self) -> bool {
        self.0 & AES != 0
    }

    /// [`aes`](Self::aes) on two blocks at a time, with [`avx2`](Self::avx2).
    #[cfg(feature = "host")]
    pub(crate) const fn vaes(self) -> bool {
        self.0 & VAES != 0
    }

    /// [`avx512`](Self::avx512) with VBMI: byte permutations of two registers.
    #[cfg(all(not(payhsm_portable), target_arch = "x86_64", not(target_os = "none")))]
    pub(crate) const fn vbmi(self) -> bool {
        self.0 & VBMI != 0
    }
}

#[cfg(all(not(payhsm_portable), target_arch = "x86_64", not(target_os = "none")))]
#[allow(unsafe_code)]
fn ask() -> u8 {
    use core::arch::x86_64::{__cpuid, __cpuid_count, _xgetbv};

    #[target_feature(enable = "xsave")]
    fn saved_registers() -> u64 {
        // SAFETY: reading control register 0 of the extended state is defined wherever `xsave` is switched on.
        unsafe { _xgetbv(0) }
    }

    let bit = |word: u32, at: u32| word.wrapping_shr(at) & 1 != 0;
    let one = __cpuid(1).ecx;
    let mut found = 0;
    // AES-NI and SSSE3, whose registers every operating system keeps.
    #[cfg(feature = "host")]
    if bit(one, 25) && bit(one, 9) {
        found |= AES;
    }
    // 27: the operating system has switched `xsave` on. 28: AVX.
    if __cpuid(0).eax < 7 || !bit(one, 27) || !bit(one, 28) {
        return found;
    }
    // SAFETY: bit 27 says that `xgetbv` is there.
    let saved = unsafe { saved_registers() };
    let seven = __cpuid_count(7, 0);
    // Registers xmm and ymm are saved.
    if saved & 0x06 == 0x06 && bit(seven.ebx, 5) {
        found |= AVX2;
        #[cfg(feature = "host")]
        if found & AES != 0 && bit(seven.ecx, 9) {
            found |= VAES;
        }
    }
    // And mask registers, the upper halves of zmm0 to 15, and zmm16 to 31. F, DQ, BW, VL.
    if saved & 0xE6 == 0xE6 && [16, 17, 30, 31].iter().all(|&at| bit(seven.ebx, at)) {
        found |= AVX512;
        if bit(seven.ecx, 1) {
            found |= VBMI;
        }
    }
    found
}

#[cfg(not(all(not(payhsm_portable), target_arch = "x86_64", not(target_os = "none"))))]
const fn ask() -> u8 {
    0
}

#[cfg(test)]
mod tests {
    extern crate std;

    use super::*;

    #[test]
    fn agrees_with_the_standard_library() {
        let cpu = Cpu::detect();
        assert_eq!(cpu, Cpu::detect());
        #[cfg(payhsm_portable)]
        assert!(!cpu.avx2() && !cpu.avx512());
        #[cfg(all(not(payhsm_portable), target_arch = "x86_64"))]
        {
            use std::is_x86_feature_detected as has;
            assert_eq!(cpu.avx2(), has!("avx2"));
            let avx512 = has!("avx512f") && has!("avx512bw") && has!("avx512dq") && has!("avx512vl");
            assert_eq!(cpu.avx512(), avx512);
            assert_eq!(cpu.vbmi(), avx512 && has!("avx512vbmi"));
            #[cfg(feature = "host")]
            {
                assert_eq!(cpu.aes(), has!("aes") && has!("ssse3"));
                assert_eq!(cpu.vaes(), has!("aes") && has!("vaes") && has!("avx2"));
            }
        }
    }
}
