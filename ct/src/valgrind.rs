// SPDX-License-Identifier: MIT OR Apache-2.0
//! Valgrind's client requests that the harness itself needs; the marks are `payhsm::ct::{secret, public}`.

const RUNNING_ON_VALGRIND: u64 = 0x1001;
const MAKE_MEM_DEFINED: u64 = 0x4D43_0002;
const COUNT_ERRORS: u64 = 0x1201;
const GET_VBITS: u64 = 0x4D43_0008;

fn request(code: u64, a: u64, b: u64, c: u64) -> u64 {
    let args: [u64; 6] = [code, a, b, c, 0, 0];
    let mut result = 0_u64;
    // SAFETY: the rotations add up to 128 and the exchange is with itself, so the processor does nothing; valgrind
    // takes the six words as a request, writes its answer to `rdx` and, for GET_VBITS, to the memory it is given.
    unsafe {
        core::arch::asm!(
            "rol rdi, 3",
            "rol rdi, 13",
            "rol rdi, 61",
            "rol rdi, 51",
            "xchg rbx, rbx",
            in("rax") args.as_ptr(),
            inout("rdx") result,
            inout("rdi") 0_u64 => _,
        );
    }
    result
}

pub fn running() -> bool {
    request(RUNNING_ON_VALGRIND, 0, 0, 0) != 0
}

/// Errors reported so far, repetitions included.
pub fn errors() -> u64 {
    request(COUNT_ERRORS, 0, 0, 0)
}

/// Whether every byte has an undefined bit, which is how the tool sees a secret.
pub fn all_secret(bytes: &[u8]) -> bool {
    let mut bits = vec![0_u8; bytes.len()];
    let answer = request(
        GET_VBITS,
        bytes.as_ptr() as u64,
        bits.as_mut_ptr() as u64,
        bytes.len() as u64,
    );
    open(&mut bits);
    answer == 1 && !bits.is_empty() && bits.iter().all(|&b| b != 0)
}

/// Makes bytes public that only the harness says are: what the library itself reveals is counted apart.
pub fn open(bytes: &mut [u8]) {
    request(MAKE_MEM_DEFINED, bytes.as_mut_ptr() as u64, bytes.len() as u64, 0);
}

/// How often the library made something public that depended on a secret.
pub fn revealed() -> u64 {
    #[cfg(payhsm_ctgrind)]
    let count = payhsm::ct::revealed();
    #[cfg(not(payhsm_ctgrind))]
    let count = 0;
    count
}
