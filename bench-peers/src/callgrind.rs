// SPDX-License-Identifier: MIT OR Apache-2.0
//! Counts instructions where the program runs under `valgrind --tool=callgrind`: one dump for each operation. Under
//! callgrind each count is the same on every run.

use crate::contest::Runner;

/// Runs between two dumps.
pub const RUNS: u32 = 16;

/// Requests of `callgrind.h`: 'C', 'T', number.
const DUMP_STATS: u64 = 0x4354_0000;
const ZERO_STATS: u64 = 0x4354_0001;

/// Valgrind's client request on x86-64; does nothing elsewhere.
fn request(code: u64) {
    let arguments = [code, 0, 0, 0, 0, 0];
    // SAFETY: four rotations that cancel and an exchange with itself; valgrind reads the six words.
    #[cfg(target_arch = "x86_64")]
    unsafe {
        core::arch::asm!(
            "rol rdi, 3", "rol rdi, 13", "rol rdi, 61", "rol rdi, 51", "xchg rbx, rbx",
            in("rax") arguments.as_ptr(), inout("rdx") 0_u64 => _, in("rdi") 0_u64,
        );
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = arguments;
}

/// One dump for [`RUNS`] runs. The name goes to standard output: the n-th line belongs to the n-th dump.
pub fn count(name: &str, run: &mut Runner<'_>) {
    run(2);
    println!("{name}");
    request(ZERO_STATS);
    run(RUNS);
    request(DUMP_STATS);
}
