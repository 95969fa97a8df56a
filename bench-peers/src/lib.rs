// SPDX-License-Identifier: MIT OR Apache-2.0
//! payhsm beside OpenSSL, mbedTLS and the crate `des`: see the programs `peers` and docs/PERFORMANCE.md.
#![allow(non_snake_case, clippy::missing_safety_doc)]

pub mod callgrind;
pub mod cipher;
pub mod contest;
pub mod ffi;
pub mod own;
pub mod scheme;

/// What of the processor's SIMD can matter.
pub fn simd() -> String {
    #[cfg(target_arch = "x86_64")]
    {
        let found = [
            ("AES-NI", is_x86_feature_detected!("aes")),
            ("AVX2", is_x86_feature_detected!("avx2")),
            ("AVX-512F", is_x86_feature_detected!("avx512f")),
            ("AVX-512 VBMI", is_x86_feature_detected!("avx512vbmi")),
        ];
        let names = |yes: bool| -> Vec<&str> { found.iter().filter(|f| f.1 == yes).map(|f| f.0).collect() };
        format!("{}; not: {}", names(true).join(", "), names(false).join(", "))
    }
    #[cfg(not(target_arch = "x86_64"))]
    {
        std::env::consts::ARCH.into()
    }
}
