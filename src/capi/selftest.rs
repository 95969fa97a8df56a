// SPDX-License-Identifier: MIT OR Apache-2.0
//! Self-tests.

use crate::capi::context::{PayhsmCtx, run};
use crate::capi::memory::{self, Place, Versioned, VersionedOutput};
use crate::capi::status::Status;
use crate::hsm::{SelfTest, SelfTestReport, SelfTests};

/// Self-test: what the platform says of the code's integrity; counts only with that callback.
pub const PAYHSM_TEST_INTEGRITY: u32 = 1;
/// Self-test: TDEA with two and three keys.
pub const PAYHSM_TEST_TDEA: u32 = 1 << 1;
/// Self-test: AES-128, AES-192, AES-256.
pub const PAYHSM_TEST_AES: u32 = 1 << 2;
/// Self-test: CMAC over TDEA and AES.
pub const PAYHSM_TEST_CMAC: u32 = 1 << 3;
/// Self-test: ISO/IEC 9797-1 algorithm 3.
pub const PAYHSM_TEST_RETAIL_MAC: u32 = 1 << 4;
/// Self-test: SHA-256.
pub const PAYHSM_TEST_SHA2: u32 = 1 << 5;
/// Self-test: HMAC with SHA-256.
pub const PAYHSM_TEST_HMAC: u32 = 1 << 6;
/// Self-test: DUKPT with TDEA keys.
pub const PAYHSM_TEST_DUKPT_TDEA: u32 = 1 << 7;
/// Self-test: DUKPT with AES keys.
pub const PAYHSM_TEST_DUKPT_AES: u32 = 1 << 8;
/// Self-test: key blocks of version B.
pub const PAYHSM_TEST_KEY_BLOCK_B: u32 = 1 << 9;
/// Self-test: key blocks of version D.
pub const PAYHSM_TEST_KEY_BLOCK_D: u32 = 1 << 10;
/// Self-test: PIN blocks of format 0.
pub const PAYHSM_TEST_PIN_FORMAT_0: u32 = 1 << 11;
/// Self-test: PIN blocks of format 4.
pub const PAYHSM_TEST_PIN_FORMAT_4: u32 = 1 << 12;
/// Self-test: the generator of random bytes.
pub const PAYHSM_TEST_GENERATOR: u32 = 1 << 13;
/// Self-test: HKDF. In libraries built with `ec`.
pub const PAYHSM_TEST_HKDF: u32 = 1 << 14;
/// Self-test: key agreement over P-256. In libraries built with `ec`.
pub const PAYHSM_TEST_ECDH: u32 = 1 << 15;
/// Self-test: making a signature over P-256. In libraries built with `ec`.
pub const PAYHSM_TEST_ECDSA_SIGN: u32 = 1 << 16;
/// Self-test: verifying one. In libraries built with `ec`.
pub const PAYHSM_TEST_ECDSA_VERIFY: u32 = 1 << 17;
/// Self-tests: all that the library has.
pub const PAYHSM_TEST_ALL: u32 = 0xFFFF_FFFF;

const _: () = assert!(1 << SelfTest::Generator as u32 == PAYHSM_TEST_GENERATOR);

/// What self-tests found.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
pub struct PayhsmSelfTestReport {
    /// `sizeof(payhsm_self_test_report_t)`.
    pub size: u32,
    /// Tests that passed since the start, `PAYHSM_TEST_…`.
    pub passed: u32,
    /// Tests that failed since the start.
    pub failed: u32,
    /// Tests that passed in the round that is on.
    pub round: u32,
    /// Rounds that were completed since the start.
    pub rounds: u32,
    /// The version of the library: major, minor and patch in a byte each.
    pub version: u32,
    /// Milliseconds since the last completed round or the start; all ones without a clock.
    pub age_ms: u64,
}

// SAFETY: `repr(C)`; the size comes first; every field may be 0.
unsafe impl Versioned for PayhsmSelfTestReport {}

impl From<SelfTestReport> for PayhsmSelfTestReport {
    fn from(report: SelfTestReport) -> Self {
        Self {
            size: 0,
            passed: report.passed.to_bits(),
            failed: report.failed.to_bits(),
            round: report.round.to_bits(),
            rounds: report.rounds,
            version: report.version,
            age_ms: report.age.unwrap_or(u64::MAX),
        }
    }
}

/// Runs self-tests, in every state. After a failure the module is in `PAYHSM_STATE_ERROR` until a new start.
///
/// Parameters: `tests`: `PAYHSM_TEST_…` bits, or `PAYHSM_TEST_ALL`. `report`: its size comes in; receives what was found, also
/// if a test fails.
///
/// Returns: `PAYHSM_OK`; `PAYHSM_ERR_SELF_TEST_FAILED` if a test failed, now or before; `PAYHSM_ERR_UNSUPPORTED` for a test
/// that this library does not have; `PAYHSM_ERR_ABI_MISMATCH` (size); `PAYHSM_ERR_NULL_POINTER`,
/// `PAYHSM_ERR_MISALIGNED`, `PAYHSM_ERR_OVERLAP`, `PAYHSM_ERR_BAD_STATE` (not a live context, or a call is running).
///
/// # Safety
/// The context's contract; C1 to C3 for the pointer.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn payhsm_self_test(
    ctx: *mut PayhsmCtx,
    tests: u32,
    report: *mut PayhsmSelfTestReport,
) -> Status {
    // SAFETY: the caller's.
    unsafe {
        run(ctx, &[Place::versioned(report)], &[], |module| {
            let out = VersionedOutput::new(report)?;
            let tests = match tests {
                PAYHSM_TEST_ALL => SelfTests::ALL,
                bits => SelfTests::from_bits(bits)?,
            };
            let mut found = SelfTestReport::default();
            let result = module.self_test(tests, &mut found);
            out.write(&found.into());
            result
        })
    }
}

/// Runs the next self-test of a round: bounded work. After the last one a new round begins.
///
/// Parameters: `test`: receives which it was, `PAYHSM_TEST_…`; 0 on error.
///
/// Returns: `PAYHSM_OK`; `PAYHSM_ERR_SELF_TEST_FAILED` if a test failed, now or before; `PAYHSM_ERR_NULL_POINTER`,
/// `PAYHSM_ERR_MISALIGNED`, `PAYHSM_ERR_OVERLAP`, `PAYHSM_ERR_BAD_STATE` (not a live context, or a call is running).
///
/// # Safety
/// The context's contract; C1 to C3 for the pointer.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn payhsm_self_test_step(ctx: *mut PayhsmCtx, test: *mut u32) -> Status {
    // SAFETY: the caller's.
    unsafe {
        run(ctx, &[Place::of(test)], &[], |module| {
            let out = memory::place(test, 0)?;
            *out = SelfTests::NONE.with(module.self_test_step()?).to_bits();
            Ok(())
        })
    }
}
